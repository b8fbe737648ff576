//! The command line of view 5: HAProxy's own commands, typed by hand.
//!
//! What only reads is sent at once. What may change HAProxy is asked about first, and in read-only mode
//! refused; its answer comes as HAProxy gave it.

use std::time::Duration;

use crate::app::dashboard_lists::ListState;
use crate::app::key::{Code, Key};
use crate::app::layers::{Layer, Sure};
use crate::app::model::Model;
use crate::app::msg::Effect;
use crate::app::palette::common_start;
use crate::app::queries;
use crate::app::query_state::Said;
use crate::app::text_input::{Prompt, Purpose, Typed};
use crate::ask::query::Query;
use crate::ask::read_only_command::ReadLine;
use crate::ask::typed_command::TypedLine;
use crate::haproxy::command_list;
use crate::haproxy::stat_table::RowKind;
use crate::instance::guard::{Consent, Guard};
use crate::table::cell::Role;

/// A key that the command line takes: what types, edits, recalls and scrolls. The rest keeps its usual meaning.
pub fn takes(key: Key) -> bool {
    match key.code {
        Code::F(_) | Code::Esc | Code::BackTab | Code::PageUp | Code::PageDown => false,
        Code::Char('c' | 'l' | 'z') => !key.ctrl && !key.alt,
        Code::Char(_) => !key.alt,
        _ => true,
    }
}

/// A key while the command line is shown.
pub fn key(model: &mut Model, key: Key, now: Duration) -> Vec<Effect> {
    if key.ctrl && key.code == Code::Char('f') {
        let words = model.settings[model.view].words.to_string();
        model.layers.push(Layer::Prompt(Prompt::new(Purpose::Words, &words)));
        return Vec::new();
    }
    match model.cli.prompt.key(key) {
        Typed::Done => return enter(model, now),
        Typed::Complete => return complete(model, now),
        Typed::Recall(by) => model.cli.recall(by),
        Typed::Edited | Typed::Left => {}
    }
    Vec::new()
}

fn enter(model: &mut Model, now: Duration) -> Vec<Effect> {
    let line = model.cli.prompt.text().trim().to_owned();
    if line.is_empty() {
        return Vec::new();
    }
    model.cli.prompt.set("");
    model.cli.remember(&line);
    let (view, guard) = (model.view, model.guard);
    let mut effects = vec![Effect::Remember(line.clone())];
    let refusal = model.instance().and_then(|instance| Guard::is_live(&instance.watch).err());
    let why_not = refusal.map(|refusal| model.why(&refusal));
    let Some(instance) = model.instance_mut() else { return effects };
    instance.places[view] = ListState::default();
    instance.asked.say(format!("> {line}").as_str(), Role::Key);
    if let Some(why_not) = why_not {
        instance.asked.say(why_not.as_str(), Role::Bad);
        return effects;
    }
    let version = instance.watch.newest().and_then(|sample| sample.info.version());
    match (ReadLine::new(&line), TypedLine::new(&line)) {
        (Ok(read), _) => effects.extend(queries::ask(model, Query::Line(read), now)),
        (Err(why), _) if guard.read_only => {
            instance.asked.say(format!("{why}; hapulse runs read-only").as_str(), Role::Bad);
        }
        (Err(_), Ok(typed)) => match typed.check(version) {
            Ok(()) => model.layers.push(Layer::Sure(Sure { line: typed, asked: now })),
            Err(why) => instance.asked.say(why.to_string().as_str(), Role::Bad),
        },
        (Err(_), Err(why)) => instance.asked.say(why.to_string().as_str(), Role::Bad),
    }
    effects
}

/// The answer to the question whether a line that may change HAProxy is to be sent.
pub fn answer(model: &mut Model, sure: Sure, key: Key, now: Duration) -> Vec<Effect> {
    let current = model.current;
    match key.code {
        Code::Char('y') if !key.ctrl && !key.alt && sure.is_seen(now) => {
            let Some(instance) = model.instances.get_mut(current) else { return Vec::new() };
            match model.guard.authorise_line(sure.line, &Consent::Yes, &instance.watch) {
                Ok(line) => return vec![Effect::Send(current, line)],
                Err(refusal) => instance.asked.say(refusal.to_string().as_str(), Role::Bad),
            }
        }
        Code::Char('c') if !key.ctrl => model.layers.push(Layer::Sure(sure)),
        Code::Char('n' | 'N' | 'q' | 'c') | Code::Esc | Code::Enter => {
            if let Some(instance) = model.instance_mut() {
                instance.asked.say("nothing was sent", Role::Dim);
            }
            model.say("nothing was sent", Role::Dim, now);
        }
        _ => model.layers.push(Layer::Sure(sure)),
    }
    Vec::new()
}

/// Completes the last word: a command from HAProxy's own help, or the name of a proxy or server.
fn complete(model: &mut Model, now: Duration) -> Vec<Effect> {
    let Some(instance) = model.instance() else { return Vec::new() };
    let Some((known, _)) = &instance.asked.known.told else {
        // The first time the commands are not known yet; names are.
        let effects = if instance.asked.known.is_waiting { Vec::new() } else { queries::ask(model, Query::Help, now) };
        complete_name(model);
        return effects;
    };
    let text = model.cli.prompt.text().to_owned();
    let (before, part) = text.rsplit_once(';').map_or(("", text.as_str()), |(before, part)| (before, part));
    let typed = part.trim_start();
    let matching = command_list::matching(known, typed);
    let common = matching
        .iter()
        .map(|known| known.words.as_str().to_owned())
        .reduce(|one, other| common_start(&one, &other).to_owned());
    match common.filter(|common| common.len() > typed.len()) {
        Some(common) => {
            let end = if matching.len() == 1 { " " } else { "" };
            let front = if before.is_empty() { String::new() } else { format!("{before}; ") };
            model.cli.prompt.set(&format!("{front}{common}{end}"));
        }
        None => complete_name(model),
    }
    Vec::new()
}

fn complete_name(model: &mut Model) {
    let text = model.cli.prompt.text().to_owned();
    let (before, word) = match text.rfind([' ', ';']) {
        Some(place) => text.split_at(place + 1),
        None => return,
    };
    let Some(sample) = model.instance().and_then(|instance| instance.watch.newest()) else { return };
    let names = sample.table.rows().iter().map(|row| match row.kind {
        RowKind::Server => format!("{}/{}", row.proxy, row.name),
        _ => row.proxy.to_string(),
    });
    let fitting = names.filter(|name| name.starts_with(word));
    let common = fitting.reduce(|one, other| common_start(&one, &other).to_owned());
    if let Some(common) = common.filter(|common| common.len() > word.len()) {
        let completed = format!("{before}{common}");
        model.cli.prompt.set(&completed);
    }
}

/// The scrollback's lines to show: all, or those with the words that are looked for.
pub fn shown(model: &Model) -> impl Iterator<Item = &Said> {
    let words = &model.settings[model.view].words;
    let said = model.instance().into_iter().flat_map(|instance| &instance.asked.said);
    said.filter(move |line| words.is_empty() || words.are_in(line.text.as_str()))
}
