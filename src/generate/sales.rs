//! The ladder from lead to won, as a CRM writes it: stages skipped, recycled, lost and reopened, amounts amended, deals
//! handed from one lead to another; and what follows a win.

use super::agenda::{Act, Deal, Scene};
use super::record::{Cents, Record, Stage as StageRecord};
use super::rhythm::{DAY, HOUR};
use super::source::{DISPLAY, PAID_SEARCH, Source};
use crate::model::kinds::TouchKind;
use crate::model::stage::Stage;

const OWNERS: [&str; 5] = ["ann", "ben", "carla", "deng", "emre"];
const CURRENCIES: [(&str, u32, i64); 3] = [("USD", 60, 100), ("EUR", 25, 92), ("CNY", 15, 714)];

impl Scene<'_> {
    pub fn climb(&mut self, at: i64, who: u32, stage: Stage) {
        let status = &mut self.agenda.status[who as usize];
        if status.out && stage != Stage::Recycled {
            return;
        }
        status.is_lead = true;
        // Salespeople skip what bores them; later stages imply the earlier.
        let skips = matches!(stage, Stage::Mql | Stage::Sal | Stage::Sql) && self.draw.percent(12);
        if !skips {
            self.note(at, who, stage);
        }
        match stage {
            Stage::Lead if self.world.people[who as usize].entry == super::world::Entry::Import => {
                super::follow::qualify(self, at, who);
            }
            Stage::Mql => self.after_mql(at, who),
            Stage::Sal => self.after_sal(at, who),
            Stage::Sql => self.after_sql(at, who),
            Stage::Disqualified => self.agenda.status[who as usize].out = true,
            Stage::Recycled if self.draw.percent(60) => self.win_back(at, who),
            _ => {}
        }
    }

    /// An event of a lead stage.
    fn note(&mut self, at: i64, who: u32, stage: Stage) {
        let account_id = self.world.company(who).map(|company| company.id.as_str());
        let owner = (stage >= Stage::Sal).then(|| *self.draw.pick(&OWNERS));
        let lead_id = &self.world.people[who as usize].lead_id;
        let record = StageRecord { lead_id, stage: stage.name(), account_id, owner, ..StageRecord::default() };
        self.post.send(at, &Record::Stage(record));
    }

    fn after_mql(&mut self, at: i64, who: u32) {
        match self.draw.below(100) {
            // Most are called within a day.
            0..74 => self.then(at, who, HOUR / 4, 45 * HOUR, Act::Ladder(Stage::Sal)),
            74..84 => self.then(at, who, 4 * DAY, 15 * DAY, Act::Ladder(Stage::Recycled)),
            84..90 => self.then(at, who, DAY, 8 * DAY, Act::Ladder(Stage::Disqualified)),
            _ => {}
        }
    }

    fn after_sal(&mut self, at: i64, who: u32) {
        match self.draw.below(100) {
            0..82 => self.then(at, who, 6 * HOUR, 9 * DAY, Act::Ladder(Stage::Sql)),
            82..90 => self.then(at, who, 2 * DAY, 10 * DAY, Act::Ladder(Stage::Recycled)),
            _ => {}
        }
        self.book_soon(at, who);
    }

    fn after_sql(&mut self, at: i64, who: u32) {
        let fit = u32::from(self.world.people[who as usize].fit);
        if self.draw.percent(fit + 15) {
            let pace = self.pace(who);
            self.then(at, who, 6 * HOUR, pace * DAY, Act::OpenDeal);
        }
    }

    pub fn book_soon(&mut self, at: i64, who: u32) {
        for (kind, percent) in [(TouchKind::DemoBooked, 55), (TouchKind::MeetingBooked, 40)] {
            if self.draw.percent(percent) {
                self.then(at, who, HOUR / 2, 5 * DAY, Act::Book(kind));
            }
        }
    }

    fn pace(&self, who: u32) -> i64 {
        Source::of(self.world.people[who as usize].source).pace
    }

    pub fn open_deal(&mut self, at: i64, who: u32) {
        let size = self.world.company(who).map_or(0, |company| i64::from(company.size));
        let (currency, _, per_hundred) = CURRENCIES[self.draw.weighted(CURRENCIES.iter().map(|row| row.1))];
        let dollars = self.draw.early(2_000, 12_000) * (1 + size * size);
        let cents = dollars * per_hundred + self.draw.between(0, 99);
        let owner = *self.draw.pick(&OWNERS);
        let deal = self.agenda.deals.len() as u32;
        self.agenda.deals.push(Deal { cents, currency, owner, reopened: false });
        self.deal(at, who, deal, Stage::Opportunity);
    }

    /// An event of a deal, and what comes next.
    pub fn deal(&mut self, at: i64, who: u32, deal: u32, stage: Stage) {
        self.note_deal(at, who, deal, stage);
        let pace = self.pace(who);
        let fit = u32::from(self.world.people[who as usize].fit);
        match stage {
            Stage::Opportunity => {
                if self.draw.percent(25) {
                    self.amend(at, who, deal, stage);
                }
                // Small deals go without a proposal.
                let next = if self.draw.percent(80) { Stage::Proposal } else { self.outcome(fit) };
                self.then(at, who, DAY / 2, pace * 2 * DAY, Act::Deal { deal, stage: next });
            }
            Stage::Proposal => {
                if self.draw.percent(30) {
                    self.amend(at, who, deal, stage);
                }
                // The deal goes on with a colleague of the lead's.
                let owner = if self.draw.percent(8) { self.world.colleague(who).unwrap_or(who) } else { who };
                let next = self.outcome(fit);
                self.then(at, owner, DAY, pace * 2 * DAY, Act::Deal { deal, stage: next });
            }
            Stage::Lost if !self.agenda.deals[deal as usize].reopened && self.draw.percent(18) => {
                self.agenda.deals[deal as usize].reopened = true;
                self.then(at, who, 3 * DAY, 15 * DAY, Act::Deal { deal, stage: Stage::Proposal });
            }
            Stage::Won => self.after_win(at, who),
            _ => {}
        }
    }

    fn outcome(&mut self, fit: u32) -> Stage {
        if self.draw.percent(fit * 3 / 4) { Stage::Won } else { Stage::Lost }
    }

    fn amend(&mut self, at: i64, who: u32, deal: u32, stage: Stage) {
        let when = at + self.draw.between(HOUR, 10 * HOUR);
        let percent = self.draw.between(70, 140);
        let cents = &mut self.agenda.deals[deal as usize].cents;
        *cents = *cents * percent / 100;
        self.note_deal(when, who, deal, stage);
    }

    fn note_deal(&mut self, at: i64, who: u32, deal: u32, stage: Stage) {
        let known = &self.agenda.deals[deal as usize];
        // The last events often name no amount; the latest given holds.
        let amount = (stage <= Stage::Proposal || self.draw.percent(60)).then_some(known.cents);
        let amount = amount.map(|cents| Cents { cents, as_text: self.draw.percent(50) });
        let probability = match stage {
            Stage::Opportunity if self.draw.percent(70) => Some(self.draw.between(1, 4) as f64 / 10.0),
            Stage::Proposal if self.draw.percent(70) => Some(self.draw.between(5, 9) as f64 / 10.0),
            _ => None,
        };
        let record = StageRecord {
            lead_id: &self.world.people[who as usize].lead_id,
            stage: stage.name(),
            deal_id: Some(&format!("deal-{:05}", deal + 1)),
            account_id: self.world.company(who).map(|company| company.id.as_str()),
            currency: amount.map(|_| known.currency),
            amount,
            probability,
            owner: Some(known.owner),
        };
        self.post.send(at, &Record::Stage(record));
    }

    fn after_win(&mut self, at: i64, who: u32) {
        let first = !std::mem::replace(&mut self.agenda.status[who as usize].won, true);
        if let Some(company) = self.world.people[who as usize].company {
            self.then(at, company, HOUR, 2 * DAY, Act::ChangeAccount { won: true });
        }
        if !first {
            return;
        }
        let left = 6 + self.draw.below(14) as u8;
        self.then(at, who, DAY, 3 * DAY, Act::UseProduct { left });
        if self.draw.percent(70) {
            self.then(at, who, 3 * DAY, 15 * DAY, Act::Survey);
        }
        if self.draw.percent(18) {
            self.then(at, who, 5 * DAY, 25 * DAY, Act::Refer);
        }
        // Advertisements go on, though there is nothing left to sell: this is the waste to be shown.
        for source in [DISPLAY, PAID_SEARCH] {
            if self.draw.percent(45) {
                self.then(at, who, DAY, 15 * DAY, Act::Visit { source, form: None });
                self.then(at, who, DAY, 15 * DAY, Act::Advertisement { source, clicked: true });
            }
        }
        if self.draw.percent(20) {
            self.then(at, who, 12 * DAY, 30 * DAY, Act::OpenDeal);
        }
    }
}

impl Scene<'_> {
    pub fn change_account(&mut self, at: i64, company: u32, won: bool) {
        self.post.send(at, &Record::Account(self.world.companies[company as usize].record(won)));
    }

    pub fn remove_account(&mut self, at: i64, company: u32) {
        self.post.send(at, &Record::Gone(&self.world.companies[company as usize].id));
    }
}
