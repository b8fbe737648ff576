//! Anonymizes events and audit records, with the names that [`Anonymizer`] gives to samples.

use crate::actions::audit::actor::Actor;
use crate::actions::audit::record::AuditRecord;
use crate::actions::audit::record_contents::RecordedState;
use crate::haproxy::safe_text::SafeText;
use crate::observe::events::{Event, EventKind, RowNames};
use crate::observe::state_cause::StateCause;
use crate::problems::cause_table::CauseKind;
use crate::recording::anonymize::Anonymizer;
use crate::recording::known_texts;
use crate::recording::recorded_changes::{RecordedChange, RecordedRow};
use crate::recording::recorded_events::{CauseState, EventContents, RecordedCause, RecordedEvent};

/// User id in anonymized audit records: one without an account.
const UID: u32 = 65_534;

impl Anonymizer {
    /// Returns an anonymized copy of an event. Sentences, such as the reason of a lost link, become numbered texts.
    pub fn event(&mut self, event: &Event) -> Event {
        let name = if event.name.is_empty() { String::new() } else { self.rows.label(&event.name) };
        Event::new(event.at, event.row, name, self.event_kind(&event.kind))
    }

    fn event_kind(&mut self, kind: &EventKind) -> EventKind {
        match kind {
            EventKind::Status { from, to, reason, cause } => EventKind::Status {
                from: self.status(from),
                to: self.status(to),
                reason: self.check_reason(reason),
                cause: self.state_cause(cause),
            },
            EventKind::RowsAdded(names) => EventKind::RowsAdded(self.row_names(names)),
            EventKind::RowsRemoved(names) => EventKind::RowsRemoved(self.row_names(names)),
            EventKind::LinkLost(reason) => EventKind::LinkLost(self.text_unless(false, reason)),
            EventKind::Action { command, outcome, is_verified } => EventKind::Action {
                command: self.command(command),
                outcome: self.text_unless(false, outcome),
                is_verified: *is_verified,
            },
            EventKind::LostByReload(text) => EventKind::LostByReload(self.text_unless(false, text)),
            EventKind::UnfinishedAction { command, actor, at } => EventKind::UnfinishedAction {
                command: self.command(command),
                actor: self.users.replace(actor).to_string(),
                at: *at,
            },
            EventKind::Cause { is_open, severity, id, text } => {
                EventKind::Cause { is_open: *is_open, severity: *severity, id, text: self.text_unless(false, text) }
            }
            EventKind::Role { from, to, detail } => {
                EventKind::Role { from, to, detail: self.text_unless(false, detail) }
            }
            EventKind::Weight { .. }
            | EventKind::Limit { .. }
            | EventKind::MoreChanges(_)
            | EventKind::Reloaded { .. }
            | EventKind::Restarted { .. }
            | EventKind::LinkRestored(_)
            | EventKind::DrainResult { .. } => kind.clone(),
        }
    }

    fn state_cause(&mut self, cause: &StateCause) -> StateCause {
        match cause {
            StateCause::Agent(explanation) => StateCause::Agent(self.text_unless(false, explanation)),
            StateCause::Tracking(tracked) => StateCause::Tracking(self.rows.server_label(tracked)),
            StateCause::Us
            | StateCause::NewProcess
            | StateCause::AgentOrOperator
            | StateCause::Resolution
            | StateCause::Check
            | StateCause::Operator => cause.clone(),
        }
    }

    fn row_names(&mut self, names: &RowNames) -> RowNames {
        RowNames { first: names.first.iter().map(|name| self.rows.label(name)).collect(), count: names.count }
    }

    /// Returns the replacement for the name of an instance.
    pub fn instance_name(&mut self, name: &str) -> String {
        self.instances.replace(name).to_string()
    }

    /// Returns the replacement for the address of a stats socket.
    pub fn socket_address(&mut self, address: &str) -> String {
        self.sockets.replace(address).to_string()
    }

    /// Returns an anonymized copy of an event of a recording. The sentence of a cause, which may name servers and quote
    /// checks, becomes the meaning of its kind. Returns `None` for an action that is not a record of the audit log.
    pub fn recorded_event(&mut self, event: &RecordedEvent) -> Option<RecordedEvent> {
        let contents = match &event.contents {
            EventContents::Cause(cause) => EventContents::Cause(self.recorded_cause(cause)),
            EventContents::Action(line) => {
                let record = self.audit_record(&AuditRecord::parse(line).ok()?);
                EventContents::Action(record.to_json_line().ok()?)
            }
            EventContents::PollFailure(reason) => EventContents::PollFailure(
                self.text_unless(known_texts::is_check_text(reason.as_str()), reason.as_str()).as_str().into(),
            ),
            EventContents::Change(change) => EventContents::Change(RecordedChange {
                row: self.row_key(change.row.as_ref()),
                kind: self.event_kind(&change.kind),
            }),
        };
        Some(RecordedEvent { at: event.at, contents })
    }

    fn row_key(&mut self, row: Option<&RecordedRow>) -> Option<RecordedRow> {
        let (kind, proxy, name) = row?;
        let new = self.rows.row_name(*kind, proxy.as_str(), name.as_str());
        Some((*kind, self.rows.proxy_name(proxy.as_str()), new))
    }

    fn recorded_cause(&mut self, cause: &RecordedCause) -> RecordedCause {
        let known = CauseKind::ALL.iter().find(|kind| kind.as_str() == cause.kind.as_str());
        let row = self.row_key(cause.row.as_ref());
        let (kind, sentence) = match known {
            Some(kind) => (cause.kind.clone(), kind.info().meaning.into()),
            None => (self.texts.replace(cause.kind.as_str()), self.texts.replace(cause.sentence.as_str())),
        };
        // The words about the time before may quote checks.
        let state = cause.state.clone().map(|state| CauseState { earlier: SafeText::default(), ..state });
        RecordedCause { step: cause.step, severity: cause.severity, kind, row, sentence, state }
    }

    /// Returns the replacement for the name of a row: `be-01/srv-02` for a server or listener, `be-01` for a proxy.
    pub fn row_label(&mut self, name: &str) -> String {
        self.rows.label(name)
    }

    /// Returns a command with other names: `set server be-01/srv-02 state drain`.
    pub fn command(&mut self, command: &str) -> String {
        let mut words = Vec::new();
        let mut before = "";
        for word in command.split_whitespace() {
            words.push(match before {
                "frontend" | "backend" | "table" => self.rows.proxy_name(word).to_string(),
                _ if known_texts::is_command_word(word) => word.to_owned(),
                _ if word.contains('/') => self.rows.label(word),
                _ => self.texts.replace(word).to_string(),
            });
            before = word;
        }
        words.join(" ")
    }

    /// Returns an anonymized copy of an audit record. The name of the instance and the host are names of machines; reply,
    /// outcome and reason become numbered texts.
    pub fn audit_record(&mut self, record: &AuditRecord) -> AuditRecord {
        let actor = &record.actor;
        AuditRecord {
            time: record.time.clone(),
            phase: record.phase,
            id: self.record_ids.replace(&record.id).to_string(),
            tool: self.text_unless(known_texts::TOOLS.contains(&record.tool.as_str()), &record.tool),
            actor: Actor {
                user: self.users.replace(&actor.user).to_string(),
                uid: UID,
                sudo_user: actor.sudo_user.as_ref().map(|user| self.users.replace(user).to_string()),
                ssh_connection: None,
                host: self.nodes.replace(&actor.host).to_string(),
            },
            instance: self.instances.replace(&record.instance).to_string(),
            address: self.sockets.replace(&record.address).to_string(),
            pid: record.pid,
            target: record.target.as_ref().map(|target| self.rows.label(target)),
            command: self.command(&record.command),
            reply: record.reply.as_ref().map(|reply| self.text_unless(false, reply)),
            outcome: record.outcome.as_ref().map(|outcome| self.text_unless(false, outcome)),
            verified: record.verified,
            before: record.before.as_ref().map(|state| self.recorded_state(state)),
            after: record.after.as_ref().map(|state| self.recorded_state(state)),
            reason: record.reason.as_ref().map(|reason| self.text_unless(false, reason)),
        }
    }

    fn recorded_state(&mut self, state: &RecordedState) -> RecordedState {
        RecordedState { status: self.status(&state.status), ..state.clone() }
    }
}
