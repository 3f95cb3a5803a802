//! Shares the credit of a conversion among the touches of its journey, exactly: credits sum to one whole, values to
//! the amount. Pure functions of the journey; who is in a journey is decided by the shards.

pub mod markov;
pub mod path;
pub mod rounding;
pub mod rules;
pub mod shapley;
