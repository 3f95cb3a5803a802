//! What leaves the pipeline: KPI rows as records with their key, and as gauges.

pub mod kpi_update;
pub mod prometheus_rows;
