//! ACTIONS: everything a key can do, one row each.
//!
//! The key map, the footer, the help overlay and the documents are made from this table, so they agree.

use crate::monitor::acts::{self, Act};

/// A step of the selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// By so many rows.
    Rows(i32),
    /// By so many halves of the pane's height.
    HalfPages(i32),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// What an action does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Do {
    /// Moves the selection.
    Move(Step),
    /// Goes into the selected row; a folded one is unfolded first where it says so.
    Open {
        /// Unfold first.
        unfold: bool,
    },
    /// Goes back; clears the filter where it says so.
    Back {
        /// Clear first.
        clear: bool,
    },
    /// Moves the focus by so many panes or views.
    Focus(i32),
    /// Shows a view.
    View(usize),
    /// Asks which rows to show.
    Filter,
    /// Sorts by another column.
    SortNext(i32),
    /// Sorts the other way round.
    SortInvert,
    /// Asks by which column to sort.
    SortMenu,
    /// Shows a tree or every row for itself.
    Flat,
    /// Folds or unfolds the selected proxy.
    Fold,
    /// Folds or unfolds every proxy.
    FoldAll,
    /// Scrolls the columns.
    Sideways(i32),
    /// Asks for a command.
    Command,
    /// Gives the focused pane all the room, or takes it back.
    Zoom,
    /// Makes the charts' time span longer or shorter.
    Span(i32),
    /// Shows another instance.
    Instance(i32),
    /// Acts on the selected server.
    Act(&'static Act),
    /// Ends the selected session, or clears the selected entry.
    Remove,
    /// Copies the name of the selected row.
    Copy,
    /// Shows everything the process says of itself.
    Info,
    /// Polls as soon as politeness allows.
    PollNow,
    /// Draws everything anew.
    Redraw,
    /// Shows what the keys do.
    Help,
    /// Gives the terminal back to the shell for a while.
    Suspend,
    /// Ends the program.
    Quit,
}

/// Under which heading help lists an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Moving about.
    Move,
    /// What is shown.
    Show,
    /// The views.
    View,
    /// Changing HAProxy.
    Act,
    /// The program.
    Program,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 5] = [Self::Act, Self::Move, Self::View, Self::Show, Self::Program];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Show => "Show",
            Self::View => "Views",
            Self::Act => "Act on the selected server",
            Self::Program => "Program",
        }
    }
}

/// One action.
#[derive(Debug, PartialEq)]
pub struct Action {
    /// Its name in configuration and documents.
    pub id: &'static str,
    /// Keys, as [`crate::app::key::Key::parse`] reads them; the first is the one shown.
    pub keys: &'static [&'static str],
    /// The word in the footer; empty when it is not shown there.
    pub label: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// Its heading in the help.
    pub group: Group,
    /// What it does.
    pub run: Do,
}

const fn row(
    id: &'static str,
    keys: &'static [&'static str],
    label: &'static str,
    help: &'static str,
    group: Group,
    run: Do,
) -> Action {
    Action { id, keys, label, help, group, run }
}

/// Every action. The footer shows those with a label, in this order, as far as there is room.
pub static ACTIONS: &[Action] = &[
    row(
        "move.open",
        &["<ret>"],
        "open",
        "into the selected row: servers, then everything about it",
        Group::Move,
        Do::Open { unfold: false },
    ),
    row("show.filter", &["/"], "filter", "show only rows that match", Group::Show, Do::Filter),
    row("view.problems", &["!"], "problems", "what is wrong, worst first; once more, back", Group::View, Do::View(10)),
    row("server.ready", &["E", "<f9>"], "enable", "take traffic again: state ready", Group::Act, Do::Act(&acts::READY)),
    row(
        "server.drain",
        &["D"],
        "drain",
        "no new sessions, those present go on: state drain",
        Group::Act,
        Do::Act(&acts::DRAIN),
    ),
    row(
        "server.maint",
        &["M", "<f10>"],
        "maint",
        "nothing at all, no checks: state maint",
        Group::Act,
        Do::Act(&acts::MAINT),
    ),
    row("show.sort", &["s"], "sort", "by which column to sort", Group::Show, Do::SortMenu),
    row("move.next-pane", &["<tab>"], "next", "to the next pane or view", Group::Move, Do::Focus(1)),
    row("show.zoom", &["z"], "zoom", "give the dashboard's pane all the room, or take it back", Group::Show, Do::Zoom),
    row("command", &[":"], "command", "type a command", Group::Program, Do::Command),
    row("help", &["?", "<f1>", "h", "H"], "help", "what the keys do", Group::Program, Do::Help),
    row("quit", &["q", "Q", "<c-c>"], "quit", "end hapulse", Group::Program, Do::Quit),
    row("move.down", &["j", "<down>", "n"], "", "one row down", Group::Move, Do::Move(Step::Rows(1))),
    row("move.up", &["k", "<up>", "N"], "", "one row up", Group::Move, Do::Move(Step::Rows(-1))),
    row("move.page-down", &["<pgdn>"], "", "one page down", Group::Move, Do::Move(Step::HalfPages(2))),
    row("move.page-up", &["<pgup>"], "", "one page up", Group::Move, Do::Move(Step::HalfPages(-2))),
    row("move.half-down", &["<c-d>"], "", "half a page down", Group::Move, Do::Move(Step::HalfPages(1))),
    row("move.half-up", &["<c-u>"], "", "half a page up", Group::Move, Do::Move(Step::HalfPages(-1))),
    row("move.first", &["g", "<home>"], "", "to the first row", Group::Move, Do::Move(Step::First)),
    row("move.last", &["G", "<end>"], "", "to the last row", Group::Move, Do::Move(Step::Last)),
    row("move.right", &["<right>"], "", "unfold, then into the selected row", Group::Move, Do::Open { unfold: true }),
    row("move.left", &["<left>"], "", "up in the tree, to the pane before", Group::Move, Do::Back { clear: false }),
    row("move.back", &["<esc>", "<bs>"], "", "close, clear the filter, back", Group::Move, Do::Back { clear: true }),
    row("move.previous-pane", &["<backtab>"], "", "to the pane or view before", Group::Move, Do::Focus(-1)),
    row("view.dashboard", &["0", "<a-0>"], "", "everything at a glance", Group::View, Do::View(0)),
    row("view.status", &["1", "<a-1>"], "", "states, checks, sessions and queues", Group::View, Do::View(1)),
    row("view.traffic", &["2", "<a-2>"], "", "sessions and bytes", Group::View, Do::View(2)),
    row("view.http", &["3", "<a-3>"], "", "requests and responses", Group::View, Do::View(3)),
    row(
        "view.errors",
        &["4", "<a-4>"],
        "",
        "failed checks, connections, requests and responses",
        Group::View,
        Do::View(4),
    ),
    row("view.cli", &["5", "<a-5>"], "", "HAProxy's own command line", Group::View, Do::View(5)),
    row("view.latency", &["6", "<a-6>"], "", "time in queue, to connect, to respond", Group::View, Do::View(6)),
    row("view.sessions", &["7", "<a-7>"], "", "the sessions that are open", Group::View, Do::View(7)),
    row("view.tables", &["8", "<a-8>"], "", "stick tables and their entries", Group::View, Do::View(8)),
    row("view.events", &["9", "<a-9>"], "", "what happened", Group::View, Do::View(9)),
    row("line.remove", &["X"], "", "in views 7 and 8: end the session, clear the entry", Group::Act, Do::Remove),
    row("show.sort-right", &[">"], "", "sort by the next column", Group::Show, Do::SortNext(1)),
    row("show.sort-left", &["<lt>"], "", "sort by the column before", Group::Show, Do::SortNext(-1)),
    row("show.sort-invert", &["I"], "", "sort the other way round", Group::Show, Do::SortInvert),
    row("show.flat", &["t"], "", "every row for itself, or as a tree", Group::Show, Do::Flat),
    row("show.fold", &["f"], "", "fold or unfold the proxy", Group::Show, Do::Fold),
    row("show.fold-all", &["F"], "", "fold or unfold every proxy", Group::Show, Do::FoldAll),
    row("show.columns-right", &["."], "", "scroll to the columns on the right", Group::Show, Do::Sideways(1)),
    row("show.columns-left", &[","], "", "scroll to the columns on the left", Group::Show, Do::Sideways(-1)),
    row("show.info", &["i"], "", "everything the process says of itself", Group::Show, Do::Info),
    row("copy", &["y"], "", "copy the name of the row to the terminal's clipboard", Group::Program, Do::Copy),
    row("show.longer", &["+", "="], "", "charts over a longer time", Group::Show, Do::Span(1)),
    row("show.shorter", &["-"], "", "charts over a shorter time", Group::Show, Do::Span(-1)),
    row("show.next-instance", &["o"], "", "the next HAProxy", Group::Show, Do::Instance(1)),
    row("show.previous-instance", &["O"], "", "the HAProxy before", Group::Show, Do::Instance(-1)),
    row("poll", &["r"], "", "poll now", Group::Program, Do::PollNow),
    row("redraw", &["<c-l>"], "", "draw everything anew", Group::Program, Do::Redraw),
    row("suspend", &["<c-z>"], "", "back to the shell; fg returns", Group::Program, Do::Suspend),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_has_its_action_under_the_same_name() {
        for act in acts::ACTS {
            let action = ACTIONS.iter().find(|action| action.run == Do::Act(act));
            assert_eq!(action.map(|action| action.id), Some(act.id));
        }
    }

    #[test]
    fn ids_are_unique_and_every_action_has_a_key_and_help() {
        for (index, action) in ACTIONS.iter().enumerate() {
            assert!(!action.keys.is_empty() && !action.help.is_empty(), "{}", action.id);
            assert!(ACTIONS[..index].iter().all(|other| other.id != action.id), "{} stands twice", action.id);
        }
    }
}
