//! The command line's own state: the line being typed, and those typed before.

use crate::app::text_input::{Prompt, Purpose};

/// The line being typed, and those typed before.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// The line.
    pub prompt: Prompt,
    /// Lines typed before, oldest first.
    pub history: Vec<String>,
    /// The one that is recalled.
    recalled: Option<usize>,
}

/// Lines typed before that are kept.
pub const REMEMBERED: usize = 1000;

impl CommandLine {
    /// An empty line with a history.
    pub fn new(history: Vec<String>) -> Self {
        Self { prompt: Prompt::new(Purpose::Cli, ""), history, recalled: None }
    }

    /// Puts an older or newer line in its place.
    pub fn recall(&mut self, by: i32) {
        let count = self.history.len();
        let from = self.recalled.unwrap_or(count);
        let place = from.saturating_add_signed(by as isize).min(count);
        self.recalled = (place < count).then_some(place);
        let line = self.history.get(place).cloned().unwrap_or_default();
        self.prompt.set(&line);
    }

    /// Keeps a line for later.
    pub fn remember(&mut self, line: &str) {
        self.history.retain(|known| known != line);
        self.history.push(line.to_owned());
        if self.history.len() > REMEMBERED {
            self.history.remove(0);
        }
        self.recalled = None;
    }
}
