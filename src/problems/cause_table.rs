//! The table of all causes, [`CAUSES`], and the names of the causes, [`CauseKind`].
//!
//! A row lists the rules that show the cause and the rules that follow from it. The finder
//! ([`crate::problems::cause_finder`]) goes through the table in its order, so a cause comes before the causes that can
//! be its consequences. Each rule also has a [`fallback_kind`], the cause of a problem that no other cause explains; a
//! new rule therefore is a cause without further code.

use std::fmt;

use crate::actions::action_table::{self, Action};
use crate::problems::cause_conditions as conditions;
use crate::problems::cause_impact as impact;
use crate::problems::cause_input::CauseInput;
use crate::problems::cause_sentences as sentences;
use crate::problems::problem::Problem;
use crate::problems::rule_table::RuleId;

/// The problems that form one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CauseGroup {
    /// Those of one server.
    Server,
    /// Those of one backend and its servers.
    Backend,
    /// Those of one row, or of the process, that no other cause explains.
    Row,
}

/// One cause: how it is found and described, and what it means.
#[derive(Debug)]
pub(crate) struct CauseInfo {
    /// Name in documentation and output.
    pub(crate) id: &'static str,
    /// One word for a narrow column.
    pub(crate) word: &'static str,
    /// The problems that form one cause.
    pub(crate) group: CauseGroup,
    /// Rules whose problems show the cause.
    pub(crate) shows: &'static [RuleId],
    /// Rules whose problems follow from the cause.
    pub(crate) follows: &'static [RuleId],
    /// Returns whether a problem of one of the rules `shows` really shows the cause.
    pub(crate) is_shown: fn(&CauseInput<'_>, &Problem) -> bool,
    /// Describes the cause for operators, without the name of its row.
    pub(crate) sentence: fn(&CauseInput<'_>, &[&Problem]) -> String,
    /// Counts the requests or connections of the rate window that failed or were late; `None` if unknown.
    pub(crate) hurt: fn(&CauseInput<'_>) -> Option<f64>,
    /// The action that helps, if hapulse has one.
    pub(crate) action: Option<&'static Action>,
    /// Example of its sentence, for the documentation.
    pub(crate) seen: &'static str,
    /// Meaning, for the documentation.
    pub(crate) meaning: &'static str,
    /// Advice to the operator.
    pub(crate) remedy: &'static str,
    /// Advice if the action is not possible, if it differs.
    pub(crate) without_action: Option<&'static str>,
}

/// Returns the only text of a list; `None` if the list is empty.
const fn first_of(texts: &[&'static str]) -> Option<&'static str> {
    match texts {
        [first, ..] => Some(*first),
        [] => None,
    }
}

macro_rules! causes {
    ($($name:ident $id:literal $word:literal $group:ident [$($shows:ident)*] [$($follows:ident)*]
       $is_shown:path, $sentence:path, $hurt:path, $action:expr; $seen:literal $meaning:literal $remedy:literal $(| $without:literal)?)*) => {
        /// The kind of a cause, written in output as a string such as `at-maxconn`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CauseKind { $(#[doc = concat!("`", $id, "`: ", $meaning, ".")] $name),* }

        impl CauseKind {
            /// All kinds, in the order of [`CAUSES`].
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];
        }

        /// All causes; the index of a cause is its [`CauseKind`].
        pub(crate) static CAUSES: &[CauseInfo] = &[$(CauseInfo {
            id: $id, word: $word, group: CauseGroup::$group,
            shows: &[$(RuleId::$shows),*], follows: &[$(RuleId::$follows),*],
            is_shown: $is_shown, sentence: $sentence, hurt: $hurt, action: $action,
            seen: $seen, meaning: $meaning, remedy: $remedy,
            without_action: first_of(&[$($without)?]),
        }),*];
    };
}

causes! {
    NoBackend "no-backend" "down" Row [] []
        conditions::always, sentences::no_backend, impact::all, None;
        "no server available in any of the 4 backends" "no backend has a usable server" "look for a common cause: the network, DNS, or a deployment"
    FlappingServer "flapping-server" "flapping" Server [Flapping]
        [ServerDown FailingChecks ServerConnectionErrors ServerResponseErrors Server5xx BackendWeight BackendDown Own5xx Backend5xx
         BackendConnectionErrors BackendResponseErrors Retries Redispatches ConnectTime]
        conditions::is_flapping, sentences::flapping_server, impact::failed, Some(&action_table::MAINT);
        "flaps every 33 s, down 5 times: L7STS 503" "the server goes down and comes up again and again" "put the server into maintenance, then look at what its health check reports"
        | "look at what its health check reports"
    NoServer "no-server" "down" Backend [BackendDown]
        [ServerDown BackendWeight FailingChecks ServerConnectionErrors ServerResponseErrors Server5xx Own5xx Backend5xx
         BackendConnectionErrors BackendResponseErrors Retries Redispatches ConnectTime Queue QueueGrowing QueueWait ClientAborts
         ResponseTime SlowServer ServerSessions QueueLimit ServerUnresolved]
        conditions::always, sentences::no_server, impact::no_server, None;
        "no server available: s1, s2: L4CON Connection refused" "the backend has no usable server, so each request gets a 503" "start a server, enable one that is in maintenance, or check the network to the servers"
    AgentDown "agent-down" "agent" Server [ServerDown]
        [FailingChecks ServerConnectionErrors ServerResponseErrors Server5xx BackendWeight Own5xx Backend5xx
         BackendConnectionErrors BackendResponseErrors Retries Redispatches ConnectTime]
        conditions::is_down_by_agent, sentences::problem_text, impact::failed, Some(&action_table::AGENT_UP);
        "down by its agent (\"deploy until 5\")" "the server's agent check reports the server as down" "ask the owner of the agent, or end what the agent's text names"
    TrackingDown "tracking-down" "tracking" Server [ServerDown]
        [ServerConnectionErrors ServerResponseErrors Server5xx BackendWeight Own5xx Backend5xx
         BackendConnectionErrors BackendResponseErrors Retries Redispatches ConnectTime]
        conditions::is_down_by_tracking, sentences::problem_text, impact::failed, None;
        "down: it tracks be_app/s1" "the server follows the state of the server that it tracks, whose own cause is not listed" "repair the tracked server"
    ServersDown "servers-down" "degraded" Backend [ServerDown]
        [FailingChecks ServerConnectionErrors ServerResponseErrors Server5xx BackendWeight Own5xx Backend5xx
         BackendConnectionErrors BackendResponseErrors Retries Redispatches ConnectTime]
        conditions::are_several_down, sentences::servers_down, impact::failed, Some(&action_table::MAINT);
        "2 of 4 servers down (s1, s2: L4TOUT), 50% of the weight available" "several servers of the backend are down, and the others carry their load" "repair the servers; look for what they have in common"
    ServerDown "server-down" "degraded" Server [ServerDown]
        [FailingChecks ServerConnectionErrors ServerResponseErrors Server5xx BackendWeight Own5xx Backend5xx
         BackendConnectionErrors BackendResponseErrors Retries Redispatches ConnectTime]
        conditions::always, sentences::server_down, impact::failed, Some(&action_table::MAINT);
        "down: L4CON Connection refused, 75% of the weight available" "the health checks of the server fail, and the other servers carry its load" "repair the server, or put it into maintenance while you work on it"
        | "repair the server"
    ServerUnreachable "server-unreachable" "network" Server [ServerConnectionErrors]
        [BackendConnectionErrors FailingChecks Retries Redispatches Own5xx Backend5xx ConnectTime]
        conditions::is_only_unreachable, sentences::server_unreachable, impact::unreachable, Some(&action_table::DRAIN);
        "6.7% of the connections failed (40 in 4 s)" "connections to this server fail, although its health checks have not taken it down" "check the port, the backlog and the limits of the server"
    Network "network" "network" Backend [BackendConnectionErrors ServerConnectionErrors ConnectTime]
        [FailingChecks Retries Redispatches Own5xx Backend5xx BackendResponseErrors]
        conditions::is_network, sentences::network, impact::unreachable, None;
        "network between HAProxy and be_a, be_b: 12% of the connections failed (40 in 4 s)" "connections to the servers of one backend, or of several at once, fail or take long" "check the network, the firewall and DNS between HAProxy and the servers"
    IdleServer "idle-server" "idle" Server [IdleServer]
        [Queue QueueGrowing QueueWait QueueLimit ServerSessions Own5xx Backend5xx ClientAborts]
        conditions::always, sentences::problem_text, impact::unknown, Some(&action_table::SERVER_MAXCONN);
        "gets no sessions, while 10 requests wait for a server" "the server is up and free, but HAProxy does not give it the queued requests, as after a drain that ends while all clients wait" "set its maxconn, even to the same number: HAProxy then gives it the waiting requests"
        | "set its maxconn with such a socket, even to the same number"
    SlowServer "slow-server" "outlier" Server [SlowServer]
        [ServerSessions QueueLimit ResponseTime Queue QueueGrowing QueueWait ClientAborts Own5xx Backend5xx
         BackendResponseErrors ServerResponseErrors FailingChecks]
        conditions::is_outlier, sentences::slow_server, impact::late, Some(&action_table::DRAIN);
        "8x slower than its peers (1.20 s against 150 ms)" "one server responds much more slowly than the others" "drain the server, then look at its load, its garbage collection and its disks"
        | "look at its load, its garbage collection and its disks"
    ServerErrors "server-5xx" "outlier" Server [Server5xx ServerResponseErrors] [Backend5xx BackendResponseErrors FailingChecks Own5xx Retries Redispatches]
        conditions::is_failing_outlier, sentences::server_errors, impact::failed, Some(&action_table::DRAIN);
        "61% of its responses are 5xx (peers 0%)" "one server responds with errors, the others do not" "drain the server, then look at its logs and its last deployment"
        | "look at its logs and its last deployment"
    FailingChecks "failing-checks" "degraded" Server [FailingChecks] []
        conditions::always, sentences::problem_text, impact::failed, Some(&action_table::DRAIN);
        "3 checks failed in the last 10 s: L7STS 503" "the server is up but may soon go down" "look at what its health check reports"
    ServerAborts "server-aborts" "outlier" Backend [ClientAborts] []
        conditions::has_abort_outlier, sentences::server_aborts, impact::aborted, None;
        "clients aborted 60% of the requests to s3 (peers 0%)" "clients give up waiting for one server" "look at how long this server takes to respond"
    SlowApplication "slow-application" "slow" Backend [ResponseTime Queue QueueGrowing QueueWait]
        [SlowServer ServerSessions QueueLimit ClientAborts Own5xx Backend5xx Redispatches
         BackendResponseErrors ServerResponseErrors]
        conditions::is_slow_application, sentences::slow_application, impact::late, None;
        "application slow: 1.20 s to respond (rtime), 7 waiting" "all servers of the backend respond slowly" "look at what the servers share: a database, a cache, another service"
    AtMaxconn "at-maxconn" "full" Backend [Queue QueueGrowing QueueWait QueueLimit ServerSessions]
        [Own5xx Backend5xx ClientAborts BackendResponseErrors BackendConnectionErrors ServerConnectionErrors Redispatches]
        conditions::is_full, sentences::at_maxconn, impact::late, Some(&action_table::SERVER_MAXCONN);
        "servers full: 4 of 4 sessions, 7 waiting for 12 s (qtime 840 ms)" "all servers are at their maxconn, and requests wait for a free place" "add servers, or raise the maxconn of the servers if they can carry more"
        | "add servers, or raise their maxconn in the configuration"
    Haproxy5xx "haproxy-5xx" "haproxy" Backend [Own5xx Backend5xx] []
        conditions::are_own_errors_many, sentences::own_errors, impact::failed, None;
        "HAProxy itself sent 60 errors (5xx) in 4 s" "HAProxy itself sends errors: a rule denies requests, or a timeout expires" "look at the termination state in HAProxy's log"
    Application5xx "application-5xx" "errors" Backend [Backend5xx Server5xx BackendResponseErrors ServerResponseErrors] [Own5xx Retries Redispatches]
        conditions::always, sentences::application_errors, impact::failed, None;
        "application errors: 23% of the responses are 5xx" "the servers respond with errors, no one of them more than the others" "look at the logs of the application and at its last deployment"
    RetriedRequests "retries" "retries" Backend [Retries Redispatches] []
        conditions::always, sentences::retried, impact::late_retries, None;
        "2 retries per 100 requests" "the first attempt at a server often fails: the connection, or with `retry-on` its response" "look at which server the retries count for, and at its port and its log"
    AbortedRequests "client-aborts" "aborts" Backend [ClientAborts] []
        conditions::always, sentences::problem_text, impact::aborted, None;
        "clients aborted 12% of the requests" "clients give up, usually because they wait too long" "compare response times with the timeouts of the clients"
    ServerFull "server-full" "sessions" Backend [ServerSessions QueueLimit] []
        conditions::always, sentences::servers_full, impact::nothing, Some(&action_table::SERVER_MAXCONN);
        "s1: 50 of 50 sessions" "servers are at or near their maxconn, and no request waits yet" "raise the maxconn of the servers if they can carry more, or add servers"
        | "add servers, or raise their maxconn in the configuration"
    WeightLow "weight-low" "degraded" Backend [BackendWeight] []
        conditions::always, sentences::problem_text, impact::failed, None;
        "1 of 4 servers down, 50% of the weight available" "the remaining servers carry the load of those that are missing" "bring the missing servers back"
    ServerUnresolved "server-unresolved" "dns" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "not resolved (DNS): it has no address" "DNS has no address for the server, so it gets no requests" "look up the name with the name servers of HAProxy's `resolvers` section"
    BackendUnpublished "backend-unpublished" "unpublished" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "not published: content switching does not use it" "rules and maps do not select the backend until it is published" "`publish backend NAME`, if its maintenance is over"
    FrontendPaused "frontend-paused" "paused" Row [] []
        conditions::always, sentences::problem_text, impact::usual_share, Some(&action_table::FRONTEND_ON);
        "disabled: it accepts no connections until it is enabled" "the frontend was disabled at run time and accepts no connections" "enable the frontend, if its maintenance is over"
        | "enable the frontend with such a socket, if its maintenance is over"
    FrontendStopped "frontend-stopped" "stopped" Row [] []
        conditions::always, sentences::problem_text, impact::usual_share, None;
        "stopped: it accepts no connections until HAProxy is reloaded" "the frontend was shut down at run time" "reload HAProxy"
    ListenerFull "listener-full" "full" Row [] []
        conditions::always, sentences::problem_text, impact::at_limit, None;
        "96 of 100 sessions" "a `bind` line is at or near its maxconn, and its new clients wait in the kernel" "find out which clients hold the connections, or raise the limit in the configuration"
    FrontendFull "frontend-full" "full" Row [] []
        conditions::always, sentences::problem_text, impact::at_limit, Some(&action_table::FRONTEND_MAXCONN);
        "96 of 100 sessions, full in 8 s at +0.5/s" "the frontend is at or near its maxconn, and new clients wait in the kernel" "find out which clients hold the connections, or raise the limit"
        | "find out which clients hold the connections, or raise the limit in the configuration"
    RateLimited "rate-limited" "rate" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "97% of 500 sessions per second" "a rate limit delays new sessions" "find out which clients connect, or raise the limit"
    Frontend5xx "frontend-5xx" "errors" Row [] []
        conditions::always, sentences::problem_text, impact::failed, None;
        "12% of the responses are 5xx" "HAProxy sends errors before it chooses a backend" "look at the termination state in HAProxy's log"
    Denied "denied" "denied" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "120 requests, connections or sessions denied per second" "an attack, or an ACL that denies legitimate clients" "look at the addresses and the rules in HAProxy's log"
    BadRequests "bad-requests" "requests" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "40 invalid requests per second" "scanners, broken clients or timeouts" "`show errors` has the last invalid request"
    ProcessFull "process-full" "full" Row [] []
        conditions::always, sentences::problem_text, impact::process_at_limit, None;
        "96% of 2000 connections" "the process is at or near its maxconn, and new connections wait in the kernel" "find out which clients hold the connections, or raise the global maxconn"
    ProcessResources "process-resources" "resources" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "only 4096 of 8231 file descriptors that 4000 connections need" "file descriptors or pipes are at or near their limit" "raise `ulimit-n` or `maxpipes`, or lower `maxconn`"
    BlockedTraffic "blocked-traffic" "blocked" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "traffic stood still: a thread was blocked 2 times" "a thread of HAProxy worked on one task for too long, and its traffic waited" "look at Lua scripts, large maps and regular expressions; HAProxy's log has the call trace"
    SharedSocket "shared-socket" "processes" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "2 processes reply in turn on this socket (pids 811, 812)" "each reply comes from one of several live processes, so that numbers belong to only one of them" "give each process its own stats socket"
    CertificateExpiry "certificate-expiry" "certificate" Row [] []
        conditions::always, sentences::problem_text, impact::nothing, None;
        "site.pem expires in 6 days" "a certificate that HAProxy uses expires soon or has expired" "renew the certificate, and reload HAProxy or set it with `set ssl cert`"
    ResolverFailing "resolver-failing" "dns" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "name server dns1: 12 of 12 queries timed out" "a name server of a `resolvers` section does not answer, or answers with errors" "look at the name server and the network to it"
    SplitBrain "split-brain" "split brain" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "10.77.0.100 is also on another balancer (split brain)" "two balancers own the same address, because they do not see the advertisements of each other, or because keepalived crashed on one of them and left the address there" "look at the network between them and at the log of keepalived; remove the address from the one that should not have it, or start keepalived there again"
    Failover "failover" "failover" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "37 connections lost in a failover 12 s ago" "another balancer took the address, and the connections that were open did not move with it" "look at the events of both balancers, and at the log of keepalived or CARP"
    Tls "tls" "tls" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "97% of 1000 TLS connections" "TLS connections or handshakes are at their limit, or sessions are not resumed" "raise the limit or the size of the session cache"
    Busy "haproxy-busy" "busy" Row [] []
        conditions::always, sentences::busy, impact::unknown, None;
        "HAProxy busy: 8.0% idle (mean of all threads)" "HAProxy has too little CPU time, which delays every request" "look at TLS handshakes, compression, Lua and large maps; add threads"
    Memory "memory" "memory" Row [] []
        conditions::always, sentences::problem_text, impact::unknown, None;
        "out of memory: 3 allocations failed" "memory is at or near its limit" "raise the limit, or lower the number of connections or the size of the buffers"
    LostLogs "lost-logs" "logs" Row [] []
        conditions::always, sentences::problem_text, impact::nothing, None;
        "12 log messages dropped" "the log server is too slow, or the socket buffer is too small" "look at the log server; raise the size of its socket buffer"
}

/// Returns the kind of a cause that consists only of problems of this rule.
pub(crate) const fn fallback_kind(rule: RuleId) -> CauseKind {
    match rule {
        RuleId::Connections | RuleId::MaxconnReached => CauseKind::ProcessFull,
        RuleId::DescriptorLimit | RuleId::Pipes => CauseKind::ProcessResources,
        RuleId::BlockedTraffic => CauseKind::BlockedTraffic,
        RuleId::SharedSocket => CauseKind::SharedSocket,
        RuleId::CertificateExpiry => CauseKind::CertificateExpiry,
        RuleId::ResolverFailing => CauseKind::ResolverFailing,
        RuleId::SplitBrain => CauseKind::SplitBrain,
        RuleId::Failover => CauseKind::Failover,
        RuleId::ListenerSessions => CauseKind::ListenerFull,
        RuleId::FrontendPaused => CauseKind::FrontendPaused,
        RuleId::FrontendStopped => CauseKind::FrontendStopped,
        RuleId::BackendUnpublished => CauseKind::BackendUnpublished,
        RuleId::ServerUnresolved => CauseKind::ServerUnresolved,
        RuleId::SessionRate | RuleId::ConnectionRate | RuleId::FrontendRate => CauseKind::RateLimited,
        RuleId::TlsRate | RuleId::TlsConnections | RuleId::TlsReuse => CauseKind::Tls,
        RuleId::Idle | RuleId::RunQueue => CauseKind::Busy,
        RuleId::Memory | RuleId::PoolFailed => CauseKind::Memory,
        RuleId::DroppedLogs => CauseKind::LostLogs,
        RuleId::NoBackendAvailable => CauseKind::NoBackend,
        RuleId::FrontendSessions => CauseKind::FrontendFull,
        RuleId::Frontend5xx => CauseKind::Frontend5xx,
        RuleId::Denied => CauseKind::Denied,
        RuleId::BadRequests => CauseKind::BadRequests,
        RuleId::BackendDown => CauseKind::NoServer,
        RuleId::BackendWeight => CauseKind::WeightLow,
        RuleId::Queue | RuleId::QueueGrowing | RuleId::QueueWait => CauseKind::AtMaxconn,
        RuleId::Backend5xx | RuleId::Server5xx | RuleId::BackendResponseErrors | RuleId::ServerResponseErrors => {
            CauseKind::Application5xx
        }
        RuleId::Own5xx => CauseKind::Haproxy5xx,
        RuleId::BackendConnectionErrors | RuleId::ConnectTime => CauseKind::Network,
        RuleId::Retries | RuleId::Redispatches => CauseKind::RetriedRequests,
        RuleId::ClientAborts => CauseKind::AbortedRequests,
        RuleId::ResponseTime => CauseKind::SlowApplication,
        RuleId::ServerDown => CauseKind::ServerDown,
        RuleId::ServerSessions | RuleId::QueueLimit => CauseKind::ServerFull,
        RuleId::SlowServer => CauseKind::SlowServer,
        RuleId::IdleServer => CauseKind::IdleServer,
        RuleId::ServerConnectionErrors => CauseKind::ServerUnreachable,
        RuleId::Flapping => CauseKind::FlappingServer,
        RuleId::FailingChecks => CauseKind::FailingChecks,
    }
}

impl CauseKind {
    /// Returns the row of the table.
    pub(crate) fn info(self) -> &'static CauseInfo {
        &CAUSES[self as usize]
    }

    /// Returns the name as a string.
    pub(crate) fn as_str(self) -> &'static str {
        self.info().id
    }

    /// Returns whether this is the loss of servers, while others still serve.
    pub(super) const fn is_loss(self) -> bool {
        use CauseKind::{AgentDown, FlappingServer, ServerDown, ServersDown, TrackingDown};
        matches!(self, FlappingServer | AgentDown | TrackingDown | ServersDown | ServerDown)
    }

    /// Returns the name as words: `slow application`.
    pub(crate) fn words(self) -> String {
        self.as_str().replace('-', " ")
    }

    /// Returns the rules whose problems show this cause, in the order of the rule table.
    pub(crate) fn showing_rules(self) -> impl Iterator<Item = RuleId> {
        let is_showing = move |rule: &RuleId| self.info().shows.contains(rule) || fallback_kind(*rule) == self;
        RuleId::ALL.iter().copied().filter(is_showing)
    }
}

impl fmt::Display for CauseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
