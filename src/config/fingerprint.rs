//! A hash of all that the fold reads: when it differs, what was folded under the other configuration does not hold.
//! Left out: how records get in and out (Kafka, topic names, HTTP, metrics, state), what only ingest reads, since the
//! journal holds what ingest decided, and alerts, which are looked at in the rows that come out.

use std::fmt::Write;

use xxhash_rust::xxh3::xxh3_64;

use super::Config;

impl Config {
    /// Sixteen hexadecimal digits; the same for the same settings, however they are written and whenever it runs.
    #[must_use]
    pub fn fold_hash(&self) -> String {
        format!("{:016x}", xxh3_64(self.fold_text().as_bytes()))
    }

    /// One line a setting. Every collection in it is ordered.
    fn fold_text(&self) -> String {
        let zone = self.time.calendar.zone().iana_name().unwrap_or("UTC");
        let lines: [(&str, &dyn std::fmt::Debug); 28] = [
            ("partitions", &self.topics.partitions),
            ("zone", &zone),
            ("allowed_lateness", &self.time.allowed_lateness),
            ("settle", &self.time.settle),
            ("windows", &self.time.windows),
            ("dedupe", &self.dedupe_horizon),
            ("identity", &self.identity),
            ("hold_from_start", &self.accounts_hold_from_start),
            ("journey", &self.journey),
            ("attribution", &self.attribution),
            ("funnel", &self.funnel),
            ("sla", &self.sla),
            ("scoring", &self.scoring),
            ("routes", &self.routes),
            ("segments", &self.segments),
            ("not_marketing", &self.channels.not_marketing),
            ("groups", &self.channels.groups),
            ("currency", &self.money.currency),
            ("gross_margin", &self.money.gross_margin),
            ("lifetime_multiple", &self.money.lifetime_multiple),
            ("baseline_channel", &self.money.baseline_channel),
            ("budgets", &self.budgets),
            ("goals", &self.goals),
            ("experiments", &self.experiments),
            ("feedback", &self.feedback),
            ("paths", &self.paths_top),
            ("what_if", &self.what_if_extra_sessions),
            ("kpis", &self.kpis),
        ];
        let output = &self.output;
        let out: [(&str, &dyn std::fmt::Debug); 6] = [
            ("ledgers", &output.ledgers),
            ("max_values", &output.max_values),
            ("output_kpis", &output.kpis),
            ("rolling_dims", &output.rolling_dims),
            ("hourly_dims", &output.hourly_dims),
            ("retention", &output.retention),
        ];
        let mut text = String::new();
        for (name, value) in lines.into_iter().chain(out) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} {value:?}");
        }
        text
    }
}
