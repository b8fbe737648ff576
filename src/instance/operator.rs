//! The operator: sends authorised actions to HAProxy, reads back the state of the targets, and writes the audit log.
//!
//! Right before each command, the operator reads the state of its targets. If a target is not the one that was confirmed, or
//! the impact is worse, nothing is sent. Each command has its own connection, which also reports the process that
//! executed it. HAProxy sends an empty reply to a successful change, and a line of text to report an error; only the
//! readback proves the effect. If the effect is not visible immediately, the state is read again a few times.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::actions::action_table::VerifyBy;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::actions::audit::record::AuditRecord;
use crate::actions::audit::record_contents::{Attempt, AttemptResult, RecordedState};
use crate::actions::intent::{Intent, IntentStep};
use crate::actions::outcome::{ActionReport, Outcome, StepProgress, StepResult, StepStage};
use crate::actions::present_state::{PresentState, ReadScope};
use crate::actions::process_identity::ProcessIdentity;
use crate::actions::readback::Readback;
use crate::actions::verification;
use crate::ask::query::{QueryData, QueryError, QueryReply};
use crate::haproxy::connection;
use crate::haproxy::reply::Reply;
use crate::haproxy::reply_lines::{self, ReplyLines};
use crate::haproxy::secret_arguments;
use crate::instance::confirmed_state::ConfirmedState;
use crate::instance::guard::Authorised;
use crate::instance::state_reader::{AnsweredBy, StateReader};
use crate::instance::typed_change::TypedChange;
use crate::observe::instance_id::RowRef;
use crate::observe::sample::ReplyCost;

/// Pauses in milliseconds before the readbacks that follow the first one. The poll interval limits them.
const PAUSES_MS: &[u64] = &[100, 3000];
/// Pauses in milliseconds for an action that ends sessions, which takes HAProxy some time.
const PAUSES_FOR_SESSIONS_MS: &[u64] = &[100, 200, 300, 400, 600, 800, 1200, 1400];

/// Sends actions to one HAProxy, and records each command in the audit log before it is sent and after its result.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// Name of the instance.
    pub(crate) instance: String,
    /// Reads states from the HAProxy.
    pub(crate) reader: StateReader,
    /// Audit log.
    pub(crate) audit: Arc<AuditWriter>,
}

/// Remedy for an audit log that cannot be written, added to the error message.
const AUDIT_HINT: &str = "set audit.path to a writable path, or audit.required = false";

impl Operator {
    /// Sends the commands of an intent one after the other, and stops at the first failure. Sessions that have ended
    /// meanwhile are skipped. Calls `report` with each
    /// change of the progress, and `after_each` for every recorded result.
    ///
    /// The next command is sent only if `after_each` returns true.
    pub(crate) async fn execute_each(
        &self,
        intent: &Authorised<Intent>,
        report: impl Fn(StepProgress),
        mut after_each: impl FnMut(&StepResult) -> bool,
    ) -> ActionReport {
        let (intent, confirmed) = (intent.get(), intent.confirmed());
        let mut results: Vec<StepResult> = Vec::with_capacity(intent.steps.len());
        for index in 0..intent.steps.len() {
            let step = &intent.steps[index];
            let row = RowRef { instance: intent.instance, row: step.target.id };
            let report = |stage| report(StepProgress { row, command: step.command, stage });
            report(StepStage::Sent);
            // The first check covers all steps, so that either all of them are as confirmed or nothing is sent.
            let (unsent, scope) = match index {
                0 => (&intent.steps[..], ReadScope::All),
                _ => (&intent.steps[index..=index], ReadScope::Proxy),
            };
            let result = match self.check_before_sending(intent, unsent, scope, confirmed).await {
                Ok(present) => self.execute_audited(step, &present, confirmed, intent.reason.as_deref(), &report).await,
                Err(unsent) => *unsent,
            };
            let (is_success, allows_next) = (result.outcome.is_success(), result.outcome.allows_next());
            tracing::debug!(action = step.action.id, outcome = ?result.outcome, "action");
            report(if is_success { StepStage::Succeeded } else { StepStage::Failed });
            let is_continued = after_each(&result);
            results.push(result);
            if !allows_next || !is_continued {
                break;
            }
        }
        ActionReport { intent: intent.clone(), results }
    }

    /// Reads the targets of the steps that are not sent yet, and compares them and the impact with what was confirmed.
    ///
    /// # Errors
    /// Returns the result of the first step if it must not be sent.
    async fn check_before_sending(
        &self,
        intent: &Intent,
        unsent: &[IntentStep],
        scope: ReadScope,
        confirmed: &ConfirmedState,
    ) -> Result<PresentState, Box<StepResult>> {
        let Some(first) = unsent.first() else { return Err(Box::new(not_sent(&intent.steps[0], String::new()))) };
        let present = self.reader.read(unsent, scope).await.map_err(|reason| Box::new(not_sent(first, reason)))?;
        if confirmed.has_session_ended(first, &present) {
            let command = first.command_text().unwrap_or_default();
            return Err(Box::new(StepResult::new(first.clone(), command, Outcome::Ended)));
        }
        let changes = confirmed.changes(intent, unsent, &present);
        if changes.is_empty() {
            return Ok(present);
        }
        let target = present.target(first).unwrap_or_else(|| first.target.clone());
        let step = IntentStep { target, ..first.clone() };
        let command = step.command_text().unwrap_or_default();
        Err(Box::new(StepResult::new(step, command, Outcome::Changed(changes.join("; ")))))
    }

    /// Sends the command of a step, with an audit record before and after it.
    ///
    /// If the first record cannot be written and the audit log is required, the command is not sent.
    async fn execute_audited(
        &self,
        step: &IntentStep,
        present: &PresentState,
        confirmed: &ConfirmedState,
        reason: Option<&str>,
        report: &impl Fn(StepStage),
    ) -> StepResult {
        let before = present.readback(step);
        let attempt = Attempt {
            target: Some(step.logged_target()),
            command: step.logged_command(),
            before: before.as_ref().map(RecordedState::from).filter(|state| !state.status.is_empty()),
            reason: reason.map(str::to_owned),
            ..self.attempt(present.process.pid)
        };
        let (record, begin_warning) = match self.begin_record(attempt).await {
            Ok(begun) => begun,
            Err(reason) => return not_sent(step, reason),
        };
        let result = self.execute_step(step, before, confirmed, present.process, report).await;
        let finish_warning = self.finish_record(&record, AttemptResult::from_step_result(&result)).await;
        // The warning about the first record has priority: without it, the action is not in the audit log at all.
        StepResult { audit_warning: begin_warning.or(finish_warning), ..result }
    }

    fn attempt(&self, pid: i64) -> Attempt {
        let (instance, address) = (self.instance.clone(), self.reader.address.to_string());
        Attempt { instance, address, pid, ..Attempt::default() }
    }

    /// Writes the record of a command that is about to be sent. Returns the record, with a warning if it could not be
    /// written.
    ///
    /// # Errors
    /// Returns the reason why the command must not be sent.
    async fn begin_record(&self, attempt: Attempt) -> Result<(AuditRecord, Option<String>), String> {
        let record = self.audit.new_record(self.reader.clock.now().wall, attempt);
        match self.append(&record).await {
            Ok(()) => Ok((record, None)),
            Err(error) if self.audit.is_required() => Err(format!("{error}; {AUDIT_HINT}")),
            Err(error) => Ok((record, Some(format!("not in the audit log: {error}")))),
        }
    }

    /// Writes the record of a command's result. Returns a warning if the record could not be written.
    async fn finish_record(&self, record: &AuditRecord, result: AttemptResult) -> Option<String> {
        let record = record.to_done(self.reader.clock.now().wall, result);
        self.append(&record).await.err().map(|error| format!("the outcome is not in the audit log: {error}"))
    }

    /// Appends a record on a separate thread, because the disk may be slow.
    async fn append(&self, record: &AuditRecord) -> io::Result<()> {
        let (audit, record) = (Arc::clone(&self.audit), record.clone());
        spawn_blocking(move || audit.append(&record)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    async fn execute_step(
        &self,
        step: &IntentStep,
        before: Option<Readback>,
        confirmed: &ConfirmedState,
        checked: ProcessIdentity,
        report: &impl Fn(StepStage),
    ) -> StepResult {
        let command = match step.command_text() {
            Ok(command) => command,
            // The guard refuses such steps, so this does not normally happen.
            Err(error) => return not_sent(step, error.to_string()),
        };
        let (mut bytes, reader) = (Vec::new(), &self.reader);
        let sent = connection::request(&reader.address, &AnsweredBy::line(&command), &reader.limits, &mut bytes).await;
        let AnsweredBy { process, reply } = AnsweredBy::parse(&bytes, reader.clock.now().monotonic);
        let pid = process.map(|process| process.pid);
        let result = |outcome| StepResult { pid, ..StepResult::new(step.clone(), command.clone(), outcome) };
        let reply = Some(reply).filter(|reply| !reply.is_empty()).map(Reply::from_connection);
        let other_process = other_process(checked, process);
        let (reason, after) = match (reply, sent) {
            (_, Err(error)) if error.is_before_connection() => {
                return StepResult { before, ..result(Outcome::NotSent(error.to_string())) };
            }
            (Some(_), _) if other_process.is_some() => (other_process.unwrap_or_default(), None),
            // An empty reply counts even if the connection failed after it.
            (Some(reply), _) if reply.is_empty() => {
                let (after, outcome) = self.verify_effect(step, before.as_ref(), confirmed, process, report).await;
                return StepResult { before, after, ..result(outcome) };
            }
            (Some(reply), Ok(_)) => {
                let text = reply_lines::first_line(reply.text());
                let after = self.read_back(step).await.map(|(_, readback)| readback);
                let is_applied = |state: &Readback| {
                    verification::is_applied(step, before.as_ref(), state, confirmed.version) == Some(true)
                };
                let had_effect = after.as_ref().is_some_and(is_applied) && !before.as_ref().is_some_and(is_applied);
                if !had_effect {
                    return StepResult { before, after, ..result(Outcome::Refused(text)) };
                }
                (format!("HAProxy replied \"{text}\""), after)
            }
            (_, Err(error)) => (error.to_string(), None),
            (None, Ok(_)) => ("HAProxy closed the connection in the middle of its reply".to_owned(), None),
        };
        let after = match after {
            Some(after) => Some(after),
            None => self.read_back(step).await.map(|(_, readback)| readback),
        };
        let describe = |after: &Readback| match step.action.verify_by {
            VerifyBy::AdminState => after.status.to_string(),
            _ => verification::describe_state(step, after),
        };
        let now = after.as_ref().map_or_else(String::new, describe);
        StepResult { before, after, ..result(Outcome::Unknown { reason, now }) }
    }

    /// Verifies the effect of an accepted command, if necessary with several readbacks.
    async fn verify_effect(
        &self,
        step: &IntentStep,
        before: Option<&Readback>,
        confirmed: &ConfirmedState,
        process: Option<ProcessIdentity>,
        report: &impl Fn(StepStage),
    ) -> (Option<Readback>, Outcome) {
        let is_ending_sessions = step.action.verify_by == VerifyBy::NoSessions;
        let pauses = if is_ending_sessions { PAUSES_FOR_SESSIONS_MS } else { PAUSES_MS };
        let mut pauses = pauses.iter().map(|millis| confirmed.interval.min(Duration::from_millis(*millis)));
        let (mut samples, mut after) = (0, None);
        loop {
            let read = self.read_back(step).await;
            if let (Some(process), Some((now, readback))) = (process, &read)
                && !process.is_same(now)
            {
                // The state of another process proves nothing about this command.
                let reason = format!("HAProxy was reloaded since (pid {} → {})", process.pid, now.pid);
                let now = readback.status.to_string();
                return (Some(readback.clone()), Outcome::Unknown { reason, now });
            }
            after = read.map(|(_, readback)| readback).or(after);
            samples += 1;
            let is_applied =
                after.as_ref().map(|after| verification::is_applied(step, before, after, confirmed.version));
            let state = after.as_ref().map_or_else(String::new, |after| verification::describe_state(step, after));
            match (is_applied, pauses.next()) {
                (Some(Some(true)), _) => return (after, Outcome::Verified(state)),
                (Some(None), _) => return (after, Outcome::Accepted(state)),
                (_, Some(pause)) => {
                    report(StepStage::Accepted);
                    sleep(pause).await;
                }
                (_, None) if after.as_ref().is_some_and(|after| verification::may_get_new_sessions(step, after)) => {
                    return (after, Outcome::Accepted(format!("{state}, which may be new ones")));
                }
                (_, None) => return (after, Outcome::NotVerified { now: state, samples }),
            }
        }
    }

    /// Reads the current state of a step's target, with the process that answers. Returns `None` if the state cannot be
    /// read.
    pub(crate) async fn read_back(&self, step: &IntentStep) -> Option<(ProcessIdentity, Readback)> {
        let present = self.reader.read(std::slice::from_ref(step), ReadScope::Proxy).await;
        let present = present.inspect_err(|reason| tracing::debug!(%reason, "readback failed")).ok()?;
        Some((present.process, present.readback(step)?))
    }

    /// Reads the targets of a typed line, and returns the process that answers.
    ///
    /// # Errors
    /// Returns the reason why the line must not be sent, such as a difference from what was confirmed.
    async fn check_line(&self, change: &Authorised<TypedChange>) -> Result<ProcessIdentity, String> {
        for intent in &change.get().intents {
            let present = self.reader.read(&intent.steps, ReadScope::All).await?;
            // A status may hide the administrative state, which the question did not show.
            let present = PresentState { server_states: Vec::new(), ..present };
            let changes = change.confirmed().changes(intent, &intent.steps, &present);
            if !changes.is_empty() {
                return Err(changes.join("; "));
            }
        }
        let (process, _) = self.reader.read_process().await?;
        change.confirmed().process_change(&process).map_or(Ok(process), Err)
    }

    /// Sends a typed line, and returns HAProxy's reply unchanged.
    ///
    /// # Errors
    /// Returns an error if the audit log could not be written or the connection failed. In the second case, HAProxy may
    /// still have executed the line.
    pub(crate) async fn send_line(&self, change: &Authorised<TypedChange>) -> Result<QueryReply, QueryError> {
        let process = self.check_line(change).await.map_err(QueryError::NotReady)?;
        let line = &change.get().line;
        let attempt = Attempt { command: secret_arguments::hide(line.as_str()), ..self.attempt(process.pid) };
        let (record, begin_warning) = self.begin_record(attempt).await.map_err(QueryError::NotAudited)?;
        let (mut bytes, reader) = (Vec::new(), &self.reader);
        let sent_line = AnsweredBy::line(line.as_str());
        let timing = connection::request(&reader.address, &sent_line, &reader.limits, &mut bytes).await;
        let AnsweredBy { process: answered, reply: bytes } = AnsweredBy::parse(&bytes, reader.clock.now().monotonic);
        let pid = answered.map(|answered| answered.pid);
        let other_process = other_process(process, answered);
        let reply = Some(reply_lines::first_line(Reply::from_connection(bytes).text()).to_string())
            .filter(|reply| !reply.is_empty());
        let is_secret = secret_arguments::has_secret_reply(line.as_str());
        let reply = reply.map(|reply| if is_secret { secret_arguments::HIDDEN.to_owned() } else { reply });
        let failure = timing.as_ref().err().map(ToString::to_string).or_else(|| other_process.clone());
        let outcome = failure.map(|failure| format!("sent, but {failure}"));
        let finish_warning =
            self.finish_record(&record, AttemptResult { pid, reply, outcome, ..AttemptResult::default() }).await;
        let timing = timing.map_err(|error| QueryError::Connection { hint: error.hint(&reader.address), error })?;
        let reply = Reply::from_connection(bytes);
        let cost = ReplyCost { bytes: bytes.len(), reply_time: timing.reply };
        Ok(QueryReply {
            data: QueryData::ReplyLines(ReplyLines::parse(reply.text())),
            is_complete: reply.is_complete(),
            cost,
            warning: other_process.or(begin_warning).or(finish_warning),
        })
    }
}

/// Describes that another process executed a command than was checked right before. Returns `None` if it was the same, or
/// if the process that executed it is unknown.
fn other_process(checked: ProcessIdentity, answered: Option<ProcessIdentity>) -> Option<String> {
    let answered = answered.filter(|answered| !answered.is_same(&checked))?;
    let (checked, pid) = (checked.pid, answered.pid);
    Some(format!("another HAProxy process executed it than was checked (pid {checked} → {pid})"))
}

fn not_sent(step: &IntentStep, reason: String) -> StepResult {
    StepResult::new(step.clone(), step.command_text().unwrap_or_default(), Outcome::NotSent(reason))
}
