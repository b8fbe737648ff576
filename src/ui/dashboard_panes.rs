//! The lists of the dashboard: frontends, backends, and the servers of the selected backend.

use crate::app::instance_view::InstanceView;
use crate::app::layout::{Area, Pane, ROW_PREFIX_WIDTH, SizeClass};
use crate::app::pane_focus;
use crate::haproxy::fields::TextField;
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::table::columns::column::Column;
use crate::table::columns::row_view::RowView;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::row_renderer::{self, CursorStyle, FirstHeading, RowPrefix};
use crate::ui::text_width;
use crate::units;

/// Width from which the number of hidden rows widens the column of names.
const MIN_COUNT_WIDTH: u16 = 60;

/// Draws the list of a pane.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, pane: Pane) {
    let DrawContext { model, instance, layout, .. } = *context;
    let Some(sample) = context.sample() else { return };
    let is_framed = layout.size_class == SizeClass::Wide;
    let has_focus = pane_focus::has_focus(model, pane);
    let settings = &model.view_settings[model.view()];
    let rows = instance.lists.rows(pane);
    let Some(list) = instance.lists.cursor(pane) else { return };
    let title = pane_title(instance, sample, pane);
    let hidden = hidden_rows(rows.len(), area, is_framed);
    let more = hidden_text(hidden);
    let inner = if is_framed {
        let role = if has_focus { Role::Focus } else { Role::Frame };
        let name = if has_focus { Role::Focus } else { Role::Title };
        let mut texts = vec![styled_text(format!(" {} ", title.name), name)];
        texts.extend(title.more.as_ref().map(|more| styled_text(format!("{more} "), Role::Dim)));
        let position = if hidden > 0 {
            vec![styled_text(format!(" {}/{}, {more} ", list.index() + 1, rows.len()), Role::Normal)]
        } else {
            Vec::new()
        };
        canvas.draw_frame(area, &texts, &position, role)
    } else {
        area
    };
    let fitted = fitted_columns(context, pane, area);
    let title_width = usize::from(ROW_PREFIX_WIDTH + fitted.first().map_or(0, |(_, width)| *width));
    let title_text = match more.len() {
        0 => title.name,
        // On a narrow screen, a column is worth more than the number of hidden rows.
        length if area.width < MIN_COUNT_WIDTH && text_width::width(&title.name) + length + 2 > title_width => {
            title.name
        }
        length => format!("{}  {more}", text_width::middle(&title.name, title_width.saturating_sub(length + 2))),
    };
    let first = if is_framed { FirstHeading::Plain } else { FirstHeading::Title(&title_text, has_focus) };
    row_renderer::draw_heading(canvas, inner, &fitted, first, settings.sort);
    let body = inner.rows(1, inner.height);
    if rows.is_empty() {
        let message = if settings.filter.is_empty() {
            empty_message(instance, pane)
        } else {
            "no rows match the filter; Esc clears it"
        };
        canvas.draw_text(body, ROW_PREFIX_WIDTH, 0, message, Role::Dim);
    }
    let visible = rows.iter().enumerate().skip(list.top()).take(usize::from(body.height));
    for ((position, id), line) in visible.zip(0_u16..) {
        let Some(row_index) = sample.rows.index_of(*id) else { continue };
        let row = RowView::new(&instance.data, sample, row_index);
        let cursor = CursorStyle::new(position == list.index(), has_focus);
        let front = RowPrefix::new(context, &row, cursor, "");
        row_renderer::draw_row(canvas, body.rows(line, 1), &fitted, &row, front);
    }
}

/// Returns the columns that fit into the area of a list.
pub(crate) fn fitted_columns(context: &DrawContext<'_>, pane: Pane, area: Area) -> Vec<(&'static Column, u16)> {
    let (Some(sample), lists) = (context.sample(), &context.instance.lists) else { return Vec::new() };
    let Some(uses) = lists.column_use(pane) else { return Vec::new() };
    let is_framed = context.layout.size_class == SizeClass::Wide;
    // Without a frame, the title is the heading of the names, and is shown whole, too.
    let title = || text_width::width(&pane_title(context.instance, sample, pane).name);
    let title_cells = match hidden_rows(lists.rows(pane).len(), area, is_framed) {
        _ if is_framed => 0,
        0 => title(),
        _ if area.width < MIN_COUNT_WIDTH => title(),
        hidden => title() + hidden_text(hidden).len() + 2,
    };
    let name_width = lists.name_width(pane).max((title_cells as u16).saturating_sub(ROW_PREFIX_WIDTH));
    let frame = if is_framed { 2 } else { 0 };
    let width = area.width.saturating_sub(ROW_PREFIX_WIDTH + frame);
    uses.fit(&lists.columns(pane), width, name_width, true)
}

/// Returns the number of rows that do not fit into the area of a list.
fn hidden_rows(count: usize, area: Area, is_framed: bool) -> usize {
    count.saturating_sub(usize::from(area.height.saturating_sub(if is_framed { 3 } else { 1 })))
}

fn hidden_text(hidden: usize) -> String {
    if hidden > 0 { format!("{} more", units::count(hidden as i64)) } else { String::new() }
}

/// Returns remarks for the line of tabs: the filter and, if it is not the usual one, the order of the rows.
pub(crate) fn tab_remarks(context: &DrawContext<'_>) -> Vec<StyledText<'static>> {
    let settings = &context.model.view_settings[context.model.view()];
    let mut texts = Vec::new();
    if !settings.is_worst_first {
        texts.push(styled_text("HAProxy's order ", Role::Dim));
    }
    if !settings.filter.is_empty() {
        let filter = text_width::end(&format!("/{}", settings.filter), usize::from(context.model.terminal_size.0 / 4));
        texts.push(styled_text(format!(" {filter} "), Role::Key));
    }
    texts
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
        Pane::Causes | Pane::Charts | Pane::Events => plain(""),
    }
}

fn empty_message(instance: &InstanceView, pane: Pane) -> &'static str {
    match pane {
        Pane::Servers if instance.lists.rows(Pane::Backends).is_empty() => "no backend is selected",
        Pane::Servers => "this backend has no servers",
        Pane::Frontends => "HAProxy's configuration has no frontends",
        _ => "HAProxy's configuration has no backends",
    }
}
