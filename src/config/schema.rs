//! The JSON schema of the configuration, derived from `raw`: for editors, and as the description of known keys that
//! the structure of a file and the names of environment variables are checked against.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::raw::Raw;

/// Self-contained: no references.
#[must_use]
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Raw>().to_value()
}

/// The format of texts that may as well be a date or time of TOML's.
pub const MOMENT: &str = "date-time";

/// One place in the schema: what may stand there.
#[derive(Clone, Copy)]
pub struct Node<'s>(&'s Value);

/// The kinds of value that TOML knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Whole,
    Number,
    Truth,
    Moment,
    List,
    Table,
}

impl Kind {
    /// With its article, for messages.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Truth => "true or false",
            Self::Moment => "a date or time",
            Self::List => "a list",
            Self::Table => "a table",
        }
    }
}

impl<'s> Node<'s> {
    pub const fn root(schema: &'s Value) -> Self {
        Self(schema)
    }

    /// The schemas of which one must hold: for a choice its branches, else itself.
    pub fn branches(self) -> Vec<Self> {
        match self.0.get("anyOf").or_else(|| self.0.get("oneOf")).and_then(Value::as_array) {
            Some(branches) => branches.iter().flat_map(|branch| Node(branch).branches()).collect(),
            None => vec![self],
        }
    }

    /// The kinds of value that it takes; for a choice those of all branches.
    pub fn kinds(self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.branches().into_iter().flat_map(Self::own_kinds).collect();
        kinds.dedup();
        kinds
    }

    fn own_kinds(self) -> Vec<Kind> {
        let of = |name: &str| match name {
            "string" => Some(Kind::Text),
            "integer" => Some(Kind::Whole),
            "number" => Some(Kind::Number),
            "boolean" => Some(Kind::Truth),
            "array" => Some(Kind::List),
            "object" => Some(Kind::Table),
            _ => None,
        };
        let moment = self.0.get("format").is_some_and(|format| format == MOMENT).then_some(Kind::Moment);
        match self.0.get("type") {
            Some(Value::String(name)) => of(name).into_iter().chain(moment).collect(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).filter_map(of).chain(moment).collect(),
            // A unit variant with a description of its own is a bare constant.
            _ if self.0.get("const").is_some_and(Value::is_string) => vec![Kind::Text],
            _ => Vec::new(),
        }
    }

    /// A whole number is also a number.
    pub fn takes(self, kind: Kind) -> bool {
        self.kinds().iter().any(|own| *own == kind || (*own == Kind::Number && kind == Kind::Whole))
    }

    /// The branch that takes this kind of value.
    pub fn branch(self, kind: Kind) -> Option<Self> {
        let branches = self.branches();
        let exact = branches.iter().find(|branch| branch.own_kinds().contains(&kind));
        exact.or_else(|| branches.iter().find(|branch| branch.takes(kind))).copied()
    }

    /// What stands at a key of this table; the key must be spelled as it is.
    pub fn child(self, key: &str) -> Option<Self> {
        let table = self.branch(Kind::Table)?;
        let named = table.0.get("properties").and_then(|properties| properties.get(key));
        named.or_else(|| table.free_values()).map(Node)
    }

    fn free_values(self) -> Option<&'s Value> {
        self.0.get("additionalProperties").filter(|value| value.is_object())
    }

    /// Whether a table's keys are the user's to choose.
    pub fn has_free_keys(self) -> bool {
        self.branch(Kind::Table).is_some_and(|table| table.free_values().is_some())
    }

    /// The keys that a table may hold, if they are not the user's to choose.
    pub fn keys(self) -> Vec<&'s str> {
        let table = self.branch(Kind::Table);
        let properties = table.and_then(|table| table.0.get("properties")).and_then(Value::as_object);
        properties.map(|properties| properties.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    pub fn required(self) -> Vec<&'s str> {
        let required = self.0.get("required").and_then(Value::as_array);
        required.map(|keys| keys.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    pub fn items(self) -> Option<Self> {
        self.branch(Kind::List)?.0.get("items").map(Node)
    }

    /// The words of which a text must be one, if it is not free.
    pub fn words(self) -> Option<Vec<&'s str>> {
        let words: Vec<&str> = match self.0.get("enum").and_then(Value::as_array) {
            Some(words) => words.iter().filter_map(Value::as_str).collect(),
            None => self.branches().iter().filter_map(|branch| branch.0.get("const").and_then(Value::as_str)).collect(),
        };
        if words.is_empty() { None } else { Some(words) }
    }

    /// The bounds of a whole number.
    pub fn bounds(self) -> (Option<i64>, Option<i64>) {
        let bound = |name| self.0.get(name).and_then(Value::as_i64);
        (bound("minimum"), bound("maximum"))
    }

    /// The default, spelled as in a file.
    pub fn default_text(self) -> Option<String> {
        match self.0.get("default")? {
            Value::Null => None,
            Value::Object(_) => None,
            value => Some(value.to_string()),
        }
    }
}
