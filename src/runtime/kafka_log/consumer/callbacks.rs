//! What librdkafka calls while a consumer is polled. Nothing is done here but to take a note, except on closing, when
//! nobody reads notes any more.
#![allow(unsafe_code, reason = "callbacks of librdkafka's; each block says why it is sound")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::bindings as native;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::super::say;
use super::{NO_ERROR, check_error, is_eager, text};
use crate::runtime::log::Partition;

/// What callbacks noted.
#[derive(Debug)]
pub enum Note {
    Gained(Vec<Partition>),
    Lost(Vec<Partition>),
    Committed(Result<(), Code>),
    Fatal(String),
}

#[derive(Default)]
pub(super) struct Notes {
    list: Mutex<Vec<Note>>,
    /// Nobody will act on notes any more: a callback has to let go of partitions itself.
    pub closing: AtomicBool,
}

impl Notes {
    fn add(&self, note: Note) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    pub fn take(&self) -> Vec<Note> {
        std::mem::take(&mut *self.list.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Lets a client's callbacks write into `notes`.
///
/// # Safety
/// The notes must outlive the client that is made of the configuration.
pub(super) unsafe fn set(config: *mut native::rd_kafka_conf_t, notes: &Arc<Notes>) {
    // SAFETY: the configuration is the caller's, and so is the promise about the notes.
    unsafe {
        native::rd_kafka_conf_set_opaque(config, Arc::as_ptr(notes).cast_mut().cast());
        native::rd_kafka_conf_set_rebalance_cb(config, Some(on_rebalance));
        native::rd_kafka_conf_set_offset_commit_cb(config, Some(on_commit));
        native::rd_kafka_conf_set_error_cb(config, Some(on_error));
        native::rd_kafka_conf_set_log_cb(config, Some(on_log));
    }
}

unsafe extern "C" fn on_rebalance(
    client: *mut native::rd_kafka_t,
    error: native::rd_kafka_resp_err_t,
    list: *mut native::rd_kafka_topic_partition_list_t,
    notes: *mut c_void,
) {
    let gained = error == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    // SAFETY: `notes` outlives the client; the list is librdkafka's for the time of this call.
    unsafe {
        let notes = &*notes.cast::<Notes>();
        if !notes.closing.load(Ordering::SeqCst) {
            let elements = (0..usize::try_from((*list).cnt).unwrap_or(0)).map(|index| &*(*list).elems.add(index));
            let partitions = elements.map(|one| Partition { topic: text(one.topic).into(), number: one.partition });
            let partitions = partitions.collect();
            notes.add(if gained { Note::Gained(partitions) } else { Note::Lost(partitions) });
        } else if is_eager(client) {
            native::rd_kafka_assign(client, ptr::null());
        } else {
            // What comes while closing is taken, to be revoked in the next step: a refusal would be waited for.
            let error = match gained {
                true => native::rd_kafka_incremental_assign(client, list),
                false => native::rd_kafka_incremental_unassign(client, list),
            };
            if let Err(error) = check_error(error, "assign") {
                tracing::warn!(%error, "closing a consumer");
            }
        }
    }
}

unsafe extern "C" fn on_commit(
    _: *mut native::rd_kafka_t,
    error: native::rd_kafka_resp_err_t,
    _: *mut native::rd_kafka_topic_partition_list_t,
    notes: *mut c_void,
) {
    // SAFETY: `notes` outlives the client.
    let notes = unsafe { &*notes.cast::<Notes>() };
    notes.add(Note::Committed(if error == NO_ERROR { Ok(()) } else { Err(error.into()) }));
}

unsafe extern "C" fn on_error(client: *mut native::rd_kafka_t, code: c_int, reason: *const c_char, notes: *mut c_void) {
    // SAFETY: `notes` outlives the client; the reason ends with NUL.
    let (notes, reason) = unsafe { (&*notes.cast::<Notes>(), text(reason)) };
    if code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__FATAL as c_int {
        let mut words = [0 as c_char; 512];
        // SAFETY: the client lives; there is room for as many bytes as said.
        let words = unsafe {
            native::rd_kafka_fatal_error(client, words.as_mut_ptr(), words.len());
            text(words.as_ptr())
        };
        notes.add(Note::Fatal(words));
    }
    tracing::warn!(reason, "kafka consumer");
}

unsafe extern "C" fn on_log(
    _: *const native::rd_kafka_t,
    level: c_int,
    facility: *const c_char,
    message: *const c_char,
) {
    // SAFETY: both end with NUL.
    let (facility, message) = unsafe { (text(facility), text(message)) };
    say(level, &facility, &message);
}
