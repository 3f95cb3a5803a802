//! tributary: streams of marketing events flow in, attribution flows out.

pub mod config;
pub mod ingest;
pub mod model;
