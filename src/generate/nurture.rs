//! What is done for known people: e-mail programmes, webinars, letters; and what they do in content, social networks and
//! the community.

use super::agenda::{Act, Scene};
use super::record::{Pairs, Record, Touch};
use super::rhythm::{DAY, HOUR, MINUTE, next_webinar};
use super::source::{EMAIL, WEBINAR};
use crate::model::kinds::{FormKind, TouchKind};
use crate::model::stage::Stage;

const PROGRAMMES: [(&str, u8); 3] = [("outbound", 5), ("nurture", 6), ("newsletter", 4)];
const WEBINARS: [&str; 5] = ["webinar-attribution", "webinar-abm", "webinar-kafka", "webinar-forecast", "webinar-roi"];
const ARTICLES: [&str; 6] =
    ["article-models", "article-kpis", "guide-attribution", "case-northwind", "benchmark-2026", "article-abm"];

/// The webinar that is on offer at a moment.
pub fn webinar_at(at: i64) -> &'static str {
    webinar_held(next_webinar(at))
}

/// The one that is held on this day.
fn webinar_held(show: i64) -> &'static str {
    WEBINARS[show.div_euclid(7 * DAY).rem_euclid(WEBINARS.len() as i64) as usize]
}

impl Scene<'_> {
    /// A touch of a known person about something, by the kind alone.
    pub fn touch(&mut self, at: i64, who: u32, kind: TouchKind, asset_id: Option<&str>) {
        let lead_id = Some(self.world.people[who as usize].lead_id.as_str());
        let account_id =
            if self.draw.percent(30) { self.world.company(who).map(|company| company.id.as_str()) } else { None };
        self.post
            .send(at, &Record::Touch(Touch { kind: kind.name(), lead_id, account_id, asset_id, ..Touch::default() }));
    }

    pub fn join_nurture(&mut self, at: i64, who: u32) {
        self.touch(at, who, TouchKind::NurtureJoined, Some("nurture"));
        let program = if self.draw.percent(75) { 1 } else { 2 };
        let when = at + self.draw.between(HOUR, DAY);
        self.agenda.add(when, who, Act::Email { program, step: 0 });
    }

    pub fn email(&mut self, at: i64, who: u32, program: u8, step: u8) {
        if self.agenda.status[who as usize].unsubscribed {
            return;
        }
        let (name, steps) = PROGRAMMES[program as usize];
        let asset = format!("email-{name}-{}", step + 1);
        let lead_id = &self.world.people[who as usize].lead_id;
        let touch = |kind: TouchKind| {
            let (asset_id, asset_type) = (Some(asset.as_str()), Some(name));
            Touch { kind: kind.name(), lead_id: Some(lead_id), asset_id, asset_type, ..Touch::default() }
        };
        self.post.send(at, &Record::Touch(touch(TouchKind::EmailSent)));
        let arrived = at + self.draw.between(1_000, 90_000);
        if self.draw.percent(4) {
            self.post.send(arrived, &Record::Touch(touch(TouchKind::EmailBounced)));
            return;
        }
        self.post.send(arrived, &Record::Touch(touch(TouchKind::EmailDelivered)));
        if self.draw.percent(38) {
            let opened = arrived + self.draw.early(MINUTE, 12 * HOUR);
            for _ in 0..1 + self.draw.weighted([8, 2].into_iter()) {
                self.post.send(opened + self.draw.between(0, HOUR), &Record::Touch(touch(TouchKind::EmailOpened)));
            }
            if self.draw.percent(30) {
                let clicked = opened + HOUR + self.draw.between(1_000, MINUTE);
                let device = self.world.device(who, 0);
                let click = Touch { visitor_id: Some(&device), ..touch(TouchKind::EmailClicked) };
                self.post.send(clicked, &Record::Touch(click));
                self.agenda.add(clicked + 2_000, who, Act::Visit { source: EMAIL, form: None });
            } else if self.draw.percent(4) {
                self.post.send(opened + 2 * HOUR, &Record::Touch(touch(TouchKind::EmailUnsubscribed)));
                self.agenda.status[who as usize].unsubscribed = true;
            }
        }
        if step + 1 < steps {
            let when = self.after(at, 3 * DAY, 7 * DAY);
            self.agenda.add(when, who, Act::Email { program, step: step + 1 });
        }
    }

    pub fn register_for_webinar(&mut self, at: i64, who: u32, known: bool) {
        if !known {
            // The form comes first; it registers.
            self.agenda.add(at, who, Act::Visit { source: WEBINAR, form: Some(FormKind::Webinar) });
            return;
        }
        self.touch(at, who, TouchKind::WebinarRegistered, Some(webinar_at(at)));
        let show = next_webinar(at);
        if self.draw.percent(52) {
            self.agenda.add(show + self.draw.between(0, 10 * MINUTE), who, Act::AttendWebinar { missed: false });
        } else if self.draw.percent(45) {
            self.agenda.add(show, who, Act::AttendWebinar { missed: true });
        }
    }

    /// Who missed it may watch it later.
    pub fn attend_webinar(&mut self, at: i64, who: u32, missed: bool) {
        let asset = webinar_held(at);
        if !missed {
            self.touch(at, who, TouchKind::WebinarAttended, Some(asset));
            if self.draw.percent(22) {
                self.touch(at + 20 * MINUTE, who, TouchKind::WebinarQuestion, Some(asset));
            }
        }
        if missed || self.draw.percent(12) {
            let when = self.after(at, DAY, 3 * DAY);
            self.agenda.add(when, who, Act::ReplayWebinar { held: at });
        }
    }

    pub fn replay_webinar(&mut self, at: i64, who: u32, held: i64) {
        self.touch(at, who, TouchKind::WebinarReplayed, Some(webinar_held(held)));
    }

    /// A letter with a gift: opened, claimed, and for some the start of a conversation.
    pub fn send_mail(&mut self, at: i64, who: u32) {
        let asset = Some("abm-box-spring");
        self.touch(at, who, TouchKind::MailSent, asset);
        if self.draw.percent(65) {
            let opened = self.after(at, 2 * DAY, 5 * DAY);
            self.touch(opened, who, TouchKind::MailOpened, asset);
            if self.draw.percent(45) {
                let claimed = opened + self.draw.between(HOUR, DAY);
                self.touch(claimed, who, TouchKind::MailClaimed, asset);
                if self.draw.percent(50) {
                    let when = self.after(claimed, HOUR, 4 * DAY);
                    self.agenda.add(when, who, Act::Book(TouchKind::MeetingBooked));
                }
            }
        }
    }

    pub fn import(&mut self, at: i64, who: u32) {
        let person = &self.world.people[who as usize];
        let mut properties = Pairs::default();
        properties.0.push(("booth", "B12"));
        let touch = Touch {
            kind: "click",
            lead_id: Some(&person.lead_id),
            account_id: self.world.company(who).map(|company| company.id.as_str()),
            channel: Some("Event"),
            utm_campaign: Some("b2b-summit"),
            properties: Some(properties),
            ..Touch::default()
        };
        self.post.send(at, &Record::Touch(touch));
        let when = self.after(at, HOUR, 3 * DAY);
        self.agenda.add(when, who, Act::Ladder(Stage::Lead));
        self.agenda.add(when + HOUR, who, Act::JoinNurture);
    }

    pub fn read(&mut self, at: i64, who: u32) {
        let article = *self.draw.pick(&ARTICLES);
        self.touch(at, who, TouchKind::ContentRead, Some(article));
        if self.draw.percent(55) {
            let when = self.after(at, HOUR, 12 * DAY);
            self.agenda.add(when, who, Act::Read);
        }
    }
}
