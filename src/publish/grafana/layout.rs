//! Where panels stand: sections of panels in, panels with a place and an id out. Lines are filled from left to right
//! and as wide as the page; none is where another one is.

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

const COLUMNS: u64 = 24;
/// So high are tiles.
const LOW: u64 = 4;

/// A panel of so much room.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub panel: Value,
    pub width: u64,
    pub height: u64,
    /// It is no wider where its line has room left.
    pub widest: u64,
}

#[derive(Debug, Default)]
pub(super) struct Layout {
    panels: Vec<Value>,
    top: u64,
}

impl Layout {
    /// A row with its panels; nothing where there are none.
    pub fn section(&mut self, title: &str, panels: Vec<Placed>) {
        if panels.is_empty() {
            return;
        }
        let row = json!({ "type": "row", "title": title, "collapsed": false, "panels": [] });
        self.put(row, title, 0, COLUMNS, 1);
        self.top += 1;
        let mut line: Vec<Placed> = Vec::new();
        for placed in panels {
            let is_full = line.iter().map(|placed| placed.width).sum::<u64>() + placed.width > COLUMNS;
            // Low panels and high ones do not mix.
            let differs = line.first().is_some_and(|first| (first.height > LOW) != (placed.height > LOW));
            if is_full || differs {
                self.line(title, std::mem::take(&mut line));
            }
            line.push(placed);
        }
        self.line(title, line);
    }

    pub const fn is_empty(&self) -> bool {
        self.panels.is_empty()
    }

    pub fn finish(self) -> Vec<Value> {
        self.panels
    }

    fn line(&mut self, section: &str, line: Vec<Placed>) {
        let (count, used) = (line.len() as u64, line.iter().map(|placed| placed.width).sum::<u64>());
        let (each, over) = ((COLUMNS - used) / count, (COLUMNS - used) % count);
        let height = line.iter().map(|placed| placed.height).max().unwrap_or_default();
        let mut x = 0;
        for (at, placed) in (0..).zip(line) {
            let width = (placed.width + each + u64::from(at < over)).min(placed.widest);
            self.put(placed.panel, section, x, width, height);
            x += width;
        }
        self.top += height;
    }

    fn put(&mut self, mut panel: Value, section: &str, x: u64, width: u64, height: u64) {
        // The same panel keeps its id when others come and go: links and alerts go by it.
        let name = format!("{section}|{}|{}", panel["type"], panel["title"]);
        panel["id"] = (xxh3_64(name.as_bytes()) % 1_000_000_000 + 1).into();
        panel["gridPos"] = json!({ "x": x, "y": self.top, "w": width, "h": height });
        self.panels.push(panel);
    }
}
