//! What a dashboard can ask Prometheus about KPIs: the families that a configuration publishes in, for a KPI and the
//! dimensions of its rows a query out, which selects exactly those rows, and the variables that it needs.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::kpi::catalogue::{matches_glob, prometheus_name};
use crate::kpi::families::{Families, Family, Published, families_of};
use crate::kpi::measures::Dim;
use crate::model::window::WindowKind;

/// Which running windows a dashboard's reader can choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Choice {
    /// All of a day or more: rows by channel and model have them all.
    Window,
    /// Those of the calendar and the one since the beginning: rows with more dimensions have no rolling ones.
    Period,
    /// Rolling ones and the one since the beginning: what is made of whole journeys has no others.
    Journeys,
    /// None: at present.
    Now,
    /// None: whatever windows have rows; a row says which.
    Any,
}

pub(super) struct Gauges<'a> {
    pub config: &'a Config,
    families: Families,
}

/// What is asked of one KPI.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    pub kpi: &'a Published,
    pub expr: String,
    /// The labels of its series.
    pub labels: Vec<&'static str>,
}

/// The rows that a panel is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rows<'r> {
    pub by: &'r [Dim],
    /// Dimensions that have one value.
    pub pinned: &'r [(Dim, &'r str)],
    /// The rows of the present, where there are others too.
    pub now: bool,
}

impl<'a> Gauges<'a> {
    pub fn new(config: &'a Config) -> Self {
        let mut families = families_of(config);
        let exported = |kpi: usize| {
            let id = &families.kpis[kpi].id;
            config.metrics.kpis.iter().any(|glob| matches_glob(glob, id))
        };
        let is_routed =
            |kpi: usize| families.families.iter().any(|family| family.kpi == kpi && family.dims.contains(&Dim::Route));
        // Without routes nobody is routed, not even in total.
        let routes = |kpi: usize| !config.routes.is_empty() || !is_routed(kpi);
        let kept = families
            .families
            .iter()
            .filter(|family| exported(family.kpi) && routes(family.kpi) && has_segments(config, family));
        families.families = kept.cloned().collect();
        Self { config, families }
    }

    /// The KPIs that Prometheus can have.
    pub fn kpis(&self) -> impl Iterator<Item = &Published> {
        let has = |at: &usize| self.families.families.iter().any(|family| family.kpi == *at);
        (0..self.families.kpis.len()).filter(has).map(|at| &self.families.kpis[at])
    }

    /// Sets of dimensions of a KPI, smallest first.
    pub fn sets(&self, id: &str) -> Vec<Vec<Dim>> {
        let mut sets: Vec<Vec<Dim>> = self.of(id).map(|family| family.dims.clone()).collect();
        sets.sort_by_key(Vec::len);
        sets.dedup();
        sets
    }

    /// The kinds of windows to choose from.
    pub fn kinds(&self, choice: Choice) -> Vec<WindowKind> {
        let fits = |kind: &WindowKind| match choice {
            Choice::Window => !matches!(kind, WindowKind::Minute | WindowKind::Hour | WindowKind::Now),
            Choice::Period => self.kinds(Choice::Window).contains(kind) && !kind.is_rolling(),
            Choice::Journeys => kind.is_rolling() || *kind == WindowKind::All,
            Choice::Now => *kind == WindowKind::Now,
            Choice::Any => false,
        };
        self.config.time.windows.iter().copied().filter(fits).collect()
    }

    /// The query of some rows of a KPI; none where there are no such rows.
    pub fn ask(&self, id: &str, rows: Rows<'_>) -> Option<Asked<'_>> {
        let set = self.fitting_set(id, rows)?;
        let of_set: Vec<&Family> = self.of(id).filter(|family| family.dims == set).collect();
        let kinds: BTreeSet<WindowKind> = of_set.iter().flat_map(|family| family.kinds.iter().copied()).collect();
        let choice = self.choice(&kinds, rows.now)?;
        let kpi = &self.families.kpis[of_set.first()?.kpi];
        let mut labels: Vec<&'static str> = rows.by.iter().map(|dim| dim.name()).collect();
        if choice == Choice::Any {
            labels.push("window");
        }
        let matchers = self.matchers(id, &set, choice, rows);
        let name = prometheus_name(id);
        let expr = match labels.is_empty() {
            true => format!("max({name}{{{matchers}}})"),
            false => format!("max by ({}) ({name}{{{matchers}}})", labels.join(", ")),
        };
        Some(Asked { kpi, expr, labels })
    }

    fn of(&self, id: &str) -> impl Iterator<Item = &Family> {
        self.families.families.iter().filter(move |family| self.families.kpis[family.kpi].id == id)
    }

    /// The dimensions of the rows asked for, and as few others as there must be, each with one value.
    fn fitting_set(&self, id: &str, rows: Rows<'_>) -> Option<Vec<Dim>> {
        let is_pinned = |dim: &Dim| rows.pinned.iter().any(|(pinned, _)| pinned == dim) || pin(*dim).is_some();
        let fits = |set: &Vec<Dim>| {
            rows.by.iter().all(|dim| set.contains(dim))
                && rows.pinned.iter().all(|(dim, _)| set.contains(dim))
                && set.iter().all(|dim| rows.by.contains(dim) || is_pinned(dim))
        };
        self.sets(id).into_iter().find(fits)
    }

    fn choice(&self, kinds: &BTreeSet<WindowKind>, now: bool) -> Option<Choice> {
        if now || kinds.iter().all(|kind| *kind == WindowKind::Now) {
            return kinds.contains(&WindowKind::Now).then_some(Choice::Now);
        }
        let all_have = |choice: &Choice| {
            let wanted = self.kinds(*choice);
            !wanted.is_empty() && wanted.iter().all(|kind| kinds.contains(kind))
        };
        let choices = [Choice::Window, Choice::Period, Choice::Journeys];
        Some(choices.into_iter().find(all_have).unwrap_or(Choice::Any))
    }

    /// Series of other sets of dimensions have more labels, or fewer: what a series lacks is the empty text.
    fn matchers(&self, id: &str, set: &[Dim], choice: Choice, rows: Rows<'_>) -> String {
        let mut matchers = vec!["job=\"$job\"".to_owned()];
        matchers.extend(choice.matcher());
        let mut dims: Vec<Dim> = self.of(id).flat_map(|family| family.dims.iter().copied()).collect();
        dims.sort_unstable();
        dims.dedup();
        for dim in dims {
            let pinned = rows.pinned.iter().find(|(pinned, _)| *pinned == dim).map(|(_, value)| *value);
            let name = dim.name();
            matchers.push(match (set.contains(&dim), pinned) {
                (false, _) => format!("{name}=\"\""),
                (true, Some(value)) => format!("{name}=\"{value}\""),
                (true, None) if rows.by.contains(&dim) && dim == Dim::Channel => "channel=~\"$channel\"".to_owned(),
                (true, None) if rows.by.contains(&dim) => format!("{name}!=\"\""),
                (true, None) => format!("{name}=\"{}\"", pin(dim).unwrap_or_default()),
            });
        }
        matchers.join(",")
    }
}

impl Choice {
    fn matcher(self) -> Option<String> {
        let variable = match self {
            Self::Now => return Some("window=\"now\"".to_owned()),
            Self::Any => return None,
            chosen => chosen.variable()?,
        };
        Some(format!("window=\"${variable}\""))
    }

    pub const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Window => Some("window"),
            Self::Period => Some("period"),
            Self::Journeys => Some("journeys"),
            Self::Now | Self::Any => None,
        }
    }
}

/// What a dimension is where a panel is not by it.
const fn pin(dim: Dim) -> Option<&'static str> {
    match dim {
        Dim::Model => Some("$model"),
        Dim::Stat => Some("p50"),
        _ => None,
    }
}

/// Whether there are segments where a family is by segment.
fn has_segments(config: &Config, family: &Family) -> bool {
    !config.segments.is_empty() || !family.dims.contains(&Dim::Segment)
}
