//! Views 5, 7 and 8 and filters against a real HAProxy: names and counters of every form, filters of rows, sessions,
//! tables and entries.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/script.rs"]
mod script;
mod support;

use std::time::Duration;

use hapulse::ask::query::{self, Query, QueryData};
use hapulse::haproxy::address::Address;
use hapulse::haproxy::connection::ConnectionLimits;
use hapulse::haproxy::stick_tables::{DataComparison, DataFilter};
use hapulse::haproxy::version::Version;
use script::Script;
use support::{Lab, ServerBehavior, Term, Traffic};

fn start_dashboard(lab: &Lab) -> Term {
    let term = Term::builder().args(["-i", "0.2"]).args([lab.admin()]).size(140, 40).start();
    term.wait_for("live");
    term
}

/// Starts a lab whose frontend `web` counts requests by the header `X-Client` in a table, and sends requests.
fn lab_with_table(sections: &str, table: &str, options: &str, clients: &[(&str, usize)]) -> Lab {
    let web = format!(
        "{sections}frontend web\n    bind {{{{web}}}}\n    {options}\n    http-request track-sc0 hdr(X-Client) table {table}\n    \
         http-request sc-inc-gpc1(0)\n    http-request return status 200\n"
    );
    let lab = Lab::builder().global("localpeer lab").sections(&web).start();
    send_requests(&lab, clients);
    lab
}

fn send_requests(lab: &Lab, clients: &[(&str, usize)]) {
    for (client, requests) in clients {
        let header = format!("X-Client: {client}");
        assert_eq!(Traffic::to(lab.addr("web")).header(&header).send(*requests).ok, *requests);
    }
}

/// Starts a lab with a table of array counters, in which only the client `bob` made more than one request.
fn lab_with_arrays() -> Lab {
    let web = "frontend web\n    bind {{web}}\n    \
               stick-table type string len 32 size 100 expire 10m store gpc(3),gpc_rate(3,10s),http_req_rate(20s)\n    \
               http-request track-sc0 hdr(X-Client)\n    http-request sc-inc-gpc(1,0)\n    \
               http-request return status 200\n";
    let lab = Lab::builder().sections(web).start();
    send_requests(&lab, &[("bob", 3), ("alice", 1)]);
    lab
}

/// Returns the keys of the entries of the table `web` that meet a condition, or the error.
fn entries_with(lab: &Lab, counter: &str, limit: i64) -> Result<Vec<String>, String> {
    let filter = Some(DataFilter { counter: counter.into(), comparison: DataComparison::Greater, limit });
    let query = Query::TableEntries { table: "web".into(), filter };
    let (address, version) = (Address::unix(lab.operator()), Version::parse(&lab.info("Version")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(query::run(&address, &ConnectionLimits::default(), false, version, &query));
    match reply.map_err(|error| error.to_string())?.data {
        QueryData::TableEntries(entries) => Ok(entries.list.iter().map(|entry| entry.key.to_string()).collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn w12_elements_of_array_counters_are_compared() {
    let lab = lab_with_arrays();
    for counter in ["gpc1", "gpc1_rate", "http_req_rate"] {
        assert_eq!(entries_with(&lab, counter, 1), Ok(vec!["bob".to_owned()]), "{counter}");
    }
    assert_eq!(entries_with(&lab, "gpc2", 0), Ok(Vec::new()));
    assert_eq!(entries_with(&lab, "gpc1", 0).unwrap().len(), 2);
    for unknown in ["gpc3", "gpt0", "nonsense"] {
        let error = entries_with(&lab, unknown, 0).unwrap_err();
        assert!(error.to_lowercase().contains("data type"), "{unknown}: {error}");
    }
}

#[test]
fn w12_u9_entries_view_filters_arrays_and_shows_windows() {
    let lab = lab_with_arrays();
    let mut term = start_dashboard(&lab);
    term.press("8<ret>");
    term.wait_for("1 of 1 tables");
    term.press("<ret>");
    let screen = term.wait_for("web: 2 entries");
    for heading in ["gpc1 ", "gpc1_rate/10s", "http_req_rate/20s"] {
        assert!(screen.contains(heading), "{heading}: {screen}");
    }
    term.press("/gpc1>1<ret>");
    let screen = term.wait_for("web: 1 entries");
    assert!(screen.contains(" bob ") && !screen.contains(" alice "), "{screen}");
    for _ in 0..7 {
        term.press(">");
        if term.wait_for(" first").contains("most http_req_rate per 20s first") {
            return;
        }
    }
    term.wait_for("most http_req_rate per 20s first");
}

#[test]
fn w9_table_of_a_peers_section_is_read_and_cleared() {
    let peers = "peers cluster\n    bind {{peers}}\n    server lab\n    \
                 table t type string len 32 size 100 expire 10m store gpc1\n";
    let lab = lab_with_table(peers, "cluster/t", "", &[("bob", 2)]);
    assert!(lab.send_command("show table cluster/t").contains("key=bob"));
    let mut term = start_dashboard(&lab);
    term.press("8<ret>");
    term.wait_for("1 of 1 tables");
    term.press("<ret>");
    term.wait_for("cluster/t: 1 entries");
    term.press("X");
    term.wait_for("clear table cluster/t key bob");
    term.answer("y");
    term.wait_for("cluster/t: 0 entries");
    assert!(!lab.send_command("show table cluster/t").contains("key=bob"));
}

#[test]
fn v6_filter_of_the_tables_does_not_apply_to_the_entries() {
    let sections = "backend clients\n    stick-table type string len 32 size 100 expire 10m store gpc1\n\
                    backend others\n    stick-table type ip size 100\n";
    let lab = lab_with_table(sections, "clients", "", &[("bob", 1), ("alice", 1)]);
    let mut term = start_dashboard(&lab);
    term.press("8<ret>");
    term.wait_for("2 of 2 tables");
    term.press("/cli<ret>");
    term.wait_for("1 of 2 tables");
    term.press("<ret>");
    term.wait_for("clients: 2 entries");
    term.press("/bob<ret>");
    term.wait_for("clients: 1 entries");
    term.press("<esc>");
    term.wait_for("1 of 2 tables");
    term.press("<esc>");
    term.wait_for("2 of 2 tables");
}

#[test]
fn n6_sessions_view_shows_the_sessions_of_the_selected_row() {
    let slow = ServerBehavior::Slow(Duration::from_mins(1));
    let builder = Lab::builder().backends(2).servers(1).defaults("option abortonclose");
    let lab = builder.server_behavior("be1/s1", slow).server_behavior("be2/s1", slow).start();
    let _be1 = Traffic::to(lab.frontend_addr()).workers(1).start();
    let _be2 = Traffic::to(lab.frontend_addr()).path("/be2/").workers(2).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "1");
    lab.wait_stat("be2", "s1", "scur", |sessions| sessions == "2");
    let mut term = start_dashboard(&lab);
    // A cursor that was not moved selects nothing.
    term.press("7");
    let screen = term.wait_for("lists the open sessions");
    assert!(!screen.contains("that match"), "{screen}");
    term.press("1/proxy=be2 kind=server<ret>G7");
    term.wait_for("lists the open sessions that match backend:be2 server:s1");
    term.press("<ret>");
    let screen = term.wait_until(|screen| screen.contains("2 of ") && screen.contains(" be2/s1 "));
    assert!(!screen.contains(" be1/s1 "), "{screen}");
    // Sessions that were listed for another row are not shown.
    term.press("1<esc>/proxy=be1 kind=server<ret>G7");
    term.wait_for("lists the open sessions that match backend:be1 server:s1");
    // A filter that was typed stays.
    term.press("/ older:1s<ret>1G7");
    term.wait_for("lists the open sessions that match backend:be1 server:s1 older:1s");
    term.press("<esc>");
    term.wait_gone("that match");
}

#[test]
fn w10_words_with_colons_are_searched() {
    let sections = "backend shop:cart\n    server db:1 127.0.0.9:8080\n    server v6 [2001:db8::1]:80\n";
    let lab = Lab::builder().sections(sections).start();
    let script = Script::new();
    let names = |filter: &str| {
        let line = format!("show --flat --format csv --columns name,addr --filter {filter}");
        let result = script.run(lab.admin(), &line);
        assert_eq!((result.code, result.err.as_str()), (0, ""), "{result:#?}");
        result.out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    for (filter, wanted, unwanted) in [
        ("shop:cart", "db:1", "be1"),
        ("db:1", "db:1", "v6"),
        ("127.0.0.9:8080", "db:1", "v6"),
        ("2001:db8::1", "v6", "db:1"),
        ("proxy:shop:cart", "v6", "be1"),
        ("!shop:cart", "be1", "db:1"),
    ] {
        let names = names(filter);
        assert!(names.contains(wanted) && !names.contains(unwanted), "{filter}: {names}");
    }
    let error = script.run(lab.admin(), "show --filter shop:cart>1");
    assert!(error.code == 2 && error.err.contains("unknown column \"shop\""), "{error:#?}");
    let mut term = start_dashboard(&lab);
    term.press("1/shop:cart<ret>");
    let screen = term.wait_until(|screen| screen.contains("db:1") && !screen.contains("be1"));
    assert!(screen.contains("v6"), "{screen}");
}

#[test]
fn v14_commands_that_read_need_no_question_and_tabs_are_columns() {
    let lab = Lab::builder().start();
    let mut term = start_dashboard(&lab);
    term.press("5");
    term.wait_for("HAProxy's own commands");
    // A version without a command replies with similar ones.
    for (line, reply) in [("echo hello", "hello"), ("wait 1", "Done."), ("show defaults", "--"), ("show proc", "--")] {
        term.press(&format!("{line}<ret>"));
        term.wait_until(|screen| {
            let after = screen.rsplit_once(&format!("> {line}")).map_or("", |(_, after)| after);
            after.contains(reply) || after.contains("Unknown command") || after.contains("disconnect")
        });
    }
    term.press("acme status<ret>");
    let screen = term.wait_until(|screen| {
        let after = screen.rsplit_once("> acme status").map_or("", |(_, after)| after);
        after.contains("# certificate  section  state") || after.contains("disconnect")
    });
    assert!(!screen.contains("\\x09"), "{screen}");
}

/// Starts a lab in which requests to `be1` and `be2` stay open.
fn lab_with_slow_servers() -> Lab {
    let slow = ServerBehavior::Slow(Duration::from_mins(1));
    let builder = Lab::builder().backends(2).servers(1).defaults("option abortonclose");
    builder.server_behavior("be1/s1", slow).server_behavior("be2/s1", slow).start()
}

/// Lists the sessions and waits for their number, without the connection that lists them.
fn list_sessions(term: &mut Term) {
    term.press("7");
    term.wait_for("lists the open sessions");
    term.press("<ret>");
    term.wait_for(", oldest first");
}

/// Opens requests that stay open until HAProxy ends them.
fn open_requests(lab: &Lab, path: &str, count: usize) {
    let requests = Traffic::to(lab.frontend_addr()).path(path).workers(count);
    std::thread::spawn(move || requests.send(count));
}

#[test]
fn u9_sessions_of_a_client_are_ended_with_one_question() {
    let lab = lab_with_slow_servers();
    open_requests(&lab, "/", 2);
    open_requests(&lab, "/be2/", 1);
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "2");
    lab.wait_stat("be2", "s1", "scur", |sessions| sessions == "1");
    let mut term = start_dashboard(&lab);
    list_sessions(&mut term);
    assert!(!term.screen().contains("BYTES"), "2.6 reports no bytes: {}", term.screen());
    term.press("b");
    let screen = term.wait_for("sessions by client");
    assert!(screen.contains("OLDEST") && screen.contains(" 127.0.0.1 "), "{screen}");
    term.press("X");
    let screen = term.wait_for("3 sessions of 127.0.0.1 → 2 servers");
    assert_eq!(screen.matches("be1/s1, open for").count(), 2, "{screen}");
    assert_eq!(screen.matches("be2/s1, open for").count(), 1, "{screen}");
    assert_eq!(screen.matches("shutdown session 0x").count(), 3, "{screen}");
    term.answer("y");
    term.wait_for("3 sessions ended");
    for backend in ["be1", "be2"] {
        lab.wait_stat(backend, "s1", "scur", |sessions| sessions == "0");
    }
    let done = term.wait_for_done_records(3);
    assert!(done.len() == 3 && done.iter().all(|record| record["verified"] == true), "{done:#?}");
}

#[test]
fn u9_marked_session_that_ended_before_the_answer_is_skipped() {
    let lab = lab_with_slow_servers();
    open_requests(&lab, "/", 1);
    let leaving = Traffic::to(lab.frontend_addr()).path("/be2/").workers(1).start();
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "1");
    lab.wait_stat("be2", "s1", "scur", |sessions| sessions == "1");
    let mut term = start_dashboard(&lab);
    list_sessions(&mut term);
    term.press("/127.0.0.1<ret>");
    term.wait_for("2 of 3 sessions");
    term.press("*");
    term.wait_for("2 marked: X ends them");
    term.press("X");
    term.wait_for("2 sessions of 127.0.0.1 → 2 servers");
    leaving.stop();
    lab.wait_stat("be2", "s1", "scur", |sessions| sessions == "0");
    term.answer("y");
    term.wait_for("1 session ended, 1 had ended before");
    lab.wait_stat("be1", "s1", "scur", |sessions| sessions == "0");
    assert_eq!(term.wait_for_done_records(1).len(), 1, "nothing was sent about the other one");
}

#[test]
fn u9_sessions_are_refreshed_while_the_view_is_open() {
    let lab = lab_with_slow_servers();
    let mut term = Term::builder().args(["-i", "0.2", "--read-only"]).args([lab.admin()]).size(140, 40).start();
    term.wait_for("live");
    list_sessions(&mut term);
    let screen = term.wait_for("s old, every 10s");
    assert!(!screen.contains("be1/s1"), "{screen}");
    open_requests(&lab, "/", 1);
    term.wait_for("be1/s1");
    term.press("e");
    term.wait_for("old, not refreshed");
}

#[test]
fn u9_bytes_of_entries_have_a_unit_and_networks_are_summed() {
    let web = "frontend web\n    bind {{web}}\n    \
               stick-table type ip size 100 expire 10m store bytes_out_rate(1h),http_req_rate(20s),gpt0\n    \
               http-request track-sc0 hdr_ip(X-Client)\n    http-request return status 200\n";
    let lab = Lab::builder().sections(web).start();
    send_requests(&lab, &[("10.0.0.1", 2), ("10.0.0.2", 3), ("10.9.0.1", 1)]);
    let mut term = start_dashboard(&lab);
    term.press("8<ret>");
    term.wait_for("1 of 1 tables");
    term.press("<ret>");
    let screen = term.wait_for("web: 3 entries");
    assert!(screen.contains("bytes_out_rate/1h") && screen.contains("http_req_rate/20s"), "{screen}");
    term.press("b");
    let screen = term.wait_for("3 entries by network");
    let network = screen.lines().find(|line| line.contains("10.0.0.0/24")).unwrap_or_default();
    let cells: Vec<&str> = network.split_whitespace().collect();
    assert_eq!(cells[1], "2", "{screen}");
    assert!(cells.contains(&"5"), "the requests of both: {screen}");
    term.press("<ret>");
    term.wait_until(|screen| screen.contains(" 10.0.0.1 ") && !screen.contains(" 10.9.0.1 "));
    term.press("<esc>");
    term.wait_for("3 entries by network");
}
