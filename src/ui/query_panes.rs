//! Views 7 and 8: sessions and stick tables, which are fetched only on a key press.

use crate::app::layout::Area;
use crate::app::queries;
use crate::app::query_state::{Fetched, OpenTable};
use crate::app::ui_commands::UiCommand;
use crate::ask::query_limits;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{Session, SessionOrder};
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;
use crate::units;

/// Draws the sessions view.
pub(crate) fn draw_sessions(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, now, .. } = *context;
    let fetched = &instance.queries.sessions;
    let Some((latest, at)) = &fetched.latest else {
        let warning = query_limits::find(&["show", "sess"]).map_or("", |cost| cost.warning);
        let filter = model.text_filter();
        let action = if filter.is_empty() {
            "lists the open sessions".to_owned()
        } else {
            format!("lists the open sessions that match {filter}; Esc: of all rows")
        };
        return draw_query_offer(canvas, area, fetched, &action, warning);
    };
    let order = match instance.queries.session_order {
        SessionOrder::Age => "oldest first",
        SessionOrder::Bytes => "most bytes first",
        SessionOrder::State => "by state from INI to CLO",
    };
    let shown = queries::shown_sessions(model).count();
    let mut texts = vec![styled_text(
        format!("{shown} of {} sessions, {order}, fetched {} ago", latest.total, queries::format_age(*at, now)),
        Role::Normal,
    )];
    if latest.dropped > 0 {
        texts.push(styled_text(format!("   {} omitted", latest.dropped), Role::Warn));
    }
    let [poll, sort, filter] = [UiCommand::PollNow, UiCommand::OpenSortMenu, UiCommand::EditFilter]
        .map(|run| model.keymap.key_or_command(run));
    let hints =
        [format!("{poll} refreshes"), format!("{sort} order"), format!("{filter} server: backend: frontend: older:")];
    draw_status_line(canvas, area, fetched, texts, &hints);
    let columns = session_columns(area.width);
    let headings = ["AGE", "FRONTEND", "BACKEND/SERVER", "CLIENT", "STATE", "BYTES"];
    draw_cells(canvas, area.rows(1, 1), &headings, &columns, Role::Dim);
    let list = &instance.view_cursors[model.view()];
    let body = area.rows(2, area.height);
    if shown == 0 {
        canvas.draw_text(body, 1, 0, "no sessions match the filter; Esc clears it", Role::Dim);
    }
    let visible = queries::shown_sessions(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (index, session)) in visible.enumerate() {
        let cells = session_cells(session);
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        draw_cells(canvas, body.rows(row as u16, 1), &cells, &columns, Role::Normal);
        if index == list.index() {
            canvas.highlight_row(body, row as u16, Role::Selected);
        }
    }
}

/// Returns the columns of the sessions view: age, frontend, backend and server, client, state, bytes.
///
/// On a narrow screen, the frontend and the bytes are omitted, so that the names stay readable.
fn session_columns(width: u16) -> [CellSlot; 6] {
    let bytes = if width < 60 { 0 } else { 6 };
    let rest = width.saturating_sub(1 + 6 + 6 + bytes + 1);
    let (front, target, client) = if width < 60 {
        (0, rest * 11 / 20, rest - rest * 11 / 20)
    } else {
        (rest / 4, rest * 2 / 5, rest - rest / 4 - rest * 2 / 5)
    };
    [
        right_slot(5),
        left_slot(front.min(32)),
        left_slot(target.min(56)),
        left_slot(client.min(48)),
        left_slot(6),
        right_slot(bytes),
    ]
}

fn session_cells(session: &Session) -> [String; 6] {
    let name = |text: &Option<SafeText>| text.as_ref().map_or(units::UNKNOWN.to_owned(), ToString::to_string);
    let target = match (&session.backend, &session.server) {
        (Some(backend), Some(server)) => format!("{backend}/{server}"),
        (backend, _) => name(backend),
    };
    [
        session.age.map_or(units::UNKNOWN.to_owned(), units::duration),
        name(&session.frontend),
        target,
        name(&session.source),
        session.server_side.map_or(units::UNKNOWN.to_owned(), |stage| stage.as_str().to_owned()),
        session.bytes().map_or(units::UNKNOWN.to_owned(), |bytes| units::bytes(bytes as f64)),
    ]
}

/// Returns the role for the used share of a stick table, from 0 to 1. The limits are fixed here, because no rule covers
/// stick tables.
fn fill_role(fill: f64) -> Role {
    match fill {
        0.95.. => Role::Bad,
        0.8.. => Role::Warn,
        _ => Role::Normal,
    }
}

/// Draws the list of stick tables, or the entries of the open table.
pub(crate) fn draw_stick_tables(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, now, .. } = *context;
    if let Some(open) = &instance.queries.open_table {
        return draw_entries(context, canvas, area, open);
    }
    let fetched = &instance.queries.tables;
    let Some((latest, at)) = &fetched.latest else {
        return draw_query_offer(canvas, area, fetched, "lists the stick tables", "");
    };
    let shown = queries::shown_stick_tables(model).count();
    let message = format!("{shown} of {} tables, fetched {} ago", latest.list.len(), queries::format_age(*at, now));
    let poll = model.keymap.key_or_command(UiCommand::PollNow);
    let hints = [format!("{poll} refreshes"), "Enter: entries (locks the table)".to_owned()];
    draw_status_line(canvas, area, fetched, vec![styled_text(message, Role::Normal)], &hints);
    let columns = [
        left_slot(area.width.saturating_sub(1 + 8 + 6 + 7 + 6 + 1).min(48)),
        left_slot(8),
        right_slot(5),
        right_slot(6),
        right_slot(5),
    ];
    draw_cells(canvas, area.rows(1, 1), &["TABLE", "TYPE", "USED", "SIZE", "FULL"], &columns, Role::Dim);
    let list = &instance.view_cursors[model.view()];
    let body = area.rows(2, area.height);
    if shown == 0 {
        let message = if latest.list.is_empty() {
            "HAProxy has no stick tables"
        } else {
            "no tables match the filter; Esc clears it"
        };
        canvas.draw_text(body, 1, 0, message, Role::Dim);
    }
    let visible = queries::shown_stick_tables(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (index, table)) in visible.enumerate() {
        let number = |value: Option<u64>| value.map_or(units::UNKNOWN.to_owned(), |value| units::count(value as i64));
        let fill = table.fill_ratio();
        let share = fill.map_or(units::UNKNOWN.to_owned(), units::percent);
        let (used, size) = (number(table.used), number(table.size));
        let cells = [table.name.as_str(), table.key_type.as_str(), &used, &size, &share];
        let role = fill.map_or(Role::Normal, fill_role);
        draw_cells(canvas, body.rows(row as u16, 1), &cells, &columns, role);
        if index == list.index() {
            canvas.highlight_row(body, row as u16, Role::Selected);
        }
    }
}

fn draw_entries(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, open: &OpenTable) {
    let DrawContext { model, instance, now, .. } = *context;
    let fetched = &open.entries;
    let Some((latest, at)) = &fetched.latest else {
        let warning = query_limits::find(&["show", "table", "*"]).map_or("", |cost| cost.warning);
        return draw_query_offer(canvas, area, fetched, "lists the entries of this table", warning);
    };
    let counter = latest.counters.get(open.sort).map_or(String::new(), |counter| {
        let window = counter.period.map_or(String::new(), |period| format!(" per {}", units::duration(period)));
        format!(", most {}{window} first", counter.name)
    });
    let shown = queries::shown_entries(model).count();
    let message = format!("{}: {shown} entries{counter}, fetched {} ago", open.name, queries::format_age(*at, now));
    let mut texts = vec![styled_text(message, Role::Normal)];
    if latest.dropped > 0 {
        texts.push(styled_text(format!("   {} omitted", latest.dropped), Role::Warn));
    }
    let [sort, filter, poll] =
        [UiCommand::SortNext(1), UiCommand::EditFilter, UiCommand::PollNow].map(|run| model.keymap.key_or_command(run));
    let hints =
        [format!("{sort} sorts by the next counter"), format!("{filter} COUNTER>N then {poll}"), "Esc back".to_owned()];
    draw_status_line(canvas, area, fetched, texts, &hints);
    // The counter by which entries are sorted comes first, so that it is always visible.
    let mut order_of_counters: Vec<usize> = (0..latest.counters.len()).collect();
    order_of_counters.sort_by_key(|index| *index != open.sort);
    let key = (area.width / 3).clamp(16, 44);
    let (mut columns, mut headings) =
        (vec![left_slot(key), right_slot(7)], vec!["KEY".to_owned(), "EXPIRES".to_owned()]);
    let mut used_width = 1 + key + 8;
    for (at, index) in order_of_counters.iter().enumerate() {
        let arrow = if at == 0 { canvas.theme.choose_glyph("↓", "v") } else { "" };
        let counter = &latest.counters[*index];
        let window = counter.period.map_or(String::new(), |period| format!("/{}", units::duration(period)));
        let heading = format!("{}{window}{arrow}", counter.name);
        let width = (text_width::width(&heading) as u16).max(6);
        if at > 0 && used_width + width + 2 > area.width {
            break;
        }
        used_width += width + 2;
        columns.push(right_slot(width + 1));
        headings.push(heading);
    }
    order_of_counters.truncate(columns.len() - 2);
    draw_cells(canvas, area.rows(1, 1), &headings.iter().map(String::as_str).collect::<Vec<_>>(), &columns, Role::Dim);
    let list = &instance.view_cursors[model.view()];
    let body = area.rows(2, area.height);
    if shown == 0 {
        let message = if latest.list.is_empty() { "no entries" } else { "no entries match; Esc goes back" };
        canvas.draw_text(body, 1, 0, message, Role::Dim);
    }
    let visible = queries::shown_entries(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (index, entry)) in visible.enumerate() {
        let mut cells =
            vec![entry.key.to_string(), entry.expires_in.map_or(units::UNKNOWN.to_owned(), units::duration)];
        let value = |index: &usize| entry.value(*index).map_or(units::UNKNOWN.to_owned(), units::count);
        cells.extend(order_of_counters.iter().map(value));
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        draw_cells(canvas, body.rows(row as u16, 1), &cells, &columns, Role::Normal);
        if index == list.index() {
            canvas.highlight_row(body, row as u16, Role::Selected);
        }
    }
}

/// Draws the page shown before the first reply: what Enter fetches, and a warning about the cost of the query.
fn draw_query_offer<T>(canvas: &mut Canvas<'_>, area: Area, fetched: &Fetched<T>, action: &str, warning: &str) {
    let available = usize::from(area.width.saturating_sub(4));
    let mut row = 1;
    if let Some(error) = &fetched.error {
        for part in text_width::wrap_at_blanks(error, available) {
            canvas.draw_text(area, 2, row, &part, Role::Bad);
            row += 1;
        }
        row += 1;
    }
    if fetched.is_waiting {
        canvas.draw_text(area, 2, row, "waiting for HAProxy's reply", Role::Warn);
        return;
    }
    let end = canvas.draw_text(area, 2, row, "Enter ", Role::Key);
    canvas.draw_text(area, end, row, action, Role::Normal);
    for part in text_width::wrap_at_blanks(warning, available) {
        row += 1;
        canvas.draw_text(area, 2, row, &part, Role::Dim);
    }
}

/// Draws the first line: a summary and hints about keys if they fit, or the error of the last query.
fn draw_status_line<T>(
    canvas: &mut Canvas<'_>,
    area: Area,
    fetched: &Fetched<T>,
    texts: Vec<StyledText<'_>>,
    hints: &[String],
) {
    match (&fetched.error, fetched.is_waiting) {
        (Some(error), _) => {
            canvas.draw_text(area, 1, 0, &text_width::end(error, usize::from(area.width.saturating_sub(2))), Role::Bad);
        }
        (None, true) => {
            canvas.draw_text(area, 1, 0, "waiting for HAProxy's reply", Role::Warn);
        }
        (None, false) => {
            let mut column = 1;
            for (message, role) in texts {
                let available = usize::from(area.width.saturating_sub(column));
                column = canvas.draw_text(area, column, 0, &text_width::end(&message, available), role);
            }
            for hint in hints {
                if usize::from(column) + 3 + text_width::width(hint) >= usize::from(area.width) {
                    break;
                }
                column = canvas.draw_text(area, column + 3, 0, hint, Role::Dim);
            }
        }
    }
}

/// The width of a column, and the alignment of the cells.
#[derive(Debug, Clone, Copy)]
struct CellSlot {
    width: u16,
    to_right: bool,
}

fn left_slot(width: u16) -> CellSlot {
    CellSlot { width, to_right: false }
}

fn right_slot(width: u16) -> CellSlot {
    CellSlot { width, to_right: true }
}

/// Draws cells in the first line of `area`, each in its column and followed by a blank. Columns of width 0 are omitted.
fn draw_cells(canvas: &mut Canvas<'_>, area: Area, cells: &[&str], columns: &[CellSlot], role: Role) {
    let mut column = 1;
    for (cell, slot) in cells.iter().zip(columns).filter(|(_, slot)| slot.width > 0) {
        let available = if slot.to_right { slot.width } else { slot.width.saturating_sub(1) };
        let available = available.min(area.width.saturating_sub(column));
        if slot.to_right {
            canvas.draw_number(area, column..column + available, 0, cell, role);
            column += slot.width + 1;
        } else {
            canvas.draw_text(area, column, 0, &text_width::middle(cell, usize::from(available)), role);
            column += slot.width;
        }
    }
}
