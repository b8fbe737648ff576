//! A question about an action, as lines: the exact command, the present and the expected state, warnings, and the word
//! that confirms.

use std::time::Duration;

use crate::actions::action_table::Danger;
use crate::actions::intent::Intent;
use crate::actions::last_checks::LastChecks;
use crate::app::answer_gate::PAUSE_BEFORE_YES;
use crate::app::confirmation_texts::collect_facts;
use crate::headless::plain::line_input::InputLine;
use crate::instance::guard::{ConfirmationAnswer, name_to_type};
use crate::observe::sample::Sample;

/// Time after which an unanswered question counts as No, so that announcements do not wait longer.
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// The answer that a dialog asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DialogSubject {
    /// The reason for the action.
    Reason,
    /// The confirmation of an action of this danger.
    Confirmation(Danger),
}

/// A dialog about an action, which waits for a line.
#[derive(Debug, Clone)]
pub(crate) struct LineDialog {
    /// Index of the instance.
    pub(crate) instance: usize,
    /// The action.
    pub(crate) intent: Intent,
    /// The answer that is asked for.
    pub(crate) subject: DialogSubject,
    /// Number of the batch of lines that ends with the question.
    batch: u64,
    /// Monotonic time at which the dialog was opened.
    opened_at: Duration,
    /// Monotonic time at which the terminal had received the question; `None` until then.
    shown_at: Option<Duration>,
    /// Monotonic time at which the last discarded line was read.
    discarded_at: Option<Duration>,
}

/// Meaning of a line that follows the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AnswerVerdict {
    /// The action is confirmed.
    Yes(ConfirmationAnswer),
    /// The line is the reason.
    Reason(String),
    /// The line is neither the word that confirms nor a refusal, which cancels the action, too.
    No,
    /// The line is empty, `n` or `no`.
    Canceled,
    /// The line was typed before the question could be read, or pasted: it does not count. `is_first` is false for
    /// further lines of the same text.
    Discarded { is_first: bool },
}

impl LineDialog {
    /// Opens a dialog whose question ends in the batch of lines with this number.
    pub(crate) fn new(instance: usize, intent: Intent, subject: DialogSubject, batch: u64, now: Duration) -> Self {
        Self { instance, intent, subject, batch, opened_at: now, shown_at: None, discarded_at: None }
    }

    /// Records that the terminal had received a batch of lines at `at`. Returns whether it shows the question now.
    pub(crate) fn record_written(&mut self, batch: u64, at: Duration) -> bool {
        let is_shown = self.shown_at.is_none() && batch >= self.batch;
        if is_shown {
            self.shown_at = Some(at);
        }
        is_shown
    }

    /// Waits until the terminal has received the batch with this number, because it asks again.
    pub(crate) fn hide_until(&mut self, batch: u64) {
        (self.batch, self.shown_at) = (batch, None);
    }

    /// Returns the monotonic time at which the dialog ends without an answer.
    pub(crate) fn ends_at(&self) -> Duration {
        self.shown_at.unwrap_or(self.opened_at) + ANSWER_TIME
    }

    /// Returns how to answer.
    pub(crate) fn request(&self) -> String {
        match self.subject {
            DialogSubject::Reason => "Type the reason; an empty line cancels.".to_owned(),
            DialogSubject::Confirmation(danger) => request(&self.intent, danger),
        }
    }

    /// Returns the word that confirms the action: `yes`, or a name for the highest danger.
    pub(crate) fn word(&self) -> String {
        match self.subject {
            DialogSubject::Confirmation(danger) => confirming_word(&self.intent, danger),
            DialogSubject::Reason => String::new(),
        }
    }

    /// Judges a line that was read while the dialog was open. A No counts at any moment. A Yes counts only if no other
    /// line was read shortly before, and none of the same text after it.
    pub(crate) fn judge(&mut self, line: &InputLine) -> AnswerVerdict {
        let is_no = ["n", "no"].contains(&line.text.to_lowercase().as_str()) && self.subject != DialogSubject::Reason;
        if line.text.is_empty() || is_no {
            return AnswerVerdict::Canceled;
        }
        let earliest = self.shown_at.max(self.discarded_at).map(|at| at + PAUSE_BEFORE_YES);
        let is_early = self.shown_at.is_none() || earliest.is_none_or(|earliest| line.at < earliest);
        if is_early || line.is_in_burst {
            let last = self.discarded_at.replace(line.at);
            let is_first = last.is_none_or(|last| line.at.saturating_sub(last) > PAUSE_BEFORE_YES);
            return AnswerVerdict::Discarded { is_first };
        }
        match self.subject {
            DialogSubject::Reason => AnswerVerdict::Reason(line.text.clone()),
            DialogSubject::Confirmation(_) if line.text != self.word() => AnswerVerdict::No,
            DialogSubject::Confirmation(Danger::Highest) => {
                AnswerVerdict::Yes(ConfirmationAnswer::Typed(line.text.clone()))
            }
            DialogSubject::Confirmation(_) => AnswerVerdict::Yes(ConfirmationAnswer::Yes),
        }
    }
}

/// Returns the word that confirms an action of this danger.
fn confirming_word(intent: &Intent, danger: Danger) -> String {
    if danger == Danger::Highest { name_to_type(intent) } else { "yes".to_owned() }
}

/// Returns how to confirm an action of this danger.
fn request(intent: &Intent, danger: Danger) -> String {
    let dangerous = if danger == Danger::Highest { "This is dangerous. " } else { "" };
    format!("{dangerous}Type {} to send it; anything else cancels.", confirming_word(intent, danger))
}

/// Returns the lines of the question about an action on the HAProxy with this name.
pub(crate) fn question_lines(
    intent: &Intent,
    danger: Danger,
    name: &str,
    sample: &Sample,
    last_checks: &LastChecks,
) -> Vec<String> {
    let facts = collect_facts(intent, sample, last_checks, sample.at.monotonic).unwrap_or_default();
    let mut lines = vec![format!("Question: {} on {name}?", intent.describe(&intent.target_summary()))];
    lines.extend(intent.commands().into_iter().map(|command| format!("Command: {command}")));
    let states = [("Now", facts.current_state), ("After", facts.expected_state)];
    lines.extend(states.into_iter().filter(|(_, text)| !text.is_empty()).map(|(head, text)| format!("{head}: {text}")));
    lines.extend(facts.warnings.into_iter().map(|warning| format!("Warning: {warning}")));
    lines.push(request(intent, danger));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::for_admin_state;
    use crate::actions::intent::ActionTarget;
    use crate::haproxy::write_command::{TargetState, WriteCommand};
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn dialog(subject: DialogSubject) -> (LineDialog, std::sync::Arc<Sample>) {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let index = sample.table.rows().iter().position(|row| row.name.as_str() == "w1").unwrap();
        let target = ActionTarget::from_row(&sample, sample.rows.ids()[index]).unwrap();
        let command = WriteCommand::State(TargetState::Drain);
        let intent = Intent::new(for_admin_state(TargetState::Drain), command, InstanceId::FIRST, vec![target]);
        (LineDialog::new(0, intent, subject, 7, Duration::from_secs(9)), sample)
    }

    fn shown(subject: DialogSubject) -> LineDialog {
        let mut dialog = dialog(subject).0;
        assert!(dialog.record_written(7, Duration::from_secs(10)));
        dialog
    }

    fn line(text: &str, millis: u64, is_in_burst: bool) -> InputLine {
        InputLine { text: text.to_owned(), at: Duration::from_millis(millis), is_in_burst }
    }

    fn judge(danger: Danger, text: &str, millis: u64, is_in_burst: bool) -> AnswerVerdict {
        shown(DialogSubject::Confirmation(danger)).judge(&line(text, millis, is_in_burst))
    }

    const DISCARDED: AnswerVerdict = AnswerVerdict::Discarded { is_first: true };

    #[test]
    fn judge_accepts_only_the_word_that_was_typed_after_the_question() {
        let yes = AnswerVerdict::Yes(ConfirmationAnswer::Yes);
        assert_eq!(judge(Danger::High, "yes", 10_600, false), yes);
        assert_eq!(judge(Danger::High, "yes", 9_000, false), DISCARDED, "typed before");
        assert_eq!(judge(Danger::High, "yes", 10_400, false), DISCARDED, "too early to have read it");
        assert_eq!(judge(Danger::High, "yes", 12_000, true), DISCARDED, "pasted");
        for text in ["y", "YES", "w1", "status", "yes please"] {
            assert_eq!(judge(Danger::High, text, 12_000, false), AnswerVerdict::No, "{text}");
        }
        for text in ["", "no", "N"] {
            let verdict = judge(Danger::High, text, 9_000, true);
            assert_eq!(verdict, AnswerVerdict::Canceled, "{text:?} counts at any moment");
        }
    }

    #[test]
    fn judge_needs_a_written_question_and_a_pause_after_discarded_lines() {
        let mut dialog = dialog(DialogSubject::Confirmation(Danger::High)).0;
        assert!(!dialog.record_written(6, Duration::from_secs(9)), "an earlier batch");
        assert_eq!(dialog.judge(&line("yes", 20_000, false)), DISCARDED, "not written");
        assert_eq!(dialog.judge(&line("yes", 20_010, false)), AnswerVerdict::Discarded { is_first: false });
        assert!(dialog.record_written(8, Duration::from_secs(19)));
        assert!(matches!(dialog.judge(&line("yes", 20_400, false)), AnswerVerdict::Discarded { .. }), "no pause");
        assert_eq!(dialog.judge(&line("yes", 21_000, false)), AnswerVerdict::Yes(ConfirmationAnswer::Yes));
        dialog.hide_until(9);
        assert_eq!(dialog.judge(&line("yes", 30_000, false)), DISCARDED, "asked again, not written");
    }

    #[test]
    fn ends_at_counts_from_the_written_question() {
        assert_eq!(dialog(DialogSubject::Reason).0.ends_at(), Duration::from_secs(69));
        assert_eq!(shown(DialogSubject::Reason).ends_at(), Duration::from_secs(70));
    }

    #[test]
    fn judge_takes_any_line_as_reason() {
        let mut dialog = shown(DialogSubject::Reason);
        assert_eq!(dialog.judge(&line("no", 10_100, false)), DISCARDED);
        assert_eq!(dialog.judge(&line("no", 12_000, false)), AnswerVerdict::Reason("no".to_owned()));
        assert_eq!(dialog.judge(&line("", 12_000, false)), AnswerVerdict::Canceled);
    }

    #[test]
    fn judge_wants_name_at_highest_danger() {
        let typed = AnswerVerdict::Yes(ConfirmationAnswer::Typed("w1".to_owned()));
        assert_eq!(judge(Danger::Highest, "w1", 12_000, false), typed);
        assert_eq!(judge(Danger::Highest, "yes", 12_000, false), AnswerVerdict::No);
    }

    #[test]
    fn question_lines_give_command_states_and_word() {
        let (dialog, sample) = dialog(DialogSubject::Confirmation(Danger::High));
        let lines = question_lines(&dialog.intent, Danger::High, "lb1", &sample, &LastChecks::default());
        assert_eq!(lines[0], "Question: drain of www/w1 on lb1?");
        assert_eq!(lines[1], "Command: set server www/w1 state drain");
        assert_eq!(lines[2], "Now: UP, 400 sessions, 0 queued, weight 100");
        assert!(lines[3].starts_with("After: 1 of 2 servers usable"), "{lines:?}");
        assert_eq!(lines.last().unwrap(), "Type yes to send it; anything else cancels.");
        let lines = question_lines(&dialog.intent, Danger::Highest, "lb1", &sample, &LastChecks::default());
        assert_eq!(lines.last().unwrap(), "This is dangerous. Type w1 to send it; anything else cancels.");
    }
}
