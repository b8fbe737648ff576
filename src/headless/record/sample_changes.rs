//! Selects the changes between samples that are recorded.

use crate::instance::state::Instance;
use crate::observe::events::Event;
use crate::recording::recorded_changes::RecordedChange;
use crate::recording::recorded_events::{EventContents, RecordedEvent};

/// Finds the events that an instance has added since they were recorded last.
#[derive(Debug, Default)]
pub(crate) struct ChangeSelector {
    /// Number of events of the instance that were selected or left out.
    seen: u64,
}

impl ChangeSelector {
    /// Returns the new changes, oldest first.
    pub(crate) fn select_new(&mut self, instance: &Instance) -> Vec<RecordedEvent> {
        let events = instance.all_events();
        let count = usize::try_from(events.total() - self.seen).unwrap_or(usize::MAX);
        self.seen = events.total();
        let new = events.newest_first().take(count).filter(|event| RecordedChange::is_change(&event.kind));
        let mut found: Vec<RecordedEvent> = new.map(|event| recorded(event, instance)).collect();
        found.reverse();
        found
    }
}

fn recorded(event: &Event, instance: &Instance) -> RecordedEvent {
    let row = event.row.and_then(|id| instance.latest()?.row(id));
    let row = row.map(|row| (row.kind, row.proxy.clone(), row.name.clone()));
    let change = RecordedChange { row, kind: event.kind.clone() };
    RecordedEvent { at: event.at, contents: EventContents::Change(change) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    #[test]
    fn select_new_has_each_change_once_and_no_causes() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        let mut selector = ChangeSelector::default();
        let mut lines = Vec::new();
        for second in 0..6_u64 {
            let status = if second >= 2 { "DOWN" } else { "UP" };
            let more = if second >= 4 { "b,s2,0,UP,L4OK,2,\n" } else { "" };
            let stat = format!(
                "# pxname,svname,scur,status,check_status,type,\nb,s1,0,{status},L4CON,2,\n{more}b,BACKEND,0,UP,,1,\n"
            );
            if second == 5 {
                builder.reload();
            }
            instance.add_sample(builder.build_at_millis(second * 1000, &stat), 0);
            for event in selector.select_new(&instance) {
                let EventContents::Change(change) = event.contents else { panic!("{event:?}") };
                let row = change.row.map(|(_, proxy, name)| format!("{proxy}/{name} ")).unwrap_or_default();
                lines.push(format!("{second}: {row}{}", change.kind));
            }
        }
        assert_eq!(lines[..2], ["2: b/s1 UP → DOWN  L4CON".to_owned(), "4: new: b/s2".to_owned()]);
        assert!(lines[2].starts_with("5: reloaded: pid ") && lines.len() == 3, "{lines:?}");
    }
}
