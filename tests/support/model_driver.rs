//! Drives the application model with keys and samples and collects the effects; the test controls the clock. Each frame
//! with a question or a page is drawn and counts as written at once.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use hapulse::actions::intent::Intent;
use hapulse::app::command_table::COMMANDS;
use hapulse::app::confirmation::Confirmation;
use hapulse::app::key::{Key, KeyPress};
use hapulse::app::layers::{Layer, TextExtent};
use hapulse::app::layout::Pane;
use hapulse::app::message::{Effect, Message};
use hapulse::app::model::Model;
use hapulse::app::update::update;
use hapulse::haproxy::level::Level;
use hapulse::instance::source::StatsSocket;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::sampler::PollResult;
use hapulse::table::view_table::ViewId;
use hapulse::ui::root::{Appearance, draw};
use hapulse::ui::theme::{Palette, Theme};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::samples::{DEFERRED_PARTS, SampleFactory, StatCsv, new_model, poll_failure, timestamp};

/// Milliseconds between two keys.
pub const KEY_INTERVAL_MILLIS: u64 = 400;
/// Milliseconds before a key while a question is open: the pause that a Yes needs.
pub const ANSWER_INTERVAL_MILLIS: u64 = 500;

/// An application model, the source of its samples and the current time.
pub struct ModelDriver {
    pub model: Model,
    pub sample_factory: SampleFactory,
    pub stat: StatCsv,
    /// Milliseconds since the start of the test.
    pub millis: u64,
    /// Time of the last key.
    last_key_millis: u64,
    /// Number of the newest frame.
    frame: u64,
    /// Extent of the page that is open.
    pub text: Option<TextExtent>,
}

impl ModelDriver {
    pub fn new() -> Self {
        Self::with(StatsSocket::default(), Some(Level::Admin))
    }

    /// Creates a driver with this access and this level of the stats socket, and adds the first sample.
    pub fn with(access: StatsSocket, level: Option<Level>) -> Self {
        let mut sample_factory = SampleFactory::for_version("2.6.12");
        sample_factory.level = level;
        let stat = StatCsv::recorded("2.6.12", "show-stat.csv");
        let mut driver = Self {
            model: new_model(access, (120, 40)),
            sample_factory,
            stat,
            millis: 10_000,
            last_key_millis: 0,
            frame: 0,
            text: None,
        };
        // Most tests select rows by their place in HAProxy's order.
        driver.model.view_settings[ViewId::Dashboard].is_worst_first = false;
        driver.poll();
        driver
    }

    /// Handles a message and returns its effects.
    pub fn update(&mut self, msg: Message) -> Vec<Effect> {
        let effects = update(&mut self.model, msg, timestamp(self.millis));
        self.show_layer();
        // The event loop does this after the first frame, while no event is waiting.
        for _ in 0..DEFERRED_PARTS {
            assert_eq!(update(&mut self.model, Message::ContinueDeferred, timestamp(self.millis)), []);
        }
        effects
    }

    fn has_question(&self) -> bool {
        self.model.layers.last().and_then(Layer::gate).is_some()
    }

    /// Draws a frame if a question or a page is open, and reports that it was written.
    fn show_layer(&mut self) {
        if self.model.layers.is_empty() {
            return;
        }
        self.frame += 1;
        let (width, height) = self.model.terminal_size;
        let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time: |_| String::new() };
        let now = Duration::from_millis(self.millis);
        let drawn = draw(&self.model, appearance, now, &mut Buffer::empty(Rect::new(0, 0, width, height)));
        self.text = drawn.text;
        self.model.record_text(drawn.text);
        self.model.record_drawn(self.frame, drawn.question);
        self.model.record_written(self.frame, now);
    }

    /// Adds a sample of the current `stat`.
    pub fn poll(&mut self) {
        let sample = self.sample_factory.next_sample(self.millis, &self.stat);
        let effects = self.update(Message::Polled(InstanceId::FIRST, PollResult::Sample(sample), 0));
        // The overhead layer measures memory with each sample, and a drain needs the old processes once per epoch.
        let is_expected = |effect: &Effect| {
            matches!(
                effect,
                Effect::MeasureMemory | Effect::FindOldProcesses(..) | Effect::ReadHostFacts(..) | Effect::FindLog(..)
            )
        };
        assert!(effects.iter().all(is_expected), "{effects:?}");
    }

    /// Reports a failed poll.
    pub fn fail_poll(&mut self) {
        let failed =
            PollResult::Failed(poll_failure(Duration::from_millis(self.millis + 1000)), timestamp(self.millis));
        let effects = self.update(Message::Polled(InstanceId::FIRST, failed, 0));
        let is_expected = |effect: &Effect| matches!(effect, Effect::MeasureMemory | Effect::ReadHostFacts(..));
        assert!(effects.iter().all(is_expected), "{effects:?}");
    }

    /// Presses one key `after` milliseconds. A pause follows it.
    pub fn press_key(&mut self, key: Key, after: u64) -> Vec<Effect> {
        let mut effects = self.press_key_in_burst(key, after);
        effects.extend(self.update(Message::InputPaused { is_after_key: true }));
        effects
    }

    /// Presses one key `after` milliseconds, without a pause after it.
    pub fn press_key_in_burst(&mut self, key: Key, after: u64) -> Vec<Effect> {
        self.millis += after;
        let pause = Duration::from_millis(self.millis - self.last_key_millis);
        self.last_key_millis = self.millis;
        self.update(Message::Key(KeyPress { key, read_at: Duration::from_millis(self.millis), pause }))
    }

    /// Presses keys every [`KEY_INTERVAL_MILLIS`], or [`ANSWER_INTERVAL_MILLIS`] in a question, and returns all their
    /// effects.
    pub fn press(&mut self, keys: &str) -> Vec<Effect> {
        Key::parse_sequence(keys)
            .unwrap()
            .into_iter()
            .flat_map(|key| {
                let interval = if self.has_question() { ANSWER_INTERVAL_MILLIS } else { KEY_INTERVAL_MILLIS };
                self.press_key(key, interval)
            })
            .collect()
    }

    /// Presses one key after `millis` milliseconds.
    pub fn press_after(&mut self, millis: u64, key: &str) -> Vec<Effect> {
        self.press_key(Key::parse(key).unwrap(), millis)
    }

    /// Advances the clock and wakes the model.
    pub fn advance(&mut self, millis: u64) -> Vec<Effect> {
        self.millis += millis;
        self.update(Message::Wake)
    }

    /// Returns the row under the cursor of a pane as `proxy/name`.
    pub fn cursor_row(&self, pane: Pane) -> String {
        let instance = self.model.instance().unwrap();
        let row = instance.cursor_row(pane).and_then(|id| instance.data.shown().unwrap().row(id));
        row.map_or_else(String::new, |row| format!("{}/{}", row.proxy, row.name))
    }

    /// Returns the open confirmation; panics if another layer is open.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        match self.model.layers.as_slice() {
            [Layer::Confirmation(confirmation)] => Some(confirmation),
            [] => None,
            layers => panic!("{layers:?}"),
        }
    }

    pub fn notice(&self) -> &str {
        self.model.notice.as_ref().map_or("", |notice| notice.text.as_str())
    }
}

/// Returns the Runtime API commands that the effects would send.
pub fn sent_commands(effects: &[Effect]) -> Vec<String> {
    let intents = effects.iter().filter_map(|effect| match effect {
        Effect::RunAction(authorised) => Some(authorised.get()),
        _ => None,
    });
    intents.flat_map(Intent::commands).collect()
}

pub const NO_COMMANDS: [&str; 0] = [];

/// Generates keys: every bound key, and some unbound ones.
pub fn any_key() -> impl Strategy<Value = Key> {
    let bound: Vec<Key> =
        COMMANDS.iter().flat_map(|command| command.keys).map(|name| Key::parse(name).unwrap()).collect();
    let characters = prop::sample::select("ynNYqaped1239 /\u{e9}".chars().collect::<Vec<_>>()).prop_map(Key::char);
    let control = "ymdce".chars().map(|ch| Key { ctrl: true, ..Key::char(ch) }).collect::<Vec<_>>();
    // Keys of actions and answers are more frequent, because otherwise no confirmation would ever be answered.
    let confirming = prop::sample::select(Key::parse_sequence("MDE<f9><f10>yyyy<ret><ret>jk<tab>").unwrap());
    prop_oneof![4 => prop::sample::select(bound), 2 => characters, 1 => prop::sample::select(control), 6 => confirming]
}
