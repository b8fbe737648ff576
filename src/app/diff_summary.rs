//! What changed between the marked moment and the one that is shown, summed up.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::instance::instance::Instance;
use crate::observe::events::What;
use crate::observe::sample::Sample;

/// The sum of it. "Then" is the earlier of the two moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Time between the two.
    pub apart: Duration,
    /// Whether the mark is the later one.
    pub is_before_mark: bool,
    /// Other processes that took over.
    pub processes: u32,
    /// Changes of states, weights and limits that were seen, as far as events are kept.
    pub changes: usize,
    /// Rows that came, and rows that went.
    pub rows: (usize, usize),
    /// Connections then and now.
    pub connections: Option<(i64, i64)>,
    /// Requests that frontends took, or sessions where they count none; unknown across a reload.
    pub served: Option<i64>,
    /// Responses to clients with a 5xx status; unknown across a reload.
    pub errors: Option<i64>,
}

impl Summary {
    /// Of the mark and what is shown; nothing without a mark.
    pub fn of(watch: &Instance, shown: &Sample) -> Option<Self> {
        let mark = watch.mark()?;
        let is_before_mark = shown.at.mono < mark.at.mono;
        let (then, now) = if is_before_mark { (shown, &**mark) } else { (&**mark, shown) };
        let is_one_process = then.epoch == now.epoch;
        let grown = |fields: &[Field]| {
            let each = now.rows.frontends().iter().filter_map(|row| {
                let id = now.rows.ids()[*row];
                let field = fields.iter().find(|field| now.table.number(*row, **field).is_some())?;
                let grown = now.table.number(*row, *field)?.checked_sub(then.number(id, *field)?)?;
                Some(grown).filter(|grown| *grown >= 0)
            });
            each.reduce(i64::saturating_add).filter(|_| is_one_process)
        };
        let is_between = |at: Duration| then.at.mono < at && at <= now.at.mono;
        let is_change = |what: &What| matches!(what, What::Status { .. } | What::Weight { .. } | What::Limit { .. });
        let all = watch.all_events().newest();
        let changes = all.filter(|event| is_between(event.at.mono) && is_change(&event.what)).count();
        let missing = |these: &Sample, those: &Sample| {
            let is_same = Arc::ptr_eq(&these.rows, &those.rows);
            let ids = these.rows.ids().iter();
            if is_same { 0 } else { ids.filter(|id| those.rows.index(**id).is_none()).count() }
        };
        Some(Self {
            apart: now.at.mono.saturating_sub(then.at.mono),
            is_before_mark,
            processes: now.epoch.number.saturating_sub(then.epoch.number),
            changes,
            rows: (missing(now, then), missing(then, now)),
            connections: then.process(InfoField::CurrConns).zip(now.process(InfoField::CurrConns)),
            served: grown(&[Field::ReqTot, Field::Stot]),
            errors: grown(&[Field::Hrsp5xx]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::past_moment::Travel;
    use crate::observe::test_samples::{SampleMaker, site};

    #[test]
    fn two_moments_are_compared_whichever_is_the_mark() {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        assert_eq!(Summary::of(&watch, watch.newest().unwrap()), None);
        watch.set_mark();
        let later = site()
            .replace(",,1,9000,,,,8900", ",,4,9120,,,,8900")
            .replace("legacy,old1", "legacy,new1")
            .replace("api,api1,4,50,50,100,10,10,UP,100", "api,api1,4,50,50,100,10,10,DOWN,100");
        watch.take(maker.at_millis(4000, &later), 0);
        let expected = Summary {
            apart: Duration::from_secs(4),
            is_before_mark: false,
            processes: 0,
            changes: 1,
            rows: (1, 1),
            connections: Some((500, 500)),
            served: Some(120),
            errors: Some(3),
        };
        assert_eq!(Summary::of(&watch, watch.newest().unwrap()), Some(expected.clone()));
        watch.set_mark();
        watch.travel(Travel::Oldest);
        let back = Summary::of(&watch, watch.newest().unwrap());
        assert_eq!(back, Some(Summary { is_before_mark: true, ..expected.clone() }));
        watch.resume();
        maker.reload();
        watch.take(maker.at_millis(6000, &later), 0);
        let over_a_reload = Summary::of(&watch, watch.newest().unwrap()).unwrap();
        assert_eq!((over_a_reload.processes, over_a_reload.served, over_a_reload.errors), (1, None, None));
    }
}
