//! Undo: what was there before each act, several steps back.
//!
//! An act that was carried out leaves the commands that bring back what was read right before it. They are
//! asked about like any other act, and are gone once they were carried out.

use crate::actions::intent::{Intent, Purpose, Step};
use crate::actions::outcome::{Outcome, Report};
use crate::actions::verify;

/// Acts that can be taken back; older ones go.
const KEPT: usize = 50;

/// What can be taken back, the newest last.
#[derive(Debug, Clone, Default)]
pub struct Undo {
    stack: Vec<Intent>,
    /// The newest act, where that is none of them.
    lasting: Option<String>,
}

impl Undo {
    /// Remembers what would take back what was done. What was taken back is forgotten.
    pub fn remember(&mut self, report: &Report) {
        if report.intent.purpose == Purpose::Undo {
            let commands = report.intent.commands();
            if report.is_good() {
                self.stack.retain(|intent| intent.commands() != commands);
            }
            return;
        }
        // The last that was done is taken back first.
        let steps: Vec<Step> = report
            .done
            .iter()
            .rev()
            // One without an answer may have happened.
            .filter(|done| !matches!(done.outcome, Outcome::Refused(_) | Outcome::NotSent(_)))
            .filter_map(|done| {
                let (act, order) = verify::inverse(&done.step, done.before.as_ref()?)?;
                let step = Step { act, order, target: done.step.target.clone() };
                (step.command() != done.step.command()).then_some(step)
            })
            .collect();
        let is_done = report.done.iter().any(|done| done.outcome.is_good());
        if steps.is_empty() && is_done {
            self.lasting = Some(format!("{} of {}", report.intent.title(), report.intent.name()));
        }
        if !steps.is_empty() {
            self.lasting = None;
            let instance = report.intent.instance;
            self.stack.push(Intent { purpose: Purpose::Undo, instance, steps, reason: None });
            let surplus = self.stack.len().saturating_sub(KEPT);
            self.stack.drain(..surplus);
        }
    }

    /// What would be taken back next on this instance.
    pub fn next(&self, instance: usize) -> Option<&Intent> {
        self.stack.iter().rev().find(|intent| intent.instance == instance)
    }

    /// The newest act, where it cannot be taken back and what would be is an earlier one.
    pub fn lasting(&self) -> Option<&str> {
        self.lasting.as_deref()
    }

    /// Gives up what would be taken back next: it cannot be.
    pub fn drop_next(&mut self, instance: usize) {
        if let Some(place) = self.stack.iter().rposition(|intent| intent.instance == instance) {
            self.stack.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{Action, END_SESSIONS, MAINT, WEIGHT};
    use crate::actions::intent::Target;
    use crate::actions::outcome::Done;
    use crate::actions::readback::Seen;
    use crate::haproxy::safe_text::SafeText;
    use crate::haproxy::write_command::{Admin, WriteCommand, Weight};

    fn report(act: &'static Action, order: WriteCommand, names: &[&str], outcome: &Outcome) -> Report {
        let targets = names.iter().map(|name| Target::beside_rows("b".into(), (*name).into())).collect();
        let intent = Intent::new(act, order, 0, targets);
        let before = Seen { status: "UP".into(), weight: Some(100), ..Seen::default() };
        let done = intent.steps.iter().map(|step| Done {
            step: step.clone(),
            command: step.command().unwrap(),
            before: Some(before.clone()),
            after: None,
            outcome: outcome.clone(),
            remark: None,
        });
        Report { done: done.collect(), intent }
    }

    #[test]
    fn several_acts_are_taken_back_one_after_the_other() {
        let (mut undo, good) = (Undo::default(), Outcome::Verified(String::new()));
        undo.remember(&report(&MAINT, WriteCommand::State(Admin::Maint), &["s1", "s2"], &good));
        undo.remember(&report(&WEIGHT, WriteCommand::Weight(Weight::Absolute(7)), &["s1"], &good));
        undo.remember(&report(&END_SESSIONS, WriteCommand::EndSessions, &["s1"], &good));
        assert_eq!(undo.lasting(), Some("end of all sessions of b/s1"));
        let first = undo.next(0).unwrap().clone();
        assert_eq!(first.commands(), ["set server b/s1 weight 100"]);
        let taken_back = Report { done: Vec::new(), intent: first.clone() };
        undo.remember(&taken_back);
        assert_eq!(undo.next(0), Some(&first), "it was not carried out");
        let done = report(&WEIGHT, first.steps[0].order, &["s1"], &good);
        undo.remember(&Report { intent: first, ..done });
        assert_eq!(undo.next(0).unwrap().commands(), ["set server b/s2 state ready", "set server b/s1 state ready"]);
        assert_eq!(undo.next(1), None);
        undo.drop_next(0);
        assert_eq!(undo.next(0), None);
    }

    #[test]
    fn what_did_not_happen_is_not_taken_back() {
        let mut undo = Undo::default();
        for outcome in [Outcome::Refused(SafeText::default()), Outcome::NotSent(String::new())] {
            undo.remember(&report(&MAINT, WriteCommand::State(Admin::Maint), &["s1"], &outcome));
        }
        undo.remember(&report(
            &WEIGHT,
            WriteCommand::Weight(Weight::Absolute(100)),
            &["s1"],
            &Outcome::Verified(String::new()),
        ));
        assert_eq!(undo.next(0), None, "nor what changed nothing");
        undo.remember(&report(&MAINT, WriteCommand::State(Admin::Maint), &["s1"], &Outcome::Unknown(String::new())));
        assert!(undo.next(0).is_some(), "it may have happened");
    }
}
