//! Refused actions, in words for the operator.

use std::time::Duration;

use crate::actions::action_table::Action;
use crate::app::model::Model;
use crate::app::ui_commands::UiCommand;
use crate::instance::guard;
use crate::instance::refusal::Refusal;
use crate::table::cell::Role;
use crate::table::view_table::Content;

impl Model {
    /// Checks whether the instance shown allows an action at all.
    ///
    /// # Errors
    /// Returns an error in read-only mode, if the level of the socket is too low, or if the link is lost.
    pub(crate) fn check_allowed(&self, action: &'static Action) -> Result<(), Refusal> {
        let instance = self.instance().ok_or(Refusal::NotConnected)?;
        guard::check_action(action, &instance.data)
    }

    /// Returns the text of a refusal, with the key that resolves it if there is one.
    pub(crate) fn explain_refusal(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::Past => {
                // In view 5, most keys type letters, so Esc must come first.
                let first = if matches!(self.current_view().content, Content::Cli) { "Esc, then " } else { "" };
                format!("{refusal}; {first}{} shows the present", self.keymap.key_or_command(UiCommand::TogglePause))
            }
            Refusal::WrongSelection(_) => {
                format!("{refusal}; {} removes all marks", self.keymap.key_or_command(UiCommand::ClearMarks))
            }
            _ => refusal.to_string(),
        }
    }

    /// Shows a refusal in the bottom line.
    pub(crate) fn notify_refusal(&mut self, refusal: &Refusal, role: Role, now: Duration) {
        self.notify(self.explain_refusal(refusal), role, now);
    }
}
