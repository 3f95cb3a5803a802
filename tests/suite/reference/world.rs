//! The visible events in order, and what follows from them about who a touch belongs to: identification, sessions,
//! accounts, journeys. Every question is asked as of a moment and answered from events at or before it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use tributary::config::Config;
use tributary::model::event::{Account, AccountRecord, DealStage, Event, Fill, Origin, Spend, Topic, Touch};
use tributary::model::kinds::TouchKind;
use tributary::model::time::{Millis, Span};

use super::Given;

const SESSION_GAP: Span = Span(30 * 60_000);

/// Place in the order of events: time, topic, id.
pub type Order<'a> = (Millis, Topic, Cow<'a, str>);

pub struct World<'a> {
    pub config: &'a Config,
    pub touches: Vec<&'a Touch<'a>>,
    pub fills: Vec<&'a Fill<'a>>,
    pub stages: Vec<&'a DealStage<'a>>,
    /// With the watermark when it arrived, if it was late then.
    pub spends: Vec<(&'a Spend<'a>, Option<Millis>)>,
    /// By offset, with the Kafka timestamp.
    accounts: Vec<(Millis, &'a Account<'a>)>,
    /// Visitor → its identifications in order.
    identified: BTreeMap<&'a str, Vec<(Order<'a>, &'a str)>>,
    /// Lead → its fills and its stage events, in order.
    filled: BTreeMap<&'a str, Vec<&'a Fill<'a>>>,
    staged: BTreeMap<&'a str, Vec<&'a DealStage<'a>>>,
    /// Lead → the touches that may be its own: those that name it, and those of its visitors.
    perhaps: BTreeMap<&'a str, Vec<usize>>,
    /// Visitor → its page views.
    views: BTreeMap<&'a str, Vec<usize>>,
    /// Touch → the first page view of its session, for page views with a visitor.
    session: Vec<Option<usize>>,
}

impl<'a> World<'a> {
    pub fn new(config: &'a Config, events: impl Iterator<Item = &'a Given<'a>>) -> Self {
        let mut world = Self {
            config,
            touches: vec![],
            fills: vec![],
            stages: vec![],
            spends: vec![],
            accounts: vec![],
            identified: BTreeMap::new(),
            filled: BTreeMap::new(),
            staged: BTreeMap::new(),
            perhaps: BTreeMap::new(),
            views: BTreeMap::new(),
            session: vec![],
        };
        let mut accounts = vec![];
        for given in events {
            match &given.event {
                Event::Touch(touch) => world.touches.push(touch),
                Event::Fill(fill) => world.fills.push(fill),
                Event::Stage(stage) => world.stages.push(stage),
                Event::Spend(spend) => world.spends.push((spend, given.late_at)),
                Event::Account(account) => accounts.push((given.offset, given.timestamp, &**account)),
                Event::Erasure(_) => {}
            }
        }
        world.touches.sort_by_key(|e| touch_order(e));
        world.fills.sort_by_key(|e| fill_order(e));
        world.stages.sort_by_key(|e| stage_order(e));
        accounts.sort_by_key(|(offset, ..)| *offset);
        world.accounts = accounts.into_iter().map(|(_, at, account)| (at, account)).collect();
        for fill in &world.fills {
            world.filled.entry(&fill.lead_id).or_default().push(fill);
        }
        for stage in &world.stages {
            world.staged.entry(&stage.lead_id).or_default().push(stage);
        }
        world.identify();
        world.suppose();
        world.find_sessions();
        world
    }

    fn identify(&mut self) {
        for touch in &self.touches {
            if let (Some(visitor), Some(lead)) = (&touch.visitor_id, &touch.lead_id) {
                self.identified.entry(visitor).or_default().push((touch_order(touch), lead));
            }
        }
        for fill in &self.fills {
            if let Some(visitor) = &fill.visitor_id {
                self.identified.entry(visitor).or_default().push((fill_order(fill), &fill.lead_id));
            }
        }
        for list in self.identified.values_mut() {
            list.sort();
        }
    }

    fn suppose(&mut self) {
        for (i, touch) in self.touches.iter().enumerate() {
            let visitor = touch.visitor_id.as_deref().and_then(|visitor| self.identified.get(visitor));
            let known = visitor.into_iter().flatten().map(|(_, lead)| *lead);
            let leads: BTreeSet<&str> = touch.lead_id.as_deref().into_iter().chain(known).collect();
            leads.into_iter().for_each(|lead| self.perhaps.entry(lead).or_default().push(i));
        }
    }

    /// A gap of more than thirty minutes between two page views of a visitor begins a session.
    fn find_sessions(&mut self) {
        let mut latest: BTreeMap<&str, (Millis, usize)> = BTreeMap::new();
        for (i, touch) in self.touches.iter().enumerate() {
            let first = match (&touch.visitor_id, touch.kind) {
                (Some(visitor), TouchKind::PageView) => {
                    self.views.entry(visitor).or_default().push(i);
                    let first = match latest.get(&**visitor) {
                        Some((at, first)) if touch.occurred_at - *at <= SESSION_GAP => *first,
                        _ => i,
                    };
                    latest.insert(visitor, (touch.occurred_at, first));
                    Some(first)
                }
                _ => None,
            };
            self.session.push(first);
        }
    }

    /// The lead a touch belongs to, by what is known at the moment.
    pub fn owner(&self, touch: &'a Touch<'a>, at: Millis) -> Option<&'a str> {
        if let Some(lead) = &touch.lead_id {
            return Some(lead);
        }
        let identified = self.identified.get(&**touch.visitor_id.as_ref()?)?;
        let known = || identified.iter().filter(|((when, ..), _)| *when <= at);
        let before = known().rfind(|((when, ..), _)| *when <= touch.occurred_at);
        let after = known().find(|((when, ..), _)| {
            *when > touch.occurred_at && *when - touch.occurred_at <= self.config.identity.lookback
        });
        before.or(after).map(|(_, lead)| *lead)
    }

    /// The touches, in order, that may turn out to be the lead's.
    pub fn perhaps(&self, lead: &str) -> impl Iterator<Item = usize> {
        self.perhaps.get(lead).into_iter().flatten().copied()
    }

    /// The lead's touches up to the moment, by index, in order.
    pub fn touches_of(&self, lead: &str, at: Millis) -> Vec<usize> {
        self.perhaps(lead)
            .filter(|i| self.touches[*i].occurred_at <= at && self.owner(self.touches[*i], at) == Some(lead))
            .collect()
    }

    /// The first page view of a page view's session, if it is in one.
    pub fn session(&self, touch: usize) -> Option<usize> {
        self.session[touch]
    }

    /// The sessions, by their first page views.
    pub fn sessions(&self) -> Vec<usize> {
        (0..self.touches.len()).filter(|i| self.session[*i] == Some(*i)).collect()
    }

    /// The session a fill belongs to: that of its visitor's latest page view, at most thirty minutes before.
    pub fn session_of_fill(&self, fill: &Fill) -> Option<usize> {
        let views = self.views.get(fill.visitor_id.as_deref()?)?;
        let latest = *views.iter().rfind(|i| self.touches[**i].occurred_at <= fill.occurred_at)?;
        if fill.occurred_at - self.touches[latest].occurred_at <= SESSION_GAP { self.session[latest] } else { None }
    }

    /// Where a touch came from: a page view has it from the first of its session.
    pub fn origin(&self, touch: usize) -> &'a Origin<'a> {
        &self.touches[self.session[touch].unwrap_or(touch)].origin
    }

    /// The lead's engaging touches up to the moment in order, of page views only the first of each session.
    pub fn journey(&self, lead: &str, at: Millis) -> Vec<usize> {
        let mut journey: Vec<usize> = self
            .touches_of(lead, at)
            .into_iter()
            .filter(|i| !self.config.journey.not_engaging.contains(&self.touches[*i].kind))
            .filter(|i| self.session[*i].is_none_or(|first| first == *i))
            .collect();
        journey.drain(..journey.len().saturating_sub(self.config.journey.max_touches));
        journey
    }

    /// The fills of the lead, in order.
    pub fn fills_by(&self, lead: &str) -> impl Iterator<Item = &'a Fill<'a>> {
        self.filled.get(lead).into_iter().flatten().copied()
    }

    /// The stage events that name the lead, in order.
    pub fn stages_by(&self, lead: &str) -> impl Iterator<Item = &'a DealStage<'a>> {
        self.staged.get(lead).into_iter().flatten().copied()
    }

    /// Every lead that any event names.
    pub fn leads(&self) -> BTreeSet<&'a str> {
        let touched = self.touches.iter().filter_map(|e| e.lead_id.as_deref());
        touched.chain(self.fills.iter().map(|e| &*e.lead_id)).chain(self.stages.iter().map(|e| &*e.lead_id)).collect()
    }

    /// The times of the lead's own events, in order: its touches as known then, its fills, its stage events.
    pub fn times_of(&self, lead: &str) -> BTreeSet<Millis> {
        let touches = self.perhaps(lead).map(|i| self.touches[i]);
        let touches = touches.filter(|e| self.owner(e, e.occurred_at) == Some(lead)).map(|e| e.occurred_at);
        let fills = self.fills_by(lead).map(|e| e.occurred_at);
        let stages = self.stages_by(lead).map(|e| e.occurred_at);
        touches.chain(fills).chain(stages).collect()
    }

    /// The account of the latest event of the lead's that carries one.
    pub fn account_of(&self, lead: &str, at: Millis) -> Option<&'a str> {
        let touches = self.touches_of(lead, at).into_iter().map(|i| self.touches[i]);
        let touches = touches.map(|e| (touch_order(e), e.account_id.as_deref()));
        let fills = self.fills_by(lead).map(|e| (fill_order(e), e.account_id.as_deref()));
        let stages = self.stages_by(lead).map(|e| (stage_order(e), e.account_id.as_deref()));
        touches
            .chain(fills)
            .chain(stages)
            .filter(|((when, ..), _)| *when <= at)
            .filter_map(|(order, id)| id.filter(|id| self.is_account(id)).map(|id| (order, id)))
            .max()
            .map(|(_, id)| id)
    }

    /// Whether an account's id names one.
    pub fn is_account(&self, id: &str) -> bool {
        !self.config.identity.not_accounts.contains(&id.to_lowercase())
    }

    /// Every account with a record.
    pub fn accounts(&self) -> BTreeSet<&'a str> {
        self.accounts.iter().map(|(_, e)| &*e.account_id).collect()
    }

    /// What the CRM says of an account at the moment.
    pub fn record_of(&self, account: &str, at: Millis) -> Option<&'a AccountRecord<'a>> {
        let mine: Vec<_> = self.accounts.iter().filter(|(_, e)| &*e.account_id == account).collect();
        let holding = mine.iter().rfind(|(from, _)| *from <= at);
        let first = mine.first().filter(|_| self.config.accounts_hold_from_start);
        holding.or(first).and_then(|(_, e)| e.record.as_ref())
    }
}

pub fn touch_order<'a>(e: &'a Touch<'a>) -> Order<'a> {
    (e.occurred_at, Topic::Touchpoints, e.event_id.text())
}

pub fn fill_order<'a>(e: &'a Fill<'a>) -> Order<'a> {
    (e.occurred_at, Topic::FormFills, e.event_id.text())
}

pub fn stage_order<'a>(e: &'a DealStage<'a>) -> Order<'a> {
    (e.occurred_at, Topic::DealStages, e.event_id.text())
}
