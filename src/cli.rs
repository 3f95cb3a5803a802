//! The command line.
pub mod generate;
