//! Whatever HAProxy may say, nothing panics and nothing is lost count of.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;

use crate::history::rates::Window;
use crate::observe::test_samples::SampleMaker;
use crate::problems::tracker::Problems;

proptest! {
    #[test]
    fn no_sequence_of_samples_panics(
        samples in proptest::collection::vec(
            (0..20_000_u64, any::<bool>(), proptest::collection::vec((0..4_u8, 0..4_u8, 0..8_u8, any::<[i64; 6]>(), any::<[bool; 6]>()), 0..12)),
            1..12,
        ),
    ) {
        let (mut maker, mut window, mut problems) = (SampleMaker::default(), Window::default(), Problems::default());
        let mut now = 0;
        for (gap, reloads, rows) in samples {
            now += gap;
            if reloads {
                maker.reload();
            }
            let mut stat = "# pxname,svname,type,status,qcur,scur,hrsp_5xx,hrsp_2xx,econ,connect,stot,act,rtime,chkdown,qlimit,weight,cli_abrt,\n".to_owned();
            for (proxy, name, state, numbers, known) in rows {
                let name = ["FRONTEND", "BACKEND", "s1", "s2"][usize::from(name)];
                let kind = match name { "FRONTEND" => 0, "BACKEND" => 1, _ => 2 };
                let status = ["UP", "DOWN", "MAINT", "DRAIN", "no check", "UP 1/3", "OPEN", ""][usize::from(state)];
                let cell = |place: usize| if known[place] { numbers[place].to_string() } else { String::new() };
                let cells: Vec<String> = (0..13).map(|place| cell(place % 6)).collect();
                let _ = writeln!(stat, "p{proxy},{name},{kind},{status},{},", cells.join(","));
                maker.info = format!("CurrConns: {}\nRun_queue: {}\nNbthread: {}\nPoolFailed: {}\nIdle_pct: {}\n", numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
            }
            let sample = maker.at_millis(now, &stat);
            window.push(Arc::clone(&sample));
            let changes = problems.look(&sample, &window);
            prop_assert!(changes.opened.len() + changes.worsened.len() <= problems.count());
            prop_assert_eq!(problems.list().count(), problems.count());
            for problem in problems.list() {
                prop_assert!(!problem.text.is_empty());
                prop_assert!(problems.of(problem.subject.id).any(|other| other.rule.id == problem.rule.id));
            }
            prop_assert!(problems.verdicts().iter().all(|verdict| !verdict.text.is_empty()));
        }
    }
}
