//! Tests of the figures of windows.

use std::time::Duration;

use crate::haproxy::fields::Field;
use crate::history::moving_mean::MeanKind;
use crate::history::store::History;
use crate::history::window_figures::*;
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::SampleBuilder;

const ROW: usize = 0;

fn window(start: u64, end: u64) -> TimeWindow {
    TimeWindow { start: Duration::from_secs(start), end: Duration::from_secs(end) }
}

/// Stores a server's samples: seconds, requests, 5xx, sessions. `None` is a reload.
fn figures(samples: &[Option<(u64, i64, i64, i64)>], windows: &[TimeWindow]) -> Vec<WindowFigures> {
    let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
    let mut id = None;
    for sample in samples {
        let Some((second, requests, errors, sessions)) = sample else {
            builder.reload();
            continue;
        };
        let stat = format!(
            "# pxname,svname,scur,stot,req_tot,hrsp_2xx,hrsp_5xx,type,status,\nb,s,{sessions},{requests},{requests},{},\
             {errors},2,UP,\n",
            requests - errors
        );
        let sample = builder.build_at_millis(second * 1000, &stat);
        id = Some(sample.rows.ids()[ROW]);
        history.push(&sample);
    }
    let row = MeasuredRow { id: id.unwrap(), is_tcp: false, kind: Some(MeanKind::PlainBelowWindow) };
    read(&history, row, windows)
}

#[test]
fn read_adds_up_counters_and_levels_of_each_window() {
    let samples = [(0, 0, 0, 1), (10, 100, 0, 3), (20, 200, 0, 5), (30, 500, 30, 9), (40, 500, 30, 11)];
    let read = figures(&samples.map(Some), &[window(0, 20), window(20, 40)]);
    let shown = |figures: &WindowFigures| {
        let [requests, errors] = [Field::ReqTot, Field::Hrsp5xx].map(|field| figures.growth(field));
        (figures.seconds, requests, errors, figures.level(Field::Scur))
    };
    assert_eq!(shown(&read[0]), (20.0, Some(200), Some(0), Some(4.0)));
    assert_eq!(shown(&read[1]), (20.0, Some(300), Some(30), Some(10.0)));
}

#[test]
fn read_counts_the_samples_of_each_level() {
    let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
    let mut id = None;
    for (second, queue) in [(0, ""), (10, ""), (20, "6"), (30, "8")] {
        let stat = format!("# pxname,svname,scur,qcur,type,status,\nb,s,4,{queue},2,UP,\n");
        let sample = builder.build_at_millis(second * 1000, &stat);
        id = Some(sample.rows.ids()[ROW]);
        history.push(&sample);
    }
    let read = read(&history, MeasuredRow { id: id.unwrap(), is_tcp: false, kind: None }, &[window(0, 30)]);
    assert_eq!((read[0].level(Field::Scur), read[0].level(Field::Qcur)), (Some(4.0), Some(7.0)));
}

#[test]
fn add_servers_leaves_out_absent_servers_and_does_not_hide_unknown_queues() {
    // The queue of a server in each sample; `None` is a sample without the server.
    let backend_queue = |queues: [Option<&str>; 4]| {
        let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
        let mut ids = Vec::new();
        for (second, queue) in (0..).zip(queues) {
            let server = queue.map_or_else(String::new, |queue| format!("b,s,1,{queue},2,UP,\n"));
            let stat = format!("# pxname,svname,scur,qcur,type,status,\nb,BACKEND,1,3,1,UP,\n{server}");
            let sample = builder.build_at_millis(second * 10_000, &stat);
            if sample.rows.ids().len() > ids.len() {
                ids = sample.rows.ids().to_vec();
            }
            history.push(&sample);
        }
        let figures =
            |id: RowId| read(&history, MeasuredRow { id, is_tcp: false, kind: None }, &[window(0, 30)]).remove(0);
        let (mut backend, mut sums) = (figures(ids[0]), ServerSums::default());
        ids[1..].iter().for_each(|server| sums.add(&figures(*server)));
        backend.add_servers(&sums);
        backend.level(Field::Qcur)
    };
    assert_eq!(backend_queue([Some("6"); 4]), Some(9.0));
    assert_eq!(backend_queue([None, None, Some("6"), Some("6")]), Some(7.0), "6 in two of three samples");
    assert_eq!(backend_queue([None; 4]), Some(3.0));
    assert_eq!(backend_queue([Some("6"), Some("6"), Some(""), Some("6")]), None);
}

#[test]
fn read_leaves_out_the_time_without_the_row() {
    let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
    let mut id = None;
    for (second, total) in [(0, Some(0)), (10, Some(100)), (20, None), (30, Some(7)), (40, Some(27))] {
        let server = total.map_or_else(String::new, |total| format!("b,s,{total},2,UP,\n"));
        let sample = builder
            .build_at_millis(second * 1000, &format!("# pxname,svname,stot,type,status,\nb,x,9,2,UP,\n{server}"));
        id = id.or(sample.rows.ids().get(1).copied());
        history.push(&sample);
    }
    let read = read(&history, MeasuredRow { id: id.unwrap(), is_tcp: false, kind: None }, &[window(0, 40)]);
    assert_eq!((read[0].seconds, read[0].growth(Field::Stot)), (20.0, Some(120)));
}

#[test]
fn read_counts_servers_that_checks_took_down_and_not_maintenance() {
    let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
    let mut id = None;
    // Two times in maintenance, then one time down by its checks.
    for (second, downs, fails, status) in
        [(0, 2, 9, "UP"), (10, 3, 9, "MAINT"), (20, 4, 9, "MAINT"), (30, 4, 10, "UP"), (40, 5, 13, "DOWN")]
    {
        let stat = format!("# pxname,svname,chkdown,chkfail,type,status,\nb,s,{downs},{fails},2,{status},\n");
        let sample = builder.build_at_millis(second * 1000, &stat);
        id = Some(sample.rows.ids()[ROW]);
        history.push(&sample);
    }
    let row = MeasuredRow { id: id.unwrap(), is_tcp: false, kind: None };
    let read = read(&history, row, &[window(0, 20), window(0, 40)]);
    assert_eq!(read.iter().map(|read| read.growth(Field::Chkdown)).collect::<Vec<_>>(), [Some(0), Some(1)]);
}

#[test]
fn read_leaves_out_reloads_and_cleared_counters() {
    let samples = [Some((0, 900, 0, 1)), Some((10, 1000, 0, 1)), None, Some((20, 40, 0, 1)), Some((30, 70, 0, 1))];
    let read = figures(&samples, &[window(0, 30), window(10, 20)]);
    assert_eq!((read[0].seconds, read[0].growth(Field::ReqTot)), (20.0, Some(130)), "10 s are unknown");
    assert_eq!((read[1].seconds, read[1].growth(Field::ReqTot)), (0.0, None), "unknown is not 0");
    let cleared = [(0, 900, 9, 1), (10, 5, 0, 1), (20, 15, 0, 1)];
    let read = figures(&cleared.map(Some), &[window(0, 20)]);
    assert_eq!((read[0].seconds, read[0].growth(Field::ReqTot)), (10.0, Some(10)));
}

#[test]
fn read_knows_nothing_outside_history() {
    let read = figures(&[Some((50, 1, 0, 1)), Some((60, 9, 0, 1))], &[window(0, 40)]);
    assert_eq!(read[0], WindowFigures::default());
    assert_eq!((read[0].level(Field::Scur), read[0].time(Field::Rtime)), (None, None));
}
