//! The journal: what ingest accepted (and what it rejected), re-keyed to shards. It is the truth that everything else
//! is folded from; only ingest writes to it, and replaying it is recovery.

pub mod block;
pub mod entry;
pub mod texts;
