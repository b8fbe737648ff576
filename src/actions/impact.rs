//! What would be left of the backends if some servers went away.
//!
//! A server may be tracked by others, in other backends too: they follow it into maintenance and drain. So
//! an act on one server can take the last one from a backend that nobody was thinking of.

use std::collections::{BTreeMap, BTreeSet};

use crate::actions::action_table::{self, Danger, Subject};
use crate::actions::action_warnings;
use crate::actions::capacity::Strength;
use crate::actions::intent::{Intent, Step};
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::write_command::WriteCommand;
use crate::observe::sample::Sample;

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
    /// The server that would come closest to its limit; absent when nothing moves to it.
    pub fullest: Option<Share>,
}

/// What one of the remaining servers would have to carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The server.
    pub server: SafeText,
    /// About so many sessions, were those of the backend parted by weight.
    pub sessions: i64,
    /// Its limit; absent for none.
    pub limit: Option<i64>,
}

impl Share {
    /// Whether more would come than it takes.
    pub fn is_too_much(&self) -> bool {
        self.limit.is_some_and(|limit| self.sessions > limit)
    }
}

impl WhatIf {
    /// Looks at every backend that the steps' servers, or servers that track them, belong to. The first is the
    /// backend of the first server; empty when no server is there, or none would change.
    pub fn of(sample: &Sample, steps: &[Step]) -> Vec<Self> {
        let servers = || steps.iter().filter(|step| step.act.subject == Subject::Server);
        let placed = |step: &Step| sample.rows.index(step.target.id);
        let named: Vec<usize> = servers().filter_map(placed).collect();
        let mut weights: BTreeMap<usize, i64> = BTreeMap::new();
        for (row, step) in servers().filter_map(|step| Some((placed(step)?, step))) {
            match step.order {
                order if action_table::takes_away(order) => _ = weights.insert(row, 0),
                WriteCommand::Weight(weight) => {
                    let configured = sample.configured_weight(step.target.id);
                    weights.extend(weight.of(configured).map(|weight| (row, weight)));
                }
                _ => {}
            }
        }
        // Followers go where the server they track goes; its weight is its own.
        let ordered = servers().filter(|step| matches!(step.order, WriteCommand::State(_) | WriteCommand::Health(_)));
        let leaving: Vec<usize> = ordered.filter_map(placed).filter(|row| weights.get(row) == Some(&0)).collect();
        weights.extend(with_followers(sample, &leaving).into_iter().map(|row| (row, 0)));
        let mut seen = BTreeSet::new();
        let changed: Vec<usize> = weights.keys().copied().collect();
        let backends = named.iter().chain(&changed).filter_map(|row| sample.rows.backend_of(*row));
        backends
            .filter(|backend| seen.insert(backend.row))
            .map(|backend| Self::of_backend(sample, backend.row, &backend.servers, &weights))
            .collect()
    }

    fn of_backend(sample: &Sample, row: usize, servers: &[usize], weights: &BTreeMap<usize, i64>) -> Self {
        let going: Vec<usize> = servers.iter().copied().filter(|server| weights.get(server) == Some(&0)).collect();
        let sum = |servers: &[usize], field| {
            let numbers = servers.iter().filter_map(|server| sample.table.number(*server, field));
            numbers.fold(0, i64::saturating_add)
        };
        let new_weight = |server: usize, weight: i64| weights.get(&server).copied().unwrap_or(weight);
        let after = Strength::with(sample, servers, new_weight);
        let all: i64 = sum(servers, Field::Scur);
        let share = |server: usize| {
            let weight = new_weight(server, sample.table.number(server, Field::Weight)?);
            let takes = sample.table.rows()[server].state().is_usable() && after.weight > 0;
            let is_active = sample.table.number(server, Field::Bck) != Some(1);
            (takes && is_active && weight > 0).then(|| Share {
                server: sample.table.rows()[server].name.clone(),
                sessions: all.saturating_mul(weight).div_euclid(after.weight),
                limit: sample.table.number(server, Field::Slim).filter(|limit| *limit > 0),
            })
        };
        // Without limits the one with the most; with limits the one closest to its own.
        let fullness = |share: &Share| share.limit.map_or(0, |limit| share.sessions.saturating_mul(1000) / limit);
        let shares = servers.iter().filter_map(|server| share(*server));
        let fullest = shares.max_by_key(|share| (fullness(share), share.sessions));
        Self {
            backend: sample.rows.key(row).proxy.clone(),
            now: Strength::of(sample, servers),
            after,
            sessions: sum(&going, Field::Scur),
            queued: sum(&going, Field::Qcur),
            fullest: fullest
                .filter(|share| share.sessions > 0 && servers.iter().any(|server| weights.contains_key(server))),
        }
    }

    /// The share of the usable weight that would remain, in percent; absent when there is none now.
    pub fn weight_left(&self) -> Option<i64> {
        (self.now.weight > 0).then(|| self.after.weight.saturating_mul(100) / self.now.weight)
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
        let is_less = self.after.usable + self.after.backup < self.now.usable + self.now.backup;
        let is_halved = is_less && self.weight_left().is_some_and(|left| left < 50);
        self.takes_the_last() || self.leaves_only_backups() || is_halved
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

/// How much care an intent needs now.
pub fn danger(sample: &Sample, intent: &Intent) -> Danger {
    let takes_most = || WhatIf::of(sample, &intent.steps).iter().any(WhatIf::takes_most);
    let is_wide = intent.backends().len() > 1;
    if is_wide || !action_warnings::dangers(intent, sample).is_empty() || takes_most() {
        return Danger::Highest;
    }
    let least =
        if intent.steps.iter().any(|step| action_table::takes_away(step.order)) { Danger::High } else { Danger::Low };
    intent.steps.iter().map(|step| step.act.danger).max().unwrap_or(least).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{Action, DRAIN, Gives, MAINT, READY, WEIGHT};
    use crate::actions::intent::Target;
    use crate::haproxy::write_command::Weight;
    use crate::observe::test_samples::{SampleMaker, site};

    fn intent(sample: &Sample, act: &'static Action, order: WriteCommand, names: &[&str]) -> Intent {
        let target = |name: &&str| {
            let index =
                (0..sample.table.rows().len()).find(|index| sample.rows.key(*index).name.as_str() == *name).unwrap();
            let key = sample.rows.key(index);
            let (proxy, name) = (key.proxy.clone(), key.name.clone());
            Target { id: sample.rows.ids()[index], proxy, name, iid: None, seen: "UP".into() }
        };
        Intent::new(act, order, 0, names.iter().map(target).collect())
    }

    fn order(act: &Action) -> WriteCommand {
        let Gives::Order(order) = act.gives else { panic!("{}", act.id) };
        order
    }

    fn danger_of(sample: &Sample, act: &'static Action, name: &str) -> Danger {
        danger(sample, &intent(sample, act, order(act), &[name]))
    }

    fn without(sample: &Sample, name: &str) -> Vec<WhatIf> {
        WhatIf::of(sample, &intent(sample, &MAINT, order(&MAINT), &[name]).steps)
    }

    #[test]
    fn what_remains_is_counted_among_the_usable() {
        let sample = SampleMaker::default().at_millis(0, &site());
        let all = without(&sample, "w1");
        let [only] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((only.now.active, only.now.usable, only.after.usable), (2, 2, 1));
        assert_eq!((only.weight_left(), only.sessions), (Some(50), 400));
        assert!(!only.takes_the_last());
    }

    #[test]
    fn numbers_at_the_end_of_63_bits_do_not_overflow() {
        let site = site().replace(",400,", ",9223372036854775807,").replace(",UP,100,", ",UP,9223372036854775807,");
        let sample = SampleMaker::default().at_millis(0, &site);
        let all = without(&sample, "w1");
        assert_eq!((all[0].now.weight, all[0].sessions, all[0].weight_left()), (i64::MAX, i64::MAX, Some(1)));
        assert_eq!(danger_of(&sample, &MAINT, "w1"), Danger::Highest);
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
        let all = without(&sample, "a1");
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
        let all = without(&sample, "s");
        let shown: Vec<(&str, bool)> = all.iter().map(|one| (one.backend.as_str(), one.takes_the_last())).collect();
        assert_eq!(shown, [("b", false), ("c", true), ("d", true)]);
        assert_eq!(danger_of(&sample, &MAINT, "s"), Danger::Highest, "99 % of b would be left, but nothing of c");
    }

    #[test]
    fn what_the_rest_would_carry_is_told_against_its_limit() {
        let stat = "# pxname,svname,scur,slim,status,weight,act,bck,type,\n\
            b,s1,60,80,UP,100,1,0,2,\nb,s2,40,200,UP,100,1,0,2,\nb,s3,20,,UP,200,1,0,2,\nb,BACKEND,120,,UP,400,3,0,1,\n";
        let sample = SampleMaker::default().at_millis(0, stat);
        let fullest = |name| without(&sample, name)[0].fullest.clone().unwrap();
        assert_eq!(fullest("s3"), Share { server: "s1".into(), sessions: 60, limit: Some(80) });
        assert!(!fullest("s3").is_too_much());
        assert_eq!(fullest("s2"), Share { server: "s1".into(), sessions: 40, limit: Some(80) });
        let two = intent(&sample, &MAINT, order(&MAINT), &["s2", "s3"]);
        let fullest = WhatIf::of(&sample, &two.steps)[0].fullest.clone().unwrap();
        assert!(fullest.is_too_much() && fullest.sessions == 120, "{fullest:?}");
        assert_eq!(danger(&sample, &two), Danger::Highest, "a quarter of the weight would be left");
    }

    #[test]
    fn weights_move_shares_and_zero_takes_a_server_away() {
        let sample = SampleMaker::default().at_millis(0, &site());
        let weigh = |weight: Weight| intent(&sample, &WEIGHT, WriteCommand::Weight(weight), &["w1"]);
        let what_if = |weight: Weight| WhatIf::of(&sample, &weigh(weight).steps)[0].clone();
        assert_eq!(what_if(Weight::Absolute(50)).weight_left(), Some(75));
        assert_eq!(what_if(Weight::Absolute(0)).after.usable, 1);
        assert_eq!(danger(&sample, &weigh(Weight::Absolute(50))), Danger::Low);
        assert_eq!(danger(&sample, &weigh(Weight::Absolute(0))), Danger::High);
        let last = intent(&sample, &WEIGHT, WriteCommand::Weight(Weight::Absolute(0)), &["api1"]);
        assert_eq!(danger(&sample, &last), Danger::Highest);
        let less = intent(&sample, &WEIGHT, WriteCommand::Weight(Weight::Absolute(1)), &["api1"]);
        assert_eq!(danger(&sample, &less), Danger::Low, "the only server carries all, whatever its weight");
    }

    #[test]
    fn servers_of_several_backends_need_the_most_care() {
        let sample = SampleMaker::default().at_millis(0, &site());
        assert_eq!(danger(&sample, &intent(&sample, &READY, order(&READY), &["api3", "old1"])), Danger::Highest);
        assert_eq!(danger(&sample, &intent(&sample, &READY, order(&READY), &["api3", "api2"])), Danger::Low);
    }
}
