//! What was found, and how it is told.

use std::io::{self, Write};

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Fine,
    /// It works; this would be better, or is worth knowing.
    Note,
    /// It does not work.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How good it is.
    pub grade: Grade,
    /// What was seen.
    pub what: String,
    /// The line that mends it, where there is one.
    pub mend: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn fine(what: impl Into<String>) -> Self {
        Self { grade: Grade::Fine, what: what.into(), mend: None }
    }

    /// It works, and could be better.
    pub fn note(what: impl Into<String>) -> Self {
        Self { grade: Grade::Note, ..Self::fine(what) }
    }

    /// It does not work.
    pub fn wrong(what: impl Into<String>) -> Self {
        Self { grade: Grade::Wrong, ..Self::fine(what) }
    }

    /// The same, with what mends it.
    #[must_use]
    pub fn mend(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

/// Prints findings under their headings, and how many are wrong.
///
/// # Errors
/// When they cannot be written.
pub fn print(chapters: &[(String, Vec<Finding>)], out: &mut impl Write) -> io::Result<()> {
    for (heading, findings) in chapters {
        writeln!(out, "{heading}")?;
        for finding in findings {
            let word = match finding.grade {
                Grade::Fine => "ok   ",
                Grade::Note => "note ",
                Grade::Wrong => "WRONG",
            };
            let mut lines = finding.what.lines();
            writeln!(out, "  {word}  {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(out, "         {line}")?;
            }
            for line in finding.mend.iter().flat_map(|mend| mend.lines()) {
                writeln!(out, "         -> {line}")?;
            }
        }
        writeln!(out)?;
    }
    match chapters.iter().flat_map(|(_, findings)| findings).filter(|finding| finding.grade == Grade::Wrong).count() {
        0 => writeln!(out, "Nothing is wrong.")?,
        1 => writeln!(out, "One thing is wrong.")?,
        count => writeln!(out, "{count} things are wrong.")?,
    }
    out.flush()
}

/// Whether anything is wrong.
pub fn is_wrong(chapters: &[(String, Vec<Finding>)]) -> bool {
    chapters.iter().flat_map(|(_, findings)| findings).any(|finding| finding.grade == Grade::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_told_with_what_mends_them() {
        let findings = vec![Finding::fine("a"), Finding::note("b").mend("do c\nand d"), Finding::wrong("e")];
        let chapters = [("Here".to_owned(), findings)];
        let mut out = Vec::new();
        print(&chapters, &mut out).unwrap();
        let told =
            "Here\n  ok     a\n  note   b\n         -> do c\n         -> and d\n  WRONG  e\n\nOne thing is wrong.\n";
        assert_eq!(String::from_utf8(out).unwrap(), told);
        assert!(is_wrong(&chapters) && !is_wrong(&[]));
    }
}
