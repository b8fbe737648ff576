//! The terminal: what it is said to be, and what the dashboard makes of it.

use crate::config::terminal_env::{Colours, Environment};
use crate::headless::doctor::finding::Finding;

/// Where panes stand side by side; below, the dashboard leaves some out.
const COMFORTABLE: (u16, u16) = (80, 24);

/// What is known of the terminal.
#[derive(Debug, Clone, Default)]
pub struct Terminal {
    /// What the environment says.
    pub environment: Environment,
    /// Inside tmux (`TMUX`).
    pub is_tmux: bool,
    /// Inside GNU screen (`STY`).
    pub is_screen: bool,
    /// Columns and rows; nothing where standard output is no terminal.
    pub size: Option<(u16, u16)>,
}

impl Terminal {
    /// Of this process; `size` is what standard output says.
    pub fn of_process(size: Option<(u16, u16)>) -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self { environment: Environment::read(), is_tmux: is_set("TMUX"), is_screen: is_set("STY"), size }
    }

    /// What there is to say; `wish` are the colours that are configured.
    pub fn examine(&self, wish: Colours) -> Vec<Finding> {
        vec![self.size(), self.name(), self.colours(wish), self.characters()]
    }

    fn size(&self) -> Finding {
        match self.size {
            None => Finding::note("standard output is no terminal: the dashboard needs one")
                .mend("run it without a pipe or redirection; over ssh: ssh -t HOST hapulse"),
            Some((columns, rows)) if columns < COMFORTABLE.0 || rows < COMFORTABLE.1 => {
                Finding::note(format!("{columns}x{rows}: panes and columns are left out; 80x24 shows the essentials"))
            }
            Some((columns, rows)) => Finding::fine(format!("{columns}x{rows}")),
        }
    }

    fn name(&self) -> Finding {
        let name = self.environment.term.as_deref().unwrap_or_default();
        let multiplexer = match (self.is_tmux, self.is_screen) {
            (true, _) => Some(("tmux", "in ~/.tmux.conf: set -g default-terminal \"tmux-256color\"")),
            (false, true) => Some(("screen", "in ~/.screenrc: term screen-256color")),
            (false, false) => None,
        };
        let is_of_multiplexer = name.starts_with("tmux") || name.starts_with("screen");
        match multiplexer {
            _ if name.is_empty() => Finding::note("TERM is not set").mend("export TERM=xterm-256color"),
            _ if name == "dumb" => {
                Finding::note("TERM is dumb: drawn without colours").mend("export TERM=xterm-256color")
            }
            Some((program, mend)) if !is_of_multiplexer => {
                Finding::note(format!("TERM is {name} inside {program}: what {program} cannot do may be asked of it"))
                    .mend(mend)
            }
            _ => Finding::fine(format!("TERM is {name}")),
        }
    }

    fn colours(&self, wish: Colours) -> Finding {
        let chosen = self.environment.colours(wish).name();
        let why = match wish {
            Colours::Auto if self.environment.no_color.is_some() => "NO_COLOR is set",
            Colours::Auto if self.environment.colorfgbg.is_some() => "as COLORFGBG says",
            Colours::Auto => "the terminal does not tell its background; on a light one: --theme light",
            _ => "as configured",
        };
        Finding::fine(format!("theme {chosen}: {why}"))
    }

    fn characters(&self) -> Finding {
        let locale = self.environment.locale.as_deref().unwrap_or("not set");
        if self.environment.is_ascii() {
            Finding::note(format!("the locale is {locale}: drawn in ASCII")).mend("export LC_ALL=C.UTF-8")
        } else {
            Finding::fine(format!("the locale is {locale}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::doctor::finding::Grade;

    fn terminal(term: &str, locale: &str) -> Terminal {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let environment = Environment { term: some(term), locale: some(locale), ..Environment::default() };
        Terminal { environment, size: Some((120, 40)), ..Terminal::default() }
    }

    fn grades(terminal: &Terminal) -> Vec<Grade> {
        terminal.examine(Colours::Auto).into_iter().map(|finding| finding.grade).collect()
    }

    #[test]
    fn a_good_terminal_is_fine() {
        assert_eq!(grades(&terminal("xterm-256color", "C.UTF-8")), [Grade::Fine; 4]);
        let tmux = Terminal { is_tmux: true, ..terminal("tmux-256color", "de_DE.utf8") };
        assert_eq!(grades(&tmux), [Grade::Fine; 4]);
    }

    #[test]
    fn what_could_be_better_is_said_with_the_line_for_it() {
        let told = |terminal: Terminal, place: usize| terminal.examine(Colours::Auto).swap_remove(place);
        let tmux = told(Terminal { is_tmux: true, ..terminal("xterm", "C.UTF-8") }, 1);
        assert!(tmux.what.contains("inside tmux") && tmux.mend.unwrap().contains("default-terminal"));
        let screen = told(Terminal { is_screen: true, ..terminal("xterm", "C.UTF-8") }, 1);
        assert!(screen.mend.unwrap().contains(".screenrc"));
        assert!(told(terminal("", "C.UTF-8"), 1).mend.unwrap().contains("TERM="));
        assert!(told(terminal("dumb", "C.UTF-8"), 2).what.contains("theme mono"));
        assert!(told(terminal("xterm", "POSIX"), 3).mend.unwrap().contains("UTF-8"));
        let small = Terminal { size: Some((60, 20)), ..terminal("xterm", "") };
        assert!(told(small, 0).what.contains("60x20"));
        let none = Terminal { size: None, ..terminal("xterm", "") };
        assert!(told(none, 0).mend.unwrap().contains("ssh -t"));
    }
}
