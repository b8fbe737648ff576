//! View 7: client sessions, or groups of them.

use crate::app::layout::Area;
use crate::app::query_lines;
use crate::app::query_refresh;
use crate::app::session_groups::{SessionGroup, SessionGrouping};
use crate::app::ui_commands::UiCommand;
use crate::ask::query_limits;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{Session, SessionOrder, Sessions};
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::query_panes::{
    CellSlot, draw_cells, draw_mark, draw_query_offer, draw_status_line, filter_text, left_slot, right_slot,
};
use crate::ui::text_width;
use crate::units;

/// Draws the sessions view.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, now, .. } = *context;
    let fetched = &instance.queries.sessions;
    let Some((latest, _)) = &fetched.latest else {
        let warning = query_limits::find(&["show", "sess"]).map_or("", |cost| cost.warning);
        let filter = model.text_filter();
        let action = if filter.is_empty() {
            "lists the open sessions".to_owned()
        } else {
            format!("lists the open sessions that match {filter}; Esc: of all rows")
        };
        return draw_query_offer(instance.data.source(), canvas, area, fetched, &action, warning);
    };
    let [poll, sort, filter, group, refresh] = [
        UiCommand::PollNow,
        UiCommand::OpenSortMenu,
        UiCommand::EditFilter,
        UiCommand::GroupNext,
        UiCommand::ToggleRefresh,
    ]
    .map(|run| model.keymap.key_or_command(run));
    let shown = query_lines::shown_sessions(model).count();
    let closes_first = instance.queries.open_group.is_some() || instance.queries.marks.count() > 0;
    let mut texts: Vec<_> = filter_text(model, closes_first).into_iter().collect();
    texts.push(styled_text(summary(context, latest, shown, &query_refresh::describe(model, now)), Role::Normal));
    if latest.dropped > 0 {
        texts.push(styled_text(format!("   {} omitted", latest.dropped), Role::Warn));
    }
    if instance.queries.marks.count() > 0 {
        texts.push(styled_text(format!("   {} marked", instance.queries.marks.count()), Role::Key));
    }
    let hints = [
        format!("{poll} reads again"),
        format!("{group} groups"),
        format!("{sort} order"),
        format!("{filter} server: backend: frontend: older:"),
        format!("{refresh} automatic refresh"),
    ];
    draw_status_line(canvas, area, fetched, texts, &hints);
    let body = area.rows(2, area.height);
    if shown == 0 {
        let message = if instance.queries.open_group.is_some() {
            "the sessions of this group have ended; Esc goes back".to_owned()
        } else if model.text_filter().is_empty() {
            format!("no client is connected; {poll} reads again")
        } else {
            "no sessions match the filter; Esc clears it".to_owned()
        };
        canvas.draw_text(body, 1, 0, &message, Role::Dim);
    }
    match query_lines::shown_grouping(model) {
        Some(grouping) => draw_groups(context, canvas, area, grouping, shown),
        None => draw_sessions(context, canvas, area, latest),
    }
}

/// Returns the text of the first line: how many of what, how old, in which order.
fn summary(context: &DrawContext<'_>, latest: &Sessions, shown: usize, age: &str) -> String {
    let queries = &context.instance.queries;
    let order = match queries.session_order {
        SessionOrder::Age => "oldest first",
        SessionOrder::Bytes => "most bytes first",
        SessionOrder::State => "by state from INI to CLO",
    };
    match (queries.grouping, &queries.open_group) {
        (Some(grouping), None) => {
            let order = if queries.is_oldest_group_first { "oldest session first" } else { "most sessions first" };
            let order = if grouping == SessionGrouping::Age { "oldest first" } else { order };
            format!("{shown} of {} sessions by {}, {age}, {order}", latest.total, grouping.name())
        }
        (Some(grouping), Some(group)) => {
            format!("{} {group}: {shown} of {} sessions, {age}, {order}", grouping.name(), latest.total)
        }
        (None, _) => format!("{shown} of {} sessions, {age}, {order}", latest.total),
    }
}

/// Draws the headings and the sessions. Columns without a value in any session are omitted.
fn draw_sessions(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, latest: &Sessions) {
    let DrawContext { model, instance, .. } = *context;
    let columns = session_columns(area.width, latest.has_bytes(), name_widths(latest));
    draw_cells(canvas, area.rows(1, 1), &HEADINGS, &columns, Role::Dim);
    let list = &instance.view_cursors[model.view()];
    let body = area.rows(2, area.height);
    let visible = query_lines::shown_sessions(model).enumerate().skip(list.top()).take(usize::from(body.height));
    for (row, (index, session)) in visible.enumerate() {
        let cells = session_cells(session);
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        draw_cells(canvas, body.rows(row as u16, 1), &cells, &columns, Role::Normal);
        if instance.queries.marks.contains(&session.id) {
            draw_mark(canvas, body, row as u16);
        }
        if index == list.index() {
            canvas.highlight_row(body, row as u16, Role::Selected);
        }
    }
}

/// Headings of the sessions.
const HEADINGS: [&str; 7] = ["AGE", "FRONTEND", "BACKEND/SERVER", "CLIENT", "STATE", "BYTES", "REQUEST"];
/// Number of sessions whose names are measured.
const MAX_MEASURED: usize = 1000;

/// Widths of the longest names of sessions, each with two blanks after it: frontend, backend and server, client, request. The
/// last one is 0 if no session has a request.
type NameWidths = [u16; 4];

/// Measures the names of the sessions.
fn name_widths(latest: &Sessions) -> NameWidths {
    let mut widths = [1, 2, 3].map(|column: usize| HEADINGS[column].len() as u16 + 2);
    let mut uri = 0;
    let cells = |text: &Option<SafeText>| text.as_ref().map_or(0, |text| text_width::width(text.as_str()) as u16);
    for session in latest.list.iter().take(MAX_MEASURED) {
        let target = cells(&session.backend) + session.server.as_ref().map_or(0, |_| 1 + cells(&session.server));
        let names = [cells(&session.frontend), target, cells(&session.source)];
        for (widest, name) in widths.iter_mut().zip(names) {
            *widest = (*widest).max(name + 2);
        }
        uri = uri.max(session.path().map_or(0, |path| text_width::width(&path) as u16 + 1));
    }
    let has_uris = latest.list.iter().any(|session| session.uri.is_some());
    [widths[0], widths[1], widths[2], if has_uris { uri.max(HEADINGS[6].len() as u16 + 1) } else { 0 }]
}

/// Width of the columns of numbers and states, with the blanks.
const OTHER_WIDTH: u16 = 1 + 6 + 6 + 1;

/// Returns the width that the list needs for whole names.
pub(crate) fn list_width(latest: &Sessions) -> u16 {
    name_widths(latest).iter().sum::<u16>() + OTHER_WIDTH + if latest.has_bytes() { 7 } else { 0 }
}

/// Returns the columns of the sessions view: age, frontend, backend and server, client, state, bytes, request. They are as
/// wide as the names, so that what belongs together stands together.
///
/// On a narrow screen, the frontend, the bytes and the request are omitted, so that the names stay readable.
fn session_columns(width: u16, has_bytes: bool, names: NameWidths) -> [CellSlot; 7] {
    let bytes = if has_bytes && width >= 60 { 6 } else { 0 };
    let [front, target, client, uri] = names;
    if front + target + client + uri + OTHER_WIDTH + if bytes > 0 { bytes + 1 } else { 0 } <= width {
        return [
            right_slot(5),
            left_slot(front),
            left_slot(target),
            left_slot(client),
            left_slot(6),
            right_slot(bytes),
            left_slot(uri),
        ];
    }
    let uri = if uri > 0 && width >= 60 { width / 3 } else { 0 };
    let rest = width.saturating_sub(1 + 6 + 6 + bytes + 1 + uri);
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
        left_slot(uri),
    ]
}

fn session_cells(session: &Session) -> [String; 7] {
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
        session.path().unwrap_or_else(|| units::UNKNOWN.to_owned()),
    ]
}

/// Draws the headings and the groups of sessions.
fn draw_groups(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    grouping: SessionGrouping,
    sessions: usize,
) {
    let DrawContext { model, instance, .. } = *context;
    let groups = &instance.queries.session_groups;
    let is_narrow = area.width < 60;
    // The number of clients or servers is always 1 in groups of one client or server.
    let servers = if is_narrow || grouping == SessionGrouping::Server { 0 } else { 7 };
    let clients = if is_narrow || grouping == SessionGrouping::Client { 0 } else { 7 };
    let numbers = [8, 6, 6, servers, clients];
    let taken: u16 = numbers.iter().filter(|width| **width > 0).map(|width| width + 1).sum();
    let longest = groups.iter().map(|group| text_width::width(&group.name)).max().unwrap_or_default();
    let name = (longest as u16 + 2).max(12).min(area.width.saturating_sub(taken + 2));
    let columns: Vec<CellSlot> = std::iter::once(left_slot(name)).chain(numbers.map(right_slot)).collect();
    let title = grouping.name().to_uppercase();
    let headings = [title.as_str(), "SESSIONS", "SHARE", "OLDEST", "SERVERS", "CLIENTS"];
    draw_cells(canvas, area.rows(1, 1), &headings, &columns, Role::Dim);
    let list = &instance.view_cursors[model.view()];
    let body = area.rows(2, area.height);
    for (row, (index, group)) in groups.iter().enumerate().skip(list.top()).take(usize::from(body.height)).enumerate() {
        let cells = group_cells(group, sessions);
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        draw_cells(canvas, body.rows(row as u16, 1), &cells, &columns, Role::Normal);
        if index == list.index() {
            canvas.highlight_row(body, row as u16, Role::Selected);
        }
    }
}

fn group_cells(group: &SessionGroup, sessions: usize) -> [String; 6] {
    [
        group.name.clone(),
        units::count(group.sessions as i64),
        units::percent(group.sessions as f64 / sessions.max(1) as f64),
        group.oldest.map_or(units::UNKNOWN.to_owned(), units::duration),
        group.servers.to_string(),
        group.clients.to_string(),
    ]
}
