//! What persons did with emails, webinars, mail pieces, the community and surveys. A person is a lead, else a visitor.

use std::collections::{BTreeMap, BTreeSet};

use tributary::model::event::Touch;
use tributary::model::kinds::{FormKind, TouchKind};
use tributary::model::stage::Stage;
use tributary::model::time::{Millis, Span};

use crate::reference::facts::{Dims, Fact, Known, dim, fact, settling, user_value};
use crate::reference::table::{Kpi, Set, Term, count, ratio};

const MAILED: &[Set] = &[&["asset_type"], &["asset"]];
const ASSET: &[Set] = &[&["asset"]];

pub fn facts(known: &Known) -> Vec<Fact> {
    let mut facts: Vec<Fact> = (0..known.world.touches.len()).flat_map(|touch| done(known, touch)).collect();
    facts.extend(cohorts(known, "attendance", TouchKind::WebinarRegistered, |_, then, _| {
        then.kind == TouchKind::WebinarAttended
    }));
    facts.extend(cohorts(known, "claim", TouchKind::MailOpened, |_, then, _| then.kind == TouchKind::MailClaimed));
    facts.extend(cohorts(known, "meeting", TouchKind::MailClaimed, |first, then, _| {
        then.kind == TouchKind::MeetingBooked && then.occurred_at > first.occurred_at
    }));
    facts.extend(conversions(known));
    facts.extend(known.funnel.leads.keys().flat_map(|lead| nurture(known, lead)));
    facts.extend(members(known));
    facts.extend(surveys(known));
    facts.extend(responses(known));
    facts
}

fn about(touch: &Touch) -> Dims {
    let details = touch.details.as_deref();
    let text = |of: Option<&str>| user_value(of);
    Dims::from([
        ("asset", text(touch.asset_id().map(AsRef::as_ref))),
        ("asset_type", text(details.and_then(|of| of.asset_type.as_deref()))),
    ])
}

/// Who did it, by what is known at a moment.
fn person(known: &Known, touch: usize, at: Millis) -> String {
    let touch = known.world.touches[touch];
    match known.world.owner(touch, at) {
        Some(lead) => format!("lead {lead}"),
        None => format!("visitor {}", touch.visitor_id.as_deref().unwrap_or_default()),
    }
}

fn done(known: &Known, touch: usize) -> Vec<Fact> {
    use TouchKind as Kind;
    let event = known.world.touches[touch];
    let (at, dims) = (event.occurred_at, about(event));
    let person = person(known, touch, at);
    let unique = |measure: &str| {
        let of = format!("{person} {}", dims["asset"]);
        Fact { subject: of, ..fact(measure, at, dims.clone()) }
    };
    match event.kind {
        Kind::EmailSent => vec![fact("emails_sent", at, dims)],
        Kind::EmailDelivered => vec![fact("emails_delivered", at, dims)],
        Kind::EmailUnsubscribed => vec![fact("unsubscribed", at, dims)],
        Kind::ReferralMade => vec![fact("referrals", at, Dims::new())],
        Kind::EmailOpened => vec![unique("opened")],
        Kind::EmailClicked => vec![unique("clicked")],
        Kind::WebinarRegistered => vec![unique("webinar_registrations")],
        Kind::WebinarAttended => vec![unique("webinar_attendees")],
        Kind::WebinarReplayed => vec![unique("webinar_replays")],
        Kind::WebinarQuestion => vec![unique("webinar_questioners")],
        Kind::CommunityJoined
        | Kind::CommunityLeft
        | Kind::CommunityActive
        | Kind::QuestionAsked
        | Kind::QuestionAnswered => {
            vec![Fact { subject: person, ..fact("community_active_members", at, Dims::new()) }]
        }
        Kind::NurtureJoined if person.starts_with("lead ") => {
            vec![Fact { subject: person, ..fact("nurtured_leads", at, Dims::new()) }]
        }
        _ => vec![],
    }
}

/// The first touch of a kind of each person with each asset, by who is known to have made it once settled.
fn firsts(known: &Known, kind: TouchKind) -> Vec<(String, usize)> {
    let mut seen = BTreeSet::new();
    let touches = (0..known.world.touches.len()).filter(|i| known.world.touches[*i].kind == kind);
    let by_person = touches.map(|i| (person(known, i, known.settled(known.world.touches[i].occurred_at)), i));
    by_person
        .filter(|(person, i)| seen.insert((person.clone(), about(known.world.touches[*i])["asset"].clone())))
        .collect()
}

fn cohorts(
    known: &Known,
    name: &str,
    kind: TouchKind,
    is_wanted: impl Fn(&Touch, &Touch, &Known) -> bool,
) -> Vec<Fact> {
    let mut facts = vec![];
    for (who, i) in firsts(known, kind) {
        let first = known.world.touches[i];
        let (at, until) = (first.occurred_at, known.settled(first.occurred_at));
        let asset = about(first)["asset"].clone();
        let reached = (0..known.world.touches.len()).any(|other| {
            let then = known.world.touches[other];
            let same = then.kind == TouchKind::MeetingBooked || about(then)["asset"] == asset;
            then.occurred_at <= until && is_wanted(first, then, known) && same && person(known, other, until) == who
        });
        facts.push(settling(format!("cohort/{name}"), at, dim("asset", &asset)));
        facts.extend(reached.then(|| settling(format!("cohort/{name}/reached"), at, dim("asset", &asset))));
    }
    facts
}

/// Attendees that enter a stage, themselves or a deal of theirs.
fn conversions(known: &Known) -> Vec<Fact> {
    let mut facts = vec![];
    for (who, i) in firsts(known, TouchKind::WebinarAttended) {
        let first = known.world.touches[i];
        let at = first.occurred_at;
        let until = known.settled(at).min(at + Span::days(30));
        let entered = known.funnel.conversions().into_iter().any(|conversion| {
            let is_entry = matches!(conversion.event, crate::reference::funnel::Event::Entered(_));
            is_entry && at < conversion.at && conversion.at <= until && who == format!("lead {}", conversion.lead)
        });
        let asset = dim("asset", &about(first)["asset"]);
        facts.push(settling("cohort/conversion", at, asset.clone()));
        facts.extend(entered.then(|| settling("cohort/conversion/reached", at, asset)));
    }
    facts
}

fn nurture(known: &Known, lead: &str) -> Vec<Fact> {
    let world = known.world;
    let joined = world
        .perhaps(lead)
        .map(|i| world.touches[i])
        .find(|touch| touch.kind == TouchKind::NurtureJoined && world.owner(touch, touch.occurred_at) == Some(lead));
    let Some(at) = joined.map(|touch| touch.occurred_at) else { return vec![] };
    let mql = known.funnel.leads[lead].entries.get(&Stage::Mql);
    let became = mql.is_some_and(|mql| at < *mql && *mql <= known.settled(at));
    let mut facts = vec![settling("nurture", at, Dims::new())];
    facts.extend(became.then(|| settling("nurture.mql", at, Dims::new())));
    facts
}

/// Who has joined the community and not left it since.
fn members(known: &Known) -> Vec<Fact> {
    let mut is_in: BTreeMap<String, bool> = BTreeMap::new();
    for (i, touch) in known.world.touches.iter().enumerate() {
        if matches!(touch.kind, TouchKind::CommunityJoined | TouchKind::CommunityLeft) {
            is_in.insert(person(known, i, Millis::MAX), touch.kind == TouchKind::CommunityJoined);
        }
    }
    let members = is_in.into_values().filter(|is_in| *is_in);
    members.map(|_| settling("community_size", known.as_of, Dims::new())).collect()
}

/// From the first question about an asset to the first answer from then on.
fn responses(known: &Known) -> Vec<Fact> {
    let of = |kind: TouchKind| {
        let touches = known.world.touches.iter().filter(move |touch| touch.kind == kind);
        touches.map(|touch| (about(touch)["asset"].clone(), touch.occurred_at))
    };
    let mut asked: BTreeMap<String, Millis> = BTreeMap::new();
    of(TouchKind::QuestionAsked).for_each(|(asset, at)| {
        asked.entry(asset).or_insert(at);
    });
    let took = |(asset, asked): (&String, &Millis)| {
        let (_, at) = of(TouchKind::QuestionAnswered).find(|(of, at)| of == asset && asked <= at)?;
        Some(Fact { amount: i128::from((at - *asked).0), scale: 1000, ..fact("responses", at, Dims::new()) })
    };
    asked.iter().filter_map(took).collect()
}

/// Answers, with the lead as the subject: of each window the latest one counts.
fn surveys(known: &Known) -> Vec<Fact> {
    let mut facts = vec![];
    for fill in known.world.fills.iter().filter(|fill| fill.form_kind == FormKind::Survey) {
        let at = fill.occurred_at;
        facts.push(fact("survey_responses", at, Dims::new()));
        let answer = |question: &str| {
            let given = fill.answers.iter().find(|(asked, _)| &**asked == question);
            given.and_then(|(_, answer)| answer.trim().parse::<i64>().ok())
        };
        let mut answered = |measure: &str, amount: i64, scale: i64| {
            let subject = fill.lead_id.to_string();
            facts.push(Fact { amount: i128::from(amount), scale, subject, ..fact(measure, at, Dims::new()) });
        };
        if let Some(nps) = answer("nps").filter(|nps| (0..=10).contains(nps)) {
            answered(
                "nps",
                if nps >= 9 {
                    100
                } else if nps <= 6 {
                    -100
                } else {
                    0
                },
                1,
            );
            answered("nps.tenths", nps, 10);
        }
        if let Some(satisfaction) = answer("satisfaction").filter(|score| (1..=5).contains(score)) {
            answered("satisfaction", satisfaction, 1);
        }
    }
    facts
}

pub fn kpis() -> Vec<Kpi> {
    let simple = |id, sets| count(id, sets, |id, _| vec![Term::of(id)]);
    let unique = |id, sets| count(id, sets, |id, _| vec![Term { distinct: true, ..Term::of(id) }]);
    let cohort = |id, terms| Kpi { total: false, interval: true, settling: true, ..ratio(id, ASSET, terms) };
    let survey = |id, terms| Kpi { unit: "score", ..ratio(id, &[], terms) };
    vec![
        simple("emails_sent", MAILED),
        simple("emails_delivered", MAILED),
        ratio("email_delivery_ratio", MAILED, |_, _| vec![Term::of("emails_delivered"), Term::of("emails_sent")]),
        ratio("email_unique_open_ratio", MAILED, |_, _| {
            vec![Term { distinct: true, ..Term::of("opened") }, Term::of("emails_delivered")]
        }),
        ratio("email_unique_click_ratio", MAILED, |_, _| {
            vec![Term { distinct: true, ..Term::of("clicked") }, Term::of("emails_delivered")]
        }),
        ratio("email_click_to_open_ratio", MAILED, |_, _| {
            vec![Term { distinct: true, ..Term::of("clicked") }, Term { distinct: true, ..Term::of("opened") }]
        }),
        ratio("email_unsubscribe_ratio", MAILED, |_, _| vec![Term::of("unsubscribed"), Term::of("emails_delivered")]),
        unique("nurtured_leads", &[]),
        Kpi {
            interval: true,
            settling: true,
            ..ratio("nurture_mql_ratio", &[], |_, _| vec![Term::of("nurture.mql"), Term::of("nurture")])
        },
        unique("webinar_registrations", ASSET),
        unique("webinar_attendees", ASSET),
        unique("webinar_replays", ASSET),
        unique("webinar_questioners", ASSET),
        cohort("webinar_attendance_ratio", |_, _| {
            vec![Term::of("cohort/attendance/reached"), Term::of("cohort/attendance")]
        }),
        cohort("webinar_conversion_ratio", |_, _| {
            vec![Term::of("cohort/conversion/reached"), Term::of("cohort/conversion")]
        }),
        cohort("mail_claim_ratio", |_, _| vec![Term::of("cohort/claim/reached"), Term::of("cohort/claim")]),
        cohort("mail_meeting_ratio", |_, _| vec![Term::of("cohort/meeting/reached"), Term::of("cohort/meeting")]),
        Kpi { present: true, ..simple("community_size", &[]) },
        unique("community_active_members", &[]),
        survey("nps", |_, _| {
            vec![Term { latest: true, ..Term::of("nps") }, Term { distinct: true, ..Term::of("nps") }]
        }),
        Kpi { unit: "score", ..simple("survey_responses", &[]) },
        survey("satisfaction", |_, _| {
            vec![Term { latest: true, ..Term::of("satisfaction") }, Term { distinct: true, ..Term::of("satisfaction") }]
        }),
        survey("referral_likelihood_ratio", |_, _| {
            vec![Term { latest: true, ..Term::of("nps.tenths") }, Term { distinct: true, ..Term::of("nps") }]
        }),
        simple("referrals", &[]),
        Kpi {
            unit: "seconds",
            is_spread: true,
            ..count("question_response_seconds", &[], |_, _| vec![Term::of("responses")])
        },
    ]
}
