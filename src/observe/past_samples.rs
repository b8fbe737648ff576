//! Samples that were not polled by this program: replies that are known when it starts, with their times.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::stat_table::{StatLimits, StatParser};
use crate::observe::poll_reply::PollReply;
use crate::observe::sample::Sample;
use crate::observe::sample_parser::SampleParser;
use crate::observe::timestamp::Timestamp;

/// Samples of the time before the program started, and the parser that continues with the next reply.
#[derive(Debug, Default)]
pub(crate) struct PastSamples {
    /// The samples, oldest first.
    pub(crate) samples: Vec<Arc<Sample>>,
    /// The parser after the last sample.
    pub(crate) parser: SampleParser,
}

impl PastSamples {
    /// Parses replies to `show info;show stat`, oldest first, each with its age at the time `now`. Replies that are
    /// invalid, or older than the clock, are skipped.
    pub(crate) fn parse(replies: impl IntoIterator<Item = (Duration, String)>, now: Timestamp) -> Self {
        let mut past = Self::default();
        for (age, text) in replies {
            let newest = past.parser.newest().cloned();
            let (Some(monotonic), Some(wall)) = (now.monotonic.checked_sub(age), now.wall.checked_sub(age)) else {
                continue;
            };
            let stat_parser = StatParser::new(newest.as_deref().map(|sample| &sample.table), StatLimits::default());
            let mut bytes = text.into_bytes();
            let mut reply = PollReply::new(0, false, stat_parser);
            reply.receive(&mut bytes);
            let at = Timestamp { monotonic, wall };
            let Ok(mut sample) = past.parser.accept(reply, &bytes, at, Duration::ZERO) else { continue };
            sample.interval = newest.map_or(Duration::ZERO, |newest| at.elapsed_since(newest.at.monotonic));
            let sample = Arc::new(sample);
            past.parser.set_newest(&sample);
            past.samples.push(sample);
        }
        past
    }
}
