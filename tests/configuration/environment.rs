//! Overrides by TRIBUTARY_SECTION__KEY.

use expect_test::expect;

use crate::{check_with, valid};

#[test]
fn overrides_are_checked_where_they_are_and_secrets_are_not_shown() {
    check_with(
        "[time]\nzone = \"Mars\"\n",
        &[
            ("TRIBUTARY_ATTRIBUTION__LOKBACK", "90d"),
            ("TRIBUTARY_HTTP__LISTEN", "nowhere"),
            ("TRIBUTARY_SCHEMA_REGISTRY__PASSWORD", "hunter2"),
            ("TRIBUTARY_SCHEMA_REGISTRY__PASSWORD_FILE", "hunter3"),
            ("TRIBUTARY_SCHEMA_REGISTRY__URL", "http://localhost:8081"),
            ("TRIBUTARY_TIME__WINDOWS", "[\"1d\", \"2h\"]"),
            ("TRIBUTARY_TIME__ZONE", "Europe/Berln"),
            ("TRIBUTARY_TIME__ZONE__NAME", "UTC"),
        ],
        expect![[r#"
              × unknown key `lokback` in `attribution`
               ╭─[environment:1:1]
             1 │ TRIBUTARY_ATTRIBUTION__LOKBACK=90d
               · ───────────────┬──────────────
               ·                ╰── not a known key
               ╰────
              help: did you mean `TRIBUTARY_ATTRIBUTION__LOOKBACK`?

              × `http.listen` is no address: `nowhere`
               ╭─[environment:1:24]
             1 │ TRIBUTARY_HTTP__LISTEN=nowhere
               ·                        ───┬───
               ·                           ╰── not an address and a port
               ╰────
              help: such as `127.0.0.1:9464` or `[::1]:9464`

              × `schema_registry.password` and `schema_registry.password_file` are both given
               ╭─[environment:1:42]
             1 │ TRIBUTARY_SCHEMA_REGISTRY__PASSWORD_FILE=*******
               ·                                          ───┬───
               ·                                             ╰── one too many
               ╰────
              help: leave one of them out

              × unknown window `2h`
               ╭─[environment:1:32]
             1 │ TRIBUTARY_TIME__WINDOWS=["1d", "2h"]
               ·                                ──┬─
               ·                                  ╰── not a window
               ╰────
              help: `1m 1h 1d 1w 1mo 1q 1y`, rolling days such as `30d` (2 to 3660), `all`, `now`

              × unknown time zone `Europe/Berln`
               ╭─[environment:1:22]
             1 │ TRIBUTARY_TIME__ZONE=Europe/Berln
               ·                      ──────┬─────
               ·                            ╰── not in the tz database
               ╰────
              help: did you mean `Europe/Berlin`?

              × `TRIBUTARY_TIME__ZONE__NAME` sets a key of `time.zone`, which is no table
               ╭─[environment:1:1]
             1 │ TRIBUTARY_TIME__ZONE__NAME=UTC
               · ─────────────┬────────────
               ·              ╰── a key too many
               ╰────
              help: `TRIBUTARY_TIME__ZONE` sets it

        "#]],
    );
}

#[test]
fn overrides_win_over_the_file() {
    let config = valid(
        "[kafka]\nbrokers = \"a:9092\"\n[money.rates]\nEUR = 1.1\n",
        &[
            ("PATH", "/bin"),
            ("TRIBUTARY_ALERTS", "[{ name = \"low\", when = \"leads < 1\", window = \"1d\" }]"),
            ("TRIBUTARY_ATTRIBUTION__CUSTOM__CLOSER__LAST", "1"),
            ("TRIBUTARY_KAFKA__BROKERS", "b:9092,c:9092"),
            ("TRIBUTARY_KAFKA__GROUP", "7"),
            ("TRIBUTARY_KAFKA__PROPERTIES__SASL_PASSWORD", "0x10"),
            ("TRIBUTARY_MONEY__RATES__EUR", "1.2"),
            ("TRIBUTARY_SERVICE_HOST", "10.0.0.1"),
            ("TRIBUTARY_TIME__ADVANCE_WHEN_IDLE", "false"),
            ("TRIBUTARY_TIME__WINDOWS", "[\"1d\"]"),
            ("TRIBUTARY_TOPICS__PARTITIONS", "3"),
        ],
    );
    assert_eq!(config.kafka.brokers, "b:9092,c:9092");
    assert_eq!(config.kafka.group, "7");
    assert_eq!(config.kafka.properties["sasl.password"], "0x10");
    assert_eq!(config.money.rates["EUR"].to_string(), "1.2");
    assert_eq!(config.attribution.models.last().map(|model| model.name()), Some("closer"));
    assert_eq!(config.alerts[0].name, "low");
    assert_eq!(config.topics.partitions, 3);
    assert_eq!(config.time.windows.len(), 1);
    assert!(!config.time.advance_when_idle);
}
