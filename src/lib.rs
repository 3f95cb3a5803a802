//! tributary: streams of marketing events flow in, attribution flows out.

pub mod cli;
pub mod config;
pub mod model;
pub mod telemetry;
