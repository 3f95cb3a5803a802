//! Money, budgets, goals, alerts, own KPIs and outputs.

use expect_test::expect;

use crate::check;

#[test]
fn money() {
    check(
        r#"[money]
currency = "EURO"
[money.rates]
GBP = 0
XYZ = 1
CNY = "about 0.14"
"#,
        expect![[r#"
              × unknown currency `EURO`
               ╭─[tributary.toml:2:12]
             2 │ currency = "EURO"
               ·            ───┬──
               ·               ╰── not known
               ╰────
              help: an ISO 4217 code, such as `EUR`

              × the rate of `GBP` must be more than 0
               ╭─[tributary.toml:4:7]
             4 │ GBP = 0
               ·       ┬
               ·       ╰── too small
               ╰────
              help: such as `1.1`: units of `EURO` for one `GBP`

              × unknown currency `XYZ`
               ╭─[tributary.toml:5:1]
             5 │ XYZ = 1
               · ─┬─
               ·  ╰── not known
               ╰────
              help: an ISO 4217 code, such as `EUR`

              × a rate must be a decimal number
               ╭─[tributary.toml:6:7]
             6 │ CNY = "about 0.14"
               ·       ──────┬─────
               ·             ╰── not a decimal number
               ╰────
              help: such as `1.1` or `"0.0087"`

        "#]],
    );
}

#[test]
fn rate_of_the_reporting_currency() {
    check(
        r#"[money]
currency = "EUR"
rates = { EUR = 1.1 }
"#,
        expect![[r#"
              × `EUR` is the reporting currency, its rate is 1
               ╭─[tributary.toml:3:17]
             3 │ rates = { EUR = 1.1 }
               ·                 ─┬─
               ·                  ╰── not 1
               ╰────
              help: rates are units of the reporting currency for one of the other

        "#]],
    );
}

#[test]
fn budgets_and_goals() {
    check(
        r#"[[budgets]]
channel = "paid_search"
window = "1w"
amount = 0
[[budgets]]
channel = "paid_search"
window = "1q"
amount = 1000
start = "2026-10-15"
[[budgets]]
channel = "Paid Search"
window = "1mo"
amount = 1000
[[budgets]]
channel = "paid_search"
window = "1mo"
amount = 2000
[goals]
holidays = ["2026-02-30"]
[[goals.targets]]
kpi = "revenue"
window = "1q"
"#,
        expect![[r#"
              × window `1w` is not computed
               ╭─[tributary.toml:3:10]
             3 │ window = "1w"
               ·          ──┬─
               ·            ╰── not in time.windows
               ╰────
              help: add `1w` to `time.windows`

              × a budget must be more than 0 and less than 9 trillion
               ╭─[tributary.toml:4:10]
             4 │ amount = 0
               ·          ┬
               ·          ╰── out of range
               ╰────
              help: leave the budget out where nothing is planned

              × no `1q` window begins on 2026-10-15
               ╭─[tributary.toml:9:9]
             9 │ start = "2026-10-15"
               ·         ──────┬─────
               ·               ╰── within a window
               ╰────
              help: the one that holds it begins on `2026-10-01`

              × the budget of `paid_search` for `1mo` is there twice
                ╭─[tributary.toml:15:11]
             15 │ channel = "paid_search"
                ·           ──────┬──────
                ·                 ╰── again
                ╰────
              help: one for each `start`, and one without for all others

              × no date: `2026-02-30`
                ╭─[tributary.toml:19:13]
             19 │ holidays = ["2026-02-30"]
                ·             ──────┬─────
                ·                   ╰── not a date
                ╰────
              help: such as `2026-12-25`

              × `goals.targets` needs `target`
                ╭─[tributary.toml:20:1]
             20 │ [[goals.targets]]
                · ────────┬────────
                ·         ╰── without `target`
                ╰────
              help: its keys are kpi, start, target, window

        "#]],
    );
}

#[test]
fn alerts_and_kpis() {
    check(
        r#"[[alerts]]
name = "delivery"
when = "email_delivery_ratio is low"
window = "1d"
[[kpi]]
id = "Cost per demo"
unit = "money"
formula = ""
by = [["chanel"]]
"#,
        expect![[r#"
              × no condition: `email_delivery_ratio is low`
               ╭─[tributary.toml:3:8]
             3 │ when = "email_delivery_ratio is low"
               ·        ──────────────┬──────────────
               ·                      ╰── not a comparison
               ╰────
              help: KPIs, one of `< <= > >= ==`, a number: `email_delivery_ratio < 0.95`

              × `Cost per demo` cannot be the id of a KPI
               ╭─[tributary.toml:6:6]
             6 │ id = "Cost per demo"
               ·      ───────┬───────
               ·             ╰── not an id
               ╰────
              help: lower-case letters, digits and `_`, a letter first: it becomes a metric's name

              × unknown unit `money`
               ╭─[tributary.toml:7:8]
             7 │ unit = "money"
               ·        ───┬───
               ·           ╰── not known
               ╰────
              help: one of count, ratio, currency, currency per day, seconds, score

              × a KPI needs a formula
               ╭─[tributary.toml:8:11]
             8 │ formula = ""
               ·           ─┬
               ·            ╰── empty
               ╰────
              help: such as `spend / demos`

              × unknown dimension `chanel`
               ╭─[tributary.toml:9:8]
             9 │ by = [["chanel"]]
               ·        ────┬───
               ·            ╰── not known
               ╰────
              help: did you mean `channel`?

        "#]],
    );
}

#[test]
fn rules_of_alerts() {
    check(
        r#"[time]
windows = ["1d", "30d"]
[[alerts]]
name = "words"
when = "leads are few"
window = "1d"
[[alerts]]
name = "number"
when = "leads < few"
window = "1d"
[[alerts]]
name = "formula"
when = "leads / / 2 < 5"
window = "1d"
[[alerts]]
name = "nothing"
when = "1 == 1"
window = "1d"
[[alerts]]
name = "unknown"
when = "lead < 5"
window = "1d"
[[alerts]]
name = "left out"
when = "mqls < 5"
window = "1d"
[[alerts]]
name = "least"
when = "leads < 5"
window = "1d"
at_least = { session = 100 }
[[alerts]]
name = "elsewhere"
when = "sessions < 5"
window = "30d"
by = ["landing_page"]
[[alerts]]
name = "not there"
when = "sessions < 5"
window = "1h"
[[alerts]]
name = "by"
when = "sessions < 5"
window = "1d"
by = ["chanel"]
[[alerts]]
name = "baseline"
when = "sessions / baseline(sessions) < 5"
window = "1d"
[output]
kpis = ["leads", "sessions"]
alerts = ["least", "elswhere", "sla_breach", "budget_*"]
"#,
        expect![[r#"
              × no condition: `leads are few`
               ╭─[tributary.toml:5:8]
             5 │ when = "leads are few"
               ·        ───────┬───────
               ·               ╰── not a comparison
               ╰────
              help: KPIs, one of `< <= > >= ==`, a number: `email_delivery_ratio < 0.95`

              × `few` is no number to compare with
               ╭─[tributary.toml:9:8]
             9 │ when = "leads < few"
               ·        ──────┬──────
               ·              ╰── not a comparison
               ╰────
              help: KPIs, one of `< <= > >= ==`, a number: `email_delivery_ratio < 0.95`

              × unexpected `/` at column 9
                ╭─[tributary.toml:13:17]
             13 │ when = "leads / / 2 < 5"
                ·                 ┬
                ·                 ╰── not expected here
                ╰────
              help: KPIs and measures, numbers, `+ - * /` and parentheses: `spend / demos`

              × `1 == 1` names no KPI
                ╭─[tributary.toml:17:8]
             17 │ when = "1 == 1"
                ·        ────┬───
                ·            ╰── nothing to look at
                ╰────
              help: KPIs, one of `< <= > >= ==`, a number: `email_delivery_ratio < 0.95`

              × there is no KPI named `lead`
                ╭─[tributary.toml:21:9]
             21 │ when = "lead < 5"
                ·         ──┬─
                ·           ╰── not known
                ╰────
              help: did you mean `leads`?

              × KPI `mqls` is not computed
                ╭─[tributary.toml:25:9]
             25 │ when = "mqls < 5"
                ·         ──┬─
                ·           ╰── not in output.kpis
                ╰────
              help: add `mqls` to `output.kpis`

              × there is no KPI named `session`
                ╭─[tributary.toml:31:14]
             31 │ at_least = { session = 100 }
                ·              ───┬───
                ·                 ╰── not known
                ╰────
              help: did you mean `sessions`?

              × KPI `sessions` has no rows by landing_page in `30d`
                ╭─[tributary.toml:34:9]
             34 │ when = "sessions < 5"
                ·         ────┬───
                ·             ╰── no such rows
                ╰────
              help: it has rows in total; by channel; by channel_group

              × window `1h` is not computed
                ╭─[tributary.toml:40:10]
             40 │ window = "1h"
                ·          ──┬─
                ·            ╰── not in time.windows
                ╰────
              help: add `1h` to `time.windows`

              × unknown dimension `chanel`
                ╭─[tributary.toml:45:7]
             45 │ by = ["chanel"]
                ·       ────┬───
                ·           ╰── not known
                ╰────
              help: did you mean `channel`?

              × `sessions` asks for other rows than those of the window: an alert takes KPIs and `total(…)` of them
                ╭─[tributary.toml:48:9]
             48 │ when = "sessions / baseline(sessions) < 5"
                ·         ────┬───
                ·             ╰── of other rows
                ╰────
              help: KPIs, one of `< <= > >= ==`, a number: `email_delivery_ratio < 0.95`

              × unknown alert `elswhere`
                ╭─[tributary.toml:52:20]
             52 │ alerts = ["least", "elswhere", "sla_breach", "budget_*"]
                ·                    ─────┬────
                ·                         ╰── not known
                ╰────
              help: did you mean `elsewhere`?

        "#]],
    );
}

#[test]
fn output() {
    check(
        r#"[output]
encoding = "auto"
ledgers = ["lead_lifecycle"]
kpis = ["cost-*"]
max_values = 0
[output.retention]
"30d" = "1d"
[state]
snapshot_min_tail = "64"
[metrics]
max_series = -1
"#,
        expect![[r#"
              × `output.encoding` cannot be `auto`
               ╭─[tributary.toml:2:12]
             2 │ encoding = "auto"
               ·            ───┬──
               ·               ╰── not a known value
               ╰────
              help: one of json, avro

              × unknown ledger `lead_lifecycle`
               ╭─[tributary.toml:3:12]
             3 │ ledgers = ["lead_lifecycle"]
               ·            ────────┬───────
               ·                    ╰── not known
               ╰────
              help: did you mean `lead-lifecycle`?

              × `cost-*` names no KPI
               ╭─[tributary.toml:4:9]
             4 │ kpis = ["cost-*"]
               ·         ────┬───
               ·             ╰── not an id or a glob
               ╰────
              help: such as `cost_*`

              × `output.max_values` must be at least 1
               ╭─[tributary.toml:5:14]
             5 │ max_values = 0
               ·              ┬
               ·              ╰── out of range
               ╰────
              help: its default is 10000

              × no retention for `30d`
               ╭─[tributary.toml:7:1]
             7 │ "30d" = "1d"
               · ──┬──
               ·   ╰── not a kind of window that ends
               ╰────
              help: one of 1m, 1h, 1d, 1w, 1mo, 1q, 1y, rolling

              × `state.snapshot_min_tail` is no size: `64`
               ╭─[tributary.toml:9:21]
             9 │ snapshot_min_tail = "64"
               ·                     ──┬─
               ·                       ╰── not a size
               ╰────
              help: a whole number and a unit: `64MiB`

              × `metrics.max_series` must be at least 1
                ╭─[tributary.toml:11:14]
             11 │ max_series = -1
                ·              ─┬
                ·               ╰── out of range
                ╰────
              help: its default is 10000

        "#]],
    );
}
