//! The lists of the dashboard: frontends, backends, and the servers of the selected backend.

use crate::app::dashboard_lists;
use crate::app::instance_view::InstanceView;
use crate::app::layout::{Area, Pane, SizeClass};
use crate::haproxy::fields::TextField;
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::table::columns::column::{self, Column};
use crate::table::columns::column_sets;
use crate::table::columns::row_view::RowView;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::row_renderer::{self, CursorStyle, FirstHeading, PREFIX_WIDTH, RowPrefix};
use crate::ui::text_width;

/// Draws the list of a pane.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, pane: Pane) {
    let DrawContext { model, instance, layout, .. } = *context;
    let Some(sample) = context.sample() else { return };
    let is_framed = layout.size_class == SizeClass::Wide;
    let has_focus = model.focus == pane;
    let rows = dashboard_lists::row_indexes(sample, pane, instance.cursor_row(Pane::Backends));
    let Some(state) = instance.list_cursor(pane) else { return };
    let title = pane_title(instance, sample, pane);
    let role = if has_focus { Role::Focus } else { Role::Frame };
    let position = match (rows.len(), usize::from(area.height)) {
        (count, height) if count + 1 > height => {
            vec![styled_text(format!(" {}/{count} ", state.index() + 1), Role::Dim)]
        }
        _ => Vec::new(),
    };
    let inner = if is_framed {
        let name = if has_focus { Role::Focus } else { Role::Title };
        let mut texts = vec![styled_text(format!(" {} ", title.name), name)];
        texts.extend(title.more.as_ref().map(|more| styled_text(format!("{more} "), Role::Dim)));
        canvas.draw_frame(area, &texts, &position, role)
    } else {
        area
    };
    let fitted = column::fit_columns(pane_columns(pane), inner.width.saturating_sub(PREFIX_WIDTH), 1);
    let first = if is_framed { FirstHeading::Plain } else { FirstHeading::Title(&title.name, has_focus) };
    row_renderer::draw_heading(canvas, inner, &fitted, first, None);
    let body = inner.rows(1, inner.height);
    if rows.is_empty() {
        canvas.draw_text(body, PREFIX_WIDTH, 0, empty_message(pane), Role::Dim);
    }
    for (line, (position, row_index)) in
        rows.iter().enumerate().skip(state.top()).take(usize::from(body.height)).enumerate()
    {
        let row = RowView::new(&instance.data, sample, *row_index);
        let cursor = CursorStyle::new(position == state.index(), has_focus);
        let front = RowPrefix::new(context, &row, cursor, "");
        row_renderer::draw_row(canvas, body.rows(line as u16, 1), &fitted, &row, front);
    }
}

struct PaneTitle {
    name: String,
    more: Option<String>,
}

fn pane_title(instance: &InstanceView, sample: &Sample, pane: Pane) -> PaneTitle {
    let plain = |name: &str| PaneTitle { name: name.to_owned(), more: None };
    match pane {
        Pane::Frontends => plain("Frontends"),
        Pane::Backends => plain("Backends"),
        Pane::Servers => match instance.cursor_row(Pane::Backends).and_then(|id| sample.row(id)) {
            Some(backend) => PaneTitle {
                name: format!("Servers of {}", text_width::middle(backend.proxy.as_str(), 24)),
                more: backend.text(TextField::Algo).map(ToString::to_string),
            },
            None => plain("Servers"),
        },
        Pane::Charts | Pane::Events => plain(""),
    }
}

fn pane_columns(pane: Pane) -> &'static [&'static Column] {
    match pane {
        Pane::Frontends => column_sets::FRONTENDS,
        Pane::Servers => column_sets::SERVERS,
        _ => column_sets::BACKENDS,
    }
}

fn empty_message(pane: Pane) -> &'static str {
    match pane {
        Pane::Servers => "this backend has no servers",
        Pane::Frontends => "no frontends",
        _ => "no backends",
    }
}
