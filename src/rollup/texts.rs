//! The rollup's own symbols: every text of a dimension once, whichever shard's blocks spell it.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::partials::cells::Symbol;

#[derive(Debug, Default)]
pub(super) struct Texts {
    symbols: HashMap<Arc<str>, Symbol>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    pub(super) fn symbol(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.symbols.get(text) {
            return *symbol;
        }
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        // Symbol 0 is the absent one.
        let symbol = Symbol(u32::try_from(self.texts.len()).expect("fewer texts than cells, which memory holds"));
        self.symbols.insert(text, symbol);
        symbol
    }

    pub(super) fn known(&self, text: &str) -> Option<Symbol> {
        self.symbols.get(text).copied()
    }

    pub(super) fn text(&self, symbol: Symbol) -> Option<&Arc<str>> {
        self.texts.get((symbol.0 as usize).checked_sub(1)?)
    }
}
