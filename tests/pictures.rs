//! The pictures in `assets/`, drawn from the real binary and the demo.
//!
//! This command draws them again:
//!
//! ```sh
//! HAPULSE_PICTURES=assets cargo test --release --test pictures
//! ```
//!
//! Without `HAPULSE_PICTURES` the test draws them into a temporary directory, with a shorter history, and checks that
//! the screen and the files in `assets/` show the words of their scene.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use support::Term;
use support::svg::{DARK, render_svg};

/// A picture: its file, its title, the keys that open it (`=` waits a while) and words that it must show.
struct Scene {
    file: &'static str,
    title: &'static str,
    keys: &'static [&'static str],
    words: &'static [&'static str],
}

const SCENES: [Scene; 4] = [
    Scene {
        file: "dashboard.svg",
        title: "The dashboard: process, problems, frontends, backends, servers, charts and events",
        keys: &["-"],
        words: &["Frontends", "Backends", "Servers of", "Events", "problems", "CRIT legacy", "ADMIN", "D drain"],
    },
    Scene {
        file: "latency.svg",
        title: "View 6: queue, connect, response and total time of every row",
        keys: &["6"],
        words: &["6 Latency", "RTIME", "CTIME", "QTIME", "www1"],
    },
    Scene {
        file: "drain.svg",
        title: "The confirmation before a server is drained: the exact command and the remaining servers",
        keys: &["6", "/www2<ret>", "D"],
        words: &["Drain: www / www2", "set server www/www2 state drain", "usable", "y yes"],
    },
    Scene {
        file: "since.svg",
        title: "What changed before and after a marked moment, the most unusual change first",
        keys: &["m", "=", "S"],
        words: &["[mark]", "live"],
    },
];

#[test]
fn pictures_match_current_screens() {
    let target = std::env::var_os("HAPULSE_PICTURES").map(PathBuf::from);
    let temporary = tempfile::tempdir().unwrap();
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let directory = target.as_ref().map_or(temporary.path(), |_| &assets);
    fs::create_dir_all(directory).unwrap();
    let mut term = Term::builder().args(["demo", "-i", "0.5"]).size(120, 34).start();
    term.wait_for("live");
    term.wait_for("CRIT legacy");
    // The pictures in assets/ need a longer history.
    let history_time = Duration::from_secs(if target.is_some() { 75 } else { 1 });
    thread::sleep(history_time);
    for scene in &SCENES {
        for keys in scene.keys {
            if *keys == "=" {
                thread::sleep(history_time / 3);
            } else {
                // A key that opens a question is ignored in a burst of keys.
                term.wait_input_read();
                term.press(keys);
            }
        }
        let has_all = |screen: &str| scene.words.iter().all(|word| screen.contains(word));
        term.wait_until(has_all);
        term.settled_screen();
        let svg = term.with_screen(|screen| render_svg(screen, scene.title, &DARK));
        fs::write(directory.join(scene.file), &svg).unwrap();
        let kept = fs::read_to_string(assets.join(scene.file)).unwrap();
        assert!(kept.contains(&format!("<title>{}</title>", scene.title)), "{}: {DRAW_AGAIN}", scene.file);
        assert!(has_all(&svg_text(&kept)), "{}: {DRAW_AGAIN}", scene.file);
        term.press("<esc><esc>0");
    }
    term.press("q");
    assert_eq!(term.exit_code(), 0);
}

const DRAW_AGAIN: &str = "draw it again: HAPULSE_PICTURES=assets cargo test --release --test pictures";

/// Returns the text of an SVG picture, line by line.
fn svg_text(svg: &str) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for element in svg.lines().filter(|line| line.starts_with("<text ")) {
        let attribute = |name: &str| element.split(&format!(" {name}=\"")).nth(1)?.split('"').next();
        let (Some(x), Some(y)) = (attribute("x"), attribute("y")) else { continue };
        let body = element.split('>').nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
        let body = body.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        if lines.last().is_none_or(|(line, _)| line != y) {
            lines.push((y.to_owned(), String::new()));
        }
        let line = &mut lines.last_mut().unwrap().1;
        let column = ((x.parse::<f32>().unwrap() - 12.0) / 8.4).round() as usize;
        line.push_str(&" ".repeat(column.saturating_sub(line.chars().count())));
        line.push_str(&body);
    }
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}
