//! The slow round: commands that are sent less often than the polls, beside them and without delaying them. Certificates are
//! read at most once a minute; the counters of name servers, if HAProxy has any, every ten seconds.
//!
//! Only read-only commands, each on a connection of its own. The results are attached to the next samples.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::haproxy::address::Address;
use crate::haproxy::certificates;
use crate::haproxy::cli_request::CliRequest;
use crate::haproxy::command::CommandWord;
use crate::haproxy::connection::{self, ConnectionLimits};
use crate::haproxy::level::Level;
use crate::haproxy::reply;
use crate::haproxy::resolver_counters;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::version::Version;
use crate::observe::sample::Sample;
use crate::observe::slow_facts::{CertificateExpiry, NameServerReading, SlowFacts, name_server_growth};
use crate::observe::timestamp::Clock;

/// Minimum time between two rounds that read the certificates, and between all rounds of an HAProxy without name servers.
const CERTIFICATE_INTERVAL: Duration = Duration::from_mins(1);
/// Minimum time between two readings of the name servers.
const NAME_SERVER_INTERVAL: Duration = Duration::from_secs(10);
/// The same between the first two, which are needed to tell whether a name server answers now.
const FIRST_INTERVAL: Duration = Duration::from_secs(4);
/// Number of readings that are kept: those of the last minute.
const MAX_READINGS: usize = 7;
/// Maximum number of certificates whose dates are read in one round. Those that were read longest ago come first.
const MAX_CERTIFICATES: usize = 100;
/// Maximum number of certificates whose dates are remembered.
const MAX_KNOWN: usize = 20_000;

/// A certificate with its end of validity, which is `None` if it has none or is not in use.
type KnownCertificate = (SafeText, Option<SystemTime>);

/// The rounds of one instance.
#[derive(Debug, Default)]
pub(crate) struct SlowRounds {
    /// Number of samples until the first round starts; `None` if there are no rounds.
    samples_left: Option<u64>,
    last_start: Option<Instant>,
    /// Start of the last round that read the certificates.
    certificates_read: Option<Instant>,
    shared: Arc<Mutex<RoundResults>>,
}

/// The results of the rounds so far.
#[derive(Debug, Default)]
struct RoundResults {
    facts: Option<Arc<SlowFacts>>,
    /// All known certificates, those read longest ago first.
    certificates: Vec<KnownCertificate>,
    /// The readings of the name servers, oldest first; empty without name servers.
    name_servers: VecDeque<NameServerReading>,
    is_running: bool,
}

impl SlowRounds {
    /// Creates the rounds, of which the first one starts with the sample of this number.
    pub(crate) fn starting_with(first_sample: u64) -> Self {
        Self { samples_left: Some(first_sample), ..Self::default() }
    }

    /// Returns whether there are rounds, because the problems are evaluated.
    pub(crate) fn are_enabled(&self) -> bool {
        self.samples_left.is_some()
    }

    /// Returns the results of the last round that has ended.
    pub(crate) fn latest(&self) -> Option<Arc<SlowFacts>> {
        lock(&self.shared).facts.clone()
    }

    /// Returns the minimum time between two rounds.
    fn interval(&self) -> Duration {
        match lock(&self.shared).name_servers.len() {
            0 => CERTIFICATE_INTERVAL,
            1 => FIRST_INTERVAL,
            _ => NAME_SERVER_INTERVAL,
        }
    }

    /// Starts a round in a task of its own, unless one runs or it is too early.
    pub(crate) fn start_if_due(
        &mut self,
        address: &Address,
        limits: ConnectionLimits,
        read_only: bool,
        clock: Clock,
        sample: &Sample,
    ) {
        if let Some(left) = &mut self.samples_left {
            *left = left.saturating_sub(1);
        }
        let is_first_due = self.samples_left == Some(0);
        let interval = self.interval();
        let is_too_early = self.last_start.is_some_and(|start| start.elapsed() < interval);
        if !is_first_due || is_too_early || std::mem::replace(&mut lock(&self.shared).is_running, true) {
            return;
        }
        self.last_start = Some(Instant::now());
        let reads_certificates = self.certificates_read.is_none_or(|start| start.elapsed() >= CERTIFICATE_INTERVAL);
        if reads_certificates {
            self.certificates_read = self.last_start;
        }
        let version = sample.info.version();
        let (level, epoch) = (sample.level, sample.epoch.number);
        let facts = SlowFacts::default();
        let address = address.clone();
        let round = Round { address, limits, read_only, version, level, epoch, clock, reads_certificates, facts };
        tokio::spawn(round.run(Arc::clone(&self.shared)));
    }
}

fn lock(shared: &Mutex<RoundResults>) -> std::sync::MutexGuard<'_, RoundResults> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One round.
struct Round {
    address: Address,
    limits: ConnectionLimits,
    read_only: bool,
    version: Option<Version>,
    level: Option<Level>,
    epoch: u32,
    clock: Clock,
    reads_certificates: bool,
    facts: SlowFacts,
}

impl Round {
    async fn run(mut self, shared: Arc<Mutex<RoundResults>>) {
        let is_since = |major, minor| self.version.is_some_and(|version| version >= Version::new(major, minor));
        // HAProxy sends its whole help text for an unknown command, or an error at level user.
        let has_resolvers = is_since(1, 8);
        let has_certificates = self.reads_certificates && is_since(2, 2) && self.level != Some(Level::User);
        let reading = if has_resolvers { self.read_name_servers().await } else { None };
        let certificates = if has_certificates {
            let known = std::mem::take(&mut lock(&shared).certificates);
            self.read_certificates(known).await
        } else {
            None
        };
        self.facts.at = self.clock.now().monotonic;
        let mut results = lock(&shared);
        if let Some(reading) = reading {
            let (growth, has_unjudged) = name_server_growth(results.name_servers.make_contiguous(), &reading);
            self.facts.name_servers = Some(growth);
            self.facts.has_unjudged_name_server = has_unjudged;
            if !reading.counters.is_empty() {
                results.name_servers.push_back(reading);
            }
            while results.name_servers.len() > MAX_READINGS {
                results.name_servers.pop_front();
            }
        }
        if let Some(known) = certificates {
            let mut dated: Vec<CertificateExpiry> = known
                .iter()
                .filter_map(|(name, expiry)| Some(CertificateExpiry { name: name.clone(), at: (*expiry)? }))
                .collect();
            dated.sort_by(|one, other| (one.at, &one.name).cmp(&(other.at, &other.name)));
            dated.truncate(MAX_CERTIFICATES);
            self.facts.certificates = Some(dated);
            results.certificates = known;
        } else if !self.reads_certificates {
            self.facts.certificates = results.facts.as_ref().and_then(|facts| facts.certificates.clone());
        }
        results.facts = Some(Arc::new(self.facts));
        results.is_running = false;
    }

    async fn read_name_servers(&mut self) -> Option<NameServerReading> {
        let reply = self.request(resolver_counters::COMMAND).await?;
        let counters = resolver_counters::parse(&reply)?;
        Some(NameServerReading { epoch: self.epoch, at: self.clock.now().monotonic, counters })
    }

    /// Reads the list of certificates, and the dates of those that are not known or were read longest ago. `known` are
    /// those of the last round.
    async fn read_certificates(&mut self, known: Vec<KnownCertificate>) -> Option<Vec<KnownCertificate>> {
        let list = self.request(certificates::LIST_COMMAND).await?;
        let mut names = certificates::parse_list(&list)?;
        names.truncate(MAX_KNOWN);
        names.sort_unstable();
        let still: Vec<KnownCertificate> =
            known.into_iter().filter(|(name, _)| names.binary_search(name).is_ok()).collect();
        let mut is_known: Vec<&SafeText> = still.iter().map(|(name, _)| name).collect();
        is_known.sort_unstable();
        let new = names.iter().filter(|name| is_known.binary_search(name).is_err()).map(|name| (name.clone(), None));
        let mut ordered: Vec<KnownCertificate> = new.chain(still.iter().cloned()).collect();
        let count = ordered.len().min(MAX_CERTIFICATES);
        for (name, expiry) in &mut ordered[..count] {
            let Ok(word) = CommandWord::from_value(name) else { continue };
            let reply = self.request(&format!("{} {word}", certificates::LIST_COMMAND)).await;
            // A lost reply leaves the date that was read before.
            if let Some(reply) = reply {
                *expiry = certificates::parse_expiry(&reply);
            }
        }
        ordered.rotate_left(count);
        Some(ordered)
    }

    /// Sends one command and returns its reply, or `None` if it was lost.
    async fn request(&mut self, command: &str) -> Option<Vec<u8>> {
        let CliRequest { line, leading_replies } = CliRequest::new(command, self.read_only, self.version);
        let mut buffer = Vec::new();
        let start = Instant::now();
        let result = connection::request(&self.address, &line, &self.limits, &mut buffer).await;
        self.facts.requests += 1;
        self.facts.bytes += buffer.len();
        self.facts.reply_time += start.elapsed();
        result.ok()?;
        Some(reply::split(&buffer, leading_replies + 1).get(leading_replies)?.text().to_vec())
    }
}
