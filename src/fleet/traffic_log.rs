//! The connections that a balancer received in the last minute, and the role that follows from those of its peers.

use std::collections::VecDeque;
use std::time::Duration;

use crate::fleet::role::{BalancerRole, RoleFinding, RoleSource};
use crate::haproxy::fields::Field;
use crate::observe::sample::{Epoch, Sample};
use crate::units;

/// Time that the log covers.
const SPAN: Duration = Duration::from_mins(1);
/// Time after which a balancer without connections may be called standby.
const MIN_SPAN: Duration = Duration::from_secs(10);
/// Number of connections of the busiest balancer from which roles follow.
const MIN_CONNECTIONS: f64 = 10.0;
/// Share of the rate of the busiest balancer from which a balancer is active. The shares of two active ones may differ.
const ACTIVE_SHARE: f64 = 0.2;
/// Share of the rate of the busiest balancer up to which a balancer is standby: monitoring may connect to it.
const STANDBY_SHARE: f64 = 0.02;

/// Connections received in a span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Received {
    /// Number of connections.
    pub(crate) connections: f64,
    /// The time.
    pub(crate) span: Duration,
}

impl Received {
    fn rate(self) -> f64 {
        self.connections / self.span.as_secs_f64()
    }
}

/// The connections of a balancer's frontends, sample by sample.
#[derive(Debug, Default)]
pub(crate) struct TrafficLog {
    last: Option<(Epoch, Duration, i64)>,
    /// Times between two samples of one process, with their ends and the connections received.
    steps: VecDeque<(Duration, Duration, i64)>,
}

impl TrafficLog {
    /// Adds the growth since the previous sample, unless another process replied or counters were reset.
    pub(crate) fn record(&mut self, sample: &Sample) {
        let totals = sample.rows.frontends().iter().map(|row| sample.table.number(*row, Field::Stot));
        let total = totals.flatten().reduce(i64::saturating_add);
        let at = sample.at.monotonic;
        if let (Some((epoch, before, earlier)), Some(total)) = (self.last, total)
            && epoch == sample.epoch
            && total >= earlier
        {
            self.steps.push_back((at, at.saturating_sub(before), total - earlier));
        }
        self.last = total.map(|total| (sample.epoch, at, total));
        while self.steps.front().is_some_and(|(end, ..)| at.saturating_sub(*end) > SPAN) {
            self.steps.pop_front();
        }
    }

    /// Returns the connections received until `now`, or `None` if too little time is known.
    pub(crate) fn received(&self, now: Duration) -> Option<Received> {
        let recent = self.steps.iter().filter(|(end, ..)| now.saturating_sub(*end) <= SPAN);
        let (span, connections) =
            recent.fold((Duration::ZERO, 0.0), |(span, sum), (_, step, grown)| (span + *step, sum + *grown as f64));
        (span >= MIN_SPAN).then_some(Received { connections, span })
    }
}

/// Returns the role of a balancer among its peers, or `None` if the traffic does not show it: without peers, without
/// traffic, or with little.
pub(crate) fn role_by_traffic(own: Received, peers: &[Received]) -> Option<RoleFinding> {
    let busiest = peers.iter().copied().max_by(|one, other| one.rate().total_cmp(&other.rate()))?;
    let top = if own.rate() > busiest.rate() { own } else { busiest };
    let share = own.rate() / top.rate();
    let role = match share {
        _ if top.connections < MIN_CONNECTIONS => return None,
        share if share >= ACTIVE_SHARE => BalancerRole::Active,
        share if share <= STANDBY_SHARE => BalancerRole::Standby,
        _ => return None,
    };
    let received = |received: Received| {
        let count = units::pluralize(received.connections as i64, "connection");
        format!("{count} in {}", units::duration_words(received.span))
    };
    let detail = match role {
        BalancerRole::Active => received(own),
        BalancerRole::Standby => format!("{}, a peer {}", received(own), received(busiest)),
    };
    Some(RoleFinding { role, source: RoleSource::Traffic, detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    fn received(connections: u32, seconds: u64) -> Received {
        Received { connections: f64::from(connections), span: Duration::from_secs(seconds) }
    }

    fn role(own: u32, peers: &[u32]) -> Option<BalancerRole> {
        let peers: Vec<Received> = peers.iter().map(|count| received(*count, 60)).collect();
        role_by_traffic(received(own, 60), &peers).map(|finding| finding.role)
    }

    #[test]
    fn role_by_traffic_compares_with_peers() {
        assert_eq!(role(1000, &[0]), Some(BalancerRole::Active));
        assert_eq!(role(12, &[1000]), Some(BalancerRole::Standby), "monitoring");
        assert_eq!((role(700, &[300]), role(300, &[700])), (Some(BalancerRole::Active), Some(BalancerRole::Active)));
        assert_eq!(role(100, &[1000]), None, "neither");
        assert_eq!(role(1000, &[]), None, "without peers");
        assert_eq!((role(0, &[0]), role(0, &[9]), role(9, &[0])), (None, None, None), "too little traffic");
    }

    #[test]
    fn role_by_traffic_compares_rates_over_different_spans() {
        let finding = role_by_traffic(received(10, 10), &[received(120, 60)]).unwrap();
        assert_eq!((finding.role, finding.detail.as_str()), (BalancerRole::Active, "10 connections in 10 s"));
        let idle = role_by_traffic(received(0, 30), &[received(120, 60)]).unwrap();
        assert_eq!(idle.detail, "0 connections in 30 s, a peer 120 connections in 60 s");
    }

    #[test]
    fn traffic_log_leaves_out_reloads_and_resets_and_forgets() {
        let (mut log, mut builder) = (TrafficLog::default(), SampleBuilder::default());
        let mut at = |log: &mut TrafficLog, second: u64, stot: i64, is_reloaded: bool| {
            if is_reloaded {
                builder.reload();
            }
            let stat = format!("# pxname,svname,stot,type,status,\nfe,FRONTEND,{stot},0,OPEN,\n");
            log.record(&builder.build_at_millis(second * 1000, &stat));
            log.received(Duration::from_secs(second))
                .map(|received| (received.connections as i64, received.span.as_secs()))
        };
        assert_eq!(at(&mut log, 0, 100, false), None);
        assert_eq!(at(&mut log, 5, 110, false), None, "too short");
        assert_eq!(at(&mut log, 10, 130, false), Some((30, 10)));
        assert_eq!(at(&mut log, 15, 5, true), Some((30, 10)), "another process");
        assert_eq!(at(&mut log, 20, 6, false), Some((31, 15)));
        assert_eq!(at(&mut log, 25, 0, false), Some((31, 15)), "counters were reset");
        assert_eq!(at(&mut log, 85, 1, false), Some((1, 60)), "the first minute is over");
    }
}
