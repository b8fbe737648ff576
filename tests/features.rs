//! `docs/features.md` says where everything of HATop, LazyHAP and HAProxy's statistics page is found. What it
//! names exists, stands where it says, and nothing is left open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::process::Command;

use hapulse::app::key::Key;
use hapulse::app::keymap::Keymap;
use hapulse::app::palette::{self, COMMANDS_WITH_ARGUMENTS};
use hapulse::ask::read_only_command::ReadOnlyLine;
use hapulse::haproxy::fields::TextField;
use hapulse::table::columns::column::{Column, ColumnSource};
use hapulse::table::columns::column_sets;
use hapulse::table::columns::column_table;
use hapulse::table::view_table::{Content, ViewId};

const PAGE: &str = include_str!("../docs/features.md");
/// How a row begins that has no place yet.
const NOT_YET: &str = "not yet: ";

/// One reference: `key:M` is of kind `key` and names `M`. `after` is the text behind it.
#[derive(Debug, Clone, Copy)]
struct Reference<'a> {
    kind: &'a str,
    name: &'a str,
    after: &'a str,
}

const KINDS: [&str; 7] = ["view", "col", "key", "do", "cmd", "flag", "cli"];

fn references(text: &str) -> Vec<Reference<'_>> {
    let pieces: Vec<&str> = text.split('`').collect();
    let code = pieces.iter().enumerate().skip(1).step_by(2);
    code.filter_map(|(place, code)| {
        let (kind, name) = code.split_once(':')?;
        let after = pieces.get(place + 1).copied().unwrap_or_default();
        KINDS.contains(&kind).then_some(Reference { kind, name, after })
    })
    .collect()
}

/// The cells of every row of every table, without the headings.
fn rows() -> Vec<Vec<&'static str>> {
    let lines: Vec<&str> = PAGE.lines().collect();
    let is_rule = |place: usize| lines.get(place).is_some_and(|line| line.starts_with("|---"));
    let rows = lines
        .iter()
        .enumerate()
        .filter(|(place, line)| line.starts_with('|') && !is_rule(*place) && !is_rule(*place + 1));
    rows.map(|(_, line)| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The columns that a view shows by itself.
fn columns_of(view: ViewId) -> Vec<&'static Column> {
    match view.view().content {
        Content::Dashboard => [column_sets::FRONTENDS, column_sets::BACKENDS, column_sets::SERVERS].concat(),
        Content::Table(columns) => columns.to_vec(),
        _ => Vec::new(),
    }
}

fn help() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_hapulse")).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split([' ', ',', '\n', '[', ']']).filter(|word| word.starts_with('-')).map(str::to_owned).collect()
}

/// What is wrong with a reference.
fn check(reference: Reference<'_>, keymap: &Keymap, flags: &BTreeSet<String>) -> Result<(), String> {
    let Reference { kind, name, after } = reference;
    let exists = match kind {
        "view" => name.parse().is_ok_and(|digit| ViewId::from_digit(digit).is_some()),
        "col" => match (column_table::by_id(name), after.strip_prefix(" (").and_then(|rest| rest.split_once(')'))) {
            (Some(column), Some((title, _))) if column.title != title => {
                return Err(format!("the heading of {name} is {}, not {title}", column.title));
            }
            (column, _) => column.is_some(),
        },
        "key" => Key::parse(name).and_then(|key| keymap.get(key)).is_some(),
        "do" => matches!(palette::parse(name), Ok(palette::PaletteCommand::Run(action)) if action.id == name),
        "cmd" => COMMANDS_WITH_ARGUMENTS.iter().any(|(known, ..)| *known == name),
        "flag" => flags.contains(name),
        _ => ReadOnlyLine::parse(name).is_ok(),
    };
    exists.then_some(()).ok_or_else(|| format!("there is no {kind} {name}"))
}

#[test]
fn features_page_references_exist() {
    let (keymap, flags) = (Keymap::standard().unwrap(), help());
    let all = references(PAGE);
    for kind in KINDS {
        assert!(all.iter().any(|reference| reference.kind == kind), "{kind} is named nowhere");
    }
    let wrong: Vec<String> = all.into_iter().filter_map(|one| check(one, &keymap, &flags).err()).collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn columns_are_in_view_named_before_them() {
    let mut wrong = Vec::new();
    for row in rows() {
        let mut place = None;
        for Reference { kind, name, .. } in references(row[2]) {
            let stands_in = |view: ViewId| columns_of(view).iter().any(|column| column.id == name);
            match (kind, place) {
                ("view" | "cmd" | "key", _) => place = Some((kind, name)),
                ("col", Some(("view", view))) if view.parse().ok().and_then(ViewId::from_digit).is_some_and(stands_in) => {}
                ("col", Some(("cmd", "cols"))) if !ViewId::ALL.into_iter().skip(1).any(stands_in) => {}
                ("col", _) => wrong.push(format!("{name}: {} in {place:?}", row[0])),
                _ => {}
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn keys_run_command_of_same_row() {
    let keymap = Keymap::standard().unwrap();
    for row in rows() {
        let references = references(row[2]);
        for action in references.iter().filter(|reference| reference.kind == "do") {
            for key in references.iter().filter(|reference| reference.kind == "key") {
                let done = keymap.get(Key::parse(key.name).unwrap()).map(|action| action.id);
                assert_eq!(done, Some(action.name), "{}", key.name);
            }
        }
    }
}

#[test]
fn features_page_rows_are_complete() {
    let rows = rows();
    assert!(rows.len() > 150, "{}", rows.len());
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        let place = row[2];
        let says_something = place.chars().filter(|ch| ch.is_alphabetic()).count() >= 8;
        assert!(!references(place).is_empty() || says_something, "{row:?}");
        assert!(!place.contains("to come"), "{row:?}");
        assert!(!place.contains("not yet") || place.starts_with(NOT_YET), "{row:?}");
    }
}

#[test]
fn every_show_stat_number_has_column() {
    let stat = include_str!("fixtures/3.2.0/show-stat.csv");
    let header = stat.lines().next().unwrap().trim_start_matches("# ");
    let names = header.split(',').filter(|name| !["pxname", "svname", "-", ""].contains(name));
    let numbers: Vec<&str> = names.filter(|name| TextField::by_name(name.as_bytes()).is_none()).collect();
    assert!(numbers.len() > 115, "{}", numbers.len());
    for name in numbers {
        let column = column_table::by_id(name).unwrap_or_else(|| panic!("{name} has no column"));
        assert!(matches!(column.source, ColumnSource::Number(field) if field.info().name == name), "{name}");
    }
}

#[test]
fn every_show_stat_text_has_column() {
    // These are part of a column made of several fields: the state, the check, and what it found.
    const MADE: [TextField; 4] = [TextField::Status, TextField::CheckStatus, TextField::CheckDesc, TextField::LastChk];
    for (field, name) in TextField::ALL {
        let has_own = column_table::all().any(|column| matches!(column.source, ColumnSource::Text(known) if known == field));
        assert!(has_own || MADE.contains(&field), "{name}");
    }
}
