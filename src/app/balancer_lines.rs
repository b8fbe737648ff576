//! The lines of the balancers below a merged row.

use std::time::Duration;

use crate::app::model::Model;
use crate::observe::row_ids::RowId;

/// Shows the balancers of the row under the cursor below it, or hides them unless `unfold_only` is set.
pub(crate) fn toggle(model: &mut Model, unfold_only: bool) {
    let Some(id) = model.focused_row() else { return };
    let Some(instance) = model.instance_mut() else { return };
    if !instance.unfolded_rows.remove(&id) || unfold_only {
        instance.unfolded_rows.insert(id);
    }
    mark_changed(model);
}

/// Hides the balancers of the row under the cursor, which moves to the row. Returns false if none are shown.
pub(crate) fn fold(model: &mut Model) -> bool {
    let (view, is_merged) = (model.view(), model.is_merged());
    let id: Option<RowId> = model.focused_row().filter(|_| is_merged);
    let (Some(id), Some(instance)) = (id, model.instance_mut()) else { return false };
    let was_shown = instance.unfolded_rows.remove(&id);
    if was_shown {
        instance.view_cursors[view].select(id);
        mark_changed(model);
    }
    was_shown
}

fn mark_changed(model: &mut Model) {
    model.freeze_order(Duration::ZERO);
    let view = model.view();
    model.view_settings[view].mark_changed();
}
