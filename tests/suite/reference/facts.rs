//! Facts: what each measure counts, at which time, with which dimensions and amount. One recomputation for each
//! moment from which late events are no longer seen; of each only the facts that were still open then.

use std::collections::BTreeMap;

use tributary::config::Config;
use tributary::model::event::{Origin, UNATTRIBUTED};
use tributary::model::time::Millis;

use super::Given;
use super::funnel::Funnel;
use super::kpis;
use super::world::World;

pub type Dims = BTreeMap<&'static str, String>;

#[derive(Clone, Debug)]
pub struct Fact {
    pub measure: String,
    pub at: Millis,
    /// Whether it is taken as known H after its time.
    pub settling: bool,
    pub dims: Dims,
    pub amount: i128,
    /// `amount` in units of one: 1 for counts, 10⁶ for money, 10⁹ for credit.
    pub scale: i64,
    /// Whom a distinct count is of.
    pub subject: String,
}

pub const COUNT: i64 = 1;
pub const MONEY: i64 = 1_000_000;
pub const CREDIT: i64 = 1_000_000_000;

/// What a group's facts are computed from.
pub struct Known<'a> {
    pub config: &'a Config,
    pub world: &'a World<'a>,
    pub funnel: &'a Funnel<'a>,
    pub as_of: Millis,
}

impl Known<'_> {
    /// When a settling fact of this time takes the state of things.
    pub fn settled(&self, at: Millis) -> Millis {
        at + self.config.time.settle
    }

    /// The dimensions of a place of origin.
    pub fn from(&self, origin: &Origin) -> Dims {
        BTreeMap::from([
            ("channel", origin.channel.to_string()),
            ("campaign", origin.campaign.to_string()),
            ("content", origin.content.to_string()),
            ("term", origin.term.to_string()),
            ("channel_group", channel_group(self.config, &origin.channel)),
        ])
    }

    /// The dimensions of the lead's source.
    pub fn source(&self, lead: &str) -> Dims {
        match self.funnel.source(lead) {
            Some(touch) => self.from(self.world.origin(touch)),
            None => self.from(&nowhere()),
        }
    }
}

pub fn nowhere() -> Origin<'static> {
    let none = || tributary::model::event::NONE.into();
    Origin { channel: UNATTRIBUTED.into(), campaign: none(), content: none(), term: none() }
}

pub fn fact(measure: impl Into<String>, at: Millis, dims: Dims) -> Fact {
    let (measure, subject) = (measure.into(), String::new());
    Fact { measure, at, settling: false, dims, amount: 1, scale: COUNT, subject }
}

pub fn settling(measure: impl Into<String>, at: Millis, dims: Dims) -> Fact {
    Fact { settling: true, ..fact(measure, at, dims) }
}

pub fn dim(name: &'static str, value: &str) -> Dims {
    BTreeMap::from([(name, value.to_owned())])
}

/// A user's value as a dimension: names in parentheses are the product's own.
pub fn user_value(value: Option<&str>) -> String {
    match value {
        None => tributary::model::event::NONE.to_owned(),
        Some(value) if value.starts_with('(') => format!("'{value}"),
        Some(value) => value.to_owned(),
    }
}

/// All facts that follow from what happened.
pub fn all(config: &Config, events: &[Given], as_of: Millis) -> Vec<Fact> {
    views(config, events, as_of, kpis::facts, |fact| (fact.at, fact.settling))
}

/// What follows from what happened, as far as it was still open when late events came: given its time and whether it
/// settles.
pub fn views<T>(
    config: &Config,
    events: &[Given],
    as_of: Millis,
    of: impl Fn(&Known) -> Vec<T>,
    when: impl Fn(&T) -> (Millis, bool),
) -> Vec<T> {
    let mut arrivals: Vec<Millis> = events.iter().filter_map(|given| given.late_at).collect();
    arrivals.sort();
    arrivals.dedup();
    let (late, settle) = (config.time.allowed_lateness, config.time.settle);
    // How many of the late arrivals still change a fact: a plain one must be after watermark − L.
    let seen = |fact: &T| {
        let (at, settling) = when(fact);
        let open = |watermark: &&Millis| match settling {
            false => **watermark < at + late,
            true => **watermark <= at + settle + late,
        };
        arrivals.iter().filter(open).count()
    };
    let mut all = vec![];
    for n in 0..=arrivals.len() {
        let visible = |given: &&Given| given.late_at.is_none_or(|at| arrivals[..n].contains(&at));
        let world = World::new(config, events.iter().filter(visible));
        let funnel = Funnel::new(&world);
        let known = Known { config, world: &world, funnel: &funnel, as_of };
        all.extend(of(&known).into_iter().filter(|fact| seen(fact) == n));
    }
    all
}

const OWNED: &[&str] =
    &["email", "webinar", "direct_mail", "sms", "push", "community", "product", "messaging", "direct"];
const PAID: &[&str] = &["display", "affiliates", "content_syndication", "cross_network"];

pub fn channel_group(config: &Config, channel: &str) -> String {
    if let Some(group) = config.channels.groups.get(channel) {
        return group.clone();
    }
    let group = match channel {
        UNATTRIBUTED => UNATTRIBUTED,
        _ if channel.starts_with("paid_") || PAID.contains(&channel) => "paid",
        _ if OWNED.contains(&channel) => "owned",
        _ => "earned",
    };
    group.to_owned()
}
