//! UI commands that mark sessions in view 7. A group stands for its sessions.

use std::collections::HashSet;
use std::time::Duration;

use crate::actions::target_identity::SessionIdentity;
use crate::app::model::Model;
use crate::app::query_lines;
use crate::app::ui_commands::UiCommand;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::Session;
use crate::table::cell::Role;

/// Returns the sessions in the lines `from` to `to` of the view: those of the groups, or single ones. Connections to a
/// stats socket, such as the one that read the list, are left out of several lines and of groups.
fn sessions_of_lines(model: &Model, from: usize, to: usize) -> Vec<(SafeText, SessionIdentity)> {
    let Some(instance) = model.instance() else { return Vec::new() };
    let Some((_, at)) = &instance.queries.sessions.latest else { return Vec::new() };
    let (from, to) = (from.min(to), from.max(to));
    let marked = |session: &Session| (session.id.clone(), SessionIdentity::new(session, at.monotonic));
    if let Some(grouping) = query_lines::shown_grouping(model) {
        let groups = instance.queries.session_groups.get(from..=to.min(instance.queries.session_groups.len() - 1));
        let groups = groups.unwrap_or_default();
        let names: HashSet<_> = groups.iter().map(|group| group.name.as_str()).collect();
        let is_member = |session: &&Session| !session.is_cli() && names.contains(grouping.group_of(session).as_str());
        return query_lines::shown_sessions(model).filter(is_member).map(marked).collect();
    }
    let is_included = |session: &&Session| from == to || !session.is_cli();
    query_lines::shown_sessions(model).skip(from).take(to - from + 1).filter(is_included).map(marked).collect()
}

/// Marks or unmarks sessions and shows how many are marked.
pub(crate) fn change_marks(model: &mut Model, command: UiCommand, now: Duration) {
    let lines = query_lines::line_count(model);
    if lines == 0 {
        return model.notify("Enter lists the sessions first", Role::Dim, now);
    }
    if command == UiCommand::ToggleMarkRange && query_lines::shown_grouping(model).is_some() {
        let key = model.keymap.key_or_command(UiCommand::ToggleMark);
        return model.notify(format!("groups have no ranges; {key} marks a group"), Role::Dim, now);
    }
    let view = model.view();
    let Some(cursor) = model.instance().map(|instance| instance.view_cursors[view].index()) else { return };
    let selected = match command {
        UiCommand::MarkAllShown => sessions_of_lines(model, 0, lines - 1),
        UiCommand::ClearMarks => Vec::new(),
        _ => sessions_of_lines(model, cursor, cursor),
    };
    let start = model.instance().and_then(|instance| instance.queries.marks.range_start().cloned());
    let start = start.and_then(|id| query_lines::shown_sessions(model).position(|session| session.id == id));
    let range = start.map(|start| sessions_of_lines(model, start, cursor));
    let Some(instance) = model.instance_mut() else { return };
    let marks = &mut instance.queries.marks;
    match command {
        UiCommand::ClearMarks => _ = marks.clear(),
        UiCommand::MarkAllShown => marks.extend(selected),
        UiCommand::ToggleMarkRange if marks.range_start().is_some() => {
            marks.set_range_start(None);
            marks.extend(range.unwrap_or_default());
        }
        UiCommand::ToggleMarkRange => {
            marks.set_range_start(selected.first().map(|(id, _)| id.clone()));
            marks.extend(selected);
        }
        _ => {
            marks.toggle(selected);
            instance.view_cursors[view].follow_line((cursor + 1).min(lines - 1));
        }
    }
    let Some(instance) = model.instance() else { return };
    let marks = &instance.queries.marks;
    let key = |command| model.keymap.key_or_command(command);
    let text = match (marks.count(), marks.range_start().is_some()) {
        (0, _) => "no sessions are marked".to_owned(),
        (count, true) => {
            format!("{count} marked; {} on another line marks the range up to it", key(UiCommand::ToggleMarkRange))
        }
        (count, false) => {
            let [end, clear] = [UiCommand::RemoveLine, UiCommand::ClearMarks].map(key);
            format!("{count} marked: {end} ends them; {clear} or Esc removes all marks")
        }
    };
    model.notify(text, Role::Dim, now);
}
