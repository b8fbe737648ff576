//! Tests of the heat map.

use std::time::Duration;

use crate::haproxy::status::RowState;
use crate::instance::past_moment::PlaybackStep;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::SampleBuilder;
use crate::table::columns::row_view::RowView;
use crate::table::heat_map::{HeatMap, HeatRange, sort_worst_first};
use crate::table::heat_metric::{HeatCell, HeatMetric};

/// Adds a sample per second of a backend with a fast server, a slow one from second 30 on, and one that is down from
/// second 40 to 49.
fn add_seconds(instance: &mut Instance, builder: &mut SampleBuilder, seconds: std::ops::Range<u64>) {
    for second in seconds {
        let (slow, status) =
            (if second >= 30 { 900 } else { 10 }, if (40..50).contains(&second) { "DOWN" } else { "UP" });
        let row = |name: &str, kind: u8, status: &str, rtime: u64, scur: u64| {
            let requests = second * 600;
            format!(
                "b,{name},{kind},http,{status},{scur},100,40,0,{requests},{requests},{requests},{requests},0,{requests},{},0,0,{rtime},{rtime},\n",
                second * 60
            )
        };
        let stat = format!(
            "# pxname,svname,type,mode,status,scur,slim,smax,qcur,stot,req_tot,lbtot,wretr,econ,hrsp_2xx,hrsp_5xx,qtime,ctime,rtime,ttime,\n{}{}{}{}",
            row("fast", 2, "UP", 10, 5),
            row("slow", 2, "UP", slow, 80),
            row("down", 2, status, 10, 0),
            row("BACKEND", 1, "UP", slow / 3, 85)
        );
        instance.add_sample(builder.build_at_millis(second * 1000, &stat), 0);
    }
}

fn range(metric: HeatMetric) -> HeatRange {
    HeatRange { metric, span: Duration::from_mins(1), columns: 30 }
}

/// Returns the time at which the last of 30 columns begins, in seconds.
fn start_of_last(map: &HeatMap) -> u64 {
    (map.start_seconds() + 29.0 * map.range().unwrap().step()).round() as u64
}

fn ids(instance: &Instance) -> Vec<RowId> {
    instance.latest().unwrap().rows.ids().to_vec()
}

fn read(instance: &Instance, metric: HeatMetric) -> HeatMap {
    let mut map = HeatMap::default();
    map.update(instance, &[instance], &ids(instance), range(metric));
    map.update(instance, &[instance], &ids(instance), range(metric));
    assert!(!map.is_incomplete());
    map
}

#[test]
fn cells_show_when_a_server_became_slow_and_was_down() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    add_seconds(&mut instance, &mut builder, 0..60);
    let map = read(&instance, HeatMetric::ResponseTime);
    let [fast, slow, down, _] = ids(&instance)[..] else { panic!("four rows") };
    let cells = |id| map.cells(id).unwrap().iter().copied().collect::<Vec<_>>();
    assert!(cells(fast)[5..].iter().all(|cell| matches!(cell, HeatCell::Value(9.0..11.0))), "{:?}", cells(fast));
    assert!(matches!(cells(slow)[13], HeatCell::Value(..20.0)) && matches!(cells(slow)[17], HeatCell::Value(800.0..)));
    assert_eq!(cells(down)[20..25], [HeatCell::State(RowState::Down); 5]);
    assert!(matches!(cells(down)[26], HeatCell::Value(_)));
    assert_eq!(map.column_at(Duration::from_secs(59)), Some(29));
    assert_eq!((start_of_last(&map), map.column_at(Duration::from_secs(70))), (58, None));
}

#[test]
fn new_samples_lead_to_the_same_cells_as_the_history() {
    for metric in
        [HeatMetric::ResponseTime, HeatMetric::Share5xx, HeatMetric::Load, HeatMetric::Queue, HeatMetric::State]
    {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        add_seconds(&mut instance, &mut builder, 0..30);
        let mut map = read(&instance, metric);
        for second in 30..55 {
            add_seconds(&mut instance, &mut builder, second..second + 1);
            map.update(&instance, &[&instance], &ids(&instance), range(metric));
        }
        let expected = read(&instance, metric);
        for id in ids(&instance) {
            // Numbers are compared with a tolerance, because rates and history keep different earlier samples.
            let is_same = |(one, other): (&HeatCell, &HeatCell)| match (one, other) {
                (HeatCell::Value(one), HeatCell::Value(other)) => (one - other).abs() <= other.abs() * 0.01,
                (one, other) => one == other,
            };
            let (cells, expected) = (map.cells(id).unwrap(), expected.cells(id).unwrap());
            assert!(cells.iter().zip(expected).all(is_same), "{metric:?} {id:?}: {cells:?} {expected:?}");
        }
    }
}

#[test]
fn last_cell_is_the_value_of_the_row() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    add_seconds(&mut instance, &mut builder, 0..45);
    let sample = instance.latest().unwrap();
    for metric in [HeatMetric::ResponseTime, HeatMetric::Share5xx, HeatMetric::Load, HeatMetric::State] {
        let map = read(&instance, metric);
        for (index, id) in sample.rows.ids().iter().enumerate() {
            let current = metric.current(&RowView::new(&instance, sample, index));
            assert_eq!(map.cells(*id).unwrap().back(), Some(&current), "{metric:?} {index}");
        }
    }
}

#[test]
fn worst_rows_come_first() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    add_seconds(&mut instance, &mut builder, 0..45);
    let sample = instance.latest().unwrap();
    let order = |metric| {
        let mut rows: Vec<usize> = (0..4).collect();
        sort_worst_first(&instance, sample, metric, &mut rows);
        rows.iter().map(|row| sample.table.rows()[*row].name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(order(HeatMetric::ResponseTime)[..2], ["down", "slow"]);
    assert_eq!(order(HeatMetric::State)[0], "down");
}

#[test]
fn load_without_limit_and_maximum_is_unknown() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    for second in 0..60 {
        let stat = "# pxname,svname,type,status,scur,\nb,s,2,UP,7,\n";
        instance.add_sample(builder.build_at_millis(second * 1000, stat), 0);
    }
    let map = read(&instance, HeatMetric::Load);
    let cells = map.cells(ids(&instance)[0]).unwrap();
    assert!(cells.iter().all(|cell| *cell == HeatCell::Unknown), "{cells:?}");
}

#[test]
fn rows_of_one_severity_are_in_the_order_of_their_states() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    let states = ["DRAIN", "MAINT", "no check", "NOLB", "UP 1/3"];
    let rows = states.map(|state| format!("b,{state},2,{state},\n")).concat();
    instance.add_sample(builder.build_at_millis(0, &format!("# pxname,svname,type,status,\n{rows}")), 0);
    let sample = instance.latest().unwrap();
    let mut order: Vec<usize> = (0..states.len()).collect();
    let key = |row: &usize| instance.problems().worst_severity(sample.rows.ids()[*row]);
    assert!(order.iter().all(|row| key(row).is_none()), "no row has a problem");
    sort_worst_first(&instance, sample, HeatMetric::State, &mut order);
    assert_eq!(
        order.iter().map(|row| states[*row]).collect::<Vec<_>>(),
        ["UP 1/3", "MAINT", "DRAIN", "NOLB", "no check"]
    );
}

#[test]
fn map_of_the_past_stays_while_it_contains_the_moment() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    add_seconds(&mut instance, &mut builder, 0..200);
    let mut map = read(&instance, HeatMetric::State);
    let mut column = |step| {
        instance.show_moment(step);
        map.update(&instance, &[&instance], &ids(&instance), range(HeatMetric::State));
        (map.column_at(instance.shown().unwrap().at.monotonic), start_of_last(&map))
    };
    assert_eq!(column(PlaybackStep::Samples(-2)), (Some(28), 198));
    assert_eq!(column(PlaybackStep::Samples(-20)), (Some(18), 198));
    let (place, start) = column(PlaybackStep::Minutes(-2));
    assert!(place.is_some() && start < 150, "{place:?} {start}");
    let [.., down, _] = ids(&instance)[..] else { panic!("four rows") };
    let has_down = map.cells(down).unwrap().iter().any(|cell| *cell == HeatCell::State(RowState::Down));
    assert!(has_down, "the history of that time is shown");
}

#[test]
fn start_may_be_before_the_start_of_the_clock() {
    let range = HeatRange { metric: HeatMetric::Share5xx, span: Duration::from_mins(1), columns: 30 };
    let map = HeatMap::ending_at(range, Duration::from_secs(10));
    assert_eq!(map.start_seconds() as i64, -48);
    assert_eq!(map.column_at(Duration::ZERO), Some(24));
}

#[test]
fn update_never_panics_without_room_or_samples() {
    let mut map = HeatMap::default();
    map.update(&Instance::default(), &[], &[RowId::PROCESS], range(HeatMetric::Load));
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    add_seconds(&mut instance, &mut builder, 0..2);
    map.update(&instance, &[&instance], &ids(&instance), HeatRange { columns: 0, ..range(HeatMetric::Load) });
    assert_eq!((map.range(), map.column_at(Duration::ZERO), map.start_seconds()), (None, None, 0.0));
}
