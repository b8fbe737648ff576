//! The views that are tables show what `show stat` says: of a real HAProxy, and of every version recorded. A row's
//! detail shows all of it.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use support::{Answer, Answers, DEADLINE, Fake, Lab, Term, Traffic};

type Stat = BTreeMap<String, String>;

fn start(target: &Path, rows: u16) -> Term {
    let term = Term::builder().args(["-i", "0.2"]).args([target]).size(200, rows).start();
    term.wait_for("live");
    term
}

/// `show stat` by hand: each row's fields by the column's name.
fn read(text: &str) -> Vec<Stat> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.deserialize().filter_map(Result::ok).collect()
}

/// The rows in the order of a table: each proxy above its servers, with the place it has there.
fn tree(stat: &[Stat]) -> Vec<(String, &Stat)> {
    let mut rows = Vec::new();
    for head in stat.iter().filter(|row| ["0", "1"].contains(&row["type"].as_str())) {
        let proxy = &head["# pxname"];
        rows.push((proxy.clone(), head));
        let below = if head["type"] == "1" { "2" } else { "3" };
        let leaves = stat.iter().filter(|row| row["type"] == below && row["# pxname"] == *proxy);
        rows.extend(leaves.map(|row| (format!("{proxy}/{}", row["svname"]), row)));
    }
    rows
}

/// What a number stands for.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Text,
    Count,
    Bytes,
    Millis,
    /// A mean: HAProxy writes 0 where there was nothing yet to take it over.
    Mean,
    Seconds,
}
use Unit::{Bytes, Count, Mean, Millis, Seconds, Text};

/// A column: heading, name in `show stat` and for `:cols`, unit.
type Shown = (&'static str, &'static str, Unit);

/// The columns of each view by its digit. The rates that hapulse makes itself are not here.
const VIEWS: [(&str, &[Shown]); 5] = [
    (
        "1",
        &[
            ("STATE", "status", Text),
            ("WGHT", "weight", Count),
            ("ACT", "act", Count),
            ("BCK", "bck", Count),
            ("QCUR", "qcur", Count),
            ("QMAX", "qmax", Count),
            ("SCUR", "scur", Count),
            ("SMAX", "smax", Count),
            ("SLIM", "slim", Count),
            ("STOT", "stot", Count),
            ("SINCE", "lastchg", Seconds),
            ("QLIM", "qlimit", Count),
            ("UWGHT", "uweight", Count),
            ("ALGO", "algo", Text),
            ("MODE", "mode", Text),
            ("COOKIE", "cookie", Text),
            ("ADDRESS", "addr", Text),
        ],
    ),
    (
        "2",
        &[
            ("LBTOT", "lbtot", Count),
            ("RATE", "rate", Count),
            ("RLIM", "rate_lim", Count),
            ("RMAX", "rate_max", Count),
            ("BIN", "bin", Bytes),
            ("BOUT", "bout", Bytes),
            ("CONN", "connect", Count),
            ("REUSED", "reuse", Count),
            ("IDLE", "srv_icur", Count),
            ("USED", "used_conn_cur", Count),
            ("LSESS", "lastsess", Seconds),
        ],
    ),
    (
        "3",
        &[
            ("RQRATE", "req_rate", Count),
            ("RQMAX", "req_rate_max", Count),
            ("RQTOT", "req_tot", Count),
            ("1xx", "hrsp_1xx", Count),
            ("2xx", "hrsp_2xx", Count),
            ("3xx", "hrsp_3xx", Count),
            ("4xx", "hrsp_4xx", Count),
            ("5xx", "hrsp_5xx", Count),
            ("OTHER", "hrsp_other", Count),
        ],
    ),
    (
        "4",
        &[
            ("CF", "chkfail", Count),
            ("CD", "chkdown", Count),
            ("ECONN", "econ", Count),
            ("EREQ", "ereq", Count),
            ("ERSP", "eresp", Count),
            ("DREQ", "dreq", Count),
            ("DRSP", "dresp", Count),
            ("DOWN", "downtime", Seconds),
            ("RETR", "wretr", Count),
            ("REDIS", "wredis", Count),
            ("CLABR", "cli_abrt", Count),
            ("SVABR", "srv_abrt", Count),
            ("CODE", "check_code", Count),
            ("DCON", "dcon", Count),
            ("DSES", "dses", Count),
        ],
    ),
    (
        "6",
        &[
            ("QTIME", "qtime", Mean),
            ("CTIME", "ctime", Mean),
            ("RTIME", "rtime", Mean),
            ("TTIME", "ttime", Mean),
            ("QMAX", "qtime_max", Millis),
            ("CMAX", "ctime_max", Millis),
            ("RMAX", "rtime_max", Millis),
            ("TMAX", "ttime_max", Millis),
        ],
    ),
];

/// What a cell should read; the numbers here stay small.
fn shown(row: &Stat, field: &str, unit: Unit) -> String {
    let raw = row.get(field).map_or("", String::as_str);
    let number = raw.parse::<u32>().unwrap_or_default();
    match unit {
        _ if raw.is_empty() || raw.starts_with('-') => "–".into(),
        Mean if row["stot"] == "0" => "–".into(),
        Text | Count => raw.into(),
        Bytes if number < 1000 => format!("{number}B"),
        Bytes if number < 9995 => format!("{:.2}k", f64::from(number) / 1000.0),
        Bytes => format!("{:.1}k", f64::from(number) / 1000.0),
        Mean | Millis => format!("{number}ms"),
        Seconds if number < 60 => format!("{number}s"),
        Seconds => format!("{}m", number / 60),
    }
}

/// Waits until these columns of the table are as in `show stat`, looked at anew each time.
fn wait_agreement(lab: &Lab, term: &Term, columns: &[Shown]) {
    let end = Instant::now() + DEADLINE;
    loop {
        let stat = read(&lab.ask("show stat"));
        let mut different = Vec::new();
        let grid = term.grid();
        for (place, (path, row)) in tree(&stat).into_iter().enumerate() {
            let same_row = grid.as_ref().is_some_and(|grid| grid.paths().get(place) == Some(&path.as_str()));
            for (heading, field, unit) in columns {
                let cell = grid.as_ref().filter(|_| same_row).and_then(|grid| grid.nth_cell(place, heading));
                let expected = shown(row, field, *unit);
                if cell.as_deref() != Some(expected.as_str()) {
                    different.push(format!("{path} {heading}: {cell:?}, not {expected:?}"));
                }
            }
        }
        if different.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "{different:#?}\n{}", term.screen());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_cell_is_what_show_stat_says() {
    let lab = Lab::builder()
        .frontends(2)
        .backends(3)
        .servers(3)
        .cookie()
        .checks()
        .defaults("option redispatch 1")
        .defaults("retries 1")
        .server_options("maxconn 10 maxqueue 20")
        .server_option("be2/s3", "weight 7 backup")
        .answer("be1/s2", Answer::Slow(Duration::from_millis(40)))
        .answer("be2/s1", Answer::Status(404))
        .answer("be2/s2", Answer::Status(503))
        .answer("be3/s3", Answer::Closed)
        .start();
    lab.wait_stat("be3", "s3", "status", |status| status == "DOWN");
    Traffic::to(lab.frontend_addr()).workers(6).send(40);
    Traffic::to(lab.addr("fe2")).path("/be2/x").send(30);
    Traffic::to(lab.frontend_addr()).path("/be3/x").keep_alive().send(20);
    lab.ask("disable server be3/s1");
    // A server that fails now has failed checks on its record.
    lab.set_answer("be3/s2", Answer::Closed);
    Traffic::to(lab.frontend_addr()).path("/be3/x").send(2);
    lab.wait_stat("be3", "s2", "status", |status| status == "DOWN");
    let mut term = start(lab.admin(), 60);
    for (view, columns) in VIEWS {
        term.press(view);
        let grid = term.wait_grid(|grid| grid.headings().iter().any(|known| known == columns[1].0));
        let headings = grid.headings();
        let (seen, away): (Vec<_>, Vec<_>) =
            columns.iter().partition(|(heading, ..)| headings.iter().any(|known| known == heading));
        assert!(seen.len() * 2 > columns.len(), "{headings:?}");
        wait_agreement(&lab, &term, &seen);
        if !away.is_empty() {
            let names: Vec<&str> = away.iter().map(|(_, name, _)| *name).collect();
            term.command(&format!("cols {}", names.join(" ")));
            wait_agreement(&lab, &term, &away);
        }
    }
    // What was compared was not all nothing.
    for (server, field) in
        [("be2", "hrsp_4xx"), ("be2", "hrsp_5xx"), ("be1", "hrsp_2xx"), ("be3", "chkdown"), ("be1", "rtime")]
    {
        assert_ne!(lab.stat(server, "BACKEND", field), "0", "{server} {field}");
    }
}

/// A recorded answer, byte for byte.
fn fixture(version: &str, file: &str) -> std::io::Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version).join(file);
    fs::read(path)
}

#[test]
fn every_version_shows_its_names_and_a_dash_for_what_it_does_not_know() {
    for (version, lacks, lacks_heading) in [
        ("1.8.0", "uweight", "UWGHT"),
        ("2.4.0", "h1req", "H1REQ"),
        ("2.6.12", "h1req", "H1REQ"),
        ("3.0.0", "reqbin", "REQBIN"),
        ("3.2.0", "reqbin", "REQBIN"),
    ] {
        let csv = fixture(version, "show-stat.csv").unwrap();
        let stat = read(&String::from_utf8(csv.clone()).unwrap());
        let answers = Answers::new()
            .on("show stat", csv)
            .on("show info", fixture(version, "show-info.txt").unwrap())
            .on("show cli level", fixture(version, "cli-level-admin.txt").unwrap());
        let fake = Fake::recorded(answers);
        let mut term = start(fake.path(), 80);
        term.wait_for(&format!("HAProxy {version}"));
        assert!(stat.iter().all(|row| !row.contains_key(lacks)), "{version} has {lacks}");
        let names: Vec<String> = tree(&stat).into_iter().map(|(path, _)| path).collect();
        // What stands in brackets is left to the detail.
        let word = |status: &str| status.split(" (").next().unwrap_or_default().to_owned();
        let states: Vec<String> = tree(&stat).into_iter().map(|(_, row)| word(&row["status"])).collect();
        for (view, heading) in [("1", "WGHT"), ("2", "LBTOT"), ("3", "RQTOT"), ("4", "ECONN"), ("6", "QTIME")] {
            term.press(view);
            term.wait_grid(|grid| {
                let state_begins = |(place, state): (usize, &String)| {
                    grid.nth_cell(place, "STATE").is_some_and(|shown| shown == *state)
                };
                let is_view = grid.headings().iter().any(|known| known == heading);
                is_view && grid.paths() == names && states.iter().enumerate().all(state_begins)
            });
        }
        term.command(&format!("cols status {lacks}"));
        term.wait_grid(|grid| {
            let cells = (0..names.len()).map(|place| grid.nth_cell(place, lacks_heading));
            grid.paths() == names && cells.into_iter().all(|cell| cell.as_deref() == Some("–"))
        });
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
}

/// The lines of a detail: name and value of each, through all its pages.
fn detail_lines(term: &mut Term, title: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for _ in 0..12 {
        term.wait_for(title);
        let screen = term.settled();
        for line in screen.lines().filter(|line| line.starts_with('│')) {
            let mut words = line.trim_matches(['│', ' ']).split("  ").map(str::trim).filter(|word| !word.is_empty());
            if let (Some(name), Some(value)) = (words.next(), words.next()) {
                found.insert(name.to_owned(), value.to_owned());
            }
        }
        if line_numbers(&screen).is_some_and(|(last, all)| last == all) {
            return found;
        }
        let before = line_numbers(&screen);
        term.press("<pgdn>");
        term.wait_until(|screen| line_numbers(screen) != before);
    }
    found
}

/// The last line shown and how many there are, of `1-20 of 60` in the frame.
fn line_numbers(screen: &str) -> Option<(usize, usize)> {
    let (before, after) = screen.lines().find(|line| line.starts_with('╭'))?.rsplit_once(" of ")?;
    let last = before.rsplit(['-', ' ']).next()?.parse().ok()?;
    Some((last, after.split(' ').next()?.parse().ok()?))
}

#[test]
fn a_servers_detail_shows_every_field_and_acts() {
    let lab = Lab::builder().backends(2).servers(3).cookie().checks().maxconn(9).start();
    Traffic::to(lab.frontend_addr()).path("/be2/").send(12);
    for backend in ["be1", "be2"] {
        lab.wait_stat(backend, "s2", "check_status", |status| status == "L4OK");
    }
    let mut term = start(lab.admin(), 40);
    term.press("1");
    // Nothing was sent here, so there is no mean of any time, though HAProxy writes 0.
    term.select_row("be1/s2");
    term.press("<ret>");
    let lines = detail_lines(&mut term, " be1/s2 UP ");
    for name in ["qtime", "ctime", "rtime", "ttime"] {
        assert_eq!((lab.stat("be1", "s2", name).as_str(), lines[name].as_str()), ("0", "–"), "{name}");
    }
    let is_charted = |line: &str| line.contains("rtime        –");
    assert!(term.screen().lines().any(is_charted), "{}", term.screen());
    term.press("<esc>");
    term.wait_gone(" be1/s2 UP ");
    term.select_row("be2/s2");
    term.press("<ret>");
    let lines = detail_lines(&mut term, " be2/s2 UP ");
    let stat = read(&lab.ask("show stat"));
    let row = stat.iter().find(|row| row["# pxname"] == "be2" && row["svname"] == "s2").unwrap();
    let named =
        row.iter().filter(|(name, value)| !value.is_empty() && !["# pxname", "svname", "-"].contains(&name.as_str()));
    let missing: Vec<_> = named.clone().filter(|(name, _)| !lines.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}\n{lines:#?}\n{}", term.screen());
    assert!(named.count() > 40);
    for (name, unit) in
        [("stot", Count), ("slim", Count), ("hrsp_2xx", Count), ("addr", Text), ("cookie", Text), ("bin", Bytes)]
    {
        assert_eq!(lines[name], shown(row, name, unit), "{name}");
    }
    term.press("M");
    term.wait_for("Maintenance: be2 / s2");
    thread::sleep(Duration::from_millis(330));
    term.press("y");
    term.wait_for("be2/s2: verified, MAINT");
    term.wait_for(" be2/s2 MAINT ");
    assert_eq!(lab.stat("be2", "s2", "status"), "MAINT");
    term.press("<esc>");
    term.wait_gone(" be2/s2 MAINT ");
    assert_eq!(term.wait_grid(|grid| grid.selected().is_some()).selected(), Some("be2/s2"));
}
