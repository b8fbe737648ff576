//! Table views compared with `show stat`, of a real HAProxy and of recorded versions; and the detail of a row, which
//! shows every field.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use support::{CannedReplies, DEADLINE, FakeSocket, Lab, ServerBehavior, Term, Traffic};

/// A row of `show stat`: fields by column name.
type StatRow = BTreeMap<String, String>;

/// Starts hapulse and waits until it shows live data.
fn start_dashboard(target: &Path, rows: u16) -> Term {
    start_sized(target, 200, rows)
}

fn start_sized(target: &Path, columns: u16, rows: u16) -> Term {
    let term = Term::builder().args(["-i", "0.2"]).args([target]).size(columns, rows).start();
    term.wait_for("live");
    term
}

/// Parses the rows of `show stat`.
fn parse_stat(text: &str) -> Vec<StatRow> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.deserialize().filter_map(Result::ok).collect()
}

/// Returns the rows in the order of a table, each with its path: a proxy, then its servers or listeners.
fn table_rows(stat: &[StatRow]) -> Vec<(String, &StatRow)> {
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

/// Unit of a column, which decides its number format.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Text,
    Count,
    Bytes,
    Millis,
    /// A mean in milliseconds: HAProxy reports 0 if there were no sessions.
    Mean,
    Seconds,
}
use Unit::{Bytes, Count, Mean, Millis, Seconds, Text};

/// A column: heading, name in `show stat` and for `:cols`, unit.
type ExpectedColumn = (&'static str, &'static str, Unit);

/// Views by key, with their columns except the rates that hapulse computes.
const VIEWS: [(&str, &[ExpectedColumn]); 5] = [
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
            ("REUSE", "reuse", Count),
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
            ("#1XX", "hrsp_1xx", Count),
            ("#2XX", "hrsp_2xx", Count),
            ("#3XX", "hrsp_3xx", Count),
            ("#4XX", "hrsp_4xx", Count),
            ("#5XX", "hrsp_5xx", Count),
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
            ("RETR", "wretr", Count),
            ("REDIS", "wredis", Count),
            ("CLABR", "cli_abrt", Count),
            ("SVABR", "srv_abrt", Count),
            ("QTMAX", "qtime_max", Millis),
            ("CTMAX", "ctime_max", Millis),
            ("RTMAX", "rtime_max", Millis),
            ("TTMAX", "ttime_max", Millis),
            ("Q512", "qtime", Mean),
            ("C512", "ctime", Mean),
            ("R512", "rtime", Mean),
            ("T512", "ttime", Mean),
        ],
    ),
];

/// Returns the expected cell; formats only the small values that occur in these tests.
fn expected_cell(row: &StatRow, field: &str, unit: Unit) -> String {
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

/// Waits until these columns of the table match `show stat`, read again each time.
fn wait_for_match(lab: &Lab, term: &Term, columns: &[ExpectedColumn]) {
    let end = Instant::now() + DEADLINE;
    loop {
        let stat = parse_stat(&lab.send_command("show stat"));
        let mut different = Vec::new();
        let grid = term.grid();
        for (position, (path, row)) in table_rows(&stat).into_iter().enumerate() {
            let same_row = grid.as_ref().is_some_and(|grid| grid.paths().get(position) == Some(&path.as_str()));
            for (heading, field, unit) in columns {
                let cell = grid.as_ref().filter(|_| same_row).and_then(|grid| grid.nth_cell(position, heading));
                let expected = expected_cell(row, field, *unit);
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
fn view_cells_match_show_stat() {
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
        .server_behavior("be1/s2", ServerBehavior::Slow(Duration::from_millis(40)))
        .server_behavior("be2/s1", ServerBehavior::Status(404))
        .server_behavior("be2/s2", ServerBehavior::Status(503))
        .server_behavior("be3/s3", ServerBehavior::Closed)
        .start();
    lab.wait_stat("be3", "s3", "status", |status| status == "DOWN");
    Traffic::to(lab.frontend_addr()).workers(6).send(40);
    Traffic::to(lab.addr("fe2")).path("/be2/x").send(30);
    Traffic::to(lab.frontend_addr()).path("/be3/x").keep_alive().send(20);
    lab.send_command("disable server be3/s1");
    // A server that fails later has a count of failed checks.
    lab.set_server_behavior("be3/s2", ServerBehavior::Closed);
    Traffic::to(lab.frontend_addr()).path("/be3/x").send(2);
    lab.wait_stat("be3", "s2", "status", |status| status == "DOWN");
    let mut term = start_dashboard(lab.admin(), 60);
    for (view, columns) in VIEWS {
        // Some columns are in the view before, too.
        let before = term.grid().map(|grid| grid.headings());
        term.press(view);
        let grid = term.wait_grid(|grid| {
            let headings = grid.headings();
            headings.iter().any(|known| known == columns[1].0) && Some(headings) != before
        });
        let headings = grid.headings();
        let (visible, hidden): (Vec<_>, Vec<_>) =
            columns.iter().partition(|(heading, ..)| headings.iter().any(|known| known == heading));
        assert!(visible.len() * 4 > columns.len(), "{headings:?}");
        wait_for_match(&lab, &term, &visible);
        if !hidden.is_empty() {
            let names: Vec<&str> = hidden.iter().map(|(_, name, _)| *name).collect();
            term.command(&format!("cols {}", names.join(" ")));
            wait_for_match(&lab, &term, &hidden);
        }
    }
    // The compared values are not all zero.
    for (server, field) in
        [("be2", "hrsp_4xx"), ("be2", "hrsp_5xx"), ("be1", "hrsp_2xx"), ("be3", "chkdown"), ("be1", "rtime")]
    {
        assert_ne!(lab.stat(server, "BACKEND", field), "0", "{server} {field}");
    }
}

/// Returns a recorded reply, byte for byte.
fn fixture(version: &str, file: &str) -> std::io::Result<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version).join(file);
    fs::read(path)
}

#[test]
fn views_show_names_and_dashes_for_missing_columns_on_every_version() {
    for (version, missing, missing_heading) in [
        ("1.8.0", "uweight", "UWGHT"),
        ("2.4.0", "h1req", "H1REQ"),
        ("2.6.12", "h1req", "H1REQ"),
        ("3.0.0", "reqbin", "REQBIN"),
        ("3.2.0", "reqbin", "REQBIN"),
    ] {
        let csv = fixture(version, "show-stat.csv").unwrap();
        let stat = parse_stat(&String::from_utf8(csv.clone()).unwrap());
        let replies = CannedReplies::new()
            .on("show stat", csv)
            .on("show info", fixture(version, "show-info.txt").unwrap())
            .on("show cli level", fixture(version, "cli-level-admin.txt").unwrap());
        let fake = FakeSocket::with_replies(replies);
        let mut term = start_dashboard(fake.path(), 80);
        term.wait_for(&format!("HAProxy {version}"));
        assert!(stat.iter().all(|row| !row.contains_key(missing)), "{version} has {missing}");
        let names: Vec<String> = table_rows(&stat).into_iter().map(|(path, _)| path).collect();
        // The table omits the part in parentheses, unless the server has no address; the detail shows it.
        let short_status = |status: &str| match status {
            "MAINT (resolution)" => "NO DNS".to_owned(),
            status => status.split(" (").next().unwrap_or_default().to_owned(),
        };
        let states: Vec<String> = table_rows(&stat).into_iter().map(|(_, row)| short_status(&row["status"])).collect();
        for (view, heading) in [("1", "WGHT"), ("2", "LBTOT"), ("3", "RQTOT"), ("4", "ECONN"), ("6", "QTIME")] {
            term.press(view);
            term.wait_grid(|grid| {
                let has_state = |(position, state): (usize, &String)| {
                    grid.nth_cell(position, "STATE").is_some_and(|shown| shown == *state)
                };
                let is_view = grid.headings().iter().any(|known| known == heading);
                is_view && grid.paths() == names && states.iter().enumerate().all(has_state)
            });
        }
        term.command(&format!("cols status {missing}"));
        term.wait_grid(|grid| {
            let cells = (0..names.len()).map(|position| grid.nth_cell(position, missing_heading));
            grid.paths() == names && cells.into_iter().all(|cell| cell.as_deref() == Some("–"))
        });
        term.press("q");
        assert_eq!(term.exit_code(), 0);
    }
}

/// Returns the lines of a detail as name and value, from all its pages.
fn detail_lines(term: &mut Term, title: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for _ in 0..40 {
        term.wait_for(title);
        let screen = term.settled_screen();
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

/// Returns the last line shown and the number of lines, from `1-20 of 60` in the frame.
fn line_numbers(screen: &str) -> Option<(usize, usize)> {
    let (before, after) = screen.lines().find(|line| line.starts_with('╭'))?.rsplit_once(" of ")?;
    let last = before.rsplit(['-', ' ']).next()?.parse().ok()?;
    Some((last, after.split(' ').next()?.parse().ok()?))
}

#[test]
fn server_detail_shows_every_field_and_runs_action() {
    let lab = Lab::builder().backends(2).servers(3).cookie().checks().maxconn(9).start();
    Traffic::to(lab.frontend_addr()).path("/be2/").send(12);
    for backend in ["be1", "be2"] {
        lab.wait_stat(backend, "s2", "check_status", |status| status == "L4OK");
    }
    // Narrow enough for one column of fields.
    let mut term = start_sized(lab.admin(), 140, 40);
    term.press("1");
    // This server had no requests, so the mean times are unknown, although HAProxy reports 0.
    term.move_to_path("be1/s2");
    term.press("<ret>");
    let lines = detail_lines(&mut term, " be1/s2 UP ");
    for name in ["qtime", "ctime", "rtime", "ttime"] {
        assert_eq!((lab.stat("be1", "s2", name).as_str(), lines[name].as_str()), ("0", "–"), "{name}");
    }
    let is_chart = |line: &str| line.contains("rtime            –");
    assert!(term.screen().lines().any(is_chart), "{}", term.screen());
    term.press("<esc>");
    term.wait_grid(|grid| grid.cursor_row() == Some("be1/s2"));
    term.move_to_path("be2/s2");
    term.press("<ret>");
    let lines = detail_lines(&mut term, " be2/s2 UP ");
    let stat = parse_stat(&lab.send_command("show stat"));
    let row = stat.iter().find(|row| row["# pxname"] == "be2" && row["svname"] == "s2").unwrap();
    let fields =
        row.iter().filter(|(name, value)| !value.is_empty() && !["# pxname", "svname", "-"].contains(&name.as_str()));
    let missing: Vec<_> = fields.clone().filter(|(name, _)| !lines.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}\n{lines:#?}\n{}", term.screen());
    assert!(fields.count() > 40);
    for (name, unit) in
        [("stot", Count), ("slim", Count), ("hrsp_2xx", Count), ("addr", Text), ("cookie", Text), ("bin", Bytes)]
    {
        assert_eq!(lines[name], expected_cell(row, name, unit), "{name}");
    }
    term.press("M");
    term.wait_for("Maintenance: be2 / s2");
    term.answer("y");
    term.wait_for("be2/s2: verified, MAINT");
    term.wait_for(" be2/s2 MAINT ");
    assert_eq!(lab.stat("be2", "s2", "status"), "MAINT");
    term.press("<esc>");
    assert_eq!(term.wait_grid(|grid| grid.cursor_row().is_some()).cursor_row(), Some("be2/s2"));
}

#[test]
fn maintenance_of_every_balancer_is_listed() {
    let (shown, other) = (Lab::builder().servers(2).start(), Lab::builder().servers(2).start());
    other.send_command("set server be1/s2 state maint");
    other.wait_stat("be1", "s2", "status", |status| status == "MAINT");
    let mut term = Term::builder().args([shown.admin(), other.admin()]).size(120, 40).start();
    term.wait_for("live");
    term.press("A");
    let screen = term.wait_for("be1/s2  MAINT");
    assert!(
        screen.contains("is in maintenance or drain; ") && screen.contains("On other instances; o shows"),
        "{screen}"
    );
    term.press("o");
    term.wait_gone("On other instances");
    term.wait_grid(|grid| grid.paths().contains(&"be1/s2"));
}
