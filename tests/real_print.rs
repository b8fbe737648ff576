//! `hapulse show`, `get` and `watch` against a real HAProxy: each value is compared with what a second client reads, an
//! empty field is unknown, and only `show info` and `show stat` are sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/printed.rs"]
mod printed;
#[path = "support/script.rs"]
mod script;
mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use printed::{PrintedRows, parse_csv, parse_json, parse_show_info, parse_show_stat};
use script::{CommandResult, Script};
use serde_json::Value;
use support::{Lab, LabBuilder, Relay, ServerBehavior, Term, Traffic, process};

/// Returns the builder of the lab that most tests use.
fn lab() -> LabBuilder {
    Lab::builder().backends(2).servers(3).http_checks()
}

/// Asserts success without messages, and returns the output.
#[track_caller]
fn printed(result: &CommandResult) -> &str {
    assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
    &result.out
}

/// Columns that change without traffic, through health checks and elapsed time.
const CHANGING_COLUMNS: [&str; 12] = [
    "lastchg",
    "downtime",
    "lastsess",
    "check_duration",
    "check_status",
    "last_chk",
    "check_desc",
    "check_code",
    "rate",
    "req_rate",
    "rate_max",
    "conn_rate",
];
/// Columns with means, which HAProxy reports as 0 if there were no sessions.
const MEAN_COLUMNS: [&str; 4] = ["qtime", "ctime", "rtime", "ttime"];

/// Returns whether a cell is between the values before and after. Health checks count as traffic of modules, so that
/// values may grow meanwhile.
fn is_between(cell: &str, [before, after]: [&str; 2]) -> bool {
    let numbers = [before, cell, after].map(|text| text.parse::<i64>().ok());
    let [Some(before), Some(cell), Some(after)] = numbers else { return [before, after].contains(&cell) };
    (before..=after).contains(&cell)
}

/// Compares every printed cell with what the second client read before and after; returns the number of cells.
fn compare_cells(printed: &PrintedRows, before: &PrintedRows, after: &PrintedRows) -> usize {
    assert_eq!(printed.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    let mut compared = 0;
    for (name, row) in printed {
        for (column, cell) in row.iter().filter(|(column, _)| before[name].contains_key(*column)) {
            let known = [before[name][column].as_str(), after[name][column].as_str()];
            let is_mean_without_sessions = MEAN_COLUMNS.contains(&column.as_str()) && row["stot"] == "0";
            if is_mean_without_sessions {
                assert_eq!(cell, "", "{name} {column}");
            } else if !CHANGING_COLUMNS.contains(&column.as_str()) && !column.starts_with("h1_open") {
                assert!(is_between(cell, known), "{name} {column}: {cell:?}, expected {known:?}");
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn show_csv_and_json_cells_match_show_stat() {
    let lab = lab().start();
    assert_eq!(Traffic::to(lab.frontend_addr()).send(60).failed, 0);
    lab.wait_stat("be1", "BACKEND", "scur", |sessions| sessions == "0");
    let script = Script::new();
    let before = parse_show_stat(&lab.send_command("show stat"));
    let csv = script.run(lab.admin(), "show status --format csv --columns all");
    let json = script.run(lab.admin(), "show status --format json --columns all");
    let after = parse_show_stat(&lab.send_command("show stat"));
    for rows in [parse_csv(printed(&csv)), parse_json(printed(&json))] {
        let compared = compare_cells(&rows, &before, &after);
        assert!(compared > 8 * 60, "{compared}");
        assert_eq!(rows["be1/BACKEND/backend"]["req_tot"], "60");
        assert_eq!(rows["fe1/FRONTEND/frontend"]["qcur"], "", "a frontend has no queue: unknown is not zero");
    }
    let value: Value = serde_json::from_str(&json.out).unwrap();
    let row = value["rows"].as_array().unwrap().iter().find(|row| row["svname"] == "FRONTEND").unwrap();
    assert!(row["stot"].is_number() && row["qcur"].is_null() && row["status"].is_string(), "{row}");
}

#[test]
fn show_info_matches_runtime_api_reply() {
    let lab = lab().global("description \"12\"").start();
    let script = Script::new();
    let known = parse_show_info(&lab.send_command("show info"));
    let value: Value = serde_json::from_str(printed(&script.run(lab.admin(), "show info --format json"))).unwrap();
    let info = value["info"].as_object().unwrap();
    assert_eq!(info.len(), known.len());
    for key in ["Pid", "Maxconn", "Ulimit-n", "Nbthread", "Hard_maxconn"] {
        assert_eq!(info[key].as_i64().unwrap().to_string(), known[key], "{key}");
    }
    assert_eq!(info["description"], "12", "a text, although it looks like a number");
    let csv = script.run(lab.admin(), "show info --format csv");
    let cells = printed::csv_rows(printed(&csv));
    assert!(cells.iter().any(|row| row["key"] == "Pid" && row["value"] == known["Pid"]));
    let table = script.run(lab.admin(), "show info");
    assert!(printed(&table).contains(&format!("{:<27}  {}", "Pid", known["Pid"])), "{}", table.out);
}

#[test]
fn show_rates_use_two_samples_and_match_counter_growth() {
    let lab = lab().start();
    let traffic = Traffic::to(lab.frontend_addr()).workers(2).start();
    lab.wait_stat("be1", "BACKEND", "req_tot", |count| count != "0");
    let script = Script::new();
    let count = || lab.stat("be1", "BACKEND", "req_tot").parse::<f64>().unwrap();
    let before = count();
    let result = script.run(lab.admin(), "show http --format json --columns req_tot,req_tot/s,req --filter be1");
    let growth = count() - before;
    let value: Value = serde_json::from_str(printed(&result)).unwrap();
    let over = value["over"].as_f64().unwrap();
    let row = value["rows"].as_array().unwrap().iter().find(|row| row["svname"] == "BACKEND").unwrap();
    let rate = row["req_tot/s"].as_f64().unwrap();
    assert!(rate > 0.0 && rate * over <= growth + 0.01, "{rate} over {over} of {growth}");
    assert_eq!(row["req"], row["req_tot/s"]);
    let single = script.run(lab.admin(), "show http --format json --columns req_tot/s --over 0");
    let value: Value = serde_json::from_str(printed(&single)).unwrap();
    assert!(value["over"].is_null() && value["rows"][0]["req_tot/s"].is_null(), "{value}");
    drop(traffic);
}

#[test]
fn show_filters_sorts_and_formats_rows() {
    let lab = lab().start();
    lab.send_command("set server be1/s2 state maint");
    lab.send_command("set server be2/s3 weight 50%");
    let script = Script::new();
    let names = |args: &str| {
        let result = script.run(lab.admin(), &format!("show {args} --over 0"));
        printed(&result)
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("status --filter status:maint --flat"), ["be1/s2"]);
    assert_eq!(names("1 --filter status:maint"), ["be1", "s2"]);
    assert_eq!(names("out-of-service"), ["be1/s2"]);
    assert_eq!(names("status --flat --filter kind=server,backend --sort weight")[..2], ["be2/s3", "be1/s1"]);
    assert_eq!(names("status --flat --sort -weight")[0], "be1");
    assert_eq!(names("http --filter nowhere"), [""; 0]);
    let csv = script.run(lab.admin(), "show status --format csv --columns weight,status --filter be2");
    assert_eq!(printed(&csv).lines().next(), Some("instance,pxname,svname,kind,weight,status"));
    assert_eq!(csv.out.lines().count(), 5);
}

#[test]
fn show_prints_dashboard_out_of_service_and_problems() {
    let lab = lab().server_behavior("be2/s1", ServerBehavior::Closed).start();
    lab.wait_stat("be2", "s1", "status", |status| status == "DOWN");
    let script = Script::new();
    let maint = script.run(lab.admin(), "maint be1/s1 --yes");
    assert_eq!(maint.code, 0, "{maint:#?}");
    let out_of_service = script.run(lab.admin(), "show out-of-service --format json");
    let value: Value = serde_json::from_str(printed(&out_of_service)).unwrap();
    let row = &value["rows"][0];
    assert_eq!((&row["svname"], &row["status"]), (&"s1".into(), &"MAINT".into()));
    assert!(row["by"].is_string(), "attribution from the audit: {row}");
    let problems = script.run(lab.admin(), "show problems --format json --over 0");
    let value: Value = serde_json::from_str(printed(&problems)).unwrap();
    let down = value["problems"].as_array().unwrap().iter().find(|problem| problem["rule"] == "server-down").unwrap();
    assert_eq!((&down["pxname"], &down["severity"]), (&"be2".into(), &"WARN".into()));
    let result = script.run(lab.admin(), "show");
    let lines: Vec<&str> = printed(&result).lines().collect();
    assert!(lines[0].contains(&format!("pid {}", lab.pid())), "{}", lines[0]);
    assert!(lines.iter().any(|line| line.starts_with("WARN be2/s1: down")), "{}", result.out);
}

#[test]
fn show_fits_terminal_width_and_prints_all_columns_to_pipe() {
    let lab = lab().start();
    let mut term = Term::builder().args(["show", "status", "--over", "0"]).args([lab.admin()]).size(60, 24).start();
    assert_eq!(term.exit_code(), 0);
    let screen = term.screen();
    let heading = screen.lines().next().unwrap().to_owned();
    assert!(heading.starts_with("NAME") && heading.contains("STATE") && !heading.contains("ALGO"), "{screen}");
    assert!(screen.lines().nth(2).is_some_and(|line| line.starts_with("be1")), "no line is wrapped\n{screen}");
    let result = Script::new().run(lab.admin(), "show status --over 0");
    assert!(printed(&result).lines().next().is_some_and(|line| line.contains("ALGO") && line.ends_with("TRACKED")));
}

#[test]
fn get_prints_bare_values() {
    let lab = lab().maxconn(7).start();
    assert_eq!(Traffic::to(lab.frontend_addr()).send(9).failed, 0);
    let script = Script::new();
    let result =
        script.run(lab.admin(), "get Pid maxconn fe1/FRONTEND.req_tot be1/s1.slim fe1/FRONTEND.qcur be1/s1.weight");
    let known = [lab.info("Pid"), lab.info("Maxconn"), "9".into(), "7".into(), String::new(), "1".into()];
    assert_eq!(printed(&result).lines().collect::<Vec<_>>(), known);
    let result = script.run(lab.admin(), "get fe1/FRONTEND.qcur --unknown -");
    assert_eq!(printed(&result), "-\n");
    // Without traffic counters do not grow; a value that is not a counter is printed as it is.
    let result = script.run(lab.admin(), "get --over 1s be1/BACKEND.req_tot be1/s1.bin/s be1/s1.slim");
    assert_eq!(printed(&result), "0\n0\n7\n");
}

#[test]
fn unknown_values_and_usage_errors_print_no_output() {
    let lab = lab().start();
    let script = Script::new();
    let result = |args: &str| {
        let result = script.run(lab.admin(), args);
        (result.code, result.out, result.err)
    };
    let (code, out, err) = result("get Pid be1/s9.scur CurConns nix/BACKEND.scur");
    assert_eq!((code, out.as_str()), (1, ""));
    let messages: Vec<&str> = err.lines().collect();
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[0], "hapulse: be1/s9.scur: be1 has no server or listener named s9; did you mean s1, s2, s3?");
    assert!(messages[1].contains("did you mean CurrConns") && messages[2].contains("unknown proxy nix"), "{err}");
    for usage in [
        "get be1/s1.scru",
        "get",
        "get be1/s1",
        "show nix",
        "show sessions",
        "show status --columns nix",
        "show status --filter qcur>x",
        "show info --columns scur",
        "show status --format xml",
        "show --flat --tree",
        "watch --view nix",
        "watch --count 0",
        "watch -i 0",
    ] {
        let (code, out, err) = result(usage);
        assert_eq!((code, out.as_str()), (2, ""), "{usage}");
        assert!(!err.is_empty(), "{usage}");
    }
    let nowhere = lab.admin().with_file_name("none.sock");
    for args in ["show", "show --format csv", "get Pid"] {
        let result = script.run(&nowhere, args);
        assert_eq!((result.code, result.out.as_str()), (3, ""), "{args}");
        assert!(result.err.contains("none.sock: cannot connect") && result.err.contains("level admin"), "{result:#?}");
    }
    let result = script.run(&nowhere, "watch --count 1");
    assert!(result.code == 3 && result.out.contains(r#""lost":{"why":"cannot connect"#), "{result:#?}");
}

#[test]
fn headless_commands_send_only_read_only_commands() {
    let lab = lab().start();
    let relay = Relay::to(lab.user());
    let script = Script::new();
    for args in [
        "show",
        "show out-of-service",
        "show problems --over 2s",
        "show info",
        "get Pid be1/s1.bin/s",
        "check --over 2s",
        "watch --count 3 -i 0.2",
    ] {
        let result = script.run(relay.path(), args);
        assert_eq!(result.code, 0, "{args}: {result:#?}");
    }
    let lines = relay.lines();
    assert!(lines.len() >= 14, "{lines:?}");
    // The last two are sent once by commands that evaluate problems.
    let allowed = ["show info;show stat", "show resolvers", "show ssl cert"];
    assert!(lines.iter().all(|line| allowed.contains(&line.as_str())), "{lines:?}");
}

#[test]
fn show_prints_several_instances() {
    let (one, other) = (lab().start(), Lab::builder().start());
    let script = Script::new();
    let targets = format!("b={} --target c=/nowhere/none.sock", other.admin().display());
    let result = script.run(one.admin(), &format!("show info --format json {targets}"));
    assert_eq!(result.code, 3);
    let values: Vec<Value> = result.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let instances: Vec<&str> = values.iter().map(|value| value["instance"].as_str().unwrap()).collect();
    assert_eq!(instances, ["b", "c", one.admin().to_str().unwrap()]);
    assert_eq!(values[0]["info"]["Pid"], other.pid());
    assert!(
        values[1]["lost"]["why"].is_string() && result.err.starts_with("hapulse: c: cannot connect"),
        "{result:#?}"
    );
    let csv = script.run(one.admin(), &format!("show status --format csv --columns scur {targets}"));
    assert!(csv.code == 3 && csv.out.lines().filter(|line| line.starts_with("instance,")).count() == 1, "{csv:#?}");
    assert!(csv.out.lines().filter(|line| line.starts_with("b,")).count() >= 3, "{csv:#?}");
    let table = script.run(one.admin(), &format!("show info {targets}"));
    assert!(table.out.starts_with("b:\n"), "{table:#?}");
}

#[test]
fn configuration_names_targets_and_sets_thresholds() {
    let lab = Lab::builder().servers(3).server_behavior("be1/s1", ServerBehavior::Closed).checks().start();
    lab.wait_stat("be1", "s1", "status", |status| status == "DOWN");
    let script = Script::new();
    let off = ["server-down", "backend-weight", "failing-checks", "flapping"].map(|rule| format!("{rule} = \"off\"\n"));
    script.configure(&format!("[targets]\nlb01 = \"{}\"\n[thresholds]\n{}", lab.admin().display(), off.concat()));
    let out = |args: &str| {
        let result = script.command_without_target(args).output().unwrap();
        (result.status.code(), String::from_utf8(result.stdout).unwrap())
    };
    assert_eq!(out("get Pid"), (Some(0), format!("{}\n", lab.pid())));
    assert!(out("show info --format csv lb01").1.contains("\nlb01,Pid,"), "a target name, not a view");
    let found = out("show problems --over 0").1;
    assert!(found.starts_with("no problems found\nnot evaluated: ") && found.contains("(only one sample)"), "{found}");
    let (code, text) = out("check --over 1s lb01");
    assert!(code == Some(0) && text.starts_with("HAPULSE OK - 2 of 3 servers usable"), "{text}");
    script.configure("[thresholds]\nnix = \"off\"\n");
    assert_eq!(script.run(lab.admin(), "show").code, 2);
    assert_eq!(script.run(lab.admin(), "check").code, 3);
}

#[test]
fn closed_output_pipe_ends_commands_silently() {
    let lab = lab().start();
    let script = Script::new();
    for args in ["watch -i 0.1", "show info --format csv", "check --over 2s", "get Pid"] {
        let mut child =
            script.command(lab.admin(), args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        if args.starts_with("watch") {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            assert!(line.starts_with('{'), "{line}");
        }
        drop(out);
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{args}");
    }
}

#[test]
fn watch_continues_through_restart() {
    let lab = lab().start();
    let script = Script::new();
    let running = script.start(lab.admin(), "watch --view status --columns req_tot,req_tot/s --filter be1 -i 0.1");
    running.wait_for(r#""req_tot":0,"req_tot/s":0"#);
    lab.kill();
    running.wait_for(r#""lost":{"why":"cannot connect"#);
    let before = running.out().lines().count();
    lab.restart();
    support::wait_until("samples of the new process", || {
        running.out().lines().skip(before).any(|line| line.contains("rows"))
    });
    running.signal("TERM");
    let result = running.wait();
    assert_eq!((result.code, result.err.as_str()), (-1, ""), "ended by the signal");
    let values: Vec<Value> = result.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(values[0]["over"].is_null() && values[0]["rows"][0]["req_tot/s"].is_null(), "{}", values[0]);
    assert!(values.iter().all(|value| value["shape"] == 1 && value["at"].is_string()));
    let first_after_restart =
        values.iter().skip_while(|value| value.get("lost").is_none()).find(|value| value.get("rows").is_some());
    let rate = &first_after_restart.unwrap()["rows"][0]["req_tot/s"];
    assert!(rate.as_f64().unwrap_or(0.0) == 0.0, "rates are those of the old process: {rate}");
}

#[test]
fn watch_ends_after_count_samples() {
    let lab = lab().start();
    let result = Script::new().run(lab.admin(), "watch --count 3 --view info -i 0.1");
    assert_eq!(printed(&result).lines().count(), 3);
    assert!(result.out.lines().all(|line| line.contains(r#""info":{"Name":"HAProxy""#)), "{}", result.out);
    let mut command = Script::new().command(lab.admin(), "watch -i 0.1");
    let mut child = {
        let _starting = process::lock_start();
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    process::signal(child.id(), "INT");
    assert!(child.wait().is_ok() && serde_json::from_str::<Value>(&line).is_ok());
}
