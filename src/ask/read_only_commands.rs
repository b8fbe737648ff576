//! Commands that are known to change nothing in any version from 1.5 to 3.5.
//!
//! A version without a command replies with a list of similar commands and changes nothing, so the list needs no
//! versions.
//!
//! `clear table` is not in the list, although it works at level user up to 3.3.

/// First words of each read-only command.
pub static READ_ONLY_COMMANDS: [&[&str]; 44] = [
    &["acme", "status"],
    &["echo"],
    &["help"],
    &["operator"],
    &["user"],
    &["get", "acl"],
    &["get", "map"],
    &["get", "var"],
    &["get", "weight"],
    &["show", "acl"],
    &["show", "activity"],
    &["show", "anon"],
    &["show", "backend"],
    &["show", "cache"],
    &["show", "cli", "level"],
    &["show", "cli", "sockets"],
    &["show", "defaults"],
    &["show", "dev"],
    &["show", "env"],
    &["show", "errors"],
    &["show", "events"],
    &["show", "fd"],
    &["show", "info"],
    &["show", "libs"],
    &["show", "map"],
    &["show", "peers"],
    &["show", "pools"],
    &["show", "proc"],
    &["show", "profiling"],
    &["show", "quic"],
    &["show", "resolvers"],
    &["show", "schema", "json"],
    &["show", "servers"],
    &["show", "sess"],
    &["show", "ssl"],
    &["show", "startup-logs"],
    &["show", "stat"],
    &["show", "table"],
    &["show", "tasks"],
    &["show", "threads"],
    &["show", "tls-keys"],
    &["show", "trace"],
    &["show", "version"],
    &["wait"],
];
