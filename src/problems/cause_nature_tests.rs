//! Tests of what a cause says about the time before: that its fault changed its nature, or that another one was there.

use crate::problems::test_site::TestSite;

/// Time between two samples of a site, in seconds.
const STEP: u64 = 2;

/// Returns the age of a cause in seconds.
fn age(site: &TestSite, name: &str) -> u64 {
    let cause = site.problems.open_causes().find(|cause| cause.name() == name).unwrap();
    cause.age(std::time::Duration::from_millis(site.now)).as_secs()
}

fn down(servers: &[&str], reason: &str) -> String {
    let words = servers.iter().map(|server| format!("api/{server}.status=DOWN api/{server}.check_status={reason} "));
    words.collect::<Vec<_>>().concat()
}

#[test]
fn backend_that_is_down_for_other_reasons_keeps_its_start() {
    let all = ["api1", "api2", "api3"];
    for (servers, backend, id) in [(&all[..], "api/BACKEND.act=0", "no-server"), (&all[..2], "", "servers-down")] {
        let mut site = TestSite::healthy();
        site.steps(4);
        site.set(&format!("{}{backend}", down(servers, "L4CON")));
        site.steps(30);
        site.set(&down(servers, "L4TOUT"));
        site.steps(8);
        assert!(site.causes()[0].ends_with(id), "{:?}", site.causes());
        let sentence = site.sentence("api");
        assert!(sentence.contains("L4TOUT") && sentence.ends_with(", L4CON for the first 60 s"), "{sentence}");
        assert!(age(&site, "api") >= 38 * STEP - 2, "{}", age(&site, "api"));
        site.set("api/api1.status=MAINT");
        site.steps(8);
        let sentence = site.sentence("api");
        assert!(id != "no-server" || sentence.ends_with(", L4CON for the first 60 s"), "{sentence}");
    }
}

#[test]
fn server_that_its_agent_and_then_its_checks_report_down_says_so() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set("api/api1.status=DOWN_(agent) api/api1.agent_status=L7STS");
    site.steps(30);
    assert_eq!(site.causes(), ["WARN api/api1 agent-down"]);
    site.set("api/api1.status=DOWN api/api1.agent_status=L7OK api/api1.check_status=L4CON");
    site.steps(1);
    assert_eq!(site.causes(), ["WARN api/api1 server-down"], "a state is over at once");
    site.steps(4);
    assert!(site.sentence("api/api1").ends_with(", agent down for 60 s before"), "{}", site.sentence("api/api1"));
    assert!(age(&site, "api/api1") <= 5 * STEP, "{}", age(&site, "api/api1"));
}

#[test]
fn server_that_refuses_connections_and_then_fails_says_so() {
    let mut site = TestSite::healthy();
    site.steps(6);
    site.set("api/api2.econ+20 api/BACKEND.econ+20 api/BACKEND.wretr+60");
    site.steps(30);
    assert_eq!(site.causes(), ["CRIT api/api2 server-unreachable"]);
    site.set("api/api2.econ+0 api/BACKEND.econ+0 api/BACKEND.wretr+0 api/api2.hrsp_5xx+40 api/BACKEND.hrsp_5xx+40");
    site.steps(10);
    assert_eq!(site.causes(), ["CRIT api/api2 server-5xx"]);
    let sentence = site.sentence("api/api2").to_owned();
    assert!(sentence.contains(", server unreachable for ") && sentence.ends_with(" before"), "{sentence}");
    assert!(age(&site, "api/api2") <= 10 * STEP, "{}", age(&site, "api/api2"));
}

#[test]
fn first_signs_of_a_cause_are_not_another_one() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set("api/api1.check_status=L4CON api/api1.check_rise=2 api/api1.check_fall=9 api/api1.check_health=5");
    site.set("api/api1.status=UP_5/9");
    site.steps(10);
    site.set("api/api1.status=DOWN");
    site.steps(4);
    assert_eq!(site.causes(), ["WARN api/api1 server-down"]);
    assert!(!site.sentence("api/api1").contains("before"), "{}", site.sentence("api/api1"));
}

#[test]
fn server_that_comes_back_from_maintenance_and_is_down_begins_again() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set(&down(&["api1"], "L4CON"));
    site.steps(30);
    site.set("api/api1.status=MAINT");
    site.steps(3);
    assert_eq!(site.causes(), [""; 0]);
    site.set(&down(&["api1"], "L4TOUT"));
    site.steps(4);
    assert!(site.sentence("api/api1").contains(", 2 times in "), "{}", site.sentence("api/api1"));
    assert!(age(&site, "api/api1") <= 4 * STEP, "{}", age(&site, "api/api1"));
}
