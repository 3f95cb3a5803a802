//! Small blocks of cells in, the rows that come out as text: one test a rule.

use expect_test::{Expect, expect};

use super::*;
use crate::kpi::measures::Measure;
use crate::kpi::number::Number;
use crate::kpi::plan::Kept;
use crate::model::time::Span;
use crate::model::window::{Day, day_of};
use crate::partials::block::NamedCell;
use crate::partials::cells::{Amount, Symbol};
use crate::rollup::lookup::{Query, Starts};
use crate::rollup::row::RowChange;

pub(super) fn config(toml: &str) -> Config {
    Config::parse(toml, "test.toml", std::iter::empty()).expect("a valid configuration")
}

/// One shard, one kind of window more than days.
fn settings(kpis: &str, windows: &str) -> Config {
    config(&format!(
        "[topics]\npartitions = 1\n[time]\nwindows = [{windows}]\n[output]\nkpis = [{kpis}]\n\
         [attribution]\nmodels = [\"first\", \"linear\"]\ndetail_models = [\"first\", \"last\"]\n"
    ))
}

pub(super) fn at(text: &str) -> Millis {
    Millis(text.parse::<jiff::Timestamp>().expect("a timestamp").as_millisecond())
}

fn day(text: &str) -> Day {
    day_of(text.parse().expect("a date"))
}

/// The number of a cell of a shard: the same in all blocks of a test.
fn number_of(shard: u16, (measure, kept, bucket): (Measure, Kept, Window), values: &[&str]) -> u32 {
    type Numbers = std::collections::BTreeMap<String, u32>;
    thread_local! {
        static NUMBERS: std::cell::RefCell<Numbers> = const { std::cell::RefCell::new(Numbers::new()) };
    }
    NUMBERS.with_borrow_mut(|numbers| {
        let next = u32::try_from(numbers.len()).expect("few cells");
        *numbers.entry(format!("{shard} {measure:?} {kept:?} {bucket:?} {values:?}")).or_insert(next)
    })
}

/// A block under construction; an empty value is absent.
pub(super) struct Cells(pub Block);

impl Cells {
    pub(super) fn of(shard: u16, watermark: Option<Millis>) -> Self {
        Self(Block {
            shard,
            claim: 1,
            takes_over: true,
            whole: false,
            journal_offset: 0,
            forwards_offset: 0,
            watermarks: [watermark; 3],
            arrived: None,
            texts: Vec::new(),
            named: Vec::new(),
            changed: 0,
            known: Vec::new(),
        })
    }

    /// What some facts are in cells, by whatever dimensions a plan may keep.
    fn cell<'v>(self, measure: Measure, bucket: Window, values: &[&'v str], sum: i128, facts: i64) -> Self {
        (0..1 << values.len()).map(Kept).fold(self, |cells, kept| {
            let projected = |(at, text): (usize, &&'v str)| if kept.keeps(at) { *text } else { "" };
            let projected: Vec<_> = values.iter().enumerate().map(projected).collect();
            cells.kept((measure, kept, bucket), &projected, Amount { sum, facts })
        })
    }

    pub(super) fn kept(mut self, of: (Measure, Kept, Window), texts: &[&str], amount: Amount) -> Self {
        let (measure, kept, bucket) = of;
        let symbol = |text: &&str| {
            if text.is_empty() {
                return Symbol::ABSENT;
            }
            let known = self.0.texts.iter().position(|known| known == text);
            let place = known.unwrap_or_else(|| {
                self.0.texts.push((*text).to_owned());
                self.0.texts.len() - 1
            });
            Symbol(u32::try_from(place + 1).expect("few texts"))
        };
        let values = texts.iter().map(symbol).collect();
        let number = number_of(self.0.shard, of, texts);
        self.0.named.push(NamedCell { number, measure, kept, bucket, values, amount });
        self.0.changed = self.0.named.len();
        self
    }

    /// The same of a cell that was named before.
    pub(super) fn known(mut self, of: (Measure, Kept, Window), values: &[&str], amount: Amount) -> Self {
        self.0.known.push((number_of(self.0.shard, of, values), amount));
        self
    }

    fn day(self, measure: Measure, date: &str, values: &[&str], sum: i128) -> Self {
        self.cell(measure, Window { kind: WindowKind::Day, start: day(date).0 }, values, sum, i64::from(sum != 0))
    }

    fn sessions(self, date: &str, channel: &str, sum: i128) -> Self {
        self.day(Measure::Sessions, date, &[channel, "", "", "", ""], sum)
    }
}

pub(super) fn text(change: &RowChange) -> String {
    let key = crate::publish::kpi_update::key(change.id());
    change.row().map_or_else(|| format!("{key} gone"), |row| format!("{key} = {}", said(&row.says)))
}

pub(super) fn said(says: &Says) -> String {
    let number = |n: Option<Number>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let mut text = number(says.value);
    if says.denominator.is_some() {
        text += &format!(" ({}/{})", number(says.numerator), number(says.denominator));
    }
    if let (Some(low), Some(high)) = (says.low, says.high) {
        text += &format!(" in {low:.3}..{high:.3}");
    }
    for (name, quoted) in [("previous", says.previous), ("benchmark", says.benchmark)] {
        text += &quoted.map_or_else(String::new, |quoted| format!(" {name} {quoted}"));
    }
    if let Some(change) = says.change {
        text += &format!(" change {change:.3}");
    }
    if says.last {
        text += " final";
    }
    text
}

#[allow(clippy::needless_pass_by_value, reason = "reads better at the many calls")]
fn check(changes: Vec<RowChange>, expected: Expect) {
    let lines: Vec<_> = changes.iter().map(|change| text(change) + "\n").collect();
    expected.assert_eq(&lines.concat());
}

fn all(rollup: &Rollup) -> Vec<RowChange> {
    rollup.all_rows(Millis(0)).into_iter().map(|row| RowChange::Says(row.into())).collect()
}

const NOW: Millis = Millis(0);

#[test]
fn without_a_watermark_of_every_shard_there_is_no_row() {
    let mut config = settings("\"sessions\"", "\"1d\"");
    config.topics.partitions = 2;
    let mut rollup = Rollup::new(&config);
    let noon = at("2026-01-10T12:00:00Z");
    assert!(rollup.apply(&Cells::of(0, Some(noon)).sessions("2026-01-10", "email", 2).0));
    assert_eq!(rollup.watermark(), None);
    assert!(rollup.changed(true, NOW).is_empty());
    assert!(rollup.apply(&Cells::of(1, Some(noon - Span::HOUR)).sessions("2026-01-10", "email", 3).0));
    assert_eq!(rollup.watermark(), Some(noon - Span::HOUR));
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            sessions|1d|1768003200000| = 5
            sessions|1d|1768003200000|channel=email = 5
            sessions|1d|1768003200000|channel_group=owned = 5
        "#]],
    );
    // A shard that begins anew says less; the watermark stays.
    assert!(rollup.apply(&Cells::of(1, None).0));
    assert_eq!(rollup.watermark(), Some(noon - Span::HOUR));
}

#[test]
fn a_row_is_published_when_it_changed_and_ended_ones_to_settle() {
    let mut rollup = Rollup::new(&settings("\"touches\"", "\"1d\""));
    let noon = Some(at("2026-01-10T12:00:00Z"));
    let touches = |cells: Cells, date, sum| cells.day(Measure::Touches, date, &["click", "", ""], sum);
    rollup.apply(&touches(touches(Cells::of(0, noon), "2026-01-10", 2), "2026-01-09", 4).0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            touches|1d|1768003200000| = 2 previous 4 benchmark 4 change -0.500
            touches|1d|1768003200000|kind=click = 2 previous 4 benchmark 4 change -0.500
        "#]],
    );
    check(rollup.changed(false, NOW), expect![""]);
    check(
        rollup.changed(true, NOW),
        expect![[r#"
            touches|1d|1767916800000| = 4
            touches|1d|1767916800000|kind=click = 4
        "#]],
    );
    check(rollup.changed(true, NOW), expect![""]);
    // A change of the day before also changes what today's row quotes; the same value again changes nothing.
    rollup.apply(&touches(touches(Cells::of(0, noon), "2026-01-09", 1), "2026-01-10", 2).0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            touches|1d|1768003200000| = 2 previous 1 benchmark 1 change 1.000
            touches|1d|1768003200000|kind=click = 2 previous 1 benchmark 1 change 1.000
        "#]],
    );
    // All facts gone: the row goes, ended ones to settle.
    rollup.apply(&touches(touches(Cells::of(0, noon), "2026-01-09", 0), "2026-01-10", 0).0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            touches|1d|1768003200000| gone
            touches|1d|1768003200000|kind=click gone
        "#]],
    );
    check(
        rollup.changed(true, NOW),
        expect![[r#"
            touches|1d|1767916800000| gone
            touches|1d|1767916800000|kind=click gone
        "#]],
    );
    assert!(all(&rollup).is_empty());
}

#[test]
fn rows_begin_with_the_watermark_and_become_final_once() {
    let mut rollup = Rollup::new(&settings("\"form_fills\", \"spend\"", "\"1d\""));
    let day = |watermark: &str| {
        Cells::of(0, Some(at(watermark)))
            .day(Measure::FormFills, "2026-01-10", &[""], 1)
            .day(Measure::FormFills, "2026-01-11", &[""], 1)
            .day(Measure::Spend, "2026-01-10", &["", "", "", "", ""], 1_500_000)
    };
    rollup.apply(&day("2026-01-10T23:59:59Z").0);
    check(
        rollup.changed(true, NOW),
        expect![[r#"
            form_fills|1d|1768003200000| = 1
            spend|1d|1768003200000| = 1.5
        "#]],
    );
    rollup.apply(&day("2026-01-11T00:00:00Z").0);
    check(
        rollup.changed(true, NOW),
        expect![[r#"
        form_fills|1d|1768089600000| = 1 previous 1 benchmark 1 change 0.000
    "#]],
    );
    // The end of the 10th and L = 24 h: reached, then passed.
    rollup.apply(&day("2026-01-12T00:00:00Z").0);
    check(rollup.changed(true, NOW), expect![""]);
    rollup.apply(&day("2026-01-12T00:00:00.001Z").0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
        form_fills|1d|1768003200000| = 1 final
    "#]],
    );
    check(rollup.changed(true, NOW), expect![""]);
    // Spend settles H = 90 d later.
    rollup.apply(&day("2026-04-12T00:00:00.001Z").0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            form_fills|1d|1768089600000| = 1 previous 1 benchmark 1 change 0.000 final
            spend|1d|1768003200000| = 1.5 final
        "#]],
    );
}

#[test]
fn rolling_windows_have_a_row_a_day() {
    let mut rollup = Rollup::new(&settings("\"sessions\"", "\"3d\""));
    let cells = |watermark: &str| {
        Cells::of(0, Some(at(watermark))).sessions("2026-01-10", "pr", 1).sessions("2026-01-14", "pr", 5)
    };
    rollup.apply(&cells("2026-01-11T08:00:00Z").0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            sessions|3d|1767916800000| = 1
            sessions|3d|1767916800000|channel=pr = 1
            sessions|3d|1767916800000|channel_group=earned = 1
        "#]],
    );
    rollup.apply(&cells("2026-01-14T08:00:00Z").0);
    check(
        rollup.changed(true, NOW),
        expect![[r#"
            sessions|3d|1767830400000| = 1 final
            sessions|3d|1767830400000|channel=pr = 1 final
            sessions|3d|1767830400000|channel_group=earned = 1 final
            sessions|3d|1767916800000| = 1 final
            sessions|3d|1767916800000|channel=pr = 1 final
            sessions|3d|1767916800000|channel_group=earned = 1 final
            sessions|3d|1768003200000| = 1 final
            sessions|3d|1768003200000|channel=pr = 1 final
            sessions|3d|1768003200000|channel_group=earned = 1 final
            sessions|3d|1768176000000| = 5 previous 1 change 4.000
            sessions|3d|1768176000000|channel=pr = 5 previous 1 change 4.000
            sessions|3d|1768176000000|channel_group=earned = 5 previous 1 change 4.000
        "#]],
    );
}

#[test]
fn distinct_subjects_step_in_and_out_of_rolling_windows() {
    let mut rollup = Rollup::new(&settings("\"visitors\"", "\"1mo\", \"2d\", \"all\""));
    let step = |cells: Cells, date: &str, sum: i128, facts| {
        let bucket = Window { kind: WindowKind::Rolling(2), start: day(date).0 };
        cells.cell(Measure::Visitors, bucket, &[], sum, facts)
    };
    let month = Window { kind: WindowKind::Month, start: day("2026-01-01").0 };
    let whole = Window { kind: WindowKind::All, start: 0 };
    let cells = Cells::of(0, Some(at("2026-01-13T00:00:00Z"))).cell(Measure::Visitors, month, &[], 2, 2).cell(
        Measure::Visitors,
        whole,
        &[],
        2,
        2,
    );
    rollup.apply(&step(step(step(cells, "2026-01-10", 2, 2), "2026-01-12", -1, -1), "2026-01-13", -1, -1).0);
    check(
        rollup.changed(true, NOW),
        expect![[r#"
            visitors|1mo|1767225600000| = 2
            visitors|2d|1767916800000| = 2 final
            visitors|2d|1768003200000| = 2
            visitors|2d|1768089600000| = 1 previous 2 change -0.500
            visitors|all|| = 2
        "#]],
    );
}

#[test]
fn credit_has_rows_for_enabled_models_and_spend_for_each() {
    let mut rollup = Rollup::new(&settings("\"cost_per_lead\", \"session_lead_ratio\"", "\"1d\""));
    let credit = |cells: Cells, model, content, sum| {
        cells.day(Measure::EntryCredit, "2026-01-10", &["lead", model, "pr", "(none)", content, ""], sum)
    };
    let cells = Cells::of(0, Some(at("2026-01-10T08:00:00Z")))
        .day(Measure::Spend, "2026-01-10", &["pr", "(none)", "ad", "t", "media"], 30_000_000)
        .day(Measure::Entries, "2026-01-10", &["lead"], 2)
        .sessions("2026-01-10", "pr", 4);
    let cells = credit(cells, "first", "ad", 1_500_000_000);
    rollup.apply(&credit(credit(cells, "linear", "", 500_000_000), "last", "ad", 1_000_000_000).0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            cost_per_lead|1d|1768003200000| = 15 (30/2)
            cost_per_lead|1d|1768003200000|campaign=(none),channel=pr,content=ad,model=first = 20 (30/1.5)
            cost_per_lead|1d|1768003200000|campaign=(none),channel=pr,model=first = 20 (30/1.5)
            cost_per_lead|1d|1768003200000|campaign=(none),channel=pr,model=linear = 60 (30/0.5)
            cost_per_lead|1d|1768003200000|channel=pr,model=first = 20 (30/1.5)
            cost_per_lead|1d|1768003200000|channel=pr,model=first,term=t = - (30/0)
            cost_per_lead|1d|1768003200000|channel=pr,model=linear = 60 (30/0.5)
            cost_per_lead|1d|1768003200000|channel_group=earned,model=first = 20 (30/1.5)
            cost_per_lead|1d|1768003200000|channel_group=earned,model=linear = 60 (30/0.5)
            session_lead_ratio|1d|1768003200000| = 0.5 (2/4)
            session_lead_ratio|1d|1768003200000|campaign=(none),channel=pr = - (1/0)
            session_lead_ratio|1d|1768003200000|channel=pr = 0.25 (1/4)
        "#]],
    );
}

#[test]
fn shares_have_an_interval_and_the_whole_as_denominator() {
    let mut rollup = Rollup::new(&settings("\"traffic_share_ratio\", \"what_if_leads\", \"win_ratio\"", "\"1d\""));
    let cells = Cells::of(0, Some(at("2026-01-10T08:00:00Z")))
        .sessions("2026-01-10", "pr", 1)
        .sessions("2026-01-10", "email", 3)
        .day(Measure::Entries, "2026-01-10", &["lead"], 1)
        .day(Measure::ClosedLost, "2026-01-10", &["pr", "x"], 2);
    rollup.apply(&cells.0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            traffic_share_ratio|1d|1768003200000| = 1 (4/4) in 0.510..1.000
            traffic_share_ratio|1d|1768003200000|channel_group=earned = 0.25 (1/4) in 0.046..0.699
            traffic_share_ratio|1d|1768003200000|channel_group=owned = 0.75 (3/4) in 0.301..0.954
            what_if_leads|1d|1768003200000| = 12.5 (1/4)
            what_if_leads|1d|1768003200000|channel=email = 0 (0/3)
            what_if_leads|1d|1768003200000|channel=pr = 0 (0/1)
            win_ratio|1d|1768003200000| = 0 (0/2) in 0.000..0.658
            win_ratio|1d|1768003200000|campaign=x,channel=pr = 0 (0/2) in 0.000..0.658
            win_ratio|1d|1768003200000|channel=pr = 0 (0/2) in 0.000..0.658
        "#]],
    );
}

#[test]
fn the_benchmark_is_the_median_of_eight_windows() {
    let mut rollup = Rollup::new(&settings("\"raw_leads\"", "\"1d\""));
    let mut cells = Cells::of(0, Some(at("2026-01-20T08:00:00Z")));
    // Eight before the 20th: 12, 13, …, 19; the 11th is too old, the 13th has none.
    for (date, sum) in [(11, 100), (12, 9), (14, 1), (15, 7), (17, 3), (19, 5), (20, 2)] {
        cells = cells.day(Measure::RawLeads, &format!("2026-01-{date}"), &[], sum);
    }
    rollup.apply(&cells.0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
        raw_leads|1d|1768867200000| = 2 previous 5 benchmark 5 change -0.600
    "#]],
    );
}

#[test]
fn out_of_retention_rows_go() {
    let mut config = settings("\"raw_leads\"", "\"1d\"");
    config.output.retention.insert("1d".to_owned(), Span::days(3));
    let mut rollup = Rollup::new(&config);
    let cells = |watermark: &str| {
        let cells = Cells::of(0, Some(at(watermark)));
        cells.day(Measure::RawLeads, "2026-01-10", &[], 4).day(Measure::RawLeads, "2026-01-11", &[], 5)
    };
    rollup.apply(&cells("2026-01-11T08:00:00Z").0);
    assert_eq!(rollup.changed(true, NOW).len(), 2);
    rollup.apply(&cells("2026-01-14T00:00:00.001Z").0);
    check(
        rollup.changed(true, NOW),
        expect![[r#"
        raw_leads|1d|1768003200000| gone
        raw_leads|1d|1768089600000| = 5 previous 4 benchmark 4 change 0.250 final
    "#]],
    );
    check(
        all(&rollup),
        expect![[r#"
        raw_leads|1d|1768089600000| = 5 previous 4 benchmark 4 change 0.250 final
    "#]],
    );
}

#[test]
fn claims_replace_each_other() {
    let mut rollup = Rollup::new(&settings("\"raw_leads\"", "\"1d\""));
    let cells = |claim, takes_over, whole, sum| {
        let mut cells = Cells::of(0, Some(at("2026-01-10T08:00:00Z"))).day(Measure::RawLeads, "2026-01-10", &[], sum);
        (cells.0.claim, cells.0.takes_over, cells.0.whole) = (claim, takes_over, whole);
        cells.0
    };
    assert!(!rollup.apply(&cells(1, false, false, 9)), "a part of nothing known");
    assert!(rollup.apply(&cells(1, false, true, 1)), "the whole begins");
    assert!(rollup.apply(&cells(2, true, false, 2)));
    assert!(!rollup.apply(&cells(1, false, false, 9)), "replaced");
    let mut torn = cells(2, false, false, 9);
    (torn.named, torn.changed, torn.known) = (Vec::new(), 0, vec![(1 << 20, Amount { sum: 9, facts: 1 })]);
    assert!(rollup.apply(&torn), "what named the cell did not arrive: the next claim will");
    check(
        rollup.changed(false, NOW),
        expect![[r#"
        raw_leads|1d|1768003200000| = 2
    "#]],
    );
    let mut empty = cells(3, true, true, 1);
    empty.named.clear();
    empty.changed = 0;
    assert!(rollup.apply(&empty));
    check(
        rollup.changed(false, NOW),
        expect![[r#"
        raw_leads|1d|1768003200000| gone
    "#]],
    );
    let mut beyond = cells(1, true, true, 1);
    beyond.shard = 7;
    assert!(!rollup.apply(&beyond), "no such shard");
}

#[test]
fn kpis_of_the_configuration() {
    let mut rollup = Rollup::new(&config(
        "[topics]\npartitions = 1\n[time]\nwindows = [\"1d\", \"1h\"]\n[output]\nkpis = [\"net\", \"per\"]\n\
         [[kpi]]\nid = \"net\"\nunit = \"currency\"\nformula = \"revenue - spend\"\nby = []\n\
         [[kpi]]\nid = \"per\"\nunit = \"currency\"\nformula = \"net / (demos + 1)\"\nby = [[\"channel\"]]\n",
    ));
    let cells = Cells::of(0, Some(at("2026-01-10T08:00:00Z")))
        .day(Measure::Spend, "2026-01-10", &["pr", "", "", "", ""], 30_000_000)
        .day(Measure::DealValue, "2026-01-10", &["won"], 50_000_001)
        .day(Measure::DealValueCredit, "2026-01-10", &["won", "last", "pr", "", "", ""], 40_000_000)
        .day(Measure::DealValueCredit, "2026-01-10", &["won", "first", "pr", "", "", ""], 77_000_000)
        .day(Measure::BookingCredit, "2026-01-10", &["demo", "last", "pr", "", "", ""], 1_000_000_000);
    rollup.apply(&cells.0);
    check(
        rollup.changed(false, NOW),
        expect![[r#"
            net|1d|1768003200000| = 20.000001
            per|1d|1768003200000| = 20.000001 (20.000001/1)
            per|1d|1768003200000|channel=pr = 5 (10/2)
        "#]],
    );
}

#[test]
fn lookups_find_rows_by_name_window_and_dimension() {
    let mut rollup = Rollup::new(&settings("\"sessions\"", "\"1d\", \"3d\", \"all\""));
    let cells = Cells::of(0, Some(at("2026-01-11T08:00:00Z")));
    rollup.apply(&cells.sessions("2026-01-10", "pr", 1).sessions("2026-01-11", "email", 2).0);
    let found = |query: Query| rollup.rows(&query, NOW).into_iter().map(|row| RowChange::Says(row.into())).collect();
    let pr = vec![("channel".to_owned(), "pr".to_owned())];
    check(
        found(Query { dims: pr.clone(), ..Query::default() }),
        expect![[r#"
            sessions|1d|1768003200000|channel=pr = 1
            sessions|3d|1767830400000|channel=pr = 1
            sessions|3d|1767916800000|channel=pr = 1
            sessions|all||channel=pr = 1
        "#]],
    );
    check(
        found(Query { dims: pr, starts: Starts::Running, ..Query::default() }),
        expect![[r#"
            sessions|3d|1767916800000|channel=pr = 1
            sessions|all||channel=pr = 1
        "#]],
    );
    let start = Starts::At(at("2026-01-08T00:00:00Z"));
    check(
        found(Query { starts: start, window: Some(WindowKind::Rolling(3)), ..Query::default() }),
        expect![[r#"
            sessions|3d|1767830400000| = 1
            sessions|3d|1767830400000|channel=pr = 1
            sessions|3d|1767830400000|channel_group=earned = 1
        "#]],
    );
    check(found(Query { kpi: Some("visitors".to_owned()), ..Query::default() }), expect![""]);
}
