//! What is refused before any value is looked at: keys, types, missing keys, syntax.

use expect_test::expect;

use crate::check;

#[test]
fn unknown_key_has_the_nearest() {
    check(
        r#"[attribution]
lokback = "90d"
"#,
        expect![[r#"
              × unknown key `lokback` in `attribution`
               ╭─[tributary.toml:2:1]
             2 │ lokback = "90d"
               · ───┬───
               ·    ╰── not a known key
               ╰────
              help: did you mean `lookback`?

        "#]],
    );
}

#[test]
fn unknown_section() {
    check(
        r#"[attributions]
lookback = "90d"
"#,
        expect![[r#"
              × unknown key `attributions` in the configuration
               ╭─[tributary.toml:1:2]
             1 │ [attributions]
               ·  ──────┬─────
               ·        ╰── not a known key
               ╰────
              help: did you mean `attribution`?

        "#]],
    );
}

#[test]
fn wrong_types() {
    check(
        r#"[time]
settle = 90
windows = "1d"
advance_when_idle = "yes"
"#,
        expect![[r#"
              × `time.settle` must be a text, not a whole number
               ╭─[tributary.toml:2:10]
             2 │ settle = 90
               ·          ─┬
               ·           ╰── this is a whole number
               ╰────
              help: its default is "90d"

              × `time.windows` must be a list, not a text
               ╭─[tributary.toml:3:11]
             3 │ windows = "1d"
               ·           ──┬─
               ·             ╰── this is a text
               ╰────
              help: its default is ["1h","1d","1mo","1q","30d","90d","all","now"]

              × `time.advance_when_idle` must be true or false, not a text
               ╭─[tributary.toml:4:21]
             4 │ advance_when_idle = "yes"
               ·                     ──┬──
               ·                       ╰── this is a text
               ╰────
              help: its default is true

        "#]],
    );
}

#[test]
fn syntax() {
    check(
        r#"[time
zone = UTC
"#,
        expect![[r#"
              × unclosed table, expected `]`
               ╭─[tributary.toml:1:6]
             1 │ [time
               ╰────
              help: brackets and quotes come in pairs

        "#]],
    );
}

#[test]
fn a_key_twice() {
    check(
        r#"[time]
zone = "UTC"
zone = "UTC"
"#,
        expect![[r#"
              × duplicate key
               ╭─[tributary.toml:3:1]
             3 │ zone = "UTC"
               · ────
               ╰────
              help: a key is given once in its table: leave one of them out

        "#]],
    );
}

#[test]
fn all_at_once() {
    check(
        r#"[kafk]
[time]
zone = "Mars"
settle = 90
[attribution]
lookback = "long"
models = ["frist"]
[money]
currency = "US"
"#,
        expect![[r#"
              × unknown key `kafk` in the configuration
               ╭─[tributary.toml:1:2]
             1 │ [kafk]
               ·  ──┬─
               ·    ╰── not a known key
               ╰────
              help: did you mean `kafka`?

              × unknown time zone `Mars`
               ╭─[tributary.toml:3:8]
             3 │ zone = "Mars"
               ·        ───┬──
               ·           ╰── not in the tz database
               ╰────
              help: a name of the tz database, such as `UTC` or `Europe/Berlin`

              × `time.settle` must be a text, not a whole number
               ╭─[tributary.toml:4:10]
             4 │ settle = 90
               ·          ─┬
               ·           ╰── this is a whole number
               ╰────
              help: its default is "90d"

              × `attribution.lookback` is no duration: `long`
               ╭─[tributary.toml:6:12]
             6 │ lookback = "long"
               ·            ───┬──
               ·               ╰── not a duration
               ╰────
              help: a whole number and a unit: `90s`, `30m`, `24h`, `7d`

              × unknown model `frist`
               ╭─[tributary.toml:7:11]
             7 │ models = ["frist"]
               ·           ───┬───
               ·              ╰── not known
               ╰────
              help: did you mean `first`?

              × unknown currency `US`
               ╭─[tributary.toml:9:12]
             9 │ currency = "US"
               ·            ──┬─
               ·              ╰── not known
               ╰────
              help: an ISO 4217 code, such as `USD`

        "#]],
    );
}
