//! tributary: streams of marketing events flow in, attribution flows out.

pub mod config;
pub mod generate;
pub mod model;
