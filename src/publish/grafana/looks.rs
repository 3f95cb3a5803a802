//! How KPIs look: the title of an id, the unit that Grafana shows a value in, and the values that ask for attention.

use serde_json::{Value, json};

/// Words that are written otherwise than they are spelled in ids.
const WORDS: [(&str, &str); 11] = [
    ("mql", "MQL"),
    ("mqls", "MQLs"),
    ("sal", "SAL"),
    ("sals", "SALs"),
    ("sql", "SQL"),
    ("sqls", "SQLs"),
    ("sla", "SLA"),
    ("nps", "NPS"),
    ("ltv", "LTV"),
    ("cac", "CAC"),
    ("kpi", "KPI"),
];

/// Quotients that are read as multiples, not as shares.
const MULTIPLES: [&str; 8] = [
    "return_on_ad_spend",
    "ltv_cac_ratio",
    "cost_index",
    "conversion_index",
    "efficiency_index",
    "synergy_ratio",
    "variant_break_even_ratio",
    "goal_pace_ratio",
];

/// Currencies that Grafana has a format of; it knows others by their code alone.
const CURRENCIES: [&str; 25] = [
    "USD", "GBP", "EUR", "JPY", "RUB", "UAH", "BRL", "DKK", "ISK", "NOK", "SEK", "CZK", "CHF", "PLN", "ZAR", "INR",
    "KRW", "IDR", "PHP", "VND", "TRY", "MYR", "BGN", "PYG", "UYU",
];

/// `cost_per_mql` as `Cost per MQL`.
pub(super) fn title(id: &str) -> String {
    let id = id.strip_suffix("_seconds").unwrap_or(id);
    let known = |word: &str| WORDS.iter().find(|(written, _)| *written == word).map(|(_, shown)| *shown);
    let words: Vec<&str> = id.split('_').map(|word| known(word).unwrap_or(word)).collect();
    let text = words.join(" ");
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// Grafana's name of the unit of a KPI.
pub(super) fn unit(id: &str, unit: &str, currency: &str) -> String {
    match unit {
        "count" if id == "goal" => "none".to_owned(),
        "currency" | "currency per day" if CURRENCIES.contains(&currency) => format!("currency{currency}"),
        "currency" | "currency per day" => format!("currency:{currency} "),
        "ratio" if MULTIPLES.contains(&id) => "suffix:×".to_owned(),
        "ratio" if id == "variant_p_value" => "none".to_owned(),
        "ratio" => "percentunit".to_owned(),
        "score" if id.ends_with("_ratio") => "percentunit".to_owned(),
        "score" => "none".to_owned(),
        "seconds" => "s".to_owned(),
        _ => "short".to_owned(),
    }
}

/// From these values on a KPI is amber or red; those that no value is wrong for have none.
pub(super) fn thresholds(id: &str) -> Option<Value> {
    let steps: &[(Option<f64>, &str)] = match id {
        "email_delivery_ratio" => &[(None, "red"), (Some(0.95), "green")],
        "sla_met_ratio" => &[(None, "red"), (Some(0.8), "orange"), (Some(0.95), "green")],
        "sla_breaches" => &[(None, "green"), (Some(1.0), "orange")],
        "budget_used_ratio" => &[(None, "green"), (Some(1.0), "red")],
        "budget_pace_ratio" => &[(None, "green"), (Some(1.1), "red")],
        "goal_attainment_ratio" => &[(None, "blue"), (Some(1.0), "green")],
        "goal_pace_ratio" => &[(None, "red"), (Some(0.9), "orange"), (Some(1.0), "green")],
        "efficiency_index" | "return_on_ad_spend" => &[(None, "red"), (Some(1.0), "green")],
        "return_on_investment" => &[(None, "red"), (Some(0.0), "green")],
        "ltv_cac_ratio" => &[(None, "red"), (Some(1.0), "orange"), (Some(3.0), "green")],
        "late_events" | "dead_letters" => &[(None, "green"), (Some(1.0), "orange")],
        _ => return None,
    };
    Some(steps_of(steps))
}

pub(super) fn steps_of(steps: &[(Option<f64>, &str)]) -> Value {
    let steps: Vec<Value> = steps.iter().map(|(value, color)| json!({ "value": value, "color": color })).collect();
    json!({ "mode": "absolute", "steps": steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_people_write_them() {
        for (id, expected) in [
            ("cost_per_mql", "Cost per MQL"),
            ("mqls", "MQLs"),
            ("sales_cycle_seconds", "Sales cycle"),
            ("ltv_cac_ratio", "LTV CAC ratio"),
        ] {
            assert_eq!(title(id), expected);
        }
    }

    #[test]
    fn units_are_those_of_grafana() {
        for (id, of, currency, expected) in [
            ("spend", "currency", "EUR", "currencyEUR"),
            ("spend", "currency", "AUD", "currency:AUD "),
            ("win_ratio", "ratio", "EUR", "percentunit"),
            ("return_on_ad_spend", "ratio", "EUR", "suffix:×"),
            ("sales_cycle_seconds", "seconds", "EUR", "s"),
            ("leads", "count", "EUR", "short"),
        ] {
            assert_eq!(unit(id, of, currency), expected);
        }
    }
}
