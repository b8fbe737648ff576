//! `docs/features.md` lists where hapulse shows each feature of HATop, LazyHAP and HAProxy's statistics page.
//! Everything it refers to exists in the place it names, and every row is complete.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::process::Command;

use hapulse::app::key::Key;
use hapulse::app::keymap::Keymap;
use hapulse::app::palette_parser::{self, COMMANDS_WITH_ARGUMENTS};
use hapulse::ask::read_only_line::ReadOnlyLine;
use hapulse::haproxy::fields::TextField;
use hapulse::table::columns::column::{Column, ColumnSource};
use hapulse::table::columns::column_sets;
use hapulse::table::columns::column_table;
use hapulse::table::view_table::{Content, ViewId};

const PAGE: &str = include_str!("../docs/features.md");
/// Prefix of a row whose feature is not implemented.
const NOT_YET: &str = "not yet: ";

/// A reference: `key:M` has kind `key` and name `M`. `after` is the text up to the next reference.
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
    code.filter_map(|(index, code)| {
        let (kind, name) = code.split_once(':')?;
        let after = pieces.get(index + 1).copied().unwrap_or_default();
        KINDS.contains(&kind).then_some(Reference { kind, name, after })
    })
    .collect()
}

/// Returns the cells of the rows of all tables, without headings.
fn rows() -> Vec<Vec<&'static str>> {
    let lines: Vec<&str> = PAGE.lines().collect();
    let is_rule = |index: usize| lines.get(index).is_some_and(|line| line.starts_with("|---"));
    let rows = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| line.starts_with('|') && !is_rule(*index) && !is_rule(*index + 1));
    rows.map(|(_, line)| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// Returns the columns that a view shows by default.
fn columns_of(view: ViewId) -> Vec<&'static Column> {
    match view.view().content {
        Content::Dashboard => [column_sets::FRONTENDS, column_sets::BACKENDS, column_sets::SERVERS].concat(),
        Content::Table(columns) => columns.to_vec(),
        _ => Vec::new(),
    }
}

fn help_flags() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_hapulse")).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split([' ', ',', '\n', '[', ']']).filter(|word| word.starts_with('-')).map(str::to_owned).collect()
}

/// Returns an error if the reference does not exist or names a wrong column heading.
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
        "do" => {
            matches!(palette_parser::parse(name), Ok(palette_parser::PaletteCommand::Run(action)) if action.id == name)
        }
        "cmd" => COMMANDS_WITH_ARGUMENTS.iter().any(|(known, ..)| *known == name),
        "flag" => flags.contains(name),
        _ => ReadOnlyLine::parse(name).is_ok(),
    };
    exists.then_some(()).ok_or_else(|| format!("{kind} {name} does not exist"))
}

#[test]
fn features_page_references_exist() {
    let (keymap, flags) = (Keymap::standard().unwrap(), help_flags());
    let all = references(PAGE);
    for kind in KINDS {
        assert!(all.iter().any(|reference| reference.kind == kind), "no reference of kind {kind}");
    }
    let errors: Vec<String> = all.into_iter().filter_map(|reference| check(reference, &keymap, &flags).err()).collect();
    assert_eq!(errors, [""; 0]);
}

#[test]
fn columns_are_in_view_named_before_them() {
    let mut errors = Vec::new();
    for row in rows() {
        let mut location = None;
        for Reference { kind, name, .. } in references(row[2]) {
            let is_in_view = |view: ViewId| columns_of(view).iter().any(|column| column.id == name);
            match (kind, location) {
                ("view" | "cmd" | "key", _) => location = Some((kind, name)),
                ("col", Some(("view", view)))
                    if view.parse().ok().and_then(ViewId::from_digit).is_some_and(is_in_view) => {}
                ("col", Some(("cmd", "cols"))) if !ViewId::ALL.into_iter().skip(1).any(is_in_view) => {}
                ("col", _) => errors.push(format!("{name}: {} in {location:?}", row[0])),
                _ => {}
            }
        }
    }
    assert_eq!(errors, [""; 0]);
}

#[test]
fn keys_run_command_of_same_row() {
    let keymap = Keymap::standard().unwrap();
    for row in rows() {
        let references = references(row[2]);
        for command in references.iter().filter(|reference| reference.kind == "do") {
            for key in references.iter().filter(|reference| reference.kind == "key") {
                let command_id = keymap.get(Key::parse(key.name).unwrap()).map(|command| command.id);
                assert_eq!(command_id, Some(command.name), "{}", key.name);
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
        let location = row[2];
        let has_text = location.chars().filter(|ch| ch.is_alphabetic()).count() >= 8;
        assert!(!references(location).is_empty() || has_text, "{row:?}");
        assert!(!location.contains("to come"), "{row:?}");
        assert!(!location.contains("not yet") || location.starts_with(NOT_YET), "{row:?}");
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
    // These fields are part of computed columns: the state, the check and its result.
    const PARTS_OF_COLUMNS: [TextField; 4] =
        [TextField::Status, TextField::CheckStatus, TextField::CheckDesc, TextField::LastChk];
    for (field, name) in TextField::ALL {
        let has_own_column =
            column_table::all().any(|column| matches!(column.source, ColumnSource::Text(known) if known == field));
        assert!(has_own_column || PARTS_OF_COLUMNS.contains(&field), "{name}");
    }
}
