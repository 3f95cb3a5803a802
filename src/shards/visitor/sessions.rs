//! Sessions of a visitor, what they count, and whose touches they make. A session is page views with no gap over thirty
//! minutes; its first page view gives its time, origin and landing page, and is the one that enters a journey.

use super::super::acts::{About, Distinct, Done, Person, counted};
use super::super::fold::{Contributions, Fold};
use super::super::forward::{FillSession, Known, Reached, Recipient, Spelled, VisitorTouch};
use super::super::symbols::OriginId;
use super::super::tally::distinct_buckets;
use super::super::visibility::{Visible, join};
use super::browsing::{Browsing, Clicked, FillSeen, PageView, Touch};
use super::{Identities, Timed, origin_of};
use crate::kpi::measures::Measure;
use crate::model::entity::EntityKey;
use crate::model::kinds::TouchKind;
use crate::model::time::{Millis, Span};
use crate::partials::cells::{CellKey, Symbol, Values};

/// The longest pause within a session, and between its last page view and a fill.
const GAP: Span = Span(30 * 60_000);

type Told = (Recipient, Known);

/// What a visitor contributes, given who it was in each view.
pub(super) fn contributions(browsing: &Browsing, known: &[(Visible, Identities)], fold: &mut Fold) -> Contributions {
    let mut all = Contributions::default();
    let mut begun = Vec::new();
    let mut distinct = Distinct::default();
    let mut told = Vec::with_capacity(known.len());
    for (view, identities) in known {
        let sees = |late: Option<Millis>| Visible::since(late).to_facts_bound_at(view.from);
        let views: Vec<&PageView> = browsing.views.iter().filter(|row| sees(row.late())).collect();
        let fills: Vec<&FillSeen> = browsing.fills.iter().filter(|row| sees(row.late)).collect();
        let sessions = sessions_of(&views, &fills);
        for session in &sessions {
            session.count(*view, fold, &mut all);
            if view.to_facts_bound_at(fold.rules.bound(session.at, false)) {
                let [channel, ..] = origin_of(fold, session.origin);
                begun.push((session.at, channel, session.landing_page));
            }
        }
        for touch in browsing.touches.iter().filter(|row| sees(row.late)) {
            let [channel, campaign, ..] = origin_of(fold, touch.origin);
            let values = [fold.names.kinds[touch.kind as usize], channel, campaign];
            all.fact(&fold.rules, *view, Measure::Touches, touch.at, &values, 1);
            if let Some((values, measure)) = counted(touch.kind, touch.about, fold) {
                all.fact(&fold.rules, *view, measure, touch.at, &values, 1);
            }
            if touch.kind == TouchKind::ContentRead {
                all.fact(&fold.rules, *view, Measure::ContentReads, touch.at, &[touch.asset], 1);
            }
        }
        count_person(browsing, *view, identities, fold, &mut distinct, &mut all);
        count_nobodys(browsing, *view, identities, &sessions, fold, &mut all);
        let mut of_view = tell(browsing, *view, identities, &sessions, fold);
        of_view.extend(tell_accounts(browsing, *view, identities, &sessions, fold));
        of_view.sort_unstable();
        of_view.dedup();
        told.push((*view, of_view));
    }
    count_distinct(&begun, fold, &mut all);
    distinct.count(fold, &mut all);
    all.news = join(&told).into_iter().map(|((to, known), visible)| (to, known, visible)).collect();
    all.news.sort_unstable();
    all
}

/// What counts by person, as long as the visitor is nobody else.
fn count_person(
    browsing: &Browsing,
    view: Visible,
    known: &Identities,
    fold: &mut Fold,
    distinct: &mut Distinct,
    all: &mut Contributions,
) {
    let sees = |row: &&Touch| Visible::since(row.late).to_facts_bound_at(view.from);
    let noted = browsing.touches.iter().filter(|row| fold.rules.notes(row.kind, row.about)).filter(sees);
    let lookback = fold.rules.config.identity.lookback;
    let done: Vec<Done> = noted
        .map(|row| {
            let to = known.owner(row.at, lookback).map_or(Millis::MAX, |(_, known_from)| known_from);
            Done { at: row.at, kind: row.kind, about: row.about, from: row.at, to }
        })
        .collect();
    Person { view, done: &done, entries: None }.count(fold, distinct, all);
}

/// Touches as long as nobody is known to have made them, with the account that they name themselves.
fn nobodys<'a>(
    browsing: &'a Browsing,
    view: Visible,
    known: &'a Identities,
    sessions: &'a [Session<'_>],
    fold: &'a Fold,
) -> impl Iterator<Item = (Millis, TouchKind, OriginId, &'a str)> {
    let (lookback, settle) = (fold.rules.config.identity.lookback, fold.rules.settle());
    let views = sessions.iter().flat_map(|session| {
        let rows = session.views.iter().filter(|row| row.lead().is_none());
        rows.map(|row| (row.at(), TouchKind::PageView, session.origin, row.account()))
    });
    let touches = browsing.touches.iter().filter(move |row| Visible::since(row.late).to_facts_bound_at(view.from));
    let touches = touches.map(|row| (row.at, row.kind, row.origin, row.account.as_deref()));
    let is_nobodys = move |at: Millis| known.owner(at, lookback).is_none_or(|(_, known_from)| known_from > at + settle);
    views.chain(touches).filter_map(move |(at, kind, origin, account)| {
        Some((at, kind, origin, fold.rules.account(account).filter(|_| is_nobodys(at))?))
    })
}

/// All touches as they settle, and those to accounts that are customers already.
fn count_nobodys(
    browsing: &Browsing,
    view: Visible,
    known: &Identities,
    sessions: &[Session<'_>],
    fold: &Fold,
    all: &mut Contributions,
) {
    let rules = &fold.rules;
    if rules.settles_touches {
        let views = sessions.iter().flat_map(|session| session.views.iter().map(|row| (row.at(), session.origin)));
        let sees = |row: &&Touch| Visible::since(row.late).to_facts_bound_at(view.from);
        let touches = browsing.touches.iter().filter(sees).map(|row| (row.at, row.origin));
        for (at, origin) in views.chain(touches) {
            let [channel, ..] = origin_of(fold, origin);
            all.fact(rules, view, Measure::SettledTouches, at, &[channel], 1);
        }
    }
    if rules.suppresses {
        let from_start = rules.config.accounts_hold_from_start;
        for (at, _, origin, account) in nobodys(browsing, view, known, sessions, fold) {
            if fold.records.at(account, at, view, from_start).is_some_and(|record| record.is_customer) {
                let [channel, ..] = origin_of(fold, origin);
                all.fact(rules, view, Measure::SuppressedTouches, at, &[channel], 1);
            }
        }
    }
}

/// What accounts are told of touches that name them, as long as nobody is known to have made them.
fn tell_accounts(
    browsing: &Browsing,
    view: Visible,
    known: &Identities,
    sessions: &[Session<'_>],
    fold: &Fold,
) -> Vec<Told> {
    let mut told = Vec::new();
    if fold.rules.tells_reach {
        for (at, kind, origin, account) in nobodys(browsing, view, known, sessions, fold) {
            if fold.rules.is_engaging(kind) {
                let [channel, ..] = origin_of(fold, origin);
                let channel = fold.symbols.text(channel).to_owned();
                let to = Recipient::Account(EntityKey::of(account));
                told.push((to, Known::Reached(Reached { at, channel, lead: None })));
            }
        }
    }
    if fold.rules.tells_use {
        let lookback = fold.rules.config.identity.lookback;
        let used = browsing.touches.iter().filter(|row| row.kind == TouchKind::ProductUsed);
        for row in used.filter(|row| Visible::since(row.late).to_facts_bound_at(view.from)) {
            let is_nobodys = known.owner(row.at, lookback).is_none_or(|(_, known_from)| known_from > row.at);
            if let Some(account) = fold.rules.account(row.account.as_deref()).filter(|_| is_nobodys) {
                told.push((Recipient::Account(EntityKey::of(account)), Known::Used(row.at)));
            }
        }
    }
    told
}

struct Session<'a> {
    at: Millis,
    origin: OriginId,
    landing_page: Symbol,
    views: &'a [&'a PageView],
    fills: Vec<&'a FillSeen>,
}

fn sessions_of<'a>(views: &'a [&'a PageView], fills: &[&'a FillSeen]) -> Vec<Session<'a>> {
    let mut sessions: Vec<Session<'a>> = Vec::new();
    for views in views.chunk_by(|a, b| b.at() - a.at() <= GAP) {
        let first = views[0];
        sessions.push(Session {
            at: first.at(),
            origin: first.origin,
            landing_page: first.page,
            views,
            fills: Vec::new(),
        });
    }
    for fill in fills {
        let after = views.partition_point(|view| view.at() <= fill.at);
        let latest = after.checked_sub(1).map(|last| views[last]);
        if latest.is_some_and(|view| fill.at - view.at() <= GAP) {
            let of = sessions.partition_point(|session| session.at <= fill.at);
            sessions[of - 1].fills.push(fill);
        }
    }
    sessions
}

impl Session<'_> {
    fn count(&self, view: Visible, fold: &Fold, all: &mut Contributions) {
        let rules = &fold.rules;
        let [channel, campaign, content, term] = origin_of(fold, self.origin);
        all.fact(rules, view, Measure::Sessions, self.at, &[channel, campaign, content, term, self.landing_page], 1);
        for page_view in self.views {
            let values = [fold.names.kinds[TouchKind::PageView as usize], channel, campaign];
            all.fact(rules, view, Measure::Touches, page_view.at(), &values, 1);
        }
        let until = self.at + rules.settle();
        let fills = || self.fills.iter().filter(|fill| fill.at <= until);
        all.fact(rules, view, Measure::SessionsSettled, self.at, &[], 1);
        if fills().next().is_some() {
            all.fact(rules, view, Measure::SessionsWithFill, self.at, &[], 1);
        }
        let viewed = self.views.iter().filter(|page_view| page_view.at() <= until).map(|page_view| page_view.page);
        let mut pages: Vec<Symbol> = viewed.collect();
        pages.sort_unstable();
        pages.dedup();
        for page in pages {
            all.fact(rules, view, Measure::PageSessions, self.at, &[page], 1);
            if fills().any(|fill| fill.page == page) {
                all.fact(rules, view, Measure::PageSessionsWithFill, self.at, &[page], 1);
            }
        }
    }
}

/// A visitor counts once in each window in which a session of it began: of all, of a channel, of a landing page.
fn count_distinct(begun: &[(Millis, Symbol, Symbol)], fold: &mut Fold, all: &mut Contributions) {
    type Key = fn(&(Millis, Symbol, Symbol)) -> Values;
    let keys: [(Measure, Key); 3] = [
        (Measure::Visitors, |_| Values::new()),
        (Measure::VisitorsByChannel, |(_, channel, _)| [*channel].into_iter().collect()),
        (Measure::VisitorsByLandingPage, |(_, _, page)| [*page].into_iter().collect()),
    ];
    for (measure, key) in keys {
        let mut sorted: Vec<(Values, Millis)> = begun.iter().map(|session| (key(session), session.0)).collect();
        sorted.sort_unstable();
        for same in sorted.chunk_by(|a, b| a.0 == b.0) {
            let moments: Vec<Millis> = same.iter().map(|(_, at)| *at).collect();
            for (grain, kept) in fold.rules.plan.grains(measure) {
                distinct_buckets(*grain, &moments, fold.tally.time(), |bucket, step| {
                    all.cells.push((CellKey { measure, kept: *kept, bucket, values: same[0].0.clone() }, step));
                });
            }
        }
    }
}

/// What leads are told: touches that are theirs, and the sessions of their fills.
fn tell(browsing: &Browsing, view: Visible, known: &Identities, sessions: &[Session<'_>], fold: &Fold) -> Vec<Told> {
    let teller = Teller { known, lookback: fold.rules.config.identity.lookback, fold };
    let mut told = Vec::new();
    for session in sessions {
        for (n, row) in session.views.iter().enumerate() {
            let in_journey = n == 0 && fold.rules.is_engaging(TouchKind::PageView);
            let origin = session.origin;
            let (kind, account) = (TouchKind::PageView, row.account());
            let about = About::of_page(row.exposure());
            let click = row.click();
            let touch = OwnTouch { row: *row, kind, origin, in_journey, account, about, click };
            told.extend(teller.touch(&touch, row.lead()));
            let named = row.lead().zip(row.lead_id());
            told.extend(named.map(|(lead, id)| (Recipient::Lead(lead), Known::Named(id.to_owned()))));
        }
    }
    for row in browsing.touches.iter().filter(|row| Visible::since(row.late).to_facts_bound_at(view.from)) {
        let in_journey = fold.rules.is_engaging(row.kind);
        let (origin, account) = (row.origin, row.account.as_deref());
        let (about, click) = (row.about, row.click.as_ref());
        let touch = OwnTouch { row, kind: row.kind, origin, in_journey, account, about, click };
        told.extend(teller.touch(&touch, None));
    }
    for session in sessions {
        let landing_page = fold.symbols.text(session.landing_page);
        for fill in &session.fills {
            let event_id = fold.ids.text(fill.id);
            let session = FillSession { at: fill.at, event_id, landing_page: landing_page.to_owned() };
            told.push((Recipient::Lead(fill.lead), Known::FillSession(session)));
        }
    }
    told.sort_unstable();
    told.dedup();
    told
}

struct Teller<'a> {
    known: &'a Identities,
    lookback: Span,
    fold: &'a Fold,
}

/// A touch of the visitor's, as the lead it belongs to may need it.
struct OwnTouch<'a> {
    row: &'a dyn Timed,
    kind: TouchKind,
    origin: OriginId,
    in_journey: bool,
    account: Option<&'a str>,
    about: About,
    click: Option<&'a Clicked>,
}

impl Teller<'_> {
    /// What it is about, if that counts.
    fn spell(&self, touch: &OwnTouch<'_>) -> Option<Spelled> {
        let text = |symbol| self.fold.symbols.text(symbol).to_owned();
        let About { asset, asset_type, exposure } = touch.about;
        let exposure = exposure.map(|(experiment, variant)| (text(experiment), text(variant)));
        self.fold.rules.notes(touch.kind, touch.about).then(|| ([text(asset), text(asset_type)], exposure))
    }

    /// Tells whose the touch is: that of the lead it names, else of the lead that the visitor is known to be.
    fn touch(&self, touch: &OwnTouch<'_>, named: Option<EntityKey>) -> Option<Told> {
        let account = self.fold.rules.account(touch.account);
        if !touch.in_journey && account.is_none() && !self.fold.rules.tells(touch.kind, touch.about) {
            return None;
        }
        let at = touch.row.at();
        let (lead, known_from) = named.map(|lead| (lead, at)).or_else(|| self.known.owner(at, self.lookback))?;
        let origin = origin_of(self.fold, touch.origin).map(|symbol| self.fold.symbols.text(symbol).to_owned());
        let touch = VisitorTouch {
            at,
            event_id: self.fold.ids.text(touch.row.id()),
            known_from,
            kind: touch.kind,
            in_journey: touch.in_journey,
            origin,
            account: account.map(ToOwned::to_owned),
            about: self.spell(touch),
            click: touch.click.filter(|_| touch.in_journey).map(|click| (click.0.to_string(), click.1.to_string())),
        };
        Some((Recipient::Lead(lead), Known::Touch(touch)))
    }
}
