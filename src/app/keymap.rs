//! Which key does what.

use std::collections::HashMap;

use thiserror::Error;

use crate::app::actions::{ACTIONS, Action};
use crate::app::key::Key;

/// Why keys make no map.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadKeys {
    /// There is no such key.
    #[error("{action}: there is no key {key:?}")]
    NoSuchKey {
        /// The action's id.
        action: &'static str,
        /// What was written.
        key: String,
    },
    /// Two actions want one key.
    #[error("key {key} is bound twice: to {first} and to {second}")]
    Conflict {
        /// The key.
        key: String,
        /// The id of the one.
        first: &'static str,
        /// The id of the other.
        second: &'static str,
    },
}

/// From keys to actions.
#[derive(Debug)]
pub struct Keymap {
    map: HashMap<Key, &'static Action>,
}

impl Keymap {
    /// The keys of the ACTIONS table.
    ///
    /// # Errors
    /// When a key does not exist or is bound twice.
    pub fn standard() -> Result<Self, BadKeys> {
        let mut map: HashMap<Key, &'static Action> = HashMap::new();
        for action in ACTIONS {
            for name in action.keys {
                let bad = || BadKeys::NoSuchKey { action: action.id, key: (*name).to_owned() };
                let key = Key::parse(name).ok_or_else(bad)?;
                if let Some(first) = map.insert(key, action) {
                    return Err(BadKeys::Conflict { key: key.to_string(), first: first.id, second: action.id });
                }
            }
        }
        Ok(Self { map })
    }

    /// What a key does.
    pub fn get(&self, key: Key) -> Option<&'static Action> {
        self.map.get(&key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_makes_a_map_without_conflicts() {
        let keymap = Keymap::standard().unwrap();
        assert_eq!(keymap.get(Key::char('M')).map(|action| action.id), Some("server.maint"));
        assert_eq!(keymap.get(Key::char('m')), None, "a slip of the Shift key must not act");
    }
}
