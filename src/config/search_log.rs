//! Candidates that the discovery of local HAProxies could not use, with the reasons.

use std::path::PathBuf;

use crate::config::trust::PathProblem;
use crate::haproxy::safe_text::SafeText;

/// Everything that a search tried without success. The texts are safe to print.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SearchLog {
    /// Paths and addresses with the result.
    pub(crate) tried: Vec<String>,
    /// Processes, files and sockets that are not trusted, with the reason.
    pub(crate) skipped: Vec<String>,
    /// First socket that this user may not open.
    pub(crate) inaccessible: Option<PathBuf>,
}

impl SearchLog {
    /// Records why a path or socket cannot be used.
    pub(crate) fn report(&mut self, subject: &SafeText, problem: PathProblem) {
        let (list, reason) = match problem {
            PathProblem::Missing => (&mut self.tried, "not found".to_owned()),
            PathProblem::Inaccessible => (&mut self.tried, "permission denied".to_owned()),
            PathProblem::Failed(reason) => (&mut self.tried, reason),
            PathProblem::Distrusted(reason) => (&mut self.skipped, reason),
        };
        let line = format!("{subject}: {reason}");
        if !list.contains(&line) {
            list.push(line);
        }
    }
}
