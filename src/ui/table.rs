//! One list of rows: a heading, and the rows that are visible. Rows out of sight are never looked at.

use std::borrow::Cow;

use crate::app::cells::Role;
use crate::app::columns::{self, Align, Column, RowView};
use crate::app::layout::{Area, Pane, Room};
use crate::app::lists;
use crate::app::model::{Instance, Model};
use crate::haproxy::fields::TextField;
use crate::monitor::sample::Sample;
use crate::ui::canvas::{Canvas, Piece, piece};
use crate::ui::text;

/// Cells in front of a row: cursor, state, blank.
const MARGIN: u16 = 3;

/// Draws one of the lists.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &Instance,
    sample: &Sample,
    pane: Pane,
    area: Area,
    room: Room,
) {
    let has_focus = model.focus == pane;
    let rows = lists::rows(sample, pane, instance.selected(Pane::Backends));
    let Some(state) = pane.list().map(|list| instance.lists[list]) else { return };
    let title = title(instance, sample, pane);
    let role = if has_focus { Role::Focus } else { Role::Frame };
    let place = match (rows.len(), usize::from(area.height)) {
        (count, height) if count + 1 > height => vec![piece(format!(" {}/{count} ", state.place() + 1), Role::Dim)],
        _ => Vec::new(),
    };
    let (inner, heading) = if room == Room::Wide {
        let name = if has_focus { Role::Focus } else { Role::Title };
        let mut pieces = vec![piece(format!(" {} ", title.name), name)];
        pieces.extend(title.more.map(|more| piece(format!("{more} "), Role::Dim)));
        (canvas.frame(area, &pieces, &place, role), Cow::Borrowed("NAME"))
    } else {
        (area, Cow::Owned(title.name))
    };
    let fitted = columns::fit(columns_of(pane), inner.width.saturating_sub(MARGIN), 1);
    draw_heading(canvas, inner, &fitted, &heading, has_focus && room != Room::Wide);
    let body = inner.rows(1, inner.height);
    if rows.is_empty() {
        canvas.text(body, MARGIN, 0, empty_words(pane), Role::Dim);
    }
    for (line, (place, index)) in rows.iter().enumerate().skip(state.top()).take(usize::from(body.height)).enumerate() {
        let row = RowView::new(&instance.watch, sample, *index);
        let is_selected = place == state.place();
        draw_row(canvas, body, line as u16, &fitted, &row, is_selected, has_focus);
    }
}

struct Title {
    name: String,
    more: Option<String>,
}

fn title(instance: &Instance, sample: &Sample, pane: Pane) -> Title {
    let plain = |name: &str| Title { name: name.to_owned(), more: None };
    match pane {
        Pane::Frontends => plain("Frontends"),
        Pane::Backends => plain("Backends"),
        Pane::Servers => match instance.selected(Pane::Backends).and_then(|id| sample.row(id)) {
            Some(backend) => Title {
                name: format!("Servers of {}", text::middle(backend.proxy.as_str(), 24)),
                more: backend.text(TextField::Algo).map(ToString::to_string),
            },
            None => plain("Servers"),
        },
        Pane::Charts | Pane::Events => plain(""),
    }
}

fn columns_of(pane: Pane) -> &'static [&'static Column] {
    match pane {
        Pane::Frontends => columns::FRONTENDS,
        Pane::Servers => columns::SERVERS,
        _ => columns::BACKENDS,
    }
}

fn empty_words(pane: Pane) -> &'static str {
    match pane {
        Pane::Servers => "this backend has no servers",
        Pane::Frontends => "no frontends",
        _ => "no backends",
    }
}

fn draw_heading(canvas: &mut Canvas<'_>, area: Area, fitted: &[(&'static Column, u16)], first: &str, has_focus: bool) {
    let mut column = MARGIN;
    for (index, (what, width)) in fitted.iter().enumerate() {
        match (index, what.align) {
            (0, _) => {
                // Without a frame the heading is the pane's title: it begins at the edge.
                let role = if has_focus { Role::Focus } else { Role::Title };
                let (start, role) = if first == "NAME" { (column, Role::Dim) } else { (0, role) };
                let shown = text::end(first, usize::from(column + width - start));
                canvas.text(area, start, 0, &shown, role);
            }
            (_, Align::Left) => {
                canvas.text(area, column, 0, what.title, Role::Dim);
            }
            (_, Align::Right) => canvas.number(area, column, 0, *width, what.title, Role::Dim),
        }
        column += width + 1;
    }
}

fn draw_row(
    canvas: &mut Canvas<'_>,
    area: Area,
    line: u16,
    fitted: &[(&'static Column, u16)],
    row: &RowView<'_>,
    is_selected: bool,
    has_focus: bool,
) {
    let state = row.row().state();
    let cursor: Piece<'_> = match (is_selected, has_focus) {
        (true, true) => piece(canvas.theme.pick("▶", ">"), Role::Focus),
        (true, false) => piece(canvas.theme.pick("▷", "-"), Role::Dim),
        (false, _) => piece(" ", Role::Normal),
    };
    let glyph = piece(canvas.theme.state(state), crate::app::cells::state_role(state));
    canvas.pieces(area, 0, line, [cursor, glyph]);
    let mut column = MARGIN;
    for (what, width) in fitted {
        let cell = (what.value)(row);
        match what.align {
            Align::Left => {
                let shown = text::middle(&cell.text, usize::from(*width));
                canvas.text(area, column, line, &shown, cell.role);
            }
            Align::Right => canvas.number(area, column, line, *width, &cell.text, cell.role),
        }
        column += width + 1;
    }
    if is_selected && has_focus {
        canvas.mark(area, line, Role::Selected);
    }
}
