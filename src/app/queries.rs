//! Queries made on a key press, and their replies.
//!
//! No query is made automatically. Each kind of query has a minimum pause, and expensive queries show a warning.

use std::time::Duration;

use crate::app::dashboard_lists::ListCursor;
use crate::app::layers::Layer;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::query_filters;
use crate::app::query_state::{Fetched, OpenTable};
use crate::ask::query::{Query, QueryData, QueryError, QueryReply};
use crate::ask::query_limits;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{Session, SessionFilter, SessionOrder};
use crate::haproxy::stick_tables::{DataFilter, StickTable, TableEntry};
use crate::instance::guard::{self, Refusal};
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::units;

/// Sends a query, or shows why it is not possible now.
pub(crate) fn send_query(model: &mut Model, query: Query, now: Duration) -> Vec<Effect> {
    let view = model.view();
    let Some(instance) = model.instance_mut() else { return Vec::new() };
    // Queries return the current state, so they are refused during playback.
    if let Err(refusal) = guard::check_not_past(&instance.data) {
        model.notify_refusal(&refusal, Role::Warn, now);
        return Vec::new();
    }
    let sample = instance.data.latest().filter(|_| instance.data.link().is_up());
    let Some(sample) = sample else {
        model.notify_refusal(&Refusal::NotConnected, Role::Warn, now);
        return Vec::new();
    };
    let version = sample.info.version();
    let costs = query.costs();
    if let Some((cost, has)) = costs.iter().find_map(|cost| Some((cost, sample.level.filter(|has| *has < cost.level)?)))
    {
        let (command, needs) = (cost.words.join(" "), cost.level);
        model.notify(format!("\"{command}\" needs level {needs}; this socket has level {has}"), Role::Warn, now);
        return Vec::new();
    }
    let wait = instance.queries.pauses.remaining(&costs, now);
    if !wait.is_zero() {
        let pause = costs.iter().map(|cost| cost.min_pause.as_secs()).max().unwrap_or_default();
        let seconds = wait.as_millis().div_ceil(1000);
        let command = costs.first().map(|cost| cost.words.join(" ")).unwrap_or_default();
        let text = format!("\"{command}\" runs at most once every {pause} s; try again in {seconds} s");
        model.notify(text, Role::Warn, now);
        return Vec::new();
    }
    instance.queries.pauses.record(&costs, now);
    match &query {
        Query::Sessions(filter) => {
            instance.queries.sessions_filter = filter.clone();
            instance.queries.sessions.start_waiting();
        }
        Query::StickTables => instance.queries.tables.start_waiting(),
        Query::Help => instance.queries.command_list.start_waiting(),
        Query::TableEntries { table, .. } => {
            if instance.queries.open_table.is_none() {
                instance.view_cursors[view] = ListCursor::default();
            }
            let same = instance.queries.open_table.take().filter(|open| open.name == *table);
            let mut open = same.unwrap_or_else(|| OpenTable::new(table.clone()));
            open.entries.start_waiting();
            instance.queries.open_table = Some(open);
        }
        Query::SessionDetail(_) | Query::TypedLine(_) => {}
    }
    vec![Effect::SendQuery(instance.id(), version, query)]
}

/// Stores the result of a query.
pub(crate) fn apply_reply(
    model: &mut Model,
    instance: InstanceId,
    query: &Query,
    result: Result<QueryReply, QueryError>,
    now: Timestamp,
) {
    let Some(view) = model.instance_by_id_mut(instance) else { return };
    let queries = &mut view.queries;
    let mut opened = None;
    let mut failure = None;
    match result {
        Ok(reply) => match reply.data {
            QueryData::Sessions(mut sessions) => {
                sessions.sort(queries.session_order);
                queries.sessions.store(sessions, now);
            }
            QueryData::SessionDetail(session) => opened = Some((session.session.id.to_string(), session.lines)),
            QueryData::StickTables(tables) => queries.tables.store(tables, now),
            QueryData::TableEntries(mut entries) => {
                // Another table may have been opened before the reply arrived.
                if let Some(open) = queries.open_table.as_mut().filter(|open| is_for_table(query, &open.name)) {
                    entries.sort_by_counter(open.sort);
                    open.entries.store(entries, now);
                }
            }
            QueryData::Help(list) => queries.command_list.store(list, now),
            QueryData::ReplyLines(lines) => queries.push_reply(&lines, reply.is_complete),
        },
        Err(error) => {
            let message = error_message(&error);
            match query {
                Query::Sessions(_) => queries.sessions.record_failure(message),
                Query::StickTables => queries.tables.record_failure(message),
                Query::Help => queries.command_list.record_failure(message),
                Query::TableEntries { table, .. } => {
                    if let Some(open) = queries.open_table.as_mut().filter(|open| open.name == *table) {
                        open.entries.record_failure(message);
                    }
                }
                Query::TypedLine(_) => queries.push_line(message.as_str(), Role::Bad),
                Query::SessionDetail(_) => failure = Some(message),
            }
        }
    }
    // A late reply must not open over a dialog or a prompt.
    let is_expected = model.layers.is_empty() && matches!(model.current_view().content, Content::Sessions);
    if let Some((id, lines)) = opened.filter(|_| is_expected) {
        model.layers.push(Layer::TextPage { title: format!("Session {id}"), lines, top: 0 });
    }
    if let Some(message) = failure {
        model.notify(message, Role::Bad, now.monotonic);
    }
}

/// Shows the result of a typed command that may have changed HAProxy; other views than view 5 show the summary.
pub(crate) fn apply_typed_command_reply(
    model: &mut Model,
    instance: InstanceId,
    result: Result<QueryReply, QueryError>,
    summary: String,
    now: Duration,
) {
    let is_cli = matches!(model.current_view().content, Content::Cli);
    let Some(view) = model.instance_by_id_mut(instance) else { return };
    let (notice, role) = match result {
        Ok(QueryReply { data: QueryData::ReplyLines(lines), is_complete, warning, .. }) => {
            view.queries.push_reply(&lines, is_complete);
            if let Some(warning) = warning {
                view.queries.push_line(warning.as_str(), Role::Warn);
            }
            if lines.as_slice().iter().any(|line| line.as_str().starts_with("Permission denied")) {
                view.queries
                    .push_line("changes need a stats socket with level admin: stats socket … level admin", Role::Warn);
            }
            (summary, Role::Good)
        }
        Ok(_) => return,
        Err(error) => {
            let message = error_message(&error);
            view.queries.push_line(message.as_str(), Role::Bad);
            (message, Role::Bad)
        }
    };
    if !is_cli {
        model.notify(notice, role, now);
    }
}

fn is_for_table(query: &Query, name: &SafeText) -> bool {
    matches!(query, Query::TableEntries { table, .. } if table == name)
}

fn error_message(error: &QueryError) -> String {
    match error {
        QueryError::Connection { hint: Some(hint), .. } => format!("{error}; {hint}"),
        _ => error.to_string(),
    }
}

/// Sends the query of the view shown. Returns `None` if the view has no query.
pub(crate) fn refresh(model: &mut Model, now: Duration) -> Option<Vec<Effect>> {
    let text_filter = model.text_filter();
    let query = match model.current_view().content {
        Content::Sessions => Query::Sessions(query_filters::session_filter(text_filter)),
        Content::StickTables => match model.instance().and_then(|instance| instance.queries.open_table.as_ref()) {
            Some(open) => {
                let filter = query_filters::entry_conditions(text_filter).next();
                Query::TableEntries { table: open.name.clone(), filter }
            }
            None => Query::StickTables,
        },
        Content::Dashboard | Content::Table(_) | Content::Cli | Content::Events | Content::Problems => return None,
    };
    Some(send_query(model, query, now))
}

/// Opens the line under the cursor: all details of a session, or the entries of a stick table. If the view has no
/// lines, sends the query of the view.
pub(crate) fn open_cursor_line(model: &mut Model, now: Duration) -> Vec<Effect> {
    let view = model.view();
    let Some(instance) = model.instance() else { return Vec::new() };
    let cursor = instance.view_cursors[view].index();
    let query = match model.current_view().content {
        Content::Sessions => shown_sessions(model).nth(cursor).map(|session| Query::SessionDetail(session.id.clone())),
        Content::StickTables if instance.queries.open_table.is_none() => {
            let table = shown_stick_tables(model).nth(cursor).cloned();
            table.map(|table| {
                if let Some(warning) = table.used.and_then(query_limits::large_table_warning) {
                    model.notify(warning, Role::Warn, now);
                }
                Query::TableEntries { table: table.name, filter: None }
            })
        }
        Content::StickTables
        | Content::Dashboard
        | Content::Table(_)
        | Content::Cli
        | Content::Events
        | Content::Problems => return Vec::new(),
    };
    match query {
        Some(query) => send_query(model, query, now),
        None => refresh(model, now).unwrap_or_default(),
    }
}

/// Closes the open stick table. Returns false if no stick table is open.
pub(crate) fn close_stick_table(model: &mut Model) -> bool {
    let is_tables = matches!(model.current_view().content, Content::StickTables);
    let view = model.view();
    let Some(instance) = model.instance_mut().filter(|_| is_tables) else { return false };
    let is_open = instance.queries.open_table.take().is_some();
    if is_open {
        // The cursor applied to the entries of the table. Their filter was closed with the table.
        instance.view_cursors[view] = ListCursor::default();
    }
    is_open
}

/// Filters the sessions by the row that was chosen in the previous view, unless the view has a filter that was typed.
/// Sessions that were listed for another filter are dropped.
pub(crate) fn filter_by_row(model: &mut Model, row: Option<RowId>) {
    let view = model.view();
    let Some(instance) = model.instance() else { return };
    let row = row.and_then(|id| instance.data.shown()?.row(id));
    let filter = row.map(query_filters::filter_for_row).unwrap_or_default();
    let typed = &model.view_settings[view].text_filter;
    if !typed.is_empty() && *typed != instance.queries.row_filter {
        return;
    }
    let listed = query_filters::session_filter(&filter);
    if let Some(instance) = model.instance_mut() {
        let queries = &mut instance.queries;
        if queries.sessions_filter != SessionFilter::default() && queries.sessions_filter != listed {
            queries.sessions = Fetched::default();
        }
        queries.row_filter = filter.clone();
        instance.view_cursors[view] = ListCursor::default();
    }
    model.view_settings[view].text_filter = filter;
}

/// Selects the next or previous sort order or counter.
pub(crate) fn sort_next(model: &mut Model, by: i32) {
    let content = model.current_view().content;
    let Some(instance) = model.instance_mut() else { return };
    let queries = &mut instance.queries;
    match content {
        Content::Sessions => {
            let orders = [SessionOrder::Age, SessionOrder::Bytes, SessionOrder::State];
            let cursor = orders.iter().position(|order| *order == queries.session_order).unwrap_or(0) as i32;
            queries.session_order = orders[(cursor + by).rem_euclid(orders.len() as i32) as usize];
            if let Some((sessions, _)) = &mut queries.sessions.latest {
                sessions.sort(queries.session_order);
            }
        }
        Content::StickTables => {
            if let Some(open) = &mut queries.open_table
                && let Some((entries, _)) = &mut open.entries.latest
                && !entries.counters.is_empty()
            {
                open.sort = (open.sort as i32 + by).rem_euclid(entries.counters.len() as i32) as usize;
                entries.sort_by_counter(open.sort);
            }
        }
        Content::Dashboard | Content::Table(_) | Content::Cli | Content::Events | Content::Problems => {}
    }
}

/// Returns the sessions that pass the filter, in sort order.
pub fn shown_sessions(model: &Model) -> impl Iterator<Item = &Session> {
    let text_filter = model.text_filter();
    let (filter, rest) = (query_filters::session_filter(text_filter), query_filters::session_words(text_filter));
    let list = model.instance().and_then(|instance| Some(&instance.queries.sessions.latest.as_ref()?.0.list));
    list.into_iter()
        .flatten()
        .filter(move |session| filter.matches(session) && (rest.is_empty() || rest.matches(session.line.as_str())))
}

/// Returns the stick tables that pass the filter.
pub(crate) fn shown_stick_tables(model: &Model) -> impl Iterator<Item = &StickTable> {
    let text_filter = &model.view_settings[model.view()].text_filter;
    let list = model.instance().and_then(|instance| Some(&instance.queries.tables.latest.as_ref()?.0.list));
    list.into_iter().flatten().filter(move |table| text_filter.matches(table.name.as_str()))
}

/// Returns the entries of the open stick table that pass the filter, in sort order.
pub fn shown_entries(model: &Model) -> impl Iterator<Item = &TableEntry> {
    let open = model.instance().and_then(|instance| instance.queries.open_table.as_ref());
    let shown = open.and_then(|open| {
        let conditions: Vec<DataFilter> = query_filters::entry_conditions(&open.text_filter).collect();
        Some((&open.entries.latest.as_ref()?.0, conditions, query_filters::entry_words(&open.text_filter)))
    });
    shown.into_iter().flat_map(|(entries, conditions, words)| {
        let is_shown = move |entry: &&TableEntry| {
            conditions.iter().all(|condition| entries.matches(entry, condition)) && words.matches(entry.key.as_str())
        };
        entries.list.iter().filter(is_shown)
    })
}

/// Returns the number of lines of the view shown.
pub(crate) fn line_count(model: &Model) -> usize {
    match model.current_view().content {
        Content::Sessions => shown_sessions(model).count(),
        Content::StickTables if model.instance().is_some_and(|instance| instance.queries.open_table.is_some()) => {
            shown_entries(model).count()
        }
        Content::StickTables => shown_stick_tables(model).count(),
        Content::Dashboard | Content::Table(_) | Content::Cli | Content::Events | Content::Problems => 0,
    }
}

/// Formats the time from `at`, when a reply arrived, to `now`.
pub(crate) fn format_age(at: Timestamp, now: Duration) -> String {
    units::duration(now.saturating_sub(at.monotonic))
}
