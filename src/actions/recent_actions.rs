//! What was done to HAProxy from here: on which rows, how far it has come, and what was read back.

use std::time::Duration;

use crate::actions::attribution::Authors;
use crate::actions::drain_tracker::Draining;
use crate::actions::in_flight::UnderWay;
use crate::actions::outcome::{Outcome, Report, Stage};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::write_command::{Admin, WriteCommand};
use crate::observe::events::{Event, What};
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Stamp;

/// A change of status this soon after our act is taken for its effect.
const OURS_FOR: Duration = Duration::from_secs(20);

/// What was done to one instance.
#[derive(Debug, Default)]
pub struct Deeds {
    /// Servers we acted on, and when.
    ours: Vec<(RowId, Duration)>,
    /// Statuses read back after an act, which no sample has shown yet.
    pub read_back: Vec<(RowId, SafeText)>,
    /// How far acts have come.
    pub under_way: UnderWay,
    /// Who ordered what.
    pub authors: Authors,
}

impl Deeds {
    /// Takes in what became of acts; drains are followed from now on. Gives what there is to tell.
    pub fn take(&mut self, report: &Report, draining: &mut Draining, at: Stamp) -> Vec<Event> {
        let mut events = Vec::new();
        let mut tell = |row, what| events.push(Event { at, row, name: String::new(), what });
        for done in &report.done {
            let id = done.step.target.id;
            let is_row = id != RowId::PROCESS;
            let is_sent = !matches!(done.outcome, Outcome::NotSent(_) | Outcome::Refused(_));
            if is_row {
                self.ours.extend(is_sent.then_some((id, at.mono)));
                self.under_way.tell(id, if done.outcome.is_good() { Stage::Good } else { Stage::Bad }, at.mono);
            }
            if let Some(status) = done.after.as_ref().map(|after| &after.status).filter(|status| !status.is_empty()) {
                self.read_back.retain(|(known, _)| *known != id);
                self.read_back.push((id, status.clone()));
            }
            if let (WriteCommand::State(admin), true) = (done.step.order, done.outcome.is_good()) {
                match admin {
                    Admin::Drain => draining.order(id, at.mono),
                    Admin::Ready | Admin::Maint => draining.forget(id),
                }
            }
            if done.outcome.is_good() {
                self.authors.acted(&done.step.name(), done.step.order, at.wall);
            }
            let (command, outcome) = (done.command.clone(), done.outcome.to_string());
            let verified = done.outcome.is_good();
            // The command names what it was about.
            tell(Some(id).filter(|_| is_row), What::Act { command, outcome, verified });
        }
        for step in report.left() {
            let command = step.command().unwrap_or_default();
            let outcome = "not sent: an act before it failed".to_owned();
            tell(Some(step.target.id), What::Act { command, outcome, verified: false });
        }
        events
    }

    /// Forgets acts of so long ago that a change now is not their effect.
    pub fn forget_old(&mut self, now: Stamp) {
        self.ours.retain(|(_, at)| now.since(*at) < OURS_FOR);
    }

    /// Whether we acted on a row lately.
    pub fn is_ours(&self, id: RowId) -> bool {
        self.ours.iter().any(|(ours, _)| *ours == id)
    }
}
