//! The Markov model: journeys as a chain of channels that ends in a conversion or in nothing. What a channel is worth is
//! its removal effect: by how much conversions were rarer if every journey that comes to it ended there.
//!
//! Source: Anderl, Becker, von Wangenheim, Schumann: "Mapping the customer journey: Lessons learned from graph-based
//! online attribution modeling", International Journal of Research in Marketing 33 (2016).

use std::collections::BTreeMap;

use faer::prelude::Solve;
use faer::sparse::{SparseColMat, Triplet};
use faer::{Col, Mat};
use smallvec::SmallVec;

/// The last channels of a journey, the oldest first; at its start none. Channels are numbers.
pub type State = SmallVec<[usize; 3]>;

/// Where a step leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Channel(usize),
    Conversion,
    Nothing,
}

/// So many journeys went from a state to the next channel, or ended there.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub from: State,
    pub to: To,
    pub count: f64,
}

/// What the chain says.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects {
    /// Of a conversion, from the start.
    pub probability: f64,
    /// By channel, 0 to 1.
    pub removal: Vec<f64>,
}

/// The state after another channel, where states are the last `order` channels.
#[must_use]
pub fn next(mut state: State, channel: usize, order: usize) -> State {
    if state.len() >= order {
        state.remove(0);
    }
    state.push(channel);
    state
}

/// The steps of a journey: to each of its channels, and to its end.
pub fn steps(channels: &[usize], order: usize, end: To) -> impl Iterator<Item = (State, To)> {
    let mut state = State::new();
    channels.iter().map(|channel| To::Channel(*channel)).chain(std::iter::once(end)).map(move |to| {
        let from = state.clone();
        if let To::Channel(channel) = to {
            state = next(std::mem::take(&mut state), channel, order);
        }
        (from, to)
    })
}

/// The removal effects of channels 0 to `channels` − 1. None where no journey converts, or where steps come from nowhere.
///
/// With N = (I − Q)⁻¹ for the probabilities Q between states, and S the states that hold a channel, the probability to
/// come to a state of S first is f = N(start, S) · N(S, S)⁻¹, and what is lost without the channel is f · P(S).
#[must_use]
pub fn removal_effects(order: usize, channels: usize, steps: &[Step]) -> Option<Effects> {
    let mut totals: BTreeMap<&[usize], f64> = BTreeMap::new();
    for step in steps {
        *totals.entry(&step.from).or_default() += step.count;
    }
    let states: Vec<&[usize]> = totals.keys().copied().collect();
    let place = |state: &[usize]| states.binary_search(&state).ok();
    let start = place(&[])?;
    let n = states.len();
    let mut between: BTreeMap<(usize, usize), f64> = (0..n).map(|at| ((at, at), 1.0)).collect();
    let mut converts = Col::<f64>::zeros(n);
    for step in steps.iter().filter(|step| step.count > 0.0) {
        let from = place(&step.from)?;
        let probability = step.count / totals[&*step.from];
        match step.to {
            To::Channel(channel) => {
                let to = place(&next(step.from.clone(), channel, order))?;
                *between.entry((from, to)).or_default() -= probability;
            }
            To::Conversion => converts[from] += probability,
            To::Nothing => {}
        }
    }
    let entries: Vec<_> = between.iter().map(|((row, column), value)| Triplet::new(*row, *column, *value)).collect();
    let matrix = SparseColMat::<usize, f64>::try_new_from_triplets(n, n, &entries).ok()?;
    let solver = matrix.sp_lu().ok()?;
    let reaches = solver.solve(&converts);
    let probability = reaches[start];
    if !probability.is_finite() || probability <= 0.0 {
        return None;
    }
    let removal = (0..channels).map(|channel| {
        let held: Vec<usize> = (0..n).filter(|at| states[*at].contains(&channel)).collect();
        if held.is_empty() {
            return 0.0;
        }
        let unit = Mat::from_fn(n, held.len(), |row, column| f64::from(u8::from(row == held[column])));
        let visits = solver.solve(&unit);
        let within = Mat::from_fn(held.len(), held.len(), |row, column| visits[(held[column], row)]);
        let from_start = Col::from_fn(held.len(), |at| visits[(start, at)]);
        let first = within.partial_piv_lu().solve(&from_start);
        let lost: f64 = held.iter().enumerate().map(|(at, state)| first[at] * reaches[*state]).sum();
        (lost / probability).clamp(0.0, 1.0)
    });
    Some(Effects { probability, removal: removal.collect() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chain(order: usize, journeys: &[(&[usize], bool)]) -> Vec<Step> {
        let mut counts: Vec<Step> = Vec::new();
        for (channels, converts) in journeys {
            let end = if *converts { To::Conversion } else { To::Nothing };
            for (from, to) in steps(channels, order, end) {
                match counts.iter_mut().find(|step| step.from == from && step.to == to) {
                    Some(step) => step.count += 1.0,
                    None => counts.push(Step { from, to, count: 1.0 }),
                }
            }
        }
        counts
    }

    #[test]
    fn the_worked_example() {
        let journeys: [(&[usize], bool); 3] = [(&[0, 1, 2], true), (&[0], false), (&[1, 2], false)];
        let effects = removal_effects(1, 3, &chain(1, &journeys)).expect("one converts");
        assert!((effects.probability - 1.0 / 3.0).abs() < 1e-12);
        for (effect, expected) in effects.removal.iter().zip([0.5, 1.0, 1.0]) {
            assert!((effect - expected).abs() < 1e-12, "{:?}", effects.removal);
        }
    }

    /// D. Altomare, D. Loris, "Markov model for the online multi-channel attribution problem" (vignette of the R package
    /// ChannelAttribution, 2015): A > B > A > B > B > A, A > B > B > A > A and A > A, all of which convert.
    #[test]
    fn repeated_channels_as_published() {
        let journeys: [(&[usize], bool); 3] = [(&[0, 1, 0, 1, 1, 0], true), (&[0, 1, 1, 0, 0], true), (&[0, 0], true)];
        let effects = removal_effects(1, 2, &chain(1, &journeys)).expect("all convert");
        let share = effects.removal[0] / effects.removal.iter().sum::<f64>();
        assert!((effects.removal[0] - 1.0).abs() < 1e-12 && (effects.removal[1] - 0.5).abs() < 1e-12);
        assert!((share * 3.0 - 2.0).abs() < 1e-12, "of three conversions two are A's");
    }

    /// A. Goodin, do-attribution 0.0.2 (PyPI, 2026), "Quick start": ten journeys, printed with four digits.
    #[test]
    fn ten_journeys_as_published() {
        const EMAIL: usize = 0;
        const SOCIAL: usize = 1;
        const SEARCH: usize = 2;
        const DIRECT: usize = 3;
        let journeys: [(&[usize], bool); 10] = [
            (&[EMAIL, SOCIAL], true),
            (&[EMAIL, SOCIAL], false),
            (&[SEARCH, EMAIL], true),
            (&[SOCIAL], true),
            (&[EMAIL, SEARCH], false),
            (&[SEARCH, SOCIAL, EMAIL], true),
            (&[DIRECT], true),
            (&[SEARCH, EMAIL, SOCIAL], true),
            (&[SOCIAL, EMAIL], true),
            (&[SEARCH], false),
        ];
        let effects = removal_effects(1, 4, &chain(1, &journeys)).expect("seven convert");
        assert!((effects.probability - 0.7).abs() < 1e-12);
        for (effect, expected) in effects.removal.iter().zip([0.6571, 0.5584, 0.3214, 0.1429]) {
            assert!((effect - expected).abs() < 5e-5, "{:?}", effects.removal);
        }
    }

    /// 240,108 journeys with 17,639 conversions. I. Vasileva, "attribution-markov-chains" (2021), after M. Hegewald,
    /// "Marketing Channel Attribution with Markov Chains in Python" (Towards Data Science), on the campaign data of
    /// M. Cyt (Kaggle, 2019). The counts are those that its printed transition matrix has.
    #[test]
    fn a_quarter_of_a_million_journeys_as_published() {
        // To: Facebook, Instagram, Online Display, Online Video, Paid Search, a conversion, nothing.
        const COUNTS: [[u32; 7]; 6] = [
            [66_848, 28_618, 34_250, 34_182, 76_210, 0, 0],
            [0, 15_252, 2146, 2254, 4464, 4690, 59_319],
            [10_822, 0, 1164, 1193, 2266, 2868, 31_153],
            [2300, 1251, 0, 737, 3936, 2144, 32_236],
            [2430, 1307, 775, 0, 1964, 3201, 31_285],
            [5725, 3038, 4269, 2596, 0, 4736, 68_476],
        ];
        let steps = COUNTS.iter().enumerate().flat_map(|(from, counts)| {
            let state: State = from.checked_sub(1).into_iter().collect();
            counts.iter().enumerate().map(move |(to, count)| {
                let to = [To::Conversion, To::Nothing].get(to.wrapping_sub(5)).copied().unwrap_or(To::Channel(to));
                Step { from: state.clone(), to, count: f64::from(*count) }
            })
        });
        let effects = removal_effects(1, 5, &steps.collect::<Vec<_>>()).expect("some convert");
        assert!((effects.probability - 17_639.0 / 240_108.0).abs() < 1e-12);
        let all: f64 = effects.removal.iter().sum();
        let published = [
            (0.354_759_767_418_272_1, 4_948.892_177_847_522),
            (0.217_313_661_490_384_56, 3_031.521_548_555_892_4),
            (0.154_354_823_560_412_86, 2_153.246_926_759_083_6),
            (0.206_914_116_556_421_9, 2_886.448_089_546_147),
            (0.331_103_756_008_615_4, 4_618.891_257_291_355),
        ];
        for (effect, (removal, conversions)) in effects.removal.iter().zip(published) {
            assert!((effect - removal).abs() < 1e-12, "{effect} {removal}");
            assert!((effect / all * 17_639.0 - conversions).abs() < 1e-8, "{effect} {conversions}");
        }
    }

    #[test]
    fn without_a_conversion_there_is_no_effect() {
        assert_eq!(removal_effects(1, 1, &chain(1, &[(&[0], false)])), None);
        assert_eq!(removal_effects(1, 0, &[]), None);
    }

    /// The probability to convert, by following every step; what holds the removed channel leads to nothing.
    fn by_iteration(order: usize, steps: &[Step], removed: Option<usize>) -> f64 {
        let total = |from: &State| steps.iter().filter(|step| step.from == *from).map(|step| step.count).sum::<f64>();
        let mut at: BTreeMap<State, f64> = BTreeMap::from([(State::new(), 1.0)]);
        let mut converted = 0.0;
        for _ in 0..20_000 {
            let mut after: BTreeMap<State, f64> = BTreeMap::new();
            for (state, mass) in at {
                let all = total(&state);
                for step in steps.iter().filter(|step| step.from == state) {
                    let share = mass * step.count / all;
                    match step.to {
                        To::Conversion => converted += share,
                        To::Nothing => {}
                        To::Channel(channel) if Some(channel) == removed => {}
                        To::Channel(channel) => *after.entry(next(state.clone(), channel, order)).or_default() += share,
                    }
                }
            }
            after.retain(|_, mass| *mass > 1e-16);
            if after.is_empty() {
                break;
            }
            at = after;
        }
        converted
    }

    proptest! {
        #[test]
        fn it_is_what_following_every_step_gives(
            journeys in prop::collection::vec((prop::collection::vec(0..4usize, 1..6), any::<bool>()), 1..12),
            order in 1..=3usize,
        ) {
            let journeys: Vec<(&[usize], bool)> = journeys.iter().map(|(path, converts)| (&**path, *converts)).collect();
            let steps = chain(order, &journeys);
            let effects = removal_effects(order, 4, &steps);
            prop_assert_eq!(effects.is_some(), journeys.iter().any(|(_, converts)| *converts));
            if let Some(effects) = effects {
                let all = by_iteration(order, &steps, None);
                prop_assert!((effects.probability - all).abs() < 1e-9, "{} {}", effects.probability, all);
                for (channel, effect) in effects.removal.iter().enumerate() {
                    let without = by_iteration(order, &steps, Some(channel));
                    prop_assert!((effect - (1.0 - without / all)).abs() < 1e-8, "{} {}", channel, effect);
                }
            }
        }
    }
}
