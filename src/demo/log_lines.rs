//! The lines of the log that were not written to the file yet.

/// Number of bytes of collected lines from which further lines are left out.
const MAX_BYTES: usize = 4 << 20;

/// The lines that were not taken yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLines {
    lines: Option<String>,
}

impl LogLines {
    /// Starts to collect lines.
    pub(crate) fn start(&mut self) {
        self.lines.get_or_insert_default();
    }

    /// Returns the lines since the last call.
    pub(crate) fn take(&mut self) -> String {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, line: &str) {
        if let Some(lines) = &mut self.lines {
            lines.push_str(line);
        }
    }

    /// Returns whether lines are collected.
    pub(crate) fn is_open(&self) -> bool {
        self.lines.as_ref().is_some_and(|lines| lines.len() < MAX_BYTES)
    }
}
