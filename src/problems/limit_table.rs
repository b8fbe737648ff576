//! The table of limits that a forecast is made for, [`LIMITS`].

use crate::haproxy::fields::{Field, InfoField};
use crate::history::block::Series;
use crate::observe::row_ids::BackendRows;
use crate::observe::sample::Sample;
use crate::problems::rule::Scope;
use crate::problems::rule_table::RuleId;

/// The source of a limit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LimitSource {
    /// A column of `show stat`; empty and 0 mean unlimited.
    Stat(Field),
    /// A key of `show info`; 0 means unlimited.
    Info(InfoField),
    /// The sum of the session limits of a backend's usable servers.
    UsableServers,
}

/// A value with a limit.
#[derive(Debug)]
pub(crate) struct Limit {
    /// Name in JSON and in the documentation.
    pub(crate) id: &'static str,
    /// Kind of rows that have the limit.
    pub(crate) scope: Scope,
    /// The current value.
    pub(crate) value: Series,
    /// The limit.
    pub(crate) source: LimitSource,
    /// Unit of value and limit, in the plural.
    pub(crate) noun: &'static str,
    /// Rules whose problems the forecast completes.
    pub(crate) rules: &'static [RuleId],
}

const fn process(
    id: &'static str,
    value: InfoField,
    limit: InfoField,
    noun: &'static str,
    rules: &'static [RuleId],
) -> Limit {
    Limit { id, scope: Scope::Process, value: Series::Info(value), source: LimitSource::Info(limit), noun, rules }
}

const fn row(
    id: &'static str,
    scope: Scope,
    value: Field,
    source: LimitSource,
    noun: &'static str,
    rules: &'static [RuleId],
) -> Limit {
    Limit { id, scope, value: Series::Stat(value), source, noun, rules }
}

/// Rules about requests that wait for a server.
const QUEUE_RULES: &[RuleId] = &[RuleId::QueueLimit, RuleId::Queue, RuleId::QueueGrowing, RuleId::QueueWait];

/// All limits, ordered by scope.
pub(crate) static LIMITS: &[Limit] = {
    use InfoField as I;
    use LimitSource::{Stat, UsableServers};
    use RuleId as R;
    &[
        process("connections", I::CurrConns, I::Maxconn, "connections", &[R::Connections]),
        process("tls-connections", I::CurrSslConns, I::MaxSslConns, "TLS connections", &[R::TlsConnections]),
        process("session-rate", I::SessRate, I::SessRateLimit, "sessions per second", &[R::SessionRate]),
        process("connection-rate", I::ConnRate, I::ConnRateLimit, "connections per second", &[R::ConnectionRate]),
        process("tls-rate", I::SslRate, I::SslRateLimit, "TLS sessions per second", &[R::TlsRate]),
        process("memory", I::PoolUsedMb, I::MemmaxMb, "MB of memory", &[R::Memory]),
        row(
            "frontend-sessions",
            Scope::Frontend,
            Field::Scur,
            Stat(Field::Slim),
            "connections",
            &[R::FrontendSessions],
        ),
        row("backend-sessions", Scope::Backend, Field::Scur, UsableServers, "sessions of its servers", &[]),
        row("server-sessions", Scope::Server, Field::Scur, Stat(Field::Slim), "sessions", &[R::ServerSessions]),
        row("server-queue", Scope::Server, Field::Qcur, Stat(Field::Qlimit), "queued requests", QUEUE_RULES),
    ]
};

impl Limit {
    /// Returns the current value in the sample; `index` is the row, or `None` for the process.
    pub(crate) fn current_value(&self, sample: &Sample, index: Option<usize>) -> Option<i64> {
        match self.value {
            Series::Info(field) => sample.process_number(field),
            Series::Stat(field) => sample.table.number(index?, field),
        }
    }

    /// Returns the limit in the sample; `None` if it is unlimited. `backend` is the backend of the row.
    pub(crate) fn current_limit(
        &self,
        sample: &Sample,
        index: Option<usize>,
        backend: Option<&BackendRows>,
    ) -> Option<i64> {
        let limit = match self.source {
            LimitSource::Info(field) => sample.process_number(field),
            LimitSource::Stat(field) => sample.table.number(index?, field),
            LimitSource::UsableServers => usable_session_limit(sample, backend?),
        };
        limit.filter(|limit| *limit > 0)
    }
}

/// Returns the sum of the session limits of the usable active servers; `None` if one of them has no limit.
fn usable_session_limit(sample: &Sample, backend: &BackendRows) -> Option<i64> {
    let table = &sample.table;
    let takes_sessions = |row: &&usize| {
        let is_active = table.number(**row, Field::Bck) != Some(1) && table.number(**row, Field::Weight) != Some(0);
        is_active && table.rows()[**row].state().is_usable()
    };
    let limits = backend.servers.iter().filter(takes_sessions).map(|row| table.number(*row, Field::Slim));
    limits.map(|limit| limit.filter(|limit| *limit > 0)).try_fold(0_i64, |sum, limit| Some(sum.saturating_add(limit?)))
}
