//! Facts that are read less often than samples: certificates and name servers.

use std::time::{Duration, SystemTime};

use crate::haproxy::resolver_counters::NameServerCounters;
use crate::haproxy::safe_text::SafeText;

/// Minimum number of questions to a name server for which the share of failed ones is computed.
const MIN_QUESTIONS: i64 = 3;

/// A certificate and the end of its validity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateExpiry {
    /// File name of the certificate.
    pub(crate) name: SafeText,
    /// End of validity.
    pub(crate) at: SystemTime,
}

/// The questions to one name server within a time span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameServerGrowth {
    /// Name of the `resolvers` section and of the name server: `dns/ns1`.
    pub(crate) name: String,
    /// Questions sent.
    pub(crate) sent: i64,
    /// Questions without a usable answer.
    pub(crate) failed: i64,
    /// The time span; `None` for the time since HAProxy's start.
    pub(crate) span: Option<Duration>,
}

/// Results of one round. A part is `None` if HAProxy did not report it: this version does not know the command, the
/// socket's level does not permit it, or the reply was lost.
#[derive(Debug, Clone, Default)]
pub struct SlowFacts {
    /// Monotonic time of the round.
    pub(crate) at: Duration,
    /// Certificates in use whose date is known, the one that expires first at the start.
    pub(crate) certificates: Option<Vec<CertificateExpiry>>,
    /// Name servers with enough questions.
    pub(crate) name_servers: Option<Vec<NameServerGrowth>>,
    /// True if a name server was asked, but too seldom to tell whether it answers.
    pub(crate) has_unjudged_name_server: bool,
    /// Number of requests of this round.
    pub(crate) requests: usize,
    /// Number of bytes received.
    pub(crate) bytes: usize,
    /// Total time from sending a command to the end of its reply.
    pub(crate) reply_time: Duration,
}

impl SlowFacts {
    /// Returns the name server with the largest share of failed questions and this share, or `None` without questions.
    pub(crate) fn worst_name_server(&self) -> Option<(&NameServerGrowth, f64)> {
        let all = self.name_servers.iter().flatten();
        all.map(|server| (server, server.failed as f64 / server.sent as f64))
            .max_by(|one, other| one.1.total_cmp(&other.1))
    }
}

/// The counters of the name servers at the time of one round.
#[derive(Debug, Clone)]
pub(crate) struct NameServerReading {
    /// Number of the epoch of the process.
    pub(crate) epoch: u32,
    /// Monotonic time.
    pub(crate) at: Duration,
    /// The counters.
    pub(crate) counters: Vec<NameServerCounters>,
}

/// Returns the questions since the latest reading of the same process after which there were enough of them; the readings are
/// in order of time. The `bool` is true if a name server was asked too seldom to tell whether it answers.
///
/// Without an earlier reading, only a name server that never answered is returned, because failures may be long ago.
pub(crate) fn name_server_growth(
    earlier: &[NameServerReading],
    now: &NameServerReading,
) -> (Vec<NameServerGrowth>, bool) {
    let mut found = Vec::new();
    let mut has_unjudged = false;
    for server in &now.counters {
        let before = earlier.iter().rev().take_while(|reading| reading.epoch == now.epoch);
        let mut since = before.filter_map(|reading| {
            let base = reading.counters.iter().find(|known| is_same(known, server))?;
            Some(growth(server, Some((base, now.at.saturating_sub(reading.at)))))
        });
        let mut judged = since.next().unwrap_or_else(|| growth(server, None));
        while let Some(longer) = since.next().filter(|_| judged.sent < MIN_QUESTIONS) {
            judged = longer;
        }
        // Answers since the start of HAProxy may be long ago.
        let is_known = judged.span.is_some() || server.answered == 0;
        if is_known && judged.sent >= MIN_QUESTIONS {
            found.push(judged);
        } else {
            // A question without an answer may have been sent a moment ago.
            has_unjudged |= judged.sent > 0 && (!is_known || judged.failed + 1 >= judged.sent);
        }
    }
    (found, has_unjudged)
}

/// Returns the questions since a reading, or since the start of HAProxy.
fn growth(server: &NameServerCounters, base: Option<(&NameServerCounters, Duration)>) -> NameServerGrowth {
    let grown = |count: fn(&NameServerCounters) -> i64| count(server) - base.map_or(0, |(base, _)| count(base));
    let (sent, answered) = (grown(|server| server.sent), grown(|server| server.answered));
    let reported = grown(|server| server.errors).max(0) + grown(|server| server.timeouts).max(0);
    // A question that was just sent has no answer yet, and not every version counts timeouts.
    let unanswered = (sent - answered - 1).max(0);
    let failed = reported.max(if answered == 0 { unanswered } else { 0 }).min(sent);
    let name = format!("{}/{}", server.section, server.name);
    NameServerGrowth { name, sent, failed, span: base.map(|(_, span)| span) }
}

fn is_same(one: &NameServerCounters, other: &NameServerCounters) -> bool {
    one.section == other.section && one.name == other.name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(seconds: u64, epoch: u32, counts: [i64; 4]) -> NameServerReading {
        let [sent, answered, errors, timeouts] = counts;
        let (section, name) = ("dns".into(), "ns1".into());
        let counters = vec![NameServerCounters { section, name, sent, answered, errors, timeouts }];
        NameServerReading { epoch, at: Duration::from_secs(seconds), counters }
    }

    /// Returns the failed and all questions, and the time span in seconds.
    fn growth(earlier: &[NameServerReading], now: &NameServerReading) -> Option<(i64, i64, Option<u64>)> {
        let found = name_server_growth(earlier, now).0;
        found.first().map(|server| (server.failed, server.sent, server.span.map(|span| span.as_secs())))
    }

    #[test]
    fn name_server_growth_compares_two_readings_of_one_process() {
        let before = [reading(0, 1, [100, 80, 0, 20])];
        assert_eq!(growth(&before, &reading(60, 1, [130, 110, 0, 20])), Some((0, 30, Some(60))));
        assert_eq!(growth(&before, &reading(60, 1, [110, 81, 2, 26])), Some((8, 10, Some(60))));
        assert_eq!(
            growth(&before, &reading(60, 1, [110, 80, 0, 20])),
            Some((9, 10, Some(60))),
            "no timeout is counted"
        );
        assert_eq!(growth(&before, &reading(60, 1, [102, 80, 0, 22])), None, "too few questions");
        assert_eq!(growth(&before, &reading(60, 2, [9, 9, 0, 0])), None, "another process, which got answers");
    }

    #[test]
    fn name_server_growth_is_that_since_the_latest_reading_with_enough_questions() {
        let earlier = [reading(0, 1, [10, 10, 0, 0]), reading(10, 1, [20, 11, 0, 0]), reading(20, 1, [21, 11, 0, 0])];
        assert_eq!(growth(&earlier, &reading(25, 1, [25, 14, 0, 0])), Some((0, 4, Some(5))), "it answers again");
        assert_eq!(growth(&earlier, &reading(25, 1, [23, 11, 0, 0])), Some((2, 3, Some(15))));
    }

    #[test]
    fn name_server_growth_without_earlier_reading_finds_silent_server() {
        assert_eq!(growth(&[], &reading(0, 1, [10, 0, 0, 4])), Some((9, 10, None)));
        assert_eq!(growth(&[], &reading(0, 1, [10, 1, 0, 9])), None, "the failures may be long ago");
    }

    #[test]
    fn name_server_is_unjudged_until_it_answers_or_fails_often_enough() {
        let is_unjudged = |earlier: &[NameServerReading], now| name_server_growth(earlier, &now).1;
        assert!(is_unjudged(&[], reading(0, 1, [1000, 900, 0, 100])), "its answers may be long ago");
        assert!(!is_unjudged(&[], reading(0, 1, [0, 0, 0, 0])), "it was not asked");
        let before = [reading(0, 1, [1000, 900, 0, 100])];
        assert!(is_unjudged(&before, reading(5, 1, [1002, 900, 0, 100])));
        assert!(!is_unjudged(&before, reading(5, 1, [1002, 902, 0, 100])));
        assert!(!is_unjudged(&before, reading(5, 1, [1000, 900, 0, 100])), "it was not asked");
        assert!(!is_unjudged(&before, reading(5, 1, [1009, 900, 0, 100])), "it fails");
    }
}
