//! What marketing costs: daily by channel, campaign, content and term, booked or spread over the day; monthly for people,
//! tools and content, spread over the month; now and then a credit note. Amounts grow with the leads.

use jiff::civil::Date;

use super::agenda::Scene;
use super::record::{Cents, Record, Spend};
use super::rhythm::{DAY, HOUR, is_weekend};
use crate::model::window::{Day, date_of, day_of};

struct Outlay {
    channel: &'static str,
    campaign: Option<&'static str>,
    content: Option<&'static str>,
    term: Option<&'static str>,
    category: Option<&'static str>,
    currency: Option<&'static str>,
    /// Cents for each lead of the history, over all its days.
    per_lead: i64,
    spread: bool,
}

const NOTHING: Outlay = Outlay {
    channel: "",
    campaign: None,
    content: None,
    term: None,
    category: None,
    currency: None,
    per_lead: 0,
    spread: false,
};

#[rustfmt::skip]
const DAILY: [Outlay; 13] = [
    Outlay { channel: "paid_search", campaign: Some("brand"), content: Some("ad-a"), term: Some("tributary"), per_lead: 1200, ..NOTHING },
    Outlay { channel: "paid_search", campaign: Some("generic-attribution"), content: Some("ad-b"), term: Some("marketing attribution"), per_lead: 3800, category: Some("media"), ..NOTHING },
    Outlay { channel: "paid_search", campaign: Some("competitors"), content: Some("ad-a"), term: Some("roi software"), currency: Some("EUR"), per_lead: 1800, ..NOTHING },
    Outlay { channel: "Paid Social", campaign: Some("abm-finance"), content: Some("video|1"), per_lead: 3000, ..NOTHING },
    Outlay { channel: "paid-social", campaign: Some("abm-software"), content: Some("carousel"), currency: Some("USD"), per_lead: 2600, ..NOTHING },
    Outlay { channel: "paid_social", campaign: Some("lead-gen"), content: Some("case=study"), currency: Some("CNY"), per_lead: 5800, ..NOTHING },
    Outlay { channel: "display", campaign: Some("retargeting"), content: Some("banner-300"), per_lead: 1400, spread: true, ..NOTHING },
    Outlay { channel: "display", campaign: Some("awareness"), content: Some("banner-728"), per_lead: 1800, spread: true, ..NOTHING },
    Outlay { channel: "paid_video", campaign: Some("explainer"), content: Some("pre-roll"), per_lead: 800, ..NOTHING },
    Outlay { channel: "content_syndication", campaign: Some("whitepaper-q1"), content: Some("guide"), per_lead: 1000, ..NOTHING },
    Outlay { channel: "affiliates", campaign: Some("deals"), per_lead: 400, ..NOTHING },
    Outlay { channel: "cross_network", campaign: Some("cross-network"), per_lead: 700, ..NOTHING },
    Outlay { channel: "review_sites", campaign: Some("category-leader"), per_lead: 900, ..NOTHING },
];

#[rustfmt::skip]
const MONTHLY: [Outlay; 10] = [
    Outlay { channel: "organic_search", category: Some("content"), per_lead: 1800, spread: true, ..NOTHING },
    Outlay { channel: "organic_search", category: Some("people"), per_lead: 1400, spread: true, ..NOTHING },
    Outlay { channel: "email", category: Some("tools"), per_lead: 600, spread: true, ..NOTHING },
    Outlay { channel: "webinar", campaign: Some("webinar-series"), category: Some("people"), per_lead: 2200, spread: true, ..NOTHING },
    Outlay { channel: "webinar", campaign: Some("webinar-series"), category: Some("tools"), currency: Some("EUR"), per_lead: 800, spread: true, ..NOTHING },
    Outlay { channel: "event", campaign: Some("b2b-summit"), per_lead: 2400, ..NOTHING },
    Outlay { channel: "direct_mail", campaign: Some("abm-box"), category: Some("media"), per_lead: 1000, ..NOTHING },
    Outlay { channel: "community", category: Some("people"), per_lead: 600, spread: true, ..NOTHING },
    Outlay { channel: "audio", campaign: Some("revenue-radio"), per_lead: 500, ..NOTHING },
    Outlay { channel: "partner", campaign: Some("co-marketing"), category: Some("content"), per_lead: 600, spread: true, ..NOTHING },
];

impl Scene<'_> {
    pub fn spend_daily(&mut self, at: i64) {
        for outlay in &DAILY {
            let percent = if is_weekend(at) { 40 } else { 100 } * self.draw.between(60, 140) / 100;
            let cents = outlay.per_lead * self.leads_a_day_hundredfold() / 100 * percent / 100;
            self.spend(at, outlay, cents, (at.div_euclid(DAY) * DAY, at.div_euclid(DAY) * DAY + DAY));
        }
        if self.draw.percent(4) {
            let credit = Outlay { per_lead: 0, ..DAILY[1] };
            let cents = -self.draw.between(1_000, 20_000);
            self.spend(at + HOUR, &credit, cents, (at, at));
        }
    }

    pub fn spend_monthly(&mut self, at: i64) {
        let date = date_of(Day(at.div_euclid(DAY) as i32));
        let period = (start_of(date.first_of_month()), start_of(date.last_of_month()) + DAY);
        let days = (period.1 - period.0) / DAY;
        for outlay in &MONTHLY {
            let cents = outlay.per_lead * self.leads_a_day_hundredfold() / 100 * days;
            self.spend(at, outlay, cents, period);
        }
    }

    fn leads_a_day_hundredfold(&self) -> i64 {
        (self.world.people.len() as i64 * 100 / i64::from(self.days)).max(1)
    }

    fn spend(&mut self, at: i64, outlay: &Outlay, cents: i64, period: (i64, i64)) {
        let record = Spend {
            channel: outlay.channel,
            amount: Some(Cents { cents, as_text: self.draw.percent(50) }),
            currency: outlay.currency,
            campaign: outlay.campaign,
            content: outlay.content,
            term: outlay.term,
            period_start: outlay.spread.then_some(period.0),
            period_end: outlay.spread.then_some(period.1),
            category: outlay.category,
        };
        self.post.send(at, &Record::Spend(record));
    }
}

fn start_of(date: Date) -> i64 {
    i64::from(day_of(date).0) * DAY
}
