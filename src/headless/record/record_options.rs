//! Options of `hapulse record`.

use std::path::PathBuf;

use crate::config::own_file::PathChoice;
use crate::recording::retention::Retention;

/// Options of `hapulse record`.
#[derive(Debug, Clone)]
pub(crate) struct RecordOptions {
    /// Recording folder.
    pub(crate) folder: PathBuf,
    /// Origin of the folder's path.
    pub(crate) choice: PathChoice,
    /// Limits of what is kept.
    pub(crate) retention: Retention,
    /// Audit log whose new records are recorded; `None` for none.
    pub(crate) audit: Option<PathBuf>,
}
