//! Lines of the problems view: causes, worst first, and below each unfolded cause its problems.

use std::collections::BTreeSet;

use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::problems::cause::Cause;
use crate::problems::cause_table::CauseKind;
use crate::problems::problem::Problem;
use crate::table::text_filter::TextFilter;

/// The row and the kind of a cause, which stay the same while it is listed.
pub(crate) type CauseKey = (RowId, CauseKind);

/// Line of the problems view.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ProblemLine<'a> {
    /// A cause, and whether its problems are shown below it.
    Cause(&'a Cause, bool),
    /// A problem of the cause above, or a silenced problem.
    Problem(&'a Problem),
}

impl ProblemLine<'_> {
    /// Returns the row that `Enter` opens; `None` for the process.
    pub(crate) fn row(&self) -> Option<RowId> {
        let row = match self {
            Self::Cause(cause, _) => cause.target,
            Self::Problem(problem) => problem.subject.id,
        };
        Some(row).filter(|row| *row != RowId::PROCESS)
    }
}

/// Iterates over the lines: the causes, and then the silenced problems. A filter matches a cause by its own line or by that of one of its problems.
pub(crate) fn problem_lines<'a>(
    instance: &'a Instance,
    filter: &'a TextFilter,
    unfolded: &'a BTreeSet<CauseKey>,
) -> impl Iterator<Item = ProblemLine<'a>> {
    let problems = instance.problems();
    let is_shown = move |cause: &&Cause| {
        let is_any = || problems.problems_of(cause).any(|problem| filter.matches(&problem.line()));
        filter.is_empty() || filter.matches(&cause.line()) || is_any()
    };
    let is_listed = move |problem: &&Problem| filter.is_empty() || filter.matches(&problem.line());
    let causes = problems.causes().filter(is_shown).flat_map(move |cause| {
        let is_unfolded = unfolded.contains(&cause.key());
        let below = problems.problems_of(cause).filter(move |_| is_unfolded).map(ProblemLine::Problem);
        std::iter::once(ProblemLine::Cause(cause, is_unfolded)).chain(below)
    });
    causes.chain(problems.silenced().filter(is_listed).map(ProblemLine::Problem))
}
