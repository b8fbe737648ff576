//! An idle screen writes nothing: without keys and samples, no view counts seconds. A sample is drawn as one frame, together
//! with what is computed from it in parts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use support::{DEADLINE, Term};

/// Keys that open one view or page after the other, for each dashboard; the last one shows the past.
const PAGES: [&[&str]; 4] = [
    &["0", "1", "2", "3", "4"],
    &["6", "7", "8", "9", "T"],
    &["S", "A", "!", "?", "<esc>:"],
    &["p<left>", "1", "T", "S"],
];
/// Time without output after which a screen is idle: longer than any notice is shown.
const IDLE: Duration = Duration::from_secs(7);
/// Sequence at the start of each frame.
const FRAME: &str = "\x1b[?2026h";
/// Size of a frame above which it shows a sample. A key only updates ages.
const SAMPLE_BYTES: usize = 150;
/// Number of samples, of which one must be a single frame: on a busy machine, the deferred work may take too long.
const TRIES: usize = 4;

/// Starts the demo with its history and a single sample.
fn start_demo(size: (u16, u16)) -> Term {
    let term = Term::builder().args(["demo", "-i", "3600"]).size(size.0, size.1).start();
    term.wait_for("live");
    term
}

/// Waits until nothing was written for [`IDLE`].
fn wait_until_idle(term: &Term, page: &str) {
    let end = Instant::now() + DEADLINE.max(IDLE * 5);
    let (mut written, mut since) = (term.raw().len(), Instant::now());
    while since.elapsed() < IDLE {
        let now = term.raw().len();
        if now != written {
            (written, since) = (now, Instant::now());
        }
        assert!(Instant::now() < end, "{page} never stops writing");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn idle_screens_write_nothing_in_any_view() {
    thread::scope(|scope| {
        for pages in PAGES {
            scope.spawn(move || {
                let mut term = start_demo((120, 40));
                for page in pages {
                    term.press(page);
                    wait_until_idle(&term, page);
                }
            });
        }
    });
}

#[test]
fn a_sample_is_one_frame_in_the_views_that_read_the_history() {
    let mut term = start_demo((120, 40));
    for page in ["0", "1", "T", "S"] {
        term.press(page);
        wait_until_idle(&term, page);
        let mut frames = Vec::new();
        while !frames.contains(&1) {
            assert!(frames.len() < TRIES, "{page}: frames per sample: {frames:?}");
            let before = term.raw().len();
            // A single sample, on request.
            term.press("r");
            wait_until_idle(&term, page);
            let output = String::from_utf8_lossy(&term.raw()[before..]).into_owned();
            frames.push(output.split(FRAME).filter(|frame| frame.len() > SAMPLE_BYTES).count());
        }
    }
}
