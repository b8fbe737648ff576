//! What a reload took away: states and weights that were set at run time, and that the new process does not have.
//!
//! What the old configuration itself said is not lost when a new one says something else.

use crate::actions::action_table;
use crate::actions::intent::{Step, Target};
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{Row, RowKind};
use crate::haproxy::status::State;
use crate::haproxy::write_command::{Admin, WriteCommand, Weight};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// One thing that a reload took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The server.
    pub id: RowId,
    /// What would bring it back.
    pub order: WriteCommand,
}

/// Compares the last sample of one process with the first of the next.
pub fn of(before: &Sample, now: &Sample) -> Vec<Lost> {
    let mut lost = Vec::new();
    for (index, id) in before.rows.ids().iter().enumerate() {
        let Some(place) = now.rows.index(*id).filter(|_| before.rows.key(index).kind == RowKind::Server) else {
            continue;
        };
        let (old, new) = (&before.table.rows()[index], &now.table.rows()[place]);
        let origin = before.configured.as_ref().and_then(|configured| configured.of(*id)).unwrap_or_default();
        let state = match (ordered(old), ordered(new)) {
            (was, is) if was == is => None,
            // Disabled by the configuration, and enabled since.
            (None, Some(Admin::Maint)) if origin.admin.is_configured() => Some(Admin::Ready),
            (Some(Admin::Maint), _) if origin.admin.is_configured() => None,
            (was, _) => was,
        };
        lost.extend(state.map(|admin| Lost { id: *id, order: WriteCommand::State(admin) }));
        let (was, is) = (weight(before, index), weight(now, place));
        if let (Some(was), Some(configured)) = (was, origin.weight)
            && was != configured
            && is != Some(was)
            && let Ok(weight) = u16::try_from(was)
        {
            lost.push(Lost { id: *id, order: WriteCommand::Weight(Weight::Absolute(weight)) });
        }
    }
    lost
}

/// The administrative state that somebody ordered of this very server.
fn ordered(row: &Row) -> Option<Admin> {
    // In brackets stands what it has through another server, its agent, or for want of an address.
    let is_own = !row.status().contains('(');
    match row.state() {
        State::Maint if is_own => Some(Admin::Maint),
        State::Drain if is_own => Some(Admin::Drain),
        _ => None,
    }
}

/// The weight set for a server; unknown while a slow start holds it down, where only that is told.
fn weight(sample: &Sample, index: usize) -> Option<i64> {
    let number = |field| sample.table.number(index, field);
    number(Field::Uweight).or_else(|| number(Field::Weight).filter(|_| number(Field::Throttle).is_none()))
}

impl Lost {
    /// The command that brings it back; nothing when the server is gone by now.
    pub fn step(&self, sample: &Sample, seen: SafeText) -> Option<Step> {
        let row = sample.row(self.id)?;
        let target = Target {
            id: self.id,
            proxy: row.proxy.clone(),
            name: row.name.clone(),
            iid: sample.number(self.id, Field::Iid),
            seen,
        };
        let act = match self.order {
            WriteCommand::State(admin) => action_table::of_state(admin),
            _ => &action_table::WEIGHT,
        };
        Some(Step { act, order: self.order, target })
    }

    /// Whether the new process has it after all: from a state file, or because somebody set it.
    pub fn is_back(&self, sample: &Sample) -> bool {
        let Some(index) = sample.rows.index(self.id) else { return true };
        match self.order {
            WriteCommand::State(Admin::Ready) => ordered(&sample.table.rows()[index]).is_none(),
            WriteCommand::State(admin) => ordered(&sample.table.rows()[index]) == Some(admin),
            WriteCommand::Weight(wanted) => weight(sample, index) == wanted.of(None),
            _ => true,
        }
    }

    /// What it is, in a word: `MAINT`, `weight 50`.
    pub fn word(&self) -> String {
        match self.order {
            WriteCommand::State(Admin::Maint) => "MAINT".to_owned(),
            WriteCommand::State(Admin::Drain) => "DRAIN".to_owned(),
            WriteCommand::State(Admin::Ready) => "enabled".to_owned(),
            WriteCommand::Weight(weight) => format!("weight {weight}"),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::servers_state::{self};
    use crate::observe::configured_state::Configured;
    use crate::observe::test_samples::SampleMaker;
    use std::sync::Arc;

    fn stat(states: [(&str, i64); 4]) -> String {
        let row = |(place, (status, weight))| format!("b,s{place},{status},{weight},{weight},2,");
        let rows: Vec<String> = states.into_iter().enumerate().map(row).collect();
        format!("# pxname,svname,status,weight,uweight,type,\n{}\nb,BACKEND,UP,1,1,1,\n", rows.join("\n"))
    }

    fn lost(before: [(&str, i64); 4], now: [(&str, i64); 4], admin: u32) -> Vec<(usize, String)> {
        let mut maker = SampleMaker::default();
        let first = maker.at_millis(0, &stat(before));
        let lines: Vec<String> = (0..4).map(|place| format!("b s{place} {admin} 100")).collect();
        let text = format!("1\n# be_name srv_name srv_admin_state srv_iweight\n{}\n", lines.join("\n"));
        let states = servers_state::read(text.as_bytes());
        maker.configured = Some(Arc::new(Configured::new(states, &first.rows)));
        let before = maker.at_millis(1000, &stat(before));
        maker.reload();
        let now = maker.at_millis(2000, &stat(now));
        let place = |id| now.rows.index(id).unwrap();
        of(&before, &now).iter().map(|lost| (place(lost.id), lost.word())).collect()
    }

    const PLAIN: [(&str, i64); 4] = [("UP", 100); 4];

    #[test]
    fn states_and_weights_set_at_run_time_are_lost_by_a_reload() {
        let before = [("MAINT", 100), ("DRAIN", 100), ("UP", 50), ("MAINT", 20)];
        let all = [(0, "MAINT"), (1, "DRAIN"), (2, "weight 50"), (3, "MAINT"), (3, "weight 20")];
        assert_eq!(lost(before, PLAIN, 0), all.map(|(place, word)| (place, word.to_owned())));
        assert_eq!(lost(before, before, 0), [], "a state file brought all of it back");
        assert_eq!(lost(PLAIN, before, 0), []);
    }

    #[test]
    fn what_was_never_ordered_here_is_not_lost() {
        let before = [("MAINT (via c/t)", 100), ("DRAIN (agent)", 100), ("MAINT (resolution)", 100), ("DOWN", 100)];
        assert_eq!(lost(before, PLAIN, 0), []);
        let configured = [("MAINT", 100), ("UP", 100), ("UP", 100), ("UP", 100)];
        assert_eq!(lost(configured, PLAIN, 4), [], "the old configuration said so, the new one does not");
        assert_eq!(lost(PLAIN, [("UP", 40); 4], 0), [], "the weight of a new configuration");
    }

    #[test]
    fn a_disabled_server_that_was_enabled_is_disabled_again() {
        let now = [("MAINT", 100), ("UP", 100), ("UP", 100), ("UP", 100)];
        assert_eq!(lost(PLAIN, now, 4), [(0, "enabled".to_owned())]);
        assert_eq!(lost(PLAIN, now, 0), [], "disabled by the new configuration alone");
    }
}
