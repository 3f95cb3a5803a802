//! The catalogue as people and programs read it: built-in KPIs and those of a configuration, as data, Markdown or
//! lines of text.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{GROUPS, prometheus_name, sorted};
use crate::config::Config;
use crate::kpi::families::{Families, families_of, is_settling, selected};
use crate::kpi::measures::Dim;
use crate::model::window::WindowKind;

/// The group of the KPIs that a configuration adds.
pub const OWN: &str = "configuration";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub id: String,
    pub group: &'static str,
    pub unit: String,
    pub meaning: String,
    pub formula: String,
    /// Sets of dimensions; the empty one is the total.
    pub by: Vec<Vec<&'static str>>,
    /// Whether facts of it take what becomes known up to `time.settle` later.
    pub settling: bool,
    /// Whether rows carry a 95 % interval.
    pub interval: bool,
    /// The gauge's name.
    pub metric: String,
    /// A query of its gauge; none where the configuration has no rows of it.
    pub promql: Option<String>,
    /// Whether `output.kpis` has it published.
    pub published: bool,
}

#[must_use]
pub fn entries(config: &Config) -> Vec<Entry> {
    let families = families_of(config);
    let built_in = GROUPS.iter().flat_map(|group| {
        group.kpis.iter().map(|kpi| Entry {
            id: kpi.id.to_owned(),
            group: group.name,
            unit: kpi.unit.name().to_owned(),
            meaning: kpi.meaning.to_owned(),
            formula: kpi.formula.to_owned(),
            by: kpi.sets().iter().map(|set| names(set)).collect(),
            settling: kpi.settling,
            interval: kpi.interval,
            metric: prometheus_name(kpi.id),
            promql: promql(config, &families, kpi.id),
            published: selected(config, kpi.id),
        })
    });
    let own = config.kpis.iter().map(|kpi| {
        let dims =
            |set: &Vec<String>| names(&sorted(&set.iter().filter_map(|name| Dim::parse(name)).collect::<Vec<_>>()));
        Entry {
            id: kpi.id.clone(),
            group: OWN,
            unit: kpi.unit.clone(),
            meaning: format!("Of the configuration: {}.", kpi.formula),
            formula: kpi.formula.clone(),
            by: std::iter::once(Vec::new()).chain(kpi.by.iter().map(dims)).collect(),
            settling: is_settling(config, &kpi.id),
            interval: false,
            metric: prometheus_name(&kpi.id),
            promql: promql(config, &families, &kpi.id),
            published: selected(config, &kpi.id),
        }
    });
    built_in.chain(own).collect()
}

fn names(set: &[Dim]) -> Vec<&'static str> {
    set.iter().map(|dim| dim.name()).collect()
}

impl Entry {
    /// `total · channel · campaign, channel`.
    #[must_use]
    pub fn sets(&self) -> String {
        let set = |set: &Vec<&str>| if set.is_empty() { "total".to_owned() } else { set.join(", ") };
        self.by.iter().map(set).collect::<Vec<_>>().join(" · ")
    }

    /// `~` and `%` as the catalogue marks settling and interval.
    #[must_use]
    pub fn marks(&self) -> String {
        format!("{}{}", if self.settling { "~" } else { "" }, if self.interval { "%" } else { "" })
    }
}

/// A query for Grafana: a gauge of the running window, at the most detailed set of dimensions that has one.
fn promql(config: &Config, families: &Families, id: &str) -> Option<String> {
    let of_it = families.families.iter().filter(|family| families.kpis[family.kpi].id == id);
    let family = of_it.max_by_key(|family| (family.kinds.contains(&WindowKind::Day), family.dims.len()))?;
    let window = family.kinds.iter().find(|kind| **kind == WindowKind::Day).or(family.kinds.first())?;
    let dims = family.dims.iter().map(|dim| match &family.named {
        Some((named, value)) if named == dim => format!("{}=\"{value}\"", dim.name()),
        _ => format!("{}=\"{}\"", dim.name(), dim.example()),
    });
    let currency = (family.unit.as_deref().unwrap_or(&families.kpis[family.kpi].unit)).starts_with("currency");
    let currency = currency.then(|| format!("currency=\"{}\"", config.money.currency));
    let labels = std::iter::once(format!("window=\"{window}\"")).chain(dims).chain(currency);
    Some(format!("{}{{{}}}", prometheus_name(id), labels.collect::<Vec<_>>().join(",")))
}

/// A table a group, below it the queries and the examples: a line each, by the id of the KPI.
#[must_use]
pub fn markdown(entries: &[Entry], examples: &BTreeMap<String, String>) -> String {
    let mut text = String::from(
        "# KPI catalogue\n\n`~`: settles; `%`: with a 95 % interval. Below each table are a query for Prometheus of each KPI, \
         and a row of it, key and record, of a synthetic history.\n",
    );
    for group in entries.chunk_by(|a, b| a.group == b.group) {
        // Writing to a String does not fail.
        let _ =
            write!(text, "\n## {}\n\n| id | unit | meaning | formula | by |\n|---|---|---|---|---|\n", group[0].group);
        for entry in group {
            let Entry { id, unit, meaning, formula, .. } = entry;
            let id = format!("`{id}` {}", entry.marks());
            let cells = [id.trim_end(), unit, meaning, &format!("`{formula}`"), &entry.sets()];
            let cells = cells.map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        let queries: Vec<&str> = group.iter().filter_map(|entry| entry.promql.as_deref()).collect();
        let examples: Vec<&str> = group.iter().filter_map(|entry| Some(examples.get(&entry.id)?.as_str())).collect();
        for (language, lines) in [("promql", queries), ("text", examples)] {
            if !lines.is_empty() {
                let _ = write!(text, "\n```{language}\n{}\n```\n", lines.join("\n"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kpi::catalogue::{built_in, matches_glob};

    fn config(toml: &str) -> Config {
        Config::parse(toml, "test.toml", std::iter::empty()).expect("a valid configuration")
    }

    #[test]
    fn marks_in_the_table_are_what_the_formulas_say() {
        let config = config("");
        for kpi in built_in() {
            assert_eq!(kpi.settling, is_settling(&config, kpi.id), "{}", kpi.id);
        }
    }

    #[test]
    fn own_kpis_are_listed_and_selection_is_shown() {
        let config = config(
            "[output]\nkpis = [\"cost_*\"]\n[[kpi]]\nid = \"cost_per_demo\"\nunit = \"currency\"\n\
             formula = \"spend / demos\"\nby = [[\"channel\"]]\n",
        );
        let entries = entries(&config);
        assert!(entries.iter().all(|entry| entry.published == matches_glob("cost_*", &entry.id)));
        let own = entries.last().expect("it is the last");
        assert_eq!((&*own.id, own.group, &*own.sets()), ("cost_per_demo", "configuration", "total · channel"));
        let example = ("cost_per_demo".to_owned(), "cost_per_demo|all|| {}".to_owned());
        let text = markdown(&entries, &BTreeMap::from([example]));
        assert!(text.contains("\n```text\ncost_per_demo|all|| {}\n```\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("| `")).count(), entries.len());
        assert!(text.contains("| `page_fill_ratio` ~% | ratio |"));
        let query = "\ntributary_cost_per_lead{window=\"1d\",campaign=\"spring\",channel=\"email\",";
        assert!(text.contains(query), "{text}");
    }
}
