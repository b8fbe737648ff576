//! The simulated HAProxy of `hapulse demo`: its replies match HAProxy 2.6, its counters add up, and it executes
//! commands.
//!
//! The tests set the clock; only the tests of the socket use real time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers may panic")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use hapulse::demo::{CliLevel, Demo, DemoOptions, PastReply, World, interpreter, start};

/// Midnight UTC of 1 January 2027, in seconds since the epoch: dates are the same in every run.
const START_TIME: u64 = 1_798_761_600;

fn world(warm_up: u64) -> World {
    World::new(7, Duration::from_secs(warm_up), START_TIME, 0)
}

fn run(world: &mut World, line: &str) -> String {
    run_as(world, line, CliLevel::Admin)
}

fn run_as(world: &mut World, line: &str, mut level: CliLevel) -> String {
    interpreter::execute_line(world, line, &mut level)
}

type Row = HashMap<String, String>;

/// Returns the rows of `show stat` by `proxy/row`. A frontend and a backend of the same name have different rows.
fn stat_rows(world: &mut World) -> HashMap<String, Row> {
    rows_of(&run(world, "show stat"))
}

/// Returns the rows of a reply to `show stat` by `proxy/row`.
fn rows_of(reply: &str) -> HashMap<String, Row> {
    let mut lines = reply.lines().filter(|line| !line.is_empty());
    let header: Vec<&str> = lines.next().unwrap().trim_start_matches("# ").split(',').collect();
    let row = |line: &str| -> Row {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), header.len(), "{line}");
        header.iter().zip(fields).map(|(name, field)| ((*name).to_owned(), field.to_owned())).collect()
    };
    lines.map(row).map(|row| (format!("{}/{}", row["pxname"], row["svname"]), row)).collect()
}

fn number(row: &Row, column: &str) -> i64 {
    row[column]
        .parse()
        .unwrap_or_else(|_| panic!("{column} of {}/{} is {:?}", row["pxname"], row["svname"], row[column]))
}

/// Advances the world second by second until `done`; returns the number of seconds. Panics after `limit` seconds.
fn advance_until(world: &mut World, limit: usize, done: impl Fn(&HashMap<String, Row>) -> bool) -> usize {
    for second in 0..limit {
        if done(&stat_rows(world)) {
            return second;
        }
        world.advance(Duration::from_secs(1));
    }
    panic!("not within {limit} s");
}

#[test]
fn show_stat_header_matches_haproxy_2_6() {
    let reply = run(&mut world(0), "show stat");
    let header = reply.lines().next().unwrap();
    assert!(header.starts_with("# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,"));
    assert!(header.contains(",agg_server_status,agg_server_check_status,agg_check_status,-,ssl_sess,"));
    assert!(header.ends_with(",h1_spliced_bytes_in,h1_spliced_bytes_out,"));
    assert_eq!(header.split(',').count(), 129, "128 columns and the empty one after the last comma");
    assert!(reply.ends_with("\n\n"));
}

/// The filled columns by kind of row were read from the replies of HAProxy 2.6.12.
#[test]
fn show_stat_fills_same_columns_as_haproxy() {
    let mut world = world(120);
    let rows = stat_rows(&mut world);
    let assert_empty = |name: &str, columns: &str, is_empty: bool| {
        for column in columns.split(' ') {
            assert_eq!(rows[name][column].is_empty(), is_empty, "{column} of {name}");
        }
    };
    assert_empty(
        "www/FRONTEND",
        "qcur qmax econ weight act chkfail lastchg throttle lbtot lastsess qtime algo addr uweight",
        true,
    );
    assert_empty(
        "www/FRONTEND",
        "scur slim dreq ereq rate_lim req_rate conn_tot intercepted wrew h1_open_connections",
        false,
    );
    assert_empty("smtp/FRONTEND", "hrsp_2xx intercepted cache_hits cli_abrt", true);
    assert_empty("smtp/FRONTEND", "req_rate req_tot conn_rate h1_open_connections", false);
    assert_empty(
        "www/www1",
        "dreq ereq qlimit throttle tracked rate_lim req_rate last_chk last_agt agent_status algo agg_check_status h2_goaway_resp",
        true,
    );
    assert_empty(
        "www/www1",
        "slim check_code check_desc check_health cookie srv_icur need_conn_est uweight req_tot connect",
        false,
    );
    assert_empty("static/static1", "slim cookie", true);
    assert_empty("auth/auth1", "last_agt agent_status agent_desc agent_health", false);
    assert_empty("legacy/old1", "check_code", true);
    assert_empty("api/api3", "check_status check_code check_duration check_rise check_health check_desc", true);
    assert_empty("api/api3", "chkfail chkdown downtime", false);
    assert_empty("smtp/mx1", "hrsp_2xx req_tot check_code", true);
    assert_empty("www/BACKEND", "chkfail check_status addr conn_tot intercepted srv_icur", true);
    assert_empty("www/BACKEND", "slim dreq lbtot comp_in cookie algo agg_check_status h1_total_connections", false);
    assert_empty("stats/BACKEND", "downtime", true);
    assert_eq!(rows["legacy/old1"]["check_status"], "L4CON");
    assert_eq!(rows["legacy/old1"]["last_chk"], "Connection refused");
    assert_eq!(rows["legacy/BACKEND"]["status"], "DOWN");
    assert_eq!(rows["api/api3"]["status"], "MAINT");
    assert_eq!(rows["auth/auth1"]["last_agt"], "via agent : up");
}

#[test]
fn show_stat_selects_rows_by_proxy_type_and_server() {
    let mut world = world(0);
    let names = |reply: &str| -> Vec<String> {
        reply.lines().skip(1).filter_map(|line| line.split(',').nth(1).map(str::to_owned)).collect()
    };
    assert_eq!(names(&run(&mut world, "show stat auth 7 -1")), ["auth1", "auth2", "BACKEND"]);
    assert_eq!(names(&run(&mut world, "show stat -1 1 -1")), ["FRONTEND"; 4]);
    assert_eq!(names(&run(&mut world, "show stat 4 4 2")), ["www2"]);
    assert!(names(&run(&mut world, "show stat 9999 7 -1")).is_empty());
    assert_eq!(run(&mut world, "show stat nosuch 7 -1"), "No such proxy.\n\n");
}

/// Asserts every sum that must hold at any moment.
fn assert_sums(rows: &HashMap<String, Row>) {
    let mut received_by_backends = 0;
    for backend in rows.values().filter(|row| row["svname"] == "BACKEND" && row["pxname"] != "stats") {
        let servers: Vec<&Row> =
            rows.values().filter(|row| row["type"] == "2" && row["pxname"] == backend["pxname"]).collect();
        let sum = |column: &str| servers.iter().map(|row| number(row, column)).sum::<i64>();
        let name = &backend["pxname"];
        let waiting = number(backend, "qcur") + sum("qcur");
        assert_eq!(number(backend, "scur"), sum("scur") + waiting, "scur of {name}");
        assert_eq!(number(backend, "stot"), sum("stot") + waiting + number(backend, "econ"), "stot of {name}");
        assert_eq!(number(backend, "lbtot"), sum("lbtot"), "lbtot of {name}");
        assert_eq!(number(backend, "wredis"), sum("wredis"), "wredis of {name}");
        for row in servers.iter().copied().chain([backend]) {
            let connections = number(row, "connect") + number(row, "reuse");
            let refused = if row["type"] == "1" { waiting + number(backend, "econ") } else { 0 };
            assert_eq!(connections + refused, number(row, "stot"), "connect and reuse of {row:?}");
            assert!(number(row, "lbtot") <= connections);
        }
        if backend["mode"] == "http" {
            for class in ["hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_other"] {
                assert_eq!(number(backend, class), sum(class), "{class} of {name}");
            }
            assert_eq!(number(backend, "hrsp_5xx"), sum("hrsp_5xx") + number(backend, "econ"), "hrsp_5xx of {name}");
            received_by_backends += number(backend, "req_tot");
        }
        for row in servers.iter().copied().chain([backend]).filter(|row| row["mode"] == "http") {
            let classes =
                ["1xx", "2xx", "3xx", "4xx", "5xx", "other"].map(|class| number(row, &format!("hrsp_{class}")));
            assert_eq!(classes.iter().sum::<i64>(), number(row, "req_tot"), "{row:?}");
            if row["svname"] != "BACKEND" {
                assert_eq!(number(row, "stot") - number(row, "req_tot"), number(row, "scur"), "{row:?}");
            }
        }
    }
    let frontends = rows.values().filter(|row| row["svname"] == "FRONTEND" && row["mode"] == "http");
    let forwarded_by_frontends: i64 = frontends
        .map(|row| number(row, "req_tot") - number(row, "intercepted") - number(row, "dreq") - number(row, "ereq"))
        .sum();
    assert_eq!(
        forwarded_by_frontends, received_by_backends,
        "requests forwarded by frontends and received by backends"
    );
}

#[test]
fn counters_add_up_after_ten_minutes_and_after_days() {
    for warm_up in [0, 3 * 86_400] {
        let mut world = world(warm_up);
        for _ in 0..10 {
            assert_sums(&stat_rows(&mut world));
            world.advance(Duration::from_secs(59));
        }
        assert_sums(&stat_rows(&mut world));
    }
}

#[test]
fn counters_decrease_only_at_reload() {
    let mut world = world(0);
    let mut before = stat_rows(&mut world);
    for _ in 0..60 {
        world.advance(Duration::from_millis(4700));
        let after = stat_rows(&mut world);
        for (name, row) in &after {
            for column in
                ["stot", "lbtot", "bin", "bout", "hrsp_2xx", "hrsp_5xx", "req_tot", "chkfail", "downtime", "wretr"]
            {
                if !row[column].is_empty() && !before[name][column].is_empty() {
                    assert!(number(row, column) >= number(&before[name], column), "{column} of {name}");
                }
            }
        }
        before = after;
    }
    assert!(number(&before["www/BACKEND"], "stot") > 30_000);
    let pid =
        |world: &mut World| run(world, "show info").lines().find(|line| line.starts_with("Pid: ")).map(str::to_owned);
    let old = pid(&mut world);
    run(&mut world, "disable server www/www1");
    world.advance(Duration::from_secs(330));
    assert_ne!(pid(&mut world), old);
    let after = stat_rows(&mut world);
    assert!(number(&after["www/BACKEND"], "stot") < number(&before["www/BACKEND"], "stot"));
    assert!(after["www/www1"]["status"].starts_with("UP"), "a reload loses runtime changes");
}

#[test]
fn same_seed_gives_same_world_for_any_step_size() {
    let (mut one_step, mut many_steps) = (world(600), world(600));
    one_step.advance(Duration::from_secs(90));
    for _ in 0..900 {
        many_steps.advance(Duration::from_millis(100));
    }
    assert_eq!(run(&mut one_step, "show stat;show info"), run(&mut many_steps, "show stat;show info"));
}

#[test]
fn long_warm_up_shows_in_totals() {
    let mut world = world(3 * 86_400);
    let info = run(&mut world, "show info");
    assert!(info.contains("\nUptime: 3d 0h00m00s\nUptime_sec: 259200\n"), "{info}");
    assert_eq!(info.trim_end().lines().count(), 70);
    let rows = stat_rows(&mut world);
    assert!(number(&rows["www/FRONTEND"], "req_tot") > 50_000_000);
    assert_eq!(number(&rows["api/api3"], "downtime"), 259_200);
    assert!(number(&rows["www/FRONTEND"], "scur") > 300);
}

#[test]
fn maintenance_empties_server_and_enable_restores_it() {
    let mut world = world(600);
    assert_eq!(run(&mut world, "set server www/www2 state maint"), "\n");
    assert_eq!(stat_rows(&mut world)["www/www2"]["status"], "MAINT");
    let busy = number(&stat_rows(&mut world)["www/www1"], "scur");
    advance_until(&mut world, 15, |rows| number(&rows["www/www2"], "scur") == 0);
    world.advance(Duration::from_secs(5));
    let rows = stat_rows(&mut world);
    assert!(number(&rows["www/www1"], "scur") > busy, "the other servers receive its sessions");
    assert_eq!((rows["www/BACKEND"]["act"].as_str(), rows["www/BACKEND"]["weight"].as_str()), ("3", "260"));
    assert_eq!(run(&mut world, "enable server www/www2"), "\n");
    assert_eq!(stat_rows(&mut world)["www/www2"]["status"], "UP 1/3");
    advance_until(&mut world, 5, |rows| rows["www/www2"]["status"] == "UP 2/3");
    advance_until(&mut world, 5, |rows| rows["www/www2"]["status"] == "UP");
    advance_until(&mut world, 15, |rows| number(&rows["www/www2"], "scur") > 20);
}

#[test]
fn drain_empties_server_slowly() {
    let mut world = world(600);
    assert_eq!(run(&mut world, "set server www/www1 state drain"), "\n");
    world.advance(Duration::from_secs(3));
    let rows = stat_rows(&mut world);
    assert_eq!(rows["www/www1"]["status"], "DRAIN");
    assert!(number(&rows["www/www1"], "scur") > 0, "clients with a cookie still reach it");
    let seconds = advance_until(&mut world, 60, |rows| number(&rows["www/www1"], "scur") == 0);
    assert!((5..40).contains(&seconds), "{seconds}");
    world.advance(Duration::from_secs(20));
    assert_eq!(number(&stat_rows(&mut world)["www/www1"], "scur"), 0);
    run(&mut world, "set server www/www1 state ready");
    advance_until(&mut world, 20, |rows| number(&rows["www/www1"], "scur") > 20);
}

#[test]
fn admin_states_are_kept_through_scenario() {
    let mut world = world(600);
    run(&mut world, "set server static/static2 state maint;set server www/www3 state drain;set weight www/www4 10");
    for _ in 0..58 {
        world.advance(Duration::from_secs(10));
        let rows = stat_rows(&mut world);
        assert_eq!(rows["static/static2"]["status"], "MAINT");
        assert_eq!(rows["www/www3"]["status"], "DRAIN");
        assert_eq!(rows["www/www4"]["weight"], "10");
    }
}

#[test]
fn scenario_shows_queue_slow_server_flapping_and_errors() {
    let mut world = world(600);
    let mut seen: HashMap<&str, bool> = HashMap::new();
    let mut states = Vec::new();
    let errors = number(&stat_rows(&mut world)["auth/BACKEND"], "hrsp_5xx");
    for second in 0..240 {
        world.advance(Duration::from_secs(1));
        let rows = stat_rows(&mut world);
        let mut record = |event: &'static str, happens: bool| *seen.entry(event).or_default() |= happens;
        record("queue within 10 s", second < 10 && number(&rows["api/BACKEND"], "qcur") > 0);
        record("long queue", number(&rows["api/BACKEND"], "qcur") > 15);
        record("api servers full", number(&rows["api/api1"], "scur") == number(&rows["api/api1"], "slim"));
        record("api queue time", number(&rows["api/BACKEND"], "qtime") > 150);
        record("queue drained", second > 60 && number(&rows["api/BACKEND"], "qcur") == 0);
        record("www3 is slow", number(&rows["www/www3"], "rtime") > 2 * number(&rows["www/www1"], "rtime"));
        record("slow start", !rows["static/static2"]["throttle"].is_empty());
        record("auth errors", number(&rows["auth/BACKEND"], "hrsp_5xx") > errors + 40);
        record("check timeout", rows["static/static2"]["check_status"] == "L4TOUT");
        let state = rows["static/static2"]["status"].clone();
        if states.last() != Some(&state) {
            states.push(state);
        }
        assert!(number(&rows["api/BACKEND"], "qcur") < 80, "the queue stays short");
    }
    assert!(seen.values().all(|seen| *seen), "{seen:?}");
    let wanted = ["UP", "UP 2/3", "UP 1/3", "DOWN", "DOWN 1/2", "UP"];
    assert_eq!(states[..wanted.len()], wanted);
    assert!(states.len() > wanted.len(), "static2 flaps once more: {states:?}");
    assert_eq!(states.last().map(String::as_str), Some("UP"));
}

#[test]
fn cli_levels_are_enforced() {
    let mut world = world(0);
    let refused = "Permission denied\n\n";
    for line in
        ["show sess", "show sess all", "show errors", "clear counters", "set server www/www1 state maint", "operator"]
    {
        assert_eq!(run_as(&mut world, line, CliLevel::User), refused, "{line}");
    }
    for line in [
        "clear counters all",
        "disable server www/www1",
        "set weight www/www1 1",
        "set maxconn global 5",
        "disable frontend www",
        "shutdown session 0x1",
        "shutdown sessions server www/www1",
    ] {
        assert_eq!(run_as(&mut world, line, CliLevel::Operator), refused, "{line}");
    }
    assert_eq!(run_as(&mut world, "clear counters", CliLevel::Operator), "\n");
    assert_eq!(run_as(&mut world, "get weight www/www1", CliLevel::User), "100 (initial 100)\n\n");
    assert_eq!(
        run_as(&mut world, "show table www", CliLevel::User),
        "# table: www, type: ip, size:102400, used:0\n# contents not dumped due to insufficient privileges\n\n"
    );
    assert_eq!(
        run(&mut world, "show cli level;operator;show cli level;user;show cli level;operator"),
        "admin\n\n\noperator\n\n\nuser\n\nPermission denied\n\n"
    );
}

/// The texts were read from HAProxy 2.6.12.
#[test]
fn error_texts_match_haproxy() {
    let mut world = world(0);
    for (line, text) in [
        ("set server", "Require 'backend/server'."),
        ("disable server www", "Require 'backend/server'."),
        ("disable server nosuch/x", "No such backend."),
        ("disable server www/nosuch", "No such server."),
        ("set server www/www1 state bogus", "'set server <srv> state' expects 'ready', 'drain' and 'maint'."),
        ("set server www/www1 health bogus", "'set server <srv> health' expects 'up', 'stopping', or 'down'."),
        ("set server www/www1 agent down", "agent checks are not enabled on this server."),
        ("set server www/www1 weight 257", "Absolute weight can only be between 0 and 256 inclusive."),
        ("set server www/www1 weight", "Require <weight> or <weight%>."),
        ("set weight smtp/mx1 3", "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'."),
        ("enable agent www/www1", "Agent was not configured on this server, cannot enable."),
        ("set maxconn frontend nosuch 1", "No such frontend."),
        ("set maxconn frontend www", "Integer value expected."),
        ("set maxconn frontend www -1", "Value out of range."),
        ("set maxconn server api/api1", "Require <maxconn>."),
        ("set maxconn global 100000", "Value out of range."),
        ("enable frontend www", "All sockets are already enabled."),
        ("shutdown session abc", "Session pointer expected (use 'show sess')."),
        ("shutdown session 0x1234", "No such session (use 'show sess')."),
        ("show sess 0xdead", "Session not found."),
        ("show servers state nosuch", "Can't find backend."),
        ("show table nosuch", "No such table"),
        ("set timeout cli 0", "Invalid timeout value."),
    ] {
        assert_eq!(run(&mut world, line), format!("{text}\n\n"), "{line}");
    }
    assert_eq!(run(&mut world, "set weight www/www1 abc"), "Empty weight string empty or preceded by garbage\n");
    let unknown = run(&mut world, "show nosuch");
    assert!(unknown.starts_with("Unknown command, but maybe one of the following ones is a better match:\n  show "));
    assert!(unknown.ends_with("  quit                                    : disconnect\n\n"));
    assert!(run(&mut world, "nosuch").starts_with("Unknown command, but maybe"));
}

#[test]
fn servers_state_shows_admin_bits() {
    let mut world = world(600);
    run(
        &mut world,
        "disable server www/www1;set server www/www2 state drain;set server www/www3 weight 50%;disable health www/www4",
    );
    let reply = run(&mut world, "show servers state");
    let lines: Vec<Vec<&str>> = reply.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines[0], ["1"]);
    assert_eq!(lines[1].len(), 26, "25 columns and the \"#\"");
    let line = |name: &str| lines.iter().find(|line| line.get(3) == Some(&name)).unwrap();
    assert_eq!(line("www1")[5..9], ["0", "1", "100", "100"]);
    assert_eq!(line("www2")[5..9], ["2", "8", "100", "100"]);
    assert_eq!(line("www3")[5..9], ["2", "0", "50", "100"]);
    assert_eq!(line("api3")[5..9], ["0", "5", "100", "100"]);
    assert_eq!(line("old1")[5..7], ["0", "0"]);
    assert_eq!(line("www4")[13], "2");
    assert_eq!(line("auth1")[24], "9777");
    assert!(lines[2..].iter().all(|line| line.len() == 25 || line == &[""]));
    run(&mut world, "set server api/api3 state ready");
    let after = run(&mut world, "show servers state api");
    assert!(
        after.contains(" api3 10.0.2.23 2 4 100 100 "),
        "the bit for \"disabled in the configuration\" stays: {after}"
    );
    assert_eq!(stat_rows(&mut world)["www/www4"]["status"], "no check");
}

#[test]
fn set_health_and_agent_change_status() {
    let mut world = world(600);
    run(
        &mut world,
        "set server www/www1 health stopping;set server www/www2 health down;set server auth/auth1 agent down",
    );
    let rows = stat_rows(&mut world);
    assert_eq!(rows["www/www1"]["status"], "NOLB");
    assert_eq!(rows["www/www2"]["status"], "DOWN");
    assert_eq!(rows["auth/auth1"]["status"], "DOWN (agent)");
    advance_until(&mut world, 8, |rows| rows["www/www2"]["status"] == "UP");
    advance_until(&mut world, 8, |rows| rows["auth/auth1"]["status"] == "UP");
}

#[test]
fn backend_without_usable_server_returns_503() {
    let mut world = world(60);
    run(&mut world, "disable server auth/auth1;disable server auth/auth2");
    let before = number(&stat_rows(&mut world)["auth/BACKEND"], "econ");
    world.advance(Duration::from_secs(10));
    let rows = stat_rows(&mut world);
    assert_eq!(rows["auth/BACKEND"]["status"], "DOWN");
    assert!(number(&rows["auth/BACKEND"], "econ") > before + 40);
    run(
        &mut world,
        "set server www/www1 state maint;set server www/www2 state maint;set server www/www3 state maint;set server www/www4 state maint",
    );
    world.advance(Duration::from_secs(2));
    let rows = stat_rows(&mut world);
    assert_eq!((rows["www/BACKEND"]["status"].as_str(), rows["www/BACKEND"]["act"].as_str()), ("UP", "0"));
    assert!(number(&rows["www/sorry1"], "scur") > 20, "the backup server is used");
    assert_sums(&rows);
}

#[test]
fn sessions_are_listed_and_shut_down() {
    let mut world = world(60);
    let list = run(&mut world, "show sess");
    assert!(list.lines().count() > 100);
    let line = list.lines().find(|line| line.contains(" srv=www1 ")).unwrap();
    assert!(line.contains(": proto=tcpv4 src=") && line.contains(" fe=www be=www "), "{line}");
    let pointer = line.split(':').next().unwrap().to_owned();
    let full = run(&mut world, &format!("show sess {pointer}"));
    assert!(full.starts_with(&format!("{pointer}: [31/Dec/2026:23:59:")), "{full}");
    assert!(full.contains("\n  server=www1 (id=1) addr=10.0.1.11:80\n"), "{full}");
    assert_eq!(run(&mut world, &format!("shutdown session {pointer}")), "\n");
    assert!(!run(&mut world, "show sess").contains(&pointer));
    assert_eq!(run(&mut world, "shutdown sessions server smtp/mx1;shutdown sessions server smtp/mx2"), "\n\n");
    assert_eq!(number(&stat_rows(&mut world)["smtp/BACKEND"], "scur"), 0);
    assert_sums(&stat_rows(&mut world));
}

#[test]
fn stick_tables_are_filtered_and_cleared() {
    let mut world = world(60);
    let all = run(&mut world, "show table www");
    let busy = run(&mut world, "show table www data.http_req_rate gt 40");
    let (all, busy) = (all.lines().count(), busy.lines().count());
    assert!(busy > 2 && busy < all, "{busy} of {all}");
    assert_eq!(run(&mut world, "clear table auth key ann"), "\n");
    assert!(!run(&mut world, "show table auth").contains("key=ann "));
    assert_eq!(run(&mut world, "clear table www;show table www"), "\n# table: www, type: ip, size:102400, used:0\n\n");
    assert_eq!(run(&mut world, "show table www data.bogus gt 1"), "Unknown data type\n\n");
}

#[test]
fn counters_are_cleared_and_frontend_limits_apply() {
    let mut world = world(60);
    run(&mut world, "clear counters");
    let rows = stat_rows(&mut world);
    assert_eq!(number(&rows["www/FRONTEND"], "smax"), 0);
    assert!(number(&rows["www/FRONTEND"], "stot") > 0);
    run(&mut world, "clear counters all");
    assert_eq!(number(&stat_rows(&mut world)["www/FRONTEND"], "stot"), 0);
    assert_eq!(run(&mut world, "set maxconn frontend api-in abc"), "\n");
    assert_eq!(stat_rows(&mut world)["api-in/FRONTEND"]["slim"], "0");
    assert_eq!(run(&mut world, "disable frontend www"), "\n");
    assert_eq!(stat_rows(&mut world)["www/FRONTEND"]["status"], "PAUSED");
    world.advance(Duration::from_mins(1));
    let rows = stat_rows(&mut world);
    assert_eq!(number(&rows["www/FRONTEND"], "conn_rate"), 0);
    assert!(number(&rows["www/FRONTEND"], "scur") < 20, "only sessions already open continue");
    assert_eq!(number(&rows["api-in/FRONTEND"], "conn_rate"), 0);
}

#[test]
fn extra_backends_add_rows() {
    let mut world = World::new(7, Duration::ZERO, START_TIME, 50);
    world.advance(Duration::from_secs(5));
    let rows = stat_rows(&mut world);
    assert_eq!(rows.len(), stat_rows(&mut self::world(0)).len() + 250);
    assert_sums(&rows);
}

fn send_over_socket(demo: &Demo, line: &str) -> String {
    let mut stream = UnixStream::connect(demo.socket()).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn socket_executes_commands_and_is_removed_on_drop() {
    let demo = start(DemoOptions::default()).unwrap();
    let socket = demo.socket().to_owned();
    let replies = send_over_socket(&demo, "show info;show cli level\n");
    assert!(replies.starts_with("Name: HAProxy\nVersion: 2.6.12\n") && replies.ends_with("\n\nadmin\n\n"));
    assert_eq!(send_over_socket(&demo, "set server www/www1 state maint\n"), "\n");
    assert!(send_over_socket(&demo, "show stat 4 4 1\n").contains(",MAINT,"));
    assert_eq!(send_over_socket(&demo, "set server www/www1 state ready\n"), "\n");
    assert!(send_over_socket(&demo, "show stat 4 4 1\n").contains(",UP 1/3,"));
    demo.advance(Duration::from_secs(6));
    assert!(send_over_socket(&demo, "show stat 4 4 1\n").contains(",UP,"));
    drop(demo);
    assert!(!socket.exists() && !socket.parent().unwrap().exists(), "the socket and its directory are removed");
}

#[test]
fn socket_with_user_level_refuses_changes() {
    let demo = start(DemoOptions { level: CliLevel::User, warm_up: Duration::ZERO, ..DemoOptions::default() }).unwrap();
    assert_eq!(send_over_socket(&demo, "disable server www/www1;show cli level\n"), "Permission denied\n\nuser\n\n");
}

#[test]
fn eleventh_connection_waits_for_free_slot() {
    let demo = start(DemoOptions { warm_up: Duration::ZERO, ..DemoOptions::default() }).unwrap();
    let mut idle: Vec<UnixStream> = (0..10).map(|_| UnixStream::connect(demo.socket()).unwrap()).collect();
    let mut late = UnixStream::connect(demo.socket()).unwrap();
    late.write_all(b"show cli level\n").unwrap();
    idle.truncate(9);
    let mut reply = String::new();
    late.read_to_string(&mut reply).unwrap();
    assert_eq!(reply, "admin\n\n");
}

/// The hour before the start of the demo: the rows of each reply, with its age in seconds and the pid.
struct PastHour {
    replies: Vec<(u64, i64, HashMap<String, Row>)>,
    world: World,
}

impl PastHour {
    fn new() -> Self {
        let mut replies = Vec::new();
        let world = World::with_past_hour(7, Duration::from_hours(76), START_TIME, 0, |reply| replies.push(reply));
        let read = |reply: &PastReply| {
            let (info, stat) = reply.text.split_once("\n\n").unwrap();
            let info = |key: &str| {
                let value = info.lines().find_map(|line| line.strip_prefix(&format!("{key}: ")));
                value.unwrap().parse::<i64>().unwrap()
            };
            let age = reply.age.as_secs();
            let now = START_TIME as i64 - reply.age.as_secs() as i64;
            assert!((info("Start_time_sec") + info("Uptime_sec") - now).abs() <= 1, "{age}: the times agree");
            (age, info("Pid"), rows_of(stat))
        };
        Self { replies: replies.iter().map(read).collect(), world }
    }

    /// Returns the numbers of a column, with their ages.
    fn numbers(&self, name: &str, column: &str) -> Vec<(u64, i64)> {
        self.replies.iter().map(|(age, _, rows)| (*age, number(&rows[name], column))).collect()
    }

    /// Returns the states of a server, each once in a row.
    fn states(&self, name: &str) -> Vec<&str> {
        let states = self.replies.iter().map(|(.., rows)| rows[name]["status"].split(' ').next().unwrap());
        let mut states: Vec<&str> = states.collect();
        states.dedup();
        states
    }
}

#[test]
fn past_hour_is_dense_and_its_counters_add_up() {
    let past = PastHour::new();
    let ages: Vec<u64> = past.replies.iter().map(|(age, ..)| *age).collect();
    assert!(ages[0] >= 3570 && *ages.last().unwrap() <= 4, "{ages:?}");
    assert!(ages.is_sorted_by(|one, next| one > next && one - next <= 22), "{ages:?}");
    let reloads: Vec<u64> =
        past.replies.windows(2).filter(|pair| pair[0].1 != pair[1].1).map(|pair| pair[1].0).collect();
    assert!(matches!(reloads[..], [2370..=2400]), "one reload 40 minutes ago: {reloads:?}");
    for pair in past.replies.windows(2) {
        let ((_, pid, before), (age, next_pid, now)) = (&pair[0], &pair[1]);
        for (name, row) in now {
            for column in
                ["stot", "req_tot", "hrsp_2xx", "hrsp_5xx", "bin", "bout", "lbtot", "econ", "wretr", "chkfail"]
            {
                let is_counted = pid == next_pid && !row[column].is_empty();
                assert!(!is_counted || number(row, column) >= number(&before[name], column), "{name} {column} {age}");
            }
        }
        for backend in ["www", "api", "static", "auth"] {
            let servers = now.iter().filter(|(name, _)| {
                name.starts_with(&format!("{backend}/")) && !name.ends_with("/BACKEND") && !name.ends_with("/FRONTEND")
            });
            let of_servers: i64 = servers.map(|(_, row)| number(row, "hrsp_2xx")).sum();
            let own = &now[&format!("{backend}/BACKEND")];
            assert_eq!(of_servers, number(own, "hrsp_2xx"), "{backend} {age}");
        }
    }
}

#[test]
fn past_hour_has_the_session_rates_and_state_ages_of_the_present() {
    let mut replies = Vec::new();
    let mut world = World::with_past_hour(7, Duration::from_hours(76), START_TIME, 0, |reply| replies.push(reply));
    let rate = |reply: &str| {
        let value = reply.lines().find_map(|line| line.strip_prefix("SessRate: "));
        value.unwrap().parse::<i64>().unwrap()
    };
    world.advance(Duration::from_secs(30));
    let now = rate(&run(&mut world, "show info"));
    let rates: Vec<i64> = replies.iter().map(|reply| rate(&reply.text)).collect();
    assert!(rates.iter().all(|before| *before * 4 > now && *before < now * 3), "{now}: {rates:?}");
    // A state that did not change has the same start in all replies, also before and after the reload.
    let past = PastHour::new();
    for name in ["legacy/old1", "legacy/BACKEND", "api/api1", "www/BACKEND"] {
        let starts = past.numbers(name, "lastchg").into_iter().map(|(age, seconds)| age as i64 + seconds);
        let starts: Vec<i64> = starts.collect();
        let (first, last) = (starts.iter().min().unwrap(), starts.iter().max().unwrap());
        assert!(last - first <= 2, "{name}: {starts:?}");
    }
}

#[test]
fn past_hour_has_queue_flap_deploy_and_slow_servers() {
    let mut past = PastHour::new();
    let queue: Vec<u64> = past
        .numbers("api/BACKEND", "qcur")
        .into_iter()
        .filter(|(_, queued)| *queued >= 10)
        .map(|(age, _)| age)
        .collect();
    assert!(queue.len() >= 4 && queue.iter().all(|age| (1480..=1640).contains(age)), "{queue:?}");
    assert_eq!(past.states("static/static2").iter().filter(|state| **state == "DOWN").count(), 3);
    for server in ["www/www1", "www/www2", "www/www3", "www/www4"] {
        assert_eq!(past.states(server), ["UP", "DRAIN", "MAINT", "UP"], "{server}");
    }
    let highest = |name: &str, from: u64, to: u64| {
        let times = past.numbers(name, "rtime").into_iter().filter(|(age, _)| (to..=from).contains(age));
        times.map(|(_, time)| time).max().unwrap()
    };
    assert!(highest("www/www3", 3200, 2990) > 2 * highest("www/www2", 3200, 2990));
    assert!(highest("www/www1", 850, 650) > 2 * highest("www/www2", 850, 650));
    let load = |from: u64, to: u64| {
        let (all, step) =
            past.numbers("www/FRONTEND", "req_rate").into_iter().fold((0, 0), |(sum, count), (age, rate)| {
                if (to..=from).contains(&age) { (sum + rate, count + 1) } else { (sum, count) }
            });
        all / step
    };
    assert!(load(300, 0) * 10 > load(3600, 3300) * 14, "the load rises: {} {}", load(3600, 3300), load(300, 0));
    // The demo continues where the hour ends.
    let (_, _, last) = past.replies.pop().unwrap();
    past.world.advance(Duration::from_secs(2));
    let next = stat_rows(&mut past.world);
    for (name, row) in &next {
        assert_eq!(row["status"].split(' ').next(), last[name]["status"].split(' ').next(), "{name}");
        for column in ["scur", "req_rate"] {
            let (before, now) = (last[name][column].parse::<i64>(), row[column].parse::<i64>());
            if let (Ok(before), Ok(now)) = (before, now) {
                assert!(before.abs_diff(now) <= 60.max(before.unsigned_abs() / 2), "{name} {column}: {before} {now}");
            }
        }
    }
}
