//! Tests of the heat map, the comparison and the sparklines of several balancers whose rows are merged.

use std::collections::VecDeque;
use std::time::Duration;

use crate::fleet::merged_causes;
use crate::fleet::merged_sample::{BalancerMerger, MergedBalancer};
use crate::haproxy::status::RowState;
use crate::instance::compared_metrics::{SERVED, SESSIONS, SHARE_5XX};
use crate::instance::comparison::RowChange;
use crate::instance::source::StatsSocket;
use crate::instance::state::Instance;
use crate::instance::time_spans::ComparedSpan;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::SampleBuilder;
use crate::problems::thresholds::Thresholds;
use crate::table::columns::row_view::RowView;
use crate::table::heat_map::{HeatMap, HeatRange};
use crate::table::heat_metric::{HeatCell, HeatMetric};
use crate::table::process_trends;

/// A server of one balancer: requests per second, share of them that fail in percent, response time, sessions, status.
#[derive(Debug, Clone, Copy)]
struct Load {
    requests: u64,
    failed: u64,
    millis: u64,
    sessions: u64,
    status: &'static str,
}

const QUIET: Load = Load { requests: 0, failed: 0, millis: 10, sessions: 0, status: "UP" };

/// Balancers that are sampled every two seconds, and their merged rows.
struct Fleet {
    balancers: Vec<Instance>,
    merged: Instance,
    merger: BalancerMerger,
    builders: Vec<SampleBuilder>,
    totals: Vec<[u64; 2]>,
    second: u64,
    /// True for each balancer that answers.
    is_current: Vec<bool>,
}

impl Fleet {
    fn new(count: usize) -> Self {
        let instance = |id| Instance::new(id, StatsSocket::default(), 8 << 20);
        Self {
            balancers: InstanceId::first(count).map(instance).collect(),
            merged: instance(InstanceId::ALL),
            merger: BalancerMerger::default(),
            builders: (0..count).map(|_| SampleBuilder::default()).collect(),
            totals: vec![[1000, 0]; count],
            second: 0,
            is_current: vec![true; count],
        }
    }

    /// Adds samples for this time. A balancer without a load does not answer.
    fn run(&mut self, seconds: u64, loads: &[Option<Load>]) {
        for _ in 0..seconds / 2 {
            for (place, load) in loads.iter().enumerate() {
                self.is_current[place] = load.is_some();
                let Some(load) = load else { continue };
                let Load { requests, failed, millis, sessions, status } = load;
                let [total, errors] = &mut self.totals[place];
                (*total, *errors) = (*total + requests * 2, *errors + requests * 2 * failed / 100);
                let stat = format!(
                    "# pxname,svname,type,mode,status,scur,slim,smax,qcur,stot,req_tot,lbtot,hrsp_2xx,hrsp_5xx,qtime,\
                     ctime,rtime,ttime,\nfe,FRONTEND,0,http,OPEN,1,,,,{total},{total},,{total},0,,,,,\n\
                     b,s,2,http,{status},{sessions},100,100,{},{total},{total},{total},{},{errors},0,0,{millis},{millis},\n\
                     b,BACKEND,1,http,UP,{sessions},100,100,0,{total},{total},{total},{},{errors},0,0,{millis},{millis},\n",
                    sessions / 10,
                    *total - *errors,
                    *total - *errors,
                );
                self.builders[place].info = format!("SessRate: {requests}\n");
                let sample = self.builders[place].build_at_millis(self.second * 1000, &stat);
                self.balancers[place].add_sample(sample, 0);
            }
            self.second += 2;
            self.merge();
        }
    }

    fn merge(&mut self) {
        let balancer = |(place, instance)| MergedBalancer {
            name: format!("lb{}", place + 1).into(),
            instance,
            is_current: self.is_current[place],
        };
        let balancers: Vec<MergedBalancer<'_>> = self.balancers.iter().enumerate().map(balancer).collect();
        let view = self.merger.merge(&balancers, None).unwrap();
        let sample = std::sync::Arc::clone(view.rates.newest().unwrap());
        let problems = merged_causes::merge_problems(&balancers, &view.rows, &sample, &Thresholds::default());
        self.merged.show_merged(view.rates, problems, view.rows);
    }

    fn parts(&self) -> Vec<&Instance> {
        self.balancers.iter().collect()
    }

    fn server(&self) -> RowId {
        let sample = self.merged.shown().unwrap();
        let index = sample.table.rows().iter().position(|row| row.name.as_str() == "s").unwrap();
        sample.rows.ids()[index]
    }

    /// Returns the cells of the server, one for each of the last 20 samples.
    fn cells(&self, metric: HeatMetric) -> VecDeque<HeatCell> {
        let mut map = HeatMap::default();
        let range = HeatRange { metric, span: Duration::from_secs(40), columns: 20 };
        map.update(&self.merged, &self.parts(), &[self.server()], range);
        map.cells(self.server()).unwrap().clone()
    }

    fn value(&self, metric: HeatMetric, place: usize) -> f32 {
        match self.cells(metric)[place] {
            HeatCell::Value(value) => value,
            cell => panic!("{cell:?}"),
        }
    }

    fn compare(&mut self) {
        let parts: Vec<&Instance> = self.balancers.iter().collect();
        self.merged.update_comparison(ComparedSpan::TenMinutes, &parts);
        while self.merged.is_comparing() {
            self.merged.continue_comparison(&parts);
        }
    }
}

#[test]
fn heat_map_adds_up_amounts_and_weights_times() {
    let mut fleet = Fleet::new(2);
    let slow = Load { requests: 300, failed: 8, millis: 100, sessions: 60, status: "UP" };
    let fast = Load { requests: 100, failed: 0, millis: 20, sessions: 20, status: "UP" };
    fleet.run(60, &[Some(slow), Some(fast)]);
    for place in [10, 19] {
        assert!((fleet.value(HeatMetric::ResponseTime, place) - 80.0).abs() < 3.0, "weighted by requests: {place}");
        assert!((fleet.value(HeatMetric::Share5xx, place) - 0.06).abs() < 0.002, "24 of 400: {place}");
        assert!((fleet.value(HeatMetric::Load, place) - 0.4).abs() < 0.001, "80 of 200: {place}");
        assert!((fleet.value(HeatMetric::Queue, place) - 8.0).abs() < 0.001, "6 and 2: {place}");
    }
    // The last cell is the value of the merged row.
    let sample = fleet.merged.shown().unwrap();
    let index = sample.rows.index_of(fleet.server()).unwrap();
    for metric in [HeatMetric::Share5xx, HeatMetric::Load, HeatMetric::Queue, HeatMetric::State] {
        let current = metric.current(&RowView::new(&fleet.merged, sample, index));
        assert_eq!(fleet.cells(metric).back(), Some(&current), "{metric:?}");
    }
}

#[test]
fn heat_map_has_the_worst_state_and_leaves_out_silent_balancers() {
    let mut fleet = Fleet::new(2);
    let load = Load { requests: 100, sessions: 40, ..QUIET };
    fleet.run(20, &[Some(load), Some(load)]);
    fleet.run(10, &[Some(load), Some(Load { status: "DOWN", ..load })]);
    fleet.run(10, &[Some(load), None]);
    let states = fleet.cells(HeatMetric::State);
    assert_eq!(states[5], HeatCell::State(RowState::Up));
    assert_eq!(states[12], HeatCell::State(RowState::Down), "on one balancer");
    assert_eq!(states[19], HeatCell::State(RowState::Up));
    assert_eq!(fleet.cells(HeatMetric::Queue)[12], HeatCell::State(RowState::Down));
    assert!((fleet.value(HeatMetric::Queue, 5) - 8.0).abs() < 0.001);
    assert!((fleet.value(HeatMetric::Queue, 19) - 4.0).abs() < 0.001, "that of the other one");
}

#[test]
fn comparison_of_merged_rows_compares_sums() {
    let mut fleet = Fleet::new(2);
    let load = Load { requests: 100, sessions: 10, ..QUIET };
    fleet.run(300, &[Some(load), Some(load)]);
    let more = Load { requests: 100, failed: 20, sessions: 30, ..QUIET };
    fleet.run(300, &[Some(load), Some(Load { status: "MAINT", ..more })]);
    fleet.compare();
    let server = fleet.server();
    let compared = fleet.merged.comparison().unwrap().row(server).unwrap();
    let is_about = |metric, expected: [f64; 2], tolerance: f64| {
        let values = compared.values(metric).map(|value| value.unwrap());
        let is_near = values.iter().zip(expected).all(|(value, expected)| (value - expected).abs() <= tolerance);
        assert!(is_near, "{metric}: {values:?}");
    };
    is_about(SERVED, [200.0, 200.0], 1.0);
    is_about(SHARE_5XX, [0.0, 0.1], 0.002);
    is_about(SESSIONS, [20.0, 40.0], 0.5);
    assert!(compared.is_worse(SHARE_5XX));
    assert_eq!(compared.change, RowChange::Metric(SHARE_5XX));
    assert!(fleet.merged.comparison().unwrap().left_out.is_empty());
}

#[test]
fn comparison_leaves_out_a_balancer_without_samples_before() {
    let mut fleet = Fleet::new(2);
    let load = Load { requests: 100, sessions: 10, ..QUIET };
    fleet.run(300, &[Some(load), None]);
    fleet.run(300, &[Some(load), Some(load)]);
    fleet.compare();
    let comparison = fleet.merged.comparison().unwrap();
    assert_eq!(comparison.left_out.iter().map(|name| &**name).collect::<Vec<_>>(), ["lb2"]);
    let compared = comparison.row(fleet.server()).unwrap();
    let values = compared.values(SERVED).map(|value| value.unwrap().round() as i64);
    assert_eq!(values, [100, 100], "the requests of the other balancer did not come in addition");
    assert!(!compared.has_changed(), "{compared:?}");
}

#[test]
fn sparklines_are_the_sums_of_all_balancers() {
    let mut fleet = Fleet::new(2);
    let load = |requests| Some(Load { requests, ..QUIET });
    fleet.run(20, &[load(100), load(50)]);
    fleet.run(20, &[load(100), None]);
    let (now, span) = (Duration::from_secs(38), Duration::from_secs(40));
    for points in [
        process_trends::session_points(&fleet.parts(), now, span, 20),
        process_trends::request_points(&fleet.parts(), now, span, 20),
    ] {
        assert_eq!([points[5], points[19]], [Some(150.0), Some(100.0)], "{points:?}");
    }
}
