//! Tests of the times of the last seconds, with a simulated HAProxy that computes its means as a real one does.

use std::fmt::Write as _;
use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::interval_search::IntervalTime;
use crate::history::moving_mean::MeanKind;
use crate::history::rates::RateWindow;
use crate::history::store::History;
use crate::history::test_means::HaproxyMean;
use crate::history::time_trend::{self, TimedRow};
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::SampleBuilder;

/// A backend with two servers, sampled every second.
struct TimedSite {
    servers: [HaproxyMean; 2],
    backend: HaproxyMean,
    /// Requests that HAProxy answered itself, which the backend counts, too.
    own_responses: u32,
    transfer: u32,
    builder: SampleBuilder,
    window: RateWindow,
    history: History,
    now: u64,
    interval: u64,
}

const BACKEND: usize = 2;

impl TimedSite {
    fn new() -> Self {
        let mean = HaproxyMean::new(MeanKind::PlainBelowWindow);
        Self {
            servers: [mean; 2],
            backend: mean,
            own_responses: 0,
            transfer: 0,
            builder: SampleBuilder::default(),
            window: RateWindow::default(),
            history: History::new(1 << 20),
            now: 0,
            interval: 1000,
        }
    }

    /// Adds requests to a server.
    fn serve(&mut self, server: usize, count: u32, millis: u32) {
        self.servers[server].add(count, millis);
        self.backend.add(count, millis);
    }

    /// Takes a number of samples; before each of them, each server serves `count` requests.
    fn steps(&mut self, steps: usize, count: u32, millis: [u32; 2]) {
        for _ in 0..steps {
            for _ in 0..count {
                self.serve(0, 1, millis[0]);
                self.serve(1, 1, millis[1]);
            }
            self.sample();
        }
    }

    fn sample(&mut self) {
        let mut stat =
            "# pxname,svname,type,status,stot,qtime,ctime,rtime,ttime,hrsp_2xx,hrsp_5xx,req_tot,\n".to_owned();
        let servers = [("s1", self.servers[0], 0), ("s2", self.servers[1], 0)];
        for (name, mean, own) in servers.into_iter().chain([("BACKEND", self.backend, self.own_responses)]) {
            let (kind, requests) = (if name == "BACKEND" { 1 } else { 2 }, mean.requests);
            let (rtime, all) = (mean.reported().millis, requests + own);
            let ttime = rtime + self.transfer;
            let _ = writeln!(stat, "b,{name},{kind},UP,{all},0,0,{rtime},{ttime},{requests},{own},{all},");
        }
        let sample = self.builder.build_at_millis(self.now, &stat);
        self.now += self.interval;
        self.history.push(&sample);
        self.window.push(sample);
    }

    fn time(&self, row: usize, field: Field) -> Option<IntervalTime> {
        self.window.interval_time(row, field)
    }

    fn rtime(&self, row: usize) -> Option<i64> {
        self.time(row, Field::Rtime).map(|time| time.millis.round() as i64)
    }

    fn id(&self, row: usize) -> RowId {
        self.window.newest().unwrap().rows.ids()[row]
    }
}

/// Asserts that a time is known and within 10 ms or 15 % of the expected one.
#[track_caller]
fn assert_near(millis: Option<i64>, expected: i64) {
    let is_near = millis.is_some_and(|millis| (millis - expected).abs() <= (expected * 15 / 100).max(10));
    assert!(is_near, "{millis:?}, expected {expected}");
}

#[test]
fn w21_interval_time_follows_changes_within_50_requests() {
    for (count, steps) in [(2, 26), (30, 5), (300, 3)] {
        let mut site = TimedSite::new();
        site.serve(0, 3000, 10);
        site.steps(70, count, [10, 10]);
        assert_near(site.rtime(0), 10);
        site.steps(steps, count, [1000, 10]);
        assert_near(site.rtime(0), 1000);
        assert_near(site.rtime(1), 10);
        assert_near(site.rtime(BACKEND), 505);
        site.steps(steps, count, [10, 10]);
        assert_near(site.rtime(0), 10);
        assert_near(site.rtime(BACKEND), 10);
    }
}

#[test]
fn interval_time_widens_until_precise() {
    let mut site = TimedSite::new();
    site.serve(0, 3000, 10);
    site.steps(70, 2, [10, 10]);
    let time = site.time(0, Field::Rtime).unwrap();
    assert!(time.requests >= 52 && time.span <= Duration::from_secs(30), "{time:?}");
    site.steps(20, 300, [10, 10]);
    assert_eq!(site.time(0, Field::Rtime).unwrap().span, Duration::from_secs(2));
    // One request in two seconds: too few within a minute.
    for step in 0..140 {
        site.serve(0, u32::from(step % 2 == 0), 10);
        site.sample();
    }
    assert_eq!(site.time(0, Field::Rtime), None);
}

#[test]
fn interval_time_is_unknown_while_idle() {
    let mut site = TimedSite::new();
    site.steps(10, 100, [50, 50]);
    site.steps(11, 0, [0, 0]);
    assert!(site.rtime(0).is_some());
    site.steps(7, 0, [0, 0]);
    assert_eq!((site.rtime(0), site.rtime(BACKEND)), (None, None));
}

#[test]
fn backend_does_not_count_responses_without_server() {
    let mut site = TimedSite::new();
    site.steps(20, 60, [10, 10]);
    for _ in 0..12 {
        site.own_responses += 120;
        site.steps(1, 60, [1000, 1000]);
    }
    assert_near(site.rtime(BACKEND), 1000);
}

#[test]
fn interval_time_is_cut_by_reload_and_reset() {
    let mut site = TimedSite::new();
    site.steps(10, 100, [50, 50]);
    site.builder.reload();
    let reset = |site: &mut TimedSite| {
        site.servers = [HaproxyMean::new(MeanKind::PlainBelowWindow); 2];
        site.backend = site.servers[0];
    };
    reset(&mut site);
    site.steps(1, 100, [900, 900]);
    assert_eq!(site.rtime(0), None);
    site.steps(3, 100, [900, 900]);
    assert_near(site.rtime(0), 900);
    reset(&mut site);
    site.steps(1, 20, [70, 70]);
    assert_eq!((site.rtime(0), site.rtime(BACKEND)), (None, None), "clear counters all");
    site.steps(3, 20, [70, 70]);
    assert_near(site.rtime(0), 70);
}

#[test]
fn interval_time_understands_versions_before_2_2() {
    let mut site = TimedSite::new();
    site.builder.version = "2.0.14";
    site.servers = [HaproxyMean::new(MeanKind::AlwaysMoving); 2];
    site.backend = site.servers[0];
    site.sample();
    site.steps(4, 10, [200, 200]);
    assert_eq!(site.servers[0].reported().millis, 16);
    assert_near(site.rtime(0), 200);
    assert_near(site.rtime(BACKEND), 200);
    assert!(site.window.times().is_understated(0));
    site.steps(50, 10, [200, 200]);
    assert!(!site.window.times().is_understated(0));
}

#[test]
fn total_time_is_unknown_during_long_transfers() {
    let mut site = TimedSite::new();
    site.transfer = 100;
    site.steps(10, 100, [50, 50]);
    assert_near(site.time(0, Field::Ttime).map(|time| time.millis as i64), 150);
    site.transfer = 60_000;
    site.steps(70, 100, [50, 50]);
    assert_eq!(site.time(0, Field::Ttime), None);
    assert_near(site.rtime(0), 50);
}

#[test]
fn new_server_starts_without_requests() {
    let mut site = TimedSite::new();
    site.steps(10, 100, [50, 50]);
    let id = site.id(0);
    let stat = "# pxname,svname,type,status,stot,rtime,hrsp_2xx,req_tot,\nb,s9,2,UP,40,700,40,40,\n";
    let sample = site.builder.build_at_millis(site.now, stat);
    site.window.push(sample);
    assert_eq!(site.rtime(0), None, "no earlier sample of this server");
    assert_eq!(site.window.times().interval_time_of(id, Field::Rtime), None);
}

#[test]
fn kept_samples_are_the_same_live_and_in_playback() {
    for interval in [300, 1000, 2000, 20_000, 90_000] {
        let mut site = TimedSite::new();
        site.interval = interval;
        for step in 0..150 {
            if step == 140 {
                site.builder.reload();
            }
            site.steps(1, 30, [50, 10]);
            let seq = site.window.newest().unwrap().seq;
            let keys = RateWindow::anchor_keys_at(&site.history, seq);
            assert_eq!(keys, site.window.times().keys(), "{interval} ms, sample {seq}");
            assert!(keys.len() <= 20, "{interval} ms: {}", keys.len());
        }
    }
}

#[test]
fn chart_shows_the_times_of_the_last_seconds() {
    let mut site = TimedSite::new();
    site.steps(100, 60, [10, 10]);
    site.steps(20, 60, [1000, 10]);
    site.steps(20, 60, [10, 10]);
    let points = |row: usize, servers: Vec<RowId>| {
        let row = TimedRow { id: site.id(row), servers, is_tcp: false, kind: MeanKind::PlainBelowWindow };
        let now = Duration::from_millis(site.now - site.interval);
        let since = now.saturating_sub(Duration::from_secs(59));
        [Field::Qtime, Field::Rtime].map(|field| {
            let values = time_trend::values(&site.history, &row, field, since, now, 60);
            values.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        })
    };
    let line = points(0, Vec::new());
    assert!(line[0].iter().all(|point| *point == Some(0.0)), "{line:?}");
    let at = |line: &[Option<f64>], point: usize| line[point].map(|millis| millis.round() as i64);
    for (point, expected) in [(15, 10), (30, 1000), (39, 1000), (45, 10), (59, 10)] {
        assert_near(at(&line[1], point), expected);
    }
    let backend = points(BACKEND, vec![site.id(0), site.id(1)]);
    for (point, expected) in [(15, 10), (30, 505), (45, 10)] {
        assert_near(at(&backend[1], point), expected);
    }
}

/// A server with two requests every three seconds, after many.
fn quiet_site() -> TimedSite {
    let mut site = TimedSite::new();
    site.serve(0, 3000, 10);
    site.interval = 1500;
    site.steps(40, 1, [10, 10]);
    site
}

#[test]
fn few_requests_limit_the_time() {
    let mut site = quiet_site();
    let limits =
        |site: &TimedSite| site.window.rough_time(0, Field::Rtime).map(|time| (time.at_least(), time.at_most()));
    assert_eq!(site.rtime(0), None, "not precise within a minute");
    let (least, most) = limits(&site).unwrap();
    assert!(least <= 10.0 && (10.0..60.0).contains(&most), "{least} {most}");
    site.steps(4, 1, [1000, 10]);
    let (least, most) = limits(&site).unwrap();
    assert!(least > 100.0 && most < 1000.0, "{least} {most}");
    site.steps(6, 1, [1000, 10]);
    assert_near(site.rtime(0), 1000);
    // Five requests show that the server is fast again.
    site.steps(5, 1, [10, 10]);
    let (least, most) = limits(&site).unwrap();
    assert!(least == 0.0 && most < 300.0, "{least} {most}");
}

#[test]
fn single_slow_request_is_no_slow_server() {
    let mut site = quiet_site();
    site.steps(1, 1, [3000, 10]);
    for _ in 0..40 {
        let least = site.window.rough_time(0, Field::Rtime).map_or(0.0, |time| time.at_least());
        assert!(least < 20.0, "{least}");
        site.steps(1, 1, [10, 10]);
    }
}

#[test]
fn value_follows_a_change_before_twenty_requests() {
    let mut site = TimedSite::new();
    site.serve(0, 3000, 60);
    site.steps(60, 30, [60, 60]);
    // A server that is at its limit ends few slow requests in a second.
    site.steps(3, 5, [800, 60]);
    assert_near(site.rtime(0), 800);
    for _ in 0..10 {
        site.steps(1, 5, [800, 60]);
        assert_near(site.rtime(0), 800);
    }
    site.steps(2, 30, [60, 60]);
    assert_near(site.rtime(0), 60);
}
