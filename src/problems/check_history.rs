//! What health checks did over the last minutes: longer than the window of rates reaches.
//!
//! Only servers whose checks failed are remembered, each in a bounded number of steps.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// How long something is remembered: 5 minutes.
pub const REMEMBERED: Duration = Duration::from_mins(5);
/// What follows this soon is counted with what came before; so a server takes 60 steps at the most.
const STEP: Duration = Duration::from_secs(5);

/// What grew at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    at: Duration,
    downs: i64,
    fails: i64,
}

/// The last minutes of all servers.
#[derive(Debug, Default)]
pub struct Memory {
    servers: BTreeMap<RowId, VecDeque<Step>>,
}

impl Memory {
    /// Compares two samples of one epoch, and forgets what is too old.
    pub fn learn(&mut self, before: Option<&Sample>, now: &Sample) {
        let at = now.at.mono;
        self.servers.retain(|_, steps| {
            while steps.front().is_some_and(|step| at.saturating_sub(step.at) > REMEMBERED) {
                steps.pop_front();
            }
            !steps.is_empty()
        });
        let Some(before) = before else { return };
        let same_rows = Arc::ptr_eq(&before.rows, &now.rows);
        for server in now.rows.backends().iter().flat_map(|backend| &backend.servers) {
            let id = now.rows.ids()[*server];
            let Some(earlier) = (if same_rows { Some(*server) } else { before.rows.index(id) }) else { continue };
            let grown = |field| {
                let (old, new) = (before.table.number(earlier, field), now.table.number(*server, field));
                old.zip(new).map_or(0, |(old, new)| new.saturating_sub(old).max(0))
            };
            let (downs, fails) = (grown(Field::Chkdown), grown(Field::Chkfail));
            if downs > 0 || fails > 0 {
                self.note(id, Step { at, downs, fails });
            }
        }
    }

    fn note(&mut self, id: RowId, step: Step) {
        let steps = self.servers.entry(id).or_default();
        let mut step = step;
        if step.downs > 0 {
            // Checks that took it down are told by that; what counts is what fails once it is up again.
            for earlier in steps.iter_mut() {
                earlier.fails = 0;
            }
            step.fails = 0;
        }
        match steps.back_mut().filter(|last| step.at.saturating_sub(last.at) < STEP) {
            Some(last) => {
                last.downs = last.downs.saturating_add(step.downs);
                last.fails = last.fails.saturating_add(step.fails);
            }
            None => steps.push_back(step),
        }
    }

    /// Times a server went down within the last 5 minutes.
    pub fn downs(&self, id: RowId) -> f64 {
        self.servers.get(&id).map_or(0.0, |steps| steps.iter().map(|step| step.downs as f64).sum())
    }

    /// Checks of a server that failed while it was up, in the minute up to `now`.
    pub fn fails(&self, id: RowId, now: Duration) -> f64 {
        let recent = |step: &&Step| now.saturating_sub(step.at) <= Duration::from_mins(1);
        self.servers.get(&id).map_or(0.0, |steps| steps.iter().filter(recent).map(|step| step.fails as f64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleMaker;

    fn stat(downs: i64, fails: i64) -> String {
        format!("# pxname,svname,chkdown,chkfail,type,status,\nb,s,{downs},{fails},2,UP,\nb,BACKEND,,,1,UP,\n")
    }

    #[test]
    fn what_happened_is_remembered_for_its_time_and_across_reloads() {
        let (mut memory, mut maker) = (Memory::default(), SampleMaker::default());
        let first = maker.at_millis(0, &stat(5, 9));
        let id = first.rows.ids()[0];
        memory.learn(None, &first);
        assert!(memory.servers.is_empty(), "what was before we looked is not news");
        let second = maker.at_millis(2000, &stat(6, 9));
        memory.learn(Some(&first), &second);
        let third = maker.at_millis(8000, &stat(6, 12));
        memory.learn(Some(&second), &third);
        assert_eq!((memory.downs(id), memory.fails(id, Duration::from_secs(8))), (1.0, 3.0));
        assert_eq!((memory.downs(id), memory.fails(id, Duration::from_secs(69))), (1.0, 0.0));
        let fourth = maker.at_millis(9000, &stat(7, 15));
        memory.learn(Some(&third), &fourth);
        assert_eq!((memory.downs(id), memory.fails(id, Duration::from_secs(9))), (2.0, 0.0), "down says it all");
        maker.reload();
        memory.learn(None, &maker.at_millis(240_000, &stat(0, 0)));
        assert!((memory.downs(id) - 2.0).abs() < 1e-9, "a reload makes no flapping server good");
        memory.learn(None, &maker.at_millis(310_000, &stat(0, 0)));
        assert!(memory.servers.is_empty());
    }

    #[test]
    fn a_server_that_always_fails_takes_a_bounded_place() {
        let (mut memory, mut maker) = (Memory::default(), SampleMaker::default());
        let mut before = maker.at_millis(0, &stat(0, 0));
        for step in 1..2000 {
            let now = maker.at_millis(step * 500, &stat(step as i64, step as i64));
            memory.learn(Some(&before), &now);
            before = now;
        }
        let steps = &memory.servers[&before.rows.ids()[0]];
        assert!(steps.len() <= 61, "{}", steps.len());
        assert!((590.0..=610.0).contains(&memory.downs(before.rows.ids()[0])));
    }
}
