//! Visits: page views of a session, the advertisements before them, the form at their end. Nobody is known until a form
//! or an e-mail click says who it was; that is what stitching is for.

use super::agenda::{Act, Scene};
use super::draw::Draw;
use super::follow;
use super::post::Post;
use super::record::{Fill, Record, Touch};
use super::rhythm::{DAY, HOUR, MINUTE};
use super::source::{Arrival, EMAIL, Source};
use super::world::{Entry, World};
use crate::model::kinds::FormKind;

const LANDING: [&str; 8] =
    ["/", "/product", "/pricing/", "/lp/attribution", "/lp/abm", "/guides/b2b-kpis", "/partners/", "/blog/models"];
const INSIDE: [&str; 7] = [
    "https://www.tributary.example/product",
    "https://www.tributary.example/pricing",
    "https://www.tributary.example/customers",
    "https://www.tributary.example/integrations#kafka",
    "https://www.tributary.example/docs?lang=en",
    "https://www.tributary.example/about",
    "https://www.tributary.example/blog/models/",
];
const PAPERS: [&str; 4] = ["guide-attribution", "paper, vol=3", "benchmark-2026", "checklist"];

impl Scene<'_> {
    /// The first thing of a person: by itself, from a list or from a trade show.
    pub fn begin(&mut self, at: i64, who: u32) {
        let person = &self.world.people[who as usize];
        match person.entry {
            Entry::Import => self.agenda.add(at, who, Act::Import),
            Entry::Prospect => {
                self.agenda.add(at, who, Act::Email { program: 0, step: 0 });
                // The better page shows here: of the known people, more of those who saw it send the form.
                if self.draw.percent(if person.in_variant { 52 } else { 38 }) {
                    let when = self.after(at, 2 * DAY, 25 * DAY);
                    self.agenda.add(when, who, Act::Visit { source: EMAIL, form: Some(form(self.draw)) });
                }
            }
            Entry::Inbound => self.come_inbound(at, who),
        }
    }

    fn come_inbound(&mut self, at: i64, who: u32) {
        let source = self.world.people[who as usize].source;
        let pace = Source::of(source).pace;
        let mut when = at;
        if Source::of(source).advertises() {
            for _ in 0..1 + self.draw.below(3) {
                self.agenda.add(when, who, Act::Advertisement { source, clicked: false });
                when += self.draw.between(HOUR, DAY);
            }
            self.agenda.add(when, who, Act::Advertisement { source, clicked: true });
        }
        let visits = self.draw.weighted([30, 30, 20, 12, 8].into_iter());
        let mut source = source;
        for _ in 0..visits {
            self.agenda.add(when, who, Act::Visit { source, form: None });
            when = self.after(when, HOUR, DAY * pace);
            source = Source::again(self.draw);
        }
        let form = Some(form(self.draw));
        self.agenda.add(when, who, Act::Visit { source, form });
    }

    pub fn advertise(&mut self, at: i64, who: u32, source: u8, clicked: bool) {
        let arrival = Arrival::new(self.draw, source, "/lp/abm");
        let device = self.world.device(who, 0);
        let mut touch = arrival.advertisement(if clicked { "click" } else { "impression" });
        touch.visitor_id = Some(&device);
        self.post.send(at, &Record::Touch(touch));
    }

    /// A session on one of the person's devices, with a form at its end or without.
    pub fn visit(&mut self, at: i64, who: u32, source: u8, form: Option<FormKind>) {
        let person = &self.world.people[who as usize];
        // Forms are sent from the main device, so that most devices are identified in the end.
        let device = if form.is_some() { 0 } else { self.draw.below(person.devices) };
        let device = self.world.device(who, device);
        let landing = *self.draw.pick(&LANDING);
        let arrival = Arrival::new(self.draw, source, landing);
        let mut touch = arrival.touch("page_view");
        touch.visitor_id = Some(&device);
        // Reverse lookup of addresses, and those who stay signed in.
        let reveals = self.draw.percent(25);
        touch.account_id = if reveals { self.world.company(who).map(|company| company.id.as_str()) } else { None };
        let known = source == EMAIL || self.agenda.status[who as usize].is_lead && self.draw.percent(30);
        touch.lead_id = known.then_some(person.lead_id.as_str());
        if landing.starts_with("/lp/") || person.entry == Entry::Prospect {
            touch.experiment = Some("landing-hero");
            touch.variant = Some(if person.in_variant { "customer-story" } else { "control" });
        }
        self.post.send(at, &Record::Touch(touch));
        let last = browse(self.draw, self.post, at, &device);
        if let Some(kind) = form {
            let when = last + self.draw.between(20_000, 4 * MINUTE);
            self.fill(when, who, kind, Some((&device, arrival.page_url())));
        }
    }

    /// A form is sent; a visitor and a page are known unless it came in by another way.
    pub fn fill(&mut self, at: i64, who: u32, kind: FormKind, on: Option<(&str, &str)>) {
        let person = &self.world.people[who as usize];
        let long = matches!(kind, FormKind::Qualification | FormKind::DemoRequest);
        let company = self.world.company(who).map(|company| company.id.as_str());
        let form_id = format!("form-{}", kind.name());
        let asset_id = match kind {
            FormKind::Content => Some(*self.draw.pick(&PAPERS)),
            FormKind::Webinar => Some(super::nurture::webinar_at(at)),
            _ => None,
        };
        let tested = kind == FormKind::Contact || kind == FormKind::DemoRequest;
        let fill = Fill {
            lead_id: &person.lead_id,
            form_id: &form_id,
            form_kind: kind.name(),
            answers: if long { self.world.detailed_answers(who) } else { self.world.answers(who) },
            visitor_id: on.map(|on| on.0),
            page_url: on.map(|on| on.1),
            account_id: if self.draw.percent(60) { company.or(Some("gmail.com")) } else { None },
            asset_id,
            experiment: tested.then_some("form-length"),
            variant: tested.then_some(if person.in_variant { "short" } else { "control" }),
        };
        self.post.send(at, &Record::Fill(fill));
        follow::after_fill(self, at, who, kind);
    }
}

/// Further pages of a session; the time of the last one.
fn browse(draw: &mut Draw, post: &mut Post, at: i64, device: &str) -> i64 {
    let mut when = at;
    for _ in 0..draw.weighted([40, 25, 17, 10, 5, 3].into_iter()) {
        when += draw.early(8_000, 12 * MINUTE);
        let page_url = Some(*draw.pick(&INSIDE));
        let touch = Touch { kind: "page_view", visitor_id: Some(device), page_url, ..Touch::default() };
        post.send(when, &Record::Touch(touch));
    }
    when
}

/// One of the many who come once and are never known.
pub fn pass_by(draw: &mut Draw, post: &mut Post, world: &World, at: i64) {
    let source = Source::anonymous(draw);
    let device = format!("a-{:010x}", draw.between(0, 0xFF_FFFF_FFFF));
    let landing = *draw.pick(&LANDING);
    let arrival = Arrival::new(draw, source, landing);
    let mut touch = arrival.touch("page_view");
    touch.visitor_id = Some(&device);
    if draw.percent(10) {
        touch.account_id = Some(&draw.pick(&world.companies).id);
    }
    post.send(at, &Record::Touch(touch));
    browse(draw, post, at, &device);
}

fn form(draw: &mut Draw) -> FormKind {
    const KINDS: [(FormKind, u32); 6] = [
        (FormKind::Content, 34),
        (FormKind::Webinar, 18),
        (FormKind::Contact, 16),
        (FormKind::DemoRequest, 17),
        (FormKind::Newsletter, 12),
        (FormKind::Qualification, 3),
    ];
    KINDS[draw.weighted(KINDS.iter().map(|kind| kind.1))].0
}
