//! An accepted event comes in; what each shard is told of it goes out. Every entity that an event names hears of it in
//! its home shard, and exactly one of them gets the event itself, which counts it.

use crate::journal::block::Source;
use crate::journal::entry::{FillSeen, Identify, Item, home};
use crate::model::entity::EntityKey;
use crate::model::event::{DealStage, Event, Fill, Topic, Touch};
use crate::model::kinds::TouchKind;

/// Where an item goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Shard(u16),
    /// What every shard is to know.
    Every,
}

/// Tells `hear` what goes where, the event itself first.
pub fn route<'a>(event: Event<'a>, shards: u16, hear: &mut impl FnMut(To, Item<'a>)) {
    match event {
        Event::Touch(touch) => route_touch(touch, shards, hear),
        Event::Fill(fill) => route_fill(fill, shards, hear),
        Event::Stage(stage) => route_stage(stage, shards, hear),
        Event::Spend(spend) => {
            hear(To::Shard(home(&spend.origin.channel, shards)), Item::Spend(spend));
        }
        Event::Account(account) => hear(To::Every, Item::Account(account)),
        Event::Erasure(lead) => hear(To::Every, Item::Erase(EntityKey::of(&lead))),
    }
}

/// A rejected record goes where its source partition says, so that its dead letter is written once.
#[must_use]
pub fn rejection_home(source: Source, shards: u16) -> u16 {
    let shard = source.partition.rem_euclid(i32::from(shards));
    u16::try_from(shard).expect("a remainder of a u16")
}

fn route_touch<'a>(touch: Box<Touch<'a>>, shards: u16, hear: &mut impl FnMut(To, Item<'a>)) {
    let (to, identify) = match (&touch.visitor_id, &touch.lead_id) {
        // Its session decides what the lead gets, so only the visitor hears of it.
        (Some(visitor), _) if touch.kind == TouchKind::PageView => (home(visitor, shards), None),
        (Some(visitor), Some(lead)) => {
            let identify = Identify {
                topic: Topic::Touchpoints,
                event_id: touch.event_id.clone(),
                occurred_at: touch.occurred_at,
                visitor: EntityKey::of(visitor),
                lead: EntityKey::of(lead),
            };
            (identify.lead.home(shards), Some(identify))
        }
        (None, Some(lead)) => (home(lead, shards), None),
        (Some(visitor), None) => (home(visitor, shards), None),
        (None, None) => unreachable!("a touch without visitor and lead is rejected when it is decoded"),
    };
    hear(To::Shard(to), Item::Touch(touch));
    if let Some(identify) = identify {
        hear(To::Shard(identify.visitor.home(shards)), Item::Identify(identify));
    }
}

fn route_fill<'a>(fill: Box<Fill<'a>>, shards: u16, hear: &mut impl FnMut(To, Item<'a>)) {
    let seen = fill.visitor_id.as_deref().map(|visitor| FillSeen {
        event_id: fill.event_id.clone(),
        occurred_at: fill.occurred_at,
        visitor: EntityKey::of(visitor),
        lead: EntityKey::of(&fill.lead_id),
        page: fill.page.clone(),
    });
    hear(To::Shard(home(&fill.lead_id, shards)), Item::Fill(fill));
    if let Some(seen) = seen {
        hear(To::Shard(seen.visitor.home(shards)), Item::FillSeen(Box::new(seen)));
    }
}

fn route_stage<'a>(stage: Box<DealStage<'a>>, shards: u16, hear: &mut impl FnMut(To, Item<'a>)) {
    let of_deal = stage.deal_id.as_ref().map(|deal| (home(deal, shards), stage.clone()));
    hear(To::Shard(home(&stage.lead_id, shards)), Item::LeadStage(stage));
    if let Some((to, stage)) = of_deal {
        hear(To::Shard(to), Item::DealStage(stage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Account, NONE, Origin, Text};
    use crate::model::stage::Stage;
    use crate::model::time::Millis;

    const SHARDS: u16 = 64;

    fn touch(kind: TouchKind, visitor: Option<&'static str>, lead: Option<&'static str>) -> Event<'static> {
        let none = || Text::borrowed(NONE);
        Event::Touch(Box::new(Touch {
            event_id: "e".into(),
            occurred_at: Millis(7),
            kind,
            visitor_id: visitor.map(Into::into),
            lead_id: lead.map(Into::into),
            account_id: None,
            origin: Origin { channel: "email".into(), campaign: none(), content: none(), term: none() },
            page: none(),
            details: None,
        }))
    }

    fn stage(deal: Option<&'static str>) -> Event<'static> {
        Event::Stage(Box::new(DealStage {
            event_id: "e".into(),
            occurred_at: Millis(7),
            lead_id: "l".into(),
            stage: Stage::Opportunity,
            deal_id: deal.map(Into::into),
            account_id: None,
            amount: None,
            probability: None,
            owner: None,
        }))
    }

    /// Names of the items and where they went.
    fn routed(event: Event<'static>) -> Vec<(To, &'static str)> {
        let mut heard = Vec::new();
        route(event, SHARDS, &mut |to, item| {
            heard.push((
                to,
                match item {
                    Item::Touch(_) => "touch",
                    Item::Identify(_) => "identify",
                    Item::Fill(_) => "fill",
                    Item::FillSeen(_) => "fill seen",
                    Item::LeadStage(_) => "lead stage",
                    Item::DealStage(_) => "deal stage",
                    Item::Spend(_) => "spend",
                    Item::Account(_) => "account",
                    Item::Rejected(_) => "rejected",
                    Item::Erase(_) => "erase",
                },
            ));
        });
        heard
    }

    fn visitor() -> To {
        To::Shard(home("v", SHARDS))
    }

    fn lead() -> To {
        To::Shard(home("l", SHARDS))
    }

    #[test]
    fn a_touch_goes_to_its_lead_and_tells_the_visitor() {
        let click = TouchKind::Click;
        assert_eq!(routed(touch(click, Some("v"), Some("l"))), [(lead(), "touch"), (visitor(), "identify")]);
        assert_eq!(routed(touch(click, None, Some("l"))), [(lead(), "touch")]);
        assert_eq!(routed(touch(click, Some("v"), None)), [(visitor(), "touch")]);
    }

    #[test]
    fn a_page_view_goes_to_its_visitor_alone() {
        let view = TouchKind::PageView;
        assert_eq!(routed(touch(view, Some("v"), Some("l"))), [(visitor(), "touch")]);
        assert_eq!(routed(touch(view, Some("v"), None)), [(visitor(), "touch")]);
        assert_eq!(routed(touch(view, None, Some("l"))), [(lead(), "touch")]);
    }

    #[test]
    fn a_stage_tells_its_deal_too() {
        let deal = To::Shard(home("d", SHARDS));
        assert_eq!(routed(stage(Some("d"))), [(lead(), "lead stage"), (deal, "deal stage")]);
        assert_eq!(routed(stage(None)), [(lead(), "lead stage")]);
    }

    #[test]
    fn an_account_goes_everywhere() {
        let account = Event::Account(Box::new(Account { account_id: "a".into(), record: None }));
        assert_eq!(routed(account), [(To::Every, "account")]);
    }

    #[test]
    fn an_erasure_goes_everywhere() {
        assert_eq!(routed(Event::Erasure("l".into())), [(To::Every, "erase")]);
    }

    #[test]
    fn every_source_partition_has_one_home_for_its_rejections() {
        let source = Source { topic: Topic::Spend, partition: 65 };
        assert_eq!(rejection_home(source, SHARDS), 1);
    }
}
