//! Which key does what.

use std::collections::HashMap;

use thiserror::Error;

use crate::app::commands::{COMMANDS, CommandSpec, UiCommand};
use crate::app::key::Key;

/// Why keys make no map.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadKeys {
    /// There is no such action.
    #[error("there is no action {0:?}")]
    NoSuchAction(String),
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

/// From keys to actions, and back. Some keys go through time while the past is shown, and mean something else in the
/// present.
#[derive(Debug)]
pub struct Keymap {
    map: HashMap<Key, &'static CommandSpec>,
    past: HashMap<Key, &'static CommandSpec>,
    /// The keys of each of [`COMMANDS`].
    keys: Vec<Vec<Key>>,
}

impl Keymap {
    /// The keys of the COMMANDS table.
    ///
    /// # Errors
    /// When a key does not exist or is bound twice.
    pub fn standard() -> Result<Self, BadKeys> {
        Self::changed(&[])
    }

    /// The same, but the actions that are named have these keys and no others.
    ///
    /// # Errors
    /// When there is no such action or key, or a key is bound twice.
    pub fn changed(changes: &[(&str, &[String])]) -> Result<Self, BadKeys> {
        if let Some((name, _)) = changes.iter().find(|(name, _)| COMMANDS.iter().all(|action| action.id != *name)) {
            return Err(BadKeys::NoSuchAction((*name).to_owned()));
        }
        let (mut live, mut past): (HashMap<Key, &'static CommandSpec>, HashMap<_, _>) = Default::default();
        let mut keys = Vec::with_capacity(COMMANDS.len());
        for action in COMMANDS {
            let change = changes.iter().rev().find(|(name, _)| *name == action.id);
            let names: Vec<&str> = match change {
                Some((_, names)) => names.iter().map(String::as_str).collect(),
                None => action.keys.to_vec(),
            };
            let key = |name: &str| {
                Key::parse(name).ok_or_else(|| BadKeys::NoSuchKey { action: action.id, key: name.to_owned() })
            };
            let own = names.into_iter().map(key).collect::<Result<Vec<Key>, BadKeys>>()?;
            let map = if action.is_of_past() { &mut past } else { &mut live };
            for key in &own {
                if let Some(first) = map.insert(*key, action) {
                    return Err(BadKeys::Conflict { key: key.to_string(), first: first.id, second: action.id });
                }
            }
            keys.push(own);
        }
        Ok(Self { map: live, past, keys })
    }

    /// The keys of an action, the first one foremost.
    pub fn keys(&self, action: &CommandSpec) -> &[Key] {
        let place = COMMANDS.iter().position(|known| known.id == action.id);
        place.and_then(|place| self.keys.get(place)).map_or(&[], Vec::as_slice)
    }

    /// The first key of an action as people read it; empty where it has none.
    pub fn name(&self, action: &CommandSpec, ascii: bool) -> String {
        self.keys(action).first().map(|key| key.label(ascii)).unwrap_or_default()
    }

    /// How somebody who reads about an action comes to it: its first key, else its name on the command line.
    pub fn way(&self, run: UiCommand) -> String {
        let action = COMMANDS.iter().find(|action| action.run == run);
        let by_key = action.map(|action| self.name(action, true)).filter(|name| !name.is_empty());
        by_key.or_else(|| action.map(|action| format!(":{}", action.id))).unwrap_or_default()
    }

    /// What a key does. With Shift it does what it does without, where nothing else is said.
    pub fn get(&self, key: Key) -> Option<&'static CommandSpec> {
        self.map.get(&key).or_else(|| self.map.get(&Key { shift: false, ..key })).copied()
    }

    /// What a key does while the past is shown.
    pub fn get_in_past(&self, key: Key) -> Option<&'static CommandSpec> {
        self.past.get(&key).copied().or_else(|| self.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_keys_replace_those_of_an_action() {
        let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (drain, none) = (keys(&["X", "<f11>"]), keys(&[]));
        let keymap = Keymap::changed(&[("server.drain", &drain), ("line.remove", &none)]).unwrap();
        let id = |ch| keymap.get(Key::char(ch)).map(|action| action.id);
        assert_eq!((id('X'), id('D')), (Some("server.drain"), None));
        let drains = COMMANDS.iter().find(|action| action.id == "server.drain").unwrap();
        assert_eq!(keymap.keys(drains).len(), 2);
        assert_eq!(keymap.name(drains, false), "X");
        let way = |run| keymap.way(run);
        assert_eq!((way(drains.run), way(UiCommand::Remove), way(UiCommand::Pause)), ("X".into(), ":line.remove".into(), "p".into()));
    }

    #[test]
    fn keys_that_cannot_be_are_told() {
        let told = |id: &str, key: &str| Keymap::changed(&[(id, &[key.to_owned()])]).unwrap_err().to_string();
        assert_eq!(told("server.nope", "D"), "there is no action \"server.nope\"");
        assert_eq!(told("server.drain", "<nope>"), "server.drain: there is no key \"<nope>\"");
        assert_eq!(told("server.drain", "M"), "key M is bound twice: to server.drain and to server.maint");
    }

    #[test]
    fn the_table_makes_a_map_without_conflicts() {
        let keymap = Keymap::standard().unwrap();
        assert_eq!(keymap.get(Key::char('M')).map(|action| action.id), Some("server.maint"));
        let id = |action: Option<&'static CommandSpec>| action.map(|action| action.id);
        assert_eq!(id(keymap.get(Key::char('m'))), Some("past.mark"), "a slip of the Shift key must not act");
        let [left, shifted] = ["<left>", "<s-left>"].map(|name| Key::parse(name).unwrap());
        assert_eq!((id(keymap.get(left)), id(keymap.get(shifted))), (Some("move.left"), Some("move.left")));
        let past = [left, shifted, Key::char('M')].map(|key| id(keymap.get_in_past(key)));
        assert_eq!(past, [Some("past.back"), Some("past.minute-back"), Some("server.maint")]);
    }
}
