//! One conversion's credit under each rule-based model, in billionths that sum to exactly one: weights for anchors and
//! for the others, what does not exist dropped, the rest scaled.

use std::collections::BTreeMap;

use tributary::config::{Config, CustomModel, Model};
use tributary::model::stage::Stage;
use tributary::model::time::Millis;

use super::facts::channel_group;

/// A touch of the journey as the models see it.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    pub at: Millis,
    pub channel: &'a str,
}

pub const WHOLE: i128 = 1_000_000_000;

/// Credit of each step, in their order; nothing for a journey without steps.
pub fn shares(
    config: &Config,
    model: &Model,
    steps: &[Step],
    at: Millis,
    entered: &BTreeMap<Stage, Millis>,
) -> Vec<i128> {
    let Some(last) = steps.len().checked_sub(1) else { return vec![] };
    let only = |i: usize| (0..steps.len()).map(|j| if i == j { WHOLE } else { 0 }).collect();
    let latest = |wanted: &dyn Fn(&str) -> bool| only(steps.iter().rposition(|s| wanted(s.channel)).unwrap_or(last));
    let anchored = |first, last, others, stages: &[(Stage, f64)]| {
        by_anchors(
            steps,
            entered,
            &CustomModel { name: String::new(), first, last, others, stages: stages.iter().copied().collect() },
        )
    };
    match model {
        Model::First => only(0),
        Model::Last => only(last),
        Model::LastNonDirect => latest(&|channel| channel != "direct"),
        Model::LastPaid => latest(&|channel| channel_group(config, channel) == "paid"),
        Model::Linear => split(WHOLE, &vec![1; steps.len()]),
        Model::PositionBased => anchored(0.4, 0.4, 0.2, &[]),
        Model::JShaped => anchored(0.2, 0.6, 0.2, &[]),
        Model::InverseJ => anchored(0.6, 0.2, 0.2, &[]),
        Model::UShaped => anchored(0.4, 0.0, 0.2, &[(Stage::Lead, 0.4)]),
        Model::WShaped => anchored(0.3, 0.0, 0.1, &[(Stage::Lead, 0.3), (Stage::Opportunity, 0.3)]),
        Model::FullPath => {
            anchored(0.225, 0.0, 0.1, &[(Stage::Lead, 0.225), (Stage::Opportunity, 0.225), (Stage::Won, 0.225)])
        }
        Model::TimeDecay => {
            let half_life = config.attribution.half_life.0 as f64;
            let weights: Vec<f64> = steps.iter().map(|s| (-((at - s.at).0 as f64) / half_life).exp2()).collect();
            split_real(&weights)
        }
        Model::Custom(weights) => by_anchors(steps, entered, weights),
        Model::Markov | Model::Shapley => unreachable!("not by a rule"),
    }
}

/// A touch that is several anchors gets all their weights and is none of the others; those share their weight evenly.
fn by_anchors(steps: &[Step], entered: &BTreeMap<Stage, Millis>, weights: &CustomModel) -> Vec<i128> {
    let last = steps.len() - 1;
    let mut anchors: Vec<(usize, i128)> = vec![(0, exact(weights.first)), (last, exact(weights.last))];
    for (stage, weight) in &weights.stages {
        let step = entered.get(stage).and_then(|entry| steps.iter().rposition(|s| s.at <= *entry));
        anchors.extend(step.map(|step| (step, exact(*weight))));
    }
    anchors.retain(|(_, weight)| *weight > 0);
    let others: Vec<usize> = (0..steps.len()).filter(|i| anchors.iter().all(|(anchor, _)| anchor != i)).collect();
    // Everything times the number of the others, so that the share of one of them is whole.
    let scale = others.len().max(1) as i128;
    let mut parts = vec![0; steps.len()];
    for (anchor, weight) in anchors {
        parts[anchor] += weight * scale;
    }
    for other in others {
        parts[other] += exact(weights.others);
    }
    if parts.iter().all(|part| *part == 0) {
        parts[last] = 1;
    }
    split(WHOLE, &parts)
}

/// A weight in billionths.
fn exact(weight: f64) -> i128 {
    (weight * 1e9).round() as i128
}

/// `total` in proportion to the parts, what rounding leaves to the largest remainders, the earlier first.
pub fn split(total: i128, parts: &[i128]) -> Vec<i128> {
    let sum: i128 = parts.iter().sum();
    let mut shares: Vec<i128> = parts.iter().map(|part| total * part / sum).collect();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(total * parts[*i] % sum), *i));
    let left = total - shares.iter().sum::<i128>();
    for i in order.into_iter().take(left as usize) {
        shares[i] += 1;
    }
    shares
}

fn split_real(weights: &[f64]) -> Vec<i128> {
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return split(WHOLE, &(0..weights.len()).map(|i| i128::from(i + 1 == weights.len())).collect::<Vec<_>>());
    }
    let exact: Vec<f64> = weights.iter().map(|weight| weight / sum * WHOLE as f64).collect();
    let mut shares: Vec<i128> = exact.iter().map(|share| share.floor() as i128).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| exact[*b].fract().total_cmp(&exact[*a].fract()).then(a.cmp(b)));
    let left = WHOLE - shares.iter().sum::<i128>();
    for i in order.into_iter().take(left.max(0) as usize) {
        shares[i] += 1;
    }
    shares
}

/// An amount in millionths in proportion to the credit; a negative one as its absolute value.
pub fn split_amount(amount: i64, credit: &[i128]) -> Vec<i128> {
    let sign = i128::from(amount.signum());
    split(i128::from(amount.unsigned_abs()), credit).into_iter().map(|share| share * sign).collect()
}
