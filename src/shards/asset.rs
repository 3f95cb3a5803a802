//! An asset that questions are asked about: how long the first of them waited for its first answer, whoever asked and
//! answered.

use serde::{Deserialize, Serialize};

use super::fold::{Contributions, Fold};
use super::forward::Known;
use super::table::Keyed;
use super::visibility::{Visible, views};
use crate::kpi::measures::{Dim, Measure};
use crate::kpi::spread::bucket;
use crate::model::entity::EntityKey;
use crate::model::time::Millis;

#[derive(Debug, Serialize, Deserialize)]
pub struct Asset {
    key: EntityKey,
    /// When it was asked and answered about: by time, and whether it is an answer.
    said: Vec<(Millis, bool, Visible)>,
}

impl Keyed for Asset {
    fn key(&self) -> EntityKey {
        self.key
    }
}

impl Asset {
    #[must_use]
    pub const fn new(key: EntityKey) -> Self {
        Self { key, said: Vec::new() }
    }

    /// Takes what touches tell it; they take nothing back.
    pub fn hear(&mut self, news: &[(Known, Visible, bool)], fold: &mut Fold) {
        let before = self.contributions(fold);
        for (known, visible, _) in news {
            if let Known::Question { at, is_answer } = known {
                let place = self.said.partition_point(|(known, ..)| known <= at);
                self.said.insert(place, (*at, *is_answer, *visible));
            }
        }
        let after = self.contributions(fold);
        fold.replace(&before, &after);
    }

    fn contributions(&self, fold: &mut Fold) -> Contributions {
        let mut all = Contributions::default();
        for view in views(self.said.iter().map(|(.., visible)| *visible)) {
            let mut seen = self.said.iter().filter(|(.., visible)| visible.to_facts_bound_at(view.from));
            let Some((asked, ..)) = seen.clone().find(|(_, is_answer, _)| !is_answer) else { continue };
            let Some((at, ..)) = seen.find(|(at, is_answer, _)| *is_answer && at >= asked) else { continue };
            let took = *at - *asked;
            let bucket = fold.symbols.of(Dim::Bucket, &bucket(took.0 as f64 / 1000.0));
            all.fact(&fold.rules, view, Measure::ResponseTimes, *at, &[bucket], 1);
            all.fact(&fold.rules, view, Measure::ResponseSeconds, *at, &[], took.0);
        }
        all
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.said.capacity() * size_of::<(Millis, bool, Visible)>()
    }
}
