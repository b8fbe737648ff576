//! One instance under watch: its newest sample, rates, history, events and link.
//!
//! A plain state machine: it is given samples, failures and outcomes, and never asks for anything. The same
//! input always leads to the same state, whoever feeds it.
//!
//! It can be told to show a moment of the past ([`Past`]). Then what is shown of it ([`Watch::newest`] and its
//! neighbours) is that moment, and everything else goes on: samples, events, drains, acts, and the link.

use std::sync::Arc;
use std::time::Duration;

use crate::actions::audit::audit_index::Ledger;
use crate::actions::drain_tracker::{self, Draining};
use crate::actions::outcome::{Report, Stage};
use crate::actions::recent_actions::Deeds;
use crate::actions::reload_loss::{self, Lost};
use crate::haproxy::safe_text::SafeText;
use crate::history::rates::Window;
use crate::history::store::{DEFAULT_BUDGET, History};
use crate::instance::past_moment::{Past, Travel};
use crate::observe::changes;
use crate::observe::events::{Event, Events, EventsUntil, What, display_name};
use crate::observe::link::{Failure, Link};
use crate::observe::poll_stats::Polls;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::timestamp::Stamp;
use crate::problems::problem_log::Chronicle;
use crate::problems::thresholds::Thresholds;
use crate::problems::tracker::Problems;
use crate::problems::transitions;

/// Everything known of one instance.
#[derive(Debug)]
pub struct Instance {
    window: Window,
    history: History,
    /// The first sample, until it is in the history.
    unkept: Option<Arc<Sample>>,
    events: Events,
    problems: Problems,
    /// What was wrong earlier.
    chronicle: Chronicle,
    /// The moment shown, where it is not the newest.
    past: Option<Past>,
    /// The moment that was marked.
    mark: Option<Arc<Sample>>,
    link: Link,
    polls: Polls,
    deeds: Deeds,
    draining: Draining,
    /// What the last reload took away and is not back yet.
    lost: Vec<Lost>,
}

impl Default for Instance {
    fn default() -> Self {
        Self::new(DEFAULT_BUDGET)
    }
}

impl Instance {
    /// Nothing known yet; the history may take `budget` bytes.
    pub fn new(budget: usize) -> Self {
        Self {
            window: Window::default(),
            history: History::new(budget),
            unkept: None,
            events: Events::default(),
            problems: Problems::default(),
            chronicle: Chronicle::default(),
            past: None,
            mark: None,
            link: Link::default(),
            polls: Polls::default(),
            deeds: Deeds::default(),
            draining: Draining::default(),
            lost: Vec::new(),
        }
    }

    /// Takes a sample in; `missed` counts those before it that nobody had the time to look at. Tells what is new
    /// of the drains ordered here.
    pub fn take(&mut self, sample: Arc<Sample>, missed: u64) -> Vec<drain_tracker::News> {
        self.polls.answer(&sample, missed);
        let was = std::mem::replace(&mut self.link, Link::Up);
        let lost_for = match was {
            Link::Lost { since, .. } if self.live().is_some() => Some(sample.at.since(since)),
            _ => None,
        };
        if let Some(before) = self.live().map(Arc::clone) {
            self.deeds.forget_old(sample.at);
            for event in changes::between(&before, &sample, lost_for, |id| self.deeds.is_ours(id)) {
                self.events.push(event);
            }
            if before.epoch != sample.epoch {
                self.lost = reload_loss::of(&before, &sample);
                for lost in self.lost.clone() {
                    let name = sample.row(lost.id).map(|row| display_name(row.kind, &row.proxy, &row.name));
                    self.event(sample.at, Some(lost.id), name.unwrap_or_default(), What::Lost(lost.word()));
                }
            }
        }
        self.deeds.read_back.clear();
        if self.live().is_none() {
            self.unkept = Some(Arc::clone(&sample));
        } else {
            self.keep();
            self.history.push(&sample);
        }
        let newest = Arc::clone(&sample);
        self.window.push(sample);
        let changes = self.problems.look(&newest, &self.window);
        self.chronicle.take(&changes, newest.at.mono);
        for event in transitions::of(&changes, newest.at) {
            self.events.push(event);
        }
        self.lost.retain(|lost| !lost.is_back(&newest));
        let news = self.draining.look(&newest);
        for news in &news {
            self.drained(&newest, *news);
        }
        news
    }

    /// Puts the first sample into the history, for which nobody shall wait who wants to see it. Whether it was still
    /// to be put there.
    pub fn keep(&mut self) -> bool {
        let Some(sample) = self.unkept.take() else { return false };
        self.history.push(&sample);
        true
    }

    /// A server that drained is empty, or is not though its time has passed: worth a line.
    fn drained(&mut self, sample: &Sample, news: drain_tracker::News) {
        let (id, is_empty) = match news {
            drain_tracker::News::Empty(id) => (id, true),
            drain_tracker::News::Overdue(id) => (id, false),
        };
        let Some(row) = sample.row(id) else { return };
        let left = self.draining.left(id);
        let (sessions, why) = left.map_or((0, None), |left| (left.sessions, left.why));
        let what = What::Drained { is_empty, sessions, why: why.unwrap_or_default() };
        self.event(sample.at, Some(id), display_name(row.kind, &row.proxy, &row.name), what);
    }

    /// Measures problems by other thresholds from now on; what is open now begins anew.
    pub fn set_thresholds(&mut self, thresholds: Thresholds) {
        self.problems = Problems::new(thresholds);
        self.chronicle = Chronicle::default();
    }

    /// A poll failed.
    pub fn fail(&mut self, failure: Failure, at: Stamp) {
        self.polls.fail();
        let since = match &self.link {
            Link::Lost { since, .. } => *since,
            Link::Connecting => at.mono,
            Link::Up => {
                self.event(at, None, String::new(), What::LinkLost(failure.why.clone()));
                self.live().map_or(at.mono, |sample| sample.at.mono)
            }
        };
        self.link = Link::Lost { since, failure };
    }

    /// A command under way has come this far.
    pub fn progress(&mut self, row: RowId, stage: Stage, now: Duration) {
        self.deeds.under_way.tell(row, stage, now);
    }

    /// Acts were carried out.
    pub fn acted(&mut self, report: &Report, at: Stamp) {
        for event in self.deeds.take(report, &mut self.draining, at) {
            self.events.push(event);
        }
    }

    /// How far the newest act on a row has come.
    pub fn stage(&self, id: RowId, now: Duration) -> Option<Stage> {
        self.deeds.under_way.stage(id, now)
    }

    /// Who acts in this run.
    pub fn set_actor(&mut self, who: SafeText) {
        self.deeds.authors.set_actor(who);
    }

    /// Takes in what the audit knows of this HAProxy, whose address it knows it by. What has no end there is told.
    pub fn remember(&mut self, ledger: &Ledger, address: &str, at: Stamp) {
        self.deeds.authors.remember(ledger.states(address));
        for unfinished in ledger.unfinished(address) {
            let (command, who) = (unfinished.command.to_string(), unfinished.entry.who.to_string());
            self.event(at, None, String::new(), What::Unfinished { command, who, at: unfinished.entry.at });
        }
    }

    /// Who ordered the state that a server is in, as far as that is known.
    pub fn author(&self, id: RowId) -> Option<String> {
        self.deeds.authors.of(self.newest()?, id)
    }

    /// The servers that drain; none while the past is shown.
    pub fn draining(&self) -> &Draining {
        self.past.as_ref().map_or(&self.draining, Past::draining)
    }

    /// A server was found to be draining: it is followed as if that had been ordered now.
    pub fn follow_drain(&mut self, id: RowId, now: Duration) {
        self.draining.order(id, now);
    }

    /// Asks about the sessions of a drained server that stay after this time.
    pub fn set_drain_deadline(&mut self, deadline: Duration) {
        self.draining.set_deadline(deadline);
    }

    /// What the last reload took away and is not back yet; nothing while the past is shown.
    pub fn lost(&self) -> &[Lost] {
        if self.past.is_some() { &[] } else { &self.lost }
    }

    /// The same, whatever is shown.
    pub fn all_lost(&self) -> &[Lost] {
        &self.lost
    }

    /// What the last reload took away is not wanted back.
    pub fn let_go(&mut self) {
        self.lost.clear();
    }

    /// The newest sample, or the one of the moment that is shown.
    pub fn newest(&self) -> Option<&Arc<Sample>> {
        self.past.as_ref().map(Past::sample).or_else(|| self.live())
    }

    /// The newest sample, whatever is shown.
    pub fn live(&self) -> Option<&Arc<Sample>> {
        self.window.newest()
    }

    /// The status of a row as it was seen last: read back after an act, else in the newest sample.
    pub fn status(&self, id: RowId) -> Option<SafeText> {
        let read_back = self.deeds.read_back.iter().find(|(known, _)| *known == id);
        read_back.map(|(_, status)| status.clone()).or_else(|| Some(SafeText::from(self.live()?.row(id)?.status())))
    }

    /// Rates.
    pub fn window(&self) -> &Window {
        self.past.as_ref().map_or(&self.window, Past::window)
    }

    /// Every sample that is kept.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What happened up to the moment that is shown.
    pub fn events(&self) -> EventsUntil<'_> {
        self.events.until(self.past.as_ref().map_or(Duration::MAX, |past| past.sample().at.mono))
    }

    /// What happened, whatever is shown.
    pub fn all_events(&self) -> &Events {
        &self.events
    }

    /// What is wrong, as of the newest sample or the moment that is shown.
    pub fn problems(&self) -> &Problems {
        self.past.as_ref().map_or(&self.problems, Past::problems)
    }

    /// The moment shown, where the past is.
    pub fn past(&self) -> Option<&Past> {
        self.past.as_ref()
    }

    /// The time of the moment that is shown; `now`, where that is the present.
    pub fn time(&self, now: Duration) -> Duration {
        self.past.as_ref().map_or(now, |past| past.sample().at.mono)
    }

    /// Shows the moment that lies there from now on, seen from the one that is shown. Whether it is another one.
    pub fn travel(&mut self, travel: Travel) -> bool {
        self.keep();
        let Some(from) = self.newest().map(|sample| sample.seq) else { return false };
        let seq = self.newest().and_then(|sample| Past::number_of(travel, sample, &self.history));
        let is_new = self.past.is_none() || seq.is_some_and(|seq| seq != from);
        let thresholds = self.problems.thresholds();
        let at = |seq| Past::at(seq, &self.history, &self.chronicle, thresholds, self.past.as_ref());
        match seq.filter(|_| is_new).and_then(at) {
            Some(past) => {
                self.past = Some(past);
                from != seq.unwrap_or(from)
            }
            None => false,
        }
    }

    /// Where the history has forgotten the moment that is shown, goes to the oldest one it knows. Whether it was so.
    pub fn keep_up(&mut self) -> bool {
        let oldest = self.history.marks().next().map(|mark| mark.seq);
        let is_forgotten = self.past.as_ref().zip(oldest).is_some_and(|(past, oldest)| past.sample().seq < oldest);
        is_forgotten && self.travel(Travel::Oldest)
    }

    /// Shows the present again.
    pub fn resume(&mut self) {
        self.past = None;
    }

    /// The moment that was marked.
    pub fn mark(&self) -> Option<&Arc<Sample>> {
        self.mark.as_ref()
    }

    /// Marks the moment that is shown. Gives the one that was marked before.
    pub fn set_mark(&mut self) -> Option<Arc<Sample>> {
        let shown = self.newest().map(Arc::clone);
        std::mem::replace(&mut self.mark, shown)
    }

    /// Forgets the mark. Gives the one there was.
    pub fn forget_mark(&mut self) -> Option<Arc<Sample>> {
        self.mark.take()
    }

    /// The link's state.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// What the polls cost.
    pub fn polls(&self) -> &Polls {
        &self.polls
    }

    fn event(&mut self, at: Stamp, row: Option<RowId>, name: String, what: What) {
        self.events.push(Event { at, row, name, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::MAINT;
    use crate::actions::intent::{Intent, Target};
    use crate::actions::outcome::{Done, Outcome};
    use crate::actions::readback::Seen;
    use crate::haproxy::write_command::{Admin, WriteCommand};
    use crate::observe::test_samples::{SampleMaker, at, site};

    fn shown(watch: &Instance) -> Vec<String> {
        let is_other = |event: &&Event| !matches!(event.what, What::Problem { .. });
        watch.events().newest().filter(is_other).map(told).collect()
    }

    fn told(event: &Event) -> String {
        format!("{} {}", event.name, event.what).trim().to_owned()
    }

    fn failure(why: &str) -> Failure {
        Failure { why: why.into(), hint: None, is_denied: false, retry_at: Duration::ZERO }
    }

    #[test]
    fn changes_between_two_samples_are_events() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        watch.take(maker.at_millis(2000, &site()), 0);
        assert!(watch.events().is_empty());
        let down = site().replace(
            "4000,UP,100,1,0,2,30,20,55,12,0,0,0,4500,L7OK,,",
            "4000,DOWN,100,1,0,2,0,20,55,12,0,0,0,4500,L4CON,refused,",
        );
        watch.take(maker.at_millis(4000, &down), 0);
        assert_eq!(shown(&watch), ["www/w1 UP → DOWN  L4CON refused"]);
        watch.take(maker.at_millis(6000, &down.replace("UP,100,1,0,2,60", "UP,50,1,0,2,60")), 0);
        assert_eq!(shown(&watch)[0], "api/api1 weight 100 → 50");
    }

    #[test]
    fn a_change_that_we_ordered_says_so() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        let sample = maker.at_millis(0, &site());
        let id = sample.rows.ids()[1];
        watch.take(sample, 0);
        let target = Target { id, proxy: "www".into(), name: "w1".into(), iid: None, seen: "UP".into() };
        let intent = Intent::new(&MAINT, WriteCommand::State(Admin::Maint), 0, vec![target]);
        let done = Done {
            step: intent.steps[0].clone(),
            command: intent.commands()[0].clone(),
            before: None,
            after: Some(Seen { status: "MAINT".into(), ..Seen::default() }),
            outcome: Outcome::Verified("MAINT, 3 sessions left".into()),
            remark: None,
        };
        watch.acted(&Report { intent, done: vec![done] }, at(100));
        assert_eq!(watch.status(id), Some("MAINT".into()), "before a sample shows it");
        assert_eq!(watch.stage(id, Duration::from_secs(1)), Some(Stage::Good));
        watch.take(maker.at_millis(2000, &site().replacen("4000,UP,", "4000,MAINT,", 1)), 0);
        assert_eq!(
            shown(&watch),
            ["www/w1 UP → MAINT  by us", "set server www/w1 state maint: verified, MAINT, 3 sessions left"]
        );
        watch.take(maker.at_millis(60_000, &site()), 0);
        assert_eq!(shown(&watch)[0], "www/w1 MAINT → UP  not by us  L7OK", "somebody else, later");
    }

    #[test]
    fn reloads_and_restarts_are_told_apart() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        maker.reload();
        watch.take(maker.at_millis(2000, &site()), 0);
        assert_eq!(shown(&watch), ["reloaded: pid 100 → 101; counters start anew"]);
        watch.fail(failure("connection refused"), at(4000));
        watch.fail(failure("connection refused"), at(5000));
        assert!(matches!(watch.link(), Link::Lost { since, .. } if *since == Duration::from_secs(2)));
        maker.reload();
        watch.take(maker.at_millis(12_000, &site()), 0);
        assert!(watch.link().is_up());
        assert_eq!(
            shown(&watch)[..3],
            ["restarted: pid 101 → 102; counters start anew", "link back after 10 s", "link lost: connection refused"]
        );
    }

    #[test]
    fn rows_that_come_and_go_are_counted_not_listed() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        let fewer = site().split_inclusive('\n').filter(|line| !line.starts_with("legacy")).collect::<String>();
        watch.take(maker.at_millis(2000, &fewer), 3);
        watch.take(maker.at_millis(4000, &site()), 0);
        assert_eq!(shown(&watch), ["2 new rows", "2 rows gone"]);
        assert_eq!(watch.polls().missed(), 3);
    }
}
