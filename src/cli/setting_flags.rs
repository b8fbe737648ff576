//! Flags that override a setting of the configuration.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::duration;
use crate::config::partial_settings::PartialSettings;
use crate::config::terminal_env::ColorTheme;

/// Flags of [`SettingFlags`].
pub(super) const SETTING_FLAGS: [&str; 8] =
    ["config", "interval", "theme", "ascii", "plain", "log_file", "history_memory", "mouse"];

/// Flags that set a setting of the configuration, and the configuration file.
#[derive(Debug, Clone, Args)]
pub(super) struct SettingFlags {
    #[command(flatten)]
    display: DisplayFlags,
    /// Print lines instead of drawing a screen: for screen readers, dumb terminals and pipes
    #[arg(long, overrides_with = "plain")]
    plain: bool,
    /// Append every event to this file
    #[arg(long, value_name = "FILE", overrides_with = "log_file")]
    log_file: Option<PathBuf>,
    /// Memory for the history of each HAProxy, in MiB [default: 64]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u16).range(1..), overrides_with = "history_memory")]
    history_memory: Option<u16>,
    /// Use the mouse: the wheel scrolls, a click selects, a double click opens; Shift selects text
    #[arg(long, overrides_with = "mouse")]
    mouse: bool,
    /// Read this configuration file instead of the user's
    #[arg(long, value_name = "FILE", overrides_with = "config")]
    pub(super) config: Option<PathBuf>,
}

/// Flags that set the interval and the appearance.
#[derive(Debug, Clone, Args)]
pub(super) struct DisplayFlags {
    /// Seconds between two samples, at least 0.1; increased automatically if HAProxy replies slowly [default: 2]
    #[arg(short = 'i', long = "interval", visible_alias = "update-interval", value_name = "SECONDS", value_parser = duration::parse_interval, overrides_with = "interval")]
    interval: Option<Duration>,
    /// Color theme [default: auto]
    #[arg(long, value_enum, value_name = "NAME", overrides_with = "theme")]
    theme: Option<ColorTheme>,
    #[command(flatten)]
    ascii: AsciiFlag,
}

/// The flag for output in ASCII.
#[derive(Debug, Clone, Args)]
pub(super) struct AsciiFlag {
    /// Use ASCII characters only
    #[arg(long, overrides_with = "ascii")]
    pub(super) ascii: bool,
}

impl SettingFlags {
    /// Returns the settings that are set by these flags and by `--read-only`, which override all other sources.
    pub(super) fn partial_settings(&self, read_only: bool) -> PartialSettings {
        PartialSettings {
            plain: self.plain.then_some(true),
            history_memory: self.history_memory,
            log_file: self.log_file.clone(),
            mouse: self.mouse.then_some(true),
            ..self.display.partial_settings(read_only)
        }
    }
}

impl DisplayFlags {
    /// Returns the settings that are set by these flags and by `--read-only`, which override all other sources.
    pub(super) fn partial_settings(&self, read_only: bool) -> PartialSettings {
        PartialSettings {
            read_only: read_only.then_some(true),
            interval: self.interval,
            theme: self.theme,
            ..self.ascii.partial_settings()
        }
    }
}

impl AsciiFlag {
    /// Returns the setting that is set by this flag, which overrides all other sources.
    pub(super) fn partial_settings(&self) -> PartialSettings {
        PartialSettings { ascii: self.ascii.then_some(true), ..PartialSettings::default() }
    }
}
