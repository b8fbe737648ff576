//! A cause that one sample shows, before the tracker compares it with those of the samples before.

use crate::problems::cause::Cause;
use crate::problems::rule_table::RuleId;
use crate::problems::successes::SuccessCounts;

/// A cause that one sample shows.
#[derive(Debug)]
pub(crate) struct FoundCause {
    /// The cause, without what only several samples show.
    pub(crate) cause: Cause,
    /// False if all values that show the cause are within their thresholds again, so that its sentence describes an
    /// earlier sample.
    pub(crate) is_current: bool,
    /// The rule that shows the cause, and the value of its worst problem; larger is worse.
    pub(crate) value: (Option<RuleId>, f64),
    /// Result of the health check for which a server is down. With another result, something else is wrong.
    pub(crate) nature: Option<String>,
    /// When a limit will be reached: `full in 22 s at +1/s`.
    pub(crate) outlook: Option<String>,
    /// Requests of its rows that ended well.
    pub(crate) successes: SuccessCounts,
}

impl FoundCause {
    /// Returns the sentence, with the forecast and what was `earlier` at its end.
    pub(crate) fn full_sentence(&self, earlier: Option<&str>) -> String {
        let parts = [Some(self.cause.sentence.as_str()), self.outlook.as_deref(), earlier];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
