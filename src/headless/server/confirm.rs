//! From what was asked to what may be sent: the state that was found, the question, and the guard's word.

use crate::actions::action_table::{Danger, of_state};
use crate::actions::intent::Intent;
use crate::actions::verify;
use crate::haproxy::write_command::Admin;
use crate::headless::exit_code::Code;
use crate::headless::server::initial_state;
use crate::headless::server::progress::Goal;
use crate::headless::server::prompt::{Plan, forget_typed, read_line};
use crate::headless::server::server_command::{Asking, Run, Server};
use crate::instance::guard::{Authorised, Consent, Refusal, name_to_type};

/// What was agreed to.
#[derive(Debug)]
pub struct Agreed {
    /// What may be sent at once; nothing where nothing is to be.
    pub first: Option<Authorised<Intent>>,
    /// The care that what comes later may need.
    pub danger: Danger,
}

impl Run<'_> {
    /// Whether it can be asked like this, on this terminal or without one, and under this configuration.
    ///
    /// # Errors
    /// That it cannot; why is told.
    pub fn may_ask(&mut self) -> Result<(), Code> {
        let can_ask = self.voice.can_ask();
        let wants_reason = self.asked.asks_reason && self.asked.reason.is_none();
        let why = match () {
            () if self.asked.asking == Asking::Always && !can_ask => {
                "there is no terminal to ask on\n  add --yes to do it without a question"
            }
            () if wants_reason && !can_ask => "audit.ask_reason is set: a reason is wanted\n  add --reason TEXT",
            () => return self.may_change(),
        };
        self.voice.complain(why);
        Err(Code::Usage)
    }

    fn may_change(&mut self) -> Result<(), Code> {
        if !self.desk.guard.read_only {
            return Ok(());
        }
        self.voice.complain(&Refusal::ReadOnly(of_state(self.asked.admin).title).to_string());
        Err(Code::Refused)
    }

    /// Finds the servers in the newest sample.
    ///
    /// # Errors
    /// That one is not there; every one is told.
    pub fn find(&mut self) -> Result<(), Code> {
        let holds = self.asked.admin;
        let goal = if holds == Admin::Ready { Goal::Usable } else { Goal::Drained };
        let mut is_missing = false;
        for name in &self.asked.servers {
            match name.find(&self.desk.watch) {
                Ok(target) if self.servers.iter().any(|known| known.id == target.id) => {}
                Ok(target) => self.servers.push(Server {
                    id: target.id,
                    target,
                    before: None,
                    holds,
                    goal,
                    is_already: false,
                    is_sent: false,
                    calm: 0,
                    is_told: false,
                }),
                Err(why) => {
                    self.voice.complain(&why);
                    is_missing = true;
                }
            }
        }
        if is_missing { Err(Code::Refused) } else { Ok(()) }
    }

    /// Says what state the servers are in, asks whether to go on, and lets the guard decide.
    ///
    /// # Errors
    /// That nothing is to be sent; why is told.
    pub async fn agree(&mut self) -> Result<Agreed, Code> {
        loop {
            self.look_at_each().await;
            if let Some(number) = self.signals.came() {
                return Err(self.stopped(number).await);
            }
            let Some(danger) = self.danger(&self.plan())? else {
                return Ok(Agreed { first: None, danger: Danger::Low });
            };
            self.reason().await?;
            let plan = self.plan();
            let asks = self.asked.asking == Asking::Always;
            if asks {
                self.ask(&plan, danger).await?;
            } else {
                self.accept_unasked(&plan, danger)?;
            }
            let Some(first) = plan.first else { return Ok(Agreed { first: None, danger }) };
            match self.authorise(first, danger) {
                Ok(first) => return Ok(Agreed { first: Some(first), danger }),
                Err(why @ (Refusal::Changed { .. } | Refusal::NotConfirmed)) if asks => {
                    self.voice.say(&format!("{why}; asked again"));
                }
                Err(why) => return Err(self.refused(&why.to_string())),
            }
        }
    }

    /// Lets an intent through to which so much care was agreed.
    ///
    /// # Errors
    /// The guard's reason.
    pub fn authorise(&self, intent: Intent, agreed: Danger) -> Result<Authorised<Intent>, Refusal> {
        let consent = match agreed {
            Danger::Highest => Consent::Typed(name_to_type(&intent)),
            Danger::Low | Danger::High => Consent::Yes,
        };
        self.desk.guard.authorise(intent, &consent, &self.desk.watch)
    }

    fn refused(&mut self, why: &str) -> Code {
        self.voice.complain(why);
        Code::Refused
    }

    /// Reads each server's administrative state, and says what was found.
    async fn look_at_each(&mut self) {
        let version = self.desk.watch.newest().and_then(|sample| sample.info.version());
        let address = self.desk.operator.address.to_string();
        self.epoch = self.desk.watch.newest().map_or(0, |sample| sample.epoch.number);
        for server in &mut self.servers {
            if self.signals.came().is_some() {
                return;
            }
            let watch = &self.desk.watch;
            server.target.seen = watch.status(server.id).unwrap_or_default();
            let step = server.step();
            let before = self.desk.operator.read(&step).await;
            let is = |step| before.as_ref().and_then(|seen| verify::is_done(step, None, seen, version)) == Some(true);
            server.is_already = is(&step);
            // In maintenance is where it would come to in the end.
            let in_maint = Server { holds: Admin::Maint, ..server.clone() };
            if self.asked.then_maint && is(&in_maint.step()) {
                (server.holds, server.goal, server.is_already) = (Admin::Maint, Goal::Left, true);
            }
            server.before = before;
            let name = server.name();
            let words = initial_state::words(watch, server.id, server.before.as_ref());
            self.voice.say(&format!("found {name}: {words}"));
            for line in initial_state::unfinished(&self.desk.ledger, &address, &name, &self.asked.zone) {
                self.voice.say(&format!("  {line}"));
            }
            if server.is_already {
                let already = match server.holds {
                    Admin::Drain => "drains",
                    Admin::Maint => "is in maintenance",
                    Admin::Ready => "is enabled",
                };
                self.voice.say(&format!("{name} {already} already: nothing to send"));
            }
        }
    }

    fn plan(&self) -> Plan {
        let first = self.intent(self.asked.admin, |server| !server.is_already);
        let then = self.asked.then_maint.then(|| self.intent(Admin::Maint, |server| server.goal != Goal::Left));
        Plan { first, then: then.flatten() }
    }

    /// The care a plan needs; nothing where nothing is to be sent.
    fn danger(&mut self, plan: &Plan) -> Result<Option<Danger>, Code> {
        let checked: Result<Vec<Danger>, Refusal> =
            plan.intents().map(|intent| self.desk.guard.check(intent, &self.desk.watch)).collect();
        checked.map(|all| all.into_iter().max()).map_err(|why| self.refused(&why.to_string()))
    }

    /// `--yes`, and `--force` where a name would have to be typed.
    fn accept_unasked(&mut self, plan: &Plan, danger: Danger) -> Result<(), Code> {
        let Some(sample) = self.desk.watch.newest().cloned() else { return Ok(()) };
        if danger == Danger::Highest && self.asked.asking != Asking::Never {
            let why = plan.danger_in_words(&sample);
            return Err(self.refused(&format!("refused: {why}; --force does it all the same")));
        }
        for warning in plan.warnings(&sample) {
            self.voice.say(&format!("warning: {warning}"));
        }
        Ok(())
    }

    async fn ask(&mut self, plan: &Plan, danger: Danger) -> Result<(), Code> {
        let Some(sample) = self.desk.watch.newest().cloned() else { return Ok(()) };
        for line in plan.lines(&sample) {
            self.voice.say(&line);
        }
        let answer = self.line(&plan.prompt(danger)).await?;
        plan.is_yes(answer.as_deref(), danger).map_err(|why| self.refused(&why))?;
        // Somebody took their time.
        match self.desk.look().await {
            Ok(()) => Ok(()),
            Err(failure) => {
                self.voice.complain(&format!("{}: nothing was sent", failure.why));
                Err(Code::Unreachable)
            }
        }
    }

    /// Asks for a reason, where one is wanted and none was given.
    async fn reason(&mut self) -> Result<(), Code> {
        if !self.asked.asks_reason || self.asked.reason.is_some() {
            return Ok(());
        }
        let answer = self.line("Reason: ").await?.unwrap_or_default();
        match answer.trim() {
            "" => Err(self.refused("a reason is wanted: nothing was sent")),
            reason => {
                self.asked.reason = Some(reason.to_owned());
                Ok(())
            }
        }
    }

    async fn line(&mut self, question: &str) -> Result<Option<String>, Code> {
        forget_typed();
        self.voice.ask(question);
        match read_line(&mut self.signals).await {
            Ok(line) => {
                if line.is_none() {
                    self.voice.say("");
                }
                Ok(line)
            }
            Err(number) => {
                self.voice.say("");
                Err(self.stopped(number).await)
            }
        }
    }
}
