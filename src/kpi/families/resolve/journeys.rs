//! Families whose rows are made of whole journeys, a stage at a time.

use super::super::super::catalogue::Journeys;
use super::super::super::formula::{Expr, Scope, Split};
use super::super::super::measures::{Dim, Measure};
use super::super::{DataDriven, Family, OfJourneys, Projected, Term, View};
use crate::config::{Config, Model};
use crate::model::window::WindowKind;

/// One a data-driven model, where rows are by model; in rolling windows and `all`.
pub(super) fn families(config: &Config, kpi: usize, what: Journeys, dims: &[Dim]) -> Vec<Family> {
    let is_theirs = |kind: &WindowKind| kind.is_rolling() || *kind == WindowKind::All;
    let kinds: Vec<WindowKind> = config.time.windows.iter().copied().filter(is_theirs).collect();
    if kinds.is_empty() {
        return Vec::new();
    }
    let by_model = dims.contains(&Dim::Model);
    let enabled = |model: &DataDriven| config.attribution.models.iter().any(|of| model.is(of));
    let mut models = vec![DataDriven::Markov, DataDriven::Shapley];
    if by_model {
        models.retain(enabled);
    } else {
        models.truncate(1);
    }
    let family = |model: DataDriven| Family {
        journeys: Some(OfJourneys { what, model }),
        named: by_model.then(|| (Dim::Model, model.name().to_owned())),
        ..Family::new(kpi, dims, kinds.clone(), terms(what, model), Split::whole(Expr::Constant(0.0)))
    };
    models.into_iter().map(family).collect()
}

/// What a family reads of a stage.
fn terms(what: Journeys, model: DataDriven) -> Vec<Term> {
    use Measure::{LostChannels, LostPairs, LostSteps, PathChannels, PathPairs, PathSteps, PathValue, Paths};
    let measures: &[Measure] = match (what, model) {
        (Journeys::Conversions | Journeys::Share, DataDriven::Shapley) => &[PathChannels],
        (Journeys::Conversions | Journeys::Share, DataDriven::Markov) | (Journeys::Removal, _) => {
            &[PathSteps, LostSteps]
        }
        (Journeys::Value, DataDriven::Shapley) => &[PathChannels, PathValue],
        (Journeys::Value, DataDriven::Markov) => &[PathSteps, LostSteps, PathValue],
        (Journeys::Synergy, _) => &[PathChannels, PathPairs, LostChannels, LostPairs],
        (Journeys::Paths, _) => &[Paths],
    };
    let mut terms: Vec<Term> = measures.iter().map(|measure| term(*measure, true)).collect();
    terms.extend((what == Journeys::Share).then(|| term(Measure::Entries, false)));
    terms
}

/// The facts of a stage, each apart by its other dimensions.
fn term(measure: Measure, own: bool) -> Term {
    let (of_stage, members) = (0..measure.dims().len()).partition(|at| measure.dims()[*at] == Dim::Stage);
    let outputs = Vec::into_iter(of_stage).map(Projected::Value).collect();
    let view = View { measure, filters: Vec::new(), outputs, bucket: None, members };
    Term { view, own, every_model: false, baseline: None, over: Scope::Row }
}

impl DataDriven {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Markov => "markov",
            Self::Shapley => "shapley",
        }
    }

    const fn is(self, model: &Model) -> bool {
        matches!((self, model), (Self::Markov, Model::Markov) | (Self::Shapley, Model::Shapley))
    }
}
