//! The question before an act.
//!
//! It says what will be sent and what would be left, from the newest sample each time it is drawn. The
//! default is No; keys typed ahead are dropped; it expires; and when the server changed meanwhile, what was
//! answered does not count and it asks again.

use std::time::Duration;

use crate::app::key::{Code, Key};
use crate::haproxy::fields::Field;
use crate::monitor::acts::{Danger, Intent};
use crate::monitor::guard::{self, Consent};
use crate::monitor::sample::Sample;
use crate::monitor::what_if::WhatIf;

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
}

impl Confirm {
    /// Asks now.
    pub fn new(intent: Intent, danger: Danger, now: Duration) -> Self {
        Self { intent, danger, typed: String::new(), remark: None, asked: now }
    }

    /// Asks once more, about the server as it is now.
    #[must_use]
    pub fn again(self, intent: Intent, danger: Danger, remark: String, now: Duration) -> Self {
        Self { remark: Some(remark), ..Self::new(intent, danger, now) }
    }

    /// When the question is withdrawn.
    pub fn expires_at(&self) -> Duration {
        self.asked + EXPIRES
    }

    /// The name that must be typed; nothing when a key is enough.
    pub fn name_to_type(&self) -> Option<String> {
        (self.danger == Danger::Highest).then(|| guard::name_to_type(&self.intent))
    }

    /// Reads a key.
    pub fn key(&mut self, key: Key, now: Duration) -> Answer {
        let is_quit = key == Key { code: Code::Char('c'), ctrl: true, alt: false };
        if key.code == Code::Esc || is_quit {
            return Answer::No;
        }
        if key.ctrl || key.alt || now.saturating_sub(self.asked) < TYPE_AHEAD {
            return Answer::Wait;
        }
        match (self.name_to_type(), key.code) {
            (None, Code::Char('y')) => return Answer::Yes(Consent::Yes),
            (None, Code::Char('n' | 'q' | 'N') | Code::Enter) => return Answer::No,
            (Some(name), Code::Enter) if self.typed == name => return Answer::Yes(Consent::Typed(self.typed.clone())),
            (Some(_), Code::Enter) if self.typed.is_empty() => return Answer::No,
            (Some(name), Code::Enter) => self.remark = Some(format!("that is not {name}")),
            (Some(_), Code::Backspace) => {
                self.typed.pop();
                self.remark = None;
            }
            (Some(_), Code::Char(ch)) if self.typed.chars().count() < MAX_TYPED => {
                self.typed.push(ch);
                self.remark = None;
            }
            _ => {}
        }
        Answer::Wait
    }

    /// The commands as they would be sent.
    pub fn commands(&self) -> Vec<String> {
        self.intent.targets.iter().filter_map(|target| self.intent.act.command(target).ok()).collect()
    }
}

/// What the question says, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The servers as they are.
    pub now: String,
    /// What would be left.
    pub after: String,
    /// What should make one hesitate.
    pub warnings: Vec<String>,
}

/// The facts from the newest sample; nothing when the backend is gone.
pub fn facts(confirm: &Confirm, sample: &Sample) -> Option<Facts> {
    let backends = WhatIf::of(sample, &confirm.intent.targets);
    let own = backends.first()?;
    let status = match confirm.intent.targets.as_slice() {
        [one] => sample.row(one.id)?.status().to_owned(),
        several => counted(several.len() as i64, "server"),
    };
    let weight: i64 = confirm.intent.targets.iter().filter_map(|target| sample.number(target.id, Field::Weight)).sum();
    let now = format!("{status}, {}, {} queued, weight {weight}", counted(own.sessions, "session"), own.queued);
    if !confirm.intent.act.takes_away {
        let after = format!("takes traffic once its checks pass; {} usable now", of(own.now.usable, own.now.active));
        return Some(Facts { now, after, warnings: Vec::new() });
    }
    let share = own.weight_left().map_or(String::new(), |left| format!(", {left} % of the weight"));
    let after = format!("{} usable{share}", of(own.after.usable, own.now.active));
    let warnings = backends.iter().enumerate().filter_map(|(place, one)| warning(one, place > 0)).collect();
    Some(Facts { now, after, warnings })
}

/// What should make one hesitate about a backend; of one that only follows, that it does.
fn warning(one: &WhatIf, follows: bool) -> Option<String> {
    let backend = &one.backend;
    let loss = if one.takes_the_last() {
        format!("no server of {backend} would be left: its clients get 503 or wait")
    } else if one.leaves_only_backups() {
        format!("only backup servers of {backend} would be left")
    } else {
        match one.weight_left() {
            Some(left) if left < 50 => format!("more than half of the weight of {backend} goes away"),
            _ if follows => format!("{} of {backend} follow", of(one.now.usable - one.after.usable, one.now.active)),
            _ => return None,
        }
    };
    Some(if follows { format!("{loss} (it tracks this server)") } else { loss })
}

fn of(some: usize, all: usize) -> String {
    format!("{some} of {} ", counted(all as i64, "server")).trim_end().to_owned()
}

fn counted(count: i64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::acts::{MAINT, Target};
    use crate::monitor::testing::{SampleMaker, site};

    fn question(danger: Danger) -> Confirm {
        let sample = SampleMaker::default().at_millis(0, &site());
        let target = Target {
            id: sample.rows.ids()[4],
            backend: "api".into(),
            server: "api1".into(),
            iid: None,
            seen: "UP".into(),
        };
        Confirm::new(Intent { act: &MAINT, instance: 0, targets: vec![target] }, danger, Duration::from_secs(10))
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
    }

    #[test]
    fn what_was_typed_ahead_is_dropped() {
        assert_eq!(press(&mut question(Danger::High), "y", 299), Answer::Wait);
        assert_eq!(press(&mut question(Danger::High), "<esc>", 10), Answer::No, "No is never too early");
    }

    #[test]
    fn the_highest_danger_wants_the_name() {
        let mut highest = question(Danger::Highest);
        assert_eq!(press(&mut highest, "y<ret>", 500), Answer::Wait);
        assert_eq!(highest.remark.as_deref(), Some("that is not api1"));
        assert_eq!(press(&mut highest, "<bs>api1<ret>", 900), Answer::Yes(Consent::Typed("api1".into())));
        assert_eq!(press(&mut question(Danger::Highest), "<ret>", 500), Answer::No);
    }

    #[test]
    fn the_facts_say_what_is_and_what_would_be() {
        let sample = SampleMaker::default().at_millis(0, &site());
        let facts = facts(&question(Danger::Highest), &sample).unwrap();
        assert_eq!(facts.now, "UP, 50 sessions, 4 queued, weight 100");
        assert_eq!(facts.after, "0 of 3 servers usable, 0 % of the weight");
        assert!(facts.warnings[0].contains("no server of api would be left"));
    }
}
