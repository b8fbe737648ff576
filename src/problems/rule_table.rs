//! RULES: everything that counts as a problem, one entry each.
//!
//! An entry says what is measured, from which value on it matters, and how long it must hold. Its functions
//! are in the file of its scope. A highest value since the start (`smax`, `qtime_max`) is never alarmed on: it
//! stays where it is when all is well again.

use std::time::Duration;

use crate::problems::backend_rules;
use crate::problems::frontend_rules;
use crate::problems::process_rules;
use crate::problems::rule::{Rule, Scale, Scope, Sustain, Worse};
use crate::problems::server_rules;

const fn held(seconds: u64, samples: u32) -> Sustain {
    Sustain { time: Duration::from_secs(seconds), samples }
}

/// A fact, not a measurement.
const AT_ONCE: Sustain = held(0, 1);
/// Not for a moment only.
const STEADY: Sustain = held(4, 2);
/// Shares of what happened: longer than the window of rates, so that one error on a quiet site is none.
const LASTING: Sustain = held(6, 2);
/// Ten seconds, twice the window of rates: a single event has left it.
const LONG: Sustain = held(10, 2);
/// Three samples.
const THREE: Sustain = held(2, 3);
/// A minute: what swings by nature.
const MINUTE: Sustain = held(60, 3);

const fn both(warn: f64, crit: f64) -> (Option<f64>, Option<f64>) {
    (Some(warn), Some(crit))
}

const fn warn(warn: f64) -> (Option<f64>, Option<f64>) {
    (Some(warn), None)
}

const fn crit(crit: f64) -> (Option<f64>, Option<f64>) {
    (None, Some(crit))
}

macro_rules! rules {
    ($($id:literal $scope:ident $scale:ident $worse:ident $limits:expr, $sustain:expr, $crit_sustain:expr;
       $read:path, $say:path; $formula:literal $source:literal $help:literal)*) => {
        /// Every rule.
        pub static RULES: &[Rule] = &[$(Rule {
            id: $id, scope: Scope::$scope, scale: Scale::$scale, worse: Worse::$worse,
            warn: $limits.0, crit: $limits.1, sustain: $sustain, crit_sustain: $crit_sustain,
            read: $read, say: $say, formula: $formula, source: $source, help: $help,
        }),*];
    };
}

rules! {
    "connections" Process Share High both(0.8, 0.9), STEADY, STEADY; process_rules::connections, process_rules::say_connections;
        "CurrConns / Maxconn" "Datadog, Mintel" "new connections wait in the kernel when the limit is reached"
    "session-rate" Process Share High both(0.8, 0.95), STEADY, STEADY; process_rules::session_rate, process_rules::say_session_rate;
        "SessRate / SessRateLimit" "own judgement" "new sessions are delayed at the limit"
    "connection-rate" Process Share High both(0.8, 0.95), STEADY, STEADY; process_rules::connection_rate, process_rules::say_connection_rate;
        "ConnRate / ConnRateLimit" "own judgement" "new connections are delayed at the limit"
    "tls-rate" Process Share High both(0.8, 0.95), STEADY, STEADY; process_rules::tls_rate, process_rules::say_tls_rate;
        "SslRate / SslRateLimit" "own judgement" "new TLS sessions are delayed at the limit"
    "tls-connections" Process Share High both(0.8, 0.95), STEADY, STEADY; process_rules::tls_connections, process_rules::say_tls_connections;
        "CurrSslConns / MaxSslConns" "own judgement" "TLS connections are refused at the limit"
    "tls-reuse" Process Share Low warn(0.5), MINUTE, MINUTE; process_rules::tls_reuse, process_rules::say_tls_reuse;
        "SslFrontendSessionReuse_pct, from 20 TLS sessions a second" "own judgement" "full handshakes cost CPU: the session cache may be too small"
    "idle" Process Share Low both(0.3, 0.1), LONG, LONG; process_rules::idle, process_rules::say_idle;
        "Idle_pct" "own judgement" "the process has little time left; a mean over threads hides a hot one"
    "memory" Process Share High warn(0.8), STEADY, STEADY; process_rules::memory, process_rules::say_memory;
        "PoolUsed_MB / Memmax_MB" "own judgement" "the memory limit is near"
    "pool-failed" Process Count High crit(1.0), AT_ONCE, AT_ONCE; process_rules::pool_failed, process_rules::say_pool_failed;
        "d PoolFailed" "own judgement" "allocations fail: sessions are dropped"
    "run-queue" Process Count High both(5.0, 50.0), THREE, THREE; process_rules::run_queue, process_rules::say_run_queue;
        "Run_queue / Nbthread" "own judgement" "tasks wait for the CPU, and so does every request"
    "dropped-logs" Process Count High warn(1.0), AT_ONCE, AT_ONCE; process_rules::dropped_logs, process_rules::say_dropped_logs;
        "d DroppedLogs" "APA" "the log server or its socket buffer is too slow"
    "nobody-alive" Process Count Low crit(1.0), AT_ONCE, AT_ONCE; process_rules::nobody_alive, process_rules::say_nobody_alive;
        "backends with a usable server, of two or more that have servers" "own judgement" "nothing is served at all: look for a common cause"

    "frontend-sessions" Frontend Share High both(0.8, 0.9), STEADY, STEADY; frontend_rules::sessions, frontend_rules::say_sessions;
        "scur / slim" "Zabbix, Mintel" "new clients wait in the kernel when the limit is reached"
    "frontend-rate" Frontend Share High both(0.8, 0.95), STEADY, STEADY; frontend_rules::rate, frontend_rules::say_rate;
        "rate / rate_lim" "own judgement" "new sessions are delayed at the limit"
    "frontend-5xx" Frontend Share High both(0.01, 0.05), LASTING, LASTING; frontend_rules::share_5xx, frontend_rules::say_share_5xx;
        "d hrsp_5xx / d Σ hrsp_*, from 20 responses" "Mintel, APA" "clients see errors"
    "denied" Frontend PerSecond High warn(10.0), LONG, LONG; frontend_rules::denied, frontend_rules::say_denied;
        "d (dreq + dcon + dses) per second" "APA, Zabbix" "an attack, or a rule that hits the wrong ones"
    "bad-requests" Frontend PerSecond High warn(10.0), LONG, LONG; frontend_rules::bad_requests, frontend_rules::say_bad_requests;
        "d ereq per second" "APA, Zabbix" "scanners, broken clients or timeouts"

    "backend-down" Backend Count Low crit(1.0), AT_ONCE, AT_ONCE; backend_rules::servers_left, backend_rules::say_servers_left;
        "act + bck, of backends that have servers" "Mintel, APA" "every request gets a 503"
    "backend-weight" Backend Share Low both(0.75, 0.5), AT_ONCE, AT_ONCE; backend_rules::weight_up, backend_rules::say_weight_up;
        "Σ weight of the active servers that are up / Σ weight of all but those in maintenance or drain" "Mintel, APA" "the rest carries the load of those that are down"
    "queue" Backend Count High both(1.0, 10.0), LONG, STEADY; backend_rules::queue, backend_rules::say_queue;
        "qcur of B and its S" "APA, Zabbix" "servers are at their maxconn: requests wait"
    "queue-growing" Backend Count High crit(1.0), THREE, THREE; backend_rules::queue_growing, backend_rules::say_queue_growing;
        "qcur of B and its S − the same a sample before" "own judgement" "more come than are served"
    "queue-wait" Backend Millis High both(50.0, 500.0), STEADY, STEADY; backend_rules::queue_wait, backend_rules::say_queue_wait;
        "qtime, while something is served" "own judgement" "clients wait for a server to become free"
    "backend-5xx" Backend Share High both(0.01, 0.05), LASTING, LASTING; frontend_rules::share_5xx, frontend_rules::say_share_5xx;
        "d hrsp_5xx / d Σ hrsp_*, from 20 responses" "Mintel, APA" "clients of this backend see errors"
    "own-5xx" Backend Count High warn(1.0), LONG, LONG; backend_rules::own_5xx, backend_rules::say_own_5xx;
        "d hrsp_5xx of B − Σ d hrsp_5xx of its S" "own judgement" "HAProxy answers itself: no server, denied, a timeout"
    "backend-connection-errors" Backend Share High both(0.01, 0.05), LASTING, LASTING; backend_rules::connection_errors, backend_rules::say_connection_errors;
        "d econ / d connect (older: d lbtot), from 5 attempts" "own judgement" "network or port: servers refuse or do not answer"
    "backend-response-errors" Backend Share High both(0.01, 0.05), LASTING, LASTING; backend_rules::response_errors, backend_rules::say_response_errors;
        "d eresp / d Σ hrsp_* (TCP: d stot), from 20" "APA" "responses are invalid, aborted or never come"
    "retries" Backend Share High both(0.01, 0.05), LASTING, LASTING; backend_rules::retries, backend_rules::say_retries;
        "d wretr / d req_tot, from 20 requests" "APA" "the first attempt to connect fails"
    "redispatches" Backend Share High both(0.01, 0.05), LASTING, LASTING; backend_rules::redispatches, backend_rules::say_redispatches;
        "d wredis / d req_tot, from 20 requests" "APA" "requests leave the server they belong to"
    "client-aborts" Backend Share High both(0.05, 0.2), LONG, LONG; backend_rules::client_aborts, backend_rules::say_client_aborts;
        "d cli_abrt / d req_tot, from 20 requests" "own judgement" "clients give up: they wait too long"
    "response-time" Backend Millis High both(500.0, 1000.0), STEADY, STEADY; backend_rules::response_time, backend_rules::say_response_time;
        "rtime, while something is served; not for TCP" "Datadog, APA" "the application is slow"
    "connect-time" Backend Millis High both(100.0, 1000.0), STEADY, STEADY; backend_rules::connect_time, backend_rules::say_connect_time;
        "ctime, while something is served" "own judgement" "network or port: a lost SYN costs a second"

    "server-down" Server Count High warn(1.0), AT_ONCE, AT_ONCE; server_rules::down, server_rules::say_down;
        "status DOWN" "APA" "its checks fail; maintenance and drain are no problem"
    "server-sessions" Server Share High both(0.8, 1.0), STEADY, STEADY; frontend_rules::sessions, frontend_rules::say_sessions;
        "scur / slim, not in maintenance or drain" "LazyHAP" "at its maxconn the next request waits"
    "queue-limit" Server Share High both(0.5, 0.9), STEADY, STEADY; server_rules::queue_limit, server_rules::say_queue_limit;
        "qcur / qlimit" "own judgement" "at its maxqueue requests go elsewhere"
    "slow-server" Server Times High both(2.0, 4.0), STEADY, STEADY; server_rules::slower_than_peers, server_rules::say_slower;
        "rtime of S / median rtime of its peers with traffic, from 20 ms more" "own judgement" "one server is slower than the others"
    "server-5xx" Server Share High both(0.01, 0.05), LASTING, LASTING; frontend_rules::share_5xx, frontend_rules::say_share_5xx;
        "d hrsp_5xx / d Σ hrsp_*, from 20 responses" "Mintel, APA" "this server answers with errors"
    "server-connection-errors" Server Share High both(0.01, 0.05), LASTING, LASTING; backend_rules::connection_errors, backend_rules::say_connection_errors;
        "d econ / d connect (older: d lbtot), from 5 attempts" "own judgement" "this server refuses or does not answer"
    "server-response-errors" Server Share High both(0.01, 0.05), LASTING, LASTING; backend_rules::response_errors, backend_rules::say_response_errors;
        "d eresp / d Σ hrsp_* (TCP: d stot), from 20" "APA" "this server's responses are invalid, aborted or never come"
    "flapping" Server Count High both(1.0, 3.0), AT_ONCE, AT_ONCE; server_rules::flapping, server_rules::say_flapping;
        "d chkdown in 5 min; not the one time it is down now" "APA" "it comes and goes"
    "failing-checks" Server Count High both(1.0, 3.0), AT_ONCE, AT_ONCE; server_rules::failing_checks, server_rules::say_failing_checks;
        "d chkfail in 1 min, while up; 1 while check_health < rise + fall − 1 after a failed check" "APA" "up, but not for long"
}

/// The rules of a scope, which stand together, each with its place in [`RULES`].
pub fn of(scope: Scope) -> impl Iterator<Item = (usize, &'static Rule)> {
    let start = RULES.partition_point(|rule| rule.scope < scope);
    RULES[start..]
        .iter()
        .take_while(move |rule| rule.scope == scope)
        .enumerate()
        .map(move |(nth, rule)| (start + nth, rule))
}

/// A rule by its name.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
