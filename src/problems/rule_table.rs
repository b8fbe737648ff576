//! The table of all rules, [`RULES`], and the names of the rules, [`RuleId`].
//!
//! The functions that measure and describe a rule are in the file for the rule's scope, such as [`backend_rules`]. No
//! rule uses a maximum since the start of HAProxy (`smax`, `qtime_max`), because such a value stays high after the
//! problem is over.

use std::fmt;
use std::time::Duration;

use crate::problems::attempts;
use crate::problems::backend_rules;
use crate::problems::frontend_rules;
use crate::problems::listener_rules;
use crate::problems::measurement::{Measurement, NotEvaluatedReason};
use crate::problems::process_rules;
use crate::problems::rule::{Basis, Direction, HoldTime, RuleUnit, Scope};
use crate::problems::rule_input::RuleInput;
use crate::problems::server_rules;

const fn hold(seconds: u64, samples: u32) -> HoldTime {
    HoldTime { duration: Duration::from_secs(seconds), samples }
}

/// For states and single events, which count immediately.
const IMMEDIATE: HoldTime = hold(0, 1);
/// For values that may peak briefly.
const HOLD_4S: HoldTime = hold(4, 2);
/// For shares of errors: longer than the rate window, so that one error on a quiet site is not a problem.
const HOLD_6S: HoldTime = hold(6, 2);
/// Twice the rate window, so that a single event is not a problem.
const HOLD_10S: HoldTime = hold(10, 2);
/// For values that change from sample to sample.
const THREE_SAMPLES: HoldTime = hold(2, 3);
/// For values that normally vary.
const HOLD_60S: HoldTime = hold(60, 3);

const fn warn_and_crit(warn: f64, crit: f64) -> (Option<f64>, Option<f64>) {
    (Some(warn), Some(crit))
}

const fn warn_only(warn: f64) -> (Option<f64>, Option<f64>) {
    (Some(warn), None)
}

const fn crit_only(crit: f64) -> (Option<f64>, Option<f64>) {
    (None, Some(crit))
}

/// A rule: a measurement with thresholds.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Name in configuration, documentation and scripts.
    pub(crate) id: RuleId,
    /// Kind of rows that the rule applies to.
    pub(crate) scope: Scope,
    /// Unit of the measured values and the thresholds.
    pub(crate) unit: RuleUnit,
    /// Samples that the values are about.
    pub(crate) basis: Basis,
    /// Side of the thresholds on which values are a problem.
    pub(crate) direction: Direction,
    /// Warning threshold; `None` if the rule is never a warning.
    pub(crate) warn: Option<f64>,
    /// Critical threshold; `None` if the rule is never critical.
    pub(crate) crit: Option<f64>,
    /// Hold time of a warning.
    pub(crate) warn_for: HoldTime,
    /// Hold time of a critical problem.
    pub(crate) crit_for: HoldTime,
    /// Measures the rule's value for a row.
    pub(crate) measure: fn(&RuleInput<'_>) -> Measurement,
    /// Describes the problem for operators, without the row's name.
    pub(crate) describe: fn(&RuleInput<'_>, f64) -> String,
    /// Formula with HAProxy's field names, for the documentation.
    pub(crate) formula: &'static str,
    /// Origin of the formula and the thresholds.
    pub(crate) source: &'static str,
    /// Meaning of a problem for the operator.
    pub(crate) help: &'static str,
}

impl Rule {
    /// Returns the time for which the rule must be fine before its problem closes, or not critical before a critical problem
    /// becomes a warning. It is shorter for times, which are means over several seconds and therefore vary little. A state
    /// is over as soon as HAProxy reports another one.
    pub(crate) fn recovery_time(&self) -> Duration {
        match (self.basis, self.unit) {
            (Basis::State, _) => Duration::ZERO,
            (_, RuleUnit::Millis | RuleUnit::Multiple) => Duration::from_secs(6),
            _ => Duration::from_secs(10),
        }
    }

    /// Measures the rule's value for a row. Without a result right after a reload, the reload is the reason.
    pub(crate) fn evaluate(&self, input: &RuleInput<'_>) -> Measurement {
        match (self.measure)(input) {
            Measurement::Unknown if input.rates.is_cut_by_reload() => {
                Measurement::NotEvaluated(NotEvaluatedReason::Reload)
            }
            measurement => measurement,
        }
    }
}

macro_rules! rules {
    ($($name:ident $id:literal $scope:ident $unit:ident $basis:ident $direction:ident $thresholds:expr, $warn_for:expr, $crit_for:expr;
       $measure:path, $describe:path; $formula:literal $source:literal $help:literal)*) => {
        /// The name of a rule, written in configuration and output as a string such as `backend-down`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RuleId { $(#[doc = concat!("`", $id, "`: ", $help, ".")] $name),* }

        impl RuleId {
            /// All rules, in the order of [`RULES`].
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the name as a string.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }
        }

        /// All rules, ordered by scope; the index of a rule is its [`RuleId`].
        pub(crate) static RULES: &[Rule] = &[$(Rule {
            id: RuleId::$name, scope: Scope::$scope, unit: RuleUnit::$unit, basis: Basis::$basis,
            direction: Direction::$direction, warn: $thresholds.0, crit: $thresholds.1, warn_for: $warn_for, crit_for: $crit_for,
            measure: $measure, describe: $describe, formula: $formula, source: $source, help: $help,
        }),*];
    };
}

rules! {
    Connections "connections" Process Share Present AtLeast warn_and_crit(0.8, 0.9), HOLD_4S, HOLD_4S; process_rules::connections, process_rules::describe_connections;
        "CurrConns / Maxconn" "Datadog, Mintel" "new connections wait in the kernel when the limit is reached"
    SessionRate "session-rate" Process Share Present AtLeast warn_and_crit(0.8, 0.95), HOLD_4S, HOLD_4S; process_rules::session_rate, process_rules::describe_session_rate;
        "SessRate / SessRateLimit" "own judgment" "new sessions are delayed when the limit is reached"
    ConnectionRate "connection-rate" Process Share Present AtLeast warn_and_crit(0.8, 0.95), HOLD_4S, HOLD_4S; process_rules::connection_rate, process_rules::describe_connection_rate;
        "ConnRate / ConnRateLimit" "own judgment" "new connections are delayed when the limit is reached"
    TlsRate "tls-rate" Process Share Present AtLeast warn_and_crit(0.8, 0.95), HOLD_4S, HOLD_4S; process_rules::tls_rate, process_rules::describe_tls_rate;
        "SslRate / SslRateLimit" "own judgment" "new TLS sessions are delayed when the limit is reached"
    TlsConnections "tls-connections" Process Share Present AtLeast warn_and_crit(0.8, 0.95), HOLD_4S, HOLD_4S; process_rules::tls_connections, process_rules::describe_tls_connections;
        "CurrSslConns / MaxSslConns" "own judgment" "TLS connections are refused when the limit is reached"
    TlsReuse "tls-reuse" Process Share Present Below warn_only(0.5), HOLD_60S, HOLD_60S; process_rules::tls_reuse, process_rules::describe_tls_reuse;
        "SslFrontendSessionReuse_pct, with at least 20 TLS sessions per second, not in the first minute of a process" "own judgment" "full handshakes cost CPU: the session cache may be too small"
    Idle "idle" Process Share Present Below warn_and_crit(0.3, 0.1), HOLD_10S, HOLD_10S; process_rules::idle, process_rules::describe_idle;
        "Idle_pct" "own judgment" "HAProxy has little CPU time left; an average over all threads hides a single busy thread"
    Memory "memory" Process Share Present AtLeast warn_only(0.8), HOLD_4S, HOLD_4S; process_rules::memory, process_rules::describe_memory;
        "PoolUsed_MB / Memmax_MB" "own judgment" "memory use is close to its limit"
    PoolFailed "pool-failed" Process Count Recent AtLeast crit_only(1.0), IMMEDIATE, IMMEDIATE; process_rules::pool_failed, process_rules::describe_pool_failed;
        "d PoolFailed" "own judgment" "allocations fail: sessions are dropped"
    RunQueue "run-queue" Process Count Present AtLeast warn_and_crit(5.0, 50.0), THREE_SAMPLES, THREE_SAMPLES; process_rules::run_queue, process_rules::describe_run_queue;
        "Run_queue / Nbthread" "own judgment" "tasks wait for the CPU, which delays every request"
    DroppedLogs "dropped-logs" Process Count Recent AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; process_rules::dropped_logs, process_rules::describe_dropped_logs;
        "d DroppedLogs" "APA" "the log server is too slow, or the socket buffer is too small"
    NoBackendAvailable "no-backend-available" Process Count State Below crit_only(1.0), IMMEDIATE, IMMEDIATE; process_rules::usable_backends, process_rules::describe_no_usable_backend;
        "number of backends with a usable server, if at least two have servers" "own judgment" "no backend can serve requests: look for a common cause"

    MaxconnReached "maxconn-reached" Process Count Recent AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; process_rules::maxconn_reached, process_rules::describe_maxconn_reached;
        "d MaxconnReached (3.2 and newer)" "own judgment" "clients wait until other connections end; between two samples this may not show otherwise"
    BlockedTraffic "blocked-traffic" Process Count Recent AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; process_rules::blocked_traffic, process_rules::describe_blocked_traffic;
        "d BlockedTrafficWarnings (3.2 and newer)" "own judgment" "a thread was busy with one task while its connections stood still: a slow Lua script, a large map or regular expression"
    DescriptorLimit "descriptor-limit" Process Count Present AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; process_rules::missing_descriptors, process_rules::describe_missing_descriptors;
        "Maxsock − Ulimit-n" "own judgment" "connections fail before Maxconn is reached: the process may open too few file descriptors"
    Pipes "pipes" Process Share Present AtLeast warn_only(0.9), HOLD_4S, HOLD_4S; process_rules::pipes, process_rules::describe_pipes;
        "PipesUsed / Maxpipes" "own judgment" "data of further connections is copied instead of spliced, which costs CPU"
    SharedSocket "shared-socket" Process Count Recent AtLeast warn_only(2.0), IMMEDIATE, IMMEDIATE; process_rules::processes_in_turn, process_rules::describe_processes_in_turn;
        "number of live processes that reply in turn" "own judgment" "each poll shows another process, and an action reaches only one: nbproc, or two HAProxies with one socket path"
    CertificateExpiry "certificate-expiry" Process Days Present Below warn_and_crit(process_rules::EXPIRY_WARN_DAYS, 3.0), IMMEDIATE, IMMEDIATE; process_rules::certificate_expiry, process_rules::describe_certificate_expiry;
        "days until the first certificate in use expires: notAfter of show ssl cert NAME (2.2 and newer, level operator)" "own judgment" "clients refuse connections with an expired certificate"
    ResolverFailing "resolver-failing" Process Share Recent AtLeast warn_only(0.5), IMMEDIATE, IMMEDIATE; process_rules::failed_questions, process_rules::describe_failed_questions;
        "largest share of a name server's questions without a usable answer: timeout and errors of show resolvers; at least 3 questions" "own judgment" "addresses of servers become outdated, and servers without an address stay down"
    SplitBrain "split-brain" Process Count Present AtLeast crit_only(1.0), IMMEDIATE, HOLD_4S; process_rules::address_conflicts, process_rules::describe_address_conflicts;
        "addresses of keepalived that are on this balancer and on another one of this machine at the same time, in another network namespace" "own judgment" "clients reach either of them, and each answers without knowing of the other"
    Failover "failover" Process Count Recent AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; process_rules::lost_connections, process_rules::describe_lost_connections;
        "connections of the frontends when the balancer lost its address, less than a minute ago" "own judgment" "the clients must connect again, to the balancer that took the address"

    FrontendSessions "frontend-sessions" Frontend Share Present AtLeast warn_and_crit(0.8, 0.9), HOLD_4S, HOLD_4S; frontend_rules::sessions, frontend_rules::describe_sessions;
        "scur / slim" "Zabbix, Mintel" "new clients wait in the kernel when the limit is reached"
    FrontendRate "frontend-rate" Frontend Share Present AtLeast warn_and_crit(0.8, 0.95), HOLD_4S, HOLD_4S; frontend_rules::rate, frontend_rules::describe_rate;
        "rate / rate_lim" "own judgment" "new sessions are delayed when the limit is reached"
    Frontend5xx "frontend-5xx" Frontend Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; frontend_rules::share_5xx, frontend_rules::describe_share_5xx;
        "d hrsp_5xx / d Σ hrsp_*, with at least 20 responses" "Mintel, APA" "clients see errors"
    Denied "denied" Frontend PerSecond Recent AtLeast warn_only(10.0), HOLD_10S, HOLD_10S; frontend_rules::denied, frontend_rules::describe_denied;
        "d (dreq + dcon + dses) per second" "APA, Zabbix" "an attack, or an ACL that denies legitimate clients"
    BadRequests "bad-requests" Frontend PerSecond Recent AtLeast warn_only(10.0), HOLD_10S, HOLD_10S; frontend_rules::bad_requests, frontend_rules::describe_bad_requests;
        "d ereq per second; not in TCP mode" "APA, Zabbix" "scanners, broken clients or timeouts"
    FrontendPaused "frontend-paused" Frontend Count State AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; frontend_rules::paused, frontend_rules::describe_paused;
        "status PAUSED" "own judgment" "the frontend was disabled and accepts no connections until it is enabled"
    FrontendStopped "frontend-stopped" Frontend Count State AtLeast crit_only(1.0), IMMEDIATE, IMMEDIATE; frontend_rules::stopped, frontend_rules::describe_stopped;
        "status STOP, unless the whole process is stopping" "own judgment" "the frontend was shut down and accepts no connections until HAProxy is reloaded"

    BackendDown "backend-down" Backend Count State Below crit_only(1.0), IMMEDIATE, IMMEDIATE; backend_rules::usable_servers, backend_rules::describe_no_server;
        "act + bck, if the backend has servers" "Mintel, APA" "every request gets a 503"
    BackendWeight "backend-weight" Backend Share State Below warn_and_crit(0.75, 0.5), IMMEDIATE, IMMEDIATE; backend_rules::usable_weight_share, backend_rules::describe_usable_weight;
        "Σ weight of the active servers that are up / Σ weight of the active servers that are not in maintenance or drain" "Mintel, APA" "the remaining servers carry the load of those that are down"
    Queue "queue" Backend Count Present AtLeast warn_and_crit(1.0, 10.0), HOLD_10S, HOLD_4S; backend_rules::queue, backend_rules::describe_queue;
        "qcur of the backend plus Σ qcur of its servers" "APA, Zabbix" "servers are at their maxconn: requests wait"
    QueueGrowing "queue-growing" Backend Count Present AtLeast crit_only(1.0), THREE_SAMPLES, THREE_SAMPLES; backend_rules::queue_growing, backend_rules::describe_queue_growing;
        "qcur of the backend plus Σ qcur of its servers, minus the same sum in the previous sample" "own judgment" "requests arrive faster than they are served"
    QueueWait "queue-wait" Backend Millis Recent AtLeast warn_and_crit(50.0, 500.0), HOLD_4S, HOLD_4S; backend_rules::queue_wait, backend_rules::describe_queue_wait;
        "mean qtime of the requests of the last seconds (docs/times.md), only while requests are queued" "own judgment" "clients wait for a server to become free"
    Backend5xx "backend-5xx" Backend Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; frontend_rules::share_5xx, frontend_rules::describe_share_5xx;
        "d hrsp_5xx / d Σ hrsp_*, with at least 20 responses" "Mintel, APA" "clients of this backend see errors"
    Own5xx "own-5xx" Backend Count Recent AtLeast warn_only(1.0), HOLD_10S, HOLD_10S; backend_rules::repeated_own_5xx, backend_rules::describe_own_5xx;
        "d hrsp_5xx of the backend − Σ d hrsp_5xx of its servers" "own judgment" "HAProxy itself sends errors: no server available, request denied, or a timeout"
    BackendConnectionErrors "backend-connection-errors" Backend Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; attempts::connection_errors, attempts::describe_connection_errors;
        "d econ, except of requests that waited in a queue, / d (connect − wretr − wredis) (older versions: lbtot − wredis), with at least 5 requests" "own judgment" "servers refuse connections or do not respond: check network, port and process"
    BackendResponseErrors "backend-response-errors" Backend Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; attempts::response_errors, attempts::describe_response_errors;
        "d eresp / d Σ hrsp_* (TCP: d stot), with at least 20 responses (TCP: sessions)" "APA" "responses are invalid, aborted or missing"
    Retries "retries" Backend Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; attempts::retries, attempts::describe_retries;
        "d wretr, once per attempt, / d req_tot, with at least 20 requests" "APA" "the first attempt at a server fails: the connection, or with `retry-on` its response"
    Redispatches "redispatches" Backend Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; attempts::redispatches, attempts::describe_redispatches;
        "d wredis / d req_tot, with at least 20 requests" "APA" "requests are redispatched from their server to another one"
    ClientAborts "client-aborts" Backend Share Recent AtLeast warn_and_crit(0.05, 0.2), HOLD_10S, HOLD_10S; backend_rules::client_aborts, backend_rules::describe_client_aborts;
        "d cli_abrt / d req_tot, with at least 20 requests; not in TCP mode" "own judgment" "clients give up, usually because they wait too long"
    ResponseTime "response-time" Backend Millis Recent AtLeast warn_and_crit(500.0, 1000.0), HOLD_4S, HOLD_4S; backend_rules::response_time, backend_rules::describe_response_time;
        "mean rtime of the requests of the last seconds (docs/times.md); not in TCP mode" "Datadog, APA" "the application is slow"
    ConnectTime "connect-time" Backend Millis Recent AtLeast warn_and_crit(100.0, 1000.0), HOLD_4S, HOLD_4S; backend_rules::connect_time, backend_rules::describe_connect_time;
        "mean ctime of the requests of the last seconds (docs/times.md)" "own judgment" "the network is slow or loses packets: a lost SYN delays a connection by 1 s"
    BackendUnpublished "backend-unpublished" Backend Count State AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; backend_rules::unpublished, backend_rules::describe_unpublished;
        "status (UNPUB) (3.4 and newer)" "own judgment" "content switching skips the backend until it is published"

    ServerDown "server-down" Server Count State AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; server_rules::down, server_rules::describe_down;
        "status DOWN, not of a backup server that gets no traffic" "APA" "the server's health checks fail; maintenance and drain do not count"
    ServerSessions "server-sessions" Server Share Present AtLeast warn_and_crit(0.8, 1.0), HOLD_4S, HOLD_4S; frontend_rules::sessions, frontend_rules::describe_sessions;
        "scur / slim, not in maintenance or drain" "LazyHAP" "when the server reaches its maxconn, further requests are queued"
    QueueLimit "queue-limit" Server Share Present AtLeast warn_and_crit(0.5, 0.9), HOLD_4S, HOLD_4S; server_rules::queue_limit, server_rules::describe_queue_limit;
        "qcur / qlimit" "own judgment" "when the queue reaches maxqueue, requests are redispatched to other servers"
    SlowServer "slow-server" Server Multiple Recent AtLeast warn_and_crit(2.0, 4.0), HOLD_4S, HOLD_4S; server_rules::slower_than_peers, server_rules::describe_slower_than_peers;
        "mean rtime of the last seconds (docs/times.md) / its median over the peers with traffic, at least 10 ms, with a difference of at least 20 ms; not during slowstart" "own judgment" "one server is slower than the others"
    IdleServer "idle-server" Server Count Present AtLeast warn_only(1.0), HOLD_4S, HOLD_4S; server_rules::idle_while_queued, server_rules::describe_idle;
        "qcur of the backend itself, of a server that is up with scur 0, the same stot as in the sample before and weight > 0; not of backup servers, not during slowstart" "own judgment" "HAProxy does not give the queued requests to a free server, as after the end of a drain without new connections"
    Server5xx "server-5xx" Server Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; frontend_rules::share_5xx, frontend_rules::describe_share_5xx;
        "d hrsp_5xx / d Σ hrsp_*, with at least 20 responses" "Mintel, APA" "this server responds with errors"
    ServerConnectionErrors "server-connection-errors" Server Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; attempts::connection_errors, attempts::describe_connection_errors;
        "d (econ + wretr + wredis), except of requests that waited in a queue and of those repeated because of a response, / d connect (older versions: lbtot + wretr), with at least 5 attempts" "own judgment" "this server refuses connections or does not respond"
    ServerResponseErrors "server-response-errors" Server Share Recent AtLeast warn_and_crit(0.01, 0.05), HOLD_6S, HOLD_6S; attempts::response_errors, attempts::describe_response_errors;
        "d eresp, and those repeated because of a response, / d (stot − econ − wretr − wredis) (TCP: d stot), with at least 20 responses (TCP: sessions)" "APA" "this server's responses are invalid, aborted or missing"
    Flapping "flapping" Server Count Recent AtLeast warn_and_crit(1.0, 3.0), IMMEDIATE, IMMEDIATE; server_rules::flapping, server_rules::describe_flapping;
        "d chkdown in 5 min, without maintenance, drains and first checks; a server that is still down must have gone down at least twice" "APA" "the server goes down repeatedly"
    FailingChecks "failing-checks" Server Count Present AtLeast warn_only(1.0), IMMEDIATE, IMMEDIATE; server_rules::failing_checks, server_rules::describe_failing_checks;
        "d chkfail in 10 s, while up, after a passed check; at least 1 while check_health < rise + fall − 1 after a failed check" "APA" "the server is up but may soon go down"
    ServerUnresolved "server-unresolved" Server Count State AtLeast warn_only(1.0), HOLD_4S, HOLD_4S; server_rules::unresolved, server_rules::describe_unresolved;
        "status MAINT (resolution), except unused slots; once for the servers of one DNS name" "own judgment" "DNS has no address for the server, so it gets no requests"

    ListenerSessions "listener-sessions" Listener Share Present AtLeast warn_and_crit(0.8, 0.9), HOLD_4S, HOLD_4S; listener_rules::sessions, listener_rules::describe_sessions;
        "scur / slim, if the limit is not that of the frontend; 1 with status FULL or WAITING" "own judgment" "new clients of this address wait in the kernel"
}

impl RuleId {
    /// The first and the last rule of [`RULES`].
    pub(crate) const BOUNDS: (Self, Self) = (Self::ALL[0], Self::ALL[Self::ALL.len() - 1]);

    /// Returns the rule with this name; `None` if the name is unknown.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.as_str() == text)
    }

    /// Returns the rule.
    pub(crate) fn rule(self) -> &'static Rule {
        &RULES[self as usize]
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Returns the rules of a scope.
pub(crate) fn rules_for_scope(scope: Scope) -> impl Iterator<Item = &'static Rule> {
    let start = RULES.partition_point(|rule| rule.scope < scope);
    RULES[start..].iter().take_while(move |rule| rule.scope == scope)
}
