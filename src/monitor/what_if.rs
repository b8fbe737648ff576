//! What would be left of the backends if some servers went away.
//!
//! A server may be tracked by others, in other backends too: they follow it into maintenance and drain. So
//! an act on one server can take the last one from a backend that nobody was thinking of.

use std::collections::BTreeSet;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::text::SafeText;
use crate::monitor::acts::{Danger, Intent, Target};
use crate::monitor::sample::Sample;
use crate::monitor::strength::Strength;

/// One backend after an act, by the numbers of the newest sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    /// The backend.
    pub backend: SafeText,
    /// As it is.
    pub now: Strength,
    /// As it would be.
    pub after: Strength,
    /// Sessions on the servers that would go.
    pub sessions: i64,
    /// Requests waiting for one of them.
    pub queued: i64,
}

impl WhatIf {
    /// Looks at every backend that the targets, or servers that track them, belong to. The first is the
    /// backend of the first target; empty when that is gone.
    pub fn of(sample: &Sample, targets: &[Target]) -> Vec<Self> {
        let named: Vec<usize> = targets.iter().filter_map(|target| sample.rows.index(target.id)).collect();
        let going = with_followers(sample, &named);
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for row in named.iter().chain(&going) {
            let Some(backend) = sample.rows.backend_of(*row).filter(|backend| seen.insert(backend.row)) else {
                continue;
            };
            let gone = backend.servers.iter().filter(|server| going.contains(*server));
            let sum = |field| gone.clone().filter_map(|server| sample.table.number(*server, field)).sum();
            all.push(Self {
                backend: sample.rows.key(backend.row).proxy.clone(),
                now: Strength::of(sample, &backend.servers, |_| false),
                after: Strength::of(sample, &backend.servers, |server| going.contains(&server)),
                sessions: sum(Field::Scur),
                queued: sum(Field::Qcur),
            });
        }
        all
    }

    /// The share of the usable weight that would remain, in percent; absent when there is none now.
    pub fn weight_left(&self) -> Option<i64> {
        (self.now.weight > 0).then(|| self.after.weight * 100 / self.now.weight)
    }

    /// Whether it leaves a backend that had a usable server without any.
    pub fn takes_the_last(&self) -> bool {
        self.now.is_alive() && !self.after.is_alive()
    }

    /// Whether it leaves only backup servers.
    pub fn leaves_only_backups(&self) -> bool {
        self.now.usable > 0 && self.after.usable == 0 && self.after.backup > 0
    }

    /// Whether the name must be typed.
    fn takes_most(&self) -> bool {
        self.takes_the_last() || self.leaves_only_backups() || self.weight_left().is_some_and(|left| left < 50)
    }
}

/// The servers at these places and all that follow them, and those that follow these.
fn with_followers(sample: &Sample, named: &[usize]) -> BTreeSet<usize> {
    let mut going: BTreeSet<usize> = named.iter().copied().collect();
    let followers: Vec<(usize, &SafeText)> = sample
        .table
        .rows()
        .iter()
        .enumerate()
        .filter_map(|(index, row)| Some((index, row.text(TextField::Tracked)?)))
        .collect();
    loop {
        let followed: BTreeSet<String> = going
            .iter()
            .map(|index| {
                let key = sample.rows.key(*index);
                format!("{}/{}", key.proxy, key.name)
            })
            .collect();
        let before = going.len();
        going.extend(
            followers.iter().filter(|(_, tracked)| followed.contains(tracked.as_str())).map(|(index, _)| index),
        );
        if going.len() == before {
            return going;
        }
    }
}

/// How much care this act needs on these servers now.
pub fn danger(sample: &Sample, intent: &Intent) -> Danger {
    let takes_most = || WhatIf::of(sample, &intent.targets).iter().any(WhatIf::takes_most);
    if intent.act.takes_away && takes_most() { Danger::Highest } else { intent.act.danger }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::acts::{DRAIN, MAINT, READY};
    use crate::monitor::testing::{SampleMaker, site};

    fn target(sample: &Sample, name: &str) -> Target {
        let index = (0..sample.table.rows().len()).find(|index| sample.rows.key(*index).name.as_str() == name).unwrap();
        let key = sample.rows.key(index);
        let (backend, server) = (key.proxy.clone(), key.name.clone());
        Target { id: sample.rows.ids()[index], backend, server, iid: None, seen: "UP".into() }
    }

    fn danger_of(sample: &Sample, act: &'static crate::monitor::acts::Act, name: &str) -> Danger {
        danger(sample, &Intent { act, instance: 0, targets: vec![target(sample, name)] })
    }

    #[test]
    fn what_remains_is_counted_among_the_usable() {
        let sample = SampleMaker::default().at_millis(0, &site());
        let all = WhatIf::of(&sample, &[target(&sample, "w1")]);
        let [only] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((only.now.active, only.now.usable, only.after.usable), (2, 2, 1));
        assert_eq!((only.weight_left(), only.sessions), (Some(50), 400));
        assert!(!only.takes_the_last());
    }

    #[test]
    fn the_last_usable_server_needs_the_most_care() {
        let sample = SampleMaker::default().at_millis(0, &site());
        assert_eq!(danger_of(&sample, &MAINT, "w1"), Danger::High);
        assert_eq!(danger_of(&sample, &MAINT, "api1"), Danger::Highest, "the others drain or are away");
        assert_eq!(danger_of(&sample, &DRAIN, "api1"), Danger::Highest);
        assert_eq!(danger_of(&sample, &READY, "api1"), Danger::Low);
        assert_eq!(danger_of(&sample, &MAINT, "api2"), Danger::High, "a draining server takes nothing away");
        assert_eq!(danger_of(&sample, &MAINT, "old1"), Danger::High, "nor does one that is down");
    }

    #[test]
    fn backup_servers_do_not_stand_in_for_active_ones() {
        let stat = "# pxname,svname,status,weight,act,bck,type,\n\
            b,a1,UP,100,1,0,2,\nb,spare,UP,100,0,1,2,\nb,BACKEND,UP,100,1,1,1,\n";
        let sample = SampleMaker::default().at_millis(0, stat);
        let all = WhatIf::of(&sample, &[target(&sample, "a1")]);
        assert_eq!((all[0].now.active, all[0].now.usable, all[0].after.usable, all[0].after.backup), (1, 1, 0, 1));
        assert!(all[0].leaves_only_backups() && !all[0].takes_the_last());
        assert_eq!(danger_of(&sample, &MAINT, "a1"), Danger::Highest);
        assert_eq!(danger_of(&sample, &MAINT, "spare"), Danger::High);
    }

    #[test]
    fn servers_that_track_a_target_go_with_it() {
        let stat = "# pxname,svname,status,weight,act,bck,type,tracked,\n\
            b,s,UP,1,1,0,2,,\nb,big,UP,100,1,0,2,,\nb,BACKEND,UP,101,2,0,1,,\n\
            c,t,UP,1,1,0,2,b/s,\nc,BACKEND,UP,1,1,0,1,,\nd,u,UP,1,1,0,2,c/t,\nd,BACKEND,UP,1,1,0,1,,\n";
        let sample = SampleMaker::default().at_millis(0, stat);
        let all = WhatIf::of(&sample, &[target(&sample, "s")]);
        let shown: Vec<(&str, bool)> = all.iter().map(|one| (one.backend.as_str(), one.takes_the_last())).collect();
        assert_eq!(shown, [("b", false), ("c", true), ("d", true)]);
        assert_eq!(danger_of(&sample, &MAINT, "s"), Danger::Highest, "99 % of b would be left, but nothing of c");
    }
}
