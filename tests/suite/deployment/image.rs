//! The Dockerfile. What it builds is tried by `tests/image.sh`, which takes long.

use std::collections::BTreeSet;
use std::process::Command;

use super::{in_repository, read, said};
use crate::real_parts::tool;

/// Instructions, continuation lines joined.
fn instructions(text: &str) -> Vec<String> {
    let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    let joined = code.join("\n").replace("\\\n", " ");
    joined
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn the_linter_has_nothing_to_say() {
    let mut hadolint = Command::new(tool("python/bin/hadolint"));
    assert_eq!(said(hadolint.arg(in_repository("deploy/Dockerfile"))), "");
}

#[test]
fn it_is_built_by_the_version_of_the_toolchain_and_runs_as_nobody() {
    let instructions = instructions(&read("deploy/Dockerfile"));
    let of = |word: &str| -> Vec<&str> {
        instructions.iter().filter_map(|line| line.strip_prefix(word)).map(str::trim).collect()
    };
    let toolchain: toml::Table = read("rust-toolchain.toml").parse().unwrap();
    let version = toolchain["toolchain"]["channel"].as_str().unwrap();
    let images = of("FROM ");
    assert!(images[0].starts_with(&format!("rust:{version}-")), "{images:?}");
    assert!(images[1].starts_with("gcr.io/distroless/"), "{images:?}");
    assert_eq!((of("USER "), of("EXPOSE ")), (vec!["65532:65532"], vec!["9464"]));
    assert_eq!((of("ENTRYPOINT "), of("CMD ")), (vec![r#"["/usr/bin/tributary"]"#], vec![r#"["run"]"#]));
    let package: toml::Table = read("Cargo.toml").parse().unwrap();
    let version = format!("VERSION={}", package["package"]["version"].as_str().unwrap());
    assert!(of("ARG ").contains(&version.as_str()), "the version is that of Cargo.toml");
}

/// What is copied, what is let in, and what the sources include must be the same.
#[test]
fn all_that_the_sources_include_is_there_and_nothing_else() {
    let dockerfile = instructions(&read("deploy/Dockerfile"));
    let copies = dockerfile.iter().filter_map(|line| line.strip_prefix("COPY ")).filter(|rest| !rest.starts_with("--"));
    let copied: BTreeSet<&str> = copies.flat_map(|rest| rest.split(' ').rev().skip(1)).collect();
    let ignore = read("deploy/Dockerfile.dockerignore");
    let let_in: BTreeSet<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignore.lines().any(|line| line == "*"));
    assert_eq!(copied, let_in);
    for path in &let_in {
        assert!(in_repository(path).exists(), "{path}");
    }
    for (file, included) in included() {
        let is_there = copied.iter().any(|path| included == *path || included.starts_with(&format!("{path}/")));
        assert!(is_there, "{file} includes {included}, which the image's build does not have");
    }
}

/// Every `include_str!` and `include_bytes!` of the library: the file that has it, and what it names, from the root.
fn included() -> Vec<(String, String)> {
    let macros = regex::Regex::new(r#"include_(?:str|bytes)!\(\s*"([^"]+)""#).unwrap();
    let mut found = Vec::new();
    let mut folders = vec![in_repository("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for name in macros.captures_iter(&text) {
                let target = path.parent().unwrap().join(&name[1]).canonicalize().unwrap();
                let root = in_repository("").canonicalize().unwrap();
                let target = target.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((path.display().to_string(), target));
            }
        }
    }
    assert!(found.len() > 5, "{found:?}");
    found
}
