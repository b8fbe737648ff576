//! What state a server was found in, before anything is done to it: what it is, since when, by whom as far as the
//! audit knows, and what an earlier run began there and never ended.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::actions::audit::audit_index::Ledger;
use crate::actions::readback::Seen;
use crate::app::action_facts::counted;
use crate::haproxy::fields::Field;
use crate::haproxy::status::State;
use crate::instance::instance::Instance;
use crate::observe::row_ids::RowId;
use crate::problems::phrases::span;

/// `UP for 3 h, 12 sessions`, `DRAIN for 35 s, ordered by ann, 4 sessions`.
pub fn words(watch: &Instance, id: RowId, seen: Option<&Seen>) -> String {
    let status = watch.status(id).unwrap_or_default();
    let number = |field| watch.newest().and_then(|sample| sample.number(id, field));
    let age = number(Field::Lastchg).and_then(|age| u64::try_from(age).ok());
    let age = age.map_or(String::new(), |age| format!(" for {}", span(Duration::from_secs(age))));
    // A server that is DOWN reads DOWN whatever was ordered.
    let is_drained = seen.and_then(|seen| seen.state.as_ref()).is_some_and(|state| state.admin.is_drain());
    let is_hidden = is_drained && !matches!(State::parse(status.as_str()), State::Drain | State::Maint);
    let drained = if is_hidden { ", in drain" } else { "" };
    let author = watch.author(id).map_or(String::new(), |who| format!(", ordered by {who}"));
    let sessions = number(Field::Scur).map_or(String::new(), |sessions| format!(", {}", counted(sessions, "session")));
    format!("{status}{age}{drained}{author}{sessions}")
}

/// What was sent to a server, by the address of its HAProxy, and has no end in the audit: nothing where an order of
/// its state was written down since.
pub fn unfinished(ledger: &Ledger, address: &str, name: &str, zone: &TimeZone) -> Vec<String> {
    let last = ledger.last_state(address, name).map(|entry| entry.at);
    let all = ledger.unfinished(address).into_iter().filter(|one| {
        let is_here = one.target.as_ref().is_some_and(|target| target.as_str() == name);
        is_here && last.is_none_or(|last| one.entry.at >= last)
    });
    let told = all.map(|one| {
        let at = Timestamp::try_from(one.entry.at).map(|at| at.to_zoned(zone.clone()));
        let at = at.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default();
        format!("an act of {} at {at} has no end in the audit: {}", one.entry.who, one.command)
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::audit::record::{Phase, Record};
    use crate::actions::audit::test_records::record;
    use crate::observe::test_samples::{SampleMaker, at};

    fn told(status: &str, ledger: &Ledger, admin: u32) -> String {
        let mut watch = Instance::default();
        watch.remember(ledger, "/run/a.sock", at(0));
        let stat = format!("# pxname,svname,scur,status,lastchg,type,\nbe,s1,4,{status},35,2,\nbe,BACKEND,4,UP,1,1,\n");
        let sample = SampleMaker::default().at_millis(40_000, &stat);
        let id = sample.rows.ids()[0];
        watch.take(sample, 0);
        let text = format!("1\n# be_name srv_name srv_admin_state\nbe s1 {admin}\n");
        let state = crate::haproxy::servers_state::parse(text.as_bytes()).pop();
        words(&watch, id, Some(&Seen { state, ..Seen::default() }))
    }

    #[test]
    fn what_was_found_is_told_with_its_age_and_who_ordered_it() {
        let seconds = 1_700_000_005;
        let ledger = Ledger::from_records([record("a", Phase::Done, seconds, "set server be/s1 state drain")]);
        assert_eq!(told("DRAIN", &ledger, 8), "DRAIN for 35 s, ordered by ann, 4 sessions");
        assert_eq!(told("DRAIN", &Ledger::default(), 8), "DRAIN for 35 s, 4 sessions");
        assert_eq!(told("UP", &ledger, 0), "UP for 35 s, 4 sessions");
        assert_eq!(told("DOWN", &ledger, 8), "DOWN for 35 s, in drain, 4 sessions");
    }

    #[test]
    fn what_never_ended_is_told_until_something_else_did() {
        let drain = "set server be/s1 state drain";
        let open = record("a", Phase::Sending, 60, drain);
        let told = |records: Vec<Record>, name: &str| {
            unfinished(&Ledger::from_records(records), "/run/a.sock", name, &TimeZone::UTC)
        };
        assert_eq!(
            told(vec![open.clone()], "be/s1"),
            ["an act of ann at 1970-01-01 00:01:00 has no end in the audit: set server be/s1 state drain"]
        );
        assert_eq!(told(vec![open.clone()], "be/s2"), [""; 0]);
        let later = record("b", Phase::Done, 70, "set server be/s1 state ready");
        assert_eq!(told(vec![open, later], "be/s1"), [""; 0]);
    }
}
