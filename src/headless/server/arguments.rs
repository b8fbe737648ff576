//! `hapulse drain`, `hapulse maint` and `hapulse ready`: what the dashboard's keys do, for deploy scripts.
//!
//! One run is about one HAProxy and a list of servers. It says what state it found, asks unless it was told not to,
//! sends the commands through the same guard and operator as the dashboard, one after the other until one fails, and
//! waits where it was told to. The exit code is the answer. However it ends, it says what state it leaves behind: a
//! signal is obeyed between two commands and never within one.

use anyhow::Context as _;
use tokio::runtime::Builder;

use crate::actions::intent::Intent;
use crate::actions::outcome::Done;
use crate::haproxy::write_command::Admin;
use crate::headless::exit_code::Code;
use crate::headless::server::console::Voice;
use crate::headless::server::progress::Goal;
use crate::headless::server::server_command::{Asked, Run};
use crate::headless::server::session::Desk;
use crate::headless::signals::Signals;
use crate::instance::guard::Authorised;

/// Does what is asked for at one HAProxy.
///
/// # Errors
/// When the system does not let it begin; everything else is told, and is an exit code.
pub fn run(asked: Asked, desk: Desk, voice: &mut Voice) -> anyhow::Result<Code> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the I/O runtime")?;
    Ok(runtime.block_on(async {
        let signals = Signals::listen();
        let mut run =
            Run { asked, desk, signals, voice, servers: Vec::new(), epoch: 0, reloads_told: 0, must_tell: false };
        run.go().await.err().unwrap_or(Code::Done)
    }))
}

impl Run<'_> {
    async fn go(&mut self) -> Result<(), Code> {
        self.may_ask()?;
        self.first_look().await?;
        self.find()?;
        let agreed = self.agree().await?;
        self.must_tell = true;
        self.reloads_told = self.epoch;
        if let Some(first) = agreed.first {
            self.send(first).await?;
        }
        let Some(limit) = self.asked.wait else { return Ok(()) };
        let now = self.desk.now();
        for server in self.servers.iter().filter(|server| server.is_already && server.goal == Goal::Drained) {
            self.desk.watch.follow_drain(server.id, now);
        }
        self.wait(limit).await?;
        let Some(then) = self.then() else { return Ok(()) };
        match self.authorise(then, agreed.danger) {
            Ok(then) => self.send(then).await,
            Err(why) => {
                self.voice.complain(&format!("maintenance was not set: {why}"));
                self.tell_states().await;
                Err(Code::Refused)
            }
        }
    }

    fn then(&self) -> Option<Intent> {
        let then = self.asked.then_maint.then(|| self.intent(Admin::Maint, |server| server.goal != Goal::Left));
        then.flatten()
    }

    async fn first_look(&mut self) -> Result<(), Code> {
        let looked = tokio::select! {
            biased;
            number = self.signals.wait() => return Err(self.stopped(number).await),
            looked = self.desk.look() => looked,
        };
        looked.map_err(|failure| {
            self.voice.complain(&format!("{}: {}", self.desk.operator.instance, failure.why));
            if let Some(hint) = failure.hint {
                self.voice.explain(&format!("  {hint}"));
            }
            Code::Unreachable
        })
    }

    /// Sends the commands, one after the other, and says what became of each.
    async fn send(&mut self, intent: Authorised<Intent>) -> Result<(), Code> {
        if let Some(number) = self.signals.came() {
            return Err(self.stopped(number).await);
        }
        let (voice, signals, servers) = (&mut *self.voice, &self.signals, &mut self.servers);
        let each = |done: &Done| {
            let line = format!("{}: {}", done.command, done.outcome);
            if done.outcome.is_good() {
                voice.say(&line);
            } else {
                voice.complain(&line);
            }
            if let Some(remark) = &done.remark {
                voice.complain(remark);
            }
            for server in servers.iter_mut().filter(|server| server.id == done.step.target.id) {
                server.is_sent = true;
            }
            signals.came().is_none()
        };
        let report = self.desk.operator.carry_out_each(&intent, |_| {}, each).await;
        self.desk.watch.acted(&report, self.desk.clock.now());
        if report.is_good() {
            return Ok(());
        }
        for step in report.left() {
            self.voice.explain(&format!("  not sent: {}", step.command().unwrap_or_default()));
        }
        if report.done.iter().all(|done| done.outcome.is_good())
            && let Some(number) = self.signals.came()
        {
            return Err(self.stopped(number).await);
        }
        Err(if self.tell_states().await { Code::Refused } else { Code::Unreachable })
    }
}
