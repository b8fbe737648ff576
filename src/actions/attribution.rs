//! Attribution: who or what ordered the state of a server, according to the audit log of earlier runs, the actions of
//! this run and HAProxy's reports.
//!
//! An entry explains a state only if its command ordered exactly that state and the server's status has not changed
//! since. A state without such an entry may come from the server's agent, the server that it tracks, DNS, a health
//! check, or the keyword `disabled` in HAProxy's configuration. If none of them is known to be the cause, the author is
//! unknown: another operator is never guessed.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::actions::audit::audit_index::IndexEntry;
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{TargetState, WriteCommand};
use crate::observe::events::{Event, EventKind, display_name};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause::{self, StateCause};

/// Maximum number of servers stored; if it is exceeded, the oldest quarter is dropped.
const MAX_SERVERS: usize = 20_000;

/// Tolerance between the time of a record and HAProxy's `lastchg`: HAProxy reports whole seconds, and a record
/// is written shortly before the command takes effect.
pub(crate) const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Authors of the last state changes, by `backend/server`.
#[derive(Debug, Default)]
pub(crate) struct Attribution {
    current_actor: SafeText,
    last_changes: HashMap<String, IndexEntry>,
    /// Changes in a recording, oldest first, by `backend/server`.
    recorded_changes: HashMap<String, Vec<IndexEntry>>,
    /// Changes that an agent was seen to order, with the explanation of the agent, by `backend/server`.
    agent_changes: HashMap<String, (SystemTime, String)>,
}

impl Attribution {
    /// Sets the person to whom the actions of this run are attributed.
    pub(crate) fn set_actor(&mut self, name: SafeText) {
        self.current_actor = name;
    }

    /// Adds entries from the audit log. Actions of this run are newer and take precedence.
    pub(crate) fn merge_audit_entries(&mut self, past: HashMap<String, IndexEntry>) {
        for (server, entry) in past {
            self.last_changes.entry(server).or_insert(entry);
        }
    }

    /// Adds changes of a recording that follow those that were added before.
    pub(crate) fn add_recorded_entries(&mut self, changes: HashMap<String, IndexEntry>) {
        for (server, entry) in changes {
            self.recorded_changes.entry(server).or_default().push(entry);
        }
    }

    /// Returns the last change of a server that was made before this time.
    fn last_change(&self, server: &str, at: SystemTime) -> Option<&IndexEntry> {
        let recorded = self.recorded_changes.get(server).into_iter().flatten();
        let known = recorded.chain(self.last_changes.get(server));
        known.filter(|entry| entry.at <= at + CLOCK_TOLERANCE).max_by_key(|entry| entry.at)
    }

    /// Records an action of this run if it sets an administrative state.
    pub(crate) fn record_action(&mut self, server: &str, command: WriteCommand, at: SystemTime) {
        let WriteCommand::State(admin) = command else { return };
        let change = SafeText::from(format!("state {}", admin.as_str()).as_str());
        let entry = IndexEntry { at, author: self.current_actor.clone(), change, verified: Some(true), reason: None };
        self.last_changes.insert(server.to_owned(), entry);
        if self.last_changes.len() > MAX_SERVERS {
            self.evict_oldest();
        }
    }

    /// Records a change that two samples show, if the agent of the server ordered it.
    pub(crate) fn record_change(&mut self, event: &Event) {
        let EventKind::Status { cause, .. } = &event.kind else { return };
        match cause {
            StateCause::Agent(explanation) if self.agent_changes.len() < MAX_SERVERS => {
                self.agent_changes.insert(event.name.clone(), (event.at.wall, explanation.clone()));
            }
            _ => _ = self.agent_changes.remove(&event.name),
        }
    }

    /// Forgets the recorded change of a server, which has changed again.
    pub(crate) fn forget_change(&mut self, row: &StatRow) {
        if !self.agent_changes.is_empty() {
            self.agent_changes.remove(&display_name(row.kind, &row.proxy, &row.name));
        }
    }

    fn evict_oldest(&mut self) {
        let mut times: Vec<SystemTime> = self.last_changes.values().map(|entry| entry.at).collect();
        times.sort_unstable();
        let since = times[MAX_SERVERS / 4];
        self.last_changes.retain(|_, entry| entry.at > since);
    }

    /// Returns who or what ordered a server's maintenance, drain, `NOLB` or `DOWN (agent)`; `None` if unknown, and for
    /// other states.
    pub(crate) fn author_of(&self, sample: &Sample, id: RowId) -> Option<String> {
        let row = sample.row(id)?;
        let name = format!("{}/{}", row.proxy, row.name);
        let admin_state = match row.state() {
            RowState::Maint => Some(TargetState::Maint),
            RowState::Drain => Some(TargetState::Drain),
            _ => None,
        };
        let cause = state_cause::current_cause(sample, row);
        let entry = || Self::author_if_matching(self.last_change(&name, sample.at.wall)?, admin_state?, sample, id);
        let configured = || {
            let origin = sample.configured.as_ref()?.get(id)?;
            (admin_state == Some(TargetState::Maint) && origin.admin_state.is_disabled_in_config())
                .then(|| "configuration".to_owned())
        };
        match cause? {
            // HAProxy names these causes only if they apply.
            cause @ (StateCause::Resolution | StateCause::Agent(_)) => Some(cause.to_string()),
            StateCause::Tracking(tracked) if row.status().contains('(') => {
                Some(StateCause::Tracking(tracked).to_string())
            }
            StateCause::AgentOrOperator => entry().or_else(|| {
                let is_agent = || Some(StateCause::Agent(self.agent_change(&name, sample, id)?).to_string());
                is_agent().or_else(configured).or_else(|| Some(StateCause::AgentOrOperator.to_string()))
            }),
            StateCause::Operator => entry().or_else(configured),
            StateCause::Check if row.state() == RowState::Down => None,
            cause => entry().or_else(|| Some(cause.to_string())),
        }
    }

    /// Returns the explanation of the agent that was seen to order the current state; `None` if it was not seen, or the
    /// state has changed since.
    fn agent_change(&self, name: &str, sample: &Sample, id: RowId) -> Option<String> {
        let (at, explanation) = self.agent_changes.get(name)?;
        (changed_at(sample, id)? <= *at + CLOCK_TOLERANCE).then(|| explanation.clone())
    }

    /// Returns the author of an entry if the entry explains the state.
    fn author_if_matching(entry: &IndexEntry, admin_state: TargetState, sample: &Sample, id: RowId) -> Option<String> {
        let ordered = match entry.change.as_str() {
            "state maint" | "disable" => TargetState::Maint,
            "state drain" => TargetState::Drain,
            _ => return None,
        };
        (ordered == admin_state && changed_at(sample, id)? <= entry.at + CLOCK_TOLERANCE)
            .then(|| entry.author.to_string())
    }
}

/// Returns the time of a row's last change of state, or `None` if HAProxy does not report it.
pub(crate) fn changed_at(sample: &Sample, id: RowId) -> Option<SystemTime> {
    let age = u64::try_from(sample.number(id, Field::Lastchg)?).ok()?;
    sample.at.wall.checked_sub(Duration::from_secs(age))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, timestamp_at};

    fn entry(change: &str, second: u64) -> IndexEntry {
        let at = timestamp_at(second * 1000).wall;
        IndexEntry { at, author: "ann".into(), change: change.into(), verified: Some(true), reason: None }
    }

    #[test]
    fn author_of_requires_matching_unchanged_state() {
        let author = |change: &str, status: &str, lastchg: u64| {
            let stat = format!("# pxname,svname,status,lastchg,type,\nb,s,{status},{lastchg},2,\n");
            let sample = SampleBuilder::default().build_at_millis(100_000, &stat);
            let mut attribution = Attribution::default();
            attribution.merge_audit_entries([("b/s".to_owned(), entry(change, 40))].into());
            attribution.author_of(&sample, sample.rows.ids()[0])
        };
        assert_eq!(author("state maint", "MAINT", 60).as_deref(), Some("ann"));
        assert_eq!(author("disable", "MAINT", 57).as_deref(), Some("ann"), "a few seconds of tolerance");
        assert_eq!(author("state maint", "MAINT", 30), None, "changed again later by another tool");
        assert_eq!(author("state drain", "MAINT", 60), None);
        assert_eq!(author("state maint", "UP", 60), None);
        assert_eq!(author("state drain", "DRAIN", 60).as_deref(), Some("ann"));
    }

    #[test]
    fn author_of_is_the_one_at_the_time_of_the_sample() {
        let author = |second: u64, lastchg: u64| {
            let stat = format!("# pxname,svname,status,lastchg,type,\nb,s,MAINT,{lastchg},2,\n");
            let sample = SampleBuilder::default().build_at_millis(second * 1000, &stat);
            let mut attribution = Attribution::default();
            for (name, at) in [("ann", 40), ("bob", 200)] {
                let entry = IndexEntry { author: name.into(), ..entry("state maint", at) };
                attribution.add_recorded_entries([("b/s".to_owned(), entry)].into());
            }
            attribution.author_of(&sample, sample.rows.ids()[0])
        };
        assert_eq!(author(100, 60).as_deref(), Some("ann"));
        assert_eq!(author(210, 10).as_deref(), Some("bob"));
        assert_eq!(author(20, 5), None, "before the first change");
    }

    #[test]
    fn attribution_drops_oldest_servers() {
        let mut attribution = Attribution::default();
        for number in 0..2 * MAX_SERVERS as u64 {
            attribution.record_action(
                &format!("b/s{number}"),
                WriteCommand::State(TargetState::Maint),
                timestamp_at(number * 1000).wall,
            );
        }
        assert!(
            (MAX_SERVERS / 2..=MAX_SERVERS).contains(&attribution.last_changes.len()),
            "{}",
            attribution.last_changes.len()
        );
        assert!(attribution.last_changes.contains_key(&format!("b/s{}", 2 * MAX_SERVERS - 1)));
    }

    #[test]
    fn attribution_prefers_own_actions_over_audit() {
        let sample =
            SampleBuilder::default().build_at_millis(100_000, "# pxname,svname,status,lastchg,type,\nb,s,MAINT,1,2,\n");
        let mut attribution = Attribution::default();
        attribution.set_actor("bob".into());
        attribution.record_action("b/s", WriteCommand::State(TargetState::Maint), timestamp_at(99_000).wall);
        attribution.merge_audit_entries([("b/s".to_owned(), entry("state maint", 40))].into());
        assert_eq!(attribution.author_of(&sample, sample.rows.ids()[0]).as_deref(), Some("bob"));
    }
}
