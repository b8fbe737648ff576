//! Asking HAProxy on a key, and taking the answers in.
//!
//! Nothing here is asked by itself. A question keeps its distance from the one before of its kind, and one
//! that costs HAProxy something says so first.

use std::time::Duration;

use crate::app::dashboard_lists::ListState;
use crate::app::layers::Layer;
use crate::app::model::Model;
use crate::app::msg::Effect;
use crate::app::query_state::{Board, OpenTable};
use crate::ask::query::{Answer, Query, QueryError, Told};
use crate::ask::query_cost;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{Session, SessionFilter, SessionOrder};
use crate::haproxy::stick_tables::{Comparison, DataFilter, Entry, StickTable};
use crate::instance::guard::{Guard, Refusal};
use crate::observe::timestamp::Stamp;
use crate::table::cell::Role;
use crate::table::number_format;
use crate::table::text_filter::Words;
use crate::table::view_table::Content;

/// Asks, if it may be asked now; says why not otherwise.
pub fn ask(model: &mut Model, query: Query, now: Duration) -> Vec<Effect> {
    let (current, view) = (model.current, model.view);
    let Some(instance) = model.instances.get_mut(current) else { return Vec::new() };
    // HAProxy can only be asked about now.
    if let Err(refusal) = Guard::is_live(&instance.watch) {
        model.refuse(&refusal, Role::Warn, now);
        return Vec::new();
    }
    let sample = instance.watch.newest().filter(|_| instance.watch.link().is_up());
    let Some(sample) = sample else {
        model.refuse(&Refusal::NoLink, Role::Warn, now);
        return Vec::new();
    };
    let version = sample.info.version();
    let cares = query.cares();
    if let Some((care, has)) = cares.iter().find_map(|care| Some((care, sample.level.filter(|has| *has < care.level)?)))
    {
        let (command, needs) = (care.words.join(" "), care.level);
        model.say(format!("\"{command}\" needs level {needs}; this socket has level {has}"), Role::Warn, now);
        return Vec::new();
    }
    let wait = instance.asked.pauses.wait(&cares, now);
    if !wait.is_zero() {
        let pause = cares.iter().map(|care| care.pause.as_secs()).max().unwrap_or_default();
        let seconds = wait.as_millis().div_ceil(1000);
        model.say(format!("not more often than every {pause} s: again in {seconds} s"), Role::Warn, now);
        return Vec::new();
    }
    instance.asked.pauses.asked(&cares, now);
    match &query {
        Query::Sessions(_) => instance.asked.sessions.wait(),
        Query::Tables => instance.asked.tables.wait(),
        Query::Help => instance.asked.known.wait(),
        Query::TableEntries { table, .. } => {
            if instance.asked.open_table.is_none() {
                instance.places[view] = ListState::default();
            }
            let same = instance.asked.open_table.take().filter(|open| open.name == *table);
            let mut open =
                same.unwrap_or_else(|| OpenTable { name: table.clone(), entries: Board::default(), sort: 0 });
            open.entries.wait();
            instance.asked.open_table = Some(open);
        }
        Query::Session(_) | Query::Line(_) => {}
    }
    vec![Effect::Ask(current, version, query)]
}

/// An answer, or why there is none.
pub fn told(model: &mut Model, instance: usize, query: &Query, result: Result<Answer, QueryError>, now: Stamp) {
    let Some(known) = model.instances.get_mut(instance) else { return };
    let asked = &mut known.asked;
    let mut opened = None;
    let mut complaint = None;
    match result {
        Ok(answer) => match answer.told {
            Told::Sessions(mut sessions) => {
                sessions.sort(asked.order);
                asked.sessions.tell(sessions, now);
            }
            Told::Session(session) => opened = Some((session.session.id.to_string(), session.lines)),
            Told::Tables(tables) => asked.tables.tell(tables, now),
            Told::Entries(mut entries) => {
                // An answer may come after another table was opened.
                if let Some(open) = asked.open_table.as_mut().filter(|open| is_about(query, &open.name)) {
                    entries.sort(open.sort);
                    open.entries.tell(entries, now);
                }
            }
            Told::Help(list) => asked.known.tell(list, now),
            Told::Lines(lines) => asked.say_lines(&lines, answer.is_whole),
        },
        Err(error) => {
            let why = words_of(&error);
            match query {
                Query::Sessions(_) => asked.sessions.fail(why),
                Query::Tables => asked.tables.fail(why),
                Query::Help => asked.known.fail(why),
                Query::TableEntries { table, .. } => {
                    if let Some(open) = asked.open_table.as_mut().filter(|open| open.name == *table) {
                        open.entries.fail(why);
                    }
                }
                Query::Line(_) => asked.say(why.as_str(), Role::Bad),
                Query::Session(_) => complaint = Some(why),
            }
        }
    }
    // A late answer must not push itself over a question or a line being typed.
    let is_expected = model.layers.is_empty() && matches!(model.shown().content, Content::Sessions);
    if let Some((id, lines)) = opened.filter(|_| is_expected) {
        model.layers.push(Layer::Page { title: format!("Session {id}"), lines, top: 0 });
    }
    if let Some(why) = complaint {
        model.say(why, Role::Bad, now.mono);
    }
}

/// The answer to a typed line that may have changed HAProxy.
pub fn sent(model: &mut Model, instance: usize, result: Result<Answer, QueryError>, now: Duration) {
    let is_cli = matches!(model.shown().content, Content::Cli);
    let Some(known) = model.instances.get_mut(instance) else { return };
    let (first, role) = match result {
        Ok(Answer { told: Told::Lines(lines), is_whole, remark, .. }) => {
            known.asked.say_lines(&lines, is_whole);
            if let Some(remark) = remark {
                known.asked.say(remark.as_str(), Role::Warn);
            }
            if lines.list().iter().any(|line| line.as_str().starts_with("Permission denied")) {
                known.asked.say("a change needs a socket of level admin: stats socket … level admin", Role::Warn);
            }
            let first = lines.list().iter().find(|line| !line.is_empty()).map(ToString::to_string);
            (first.unwrap_or_else(|| "done: HAProxy answered nothing, which means success".to_owned()), Role::Good)
        }
        Ok(_) => return,
        Err(error) => {
            let why = words_of(&error);
            known.asked.say(why.as_str(), Role::Bad);
            (why, Role::Bad)
        }
    };
    if !is_cli {
        model.say(first, role, now);
    }
}

fn is_about(query: &Query, name: &SafeText) -> bool {
    matches!(query, Query::TableEntries { table, .. } if table == name)
}

fn words_of(error: &QueryError) -> String {
    match error {
        QueryError::Ask { hint: Some(hint), .. } => format!("{error}; {hint}"),
        _ => error.to_string(),
    }
}

/// The question that the view shown asks when it is asked to.
pub fn refresh(model: &mut Model, now: Duration) -> Option<Vec<Effect>> {
    let words = &model.settings[model.view].words;
    let query = match model.shown().content {
        Content::Sessions => Query::Sessions(session_filter(words)),
        Content::StickTables => match model.instance().and_then(|instance| instance.asked.open_table.as_ref()) {
            Some(open) => Query::TableEntries { table: open.name.clone(), filter: data_filter(words) },
            None => Query::Tables,
        },
        _ => return None,
    };
    Some(ask(model, query, now))
}

/// Goes into the selected line: a session in full, a table's entries; without lines, asks for them.
pub fn open(model: &mut Model, now: Duration) -> Vec<Effect> {
    let view = model.view;
    let Some(instance) = model.instance() else { return Vec::new() };
    let place = instance.places[view].place();
    let query = match model.shown().content {
        Content::Sessions => sessions(model).nth(place).map(|session| Query::Session(session.id.clone())),
        Content::StickTables if instance.asked.open_table.is_none() => {
            let table = tables(model).nth(place).cloned();
            table.map(|table| {
                if let Some(warning) = table.used.and_then(query_cost::table_warning) {
                    model.say(warning, Role::Warn, now);
                }
                Query::TableEntries { table: table.name, filter: None }
            })
        }
        _ => return Vec::new(),
    };
    match query {
        Some(query) => ask(model, query, now),
        None => refresh(model, now).unwrap_or_default(),
    }
}

/// Out of a table's entries; false where there is nothing to leave.
pub fn back(model: &mut Model) -> bool {
    let is_tables = matches!(model.shown().content, Content::StickTables);
    let view = model.view;
    let Some(instance) = model.instance_mut().filter(|_| is_tables) else { return false };
    let is_open = instance.asked.open_table.take().is_some();
    if is_open {
        // The words were about the entries, and so was the place.
        instance.places[view] = ListState::default();
        model.settings[view].words = Words::default();
    }
    is_open
}

/// Sorts by the next or previous order or counter.
pub fn sort_next(model: &mut Model, by: i32) {
    let content = model.shown().content;
    let Some(instance) = model.instance_mut() else { return };
    let asked = &mut instance.asked;
    match content {
        Content::Sessions => {
            let orders = [SessionOrder::Age, SessionOrder::Bytes, SessionOrder::State];
            let place = orders.iter().position(|order| *order == asked.order).unwrap_or(0) as i32;
            asked.order = orders[(place + by).rem_euclid(orders.len() as i32) as usize];
            if let Some((sessions, _)) = &mut asked.sessions.told {
                sessions.sort(asked.order);
            }
        }
        Content::StickTables => {
            if let Some(open) = &mut asked.open_table
                && let Some((entries, _)) = &mut open.entries.told
                && !entries.counters.is_empty()
            {
                open.sort = (open.sort as i32 + by).rem_euclid(entries.counters.len() as i32) as usize;
                entries.sort(open.sort);
            }
        }
        _ => {}
    }
}

/// The sessions to show, in their order.
pub fn sessions(model: &Model) -> impl Iterator<Item = &Session> {
    let words = &model.settings[model.view].words;
    let (filter, rest) = (session_filter(words), plain_words(words));
    let list = model.instance().and_then(|instance| Some(&instance.asked.sessions.told.as_ref()?.0.list));
    list.into_iter()
        .flatten()
        .filter(move |session| filter.matches(session) && (rest.is_empty() || rest.are_in(session.line.as_str())))
}

/// The stick tables to show.
pub fn tables(model: &Model) -> impl Iterator<Item = &StickTable> {
    let words = &model.settings[model.view].words;
    let list = model.instance().and_then(|instance| Some(&instance.asked.tables.told.as_ref()?.0.list));
    list.into_iter().flatten().filter(move |table| words.are_in(table.name.as_str()))
}

/// The entries to show of the open table, in their order.
pub fn entries(model: &Model) -> impl Iterator<Item = &Entry> {
    let words = plain_words(&model.settings[model.view].words);
    let open = model.instance().and_then(|instance| instance.asked.open_table.as_ref());
    let list = open.and_then(|open| Some(&open.entries.told.as_ref()?.0.list));
    list.into_iter().flatten().filter(move |entry| words.is_empty() || words.are_in(entry.key.as_str()))
}

/// Lines that the view shown has.
pub fn count(model: &Model) -> usize {
    match model.shown().content {
        Content::Sessions => sessions(model).count(),
        Content::StickTables if model.instance().is_some_and(|instance| instance.asked.open_table.is_some()) => {
            entries(model).count()
        }
        Content::StickTables => tables(model).count(),
        _ => 0,
    }
}

/// Words that mean something to HAProxy itself: `server:web1`, `backend:app`, `frontend:www`, `older:10s`.
fn session_filter(words: &Words) -> SessionFilter {
    let mut filter = SessionFilter::default();
    for (name, value) in named(words) {
        match name {
            "server" => filter.server = Some(value.into()),
            "backend" => filter.backend = Some(value.into()),
            "frontend" => filter.frontend = Some(value.into()),
            "older" => filter.older = seconds(value),
            _ => {}
        }
    }
    filter
}

/// The condition on a counter, as `gpc0>5`.
fn data_filter(words: &Words) -> Option<DataFilter> {
    let operators = [
        (">=", Comparison::GreaterOrEqual),
        ("<=", Comparison::LessOrEqual),
        ("!=", Comparison::NotEqual),
        (">", Comparison::Greater),
        ("<", Comparison::Less),
        ("=", Comparison::Equal),
    ];
    words.iter().find_map(|word| {
        let (sign, comparison) = operators.iter().find(|(sign, _)| word.contains(sign))?;
        let (counter, limit) = word.split_once(sign)?;
        let limit = limit.parse().ok()?;
        (!counter.is_empty()).then(|| DataFilter { counter: SafeText::from(counter), comparison: *comparison, limit })
    })
}

/// The words that are only looked for.
fn plain_words(words: &Words) -> Words {
    let has_meaning = |word: &&str| word.contains(['>', '<', '=']) || named_word(word).is_some();
    Words::new(&words.iter().filter(|word| !has_meaning(word)).collect::<Vec<_>>().join(" "))
}

fn named(words: &Words) -> impl Iterator<Item = (&str, &str)> {
    words.iter().filter_map(named_word)
}

fn named_word(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once(':')?;
    (["server", "backend", "frontend", "older"].contains(&name) && !value.is_empty()).then_some((name, value))
}

/// `10s`, `5m`, `2h`, or seconds.
fn seconds(text: &str) -> Option<Duration> {
    let (digits, factor) = match text.char_indices().last()? {
        (end, 's') => (&text[..end], 1),
        (end, 'm') => (&text[..end], 60),
        (end, 'h') => (&text[..end], 3600),
        _ => (text, 1),
    };
    Some(Duration::from_secs(digits.parse::<u64>().ok()?.checked_mul(factor)?))
}

/// How long ago something was told.
pub fn age(at: Stamp, now: Duration) -> String {
    number_format::duration(now.saturating_sub(at.mono))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_haproxy_understands_are_told_from_those_that_are_looked_for() {
        let words = Words::new("server:web1 older:5m 10.0.0.1 !smtp");
        let filter = session_filter(&words);
        assert_eq!(filter.server, Some("web1".into()));
        assert_eq!(filter.older, Some(Duration::from_mins(5)));
        assert_eq!((filter.backend, filter.frontend), (None, None));
        assert_eq!(plain_words(&words).to_string(), "10.0.0.1 !smtp");
    }

    #[test]
    fn a_condition_on_a_counter_is_read() {
        let filter = data_filter(&Words::new("10.0 http_req_rate>=20")).unwrap();
        assert_eq!(
            (filter.counter.as_str(), filter.comparison, filter.limit),
            ("http_req_rate", Comparison::GreaterOrEqual, 20)
        );
        assert_eq!(data_filter(&Words::new("gpc0>many")), None);
    }
}
