//! The summary of an instance that the header shows.

use crate::actions::capacity::Capacity;
use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::status::RowState;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::problems::figures;

/// Key figures of a process. Rates are `None` until there are two samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProcessSummary {
    /// Current connections.
    pub(crate) connections: Option<i64>,
    /// Limit of connections (`Maxconn`).
    pub(crate) max_connections: Option<i64>,
    /// Idle time in percent (`Idle_pct`).
    pub(crate) idle: Option<i64>,
    /// Sessions per second.
    pub(crate) session_rate: Option<i64>,
    /// HTTP requests per second, summed over the frontends. HAProxy's own `CumReq` also counts stats socket requests.
    pub(crate) request_rate: Option<f64>,
    /// Bytes per second received from clients.
    pub(crate) bytes_in_rate: Option<f64>,
    /// Bytes per second sent to clients.
    pub(crate) bytes_out_rate: Option<f64>,
    /// Share of 5xx among the responses to clients, from 0 to 1; `None` if there are too few responses.
    pub(crate) share_5xx: Option<f64>,
    /// Requests queued in all backends and servers.
    pub(crate) queued: Option<i64>,
    /// Number of servers that take traffic.
    pub(crate) servers_up: usize,
    /// Number of servers that are down or coming up.
    pub(crate) servers_down: usize,
    /// Number of servers in drain or maintenance, without unused slots.
    pub(crate) out_of_service: usize,
    /// Number of servers for which DNS has no address.
    pub(crate) unresolved: usize,
    /// Number of servers with a status that this version of hapulse does not know.
    pub(crate) unknown: usize,
    /// Names of the backends that have servers but none that is usable.
    pub(crate) unavailable_backends: Vec<String>,
}

impl ProcessSummary {
    /// Computes the summary of the sample shown. Returns `None` if there is no sample.
    pub(crate) fn from_instance(instance: &Instance) -> Option<Self> {
        let sample = instance.shown()?;
        let rates = instance.rates();
        let ids = sample.rows.ids();
        let frontends = sample.rows.frontends();
        let sum = |field| {
            let rates = frontends.iter().map(|row| rates.rate(ids[*row], field));
            rates.fold(None, |sum: Option<f64>, rate| match (sum, rate) {
                (Some(sum), Some(rate)) => Some(sum + rate),
                (sum, rate) => sum.or(rate),
            })
        };
        let mut summary = Self {
            connections: sample.process_number(InfoField::CurrConns),
            max_connections: sample.process_number(InfoField::Maxconn),
            idle: sample.process_number(InfoField::IdlePct),
            session_rate: sample.process_number(InfoField::SessRate),
            request_rate: sum(Field::ReqTot),
            bytes_in_rate: sum(Field::Bin),
            bytes_out_rate: sum(Field::Bout),
            ..Self::default()
        };
        let frontend_ids: Vec<RowId> = frontends.iter().map(|row| ids[*row]).collect();
        summary.share_5xx = figures::share_5xx(rates, &frontend_ids);
        summary.queued = figures::total_queued_requests(sample);
        for backend in sample.rows.backends() {
            for server in backend.servers.iter().filter(|server| !sample.unused_slots().contains(**server)) {
                let row = &sample.table.rows()[*server];
                match row.state() {
                    state if state.is_usable() => summary.servers_up += 1,
                    RowState::Down | RowState::ComingUp => summary.servers_down += 1,
                    _ if row.is_unresolved() => summary.unresolved += 1,
                    state if state.is_out_of_service() => summary.out_of_service += 1,
                    _ => summary.unknown += 1,
                }
            }
            let capacity = Capacity::from_servers(sample, &backend.servers);
            if capacity.has_servers() && !capacity.is_available() {
                summary.unavailable_backends.push(sample.table.rows()[backend.row].proxy.to_string());
            }
        }
        Some(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn process_summary_counts_servers_and_rates() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        assert_eq!(ProcessSummary::from_instance(&instance), None);
        instance.add_sample(builder.build_at_millis(0, &stat_of_site()), 0);
        let summary = ProcessSummary::from_instance(&instance).unwrap();
        assert_eq!((summary.connections, summary.max_connections, summary.idle), (Some(500), Some(2000), Some(80)));
        assert_eq!(
            (summary.servers_up, summary.servers_down, summary.out_of_service, summary.queued),
            (3, 1, 2, Some(8))
        );
        assert_eq!(summary.unavailable_backends, ["legacy"]);
        assert_eq!((summary.request_rate, summary.bytes_in_rate), (None, None), "one sample gives no rate");
        instance
            .add_sample(builder.build_at_millis(1000, &stat_of_site().replace("9000,5000,8000", "9010,5500,9000")), 0);
        let summary = ProcessSummary::from_instance(&instance).unwrap();
        assert_eq!((summary.bytes_in_rate, summary.bytes_out_rate), (Some(500.0), Some(1000.0)));
    }

    #[test]
    fn w24_share_5xx_is_unknown_below_minimum_number_of_responses() {
        let stat = |ok: i64, errors: i64| {
            format!("# pxname,svname,type,status,hrsp_2xx,hrsp_5xx,\nwww,FRONTEND,0,OPEN,{ok},{errors},\n")
        };
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for (millis, ok, errors, share) in [(0, 100, 0, None), (2000, 114, 5, None), (4000, 115, 5, Some(0.25))] {
            instance.add_sample(builder.build_at_millis(millis, &stat(ok, errors)), 0);
            assert_eq!(ProcessSummary::from_instance(&instance).unwrap().share_5xx, share, "{millis}");
        }
    }

    #[test]
    fn process_summary_saturates_queue_total() {
        let stat = "# pxname,svname,qcur,type,status,\nb,s,9223372036854775807,2,UP,\nb,BACKEND,5,1,UP,\n";
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, stat), 0);
        assert_eq!(ProcessSummary::from_instance(&instance).unwrap().queued, Some(i64::MAX));
    }
}
