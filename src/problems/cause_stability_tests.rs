//! One fault is one cause with one name, from its first sample to its end, however fast HAProxy is sampled.

use crate::problems::cause::CauseChange;
use crate::problems::test_site::TestSite;

/// Times between two samples, in milliseconds.
const INTERVALS: [u64; 3] = [500, 1000, 2000];

/// Returns the causes that were listed as open in the samples, without repetitions: `api/api1 server-5xx`.
fn names_over(site: &mut TestSite, milliseconds: u64, names: &mut Vec<String>) {
    let end = site.now + milliseconds;
    while site.now < end {
        site.step();
        let causes = site.problems.open_causes().map(|cause| format!("{} {}", cause.name(), cause.kind));
        for name in causes.collect::<Vec<_>>() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
}

#[test]
fn fault_has_one_name_until_it_is_over() {
    for (name, fault, repair) in [
        (
            "api/api1 server-5xx",
            "api/api1.hrsp_5xx+40 api/BACKEND.hrsp_5xx+40 www-in.hrsp_5xx+40",
            "api/api1.hrsp_5xx+0 api/BACKEND.hrsp_5xx+0 www-in.hrsp_5xx+0",
        ),
        ("api haproxy-5xx", "api/BACKEND.hrsp_5xx+40 www-in.hrsp_5xx+40", "api/BACKEND.hrsp_5xx+0 www-in.hrsp_5xx+0"),
        (
            "api application-5xx",
            "api/api1.hrsp_5xx+30 api/api2.hrsp_5xx+30 api/api3.hrsp_5xx+30 api/BACKEND.hrsp_5xx+90 www-in.hrsp_5xx+90",
            "api/api1.hrsp_5xx+0 api/api2.hrsp_5xx+0 api/api3.hrsp_5xx+0 api/BACKEND.hrsp_5xx+0 www-in.hrsp_5xx+0",
        ),
        (
            "api/api2 server-unreachable",
            "api/api2.econ+20 api/BACKEND.econ+20 api/BACKEND.wretr+60",
            "api/api2.econ+0 api/BACKEND.econ+0 api/BACKEND.wretr+0",
        ),
        ("www/w4 slow-server", "www/w4.rtime=3000 www/BACKEND.rtime=800", "www/w4.rtime=50 www/BACKEND.rtime=50"),
        (
            "api slow-application",
            "api/api1.rtime=1200 api/api2.rtime=1200 api/api3.rtime=1200 api/BACKEND.rtime=1200",
            "api/api1.rtime=50 api/api2.rtime=50 api/api3.rtime=50 api/BACKEND.rtime=50",
        ),
        (
            "api/api3 server-down",
            "api/api3.status=DOWN api/api3.check_status=L4TOUT api/BACKEND.act=2 api/api3.econ+5 api/BACKEND.econ+5",
            "api/api3.status=UP api/api3.check_status=L4OK api/BACKEND.act=3 api/api3.econ+0 api/BACKEND.econ+0",
        ),
        (
            "api/api2 idle-server",
            "api/api2.scur=0 api/api2.stot+0 api/BACKEND.qcur=9",
            "api/api2.scur=5 api/api2.stot+100 api/BACKEND.qcur=0",
        ),
        (
            "api at-maxconn",
            "api/api1.scur=50 api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=12 api/BACKEND.qtime=700",
            "api/api1.scur=5 api/api2.scur=5 api/api3.scur=5 api/BACKEND.qcur=0 api/BACKEND.qtime=0",
        ),
    ] {
        for interval in INTERVALS {
            let mut site = TestSite::healthy();
            site.interval = interval;
            site.steps(8);
            let mut names = Vec::new();
            site.set(fault);
            names_over(&mut site, 20_000, &mut names);
            site.set(repair);
            names_over(&mut site, 40_000, &mut names);
            assert_eq!(names, [name], "sampled every {interval} ms: {fault}");
            assert_eq!(site.causes(), [""; 0], "{fault}");
        }
    }
}

#[test]
fn errors_of_one_server_are_its_own_before_its_rule_has_enough_responses() {
    // Few responses: the backend has enough of them for a share, and none of its servers has.
    let mut site = TestSite::healthy();
    for row in ["api/api1", "api/api2", "api/api3"] {
        site.set(&format!("{row}.hrsp_2xx+4 {row}.req_tot+4 {row}.stot+4"));
    }
    site.set("api/BACKEND.hrsp_2xx+12 api/BACKEND.req_tot+12 api/BACKEND.stot+12");
    site.steps(6);
    site.set("api/api1.hrsp_2xx+0 api/api1.hrsp_5xx+4 api/BACKEND.hrsp_2xx+8 api/BACKEND.hrsp_5xx+4");
    let mut names = Vec::new();
    names_over(&mut site, 30_000, &mut names);
    assert_eq!(names, ["api/api1 server-5xx"], "{:?}", site.open_problems());
}

#[test]
fn few_errors_do_not_take_the_name_from_a_known_server() {
    let mut site = TestSite::after_10_s("api/api1.hrsp_5xx+40 api/BACKEND.hrsp_5xx+40");
    assert_eq!(site.causes(), ["CRIT api/api1 server-5xx"]);
    // Two errors in the rate window are too few for a new outlier.
    site.set("api/api1.hrsp_5xx+1 api/BACKEND.hrsp_5xx+1 api/api1.hrsp_2xx+10 api/BACKEND.hrsp_2xx+80");
    let mut names = Vec::new();
    names_over(&mut site, 40_000, &mut names);
    assert_eq!(names, ["api/api1 server-5xx"], "{:?}", site.open_problems());
}

#[test]
fn slow_application_stays_the_cause_of_its_queue() {
    let slow = "api/BACKEND.rtime=1200 api/BACKEND.qcur=12";
    let mut site = TestSite::after_10_s(slow);
    assert_eq!(site.causes(), ["CRIT api slow-application"]);
    let mut names = Vec::new();
    for _ in 0..4 {
        // The response time is sometimes only a warning, the queue is always critical.
        site.set("api/BACKEND.rtime=700");
        names_over(&mut site, 14_000, &mut names);
        site.set(slow);
        names_over(&mut site, 14_000, &mut names);
    }
    assert_eq!(names, ["api slow-application"]);
}

#[test]
fn errors_of_a_frontend_are_named_without_a_backend_that_explains_them() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set("www-in.hrsp_5xx+90");
    let changes = site.steps(6).into_iter().flat_map(|changes| changes.causes);
    let opened = changes.filter(|event| event.change == CauseChange::Opened).map(|event| event.cause.name());
    assert_eq!(opened.collect::<Vec<_>>(), ["www-in"]);
}

#[test]
fn queue_is_judged_alike_in_small_and_large_backends() {
    let names: Vec<String> = (0..70).map(|number| format!("s{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let causes = |count: usize| {
        let mut site = TestSite::healthy();
        site.backend("big", "http", &names[..count]);
        site.steps(4);
        // Requests queue at one server, and none at the backend itself.
        site.set(&format!("big/s{}.qcur=12", count - 1));
        site.steps(6);
        let last = format!("/s{} ", count - 1);
        let problems = site.open_problems().into_iter().map(|problem| problem.replace(&last, "/last "));
        (site.causes(), problems.collect::<Vec<_>>())
    };
    assert_eq!(causes(64), causes(65));
    assert_eq!(causes(3), causes(70));
}

#[test]
fn errors_in_place_of_failed_responses_are_those_of_the_server() {
    // HAProxy counts the 502 that it sends for the backend, and not for the server.
    let few = "api/api1.hrsp_2xx+4 api/api2.hrsp_2xx+8 api/api3.hrsp_2xx+8 api/BACKEND.hrsp_2xx+20";
    for traffic in ["", few] {
        let mut site = TestSite::healthy();
        site.set(traffic);
        site.steps(6);
        site.set("api/api1.hrsp_2xx+0 api/api1.eresp+6 api/BACKEND.eresp+6 api/BACKEND.hrsp_5xx+6 www-in.hrsp_5xx+6");
        let mut names = Vec::new();
        names_over(&mut site, 30_000, &mut names);
        assert_eq!(names, ["api/api1 server-5xx"], "{traffic}: {:?}", site.open_problems());
        assert_eq!(site.sentence("api/api1"), "100% of the responses failed");
    }
    // Errors of another origin are a cause of their own.
    let mut site = TestSite::after_10_s("api/api1.eresp+6 api/BACKEND.eresp+6 api/BACKEND.hrsp_5xx+90");
    site.steps(4);
    assert_eq!(site.causes(), ["CRIT api/api1 server-5xx", "WARN api haproxy-5xx"]);
}

#[test]
fn state_is_over_at_once_and_its_errors_are_not_another_cause() {
    let down =
        "api/api1.status=DOWN api/api2.status=DOWN api/api3.status=DOWN api/BACKEND.act=0 api/BACKEND.hrsp_5xx+90";
    let mut site = TestSite::after_10_s(down);
    assert_eq!(site.causes(), ["CRIT api no-server"]);
    site.set("api/api1.status=UP api/api2.status=UP api/api3.status=UP api/BACKEND.act=3 api/BACKEND.hrsp_5xx+0");
    let mut names = Vec::new();
    names_over(&mut site, 30_000, &mut names);
    assert_eq!(names, [""; 0], "{:?}", site.open_problems());
    // Errors that go on have another cause.
    site.set(down);
    site.steps(4);
    site.set("api/api1.status=UP api/api2.status=UP api/api3.status=UP api/BACKEND.act=3");
    site.steps(8);
    assert_eq!(site.causes(), ["CRIT api haproxy-5xx"]);
}

#[test]
fn state_does_not_inherit_the_age_of_what_was_wrong_before() {
    let mut site = TestSite::after_10_s("api/api1.scur=50 api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=12");
    site.steps(60);
    assert_eq!(site.causes(), ["CRIT api at-maxconn"]);
    site.set("api/api1.status=MAINT api/api2.status=MAINT api/api3.status=MAINT api/BACKEND.act=0");
    site.set("api/BACKEND.status=DOWN");
    let since = std::time::Duration::from_millis(site.now);
    site.step();
    let cause = site.problems.open_causes().next().unwrap();
    assert_eq!((cause.kind.as_str(), cause.may_be_older), ("no-server", false));
    assert!(cause.since.monotonic >= since, "{:?}", cause.since);
}

#[test]
fn slow_server_of_the_first_samples_may_be_older_and_is_not_fine_before() {
    let mut site = TestSite::healthy();
    // The peers have few requests, so that their mean time is known later.
    for peer in ["www/w1", "www/w2", "www/w3"] {
        site.set(&format!("{peer}.req_tot+3 {peer}.stot+3 {peer}.hrsp_2xx+3"));
    }
    site.set("www/w4.rtime=3000");
    site.steps(2);
    let gaps: Vec<&str> = site.problems.not_evaluated().iter().map(|gap| gap.rule.as_str()).collect();
    assert!(gaps.contains(&"slow-server"), "{gaps:?}");
    while site.causes().is_empty() {
        site.step();
    }
    let cause = site.problems.open_causes().next().unwrap();
    assert_eq!((cause.kind.as_str(), cause.may_be_older), ("slow-server", true));
}

#[test]
fn queue_after_the_end_of_an_outage_is_named_in_time() {
    let mut site =
        TestSite::after_10_s("api/api1.status=MAINT api/api2.status=MAINT api/api3.status=MAINT api/BACKEND.act=0");
    assert_eq!(site.causes(), ["CRIT api no-server"]);
    site.set("api/api1.status=UP api/api2.status=UP api/api3.status=UP api/BACKEND.act=3");
    site.set("api/api1.scur=50 api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=12");
    site.steps(4);
    assert_eq!(site.causes(), ["CRIT api at-maxconn"]);
}

#[test]
fn requests_that_a_full_queue_refuses_are_not_failed_connections() {
    let site = TestSite::after_10_s(
        "api/api1.scur=50 api/api1.qlimit=10 api/api1.qcur=10 api/api1.econ+60 api/BACKEND.econ+60 \
         api/BACKEND.hrsp_5xx+60",
    );
    assert_eq!(site.causes(), ["CRIT api at-maxconn"], "{:?}", site.open_problems());
}

#[test]
fn few_responses_that_nearly_all_fail_are_a_cause() {
    let mut site = TestSite::healthy();
    for server in ["api/api1", "api/api2", "api/api3"] {
        site.set(&format!("{server}.hrsp_2xx+0 {server}.hrsp_5xx+2 {server}.req_tot+2 {server}.stot+2"));
    }
    site.set("api/BACKEND.hrsp_2xx+0 api/BACKEND.hrsp_5xx+6 api/BACKEND.req_tot+6 api/BACKEND.stot+6");
    site.steps(8);
    assert_eq!(site.causes(), ["CRIT api application-5xx"], "{:?}", site.open_problems());
}

#[test]
fn servers_that_all_refuse_connections_are_a_network_problem_however_requests_are_redispatched() {
    // HAProxy counts `econ` only where the last attempt failed.
    let site = TestSite::after_10_s(
        "api/api1.hrsp_2xx+0 api/api2.hrsp_2xx+0 api/api3.hrsp_2xx+0 api/BACKEND.hrsp_2xx+0 api/BACKEND.hrsp_5xx+100 \
         api/api1.wredis+100 api/api3.wredis+100 api/api2.econ+100 api/BACKEND.econ+100 api/BACKEND.wredis+200 \
         api/api1.connect+100 api/api2.connect+100 api/api3.connect+100 api/BACKEND.connect+300",
    );
    assert_eq!(site.causes(), ["CRIT api network"], "{:?}", site.open_problems());
    let one = TestSite::after_10_s(
        "api/api1.hrsp_2xx+0 api/api1.wredis+100 api/api1.connect+100 api/BACKEND.wredis+100 api/BACKEND.connect+400",
    );
    assert_eq!(one.causes(), ["CRIT api/api1 server-unreachable"], "{:?}", one.open_problems());
}

#[test]
fn responses_that_haproxy_counts_twice_as_failed_are_counted_once() {
    let site = TestSite::after_10_s(
        "api/api1.hrsp_2xx+0 api/api1.eresp+200 api/BACKEND.hrsp_2xx+200 api/BACKEND.eresp+200 api/BACKEND.hrsp_5xx+100",
    );
    assert_eq!(site.causes(), ["CRIT api/api1 server-5xx"], "{:?}", site.open_problems());
    assert_eq!(site.problems.open_causes().next().unwrap().impact.map(|impact| (impact * 700.0).round()), Some(100.0));
    assert!(site.open_problems().contains(&"CRIT api backend-response-errors".to_owned()));
}

#[test]
fn cause_that_comes_back_says_so() {
    let mut site = TestSite::after_10_s("api/BACKEND.qcur=12");
    for times in 2..4 {
        site.set("api/BACKEND.qcur=0");
        site.steps(20);
        assert_eq!(site.causes(), [] as [String; 0]);
        site.set("api/BACKEND.qcur=12");
        site.steps(6);
        let sentence = site.sentence("api");
        assert!(sentence.contains(&format!(", {times} times in ")), "{sentence}");
    }
    site.set("api/BACKEND.qcur=0");
    site.steps(320);
    site.set("api/BACKEND.qcur=12");
    site.steps(6);
    let sentence = site.sentence("api");
    assert!(!sentence.contains(" times in "), "after ten minutes: {sentence}");
}

#[test]
fn server_that_is_down_for_another_reason_has_another_start() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set("api/api1.status=DOWN api/api1.check_status=L4CON");
    site.steps(30);
    let age = |site: &TestSite| {
        let cause = site.problems.open_causes().find(|cause| cause.name() == "api/api1").unwrap();
        cause.age(std::time::Duration::from_millis(site.now)).as_secs()
    };
    assert!(age(&site) >= 58, "{}", age(&site));
    site.set("api/api1.check_status=L4TOUT");
    site.steps(1);
    assert!(age(&site) >= 58, "a single check may differ");
    site.steps(5);
    assert!(age(&site) <= 14, "{}", age(&site));
    let sentence = site.sentence("api/api1");
    assert!(sentence.contains("L4TOUT") && sentence.ends_with(", L4CON for 60 s before"), "{sentence}");
    site.steps(10);
    assert!((20..40).contains(&age(&site)), "{}", age(&site));
}

#[test]
fn errors_of_an_outage_are_not_those_of_the_server_that_stays_down() {
    let mut site = TestSite::healthy();
    site.steps(4);
    let down = |server: &str| format!("api/{server}.status=DOWN api/{server}.check_status=L4CON ");
    site.set(&["api1", "api2", "api3"].map(down).concat());
    site.set("api/BACKEND.act=0 api/BACKEND.hrsp_5xx+200");
    site.steps(6);
    assert_eq!(site.causes(), ["CRIT api no-server"]);
    site.set("api/api2.status=UP api/api2.check_status=L4OK api/api3.status=UP api/api3.check_status=L4OK");
    site.set("api/BACKEND.act=2 api/BACKEND.hrsp_5xx+0");
    for _ in 0..10 {
        site.step();
        assert_eq!(site.causes(), ["WARN api/api1 server-down"], "{:?}", site.open_problems());
    }
}

#[test]
fn errors_of_the_first_seconds_may_be_older() {
    for (steps, may_be_older) in [(4, true), (10, false)] {
        let mut site = TestSite::healthy();
        site.steps(steps);
        site.set("api/api1.hrsp_5xx+40 api/BACKEND.hrsp_5xx+40");
        site.steps(6);
        let cause = site.problems.open_causes().next().unwrap();
        assert_eq!((cause.name().as_str(), cause.may_be_older), ("api/api1", may_be_older), "{steps}");
    }
}

#[test]
fn queue_after_a_slow_application_is_of_full_servers() {
    let mut site = TestSite::after_10_s("api/BACKEND.rtime=800 api/BACKEND.qcur=40");
    assert_eq!(site.causes(), ["CRIT api slow-application"]);
    assert!(site.sentence("api").starts_with("application slow: "), "{}", site.sentence("api"));
    site.set("api/BACKEND.rtime=40 api/BACKEND.qcur=30");
    site.steps(2);
    let sentence = site.sentence("api");
    assert!(sentence.starts_with("application was slow: ") && sentence.ends_with(" again, 30 waiting"), "{sentence}");
    site.steps(6);
    assert_eq!(site.causes(), ["CRIT api at-maxconn"]);
    assert!(site.sentence("api").starts_with("servers full: "), "{}", site.sentence("api"));
}

#[test]
fn errors_of_a_server_end_with_its_requests() {
    let mut site = TestSite::healthy();
    site.steps(10);
    site.set("api/api1.hrsp_5xx+30 api/api1.hrsp_2xx+30 api/BACKEND.hrsp_5xx+30");
    site.steps(10);
    assert_eq!(site.causes(), ["CRIT api/api1 server-5xx"], "{:?}", site.open_problems());
    // As after a drain, or without clients.
    site.set("api/api1.status=DRAIN api/api1.hrsp_5xx+0 api/api1.hrsp_2xx+0 api/api1.stot+0 api/BACKEND.hrsp_5xx+0");
    site.steps(10);
    assert_eq!(site.causes(), [""; 0], "{:?}", site.open_problems());
}

#[test]
fn end_of_an_outage_of_all_backends_opens_no_other_cause() {
    const SERVERS: [&str; 9] =
        ["api/api1", "api/api2", "api/api3", "www/w1", "www/w2", "www/w3", "www/w4", "db/db1", "db/db2"];
    let all = |state: &str, usable: u8| {
        let servers = SERVERS.map(|server| format!("{server}.status={state}"));
        let backends = ["api", "www", "db"].map(|name| format!("{name}/BACKEND.act={usable}"));
        [servers.as_slice(), &backends].concat().join(" ")
    };
    let mut site = TestSite::healthy();
    site.steps(6);
    site.set(&all("DOWN", 0));
    site.set("api/BACKEND.hrsp_5xx+120 api/BACKEND.hrsp_2xx+0 www/BACKEND.hrsp_5xx+120");
    site.steps(8);
    assert_eq!(site.causes(), ["CRIT process no-backend"], "{:?}", site.open_problems());
    site.set(&all("UP", 3));
    site.set("api/BACKEND.hrsp_5xx+0 api/BACKEND.hrsp_2xx+120 www/BACKEND.hrsp_5xx+0");
    for step in 0..10 {
        site.step();
        assert_eq!(site.causes(), [""; 0], "{step}: {:?}", site.open_problems());
    }
}
