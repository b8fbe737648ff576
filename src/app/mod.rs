//! The dashboard's state and behavior, as pure functions.
//!
//! **Owns** the [`model::Model`] (everything the screen shows), the reaction to every key, the dialogs and
//! menus over the views, and the tables of UI commands and their keys.
//!
//! **Does not own** the samples, history, problems and running actions of an instance (see
//! [`crate::instance`]), the sending of actions and queries, drawing, or the terminal. Nothing here does I/O
//! or reads a clock: time and terminal size are arguments, so a test of a key press always gives the same result.
//!
//! **Data flow**: the event loop passes every [`message::Message`] (a key, a poll result, a reply) to
//! [`update::update`]. `update` changes the model and returns [`message::Effect`]s, which the event loop carries
//! out: send an action or a query, poll now, ring the bell, quit. The user interface then draws the model.

pub(crate) mod action_flow;
pub(crate) mod action_summary;
pub(crate) mod action_targets;
pub mod answer_gate;
#[cfg(test)]
mod answer_gate_tests;
pub(crate) mod balancer_areas;
pub(crate) mod balancer_group;
pub(crate) mod balancer_lines;
pub(crate) mod balancer_targets;
pub(crate) mod balancers_state;
pub(crate) mod balancers_view;
pub(crate) mod chart_ranges;
pub(crate) mod chart_settings;
pub(crate) mod charted_row;
pub(crate) mod cli_view;
pub mod command_line;
pub(crate) mod command_scope;
pub mod command_table;
pub(crate) mod comparison_view;
pub mod confirmation;
pub(crate) mod confirmation_texts;
pub(crate) mod dashboard_lists;
pub(crate) mod dashboard_order;
pub(crate) mod drawn_frames;
pub(crate) mod global_keys;
pub(crate) mod group_action;
pub(crate) mod group_run;
pub(crate) mod group_state;
pub(crate) mod group_targets;
pub(crate) mod heat_view;
pub(crate) mod initial_view;
pub(crate) mod input;
pub mod instance_view;
pub mod key;
pub mod keymap;
pub mod layers;
pub mod layout;
#[cfg(test)]
mod layout_tests;
pub(crate) mod mark_commands;
pub(crate) mod marked_rows;
pub(crate) mod match_commands;
pub(crate) mod match_search;
pub(crate) mod menus;
pub mod message;
pub mod model;
pub(crate) mod mouse;
pub mod mouse_report;
pub(crate) mod navigation;
pub(crate) mod notice;
pub(crate) mod notice_subject;
pub(crate) mod overhead;
pub(crate) mod palette;
pub mod palette_list;
pub mod palette_parser;
pub(crate) mod pane_focus;
pub(crate) mod playback;
pub(crate) mod problem_lines;
pub mod prompt;
pub(crate) mod queries;
pub(crate) mod query_filters;
pub mod query_lines;
pub(crate) mod query_refresh;
pub(crate) mod query_state;
pub(crate) mod quit;
pub(crate) mod refusal_texts;
pub(crate) mod replay;
pub(crate) mod replay_state;
pub(crate) mod request_areas;
pub(crate) mod requests_state;
pub(crate) mod requests_view;
pub(crate) mod row_merging;
pub(crate) mod server_effects;
pub(crate) mod session_actions;
pub mod session_groups;
pub(crate) mod session_mark_commands;
pub(crate) mod session_marks;
pub(crate) mod shown_moment;
pub(crate) mod suggested_actions;
pub(crate) mod table_layout;
pub(crate) mod table_notes;
pub(crate) mod timeline;
pub mod ui_commands;
pub(crate) mod undo;
pub(crate) mod undo_changes;
pub mod update;
pub(crate) mod view_commands;
pub(crate) mod view_config;
pub(crate) mod view_history;
