//! Which colours and glyphs the environment asks for.

/// What the environment says of the terminal; given, not read, so that tests are the same everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `NO_COLOR`.
    pub no_color: Option<String>,
    /// `TERM`.
    pub term: Option<String>,
    /// `COLORFGBG`, as some terminals set it: `15;0` is light on dark.
    pub colorfgbg: Option<String>,
    /// `COLORTERM`: `truecolor` or `24bit` where any colour can be shown.
    pub colorterm: Option<String>,
    /// The first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set.
    pub locale: Option<String>,
}

/// A wish for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colours {
    /// What the environment asks for.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
    /// The highest contrast, on dark and on light.
    HighContrast,
    /// No colours: bold, underlined and reverse only.
    Mono,
}

impl Colours {
    /// Its name, as flags and files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Mono => "mono",
        }
    }
}

impl Environment {
    /// Reads it from the process.
    pub fn read() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            no_color: var("NO_COLOR"),
            term: var("TERM"),
            colorfgbg: var("COLORFGBG"),
            colorterm: var("COLORTERM"),
            locale: var("LC_ALL").or_else(|| var("LC_CTYPE")).or_else(|| var("LANG")),
        }
    }

    /// The colours to use for a wish; never [`Colours::Auto`].
    pub fn colours(&self, wish: Colours) -> Colours {
        match wish {
            Colours::Auto if self.no_color.is_some() || self.term.as_deref() == Some("dumb") => Colours::Mono,
            Colours::Auto if self.has_light_background() => Colours::Light,
            Colours::Auto => Colours::Dark,
            wish => wish,
        }
    }

    /// Whether only ASCII can be expected to show.
    pub fn is_ascii(&self) -> bool {
        let locale = self.locale.as_deref().unwrap_or_default().to_ascii_lowercase();
        !(locale.contains("utf-8") || locale.contains("utf8"))
    }

    /// Whether any colour can be shown.
    pub fn has_any_colour(&self) -> bool {
        matches!(self.colorterm.as_deref(), Some("truecolor" | "24bit"))
    }

    /// Whether 256 colours can be shown.
    pub fn has_256_colours(&self) -> bool {
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
    fn the_environment_decides_only_when_it_is_asked() {
        let with = |no_color: &str, term: &str, colorfgbg: &str| Environment {
            no_color: Some(no_color.to_owned()).filter(|text| !text.is_empty()),
            term: Some(term.to_owned()),
            colorfgbg: Some(colorfgbg.to_owned()),
            ..Environment::default()
        };
        assert_eq!(with("1", "xterm", "").colours(Colours::Auto), Colours::Mono);
        assert_eq!(with("1", "xterm", "").colours(Colours::Dark), Colours::Dark);
        assert_eq!(with("", "dumb", "").colours(Colours::Auto), Colours::Mono);
        assert_eq!(with("", "xterm", "0;15").colours(Colours::Auto), Colours::Light);
        assert_eq!(with("", "xterm", "15;0").colours(Colours::Auto), Colours::Dark);
        assert_eq!(with("", "xterm", "15;default;0").colours(Colours::Auto), Colours::Dark);
    }

    #[test]
    fn only_a_utf8_locale_gets_more_than_ascii() {
        let with = |locale: Option<&str>| Environment { locale: locale.map(str::to_owned), ..Environment::default() };
        assert!(with(None).is_ascii() && with(Some("C")).is_ascii() && with(Some("de_DE.ISO-8859-1")).is_ascii());
        assert!(!with(Some("C.UTF-8")).is_ascii() && !with(Some("en_US.utf8")).is_ascii());
    }

    #[test]
    fn the_number_of_colours_is_what_the_terminal_says() {
        let with = |term: &str, colorterm: &str| {
            let some = |text: &str| Some(text.to_owned());
            Environment { term: some(term), colorterm: some(colorterm), ..Environment::default() }
        };
        assert!(with("xterm-256color", "").has_256_colours() && !with("xterm", "").has_256_colours());
        assert!(with("xterm", "truecolor").has_any_colour() && with("xterm", "24bit").has_any_colour());
        assert!(!with("xterm-256color", "yes").has_any_colour());
    }
}
