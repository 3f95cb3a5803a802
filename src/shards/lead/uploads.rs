//! Conversions for ad platforms: each entry of a configured stage goes to the platforms whose clicks led there, to the
//! last click of each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::super::fold::Fold;
use super::super::ledger::{Line, Upload};
use super::super::statement::Subject;
use super::super::visibility::Visible;
use super::contributions::View;
use super::conversions::Conversion;
use crate::model::time::Millis;

/// A click on an advertisement, as a touch of the journey tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClickSeen {
    pub at: Millis,
    pub event_id: Box<str>,
    /// The parameter that carries it, and its value.
    pub platform: Box<str>,
    pub id: Box<str>,
    /// From when on it is known to be the lead's.
    pub known_from: Millis,
    pub visible: Visible,
}

impl View<'_> {
    pub(super) fn upload(&mut self, conversion: &Conversion, fold: &Fold) {
        let Some(stage) = conversion.stage().filter(|stage| fold.rules.uploads(*stage)) else { return };
        let at = conversion.at;
        let since = at - fold.rules.config.feedback.lookback;
        // In order of time: the last one of a platform holds.
        let known =
            self.seen.clicks.iter().filter(|click| since <= click.at && click.at <= at && click.known_from <= at);
        let last: BTreeMap<&str, &ClickSeen> = known.map(|click| (&*click.platform, *click)).collect();
        let (subject, value) = match conversion.deal {
            Some((n, value)) => (Subject::Deal(self.seen.deals[n].deal), Some(value)),
            None => (Subject::Lead, None),
        };
        for click in last.into_values() {
            let deal = if let Subject::Deal(key) = subject { key.0 } else { 0 };
            let name = format!("{:x}/{deal:x}/{}/{}={}", self.seen.key.0, stage.name(), click.platform, click.id);
            let line = Upload {
                // Leads to nobody.
                id: format!("{:032x}", xxh3_128(name.as_bytes())),
                platform: click.platform.to_string(),
                click_id: click.id.to_string(),
                subject,
                stage: stage.name(),
                at,
                value,
                currency: value.map(|_| fold.rules.config.money.currency.clone()),
            };
            if self.view.to_facts_bound_at(fold.rules.bound(at, false)) {
                self.all.lines.push(Line::Upload(line));
            }
        }
        if let Some(value) = value {
            self.all.settle_value(&fold.rules, self.view, subject, stage.name(), (at, value));
        }
    }
}
