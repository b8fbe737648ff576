//! The JSON schemas in docs/schemas describe every JSON output of the binary, and nothing else.
//!
//! `HAPULSE_SCHEMAS=docs/schemas cargo test --test json_schemas` writes the columns of `COLUMNS` into the schema.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/schema.rs"]
mod schema;
#[path = "support/script.rs"]
mod script;
mod support;

use std::fs;
use std::path::Path;

use hapulse::haproxy::fields::TextField;
use hapulse::table::columns::column::{Column, ColumnSource};
use hapulse::table::columns::column_table;
use schema::Schema;
use script::Script;
use serde_json::{Map, Value, json};
use support::{Lab, ServerBehavior, Traffic};

const PAGE: &str = include_str!("../docs/json.md");

/// Reads a schema; at run time, because a test may write it.
fn read_schema(name: &str) -> Schema {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    Schema::parse(&fs::read_to_string(folder.join(format!("{name}.schema.json"))).unwrap())
}

/// Asserts that every line of an output is valid, and returns the lines.
fn assert_valid(schema: &Schema, out: &str, what: &str) -> Vec<Value> {
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty(), "{what} printed nothing");
    for line in &lines {
        assert_eq!(schema.errors(line), [""; 0], "{what}: {line}");
    }
    lines
}

/// Returns the schema of a column, or `None` if it is never printed.
fn column_schema(column: &Column) -> Option<Value> {
    let types = match column.source {
        _ if ["name", "side", "kind", "proxy"].contains(&column.id) => return None,
        ColumnSource::Compared { .. } | ColumnSource::Merged { .. } => return None,
        ColumnSource::Number(_) => ["integer", "null"],
        ColumnSource::PerSecond(_) | ColumnSource::IntervalTime(_) => ["number", "null"],
        ColumnSource::Text(_) => ["string", "null"],
        ColumnSource::Computed { .. } if TextField::by_name(column.id.as_bytes()).is_some() => ["string", "null"],
        ColumnSource::Computed { .. } => {
            let name = format!("`{}`", column.id);
            let is_number = PAGE.lines().any(|line| {
                line.split_once(" | number |")
                    .is_some_and(|(names, _)| names[2..].split(", ").any(|known| known == name))
            });
            [if is_number { "number" } else { "string" }, "null"]
        }
    };
    Some(json!({ "description": column.title, "type": types }))
}

#[test]
fn report_schema_lists_every_column() {
    let mut expected: Map<String, Value> =
        column_table::all().filter_map(|column| Some((column.id.to_owned(), column_schema(column)?))).collect();
    let mut schema = read_schema("report").value().clone();
    let properties = schema["$defs"]["row"]["properties"].as_object_mut().unwrap();
    for name in ["pxname", "svname", "kind"] {
        expected.insert(name.to_owned(), properties[name].clone());
    }
    if let Some(folder) = std::env::var_os("HAPULSE_SCHEMAS") {
        *properties = expected;
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        fs::write(Path::new(&folder).join("report.schema.json"), text).unwrap();
        return;
    }
    let changed: Vec<&String> = expected
        .iter()
        .chain(properties.iter())
        .filter(|(name, _)| properties.get(*name) != expected.get(*name))
        .map(|(name, _)| name)
        .collect();
    assert!(changed.is_empty(), "write docs/schemas again (see the top of this test): {changed:?}");
}

#[test]
fn show_and_watch_print_valid_json_for_every_view() {
    let schema = read_schema("report");
    let lab = Lab::builder().servers(2).server_behavior("be1/s1", ServerBehavior::Closed).checks().start();
    let traffic = Traffic::to(lab.frontend_addr()).workers(1).start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let script = Script::new();
    let lines = assert_valid(&schema, &script.run(lab.admin(), "show --format json --over 0").out, "problems");
    for key in ["causes", "not_evaluated", "problems"] {
        assert!(lines[0][key].as_array().is_some_and(|list| !list.is_empty()), "no {key}: {}", lines[0]);
    }
    let maint = script.run(lab.admin(), "maint be1/s1 -y");
    assert_eq!(maint.code, 0, "{maint:?}");
    let mut seen = Map::new();
    for view in [
        "dashboard",
        "status",
        "traffic",
        "http",
        "errors",
        "latency",
        "out-of-service",
        "heat-map",
        "problems",
        "info",
    ] {
        for args in [format!("show --format json {view}"), format!("watch --count 2 -i 0.3 --view {view}")] {
            let ran = script.run(lab.admin(), &args);
            assert_eq!(ran.code, 0, "{args}: {ran:?}");
            for line in assert_valid(&schema, &ran.out, &args) {
                seen.extend(line.as_object().unwrap().clone());
            }
        }
    }
    let all = column_table::all().filter(|column| column_schema(column).is_some()).map(|column| column.id);
    let args = format!("show --format json --columns {}", all.collect::<Vec<_>>().join(","));
    let lines = assert_valid(&schema, &script.run(lab.admin(), &args).out, "all columns");
    drop(traffic);
    assert!(lines[0]["rows"][0].as_object().unwrap().len() > 150, "every column is printed");
    // Balancers are compared with each other, so that only show prints them.
    let args = "show --format json --over 0 balancers";
    let lines = assert_valid(&schema, &script.run(lab.admin(), args).out, args);
    seen.extend(lines[0].as_object().unwrap().clone());
    let balancer = schema.value()["$defs"]["balancer"]["properties"].as_object().unwrap();
    let printed = lines[0]["balancer"].as_object().unwrap();
    assert_eq!(printed.keys().collect::<Vec<_>>(), balancer.keys().collect::<Vec<_>>());
    let missing = lab.admin().with_file_name("none.sock");
    for args in ["show --format json", "show --format json balancers", "watch --count 1"] {
        let lines = assert_valid(&schema, &script.run(&missing, args).out, args);
        seen.extend(lines[0].as_object().unwrap().clone());
    }
    let properties = schema.value()["properties"].as_object().unwrap();
    assert_eq!(seen.keys().collect::<Vec<_>>(), properties.keys().collect::<Vec<_>>(), "no other key is described");
}

#[test]
fn audit_prints_valid_json() {
    let lab = Lab::builder().servers(2).start();
    let script = Script::new();
    for args in ["maint be1/s1 -y", "ready be1/s1 -y", "drain be1/s2 -y"] {
        let ran = script.run(lab.admin(), args);
        assert_eq!(ran.code, 0, "{args}: {ran:?}");
    }
    let mut command = script.command_without_target("audit --json");
    let out = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let lines = assert_valid(&read_schema("audit-record"), &out, "audit");
    assert_eq!(lines.len(), 6);
}

#[test]
fn schemas_reject_other_values() {
    let report = read_schema("report");
    let is_valid = |value: &Value| report.errors(value).is_empty();
    let lost =
        json!({ "shape": 1, "instance": "a", "at": "2026-11-20T18:54:22.121Z", "lost": { "why": "x", "hint": null } });
    assert!(is_valid(&lost));
    let changed = |key: &str, value: Value| {
        let mut line = lost.clone();
        line[key] = value;
        line
    };
    for wrong in [
        changed("shape", json!(2)),
        changed("at", json!("yesterday")),
        changed("lost", json!({ "why": "x" })),
        changed("rows", json!([])),
        changed("other", json!(1)),
        json!({ "shape": 1, "instance": "a", "at": null }),
        json!({ "shape": 1, "instance": "a", "at": null, "over": null, "rows": [] }),
        json!({ "shape": 1, "instance": "a", "at": null, "over": null, "dropped_rows": 0, "rows": [{ "pxname": "a" }] }),
        json!({ "shape": 1, "instance": "a", "at": null, "over": "1" }),
        json!([]),
    ] {
        assert!(!is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn documented_lines_are_valid() {
    let block = PAGE.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    assert_valid(&read_schema("report"), block, "docs/json.md");
}
