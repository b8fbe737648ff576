//! Floor 5: the terminal: entering and leaving it, what is typed, what is drawn, and noticing when it is gone.

pub mod frames;
pub mod input;
pub mod output;
pub mod paint;
pub mod pen;
pub mod screen;
pub mod watchdog;
