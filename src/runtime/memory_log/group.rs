//! A consumer group of the memory log: who is in it, who is to have which partition, and the committed offsets.
//! Partitions move cooperatively: one is given to its next owner only after the last has let go of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::time::Millis;
use crate::runtime::log::Partition;

/// One membership; a member that joins anew gets a new number.
pub(super) type MemberNumber = u64;

#[derive(Debug)]
struct Membership {
    topics: Vec<String>,
    /// What it shall have, once its last owner has let go.
    target: BTreeSet<Partition>,
    owned: BTreeSet<Partition>,
    last_poll: Millis,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeMap<MemberNumber, Membership>,
    pub committed: BTreeMap<Partition, i64>,
}

/// What a member has to do at its next poll.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub lost: Vec<Partition>,
    pub gained: Vec<Partition>,
}

impl Group {
    pub fn join(&mut self, number: MemberNumber, topics: Vec<String>, all: &[Partition], now: Millis) {
        let membership = Membership { topics, target: BTreeSet::new(), owned: BTreeSet::new(), last_poll: now };
        self.members.insert(number, membership);
        self.rebalance(all);
    }

    pub fn remove(&mut self, number: MemberNumber, all: &[Partition]) {
        if self.members.remove(&number).is_some() {
            self.rebalance(all);
        }
    }

    pub fn has(&self, number: MemberNumber) -> bool {
        self.members.contains_key(&number)
    }

    /// Members that have not polled since a time.
    pub fn silent_since(&self, since: Millis) -> Vec<MemberNumber> {
        self.members.iter().filter(|(_, member)| member.last_poll < since).map(|(number, _)| *number).collect()
    }

    /// Lets go of what the member shall no longer have and takes what is free for it. None: it is not in the group.
    pub fn poll(&mut self, number: MemberNumber, now: Millis) -> Option<Change> {
        let member = self.members.get_mut(&number)?;
        member.last_poll = now;
        let lost: Vec<_> = member.owned.difference(&member.target).cloned().collect();
        member.owned.retain(|partition| member.target.contains(partition));
        let wanted: Vec<_> = member.target.difference(&member.owned).cloned().collect();
        let is_free = |partition: &Partition| self.members.values().all(|other| !other.owned.contains(partition));
        let gained: Vec<_> = wanted.into_iter().filter(is_free).collect();
        if let Some(member) = self.members.get_mut(&number) {
            member.owned.extend(gained.iter().cloned());
        }
        Some(Change { lost, gained })
    }

    /// Shares the partitions evenly; each member keeps what it has as far as that allows.
    pub fn rebalance(&mut self, all: &[Partition]) {
        let mut free: BTreeSet<&Partition> = all.iter().collect();
        for member in self.members.values_mut() {
            member.target.retain(|partition| free.remove(partition));
        }
        for partition in free {
            let least = self.members.values_mut().filter(|member| member.reads(&partition.topic));
            if let Some(member) = least.min_by_key(|member| member.target.len()) {
                member.target.insert(partition.clone());
            }
        }
        while let Some((from, to, partition)) = self.uneven() {
            if let Some(member) = self.members.get_mut(&from) {
                member.target.remove(&partition);
            }
            if let Some(member) = self.members.get_mut(&to) {
                member.target.insert(partition);
            }
        }
    }

    /// A partition that would be better off with another member.
    fn uneven(&self) -> Option<(MemberNumber, MemberNumber, Partition)> {
        let by_load = |(_, member): &(&MemberNumber, &Membership)| member.target.len();
        let (from, most) = self.members.iter().max_by_key(by_load)?;
        self.members.iter().filter(|(_, least)| least.target.len() + 1 < most.target.len()).find_map(|(to, least)| {
            let partition = most.target.iter().rev().find(|partition| least.reads(&partition.topic))?;
            Some((*from, *to, partition.clone()))
        })
    }
}

impl Membership {
    fn reads(&self, topic: &str) -> bool {
        self.topics.iter().any(|mine| mine == topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(count: i32) -> Vec<Partition> {
        (0..count).map(|number| Partition { topic: "t".into(), number }).collect()
    }

    fn numbers(partitions: &[Partition]) -> Vec<i32> {
        partitions.iter().map(|partition| partition.number).collect()
    }

    #[test]
    fn a_partition_is_given_only_after_it_is_let_go() {
        let (mut group, all) = (Group::default(), all(4));
        group.join(1, vec!["t".into()], &all, Millis(0));
        assert_eq!(numbers(&group.poll(1, Millis(0)).expect("in").gained), [0, 1, 2, 3]);
        group.join(2, vec!["t".into()], &all, Millis(0));
        assert!(group.poll(2, Millis(0)).expect("in").gained.is_empty(), "the first has not let go");
        assert_eq!(numbers(&group.poll(1, Millis(0)).expect("in").lost), [2, 3]);
        assert_eq!(numbers(&group.poll(2, Millis(0)).expect("in").gained), [2, 3]);
        group.remove(1, &all);
        assert_eq!(numbers(&group.poll(2, Millis(0)).expect("in").gained), [0, 1]);
        assert!(group.poll(1, Millis(0)).is_none(), "out");
    }

    #[test]
    fn partitions_are_shared_evenly_and_stay_where_they_are() {
        let (mut group, all) = (Group::default(), all(8));
        for number in 1..=3 {
            group.join(number, vec!["t".into()], &all, Millis(0));
        }
        let before: Vec<_> = group.members.values().map(|member| member.target.clone()).collect();
        assert_eq!(before.iter().map(BTreeSet::len).sum::<usize>(), 8);
        assert!(before.iter().all(|target| (2..=3).contains(&target.len())), "{before:?}");
        group.remove(3, &all);
        for (old, member) in before.iter().zip(group.members.values()) {
            assert!(member.target.is_superset(old), "what a member has stays with it");
            assert_eq!(member.target.len(), 4);
        }
    }
}
