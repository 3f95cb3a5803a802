//! History in PostgreSQL: the example sink of `deploy/postgres` reads the Avro topic of the running product into a real
//! server, is killed in the middle, and goes on; the table is what the topic says. Then every query of the dashboard.

use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rdkafka::producer::{BaseRecord, Producer};
use serde_json::Value;

use super::product::{Product, product};
use super::{dashboard, filled, targets, variables};
use crate::broker::broker;
use crate::kafka_line::avro::newest;
use crate::kafka_line::loading::producer;
use crate::kafka_line::story::Rows;
use crate::real_parts::{Part, command, free_address, new_directory, start_patiently, tool, wait_for};

/// A PostgreSQL server of its own, on a loopback port, in a directory that goes with it.
struct Postgres {
    address: SocketAddr,
    part: Part,
}

/// Debian has the server's programs in a directory a version, and only the clients in the path.
fn server_program(name: &str) -> PathBuf {
    let versions = Path::new("/usr/lib/postgresql").read_dir().into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.is_file());
    found.max().unwrap_or_else(|| command(name))
}

fn number(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("id {arguments:?}: {output:?}"))
}

impl Postgres {
    fn start() -> Self {
        start_patiently("PostgreSQL", || {
            let directory = new_directory("postgres");
            // It refuses to run as root: then it runs as the user that its package made.
            let mut before: Vec<String> = Vec::new();
            if number(&["-u"]) == 0 {
                let (user, group) = (number(&["-u", "postgres"]), number(&["-g", "postgres"]));
                chown(directory.path(), Some(user), Some(group)).unwrap();
                before.extend([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
            }
            let before: Vec<&str> = before.iter().map(String::as_str).collect();
            let (initdb, server) = (server_program("initdb"), server_program("postgres"));
            let made = Command::new(command("setpriv"))
                .args(&before)
                .arg(initdb)
                .args(["-D", "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"])
                .current_dir(directory.path())
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let address = free_address();
            let port = address.port().to_string();
            let settings = ["-D", "data", "-h", "127.0.0.1", "-p", &port, "-k", "", "-c", "fsync=off"];
            let arguments = [&before[..], &[server.to_str().unwrap()], &settings].concat();
            let mut part = Part::start(directory, &command("setpriv"), &arguments);
            part.wait_ready(|| ask(address, "SELECT 1").ok())?;
            Ok(Self { address, part })
        })
    }

    fn ask(&self, sql: &str) -> Vec<String> {
        ask(self.address, sql).unwrap_or_else(|problem| panic!("{sql}: {problem}"))
    }

    fn one(&self, sql: &str) -> i64 {
        self.ask(sql)[0].parse().unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once and in order, so that nothing of it stays in shared memory.
        self.part.signal("QUIT");
        self.part.wait_end(Duration::from_secs(20));
    }
}

/// The rows of an answer, columns with `|` between them.
fn ask(address: SocketAddr, sql: &str) -> Result<Vec<String>, String> {
    let port = address.port().to_string();
    let output = Command::new(command("psql"))
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
        ])
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn in_deploy(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/postgres").join(name).to_str().unwrap().to_owned()
}

fn start_sink(product: &Product, postgres: &Postgres) -> Part {
    let topic = product.line.topic("kpis");
    let database = format!("postgresql://postgres@{}/postgres", postgres.address);
    let registry = format!("http://{}", product.registry.address());
    let (sink, schema) = (in_deploy("sink.py"), in_deploy("schema.sql"));
    let arguments = [&sink, "--brokers", broker().bootstrap(), "--registry", &registry, "--postgres", &database];
    let more = ["--topic", &topic, "--schema", &schema, "--batch", "1000", "--property", "session.timeout.ms=6000"];
    Part::start(new_directory("sink"), &tool("python/bin/python"), &[&arguments[..], &more].concat())
}

/// The table as rows of the topic, without what says when they were made.
fn table(postgres: &Postgres) -> Rows {
    let millis = |column: &str| format!("(extract(epoch FROM {column}) * 1000)::bigint");
    let sql = format!(
        "SELECT json_build_array(key, json_build_object('kpi', kpi, 'unit', unit, 'window', window_kind, 'start', {}, 'end', {}, \
         'dims', dims, 'value', value, 'numerator', numerator, 'denominator', denominator, 'low', low, 'high', high, \
         'previous', previous, 'change', change, 'benchmark', benchmark, 'final', final, 'currency', currency)) FROM kpis",
        millis("window_start"),
        millis("window_end")
    );
    let row = |line: &String| {
        let [key, row]: [Value; 2] = serde_json::from_str(line).unwrap();
        (key.as_str().unwrap().to_owned(), as_doubles(row))
    };
    postgres.ask(&sql).iter().map(row).collect()
}

fn as_doubles(row: Value) -> Value {
    match row {
        Value::Number(number) => serde_json::json!(number.as_f64().unwrap()),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, as_doubles(value))).collect(),
        other => other,
    }
}

fn check_table(product: &Product, postgres: &Postgres, expected: &Rows) {
    let found = table(postgres);
    let wrong: Vec<_> = expected.iter().filter(|(key, row)| found.get(*key) != Some(row)).take(3).collect();
    let more: Vec<_> = found.keys().filter(|key| !expected.contains_key(*key)).take(3).collect();
    let first = wrong.first().and_then(|(key, _)| found.get(*key));
    assert!(wrong.is_empty() && more.is_empty(), "{wrong:?} is {first:?}; {more:?} is too much");
    assert!(expected.len() > 10_000, "{} rows of {}", expected.len(), product.line.topic("kpis"));
}

/// As Grafana fills in the variables and macros of a query: the values that the dashboard opens with.
fn as_grafana(postgres: &Postgres, dashboard: &Value) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for variable in variables(dashboard) {
        let name = variable["name"].as_str().unwrap().to_owned();
        match variable["type"].as_str().unwrap() {
            "custom" => values.push((name, variable["current"]["value"].as_str().unwrap().to_owned())),
            "query" => {
                let found = postgres.ask(variable["query"].as_str().unwrap());
                assert!(found.len() > 3, "{name}: {found:?}");
                let quoted: Vec<String> =
                    found.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
                values.push((name, quoted.join(",")));
            }
            "datasource" => {}
            other => panic!("a variable of type {other}"),
        }
    }
    values
}

fn check_dashboard(postgres: &Postgres, dashboard: &Value) {
    let values = as_grafana(postgres, dashboard);
    let targets = targets(dashboard);
    assert!(targets.len() > 12, "{}", targets.len());
    let time = "window_start BETWEEN '2026-01-01T00:00:00Z' AND '2026-03-31T00:00:00Z'";
    for (panel, target) in targets {
        let sql = target["rawSql"].as_str().unwrap().replace("$__timeFilter(window_start)", time);
        let sql = filled(&sql, &values);
        assert!(!sql.contains('$'), "{panel}: {sql}");
        let answer = postgres.ask(&sql);
        assert!(answer.iter().any(|row| !row.replace('|', "").is_empty()), "{panel} gives nothing: {sql}");
        if target["format"] == "time_series" {
            let times: Vec<&str> = answer.iter().map(|row| row.split('|').next().unwrap()).collect();
            assert!(times.is_sorted() && times.first() < times.last(), "{panel}: {times:?}");
        }
    }
}

#[test]
fn a_table_is_what_the_topic_says_though_the_sink_is_killed_and_every_query_answers() {
    let product = product();
    let postgres = Postgres::start();
    let patience = Duration::from_secs(90);
    let rows = "SELECT count(*) FROM kpis";
    let read = "SELECT coalesce(sum(next_offset), 0) FROM kpis_offsets";
    let all: i64 = product.line.ends("kpis").iter().sum();

    let mut sink = start_sink(product, &postgres);
    wait_for("some rows", patience, || {
        let found = ask(postgres.address, rows).ok()?;
        found[0].parse().ok().filter(|count: &i64| *count > 2000)
    });
    sink.signal("KILL");
    sink.wait_end(Duration::from_secs(10));
    let so_far = postgres.one(read);
    assert!(so_far < all, "it was killed after the end: {so_far} of {all}");

    let sink = start_sink(product, &postgres);
    let expected = newest(&product.line, &product.registry, "kpis");
    let complete = || (postgres.one(rows) == expected.len() as i64).then_some(());
    wait_for("all rows", patience, complete);
    let begun = sink.log();
    assert!(begun.contains("reads on at") && !begun.contains("Traceback"), "{begun}");
    assert!(postgres.one(read) > so_far);
    check_table(product, &postgres, &expected);

    for config in [None, product.line.config().to_str()] {
        check_dashboard(&postgres, &dashboard("history-postgres", config));
    }

    // What is taken back goes.
    let gone = expected.keys().find(|key| key.starts_with("sessions|1d|")).unwrap();
    let (producer, topic) = (producer(), product.line.topic("kpis"));
    for partition in 0..i32::try_from(product.line.ends("kpis").len()).unwrap() {
        producer
            .send(BaseRecord::<str, [u8]>::to(&topic).partition(partition).key(gone))
            .map_err(|(error, _)| error)
            .unwrap();
    }
    producer.flush(Duration::from_secs(20)).unwrap();
    wait_for("one row less", patience, || (postgres.one(rows) == expected.len() as i64 - 1).then_some(()));
    assert_eq!(postgres.one(&format!("SELECT count(*) FROM kpis WHERE key = '{gone}'")), 0);
    sink.signal("TERM");
    let mut sink = sink;
    let ended = sink.wait_end(Duration::from_secs(20));
    assert!(ended.success(), "{ended}: {}", sink.log());
}
