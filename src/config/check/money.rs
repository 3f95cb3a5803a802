//! Money, budgets and goals.

use std::collections::{BTreeMap, BTreeSet};

use iso_currency::Currency;
use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Checker, channels, nearest, time};
use crate::config::raw::{self, Exact, Placed, Text};
use crate::config::{Budget, GoalTarget, Goals, Money, Time};
use crate::model::money::Micros;
use crate::model::stage::Stage;
use crate::model::window::{WindowKind, date_of, day_of};

pub fn check(raw: &raw::Money, cx: &mut Checker<'_>) -> Money {
    let currency = currency(&raw.currency, cx);
    let multiple = cx.finite(&raw.lifetime_multiple, "money.lifetime_multiple");
    if multiple <= 0.0 {
        cx.fault(&raw.lifetime_multiple, "`money.lifetime_multiple` must be more than 0", "too small", "such as `3`");
    }
    Money {
        rates: rates(&raw.rates, &currency, cx),
        currency,
        gross_margin: cx.share(&raw.gross_margin, "money.gross_margin"),
        lifetime_multiple: multiple,
        baseline_channel: channels::channel(&raw.baseline_channel, cx),
    }
}

fn currency(code: &Text, cx: &mut Checker<'_>) -> String {
    let upper = code.trim().to_uppercase();
    if Currency::from_code(&upper).is_none() {
        let common = ["USD", "EUR", "GBP", "CNY", "JPY", "CHF", "CAD", "AUD", "INR", "BRL", "SEK", "SGD", "HKD"];
        let help = match nearest::nearest(&upper, common) {
            Some(near) => format!("an ISO 4217 code, such as `{near}`"),
            None => "an ISO 4217 code, such as `EUR`".to_owned(),
        };
        cx.fault(code, format!("unknown currency `{}`", code.value), "not known", help);
    }
    upper
}

fn rates(raw: &BTreeMap<Text, Placed<Exact>>, own: &str, cx: &mut Checker<'_>) -> BTreeMap<String, Decimal> {
    let mut rates = BTreeMap::from([(own.to_owned(), Decimal::ONE)]);
    for (code, rate) in raw {
        let code_given = currency(code, cx);
        let Some(value) = decimal(rate, "a rate", cx) else { continue };
        if value <= Decimal::ZERO {
            cx.fault(
                rate,
                format!("the rate of `{code_given}` must be more than 0"),
                "too small",
                format!("such as `1.1`: units of `{own}` for one `{code_given}`"),
            );
        } else if code_given == own && value != Decimal::ONE {
            let message = format!("`{own}` is the reporting currency, its rate is 1");
            cx.fault(rate, message, "not 1", "rates are units of the reporting currency for one of the other");
        } else if rates.insert(code_given.clone(), value).is_some() && code_given != own {
            cx.fault(code, format!("the rate of `{code_given}` is given twice"), "again", "leave one of them out");
        }
    }
    rates
}

/// Numbers are taken in their shortest spelling, which is the one that was written.
fn decimal(raw: &Placed<Exact>, what: &str, cx: &mut Checker<'_>) -> Option<Decimal> {
    let parsed = match &raw.value {
        Exact::Whole(number) => Some(Decimal::from(*number)),
        Exact::Number(number) => number.to_string().parse().ok(),
        Exact::Text(text) => text.trim().parse().ok(),
    };
    if parsed.is_none() {
        cx.fault(
            raw,
            format!("{what} must be a decimal number"),
            "not a decimal number",
            "such as `1.1` or `\"0.0087\"`",
        );
    }
    parsed
}

fn micros(raw: &Placed<Exact>, cx: &mut Checker<'_>) -> Option<Micros> {
    let value = decimal(raw, "an amount", cx)?;
    let scaled = value
        .checked_mul(Decimal::from(Micros::UNIT))
        .and_then(|scaled| scaled.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_i64())
        .filter(|scaled| *scaled > 0);
    if scaled.is_none() {
        cx.fault(
            raw,
            "a budget must be more than 0 and less than 9 trillion",
            "out of range",
            "leave the budget out where nothing is planned",
        );
    }
    scaled.map(Micros)
}

pub fn check_budgets(raw: &[raw::Budget], time: &Time, cx: &mut Checker<'_>) -> Vec<Budget> {
    let mut seen = BTreeSet::new();
    let mut budgets = Vec::new();
    for one in raw {
        let channel = channels::channel(&one.channel, cx);
        let window = time::window_in_use(&one.window, time, cx);
        let amount = micros(&one.amount, cx);
        let (Some(window), Some(amount)) = (window, amount) else { continue };
        if matches!(window, WindowKind::All | WindowKind::Now) {
            cx.fault(&one.window, format!("a budget cannot be for `{window}`"), "has no end", "such as `1mo` or `1q`");
        }
        let start = one.start.as_ref().and_then(|start| first_day(start, window, time, cx));
        if !seen.insert((channel.clone(), window, start)) {
            let message = format!("the budget of `{channel}` for `{window}` is there twice");
            cx.fault(&one.channel, message, "again", "one for each `start`, and one without for all others");
        }
        budgets.push(Budget { channel, window, amount, start });
    }
    budgets
}

pub fn check_goals(raw: &raw::Goals, time: &Time, cx: &mut Checker<'_>) -> Goals {
    Goals {
        holidays: raw.holidays.iter().filter_map(|day| date(day, cx)).collect(),
        ratios: ratios(&raw.ratios, cx),
        targets: targets(&raw.targets, time, cx),
    }
}

fn ratios(raw: &raw::Ratios, cx: &mut Checker<'_>) -> BTreeMap<Stage, f64> {
    let given = [&raw.lead, &raw.mql, &raw.sal, &raw.sql, &raw.opportunity, &raw.proposal];
    let mut ratios = BTreeMap::new();
    for (stage, ratio) in Stage::LADDER.into_iter().zip(given) {
        let Some(ratio) = ratio else { continue };
        let key = format!("goals.ratios.{}", stage.name());
        if ratio.value == 0.0 {
            cx.fault(
                ratio,
                format!("`{key}` must be more than 0"),
                "nothing would reach the next stage",
                "leave it out to go by what is measured",
            );
        }
        ratios.insert(stage, cx.share(ratio, &key));
    }
    ratios
}

fn targets(raw: &[raw::Target], time: &Time, cx: &mut Checker<'_>) -> Vec<GoalTarget> {
    let mut seen = BTreeSet::new();
    let mut targets = Vec::new();
    for one in raw {
        let kpi = cx.name(&one.kpi, "kpi");
        let target = cx.finite(&one.target, "target");
        if target <= 0.0 {
            cx.fault(
                &one.target,
                "a target must be more than 0",
                "nothing to reach",
                "leave the goal out where there is none",
            );
        }
        let Some(window) = time::window_in_use(&one.window, time, cx) else { continue };
        let start = one.start.as_ref().and_then(|start| first_day(start, window, time, cx));
        if !seen.insert((kpi.clone(), window, start)) {
            cx.fault(
                &one.kpi,
                format!("the goal of `{kpi}` for `{window}` is there twice"),
                "again",
                "one for each `start`, and one without for all others",
            );
        }
        targets.push(GoalTarget { kpi, window, target, start });
    }
    targets
}

fn date(text: &Text, cx: &mut Checker<'_>) -> Option<Date> {
    let date = text.parse::<Date>().ok();
    if date.is_none() {
        cx.fault(text, format!("no date: `{}`", text.value), "not a date", "such as `2026-12-25`");
    }
    date
}

/// A date that must be the first day of a window of this kind.
fn first_day(text: &Text, window: WindowKind, time: &Time, cx: &mut Checker<'_>) -> Option<Date> {
    let date = date(text, cx)?;
    let first = match window {
        WindowKind::Week | WindowKind::Month | WindowKind::Quarter | WindowKind::Year => {
            date_of(crate::model::window::Day(time.calendar.window_of_day(window, day_of(date)).start))
        }
        WindowKind::Day | WindowKind::Rolling(_) => date,
        WindowKind::Minute | WindowKind::Hour | WindowKind::All | WindowKind::Now => {
            cx.fault(text, format!("a window `{window}` has no first day"), "of no use", "leave `start` out");
            return None;
        }
    };
    if first != date {
        let message = format!("no `{window}` window begins on {date}");
        cx.fault(text, message, "within a window", format!("the one that holds it begins on `{first}`"));
    }
    Some(date)
}
