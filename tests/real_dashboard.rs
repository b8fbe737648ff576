//! The dashboard of a real HAProxy, compared with `show stat` read by an independent client.

mod support;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};
use support::{DEADLINE, Lab, PaneTable, ServerBehavior, Term, Traffic, wait_until};

/// Terminal sizes with different layouts, in columns and lines.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];
/// Characters of sparklines, lowest first.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Starts hapulse and waits until it shows live data.
fn start_dashboard(lab: &Lab, cols: u16, rows: u16) -> Term {
    let term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(cols, rows).start();
    term.wait_for("live");
    term
}

/// Returns the rows of `show stat`: each row's fields by column name.
fn stat_rows(lab: &Lab) -> Vec<BTreeMap<String, String>> {
    let text = lab.send_command("show stat");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    reader.deserialize().filter_map(Result::ok).collect()
}

/// Returns the rows of one type: 0 frontends, 1 backends, 2 servers.
fn rows_of_kind(rows: &[BTreeMap<String, String>], kind: &str) -> Vec<BTreeMap<String, String>> {
    rows.iter().filter(|row| row["type"] == kind).cloned().collect()
}

fn dash_if_empty(text: String) -> String {
    if text.is_empty() { "–".into() } else { text }
}

/// Returns the cells expected in the row without traffic.
fn expected_idle_cells(row: &BTreeMap<String, String>) -> Vec<(&'static str, String)> {
    let (scur, slim) = (&row["scur"], &row["slim"]);
    let limited = if slim.is_empty() || slim == "0" { scur.clone() } else { format!("{scur}/{slim}") };
    let mut cells = vec![("STATE", row["status"].clone()), ("REQ/S", "0".into())];
    match row["type"].as_str() {
        "0" => cells.extend([("SESS/LIM", limited), ("SESS/S", "0".into()), ("IN/S", "0B".into())]),
        "1" => cells.extend([("SESS", scur.clone()), ("QUEUE", row["qcur"].clone()), ("ERR/S", "0".into())]),
        _ => cells.extend([
            ("SESS/LIM", limited),
            ("QUEUE", row["qcur"].clone()),
            ("ERR/S", "0".into()),
            ("WGHT", row["weight"].clone()),
            ("CHECK", dash_if_empty(row["check_status"].clone())),
        ]),
    }
    cells
}

/// Returns the cells of the table that differ from `show stat`, both read now.
fn differences(lab: &Lab, term: &Term, title: &str, filter: impl Fn(&BTreeMap<String, String>) -> bool) -> Vec<String> {
    let table = term.table(title);
    let mut found = Vec::new();
    for row in stat_rows(lab).into_iter().filter(|row| filter(row)) {
        let name = if row["type"] == "2" { &row["svname"] } else { &row["# pxname"] };
        for (column, expected) in expected_idle_cells(&row) {
            let shown = table.as_ref().and_then(|table| table.cell(name, column));
            if shown.as_deref() != Some(expected.as_str()) {
                found.push(format!("{name} {column}: {shown:?}, not {expected:?}"));
            }
        }
    }
    found
}

/// Waits until the table's cells match `show stat`.
fn wait_for_match(lab: &Lab, term: &Term, title: &str, filter: impl Fn(&BTreeMap<String, String>) -> bool) {
    assert!(stat_rows(lab).iter().any(&filter), "{title}: no rows to compare");
    let end = Instant::now() + DEADLINE;
    let mut different = differences(lab, term, title, &filter);
    while !different.is_empty() {
        assert!(Instant::now() < end, "{title}: {different:#?}\n{}", term.screen());
        thread::sleep(Duration::from_millis(20));
        different = differences(lab, term, title, &filter);
    }
}

#[test]
fn dashboard_cells_match_show_stat() {
    let lab = Lab::builder()
        .frontends(2)
        .backends(3)
        .servers(3)
        .checks()
        .maxconn(20)
        .server_option("be2/s3", "weight 7")
        .server_behavior("be2/s2", ServerBehavior::Closed)
        .start();
    assert_eq!(Traffic::to(lab.addr("fe2")).send(30).ok, 30);
    assert_eq!(Traffic::to(lab.frontend_addr()).path("/be3/x").send(10).ok, 10);
    lab.wait_stat("be2", "s2", "status", |status| status == "DOWN");
    lab.send_command("disable server be3/s1");
    let mut term = start_dashboard(&lab, 200, 60);
    let header = term.wait_for("servers 7 up  1 down  1 maint/drain");
    let (pid, version) = (lab.info("Pid"), lab.info("Version"));
    let version = version.split('-').next().unwrap();
    for part in [format!("pid {pid}"), format!("HAProxy {version}"), lab.info("node"), "ADMIN".into()] {
        assert!(header.contains(&part), "{part}\n{header}");
    }
    term.wait_for(&format!("{}/{} 0%", lab.info("CurrConns"), lab.info("Maxconn")));
    wait_for_match(&lab, &term, "Frontends", |row| row["type"] == "0");
    wait_for_match(&lab, &term, "Backends", |row| row["type"] == "1");
    for (backend, up) in [("be1", "3/3"), ("be2", "2/3"), ("be3", "2/3")] {
        assert_eq!(term.cell("Backends", backend, "UP").as_deref(), Some(up), "{backend}");
        term.move_to_row("Backends", backend);
        let title = format!("Servers of {backend}");
        wait_for_match(&lab, &term, &title, |row| row["type"] == "2" && row["# pxname"] == backend);
    }
    term.move_to_row("Backends", "be2");
    assert_eq!(term.wait_cell("Servers of be2", "s2", "STATE", |_| true), "DOWN");
    term.wait_cell("Servers of be2", "s2", "CHECK", |check| check == "L4CON");
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

#[test]
fn dashboard_counts_open_request_on_its_own_rows() {
    // With this option HAProxy drops a request as soon as its client disconnects.
    let builder = Lab::builder().backends(2).cookie().defaults("option abortonclose");
    let lab = builder.server_behavior("be2/s2", ServerBehavior::Slow(Duration::from_mins(1))).start();
    let mut term = start_dashboard(&lab, 200, 60);
    let request = Traffic::to(lab.frontend_addr()).path("/be2/").header("Cookie: SRV=s2").workers(1).start();
    lab.wait_stat("be2", "s2", "scur", |sessions| sessions == "1");
    term.move_to_row("Backends", "be2");
    term.wait_cell("Servers of be2", "s2", "SESS/LIM", |sessions| sessions == "1");
    term.wait_cell("Backends", "be2", "SESS", |sessions| sessions == "1");
    assert_eq!(term.cell("Backends", "be1", "SESS").as_deref(), Some("0"));
    assert_eq!(term.cell("Servers of be2", "s1", "SESS/LIM").as_deref(), Some("0"));
    let limit = lab.stat("fe1", "FRONTEND", "slim");
    term.wait_cell("Frontends", "fe1", "SESS/LIM", |sessions| sessions == format!("1/{limit}"));
    request.stop();
    term.wait_cell("Servers of be2", "s2", "SESS/LIM", |sessions| sessions == "0");
    term.wait_cell("Backends", "be2", "SESS", |sessions| sessions == "0");
}

/// Returns whether a block of the sparkline with this label is higher than the lowest.
fn has_high_block(screen: &str, label: &str) -> bool {
    let line = screen.lines().rev().find(|line| line.contains(label) && line.contains(BLOCKS));
    line.unwrap_or_default().chars().any(|char| BLOCKS.contains(&char) && char != '▁')
}

#[test]
fn dashboard_rates_and_sparklines_follow_traffic() {
    let lab = Lab::builder().start();
    let term = start_dashboard(&lab, 200, 60);
    term.wait_cell("Backends", "be1", "REQ/S", |rate| rate == "0");
    let running = Traffic::to(lab.frontend_addr()).pause(Duration::from_millis(10)).start();
    let is_positive = |rate: &str| rate != "–" && rate != "0";
    for (title, name, column) in [
        ("Frontends", "fe1", "REQ/S"),
        ("Frontends", "fe1", "SESS/S"),
        ("Backends", "be1", "REQ/S"),
        ("Servers of be1", "s1", "REQ/S"),
        ("Servers of be1", "s2", "REQ/S"),
    ] {
        term.wait_cell(title, name, column, is_positive);
    }
    term.wait_until(|screen| has_high_block(screen, "req/s "));
    // The header has its own sparkline.
    let header = term.wait_until(|screen| screen.lines().nth(1).is_some_and(|line| line.contains(BLOCKS)));
    assert!(header.lines().nth(1).unwrap().contains("req/s"), "{header}");
    let counts = running.stop();
    assert_eq!(counts.failed, 0);
    for (title, name) in [("Frontends", "fe1"), ("Backends", "be1"), ("Servers of be1", "s1")] {
        term.wait_cell(title, name, "REQ/S", |rate| rate == "0");
    }
}

#[test]
fn dashboard_shows_queued_requests() {
    let lab = Lab::builder()
        .servers(1)
        .cookie()
        .maxconn(1)
        .server_behavior("be1/s1", ServerBehavior::Slow(Duration::from_mins(1)))
        .start();
    let term = start_dashboard(&lab, 120, 40);
    let first = Traffic::to(lab.frontend_addr()).workers(1).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "1");
    // Two requests queue for any server, and three for the server in their cookie.
    let _queued_in_backend = Traffic::to(lab.frontend_addr()).workers(2).start();
    let _queued_in_server = Traffic::to(lab.frontend_addr()).header("Cookie: SRV=s1").workers(3).start();
    lab.wait_stat("be1", "BACKEND", "qcur", |queue| queue == "2");
    lab.wait_stat("be1", "s1", "qcur", |queue| queue == "3");
    // The queue of a backend on the screen includes its servers' queues.
    term.wait_cell("Backends", "be1", "QUEUE", |queue| queue == "5");
    term.wait_cell("Servers of be1", "s1", "QUEUE", |queue| queue == "3");
    assert_eq!(term.cell("Servers of be1", "s1", "SESS/LIM").as_deref(), Some("1/1"));
    term.wait_for("queue 5");
    drop(first);
}

#[test]
fn dashboard_lists_all_names_at_every_size() {
    let lab = Lab::builder().frontends(3).backends(3).servers(4).start();
    let rows = stat_rows(&lab);
    let names = |kind: &str| rows_of_kind(&rows, kind).iter().map(|row| row["# pxname"].clone()).collect::<Vec<_>>();
    for (cols, lines) in SIZES {
        let mut term = start_dashboard(&lab, cols, lines);
        for (title, kind) in [("Frontends", "0"), ("Backends", "1")] {
            term.wait_until(|screen| PaneTable::find(screen, title).is_some_and(|table| table.names() == names(kind)));
        }
        for backend in names("1") {
            term.move_to_row("Backends", &backend);
            let servers = rows_of_kind(&rows, "2").into_iter().filter(|row| row["# pxname"] == backend);
            let servers: Vec<_> = servers.map(|row| row["svname"].clone()).collect();
            let title = format!("Servers of {backend}");
            term.wait_until(|screen| PaneTable::find(screen, &title).is_some_and(|table| table.names() == servers));
            for column in ["STATE", "SESS/LIM", "QUEUE", "REQ/S", "5XX", "RTIME"] {
                assert!(term.cell(&title, "s4", column).is_some(), "{column} at {cols}x{lines}\n{}", term.screen());
            }
        }
        assert!(term.screen().lines().all(|line| line.chars().count() <= usize::from(cols)));
    }
}

#[test]
fn ascii_mode_writes_only_ascii() {
    let lab = Lab::builder().checks().server_behavior("be1/s2", ServerBehavior::Closed).start();
    lab.wait_stat("be1", "s2", "status", |status| status == "DOWN");
    let _running = Traffic::to(lab.frontend_addr()).pause(Duration::from_millis(10)).start();
    for (cols, lines) in SIZES {
        let args = ["--ascii", "-i", "0.2"];
        let mut term = Term::builder().args(args).args([lab.admin()]).size(cols, lines).start();
        term.wait_cell("Backends", "be1", "REQ/S", |rate| !["0", "-"].contains(&rate));
        term.press("?");
        term.wait_for("Keys");
        term.press("<esc>");
        term.wait_gone("Keys");
        term.move_to_server("be1", "s1");
        term.press("M");
        term.wait_for("then Enter to confirm");
        term.press("<esc>");
        term.wait_for("nothing was sent");
        let raw = String::from_utf8(term.raw()).unwrap();
        let unexpected: Vec<char> = raw.chars().filter(|char| !char.is_ascii()).collect();
        assert!(unexpected.is_empty(), "{unexpected:?} at {cols}x{lines}\n{}", term.screen());
    }
}

/// Returns the color parameters of all SGR sequences in the output.
fn sgr_colors(raw: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(raw);
    let sequences = text.split("\x1b[").skip(1).filter_map(|rest| {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != ';')?;
        rest[end..].starts_with('m').then(|| rest[..end].to_owned())
    });
    let parameters: Vec<u16> = sequences.flat_map(|sequence| sgr_parameters(&sequence)).collect();
    parameters.into_iter().filter(|number| matches!(number, 30..=38 | 40..=48 | 90..=97 | 100..=107)).collect()
}

/// Parses the parameters of an SGR sequence.
fn sgr_parameters(sequence: &str) -> Vec<u16> {
    sequence.split(';').filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn no_color_shows_states_as_words_and_cursor_in_reverse() {
    let lab = Lab::builder().checks().server_behavior("be1/s2", ServerBehavior::Closed).start();
    lab.wait_stat("be1", "s2", "status", |status| status == "DOWN");
    let mut colored = start_dashboard(&lab, 120, 40);
    colored.wait_cell("Servers of be1", "s2", "STATE", |state| state == "DOWN");
    assert!(!sgr_colors(&colored.raw()).is_empty(), "colors are used by default");
    colored.press("q");
    for (cols, lines) in SIZES {
        let builder = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(cols, lines);
        let mut term = builder.env("NO_COLOR", "1").start();
        term.wait_cell("Servers of be1", "s2", "STATE", |state| state == "DOWN");
        term.move_to_server("be1", "s2");
        let is_reversed = || {
            let screen = term.screen();
            let row = screen.lines().position(|line| line.contains("DOWN") && line.contains('▶'));
            let row = u16::try_from(row.expect("the cursor is on the row")).unwrap();
            let text: Vec<char> = screen.lines().nth(usize::from(row)).unwrap().chars().collect();
            let column = text.iter().position(|char| *char == '▶').unwrap() + 3;
            let column = u16::try_from(column).unwrap();
            term.with_screen(|screen| screen.cell(row, column).is_some_and(vt100::Cell::inverse))
        };
        wait_until("the selected row in reverse video", is_reversed);
        assert_eq!(sgr_colors(&term.raw()), [0; 0], "at {cols}x{lines}");
    }
}
