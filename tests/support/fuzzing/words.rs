//! What people type: filters, commands, lines for HAProxy, numbers, names of keys. And names that HAProxy reports,
//! which become words of a command or are refused.

use std::sync::Arc;

use hapulse::app::key::Key;
use hapulse::app::palette::{self, PaletteCommand};
use hapulse::app::text_input::{Prompt, Purpose};
use hapulse::ask::known_crashes::begins_with;
use hapulse::ask::read_only_command::ReadLine;
use hapulse::ask::read_only_commands::READS;
use hapulse::ask::typed_command::TypedLine;
use hapulse::config::duration;
use hapulse::haproxy::address::Address;
use hapulse::haproxy::cli_request::Line;
use hapulse::haproxy::command::{self, Word};
use hapulse::haproxy::safe_text::{SafeText, is_visible};
use hapulse::haproxy::sessions::SessionFilter;
use hapulse::haproxy::stick_tables::{Comparison, DataFilter};
use hapulse::haproxy::version::Version;
use hapulse::haproxy::write_command::{self, Admin, Health, WriteCommand, Weight};
use hapulse::instance::instance::Instance;
use hapulse::observe::sample::Sample;
use hapulse::problems::thresholds::Thresholds;
use hapulse::table::columns::column;
use hapulse::table::columns::column_sets;
use hapulse::table::columns::row_view::RowView;
use hapulse::table::filter::Filter;
use hapulse::table::rows::Settings;
use hapulse::table::text_filter::Words;

use super::feed::Feed;
use super::recorded::RECORDED;

pub fn check(data: &[u8]) {
    let typed = String::from_utf8_lossy(data);
    line(&typed);
    filter(&typed);
    colon(&typed);
    small(&typed);
    let (proxy, name) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len() / 2));
    names(proxy, name.strip_prefix(b"\n").unwrap_or(name));
}

/// HAProxy's own way through a line, written a second time: where a command begins, and its words.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut all = vec![vec![String::new()]];
    let mut chars = line.chars();
    while let Some(ch) = chars.next() {
        let command = all.last_mut().unwrap();
        match ch {
            ';' => all.push(vec![String::new()]),
            ' ' | '\t' => command.push(String::new()),
            '\\' => command.last_mut().unwrap().extend(chars.next()),
            ch => command.last_mut().unwrap().push(ch),
        }
    }
    for command in &mut all {
        command.retain(|word| !word.is_empty());
    }
    all
}

fn line(typed: &str) {
    let Ok(line) = TypedLine::new(typed) else {
        assert!(ReadLine::new(typed).is_err());
        return;
    };
    let text = line.as_str();
    assert!(!text.contains(['\n', '\r', '\0']) && !text.contains("<<"), "{text:?}");
    let judged = commands(text);
    assert_eq!(line.parts(), judged);
    assert!(judged.iter().all(|words| !words.is_empty() && words.len() <= 60));
    assert_eq!(TypedLine::new(text).as_ref(), Ok(&line));
    for version in [None, Some(Version::new(1, 8)), Some(Version::new(2, 6)), Some(Version::new(3, 3))] {
        let _ = (line.check(version), line.deadly(version).count());
    }
    let Ok(read) = ReadLine::new(typed) else { return };
    assert_eq!((read.as_str(), read.parts()), (text, line.parts()));
    for words in &judged {
        assert!(READS.iter().any(|start| begins_with(words, start)), "{text:?} holds {words:?}");
        assert!(!begins_with(words, &["show", "tls-keys", "*"]), "{text:?} prints secrets");
    }
    // A command that reads is no other when the line is lowered.
    let lowered = Line::new(text, true, None);
    assert_eq!(commands(&lowered.text).split_off(lowered.skipped), judged);
}

thread_local! {
    static WATCHED: (Instance, Arc<Sample>) = {
        let mut watch = Instance::new(1 << 20);
        let mut feed = Feed::new();
        feed.info(RECORDED[0].info);
        let mut sample = None;
        for millis in [10_000, 12_000] {
            sample = feed.stat(millis, RECORDED[0].stat.trim_ascii_end());
            watch.take(Arc::clone(sample.as_ref().unwrap()), 0);
        }
        (watch, sample.unwrap())
    };
}

/// Which rows of a recording a filter shows.
fn shown(filter: &Filter) -> Vec<bool> {
    WATCHED.with(|(watch, sample)| {
        let rows = 0..sample.table.rows().len();
        rows.map(|index| filter.shows(&RowView::new(watch, sample, index))).collect()
    })
}

fn filter(typed: &str) {
    let Ok(filter) = Filter::parse(typed) else { return };
    let rows = shown(&filter);
    assert_eq!(shown(&Filter::parse(&filter.to_string()).unwrap()), rows, "as it reads itself");
    assert!(!filter.is_empty() || rows.iter().all(|is_shown| *is_shown));
    let mut words = typed.split_whitespace();
    if let (Some(word), None) = (words.next(), words.next())
        && !word.starts_with("!!")
        && let Ok(other) = match word.strip_prefix('!') {
            Some(word) => Filter::parse(word),
            None => Filter::parse(&format!("!{word}")),
        }
    {
        let turned: Vec<bool> = rows.iter().map(|is_shown| !is_shown).collect();
        assert_eq!(shown(&other), turned, "{word:?} and its contrary");
    }
}

fn colon(typed: &str) {
    assert!(palette::complete(typed).starts_with(typed), "{typed:?}");
    let mut settings = Settings::new(column_sets::STATUS_VIEW);
    match palette::parse(typed) {
        Ok(PaletteCommand::Columns(changes)) => palette::change_columns(&mut settings, &changes),
        Ok(PaletteCommand::Sort(column)) => settings.sort_by(column),
        Ok(PaletteCommand::Filter(filter)) => settings.set_filter(filter),
        Ok(PaletteCommand::Nothing | PaletteCommand::Run(_)) => {}
        Err(bad) => assert!(!bad.to_string().is_empty()),
    }
    assert_eq!(settings.columns[0].id, "name");
    for width in [0, 1, 40, 200] {
        let fitting = column::fit(&settings.visible(), width, 1);
        assert!(!fitting.is_empty());
    }
}

/// Numbers, times, keys, addresses, thresholds, and a line being typed.
fn small(typed: &str) {
    if let Ok(weight) = Weight::parse(typed) {
        assert_eq!(Weight::parse(&weight.to_string()), Ok(weight));
        assert!(weight.of(Some(100)).is_some_and(|weight| (0..=256).contains(&weight)));
        let _ = (weight.of(Some(i64::MAX)), weight.of(Some(i64::MIN)));
    }
    assert!(write_command::limit(typed, 1).is_ok() <= write_command::limit(typed, 0).is_ok());
    let _ =
        (duration::parse(typed), Version::parse(typed), typed.parse::<Address>().map(|address| address.to_string()));
    let _ = Thresholds::default().set_by_text(typed);
    if let Some(keys) = Key::parse_all(typed) {
        assert!(keys.len() <= typed.chars().count());
        assert!(keys.iter().all(|key| !key.label(true).is_empty()));
    }
    let words = Words::new(typed);
    assert!(words.iter().any(|word| word.starts_with('!')) || words.are_in(typed), "{typed:?}");
    let prompt = Prompt::new(Purpose::Command, typed);
    for room in [1, 2, 9, 40] {
        let (_, cursor) = prompt.visible(room);
        assert!(cursor < room, "{typed:?}: the cursor at {cursor} of {room}");
    }
}

const ORDERS: [WriteCommand; 18] = [
    WriteCommand::State(Admin::Ready),
    WriteCommand::State(Admin::Drain),
    WriteCommand::State(Admin::Maint),
    WriteCommand::Weight(Weight::Absolute(7)),
    WriteCommand::Weight(Weight::Percent(50)),
    WriteCommand::Health(Health::Stopping),
    WriteCommand::Agent(true),
    WriteCommand::Checks(false),
    WriteCommand::AgentChecks(true),
    WriteCommand::ServerMaxconn(9),
    WriteCommand::Frontend(true),
    WriteCommand::Frontend(false),
    WriteCommand::FrontendMaxconn(100),
    WriteCommand::EndSessions,
    WriteCommand::EndSession,
    WriteCommand::ClearEntry,
    WriteCommand::ClearCounters { all: false },
    WriteCommand::ClearCounters { all: true },
];

/// A name becomes the very word of its command, or nothing is made of it.
fn names(proxy: &[u8], name: &[u8]) {
    let (proxy, name) = (SafeText::new(proxy), SafeText::new(name));
    assert!(proxy.as_str().chars().chain(name.as_str().chars()).all(is_visible));
    for order in ORDERS {
        let plain = order.command(&"PROXY".into(), &"NAME".into()).unwrap();
        let Ok(command) = order.command(&proxy, &name) else { continue };
        let wanted: Vec<String> = plain
            .split(' ')
            .map(|word| match word {
                "PROXY" => proxy.to_string(),
                "NAME" => name.to_string(),
                "PROXY/NAME" => format!("{proxy}/{name}"),
                word => word.to_owned(),
            })
            .collect();
        assert_eq!(commands(&command), [wanted], "{command:?}");
        assert!(!command.contains(['\n', '\r', ';', '\\']) && !command.contains("<<"));
    }
    let filter = SessionFilter {
        frontend: Some(proxy.clone()),
        backend: Some(proxy.clone()),
        server: Some(name.clone()),
        ..SessionFilter::default()
    };
    let data = DataFilter { counter: name.clone(), comparison: Comparison::Less, limit: -3 };
    let mut questions = vec![command::show_sessions(&filter, Some(Version::new(3, 2)))];
    if let Ok(word) = Word::new(&proxy) {
        questions.push(command::show_servers_state(&word));
        questions.push(command::show_table_entries(&word, Some(&data), None));
        if let Ok(key) = Word::value(&name) {
            questions.push(command::show_table_entry(&word, &key));
        }
    }
    for question in questions {
        let read = ReadLine::new(&question).unwrap();
        assert_eq!(read.parts().len(), 1, "{question:?}");
    }
}
