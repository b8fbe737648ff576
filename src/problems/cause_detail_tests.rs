//! Tests of what the places that list causes show besides the sentence: age, advice, and the words for a frontend.

use std::time::Duration;

use crate::haproxy::level::Level;
use crate::problems::rule_table::RuleId;
use crate::problems::test_site::TestSite;

/// Returns the ages of the causes as the dashboard shows them.
fn ages(site: &TestSite) -> Vec<(String, String)> {
    let now = Duration::from_millis(site.now - site.interval);
    site.problems.open_causes().map(|cause| (cause.age_cells(now), cause.age_words(now))).collect()
}

#[test]
fn cause_of_the_first_samples_may_be_older() {
    for fault in [
        "api/BACKEND.qcur=12",
        "api/BACKEND.hrsp_5xx+30",
        "api/api1.rtime=1200 api/api2.rtime=1200 api/api3.rtime=1200 api/BACKEND.rtime=1200",
        "www-in.scur=1900",
    ] {
        let mut site = TestSite::healthy();
        site.set(fault);
        site.steps(8);
        let [(cells, words)] = ages(&site).try_into().expect(fault);
        assert!(cells.starts_with('>') && words.starts_with("at least "), "{fault}: {cells} {words}");
        let mut site = TestSite::healthy();
        site.steps(8);
        site.set(fault);
        site.steps(8);
        let [(cells, words)] = ages(&site).try_into().expect(fault);
        assert!(!cells.starts_with('>') && !words.starts_with("at least "), "{fault}: {cells} {words}");
    }
    let mut site = TestSite::healthy();
    site.set("api/BACKEND.qcur=12");
    site.steps(8);
    assert!(site.sentence("api").contains("12 waiting for at least 14 s"), "{}", site.sentence("api"));
}

#[test]
fn state_whose_start_haproxy_reports_is_as_old_as_that() {
    let mut site = TestSite::healthy();
    site.set("api/api3.status=DOWN api/api3.lastchg=600 api/BACKEND.act=2");
    site.step();
    assert_eq!(ages(&site), [("10m".to_owned(), "10 min".to_owned())]);
}

#[test]
fn cause_after_a_gap_may_be_older() {
    let mut site = TestSite::healthy();
    site.steps(8);
    site.now += 120_000;
    site.set("www-in.scur=1900");
    site.steps(4);
    assert_eq!(ages(&site), [(">6s".to_owned(), "at least 6 s".to_owned())]);
}

#[test]
fn advice_names_no_action_that_is_not_possible() {
    let advice = |site: &TestSite, level: Option<Level>| {
        let advice = site.problems.open_causes().next().unwrap().advice(level);
        (advice.action.map(|action| action.id), advice.text)
    };
    let mut site = TestSite::healthy();
    site.backend("img", "http", &["i1", "i2", "i3"]);
    site.steps(4);
    site.set("img/i3.rtime=400");
    site.steps(6);
    assert_eq!(site.causes(), ["CRIT img/i3 slow-server"]);
    for level in [None, Some(Level::Admin)] {
        let (action, text) = advice(&site, level);
        assert_eq!(action, Some("server.drain"));
        assert!(text.starts_with("drain the server, then look at its load"), "{text}");
    }
    let (action, text) = advice(&site, Some(Level::Operator));
    assert_eq!((action, text.split(',').next()), (None, Some("drain needs a socket of level admin: look at its load")));
    site.set("img/i3.status=DRAIN");
    site.step();
    let (action, text) = advice(&site, None);
    assert_eq!((action, text.split(',').next()), (None, Some("it is drained already: look at its load")));
    site.set("img/i3.status=MAINT");
    site.step();
    assert!(advice(&site, None).1.starts_with("it is in maintenance already: "), "{:?}", advice(&site, None));
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set("db/db2.status=MAINT db/db1.chkfail+1 db/db1.check_status=L7STS db/BACKEND.act=1");
    site.steps(4);
    assert_eq!(site.causes(), ["WARN db/db1 failing-checks"]);
    let (action, text) = advice(&site, None);
    assert_eq!((action, text.split(':').next()), (None, Some("it is the last usable server, so it must stay")));
}

#[test]
fn cause_of_a_backend_says_so_for_its_frontend() {
    let mut site = TestSite::healthy();
    site.steps(4);
    site.set(
        "db/BACKEND.act=0 db/db1.status=DOWN db/db1.check_status=L4CON db/db2.status=DOWN db/db2.check_status=L4CON",
    );
    site.set("www-in.hrsp_5xx+90");
    site.steps(6);
    assert_eq!(site.causes(), ["CRIT db no-server"]);
    let cause = site.problems.open_causes().next().unwrap();
    let frontend = site.problems.iter().find(|problem| problem.rule.id == RuleId::Frontend5xx).unwrap().subject.id;
    assert!(cause.affects(frontend));
    assert_eq!(cause.words_for_frontend(), "its backend db is down: no server available: db1, db2: L4CON");
}
