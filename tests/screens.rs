//! The screen, as text: every scene at the four designed sizes, with Unicode and with ASCII glyphs, from
//! recorded answers of a real HAProxy; maps of the styles; and a sweep over every size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/samples.rs"]
mod samples;
#[path = "support/scenes.rs"]
mod scenes;

use std::fmt::Write as _;

use hapulse::actions::action_table::Danger;
use hapulse::app::layers::Layer;
use hapulse::app::layout::Pane;
use hapulse::haproxy::level::Level;
use hapulse::instance::guard::Guard;
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use scenes::{MakeScene, NEWEST, Scene, USUAL, lines, snapshot, usual};

/// Every scene by the name of its snapshot.
const SCENES: [(&str, MakeScene); 23] = [
    ("focus-frontends", |size| usual(size).press("<backtab>j")),
    ("focus-backends", usual),
    ("focus-servers", |size| usual(size).press("<tab>jj")),
    ("zoom", |size| usual(size).press("<ret>z")),
    ("help", |size| usual(size).press("?")),
    ("confirm-high", |size| usual(size).press("<tab>jM")),
    ("confirm-highest", |size| usual(size).press("j<tab>Map")),
    ("confirm-low", |size| usual(size).press("<tab>jjjjjE")),
    ("confirm-weight", |size| usual(size).press("<tab>j[[{")),
    ("confirm-marked", |size| usual(size).press("<tab>j<space><space>D")),
    ("confirm-everywhere", |size| usual(size).press("<tab>:everywhere.maint<ret>")),
    ("confirm-frontend", |size| usual(size).press("<backtab>:frontend.disable<ret>")),
    ("confirm-counters", |size| usual(size).press(":counters.clear<ret>cle")),
    ("act-menu", |size| usual(size).press("<tab>jajj")),
    ("weight-bad", |size| usual(size).press("<tab>jW300<ret>")),
    ("marked", |size| usual(size).press("<tab>j<space>vjj")),
    ("sent", |size| usual(size).press("<tab>jDy")),
    ("stale", |size| {
        let mut scene = usual(size);
        scene.lose(6000);
        scene.wait(9000);
        scene
    }),
    ("waiting", |size| {
        let mut scene = Scene::empty(Guard::default(), size);
        scene.lose(2000);
        scene
    }),
    ("connecting", |size| Scene::empty(Guard::default(), size)),
    ("read-only", |size| Scene::busy(USUAL, Guard { read_only: true }, Level::Operator, size).press("<ret>M")),
    ("operator", |size| Scene::busy(USUAL, Guard::default(), Level::Operator, size).press("<ret>M")),
    ("newest-version", |size| Scene::busy(NEWEST, Guard::default(), Level::Admin, size).press("<ret>")),
];

#[test]
fn every_scene_at_the_designed_sizes() {
    scenes::every_scene("", &SCENES);
}

#[test]
fn every_scene_in_ascii() {
    scenes::every_scene_in_ascii("", &SCENES);
}

/// What the letters of a style map stand for.
const LEGEND: &str = ". plain  d dark gray  b bold  g green  W yellow bold  R light red bold  c cyan  C cyan bold
i italic  u bold underlined  # reversed  B reversed bold  I reversed italic  U reversed bold underlined";

fn letter(cell: &Cell) -> char {
    assert_eq!(cell.bg, Color::Reset, "the terminal's own background stays");
    let style = cell.modifier;
    match (cell.fg, style) {
        (Color::Reset, style) if style.is_empty() => '.',
        (Color::DarkGray, style) if style.is_empty() => 'd',
        (Color::Green, style) if style.is_empty() => 'g',
        (Color::Cyan, style) if style.is_empty() => 'c',
        (Color::Yellow, Modifier::BOLD) => 'W',
        (Color::LightRed, Modifier::BOLD) => 'R',
        (Color::Cyan, Modifier::BOLD) => 'C',
        (Color::Reset, Modifier::BOLD) => 'b',
        (Color::Reset, Modifier::ITALIC) => 'i',
        (Color::Reset, Modifier::REVERSED) => '#',
        (Color::Reset, style) if style == Modifier::BOLD | Modifier::UNDERLINED => 'u',
        (Color::Reset, style) if style == Modifier::REVERSED | Modifier::BOLD => 'B',
        (Color::Reset, style) if style == Modifier::REVERSED | Modifier::ITALIC => 'I',
        (Color::Reset, style) if style == Modifier::REVERSED | Modifier::BOLD | Modifier::UNDERLINED => 'U',
        (colour, style) => panic!("no letter for {colour:?} {style:?}"),
    }
}

fn style_map(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut text = format!("{LEGEND}\n\n");
    for (y, line) in (0..area.height).zip(lines(buffer)) {
        let map: String = (0..area.width).map(|x| letter(&buffer[(x, y)])).collect();
        let _ = writeln!(text, "{line}\n{map}");
    }
    text
}

#[test]
fn styles_of_the_dashboard() {
    for (name, palette) in [("dark", Palette::Dark), ("mono", Palette::Mono)] {
        let scene = usual((80, 24)).press("<tab>j");
        snapshot(&format!("styles-{name}"), &style_map(&scene.draw(Theme::new(palette, false))));
    }
}

#[test]
fn mono_has_no_colour_anywhere() {
    scenes::no_colour(&SCENES);
}

#[test]
fn scenes_are_what_their_names_say() {
    let size = (80, 24);
    let find = |name: &str| SCENES.iter().find(|(known, _)| *known == name).unwrap().1(size).model;
    let danger = |name: &str| match find(name).layers.as_slice() {
        [Layer::Confirm(question)] => Some(question.danger),
        _ => None,
    };
    assert_eq!(find("focus-frontends").focus, Pane::Frontends);
    assert_eq!(find("focus-servers").focus, Pane::Servers);
    assert!(find("zoom").zoom);
    assert!(matches!(find("help").layers.as_slice(), [Layer::Help(0)]));
    assert_eq!(danger("confirm-low"), Some(Danger::Low));
    assert_eq!(danger("confirm-high"), Some(Danger::High));
    assert_eq!(danger("confirm-highest"), Some(Danger::Highest));
    assert_eq!(danger("confirm-weight"), Some(Danger::Low));
    for name in ["confirm-frontend", "confirm-counters"] {
        assert_eq!(danger(name), Some(Danger::Highest), "{name}");
    }
    assert!(matches!(find("act-menu").layers.as_slice(), [Layer::ActMenu(_, 2)]));
    assert!(
        matches!(find("weight-bad").layers.as_slice(), [Layer::Number(number)] if number.prompt.complaint.is_some())
    );
    assert_eq!(find("marked").instance().unwrap().marks.count(), 4);
    assert!(find("read-only").layers.is_empty() && find("operator").layers.is_empty());
}

#[test]
fn no_size_is_too_small_or_too_large() {
    // Not every pair, but nearly all of the small ones.
    scenes::any_size(&SCENES, 30, 3);
}
