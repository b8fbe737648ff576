//! Tests that every rule grades values as fine, a warning or critical.

use crate::problems::rule_table::{RULES, Rule};
use crate::problems::test_site::TestSite;

/// Rule, row, and the changes to the site for which the rule is fine (but close to a problem), a warning, and critical.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("connections", "process", "info.CurrConns=1500", "info.CurrConns=1700", "info.CurrConns=1900"),
    ("session-rate", "process", "info.SessRate=900 info.SessRateLimit=0", "info.SessRate=85 info.SessRateLimit=100", "info.SessRate=96 info.SessRateLimit=100"),
    ("connection-rate", "process", "info.ConnRate=70 info.ConnRateLimit=100", "info.ConnRate=85 info.ConnRateLimit=100", "info.ConnRate=96 info.ConnRateLimit=100"),
    ("tls-rate", "process", "info.SslRate=7 info.SslRateLimit=10", "info.SslRate=8 info.SslRateLimit=10", "info.SslRate=10 info.SslRateLimit=10"),
    ("tls-connections", "process", "info.CurrSslConns=9 info.MaxSslConns=0", "info.CurrSslConns=8 info.MaxSslConns=10", "info.CurrSslConns=10 info.MaxSslConns=10"),
    ("tls-reuse", "process", "info.SslRate=3 info.SslFrontendSessionReuse_pct=0", "info.SslRate=100 info.SslFrontendSessionReuse_pct=30", ""),
    ("idle", "process", "info.Idle_pct=30", "info.Idle_pct=25", "info.Idle_pct=5"),
    ("memory", "process", "info.PoolUsed_MB=900 info.Memmax_MB=0", "info.PoolUsed_MB=90 info.Memmax_MB=100", ""),
    ("pool-failed", "process", "info.PoolFailed=7", "", "info.PoolFailed=7 info.PoolFailed+1"),
    ("run-queue", "process", "info.Run_queue=19 info.Nbthread=4", "info.Run_queue=20 info.Nbthread=4", "info.Run_queue=60"),
    ("dropped-logs", "process", "info.DroppedLogs=9", "info.DroppedLogs=9 info.DroppedLogs+2", ""),
    ("no-backend-available", "process", "www/BACKEND.act=0", "", "www/w1.status=DOWN www/w2.status=DOWN www/w3.status=MAINT www/w4.status=DOWN api/api1.status=DOWN api/api2.status=DOWN api/api3.status=DOWN db/db1.status=DOWN db/db2.status=DRAIN"),
    ("maxconn-reached", "process", "info.MaxconnReached=7", "info.MaxconnReached=7 info.MaxconnReached+1", ""),
    ("blocked-traffic", "process", "info.BlockedTrafficWarnings=7", "info.BlockedTrafficWarnings=7 info.BlockedTrafficWarnings+1", ""),
    ("descriptor-limit", "process", "info.Maxsock=4062 info.Ulimit-n=4062", "info.Maxsock=4062 info.Ulimit-n=4061", ""),
    ("pipes", "process", "info.PipesUsed=90 info.Maxpipes=0", "info.PipesUsed=90 info.Maxpipes=100", ""),
    ("shared-socket", "process", "info.Test_live_processes=1", "info.Test_live_processes=2", ""),
    ("certificate-expiry", "process", "info.Test_certificate_hours=337", "info.Test_certificate_hours=300", "info.Test_certificate_hours=-5"),
    ("resolver-failing", "process", "info.Test_failed_questions=49", "info.Test_failed_questions=50", ""),
    ("split-brain", "process", "info.Test_address_conflicts=0", "", "info.Test_address_conflicts=2"),
    ("failover", "process", "info.Test_lost_connections=0", "info.Test_lost_connections=1", ""),
    ("frontend-sessions", "www-in", "www-in.scur=1590", "www-in.scur=1600", "www-in.scur=2000"),
    ("frontend-rate", "www-in", "www-in.rate=70 www-in.rate_lim=100", "www-in.rate=80 www-in.rate_lim=100", "www-in.rate=100 www-in.rate_lim=100"),
    ("frontend-5xx", "www-in", "www-in.hrsp_5xx+7 www-in.hrsp_2xx+993", "www-in.hrsp_5xx+20", "www-in.hrsp_5xx+60"),
    ("denied", "www-in", "www-in.dreq+18", "www-in.dreq+15 www-in.dses+6", ""),
    ("bad-requests", "www-in", "www-in.ereq+18", "www-in.ereq+22", ""),
    ("frontend-paused", "www-in", "www-in.status=FULL", "www-in.status=PAUSED", ""),
    ("frontend-stopped", "www-in", "www-in.status=STOP info.Stopping=1", "", "www-in.status=STOP"),
    ("backend-down", "api", "stats/BACKEND.act=0 stats/BACKEND.status=DOWN", "", "api/BACKEND.act=0"),
    ("backend-weight", "www", "www/w1.status=MAINT www/w2.status=DRAIN", "www/w1.status=DOWN www/w2.status=DOWN", "www/w1.status=DOWN www/w2.status=DOWN www/w3.status=DOWN"),
    ("queue", "api", "api/BACKEND.qmax=99", "api/BACKEND.qcur=1", "api/BACKEND.qcur=4 api/api2.qcur=6"),
    ("queue-growing", "api", "api/BACKEND.qcur=5", "", "api/api1.qcur+2"),
    ("queue-wait", "api", "api/BACKEND.qtime=9000 db/BACKEND.qtime=46 db/BACKEND.qcur=1", "api/BACKEND.qtime=54 api/api1.qcur=1", "api/BACKEND.qtime=504 api/api1.scur=50"),
    ("backend-5xx", "api", "api/BACKEND.hrsp_5xx+1 api/api1.hrsp_5xx+1", "api/BACKEND.hrsp_5xx+6", "api/BACKEND.hrsp_5xx+40"),
    ("own-5xx", "api", "api/BACKEND.hrsp_5xx+5 api/api1.hrsp_5xx+3 api/api2.hrsp_5xx+2", "api/BACKEND.hrsp_5xx+5 api/api1.hrsp_5xx+3", ""),
    ("backend-connection-errors", "db", "db/BACKEND.econ+1", "db/BACKEND.econ+4", "db/BACKEND.econ+20"),
    ("backend-response-errors", "db", "db/BACKEND.eresp+1", "db/BACKEND.eresp+4", "db/BACKEND.eresp+20"),
    ("retries", "db", "db/BACKEND.wretr+1", "db/BACKEND.wretr+2", "db/BACKEND.wretr+10"),
    ("redispatches", "api", "api/BACKEND.wredis+2", "api/BACKEND.wredis+3", "api/BACKEND.wredis+15"),
    ("client-aborts", "api", "api/BACKEND.cli_abrt+14 db/BACKEND.cli_abrt+200", "api/BACKEND.cli_abrt+15", "api/BACKEND.cli_abrt+60"),
    ("response-time", "api", "db/BACKEND.rtime=5000", "api/BACKEND.rtime=504", "api/BACKEND.rtime=1004"),
    ("connect-time", "api", "api/BACKEND.ctime=96", "api/BACKEND.ctime=104", "api/BACKEND.ctime=1004"),
    ("backend-unpublished", "api", "api/BACKEND.status=UP_(4/7)", "api/BACKEND.status=UP_(UNPUB)", ""),
    ("server-down", "api/api1", "api/api1.status=MAINT_(via_x/y)", "api/api1.status=DOWN_1/2", ""),
    ("server-sessions", "api/api1", "api/api1.scur=39", "api/api1.scur=40", "api/api1.scur=50"),
    ("queue-limit", "api/api1", "api/api1.qcur=9", "api/api1.qcur=10", "api/api1.qcur=18"),
    ("slow-server", "api/api1", "api/api1.rtime=14 api/api2.rtime=5 api/api3.rtime=5", "api/api1.rtime=110", "api/api1.rtime=215"),
    ("idle-server", "api/api1", "api/BACKEND.qcur=4 api/api1.scur=0", "api/BACKEND.qcur=4 api/api1.scur=0 api/api1.stot+0", ""),
    ("server-5xx", "api/api1", "api/api1.hrsp_4xx+90", "api/api1.hrsp_5xx+3", "api/api1.hrsp_5xx+30"),
    ("server-connection-errors", "api/api1", "api/api1.econ+0", "api/api1.econ+1", "api/api1.econ+5"),
    ("server-response-errors", "api/api1", "api/api1.srv_abrt+9", "api/api1.eresp+2", "api/api1.eresp+70 api/api1.hrsp_2xx+0"),
    ("flapping", "api/api1", "api/api1.status=DOWN api/api1.chkdown=3", "api/api1.chkdown=4 api/api1.chkfail=10", "api/api1.chkdown=6 api/api1.chkfail=16"),
    ("failing-checks", "api/api1", "api/api1.status=UP_2/4 api/api1.check_health=2 api/api1.check_status=INI api/api2.status=UP_2/4 api/api2.check_health=2", "api/api1.status=UP_1/3 api/api1.check_health=2 api/api1.check_status=L4CON", ""),
    ("server-unresolved", "db/db1", "db/db1.status=MAINT", "db/db1.status=MAINT_(resolution) db/db2.status=MAINT_(resolution)", ""),
    ("listener-sessions", "www-in/l1", "www-in/l1.scur=1900 www-in/l1.slim=2000", "www-in/l1.scur=400", "www-in/l1.status=FULL"),
];

/// Returns the severities of a rule's open problems for a row, ten seconds after a change, or later if the hold time is
/// longer.
fn open_after(rule: &Rule, row: &str, change: &str) -> Vec<&'static str> {
    let mut site = TestSite::healthy();
    // Not in the first minute of a process, in which some rules have no result.
    site.now = 60_000;
    site.steps(3);
    assert_eq!(site.open_problems(), [] as [String; 0]);
    site.set(change);
    site.steps(7.max(rule.warn_for.duration.as_secs() as usize / 2 + 2));
    let found = site.open_problems().into_iter().filter(|problem| problem.ends_with(&format!(" {row} {}", rule.id)));
    found.map(|problem| if problem.starts_with("CRIT") { "CRIT" } else { "WARN" }).collect()
}

#[test]
fn rules_grade_values_as_fine_warning_and_critical() {
    for rule in RULES {
        let id = rule.id.as_str();
        let (_, row, fine, warn, crit) = CASES.iter().find(|case| case.0 == id).expect(id);
        assert_eq!((rule.warn.is_none(), rule.crit.is_none()), (warn.is_empty(), crit.is_empty()), "{}", rule.id);
        assert_eq!(open_after(rule, row, fine), [""; 0], "{}: {fine}", rule.id);
        for (change, severity) in [(warn, "WARN"), (crit, "CRIT")] {
            if !change.is_empty() {
                assert_eq!(open_after(rule, row, change), [severity], "{}: {change}", rule.id);
            }
        }
    }
}

#[test]
fn describe_returns_expected_texts() {
    let problem_text = |rule: &str, change: &str| {
        let mut site = TestSite::healthy();
        site.steps(3);
        site.set(change);
        site.steps(7);
        let found = site.problems.iter().find(|problem| problem.rule.id.as_str() == rule);
        found.map_or(String::new(), |problem| problem.text.clone())
    };
    for (rule, change, text) in [
        ("connections", "info.CurrConns=1700", "85% of 2000 connections"),
        ("certificate-expiry", "info.Test_certificate_hours=300", "certificate /etc/site.pem expires in 12 days"),
        ("certificate-expiry", "info.Test_certificate_hours=-5", "certificate /etc/site.pem expired 5 hours ago"),
        (
            "resolver-failing",
            "info.Test_failed_questions=60",
            "name server dns/ns1: 60 of 100 questions failed since HAProxy's start",
        ),
        (
            "server-unresolved",
            "info.Test_failed_questions=60 db/db1.status=MAINT_(resolution) db/db2.status=MAINT_(resolution)",
            "not resolved (DNS): it has no address; name server dns/ns1 does not answer",
        ),
        ("run-queue", "info.Run_queue=24 info.Nbthread=4", "6 tasks per thread waiting to run"),
        ("frontend-sessions", "www-in.scur=1600", "1600 of 2000 sessions"),
        (
            "backend-down",
            "api/BACKEND.act=0 api/api1.status=DOWN api/api2.status=MAINT",
            "no server available: 1 down, 1 in maintenance or drain, 1 with weight 0",
        ),
        ("backend-weight", "www/w1.status=DOWN www/w2.status=DOWN", "2 of 4 servers down, 50% of the weight available"),
        (
            "backend-weight",
            "www/w1.status=SLEEPING www/w2.status=SLEEPING",
            "2 of 4 servers SLEEPING, 50% of the weight available",
        ),
        (
            "backend-down",
            "db/BACKEND.act=0 db/db1.status=MAINT_(resolution) db/db2.status=MAINT_(resolution)",
            "no server available: 2 not resolved (DNS)",
        ),
        (
            "slow-server",
            "api/api1.rtime=210 api/api2.rtime=52 api/api3.rtime=52",
            "4.1x slower than its peers (212 ms against 52 ms, 100 requests in 2 s)",
        ),
        (
            "server-down",
            "api/api1.status=DOWN api/api1.check_status=L4CON api/api1.last_chk=Connection_refused",
            "down: L4CON Connection refused",
        ),
        (
            "server-down",
            "api/api1.status=DOWN_1/2 api/api1.check_health=1 api/api1.check_status=L7OK",
            "coming back (1 of 2 checks passed)",
        ),
        ("queue-growing", "api/api1.qcur+2", "queue growing: 12 → 14 in 2 s"),
        ("flapping", "api/api1.chkdown=5 api/api1.chkfail=13", "went down 2 times in the last 5 minutes"),
        ("failing-checks", "api/api1.chkfail=8", "1 check failed in the last 10 s"),
        (
            "server-response-errors",
            "api/api1.eresp+50 api/api1.srv_abrt+40",
            "40% of the responses failed, 80 aborted by the server",
        ),
        ("retries", "db/BACKEND.wretr+5", "2.5 retries per 100 requests"),
    ] {
        assert_eq!(problem_text(rule, change), text);
    }
}

#[test]
fn w27_backup_server_counts_only_when_needed() {
    let mut site = TestSite::healthy();
    site.set("api/api2.bck=1 api/api2.act=0 api/api2.status=DOWN");
    site.steps(3);
    assert_eq!(site.open_problems(), [] as [String; 0]);
    site.set("api/api1.status=DOWN api/api3.status=DOWN api/BACKEND.act=0");
    site.steps(3);
    assert!(site.open_problems().contains(&"WARN api/api2 server-down".to_owned()), "{:?}", site.open_problems());
}

#[test]
fn w18_server_down_in_drain_is_reported_once_it_is_set_ready() {
    let mut site = TestSite::healthy();
    site.set("api/api1.status=DRAIN api/api1.lastchg=60");
    site.steps(3);
    site.set("api/api1.status=DOWN api/api1.chkdown=4 api/api1.chkfail=10");
    for seconds in [1, 3, 5, 7, 9, 10, 12, 14] {
        site.set(&format!("api/api1.lastchg={seconds}"));
        site.step();
    }
    assert_eq!(site.open_problems(), [] as [String; 0], "its application is being restarted");
    // HAProxy still reports DOWN, but the last change is a new one.
    for seconds in [0, 2, 4, 6] {
        site.set(&format!("api/api1.lastchg={seconds}"));
        site.step();
    }
    assert_eq!(site.open_problems(), ["WARN api backend-weight", "WARN api/api1 server-down"]);
}

#[test]
fn w18_server_that_restarts_twice_in_drain_is_not_reported() {
    let mut site = TestSite::healthy();
    site.set("api/api1.status=DRAIN api/api1.lastchg=60");
    site.steps(3);
    site.set("api/api1.status=DOWN api/api1.chkdown=4 api/api1.lastchg=9");
    site.step();
    site.set("api/api1.chkdown=5 api/api1.lastchg=1");
    site.step();
    site.set("api/api1.lastchg=3");
    site.steps(1);
    site.set("api/api1.lastchg=5");
    site.steps(1);
    assert_eq!(site.open_problems(), [] as [String; 0], "it was up between two samples");
}

#[test]
fn w18_server_down_in_drain_is_reported_after_five_minutes() {
    let mut site = TestSite::healthy();
    site.set("api/api1.status=DRAIN");
    site.steps(3);
    site.set("api/api1.status=DOWN api/api1.chkdown=4 api/api1.chkfail=10");
    site.steps(100);
    assert_eq!(site.open_problems(), [] as [String; 0], "its application is being restarted");
    site.steps(100);
    assert_eq!(site.open_problems(), ["WARN api backend-weight", "WARN api/api1 server-down"]);
}
