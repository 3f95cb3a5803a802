//! The Markdown of the project, read: text in; links, anchors as GitHub makes them, fenced blocks, and code in the text
//! out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::project;

#[derive(Debug)]
pub struct Page {
    /// From the project's folder.
    pub path: PathBuf,
    pub text: String,
    pub links: Vec<String>,
    pub anchors: BTreeSet<String>,
    pub blocks: Vec<Block>,
    /// What stands between backticks in the text.
    pub code: Vec<String>,
}

#[derive(Debug)]
pub struct Block {
    /// What stands after the fence, such as `toml scenario`.
    pub fence: String,
    pub text: String,
    pub line: usize,
}

/// Those of the project's root, of `docs` and of `deploy`, in the order of their paths.
pub fn pages() -> Vec<Page> {
    let mut paths = markdown(project(), false);
    paths.extend(["docs", "deploy"].iter().flat_map(|folder| markdown(&project().join(folder), true)));
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}

pub fn page(path: &str) -> Page {
    Page::read(&project().join(path))
}

fn markdown(folder: &Path, deep: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && deep {
            found.extend(markdown(&path, true));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut page = Self {
            path: path.strip_prefix(project()).unwrap().to_owned(),
            text: String::new(),
            links: Vec::new(),
            anchors: BTreeSet::new(),
            blocks: Vec::new(),
            code: Vec::new(),
        };
        let (mut heading, mut block) = (None::<String>, None::<Block>);
        for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.to_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.add_anchor(&heading.take().unwrap()),
                Event::Start(Tag::CodeBlock(kind)) => {
                    let fence = if let CodeBlockKind::Fenced(fence) = kind { fence.to_string() } else { String::new() };
                    let line = text[..range.start].lines().count() + 1;
                    block = Some(Block { fence, text: String::new(), line });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    page.code.push(code.to_string());
                }
                Event::Text(of) => match (&mut block, &mut heading) {
                    (Some(block), _) => block.text.push_str(&of),
                    (None, Some(heading)) => heading.push_str(&of),
                    (None, None) => {}
                },
                _ => {}
            }
        }
        page.text = text;
        page
    }

    /// In lower case, blanks as dashes, without punctuation; a second one of the name gets a number.
    fn add_anchor(&mut self, heading: &str) {
        let kept = heading.chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'));
        let anchor: String = kept.map(|one| if one == ' ' { '-' } else { one }).collect::<String>().to_lowercase();
        let others = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(others).find(|one| !self.anchors.contains(one));
        self.anchors.extend(free);
    }
}

#[test]
fn headings_have_the_anchors_of_github() {
    let mut page = page("README.md");
    for (heading, anchor) in [
        ("Where to go next", "where-to-go-next"),
        ("1. From files: report", "1-from-files-report"),
        ("completions, man", "completions-man"),
        ("1. From files: report", "1-from-files-report-1"),
    ] {
        page.add_anchor(heading);
        assert!(page.anchors.contains(anchor), "{heading}: {:?}", page.anchors);
    }
}
