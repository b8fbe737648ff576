//! The configuration of the dashboard, and the reason why it ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::actions::audit::audit_writer::AuditWriter;
use crate::app::initial_view::InitialView;
use crate::app::keymap::Keymap;
use crate::config::confirm_quit::ConfirmQuit;
use crate::config::own_file::LogFile;
use crate::config::target::Target;
use crate::live::io_thread::PollSettings;
use crate::live::reload::ReloadSettings;
use crate::observe::past_samples::PastSamples;
use crate::problems::thresholds::Thresholds;
use crate::recording::reader::Recording;
use crate::ui::theme::Theme;

/// Everything that the dashboard needs to start.
pub(crate) struct DashboardConfig {
    /// Instances to watch.
    pub(crate) targets: Vec<Target>,
    /// Samples of the first instance from the time before the start.
    pub(crate) past: PastSamples,
    /// Recording of each instance, if there is one. Their times are on the clock of the poll settings.
    pub(crate) recordings: Vec<Option<Recording>>,
    /// Set if only the recordings are shown.
    pub(crate) replay: Option<ReplayStart>,
    /// Poll settings, the same for all instances.
    pub(crate) polling: PollSettings,
    /// Memory for the history of each instance, in bytes.
    pub(crate) history_bytes: usize,
    /// Colors and glyphs.
    pub(crate) theme: Theme,
    /// Key bindings.
    pub(crate) keymap: Keymap,
    /// Initial view.
    pub(crate) initial_view: InitialView,
    /// Notice to show at the start.
    pub(crate) initial_notice: Option<String>,
    /// Thresholds of the problem rules.
    pub(crate) thresholds: Thresholds,
    /// File to which events are logged, if any.
    pub(crate) event_log: Option<LogFile>,
    /// File in which typed commands are saved, if any.
    pub(crate) command_history: Option<PathBuf>,
    /// Path of the event log, if any.
    pub(crate) event_log_path: Option<PathBuf>,
    /// Reads the configuration again.
    pub(crate) reload: ReloadSettings,
    /// Audit log.
    pub(crate) audit: Arc<AuditWriter>,
    /// Set if each action requires a reason.
    pub(crate) requires_reason: bool,
    /// Set if the mouse is used.
    pub(crate) has_mouse: bool,
    /// When `q` asks before it ends the dashboard.
    pub(crate) confirm_quit: ConfirmQuit,
    /// Time after which the dashboard suggests ending the sessions of a draining server.
    pub(crate) drain_deadline: Duration,
}

/// Where a replay starts.
pub(crate) struct ReplayStart {
    /// Time in the past, as the operator wrote it; the beginning without one.
    pub(crate) at: Option<String>,
}

/// Reason why the dashboard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitReason {
    /// The user quit.
    Quit,
    /// A signal, with its number.
    Signal(i32),
    /// The terminal was closed.
    TerminalGone,
}
