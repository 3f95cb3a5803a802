//! The funnel's stages: the ladder of a lead and its deals, and the stages beside the ladder.

use serde::{Deserialize, Serialize};

/// In ladder order; `Lost`, `Disqualified` and `Recycled` are off the ladder and imply nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Stage {
    Lead,
    Mql,
    Sal,
    Sql,
    Opportunity,
    Proposal,
    Won,
    Lost,
    Disqualified,
    Recycled,
}

impl Stage {
    pub const ALL: [Self; 10] = [
        Self::Lead,
        Self::Mql,
        Self::Sal,
        Self::Sql,
        Self::Opportunity,
        Self::Proposal,
        Self::Won,
        Self::Lost,
        Self::Disqualified,
        Self::Recycled,
    ];
    /// The ladder, lowest first.
    pub const LADDER: [Self; 7] =
        [Self::Lead, Self::Mql, Self::Sal, Self::Sql, Self::Opportunity, Self::Proposal, Self::Won];
    pub const LEAD_STAGES: [Self; 4] = [Self::Lead, Self::Mql, Self::Sal, Self::Sql];
    pub const DEAL_STAGES: [Self; 3] = [Self::Opportunity, Self::Proposal, Self::Won];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Mql => "mql",
            Self::Sal => "sal",
            Self::Sql => "sql",
            Self::Opportunity => "opportunity",
            Self::Proposal => "proposal",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Disqualified => "disqualified",
            Self::Recycled => "recycled",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// Its place on the ladder, from 0; none for stages beside it.
    #[must_use]
    pub const fn rung(self) -> Option<usize> {
        let at = self as usize;
        if at < Self::LADDER.len() { Some(at) } else { None }
    }

    /// From `opportunity` on, and `lost`: an event of it must name a deal.
    #[must_use]
    pub const fn is_of_deal(self) -> bool {
        matches!(self, Self::Opportunity | Self::Proposal | Self::Won | Self::Lost)
    }
}
