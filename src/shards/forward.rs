//! What one entity tells another, from shard to shard: additions and retractions of what is known, and the watermarks
//! of the sender. A retraction repeats the addition that it takes back.
//!
//! layout of a record's value: [version u8][xxh3 of the rest, u64 LE][postcard of `Forward`]

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::statement::Cause;
use super::visibility::Visible;
use crate::attribution::rules::Entered;
use crate::model::entity::EntityKey;
use crate::model::kinds::TouchKind;
use crate::model::stage::Stage;
use crate::model::time::Millis;

const VERSION: u8 = 6;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    pub from: u16,
    /// The sender's, of level 0 (visitors, deals, spend), level 1 (leads) and level 2 (units; where these tell nobody
    /// anything, again that of leads).
    pub watermarks: [Option<Millis>; 3],
    pub news: Vec<News>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct News {
    /// Whom it is told to.
    pub to: Recipient,
    pub known: Known,
    pub visible: Visible,
    /// Added, or taken back.
    pub added: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Recipient {
    Lead(EntityKey),
    Account(EntityKey),
    Asset(EntityKey),
    /// Those who decide on a deal: by account or by deal.
    Unit(EntityKey),
    Deal(EntityKey),
}

impl News {
    /// Of what no fact takes back.
    #[must_use]
    pub const fn always(to: Recipient, known: Known) -> Self {
        Self { to, known, visible: Visible::ALWAYS, added: true }
    }
}

impl Recipient {
    #[must_use]
    pub const fn key(self) -> EntityKey {
        match self {
            Self::Lead(key) | Self::Account(key) | Self::Asset(key) | Self::Unit(key) | Self::Deal(key) => key,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Known {
    /// A visitor's touch is the lead's.
    Touch(VisitorTouch),
    /// How a visitor's page views spell the lead.
    Named(String),
    /// The lead's fill belongs to a session.
    FillSession(FillSession),
    /// What a deal means to the lead.
    Deal(DealFacts),
    /// A deal of the account was won, and whose credit that was.
    Won(WonDeal),
    /// The segments of the lead that a won deal has in the end.
    Segments(DealSegments),
    /// An engaging touch of the account's.
    Reached(Reached),
    /// The account's use of the product.
    Used(Millis),
    /// A lead belongs to the unit.
    Member(Member),
    /// A touch of such a lead.
    Step(JourneyStep),
    /// A deal that is attributed to the unit.
    UnitDeal(UnitDeal),
    /// Which touches an entry of the deal is credited to.
    Stated(Stated),
    /// The sender has forgotten the lead.
    Erased,
    /// A lead of the account is known by another key from now on: by none that leads to it.
    Renamed { from: EntityKey, to: EntityKey },
    /// A question about an asset, or the answer to one.
    Question { at: Millis, is_answer: bool },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VisitorTouch {
    pub at: Millis,
    pub event_id: String,
    /// From when on the visitor is known to be the lead.
    pub known_from: Millis,
    pub kind: TouchKind,
    /// Whether it is a step of the journey: of an engaging kind, of page views the first of its session.
    pub in_journey: bool,
    /// Channel, campaign, content, term.
    pub origin: [String; 4],
    pub account: Option<String>,
    /// What it is about, if that counts.
    pub about: Option<Spelled>,
    /// The click's parameter and value, of a step of the journey, where that is asked for.
    pub click: Option<(String, String)>,
}

/// Asset and asset type, experiment and variant.
pub type Spelled = ([String; 2], Option<(String, String)>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FillSession {
    pub at: Millis,
    pub event_id: String,
    pub landing_page: String,
}

/// A deal as one of its leads needs it. All but `owned` is the same for each of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DealFacts {
    pub deal: EntityKey,
    /// As records spell it, where that is asked for.
    pub deal_id: Option<String>,
    /// By `Stage::DEAL_STAGES`.
    pub entries: [Option<DealEntry>; 3],
    pub lost: Option<Millis>,
    /// The event that won it, which orders deals won at the same moment.
    pub won_by: Option<String>,
    /// The amounts, by when they were given, where facts take them before they settle.
    pub amounts: Vec<(Millis, i64)>,
    /// What it is at present, if it is open.
    pub open: Option<OpenDeal>,
    /// When it was the lead's by its latest event, [from, to), in order.
    pub owned: Vec<(Millis, Millis)>,
    /// The lead's first event on it, where that makes the lead one of its contacts.
    pub since: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    pub lead: EntityKey,
    /// [from, to), in order.
    pub spans: Vec<(Millis, Millis)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JourneyStep {
    pub lead: EntityKey,
    pub at: Millis,
    pub event_id: String,
    /// From when on it is known to be the lead's.
    pub known_from: Millis,
    pub origin: [String; 4],
}

/// A deal as the unit needs it that its entries are attributed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitDeal {
    /// Whose it is, and as records spell that, where it is asked for.
    pub lead: EntityKey,
    pub lead_id: Option<String>,
    pub deal: EntityKey,
    pub won_by: Option<String>,
    pub amounts: Vec<(Millis, i64)>,
    pub conversions: Vec<UnitConversion>,
    pub opened: Option<Millis>,
    pub closed: Option<Millis>,
    /// The latest amount, if it is open.
    pub open: Option<i64>,
    /// Who becomes a customer when it is won.
    pub customer: Option<CustomerOf>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitConversion {
    pub stage: Stage,
    pub at: Millis,
    /// The amount when it settles.
    pub value: i64,
    /// The stages entered by then.
    pub entered: Entered,
    /// The lead's account then, where that is asked for.
    pub account: Option<String>,
}

/// A deal's entry as whoever has its journey states it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stated {
    /// The lead or the unit.
    pub teller: EntityKey,
    pub stage: String,
    pub cause: Cause,
    /// None: it is not the teller's any more.
    pub of: Option<StatedConversion>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StatedConversion {
    pub at: Millis,
    pub value: Option<i64>,
    pub lead_id: Option<String>,
    pub account: Option<String>,
    pub entered: Entered,
    pub touches: Vec<StatedTouch>,
    pub is_outside: bool,
    /// The last watermark at which it may change.
    pub closes: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StatedTouch {
    pub at: Millis,
    pub event_id: String,
    pub origin: [String; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CustomerOf {
    /// The account that the unit is, by the first of its deals.
    Unit,
    /// An account, which knows its other deals.
    Account(EntityKey),
    /// The lead, by this deal.
    Lead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpenDeal {
    /// Of its latest event.
    pub stage: Stage,
    /// The latest amount.
    pub value: i64,
    /// That the latest event gives, in billionths.
    pub probability: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DealEntry {
    pub at: Millis,
    /// The amount when the entry settles, in 10⁻⁶ of the reporting currency.
    pub value: i64,
}

impl DealFacts {
    /// Whether the deal is the lead's at a moment.
    #[must_use]
    pub fn is_owned(&self, at: Millis) -> bool {
        self.owned.iter().any(|(from, to)| *from <= at && at < *to)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WonDeal {
    pub at: Millis,
    pub won_by: String,
    pub deal: EntityKey,
    /// By model (as ordered in the rules) and origin (channel, campaign, content, term).
    pub credits: Vec<(String, [String; 4], i64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reached {
    pub at: Millis,
    pub channel: String,
    /// None where nobody is known to have made it.
    pub lead: Option<EntityKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DealSegments {
    pub deal: EntityKey,
    pub segments: Vec<String>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ForwardError {
    #[error("a forward of version {0}, which this build does not read")]
    Version(u8),
    #[error("a forward is cut short")]
    Short,
    #[error("a forward does not match its checksum")]
    Checksum,
    #[error("a forward does not decode: {0}")]
    Layout(#[from] postcard::Error),
}

impl Forward {
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; 9];
        bytes[0] = VERSION;
        let mut bytes = postcard::to_extend(self, bytes).expect("plain data of known types always encodes");
        let sum = xxh3_64(&bytes[9..]);
        bytes[1..9].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, ForwardError> {
        let (&version, rest) = bytes.split_first().ok_or(ForwardError::Short)?;
        if version != VERSION {
            return Err(ForwardError::Version(version));
        }
        let (sum, body) = rest.split_first_chunk::<8>().ok_or(ForwardError::Short)?;
        if xxh3_64(body) != u64::from_le_bytes(*sum) {
            return Err(ForwardError::Checksum);
        }
        Ok(postcard::from_bytes(body)?)
    }
}
