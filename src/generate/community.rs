//! The community: joining, taking part, questions and their answers, leaving; and customers who use the product, are asked
//! how they like it, and tell others.

use super::agenda::{Act, Scene};
use super::record::{Fill, Pairs, Record};
use super::rhythm::{DAY, HOUR, MINUTE, later};
use crate::model::kinds::TouchKind;

const SCORES: [&str; 11] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
const NPS_WEIGHTS: [u32; 11] = [1, 0, 1, 1, 1, 2, 3, 8, 10, 14, 12];

impl Scene<'_> {
    pub fn join_community(&mut self, at: i64, who: u32) {
        self.touch(at, who, TouchKind::CommunityJoined, None);
        let left = 2 + self.draw.below(6) as u8;
        self.agenda.add(at + HOUR, who, Act::BeActive { left });
        if self.draw.percent(40) {
            let when = self.after(at, HOUR, 10 * DAY);
            self.agenda.add(when, who, Act::Ask);
        }
        if self.draw.percent(15) {
            let when = self.after(at, 10 * DAY, 40 * DAY);
            self.agenda.add(when, who, Act::LeaveCommunity);
        }
    }

    pub fn be_active(&mut self, at: i64, who: u32, left: u8) {
        self.touch(at, who, TouchKind::CommunityActive, Some("forum"));
        if left > 0 {
            let when = self.after(at, DAY, 9 * DAY);
            self.agenda.add(when, who, Act::BeActive { left: left - 1 });
        }
    }

    pub fn ask(&mut self, at: i64, who: u32) {
        self.agenda.questions += 1;
        let question = self.agenda.questions;
        self.touch(at, who, TouchKind::QuestionAsked, Some(&format!("q-{question}")));
        if self.draw.percent(85) {
            let when = at + self.draw.early(5 * MINUTE, 2 * DAY);
            let people = self.world.people.len() as u32;
            // Somebody else answers, if there is anybody else.
            let other = (who + 1 + self.draw.below(people.max(2) - 1)) % people;
            self.agenda.add(when, other, Act::Answer { question });
        }
    }

    pub fn answer(&mut self, at: i64, who: u32, question: u32) {
        self.touch(at, who, TouchKind::QuestionAnswered, Some(&format!("q-{question}")));
    }

    pub fn use_product(&mut self, at: i64, who: u32, left: u8) {
        self.touch(at, who, TouchKind::ProductUsed, Some("workspace"));
        if left > 0 {
            let when = self.after(at, DAY, 6 * DAY);
            self.agenda.add(when, who, Act::UseProduct { left: left - 1 });
        }
    }

    /// Asked now, and sometimes again: the latest answer counts.
    pub fn survey(&mut self, at: i64, who: u32) {
        let nps = self.draw.weighted(NPS_WEIGHTS.into_iter());
        let mut answers = Pairs::default();
        answers.0.push(("nps", SCORES[nps]));
        if self.draw.percent(80) {
            let satisfaction = (nps as u32 / 2).clamp(1, 5);
            answers.0.push(("satisfaction", SCORES[satisfaction as usize]));
        }
        let lead_id = &self.world.people[who as usize].lead_id;
        let fill = Fill { lead_id, form_id: "customer-survey", form_kind: "survey", answers, ..Fill::default() };
        self.post.send(at, &Record::Fill(fill));
        if nps >= 9 && self.draw.percent(40) {
            let when = self.after(at, HOUR, 10 * DAY);
            self.agenda.add(when, who, Act::Refer);
        }
        if self.draw.percent(30) {
            let when = later(self.draw, at, 20 * DAY);
            self.agenda.add(when, who, Act::Survey);
        }
    }
}
