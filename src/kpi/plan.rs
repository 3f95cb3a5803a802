//! The plan: what of each measure a configuration needs, so that a KPI that nobody asked for costs nothing. Made from
//! the catalogue; shards ask it before they count, and project facts to the dimensions that rows will want.

use std::collections::{BTreeMap, BTreeSet};

use super::families::families_of;
use super::measures::{Dim, Measure, Sum};
use crate::config::Config;
use crate::model::window::WindowKind;

/// The dimensions of a measure that a grain keeps: bit n is the n-th of `Measure::dims`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Kept(pub u8);

impl Kept {
    #[must_use]
    pub fn of(measure: Measure, wanted: impl Fn(Dim) -> bool) -> Self {
        let bits = measure.dims().iter().enumerate().filter(|(_, dim)| wanted(**dim));
        Self(bits.fold(0, |bits, (n, _)| bits | 1 << n))
    }

    #[must_use]
    pub const fn keeps(self, n: usize) -> bool {
        self.0 & (1 << n) != 0
    }
}

/// Which buckets of a measure are kept, and by which dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Grains {
    /// Additive measures: `Day`, and `Hour` and `Minute` where wanted. Distinct ones: each configured kind but `now`.
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
    let mut needed: BTreeMap<(Measure, WindowKind), Kept> = BTreeMap::new();
    let mut stages: BTreeMap<Measure, Option<BTreeSet<String>>> = BTreeMap::new();
    for family in &families_of(config).families {
        for view in family.terms.iter().map(|term| &term.view) {
            let stage = view.filters.iter().find(|(place, _)| view.measure.dims()[*place] == Dim::Stage);
            let known = stages.entry(view.measure).or_insert_with(|| Some(BTreeSet::new()));
            match (stage, known.as_mut()) {
                (Some((_, stage)), Some(known)) => drop(known.insert(stage.clone())),
                _ => *known = None,
            }
            let bits = view.places().fold(0, |bits, place| bits | 1 << place);
            for kind in &family.kinds {
                let bucket = bucket_of(view.measure, *kind);
                needed.entry((view.measure, bucket)).or_default().0 |= bits;
            }
        }
    }
    Plan::new(|measure| {
        let of_it = needed.iter().filter(|((found, _), _)| *found == measure);
        let grains = of_it.map(|((_, kind), kept)| (*kind, *kept)).collect();
        Grains { grains, stages: stages.get(&measure).cloned().flatten() }
    })
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
        (Sum::Additive, WindowKind::Minute | WindowKind::Hour) => kind,
        (Sum::Additive, _) => WindowKind::Day,
    }
}
