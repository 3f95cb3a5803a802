//! Style as a test. What comes in: the text of every file in `src`. What must hold: each file says at its top what it
//! is for, stays short enough to read, and imports only what comes before it in the flow.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms of `src` in the order of the flow: a room imports those of its own rank or a lower one.
const RANKS: &[&[&str]] = &[
    &["model"],
    &["config", "attribution", "kpi"],
    &["journal", "partials", "telemetry"],
    &["ingest", "shards", "rollup", "publish", "generate", "reference"],
    &["runtime", "report", "scenario"],
    &["cli", "demo", "main", "lib"],
];

/// Rooms of one rank that meet only in what comes before them.
const APART: &[(&str, &str)] =
    &[("rollup", "shards"), ("shards", "rollup"), ("ingest", "shards"), ("shards", "ingest")];

const LONGEST: usize = 600;

/// What is wrong with one file; `path` is relative to `src`, with `/`.
fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push(format!("{path}: opens without `//!`: say what comes in, what goes out, what must hold"));
    }
    let lines = text.lines().count();
    if lines > LONGEST {
        found.push(format!("{path}: {lines} lines, over {LONGEST}: split it"));
    }
    let code = without_comments(text);
    if mentions(&code, "rdkafka") && !path.starts_with("runtime/kafka_log") {
        found.push(format!("{path}: only runtime/kafka_log may use rdkafka"));
    }
    let room = path.split(['/', '.']).next().unwrap_or_default();
    let Some(rank) = rank_of(room) else {
        found.push(format!("{path}: give `{room}` its place in the flow, in RANKS"));
        return found;
    };
    for imported in imports(path, &code) {
        let Some(other) = rank_of(&imported) else { continue };
        if other > rank || APART.contains(&(room, imported.as_str())) {
            found.push(format!("{path}: `{room}` must not import `{imported}`"));
        }
    }
    found
}

fn rank_of(room: &str) -> Option<usize> {
    RANKS.iter().position(|rooms| rooms.contains(&room))
}

/// The code alone. A `//` in a string cuts its line too, which hides nothing that is looked for here.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where `word` stands in `code` as a whole word.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = at.checked_sub(1).is_some_and(|before| is_name(bytes[before]));
        let after = bytes.get(at + word.len()).is_some_and(|&byte| is_name(byte));
        !before && !after
    })
}

fn mentions(code: &str, krate: &str) -> bool {
    words(code, krate).any(|at| code[at + krate.len()..].starts_with("::") || code[..at].ends_with("use "))
}

/// The rooms that the code names: after `crate::`, after `tributary::` (as the binary says), and by as many `super::` as
/// lead to the root.
fn imports(path: &str, code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for root in ["crate::", "tributary::"] {
        for at in words(code, &root[..root.len() - 2]).filter(|&at| code[at..].starts_with(root)) {
            first_names(&code[at + root.len()..], &mut found);
        }
    }
    let room = path.split(['/', '.']).next().unwrap_or_default();
    let depth = path.split('/').count();
    for (at, _) in code.match_indices("super::") {
        let rest = code[at..].trim_start_matches("super::");
        let supers = (code[at..].len() - rest.len()) / "super::".len();
        let mut names = BTreeSet::new();
        first_names(rest, &mut names);
        names.remove(room);
        if supers >= depth && !code[..at].ends_with("super::") {
            found.extend(names);
        }
    }
    found
}

/// The name at the start of `rest`, or all first names of a `{…}` group there.
fn first_names(rest: &str, found: &mut BTreeSet<String>) {
    let Some(group) = rest.strip_prefix('{') else {
        found.insert(rest.chars().take_while(|&one| one == '_' || one.is_alphanumeric()).collect());
        return;
    };
    let mut depth = 0_usize;
    let mut name = String::new();
    let mut naming = true;
    for one in group.chars() {
        match one {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.insert(std::mem::take(&mut name));
                naming = true;
            }
            _ if depth > 0 || one.is_whitespace() && name.is_empty() => {}
            _ if one == '_' || one.is_alphanumeric() => {
                if naming {
                    name.push(one);
                }
            }
            _ => naming = false,
        }
    }
    found.insert(name);
}

/// What is wrong with the architecture document, given the source files and the text of all of them and of the tests.
fn complaints_about_map(document: &str, paths: &[String], code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let rooms: BTreeSet<&str> = paths.iter().filter_map(|path| path.split(['/', '.']).next()).collect();
    for room in rooms.into_iter().filter(|&room| room != "lib") {
        if words(document, &format!("src/{room}")).next().is_none() {
            found.push(format!("ARCHITECTURE.md: `src/{room}` is missing in the code map"));
        }
    }
    for row in document.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()) {
        let guards = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap_or_default();
        for guard in guards.split('`').skip(1).step_by(2) {
            if !code.contains(&format!("fn {guard}(")) {
                found.push(format!("ARCHITECTURE.md: there is no test `{guard}`"));
            }
        }
        if !guards.contains('`') && guards != "no test yet" {
            found.push(format!("ARCHITECTURE.md: no test guards {row}"));
        }
    }
    found
}

/// Every Rust file below `root`, by its path relative to it, in order.
fn sources(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_sources_are_tidy() {
    let sources = sources(&project().join("src"));
    assert!(sources.contains_key("lib.rs"));
    let found: Vec<String> = sources.iter().flat_map(|(path, text)| complaints(path, text)).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_architecture_document_is_up_to_date() {
    let document = fs::read_to_string(project().join("ARCHITECTURE.md")).unwrap();
    let sources_of_src = sources(&project().join("src"));
    let code =
        [&sources_of_src, &sources(&project().join("tests"))].map(|all| all.values().cloned().collect::<String>());
    let paths: Vec<String> = sources_of_src.into_keys().collect();
    let found = complaints_about_map(&document, &paths, &code.concat());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn an_outdated_architecture_document_is_found() {
    let paths = ["ingest/route.rs", "lib.rs", "shards.rs"].map(str::to_owned);
    let document =
        "| `src/ingest` | routes |\n| 1 | It holds | `it_holds` |\n| 2 | This too | `gone` |\n| 3 | And this | |\n";
    let found = complaints_about_map(document, &paths, "fn it_holds() {}").join("\n");
    let expected = ["`src/shards` is missing", "no test `gone`", "no test guards | 3"];
    assert!(expected.iter().all(|part| found.contains(part)), "{found}");
    assert_eq!(found.lines().count(), expected.len(), "{found}");
}

#[test]
fn untidy_sources_are_found() {
    let bad = [
        ("model.rs", "use std::fmt;\n", "opens without"),
        ("elsewhere.rs", "//! Text.\n", "its place in the flow"),
        ("model/time.rs", "//! Text.\nuse crate::config::Config;\n", "`model` must not import `config`"),
        ("shards/fold.rs", "//! Text.\nuse crate::rollup::Row;\n", "`shards` must not import `rollup`"),
        ("rollup/ratios.rs", "//! Text.\nuse super::super::shards::Fold;\n", "`rollup` must not import `shards`"),
        ("kpi.rs", "//! Text.\nuse crate::{\n    model::{a, b},\n    journal,\n};\n", "must not import `journal`"),
        ("journal.rs", "//! Text.\nfn f(x: crate::runtime::Log) {}\n", "`journal` must not import `runtime`"),
        ("publish.rs", "//! Text.\nuse rdkafka::message::Message;\n", "only runtime/kafka_log"),
        ("runtime/driver.rs", "//! Text.\nfn f(x: rdkafka::Offset) {}\n", "only runtime/kafka_log"),
    ];
    for (path, text, expected) in bad {
        let found = complaints(path, text).join("\n");
        assert!(found.contains(expected), "{path} {text:?}: {found:?}");
    }
    let long = "//! Text.\n".repeat(LONGEST + 1);
    assert!(complaints("model.rs", &long).join("").contains("split it"));
}

#[test]
fn tidy_sources_are_left_alone() {
    let good = [
        (
            "rollup.rs",
            "//! Merges what crate::shards sent.\nuse crate::{kpi, partials::{Cell, shards}};\nmod markov;\n",
        ),
        ("shards/fold/lead.rs", "//! Text.\nuse super::super::forwards::Forward;\nuse super::visitor;\n"),
        ("runtime/kafka_log/producer.rs", "//! Text.\nuse rdkafka::producer::BaseProducer;\n"),
        ("main.rs", "//! Text.\nuse tributary::cli;\n"),
    ];
    for (path, text) in good {
        assert_eq!(complaints(path, text), Vec::<String>::new(), "{path} {text:?}");
    }
}
