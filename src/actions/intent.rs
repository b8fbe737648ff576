//! Intents. An intent is an action with its targets, fixed when the key is pressed. A target is identified by its row
//! id, not by a screen position.

use std::collections::BTreeSet;

use crate::actions::action_table::{Action, TargetKind};
use crate::actions::process_identity::ProcessIdentity;
use crate::actions::shown_impact::ShownImpact;
use crate::actions::target_identity::{self, TargetIdentity};
use crate::haproxy::command::WordError;
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::secret_arguments;
use crate::haproxy::write_command::WriteCommand;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Target of an action, as it was when the key was pressed. The instance is that of the [`Intent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionTarget {
    /// ID of the row; [`RowId::PROCESS`] for a session, a stick table entry and the process.
    pub id: RowId,
    /// Name of the server's backend, of the frontend, or of the entry's stick table; otherwise empty.
    pub proxy: SafeText,
    /// Name of the server, id of the session, or key of the entry; `FRONTEND` for a frontend, otherwise empty.
    pub name: SafeText,
    /// Number of the proxy for `show stat`; needed because a frontend and a backend may have the same name.
    pub iid: Option<i64>,
    /// Status that the operator saw on the screen; empty if the target has no status.
    pub seen_status: SafeText,
    /// Everything else that identifies the target.
    pub identity: TargetIdentity,
}

impl ActionTarget {
    /// Creates a target from a row of a sample, or returns `None` if the sample does not contain the row.
    pub fn from_row(sample: &Sample, id: RowId) -> Option<Self> {
        let index = sample.rows.index_of(id)?;
        let row = &sample.table.rows()[index];
        Some(Self {
            id,
            proxy: row.proxy.clone(),
            name: row.name.clone(),
            iid: sample.table.number(index, Field::Iid),
            seen_status: SafeText::from(row.status()),
            identity: TargetIdentity::from_row(sample, index),
        })
    }

    /// Creates a target that is not a row: a session, an entry or the process.
    pub fn without_row(proxy: SafeText, name: SafeText) -> Self {
        Self {
            id: RowId::PROCESS,
            proxy,
            name,
            iid: None,
            seen_status: SafeText::default(),
            identity: TargetIdentity::default(),
        }
    }

    /// Sets the process of a target that is not a row.
    #[must_use]
    pub(crate) fn in_process(mut self, sample: &Sample) -> Self {
        self.identity.process = Some(ProcessIdentity::from_sample(sample));
        self
    }

    /// Lists how the target changed since it was shown, as parts of a sentence; `now` is the same target as it is now.
    pub(crate) fn changes_to(&self, now: &Self) -> Vec<String> {
        let mut all = self.identity.differences(&now.identity);
        let seen = (self.seen_status.as_str(), self.identity.admin);
        all.extend(target_identity::state_difference(seen, (now.seen_status.as_str(), now.identity.admin)));
        all
    }
}

/// One command of an intent.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentStep {
    /// Action that the command performs.
    pub action: &'static Action,
    /// Command to send.
    pub command: WriteCommand,
    /// Target of the command.
    pub target: ActionTarget,
}

impl IntentStep {
    /// Returns the exact command text.
    ///
    /// # Errors
    /// Returns an error if a name is not valid as a single word of the command.
    pub fn command_text(&self) -> Result<String, WordError> {
        self.command.to_command(&self.target.proxy, &self.target.name)
    }

    /// Returns the name of the target for display: `be/s1`, `frontend www`, `session 0x7f12`.
    pub(crate) fn target_name(&self) -> String {
        let ActionTarget { proxy, name, .. } = &self.target;
        match self.action.target_kind {
            TargetKind::Server => format!("{proxy}/{name}"),
            TargetKind::Frontend => format!("frontend {proxy}"),
            TargetKind::Session => format!("session {name}"),
            TargetKind::TableEntry => format!("entry {name} of {proxy}"),
            TargetKind::Process => "the counters".to_owned(),
        }
    }

    /// Returns the command text for logs, without keys of tables that may be secrets. Empty if a name is not valid as a
    /// word.
    pub(crate) fn logged_command(&self) -> String {
        let text = self.command_text().unwrap_or_default();
        if self.action.target_kind == TargetKind::TableEntry { secret_arguments::hide(&text) } else { text }
    }

    /// Returns the name of the target for logs, without keys of tables that may be secrets.
    pub(crate) fn logged_target(&self) -> String {
        let ActionTarget { proxy, name, .. } = &self.target;
        match self.action.target_kind {
            TargetKind::TableEntry => format!("entry {} of {proxy}", secret_arguments::hide_table_key(name.as_str())),
            _ => self.target_name(),
        }
    }
}

/// Purpose of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum IntentPurpose {
    /// Requested by the operator.
    Requested,
    /// Restores the state before the last action.
    Undo,
    /// Restores the state before HAProxy was reloaded.
    Reapply,
}

/// An action with its targets, as the operator requested it.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// Purpose of the intent.
    pub(crate) purpose: IntentPurpose,
    /// Instance of all targets.
    pub instance: InstanceId,
    /// Steps in order; at least one.
    pub steps: Vec<IntentStep>,
    /// Reason entered by the operator, for the audit log.
    pub(crate) reason: Option<String>,
    /// Impact that the question shows; `None` before the question.
    pub(crate) shown_impact: Option<ShownImpact>,
    /// Instances that the action was requested for, if for several: those whose rows were shown as one.
    pub(crate) requested_for: Vec<InstanceId>,
}

impl Intent {
    /// Creates an intent with the same command for each target.
    pub fn new(
        action: &'static Action,
        command: WriteCommand,
        instance: InstanceId,
        targets: Vec<ActionTarget>,
    ) -> Self {
        let steps = targets.into_iter().map(|target| IntentStep { action, command, target }).collect();
        Self::with_steps(IntentPurpose::Requested, instance, steps)
    }

    /// Creates an intent from its steps.
    pub(crate) fn with_steps(purpose: IntentPurpose, instance: InstanceId, steps: Vec<IntentStep>) -> Self {
        Self { purpose, instance, steps, reason: None, shown_impact: None, requested_for: Vec::new() }
    }

    /// Returns the title: "maintenance", "undo".
    pub(crate) fn title(&self) -> &'static str {
        match self.purpose {
            IntentPurpose::Requested => self.steps.first().map_or("", |step| step.action.title),
            IntentPurpose::Undo => "undo",
            IntentPurpose::Reapply => "restore after reload",
        }
    }

    /// Describes the action on these targets: `maintenance of be/s1`, `shutdown of session 0x7f`.
    pub(crate) fn describe(&self, targets: &str) -> String {
        self.join_title(" of ", targets)
    }

    /// Returns the heading of a question: `maintenance: be / s1`, `shutdown of session 10.0.0.7:4242 → be/s1`.
    pub fn heading(&self) -> String {
        let targets = match self.steps.as_slice() {
            [IntentStep { action, .. }] if action.target_kind == TargetKind::Server => {
                self.target_summary().replacen('/', " / ", 1)
            }
            [
                IntentStep {
                    target: ActionTarget { identity: TargetIdentity { session: Some(session), .. }, .. }, ..
                },
            ] => {
                format!("session {}", session.route())
            }
            steps if steps.iter().all(|step| step.action.target_kind == TargetKind::Server) => {
                self.servers_of_backends()
            }
            _ => self.target_summary(),
        };
        self.join_title(": ", &targets)
    }

    /// Returns the number of servers and the names of their backends, of which the first two are named.
    fn servers_of_backends(&self) -> String {
        let backends = match self.backends().as_slice() {
            [only] => only.to_string(),
            [one, other] => format!("{one} and {other}"),
            all => format!("{} backends", all.len()),
        };
        format!("{} of {backends}", self.target_summary())
    }

    /// Joins the title and the targets, and names the kind of the targets once.
    fn join_title(&self, separator: &str, targets: &str) -> String {
        const KINDS: [&str; 3] = [" the frontend", " a session", " a table entry"];
        let title = self.title();
        match KINDS.iter().find_map(|kind| title.strip_suffix(kind)) {
            Some(verb) => format!("{verb} {targets}"),
            None if self.steps.iter().all(|step| step.action.target_kind == TargetKind::Process) => title.to_owned(),
            None => {
                let name = targets.strip_prefix("frontend ").filter(|_| title.starts_with("frontend "));
                format!("{title}{separator}{}", name.unwrap_or(targets))
            }
        }
    }

    /// Returns the name of the only target, or the number of targets.
    pub fn target_summary(&self) -> String {
        let names: BTreeSet<String> = self.steps.iter().map(IntentStep::target_name).collect();
        match names.first() {
            Some(only) if names.len() == 1 => only.clone(),
            _ => {
                let all_are = |subject| self.steps.iter().all(|step| step.action.target_kind == subject);
                let plural = match () {
                    () if all_are(TargetKind::Server) => "servers",
                    () if all_are(TargetKind::Frontend) => "frontends",
                    () if all_are(TargetKind::Session) => "sessions",
                    () => "targets",
                };
                format!("{} {plural}", names.len())
            }
        }
    }

    /// Returns the backends of the target servers without duplicates, in step order.
    pub(crate) fn backends(&self) -> Vec<&SafeText> {
        let mut all: Vec<&SafeText> = Vec::new();
        for step in self.steps.iter().filter(|step| step.action.target_kind == TargetKind::Server) {
            if !all.contains(&&step.target.proxy) {
                all.push(&step.target.proxy);
            }
        }
        all
    }

    /// Returns the command texts in the order in which they would be sent, without those that would be invalid.
    pub fn commands(&self) -> Vec<String> {
        self.steps.iter().filter_map(|step| step.command_text().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{
        CLEAR_COUNTERS, CLEAR_ENTRY, END_SESSION, FRONTEND_MAXCONN, FRONTEND_OFF, MAINT,
    };
    use crate::haproxy::write_command::TargetState;

    #[test]
    fn command_text_rejects_name_with_separator() {
        let step = |name: &str| IntentStep {
            action: &MAINT,
            command: WriteCommand::State(TargetState::Maint),
            target: ActionTarget::without_row("b".into(), name.into()),
        };
        assert_eq!(step("s1").command_text().unwrap(), "set server b/s1 state maint");
        assert!(step("s1;shutdown").command_text().is_err());
        assert_eq!(step("s1").target_name(), "b/s1");
    }

    #[test]
    fn target_summary_names_single_target_or_counts() {
        let target = |name: &str| ActionTarget::without_row("b".into(), name.into());
        let intent = |names: &[&str]| {
            let targets = names.iter().map(|name| target(name)).collect();
            Intent::new(&MAINT, WriteCommand::State(TargetState::Maint), InstanceId::FIRST, targets)
        };
        assert_eq!((intent(&["s1"]).target_summary().as_str(), intent(&["s1"]).title()), ("b/s1", "maintenance"));
        assert_eq!(intent(&["s1", "s2"]).target_summary(), "2 servers");
        let undo = Intent { purpose: IntentPurpose::Undo, ..intent(&["s1"]) };
        assert_eq!(undo.title(), "undo");
        let session = Intent::new(&END_SESSION, WriteCommand::ShutdownSession, InstanceId::FIRST, vec![target("0x7f")]);
        assert_eq!(
            (session.target_summary().as_str(), session.commands()),
            ("session 0x7f", vec!["shutdown session 0x7f".into()])
        );
        assert_eq!(session.describe("session 0x7f"), "shutdown of session 0x7f");
    }

    #[test]
    fn heading_names_kind_of_targets_once() {
        let heading = |action: &'static Action, command, proxy: &str, names: &[&str]| {
            let targets = names.iter().map(|name| ActionTarget::without_row(proxy.into(), (*name).into())).collect();
            Intent::new(action, command, InstanceId::FIRST, targets).heading()
        };
        let maint = WriteCommand::State(TargetState::Maint);
        assert_eq!(heading(&MAINT, maint, "b", &["s1"]), "maintenance: b / s1");
        assert_eq!(heading(&MAINT, maint, "b", &["s1", "s2"]), "maintenance: 2 servers of b");
        let off = WriteCommand::Frontend(false);
        assert_eq!(heading(&FRONTEND_OFF, off, "fe", &["FRONTEND"]), "disable frontend fe");
        let limit = WriteCommand::FrontendMaxconn(7);
        assert_eq!(heading(&FRONTEND_MAXCONN, limit, "fe", &["FRONTEND"]), "frontend maxconn: fe");
        let counters = WriteCommand::ClearCounters { all: true };
        assert_eq!(heading(&CLEAR_COUNTERS, counters, "", &[""]), "clearing of all counters");
        let entry = WriteCommand::ClearTableEntry;
        assert_eq!(heading(&CLEAR_ENTRY, entry, "t", &["/a/b"]), "clearing of entry /a/b of t");
        assert_eq!(heading(&END_SESSION, WriteCommand::ShutdownSession, "", &["0x7f"]), "shutdown of session 0x7f");
        assert_eq!(
            heading(&END_SESSION, WriteCommand::ShutdownSession, "", &["0x7f", "0x8f"]),
            "shutdown of 2 sessions"
        );
    }
}
