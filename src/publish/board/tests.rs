//! The board by what it shows after changes: which rows stay, which are found, what is heard.

use expect_test::expect;

use super::*;
use crate::kpi::measures::Scale;
use crate::kpi::number::Number;
use crate::model::time::Span;
use crate::rollup::row::Says;

fn id(kpi: &str, day: i64, channel: Option<&str>) -> RowId {
    RowId {
        kpi: Arc::from(kpi),
        window: WindowKind::Day,
        start: Some(Millis(0) + Span::days(day)),
        dims: channel.map(|channel| ("channel", Arc::from(channel))).into_iter().collect(),
    }
}

fn change(id: RowId, value: i128, watermark: Millis) -> RowChange {
    let end = id.start.map(|start| start + Span::DAY);
    let says = Says { value: Some(Number::of(value, Scale::Count)), ..Says::default() };
    let unit = Arc::from("count");
    let row = Row { id, unit, currency: None, end, says, watermark, updated_at: watermark };
    RowChange::Says(Arc::new(row))
}

/// On each of these days, the total and two channels.
fn days(board: &Board, days: std::ops::Range<i64>) {
    for day in days {
        let now = Millis(1) + Span::days(day);
        let ids = [id("leads", day, None), id("leads", day, Some("email")), id("leads", day, Some("paid_search"))];
        board.publish(ids.map(|id| change(id, i128::from(day), now)));
    }
}

fn shown(rows: &[Arc<Row>]) -> String {
    let line = |row: &Arc<Row>| {
        let value = row.says.value.map(|value| value.to_string()).unwrap_or_default();
        format!("{} = {value}\n", crate::publish::kpi_update::key(&row.id))
    };
    rows.iter().map(line).collect()
}

#[test]
fn rows_of_ended_windows_are_bounded_and_totals_last_longest() {
    let board = Board::new(4);
    days(&board, 0..4);
    expect![[r#"
        leads|1d|0| = 0
        leads|1d|86400000| = 1
        leads|1d|172800000| = 2
        leads|1d|172800000|channel=paid_search = 2
        leads|1d|259200000| = 3
        leads|1d|259200000|channel=email = 3
        leads|1d|259200000|channel=paid_search = 3
    "#]]
    .assert_eq(&shown(&board.find(&Wanted::default(), usize::MAX)));
    expect![[r#"
        leads|1d|259200000| = 3
        leads|1d|259200000|channel=email = 3
        leads|1d|259200000|channel=paid_search = 3
    "#]]
    .assert_eq(&shown(&board.running()));
}

#[test]
fn windows_end_by_the_watermark_though_no_row_comes() {
    let board = Board::default();
    days(&board, 0..1);
    assert_eq!(board.running().len(), 3);
    board.set_status(Status { watermark: Some(Millis(0) + Span::DAY), ..Status::default() });
    assert_eq!(board.running().len(), 0);
    assert!(!board.is_empty());
}

#[test]
fn a_row_is_replaced_and_goes() {
    let board = Board::default();
    days(&board, 0..2);
    let gone = id("leads", 0, Some("email"));
    board.publish([change(id("leads", 1, None), 7, Millis(2) + Span::DAY), RowChange::Gone(gone)]);
    let wanted = Wanted { kpis: vec!["leads".to_owned(), "mqls".to_owned()], ..Wanted::default() };
    expect![[r#"
        leads|1d|0| = 0
        leads|1d|0|channel=paid_search = 0
        leads|1d|86400000| = 7
        leads|1d|86400000|channel=email = 1
        leads|1d|86400000|channel=paid_search = 1
    "#]]
    .assert_eq(&shown(&board.find(&wanted, usize::MAX)));
    assert_eq!(board.find(&wanted, 2).len(), 2);
}

#[test]
fn what_is_wanted_is_found() {
    let board = Board::default();
    days(&board, 0..3);
    let found = |wanted: Wanted| board.find(&wanted, usize::MAX).len();
    let texts = |of: &[&str]| of.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let only = |names: &[&str]| Wanted { sets: vec![texts(names)], ..Wanted::default() };
    assert_eq!(found(only(&[])), 3);
    assert_eq!(found(only(&["channel"])), 6);
    assert_eq!(found(only(&["channel", "model"])), 0);
    assert_eq!(found(Wanted { start: Start::At(Millis(0)), ..only(&[]) }), 1);
    assert_eq!(found(Wanted { start: Start::Running, ..Wanted::default() }), 3);
    assert_eq!(found(Wanted { dims: vec![("channel".to_owned(), "email".to_owned())], ..Wanted::default() }), 3);
    assert_eq!(found(Wanted { kpis: texts(&["lead"]), ..Wanted::default() }), 0);
    assert_eq!(found(Wanted { windows: vec![WindowKind::Hour], ..Wanted::default() }), 0);
}

#[test]
fn subscribers_hear_of_rows_and_of_status_once() {
    let board = Board::default();
    let mut news = board.subscribe();
    days(&board, 0..1);
    assert!(matches!(news.try_recv(), Ok(News::Rows(rows)) if rows.len() == 3));
    let status = Status { not_ready: None, ..Status::default() };
    board.set_status(status.clone());
    board.set_status(status.clone());
    assert!(matches!(news.try_recv(), Ok(News::Status(heard)) if *heard == status));
    assert!(news.try_recv().is_err());
}
