//! Waiting after an act: sample by sample, until every server is there, the deadline passes, somebody changes one
//! of them, or a signal comes. A HAProxy that does not answer for a while, as in a restart, is waited for too.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::actions::verify;
use crate::haproxy::write_command::Admin;
use crate::headless::exit_code::Code;
use crate::headless::server::progress::{Goal, Standing, countdown, standing, summary};
use crate::headless::server::server_command::{Run, Server};
use crate::observe::link::Link;

/// The countdown moves so often.
const TICK: Duration = Duration::from_secs(1);
/// A server whose first check may still be under way is believed after so many samples.
const CALM: usize = 2;

impl Run<'_> {
    /// Waits until every server is there.
    ///
    /// # Errors
    /// How it ended otherwise; that is told.
    pub async fn wait(&mut self, limit: Duration) -> Result<(), Code> {
        let begun = Instant::now();
        let deadline = begun + limit;
        let mut standings = Vec::new();
        loop {
            tokio::select! {
                biased;
                number = self.signals.wait() => return Err(self.stopped(number).await),
                () = sleep_until(deadline) => return Err(self.late(limit).await),
                looked = self.desk.look() => if looked.is_ok() {
                    self.note_reload();
                    standings = self.judge().await?;
                    self.tell_arrivals(&standings, begun.elapsed());
                    if standings.iter().all(|(_, standing)| standing.is_there) {
                        return Ok(());
                    }
                }
            }
            let due = self.desk.due().min(deadline);
            loop {
                self.show(&standings, deadline.saturating_duration_since(Instant::now()));
                if Instant::now() >= due {
                    break;
                }
                tokio::select! {
                    biased;
                    number = self.signals.wait() => return Err(self.stopped(number).await),
                    () = sleep_until(due.min(Instant::now() + TICK)) => {}
                }
            }
        }
    }

    /// How far each server is; an end where one went astray.
    async fn judge(&mut self) -> Result<Vec<(String, Standing)>, Code> {
        let version = self.desk.watch.newest().and_then(|sample| sample.info.version());
        let mut all = Vec::with_capacity(self.servers.len());
        for place in 0..self.servers.len() {
            let server = &self.servers[place];
            let Some(mut standing) = standing(&self.desk.watch, server.id, server.goal) else {
                return Err(self
                    .astray(&format!("{} is gone: HAProxy does not list it any more", server.name()))
                    .await);
            };
            if standing.is_doubtful {
                let step = server.step();
                let seen = self.desk.operator.read(&step).await;
                match seen.and_then(|seen| verify::is_done(&step, None, &seen, version)) {
                    Some(true) => {}
                    Some(false) => {
                        let why = self.change_of(server);
                        return Err(self.astray(&why).await);
                    }
                    // Not now; the next sample may tell.
                    None => standing.is_there = false,
                }
            }
            let needs = if server.goal == Goal::Usable && standing.words != "no check" { CALM } else { 1 };
            let server = &mut self.servers[place];
            server.calm = if standing.is_there { server.calm + 1 } else { 0 };
            if standing.is_there && server.calm < needs {
                standing.is_there = false;
                standing.words += ", looking again";
            }
            all.push((server.name(), standing));
        }
        Ok(all)
    }

    /// What happened to a server that is not in the state it was given.
    fn change_of(&self, server: &Server) -> String {
        let (name, watch) = (server.name(), &self.desk.watch);
        let status = watch.status(server.id).unwrap_or_default();
        let is_reloaded = watch.newest().is_some_and(|sample| sample.epoch.number != self.epoch);
        match (server.holds, is_reloaded) {
            (Admin::Drain, true) => format!("the reload lost the drain of {name}: it is {status} now"),
            (Admin::Maint, true) => format!("the reload lost the maintenance of {name}: it is {status} now"),
            (Admin::Ready, true) => format!("the reload took {name} away again: it is {status} now"),
            (holds, false) => format!("somebody else changed {name}: it is {status} now, and not {}", holds.word()),
        }
    }

    async fn astray(&mut self, why: &str) -> Code {
        self.voice.complain(why);
        self.tell_maint_not_set();
        self.tell_states().await;
        Code::Refused
    }

    fn tell_maint_not_set(&mut self) {
        if self.asked.then_maint {
            self.voice.explain("  maintenance was not set");
        }
    }

    async fn late(&mut self, limit: Duration) -> Code {
        let open: Vec<String> = self.servers.iter().filter(|server| !server.is_told).map(Server::name).collect();
        let done = self.done_word();
        let who = match open.as_slice() {
            [one] => format!("{one} is not {done}"),
            several => format!("{} of {} servers are not {done}", several.len(), self.servers.len()),
        };
        self.voice.complain(&format!("the deadline of {} passed, and {who}", countdown(limit)));
        if let Link::Lost { since, failure } = self.desk.watch.link() {
            let silent = countdown(self.desk.now().saturating_sub(*since));
            self.voice.explain(&format!("  HAProxy has not answered for {silent}: {}", failure.why));
        }
        self.tell_maint_not_set();
        self.tell_states().await;
        Code::Deadline
    }

    fn done_word(&self) -> &'static str {
        if self.asked.admin == Admin::Ready { "usable" } else { "drained" }
    }

    /// Says once of each server that it is there. One that is not any more is told anew.
    fn tell_arrivals(&mut self, standings: &[(String, Standing)], after: Duration) {
        for (server, (name, standing)) in self.servers.iter_mut().zip(standings) {
            if standing.is_there && !server.is_told {
                let what = match server.goal {
                    Goal::Drained => "drained".to_owned(),
                    Goal::Left => "in maintenance without a session".to_owned(),
                    Goal::Usable => standing.words.clone(),
                };
                self.voice.say(&format!("{name} is {what} after {}", countdown(after)));
            }
            server.is_told = standing.is_there;
        }
    }

    /// The old process may go on serving what it had.
    fn note_reload(&mut self) {
        let Some(epoch) = self.desk.watch.newest().map(|sample| sample.epoch) else { return };
        if epoch.number == self.reloads_told {
            return;
        }
        self.reloads_told = epoch.number;
        if self.asked.admin != Admin::Ready {
            let pid = epoch.pid;
            self.voice
                .say(&format!("HAProxy was reloaded, pid {pid} now: sessions of its old process are not counted"));
        }
    }

    fn show(&mut self, standings: &[(String, Standing)], left: Duration) {
        let now = self.desk.now();
        if let Link::Lost { failure, .. } = self.desk.watch.link() {
            let line = format!("HAProxy does not answer: {}; {} until the deadline", failure.why, countdown(left));
            return self.voice.progress(&failure.why.clone(), &line, now);
        }
        let summary = summary(standings, self.done_word(), left);
        self.voice.progress(&summary.news, &summary.line, now);
    }
}
