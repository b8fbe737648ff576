//! Tests of whole scenarios, from the first sample to the causes.

use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::problem::Problem;
use crate::problems::test_site::{TestSite, problem_line};
use crate::problems::thresholds::Thresholds;
use crate::problems::tracker::ProblemTracker;

const NOTHING: [String; 0] = [];

fn problem_lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(problem_line).collect()
}

#[test]
fn healthy_site_has_no_problems() {
    let mut site = TestSite::healthy();
    for changes in site.steps(200) {
        assert!(changes.is_empty(), "{changes:?}");
    }
    site.reload();
    assert!(site.steps(20).iter().all(crate::problems::problem_changes::ProblemChanges::is_empty));
    assert_eq!((site.open_problems(), site.problems.count(), site.causes()), (NOTHING.to_vec(), 0, vec![]));
}

#[test]
fn four_faults_give_four_causes() {
    let mut site = TestSite::healthy();
    site.backend("shop", "http", &["s1", "s2", "s3"]);
    site.backend("img", "http", &["i1", "i2", "i3"]);
    site.backend("legacy", "http", &["old1"]);
    site.steps(4);
    let fault = site.now / 1000;
    // Full servers with a queue.
    site.set("api/api1.scur=50 api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=7 api/BACKEND.qtime=340");
    // A server on which every second request fails.
    site.set("shop/s2.hrsp_5xx+50 shop/s2.hrsp_2xx+50 shop/BACKEND.hrsp_5xx+50 shop/BACKEND.hrsp_2xx+250");
    site.set("www-in.hrsp_5xx+50 www-in.hrsp_2xx+650");
    // A server that became slow.
    site.set("img/i3.rtime=210 img/i1.rtime=52 img/i2.rtime=54 img/BACKEND.rtime=105");
    // The last server goes down.
    site.set("legacy/old1.status=DOWN legacy/old1.check_status=L4CON legacy/BACKEND.status=DOWN legacy/BACKEND.act=0");
    site.set("legacy/old1.req_tot+0 legacy/BACKEND.req_tot+0");
    site.steps(6);
    let mut open = site.open_problems();
    open.sort();
    assert_eq!(
        open,
        [
            "CRIT api/api1 server-sessions",
            "CRIT api/api2 server-sessions",
            "CRIT api/api3 server-sessions",
            "CRIT legacy backend-down",
            "CRIT shop backend-5xx",
            "CRIT shop/s2 server-5xx",
            "CRIT www-in frontend-5xx",
            "WARN api queue",
            "WARN api queue-wait",
            "WARN img/i3 slow-server",
            "WARN legacy/old1 server-down",
        ]
    );
    assert_eq!(
        site.causes(),
        ["CRIT api at-maxconn", "CRIT shop/s2 server-5xx", "CRIT legacy no-server", "WARN img/i3 slow-server"],
        "by severity, then by the share of requests that fail or are late"
    );
    assert_eq!(
        site.sentence("api"),
        "servers full: 150 of 150 sessions, 7 waiting for 10 s (qtime 340 ms, few requests end)",
        "150 sessions and 150 responses per second take longer than the rtime of those that ended"
    );
    assert_eq!(site.sentence("shop/s2"), "50% of its responses are 5xx in 4 s (peers 0%)");
    assert_eq!(site.sentence("img/i3"), "4x slower than its peers (212 ms against 52 ms)");
    assert_eq!(site.sentence("legacy"), "no server available: old1: L4CON");
    let first = site.problems.iter().next().map(|problem| (problem.severity, problem.since.monotonic.as_secs()));
    assert_eq!(first, Some((Severity::Crit, fault)), "time of the first sample past the threshold");
    let slow = site.problems.open_causes().find(|cause| cause.name() == "img/i3").unwrap();
    assert_eq!(site.problems.for_row(slow.target).count(), 1, "the cause names the server");
    assert_eq!(site.problems.worst_severity(slow.proxy_row), None);
    assert_eq!(site.problems.cause_of(slow.proxy_row).map(|cause| cause.kind.info().word), Some("outlier"));
    let errors = site.problems.open_causes().find(|cause| cause.name() == "shop/s2").unwrap();
    let rules: Vec<&str> = site.problems.problems_of(errors).map(|problem| problem.rule.id.as_str()).collect();
    assert_eq!(rules, ["server-5xx", "backend-5xx", "frontend-5xx"], "the other problems follow from it");
}

#[test]
fn outliers_are_not_reported_for_most_servers() {
    let site = TestSite::after_10_s("api/api1.rtime=900 api/api2.rtime=900 api/BACKEND.rtime=620");
    assert_eq!(site.causes(), ["WARN api slow-application"]);
}

#[test]
fn short_peaks_open_no_problem() {
    let mut site = TestSite::healthy();
    site.steps(4);
    for _ in 0..20 {
        site.set("api/BACKEND.qcur=3 api/BACKEND.rtime=900");
        site.steps(2);
        site.set("api/BACKEND.qcur=0 api/BACKEND.rtime=50");
        assert!(site.step().is_empty());
    }
    assert_eq!(site.open_problems(), NOTHING);
}

#[test]
fn single_error_with_little_traffic_opens_no_problem() {
    for interval in [1000, 2000, 60_000] {
        let mut site = TestSite::healthy();
        site.interval = interval;
        for column in ["req_tot+6", "stot+6", "connect+3", "hrsp_2xx+6"] {
            site.set(&format!("api/BACKEND.{column}"));
        }
        site.steps(6);
        site.set("api/BACKEND.hrsp_5xx+1 api/BACKEND.econ+1 api/BACKEND.eresp+1 api/BACKEND.wretr+1");
        let mut opened = site.step().opened;
        site.set("api/BACKEND.hrsp_5xx+0 api/BACKEND.econ+0 api/BACKEND.eresp+0 api/BACKEND.wretr+0");
        opened.extend(site.steps(6).into_iter().flat_map(|changes| changes.opened));
        assert_eq!(problem_lines(&opened), NOTHING, "{interval}");
    }
}

#[test]
fn problem_stays_open_while_value_oscillates() {
    let mut site = TestSite::after_10_s("www-in.scur=1700");
    assert_eq!(site.open_problems(), ["WARN www-in frontend-sessions"]);
    for scur in [1590, 1610].repeat(20) {
        site.set(&format!("www-in.scur={scur}"));
        assert!(site.step().is_empty());
    }
    site.set("www-in.scur=1900");
    let worsened: Vec<_> = site.steps(4).iter().flat_map(|changes| problem_lines(&changes.worsened)).collect();
    assert_eq!(worsened, ["CRIT www-in frontend-sessions"]);
    site.set("www-in.scur=100");
    let closed: Vec<_> = site.steps(20).iter().map(|changes| changes.closed.len()).collect();
    assert_eq!(closed.iter().sum::<usize>(), 1);
    assert_eq!(closed[5], 1, "ten seconds after the value became fine");
    assert_eq!((site.open_problems(), site.problems.open_causes().count()), (NOTHING.to_vec(), 0));
}

#[test]
fn reload_keeps_problems_open() {
    let mut site = TestSite::after_10_s("api/BACKEND.hrsp_5xx+40 api/BACKEND.qcur=12");
    let before = site.open_problems();
    assert_eq!(before, ["CRIT api queue", "CRIT api backend-5xx", "WARN api own-5xx"]);
    site.reload();
    for changes in site.steps(12) {
        assert!(changes.is_empty(), "{changes:?}");
    }
    assert_eq!(site.open_problems(), before);
}

#[test]
fn removed_rows_close_their_problems() {
    let mut site = TestSite::after_10_s("api/BACKEND.act=0 api/api1.status=DOWN db/db1.status=DOWN");
    assert!(site.open_problems().len() > 3);
    site.remove("api");
    let changes = site.step();
    assert!(problem_lines(&changes.closed).contains(&"CRIT api backend-down".to_owned()));
    assert!(site.open_problems().iter().all(|open| open.contains("db")), "{:?}", site.open_problems());
}

#[test]
fn gap_between_samples_restarts_hold_time() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set("api/BACKEND.qcur=2");
    site.step();
    site.now += 120_000;
    site.step();
    assert_eq!(site.open_problems(), NOTHING);
    site.steps(5);
    assert_eq!(site.open_problems(), ["WARN api queue"]);
}

#[test]
fn hold_time_needs_two_samples_at_long_intervals() {
    let mut site = TestSite::healthy();
    site.interval = 60_000;
    site.steps(3);
    site.set("api/BACKEND.qcur=2 www-in.hrsp_5xx+60");
    site.step();
    assert_eq!(site.open_problems(), NOTHING);
}

#[test]
fn maintenance_and_drain_open_no_problem() {
    let site = TestSite::after_10_s(
        "api/api1.status=MAINT api/api2.status=DRAIN api/api2.scur=50 api/api2.rtime=900 api/BACKEND.act=1 api/BACKEND.weight=1",
    );
    assert_eq!(site.open_problems(), NOTHING);
}

#[test]
fn changed_thresholds_change_problems() {
    let thresholds = Thresholds::with_changes(["frontend-sessions.warn=0.04".parse().unwrap()]).unwrap();
    let mut site = TestSite::healthy();
    site.problems = ProblemTracker::new(thresholds);
    site.steps(4);
    assert_eq!(site.open_problems(), ["WARN www-in frontend-sessions", "WARN stats frontend-sessions"]);
    assert_eq!(site.problems.for_row(RowId::PROCESS).count(), 0);
}
