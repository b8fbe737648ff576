//! The table of UI commands, [`COMMANDS`], with their default keys and help.
//!
//! The key map, the footer, the help overlay and docs/keys.md are generated from it, so they agree.

use crate::actions::action_table::{self, Action};
use crate::app::ui_commands::CommandGroup::{self, Actions, Mark, Move, Playback, Program, Show, View};
use crate::app::ui_commands::{CommandEffect, CommandSpec, CursorStep, UiCommand};
use crate::instance::past_moment::PlaybackStep;
use crate::table::view_table::ViewId;

/// Builds a row. Its effect follows from the group.
const fn row(
    id: &'static str,
    keys: &'static [&'static str],
    label: &'static str,
    help: &'static str,
    group: CommandGroup,
    ui_command: UiCommand,
) -> CommandSpec {
    let effect = match group {
        Actions => CommandEffect::Action,
        Playback => CommandEffect::Page,
        Move | Show | View | Mark | Program => CommandEffect::View,
    };
    CommandSpec { id, keys, label, help, group, ui_command, effect }
}

/// Builds the row that starts an action of [`action_table::ACTIONS`]. The row has the action's id.
const fn action_command(
    action: &'static Action,
    keys: &'static [&'static str],
    label: &'static str,
    help: &'static str,
) -> CommandSpec {
    row(action.id, keys, label, help, Actions, UiCommand::StartAction(action))
}

/// Builds the row that starts an action on all servers with the selected server's name, in all backends.
const fn everywhere_command(id: &'static str, help: &'static str, action: &'static Action) -> CommandSpec {
    row(id, &[], "", help, Actions, UiCommand::StartActionEverywhere(action))
}

/// Builds the row that shows a view.
const fn view_command(
    id: &'static str,
    keys: &'static [&'static str],
    label: &'static str,
    help: &'static str,
    view: ViewId,
) -> CommandSpec {
    row(id, keys, label, help, View, UiCommand::ShowView(view))
}

/// All UI commands. The footer shows those with a label, in this order, as many as fit.
pub static COMMANDS: &[CommandSpec] = &[
    row(
        "move.open",
        &["<ret>"],
        "open",
        "open the selected row: its servers or its details",
        Move,
        UiCommand::Open { unfold: false },
    ),
    row("show.filter", &["/"], "filter", "show only rows that match", Show, UiCommand::EditFilter),
    view_command("view.problems", &["!"], "problems", "problems, worst first; again: previous view", ViewId::Problems),
    action_command(&action_table::READY, &["E", "<f9>"], "enable", "enable: takes traffic again (state ready)"),
    action_command(&action_table::DRAIN, &["D"], "drain", "drain: no new sessions, existing ones continue"),
    action_command(&action_table::MAINT, &["M", "<f10>"], "maint", "maintenance: no traffic, no health checks"),
    action_command(&action_table::WEIGHT, &["W"], "weight", "set the weight: 0 to 256, or a percentage such as 50%"),
    row(
        "action.menu",
        &["a"],
        "more",
        "all actions, with the reason where one is unavailable",
        Actions,
        UiCommand::OpenActionMenu,
    )
    .on_detail_page(),
    row(
        "past.pause",
        &["p"],
        "past",
        "pause and go back in time; again: the present",
        Playback,
        UiCommand::TogglePause,
    ),
    row("action.undo", &["u"], "undo", "undo the last action; again: undo the one before", Actions, UiCommand::Undo),
    row(
        "mark",
        &["<space>"],
        "mark",
        "mark or unmark the row; actions apply to all marked rows",
        Mark,
        UiCommand::ToggleMark,
    ),
    row("command", &[":"], "command", "type a command", Program, UiCommand::OpenPalette),
    row(
        "show.zoom",
        &["z"],
        "zoom",
        "maximize the dashboard's pane or the charts below a table, or restore it; from the events, show view 9",
        Show,
        UiCommand::ToggleZoom,
    ),
    row("show.sort", &["s"], "sort", "choose the column to sort by", Show, UiCommand::OpenSortMenu),
    row(
        "move.next-pane",
        &["<tab>"],
        "next",
        "next pane of the dashboard, also its charts and events; next tab of the requests; in other views, the next view",
        Move,
        UiCommand::MoveFocus(1),
    ),
    row("help", &["?", "<f1>", "h", "H"], "help", "show all keys", Program, UiCommand::ShowHelp).on_detail_page(),
    row(
        "quit",
        &["q", "Q", "<c-c>"],
        "quit",
        "quit; Ctrl-C quits at once, or cancels an open question or the text that is being typed",
        Program,
        UiCommand::Quit,
    ),
    row("move.down", &["j", "<down>"], "", "one row down", Move, UiCommand::Move(CursorStep::Rows(1))),
    row("move.up", &["k", "<up>"], "", "one row up", Move, UiCommand::Move(CursorStep::Rows(-1))),
    row(
        "move.next-match",
        &["n"],
        "",
        "next match of the filter; without a filter, the next row with a problem",
        Move,
        UiCommand::MoveToMatch(1),
    ),
    row(
        "move.previous-match",
        &["N"],
        "",
        "previous match of the filter; without a filter, the previous row with a problem",
        Move,
        UiCommand::MoveToMatch(-1),
    ),
    row("move.page-down", &["<pgdn>"], "", "one page down", Move, UiCommand::Move(CursorStep::HalfPages(2))),
    row("move.page-up", &["<pgup>"], "", "one page up", Move, UiCommand::Move(CursorStep::HalfPages(-2))),
    row("move.half-down", &["<c-d>"], "", "half a page down", Move, UiCommand::Move(CursorStep::HalfPages(1))),
    row("move.half-up", &["<c-u>"], "", "half a page up", Move, UiCommand::Move(CursorStep::HalfPages(-1))),
    row("move.first", &["g", "<home>"], "", "first row", Move, UiCommand::Move(CursorStep::First)),
    row("move.last", &["G", "<end>"], "", "last row", Move, UiCommand::Move(CursorStep::Last)),
    row("move.right", &["<right>"], "", "unfold, or open the selected row", Move, UiCommand::Open { unfold: true }),
    row("move.left", &["<left>"], "", "up in the tree, or previous pane", Move, UiCommand::Back { clear: false }),
    row(
        "move.back",
        &["<esc>", "<bs>"],
        "",
        "close, clear the filter, or go back",
        Move,
        UiCommand::Back { clear: true },
    ),
    row(
        "move.previous-pane",
        &["<backtab>"],
        "",
        "previous pane, or tab of the requests; in other views, the previous view",
        Move,
        UiCommand::MoveFocus(-1),
    ),
    view_command("view.dashboard", &["0", "<a-0>"], "", "everything at a glance", ViewId::Dashboard),
    view_command("view.status", &["1", "<a-1>"], "", "states, checks, sessions and queues", ViewId::Status),
    view_command("view.traffic", &["2", "<a-2>"], "", "sessions and bytes", ViewId::Traffic),
    view_command("view.http", &["3", "<a-3>"], "", "requests and responses", ViewId::Http),
    view_command(
        "view.errors",
        &["4", "<a-4>"],
        "",
        "failed checks, connections, requests and responses",
        ViewId::Errors,
    ),
    view_command("view.cli", &["5", "<a-5>"], "", "HAProxy's command line (Runtime API)", ViewId::Cli),
    view_command("view.latency", &["6", "<a-6>"], "", "queue, connect and response times", ViewId::Latency),
    view_command("view.sessions", &["7", "<a-7>"], "", "open client sessions", ViewId::Sessions),
    view_command("view.tables", &["8", "<a-8>"], "", "stick tables and their entries", ViewId::StickTables),
    view_command("view.events", &["9", "<a-9>"], "", "events: state changes, reloads, actions", ViewId::Events),
    view_command(
        "view.out-of-service",
        &["A"],
        "",
        "servers in maintenance or drain; again: previous view",
        ViewId::OutOfService,
    ),
    view_command(
        "view.heat-map",
        &["T"],
        "",
        "heat map: servers and backends over time; again: previous view",
        ViewId::HeatMap,
    ),
    view_command("view.balancers", &["L"], "", "all balancers in one table; again: previous view", ViewId::Balancers),
    view_command(
        "view.requests",
        &["R"],
        "",
        "requests from HAProxy's log: percentiles, clients, URLs, how they ended; again: previous view",
        ViewId::Requests,
    ),
    action_command(&action_table::WEIGHT_INITIAL, &["<f4>"], "", "set the weight to the configured one (100%)"),
    row(
        "server.weight-less",
        &["[", "<f6>"],
        "",
        "lower the weight by 1; each further press: 1 more",
        Actions,
        UiCommand::ChangeWeight(-1),
    ),
    row("server.weight-more", &["]", "<f7>"], "", "raise the weight by 1", Actions, UiCommand::ChangeWeight(1)),
    row("server.weight-less-10", &["{", "<f5>"], "", "lower the weight by 10", Actions, UiCommand::ChangeWeight(-10)),
    row("server.weight-more-10", &["}", "<f8>"], "", "raise the weight by 10", Actions, UiCommand::ChangeWeight(10)),
    action_command(&action_table::SERVER_MAXCONN, &[], "", "set the session limit; 0 is unlimited"),
    action_command(&action_table::END_SESSIONS, &[], "", "end all sessions of the server"),
    action_command(&action_table::HEALTH_UP, &[], "", "force health UP until the next check"),
    action_command(
        &action_table::HEALTH_STOPPING,
        &[],
        "",
        "force health to stopping until the next check; sessions finish",
    ),
    action_command(&action_table::HEALTH_DOWN, &[], "", "force health DOWN until the next check"),
    action_command(&action_table::CHECKS_ON, &[], "", "resume health checks"),
    action_command(&action_table::CHECKS_OFF, &[], "", "stop health checks; the server keeps its state"),
    action_command(&action_table::AGENT_UP, &[], "", "force the agent status to up until the next agent check"),
    action_command(&action_table::AGENT_DOWN, &[], "", "force the agent status to down until the next agent check"),
    action_command(&action_table::AGENT_ON, &[], "", "resume agent checks"),
    action_command(&action_table::AGENT_OFF, &[], "", "stop agent checks"),
    everywhere_command("everywhere.ready", "enable the servers of this name in all backends", &action_table::READY),
    everywhere_command("everywhere.drain", "drain the servers of this name in all backends", &action_table::DRAIN),
    everywhere_command(
        "everywhere.maint",
        "set the servers of this name to maintenance in all backends",
        &action_table::MAINT,
    ),
    action_command(&action_table::FRONTEND_ON, &[], "", "enable: let the frontend accept connections again"),
    action_command(&action_table::FRONTEND_OFF, &[], "", "disable: no new connections to the frontend"),
    action_command(&action_table::FRONTEND_MAXCONN, &[], "", "set the connection limit of the frontend"),
    row(
        "line.remove",
        &["X"],
        "",
        "in view 7, end the marked sessions, the group or the session; in view 8, clear the entry",
        Actions,
        UiCommand::RemoveLine,
    ),
    action_command(
        &action_table::END_SESSION,
        &[],
        "",
        "end the marked sessions, the sessions of the selected group, or the selected session",
    ),
    action_command(&action_table::CLEAR_ENTRY, &[], "", "clear the selected stick table entry"),
    action_command(&action_table::CLEAR_MAXIMA, &[], "", "reset the peak values (for everyone)"),
    action_command(&action_table::CLEAR_COUNTERS, &[], "", "reset all counters to 0 (for everyone)"),
    row("suggestion.accept", &["c"], "", "accept the suggestion in the header", Actions, UiCommand::AcceptSuggestion),
    row("suggestion.dismiss", &["C"], "", "dismiss the suggestion", Actions, UiCommand::DismissSuggestion)
        .on_detail_page(),
    row("mark.range", &["v"], "", "start or end marking a range of rows", Mark, UiCommand::ToggleMarkRange),
    row("mark.shown", &["*"], "", "mark all servers shown (after filtering)", Mark, UiCommand::MarkAllShown),
    row("mark.clear", &["U"], "", "remove all marks", Mark, UiCommand::ClearMarks),
    row("replay.faster", &["P"], "faster", "replay faster, up to x60", Playback, UiCommand::ChangeReplaySpeed(1)),
    row("replay.slower", &["_"], "slower", "replay slower, down to x1", Playback, UiCommand::ChangeReplaySpeed(-1)),
    row(
        "past.back",
        &["<left>"],
        "back",
        "one sample back",
        Playback,
        UiCommand::MovePlayback(PlaybackStep::Samples(-1)),
    ),
    row(
        "past.forward",
        &["<right>"],
        "forward",
        "one sample forward",
        Playback,
        UiCommand::MovePlayback(PlaybackStep::Samples(1)),
    ),
    row(
        "past.minute-back",
        &["<s-left>", "("],
        "1 min back",
        "one minute back",
        Playback,
        UiCommand::MovePlayback(PlaybackStep::Minutes(-1)),
    ),
    row(
        "past.minute-forward",
        &["<s-right>", ")"],
        "",
        "one minute forward",
        Playback,
        UiCommand::MovePlayback(PlaybackStep::Minutes(1)),
    ),
    row(
        "past.oldest",
        &["<home>"],
        "oldest",
        "oldest sample in the history",
        Playback,
        UiCommand::MovePlayback(PlaybackStep::Oldest),
    ),
    row("past.newest", &["<end>"], "newest", "newest sample", Playback, UiCommand::MovePlayback(PlaybackStep::Newest)),
    row(
        "past.next-event",
        &["n"],
        "next event",
        "next event; while a filter is set, next match",
        Playback,
        UiCommand::MoveToEvent(1),
    ),
    row(
        "past.previous-event",
        &["N"],
        "previous event",
        "previous event; while a filter is set, previous match",
        Playback,
        UiCommand::MoveToEvent(-1),
    ),
    row(
        "past.mark",
        &["m"],
        "mark time",
        "mark this moment, to see later what changed since",
        Playback,
        UiCommand::MarkMoment,
    ),
    row("past.forget", &["x"], "", "clear the marked moment", Playback, UiCommand::ClearMarkedMoment),
    view_command("view.diff", &["S"], "", "what changed: before and after; again: previous view", ViewId::Diff),
    row("show.sort-right", &[">"], "", "sort by the next column", Show, UiCommand::SortNext(1)),
    row("show.sort-left", &["<lt>"], "", "sort by the previous column", Show, UiCommand::SortNext(-1)),
    row("show.sort-invert", &["I"], "", "reverse the sort order", Show, UiCommand::ReverseSort),
    row(
        "show.flat",
        &["t"],
        "",
        "switch between tree and flat list; on the dashboard, worst first or HAProxy's order",
        Show,
        UiCommand::ToggleFlat,
    ),
    row(
        "show.fold",
        &["f"],
        "",
        "fold or unfold the proxy; in the comparison, the unchanged rows",
        Show,
        UiCommand::ToggleFold,
    ),
    row("show.fold-all", &["F"], "", "fold or unfold every proxy", Show, UiCommand::ToggleFoldAll),
    row("show.columns-right", &["."], "", "scroll to the columns on the right", Show, UiCommand::ScrollColumns(1)),
    row("show.columns-left", &[","], "", "scroll to the columns on the left", Show, UiCommand::ScrollColumns(-1)),
    row(
        "show.group",
        &["b"],
        "",
        "merge the rows of all balancers, or show a single one again; in view 7, group by client, network, server, backend, age, URI; in view 8 by network",
        Show,
        UiCommand::GroupNext,
    ),
    row("show.refresh", &["e"], "", "refresh views 7 and 8 automatically, or stop it", Show, UiCommand::ToggleRefresh),
    row("show.info", &["i"], "", "all process information (show info)", Show, UiCommand::ShowProcessInfo),
    row("show.overhead", &["$"], "", "polling overhead for HAProxy and this machine", Show, UiCommand::ShowOverhead),
    row("copy", &["y"], "", "copy the name of the row through the terminal", Program, UiCommand::CopyName),
    row(
        "show.longer",
        &["+", "="],
        "",
        "longer time span in the charts, of the comparison, or of the requests",
        Show,
        UiCommand::ChangeChartSpan(1),
    )
    .on_detail_page(),
    row(
        "show.shorter",
        &["-"],
        "",
        "shorter time span in the charts, of the comparison, or of the requests",
        Show,
        UiCommand::ChangeChartSpan(-1),
    )
    .on_detail_page(),
    row(
        "show.next-chart",
        &["V"],
        "",
        "next number in the charts: sessions, queue, requests, …; in the heat map: response time, 5xx, …; of the requests, the next phase",
        Show,
        UiCommand::NextChart,
    )
    .on_detail_page(),
    row(
        "show.chart",
        &["Z"],
        "",
        "maximize the charts of the selected row, or restore the view",
        Show,
        UiCommand::ToggleChart,
    ),
    row("show.next-instance", &["o"], "next HAProxy", "next instance", Show, UiCommand::SwitchInstance(1)),
    row("show.previous-instance", &["O"], "", "previous instance", Show, UiCommand::SwitchInstance(-1)),
    row("poll", &["r"], "", "poll now", Program, UiCommand::PollNow),
    row("redraw", &["<c-l>"], "", "redraw the screen", Program, UiCommand::Redraw).on_detail_page(),
    row("suspend", &["<c-z>"], "", "suspend to the shell; fg resumes", Program, UiCommand::Suspend).on_detail_page(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_command_with_its_id() {
        for action in action_table::ACTIONS {
            let command = COMMANDS.iter().find(|command| command.ui_command == UiCommand::StartAction(action));
            assert_eq!(command.map(|command| command.id), Some(action.id));
        }
    }

    #[test]
    fn command_ids_are_unique_and_commands_have_keys_and_help() {
        for (index, command) in COMMANDS.iter().enumerate() {
            let needs_key =
                !matches!(command.ui_command, UiCommand::StartAction(_) | UiCommand::StartActionEverywhere(_));
            assert!(!(command.help.is_empty() || needs_key && command.keys.is_empty()), "{}", command.id);
            assert!(COMMANDS[..index].iter().all(|other| other.id != command.id), "duplicate id {}", command.id);
        }
    }
}
