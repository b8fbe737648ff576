//! Property tests: no sequence of samples causes a panic or inconsistent problems.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;

use crate::history::rates::RateWindow;
use crate::observe::test_samples::SampleBuilder;
use crate::problems::forecast::Forecasts;
use crate::problems::tracker::ProblemTracker;

proptest! {
    #[test]
    fn evaluate_never_panics_on_any_samples(
        samples in proptest::collection::vec(
            (0..20_000_u64, any::<bool>(), proptest::collection::vec((0..4_u8, 0..4_u8, 0..8_u8, any::<[i64; 6]>(), any::<[bool; 6]>()), 0..12)),
            1..12,
        ),
    ) {
        let (mut builder, mut rates, mut tracker) = (SampleBuilder::default(), RateWindow::default(), ProblemTracker::default());
        let mut now = 0;
        for (gap, reloads, rows) in samples {
            now += gap;
            if reloads {
                builder.reload();
            }
            let mut stat = "# pxname,svname,type,status,qcur,scur,hrsp_5xx,hrsp_2xx,econ,connect,stot,act,rtime,chkdown,qlimit,weight,cli_abrt,\n".to_owned();
            for (proxy, name, state, numbers, known) in rows {
                let name = ["FRONTEND", "BACKEND", "s1", "s2"][usize::from(name)];
                let kind = match name { "FRONTEND" => 0, "BACKEND" => 1, _ => 2 };
                let status = ["UP", "DOWN", "MAINT", "DRAIN", "no check", "UP 1/3", "OPEN", ""][usize::from(state)];
                let cell = |index: usize| if known[index] { numbers[index].to_string() } else { String::new() };
                let cells: Vec<String> = (0..13).map(|index| cell(index % 6)).collect();
                let _ = writeln!(stat, "p{proxy},{name},{kind},{status},{},", cells.join(","));
                builder.info = format!("CurrConns: {}\nRun_queue: {}\nNbthread: {}\nPoolFailed: {}\nIdle_pct: {}\n", numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
            }
            let sample = builder.build_at_millis(now, &stat);
            rates.push(Arc::clone(&sample));
            let changes = tracker.evaluate(&sample, &rates, &Forecasts::default());
            prop_assert!(changes.opened.len() + changes.worsened.len() <= tracker.count());
            prop_assert_eq!(tracker.iter().count(), tracker.count());
            for problem in tracker.iter() {
                prop_assert!(!problem.text.is_empty());
                prop_assert!(tracker.for_row(problem.subject.id).any(|other| other.rule.id == problem.rule.id));
            }
            prop_assert!(tracker.causes().all(|cause| !cause.sentence.is_empty()));
        }
    }
}
