//! What every entity's part of the fold works with: the rules, the numbers of texts and ids, the cells, and the news
//! to other entities. An entity says what it contributes before and after an event; only the difference flows on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::acts::About;
use super::event_id::LongIds;
use super::forward::{Known, News, Recipient};
use super::lead_ids::LeadIds;
use super::ledger::{self, Line, Said};
use super::records::Records;
use super::rules::Rules;
use super::statement::{self, Cause, Statement, Subject};
use super::symbols::{OriginId, Symbols};
use super::tally::{Difference, Fact, Tally};
use super::visibility::Visible;
use crate::kpi::measures::{Dim, Measure};
use crate::model::entity::EntityKey;
use crate::model::event::{NONE, TouchOf, UNATTRIBUTED};
use crate::model::kinds::TouchKind;
use crate::model::stage::Stage;
use crate::model::time::Millis;
use crate::model::window::LocalTime;
use crate::partials::cells::{Amount, CellKey, Symbol};

#[derive(Debug)]
pub struct Fold {
    pub rules: Arc<Rules>,
    pub symbols: Symbols,
    pub tally: Tally,
    pub ids: LongIds,
    pub names: Names,
    pub records: Records,
    pub lead_ids: LeadIds,
    /// The watermark of leads: every visitor and deal has told what it knows up to here.
    pub clock: Millis,
    /// When leads wait for the watermark to reach a moment.
    pub timers: BTreeSet<(Millis, EntityKey)>,
    /// What other entities are to be told, in the order found.
    pub news: Vec<News>,
    /// What is to be written to ledgers.
    pub said: Vec<Said>,
    /// What the entity is told that changes.
    pub cause: Cause,
    /// When deals have a statement that becomes final.
    pub deal_timers: BTreeSet<(Millis, EntityKey)>,
    difference: Difference,
}

/// The symbols of names that the product gives.
#[derive(Debug)]
pub struct Names {
    pub stages: [Symbol; Stage::ALL.len()],
    pub kinds: [Symbol; TouchKind::ALL.len()],
    /// By the order of `Rules::models`.
    pub models: Vec<Symbol>,
    pub unattributed: Symbol,
}

/// What an entity contributes: facts of additive measures, cells of distinct ones, and what it tells others.
#[derive(Debug, Default)]
pub struct Contributions {
    pub facts: Vec<Fact>,
    pub cells: Vec<(CellKey, i64)>,
    /// The first moment after which the watermark alone changes them.
    pub next: Option<Millis>,
    /// Of ledgers; sorted.
    pub lines: Vec<Line>,
    /// Sorted.
    pub statements: Vec<Statement>,
    /// What is to become of their amounts.
    pub settled: Vec<(Subject, Box<str>, i64)>,
    /// Sorted.
    pub news: Vec<(Recipient, Known, Visible)>,
}

impl Fold {
    #[must_use]
    pub fn new(rules: Arc<Rules>) -> Self {
        let symbols = Symbols::new(rules.config.output.max_values);
        let tally = Tally::new(rules.plan.clone(), LocalTime::new(rules.config.time.calendar.clone()));
        Self::with(rules, symbols, tally, LongIds::default(), Records::default(), LeadIds::default())
    }

    #[must_use]
    pub fn with(
        rules: Arc<Rules>,
        mut symbols: Symbols,
        tally: Tally,
        ids: LongIds,
        records: Records,
        lead_ids: LeadIds,
    ) -> Self {
        let names = Names {
            stages: Stage::ALL.map(|stage| symbols.of(Dim::Stage, stage.name())),
            kinds: std::array::from_fn(|n| symbols.of(Dim::Kind, TouchKind::ALL[n].name())),
            models: rules.models.iter().map(|model| symbols.of(Dim::Model, &model.name)).collect(),
            unattributed: symbols.of(Dim::Channel, UNATTRIBUTED),
        };
        Self {
            rules,
            symbols,
            tally,
            ids,
            names,
            records,
            lead_ids,
            clock: Millis::MIN,
            timers: BTreeSet::new(),
            news: Vec::new(),
            said: Vec::new(),
            cause: Cause::default(),
            deal_timers: BTreeSet::new(),
            difference: Difference::default(),
        }
    }

    /// What a touch is about, as far as some KPI is by it.
    pub fn about(&mut self, touch: &TouchOf<'_, u32>, texts: &[&str]) -> About {
        let none = About { asset: Symbol::ABSENT, asset_type: Symbol::ABSENT, exposure: None };
        let details = touch.details.as_deref();
        let exposes = || details.is_some_and(|of| of.experiment.is_some()) && self.wants(Measure::Exposed);
        if !self.rules.is_about(touch.kind) && !exposes() {
            return none;
        }
        let text = |number: Option<&u32>| number.map_or(NONE, |number| texts[*number as usize]);
        let (asset, asset_type) =
            details.map_or((NONE, NONE), |of| (text(of.asset_id.as_ref()), text(of.asset_type.as_ref())));
        let exposure =
            details.and_then(|of| Some((text(Some(of.experiment.as_ref()?)), text(Some(of.variant.as_ref()?)))));
        self.about_texts([asset, asset_type], exposure)
    }

    /// The same as other shards spell it.
    pub fn about_texts(&mut self, [asset, asset_type]: [&str; 2], exposure: Option<(&str, &str)>) -> About {
        let wants = self.wants(Measure::Exposed);
        About {
            asset: self.symbols.of(Dim::Asset, asset),
            asset_type: self.symbols.of(Dim::AssetType, asset_type),
            exposure: exposure.filter(|_| wants).map(|(experiment, variant)| {
                (self.symbols.of(Dim::Experiment, experiment), self.symbols.of(Dim::Variant, variant))
            }),
        }
    }

    /// Whether a touch came from a marketing channel.
    #[must_use]
    pub fn is_marketing(&self, origin: OriginId) -> bool {
        self.rules.groups.is_marketing(self.symbols.channel(origin))
    }

    #[must_use]
    pub fn wants(&self, measure: Measure) -> bool {
        self.rules.plan.wants(measure)
    }

    /// Takes back what an entity contributed and puts in what it contributes now.
    pub fn replace(&mut self, before: &Contributions, after: &Contributions) {
        if before.facts.is_empty() && before.cells.is_empty() {
            self.add(after);
        } else {
            self.exchange(before, after);
        }
        let [taken_back, told] = differing(&before.news, &after.news);
        let taken_back = taken_back.iter().filter(|news| after.news.binary_search(news).is_err());
        let told = told.iter().filter(|news| before.news.binary_search(news).is_err());
        let told = told.map(|news| (news, true));
        for ((to, known, visible), added) in taken_back.map(|news| (news, false)).chain(told) {
            self.news.push(News { to: *to, known: known.clone(), visible: *visible, added });
        }
        ledger::difference(&before.lines, &after.lines, |said| self.said.push(said));
    }

    /// Of an entity that contributed nothing yet: there is no difference to take.
    fn add(&mut self, contributions: &Contributions) {
        for fact in &contributions.facts {
            self.tally.count(fact.measure, fact.at, &fact.values, fact.amount);
        }
        for (key, amount) in &contributions.cells {
            self.tally.add(key.clone(), Amount { sum: i128::from(*amount), facts: 1 });
        }
    }

    fn exchange(&mut self, before: &Contributions, after: &Contributions) {
        let facts = differing(&before.facts, &after.facts);
        let cells = differing(&before.cells, &after.cells);
        for (n, sign) in [(0, -1), (1, 1)] {
            for fact in facts[n] {
                self.difference.fact(fact, sign, &mut self.tally);
            }
            for (key, amount) in cells[n] {
                self.difference.cell(key.clone(), *amount, sign);
            }
        }
        self.difference.settle(&mut self.tally);
    }

    /// Counts what happened once and stays: a fact of an event that nothing else changes.
    pub fn count(&mut self, measure: Measure, at: Millis, values: &[Symbol]) {
        self.tally.count(measure, at, values, 1);
    }
}

/// Two lists without what both begin and end with: most of what an entity contributes stays as it is.
fn differing<'a, T: PartialEq>(before: &'a [T], after: &'a [T]) -> [&'a [T]; 2] {
    let same = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[same..], &after[same..]);
    let same = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    [&before[..before.len() - same], &after[..after.len() - same]]
}

impl Contributions {
    /// Adds what is so at present: only the view that sees all that is known says it.
    pub fn present(&mut self, rules: &Rules, view: Visible, measure: Measure, values: &[Symbol], amount: i64) {
        if rules.plan.wants(measure) && view.to == Millis::MAX {
            self.facts.push(Fact { measure, at: Millis(0), values: values.iter().copied().collect(), amount });
        }
    }

    /// Counts what is so by now of something with a time.
    pub fn latest(&mut self, rules: &Rules, view: Visible, measure: Measure, at: Millis, values: &[Symbol]) {
        if rules.plan.wants(measure) && view.to == Millis::MAX {
            self.facts.push(Fact { measure, at, values: values.iter().copied().collect(), amount: 1 });
        }
    }

    /// Adds a statement as its view sees it; of what settles its amount alone.
    pub fn state(&mut self, rules: &Rules, view: Visible, statement: Statement) {
        if let Some(value) = statement.value {
            self.settle_value(rules, view, statement.subject, &statement.stage, (statement.at, value));
        }
        if view.to_facts_bound_at(rules.bound(statement.at, false)) {
            self.statements.push(statement);
        }
    }

    /// Notes what settles the amount of a conversion at a moment, if the view is the one that says so.
    pub fn settle_value(
        &mut self,
        rules: &Rules,
        view: Visible,
        subject: Subject,
        stage: &str,
        (at, value): (Millis, i64),
    ) {
        if view.to_facts_bound_at(rules.bound(at, true)) {
            self.settled.push((subject, stage.into(), value));
        }
    }

    /// Brings the statements in their order, with the amounts that have settled.
    pub fn settle_statements(&mut self) {
        statement::sort(&mut self.statements);
        for (subject, stage, value) in self.settled.drain(..) {
            let is_it = |of: &&mut Statement| of.subject == subject && of.stage == stage;
            if let Some(statement) = self.statements.iter_mut().find(is_it) {
                statement.value = Some(value);
            }
            for line in &mut self.lines {
                if let Line::Upload(upload) = line
                    && (upload.subject, upload.stage) == (subject, &*stage)
                {
                    upload.value = Some(value);
                }
            }
        }
    }

    /// Adds a fact if the plan wants its measure and the view is the one that its bound sees.
    pub fn fact(&mut self, rules: &Rules, view: Visible, measure: Measure, at: Millis, values: &[Symbol], amount: i64) {
        if rules.plan.wants(measure) && view.to_facts_bound_at(rules.bound(at, measure.settles())) {
            self.facts.push(Fact { measure, at, values: values.iter().copied().collect(), amount });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_lists_have_in_common_at_their_ends_is_left_out() {
        assert_eq!(differing(&[1, 2, 3, 4], &[1, 5, 4]), [&[2, 3][..], &[5]]);
        assert_eq!(differing(&[1, 1], &[1, 1, 1]), [&[][..], &[1]]);
        assert_eq!(differing(&[1, 2], &[1, 2]).concat(), Vec::<i32>::new());
    }
}
