//! Everything that is wrong with one instance now, and since when.
//!
//! Each sample is looked at once: every rule is put to every row of its scope. A healthy row costs its
//! measurements and nothing else; only what is, or just was, bad is remembered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::history::rates::Window;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::severity::Severity;
use crate::problems::backend_stats::{Pool, Site};
use crate::problems::check_history::Memory;
use crate::problems::hysteresis::{Held, Turn};
use crate::problems::measurement::{Level, Reading};
use crate::problems::problem::{Changes, Problem, Subject};
use crate::problems::rule::Scope;
use crate::problems::rule_input::{Scene, View};
use crate::problems::rule_table::{self, RULES};
use crate::problems::thresholds::Thresholds;
use crate::problems::verdict::{self, Verdict};

/// A row, and a rule by its place in [`RULES`].
type Key = (RowId, usize);

/// A rule that holds for a row: what is known of it, and the problem once it counts.
#[derive(Debug)]
struct Entry {
    held: Held,
    problem: Option<Problem>,
    /// Whether the newest sample showed it.
    is_bad: bool,
}

/// What is wrong.
#[derive(Debug, Default)]
pub struct Problems {
    thresholds: Thresholds,
    entries: BTreeMap<Key, Entry>,
    /// Keys of the open ones, worst first.
    order: Vec<Key>,
    verdicts: Vec<Verdict>,
    memory: Memory,
    before: Option<Arc<Sample>>,
    /// Whether the row at an index has an entry. Kept for its memory.
    marked: Vec<bool>,
    pool: Pool,
}

impl Problems {
    /// Nothing wrong yet; measured by these thresholds.
    pub fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, ..Self::default() }
    }

    /// Takes in the newest sample, which `window` already holds.
    pub fn look(&mut self, sample: &Arc<Sample>, window: &Window) -> Changes {
        let last = self.before.replace(Arc::clone(sample));
        self.forget(last.as_deref(), sample);
        let before = last.filter(|before| before.epoch == sample.epoch);
        self.memory.learn(before.as_deref(), sample);
        let mut changes = Changes::default();
        self.entries.retain(|(row, _), entry| {
            let is_here = *row == RowId::PROCESS || sample.rows.index(*row).is_some();
            if !is_here {
                changes.closed.extend(entry.problem.take());
            }
            is_here
        });
        self.mark(sample);
        let mut pool = std::mem::take(&mut self.pool);
        self.measure(sample, before.as_deref(), window, &mut pool, &mut changes);
        self.sort();
        self.mark(sample);
        self.conclude(sample, before.as_deref(), window, &mut pool);
        self.pool = pool;
        changes
    }

    /// What was wrong at an earlier moment: `open` are the problems that counted then, which the moment's own numbers
    /// put into words, as far as they can; the rest keeps the words it had.
    pub fn recall(thresholds: &Thresholds, open: impl Iterator<Item = Problem>, window: &Window) -> Self {
        let mut problems = Self::new(thresholds.clone());
        let mut samples = window.samples().rev();
        let (Some(sample), before) = (samples.next(), samples.next()) else { return problems };
        for problem in open {
            let place = RULES.iter().position(|rule| rule.id == problem.rule.id);
            let is_here = problem.subject.id == RowId::PROCESS || sample.rows.index(problem.subject.id).is_some();
            if let Some(place) = place.filter(|_| is_here) {
                let mut held = Held::new(problem.since);
                held.severity = Some(problem.severity);
                problems
                    .entries
                    .insert((problem.subject.id, place), Entry { held, problem: Some(problem), is_bad: false });
            }
        }
        let mut pool = Pool::default();
        problems.mark(sample);
        problems.tell(sample, before.map(|before| &**before), window, &mut pool);
        problems.sort();
        problems.conclude(sample, before.map(|before| &**before), window, &mut pool);
        problems
    }

    /// What these are measured by.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The open problems: critical ones first, then the oldest.
    pub fn list(&self) -> impl Iterator<Item = &Problem> {
        self.order.iter().filter_map(|key| self.entries.get(key)?.problem.as_ref())
    }

    /// The open problems of one row; those of the process under [`RowId::PROCESS`].
    pub fn of(&self, row: RowId) -> impl Iterator<Item = &Problem> {
        of(&self.entries, row)
    }

    /// How bad it is with one row.
    pub fn worst(&self, row: RowId) -> Option<Severity> {
        self.of(row).map(|problem| problem.severity).max()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.order.len()
    }

    /// One line for each backend with problems, and for each frontend and the process; worst first.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The line of one backend or frontend, or of the process.
    pub fn verdict(&self, row: RowId) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.row == row)
    }

    /// Nothing was seen for too long: what did not count yet begins anew.
    fn forget(&mut self, last: Option<&Sample>, sample: &Sample) {
        let silence = last.map_or(Duration::ZERO, |last| sample.at.since(last.at.mono));
        if silence > sample.interval.saturating_mul(3) + Duration::from_secs(10) {
            self.entries.retain(|_, entry| entry.problem.is_some());
        }
    }

    fn mark(&mut self, sample: &Sample) {
        self.marked.clear();
        self.marked.resize(sample.rows.ids().len(), false);
        for (row, _) in self.entries.keys() {
            if let Some(index) = sample.rows.index(*row) {
                self.marked[index] = true;
            }
        }
    }

    fn measure(
        &mut self,
        sample: &Arc<Sample>,
        before: Option<&Sample>,
        window: &Window,
        pool: &mut Pool,
        changes: &mut Changes,
    ) {
        let Self { thresholds, entries, memory, marked, .. } = self;
        let mut pass = Pass { thresholds, entries, changes };
        let scene = Scene { sample, before, window, memory };
        each_row(scene, marked, pool, |scope, view, is_marked| pass.judge(scope, view, is_marked));
    }

    /// Puts what is open into the words of this sample's numbers.
    fn tell(&mut self, sample: &Arc<Sample>, before: Option<&Sample>, window: &Window, pool: &mut Pool) {
        let Self { thresholds, entries, memory, marked, .. } = self;
        let scene = Scene { sample, before, window, memory };
        each_row(scene, marked, pool, |_, view, _| {
            for ((_, place), entry) in entries.range_mut((view.id, 0)..=(view.id, usize::MAX)) {
                let reading = (RULES[*place].read)(view);
                let is_bad = matches!(thresholds.limits(*place).level(reading), Level::Warn | Level::Crit);
                if let (Reading::Value(value), Some(problem), true) = (reading, &mut entry.problem, is_bad) {
                    (problem.value, problem.text) = (value, (RULES[*place].say)(view, value));
                }
            }
        });
    }

    fn sort(&mut self) {
        let open = self.entries.iter().filter_map(|(key, entry)| Some((*key, entry.problem.as_ref()?)));
        let mut open: Vec<_> = open.map(|(key, problem)| (problem.severity, problem.since.mono, key)).collect();
        open.sort_unstable_by_key(|(severity, since, (row, rule))| (std::cmp::Reverse(*severity), *since, *rule, *row));
        self.order.clear();
        self.order.extend(open.into_iter().map(|(_, _, key)| key));
    }

    fn conclude(&mut self, sample: &Arc<Sample>, before: Option<&Sample>, window: &Window, pool: &mut Pool) {
        let mut verdicts = Vec::new();
        let entries = &self.entries;
        let scene = Scene { sample, before, window, memory: &self.memory };
        let is_busy = of(entries, RowId::PROCESS).any(|problem| matches!(problem.rule.id, "idle" | "run-queue"));
        let ids = sample.rows.ids();
        let mut explains_5xx = false;
        for backend in sample.rows.backends() {
            if !self.marked[backend.row] && !backend.servers.iter().any(|server| self.marked[*server]) {
                continue;
            }
            pool.fill(sample, window, backend);
            let view = scene.backend(backend, pool);
            let rows = std::iter::once(&backend.row).chain(&backend.servers);
            let problems: Vec<&Problem> = rows.flat_map(|row| of(entries, ids[*row])).collect();
            explains_5xx |= problems.iter().any(|problem| verdict::explains_5xx(problem));
            verdicts.extend(verdict::of_backend(&view, &problems, is_busy));
        }
        for frontend in sample.rows.frontends().iter().filter(|frontend| self.marked[**frontend]) {
            let known = |problem: &&Problem| !(explains_5xx && problem.rule.id == "frontend-5xx");
            verdicts.extend(verdict::of_row(of(entries, ids[*frontend]).filter(known), false));
        }
        verdicts.extend(verdict::of_row(of(entries, RowId::PROCESS), is_busy));
        verdicts.sort_by_key(|verdict| (std::cmp::Reverse(verdict.severity), verdict.since.mono));
        self.verdicts = verdicts;
    }
}

/// The open problems of one row.
fn of(entries: &BTreeMap<Key, Entry>, row: RowId) -> impl Iterator<Item = &Problem> {
    entries.range((row, 0)..=(row, usize::MAX)).filter_map(|(_, entry)| entry.problem.as_ref())
}

/// Goes through the rows that rules are put to, and the process last; says of each whether it has an entry.
fn each_row(scene: Scene<'_>, marked: &[bool], pool: &mut Pool, mut each: impl FnMut(Scope, &View<'_>, bool)) {
    let Scene { sample, window, .. } = scene;
    let mut site = Site::default();
    for backend in sample.rows.backends() {
        pool.fill(sample, window, backend);
        site.backends += usize::from(pool.servers > 0);
        site.alive += usize::from(pool.usable > 0);
        let view = scene.backend(backend, pool);
        for server in &backend.servers {
            each(Scope::Server, &view.at(*server), marked[*server]);
        }
        each(Scope::Backend, &view, marked[backend.row]);
    }
    let nobody = Pool::default();
    let view = scene.process(&nobody, site);
    for frontend in sample.rows.frontends() {
        each(Scope::Frontend, &view.at(*frontend), marked[*frontend]);
    }
    each(Scope::Process, &view, true);
}

/// One sample on its way past the rules.
struct Pass<'a> {
    thresholds: &'a Thresholds,
    entries: &'a mut BTreeMap<Key, Entry>,
    changes: &'a mut Changes,
}

impl Pass<'_> {
    /// Puts the rules of a scope to a row. Where nothing is wrong and nothing was, nothing is looked up.
    fn judge(&mut self, scope: Scope, view: &View<'_>, is_marked: bool) {
        for (place, rule) in rule_table::of(scope) {
            let reading = (rule.read)(view);
            let level = self.thresholds.limits(place).level(reading);
            if is_marked || matches!(level, Level::Warn | Level::Crit) {
                self.take(place, view, reading, level);
            }
        }
    }

    fn take(&mut self, place: usize, view: &View<'_>, reading: Reading, level: Level) {
        let key = (view.id, place);
        let is_bad = matches!(level, Level::Warn | Level::Crit);
        let now = view.sample.at;
        let entry = match self.entries.get_mut(&key) {
            Some(entry) => entry,
            None if is_bad => {
                self.entries.entry(key).or_insert_with(|| Entry { held: Held::new(now), problem: None, is_bad })
            }
            None => return,
        };
        if std::mem::replace(&mut entry.is_bad, is_bad) && !is_bad {
            self.changes.calmed.extend(entry.problem.clone());
        }
        let turn = entry.held.feed(level, self.thresholds.limits(place), now.mono);
        if let Some(problem) = &mut entry.problem {
            problem.severity = entry.held.severity.unwrap_or(problem.severity);
        }
        let words = |value: f64| (RULES[place].say)(view, value);
        match (reading, &mut entry.problem) {
            (Reading::Value(value), Some(problem)) if is_bad => (problem.value, problem.text) = (value, words(value)),
            (Reading::Value(value), none @ None) if turn == Turn::Opens => {
                let names = view.row().map(|row| (row.kind, row.proxy.clone(), row.name.clone()));
                let subject = Subject { id: view.id, names };
                let severity = entry.held.severity.unwrap_or(Severity::Warn);
                let since = entry.held.since;
                *none = Some(Problem { rule: &RULES[place], subject, severity, since, value, text: words(value) });
            }
            _ => {}
        }
        match turn {
            Turn::Opens => self.changes.opened.extend(entry.problem.clone()),
            Turn::Worsens => self.changes.worsened.extend(entry.problem.clone()),
            Turn::Eases => self.changes.eased.extend(entry.problem.clone()),
            Turn::Closes => self.changes.closed.extend(entry.problem.take()),
            Turn::Stays | Turn::Passes => {}
        }
        if matches!(turn, Turn::Closes | Turn::Passes) {
            self.entries.remove(&key);
        }
    }
}
