//! The operator: sends authorised actions to HAProxy, reads back the state of the targets, and writes the audit log.
//!
//! Each command is sent on its own connection, in one line with the commands that read the state of the target before
//! and after it, so that no other command can run in between. HAProxy sends an empty reply to a successful change, and
//! a line of text to report an error; only the readback proves the effect. If the effect is not visible immediately,
//! the state is read again a few times.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::actions::audit::audit_writer::AuditWriter;
use crate::actions::audit::record::AuditRecord;
use crate::actions::audit::record_contents::{Attempt, AttemptResult, RecordedState};
use crate::actions::intent::{Intent, IntentStep};
use crate::actions::outcome::{ActionReport, Outcome, StepProgress, StepResult, StepStage};
use crate::actions::readback::{self, Readback};
use crate::actions::verification;
use crate::ask::query::{QueryData, QueryError, QueryReply};
use crate::ask::typed_line::TypedLine;
use crate::haproxy::address::Address;
use crate::haproxy::connection::{self, ConnectionLimits, RequestError};
use crate::haproxy::reply::{self, Reply};
use crate::haproxy::reply_lines::{self, ReplyLines};
use crate::instance::guard::{Authorised, TargetProcess};
use crate::observe::instance_id::RowRef;
use crate::observe::sample::ReplyCost;
use crate::observe::timestamp::Clock;

/// Maximum number of readbacks after a command.
const MAX_READBACKS: usize = 3;
/// Time before the second readback. It is short, because sessions that were shut down disappear soon.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Maximum time before each later readback.
const MAX_PAUSE: Duration = Duration::from_secs(3);

/// Sends actions to one HAProxy, and records each command in the audit log before it is sent and after its result.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// Name of the instance.
    pub(crate) instance: String,
    /// Address of the stats socket.
    pub(crate) address: Address,
    /// Time and size limits of a connection.
    pub(crate) connection_limits: ConnectionLimits,
    /// Audit log.
    pub(crate) audit: Arc<AuditWriter>,
    /// Clock for the timestamps of audit records.
    pub(crate) clock: Clock,
}

/// Remedy for an audit log that cannot be written, added to the error message.
const AUDIT_HINT: &str = "set audit.path to a writable path, or audit.required = false";

impl Operator {
    /// Sends the commands of an intent one after the other, and stops at the first failure. Calls `report` with each
    /// change of the progress, and `after_each` for every recorded result.
    ///
    /// The next command is sent only if `after_each` returns true.
    pub(crate) async fn execute_each(
        &self,
        intent: &Authorised<Intent>,
        report: impl Fn(StepProgress),
        mut after_each: impl FnMut(&StepResult) -> bool,
    ) -> ActionReport {
        let (intent, process) = (intent.get(), intent.process());
        let mut results: Vec<StepResult> = Vec::with_capacity(intent.steps.len());
        for step in &intent.steps {
            let row = RowRef { instance: intent.instance, row: step.target.id };
            let report = |stage| report(StepProgress { row, stage });
            report(StepStage::Sent);
            let result = self.execute_audited(step, process, intent.reason.as_deref(), &report).await;
            let is_success = result.outcome.is_success();
            tracing::debug!(action = step.action.id, outcome = ?result.outcome, "action");
            report(if is_success { StepStage::Succeeded } else { StepStage::Failed });
            let is_continued = after_each(&result);
            results.push(result);
            if !is_success || !is_continued {
                break;
            }
        }
        ActionReport { intent: intent.clone(), results }
    }

    /// Sends the command of a step, with an audit record before and after it.
    ///
    /// If the first record cannot be written and the audit log is required, the command is not sent.
    async fn execute_audited(
        &self,
        step: &IntentStep,
        process: TargetProcess,
        reason: Option<&str>,
        report: &impl Fn(StepStage),
    ) -> StepResult {
        let state = RecordedState { status: step.target.seen_status.to_string(), ..RecordedState::default() };
        let attempt = Attempt {
            target: Some(step.target_name()),
            command: step.command_text().unwrap_or_default(),
            before: Some(state).filter(|state| !state.status.is_empty()),
            reason: reason.map(str::to_owned),
            ..self.attempt(process)
        };
        let (record, begin_warning) = match self.begin_record(attempt).await {
            Ok(begun) => begun,
            Err(reason) => {
                let command = step.command_text().unwrap_or_default();
                return result_without_readback(step, command, Outcome::NotSent(reason));
            }
        };
        let result = self.execute_step(step, process, report).await;
        let finish_warning = self.finish_record(&record, AttemptResult::from_step_result(&result)).await;
        // The warning about the first record has priority: without it, the action is not in the audit log at all.
        StepResult { audit_warning: begin_warning.or(finish_warning), ..result }
    }

    fn attempt(&self, process: TargetProcess) -> Attempt {
        let (instance, address) = (self.instance.clone(), self.address.to_string());
        Attempt { instance, address, pid: process.pid, ..Attempt::default() }
    }

    /// Writes the record of a command that is about to be sent. Returns the record, with a warning if it could not be
    /// written.
    ///
    /// # Errors
    /// Returns the reason why the command must not be sent.
    async fn begin_record(&self, attempt: Attempt) -> Result<(AuditRecord, Option<String>), String> {
        let record = self.audit.new_record(self.clock.now().wall, attempt);
        match self.append(&record).await {
            Ok(()) => Ok((record, None)),
            Err(error) if self.audit.is_required() => Err(format!("{error}; {AUDIT_HINT}")),
            Err(error) => Ok((record, Some(format!("not in the audit log: {error}")))),
        }
    }

    /// Writes the record of a command's result. Returns a warning if the record could not be written.
    async fn finish_record(&self, record: &AuditRecord, result: AttemptResult) -> Option<String> {
        let record = record.to_done(self.clock.now().wall, result);
        self.append(&record).await.err().map(|error| format!("the outcome is not in the audit log: {error}"))
    }

    /// Appends a record on a separate thread, because the disk may be slow.
    async fn append(&self, record: &AuditRecord) -> io::Result<()> {
        let (audit, record) = (Arc::clone(&self.audit), record.clone());
        spawn_blocking(move || audit.append(&record)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    async fn execute_step(&self, step: &IntentStep, process: TargetProcess, report: &impl Fn(StepStage)) -> StepResult {
        let result = |command: String, outcome| result_without_readback(step, command, outcome);
        let (command, readback_commands) = match (step.command_text(), readback::readback_commands(step)) {
            (Ok(command), Ok(readback_commands)) => (command, readback_commands),
            // The guard refuses such steps, so this does not normally happen.
            (Err(error), _) | (_, Err(error)) => return result(String::new(), Outcome::NotSent(error.to_string())),
        };
        let readback_line = readback_commands.join(";");
        let count = readback_line.split(';').count();
        let line = [readback_line.as_str(), &command, &readback_line].join(";");
        let mut bytes = Vec::new();
        let timing =
            connection::request(&self.address, &line, 2 * count + 1, &self.connection_limits, &mut bytes).await;
        let replies = reply::split(&bytes, 2 * count + 1);
        let before = replies.get(..count).and_then(|replies| readback::parse_replies(step, replies));
        let outcome = match (replies.get(count).filter(|reply| reply.is_complete()), timing) {
            (_, Err(error @ (RequestError::Connect(_) | RequestError::ConnectTimeout(_)))) => {
                Outcome::NotSent(error.to_string())
            }
            // The reply to the command counts even if the readback after it is incomplete.
            (Some(reply), _) if reply.is_empty() => {
                let after = replies.get(count + 1..).and_then(|replies| readback::parse_replies(step, replies));
                let (after, outcome) = self.verify_effect(step, process, before.as_ref(), after, report).await;
                return StepResult { before, after, ..result(command, outcome) };
            }
            (Some(reply), _) => Outcome::Refused(reply_lines::first_line(reply.text())),
            (None, Err(error)) => Outcome::Unknown(error.to_string()),
            (None, Ok(_)) => Outcome::Unknown("HAProxy closed the connection in the middle of its reply".to_owned()),
        };
        StepResult { before, ..result(command, outcome) }
    }

    /// Verifies the effect of an accepted command, first with the readback `after`, then with a few more readbacks.
    async fn verify_effect(
        &self,
        step: &IntentStep,
        process: TargetProcess,
        before: Option<&Readback>,
        mut after: Option<Readback>,
        report: &impl Fn(StepStage),
    ) -> (Option<Readback>, Outcome) {
        for samples in 1..=MAX_READBACKS {
            let is_applied = after.as_ref().map(|after| verification::is_applied(step, before, after, process.version));
            let state = after.as_ref().map_or_else(String::new, |after| verification::describe_state(step, after));
            match is_applied {
                Some(Some(true)) => return (after, Outcome::Verified(state)),
                Some(None) => return (after, Outcome::Accepted(state)),
                Some(Some(false)) | None if samples == MAX_READBACKS => {
                    return (after, Outcome::NotVerified { now: state, samples });
                }
                Some(Some(false)) | None => {}
            }
            report(StepStage::Accepted);
            sleep(process.interval.min(if samples == 1 { FIRST_PAUSE } else { MAX_PAUSE })).await;
            after = self.read_back(step).await.or(after);
        }
        (after, Outcome::NotVerified { now: String::new(), samples: MAX_READBACKS })
    }

    /// Reads the current state of a step's target. Returns `None` if the state cannot be read.
    pub(crate) async fn read_back(&self, step: &IntentStep) -> Option<Readback> {
        let commands = readback::readback_commands(step).ok()?;
        let (line, limits) = (commands.join(";"), &self.connection_limits);
        let mut bytes = Vec::new();
        connection::request(&self.address, &line, commands.len(), limits, &mut bytes).await.ok()?;
        readback::parse_replies(step, &reply::split(&bytes, commands.len()))
    }

    /// Sends a typed line, and returns HAProxy's reply unchanged.
    ///
    /// # Errors
    /// Returns an error if the audit log could not be written or the connection failed. In the second case, HAProxy may
    /// still have executed the line.
    pub(crate) async fn send_line(&self, line: &Authorised<TypedLine>) -> Result<QueryReply, QueryError> {
        let (line, process) = (line.get(), line.process());
        let attempt = Attempt { command: line.as_str().to_owned(), ..self.attempt(process) };
        let (record, begin_warning) = self.begin_record(attempt).await.map_err(QueryError::NotAudited)?;
        let mut bytes = Vec::new();
        let timing = connection::request(
            &self.address,
            line.as_str(),
            line.commands().len(),
            &self.connection_limits,
            &mut bytes,
        )
        .await;
        let reply = Some(reply_lines::first_line(&bytes).to_string()).filter(|reply| !reply.is_empty());
        let outcome = timing.as_ref().err().map(|error| format!("sent, but {error}"));
        let finish_warning =
            self.finish_record(&record, AttemptResult { reply, outcome, ..AttemptResult::default() }).await;
        let timing = timing.map_err(|error| QueryError::Connection { hint: error.hint(&self.address), error })?;
        let replies = reply::split(&bytes, 1);
        let is_complete = replies.first().is_some_and(Reply::is_complete);
        let cost = ReplyCost { bytes: bytes.len(), reply_time: timing.reply };
        Ok(QueryReply {
            data: QueryData::ReplyLines(ReplyLines::parse(&bytes)),
            is_complete,
            cost,
            warning: begin_warning.or(finish_warning),
        })
    }
}

fn result_without_readback(step: &IntentStep, command: String, outcome: Outcome) -> StepResult {
    StepResult { step: step.clone(), command, before: None, after: None, outcome, audit_warning: None }
}
