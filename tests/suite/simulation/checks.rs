//! Looks at what lies in the log when all has come to rest, and knows nothing of how it got there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::mpsc::channel;

use tributary::journal::block::Source;
use tributary::model::time::Span;
use tributary::publish::ledgers::Ledger;
use tributary::runtime::log::{Log as _, Partition};
use tributary::runtime::parts::Letter;
use tributary::shards::forward::{Forward, Known, News};
use tributary::shards::{Counters, Shard};

use super::damage::stored;
use super::plan::Theme;
use super::replay::{self, Expected, Rows, plain};
use super::world::World;
use crate::ledgers::Net;

/// Whether everything that was written has been read and committed by whoever it is for.
pub fn lag(world: &World) -> Option<String> {
    let behind = |group: &str, partitions: &[Partition]| {
        let committed = world.log.committed(group, partitions).ok()?;
        let late = |(at, partition): (&Option<i64>, &Partition)| {
            let end = world.log.bounds(partition).expect("bounds").1;
            (at.unwrap_or(0) != end)
                .then(|| format!("{group}: {} {} {at:?} of {end}", partition.topic, partition.number))
        };
        Some(committed.iter().zip(partitions).filter_map(late).collect::<Vec<_>>().join(", "))
    };
    let (names, unsettled) = (&world.names, || Some("a transaction is open".to_owned()));
    let inputs: Vec<_> = names.inputs.iter().flat_map(|(_, name)| world.partitions(name)).collect();
    let mut all = vec![(&names.ingest_group, inputs)];
    all.push((&names.shards_group, [world.partitions(&names.journal), world.partitions(&names.forwards)].concat()));
    all.push((&names.rollup_group, vec![names.partials_log()]));
    let found = all.iter().map(|(group, partitions)| behind(group, partitions).or_else(unsettled).unwrap_or_default());
    let found: Vec<String> = found.filter(|text| !text.is_empty()).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

/// Whether the inputs are in the journal.
pub fn is_ingested(world: &World) -> bool {
    let inputs: Vec<_> = world.names.inputs.iter().flat_map(|(_, name)| world.partitions(name)).collect();
    let committed = world.log.committed(&world.names.ingest_group, &inputs).expect("no transaction is there");
    committed.iter().zip(&inputs).all(|(at, input)| at.unwrap_or(0) == world.log.bounds(input).expect("bounds").1)
}

/// What the shards have counted where they live is what their journal says, however they came there.
pub fn check_live(world: &mut World) {
    let mut answers = Vec::new();
    for watch in world.watches() {
        let Some(desk) = watch.desk else { continue };
        for shard in 0..world.names.shards {
            let (sender, answer) = channel();
            let question = move |fold: Option<&Shard>| {
                sender.send(fold.map(|fold| fold.status().counters)).expect("somebody listens");
            };
            desk.ask(shard, Box::new(question));
            answers.push(answer);
        }
    }
    world.calm_round(Span(1));
    let answers: Vec<Counters> = answers.iter().filter_map(|answer| answer.recv().ok().flatten()).collect();
    assert_eq!(answers.len(), usize::from(world.names.shards), "every shard lives once");
    let expected = replay::journal(world).counters;
    assert_eq!(answers.into_iter().reduce(replay::sum), Some(expected), "counted by live shards, and by a replay");
    let tally = world.sky.lock().tally.clone();
    if expected.gaps > 0 {
        world.sky.note("a gap");
        let causes = ["a zombie", "a crash", "a delivery failed", "a member was told late that it was out"];
        let known = causes.iter().any(|cause| tally.contains_key(cause));
        assert!(known, "{} sections came after a gap that nobody made", expected.gaps);
    }
}

/// Everything there is to check of a run that has come to rest. Says how many rows there are.
pub fn check(world: &World) -> usize {
    let expected = replay::journal(world);
    check_ranges(world, &expected);
    check_counters(world, &expected);
    check_letters(world, &expected);
    check_forwards(world);
    check_ledgers(world, &expected.net);
    let published = published(world);
    compare("the journal folded in one go", &expected.rows, &published);
    let as_of = expected.watermark.expect("a watermark at the end");
    if !matches!(world.plan.theme, Theme::Clock | Theme::Growth | Theme::Retention) {
        let greatest = world.plan.feed.iter().map(|(_, record)| record.timestamp).max();
        assert_eq!(greatest, expected.watermark, "the watermark comes to the greatest event");
    }
    if expected.counters.late > 0 {
        world.sky.note("a late event");
    }
    let strict = matches!(
        world.plan.theme,
        Theme::Plain | Theme::Clock | Theme::TopicByTopic | Theme::Standstill | Theme::Oracle
    );
    if strict {
        assert_eq!(expected.counters.late, 0, "nothing of this history is late, however it is read");
    }
    if strict || (expected.counters.late == 0 && matches!(world.plan.theme, Theme::Lulls | Theme::Growth)) {
        world.sky.note("a batch was compared");
        let (rows, letters) = replay::batch(world, as_of);
        compare("the batch", &rows, &published);
        assert_eq!(letters, expected.letters.len(), "letters of the batch");
    }
    if world.plan.theme == Theme::Oracle {
        world.sky.note("the oracle was compared");
        compare_oracle(&replay::oracle(world, as_of), &published);
    }
    published.len()
}

/// The newest value of every key. On the way: what is final stays as it is.
pub fn published(world: &World) -> Rows {
    let mut rows = Rows::new();
    let mut last: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    for partition in world.partitions(&world.names.kpis) {
        for record in stored(world, &partition) {
            let key = String::from_utf8(record.key.expect("rows have keys")).expect("keys are text");
            let Some(value) = record.value else {
                if last.contains_key(&key) {
                    let kind = key.split('|').nth(1).unwrap_or_default();
                    assert!(["1h", "1m", "7d", "30d"].contains(&kind), "a final row is buried: {key}");
                }
                rows.remove(&key);
                continue;
            };
            let value = plain(&value);
            if let Some(was) = last.get(&key) {
                assert_eq!(*was, value, "{key} changed after it was final");
            }
            if value["final"] == true {
                world.sky.note("a final row");
                last.insert(key.clone(), value.clone());
            }
            rows.insert(key, value);
        }
    }
    rows
}

/// Every offset of every input is told, but for those that were deleted.
fn check_ranges(world: &World, expected: &Expected) {
    for (topic, name) in &world.names.inputs {
        for partition in world.partitions(name) {
            let source = Source { topic: *topic, partition: partition.number };
            let mut next = 0;
            for (follows, to) in expected.ranges.get(&source).into_iter().flatten() {
                if *follows <= next {
                    next = next.max(*to);
                }
            }
            let end = world.log.bounds(&partition).expect("bounds").1;
            assert_eq!(next, end, "{name} {} is not told to its end", partition.number);
        }
    }
}

/// Nothing was counted twice or not at all.
fn check_counters(world: &World, expected: &Expected) {
    let valid = |partition: &Partition, offset: i64| {
        !world.trimmed.iter().any(|(of, before)| of == partition && offset < *before)
    };
    let is_judged = |record: &tributary::generate::Produced| {
        record.value.is_some() && (record.rejected_as.is_some() || record.topic.name() != "accounts")
    };
    let produced = world.inputs.iter().filter(|(_, _, record)| is_judged(record)).count() as u64;
    let kept =
        world.inputs.iter().filter(|(of, offset, record)| is_judged(record) && valid(of, *offset)).count() as u64;
    let Counters { accepted, duplicates, rejected, .. } = expected.counters;
    let counted = accepted + duplicates + rejected;
    assert!((kept..=produced).contains(&counted), "{counted} records were judged, of {kept} kept, {produced} produced");
}

/// Every rejected record has one letter, with its reason and as it came; a late event has one, too.
fn check_letters(world: &World, expected: &Expected) {
    let mut found: BTreeMap<(String, i32, i64), Vec<String>> = BTreeMap::new();
    for partition in world.partitions(&world.names.dead_letters) {
        for record in stored(world, &partition) {
            let header = |name: &str| {
                let name = format!("tributary.error.{name}");
                let value = record.headers.iter().find(|(of, _)| *of == name).and_then(|(_, value)| value.clone());
                String::from_utf8(value.unwrap_or_else(|| panic!("a letter without {name}"))).expect("text")
            };
            let place = (header("topic"), header("partition").parse().unwrap(), header("offset").parse().unwrap());
            let reason = header("reason");
            if reason != "late" {
                let input = world
                    .inputs
                    .iter()
                    .find(|(of, offset, _)| *of.topic == *place.0 && of.number == place.1 && *offset == place.2);
                let (_, _, input) = input.expect("a letter of something that was produced");
                assert_eq!(input.value, record.value, "the letter is the record as it came");
                assert_eq!(input.rejected_as, Some(&*reason), "{place:?}");
                assert!(record.headers.iter().any(|(name, _)| name == "origin"), "its headers came along");
            }
            found.entry(place).or_default().push(reason);
        }
    }
    let mut wanted: BTreeMap<(String, i32, i64), Vec<String>> = BTreeMap::new();
    for Letter { topic, partition, offset, reason, .. } in &expected.letters {
        wanted.entry((topic.clone(), *partition, *offset)).or_default().push(reason.clone());
    }
    for (place, reasons) in &wanted {
        assert_eq!(found.get(place), Some(reasons), "letters of {place:?}");
    }
    assert_eq!(found.len(), wanted.len(), "letters that nothing asked for");
    let lost = |partition: &Partition, offset: i64| {
        world.trimmed.iter().any(|(of, before)| of == partition && offset < *before)
    };
    for (partition, offset, record) in &world.inputs {
        let place = (partition.topic.to_string(), partition.number, *offset);
        if record.rejected_as.is_some() && !lost(partition, *offset) {
            assert_eq!(found.get(&place).map(Vec::len), Some(1), "{place:?} was rejected as {:?}", record.rejected_as);
        }
    }
}

/// After which somebody folds again what was folded.
const AGAIN: [&str; 6] = [
    "a crash",
    "a zombie",
    "an instance stood still unnoticed",
    "a transaction was aborted",
    "a commit's answer was lost",
    "a commit was lost",
];

/// What ledgers say comes to what the journal folded in one go says, each line once.
fn check_ledgers(world: &World, expected: &Net) {
    let tally = world.sky.lock().tally.clone();
    let after_crashes = AGAIN.iter().any(|cause| tally.contains_key(cause));
    let mut net = Net { after_crashes, ..Net::default() };
    for ledger in Ledger::ALL {
        for partition in world.partitions(world.names.ledger(ledger)) {
            for record in stored(world, &partition) {
                let key = String::from_utf8(record.key.expect("lines have keys")).expect("keys are text");
                net.take(ledger, &key, record.value.as_deref());
            }
        }
    }
    net.compare(expected);
    if !net.actions.is_empty() {
        world.sky.note("an action of a lead");
    }
}

/// What is told is told once until it is taken back; but several visitors may name a lead alike. Statements replace each
/// other: each differs from the one before, and only what was stated is taken back.
fn check_forwards(world: &World) {
    for partition in world.partitions(&world.names.forwards) {
        let mut known: BTreeMap<(u16, News), i32> = BTreeMap::new();
        let mut stated = BTreeMap::new();
        for record in stored(world, &partition) {
            let forward = Forward::decode(&record.value.expect("forwards have values")).expect("decodes");
            for news in forward.news {
                if let Known::Stated(of) = news.known {
                    let place = (forward.from, news.to, of.teller, of.stage);
                    assert_eq!(news.added, of.of.is_some(), "offset {}: {place:?}", record.offset);
                    let before = stated.insert(place.clone(), of.of.clone()).flatten();
                    assert_ne!(before, of.of, "offset {}: {place:?} is told again", record.offset);
                    continue;
                }
                let change = if news.added { 1 } else { -1 };
                let most = if matches!(news.known, Known::Named(_)) { i32::MAX } else { 1 };
                let what = (forward.from, News { added: true, ..news });
                let count = known.entry(what.clone()).or_default();
                *count += change;
                assert!((0..=most).contains(count), "offset {}: {what:?} is told {count} times", record.offset);
            }
        }
    }
}

pub fn compare(with: &str, expected: &Rows, found: &Rows) {
    let mut faults: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut note = |key: &str, what: String| {
        faults.entry(key.split('|').take(2).collect::<Vec<_>>().join("|")).or_default().push(what);
    };
    for (key, value) in expected {
        match found.get(key) {
            None => note(key, format!("missing {key}: {value}")),
            Some(other) if other != value => note(key, format!("different {key}:\n      {value}\n      {other}")),
            Some(_) => {}
        }
    }
    for (key, value) in found.iter().filter(|(key, _)| !expected.contains_key(*key)) {
        note(key, format!("extra {key}: {value}"));
    }
    let report = faults.iter().take(number_of("SIMULATION_SHOW")).fold(String::new(), |mut report, (kpi, faults)| {
        let _ = write!(report, "\n  {kpi}: {} rows, such as\n    {}", faults.len(), faults[0]);
        report
    });
    assert!(report.is_empty(), "against {with} ({} rows):{report}", expected.len());
}

fn compare_oracle(expected: &[crate::reference::Row], found: &Rows) {
    let expected: Vec<_> = expected.iter().filter(|row| crate::properties::KPIS.contains(&&*row.kpi)).collect();
    assert!(expected.len() > 100, "a history that says little proves little");
    let close = |within: f64, a: Option<f64>, b: &serde_json::Value| match (a, b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 + within * a.abs().max(b.abs()),
        (a, b) => a.is_none() && b.is_none(),
    };
    for row in &expected {
        let key = row.key();
        let Some(value) = found.get(&key) else { panic!("against the oracle: missing {key}") };
        // Quantiles are sketches.
        let is_quantile = row.dims.get("stat").is_some_and(|stat| stat != "mean");
        let close = |a, b| close(if is_quantile { 0.01 } else { 1e-9 }, a, b);
        let same = close(row.value, &value["value"])
            && close(row.numerator, &value["numerator"])
            && close(row.denominator, &value["denominator"])
            && close(row.previous, &value["previous"])
            && close(row.benchmark, &value["benchmark"])
            && value["final"] == row.is_final;
        assert!(same, "against the oracle: {row:?}\n  {value}");
    }
    assert_eq!(expected.len(), found.len(), "rows that the oracle does not have");
}

/// How many faults to show, for who wants to see more of them.
fn number_of(name: &str) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}
