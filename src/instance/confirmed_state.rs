//! The state for which an action was confirmed, and which must still hold right before it is sent.

use std::time::Duration;

use crate::actions::action_table::TargetKind;
use crate::actions::impact;
use crate::actions::intent::{Intent, IntentStep};
use crate::actions::present_state::PresentState;
use crate::actions::process_identity::ProcessIdentity;
use crate::haproxy::version::Version;
use crate::observe::sample::Sample;

/// The HAProxy process at the time of the confirmation. The intent contains its targets and the impact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfirmedState {
    /// The process.
    process: ProcessIdentity,
    /// HAProxy version, if known.
    pub(crate) version: Option<Version>,
    /// Time between two samples.
    pub(crate) interval: Duration,
}

impl ConfirmedState {
    /// Returns the state in the newest sample.
    pub(crate) fn from_sample(sample: &Sample) -> Self {
        Self {
            process: ProcessIdentity::from_sample(sample),
            version: sample.info.version(),
            interval: sample.interval,
        }
    }

    /// Describes a change of the process, or returns `None` if the same process answers.
    pub(crate) fn process_change(&self, now: &ProcessIdentity) -> Option<String> {
        let (was, is) = (self.process.pid, now.pid);
        (!self.process.is_same(now)).then(|| format!("HAProxy was reloaded (pid {was} → {is})"))
    }

    /// Returns whether the session of a step has ended, while the same process answers: HAProxy does not know its number,
    /// or has given it to another session.
    pub(crate) fn has_session_ended(&self, step: &IntentStep, present: &PresentState) -> bool {
        let is_session = step.action.target_kind == TargetKind::Session;
        is_session
            && self.process_change(&present.process).is_none()
            && present.readback(step).is_some_and(|readback| readback.exists == Some(false))
    }

    /// Lists why the unsent steps of an intent must not be sent without another confirmation, as clauses. An empty list
    /// means that the targets are the confirmed ones and the impact is at most the confirmed one.
    pub(crate) fn changes(&self, intent: &Intent, unsent: &[IntentStep], present: &PresentState) -> Vec<String> {
        let process_change = self.process_change(&present.process);
        let mut changes: Vec<String> = process_change.into_iter().collect();
        let is_single = matches!(
            unsent.first().map(|step| step.action.target_kind),
            Some(TargetKind::Session | TargetKind::TableEntry)
        );
        // Of sessions and entries, only the first was read.
        for step in unsent.iter().take(if is_single { 1 } else { usize::MAX }) {
            let Some(now) = present.target(step) else {
                // An absent target is unknown if HAProxy's reply was not understood.
                let is_known = !is_single || present.lookup.is_some();
                let what = match step.action.target_kind {
                    _ if !is_known => "could not be read",
                    TargetKind::Session => "has ended",
                    _ => "no longer exists",
                };
                changes.push(format!("{} {what}", step.target_name()));
                continue;
            };
            let mut seen = step.target.clone();
            // A change of the process concerns all targets and is listed above.
            seen.identity.process = None;
            let differences = seen.changes_to(&now);
            if !differences.is_empty() {
                changes.push(format!("{} changed: {}", step.target_name(), differences.join(", ")));
            }
        }
        if let (true, Some(shown), Some(sample)) = (changes.is_empty(), &intent.shown_impact, &present.sample) {
            // After the first step, only the backend of the next one was read.
            let now = Intent { steps: present.steps_by_row(unsent), ..intent.clone() };
            changes.extend(shown.changes_for_the_worse(&impact::evaluate_shown(sample, &now)));
        }
        changes
    }
}
