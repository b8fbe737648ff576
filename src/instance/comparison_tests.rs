//! Tests of the comparison before and after, from samples to the order of the rows.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::instance::compared_metrics::{ERROR_SHARE, METRICS, RESPONSE, SERVED, SHARE_5XX};
use crate::instance::comparison::RowChange;
use crate::instance::state::Instance;
use crate::instance::time_spans::ComparedSpan;
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::SampleBuilder;

/// Seconds between two samples.
const STEP: u64 = 5;

/// A server whose counters grow.
#[derive(Debug, Clone)]
struct TestServer {
    name: &'static str,
    status: &'static str,
    weight: i64,
    requests: i64,
    errors_5xx: i64,
    econ: i64,
    /// Sum of the response times as HAProxy keeps it, in milliseconds.
    time_sum: f64,
    reset: i64,
}

impl TestServer {
    fn new(name: &'static str) -> Self {
        let (status, weight) = ("UP", 100);
        Self { name, status, weight, requests: 5000, errors_5xx: 0, econ: 0, time_sum: 10.0 * 512.0, reset: 0 }
    }

    /// Serves requests with a response time, of which some fail.
    fn serve(&mut self, count: i64, millis: f64, failed: i64) {
        for _ in 0..count {
            self.time_sum += millis - self.time_sum / 512.0;
        }
        self.requests += count;
        self.errors_5xx += failed;
    }

    fn line(&self) -> String {
        let (requests, rtime) = (self.requests - self.reset, (self.time_sum / 512.0).ceil());
        format!(
            "b,{},1,{requests},{requests},{},{},{},{},{rtime},0,0,0,{},2,{}",
            self.name,
            requests - self.errors_5xx,
            self.errors_5xx,
            self.econ,
            self.weight,
            requests,
            self.status
        )
    }
}

/// A site that is sampled every [`STEP`] seconds.
struct TestSite {
    instance: Instance,
    builder: SampleBuilder,
    millis: u64,
    servers: Vec<TestServer>,
}

impl TestSite {
    fn new(names: &[&'static str]) -> Self {
        let servers = names.iter().map(|name| TestServer::new(name)).collect();
        let mut site = Self { instance: Instance::default(), builder: SampleBuilder::default(), millis: 0, servers };
        site.sample();
        site
    }

    fn sample(&mut self) {
        let mut stat =
            "# pxname,svname,scur,stot,req_tot,hrsp_2xx,hrsp_5xx,econ,weight,rtime,qtime,ctime,ttime,lbtot,type,\
                        status,\n"
                .to_owned();
        for server in &self.servers {
            let _ = writeln!(stat, "{},", server.line());
        }
        let sample = self.builder.build_at_millis(self.millis, &stat);
        self.instance.add_sample(sample, 0);
        self.millis += STEP * 1000;
    }

    /// Lets time pass; `traffic` is called for every server before each sample.
    fn run(&mut self, seconds: u64, traffic: impl Fn(usize, &mut TestServer)) {
        for _ in 0..seconds / STEP {
            self.servers.iter_mut().enumerate().for_each(|(index, server)| traffic(index, server));
            self.sample();
        }
    }

    fn compare(&mut self, span: ComparedSpan) {
        self.instance.update_comparison(span, &[]);
        while self.instance.is_comparing() {
            self.instance.continue_comparison(&[]);
        }
    }

    fn id(&self, name: &str) -> RowId {
        let sample = self.instance.shown().unwrap();
        let index = sample.table.rows().iter().position(|row| row.name.as_str() == name).unwrap();
        sample.rows.ids()[index]
    }

    /// Returns the names of the changed rows, in their order.
    fn changed(&self) -> Vec<String> {
        let comparison = self.instance.comparison().unwrap();
        let sample = self.instance.shown().unwrap();
        let rows = sample.rows.ids().iter().zip(sample.table.rows());
        let mut rows: Vec<_> = rows.map(|(id, row)| (comparison.row(*id).unwrap(), row.name.to_string())).collect();
        rows.sort_by(|one, other| other.0.rank(None).total_cmp(&one.0.rank(None)));
        rows.into_iter().filter(|(row, _)| row.has_changed()).map(|(_, name)| name).collect()
    }

    fn change(&self, name: &str) -> RowChange {
        self.instance.comparison().unwrap().row(self.id(name)).unwrap().change.clone()
    }

    /// Returns a number before and after, as text.
    fn values(&self, name: &str, metric: usize) -> [String; 2] {
        let values = self.instance.comparison().unwrap().row(self.id(name)).unwrap().values(metric);
        values.map(|value| value.map_or("–".to_owned(), |value| METRICS[metric].format(value)))
    }
}

#[test]
fn small_server_that_became_slow_is_before_a_busy_one_with_more_traffic() {
    let mut site = TestSite::new(&["busy", "small", "steady"]);
    site.run(300, |index, server| server.serve([400, 2, 20][index], 10.0, 0));
    site.run(300, |index, server| match index {
        0 => server.serve(480, 10.0, 0),
        1 => server.serve(2, 1200.0, 0),
        _ => server.serve(20, 10.0, 0),
    });
    site.compare(ComparedSpan::TenMinutes);
    assert_eq!(site.changed(), ["small"], "20 % more traffic is not unusual");
    assert_eq!(site.change("small"), RowChange::Metric(RESPONSE));
    assert_eq!(site.values("small", RESPONSE), ["10ms", "1.20s"]);
    assert_eq!(site.values("busy", SERVED), ["80", "96"]);
    let counts = site.instance.comparison().unwrap().counts(&HashSet::new());
    assert_eq!((counts.changed, counts.still_wrong, counts.unchanged), (1, 0, 2));
}

#[test]
fn down_is_first_and_worse_numbers_are_before_ordered_changes() {
    let mut site = TestSite::new(&["drained", "failing", "down", "weighed", "calm"]);
    site.run(300, |_, server| server.serve(50, 10.0, 0));
    site.run(300, |index, server| match index {
        0 => server.status = "DRAIN",
        1 => server.serve(50, 10.0, 20),
        2 => server.status = "DOWN",
        3 => {
            server.weight = 10;
            server.serve(50, 10.0, 0);
        }
        _ => server.serve(50, 10.0, 0),
    });
    site.compare(ComparedSpan::TenMinutes);
    assert_eq!(site.changed(), ["down", "failing", "drained", "weighed"]);
    assert_eq!(site.change("drained"), RowChange::Status("UP".to_owned(), "DRAIN".to_owned()));
    assert_eq!(site.change("weighed"), RowChange::Setting("weight", 100, 10));
    assert_eq!(site.values("failing", SHARE_5XX), ["0%", "40%"]);
}

#[test]
fn weights_are_known_whatever_the_most_important_change_is() {
    let mut site = TestSite::new(&["s", "other"]);
    site.run(300, |_, server| server.serve(50, 10.0, 0));
    site.servers[0].weight = 10;
    site.run(300, |index, server| server.serve(50, [900.0, 10.0][index], 0));
    site.compare(ComparedSpan::TenMinutes);
    assert_eq!(site.change("s"), RowChange::Metric(RESPONSE));
    let weights = |name| site.instance.comparison().unwrap().row(site.id(name)).unwrap().weights;
    assert_eq!((weights("s"), weights("other")), (Some((100, 10)), None));
}

#[test]
fn comparison_that_is_not_computed_again_does_not_end_now() {
    let mut site = TestSite::new(&["s"]);
    site.run(60, |_, server| server.serve(50, 10.0, 0));
    site.compare(ComparedSpan::TenMinutes);
    let ends_now = |site: &TestSite| site.instance.compares_with_now(&site.instance.comparison().unwrap().windows);
    assert!(ends_now(&site));
    site.sample();
    assert!(!ends_now(&site), "the comparison ends with an earlier sample");
    site.compare(ComparedSpan::TenMinutes);
    assert!(ends_now(&site));
    site.instance.mark_shown_moment();
    assert!(!ends_now(&site), "it ends with the mark");
}

#[test]
fn one_failed_request_is_one_error_and_no_change() {
    let mut site = TestSite::new(&["s"]);
    site.run(300, |_, server| server.serve(2, 10.0, 0));
    // HAProxy counts a connection that failed as an error and as a 5xx.
    site.servers[0].serve(1, 10.0, 1);
    site.servers[0].econ += 1;
    site.run(300, |_, server| server.serve(2, 10.0, 0));
    site.compare(ComparedSpan::TenMinutes);
    assert_eq!(site.values("s", SHARE_5XX), ["0%", "0.8%"]);
    assert_eq!(site.values("s", ERROR_SHARE), ["0%", "0.8%"]);
    assert_eq!(site.changed(), Vec::<String>::new());
}

#[test]
fn reload_does_not_look_like_less_traffic() {
    let mut site = TestSite::new(&["s"]);
    site.run(300, |_, server| server.serve(50, 10.0, 0));
    site.run(150, |_, server| server.serve(50, 10.0, 0));
    site.builder.reload();
    site.servers[0].reset = site.servers[0].requests;
    site.run(150, |_, server| server.serve(50, 10.0, 0));
    site.compare(ComparedSpan::TenMinutes);
    assert_eq!(site.values("s", SERVED), ["10", "10"]);
    assert_eq!(site.changed(), Vec::<String>::new());
    assert_eq!(site.instance.comparison().unwrap().windows.new_processes, 1);
}

#[test]
fn numbers_without_history_are_unknown() {
    let mut site = TestSite::new(&["s"]);
    site.instance.mark_shown_moment();
    site.run(60, |_, server| server.serve(50, 10.0, 0));
    site.compare(ComparedSpan::Mark);
    assert_eq!(site.values("s", SERVED), ["–", "10"], "nothing is known before the oldest sample");
    assert_eq!(site.changed(), Vec::<String>::new());
}

#[test]
fn new_and_gone_rows_are_changes() {
    let mut site = TestSite::new(&["old", "stays"]);
    site.run(300, |_, server| server.serve(50, 10.0, 0));
    site.instance.mark_shown_moment();
    site.servers[0] = TestServer::new("new");
    site.run(60, |_, server| server.serve(50, 10.0, 0));
    site.compare(ComparedSpan::Mark);
    assert_eq!(site.changed(), ["new"]);
    assert_eq!(site.change("new"), RowChange::New);
    assert_eq!(site.instance.comparison().unwrap().gone.to_string(), "b/old");
}

#[test]
fn comparison_of_the_past_ends_at_the_sample_shown() {
    let mut site = TestSite::new(&["s"]);
    site.run(300, |_, server| server.serve(50, 10.0, 0));
    site.run(300, |_, server| server.serve(50, 900.0, 0));
    let end = site.instance.shown().unwrap().at.monotonic;
    site.run(900, |_, server| server.serve(50, 900.0, 0));
    site.compare(ComparedSpan::TenMinutes);
    assert_eq!(site.changed(), Vec::<String>::new(), "slow for 15 minutes");
    site.instance.show_moment(crate::instance::past_moment::PlaybackStep::Time(end));
    site.compare(ComparedSpan::TenMinutes);
    assert_eq!(site.change("s"), RowChange::Metric(RESPONSE));
    assert_eq!(site.values("s", RESPONSE)[1], "900ms");
}
