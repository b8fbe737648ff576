//! The table of limits that a forecast is made for, [`LIMITS`].

use crate::haproxy::fields::{Field, InfoField};
use crate::history::block::Series;
use crate::observe::row_ids::BackendRows;
use crate::observe::sample::Sample;
use crate::problems::rule::Scope;

/// The source of a limit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LimitSource {
    /// A column of `show stat`; empty and 0 mean that there is no limit.
    Stat(Field),
    /// A key of `show info`; 0 means that there is no limit.
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
}

const fn process(id: &'static str, value: InfoField, limit: InfoField, noun: &'static str) -> Limit {
    Limit { id, scope: Scope::Process, value: Series::Info(value), source: LimitSource::Info(limit), noun }
}

const fn row(id: &'static str, scope: Scope, value: Field, source: LimitSource, noun: &'static str) -> Limit {
    Limit { id, scope, value: Series::Stat(value), source, noun }
}

/// All limits, ordered by scope.
pub(crate) static LIMITS: &[Limit] = &[
    process("connections", InfoField::CurrConns, InfoField::Maxconn, "connections"),
    process("tls-connections", InfoField::CurrSslConns, InfoField::MaxSslConns, "TLS connections"),
    process("session-rate", InfoField::SessRate, InfoField::SessRateLimit, "sessions per second"),
    process("connection-rate", InfoField::ConnRate, InfoField::ConnRateLimit, "connections per second"),
    process("tls-rate", InfoField::SslRate, InfoField::SslRateLimit, "TLS sessions per second"),
    process("memory", InfoField::PoolUsedMb, InfoField::MemmaxMb, "MB of memory"),
    row("frontend-sessions", Scope::Frontend, Field::Scur, LimitSource::Stat(Field::Slim), "connections"),
    row("backend-sessions", Scope::Backend, Field::Scur, LimitSource::UsableServers, "sessions of its servers"),
    row("server-sessions", Scope::Server, Field::Scur, LimitSource::Stat(Field::Slim), "sessions"),
    row("server-queue", Scope::Server, Field::Qcur, LimitSource::Stat(Field::Qlimit), "queued requests"),
];

impl Limit {
    /// Returns the current value in the sample; `index` is the row, or `None` for the process.
    pub(crate) fn current_value(&self, sample: &Sample, index: Option<usize>) -> Option<i64> {
        match self.value {
            Series::Info(field) => sample.process_number(field),
            Series::Stat(field) => sample.table.number(index?, field),
        }
    }

    /// Returns the limit in the sample; `None` if there is no limit. `backend` is the backend of the row.
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
