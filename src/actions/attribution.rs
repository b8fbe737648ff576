//! Who ordered the state that a server is in: from the audit of earlier runs, and from the acts of this one.
//!
//! An entry explains a state only when it ordered that very state, and when the server has not changed since. What
//! nobody is known to have ordered may be the configuration's: `disabled`.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::actions::audit::audit_index::Entry;
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::status::State;
use crate::haproxy::write_command::{Admin, WriteCommand};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Servers whose last author is remembered; beyond it the longest untouched quarter is forgotten.
const MOST: usize = 20_000;

/// HAProxy tells ages in whole seconds, and the order was written down a moment before it took effect.
const SLACK: Duration = Duration::from_secs(5);

/// Who last ordered a state, by `backend/server`.
#[derive(Debug, Default)]
pub struct Authors {
    me: SafeText,
    last: HashMap<String, Entry>,
}

impl Authors {
    /// Who acts in this run.
    pub fn set_actor(&mut self, who: SafeText) {
        self.me = who;
    }

    /// Takes in what the audit knows; acts of this run are newer.
    pub fn remember(&mut self, past: HashMap<String, Entry>) {
        for (server, entry) in past {
            self.last.entry(server).or_insert(entry);
        }
    }

    /// An act of this run.
    pub fn acted(&mut self, server: &str, order: WriteCommand, at: SystemTime) {
        let WriteCommand::State(admin) = order else { return };
        let what = SafeText::from(format!("state {}", admin.word()).as_str());
        let entry = Entry { at, who: self.me.clone(), what, verified: Some(true), reason: None };
        self.last.insert(server.to_owned(), entry);
        if self.last.len() > MOST {
            self.forget();
        }
    }

    fn forget(&mut self) {
        let mut times: Vec<SystemTime> = self.last.values().map(|entry| entry.at).collect();
        times.sort_unstable();
        let since = times[MOST / 4];
        self.last.retain(|_, entry| entry.at > since);
    }

    /// Who ordered the state that a server is in now.
    pub fn of(&self, sample: &Sample, id: RowId) -> Option<String> {
        let row = sample.row(id)?;
        let wanted = match row.state() {
            State::Maint => Admin::Maint,
            State::Drain => Admin::Drain,
            _ => return None,
        };
        let of_configuration = || {
            let origin = sample.configured.as_ref()?.of(id)?;
            (wanted == Admin::Maint && origin.admin.is_configured()).then(|| "configuration".to_owned())
        };
        let entry = self.last.get(&format!("{}/{}", row.proxy, row.name));
        entry.and_then(|entry| Self::explains(entry, wanted, sample, id)).or_else(of_configuration)
    }

    /// Whose entry it is, where it explains the state.
    fn explains(entry: &Entry, wanted: Admin, sample: &Sample, id: RowId) -> Option<String> {
        let ordered = match entry.what.as_str() {
            "state maint" | "disable" => Admin::Maint,
            "state drain" => Admin::Drain,
            _ => return None,
        };
        let age = u64::try_from(sample.number(id, Field::Lastchg)?).ok()?;
        let changed = sample.at.wall.checked_sub(Duration::from_secs(age))?;
        (ordered == wanted && changed <= entry.at + SLACK).then(|| entry.who.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, at};

    fn entry(what: &str, second: u64) -> Entry {
        let at = at(second * 1000).wall;
        Entry { at, who: "ann".into(), what: what.into(), verified: Some(true), reason: None }
    }

    #[test]
    fn an_entry_explains_only_the_state_it_ordered_and_while_nothing_changed_since() {
        let author = |what: &str, status: &str, lastchg: u64| {
            let stat = format!("# pxname,svname,status,lastchg,type,\nb,s,{status},{lastchg},2,\n");
            let sample = SampleMaker::default().at_millis(100_000, &stat);
            let mut authors = Authors::default();
            authors.remember([("b/s".to_owned(), entry(what, 40))].into());
            authors.of(&sample, sample.rows.ids()[0])
        };
        assert_eq!(author("state maint", "MAINT", 60).as_deref(), Some("ann"));
        assert_eq!(author("disable", "MAINT", 57).as_deref(), Some("ann"), "a few seconds are the clocks'");
        assert_eq!(author("state maint", "MAINT", 30), None, "somebody else did it again later");
        assert_eq!(author("state drain", "MAINT", 60), None);
        assert_eq!(author("state maint", "UP", 60), None);
        assert_eq!(author("state drain", "DRAIN", 60).as_deref(), Some("ann"));
    }

    #[test]
    fn servers_that_come_and_go_for_ever_are_forgotten() {
        let mut authors = Authors::default();
        for number in 0..2 * MOST as u64 {
            authors.acted(&format!("b/s{number}"), WriteCommand::State(Admin::Maint), at(number * 1000).wall);
        }
        assert!((MOST / 2..=MOST).contains(&authors.last.len()), "{}", authors.last.len());
        assert!(authors.last.contains_key(&format!("b/s{}", 2 * MOST - 1)));
    }

    #[test]
    fn acts_of_this_run_are_newer_than_the_audit() {
        let sample =
            SampleMaker::default().at_millis(100_000, "# pxname,svname,status,lastchg,type,\nb,s,MAINT,1,2,\n");
        let mut authors = Authors::default();
        authors.set_actor("bob".into());
        authors.acted("b/s", WriteCommand::State(Admin::Maint), at(99_000).wall);
        authors.remember([("b/s".to_owned(), entry("state maint", 40))].into());
        assert_eq!(authors.of(&sample, sample.rows.ids()[0]).as_deref(), Some("bob"));
    }
}
