//! The keys that move the cursor from match to match.

use std::cmp::Ordering;
use std::time::Duration;

use crate::app::match_search;
use crate::app::model::Model;
use crate::app::navigation;
use crate::app::ui_commands::CursorStep;
use crate::table::cell::Role;
use crate::table::view_table::Content;

/// Moves the cursor by `by` matches of the filter, and past the last one to the first. Without a filter, every row with a
/// problem is a match. In a list of lines, every line shown matches.
pub(crate) fn move_to_match(model: &mut Model, by: i32, now: Duration) {
    let has_rows = matches!(model.current_view().content, Content::Dashboard | Content::Table(_));
    if !has_rows {
        return move_to_matching_line(model, by, now);
    }
    navigation::freeze_order(model, now);
    let is_filtered = !model.view_settings[model.view()].filter.is_empty();
    let matches = match_search::matching_rows(model);
    let index = model.focused_row().and_then(|id| matches.iter().position(|row| *row == id));
    match next_index(index, by, matches.len()) {
        Some(next) => {
            match_search::select(model, matches[next]);
            let what = if is_filtered { "match" } else { "row with a problem" };
            notify_wrap(model, index, next, by, what, now);
        }
        None if is_filtered => model.notify("no row matches the filter; Esc clears it", Role::Dim, now),
        None => model.notify("no row has a problem, and no filter is set; / sets one", Role::Dim, now),
    }
}

/// Moves the cursor by `by` lines of a list that shows only matching lines, and past the last one to the first.
fn move_to_matching_line(model: &mut Model, by: i32, now: Duration) {
    let are_all_problems = matches!(model.current_view().content, Content::Problems);
    if model.text_filter().is_empty() && !are_all_problems {
        return model.notify("no filter is set; / sets one", Role::Dim, now);
    }
    let (view, height, count) = (model.view(), navigation::visible_rows(model), navigation::line_count(model));
    let Some(instance) = model.instance_mut() else { return };
    let index = instance.view_cursors[view].index();
    let Some(next) = next_index(Some(index), by, count) else { return };
    instance.view_cursors[view].scroll(CursorStep::Rows(next as i32 - index as i32), count, height);
    notify_wrap(model, Some(index), next, by, "match", now);
}

/// Returns the index of the match that is `by` places after `index`; the first or last one if `index` is not a match.
fn next_index(index: Option<usize>, by: i32, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(match index {
        Some(index) => (index as i64 + i64::from(by)).rem_euclid(count as i64) as usize,
        None if by > 0 => 0,
        None => last,
    })
}

/// Reports that the cursor moved past the last or first match, or that there is only one.
fn notify_wrap(model: &mut Model, from: Option<usize>, to: usize, by: i32, what: &str, now: Duration) {
    let Some(from) = from else { return };
    match (from.cmp(&to), by > 0) {
        (Ordering::Equal, _) => model.notify(format!("the only {what}"), Role::Dim, now),
        (Ordering::Greater, true) => model.notify(format!("continued at the first {what}"), Role::Dim, now),
        (Ordering::Less, false) => model.notify(format!("continued at the last {what}"), Role::Dim, now),
        _ => {}
    }
}
