//! Navigation: the cursor, opening rows and going back, switching panes and views.

use std::time::Duration;

use crate::app::action_targets;
use crate::app::cli_view;
use crate::app::commands::CursorStep;
use crate::app::dashboard_lists::ListCursor;
use crate::app::layers::Layer;
use crate::app::layout::Pane;
use crate::app::model::{Model, TableInputs};
use crate::app::playback;
use crate::app::queries;
use crate::observe::row_ids::RowId;
use crate::table::filter::RowFilter;
use crate::table::rows::{self, TableLine};
use crate::table::text_filter::TextFilter;
use crate::table::view_table::{Content, ViewId};

/// Time for which a table keeps its order after the cursor moved.
const FREEZE: Duration = Duration::from_secs(3);

/// Moves the cursor of the view shown.
pub fn move_cursor(model: &mut Model, step: CursorStep, now: Duration) {
    model.order_frozen_until = now + FREEZE;
    let (view, focus) = (model.view, model.focus);
    let (height, lines) = (visible_rows(model), line_count(model));
    let Some(instance) = model.instance_mut() else { return };
    match view.view().content {
        Content::Dashboard => {
            let Some(list) = focus.list_index() else { return };
            let before = instance.cursor_row(Pane::Backends);
            let ids = instance.row_ids(focus);
            instance.list_cursors[list].move_by(step, &ids, height);
            if instance.cursor_row(Pane::Backends) != before
                && let Some(servers) = Pane::Servers.list_index()
            {
                instance.list_cursors[servers].reset();
            }
        }
        Content::Table(_) => {
            let ids: Vec<RowId> = instance.table_lines.iter().map(|line| line.id).collect();
            instance.view_cursors[view].move_by(step, &ids, height);
        }
        Content::Events | Content::Sessions | Content::StickTables | Content::Problems => {
            instance.view_cursors[view].scroll(step, lines, height);
        }
        // The newest line is at the bottom; the cursor counts from there, so the directions are swapped.
        Content::Cli => {
            let up = match step {
                CursorStep::Rows(count) => CursorStep::Rows(-count),
                CursorStep::HalfPages(count) => CursorStep::HalfPages(-count),
                CursorStep::First => CursorStep::Last,
                CursorStep::Last => CursorStep::First,
            };
            instance.view_cursors[view].scroll(up, lines.saturating_sub(height) + 1, height);
        }
    }
}

/// Returns the number of lines of a view that is a list of lines.
fn line_count(model: &Model) -> usize {
    match model.current_view().content {
        Content::Cli => cli_view::shown_lines(model).count(),
        Content::Events => model.shown_events().count(),
        Content::Problems => model.shown_problems().count(),
        Content::Sessions | Content::StickTables => queries::line_count(model),
        Content::Dashboard | Content::Table(_) => 0,
    }
}

/// Returns the number of visible rows of the list or table.
pub fn visible_rows(model: &Model) -> usize {
    let layout = model.layout();
    match model.current_view().content {
        Content::Dashboard => layout.list_rows(model.focus),
        Content::Table(_) => usize::from(layout.table_rows()),
        // Two lines are taken by the description and the heading.
        Content::Sessions | Content::StickTables => usize::from(layout.body.height.saturating_sub(2)),
        // The last line is the input line.
        Content::Cli => usize::from(layout.body.height.saturating_sub(1)),
        Content::Events | Content::Problems => usize::from(layout.body.height),
    }
}

/// Opens the row under the cursor: from a backend to its servers, from other rows to the detail page.
pub fn open_cursor_row(model: &mut Model, unfold_first: bool) {
    let (view, focus) = (model.view, model.focus);
    let Some(instance) = model.instance_mut() else { return };
    match view.view().content {
        Content::Dashboard => match focus {
            Pane::Backends if !instance.row_ids(Pane::Servers).is_empty() => model.focus = Pane::Servers,
            Pane::Frontends if unfold_first => model.focus = Pane::Backends,
            _ => open_detail(model),
        },
        Content::Table(_) => {
            let folded = instance.view_cursors[view].row().filter(|id| unfold_first && instance.folded.contains(id));
            match folded {
                Some(id) => {
                    instance.folded.remove(&id);
                    model.view_settings[view].mark_changed();
                }
                None => open_detail(model),
            }
        }
        Content::Cli | Content::Sessions | Content::StickTables | Content::Events | Content::Problems => {
            open_detail(model);
        }
    }
}

/// Opens the detail page of the row under the cursor.
pub fn open_detail(model: &mut Model) {
    if let Some(id) = model.focused_row() {
        model.layers.push(Layer::Detail(id, 0));
    }
}

/// Folds or unfolds the proxy under the cursor; on a server, its proxy.
pub fn toggle_fold(model: &mut Model) {
    let view = model.view;
    let Some(instance) = model.instance_mut() else { return };
    let Some(head) = proxy_line_above(&instance.table_lines, &instance.view_cursors[view]) else { return };
    if !instance.folded.remove(&head.id) {
        instance.folded.insert(head.id);
        instance.view_cursors[view].select(head.id);
    }
    model.view_settings[view].mark_changed();
}

/// Folds every proxy, or unfolds all if all are folded.
pub fn toggle_fold_all(model: &mut Model) {
    let view = model.view;
    let Some(instance) = model.instance_mut() else { return };
    let head = proxy_line_above(&instance.table_lines, &instance.view_cursors[view]);
    let heads: Vec<RowId> =
        instance.table_lines.iter().filter(|line| line.folded.is_some()).map(|line| line.id).collect();
    if heads.iter().all(|head| instance.folded.contains(head)) {
        instance.folded.clear();
    } else {
        instance.folded.extend(heads);
        if let Some(head) = head {
            instance.view_cursors[view].select(head.id);
        }
    }
    model.view_settings[view].mark_changed();
}

/// Returns the proxy at or above the cursor.
fn proxy_line_above(lines: &[TableLine], list: &ListCursor) -> Option<TableLine> {
    let until = (list.index() + 1).min(lines.len());
    lines[..until].iter().rev().find(|line| !line.is_child).copied().filter(|head| head.folded.is_some())
}

/// Goes back one step. The first of these that applies: clear the marks, restore a maximized pane, clear the filter, go
/// up in the tree, go to the previous pane or view, return to live data. Some of them apply only if `clears` is set.
pub fn go_back(model: &mut Model, clears: bool, now: Duration) {
    let (view, focus) = (model.view, model.focus);
    match view.view().content {
        Content::Dashboard if clears && model.instance_mut().is_some_and(|instance| instance.selection.clear()) => {}
        Content::Dashboard if model.is_zoomed => model.is_zoomed = false,
        Content::Dashboard if focus == Pane::Servers => model.focus = Pane::Backends,
        Content::Dashboard if focus == Pane::Backends && !clears => model.focus = Pane::Frontends,
        Content::Dashboard if clears && playback::is_showing_past(model) => playback::resume_live(model, now),
        Content::Dashboard => {}
        _ if clears && model.instance_mut().is_some_and(|instance| instance.selection.clear()) => {}
        _ if clears && !model.view_settings[view].text_filter.is_empty() => {
            model.view_settings[view].text_filter = TextFilter::default();
        }
        Content::Problems | Content::Cli if clears => {
            show_view(model, if view.digit().is_none() { view } else { model.previous_view });
        }
        _ if clears && !model.view_settings[view].filter.is_empty() => {
            model.view_settings[view].set_filter(RowFilter::default());
        }
        Content::Table(_) if !clears => {
            let Some(instance) = model.instance_mut() else { return };
            let line = instance.table_lines.get(instance.view_cursors[view].index()).copied();
            match line {
                Some(line) if line.is_child => {
                    if let Some(head) = proxy_line_above(&instance.table_lines, &instance.view_cursors[view]) {
                        instance.view_cursors[view].select(head.id);
                    }
                }
                Some(line) if line.folded == Some(false) => {
                    instance.folded.insert(line.id);
                    model.view_settings[view].mark_changed();
                }
                _ => {}
            }
        }
        _ if clears && view.digit().is_some() && playback::is_showing_past(model) => playback::resume_live(model, now),
        _ if clears => show_view(model, model.previous_view),
        _ => {}
    }
}

/// Moves the focus to the next pane of the dashboard, and after the last pane to the next view. Other views have one
/// pane.
pub fn move_focus(model: &mut Model, by: i32) {
    let next_view = model.view.numbered_after(by);
    let index = model.focus.list_index().unwrap_or_default() as i32 + by;
    match Pane::LISTS.get(usize::try_from(index).unwrap_or(usize::MAX)) {
        Some(pane) if model.view == ViewId::Dashboard => model.focus = *pane,
        _ => {
            show_view(model, next_view);
            if next_view == ViewId::Dashboard {
                model.focus = Pane::LISTS[if by > 0 { 0 } else { Pane::LISTS.len() - 1 }];
            }
        }
    }
}

/// Shows a view. The cursor moves to the same row there, if the view has it.
pub fn show_view(model: &mut Model, view: ViewId) {
    // The key of a view without a number returns to the previous view when pressed again.
    let view = if view == model.view && view.digit().is_none() { model.previous_view } else { view };
    if view == model.view {
        return;
    }
    let selected = model.focused_row();
    model.previous_view = model.view;
    model.view = view;
    model.order_frozen_until = Duration::ZERO;
    if let (Content::Table(_), Some(instance), Some(id)) = (view.view().content, model.instance_mut(), selected) {
        instance.view_cursors[view].select(id);
    }
}

/// Rebuilds the table lines if needed, and keeps the cursors on their rows and visible. Called after every message.
pub fn update_rows_and_cursors(model: &mut Model, now: Duration) {
    let view = model.view;
    let is_action_layer_open = model.layers.iter().any(Layer::is_about_action);
    let is_frozen = is_action_layer_open || now < model.order_frozen_until;
    let current = model.current_instance;
    match view.view().content {
        Content::Dashboard => update_dashboard_cursors(model),
        Content::Table(_) => {
            let height = visible_rows(model);
            let (settings, Some(instance)) = (&model.view_settings[view], model.instances.get_mut(current)) else {
                return;
            };
            if let Some(sample) = instance.data.shown() {
                let inputs = TableInputs { view, seq: sample.seq, version: settings.version };
                if instance.built_for != Some(inputs) {
                    // Changes by the user apply at once; only changes of the order by new samples are held back.
                    let is_same =
                        instance.built_for.is_some_and(|built| TableInputs { seq: inputs.seq, ..built } == inputs);
                    let frozen = Some(instance.table_lines.as_slice()).filter(|_| is_frozen && is_same);
                    instance.table_lines =
                        rows::build_lines(&instance.data, sample, settings, &instance.folded, frozen);
                    instance.built_for = Some(inputs);
                }
            }
            let ids: Vec<RowId> = instance.table_lines.iter().map(|line| line.id).collect();
            instance.view_cursors[view].update_rows(&ids, height);
        }
        Content::Events | Content::Sessions | Content::StickTables | Content::Problems => {
            let (height, lines) = (visible_rows(model), line_count(model));
            if let Some(instance) = model.instance_mut() {
                instance.view_cursors[view].scroll(CursorStep::Rows(0), lines, height);
            }
        }
        Content::Cli => {}
    }
    action_targets::extend_open_range(model);
    if let Some(instance) = model.instance_mut() {
        action_targets::forget_missing_rows(instance);
    }
}

fn update_dashboard_cursors(model: &mut Model) {
    for (index, pane) in Pane::LISTS.into_iter().enumerate() {
        // The layout depends on the number of servers of the selected backend, so it is computed again for each list.
        let height = model.layout().list_rows(pane);
        if let Some(instance) = model.instance_mut() {
            let ids = instance.row_ids(pane);
            instance.list_cursors[index].update_rows(&ids, height);
        }
    }
    let is_empty = |model: &Model, pane| model.instance().is_some_and(|instance| instance.row_ids(pane).is_empty());
    if model.focus == Pane::Servers && is_empty(model, Pane::Servers) && !is_empty(model, Pane::Backends) {
        model.focus = Pane::Backends;
    }
}
