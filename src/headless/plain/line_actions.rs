//! Actions of a session: the question, its answer, sending, and the result.

use std::io;
use std::time::Duration;

use rustix::termios::{QueueSelector, tcflush};

use crate::actions::action_table::{self, DRAIN, Danger};
use crate::actions::intent::Intent;
use crate::actions::outcome::{Outcome, StepResult};
use crate::haproxy::write_command::WriteCommand;
use crate::headless::plain::command_words::ActionWords;
use crate::headless::plain::line_input::InputLine;
use crate::headless::plain::line_question::{AnswerVerdict, DialogSubject, LineDialog, question_lines};
use crate::headless::plain::row_lookup::NamedRows;
use crate::headless::plain::session::PlainSession;
use crate::headless::server::confirmation_prompt::ActionPlan;
use crate::instance::guard::{self, Authorised, ConfirmationAnswer, name_to_type};
use crate::instance::refusal::Refusal;
use crate::observe::timestamp::local_clock_time;

impl PlainSession {
    /// Starts a change of the server with this name.
    pub(super) async fn start_change(
        &mut self,
        only: Option<usize>,
        command: WriteCommand,
        name: &str,
        words: ActionWords,
    ) {
        let (index, id) = match self.find_row(only, name, NamedRows::Servers) {
            Ok(found) => found,
            Err(why) => return self.output.print(&why),
        };
        let instance = &self.instances[index].instance;
        let (Some(target), Some(action)) = (instance.target(id), action_table::for_command(command)) else {
            return self.output.print("nothing was sent: the server is gone");
        };
        let intent = Intent::new(action, command, instance.id(), vec![target]);
        self.propose(index, intent, words).await;
    }

    /// Starts to undo the last action, on this instance or on that of the last action.
    pub(super) async fn start_undo(&mut self, only: Option<usize>, words: ActionWords) {
        let index = only.or(self.last_changed).unwrap_or(0);
        let (now, instance) = (self.clock.now().monotonic, &self.instances[index].instance);
        let Some(entry) = self.undo.next_undo(instance) else {
            let why = self.undo.explain_nothing(instance, now);
            return self.output.print(&format!("{}{why}", self.prefix(index)));
        };
        let mut lines = vec![format!("This undoes the {}.", entry.describe(now, local_clock_time))];
        lines.extend(entry.describe_changes_since(instance, local_clock_time));
        lines.extend(self.undo.skipped_warning(instance));
        let intent = match entry.present_intent(instance, now) {
            Ok(intent) => intent,
            Err(refusal) => {
                let (id, prefix) = (instance.id(), self.prefix(index));
                self.undo.discard_next(id);
                return self.output.print(&format!("{prefix}cannot be undone: {refusal}"));
            }
        };
        let prefix = self.prefix(index);
        self.output.print_all(&prefix, &lines);
        self.propose(index, intent, words).await;
    }

    /// Checks an action and asks about it, or sends it with `--yes` if questions cannot be asked.
    async fn propose(&mut self, index: usize, mut intent: Intent, words: ActionWords) {
        intent.reason = words.reason.clone();
        let instance = &self.instances[index].instance;
        let (intent, danger) = match guard::prepare_question(intent, instance) {
            Ok(prepared) => prepared,
            Err(why) => return self.output.print(&format!("nothing was sent: {why}")),
        };
        let needs_reason = self.requires_reason && intent.reason.is_none();
        let Some(obstacle) = self.prompt_obstacle else {
            if words.yes || words.force {
                self.output
                    .print("--yes and --force are only for input that is not a terminal: here a question is asked");
            }
            if needs_reason {
                self.discard_type_ahead();
                self.output.print("A reason is required for the audit log. Type the reason; an empty line cancels.");
                return self.open_dialog(index, intent, DialogSubject::Reason);
            }
            return self.ask(index, intent, danger);
        };
        let why = match () {
            () if !words.yes => Some(format!("cannot ask for confirmation: {obstacle}; add --yes to the line")),
            () if needs_reason => {
                Some("a reason is required (audit.ask_reason is set): add --reason TEXT to the line".to_owned())
            }
            () => self.danger_reason(index, &intent, danger, &words),
        };
        if let Some(why) = why {
            return self.output.print(&format!("nothing was sent: {why}"));
        }
        let consent = match danger {
            Danger::Highest => ConfirmationAnswer::Typed(name_to_type(&intent)),
            Danger::Low | Danger::High => ConfirmationAnswer::Yes,
        };
        match guard::authorise(intent, &consent, &self.instances[index].instance) {
            Ok(authorised) => self.send(index, authorised).await,
            Err(why) => self.output.print(&format!("nothing was sent: {why}")),
        }
    }

    /// Returns why an action needs `--force`, or prints its warnings.
    fn danger_reason(&mut self, index: usize, intent: &Intent, danger: Danger, words: &ActionWords) -> Option<String> {
        let instance = &self.instances[index].instance;
        let sample = instance.latest()?;
        let plan = ActionPlan { first: Some(intent.clone()), then: None, last_checks: instance.last_checks().clone() };
        if danger == Danger::Highest && !words.force {
            return Some(format!("{}; add --force to override", plan.danger_reasons(sample)));
        }
        let (prefix, warnings) = (self.prefix(index), plan.warnings(sample));
        self.output.print_all(&format!("{prefix}Warning: "), &warnings);
        None
    }

    /// Prints the question.
    fn ask(&mut self, index: usize, intent: Intent, danger: Danger) {
        self.discard_type_ahead();
        let name = self.name(index);
        let instance = &self.instances[index].instance;
        let Some(sample) = instance.latest() else { return };
        let lines = question_lines(&intent, danger, &name, sample, instance.last_checks());
        self.output.print_all("", &lines);
        self.open_dialog(index, intent, DialogSubject::Confirmation(danger));
    }

    /// Opens the dialog whose question was printed.
    fn open_dialog(&mut self, index: usize, intent: Intent, subject: DialogSubject) {
        let (batch, now) = (self.output.last_batch(), self.clock.now().monotonic);
        self.dialog = Some(LineDialog::new(index, intent, subject, batch, now));
    }

    /// Discards the beginning of a line that was typed before a question. Complete lines are discarded by their time.
    fn discard_type_ahead(&self) {
        if self.prompt_obstacle.is_none() {
            // Fails only if the terminal is closed.
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        }
    }

    /// Records that the terminal had received a batch of lines at `at`. If it shows a question now, discards the line that
    /// was begun before.
    pub(super) fn record_shown_question(&mut self, batch: u64, at: Duration) {
        if self.dialog.as_mut().is_some_and(|dialog| dialog.record_written(batch, at)) {
            self.discard_type_ahead();
        }
    }

    /// Handles a line while a dialog is open.
    pub(super) async fn handle_answer(&mut self, line: &InputLine) {
        let Some(mut dialog) = self.dialog.take() else { return };
        match dialog.judge(line) {
            AnswerVerdict::Discarded { is_first } => {
                if is_first {
                    let request = dialog.request();
                    let text = "discarded: that was pasted, or typed before the question could be read";
                    self.output.print(&format!("{text}. {request}"));
                    dialog.hide_until(self.output.last_batch());
                }
                self.dialog = Some(dialog);
            }
            AnswerVerdict::No => self.cancel(&format!("the answer was not {}", dialog.word())),
            AnswerVerdict::Canceled if dialog.subject == DialogSubject::Reason => self.cancel("a reason is required"),
            AnswerVerdict::Canceled => self.cancel("canceled"),
            AnswerVerdict::Reason(reason) => {
                let (index, mut intent) = (dialog.instance, dialog.intent);
                intent.reason = Some(reason);
                let intent = guard::with_present_targets(intent, &self.instances[index].instance);
                self.ask_again(index, intent);
            }
            AnswerVerdict::Yes(consent) => self.confirm(dialog, &consent).await,
        }
    }

    /// Cancels a question that was not answered in time.
    pub(super) fn cancel_unanswered(&mut self) {
        self.dialog = None;
        self.cancel("no answer in one minute");
    }

    fn cancel(&mut self, why: &str) {
        self.output.print(&format!("nothing was sent: {why}"));
        self.print_all_changes();
    }

    async fn confirm(&mut self, dialog: LineDialog, consent: &ConfirmationAnswer) {
        let LineDialog { instance: index, intent, .. } = dialog;
        match guard::authorise(intent.clone(), consent, &self.instances[index].instance) {
            Ok(authorised) => self.send(index, authorised).await,
            Err(why @ (Refusal::Changed { .. } | Refusal::WorseImpact(_) | Refusal::NotConfirmed)) => {
                self.output.print(&format!("{why}; please confirm again."));
                let intent = guard::with_present_targets(intent, &self.instances[index].instance);
                self.ask_again(index, intent);
            }
            Err(why) => self.cancel(&why.to_string()),
        }
    }

    /// Asks about an action on targets in their present state.
    fn ask_again(&mut self, index: usize, intent: Intent) {
        match guard::prepare_question(intent, &self.instances[index].instance) {
            Ok((intent, danger)) => self.ask(index, intent, danger),
            Err(why) => self.cancel(&why.to_string()),
        }
    }

    /// Sends the commands and prints the outcome of each.
    async fn send(&mut self, index: usize, intent: Authorised<Intent>) {
        let prefix = self.prefix(index);
        let (output, signals) = (&mut self.output, &self.signals);
        let each = |done: &StepResult| {
            let capacity = done.remaining_capacity().map_or(String::new(), |capacity| format!("; {capacity}"));
            output.print(&format!("{prefix}{}: {}{capacity}", done.command, done.outcome));
            if let Some(warning) = &done.audit_warning {
                output.print(&format!("{prefix}Warning: {warning}"));
            }
            output.flush();
            signals.received().is_none()
        };
        let report = self.instances[index].operator.execute_each(&intent, |_| {}, each).await;
        let now = self.clock.now();
        let watched = &mut self.instances[index];
        watched.instance.record_report(&report, now);
        let epoch = watched.instance.latest().map(|sample| sample.epoch);
        self.undo.record(&report, epoch, now);
        self.last_changed = Some(index);
        for done in report.results.iter().filter(|done| done.outcome.is_success()) {
            if done.step.action == &DRAIN {
                watched.announcer.follow_drain(done.step.target.id);
            }
        }
        watched.poll_now();
        self.awaited_sample = Some((index, now.monotonic));
        let is_changed = report.results.last().is_some_and(|done| matches!(done.outcome, Outcome::Changed(_)));
        if is_changed {
            self.output.print("Type the command again to see the present state.");
        }
        for step in report.unattempted_steps() {
            self.output.print(&format!("{prefix}not sent: {}", step.command_text().unwrap_or_default()));
        }
        self.print_all_changes();
    }
}
