//! Acts: touches and fills that count by the person who made them, and by what they were about. A person is a lead, else
//! a visitor; who it was may become known later.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::fold::{Contributions, Fold};
use super::forward::{Known, News, Recipient};
use super::rules::Rules;
use super::tally::distinct_buckets;
use super::visibility::{PRESENT, Visible};
use crate::kpi::measures::{Dim, Measure};
use crate::kpi::plan::Plan;
use crate::model::entity::EntityKey;
use crate::model::kinds::TouchKind;
use crate::model::time::{Millis, Span};
use crate::partials::cells::{CellKey, Symbol, Values};

/// What an act was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct About {
    pub asset: Symbol,
    pub asset_type: Symbol,
    /// The experiment, and the variant of it that was shown.
    pub exposure: Option<(Symbol, Symbol)>,
}

impl About {
    /// A page view is about no asset.
    #[must_use]
    pub const fn of_page(exposure: Option<(Symbol, Symbol)>) -> Self {
        Self { asset: Symbol::ABSENT, asset_type: Symbol::ABSENT, exposure }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub at: Millis,
    pub event_id: Box<str>,
    pub kind: TouchKind,
    pub about: About,
    /// From when on it is known to be the lead's.
    pub known_from: Millis,
    pub visible: Visible,
}

/// An act as facts see it: the person has it by what is known within [from, to).
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub at: Millis,
    pub kind: TouchKind,
    pub about: About,
    pub from: Millis,
    pub to: Millis,
}

impl Done {
    pub fn is_known(&self, at: Millis) -> bool {
        self.from <= at && at < self.to
    }
}

/// Kinds that count by distinct persons and what they were about, under a name.
const UNIQUE: [(TouchKind, &str); 11] = [
    (TouchKind::EmailOpened, "opened"),
    (TouchKind::EmailClicked, "clicked"),
    (TouchKind::WebinarRegistered, "registered"),
    (TouchKind::WebinarAttended, "attended"),
    (TouchKind::WebinarReplayed, "replayed"),
    (TouchKind::WebinarQuestion, "questioned"),
    (TouchKind::CommunityJoined, COMMUNITY),
    (TouchKind::CommunityLeft, COMMUNITY),
    (TouchKind::CommunityActive, COMMUNITY),
    (TouchKind::QuestionAsked, COMMUNITY),
    (TouchKind::QuestionAnswered, COMMUNITY),
];
/// Persons count once for all of the community.
const COMMUNITY: &str = "community";
/// Leads that join nurture.
const NURTURED: &str = "nurtured";

/// Kinds that count each time, by what they were about, under a name.
const COUNTED: [(TouchKind, &str); 4] = [
    (TouchKind::EmailSent, "sent"),
    (TouchKind::EmailDelivered, "delivered"),
    (TouchKind::EmailUnsubscribed, "unsubscribed"),
    (TouchKind::ReferralMade, "referred"),
];

/// Cohorts of person and asset: the name, the act that they begin with, and the one that is looked for.
const COHORTS: [(&str, TouchKind, TouchKind); 3] = [
    ("webinar_attendance", TouchKind::WebinarRegistered, TouchKind::WebinarAttended),
    ("mail_claim", TouchKind::MailOpened, TouchKind::MailClaimed),
    ("mail_meeting", TouchKind::MailClaimed, TouchKind::MeetingBooked),
];
/// The cohort of attendees that enter a stage.
const WEBINAR_CONVERSION: &str = "webinar_conversion";
const CONVERTS_WITHIN: Span = Span::days(30);

/// The kinds that a configuration's measures count by person.
#[must_use]
pub fn noted(plan: &Plan) -> [bool; TouchKind::ALL.len()] {
    let mut noted = [false; TouchKind::ALL.len()];
    let unique = [Measure::Unique, Measure::UniqueByType, Measure::UniqueByAsset];
    let mut note = |kind: TouchKind, wanted: bool| noted[kind as usize] |= wanted;
    for (kind, name) in UNIQUE {
        note(kind, unique.iter().any(|measure| plan.wants_stage(*measure, name)));
    }
    let wants_cohort = |name| plan.wants_stage(Measure::AssetCohort, name);
    for (name, first, then) in COHORTS {
        [first, then].iter().for_each(|kind| note(*kind, wants_cohort(name)));
    }
    note(TouchKind::WebinarAttended, wants_cohort(WEBINAR_CONVERSION));
    let joins = plan.wants(Measure::NurtureCohort) || unique.iter().any(|m| plan.wants_stage(*m, NURTURED));
    note(TouchKind::NurtureJoined, joins);
    for kind in [TouchKind::CommunityJoined, TouchKind::CommunityLeft] {
        note(kind, plan.wants(Measure::CommunityMembers));
    }
    noted
}

/// The kinds that some measure is by the assets of.
#[must_use]
pub fn about(plan: &Plan) -> [bool; TouchKind::ALL.len()] {
    let mut about = noted(plan);
    for (kind, name) in COUNTED {
        about[kind as usize] |= plan.wants_stage(Measure::AssetTouches, name);
    }
    for kind in [TouchKind::QuestionAsked, TouchKind::QuestionAnswered] {
        about[kind as usize] |= plan.wants(Measure::ResponseTimes);
    }
    about
}

/// Tells an asset of a question about it; nothing takes that back.
pub fn tell_asset(kind: TouchKind, at: Millis, about: About, late: Option<Millis>, fold: &mut Fold) {
    let is_answer = kind == TouchKind::QuestionAnswered;
    if fold.rules.tells_questions && (is_answer || kind == TouchKind::QuestionAsked) {
        let to = Recipient::Asset(EntityKey::of(fold.symbols.text(about.asset)));
        let known = Known::Question { at, is_answer };
        fold.news.push(News { to, known, visible: Visible::since(late), added: true });
    }
}

/// Counts an act that counts each time, whoever made it.
pub fn count(kind: TouchKind, at: Millis, about: About, fold: &mut Fold) {
    if fold.rules.is_about(kind)
        && let Some((values, measure)) = counted(kind, about, fold)
    {
        fold.count(measure, at, &values);
    }
}

/// The fact of an act that counts each time.
pub fn counted(kind: TouchKind, about: About, fold: &mut Fold) -> Option<([Symbol; 3], Measure)> {
    let (_, name) = COUNTED.iter().find(|(counted, _)| *counted == kind)?;
    let wanted = fold.rules.plan.wants_stage(Measure::AssetTouches, name);
    wanted.then(|| ([fold.symbols.of(Dim::Stage, name), about.asset_type, about.asset], Measure::AssetTouches))
}

/// What a person contributes by its acts, of one view. A lead says when it entered stages.
pub struct Person<'a> {
    pub view: Visible,
    /// In the order of time and id.
    pub done: &'a [Done],
    pub entries: Option<&'a [Millis]>,
}

impl Person<'_> {
    pub fn count(&self, fold: &mut Fold, seen: &mut Distinct, all: &mut Contributions) {
        for done in self.done.iter().filter(|done| done.is_known(done.at)) {
            for (_, name) in UNIQUE.iter().filter(|(kind, _)| *kind == done.kind) {
                let name = (*name, fold.symbols.of(Dim::Stage, name));
                let about = if name.0 == COMMUNITY { Symbol::ABSENT } else { done.about.asset };
                seen.note_act(&fold.rules, self.view, done, name, about);
            }
            if done.kind == TouchKind::NurtureJoined && self.entries.is_some() {
                let name = (NURTURED, fold.symbols.of(Dim::Stage, NURTURED));
                seen.note_act(&fold.rules, self.view, done, name, Symbol::ABSENT);
            }
        }
        for (name, first, then) in COHORTS {
            self.count_cohort(name, first, fold, all, |done, asset, since, until| {
                // A meeting is about no asset, and comes after the claim.
                let is_about = then == TouchKind::MeetingBooked || done.about.asset == asset;
                let in_time = done.at <= until && (then != TouchKind::MeetingBooked || done.at > since);
                done.kind == then && is_about && in_time && done.is_known(until)
            });
        }
        self.count_conversions(fold, all);
        self.count_member(fold, all);
    }

    /// The first act of a kind with each asset, by who it is known to be of when the fact settles.
    fn firsts(&self, kind: TouchKind, settle: Span) -> SmallVec<[Done; 4]> {
        let mut firsts: SmallVec<[Done; 4]> = SmallVec::new();
        for done in self.done.iter().filter(|done| done.kind == kind && done.is_known(done.at + settle)) {
            if firsts.iter().all(|first| first.about.asset != done.about.asset) {
                firsts.push(*done);
            }
        }
        firsts
    }

    fn count_cohort(
        &self,
        name: &str,
        first: TouchKind,
        fold: &mut Fold,
        all: &mut Contributions,
        is_wanted: impl Fn(&Done, Symbol, Millis, Millis) -> bool,
    ) {
        if !fold.rules.plan.wants_stage(Measure::AssetCohort, name) {
            return;
        }
        let name = fold.symbols.of(Dim::Stage, name);
        for first in self.firsts(first, fold.rules.settle()) {
            let (asset, until) = (first.about.asset, first.at + fold.rules.settle());
            all.fact(&fold.rules, self.view, Measure::AssetCohort, first.at, &[name, asset], 1);
            if self.done.iter().any(|done| is_wanted(done, asset, first.at, until)) {
                all.fact(&fold.rules, self.view, Measure::AssetCohortReached, first.at, &[name, asset], 1);
            }
        }
    }

    /// Attendees that enter a stage within some days.
    fn count_conversions(&self, fold: &mut Fold, all: &mut Contributions) {
        if !fold.rules.plan.wants_stage(Measure::AssetCohort, WEBINAR_CONVERSION) {
            return;
        }
        let name = fold.symbols.of(Dim::Stage, WEBINAR_CONVERSION);
        for first in self.firsts(TouchKind::WebinarAttended, fold.rules.settle()) {
            let values = [name, first.about.asset];
            let until = (first.at + fold.rules.settle()).min(first.at + CONVERTS_WITHIN);
            all.fact(&fold.rules, self.view, Measure::AssetCohort, first.at, &values, 1);
            if self.entries.into_iter().flatten().any(|entry| first.at < *entry && *entry <= until) {
                all.fact(&fold.rules, self.view, Measure::AssetCohortReached, first.at, &values, 1);
            }
        }
    }

    /// Whether it is in the community at present: it has joined, and not left since.
    fn count_member(&self, fold: &Fold, all: &mut Contributions) {
        let comes_and_goes = |done: &&Done| {
            matches!(done.kind, TouchKind::CommunityJoined | TouchKind::CommunityLeft) && done.is_known(PRESENT)
        };
        if self.done.iter().rfind(comes_and_goes).is_some_and(|done| done.kind == TouchKind::CommunityJoined) {
            all.present(&fold.rules, self.view, Measure::CommunityMembers, &[], 1);
        }
    }
}

/// Subjects of distinct measures: seen when, by what, and what makes them distinct beside the person.
#[derive(Debug, Default)]
pub struct Distinct(Vec<(Measure, Values, u128, Millis)>);

impl Distinct {
    pub fn note(
        &mut self,
        rules: &Rules,
        view: Visible,
        at: Millis,
        (measure, values, of): (Measure, &[Symbol], u128),
    ) {
        if rules.plan.wants(measure) && view.to_facts_bound_at(rules.bound(at, measure.settles())) {
            self.0.push((measure, values.iter().copied().collect(), of, at));
        }
    }

    fn note_act(&mut self, rules: &Rules, view: Visible, done: &Done, (name, symbol): (&str, Symbol), of: Symbol) {
        let About { asset, asset_type, .. } = done.about;
        let mut note = |measure, values: &[Symbol], of| {
            if rules.plan.wants_stage(measure, name) {
                self.note(rules, view, done.at, (measure, values, of));
            }
        };
        note(Measure::Unique, &[symbol], u128::from(of.0));
        note(Measure::UniqueByType, &[symbol, asset_type], u128::from(of.0));
        note(Measure::UniqueByAsset, &[symbol, asset], 0);
    }

    /// The cells of each subject, once a window.
    pub fn count(mut self, fold: &mut Fold, all: &mut Contributions) {
        self.0.sort_unstable();
        for same in self.0.chunk_by(|a, b| (a.0, &a.1, a.2) == (b.0, &b.1, b.2)) {
            let (measure, values, ..) = &same[0];
            let moments: Vec<Millis> = same.iter().map(|(.., at)| *at).collect();
            for (grain, kept) in fold.rules.plan.grains(*measure) {
                distinct_buckets(*grain, &moments, fold.tally.time(), |bucket, step| {
                    all.cells.push((CellKey { measure: *measure, kept: *kept, bucket, values: values.clone() }, step));
                });
            }
        }
    }
}
