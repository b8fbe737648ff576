//! When `q` asks before it ends the dashboard.

/// The setting `confirm_quit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ConfirmQuit {
    /// Asks if the dashboard has run for ten minutes or more, so that its history would be missed.
    #[default]
    Auto,
    /// Always asks.
    Always,
    /// Never asks.
    Never,
}

impl ConfirmQuit {
    /// Returns the name used in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}
