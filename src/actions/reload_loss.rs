//! Reload losses: states and weights that were set at run time and that the new process does not have.
//!
//! A value of the old configuration that the new configuration changes is not a loss.

use crate::actions::action_table;
use crate::actions::intent::{ActionTarget, IntentStep};
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::{TargetState, TargetWeight, WriteCommand};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// A run-time state or weight of one server that a reload lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadLoss {
    /// The server.
    pub id: RowId,
    /// Command that restores the state or weight.
    pub(crate) command: WriteCommand,
}

/// Finds the losses by comparing the last sample of one process with the first sample of the next process.
pub(crate) fn find_losses(before: &Sample, now: &Sample) -> Vec<ReloadLoss> {
    let mut losses = Vec::new();
    for (index, id) in before.rows.ids().iter().enumerate() {
        let Some(place) = now.rows.index_of(*id).filter(|_| before.table.rows()[index].kind == RowKind::Server) else {
            continue;
        };
        let (old, new) = (&before.table.rows()[index], &now.table.rows()[place]);
        let origin = before.configured.as_ref().and_then(|configured| configured.get(*id)).unwrap_or_default();
        let state = match (own_admin_state(old), own_admin_state(new)) {
            (was, is) if was == is => None,
            // Disabled by the configuration, and enabled at run time.
            (None, Some(TargetState::Maint)) if origin.admin_state.is_disabled_in_config() => Some(TargetState::Ready),
            (Some(TargetState::Maint), _) if origin.admin_state.is_disabled_in_config() => None,
            (was, _) => was,
        };
        losses.extend(state.map(|admin| ReloadLoss { id: *id, command: WriteCommand::State(admin) }));
        let (was, is) = (runtime_weight(before, index), runtime_weight(now, place));
        if let (Some(was), Some(configured)) = (was, origin.weight)
            && was != configured
            && is != Some(was)
            && let Ok(weight) = u16::try_from(was)
        {
            losses.push(ReloadLoss { id: *id, command: WriteCommand::Weight(TargetWeight::Absolute(weight)) });
        }
    }
    losses
}

/// Returns the maintenance or drain state that was set on the server itself; `None` without one.
fn own_admin_state(row: &StatRow) -> Option<TargetState> {
    // A status in parentheses comes from a tracked server, the agent, or a failed name resolution.
    let is_own = !row.status().contains('(');
    match row.state() {
        RowState::Maint if is_own => Some(TargetState::Maint),
        RowState::Drain if is_own => Some(TargetState::Drain),
        _ => None,
    }
}

/// Returns the weight set for a server; `None` during a slow start if HAProxy reports only the effective weight.
fn runtime_weight(sample: &Sample, index: usize) -> Option<i64> {
    let number = |field| sample.table.number(index, field);
    number(Field::Uweight).or_else(|| number(Field::Weight).filter(|_| number(Field::Throttle).is_none()))
}

impl ReloadLoss {
    /// Returns the step that restores the loss, or `None` if the server no longer exists.
    pub fn restore_step(&self, sample: &Sample, seen_status: SafeText) -> Option<IntentStep> {
        let target = ActionTarget { seen_status, ..ActionTarget::from_row(sample, self.id)? };
        let action = match self.command {
            WriteCommand::State(admin) => action_table::for_admin_state(admin),
            _ => &action_table::WEIGHT,
        };
        Some(IntentStep { action, command: self.command, target })
    }

    /// Returns whether a state file or a command has restored the lost state or weight, or the server no longer exists.
    pub(crate) fn is_restored(&self, sample: &Sample) -> bool {
        let Some(index) = sample.rows.index_of(self.id) else { return true };
        match self.command {
            WriteCommand::State(TargetState::Ready) => own_admin_state(&sample.table.rows()[index]).is_none(),
            WriteCommand::State(admin) => own_admin_state(&sample.table.rows()[index]) == Some(admin),
            WriteCommand::Weight(wanted) => runtime_weight(sample, index) == wanted.resolve(None),
            _ => true,
        }
    }

    /// Returns a short label: `MAINT`, `weight 50`.
    pub fn label(&self) -> String {
        match self.command {
            WriteCommand::State(TargetState::Maint) => "MAINT".to_owned(),
            WriteCommand::State(TargetState::Drain) => "DRAIN".to_owned(),
            WriteCommand::State(TargetState::Ready) => "enabled".to_owned(),
            WriteCommand::Weight(weight) => format!("weight {weight}"),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::servers_state::{self};
    use crate::observe::configured_state::ConfiguredServers;
    use crate::observe::test_samples::SampleBuilder;
    use std::sync::Arc;

    fn stat(states: [(&str, i64); 4]) -> String {
        let row = |(place, (status, weight))| format!("b,s{place},{status},{weight},{weight},2,");
        let rows: Vec<String> = states.into_iter().enumerate().map(row).collect();
        format!("# pxname,svname,status,weight,uweight,type,\n{}\nb,BACKEND,UP,1,1,1,\n", rows.join("\n"))
    }

    fn losses(before: [(&str, i64); 4], now: [(&str, i64); 4], admin: u32) -> Vec<(usize, String)> {
        let mut maker = SampleBuilder::default();
        let first = maker.build_at_millis(0, &stat(before));
        let lines: Vec<String> = (0..4).map(|place| format!("b s{place} {admin} 100")).collect();
        let text = format!("1\n# be_name srv_name srv_admin_state srv_iweight\n{}\n", lines.join("\n"));
        let states = servers_state::iter(text.as_bytes());
        maker.configured = Some(Arc::new(ConfiguredServers::new(states, &first.table, &first.rows)));
        let before = maker.build_at_millis(1000, &stat(before));
        maker.reload();
        let now = maker.build_at_millis(2000, &stat(now));
        let place = |id| now.rows.index_of(id).unwrap();
        find_losses(&before, &now).iter().map(|losses| (place(losses.id), losses.label())).collect()
    }

    const PLAIN: [(&str, i64); 4] = [("UP", 100); 4];

    #[test]
    fn find_losses_reports_runtime_states_and_weights() {
        let before = [("MAINT", 100), ("DRAIN", 100), ("UP", 50), ("MAINT", 20)];
        let all = [(0, "MAINT"), (1, "DRAIN"), (2, "weight 50"), (3, "MAINT"), (3, "weight 20")];
        assert_eq!(losses(before, PLAIN, 0), all.map(|(place, word)| (place, word.to_owned())));
        assert_eq!(losses(before, before, 0), [], "a state file restored everything");
        assert_eq!(losses(PLAIN, before, 0), []);
    }

    #[test]
    fn find_losses_ignores_states_not_set_at_run_time() {
        let before = [("MAINT (via c/t)", 100), ("DRAIN (agent)", 100), ("MAINT (resolution)", 100), ("DOWN", 100)];
        assert_eq!(losses(before, PLAIN, 0), []);
        let configured = [("MAINT", 100), ("UP", 100), ("UP", 100), ("UP", 100)];
        assert_eq!(losses(configured, PLAIN, 4), [], "disabled by the old configuration only");
        assert_eq!(losses(PLAIN, [("UP", 40); 4], 0), [], "the weight of a new configuration");
    }

    #[test]
    fn find_losses_reports_lost_enable_of_configured_disabled_server() {
        let now = [("MAINT", 100), ("UP", 100), ("UP", 100), ("UP", 100)];
        assert_eq!(losses(PLAIN, now, 4), [(0, "enabled".to_owned())]);
        assert_eq!(losses(PLAIN, now, 0), [], "disabled by the new configuration alone");
    }
}
