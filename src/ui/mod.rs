//! Floor 4: panes and widgets, as pure functions of the model.
//!
//! Everything here is given the model, a theme and a place, and fills cells of a buffer. Nothing is fetched,
//! remembered or timed here.

pub mod asked;
pub mod canvas;
pub mod charts;
pub mod cli;
pub mod colour;
pub mod confirm;
pub mod detail;
pub mod events;
pub mod footer;
pub mod grid;
pub mod header;
pub mod health;
pub mod help;
pub mod lists;
pub mod menu;
pub mod own;
pub mod page;
pub mod past;
pub mod problems;
pub mod roles;
pub mod rows;
pub mod screen;
pub mod since;
pub mod tabs;
pub mod text;
pub mod theme;
pub mod waiting;
