//! The memory log's state: topics, transactional ids, groups, and what is still on its way, which happens in the order
//! of its time when the clock moves on. Everything is decided here; the clients only remember where they are.

mod transactions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use self::transactions::{Open, Owner};
use super::faults::{Delivery, Faults, GroupCommit};
use super::group::{Group, MemberNumber};
use super::partition::{Body, PartitionLog, TransactionNumber};
use super::{Cursor, Patience, Taken};
use crate::model::time::{Millis, Span};
use crate::runtime::log::{Isolation, LogError, NewTopic, Outgoing, Partition};

pub(super) type WriterNumber = u64;

/// The deliveries a writer has not heard of yet, by the time they are known; `Err` is a failure.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub known: VecDeque<(Millis, u64, Result<i64, ()>)>,
    /// Numbers of what has not landed yet.
    pub under_way: BTreeSet<u64>,
    /// A writer's records land in order.
    last_landing: Millis,
}

/// What is on its way.
#[derive(Debug)]
enum Event {
    Land { writer: WriterNumber, number: u64, record: Outgoing, answer: Option<Span> },
    Commit { transaction: TransactionNumber, markers: Span },
    Mark { transaction: TransactionNumber },
    Abort { transaction: TransactionNumber },
    GroupCommit { group: String, member: MemberNumber, offsets: Vec<(Partition, i64)> },
    Evict { group: String, member: MemberNumber },
}

pub(super) struct Broker {
    pub now: Millis,
    pub faults: Box<dyn Faults>,
    patience: Patience,
    topics: BTreeMap<Arc<str>, Vec<PartitionLog>>,
    owners: BTreeMap<String, Owner>,
    open: BTreeMap<TransactionNumber, Open>,
    aborted: BTreeSet<TransactionNumber>,
    groups: BTreeMap<String, Group>,
    outboxes: BTreeMap<WriterNumber, Outbox>,
    events: BTreeMap<(Millis, u64), Event>,
    last_number: u64,
}

impl Broker {
    pub fn new(now: Millis, patience: Patience, faults: Box<dyn Faults>) -> Self {
        Self {
            now,
            faults,
            patience,
            topics: BTreeMap::new(),
            owners: BTreeMap::new(),
            open: BTreeMap::new(),
            aborted: BTreeSet::new(),
            groups: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            events: BTreeMap::new(),
            last_number: 0,
        }
    }

    /// A number never given before.
    pub fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Moves the clock on; what is due by then happens at its own time, in order.
    pub fn advance(&mut self, to: Millis) {
        while let Some(event) = self.events.first_entry().filter(|event| event.key().0 <= to) {
            let ((at, _), event) = event.remove_entry();
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = self.now.max(to);
        self.evict_silent();
    }

    fn after(&mut self, span: Span, event: Event) {
        if span <= Span(0) {
            self.happen(event);
        } else {
            let key = (self.now + span, self.number());
            self.events.insert(key, event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Land { writer, number, record, answer } => self.land(writer, number, record, answer),
            Event::Commit { transaction, markers } => {
                if let Some(open) = self.open.get_mut(&transaction) {
                    open.decided = true;
                    self.after(markers, Event::Mark { transaction });
                }
            }
            Event::Mark { transaction } => self.finish(transaction, true),
            Event::Abort { transaction } => self.abort(transaction),
            Event::GroupCommit { group, member, offsets } => {
                if let Some(group) = self.groups.get_mut(&group).filter(|group| group.has(member)) {
                    group.committed.extend(offsets);
                }
            }
            Event::Evict { group, member } => self.evict(&group, member),
        }
    }

    // Topics

    pub fn create(&mut self, topics: &[NewTopic]) {
        for topic in topics {
            let make = || (0..topic.partitions).map(|_| PartitionLog::default()).collect();
            self.topics.entry(topic.name.as_str().into()).or_insert_with(make);
        }
        self.rebalance_all();
    }

    pub fn grow(&mut self, topic: &str, partitions: u16) {
        if let Some(logs) = self.topics.get_mut(topic) {
            let count = logs.len().max(usize::from(partitions));
            logs.resize_with(count, PartitionLog::default);
        }
        self.rebalance_all();
    }

    fn rebalance_all(&mut self) {
        let all = self.partitions_by_name();
        for group in self.groups.values_mut() {
            group.rebalance(&all);
        }
    }

    pub fn topic(&self, name: &str) -> Option<&[PartitionLog]> {
        self.topics.get(name).map(Vec::as_slice)
    }

    fn partitions_by_name(&self) -> Vec<Partition> {
        let of_topic = |(topic, logs): (&Arc<str>, &Vec<PartitionLog>)| {
            let topic = Arc::clone(topic);
            (0_i32..).take(logs.len()).map(move |number| Partition { topic: Arc::clone(&topic), number })
        };
        self.topics.iter().flat_map(of_topic).collect()
    }

    pub fn log(&self, partition: &Partition) -> Result<&PartitionLog, LogError> {
        let number = usize::try_from(partition.number).ok();
        let log = self.topics.get(&partition.topic).and_then(|logs| logs.get(number?));
        log.ok_or_else(|| unknown(partition))
    }

    fn log_mut(&mut self, partition: &Partition) -> Result<&mut PartitionLog, LogError> {
        let number = usize::try_from(partition.number).ok();
        let log = self.topics.get_mut(&partition.topic).and_then(|logs| logs.get_mut(number?));
        log.ok_or_else(|| unknown(partition))
    }

    pub fn trim(&mut self, partition: &Partition, before: i64) -> Result<(), LogError> {
        let log = self.log_mut(partition)?;
        if before > log.end() {
            return Err(LogError::OutOfRange { partition: partition.clone(), offset: before });
        }
        log.trim(before);
        Ok(())
    }

    /// Takes up to `most` records at a cursor, and says when it has come to the end.
    pub fn read(
        &mut self,
        cursor: &mut Cursor,
        isolation: Isolation,
        most: usize,
        to: &mut Vec<Taken>,
    ) -> Result<(), LogError> {
        let most = self.faults.batch(most).clamp(1, most.max(1));
        let log = self.log(&cursor.partition)?;
        if cursor.next < log.start() || cursor.next > log.end() {
            return Err(LogError::OutOfRange { partition: cursor.partition.clone(), offset: cursor.next });
        }
        let end = log.visible_end(isolation);
        for _ in 0..most {
            let (next, body) = log.next(cursor.next, end, isolation, &self.aborted);
            cursor.next = next;
            let Some(body) = body else { break };
            to.push(Taken::Record { offset: next - 1, body });
        }
        if cursor.next == end && cursor.told_end != Some(end) {
            cursor.told_end = Some(end);
            to.push(Taken::End { next: end });
        }
        Ok(())
    }

    // Writers

    pub fn add_writer(&mut self) -> WriterNumber {
        let number = self.number();
        self.outboxes.insert(number, Outbox::default());
        number
    }

    /// What is on its way lands all the same.
    pub fn drop_writer(&mut self, writer: WriterNumber) {
        self.outboxes.remove(&writer);
    }

    pub fn outbox(&mut self, writer: WriterNumber) -> Option<&mut Outbox> {
        self.outboxes.get_mut(&writer)
    }

    pub fn send(&mut self, writer: WriterNumber, number: u64, record: Outgoing) -> Result<(), LogError> {
        self.log(&record.partition)?;
        let (lands, answer) = match self.faults.delivery(&record.partition) {
            Delivery::Acked { lands, answer } => (Some(lands), Some(answer)),
            Delivery::Failed { lands, answer } => {
                self.tell(writer, answer, number, Err(()));
                (lands, None)
            }
        };
        let Some(lands) = lands else { return Ok(()) };
        let now = self.now;
        let outbox = self.outboxes.entry(writer).or_default();
        outbox.last_landing = outbox.last_landing.max(now + lands);
        let wait = outbox.last_landing - now;
        if answer.is_some() && wait > Span(0) {
            outbox.under_way.insert(number);
        }
        self.after(wait, Event::Land { writer, number, record, answer });
        Ok(())
    }

    fn land(&mut self, writer: WriterNumber, number: u64, record: Outgoing, answer: Option<Span>) {
        let (partition, now) = (record.partition.clone(), self.now);
        let Ok(log) = self.log_mut(&partition) else { return };
        let offset = log.append(Body::new(record, now), None);
        if let Some(answer) = answer {
            self.tell(writer, answer, number, Ok(offset));
        }
    }

    fn tell(&mut self, writer: WriterNumber, answer: Span, number: u64, outcome: Result<i64, ()>) {
        let due = self.now + answer;
        if let Some(outbox) = self.outboxes.get_mut(&writer) {
            outbox.under_way.remove(&number);
            let at = outbox.known.partition_point(|(known, _, _)| *known <= due);
            outbox.known.insert(at, (due, number, outcome));
        }
    }

    // Groups

    pub fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<i64>>, LogError> {
        let mut pending = self.open.values().filter(|open| open.group == group).flat_map(|open| &open.offsets);
        if pending.any(|(partition, _)| partitions.contains(partition)) {
            return Err(LogError::Retriable(format!("a transaction holds offsets of group {group}")));
        }
        let committed = self.groups.get(group).map(|group| &group.committed);
        Ok(partitions.iter().map(|partition| committed?.get(partition).copied()).collect())
    }

    pub fn join(&mut self, group: &str, topics: &[String]) -> MemberNumber {
        let (number, now, all) = (self.number(), self.now, self.partitions_by_name());
        self.groups.entry(group.to_owned()).or_default().join(number, topics.to_vec(), &all, now);
        number
    }

    pub fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
    }

    /// Takes a member out at once: it left, or is taken for dead.
    pub fn evict(&mut self, group: &str, member: MemberNumber) {
        let all = self.partitions_by_name();
        self.group(group).remove(member, &all);
    }

    /// A member that has gone without a word is missed after a while.
    pub fn miss(&mut self, group: &str, member: MemberNumber) {
        self.after(self.patience.session, Event::Evict { group: group.to_owned(), member });
    }

    fn evict_silent(&mut self) {
        if self.patience.poll == Span(i64::MAX) {
            return;
        }
        let since = self.now - self.patience.poll;
        let silent: Vec<_> =
            self.groups.iter().map(|(name, group)| (name.clone(), group.silent_since(since))).collect();
        for (group, member) in silent.iter().flat_map(|(group, members)| members.iter().map(move |m| (group, *m))) {
            self.evict(group, member);
        }
    }

    pub fn group_commit(&mut self, group: &str, member: MemberNumber, offsets: &[(Partition, i64)]) {
        if let GroupCommit::Applied { after } = self.faults.group_commit(group) {
            let event = Event::GroupCommit { group: group.to_owned(), member, offsets: offsets.to_vec() };
            // A member's commits arrive in the order they were sent.
            let earlier = self.commits_under_way(member).last().map_or(Millis::MIN, |(due, _)| due);
            let after = after.max(earlier - self.now);
            self.after(after, event);
        }
    }

    /// Lets a member's commits arrive now.
    pub fn settle_group_commits(&mut self, member: MemberNumber) {
        for key in self.commits_under_way(member).collect::<Vec<_>>() {
            if let Some(event) = self.events.remove(&key) {
                self.happen(event);
            }
        }
    }

    fn commits_under_way(&self, of: MemberNumber) -> impl Iterator<Item = (Millis, u64)> {
        let is_one = move |event: &Event| matches!(event, Event::GroupCommit { member, .. } if *member == of);
        self.events.iter().filter(move |(_, event)| is_one(event)).map(|(key, _)| *key)
    }
}

fn unknown(partition: &Partition) -> LogError {
    LogError::Fatal(format!("there is no partition {} of topic {}", partition.number, partition.topic))
}
