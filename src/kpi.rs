//! What is measured and what is published: measures (additive facts that shards emit), the catalogue of KPIs as
//! formulas over measures, and the plan of what a configuration needs of them.

pub mod catalogue;
pub mod families;
pub mod formula;
pub mod measures;
pub mod number;
pub mod plan;
pub mod quantities;
pub mod rules;
pub mod spread;
