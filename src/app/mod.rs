//! The dashboard's state and behavior, as pure functions.
//!
//! **Owns** the [`model::Model`] (everything the screen shows), the reaction to every key, the dialogs and
//! menus over the views, and the tables of UI commands and their keys.
//!
//! **Does not own** the samples, history, problems and running actions of an instance (see
//! [`crate::instance`]), the sending of actions and queries, drawing, or the terminal. Nothing here does I/O
//! or reads a clock: time and terminal size are arguments, so a test of a key press always gives the same result.
//!
//! **Data flow**: the event loop passes every [`msg::Message`] (a key, a poll result, a reply) to
//! [`update::update`]. `update` changes the model and returns [`msg::Effect`]s, which the event loop carries
//! out: send an action or a query, poll now, ring the bell, quit. The user interface then draws the model.

pub mod action_flow;
pub mod action_targets;
pub mod cli_view;
pub mod command_line;
pub mod confirmation;
pub mod confirmation_texts;
pub mod dashboard_lists;
pub mod diff_summary;
pub mod initial_view;
pub mod input;
pub mod instance_view;
pub mod key;
pub mod keymap;
pub mod layers;
pub mod layout;
pub mod mark_commands;
pub mod marked_rows;
pub mod menus;
pub mod message;
pub mod model;
pub mod navigation;
pub mod overhead;
pub mod palette_parser;
pub mod playback;
pub mod process_summary;
pub mod prompt;
pub mod queries;
pub mod query_state;
pub mod suggested_actions;
pub mod ui_commands;
pub mod undo;
pub mod update;
pub mod view_config;
