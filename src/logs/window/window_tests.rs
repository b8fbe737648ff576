//! Tests of the requests of the last minutes: the answers equal those of groups of the same requests, in bounded memory.

use std::time::Duration;

use proptest::prelude::*;

use crate::logs::group_key::GroupKey;
use crate::logs::groups::Groups;
use crate::logs::line_reader::LineReader;
use crate::logs::request::Phase;
use crate::logs::request_filter::RequestFilter;
use crate::logs::window::request_window::{MAX_SPAN, RequestWindow};
use crate::logs::window::window_question::{GroupRank, ReportSubject, WindowQuestion};
use crate::logs::window::window_report::{GroupSummary, MAX_REPORTED_GROUPS, WindowReport, answer};

const NOW: Duration = Duration::from_hours(1);

fn question(subject: ReportSubject, filter: &str) -> WindowQuestion {
    WindowQuestion {
        number: 7,
        subject,
        span: MAX_SPAN,
        phase: Phase::Response,
        filter: RequestFilter::parse(filter).unwrap(),
        rank: GroupRank::Requests,
    }
}

fn line(client: &str, server: &str, time: i32, status: u16, flags: &str, uri: &str) -> String {
    format!(
        "{client}:4711 [29/Nov/2026:07:12:38.123] web app/{server} 0/0/0/{time}/9 {status} 100 - - {flags}-- 1/1/0/0/0 0/0 \
         \"GET {uri} HTTP/1.1\""
    )
}

fn add(window: &mut RequestWindow, line: &str, age: u32, now: Duration) {
    let mut reader = LineReader::new([]).unwrap();
    window.add(&reader.read(line.as_bytes()).unwrap(), age, now);
}

fn names(report: &WindowReport) -> Vec<(&str, u64)> {
    report.groups.iter().map(|group| (group.name.as_str(), group.summary.requests)).collect()
}

proptest! {
    #[test]
    fn answers_equal_those_of_groups(
        requests in proptest::collection::vec((0_u8..4, 0_u8..3, -1_i32..3000, 0_u8..4, 0_u32..700_000), 1..300),
        key in proptest::sample::select(GroupKey::ALL.to_vec()),
    ) {
        let (_, key) = key;
        let mut window = RequestWindow::default();
        let mut groups = Groups::new(key, Phase::Response);
        let mut reader = LineReader::new([]).unwrap();
        let filter = RequestFilter::parse("!server:s2").unwrap();
        for (client, server, time, ending, age) in requests {
            let (status, flags) = [(200, "--"), (404, "LR"), (503, "sH"), (502, "SH")][usize::from(ending)];
            let uri = format!("/api/{}?q=1", u32::from(client) * 1000);
            let line = line(&format!("10.0.{client}.1"), &format!("s{server}"), time, status, flags, &uri);
            let request = reader.read(line.as_bytes()).unwrap();
            window.add(&request, age, NOW);
            if age <= 600_000 && filter.matches(&request) {
                groups.add(&request);
            }
        }
        let report = answer(&window, &question(ReportSubject::Groups(key), "!server:s2"), NOW);
        let (expected, others) = groups.finish(usize::MAX);
        prop_assert_eq!((others.requests, report.others.0), (0, 0));
        prop_assert_eq!(report.groups.len(), expected.len());
        for (found, (name, group)) in report.groups.iter().zip(expected) {
            prop_assert_eq!(found.name.as_str().as_bytes(), &*name);
            let GroupSummary { requests, statuses, own_errors, times, .. } = &found.summary;
            let figures = group.figures;
            prop_assert_eq!((*requests, *statuses, *own_errors), (figures.requests, figures.statuses, figures.own_errors));
            let percentiles = GroupSummary::SHARES.map(|share| figures.times.percentile(share));
            prop_assert_eq!((&times[..4], times[4]), (&percentiles[..], figures.times.max()));
        }
        prop_assert_eq!(report.all.requests, report.groups.iter().map(|group| group.summary.requests).sum::<u64>());
    }
}

#[test]
fn endings_and_lists_show_what_failed() {
    let mut window = RequestWindow::default();
    for (age, time, status, flags) in [
        (9000, 20, 200, "--"),
        (8000, -1, 504, "sH"),
        (7000, 30, 500, "--"),
        (6000, -1, 504, "sH"),
        (5000, 10, 200, "CD"),
    ] {
        add(&mut window, &line("10.0.0.1", "s1", time, status, flags, "/"), age, NOW);
    }
    let report = answer(&window, &question(ReportSubject::Groups(GroupKey::Server), ""), NOW);
    let endings: Vec<(&str, u64)> =
        report.groups[0].summary.endings.iter().map(|(flags, count)| (flags.as_str(), *count)).collect();
    assert_eq!(endings, [("sH", 2), ("CD", 1)]);
    assert_eq!((report.all.statuses[5], report.all.own_errors), (3, 2));
    let ages = |subject| -> Vec<u32> {
        answer(&window, &question(subject, ""), NOW).requests.iter().map(|request| request.age).collect()
    };
    assert_eq!(ages(ReportSubject::Newest), [5000, 6000, 7000, 8000, 9000]);
    assert_eq!(ages(ReportSubject::Failed), [5000, 6000, 7000, 8000]);
    assert_eq!(ages(ReportSubject::Slowest), [7000, 9000, 5000]);
    let filtered = answer(&window, &question(ReportSubject::Newest, "flags:sH"), NOW);
    assert_eq!((filtered.number, filtered.all.requests, filtered.requests.len()), (7, 2, 2));
}

#[test]
fn memory_is_bounded_and_the_report_says_what_it_covers() {
    let mut window = RequestWindow::with_limit(25_000);
    window.begin_at(NOW);
    for second in 0..500_u64 {
        let uri = format!("/{second}/{}", "x".repeat(usize::try_from(second % 50).unwrap() * 10));
        add(&mut window, &line("10.0.0.1", "s1", 1, 200, "--", &uri), 0, NOW + Duration::from_secs(second));
        assert!(window.bytes() <= 25_000);
    }
    let end = NOW + Duration::from_secs(499);
    let report = answer(&window, &question(ReportSubject::Newest, ""), end);
    assert_eq!(report.covered, Duration::from_secs(window.count() as u64));
    window.drop_old(end + MAX_SPAN + Duration::from_millis(1));
    assert_eq!((window.count(), window.bytes()), (0, 0));
}

#[test]
fn many_groups_become_one_of_others_and_the_rank_chooses() {
    let mut window = RequestWindow::default();
    for place in 0..MAX_REPORTED_GROUPS + 100 {
        for _ in 0..2 {
            add(&mut window, &line(&format!("10.0.{}.{}", place / 250, place % 250), "s1", 1, 200, "--", "/"), 0, NOW);
        }
    }
    add(&mut window, &line("10.9.9.9", "s1", 700, 500, "sD", "/"), 0, NOW);
    let by_client = question(ReportSubject::Groups(GroupKey::Client), "");
    let report = answer(&window, &by_client, NOW);
    assert_eq!((report.groups.len(), report.others.0), (MAX_REPORTED_GROUPS, 101));
    assert_eq!(report.others.1.requests, 201);
    assert!(names(&report).iter().all(|(name, _)| *name != "10.9.9.9"));
    for rank in [GroupRank::Time, GroupRank::Failures] {
        let report = answer(&window, &WindowQuestion { rank, ..by_client.clone() }, NOW);
        assert_eq!(names(&report).last(), Some(&("10.9.9.9", 1)));
    }
    let filtered = answer(&window, &question(ReportSubject::Groups(GroupKey::Client), "client=10.0.0.1"), NOW);
    assert_eq!(names(&filtered), [("10.0.0.1", 2)]);
}
