//! What follows from a form: the CRM's note of the lead, nurture, webinars, visits, and, for some, the sales ladder.

use super::agenda::{Act, Scene};
use super::rhythm::{DAY, HOUR, MINUTE, later};
use super::source::{PAID_SEARCH, Source};
use super::world::Entry;
use crate::model::kinds::FormKind;
use crate::model::stage::Stage;

pub fn after_fill(scene: &mut Scene<'_>, at: i64, who: u32, kind: FormKind) {
    if kind == FormKind::Webinar {
        scene.agenda.add(at + 5_000, who, Act::RegisterForWebinar { known: true });
    }
    let status = &mut scene.agenda.status[who as usize];
    let again = status.is_lead;
    status.is_lead = true;
    if kind == FormKind::DemoRequest && scene.draw.percent(70) {
        scene.book_soon(at, who);
    }
    if again {
        return;
    }
    if scene.draw.percent(60) {
        let noted = at + scene.draw.between(MINUTE, HOUR);
        scene.agenda.add(noted, who, Act::Ladder(Stage::Lead));
    }
    engage(scene, at, who);
    qualify(scene, at, who);
}

/// What a new lead does of its own accord, and what is done for it.
fn engage(scene: &mut Scene<'_>, at: i64, who: u32) {
    let (draw, agenda) = (&mut *scene.draw, &mut *scene.agenda);
    let person = &scene.world.people[who as usize];
    for _ in 0..draw.weighted([3, 4, 3, 2, 1].into_iter()) {
        let wait = draw.early(6 * HOUR, 40 * DAY);
        let act = Act::Visit { source: Source::again(draw), form: None };
        agenda.add(later(draw, at, wait), who, act);
    }
    let asks_for_more = Act::Visit { source: Source::again(draw), form: Some(FormKind::Qualification) };
    let targeted = person.company.is_some_and(|company| scene.world.companies[company as usize].is_target);
    // Act, percent of leads, longest wait in days.
    let chances = [
        (Act::JoinNurture, if person.entry == Entry::Prospect { 25 } else { 55 }, 2),
        (Act::RegisterForWebinar { known: false }, 20, 30),
        (Act::Read, 60, 12),
        (Act::EngageSocially, 14, 25),
        (Act::JoinCommunity, 11, 20),
        (asks_for_more, 12, 15),
        (Act::SendMail, if targeted { 30 } else { 2 }, 14),
    ];
    for (act, percent, days) in chances {
        if draw.percent(percent) {
            let wait = draw.early(HOUR, days * DAY);
            agenda.add(later(draw, at, wait), who, act);
        }
    }
}

/// Some qualify, sooner or later by where they came from; of the others some are found to be none.
pub fn qualify(scene: &mut Scene<'_>, at: i64, who: u32) {
    let person = &scene.world.people[who as usize];
    let source = Source::of(person.source);
    let draw = &mut *scene.draw;
    if person.is_test {
        return;
    }
    if draw.percent(source.quality) {
        let wait = draw.early(2 * HOUR, source.pace * 2 * DAY);
        scene.agenda.add(later(draw, at, wait), who, Act::Ladder(Stage::Mql));
    } else if draw.percent(15) {
        let wait = draw.between(DAY, 12 * DAY);
        scene.agenda.add(later(draw, at, wait), who, Act::Ladder(Stage::Disqualified));
    }
}

impl Scene<'_> {
    /// Engagement after a lead was put back: a new visit, a new form, often a webinar.
    pub fn win_back(&mut self, at: i64, who: u32) {
        let wait = self.draw.between(3 * DAY, 15 * DAY);
        let when = later(self.draw, at, wait);
        self.agenda.add(when, who, Act::Visit { source: PAID_SEARCH, form: Some(FormKind::DemoRequest) });
        if self.draw.percent(50) {
            self.agenda.add(when + DAY, who, Act::RegisterForWebinar { known: false });
        }
    }
}
