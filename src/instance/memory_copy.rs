//! A copy of the past that an instance holds in memory, which another thread can write to a file.

use crate::history::store::History;
use crate::instance::state::Instance;
use crate::observe::events::Event;
use crate::problems::cause_log::CauseEpisode;

/// The samples in memory, with their causes and events.
#[derive(Debug)]
pub(crate) struct MemoryCopy {
    /// Samples.
    pub(crate) history: History,
    /// Causes that were listed at the first sample or later.
    pub(crate) causes: Vec<CauseEpisode>,
    /// Events since the first sample, oldest first.
    pub(crate) events: Vec<Event>,
}

impl Instance {
    /// Copies what memory holds; `None` without samples.
    pub(crate) fn copy_memory(&mut self) -> Option<MemoryCopy> {
        self.finish_deferred();
        let history = self.history.copy_of_memory();
        let first = history.oldest()?.at.monotonic;
        let causes = self.problem_log.cause_episodes_since(first).cloned().collect();
        let mut events: Vec<Event> =
            self.all_events().newest_first().take_while(|event| event.at.monotonic >= first).cloned().collect();
        events.reverse();
        Some(MemoryCopy { history, causes, events })
    }
}
