//! UI commands: everything that a key or the palette (`:`) can trigger. The table of them with their default keys is in
//! [`crate::app::command_table`].

use crate::actions::action_table::Action;
use crate::instance::past_moment::PlaybackStep;
use crate::table::view_table::ViewId;

/// A movement of the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorStep {
    /// By a number of rows; negative is up.
    Rows(i32),
    /// By a number of half pages; negative is up.
    HalfPages(i32),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

/// A UI command: what a key or the palette triggers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UiCommand {
    /// Moves the cursor.
    Move(CursorStep),
    /// Moves the cursor by this number of rows that match the filter; without a filter, by this number of rows with a
    /// problem. Negative is up.
    MoveToMatch(i32),
    /// Opens the row under the cursor.
    Open {
        /// Unfolds a folded row instead of opening it.
        unfold: bool,
    },
    /// Goes back: closes what was opened last.
    Back {
        /// Also clears the marks and the filter, and returns to the previous view.
        clear: bool,
    },
    /// Moves the focus by this number of panes of the dashboard, or shows another view; negative is back.
    MoveFocus(i32),
    /// Shows a view.
    ShowView(ViewId),
    /// Opens the prompt for the filter.
    EditFilter,
    /// Moves the sort column this many places to the right, or to the left if negative.
    SortNext(i32),
    /// Reverses the sort order.
    ReverseSort,
    /// Opens the menu of columns to sort by.
    OpenSortMenu,
    /// Switches between the tree and a flat list; on the dashboard, between the worst rows first and HAProxy's order.
    ToggleFlat,
    /// Folds or unfolds the proxy under the cursor.
    ToggleFold,
    /// Folds or unfolds every proxy.
    ToggleFoldAll,
    /// Scrolls by this number of columns to the right; negative is left.
    ScrollColumns(i32),
    /// Opens the command palette.
    OpenPalette,
    /// Maximizes the focused pane, or restores it.
    ToggleZoom,
    /// Lengthens the time span of the charts by this number of levels; negative shortens it.
    ChangeChartSpan(i32),
    /// Selects the next number for the chart or the heat map.
    NextChart,
    /// Lets the charts of the selected row fill the view, or restores the view.
    ToggleChart,
    /// Shows the instance this number of places further in the list; negative is back.
    SwitchInstance(i32),
    /// Starts an action on the marked rows, or on the row under the cursor if none is marked.
    StartAction(&'static Action),
    /// Starts an action on the servers with the selected server's name in all backends.
    StartActionEverywhere(&'static Action),
    /// Raises weights by this number; negative lowers them.
    ChangeWeight(i32),
    /// Ends the selected session (view 7) or clears the selected stick table entry (view 8).
    RemoveLine,
    /// Opens the menu of actions.
    OpenActionMenu,
    /// Undoes the last action.
    Undo,
    /// Accepts the suggestion in the header.
    AcceptSuggestion,
    /// Dismisses the suggestion in the header.
    DismissSuggestion,
    /// Groups the lines of views 7 and 8 by the next criterion, or shows single lines again.
    GroupNext,
    /// Turns the automatic refresh of views 7 and 8 on or off.
    ToggleRefresh,
    /// Marks or unmarks the row under the cursor.
    ToggleMark,
    /// Starts or ends marking a range of rows.
    ToggleMarkRange,
    /// Marks all servers shown.
    MarkAllShown,
    /// Removes all marks.
    ClearMarks,
    /// Pauses at the sample shown, or returns to the present.
    TogglePause,
    /// Goes to another sample during playback.
    MovePlayback(PlaybackStep),
    /// Goes to the next event during playback, or to the previous one if negative. While a filter is set, moves the cursor
    /// like [`Self::MoveToMatch`].
    MoveToEvent(i32),
    /// Replays a recording faster, or slower if negative.
    ChangeReplaySpeed(i32),
    /// Marks the sample shown, as the start of a comparison.
    MarkMoment,
    /// Clears the marked moment.
    ClearMarkedMoment,
    /// Copies the name of the row under the cursor to the clipboard, through the terminal.
    CopyName,
    /// Shows the full `show info` output.
    ShowProcessInfo,
    /// Shows the polling overhead.
    ShowOverhead,
    /// Polls as soon as the minimum pause between polls allows.
    PollNow,
    /// Redraws the whole screen.
    Redraw,
    /// Shows the help.
    ShowHelp,
    /// Suspends the program (`fg` resumes it).
    Suspend,
    /// Ends the program.
    Quit,
}

impl UiCommand {
    /// Returns the movement of the command in any list; `None` if the command does not move the cursor.
    pub(crate) fn cursor_step(self) -> Option<CursorStep> {
        match self {
            Self::Move(step) => Some(step),
            _ => None,
        }
    }
}

/// The heading under which the help lists a UI command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandGroup {
    /// Moving the cursor and the focus.
    Move,
    /// Filter, sort order, columns, charts and pages.
    Show,
    /// Switching between views.
    View,
    /// Changing HAProxy.
    Actions,
    /// Marking rows.
    Mark,
    /// Showing earlier samples.
    Playback,
    /// The program itself.
    Program,
}

impl CommandGroup {
    /// All groups, in the order of the help.
    pub(crate) const ALL: [Self; 7] =
        [Self::Actions, Self::Mark, Self::Move, Self::View, Self::Show, Self::Playback, Self::Program];

    /// Returns the heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Show => "Show",
            Self::View => "Views",
            Self::Actions => "Actions on the marked rows, or on the selected row",
            Self::Mark => "Mark",
            Self::Playback => "Playback: arrows, Home and End move in time while the past is shown",
            Self::Program => "Program",
        }
    }
}

/// A row of [`crate::app::command_table::COMMANDS`].
#[derive(Debug, PartialEq)]
pub struct CommandSpec {
    /// Name in the configuration, the palette and the documentation.
    pub id: &'static str,
    /// Default keys in the syntax of [`crate::app::key::Key::parse`]; the first one is shown. A command without a key
    /// can be run from the action menu or the palette.
    pub keys: &'static [&'static str],
    /// Label in the footer; empty if not shown there.
    pub(crate) label: &'static str,
    /// Short description, shown in the help and in menus.
    pub help: &'static str,
    /// Heading in the help.
    pub group: CommandGroup,
    /// The command to run.
    pub ui_command: UiCommand,
    /// Effect, which decides where the command works.
    pub(crate) effect: CommandEffect,
}

/// Effect of a UI command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandEffect {
    /// Changes the view; does not work while a detail page is open.
    View,
    /// Works while a detail page is open.
    Page,
    /// Starts an action on HAProxy; works while a detail page is open.
    Action,
}

impl CommandSpec {
    /// Makes the command work while a detail page is open; it starts no action.
    pub(crate) const fn on_detail_page(self) -> Self {
        Self { effect: CommandEffect::Page, ..self }
    }

    /// Returns whether the keys of this command are bound only during playback.
    pub fn is_playback_only(&self) -> bool {
        matches!(
            self.ui_command,
            UiCommand::MovePlayback(_) | UiCommand::MoveToEvent(_) | UiCommand::ChangeReplaySpeed(_)
        )
    }
}
