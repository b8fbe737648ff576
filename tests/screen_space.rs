//! Rules for the use of the screen, checked in every view and layer at many sizes: no text is cut beside free cells, wide
//! terminals have no empty side, and narrow ones keep what an operator needs first.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/query_replies.rs"]
mod query_replies;
#[path = "support/samples.rs"]
mod samples;
#[path = "support/scenes.rs"]
mod scenes;

use hapulse::app::message::Message;
use hapulse::app::update::update;
use samples::timestamp;
use scenes::{DEFAULT_VERSION, Scene, SceneFactory, buffer_lines, default_scene};

/// Sizes of terminals, from narrow panes to wide screens.
const SIZES: [(u16, u16); 9] =
    [(40, 12), (60, 15), (72, 20), (80, 24), (100, 30), (120, 40), (160, 50), (200, 60), (240, 70)];

/// Number of blanks after an ellipsis from which these are free cells: words are cut as a whole, and the next column may be
/// empty in this line, or its numbers are aligned at their right.
const FREE_CELLS: usize = 16;
/// Text of a column that ends in an ellipsis of its own.
const OPEN_LIST: &str = "tcp, http, …";

fn with_reply(mut scene: Scene, message: Message) -> Scene {
    scene.now += std::time::Duration::from_millis(100);
    let _ = update(&mut scene.model, message, timestamp(scene.now.as_millis() as u64));
    scene
}

fn sessions(size: (u16, u16)) -> Scene {
    with_reply(default_scene(size).press("7<ret>"), query_replies::sessions_reply(DEFAULT_VERSION))
}

fn tables(size: (u16, u16)) -> Scene {
    with_reply(default_scene(size).press("8<ret>"), query_replies::stick_tables_reply(DEFAULT_VERSION))
}

fn entries(size: (u16, u16)) -> Scene {
    with_reply(tables(size).press("jj<ret>"), query_replies::entries_reply(DEFAULT_VERSION, "st_keys"))
}

/// Views with their lines, by name.
const VIEWS: &[(&str, SceneFactory)] = &[
    ("dashboard", Scene::triage),
    ("charts", |size| Scene::triage(size).press("Z")),
    ("status", |size| default_scene(size).press("1jjjjj")),
    ("traffic", |size| default_scene(size).press("2jjjjj")),
    ("http", |size| default_scene(size).press("3jjjjj")),
    ("errors", |size| default_scene(size).press("4jjjjj")),
    ("cli", |size| default_scene(size).press("5")),
    ("latency", |size| default_scene(size).press("6jjjjj")),
    ("sessions", sessions),
    ("sessions by server", |size| sessions(size).press("bbbj")),
    ("tables", tables),
    ("entries", entries),
    ("events", |size| default_scene(size).press("9")),
    ("problems", |size| Scene::triage(size).press("!")),
    ("heat map", |size| default_scene(size).press("T")),
    ("detail of a backend", |size| default_scene(size).press("1jjjjj<ret>")),
    ("detail of a server", |size| default_scene(size).press("1jjjjjj<ret>")),
];

/// Layers that are shown over a view, by name.
const LAYERS: &[(&str, SceneFactory)] = &[
    ("actions of a server", |size| default_scene(size).press("1jjjjjja")),
    ("actions of a session", |size| sessions(size).press("a")),
    ("columns to sort by", |size| default_scene(size).press("1s")),
    ("columns of errors to sort by", |size| default_scene(size).press("4s")),
    ("keys", |size| default_scene(size).press("1?")),
    ("keys of sessions", |size| sessions(size).press("?")),
];

/// Returns the number of blanks after the ellipsis at `place` in a line.
fn blanks_after(line: &[char], place: usize) -> usize {
    line[place + 1..].iter().take_while(|cell| **cell == ' ').count()
}

#[test]
fn no_text_is_cut_beside_free_cells() {
    let mut found = Vec::new();
    for (name, make) in VIEWS.iter().chain(LAYERS) {
        for size in SIZES {
            let lines = buffer_lines(&make(size).draw(scenes::UNICODE));
            // The line of causes in the header ends with the screen.
            for line in lines.iter().skip(3).filter(|line| !line.contains(OPEN_LIST)) {
                let cells: Vec<char> = format!("{line:<width$}", width = usize::from(size.0)).chars().collect();
                for place in (0..cells.len()).filter(|place| cells[*place] == '…') {
                    let free = blanks_after(&cells, place);
                    if free >= FREE_CELLS {
                        found.push(format!("{name} at {size:?}: {free} free cells\n{line}"));
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Returns the column in which the frame of a menu or of the help begins; `None` if the line has no title of one.
fn title_column(line: &str) -> Option<usize> {
    let titles = ["╭─ Act on ", "╭─ Sort by ", "╭─ Keys "];
    let start = titles.iter().find_map(|title| line.find(title))?;
    Some(line[..start].chars().count())
}

#[test]
fn menus_and_help_wrap_their_texts_at_any_width() {
    for (name, make) in LAYERS {
        for width in (40..=240).step_by(7) {
            for height in [12, 24, 60] {
                let lines = buffer_lines(&make((width, height)).press("<down><down>").draw(scenes::UNICODE));
                let first = lines.iter().position(|line| title_column(line).is_some()).unwrap();
                let left = title_column(&lines[first]).unwrap();
                let inner = lines[first + 1..].iter().take_while(|line| line.chars().nth(left) == Some('│'));
                for line in inner {
                    let inside: String = line.chars().skip(left + 1).take_while(|cell| *cell != '│').collect();
                    assert!(!inside.replace(OPEN_LIST, "").contains('…'), "{name} at {width}x{height}\n{line}");
                }
            }
        }
    }
}

#[test]
fn wide_terminals_have_no_empty_side() {
    for (name, make) in VIEWS {
        for size in [(200, 60), (240, 70)] {
            let lines = buffer_lines(&make(size).draw(scenes::UNICODE));
            let right = usize::from(size.0) * 3 / 5;
            // Without the header, the tabs and the footer.
            let body = &lines[4..lines.len() - 1];
            let has_text = |line: &&String| line.chars().skip(right).any(|cell| !" │─╮╯".contains(cell));
            let used = body.iter().filter(has_text).count();
            assert!(
                used >= 4,
                "{name} at {size:?}: {used} lines have text in the last two fifths\n{}",
                lines.join("\n")
            );
        }
    }
}

#[test]
fn detail_page_fills_both_halves_of_a_wide_terminal() {
    for size in [(160, 50), (200, 60), (240, 70)] {
        let lines = buffer_lines(&default_scene(size).press("1jjjjj<ret>").draw(scenes::UNICODE));
        let half = usize::from(size.0) / 2;
        let words = |line: &String, from: usize| line.chars().skip(from).take(half - 3).any(char::is_alphabetic);
        let both = lines.iter().filter(|line| words(line, 2) && words(line, half + 2)).count();
        assert!(both >= 10, "{size:?}: {both} lines\n{lines:#?}");
        let beside = buffer_lines(&Scene::triage(size).press("1").draw(scenes::UNICODE));
        for line in lines.iter().chain(&beside) {
            assert!(
                !line.contains("L4CON Connection ref") || line.contains("refused"),
                "{size:?}: a last check is cut\n{line}"
            );
        }
    }
}

#[test]
fn narrow_terminals_keep_what_an_operator_needs_first() {
    let needed: &[(&str, (u16, u16), &[&str])] = &[
        ("0", (40, 12), &["STATE", "QUEUE", "PROBLEM"]),
        ("0", (60, 15), &["STATE", "QUEUE", "REQ/S", "5XX", "PROBLEM"]),
        ("1", (60, 15), &["STATE", "PROBLEM", "QCUR", "SCUR", "SESS/S"]),
        ("1", (80, 24), &["STATE", "PROBLEM", "CHECK", "QCUR", "SCUR", "SESS/S"]),
        ("4", (60, 15), &["STATE", "PROBLEM", "CF", "5XX"]),
        ("4", (80, 24), &["STATE", "PROBLEM", "CHECK", "CF", "5XX"]),
        ("6", (60, 15), &["STATE", "TIME IN", "RTIME"]),
    ];
    let mut missing = Vec::new();
    for (view, size, headings) in needed {
        let lines = buffer_lines(&Scene::triage(*size).press(view).draw(scenes::UNICODE));
        for heading in *headings {
            if !lines.iter().any(|line| line.contains(heading)) {
                missing.push(format!("view {view} at {size:?}: {heading}\n{}", lines.join("\n")));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn large_terminals_show_every_cause_and_what_helps_whole() {
    for size in [(150, 50), (200, 60), (240, 70)] {
        let scene = Scene::triage(size);
        let lines = buffer_lines(&scene.draw(scenes::UNICODE));
        let causes = scene.model.instance().unwrap().data.problems().open_causes().count();
        let first = lines.iter().position(|line| line.contains(" causes") && line.contains("SINCE")).unwrap() + 1;
        if causes * 2 < usize::from(size.1 - 5) / 4 {
            for line in &lines[first..first + causes * 2] {
                assert!(!line.contains('…'), "{size:?}\n{line}");
            }
        }
    }
}

#[test]
fn legend_of_the_heat_map_names_every_shade_on_narrow_screens() {
    for width in 40..120 {
        for metric in ["", "V", "VV", "VVV", "VVVV"] {
            let lines = buffer_lines(&default_scene((width, 20)).press(&format!("T{metric}")).draw(scenes::UNICODE));
            let legend = &lines[lines.len() - 2];
            assert!(legend.contains("down"), "{width} {metric}: {legend}");
            assert!(metric == "VVVV" || legend.contains('█'), "{width} {metric}: {legend}");
        }
    }
}
