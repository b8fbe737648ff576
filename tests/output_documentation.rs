//! `docs/json.md` matches the printed JSON: the keys of each object, the computed columns and their types. The command
//! lines of `docs/recipes.md` are valid.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use hapulse::haproxy::fields::TextField;
use hapulse::table::columns::column::ColumnSource;
use hapulse::table::columns::column_table;
use script::Script;
use serde_json::Value;
use support::{Lab, ServerBehavior, Traffic};

const PAGE: &str = include_str!("../docs/json.md");
const RECIPES: &str = include_str!("../docs/recipes.md");

/// Returns the names in the first cells of the table below a heading, each with the rest of its row.
fn documented(heading: &str) -> Vec<(String, String)> {
    let section = PAGE.split(&format!("## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.flat_map(|row| {
        let (names, rest) = row.split_once(" |").unwrap();
        let names = names.split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<Vec<_>>();
        names.into_iter().map(|name| (name, rest.trim().to_owned()))
    })
    .collect()
}

fn keys_of(heading: &str) -> BTreeSet<String> {
    documented(heading).into_iter().map(|(name, _)| name).collect()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn json_keys_match_documentation() {
    let lab = Lab::builder().servers(2).server_behavior("be1/s1", ServerBehavior::Closed).checks().start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let script = Script::new();
    let shown = |args: &str| -> Value { serde_json::from_str(&script.run(lab.admin(), args).out).unwrap() };
    let whole = shown("show --format json --over 0");
    let missing = lab.admin().with_file_name("none.sock");
    let lost: Value = serde_json::from_str(&script.run(&missing, "watch --count 1").out).unwrap();
    let balancer = shown("show balancers --format json --over 0");
    assert_eq!(&(&keys(&whole) | &keys(&lost)) | &keys(&balancer), keys_of("The object"));
    assert_eq!(keys(&balancer["balancer"]), keys_of("A balancer"));
    assert_eq!(keys(&lost).len(), 4);
    assert_eq!(keys(&lost["lost"]), keys_of("A loss"));
    assert_eq!(keys(&whole["problems"][0]), keys_of("A problem"));
    assert_eq!(keys(&whole["causes"][0]), keys_of("A cause"));
    assert_eq!(keys(&whole["not_evaluated"][0]), keys_of("A rule that was not evaluated"));
    let rows = shown("show status --format json --columns name,side,proxy,kind");
    let row_keys: BTreeSet<String> = ["pxname", "svname", "kind"].map(str::to_owned).into();
    assert_eq!(keys(&rows["rows"][0]), row_keys);
    assert!(row_keys.is_subset(&keys_of("A row")));
}

#[test]
fn computed_columns_are_documented_with_type() {
    let lab = Lab::builder().servers(2).http_checks().start();
    let traffic = Traffic::to(lab.frontend_addr()).workers(2).start();
    lab.wait_stat("be1", "BACKEND", "req_tot", |count| count.len() > 2);
    let row_keys = ["pxname", "svname", "kind"];
    let documented: Vec<(String, String)> =
        documented("A row").into_iter().filter(|(name, _)| !row_keys.contains(&name.as_str())).collect();
    let is_computed = |id: &str, source: &ColumnSource| match source {
        ColumnSource::IntervalTime(_) => true,
        ColumnSource::Computed { .. } => TextField::by_name(id.as_bytes()).is_none(),
        ColumnSource::Number(field) => field.info().name != id,
        ColumnSource::PerSecond(_)
        | ColumnSource::Text(_)
        | ColumnSource::Compared { .. }
        | ColumnSource::Merged { .. } => false,
    };
    let display_columns = ["name", "side", "proxy", "kind"];
    let computed = column_table::all().filter(|column| is_computed(column.id, &column.source));
    let computed: BTreeSet<&str> =
        computed.map(|column| column.id).filter(|id| !display_columns.contains(id)).collect();
    assert_eq!(documented.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>(), computed);
    let all = computed.iter().copied().collect::<Vec<_>>().join(",");
    let ran = Script::new().run(lab.admin(), &format!("show status --format json --columns {all}"));
    drop(traffic);
    let value: Value = serde_json::from_str(&ran.out).unwrap();
    let mut non_null = BTreeSet::new();
    for row in value["rows"].as_array().unwrap() {
        for (name, kind) in &documented {
            let kind = kind.trim_start_matches("| ").split(' ').next().unwrap();
            let has_type = match &row[name] {
                Value::Null => continue,
                Value::Number(_) => kind == "number",
                Value::String(_) => kind == "text",
                _ => false,
            };
            assert!(has_type, "{name} is {} and documented as {kind}", row[name]);
            non_null.insert(name.as_str());
        }
    }
    for name in ["sess", "usable", "load", "queue", "req", "err", "check", "check_text"] {
        assert!(non_null.contains(name), "{name} was null in every row");
    }
}

#[test]
fn documented_examples_are_valid_json() {
    let block = PAGE.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(block.lines().count(), 2);
    for line in block.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(keys(&value).is_subset(&keys_of("The object")), "{line}");
    }
}

/// Splits a command line into words as a shell does, up to the first shell operator.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for ch in line.chars() {
        match (quote, ch) {
            (None, '|' | ')' | '#' | '"') => break,
            (None, '\'') => quote = Some(ch),
            (Some(_), '\'') => quote = None,
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(ch),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

#[test]
fn recipe_commands_are_valid() {
    let home = tempfile::tempdir().unwrap();
    let mut subcommands = BTreeSet::new();
    for (start, _) in RECIPES.match_indices("hapulse ") {
        let line = RECIPES[start + "hapulse ".len()..].lines().next().unwrap();
        let line =
            line.replace("/run/haproxy/admin.sock", "/nowhere/none.sock").replace("/tmp/lb01.sock", "/nowhere/2");
        let line = line
            .replace("'$1'", "Pid")
            .replace("$1/$2.$3", "a/b.scur")
            .replace("$ARG1$", "1s")
            .replace("$ARG2$", "/nowhere/3");
        let mut words = words(&line);
        if !words.first().is_some_and(|word| ["show", "get", "check", "watch"].contains(&word.as_str())) {
            continue;
        }
        if !words.iter().any(|word| word.contains("/nowhere")) {
            words.extend(["--target".to_owned(), "/nowhere/none.sock".to_owned()]);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_hapulse"));
        let ran = command.args(&words).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        let ran = if words[0] == "watch" { ran.args(["--count", "1"]) } else { ran }.output().unwrap();
        let output = [ran.stdout, ran.stderr].concat();
        assert!(
            String::from_utf8_lossy(&output).contains("cannot connect"),
            "{words:?}: {}",
            String::from_utf8_lossy(&output)
        );
        assert_eq!(ran.status.code(), Some(3), "{words:?}");
        subcommands.insert(words[0].clone());
    }
    assert_eq!(subcommands.len(), 4, "{subcommands:?}");
}
