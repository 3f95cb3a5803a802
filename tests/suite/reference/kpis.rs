//! The groups of the catalogue: each says which facts there are and which KPIs are made of them.

mod accounts;
mod acts;
mod attribution;
mod efficiency;
mod experiments;
mod funnel;
mod impact;
pub mod losses;
mod money;
pub mod operations;
pub mod standing;
mod traffic;

use super::facts::{Fact, Known};
use super::table::Kpi;

pub fn facts(known: &Known) -> Vec<Fact> {
    let groups = [
        traffic::facts,
        funnel::facts,
        standing::facts,
        losses::facts,
        acts::facts,
        money::facts,
        efficiency::facts,
        impact::facts,
        attribution::facts,
        accounts::facts,
        experiments::facts,
    ];
    groups.iter().flat_map(|facts| facts(known)).collect()
}

pub fn catalogue() -> Vec<Kpi> {
    let groups = [
        traffic::kpis,
        funnel::kpis,
        standing::kpis,
        losses::kpis,
        acts::kpis,
        money::kpis,
        efficiency::kpis,
        impact::kpis,
        attribution::kpis,
        accounts::kpis,
        experiments::kpis,
        operations::kpis,
    ];
    groups.iter().flat_map(|kpis| kpis()).collect()
}
