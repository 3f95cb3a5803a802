//! The catalogue: the one table that names every KPI. Topic rows, Prometheus metrics, dashboards, docs and the page
//! derive from it; a new KPI is a new row (and, where facts are new, a measure and a quantity).

use super::measures::Dim;

mod attribution;
mod engagement;
mod funnel;
mod impact;
pub mod listing;
mod money;
mod speed;
mod traffic;

/// One KPI, built in. Those of the configuration take the same form.
#[derive(Clone, Copy, Debug)]
pub struct Kpi {
    pub id: &'static str,
    pub unit: Unit,
    /// One sentence for the docs and the metric's HELP.
    pub meaning: &'static str,
    /// Over quantities and other KPIs.
    pub formula: &'static str,
    pub by: &'static [By],
    /// Marked ~ at one dimension set at least: its facts settle H after their time.
    pub settling: bool,
    /// Carries a 95 % Wilson interval.
    pub interval: bool,
    /// Rows show the numerator and the denominator of its quotient.
    pub shows_parts: bool,
    /// Its formula in `now`, where it has rows there beside those of windows.
    pub present: Option<&'static str>,
    /// Its total is the sum of the channels' rows.
    pub over_channels: bool,
    /// Its rows are those of the configured goals.
    pub of_goals: bool,
    /// What its rows make of whole journeys, other than by a formula.
    pub journeys: Option<Journeys>,
}

/// What is made of the journeys of a stage's conversions, all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journeys {
    /// The conversions of each channel under a data-driven model, their share of all, and the amounts.
    Conversions,
    Share,
    Value,
    /// How much rarer conversions were without a channel, under the Markov model.
    Removal,
    /// How much more often journeys with both channels convert than those with one of them.
    Synergy,
    /// The most frequent paths.
    Paths,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Count,
    Ratio,
    Currency,
    Score,
    Seconds,
    CurrencyPerDay,
}

/// Dimension sets: a family of the contract's, or one by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// No dimension.
    Total,
    /// Channel; with campaign; with campaign and content; with term; channel group.
    C,
    /// Each of `C` with the model.
    M,
    /// The source's channel; with its campaign.
    S,
    Dims(&'static [Dim]),
}

pub struct Group {
    pub name: &'static str,
    pub kpis: &'static [Kpi],
}

pub const GROUPS: [Group; 13] = [
    Group { name: "traffic", kpis: traffic::KPIS },
    Group { name: "funnel", kpis: funnel::KPIS },
    Group { name: "speed", kpis: speed::KPIS },
    Group { name: "money", kpis: money::KPIS },
    Group { name: "revenue impact", kpis: impact::KPIS },
    Group { name: "attribution", kpis: attribution::KPIS },
    Group { name: "email", kpis: engagement::EMAIL },
    Group { name: "webinar, mail", kpis: engagement::WEBINAR_AND_MAIL },
    Group { name: "accounts", kpis: engagement::ACCOUNTS },
    Group { name: "experiments", kpis: engagement::EXPERIMENTS },
    Group { name: "community, loyalty", kpis: engagement::COMMUNITY },
    Group { name: "goals", kpis: impact::GOALS },
    Group { name: "operations", kpis: traffic::OPERATIONS },
];

const C: [&[Dim]; 5] = [
    &[Dim::Channel],
    &[Dim::Campaign, Dim::Channel],
    &[Dim::Campaign, Dim::Channel, Dim::Content],
    &[Dim::Channel, Dim::Term],
    &[Dim::ChannelGroup],
];

const S: [&[Dim]; 2] = [&[Dim::Channel], &[Dim::Campaign, Dim::Channel]];

/// Every KPI that is built in, in the order of the tables.
pub fn built_in() -> impl Iterator<Item = &'static Kpi> {
    GROUPS.iter().flat_map(|group| group.kpis)
}

impl Kpi {
    const fn new(
        id: &'static str,
        unit: Unit,
        meaning: &'static str,
        formula: &'static str,
        by: &'static [By],
    ) -> Self {
        Self {
            id,
            unit,
            meaning,
            formula,
            by,
            settling: false,
            interval: false,
            shows_parts: true,
            present: None,
            over_channels: false,
            of_goals: false,
            journeys: None,
        }
    }

    const fn count(id: &'static str, meaning: &'static str, formula: &'static str, by: &'static [By]) -> Self {
        Self::new(id, Unit::Count, meaning, formula, by)
    }

    const fn ratio(id: &'static str, meaning: &'static str, formula: &'static str, by: &'static [By]) -> Self {
        Self::new(id, Unit::Ratio, meaning, formula, by)
    }

    const fn currency(id: &'static str, meaning: &'static str, formula: &'static str, by: &'static [By]) -> Self {
        Self::new(id, Unit::Currency, meaning, formula, by)
    }

    /// Its facts settle H after their time.
    const fn settling(self) -> Self {
        Self { settling: true, ..self }
    }

    /// It carries a 95 % Wilson interval.
    const fn with_interval(self) -> Self {
        Self { interval: true, ..self }
    }

    /// Its rows show the value alone.
    const fn without_parts(self) -> Self {
        Self { shows_parts: false, ..self }
    }

    /// Its rows are those of the configured goals.
    const fn of_goals(self) -> Self {
        Self { of_goals: true, ..self }
    }

    /// Its rows, or some of them, are made of whole journeys.
    const fn of_journeys(self, what: Journeys) -> Self {
        Self { journeys: Some(what), ..self }
    }

    /// Its total is the sum of the channels' rows.
    const fn over_channels(self) -> Self {
        Self { over_channels: true, ..self }
    }

    /// It has rows in `now` too, by another formula.
    const fn at_present(self, formula: &'static str) -> Self {
        Self { present: Some(formula), ..self }
    }

    #[must_use]
    pub fn named(id: &str) -> Option<&'static Self> {
        built_in().find(|kpi| kpi.id == id)
    }

    /// Its dimension sets, each sorted by name.
    #[must_use]
    pub fn sets(&self) -> Vec<Vec<Dim>> {
        self.by.iter().flat_map(|by| by.sets()).collect()
    }
}

impl By {
    fn sets(self) -> Vec<Vec<Dim>> {
        match self {
            Self::Total => vec![vec![]],
            Self::C => C.iter().map(|set| sorted(set)).collect(),
            Self::M => C.iter().map(|set| sorted(&[*set, &[Dim::Model]].concat())).collect(),
            Self::S => S.iter().map(|set| sorted(set)).collect(),
            Self::Dims(dims) => vec![sorted(dims)],
        }
    }
}

impl Unit {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Ratio => "ratio",
            Self::Currency => "currency",
            Self::Score => "score",
            Self::Seconds => "seconds",
            Self::CurrencyPerDay => "currency per day",
        }
    }
}

/// A set of dimensions as rows have it: by name.
#[must_use]
pub fn sorted(dims: &[Dim]) -> Vec<Dim> {
    let mut dims = dims.to_vec();
    dims.sort_by_key(|dim| dim.name());
    dims
}

/// The name of a KPI's gauge.
#[must_use]
pub fn prometheus_name(id: &str) -> String {
    format!("tributary_{id}")
}

/// Whether an id matches a glob of `*` (any text) and `?` (any character).
#[must_use]
pub fn matches_glob(glob: &str, id: &str) -> bool {
    match glob.chars().next() {
        None => id.is_empty(),
        Some('*') => {
            let rest = &glob[1..];
            id.char_indices().map(|(at, _)| at).chain([id.len()]).any(|at| matches_glob(rest, &id[at..]))
        }
        Some(wanted) => {
            let mut left = id.chars();
            left.next().is_some_and(|found| wanted == '?' || wanted == found)
                && matches_glob(&glob[wanted.len_utf8()..], left.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_meanings_are_sentences() {
        let mut ids: Vec<_> = built_in().map(|kpi| kpi.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        for kpi in built_in() {
            assert!(kpi.meaning.ends_with('.') && kpi.meaning.contains(' '), "{}", kpi.id);
            assert!(!kpi.interval || kpi.unit == Unit::Ratio, "{}", kpi.id);
        }
    }

    #[test]
    fn globs() {
        for (glob, id, expected) in [
            ("*", "leads", true),
            ("leads", "leads", true),
            ("lead", "leads", false),
            ("cost_*", "cost_per_lead", true),
            ("*_ratio", "win_ratio", true),
            ("*_ratio", "win_ratios", false),
            ("l?ads", "leads", true),
            ("", "leads", false),
        ] {
            assert_eq!(matches_glob(glob, id), expected, "{glob} {id}");
        }
    }
}
