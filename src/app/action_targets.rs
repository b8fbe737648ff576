//! What an act would be about: the marked rows, else the selected one, as they are at the key press.

use crate::actions::action_table::{Action, Gives, Subject, WEIGHT};
use crate::actions::intent::{Intent, Target};
use crate::app::commands::{CommandSpec, UiCommand};
use crate::app::layers::Layer;
use crate::app::model::{InstanceView, Model};
use crate::app::queries;
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::write_command::{WriteCommand, Weight};
use crate::instance::guard::Refusal;
use crate::observe::row_ids::RowId;
use crate::table::view_table::Content;

/// Whether a row can be marked: servers and frontends can be acted on.
pub fn can_be_marked(instance: &InstanceView, id: RowId) -> bool {
    let row = instance.watch.newest().and_then(|sample| sample.row(id));
    row.is_some_and(|row| matches!(row.kind, RowKind::Server | RowKind::Frontend))
}

/// The rows that the view shows, in its order.
pub fn shown(model: &Model) -> Vec<RowId> {
    let Some(instance) = model.instance() else { return Vec::new() };
    match model.shown().content {
        Content::Dashboard => instance.ids(model.focus),
        Content::Table(_) => instance.lines.iter().map(|line| line.id).collect(),
        _ => Vec::new(),
    }
}

/// Whether pressing the key of an action would do something now.
///
/// # Errors
/// Why not: said in the bottom line, in the menu of acts and in the help.
pub fn can(model: &Model, action: &CommandSpec) -> Result<(), Refusal> {
    let on = |act| model.allows(act).and_then(|()| of(model, act)).map(drop);
    match action.run {
        UiCommand::Act(act) => on(act),
        UiCommand::Weigh(_) => on(&WEIGHT),
        UiCommand::Everywhere(act) => model.allows(act).and_then(|()| everywhere(model)).map(drop),
        _ => Ok(()),
    }
}

/// The same, with all that the guard would say of it: looks at every row.
///
/// # Errors
/// Why not.
pub fn check(model: &Model, action: &CommandSpec) -> Result<(), Refusal> {
    can(model, action)?;
    let (UiCommand::Act(act), Some(instance)) = (action.run, model.instance()) else { return Ok(()) };
    let order = match act.gives {
        Gives::Order(order) => order,
        Gives::Weight => WriteCommand::Weight(Weight::Absolute(1)),
        // What the limit will be is not known yet: the guard looks at it when it is.
        Gives::Limit => return Ok(()),
    };
    model.guard.check(&Intent::new(act, order, model.current, of(model, act)?), &instance.watch).map(drop)
}

/// What this act would be about now.
///
/// # Errors
/// When nothing fitting is selected.
pub fn of(model: &Model, act: &'static Action) -> Result<Vec<Target>, Refusal> {
    let instance = model.instance().ok_or(Refusal::NoLink)?;
    let none = || Refusal::NoSubject(act.subject.name());
    match act.subject {
        Subject::Server | Subject::Frontend => {
            let kind = if act.subject == Subject::Server { RowKind::Server } else { RowKind::Frontend };
            let is_detail = model.layers.iter().any(|layer| matches!(layer, Layer::Detail(..)));
            let sample = instance.watch.newest().ok_or(Refusal::NoLink)?;
            if instance.marks.count() == 0 || is_detail {
                let selected = model.selected().and_then(|id| row(instance, id, kind));
                return selected.map(|target| vec![target]).ok_or_else(none);
            }
            // In HAProxy's order, whatever they were marked in.
            let marked = sample.rows.ids().iter().filter(|id| instance.marks.has(**id));
            let targets: Option<Vec<Target>> = marked.map(|id| row(instance, *id, kind)).collect();
            targets.ok_or(Refusal::OtherMarked(act.subject.name()))
        }
        Subject::Session => {
            let place = instance.places[model.view].place();
            let is_there = matches!(model.shown().content, Content::Sessions);
            let session = queries::sessions(model).nth(place).filter(|_| is_there).ok_or_else(none)?;
            Ok(vec![Target::beside_rows(SafeText::default(), session.id.clone())])
        }
        Subject::Entry => {
            let is_there = matches!(model.shown().content, Content::StickTables);
            let open = instance.asked.open_table.as_ref().filter(|_| is_there).ok_or_else(none)?;
            let entry = queries::entries(model).nth(instance.places[model.view].place()).ok_or_else(none)?;
            Ok(vec![Target::beside_rows(open.name.clone(), entry.key.clone())])
        }
        Subject::Process => Ok(vec![Target::beside_rows(SafeText::default(), SafeText::default())]),
    }
}

/// The server of the selected row's name in every backend, the selected one first.
///
/// # Errors
/// When no server is selected.
pub fn everywhere(model: &Model) -> Result<Vec<Target>, Refusal> {
    let none = || Refusal::NoSubject(Subject::Server.name());
    let instance = model.instance().ok_or(Refusal::NoLink)?;
    let sample = instance.watch.newest().ok_or(Refusal::NoLink)?;
    let own = row(instance, model.selected().ok_or_else(none)?, RowKind::Server).ok_or_else(none)?;
    let others = sample.rows.ids().iter().filter_map(|id| row(instance, *id, RowKind::Server));
    let same = others.filter(|other| other.name == own.name && other.id != own.id);
    Ok(std::iter::once(own.clone()).chain(same.collect::<Vec<_>>()).collect())
}

/// A row as a target, as it is now; nothing when it is of another kind or gone.
pub fn row(instance: &InstanceView, id: RowId, kind: RowKind) -> Option<Target> {
    let sample = instance.watch.newest()?;
    let row = sample.row(id).filter(|row| row.kind == kind)?;
    let seen = instance.watch.status(id).unwrap_or_default();
    Some(Target { id, proxy: row.proxy.clone(), name: row.name.clone(), iid: sample.number(id, Field::Iid), seen })
}

/// Forgets what was chosen for rows that HAProxy does not list any more: names may come and go for months.
pub fn settle(instance: &mut InstanceView) {
    let Some(sample) = instance.watch.live().map(std::sync::Arc::clone) else { return };
    let is_there = |id: RowId| sample.rows.index(id).is_some();
    instance.marks.retain(is_there);
    instance.declined.retain(|id| is_there(*id));
    instance.folded.retain(|id| is_there(*id));
}

/// The selection may have moved: an open range of marks reaches to it.
pub fn stretch(model: &mut Model) {
    if !model.instance().is_some_and(|instance| instance.marks.has_range()) {
        return;
    }
    let (list, selected) = (shown(model), model.selected());
    let (Some(instance), Some(selected)) = (model.instance_mut(), selected) else { return };
    let mut marks = std::mem::take(&mut instance.marks);
    marks.stretch(selected, &list, |id| can_be_marked(instance, id));
    instance.marks = marks;
}
