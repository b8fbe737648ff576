//! The changes that a sample makes to the open problems and the causes.

use crate::problems::cause::CauseEvent;
use crate::problems::problem::Problem;

/// The changes that one sample made to the open problems.
#[derive(Debug, Default)]
pub struct ProblemChanges {
    /// Problems that opened.
    pub(crate) opened: Vec<Problem>,
    /// Warnings that became critical.
    pub(crate) worsened: Vec<Problem>,
    /// Critical problems that became warnings.
    pub(crate) eased: Vec<Problem>,
    /// Open problems whose values returned to within their thresholds in this sample. The problems keep their last
    /// description.
    pub(crate) recovering: Vec<Problem>,
    /// Problems that closed, or whose row was removed.
    pub(crate) closed: Vec<Problem>,
    /// Changes of the causes.
    pub(crate) causes: Vec<CauseEvent>,
}

impl ProblemChanges {
    /// Returns whether no problem opened, closed or changed its severity.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        [&self.opened, &self.worsened, &self.eased, &self.closed].into_iter().all(Vec::is_empty)
    }
}
