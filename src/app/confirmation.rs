//! The confirmation dialog before an action.
//!
//! The dialog shows the commands to send and the expected result, computed from the newest sample for each frame.
//! [`crate::app::answer_gate`] decides which key answers it. The dialog closes after a minute. If a target changed in
//! the meantime, the answer is discarded and the dialog asks again.

use std::time::Duration;

use crate::actions::action_table::{Action, DRAIN, Danger, MAINT};
use crate::actions::intent::{Intent, IntentPurpose};
use crate::app::answer_gate::{AnswerGate, GateEvent};
use crate::app::key::{Key, KeyCode, KeyPress};
use crate::haproxy::write_command::{MAX_WEIGHT, TargetWeight, WriteCommand};
use crate::instance::guard;
use crate::observe::instance_id::InstanceId;

/// The dialog closes after this time, and nothing is sent.
pub(crate) const EXPIRES_AFTER: Duration = Duration::from_mins(1);

/// The action of a question on another balancer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupPart {
    /// The balancer.
    pub(crate) instance: InstanceId,
    /// The action and its danger, or the reason why it is not sent to this balancer.
    pub(crate) prepared: Result<(Intent, Danger), String>,
}

/// An open confirmation dialog.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmation {
    /// The action to confirm.
    pub intent: Intent,
    /// Danger level of the action.
    pub danger: Danger,
    /// The answer.
    pub gate: AnswerGate,
    /// Current weights, if the proposed weights can be changed in the dialog.
    initial_weights: Option<Vec<i64>>,
    opened_at: Duration,
    /// The action on each other balancer that has the targets.
    pub(crate) others: Vec<GroupPart>,
    /// True if the question is about all balancers.
    pub(crate) is_for_all: bool,
}

/// Result of a key press in the dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfirmationEvent {
    /// No decision yet. A Yes becomes final after a pause; see [`AnswerGate::take_answer`].
    Pending,
    /// Canceled.
    No,
    /// Another action was chosen instead.
    RunInstead(&'static Action),
}

impl Confirmation {
    /// Opens the dialog at `now`.
    pub(crate) fn new(intent: Intent, danger: Danger, now: Duration) -> Self {
        let gate = new_gate(&intent, danger);
        let (others, is_for_all) = (Vec::new(), false);
        Self { intent, danger, gate, initial_weights: None, opened_at: now, others, is_for_all }
    }

    /// Opens a dialog in which the proposed weights can still be changed; `from` are the current weights.
    pub(crate) fn with_weight_steps(intent: Intent, danger: Danger, from: Vec<i64>, now: Duration) -> Self {
        Self { initial_weights: Some(from), ..Self::new(intent, danger, now) }
    }

    /// Returns a new dialog with the current state of the targets.
    #[must_use]
    pub(crate) fn reopen(self, intent: Intent, danger: Danger, now: Duration) -> Self {
        Self { initial_weights: self.initial_weights, ..Self::new(intent, danger, now) }
    }

    /// Offers the action on other balancers too. An undo is about all balancers that the action has changed.
    #[must_use]
    pub(crate) fn with_others(mut self, others: Vec<GroupPart>, is_for_all: bool) -> Self {
        self.others = others;
        if is_for_all && self.can_be_for_all() {
            self.is_for_all = true;
            self.renew_gate();
        }
        self
    }

    /// Returns whether the question can be about several balancers.
    pub(crate) fn can_be_for_all(&self) -> bool {
        self.others.iter().any(|part| part.prepared.is_ok())
    }

    /// Returns the action on each balancer of the question, this one first.
    pub(crate) fn intents(&self) -> Vec<&Intent> {
        let others = self.others.iter().filter(|_| self.is_for_all);
        let others = others.filter_map(|part| part.prepared.as_ref().ok().map(|(intent, _)| intent));
        std::iter::once(&self.intent).chain(others).collect()
    }

    /// Returns the danger of the question: the highest of its balancers.
    pub fn highest_danger(&self) -> Danger {
        let others = self.others.iter().filter(|_| self.is_for_all);
        let others = others.filter_map(|part| part.prepared.as_ref().ok().map(|(_, danger)| *danger));
        others.fold(self.danger, Danger::max)
    }

    fn renew_gate(&mut self) {
        self.gate = match self.intents().len() {
            1 => new_gate(&self.intent, self.danger),
            count => AnswerGate::new((self.highest_danger() == Danger::Highest).then(|| guard::count_to_type(count))),
        };
    }

    /// Returns the time at which the dialog closes.
    pub fn expires_at(&self) -> Duration {
        self.opened_at + EXPIRES_AFTER
    }

    /// Returns the name that must be typed, or `None` if `y` is enough.
    pub fn name_to_type(&self) -> Option<&str> {
        self.gate.required_name()
    }

    /// Returns whether the weight keys may change the proposed weights. They may not while a name is being typed.
    pub(crate) fn can_change_weight(&self) -> bool {
        self.initial_weights.is_some() && self.gate.typed_name().is_empty()
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

    /// Replaces the intent and asks again.
    pub(crate) fn replace_intent(&mut self, intent: Intent, danger: Danger, now: Duration) {
        (self.intent, self.danger, self.opened_at) = (intent, danger, now);
        (self.others, self.is_for_all) = (Vec::new(), false);
        self.renew_gate();
    }

    /// Returns the action offered instead: draining if servers would go into maintenance without a drain, else `None`.
    pub(crate) fn alternative_action(&self) -> Option<&'static Action> {
        let is_maint =
            self.intent.steps.iter().all(|step| *step.action == MAINT && step.target.seen_status.as_str() != "DRAIN");
        let is_offered = self.intent.purpose == IntentPurpose::Requested && !self.is_for_all;
        (is_maint && is_offered && self.danger < Danger::Highest).then_some(&DRAIN)
    }

    /// Handles a key press.
    pub(crate) fn handle_key(&mut self, press: KeyPress) -> ConfirmationEvent {
        if press.key == Key::unmodified(KeyCode::Tab) && self.can_be_for_all() {
            self.is_for_all = !self.is_for_all;
            self.opened_at = press.read_at;
            self.renew_gate();
            return ConfirmationEvent::Pending;
        }
        if press.key == Key::char('d')
            && let Some(action) = self.alternative_action()
        {
            if !press.is_in_burst() {
                return ConfirmationEvent::RunInstead(action);
            }
            self.gate.set_remark("other keys arrived with d: press d again");
            return ConfirmationEvent::Pending;
        }
        match self.gate.handle_key(press) {
            GateEvent::Pending => ConfirmationEvent::Pending,
            GateEvent::No => ConfirmationEvent::No,
        }
    }
}

fn new_gate(intent: &Intent, danger: Danger) -> AnswerGate {
    AnswerGate::new((danger == Danger::Highest).then(|| guard::name_to_type(intent)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::WEIGHT;
    use crate::actions::intent::ActionTarget;
    use crate::app::answer_gate::ShownRows;
    use crate::haproxy::write_command::TargetState;
    use crate::instance::guard::ConfirmationAnswer;

    fn intent(action: &'static Action, command: WriteCommand) -> Intent {
        Intent::new(action, command, InstanceId::FIRST, vec![ActionTarget::without_row("api".into(), "api1".into())])
    }

    fn open_dialog(danger: Danger) -> Confirmation {
        let maint = intent(&MAINT, WriteCommand::State(TargetState::Maint));
        let mut dialog = Confirmation::new(maint, danger, Duration::from_secs(10));
        show(&mut dialog, 10_000);
        dialog
    }

    /// Shows the whole dialog in a frame that was written at `millis`.
    fn show(dialog: &mut Confirmation, millis: u64) {
        dialog.gate.record_drawn(millis, Some(ShownRows { first: 0, count: 1, total: 1 }));
        dialog.gate.record_written(millis, Duration::from_millis(millis));
    }

    /// Presses keys at `millis`, each after a long pause.
    fn press(dialog: &mut Confirmation, keys: &str, millis: u64) -> ConfirmationEvent {
        let (read_at, pause) = (Duration::from_millis(millis), Duration::from_secs(1));
        let keys = Key::parse_sequence(keys).unwrap().into_iter();
        keys.map(|key| dialog.handle_key(KeyPress { key, read_at, pause })).last().unwrap()
    }

    #[test]
    fn handle_key_confirms_only_on_y() {
        for keys in ["n", "q", "<esc>", "<ret>", "<c-c>", "Y", "<space>", "<f10>", "M", "<c-y>", "<a-d>"] {
            assert_eq!(press(&mut open_dialog(Danger::High), keys, 10_500), ConfirmationEvent::No, "{keys}");
        }
        let mut dialog = open_dialog(Danger::High);
        assert_eq!(press(&mut dialog, "jk<down><end>y", 10_500), ConfirmationEvent::Pending);
        assert_eq!(dialog.gate.take_answer(true), Some(ConfirmationAnswer::Yes));
        assert_eq!(press(&mut open_dialog(Danger::High), "d", 10_500), ConfirmationEvent::RunInstead(&DRAIN));
    }

    #[test]
    fn alternative_action_needs_a_pause() {
        let press = KeyPress { key: Key::char('d'), read_at: Duration::from_secs(11), pause: Duration::ZERO };
        let mut dialog = open_dialog(Danger::High);
        assert_eq!(dialog.handle_key(press), ConfirmationEvent::Pending);
        assert_eq!(dialog.gate.remark(Duration::ZERO), Some("other keys arrived with d: press d again"));
    }

    #[test]
    fn tab_extends_question_to_other_balancers() {
        let maint = || intent(&MAINT, WriteCommand::State(TargetState::Maint));
        let instance = InstanceId::first(2).last().unwrap();
        let part = |prepared| GroupPart { instance, prepared };
        let with = |danger, others| {
            let mut dialog =
                Confirmation::new(maint(), Danger::High, Duration::from_secs(10)).with_others(others, false);
            assert_eq!((dialog.name_to_type(), dialog.highest_danger()), (None, Danger::High));
            let event = press(&mut dialog, "<tab>", 11_000);
            assert_eq!(event, ConfirmationEvent::Pending, "{danger:?}");
            show(&mut dialog, 12_000);
            dialog
        };
        let mut dialog = with(Danger::High, vec![part(Ok((maint(), Danger::High))), part(Err("lost".into()))]);
        assert_eq!((dialog.intents().len(), dialog.name_to_type()), (2, None));
        press(&mut dialog, "y", 13_000);
        assert_eq!(dialog.gate.take_answer(true), Some(ConfirmationAnswer::Yes));
        let mut dialog = with(Danger::Highest, vec![part(Ok((maint(), Danger::Highest)))]);
        assert_eq!((dialog.name_to_type(), dialog.highest_danger()), (Some("2 balancers"), Danger::Highest));
        press(&mut dialog, "<tab>", 13_000);
        assert_eq!((dialog.intents().len(), dialog.name_to_type()), (1, None));
        let mut alone = open_dialog(Danger::High).with_others(vec![part(Err("lost".into()))], true);
        assert_eq!(press(&mut alone, "<tab>", 13_000), ConfirmationEvent::No);
    }

    #[test]
    fn handle_key_requires_name_for_highest_danger() {
        let mut highest = open_dialog(Danger::Highest);
        assert_eq!(press(&mut highest, "yd<ret>", 10_500), ConfirmationEvent::Pending);
        assert_eq!(highest.gate.remark(Duration::ZERO), Some("does not match \"api1\""));
        assert_eq!(press(&mut highest, "<bs><bs>api1<ret>", 10_900), ConfirmationEvent::Pending);
        assert_eq!(highest.gate.take_answer(true), Some(ConfirmationAnswer::Typed("api1".into())));
        assert_eq!(press(&mut open_dialog(Danger::Highest), "<ret>", 10_500), ConfirmationEvent::No);
    }

    #[test]
    fn weight_change_stays_in_range_and_asks_again() {
        let weight = |weight| intent(&WEIGHT, WriteCommand::Weight(TargetWeight::Absolute(weight)));
        let mut dialog = Confirmation::with_weight_steps(weight(90), Danger::Low, vec![100], Duration::from_secs(10));
        for (by, expected) in [(-10, 80), (1, 81), (-200, 0), (300, 256)] {
            show(&mut dialog, 15_000);
            let stepped = dialog.intent_with_weight_change(by).unwrap();
            assert_eq!(stepped, weight(expected), "{by}");
            dialog.replace_intent(stepped, Danger::Low, Duration::from_secs(20));
        }
        press(&mut dialog, "y", 30_000);
        assert_eq!(dialog.gate.take_answer(true), None, "the new weight was not shown");
        show(&mut dialog, 31_000);
        press(&mut dialog, "y", 31_500);
        assert_eq!(dialog.gate.take_answer(true), Some(ConfirmationAnswer::Yes));
        assert_eq!(open_dialog(Danger::High).intent_with_weight_change(1), None);
    }
}
