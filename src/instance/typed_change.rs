//! A typed line that may change HAProxy, with the actions that its commands correspond to, so that its question shows the
//! same impact as the question of a key, and the same checks apply before it is sent.

use crate::actions::action_table::{self, Danger, TargetKind};
use crate::actions::impact;
use crate::actions::intent::{ActionTarget, Intent, IntentPurpose, IntentStep};
use crate::ask::typed_line::TypedLine;
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::write_command::WriteCommand;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// A typed line and its actions.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedChange {
    /// The line.
    pub line: TypedLine,
    /// One intent per kind of target, with the impact that the question shows. Commands that no action sends, and targets
    /// that HAProxy does not list, are left out.
    pub(crate) intents: Vec<Intent>,
}

impl TypedChange {
    /// Finds the actions of a line in the latest sample.
    pub(crate) fn new(line: TypedLine, instance: &Instance) -> Self {
        let Some(sample) = instance.latest() else { return Self { line, intents: Vec::new() } };
        let step_of = |words: &Vec<String>| {
            let (command, name) = WriteCommand::parse(words)?;
            let action = action_table::for_command(command)?;
            let target = match action.target_kind {
                TargetKind::Server => instance.target(find_server(sample, name)?)?,
                TargetKind::Frontend => instance.target(find_row(sample, RowKind::Frontend, name, None)?)?,
                TargetKind::Process => {
                    ActionTarget::without_row(SafeText::default(), SafeText::default()).in_process(sample)
                }
                TargetKind::Session | TargetKind::TableEntry => return None,
            };
            Some(IntentStep { action, command, target })
        };
        let mut by_kind: Vec<Vec<IntentStep>> = Vec::new();
        for step in line.commands().iter().filter_map(step_of) {
            match by_kind.iter_mut().find(|steps| steps[0].action.target_kind == step.action.target_kind) {
                Some(steps) => steps.push(step),
                None => by_kind.push(vec![step]),
            }
        }
        let intent_of = |steps| {
            let mut intent = Intent::with_steps(IntentPurpose::Requested, instance.id(), steps);
            intent.shown_impact = Some(impact::evaluate_shown(sample, &intent));
            intent
        };
        Self { line, intents: by_kind.into_iter().map(intent_of).collect() }
    }

    /// Returns the first intent of the highest danger; its name must be typed.
    pub(crate) fn most_dangerous(&self) -> Option<&Intent> {
        let is_highest =
            |intent: &&Intent| intent.shown_impact.as_ref().is_some_and(|shown| shown.danger == Danger::Highest);
        self.intents.iter().find(is_highest)
    }
}

/// Finds the server of `backend/server`.
fn find_server(sample: &Sample, name: &str) -> Option<RowId> {
    let (backend, server) = name.split_once('/')?;
    find_row(sample, RowKind::Server, backend, Some(server))
}

/// Finds a row by its names; HAProxy also accepts `#` with a number in place of a name.
fn find_row(sample: &Sample, kind: RowKind, proxy: &str, server: Option<&str>) -> Option<RowId> {
    let has_name = |index: usize, known: &str, field, name: &str| match name.strip_prefix('#') {
        Some(number) => sample.table.number(index, field).is_some_and(|known| number.parse() == Ok(known)),
        None => known == name,
    };
    let mut rows = sample.table.rows().iter().enumerate();
    let (index, _) = rows.find(|(index, row)| {
        row.kind == kind
            && has_name(*index, row.proxy.as_str(), Field::Iid, proxy)
            && server.is_none_or(|server| has_name(*index, row.name.as_str(), Field::Sid, server))
    })?;
    Some(sample.rows.ids()[index])
}
