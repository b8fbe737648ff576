//! Navigation: the cursor, opening rows and going back, switching panes and views.

use std::time::Duration;

use crate::app::action_targets;
use crate::app::balancer_areas::BalancerAreas;
use crate::app::balancer_lines;
use crate::app::cli_view;
use crate::app::dashboard_lists::ListCursor;
use crate::app::heat_view;
use crate::app::layers::Layer;
use crate::app::layout::Pane;
use crate::app::match_search;
use crate::app::model::Model;
use crate::app::pane_focus;
use crate::app::playback;
use crate::app::problem_lines::ProblemLine;
use crate::app::queries;
use crate::app::query_lines;
use crate::app::request_areas::RequestAreas;
use crate::app::requests_view;
use crate::app::row_merging;
use crate::app::ui_commands::CursorStep;
use crate::observe::instance_id::RowRef;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;
use crate::table::filter::RowFilter;
use crate::table::rows::{FoldedProxies, TableLine};
use crate::table::text_filter::TextFilter;
use crate::table::view_table::{Content, ViewId};

/// Time for which a table keeps the order of its rows after the cursor moved.
const FREEZE: Duration = Duration::from_secs(3);

/// Makes the rows keep their places for a while, because the cursor moves.
pub(crate) fn freeze_order(model: &mut Model, now: Duration) {
    model.freeze_order(now + FREEZE);
}

/// Moves the cursor of the view shown.
pub(crate) fn move_cursor(model: &mut Model, step: CursorStep, now: Duration) {
    freeze_order(model, now);
    let view = model.view();
    let (height, lines) = (visible_rows(model), line_count(model));
    if model.shows_balancers() {
        return model.balancers.move_cursor(step, height);
    }
    if view == ViewId::Dashboard && pane_focus::move_in_events(model, step) {
        return;
    }
    let Some(instance) = model.instance_mut() else { return };
    match view.view().content {
        Content::Dashboard => move_list_cursor(model, step, height),
        Content::Table(_) => {
            let ids: Vec<RowId> = instance.table_lines().iter().map(|line| line.id).collect();
            instance.view_cursors[view].move_by(step, &ids, height);
        }
        Content::Events | Content::Sessions | Content::StickTables | Content::Problems => {
            instance.view_cursors[view].scroll(step, lines, height);
        }
        // The cursor counts from the newest line, at the bottom, so the directions are swapped.
        Content::Cli => {
            let up = match step {
                CursorStep::Rows(count) => CursorStep::Rows(-count),
                CursorStep::HalfPages(count) => CursorStep::HalfPages(-count),
                CursorStep::First => CursorStep::Last,
                CursorStep::Last => CursorStep::First,
            };
            instance.view_cursors[view].scroll(up, lines.saturating_sub(height) + 1, height);
        }
        Content::Balancers => {}
        Content::Requests => requests_view::move_cursor(model, step, height),
    }
}

/// Moves the cursor of the focused list of the dashboard. Up from the first row goes to the causes, and down from the last
/// cause to the backends. The lists below show the row of the selected cause.
fn move_list_cursor(model: &mut Model, step: CursorStep, height: usize) {
    let focus = model.focus;
    let Some(instance) = model.instance_mut() else { return };
    let (count, has_causes) = (instance.lists.rows(focus).len(), !instance.lists.rows(Pane::Causes).is_empty());
    let index = instance.lists.cursor(focus).map_or(0, ListCursor::index);
    let next_focus = match (focus, step) {
        (Pane::Causes, CursorStep::Rows(1)) if index + 1 >= count => Some(Pane::Backends),
        (Pane::Frontends | Pane::Backends | Pane::Servers, CursorStep::Rows(-1)) if index == 0 && has_causes => {
            Some(Pane::Causes)
        }
        _ => None,
    };
    if let Some(next_focus) = next_focus {
        instance.lists.set_navigated();
        pane_focus::focus_pane(model, next_focus);
        return;
    }
    instance.lists.move_by(focus, step, height);
    if let Some(row) = instance.cursor_row(focus).filter(|_| focus == Pane::Causes) {
        instance.select_in_lists(row);
    }
}

/// Returns the number of lines of the view shown; 0 if the view is a table or the dashboard.
pub(crate) fn line_count(model: &Model) -> usize {
    match model.current_view().content {
        Content::Cli => cli_view::shown_lines(model).count(),
        Content::Events => model.shown_events().count(),
        Content::Problems => model.shown_problem_lines().count(),
        Content::Sessions | Content::StickTables => query_lines::line_count(model),
        Content::Balancers => model.balancers.row_count(),
        Content::Requests => requests_view::row_count(model),
        Content::Dashboard | Content::Table(_) => 0,
    }
}

/// Returns the number of rows that the focused list, table or view can show.
pub(crate) fn visible_rows(model: &Model) -> usize {
    let layout = model.layout();
    match model.current_view().content {
        Content::Dashboard => layout.list_rows(model.focus),
        Content::Table(_) if heat_view::is_shown(model) => heat_view::row_count(model),
        Content::Table(_) => usize::from(model.table_areas(&layout).visible_rows()),
        // Two lines are taken by the description and the heading.
        Content::Sessions | Content::StickTables => usize::from(layout.body.height.saturating_sub(2)),
        // One line is the input line or the heading.
        Content::Cli | Content::Problems => usize::from(layout.body.height.saturating_sub(1)),
        Content::Events => usize::from(layout.body.height),
        Content::Balancers => usize::from(BalancerAreas::new(model, layout.body).rows.height.saturating_sub(1)),
        Content::Requests => RequestAreas::new(layout.body).visible_rows(),
    }
}

/// Opens the row under the cursor, or the row of the event under it: a backend of the dashboard moves the focus to its servers;
/// any other row opens its detail page.
pub(crate) fn open_cursor_row(model: &mut Model, unfold_first: bool) {
    let (view, focus) = (model.view(), model.focus);
    if view == ViewId::Dashboard && model.side_focus.is_some() {
        return show_detail(model, pane_focus::event_row(model).or_else(|| model.focused_row()));
    }
    let Some(instance) = model.instance_mut() else { return };
    match view.view().content {
        Content::Dashboard => match focus {
            Pane::Backends if !instance.lists.rows(Pane::Servers).is_empty() => focus_pane(model, Pane::Servers),
            Pane::Frontends if unfold_first => focus_pane(model, Pane::Backends),
            _ => open_detail(model),
        },
        Content::Table(_) => {
            let folded = instance.view_cursors[view].row().filter(|id| unfold_first && instance.folded.contains(id));
            match folded {
                Some(id) => model.change_folded(|folded| _ = folded.remove(&id)),
                None if model.is_merged() && view.view().scope.lists_balancers() => {
                    balancer_lines::toggle(model, unfold_first);
                }
                None => open_detail(model),
            }
        }
        Content::Problems => {
            let index = instance.view_cursors[view].index();
            if !toggle_cause(model, index, unfold_first) {
                open_detail(model);
            }
        }
        Content::Events => {
            let index = instance.view_cursors[view].index();
            let row = model.shown_events().nth(index).and_then(|event| event.row);
            show_detail(model, row);
        }
        _ => open_detail(model),
    }
}

/// Shows the problems of the cause in a line of the problems view below it, or hides them if the cause is about the
/// process, which has no detail page. Returns false if the line has nothing to unfold, or `unfold_first` is not set and
/// the cause has a row to open.
fn toggle_cause(model: &mut Model, index: usize, unfold_first: bool) -> bool {
    let Some(line) = model.shown_problem_lines().nth(index) else { return false };
    let ProblemLine::Cause(cause, is_unfolded) = line else { return false };
    let (key, has_row) = (cause.key(), line.row().is_some());
    if has_row && (is_unfolded || !unfold_first) {
        return false;
    }
    let Some(instance) = model.instance_mut() else { return false };
    if is_unfolded {
        instance.unfolded_causes.remove(&key);
    } else {
        instance.unfolded_causes.insert(key);
    }
    true
}

/// Opens the detail page of the row under the cursor.
pub(crate) fn open_detail(model: &mut Model) {
    show_detail(model, model.focused_row());
}

fn show_detail(model: &mut Model, row: Option<RowId>) {
    if let (Some(row), Some(instance)) = (row, model.instance()) {
        let row = RowRef { instance: instance.id(), row };
        model.layers.push(Layer::Detail(row, 0));
    }
}

/// Folds or unfolds the proxy under the cursor, or the proxy of the server under the cursor. Returns false without one.
pub(crate) fn toggle_fold(model: &mut Model) -> bool {
    let view = model.view();
    let Some(instance) = model.instance_mut() else { return false };
    let Some(head) = proxy_line_above(instance.table_lines(), &instance.view_cursors[view]) else { return false };
    if !instance.folded.contains(&head.id) {
        instance.view_cursors[view].select(head.id);
    }
    model.change_folded(|folded| {
        if !folded.remove(&head.id) {
            folded.insert(head.id);
        }
    });
    true
}

/// Folds every proxy, or unfolds all if all are folded. Returns false without one.
pub(crate) fn toggle_fold_all(model: &mut Model) -> bool {
    let view = model.view();
    let Some(instance) = model.instance_mut() else { return false };
    let head = proxy_line_above(instance.table_lines(), &instance.view_cursors[view]);
    let heads: Vec<RowId> =
        instance.table_lines().iter().filter(|line| line.folded.is_some()).map(|line| line.id).collect();
    if heads.is_empty() {
        return false;
    }
    if heads.iter().all(|head| instance.folded.contains(head)) {
        model.change_folded(FoldedProxies::clear);
        return true;
    }
    if let Some(head) = head {
        instance.view_cursors[view].select(head.id);
    }
    model.change_folded(|folded| folded.extend(heads));
    true
}

/// Returns the proxy at or above the cursor.
fn proxy_line_above(lines: &[TableLine], list: &ListCursor) -> Option<TableLine> {
    let until = (list.index() + 1).min(lines.len());
    lines[..until].iter().rev().find(|line| !line.is_child).copied().filter(|head| head.folded.is_some())
}

/// Goes back: does the first of the following that applies. Clears the marks, restores a maximized pane, clears the
/// filter, goes up in the tree, goes to the previous pane or view, ends playback. Some apply only if `clears` is set.
pub(crate) fn go_back(model: &mut Model, clears: bool, now: Duration) {
    let (view, focus) = (model.view(), model.focus);
    match view.view().content {
        Content::Dashboard | Content::Table(_) if model.charts.is_maximized => model.charts.is_maximized = false,
        Content::Dashboard if model.side_focus.is_some() => model.side_focus = None,
        Content::Dashboard if clears && model.instance_mut().is_some_and(|instance| instance.selection.clear()) => {}
        Content::Dashboard if model.is_zoomed => model.is_zoomed = false,
        Content::Dashboard if clears && !model.view_settings[view].filter.is_empty() => {
            model.view_settings[view].set_filter(RowFilter::default());
        }
        Content::Dashboard if focus == Pane::Servers => pane_focus::focus_pane(model, Pane::Backends),
        Content::Dashboard if focus == Pane::Backends && !clears => pane_focus::focus_pane(model, Pane::Frontends),
        Content::Dashboard if focus == Pane::Frontends && !clears && has_causes(model) => {
            pane_focus::focus_pane(model, Pane::Causes);
        }
        Content::Dashboard if focus == Pane::Causes && clears => pane_focus::focus_pane(model, Pane::Backends),
        Content::Dashboard if clears && playback::is_showing_past(model) => playback::resume_live(model, now),
        Content::Dashboard => {}
        _ if clears && model.instance_mut().is_some_and(|instance| instance.selection.clear()) => {}
        _ if clears && !model.text_filter().is_empty() => {
            model.set_text_filter(TextFilter::default());
        }
        Content::Balancers if clears && model.balancers.table.clear_filter() => {}
        Content::Requests if clears && model.requests.clear_filter() => {}
        Content::Requests if !clears => model.requests.move_tab(-1),
        Content::Problems | Content::Cli if clears => show_previous_view(model),
        _ if clears && !model.view_settings[view].filter.is_empty() => {
            model.view_settings[view].set_filter(RowFilter::default());
        }
        Content::Table(_) if !clears => {
            if balancer_lines::fold(model) {
                return;
            }
            let Some(instance) = model.instance_mut() else { return };
            let line = instance.table_lines().get(instance.view_cursors[view].index()).copied();
            match line {
                Some(line) if line.is_child => {
                    if let Some(head) = proxy_line_above(instance.table_lines(), &instance.view_cursors[view]) {
                        instance.view_cursors[view].select(head.id);
                    }
                }
                Some(line) if line.folded == Some(false) => {
                    model.change_folded(|folded| _ = folded.insert(line.id));
                }
                _ => {}
            }
        }
        _ if clears && view.digit().is_some() && playback::is_showing_past(model) => playback::resume_live(model, now),
        _ if clears => show_previous_view(model),
        _ => {}
    }
}

/// Moves the focus by `by` panes of the dashboard, and past the last one to the first. Other views have one
/// pane, so the next or previous view is shown.
pub(crate) fn move_focus(model: &mut Model, by: i32) {
    if model.shows_requests() {
        return model.requests.move_tab(by);
    }
    if model.view() != ViewId::Dashboard {
        return show_view(model, model.view().numbered_after(by));
    }
    let panes = pane_focus::reachable_panes(model);
    let index = panes.iter().position(|pane| pane_focus::has_focus(model, *pane)).unwrap_or_default() as i32 + by;
    if let Some(pane) = panes.get(index.rem_euclid(panes.len().max(1) as i32) as usize) {
        focus_pane(model, *pane);
    }
}

/// Shows the instance that is `by` places after the one shown. The cursor moves to the row of the same name.
pub(crate) fn switch_instance(model: &mut Model, by: i32, now: Duration) {
    let chosen = model.chosen_row().filter(|_| model.focus != Pane::Causes || model.view() != ViewId::Dashboard);
    let name = chosen.and_then(|id| {
        let row = model.instance()?.data.shown()?.row(id)?;
        Some((row.kind, row.proxy.clone(), row.name.clone()))
    });
    let Some(before) = model.switch_instance(by) else {
        return model.notify("there is only one instance; list several on the command line", Role::Dim, now);
    };
    playback::follow_instance_switch(model, before);
    let Some((kind, proxy, name)) = name else { return };
    let same_row = model.instance().and_then(|instance| {
        let sample = instance.data.shown()?;
        let mut rows = sample.table.rows().iter().zip(sample.rows.ids());
        rows.find(|(row, _)| row.kind == kind && row.proxy == proxy && row.name == name).map(|(_, id)| *id)
    });
    if let Some(id) = same_row {
        match_search::select(model, id);
    }
}

fn focus_pane(model: &mut Model, pane: Pane) {
    pane_focus::focus_pane(model, pane);
    if let Some(instance) = model.instance_mut() {
        instance.lists.set_navigated();
    }
}

fn has_causes(model: &Model) -> bool {
    model.instance().is_some_and(|instance| !instance.lists.rows(Pane::Causes).is_empty())
}

/// Goes back to the view from which the view shown was opened, and at last to the dashboard, which has no previous view.
/// No view is shown twice on the way.
pub(crate) fn show_previous_view(model: &mut Model) {
    if model.view_history.previous() != model.view() {
        change_view(model, Model::leave_view);
    }
}

/// Shows a view. The key of a view without a number goes back when pressed again.
pub(crate) fn show_view(model: &mut Model, view: ViewId) {
    if view != model.view() {
        change_view(model, |model| model.switch_view(view));
    } else if view.digit().is_none() {
        show_previous_view(model);
    }
}

/// Changes the view. The cursor moves to the row that was selected in the previous view, if the new view has that row. The
/// sessions view shows the sessions of the row.
fn change_view(model: &mut Model, change: impl FnOnce(&mut Model)) {
    let was_merged = model.is_merged();
    let (selected, chosen) = (model.focused_row(), model.chosen_row());
    change(model);
    let same = |row: RowId| model.same_row(row, was_merged);
    let (selected, chosen) = (selected.and_then(same), chosen.and_then(same));
    let view = model.view();
    match (view.view().content, selected) {
        (Content::Table(_), Some(id)) => {
            if let Some(instance) = model.instance_mut() {
                let cursor = &mut instance.view_cursors[view];
                if chosen.is_some() { cursor.select(id) } else { cursor.follow(id) }
            }
        }
        (Content::Sessions, _) => queries::filter_by_row(model, chosen),
        (Content::Requests, _) => requests_view::filter_by_row(model, chosen),
        _ => {}
    }
}

/// Rebuilds the table lines if needed, and keeps every cursor on its row and visible. Called after every message.
pub(crate) fn update_rows_and_cursors(model: &mut Model, now: Duration) {
    row_merging::update(model, now);
    let view = model.view();
    match view.view().content {
        Content::Dashboard => {
            model.update_rows(now);
            if std::mem::take(&mut model.selects_first_match) {
                match_search::select_first(model);
                model.update_rows(now);
            }
            update_dashboard_cursors(model);
        }
        Content::Table(_) => {
            let height = visible_rows(model);
            model.update_rows(now);
            if std::mem::take(&mut model.selects_first_match) {
                match_search::select_first(model);
            }
            let Some(instance) = model.instance_mut() else { return };
            let ids: Vec<RowId> = instance.table_lines().iter().map(|line| line.id).collect();
            instance.view_cursors[view].update_rows(&ids, height);
            if heat_view::is_shown(model) {
                heat_view::update(model);
            }
        }
        Content::Events | Content::Sessions | Content::StickTables | Content::Problems => {
            query_lines::update_filtered_groups(model);
            let (height, lines) = (visible_rows(model), line_count(model));
            if let Some(instance) = model.instance_mut() {
                instance.view_cursors[view].scroll(CursorStep::Rows(0), lines, height);
            }
        }
        Content::Balancers => {
            let is_frozen = model.is_order_frozen(now);
            let height = visible_rows(model);
            model.balancers.update_rows(&model.instances, now, is_frozen, height);
        }
        Content::Requests => requests_view::update_rows(model, now),
        Content::Cli => {}
    }
    action_targets::extend_open_range(model);
    if let Some(instance) = model.instance_mut() {
        instance.forget_missing_rows();
        instance.update_summary();
    }
}

fn update_dashboard_cursors(model: &mut Model) {
    pane_focus::update(model);
    let is_empty = |model: &Model, pane| model.instance().is_some_and(|instance| instance.lists.rows(pane).is_empty());
    let is_left =
        |model: &Model, pane| model.focus == pane && is_empty(model, pane) && !is_empty(model, Pane::Backends);
    if is_left(model, Pane::Servers) || model.focus == Pane::Causes && is_empty(model, Pane::Causes) {
        pane_focus::focus_pane(model, Pane::Backends);
    }
    let layout = model.layout();
    let Some(instance) = model.instance_mut() else { return };
    // A list that is hidden, as on a small terminal, keeps the rows that it showed.
    for (pane, rows) in Pane::LISTS.map(|pane| (pane, layout.list_rows(pane))).into_iter().filter(|(_, rows)| *rows > 0)
    {
        instance.lists.keep_visible(pane, rows);
    }
}
