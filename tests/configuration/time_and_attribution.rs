//! Durations, windows, zones and attribution models.

use expect_test::expect;

use crate::check;

#[test]
fn no_duration() {
    check(
        r#"[time]
allowed_lateness = "1 day"
[funnel]
leak_after = "2mo"
"#,
        expect![[r#"
              × `time.allowed_lateness` is no duration: `1 day`
               ╭─[tributary.toml:2:20]
             2 │ allowed_lateness = "1 day"
               ·                    ───┬───
               ·                       ╰── not a duration
               ╰────
              help: a whole number and a unit: `90s`, `30m`, `24h`, `7d`

              × `funnel.leak_after` is no duration: `2mo`
               ╭─[tributary.toml:4:14]
             4 │ leak_after = "2mo"
               ·              ──┬──
               ·                ╰── not a unit of time
               ╰────
              help: a whole number and a unit: `90s`, `30m`, `24h`, `7d`

        "#]],
    );
}

#[test]
fn no_time_at_all() {
    check(
        r#"[attribution]
half_life = "0d"
"#,
        expect![[r#"
              × `attribution.half_life` must be longer than nothing
               ╭─[tributary.toml:2:13]
             2 │ half_life = "0d"
               ·             ──┬─
               ·               ╰── no time at all
               ╰────
              help: such as `30s` or `7d`

        "#]],
    );
}

#[test]
fn unknown_window() {
    check(
        r#"[time]
windows = ["1d", "2h"]
"#,
        expect![[r#"
              × unknown window `2h`
               ╭─[tributary.toml:2:18]
             2 │ windows = ["1d", "2h"]
               ·                  ──┬─
               ·                    ╰── not a window
               ╰────
              help: `1m 1h 1d 1w 1mo 1q 1y`, rolling days such as `30d` (2 to 3660), `all`, `now`

        "#]],
    );
}

#[test]
fn unknown_zone() {
    check(
        r#"[time]
zone = "Europe/Berln"
"#,
        expect![[r#"
              × unknown time zone `Europe/Berln`
               ╭─[tributary.toml:2:8]
             2 │ zone = "Europe/Berln"
               ·        ───────┬──────
               ·               ╰── not in the tz database
               ╰────
              help: did you mean `Europe/Berlin`?

        "#]],
    );
}

#[test]
fn horizon_shorter_than_lateness() {
    check(
        r#"[time]
allowed_lateness = "10d"
[dedupe]
horizon = "9d"
"#,
        expect![[r#"
              × `dedupe.horizon` (9d) is shorter than `time.allowed_lateness` (10d): late duplicates would count twice
               ╭─[tributary.toml:4:11]
             4 │ horizon = "9d"
               ·           ──┬─
               ·             ╰── these two do not fit
               ╰────
              help: set `dedupe.horizon` to at least `10d`

        "#]],
    );
}

#[test]
fn horizon_left_at_its_default() {
    check(
        r#"[time]
allowed_lateness = "10d"
"#,
        expect![[r#"
              × `dedupe.horizon` (7d) is shorter than `time.allowed_lateness` (10d): late duplicates would count twice
               ╭─[tributary.toml:2:20]
             2 │ allowed_lateness = "10d"
               ·                    ──┬──
               ·                      ╰── these two do not fit
               ╰────
              help: set `dedupe.horizon` to at least `10d`

        "#]],
    );
}

#[test]
fn unknown_models() {
    check(
        r#"[attribution]
models = ["first", "time-decay"]
detail_models = ["markov"]
unit = "leads"
"#,
        expect![[r#"
              × unknown model `time-decay`
               ╭─[tributary.toml:2:20]
             2 │ models = ["first", "time-decay"]
               ·                    ──────┬─────
               ·                          ╰── not known
               ╰────
              help: did you mean `time_decay`?

              × `markov` shares no single conversion, so it has no content or term
               ╭─[tributary.toml:3:18]
             3 │ detail_models = ["markov"]
               ·                  ────┬───
               ·                      ╰── not rule-based
               ╰────
              help: leave it out here: its rows by channel stay

              × `attribution.unit` cannot be `leads`
               ╭─[tributary.toml:4:8]
             4 │ unit = "leads"
               ·        ───┬───
               ·           ╰── not a known value
               ╰────
              help: did you mean `lead`?

        "#]],
    );
}

#[test]
fn custom_models() {
    check(
        r#"[attribution.custom.linear]
first = 1
[attribution.custom.empty]
[attribution.custom.negative]
frist = 0.5
last = -1
"#,
        expect![[r#"
              × `linear` is a built-in model
               ╭─[tributary.toml:1:21]
             1 │ [attribution.custom.linear]
               ·                     ───┬──
               ·                        ╰── taken
               ╰────
              help: give the custom model another name

              × custom model `empty` gives no weight to anything
               ╭─[tributary.toml:3:21]
             3 │ [attribution.custom.empty]
               ·                     ──┬──
               ·                       ╰── without weights
               ╰────
              help: keys: first, last, others, and the stages

              × unknown key `frist` in `attribution.custom.negative`
               ╭─[tributary.toml:5:1]
             5 │ frist = 0.5
               · ──┬──
               ·   ╰── not a known key
               ╰────
              help: did you mean `first`?

              × a weight cannot be negative
               ╭─[tributary.toml:6:8]
             6 │ last = -1
               ·        ─┬
               ·         ╰── not a weight
               ╰────
              help: 0 or more: only how weights compare counts

        "#]],
    );
}

#[test]
fn off_the_ladder() {
    check(
        r#"[attribution.data_driven]
stages = ["won", "lost"]
markov_order = 4
"#,
        expect![[r#"
              × unknown stage `lost`
               ╭─[tributary.toml:2:18]
             2 │ stages = ["won", "lost"]
               ·                  ───┬──
               ·                     ╰── not known
               ╰────
              help: one of lead, mql, sal, sql, opportunity, proposal, won

              × `attribution.data_driven.markov_order` must be 1 to 3
               ╭─[tributary.toml:3:16]
             3 │ markov_order = 4
               ·                ┬
               ·                ╰── out of range
               ╰────
              help: its default is 1

        "#]],
    );
}
