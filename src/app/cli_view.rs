//! View 5: Runtime API commands typed by hand.
//!
//! Read-only commands are sent at once. Commands that may change HAProxy need a confirmation, and are refused in
//! read-only mode. Replies are shown as HAProxy sent them.

use std::time::Duration;

use crate::app::answer_gate::{AnswerGate, GateEvent};
use crate::app::dashboard_lists::ListCursor;
use crate::app::key::{Key, KeyCode, KeyPress};
use crate::app::layers::{Layer, TypedCommandConfirmation};
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::palette_parser::common_prefix;
use crate::app::prompt::{Prompt, PromptEvent, PromptPurpose};
use crate::app::queries;
use crate::app::query_state::ScrollbackLine;
use crate::ask::query::Query;
use crate::ask::read_only_commands;
use crate::ask::read_only_line::ReadOnlyLine;
use crate::ask::typed_line::TypedLine;
use crate::haproxy::command_list;
use crate::haproxy::secret_arguments;
use crate::haproxy::stat_table::RowKind;
use crate::instance::guard::{self, ConfirmationAnswer};
use crate::instance::typed_change::TypedChange;
use crate::observe::instance_id::InstanceId;
use crate::table::cell::Role;

/// Returns whether a key types, edits or recalls a line in view 5. Other keys keep their usual meaning.
pub(crate) fn handles_key(key: Key) -> bool {
    match key.code {
        KeyCode::F(_) | KeyCode::Esc | KeyCode::BackTab | KeyCode::PageUp | KeyCode::PageDown => false,
        KeyCode::Char('c' | 'l' | 'z') => !key.ctrl && !key.alt,
        KeyCode::Char(_) => !key.alt,
        _ => true,
    }
}

/// Handles a key in view 5.
pub(crate) fn handle_key(model: &mut Model, key: Key, now: Duration) -> Vec<Effect> {
    if key.ctrl && key.code == KeyCode::Char('f') {
        let text_filter = model.text_filter().to_string();
        model.layers.push(Layer::Prompt(Prompt::new(PromptPurpose::TextFilter, &text_filter)));
        return Vec::new();
    }
    match model.cli.prompt.handle_key(key) {
        PromptEvent::Submitted => return submit_line(model, now),
        PromptEvent::CompletionRequested => return complete_word(model, now),
        PromptEvent::HistoryRequested(by) => model.cli.recall(by),
        PromptEvent::Edited | PromptEvent::Canceled => {}
    }
    Vec::new()
}

fn submit_line(model: &mut Model, now: Duration) -> Vec<Effect> {
    let line = model.cli.prompt.text().trim().to_owned();
    if line.is_empty() {
        return Vec::new();
    }
    model.cli.prompt.set_text("");
    model.cli.add_to_history(&line);
    let view = model.view();
    // The file would keep the secrets, and without them the line could not be sent again.
    let is_saved = !secret_arguments::has_secrets(&line);
    let mut effects: Vec<Effect> = is_saved.then(|| Effect::SaveCommandLine(line.clone())).into_iter().collect();
    let refusal = model.instance().and_then(|instance| guard::check_query_allowed(&instance.data).err());
    let why_not = refusal.map(|refusal| model.explain_refusal(&refusal));
    let Some(instance) = model.instance_mut() else { return effects };
    instance.view_cursors[view] = ListCursor::default();
    instance.queries.push_line(format!("> {line}").as_str(), Role::Key);
    if let Some(why_not) = why_not {
        instance.queries.push_line(why_not.as_str(), Role::Bad);
        return effects;
    }
    let version = instance.data.latest().and_then(|sample| sample.info.version());
    let (id, is_read_only) = (instance.id(), instance.data.source().is_read_only());
    match (ReadOnlyLine::parse(&line), TypedLine::parse(&line)) {
        (Ok(read_only), _) => {
            let missing = |words: &Vec<String>| read_only_commands::missing_in(words, version?);
            for note in read_only.commands().iter().filter_map(missing) {
                instance.queries.push_line(note.as_str(), Role::Dim);
            }
            effects.extend(queries::send_query(model, Query::TypedLine(read_only), now));
        }
        (Err(error), _) if is_read_only => {
            instance.queries.push_line(format!("{error}; read-only mode is on").as_str(), Role::Bad);
        }
        (Err(_), Ok(typed)) => {
            if let Err(error) = typed.check_version(version) {
                instance.queries.push_line(error.to_string().as_str(), Role::Bad);
            } else if !model.refuse_without_room(now) {
                model.layers.extend(open_question(model, id, typed, now));
            }
        }
        (Err(_), Err(error)) => instance.queries.push_line(error.to_string().as_str(), Role::Bad),
    }
    effects
}

/// Returns the question about a typed command, with the impact of its actions.
fn open_question(model: &Model, id: InstanceId, line: TypedLine, now: Duration) -> Option<Layer> {
    let change = TypedChange::new(line, &model.instance_by_id(id)?.data);
    let gate = AnswerGate::new(change.most_dangerous().map(guard::name_to_type));
    Some(Layer::TypedCommandConfirmation(TypedCommandConfirmation { instance: id, change, gate, opened_at: now }))
}

/// Returns whether Enter would open the confirmation of the typed line.
pub(crate) fn submits_changing_line(model: &Model, key: Key) -> bool {
    let line = model.cli.prompt.text().trim();
    key.code == KeyCode::Enter && !line.is_empty() && ReadOnlyLine::parse(line).is_err()
}

/// Handles a key in the dialog that confirms a typed command.
pub(crate) fn handle_confirmation_key(
    model: &mut Model,
    mut confirmation: TypedCommandConfirmation,
    press: KeyPress,
    now: Duration,
) {
    match confirmation.gate.handle_key(press) {
        GateEvent::Pending => model.layers.push(Layer::TypedCommandConfirmation(confirmation)),
        GateEvent::No => {
            if let Some(instance) = model.instance_by_id_mut(confirmation.instance) {
                instance.queries.push_line("nothing was sent", Role::Dim);
            }
            model.notify("nothing was sent", Role::Dim, now);
        }
    }
}

/// Sends a typed command whose confirmation was answered with Yes.
pub(crate) fn send_confirmed(
    model: &mut Model,
    confirmation: TypedCommandConfirmation,
    answer: &ConfirmationAnswer,
) -> Vec<Effect> {
    let Some(instance) = model.instance_by_id_mut(confirmation.instance) else { return Vec::new() };
    match guard::authorise_line(confirmation.change, answer, &instance.data) {
        Ok(line) => return vec![Effect::SendTypedCommand(confirmation.instance, line)],
        Err(refusal) => instance.queries.push_line(refusal.to_string().as_str(), Role::Bad),
    }
    Vec::new()
}

/// Completes the last word: a command from HAProxy's help, or the name of a proxy or server.
fn complete_word(model: &mut Model, now: Duration) -> Vec<Effect> {
    let Some(instance) = model.instance() else { return Vec::new() };
    let Some((commands, _)) = &instance.queries.command_list.latest else {
        // The command list must be fetched before the first completion; names can be completed at once.
        let effects = if instance.queries.command_list.is_waiting {
            Vec::new()
        } else {
            queries::send_query(model, Query::Help, now)
        };
        complete_name(model);
        return effects;
    };
    let text = model.cli.prompt.text().to_owned();
    let (before, part) = text.rsplit_once(';').map_or(("", text.as_str()), |(before, part)| (before, part));
    let typed = part.trim_start();
    let matching = command_list::completions(commands, typed);
    let common = matching
        .iter()
        .map(|command| command.words.as_str().to_owned())
        .reduce(|one, other| common_prefix(&one, &other).to_owned());
    match common.filter(|common| common.len() > typed.len()) {
        Some(common) => {
            let end = if matching.len() == 1 { " " } else { "" };
            let front = if before.is_empty() { String::new() } else { format!("{before}; ") };
            model.cli.prompt.set_text(&format!("{front}{common}{end}"));
        }
        None => complete_name(model),
    }
    Vec::new()
}

fn complete_name(model: &mut Model) {
    let text = model.cli.prompt.text().to_owned();
    let (before, word) = match text.rfind([' ', ';']) {
        Some(index) => text.split_at(index + 1),
        None => return,
    };
    let Some(sample) = model.instance().and_then(|instance| instance.data.latest()) else { return };
    let names = sample.table.rows().iter().map(|row| match row.kind {
        RowKind::Server => format!("{}/{}", row.proxy, row.name),
        _ => row.proxy.to_string(),
    });
    let fitting = names.filter(|name| name.starts_with(word));
    let common = fitting.reduce(|one, other| common_prefix(&one, &other).to_owned());
    if let Some(common) = common.filter(|common| common.len() > word.len()) {
        let completed = format!("{before}{common}");
        model.cli.prompt.set_text(&completed);
    }
}

/// Returns the scrollback lines that pass the filter.
pub(crate) fn shown_lines(model: &Model) -> impl Iterator<Item = &ScrollbackLine> {
    let text_filter = model.text_filter();
    let lines = model.instance().into_iter().flat_map(|instance| &instance.queries.scrollback);
    lines.filter(move |line| text_filter.is_empty() || text_filter.matches(line.text.as_str()))
}
