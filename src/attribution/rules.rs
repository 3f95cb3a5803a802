//! The rule-based models. Each is a choice of one touch, equal shares, a decay, or weights of anchors (first, last, the
//! touch of a stage) and of the others. One rule for every edge: a weight without its touch is dropped and the rest are
//! scaled to a whole; a touch that is several anchors has all their weights; if nothing is left, the last touch.

use crate::config::{CustomModel, Model};
use crate::model::money::Credit;
use crate::model::stage::Stage;
use crate::model::time::{Millis, Span};

use super::rounding::{split, split_real};

/// A touch of a journey as models see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Millis,
    pub is_direct: bool,
    pub is_paid: bool,
}

/// When the conversion's subject entered each stage of the ladder, if it had by then.
pub type Entered = [Option<Millis>; Stage::LADDER.len()];

/// A rule-based model, compiled.
#[derive(Clone, Debug)]
pub enum Rule {
    First,
    Last,
    LastNonDirect,
    LastPaid,
    Linear,
    Decay { half_life: Span },
    Anchors(Weights),
}

/// Weights in any unit: they are scaled.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    first: u64,
    last: u64,
    others: u64,
    stages: [u64; Stage::LADDER.len()],
}

impl Rule {
    /// None for models that are no rule.
    #[must_use]
    pub fn of(model: &Model, half_life: Span) -> Option<Self> {
        let anchors = |first, last, others, stages: &[(Stage, u64)]| {
            let mut weights = Weights { first, last, others, ..Weights::default() };
            for (stage, weight) in stages {
                weights.stages[*stage as usize] = *weight;
            }
            Self::Anchors(weights)
        };
        Some(match model {
            Model::First => Self::First,
            Model::Last => Self::Last,
            Model::LastNonDirect => Self::LastNonDirect,
            Model::LastPaid => Self::LastPaid,
            Model::Linear => Self::Linear,
            Model::PositionBased => anchors(40, 40, 20, &[]),
            Model::JShaped => anchors(20, 60, 20, &[]),
            Model::InverseJ => anchors(60, 20, 20, &[]),
            Model::UShaped => anchors(40, 0, 20, &[(Stage::Lead, 40)]),
            Model::WShaped => anchors(30, 0, 10, &[(Stage::Lead, 30), (Stage::Opportunity, 30)]),
            Model::FullPath => {
                anchors(225, 0, 100, &[(Stage::Lead, 225), (Stage::Opportunity, 225), (Stage::Won, 225)])
            }
            Model::TimeDecay => Self::Decay { half_life },
            Model::Custom(custom) => Self::Anchors(Weights::of(custom)),
            Model::Markov | Model::Shapley => return None,
        })
    }

    /// The credit of each step, in 10⁻⁹: they sum to exactly one conversion. Steps are in time order, at least one.
    #[must_use]
    pub fn credits(&self, steps: &[Step], entered: &Entered) -> Vec<i64> {
        assert!(!steps.is_empty(), "a conversion without a touch has nobody to credit");
        let last = steps.len() - 1;
        match self {
            Self::First => all_to(0, steps.len()),
            Self::Last => all_to(last, steps.len()),
            Self::LastNonDirect => all_to(steps.iter().rposition(|step| !step.is_direct).unwrap_or(last), steps.len()),
            Self::LastPaid => all_to(steps.iter().rposition(|step| step.is_paid).unwrap_or(last), steps.len()),
            Self::Linear => signed(split(WHOLE, &vec![1; steps.len()])),
            Self::Decay { half_life } => {
                let newest = steps[last].at;
                #[expect(clippy::cast_precision_loss, reason = "spans of event time are far below 2⁵³ ms")]
                let weight = |step: &Step| (-((newest - step.at).0 as f64) / half_life.0 as f64).exp2();
                signed(split_real(WHOLE, &steps.iter().map(weight).collect::<Vec<_>>()))
            }
            Self::Anchors(weights) => weights.credits(steps, entered),
        }
    }
}

const WHOLE: u64 = Credit::WHOLE.unsigned_abs();

fn all_to(at: usize, n: usize) -> Vec<i64> {
    let mut credits = vec![0; n];
    credits[at] = Credit::WHOLE;
    credits
}

fn signed(parts: Vec<u64>) -> Vec<i64> {
    parts.into_iter().map(|part| i64::try_from(part).expect("at most one whole")).collect()
}

impl Weights {
    fn of(custom: &CustomModel) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: finite, not negative")]
        let scaled = |weight: f64| (weight * 1e9).round() as u64;
        let mut stages = [0; Stage::LADDER.len()];
        for (stage, weight) in &custom.stages {
            if let Some(rung) = stage.rung() {
                stages[rung] = scaled(*weight);
            }
        }
        Self { first: scaled(custom.first), last: scaled(custom.last), others: scaled(custom.others), stages }
    }

    fn credits(&self, steps: &[Step], entered: &Entered) -> Vec<i64> {
        let mut weights = vec![0u128; steps.len()];
        let mut give = |at: Option<usize>, weight: u64| {
            if let Some(place) = at.map(|at| &mut weights[at]) {
                *place += u128::from(weight);
            }
        };
        give(Some(0), self.first);
        give(Some(steps.len() - 1), self.last);
        for (entered, weight) in entered.iter().zip(self.stages) {
            let anchor = entered.and_then(|entered| steps.iter().rposition(|step| step.at <= entered));
            give(anchor, weight);
        }
        let others = weights.iter().filter(|weight| **weight == 0).count() as u128;
        if others > 0 && self.others > 0 {
            // Anchors count `others` times, so that one other's even share is an integer.
            for weight in &mut weights {
                *weight = if *weight == 0 { u128::from(self.others) } else { *weight * others };
            }
        }
        if weights.iter().all(|weight| *weight == 0) {
            return all_to(steps.len() - 1, steps.len());
        }
        signed(split(WHOLE, &weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Millis {
        Millis(0) + Span::days(n)
    }

    /// t1 paid_search Jan 1, t2 email Jan 5, t3 webinar Jan 10, t4 direct Jan 12, t5 paid_social Jan 20; lead Jan 5
    /// after t2, opportunity Jan 13, won Jan 21.
    fn credits(conversion: Stage, model: &Model) -> Vec<f64> {
        let touches = [(1, false, true), (5, false, false), (10, false, false), (12, true, false), (20, false, true)];
        let at = match conversion {
            Stage::Lead => 5,
            Stage::Opportunity => 13,
            _ => 21,
        };
        let steps: Vec<Step> = touches
            .into_iter()
            .filter(|(touched, ..)| *touched <= at)
            .map(|(at, is_direct, is_paid)| Step { at: day(at), is_direct, is_paid })
            .collect();
        let entered = [(Stage::Lead, 5), (Stage::Opportunity, 13), (Stage::Won, 21)];
        let mut times = Entered::default();
        for (stage, on) in entered.into_iter().filter(|(_, on)| *on <= at) {
            times[stage as usize] = Some(day(on));
        }
        let rule = Rule::of(model, Span::days(7)).expect("a rule");
        let credits = rule.credits(&steps, &times);
        assert_eq!(credits.iter().sum::<i64>(), Credit::WHOLE);
        credits.into_iter().map(|credit| (credit as f64 / 1e3).round() / 1e6).collect()
    }

    #[test]
    fn the_worked_table() {
        use Stage::{Lead, Opportunity, Won};
        assert_eq!(credits(Won, &Model::PositionBased), [0.4, 0.066_667, 0.066_667, 0.066_667, 0.4]);
        assert_eq!(credits(Won, &Model::UShaped), [0.4, 0.4, 0.066_667, 0.066_667, 0.066_667]);
        assert_eq!(credits(Won, &Model::WShaped), [0.3, 0.3, 0.05, 0.3, 0.05]);
        assert_eq!(credits(Won, &Model::FullPath), [0.225, 0.225, 0.1, 0.225, 0.225]);
        assert_eq!(credits(Opportunity, &Model::WShaped), [0.3, 0.3, 0.1, 0.3]);
        assert_eq!(credits(Opportunity, &Model::FullPath), [0.290_323, 0.290_323, 0.129_032, 0.290_323]);
        assert_eq!(credits(Lead, &Model::WShaped), [0.5, 0.5]);
        assert_eq!(credits(Opportunity, &Model::LastNonDirect), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(credits(Lead, &Model::JShaped), [0.25, 0.75]);
        assert_eq!(credits(Won, &Model::LastPaid), [0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(credits(Lead, &Model::First), [1.0, 0.0]);
    }

    #[test]
    fn a_half_life_halves() {
        let steps = [0, 7].map(|on| Step { at: day(on), is_direct: false, is_paid: false });
        let rule = Rule::of(&Model::TimeDecay, Span::days(7)).expect("a rule");
        assert_eq!(rule.credits(&steps, &Entered::default()), [333_333_333, 666_666_667]);
    }

    #[test]
    fn one_touch_takes_all_whatever_the_model() {
        let custom =
            CustomModel { name: "x".into(), first: 0.0, last: 0.0, others: 0.5, stages: [(Stage::Sql, 0.5)].into() };
        let models = [Model::Linear, Model::FullPath, Model::TimeDecay, Model::LastPaid, Model::Custom(custom)];
        for model in models {
            let rule = Rule::of(&model, Span::days(7)).expect("a rule");
            let step = Step { at: day(1), is_direct: true, is_paid: false };
            assert_eq!(rule.credits(&[step], &Entered::default()), [Credit::WHOLE], "{}", model.name());
        }
    }
}
