//! The question before an act.
//!
//! It says what will be sent and what would be left, from the newest sample each time it is drawn. The
//! default is No; keys typed ahead are dropped; it expires; and when something changed meanwhile, what was
//! answered does not count and it asks again.

use std::time::Duration;

use crate::actions::action_table::{Action, DRAIN, Danger, MAINT};
use crate::actions::intent::{Intent, Purpose};
use crate::app::key::{Code, Key};
use crate::haproxy::safe_text::is_visible;
use crate::haproxy::write_command::{MAX_WEIGHT, WriteCommand, Weight};
use crate::instance::guard::{self, Consent};

/// Keys that come sooner than this after the question were typed before it was seen.
pub const TYPE_AHEAD: Duration = Duration::from_millis(300);
/// A question older than this is withdrawn.
pub const EXPIRES: Duration = Duration::from_mins(1);
/// Characters of a typed name kept.
const MAX_TYPED: usize = 256;

/// An open question.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirm {
    /// What is asked about.
    pub intent: Intent,
    /// How much care it needs.
    pub danger: Danger,
    /// What was typed so far.
    pub typed: String,
    /// Why the last answer did not count.
    pub remark: Option<String>,
    /// The first command shown, of more than there is room for.
    pub top: usize,
    /// The weights that steps up and down began with; nothing where no weight is stepped.
    steps_from: Option<Vec<i64>>,
    asked: Duration,
}

/// What a key means to the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Wait,
    /// No.
    No,
    /// Yes, in this way.
    Yes(Consent),
    /// Something else instead.
    Instead(&'static Action),
}

impl Confirm {
    /// Asks now.
    pub fn new(intent: Intent, danger: Danger, now: Duration) -> Self {
        Self { intent, danger, typed: String::new(), remark: None, top: 0, steps_from: None, asked: now }
    }

    /// Asks about weights that may still be stepped up and down; `from` are those of now.
    pub fn stepping(intent: Intent, danger: Danger, from: Vec<i64>, now: Duration) -> Self {
        Self { steps_from: Some(from), ..Self::new(intent, danger, now) }
    }

    /// Asks once more, about things as they are now.
    #[must_use]
    pub fn again(self, intent: Intent, danger: Danger, remark: String, now: Duration) -> Self {
        Self { remark: Some(remark), steps_from: self.steps_from, ..Self::new(intent, danger, now) }
    }

    /// When the question is withdrawn.
    pub fn expires_at(&self) -> Duration {
        self.asked + EXPIRES
    }

    /// The name that must be typed; nothing when a key is enough.
    pub fn name_to_type(&self) -> Option<String> {
        (self.danger == Danger::Highest).then(|| guard::name_to_type(&self.intent))
    }

    /// Whether weights can still be stepped: no name is being typed.
    pub fn can_step(&self) -> bool {
        self.steps_from.is_some() && self.typed.is_empty()
    }

    /// The same intent with its weights so much higher or lower; many steps become one command.
    pub fn stepped(&self, by: i32) -> Option<Intent> {
        self.steps_from.as_ref()?;
        let mut intent = self.intent.clone();
        for step in &mut intent.steps {
            if let WriteCommand::Weight(Weight::Absolute(weight)) = step.order {
                let weight = (i32::from(weight) + by).clamp(0, i32::from(MAX_WEIGHT));
                step.order = WriteCommand::Weight(Weight::Absolute(weight as u16));
            }
        }
        Some(intent)
    }

    /// Puts a stepped intent in its place; the time for reading it begins anew.
    pub fn step(&mut self, intent: Intent, danger: Danger, now: Duration) {
        (self.intent, self.danger, self.asked, self.remark) = (intent, danger, now, None);
    }

    /// The weights of now, where they are being stepped.
    pub fn steps_from(&self) -> Option<&[i64]> {
        self.steps_from.as_deref()
    }

    /// What may be done instead: a server that is to go into maintenance may be drained first.
    pub fn instead(&self) -> Option<&'static Action> {
        let is_maint = self.intent.steps.iter().all(|step| *step.act == MAINT && step.target.seen.as_str() != "DRAIN");
        (is_maint && self.intent.purpose == Purpose::Plain && self.danger < Danger::Highest).then_some(&DRAIN)
    }

    /// Reads a key.
    pub fn key(&mut self, key: Key, now: Duration) -> Answer {
        let is_quit = key == Key { ctrl: true, ..Key::char('c') };
        if key.code == Code::Esc || is_quit {
            return Answer::No;
        }
        if key.ctrl || key.alt || now.saturating_sub(self.asked) < TYPE_AHEAD {
            return Answer::Wait;
        }
        match (self.name_to_type(), key.code) {
            (_, Code::Down) => self.top = (self.top + 1).min(self.intent.steps.len().saturating_sub(1)),
            (_, Code::Up) => self.top = self.top.saturating_sub(1),
            (None, Code::Char('y')) => return Answer::Yes(Consent::Yes),
            (None, Code::Char('n' | 'q' | 'N') | Code::Enter) => return Answer::No,
            (None, Code::Char('d')) => {
                if let Some(act) = self.instead() {
                    return Answer::Instead(act);
                }
            }
            (Some(name), Code::Enter) if self.typed == name => return Answer::Yes(Consent::Typed(self.typed.clone())),
            (Some(_), Code::Enter) if self.typed.is_empty() => return Answer::No,
            (Some(name), Code::Enter) => self.remark = Some(format!("that is not {name}")),
            (Some(_), Code::Backspace) => {
                self.typed.pop();
                self.remark = None;
            }
            (Some(_), Code::Char(ch)) if self.typed.chars().count() < MAX_TYPED && is_visible(ch) => {
                self.typed.push(ch);
                self.remark = None;
            }
            _ => {}
        }
        Answer::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::WEIGHT;
    use crate::actions::intent::Target;
    use crate::haproxy::write_command::Admin;

    fn intent(act: &'static Action, order: WriteCommand) -> Intent {
        Intent::new(act, order, 0, vec![Target::beside_rows("api".into(), "api1".into())])
    }

    fn question(danger: Danger) -> Confirm {
        Confirm::new(intent(&MAINT, WriteCommand::State(Admin::Maint)), danger, Duration::from_secs(10))
    }

    fn press(question: &mut Confirm, keys: &str, millis: u64) -> Answer {
        let now = Duration::from_secs(10) + Duration::from_millis(millis);
        Key::parse_all(keys).unwrap().into_iter().map(|key| question.key(key, now)).last().unwrap()
    }

    #[test]
    fn only_y_is_yes() {
        for keys in ["n", "q", "<esc>", "<ret>", "<c-c>"] {
            assert_eq!(press(&mut question(Danger::High), keys, 500), Answer::No, "{keys}");
        }
        for keys in ["Y", "j", "<space>", "<f10>", "M", "<c-y>"] {
            assert_eq!(press(&mut question(Danger::High), keys, 500), Answer::Wait, "{keys}");
        }
        assert_eq!(press(&mut question(Danger::High), "y", 500), Answer::Yes(Consent::Yes));
        assert_eq!(press(&mut question(Danger::High), "d", 500), Answer::Instead(&DRAIN));
    }

    #[test]
    fn what_was_typed_ahead_is_dropped() {
        assert_eq!(press(&mut question(Danger::High), "y", 299), Answer::Wait);
        assert_eq!(press(&mut question(Danger::High), "<esc>", 10), Answer::No, "No is never too early");
    }

    #[test]
    fn the_highest_danger_wants_the_name() {
        let mut highest = question(Danger::Highest);
        assert_eq!(press(&mut highest, "yd<ret>", 500), Answer::Wait);
        assert_eq!(highest.remark.as_deref(), Some("that is not api1"));
        assert_eq!(press(&mut highest, "<bs><bs>api1<ret>", 900), Answer::Yes(Consent::Typed("api1".into())));
        assert_eq!(press(&mut question(Danger::Highest), "<ret>", 500), Answer::No);
    }

    #[test]
    fn what_cannot_be_seen_is_no_part_of_a_typed_name() {
        let mut highest = question(Danger::Highest);
        assert_eq!(press(&mut highest, "a\u{202e}p\u{301}i\u{85}1", 500), Answer::Wait);
        assert_eq!(highest.typed, "api1");
    }

    #[test]
    fn weights_are_stepped_within_their_range_and_read_anew() {
        let weight = |weight| intent(&WEIGHT, WriteCommand::Weight(Weight::Absolute(weight)));
        let mut confirm = Confirm::stepping(weight(90), Danger::Low, vec![100], Duration::from_secs(10));
        for (by, expected) in [(-10, 80), (1, 81), (-200, 0), (300, 256)] {
            let stepped = confirm.stepped(by).unwrap();
            assert_eq!(stepped, weight(expected), "{by}");
            confirm.step(stepped, Danger::Low, Duration::from_secs(20));
        }
        assert_eq!(confirm.key(Key::char('y'), Duration::from_millis(20_299)), Answer::Wait);
        assert_eq!(confirm.key(Key::char('y'), Duration::from_millis(20_300)), Answer::Yes(Consent::Yes));
        assert_eq!(question(Danger::High).stepped(1), None);
    }
}
