//! What leaves the pipeline: KPI rows, alerts and lines of ledgers as records with their key; rows and alerts as gauges,
//! and on a board that HTTP and a page read.

pub mod alert;
pub mod avro_json;
pub mod board;
pub mod grafana;
pub mod http;
pub mod kpi_update;
pub mod ledgers;
pub mod prometheus_rows;
pub mod prometheus_rules;
pub mod read_back;
