//! Tests of what the places that list causes show besides the sentence: age, advice, and the words for a frontend.

use std::time::Duration;

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
