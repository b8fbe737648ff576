//! What an operator wants done: fixed at the key press, to rows by their identity and not to places on a screen.

use std::collections::BTreeSet;

use crate::actions::action_table::{Action, Subject};
use crate::haproxy::command::BadName;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::write_command::WriteCommand;
use crate::observe::row_ids::RowId;

/// What is acted on, as it was when the key was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Who it is; [`RowId::PROCESS`] for a session, an entry and the process.
    pub id: RowId,
    /// The backend of a server, the frontend itself, the table of an entry; else empty.
    pub proxy: SafeText,
    /// The server, the id of a session, the key of an entry; else empty or `FRONTEND`.
    pub name: SafeText,
    /// The proxy's number, by which `show stat` finds it: a frontend and a backend may have the same name.
    pub iid: Option<i64>,
    /// The status that the operator saw; empty where there is none.
    pub seen: SafeText,
}

impl Target {
    /// Something that is no row: a session, an entry, the process.
    pub fn beside_rows(proxy: SafeText, name: SafeText) -> Self {
        Self { id: RowId::PROCESS, proxy, name, iid: None, seen: SafeText::default() }
    }
}

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which act it is.
    pub act: &'static Action,
    /// What is ordered.
    pub order: WriteCommand,
    /// Of what.
    pub target: Target,
}

impl Step {
    /// The exact command.
    ///
    /// # Errors
    /// When a name would not be one word of the command.
    pub fn command(&self) -> Result<String, BadName> {
        self.order.command(&self.target.proxy, &self.target.name)
    }

    /// What it is about, as people name it: `be/s1`, `frontend www`, `session 0x7f12`.
    pub fn name(&self) -> String {
        let Target { proxy, name, .. } = &self.target;
        match self.act.subject {
            Subject::Server => format!("{proxy}/{name}"),
            Subject::Frontend => format!("frontend {proxy}"),
            Subject::Session => format!("session {name}"),
            Subject::Entry => format!("entry {name} of {proxy}"),
            Subject::Process => "the counters".to_owned(),
        }
    }
}

/// Why something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Somebody wants it.
    Plain,
    /// It was like this before our last act.
    Undo,
    /// It was like this before HAProxy was reloaded.
    SetAgain,
}

/// What an operator wants done.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// Why.
    pub purpose: Purpose,
    /// On which instance, by its place in the list.
    pub instance: usize,
    /// What, in this order; at least one.
    pub steps: Vec<Step>,
    /// The reason the operator gave, for the audit.
    pub reason: Option<String>,
}

impl Intent {
    /// The same order for each target.
    pub fn new(act: &'static Action, order: WriteCommand, instance: usize, targets: Vec<Target>) -> Self {
        let steps = targets.into_iter().map(|target| Step { act, order, target }).collect();
        Self { purpose: Purpose::Plain, instance, steps, reason: None }
    }

    /// What it is called: "maintenance", "undo".
    pub fn title(&self) -> &'static str {
        match self.purpose {
            Purpose::Plain => self.steps.first().map_or("", |step| step.act.title),
            Purpose::Undo => "undo",
            Purpose::SetAgain => "set again",
        }
    }

    /// What it is about: one name, or how many.
    pub fn name(&self) -> String {
        let names: BTreeSet<String> = self.steps.iter().map(Step::name).collect();
        match names.first() {
            Some(only) if names.len() == 1 => only.clone(),
            _ => {
                let is = |subject| self.steps.iter().all(|step| step.act.subject == subject);
                let things = match () {
                    () if is(Subject::Server) => "servers",
                    () if is(Subject::Frontend) => "frontends",
                    () => "things",
                };
                format!("{} {things}", names.len())
            }
        }
    }

    /// The backends of its servers, each once, in order.
    pub fn backends(&self) -> Vec<&SafeText> {
        let mut all: Vec<&SafeText> = Vec::new();
        for step in self.steps.iter().filter(|step| step.act.subject == Subject::Server) {
            if !all.contains(&&step.target.proxy) {
                all.push(&step.target.proxy);
            }
        }
        all
    }

    /// The commands as they would be sent.
    pub fn commands(&self) -> Vec<String> {
        self.steps.iter().filter_map(|step| step.command().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{END_SESSION, MAINT};
    use crate::haproxy::write_command::Admin;

    #[test]
    fn a_strange_name_gives_no_command() {
        let step = |name: &str| Step {
            act: &MAINT,
            order: WriteCommand::State(Admin::Maint),
            target: Target::beside_rows("b".into(), name.into()),
        };
        assert_eq!(step("s1").command().unwrap(), "set server b/s1 state maint");
        assert!(step("s1;shutdown").command().is_err());
        assert_eq!(step("s1").name(), "b/s1");
    }

    #[test]
    fn an_intent_is_named_by_what_it_is_about() {
        let target = |name: &str| Target::beside_rows("b".into(), name.into());
        let intent = |names: &[&str]| {
            let targets = names.iter().map(|name| target(name)).collect();
            Intent::new(&MAINT, WriteCommand::State(Admin::Maint), 0, targets)
        };
        assert_eq!((intent(&["s1"]).name().as_str(), intent(&["s1"]).title()), ("b/s1", "maintenance"));
        assert_eq!(intent(&["s1", "s2"]).name(), "2 servers");
        let undo = Intent { purpose: Purpose::Undo, ..intent(&["s1"]) };
        assert_eq!(undo.title(), "undo");
        let session = Intent::new(&END_SESSION, WriteCommand::EndSession, 0, vec![target("0x7f")]);
        assert_eq!(
            (session.name().as_str(), session.commands()),
            ("session 0x7f", vec!["shutdown session 0x7f".into()])
        );
    }
}
