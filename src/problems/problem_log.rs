//! What was wrong at each time: the problems that are open, and those that are over.
//!
//! Since when something counted, how bad it was then and when it was over cannot be had from one sample, for rules
//! ask how long something holds. So it is written down when it happens. What the numbers of a moment were is not: the
//! history knows that, and [`crate::problems::tracker::Problems::recall`] puts both together.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::problem::{Changes, Problem};

/// Problems kept that are over; older ones go.
const KEPT: usize = 10_000;
/// Turns kept of one problem that goes on and on; those behind the first one go.
const TURNS: usize = 500;

/// How a problem was from a time on.
#[derive(Debug)]
struct Turn {
    from: Duration,
    severity: Severity,
    value: f64,
    text: String,
}

impl Turn {
    fn new(from: Duration, problem: &Problem) -> Self {
        Self { from, severity: problem.severity, value: problem.value, text: problem.text.clone() }
    }
}

/// One problem from its beginning to its end.
#[derive(Debug)]
struct Episode {
    problem: Problem,
    turns: Vec<Turn>,
    until: Option<Duration>,
}

impl Episode {
    fn at(&self, time: Duration) -> Option<Problem> {
        let Turn { severity, value, text, .. } = self.turns.iter().rev().find(|turn| turn.from <= time)?;
        let is_over = self.until.is_some_and(|until| until <= time);
        let (severity, value, text) = (*severity, *value, text.clone());
        (!is_over).then(|| Problem { severity, value, text, ..self.problem.clone() })
    }
}

/// What was wrong, and when.
#[derive(Debug, Default)]
pub struct Chronicle {
    open: BTreeMap<(RowId, &'static str), Episode>,
    over: VecDeque<Episode>,
}

impl Chronicle {
    /// Writes down what the sample at `now` changed.
    pub fn take(&mut self, changes: &Changes, now: Duration) {
        let key = |problem: &Problem| (problem.subject.id, problem.rule.id);
        for problem in &changes.opened {
            let episode = Episode { problem: problem.clone(), turns: vec![Turn::new(now, problem)], until: None };
            self.open.insert(key(problem), episode);
        }
        for problem in changes.calmed.iter().chain(&changes.worsened).chain(&changes.eased) {
            if let Some(Episode { turns, .. }) = self.open.get_mut(&key(problem)) {
                if turns.len() == TURNS {
                    turns.remove(1);
                }
                turns.push(Turn::new(now, problem));
            }
        }
        for problem in &changes.closed {
            if let Some(episode) = self.open.remove(&key(problem)) {
                if self.over.len() == KEPT {
                    self.over.pop_front();
                }
                self.over.push_back(Episode { until: Some(now), ..episode });
            }
        }
    }

    /// What was wrong at a time, as bad as it was then.
    pub fn at(&self, time: Duration) -> impl Iterator<Item = Problem> {
        self.over.iter().chain(self.open.values()).filter_map(move |episode| episode.at(time))
    }
}
