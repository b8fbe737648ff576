//! Turns replies to `show info;show stat` into samples, without I/O, so that the replies may come from anywhere.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::level::Level;
use crate::observe::changes;
use crate::observe::configured_state::ConfiguredServers;
use crate::observe::poll_reply::{PollError, PollReply};
use crate::observe::process_turns::ProcessTurns;
use crate::observe::row_ids::KnownRows;
use crate::observe::row_ids::RowIds;
use crate::observe::sample::{ReplyCost, Sample, SampleDetails};
use crate::observe::timestamp::Timestamp;

/// Turns the replies of one HAProxy instance into samples. Keeps what the next sample needs: row ids, the epoch, the
/// level of the socket and the configured state.
#[derive(Debug, Default)]
pub(crate) struct SampleParser {
    row_ids: RowIds,
    level: Option<Level>,
    /// Configured state, queried once per epoch; `None` before the query and if the query failed.
    configured: Option<Arc<ConfiguredServers>>,
    has_queried_configured: bool,
    newest: Option<Arc<Sample>>,
    /// Sequence number of the last sample.
    last_seq: u64,
    turns: ProcessTurns,
}

/// Sequence numbers that are left free for a recorder that still runs, so that its samples come before those of this
/// program.
const SEQS_OF_RECORDER: u64 = 1 << 32;

impl SampleParser {
    /// Creates a parser that continues a recording after its last sample. `rows` are the ids of the recorded rows.
    pub(crate) fn continuing(last: &Arc<Sample>, rows: KnownRows) -> Self {
        let row_ids = RowIds::with_known(rows);
        let mut parser = Self { row_ids, level: last.level, configured: last.configured.clone(), ..Self::default() };
        parser.has_queried_configured = last.configured.is_some();
        parser.set_newest(last);
        parser.last_seq = last.seq + SEQS_OF_RECORDER;
        parser
    }

    /// Returns the newest sample, if any. The parser of the next reply should share the strings of this sample.
    pub(crate) fn newest(&self) -> Option<&Arc<Sample>> {
        self.newest.as_ref()
    }

    /// Sets the newest sample, with which the next reply is compared.
    pub(crate) fn set_newest(&mut self, sample: &Arc<Sample>) {
        self.turns.record(sample);
        self.last_seq = self.last_seq.max(sample.seq);
        self.newest = Some(Arc::clone(sample));
    }

    /// Returns the reply as a sample, with the level and the configured state if they are known for its epoch. The
    /// interval is not set. `rest` are the bytes of the reply that are not parsed yet, and `at` is the time at which it
    /// was complete.
    ///
    /// # Errors
    /// Returns an error if the reply is incomplete or invalid. Such a reply does not affect later samples.
    pub(crate) fn accept(
        &mut self,
        reply: PollReply<'_>,
        rest: &[u8],
        at: Timestamp,
        reply_time: Duration,
    ) -> Result<Sample, PollError> {
        let (info, table, bytes) = reply.finish(rest)?;
        let epoch = self.turns.epoch_of(&info, at.monotonic);
        let has_replied_before = self.turns.has_replied(epoch);
        if !has_replied_before {
            (self.level, self.configured, self.has_queried_configured) = (None, None, false);
        }
        let sample = Sample {
            seq: self.last_seq + 1,
            at,
            epoch,
            level: self.level,
            info,
            rows: self.row_ids.identify(&table),
            changes: None,
            table,
            cost: ReplyCost { bytes, reply_time },
            interval: Duration::ZERO,
            configured: self.configured.clone(),
            details: SampleDetails {
                has_replied_before,
                live_pids: self.turns.live_pids(at.monotonic),
                ..SampleDetails::default()
            },
        };
        let changes = self.newest().map(|newest| changes::find_row_changes(newest, &sample));
        Ok(Sample { changes, ..sample })
    }

    /// Sets the level in a sample and in all later samples of the same epoch.
    pub(crate) fn set_level(&mut self, sample: &mut Sample, level: Option<Level>) {
        (self.level, sample.level) = (level, level);
    }

    /// Returns whether the configured state must be queried for a sample. It is queried once per epoch, with the second
    /// sample, because the user waits for the first one.
    pub(crate) fn needs_configured(&self, sample: &Sample) -> bool {
        !self.has_queried_configured && self.newest().is_some_and(|newest| newest.epoch == sample.epoch)
    }

    /// Returns whether the configured state was queried in the epoch of a sample.
    pub(crate) fn has_queried_configured(&self) -> bool {
        self.has_queried_configured
    }

    /// Sets the configured state in a sample and in all later samples of the same epoch; `None` if the query failed.
    pub(crate) fn set_configured(&mut self, sample: &mut Sample, configured: Option<Arc<ConfiguredServers>>) {
        self.has_queried_configured = true;
        self.configured.clone_from(&configured);
        sample.configured = configured;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::haproxy::fields::InfoField;
    use crate::haproxy::stat_table::{StatLimits, StatParser};
    use crate::observe::test_samples::timestamp_at;

    const VERSIONS: [&str; 6] = ["1.8.0", "2.0.0", "2.4.0", "2.6.12", "3.0.0", "3.2.0"];

    /// Returns the recorded reply to `show info;show stat`.
    fn recorded_reply(version: &str) -> String {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(version);
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap().trim_end().to_owned();
        format!("{}\n\n{}\n\n", read("show-info.txt"), read("show-stat.csv"))
    }

    fn accept(parser: &mut SampleParser, leading_replies: usize, bytes: &[u8]) -> Result<Sample, PollError> {
        let newest = parser.newest().cloned();
        let stat_parser = StatParser::new(newest.as_deref().map(|sample| &sample.table), StatLimits::default());
        let mut reply = PollReply::new(leading_replies, leading_replies > 0, stat_parser);
        let mut rest = bytes.to_vec();
        reply.receive(&mut rest);
        parser.accept(reply, &rest, timestamp_at(0), Duration::from_millis(1))
    }

    #[test]
    fn accept_reads_recorded_replies() {
        for version in VERSIONS {
            let reply = recorded_reply(version);
            let sample = accept(&mut SampleParser::default(), 0, reply.as_bytes()).unwrap();
            let (_, stat) = reply.split_once("\n\n").unwrap();
            assert_eq!(sample.table.rows().len(), stat.trim_end().lines().count() - 1, "{version}");
            assert_eq!(sample.rows.ids().len(), sample.table.rows().len(), "{version}");
            assert_eq!((sample.seq, sample.epoch.number, sample.cost.bytes), (1, 1, reply.len()), "{version}");
            assert_eq!(Some(sample.epoch.pid), sample.info.number(InfoField::Pid), "{version}");
            let lowered = format!("\n{reply}");
            let second = accept(&mut SampleParser::default(), 1, lowered.as_bytes()).unwrap();
            assert_eq!(second.table.rows().len(), sample.table.rows().len(), "{version}");
        }
    }

    #[test]
    fn accept_keeps_ids_level_and_configured_state_within_epoch() {
        let reply = recorded_reply("2.6.12");
        let mut parser = SampleParser::default();
        let mut first = accept(&mut parser, 0, reply.as_bytes()).unwrap();
        assert!(first.level.is_none() && !parser.needs_configured(&first));
        parser.set_level(&mut first, Some(Level::Operator));
        let first = Arc::new(first);
        parser.set_newest(&first);
        let mut second = accept(&mut parser, 0, reply.as_bytes()).unwrap();
        assert_eq!((second.seq, second.epoch, second.level), (2, first.epoch, Some(Level::Operator)));
        assert_eq!(second.rows.ids(), first.rows.ids());
        assert!(parser.needs_configured(&second));
        parser.set_configured(&mut second, None);
        assert!(!parser.needs_configured(&second));
        parser.set_newest(&Arc::new(second));
        let uptime = first.info.number(InfoField::UptimeSec).unwrap();
        let restarted = reply.replace(&format!("Uptime_sec: {uptime}"), &format!("Uptime_sec: {}", uptime - 1));
        let third = accept(&mut parser, 0, restarted.as_bytes()).unwrap();
        assert_eq!((third.seq, third.epoch.number, third.level), (3, 2, None));
        assert_eq!(third.rows.ids(), first.rows.ids());
        assert!(!parser.needs_configured(&third));
    }

    #[test]
    fn accept_rejects_incomplete_and_foreign_replies() {
        let reply = recorded_reply("2.6.12");
        let mut parser = SampleParser::default();
        let first = Arc::new(accept(&mut parser, 0, reply.as_bytes()).unwrap());
        parser.set_newest(&first);
        for length in (0..reply.len() - 1).step_by(97).chain([reply.len() - 1]) {
            assert!(accept(&mut parser, 0, &reply.as_bytes()[..length]).is_err(), "{length}");
        }
        let mut refused = |text: &str| accept(&mut parser, 0, text.as_bytes()).unwrap_err();
        assert!(matches!(refused("Permission denied\n\n"), PollError::Refused(_)));
        let master = "Unknown command: 'show stat'\n\n";
        assert!(matches!(refused(&format!("{master}{master}")), PollError::MasterSocket));
        let (info, stat) = reply.split_once("\n\n").unwrap();
        assert!(matches!(refused(&format!("{stat}{info}\n\n")), PollError::Info(_)));
        let next = accept(&mut parser, 0, reply.as_bytes()).unwrap();
        assert_eq!((next.seq, next.epoch, next.rows.ids()), (2, first.epoch, first.rows.ids()));
    }
}
