//! Tests of faults that several servers share.

use crate::problems::test_site::TestSite;

/// Returns the changes after which these servers are down, or up again.
fn set_state(site: &mut TestSite, servers: &[&str], is_down: bool) {
    for server in servers {
        let down = "status=DOWN S.check_status=L4CON S.chkdown+1 S.chkfail+3";
        let state = if is_down { down } else { "status=UP S.check_status=L7OK" };
        site.set(&format!("S.{state}").replace("S.", &format!("{server}.")));
    }
    site.step();
    for server in servers {
        site.set(&format!("{server}.chkdown+0 {server}.chkfail+0"));
    }
}

fn flap(site: &mut TestSite, servers: &[&str]) {
    for _ in 0..3 {
        set_state(site, servers, true);
        site.steps(2);
        set_state(site, servers, false);
        site.steps(3);
    }
}

#[test]
fn servers_that_flap_together_are_one_cause() {
    let mut site = TestSite::healthy();
    site.steps(4);
    flap(&mut site, &["www/w1", "www/w2"]);
    assert_eq!(site.causes(), ["CRIT www flapping-server"]);
    let sentence = "w1, w2 flap every 14 s, went down 3 times in the last 5 min: L4CON";
    assert_eq!(site.sentence("www"), sentence);
}

#[test]
fn backend_that_loses_all_servers_again_and_again_is_one_cause() {
    let mut site = TestSite::healthy();
    site.steps(4);
    let servers = ["api/api1", "api/api2", "api/api3"];
    flap(&mut site, &servers);
    site.set("api/BACKEND.act=0");
    set_state(&mut site, &servers, true);
    let open: Vec<String> = site.causes().into_iter().filter(|cause| cause.contains(" api")).collect();
    assert_eq!(open, ["CRIT api flapping-server"]);
    let sentence = site.sentence("api");
    let is_right =
        sentence.starts_with("api1, api2, api3 flap every ") && sentence.ends_with(", no server available now");
    assert!(is_right, "{sentence}");
}

#[test]
fn server_of_two_backends_with_one_address_is_one_cause() {
    let mut site = TestSite::healthy();
    site.set("www/w1.addr=192.0.2.7:80 api/api1.addr=192.0.2.7:80 api/api2.addr=192.0.2.8:80");
    site.steps(4);
    set_state(&mut site, &["www/w1", "api/api1"], true);
    assert_eq!(site.causes(), ["WARN www/w1 server-down"]);
    let sentence = "down: L4CON, 75% of the weight available, and api/api1, which has the same address";
    assert_eq!(site.sentence("www/w1"), sentence);
    set_state(&mut site, &["api/api2"], true);
    assert!(site.causes().iter().any(|cause| cause.ends_with(" api servers-down")), "{:?}", site.causes());
}

#[test]
fn fault_that_shrinks_to_one_server_is_that_of_the_server() {
    let all = ["w1", "w2", "w3", "w4"];
    let failing = |server: &str| format!("www/{server}.hrsp_2xx+50 www/{server}.hrsp_5xx+50 ");
    let fine = |server: &str| format!("www/{server}.hrsp_2xx+100 www/{server}.hrsp_5xx+0 ");
    let mut site =
        TestSite::after_10_s(&(all.map(failing).concat() + "www/BACKEND.hrsp_2xx+200 www/BACKEND.hrsp_5xx+200"));
    assert_eq!(site.causes(), ["CRIT www application-5xx"]);
    site.set(
        &(all[1..].iter().map(|server| fine(server)).collect::<String>()
            + "www/BACKEND.hrsp_2xx+350 www/BACKEND.hrsp_5xx+50"),
    );
    site.steps(4);
    assert_eq!(site.causes(), ["CRIT www/w1 server-5xx"]);
}

#[test]
fn queue_of_a_lost_server_is_over_with_it() {
    let mut site = TestSite::healthy();
    site.steps(4);
    let full = "api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=20 api/BACKEND.qtime=900 api/BACKEND.qmax+1";
    site.set(full);
    set_state(&mut site, &["api/api1"], true);
    site.steps(6);
    assert_eq!(site.causes(), ["CRIT api/api1 server-down"]);
    assert!(site.sentence("api/api1").contains("; the rest is full: "), "{}", site.sentence("api/api1"));
    set_state(&mut site, &["api/api1"], false);
    assert_eq!(site.causes(), [""; 0], "the queue is not empty yet, but it ends");
    site.set("api/api2.scur=5 api/api3.scur=5 api/BACKEND.qcur=0 api/BACKEND.qtime=0 api/BACKEND.qmax+0");
    for _ in 0..10 {
        site.step();
        assert_eq!(site.causes(), [""; 0]);
    }
}

#[test]
fn servers_that_their_agents_report_for_one_reason_are_one_cause() {
    let mut site = TestSite::healthy();
    site.steps(4);
    for server in ["www/w1", "www/w2"] {
        site.set(&format!("{server}.status=DOWN_(agent) {server}.agent_status=L7STS {server}.last_agt=deploy"));
    }
    site.steps(2);
    assert_eq!(site.causes(), ["WARN www agent-down"], "{:?}", site.open_problems());
    assert!(site.sentence("www").starts_with("w1, w2: down by its agent"), "{}", site.sentence("www"));
}

#[test]
fn slow_server_whose_peers_are_drained_stays_slow() {
    let mut site = TestSite::after_10_s("www/w1.rtime=400");
    assert_eq!(site.causes(), ["CRIT www/w1 slow-server"]);
    for server in ["w2", "w3", "w4"] {
        site.set(&format!("www/{server}.status=DRAIN www/{server}.hrsp_2xx+0 www/{server}.stot+0 www/{server}.scur=0"));
    }
    site.steps(10);
    assert_eq!(site.causes(), ["CRIT www/w1 slow-server"]);
}

#[test]
fn fault_of_a_server_goes_on_when_other_servers_are_back() {
    let mut site =
        TestSite::after_10_s("www/w1.hrsp_2xx+50 www/w1.hrsp_5xx+50 www/BACKEND.hrsp_2xx+350 www/BACKEND.hrsp_5xx+50");
    assert_eq!(site.causes(), ["CRIT www/w1 server-5xx"]);
    let others = ["www/w2", "www/w3"];
    set_state(&mut site, &others, true);
    site.steps(4);
    set_state(&mut site, &others, false);
    for _ in 0..5 {
        assert!(site.causes().contains(&"CRIT www/w1 server-5xx".to_owned()), "{:?}", site.causes());
        site.step();
    }
}
