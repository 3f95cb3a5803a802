//! tributary: streams of marketing events flow in, attribution flows out.
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod config;
pub mod model;
