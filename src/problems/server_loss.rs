//! The load of a backend's servers if its busiest server were lost (N−1).

use crate::actions::impact::{BackendImpact, ServerLoad};
use crate::haproxy::fields::Field;
use crate::haproxy::safe_text::SafeText;
use crate::observe::row_ids::BackendRows;
use crate::observe::sample::Sample;
use crate::units;

/// The loss of a backend's busiest server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerLoss {
    /// The busiest server.
    pub(crate) server: SafeText,
    /// Load of the remaining server that would be nearest to its limit.
    pub(crate) fullest: ServerLoad,
    /// Session limit of that server.
    pub(crate) limit: i64,
}

impl ServerLoss {
    /// Returns the loss of the usable active server with the most sessions, if its sessions moved to the others by
    /// weight. Returns `None` if the backend has no sessions, no other usable active server, or no session limits.
    pub(crate) fn from_backend(sample: &Sample, backend: &BackendRows) -> Option<Self> {
        let number = |row: usize, field| sample.table.number(row, field);
        let is_active = |row: &usize| {
            let takes = number(*row, Field::Bck) != Some(1) && number(*row, Field::Weight) != Some(0);
            takes && sample.table.rows()[*row].state().is_usable()
        };
        let servers = backend.servers.iter().copied().filter(is_active);
        // Of several, the first.
        let busiest = servers.rev().max_by_key(|row| number(*row, Field::Scur))?;
        let fullest = BackendImpact::without_server(sample, backend, busiest).most_loaded?;
        let limit = fullest.limit?;
        Some(Self { server: sample.table.rows()[busiest].name.clone(), fullest, limit })
    }

    /// Returns the load of the fullest remaining server as a share of its limit; above 1, it would be over its limit.
    pub(crate) fn share(&self) -> f64 {
        self.fullest.sessions as f64 / self.limit as f64
    }

    /// Returns whether the remaining servers would be within their limits.
    pub(crate) fn is_held(&self) -> bool {
        !self.fullest.exceeds_limit()
    }

    /// Describes the loss: `without s1, s2 would have 90 of 80 sessions: the rest would queue`.
    pub(crate) fn describe(&self) -> String {
        let Self { server, fullest, limit } = self;
        let rest = if self.is_held() { "" } else { ": the rest would queue" };
        let (sessions, limit_text) = (units::count(fullest.sessions), units::count(*limit));
        let noun = units::choose_number(*limit, "session", "sessions");
        format!("without {server}, {} would have {sessions} of {limit_text} {noun}{rest}", fullest.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    fn loss(rows: &str) -> Option<ServerLoss> {
        let stat = format!("# pxname,svname,scur,slim,status,weight,act,bck,type,\n{rows}b,BACKEND,9,,UP,9,3,0,1,\n");
        let sample = SampleBuilder::default().build_at_millis(0, &stat);
        ServerLoss::from_backend(&sample, &sample.rows.backends()[0])
    }

    #[test]
    fn server_loss_moves_sessions_to_the_rest_by_weight() {
        let loss = loss("b,s1,60,80,UP,100,1,0,2,\nb,s2,40,80,UP,100,1,0,2,\nb,s3,40,200,UP,100,1,0,2,\n").unwrap();
        assert_eq!(loss.server.as_str(), "s1");
        assert!(loss.is_held() && (loss.share() - 70.0 / 80.0).abs() < 1e-9, "{loss:?}");
        assert_eq!(loss.describe(), "without s1, s2 would have 70 of 80 sessions");
    }

    #[test]
    fn server_loss_is_not_held_by_full_servers() {
        let loss = loss("b,s1,60,80,UP,100,1,0,2,\nb,s2,60,80,UP,100,1,0,2,\n").unwrap();
        assert!(!loss.is_held());
        assert_eq!(loss.describe(), "without s1, s2 would have 120 of 80 sessions: the rest would queue");
    }

    #[test]
    fn server_loss_is_unknown_without_limit_or_rest() {
        assert_eq!(loss("b,s1,60,80,UP,100,1,0,2,\n"), None, "one server by design");
        assert_eq!(loss("b,s1,60,80,UP,100,1,0,2,\nb,s2,9,80,DOWN,100,1,0,2,\n"), None);
        assert_eq!(loss("b,s1,60,,UP,100,1,0,2,\nb,s2,9,,UP,100,1,0,2,\n"), None, "no limits");
        assert_eq!(loss("b,s1,0,80,UP,100,1,0,2,\nb,s2,0,80,UP,100,1,0,2,\n"), None, "no sessions");
        assert_eq!(loss(""), None);
    }
}
