//! What the runtime relies on of a log, tried on both: the memory log and a real Kafka through librdkafka. Every test is
//! one function over any log, so that what is simulated is what is real.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tributary::model::time::Millis;
use tributary::runtime::log::{
    Incoming, Isolation, Log, LogError, Member, MemberMode, Membership, NewTopic, Outgoing, Partition, Read, Reader,
    Standing, Transaction, Transactor, Writer,
};

mod kafka;
mod memory;

const STEP: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(30);

/// A log, and what the trait cannot do to it.
pub trait Place {
    type Log: Log;

    fn log(&self) -> &Self::Log;
    /// Leaves a transaction open, as an owner that has crashed or hangs does. The answer commits it after all, and says
    /// whether that worked.
    fn leave_open(&self, id: &str, records: Vec<Outgoing>) -> Box<dyn FnOnce() -> bool>;
}

macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        /// The contract on the memory log.
        mod on_memory {
            $(#[test] fn $test() { super::$test(&super::memory::Memory::new(), stringify!($test)); })*
        }
        /// The contract on a real broker.
        mod on_broker {
            $(#[test] fn $test() { super::$test(&super::kafka::Kafka::new(), stringify!($test)); })*
        }
    };
}

contract!(
    records_arrive_whole_and_in_order,
    a_reader_takes_partitions_one_by_one,
    a_pause_at_the_end_skips_nothing,
    what_is_trimmed_is_out_of_range,
    topics_are_created_once,
    a_transaction_is_visible_whole_with_its_offsets,
    an_open_transaction_hides_what_follows,
    a_new_owner_aborts_what_the_old_left_open,
    an_old_owner_is_fenced,
    a_member_goes_on_where_its_group_has_committed,
    partitions_are_handed_over,
    an_owner_reads_nothing,
    a_member_can_read_again,
    after_a_failure_a_writer_is_spent,
);

fn create<P: Place>(place: &P, name: &str, partitions: u16) -> Vec<Partition> {
    let name = format!("contract-{name}");
    let properties = vec![("cleanup.policy".to_owned(), "delete".to_owned())];
    let topic = NewTopic { name: name.clone(), partitions, replication_factor: 1, properties };
    place.log().create(&[topic]).unwrap();
    let topic: Arc<str> = name.into();
    (0..i32::from(partitions)).map(|number| Partition { topic: Arc::clone(&topic), number }).collect()
}

fn record(partition: &Partition, value: &str) -> Outgoing {
    Outgoing {
        partition: partition.clone(),
        timestamp: None,
        key: None,
        value: Some(value.as_bytes().to_vec()),
        headers: Vec::new(),
    }
}

/// Waits till `look` gives something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited for {what}");
    }
}

/// Writes and waits for the acknowledgements; gives the offsets by number.
fn write<L: Log>(log: &L, records: Vec<Outgoing>) -> BTreeMap<u64, i64> {
    let mut writer = log.writer().unwrap();
    let (count, mut offsets) = (records.len(), BTreeMap::new());
    let mut poll = |writer: &mut L::Writer| {
        let delivered = &mut |number, offset: Result<i64, LogError>| {
            assert_eq!(offsets.insert(number, offset.unwrap()), None, "acknowledged twice");
        };
        writer.poll(STEP, delivered).unwrap();
        offsets.len()
    };
    for (number, mut record) in (0..).zip(records) {
        while let Err(back) = writer.send(number, record).unwrap() {
            record = back;
            poll(&mut writer);
        }
    }
    wait_for("acknowledgements", || (poll(&mut writer) == count).then_some(()));
    offsets
}

/// Offset and value of what is read.
type Seen = (i64, Option<String>);

fn seen(offset: i64, value: Option<&[u8]>) -> Seen {
    (offset, value.map(|value| String::from_utf8(value.to_vec()).unwrap()))
}

/// Reads a partition from an offset to its end.
fn read_to_end<L: Log>(log: &L, isolation: Isolation, partition: &Partition, from: i64) -> (Vec<Seen>, i64) {
    let mut reader = log.reader(isolation).unwrap();
    reader.assign(partition, from).unwrap();
    let mut records = Vec::new();
    let end = wait_for("the end of a partition", || {
        let mut end = None;
        let to = &mut |read: Read<'_>| match read {
            Read::Record(incoming) => records.push(seen(incoming.offset, incoming.value)),
            Read::End { next, .. } => end = Some(next),
        };
        reader.poll(STEP, 100, to).unwrap();
        end
    });
    (records, end)
}

fn values(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|(_, value)| value.as_deref().unwrap_or("-")).collect()
}

fn await_standing<T: Transactor>(transactor: &mut T) -> Result<Standing, LogError> {
    wait_for("a transactor", || match transactor.poll() {
        Ok(Standing::Busy) => {
            std::thread::sleep(Duration::from_millis(1));
            None
        }
        outcome => Some(outcome),
    })
}

fn ready_transactor<L: Log>(log: &L, id: &str) -> L::Transactor {
    let mut transactor = log.transactor(id).unwrap();
    assert_eq!(await_standing(&mut transactor).unwrap(), Standing::Ready);
    transactor
}

fn records_arrive_whole_and_in_order<P: Place>(place: &P, name: &str) {
    let partitions = create(place, name, 2);
    let whole = Outgoing {
        partition: partitions[0].clone(),
        timestamp: Some(Millis(1_700_000_000_123)),
        key: Some(b"key".to_vec()),
        value: Some(Vec::new()),
        headers: vec![("a".into(), Some(b"1".to_vec())), ("b".into(), None)],
    };
    let tombstone = Outgoing { value: None, headers: Vec::new(), ..whole.clone() };
    let mut records = vec![whole, tombstone];
    records.extend((0..2000).map(|number| record(&partitions[number % 2], &number.to_string())));
    let offsets = write(place.log(), records);
    assert_eq!((offsets[&0], offsets[&1], offsets[&2], offsets[&3]), (0, 1, 2, 0));

    let mut reader = place.log().reader(Isolation::ReadCommitted).unwrap();
    for partition in &partitions {
        reader.assign(partition, 0).unwrap();
    }
    let mut found: BTreeMap<i32, Vec<Seen>> = BTreeMap::new();
    let (mut first, mut ends) = (Vec::new(), BTreeMap::new());
    wait_for("the ends of both partitions", || {
        let to = &mut |read: Read<'_>| match read {
            Read::Record(incoming) if incoming.key.is_some() => {
                let Incoming { timestamp, key, value, headers, .. } = incoming;
                first.push((timestamp, key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec), headers()));
            }
            Read::Record(incoming) => {
                let (offset, value) = (incoming.offset, incoming.value);
                found.entry(incoming.partition.number).or_default().push(seen(offset, value));
            }
            Read::End { partition, next } => {
                ends.insert(partition.number, next);
            }
        };
        reader.poll(STEP, 300, to).unwrap();
        (ends.len() == 2).then_some(())
    });
    assert_eq!(ends, BTreeMap::from([(0, 1002), (1, 1000)]));
    let (at, key) = (Millis(1_700_000_000_123), Some(b"key".to_vec()));
    let headers = vec![("a".to_owned(), Some(b"1".to_vec())), ("b".to_owned(), None)];
    assert_eq!(first, [(at, key.clone(), Some(Vec::new()), headers), (at, key, None, Vec::new())]);
    for (number, start) in [(0, 2), (1, 0)] {
        let expected = (0..1000).map(|index| (start + index, Some((2 * index + i64::from(number)).to_string())));
        assert!(found[&number].iter().cloned().eq(expected), "order of partition {number}");
    }
    assert_eq!(place.log().bounds(&partitions[0]).unwrap(), (0, 1002));
}

fn a_reader_takes_partitions_one_by_one<P: Place>(place: &P, name: &str) {
    let partitions = create(place, name, 3);
    write(place.log(), partitions.iter().map(|partition| record(partition, "first")).collect());
    let mut reader = place.log().reader(Isolation::ReadUncommitted).unwrap();
    let next = |reader: &mut <P::Log as Log>::Reader, partition: &Partition| {
        wait_for("a record and the end behind it", || {
            let (mut found, mut end) = (None, false);
            reader
                .poll(STEP, 10, &mut |read| match read {
                    Read::Record(incoming) => {
                        assert_eq!(incoming.partition, partition, "no other is assigned");
                        found = Some(incoming.offset);
                    }
                    Read::End { .. } => end = true,
                })
                .unwrap();
            found.or(if end { Some(-1) } else { None })
        })
    };
    for partition in &partitions {
        reader.assign(partition, 0).unwrap();
        assert_eq!(next(&mut reader, partition), 0);
        reader.pause(partition).unwrap();
    }
    write(place.log(), partitions.iter().map(|partition| record(partition, "second")).collect());
    let mut quiet = 0;
    reader
        .poll(Duration::from_millis(500), 10, &mut |read| quiet += i32::from(matches!(read, Read::Record(_))))
        .unwrap();
    assert_eq!(quiet, 0, "all are paused");
    reader.unassign(&partitions[0]).unwrap();
    reader.unassign(&partitions[1]).unwrap();
    reader.resume(&partitions[2]).unwrap();
    let offset =
        wait_for("the second record", || Some(next(&mut reader, &partitions[2])).filter(|offset| *offset >= 0));
    assert_eq!(offset, 1);
}

fn a_pause_at_the_end_skips_nothing<P: Place>(place: &P, name: &str) {
    let partition = &create(place, name, 1)[0];
    let mut reader = place.log().reader(Isolation::ReadUncommitted).unwrap();
    reader.assign(partition, 0).unwrap();
    for round in 0..5 {
        write(place.log(), vec![record(partition, "one"), record(partition, "two")]);
        if round > 0 {
            reader.resume(partition).unwrap();
        }
        let (mut found, mut end) = (Vec::new(), -1);
        wait_for("two records and the end behind them", || {
            let told = &mut |read: Read<'_>| match read {
                Read::Record(incoming) => found.push(incoming.offset),
                Read::End { next, .. } => end = next,
            };
            reader.poll(STEP, 10, told).unwrap();
            (end == 2 * round + 2).then_some(())
        });
        assert_eq!(found, [2 * round, 2 * round + 1]);
        reader.pause(partition).unwrap();
    }
}

fn what_is_trimmed_is_out_of_range<P: Place>(place: &P, name: &str) {
    let partition = &create(place, name, 1)[0];
    write(place.log(), (0..20).map(|number| record(partition, &number.to_string())).collect());
    place.log().trim(partition, 10).unwrap();
    assert_eq!(place.log().bounds(partition).unwrap(), (10, 20));
    let (rest, end) = read_to_end(place.log(), Isolation::ReadCommitted, partition, 10);
    assert_eq!((rest.len(), rest[0].0, end), (10, 10, 20));

    for (from, healthy) in [(5, 15), (21, 20)] {
        let mut reader = place.log().reader(Isolation::ReadCommitted).unwrap();
        reader.assign(partition, from).unwrap();
        let error = wait_for("an error", || reader.poll(STEP, 10, &mut |_| panic!("nothing is there")).err());
        let LogError::OutOfRange { partition: which, offset } = error else { panic!("{error:?}") };
        assert_eq!((&which, offset), (partition, from));
        reader.assign(partition, healthy).unwrap();
        let goes_on =
            wait_for("the reader to go on", || Some(reader.poll(STEP, 10, &mut |_| ()).unwrap()).filter(|n| *n > 0));
        assert!(goes_on > 0);
    }
}

fn topics_are_created_once<P: Place>(place: &P, name: &str) {
    let missing = format!("contract-{name}");
    assert_eq!(place.log().partitions(&missing).unwrap(), None);
    let partitions = create(place, name, 3);
    assert_eq!(place.log().partitions(&missing).unwrap(), Some(3));
    write(place.log(), vec![record(&partitions[2], "kept")]);
    create(place, name, 3);
    assert_eq!(place.log().bounds(&partitions[2]).unwrap(), (0, 1), "what is there stays");
    assert_eq!(place.log().committed("contract-nobody", &partitions).unwrap(), [None, None, None]);
}

fn a_transaction_is_visible_whole_with_its_offsets<P: Place>(place: &P, name: &str) {
    let (log, group) = (place.log(), format!("contract-{name}"));
    let partitions = create(place, name, 2);
    let mut transactor = ready_transactor(log, &format!("contract-{name}"));
    for round in 1..=3 {
        let records = partitions.iter().map(|partition| record(partition, &round.to_string())).collect();
        let offsets = vec![(partitions[0].clone(), round * 10), (partitions[1].clone(), round * 100)];
        transactor.submit(Transaction { records, group: group.clone(), offsets }.into()).unwrap();
        assert_eq!(await_standing(&mut transactor).unwrap(), Standing::Ready);
        let committed = wait_for("the offsets", || match log.committed(&group, &partitions) {
            Err(LogError::Retriable(_)) => None,
            committed => Some(committed.unwrap()),
        });
        assert_eq!(committed, [Some(round * 10), Some(round * 100)], "round {round}");
    }
    for partition in &partitions {
        let (records, end) = read_to_end(log, Isolation::ReadCommitted, partition, 0);
        assert_eq!(values(&records), ["1", "2", "3"]);
        assert_eq!(end, log.bounds(partition).unwrap().1, "the end is behind the mark of the last transaction");
        assert!(end > 3, "marks take offsets");
    }
    // Offsets alone are a transaction as well.
    let offsets = vec![(partitions[0].clone(), 77)];
    transactor.submit(Transaction { records: Vec::new(), group: group.clone(), offsets }.into()).unwrap();
    assert_eq!(await_standing(&mut transactor).unwrap(), Standing::Ready);
    assert_eq!(log.committed(&group, &partitions[..1]).unwrap(), [Some(77)]);
}

fn an_open_transaction_hides_what_follows<P: Place>(place: &P, name: &str) {
    let partition = &create(place, name, 1)[0];
    write(place.log(), vec![record(partition, "before")]);
    let commit = place.leave_open(&format!("contract-{name}"), vec![record(partition, "open")]);
    write(place.log(), vec![record(partition, "behind")]);
    let (records, end) = read_to_end(place.log(), Isolation::ReadCommitted, partition, 0);
    assert_eq!((values(&records), end), (vec!["before"], 1));
    let (records, end) = read_to_end(place.log(), Isolation::ReadUncommitted, partition, 0);
    assert_eq!((values(&records), end), (vec!["before", "open", "behind"], 3));
    assert_eq!(place.log().bounds(partition).unwrap(), (0, 3));
    assert!(commit(), "its owner is still the owner");
    let (records, _) = wait_for("the commit", || {
        let found = read_to_end(place.log(), Isolation::ReadCommitted, partition, 0);
        (found.1 == 4).then_some(found)
    });
    assert_eq!(values(&records), ["before", "open", "behind"]);
}

fn a_new_owner_aborts_what_the_old_left_open<P: Place>(place: &P, name: &str) {
    let (log, id, group) = (place.log(), format!("contract-{name}"), format!("contract-{name}"));
    let partition = &create(place, name, 1)[0];
    let commit = place.leave_open(&id, vec![record(partition, "lost")]);
    let mut transactor = ready_transactor(log, &id);
    let offsets = vec![(partition.clone(), 1)];
    transactor
        .submit(Transaction { records: vec![record(partition, "kept")], group: group.clone(), offsets }.into())
        .unwrap();
    assert_eq!(await_standing(&mut transactor).unwrap(), Standing::Ready);
    assert!(!commit(), "the old owner is fenced");
    let (records, end) = read_to_end(log, Isolation::ReadCommitted, partition, 0);
    assert_eq!((values(&records), end), (vec!["kept"], 4), "two records, two marks");
    assert_eq!(log.committed(&group, std::slice::from_ref(partition)).unwrap(), [Some(1)]);
}

fn an_old_owner_is_fenced<P: Place>(place: &P, name: &str) {
    let (log, id) = (place.log(), format!("contract-{name}"));
    let partition = &create(place, name, 1)[0];
    let transaction = |value: &str| {
        let offsets = vec![(partition.clone(), value.len() as i64)];
        Arc::new(Transaction { records: vec![record(partition, value)], group: id.clone(), offsets })
    };
    let mut old = ready_transactor(log, &id);
    old.submit(transaction("a")).unwrap();
    assert_eq!(await_standing(&mut old).unwrap(), Standing::Ready);
    let mut new = ready_transactor(log, &id);
    let outcome = old.submit(transaction("old")).and_then(|()| await_standing(&mut old));
    assert!(matches!(outcome, Err(LogError::Fenced(_))), "{outcome:?}");
    assert!(matches!(old.poll(), Err(LogError::Fenced(_))), "and stays so");
    new.submit(transaction("new owner")).unwrap();
    assert_eq!(await_standing(&mut new).unwrap(), Standing::Ready, "the fenced one does not fence back");
    let (records, _) = read_to_end(log, Isolation::ReadCommitted, partition, 0);
    assert_eq!(values(&records), ["a", "new owner"]);
    assert_eq!(log.committed(&id, std::slice::from_ref(partition)).unwrap(), [Some(9)]);
}

/// A member with what it was told.
struct Told<M> {
    member: M,
    owned: BTreeSet<i32>,
    read: Vec<(i32, Seen)>,
    ends: BTreeMap<i32, i64>,
}

impl<M: Member> Told<M> {
    fn join<L: Log<Member = M>>(log: &L, group: &str, partitions: &[Partition], mode: MemberMode) -> Self {
        let member = log.member(group, &[partitions[0].topic.to_string()], mode).unwrap();
        Self { member, owned: BTreeSet::new(), read: Vec::new(), ends: BTreeMap::new() }
    }

    fn poll(&mut self) {
        let (owned, read, ends) = (&mut self.owned, &mut self.read, &mut self.ends);
        let to = &mut |told: Membership<'_>| match told {
            Membership::Gained(partitions) => {
                for partition in partitions {
                    assert!(owned.insert(partition.number), "gained what it has");
                }
            }
            Membership::Lost(partitions) => {
                for partition in partitions {
                    assert!(owned.remove(&partition.number), "lost what it has not");
                }
            }
            Membership::Read(Read::Record(incoming)) => {
                assert!(owned.contains(&incoming.partition.number), "reads only what it owns");
                read.push((incoming.partition.number, seen(incoming.offset, incoming.value)));
            }
            Membership::Read(Read::End { partition, next }) => {
                ends.insert(partition.number, next);
            }
        };
        self.member.poll(STEP, 100, to).unwrap();
    }

    fn poll_until(&mut self, what: &str, mut is_done: impl FnMut(&Self) -> bool) {
        wait_for(what, || {
            self.poll();
            is_done(self).then_some(())
        });
    }
}

fn a_member_goes_on_where_its_group_has_committed<P: Place>(place: &P, name: &str) {
    let (log, group) = (place.log(), format!("contract-{name}"));
    let partitions = create(place, name, 1);
    write(log, (0..10).map(|number| record(&partitions[0], &number.to_string())).collect());
    let mut first = Told::join(log, &group, &partitions, MemberMode::Reads);
    first.poll_until("the records", |told| told.read.len() == 10);
    first.poll_until("the end", |told| told.ends.get(&0) == Some(&10));
    first.member.commit(&[(partitions[0].clone(), 4)]).unwrap();
    first.member.commit(&[(partitions[0].clone(), 7)]).unwrap();
    first.member.leave(PATIENCE).unwrap();
    assert_eq!(log.committed(&group, &partitions).unwrap(), [Some(7)], "leaving waits for the last commit");

    let mut second = Told::join(log, &group, &partitions, MemberMode::Reads);
    second.poll_until("the rest", |told| told.ends.contains_key(&0));
    let expected = [7, 8, 9].map(|number: i64| (0, (number, Some(number.to_string()))));
    assert_eq!(second.read, expected);
    second.member.leave(PATIENCE).unwrap();
}

fn partitions_are_handed_over<P: Place>(place: &P, name: &str) {
    let (log, group) = (place.log(), format!("contract-{name}"));
    let partitions = create(place, name, 4);
    let mut first = Told::join(log, &group, &partitions, MemberMode::Reads);
    first.poll_until("all partitions", |told| told.owned.len() == 4);
    let mut second = Told::join(log, &group, &partitions, MemberMode::Reads);
    wait_for("an even share", || {
        first.poll();
        second.poll();
        let both = first.owned.union(&second.owned).count();
        assert_eq!(both, first.owned.len() + second.owned.len(), "no partition has two owners");
        (first.owned.len() == 2 && second.owned.len() == 2).then_some(())
    });
    write(log, partitions.iter().map(|partition| record(partition, "once")).collect());
    wait_for("all records", || {
        first.poll();
        second.poll();
        (first.read.len() + second.read.len() == 4).then_some(())
    });
    let done: Vec<_> = first.owned.iter().map(|number| (partitions[*number as usize].clone(), 1)).collect();
    first.member.commit(&done).unwrap();
    first.member.leave(PATIENCE).unwrap();
    second.poll_until("what the first had", |told| told.owned.len() == 4);
    second.poll_until("the ends of all", |told| told.ends.len() == 4);
    assert_eq!(second.read.len(), 2, "what the first has committed is not read again");
    second.member.leave(PATIENCE).unwrap();
}

fn an_owner_reads_nothing<P: Place>(place: &P, name: &str) {
    let (log, group) = (place.log(), format!("contract-{name}"));
    let partitions = create(place, name, 2);
    write(log, partitions.iter().map(|partition| record(partition, "unread")).collect());
    let mut owner = Told::join(log, &group, &partitions, MemberMode::Owns);
    owner.poll_until("both partitions", |told| told.owned.len() == 2);
    for _ in 0..20 {
        owner.poll();
    }
    assert!(owner.read.is_empty() && owner.ends.is_empty());
    owner.member.leave(PATIENCE).unwrap();
}

fn a_member_can_read_again<P: Place>(place: &P, name: &str) {
    let (log, group) = (place.log(), format!("contract-{name}"));
    let partitions = create(place, name, 1);
    write(log, (0..5).map(|number| record(&partitions[0], &number.to_string())).collect());
    let mut told = Told::join(log, &group, &partitions, MemberMode::Reads);
    told.poll_until("the records", |told| told.ends.contains_key(&0));
    told.member.pause(&partitions[0]).unwrap();
    told.member.seek(&partitions[0], 3).unwrap();
    told.poll();
    told.poll();
    assert_eq!(told.read.len(), 5, "paused");
    told.member.resume(&partitions[0]).unwrap();
    told.poll_until("two records again", |told| told.read.len() == 7);
    assert_eq!(told.read[5..], [3, 4].map(|number: i64| (0, (number, Some(number.to_string())))));
    told.member.leave(PATIENCE).unwrap();
}

fn after_a_failure_a_writer_is_spent<P: Place>(place: &P, name: &str) {
    let mut partition = create(place, name, 1)[0].clone();
    partition.number = 7;
    let mut writer = place.log().writer().unwrap();
    // Either at once or with the delivery.
    let failed = writer.send(1, record(&partition, "to nowhere")).is_err();
    if !failed {
        wait_for("the failure", || {
            let mut outcome = None;
            writer.poll(STEP, &mut |number, delivered| outcome = Some((number, delivered))).unwrap();
            outcome.map(|(number, delivered)| assert!(number == 1 && matches!(delivered, Err(LogError::Fatal(_)))))
        });
    }
    partition.number = 0;
    let after = writer.send(2, record(&partition, "late"));
    assert!(matches!(after, Err(LogError::Spent(_))), "{after:?}");
    assert_eq!(place.log().bounds(&partition).unwrap(), (0, 0));
}
