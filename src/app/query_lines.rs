//! The lines of views 7 and 8: sessions, stick tables, their entries, and groups of them.

use crate::app::dashboard_lists::ListCursor;
use crate::app::model::Model;
use crate::app::query_filters;
use crate::app::session_groups::{self, SessionGrouping};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::Session;
use crate::haproxy::stick_tables::{DataFilter, StickTable, TableEntry};
use crate::table::view_table::Content;

/// Returns the sessions that pass the filter and belong to the open group, in sort order.
pub fn shown_sessions(model: &Model) -> impl Iterator<Item = &Session> {
    let text_filter = model.text_filter();
    let (filter, rest) = (query_filters::session_filter(text_filter), query_filters::session_words(text_filter));
    let queries = model.instance().map(|instance| &instance.queries);
    let group = queries.and_then(|queries| Some((queries.grouping?, queries.open_group.as_deref()?)));
    let list = queries.and_then(|queries| Some(&queries.sessions.latest.as_ref()?.0.list));
    list.into_iter().flatten().filter(move |session| {
        filter.matches(session)
            && (rest.is_empty() || rest.matches(session.line.as_str()))
            && group.is_none_or(|(grouping, name)| grouping.group_of(session) == name)
    })
}

/// Returns the stick tables that pass the filter.
pub(crate) fn shown_stick_tables(model: &Model) -> impl Iterator<Item = &StickTable> {
    let text_filter = &model.view_settings[model.view()].text_filter;
    let list = model.instance().and_then(|instance| Some(&instance.queries.tables.latest.as_ref()?.0.list));
    list.into_iter().flatten().filter(move |table| text_filter.matches(table.name.as_str()))
}

/// Returns the entries of the open stick table that pass the filter and belong to the open group, in sort order.
pub fn shown_entries(model: &Model) -> impl Iterator<Item = &TableEntry> {
    let open = model.instance().and_then(|instance| instance.queries.open_table.as_ref());
    let shown = open.and_then(|open| {
        let conditions: Vec<DataFilter> = query_filters::entry_conditions(&open.text_filter).collect();
        let words = query_filters::entry_words(&open.text_filter);
        Some((&open.entries.latest.as_ref()?.0, conditions, words, open.open_group.as_deref()))
    });
    shown.into_iter().flat_map(|(entries, conditions, words, group)| {
        let is_shown = move |entry: &&TableEntry| {
            conditions.iter().all(|condition| entries.matches(entry, condition))
                && words.matches(entry.key.as_str())
                && group.is_none_or(|group| session_groups::network_of_key(&entry.key) == group)
        };
        entries.list.iter().filter(is_shown)
    })
}

/// Returns what the lines of the sessions view are grouped by, or `None` if the lines are sessions.
pub(crate) fn shown_grouping(model: &Model) -> Option<SessionGrouping> {
    let queries = &model.instance().filter(|_| matches!(model.current_view().content, Content::Sessions))?.queries;
    queries.grouping.filter(|_| queries.open_group.is_none() && queries.sessions.latest.is_some())
}

/// Returns whether the lines of the stick table view are groups of entries.
pub(crate) fn are_entries_grouped(model: &Model) -> bool {
    let open = model.instance().and_then(|instance| instance.queries.open_table.as_ref());
    matches!(model.current_view().content, Content::StickTables)
        && open.is_some_and(|open| open.is_grouped && open.open_group.is_none() && open.entries.latest.is_some())
}

/// Returns the number of lines of the view shown.
pub(crate) fn line_count(model: &Model) -> usize {
    let Some(queries) = model.instance().map(|instance| &instance.queries) else { return 0 };
    match (model.current_view().content, &queries.open_table) {
        (Content::Sessions, _) if shown_grouping(model).is_some() => queries.session_groups.len(),
        (Content::Sessions, _) => shown_sessions(model).count(),
        (Content::StickTables, Some(open)) if are_entries_grouped(model) => open.groups.len(),
        (Content::StickTables, Some(_)) => shown_entries(model).count(),
        (Content::StickTables, None) => shown_stick_tables(model).count(),
        _ => 0,
    }
}

/// Computes the groups of the view shown again if its filter changed.
pub(crate) fn update_filtered_groups(model: &mut Model) {
    let built_for = model.instance().and_then(|instance| instance.queries.groups_filter.as_ref());
    if built_for != Some(model.text_filter()) {
        update_groups(model);
    }
}

/// Computes the groups of the view shown again, after its reply, its filter or its order changed.
pub(crate) fn update_groups(model: &mut Model) {
    let session_groups = shown_grouping(model).map(|grouping| {
        let is_oldest_first = model.instance().is_some_and(|instance| instance.queries.is_oldest_group_first);
        session_groups::group_sessions(shown_sessions(model), grouping, is_oldest_first)
    });
    let open = model.instance().and_then(|instance| instance.queries.open_table.as_ref());
    let entries = open.filter(|_| are_entries_grouped(model)).and_then(|open| {
        let (entries, _) = open.entries.latest.as_ref()?;
        Some(session_groups::group_entries(shown_entries(model), &entries.counters, open.sort))
    });
    let filter = model.text_filter().clone();
    let Some(instance) = model.instance_mut() else { return };
    instance.queries.groups_filter = Some(filter);
    if let Some(groups) = session_groups {
        instance.queries.session_groups = groups;
    }
    if let (Some(groups), Some(open)) = (entries, &mut instance.queries.open_table) {
        open.groups = groups;
    }
}

/// Shows the lines of the group under the cursor. Returns false if the line is not a group.
pub(crate) fn open_group(model: &mut Model) -> bool {
    let view = model.view();
    let (is_sessions, are_entries) = (shown_grouping(model).is_some(), are_entries_grouped(model));
    let Some(instance) = model.instance_mut() else { return false };
    let (cursor, queries) = (instance.view_cursors[view].index(), &mut instance.queries);
    if is_sessions {
        queries.open_group = queries.session_groups.get(cursor).map(|group| group.name.clone());
    } else if let Some(open) = queries.open_table.as_mut().filter(|_| are_entries) {
        open.open_group = open.groups.get(cursor).map(|group| group.name.clone());
    } else {
        return false;
    }
    instance.view_cursors[view] = ListCursor::default();
    true
}

/// Shows the groups again, with the cursor on the group that was open. Returns false if no group is open.
pub(crate) fn close_group(model: &mut Model) -> bool {
    let (view, content) = (model.view(), model.current_view().content);
    let Some(instance) = model.instance_mut() else { return false };
    let queries = &mut instance.queries;
    let closed = match (content, &mut queries.open_table) {
        (Content::Sessions, _) => queries.open_group.take(),
        (Content::StickTables, Some(open)) => open.open_group.take(),
        _ => None,
    };
    let Some(name) = closed else { return false };
    instance.view_cursors[view] = ListCursor::default();
    update_groups(model);
    select_line(model, &SelectedLine::Group(name));
    true
}

/// The content of the line under the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SelectedLine {
    /// The session with this number.
    Session(SafeText),
    /// The entry with this key.
    Entry(SafeText),
    /// The group with this name.
    Group(String),
}

/// Returns what the line under the cursor shows. `None` for the first line, which stays the first one, and for stick
/// tables.
pub(crate) fn selected_line(model: &Model) -> Option<SelectedLine> {
    let instance = model.instance()?;
    let cursor = instance.view_cursors[model.view()].index();
    let queries = &instance.queries;
    match (model.current_view().content, &queries.open_table) {
        _ if cursor == 0 => None,
        (Content::Sessions, _) if shown_grouping(model).is_some() => {
            queries.session_groups.get(cursor).map(|group| SelectedLine::Group(group.name.clone()))
        }
        (Content::Sessions, _) => {
            shown_sessions(model).nth(cursor).map(|session| SelectedLine::Session(session.id.clone()))
        }
        (Content::StickTables, Some(open)) if are_entries_grouped(model) => {
            open.groups.get(cursor).map(|group| SelectedLine::Group(group.name.clone()))
        }
        (Content::StickTables, Some(_)) => {
            shown_entries(model).nth(cursor).map(|entry| SelectedLine::Entry(entry.key.clone()))
        }
        _ => None,
    }
}

/// Moves the cursor to a line, if it is shown.
pub(crate) fn select_line(model: &mut Model, line: &SelectedLine) {
    let Some(queries) = model.instance().map(|instance| &instance.queries) else { return };
    let index = match (line, &queries.open_table) {
        (SelectedLine::Session(id), _) => shown_sessions(model).position(|session| session.id == *id),
        (SelectedLine::Entry(key), _) => shown_entries(model).position(|entry| entry.key == *key),
        (SelectedLine::Group(name), Some(open)) if are_entries_grouped(model) => {
            open.groups.iter().position(|group| group.name == *name)
        }
        (SelectedLine::Group(name), _) => queries.session_groups.iter().position(|group| group.name == *name),
    };
    let view = model.view();
    if let (Some(index), Some(instance)) = (index, model.instance_mut()) {
        instance.view_cursors[view].follow_line(index);
    }
}
