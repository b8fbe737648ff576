//! The texts of the confirmation dialog: current state, expected state and warnings.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::actions::action_table::{TargetKind, VerifyBy, blocks_new_sessions};
use crate::actions::capacity::Capacity;
use crate::actions::impact::{BackendImpact, rounded_percent};
use crate::actions::instance_warnings;
use crate::actions::intent::{Intent, IntentStep};
use crate::actions::last_checks::LastChecks;
use crate::actions::target_identity::SessionIdentity;
use crate::app::server_effects;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{TargetState, TargetWeight, WriteCommand};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::units::{duration_words, pluralize};

/// The texts of the confirmation dialog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ActionFacts {
    /// Current state of the targets.
    pub(crate) current_state: String,
    /// Expected state after the action; empty if the command needs no explanation.
    pub(crate) expected_state: String,
    /// Reasons not to confirm.
    pub(crate) warnings: Vec<String>,
}

/// Builds the texts from `sample`, at the monotonic time `now`. Returns `None` if a target no longer exists.
pub(crate) fn collect_facts(
    intent: &Intent,
    sample: &Sample,
    last_checks: &LastChecks,
    now: Duration,
) -> Option<ActionFacts> {
    let first = intent.steps.first()?;
    let mut facts = match first.action.target_kind {
        TargetKind::Server => server_facts(intent, sample, last_checks)?,
        TargetKind::Frontend => frontend_facts(intent, first, sample)?,
        TargetKind::Session => session_facts(intent, now),
        TargetKind::TableEntry => ActionFacts {
            expected_state: "the entry and its counters are deleted".to_owned(),
            ..ActionFacts::default()
        },
        TargetKind::Process => process_facts(first),
    };
    facts.warnings.extend(instance_warnings::warnings(intent, sample));
    Some(facts)
}

/// Describes one session, or how many clients, servers and which ages several sessions have. The dialog names each of them
/// below its command.
fn session_facts(intent: &Intent, now: Duration) -> ActionFacts {
    let sessions = || intent.steps.iter().filter_map(|step| step.target.identity.session.as_ref());
    let current_state = match intent.steps.as_slice() {
        [_] => sessions().map(|session| session.describe(now)).collect(),
        steps => {
            let clients: BTreeSet<String> = sessions().map(SessionIdentity::client_host).collect();
            let servers: BTreeSet<&str> = sessions().filter_map(SessionIdentity::server).collect();
            let name = |names: Vec<&str>, noun| match names.as_slice() {
                [name] => (*name).to_owned(),
                names => pluralize(names.len() as i64, noun),
            };
            let clients = name(clients.iter().map(String::as_str).collect(), "client");
            let servers = name(servers.into_iter().collect(), "server");
            let oldest = sessions().filter_map(|session| session.age(now)).max();
            let oldest = oldest.map_or(String::new(), |age| format!(", open for up to {}", duration_words(age)));
            format!("{} of {clients} → {servers}{oldest}", pluralize(steps.len() as i64, "session"))
        }
    };
    ActionFacts { current_state, ..ActionFacts::default() }
}

fn process_facts(step: &IntentStep) -> ActionFacts {
    let (after, warning) = match step.command {
        WriteCommand::ClearCounters { all: true } => {
            ("all counters are reset to 0", "all other monitoring of this HAProxy will see wrong rates and totals")
        }
        _ => ("the peak values are reset", "they are lost for all other monitoring of this HAProxy too"),
    };
    ActionFacts { current_state: String::new(), expected_state: after.to_owned(), warnings: vec![warning.to_owned()] }
}

fn frontend_facts(intent: &Intent, first: &IntentStep, sample: &Sample) -> Option<ActionFacts> {
    let number = |step: &IntentStep, field| sample.number(step.target.id, field);
    let sum = |field| intent.steps.iter().filter_map(|step| number(step, field)).fold(0, i64::saturating_add);
    let sessions = sum(Field::Scur);
    let status = sample.row(first.target.id)?.status().to_owned();
    let status = if intent.steps.len() == 1 { status } else { pluralize(intent.steps.len() as i64, "frontend") };
    let limit = number(first, Field::Slim).map_or(String::new(), |limit| format!(" (limit {limit})"));
    let now = format!("{status}, {}{limit}, {} new per second", pluralize(sessions, "session"), sum(Field::Rate));
    let (after, warning) = match first.command {
        WriteCommand::Frontend(true) => ("accepts connections", None),
        WriteCommand::Frontend(false) => {
            ("no new connections are accepted; open ones continue", Some("new clients are refused or wait".to_owned()))
        }
        WriteCommand::FrontendMaxconn(limit) if i64::from(limit) <= sessions => {
            ("", Some(format!("{sessions} sessions are open now, so new connections would wait")))
        }
        _ => ("", None),
    };
    Some(ActionFacts { current_state: now, expected_state: after.to_owned(), warnings: warning.into_iter().collect() })
}

fn server_facts(intent: &Intent, sample: &Sample, last_checks: &LastChecks) -> Option<ActionFacts> {
    let ids = intent.steps.iter().map(|step| step.target.id);
    let mut ids: Vec<_> = ids.filter(|id| sample.row(*id).is_some()).collect();
    ids.dedup();
    let sum = |field| ids.iter().filter_map(|id| sample.number(*id, field)).fold(0, i64::saturating_add);
    let status = match ids.as_slice() {
        [] => return None,
        [impact] => sample.row(*impact)?.status().to_owned(),
        servers => pluralize(servers.len() as i64, "server"),
    };
    let (sessions, queued, weight) = (sum(Field::Scur), sum(Field::Qcur), sum(Field::Weight));
    let waiting = backend_queues(&ids, sample);
    let now = format!("{status}, {}, {queued} queued{waiting}, weight {weight}", pluralize(sessions, "session"));
    let backends = BackendImpact::evaluate(sample, &intent.steps);
    let mut warnings: Vec<String> =
        backends.iter().enumerate().filter_map(|(index, impact)| backend_warning(intent, impact, index)).collect();
    warnings.extend(backends.iter().filter_map(queue_warning));
    warnings.extend(intent.steps.iter().filter_map(|step| step_warning(step, sample)));
    warnings.extend(intent.steps.iter().flat_map(|step| server_effects::effect_warnings(step, sample, last_checks)));
    let effects = server_effects::describe_effects(&intent.steps, sample, last_checks);
    let capacity = expected_capacity(intent, sample, last_checks);
    let changes_weight = intent.steps.iter().all(|step| matches!(step.command, WriteCommand::Weight(_)));
    // Of an enable and a new weight, the effect comes before the capacity.
    let texts = if is_enabling(intent) || changes_weight { [effects, capacity] } else { [capacity, effects] };
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    let expected_state = texts.join("; ");
    Some(ActionFacts { current_state: now, expected_state, warnings })
}

/// Describes the requests that wait for any server of the backends of these servers: HAProxy counts them for the backend,
/// and not for its servers. Empty if none wait.
fn backend_queues(ids: &[RowId], sample: &Sample) -> String {
    let mut backends: Vec<RowId> = Vec::new();
    for backend in ids.iter().filter_map(|id| sample.rows.backend_of(sample.rows.index_of(*id)?)) {
        let id = sample.rows.ids()[backend.row];
        if !backends.contains(&id) {
            backends.push(id);
        }
    }
    let waiting = |id: &RowId| Some((sample.row(*id)?, sample.number(*id, Field::Qcur).filter(|count| *count > 0)?));
    let waiting: Vec<(String, i64)> =
        backends.iter().filter_map(waiting).map(|(row, count)| (row.proxy.to_string(), count)).collect();
    let total = waiting.iter().fold(0, |total: i64, (_, count)| total.saturating_add(*count));
    let names: Vec<String> = waiting.into_iter().map(|(name, _)| name).collect();
    match names.len() {
        0 => String::new(),
        1 => format!(" and {total} in the queue of {}", names[0]),
        _ => format!(" and {total} in the queues of {}", server_effects::list_names(&names)),
    }
}

/// Describes the expected capacity of each backend; backends with the same text are described together.
fn expected_capacity(intent: &Intent, sample: &Sample, last_checks: &LastChecks) -> String {
    let enabled = server_effects::newly_usable(&intent.steps, sample, last_checks);
    let changes_weight = intent.steps.iter().any(|step| step.action.verify_by == VerifyBy::Weight);
    let blocks_sessions = intent.steps.iter().any(|step| blocks_new_sessions(step.command));
    if !changes_weight && !blocks_sessions && !is_enabling(intent) {
        return String::new();
    }
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for impact in BackendImpact::evaluate_with_enabled(sample, &intent.steps, &enabled) {
        let text = match weight_share_change(intent, sample, &impact) {
            Some(share) if !blocks_sessions => format!("{} usable, {share}", impact.after.describe_usable()),
            _ if is_enabling(intent) => capacity_after_enable(&impact),
            _ => remaining_capacity(&impact),
        };
        match groups.iter_mut().find(|(known, _)| *known == text) {
            Some((_, backends)) => backends.push(impact.backend.to_string()),
            None => groups.push((text, vec![impact.backend.to_string()])),
        }
    }
    let is_single = groups.iter().map(|(_, backends)| backends.len()).sum::<usize>() < 2;
    let clause = |(text, backends): &(String, Vec<String>)| {
        if is_single { text.clone() } else { format!("{}: {text}", server_effects::list_names(backends)) }
    };
    groups.iter().map(clause).collect::<Vec<_>>().join("; ")
}

fn capacity_after_enable(impact: &BackendImpact) -> String {
    let Capacity { usable, backup, all_backups, .. } = impact.now;
    let now = if all_backups > 0 { format!("{usable} active, {backup} backup") } else { usable.to_string() };
    format!("{} usable (now {now})", impact.after.describe_usable())
}

fn remaining_capacity(impact: &BackendImpact) -> String {
    let weight = impact.remaining_weight_percent();
    let weight = weight.map_or(String::new(), |left| format!(", {left} % of the current weight"));
    let load = impact.most_loaded.as_ref().filter(|_| impact.sessions > 0);
    let load = load.map_or(String::new(), |load| {
        let limit = load.limit.map_or(String::new(), |limit| format!(" of {limit}"));
        format!(", {} would carry about {}{limit}", load.server, pluralize(load.sessions, "session"))
    });
    format!("{} usable{weight}{load}", impact.after.describe_usable())
}

/// Returns whether an intent only enables servers.
fn is_enabling(intent: &Intent) -> bool {
    intent.steps.iter().all(|step| step.command == WriteCommand::State(TargetState::Ready))
}

/// Describes how a weight change of one server changes its share of the backend's weight.
fn weight_share_change(intent: &Intent, sample: &Sample, own: &BackendImpact) -> Option<String> {
    let [step] = intent.steps.as_slice() else { return None };
    let WriteCommand::Weight(weight) = step.command else { return None };
    let new = weight.resolve(sample.configured_weight(step.target.id))?;
    let old = sample.number(step.target.id, Field::Weight)?;
    let now = rounded_percent(old, own.now.weight)?;
    let then = rounded_percent(new, own.after.weight)?;
    Some(format!("{then} % of the weight of {} (now {now} %)", own.backend))
}

/// Returns the warning about one target.
fn step_warning(step: &IntentStep, sample: &Sample) -> Option<String> {
    let number = |field| sample.number(step.target.id, field);
    let name = step.target_name();
    match step.command {
        WriteCommand::Checks(false) => Some(format!("{name} keeps its current state: failures will not be detected")),
        WriteCommand::ServerMaxconn(limit)
            if limit > 0 && number(Field::Scur).is_some_and(|now| now > i64::from(limit)) =>
        {
            Some(format!("{name} has more sessions than that now: new ones would wait in the queue"))
        }
        WriteCommand::State(_) | WriteCommand::Weight(TargetWeight::Absolute(1..))
            if is_maint_by_tracking(step, sample) =>
        {
            Some(format!("{name} tracks another server: its state follows that server, not this command"))
        }
        WriteCommand::State(_)
        | WriteCommand::Weight(_)
        | WriteCommand::Health(_)
        | WriteCommand::Agent(_)
        | WriteCommand::Checks(true)
        | WriteCommand::AgentChecks(_)
        | WriteCommand::ServerMaxconn(_)
        | WriteCommand::Frontend(_)
        | WriteCommand::FrontendMaxconn(_)
        | WriteCommand::ShutdownSessions
        | WriteCommand::ShutdownSession
        | WriteCommand::ClearTableEntry
        | WriteCommand::ClearCounters { .. } => None,
    }
}

/// Returns whether a server is in maintenance only because it tracks a server in maintenance (`MAINT (via …)`).
fn is_maint_by_tracking(step: &IntentStep, sample: &Sample) -> bool {
    sample.row(step.target.id).is_some_and(|row| {
        row.text(TextField::Tracked).is_some() && row.state() == RowState::Maint && row.status().contains('(')
    })
}

/// Returns the warning about one backend: servers that go out of service, also by tracking a target.
fn backend_warning(intent: &Intent, impact: &BackendImpact, index: usize) -> Option<String> {
    let backend = &impact.backend;
    let follows = index > 0 && !intent.backends().contains(&backend);
    let loss = if impact.removes_last_server() {
        format!("{backend} would have no usable server: requests get 503 or wait in the queue")
    } else if impact.leaves_only_backups() {
        format!("{backend} would have only backup servers")
    } else {
        match () {
            () if impact.loses_most_weight() && impact.after.usable < impact.now.usable => {
                format!("{backend} would lose more than half of its weight")
            }
            () if follows => {
                let leaving = Capacity {
                    usable: impact.now.usable.saturating_sub(impact.after.usable),
                    backup: impact.now.backup.saturating_sub(impact.after.backup),
                    ..impact.now
                };
                format!("{} of {backend} would go out of service too", leaving.describe_usable())
            }
            () => return None,
        }
    };
    Some(if follows { format!("{loss} (its servers track this one)") } else { loss })
}

/// Returns a warning if the fullest remaining server would exceed its session limit.
fn queue_warning(impact: &BackendImpact) -> Option<String> {
    let share = impact.most_loaded.as_ref().filter(|share| share.exceeds_limit())?;
    let limit = share.limit.unwrap_or_default();
    Some(format!(
        "{} of {} would get about {} sessions, with a limit of {limit}: a queue would form",
        share.server, impact.backend, share.sessions
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{Action, DRAIN, END_SESSIONS, FRONTEND_OFF, MAINT, READY, WEIGHT};
    use crate::actions::intent::ActionTarget;
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn facts_for_row(index: usize, action: &'static Action, command: WriteCommand) -> ActionFacts {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let target = ActionTarget::from_row(&sample, sample.rows.ids()[index]).unwrap();
        let intent = Intent::new(action, command, InstanceId::FIRST, vec![target]);
        collect_facts(&intent, &sample, &LastChecks::default(), Duration::ZERO).unwrap()
    }

    #[test]
    fn collect_facts_describes_current_and_expected_state() {
        let last = facts_for_row(4, &MAINT, WriteCommand::State(TargetState::Maint));
        assert_eq!(last.current_state, "UP, 50 sessions, 4 queued and 4 in the queue of api, weight 100");
        assert_eq!(
            last.expected_state,
            "0 of 3 servers usable, 0 % of the current weight; \
             open sessions continue (unless on-marked-down shutdown-sessions is set)"
        );
        assert!(last.warnings[0].contains("api would have no usable server: requests get 503"));
        let impact = facts_for_row(1, &MAINT, WriteCommand::State(TargetState::Maint));
        assert_eq!(
            impact.expected_state,
            "1 of 2 servers usable, 50 % of the current weight, w2 would carry about 812 sessions; \
             open sessions continue (unless on-marked-down shutdown-sessions is set)"
        );
        let half = facts_for_row(1, &WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(50)));
        assert_eq!(half.expected_state, "weight 100 → 50; 2 of 2 servers usable, 33 % of the weight of www (now 50 %)");
    }

    #[test]
    fn current_state_includes_queues_of_backends() {
        let stat = "# pxname,svname,status,weight,scur,qcur,type,\n\
            web,w1,UP,10,5,1,2,\nweb,w2,UP,10,5,0,2,\nweb,BACKEND,UP,20,10,17,1,\n\
            api,a1,UP,10,5,0,2,\napi,BACKEND,UP,10,5,3,1,\ncdn,c1,UP,10,5,0,2,\ncdn,BACKEND,UP,10,5,0,1,\n";
        let sample = SampleBuilder::default().build_at_millis(0, stat);
        let current_state = |rows: &[usize]| {
            let target = |row: &usize| ActionTarget::from_row(&sample, sample.rows.ids()[*row]).unwrap();
            let targets = rows.iter().map(target).collect();
            let drain = Intent::new(&DRAIN, WriteCommand::State(TargetState::Drain), InstanceId::FIRST, targets);
            collect_facts(&drain, &sample, &LastChecks::default(), Duration::ZERO).unwrap().current_state
        };
        assert_eq!(current_state(&[0, 1]), "2 servers, 10 sessions, 1 queued and 17 in the queue of web, weight 20");
        assert_eq!(current_state(&[0]), "UP, 5 sessions, 1 queued and 17 in the queue of web, weight 10");
        assert_eq!(
            current_state(&[0, 1, 3]),
            "3 servers, 15 sessions, 1 queued and 20 in the queues of web, api, weight 30"
        );
        assert_eq!(current_state(&[5]), "UP, 5 sessions, 0 queued, weight 10");
    }

    #[test]
    fn collect_facts_explains_frontend_and_session_actions() {
        let off = facts_for_row(0, &FRONTEND_OFF, WriteCommand::Frontend(false));
        assert_eq!(off.current_state, "OPEN, 812 sessions (limit 2000), 40 new per second");
        assert!(off.expected_state.contains("no new connections"));
        let end = facts_for_row(4, &END_SESSIONS, WriteCommand::ShutdownSessions);
        assert!(end.expected_state.contains("drain it first"), "{}", end.expected_state);
    }

    const TWO_BACKENDS: &str = "# pxname,svname,status,weight,uweight,act,bck,scur,type,\n\
        web,w1,UP,10,10,1,0,0,2,\nweb,w2,UP,10,10,1,0,0,2,\nweb,w3,MAINT,10,10,1,0,0,2,\nweb,BACKEND,UP,20,20,2,0,0,1,\n\
        api,a1,MAINT,10,10,1,0,0,2,\napi,a2,UP,20,20,1,0,0,2,\napi,a3,MAINT,10,10,0,1,0,2,\napi,BACKEND,UP,20,20,1,0,0,1,\n";

    fn expected_state(names: &[&str], action: &'static Action, command: WriteCommand) -> String {
        let sample = SampleBuilder::default().build_at_millis(0, TWO_BACKENDS);
        let index = |name: &&str| (0..8).find(|index| sample.table.rows()[*index].name.as_str() == *name).unwrap();
        let target = |name| ActionTarget::from_row(&sample, sample.rows.ids()[index(name)]).unwrap();
        let intent = Intent::new(action, command, InstanceId::FIRST, names.iter().map(target).collect());
        collect_facts(&intent, &sample, &LastChecks::default(), Duration::ZERO).unwrap().expected_state
    }

    #[test]
    fn expected_state_describes_each_backend_by_name() {
        let drain = |names: &[&str]| expected_state(names, &DRAIN, WriteCommand::State(TargetState::Drain));
        let effect = "; open sessions and clients bound by a cookie or stick table continue";
        assert_eq!(
            drain(&["w1", "a2"]),
            format!(
                "web: 1 of 3 servers usable, 50 % of the current weight; \
                 api: 0 of 2 active, 0 of 1 backup server usable, 0 % of the current weight{effect}"
            )
        );
        assert_eq!(drain(&["w1"]), format!("1 of 3 servers usable, 50 % of the current weight{effect}"));
    }

    #[test]
    fn expected_state_of_enable_shows_capacity_after_it() {
        let enable = |names: &[&str]| {
            let text = expected_state(names, &READY, WriteCommand::State(TargetState::Ready));
            text.rsplit_once("checks fail; ").map_or(text.clone(), |(_, capacity)| capacity.to_owned())
        };
        assert_eq!(enable(&["w3"]), "3 of 3 servers usable (now 2)");
        assert_eq!(enable(&["a1", "a3"]), "2 of 2 active, 1 of 1 backup server usable (now 1 active, 0 backup)");
        assert_eq!(
            enable(&["w3", "a1"]),
            "web: 3 of 3 servers usable (now 2); \
             api: 2 of 2 active, 0 of 1 backup server usable (now 1 active, 0 backup)"
        );
    }

    #[test]
    fn expected_state_of_weight_names_both_weights_and_rounds_shares() {
        let weight = |weight| expected_state(&["w1"], &WEIGHT, WriteCommand::Weight(weight));
        assert_eq!(
            weight(TargetWeight::Absolute(5)),
            "weight 10 → 5; 2 of 3 servers usable, 33 % of the weight of web (now 50 %)"
        );
        assert_eq!(
            weight(TargetWeight::Absolute(20)),
            "weight 10 → 20; 2 of 3 servers usable, 67 % of the weight of web (now 50 %)"
        );
        assert!(weight(TargetWeight::Absolute(0)).starts_with("weight 10 → 0: open sessions and clients"));
    }
}
