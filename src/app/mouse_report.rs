//! Mouse reports of the terminal, and what the screen shows there.

use std::time::Duration;

use crate::app::layout::Pane;
use crate::table::view_table::ViewId;

/// A button or the wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseButton {
    /// The left button was pressed.
    Left,
    /// The wheel was turned up.
    WheelUp,
    /// The wheel was turned down.
    WheelDown,
}

/// A mouse report of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MouseReport {
    /// Button or wheel.
    pub button: MouseButton,
    /// Screen column, from 0.
    pub column: u16,
    /// Screen row, from 0.
    pub row: u16,
}

/// A part of the screen that reacts to the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseTarget {
    /// The title of a view.
    Tab(ViewId),
    /// A pane of the dashboard that has a cursor.
    Pane(Pane),
    /// The row or line of this index, in this pane of the dashboard or in the view.
    Row(Option<Pane>, usize),
}

/// The state of the mouse between its reports.
#[derive(Debug, Default)]
pub struct MouseState {
    /// Target and time of the last click, if the next one can make it a double click.
    pub(crate) last_click: Option<(MouseTarget, Duration)>,
}
