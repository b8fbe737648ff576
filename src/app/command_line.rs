//! The input line of view 5 and its history.

use crate::app::prompt::{Prompt, PromptPurpose};

/// The input line and its history.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// Input line.
    pub prompt: Prompt,
    /// Earlier lines, oldest first.
    pub(crate) history: Vec<String>,
    /// Index of the line recalled from the history, if any.
    recalled: Option<usize>,
}

/// Maximum number of lines in the history.
pub const MAX_HISTORY: usize = 1000;

impl CommandLine {
    /// Creates an empty input line with a history.
    pub(crate) fn new(history: Vec<String>) -> Self {
        Self { prompt: Prompt::new(PromptPurpose::Cli, ""), history, recalled: None }
    }

    /// Replaces the input line with an older or newer line from the history.
    pub(crate) fn recall(&mut self, by: i32) {
        let count = self.history.len();
        let from = self.recalled.unwrap_or(count);
        let index = from.saturating_add_signed(by as isize).min(count);
        self.recalled = (index < count).then_some(index);
        let line = self.history.get(index).cloned().unwrap_or_default();
        self.prompt.set_text(&line);
    }

    /// Adds a line to the history and removes an equal older line.
    pub fn add_to_history(&mut self, line: &str) {
        self.history.retain(|known| known != line);
        self.history.push(line.to_owned());
        if self.history.len() > MAX_HISTORY {
            self.history.remove(0);
        }
        self.recalled = None;
    }
}
