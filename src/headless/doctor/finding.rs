//! Findings, which are the results of the checks, and their output.

use std::io::{self, Write};

/// Status of a finding, in ascending order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FindingStatus {
    /// No problem.
    Ok,
    /// Works, but could be improved or is worth knowing.
    Note,
    /// Does not work.
    Error,
}

/// Result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Status of the finding.
    pub(crate) status: FindingStatus,
    /// Description for the user.
    pub(crate) text: String,
    /// Command or configuration line that fixes the problem.
    pub(crate) fix: Option<String>,
}

impl Finding {
    /// Creates a finding without a problem.
    pub(crate) fn ok(text: impl Into<String>) -> Self {
        Self { status: FindingStatus::Ok, text: text.into(), fix: None }
    }

    /// Creates a finding about something that works but could be improved.
    pub(crate) fn note(text: impl Into<String>) -> Self {
        Self { status: FindingStatus::Note, ..Self::ok(text) }
    }

    /// Creates a finding for something that does not work.
    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self { status: FindingStatus::Error, ..Self::ok(text) }
    }

    /// Adds the command or configuration line that fixes the problem.
    #[must_use]
    pub(crate) fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}

/// Prints the findings of each section and the number of errors.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn print_findings(sections: &[(String, Vec<Finding>)], out: &mut impl Write) -> io::Result<()> {
    for (heading, findings) in sections {
        writeln!(out, "{heading}")?;
        for finding in findings {
            let word = match finding.status {
                FindingStatus::Ok => "ok   ",
                FindingStatus::Note => "note ",
                FindingStatus::Error => "WRONG",
            };
            let mut lines = finding.text.lines();
            writeln!(out, "  {word}  {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(out, "         {line}")?;
            }
            for line in finding.fix.iter().flat_map(|fix| fix.lines()) {
                writeln!(out, "         -> {line}")?;
            }
        }
        writeln!(out)?;
    }
    match sections
        .iter()
        .flat_map(|(_, findings)| findings)
        .filter(|finding| finding.status == FindingStatus::Error)
        .count()
    {
        0 => writeln!(out, "No problems found.")?,
        1 => writeln!(out, "1 problem found.")?,
        count => writeln!(out, "{count} problems found.")?,
    }
    out.flush()
}

/// Returns whether any finding is an error.
pub(crate) fn has_errors(sections: &[(String, Vec<Finding>)]) -> bool {
    sections.iter().flat_map(|(_, findings)| findings).any(|finding| finding.status == FindingStatus::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn print_findings_shows_status_and_fix() {
        let findings = vec![Finding::ok("a"), Finding::note("b").with_fix("do c\nand d"), Finding::error("e")];
        let sections = [("Here".to_owned(), findings)];
        let mut out = Vec::new();
        print_findings(&sections, &mut out).unwrap();
        let findings =
            "Here\n  ok     a\n  note   b\n         -> do c\n         -> and d\n  WRONG  e\n\n1 problem found.\n";
        assert_eq!(String::from_utf8(out).unwrap(), findings);
        assert!(has_errors(&sections) && !has_errors(&[]));
    }
}
