//! Text snapshots of the dashboard and its dialogs at four screen sizes, with Unicode and with ASCII glyphs, drawn from
//! recorded replies of a real HAProxy; style maps; and a sweep over all screen sizes.
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
use hapulse::instance::source::StatsSocket;
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use scenes::{DEFAULT_VERSION, NEWEST_VERSION, Scene, SceneFactory, assert_snapshot, buffer_lines, default_scene};

/// The scenes, by the name of their snapshot.
const SCENES: [(&str, SceneFactory); 30] = [
    ("triage", Scene::triage),
    ("triage-cause", |size| Scene::triage(size).press("<up>j")),
    ("triage-filter", |size| Scene::triage(size).press("/app3<ret>")),
    ("triage-sort", |size| Scene::triage(size).press(":sort<space>req<ret>")),
    ("triage-detail", |size| Scene::triage(size).press("<up><ret>")),
    ("focus-frontends", |size| default_scene(size).press("<backtab>j")),
    ("focus-backends", default_scene),
    ("focus-servers", |size| default_scene(size).press("<tab>jj")),
    ("zoom", |size| default_scene(size).press("<ret>z")),
    ("chart", |size| default_scene(size).press("jVVZ")),
    ("chart-past", |size| default_scene(size).press("<tab>mp<left>VZ")),
    ("help", |size| default_scene(size).press("?")),
    ("confirm-high", |size| default_scene(size).press("<tab>jM")),
    ("confirm-highest", |size| default_scene(size).press("j<tab>Map")),
    ("confirm-low", |size| default_scene(size).press("<tab>jjjjjE")),
    ("confirm-weight", |size| default_scene(size).press("<tab>j[[{")),
    ("confirm-marked", |size| default_scene(size).press("<tab>j<space><space>D")),
    ("confirm-everywhere", |size| default_scene(size).press("<tab>:everywhere.maint<ret>")),
    ("confirm-frontend", |size| default_scene(size).press("<backtab>:frontend.disable<ret>")),
    ("confirm-counters", |size| default_scene(size).press(":counters.clear<ret>cle")),
    ("action-menu", |size| default_scene(size).press("<tab>jajj")),
    ("weight-invalid", |size| default_scene(size).press("<tab>jW300<ret>")),
    ("marked", |size| default_scene(size).press("<tab>j<space>vjj")),
    ("sent", |size| default_scene(size).press("<tab>jDy")),
    ("stale", |size| {
        let mut scene = default_scene(size);
        scene.fail_poll(6000);
        scene.advance(9000);
        scene
    }),
    ("waiting", |size| {
        let mut scene = Scene::empty(StatsSocket::default(), size);
        scene.fail_poll(2000);
        scene
    }),
    ("connecting", |size| Scene::empty(StatsSocket::default(), size)),
    ("read-only", |size| Scene::busy(DEFAULT_VERSION, StatsSocket::READ_ONLY, Level::Operator, size).press("<ret>M")),
    ("operator", |size| Scene::busy(DEFAULT_VERSION, StatsSocket::default(), Level::Operator, size).press("<ret>M")),
    ("newest-version", |size| Scene::busy(NEWEST_VERSION, StatsSocket::default(), Level::Admin, size).press("<ret>")),
];

#[test]
fn scenes_match_snapshots_at_designed_sizes() {
    scenes::assert_scenes("", &SCENES);
}

#[test]
fn scenes_match_snapshots_in_ascii() {
    scenes::assert_ascii_scenes("", &SCENES);
}

/// The letters of a style map.
const LEGEND: &str = ". plain  d dark gray  b bold  g green  W yellow bold  R light red bold  c cyan  C cyan bold
r light red  i italic  u bold underlined  # reversed  I reversed italic  U reversed underlined
In the selected row: X white bold on red  x white on red  Y bright yellow bold on black  o black on cyan";

fn style_letter(cell: &Cell) -> char {
    let style = cell.modifier;
    match (cell.fg, style) {
        (Color::White, Modifier::BOLD) if cell.bg == Color::Red => 'X',
        (Color::White, style) if cell.bg == Color::Red && style.is_empty() => 'x',
        (Color::LightYellow, Modifier::BOLD) if cell.bg == Color::Black => 'Y',
        (Color::Black, style) if cell.bg == Color::Cyan && style.is_empty() => 'o',
        (color, style) if cell.bg != Color::Reset => panic!("no letter for {color:?} on {:?} {style:?}", cell.bg),
        (Color::LightRed, style) if style.is_empty() => 'r',
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
        (Color::Reset, style) if style == Modifier::REVERSED | Modifier::ITALIC => 'I',
        (Color::Reset, style) if style == Modifier::REVERSED | Modifier::UNDERLINED => 'U',
        (color, style) => panic!("no letter for {color:?} {style:?}"),
    }
}

fn style_map(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut text = format!("{LEGEND}\n\n");
    for (y, line) in (0..area.height).zip(buffer_lines(buffer)) {
        let map: String = (0..area.width).map(|x| style_letter(&buffer[(x, y)])).collect();
        let _ = writeln!(text, "{line}\n{map}");
    }
    text
}

#[test]
fn dashboard_styles_match_snapshots() {
    for (name, palette) in [("dark", Palette::Dark), ("mono", Palette::Mono)] {
        let scene = default_scene((80, 24)).press("<tab>j");
        assert_snapshot(&format!("styles-{name}"), &style_map(&scene.draw(Theme::new(palette, false))));
    }
}

#[test]
fn scenes_have_no_color_in_mono_theme() {
    scenes::assert_no_color(&SCENES);
}

#[test]
fn scenes_have_state_of_their_name() {
    let size = (80, 24);
    let model_of = |name: &str| SCENES.iter().find(|(scene_name, _)| *scene_name == name).unwrap().1(size).model;
    let danger_of = |name: &str| match model_of(name).layers.as_slice() {
        [Layer::Confirmation(confirmation)] => Some(confirmation.danger),
        _ => None,
    };
    assert_eq!(model_of("focus-frontends").focus, Pane::Frontends);
    assert_eq!(model_of("focus-servers").focus, Pane::Servers);
    assert!(model_of("zoom").is_zoomed);
    assert!(matches!(model_of("help").layers.as_slice(), [Layer::Help(0, None)]));
    assert_eq!(danger_of("confirm-low"), Some(Danger::Low));
    assert_eq!(danger_of("confirm-high"), Some(Danger::High));
    assert_eq!(danger_of("confirm-highest"), Some(Danger::Highest));
    assert_eq!(danger_of("confirm-weight"), Some(Danger::Low));
    for name in ["confirm-frontend", "confirm-counters"] {
        assert_eq!(danger_of(name), Some(Danger::Highest), "{name}");
    }
    assert!(matches!(model_of("action-menu").layers.as_slice(), [Layer::ActionMenu(_, 2, None)]));
    assert!(
        matches!(model_of("weight-invalid").layers.as_slice(), [Layer::NumberPrompt(number)] if number.prompt.error.is_some())
    );
    assert_eq!(model_of("marked").instance().unwrap().selection.marked_count(), 4);
    assert!(model_of("read-only").layers.is_empty() && model_of("operator").layers.is_empty());
}

#[test]
fn scenes_draw_at_any_size() {
    // Every 30th pair of large sizes and every third pair of small ones.
    scenes::draw_every_size(&SCENES, 30, 3);
}

/// Returns the lines of a scene of the dashboard with causes, after keys.
fn triage_lines(size: (u16, u16), keys: &str) -> Vec<String> {
    buffer_lines(&Scene::triage(size).press(keys).draw(scenes::UNICODE))
}

#[test]
fn cause_names_a_key_only_while_it_applies_to_its_row() {
    let hint = |keys: &str, name: &str| {
        let lines = triage_lines((120, 40), keys);
        let line = lines.iter().find(|line| line.contains(name) && line.contains("down: ")).unwrap();
        line.rsplit("  ").next().unwrap().to_owned()
    };
    let (api, app) = ("be_api/api2", "be_app/down1");
    assert_eq!([hint("", api), hint("", app)], ["maintenance api2", "maintenance down1"], "backends have the focus");
    assert_eq!([hint("<up>jjj", api), hint("<up>jjj", app)], ["M maintenance", "maintenance down1"]);
    assert_eq!(
        [hint("<up>jjj<tab><tab><tab>", api), hint("<up>jjj<tab><tab>", api)],
        ["M maintenance", "maintenance api2"]
    );
    assert_eq!(hint("<up>jjj<space><down>", app), "maintenance down1", "actions apply to the marked row");
    let asked = triage_lines((120, 40), "<up>jjjM").join("\n");
    assert!(asked.contains("be_api/api2"), "{asked}");
}

#[test]
fn tabs_contain_the_whole_title_of_the_view_shown() {
    let lines = triage_lines((70, 24), "4");
    assert!(lines.iter().any(|line| line.starts_with(" 0 1 2 3 4 Errors 5 6 7 8 9 ")), "{lines:#?}");
}

#[test]
fn action_menu_shows_each_reason_whole_at_80x24() {
    for keys in ["a", "<up>a", "<backtab>a", "<tab>a", "1a", "7a", "8a"] {
        // The actions without a reason come first, and their descriptions may take two rows.
        let lines = triage_lines((80, 24), &format!("{keys}<end>"));
        let reasons: Vec<&String> = lines.iter().filter(|line| line.contains("not now: ")).collect();
        assert!(!reasons.is_empty(), "{keys}");
        assert!(!reasons.iter().any(|line| line.contains('…')), "{keys}: {reasons:#?}");
    }
}

#[test]
fn resized_dashboard_equals_a_new_one() {
    for from in [(40, 12), (60, 15), (80, 24), (120, 40), (200, 60)] {
        for to in [(60, 15), (60, 14), (59, 15), (40, 12), (80, 24), (120, 40), (200, 60)] {
            for keys in ["", "<up>", "<up>jjj", "<tab>"] {
                let mut scene = Scene::triage(from).press(keys);
                scene.resize(to);
                let (resized, new) = (scene.draw(scenes::UNICODE), Scene::triage(to).press(keys).draw(scenes::UNICODE));
                let (resized, new) = (buffer_lines(&resized).join("\n"), buffer_lines(&new).join("\n"));
                assert!(resized == new, "{from:?} to {to:?} after {keys:?}:\n{resized}\n{new}");
            }
        }
    }
}
