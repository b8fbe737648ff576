//! Selects the changes of causes that are recorded.

use crate::haproxy::safe_text::SafeText;
use crate::problems::cause::{Cause, CauseChange, CauseEvent};
use crate::recording::recorded_events::{CauseStep, EventContents, RecordedCause, RecordedEvent};

/// Returns the events for the changes that a sample made to the causes. A new sentence alone, which usually has other
/// numbers, does not count.
pub(crate) fn recorded_changes(changes: &[CauseEvent]) -> Vec<RecordedEvent> {
    let event = |change: &CauseEvent| {
        let step = recorded_step(change.change, &change.cause)?;
        let Cause { severity, kind, subject, sentence, .. } = &change.cause;
        let cause = RecordedCause {
            step,
            severity: *severity,
            kind: SafeText::from(kind.as_str()),
            row: subject.names.clone(),
            sentence: SafeText::from(sentence.as_str()),
        };
        Some(RecordedEvent { at: change.at, contents: EventContents::Cause(cause) })
    };
    changes.iter().filter_map(event).collect()
}

fn recorded_step(change: CauseChange, cause: &Cause) -> Option<CauseStep> {
    match change {
        CauseChange::Opened => Some(CauseStep::Opened),
        CauseChange::Worsened | CauseChange::Eased => Some(CauseStep::Changed),
        CauseChange::Resolved => Some(CauseStep::Resolved),
        // Another cause took its place while it was open.
        CauseChange::Removed if cause.is_open() => Some(CauseStep::Resolved),
        CauseChange::Removed | CauseChange::Updated => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::observe::severity::Severity;
    use crate::observe::test_samples::{SampleBuilder, timestamp_at};

    #[test]
    fn recorded_changes_has_each_change_once() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        let mut steps = Vec::new();
        for second in 0..60_u64 {
            let down = (10..20).contains(&second);
            let (status, check) = if down { ("DOWN", "L4CON,refused") } else { ("UP", "L4OK,ok") };
            let backend = "b,BACKEND,0,0,9,0,UP,1,,,1,\n";
            let rows = format!("b,s1,0,0,9,0,{status},1,{check},2,\nb,s2,0,0,9,0,UP,1,L4OK,ok,2,\n{backend}");
            let header = "# pxname,svname,scur,qcur,stot,rate,status,weight,check_status,last_chk,type,\n";
            instance.add_sample(builder.build_at_millis(second * 1000, &format!("{header}{rows}")), 0);
            let at = timestamp_at(second * 1000);
            for event in recorded_changes(instance.cause_changes()) {
                let EventContents::Cause(cause) = event.contents else { panic!("{event:?}") };
                assert_eq!((event.at, cause.severity), (at, Severity::Warn));
                steps.push((cause.step, cause.row.map(|(_, proxy, name)| format!("{proxy}/{name}"))));
            }
        }
        let row = || Some("b/s1".to_owned());
        assert_eq!(steps, [(CauseStep::Opened, row()), (CauseStep::Resolved, row())]);
    }
}
