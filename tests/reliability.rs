//! `docs/reliability.md` names a test for every fault. Each is there, and is a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../docs/reliability.md");

/// The tests that the tables name, as `file::test`.
fn named() -> Vec<(&'static str, &'static str)> {
    let rows = PAGE.lines().filter(|line| line.starts_with('|') && line.contains("::"));
    let last = rows.filter_map(|row| row.trim_end_matches(" |").rsplit('|').next());
    last.map(|cell| cell.trim().trim_matches('`').split_once("::").expect("file::test")).collect()
}

#[test]
fn tests_named_in_reliability_page_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let all = named();
    assert!(all.len() > 50, "{}", all.len());
    for (file, test) in &all {
        let text = fs::read_to_string(folder.join(format!("{file}.rs"))).unwrap_or_default();
        let line = text.lines().position(|line| line.trim() == format!("fn {test}() {{"));
        let line = line.unwrap_or_else(|| panic!("there is no {file}::{test}"));
        let before: Vec<&str> = text.lines().take(line).collect();
        assert_eq!(before.last().map(|line| line.trim()), Some("#[test]"), "{file}::{test}");
    }
    let once: BTreeSet<_> = all.iter().collect();
    assert_eq!(once.len(), all.len(), "a test stands twice");
}

#[test]
fn reliability_page_rows_are_complete() {
    for row in PAGE.lines().filter(|line| line.starts_with("| ") && line.contains("::")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
    }
}
