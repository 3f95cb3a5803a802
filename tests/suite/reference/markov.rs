//! A Markov chain of journeys, straight from the definition: a state is the last channels; who leaves it goes where the
//! journeys went. What a channel does is what is missing when every state that holds it leads to nothing.

use std::collections::{BTreeMap, BTreeSet};

/// Where a journey is; the start has no channels.
type State<'a> = Vec<&'a str>;

struct Chain<'a> {
    states: Vec<State<'a>>,
    /// From each state to each, and to a conversion: probabilities. What is missing to 1 leads to nothing.
    moves: Vec<Vec<f64>>,
    converts: Vec<f64>,
}

/// By how much of itself the probability of a conversion falls without each channel; none without conversions.
pub fn removal_effects<'a>(
    order: usize,
    converting: &[Vec<&'a str>],
    lost: &[Vec<&'a str>],
) -> Option<BTreeMap<&'a str, f64>> {
    let chain = Chain::new(order, converting, lost);
    let whole = Some(chain.probability(None)).filter(|p| *p > 0.0)?;
    let channels: BTreeSet<&str> = converting.iter().chain(lost).flatten().copied().collect();
    Some(channels.into_iter().map(|channel| (channel, 1.0 - chain.probability(Some(channel)) / whole)).collect())
}

impl<'a> Chain<'a> {
    fn new(order: usize, converting: &[Vec<&'a str>], lost: &[Vec<&'a str>]) -> Self {
        let visited = |journey: &Vec<&'a str>| -> Vec<State<'a>> {
            (0..=journey.len()).map(|n| journey[n.saturating_sub(order)..n].to_vec()).collect()
        };
        let states: BTreeSet<State> = converting.iter().chain(lost).flat_map(visited).collect();
        let states: Vec<State> = states.into_iter().collect();
        let number = |state: &State| states.iter().position(|known| known == state).expect("it was visited");
        let mut moves = vec![vec![0.0; states.len()]; states.len()];
        let (mut converts, mut left) = (vec![0.0; states.len()], vec![0.0; states.len()]);
        let both = converting.iter().map(|journey| (journey, 1.0)).chain(lost.iter().map(|journey| (journey, 0.0)));
        for (journey, converted) in both {
            let way: Vec<usize> = visited(journey).iter().map(number).collect();
            for step in way.windows(2) {
                moves[step[0]][step[1]] += 1.0;
                left[step[0]] += 1.0;
            }
            let last = way[way.len() - 1];
            converts[last] += converted;
            left[last] += 1.0;
        }
        for (i, left) in left.into_iter().enumerate() {
            moves[i].iter_mut().for_each(|count| *count /= left);
            converts[i] /= left;
        }
        Self { states, moves, converts }
    }

    /// Of a conversion from the start on; without a channel every state that holds it leads to nothing.
    fn probability(&self, without: Option<&str>) -> f64 {
        let n = self.states.len();
        let mut equations = vec![vec![0.0; n + 1]; n];
        for (i, state) in self.states.iter().enumerate() {
            if !without.is_some_and(|channel| state.contains(&channel)) {
                equations[i] = self.moves[i].iter().map(|share| -share).chain([self.converts[i]]).collect();
            }
            equations[i][i] += 1.0;
        }
        let start = self.states.iter().position(Vec::is_empty).expect("every journey begins there");
        solved(equations)[start]
    }
}

/// Gauss: each row is an equation, its last number the right side.
fn solved(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let n = rows.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()));
        rows.swap(column, pivot.expect("a row is left"));
        let (above, below) = rows.split_at_mut(column + 1);
        let row = &above[column];
        for other in below.iter_mut().filter(|other| other[column] != 0.0) {
            let factor = other[column] / row[column];
            for (mine, theirs) in other[column..].iter_mut().zip(&row[column..]) {
                *mine -= factor * theirs;
            }
        }
    }
    let mut found = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * found[j]).sum();
        found[i] = (rows[i][n] - known) / rows[i][i];
    }
    found
}

#[test]
fn the_worked_chain() {
    let converting = [vec!["c1", "c2", "c3"]];
    let lost = [vec!["c1"], vec!["c2", "c3"]];
    let chain = Chain::new(1, &converting, &lost);
    assert!((chain.probability(None) - 1.0 / 3.0).abs() < 1e-12);
    let effects = removal_effects(1, &converting, &lost).expect("there is a conversion");
    for (channel, effect) in [("c1", 0.5), ("c2", 1.0), ("c3", 1.0)] {
        assert!((effects[channel] - effect).abs() < 1e-12, "{effects:?}");
    }
}

/// The four begin with c1, c3, c2, c2. From c1 all go on to c2 and c3, from c2 alone half. Who comes from c2 to c3
/// converts half the time, wherever he was before: 1/4 · 1/2 + 1/4 + 1/2 · 1/2 · 1/2.
#[test]
fn a_chain_that_remembers_two_channels() {
    let converting = [vec!["c1", "c2", "c3"], vec!["c3"]];
    let lost = [vec!["c2", "c3"], vec!["c2", "c2"]];
    let chain = Chain::new(2, &converting, &lost);
    assert!((chain.probability(None) - 0.5).abs() < 1e-12);
    let effects = removal_effects(2, &converting, &lost).expect("there is a conversion");
    for (channel, effect) in [("c1", 0.25), ("c2", 0.5), ("c3", 1.0)] {
        assert!((effects[channel] - effect).abs() < 1e-12, "{effects:?}");
    }
}
