//! The lists of the dashboard.

use std::time::Duration;

use crate::app::dashboard_lists;
use crate::app::layout::{Area, Pane, Room};
use crate::app::model::{InstanceView, Model};
use crate::haproxy::fields::TextField;
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::table::columns::column::{self, Column};
use crate::table::columns::column_sets;
use crate::table::columns::row_view::RowView;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::row_renderer::{self, Cursor, Front, Heading, MARGIN};
use crate::ui::truncate;

/// Draws one of the lists.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    (pane, area, room): (Pane, Area, Room),
    now: Duration,
) {
    let has_focus = model.focus == pane;
    let rows = dashboard_lists::rows(sample, pane, instance.selected(Pane::Backends));
    let Some(state) = pane.list().map(|list| instance.lists[list]) else { return };
    let title = title(instance, sample, pane);
    let role = if has_focus { Role::Focus } else { Role::Frame };
    let place = match (rows.len(), usize::from(area.height)) {
        (count, height) if count + 1 > height => vec![piece(format!(" {}/{count} ", state.place() + 1), Role::Dim)],
        _ => Vec::new(),
    };
    let inner = if room == Room::Wide {
        let name = if has_focus { Role::Focus } else { Role::Title };
        let mut pieces = vec![piece(format!(" {} ", title.name), name)];
        pieces.extend(title.more.as_ref().map(|more| piece(format!("{more} "), Role::Dim)));
        canvas.frame(area, &pieces, &place, role)
    } else {
        area
    };
    let fitted = column::fit(columns_of(pane), inner.width.saturating_sub(MARGIN), 1);
    let first = if room == Room::Wide { Heading::Plain } else { Heading::Title(&title.name, has_focus) };
    row_renderer::heading(canvas, inner, &fitted, first, None);
    let body = inner.rows(1, inner.height);
    if rows.is_empty() {
        canvas.text(body, MARGIN, 0, empty_words(pane), Role::Dim);
    }
    for (line, (place, index)) in rows.iter().enumerate().skip(state.top()).take(usize::from(body.height)).enumerate() {
        let row = RowView::new(&instance.watch, sample, *index);
        let cursor = Cursor::of(place == state.place(), has_focus);
        let front = Front::of(instance, &row, cursor, "", now);
        row_renderer::row(canvas, body, line as u16, &fitted, &row, front);
    }
}

struct Title {
    name: String,
    more: Option<String>,
}

fn title(instance: &InstanceView, sample: &Sample, pane: Pane) -> Title {
    let plain = |name: &str| Title { name: name.to_owned(), more: None };
    match pane {
        Pane::Frontends => plain("Frontends"),
        Pane::Backends => plain("Backends"),
        Pane::Servers => match instance.selected(Pane::Backends).and_then(|id| sample.row(id)) {
            Some(backend) => Title {
                name: format!("Servers of {}", truncate::middle(backend.proxy.as_str(), 24)),
                more: backend.text(TextField::Algo).map(ToString::to_string),
            },
            None => plain("Servers"),
        },
        Pane::Charts | Pane::Events => plain(""),
    }
}

fn columns_of(pane: Pane) -> &'static [&'static Column] {
    match pane {
        Pane::Frontends => column_sets::FRONTENDS,
        Pane::Servers => column_sets::SERVERS,
        _ => column_sets::BACKENDS,
    }
}

fn empty_words(pane: Pane) -> &'static str {
    match pane {
        Pane::Servers => "this backend has no servers",
        Pane::Frontends => "no frontends",
        _ => "no backends",
    }
}
