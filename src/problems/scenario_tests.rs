//! Sites in trouble, from the first sample to the verdict.

use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::problems::problem::Problem;
use crate::problems::test_site::{Lab, shown};
use crate::problems::thresholds::{Override, Thresholds};
use crate::problems::tracker::Problems;

const NOTHING: [String; 0] = [];

fn shown_all(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(shown).collect()
}

/// A healthy site under watch for a moment, then these changes for ten seconds.
fn ten_seconds_of(changes: &str) -> Lab {
    let mut lab = Lab::healthy();
    lab.steps(4);
    lab.set(changes);
    lab.steps(6);
    lab
}

#[test]
fn a_healthy_site_has_no_problem() {
    let mut lab = Lab::healthy();
    for changes in lab.steps(200) {
        assert!(changes.is_empty(), "{changes:?}");
    }
    lab.reload();
    assert!(lab.steps(20).iter().all(crate::problems::problem::Changes::is_empty));
    assert_eq!((lab.open(), lab.problems.count(), lab.causes()), (NOTHING.to_vec(), 0, vec![]));
}

#[test]
fn four_faults_are_four_verdicts() {
    let mut lab = Lab::healthy();
    lab.backend("shop", "http", &["s1", "s2", "s3"]);
    lab.backend("img", "http", &["i1", "i2", "i3"]);
    lab.backend("legacy", "http", &["old1"]);
    lab.steps(4);
    let fault = lab.now / 1000;
    // Full servers and a queue before them.
    lab.set("api/api1.scur=50 api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=7 api/BACKEND.qtime=340");
    // A server that fails every second request.
    lab.set("shop/s2.hrsp_5xx+50 shop/s2.hrsp_2xx+50 shop/BACKEND.hrsp_5xx+50 shop/BACKEND.hrsp_2xx+250");
    lab.set("www-in.hrsp_5xx+50 www-in.hrsp_2xx+650");
    // A server that became slow.
    lab.set("img/i3.rtime=210 img/i1.rtime=52 img/i2.rtime=54 img/BACKEND.rtime=105");
    // The last server goes down.
    lab.set("legacy/old1.status=DOWN legacy/old1.check_status=L4CON legacy/BACKEND.status=DOWN legacy/BACKEND.act=0");
    lab.set("legacy/old1.req_tot+0 legacy/BACKEND.req_tot+0");
    lab.steps(6);
    let mut open = lab.open();
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
    let mut causes = lab.causes();
    causes.sort();
    assert_eq!(causes, ["CRIT api ServersFull", "CRIT legacy NoServerLeft", "CRIT shop Outlier", "WARN img Outlier"]);
    assert_eq!(lab.says("api"), "servers full: 7 waiting 10 s (qtime 340 ms, rtime normal)");
    assert_eq!(lab.says("shop"), "s2 answers 50% 5xx, its peers 0%");
    assert_eq!(lab.says("img"), "i3 is 4x slower than its peers (210 ms against 53 ms)");
    assert_eq!(lab.says("legacy"), "no server left: 1 down");
    let first = lab.problems.list().next().map(|problem| (problem.severity, problem.since.mono.as_secs()));
    assert_eq!(first, Some((Severity::Crit, fault)), "since the first sample that showed it");
    let slow = lab.problems.verdicts().iter().find(|verdict| verdict.name.as_str() == "img").unwrap();
    assert_eq!(lab.problems.of(slow.server.unwrap()).count(), 1, "the verdict points to the server");
    assert_eq!(lab.problems.worst(slow.row), None);
    assert_eq!(lab.problems.verdict(slow.row).map(|verdict| verdict.cause.word()), Some("outlier"));
}

#[test]
fn each_cause_is_told_from_the_others() {
    for (changes, cause, text) in [
        (
            "api/BACKEND.rtime=1200 api/BACKEND.qcur=7",
            "CRIT api ApplicationSlow",
            "application slow: 1.20 s to respond (rtime), 7 waiting",
        ),
        (
            "api/BACKEND.rtime=1200 info.Idle_pct=8",
            "CRIT api Busy",
            "load balancer busy: 1.20 s to respond (rtime), 8% idle",
        ),
        (
            "api/BACKEND.econ+20 api/api2.econ+20 api/BACKEND.hrsp_5xx+20 api/BACKEND.wretr+60",
            "CRIT api Network",
            "network or port: api2: 6.7% of the connections failed, 40 in the last seconds",
        ),
        ("api/BACKEND.ctime=1400", "CRIT api Network", "network or port: 1.40 s to connect to a server (ctime)"),
        ("api/BACKEND.hrsp_5xx+30", "CRIT api HaproxyAnswers", "HAProxy answers itself: 60 5xx that no server sent"),
        (
            "api/api1.hrsp_5xx+30 api/api2.hrsp_5xx+30 api/api3.hrsp_5xx+30 api/BACKEND.hrsp_5xx+90",
            "CRIT api ApplicationFails",
            "application fails: 23% of the responses are 5xx",
        ),
        (
            "api/BACKEND.cli_abrt+60 api/api3.cli_abrt+60",
            "WARN api Outlier",
            "api3 loses 60% of its requests to client aborts, its peers 0%",
        ),
        (
            "api/api3.status=DOWN api/api3.check_status=L4TOUT api/BACKEND.ctime=200",
            "WARN api ServersDown",
            "api3 down: L4TOUT, 67% of the weight is up",
        ),
        (
            "www/w4.status=DOWN www/w1.status=DOWN",
            "WARN www ServersDown",
            "2 of 4 servers down, 50% of the weight is up",
        ),
        ("www/w4.chkdown=4", "WARN www ServersDown", "w4: went down once in the last 5 minutes"),
        (
            "api/BACKEND.rtime=600 api/BACKEND.qcur=30 api/BACKEND.qtime=900",
            "CRIT api ServersFull",
            "servers full: 30 waiting 10 s (qtime 900 ms, rtime 600 ms)",
        ),
        ("api/api1.scur=50", "CRIT api Other", "api1: 50 of 50 sessions"),
        ("api/BACKEND.wredis+6", "WARN api Other", "2 redispatches per 100 requests"),
        (
            "api/BACKEND.qcur=12 api/api3.status=DOWN",
            "CRIT api ServersFull",
            "servers full: 12 waiting 10 s (qtime 0 ms, rtime normal), 1 of 3 servers down",
        ),
    ] {
        let lab = ten_seconds_of(changes);
        let name = cause.split(' ').nth(1).unwrap();
        assert!(lab.causes().iter().any(|found| found == cause), "{changes}: {:?} {:?}", lab.causes(), lab.open());
        assert_eq!(lab.says(name), text);
    }
    assert_eq!(ten_seconds_of("info.Idle_pct=8").says(""), "load balancer busy: 8.0% idle, a mean over all threads");
    assert_eq!(
        ten_seconds_of("www-in.hrsp_5xx+60").causes(),
        ["CRIT www-in Other"],
        "HAProxy's own, before any backend"
    );
}

#[test]
fn two_slow_servers_of_three_are_no_outliers() {
    let lab = ten_seconds_of("api/api1.rtime=900 api/api2.rtime=900 api/BACKEND.rtime=620");
    assert_eq!(lab.causes(), ["WARN api ApplicationSlow"]);
}

#[test]
fn what_came_in_a_moment_and_went_is_nothing() {
    let mut lab = Lab::healthy();
    lab.steps(4);
    for _ in 0..20 {
        lab.set("api/BACKEND.qcur=3 api/BACKEND.rtime=900");
        lab.steps(2);
        lab.set("api/BACKEND.qcur=0 api/BACKEND.rtime=50");
        assert!(lab.step().is_empty());
    }
    assert_eq!(lab.open(), NOTHING);
}

#[test]
fn one_error_on_a_quiet_site_is_no_problem() {
    for every in [1000, 2000, 60_000] {
        let mut lab = Lab::healthy();
        lab.every = every;
        for column in ["req_tot+6", "stot+6", "connect+3", "hrsp_2xx+6"] {
            lab.set(&format!("api/BACKEND.{column}"));
        }
        lab.steps(6);
        lab.set("api/BACKEND.hrsp_5xx+1 api/BACKEND.econ+1 api/BACKEND.eresp+1 api/BACKEND.wretr+1");
        let mut opened = lab.step().opened;
        lab.set("api/BACKEND.hrsp_5xx+0 api/BACKEND.econ+0 api/BACKEND.eresp+0 api/BACKEND.wretr+0");
        opened.extend(lab.steps(6).into_iter().flat_map(|changes| changes.opened));
        assert_eq!(shown_all(&opened), NOTHING, "{every}");
    }
}

#[test]
fn a_problem_stays_while_it_dances_and_closes_once() {
    let mut lab = ten_seconds_of("www-in.scur=1700");
    assert_eq!(lab.open(), ["WARN www-in frontend-sessions"]);
    for scur in [1590, 1610].repeat(20) {
        lab.set(&format!("www-in.scur={scur}"));
        assert!(lab.step().is_empty());
    }
    lab.set("www-in.scur=1900");
    let worsened: Vec<_> = lab.steps(4).iter().flat_map(|changes| shown_all(&changes.worsened)).collect();
    assert_eq!(worsened, ["CRIT www-in frontend-sessions"]);
    lab.set("www-in.scur=100");
    let closed: Vec<_> = lab.steps(20).iter().map(|changes| changes.closed.len()).collect();
    assert_eq!(closed.iter().sum::<usize>(), 1);
    assert_eq!(closed[5], 1, "ten seconds after it was fine");
    assert_eq!((lab.open(), lab.problems.verdicts().len()), (NOTHING.to_vec(), 0));
}

#[test]
fn a_reload_closes_nothing_that_is_still_so() {
    let mut lab = ten_seconds_of("api/BACKEND.hrsp_5xx+40 api/BACKEND.qcur=12");
    let before = lab.open();
    assert_eq!(before, ["CRIT api queue", "CRIT api backend-5xx", "WARN api own-5xx"]);
    lab.reload();
    for changes in lab.steps(12) {
        assert!(changes.is_empty(), "{changes:?}");
    }
    assert_eq!(lab.open(), before);
}

#[test]
fn what_can_no_longer_be_told_is_closed_in_the_end() {
    let mut lab = ten_seconds_of("api/BACKEND.hrsp_5xx+40");
    lab.set("api/BACKEND.hrsp_5xx=");
    lab.set("api/BACKEND.hrsp_5xx+0 api/BACKEND.rtime=900");
    // Traffic stops: few responses are no share.
    lab.set("api/BACKEND.hrsp_2xx+0 api/BACKEND.hrsp_5xx+1 api/BACKEND.req_tot+0 api/BACKEND.stot+0");
    lab.steps(5);
    assert!(lab.open().contains(&"CRIT api backend-5xx".to_owned()));
    lab.steps(20);
    assert!(!lab.open().contains(&"CRIT api backend-5xx".to_owned()), "{:?}", lab.open());
}

#[test]
fn rows_that_vanish_take_their_problems_along() {
    let mut lab = ten_seconds_of("api/BACKEND.act=0 api/api1.status=DOWN db/db1.status=DOWN");
    assert!(lab.open().len() > 3);
    lab.remove("api");
    let changes = lab.step();
    assert!(shown_all(&changes.closed).contains(&"CRIT api backend-down".to_owned()));
    assert!(lab.open().iter().all(|open| open.contains("db")), "{:?}", lab.open());
}

#[test]
fn a_silence_is_no_proof_that_it_held() {
    let mut lab = Lab::healthy();
    lab.steps(4);
    lab.set("api/BACKEND.qcur=2");
    lab.step();
    lab.now += 120_000;
    lab.step();
    assert_eq!(lab.open(), NOTHING);
    lab.steps(5);
    assert_eq!(lab.open(), ["WARN api queue"]);
}

#[test]
fn long_intervals_need_two_samples() {
    let mut lab = Lab::healthy();
    lab.every = 60_000;
    lab.steps(3);
    lab.set("api/BACKEND.qcur=2 www-in.hrsp_5xx+60");
    lab.step();
    assert_eq!(lab.open(), NOTHING);
}

#[test]
fn maintenance_and_drain_are_no_problems() {
    let lab = ten_seconds_of(
        "api/api1.status=MAINT api/api2.status=DRAIN api/api2.scur=50 api/api2.rtime=900 api/BACKEND.act=1 api/BACKEND.weight=1",
    );
    assert_eq!(lab.open(), NOTHING);
}

#[test]
fn other_thresholds_make_other_problems() {
    let mut thresholds = Thresholds::default();
    thresholds.set("frontend-sessions", Override { warn: Some(0.04), ..Override::default() }).unwrap();
    let mut lab = Lab::healthy();
    lab.problems = Problems::new(thresholds);
    lab.steps(4);
    assert_eq!(lab.open(), ["WARN www-in frontend-sessions", "WARN stats frontend-sessions"]);
    assert_eq!(lab.problems.of(RowId::PROCESS).count(), 0);
}
