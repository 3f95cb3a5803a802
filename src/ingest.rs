//! Raw records come in, checked and classified events go out, routed to the shards of the entities that they name.

pub mod route;
