//! `hapulse show`, `get` and `check` with recorded replies of each HAProxy version: every row is printed, every number
//! is the recorded one, and values that a version lacks are empty.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/printed.rs"]
mod printed;
#[path = "support/samples.rs"]
mod samples;
#[path = "support/script.rs"]
mod script;
mod support;

use printed::{parse_csv, parse_json, parse_show_info, parse_show_stat};
use samples::{VERSIONS, recorded_bytes, recorded_text};
use script::Script;
use serde_json::Value;
use support::{CannedReplies, FakeSocket};

/// Averages that HAProxy reports as 0 for a row without sessions.
const AVERAGES: [&str; 4] = ["qtime", "ctime", "rtime", "ttime"];

fn fake(version: &str) -> FakeSocket {
    let replies = CannedReplies::new().on("show info", recorded_bytes(version, "show-info.txt"));
    FakeSocket::with_replies(replies.on("show stat", recorded_bytes(version, "show-stat.csv")))
}

#[test]
fn show_prints_every_row_and_number_of_each_version() {
    let script = Script::new();
    for version in VERSIONS {
        let fake = fake(version);
        let expected = parse_show_stat(&recorded_text(version, "show-stat.csv"));
        let run = |format| script.run(fake.path(), &format!("show errors --columns all --format {format}"));
        for rows in [parse_csv(&run("csv").out), parse_json(&run("json").out)] {
            assert_eq!(rows.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{version}");
            for (name, row) in &rows {
                for column in expected[name].keys().filter(|column| !["", "-", "(null)"].contains(&column.as_str())) {
                    assert!(row.contains_key(column), "{version} {name} lacks {column}");
                }
                // Before 2.2, averages of fewer than 512 requests are far too low.
                let has_averages = expected[name]["stot"] != "0" && !["1.8.0", "2.0.0"].contains(&version);
                for (column, cell) in
                    row.iter().filter(|(column, _)| has_averages || !AVERAGES.contains(&column.as_str()))
                {
                    // Columns that this version lacks are empty.
                    let recorded = expected[name].get(column).map_or("", String::as_str);
                    // -1: no session yet.
                    let recorded = if column == "lastsess" && recorded == "-1" { "" } else { recorded };
                    if column != "instance" {
                        assert_eq!(cell, recorded, "{version} {name} {column}");
                    }
                }
            }
        }
        // The states of servers show which of those without an address are unused slots.
        let allowed = ["show info;show stat", "show servers state", "show resolvers", "show ssl cert"];
        assert!(fake.received().iter().all(|line| allowed.contains(&line.as_str())), "{:?}", fake.received());
    }
}

#[test]
fn show_info_get_and_check_print_process_of_each_version() {
    let script = Script::new();
    for version in VERSIONS {
        let fake = fake(version);
        let expected = parse_show_info(&recorded_text(version, "show-info.txt"));
        let json = script.run(fake.path(), "show info --format json");
        let value: Value = serde_json::from_str(&json.out).unwrap();
        let info = value["info"].as_object().unwrap();
        assert_eq!(info.len(), expected.len(), "{version}");
        for (key, value) in info {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            assert_eq!(if value.is_null() { "" } else { &text }, expected[key], "{version} {key}");
        }
        let got = script.run(fake.path(), "get Version Maxconn BytesOutRate");
        let lines: Vec<&str> = got.out.lines().collect();
        let recorded = |key: &str| expected.get(key).map_or("", String::as_str);
        assert_eq!(lines, [recorded("Version"), recorded("Maxconn"), recorded("BytesOutRate")], "{version}");
        let check = script.run(fake.path(), "check --over 0");
        assert!((0..=2).contains(&check.code) && check.out.starts_with("HAPULSE "), "{version} {check:#?}");
        let table = script.run(fake.path(), "show --over 0");
        assert!(table.code == 0 && table.out.contains(recorded("Version")), "{version} {table:#?}");
    }
}

#[test]
fn v10_show_columns_all_prints_columns_that_hapulse_does_not_know() {
    // A HAProxy with QUIC sends 67 columns about it.
    let extra: Vec<String> = (0..67).map(|number| format!("h3_new_{number}")).collect();
    let stat = format!(
        "# pxname,svname,scur,type,{},\nwww,FRONTEND,3,0,{},\n\n",
        extra.join(","),
        (0..67).map(|number| (1000 + number).to_string()).collect::<Vec<_>>().join(",")
    );
    let replies = CannedReplies::new().on("show info", recorded_bytes("3.2.0", "show-info.txt"));
    let fake = FakeSocket::with_replies(replies.on("show stat", stat.into_bytes()));
    let script = Script::new();
    let run = |columns: &str, format: &str| {
        script.run(fake.path(), &format!("show status --columns {columns} --format {format} --flat")).out
    };
    for rows in [parse_csv(&run("all", "csv")), parse_json(&run("all", "json"))] {
        let row = &rows["www/FRONTEND/frontend"];
        for (number, name) in extra.iter().enumerate() {
            assert_eq!(row[name], (1000 + number).to_string(), "{name}");
        }
    }
    assert!(!run("scur", "csv").contains("h3_new"), "only --columns all prints them");
}
