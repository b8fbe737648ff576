//! `docs/dependencies.md` names every crate that `Cargo.toml` does, with the same features and with its reasons,
//! and no other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use toml::{Table, Value};

const PAGE: &str = include_str!("../docs/dependencies.md");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// Features by crate, as the page writes them.
type Crates = BTreeMap<String, String>;

/// What `Cargo.toml` says of one crate: "default, `derive`", "no default, `std`".
fn features(asked: &Value) -> String {
    let table = asked.as_table();
    let has_default =
        table.and_then(|table| table.get("default-features")).is_none_or(|value| value.as_bool().unwrap());
    let named = table.and_then(|table| table.get("features")).and_then(Value::as_array).into_iter().flatten();
    let named = named.map(|feature| format!(", `{}`", feature.as_str().unwrap()));
    let default = if has_default { "default" } else { "no default" };
    default.to_owned() + &named.collect::<String>()
}

fn asked_for(manifest: &str, section: &str) -> Crates {
    let manifest: Table = manifest.parse().unwrap();
    let section = manifest.get(section).and_then(Value::as_table).cloned().unwrap_or_default();
    section.iter().map(|(name, asked)| (name.clone(), features(asked))).collect()
}

/// The rows of the table under a heading: name, features, what for, why not our own.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = page.split("\n## ").find(|section| section.lines().next() == Some(heading)).unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn explained(page: &str, heading: &str) -> Crates {
    let row = |row: Vec<&str>| {
        let [name, features, what, why] = row[..] else { panic!("{row:?} has not four cells") };
        assert!(what.len() > 10 && why.len() > 5, "{name} has no reason");
        (name.trim_matches('`').to_owned(), features.to_owned())
    };
    rows(page, heading).into_iter().map(row).collect()
}

#[test]
fn dependencies_page_matches_manifest() {
    for (section, heading) in [("dependencies", "In the program"), ("dev-dependencies", "Only in tests and benchmarks")]
    {
        assert_eq!(explained(PAGE, heading), asked_for(MANIFEST, section), "{section}");
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
    let asked = asked_for(manifest, "dependencies");
    assert_eq!(explained(&page(&[one.clone(), two.clone()]), "Here"), asked);
    for lines in [
        vec![one.clone()],
        vec![one.clone(), two.clone(), line("three", "default")],
        vec![one, line("two", "no default, `a`")],
    ] {
        assert_ne!(explained(&page(&lines), "Here"), asked, "{lines:?}");
    }
}
