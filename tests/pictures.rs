//! The pictures in `assets/` and the page `docs/gallery.md`, drawn from the real binary and the demo.
//!
//! This command draws them again:
//!
//! ```sh
//! HAPULSE_PICTURES=assets cargo test --release --test pictures
//! ```
//!
//! Without `HAPULSE_PICTURES` the tests draw into a temporary directory and check that the screens and the files in
//! `assets/` show the words of their scene.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use support::Term;
use support::svg::{DARK, Film, LIGHT, TerminalColors, render_svg};

/// A picture: its file, its title, how the demo is started, the keys that open it, and words that it must show.
struct Scene {
    file: &'static str,
    title: &'static str,
    size: (u16, u16),
    theme: Theme,
    keys: &'static [&'static str],
    words: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq)]
enum Theme {
    Dark,
    Light,
    Mono,
    Ascii,
}

impl Theme {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Dark => &["--theme", "dark"],
            Self::Light => &["--theme", "light"],
            Self::Mono => &["--theme", "mono"],
            Self::Ascii => &["--theme", "mono", "--ascii"],
        }
    }

    fn colors(self) -> &'static TerminalColors {
        if self == Self::Light { &LIGHT } else { &DARK }
    }
}

const USUAL: (u16, u16) = (120, 34);

/// The pictures, in the order of the gallery.
const SCENES: [Scene; 19] = [
    scene(
        "dashboard",
        "The dashboard: what is wrong comes first, and the cursor is on the worst row",
        &[],
        &["Backends", "legacy"],
    ),
    Scene {
        size: (200, 60),
        ..scene("dashboard-wide", "The dashboard in a large terminal", &[], &["Frontends", "Events"])
    },
    Scene { size: (80, 24), ..scene("dashboard-small", "The dashboard in 80 columns and 24 lines", &[], &["legacy"]) },
    scene("problems", "Problems: every cause in full, with its impact and what helps", &["!"], &["legacy"]),
    scene(
        "detail",
        "Details of a row: what is wrong with it, its servers, its fields",
        &["1", "/api<ret>", "<ret>"],
        &["api"],
    ),
    scene(
        "chart",
        "Charts on the full screen: the servers of a backend, with the outlier in front",
        &["1", "/api<ret>", "Z"],
        &["backend api"],
    ),
    scene(
        "heat-map",
        "The heat map: the response time of every server over time, the slowest first",
        &["T"],
        &["Heat map", "response time"],
    ),
    scene(
        "latency",
        "View 6: where the time goes, in the queue, the network, the application and the transfer",
        &["6"],
        &["6 Latency", "www1"],
    ),
    scene(
        "changes",
        "Before and after: what changed, the most unusual change first",
        &["S"],
        &["Changes", "unchanged"],
    ),
    scene(
        "past",
        "The past: the same screen at an earlier moment, with a timeline of causes, actions and events",
        &["p", "N", "N"],
        &["PAUSED"],
    ),
    scene(
        "drain",
        "The question before a drain: the exact command, and what remains afterwards",
        &["6", "/www2<ret>", "D"],
        &["Drain: www / www2", "set server www/www2 state drain", "usable", "y yes"],
    ),
    scene(
        "actions",
        "The menu of actions, with the reason for each one that is unavailable",
        &["1", "/www2<ret>", "a"],
        &["drain"],
    ),
    scene("commands", "The list of commands, which narrows while you type", &[":", "wei"], &["server.weight-initial"]),
    scene("sessions", "View 7: sessions, by client, server, age or request", &["7"], &["7 Sessions"]),
    scene("tables", "View 8: the entries of stick tables", &["8"], &["8 Tables"]),
    scene("events", "View 9: what happened, the newest first", &["9"], &["9 Events"]),
    Scene { theme: Theme::Light, ..scene("light", "The light theme", &["1"], &["1 Status"]) },
    Scene { theme: Theme::Mono, ..scene("mono", "Without colors", &["1"], &["1 Status"]) },
    Scene {
        theme: Theme::Ascii,
        size: (80, 24),
        ..scene("ascii", "Without colors, in ASCII, in 80 columns", &["1"], &["legacy"])
    },
];

const fn scene(
    file: &'static str,
    title: &'static str,
    keys: &'static [&'static str],
    words: &'static [&'static str],
) -> Scene {
    Scene { file, title, size: USUAL, theme: Theme::Dark, keys, words }
}

/// A step of the animation: the line below the screen, the keys that the user presses, and words that then appear.
struct Step {
    caption: &'static str,
    keys: &'static str,
    words: &'static [&'static str],
}

const TOUR: [Step; 9] = [
    step("The dashboard names what is wrong, and the cursor is on the worst backend", "", &["Backends", "legacy"]),
    step("T: the heat map shows which servers are slow, and since when", "T", &["Heat map"]),
    step("S: what changed, the most unusual change first", "S", &["Changes"]),
    step("p, then N: back to the last event, with everything as it was then", "0pN", &["PAUSED"]),
    step("p: live again. 1: all rows. /www2: the server to be deployed", "p1/www2<ret>", &["www2"]),
    step("D: drain it. The question shows the command and what remains", "D", &["Drain: www / www2"]),
    step("y: the command is sent, and its effect is read back", "y", &["DRAIN"]),
    step("M: maintenance", "M", &["Maintenance: www / www2"]),
    step("Later, E: back into service. u would undo the last action", "<esc>E", &["Enable: www / www2"]),
];

const fn step(caption: &'static str, keys: &'static str, words: &'static [&'static str]) -> Step {
    Step { caption, keys, words }
}

const DRAW_AGAIN: &str = "draw it again: HAPULSE_PICTURES=assets cargo test --release --test pictures";

#[test]
fn pictures_match_current_screens() {
    let place = Place::new();
    for scene in &SCENES {
        let mut term = start_demo(scene.theme, scene.size);
        press_all(&mut term, scene.keys);
        term.wait_until(|screen| scene.words.iter().all(|word| screen.contains(word)));
        term.settled_screen();
        let svg = term.with_screen(|screen| render_svg(screen, scene.title, scene.theme.colors()));
        place.write(&format!("{}.svg", scene.file), &svg);
        place.check(scene);
        term.press("<esc><esc>q");
        assert_eq!(term.exit_code(), 0);
    }
}

#[test]
fn animation_shows_a_deploy() {
    let place = Place::new();
    let mut term = start_demo(Theme::Dark, (100, 30));
    let mut film = Film::new((100, 30), "A short tour: causes, heat map, changes, the past, a drain", &DARK);
    for step in &TOUR {
        if step.keys == "y" {
            term.answer("y");
        } else {
            press_all(&mut term, &[step.keys]);
        }
        term.wait_until(|screen| step.words.iter().all(|word| screen.contains(word)));
        term.settled_screen();
        term.with_screen(|screen| film.add_frame(screen, step.caption));
    }
    place.write("tour.svg", &film.finish());
    let kept = fs::read_to_string(place.assets.join("tour.svg")).unwrap();
    for step in &TOUR {
        assert!(kept.contains(step.caption), "tour.svg: {DRAW_AGAIN}");
    }
}

#[test]
fn gallery_has_every_picture() {
    let place = Place::new();
    let page = gallery_page();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gallery.md");
    if place.is_kept {
        fs::write(&file, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), page, "docs/gallery.md: {DRAW_AGAIN}");
    let names = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut kept: Vec<String> = fs::read_dir(&place.assets).unwrap().map(names).collect();
    let mut listed: Vec<String> = SCENES.iter().map(|scene| format!("{}.svg", scene.file)).collect();
    listed.push("tour.svg".to_owned());
    kept.sort();
    listed.sort();
    assert_eq!(kept, listed, "{DRAW_AGAIN}");
}

/// Returns the text of docs/gallery.md.
fn gallery_page() -> String {
    let mut page = String::from(
        "# Gallery\n\nDrawn from the running program by `tests/pictures.rs`. `hapulse demo` shows all of it.\n\n\
         ![A short tour](../assets/tour.svg)\n",
    );
    for Scene { file, title, size: (width, height), theme, keys, .. } in &SCENES {
        let keys: Vec<String> =
            keys.iter().map(|keys| format!("`{}`", keys.replace("<ret>", "↵").replace("<esc>", "Esc"))).collect();
        let keys = if keys.is_empty() { String::new() } else { format!("keys {}, ", keys.join(" ")) };
        let arguments = theme.arguments().join(" ");
        let _ =
            write!(page, "\n## {title}\n\n{keys}{width}x{height}, `{arguments}`\n\n![{title}](../assets/{file}.svg)\n");
    }
    page
}

/// Where the pictures are written, and where the kept ones are.
struct Place {
    assets: PathBuf,
    temporary: tempfile::TempDir,
    is_kept: bool,
}

impl Place {
    fn new() -> Self {
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let is_kept = std::env::var_os("HAPULSE_PICTURES").is_some();
        Self { assets, temporary: tempfile::tempdir().unwrap(), is_kept }
    }

    fn write(&self, file: &str, svg: &str) {
        let directory = if self.is_kept { &self.assets } else { self.temporary.path() };
        fs::write(directory.join(file), svg).unwrap();
    }

    /// Checks that the kept picture has the title and the words of the scene.
    #[track_caller]
    fn check(&self, scene: &Scene) {
        let kept = fs::read_to_string(self.assets.join(format!("{}.svg", scene.file))).unwrap_or_default();
        let text = svg_text(&kept);
        assert!(kept.contains(&format!("<title>{}</title>", scene.title)), "{}: {DRAW_AGAIN}", scene.file);
        assert!(scene.words.iter().all(|word| text.contains(word)), "{}: {DRAW_AGAIN}\n{text}", scene.file);
    }
}

fn start_demo(theme: Theme, size: (u16, u16)) -> Term {
    let term = Term::builder().args(["demo"].iter().chain(theme.arguments()).copied()).size(size.0, size.1).start();
    term.wait_for("live");
    term.wait_for("CRIT legacy");
    term
}

/// Presses groups of keys, each after the last one had its effect: a key that opens a question is ignored in a burst of
/// keys.
fn press_all(term: &mut Term, keys: &[&str]) {
    for keys in keys.iter().filter(|keys| !keys.is_empty()) {
        term.wait_input_read();
        term.press(keys);
        term.settled_screen();
    }
}

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
