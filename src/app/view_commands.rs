//! Commands that change how the view shown is drawn: filter, order, folding, columns and charts.

use std::time::Duration;

use crate::app::charted_row;
use crate::app::comparison_view;
use crate::app::heat_view;
use crate::app::layers::Layer;
use crate::app::menus;
use crate::app::model::Model;
use crate::app::navigation;
use crate::app::prompt::{Prompt, PromptPurpose};
use crate::app::queries;
use crate::app::ui_commands::{CommandSpec, UiCommand};
use crate::table::cell::Role;
use crate::table::chart_picture::ChartRange;
use crate::table::view_table::Content;
use crate::units;

/// Runs a command, or says in which views it works.
pub(crate) fn run(model: &mut Model, command: &CommandSpec, now: Duration) {
    let view = model.view();
    let is_table = matches!(model.current_view().content, Content::Table(_));
    let is_dashboard = matches!(model.current_view().content, Content::Dashboard);
    let has_rows = is_table || is_dashboard;
    let is_query_view = matches!(model.current_view().content, Content::Sessions | Content::StickTables);
    match command.ui_command {
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
        UiCommand::SortNext(_) | UiCommand::OpenSortMenu if is_query_view && !queries::can_sort(model) => {
            model.notify("nothing to sort: sessions and the entries of a table have an order", Role::Dim, now);
        }
        UiCommand::SortNext(by) if is_query_view => queries::sort_next(model, by),
        UiCommand::OpenSortMenu if is_query_view => queries::sort_next(model, 1),
        UiCommand::SortNext(_) | UiCommand::ReverseSort | UiCommand::OpenSortMenu if has_rows => {
            menus::change_sort(model, command.ui_command);
        }
        UiCommand::ToggleFlat if is_dashboard => toggle_worst_first(model, now),
        UiCommand::ToggleFlat if is_table => {
            model.view_settings[view].is_flat = !model.view_settings[view].is_flat;
            model.view_settings[view].mark_changed();
        }
        UiCommand::ToggleFold | UiCommand::ToggleFoldAll if comparison_view::is_on_top(model) => {
            comparison_view::toggle_unchanged(model, now);
        }
        UiCommand::ToggleFold if is_table => navigation::toggle_fold(model),
        UiCommand::ToggleFoldAll if is_table => navigation::toggle_fold_all(model),
        UiCommand::ScrollColumns(by) if is_table => model.view_settings[view].scroll_columns(by),
        UiCommand::ToggleChart if has_rows => model.charts.is_maximized = !model.charts.is_maximized,
        UiCommand::ChangeChartSpan(by) if comparison_view::is_on_top(model) => comparison_view::change_span(model, by),
        UiCommand::ChangeChartSpan(by) => change_chart_span(model, by, now),
        UiCommand::NextChart if heat_view::is_shown(model) => heat_view::show_next_metric(model, now),
        UiCommand::NextChart => charted_row::select_next_chart(model),
        _ => model.notify(format!("only in views 1 to 4 and 6: {}", command.help), Role::Dim, now),
    }
}

/// Chooses a longer or shorter span of time for charts and heat map than the one that they show.
fn change_chart_span(model: &mut Model, by: i32, now: Duration) {
    let shown = |model: &Model| {
        let range = ChartRange::new(&model.instance()?.data, model.charts.span())?;
        Some(range.span)
    };
    let before = shown(model);
    // While the history is short, all of it is shown.
    model.charts.change_span(before.filter(|_| by < 0), by);
    if before.is_some() && shown(model) == before {
        let chosen = units::duration(model.charts.span());
        let history = model.instance().map(|instance| instance.data.history().span()).unwrap_or_default();
        model.notify(
            format!("charts of {chosen}; the history has {} so far", units::duration(history)),
            Role::Dim,
            now,
        );
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
