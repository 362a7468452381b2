//! Configurations of which a bucket has several, distinguished by their ids.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::domain::bucket::setting::Setting;

/// One of several configurations of a kind.
pub trait Named: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The kind in the database, as in [`Setting::KIND`].
    const KIND: &'static str;

    /// What tells it from the others of its kind on the bucket.
    fn id(&self) -> &str;
}

/// Every configuration of a kind that a bucket has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configurations<C> {
    /// In the order of their ids.
    pub all: Vec<C>,
}

impl<C> Default for Configurations<C> {
    fn default() -> Self {
        Self { all: Vec::new() }
    }
}

impl<C: Named> Setting for Configurations<C> {
    const KIND: &'static str = C::KIND;
}

impl<C: Named> Configurations<C> {
    /// Takes one in, instead of that of the same id.
    pub fn put(&mut self, one: C) {
        match self.all.binary_search_by(|other| other.id().cmp(one.id())) {
            Ok(at) => self.all[at] = one,
            Err(at) => self.all.insert(at, one),
        }
    }

    /// The one of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&C> {
        self.all.binary_search_by(|one| one.id().cmp(id)).ok().map(|at| &self.all[at])
    }

    /// Takes out the one of this id. Returns whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.all.len();
        self.all.retain(|one| one.id() != id);
        self.all.len() < before
    }

    /// Those whose ids come after this one.
    #[must_use]
    pub fn after(&self, id: &str) -> &[C] {
        &self.all[self.all.partition_point(|one| one.id() <= id)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct One(String, u32);

    impl Named for One {
        const KIND: &'static str = "one";

        fn id(&self) -> &str {
            &self.0
        }
    }

    #[test]
    fn each_id_is_there_once_and_in_order() {
        let mut all = Configurations::default();
        for (id, value) in [("b", 1), ("a", 2), ("c", 3), ("b", 4)] {
            all.put(One(id.to_owned(), value));
        }
        assert_eq!(all.all.iter().map(|one| one.1).collect::<Vec<_>>(), [2, 4, 3]);
        assert_eq!(all.get("b").map(|one| one.1), Some(4));
        assert_eq!(all.after("a").len(), 2);
        assert_eq!(all.after("bb").len(), 1);
        assert!(all.remove("b") && !all.remove("b") && all.get("b").is_none());
    }
}
