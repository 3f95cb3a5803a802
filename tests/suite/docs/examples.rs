//! The worked examples: exports of other systems through jq and Miller into the real binary, and the comparison of
//! models. What is expected is read from the pages themselves.

use std::collections::BTreeMap;
use std::process::Command;

use super::pages::{Page, page};
use super::{BINARY, project};
use crate::real_parts::command;

/// What a program prints on stdout; it must succeed.
fn output(of: &mut Command) -> String {
    let output = of.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{of:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The words of the page's only call of this command.
fn call(page: &Page, begins: &str) -> Vec<String> {
    let shell = page.blocks.iter().filter(|block| block.fence == "sh");
    let lines: Vec<&str> = shell.flat_map(|block| block.text.lines()).filter(|line| line.starts_with(begins)).collect();
    assert_eq!(lines.len(), 1, "{}: {begins}", page.path.display());
    shlex::split(lines[0]).unwrap()
}

/// A row without its spacing.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Makes the records as the page says, and has them reported as the page says: all are accepted, and the rows that the
/// page shows are among those that come out.
fn feeding(from: &str) {
    // What the scripts call, so that a missing one is named.
    for program in ["jq", "mlr"] {
        command(program);
    }
    let page = page(&format!("docs/feeding-{from}.md"));
    let directory = tempfile::tempdir().unwrap();
    let records = directory.path().join("records");
    let letters = directory.path().join("letters.ndjson");
    let placed = |words: Vec<String>| -> Vec<String> {
        let place = |word: String| if word == "records" { records.display().to_string() } else { word };
        words.into_iter().map(place).collect()
    };
    let make = placed(call(&page, &format!("docs/feeding/{from}/run.sh")));
    output(Command::new("sh").args(&make).current_dir(project()));

    let report = placed(call(&page, "tributary report"));
    let mut run = Command::new(BINARY);
    run.args(&report[1..]).arg("--dead-letters").arg(&letters).current_dir(project());
    let rows: Vec<String> = output(&mut run).lines().map(words).collect();
    assert_eq!(std::fs::read_to_string(&letters).unwrap(), "", "dead letters");

    let shown = page.blocks.iter().find(|block| block.fence == format!("text report={from}")).unwrap();
    for line in shown.text.lines().map(words) {
        assert!(rows.contains(&line), "{}: no such row: {line}\n{}", page.path.display(), rows.join("\n"));
    }
}

#[test]
fn segment() {
    feeding("segment");
}

#[test]
fn snowplow() {
    feeding("snowplow");
}

#[test]
fn hubspot() {
    feeding("hubspot");
}

#[test]
fn salesforce() {
    feeding("salesforce");
}

/// The rows of a table of the page, by their first cell, with the heads of the others.
fn table(page: &Page, head: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let cells = |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(words).collect() };
    let mut lines = page.text.lines().skip_while(|line| !line.starts_with(head));
    let heads = cells(lines.next().unwrap());
    let rows = lines.skip(1).take_while(|line| line.starts_with('|')).map(cells);
    rows.map(|row| (row[0].clone(), heads.iter().cloned().zip(row).skip(1).collect())).collect()
}

#[test]
fn models_disagree_as_the_guide_says() {
    let page = page("docs/choosing-a-model.md");
    let directory = tempfile::tempdir().unwrap();
    let configuration = page.blocks.iter().find(|block| block.fence == "toml configuration compare").unwrap();
    std::fs::write(directory.path().join("compare.toml"), &configuration.text).unwrap();
    let run = |begins: &str, more: &[&str]| {
        let words = call(&page, begins);
        output(Command::new(BINARY).args(&words[1..]).args(more).current_dir(directory.path()))
    };
    run("tributary generate", &[]);
    let rows = run("tributary report", &["--output", "csv"]);
    let share = |channel: &str, model: &str| -> f64 {
        let dims = format!(",channel={channel} model={model} stage=won,");
        let row = rows.lines().find(|row| row.contains(&dims));
        row.map_or(0.0, |row| row.split(&dims).nth(1).unwrap().split(',').next().unwrap().parse().unwrap())
    };
    let shown = table(&page, "| channel | first ");
    assert_eq!(shown.len(), 6);
    for (channel, models) in shown {
        for (model, value) in models {
            let found = share(&channel, &model);
            assert_eq!(format!("{found:.3}"), value, "{channel} by {model}");
        }
    }
}
