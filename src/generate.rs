//! A synthetic B2B history: settings in, records in arrival order out, the same bytes for the same settings on every
//! platform. People and companies act by an agenda, each act scheduling what follows; the post delays, repeats and breaks
//! records on their way. Memory is bounded by the leads and by the records of a few hours.

mod agenda;
mod community;
mod draw;
pub mod files;
mod follow;
mod nurture;
mod outlay;
mod post;
mod record;
mod rhythm;
mod sales;
mod source;
mod spoil;
#[cfg(test)]
mod tests;
mod web;
mod world;

use crate::model::event::Topic;
use crate::model::kinds::TouchKind;
use crate::model::time::{Millis, Span};
use agenda::{Act, Agenda, Scene};
use draw::Draw;
use post::Post;
use rhythm::{DAY, HOUR};
use world::World;

/// 2100-01-01: what is to be rejected as `future` lies beyond it, so that it does on any clock.
const NO_CLOCK_YET: Millis = Millis(4_102_444_800_000);

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Settings {
    pub seed: u64,
    /// Nothing occurs or arrives before it, nor at or after `start` + `days`.
    pub start: Millis,
    pub days: u32,
    pub leads: u32,
    /// Exactly so many records in all; anonymous visits fill up what the leads leave.
    pub events: Option<u64>,
    /// The share of events that arrive after later ones, and by how much at most.
    pub disorder: f64,
    pub max_delay: Span,
    /// The share of events that arrive a second time, within hours.
    pub duplicates: f64,
    /// Broken records, as a share of the good ones.
    pub bad: f64,
    /// The share of events that arrive more than a day late.
    pub late: f64,
    /// Whether an oversized record may be so as a whole, over 1 MiB, which few brokers take.
    pub huge: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            start: Millis(1_767_225_600_000),
            days: 90,
            leads: 1000,
            events: None,
            disorder: 0.1,
            max_delay: Span(6 * HOUR),
            duplicates: 0.02,
            bad: 0.001,
            late: 0.0,
            huge: true,
        }
    }
}

impl Settings {
    #[must_use]
    pub fn end(&self) -> Millis {
        self.start + Span::days(i64::from(self.days))
    }

    /// How many leads a history of so many records should have: their stories are then well over half of it.
    #[must_use]
    pub fn leads_for(events: u64) -> u32 {
        u32::try_from((events / 40).max(1)).unwrap_or(u32::MAX)
    }
}

/// A record as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    pub topic: Topic,
    pub key: Option<String>,
    /// JSON, or bytes that are none when they are to be rejected as `undecodable`; none for a tombstone.
    pub value: Option<Vec<u8>>,
    /// When it arrives: its Kafka timestamp.
    pub timestamp: Millis,
    /// The reason code that it must be rejected for.
    pub rejected_as: Option<&'static str>,
    /// A redelivery of a record that arrived before.
    pub duplicate: bool,
}

/// The records of a history, in arrival order.
pub struct History {
    settings: Settings,
    world: World,
    story: Draw,
    crowd: Draw,
    agenda: Agenda,
    post: Post,
    hour: usize,
    arriving: std::vec::IntoIter<Produced>,
    emitted: u64,
    /// Busyness so far and in all: what share of the history should be out by an hour's end.
    busy: u64,
    busy_in_all: u64,
    /// Anonymous visits made.
    passed: u64,
}

impl History {
    /// `days` and `leads` of 0 are taken as 1.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let settings = Settings { days: settings.days.max(1), leads: settings.leads.max(1), ..settings };
        let mut story = Draw::new(settings.seed, 0);
        let world = World::new(&mut story, settings.leads);
        let mut agenda = Agenda::new(settings.start.0, settings.days, settings.leads);
        populate(&mut agenda, &world, &mut story, &settings);
        let busy_in_all = hours(&settings).map(|at| u64::from(rhythm::weight(at))).sum();
        Self {
            crowd: Draw::new(settings.seed, 2),
            post: Post::new(&settings),
            settings,
            world,
            story,
            agenda,
            hour: 0,
            arriving: Vec::new().into_iter(),
            emitted: 0,
            busy: 0,
            busy_in_all,
            passed: 0,
        }
    }

    /// How much of the history is out, by its own time: 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f64 {
        self.hour as f64 / (f64::from(self.settings.days) * 24.0)
    }

    fn act_out_hour(&mut self) {
        let mut scene = Scene {
            world: &self.world,
            draw: &mut self.story,
            agenda: &mut self.agenda,
            post: &mut self.post,
            days: self.settings.days,
        };
        let mut done = 0;
        while let Some(entry) = scene.agenda.next_of(self.hour, done) {
            act_out(&mut scene, entry.at, entry.who, entry.act);
            done += 1;
        }
    }

    /// Anonymous visits of the hour: two for each lead, or as many as the number of records asked for needs.
    fn crowd_hour(&mut self) {
        let from = self.settings.start.0 + self.hour as i64 * HOUR;
        self.busy += u64::from(rhythm::weight(from));
        let due = |all: u64| (u128::from(all) * u128::from(self.busy) / u128::from(self.busy_in_all.max(1))) as u64;
        let due = due(self.settings.events.unwrap_or_else(|| u64::from(self.settings.leads) * 2));
        loop {
            let so_far =
                if self.settings.events.is_some() { self.emitted + self.post.waiting(self.hour) } else { self.passed };
            if so_far >= due {
                return;
            }
            let at = from + self.crowd.between(0, HOUR - 1);
            web::pass_by(&mut self.crowd, &mut self.post, &self.world, at);
            self.passed += 1;
        }
    }
}

impl Iterator for History {
    type Item = Produced;

    fn next(&mut self) -> Option<Produced> {
        if self.settings.events.is_some_and(|events| self.emitted >= events) {
            return None;
        }
        loop {
            if let Some(produced) = self.arriving.next() {
                self.emitted += 1;
                return Some(produced);
            }
            if self.hour >= self.settings.days as usize * 24 {
                return None;
            }
            self.act_out_hour();
            self.crowd_hour();
            self.arriving = self.post.deliver(self.hour);
            self.hour += 1;
        }
    }
}

fn hours(settings: &Settings) -> impl Iterator<Item = i64> {
    let start = settings.start.0;
    (0..i64::from(settings.days) * 24).map(move |hour| start + hour * HOUR)
}

/// The first entries of the agenda: everybody's first act, reference data, the days of spend.
fn populate(agenda: &mut Agenda, world: &World, draw: &mut Draw, settings: &Settings) {
    let start = settings.start.0;
    let last = i64::from(settings.days) * DAY - 1;
    for company in 0..world.companies.len() as u32 {
        // The whole CRM comes within the first minutes, some is cleaned up later.
        agenda.add(start + i64::from(company % 600_000), company, Act::ChangeAccount { won: false });
        if draw.percent(1) {
            agenda.add(start + draw.between(last / 4, last), company, Act::RemoveAccount);
        }
    }
    for who in 0..settings.leads {
        let at = start + draw.between(0, last);
        let waits = draw.between(0, DAY);
        let at = if rhythm::weight(at) < 16 { rhythm::later(draw, at, waits) } else { at };
        agenda.add(at, who, Act::Begin);
    }
    for day in 0..i64::from(settings.days) {
        let midnight = (start + day * DAY).div_euclid(DAY) * DAY;
        agenda.add(start + day * DAY + 23 * HOUR, 0, Act::SpendDaily);
        let date = crate::model::window::date_of(crate::model::window::Day((midnight / DAY) as i32));
        if day == 0 || date.day() == 1 {
            agenda.add(start + day * DAY + HOUR, 0, Act::SpendMonthly);
        }
    }
}

fn act_out(scene: &mut Scene<'_>, at: i64, who: u32, act: Act) {
    match act {
        Act::Begin => scene.begin(at, who),
        Act::Visit { source, form } => scene.visit(at, who, source, form),
        Act::Advertisement { source, clicked } => scene.advertise(at, who, source, clicked),
        Act::Import => scene.import(at, who),
        Act::Email { program, step } => scene.email(at, who, program, step),
        Act::JoinNurture => scene.join_nurture(at, who),
        Act::RegisterForWebinar { known } => scene.register_for_webinar(at, who, known),
        Act::AttendWebinar { missed } => scene.attend_webinar(at, who, missed),
        Act::ReplayWebinar { held } => scene.replay_webinar(at, who, held),
        Act::SendMail => scene.send_mail(at, who),
        Act::Read => scene.read(at, who),
        Act::EngageSocially => scene.touch(at, who, TouchKind::SocialEngaged, Some("post-launch")),
        Act::JoinCommunity => scene.join_community(at, who),
        Act::BeActive { left } => scene.be_active(at, who, left),
        Act::Ask => scene.ask(at, who),
        Act::Answer { question } => scene.answer(at, who, question),
        Act::LeaveCommunity => scene.touch(at, who, TouchKind::CommunityLeft, None),
        Act::Ladder(stage) => scene.climb(at, who, stage),
        Act::Book(kind) => scene.touch(at, who, kind, None),
        Act::OpenDeal => scene.open_deal(at, who),
        Act::Deal { deal, stage } => scene.deal(at, who, deal, stage),
        Act::UseProduct { left } => scene.use_product(at, who, left),
        Act::Survey => scene.survey(at, who),
        Act::Refer => scene.touch(at, who, TouchKind::ReferralMade, None),
        Act::ChangeAccount { won } => scene.change_account(at, who, won),
        Act::RemoveAccount => scene.remove_account(at, who),
        Act::SpendDaily => scene.spend_daily(at),
        Act::SpendMonthly => scene.spend_monthly(at),
    }
}
