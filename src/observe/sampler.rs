//! Polls one HAProxy instance over a short connection per sample.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::haproxy::address::Address;
use crate::haproxy::cli_request::CliRequest;
use crate::haproxy::command;
use crate::haproxy::connection::{self, ConnectionLimits, RequestError, RequestTiming};
use crate::haproxy::level::{self, Level};
use crate::haproxy::reply;
use crate::haproxy::servers_state;
use crate::haproxy::stat_table::{StatAnomalies, StatLimits, StatParser, StatRow};
use crate::haproxy::version::Version;
use crate::observe::configured_state::ConfiguredServers;
use crate::observe::drained_servers::DrainedServers;
use crate::observe::latest_slot::LatestSlot;
use crate::observe::link::PollFailure;
use crate::observe::poll_reply::{PollError, PollReply};
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::sample::Sample;
use crate::observe::sample_parser::SampleParser;
use crate::observe::slow_round::SlowRounds;
use crate::observe::timestamp::{Clock, Timestamp};

/// Polls one HAProxy instance: connects, sends, and receives. A [`SampleParser`] turns the replies into samples.
#[derive(Debug)]
pub(crate) struct Sampler {
    address: Address,
    limits: ConnectionLimits,
    read_only: bool,
    /// Set if the sampler may also query the level of the socket and the configured state.
    can_query_more: bool,
    clock: Clock,
    stat_limits: StatLimits,
    sample_parser: SampleParser,
    reply_buffer: Vec<u8>,
    slow_rounds: SlowRounds,
    drained_servers: DrainedServers,
    /// The samples that are still in use elsewhere.
    used_samples: Vec<Arc<Sample>>,
}

/// Maximum capacity in bytes that the reply buffer keeps after a small reply.
const MAX_KEPT_BUFFER: usize = 8 << 20;

impl Sampler {
    /// Creates a sampler. If `read_only` is set, every connection lowers its level first, so that it cannot change
    /// HAProxy.
    pub(crate) fn new(address: Address, limits: ConnectionLimits, read_only: bool, clock: Clock) -> Self {
        Self {
            address,
            limits,
            read_only,
            can_query_more: true,
            clock,
            stat_limits: StatLimits::default(),
            sample_parser: SampleParser::default(),
            reply_buffer: Vec::new(),
            slow_rounds: SlowRounds::default(),
            drained_servers: DrainedServers::default(),
            used_samples: Vec::new(),
        }
    }

    /// Sets the limits of the rows of a sample.
    #[must_use]
    pub(crate) fn with_stat_limits(self, stat_limits: StatLimits) -> Self {
        Self { stat_limits, ..self }
    }

    /// Sets the parser, which may know earlier samples.
    #[must_use]
    pub(crate) fn with_parser(self, sample_parser: SampleParser) -> Self {
        Self { sample_parser, ..self }
    }

    /// Sets the clock, of which the times of earlier samples are.
    #[must_use]
    pub(crate) fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Restricts the sampler to `show info;show stat`. Only if DNS has no address for a server, it also queries the
    /// configured state of the servers, once.
    #[must_use]
    pub(crate) fn samples_only(self) -> Self {
        Self { can_query_more: false, read_only: false, ..self }
    }

    /// Adds the slow round, which starts with this sample.
    #[must_use]
    pub(crate) fn with_slow_round(self, first_sample: u64) -> Self {
        Self { slow_rounds: SlowRounds::starting_with(first_sample), ..self }
    }

    /// Takes one sample.
    ///
    /// # Errors
    /// Returns an error if there is no complete and valid reply. The error does not affect the next poll.
    async fn poll(&mut self) -> Result<Sample, PollError> {
        if self.reply_buffer.capacity() > MAX_KEPT_BUFFER && self.reply_buffer.len() < MAX_KEPT_BUFFER {
            self.reply_buffer = Vec::new();
        }
        self.reply_buffer.clear();
        // Freeing a large sample takes long, so it is done here and not on the thread that used the sample last.
        self.used_samples.retain(|sample| Arc::strong_count(sample) > 1);
        let newest = self.sample_parser.newest().cloned();
        let version = newest.as_ref().and_then(|sample| sample.info.version());
        let CliRequest { line, leading_replies } = CliRequest::new("show info;show stat", self.read_only, version);
        let mut buffer = std::mem::take(&mut self.reply_buffer);
        // The user waits for the first sample, so its rows are parsed while HAProxy is still writing. Later replies are
        // parsed in large parts, which needs less CPU time on both sides.
        let is_first_sample = newest.is_none();
        let stat_parser = StatParser::new(newest.as_deref().map(|sample| &sample.table), self.stat_limits);
        let mut reply = PollReply::new(leading_replies, is_first_sample, stat_parser);
        let (address, limits) = (&self.address, &self.limits);
        let on_data = |received: &mut Vec<u8>| reply.receive(received);
        let request = connection::request_with_progress(address, &line, limits, &mut buffer, on_data).await;
        let timing = match request {
            // The reader reports why it stopped.
            Err(RequestError::Stopped(_)) => RequestTiming::default(),
            other => other?,
        };
        let sample = self.sample_parser.accept(reply, &buffer, self.clock.now(), timing.reply);
        self.reply_buffer = buffer;
        let mut sample = sample?;
        if self.can_query_more && sample.level.is_none() {
            let level = self.query_level(sample.info.version()).await;
            self.sample_parser.set_level(&mut sample, level);
        }
        // Otherwise, unused slots of a `server-template` cannot be distinguished from servers whose name has no address.
        let needs_names =
            || !self.sample_parser.has_queried_configured() && sample.table.rows().iter().any(StatRow::is_unresolved);
        if self.can_query_more && self.sample_parser.needs_configured(&sample) || !self.can_query_more && needs_names()
        {
            let configured = self.query_configured(&sample).await;
            self.sample_parser.set_configured(&mut sample, configured);
        }
        if self.can_query_more || self.slow_rounds.are_enabled() {
            self.drained_servers.update(newest.as_deref(), &sample);
            self.query_drained_servers(&sample).await;
            sample.details.ended_drains.clone_from(self.drained_servers.ended());
        }
        Ok(sample)
    }

    /// Takes one sample and keeps it as the newest, or returns the failure. `schedule` computes when the next poll is
    /// due: the `interval` of the sample after the start of this poll, or at `retry_at` of the failure.
    pub(crate) async fn poll_and_record(&mut self, schedule: &mut PollSchedule) -> PollResult {
        match self.poll().await {
            Ok(mut sample) => {
                sample.interval = schedule.after_reply(sample.cost.reply_time);
                sample.details.slow_facts = self.slow_rounds.latest();
                let sample = Arc::new(sample);
                self.slow_rounds.start_if_due(&self.address, self.limits, self.read_only, self.clock, &sample);
                self.log_sample(&sample);
                self.sample_parser.set_newest(&sample);
                self.used_samples.push(Arc::clone(&sample));
                PollResult::Sample(sample)
            }
            Err(error) => {
                let now = self.clock.now();
                let is_unused = matches!(&error, PollError::Connection(error) if error.is_unused_socket());
                let retry_at = now.monotonic + schedule.after_failure(is_unused, fastrand::f64());
                let is_denied = matches!(&error, PollError::Connection(error) if error.is_permission());
                let hint = error.hint(&self.address);
                tracing::debug!(%error, retry_in = ?retry_at.saturating_sub(now.monotonic), "poll failed");
                PollResult::Failed(PollFailure { reason: error.to_string(), hint, is_denied, retry_at }, now)
            }
        }
    }

    /// Writes to the debug log that a new epoch began and which rows could not be read.
    fn log_sample(&self, sample: &Sample) {
        let pid = sample.epoch.pid;
        if self.sample_parser.newest().is_none_or(|newest| newest.epoch != sample.epoch) {
            let version = sample.info.version();
            tracing::debug!(pid, ?version, level = ?sample.level, rows = sample.rows.ids().len(), "new process");
        }
        let anomalies = sample.table.anomalies();
        if anomalies != StatAnomalies::default() {
            tracing::debug!(pid, ?anomalies, "rows that could not be read");
        }
        tracing::trace!(pid, seq = sample.seq, interval = ?sample.interval, "sample");
    }

    /// Queries the configured state of the servers. Returns `None` if there is no usable reply, as before HAProxy 1.6.
    async fn query_configured(&self, sample: &Sample) -> Option<Arc<ConfiguredServers>> {
        let (reply, start) = self.request_states(command::SHOW_ALL_SERVERS_STATE, sample).await?;
        let states = servers_state::iter(reply::split(&reply, start + 1).get(start)?.text());
        let configured = ConfiguredServers::new(states, &sample.table, &sample.rows);
        (!configured.is_empty()).then(|| Arc::new(configured))
    }

    /// Queries whether the drains of servers that are down have ended, if such a query is due. Without a usable reply, it is
    /// not known.
    async fn query_drained_servers(&mut self, sample: &Sample) {
        let commands = self.drained_servers.commands_if_due(sample);
        if commands.is_empty() {
            return;
        }
        let Some((reply, start)) = self.request_states(&commands.join(";"), sample).await else { return };
        let replies = reply::split(&reply, start + commands.len());
        let states: Vec<_> = replies.iter().skip(start).flat_map(|reply| servers_state::iter(reply.text())).collect();
        self.drained_servers.end_drains(&states, sample);
    }

    /// Sends commands `show servers state` over a separate connection. Returns the bytes received and the number of replies
    /// that precede those to the commands, or `None` if they were lost.
    async fn request_states(&self, commands: &str, sample: &Sample) -> Option<(Vec<u8>, usize)> {
        let CliRequest { line, leading_replies } = CliRequest::new(commands, self.read_only, sample.info.version());
        let mut buffer = Vec::new();
        connection::request(&self.address, &line, &self.limits, &mut buffer).await.ok()?;
        Some((buffer, leading_replies))
    }

    /// Queries the level of the socket, over a separate connection. Returns `None` if the query fails or, in read-only
    /// mode before 1.9, is not made.
    async fn query_level(&self, version: Option<Version>) -> Option<Level> {
        let mut buffer = Vec::new();
        if version.is_none_or(|version| version >= Version::new(1, 9)) {
            let CliRequest { line, leading_replies } = CliRequest::new(level::LEVEL_COMMAND, self.read_only, version);
            connection::request(&self.address, &line, &self.limits, &mut buffer).await.ok()?;
            return Level::from_reply(reply::split(&buffer, leading_replies + 1).get(leading_replies)?);
        }
        if self.read_only {
            // Before 1.9, only a `set server` command reveals the level. Read-only mode does not need the level.
            return None;
        }
        connection::request(&self.address, level::PROBE_COMMANDS, &self.limits, &mut buffer).await.ok()?;
        match reply::split(&buffer, 2).as_slice() {
            [set_server, show_env] => Some(Level::from_probe_replies(set_server, show_env)),
            _ => None,
        }
    }
}

/// Result of a poll. A newer result replaces it.
#[derive(Debug)]
pub enum PollResult {
    /// Successful poll.
    Sample(Arc<Sample>),
    /// Failed poll, and the time of the failure.
    Failed(PollFailure, Timestamp),
}

/// Request to a running sampler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SamplerRequest {
    /// Poll as soon as the minimum interval allows.
    PollNow,
}

/// Polls until all senders of `requests` are dropped. Puts each result into `latest`, and calls `wake` if that slot was
/// empty.
pub(crate) async fn run(
    mut sampler: Sampler,
    mut schedule: PollSchedule,
    latest: Arc<LatestSlot<PollResult>>,
    wake: impl Fn(),
    mut requests: mpsc::UnboundedReceiver<SamplerRequest>,
) {
    loop {
        let start = Instant::now();
        let mut earliest = start;
        let file = SocketFileId::for_address(&sampler.address);
        let result = sampler.poll_and_record(&mut schedule).await;
        let due = match &result {
            PollResult::Sample(sample) => {
                earliest += schedule.min_interval();
                start + sample.interval
            }
            PollResult::Failed(failure, at) => Instant::now() + failure.retry_at.saturating_sub(at.monotonic),
        };
        let failed = matches!(result, PollResult::Failed(..));
        let is_huge = matches!(&result, PollResult::Sample(sample) if sample.cost.bytes > HUGE_REPLY_BYTES);
        if latest.publish(result) {
            wake();
        }
        if !wait_for_next(&sampler.address, failed.then_some(file).flatten(), due, earliest, &mut requests).await {
            return;
        }
        // Otherwise, unread samples would add to the memory of those in use.
        while is_huge && latest.is_unread() {
            tokio::time::sleep(UNREAD_CHECK_INTERVAL).await;
        }
    }
}

/// Size of a reply, in bytes, from which the next poll waits until the sample has been read.
const HUGE_REPLY_BYTES: usize = 4 << 20;
/// Time between two checks whether a sample has been read.
const UNREAD_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Time between two checks of the socket file while the link is down.
const FILE_CHECK_INTERVAL: Duration = Duration::from_millis(200);

/// Waits until the next poll is due or requested, or until the socket file has changed while the link is down. Returns
/// false once all request senders are dropped.
async fn wait_for_next(
    address: &Address,
    file: Option<SocketFileId>,
    due: Instant,
    earliest: Instant,
    requests: &mut mpsc::UnboundedReceiver<SamplerRequest>,
) -> bool {
    let mut due = due;
    loop {
        let file_check = async {
            match file {
                Some(_) => tokio::time::sleep(FILE_CHECK_INTERVAL).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep_until(due) => return true,
            () = file_check => {
                if SocketFileId::for_address(address) != file {
                    return true;
                }
            }
            message = requests.recv() => match message {
                Some(SamplerRequest::PollNow) => due = due.min(earliest.max(Instant::now())),
                None => return false,
            },
        }
    }
}

/// Identity of a socket's file, to detect that it was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SocketFileId {
    inode: u64,
    mode: u32,
    changed: Option<SystemTime>,
}

impl SocketFileId {
    /// Returns the identity of a Unix socket's file, which may be missing, or `None` for a TCP address.
    fn for_address(address: &Address) -> Option<Self> {
        Some(Self::for_path(address.path()?))
    }

    fn for_path(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        match std::fs::metadata(path) {
            Ok(meta) => Self { inode: meta.ino(), mode: meta.mode(), changed: meta.modified().ok() },
            Err(_) => Self { inode: 0, mode: 0, changed: None },
        }
    }
}
