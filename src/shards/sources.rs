//! What a shard knows of the inputs from the sections of its journal: how far each source partition is told, and the
//! watermark. Sections come at least once and may come out of order from an ingest that has lost its partitions: each
//! offset is folded once, and never past a gap.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::journal::block::{SectionHead, Source};
use crate::model::event::Topic;
use crate::model::time::{Millis, Span};

/// How far behind the wall clock an idle stream's watermark follows.
const IDLE_LAG: Span = Span(30_000);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    announced: BTreeMap<Topic, i32>,
    told: BTreeMap<Source, Told>,
    watermark: Option<Millis>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    next: i64,
    watermark: Option<Millis>,
    idle: Option<Millis>,
}

/// What to do with a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Fold its entries at or above this offset.
    Fold { from: i64 },
    /// All of it is known.
    Known,
    /// Something before it has not arrived: a writer that no longer owns the source sent it, or one that failed in
    /// between and will send all again.
    Gap,
}

impl Sources {
    pub fn announce(&mut self, topics: &[(Topic, i32)]) {
        for (topic, partitions) in topics {
            let known = self.announced.entry(*topic).or_default();
            *known = (*known).max(*partitions);
        }
    }

    #[must_use]
    pub fn judge(&self, head: &SectionHead) -> Verdict {
        let next = self.told.get(&head.source).map_or(0, |told| told.next);
        if head.follows > next {
            Verdict::Gap
        } else if head.to > next {
            Verdict::Fold { from: next }
        } else {
            Verdict::Known
        }
    }

    /// Takes a section that was not a gap as told.
    pub fn take(&mut self, head: &SectionHead) {
        let told = self.told.entry(head.source).or_default();
        if head.to < told.next {
            return;
        }
        if head.to > told.next || head.idle.is_some() {
            told.idle = head.idle;
        }
        told.next = head.to;
        told.watermark = told.watermark.max(head.watermark);
    }

    /// Moves the watermark on, never back, to what the sources say now.
    pub fn advance(&mut self, history_until: Option<Millis>, advance_when_idle: bool) -> Option<Millis> {
        self.watermark = self.watermark.max(self.least(history_until, advance_when_idle));
        self.watermark
    }

    /// The watermark of what was folded so far; none until every source partition has reported.
    #[must_use]
    pub const fn watermark(&self) -> Option<Millis> {
        self.watermark
    }

    /// The watermarks of the partitions of other topics that are not read to their end. What is erased says nothing of time.
    fn unread_reference(&self) -> impl Iterator<Item = Option<Millis>> {
        let others = self.announced.iter().filter(|(topic, _)| matches!(topic, Topic::Spend | Topic::Accounts));
        let partitions =
            others.flat_map(|(&topic, &count)| (0..count).map(move |partition| Source { topic, partition }));
        let told = partitions.map(|source| self.told.get(&source).copied().unwrap_or_default());
        told.filter(|told| told.idle.is_none()).map(|told| told.watermark)
    }

    fn least(&self, history_until: Option<Millis>, advance_when_idle: bool) -> Option<Millis> {
        let mut all = Vec::new();
        let mut empty_topic = false;
        for topic in Topic::ALL.into_iter().filter(|topic| topic.carries_time()) {
            let partitions = *self.announced.get(&topic)?;
            let told = (0..partitions).map(|partition| self.told.get(&Source { topic, partition }));
            let told: Vec<Told> = told.collect::<Option<Vec<_>>>()?.into_iter().copied().collect();
            if told.iter().any(|told| told.watermark.is_none() && told.idle.is_none()) {
                return None;
            }
            empty_topic |= told.iter().all(|told| told.watermark.is_none());
            all.extend(told);
        }
        let all_idle = all.iter().all(|told| told.idle.is_some());
        let busy = all.iter().filter(|told| told.idle.is_none()).filter_map(|told| told.watermark).min();
        if let Some(until) = history_until {
            // While a history is loaded topic by topic, what is idle or empty only waits for its turn.
            // A partition that nothing was read of may have its events still to come. What is known of accounts and
            // costs only in part holds it as well: it would come late for what it belongs to.
            let held = all.iter().map(|told| told.watermark).chain(self.unread_reference()).min().flatten();
            let waits = empty_topic || !all_idle || self.unread_reference().next().is_some();
            if waits && held.is_none_or(|held| held < until) {
                return if empty_topic { None } else { held };
            }
        }
        if !all_idle {
            return busy;
        }
        let greatest = all.iter().filter_map(|told| told.watermark).max()?;
        let clock = all.iter().filter_map(|told| told.idle).min()?;
        Some(if advance_when_idle { greatest.max(clock - IDLE_LAG) } else { greatest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(topic: Topic, offsets: [i64; 3], watermark: Option<i64>, idle: Option<i64>) -> SectionHead {
        let [follows, from, to] = offsets;
        let source = Source { topic, partition: 0 };
        let (watermark, idle) = (watermark.map(Millis), idle.map(Millis));
        SectionHead { source, follows, from, to, watermark, idle, entries: 0, bytes: 0 }
    }

    #[test]
    fn a_history_waits_for_the_costs_and_accounts_that_are_there() {
        let until = Some(Millis(1_000));
        let mut sources = Sources::default();
        sources
            .announce(&[Topic::Touchpoints, Topic::FormFills, Topic::DealStages, Topic::Spend].map(|topic| (topic, 1)));
        for topic in [Topic::Touchpoints, Topic::FormFills, Topic::DealStages] {
            sources.take(&section(topic, [0, 0, 5], Some(800), Some(2)));
        }
        assert_eq!(sources.advance(until, false), None, "not read yet");
        sources.take(&section(Topic::Spend, [0, 0, 5], Some(70), None));
        assert_eq!(sources.advance(until, false), Some(Millis(70)));
        sources.take(&section(Topic::Spend, [5, 5, 9], Some(90), Some(3)));
        assert_eq!(sources.advance(until, false), Some(Millis(800)));
        sources.take(&section(Topic::Spend, [9, 9, 10], Some(95), None));
        assert_eq!(sources.advance(None, false), Some(Millis(800)), "afterwards they hold nothing");
    }

    fn announced() -> Sources {
        let mut sources = Sources::default();
        sources.announce(&[(Topic::Touchpoints, 1), (Topic::FormFills, 1), (Topic::DealStages, 1), (Topic::Spend, 3)]);
        sources
    }

    #[test]
    fn each_offset_is_folded_once_and_never_past_a_gap() {
        let mut sources = announced();
        let touches = |offsets| section(Topic::Touchpoints, offsets, None, None);
        assert_eq!(sources.judge(&touches([5, 5, 9])), Verdict::Gap, "a first section must follow 0");
        assert_eq!(sources.judge(&touches([0, 5, 9])), Verdict::Fold { from: 0 }, "or say what is gone");
        sources.take(&touches([0, 5, 9]));
        assert_eq!(sources.judge(&touches([5, 5, 9])), Verdict::Known);
        assert_eq!(sources.judge(&touches([7, 7, 12])), Verdict::Fold { from: 9 });
        assert_eq!(sources.judge(&touches([10, 10, 12])), Verdict::Gap);
    }

    #[test]
    fn there_is_no_watermark_until_every_source_has_reported() {
        let mut sources = announced();
        sources.take(&section(Topic::Touchpoints, [0, 0, 5], Some(100), None));
        sources.take(&section(Topic::FormFills, [0, 0, 5], Some(50), None));
        assert_eq!(sources.advance(None, false), None);
        sources.take(&section(Topic::DealStages, [0, 0, 0], None, Some(1_000_000)));
        assert_eq!(sources.advance(None, false), Some(Millis(50)), "an idle source holds nothing");
        sources.take(&section(Topic::DealStages, [0, 0, 1], Some(20), None));
        assert_eq!(sources.advance(None, false), Some(Millis(50)), "never back");
    }

    #[test]
    fn when_all_are_idle_it_is_the_greatest_and_then_follows_the_clock() {
        let mut sources = announced();
        for (topic, watermark) in [(Topic::Touchpoints, 100), (Topic::FormFills, 50), (Topic::DealStages, 70)] {
            sources.take(&section(topic, [0, 0, 5], Some(watermark), None));
            sources.take(&section(topic, [5, 5, 5], None, Some(40_000)));
        }
        assert_eq!(sources.clone().advance(None, false), Some(Millis(100)));
        assert_eq!(sources.advance(None, true), Some(Millis(10_000)));
    }

    #[test]
    fn a_history_may_be_loaded_topic_by_topic() {
        let until = Some(Millis(1_000));
        let mut sources = Sources::default();
        sources.announce(&[(Topic::Touchpoints, 1), (Topic::FormFills, 1), (Topic::DealStages, 1)]);
        for topic in [Topic::Touchpoints, Topic::FormFills, Topic::DealStages] {
            sources.take(&section(topic, [0, 0, 0], None, Some(1)));
        }
        sources.take(&section(Topic::Touchpoints, [0, 0, 5], Some(900), None));
        sources.take(&section(Topic::Touchpoints, [5, 5, 5], None, Some(2)));
        assert_eq!(sources.advance(until, true), None, "two topics are still empty");
        sources.take(&section(Topic::FormFills, [0, 0, 5], Some(300), Some(3)));
        sources.take(&section(Topic::DealStages, [0, 0, 5], Some(10), None));
        assert_eq!(sources.advance(until, true), Some(Millis(10)), "the last one still arrives");
        sources.take(&section(Topic::DealStages, [5, 5, 9], Some(500), Some(4)));
        assert_eq!(sources.advance(until, false), Some(Millis(900)), "all are there");
    }

    #[test]
    fn a_partition_whose_history_has_not_begun_holds_the_watermark_too() {
        let mut sources = Sources::default();
        sources.announce(&[(Topic::Touchpoints, 2), (Topic::FormFills, 1), (Topic::DealStages, 1)]);
        let second = |mut head: SectionHead| {
            head.source.partition = 1;
            head
        };
        for topic in [Topic::Touchpoints, Topic::FormFills, Topic::DealStages] {
            sources.take(&section(topic, [0, 0, 0], None, Some(1)));
        }
        sources.take(&second(section(Topic::Touchpoints, [0, 0, 0], None, Some(1))));
        sources.take(&section(Topic::FormFills, [0, 0, 5], Some(900), Some(2)));
        sources.take(&section(Topic::DealStages, [0, 0, 5], Some(900), Some(2)));
        sources.take(&section(Topic::Touchpoints, [0, 0, 5], Some(800), None));
        assert_eq!(sources.advance(Some(Millis(1_000)), false), None, "its events may be as old as those of the first");
        sources.take(&second(section(Topic::Touchpoints, [0, 0, 5], Some(10), None)));
        assert_eq!(sources.advance(Some(Millis(1_000)), false), Some(Millis(10)));
    }
}
