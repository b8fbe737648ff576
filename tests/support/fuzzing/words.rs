//! Fuzz target for typed text: filters, commands, lines for HAProxy, numbers and key names. Also for names reported by
//! HAProxy, which become command arguments or are refused.

use std::sync::Arc;

use hapulse::app::key::Key;
use hapulse::app::palette_parser::{self, PaletteCommand};
use hapulse::app::prompt::{Prompt, PromptPurpose};
use hapulse::ask::known_crashes::starts_with_words;
use hapulse::ask::read_only_commands::READ_ONLY_COMMANDS;
use hapulse::ask::read_only_line::ReadOnlyLine;
use hapulse::ask::typed_line::TypedLine;
use hapulse::config::duration;
use hapulse::haproxy::address::Address;
use hapulse::haproxy::cli_request::CliRequest;
use hapulse::haproxy::command::{self, CommandWord};
use hapulse::haproxy::safe_text::{SafeText, is_visible};
use hapulse::haproxy::sessions::SessionFilter;
use hapulse::haproxy::stick_tables::{DataComparison, DataFilter};
use hapulse::haproxy::version::Version;
use hapulse::haproxy::write_command::{self, ForcedHealth, TargetState, TargetWeight, WriteCommand};
use hapulse::instance::source::StatsSocket;
use hapulse::instance::state::Instance;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::sample::Sample;
use hapulse::problems::thresholds::{ThresholdChange, Thresholds};
use hapulse::table::columns::column_sets;
use hapulse::table::columns::column_use::ColumnUse;
use hapulse::table::columns::row_view::RowView;
use hapulse::table::filter::RowFilter;
use hapulse::table::rows::TableSettings;
use hapulse::table::text_filter::TextFilter;

use super::feed::FakeSampler;
use super::recorded::RECORDED;

pub fn check(data: &[u8]) {
    let typed = String::from_utf8_lossy(data);
    check_typed_line(&typed);
    check_filter(&typed);
    check_palette(&typed);
    check_values(&typed);
    let (proxy, name) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len() / 2));
    check_names(proxy, name.strip_prefix(b"\n").unwrap_or(name));
}

/// Splits a line into commands and words as HAProxy does. An independent implementation, for comparison.
fn split_commands(line: &str) -> Vec<Vec<String>> {
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

fn check_typed_line(typed: &str) {
    let Ok(line) = TypedLine::parse(typed) else {
        assert!(ReadOnlyLine::parse(typed).is_err());
        return;
    };
    let text = line.as_str();
    assert!(!text.contains(['\n', '\r', '\0']) && !text.contains("<<"), "{text:?}");
    let expected = split_commands(text);
    assert_eq!(line.commands(), expected);
    assert!(expected.iter().all(|words| !words.is_empty() && words.len() <= 60));
    assert_eq!(TypedLine::parse(text).as_ref(), Ok(&line));
    for version in [None, Some(Version::new(1, 8)), Some(Version::new(2, 6)), Some(Version::new(3, 3))] {
        let _ = (line.check_version(version), line.known_crashes(version).count());
    }
    let Ok(read) = ReadOnlyLine::parse(typed) else { return };
    assert_eq!((read.as_str(), read.commands()), (text, line.commands()));
    for words in &expected {
        assert!(
            READ_ONLY_COMMANDS.iter().any(|allowed| starts_with_words(words, allowed.words)),
            "{text:?} holds {words:?}"
        );
        assert!(!starts_with_words(words, &["show", "tls-keys", "*"]), "{text:?} prints secrets");
    }
    // A read-only command stays the same when the access level is lowered before it.
    let lowered = CliRequest::new(text, true, None);
    assert_eq!(split_commands(&lowered.line).split_off(lowered.leading_replies), expected);
}

thread_local! {
    static RECORDED_INSTANCE: (Instance, Arc<Sample>) = {
        let mut instance = Instance::new(InstanceId::FIRST, StatsSocket::default(), 1 << 20);
        let mut feed = FakeSampler::new();
        feed.set_info(RECORDED[0].info);
        let mut sample = None;
        for millis in [10_000, 12_000] {
            sample = feed.next_sample(millis, RECORDED[0].stat.trim_ascii_end());
            instance.add_sample(Arc::clone(sample.as_ref().unwrap()), 0);
        }
        (instance, sample.unwrap())
    };
}

/// Returns for each row of a recording whether a filter matches the row.
fn matching_rows(filter: &RowFilter) -> Vec<bool> {
    RECORDED_INSTANCE.with(|(instance, sample)| {
        let rows = 0..sample.table.rows().len();
        rows.map(|index| filter.matches(&RowView::new(instance, sample, index))).collect()
    })
}

fn check_filter(typed: &str) {
    let Ok(filter) = RowFilter::parse(typed) else { return };
    let rows = matching_rows(&filter);
    assert_eq!(matching_rows(&RowFilter::parse(&filter.to_string()).unwrap()), rows, "as it reads itself");
    assert!(!filter.is_empty() || rows.iter().all(|is_shown| *is_shown));
    let mut words = typed.split_whitespace();
    if let (Some(word), None) = (words.next(), words.next())
        && !word.starts_with("!!")
        && let Ok(other) = match word.strip_prefix('!') {
            Some(word) => RowFilter::parse(word),
            None => RowFilter::parse(&format!("!{word}")),
        }
    {
        let inverted: Vec<bool> = rows.iter().map(|is_shown| !is_shown).collect();
        assert_eq!(matching_rows(&other), inverted, "{word:?} and its contrary");
    }
}

fn check_palette(typed: &str) {
    let mut settings = TableSettings::new(column_sets::STATUS_VIEW);
    match palette_parser::parse(typed) {
        Ok(PaletteCommand::Columns(changes)) => {
            palette_parser::change_columns(&mut settings, &changes);
        }
        Ok(PaletteCommand::Sort(column)) => settings.sort_by(column),
        Ok(PaletteCommand::Filter(filter)) => settings.set_filter(filter),
        Ok(
            PaletteCommand::Nothing
            | PaletteCommand::Run(_)
            | PaletteCommand::RunOnRows(_, _)
            | PaletteCommand::Go(_)
            | PaletteCommand::Jump(_)
            | PaletteCommand::Only(_)
            | PaletteCommand::Snapshot(_),
        ) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    assert_eq!(settings.columns[0].id, "name");
    for width in [0, 1, 40, 200] {
        let fitting = ColumnUse::default().fit(&settings.visible_columns(), width, 20, true);
        assert!(!fitting.is_empty());
    }
}

/// Checks the parsers of numbers, times, keys, addresses and thresholds, and the text input.
fn check_values(typed: &str) {
    if let Ok(weight) = TargetWeight::parse(typed) {
        assert_eq!(TargetWeight::parse(&weight.to_string()), Ok(weight));
        assert!(weight.resolve(Some(100)).is_some_and(|weight| (0..=256).contains(&weight)));
        let _ = (weight.resolve(Some(i64::MAX)), weight.resolve(Some(i64::MIN)));
    }
    assert!(write_command::parse_limit(typed, 1).is_ok() <= write_command::parse_limit(typed, 0).is_ok());
    let _ =
        (duration::parse(typed), Version::parse(typed), typed.parse::<Address>().map(|address| address.to_string()));
    let _ = typed.parse::<ThresholdChange>().map(|change| Thresholds::with_changes([change]));
    if let Some(keys) = Key::parse_sequence(typed) {
        assert!(keys.len() <= typed.chars().count());
        assert!(keys.iter().all(|key| !key.label(true).is_empty()));
    }
    let words = TextFilter::new(typed);
    assert!(words.iter().any(|word| word.starts_with('!')) || words.matches(typed), "{typed:?}");
    let prompt = Prompt::new(PromptPurpose::Command, typed);
    for width in [1, 2, 9, 40] {
        let (_, cursor) = prompt.visible_part(width);
        assert!(cursor < width, "{typed:?}: the cursor at {cursor} of {width}");
    }
}

const WRITE_COMMANDS: [WriteCommand; 18] = [
    WriteCommand::State(TargetState::Ready),
    WriteCommand::State(TargetState::Drain),
    WriteCommand::State(TargetState::Maint),
    WriteCommand::Weight(TargetWeight::Absolute(7)),
    WriteCommand::Weight(TargetWeight::Percent(50)),
    WriteCommand::Health(ForcedHealth::Stopping),
    WriteCommand::Agent(true),
    WriteCommand::Checks(false),
    WriteCommand::AgentChecks(true),
    WriteCommand::ServerMaxconn(9),
    WriteCommand::Frontend(true),
    WriteCommand::Frontend(false),
    WriteCommand::FrontendMaxconn(100),
    WriteCommand::ShutdownSessions,
    WriteCommand::ShutdownSession,
    WriteCommand::ClearTableEntry,
    WriteCommand::ClearCounters { all: false },
    WriteCommand::ClearCounters { all: true },
];

/// Checks that a name becomes exactly one argument of its command, or is refused.
fn check_names(proxy: &[u8], name: &[u8]) {
    let (proxy, name) = (SafeText::new(proxy), SafeText::new(name));
    assert!(proxy.as_str().chars().chain(name.as_str().chars()).all(is_visible));
    for write_command in WRITE_COMMANDS {
        let plain = write_command.to_command(&"PROXY".into(), &"NAME".into()).unwrap();
        let Ok(command) = write_command.to_command(&proxy, &name) else { continue };
        let expected_words: Vec<String> = plain
            .split(' ')
            .map(|word| match word {
                "PROXY" => proxy.to_string(),
                "NAME" => name.to_string(),
                "PROXY/NAME" => format!("{proxy}/{name}"),
                word => word.to_owned(),
            })
            .collect();
        assert_eq!(split_commands(&command), [expected_words], "{command:?}");
        assert!(!command.contains(['\n', '\r', ';', '\\']) && !command.contains("<<"));
    }
    let filter = SessionFilter {
        frontend: Some(proxy.clone()),
        backend: Some(proxy.clone()),
        server: Some(name.clone()),
        ..SessionFilter::default()
    };
    let data = DataFilter { counter: name.clone(), comparison: DataComparison::Less, limit: -3 };
    let mut commands = vec![command::show_sessions(&filter, Some(Version::new(3, 2)))];
    if let Ok(word) = CommandWord::new(&proxy) {
        commands.push(command::show_servers_state(&word));
        commands.push(command::show_table_entries(&word, Some(&data), None));
        if let Ok(key) = CommandWord::from_value(&name) {
            commands.push(command::show_table_entry(&word, &key));
        }
    }
    for command in commands {
        let read = ReadOnlyLine::parse(&command).unwrap();
        assert_eq!(read.commands().len(), 1, "{command:?}");
    }
}
