//! The judgement of a decoded record, topic by topic: the event that it is, or the first of its faults. The order is
//! missing field, type, sizes, period, future, kind, stage, currency.

use super::Ingest;
use super::classify::{normalized, own, own_or_none};
use super::record::{AccountFields, FillRecord, Record, SpendRecord, StageRecord, TouchRecord, Wrong};
use super::rejection::{Reason, Rejection};
use super::url;
use super::values::{Moment, Number, Tally};
use crate::model::event::{Account, AccountRecord, DealStage, Details, Event, Fill, NONE, Origin, Spend, Touch};
use crate::model::event_id::EventId;
use crate::model::kinds::{FormKind, SpendCategory, TouchKind};
use crate::model::money::Micros;
use crate::model::stage::Stage;
use crate::model::text::Text;
use crate::model::time::{Millis, Span};

const MAX_EVENT_ID: usize = 128;
const MAX_TEXT: usize = 4096;
const MAX_ENTRIES: usize = 64;

/// The times that a calendar can hold.
const FIRST_TIME: Millis = Millis(-377_705_023_201_000);
const LAST_TIME: Millis = Millis(253_402_207_200_999);

impl Ingest {
    pub(super) fn touch<'a>(&self, record: &mut TouchRecord<'a>, wrong: Wrong, now: Millis) -> Judged<'a> {
        let faults = Faults { wrong };
        faults.need("event_id", &record.event_id)?;
        faults.need("occurred_at", &record.occurred_at)?;
        faults.need("kind", &record.kind)?;
        if record.visitor_id.is_none() && !faults.is_wrong("visitor_id") {
            faults.need("lead_id", &record.lead_id).map_err(|_| Rejection::missing("visitor_id or lead_id"))?;
        }
        faults.first_wrong()?;
        let (event_id, occurred_at) = heading(&mut record.event_id, record.occurred_at)?;
        sizes(record, record.properties.unwrap_or_default(), "properties")?;
        self.not_future(occurred_at, now)?;
        let kind = taken("kind", record.kind.take()).and_then(|kind| known("kind", TouchKind::parse(&kind)))?;
        let arrival = self.classifier.classify(kind, record);
        Ok(Event::Touch(Box::new(Touch {
            event_id,
            occurred_at,
            kind,
            visitor_id: record.visitor_id.take(),
            lead_id: record.lead_id.take(),
            account_id: record.account_id.take(),
            origin: arrival.origin,
            page: arrival.page,
            details: Details {
                click: arrival.click,
                asset_id: record.asset_id.take().map(own),
                asset_type: record.asset_type.take().map(own),
                experiment: record.experiment.take().map(own),
                variant: record.variant.take().map(own),
            }
            .if_any(),
        })))
    }

    pub(super) fn fill<'a>(&self, record: &mut FillRecord<'a>, wrong: Wrong, now: Millis) -> Judged<'a> {
        let faults = Faults { wrong };
        faults.need("event_id", &record.event_id)?;
        faults.need("occurred_at", &record.occurred_at)?;
        faults.need("lead_id", &record.lead_id)?;
        faults.need("form_id", &record.form_id)?;
        faults.need("form_kind", &record.form_kind)?;
        faults.first_wrong()?;
        let (event_id, occurred_at) = heading(&mut record.event_id, record.occurred_at)?;
        let answers = record.answers.take().unwrap_or_default();
        sizes(record, answers.tally, "answers")?;
        self.not_future(occurred_at, now)?;
        let form_kind = taken("form_kind", record.form_kind.take())?;
        Ok(Event::Fill(Box::new(Fill {
            event_id,
            occurred_at,
            lead_id: taken("lead_id", record.lead_id.take())?,
            visitor_id: record.visitor_id.take(),
            account_id: record.account_id.take(),
            form_id: own(taken("form_id", record.form_id.take())?),
            form_kind: known("form_kind", FormKind::parse(&form_kind))?,
            page: record.page_url.take().map_or(Text::borrowed(NONE), |text| text.map(url::page)),
            asset_id: record.asset_id.take().map(own),
            experiment: record.experiment.take().map(own),
            variant: record.variant.take().map(own),
            answers: answers.pairs,
        })))
    }

    pub(super) fn deal_stage<'a>(&self, record: &mut StageRecord<'a>, wrong: Wrong, now: Millis) -> Judged<'a> {
        let faults = Faults { wrong };
        faults.need("event_id", &record.event_id)?;
        faults.need("occurred_at", &record.occurred_at)?;
        faults.need("lead_id", &record.lead_id)?;
        faults.need("stage", &record.stage)?;
        let stage = record.stage.as_deref().and_then(Stage::parse);
        let of_deal = stage.is_some_and(Stage::is_of_deal);
        if of_deal {
            faults.need("deal_id", &record.deal_id)?;
        }
        faults.first_wrong()?;
        let (event_id, occurred_at) = heading(&mut record.event_id, record.occurred_at)?;
        sizes(record, Tally::default(), "")?;
        self.not_future(occurred_at, now)?;
        let unknown = || Rejection::new(Reason::UnknownStage, "stage is not one of the funnel's");
        Ok(Event::Stage(Box::new(DealStage {
            event_id,
            occurred_at,
            lead_id: taken("lead_id", record.lead_id.take())?,
            stage: stage.ok_or_else(unknown)?,
            deal_id: record.deal_id.take().filter(|_| of_deal),
            account_id: record.account_id.take(),
            amount: self.money(record.amount, record.currency.as_deref())?,
            probability: record.probability.map(|probability| probability.0),
            owner: record.owner.take(),
        })))
    }

    pub(super) fn spend<'a>(&self, record: &mut SpendRecord<'a>, wrong: Wrong, now: Millis) -> Judged<'a> {
        let faults = Faults { wrong };
        let channel = record.channel.take().map(|channel| normalized(&channel)).filter(|channel| !channel.is_empty());
        faults.need("event_id", &record.event_id)?;
        faults.need("occurred_at", &record.occurred_at)?;
        faults.need("channel", &channel)?;
        faults.need("amount", &record.amount)?;
        faults.first_wrong()?;
        let (event_id, occurred_at) = heading(&mut record.event_id, record.occurred_at)?;
        let channel = taken("channel", channel)?;
        if channel.len() > MAX_TEXT {
            return Err(too_long("channel"));
        }
        sizes(record, Tally::default(), "")?;
        let period = period(record.period_start, record.period_end)?;
        self.not_future(occurred_at, now)?;
        let category = match record.category.take() {
            Some(category) => known("category", SpendCategory::parse(&category))?,
            None => SpendCategory::Media,
        };
        let amount = self.money(record.amount, record.currency.as_deref())?;
        Ok(Event::Spend(Box::new(Spend {
            event_id,
            occurred_at,
            origin: Origin {
                channel: own(channel),
                campaign: own_or_none(record.campaign.take()),
                content: own_or_none(record.content.take()),
                term: own_or_none(record.term.take()),
            },
            amount: taken("amount", amount)?,
            period,
            category,
        })))
    }

    fn not_future(&self, occurred_at: Millis, now: Millis) -> Result<(), Rejection> {
        if occurred_at <= now + self.max_clock_skew {
            return Ok(());
        }
        let Span(skew) = self.max_clock_skew;
        Err(Rejection::new(Reason::Future, format!("occurred_at is more than {skew} ms ahead of the clock")))
    }

    /// The amount in the reporting currency; an unknown currency is a fault also without an amount.
    fn money(&self, amount: Option<Number>, currency: Option<&str>) -> Result<Option<Micros>, Rejection> {
        let rate = self.rates.get(currency.unwrap_or(&self.currency));
        let rate = rate.ok_or_else(|| Rejection::new(Reason::UnknownCurrency, "no rate is configured for currency"))?;
        let converted = |Number(amount): Number| {
            amount.in_reporting(*rate).ok_or_else(|| Rejection::invalid("amount", "too large or too precise"))
        };
        amount.map(converted).transpose()
    }
}

pub(super) fn account<'a>(record: &mut AccountFields<'a>, wrong: Wrong) -> Judged<'a> {
    let faults = Faults { wrong };
    faults.need("account_id", &record.account_id)?;
    faults.first_wrong()?;
    sizes(record, Tally::default(), "")?;
    Ok(Event::Account(Box::new(Account {
        account_id: taken("account_id", record.account_id.take())?,
        record: Some(AccountRecord {
            name: record.name.take(),
            is_target: record.is_target.unwrap_or(false),
            is_customer: record.is_customer.unwrap_or(false),
            buying_unit_size: record.buying_unit_size,
            industry: record.industry.take(),
            company_size: record.company_size.take(),
            tier: record.tier.take(),
        }),
    })))
}

type Judged<'a> = Result<Event<'a>, Rejection>;

/// The fields that have a value, but of the wrong type.
struct Faults {
    wrong: Wrong,
}

impl Faults {
    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.contains(&field)
    }

    fn need<T>(&self, field: &'static str, value: &Option<T>) -> Result<(), Rejection> {
        if value.is_some() || self.is_wrong(field) { Ok(()) } else { Err(Rejection::missing(field)) }
    }

    fn first_wrong(&self) -> Result<(), Rejection> {
        self.wrong.first().map_or(Ok(()), |field| Err(Rejection::invalid(field, "not of its type, or out of range")))
    }
}

fn taken<T>(field: &'static str, value: Option<T>) -> Result<T, Rejection> {
    value.ok_or_else(|| Rejection::missing(field))
}

fn known<T>(field: &str, value: Option<T>) -> Result<T, Rejection> {
    value.ok_or_else(|| Rejection::new(Reason::UnknownKind, format!("{field} is none of the known ones")))
}

fn heading<'a>(id: &mut Option<Text<'a>>, at: Option<Moment>) -> Result<(EventId<'a>, Millis), Rejection> {
    let id = taken("event_id", id.take())?;
    if id.len() > MAX_EVENT_ID {
        return Err(Rejection::invalid("event_id", "longer than 128 bytes"));
    }
    let Moment(at) = taken("occurred_at", at)?;
    // One beyond the calendar's end is ahead of any clock, and a fault of its own.
    if at < FIRST_TIME {
        Err(Rejection::invalid("occurred_at", "before the calendar begins"))
    } else {
        Ok((id.into(), at))
    }
}

fn sizes<'a>(record: &impl Record<'a>, map: Tally, name: &str) -> Result<(), Rejection> {
    if let Some(field) = record.text_over(MAX_TEXT) {
        return Err(too_long(field));
    }
    if map.entries > MAX_ENTRIES {
        return Err(Rejection::new(Reason::Oversized, format!("{name} has more than {MAX_ENTRIES} entries")));
    }
    if map.longest > MAX_TEXT { Err(too_long(name)) } else { Ok(()) }
}

fn too_long(field: &str) -> Rejection {
    Rejection::new(Reason::Oversized, format!("{field} holds a string of more than {MAX_TEXT} bytes"))
}

fn period(start: Option<Moment>, end: Option<Moment>) -> Result<Option<(Millis, Millis)>, Rejection> {
    let held = |at: Millis| (FIRST_TIME..=LAST_TIME).contains(&at);
    match (start, end) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Rejection::invalid("period_end", "missing beside period_start")),
        (None, Some(_)) => Err(Rejection::invalid("period_start", "missing beside period_end")),
        (Some(Moment(start)), Some(Moment(end))) => {
            if !held(start) {
                Err(Rejection::invalid("period_start", "outside the calendar"))
            } else if !held(end) || end <= start {
                Err(Rejection::invalid("period_end", "not after period_start, or outside the calendar"))
            } else {
                Ok(Some((start, end)))
            }
        }
    }
}
