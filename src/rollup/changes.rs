//! What changed: the rows to publish since last asked. Those of running windows are looked at every time, those of ended
//! ones only to settle, all when they become final; what was published of each row tells whether it says anything new.

use std::collections::BTreeSet;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Rollup;
use super::groups::{Key, Mark, Spot};
use super::row::{Dims, RowChange, Says};
use super::timeline::Horizon;
use super::views::number;
use crate::model::time::Millis;
use crate::model::window::{Window, WindowKind, WindowStart};

impl Rollup {
    /// The rows that changed since last asked, sorted: those of running windows, those that became final or went out
    /// of retention, and with `settle` those of ended windows.
    pub fn changed(&mut self, settle: bool, now_for_updated_at: Millis) -> Vec<RowChange> {
        self.changed_in_part(settle, usize::MAX, now_for_updated_at)
    }

    /// Whether ended windows have changed rows that were left for the next time.
    #[must_use]
    pub const fn is_settling(&self) -> bool {
        self.settling
    }

    /// The same, but of ended windows only so many rows at a time: a loaded history has millions.
    pub fn changed_in_part(&mut self, settle: bool, most: usize, now_for_updated_at: Millis) -> Vec<RowChange> {
        let Some(watermark) = self.watermark() else { return Vec::new() };
        let mut out = Vec::new();
        for at in 0..self.horizons.len() {
            let (kind, before) = self.horizons[at];
            let horizon = self.timeline.horizon(kind, watermark);
            self.horizons[at].1 = Some(horizon);
            if before != Some(horizon) {
                self.roll(kind, before, horizon, now_for_updated_at, &mut out);
            }
        }
        self.queue_timed();
        for spot in std::mem::take(&mut self.running) {
            let (kind, horizon) = self.kind_of(spot);
            self.families[spot.family as usize].groups[spot.group as usize].states[spot.state as usize].running = false;
            self.publish(spot, Window { kind, start: horizon.running }, now_for_updated_at, &mut out);
        }
        while settle
            && out.len() < most
            && let Some(spot) = self.ended.pop()
        {
            self.settle(spot, now_for_updated_at, &mut out);
        }
        self.settling = settle && !self.ended.is_empty();
        out.sort_by(|a, b| a.id().cmp(b.id()));
        out
    }

    /// Queues the running rows that change as time goes by.
    fn queue_timed(&mut self) {
        for family in &self.timed {
            let of = &mut self.families[*family as usize];
            let looks_back = of.looks_back();
            for (group, of_group) in of.groups.iter_mut().enumerate() {
                for (state, rows) in of_group.states.iter_mut().enumerate() {
                    let spot = Spot { family: *family, group: number(group), state: number(state) };
                    self.running.extend((!std::mem::replace(&mut rows.running, true)).then_some(spot));
                    let kind = of.family.kinds[state];
                    let horizon =
                        self.horizons.iter().find(|(found, _)| *found == kind).and_then(|(_, horizon)| *horizon);
                    if let Some(horizon) = horizon.filter(|_| looks_back && kind != WindowKind::Now) {
                        self.ended.extend(rows.touch_ended(horizon.kept, horizon.running - 1).then_some(spot));
                    }
                }
            }
        }
    }

    /// The watermark moved on among the windows of a kind.
    fn roll(
        &mut self,
        kind: WindowKind,
        before: Option<Horizon>,
        horizon: Horizon,
        now: Millis,
        out: &mut Vec<RowChange>,
    ) {
        let mut to_publish = Vec::new();
        let mut to_bury = Vec::new();
        for (family, of) in self.families.iter_mut().enumerate() {
            let Some(state) = of.family.kinds.iter().position(|found| *found == kind) else { continue };
            let last = if of.family.settling { horizon.final_settling } else { horizon.final_plain };
            let is_timed = of.is_timed();
            for (group, rows) in of.groups.iter_mut().enumerate() {
                let rows = &mut rows.states[state];
                let spot = Spot { family: number(family), group: number(group), state: number(state) };
                if before.is_none_or(|before| before.running != horizon.running) {
                    let first = match before {
                        None => Some(WindowStart::MIN),
                        // As time goes by the row that was running says something else at its end.
                        Some(before) if rows.running || is_timed => Some(before.running),
                        Some(before) => Some(before.running.saturating_add(1)),
                    };
                    if let Some(first) = first.filter(|first| *first < horizon.running) {
                        self.ended.extend(rows.touch_ended(first, horizon.running - 1).then_some(spot));
                    }
                    self.running.extend((!rows.running).then_some(spot));
                    rows.running = true;
                }
                let gone = rows.marks.partition_point(|mark| mark.start < horizon.kept);
                to_bury.extend(rows.marks.drain(..gone).map(|mark| (spot, mark)));
                let open = rows.marks.iter().take_while(|mark| mark.start < last).filter(|mark| !mark.is_last());
                to_publish.extend(open.map(|mark| (spot, mark.start)));
                to_publish.dedup();
            }
        }
        for (spot, mark) in to_bury {
            let window = Window { kind, start: mark.start };
            out.push(RowChange::Gone(self.id_of(spot, window, self.dims(spot, mark.sub()))));
        }
        for (spot, start) in to_publish {
            self.publish(spot, Window { kind, start }, now, out);
        }
        self.forget(kind, before, horizon);
    }

    /// Short windows that nothing quotes any more make room, a sixteenth of what is kept at a time.
    fn forget(&mut self, kind: WindowKind, before: Option<Horizon>, horizon: Horizon) {
        if !matches!(kind, WindowKind::Minute | WindowKind::Hour) || horizon.kept == WindowStart::MIN {
            return;
        }
        let step = ((horizon.running - horizon.kept) / 16).max(1);
        if before.is_some_and(|before| before.kept.div_euclid(step) == horizon.kept.div_euclid(step)) {
            return;
        }
        let oldest = self.timeline.oldest_quotable(kind, horizon);
        self.shards.forget(kind, oldest, &self.lanes);
        for view in &mut self.views.views {
            for series in &mut view.series {
                series.forget(kind, oldest);
            }
        }
    }

    /// Publishes what changed among a group's rows of ended windows, those that quote a changed one too.
    fn settle(&mut self, spot: Spot, now: Millis, out: &mut Vec<RowChange>) {
        let (kind, horizon) = self.kind_of(spot);
        let of = &mut self.families[spot.family as usize];
        let rows = &mut of.groups[spot.group as usize].states[spot.state as usize];
        let Some((first, last)) = rows.ended.take() else { return };
        let first = first.max(horizon.kept);
        let ranges: SmallVec<[_; 2]> = match kind {
            WindowKind::Rolling(days) => {
                let days = i32::from(days);
                [(first, last), (first.saturating_add(days), last.saturating_add(days))].into_iter().collect()
            }
            _ => [(first, self.timeline.last_quoting(Window { kind, start: last }))].into_iter().collect(),
        };
        let ended = ranges.into_iter().map(|(from, to)| (from, to.min(horizon.running - 1)));
        let source = self.source();
        let of = &self.families[spot.family as usize];
        let group = &of.groups[spot.group as usize];
        let mut starts = BTreeSet::new();
        for (from, to) in ended.filter(|(from, to)| from <= to) {
            starts.extend(source.windows(of, group, kind, (from, to)));
            let marks = group.states[spot.state as usize].marks.iter().map(|mark| mark.start);
            starts.extend(marks.filter(|start| from <= *start && *start <= to));
        }
        for start in starts {
            self.publish(spot, Window { kind, start }, now, out);
        }
    }

    /// Publishes a group's row of a window if it says something else than what was published of it; of several those that
    /// do.
    fn publish(&mut self, spot: Spot, window: Window, now: Millis, out: &mut Vec<RowChange>) {
        let rows = self.says(spot, window, self.kind_of(spot).1);
        let subs = self.name_subs(spot, &rows);
        let state = &mut self.families[spot.family as usize].groups[spot.group as usize].states[spot.state as usize];
        let mut said = SmallVec::<[(u32, Option<Says>); 1]>::new();
        let gone = state.marks_of(window.start).iter().map(|mark| mark.sub()).filter(|sub| !subs.contains(sub));
        said.extend(gone.map(|sub| (sub, None)));
        for ((_, says), sub) in rows.into_iter().zip(subs) {
            let mark = Mark::new(window.start, sub, says.last, says.print());
            if state.mark(window.start, sub).is_none_or(|known| known.print != mark.print) {
                state.set_mark(mark);
                said.push((sub, Some(says)));
            }
        }
        said.iter().filter(|(_, says)| says.is_none()).for_each(|(sub, _)| state.unmark(window.start, *sub));
        for (sub, says) in said {
            let dims = self.dims(spot, sub);
            out.push(match says.and_then(|says| self.row(spot, window, dims, says, now)) {
                Some(row) => RowChange::Says(Arc::new(row)),
                None => RowChange::Gone(self.id_of(spot, window, dims)),
            });
        }
    }

    /// The numbers of a group's rows.
    fn name_subs(&mut self, spot: Spot, rows: &[(Key, Says)]) -> SmallVec<[u32; 1]> {
        if self.families[spot.family as usize].family.journeys.is_none() {
            return rows.iter().map(|_| 0).collect();
        }
        let mut subs = std::mem::take(&mut self.families[spot.family as usize].groups[spot.group as usize].subs);
        let (of, source) = (&self.families[spot.family as usize], self.source());
        let group = &of.groups[spot.group as usize];
        let numbers = rows.iter().map(|(key, _)| subs.ensure(key, || source.dims_of(of, group, key))).collect();
        self.families[spot.family as usize].groups[spot.group as usize].subs = subs;
        numbers
    }

    /// The dimensions of one of a group's rows.
    fn dims(&self, spot: Spot, sub: u32) -> &Dims {
        let group = &self.families[spot.family as usize].groups[spot.group as usize];
        group.subs.dims(sub).unwrap_or(&group.dims)
    }

    fn kind_of(&self, spot: Spot) -> (WindowKind, Horizon) {
        let kind = self.families[spot.family as usize].family.kinds[spot.state as usize];
        let horizon = self.horizons.iter().find(|(found, _)| *found == kind).and_then(|(_, horizon)| *horizon);
        (kind, horizon.expect("spots are queued only when there is a watermark, and with it a horizon"))
    }

    pub(super) fn says(&self, spot: Spot, window: Window, horizon: Horizon) -> SmallVec<[(Key, Says); 1]> {
        let of = &self.families[spot.family as usize];
        let interval = self.kpis[of.family.kpi].of.interval;
        self.source().says(of, &of.groups[spot.group as usize], window, horizon, interval)
    }
}
