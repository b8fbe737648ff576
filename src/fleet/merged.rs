//! Rows that several balancers have in common, folded into one: how many have it, the sum of its numbers, its worst state
//! and the spread of its states.
//!
//! Rows belong together if they have the same kind, the same mode and the same names. Averages, maxima, ages and shares
//! are never summed, and a number that a balancer does not report is left out of the sum, which says so.

use std::collections::HashMap;
use std::fmt;

use crate::haproxy::fields::{Field, FieldKind, TextField, Unit};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::RowState;
use crate::observe::sample::Sample;
use crate::units;

/// Rows of one balancer each that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergedRow {
    /// Kind of the rows.
    pub(crate) kind: RowKind,
    /// True if their mode is TCP.
    pub(crate) is_tcp: bool,
    /// Name of the proxy.
    pub(crate) proxy: SafeText,
    /// Name of the row.
    pub(crate) name: SafeText,
    /// The rows, in the order of the balancers: the position of the sample, and the row's index in it.
    pub(crate) parts: Vec<(usize, usize)>,
}

/// A sum over balancers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MergedSum {
    /// The sum of the known numbers.
    pub(crate) sum: i64,
    /// Number of balancers whose number is unknown.
    pub(crate) unknown: usize,
}

/// A row on all balancers together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowOverview {
    /// Number of the balancers that have it, of all, as in `5/6`.
    pub(crate) share: String,
    /// States with their counts, as in `5 UP 1 MAINT`.
    pub(crate) spread: String,
    /// Worst state.
    pub(crate) worst: Option<RowState>,
    /// The sum of its sessions; `None` if unknown on each balancer.
    pub(crate) sessions: Option<MergedSum>,
}

impl fmt::Display for RowOverview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.share, self.spread)?;
        match self.sessions {
            Some(MergedSum { sum, unknown: 0 }) => write!(f, ", {}", units::pluralize(sum, "session")),
            Some(MergedSum { sum, .. }) => write!(f, ", at least {}", units::pluralize(sum, "session")),
            None => Ok(()),
        }
    }
}

/// Folds the rows of several samples. The result is in the order in which the rows appear first.
pub(crate) fn merge_rows(samples: &[&Sample]) -> Vec<MergedRow> {
    let mut places: HashMap<(RowKind, bool, &SafeText, &SafeText), usize> = HashMap::new();
    let mut merged: Vec<MergedRow> = Vec::new();
    for (position, sample) in samples.iter().enumerate() {
        for (index, row) in sample.table.rows().iter().enumerate() {
            let place = *places.entry((row.kind, row.is_tcp(), &row.proxy, &row.name)).or_insert_with(|| {
                let (kind, is_tcp, proxy, name) = (row.kind, row.is_tcp(), row.proxy.clone(), row.name.clone());
                merged.push(MergedRow { kind, is_tcp, proxy, name, parts: Vec::new() });
                merged.len() - 1
            });
            // HAProxy may list two rows of one name; the first one counts.
            let parts = &mut merged[place].parts;
            if parts.last().is_none_or(|(last, _)| *last != position) {
                parts.push((position, index));
            }
        }
    }
    merged
}

/// Returns whether numbers of this field may be added up.
pub(crate) fn is_additive(field: Field) -> bool {
    let info = field.info();
    let is_amount = match info.kind {
        FieldKind::Counter | FieldKind::Rate | FieldKind::Limit => true,
        // Weights, check results and health are no amounts.
        FieldKind::Gauge => matches!(
            field,
            Field::Qcur
                | Field::Scur
                | Field::SrvIcur
                | Field::IdleConnCur
                | Field::SafeConnCur
                | Field::UsedConnCur
                | Field::NeedConnEst
                | Field::PrivIdleCur
                | Field::H2OpenConnections
                | Field::H2OpenStreams
                | Field::H1OpenConnections
                | Field::H1OpenStreams
        ),
        FieldKind::Average | FieldKind::Max | FieldKind::Age | FieldKind::Id => false,
    };
    let is_check_setting = matches!(field, Field::CheckRise | Field::CheckFall | Field::AgentRise | Field::AgentFall);
    is_amount && !is_check_setting && info.unit != Unit::Percent
}

impl MergedRow {
    /// Returns the name as in `be_web/web3`; only that of the proxy for a frontend or backend.
    pub(crate) fn display_name(&self) -> String {
        match self.kind {
            RowKind::Frontend | RowKind::Backend => self.proxy.to_string(),
            RowKind::Server | RowKind::Listener => format!("{}/{}", self.proxy, self.name),
        }
    }

    /// Describes the row on all balancers of the samples.
    pub(crate) fn overview(&self, samples: &[&Sample]) -> RowOverview {
        RowOverview {
            share: format!("{}/{}", self.parts.len(), samples.len()),
            spread: self.spread(samples),
            worst: self.worst_state(samples),
            sessions: self.sum(samples, Field::Scur),
        }
    }

    /// Returns the sum of a number, or `None` if it is unknown on each balancer or may not be summed.
    pub(crate) fn sum(&self, samples: &[&Sample], field: Field) -> Option<MergedSum> {
        if !is_additive(field) {
            return None;
        }
        let numbers = self.parts.iter().map(|(position, index)| samples[*position].table.number(*index, field));
        let known: Vec<i64> = numbers.flatten().collect();
        let sum = known.iter().copied().reduce(i64::saturating_add)?;
        Some(MergedSum { sum, unknown: self.parts.len() - known.len() })
    }

    /// Returns the worst state of the row.
    pub(crate) fn worst_state(&self, samples: &[&Sample]) -> Option<RowState> {
        self.states(samples).min_by_key(|state| badness_order(*state))
    }

    /// Returns the state of the row on each balancer that has it.
    fn states(&self, samples: &[&Sample]) -> impl Iterator<Item = RowState> {
        self.parts.iter().map(|(position, index)| samples[*position].table.rows()[*index].state())
    }

    /// Returns the states with their counts, the most frequent first, as in `5 UP 1 MAINT`.
    fn spread(&self, samples: &[&Sample]) -> String {
        let mut counts: Vec<(RowState, usize)> = Vec::new();
        for state in self.states(samples) {
            match counts.iter_mut().find(|(known, _)| state_word(*known) == state_word(state)) {
                Some((_, count)) => *count += 1,
                None => counts.push((state, 1)),
            }
        }
        counts.sort_by_key(|(state, count)| (usize::MAX - count, badness_order(*state)));
        let words: Vec<String> =
            counts.iter().map(|(state, count)| format!("{count} {}", state_word(*state))).collect();
        words.join(" ")
    }
}

/// Returns the place of a state in the order from the worst to the best.
pub(crate) fn badness_order(state: RowState) -> u8 {
    match state {
        RowState::Down => 0,
        RowState::Stopped => 1,
        RowState::ComingUp => 2,
        RowState::Unknown => 3,
        RowState::NoLb => 4,
        RowState::Maint => 5,
        RowState::Drain => 6,
        RowState::Paused => 7,
        RowState::Unpublished => 8,
        RowState::Full => 9,
        RowState::GoingDown => 10,
        RowState::NoCheck => 11,
        RowState::Up => 12,
        RowState::Open => 13,
    }
}

/// Returns the word for a state in which balancers are compared. States that differ only in the checks that are
/// currently running have one word.
pub(crate) fn state_word(state: RowState) -> &'static str {
    match state {
        RowState::Up | RowState::GoingDown | RowState::NoCheck => "UP",
        RowState::Down | RowState::ComingUp => "DOWN",
        RowState::NoLb => "NOLB",
        RowState::Drain => "DRAIN",
        RowState::Maint => "MAINT",
        RowState::Open => "OPEN",
        RowState::Full => "FULL",
        RowState::Paused => "PAUSED",
        RowState::Stopped => "STOP",
        RowState::Unpublished => "UNPUB",
        RowState::Unknown => "?",
    }
}

/// Returns the address of a server. Addresses that DNS gave may differ and are unknown here; a low level of the socket hides
/// addresses.
pub(crate) fn server_address(sample: &Sample, index: usize) -> Option<&str> {
    let id = sample.rows.ids()[index];
    let is_resolved = sample.configured.as_ref().and_then(|configured| configured.get(id)?.name_group).is_some();
    let address = sample.table.rows()[index].text(TextField::Addr).filter(|address| !address.is_empty())?;
    (!is_resolved).then(|| address.as_str())
}

/// Returns whether two balancers serve the same: whether a backend of the same name has a server of the same name.
pub(crate) fn are_peers(one: &Sample, other: &Sample) -> bool {
    let rows = one.table.rows();
    one.rows.backends().iter().any(|backend| {
        let Some(twin) = other.backend_named(&rows[backend.row].proxy) else { return false };
        let names = || twin.servers.iter().map(|server| &other.table.rows()[*server].name);
        backend.servers.iter().any(|server| names().any(|name| *name == rows[*server].name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn sample(rows: &str) -> Arc<Sample> {
        let stat = format!("# pxname,svname,type,status,scur,rtime,mode,slim,\n{rows}");
        SampleBuilder::default().build_at_millis(0, &stat)
    }

    fn merged(samples: &[&Sample], name: &str) -> Vec<MergedRow> {
        merge_rows(samples).into_iter().filter(|row| row.display_name() == name).collect()
    }

    #[test]
    fn merge_rows_folds_servers_of_one_name() {
        let samples = [
            sample("be,s1,2,UP,5,10,http,50,\nbe,BACKEND,1,UP,5,10,http,,\n"),
            sample("be,s1,2,MAINT,0,,http,50,\nbe,s2,2,UP,7,10,http,50,\n"),
            sample("be,s1,2,UP 1/3,,9,http,,\n"),
        ];
        let samples: Vec<&Sample> = samples.iter().map(|sample| &**sample).collect();
        let rows = merged(&samples, "be/s1");
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(row.overview(&samples).to_string(), "3/3 2 UP 1 MAINT, at least 5 sessions");
        assert_eq!(row.overview(&samples).worst, Some(RowState::Maint));
        assert_eq!(row.sum(&samples, Field::Scur), Some(MergedSum { sum: 5, unknown: 1 }));
        assert_eq!(row.sum(&samples, Field::Slim), Some(MergedSum { sum: 100, unknown: 1 }));
        assert_eq!(row.sum(&samples, Field::Rtime), None, "means are not summed");
        assert_eq!(row.sum(&samples, Field::Stot), None, "unknown everywhere is not zero");
        assert_eq!(merged(&samples, "be/s2")[0].overview(&samples).to_string(), "1/3 1 UP, 7 sessions");
    }

    #[test]
    fn merge_rows_keeps_modes_and_kinds_apart() {
        let samples = [
            sample("x,FRONTEND,0,OPEN,1,,http,,\nx,BACKEND,1,UP,2,,http,,\n"),
            sample("x,FRONTEND,0,OPEN,3,,tcp,,\nx,BACKEND,1,UP,4,,http,,\n"),
        ];
        let samples: Vec<&Sample> = samples.iter().map(|sample| &**sample).collect();
        let shares: Vec<String> = merged(&samples, "x")
            .iter()
            .map(|row| format!("{:?} {}", row.kind, row.overview(&samples).share))
            .collect();
        assert_eq!(shares, ["Frontend 1/2", "Backend 2/2", "Frontend 1/2"]);
    }

    #[test]
    fn is_additive_excludes_what_is_no_amount() {
        for field in [Field::Scur, Field::Qcur, Field::Stot, Field::Bin, Field::Slim, Field::Rate, Field::ReqRate] {
            assert!(is_additive(field), "{field:?}");
        }
        for field in [
            Field::Rtime,
            Field::Smax,
            Field::Lastchg,
            Field::Iid,
            Field::Weight,
            Field::Throttle,
            Field::CheckCode,
            Field::CheckRise,
            Field::CheckHealth,
            Field::AggServerStatus,
        ] {
            assert!(!is_additive(field), "{field:?}");
        }
    }

    #[test]
    fn are_peers_needs_a_common_server() {
        let one = sample("be,s1,2,UP,,,,,\nbe,BACKEND,1,UP,,,,,\nstats,BACKEND,1,UP,,,,,\n");
        let same = sample("be,s1,2,UP,,,,,\nbe,BACKEND,1,UP,,,,,\n");
        let other = sample("be,s9,2,UP,,,,,\nbe,BACKEND,1,UP,,,,,\nstats,BACKEND,1,UP,,,,,\n");
        assert!(are_peers(&one, &same) && are_peers(&same, &one));
        assert!(!are_peers(&one, &other));
    }

    proptest! {
        #[test]
        fn merge_rows_loses_and_repeats_nothing(
            sessions in proptest::collection::vec(proptest::collection::vec(0_i64..1000, 4), 1..5),
            present in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 4), 1..5),
        ) {
            let stat = |(numbers, present): (&Vec<i64>, &Vec<bool>)| -> Arc<Sample> {
                let rows = numbers.iter().zip(present).enumerate().filter(|(_, (_, is_present))| **is_present);
                let rows = rows.map(|(server, (number, _))| format!("be,s{server},2,UP,{number},,http,,\n"));
                sample(&rows.collect::<Vec<String>>().concat())
            };
            let samples: Vec<Arc<Sample>> = sessions.iter().zip(&present).map(stat).collect();
            let samples: Vec<&Sample> = samples.iter().map(|sample| &**sample).collect();
            let rows = merge_rows(&samples);
            let count: usize = rows.iter().map(|row| row.parts.len()).sum();
            prop_assert_eq!(count, samples.iter().map(|sample| sample.table.rows().len()).sum::<usize>());
            let total: i64 = rows.iter().filter_map(|row| row.sum(&samples, Field::Scur)).map(|sum| sum.sum).sum();
            let expected = sessions.iter().zip(&present).flat_map(|(numbers, present)| {
                numbers.iter().zip(present).filter(|(_, is_present)| **is_present).map(|(number, _)| *number)
            });
            prop_assert_eq!(total, expected.sum::<i64>());
        }
    }
}
