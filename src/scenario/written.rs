//! A scenario as it is written: the keys of its tables and the kinds of their values. Whether they mean anything is
//! `reading`'s to say.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::{Map, Value, json};

use crate::config::Placed;
use crate::config::document::MOMENT;
use crate::ingest::Reason;
use crate::ingest::record::{AccountFields, FillRecord, Record, SpendRecord, StageRecord, TouchRecord};
use crate::kpi::measures::Dim;

pub type Text = Placed<String>;
/// A value of whatever kind its key allows.
pub type Cell = Placed<toml::Value>;

/// Beside the fields of an event's record: when it arrives, why it is to be rejected, and the record's own bytes.
pub const ARRIVES_AT: &str = "arrives_at";
pub const REJECTED: &str = "rejected";
pub const RAW: &str = "raw";
/// Of accounts: a tombstone.
pub const DELETED: &str = "deleted";

/// The numbers of a row that may be expected.
pub const NUMBERS: [&str; 8] = ["value", "numerator", "denominator", "low", "high", "previous", "change", "benchmark"];

/// One scenario; at the root of a file also what several share.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    pub title: Text,
    pub description: Text,
    /// A file; a table is taken out before.
    pub config: Option<Text>,
    pub as_of: Option<Placed<Moment>>,
    pub touchpoints: Vec<Placed<Cells<Touchpoint>>>,
    pub form_fills: Vec<Placed<Cells<FormFill>>>,
    pub deal_stages: Vec<Placed<Cells<DealStage>>>,
    pub spend: Vec<Placed<Cells<Spend>>>,
    pub accounts: Vec<Placed<Cells<Account>>>,
    pub expect: Vec<Placed<Cells<ExpectedRow>>>,
    /// Taken out of the root before: what is left is where none may be.
    pub scenario: Option<Placed<Scenarios>>,
}

/// Whatever stands there.
#[derive(Debug)]
pub struct Scenarios;

impl<'de> Deserialize<'de> for Scenarios {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|_| Self)
    }
}

impl JsonSchema for Scenarios {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scenarios".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema(json!({ "type": "array" }))
    }
}

/// A text, or a date or time of TOML's.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub toml::Value);

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema(moment())
    }
}

/// What the tables of a list hold.
pub trait Kind {
    const NAME: &'static str;
    const REQUIRED: &'static [&'static str] = &[];
    fn keys() -> Map<String, Value>;
}

/// A table with the keys of its kind.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Cells<K> {
    pub cells: BTreeMap<Text, Cell>,
    #[serde(skip)]
    kind: PhantomData<K>,
}

impl<K: Kind> JsonSchema for Cells<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        K::NAME.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema(json!({
            "type": "object",
            "properties": K::keys(),
            "required": K::REQUIRED,
            "additionalProperties": false,
        }))
    }
}

fn schema(value: Value) -> Schema {
    Schema::try_from(value).expect("an object is a schema")
}

fn moment() -> Value {
    json!({ "type": "string", "format": MOMENT })
}

fn text() -> Value {
    json!({ "type": "string" })
}

/// A number, or the word `null` for a row's number that is not defined.
fn number() -> Value {
    json!({ "type": ["number", "string"] })
}

/// A record's field may be anything: what it must be is for ingest to judge.
fn field() -> Value {
    let inner = json!({ "type": ["string", "integer", "number", "boolean", "array"], "format": MOMENT });
    let any = ["string", "integer", "number", "boolean", "array", "object"];
    json!({ "type": any, "format": MOMENT, "additionalProperties": inner })
}

fn keys_of<'a, R: Record<'a>>() -> Map<String, Value> {
    let mut keys: Map<String, Value> = R::FIELDS.iter().map(|name| ((*name).to_owned(), field())).collect();
    keys.insert(ARRIVES_AT.to_owned(), moment());
    keys.insert(RAW.to_owned(), text());
    let reasons = Reason::ALL.map(Reason::code);
    keys.insert(REJECTED.to_owned(), json!({ "type": "string", "enum": reasons }));
    keys
}

macro_rules! events {
    ($($kind:ident: $record:ident,)+) => {
        $(
            #[derive(Debug)]
            pub struct $kind;

            impl Kind for $kind {
                const NAME: &'static str = stringify!($kind);

                fn keys() -> Map<String, Value> {
                    keys_of::<$record<'_>>()
                }
            }
        )+
    };
}

events! {
    Touchpoint: TouchRecord,
    FormFill: FillRecord,
    DealStage: StageRecord,
    Spend: SpendRecord,
}

#[derive(Debug)]
pub struct Account;

impl Kind for Account {
    const NAME: &'static str = "Account";

    fn keys() -> Map<String, Value> {
        let mut keys = keys_of::<AccountFields<'_>>();
        keys.insert(DELETED.to_owned(), json!({ "type": "boolean" }));
        keys
    }
}

/// A row: what names it, its dimensions each by its name, and what it says.
#[derive(Debug)]
pub struct ExpectedRow;

impl Kind for ExpectedRow {
    const NAME: &'static str = "ExpectedRow";
    const REQUIRED: &'static [&'static str] = &["kpi", "window"];

    fn keys() -> Map<String, Value> {
        let truth = || json!({ "type": "boolean" });
        let dims = row_dims().map(|dim| (row_dim(dim), text()));
        let numbers = NUMBERS.iter().map(|name| (*name, number()));
        let others = [
            ("kpi", text()),
            ("window", text()),
            ("start", moment()),
            ("absent", truth()),
            ("final", truth()),
            ("tolerance", json!({ "type": "number" })),
        ];
        dims.chain(numbers).chain(others).map(|(name, schema)| (name.to_owned(), schema)).collect()
    }
}

/// The dimensions that rows have.
pub fn row_dims() -> impl Iterator<Item = Dim> {
    Dim::ALL.into_iter().filter(|dim| !dim.is_internal())
}

/// How a dimension is spelled in an expected row: `kpi` is what the row is of, so that a goal's is `of_kpi`.
pub const fn row_dim(dim: Dim) -> &'static str {
    match dim {
        Dim::Kpi => "of_kpi",
        other => other.name(),
    }
}
