//! How records spell the leads of a shard: entities are known by the hash of their id, ledgers and some rules need the id
//! itself. Kept only where one of them asks for it.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::model::entity::EntityKey;

#[derive(Debug, Default)]
pub struct LeadIds {
    ids: HashMap<EntityKey, Arc<str>>,
}

impl LeadIds {
    pub fn note(&mut self, key: EntityKey, id: &str) {
        self.ids.entry(key).or_insert_with(|| id.into());
    }

    #[must_use]
    pub fn of(&self, key: EntityKey) -> Option<Arc<str>> {
        self.ids.get(&key).cloned()
    }

    pub fn forget(&mut self, key: EntityKey) {
        self.ids.remove(&key);
    }

    /// What a snapshot keeps, in an order that depends on nothing else.
    #[must_use]
    pub fn dump(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.ids.values().map(|id| &**id).collect();
        ids.sort_unstable();
        ids
    }

    /// Takes an id of a dump. False when it was there already.
    pub fn load(&mut self, id: Box<str>) -> bool {
        self.ids.insert(EntityKey::of(&id), id.into()).is_none()
    }

    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ids.capacity() * size_of::<(EntityKey, Arc<str>)>() + self.ids.values().map(|id| id.len()).sum::<usize>()
    }
}
