//! `tributary test`: the project's own scenarios, whose numbers are worked out by hand beside them, through the real
//! binary; and how the command speaks of what fails and of what is wrong.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::{Expect, expect};
use tributary::config::Config;
use tributary::config::document::Document;
use tributary::kpi::catalogue::built_in;
use tributary::scenario::{self, Scenario};

/// Those that come with the project, in the order of their names.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn scenarios(path: &Path) -> Vec<Scenario> {
    let text = std::fs::read_to_string(path).unwrap();
    let document = Document::new(&path.display().to_string(), &text);
    let default = || Config::parse("", "", std::iter::empty());
    scenario::read(&document, &default).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

/// Runs `tributary test` on files of these texts; gives the exit code, stdout and stderr.
fn test(arguments: &[&str], texts: &[(&str, &str)]) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in texts {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tributary"))
        .arg("test")
        .args(arguments)
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_scenarios_of_the_project_hold() {
    let output = Command::new(env!("CARGO_BIN_EXE_tributary"))
        .arg("test")
        .args(files())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn every_kpi_is_in_a_scenario() {
    let all: Vec<Scenario> = files().iter().flat_map(|path| scenarios(path)).collect();
    let expected = all.iter().flat_map(|scenario| &scenario.expected).filter(|row| row.says.is_some());
    let seen: BTreeSet<&str> = expected.map(|row| &*row.id.kpi).collect();
    let own: BTreeSet<&str> =
        all.iter().flat_map(|scenario| &scenario.config.kpis).map(|kpi| kpi.id.as_str()).collect();
    let catalogue: BTreeSet<&str> = built_in().map(|kpi| kpi.id).collect();
    let seen: BTreeSet<&str> = seen.difference(&own).copied().collect();
    assert_eq!(seen, catalogue);
}

#[test]
fn the_example_of_the_format_passes() {
    let blocks = scenario::FORMAT.split("```").filter_map(|block| block.strip_prefix("toml\n"));
    let example = blocks.into_iter().find(|block| block.starts_with("title")).unwrap();
    let (code, out, err) = test(&["example.toml"], &[("example.toml", example)]);
    let expected = "ok      example.toml:1  Links from G2 are review sites\n1 scenario, 0 failed\n";
    assert_eq!((code, out.as_str()), (0, expected), "{err}");
}

const FAILING: &str = r#"title = "Two visits"
touchpoints = [
  { occurred_at = "2026-01-05T10:00:00Z", kind = "page_view", visitor_id = "v1", utm_source = "g2" },
  { occurred_at = 2026-01-05T11:00:00+01:00, kind = "page_view", visitor_id = "v2" },
  { occurred_at = 2026-01-05T12:00:00Z, kind = "page_veiw", visitor_id = "v3" },
  { occurred_at = 2026-01-05T12:00:00Z, kind = "page_view", visitor_id = "v3", rejected = "future" },
]
expect = [
  { kpi = "sessions", window = "1d", start = 2026-01-05, value = 2, previous = 1, final = true },
  { kpi = "sessions", window = "1d", start = 2026-01-05, channel = "review_sites" },
  { kpi = "visitors", window = "all", absent = true },
  { kpi = "leads", window = "all" },
]
[config.time]
windows = ["1d", "all"]
"#;

#[test]
fn what_fails_is_shown_beside_what_was_found() {
    let (code, out, err) = test(&["two.toml"], &[("two.toml", FAILING)]);
    assert_eq!((code, err.as_str()), (1, ""));
    expect![[r#"
        FAILED  two.toml:1  Two visits
          two.toml:5  record 3 of touchpoints
            rejected as unknown_kind: kind is none of the known ones
          two.toml:6  record 4 of touchpoints
            must be rejected as future, and is not
          two.toml:9  sessions 1d 2026-01-05
            value: expected 2, found 3
            previous: expected 1, found null
            final: expected true, found false
          two.toml:10  sessions 1d 2026-01-05 channel=review_sites
            no such row; there are
              sessions 1d 2026-01-05 channel=direct = 2
              sessions 1d 2026-01-05 channel=other = 1
              sessions all channel=direct = 2
              sessions all channel=other = 1
              sessions 1d 2026-01-05 = 3
          two.toml:11  visitors all
            must not be there, and is: 3
          two.toml:12  leads all
            no such row, nor any of this KPI
        1 scenario, 1 failed
    "#]]
    .assert_eq(&out);

    let (code, out, _) = test(&["two.toml", "--output", "json"], &[("two.toml", FAILING)]);
    let result: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &result["passed"], &result["failed"]), (1, &0.into(), &1.into()));
    let failures = result["scenarios"][0]["failures"].as_array().unwrap();
    let faults: Vec<&str> = failures.iter().filter_map(|failure| failure["fault"].as_str()).collect();
    assert_eq!(faults, ["rejected", "not_rejected", "different", "missing", "unexpected", "missing"]);
    assert_eq!(failures[2]["line"], 9);
    assert_eq!(failures[2]["differences"][0]["found"], "3");
}

/// The messages, one a line, for a scenario that cannot be run.
fn check_problems(text: &str, expected: &Expect) {
    let (code, out, err) = test(&["bad.toml", "--output", "json"], &[("bad.toml", text)]);
    let result: serde_json::Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    let lines = result["problems"].as_array().unwrap().iter().map(|problem| {
        let text = |key: &str| problem[key].as_str().unwrap_or("").to_owned();
        format!("{}: {} ({})\n", problem["line"], text("message"), text("hint"))
    });
    expected.assert_eq(&lines.collect::<String>());
    assert_eq!(code, 2);
}

#[test]
fn a_scenario_that_cannot_be_run_says_all_that_is_wrong_with_it() {
    check_problems(
        r#"titel = "x"
touchpoints = [{ occured_at = 2026-01-05T10:00:00Z, rejected = "unknown" }]
expect = [{ kpi = "leads" }, { kpi = "leads", window = "all", chanel = "email" }]
"#,
        &expect![[r#"
            1: unknown key `titel` in the document (did you mean `title`?)
            2: unknown key `occured_at` in `touchpoints` (did you mean `occurred_at`?)
            2: `touchpoints.rejected` cannot be `unknown` (one of undecodable, unknown_schema, missing_field, invalid_field, oversized, future, unknown_kind, unknown_stage, unknown_currency, late)
            3: `expect` needs `window` (its keys are absent, asset, asset_type, benchmark, campaign, category, change, channel, channel_a, channel_b, channel_group, content, definition, denominator, experiment, final, form, grade, high, kind, kpi, landing_page, low, model, numerator, of_kpi, page, path, previous, reason, route, segment, stage, start, stat, term, tolerance, value, variant, window)
            3: unknown key `chanel` in `expect` (did you mean `channel`?)
        "#]],
    );
    check_problems(
        r#"as_of = "today"
expect = [
  { kpi = "leeds", window = "all", value = 1 },
  { kpi = "leads", window = "1w", start = 2026-01-05 },
  { kpi = "leads", window = "all", channel = "email" },
  { kpi = "leads", window = "all", channel = "email", model = "lst" },
  { kpi = "leads", window = "1h", start = 2026-01-05T10:00:00 },
  { kpi = "sessions", window = "1d" },
  { kpi = "sessions", window = "all", start = 2026-01-05 },
  { kpi = "sessions", window = "1mo", start = 2026-01-05 },
  { kpi = "sessions", window = "1d", start = "soon" },
  { kpi = "sessions", window = "all", value = "many" },
  { kpi = "sessions", window = "all", value = 1, absent = true },
]
"#,
        &expect![[r#"
            1: no time with its offset: `today` (such as 2026-01-05T10:00:00Z)
            3: unknown KPI `leeds` (did you mean `leads`?)
            4: no window of this configuration: `1w` (`time.windows` has 1h, 1d, 1mo, 1q, 30d, 90d, all, now)
            5: `leads` has no rows by channel (it has rows by total · channel, model · campaign, channel, model · campaign, channel, content, model · channel, model, term · channel_group, model · segment)
            6: unknown model `lst` (did you mean `last`?)
            8: a row of `1d` needs the `start` of its window ()
            9: `all` has no start ()
            10: no `1mo` begins at 2026-01-05 (the one that holds it begins at 2026-01-01T00:00:00)
            11: no date or time: `soon` (a day of the zone as 2026-01-05, a time of it as 2026-01-05T10:00, or one with its offset)
            12: no number: `many` (a number, or "null" where it must not be defined)
            13: a row that is absent says nothing ()
        "#]],
    );
    check_problems(
        "[config.time]\nzoen = \"UTC\"\n[[expect]]\nkpi = \"leads\"\nwindow = \"all\"\n",
        &expect![[r"
            2: unknown key `zoen` in `time` (did you mean `zone`?)
        "]],
    );
    check_problems(
        "config = \"none.toml\"\n",
        &expect![[r#"
        null: cannot read `none.toml`: No such file or directory (os error 2) (`tributary init` writes a commented configuration)
    "#]],
    );
    check_problems(
        "title = \"Nothing\"\n",
        &expect![[r#"
        1: a scenario expects something: `[[expect]]`, or `rejected` at an event ()
    "#]],
    );
    check_problems(
        "[[expect]]\nkpi = \"leads\"\nwindow = \"all\"\n[[scenario]]\ntitle = \"a\"\n[[scenario.scenario]]\n",
        &expect![[r#"
            1: beside `[[scenario]]` there are no events or rows: they stand in one of the scenarios ()
            5: a scenario expects something: `[[expect]]`, or `rejected` at an event ()
            6: `[[scenario]]` stands at the root of a file only ()
        "#]],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_bad_usage() {
    let (code, _, err) = test(&["none.toml"], &[]);
    assert_eq!(code, 2);
    assert!(err.starts_with("error: cannot read none.toml: "), "{err}");
    assert_eq!(test(&[], &[]).0, 2);
}

#[test]
fn scenarios_share_what_stands_before_them() {
    let text = r#"as_of = 2026-01-06T00:00:00Z
config = "mine.toml"
[[scenario]]
title = "one"
touchpoints = [{ occurred_at = 2026-01-05T10:00:00Z, kind = "page_view", visitor_id = "v1", utm_source = "g2" }]
expect = [{ kpi = "sessions", window = "1d", start = 2026-01-05, channel = "review_sites", value = 1 }]
[[scenario]]
title = "two"
as_of = 2026-01-07T00:00:01Z
touchpoints = [{ occurred_at = 2026-01-05T10:00:00Z, kind = "page_view", visitor_id = "v1", utm_source = "g2" }]
expect = [{ kpi = "sessions", window = "1d", start = 2026-01-05, channel = "other", value = 1, final = true }]
[scenario.config]
"#;
    let mine = "[[channels.rules]]\nutm_source = \"g2\"\nchannel = \"review_sites\"\n";
    let (code, out, err) = test(&["both.toml"], &[("both.toml", text), ("mine.toml", mine)]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(out, "ok      both.toml:3  one\nok      both.toml:7  two\n2 scenarios, 0 failed\n");
}

#[test]
fn every_kpi_of_the_catalogue_has_an_example() {
    let directory = tempfile::tempdir().unwrap();
    let own = "[[kpi]]\nid = \"cost_per_touch\"\nunit = \"currency\"\nformula = \"spend / touches\"\nby = []\n";
    std::fs::write(directory.path().join("tributary.toml"), own).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tributary"))
        .args(["catalogue", "--output", "json"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(entries.len(), built_in().count() + 1);
    for entry in &entries {
        let id = entry["id"].as_str().unwrap();
        let (key, record) = (entry["example"]["key"].as_str().unwrap_or_default(), &entry["example"]["record"]);
        assert!(key.starts_with(&format!("{id}|")), "{id}: {key}");
        assert!(record["value"].is_number(), "{id}: {record}");
        let value = record.to_string();
        let read = tributary::publish::read_back::change(key, Some(value.as_bytes())).expect("a row");
        assert_eq!(tributary::publish::kpi_update::key(read.id()), key);
    }
}
