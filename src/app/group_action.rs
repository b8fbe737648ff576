//! One action on several balancers. A question about servers or frontends that other balancers have too can be extended to
//! all of them, and an undo of such an action is about all of them again. The balancers are changed one after the other, and
//! the first failure stops the run.

use std::collections::VecDeque;
use std::time::Duration;

use crate::actions::action_table::TargetKind;
use crate::actions::capacity::Capacity;
use crate::actions::impact::BackendImpact;
use crate::actions::intent::{Intent, IntentPurpose, IntentStep};
use crate::actions::outcome::ActionReport;
use crate::app::action_summary;
use crate::app::action_targets;
use crate::app::confirmation::{Confirmation, GroupPart};
use crate::app::group_run::GroupRun;
use crate::app::instance_view::InstanceView;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::server_effects::{self, list_names};
use crate::app::undo_changes;
use crate::fleet::merged;
use crate::fleet::other_addresses;
use crate::fleet::same_process;
use crate::fleet::total_capacity::TotalCapacity;
use crate::instance::guard::{self, Authorised, ConfirmationAnswer};
use crate::instance::refusal::Refusal;
use crate::observe::instance_id::InstanceId;
use crate::observe::sample::Sample;
use crate::table::cell::Role;
use crate::units::pluralize;

/// Returns the action of an intent on each other balancer that has one of its targets or, for an undo, that was changed by
/// the same action.
pub(crate) fn find_others(model: &Model, intent: &Intent, now: Duration) -> Vec<GroupPart> {
    let own = model.instance_by_id(intent.instance).and_then(|own| own.data.latest());
    let part = |other: &InstanceView| {
        let found = match intent.purpose {
            IntentPurpose::Requested => twin_intent(intent, own?, other)?,
            IntentPurpose::Undo => {
                let entry = model.undo.in_same_group(intent, &other.data)?;
                entry.present_intent(&other.data, now).map_err(|refusal| refusal.to_string())
            }
            IntentPurpose::Reapply => return None,
        };
        let found = match earlier_twin_of(model, intent.instance, other.id()) {
            Some(twin) => Err(format!("it is the same HAProxy as {}", name_of(model, twin))),
            None => found,
        };
        let prepared = found.and_then(|found| {
            let found = Intent { reason: intent.reason.clone(), ..found };
            guard::prepare_question(found, &other.data).map_err(|refusal| refusal.to_string())
        });
        Some(GroupPart { instance: other.id(), prepared })
    };
    let is_asked = |other: &&InstanceView| {
        let is_requested = intent.requested_for.is_empty() || intent.requested_for.contains(&other.id());
        other.id() != intent.instance && is_requested
    };
    model.instances.iter().filter(is_asked).filter_map(part).collect()
}

/// Returns the balancer of a question that is the same process as this one and comes before it. The balancer shown comes
/// first.
fn earlier_twin_of(model: &Model, shown: InstanceId, id: InstanceId) -> Option<InstanceId> {
    let others = model.instances.iter().map(InstanceView::id).filter(|other| *other != shown);
    let ids: Vec<InstanceId> = std::iter::once(shown).chain(others).collect();
    let latest = |id: &InstanceId| model.instance_by_id(*id)?.data.latest().map(|sample| &**sample);
    let samples: Vec<Option<&Sample>> = ids.iter().map(latest).collect();
    let twin = same_process::earlier_twin(&samples, ids.iter().position(|known| *known == id)?)?;
    Some(ids[twin])
}

/// Returns the same action on another balancer, or why it has no effect there; `None` if that balancer has none of the
/// targets. Rows of different kinds or modes are not the same, even if they have the same name.
fn twin_intent(intent: &Intent, own: &Sample, other: &InstanceView) -> Option<Result<Intent, String>> {
    let sample = other.data.latest()?;
    let (mut steps, mut missing, mut unchanged) = (Vec::new(), Vec::new(), 0);
    for step in &intent.steps {
        if !matches!(step.action.target_kind, TargetKind::Server | TargetKind::Frontend) {
            return None;
        }
        let row = own.row(step.target.id)?;
        let address = own.rows.index_of(step.target.id).and_then(|index| merged::server_address(own, index));
        let is_other_server = |index: usize| {
            let other = merged::server_address(sample, index);
            !intent.requested_for.is_empty() && address.is_some() && other.is_some() && other != address
        };
        let twin = sample.table.rows().iter().position(|one| {
            one.kind == row.kind && one.is_tcp() == row.is_tcp() && one.proxy == row.proxy && one.name == row.name
        });
        let twin = twin.filter(|index| !is_other_server(*index));
        match twin.and_then(|index| other.data.target(sample.rows.ids()[index])) {
            // Of rows that were shown as one, only those that the action changes: a drain would end a maintenance.
            Some(target)
                if !intent.requested_for.is_empty() && !action_targets::would_change_target(step.action, &target) =>
            {
                unchanged += 1;
            }
            Some(target) => steps.push(IntentStep { target, ..step.clone() }),
            None => missing.push(step.target_name()),
        }
    }
    if steps.is_empty() && unchanged == 0 {
        return None;
    }
    Some(if !missing.is_empty() {
        Err(format!("has no {}", list_names(&missing)))
    } else if steps.iter().all(|step| undo_changes::is_in_effect(step, &other.data)) {
        Err("already set, nothing to send".to_owned())
    } else {
        Ok(Intent::with_steps(IntentPurpose::Requested, other.id(), steps))
    })
}

/// Returns the name of a balancer.
pub(crate) fn name_of(model: &Model, id: InstanceId) -> String {
    let names = || model.instances.iter().map(InstanceView::names);
    model.instance_by_id(id).map_or_else(String::new, |one| one.names().display_name(names()).to_owned())
}

/// Describes the servers of an action whose addresses differ from those of the balancer that is shown, whose action is `own`.
pub(crate) fn describe_other_addresses(model: &Model, own: &Intent, other: &Intent) -> Vec<String> {
    let latest = |intent: &Intent| model.instance_by_id(intent.instance)?.data.latest();
    let Some((first, here)) = latest(own).zip(latest(other)).filter(|_| own.instance != other.instance) else {
        return Vec::new();
    };
    let is_server = |step: &&IntentStep| step.action.target_kind == TargetKind::Server;
    let targets = other.steps.iter().filter(is_server).map(|step| &step.target);
    other_addresses::describe(targets, here, (&name_of(model, own.instance), first))
}

/// Describes what would be left of the backends on all balancers of a question together.
pub(crate) fn describe_expected_total(model: &Model, confirmation: &Confirmation) -> Vec<String> {
    let mut total = TotalCapacity::default();
    let ids = confirmation.others.iter().map(|part| part.instance).chain([confirmation.intent.instance]);
    for id in ids {
        if earlier_twin_of(model, confirmation.intent.instance, id).is_some() {
            continue;
        }
        // Without an answer, the state of the servers is unknown.
        let answering = model.instance_by_id(id).filter(|one| one.data.link().is_up());
        let Some((instance, sample)) = answering.and_then(|one| Some((one, one.data.latest()?))) else {
            continue;
        };
        let name = name_of(model, id);
        for backend in confirmation.intent.backends() {
            if let Some(rows) = sample.backend_named(backend) {
                total.set(&name, sample, backend, Capacity::from_servers(sample, &rows.servers));
            }
        }
        let intents = confirmation.intents();
        let Some(intent) = intents.iter().find(|intent| intent.instance == id) else { continue };
        let enabled = server_effects::newly_usable(&intent.steps, sample, instance.data.last_checks());
        for impact in BackendImpact::evaluate_with_enabled(sample, &intent.steps, &enabled) {
            total.set(&name, sample, &impact.backend, impact.after);
        }
    }
    total.describe()
}

/// Sends the action of a confirmed question about several balancers to the first of them.
pub(crate) fn send_confirmed(
    model: &mut Model,
    confirmation: &Confirmation,
    answer: &ConfirmationAnswer,
    now: Duration,
) -> Result<Vec<Effect>, (InstanceId, Refusal)> {
    if model.group_run.is_some() {
        model.notify("another action on several balancers is not finished yet", Role::Warn, now);
        return Ok(Vec::new());
    }
    let order = |id: InstanceId| model.instances.iter().position(|instance| instance.id() == id);
    let mut intents: Vec<Intent> = confirmation.intents().into_iter().cloned().collect();
    intents.sort_by_key(|intent| order(intent.instance));
    let parts = intents.into_iter().filter_map(|intent| {
        let instance = model.instance_by_id(intent.instance)?;
        Some((intent, &instance.data))
    });
    let mut waiting: VecDeque<Authorised<Intent>> = guard::authorise_all(parts.collect(), answer)?.into();
    let Some(first) = waiting.pop_front() else { return Ok(Vec::new()) };
    model.group_runs += 1;
    let current = first.get().clone();
    let run = GroupRun { id: model.group_runs, current, waiting, done: Vec::new(), left: TotalCapacity::default() };
    Ok(start(model, run, first, now))
}

fn start(model: &mut Model, run: GroupRun, next: Authorised<Intent>, now: Duration) -> Vec<Effect> {
    let id = next.get().instance;
    let name = name_of(model, id);
    if let Some(instance) = model.instance_by_id_mut(id) {
        instance.start_action();
    }
    model.notify(format!("sending to {name}: {}", next.get().commands().join("; ")), Role::Normal, now);
    model.group_run = Some(run);
    vec![Effect::RunAction(next)]
}

/// Describes how far an action on several balancers is: which are done, to which one it was sent, and which wait. Returns `None`
/// unless one runs.
pub(crate) fn describe_progress(model: &Model) -> Option<String> {
    let run = model.group_run.as_ref()?;
    let waiting: Vec<String> = run.waiting.iter().map(|next| name_of(model, next.get().instance)).collect();
    let part = |what: &str, names: &[String]| {
        if names.is_empty() { String::new() } else { format!("; {what}: {}", list_names(names)) }
    };
    let (count, current) = (run.done.len() + 1 + waiting.len(), name_of(model, run.current.instance));
    let (done, waiting) = (part("done", &run.done), part("not started", &waiting));
    Some(format!("the action on {count} balancers is unfinished{done}; last sent to {current}{waiting}"))
}

/// Returns the name of the balancer of an intent if it is part of an action on several.
pub(crate) fn balancer_of_run(model: &Model, intent: &Intent) -> Option<String> {
    model.group_run.as_ref().map(|_| name_of(model, intent.instance))
}

/// Goes on with an action on several balancers after the report of one of them: sends the next one, or shows the result.
/// Returns the effects; `None` if the report is not part of such an action.
pub(crate) fn continue_run(model: &mut Model, report: &ActionReport, now: Duration) -> Option<Vec<Effect>> {
    let is_part = |run: &mut GroupRun| {
        run.current.instance == report.intent.instance && run.current.commands() == report.intent.commands()
    };
    let mut run = model.group_run.take_if(is_part)?;
    let id = report.intent.instance;
    let name = name_of(model, id);
    model.undo.join_group(id, report, run.id);
    if !report.is_success() {
        let waiting: Vec<String> = run.waiting.iter().map(|next| name_of(model, next.get().instance)).collect();
        let result = action_summary::summarize_report(report);
        let part = |what: &str, names: &[String]| {
            if names.is_empty() { String::new() } else { format!("; {what}: {}", list_names(names)) }
        };
        let text = format!("failed on {name}{}{}; {result}", part("done", &run.done), part("not started", &waiting));
        model.notify(text, Role::Bad, now);
        return Some(Vec::new());
    }
    if let Some(sample) = model.instance_by_id(id).and_then(|instance| instance.data.latest()) {
        for result in &report.results {
            let capacity = result.after.as_ref().and_then(|after| after.capacity);
            if let Some(capacity) = capacity.filter(|_| result.remaining_capacity().is_some()) {
                run.left.set(&name, sample, &result.step.target.proxy, capacity);
            }
        }
    }
    run.done.push(name);
    let Some(next) = run.waiting.pop_front() else {
        let count = pluralize(run.done.len() as i64, "balancer");
        let left: String = run.left.describe().iter().flat_map(|text| ["; ", text]).collect();
        let result = action_summary::summarize_report(report);
        model.notify(format!("done on {count}: {}{left}; last: {result}", list_names(&run.done)), Role::Good, now);
        return Some(Vec::new());
    };
    run.current = next.get().clone();
    Some(start(model, run, next, now))
}
