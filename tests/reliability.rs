//! `docs/reliability.md` names a test for every fault. Each of them exists.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../docs/reliability.md");

/// Returns the file and name of each test in the tables, which have the form `file::test`.
fn named_tests() -> Vec<(&'static str, &'static str)> {
    let rows = PAGE.lines().filter(|line| line.starts_with('|') && line.contains("::"));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit('|').next());
    cells.map(|cell| cell.trim().trim_matches('`').split_once("::").expect("file::test")).collect()
}

#[test]
fn tests_named_in_reliability_page_exist() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let tests = named_tests();
    assert!(tests.len() > 50, "{}", tests.len());
    for (file, test) in &tests {
        let text = fs::read_to_string(directory.join(format!("{file}.rs"))).unwrap_or_default();
        let line = text.lines().position(|line| line.trim() == format!("fn {test}() {{"));
        let line = line.unwrap_or_else(|| panic!("{file}::{test} does not exist"));
        let lines_before: Vec<&str> = text.lines().take(line).collect();
        assert_eq!(lines_before.last().map(|line| line.trim()), Some("#[test]"), "{file}::{test}");
    }
    let unique: BTreeSet<_> = tests.iter().collect();
    assert_eq!(unique.len(), tests.len(), "a test is named twice");
}

#[test]
fn reliability_page_rows_are_complete() {
    for row in PAGE.lines().filter(|line| line.starts_with("| ") && line.contains("::")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
    }
}
