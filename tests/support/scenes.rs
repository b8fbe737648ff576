//! Scenes: application models built from recorded replies, drawn at a fixed time and compared with snapshots.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use hapulse::app::answer_gate::ShownRows;
use hapulse::app::key::{Key, KeyPress};
use hapulse::app::message::Message;
use hapulse::app::model::Model;
use hapulse::app::update::update;
use hapulse::haproxy::level::Level;
use hapulse::instance::source::StatsSocket;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::sampler::PollResult;
use hapulse::table::view_table::ViewId;
use hapulse::ui::root::{Appearance, draw};
use hapulse::ui::theme::{Palette, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use unicode_width::UnicodeWidthStr as _;

use crate::samples::{DEFERRED_PARTS, SampleFactory, StatCsv, new_model, poll_failure, timestamp};

pub const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];
pub const NEWEST_VERSION: &str = "3.2.0";
pub const DEFAULT_VERSION: &str = "2.6.12";

/// A model and the time at which it is drawn.
pub struct Scene {
    pub model: Model,
    pub now: Duration,
}

impl Scene {
    /// Returns a scene without samples.
    pub fn empty(access: StatsSocket, size: (u16, u16)) -> Self {
        Self { model: new_model(access, size), now: Duration::ZERO }
    }

    /// Returns a scene after four seconds of traffic, in which a server goes down and a queue grows. The rows are in
    /// HAProxy's order, so that keys select the same rows at each size.
    pub fn busy(version: &str, access: StatsSocket, level: Level, size: (u16, u16)) -> Self {
        Self::busy_in_order(version, access, level, size, false)
    }

    /// Returns the scene of [`Self::busy`] with the worst rows first.
    pub fn triage(size: (u16, u16)) -> Self {
        Self::busy_in_order(DEFAULT_VERSION, StatsSocket::default(), Level::Admin, size, true)
    }

    fn busy_in_order(version: &str, access: StatsSocket, level: Level, size: (u16, u16), is_worst_first: bool) -> Self {
        let mut scene = Self::empty(access, size);
        scene.model.view_settings[ViewId::Dashboard].is_worst_first = is_worst_first;
        let (mut samples, mut stat) =
            (SampleFactory::for_version(version), StatCsv::recorded(version, "show-stat.csv"));
        samples.level = Some(level);
        scene.add_sample(0, &samples.next_sample(0, &stat));
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
                stat.add_requests(proxy, name, count);
            }
            stat.set("be_app", "app1", "scur", "38").set("be_app", "BACKEND", "scur", "46");
            stat.set("be_app", "app1", "rtime", "62").set("be_app", "app3", "rtime", "1240");
            stat.set("be_slow", "slow1", "qcur", "12").set("be_slow", "BACKEND", "qcur", "3");
            stat.set("fe_web", "FRONTEND", "scur", &(requests - 20).to_string());
            stat.add("be_app", "app3", "econ", 4)
                .add("be_app", "BACKEND", "econ", 4)
                .add("li_mixed", "BACKEND", "econ", 9);
            samples.set_info("CumReq", &(725 + total).to_string());
            samples.set_info("CurrConns", &(requests + 30).to_string());
            samples.set_info("Uptime_sec", &(11_220 + second).to_string());
            samples.set_info("Idle_pct", "64");
            if second == 4 {
                stat.set("be_api", "api2", "status", "DOWN").set("be_api", "api2", "check_status", "L4CON");
                stat.set("be_api", "api2", "last_chk", "Connection refused");
            }
            scene.add_sample(u64::try_from(second).unwrap() * 1000, &samples.next_sample(second as u64 * 1000, &stat));
        }
        scene
    }

    /// Adds a sample and draws at its time.
    pub fn add_sample(&mut self, millis: u64, sample: &std::sync::Arc<hapulse::observe::sample::Sample>) {
        self.now = Duration::from_millis(millis);
        let _ = update(
            &mut self.model,
            Message::Polled(InstanceId::FIRST, PollResult::Sample(sample.clone()), 0),
            timestamp(millis),
        );
        self.advance(0);
    }

    /// Reports a failed poll.
    pub fn fail_poll(&mut self, millis: u64) {
        self.now = Duration::from_millis(millis);
        let failed = PollResult::Failed(poll_failure(self.now + Duration::from_secs(8)), timestamp(millis));
        let _ = update(&mut self.model, Message::Polled(InstanceId::FIRST, failed, 0), timestamp(millis));
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, (width, height): (u16, u16)) {
        let now = timestamp(self.now.as_millis() as u64);
        let _ = update(&mut self.model, Message::Resize(width, height), now);
    }

    /// Advances the clock and wakes the model.
    pub fn advance(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        let now = timestamp(self.now.as_millis() as u64);
        let _ = update(&mut self.model, Message::Wake, now);
        for _ in 0..DEFERRED_PARTS {
            let _ = update(&mut self.model, Message::ContinueDeferred, now);
        }
    }

    /// Presses keys, one every 400 ms.
    pub fn press(mut self, keys: &str) -> Self {
        for key in Key::parse_sequence(keys).unwrap() {
            self.now += Duration::from_millis(400);
            // A question accepts keys only after it was shown.
            let pause = Duration::from_millis(500);
            self.model.record_drawn(1, Some(ShownRows { first: 0, count: 1, total: 1 }));
            self.model.record_written(1, self.now.saturating_sub(pause));
            for message in
                [Message::Key(KeyPress { key, read_at: self.now, pause }), Message::InputPaused { is_after_key: true }]
            {
                let _ = update(&mut self.model, message, timestamp(self.now.as_millis() as u64));
            }
        }
        self
    }

    pub fn draw(&self, theme: Theme) -> Buffer {
        let (width, height) = self.model.terminal_size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        draw(&self.model, Appearance { theme, format_time: format_utc_time }, self.now, &mut buffer);
        buffer
    }
}

/// Formats the time of day in UTC.
pub fn format_utc_time(wall: SystemTime) -> String {
    let seconds = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

pub type SceneFactory = fn((u16, u16)) -> Scene;

/// Returns the busy scene of [`DEFAULT_VERSION`] with all rights.
pub fn default_scene(size: (u16, u16)) -> Scene {
    Scene::busy(DEFAULT_VERSION, StatsSocket::default(), Level::Admin, size)
}

pub const UNICODE: Theme = Theme::new(Palette::Dark, false);
pub const ASCII: Theme = Theme::new(Palette::Mono, true);

/// Returns the text of a buffer; the cell after a wide character belongs to the character.
pub fn buffer_lines(buffer: &Buffer) -> Vec<String> {
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

/// Compares `text` with a snapshot in `tests/screens`.
pub fn assert_snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Draws a scene in all [`SIZES`].
pub fn render_all_sizes(make: SceneFactory, theme: Theme) -> String {
    let mut text = String::new();
    for (width, height) in SIZES {
        let _ = writeln!(text, "=== {width}x{height} {}", "=".repeat(usize::from(width) - 10));
        for line in buffer_lines(&make((width, height)).draw(theme)) {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// Compares every scene with the snapshot of its name.
pub fn assert_scenes(prefix: &str, scenes: &[(&str, SceneFactory)]) {
    for (name, make) in scenes {
        assert_snapshot(&format!("{prefix}{name}"), &render_all_sizes(*make, UNICODE));
    }
}

/// Compares every scene in ASCII with its snapshot, and checks that it contains only ASCII.
pub fn assert_ascii_scenes(prefix: &str, scenes: &[(&str, SceneFactory)]) {
    for (name, make) in scenes {
        let text = render_all_sizes(*make, ASCII);
        assert!(text.is_ascii(), "{name}: {:?}", text.chars().filter(|ch| !ch.is_ascii()).collect::<String>());
        assert_snapshot(&format!("{prefix}{name}.ascii"), &text);
    }
}

/// Checks that the theme without colors sets no color in any cell.
pub fn assert_no_color(scenes: &[(&str, SceneFactory)]) {
    for (name, make) in scenes {
        for size in SIZES {
            for cell in make(size).draw(ASCII).content() {
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name} {size:?}");
            }
        }
    }
}

/// Draws every scene in every width and every height: in every `large`th pair of sizes up to 220x70, and in every `small`th
/// pair up to 64x17.
pub fn draw_every_size(scenes: &[(&str, SceneFactory)], large: u16, small: u16) {
    let sizes = |widths: u16, heights: u16, step: u16| {
        let heights = move |width: u16| (1 + width % step..=heights).step_by(usize::from(step));
        (1..=widths).flat_map(move |width| heights(width).map(move |height| (width, height)))
    };
    for (name, make) in scenes {
        let mut scene = make((80, 24));
        for (width, height) in sizes(220, 70, large).chain(sizes(64, 17, small)) {
            let now = timestamp(scene.now.as_millis() as u64);
            let _ = update(&mut scene.model, Message::Resize(width, height), now);
            let buffer = scene.draw(UNICODE);
            assert_eq!(buffer.area, Rect::new(0, 0, width, height), "{name}");
        }
    }
}
