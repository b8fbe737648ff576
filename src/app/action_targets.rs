//! The targets of an action: the marked rows, or else the row under the cursor, in their state at the key press.
//!
//! Enable, drain and maintenance on a backend apply to those of its servers whose state they would change.

use std::collections::HashSet;

use crate::actions::action_table::{Action, ActionCommand, CLEAR_ENTRY, END_SESSION, TargetKind, WEIGHT};
use crate::actions::intent::{ActionTarget, Intent};
use crate::actions::target_identity::SessionIdentity;
use crate::app::instance_view::InstanceView;
use crate::app::layers::Layer;
use crate::app::layout::Pane;
use crate::app::model::Model;
use crate::app::query_lines;
use crate::app::ui_commands::{CommandSpec, UiCommand};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state::AdminState;
use crate::haproxy::sessions::Session;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{TargetState, TargetWeight, WriteCommand};
use crate::instance::guard;
use crate::instance::refusal::Refusal;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::table::view_table::Content;

/// Returns whether a row can be marked. Only servers, frontends and backends with servers can, because other rows have no
/// actions.
pub(crate) fn can_be_marked(instance: &InstanceView, id: RowId) -> bool {
    let Some(sample) = instance.data.shown() else { return false };
    match sample.row(id).map(|row| row.kind) {
        Some(RowKind::Server | RowKind::Frontend) => true,
        Some(RowKind::Backend) => !servers_of(sample, id).is_empty(),
        Some(RowKind::Listener) | None => false,
    }
}

/// Returns the row indices of the servers of a backend; empty if the row is not a backend.
fn servers_of(sample: &Sample, id: RowId) -> &[usize] {
    let row = sample.rows.index_of(id).filter(|row| sample.table.rows()[*row].kind == RowKind::Backend);
    row.and_then(|row| sample.rows.backend_of(row)).map_or(&[], |backend| backend.servers.as_slice())
}

/// Returns the state that an action sets on servers; `None` if it applies to single servers only.
fn state_to_set(action: &Action) -> Option<TargetState> {
    match action.command {
        ActionCommand::Fixed(WriteCommand::State(state)) => Some(state),
        _ => None,
    }
}

/// Returns whether setting a state would change a server of this status, whose administrative state may be known. A drain
/// does not apply to servers in maintenance, because it would end the maintenance.
fn would_change(state: TargetState, status: &str, admin: Option<AdminState>) -> bool {
    // Maintenance inherited from a tracked server, or set by the DNS resolution, is not ended by an enable.
    let is_inherited = status.contains('(');
    match (state, RowState::parse(status)) {
        (TargetState::Ready, RowState::Maint) => !is_inherited,
        (TargetState::Ready, RowState::Drain) => true,
        (TargetState::Ready, _) => admin.is_some_and(|admin| !admin.is_ready()),
        (TargetState::Drain | TargetState::Maint, RowState::Maint) | (TargetState::Drain, RowState::Drain) => false,
        (TargetState::Drain, _) => admin.is_none_or(AdminState::is_ready),
        (TargetState::Maint, _) => true,
    }
}

/// Returns whether an action would change a target: an action that sets a state may have nothing to change.
pub(crate) fn would_change_target(action: &Action, target: &ActionTarget) -> bool {
    let change = |state| would_change(state, target.seen_status.as_str(), target.identity.admin);
    state_to_set(action).is_none_or(change)
}

/// Returns whether setting a state would change a server of an instance, or one of the servers that were merged.
fn would_change_any(instance: &InstanceView, state: TargetState, target: &ActionTarget) -> bool {
    let parts = instance.data.merged_rows().and_then(|merged| merged.row(target.id));
    match parts {
        Some(row) => {
            row.parts.iter().filter_map(|part| part.status.as_deref()).any(|text| would_change(state, text, None))
        }
        None => would_change(state, target.seen_status.as_str(), target.identity.admin),
    }
}

/// Returns the servers of a backend whose state an action would change.
///
/// # Errors
/// Returns an error if no server would change, the row is not a backend, or the action applies to single servers only.
fn backend_targets(instance: &InstanceView, id: RowId, action: &'static Action) -> Result<Vec<ActionTarget>, Refusal> {
    let wrong = || Refusal::WrongTarget(action.target_kind.description());
    let sample = instance.data.latest().ok_or(Refusal::NotConnected)?;
    let (state, servers) = (state_to_set(action).ok_or_else(wrong)?, servers_of(sample, id));
    let Some(backend) = sample.row(id).filter(|_| !servers.is_empty()) else { return Err(wrong()) };
    let targets = servers.iter().filter_map(|row| instance.data.target(sample.rows.ids()[*row]));
    let targets: Vec<ActionTarget> = targets.filter(|target| would_change_any(instance, state, target)).collect();
    if targets.is_empty() {
        let state = match state {
            TargetState::Ready => "is in maintenance or drain",
            TargetState::Drain => "can be drained: all are in drain or maintenance",
            TargetState::Maint => "is out of maintenance",
        };
        return Err(Refusal::NoServerToChange { backend: backend.proxy.to_string(), state });
    }
    Ok(targets)
}

/// Checks whether an action has targets, without building them for each server of a large backend.
/// Sessions are not searched: a view may have many of them.
fn check_targets(model: &Model, action: &'static Action) -> Result<(), Refusal> {
    if action.target_kind == TargetKind::Session {
        let has_targets = |instance: &InstanceView| {
            matches!(model.current_view().content, Content::Sessions)
                && instance.data.latest().is_some()
                && (instance.queries.marks.count() > 0 || query_lines::line_count(model) > 0)
        };
        let has_targets = model.instance().is_some_and(has_targets);
        return if has_targets { Ok(()) } else { Err(explain_selection(model, action.target_kind)) };
    }
    let has_change = |instance: &InstanceView| {
        let sample = instance.data.latest()?;
        let is_single = instance.selection.marked_count() == 0 && instance.data.merged_rows().is_none();
        let state = state_to_set(action).filter(|_| is_single)?;
        let servers = servers_of(sample, model.focused_row()?);
        let status = |row: &usize| sample.table.rows()[*row].status();
        Some(servers.iter().any(|row| would_change(state, status(row), None)))
    };
    match model.instance().and_then(has_change) {
        Some(true) => Ok(()),
        _ => find_targets(model, action).map(drop),
    }
}

/// Returns whether the key of an action would apply to a row: the row has the focus, and nothing else is marked.
pub(crate) fn applies_to(model: &Model, action: &'static Action, row: RowId) -> bool {
    let has_focus = |instance| uses_focused_row(model, instance) && model.focused_row() == Some(row);
    let is_target = action.target_kind == TargetKind::Process || model.instance().is_some_and(has_focus);
    is_target && check_targets(model, action).is_ok()
}

/// Returns the rows of the view shown, in the order of the view.
pub(crate) fn shown_rows(model: &Model) -> Vec<RowId> {
    let Some(instance) = model.instance() else { return Vec::new() };
    match model.current_view().content {
        Content::Dashboard => instance.lists.rows(model.focus).to_vec(),
        Content::Table(_) => instance.table_lines().iter().map(|line| line.id).collect(),
        Content::Cli
        | Content::Sessions
        | Content::StickTables
        | Content::Events
        | Content::Problems
        | Content::Balancers
        | Content::Requests => Vec::new(),
    }
}

/// Checks whether a UI command can be used now, without the checks that read all rows.
///
/// # Errors
/// Returns the reason if the command cannot be used, for the bottom line, the action menu and the help.
pub(crate) fn check_available(model: &Model, command: &CommandSpec) -> Result<(), Refusal> {
    let check = |action| model.check_allowed(action).and_then(|()| check_targets(model, action));
    match command.ui_command {
        UiCommand::StartAction(action) => check(action),
        UiCommand::ChangeWeight(_) => check(&WEIGHT),
        UiCommand::RemoveLine => check(line_action(model.current_view().content)),
        UiCommand::StartActionEverywhere(action) => {
            model.check_allowed(action).and_then(|()| find_targets_everywhere(model)).map(drop)
        }
        _ => Ok(()),
    }
}

/// Returns the action that removes the selected line of a view: an entry of a stick table, or a session.
pub(crate) fn line_action(content: Content) -> &'static Action {
    match content {
        Content::StickTables => &CLEAR_ENTRY,
        Content::Sessions
        | Content::Dashboard
        | Content::Table(_)
        | Content::Cli
        | Content::Events
        | Content::Problems
        | Content::Balancers
        | Content::Requests => &END_SESSION,
    }
}

/// Checks what [`check_available`] checks, and every condition of the guard, which reads all rows.
///
/// # Errors
/// Returns the reason if the command cannot be used.
pub(crate) fn check_with_guard(model: &Model, command: &CommandSpec) -> Result<(), Refusal> {
    check_available(model, command)?;
    let (UiCommand::StartAction(action), Some(instance)) = (command.ui_command, model.instance()) else {
        return Ok(());
    };
    let write_command = match action.command {
        ActionCommand::Fixed(write_command) => write_command,
        ActionCommand::AskWeight => WriteCommand::Weight(TargetWeight::Absolute(1)),
        // The limit is not known yet; the guard checks the action after the limit was typed.
        ActionCommand::AskLimit => return Ok(()),
    };
    let intent = Intent::new(action, write_command, instance.id(), find_targets(model, action)?);
    guard::check_intent(&intent, &instance.data).map(drop)
}

/// Returns the targets that an action would have now.
///
/// # Errors
/// Returns an error if no suitable row is selected or marked rows are of another kind.
pub(crate) fn find_targets(model: &Model, action: &'static Action) -> Result<Vec<ActionTarget>, Refusal> {
    let instance = model.instance().ok_or(Refusal::NotConnected)?;
    let wrong_target = || explain_selection(model, action.target_kind);
    match action.target_kind {
        TargetKind::Server if has_backend(model, instance, action) => find_servers(model, instance, action),
        TargetKind::Server | TargetKind::Frontend => {
            let kind = if action.target_kind == TargetKind::Server { RowKind::Server } else { RowKind::Frontend };
            let sample = instance.data.latest().ok_or(Refusal::NotConnected)?;
            if uses_focused_row(model, instance) {
                let selected = model.focused_row().and_then(|id| row_target(instance, id, kind));
                return selected.map(|target| vec![target]).ok_or_else(wrong_target);
            }
            // In HAProxy's order, not in the order of marking.
            let marked = sample.rows.ids().iter().filter(|id| instance.selection.contains(**id));
            let targets: Option<Vec<ActionTarget>> = marked.map(|id| row_target(instance, *id, kind)).collect();
            targets.ok_or(Refusal::WrongSelection(action.target_kind.description()))
        }
        TargetKind::Session => {
            let is_there = matches!(model.current_view().content, Content::Sessions);
            let (list, at) = instance.queries.sessions.latest.as_ref().filter(|_| is_there).ok_or_else(wrong_target)?;
            let sample = instance.data.latest().ok_or(Refusal::NotConnected)?;
            let targets = selected_sessions(model, instance, &list.list).into_iter().map(|session| {
                let target = ActionTarget::without_row(SafeText::default(), session.id.clone());
                let mut target = target.in_process(sample);
                target.identity.session = Some(SessionIdentity::new(session, at.monotonic));
                target
            });
            Some(targets.collect()).filter(|targets: &Vec<_>| !targets.is_empty()).ok_or_else(wrong_target)
        }
        TargetKind::TableEntry => {
            let is_there = matches!(model.current_view().content, Content::StickTables);
            let open = instance.queries.open_table.as_ref().filter(|_| is_there).ok_or_else(wrong_target)?;
            if query_lines::are_entries_grouped(model) {
                return Err(Refusal::NotSelected("Enter lists the entries; select one"));
            }
            let entry = query_lines::shown_entries(model)
                .nth(instance.view_cursors[model.view()].index())
                .ok_or_else(wrong_target)?;
            let sample = instance.data.latest().ok_or(Refusal::NotConnected)?;
            Ok(vec![ActionTarget::without_row(open.name.clone(), entry.key.clone()).in_process(sample)])
        }
        TargetKind::Process => {
            let sample = instance.data.latest().ok_or(Refusal::NotConnected)?;
            Ok(vec![ActionTarget::without_row(SafeText::default(), SafeText::default()).in_process(sample)])
        }
    }
}

/// Returns the marked sessions, or else those of the group under the cursor, or else the session under the cursor.
/// Connections to a stats socket, such as the one that read the list, are ended only one at a time.
fn selected_sessions<'a>(model: &'a Model, instance: &'a InstanceView, list: &'a [Session]) -> Vec<&'a Session> {
    let (marks, index) = (&instance.queries.marks, instance.view_cursors[model.view()].index());
    if marks.count() > 0 {
        return list.iter().filter(|session| marks.contains(&session.id)).collect();
    }
    let Some(grouping) = query_lines::shown_grouping(model) else {
        return query_lines::shown_sessions(model).nth(index).into_iter().collect();
    };
    let Some(group) = instance.queries.session_groups.get(index) else { return Vec::new() };
    let is_member = |session: &&Session| !session.is_cli() && grouping.group_of(session) == group.name;
    query_lines::shown_sessions(model).filter(is_member).collect()
}

/// Returns whether an action that sets the state of servers applies to a backend: one under the cursor, or a marked one.
fn has_backend(model: &Model, instance: &InstanceView, action: &'static Action) -> bool {
    let Some(sample) = instance.data.latest().filter(|_| state_to_set(action).is_some()) else { return false };
    let is_backend = |id: RowId| !servers_of(sample, id).is_empty();
    if uses_focused_row(model, instance) {
        return model.focused_row().is_some_and(is_backend);
    }
    instance.selection.rows().any(is_backend)
}

/// Returns whether an action applies to the row of the detail page or under the cursor, and not to marked rows.
fn uses_focused_row(model: &Model, instance: &InstanceView) -> bool {
    instance.selection.marked_count() == 0 || model.layers.iter().any(|layer| matches!(layer, Layer::Detail(..)))
}

/// Returns the marked servers and those of the marked backends, or the servers of the backend under the cursor.
fn find_servers(model: &Model, instance: &InstanceView, action: &'static Action) -> Result<Vec<ActionTarget>, Refusal> {
    if uses_focused_row(model, instance) {
        let row = model.focused_row().ok_or_else(|| explain_selection(model, action.target_kind))?;
        return backend_targets(instance, row, action);
    }
    let sample = instance.data.latest().ok_or(Refusal::NotConnected)?;
    let mut targets: Vec<ActionTarget> = Vec::new();
    let mut unchanged = None;
    // In HAProxy's order, not in the order of marking.
    for id in sample.rows.ids().iter().filter(|id| instance.selection.contains(**id)) {
        let row_targets = match row_target(instance, *id, RowKind::Server) {
            Some(server) => Ok(vec![server]),
            None => backend_targets(instance, *id, action),
        };
        match row_targets {
            Ok(servers) => targets.extend(servers),
            Err(Refusal::WrongTarget(description)) => return Err(Refusal::WrongSelection(description)),
            Err(refusal) => unchanged = Some(refusal),
        }
    }
    // A server may be marked as well as its backend.
    let mut known = HashSet::new();
    targets.retain(|target| known.insert(target.id));
    match unchanged.filter(|_| targets.is_empty()) {
        Some(refusal) => Err(refusal),
        None => Ok(targets),
    }
}

/// Returns the kind of rows that a command acts on; `None` if it does not act on servers or frontends.
pub(crate) fn kind_of_rows(command: &CommandSpec) -> Option<RowKind> {
    let UiCommand::StartAction(action) = command.ui_command else { return None };
    match action.target_kind {
        TargetKind::Server => Some(RowKind::Server),
        TargetKind::Frontend => Some(RowKind::Frontend),
        TargetKind::Session | TargetKind::TableEntry | TargetKind::Process => None,
    }
}

/// Returns the row that a name in the palette means. If a frontend and a backend have the same name, `prefers` decides.
pub(crate) fn find_named(model: &Model, name: &str, prefers: RowKind) -> Option<RowId> {
    let sample = model.instance()?.data.shown()?;
    let mut rows: Vec<(RowKind, RowId)> = Vec::new();
    for (row, id) in sample.table.rows().iter().zip(sample.rows.ids()) {
        if row.kind != RowKind::Listener && row.name_parts().concat() == name {
            rows.push((row.kind, *id));
        }
    }
    rows.iter().find(|(kind, _)| *kind == prefers).or_else(|| rows.first()).map(|(_, id)| *id)
}

/// Returns the targets that an action has on the rows of these names.
///
/// # Errors
/// Returns an error if a name belongs to no row, or the action does not apply to it.
pub(crate) fn find_named_targets(
    model: &Model,
    action: &'static Action,
    names: &[String],
) -> Result<Vec<ActionTarget>, Refusal> {
    let instance = model.instance().ok_or(Refusal::NotConnected)?;
    let is_frontend = action.target_kind == TargetKind::Frontend;
    let kind = if is_frontend { RowKind::Frontend } else { RowKind::Server };
    let prefers = if is_frontend { RowKind::Frontend } else { RowKind::Backend };
    let mut targets: Vec<ActionTarget> = Vec::new();
    for name in names {
        let id = find_named(model, name, prefers).ok_or_else(|| Refusal::UnknownRow(name.clone()))?;
        match row_target(instance, id, kind) {
            Some(target) => targets.push(target),
            None => targets.extend(backend_targets(instance, id, action)?),
        }
    }
    let mut known = HashSet::new();
    targets.retain(|target| known.insert(target.id));
    Ok(targets)
}

/// Returns the refusal that explains how to select a target of this kind in the view shown.
fn explain_selection(model: &Model, kind: TargetKind) -> Refusal {
    let has_lines = query_lines::line_count(model) > 0;
    match (kind, model.current_view().content) {
        (TargetKind::Server, Content::Dashboard) if model.focus != Pane::Servers => {
            Refusal::NotSelected("Tab to the servers, and select one")
        }
        (TargetKind::Session, Content::Sessions) if has_lines => Refusal::NotSelected("select a session first"),
        (TargetKind::Session, Content::Sessions) => Refusal::NotSelected("Enter lists the sessions first"),
        (TargetKind::TableEntry, Content::StickTables) if has_lines => {
            Refusal::NotSelected("Enter opens the table; select an entry")
        }
        (TargetKind::TableEntry, Content::StickTables) => Refusal::NotSelected("Enter lists the stick tables first"),
        _ => Refusal::WrongTarget(kind.description()),
    }
}

/// Returns the servers of all backends that have the selected server's name, the selected one first.
///
/// # Errors
/// Returns an error if no server is selected.
pub(crate) fn find_targets_everywhere(model: &Model) -> Result<Vec<ActionTarget>, Refusal> {
    let wrong_target = || explain_selection(model, TargetKind::Server);
    let instance = model.instance().ok_or(Refusal::NotConnected)?;
    let sample = instance.data.latest().ok_or(Refusal::NotConnected)?;
    let selected = row_target(instance, model.focused_row().ok_or_else(wrong_target)?, RowKind::Server)
        .ok_or_else(wrong_target)?;
    let others = sample.rows.ids().iter().filter_map(|id| row_target(instance, *id, RowKind::Server));
    let same_name = others.filter(|other| other.name == selected.name && other.id != selected.id);
    Ok(std::iter::once(selected.clone()).chain(same_name.collect::<Vec<_>>()).collect())
}

/// Returns a row as a target in its current state, or `None` if it is of another kind or no longer exists.
pub(crate) fn row_target(instance: &InstanceView, id: RowId, kind: RowKind) -> Option<ActionTarget> {
    instance.data.latest()?.row(id).filter(|row| row.kind == kind)?;
    instance.data.target(id)
}

/// Extends an open range of marks to the row under the cursor.
pub(crate) fn extend_open_range(model: &mut Model) {
    if !model.instance().is_some_and(|instance| instance.selection.has_open_range()) {
        return;
    }
    let (list, selected) = (shown_rows(model), model.focused_row());
    let (Some(instance), Some(selected)) = (model.instance_mut(), selected) else { return };
    let mut selection = std::mem::take(&mut instance.selection);
    selection.extend_range_to(selected, &list, |id| can_be_marked(instance, id));
    instance.selection = selection;
}
