//! What is still to happen: acts by the hour, each scheduling what follows from it, and the little that people and deals
//! are remembered by. Memory grows with the leads, not with the records.

use super::draw::Draw;
use super::post::Post;
use super::rhythm::{HOUR, later};
use super::world::World;
use crate::model::kinds::{FormKind, TouchKind};
use crate::model::stage::Stage;

/// One thing that somebody does (of spend: we ourselves) at a moment, from which records follow.
#[derive(Clone, Copy)]
pub enum Act {
    Begin,
    Visit {
        source: u8,
        form: Option<FormKind>,
    },
    Advertisement {
        source: u8,
        clicked: bool,
    },
    Import,
    Email {
        program: u8,
        step: u8,
    },
    JoinNurture,
    RegisterForWebinar {
        known: bool,
    },
    AttendWebinar {
        missed: bool,
    },
    ReplayWebinar {
        held: i64,
    },
    SendMail,
    Read,
    EngageSocially,
    JoinCommunity,
    BeActive {
        left: u8,
    },
    Ask,
    Answer {
        question: u32,
    },
    LeaveCommunity,
    Ladder(Stage),
    Book(TouchKind),
    OpenDeal,
    Deal {
        deal: u32,
        stage: Stage,
    },
    UseProduct {
        left: u8,
    },
    Survey,
    Refer,
    /// Of these two `who` is a company.
    ChangeAccount {
        won: bool,
    },
    RemoveAccount,
    SpendDaily,
    SpendMonthly,
}

#[derive(Clone, Copy)]
pub struct Entry {
    pub at: i64,
    pub who: u32,
    pub act: Act,
}

#[derive(Clone, Copy, Default)]
pub struct Status {
    pub unsubscribed: bool,
    pub is_lead: bool,
    pub won: bool,
    /// Disqualified: sales has no more to do with it.
    pub out: bool,
}

pub struct Deal {
    pub cents: i64,
    pub currency: &'static str,
    pub owner: &'static str,
    pub reopened: bool,
}

pub struct Agenda {
    start: i64,
    hours: Vec<Vec<Entry>>,
    pub status: Vec<Status>,
    pub deals: Vec<Deal>,
    pub questions: u32,
}

impl Agenda {
    pub fn new(start: i64, days: u32, leads: u32) -> Self {
        Self {
            start,
            hours: (0..days as usize * 24).map(|_| Vec::new()).collect(),
            status: vec![Status::default(); leads as usize],
            deals: Vec::new(),
            questions: 0,
        }
    }

    /// What lies after the end of the history never happens.
    pub fn add(&mut self, at: i64, who: u32, act: Act) {
        if let Some(hour) = self.hours.get_mut(((at - self.start) / HOUR) as usize) {
            hour.push(Entry { at, who, act });
        }
    }

    /// The next act of an hour, those that were added meanwhile too, in the order they were added.
    pub fn next_of(&mut self, hour: usize, done: usize) -> Option<Entry> {
        let entry = self.hours[hour].get(done).copied();
        if entry.is_none() {
            self.hours[hour] = Vec::new();
        }
        entry
    }
}

/// What an act works with.
pub struct Scene<'a> {
    pub world: &'a World,
    pub draw: &'a mut Draw,
    pub agenda: &'a mut Agenda,
    pub post: &'a mut Post,
    pub days: u32,
}

impl Scene<'_> {
    /// A moment `low` to `high` after another one.
    pub fn after(&mut self, at: i64, low: i64, high: i64) -> i64 {
        let wait = self.draw.between(low, high);
        later(self.draw, at, wait)
    }

    /// An act `low` to `high` after a moment, rather sooner.
    pub fn then(&mut self, at: i64, who: u32, low: i64, high: i64, act: Act) {
        let wait = self.draw.early(low, high);
        let when = later(self.draw, at, wait);
        self.agenda.add(when, who, act);
    }
}
