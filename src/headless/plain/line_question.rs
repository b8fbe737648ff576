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

/// A question that waits for its answer.
#[derive(Debug, Clone)]
pub(crate) struct LineQuestion {
    /// Index of the HAProxy.
    pub(crate) instance: usize,
    /// The action.
    pub(crate) intent: Intent,
    /// Danger of the action.
    pub(crate) danger: Danger,
    /// Monotonic time at which the terminal had received the question.
    pub(crate) asked_at: Duration,
}

/// A dialog that waits for a line.
#[derive(Debug, Clone)]
pub(crate) enum OpenDialog {
    /// The reason for an action on this HAProxy, asked at this monotonic time.
    Reason(usize, Intent, Duration),
    /// The confirmation.
    Question(LineQuestion),
}

impl OpenDialog {
    /// Returns the monotonic time at which the dialog ends without an answer.
    pub(crate) fn ends_at(&self) -> Duration {
        match self {
            Self::Reason(_, _, asked_at) => *asked_at + ANSWER_TIME,
            Self::Question(question) => question.asked_at + ANSWER_TIME,
        }
    }
}

/// Meaning of a line that follows the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AnswerVerdict {
    /// The action is confirmed.
    Yes(ConfirmationAnswer),
    /// The line is neither the word that confirms nor a refusal, which cancels the action, too.
    No,
    /// The line is empty, `n` or `no`.
    Canceled,
    /// The line was typed before the question could be read, or pasted: it does not count.
    Discarded,
}

impl LineQuestion {
    /// Returns the word that confirms the action: `yes`, or a name for the highest danger.
    pub(crate) fn word(&self) -> String {
        confirming_word(&self.intent, self.danger)
    }

    /// Judges a line that was read while the question was open. A No counts at any moment.
    pub(crate) fn judge(&self, line: &InputLine) -> AnswerVerdict {
        let is_refusal = line.text.is_empty() || ["n", "no"].contains(&line.text.to_lowercase().as_str());
        let is_early = line.at < self.asked_at + PAUSE_BEFORE_YES;
        match () {
            () if is_refusal => AnswerVerdict::Canceled,
            () if is_early || line.is_in_burst => AnswerVerdict::Discarded,
            () if line.text != self.word() => AnswerVerdict::No,
            () if self.danger == Danger::Highest => AnswerVerdict::Yes(ConfirmationAnswer::Typed(line.text.clone())),
            () => AnswerVerdict::Yes(ConfirmationAnswer::Yes),
        }
    }
}

/// Returns the word that confirms an action of this danger.
fn confirming_word(intent: &Intent, danger: Danger) -> String {
    if danger == Danger::Highest { name_to_type(intent) } else { "yes".to_owned() }
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
    let word = confirming_word(intent, danger);
    let dangerous = if danger == Danger::Highest { "This is dangerous. " } else { "" };
    lines.push(format!("{dangerous}Type {word} to send it; anything else cancels."));
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

    fn question(danger: Danger) -> (LineQuestion, std::sync::Arc<Sample>) {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let index = sample.table.rows().iter().position(|row| row.name.as_str() == "w1").unwrap();
        let target = ActionTarget::from_row(&sample, sample.rows.ids()[index]).unwrap();
        let command = WriteCommand::State(TargetState::Drain);
        let intent = Intent::new(for_admin_state(TargetState::Drain), command, InstanceId::FIRST, vec![target]);
        (LineQuestion { instance: 0, intent, danger, asked_at: Duration::from_secs(10) }, sample)
    }

    fn judge(danger: Danger, text: &str, millis: u64, is_in_burst: bool) -> AnswerVerdict {
        let line = InputLine { text: text.to_owned(), at: Duration::from_millis(millis), is_in_burst };
        question(danger).0.judge(&line)
    }

    #[test]
    fn judge_accepts_only_the_word_that_was_typed_after_the_question() {
        let yes = AnswerVerdict::Yes(ConfirmationAnswer::Yes);
        assert_eq!(judge(Danger::High, "yes", 10_600, false), yes);
        assert_eq!(judge(Danger::High, "yes", 9_000, false), AnswerVerdict::Discarded, "typed before");
        assert_eq!(judge(Danger::High, "yes", 10_400, false), AnswerVerdict::Discarded, "too early to have read it");
        assert_eq!(judge(Danger::High, "yes", 12_000, true), AnswerVerdict::Discarded, "pasted");
        for text in ["y", "YES", "w1", "status", "yes please"] {
            assert_eq!(judge(Danger::High, text, 12_000, false), AnswerVerdict::No, "{text}");
        }
        for text in ["", "no", "N"] {
            assert_eq!(
                judge(Danger::High, text, 9_000, true),
                AnswerVerdict::Canceled,
                "{text:?} counts at any moment"
            );
        }
    }

    #[test]
    fn judge_wants_name_at_highest_danger() {
        let typed = AnswerVerdict::Yes(ConfirmationAnswer::Typed("w1".to_owned()));
        assert_eq!(judge(Danger::Highest, "w1", 12_000, false), typed);
        assert_eq!(judge(Danger::Highest, "yes", 12_000, false), AnswerVerdict::No);
    }

    #[test]
    fn question_lines_give_command_states_and_word() {
        let (question, sample) = question(Danger::High);
        let lines = question_lines(&question.intent, Danger::High, "lb1", &sample, &LastChecks::default());
        assert_eq!(lines[0], "Question: drain of www/w1 on lb1?");
        assert_eq!(lines[1], "Command: set server www/w1 state drain");
        assert_eq!(lines[2], "Now: UP, 400 sessions, 0 queued, weight 100");
        assert!(lines[3].starts_with("After: 1 of 2 servers usable"), "{lines:?}");
        assert_eq!(lines.last().unwrap(), "Type yes to send it; anything else cancels.");
        let lines = question_lines(&question.intent, Danger::Highest, "lb1", &sample, &LastChecks::default());
        assert_eq!(lines.last().unwrap(), "This is dangerous. Type w1 to send it; anything else cancels.");
    }
}
