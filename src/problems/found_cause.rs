//! A cause that one sample shows, before the tracker compares it with those of the samples before.

use crate::problems::cause::Cause;

/// A cause that one sample shows.
#[derive(Debug)]
pub(crate) struct FoundCause {
    /// The cause, without what only several samples show.
    pub(crate) cause: Cause,
    /// False if all values that show the cause are within their thresholds again, so that its sentence describes an
    /// earlier sample.
    pub(crate) is_current: bool,
    /// Value of the worst problem; larger is worse.
    pub(crate) value: f64,
    /// When a limit will be reached: `full in 22 s at +1/s`.
    pub(crate) outlook: Option<String>,
}

impl FoundCause {
    /// Returns the sentence, with the forecast at its end.
    pub(crate) fn full_sentence(&self) -> String {
        match &self.outlook {
            Some(outlook) => format!("{}, {outlook}", self.cause.sentence),
            None => self.cause.sentence.clone(),
        }
    }
}
