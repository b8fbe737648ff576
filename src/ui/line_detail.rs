//! Details that views 5, 7, 8 and 9 show on wide terminals beside their lists: everything known about the selected line, or the
//! commands of HAProxy that match the typed line.

use crate::app::layout::Area;
use crate::app::query_lines;
use crate::app::query_state::OpenTable;
use crate::app::session_groups::SessionGrouping;
use crate::app::table_layout::split_for_detail;
use crate::app::ui_commands::UiCommand;
use crate::ask::query_limits;
use crate::ask::read_only_commands::READ_ONLY_COMMANDS;
use crate::haproxy::command_list;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::Session;
use crate::haproxy::stick_tables::{StickTable, TableEntry};
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::ui::detail_pane;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::sessions_pane;
use crate::ui::stick_tables_pane;
use crate::ui::text_width;
use crate::units;

/// Width of the labels, with the blank after them.
const LABEL: u16 = 14;
/// Width that the list of events and the command line keep, unless three fifths of the body are more.
const LIST_WIDTH: u16 = 88;
/// Number of sessions that are searched for those of the selected group.
const MAX_SEARCHED: usize = 2000;

/// A label and a text; a text without a label continues the list.
type LabeledLine = (String, String, Role);

/// Divides the body of a view into its list and the details next to it, which are empty where they have no room.
pub(crate) fn split(context: &DrawContext<'_>, body: Area) -> (Area, Area) {
    let queries = &context.instance.queries;
    let most = body.width * 3 / 5;
    let needed = match (context.model.current_view().content, &queries.open_table) {
        (Content::Sessions, _) => match &queries.sessions.latest {
            Some((latest, _)) => sessions_pane::list_width(latest).min(most),
            None => return (body, Area::default()),
        },
        (Content::StickTables, Some(open)) if open.entries.latest.is_some() => most,
        (Content::StickTables, None) if queries.tables.latest.is_some() => stick_tables_pane::list_width(context),
        (Content::Events | Content::Cli, _) => LIST_WIDTH.max(most),
        _ => return (body, Area::default()),
    };
    let is_empty = match context.model.current_view().content {
        Content::Events => context.model.shown_events().next().is_none(),
        Content::Sessions => query_lines::shown_sessions(context.model).next().is_none(),
        Content::StickTables => query_lines::line_count(context.model) == 0,
        _ => false,
    };
    if is_empty { (body, Area::default()) } else { split_for_detail(body, needed) }
}

/// Draws the details of the selected line.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    if area.is_empty() {
        return;
    }
    let DrawContext { model, instance, .. } = *context;
    let index = instance.view_cursors[model.view()].index();
    match (model.current_view().content, &instance.queries.open_table) {
        (Content::Events, _) => draw_event(context, canvas, area, index),
        (Content::Cli, _) => draw_commands(context, canvas, area),
        (Content::Sessions, _) => match query_lines::shown_grouping(model) {
            Some(grouping) => draw_group(context, canvas, area, grouping, index),
            None => {
                if let Some(session) = query_lines::shown_sessions(model).nth(index) {
                    let title = format!("session {}", session.id);
                    draw_labeled(canvas, area, &title, &session_lines(context, session));
                }
            }
        },
        (Content::StickTables, Some(open)) if query_lines::are_entries_grouped(model) => {
            if let Some(group) = open.groups.get(index) {
                draw_labeled(canvas, area, &group.name, &group_sum_lines(open, index));
            }
        }
        (Content::StickTables, Some(open)) => {
            if let Some(entry) = query_lines::shown_entries(model).nth(index) {
                draw_labeled(canvas, area, entry.key.as_str(), &entry_lines(open, entry));
            }
        }
        (Content::StickTables, None) => {
            if let Some(table) = query_lines::shown_stick_tables(model).nth(index) {
                draw_labeled(canvas, area, table.name.as_str(), &table_lines(context, table));
            }
        }
        _ => {}
    }
}

/// Draws lines in a frame, each text wrapped after its label.
fn draw_labeled(canvas: &mut Canvas<'_>, area: Area, title: &str, lines: &[LabeledLine]) {
    let title = text_width::middle(title, usize::from(area.width.saturating_sub(6)));
    let inner = canvas.draw_frame(area, &[styled_text(format!(" {title} "), Role::Title)], &[], Role::Frame);
    let longest = lines.iter().map(|(label, ..)| text_width::width(label) as u16 + 2).max().unwrap_or(0);
    let start = 1 + longest.clamp(LABEL, (inner.width / 2).max(LABEL));
    let mut row = 0;
    for (label, text, role) in lines {
        let label = text_width::middle(label, usize::from(start - 2));
        canvas.draw_text(inner, 1, row, &label, Role::Dim);
        let column = if label.is_empty() { 1 } else { start };
        row += canvas.draw_wrapped(inner, column, row, text, *role);
    }
}

fn line(label: &str, text: impl Into<String>) -> LabeledLine {
    (label.to_owned(), text.into(), Role::Normal)
}

fn hint(text: impl Into<String>) -> LabeledLine {
    (String::new(), text.into(), Role::Dim)
}

/// Returns everything that the reply says about a session.
fn session_lines(context: &DrawContext<'_>, session: &Session) -> Vec<LabeledLine> {
    let text = |label: &str, text: &Option<SafeText>| text.as_ref().map(|text| line(label, text.as_str()));
    let stage = |label: &str, stage: Option<&str>| stage.map(|stage| line(label, stage));
    let bytes = |label: &str, bytes: Option<u64>| bytes.map(|bytes| line(label, units::bytes(bytes as f64)));
    let known = [
        text("client", &session.source),
        text("protocol", &session.proto),
        text("frontend", &session.frontend),
        text("backend", &session.backend),
        text("server", &session.server),
        session.age.map(|age| line("age", units::duration(age))),
        text("began", &session.began_at),
        stage("client side", session.client_side.as_ref().map(|stage| stage.as_str())),
        stage("server side", session.server_side.as_ref().map(|stage| stage.as_str())),
        bytes("from client", session.bytes_in),
        bytes("from server", session.bytes_out),
        text("request", &session.uri),
        session.calls.map(|calls| line("calls", units::count(calls as i64))),
    ];
    let mut lines: Vec<LabeledLine> = known.into_iter().flatten().collect();
    let open = context.model.keymap.key_or_command(UiCommand::Open { unfold: false });
    lines.extend([hint(""), hint(format!("{open} asks HAProxy for all details")), hint("")]);
    lines.push(hint("As HAProxy writes it:"));
    lines.push((String::new(), session.line.to_string(), Role::Normal));
    lines
}

/// Draws the first sessions of the group under the cursor.
fn draw_group(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, grouping: SessionGrouping, index: usize) {
    let Some(group) = context.instance.queries.session_groups.get(index) else { return };
    let searched = query_lines::shown_sessions(context.model).take(MAX_SEARCHED);
    let of_group = searched.filter(|session| grouping.group_of(session) == group.name);
    let cell = |text: &Option<SafeText>| text.as_ref().map_or(units::UNKNOWN.to_owned(), ToString::to_string);
    let mut lines: Vec<LabeledLine> = of_group
        .take(usize::from(area.height.saturating_sub(4)))
        .map(|session| {
            let age = session.age.map_or(units::UNKNOWN.to_owned(), units::duration);
            let target = session.server.as_ref().map_or(String::new(), |server| format!("/{server}"));
            line(&cell(&session.source), format!("{age:>5}  {}{target}", cell(&session.backend)))
        })
        .collect();
    let open = context.model.keymap.key_or_command(UiCommand::Open { unfold: false });
    lines.insert(0, hint(format!("{open} lists all {}", units::pluralize(group.sessions as i64, "session"))));
    draw_labeled(canvas, area, &group.name, &lines);
}

/// Returns the lines of a stick table, and what reading its entries costs.
fn table_lines(context: &DrawContext<'_>, table: &StickTable) -> Vec<LabeledLine> {
    let number = |value: Option<u64>| value.map_or(units::UNKNOWN.to_owned(), |value| units::count(value as i64));
    let free = table.size.zip(table.used).map(|(size, used)| size.saturating_sub(used));
    let mut lines = vec![
        line("keys", table.key_type.as_str()),
        line("entries", number(table.used)),
        line("room for", format!("{} more, {} in all", number(free), number(table.size))),
        line("full", table.fill_ratio().map_or(units::UNKNOWN.to_owned(), units::percent)),
    ];
    let open = context.model.keymap.key_or_command(UiCommand::Open { unfold: false });
    let warning = query_limits::find(&["show", "table", "*"]).map_or("", |cost| cost.warning);
    lines.extend([hint(""), hint(format!("{open} lists the entries")), hint(warning)]);
    lines
}

/// Returns the value of every counter of an entry.
fn entry_lines(open: &OpenTable, entry: &TableEntry) -> Vec<LabeledLine> {
    let counters = open.entries.latest.as_ref().map(|(latest, _)| latest.counters.as_slice()).unwrap_or_default();
    let mut lines = vec![
        line("table", open.name.as_str()),
        line("expires in", entry.expires_in.map_or(units::UNKNOWN.to_owned(), units::duration)),
        line(
            "in use by",
            entry.use_count.map_or(units::UNKNOWN.to_owned(), |count| units::pluralize(count as i64, "session")),
        ),
    ];
    lines.extend(counters.iter().enumerate().map(|(index, counter)| {
        let window = counter.period.map_or(String::new(), |period| format!(" per {}", units::duration(period)));
        let value = match entry.value(index) {
            None => units::UNKNOWN.to_owned(),
            Some(bytes) if counter.counts_bytes() => units::bytes(bytes as f64),
            Some(number) => number.to_string(),
        };
        line(counter.name.as_str(), format!("{value:>8}{window}"))
    }));
    lines.extend(entry.texts.iter().map(|(name, value)| line(name.as_str(), value.as_str())));
    lines
}

/// Returns the sum of every counter of a group of entries.
fn group_sum_lines(open: &OpenTable, index: usize) -> Vec<LabeledLine> {
    let counters = open.entries.latest.as_ref().map(|(latest, _)| latest.counters.as_slice()).unwrap_or_default();
    let Some(group) = open.groups.get(index) else { return Vec::new() };
    let mut lines = vec![line("table", open.name.as_str()), line("entries", group.entries.to_string())];
    lines.extend(counters.iter().zip(&group.sums).filter_map(|(counter, sum)| {
        let window = counter.period.map_or(String::new(), |period| format!(" per {}", units::duration(period)));
        Some(line(counter.name.as_str(), format!("{:>8}{window}", (*sum)?)))
    }));
    lines
}

/// Draws the whole text of the event under the cursor, and the details of its row below.
fn draw_event(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, index: usize) {
    let Some(event) = context.model.shown_events().nth(index) else { return };
    let time = (context.format_time)(event.at.wall);
    let names = [time.as_str(), event.balancer_name(), &event.name].into_iter().filter(|name| !name.is_empty());
    let title = names.collect::<Vec<&str>>().join(" ");
    let text = event.kind.to_string();
    let rows = text_width::wrap_at_blanks(&text, usize::from(area.width.saturating_sub(4))).len() as u16;
    let row = event.row.filter(|row| context.sample().is_some_and(|sample| sample.row(*row).is_some()));
    let height = if row.is_some() { (rows + 2).min(area.height / 2) } else { area.height };
    draw_labeled(canvas, area.rows(0, height), &title, &[(String::new(), text, Role::Normal)]);
    if let Some(row) = row {
        detail_pane::draw_beside(context, canvas, area.rows(height, area.height), row, true);
    }
}

/// Draws the commands that begin with the typed words: those of HAProxy's own help if it was read, or else those that only
/// read.
fn draw_commands(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    let typed = model.cli.prompt.text();
    let mut lines = Vec::new();
    let title = if let Some((commands, _)) = &instance.queries.command_list.latest {
        for command in command_list::completions(commands, typed) {
            let arguments = format!(" {}", command.arguments);
            lines.push(line(&format!("{}{}", command.words, arguments.trim_end()), command.help.as_str()));
        }
        "Commands of HAProxy"
    } else {
        let version = context.sample().and_then(|sample| sample.info.version());
        let known = READ_ONLY_COMMANDS.iter().filter(|command| version.is_none_or(|known| command.since <= known));
        let names = known.map(|command| command.words.join(" ")).filter(|name| name.starts_with(typed.trim()));
        lines.extend([hint("Tab reads HAProxy's own list with descriptions"), hint("")]);
        lines.extend(names.map(|name| (String::new(), name, Role::Normal)));
        "Commands that only read"
    };
    draw_labeled(canvas, area, title, &lines);
}
