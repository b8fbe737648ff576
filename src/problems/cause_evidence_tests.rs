//! Tests of which cause explains which numbers: each number is evidence for one cause, and for no other.

use crate::problems::test_site::TestSite;

/// Makes the changes in a healthy site, and returns it after 20 s, with the causes that were listed in any sample.
fn after_20_s(changes: &str) -> (TestSite, Vec<String>) {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set(changes);
    let seen = (0..10).flat_map(|_| {
        site.step();
        site.causes()
    });
    let mut seen: Vec<String> = seen.collect();
    seen.sort();
    seen.dedup();
    (site, seen)
}

#[test]
fn requests_that_gave_up_waiting_are_no_failed_connections() {
    let full = "api/api1.scur=50 api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=12 api/BACKEND.qtime=900 \
                api/BACKEND.econ+20 api/BACKEND.hrsp_5xx+20 www-in.hrsp_5xx+20";
    let (mut site, seen) = after_20_s(full);
    assert_eq!(seen, ["CRIT api at-maxconn"]);
    let sentence = site.sentence("api");
    assert!(sentence.contains(", 40 requests gave up waiting (503) in 4 s"), "{sentence}");
    // Also at the end, when the last of them are counted while no request waits any more.
    site.set("api/BACKEND.qcur=0 api/BACKEND.qtime=0 api/api1.scur=5 api/api2.scur=5 api/api3.scur=5");
    site.step();
    site.set("api/BACKEND.econ+0 api/BACKEND.hrsp_5xx+0 www-in.hrsp_5xx+0");
    while !site.causes().is_empty() {
        let causes = site.causes();
        assert!(matches!(causes.as_slice(), [only] if only.ends_with(" api at-maxconn")), "{causes:?}");
        site.step();
    }

    let slow = " api/api1.rtime=1200 api/api2.rtime=1200 api/api3.rtime=1200 api/BACKEND.rtime=1200";
    let (site, seen) = after_20_s(&(full.to_owned() + slow));
    assert!(seen.iter().all(|cause| !cause.contains("network") && !cause.contains("5xx")), "{seen:?}");
    assert_eq!(site.causes(), ["CRIT api slow-application"]);
    assert!(site.sentence("api").ends_with(", 12 waiting, 40 requests gave up waiting (503) in 4 s"));

    let (site, seen) =
        after_20_s("db/db1.scur=50 db/db2.scur=50 db/BACKEND.qcur=12 db/BACKEND.qtime=900 db/BACKEND.econ+20");
    assert_eq!(seen, ["CRIT db at-maxconn"]);
    assert!(site.sentence("db").contains(", 40 sessions gave up waiting in 4 s"), "{}", site.sentence("db"));
}

#[test]
fn requests_that_gave_up_waiting_for_one_server_are_part_of_its_cause() {
    let (site, seen) = after_20_s(
        "api/api2.scur=50 api/api2.qcur=8 api/api2.econ+10 api/api2.rtime=1200 api/BACKEND.rtime=420 \
         api/BACKEND.econ+10 api/BACKEND.hrsp_5xx+10",
    );
    assert!(seen.iter().all(|cause| !cause.contains("network") && !cause.contains("unreachable")), "{seen:?}");
    assert_eq!(site.causes(), ["CRIT api/api2 slow-server"]);
    assert!(
        site.sentence("api/api2").ends_with(", 20 requests gave up waiting in 4 s"),
        "{}",
        site.sentence("api/api2")
    );
}

#[test]
fn connections_that_fail_are_named_while_requests_wait() {
    let (site, _) = after_20_s(
        "api/api1.scur=50 api/api3.scur=50 api/BACKEND.qcur=12 api/BACKEND.qtime=900 \
         api/api2.econ+20 api/api2.wretr+60 api/BACKEND.wretr+60 api/BACKEND.econ+40 api/BACKEND.hrsp_5xx+40",
    );
    let causes = site.causes();
    assert!(causes.contains(&"CRIT api/api2 server-unreachable".to_owned()), "{causes:?}");
    assert!(site.sentence("api").contains(", 40 requests gave up waiting (503) in 4 s"), "{}", site.sentence("api"));
    // Without a usable server, no request waits for one.
    let (site, _) = after_20_s(
        "db/BACKEND.act=0 db/db1.status=DOWN db/db2.status=DOWN db/BACKEND.qcur=3 db/BACKEND.econ+40 db/BACKEND.lbtot+0",
    );
    assert_eq!(site.causes(), ["CRIT db no-server"]);
    assert!(!site.sentence("db").contains("gave up"), "{}", site.sentence("db"));
}

#[test]
fn errors_of_a_server_are_no_part_of_another_one_that_is_down() {
    let down = "api/api3.status=DOWN api/api3.check_status=L4CON api/BACKEND.act=2 ";
    let (mut site, _) = after_20_s(&(down.to_owned() + "api/api1.hrsp_5xx+30 api/BACKEND.hrsp_5xx+30"));
    assert_eq!(site.causes(), ["CRIT api/api1 server-5xx", "WARN api/api3 server-down"]);
    site.set("api/api1.hrsp_5xx+0 api/BACKEND.hrsp_5xx+0");
    while site.causes().len() > 1 {
        assert!(site.causes().contains(&"WARN api/api3 server-down".to_owned()), "{:?}", site.causes());
        site.step();
    }
    // The errors of HAProxy itself, and failed connections to the server, are due to the lost server.
    let lost = "api/api3.econ+10 api/api3.wretr+30 api/BACKEND.econ+10 api/BACKEND.wretr+30 api/BACKEND.hrsp_5xx+10";
    let (site, _) = after_20_s(&(down.to_owned() + lost));
    assert_eq!(site.causes(), ["CRIT api/api3 server-down"]);
    let several = "www/w1.status=DOWN www/w2.status=DOWN www/w3.hrsp_5xx+40 www/BACKEND.hrsp_5xx+40";
    let (site, _) = after_20_s(several);
    assert!(site.causes().contains(&"WARN www servers-down".to_owned()), "{:?}", site.causes());
    assert!(site.causes().iter().any(|cause| cause.starts_with("CRIT www")), "{:?}", site.causes());
}

#[test]
fn resolved_cause_takes_no_new_problems() {
    let (mut site, _) =
        after_20_s("api/api3.status=DOWN api/api3.check_status=L4CON api/BACKEND.act=2 api/api3.weight=2");
    site.set("api/api3.status=UP api/api3.check_status=L7OK api/BACKEND.act=3");
    while !site.causes().is_empty() {
        site.step();
    }
    let over = |site: &TestSite| {
        let over = site.problems.causes().find(|cause| !cause.is_open()).map(|cause| cause.problems.len());
        over.expect("a cause that is over")
    };
    let before = over(&site);
    site.set("api/api2.status=DOWN api/api2.check_status=L4CON api/BACKEND.act=2");
    site.steps(3);
    assert_eq!(site.causes(), ["WARN api/api2 server-down"]);
    assert!(over(&site) <= before, "{} of {before}", over(&site));
}

#[test]
fn connections_to_a_tracking_server_are_part_of_the_cause_of_the_tracked_one() {
    let (site, _) = after_20_s(
        "www/w4.tracked=api/api1 www/w4.check_status= www/w4.status=DOWN api/api1.status=DOWN api/api1.check_status=L4CON \
         www/w4.econ+10 www/w4.wretr+30 www/BACKEND.econ+10 www/BACKEND.wretr+30 www/BACKEND.hrsp_5xx+10",
    );
    assert_eq!(site.causes(), ["CRIT api/api1 server-down"], "{:?}", site.open_problems());
}

#[test]
fn several_servers_are_down_since_the_last_one() {
    let mut site = TestSite::healthy();
    site.set("www/w1.status=DOWN www/w2.status=DOWN www/w1.lastchg=600 www/w2.lastchg=60 www/BACKEND.lastchg=9000");
    site.step();
    let age = |site: &TestSite| {
        let now = std::time::Duration::from_millis(site.now - site.interval);
        site.problems.open_causes().map(|cause| cause.age_words(now)).collect::<Vec<_>>()
    };
    assert_eq!(age(&site), ["60 s"]);
    // One more changes nothing.
    site.steps(5);
    site.set("www/w3.status=DOWN www/w3.lastchg=0");
    site.step();
    assert_eq!(age(&site), ["72 s"]);
}

#[test]
fn slow_application_names_the_server_that_is_slow() {
    let (site, _) = after_20_s("api/api2.status=DRAIN api/api2.rtime=2000 api/BACKEND.rtime=700");
    assert_eq!(site.causes(), ["WARN api slow-application"]);
    assert!(site.sentence("api").ends_with(", mostly api2"), "{}", site.sentence("api"));
    let (site, _) = after_20_s("api/api1.rtime=900 api/api2.rtime=2000 api/api3.rtime=900 api/BACKEND.rtime=1200");
    assert!(!site.sentence("api").contains("mostly"), "{}", site.sentence("api"));
}

#[test]
fn responses_that_were_retried_are_failed_responses() {
    // HAProxy counts each of them twice. Its attempts reuse connections or not.
    for counters in [
        "wredis+60 api/api2.wretr+60 api/api2.stot+160 api/api2.lbtot+160 api/api2.connect+0",
        "wredis+60 api/api2.wretr+60 api/api2.stot+160 api/api2.lbtot+160 api/api2.connect+160",
        "wretr+120 api/api2.stot+160 api/api2.lbtot+100 api/api2.connect+160",
        // A cookie chooses the server.
        "wredis+60 api/api2.wretr+60 api/api2.stot+160 api/api2.lbtot+0 api/api2.connect+1",
    ] {
        let (site, _) = after_20_s(&format!(
            "api/BACKEND.wredis+60 api/BACKEND.wretr+60 api/BACKEND.connect+200 api/api2.hrsp_2xx+100 api/api2.{counters}"
        ));
        assert_eq!(site.causes(), ["CRIT api/api2 server-5xx"], "{counters}: {:?}", site.open_problems());
        assert_eq!(site.sentence("api/api2"), "38% of the responses failed, 120 of them retried", "{counters}");
    }
    // A connection that fails and is tried at another server is counted once.
    let (site, _) = after_20_s(
        "api/BACKEND.wredis+60 api/api2.wredis+60 api/api2.stot+160 api/api2.lbtot+160 api/api2.connect+160 \
         api/api2.hrsp_2xx+100",
    );
    assert_eq!(site.causes(), ["CRIT api/api2 server-unreachable"], "{:?}", site.open_problems());
    assert!(site.sentence("api/api2").contains("38% of the connections failed (120 in "), "{:?}", site.causes());
}

#[test]
fn responses_of_all_servers_that_were_retried_are_those_of_the_application() {
    let servers = ["api1", "api2", "api3"].map(|server| {
        format!("api/{server}.wredis+60 api/{server}.wretr+60 api/{server}.stot+160 api/{server}.lbtot+160")
    });
    let (site, _) = after_20_s(&format!("api/BACKEND.wredis+180 api/BACKEND.wretr+180 {}", servers.join(" ")));
    assert_eq!(site.causes(), ["CRIT api application-5xx"], "{:?}", site.open_problems());
}

#[test]
fn errors_of_a_backend_without_servers_are_those_of_haproxy() {
    let unserved = "stats/BACKEND.hrsp_5xx+60 stats/BACKEND.hrsp_2xx+0";
    let (site, _) = after_20_s(&format!("{unserved} stats/BACKEND.econ+60"));
    assert_eq!(site.causes(), ["CRIT stats haproxy-5xx"]);
    let sentence = site.sentence("stats");
    assert!(sentence.starts_with("no servers are configured: HAProxy answers 503, "), "{sentence}");
    // A rule may answer with an error.
    let (site, _) = after_20_s(unserved);
    assert!(!site.sentence("stats").contains("503"), "{}", site.sentence("stats"));
}

#[test]
fn resolved_cause_shows_its_worst_state() {
    let (mut site, _) = after_20_s("api/api3.status=DOWN api/api3.check_status=L4CON api/api3.check_health=0");
    site.set("api/api3.check_status=L7OK api/api3.check_health=1");
    site.steps(2);
    assert!(site.sentence("api/api3").starts_with("coming back "), "{}", site.sentence("api/api3"));
    site.set("api/api3.status=UP api/api3.check_health=4");
    while !site.causes().is_empty() {
        site.step();
    }
    let over = |site: &TestSite| site.problems.causes().next().expect("a cause that is over").sentence.clone();
    assert!(over(&site).starts_with("down: L4CON"), "{}", over(&site));

    let (mut site, _) = after_20_s("www/w4.rtime=1200 www/BACKEND.rtime=340");
    site.set("www/w4.rtime=400 www/BACKEND.rtime=140");
    site.steps(4);
    site.set("www/w4.rtime=50 www/BACKEND.rtime=50");
    while !site.causes().is_empty() {
        site.step();
    }
    assert!(over(&site).contains("(1.20 s against 50 ms)"), "{}", over(&site));
}

#[test]
fn overload_by_lost_servers_is_one_cause() {
    let (site, _) = after_20_s(
        "api/api1.status=DOWN api/api2.status=DOWN api/api1.check_status=L4CON api/api2.check_status=L4CON \
         api/BACKEND.act=1 api/api3.scur=50 api/BACKEND.qcur=12 api/BACKEND.qtime=900",
    );
    assert_eq!(site.causes(), ["CRIT api servers-down"], "{:?}", site.open_problems());
    let sentence = site.sentence("api");
    assert!(
        sentence.starts_with("2 of 3 servers down (api1, api2: L4CON), 33% of the weight available; "),
        "{sentence}"
    );
    assert!(sentence.contains("; the rest is full: 50 of 50 sessions, 12 waiting for "), "{sentence}");
}

#[test]
fn limit_of_the_process_is_not_that_of_its_frontend() {
    let full = "www-in.scur=1990 www-in.slim=2000 info.CurrConns=1990 info.Maxconn=";
    let (site, _) = after_20_s(&format!("{full}2000"));
    assert_eq!(site.causes(), ["CRIT process process-full"]);
    let (site, _) = after_20_s(&format!("{full}2010"));
    assert_eq!(site.causes().len(), 2, "another limit: {:?}", site.causes());
}
