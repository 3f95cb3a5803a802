//! The rollup against a recomputation of every row from all facts, on random histories: any cutting into blocks, any
//! order of shards, facts that come and go, a watermark that moves between, asked for rows at any time.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::row::Says;
use super::statistics::{median, wilson};
use super::tests::{Cells, at, config, said, text};
use super::*;
use crate::kpi::families::{Families, Family, Operand, Projected, Term};
use crate::kpi::measures::{Dim, Measure, Sum};
use crate::kpi::number::Number;
use crate::kpi::plan::{Kept, Plan, plan_of};
use crate::model::time::Span;
use crate::partials::cells::Amount;

const SHARDS: u16 = 3;
const SETTINGS: &str = r#"
[topics]
partitions = 3
[time]
zone = "Europe/Berlin"
windows = ["1h", "1d", "1w", "1mo", "3d", "all"]
allowed_lateness = "2d"
settle = "5d"
[attribution]
models = ["first", "linear"]
detail_models = ["first", "last"]
[output]
kpis = ["sessions", "visitors", "traffic_share_ratio", "leads", "cost_per_lead", "session_lead_ratio", "stage_conversion_ratio", "average_deal_value"]
rolling_dims = [["landing_page"]]
[output.retention]
"1h" = "3d"
rolling = "20d"
"#;

#[derive(Clone, Debug)]
struct Fact {
    measure: Measure,
    at: Millis,
    values: Vec<&'static str>,
    sum: i128,
    subject: u8,
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// The fact of this number comes, or goes if it was there.
    Toggle(u16, usize),
    /// The shard sends what changed, or all it has.
    Send {
        shard: u16,
        whole: bool,
        takes_over: bool,
    },
    Watermark(u16, i64),
    Ask {
        settle: bool,
    },
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    const MEASURES: [Measure; 10] = [
        Measure::Sessions,
        Measure::Visitors,
        Measure::VisitorsByChannel,
        Measure::Spend,
        Measure::Entries,
        Measure::EntryCredit,
        Measure::LeadsByLandingPage,
        Measure::StageCohort,
        Measure::RevenueBySource,
        Measure::WonBySource,
    ];
    let fact = (0..MEASURES.len(), 0..12 * 24i64, 0..3usize, 0..2usize, 1..4i128, 0..4u8).prop_map(
        |(measure, hour, one, two, sum, subject)| {
            let measure = MEASURES[measure];
            // The clocks change on March 29.
            let at = at("2026-03-24T00:30:00Z") + Span(hour * Span::HOUR.0);
            let model = ["first", "linear", "last"][one];
            let value = |dim: &Dim| match dim {
                Dim::Channel => ["pr", "email", "paid_social"][(one + two) % 3],
                Dim::Content | Dim::Term if model == "linear" && measure == Measure::EntryCredit => "",
                Dim::Model => model,
                Dim::Stage => ["lead", "mql"][two],
                Dim::LandingPage => ["/", "/demo"][two],
                _ => ["x", "y=z"][two],
            };
            Fact { measure, at, values: measure.dims().iter().map(value).collect(), sum, subject }
        },
    );
    prop::collection::vec(fact, 1..25)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..SHARDS, 0..25usize).prop_map(|(shard, fact)| Step::Toggle(shard, fact)),
        4 => (0..SHARDS, prop::bool::weighted(0.2), prop::bool::weighted(0.2))
            .prop_map(|(shard, whole, takes_over)| Step::Send { shard, whole: whole || takes_over, takes_over }),
        1 => (0..SHARDS, 0..16 * 24i64).prop_map(|(shard, hours)| Step::Watermark(shard, hours)),
        3 => any::<bool>().prop_map(|settle| Step::Ask { settle }),
    ];
    prop::collection::vec(step, 1..60)
}

type CellOf = (Measure, Kept, Window, Vec<&'static str>);
type CellMap = BTreeMap<CellOf, Amount>;

/// A shard that knows its facts and what it sent of them.
#[derive(Default)]
struct Sender {
    claim: u64,
    present: BTreeSet<usize>,
    sent: CellMap,
    /// The cells that the claim has named.
    named: BTreeSet<CellOf>,
    watermark: Option<Millis>,
}

impl Sender {
    fn block(&mut self, shard: u16, whole: bool, takes_over: bool, world: &World) -> Block {
        let cells = cells_of(self.present.iter().map(|at| &world.facts[*at]), world);
        self.claim += u64::from(takes_over);
        let mut block = Cells::of(shard, self.watermark);
        (block.0.claim, block.0.takes_over, block.0.whole) = (self.claim, takes_over, whole);
        let gone = self.sent.keys().filter(|key| !cells.contains_key(*key)).map(|key| (key, Amount::default()));
        let there = cells.iter().map(|(key, amount)| (key, *amount));
        let is_news = |(key, amount): &(_, Amount)| self.sent.get(*key).copied().unwrap_or_default() != *amount;
        let (mut all, same): (Vec<_>, Vec<_>) = gone.chain(there).partition(is_news);
        let changed = all.len();
        if whole {
            all.extend(same);
        }
        if whole {
            self.named.clear();
        }
        for (key, amount) in all {
            let (measure, kept, bucket, values) = key;
            let add = if self.named.insert(key.clone()) { Cells::kept } else { Cells::known };
            block = add(block, (*measure, *kept, *bucket), values, amount);
        }
        self.sent = cells;
        if whole {
            block.0.changed = changed;
        }
        block.0
    }
}

struct World {
    config: Config,
    plan: Plan,
    families: Families,
    facts: Vec<Fact>,
}

/// The cells of a shard with these facts, as the plan wants them.
fn cells_of<'a>(facts: impl Iterator<Item = &'a Fact>, world: &World) -> CellMap {
    let calendar = &world.config.time.calendar;
    let mut cells = CellMap::new();
    let mut days: BTreeMap<_, BTreeSet<i32>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut add = |key, sum, facts| {
        let cell: &mut Amount = cells.entry(key).or_default();
        cell.add(Amount { sum, facts });
    };
    for fact in facts {
        for (kind, kept) in world.plan.grains(fact.measure) {
            let kept_value = |(at, value): (usize, &&'static str)| if kept.keeps(at) { *value } else { "" };
            let values: Vec<_> = fact.values.iter().enumerate().map(kept_value).collect();
            match (fact.measure.sum(), kind) {
                (Sum::Additive | Sum::Present | Sum::Standing, _) => {
                    add((fact.measure, *kept, calendar.window_at(*kind, fact.at), values), fact.sum, 1)
                }
                (Sum::Distinct, WindowKind::Rolling(_)) => {
                    days.entry((fact.measure, *kept, *kind, values, fact.subject))
                        .or_default()
                        .insert(calendar.day(fact.at).0);
                }
                (Sum::Distinct, _) => {
                    let window = calendar.window_at(*kind, fact.at);
                    if seen.insert((fact.measure, window, values.clone(), fact.subject)) {
                        add((fact.measure, *kept, window, values), 1, 1);
                    }
                }
            }
        }
    }
    for ((measure, kept, kind, values, _), days) in days {
        let WindowKind::Rolling(length) = kind else { continue };
        let held: BTreeSet<_> = days.iter().flat_map(|day| *day..day + i32::from(length)).collect();
        for day in &held {
            if !held.contains(&(day - 1)) {
                add((measure, kept, Window { kind, start: *day }, values.clone()), 1, 1);
            }
            if !held.contains(&(day + 1)) {
                add((measure, kept, Window { kind, start: day + 1 }, values.clone()), -1, -1);
            }
        }
    }
    cells.retain(|_, amount| !amount.is_empty());
    cells
}

/// Every row from all facts, by the definitions.
struct Oracle<'a> {
    world: &'a World,
    /// With the shard whose subjects they are.
    facts: Vec<(u16, &'a Fact)>,
    watermark: Millis,
}

impl Oracle<'_> {
    fn rows(&self) -> BTreeMap<String, String> {
        let mut rows = BTreeMap::new();
        for family in &self.world.families.families {
            for kind in &family.kinds {
                for window in self.windows(*kind) {
                    for dims in self.dims(family) {
                        if let Some((numerator, denominator, value)) = self.parts(family, window, &dims) {
                            let says = self.says(family, window, &dims, (numerator, denominator, value));
                            rows.insert(self.key(family, window, &dims), said(&says));
                        }
                    }
                }
            }
        }
        rows
    }

    fn key(&self, family: &Family, window: Window, dims: &[&str]) -> String {
        crate::publish::kpi_update::key(&RowId {
            kpi: Arc::from(&*self.world.families.kpis[family.kpi].id),
            window: window.kind,
            start: self.world.config.time.calendar.start(window),
            dims: family.dims.iter().map(|dim| dim.name()).zip(dims.iter().map(|text| Arc::from(*text))).collect(),
        })
    }

    /// Those that have begun and are in retention.
    fn windows(&self, kind: WindowKind) -> BTreeSet<Window> {
        let calendar = &self.world.config.time.calendar;
        let mut windows = BTreeSet::new();
        let mut at = at("2026-03-20T00:00:00Z");
        while at <= self.watermark {
            windows.insert(calendar.window_at(kind, at));
            at = at + Span(Span::HOUR.0 / 2);
        }
        windows.insert(calendar.window_at(kind, self.watermark));
        let retention = match kind {
            WindowKind::Hour => Some(Span::days(3)),
            WindowKind::Rolling(_) => Some(Span::days(20)),
            _ => None,
        };
        windows.retain(|window| match (calendar.end(*window), retention) {
            (Some(end), Some(kept)) => self.watermark - end <= kept,
            _ => true,
        });
        windows
    }

    /// Any dimensions that a fact or a model could have.
    fn dims(&self, family: &Family) -> BTreeSet<Vec<&'static str>> {
        let mut found = BTreeSet::from([Vec::new()]);
        for dim in &family.dims {
            let texts: &[&'static str] = match dim {
                Dim::Channel => &["pr", "email", "paid_social"],
                Dim::ChannelGroup => &["earned", "owned", "paid"],
                Dim::Model => &["first", "linear"],
                Dim::Stage => &["lead", "mql"],
                Dim::LandingPage => &["/", "/demo"],
                _ => &["x", "y=z"],
            };
            let with = |known: &Vec<&'static str>| texts.iter().map(|text| [&known[..], &[*text]].concat()).collect();
            found = found.iter().flat_map::<Vec<_>, _>(with).collect();
        }
        if family.dims.contains(&Dim::Model)
            && (family.dims.contains(&Dim::Content) || family.dims.contains(&Dim::Term))
        {
            found.retain(|dims| !dims.contains(&"linear"));
        }
        found
    }

    fn term(&self, family: &Family, term: &Term, window: Window, dims: &[&str]) -> Amount {
        let calendar = &self.world.config.time.calendar;
        let within = |at: Millis| {
            calendar.start(window).is_none_or(|start| start <= at) && calendar.end(window).is_none_or(|end| at < end)
        };
        let wanted =
            family.dims.iter().zip(dims).filter(|(dim, _)| term.own && !(term.every_model && **dim == Dim::Model));
        let wanted: Vec<_> = wanted.map(|(_, text)| *text).collect();
        let matches = |fact: &Fact| {
            let shown = term.view.outputs.iter().map(|output| match output {
                Projected::Value(at) => fact.values[*at],
                Projected::Group(at) => match fact.values[*at] {
                    "pr" => "earned",
                    "email" => "owned",
                    _ => "paid",
                },
            });
            fact.measure == term.view.measure
                && within(fact.at)
                && term.view.filters.iter().all(|(at, text)| fact.values[*at] == text)
                && shown.collect::<Vec<_>>() == wanted
        };
        let facts = self.facts.iter().filter(|(_, fact)| matches(fact));
        match term.view.measure.sum() {
            Sum::Additive | Sum::Present | Sum::Standing => {
                facts.fold(Amount::default(), |all, (_, fact)| Amount { sum: all.sum + fact.sum, facts: all.facts + 1 })
            }
            Sum::Distinct => {
                let subjects: BTreeSet<_> = facts.map(|(shard, fact)| (shard, fact.subject)).collect();
                let count = i64::try_from(subjects.len()).expect("few");
                Amount { sum: i128::from(count), facts: count }
            }
        }
    }

    fn parts(
        &self,
        family: &Family,
        window: Window,
        dims: &[&str],
    ) -> Option<(Option<Number>, Option<Number>, Option<Number>)> {
        let amounts: Vec<_> = family.terms.iter().map(|term| self.term(family, term, window, dims)).collect();
        if !family.terms.iter().zip(&amounts).any(|(term, amount)| term.own && amount.facts > 0) {
            return None;
        }
        let number = |operand: &Operand| match *operand {
            Operand::Term(at) => Number::of(amounts[at].sum, family.terms[at].view.measure.scale()),
            Operand::Given(_) => unreachable!("the histories here have no budgets and goals"),
        };
        let numerator = family.formula.numerator.value(&number);
        let Some(denominator) = &family.formula.denominator else { return Some((None, None, numerator)) };
        let denominator = denominator.value(&number);
        let value = numerator.zip(denominator).and_then(|(over, under)| over.over(under));
        Some((numerator, denominator, value))
    }

    fn says(
        &self,
        family: &Family,
        window: Window,
        dims: &[&str],
        (numerator, denominator, value): (Option<Number>, Option<Number>, Option<Number>),
    ) -> Says {
        let calendar = &self.world.config.time.calendar;
        let mut before = Vec::new();
        let mut last = window;
        for _ in 0..8 {
            let Some(previous) = calendar.previous(last) else { break };
            before.push(self.parts(family, previous, dims).and_then(|(_, _, value)| value));
            last = previous;
        }
        let previous = before.first().copied().flatten();
        let rolling = window.kind.is_rolling();
        let interval = self.world.families.kpis[family.kpi].interval;
        let between = numerator.zip(denominator).filter(|_| interval);
        let (low, high) = between.and_then(|(of, all)| wilson(of.to_f64(), all.to_f64())).unzip();
        let wait = if family.settling { Span::days(7) } else { Span::days(2) };
        Says {
            value,
            numerator,
            denominator,
            low,
            high,
            previous,
            change: value.zip(previous).and_then(|(now, then)| now.over(then)).map(|ratio| ratio.to_f64() - 1.0),
            benchmark: if rolling { None } else { median(before.into_iter().flatten().collect()) },
            last: calendar.end(window).is_some_and(|end| self.watermark > end + wait),
        }
    }
}

/// What a reader of the topic knows.
#[derive(Default)]
struct Reader {
    rows: BTreeMap<String, String>,
    tombstones: usize,
}

impl Reader {
    fn read(&mut self, changes: &[row::RowChange]) {
        for change in changes {
            let line = text(change);
            let key = crate::publish::kpi_update::key(change.id());
            if change.row().is_some() {
                let said = line[key.len() + 3..].to_owned();
                assert_ne!(self.rows.insert(key, said.clone()), Some(said), "published without a change: {line}");
            } else {
                self.tombstones += 1;
                assert!(self.rows.remove(&key).is_some(), "buried without a row: {line}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_history_ends_in_the_same_rows(facts in facts(), steps in steps(), first in 0..12 * 24i64) {
        let config = config(SETTINGS);
        let world = World { plan: plan_of(&config), families: families_of(&config), config, facts };
        let mut rollup = Rollup::new(&world.config);
        let mut reader = Reader::default();
        let mut senders: Vec<Sender> = (0..SHARDS).map(|_| Sender { claim: 1, ..Sender::default() }).collect();
        let begin = at("2026-03-24T00:00:00Z");
        for (shard, sender) in (0..SHARDS).zip(&mut senders) {
            sender.watermark = Some(begin + Span(first * Span::HOUR.0));
            prop_assert!(rollup.apply(&sender.block(shard, true, true, &world)));
        }
        for step in &steps {
            match *step {
                Step::Toggle(shard, fact) => {
                    let (fact, present) = (fact % world.facts.len(), &mut senders[usize::from(shard)].present);
                    if !present.remove(&fact) {
                        present.insert(fact);
                    }
                }
                Step::Send { shard, whole, takes_over } => {
                    let block = senders[usize::from(shard)].block(shard, whole, takes_over, &world);
                    prop_assert!(rollup.apply(&block));
                }
                Step::Watermark(shard, hours) => {
                    let at = begin + Span(hours * Span::HOUR.0);
                    let sender = &mut senders[usize::from(shard)];
                    sender.watermark = sender.watermark.max(Some(at));
                }
                Step::Ask { settle } => reader.read(&rollup.changed(settle, Millis(0))),
            }
        }
        for (shard, sender) in (0..SHARDS).zip(&mut senders) {
            prop_assert!(rollup.apply(&sender.block(shard, false, false, &world)));
        }
        reader.read(&rollup.changed(true, Millis(0)));
        let facts = (0..SHARDS).zip(&senders).flat_map(|(shard, sender)| {
            sender.present.iter().map(move |at| (shard, *at))
        });
        let facts = facts.map(|(shard, at)| (shard, &world.facts[at])).collect();
        let watermark = rollup.watermark().expect("every shard said one");
        let expected = Oracle { world: &world, facts, watermark }.rows();
        prop_assert_eq!(&reader.rows, &expected);
        let listed: BTreeMap<_, _> = rollup.all_rows(Millis(0)).iter().map(|row| {
            (crate::publish::kpi_update::key(&row.id), said(&row.says))
        }).collect();
        prop_assert_eq!(&listed, &expected);

        // All facts go: nothing but tombstones, one for each row.
        let (before, buried) = (reader.rows.len(), reader.tombstones);
        for (shard, sender) in (0..SHARDS).zip(&mut senders) {
            sender.present.clear();
            prop_assert!(rollup.apply(&sender.block(shard, false, false, &world)));
        }
        reader.read(&rollup.changed(true, Millis(0)));
        prop_assert!(reader.rows.is_empty());
        prop_assert_eq!(reader.tombstones - buried, before);
    }
}
