//! Carries out what the guard let through, and reads it back.
//!
//! One connection for one command, and on its line, before and behind it, the questions that tell how things
//! stood and what became of them: nothing can come between. HAProxy answers a command that changes something
//! with silence, an error with a line of text; only what is read back counts as proof. What is not seen at once
//! is looked for in a few more samples.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::actions::audit::attempt::{Attempt, Ending, Standing};
use crate::actions::audit::audit_writer::Audit;
use crate::actions::audit::record::Record;
use crate::actions::intent::{Intent, Step};
use crate::actions::outcome::{Done, Outcome, Progress, Report, Stage};
use crate::actions::readback::{self, Seen};
use crate::actions::verify;
use crate::ask::query::{Answer, QueryError, Told};
use crate::ask::typed_command::TypedLine;
use crate::haproxy::address::Address;
use crate::haproxy::connection::{self, AskError, Limits};
use crate::haproxy::reply::{self, Reply};
use crate::haproxy::reply_lines::{self, Lines};
use crate::instance::guard::{Authorised, Scene};
use crate::observe::sample::Cost;
use crate::observe::timestamp::Clock;

/// How often an effect that is not there at once is looked for again.
const SAMPLES: usize = 3;
/// Sessions that were ended are there for an instant yet: the first look again comes soon.
const SOON: Duration = Duration::from_millis(100);
/// The longest time until the next.
const PAUSE: Duration = Duration::from_secs(3);

/// Carries out commands on one HAProxy, and writes each down before and after.
#[derive(Debug, Clone)]
pub struct Operator {
    /// What it is called.
    pub instance: String,
    /// Where it is.
    pub address: Address,
    /// Limits of a connection.
    pub limits: Limits,
    /// Where acts are written down.
    pub audit: Arc<Audit>,
    /// Where stamps come from.
    pub clock: Clock,
}

/// What lets acts be written down again.
const AUDIT_HINT: &str = "set audit.path to a place that can be written, or audit.required = false";

impl Operator {
    /// Carries an intent out, one command after the other, and stops at the first that fails. `tell` hears how
    /// far each has come.
    pub async fn carry_out(&self, intent: &Authorised<Intent>, tell: impl Fn(Progress)) -> Report {
        self.carry_out_each(intent, tell, |_| true).await
    }

    /// The same; `each` hears of every command once its end is written down, and says whether the next may follow.
    pub async fn carry_out_each(
        &self,
        intent: &Authorised<Intent>,
        tell: impl Fn(Progress),
        mut each: impl FnMut(&Done) -> bool,
    ) -> Report {
        let (intent, scene) = (intent.get(), intent.scene());
        let mut done: Vec<Done> = Vec::with_capacity(intent.steps.len());
        for step in &intent.steps {
            let tell = |stage| tell(Progress { instance: intent.instance, row: step.target.id, stage });
            tell(Stage::Sent);
            let one = self.act_written_down(step, scene, intent.reason.as_deref(), &tell).await;
            let is_good = one.outcome.is_good();
            tell(if is_good { Stage::Good } else { Stage::Bad });
            let goes_on = each(&one);
            done.push(one);
            if !is_good || !goes_on {
                break;
            }
        }
        Report { intent: intent.clone(), done }
    }

    /// Acts, with a line in the audit before and one after. What cannot be written down before is not sent, unless the
    /// configuration lets it pass.
    async fn act_written_down(&self, step: &Step, scene: Scene, reason: Option<&str>, tell: &impl Fn(Stage)) -> Done {
        let seen = Standing { status: step.target.seen.to_string(), ..Standing::default() };
        let attempt = Attempt {
            target: Some(step.name()),
            command: step.command().unwrap_or_default(),
            before: Some(seen).filter(|seen| !seen.status.is_empty()),
            reason: reason.map(str::to_owned),
            ..self.attempt(scene)
        };
        let (record, missing) = match self.begin(attempt).await {
            Ok(begun) => begun,
            Err(why) => return nothing(step, step.command().unwrap_or_default(), Outcome::NotSent(why)),
        };
        let done = self.act(step, scene, tell).await;
        let ended = self.end(&record, Ending::of(&done)).await;
        // Without its first line the act is not in the audit at all.
        Done { remark: missing.or(ended), ..done }
    }

    fn attempt(&self, scene: Scene) -> Attempt {
        let (instance, address) = (self.instance.clone(), self.address.to_string());
        Attempt { instance, address, pid: scene.pid, ..Attempt::default() }
    }

    /// Writes down what is about to be sent. The error says why it must not be; what comes beside the record, why the
    /// audit lacks it all the same.
    async fn begin(&self, attempt: Attempt) -> Result<(Record, Option<String>), String> {
        let record = self.audit.begin(self.clock.now().wall, attempt);
        match self.append(&record).await {
            Ok(()) => Ok((record, None)),
            Err(error) if self.audit.is_required() => Err(format!("{error}; {AUDIT_HINT}")),
            Err(error) => Ok((record, Some(format!("not in the audit: {error}")))),
        }
    }

    /// Writes down what became of it; says why that could not be.
    async fn end(&self, record: &Record, ending: Ending) -> Option<String> {
        let record = record.done(self.clock.now().wall, ending);
        self.append(&record).await.err().map(|error| format!("its end is not in the audit: {error}"))
    }

    /// On a thread of its own: a disk may take its time.
    async fn append(&self, record: &Record) -> io::Result<()> {
        let (audit, record) = (Arc::clone(&self.audit), record.clone());
        spawn_blocking(move || audit.append(&record)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    async fn act(&self, step: &Step, scene: Scene, tell: &impl Fn(Stage)) -> Done {
        let done = |command: String, outcome| nothing(step, command, outcome);
        let (command, questions) = match (step.command(), readback::questions(step)) {
            (Ok(command), Ok(questions)) => (command, questions),
            // The guard has ruled this out.
            (Err(bad), _) | (_, Err(bad)) => return done(String::new(), Outcome::NotSent(bad.to_string())),
        };
        let questions = questions.join(";");
        let count = questions.split(';').count();
        let line = [questions.as_str(), &command, &questions].join(";");
        let mut answer = Vec::new();
        let asked = connection::ask(&self.address, &line, 2 * count + 1, &self.limits, &mut answer).await;
        let replies = reply::split(&answer, 2 * count + 1);
        let before = replies.get(..count).and_then(|replies| readback::read(step, replies));
        let outcome = match (replies.get(count).filter(|reply| reply.is_whole()), asked) {
            (_, Err(error @ (AskError::Connect(_) | AskError::ConnectTimeout(_)))) => {
                Outcome::NotSent(error.to_string())
            }
            // What was answered counts, even though what follows was cut.
            (Some(reply), _) if reply.is_silent() => {
                let after = replies.get(count + 1..).and_then(|replies| readback::read(step, replies));
                let (after, outcome) = self.look(step, scene, before.as_ref(), after, tell).await;
                return Done { before, after, ..done(command, outcome) };
            }
            (Some(reply), _) => Outcome::Refused(reply_lines::first_line(reply.text())),
            (None, Err(error)) => Outcome::Unknown(error.to_string()),
            (None, Ok(_)) => Outcome::Unknown("HAProxy closed the connection in the middle of its answer".to_owned()),
        };
        Done { before, ..done(command, outcome) }
    }

    /// Looks for the effect of an accepted command: in what came with its answer, then in a few more samples.
    async fn look(
        &self,
        step: &Step,
        scene: Scene,
        before: Option<&Seen>,
        mut after: Option<Seen>,
        tell: &impl Fn(Stage),
    ) -> (Option<Seen>, Outcome) {
        for samples in 1..=SAMPLES {
            let is_done = after.as_ref().map(|after| verify::is_done(step, before, after, scene.version));
            let words = after.as_ref().map_or_else(String::new, |after| verify::words(step, after));
            match is_done {
                Some(Some(true)) => return (after, Outcome::Verified(words)),
                Some(None) => return (after, Outcome::Accepted(words)),
                Some(Some(false)) | None if samples == SAMPLES => {
                    return (after, Outcome::NotSeen { now: words, samples });
                }
                Some(Some(false)) | None => {}
            }
            tell(Stage::Accepted);
            sleep(scene.interval.min(if samples == 1 { SOON } else { PAUSE })).await;
            after = self.read(step).await.or(after);
        }
        (after, Outcome::NotSeen { now: String::new(), samples: SAMPLES })
    }

    /// How something stands now; nothing when it cannot be read.
    pub async fn read(&self, step: &Step) -> Option<Seen> {
        let questions = readback::questions(step).ok()?;
        let mut answer = Vec::new();
        connection::ask(&self.address, &questions.join(";"), questions.len(), &self.limits, &mut answer).await.ok()?;
        readback::read(step, &reply::split(&answer, questions.len()))
    }

    /// Sends a typed line; its answer comes as HAProxy gave it.
    ///
    /// # Errors
    /// When no answer came: the line may then have been carried out.
    pub async fn send_line(&self, line: &Authorised<TypedLine>) -> Result<Answer, QueryError> {
        let (line, scene) = (line.get(), line.scene());
        let attempt = Attempt { command: line.as_str().to_owned(), ..self.attempt(scene) };
        let (record, missing) = self.begin(attempt).await.map_err(QueryError::NotAudited)?;
        let mut bytes = Vec::new();
        let asked = connection::ask(&self.address, line.as_str(), line.parts().len(), &self.limits, &mut bytes).await;
        let answer = Some(reply_lines::first_line(&bytes).to_string()).filter(|answer| !answer.is_empty());
        let outcome = asked.as_ref().err().map(|error| format!("sent, but {error}"));
        let ended = self.end(&record, Ending { answer, outcome, ..Ending::default() }).await;
        let timing = asked.map_err(|error| QueryError::Ask { hint: error.hint(&self.address), error })?;
        let replies = reply::split(&bytes, 1);
        let is_whole = replies.first().is_some_and(Reply::is_whole);
        let cost = Cost { bytes: bytes.len(), answer: timing.answer };
        Ok(Answer { told: Told::Lines(Lines::parse(&bytes)), is_whole, cost, remark: missing.or(ended) })
    }
}

fn nothing(step: &Step, command: String, outcome: Outcome) -> Done {
    Done { step: step.clone(), command, before: None, after: None, outcome, remark: None }
}
