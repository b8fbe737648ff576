//! Selects the changes of causes that are recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::haproxy::safe_text::SafeText;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::{Cause, CauseChange, CauseTrend};
use crate::problems::cause_table::CauseKind;
use crate::recording::recorded_events::{CauseState, CauseStep, EventContents, RecordedCause, RecordedEvent};

/// Time after which a sentence with other numbers is recorded.
const UPDATE_TIME: Duration = Duration::from_secs(10);

/// Finds the changes of causes since they were recorded last.
#[derive(Debug, Default)]
pub(crate) struct CauseSelector {
    /// Time at which each open cause was recorded last, and its sentence.
    recorded: BTreeMap<(RowId, CauseKind), (Duration, String)>,
}

impl CauseSelector {
    /// Returns the events for the changes that the sample at `at`, the latest one, made to the causes of an instance. The
    /// numbers of the sentences follow every ten seconds.
    pub(crate) fn select_new(&mut self, instance: &Instance, at: Timestamp) -> Vec<RecordedEvent> {
        let mut found = Vec::new();
        for change in instance.cause_changes() {
            let Some(step) = recorded_step(change.change, &change.cause) else { continue };
            found.push(recorded_cause(step, &change.cause, change.at));
            let key = change.cause.key();
            if step == CauseStep::Resolved {
                self.recorded.remove(&key);
            } else {
                self.recorded.insert(key, (change.at.monotonic, change.cause.sentence.clone()));
            }
        }
        for cause in instance.problems().open_causes() {
            let Some((recorded_at, sentence)) = self.recorded.get_mut(&cause.key()) else { continue };
            if *sentence != cause.sentence && at.elapsed_since(*recorded_at) >= UPDATE_TIME {
                (*recorded_at, *sentence) = (at.monotonic, cause.sentence.clone());
                found.push(recorded_cause(CauseStep::Updated, cause, at));
            }
        }
        found
    }
}

/// Returns a change of a cause as an event.
pub(crate) fn recorded_cause(step: CauseStep, cause: &Cause, at: Timestamp) -> RecordedEvent {
    let trend = match cause.trend {
        CauseTrend::Growing => 0,
        CauseTrend::Steady => 1,
        CauseTrend::Falling => 2,
    };
    let state = CauseState {
        age: at.elapsed_since(cause.since.monotonic),
        before: cause.before,
        may_be_older: cause.may_be_older,
        trend,
        impact: cause.impact,
        earlier: SafeText::from(cause.earlier.as_deref().unwrap_or_default()),
    };
    let cause = RecordedCause {
        step,
        severity: cause.severity,
        kind: SafeText::from(cause.kind.as_str()),
        row: cause.subject.names.clone(),
        sentence: SafeText::from(cause.sentence.as_str()),
        state: Some(state),
    };
    RecordedEvent { at, contents: EventContents::Cause(cause) }
}

fn recorded_step(change: CauseChange, cause: &Cause) -> Option<CauseStep> {
    match change {
        CauseChange::Opened => Some(CauseStep::Opened),
        CauseChange::Worsened | CauseChange::Eased => Some(CauseStep::Changed),
        CauseChange::Resolved => Some(CauseStep::Resolved),
        // Another cause took its place while it was open.
        CauseChange::Removed if cause.is_open() => Some(CauseStep::Resolved),
        CauseChange::Updated if cause.is_open() => Some(CauseStep::Updated),
        CauseChange::Removed | CauseChange::Updated => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::severity::Severity;
    use crate::observe::test_samples::{SampleBuilder, timestamp_at};

    #[test]
    fn select_new_has_each_change_once() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        let mut selector = CauseSelector::default();
        let mut steps = Vec::new();
        for second in 0..60_u64 {
            let down = (10..20).contains(&second);
            let (status, check) = if down { ("DOWN", "L4CON,refused") } else { ("UP", "L4OK,ok") };
            let backend = "b,BACKEND,0,0,9,0,UP,1,,,1,\n";
            let rows = format!("b,s1,0,0,9,0,{status},1,{check},2,\nb,s2,0,0,9,0,UP,1,L4OK,ok,2,\n{backend}");
            let header = "# pxname,svname,scur,qcur,stot,rate,status,weight,check_status,last_chk,type,\n";
            instance.add_sample(builder.build_at_millis(second * 1000, &format!("{header}{rows}")), 0);
            let at = timestamp_at(second * 1000);
            for event in selector.select_new(&instance, at) {
                let EventContents::Cause(cause) = event.contents else { panic!("{event:?}") };
                assert_eq!((event.at, cause.severity), (at, Severity::Warn));
                steps.push((cause.step, cause.row.map(|(_, proxy, name)| format!("{proxy}/{name}"))));
            }
        }
        let row = || Some("b/s1".to_owned());
        assert_eq!(steps, [(CauseStep::Opened, row()), (CauseStep::Resolved, row())]);
    }
}
