//! Tests of servers that accept requests and do not answer them.

use crate::problems::test_site::TestSite;

const NO_RESPONSE: &str = "no response for ";

/// Returns the changes after which servers get 100 requests between two samples and answer none.
fn hang(servers: &[&str]) -> String {
    let changes = |server: &&str| format!("{server}.hrsp_2xx+0 {server}.scur+100 {server}.slim=9000 ");
    servers.iter().map(changes).collect()
}

const ALL: [&str; 3] = ["api/api1", "api/api2", "api/api3"];

fn is_named(site: &TestSite) -> bool {
    site.problems.open_causes().any(|cause| cause.sentence.contains(NO_RESPONSE))
}

#[test]
fn hanging_servers_are_a_slow_application() {
    let mut site = TestSite::after_10_s(&hang(&ALL));
    assert_eq!(site.causes(), ["CRIT api slow-application"]);
    assert_eq!(site.sentence("api"), "application slow: no response for 12 s, 1800 requests in progress");
    let repaired = |server: &&str| format!("{server}.hrsp_2xx+100 {server}.scur=5 {server}.scur+0 ");
    site.set(&ALL.iter().map(repaired).collect::<String>());
    site.steps(10);
    assert_eq!(site.causes(), [""; 0]);
}

#[test]
fn hanging_server_is_a_slow_server() {
    let site = TestSite::after_10_s(&hang(&ALL[..1]));
    assert_eq!(site.causes(), ["CRIT api/api1 slow-server"]);
    assert_eq!(site.sentence("api/api1"), "no response for 12 s, 600 requests in progress (peers 50 ms)");
}

#[test]
fn timeouts_of_hanging_servers_are_no_further_cause() {
    let timeouts = ALL.map(|server| format!("{server}.eresp+50 {server}.scur+50 ")).concat();
    let site = TestSite::after_10_s(&(hang(&ALL) + &timeouts + "api/BACKEND.hrsp_5xx+150 api/BACKEND.eresp+150"));
    assert_eq!(site.causes(), ["CRIT api slow-application"], "{}", site.sentence("api"));
    assert!(is_named(&site));
}

#[test]
fn full_servers_that_hang_are_a_slow_application() {
    let mut site = TestSite::healthy();
    site.steps(4);
    let all = |changes: &str| ALL.iter().map(|server| changes.replace("api1", &server[4..])).collect::<String>();
    site.set(&all("api/api1.scur=50 api/api1.stot+45 api/api1.hrsp_2xx+0 "));
    site.set("api/BACKEND.qcur=1 api/BACKEND.qcur+20");
    site.step();
    site.set(&all("api/api1.stot+0 "));
    site.steps(5);
    assert_eq!(site.causes(), ["CRIT api slow-application"]);
    assert!(is_named(&site), "{}", site.sentence("api"));
}

#[test]
fn silence_without_many_waiting_requests_is_fine() {
    let idle = "api/api1.stot+0 api/api1.hrsp_2xx+0 api/api1.scur=40 ";
    for changes in [
        // Few requests, idle connections, sessions in TCP mode, connections that fail, and clients that are gone.
        "api/api1.hrsp_2xx+0 api/api1.scur=9",
        &["api1", "api2", "api3"].map(|server| idle.replace("api1", server)).concat(),
        "db/db1.stot+100 db/db1.scur+100 db/db1.slim=9000",
        "api/api1.hrsp_2xx+0 api/api1.econ+100 api/api1.scur=40",
        "api/api1.hrsp_2xx+0 api/api1.cli_abrt+100 api/api1.scur=40",
        "api/api1.hrsp_2xx+100 api/api1.scur+100 api/api1.slim=9000",
    ] {
        let site = TestSite::after_10_s(changes);
        assert!(!is_named(&site), "{changes}: {:?}", site.causes());
    }
}

#[test]
fn silence_shorter_than_twice_the_usual_response_time_is_fine() {
    let mut site = TestSite::healthy();
    site.set(&ALL.map(|server| format!("{server}.rtime=9000 ")).concat());
    site.set("api/BACKEND.rtime=9000");
    site.steps(10);
    site.set(&hang(&ALL));
    site.steps(8);
    assert!(!is_named(&site), "{}", site.sentence("api"));
    site.steps(4);
    assert!(is_named(&site), "{}", site.sentence("api"));
}

#[test]
fn new_process_without_any_response_is_not_judged() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.reload();
    site.set(&(hang(&ALL) + "api/BACKEND.hrsp_2xx+0"));
    site.steps(6);
    assert!(!is_named(&site), "{}", site.sentence("api"));
}

#[test]
fn server_whose_few_places_are_taken_by_hanging_requests_is_slow() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set("api/api1.slim=4 api/api1.scur=4 api/api1.stot+4 api/api1.hrsp_2xx+0");
    site.step();
    site.set("api/api1.stot+0");
    site.steps(5);
    assert_eq!(site.causes(), ["CRIT api/api1 slow-server"], "{:?}", site.open_problems());
    assert!(site.sentence("api/api1").contains(NO_RESPONSE), "{}", site.sentence("api/api1"));
}
