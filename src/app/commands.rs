//! COMMANDS: everything a key can do, one row each.
//!
//! The key map, the footer, the help overlay and the documents are made from this table, so they agree.

use crate::actions::action_table::{self, Action};
use crate::instance::past_moment::Travel;
use crate::table::view_table::{AWAY, SINCE};

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
pub enum UiCommand {
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
    /// Acts on what is marked, else on what is selected.
    Act(&'static Action),
    /// Acts on the server of the selected one's name in every backend.
    Everywhere(&'static Action),
    /// Makes weights so much higher or lower.
    Weigh(i32),
    /// Ends the selected session, or clears the selected entry.
    Remove,
    /// Asks what to do.
    ActMenu,
    /// Takes the last act back.
    Undo,
    /// Takes what is offered.
    Offer,
    /// Lets go what is offered.
    Decline,
    /// Marks the selected row, or unmarks it.
    Mark,
    /// Begins or ends a range of marks.
    MarkRange,
    /// Marks every server shown.
    MarkShown,
    /// Unmarks all.
    Unmark,
    /// Stays at the moment that is shown, or goes back to the present.
    Pause,
    /// Goes to another moment, while the past is shown.
    Travel(Travel),
    /// Marks the moment that is shown.
    MarkMoment,
    /// Forgets the marked moment.
    ForgetMoment,
    /// Copies the name of the selected row.
    Copy,
    /// Shows everything the process says of itself.
    Info,
    /// Shows what watching costs.
    Cost,
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
    /// Choosing several rows.
    Mark,
    /// Earlier moments.
    Past,
    /// The program.
    Program,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 7] = [Self::Act, Self::Mark, Self::Move, Self::View, Self::Show, Self::Past, Self::Program];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Show => "Show",
            Self::View => "Views",
            Self::Act => "Act on what is marked, else on what is selected",
            Self::Mark => "Mark",
            Self::Past => "The past; arrows, Home and End go through time while it is shown",
            Self::Program => "Program",
        }
    }
}

/// One action.
#[derive(Debug, PartialEq)]
pub struct CommandSpec {
    /// Its name in configuration and documents.
    pub id: &'static str,
    /// Keys, as [`crate::app::key::Key::parse`] reads them; the first is the one shown. An act without a key is in the
    /// menu of acts, and behind `:`.
    pub keys: &'static [&'static str],
    /// The word in the footer; empty when it is not shown there.
    pub label: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
    /// Its heading in the help.
    pub group: Group,
    /// What it does.
    pub run: UiCommand,
}

impl CommandSpec {
    /// Whether its keys are its own only while the past is shown.
    pub fn is_of_past(&self) -> bool {
        matches!(self.run, UiCommand::Travel(_))
    }
}

const fn row(
    id: &'static str,
    keys: &'static [&'static str],
    label: &'static str,
    help: &'static str,
    group: Group,
    run: UiCommand,
) -> CommandSpec {
    CommandSpec { id, keys, label, help, group, run }
}

/// An action of the ACTIONS table, under its own name.
const fn act(act: &'static Action, keys: &'static [&'static str], label: &'static str, help: &'static str) -> CommandSpec {
    row(act.id, keys, label, help, Group::Act, UiCommand::Act(act))
}

/// Every action. The footer shows those with a label, in this order, as far as there is room.
pub static COMMANDS: &[CommandSpec] = &[
    row(
        "move.open",
        &["<ret>"],
        "open",
        "into the selected row: servers, then everything about it",
        Group::Move,
        UiCommand::Open { unfold: false },
    ),
    row("show.filter", &["/"], "filter", "show only rows that match", Group::Show, UiCommand::Filter),
    row("view.problems", &["!"], "problems", "what is wrong, worst first; once more, back", Group::View, UiCommand::View(10)),
    act(&action_table::READY, &["E", "<f9>"], "enable", "take traffic again: state ready"),
    act(&action_table::DRAIN, &["D"], "drain", "no new sessions, those present go on: state drain"),
    act(&action_table::MAINT, &["M", "<f10>"], "maint", "nothing at all, no checks: state maint"),
    act(&action_table::WEIGHT, &["W"], "weight", "another weight: 0 to 256, or a share such as 50%"),
    row("act.menu", &["a"], "more", "everything that can be done with it, and why not", Group::Act, UiCommand::ActMenu),
    row("past.pause", &["p"], "past", "stay at this moment and look back; once more, live", Group::Past, UiCommand::Pause),
    row("act.undo", &["u"], "undo", "take the last act back; once more, the one before", Group::Act, UiCommand::Undo),
    row(
        "mark",
        &["<space>"],
        "mark",
        "mark or unmark the row: acts are about all that are marked",
        Group::Mark,
        UiCommand::Mark,
    ),
    row("command", &[":"], "command", "type a command", Group::Program, UiCommand::Command),
    row("show.sort", &["s"], "sort", "by which column to sort", Group::Show, UiCommand::SortMenu),
    row("move.next-pane", &["<tab>"], "next", "to the next pane or view", Group::Move, UiCommand::Focus(1)),
    row("show.zoom", &["z"], "zoom", "give the dashboard's pane all the room, or take it back", Group::Show, UiCommand::Zoom),
    row("help", &["?", "<f1>", "h", "H"], "help", "what the keys do", Group::Program, UiCommand::Help),
    row("quit", &["q", "Q", "<c-c>"], "quit", "end hapulse", Group::Program, UiCommand::Quit),
    row("move.down", &["j", "<down>", "n"], "", "one row down", Group::Move, UiCommand::Move(Step::Rows(1))),
    row("move.up", &["k", "<up>", "N"], "", "one row up", Group::Move, UiCommand::Move(Step::Rows(-1))),
    row("move.page-down", &["<pgdn>"], "", "one page down", Group::Move, UiCommand::Move(Step::HalfPages(2))),
    row("move.page-up", &["<pgup>"], "", "one page up", Group::Move, UiCommand::Move(Step::HalfPages(-2))),
    row("move.half-down", &["<c-d>"], "", "half a page down", Group::Move, UiCommand::Move(Step::HalfPages(1))),
    row("move.half-up", &["<c-u>"], "", "half a page up", Group::Move, UiCommand::Move(Step::HalfPages(-1))),
    row("move.first", &["g", "<home>"], "", "to the first row", Group::Move, UiCommand::Move(Step::First)),
    row("move.last", &["G", "<end>"], "", "to the last row", Group::Move, UiCommand::Move(Step::Last)),
    row("move.right", &["<right>"], "", "unfold, then into the selected row", Group::Move, UiCommand::Open { unfold: true }),
    row("move.left", &["<left>"], "", "up in the tree, to the pane before", Group::Move, UiCommand::Back { clear: false }),
    row("move.back", &["<esc>", "<bs>"], "", "close, clear the filter, back", Group::Move, UiCommand::Back { clear: true }),
    row("move.previous-pane", &["<backtab>"], "", "to the pane or view before", Group::Move, UiCommand::Focus(-1)),
    row("view.dashboard", &["0", "<a-0>"], "", "everything at a glance", Group::View, UiCommand::View(0)),
    row("view.status", &["1", "<a-1>"], "", "states, checks, sessions and queues", Group::View, UiCommand::View(1)),
    row("view.traffic", &["2", "<a-2>"], "", "sessions and bytes", Group::View, UiCommand::View(2)),
    row("view.http", &["3", "<a-3>"], "", "requests and responses", Group::View, UiCommand::View(3)),
    row(
        "view.errors",
        &["4", "<a-4>"],
        "",
        "failed checks, connections, requests and responses",
        Group::View,
        UiCommand::View(4),
    ),
    row("view.cli", &["5", "<a-5>"], "", "HAProxy's own command line", Group::View, UiCommand::View(5)),
    row("view.latency", &["6", "<a-6>"], "", "time in queue, to connect, to respond", Group::View, UiCommand::View(6)),
    row("view.sessions", &["7", "<a-7>"], "", "the sessions that are open", Group::View, UiCommand::View(7)),
    row("view.tables", &["8", "<a-8>"], "", "stick tables and their entries", Group::View, UiCommand::View(8)),
    row("view.events", &["9", "<a-9>"], "", "what happened", Group::View, UiCommand::View(9)),
    row(
        "view.away",
        &["A"],
        "",
        "servers in maintenance or drain: since when, by whom; once more, back",
        Group::View,
        UiCommand::View(AWAY),
    ),
    act(&action_table::WEIGHT_INITIAL, &["<f4>"], "", "the weight of the configuration: weight 100%"),
    row(
        "server.weight-less",
        &["[", "<f6>"],
        "",
        "weight 1 lower; again before y, lower still",
        Group::Act,
        UiCommand::Weigh(-1),
    ),
    row("server.weight-more", &["]", "<f7>"], "", "weight 1 higher", Group::Act, UiCommand::Weigh(1)),
    row("server.weight-less-10", &["{", "<f5>"], "", "weight 10 lower", Group::Act, UiCommand::Weigh(-10)),
    row("server.weight-more-10", &["}", "<f8>"], "", "weight 10 higher", Group::Act, UiCommand::Weigh(10)),
    act(&action_table::SERVER_MAXCONN, &[], "", "another limit of sessions; 0 for none"),
    act(&action_table::END_SESSIONS, &[], "", "end every session of the server"),
    act(&action_table::HEALTH_UP, &[], "", "taken for working until the next check"),
    act(&action_table::HEALTH_STOPPING, &[], "", "taken for finishing what it has, until the next check"),
    act(&action_table::HEALTH_DOWN, &[], "", "taken for broken until the next check"),
    act(&action_table::CHECKS_ON, &[], "", "health checks go on"),
    act(&action_table::CHECKS_OFF, &[], "", "no health checks: it keeps the state it has"),
    act(&action_table::AGENT_UP, &[], "", "as if its agent had said up"),
    act(&action_table::AGENT_DOWN, &[], "", "as if its agent had said down"),
    act(&action_table::AGENT_ON, &[], "", "agent checks go on"),
    act(&action_table::AGENT_OFF, &[], "", "no agent checks"),
    row(
        "everywhere.ready",
        &[],
        "",
        "enable the server of that name in every backend",
        Group::Act,
        UiCommand::Everywhere(&action_table::READY),
    ),
    row(
        "everywhere.drain",
        &[],
        "",
        "drain the server of that name in every backend",
        Group::Act,
        UiCommand::Everywhere(&action_table::DRAIN),
    ),
    row(
        "everywhere.maint",
        &[],
        "",
        "maintenance of that name in every backend",
        Group::Act,
        UiCommand::Everywhere(&action_table::MAINT),
    ),
    act(&action_table::FRONTEND_ON, &[], "", "the frontend accepts connections again"),
    act(&action_table::FRONTEND_OFF, &[], "", "the frontend accepts no new connections"),
    act(&action_table::FRONTEND_MAXCONN, &[], "", "another limit of connections of the frontend"),
    row("line.remove", &["X"], "", "in views 7 and 8: end the session, clear the entry", Group::Act, UiCommand::Remove),
    act(&action_table::END_SESSION, &[], "", "end the selected session"),
    act(&action_table::CLEAR_ENTRY, &[], "", "clear the selected entry of a stick table"),
    act(&action_table::CLEAR_MAXIMA, &[], "", "the highest values begin anew, for everybody"),
    act(&action_table::CLEAR_COUNTERS, &[], "", "every counter begins at 0, for everybody"),
    row("offer.take", &["c"], "", "do what the header offers", Group::Act, UiCommand::Offer),
    row("offer.decline", &["C"], "", "let go what the header offers", Group::Act, UiCommand::Decline),
    row("mark.range", &["v"], "", "begin a range here, or end it", Group::Mark, UiCommand::MarkRange),
    row("mark.shown", &["*"], "", "mark every server shown, as filtered", Group::Mark, UiCommand::MarkShown),
    row("mark.none", &["U"], "", "unmark all", Group::Mark, UiCommand::Unmark),
    row("past.back", &["<left>"], "back", "one sample back", Group::Past, UiCommand::Travel(Travel::Samples(-1))),
    row("past.on", &["<right>"], "on", "one sample on", Group::Past, UiCommand::Travel(Travel::Samples(1))),
    row(
        "past.minute-back",
        &["<s-left>", "("],
        "a minute",
        "one minute back",
        Group::Past,
        UiCommand::Travel(Travel::Minutes(-1)),
    ),
    row("past.minute-on", &["<s-right>", ")"], "", "one minute on", Group::Past, UiCommand::Travel(Travel::Minutes(1))),
    row(
        "past.oldest",
        &["<home>"],
        "oldest",
        "the oldest moment that is kept",
        Group::Past,
        UiCommand::Travel(Travel::Oldest),
    ),
    row("past.newest", &["<end>"], "newest", "the newest moment", Group::Past, UiCommand::Travel(Travel::Newest)),
    row(
        "past.mark",
        &["m"],
        "mark time",
        "mark this moment, to see what changes from here",
        Group::Past,
        UiCommand::MarkMoment,
    ),
    row("past.forget", &["x"], "", "forget the marked moment", Group::Past, UiCommand::ForgetMoment),
    row(
        "view.since",
        &["S"],
        "",
        "what changed since the marked moment; once more, back",
        Group::View,
        UiCommand::View(SINCE),
    ),
    row("show.sort-right", &[">"], "", "sort by the next column", Group::Show, UiCommand::SortNext(1)),
    row("show.sort-left", &["<lt>"], "", "sort by the column before", Group::Show, UiCommand::SortNext(-1)),
    row("show.sort-invert", &["I"], "", "sort the other way round", Group::Show, UiCommand::SortInvert),
    row("show.flat", &["t"], "", "every row for itself, or as a tree", Group::Show, UiCommand::Flat),
    row("show.fold", &["f"], "", "fold or unfold the proxy", Group::Show, UiCommand::Fold),
    row("show.fold-all", &["F"], "", "fold or unfold every proxy", Group::Show, UiCommand::FoldAll),
    row("show.columns-right", &["."], "", "scroll to the columns on the right", Group::Show, UiCommand::Sideways(1)),
    row("show.columns-left", &[","], "", "scroll to the columns on the left", Group::Show, UiCommand::Sideways(-1)),
    row("show.info", &["i"], "", "everything the process says of itself", Group::Show, UiCommand::Info),
    row("show.cost", &["$"], "", "what watching costs HAProxy, and this machine", Group::Show, UiCommand::Cost),
    row("copy", &["y"], "", "copy the name of the row to the terminal's clipboard", Group::Program, UiCommand::Copy),
    row("show.longer", &["+", "="], "", "charts over a longer time", Group::Show, UiCommand::Span(1)),
    row("show.shorter", &["-"], "", "charts over a shorter time", Group::Show, UiCommand::Span(-1)),
    row("show.next-instance", &["o"], "", "the next HAProxy", Group::Show, UiCommand::Instance(1)),
    row("show.previous-instance", &["O"], "", "the HAProxy before", Group::Show, UiCommand::Instance(-1)),
    row("poll", &["r"], "", "poll now", Group::Program, UiCommand::PollNow),
    row("redraw", &["<c-l>"], "", "draw everything anew", Group::Program, UiCommand::Redraw),
    row("suspend", &["<c-z>"], "", "back to the shell; fg returns", Group::Program, UiCommand::Suspend),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_has_its_action_under_the_same_name() {
        for act in action_table::ACTIONS {
            let action = COMMANDS.iter().find(|action| action.run == UiCommand::Act(act));
            assert_eq!(action.map(|action| action.id), Some(act.id));
        }
    }

    #[test]
    fn ids_are_unique_and_every_action_has_a_key_and_help() {
        for (index, action) in COMMANDS.iter().enumerate() {
            let needs_key = !matches!(action.run, UiCommand::Act(_) | UiCommand::Everywhere(_));
            assert!(!(action.help.is_empty() || needs_key && action.keys.is_empty()), "{}", action.id);
            assert!(COMMANDS[..index].iter().all(|other| other.id != action.id), "{} stands twice", action.id);
        }
    }
}
