//! Response times of servers compared with those of the other servers of their backend.

use crate::units;

/// Response time of the peers below which only this limit is compared. HAProxy's means are whole milliseconds, and the mean
/// of the last seconds, which is computed from their changes, is accurate to about this time.
const MIN_PEERS_MS: f64 = 10.0;

/// The response time of a server and that of its peers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slowness {
    /// Response time of the server in milliseconds.
    pub(crate) own: f64,
    /// Median response time of the other servers in milliseconds.
    pub(crate) peers: f64,
}

impl Slowness {
    /// Returns the response time as a multiple of that of the peers, or of [`MIN_PEERS_MS`] if they are faster.
    pub(crate) fn ratio(self) -> f64 {
        self.own / self.peers.max(MIN_PEERS_MS)
    }

    /// Describes the response time of the peers: `peers 52 ms`.
    pub(crate) fn peer_words(self) -> String {
        if self.peers < MIN_PEERS_MS {
            return format!("peers less than {}", units::millis_words(MIN_PEERS_MS));
        }
        format!("peers {}", units::millis_words(self.peers))
    }

    /// Describes the slowness: `4.1x slower than its peers (212 ms against 52 ms)`. `details` follow the times.
    pub(crate) fn words(self, details: &str) -> String {
        let (ratio, own) = (units::ratio(self.ratio()), units::millis_words(self.own));
        if self.peers < MIN_PEERS_MS {
            let limit = units::millis_words(MIN_PEERS_MS);
            return format!("over {ratio}x slower than its peers ({own} against less than {limit}{details})");
        }
        format!("{ratio}x slower than its peers ({own} against {}{details})", units::millis_words(self.peers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_claim_more_than_means_show() {
        let words = |own, peers| Slowness { own, peers }.words(", 40 requests in 2 s");
        assert_eq!(words(212.0, 52.0), "4.1x slower than its peers (212 ms against 52 ms, 40 requests in 2 s)");
        let fast = "over 118x slower than its peers (1.18 s against less than 10 ms, 40 requests in 2 s)";
        assert_eq!(words(1180.0, 2.0), fast);
        assert_eq!(words(1180.0, 0.0), fast);
    }
}
