//! Views 7 and 8: the sessions and stick tables that were asked for.

use std::time::Duration;

use crate::app::commands::UiCommand;
use crate::app::layout::Area;
use crate::app::model::{InstanceView, Model};
use crate::app::queries;
use crate::app::query_state::{Board, OpenTable};
use crate::ask::query_cost;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{Session, SessionOrder};
use crate::table::cell::{Role, saturation};
use crate::table::number_format;
use crate::ui::drawing::{Canvas, Piece, piece};
use crate::ui::truncate;

/// Draws the sessions.
pub fn sessions(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, area: Area, now: Duration) {
    let board = &instance.asked.sessions;
    let Some((told, at)) = &board.told else {
        let warning = query_cost::of(&["show", "sess"]).map_or("", |care| care.warning);
        return invite(canvas, board, area, "lists the sessions that are open", warning);
    };
    let order = match instance.asked.order {
        SessionOrder::Age => "oldest first",
        SessionOrder::Bytes => "most bytes first",
        SessionOrder::State => "least advanced first",
    };
    let shown = queries::sessions(model).count();
    let mut pieces = vec![piece(
        format!("{shown} of {} sessions, {order}, asked {} ago", told.seen, queries::age(*at, now)),
        Role::Normal,
    )];
    if told.left_out > 0 {
        pieces.push(piece(format!("   {} left out", told.left_out), Role::Warn));
    }
    let [poll, sort, filter] = [UiCommand::PollNow, UiCommand::SortMenu, UiCommand::Filter].map(|run| model.keymap.way(run));
    let hints =
        [format!("{poll} asks again"), format!("{sort} order"), format!("{filter} server: backend: frontend: older:")];
    status_line(canvas, board, area, pieces, &hints);
    let columns = session_columns(area.width);
    let heads = ["AGE", "FRONTEND", "BACKEND/SERVER", "CLIENT", "STATE", "BYTES"];
    line(canvas, area, 1, &heads, &columns, Role::Dim);
    let list = &instance.places[model.view];
    let body = area.rows(2, area.height);
    if shown == 0 {
        canvas.text(body, 1, 0, "no session matches; Esc clears", Role::Dim);
    }
    let visible = queries::sessions(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (place, session)) in visible.enumerate() {
        let cells = session_cells(session);
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        line(canvas, body, row as u16, &cells, &columns, Role::Normal);
        if place == list.place() {
            canvas.mark(body, row as u16, Role::Selected);
        }
    }
}

/// Age, frontend, backend and server, client, state, bytes.
///
/// A narrow screen leaves out the frontend and the bytes rather than cutting every name to its ends.
fn session_columns(width: u16) -> [Slot; 6] {
    let bytes = if width < 60 { 0 } else { 6 };
    let rest = width.saturating_sub(1 + 6 + 6 + bytes + 1);
    let (front, target, client) = if width < 60 {
        (0, rest * 11 / 20, rest - rest * 11 / 20)
    } else {
        (rest / 4, rest * 2 / 5, rest - rest / 4 - rest * 2 / 5)
    };
    [right(5), left(front.min(32)), left(target.min(56)), left(client.min(48)), left(6), right(bytes)]
}

fn session_cells(session: &Session) -> [String; 6] {
    let name = |text: &Option<SafeText>| text.as_ref().map_or(number_format::UNKNOWN.to_owned(), ToString::to_string);
    let target = match (&session.backend, &session.server) {
        (Some(backend), Some(server)) => format!("{backend}/{server}"),
        (backend, _) => name(backend),
    };
    [
        session.age.map_or(number_format::UNKNOWN.to_owned(), number_format::duration),
        name(&session.frontend),
        target,
        name(&session.source),
        session.server_side.map_or(number_format::UNKNOWN.to_owned(), |stage| stage.word().to_owned()),
        session.bytes().map_or(number_format::UNKNOWN.to_owned(), |bytes| number_format::bytes(bytes as f64)),
    ]
}

/// Draws the stick tables, or the entries of one.
pub fn stick_tables(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, area: Area, now: Duration) {
    if let Some(open) = &instance.asked.open_table {
        return entries(canvas, model, instance, open, area, now);
    }
    let board = &instance.asked.tables;
    let Some((told, at)) = &board.told else {
        return invite(canvas, board, area, "lists the stick tables", "");
    };
    let shown = queries::tables(model).count();
    let words = format!("{shown} of {} tables, asked {} ago", told.list.len(), queries::age(*at, now));
    let poll = model.keymap.way(UiCommand::PollNow);
    let hints = [format!("{poll} asks again"), "Enter: entries, read under a lock".to_owned()];
    status_line(canvas, board, area, vec![piece(words, Role::Normal)], &hints);
    let columns =
        [left(area.width.saturating_sub(1 + 8 + 6 + 7 + 6 + 1).min(48)), left(8), right(5), right(6), right(5)];
    line(canvas, area, 1, &["TABLE", "TYPE", "USED", "SIZE", "FULL"], &columns, Role::Dim);
    let list = &instance.places[model.view];
    let body = area.rows(2, area.height);
    if shown == 0 {
        let words = if told.list.is_empty() { "HAProxy has no stick tables" } else { "no table matches; Esc clears" };
        canvas.text(body, 1, 0, words, Role::Dim);
    }
    let visible = queries::tables(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (place, table)) in visible.enumerate() {
        let number = |value: Option<u64>| {
            value.map_or(number_format::UNKNOWN.to_owned(), |value| number_format::count(value as i64))
        };
        let fill = table.fill();
        let share = fill.map_or(number_format::UNKNOWN.to_owned(), number_format::percent);
        let (used, size) = (number(table.used), number(table.size));
        let cells = [table.name.as_str(), table.kind.as_str(), &used, &size, &share];
        let role = fill.map_or(Role::Normal, |fill| saturation(fill, 0.8, 0.95));
        line(canvas, body, row as u16, &cells, &columns, role);
        if place == list.place() {
            canvas.mark(body, row as u16, Role::Selected);
        }
    }
}

fn entries(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, open: &OpenTable, area: Area, now: Duration) {
    let board = &open.entries;
    let Some((told, at)) = &board.told else {
        let warning = query_cost::of(&["show", "table", "*"]).map_or("", |care| care.warning);
        return invite(canvas, board, area, "lists the entries of this table", warning);
    };
    let counter =
        told.counters.get(open.sort).map_or(String::new(), |counter| format!(", most {} first", counter.name));
    let shown = queries::entries(model).count();
    let words = format!("{}: {shown} entries{counter}, asked {} ago", open.name, queries::age(*at, now));
    let mut pieces = vec![piece(words, Role::Normal)];
    if told.left_out > 0 {
        pieces.push(piece(format!("   {} left out", told.left_out), Role::Warn));
    }
    let [sort, filter, poll] = [UiCommand::SortNext(1), UiCommand::Filter, UiCommand::PollNow].map(|run| model.keymap.way(run));
    let hints =
        [format!("{sort} sorts by the next counter"), format!("{filter} COUNTER>N then {poll}"), "Esc back".to_owned()];
    status_line(canvas, board, area, pieces, &hints);
    // The counter that is sorted by comes first, so that it is always in sight.
    let mut places: Vec<usize> = (0..told.counters.len()).collect();
    places.sort_by_key(|place| *place != open.sort);
    let key = (area.width / 3).clamp(16, 44);
    let (mut columns, mut heads) = (vec![left(key), right(7)], vec!["KEY".to_owned(), "EXPIRES".to_owned()]);
    let mut taken = 1 + key + 8;
    for (at, place) in places.iter().enumerate() {
        let arrow = if at == 0 { canvas.theme.pick("↓", "v") } else { "" };
        let head = format!("{}{arrow}", told.counters[*place].name);
        let width = (truncate::width(&head) as u16).max(6);
        if at > 0 && taken + width + 2 > area.width {
            break;
        }
        taken += width + 2;
        columns.push(right(width + 1));
        heads.push(head);
    }
    places.truncate(columns.len() - 2);
    line(canvas, area, 1, &heads.iter().map(String::as_str).collect::<Vec<_>>(), &columns, Role::Dim);
    let list = &instance.places[model.view];
    let body = area.rows(2, area.height);
    if shown == 0 {
        let words = if told.list.is_empty() { "no entries" } else { "no entry matches; Esc goes back" };
        canvas.text(body, 1, 0, words, Role::Dim);
    }
    let visible = queries::entries(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (place, entry)) in visible.enumerate() {
        let mut cells = vec![
            entry.key.to_string(),
            entry.expires.map_or(number_format::UNKNOWN.to_owned(), number_format::duration),
        ];
        let value = |place: &usize| entry.value(*place).map_or(number_format::UNKNOWN.to_owned(), number_format::count);
        cells.extend(places.iter().map(value));
        line(canvas, body, row as u16, &cells.iter().map(String::as_str).collect::<Vec<_>>(), &columns, Role::Normal);
        if place == list.place() {
            canvas.mark(body, row as u16, Role::Selected);
        }
    }
}

/// Before the first answer: what Enter asks for and what that costs.
fn invite<T>(canvas: &mut Canvas<'_>, board: &Board<T>, area: Area, what: &str, warning: &str) {
    let room = usize::from(area.width.saturating_sub(4));
    let mut row = 1;
    if let Some(error) = &board.error {
        for part in truncate::wrapped(error, room) {
            canvas.text(area, 2, row, &part, Role::Bad);
            row += 1;
        }
        row += 1;
    }
    if board.is_waiting {
        canvas.text(area, 2, row, "asked; waiting for the answer", Role::Warn);
        return;
    }
    let end = canvas.text(area, 2, row, "Enter ", Role::Key);
    canvas.text(area, end, row, what, Role::Normal);
    for part in truncate::wrapped(warning, room) {
        row += 1;
        canvas.text(area, 2, row, &part, Role::Dim);
    }
}

/// The first line: what is shown and, as far as there is room, what the keys do here; or what went wrong.
fn status_line<T>(canvas: &mut Canvas<'_>, board: &Board<T>, area: Area, pieces: Vec<Piece<'_>>, hints: &[String]) {
    match (&board.error, board.is_waiting) {
        (Some(error), _) => {
            canvas.text(area, 1, 0, &truncate::end(error, usize::from(area.width.saturating_sub(2))), Role::Bad);
        }
        (None, true) => {
            canvas.text(area, 1, 0, "asked; waiting for the answer", Role::Warn);
        }
        (None, false) => {
            let mut column = 1;
            for (words, role) in pieces {
                let room = usize::from(area.width.saturating_sub(column));
                column = canvas.text(area, column, 0, &truncate::end(&words, room), role);
            }
            for hint in hints {
                if usize::from(column) + 3 + truncate::width(hint) >= usize::from(area.width) {
                    break;
                }
                column = canvas.text(area, column + 3, 0, hint, Role::Dim);
            }
        }
    }
}

/// The width of a column, and whether its cells end at its right edge.
#[derive(Debug, Clone, Copy)]
struct Slot {
    width: u16,
    to_right: bool,
}

fn left(width: u16) -> Slot {
    Slot { width, to_right: false }
}

fn right(width: u16) -> Slot {
    Slot { width, to_right: true }
}

/// Cells of one line, each in its column with a blank behind it; a column without width is left out.
fn line(canvas: &mut Canvas<'_>, area: Area, row: u16, cells: &[&str], columns: &[Slot], role: Role) {
    let mut column = 1;
    for (cell, slot) in cells.iter().zip(columns).filter(|(_, slot)| slot.width > 0) {
        let room = if slot.to_right { slot.width } else { slot.width.saturating_sub(1) };
        let room = room.min(area.width.saturating_sub(column));
        if slot.to_right {
            canvas.number(area, column, row, room, cell, role);
            column += slot.width + 1;
        } else {
            canvas.text(area, column, row, &truncate::middle(cell, usize::from(room)), role);
            column += slot.width;
        }
    }
}
