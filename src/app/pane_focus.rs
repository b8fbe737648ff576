//! Which pane of the dashboard receives the keys. A list always keeps its cursor; the charts and the events can receive the
//! keys instead of it.

use crate::app::dashboard_lists::ListCursor;
use crate::app::layout::Pane;
use crate::app::model::Model;
use crate::app::ui_commands::CursorStep;
use crate::observe::row_ids::RowId;

/// Panes next to the lists that can receive the keys, in the order of the Tab key.
const SIDE_PANES: [Pane; 2] = [Pane::Charts, Pane::Events];

/// Returns whether a pane of the dashboard receives the keys.
pub(crate) fn has_focus(model: &Model, pane: Pane) -> bool {
    model.side_focus.unwrap_or(model.focus) == pane
}

/// Gives the keys to a pane of the dashboard.
pub(crate) fn focus_pane(model: &mut Model, pane: Pane) {
    if SIDE_PANES.contains(&pane) {
        model.side_focus = Some(pane);
    } else {
        (model.focus, model.side_focus) = (pane, None);
    }
}

/// Returns the panes that can receive the keys, in the order of the Tab key: lists with rows, then charts and events.
pub(crate) fn reachable_panes(model: &Model) -> Vec<Pane> {
    let (Some(instance), layout) = (model.instance(), model.layout()) else { return Vec::new() };
    let lists = Pane::LISTS.into_iter().filter(|pane| *pane == model.focus || !instance.lists.rows(*pane).is_empty());
    lists.chain(SIDE_PANES.into_iter().filter(|pane| layout.pane_area(*pane).is_some())).collect()
}

/// Gives the keys back to the list if the side pane is not visible any more, and keeps the cursor of the events visible.
pub(crate) fn update(model: &mut Model) {
    let layout = model.layout();
    model.side_focus = model.side_focus.filter(|pane| layout.pane_area(*pane).is_some());
    move_in_events(model, CursorStep::Rows(0));
}

/// Moves the cursor of the events. Returns whether the events receive the keys.
pub(crate) fn move_in_events(model: &mut Model, step: CursorStep) -> bool {
    let area = model.layout().pane_area(Pane::Events).filter(|_| has_focus(model, Pane::Events));
    let (Some(area), Some(instance)) = (area, model.instance_mut()) else { return false };
    let (count, height) = (instance.data.events().len(), usize::from(area.inner().height));
    instance.events_cursor.scroll(step, count, height);
    true
}

/// Returns the cursor of the events if these receive the keys.
pub(crate) fn events_cursor(model: &Model) -> Option<ListCursor> {
    let instance = model.instance().filter(|_| has_focus(model, Pane::Events))?;
    Some(instance.events_cursor)
}

/// Returns the row of the event under the cursor; `None` if the event has none, or the list of the dashboard receives the
/// keys.
pub(crate) fn event_row(model: &Model) -> Option<RowId> {
    let cursor = events_cursor(model)?;
    model.instance()?.data.events().newest_first().nth(cursor.index())?.row
}
