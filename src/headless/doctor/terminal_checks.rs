//! Checks of the terminal: size, TERM, colors and locale, and their effect on the dashboard.

use crate::config::terminal_env::{ColorTheme, TerminalEnv};
use crate::headless::doctor::finding::Finding;
use crate::term::terminal_device;

/// Minimum number of columns and of rows to show all panes.
const COMFORTABLE_SIZE: (u16, u16) = (80, 24);

/// Properties of the terminal.
#[derive(Debug, Clone, Default)]
pub(crate) struct TerminalInfo {
    /// Relevant environment variables.
    pub(crate) environment: TerminalEnv,
    /// Columns and rows, 0 if unknown; `None` if standard output is not a terminal.
    pub(crate) size: Option<(u16, u16)>,
    /// Columns and rows that the dashboard would use.
    pub(crate) used_size: (u16, u16),
}

impl TerminalInfo {
    /// Reads the environment and the terminal of this process.
    pub(crate) fn from_process() -> Self {
        let (size, used_size) = (terminal_device::reported_size(), terminal_device::size());
        Self { environment: TerminalEnv::from_process(), size, used_size }
    }

    /// Checks the terminal; `theme` is the configured color theme.
    pub(crate) fn check(&self, theme: ColorTheme) -> Vec<Finding> {
        vec![self.check_size(), self.check_name(), self.check_colors(theme), self.check_locale()]
    }

    fn check_size(&self) -> Finding {
        match self.size {
            None => Finding::note("standard output is not a terminal, but the dashboard needs one")
                .with_fix("run hapulse without a pipe or redirection; over ssh: ssh -t HOST hapulse"),
            Some((0, _) | (_, 0)) => {
                let (columns, rows) = self.used_size;
                Finding::note(format!("the terminal does not report its size: {columns}x{rows} is used"))
                    .with_fix("stty cols COLUMNS rows ROWS, with the size of the terminal")
            }
            Some((columns, rows)) if columns < COMFORTABLE_SIZE.0 || rows < COMFORTABLE_SIZE.1 => {
                Finding::note(format!("{columns}x{rows}: some panes and columns are hidden; use 80x24 or more"))
            }
            Some((columns, rows)) => Finding::ok(format!("{columns}x{rows}")),
        }
    }

    fn check_name(&self) -> Finding {
        let name = self.environment.term.as_deref().unwrap_or_default();
        let multiplexer = match (self.environment.is_tmux, self.environment.is_screen) {
            (true, _) => Some(("tmux", "in ~/.tmux.conf: set -g default-terminal \"tmux-256color\"")),
            (false, true) => Some(("screen", "in ~/.screenrc: term screen-256color")),
            (false, false) => None,
        };
        let is_of_multiplexer = name.starts_with("tmux") || name.starts_with("screen");
        match multiplexer {
            _ if name.is_empty() => Finding::note("TERM is not set").with_fix("export TERM=xterm-256color"),
            _ if name == "dumb" => Finding::note("TERM is dumb: hapulse prints lines instead of a screen")
                .with_fix("export TERM=xterm-256color"),
            Some((program, fix)) if !is_of_multiplexer => {
                Finding::note(format!("TERM is {name} inside {program}: unsupported sequences may garble the screen"))
                    .with_fix(fix)
            }
            _ => Finding::ok(format!("TERM is {name}")),
        }
    }

    fn check_colors(&self, theme: ColorTheme) -> Finding {
        let chosen = self.environment.resolve_theme(theme).name();
        let why = match theme {
            ColorTheme::Auto if self.environment.no_color.is_some() => "NO_COLOR is set",
            ColorTheme::Auto if self.environment.colorfgbg.is_some() => "from COLORFGBG",
            ColorTheme::Auto => "background unknown; on a light background use --theme light",
            _ => "configured",
        };
        Finding::ok(format!("theme {chosen}: {why}"))
    }

    fn check_locale(&self) -> Finding {
        let locale = self.environment.locale.as_deref().unwrap_or("not set");
        if self.environment.has_ascii_font() {
            let name = self.environment.term.as_deref().unwrap_or_default();
            Finding::ok(format!("the locale is {locale}, TERM is {name}: using ASCII characters because of the font"))
        } else if self.environment.is_ascii_only() {
            Finding::note(format!("the locale is {locale}: using ASCII characters")).with_fix("export LC_ALL=C.UTF-8")
        } else {
            Finding::ok(format!("the locale is {locale}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::doctor::finding::FindingStatus;

    fn terminal(term: &str, locale: &str) -> TerminalInfo {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let environment = TerminalEnv { term: some(term), locale: some(locale), ..TerminalEnv::default() };
        TerminalInfo { environment, size: Some((120, 40)), ..TerminalInfo::default() }
    }

    fn grades(terminal: &TerminalInfo) -> Vec<FindingStatus> {
        terminal.check(ColorTheme::Auto).into_iter().map(|finding| finding.status).collect()
    }

    #[test]
    fn check_accepts_common_terminals() {
        assert_eq!(grades(&terminal("xterm-256color", "C.UTF-8")), [FindingStatus::Ok; 4]);
        let mut tmux = terminal("tmux-256color", "de_DE.utf8");
        tmux.environment.is_tmux = true;
        assert_eq!(grades(&tmux), [FindingStatus::Ok; 4]);
        assert_eq!(grades(&terminal("linux", "C.UTF-8")), [FindingStatus::Ok; 4]);
    }

    #[test]
    fn check_suggests_fix_for_each_terminal_problem() {
        let findings = |terminal: TerminalInfo, place: usize| terminal.check(ColorTheme::Auto).swap_remove(place);
        let multiplexed = |is_tmux: bool| {
            let mut terminal = terminal("xterm", "C.UTF-8");
            (terminal.environment.is_tmux, terminal.environment.is_screen) = (is_tmux, !is_tmux);
            terminal
        };
        let tmux = findings(multiplexed(true), 1);
        assert!(tmux.text.contains("inside tmux") && tmux.fix.unwrap().contains("default-terminal"));
        let screen = findings(multiplexed(false), 1);
        assert!(screen.fix.unwrap().contains(".screenrc"));
        assert!(findings(terminal("", "C.UTF-8"), 1).fix.unwrap().contains("TERM="));
        assert!(findings(terminal("dumb", "C.UTF-8"), 2).text.contains("theme mono"));
        assert!(findings(terminal("xterm", "POSIX"), 3).fix.unwrap().contains("UTF-8"));
        let small = TerminalInfo { size: Some((60, 20)), ..terminal("xterm", "") };
        assert!(findings(small, 0).text.contains("60x20"));
        let unknown = TerminalInfo { size: Some((132, 0)), used_size: (132, 24), ..terminal("xterm", "") };
        assert!(findings(unknown, 0).text.contains("132x24 is used"));
        let none = TerminalInfo { size: None, ..terminal("xterm", "") };
        assert!(findings(none, 0).fix.unwrap().contains("ssh -t"));
    }
}
