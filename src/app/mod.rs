//! Floor 3: what the user meets, as pure functions.
//!
//! The model holds everything the screen shows; `update` takes it from one message to the next and says what
//! is to be done outside. Nothing here does I/O, reads a clock or knows a terminal: time and size are
//! arguments, so that every test of a key press is the same everywhere.

pub mod acting;
pub mod actions;
pub mod arrangement;
pub mod asked;
pub mod asking;
pub mod cells;
pub mod charts;
pub mod columns;
pub mod command_line;
pub mod commands;
pub mod confirm;
pub mod cost;
pub mod facts;
pub mod filter;
pub mod format;
pub mod key;
pub mod keymap;
pub mod layers;
pub mod layout;
pub mod lists;
pub mod marking;
pub mod marks;
pub mod menus;
pub mod model;
pub mod moving;
pub mod msg;
pub mod offers;
pub mod overview;
pub mod press;
pub mod prompt;
pub mod since;
pub mod start;
pub mod tables;
pub mod targets;
pub mod travel;
pub mod typing;
pub mod undo;
pub mod update;
pub mod views;
pub mod words;
