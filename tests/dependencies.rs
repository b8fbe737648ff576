//! `docs/dependencies.md` lists exactly the crates of `Cargo.toml`, with the same features and with reasons.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use toml::{Table, Value};

const PAGE: &str = include_str!("../docs/dependencies.md");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// Features by crate, in the format of the page.
type Crates = BTreeMap<String, String>;

/// Formats the features of a `Cargo.toml` entry: "default, `derive`", "no default, `std`".
fn features(entry: &Value) -> String {
    let table = entry.as_table();
    let has_default =
        table.and_then(|table| table.get("default-features")).is_none_or(|value| value.as_bool().unwrap());
    let named = table.and_then(|table| table.get("features")).and_then(Value::as_array).into_iter().flatten();
    let named = named.map(|feature| format!(", `{}`", feature.as_str().unwrap()));
    let default = if has_default { "default" } else { "no default" };
    default.to_owned() + &named.collect::<String>()
}

fn manifest_crates(manifest: &str, section: &str) -> Crates {
    let manifest: Table = manifest.parse().unwrap();
    let section = manifest.get(section).and_then(Value::as_table).cloned().unwrap_or_default();
    section.iter().map(|(name, entry)| (name.clone(), features(entry))).collect()
}

/// Returns the rows of the table below a heading: crate, features, purpose, reason against own code.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = page.split("\n## ").find(|section| section.lines().next() == Some(heading)).unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn documented_crates(page: &str, heading: &str) -> Crates {
    let row = |row: Vec<&str>| {
        let [name, features, purpose, reason] = row[..] else { panic!("{row:?} must have four cells") };
        assert!(purpose.len() > 10 && reason.len() > 5, "{name} has no reason");
        (name.trim_matches('`').to_owned(), features.to_owned())
    };
    rows(page, heading).into_iter().map(row).collect()
}

#[test]
fn dependencies_page_matches_manifest() {
    for (section, heading) in [("dependencies", "In the program"), ("dev-dependencies", "Only in tests and benchmarks")]
    {
        assert_eq!(documented_crates(PAGE, heading), manifest_crates(MANIFEST, section), "{section}");
    }
}

#[test]
fn manifest_has_no_other_dependency_sections() {
    let manifest: Table = MANIFEST.parse().unwrap();
    for section in ["build-dependencies", "target", "patch", "workspace"] {
        assert!(manifest.get(section).is_none(), "[{section}] is not compared with docs/dependencies.md");
    }
}

#[test]
fn comparison_finds_missing_extra_and_changed_rows() {
    let manifest =
        "[dependencies]\none = '1'\ntwo = { version = '2', default-features = false, features = ['a', 'b'] }";
    let line = |name: &str, features: &str| format!("| `{name}` | {features} | something useful | it is hard |\n");
    let page = |lines: &[String]| {
        format!("# Page\n\n## Here\n\n| crate | f | w | w |\n|---|---|---|---|\n{}\n## Next\n", lines.concat())
    };
    let (one, two) = (line("one", "default"), line("two", "no default, `a`, `b`"));
    let expected = manifest_crates(manifest, "dependencies");
    assert_eq!(documented_crates(&page(&[one.clone(), two.clone()]), "Here"), expected);
    for lines in [
        vec![one.clone()],
        vec![one.clone(), two.clone(), line("three", "default")],
        vec![one, line("two", "no default, `a`")],
    ] {
        assert_ne!(documented_crates(&page(&lines), "Here"), expected, "{lines:?}");
    }
}
