//! Color and character set of the terminal, from environment variables.

/// Environment variables about the terminal, passed as values so that tests are independent of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TerminalEnv {
    /// Value of `NO_COLOR`.
    pub(crate) no_color: Option<String>,
    /// Value of `TERM`.
    pub(crate) term: Option<String>,
    /// Value of `COLORFGBG`, which some terminals set: `15;0` is light on dark.
    pub(crate) colorfgbg: Option<String>,
    /// Value of `COLORTERM`: `truecolor` or `24bit` if the terminal supports 24-bit color.
    pub(crate) colorterm: Option<String>,
    /// Value of the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set.
    pub(crate) locale: Option<String>,
    /// Inside tmux (`TMUX`).
    pub(crate) is_tmux: bool,
    /// Inside GNU screen (`STY`).
    pub(crate) is_screen: bool,
}

/// Terminal multiplexer between this program and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Multiplexer {
    /// No known one.
    Absent,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
    /// tmux or GNU screen: `sudo` and `ssh` pass on only `TERM`, and both use the name `screen`.
    TmuxOrScreen,
}

/// Beginnings of `TERM` of terminals whose font has few characters beyond ASCII, whatever the locale: the Linux console
/// (`linux`), the FreeBSD console (`cons25`), and terminals without Unicode, such as `vt220`.
const ASCII_TERMINALS: [&str; 7] = ["linux", "cons", "vt1", "vt2", "vt3", "vt4", "vt5"];

/// Color theme setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorTheme {
    /// Chosen from the environment.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// Highest contrast, on dark and light backgrounds.
    HighContrast,
    /// No colors: bold, underline and reverse only.
    Mono,
}

impl ColorTheme {
    /// Returns the name used in flags and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }
}

impl TerminalEnv {
    /// Reads the variables of this process.
    pub(crate) fn from_process() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            no_color: var("NO_COLOR"),
            term: var("TERM"),
            colorfgbg: var("COLORFGBG"),
            colorterm: var("COLORTERM"),
            locale: var("LC_ALL").or_else(|| var("LC_CTYPE")).or_else(|| var("LANG")),
            is_tmux: var("TMUX").is_some(),
            is_screen: var("STY").is_some(),
        }
    }

    /// Returns the theme to use for a setting; never [`ColorTheme::Auto`].
    pub(crate) fn resolve_theme(&self, setting: ColorTheme) -> ColorTheme {
        match setting {
            ColorTheme::Auto if self.no_color.is_some() || self.is_dumb() => ColorTheme::Mono,
            ColorTheme::Auto if self.has_light_background() => ColorTheme::Light,
            ColorTheme::Auto => ColorTheme::Dark,
            explicit => explicit,
        }
    }

    /// Returns true if the terminal cannot move the cursor.
    pub(crate) fn is_dumb(&self) -> bool {
        self.term.as_deref() == Some("dumb")
    }

    /// Returns true if only ASCII characters are certain to be shown, because of the locale or the terminal's font.
    pub(crate) fn is_ascii_only(&self) -> bool {
        self.has_ascii_locale() || self.has_ascii_font()
    }

    /// Returns true if the terminal's font has few characters beyond ASCII.
    pub(crate) fn has_ascii_font(&self) -> bool {
        self.term.as_deref().is_some_and(|term| ASCII_TERMINALS.iter().any(|begin| term.starts_with(begin)))
    }

    /// Returns the terminal multiplexer. Of nested ones, tmux counts.
    pub(crate) fn multiplexer(&self) -> Multiplexer {
        match self.term.as_deref().unwrap_or_default() {
            _ if self.is_tmux => Multiplexer::Tmux,
            _ if self.is_screen => Multiplexer::Screen,
            term if term.starts_with("tmux") => Multiplexer::Tmux,
            term if term.starts_with("screen") => Multiplexer::TmuxOrScreen,
            _ => Multiplexer::Absent,
        }
    }

    /// Returns true if the locale is not UTF-8 or not set.
    pub(crate) fn has_ascii_locale(&self) -> bool {
        let locale = self.locale.as_deref().unwrap_or_default().to_ascii_lowercase();
        !(locale.contains("utf-8") || locale.contains("utf8"))
    }

    /// Returns true if the terminal supports 24-bit color.
    pub(crate) fn has_true_color(&self) -> bool {
        matches!(self.colorterm.as_deref(), Some("truecolor" | "24bit"))
    }

    /// Returns true if the terminal supports 256 colors.
    pub(crate) fn has_256_colors(&self) -> bool {
        self.term.as_deref().is_some_and(|term| term.contains("256color"))
    }

    fn has_light_background(&self) -> bool {
        let background = self.colorfgbg.as_deref().and_then(|text| text.rsplit(';').next()?.parse::<u8>().ok());
        background.is_some_and(|number| number == 7 || number == 15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolve_theme_uses_environment_for_auto_only() {
        let with = |no_color: &str, term: &str, colorfgbg: &str| TerminalEnv {
            no_color: Some(no_color.to_owned()).filter(|text| !text.is_empty()),
            term: Some(term.to_owned()),
            colorfgbg: Some(colorfgbg.to_owned()),
            ..TerminalEnv::default()
        };
        assert_eq!(with("1", "xterm", "").resolve_theme(ColorTheme::Auto), ColorTheme::Mono);
        assert_eq!(with("1", "xterm", "").resolve_theme(ColorTheme::Dark), ColorTheme::Dark);
        assert_eq!(with("", "dumb", "").resolve_theme(ColorTheme::Auto), ColorTheme::Mono);
        assert_eq!(with("", "xterm", "0;15").resolve_theme(ColorTheme::Auto), ColorTheme::Light);
        assert_eq!(with("", "xterm", "15;0").resolve_theme(ColorTheme::Auto), ColorTheme::Dark);
        assert_eq!(with("", "xterm", "15;default;0").resolve_theme(ColorTheme::Auto), ColorTheme::Dark);
    }

    #[test]
    fn is_ascii_only_unless_locale_is_utf8() {
        let with = |locale: Option<&str>| TerminalEnv { locale: locale.map(str::to_owned), ..TerminalEnv::default() };
        assert!(
            with(None).is_ascii_only()
                && with(Some("C")).is_ascii_only()
                && with(Some("de_DE.ISO-8859-1")).is_ascii_only()
        );
        assert!(!with(Some("C.UTF-8")).is_ascii_only() && !with(Some("en_US.utf8")).is_ascii_only());
    }

    #[test]
    fn is_ascii_only_with_fonts_of_few_characters() {
        let with = |term: &str| TerminalEnv {
            term: Some(term.to_owned()),
            locale: Some("C.UTF-8".to_owned()),
            ..TerminalEnv::default()
        };
        for term in ["linux", "linux-16color", "cons25", "vt100", "vt220"] {
            assert!(with(term).is_ascii_only(), "{term}");
        }
        for term in ["xterm", "xterm-256color", "tmux-256color", "screen", "vte-256color", "rxvt-unicode", "dumb", ""] {
            assert!(!with(term).is_ascii_only(), "{term}");
        }
    }

    #[test]
    fn multiplexer_is_known_from_its_variable_or_from_term() {
        let with = |term: &str, is_tmux, is_screen| {
            let term = Some(term.to_owned());
            TerminalEnv { term, is_tmux, is_screen, ..TerminalEnv::default() }.multiplexer()
        };
        assert_eq!(with("screen-256color", true, false), Multiplexer::Tmux);
        assert_eq!(with("screen.xterm", false, true), Multiplexer::Screen);
        assert_eq!(with("tmux-256color", false, false), Multiplexer::Tmux);
        assert_eq!(with("screen", false, false), Multiplexer::TmuxOrScreen);
        assert_eq!(with("xterm", false, false), Multiplexer::Absent);
    }

    #[test]
    fn color_depth_follows_term_and_colorterm() {
        let with = |term: &str, colorterm: &str| {
            let some = |text: &str| Some(text.to_owned());
            TerminalEnv { term: some(term), colorterm: some(colorterm), ..TerminalEnv::default() }
        };
        assert!(with("xterm-256color", "").has_256_colors() && !with("xterm", "").has_256_colors());
        assert!(with("xterm", "truecolor").has_true_color() && with("xterm", "24bit").has_true_color());
        assert!(!with("xterm-256color", "yes").has_true_color());
    }
}
