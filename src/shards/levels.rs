//! The watermarks of the levels above the inputs. A level's watermark is the least of the level below it over all
//! shards, as their forwards say it: what a shard sent before is told by then.

use serde::{Deserialize, Serialize};

use crate::model::time::Millis;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels {
    heard: Vec<[Option<Millis>; 3]>,
}

impl Levels {
    #[must_use]
    pub fn new(shards: u16) -> Self {
        Self { heard: vec![[None; 3]; usize::from(shards)] }
    }

    /// Takes the watermarks that a shard sent along. They never go back.
    pub fn hear(&mut self, from: u16, watermarks: [Option<Millis>; 3]) {
        if let Some(heard) = self.heard.get_mut(usize::from(from)) {
            for (known, told) in heard.iter_mut().zip(watermarks) {
                *known = (*known).max(told);
            }
        }
    }

    /// Level 1: every visitor and deal has told what it knows up to here. None until every shard has spoken.
    #[must_use]
    pub fn of_leads(&self) -> Option<Millis> {
        self.heard.iter().map(|[inputs, ..]| *inputs).min().flatten()
    }

    /// Level 2: every lead has.
    #[must_use]
    pub fn of_units(&self) -> Option<Millis> {
        self.heard.iter().map(|[_, leads, _]| *leads).min().flatten()
    }

    /// Level 3: every unit has, where units tell accounts anything.
    #[must_use]
    pub fn of_accounts(&self) -> Option<Millis> {
        self.heard.iter().map(|[_, _, units]| *units).min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_shard_holds_a_level() {
        let mut levels = Levels::new(2);
        levels.hear(0, [Some(Millis(9)), Some(Millis(5)), Some(Millis(4))]);
        assert_eq!(levels.of_leads(), None);
        levels.hear(1, [Some(Millis(7)), None, None]);
        assert_eq!((levels.of_leads(), levels.of_units()), (Some(Millis(7)), None));
        levels.hear(1, [Some(Millis(6)), Some(Millis(2)), Some(Millis(1))]);
        assert_eq!((levels.of_leads(), levels.of_units()), (Some(Millis(7)), Some(Millis(2))));
        assert_eq!(levels.of_accounts(), Some(Millis(1)));
    }
}
