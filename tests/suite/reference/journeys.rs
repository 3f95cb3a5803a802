//! What is said of all journeys of a window together: the data-driven models, what channels do for each other, the
//! most frequent paths. Counted over, journey by journey, for each window.

use std::collections::{BTreeMap, BTreeSet};

use tributary::config::Model;
use tributary::model::stage::Stage;
use tributary::model::window::WindowKind;

use super::cell::{Outcome, Values};
use super::facts::{Fact, MONEY};
use super::markov::removal_effects;
use super::row::Row;
use super::table::{Kpi, Set, Table, count, is_published, ratio};
use super::windows::Start;

/// With more channels than these Shapley's definition is too long to follow: each journey is shared evenly, which
/// comes to the same.
const FEW_CHANNELS: usize = 7;

const MODEL: Set = &["stage", "model", "channel"];
const CHANNEL: Set = &["stage", "channel"];
const PAIR: Set = &["stage", "channel_a", "channel_b"];
const PATH: Set = &["stage", "path"];

/// What a fact keeps of a journey.
pub fn joined(channels: &[&str]) -> String {
    channels.join("\n")
}

fn channels(fact: &Fact) -> Vec<&str> {
    fact.dims["journey"].lines().collect()
}

/// The journeys of a stage in a window.
#[derive(Default)]
struct Journeys<'f> {
    /// Of conversions; without a touch they are empty.
    converting: Vec<Vec<&'f str>>,
    /// With amounts in millionths.
    values: Vec<(Vec<&'f str>, i128)>,
    lost: Vec<Vec<&'f str>>,
}

type Outcomes = BTreeMap<(&'static str, Values), Outcome>;

impl Table<'_> {
    pub fn rows_of_journeys(&self) -> Vec<Row> {
        if !(self.frames.kind.is_rolling() || self.frames.kind == WindowKind::All) {
            return vec![];
        }
        let by_window: BTreeMap<Start, Outcomes> =
            self.journeys().into_iter().map(|(start, stages)| (start, self.outcomes(&stages))).collect();
        let mut rows = vec![];
        for (kpi, set) in kpis().iter().filter(|(kpi, _)| is_published(self.config, kpi.id)) {
            for (start, outcomes) in by_window.iter().filter(|(start, _)| !self.is_forgotten(**start)) {
                for ((_, values), outcome) in outcomes.iter().filter(|((id, _), _)| *id == kpi.id) {
                    let of = |at: &Start| by_window.get(at)?.get(&(kpi.id, values.clone()))?.value;
                    let before: Vec<Option<f64>> = self.frames.before[start].iter().map(of).collect();
                    rows.push(self.row_of(kpi, set, *start, values, outcome, &before));
                }
            }
        }
        rows
    }

    fn journeys(&self) -> BTreeMap<Start, BTreeMap<Stage, Journeys<'_>>> {
        let mut all: BTreeMap<Start, BTreeMap<Stage, Journeys>> = BTreeMap::new();
        let stage_of = |fact: &Fact| {
            Stage::LADDER.into_iter().find(|stage| stage.name() == fact.dims["stage"]).expect("a stage of the ladder")
        };
        for fact in self.facts_of("converting") {
            for start in &self.frames.holding[&fact.at] {
                let stage = all.entry(*start).or_default().entry(stage_of(fact)).or_default();
                stage.converting.push(channels(fact));
            }
        }
        for fact in self.facts_of("converting/value") {
            for start in &self.frames.holding[&fact.at] {
                let stage = all.entry(*start).or_default().entry(stage_of(fact)).or_default();
                stage.values.push((channels(fact), fact.amount));
            }
        }
        for fact in self.facts_of(&format!("lost/{}", self.frames.kind)) {
            let start = fact.dims["start"].parse().expect("the first moment of a window");
            all.entry(start).or_default().entry(stage_of(fact)).or_default().lost.push(channels(fact));
        }
        // Sums of the same numbers in another order are not the same.
        for journeys in all.values_mut().flat_map(BTreeMap::values_mut) {
            journeys.converting.sort();
            journeys.values.sort();
            journeys.lost.sort();
        }
        all
    }

    fn outcomes(&self, stages: &BTreeMap<Stage, Journeys>) -> Outcomes {
        let mut outcomes = Outcomes::new();
        for (stage, journeys) in stages {
            for (path, conversions) in journeys.paths().into_iter().take(self.config.paths_top) {
                let outcome = Outcome::of(Some(conversions as f64));
                outcomes.insert(("path_conversions", vec![stage.name().to_owned(), path]), outcome);
            }
            if self.config.attribution.data_driven_stages.contains(stage) {
                self.by_the_data(*stage, journeys, &mut outcomes);
            }
        }
        outcomes
    }

    fn by_the_data(&self, stage: Stage, journeys: &Journeys, outcomes: &mut Outcomes) {
        let config = &self.config.attribution;
        let touched = journeys.touched();
        // Of too few conversions nothing is said but that there are journeys.
        let enough = touched.len() as u64 >= config.min_conversions;
        let all = Some(journeys.converting.len() as f64).filter(|_| enough);
        let named = |names: &[&str]| -> Values {
            std::iter::once(stage.name()).chain(names.iter().copied()).map(str::to_owned).collect()
        };
        let mut attribute = |model: &str, channel: &str, conversions: Option<f64>, value: Option<f64>| {
            let values = || named(&[model, channel]);
            outcomes.insert(("attributed_conversions", values()), Outcome::of(conversions));
            outcomes.insert(("attributed_share_ratio", values()), Outcome::parts(conversions, all));
            outcomes.insert(("attributed_value", values()), Outcome::of(value));
        };
        let valued = journeys.valued();
        let effects = if enough { removal_effects(config.markov_order, &touched, &journeys.lost) } else { None };
        if config.models.contains(&Model::Markov) {
            let whole: f64 = effects.iter().flat_map(BTreeMap::values).sum();
            let amount: f64 = valued.iter().map(|(_, amount)| amount).sum();
            for channel in journeys.channels() {
                let share = effects.as_ref().map(|effects| effects[channel] / whole);
                let conversions = share.map(|share| share * touched.len() as f64);
                attribute("markov", channel, conversions, share.map(|share| share * amount));
            }
        }
        if config.models.contains(&Model::Shapley) {
            let counted: Vec<_> = touched.iter().map(|channels| (channels.clone(), 1.0)).collect();
            let amounts = shapley(&valued);
            for (channel, conversions) in shapley(&counted) {
                let amount = amounts.get(channel).copied().unwrap_or(0.0);
                attribute("shapley", channel, Some(conversions).filter(|_| enough), Some(amount).filter(|_| enough));
            }
        }
        for channel in journeys.channels() {
            let effect = effects.as_ref().map(|effects| effects[channel]);
            outcomes.insert(("removal_effect_ratio", named(&[channel])), Outcome::of(effect));
        }
        for (a, b) in journeys.pairs() {
            let outcome = if enough { journeys.synergy(a, b) } else { Outcome::parts(None, None) };
            outcomes.insert(("synergy_ratio", named(&[a, b])), outcome);
        }
    }
}

impl<'f> Journeys<'f> {
    fn touched(&self) -> Vec<Vec<&'f str>> {
        self.converting.iter().filter(|channels| !channels.is_empty()).cloned().collect()
    }

    /// Those with an amount that have a touch.
    fn valued(&self) -> Vec<(Vec<&'f str>, f64)> {
        let valued = self.values.iter().filter(|(channels, _)| !channels.is_empty());
        valued.map(|(channels, amount)| (channels.clone(), *amount as f64 / MONEY as f64)).collect()
    }

    fn channels(&self) -> BTreeSet<&'f str> {
        self.converting.iter().chain(&self.lost).flatten().copied().collect()
    }

    /// Channels with a journey in common, each pair by name.
    fn pairs(&self) -> BTreeSet<(&'f str, &'f str)> {
        let pairs_of = |channels: &Vec<&'f str>| -> Vec<(&'f str, &'f str)> {
            let channels = channels.clone();
            channels.iter().flat_map(|a| channels.iter().map(|b| (*a, *b)).filter(|(a, b)| a < b)).collect()
        };
        self.converting.iter().chain(&self.lost).flat_map(pairs_of).collect()
    }

    /// The share of journeys that convert, of those wanted.
    fn rate(&self, wanted: impl Fn(&Vec<&'f str>) -> bool) -> Option<f64> {
        let converting = self.converting.iter().filter(|channels| wanted(channels)).count();
        let lost = self.lost.iter().filter(|channels| wanted(channels)).count();
        (converting + lost > 0).then(|| converting as f64 / (converting + lost) as f64)
    }

    fn synergy(&self, a: &str, b: &str) -> Outcome {
        let both = self.rate(|channels| channels.contains(&a) && channels.contains(&b));
        let only_a = self.rate(|channels| channels.contains(&a) && !channels.contains(&b));
        let only_b = self.rate(|channels| channels.contains(&b) && !channels.contains(&a));
        Outcome::parts(both, [only_a, only_b].into_iter().flatten().reduce(f64::max))
    }

    /// The most frequent first, of equally frequent ones that which is first by its text.
    fn paths(&self) -> Vec<(String, usize)> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for channels in &self.converting {
            let mut path = channels.clone();
            path.dedup();
            let path = if path.is_empty() { "(unattributed)".to_owned() } else { path.join(" > ") };
            *counts.entry(path).or_default() += 1;
        }
        let mut paths: Vec<_> = counts.into_iter().collect();
        paths.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        paths
    }
}

/// Each channel's share of the worth of journeys: what it adds to a set of channels, over all orders in which they may
/// come together. A set is worth the journeys whose channels are all in it.
fn shapley<'f>(journeys: &[(Vec<&'f str>, f64)]) -> BTreeMap<&'f str, f64> {
    let channels: Vec<&str> =
        journeys.iter().flat_map(|(channels, _)| channels).copied().collect::<BTreeSet<_>>().into_iter().collect();
    if channels.len() > FEW_CHANNELS {
        return evenly(journeys);
    }
    let holds = |set: u32, i: usize| set & (1 << i) != 0;
    let is_in = |set: u32, channel: &str| (0..channels.len()).any(|i| holds(set, i) && channels[i] == channel);
    let worth = |set: u32| -> f64 {
        let inside = journeys.iter().filter(|(channels, _)| channels.iter().all(|channel| is_in(set, channel)));
        inside.map(|(_, worth)| worth).sum()
    };
    let worths: Vec<f64> = (0..1 << channels.len()).map(worth).collect();
    let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
    let share = |i: usize| -> f64 {
        let others = (0..1_u32 << channels.len()).filter(|set| !holds(*set, i));
        let adds = |set: u32| {
            let before = set.count_ones() as usize;
            let orders = factorial(before) * factorial(channels.len() - before - 1) / factorial(channels.len());
            orders * (worths[(set | 1 << i) as usize] - worths[set as usize])
        };
        others.map(adds).sum()
    };
    channels.iter().enumerate().map(|(i, channel)| (*channel, share(i))).collect()
}

fn evenly<'f>(journeys: &[(Vec<&'f str>, f64)]) -> BTreeMap<&'f str, f64> {
    let mut shares = BTreeMap::new();
    for (channels, worth) in journeys {
        let distinct: BTreeSet<&str> = channels.iter().copied().collect();
        for channel in &distinct {
            *shares.entry(*channel).or_default() += worth / distinct.len() as f64;
        }
    }
    shares
}

/// Those that are made of whole journeys, with the dimensions of their rows.
fn kpis() -> [(Kpi, Set); 6] {
    let counted = |id| count(id, &[], |_, _| vec![]);
    let shared = |id| ratio(id, &[], |_, _| vec![]);
    [
        (counted("attributed_conversions"), MODEL),
        (Kpi { unit: "currency", settling: true, ..counted("attributed_value") }, MODEL),
        (shared("attributed_share_ratio"), MODEL),
        (shared("removal_effect_ratio"), CHANNEL),
        (shared("synergy_ratio"), PAIR),
        (counted("path_conversions"), PATH),
    ]
}

#[test]
fn sharing_evenly_is_shapleys_value() {
    let journeys =
        [(vec!["a", "b", "a"], 1.0), (vec!["b", "c"], 2.5), (vec!["d"], 4.0), (vec!["a", "b", "c", "d"], -3.0)];
    let (long, short) = (shapley(&journeys), evenly(&journeys));
    assert_eq!(long.len(), 4);
    assert!(long.iter().all(|(channel, share)| (share - short[channel]).abs() < 1e-12), "{long:?}, {short:?}");
}
