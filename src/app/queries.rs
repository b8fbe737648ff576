//! Queries made on a key press, and their replies.
//!
//! The first query of a view needs a key; [`crate::app::query_refresh`] repeats it. Each kind of query has a minimum pause,
//! and expensive queries show a warning.

use std::time::Duration;

use crate::app::dashboard_lists::ListCursor;
use crate::app::layers::Layer;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::query_filters;
use crate::app::query_lines;
use crate::app::query_state::{Fetched, OpenTable};
use crate::app::session_groups::SessionGrouping;
use crate::ask::query::{Query, QueryData, QueryError, QueryReply};
use crate::ask::query_limits;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{SessionFilter, SessionOrder};
use crate::instance::guard;
use crate::instance::refusal::Refusal;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::table::cell::Role;
use crate::table::view_table::Content;

/// Sends a query, or shows why it is not possible now.
pub(crate) fn send_query(model: &mut Model, query: Query, now: Duration) -> Vec<Effect> {
    let view = model.view();
    let Some(instance) = model.instance_mut() else { return Vec::new() };
    // Queries return the current state, so they are refused during playback.
    if let Err(refusal) = guard::check_query_allowed(&instance.data) {
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
        if instance.queries.schedule(&query) {
            instance.view_cursors[view] = ListCursor::default();
            return Vec::new();
        }
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
    let selected = query_lines::selected_line(model);
    let Some(view) = model.instance_by_id_mut(instance) else { return };
    let queries = &mut view.queries;
    let mut opened = None;
    let mut failure = None;
    match result {
        Ok(QueryReply { data, is_complete, cost, .. }) => match data {
            QueryData::Sessions(mut sessions) => {
                sessions.sort(queries.session_order);
                queries.marks.retain_listed(&sessions.list, now.monotonic);
                queries.sessions.store(sessions, now, cost.reply_time);
            }
            QueryData::SessionDetail(session) => opened = Some((session.session.id.to_string(), session.lines)),
            QueryData::StickTables(tables) => queries.tables.store(tables, now, cost.reply_time),
            QueryData::TableEntries(mut entries) => {
                // Another table may have been opened before the reply arrived.
                if let Some(open) = queries.open_table.as_mut().filter(|open| is_for_table(query, &open.name)) {
                    entries.sort_by_counter(open.sort);
                    open.entries.store(entries, now, cost.reply_time);
                }
            }
            QueryData::Help(list) => queries.command_list.store(list, now, cost.reply_time),
            QueryData::ReplyLines(lines) => queries.push_reply(&lines, is_complete),
        },
        Err(error) => {
            let message = error_message(&error);
            match query {
                Query::Sessions(_) => queries.sessions.record_failure(message, now.monotonic),
                Query::StickTables => queries.tables.record_failure(message, now.monotonic),
                Query::Help => queries.command_list.record_failure(message, now.monotonic),
                Query::TableEntries { table, .. } => {
                    if let Some(open) = queries.open_table.as_mut().filter(|open| open.name == *table) {
                        open.entries.record_failure(message, now.monotonic);
                    }
                }
                Query::TypedLine(_) => queries.push_line(message.as_str(), Role::Bad),
                Query::SessionDetail(_) => failure = Some(message),
            }
        }
    }
    query_lines::update_groups(model);
    if let Some(selected) = selected {
        query_lines::select_line(model, &selected);
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

/// Returns the query of the view shown, or `None` if the view has no query.
pub(crate) fn view_query(model: &Model) -> Option<Query> {
    let (queries, text_filter) = (&model.instance()?.queries, model.text_filter());
    match model.current_view().content {
        Content::Sessions => {
            let with_uri = queries.grouping == Some(SessionGrouping::Uri);
            Some(Query::Sessions(SessionFilter { with_uri, ..query_filters::session_filter(text_filter) }))
        }
        Content::StickTables => Some(match &queries.open_table {
            Some(open) => {
                let filter = query_filters::entry_conditions(text_filter).next();
                Query::TableEntries { table: open.name.clone(), filter }
            }
            None => Query::StickTables,
        }),
        Content::Dashboard
        | Content::Table(_)
        | Content::Cli
        | Content::Events
        | Content::Problems
        | Content::Balancers
        | Content::Requests => None,
    }
}

/// Sends the query of the view shown. Returns `None` if the view has no query.
pub(crate) fn refresh(model: &mut Model, now: Duration) -> Option<Vec<Effect>> {
    let query = view_query(model)?;
    Some(send_query(model, query, now))
}

/// Returns whether the query of the view shown is sent as soon as its minimum pause is over.
pub(crate) fn is_scheduled(model: &Model) -> bool {
    let Some(queries) = model.instance().map(|instance| &instance.queries) else { return false };
    match model.current_view().content {
        Content::Sessions => queries.sessions.is_scheduled,
        Content::StickTables => queries.open_table.as_ref().is_some_and(|open| open.entries.is_scheduled),
        Content::Dashboard
        | Content::Table(_)
        | Content::Cli
        | Content::Events
        | Content::Problems
        | Content::Balancers
        | Content::Requests => false,
    }
}

/// Forgets the query of the view that waits for its minimum pause.
pub(crate) fn cancel_scheduled(model: &mut Model) {
    if let Some(instance) = model.instance_mut() {
        instance.queries.sessions.is_scheduled = false;
        if let Some(open) = &mut instance.queries.open_table {
            open.entries.is_scheduled = false;
        }
    }
}

/// Opens the line under the cursor: all details of a session, or the entries of a stick table. If the view has no
/// lines, sends the query of the view.
pub(crate) fn open_cursor_line(model: &mut Model, now: Duration) -> Vec<Effect> {
    if query_lines::open_group(model) {
        return Vec::new();
    }
    let view = model.view();
    let Some(instance) = model.instance() else { return Vec::new() };
    let cursor = instance.view_cursors[view].index();
    let query = match model.current_view().content {
        Content::Sessions => {
            let session = query_lines::shown_sessions(model).nth(cursor);
            session.map(|session| Query::SessionDetail(session.id.clone()))
        }
        Content::StickTables if instance.queries.open_table.is_none() => {
            let table = query_lines::shown_stick_tables(model).nth(cursor).cloned();
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
        | Content::Problems
        | Content::Balancers
        | Content::Requests => return Vec::new(),
    };
    match query {
        Some(query) => send_query(model, query, now),
        None => refresh(model, now).unwrap_or_default(),
    }
}

/// Closes what was opened last in views 7 and 8: the marks, an open group, or the open stick table. Returns false if there
/// is nothing to close.
pub(crate) fn close_last_opened(model: &mut Model, clears: bool) -> bool {
    let (view, content) = (model.view(), model.current_view().content);
    let Some(instance) = model.instance_mut() else { return false };
    let queries = &mut instance.queries;
    match content {
        Content::Sessions if clears && queries.marks.clear() => return true,
        Content::Sessions | Content::StickTables => {}
        Content::Dashboard
        | Content::Table(_)
        | Content::Cli
        | Content::Events
        | Content::Problems
        | Content::Balancers
        | Content::Requests => return false,
    }
    if query_lines::close_group(model) {
        return true;
    }
    let Some(instance) = model.instance_mut().filter(|_| matches!(content, Content::StickTables)) else { return false };
    let is_open = instance.queries.open_table.take().is_some();
    if is_open {
        // The cursor applied to the entries of the table. Their filter was closed with the table.
        instance.view_cursors[view] = ListCursor::default();
    }
    is_open
}

/// Groups the lines of views 7 and 8 by the next criterion, or shows single lines again.
pub(crate) fn group_next(model: &mut Model, now: Duration) {
    let (view, content) = (model.view(), model.current_view().content);
    let Some(instance) = model.instance_mut() else { return };
    let version = instance.data.latest().and_then(|sample| sample.info.version());
    let are_entries_shown = matches!(content, Content::StickTables) && instance.queries.open_table.is_some();
    let queries = &mut instance.queries;
    let text = match (content, &mut queries.open_table) {
        (Content::Sessions, _) => {
            queries.grouping = SessionGrouping::next(queries.grouping, version);
            queries.open_group = None;
            let lacks_uris = queries.grouping == Some(SessionGrouping::Uri) && !queries.sessions_filter.with_uri;
            queries.sessions.is_scheduled = lacks_uris && queries.sessions.latest.is_some();
            queries.grouping.map_or_else(
                || "single sessions".to_owned(),
                |grouping| format!("sessions by {}; Enter shows those of a group", grouping.name()),
            )
        }
        (Content::StickTables, Some(open)) => {
            open.is_grouped = !open.is_grouped;
            open.open_group = None;
            if open.is_grouped { "entries by network (/24, /64), counters summed" } else { "single entries" }.to_owned()
        }
        (Content::StickTables, None) => "Enter opens a table, whose entries can be grouped".to_owned(),
        _ => return,
    };
    if matches!(content, Content::Sessions) || are_entries_shown {
        instance.view_cursors[view] = ListCursor::default();
    }
    query_lines::update_groups(model);
    model.notify(text, Role::Dim, now);
}

/// Filters the sessions by the row that was chosen in the previous view, unless the view has a filter that was typed.
/// Sessions that were listed for another filter are dropped. The view opens without groups, so that the first criterion
/// follows.
pub(crate) fn filter_by_row(model: &mut Model, row: Option<RowId>) {
    let view = model.view();
    if let Some(instance) = model.instance_mut() {
        (instance.queries.grouping, instance.queries.open_group) = (None, None);
    }
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
            queries.marks.clear();
        }
        queries.open_group = None;
        queries.row_filter = filter.clone();
        instance.view_cursors[view] = ListCursor::default();
    }
    model.view_settings[view].text_filter = filter;
}

/// Returns whether the lines of views 7 and 8 have several orders: sessions, groups, and entries with counters.
pub(crate) fn can_sort(model: &Model) -> bool {
    let Some(queries) = model.instance().map(|instance| &instance.queries) else { return false };
    match model.current_view().content {
        Content::Sessions => queries.sessions.latest.is_some(),
        Content::StickTables => {
            let entries = queries.open_table.as_ref().and_then(|open| open.entries.latest.as_ref());
            entries.is_some_and(|(entries, _)| entries.counters.len() > 1)
        }
        Content::Dashboard
        | Content::Table(_)
        | Content::Cli
        | Content::Events
        | Content::Problems
        | Content::Balancers
        | Content::Requests => false,
    }
}

/// Selects the next or previous sort order or counter.
pub(crate) fn sort_next(model: &mut Model, by: i32) {
    let content = model.current_view().content;
    let Some(instance) = model.instance_mut() else { return };
    let queries = &mut instance.queries;
    match content {
        Content::Sessions if queries.grouping.is_some() && queries.open_group.is_none() => {
            queries.is_oldest_group_first = !queries.is_oldest_group_first;
            query_lines::update_groups(model);
        }
        Content::Sessions => {
            let mut orders = vec![SessionOrder::Age, SessionOrder::Bytes, SessionOrder::State];
            // Only replies with all details contain bytes.
            let has_bytes = queries.sessions.latest.as_ref().is_some_and(|(sessions, _)| sessions.has_bytes());
            orders.retain(|order| *order != SessionOrder::Bytes || has_bytes);
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
            query_lines::update_groups(model);
        }
        Content::Dashboard
        | Content::Table(_)
        | Content::Cli
        | Content::Events
        | Content::Problems
        | Content::Balancers
        | Content::Requests => {}
    }
}
