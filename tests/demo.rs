//! The simulated HAProxy of `hapulse demo`: it speaks like a real one, its numbers agree, and it does as told.
//!
//! Time is driven by hand wherever it matters; only the tests of the socket itself run on a real clock.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use hapulse::demo::Demo;
use hapulse::demo::Level;
use hapulse::demo::Options;
use hapulse::demo::World;
use hapulse::demo::interpreter;
use hapulse::demo::start;

/// Midnight of 1 January 2027, so that dates are the same in every run.
const WALL: u64 = 1_798_761_600;

fn world(warm_up: u64) -> World {
    World::new(7, Duration::from_secs(warm_up), WALL, 0)
}

fn ask(world: &mut World, line: &str) -> String {
    ask_as(world, line, Level::Admin)
}

fn ask_as(world: &mut World, line: &str, mut level: Level) -> String {
    interpreter::answer(world, line, &mut level)
}

type Row = HashMap<String, String>;

/// The rows of `show stat` by `proxy/row`; a backend that shares its frontend's name has its own key anyway.
fn stat(world: &mut World) -> HashMap<String, Row> {
    let reply = ask(world, "show stat");
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

/// Lets seconds pass until `done`, at most `limit` of them; says how many.
fn wait(world: &mut World, limit: usize, done: impl Fn(&HashMap<String, Row>) -> bool) -> usize {
    for second in 0..limit {
        if done(&stat(world)) {
            return second;
        }
        world.advance(Duration::from_secs(1));
    }
    panic!("not within {limit} s");
}

#[test]
fn the_header_is_that_of_2_6() {
    let reply = ask(&mut world(0), "show stat");
    let header = reply.lines().next().unwrap();
    assert!(header.starts_with("# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,"));
    assert!(header.contains(",agg_server_status,agg_server_check_status,agg_check_status,-,ssl_sess,"));
    assert!(header.ends_with(",h1_spliced_bytes_in,h1_spliced_bytes_out,"));
    assert_eq!(header.split(',').count(), 129, "128 columns and the empty tail");
    assert!(reply.ends_with("\n\n"));
}

/// Which columns are filled, by kind of row: from the replies of a real 2.6.12.
#[test]
fn rows_fill_the_columns_that_a_real_one_fills() {
    let mut world = world(120);
    let rows = stat(&mut world);
    let empty = |name: &str, columns: &str, wanted: bool| {
        for column in columns.split(' ') {
            assert_eq!(rows[name][column].is_empty(), wanted, "{column} of {name}");
        }
    };
    empty(
        "www/FRONTEND",
        "qcur qmax econ weight act chkfail lastchg throttle lbtot lastsess qtime algo addr uweight",
        true,
    );
    empty("www/FRONTEND", "scur slim dreq ereq rate_lim req_rate conn_tot intercepted wrew h1_open_connections", false);
    empty("smtp/FRONTEND", "hrsp_2xx intercepted cache_hits cli_abrt", true);
    empty("smtp/FRONTEND", "req_rate req_tot conn_rate h1_open_connections", false);
    empty(
        "www/www1",
        "dreq ereq qlimit throttle tracked rate_lim req_rate last_chk last_agt agent_status algo agg_check_status h2_goaway_resp",
        true,
    );
    empty(
        "www/www1",
        "slim check_code check_desc check_health cookie srv_icur need_conn_est uweight req_tot connect",
        false,
    );
    empty("static/static1", "slim cookie", true);
    empty("auth/auth1", "last_agt agent_status agent_desc agent_health", false);
    empty("legacy/old1", "check_code", true);
    empty("api/api3", "check_status check_code check_duration check_rise check_health check_desc", true);
    empty("api/api3", "chkfail chkdown downtime", false);
    empty("smtp/mx1", "hrsp_2xx req_tot check_code", true);
    empty("www/BACKEND", "chkfail check_status addr conn_tot intercepted srv_icur", true);
    empty("www/BACKEND", "slim dreq lbtot comp_in cookie algo agg_check_status h1_total_connections", false);
    empty("stats/BACKEND", "downtime", true);
    assert_eq!(rows["legacy/old1"]["check_status"], "L4CON");
    assert_eq!(rows["legacy/old1"]["last_chk"], "Connection refused");
    assert_eq!(rows["legacy/BACKEND"]["status"], "DOWN");
    assert_eq!(rows["api/api3"]["status"], "MAINT");
    assert_eq!(rows["auth/auth1"]["last_agt"], "via agent : up");
}

#[test]
fn rows_of_one_proxy_and_of_one_kind() {
    let mut world = world(0);
    let names = |reply: &str| -> Vec<String> {
        reply.lines().skip(1).filter_map(|line| line.split(',').nth(1).map(str::to_owned)).collect()
    };
    assert_eq!(names(&ask(&mut world, "show stat auth 7 -1")), ["auth1", "auth2", "BACKEND"]);
    assert_eq!(names(&ask(&mut world, "show stat -1 1 -1")), ["FRONTEND"; 4]);
    assert_eq!(names(&ask(&mut world, "show stat 4 4 2")), ["www2"]);
    assert!(names(&ask(&mut world, "show stat 9999 7 -1")).is_empty());
    assert_eq!(ask(&mut world, "show stat nosuch 7 -1"), "No such proxy.\n\n");
}

/// Every sum that has to be true at any moment.
fn check_sums(rows: &HashMap<String, Row>) {
    let mut to_backends = 0;
    for back in rows.values().filter(|row| row["svname"] == "BACKEND" && row["pxname"] != "stats") {
        let servers: Vec<&Row> =
            rows.values().filter(|row| row["type"] == "2" && row["pxname"] == back["pxname"]).collect();
        let sum = |column: &str| servers.iter().map(|row| number(row, column)).sum::<i64>();
        let name = &back["pxname"];
        let waiting = number(back, "qcur") + sum("qcur");
        assert_eq!(number(back, "scur"), sum("scur") + waiting, "scur of {name}");
        assert_eq!(number(back, "stot"), sum("stot") + waiting + number(back, "econ"), "stot of {name}");
        assert_eq!(number(back, "lbtot"), sum("lbtot"), "lbtot of {name}");
        assert_eq!(number(back, "wredis"), sum("wredis"), "wredis of {name}");
        for row in servers.iter().copied().chain([back]) {
            let connections = number(row, "connect") + number(row, "reuse");
            let refused = if row["type"] == "1" { waiting + number(back, "econ") } else { 0 };
            assert_eq!(connections + refused, number(row, "stot"), "connect and reuse of {row:?}");
            assert!(number(row, "lbtot") <= connections);
        }
        if back["mode"] == "http" {
            for class in ["hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_other"] {
                assert_eq!(number(back, class), sum(class), "{class} of {name}");
            }
            assert_eq!(number(back, "hrsp_5xx"), sum("hrsp_5xx") + number(back, "econ"), "hrsp_5xx of {name}");
            to_backends += number(back, "req_tot");
        }
        for row in servers.iter().copied().chain([back]).filter(|row| row["mode"] == "http") {
            let classes =
                ["1xx", "2xx", "3xx", "4xx", "5xx", "other"].map(|class| number(row, &format!("hrsp_{class}")));
            assert_eq!(classes.iter().sum::<i64>(), number(row, "req_tot"), "{row:?}");
            if row["svname"] != "BACKEND" {
                assert_eq!(number(row, "stot") - number(row, "req_tot"), number(row, "scur"), "{row:?}");
            }
        }
    }
    let fronts = rows.values().filter(|row| row["svname"] == "FRONTEND" && row["mode"] == "http");
    let from_fronts: i64 = fronts
        .map(|row| number(row, "req_tot") - number(row, "intercepted") - number(row, "dreq") - number(row, "ereq"))
        .sum();
    assert_eq!(from_fronts, to_backends, "what frontends take, backends get");
}

#[test]
fn sums_agree_after_ten_minutes_and_a_past_of_days() {
    for warm_up in [0, 3 * 86_400] {
        let mut world = world(warm_up);
        for _ in 0..10 {
            check_sums(&stat(&mut world));
            world.advance(Duration::from_secs(59));
        }
        check_sums(&stat(&mut world));
    }
}

#[test]
fn counters_never_go_back_but_in_a_reload() {
    let mut world = world(0);
    let mut before = stat(&mut world);
    for _ in 0..60 {
        world.advance(Duration::from_millis(4700));
        let after = stat(&mut world);
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
        |world: &mut World| ask(world, "show info").lines().find(|line| line.starts_with("Pid: ")).map(str::to_owned);
    let old = pid(&mut world);
    ask(&mut world, "disable server www/www1");
    world.advance(Duration::from_secs(330));
    assert_ne!(pid(&mut world), old);
    let after = stat(&mut world);
    assert!(number(&after["www/BACKEND"], "stot") < number(&before["www/BACKEND"], "stot"));
    assert!(after["www/www1"]["status"].starts_with("UP"), "a reload forgets what was set at runtime");
}

#[test]
fn the_same_seed_gives_the_same_world_in_any_pieces() {
    let (mut one, mut other) = (world(600), world(600));
    one.advance(Duration::from_secs(90));
    for _ in 0..900 {
        other.advance(Duration::from_millis(100));
    }
    assert_eq!(ask(&mut one, "show stat;show info"), ask(&mut other, "show stat;show info"));
}

#[test]
fn a_long_past_shows_in_the_totals() {
    let mut world = world(3 * 86_400);
    let info = ask(&mut world, "show info");
    assert!(info.contains("\nUptime: 3d 0h00m00s\nUptime_sec: 259200\n"), "{info}");
    assert_eq!(info.trim_end().lines().count(), 70);
    let rows = stat(&mut world);
    assert!(number(&rows["www/FRONTEND"], "req_tot") > 50_000_000);
    assert_eq!(number(&rows["api/api3"], "downtime"), 259_200);
    assert!(number(&rows["www/FRONTEND"], "scur") > 300);
}

#[test]
fn maintenance_and_back() {
    let mut world = world(600);
    assert_eq!(ask(&mut world, "set server www/www2 state maint"), "\n");
    assert_eq!(stat(&mut world)["www/www2"]["status"], "MAINT");
    let busy = number(&stat(&mut world)["www/www1"], "scur");
    wait(&mut world, 15, |rows| number(&rows["www/www2"], "scur") == 0);
    world.advance(Duration::from_secs(5));
    let rows = stat(&mut world);
    assert!(number(&rows["www/www1"], "scur") > busy, "others take over");
    assert_eq!((rows["www/BACKEND"]["act"].as_str(), rows["www/BACKEND"]["weight"].as_str()), ("3", "260"));
    assert_eq!(ask(&mut world, "enable server www/www2"), "\n");
    assert_eq!(stat(&mut world)["www/www2"]["status"], "UP 1/3");
    wait(&mut world, 5, |rows| rows["www/www2"]["status"] == "UP 2/3");
    wait(&mut world, 5, |rows| rows["www/www2"]["status"] == "UP");
    wait(&mut world, 15, |rows| number(&rows["www/www2"], "scur") > 20);
}

#[test]
fn a_drain_reaches_zero_slowly() {
    let mut world = world(600);
    assert_eq!(ask(&mut world, "set server www/www1 state drain"), "\n");
    world.advance(Duration::from_secs(3));
    let rows = stat(&mut world);
    assert_eq!(rows["www/www1"]["status"], "DRAIN");
    assert!(number(&rows["www/www1"], "scur") > 0, "cookie clients still come");
    let seconds = wait(&mut world, 60, |rows| number(&rows["www/www1"], "scur") == 0);
    assert!((5..40).contains(&seconds), "{seconds}");
    world.advance(Duration::from_secs(20));
    assert_eq!(number(&stat(&mut world)["www/www1"], "scur"), 0);
    ask(&mut world, "set server www/www1 state ready");
    wait(&mut world, 20, |rows| number(&rows["www/www1"], "scur") > 20);
}

#[test]
fn maintenance_is_kept_through_the_whole_story() {
    let mut world = world(600);
    ask(&mut world, "set server static/static2 state maint;set server www/www3 state drain;set weight www/www4 10");
    for _ in 0..58 {
        world.advance(Duration::from_secs(10));
        let rows = stat(&mut world);
        assert_eq!(rows["static/static2"]["status"], "MAINT");
        assert_eq!(rows["www/www3"]["status"], "DRAIN");
        assert_eq!(rows["www/www4"]["weight"], "10");
    }
}

#[test]
fn the_story_is_told() {
    let mut world = world(600);
    let mut seen: HashMap<&str, bool> = HashMap::new();
    let mut states = Vec::new();
    let errors = number(&stat(&mut world)["auth/BACKEND"], "hrsp_5xx");
    for second in 0..240 {
        world.advance(Duration::from_secs(1));
        let rows = stat(&mut world);
        let mut note = |what: &'static str, now: bool| *seen.entry(what).or_default() |= now;
        note("a queue within 10 s", second < 10 && number(&rows["api/BACKEND"], "qcur") > 0);
        note("a long queue", number(&rows["api/BACKEND"], "qcur") > 15);
        note("api is full", number(&rows["api/api1"], "scur") == number(&rows["api/api1"], "slim"));
        note("api waits", number(&rows["api/BACKEND"], "qtime") > 150);
        note("no queue", second > 60 && number(&rows["api/BACKEND"], "qcur") == 0);
        note("www3 is slow", number(&rows["www/www3"], "rtime") > 2 * number(&rows["www/www1"], "rtime"));
        note("slow start", !rows["static/static2"]["throttle"].is_empty());
        note("errors of auth", number(&rows["auth/BACKEND"], "hrsp_5xx") > errors + 40);
        note("time-out", rows["static/static2"]["check_status"] == "L4TOUT");
        let state = rows["static/static2"]["status"].clone();
        if states.last() != Some(&state) {
            states.push(state);
        }
        assert!(number(&rows["api/BACKEND"], "qcur") < 80, "a queue, not a flood");
    }
    assert!(seen.values().all(|seen| *seen), "{seen:?}");
    let wanted = ["UP", "UP 2/3", "UP 1/3", "DOWN", "DOWN 1/2", "UP"];
    assert_eq!(states[..wanted.len()], wanted);
    assert!(states.len() > wanted.len(), "it wavers once more: {states:?}");
    assert_eq!(states.last().map(String::as_str), Some("UP"));
}

#[test]
fn levels_are_enforced() {
    let mut world = world(0);
    let refused = "Permission denied\n\n";
    for line in
        ["show sess", "show sess all", "show errors", "clear counters", "set server www/www1 state maint", "operator"]
    {
        assert_eq!(ask_as(&mut world, line, Level::User), refused, "{line}");
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
        assert_eq!(ask_as(&mut world, line, Level::Operator), refused, "{line}");
    }
    assert_eq!(ask_as(&mut world, "clear counters", Level::Operator), "\n");
    assert_eq!(ask_as(&mut world, "get weight www/www1", Level::User), "100 (initial 100)\n\n");
    assert_eq!(
        ask_as(&mut world, "show table www", Level::User),
        "# table: www, type: ip, size:102400, used:0\n# contents not dumped due to insufficient privileges\n\n"
    );
    assert_eq!(
        ask(&mut world, "show cli level;operator;show cli level;user;show cli level;operator"),
        "admin\n\n\noperator\n\n\nuser\n\nPermission denied\n\n"
    );
}

/// Texts of a real 2.6.12.
#[test]
fn errors_read_as_those_of_a_real_one() {
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
        assert_eq!(ask(&mut world, line), format!("{text}\n\n"), "{line}");
    }
    assert_eq!(ask(&mut world, "set weight www/www1 abc"), "Empty weight string empty or preceded by garbage\n");
    let unknown = ask(&mut world, "show nosuch");
    assert!(unknown.starts_with("Unknown command, but maybe one of the following ones is a better match:\n  show "));
    assert!(unknown.ends_with("  quit                                    : disconnect\n\n"));
    assert!(ask(&mut world, "nosuch").starts_with("Unknown command, but maybe"));
}

#[test]
fn administrative_bits_show_in_servers_state() {
    let mut world = world(600);
    ask(
        &mut world,
        "disable server www/www1;set server www/www2 state drain;set server www/www3 weight 50%;disable health www/www4",
    );
    let reply = ask(&mut world, "show servers state");
    let lines: Vec<Vec<&str>> = reply.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines[0], ["1"]);
    assert_eq!(lines[1].len(), 26, "25 columns and the #");
    let line = |name: &str| lines.iter().find(|line| line.get(3) == Some(&name)).unwrap();
    assert_eq!(line("www1")[5..9], ["0", "1", "100", "100"]);
    assert_eq!(line("www2")[5..9], ["2", "8", "100", "100"]);
    assert_eq!(line("www3")[5..9], ["2", "0", "50", "100"]);
    assert_eq!(line("api3")[5..9], ["0", "5", "100", "100"]);
    assert_eq!(line("old1")[5..7], ["0", "0"]);
    assert_eq!(line("www4")[13], "2");
    assert_eq!(line("auth1")[24], "9777");
    assert!(lines[2..].iter().all(|line| line.len() == 25 || line == &[""]));
    ask(&mut world, "set server api/api3 state ready");
    let after = ask(&mut world, "show servers state api");
    assert!(after.contains(" api3 10.0.2.23 2 4 100 100 "), "the remark of the configuration stays: {after}");
    assert_eq!(stat(&mut world)["www/www4"]["status"], "no check");
}

#[test]
fn health_and_agent_by_hand() {
    let mut world = world(600);
    ask(
        &mut world,
        "set server www/www1 health stopping;set server www/www2 health down;set server auth/auth1 agent down",
    );
    let rows = stat(&mut world);
    assert_eq!(rows["www/www1"]["status"], "NOLB");
    assert_eq!(rows["www/www2"]["status"], "DOWN");
    assert_eq!(rows["auth/auth1"]["status"], "DOWN (agent)");
    wait(&mut world, 8, |rows| rows["www/www2"]["status"] == "UP");
    wait(&mut world, 8, |rows| rows["auth/auth1"]["status"] == "UP");
}

#[test]
fn without_a_usable_server_clients_get_503() {
    let mut world = world(60);
    ask(&mut world, "disable server auth/auth1;disable server auth/auth2");
    let before = number(&stat(&mut world)["auth/BACKEND"], "econ");
    world.advance(Duration::from_secs(10));
    let rows = stat(&mut world);
    assert_eq!(rows["auth/BACKEND"]["status"], "DOWN");
    assert!(number(&rows["auth/BACKEND"], "econ") > before + 40);
    ask(
        &mut world,
        "set server www/www1 state maint;set server www/www2 state maint;set server www/www3 state maint;set server www/www4 state maint",
    );
    world.advance(Duration::from_secs(2));
    let rows = stat(&mut world);
    assert_eq!((rows["www/BACKEND"]["status"].as_str(), rows["www/BACKEND"]["act"].as_str()), ("UP", "0"));
    assert!(number(&rows["www/sorry1"], "scur") > 20, "the backup works now");
    check_sums(&rows);
}

#[test]
fn sessions_can_be_listed_and_ended() {
    let mut world = world(60);
    let list = ask(&mut world, "show sess");
    assert!(list.lines().count() > 100);
    let line = list.lines().find(|line| line.contains(" srv=www1 ")).unwrap();
    assert!(line.contains(": proto=tcpv4 src=") && line.contains(" fe=www be=www "), "{line}");
    let pointer = line.split(':').next().unwrap().to_owned();
    let full = ask(&mut world, &format!("show sess {pointer}"));
    assert!(full.starts_with(&format!("{pointer}: [31/Dec/2026:23:59:")), "{full}");
    assert!(full.contains("\n  server=www1 (id=1) addr=10.0.1.11:80\n"), "{full}");
    assert_eq!(ask(&mut world, &format!("shutdown session {pointer}")), "\n");
    assert!(!ask(&mut world, "show sess").contains(&pointer));
    assert_eq!(ask(&mut world, "shutdown sessions server smtp/mx1;shutdown sessions server smtp/mx2"), "\n\n");
    assert_eq!(number(&stat(&mut world)["smtp/BACKEND"], "scur"), 0);
    check_sums(&stat(&mut world));
}

#[test]
fn tables_can_be_filtered_and_cleared() {
    let mut world = world(60);
    let all = ask(&mut world, "show table www");
    let busy = ask(&mut world, "show table www data.http_req_rate gt 40");
    let (all, busy) = (all.lines().count(), busy.lines().count());
    assert!(busy > 2 && busy < all, "{busy} of {all}");
    assert_eq!(ask(&mut world, "clear table auth key ann"), "\n");
    assert!(!ask(&mut world, "show table auth").contains("key=ann "));
    assert_eq!(ask(&mut world, "clear table www;show table www"), "\n# table: www, type: ip, size:102400, used:0\n\n");
    assert_eq!(ask(&mut world, "show table www data.bogus gt 1"), "Unknown data type\n\n");
}

#[test]
fn limits_and_counters() {
    let mut world = world(60);
    ask(&mut world, "clear counters");
    let rows = stat(&mut world);
    assert_eq!(number(&rows["www/FRONTEND"], "smax"), 0);
    assert!(number(&rows["www/FRONTEND"], "stot") > 0);
    ask(&mut world, "clear counters all");
    assert_eq!(number(&stat(&mut world)["www/FRONTEND"], "stot"), 0);
    assert_eq!(ask(&mut world, "set maxconn frontend api-in abc"), "\n");
    assert_eq!(stat(&mut world)["api-in/FRONTEND"]["slim"], "0");
    assert_eq!(ask(&mut world, "disable frontend www"), "\n");
    assert_eq!(stat(&mut world)["www/FRONTEND"]["status"], "PAUSED");
    world.advance(Duration::from_mins(1));
    let rows = stat(&mut world);
    assert_eq!(number(&rows["www/FRONTEND"], "conn_rate"), 0);
    assert!(number(&rows["www/FRONTEND"], "scur") < 20, "only what was open may go on");
    assert_eq!(number(&rows["api-in/FRONTEND"], "conn_rate"), 0);
}

#[test]
fn a_large_site_has_many_rows() {
    let mut world = World::new(7, Duration::ZERO, WALL, 50);
    world.advance(Duration::from_secs(5));
    let rows = stat(&mut world);
    assert_eq!(rows.len(), stat(&mut self::world(0)).len() + 250);
    check_sums(&rows);
}

fn over_socket(demo: &Demo, line: &str) -> String {
    let mut stream = UnixStream::connect(demo.socket()).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn a_round_trip_over_the_socket() {
    let demo = start(Options::default()).unwrap();
    let socket = demo.socket().to_owned();
    let replies = over_socket(&demo, "show info;show cli level\n");
    assert!(replies.starts_with("Name: HAProxy\nVersion: 2.6.12\n") && replies.ends_with("\n\nadmin\n\n"));
    assert_eq!(over_socket(&demo, "set server www/www1 state maint\n"), "\n");
    assert!(over_socket(&demo, "show stat 4 4 1\n").contains(",MAINT,"));
    assert_eq!(over_socket(&demo, "set server www/www1 state ready\n"), "\n");
    assert!(over_socket(&demo, "show stat 4 4 1\n").contains(",UP 1/3,"));
    demo.advance(Duration::from_secs(6));
    assert!(over_socket(&demo, "show stat 4 4 1\n").contains(",UP,"));
    drop(demo);
    assert!(!socket.exists() && !socket.parent().unwrap().exists(), "nothing is left");
}

#[test]
fn a_socket_of_level_user_refuses() {
    let demo = start(Options { level: Level::User, warm_up: Duration::ZERO, ..Options::default() }).unwrap();
    assert_eq!(over_socket(&demo, "disable server www/www1;show cli level\n"), "Permission denied\n\nuser\n\n");
}

#[test]
fn more_than_ten_at_once_wait_for_their_turn() {
    let demo = start(Options { warm_up: Duration::ZERO, ..Options::default() }).unwrap();
    let mut idle: Vec<UnixStream> = (0..10).map(|_| UnixStream::connect(demo.socket()).unwrap()).collect();
    let mut late = UnixStream::connect(demo.socket()).unwrap();
    late.write_all(b"show cli level\n").unwrap();
    idle.truncate(9);
    let mut reply = String::new();
    late.read_to_string(&mut reply).unwrap();
    assert_eq!(reply, "admin\n\n");
}
