//! Taking over from another owner: rows that it published are named, so that what has gone since gets its tombstone.
//! What they said is not known, so each is published once more.

use super::Rollup;
use super::groups::Mark;
use super::row::NamedRow;
use super::shards::Key;
use super::views::number;
use crate::model::window::{Window, WindowKind};

impl Rollup {
    /// To be called for what the topic holds, before rows are first asked for. False: no KPI of this configuration has
    /// such rows (any more), and none will be published or buried: the caller may bury it.
    pub fn assume_published(&mut self, row: &NamedRow) -> bool {
        let window = match row.start {
            Some(start) => self.timeline.starting(row.window, start),
            None => (row.window == WindowKind::All).then_some(Window { kind: row.window, start: 0 }),
        };
        let family = self.families.iter().position(|of| {
            *self.kpis[of.family.kpi].id == *row.kpi
                && of.family.dims.iter().map(|dim| dim.name()).eq(row.dims.iter().map(|(name, _)| &**name))
        });
        let (Some(window), Some(place)) = (window, family) else { return false };
        let of = &mut self.families[place];
        let Some(state) = of.family.kinds.iter().position(|kind| *kind == window.kind) else { return false };
        let key: Key = row.dims.iter().map(|(_, text)| self.texts.symbol(text)).collect();
        if !of.has_rows(&key) {
            return false;
        }
        let group = of.ensure(number(place), &key, &mut self.views);
        of.groups[group as usize].states[state].set_mark(Mark { start: window.start, last: false, print: 0 });
        true
    }
}
