//! Polls one HAProxy: one short connection a sample, at a rhythm that does not hurt it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::haproxy::address::Address;
use crate::haproxy::cli_request::Line;
use crate::haproxy::command;
use crate::haproxy::connection::{self, AskError, Limits};
use crate::haproxy::fields::InfoField;
use crate::haproxy::info::{BadInfo, Info};
use crate::haproxy::level::{self, Level};
use crate::haproxy::reply;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::servers_state;
use crate::haproxy::stat_table::{Arriving, BadStat};
use crate::haproxy::version::Version;
use crate::observe::configured_state::Configured;
use crate::observe::latest_slot::LatestSlot;
use crate::observe::link::Failure;
use crate::observe::poll_schedule::Pace;
use crate::observe::row_ids::{Roster, RowSet};
use crate::observe::sample::{Cost, Epoch, Sample};
use crate::observe::timestamp::{Clock, Stamp};

/// Why a poll gave no sample.
#[derive(Debug, Error)]
pub enum PollError {
    /// No answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The answer is no `show info`.
    #[error(transparent)]
    Info(#[from] BadInfo),
    /// The answer is no `show stat`.
    #[error(transparent)]
    Stat(#[from] BadStat),
    /// The master process answers, which has no statistics of its own.
    #[error("this is a master socket: it knows no \"show stat\"")]
    Master,
    /// The connection ended before both commands were answered.
    #[error("the answer was cut after {0} bytes")]
    Short(usize),
    /// HAProxy refused, in its own words.
    #[error("HAProxy refused: {0}")]
    Refused(SafeText),
}

impl PollError {
    fn hint(&self, address: &Address) -> Option<String> {
        match self {
            Self::Ask(error) => error.hint(address),
            Self::Master => {
                Some("use the socket of a \"stats socket\" line instead of the one given to haproxy -S".to_owned())
            }
            _ => None,
        }
    }
}

/// Takes samples of one HAProxy.
#[derive(Debug)]
pub struct Sampler {
    address: Address,
    limits: Limits,
    read_only: bool,
    /// Whether it may ask for the level and the configuration too.
    asks_more: bool,
    clock: Clock,
    roster: Roster,
    level: Option<Level>,
    /// Asked once an epoch; absent while it was not, and when the answer was none.
    configured: Option<Arc<Configured>>,
    has_asked: bool,
    newest: Option<Arc<Sample>>,
    seq: u64,
    answer: Vec<u8>,
}

/// An answer buffer larger than this is given back once a small answer came.
const BUFFER_KEPT: usize = 8 << 20;

impl Sampler {
    /// A sampler for one address. When `read_only`, every connection gives up its right to change anything.
    pub fn new(address: Address, limits: Limits, read_only: bool, clock: Clock) -> Self {
        Self {
            address,
            limits,
            read_only,
            asks_more: true,
            clock,
            roster: Roster::default(),
            level: None,
            configured: None,
            has_asked: false,
            newest: None,
            seq: 0,
            answer: Vec::new(),
        }
    }

    /// The same, but it sends `show info;show stat` and nothing else, ever.
    #[must_use]
    pub fn of_samples_only(self) -> Self {
        Self { asks_more: false, read_only: false, ..self }
    }

    /// Takes one sample.
    ///
    /// # Errors
    /// When there is no whole answer; everything known before stays as it is.
    pub async fn poll(&mut self) -> Result<Sample, PollError> {
        if self.answer.capacity() > BUFFER_KEPT && self.answer.len() < BUFFER_KEPT {
            self.answer = Vec::new();
        }
        self.answer.clear();
        let version = self.newest.as_ref().and_then(|sample| sample.info.version());
        let Line { text, skipped } = Line::new("show info;show stat", self.read_only, version);
        let mut answer = std::mem::take(&mut self.answer);
        // The first sample is awaited: its rows are read while HAProxy writes the others. To read the whole answer at
        // once, as later, takes less of both processors.
        let is_awaited = self.newest.is_none();
        let mut arriving = Arriving::new(self.newest.as_deref().map(|sample| &sample.table));
        let mut stat_at = None;
        let arrived = |so_far: &[u8]| {
            if !is_awaited {
                return;
            }
            stat_at = stat_at.or_else(|| reply::behind(so_far, skipped + 1));
            if let Some(at) = stat_at {
                arriving.take(&so_far[at..]);
            }
        };
        let (address, limits) = (&self.address, &self.limits);
        let asked = connection::ask_and_watch(address, &text, skipped + 2, limits, &mut answer, arrived).await;
        self.answer = answer;
        let timing = asked?;
        let at = self.clock.now();
        let replies = reply::split(&self.answer, skipped + 2);
        let (Some(info), Some(stat)) = (replies.get(skipped), replies.get(skipped + 1)) else {
            return Err(match replies.first() {
                Some(reply) if reply.is_denied() => PollError::Refused(SafeText::new(reply.text().trim_ascii())),
                _ => PollError::Short(self.answer.len()),
            });
        };
        if info.is_unknown_command() || stat.is_unknown_command() {
            return Err(PollError::Master);
        }
        let info = Info::parse(info.text())?;
        if !stat.is_whole() {
            return Err(BadStat::Cut(stat.text().len()).into());
        }
        let table = arriving.finish(stat.text())?;
        let cost = Cost { bytes: self.answer.len(), answer: timing.answer };
        let epoch = self.epoch_of(&info);
        let is_new = self.newest.as_ref().is_none_or(|newest| newest.epoch != epoch);
        if self.asks_more && (is_new || self.level.is_none()) {
            self.level = self.find_level(info.version()).await;
        }
        self.seq += 1;
        let rows = self.roster.identify(&table);
        if is_new {
            (self.configured, self.has_asked) = (None, false);
        } else if self.asks_more && !self.has_asked {
            // With the second sample only: the first one is awaited by somebody.
            (self.configured, self.has_asked) = (self.find_configured(info.version(), &rows).await, true);
        }
        let (seq, level, interval) = (self.seq, self.level, Duration::ZERO);
        let configured = self.configured.clone();
        Ok(Sample { seq, at, epoch, level, info, table, rows, cost, interval, configured })
    }

    /// Takes one sample, to be remembered as the newest, or tells why there is none. `pace` says when the next
    /// is due: an interval after the start of this one, or when the failure says.
    pub async fn take(&mut self, pace: &mut Pace) -> News {
        match self.poll().await {
            Ok(mut sample) => {
                sample.interval = pace.after_answer(sample.cost.answer);
                let sample = Arc::new(sample);
                self.newest = Some(Arc::clone(&sample));
                News::Sample(sample)
            }
            Err(error) => {
                let now = self.clock.now();
                let retry_at = now.mono + pace.after_failure(fastrand::f64());
                let is_denied = matches!(&error, PollError::Ask(error) if error.is_permission());
                let hint = error.hint(&self.address);
                News::Failed(Failure { why: error.to_string(), hint, is_denied, retry_at }, now)
            }
        }
    }

    /// What the configuration says of the servers. Nothing when the answer is none, as before 1.6.
    async fn find_configured(&self, version: Option<Version>, rows: &RowSet) -> Option<Arc<Configured>> {
        let Line { text, skipped } = Line::new(command::SHOW_ALL_SERVERS_STATE, self.read_only, version);
        let mut answer = Vec::new();
        connection::ask(&self.address, &text, skipped + 1, &self.limits, &mut answer).await.ok()?;
        let states = servers_state::read(reply::split(&answer, skipped + 1).get(skipped)?.text());
        let configured = Configured::new(states, rows);
        (!configured.is_empty()).then(|| Arc::new(configured))
    }

    /// A new epoch begins with another pid, or when the uptime went back.
    fn epoch_of(&self, info: &Info) -> Epoch {
        let pid = info.number(InfoField::Pid).unwrap_or_default();
        let uptime = info.number(InfoField::UptimeSec);
        match &self.newest {
            Some(newest) if newest.epoch.pid == pid && uptime >= newest.info.number(InfoField::UptimeSec) => {
                newest.epoch
            }
            Some(newest) => Epoch { number: newest.epoch.number + 1, pid },
            None => Epoch { number: 1, pid },
        }
    }

    /// Once an epoch, on a connection of its own. Unknown when the question is not answered.
    async fn find_level(&self, version: Option<Version>) -> Option<Level> {
        let mut answer = Vec::new();
        if version.is_none_or(|version| version >= Version::new(1, 9)) {
            let Line { text, skipped } = Line::new(level::QUESTION, self.read_only, version);
            connection::ask(&self.address, &text, skipped + 1, &self.limits, &mut answer).await.ok()?;
            return Level::from_answer(reply::split(&answer, skipped + 1).get(skipped)?);
        }
        if self.read_only {
            // The old question looks like an act; read-only mode has no need to know.
            return None;
        }
        connection::ask(&self.address, level::OLD_QUESTION, 2, &self.limits, &mut answer).await.ok()?;
        match reply::split(&answer, 2).as_slice() {
            [set_server, show_env] => Some(Level::from_old_answers(set_server, show_env)),
            _ => None,
        }
    }
}

/// What the sampler has to say; the newest is enough.
#[derive(Debug)]
pub enum News {
    /// A sample.
    Sample(Arc<Sample>),
    /// A poll failed.
    Failed(Failure, Stamp),
}

/// What the sampler may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// Poll as soon as politeness allows.
    PollNow,
}

/// Polls for ever. Puts the newest into `outbox` and calls `wake` when the reader had emptied it.
/// Ends when nobody can tell it anything any more.
pub async fn run(
    mut sampler: Sampler,
    mut pace: Pace,
    outbox: Arc<LatestSlot<News>>,
    wake: impl Fn(),
    mut told: mpsc::UnboundedReceiver<Tell>,
) {
    loop {
        let start = Instant::now();
        let mut soonest = start;
        let file = FileMark::of(&sampler.address);
        let news = sampler.take(&mut pace).await;
        let due = match &news {
            News::Sample(sample) => {
                soonest += pace.rest();
                start + sample.interval
            }
            News::Failed(failure, at) => Instant::now() + failure.retry_at.saturating_sub(at.mono),
        };
        let failed = matches!(news, News::Failed(..));
        if outbox.put(news) {
            wake();
        }
        if !wait_for_next(&sampler.address, failed.then_some(file).flatten(), due, soonest, &mut told).await {
            return;
        }
    }
}

/// How often a lost socket's file is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until the next poll is due, or asked for, or the lost socket's file has changed. False at the end.
async fn wait_for_next(
    address: &Address,
    file: Option<FileMark>,
    due: Instant,
    soonest: Instant,
    told: &mut mpsc::UnboundedReceiver<Tell>,
) -> bool {
    let mut due = due;
    loop {
        let look = async {
            match file {
                Some(_) => tokio::time::sleep(LOOK).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep_until(due) => return true,
            () = look => {
                if FileMark::of(address) != file {
                    return true;
                }
            }
            message = told.recv() => match message {
                Some(Tell::PollNow) => due = due.min(soonest.max(Instant::now())),
                None => return false,
            },
        }
    }
}

/// Tells whether a socket's file is still the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileMark {
    inode: u64,
    mode: u32,
    changed: Option<SystemTime>,
}

impl FileMark {
    /// Of a Unix socket; a missing file has a mark too. TCP addresses have none.
    fn of(address: &Address) -> Option<Self> {
        Some(Self::of_path(address.path()?))
    }

    fn of_path(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        match std::fs::metadata(path) {
            Ok(meta) => Self { inode: meta.ino(), mode: meta.mode(), changed: meta.modified().ok() },
            Err(_) => Self { inode: 0, mode: 0, changed: None },
        }
    }
}
