//! Impact of an action: the capacity that would remain in each backend if some servers went out of service.
//!
//! Servers in other backends may track a server and follow it into maintenance and drain. An action on one server can
//! therefore remove the last usable server of another backend.

use std::collections::BTreeSet;

use crate::actions::action_table::{self, Danger, TargetKind};
use crate::actions::capacity::{Capacity, CapacityChanges};
use crate::actions::instance_warnings;
use crate::actions::intent::{Intent, IntentStep};
use crate::actions::shown_impact::ShownImpact;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::status::RowState;
use crate::haproxy::write_command::WriteCommand;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;

/// Impact of an action on one backend, from the latest sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendImpact {
    /// The backend.
    pub(crate) backend: SafeText,
    /// Current capacity.
    pub(crate) now: Capacity,
    /// Capacity after the action.
    pub(crate) after: Capacity,
    /// Number of current sessions on the servers that would go out of service.
    pub(crate) sessions: i64,
    /// Number of requests queued for the servers that would go out of service.
    pub(crate) queued: i64,
    /// Remaining server that would be closest to its limit; `None` if the action moves no load.
    pub(crate) most_loaded: Option<ServerLoad>,
}

/// Estimated load of one remaining server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerLoad {
    /// The server.
    pub(crate) server: SafeText,
    /// Estimated number of sessions if the backend's sessions are distributed by weight.
    pub(crate) sessions: i64,
    /// Session limit; `None` if unlimited.
    pub(crate) limit: Option<i64>,
}

impl ServerLoad {
    /// Returns true if the estimated sessions exceed the limit.
    pub(crate) fn exceeds_limit(&self) -> bool {
        self.limit.is_some_and(|limit| self.sessions > limit)
    }
}

impl BackendImpact {
    /// Evaluates every backend that contains a target server or a server that tracks a target, starting with the
    /// backend of the first target. Returns an empty list if no step targets an existing server.
    pub fn evaluate(sample: &Sample, steps: &[IntentStep]) -> Vec<Self> {
        Self::evaluate_with_enabled(sample, steps, &[])
    }

    /// Like [`Self::evaluate`], if the servers `enabled` and those that track them become usable.
    pub(crate) fn evaluate_with_enabled(sample: &Sample, steps: &[IntentStep], enabled: &[RowId]) -> Vec<Self> {
        let servers = || steps.iter().filter(|step| step.action.target_kind == TargetKind::Server);
        let placed = |step: &IntentStep| sample.rows.index_of(step.target.id);
        let targets: Vec<usize> = servers().filter_map(placed).collect();
        let mut changes = CapacityChanges::default();
        let weights = &mut changes.weights;
        for (row, step) in servers().filter_map(|step| Some((placed(step)?, step))) {
            match step.command {
                fixed_command if action_table::blocks_new_sessions(fixed_command) => _ = weights.insert(row, 0),
                WriteCommand::Weight(weight) => {
                    let configured = sample.configured_weight(step.target.id);
                    weights.extend(weight.resolve(configured).map(|weight| (row, weight)));
                }
                _ => {}
            }
        }
        // Tracking servers follow the state of the tracked server, but not its weight.
        let ordered = servers().filter(|step| matches!(step.command, WriteCommand::State(_) | WriteCommand::Health(_)));
        let leaving: Vec<usize> = ordered.filter_map(placed).filter(|row| weights.get(row) == Some(&0)).collect();
        weights.extend(with_tracking_servers(sample, &leaving).into_iter().map(|row| (row, 0)));
        let enabled: Vec<usize> = enabled.iter().filter_map(|id| sample.rows.index_of(*id)).collect();
        let follows = |row: &usize| {
            let row = &sample.table.rows()[*row];
            row.state() == RowState::Drain || row.status().contains("(via ")
        };
        let returning = with_tracking_servers(sample, &enabled).into_iter();
        changes.enabled = returning.filter(|row| enabled.contains(row) || follows(row)).collect();
        let mut visited = BTreeSet::new();
        let changed: Vec<usize> = changes.weights.keys().chain(&changes.enabled).copied().collect();
        let backends = targets.iter().chain(&changed).filter_map(|row| sample.rows.backend_of(*row));
        backends
            .filter(|backend| visited.insert(backend.row))
            .map(|backend| Self::evaluate_backend(sample, backend.row, &backend.servers, &changes))
            .collect()
    }

    /// Evaluates the loss of one server, given by its row index.
    pub(crate) fn without_server(sample: &Sample, backend: &BackendRows, server: usize) -> Self {
        let changes = CapacityChanges { weights: [(server, 0)].into(), ..CapacityChanges::default() };
        Self::evaluate_backend(sample, backend.row, &backend.servers, &changes)
    }

    fn evaluate_backend(sample: &Sample, row: usize, servers: &[usize], changes: &CapacityChanges) -> Self {
        let weights = &changes.weights;
        let leaving: Vec<usize> = servers.iter().copied().filter(|server| weights.get(server) == Some(&0)).collect();
        let sum = |servers: &[usize], field| {
            let numbers = servers.iter().filter_map(|server| sample.table.number(*server, field));
            numbers.fold(0, i64::saturating_add)
        };
        let after = Capacity::with_changes(sample, servers, changes);
        let all: i64 = sum(servers, Field::Scur);
        let share = |server: usize| {
            let weight = changes.weight(sample, server)?;
            let takes = changes.is_usable(sample, server) && after.weight > 0;
            let is_active = sample.table.number(server, Field::Bck) != Some(1);
            (takes && is_active && weight > 0).then(|| ServerLoad {
                server: sample.table.rows()[server].name.clone(),
                sessions: all.saturating_mul(weight).div_euclid(after.weight),
                limit: sample.table.number(server, Field::Slim).filter(|limit| *limit > 0),
            })
        };
        // If servers have limits: the one closest to its limit. Otherwise: the one with the most sessions.
        let fullness = |share: &ServerLoad| share.limit.map_or(0, |limit| share.sessions.saturating_mul(1000) / limit);
        let shares = servers.iter().filter_map(|server| share(*server));
        let fullest = shares.max_by_key(|share| (fullness(share), share.sessions));
        Self {
            backend: sample.table.rows()[row].proxy.clone(),
            now: Capacity::from_servers(sample, servers),
            after,
            sessions: sum(&leaving, Field::Scur),
            queued: sum(&leaving, Field::Qcur),
            most_loaded: fullest
                .filter(|share| share.sessions > 0 && servers.iter().any(|server| weights.contains_key(server))),
        }
    }

    /// Returns the percentage of the usable weight that would remain, or `None` if the usable weight is 0.
    pub fn remaining_weight_percent(&self) -> Option<i64> {
        rounded_percent(self.after.weight, self.now.weight)
    }

    /// Returns true if less than half of the usable weight would remain.
    pub(crate) fn loses_most_weight(&self) -> bool {
        self.now.weight > 0 && self.after.weight.saturating_mul(100) / self.now.weight < 50
    }

    /// Returns true if the action removes the last usable server of the backend.
    pub fn removes_last_server(&self) -> bool {
        self.now.is_available() && !self.after.is_available()
    }

    /// Returns true if only backup servers would remain usable.
    pub fn leaves_only_backups(&self) -> bool {
        self.now.usable > 0 && self.after.usable == 0 && self.after.backup > 0
    }

    /// Returns true if so little capacity would remain that the operator must type a name to confirm.
    fn removes_most_capacity(&self) -> bool {
        let is_less = self.after.usable + self.after.backup < self.now.usable + self.now.backup;
        let is_halved = is_less && self.loses_most_weight();
        self.removes_last_server() || self.leaves_only_backups() || is_halved
    }
}

/// Returns a part as a percentage of a whole, rounded to the nearest integer; `None` if the whole is 0.
pub(crate) fn rounded_percent(part: i64, whole: i64) -> Option<i64> {
    (whole > 0).then(|| part.saturating_mul(100).saturating_add(whole / 2) / whole)
}

/// Returns the servers at these row indices and all servers that track them, directly or indirectly.
fn with_tracking_servers(sample: &Sample, targets: &[usize]) -> BTreeSet<usize> {
    let mut leaving: BTreeSet<usize> = targets.iter().copied().collect();
    let followers: Vec<(usize, &SafeText)> = sample
        .table
        .rows()
        .iter()
        .enumerate()
        .filter_map(|(index, row)| Some((index, row.text(TextField::Tracked)?)))
        .collect();
    loop {
        let followed: BTreeSet<String> = leaving
            .iter()
            .map(|index| {
                let key = &sample.table.rows()[*index];
                format!("{}/{}", key.proxy, key.name)
            })
            .collect();
        let before = leaving.len();
        leaving.extend(
            followers.iter().filter(|(_, tracked)| followed.contains(tracked.as_str())).map(|(index, _)| index),
        );
        if leaving.len() == before {
            return leaving;
        }
    }
}

/// Returns the impact of an intent as its question shows it.
pub(crate) fn evaluate_shown(sample: &Sample, intent: &Intent) -> ShownImpact {
    let impacts = BackendImpact::evaluate(sample, &intent.steps).into_iter();
    let emptied_backends = impacts.filter(BackendImpact::removes_last_server).map(|impact| impact.backend).collect();
    ShownImpact { danger: evaluate_danger(sample, intent), emptied_backends }
}

/// Number of sessions above which their number must be typed before they are ended.
const MANY_SESSIONS: usize = 20;

fn has_many_sessions(intent: &Intent) -> bool {
    let is_session = |step: &IntentStep| step.action.target_kind == TargetKind::Session;
    intent.steps.len() > MANY_SESSIONS && intent.steps.iter().all(is_session)
}

/// Returns the danger of an intent in the current state of the backends.
pub(crate) fn evaluate_danger(sample: &Sample, intent: &Intent) -> Danger {
    let takes_most = || BackendImpact::evaluate(sample, &intent.steps).iter().any(BackendImpact::removes_most_capacity);
    let is_wide = intent.backends().len() > 1 || has_many_sessions(intent);
    if is_wide || !instance_warnings::crash_warnings(intent, sample).is_empty() || takes_most() {
        return Danger::Highest;
    }
    let least = if intent.steps.iter().any(|step| action_table::blocks_new_sessions(step.command)) {
        Danger::High
    } else {
        Danger::Low
    };
    intent.steps.iter().map(|step| step.action.danger).max().unwrap_or(least).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{Action, ActionCommand, DRAIN, MAINT, READY, WEIGHT};
    use crate::actions::intent::ActionTarget;
    use crate::haproxy::write_command::TargetWeight;
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn intent(sample: &Sample, action: &'static Action, fixed_command: WriteCommand, names: &[&str]) -> Intent {
        let target = |name: &&str| {
            let index = (0..sample.table.rows().len())
                .find(|index| sample.table.rows()[*index].name.as_str() == *name)
                .unwrap();
            ActionTarget::from_row(sample, sample.rows.ids()[index]).unwrap()
        };
        Intent::new(action, fixed_command, InstanceId::FIRST, names.iter().map(target).collect())
    }

    fn fixed_command(action: &Action) -> WriteCommand {
        let ActionCommand::Fixed(fixed_command) = action.command else { panic!("{}", action.id) };
        fixed_command
    }

    fn danger_of(sample: &Sample, action: &'static Action, name: &str) -> Danger {
        evaluate_danger(sample, &intent(sample, action, fixed_command(action), &[name]))
    }

    fn without(sample: &Sample, name: &str) -> Vec<BackendImpact> {
        BackendImpact::evaluate(sample, &intent(sample, &MAINT, fixed_command(&MAINT), &[name]).steps)
    }

    #[test]
    fn impact_counts_remaining_usable_servers() {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let all = without(&sample, "w1");
        let [only] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((only.now.active, only.now.usable, only.after.usable), (2, 2, 1));
        assert_eq!((only.remaining_weight_percent(), only.sessions), (Some(50), 400));
        assert!(!only.removes_last_server());
    }

    #[test]
    fn impact_saturates_large_numbers() {
        let site =
            stat_of_site().replace(",400,", ",9223372036854775807,").replace(",UP,100,", ",UP,9223372036854775807,");
        let sample = SampleBuilder::default().build_at_millis(0, &site);
        let all = without(&sample, "w1");
        assert_eq!(
            (all[0].now.weight, all[0].sessions, all[0].remaining_weight_percent()),
            (i64::MAX, i64::MAX, Some(1))
        );
        assert_eq!(danger_of(&sample, &MAINT, "w1"), Danger::Highest);
    }

    #[test]
    fn danger_is_highest_for_last_usable_server() {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        assert_eq!(danger_of(&sample, &MAINT, "w1"), Danger::High);
        assert_eq!(danger_of(&sample, &MAINT, "api1"), Danger::Highest, "the others are in maintenance or drain");
        assert_eq!(danger_of(&sample, &DRAIN, "api1"), Danger::Highest);
        assert_eq!(danger_of(&sample, &READY, "api1"), Danger::Low);
        assert_eq!(danger_of(&sample, &MAINT, "api2"), Danger::High, "a draining server removes no capacity");
        assert_eq!(danger_of(&sample, &MAINT, "old1"), Danger::High, "a down server removes no capacity");
    }

    #[test]
    fn impact_counts_backup_servers_separately() {
        let stat = "# pxname,svname,status,weight,act,bck,type,\n\
            b,a1,UP,100,1,0,2,\nb,spare,UP,100,0,1,2,\nb,BACKEND,UP,100,1,1,1,\n";
        let sample = SampleBuilder::default().build_at_millis(0, stat);
        let all = without(&sample, "a1");
        assert_eq!((all[0].now.active, all[0].now.usable, all[0].after.usable, all[0].after.backup), (1, 1, 0, 1));
        assert!(all[0].leaves_only_backups() && !all[0].removes_last_server());
        assert_eq!(danger_of(&sample, &MAINT, "a1"), Danger::Highest);
        assert_eq!(danger_of(&sample, &MAINT, "spare"), Danger::High);
    }

    #[test]
    fn impact_includes_tracking_servers() {
        let stat = "# pxname,svname,status,weight,act,bck,type,tracked,\n\
            b,s,UP,1,1,0,2,,\nb,big,UP,100,1,0,2,,\nb,BACKEND,UP,101,2,0,1,,\n\
            c,t,UP,1,1,0,2,b/s,\nc,BACKEND,UP,1,1,0,1,,\nd,u,UP,1,1,0,2,c/t,\nd,BACKEND,UP,1,1,0,1,,\n";
        let sample = SampleBuilder::default().build_at_millis(0, stat);
        let all = without(&sample, "s");
        let shown: Vec<(&str, bool)> =
            all.iter().map(|one| (one.backend.as_str(), one.removes_last_server())).collect();
        assert_eq!(shown, [("b", false), ("c", true), ("d", true)]);
        assert_eq!(danger_of(&sample, &MAINT, "s"), Danger::Highest, "99 % of b would remain, but nothing of c");
    }

    #[test]
    fn impact_estimates_load_of_remaining_servers() {
        let stat = "# pxname,svname,scur,slim,status,weight,act,bck,type,\n\
            b,s1,60,80,UP,100,1,0,2,\nb,s2,40,200,UP,100,1,0,2,\nb,s3,20,,UP,200,1,0,2,\nb,BACKEND,120,,UP,400,3,0,1,\n";
        let sample = SampleBuilder::default().build_at_millis(0, stat);
        let fullest = |name| without(&sample, name)[0].most_loaded.clone().unwrap();
        assert_eq!(fullest("s3"), ServerLoad { server: "s1".into(), sessions: 60, limit: Some(80) });
        assert!(!fullest("s3").exceeds_limit());
        assert_eq!(fullest("s2"), ServerLoad { server: "s1".into(), sessions: 40, limit: Some(80) });
        let two = intent(&sample, &MAINT, fixed_command(&MAINT), &["s2", "s3"]);
        let fullest = BackendImpact::evaluate(&sample, &two.steps)[0].most_loaded.clone().unwrap();
        assert!(fullest.exceeds_limit() && fullest.sessions == 120, "{fullest:?}");
        assert_eq!(evaluate_danger(&sample, &two), Danger::Highest, "a quarter of the weight would remain");
    }

    #[test]
    fn impact_of_zero_weight_removes_server() {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let set_weight = |weight: TargetWeight| intent(&sample, &WEIGHT, WriteCommand::Weight(weight), &["w1"]);
        let impact_of = |weight: TargetWeight| BackendImpact::evaluate(&sample, &set_weight(weight).steps)[0].clone();
        assert_eq!(impact_of(TargetWeight::Absolute(50)).remaining_weight_percent(), Some(75));
        assert_eq!(impact_of(TargetWeight::Absolute(0)).after.usable, 1);
        assert_eq!(evaluate_danger(&sample, &set_weight(TargetWeight::Absolute(50))), Danger::Low);
        assert_eq!(evaluate_danger(&sample, &set_weight(TargetWeight::Absolute(0))), Danger::High);
        let last = intent(&sample, &WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(0)), &["api1"]);
        assert_eq!(evaluate_danger(&sample, &last), Danger::Highest);
        let less = intent(&sample, &WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(1)), &["api1"]);
        assert_eq!(
            evaluate_danger(&sample, &less),
            Danger::Low,
            "the only server takes all sessions, whatever its weight"
        );
    }

    #[test]
    fn danger_is_highest_for_several_backends() {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        assert_eq!(
            evaluate_danger(&sample, &intent(&sample, &READY, fixed_command(&READY), &["api3", "old1"])),
            Danger::Highest
        );
        assert_eq!(
            evaluate_danger(&sample, &intent(&sample, &READY, fixed_command(&READY), &["api3", "api2"])),
            Danger::Low
        );
    }
}
