//! The confirmation dialog before an action.
//!
//! The dialog shows the commands to send and the expected result, computed from the newest sample for each frame. Enter
//! cancels unless the required name was typed. Keys typed ahead are ignored, and the dialog closes after a minute. If a
//! target changed in the meantime, the answer is discarded and the dialog asks again.

use std::time::Duration;

use crate::actions::action_table::{Action, DRAIN, Danger, MAINT};
use crate::actions::intent::{Intent, IntentPurpose};
use crate::app::key::{Key, KeyCode};
use crate::haproxy::safe_text::is_visible;
use crate::haproxy::write_command::{MAX_WEIGHT, TargetWeight, WriteCommand};
use crate::instance::guard::{self, ConfirmationAnswer};

/// Keys pressed within this time after the dialog opened are ignored, because the operator cannot have read it yet.
pub(crate) const TYPE_AHEAD_WINDOW: Duration = Duration::from_millis(300);
/// The dialog closes after this time, and nothing is sent.
pub(crate) const EXPIRES_AFTER: Duration = Duration::from_mins(1);
/// Longest name that can be typed, in characters.
const MAX_NAME_CHARS: usize = 256;

/// An open confirmation dialog.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmation {
    /// The action to confirm.
    pub intent: Intent,
    /// Danger level of the action.
    pub danger: Danger,
    /// The name typed so far.
    pub typed_name: String,
    /// Reason why the last answer was not accepted.
    pub remark: Option<String>,
    /// Index of the first command shown; above 0 only after scrolling a list that does not fit.
    pub(crate) first_command: usize,
    /// Current weights, if the proposed weights can be changed in the dialog.
    initial_weights: Option<Vec<i64>>,
    opened_at: Duration,
}

/// Result of a key press in the dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfirmationEvent {
    /// No decision yet.
    Pending,
    /// Canceled.
    No,
    /// Confirmed.
    Yes(ConfirmationAnswer),
    /// Another action was chosen instead.
    RunInstead(&'static Action),
}

impl Confirmation {
    /// Opens the dialog at `now`.
    pub(crate) fn new(intent: Intent, danger: Danger, now: Duration) -> Self {
        Self {
            intent,
            danger,
            typed_name: String::new(),
            remark: None,
            first_command: 0,
            initial_weights: None,
            opened_at: now,
        }
    }

    /// Opens a dialog in which the proposed weights can still be changed; `from` are the current weights.
    pub(crate) fn with_weight_steps(intent: Intent, danger: Danger, from: Vec<i64>, now: Duration) -> Self {
        Self { initial_weights: Some(from), ..Self::new(intent, danger, now) }
    }

    /// Returns a new dialog with the current state of the targets, and a remark that explains why it was opened again.
    #[must_use]
    pub(crate) fn reopen(self, intent: Intent, danger: Danger, remark: String, now: Duration) -> Self {
        Self { remark: Some(remark), initial_weights: self.initial_weights, ..Self::new(intent, danger, now) }
    }

    /// Returns the time at which the dialog closes.
    pub fn expires_at(&self) -> Duration {
        self.opened_at + EXPIRES_AFTER
    }

    /// Returns the name that must be typed, or `None` if `y` is enough.
    pub fn name_to_type(&self) -> Option<String> {
        (self.danger == Danger::Highest).then(|| guard::name_to_type(&self.intent))
    }

    /// Returns whether the weight keys may change the proposed weights. They may not while a name is being typed.
    pub(crate) fn can_change_weight(&self) -> bool {
        self.initial_weights.is_some() && self.typed_name.is_empty()
    }

    /// Returns the intent with all weights changed by `by`, or `None` if the dialog cannot change weights. Several key
    /// presses still result in one command per server.
    pub(crate) fn intent_with_weight_change(&self, by: i32) -> Option<Intent> {
        self.initial_weights.as_ref()?;
        let mut intent = self.intent.clone();
        for step in &mut intent.steps {
            if let WriteCommand::Weight(TargetWeight::Absolute(weight)) = step.command {
                let weight = (i32::from(weight) + by).clamp(0, i32::from(MAX_WEIGHT));
                step.command = WriteCommand::Weight(TargetWeight::Absolute(weight as u16));
            }
        }
        Some(intent)
    }

    /// Replaces the intent and restarts the dialog's timers.
    pub(crate) fn replace_intent(&mut self, intent: Intent, danger: Danger, now: Duration) {
        (self.intent, self.danger, self.opened_at, self.remark) = (intent, danger, now, None);
    }

    /// Returns the action offered instead: draining if servers would go into maintenance without a drain, else `None`.
    pub(crate) fn alternative_action(&self) -> Option<&'static Action> {
        let is_maint =
            self.intent.steps.iter().all(|step| *step.action == MAINT && step.target.seen_status.as_str() != "DRAIN");
        (is_maint && self.intent.purpose == IntentPurpose::Requested && self.danger < Danger::Highest).then_some(&DRAIN)
    }

    /// Handles a key press.
    pub(crate) fn handle_key(&mut self, key: Key, now: Duration) -> ConfirmationEvent {
        let is_quit = key == Key { ctrl: true, ..Key::char('c') };
        if key.code == KeyCode::Esc || is_quit {
            return ConfirmationEvent::No;
        }
        if key.ctrl || key.alt || now.saturating_sub(self.opened_at) < TYPE_AHEAD_WINDOW {
            return ConfirmationEvent::Pending;
        }
        match (self.name_to_type(), key.code) {
            (_, KeyCode::Down) => {
                self.first_command = (self.first_command + 1).min(self.intent.steps.len().saturating_sub(1));
            }
            (_, KeyCode::Up) => self.first_command = self.first_command.saturating_sub(1),
            (None, KeyCode::Char('y')) => return ConfirmationEvent::Yes(ConfirmationAnswer::Yes),
            (None, KeyCode::Char('n' | 'q' | 'N') | KeyCode::Enter) => return ConfirmationEvent::No,
            (None, KeyCode::Char('d')) => {
                if let Some(action) = self.alternative_action() {
                    return ConfirmationEvent::RunInstead(action);
                }
            }
            (Some(name), KeyCode::Enter) if self.typed_name == name => {
                return ConfirmationEvent::Yes(ConfirmationAnswer::Typed(self.typed_name.clone()));
            }
            (Some(_), KeyCode::Enter) if self.typed_name.is_empty() => return ConfirmationEvent::No,
            (Some(name), KeyCode::Enter) => self.remark = Some(format!("does not match {name}")),
            (Some(_), KeyCode::Backspace) => {
                self.typed_name.pop();
                self.remark = None;
            }
            (Some(_), KeyCode::Char(ch)) if self.typed_name.chars().count() < MAX_NAME_CHARS && is_visible(ch) => {
                self.typed_name.push(ch);
                self.remark = None;
            }
            _ => {}
        }
        ConfirmationEvent::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::WEIGHT;
    use crate::actions::intent::ActionTarget;
    use crate::haproxy::write_command::TargetState;
    use crate::observe::instance_id::InstanceId;

    fn intent(action: &'static Action, command: WriteCommand) -> Intent {
        Intent::new(action, command, InstanceId::FIRST, vec![ActionTarget::without_row("api".into(), "api1".into())])
    }

    fn open_dialog(danger: Danger) -> Confirmation {
        Confirmation::new(intent(&MAINT, WriteCommand::State(TargetState::Maint)), danger, Duration::from_secs(10))
    }

    fn press(dialog: &mut Confirmation, keys: &str, millis: u64) -> ConfirmationEvent {
        let now = Duration::from_secs(10) + Duration::from_millis(millis);
        Key::parse_sequence(keys).unwrap().into_iter().map(|key| dialog.handle_key(key, now)).last().unwrap()
    }

    #[test]
    fn handle_key_confirms_only_on_y() {
        for keys in ["n", "q", "<esc>", "<ret>", "<c-c>"] {
            assert_eq!(press(&mut open_dialog(Danger::High), keys, 500), ConfirmationEvent::No, "{keys}");
        }
        for keys in ["Y", "j", "<space>", "<f10>", "M", "<c-y>"] {
            assert_eq!(press(&mut open_dialog(Danger::High), keys, 500), ConfirmationEvent::Pending, "{keys}");
        }
        assert_eq!(press(&mut open_dialog(Danger::High), "y", 500), ConfirmationEvent::Yes(ConfirmationAnswer::Yes));
        assert_eq!(press(&mut open_dialog(Danger::High), "d", 500), ConfirmationEvent::RunInstead(&DRAIN));
    }

    #[test]
    fn handle_key_ignores_keys_typed_ahead() {
        assert_eq!(press(&mut open_dialog(Danger::High), "y", 299), ConfirmationEvent::Pending);
        assert_eq!(
            press(&mut open_dialog(Danger::High), "<esc>", 10),
            ConfirmationEvent::No,
            "No is accepted at any time"
        );
    }

    #[test]
    fn handle_key_requires_name_for_highest_danger() {
        let mut highest = open_dialog(Danger::Highest);
        assert_eq!(press(&mut highest, "yd<ret>", 500), ConfirmationEvent::Pending);
        assert_eq!(highest.remark.as_deref(), Some("does not match api1"));
        assert_eq!(
            press(&mut highest, "<bs><bs>api1<ret>", 900),
            ConfirmationEvent::Yes(ConfirmationAnswer::Typed("api1".into()))
        );
        assert_eq!(press(&mut open_dialog(Danger::Highest), "<ret>", 500), ConfirmationEvent::No);
    }

    #[test]
    fn handle_key_drops_invisible_characters_of_name() {
        let mut highest = open_dialog(Danger::Highest);
        assert_eq!(press(&mut highest, "a\u{202e}p\u{301}i\u{85}1", 500), ConfirmationEvent::Pending);
        assert_eq!(highest.typed_name, "api1");
    }

    #[test]
    fn weight_change_stays_in_range_and_restarts_type_ahead_window() {
        let weight = |weight| intent(&WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(weight)));
        let mut dialog = Confirmation::with_weight_steps(weight(90), Danger::Low, vec![100], Duration::from_secs(10));
        for (by, expected) in [(-10, 80), (1, 81), (-200, 0), (300, 256)] {
            let stepped = dialog.intent_with_weight_change(by).unwrap();
            assert_eq!(stepped, weight(expected), "{by}");
            dialog.replace_intent(stepped, Danger::Low, Duration::from_secs(20));
        }
        assert_eq!(dialog.handle_key(Key::char('y'), Duration::from_millis(20_299)), ConfirmationEvent::Pending);
        assert_eq!(
            dialog.handle_key(Key::char('y'), Duration::from_millis(20_300)),
            ConfirmationEvent::Yes(ConfirmationAnswer::Yes)
        );
        assert_eq!(open_dialog(Danger::High).intent_with_weight_change(1), None);
    }
}
