//! Configuration: settings from files, environment variables and command-line flags.
//!
//! This module owns the setting table, parsing with precise error positions, defaults and precedence, the search
//! paths, the targets and the discovery of the local HAProxies. It does not know rules, roles, views, columns or
//! actions: entries with such names are [`located::Located`] values, which other modules check.
//!
//! Data flow: [`config_file`], [`environment`] and the flags each yield a [`partial_settings::PartialSettings`];
//! [`search_paths`] orders them; [`settings`] applies them to the defaults.
//!
//! [`discovery`] lists the processes ([`haproxy_process`]). [`haproxy_search`] groups them ([`process_groups`]), reads
//! their configuration ([`haproxy_files`], [`haproxy_config`], [`haproxy_words`]), checks their sockets
//! ([`socket_checks`], [`listeners`], [`unix_diag`]) and reports [`local_haproxy`]. [`trust`] decides which owners it
//! trusts; [`safe_file`] opens files that another user may have prepared, and [`file_systems`] knows which of them have no
//! stored contents. [`own_file`] opens the files that hapulse writes. [`duration`], [`past_time`] and
//! [`retain_limit`] parse durations, times and limits on what is kept, for the whole program.

pub(crate) mod accounts;
pub mod config_file;
pub mod confirm_quit;
pub(crate) mod discovery;
pub mod duration;
pub(crate) mod environment;
pub(crate) mod file_systems;
pub mod former_names;
pub(crate) mod haproxy_config;
pub(crate) mod haproxy_files;
pub(crate) mod haproxy_process;
pub(crate) mod haproxy_search;
pub(crate) mod haproxy_words;
pub(crate) mod listeners;
pub(crate) mod local_haproxy;
pub(crate) mod located;
pub(crate) mod own_file;
pub mod partial_settings;
pub(crate) mod past_time;
pub(crate) mod process_groups;
pub mod retain_limit;
pub(crate) mod safe_file;
pub(crate) mod search_log;
pub(crate) mod search_paths;
pub mod setting_table;
pub mod settings;
pub(crate) mod socket_checks;
pub(crate) mod state_dir;
pub(crate) mod suggest;
pub(crate) mod target;
pub(crate) mod terminal_env;
pub(crate) mod trust;
pub(crate) mod unix_diag;
pub(crate) mod values;
