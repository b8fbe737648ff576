//! Key bindings: which key runs which UI command.

use std::collections::HashMap;

use thiserror::Error;

use crate::app::command_table::COMMANDS;
use crate::app::key::Key;
use crate::app::ui_commands::{CommandSpec, UiCommand};

/// The error for invalid key bindings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeymapError {
    /// The command id does not exist.
    #[error("unknown command {0:?}")]
    UnknownCommand(String),
    /// The key name does not exist.
    #[error("{command}: unknown key {key:?}")]
    UnknownKey {
        /// Command id.
        command: &'static str,
        /// Key name as configured.
        key: String,
    },
    /// Terminals do not send the key.
    #[error("{command}: a terminal cannot send {key}: {reason}")]
    UnsendableKey {
        /// Command id.
        command: &'static str,
        /// Key name as configured.
        key: String,
        /// Reason, with the key that a terminal sends instead.
        reason: String,
    },
    /// A key is bound to two commands.
    #[error("key {key} is bound to both {first} and {second}")]
    Conflict {
        /// The key.
        key: String,
        /// Id of the first command.
        first: &'static str,
        /// Id of the second command.
        second: &'static str,
    },
}

/// Key bindings, from key to command and from command to keys. Playback keys work only during playback.
#[derive(Debug, Clone)]
pub struct Keymap {
    live: HashMap<Key, &'static CommandSpec>,
    past: HashMap<Key, &'static CommandSpec>,
    /// Keys of each command, in the order of [`COMMANDS`].
    keys: Vec<Vec<Key>>,
}

impl Keymap {
    /// Builds the default key map.
    ///
    /// # Errors
    /// Returns an error if a key does not exist or is bound twice.
    pub fn standard() -> Result<Self, KeymapError> {
        Self::with_changes(&[])
    }

    /// Builds the default key map with changes. A command in `changes` gets exactly the given keys and no others.
    ///
    /// # Errors
    /// Returns an error for an unknown command or key, or if a key is bound twice.
    pub(crate) fn with_changes(changes: &[(&str, &[String])]) -> Result<Self, KeymapError> {
        if let Some((name, _)) = changes.iter().find(|(name, _)| COMMANDS.iter().all(|command| command.id != *name)) {
            return Err(KeymapError::UnknownCommand((*name).to_owned()));
        }
        let (mut live, mut past): (HashMap<Key, &'static CommandSpec>, HashMap<_, _>) = Default::default();
        let mut keys = Vec::with_capacity(COMMANDS.len());
        for command in COMMANDS {
            let change = changes.iter().rev().find(|(name, _)| *name == command.id);
            let names: Vec<&str> = match change {
                Some((_, names)) => names.iter().map(String::as_str).collect(),
                None => command.keys.to_vec(),
            };
            let key = |name: &str| {
                let (command, key_name) = (command.id, name.to_owned());
                let Some(key) = Key::parse(name) else {
                    return Err(KeymapError::UnknownKey { command, key: key_name });
                };
                match key.unsendable_reason() {
                    Some(reason) => Err(KeymapError::UnsendableKey { command, key: key_name, reason }),
                    None => Ok(key),
                }
            };
            let parsed = names.into_iter().map(key).collect::<Result<Vec<Key>, KeymapError>>()?;
            let map = if command.is_playback_only() { &mut past } else { &mut live };
            for key in &parsed {
                if let Some(first) = map.insert(*key, command) {
                    return Err(KeymapError::Conflict { key: key.to_string(), first: first.id, second: command.id });
                }
            }
            keys.push(parsed);
        }
        Ok(Self { live, past, keys })
    }

    /// Returns the keys of a command. The footer and menus show the first one.
    pub(crate) fn keys_for(&self, command: &CommandSpec) -> &[Key] {
        let index = COMMANDS.iter().position(|known| known.id == command.id);
        index.and_then(|index| self.keys.get(index)).map_or(&[], Vec::as_slice)
    }

    /// Returns the on-screen name of a command's first key, or an empty string if the command has no key.
    pub(crate) fn key_label(&self, command: &CommandSpec, ascii: bool) -> String {
        self.keys_for(command).first().map(|key| key.label(ascii)).unwrap_or_default()
    }

    /// Returns how to run a command: the name of its first key, or else `:` and the id of the command.
    pub(crate) fn key_or_command(&self, ui_command: UiCommand) -> String {
        let command = COMMANDS.iter().find(|command| command.ui_command == ui_command);
        let by_key = command.map(|command| self.key_label(command, true)).filter(|name| !name.is_empty());
        by_key.or_else(|| command.map(|command| format!(":{}", command.id))).unwrap_or_default()
    }

    /// Returns the command bound to a key. An unbound key with Shift counts as the key without Shift.
    pub fn get(&self, key: Key) -> Option<&'static CommandSpec> {
        self.live.get(&key).or_else(|| self.live.get(&Key { shift: false, ..key })).copied()
    }

    /// Returns the command bound to a key during playback.
    pub(crate) fn command_in_past(&self, key: Key) -> Option<&'static CommandSpec> {
        self.past.get(&key).copied().or_else(|| self.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_changes_replaces_default_keys() {
        let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (drain, none) = (keys(&["X", "<f11>"]), keys(&[]));
        let keymap = Keymap::with_changes(&[("server.drain", &drain), ("line.remove", &none)]).unwrap();
        let id = |ch| keymap.get(Key::char(ch)).map(|command| command.id);
        assert_eq!((id('X'), id('D')), (Some("server.drain"), None));
        let drain_command = COMMANDS.iter().find(|command| command.id == "server.drain").unwrap();
        assert_eq!(keymap.keys_for(drain_command).len(), 2);
        assert_eq!(keymap.key_label(drain_command, false), "X");
        let key_or_command = |ui_command| keymap.key_or_command(ui_command);
        assert_eq!(
            (
                key_or_command(drain_command.ui_command),
                key_or_command(UiCommand::RemoveLine),
                key_or_command(UiCommand::TogglePause)
            ),
            ("X".into(), ":line.remove".into(), "p".into())
        );
    }

    #[test]
    fn with_changes_rejects_unknown_names_and_conflicts() {
        let message = |id: &str, key: &str| Keymap::with_changes(&[(id, &[key.to_owned()])]).unwrap_err().to_string();
        assert_eq!(message("server.nope", "D"), "unknown command \"server.nope\"");
        assert_eq!(message("server.drain", "<nope>"), "server.drain: unknown key \"<nope>\"");
        assert_eq!(
            message("server.drain", "<c-m>"),
            "server.drain: a terminal cannot send <c-m>: terminals send <ret> instead"
        );
        assert_eq!(message("server.drain", "M"), "key M is bound to both server.drain and server.maint");
    }

    #[test]
    fn standard_keymap_has_no_conflicts() {
        let keymap = Keymap::standard().unwrap();
        assert_eq!(keymap.get(Key::char('M')).map(|command| command.id), Some("server.maint"));
        let id = |command: Option<&'static CommandSpec>| command.map(|command| command.id);
        assert_eq!(id(keymap.get(Key::char('m'))), Some("past.mark"), "an accidental Shift must not run an action");
        let [left, shifted] = ["<left>", "<s-left>"].map(|name| Key::parse(name).unwrap());
        assert_eq!((id(keymap.get(left)), id(keymap.get(shifted))), (Some("move.left"), Some("move.left")));
        let past = [left, shifted, Key::char('M')].map(|key| id(keymap.command_in_past(key)));
        assert_eq!(past, [Some("past.back"), Some("past.minute-back"), Some("server.maint")]);
    }
}
