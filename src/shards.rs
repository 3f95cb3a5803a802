//! The fold.

pub mod event_id;
pub mod sources;
pub mod symbols;
