//! SIGHUP: reads the configuration again and applies what a running dashboard can change.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::app::keymap::Keymap;
use crate::app::model::Model;
use crate::config::confirm_quit::ConfirmQuit;
use crate::config::own_file::LogFile;
use crate::observe::instance_id::InstanceId;
use crate::problems::thresholds::Thresholds;
use crate::ui::theme::Theme;

/// Reads the configuration again.
///
/// Returns an error if a source is invalid or the event log cannot be opened; all settings then stay as they are.
pub(crate) type ReloadSettings = Box<dyn FnMut() -> anyhow::Result<ReloadedSettings>>;

/// Settings that a running dashboard can change.
pub(crate) struct ReloadedSettings {
    /// Colors and glyphs.
    pub(crate) theme: Theme,
    /// Key bindings.
    pub(crate) keymap: Keymap,
    /// Thresholds of the problem rules; `None` if they are unchanged.
    pub(crate) thresholds: Option<Thresholds>,
    /// Set if each action requires a reason.
    pub(crate) requires_reason: bool,
    /// When `q` asks before it ends the dashboard.
    pub(crate) confirm_quit: ConfirmQuit,
    /// Time after which the dashboard suggests ending the sessions of a draining server.
    pub(crate) drain_deadline: Duration,
    /// The event log, opened again, if there is one, and its path.
    pub(crate) event_log: Option<(LogFile, PathBuf)>,
    /// Names of changed settings that take effect only at the next start.
    pub(crate) pending_names: Vec<&'static str>,
}

impl ReloadedSettings {
    /// Applies the settings to the model and its instances. Changed thresholds discard all problems.
    pub(crate) fn apply(self, model: &mut Model, instances: impl Iterator<Item = InstanceId>) {
        model.keymap = self.keymap;
        model.requires_reason = self.requires_reason;
        model.confirm_quit = self.confirm_quit;
        for id in instances {
            let Some(instance) = model.instance_by_id_mut(id) else { continue };
            instance.data.set_drain_deadline(self.drain_deadline);
            if let Some(thresholds) = &self.thresholds {
                instance.data.set_thresholds(thresholds.clone());
            }
        }
    }

    /// Returns the message for the operator.
    pub(crate) fn describe(&self) -> String {
        let done = "configuration reloaded, log files reopened";
        match self.pending_names.as_slice() {
            [] => done.to_owned(),
            names => format!("{done}; restart hapulse to apply: {}", names.join(", ")),
        }
    }
}

/// Returns true if the terminal still exists and the dashboard is in its foreground. Otherwise, SIGHUP means that the
/// terminal was closed, or that the shell of a background job ended. Standard output is the terminal, standard input
/// may be something else.
pub(crate) fn is_terminal_present() -> bool {
    rustix::termios::tcgetpgrp(io::stdout()) == Ok(rustix::process::getpgrp())
}
