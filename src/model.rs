//! The nouns of the pipeline: events, ids, money, time and windows. No IO, no clock, no behaviour of the flow.

pub mod channel;
pub mod entity;
pub mod event;
pub mod event_id;
pub mod kinds;
pub mod money;
pub mod sparing;
pub mod stage;
pub mod text;
pub mod time;
pub mod window;
