//! Which commands do something in the view shown, for the bottom line and the help.

use crate::app::action_targets;
use crate::app::layout::Pane;
use crate::app::model::Model;
use crate::app::pane_focus;
use crate::app::playback;
use crate::app::queries;
use crate::app::suggested_actions;
use crate::app::ui_commands::{CommandSpec, UiCommand};
use crate::table::view_table::Content;

/// The views with rows of `show stat`, in words.
pub(crate) const ROW_VIEWS: &str = "in views 0 to 4 and 6, Maint/drain, Heat map and Changes";
/// The views that are tables of such rows, in words.
pub(crate) const TABLE_VIEWS: &str = "in views 1 to 4 and 6, Maint/drain, Heat map and Changes";

/// Returns in words where a command works that does nothing in the view shown.
pub(crate) fn places(command: UiCommand) -> &'static str {
    match command {
        UiCommand::EditFilter => "in other views than 5",
        UiCommand::ToggleFold | UiCommand::ToggleFoldAll | UiCommand::ScrollColumns(_) => TABLE_VIEWS,
        UiCommand::SortNext(_) | UiCommand::OpenSortMenu => {
            "in views with rows, and where sessions or entries of a table are listed"
        }
        UiCommand::ReverseSort => "in views with rows: all but 5, 7, 8, 9 and the problems",
        _ => ROW_VIEWS,
    }
}

/// Returns whether a command does something now.
pub(crate) fn works_here(model: &Model, command: &CommandSpec) -> bool {
    let Some(instance) = model.instance() else { return false };
    let content = model.current_view().content;
    let is_table = matches!(content, Content::Table(_));
    let is_dashboard = matches!(content, Content::Dashboard);
    let is_query_view = matches!(content, Content::Sessions | Content::StickTables);
    let is_sessions = matches!(content, Content::Sessions);
    let is_balancers = matches!(content, Content::Balancers);
    let is_requests = matches!(content, Content::Requests);
    let has_rows = is_table || is_dashboard;
    match command.ui_command {
        UiCommand::StartAction(_) | UiCommand::StartActionEverywhere(_) | UiCommand::ChangeWeight(_) => {
            action_targets::check_available(model, command).is_ok()
        }
        UiCommand::RemoveLine => is_query_view && action_targets::check_available(model, command).is_ok(),
        UiCommand::Open { .. } => match content {
            Content::Dashboard if pane_focus::has_focus(model, Pane::Events) => pane_focus::event_row(model).is_some(),
            Content::Dashboard => model.focus == Pane::Causes || model.focused_row().is_some(),
            Content::Table(_) => model.focused_row().is_some(),
            Content::Events => {
                let index = instance.view_cursors[model.view()].index();
                model.shown_events().nth(index).is_some_and(|event| event.row.is_some())
            }
            Content::Problems => {
                let index = instance.view_cursors[model.view()].index();
                model.shown_problem_lines().nth(index).is_some()
            }
            Content::Requests => model.requests.row_count(instance.id()) > 0,
            Content::Cli | Content::Sessions | Content::StickTables | Content::Balancers => true,
        },
        UiCommand::Undo => model.undo.next_undo(&instance.data).is_some(),
        UiCommand::AcceptSuggestion | UiCommand::DismissSuggestion => {
            suggested_actions::current_suggestion(instance).is_some()
        }
        UiCommand::ToggleZoom | UiCommand::ToggleFlat | UiCommand::ToggleChart => has_rows,
        UiCommand::EditFilter => !matches!(content, Content::Cli),
        UiCommand::SortNext(_) | UiCommand::OpenSortMenu => {
            has_rows || is_balancers || is_requests || queries::can_sort(model)
        }
        UiCommand::ReverseSort => has_rows || is_balancers || is_requests,
        UiCommand::NextChart | UiCommand::ChangeChartSpan(_) => has_rows || is_requests,
        UiCommand::MarkAllShown => has_rows || is_sessions,
        UiCommand::GroupNext if is_query_view => is_sessions || instance.queries.open_table.is_some(),
        UiCommand::ToggleRefresh => is_query_view,
        UiCommand::ToggleFold | UiCommand::ToggleFoldAll | UiCommand::ScrollColumns(_) => is_table,
        UiCommand::ToggleMark | UiCommand::ToggleMarkRange => {
            is_sessions || model.focused_row().is_some_and(|id| action_targets::can_be_marked(instance, id))
        }
        UiCommand::ClearMarks => instance.selection.marked_count() + instance.queries.marks.count() > 0,
        UiCommand::CopyName => model.focused_row().is_some(),
        UiCommand::MovePlayback(_) | UiCommand::MoveToEvent(_) => playback::is_showing_past(model),
        UiCommand::ChangeReplaySpeed(_) => model.replay.is_some(),
        UiCommand::ClearMarkedMoment => instance.data.marked_moment().is_some(),
        UiCommand::SwitchInstance(_) | UiCommand::GroupNext => model.instances.len() > 1,
        _ => true,
    }
}
