//! What is measured and what is published: measures (additive facts that shards emit), the catalogue of KPIs as
//! formulas over measures, and the plan of what a configuration needs of them.

pub mod measures;
pub mod plan;
