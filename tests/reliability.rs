//! `docs/reliability.md` and `docs/security.md` name a test for every fault. Each of them exists.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const RELIABILITY: &str = include_str!("../docs/reliability.md");
const SECURITY: &str = include_str!("../docs/security.md");

/// Returns the rows of a page that name tests.
fn rows(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| line.starts_with("| ") && line.contains("::"))
}

/// Returns the file and name of each test in the last column, where they have the form `file::test`.
fn named_tests(page: &str) -> Vec<(&str, &str)> {
    let cells = rows(page).filter_map(|row| row.trim_end_matches(" |").rsplit('|').next());
    let tests = cells.flat_map(|cell| cell.split(", "));
    tests.map(|test| test.trim().trim_matches('`').split_once("::").expect("file::test")).collect()
}

#[test]
fn tests_named_in_pages_exist() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for page in [RELIABILITY, SECURITY] {
        let tests = named_tests(page);
        assert!(tests.len() > 40, "{}", tests.len());
        for (file, test) in &tests {
            let text = fs::read_to_string(directory.join(format!("{file}.rs"))).unwrap_or_default();
            let line = text.lines().position(|line| line.trim() == format!("fn {test}() {{"));
            let line = line.unwrap_or_else(|| panic!("{file}::{test} does not exist"));
            let lines_before: Vec<&str> = text.lines().take(line).collect();
            assert_eq!(lines_before.last().map(|line| line.trim()), Some("#[test]"), "{file}::{test}");
        }
    }
    let tests = named_tests(RELIABILITY);
    let unique: BTreeSet<_> = tests.iter().collect();
    assert_eq!(unique.len(), tests.len(), "a test is named twice");
}

#[test]
fn rows_of_pages_are_complete() {
    for row in rows(RELIABILITY).chain(rows(SECURITY)) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()), "{row}");
    }
}
