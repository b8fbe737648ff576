//! Finds the changes of the causes between two samples, to record them.

use std::collections::BTreeMap;

use crate::haproxy::safe_text::SafeText;
use crate::observe::row_ids::RowId;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::Cause;
use crate::problems::cause_table::CauseKind;
use crate::recording::recorded_events::{CauseStep, EventContents, RecordedCause, RecordedEvent};

/// The causes that are open, as they were recorded last.
#[derive(Debug, Default)]
pub(crate) struct CauseChanges {
    open: BTreeMap<(RowId, CauseKind), RecordedCause>,
}

impl CauseChanges {
    /// Returns the changes to the causes that are open now. A new sentence alone, which usually has other numbers, does not
    /// count.
    pub(crate) fn compare<'a>(&mut self, open: impl Iterator<Item = &'a Cause>, at: Timestamp) -> Vec<RecordedEvent> {
        let mut now = BTreeMap::new();
        let mut events = Vec::new();
        let mut add = |step: CauseStep, cause: &RecordedCause| {
            let cause = RecordedCause { step, ..cause.clone() };
            events.push(RecordedEvent { at, contents: EventContents::Cause(cause) });
        };
        for cause in open {
            let recorded = RecordedCause {
                step: CauseStep::Opened,
                severity: cause.severity,
                kind: SafeText::from(cause.kind.as_str()),
                row: cause.subject.names.clone(),
                sentence: SafeText::from(cause.sentence.as_str()),
            };
            match self.open.remove(&cause.key()) {
                None => add(CauseStep::Opened, &recorded),
                Some(before) if before.severity != recorded.severity => add(CauseStep::Changed, &recorded),
                Some(_) => {}
            }
            now.insert(cause.key(), recorded);
        }
        for cause in self.open.values() {
            add(CauseStep::Resolved, cause);
        }
        self.open = now;
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::observe::severity::Severity;
    use crate::observe::test_samples::{SampleBuilder, timestamp_at};

    #[test]
    fn compare_returns_each_change_once() {
        let (mut instance, mut builder, mut changes) =
            (Instance::default(), SampleBuilder::default(), CauseChanges::default());
        let mut steps = Vec::new();
        for second in 0..60_u64 {
            let down = (10..20).contains(&second);
            let (status, check) = if down { ("DOWN", "L4CON,refused") } else { ("UP", "L4OK,ok") };
            let backend = "b,BACKEND,0,0,9,0,UP,1,,,1,\n";
            let rows = format!("b,s1,0,0,9,0,{status},1,{check},2,\nb,s2,0,0,9,0,UP,1,L4OK,ok,2,\n{backend}");
            let header = "# pxname,svname,scur,qcur,stot,rate,status,weight,check_status,last_chk,type,\n";
            instance.add_sample(builder.build_at_millis(second * 1000, &format!("{header}{rows}")), 0);
            let at = timestamp_at(second * 1000);
            for event in changes.compare(instance.problems().open_causes(), at) {
                let EventContents::Cause(cause) = event.contents else { panic!("{event:?}") };
                assert_eq!((event.at, cause.severity), (at, Severity::Warn));
                steps.push((cause.step, cause.row.map(|(_, proxy, name)| format!("{proxy}/{name}"))));
            }
        }
        let row = || Some("b/s1".to_owned());
        assert_eq!(steps, [(CauseStep::Opened, row()), (CauseStep::Resolved, row())]);
    }
}
