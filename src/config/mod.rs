//! Floor 1: what the user wants, gathered from where it may stand.

pub mod discover;
pub mod duration;
pub mod environment;
pub mod file;
pub mod keys;
pub mod layer;
pub mod looks;
pub mod places;
pub mod said;
pub mod settings;
pub mod state;
pub mod target;
pub mod values;
