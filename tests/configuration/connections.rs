//! Topics, Kafka, schemas and HTTP.

use expect_test::expect;

use crate::check;

#[test]
fn topics() {
    check(
        r#"[topics]
touchpoints = "events"
form_fills = "events"
spend = "tributary-spend"
kpis = "k p i s"
partitions = 0
replication_factor = 70000
encoding = { spend = "avor" }
"#,
        expect![[r#"
              × topic `events` is used twice
               ╭─[tributary.toml:3:14]
             3 │ form_fills = "events"
               ·              ────┬───
               ·                  ╰── taken
               ╰────
              help: each topic has one use

              × topic `tributary-spend` begins like the internal topics
               ╭─[tributary.toml:4:9]
             4 │ spend = "tributary-spend"
               ·         ────────┬────────
               ·                 ╰── taken
               ╰────
              help: `tributary-` is `topics.internal_prefix`

              × `k p i s` cannot be a topic
               ╭─[tributary.toml:5:8]
             5 │ kpis = "k p i s"
               ·        ────┬────
               ·            ╰── not a name Kafka takes
               ╰────
              help: 1 to 249 letters, digits, `.`, `_` and `-`

              × `topics.partitions` must be 1 to 65535
               ╭─[tributary.toml:6:14]
             6 │ partitions = 0
               ·              ┬
               ·              ╰── out of range
               ╰────
              help: its default is 8

              × `topics.replication_factor` must be 1 to 65535
               ╭─[tributary.toml:7:22]
             7 │ replication_factor = 70000
               ·                      ──┬──
               ·                        ╰── out of range
               ╰────
              help: its default is 1

              × `topics.encoding.spend` cannot be `avor`
               ╭─[tributary.toml:8:22]
             8 │ encoding = { spend = "avor" }
               ·                      ───┬──
               ·                         ╰── not a known value
               ╰────
              help: did you mean `avro`?

        "#]],
    );
}

#[test]
fn kafka() {
    check(
        r#"[kafka]
brokers = "broker:kafka"
[kafka.properties]
"bootstrap.servers" = "broker:9092"
"sasl.password_file" = "no-such-file"
"#,
        expect![[r#"
              × `kafka.brokers` has no broker in `broker:kafka`
               ╭─[tributary.toml:2:11]
             2 │ brokers = "broker:kafka"
               ·           ───────┬──────
               ·                  ╰── not a list of brokers
               ╰────
              help: `host:port`, several with commas

              × `bootstrap.servers` cannot be passed through
               ╭─[tributary.toml:4:1]
             4 │ "bootstrap.servers" = "broker:9092"
               · ─────────┬─────────
               ·          ╰── tributary sets it
               ╰────
              help: set `kafka.brokers`

              × cannot read `no-such-file`: No such file or directory (os error 2)
               ╭─[tributary.toml:5:24]
             5 │ "sasl.password_file" = "no-such-file"
               ·                        ───────┬──────
               ·                               ╰── this file
               ╰────
              help: relative paths start at the configuration's directory

        "#]],
    );
}

#[test]
fn registry_and_schemas() {
    check(
        r#"[schema_registry]
user = "me"
[schemas]
first = "a.avsc"
"#,
        expect![[r#"
              × `schema_registry` needs `url`
               ╭─[tributary.toml:1:1]
             1 │ [schema_registry]
               · ────────┬────────
               ·         ╰── without `url`
               ╰────
              help: its keys are ca, password, password_file, url, user

              × no schema id: `first`
               ╭─[tributary.toml:4:1]
             4 │ first = "a.avsc"
               · ──┬──
               ·   ╰── not a number
               ╰────
              help: ids are whole numbers: `7 = "touchpoint.avsc"`

        "#]],
    );
}

#[test]
fn registry_url() {
    check(
        r#"[schema_registry]
url = "localhost:8081"
password = "p"
password_file = "p"
"#,
        expect![[r#"
              × no URL: `localhost:8081`
               ╭─[tributary.toml:2:7]
             2 │ url = "localhost:8081"
               ·       ────────┬───────
               ·               ╰── not a URL
               ╰────
              help: such as `http://localhost:8081`

              × `schema_registry.password` and `schema_registry.password_file` are both given
               ╭─[tributary.toml:4:17]
             4 │ password_file = "p"
               ·                 ─┬─
               ·                  ╰── one too many
               ╰────
              help: leave one of them out

        "#]],
    );
}

#[test]
fn http() {
    check(
        r#"[http]
listen = "0.0.0.0:9464"
"#,
        expect![[r#"
              × `http.listen` = `0.0.0.0:9464` can be reached from elsewhere and asks for no token
               ╭─[tributary.toml:2:10]
             2 │ listen = "0.0.0.0:9464"
               ·          ───────┬──────
               ·                 ╰── not loopback
               ╰────
              help: set `http.token_file`, or listen on 127.0.0.1

        "#]],
    );
}

#[test]
fn http_address() {
    check(
        r#"[http]
listen = "localhost"
token = ""
"#,
        expect![[r#"
              × `http.listen` is no address: `localhost`
               ╭─[tributary.toml:2:10]
             2 │ listen = "localhost"
               ·          ─────┬─────
               ·               ╰── not an address and a port
               ╰────
              help: such as `127.0.0.1:9464` or `[::1]:9464`

              × `http.token` is empty
               ╭─[tributary.toml:3:9]
             3 │ token = ""
               ·         ─┬
               ·          ╰── empty
               ╰────
              help: or keep it in a file: `http.token_file`

        "#]],
    );
}
