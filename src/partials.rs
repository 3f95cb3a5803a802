//! Where shards and rollup meet: cells (a measure's sum in a window by dimensions) and the blocks that carry the
//! changed ones, as absolute values, from a shard to the rollup.

pub mod block;
pub mod cells;
pub mod parts;
