//! Grafana dashboards, made from the catalogue: a configuration in, what goes into `dashboards/*.json` out. They ask
//! for what the configuration publishes and nothing else, and for a data source that the reader chooses.

mod gauges;
mod history_api;
mod history_postgres;
mod kpi_dashboards;
mod kpi_panels;
mod layout;
mod looks;
mod operations;
mod panels;
mod variables;

use serde_json::{Value, json};

use self::gauges::Gauges;
use self::kpi_panels::{Section, panel_of};
use self::layout::Layout;
use crate::config::Config;
use crate::kpi::catalogue::listing::OWN;
use crate::kpi::catalogue::{GROUPS, prometheus_name};

/// Of Grafana 11.6 and 12; later ones read it too.
const SCHEMA_VERSION: u32 = 41;
const TAG: &str = "tributary";
const NOTHING: &str = "The configuration publishes no KPI of this dashboard (`output.kpis`, `metrics.kpis`).";

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dashboard {
    /// Money, pipeline, goals and budgets at a glance
    Executive,
    /// Traffic, channels by every model, campaigns, content
    Channel,
    /// Stages, leaks, speed, sales, accounts
    FunnelAndSales,
    /// Email, webinars, direct mail, community
    EmailAndEvents,
    /// The processor itself
    Operations,
    /// KPIs of windows that have ended, from the HTTP API (Infinity data source)
    HistoryApi,
    /// KPIs of windows that have ended, from PostgreSQL (deploy/postgres)
    HistoryPostgres,
}

impl Dashboard {
    pub const ALL: [Self; 7] = [
        Self::Executive,
        Self::Channel,
        Self::FunnelAndSales,
        Self::EmailAndEvents,
        Self::Operations,
        Self::HistoryApi,
        Self::HistoryPostgres,
    ];

    /// Of its file, and of its address in Grafana.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Executive => "executive",
            Self::Channel => "channel",
            Self::FunnelAndSales => "funnel-and-sales",
            Self::EmailAndEvents => "email-and-events",
            Self::Operations => "operations",
            Self::HistoryApi => "history-api",
            Self::HistoryPostgres => "history-postgres",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Executive => "Executive",
            Self::Channel => "Channels and attribution",
            Self::FunnelAndSales => "Funnel and sales",
            Self::EmailAndEvents => "Email and events",
            Self::Operations => "Operations",
            Self::HistoryApi => "History (HTTP API)",
            Self::HistoryPostgres => "History (PostgreSQL)",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Executive => "Money, pipeline, goals and budgets at a glance.",
            Self::Channel => "What each channel and campaign brings, by every attribution model.",
            Self::FunnelAndSales => "Stages, leaks, speed, deals and accounts.",
            Self::EmailAndEvents => "Email, webinars, direct mail, community and loyalty.",
            Self::Operations => "The processor: whether it works, how far behind it is, what it rejects.",
            Self::HistoryApi => {
                "Windows that have ended, as an instance has them in memory: /api/v1/kpis by the Infinity data source, whose \
                 base URL is that of the instance."
            }
            Self::HistoryPostgres => "Windows that have ended, as deploy/postgres keeps them.",
        }
    }

    const fn from(self) -> &'static str {
        match self {
            Self::Operations => "now-3h",
            Self::HistoryApi | Self::HistoryPostgres => "now-90d",
            _ => "now-7d",
        }
    }

    /// What of the catalogue it shows, and the groups whose other KPIs come below.
    const fn of_kpis(self) -> Option<(&'static [Section], &'static [&'static str])> {
        match self {
            Self::Executive => Some((kpi_dashboards::EXECUTIVE, &["money", "revenue impact", "goals", OWN])),
            Self::Channel => Some((kpi_dashboards::CHANNEL, &["traffic", "attribution", "experiments"])),
            Self::FunnelAndSales => Some((kpi_dashboards::FUNNEL, &["funnel", "speed", "accounts"])),
            Self::EmailAndEvents => Some((kpi_dashboards::EMAIL, &["email", "webinar, mail", "community, loyalty"])),
            Self::Operations | Self::HistoryApi | Self::HistoryPostgres => None,
        }
    }

    /// The dashboard as Grafana imports it.
    #[must_use]
    pub fn json(self, config: &Config) -> Value {
        let gauges = Gauges::new(config);
        let mut layout = Layout::default();
        if let Some((sections, groups)) = self.of_kpis() {
            for section in sections {
                let panels = section.shows.iter().filter_map(|show| show.panel(&gauges)).collect();
                layout.section(section.title, panels);
            }
            for group in groups {
                let panels = unnamed(&gauges, group).iter().filter_map(|id| panel_of(&gauges, id)).collect();
                layout.section(if *group == OWN { "Your own KPIs" } else { "More" }, panels);
            }
        }
        let variables = match self {
            Self::HistoryApi => history_api::fill(&mut layout, &gauges),
            Self::HistoryPostgres => history_postgres::fill(&mut layout, &gauges),
            Self::Operations => {
                operations::fill(&mut layout, &gauges);
                Vec::new()
            }
            _ => Vec::new(),
        };
        if layout.is_empty() {
            layout.section("Nothing to show", vec![panels::note(NOTHING)]);
        }
        let panels = layout.finish();
        let mut variables = if variables.is_empty() { variables::used(&gauges, &queries(&panels)) } else { variables };
        let asked = Value::Array(panels.clone()).to_string();
        variables.retain(|variable| {
            let name = variable["name"].as_str().unwrap_or_default();
            asked.contains(&format!("${name}")) || asked.contains(&format!("${{{name}}}")) || name == "datasource"
        });
        self.whole(panels, variables)
    }

    fn whole(self, panels: Vec<Value>, variables: Vec<Value>) -> Value {
        json!({
            "id": null,
            "uid": format!("{TAG}-{}", self.name()),
            "title": format!("tributary / {}", self.title()),
            "description": self.description(),
            "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "editable": true,
            "graphTooltip": 1,
            "timezone": "browser",
            "refresh": if self == Self::HistoryPostgres { "5m" } else { "30s" },
            "time": { "from": self.from(), "to": "now" },
            "timepicker": {},
            "fiscalYearStartMonth": 0,
            "weekStart": "",
            "annotations": { "list": [{
                "builtIn": 1,
                "datasource": { "type": "grafana", "uid": "-- Grafana --" },
                "enable": true,
                "hide": true,
                "iconColor": "rgba(0, 211, 255, 1)",
                "name": "Annotations & Alerts",
                "type": "dashboard",
            }] },
            "links": [{
                "type": "dashboards",
                "title": "tributary",
                "tags": [TAG],
                "asDropdown": true,
                "includeVars": false,
                "keepTime": false,
                "targetBlank": false,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }],
            "templating": { "list": variables },
            "panels": panels,
        })
    }
}

/// The KPIs of a group that no section of any dashboard shows.
fn unnamed(gauges: &Gauges<'_>, group: &str) -> Vec<String> {
    let sections = Dashboard::ALL.into_iter().filter_map(Dashboard::of_kpis).flat_map(|(sections, _)| sections);
    let shown = sections.flat_map(|section| section.shows).filter_map(|show| show.panel(gauges));
    let shown = queries(&shown.map(|placed| placed.panel).collect::<Vec<_>>());
    let is_shown = |id: &str| operations::KPIS.contains(&id) || shown.contains(&format!("{}{{", prometheus_name(id)));
    let group_of = |id: &str| {
        let built_in = GROUPS.iter().find(|group| group.kpis.iter().any(|kpi| kpi.id == id));
        built_in.map_or(OWN, |group| group.name)
    };
    let of_group = gauges.kpis().filter(|kpi| group_of(&kpi.id) == group && !is_shown(&kpi.id));
    of_group.map(|kpi| kpi.id.clone()).collect()
}

/// All that some panels ask Prometheus.
fn queries(panels: &[Value]) -> String {
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.filter_map(|target| target["expr"].as_str()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
