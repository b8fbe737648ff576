//! Views 7 and 8: the sessions and stick tables that were asked for.

use std::time::Duration;

use crate::app::asked::{Board, OpenTable};
use crate::app::asking;
use crate::app::cells::{Role, saturation};
use crate::app::format;
use crate::app::layout::Area;
use crate::app::model::{Instance, Model};
use crate::haproxy::sessions::{Session, SessionOrder};
use crate::haproxy::text::SafeText;
use crate::monitor::care;
use crate::ui::canvas::{Canvas, Piece, piece};
use crate::ui::text;

/// Draws the sessions.
pub fn sessions(canvas: &mut Canvas<'_>, model: &Model, instance: &Instance, area: Area, now: Duration) {
    let board = &instance.asked.sessions;
    let Some((told, at)) = &board.told else {
        let warning = care::of(&["show", "sess"]).map_or("", |care| care.warning);
        return invite(canvas, board, area, "lists the sessions that are open", warning);
    };
    let order = match instance.asked.order {
        SessionOrder::Age => "oldest first",
        SessionOrder::Bytes => "most bytes first",
        SessionOrder::State => "least advanced first",
    };
    let shown = asking::sessions(model).count();
    let mut pieces = vec![
        piece(format!("{shown} of {} sessions, {order}, asked {} ago", told.seen, asking::age(*at, now)), Role::Normal),
        piece("   r asks again   s order   / server: backend: frontend: older:", Role::Dim),
    ];
    if told.left_out > 0 {
        pieces.push(piece(format!("   {} left out", told.left_out), Role::Warn));
    }
    status_line(canvas, board, area, pieces);
    let widths = session_columns(area.width);
    line(canvas, area, 1, &["AGE", "FRONTEND", "BACKEND/SERVER", "CLIENT", "STATE", "BYTES"], &widths, Role::Dim);
    let list = &instance.places[model.view];
    let body = area.rows(2, area.height);
    let visible = asking::sessions(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (place, session)) in visible.enumerate() {
        let cells = session_cells(session);
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        line(canvas, body, row as u16, &cells, &widths, Role::Normal);
        if place == list.place() {
            canvas.mark(body, row as u16, Role::Selected);
        }
    }
}

/// Age, frontend, backend and server, client, state, bytes.
fn session_columns(width: u16) -> [u16; 6] {
    let rest = width.saturating_sub(6 + 8 + 7 + 6);
    [6, rest / 4, rest * 2 / 5, rest - rest / 4 - rest * 2 / 5, 8, 7]
}

fn session_cells(session: &Session) -> [String; 6] {
    let name = |text: &Option<SafeText>| text.as_ref().map_or(format::UNKNOWN.to_owned(), ToString::to_string);
    let target = match (&session.backend, &session.server) {
        (Some(backend), Some(server)) => format!("{backend}/{server}"),
        (backend, _) => name(backend),
    };
    [
        session.age.map_or(format::UNKNOWN.to_owned(), format::duration),
        name(&session.frontend),
        target,
        name(&session.source),
        session.server_side.map_or(format::UNKNOWN.to_owned(), |stage| stage.word().to_owned()),
        session.bytes().map_or(format::UNKNOWN.to_owned(), |bytes| format::bytes(bytes as f64)),
    ]
}

/// Draws the stick tables, or the entries of one.
pub fn stick_tables(canvas: &mut Canvas<'_>, model: &Model, instance: &Instance, area: Area, now: Duration) {
    if let Some(open) = &instance.asked.open_table {
        return entries(canvas, model, instance, open, area, now);
    }
    let board = &instance.asked.tables;
    let Some((told, at)) = &board.told else {
        return invite(canvas, board, area, "lists the stick tables", "");
    };
    let shown = asking::tables(model).count();
    let pieces = vec![
        piece(format!("{shown} of {} tables, asked {} ago", told.list.len(), asking::age(*at, now)), Role::Normal),
        piece("   r asks again   Enter asks for the entries, which locks the table meanwhile", Role::Dim),
    ];
    status_line(canvas, board, area, pieces);
    let widths = [area.width.saturating_sub(40), 10, 10, 10, 6];
    line(canvas, area, 1, &["TABLE", "TYPE", "USED", "SIZE", "FULL"], &widths, Role::Dim);
    let list = &instance.places[model.view];
    let body = area.rows(2, area.height);
    let visible = asking::tables(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (place, table)) in visible.enumerate() {
        let number = |value: Option<u64>| value.map_or(format::UNKNOWN.to_owned(), |value| format::count(value as i64));
        let fill = table.fill();
        let share = fill.map_or(format::UNKNOWN.to_owned(), format::percent);
        let (used, size) = (number(table.used), number(table.size));
        let cells = [table.name.as_str(), table.kind.as_str(), &used, &size, &share];
        let role = fill.map_or(Role::Normal, |fill| saturation(fill, 0.8, 0.95));
        line(canvas, body, row as u16, &cells, &widths, role);
        if place == list.place() {
            canvas.mark(body, row as u16, Role::Selected);
        }
    }
}

fn entries(canvas: &mut Canvas<'_>, model: &Model, instance: &Instance, open: &OpenTable, area: Area, now: Duration) {
    let board = &open.entries;
    let Some((told, at)) = &board.told else {
        let warning = care::of(&["show", "table", "*"]).map_or("", |care| care.warning);
        return invite(canvas, board, area, "lists the entries of this table", warning);
    };
    let counter = told.counters.get(open.sort).map_or("", |counter| counter.name.as_str());
    let shown = asking::entries(model).count();
    let mut pieces = vec![
        piece(
            format!("{}: {shown} entries, most {counter} first, asked {} ago", open.name, asking::age(*at, now)),
            Role::Normal,
        ),
        piece("   > sorts by the next counter   / COUNTER>N then r   Esc back", Role::Dim),
    ];
    if told.left_out > 0 {
        pieces.insert(1, piece(format!("   {} left out", told.left_out), Role::Warn));
    }
    status_line(canvas, board, area, pieces);
    // The counter that is sorted by comes first, so that it is always in sight.
    let mut places: Vec<usize> = (0..told.counters.len()).collect();
    places.sort_by_key(|place| *place != open.sort);
    let key = (area.width / 3).clamp(16, 44);
    let room = usize::from(area.width.saturating_sub(key + 9)) / 15;
    places.truncate(room);
    let mut widths = vec![key, 8];
    widths.extend(places.iter().map(|_| 14));
    let mut heads = vec!["KEY".to_owned(), "EXPIRES".to_owned()];
    heads.extend(places.iter().map(|place| told.counters[*place].name.to_string()));
    line(canvas, area, 1, &heads.iter().map(String::as_str).collect::<Vec<_>>(), &widths, Role::Dim);
    let list = &instance.places[model.view];
    let body = area.rows(2, area.height);
    let visible = asking::entries(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (place, entry)) in visible.enumerate() {
        let mut cells = vec![entry.key.to_string(), entry.expires.map_or(format::UNKNOWN.to_owned(), format::duration)];
        let value = |place: &usize| entry.value(*place).map_or(format::UNKNOWN.to_owned(), format::count);
        cells.extend(places.iter().map(value));
        line(canvas, body, row as u16, &cells.iter().map(String::as_str).collect::<Vec<_>>(), &widths, Role::Normal);
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
        for part in text::wrapped(error, room) {
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
    for part in text::wrapped(warning, room) {
        row += 1;
        canvas.text(area, 2, row, &part, Role::Dim);
    }
}

/// The first line: what is shown, or what went wrong.
fn status_line<T>(canvas: &mut Canvas<'_>, board: &Board<T>, area: Area, pieces: Vec<Piece<'_>>) {
    match (&board.error, board.is_waiting) {
        (Some(error), _) => {
            canvas.text(area, 1, 0, &text::end(error, usize::from(area.width.saturating_sub(2))), Role::Bad);
        }
        (None, true) => {
            canvas.text(area, 1, 0, "asked; waiting for the answer", Role::Warn);
        }
        (None, false) => {
            canvas.pieces(area, 1, 0, pieces);
        }
    }
}

/// Cells of one line, each in its width; the last ones drop out where there is no room.
fn line(canvas: &mut Canvas<'_>, area: Area, row: u16, cells: &[&str], widths: &[u16], role: Role) {
    let mut column = 1;
    for (cell, width) in cells.iter().zip(widths) {
        let room = usize::from((*width).min(area.width.saturating_sub(column)).saturating_sub(1));
        canvas.text(area, column, row, &text::middle(cell, room), role);
        column += width;
    }
}
