//! Tests of the forecasts: steady growth, noise, steps, reloads, and their bounds.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use crate::history::slope::Point;
use crate::history::store::History;
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::test_samples::SampleBuilder;
use crate::problems::forecast::{Forecasts, forecast_words, project};

/// Stores samples as an instance does, and makes the forecasts for each.
struct Site {
    builder: SampleBuilder,
    history: History,
}

impl Default for Site {
    fn default() -> Self {
        Self { builder: SampleBuilder::default(), history: History::new(4 << 20) }
    }
}

impl Site {
    fn add(&mut self, second: u64, stat: &str) -> (Arc<Sample>, Forecasts) {
        let sample = self.builder.build_at_millis(second * 1000, stat);
        let forecasts = Forecasts::from_sample(&sample, &self.history);
        self.history.push(&sample);
        (sample, forecasts)
    }

    /// Adds a sample in which a frontend with a limit of 100 has this number of connections, and returns the words of
    /// its forecast.
    fn add_frontend(&mut self, second: u64, connections: i64) -> Option<String> {
        let (sample, forecasts) = self.add(second, &stat_of_frontend(connections));
        forecasts.for_row(sample.rows.ids()[0]).first().map(forecast_words)
    }
}

fn stat_of_frontend(connections: i64) -> String {
    format!("# pxname,svname,scur,slim,status,type,\nfe_tcp,FRONTEND,{connections},100,OPEN,0,\n")
}

fn ramp(per_second: f64, seconds: u64, step: u64, base: f64) -> Vec<Point> {
    (0..=seconds).step_by(step as usize).map(|at| (at as f64, base + at as f64 * per_second)).collect()
}

#[test]
fn forecast_of_filling_frontend_names_time_and_growth() {
    let mut site = Site::default();
    let words: Vec<Option<String>> =
        (0..=100).step_by(2).map(|second| site.add_frontend(second, second as i64)).collect();
    assert_eq!(words[..15], vec![None; 15], "below 30 % and with a short climb");
    assert_eq!(words[39].as_deref(), Some("78 of 100 connections, full in 22 s at +1/s"));
    assert_eq!(words[50].as_deref(), Some("100 of 100 connections, full"));
}

#[test]
fn forecast_sees_climb_after_long_steady_load() {
    let mut site = Site::default();
    for second in (0..300).step_by(2) {
        assert_eq!(site.add_frontend(second, 32 + (second as i64 / 2) % 3), None, "{second}");
    }
    let words: Vec<Option<String>> =
        (0..60).step_by(2).map(|second| site.add_frontend(300 + second, 34 + second as i64)).collect();
    assert_eq!(words[29].as_deref(), Some("92 of 100 connections, full in 8 s at +1/s"));
}

#[test]
fn forecast_is_unknown_after_step_and_for_sawtooth() {
    let mut site = Site::default();
    for second in (0..240).step_by(2) {
        let connections = if second < 100 { 40 } else { 70 };
        assert_eq!(site.add_frontend(second, connections), None, "{second}");
    }
    let mut site = Site::default();
    let mut later = Vec::new();
    for second in (0..600).step_by(2) {
        let words = site.add_frontend(second, 20 + (second as i64 % 60));
        later.extend(words.filter(|_| second > 60));
    }
    assert_eq!(later, [""; 0], "a load that falls again every minute does not fill the frontend");
}

#[test]
fn forecast_starts_again_after_reload() {
    let mut site = Site::default();
    for second in (0..60).step_by(2) {
        site.add_frontend(second, second as i64);
    }
    assert!(site.add_frontend(60, 60).is_some());
    site.builder.reload();
    assert_eq!(site.add_frontend(62, 62), None);
}

#[test]
fn forecast_covers_process_backend_and_server() {
    let mut site = Site::default();
    let mut last = Forecasts::default();
    let mut ids = Vec::new();
    for second in (0..=60).step_by(2) {
        site.builder.info = format!("CurrSslConns: {}\nMaxSslConns: 100\n", second + 20);
        let stat = format!(
            "# pxname,svname,qcur,qlimit,scur,slim,status,weight,act,bck,type,\n\
             b,s1,{},100,{},50,UP,1,1,0,2,\nb,s2,0,,{},50,UP,1,1,0,2,\nb,BACKEND,0,,{},200,UP,2,2,0,1,\n",
            second + 10,
            second / 2,
            second / 2 + 6,
            second + 6,
        );
        let (sample, forecasts) = site.add(second, &stat);
        (last, ids) = (forecasts, sample.rows.ids().to_vec());
    }
    let words = |id| last.for_row(id).iter().map(forecast_words).collect::<Vec<_>>();
    assert_eq!(words(RowId::PROCESS), ["80 of 100 TLS connections, full in 20 s at +1/s"]);
    assert_eq!(
        words(ids[0]),
        ["70 of 100 queued requests, full in 30 s at +1/s", "30 of 50 sessions, full in 40 s at +0.5/s"]
    );
    assert_eq!(words(ids[1]), ["36 of 50 sessions, full in 28 s at +0.5/s"]);
    assert_eq!(words(ids[2]), ["66 of 100 sessions of its servers, full in 34 s at +1/s"]);
    assert_eq!(last.iter().count(), 5);
}

#[test]
fn forecast_reads_history_of_few_rows_only() {
    let mut site = Site::default();
    let mut last = Forecasts::default();
    for second in (0..=60).step_by(2) {
        let mut stat = "# pxname,svname,scur,slim,status,weight,act,bck,type,\n".to_owned();
        for server in 0..300 {
            stat += &format!("b,s{server},{},{},UP,1,1,0,2,\n", second + 10, 100 + server);
        }
        stat += "b,BACKEND,0,,UP,300,300,0,1,\n";
        last = site.add(second, &stat).1;
    }
    assert_eq!(last.iter().count(), 100, "those nearest to their limits");
    assert!(last.iter().all(|(_, forecast)| forecast.maximum < 200));
}

/// Simulates connections that arrive at random and last `mean_seconds` on average: a steady, noisy load.
fn simulate_load(seed: u64, mean: f64, mean_seconds: f64, count: u64) -> Vec<i64> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut open = mean.round() as i64;
    let mut values = Vec::new();
    for _ in 0..count {
        // Ten steps per sample of 2 s.
        for _ in 0..10 {
            let ended = (0..open).filter(|_| random.f64() < 0.2 / mean_seconds).count() as i64;
            let expected = mean * 0.2 / mean_seconds;
            let (mut arrived, mut product) = (0, random.f64());
            while product > (-expected).exp() {
                arrived += 1;
                product *= random.f64();
            }
            open += arrived - ended;
        }
        values.push(open);
    }
    values
}

#[test]
fn forecast_is_unknown_for_steady_noisy_load() {
    let (mut wrong, mut all) = (0, 0);
    for (seed, mean_seconds) in [0.5, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0].into_iter().enumerate() {
        let mut site = Site::default();
        for (index, connections) in simulate_load(seed as u64, 50.0, mean_seconds, 900).into_iter().enumerate() {
            all += 1;
            wrong += i32::from(connections < 100 && site.add_frontend(index as u64 * 2, connections).is_some());
        }
    }
    assert!(wrong * 500 < all, "{wrong} of {all}");
}

proptest! {
    #[test]
    fn forecast_of_steady_growth_is_right(
        per_second in 0.2..40.0_f64,
        base in 0.0..50.0_f64,
        seconds in 60..280_u64,
        rest in 5.0..120.0_f64,
        noise in prop::collection::vec(-1.0..1.0_f64, 300),
    ) {
        let mut points = ramp(per_second, seconds, 2, base);
        for ((_, value), noise) in points.iter_mut().zip(&noise) {
            *value += noise * per_second * 2.0;
        }
        let maximum = base + (seconds as f64 + rest) * per_second;
        // Noise may hide a slow growth.
        let found = project(&points, maximum);
        let Some((growth, time)) = found else { return Ok(()) };
        prop_assert!((growth / per_second - 1.0).abs() < 0.25, "{growth}");
        prop_assert!((time - rest).abs() <= rest * 0.25 + 3.0, "{time} instead of {rest}");
    }

    #[test]
    fn forecast_of_exact_growth_is_known(per_second in 0.5..1e6_f64, seconds in 40..300_u64, step in 1..5_u64) {
        let points = ramp(per_second, seconds, step, 0.0);
        let last = points.last().unwrap();
        let (growth, time) = project(&points, last.1 + per_second * 30.0).unwrap();
        prop_assert!((growth / per_second - 1.0).abs() < 1e-6 && (time - 30.0).abs() < 1e-3);
    }

    #[test]
    fn forecast_never_panics_and_is_never_negative(
        values in prop::collection::vec(any::<i64>(), 0..200),
        step in 1..30_u64,
        maximum in 1..i64::MAX,
    ) {
        let points: Vec<Point> =
            values.iter().enumerate().map(|(at, value)| ((at as u64 * step) as f64, *value as f64)).collect();
        if let Some((growth, time)) = project(&points, maximum as f64) {
            prop_assert!(growth > 0.0 && time >= 0.0 && time.is_finite());
            let _ = Duration::from_secs_f64(time);
        }
    }
}
