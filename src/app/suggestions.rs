//! What hapulse offers to do next: maintenance for a server that has drained, the end of sessions that stay, and
//! what a reload took away. Nothing of it is done or asked by itself: a key takes the offer, and then it is asked
//! about like any other act.

use crate::actions::action_table::{END_SESSIONS, MAINT};
use crate::actions::intent::{Intent, Purpose, Step};
use crate::app::action_facts::counted;
use crate::app::action_targets;
use crate::app::model::InstanceView;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::write_command::{Admin, WriteCommand};
use crate::observe::row_ids::RowId;
use crate::table::columns::out_of_service;

/// Something to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// What it is, as a question: "be/s1 is empty: maintenance?"
    pub words: String,
    /// What would be done.
    pub intent: Intent,
}

/// The offer that is shown: one at a time.
pub fn current(instance: &InstanceView, place: usize) -> Option<Offer> {
    empty(instance, place).or_else(|| overdue(instance, place)).or_else(|| lost(instance, place))
}

fn targets(instance: &InstanceView, rows: impl Iterator<Item = RowId>) -> Vec<crate::actions::intent::Target> {
    let rows = rows.filter(|id| !instance.declined.contains(id));
    rows.filter_map(|id| action_targets::row(instance, id, RowKind::Server)).collect()
}

fn empty(instance: &InstanceView, place: usize) -> Option<Offer> {
    let targets = targets(instance, instance.watch.draining().empty());
    let intent = Intent::new(&MAINT, WriteCommand::State(Admin::Maint), place, targets);
    let is = if intent.steps.len() == 1 { "is" } else { "are" };
    let words = format!("{} {is} empty: maintenance?", intent.name());
    (!intent.steps.is_empty()).then_some(Offer { words, intent })
}

fn overdue(instance: &InstanceView, place: usize) -> Option<Offer> {
    let target = targets(instance, instance.watch.draining().overdue()).into_iter().next()?;
    let left = instance.watch.draining().left(target.id)?;
    let why = left.why.map_or(String::new(), |why| format!(" ({why})"));
    let sessions = counted(left.sessions, "session");
    let intent = Intent::new(&END_SESSIONS, WriteCommand::EndSessions, place, vec![target]);
    Some(Offer { words: format!("{} still has {sessions}{why}: end them?", intent.name()), intent })
}

fn lost(instance: &InstanceView, place: usize) -> Option<Offer> {
    let sample = instance.watch.newest()?;
    let seen = |id| instance.watch.status(id).unwrap_or_default();
    let steps: Vec<Step> = instance.watch.lost().iter().filter_map(|lost| lost.step(sample, seen(lost.id))).collect();
    let words = match (steps.as_slice(), instance.watch.lost()) {
        ([], _) => return None,
        ([step], [lost]) => format!("the reload lost {} of {}: set it again?", lost.word(), step.name()),
        (steps, _) => format!("the reload lost {} states and weights: set them again?", steps.len()),
    };
    Some(Offer { words, intent: Intent { purpose: Purpose::SetAgain, instance: place, steps, reason: None } })
}

/// What drains now and is not empty yet, in words.
pub fn drains(instance: &InstanceView) -> Option<String> {
    let sample = instance.watch.newest()?;
    let all: Vec<_> = instance.watch.draining().under_way().collect();
    match all.as_slice() {
        [] => None,
        [(id, left)] => {
            let row = sample.row(*id)?;
            let why = left.why.map_or(String::new(), |why| format!(", {why}"));
            Some(format!("{}/{} drains: {}{why}", row.proxy, row.name, out_of_service::short(left)))
        }
        several => {
            let sessions = several.iter().map(|(_, left)| left.sessions).fold(0, i64::saturating_add);
            Some(format!("{} servers drain, {} left", several.len(), counted(sessions, "session")))
        }
    }
}

/// The offer that is shown is not wanted.
pub fn decline(instance: &mut InstanceView, place: usize) -> Option<String> {
    let offer = current(instance, place)?;
    if offer.intent.purpose == Purpose::SetAgain {
        instance.watch.let_go();
    } else {
        instance.declined.extend(offer.intent.steps.iter().map(|step| step.target.id));
    }
    Some(SafeText::from(offer.words.as_str()).to_string())
}
