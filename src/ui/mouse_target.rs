//! Finds the part of the screen at a place, for the mouse.

use std::time::Duration;

use crate::app::balancer_areas::BalancerAreas;
use crate::app::heat_view;
use crate::app::layout::{Area, Layout, Pane, SizeClass};
use crate::app::message::Message;
use crate::app::model::Model;
use crate::app::mouse_report::{MouseReport, MouseTarget};
use crate::app::pane_focus;
use crate::app::request_areas::RequestAreas;
use crate::table::view_table::Content;
use crate::ui::draw_context::DrawContext;
use crate::ui::line_detail;
use crate::ui::problems_pane;
use crate::ui::root::{self, Appearance};
use crate::ui::tabs;

/// Returns the message of a mouse report; `None` if the mouse is not used, because an earlier program may have left the
/// reports on.
pub(crate) fn message(model: &Model, appearance: Appearance, now: Duration, report: MouseReport) -> Option<Message> {
    model.mouse.is_some().then(|| Message::Mouse(report.button, find(model, appearance, now, report)))
}

/// Returns what the view shows at the place of a mouse report, whatever layer is over it.
pub fn find(model: &Model, appearance: Appearance, now: Duration, report: MouseReport) -> Option<MouseTarget> {
    let layout = model.layout();
    let instance = model.instance()?;
    let contains = |area: Area| {
        (area.x..area.x + area.width).contains(&report.column) && (area.y..area.y + area.height).contains(&report.row)
    };
    if contains(layout.tabs) {
        let context = &DrawContext { model, instance, layout: &layout, format_time: appearance.format_time, now };
        let places = tabs::places(model, layout.tabs, &root::tab_remarks(context));
        let view = places.into_iter().find(|(_, columns)| columns.contains(&(report.column - layout.tabs.x)));
        return view.map(|(view, _)| MouseTarget::Tab(view));
    }
    if let Content::Dashboard = model.current_view().content {
        let (pane, area) = layout.panes.iter().find(|(_, area)| contains(*area)).copied()?;
        if pane == Pane::Charts {
            return Some(MouseTarget::Pane(pane));
        }
        if pane == Pane::Events {
            let top = pane_focus::events_cursor(model).map_or(0, |cursor| cursor.top());
            let line = report.row.checked_sub(area.inner().y).filter(|line| *line < area.inner().height);
            let line = line.map(|line| usize::from(line) + top).filter(|line| *line < instance.data.events().len());
            return Some(line.map_or(MouseTarget::Pane(pane), |line| MouseTarget::Row(Some(pane), line)));
        }
        let (first, top) = (area.y + heading_rows(&layout, pane), instance.lists.cursor(pane)?.top());
        let per_line = if pane == Pane::Causes { layout.rows_per_cause } else { 1 };
        let index = usize::from(report.row.checked_sub(first).unwrap_or(u16::MAX) / per_line) + top;
        let is_row = index < instance.lists.rows(pane).len() && index < top + layout.list_rows(pane);
        return Some(if is_row { MouseTarget::Row(Some(pane), index) } else { MouseTarget::Pane(pane) });
    }
    let table = model.table_areas(&layout);
    let (heading, visible) = match model.current_view().content {
        Content::Table(_) if heat_view::is_shown(model) => (1, heat_view::row_count(model)),
        Content::Table(_) if !contains(table.rows) => return None,
        Content::Table(_) => (1, usize::from(table.visible_rows())),
        Content::Sessions | Content::StickTables | Content::Events => {
            let context = &DrawContext { model, instance, layout: &layout, format_time: appearance.format_time, now };
            if !contains(line_detail::split(context, layout.body).0) {
                return None;
            }
            let heading = if matches!(model.current_view().content, Content::Events) { 0 } else { 2 };
            (heading, usize::from(layout.body.height))
        }
        Content::Problems => {
            let context = &DrawContext { model, instance, layout: &layout, format_time: appearance.format_time, now };
            let row = report.row.checked_sub(layout.body.y).filter(|_| contains(layout.body))?;
            let line = problems_pane::line_at(context, layout.body, row)?;
            return Some(MouseTarget::Row(None, line));
        }
        Content::Balancers => {
            let areas = BalancerAreas::new(model, layout.body);
            let line = usize::from(report.row.checked_sub(areas.rows.y + 1).filter(|_| contains(areas.rows))?);
            return Some(MouseTarget::Row(None, model.balancers.cursor.top() + line));
        }
        Content::Requests => {
            let areas = RequestAreas::new(layout.body);
            let line = usize::from(report.row.checked_sub(areas.rows.y + 1).filter(|_| contains(areas.rows))?);
            return Some(MouseTarget::Row(None, model.requests.cursor.top() + line));
        }
        // The input line has the keys of the command line.
        Content::Cli | Content::Dashboard => return None,
    };
    let line = usize::from(report.row.checked_sub(layout.body.y + heading)?);
    let is_line = contains(layout.body) && line < visible;
    is_line.then(|| MouseTarget::Row(None, instance.view_cursors[model.view()].top() + line))
}

/// Returns the number of rows of a list above its first one: its frame and its heading.
fn heading_rows(layout: &Layout, pane: Pane) -> u16 {
    if layout.size_class == SizeClass::Wide && pane != Pane::Causes { 2 } else { 1 }
}
