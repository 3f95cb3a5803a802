//! Texts of dimensions as small numbers. A symbol is given once and never taken back, so that journeys may keep it;
//! each dimension has at most `output.max_values` of them, what comes after is `(other)`.

use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use crate::kpi::measures::Dim;
use crate::model::event::{OTHER, Origin, OriginOf};
use crate::partials::cells::Symbol;

/// Where a touch came from, as one number: channel, campaign, content, term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OriginId(pub u32);

#[derive(Debug)]
pub struct Symbols {
    texts: Vec<Box<str>>,
    dims: Vec<Dim>,
    index: HashTable<u32>,
    used: [usize; Dim::ALL.len()],
    max_values: usize,
    origins: Vec<[Symbol; 4]>,
    origin_index: HashTable<u32>,
    hasher: FixedState,
    /// By the number of a text in the journal's block that is being read: what it is as each part of an origin, so far.
    spelled: Vec<[Symbol; 4]>,
}

const ORIGIN_DIMS: [Dim; 4] = [Dim::Channel, Dim::Campaign, Dim::Content, Dim::Term];

impl Symbols {
    #[must_use]
    pub fn new(max_values: usize) -> Self {
        Self {
            texts: Vec::new(),
            dims: Vec::new(),
            index: HashTable::new(),
            used: [0; Dim::ALL.len()],
            max_values,
            origins: Vec::new(),
            origin_index: HashTable::new(),
            hasher: FixedState::with_seed(0x7072_1b75_7461_7279),
            spelled: Vec::new(),
        }
    }

    /// The symbol of a text in a dimension.
    pub fn of(&mut self, dim: Dim, text: &str) -> Symbol {
        let hash = self.hasher.hash_one((dim, text));
        let known = |&at: &u32| self.dims[at as usize] == dim && *self.texts[at as usize] == *text;
        if let Some(&at) = self.index.find(hash, known) {
            return Symbol(at + 1);
        }
        if self.used[dim as usize] >= self.max_values && text != OTHER && !dim.is_of_journeys() {
            return self.of(dim, OTHER);
        }
        self.used[dim as usize] += 1;
        let at = u32::try_from(self.texts.len()).expect("bounded by max_values of each dimension");
        self.texts.push(text.into());
        self.dims.push(dim);
        let (texts, dims, hasher) = (&self.texts, &self.dims, &self.hasher);
        self.index.insert_unique(hash, at, |&n| hasher.hash_one((dims[n as usize], &*texts[n as usize])));
        Symbol(at + 1)
    }

    /// The text of a symbol; empty for `Symbol::ABSENT`.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        symbol.0.checked_sub(1).map_or("", |at| &self.texts[at as usize])
    }

    /// The number of a touch's origin.
    pub fn origin(&mut self, origin: &Origin<'_>) -> OriginId {
        let texts = [&*origin.channel, &*origin.campaign, &*origin.content, &*origin.term];
        let symbols = std::array::from_fn(|n| self.of(ORIGIN_DIMS[n], texts[n]));
        self.origin_of(symbols)
    }

    /// The same, as shards tell each other.
    pub fn read_origin(&mut self, texts: &[String; 4]) -> OriginId {
        let symbols = std::array::from_fn(|n| self.of(ORIGIN_DIMS[n], &texts[n]));
        self.origin_of(symbols)
    }

    /// A block's texts get numbers of their own: what was read of other blocks is forgotten.
    pub fn open_block(&mut self, texts: usize) {
        self.spelled.clear();
        self.spelled.resize(texts, [Symbol::ABSENT; 4]);
    }

    /// The same as `origin`, of numbers of a block's texts. A text is looked up once a block.
    pub fn origin_in_block(&mut self, origin: &OriginOf<u32>, texts: &[&str]) -> OriginId {
        let numbers = [origin.channel, origin.campaign, origin.content, origin.term];
        let symbols = std::array::from_fn(|n| {
            let number = numbers[n] as usize;
            if self.spelled[number][n] == Symbol::ABSENT {
                self.spelled[number][n] = self.of(ORIGIN_DIMS[n], texts[number]);
            }
            self.spelled[number][n]
        });
        self.origin_of(symbols)
    }

    fn origin_of(&mut self, symbols: [Symbol; 4]) -> OriginId {
        let hash = self.hasher.hash_one(symbols);
        if let Some(&at) = self.origin_index.find(hash, |&at| self.origins[at as usize] == symbols) {
            return OriginId(at);
        }
        let at = u32::try_from(self.origins.len()).expect("bounded by combinations that occur");
        self.origins.push(symbols);
        let (all, hasher) = (&self.origins, &self.hasher);
        self.origin_index.insert_unique(hash, at, |&n| hasher.hash_one(all[n as usize]));
        OriginId(at)
    }

    /// Channel, campaign, content and term.
    #[must_use]
    pub fn origin_symbols(&self, origin: OriginId) -> [Symbol; 4] {
        self.origins[origin.0 as usize]
    }

    /// As `read_origin` reads it.
    #[must_use]
    pub fn spell_origin(&self, origin: OriginId) -> [String; 4] {
        self.origin_symbols(origin).map(|symbol| self.text(symbol).to_owned())
    }

    #[must_use]
    pub fn channel(&self, origin: OriginId) -> &str {
        self.text(self.origin_symbols(origin)[0])
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Every text with its dimension, and every origin, in the order given: what a snapshot keeps.
    pub fn dump(&self) -> (Vec<(Dim, &str)>, &[[Symbol; 4]]) {
        (self.dims.iter().copied().zip(self.texts.iter().map(AsRef::as_ref)).collect(), &self.origins)
    }

    /// The table that `dump` described. None when the dump names a text twice or an unknown symbol.
    #[must_use]
    pub fn load(max_values: usize, texts: &[(Dim, String)], origins: &[[Symbol; 4]]) -> Option<Self> {
        let mut table = Self::new(usize::MAX);
        for (n, (dim, text)) in texts.iter().enumerate() {
            if table.of(*dim, text).0 as usize != n + 1 {
                return None;
            }
        }
        for (n, symbols) in origins.iter().enumerate() {
            if symbols.iter().any(|symbol| symbol.0 as usize > texts.len()) {
                return None;
            }
            if table.origin_of(*symbols).0 as usize != n {
                return None;
            }
        }
        table.max_values = max_values;
        Some(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(channel: &'static str, campaign: &'static str) -> Origin<'static> {
        Origin { channel: channel.into(), campaign: campaign.into(), content: "(none)".into(), term: "(none)".into() }
    }

    #[test]
    fn a_text_has_one_symbol_in_a_dimension() {
        let mut symbols = Symbols::new(10);
        let email = symbols.of(Dim::Channel, "email");
        assert_eq!(symbols.of(Dim::Channel, "email"), email);
        assert_ne!(symbols.of(Dim::Campaign, "email"), email);
        assert_eq!(symbols.text(email), "email");
        assert_eq!(symbols.text(Symbol::ABSENT), "");
    }

    #[test]
    fn beyond_the_bound_is_other() {
        let mut symbols = Symbols::new(2);
        let spring = symbols.origin(&origin("email", "spring"));
        symbols.origin(&origin("email", "summer"));
        let autumn = symbols.origin(&origin("email", "autumn"));
        let winter = symbols.origin(&origin("email", "winter"));
        assert_eq!(autumn, winter);
        assert_ne!(autumn, spring);
        assert_eq!(symbols.text(symbols.origin_symbols(autumn)[1]), OTHER);
        assert_eq!(symbols.origin(&origin("email", "spring")), spring);
    }

    #[test]
    fn a_dump_loads_to_the_same_numbers() {
        let mut symbols = Symbols::new(2);
        let origins = [("email", "a"), ("web", "b"), ("email", "c")].map(|(a, b)| symbols.origin(&origin(a, b)));
        let (texts, tuples) = symbols.dump();
        let texts: Vec<_> = texts.into_iter().map(|(dim, text)| (dim, text.to_owned())).collect();
        let mut loaded = Symbols::load(2, &texts, tuples).expect("a good dump");
        assert_eq!([("email", "a"), ("web", "b"), ("email", "c")].map(|(a, b)| loaded.origin(&origin(a, b))), origins);
    }
}
