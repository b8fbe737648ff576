//! Tests of rates: across reloads, cleared counters and processes that take turns.

use super::*;
use crate::observe::test_samples::{SampleBuilder, stat_with_server};

fn push(window: &mut RateWindow, builder: &mut SampleBuilder, at: u64, stot: i64) -> RowId {
    let sample = builder.build_at_millis(at, &stat_with_server("b", "s", stot));
    let id = sample.rows.ids()[0];
    window.push(sample);
    id
}

#[test]
fn rate_needs_two_samples() {
    let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
    let id = push(&mut window, &mut builder, 0, 100);
    assert_eq!(window.rate(id, Field::Stot), None);
    push(&mut window, &mut builder, 2000, 120);
    assert_eq!(window.rate(id, Field::Stot), Some(10.0));
    push(&mut window, &mut builder, 4000, 120);
    assert_eq!(window.rate(id, Field::Stot), Some(5.0), "over four seconds");
    push(&mut window, &mut builder, 6000, 120);
    assert_eq!(window.rate(id, Field::Stot), Some(0.0), "the growth has left the window");
}

#[test]
fn rate_is_none_until_cleared_counter_grows() {
    let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
    let id = push(&mut window, &mut builder, 0, 5000);
    push(&mut window, &mut builder, 1000, 6000);
    push(&mut window, &mut builder, 2000, 10);
    assert_eq!(window.rate(id, Field::Stot), None, "clear counters");
    push(&mut window, &mut builder, 3000, 30);
    assert_eq!(window.rate(id, Field::Stot), Some(20.0));
}

#[test]
fn rate_is_none_with_one_sample_of_each_process() {
    let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
    push(&mut window, &mut builder, 0, 200);
    builder.reload();
    let id = push(&mut window, &mut builder, 2000, 300);
    assert_eq!(window.rate(id, Field::Stot), None, "a larger counter of another process does not count");
    assert!(window.is_cut_by_reload() && window.span().is_none());
    push(&mut window, &mut builder, 3000, 400);
    builder.reload();
    push(&mut window, &mut builder, 60_000, 7);
    assert_eq!(window.rate(id, Field::Stot), None, "the old process was seen too long ago");
}

#[test]
fn w1_rate_joins_growth_within_each_process() {
    let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
    push(&mut window, &mut builder, 0, 100);
    push(&mut window, &mut builder, 1000, 200);
    builder.reload();
    let id = push(&mut window, &mut builder, 2000, 7);
    assert_eq!(window.growth(id, Field::Stot), Some((100, 1.0)), "the second between the processes does not count");
    assert!(window.is_cut_by_reload());
    push(&mut window, &mut builder, 3000, 67);
    assert_eq!(window.growth(id, Field::Stot), Some((160, 2.0)));
    assert_eq!(window.span(), Some(Duration::from_secs(2)));
    assert!(!window.is_cut_by_reload());
    push(&mut window, &mut builder, 4000, 10);
    push(&mut window, &mut builder, 5000, 14);
    assert_eq!(window.growth(id, Field::Stot), Some((4, 1.0)), "counters were cleared");
}

#[test]
fn rate_survives_reload_at_every_third_sample() {
    for interval in [500, 2000, 10_000] {
        let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
        for sample in 0..30_u64 {
            if sample % 3 == 0 {
                builder.reload();
            }
            let stot = (sample % 3 * interval / 100) as i64;
            let id = push(&mut window, &mut builder, sample * interval, stot);
            if sample > 0 {
                assert_eq!(window.rate(id, Field::Stot), Some(10.0), "{interval} {sample}");
            }
        }
    }
}

#[test]
fn rate_compares_each_of_two_processes_with_itself() {
    let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
    for second in 0..8_i64 {
        let (pid, stot) = if second % 2 == 0 { (100, 5000 + second * 30) } else { (200, second * 10) };
        builder.answer_as(pid);
        let id = push(&mut window, &mut builder, second as u64 * 1000, stot);
        let expected = match second {
            0 | 1 => None,
            2 => Some((60, 2.0)),
            3 => Some((80, 3.0)),
            // The last five samples: three of one process, two of the other.
            second if second % 2 == 0 => Some((120 + 20, 4.0)),
            _ => Some((60 + 40, 4.0)),
        };
        assert_eq!(window.growth(id, Field::Stot), expected, "{second}");
    }
}

#[test]
fn push_keeps_few_samples_over_full_span_at_short_intervals() {
    let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
    for step in 0..300 {
        push(&mut window, &mut builder, step * 100, i64::try_from(step).unwrap());
    }
    let id = window.newest().unwrap().rows.ids()[0];
    assert!(window.samples.len() <= MAX_SAMPLES);
    let (_, seconds) = window.growth(id, Field::Stot).unwrap();
    assert!((2.0..=5.0).contains(&seconds), "{seconds}");
    assert!((window.rate(id, Field::Stot).unwrap() - 10.0).abs() < 1e-9);
}

#[test]
fn push_keeps_fewer_large_samples() {
    for (bytes, expected) in [(1 << 20, MAX_SAMPLES), (2 << 20, 4), (4 << 20, MIN_SAMPLES), (1 << 30, 2)] {
        let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
        for second in 0..9 {
            let sample = builder.build_at_millis(second * 1000, &stat_with_server("b", "s", 10));
            let mut sample = Arc::into_inner(sample).unwrap();
            sample.cost.bytes = bytes;
            window.push(Arc::new(sample));
        }
        assert_eq!(window.samples.len(), expected, "{bytes}");
    }
}

#[test]
fn push_drops_huge_sample_before_small_ones() {
    let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
    let mut counts = Vec::new();
    for (second, bytes) in [1 << 30, 1 << 30, 1, 1, 1 << 30, 1, 1].into_iter().enumerate() {
        let sample = builder.build_at_millis(second as u64 * 1000, &stat_with_server("b", "s", 10));
        let mut sample = Arc::into_inner(sample).unwrap();
        sample.cost.bytes = bytes;
        window.push(Arc::new(sample));
        counts.push(window.samples.iter().filter(|sample| sample.cost.bytes > 1).count());
    }
    assert_eq!(counts, [1, 2, 1, 0, 1, 1, 0]);
}

#[test]
fn rate_uses_previous_sample_at_long_intervals() {
    let (mut window, mut builder) = (RateWindow::default(), SampleBuilder::default());
    let id = push(&mut window, &mut builder, 0, 0);
    push(&mut window, &mut builder, 60_000, 600);
    push(&mut window, &mut builder, 120_000, 600);
    assert_eq!(window.rate(id, Field::Stot), Some(0.0));
}
