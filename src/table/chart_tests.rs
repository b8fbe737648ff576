//! Tests of whole charts: their values, gaps, servers, marks and range.

use std::time::Duration;

use crate::instance::past_moment::PlaybackStep;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::{SampleBuilder, stat_of_site};
use crate::table::chart_lines::ChartRange;
use crate::table::chart_marks::MarkKind;
use crate::table::chart_picture::{ChartBuilder, ChartPicture, default_chart};
use crate::table::chart_table::{self, ChartSource, MetricId};
use crate::table::chart_values::ChartReader;
use crate::table::columns::column_table;
use crate::table::columns::row_view::RowView;

const SPAN: Duration = Duration::from_mins(10);

/// Returns the site at a step: counters grow, sessions and queues change.
fn site_at(step: u64) -> String {
    let replace = |text: String, from: &str, to: String| text.replace(from, &to);
    let stat = replace(stat_of_site(), "api,api1,4,50,", format!("api,api1,{},{},", step % 7, 10 + step * 2));
    let stat =
        replace(stat, "0,0,0,4500,L7OK,,,4450", format!("0,0,0,{},L7OK,,,{}", 4500 + step * 30, 4450 + step * 30));
    let stat =
        replace(stat, "0,0,1,4500,L7OK,,,4450", format!("0,0,{step},{},L7OK,,,{}", 4500 + step * 9, 4450 + step * 8));
    replace(stat, "600,0,0,,9,0,0,0,L4CON", format!("600,0,0,,{},0,0,0,L4CON", 9 + step * 3))
}

/// Returns an instance with a sample at each of these seconds.
fn instance_at(seconds: impl IntoIterator<Item = u64>) -> (Instance, SampleBuilder) {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    for second in seconds {
        instance.add_sample(builder.build_at_millis(second * 1000, &site_at(second)), 0);
    }
    (instance, builder)
}

fn row(instance: &Instance, index: usize) -> RowView<'_> {
    RowView::new(instance, instance.shown().unwrap(), index)
}

fn picture(instance: &Instance, index: usize, metric: MetricId, count: usize) -> ChartPicture {
    ChartBuilder::new(instance, SPAN, count).unwrap().picture(metric.chart(), &row(instance, index))
}

#[test]
fn newest_value_of_every_chart_is_the_number_of_the_cell() {
    let (mut instance, mut builder) = instance_at(0..8);
    builder.reload();
    for second in [9, 10, 11] {
        instance.add_sample(builder.build_at_millis(second * 1000, &site_at(second)), 0);
    }
    let mut compared = 0;
    for index in 0..instance.shown().unwrap().rows.ids().len() {
        let row = row(&instance, index);
        let newest = instance.shown().unwrap().at.monotonic;
        let reader = ChartReader::new(&instance, Duration::ZERO, newest, 100);
        let builder = ChartBuilder::new(&instance, SPAN, 100).unwrap();
        for chart in chart_table::all_charts_of(row) {
            let line = builder.line(chart, &row);
            assert_eq!(line.points[99], chart.number(&row), "{} {}", line.name, chart.title);
            assert_eq!(line.cell, chart.column_of(&row).cell(&row));
            // What the history has is what the cell shows, not only the point that is set from the cell.
            if !matches!(chart.source, ChartSource::Time(_) | ChartSource::ResponseTime) {
                let stored = reader.values(chart, &row).last().copied();
                assert_eq!(stored, Some((newest, chart.number(&row))), "{} {}", line.name, chart.title);
                compared += usize::from(chart.number(&row).is_some());
            }
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn sessions_of_a_backend_are_those_of_the_dashboard_column() {
    let (instance, _) = instance_at(0..3);
    let sessions = MetricId::Sessions.chart();
    assert_eq!(sessions.column_of(&row(&instance, 3)).id, column_table::SESSIONS.id);
    assert_eq!(sessions.cell(&row(&instance, 3)).text, "812");
    assert_eq!(sessions.cell(&row(&instance, 1)).text, "400");
    assert_eq!((sessions.limit(&row(&instance, 3)), sessions.limit(&row(&instance, 0))), (None, Some(2000.0)));
}

#[test]
fn picture_leaves_gaps_while_nothing_was_known() {
    let (instance, _) = instance_at((0..30).chain(50..61));
    let chart = picture(&instance, 4, MetricId::Sessions, 60);
    assert_eq!(chart.range.span, Duration::from_mins(1));
    let is_known = |second: usize| chart.line.points[second - 1].is_some();
    assert!(is_known(10) && is_known(29) && is_known(51) && is_known(60));
    assert!((31..50).all(|second| !is_known(second)), "{:?}", chart.line.points);
}

#[test]
fn picture_of_a_backend_compares_its_servers() {
    let (instance, _) = instance_at(0..20);
    let chart = picture(&instance, 7, MetricId::Sessions, 40);
    let outlier = chart.outlier.unwrap();
    assert_eq!(outlier.name, "api1", "10 to 48 sessions, and its peers 3 and 0");
    let band = chart.band.unwrap();
    assert_eq!(
        (band.names, band.counts, band.points[39]),
        (vec!["api2".to_owned(), "api3".to_owned()], (2, 2), Some((0.0, 3.0)))
    );
    assert!(chart.scale.top() >= 53.0, "all lines share one scale");
    let of_server = picture(&instance, 4, MetricId::Sessions, 40);
    assert!(of_server.outlier.is_none() && of_server.band.is_none());
    assert_eq!(of_server.limit, Some(50.0));
}

#[test]
fn range_is_as_long_as_the_history_and_round() {
    let span = |seconds: u64| {
        let (instance, _) = instance_at((0..=seconds).step_by(5));
        ChartRange::new(&instance, SPAN).unwrap().span.as_secs()
    };
    assert_eq!([span(0), span(20), span(65), span(3000)], [60, 60, 90, 600]);
}

#[test]
fn picture_of_the_past_shows_its_moment_and_what_came_after() {
    let (mut instance, _) = instance_at(0..=600);
    assert!(instance.show_moment(PlaybackStep::Time(Duration::from_mins(5))));
    let chart = picture(&instance, 4, MetricId::Queue, 600);
    assert_eq!((chart.range.cursor, chart.range.is_newest), (Some(Duration::from_mins(5)), true));
    let cursor = chart.cursor.unwrap();
    assert_eq!(chart.line.points[cursor], Some(f64::from(300 % 7)));
    assert_eq!(chart.line.cell.text, (300 % 7).to_string());
    assert!(chart.line.points[cursor + 10].is_some(), "later samples stay visible");
}

#[test]
fn picture_marks_reloads_and_the_marked_moment() {
    let (mut instance, mut builder) = instance_at(0..10);
    instance.mark_shown_moment();
    builder.reload();
    for second in 10..60 {
        instance.add_sample(builder.build_at_millis(second * 1000, &site_at(second)), 0);
    }
    let marks = picture(&instance, 0, MetricId::Sessions, 60).marks;
    let found = |kind: MarkKind| marks.iter().find(|(_, known)| *known == kind).map(|(point, _)| *point);
    assert_eq!((found(MarkKind::Moment), found(MarkKind::Reload)), (Some(9), Some(10)));
}

#[test]
fn default_chart_is_not_flat_if_another_chart_shows_something() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    for second in 0..30 {
        // The sessions and the queue of api1 stay the same, and its requests change.
        let stat = stat_of_site().replace("api,BACKEND,4,", "api,BACKEND,40,");
        let requests = 4450 + second * 10 + second % 5;
        let stat = stat.replace("0,0,0,4500,L7OK,,,4450", &format!("0,0,0,4500,L7OK,,,{requests}"));
        instance.add_sample(builder.build_at_millis(second * 1000, &stat), 0);
    }
    let backend = row(&instance, 7);
    assert_eq!(chart_table::chart_of_problem(backend).unwrap().title, "queue", "it is too long all the time");
    let line = |metric| picture(&instance, 7, metric, 60).line;
    assert!(line(MetricId::Queue).is_constant());
    let chosen = default_chart(backend, SPAN).unwrap();
    let changes = |metric| {
        let points: std::collections::BTreeSet<u64> =
            line(metric).points.iter().flatten().map(|value| value.to_bits()).collect();
        points.len() > 1
    };
    let is_any = chart_table::charts_of(backend).any(|chart| changes(chart.id));
    assert_eq!(changes(chosen.id), is_any, "{}", chosen.title);
    let (changing, _) = instance_at(0..30);
    let chosen = default_chart(row(&changing, 4), SPAN).unwrap();
    assert!(!picture(&changing, 4, chosen.id, 60).line.is_constant(), "{}", chosen.title);
}

#[test]
fn chart_of_problem_shows_what_is_wrong() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    for second in 0..30 {
        let stat = stat_of_site().replace("api,BACKEND,4,", "api,BACKEND,40,");
        instance.add_sample(builder.build_at_millis(second * 1000, &stat), 0);
    }
    let metric = |index: usize| chart_table::chart_of_problem(row(&instance, index)).map(|chart| chart.id);
    assert_eq!(metric(7), Some(MetricId::Queue));
    assert_eq!(metric(1), Some(MetricId::Sessions), "nothing is wrong with w1");
    assert!(ChartBuilder::new(&instance, SPAN, 0).is_none());
    assert!(instance.shown().unwrap().rows.index_of(RowId::PROCESS).is_none());
}
