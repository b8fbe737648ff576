//! Floor 3: what the user meets, as pure functions.
//!
//! The model holds everything the screen shows; `update` takes it from one message to the next and says what
//! is to be done outside. Nothing here does I/O, reads a clock or knows a terminal: time and size are
//! arguments, so that every test of a key press is the same everywhere.

pub mod action_facts;
pub mod action_flow;
pub mod action_targets;
pub mod cli_input;
pub mod cli_view;
pub mod commands;
pub mod confirmation;
pub mod dashboard_lists;
pub mod diff_summary;
pub mod initial_view;
pub mod input;
pub mod key;
pub mod keymap;
pub mod layers;
pub mod layout;
pub mod menus;
pub mod model;
pub mod msg;
pub mod navigation;
pub mod overhead;
pub mod palette;
pub mod playback;
pub mod process_summary;
pub mod queries;
pub mod query_state;
pub mod selection;
pub mod selection_input;
pub mod suggestions;
pub mod text_input;
pub mod undo;
pub mod update;
pub mod view_config;
