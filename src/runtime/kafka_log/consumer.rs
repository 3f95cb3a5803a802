//! A consumer straight on librdkafka, for two things that rust-rdkafka lacks: the topic of an end of partition, and
//! reading in batches, which halves the cost of a record. It takes partitions and gives reads; what the group decides is
//! noted by callbacks and done later by the caller, between reads, so that both are heard in their true order.
#![allow(unsafe_code, reason = "librdkafka's own interface; each block says why it is sound")]

mod callbacks;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{ClientConfig, TopicPartitionList};

pub(super) use self::callbacks::Note;
use self::callbacks::Notes;
use super::errors::{from_code, from_kafka};
use super::give_up;
use crate::model::time::Millis;
use crate::runtime::log::{Incoming, LogError, Partition, Read};

/// What a poll comes across.
pub(super) enum Event<'a> {
    Read(Read<'a>),
    Failed { partition: Option<&'a Partition>, offset: i64, code: Code },
}

/// The client itself. Dropping it closes the consumer and may take long.
pub(super) struct Handle {
    client: *mut native::rd_kafka_t,
    queue: *mut native::rd_kafka_queue_t,
    /// librdkafka holds a pointer to it until the client is destroyed.
    notes: Arc<Notes>,
}

// SAFETY: librdkafka's clients and queues may be used from any thread.
unsafe impl Send for Handle {}

/// Up to so many records are taken out of librdkafka at once.
const BATCH: usize = 4096;
const REALIGN_PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Consumer {
    handle: Option<Handle>,
    messages: Vec<*mut native::rd_kafka_message_t>,
    known: Vec<Known>,
}

/// A partition that something was read of, by librdkafka's topic and number; the pointer holds while it is assigned.
struct Known {
    topic: usize,
    partition: Partition,
    /// The offset to read next.
    next: i64,
}

// SAFETY: `messages` is empty between calls, and a handle may be sent.
unsafe impl Send for Consumer {}

impl Consumer {
    pub fn new(config: &ClientConfig) -> Result<Self, LogError> {
        let config = config.create_native_config().map_err(|error| from_kafka(&error, "consumer"))?;
        let notes = Arc::new(Notes::default());
        let mut problem = [0 as c_char; 512];
        // SAFETY: the duplicate is the client's once it exists, else it is destroyed here. The callbacks get a pointer
        // to `notes`, which the handle keeps until the client is destroyed.
        let (client, queue) = unsafe {
            let config = native::rd_kafka_conf_dup(config.ptr());
            callbacks::set(config, &notes);
            let kind = native::rd_kafka_type_t::RD_KAFKA_CONSUMER;
            let client = native::rd_kafka_new(kind, config, problem.as_mut_ptr(), problem.len());
            if client.is_null() {
                native::rd_kafka_conf_destroy(config);
                return Err(LogError::Fatal(format!("consumer: {}", text(problem.as_ptr()))));
            }
            native::rd_kafka_poll_set_consumer(client);
            (client, native::rd_kafka_queue_get_consumer(client))
        };
        let handle = Handle { client, queue, notes };
        Ok(Self { handle: Some(handle), messages: Vec::with_capacity(BATCH), known: Vec::new() })
    }

    fn handle(&self) -> &Handle {
        self.handle.as_ref().expect("taken out only by `into_handle`, which consumes the consumer")
    }

    fn client(&self) -> *mut native::rd_kafka_t {
        self.handle().client
    }

    /// For who wants to wait until it is closed.
    pub fn into_handle(mut self) -> Handle {
        self.handle.take().expect("taken out only here, which consumes the consumer")
    }

    pub fn subscribe(&self, topics: &[String]) -> Result<(), LogError> {
        let mut list = TopicPartitionList::with_capacity(topics.len());
        for topic in topics {
            list.add_partition(topic, -1);
        }
        // SAFETY: the client lives, the list is only read.
        check(unsafe { native::rd_kafka_subscribe(self.client(), list.ptr()) }, "subscribe")
    }

    /// Starts to read partitions, from an offset or (none) from where the group has committed.
    pub fn assign(&mut self, partitions: &[(Partition, Option<i64>)]) -> Result<(), LogError> {
        self.handle().assign(partitions)
    }

    pub fn unassign(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        self.known.retain(|known| !partitions.contains(&known.partition));
        self.handle().unassign(partitions)
    }

    pub fn pause(&self, partitions: &[Partition]) -> Result<(), LogError> {
        // SAFETY: the client lives; the list is ours.
        check(unsafe { native::rd_kafka_pause_partitions(self.client(), list(partitions).ptr()) }, "pause")
    }

    /// Reads on from where it was paused.
    pub fn resume(&mut self, partitions: &[Partition]) -> Result<(), LogError> {
        self.realign(|partition| partitions.contains(partition))?;
        // SAFETY: the client lives; the list is ours.
        check(unsafe { native::rd_kafka_resume_partitions(self.client(), list(partitions).ptr()) }, "resume")
    }

    /// To be called when partitions were paused, by who uses the consumer or by librdkafka itself, which does so with all
    /// of a member's while the group shares them out anew. It notes then where to read on, and when the last thing read
    /// in a batch was the end of a partition it takes that for a record: the next one would be skipped. So it is told.
    pub fn realign(&mut self, which: impl Fn(&Partition) -> bool) -> Result<(), LogError> {
        let known = self.known.iter().filter(|known| which(&known.partition));
        let places: Vec<_> = known.map(|known| (known.partition.clone(), known.next)).collect();
        places.iter().try_for_each(|(partition, next)| self.seek(partition, *next, REALIGN_PATIENCE))
    }

    pub fn seek(&mut self, partition: &Partition, offset: i64, wait: Duration) -> Result<(), LogError> {
        let list = offsets_list(&[(partition.clone(), Some(offset))])?;
        // SAFETY: the client lives; the list is ours and is given the results.
        unsafe { check_error(native::rd_kafka_seek_partitions(self.client(), list.ptr(), millis(wait)), "seek")? };
        let outcome = list.elements().into_iter().try_for_each(|element| element.error());
        outcome.map_err(|error| from_kafka(&error, "seek"))?;
        if let Some(known) = self.known.iter_mut().find(|known| known.partition == *partition) {
            known.next = offset;
        }
        Ok(())
    }

    /// Commits in the background; a note says what came of it.
    pub fn commit(&self, offsets: &[(Partition, Option<i64>)]) -> Result<(), LogError> {
        let list = offsets_list(offsets)?;
        // SAFETY: the client lives, the list is only read.
        check(unsafe { native::rd_kafka_commit(self.client(), list.ptr(), 1) }, "commit")
    }

    pub fn take_notes(&self) -> Vec<Note> {
        self.handle().notes.take()
    }

    /// Waits for the first event, at most `wait`, and hands over what is there. Callbacks run meanwhile.
    pub fn poll(&mut self, wait: Duration, most: usize, to: &mut dyn FnMut(Event<'_>)) {
        let mut messages = std::mem::take(&mut self.messages);
        let queue = self.handle().queue;
        // librdkafka waits until the batch is full or the time over, so only one is waited for.
        if take(queue, wait, 1, &mut messages) == 1 && most > 1 {
            take(queue, Duration::ZERO, most.min(BATCH) - 1, &mut messages);
        }
        for &message in &messages {
            self.hand_over(message, to);
            // SAFETY: handed over by borrow only; nothing points to it any more.
            unsafe { native::rd_kafka_message_destroy(message) };
        }
        messages.clear();
        self.messages = messages;
    }

    fn hand_over(&mut self, message: *mut native::rd_kafka_message_t, to: &mut dyn FnMut(Event<'_>)) {
        // SAFETY: librdkafka gave the message and it is not destroyed yet. Key and payload live as long as it does.
        let (fields, key, value) = unsafe {
            let fields = &*message;
            (fields, bytes(fields.key, fields.key_len), bytes(fields.payload, fields.len))
        };
        let code = Code::from(fields.err);
        let known = self.known(fields).map(|known| {
            match code {
                Code::NoError => known.next = fields.offset + 1,
                Code::PartitionEOF => known.next = fields.offset,
                _ => {}
            }
            &*known
        });
        let partition = known.map(|known| &known.partition);
        let event = match (code, partition) {
            (Code::NoError, Some(partition)) => Event::Read(Read::Record(Incoming {
                partition,
                offset: fields.offset,
                // SAFETY: as above; the kind of timestamp is not asked for.
                timestamp: Millis(unsafe { native::rd_kafka_message_timestamp(message, ptr::null_mut()) }),
                key,
                value,
                headers: &|| headers(message),
            })),
            (Code::PartitionEOF, Some(partition)) => Event::Read(Read::End { partition, next: fields.offset }),
            (code, partition) => Event::Failed { partition, offset: fields.offset, code },
        };
        to(event);
    }

    fn known(&mut self, message: &native::rd_kafka_message_t) -> Option<&mut Known> {
        if message.rkt.is_null() {
            return None;
        }
        let topic = message.rkt as usize;
        let is_it = |known: &Known| known.topic == topic && known.partition.number == message.partition;
        if !self.known.last().is_some_and(is_it) {
            match self.known.iter().position(is_it) {
                // Records of a partition come in a row: it is found at once next time.
                Some(index) => {
                    let last = self.known.len() - 1;
                    self.known.swap(index, last);
                }
                None => {
                    // SAFETY: the topic lives as long as a message of it.
                    let name = unsafe { text(native::rd_kafka_topic_name(message.rkt)) };
                    let partition = Partition { topic: name.into(), number: message.partition };
                    self.known.push(Known { topic, partition, next: message.offset });
                }
            }
        }
        self.known.last_mut()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            give_up(handle);
        }
    }
}

impl Handle {
    fn assign(&self, partitions: &[(Partition, Option<i64>)]) -> Result<(), LogError> {
        let list = offsets_list(partitions)?;
        // SAFETY: the client lives, the list is only read.
        unsafe {
            if is_eager(self.client) {
                return check(native::rd_kafka_assign(self.client, list.ptr()), "assign");
            }
            check_error(native::rd_kafka_incremental_assign(self.client, list.ptr()), "assign")
        }
    }

    fn unassign(&self, partitions: &[Partition]) -> Result<(), LogError> {
        // SAFETY: the client lives, the list is only read.
        unsafe {
            if is_eager(self.client) {
                return check(native::rd_kafka_assign(self.client, ptr::null()), "unassign");
            }
            check_error(native::rd_kafka_incremental_unassign(self.client, list(partitions).ptr()), "unassign")
        }
    }

    /// Does what the group asked for and waits for: a consumer does not close before.
    fn settle(&self) -> Result<(), LogError> {
        self.notes.take().into_iter().try_for_each(|note| match note {
            Note::Gained(partitions) => {
                self.assign(&partitions.into_iter().map(|partition| (partition, None)).collect::<Vec<_>>())
            }
            Note::Lost(partitions) => self.unassign(&partitions),
            Note::Committed(_) | Note::Fatal(_) => Ok(()),
        })
    }

    /// Commits and waits for the answer.
    pub fn commit_now(&self, offsets: &[(Partition, Option<i64>)]) -> Result<(), LogError> {
        let list = offsets_list(offsets)?;
        // SAFETY: the client lives, the list is only read.
        check(unsafe { native::rd_kafka_commit(self.client, list.ptr(), 0) }, "the last commit")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.notes.closing.store(true, Ordering::SeqCst);
        if let Err(error) = self.settle() {
            tracing::warn!(%error, "closing a consumer");
        }
        // SAFETY: the last use of either; the queue goes before its client.
        unsafe {
            native::rd_kafka_consumer_close(self.client);
            native::rd_kafka_queue_destroy(self.queue);
            native::rd_kafka_destroy(self.client);
        }
    }
}

fn take(
    queue: *mut native::rd_kafka_queue_t,
    wait: Duration,
    most: usize,
    to: &mut Vec<*mut native::rd_kafka_message_t>,
) -> usize {
    to.reserve(most);
    // SAFETY: there is room for `most` pointers behind the length, and librdkafka says how many it wrote.
    unsafe {
        let room = to.as_mut_ptr().add(to.len());
        let count = native::rd_kafka_consume_batch_queue(queue, millis(wait), room, most);
        let count = usize::try_from(count).unwrap_or(0);
        to.set_len(to.len() + count);
        count
    }
}

/// # Safety
/// What it points to must outlive the result.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: librdkafka's keys and payloads have the length it says; none is null.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
}

fn headers(message: *const native::rd_kafka_message_t) -> Vec<(String, Option<Vec<u8>>)> {
    let (mut list, mut found) = (ptr::null_mut(), Vec::new());
    // SAFETY: the message lives while its headers are asked for; names end with NUL, values have the length said.
    unsafe {
        if native::rd_kafka_message_headers(message, &raw mut list) != NO_ERROR {
            return found;
        }
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        while native::rd_kafka_header_get_all(list, found.len(), &raw mut name, &raw mut value, &raw mut size)
            == NO_ERROR
        {
            found.push((text(name), bytes(value, size).map(<[u8]>::to_vec)));
        }
    }
    found
}

const NO_ERROR: native::rd_kafka_resp_err_t = native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;

fn check(error: native::rd_kafka_resp_err_t, what: &str) -> Result<(), LogError> {
    if error == NO_ERROR { Ok(()) } else { Err(from_code(error.into(), what)) }
}

/// # Safety
/// The error must be one that librdkafka just gave, or null.
pub(super) unsafe fn check_error(error: *mut native::rd_kafka_error_t, what: &str) -> Result<(), LogError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: it is ours and is destroyed once.
    let code = unsafe {
        let code = native::rd_kafka_error_code(error);
        native::rd_kafka_error_destroy(error);
        code
    };
    check(code, what)
}

fn list(partitions: &[Partition]) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, partition.number);
    }
    list
}

pub(super) fn offsets_list(offsets: &[(Partition, Option<i64>)]) -> Result<TopicPartitionList, LogError> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for (partition, offset) in offsets {
        let mut element = list.add_partition(&partition.topic, partition.number);
        if let Some(offset) = offset {
            let set = element.set_offset(rdkafka::Offset::Offset(*offset));
            set.map_err(|error| from_kafka(&error, "offsets"))?;
        }
    }
    Ok(list)
}

fn millis(wait: Duration) -> c_int {
    c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX)
}

/// # Safety
/// It must be null or end with NUL.
unsafe fn text(start: *const c_char) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: see above.
    unsafe { CStr::from_ptr(start) }.to_string_lossy().into_owned()
}

fn is_eager(client: *mut native::rd_kafka_t) -> bool {
    // SAFETY: the client lives; the text is a constant of librdkafka's.
    unsafe { text(native::rd_kafka_rebalance_protocol(client)) == "EAGER" }
}

/// A name for librdkafka.
pub(super) fn c_name(name: &str) -> Result<CString, LogError> {
    CString::new(name).map_err(|_| LogError::Fatal("a name holds a NUL byte".into()))
}
