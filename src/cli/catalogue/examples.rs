//! A row of each KPI as the `kpis` topic has it: of a small synthetic history, folded when it is asked for. The KPIs of
//! the configuration are in it; all else is as the history needs it, so that as many KPIs as can have a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::config::Config;
use crate::generate::files::CONFIGURATION;
use crate::generate::{History, Produced, Settings};
use crate::ingest::files::FileRecord;
use crate::model::event::Topic;
use crate::model::window::WindowKind;
use crate::publish::kpi_update;
use crate::rollup::row::Row;
use crate::runtime::batch;
use crate::runtime::line::Line;

/// Quarters and years to no end would be rows without a use here. The first of these is preferred.
const WINDOWS: [WindowKind; 5] =
    [WindowKind::Day, WindowKind::Month, WindowKind::Quarter, WindowKind::Now, WindowKind::All];
const MODELS: [&str; 4] = ["first", "last", "markov", "shapley"];
const LEADS: u32 = 150;

/// A record with its key.
#[derive(Debug, Serialize)]
pub struct Example {
    pub key: String,
    pub record: Box<RawValue>,
}

/// By the id of the KPI.
pub fn examples(own: &Config) -> anyhow::Result<BTreeMap<String, Example>> {
    let mut config = Config::parse(CONFIGURATION, "the configuration of the synthetic history", std::iter::empty())?;
    config.kpis.clone_from(&own.kpis);
    config.time.windows = WINDOWS.to_vec();
    config.attribution.models.retain(|model| MODELS.contains(&model.name()));
    config.attribution.detail_models.clear();
    config.attribution.min_conversions = 1;
    config.topics.partitions = 1;
    let mut best: BTreeMap<Arc<str>, Row> = BTreeMap::new();
    for row in rows(config)? {
        match best.get(&row.id.kpi) {
            Some(other) if rank(other) >= rank(&row) => {}
            _ => drop(best.insert(Arc::clone(&row.id.kpi), row)),
        }
    }
    let example = |row: &Row| {
        let record = RawValue::from_string(String::from_utf8(kpi_update::to_json(row)?)?)?;
        anyhow::Ok(Example { key: kpi_update::key(&row.id), record })
    };
    best.iter().map(|(kpi, row)| Ok((kpi.to_string(), example(row)?))).collect()
}

/// How much a row shows.
fn rank(row: &Row) -> impl Ord {
    let says = &row.says;
    let window = WINDOWS.iter().position(|window| *window == row.id.window);
    (
        says.value.is_some_and(|value| value.to_f64() != 0.0),
        says.value.is_some(),
        std::cmp::Reverse(window),
        row.id.dims.len(),
        says.previous.is_some(),
        says.low.is_some(),
    )
}

fn rows(config: Config) -> anyhow::Result<Vec<Row>> {
    let settings = Settings { leads: LEADS, late: 0.001, bad: 0.002, huge: false, ..Settings::default() };
    let as_of = settings.end();
    let produced: Vec<Produced> = History::new(settings).collect();
    let counts = produced.iter().fold(BTreeMap::<Topic, usize>::new(), |mut counts, record| {
        *counts.entry(record.topic).or_default() += 1;
        counts
    });
    let config = Arc::new(config);
    let parts = Line::of_files(Arc::clone(&config), Line::named_schemas(&config)?);
    let records = (1..).zip(produced).map(|(line, record)| {
        let Produced { topic, key, value, timestamp, .. } = record;
        anyhow::Ok(FileRecord { topic, line, key: key.map(String::into_bytes), value, timestamp })
    });
    let outcome = batch::fold(&parts, &config, Some(as_of), counts, records)?;
    Ok(outcome.rollup.rollup.all_rows(as_of))
}
