//! The screen, as text: every scene at the four designed sizes, with Unicode and with ASCII glyphs, from
//! recorded answers of a real HAProxy; maps of the styles; and a sweep over every size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/samples.rs"]
mod samples;

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use hapulse::app::key::Key;
use hapulse::app::layout::Pane;
use hapulse::app::model::{Layer, Model};
use hapulse::app::msg::Msg;
use hapulse::app::update::update;
use hapulse::haproxy::level::Level;
use hapulse::monitor::acts::Danger;
use hapulse::monitor::guard::Guard;
use hapulse::monitor::sampler::News;
use hapulse::ui::screen::{Looks, draw};
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use samples::{Samples, Sheet, at, failure, model};
use unicode_width::UnicodeWidthStr as _;

const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];
const NEWEST: &str = "3.2.0";
const USUAL: &str = "2.6.12";

/// A model and the moment it is looked at.
struct Scene {
    model: Model,
    now: Duration,
}

impl Scene {
    fn empty(guard: Guard, size: (u16, u16)) -> Self {
        Self { model: model(guard, size), now: Duration::ZERO }
    }

    /// Traffic of four seconds, in which a server goes down and a queue grows.
    fn busy(version: &str, guard: Guard, level: Level, size: (u16, u16)) -> Self {
        let mut scene = Self::empty(guard, size);
        let (mut samples, mut sheet) = (Samples::of(version), Sheet::of(version, "show-stat.csv"));
        samples.level = Some(level);
        scene.news(0, &samples.take(0, &sheet));
        for (second, requests, total) in [(2, 240, 1000), (4, 480, 1600)] {
            let [most, half, few] = [requests * 10 / 16, requests * 5 / 16, requests / 16];
            let rest = requests - most - half - few;
            for (proxy, name, count) in [
                ("fe_web", "FRONTEND", requests),
                ("be_app", "app1", most),
                ("be_app", "app2", half + rest),
                ("be_app", "app3", few),
                ("be_app", "BACKEND", requests),
                ("fe_api", "FRONTEND", requests / 8),
                ("be_api", "api1", requests / 8),
                ("be_api", "BACKEND", requests / 8),
                ("fe_tcp", "FRONTEND", 6),
                ("be_tcp", "tcp2", 6),
                ("be_tcp", "BACKEND", 6),
            ] {
                sheet.serve(proxy, name, count);
            }
            sheet.set("be_app", "app1", "scur", "38").set("be_app", "BACKEND", "scur", "46");
            sheet.set("be_app", "app1", "rtime", "62").set("be_app", "app3", "rtime", "1240");
            sheet.set("be_slow", "slow1", "qcur", "12").set("be_slow", "BACKEND", "qcur", "3");
            sheet.set("fe_web", "FRONTEND", "scur", &(requests - 20).to_string());
            sheet
                .add("be_app", "app3", "econ", 4)
                .add("be_app", "BACKEND", "econ", 4)
                .add("li_mixed", "BACKEND", "econ", 9);
            samples.set_info("CumReq", &(725 + total).to_string());
            samples.set_info("CurrConns", &(requests + 30).to_string());
            samples.set_info("Uptime_sec", &(11_220 + second).to_string());
            samples.set_info("Idle_pct", "64");
            if second == 4 {
                sheet.set("be_api", "api2", "status", "DOWN").set("be_api", "api2", "check_status", "L4CON");
                sheet.set("be_api", "api2", "last_chk", "Connection refused");
            }
            scene.news(u64::try_from(second).unwrap() * 1000, &samples.take(second as u64 * 1000, &sheet));
        }
        scene
    }

    fn news(&mut self, millis: u64, sample: &std::sync::Arc<hapulse::monitor::sample::Sample>) {
        self.now = Duration::from_millis(millis);
        let _ = update(&mut self.model, Msg::News(0, News::Sample(sample.clone()), 0), at(millis));
    }

    fn lose(&mut self, millis: u64) {
        self.now = Duration::from_millis(millis);
        let failed = News::Failed(failure(self.now + Duration::from_secs(8)), at(millis));
        let _ = update(&mut self.model, Msg::News(0, failed, 0), at(millis));
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        let _ = update(&mut self.model, Msg::Wake, at(self.now.as_millis() as u64));
    }

    fn press(mut self, keys: &str) -> Self {
        for key in Key::parse_all(keys).unwrap() {
            self.now += Duration::from_millis(400);
            let _ = update(&mut self.model, Msg::Key(key), at(self.now.as_millis() as u64));
        }
        self
    }

    fn draw(&self, theme: Theme) -> Buffer {
        let (width, height) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        draw(&self.model, Looks { theme, show_time }, self.now, &mut buffer);
        buffer
    }
}

/// The wall clock in Greenwich.
fn show_time(wall: SystemTime) -> String {
    let seconds = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

type MakeScene = fn((u16, u16)) -> Scene;

fn usual(size: (u16, u16)) -> Scene {
    Scene::busy(USUAL, Guard::default(), Level::Admin, size)
}

/// Every scene by the name of its snapshot.
const SCENES: [(&str, MakeScene); 15] = [
    ("focus-frontends", |size| usual(size).press("<backtab>j")),
    ("focus-backends", usual),
    ("focus-servers", |size| usual(size).press("<tab>jj")),
    ("zoom", |size| usual(size).press("<ret>z")),
    ("help", |size| usual(size).press("?")),
    ("confirm-high", |size| usual(size).press("<tab>jM")),
    ("confirm-highest", |size| usual(size).press("j<tab>Map")),
    ("confirm-low", |size| usual(size).press("<tab>jjjjjE")),
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

const UNICODE: Theme = Theme { palette: Palette::Dark, ascii: false };
const ASCII: Theme = Theme { palette: Palette::Mono, ascii: true };

/// The text of a buffer; what stands behind a wide character is part of it.
fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let line = |y| {
        let (mut text, mut x) = (String::new(), 0);
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            x += symbol.width().max(1) as u16;
        }
        text.trim_end().to_owned()
    };
    (0..area.height).map(line).collect()
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn album(make: MakeScene, theme: Theme) -> String {
    let mut text = String::new();
    for (width, height) in SIZES {
        let _ = writeln!(text, "=== {width}x{height} {}", "=".repeat(usize::from(width) - 10));
        for line in lines(&make((width, height)).draw(theme)) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

#[test]
fn every_scene_at_the_designed_sizes() {
    for (name, make) in SCENES {
        snapshot(name, &album(make, UNICODE));
    }
}

#[test]
fn every_scene_in_ascii() {
    for (name, make) in SCENES {
        let text = album(make, ASCII);
        assert!(text.is_ascii(), "{name}: {:?}", text.chars().filter(|ch| !ch.is_ascii()).collect::<String>());
        snapshot(&format!("{name}.ascii"), &text);
    }
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
        snapshot(&format!("styles-{name}"), &style_map(&scene.draw(Theme { palette, ascii: false })));
    }
}

#[test]
fn mono_has_no_colour_anywhere() {
    for (name, make) in SCENES {
        for size in SIZES {
            let buffer = make(size).draw(ASCII);
            for cell in buffer.content() {
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name} {size:?}");
            }
        }
    }
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
    assert!(find("read-only").layers.is_empty() && find("operator").layers.is_empty());
}

#[test]
fn no_size_is_too_small_or_too_large() {
    // Not every pair, but every width and every height, and nearly all of the small ones.
    let sizes = |widths: u16, heights: u16, step: u16| {
        let heights = move |width: u16| (1 + width % step..=heights).step_by(usize::from(step));
        (1..=widths).flat_map(move |width| heights(width).map(move |height| (width, height)))
    };
    for (name, make) in SCENES {
        let mut scene = make((80, 24));
        for (width, height) in sizes(220, 70, 20).chain(sizes(64, 17, 2)) {
            let now = at(scene.now.as_millis() as u64);
            let _ = update(&mut scene.model, Msg::Resize(width, height), now);
            let buffer = scene.draw(UNICODE);
            assert_eq!(buffer.area, Rect::new(0, 0, width, height), "{name}");
        }
    }
}
