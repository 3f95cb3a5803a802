//! tributary: streams of marketing events flow in, attribution flows out.
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod config;
pub mod ingest;
pub mod journal;
pub mod kpi;
pub mod model;
pub mod partials;
pub mod runtime;
