//! Description of a server before an action: the status and its age, the person who ordered it according to the audit
//! log, and earlier commands whose outcome was not recorded.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::readback::Readback;
use crate::haproxy::fields::Field;
use crate::haproxy::status::RowState;
use crate::headless::local_time::local_time;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::units::{duration_words, pluralize};

/// Describes a server as `UP for 3 h, 12 sessions` or `DRAIN for 35 s, ordered by ann, 4 sessions`.
pub(crate) fn describe_initial_state(instance: &Instance, id: RowId, readback: Option<&Readback>) -> String {
    let status = instance.last_status(id).unwrap_or_default();
    let number = |field| instance.latest().and_then(|sample| sample.number(id, field));
    let age = number(Field::Lastchg).and_then(|age| u64::try_from(age).ok());
    let age = age.map_or(String::new(), |age| format!(" for {}", duration_words(Duration::from_secs(age))));
    // A server that is down shows DOWN, even in drain.
    let is_drained =
        readback.and_then(|readback| readback.server_state.as_ref()).is_some_and(|state| state.admin.is_drain());
    let is_hidden = is_drained && !RowState::parse(status.as_str()).is_maint_or_drain();
    let drained = if is_hidden { ", in drain" } else { "" };
    let author = instance.attributed_to(id).map_or(String::new(), |who| format!(", ordered by {who}"));
    let sessions =
        number(Field::Scur).map_or(String::new(), |sessions| format!(", {}", pluralize(sessions, "session")));
    format!("{status}{age}{drained}{author}{sessions}")
}

/// Describes the commands to the server `name` whose result is missing in the audit log. Commands sent before the last
/// recorded state change of the server are omitted.
pub(crate) fn unfinished_commands(audit_index: &AuditIndex, address: &str, name: &str, zone: &TimeZone) -> Vec<String> {
    let last = audit_index.last_change(address, name).map(|entry| entry.at);
    let all = audit_index.unfinished(address).into_iter().filter(|one| {
        let is_here = one.target.as_ref().is_some_and(|target| target.as_str() == name);
        is_here && last.is_none_or(|last| one.entry.at >= last)
    });
    let described = all.map(|one| {
        let at = local_time(one.entry.at, zone);
        format!("action of {} at {at} has no result in the audit log: {}", one.entry.author, one.command)
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::record::{AuditRecord, RecordPhase};
    use crate::actions::audit::test_records::record;
    use crate::observe::test_samples::{SampleBuilder, timestamp_at};

    fn described(status: &str, audit_index: &AuditIndex, admin: u32) -> String {
        let mut instance = Instance::default();
        instance.load_audit_index(audit_index, "/run/a.sock", timestamp_at(0));
        let stat = format!("# pxname,svname,scur,status,lastchg,type,\nbe,s1,4,{status},35,2,\nbe,BACKEND,4,UP,1,1,\n");
        let sample = SampleBuilder::default().build_at_millis(40_000, &stat);
        let id = sample.rows.ids()[0];
        instance.add_sample(sample, 0);
        let text = format!("1\n# be_name srv_name srv_admin_state\nbe s1 {admin}\n");
        let state = crate::haproxy::servers_state::parse(text.as_bytes()).pop();
        describe_initial_state(&instance, id, Some(&Readback { server_state: state, ..Readback::default() }))
    }

    #[test]
    fn describe_initial_state_includes_age_and_author() {
        let seconds = 1_700_000_005;
        let audit_index =
            AuditIndex::from_records([record("a", RecordPhase::Done, seconds, "set server be/s1 state drain")]);
        assert_eq!(described("DRAIN", &audit_index, 8), "DRAIN for 35 s, ordered by ann, 4 sessions");
        assert_eq!(described("DRAIN", &AuditIndex::default(), 8), "DRAIN for 35 s, 4 sessions");
        assert_eq!(described("UP", &audit_index, 0), "UP for 35 s, 4 sessions");
        assert_eq!(described("DOWN", &audit_index, 8), "DOWN for 35 s, in drain, 4 sessions");
    }

    #[test]
    fn unfinished_commands_end_with_later_state_change() {
        let drain = "set server be/s1 state drain";
        let open = record("a", RecordPhase::Sending, 60, drain);
        let described = |records: Vec<AuditRecord>, name: &str| {
            unfinished_commands(&AuditIndex::from_records(records), "/run/a.sock", name, &TimeZone::UTC)
        };
        assert_eq!(
            described(vec![open.clone()], "be/s1"),
            ["action of ann at 1970-01-01 00:01:00 has no result in the audit log: set server be/s1 state drain"]
        );
        assert_eq!(described(vec![open.clone()], "be/s2"), [""; 0]);
        let later = record("b", RecordPhase::Done, 70, "set server be/s1 state ready");
        assert_eq!(described(vec![open, later], "be/s1"), [""; 0]);
    }
}
