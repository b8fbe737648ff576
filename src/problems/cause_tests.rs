//! Tests of the causes: what shows each kind, how it is described, and its life over the samples.

use std::collections::BTreeSet;

use crate::problems::cause::{Cause, CauseChange};
use crate::problems::cause_table::{CAUSES, CauseGroup, CauseKind, fallback_kind};
use crate::problems::rule_table::RuleId;
use crate::problems::test_site::TestSite;
use crate::problems::transitions::{cause_events, updated_causes};

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_kind_has_a_sentence() {
    let mut seen = BTreeSet::new();
    for (changes, cause, text) in [
        (
            "api/BACKEND.rtime=1200 api/BACKEND.qcur=7",
            "CRIT api slow-application",
            "application slow: 1.20 s to respond (rtime, 300 requests in 2 s), 7 waiting",
        ),
        (
            "info.Idle_pct=8 api/BACKEND.rtime=1200",
            "CRIT process haproxy-busy",
            "HAProxy busy: 8.0% idle (mean of all threads)",
        ),
        (
            "api/BACKEND.econ+20 api/api2.econ+20 api/BACKEND.hrsp_5xx+20 api/BACKEND.wretr+60",
            "CRIT api/api2 server-unreachable",
            "connection problem: 20% of the connections failed (40 in 4 s)",
        ),
        (
            "api/BACKEND.econ+40 api/api2.econ+20 api/api1.econ+20 api/BACKEND.hrsp_5xx+20",
            "CRIT api network",
            "connection problem: 13% of the connections failed (80 in 4 s)",
        ),
        (
            "api/BACKEND.ctime=1400",
            "CRIT api network",
            "connection problem: 1.40 s to connect to a server (ctime, 300 requests in 2 s)",
        ),
        ("api/BACKEND.hrsp_5xx+30", "CRIT api haproxy-5xx", "HAProxy itself sent 60 errors (5xx) in 4 s"),
        (
            "api/api1.hrsp_5xx+30 api/api2.hrsp_5xx+30 api/api3.hrsp_5xx+30 api/BACKEND.hrsp_5xx+90",
            "CRIT api application-5xx",
            "application errors: 23% of the responses are 5xx",
        ),
        (
            "api/api1.hrsp_5xx+30 api/BACKEND.hrsp_5xx+30",
            "CRIT api/api1 server-5xx",
            "23% of its responses are 5xx in 4 s (peers 0%)",
        ),
        (
            "api/BACKEND.cli_abrt+60 api/api3.cli_abrt+60",
            "WARN api server-aborts",
            "clients aborted 60% of the requests to api3 (peers 0%)",
        ),
        ("api/BACKEND.cli_abrt+60", "WARN api client-aborts", "clients aborted 20% of the requests"),
        (
            "api/api3.status=DOWN api/api3.check_status=L4TOUT api/BACKEND.ctime=200",
            "WARN api/api3 server-down",
            "down: L4TOUT, 67% of the weight available",
        ),
        (
            "www/w4.status=DOWN www/w1.status=DOWN www/w1.check_status=L4TOUT www/w4.check_status=L4TOUT",
            "WARN www servers-down",
            "2 of 4 servers down (w1, w4: L4TOUT), 50% of the weight available",
        ),
        (
            "api/api3.status=DOWN_(agent) api/api3.agent_status=L7STS api/api3.last_agt=via_agent_:_down_(deploy_until_5)",
            "WARN api/api3 agent-down",
            "down by its agent (\"deploy until 5\")",
        ),
        (
            "www/w4.status=DOWN www/w4.tracked=api/api1 www/w4.check_status= api/api1.status=DOWN api/api1.bck=1",
            "WARN www/w4 tracking-down",
            "down: it tracks api/api1",
        ),
        (
            "www/w4.chkfail+1 www/w4.check_status=L7STS",
            "WARN www/w4 failing-checks",
            "checks failed in the last 10 s: L7STS",
        ),
        (
            "api/BACKEND.rtime=600 api/BACKEND.qcur=30 api/BACKEND.qtime=900",
            "CRIT api slow-application",
            "application slow: 600 ms to respond (rtime, 300 requests in 2 s), 30 waiting",
        ),
        ("api/api1.scur=50", "CRIT api server-full", "api1: 50 of 50 sessions"),
        (
            "api/api1.scur=50 api/api2.scur=45",
            "CRIT api server-full",
            "api1: 50 of 50 sessions, 1 more server near the limit",
        ),
        ("api/BACKEND.wredis+6", "WARN api retries", "2 redispatches per 100 requests"),
        (
            "api/BACKEND.qcur=12",
            "CRIT api at-maxconn",
            "servers full: 15 of 150 sessions, 12 waiting for 10 s (qtime 0 ms, rtime 50 ms)",
        ),
        (
            "api/BACKEND.qcur=12 api/api3.status=DOWN",
            "CRIT api/api3 server-down",
            "; the rest is full: 10 of 100 sessions, 12 waiting for 10 s (qtime 0 ms, rtime 50 ms)",
        ),
        (
            "api/BACKEND.act=0 api/api1.status=DOWN api/api1.check_status=L4CON api/api2.status=DOWN \
             api/api2.check_status=L4CON api/api3.status=MAINT api/BACKEND.hrsp_5xx+200",
            "CRIT api no-server",
            "no server available: api1, api2: L4CON; api3: in maintenance",
        ),
        (
            "api/BACKEND.act=0 www/BACKEND.act=0 db/BACKEND.act=0 api/api1.status=DOWN api/api2.status=DOWN \
             api/api3.status=DOWN www/w1.status=DOWN www/w2.status=DOWN www/w3.status=DOWN www/w4.status=DOWN \
             db/db1.status=DOWN db/db2.status=DOWN img/BACKEND.act=0 img/i1.status=DOWN img/i2.status=DOWN \
             img/i3.status=DOWN",
            "CRIT process no-backend",
            "no server available in any of the 4 backends",
        ),
        ("img/i3.rtime=400", "CRIT img/i3 slow-server", "8x slower than its peers (399 ms against 50 ms)"),
        (
            "api/api2.scur=0 api/api2.stot+0 api/BACKEND.qcur=12 api/api1.scur=50",
            "CRIT api/api2 idle-server",
            "gets no sessions, while 12 requests wait for a server",
        ),
        ("img/i1.status=WORRIED", "WARN img weight-low", "1 of 3 servers WORRIED, 67% of the weight available"),
        ("www-in.scur=1900", "CRIT www-in frontend-full", "1900 of 2000 sessions"),
        ("www-in.rate_lim=60 www-in.rate=58", "CRIT www-in rate-limited", "97% of 60 sessions per second"),
        ("www-in.hrsp_5xx+60", "CRIT www-in frontend-5xx", "7.9% of the responses are 5xx"),
        ("www-in.dreq+60", "WARN www-in denied", "30 requests, connections or sessions denied per second"),
        ("www-in.ereq+60", "WARN www-in bad-requests", "30 "),
        ("info.CurrConns=1990", "CRIT process process-full", "100% of 2000 connections"),
        ("info.SslRate=99 info.SslRateLimit=100", "CRIT process tls", "99"),
        ("info.PoolFailed+3", "CRIT process memory", "out of memory: 6 allocations failed"),
        ("info.DroppedLogs+3", "WARN process lost-logs", "6 log messages dropped"),
        (
            "info.Maxsock=4062 info.Ulimit-n=4061",
            "WARN process process-resources",
            "only 4061 of 4062 file descriptors",
        ),
        ("info.BlockedTrafficWarnings+1", "WARN process blocked-traffic", "a thread was blocked 2 times"),
        ("info.Test_live_processes=2", "WARN process shared-socket", "2 processes reply in turn on this socket"),
        ("info.Test_certificate_hours=300", "WARN process certificate-expiry", "/etc/site.pem expires in 12 days"),
        ("info.Test_failed_questions=50", "WARN process resolver-failing", "50"),
        ("info.Test_address_conflicts=1", "CRIT process split-brain", "10.0.0.1 is also on another balancer"),
        ("info.Test_lost_connections=37", "WARN process failover", "37 connections lost in a failover"),
        ("www-in.status=PAUSED", "WARN www-in frontend-paused", "it accepts no connections until it is enabled"),
        ("www-in.status=STOP", "CRIT www-in frontend-stopped", "it accepts no connections until HAProxy is reloaded"),
        (
            "api/BACKEND.status=UP_(UNPUB)",
            "WARN api backend-unpublished",
            "not published: content switching does not use it",
        ),
        (
            "db/db1.status=MAINT_(resolution) db/db2.status=MAINT_(resolution)",
            "WARN db/db1 server-unresolved",
            "not resolved (DNS): ",
        ),
        ("www-in/l1.scur=400", "WARN www-in/l1 listener-full", "400 of"),
    ] {
        let mut site = TestSite::healthy();
        site.backend("img", "http", &["i1", "i2", "i3"]);
        site.set("info.PoolFailed=0 info.DroppedLogs=0 info.BlockedTrafficWarnings=0");
        site.steps(4);
        site.set(changes);
        site.steps(6);
        let (_, head) = cause.split_once(' ').unwrap();
        let (name, kind) = head.split_once(' ').unwrap();
        assert!(
            site.causes().iter().any(|found| found == cause),
            "{changes}: {:?} {:?}",
            site.causes(),
            site.open_problems()
        );
        assert!(site.sentence(name).contains(text), "{changes}: {}", site.sentence(name));
        seen.insert(kind.to_owned());
    }
    let unseen: Vec<&str> = CAUSES.iter().map(|cause| cause.id).filter(|id| !seen.contains(*id)).collect();
    assert_eq!(unseen, ["flapping-server"], "which has a test of its own");
}

#[test]
fn each_rule_belongs_to_a_kind() {
    for rule in RuleId::ALL {
        let kind = fallback_kind(*rule);
        assert!(kind.showing_rules().any(|shown| shown == *rule), "{rule}");
    }
    for kind in CauseKind::ALL {
        assert!(kind.showing_rules().next().is_some(), "{kind} is shown by no rule");
        assert_eq!(kind.info().group == CauseGroup::Row, kind.info().shows.is_empty(), "{kind}");
        let both = kind.info().shows.iter().find(|rule| kind.info().follows.contains(rule));
        assert_eq!(both, None, "{kind}: a rule shows the cause or follows from it");
    }
    let ids: BTreeSet<&str> = CAUSES.iter().map(|cause| cause.id).collect();
    assert_eq!(ids.len(), CAUSES.len());
}

#[test]
fn busy_process_explains_slow_backends() {
    let site = TestSite::after_10_s("info.Idle_pct=8 api/BACKEND.rtime=1200 www/BACKEND.rtime=1100");
    assert_eq!(site.causes(), ["CRIT process haproxy-busy"]);
    let site = TestSite::after_10_s("api/BACKEND.rtime=1200");
    assert_eq!(site.causes(), ["CRIT api slow-application"]);
}

#[test]
fn w22_larger_impact_comes_first() {
    let mut site = TestSite::after_10_s("api/BACKEND.hrsp_5xx+30");
    site.set("www/BACKEND.hrsp_5xx+300");
    site.steps(6);
    assert_eq!(site.causes(), ["CRIT www haproxy-5xx", "CRIT api haproxy-5xx"]);
    let impacts: Vec<bool> = site.problems.open_causes().map(|cause| cause.impact > Some(0.2)).collect();
    assert_eq!(impacts, [true, false]);
}

#[test]
fn w26_cause_keeps_the_numbers_that_showed_it() {
    let mut site = TestSite::after_10_s("api/BACKEND.qcur=12");
    let sentence = site.sentence("api").to_owned();
    assert!(sentence.contains("12 waiting for 10 s"), "{sentence}");
    site.set("api/BACKEND.qcur=0");
    site.steps(2);
    assert_eq!(site.sentence("api"), format!("{sentence}, recovering"), "not \"requests queued\" without a number");
}

#[test]
fn cause_is_resolved_and_listed_for_20_s() {
    let mut site = TestSite::after_10_s("api/BACKEND.qcur=12");
    let fault = site.now;
    site.set("api/BACKEND.qcur=0");
    let listed = |site: &TestSite| site.problems.causes().map(Cause::is_open).collect::<Vec<_>>();
    while listed(&site) == [true] {
        site.step();
    }
    assert!(site.now - fault <= 20_000, "{}", site.now - fault);
    assert_eq!((listed(&site), site.causes().len()), (vec![false], 0));
    assert!(site.problems.causes().next().unwrap().line().starts_with("resolved backend api: servers full"));
    let resolved = site.now;
    while listed(&site) == [false] {
        site.step();
    }
    assert_eq!((site.now - resolved) / 1000, 20);
    assert_eq!(listed(&site), [false; 0]);
}

/// Lets `api/api1` go down and come up again `times` times, down for 8 s of each 20 s. Returns the changes of causes.
fn flap(site: &mut TestSite, times: usize) -> Vec<(CauseChange, CauseKind)> {
    let mut changes = Vec::new();
    for _ in 0..times {
        site.set("api/api1.status=DOWN api/api1.check_status=L7STS api/BACKEND.act=2");
        site.set("api/api1.chkdown+1 api/api1.chkfail+3");
        changes.extend(site.step().causes);
        site.set("api/api1.chkdown+0 api/api1.chkfail+0");
        changes.extend(site.steps(3).into_iter().flat_map(|changes| changes.causes));
        site.set("api/api1.status=UP api/api1.check_status=L7OK api/BACKEND.act=3");
        changes.extend(site.steps(6).into_iter().flat_map(|changes| changes.causes));
    }
    changes.into_iter().map(|event| (event.change, event.cause.kind)).collect()
}

#[test]
fn u6_flap_is_one_cause_over_its_phases() {
    let mut site = TestSite::healthy();
    site.steps(4);
    flap(&mut site, 1);
    assert_eq!(site.causes(), [] as [String; 0], "went down once");
    let second = flap(&mut site, 1);
    assert!(second.contains(&(CauseChange::Opened, CauseKind::FlappingServer)), "{second:?}");
    assert_eq!(site.causes(), ["WARN api/api1 flapping-server"]);
    assert_eq!(site.sentence("api/api1"), "flaps every 20 s, went down 2 times in the last 5 min: L7STS");
    let later = flap(&mut site, 4);
    let opened_or_over = later
        .iter()
        .filter(|(change, _)| matches!(change, CauseChange::Opened | CauseChange::Resolved | CauseChange::Removed));
    assert_eq!(opened_or_over.collect::<Vec<_>>(), [] as [&(CauseChange, CauseKind); 0]);
    assert_eq!(site.causes(), ["CRIT api/api1 flapping-server"]);
    assert!(
        site.sentence("api/api1").starts_with("flaps every 20 s, went down 6 times"),
        "{}",
        site.sentence("api/api1")
    );
    let last = site.now;
    while !site.causes().is_empty() {
        site.step();
    }
    assert!(site.now - last <= 40_000, "over after twice its period: {}", site.now - last);
}

#[test]
fn flapping_server_that_stays_down_is_down() {
    let mut site = TestSite::healthy();
    site.steps(4);
    flap(&mut site, 3);
    site.set("api/api1.status=DOWN api/api1.check_status=L4CON");
    site.steps(40);
    assert_eq!(site.causes(), ["WARN api/api1 server-down"]);
}

#[test]
fn w5_agent_text_is_the_reason() {
    let site = TestSite::after_10_s(
        "api/api3.status=DOWN_(agent) api/api3.agent_status=L7STS api/api3.last_agt=via_agent_:_down_(deploy_until_5)",
    );
    assert_eq!(site.sentence("api/api3"), "down by its agent (\"deploy until 5\")");
    assert_eq!(site.causes(), ["WARN api/api3 agent-down"]);
}

#[test]
fn w16_unknown_status_word_is_quoted() {
    let site = TestSite::after_10_s("db/db1.status=WORRIED");
    assert_eq!(site.sentence("db"), "1 of 2 servers WORRIED, 50% of the weight available");
}

#[test]
fn w27_frontend_errors_follow_from_their_backend() {
    let site = TestSite::after_10_s("api/BACKEND.hrsp_5xx+90 www-in.hrsp_5xx+90");
    assert_eq!(site.causes(), ["CRIT api haproxy-5xx"]);
}

#[test]
fn w23_rules_without_result_are_listed() {
    let mut site = TestSite::healthy();
    site.step();
    let reasons = |site: &TestSite| {
        let gaps = site.problems.not_evaluated().iter().map(|gap| (gap.rule.as_str(), gap.reason.as_str()));
        gaps.collect::<Vec<_>>()
    };
    assert!(reasons(&site).contains(&("backend-5xx", "one-sample")), "{:?}", reasons(&site));
    site.steps(3);
    assert!(reasons(&site).iter().all(|(_, reason)| *reason == "too-few-requests"), "{:?}", reasons(&site));
    site.steps(2);
    assert_eq!(reasons(&site), []);
    site.reload();
    site.step();
    assert!(reasons(&site).contains(&("backend-5xx", "new-process")), "{:?}", reasons(&site));
    site.steps(3);
    site.set("api/BACKEND.qcur=12");
    site.step();
    assert_eq!(reasons(&site), [("queue", "too-short"), ("queue-growing", "too-short")]);
}

#[test]
fn u6_queue_in_every_other_sample_is_one_cause() {
    let mut site = TestSite::after_10_s("api/api1.scur=50 api/BACKEND.qcur=2");
    assert_eq!(site.causes(), ["CRIT api at-maxconn"]);
    let mut changes = Vec::new();
    for _ in 0..10 {
        site.set("api/BACKEND.qcur=0");
        changes.extend(site.step().causes);
        assert_eq!(site.causes(), ["CRIT api at-maxconn"]);
        site.set("api/BACKEND.qcur=2");
        changes.extend(site.step().causes);
    }
    let is_event =
        |change: &CauseChange| matches!(change, CauseChange::Opened | CauseChange::Resolved | CauseChange::Removed);
    assert_eq!(changes.iter().find(|event| is_event(&event.change)).map(|event| event.cause.kind), None);
    site.set("api/BACKEND.qcur=0");
    site.steps(14);
    assert_eq!(site.causes(), ["CRIT api server-full"], "the queue stays empty");
}

#[test]
fn u6_warning_that_soon_becomes_critical_is_one_event() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set("api/api1.hrsp_5xx+4 api/BACKEND.hrsp_5xx+4");
    let mut changes = site.steps(3);
    site.set("api/api1.hrsp_5xx+30 api/BACKEND.hrsp_5xx+30");
    changes.extend(site.steps(5));
    let kinds: Vec<CauseChange> = changes.iter().flat_map(|one| &one.causes).map(|event| event.change).collect();
    assert!(kinds.contains(&CauseChange::Worsened), "{kinds:?}");
    let at = changes.iter().flat_map(|one| &one.causes).map(|event| event.at).next().unwrap();
    let events: usize = changes.iter().map(|one| cause_events(&one.causes, at).len()).sum();
    assert_eq!(events, 1);
    let updated = changes.iter().flat_map(|one| updated_causes(&one.causes)).count();
    assert_eq!(updated, 1);
}

#[test]
fn w26_row_with_a_new_cause_is_not_listed_as_over() {
    let mut site = TestSite::after_10_s("api/api3.status=DOWN api/api3.check_status=L4CON api/BACKEND.act=2");
    assert_eq!(site.causes(), ["WARN api/api3 server-down"]);
    site.set("api/api3.status=UP api/api3.check_status=L7OK api/BACKEND.act=3");
    while !site.causes().is_empty() {
        site.step();
    }
    assert_eq!(site.problems.causes().count(), 1, "it is listed as over");
    site.set("api/api3.chkfail+1 api/api3.check_status=L4CON");
    site.steps(4);
    let listed: Vec<bool> = site.problems.causes().map(Cause::is_open).collect();
    assert_eq!(listed, [true], "{:?}", site.causes());
}
