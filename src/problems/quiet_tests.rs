//! Tests of backends and servers with few requests.

use crate::problems::test_site::TestSite;

/// Returns a healthy site with another backend, whose two servers get this many requests each between two samples.
fn site_with_backend(name: &str, requests: i64) -> TestSite {
    let mut site = TestSite::healthy();
    site.backend(name, "http", &["t1", "t2"]);
    for (row, count) in [("t1", requests), ("t2", requests), ("BACKEND", requests * 2)] {
        for counter in ["stot", "req_tot", "hrsp_2xx", "connect", "lbtot"] {
            site.set(&format!("{name}/{row}.{counter}+{count}"));
        }
    }
    site
}

/// Returns a site with a backend `tiny`, whose two servers get one request per second each.
fn quiet_site() -> TestSite {
    let mut site = site_with_backend("tiny", 2);
    site.steps(30);
    assert_eq!(site.causes(), [""; 0]);
    site
}

/// A sample in which a response of each server is a 5xx, and one in which none is.
const FAILING: &str = "tiny/t1.hrsp_2xx+1 tiny/t1.hrsp_5xx+1 tiny/t2.hrsp_2xx+1 tiny/t2.hrsp_5xx+1 tiny/BACKEND.hrsp_2xx+2 \
                       tiny/BACKEND.hrsp_5xx+2";
const FINE: &str = "tiny/t1.hrsp_2xx+2 tiny/t1.hrsp_5xx+0 tiny/t2.hrsp_2xx+2 tiny/t2.hrsp_5xx+0 tiny/BACKEND.hrsp_2xx+4 \
                    tiny/BACKEND.hrsp_5xx+0";

#[test]
fn small_share_of_few_requests_is_named_and_ends_soon() {
    let mut site = quiet_site();
    for _ in 0..6 {
        site.set(FAILING);
        site.step();
        site.set(FINE);
        site.step();
    }
    assert_eq!(site.causes(), ["CRIT tiny application-5xx"], "48 requests");
    let sentence = "application errors: 23% of the responses are 5xx (12 of 52 in 26 s)";
    assert_eq!(site.sentence("tiny"), sentence);
    site.steps(9);
    assert_eq!(site.causes(), [""; 0]);
}

#[test]
fn few_failures_of_a_minute_are_fine() {
    let mut site = quiet_site();
    for _ in 0..4 {
        site.set("tiny/t1.hrsp_2xx+1 tiny/t1.hrsp_5xx+1 tiny/BACKEND.hrsp_2xx+3 tiny/BACKEND.hrsp_5xx+1");
        site.step();
        site.set(FINE);
        site.steps(12);
        assert_eq!(site.causes(), [""; 0]);
    }
}

#[test]
fn server_that_fails_all_of_few_requests_is_named_with_its_own_share() {
    let mut site = quiet_site();
    site.set("tiny/t1.hrsp_2xx+0 tiny/t1.hrsp_5xx+2 tiny/BACKEND.hrsp_2xx+2 tiny/BACKEND.hrsp_5xx+2");
    site.steps(6);
    assert_eq!(site.causes(), ["CRIT tiny/t1 server-5xx"]);
    assert_eq!(site.sentence("tiny/t1"), "100% of its responses are 5xx in 4 s (peers 0%)");
}

#[test]
fn server_that_refuses_few_connections_is_named() {
    let mut site = quiet_site();
    // HAProxy sends the request to the other server next.
    site.set(
        "tiny/t1.hrsp_2xx+0 tiny/t1.wredis+2 tiny/BACKEND.wredis+2 tiny/t2.hrsp_2xx+4 tiny/t2.stot+4 tiny/t2.lbtot+4",
    );
    site.set("tiny/t2.connect+4 tiny/BACKEND.connect+6 tiny/BACKEND.lbtot+6");
    site.steps(7);
    assert_eq!(site.causes(), ["CRIT tiny/t1 server-unreachable"]);
    let sentence = site.sentence("tiny/t1");
    assert!(sentence.starts_with("connection problem: 100% of the connections failed"), "{sentence}");
}

#[test]
fn quiet_server_of_a_busy_backend_is_judged_by_itself() {
    let mut site = TestSite::healthy();
    for counter in ["stot", "req_tot", "hrsp_2xx", "connect", "lbtot"] {
        site.set(&format!("www/w4.{counter}+1"));
    }
    site.steps(20);
    site.set("www/w4.hrsp_2xx+0 www/w4.hrsp_5xx+1 www/BACKEND.hrsp_2xx+399 www/BACKEND.hrsp_5xx+1");
    site.steps(9);
    assert_eq!(site.causes(), ["CRIT www/w4 server-5xx"]);
}

#[test]
fn responses_that_haproxy_counts_twice_do_not_shorten_the_time() {
    let mut site = quiet_site();
    // HAProxy answers 502 in place of each response of this server.
    site.set("tiny/t1.hrsp_2xx+0 tiny/t1.eresp+4 tiny/BACKEND.eresp+4 tiny/BACKEND.hrsp_2xx+2 tiny/BACKEND.hrsp_5xx+2");
    site.set("www-in.hrsp_5xx+2");
    site.steps(12);
    assert_eq!(site.causes(), ["CRIT tiny/t1 server-5xx"]);
}

#[test]
fn small_share_of_one_of_two_servers_is_named_in_a_minute() {
    let mut site = site_with_backend("two", 12);
    site.steps(20);
    site.set("two/t1.hrsp_2xx+11 two/t1.hrsp_5xx+1 two/BACKEND.hrsp_2xx+23 two/BACKEND.hrsp_5xx+1");
    site.steps(12);
    assert_eq!(site.causes(), ["CRIT two/t1 server-5xx"], "{}", site.sentence("two"));
}

#[test]
fn equal_shares_that_differ_by_chance_name_no_server() {
    let mut site = site_with_backend("two", 24);
    site.steps(20);
    let mut random = fastrand::Rng::with_seed(7);
    let mut named = Vec::new();
    for _ in 0..300 {
        let [t1, t2] = [(); 2].map(|()| (0..24).filter(|_| random.u8(0..100) < 4).count());
        site.set(&format!("two/t1.hrsp_2xx+{} two/t1.hrsp_5xx+{t1} two/t2.hrsp_2xx+{}", 24 - t1, 24 - t2));
        site.set(&format!(
            "two/t2.hrsp_5xx+{t2} two/BACKEND.hrsp_2xx+{} two/BACKEND.hrsp_5xx+{}",
            48 - t1 - t2,
            t1 + t2
        ));
        site.step();
        named.extend(site.causes().into_iter().filter(|cause| cause.contains("two/")));
    }
    assert_eq!(named, [""; 0]);
}
