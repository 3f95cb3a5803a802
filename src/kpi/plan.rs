//! The plan: what of each measure a configuration needs, so that a KPI that nobody asked for costs nothing. Made from
//! the catalogue; shards ask it before they count, and project facts to the dimensions that rows will want.

use std::collections::{BTreeMap, BTreeSet};

use super::families::families_of;
use super::measures::{Dim, Measure, Sum};
use crate::config::Config;
use crate::model::window::WindowKind;

/// The dimensions of a measure that a grain keeps: bit n is the n-th of `Measure::dims`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Kept(pub u8);

impl Kept {
    #[must_use]
    pub fn of(measure: Measure, wanted: impl Fn(Dim) -> bool) -> Self {
        let bits = measure.dims().iter().enumerate().filter(|(_, dim)| wanted(**dim));
        Self(bits.fold(0, |bits, (n, _)| bits | 1 << n))
    }

    /// Of these places.
    #[must_use]
    pub fn of_places(places: impl Iterator<Item = usize>) -> Self {
        Self(places.fold(0, |bits, place| bits | 1 << place))
    }

    #[must_use]
    pub const fn keeps(self, n: usize) -> bool {
        self.0 & (1 << n) != 0
    }

    /// Whether it keeps all that another does.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Which buckets of a measure are kept, and by which dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Grains {
    /// Additive measures: `Day`, and `Hour` and `Minute` where wanted. Distinct ones: each configured kind but `now`. A
    /// kind occurs once for each set of dimensions that no other one of it covers: cells by all dimensions at once would
    /// be as many as facts.
    pub grains: Vec<(WindowKind, Kept)>,
    /// Of a measure by stage: the stages that some row wants; none where it wants all.
    pub stages: Option<BTreeSet<String>>,
}

#[derive(Clone, Debug, Default)]
pub struct Plan {
    measures: Vec<Grains>,
}

impl Plan {
    #[must_use]
    pub fn new(grains: impl Fn(Measure) -> Grains) -> Self {
        Self { measures: Measure::ALL.iter().map(|measure| grains(*measure)).collect() }
    }

    #[must_use]
    pub fn grains(&self, measure: Measure) -> &[(WindowKind, Kept)] {
        &self.measures[measure as usize].grains
    }

    #[must_use]
    pub fn wants(&self, measure: Measure) -> bool {
        !self.grains(measure).is_empty()
    }

    /// By which dimensions the cells are that have all of some: of several such, those with the fewest.
    #[must_use]
    pub fn covering(&self, measure: Measure, kind: WindowKind, wanted: Kept) -> Option<Kept> {
        let covers = self.grains(measure).iter().filter(|(found, kept)| *found == kind && kept.covers(wanted));
        covers.map(|(_, kept)| *kept).min_by_key(|kept| (kept.0.count_ones(), kept.0))
    }

    /// The same for the facts of one stage of a measure by stage.
    #[must_use]
    pub fn wants_stage(&self, measure: Measure, stage: &str) -> bool {
        let stages = self.measures[measure as usize].stages.as_ref();
        self.wants(measure) && stages.is_none_or(|stages| stages.contains(stage))
    }
}

/// The plan of exactly what the published KPIs need, in the windows that they have.
#[must_use]
pub fn plan_of(config: &Config) -> Plan {
    let mut needed: BTreeMap<(Measure, WindowKind), BTreeSet<Kept>> = BTreeMap::new();
    let mut stages: BTreeMap<Measure, Option<BTreeSet<String>>> = BTreeMap::new();
    for family in &families_of(config).families {
        for view in family.terms.iter().map(|term| &term.view) {
            let stage = view.filters.iter().find(|(place, _)| view.measure.dims()[*place] == Dim::Stage);
            let known = stages.entry(view.measure).or_insert_with(|| Some(BTreeSet::new()));
            match (stage, known.as_mut()) {
                (Some((_, stage)), Some(known)) => drop(known.insert(stage.clone())),
                _ => *known = None,
            }
            let kept = Kept::of_places(view.places());
            for kind in &family.kinds {
                let bucket = bucket_of(view.measure, *kind);
                needed.entry((view.measure, bucket)).or_default().insert(kept);
            }
        }
    }
    Plan::new(|measure| {
        let of_it = needed.iter().filter(|((found, _), _)| *found == measure);
        let grains = of_it.flat_map(|((_, kind), sets)| grains_of(measure, *kind, sets)).collect();
        Grains { grains, stages: stages.get(&measure).cloned().flatten() }
    })
}

/// The sets of dimensions that cells of a kind are kept by, given those that rows want. Distinct subjects are counted by
/// all of them: their cells do not add up over dimensions.
fn grains_of(measure: Measure, kind: WindowKind, wanted: &BTreeSet<Kept>) -> Vec<(WindowKind, Kept)> {
    let all = Kept(wanted.iter().fold(0, |bits, kept| bits | kept.0));
    let largest = |kept: &&Kept| wanted.iter().all(|other| other == *kept || !other.covers(**kept));
    match measure.sum() {
        Sum::Distinct => vec![(kind, all)],
        Sum::Additive | Sum::Present | Sum::Standing => {
            wanted.iter().filter(largest).map(|kept| (kind, *kept)).collect()
        }
    }
}

/// The kind of bucket that windows of a kind are summed from.
#[must_use]
pub const fn bucket_of(measure: Measure, kind: WindowKind) -> WindowKind {
    bucket_of_sum(measure.sum(), kind)
}

#[must_use]
pub const fn bucket_of_sum(sum: Sum, kind: WindowKind) -> WindowKind {
    match (sum, kind) {
        (Sum::Distinct, kind) => kind,
        (Sum::Present | Sum::Standing, _) => WindowKind::Now,
        (Sum::Additive, WindowKind::Minute | WindowKind::Hour) => kind,
        (Sum::Additive, _) => WindowKind::Day,
    }
}
