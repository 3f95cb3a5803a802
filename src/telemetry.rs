//! What the program says about itself. Never a lead's id, an e-mail address or any free text of an event.

pub mod logging;
pub mod metrics;
