//! What would be left of a backend if some of its servers went away.

use crate::haproxy::fields::Field;
use crate::monitor::acts::{Danger, Intent, Target};
use crate::monitor::sample::Sample;

/// A backend after an act, by the numbers of the newest sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhatIf {
    /// Servers of the backend.
    pub servers: usize,
    /// Those that load balancing may choose now.
    pub usable_now: usize,
    /// Those that would remain.
    pub usable_after: usize,
    /// Weight of the usable ones now.
    pub weight_now: i64,
    /// Weight that would remain.
    pub weight_after: i64,
    /// Sessions on the targets now.
    pub sessions: i64,
    /// Requests waiting for one of the targets.
    pub queued: i64,
}

impl WhatIf {
    /// Looks at the backend of `targets`' first; absent when it is gone.
    pub fn of(sample: &Sample, targets: &[Target]) -> Option<Self> {
        let backend = sample.rows.backend_named(&targets.first()?.backend)?;
        let mut after = Self {
            servers: backend.servers.len(),
            usable_now: 0,
            usable_after: 0,
            weight_now: 0,
            weight_after: 0,
            sessions: 0,
            queued: 0,
        };
        for row in &backend.servers {
            let number = |field| sample.table.number(*row, field).unwrap_or(0);
            let is_target = targets.iter().any(|target| sample.rows.index(target.id) == Some(*row));
            if is_target {
                after.sessions += number(Field::Scur);
                after.queued += number(Field::Qcur);
            }
            let weight = number(Field::Weight);
            let is_usable = sample.table.rows()[*row].state().is_usable() && weight > 0;
            if is_usable {
                after.usable_now += 1;
                after.weight_now += weight;
            }
            if is_usable && !is_target {
                after.usable_after += 1;
                after.weight_after += weight;
            }
        }
        Some(after)
    }

    /// The share of the usable weight that would remain, in percent; absent when there is none now.
    pub fn weight_left(&self) -> Option<i64> {
        (self.weight_now > 0).then(|| self.weight_after * 100 / self.weight_now)
    }

    /// Whether it leaves a backend that had a usable server without any.
    pub fn takes_the_last(&self) -> bool {
        self.usable_now > 0 && self.usable_after == 0
    }
}

/// How much care this act needs on these servers now.
pub fn danger(sample: &Sample, intent: &Intent) -> Danger {
    let after = WhatIf::of(sample, &intent.targets);
    let takes_most =
        after.is_some_and(|after| after.takes_the_last() || after.weight_left().is_some_and(|left| left < 50));
    if intent.act.takes_away && takes_most { Danger::Highest } else { intent.act.danger }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::acts::{DRAIN, MAINT, READY};
    use crate::monitor::testing::{SampleMaker, site};

    fn target(sample: &Sample, name: &str) -> Target {
        let index = (0..sample.table.rows().len()).find(|index| sample.rows.key(*index).name.as_str() == name).unwrap();
        let key = sample.rows.key(index);
        Target {
            id: sample.rows.ids()[index],
            backend: key.proxy.clone(),
            server: key.name.clone(),
            iid: None,
            seen: "UP".into(),
        }
    }

    #[test]
    fn what_remains_is_counted_among_the_usable() {
        let sample = SampleMaker::default().at_millis(0, &site());
        let after = WhatIf::of(&sample, &[target(&sample, "w1")]).unwrap();
        assert_eq!((after.servers, after.usable_now, after.usable_after), (2, 2, 1));
        assert_eq!((after.weight_left(), after.sessions), (Some(50), 400));
        assert!(!after.takes_the_last());
    }

    #[test]
    fn the_last_usable_server_needs_the_most_care() {
        let sample = SampleMaker::default().at_millis(0, &site());
        let intent = |act, name| Intent { act, instance: 0, targets: vec![target(&sample, name)] };
        assert_eq!(danger(&sample, &intent(&MAINT, "w1")), Danger::High);
        assert_eq!(danger(&sample, &intent(&MAINT, "api1")), Danger::Highest, "the others drain or are away");
        assert_eq!(danger(&sample, &intent(&DRAIN, "api1")), Danger::Highest);
        assert_eq!(danger(&sample, &intent(&READY, "api1")), Danger::Low);
        assert_eq!(danger(&sample, &intent(&MAINT, "api2")), Danger::High, "a draining server takes nothing away");
        assert_eq!(danger(&sample, &intent(&MAINT, "old1")), Danger::High, "nor does one that is down");
    }
}
