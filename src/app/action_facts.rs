//! What the question before an act says: how things are, how they would be, and what should make one hesitate.

use crate::actions::action_table::{Proof, Subject, takes_away};
use crate::actions::action_warnings;
use crate::actions::impact::WhatIf;
use crate::actions::intent::{Intent, Step};
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::status::State;
use crate::haproxy::write_command::{WriteCommand, Weight};
use crate::observe::sample::Sample;

/// What the question says, line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// How things are.
    pub now: String,
    /// How they would be; empty where the command says it all.
    pub after: String,
    /// What should make one hesitate.
    pub warnings: Vec<String>,
}

/// The facts from the newest sample; nothing when what it is about is gone.
pub fn facts(intent: &Intent, sample: &Sample) -> Option<Facts> {
    let first = intent.steps.first()?;
    let mut facts = match first.act.subject {
        Subject::Server => servers(intent, sample)?,
        Subject::Frontend => frontend(intent, first, sample)?,
        Subject::Session => Facts { now: "the session is open".to_owned(), ..Facts::default() },
        Subject::Entry => {
            Facts { after: "what the entry counted and held back is forgotten".to_owned(), ..Facts::default() }
        }
        Subject::Process => process(first),
    };
    facts.warnings.extend(action_warnings::warnings(intent, sample));
    Some(facts)
}

fn process(step: &Step) -> Facts {
    let (after, warning) = match step.order {
        WriteCommand::ClearCounters { all: true } => {
            ("every counter begins at 0", "the rates and totals of everybody who watches this HAProxy break")
        }
        _ => ("the highest values begin anew", "everybody who watches this HAProxy loses them"),
    };
    Facts { now: String::new(), after: after.to_owned(), warnings: vec![warning.to_owned()] }
}

fn frontend(intent: &Intent, first: &Step, sample: &Sample) -> Option<Facts> {
    let number = |step: &Step, field| sample.number(step.target.id, field);
    let sum = |field| intent.steps.iter().filter_map(|step| number(step, field)).fold(0, i64::saturating_add);
    let sessions = sum(Field::Scur);
    let status = sample.row(first.target.id)?.status().to_owned();
    let status = if intent.steps.len() == 1 { status } else { counted(intent.steps.len() as i64, "frontend") };
    let limit = number(first, Field::Slim).map_or(String::new(), |limit| format!(" of {limit}"));
    let now = format!("{status}, {}{limit}, {} a second", counted(sessions, "session"), sum(Field::Rate));
    let (after, warning) = match first.order {
        WriteCommand::Frontend(true) => ("accepts connections", None),
        WriteCommand::Frontend(false) => (
            "its sockets accept no new connections; those open go on",
            Some("its clients are refused or wait".to_owned()),
        ),
        WriteCommand::FrontendMaxconn(limit) if i64::from(limit) <= sessions => {
            ("", Some(format!("{sessions} sessions are open now: new connections would wait")))
        }
        _ => ("", None),
    };
    Some(Facts { now, after: after.to_owned(), warnings: warning.into_iter().collect() })
}

fn servers(intent: &Intent, sample: &Sample) -> Option<Facts> {
    let ids = intent.steps.iter().map(|step| step.target.id);
    let mut ids: Vec<_> = ids.collect();
    ids.dedup();
    let sum = |field| ids.iter().filter_map(|id| sample.number(*id, field)).fold(0, i64::saturating_add);
    let status = match ids.as_slice() {
        [one] => sample.row(*one)?.status().to_owned(),
        several => counted(several.len() as i64, "server"),
    };
    let (sessions, queued, weight) = (sum(Field::Scur), sum(Field::Qcur), sum(Field::Weight));
    let now = format!("{status}, {}, {queued} queued, weight {weight}", counted(sessions, "session"));
    let backends = WhatIf::of(sample, &intent.steps);
    let mut warnings: Vec<String> =
        backends.iter().enumerate().filter_map(|(place, one)| warning(intent, one, place)).collect();
    warnings.extend(backends.iter().filter_map(too_much));
    warnings.extend(intent.steps.iter().filter_map(|step| caution(step, sample)));
    Some(Facts { now, after: after(intent, sample, &backends), warnings })
}

/// How the backend of the first server would be.
fn after(intent: &Intent, sample: &Sample, backends: &[WhatIf]) -> String {
    let (Some(first), Some(own)) = (intent.steps.first(), backends.first()) else { return String::new() };
    let changes_weight = intent.steps.iter().any(|step| step.act.proof == Proof::Weight);
    let takes = intent.steps.iter().any(|step| takes_away(step.order));
    if let (false, Some(share)) = (takes, share_of(intent, sample, own).filter(|_| changes_weight)) {
        return format!("{} usable; {share}", of(own.after.usable, own.now.active));
    }
    if takes || changes_weight {
        let share = own.weight_left().map_or(String::new(), |left| format!(", {left} % of the weight"));
        let each = own.fullest.as_ref().filter(|_| own.sessions > 0);
        let each = each.map_or(String::new(), |share| {
            let limit = share.limit.map_or(String::new(), |limit| format!(" of {limit}"));
            format!("; {} would carry about {}{limit}", share.server, counted(share.sessions, "session"))
        });
        return format!("{} usable{share}{each}", of(own.after.usable, own.now.active));
    }
    let usable = of(own.now.usable, own.now.active);
    match first.order {
        WriteCommand::State(_) => format!("takes traffic once its checks pass; {usable} usable now"),
        WriteCommand::Health(_) => "UP until the next check says otherwise".to_owned(),
        WriteCommand::Agent(_) => "up until its agent says otherwise".to_owned(),
        WriteCommand::Checks(true) => "checks begin again, and may find it down".to_owned(),
        WriteCommand::ServerMaxconn(0) => "no limit of its own".to_owned(),
        WriteCommand::EndSessions => {
            let is_away = sample.row(first.target.id).is_some_and(|row| !row.state().is_usable());
            let words = "their clients are cut off";
            if is_away { words.to_owned() } else { format!("{words}, and new ones come: drain it first") }
        }
        _ => String::new(),
    }
}

/// The share that a server whose weight changes has of its backend's, then and now.
fn share_of(intent: &Intent, sample: &Sample, own: &WhatIf) -> Option<String> {
    let [step] = intent.steps.as_slice() else { return None };
    let WriteCommand::Weight(weight) = step.order else { return None };
    let new = weight.of(sample.configured_weight(step.target.id))?;
    let old = sample.number(step.target.id, Field::Weight)?;
    let percent = |weight: i64, all: i64| (all > 0).then(|| weight.saturating_mul(100) / all);
    let (now, then) = (percent(old, own.now.weight)?, percent(new, own.after.weight)?);
    Some(format!("{then} % of the weight of {} instead of {now} %", own.backend))
}

/// What should make one hesitate about one step.
fn caution(step: &Step, sample: &Sample) -> Option<String> {
    let number = |field| sample.number(step.target.id, field);
    let name = step.name();
    match step.order {
        WriteCommand::Checks(false) => Some(format!("{name} keeps its state: when it breaks, nobody notices")),
        WriteCommand::ServerMaxconn(limit) if limit > 0 && number(Field::Scur).is_some_and(|now| now > i64::from(limit)) => {
            Some(format!("{name} has more sessions than that now: a queue would form"))
        }
        WriteCommand::State(_) | WriteCommand::Weight(Weight::Absolute(1..)) if is_through_another(step, sample) => {
            Some(format!("{name} follows the server it tracks, whatever is ordered here"))
        }
        _ => None,
    }
}

/// Whether a server is in maintenance through the one it tracks.
fn is_through_another(step: &Step, sample: &Sample) -> bool {
    sample.row(step.target.id).is_some_and(|row| {
        row.text(TextField::Tracked).is_some() && row.state() == State::Maint && row.status().contains('(')
    })
}

/// What should make one hesitate about a backend; of one that only follows, that it does.
fn warning(intent: &Intent, one: &WhatIf, place: usize) -> Option<String> {
    let backend = &one.backend;
    let follows = place > 0 && !intent.backends().contains(&backend);
    let loss = if one.takes_the_last() {
        format!("no server of {backend} would be left: its clients get 503 or wait")
    } else if one.leaves_only_backups() {
        format!("only backup servers of {backend} would be left")
    } else {
        match one.weight_left() {
            Some(left) if left < 50 && one.after.usable < one.now.usable => {
                format!("more than half of the weight of {backend} goes away")
            }
            _ if follows => {
                format!("{} of {backend} follow", of(one.now.usable.saturating_sub(one.after.usable), one.now.active))
            }
            _ => return None,
        }
    };
    Some(if follows { format!("{loss} (it tracks this server)") } else { loss })
}

/// That a queue would form.
fn too_much(one: &WhatIf) -> Option<String> {
    let share = one.fullest.as_ref().filter(|share| share.is_too_much())?;
    let limit = share.limit.unwrap_or_default();
    Some(format!(
        "{} of {} would get about {} sessions for a limit of {limit}: a queue would form",
        share.server, one.backend, share.sessions
    ))
}

fn of(some: usize, all: usize) -> String {
    format!("{some} of {}", counted(all as i64, "server"))
}

/// `1 session`, `2 sessions`.
pub fn counted(count: i64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{Action, END_SESSIONS, FRONTEND_OFF, MAINT, WEIGHT};
    use crate::actions::intent::Target;
    use crate::haproxy::write_command::Admin;
    use crate::observe::test_samples::{SampleMaker, site};

    fn of_row(place: usize, act: &'static Action, order: WriteCommand) -> Facts {
        let sample = SampleMaker::default().at_millis(0, &site());
        let row = &sample.table.rows()[place];
        let (proxy, name) = (row.proxy.clone(), row.name.clone());
        let target = Target { id: sample.rows.ids()[place], proxy, name, iid: None, seen: "UP".into() };
        facts(&Intent::new(act, order, 0, vec![target]), &sample).unwrap()
    }

    #[test]
    fn the_facts_say_what_is_and_what_would_be() {
        let last = of_row(4, &MAINT, WriteCommand::State(Admin::Maint));
        assert_eq!(last.now, "UP, 50 sessions, 4 queued, weight 100");
        assert_eq!(last.after, "0 of 3 servers usable, 0 % of the weight");
        assert!(last.warnings[0].contains("no server of api would be left"));
        let one = of_row(1, &MAINT, WriteCommand::State(Admin::Maint));
        assert_eq!(one.after, "1 of 2 servers usable, 50 % of the weight; w2 would carry about 812 sessions");
        let half = of_row(1, &WEIGHT, WriteCommand::Weight(Weight::Absolute(50)));
        assert_eq!(half.after, "2 of 2 servers usable; 33 % of the weight of www instead of 50 %");
    }

    #[test]
    fn other_acts_say_what_they_mean() {
        let off = of_row(0, &FRONTEND_OFF, WriteCommand::Frontend(false));
        assert_eq!(off.now, "OPEN, 812 sessions of 2000, 40 a second");
        assert!(off.after.contains("no new connections"));
        let end = of_row(4, &END_SESSIONS, WriteCommand::EndSessions);
        assert!(end.after.contains("drain it first"), "{}", end.after);
    }
}
