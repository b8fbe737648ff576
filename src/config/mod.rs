//! Floor 1: what the user wants, gathered from where it may stand.

pub mod config_file;
pub mod discovery;
pub mod duration;
pub mod environment;
pub mod located;
pub mod partial_settings;
pub mod search_paths;
pub mod setting_table;
pub mod settings;
pub mod state_dir;
pub mod target;
pub mod terminal_env;
pub mod values;
