//! Attribution: who ordered the state of a server, according to the audit log of earlier runs and the actions of this
//! run.
//!
//! An entry explains a state only if its command ordered exactly that state and the server's status has not changed
//! since. Maintenance without such an entry may come from the keyword `disabled` in HAProxy's configuration.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::actions::audit::audit_index::IndexEntry;
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{TargetState, WriteCommand};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Maximum number of servers stored; if it is exceeded, the oldest quarter is dropped.
const MAX_SERVERS: usize = 20_000;

/// Tolerance between the time of an audit record and HAProxy's `lastchg`: HAProxy reports whole seconds, and a record
/// is written shortly before the command takes effect.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// Authors of the last state changes, by `backend/server`.
#[derive(Debug, Default)]
pub(crate) struct Attribution {
    current_actor: SafeText,
    last_changes: HashMap<String, IndexEntry>,
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

    fn evict_oldest(&mut self) {
        let mut times: Vec<SystemTime> = self.last_changes.values().map(|entry| entry.at).collect();
        times.sort_unstable();
        let since = times[MAX_SERVERS / 4];
        self.last_changes.retain(|_, entry| entry.at > since);
    }

    /// Returns who ordered a server's maintenance or drain; `None` if unknown, and for other states.
    pub(crate) fn author_of(&self, sample: &Sample, id: RowId) -> Option<String> {
        let row = sample.row(id)?;
        let admin_state = match row.state() {
            RowState::Maint => TargetState::Maint,
            RowState::Drain => TargetState::Drain,
            _ => return None,
        };
        let configured = || {
            let origin = sample.configured.as_ref()?.get(id)?;
            (admin_state == TargetState::Maint && origin.admin_state.is_disabled_in_config())
                .then(|| "configuration".to_owned())
        };
        let entry = self.last_changes.get(&format!("{}/{}", row.proxy, row.name));
        entry.and_then(|entry| Self::author_if_matching(entry, admin_state, sample, id)).or_else(configured)
    }

    /// Returns the author of an entry if the entry explains the state.
    fn author_if_matching(entry: &IndexEntry, admin_state: TargetState, sample: &Sample, id: RowId) -> Option<String> {
        let ordered = match entry.change.as_str() {
            "state maint" | "disable" => TargetState::Maint,
            "state drain" => TargetState::Drain,
            _ => return None,
        };
        let age = u64::try_from(sample.number(id, Field::Lastchg)?).ok()?;
        let changed = sample.at.wall.checked_sub(Duration::from_secs(age))?;
        (ordered == admin_state && changed <= entry.at + CLOCK_TOLERANCE).then(|| entry.author.to_string())
    }
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
