//! Conservation: in every window the credit of a model over all channels, `(unattributed)` among them, is the total, to
//! the last digit; and so are amounts.

use std::collections::BTreeMap;

use tributary::kpi::number::Number;
use tributary::model::time::Millis;
use tributary::model::window::WindowKind;
use tributary::rollup::row::Row;

const SHARED: [&str; 12] = [
    "leads",
    "mqls",
    "sals",
    "sqls",
    "opportunities",
    "proposals",
    "won_deals",
    "customers",
    "demos",
    "meetings",
    "pipeline",
    "revenue",
];
const DECIMALS: u32 = 9;

type Window = (String, WindowKind, Option<Millis>);

/// In 10⁻⁹.
pub fn units(number: Number) -> i128 {
    let Number::Exact { units, decimals } = number else { panic!("{number} is no sum") };
    units * 10i128.pow(DECIMALS - u32::from(decimals))
}

/// Says how many sums were looked at.
pub fn check(rows: &[Row]) -> usize {
    let mut totals: BTreeMap<Window, i128> = BTreeMap::new();
    let mut shared: BTreeMap<(Window, String), i128> = BTreeMap::new();
    for row in rows.iter().filter(|row| SHARED.contains(&&*row.id.kpi)) {
        let window = (row.id.kpi.to_string(), row.id.window, row.id.start);
        let value = units(row.says.value.expect("a sum always has a value"));
        match &*row.id.dims {
            [] => drop(totals.insert(window, value)),
            [("channel", _), ("model", model)] => *shared.entry((window, model.to_string())).or_default() += value,
            _ => {}
        }
    }
    for ((window, model), sum) in &shared {
        assert_eq!(totals.get(window), Some(sum), "{window:?} under {model}");
    }
    shared.len()
}
