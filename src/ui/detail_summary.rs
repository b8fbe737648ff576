//! The first lines of the detail page: what is wrong with the row and since when, its servers, and its peers.

use std::collections::HashSet;
use std::time::Duration;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat_table::RowKind;
use crate::instance::verdict::Verdict;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::problems::cause::Cause;
use crate::problems::not_evaluated::not_evaluated_line;
use crate::table::cell::{Role, severity_role};
use crate::table::columns::column::{self, Align, Column, SortKey};
use crate::table::columns::column_table::{
    CTIME_NOW, ERRORS, LASTCHG, NAME, QUEUE, REQUESTS, RESPONSE_TIME, RETRY_RATE, SESSIONS, SHARE_5XX, STATUS,
};
use crate::table::columns::row_view::RowView;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{StyledText, styled_text};
use crate::ui::text_width;
use crate::units;

/// A line of the page: texts and their screen columns.
pub(crate) type DetailLine = Vec<(u16, StyledText<'static>)>;

/// Screen column of names and severities.
pub(crate) const FIRST_COLUMN: u16 = 1;
/// Number of servers that the page of a backend lists.
const MAX_SERVERS: usize = 20;
/// Number of peers that a server is compared with.
const MAX_PEERS: usize = 500;
/// Ratio to the median from which a value is marked.
const MARKED_RATIO: f64 = 2.0;
/// Columns of a backend's servers, after the name.
static SERVER_COLUMNS: &[&Column] =
    &[&STATUS, &LASTCHG, &SESSIONS, &QUEUE, &REQUESTS, &SHARE_5XX, &ERRORS, &RESPONSE_TIME];
/// Columns in which a server is compared with its peers, with the words for them.
static COMPARED: &[(&str, &Column)] = &[
    ("response time", &RESPONSE_TIME),
    ("connect time", &CTIME_NOW),
    ("5xx responses", &SHARE_5XX),
    ("errors/s", &ERRORS),
    ("retries/s", &RETRY_RATE),
    ("queue", &QUEUE),
    ("sessions", &SESSIONS),
    ("requests/s", &REQUESTS),
];

/// Returns the servers of a backend, or a server beside its peers, for a page of `width` columns.
pub(crate) fn neighbor_lines(context: &DrawContext<'_>, row: &RowView<'_>, width: u16) -> Vec<DetailLine> {
    let mut lines = match (row.stat_row().kind, row.sample.rows.backend_of(row.index)) {
        (RowKind::Backend, Some(backend)) => server_lines(context, row, backend, width),
        (RowKind::Server, Some(backend)) => peer_lines(row, backend),
        _ => Vec::new(),
    };
    if lines.len() > 1 {
        lines.push(Vec::new());
    }
    lines
}

/// Returns the causes and problems of the row, or the line that nothing is wrong, and the state with its start.
pub(crate) fn wrong_lines(context: &DrawContext<'_>, row: &RowView<'_>, width: u16) -> Vec<DetailLine> {
    let data = &context.instance.data;
    let now = data.shown_time(context.now);
    let available = usize::from(width.saturating_sub(FIRST_COLUMN + SENTENCE + 2));
    let mut lines: Vec<DetailLine> = Vec::new();
    let mut add = |label: &'static str, age: &str, text: &str, role: Role| {
        for (index, part) in text_width::wrap_at_blanks(text, available).into_iter().enumerate() {
            let mut line = Vec::new();
            if index == 0 {
                line.push((FIRST_COLUMN, styled_text(label, role)));
                line.push((FIRST_COLUMN + 5, styled_text(format!("{age:>6}"), Role::Normal)));
            }
            line.push((FIRST_COLUMN + SENTENCE, styled_text(part, role)));
            lines.push(line);
        }
    };
    let mut texts: Vec<String> = Vec::new();
    let mut shown: Vec<&Cause> = Vec::new();
    let is_frontend = row.stat_row().kind == RowKind::Frontend;
    let backend = row.sample.rows.backend_of(row.index).map(|backend| row.sample.rows.ids()[backend.row]);
    for cause in data.problems().causes() {
        let role = if cause.is_open() { severity_role(cause.severity) } else { Role::Good };
        let label = if cause.is_open() { cause.severity.label() } else { "over" };
        let (text, role) = match cause.subject.id {
            id if id == row.id => (cause.sentence.clone(), role),
            _ if cause.proxy_row == row.id => (format!("{}: {}", cause.subject.short_name(), cause.sentence), role),
            // The page of a server also shows what is wrong with its backend as a whole.
            _ if cause.target == row.id => (cause.sentence.clone(), role),
            id if Some(id) == backend => (format!("its backend: {}", cause.sentence), Role::Normal),
            _ if is_frontend && cause.is_open() && cause.affects(row.id) => (cause.words_for_frontend(), role),
            _ => continue,
        };
        add(label, &cause.age_cells(now), &text, role);
        texts.push(text);
        shown.push(cause);
    }
    for problem in data.problems().for_row(row.id) {
        let is_shown = shown.iter().any(|cause| cause.problems.contains(&(row.id, problem.rule.id)));
        if !is_shown {
            add(problem.severity.label(), &problem.age_cells(now), &problem.text, severity_role(problem.severity));
            texts.push(problem.text.clone());
        }
    }
    for problem in data.problems().silenced().filter(|problem| problem.subject.id == row.id) {
        let text = format!("silenced: {}", problem.text);
        add(problem.severity.label(), &problem.age_cells(now), &text, Role::Dim);
    }
    if texts.is_empty() {
        let is_complete = data.verdict().is_complete();
        let (text, role) = match data.verdict() {
            Verdict::Unknown => ("unknown: the recording is damaged", Role::Warn),
            _ if is_complete => ("nothing wrong", Role::Good),
            _ => ("checking the first samples", Role::Dim),
        };
        let mut line = vec![(FIRST_COLUMN, styled_text(text, role))];
        // A rule that was not evaluated does not count as fine.
        let gaps = not_evaluated_line(&data.not_evaluated_for(row.id)).filter(|_| is_complete);
        line.extend(gaps.map(|gaps| (FIRST_COLUMN + text.len() as u16, styled_text(format!("; {gaps}"), Role::Dim))));
        lines.push(line);
    }
    lines.extend(state_lines(context, row, &texts, available));
    lines.push(Vec::new());
    lines
}

/// Column of the sentences, after severity and age.
const SENTENCE: u16 = 13;

/// Returns the state, its start, and HAProxy's reason for it, wrapped at `available` cells; empty without a state.
fn state_lines(context: &DrawContext<'_>, row: &RowView<'_>, shown: &[String], available: usize) -> Vec<DetailLine> {
    let status = row.stat_row().status();
    let seconds = row.number(Field::Lastchg).and_then(|seconds| u64::try_from(seconds).ok());
    let since = seconds.and_then(|seconds| {
        let start = row.sample.at.wall.checked_sub(Duration::from_secs(seconds))?;
        let age = units::duration(Duration::from_secs(seconds));
        // A time without a date is enough for a day only.
        let at = if seconds < 86_400 { format!(", since {}", (context.format_time)(start)) } else { String::new() };
        Some(format!(" for {age}{at}"))
    });
    if status.is_empty() {
        return Vec::new();
    }
    let reason = reason_text(row);
    let reason = if reason.is_empty() || shown.iter().any(|text| text.contains(&reason)) {
        String::new()
    } else {
        format!("; last check {reason}")
    };
    let rest = format!("{}{reason}", since.unwrap_or_default());
    let start = FIRST_COLUMN + SENTENCE;
    let mut lines = vec![vec![
        (FIRST_COLUMN, styled_text("state", Role::Dim)),
        (start, styled_text(status.to_owned(), row.state_role())),
    ]];
    let mut parts = text_width::wrap_at_blanks(&format!("{status}{rest}"), available).into_iter();
    match parts.next() {
        Some(first) if first.starts_with(status) => {
            let column = start + text_width::width(status) as u16;
            lines[0].push((column, styled_text(first[status.len()..].to_owned(), Role::Normal)));
        }
        // A state that is wider than its line.
        _ => parts = text_width::wrap_at_blanks(rest.trim_start(), available).into_iter(),
    }
    lines.extend(parts.map(|part| vec![(start, styled_text(part, Role::Normal))]));
    lines
}

/// Returns the result and the text of a server's last health check.
fn reason_text(row: &RowView<'_>) -> String {
    let fields = [TextField::CheckStatus, TextField::LastChk];
    let texts = fields.map(|field| row.text(field).map_or("", AsRef::as_ref));
    texts.join(" ").trim().to_owned()
}

/// Returns the servers of a backend: those with problems first, then those that get no traffic, then the others.
fn server_lines(context: &DrawContext<'_>, row: &RowView<'_>, backend: &BackendRows, width: u16) -> Vec<DetailLine> {
    let data = &context.instance.data;
    let ids = row.sample.rows.ids();
    let count = backend.servers.len();
    if count == 0 {
        return vec![vec![(FIRST_COLUMN, styled_text("this backend has no servers", Role::Dim))]];
    }
    let with_problem: HashSet<RowId> = data.problems().iter().map(|problem| problem.subject.id).collect();
    let group = |server: usize| match row.sample.table.rows()[server].state() {
        _ if with_problem.contains(&ids[server]) => 0,
        state if !state.is_usable() => 1,
        _ => 2,
    };
    let in_group = |wanted| backend.servers.iter().copied().filter(move |server| group(*server) == wanted);
    let shown: Vec<usize> = in_group(0).chain(in_group(1)).chain(in_group(2)).take(MAX_SERVERS).collect();
    let view = |index| RowView::new(&context.instance.data, row.sample, index);
    let longest = shown.iter().map(|index| text_width::width(&NAME.cell(&view(*index)).text)).max().unwrap_or(0);
    let name_width = (longest as u16).clamp(8, (width / 3).max(8));
    // The reason is more important than lesser columns, which are in the tables, too.
    let reasons = shown.iter().map(|index| text_width::width(&reason_text(&view(*index)))).max().unwrap_or(0);
    let beside_state = width.saturating_sub(FIRST_COLUMN + 4 + name_width + STATUS.width);
    let reason_width = (reasons as u16).min(beside_state).min(width / 2).max(10);
    let mut columns: Vec<(&'static Column, u16)> = vec![(&NAME, name_width)];
    columns.extend(SERVER_COLUMNS.iter().map(|column| (*column, column.width)));
    let columns = column::drop_to_fit(columns, width.saturating_sub(FIRST_COLUMN + 3 + reason_width), 1);
    let mut heading: DetailLine = Vec::new();
    let mut lines = Vec::new();
    let mut offset = FIRST_COLUMN;
    for (index, (column, cells)) in columns.iter().enumerate() {
        let title = if index == 0 { "Servers" } else { column.title };
        let role = if index == 0 { Role::Title } else { Role::Dim };
        heading.push((offset, styled_text(aligned(title, column.align, *cells), role)));
        offset += cells + 1;
    }
    heading.push((offset + 1, styled_text("LAST CHECK", Role::Dim)));
    lines.push(heading);
    for index in &shown {
        let server = view(*index);
        let mut offset = FIRST_COLUMN;
        let mut line: DetailLine = Vec::new();
        for (column, cells) in &columns {
            let cell = column.cell(&server);
            line.push((offset, styled_text(aligned(&cell.text, column.align, *cells), cell.role)));
            offset += cells + 1;
        }
        line.push((offset + 1, styled_text(reason_text(&server), Role::Dim)));
        lines.push(line);
    }
    if count > shown.len() {
        let more = format!("{} more", units::count((count - shown.len()) as i64));
        lines.push(vec![(FIRST_COLUMN, styled_text(more, Role::Dim))]);
    }
    lines
}

/// Pads a text to `cells`, or shortens it.
fn aligned(text: &str, align: Align, cells: u16) -> String {
    let cells = usize::from(cells);
    match align {
        Align::Left => text_width::middle(text, cells),
        Align::Right => {
            let shown = text_width::end(text, cells);
            format!("{}{shown}", " ".repeat(cells.saturating_sub(text_width::width(&shown))))
        }
    }
}

/// Returns a server's values beside those of the peer in the middle; empty without usable peers.
fn peer_lines(row: &RowView<'_>, backend: &BackendRows) -> Vec<DetailLine> {
    let rows = row.sample.table.rows();
    let usable = backend.servers.iter().copied().filter(|peer| *peer != row.index && rows[*peer].state().is_usable());
    let peers: Vec<RowView<'_>> =
        usable.take(MAX_PEERS).map(|index| RowView::new(row.instance, row.sample, index)).collect();
    if peers.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![vec![
        (FIRST_COLUMN, styled_text("Peers", Role::Title)),
        (OWN, styled_text(format!("{:>8}", "this"), Role::Dim)),
        (MEDIAN, styled_text(format!("{:>8}", "median"), Role::Dim)),
        (RATIO, styled_text(format!("of {}", units::pluralize(peers.len() as i64, "usable peer")), Role::Dim)),
    ]];
    for (words, column) in COMPARED {
        let SortKey::Number(own) = column.sort_key(row) else { continue };
        let number = |peer: &RowView<'_>| match column.sort_key(peer) {
            SortKey::Number(number) => Some(number),
            SortKey::Absent | SortKey::Text(_) => None,
        };
        let mut values: Vec<(f64, usize)> =
            peers.iter().enumerate().filter_map(|(index, peer)| Some((number(peer)?, index))).collect();
        if values.is_empty() {
            continue;
        }
        let middle = (values.len() - 1) / 2;
        let (_, (median, peer), _) = values.select_nth_unstable_by(middle, |one, other| one.0.total_cmp(&other.0));
        let (own_cell, median_cell) = (column.cell(row), column.cell(&peers[*peer]));
        let ratio = match (own, *median) {
            (own, median) if median > 0.0 && own >= median * MARKED_RATIO => {
                format!("{} times as much", units::ratio(own / median))
            }
            _ => String::new(),
        };
        lines.push(vec![
            (FIRST_COLUMN, styled_text(*words, Role::Dim)),
            (OWN, styled_text(format!("{:>8}", own_cell.text), own_cell.role)),
            (MEDIAN, styled_text(format!("{:>8}", median_cell.text), median_cell.role)),
            (RATIO, styled_text(ratio, Role::Warn)),
        ]);
    }
    lines
}

/// Columns of a server's own value, the median of its peers, and their ratio.
const OWN: u16 = 18;
const MEDIAN: u16 = 28;
const RATIO: u16 = 38;
