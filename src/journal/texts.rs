//! The texts of a block that its touches share: channels, campaigns, pages. Each is written once; entries name it by its
//! number.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Known texts are forgotten when they are so many.
const MOST_KNOWN: usize = 1 << 16;

/// Numbers texts in the order in which a block first names them. What earlier blocks named stays known, so that in the
/// long run a text costs a look-up and nothing else.
#[derive(Debug, Default)]
pub struct Texts {
    /// The last block that named a text, and its number there.
    known: HashMap<Box<str>, (u64, u32), FixedState>,
    block: u64,
    count: u32,
    /// Back to back as postcard has them.
    encoded: Vec<u8>,
}

impl Texts {
    pub fn number(&mut self, text: &str) -> u32 {
        let (block, next) = (self.block, self.count);
        match self.known.get_mut(text) {
            Some((last, number)) if *last == block => return *number,
            Some(known) => *known = (block, next),
            None => drop(self.known.insert(text.into(), (block, next))),
        }
        let encoded = std::mem::take(&mut self.encoded);
        self.encoded = postcard::to_extend(text, encoded).expect("text always encodes");
        self.count += 1;
        next
    }

    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.encoded.len() + size_of::<u64>()
    }

    /// Appends the block's texts, to be read as a sequence of strings; the next block begins.
    #[must_use]
    pub fn finish(&mut self, out: Vec<u8>) -> Vec<u8> {
        let count = self.count as usize;
        let mut out = postcard::to_extend(&count, out).expect("a number always encodes");
        out.extend_from_slice(&self.encoded);
        self.encoded.clear();
        (self.block, self.count) = (self.block + 1, 0);
        if self.known.len() > MOST_KNOWN {
            self.known.clear();
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_spells_what_it_names() {
        let mut texts = Texts::default();
        assert_eq!(["email", "spring", "email"].map(|text| texts.number(text)), [0, 1, 0]);
        let bytes = texts.finish(vec![]);
        assert_eq!(postcard::from_bytes::<Vec<&str>>(&bytes), Ok(vec!["email", "spring"]));
        assert_eq!(["spring", "email"].map(|text| texts.number(text)), [0, 1]);
        let bytes = texts.finish(vec![]);
        assert_eq!(postcard::from_bytes::<Vec<&str>>(&bytes), Ok(vec!["spring", "email"]));
        assert_eq!(postcard::from_bytes::<Vec<&str>>(&texts.finish(vec![])), Ok(vec![]));
    }
}
