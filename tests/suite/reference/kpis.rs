//! The groups of the catalogue: each says which facts there are and which KPIs are made of them.

mod acts;
mod funnel;
pub mod losses;
mod money;
pub mod operations;
pub mod standing;
mod traffic;

use super::facts::{Fact, Known};
use super::table::Kpi;

pub fn facts(known: &Known) -> Vec<Fact> {
    [traffic::facts, funnel::facts, standing::facts, losses::facts, acts::facts, money::facts]
        .iter()
        .flat_map(|facts| facts(known))
        .collect()
}

pub fn catalogue() -> Vec<Kpi> {
    [traffic::kpis, funnel::kpis, standing::kpis, losses::kpis, acts::kpis, money::kpis, operations::kpis]
        .iter()
        .flat_map(|kpis| kpis())
        .collect()
}
