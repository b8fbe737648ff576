//! Commands that change how the view shown is drawn: filter, order, folding, columns and charts.

use std::time::Duration;

use crate::app::balancers_view;
use crate::app::charted_row;
use crate::app::command_scope;
use crate::app::comparison_view;
use crate::app::heat_view;
use crate::app::layers::Layer;
use crate::app::layout::Pane;
use crate::app::menus;
use crate::app::model::Model;
use crate::app::navigation;
use crate::app::prompt::{Prompt, PromptPurpose};
use crate::app::queries;
use crate::app::requests_view;
use crate::app::ui_commands::{CommandSpec, UiCommand};
use crate::table::cell::Role;
use crate::table::view_table::{Content, RowScope, ViewId};
use crate::units;

/// Runs a command, or says in which views it works.
pub(crate) fn run(model: &mut Model, command: &CommandSpec, now: Duration) {
    let view = model.view();
    let is_table = matches!(model.current_view().content, Content::Table(_));
    let is_dashboard = matches!(model.current_view().content, Content::Dashboard);
    let has_rows = is_table || is_dashboard;
    let is_query_view = matches!(model.current_view().content, Content::Sessions | Content::StickTables);
    match command.ui_command {
        // These have a meaning of their own in this view.
        ui_command if model.shows_requests() && requests_view::change(model, ui_command, now) => {}
        UiCommand::EditFilter
            if matches!(
                model.current_view().content,
                Content::Events | Content::Sessions | Content::StickTables | Content::Problems
            ) =>
        {
            let text = model.text_filter().to_string();
            model.layers.push(Layer::Prompt(Prompt::new(PromptPurpose::TextFilter, &text)));
        }
        UiCommand::EditFilter if has_rows => {
            let text = model.view_settings[view].filter.to_string();
            model.layers.push(Layer::Prompt(Prompt::new(PromptPurpose::Filter, &text)));
        }
        UiCommand::EditFilter if model.shows_balancers() => {
            let text = model.balancers.table.filter.to_string();
            model.layers.push(Layer::Prompt(Prompt::new(PromptPurpose::Filter, &text)));
        }
        UiCommand::ReverseSort if model.shows_balancers() && model.balancers.table.sort.is_none() => {
            let key = model.keymap.key_or_command(UiCommand::OpenSortMenu);
            model.notify(format!("the balancers are not sorted by a column; {key} chooses one"), Role::Dim, now);
        }
        UiCommand::SortNext(_) | UiCommand::ReverseSort | UiCommand::OpenSortMenu if model.shows_balancers() => {
            balancers_view::change_sort(model, command.ui_command);
        }
        UiCommand::SortNext(_) | UiCommand::OpenSortMenu if is_query_view && !queries::can_sort(model) => {
            model.notify("nothing to sort: sessions and the entries of a table have an order", Role::Dim, now);
        }
        UiCommand::SortNext(by) if is_query_view => queries::sort_next(model, by),
        UiCommand::OpenSortMenu if is_query_view => queries::sort_next(model, 1),
        UiCommand::ReverseSort if has_rows && model.view_settings[view].sort.is_none() => {
            let key = model.keymap.key_or_command(UiCommand::OpenSortMenu);
            model.notify(format!("the rows are not sorted by a column; {key} chooses one"), Role::Dim, now);
        }
        UiCommand::SortNext(_) | UiCommand::ReverseSort | UiCommand::OpenSortMenu if has_rows => {
            menus::change_sort(model, command.ui_command);
            let sort = model.view_settings[view].sort.filter(|_| model.layers.is_empty());
            if let Some(sort) = sort {
                model.notify(format!("sorted by {}", sort.column.title), Role::Dim, now);
            }
        }
        UiCommand::ToggleFlat if is_dashboard => toggle_worst_first(model, now),
        UiCommand::ToggleFlat if is_table && model.current_view().scope == RowScope::All => {
            model.view_settings[view].is_flat = !model.view_settings[view].is_flat;
            model.view_settings[view].mark_changed();
        }
        UiCommand::ToggleFold | UiCommand::ToggleFoldAll if comparison_view::is_on_top(model) => {
            comparison_view::toggle_unchanged(model, now);
        }
        UiCommand::ToggleFlat if is_table => {
            model.notify("the rows of this view are not a tree", Role::Dim, now);
        }
        UiCommand::ToggleFold | UiCommand::ToggleFoldAll if is_table => {
            let is_folded = match command.ui_command {
                UiCommand::ToggleFold => navigation::toggle_fold(model),
                _ => navigation::toggle_fold_all(model),
            };
            if !is_folded {
                model.notify("nothing to fold here: the row belongs to no backend with servers", Role::Dim, now);
            }
        }
        UiCommand::ScrollColumns(by) if is_table => scroll_columns(model, by, now),
        UiCommand::ToggleChart if has_rows => model.charts.is_maximized = !model.charts.is_maximized,
        UiCommand::ChangeChartSpan(by) if comparison_view::is_on_top(model) => comparison_view::change_span(model, by),
        UiCommand::ChangeChartSpan(by) if has_rows || !model.layers.is_empty() => change_chart_span(model, by, now),
        UiCommand::NextChart if heat_view::is_shown(model) => heat_view::show_next_metric(model, now),
        UiCommand::NextChart if has_rows || !model.layers.is_empty() => charted_row::select_next_chart(model, now),
        _ => model.notify(format!("only {}", command_scope::places(command.ui_command)), Role::Dim, now),
    }
}

/// Scrolls the columns of a table, or says that there are no more.
fn scroll_columns(model: &mut Model, by: i32, now: Duration) {
    let view = model.view();
    let settings = &mut model.view_settings[view];
    let before = settings.hidden_columns;
    settings.scroll_columns(by);
    if settings.hidden_columns == before {
        let side = if by > 0 { "right" } else { "left" };
        model.notify(format!("no more columns on the {side}"), Role::Dim, now);
    }
}

/// Maximizes the focused pane of the dashboard, or the charts below a table, or restores them. The whole list of events is
/// a view of its own.
pub(crate) fn toggle_zoom(model: &mut Model, now: Duration) {
    match (model.current_view().content, model.side_focus) {
        (Content::Table(_), _) => return model.charts.is_maximized = !model.charts.is_maximized,
        (Content::Dashboard, _) => {}
        _ => return model.notify(format!("only {}", command_scope::ROW_VIEWS), Role::Dim, now),
    }
    match model.side_focus {
        _ if model.charts.is_maximized => model.charts.is_maximized = false,
        Some(Pane::Charts) => model.charts.is_maximized = true,
        Some(_) => navigation::show_view(model, ViewId::Events),
        None => model.is_zoomed = !model.is_zoomed,
    }
}

/// Chooses a longer or shorter span of time for charts and heat map than the one that they show.
fn change_chart_span(model: &mut Model, by: i32, now: Duration) {
    let shown = |model: &Model| model.chart_range().map(|range| range.span);
    let before = shown(model);
    // While the history is short, all of it is shown.
    model.charts.change_span(before.filter(|_| by < 0), by);
    if before.is_some() && shown(model) == before {
        let chosen = units::duration(model.charts.span());
        let history = units::duration(model.past().span());
        model.notify(format!("charts of {chosen}; the history has {history} so far"), Role::Dim, now);
    }
}

/// Switches the dashboard between the worst rows first and HAProxy's order.
fn toggle_worst_first(model: &mut Model, now: Duration) {
    let view = model.view();
    let settings = &mut model.view_settings[view];
    settings.is_worst_first = !settings.is_worst_first;
    settings.sort = None;
    settings.mark_changed();
    let order = if settings.is_worst_first { "the worst rows come first" } else { "the rows are in HAProxy's order" };
    model.notify(order, Role::Dim, now);
}
