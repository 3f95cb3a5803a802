//! The documentation cannot rot: what the pages link to is there; their configurations, scenarios, commands, settings
//! and metrics are those of the product; generated pages are current; worked examples give the numbers that stand
//! beside them, by the real programs.

mod examples;
mod generated;
mod names;
mod pages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use tributary::config::Config;

use self::pages::{Block, Page, pages};

const BINARY: &str = env!("CARGO_BIN_EXE_tributary");
/// Files that configurations in the pages name; what is in them does not matter.
const SECRETS: [&str; 4] = ["kafka-password", "registry-password", "registry-ca.pem", "http-token"];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of all pages whose fence begins with these words.
fn blocks<'a>(pages: &'a [Page], words: &str) -> Vec<(&'a Page, &'a Block)> {
    let all = pages.iter().flat_map(|page| page.blocks.iter().map(move |block| (page, block)));
    all.filter(|(_, block)| format!("{} ", block.fence).starts_with(&format!("{words} "))).collect()
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut broken = Vec::new();
    for page in &pages {
        for link in page.links.iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = page.path.parent().unwrap().join(path);
            let target = if path.is_empty() { page.path.clone() } else { normal(&target) };
            if !project().join(&target).exists() {
                broken.push(format!("{}: {link}: there is no {}", page.path.display(), target.display()));
            } else if !anchor.is_empty() {
                let led_to = pages.iter().find(|other| other.path == target);
                if !led_to.is_some_and(|of| of.anchors.contains(anchor)) {
                    broken.push(format!("{}: {link}: there is no such heading", page.path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// Such as the runbooks of alerts.
#[test]
fn what_other_files_point_to_is_there() {
    let pages = pages();
    let reference = Regex::new(r"\b(docs/[a-z/-]+\.md)(?:#([a-z0-9_-]+))?").unwrap();
    let mut found = Vec::new();
    for folder in ["src", "deploy", "tests"] {
        texts(&project().join(folder), &mut found);
    }
    assert!(!found.is_empty());
    for (path, text) in found {
        for reference in reference.captures_iter(&text) {
            let page = pages.iter().find(|page| page.path == Path::new(&reference[1]));
            let page = page.unwrap_or_else(|| panic!("{}: there is no {}", path.display(), &reference[1]));
            if let Some(anchor) = reference.get(2) {
                let is_there = page.anchors.contains(anchor.as_str());
                assert!(is_there, "{}: {} has no heading {}", path.display(), &reference[1], anchor.as_str());
            }
        }
    }
}

/// Every text file in a folder, with its path.
fn texts(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, into);
        } else if let Ok(text) = fs::read_to_string(&path) {
            into.push((path, text));
        }
    }
}

/// Without `..`, as the paths of pages are.
fn normal(path: &Path) -> PathBuf {
    let mut parts = Vec::new();
    for part in path.components() {
        match part.as_os_str().to_str() {
            Some("..") => drop(parts.pop()),
            Some(".") => {}
            _ => parts.push(part.as_os_str()),
        }
    }
    parts.iter().collect()
}

#[test]
fn every_page_is_in_the_index() {
    let pages = pages();
    let index = pages.iter().find(|page| page.path == Path::new("docs/README.md")).unwrap();
    for page in pages.iter().filter(|page| page.path.parent() == Some(Path::new("docs")) && page.path != index.path) {
        let name = page.path.file_name().unwrap().to_str().unwrap();
        assert!(index.links.iter().any(|link| link == name), "docs/README.md does not list {name}");
    }
}

#[test]
fn configurations_are_valid() {
    let directory = tempfile::tempdir().unwrap();
    for name in SECRETS {
        fs::write(directory.path().join(name), "secret\n").unwrap();
    }
    let (pages, file) = (pages(), directory.path().join("tributary.toml").display().to_string());
    let configurations = blocks(&pages, "toml configuration");
    assert!(configurations.len() > 5);
    for (page, block) in configurations {
        if let Err(problems) = Config::parse(&block.text, &file, std::iter::empty()) {
            panic!("{}:{}\n{}", page.path.display(), block.line, problems.render(false));
        }
    }
    let (known, all) = (["toml configuration", "toml scenario"], blocks(&pages, "toml"));
    let of_pages = |path: &Path| path.starts_with("docs") || path == Path::new("README.md");
    for (page, block) in all.into_iter().filter(|(page, _)| of_pages(&page.path)) {
        let is_known = known.iter().any(|fence| block.fence.starts_with(fence));
        assert!(is_known, "{}:{}: say whether it is one of {known:?}", page.path.display(), block.line);
    }
}

#[test]
fn scenarios_hold() {
    let directory = tempfile::tempdir().unwrap();
    let pages = pages();
    let mut files = Vec::new();
    for (page, block) in blocks(&pages, "toml scenario") {
        let name = format!("{}-{}.toml", page.path.file_stem().unwrap().to_str().unwrap(), block.line);
        fs::write(directory.path().join(&name), &block.text).unwrap();
        files.push(name);
    }
    assert!(files.len() > 1);
    let output = Command::new(BINARY).arg("test").args(&files).current_dir(directory.path()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{}", said.concat());
}
