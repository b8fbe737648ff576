//! A person at the keyboard: keys in, effects out, and a clock that only the test moves.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use hapulse::actions::intent::Intent;
use hapulse::app::commands::COMMANDS;
use hapulse::app::confirmation::Confirm;
use hapulse::app::key::Key;
use hapulse::app::layers::Layer;
use hapulse::app::layout::Pane;
use hapulse::app::model::Model;
use hapulse::app::msg::{Effect, Msg};
use hapulse::app::update::update;
use hapulse::haproxy::level::Level;
use hapulse::instance::guard::Guard;
use hapulse::observe::sampler::News;
use proptest::prelude::*;

use crate::samples::{Samples, Sheet, at, failure, model};

/// A person at the keyboard who takes this long for a key: longer than what is taken for typing ahead.
pub const PACE: u64 = 400;

/// A model, the HAProxy it watches, and the time.
pub struct Desk {
    pub model: Model,
    pub samples: Samples,
    pub sheet: Sheet,
    pub millis: u64,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(Guard::default(), Some(Level::Admin))
    }

    pub fn with(guard: Guard, level: Option<Level>) -> Self {
        let mut samples = Samples::of("2.6.12");
        samples.level = level;
        let sheet = Sheet::of("2.6.12", "show-stat.csv");
        let mut desk = Self { model: model(guard, (120, 40)), samples, sheet, millis: 10_000 };
        desk.sample();
        desk
    }

    pub fn tell(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = update(&mut self.model, msg, at(self.millis));
        // As the loop does behind a frame.
        self.model.instances.iter_mut().for_each(|instance| _ = instance.watch.keep());
        effects
    }

    /// The next sample, of the sheet as it stands.
    pub fn sample(&mut self) {
        let sample = self.samples.take(self.millis, &self.sheet);
        let effects = self.tell(Msg::News(0, News::Sample(sample), 0));
        // The page of what watching costs measures itself with each.
        assert!(effects.iter().all(|effect| *effect == Effect::MeasureMemory), "{effects:?}");
    }

    pub fn lose(&mut self) {
        let failed = News::Failed(failure(Duration::from_millis(self.millis + 1000)), at(self.millis));
        let effects = self.tell(Msg::News(0, failed, 0));
        assert!(effects.iter().all(|effect| *effect == Effect::MeasureMemory), "{effects:?}");
    }

    pub fn key(&mut self, key: Key, after: u64) -> Vec<Effect> {
        self.millis += after;
        self.tell(Msg::Key(key))
    }

    /// Keys at a person's pace, and all that came of them.
    pub fn press(&mut self, keys: &str) -> Vec<Effect> {
        Key::parse_all(keys).unwrap().into_iter().flat_map(|key| self.key(key, PACE)).collect()
    }

    /// One key so much later.
    pub fn later(&mut self, millis: u64, key: &str) -> Vec<Effect> {
        self.key(Key::parse(key).unwrap(), millis)
    }

    pub fn wait(&mut self, millis: u64) -> Vec<Effect> {
        self.millis += millis;
        self.tell(Msg::Wake)
    }

    /// The selected row of a pane, `proxy/name`.
    pub fn selected(&self, pane: Pane) -> String {
        let instance = self.model.instance().unwrap();
        let row = instance.selected(pane).and_then(|id| instance.watch.newest().unwrap().row(id));
        row.map_or_else(String::new, |row| format!("{}/{}", row.proxy, row.name))
    }

    pub fn question(&self) -> Option<&Confirm> {
        match self.model.layers.as_slice() {
            [Layer::Confirm(question)] => Some(question),
            [] => None,
            layers => panic!("{layers:?}"),
        }
    }

    pub fn notice(&self) -> &str {
        self.model.notice.as_ref().map_or("", |notice| notice.text.as_str())
    }
}

/// The commands that effects would send.
pub fn sent(effects: &[Effect]) -> Vec<String> {
    let acts = effects.iter().filter_map(|effect| match effect {
        Effect::Act(authorised) => Some(authorised.get()),
        _ => None,
    });
    acts.flat_map(Intent::commands).collect()
}

pub const NOTHING: [&str; 0] = [];

/// Every key that means something anywhere, and some that do not.
pub fn any_key() -> impl Strategy<Value = Key> {
    let bound: Vec<Key> = COMMANDS.iter().flat_map(|action| action.keys).map(|name| Key::parse(name).unwrap()).collect();
    let characters = prop::sample::select("ynNYqaped1239 /\u{e9}".chars().collect::<Vec<_>>()).prop_map(Key::char);
    let control = "ymdce".chars().map(|ch| Key { ctrl: true, ..Key::char(ch) }).collect::<Vec<_>>();
    // Acts and answers more often than the rest, or no question would ever be answered.
    let pressing = prop::sample::select(Key::parse_all("MDE<f9><f10>yyyy<ret><ret>jk<tab>").unwrap());
    prop_oneof![4 => prop::sample::select(bound), 2 => characters, 1 => prop::sample::select(control), 6 => pressing]
}
