//! tributary: streams of marketing events flow in, attribution flows out.
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod attribution;
pub mod cli;
pub mod config;
pub mod demo;
pub mod generate;
pub mod ingest;
pub mod journal;
pub mod kpi;
pub mod model;
pub mod partials;
pub mod publish;
pub mod rollup;
pub mod runtime;
pub mod scenario;
pub mod shards;
pub mod telemetry;
