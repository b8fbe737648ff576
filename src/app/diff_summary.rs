//! Summary of the changes between the marked moment and the sample shown.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, InfoField};
use crate::instance::state::Instance;
use crate::observe::events::EventKind;
use crate::observe::sample::Sample;

/// Summary of the changes from the earlier to the later of two samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiffSummary {
    /// Time between the two samples.
    pub(crate) time_between: Duration,
    /// Set if the marked moment is the later sample.
    pub(crate) is_mark_later: bool,
    /// Number of reloads and restarts between the two samples.
    pub(crate) process_changes: u32,
    /// Number of state, weight and limit changes, as far back as events are kept.
    pub(crate) change_events: usize,
    /// Number of rows added, and of rows removed.
    pub(crate) rows_added_and_removed: (usize, usize),
    /// Open connections in the earlier and in the later sample.
    pub(crate) connections: Option<(i64, i64)>,
    /// Requests received by HTTP frontends plus sessions of the other frontends; `None` across a reload.
    pub(crate) requests_served: Option<i64>,
    /// 5xx responses sent to clients; `None` across a reload.
    pub(crate) responses_5xx: Option<i64>,
}

impl DiffSummary {
    /// Compares the marked moment with the sample shown. Returns `None` if no moment is marked.
    pub(crate) fn compare_with_mark(instance: &Instance, shown: &Sample) -> Option<Self> {
        let mark = instance.marked_moment()?;
        let is_mark_later = shown.at.monotonic < mark.at.monotonic;
        let (then, now) = if is_mark_later { (shown, &**mark) } else { (&**mark, shown) };
        let is_one_process = then.epoch == now.epoch;
        let growth = |fields: &[Field]| {
            let each = now.rows.frontends().iter().filter_map(|row| {
                let id = now.rows.ids()[*row];
                let field = fields.iter().find(|field| now.table.number(*row, **field).is_some())?;
                let growth = now.table.number(*row, *field)?.checked_sub(then.number(id, *field)?)?;
                Some(growth).filter(|growth| *growth >= 0)
            });
            each.reduce(i64::saturating_add).filter(|_| is_one_process)
        };
        let is_between = |at: Duration| then.at.monotonic < at && at <= now.at.monotonic;
        let is_change = |kind: &EventKind| {
            matches!(kind, EventKind::Status { .. } | EventKind::Weight { .. } | EventKind::Limit { .. })
        };
        let all = instance.all_events().newest_first();
        let changes = all.filter(|event| is_between(event.at.monotonic) && is_change(&event.kind)).count();
        let missing = |these: &Sample, those: &Sample| {
            let is_same = Arc::ptr_eq(&these.rows, &those.rows);
            let ids = these.rows.ids().iter();
            if is_same { 0 } else { ids.filter(|id| those.rows.index_of(**id).is_none()).count() }
        };
        Some(Self {
            time_between: now.at.monotonic.saturating_sub(then.at.monotonic),
            is_mark_later,
            process_changes: now.epoch.number.saturating_sub(then.epoch.number),
            change_events: changes,
            rows_added_and_removed: (missing(now, then), missing(then, now)),
            connections: then.process_number(InfoField::CurrConns).zip(now.process_number(InfoField::CurrConns)),
            requests_served: growth(&[Field::ReqTot, Field::Stot]),
            responses_5xx: growth(&[Field::Hrsp5xx]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::past_moment::PlaybackStep;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn compare_with_mark_orders_moments_by_time() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(builder.build_at_millis(0, &stat_of_site()), 0);
        assert_eq!(DiffSummary::compare_with_mark(&instance, instance.shown().unwrap()), None);
        instance.mark_shown_moment();
        let later = stat_of_site()
            .replace(",,1,9000,,,,8900", ",,4,9120,,,,8900")
            .replace("legacy,old1", "legacy,new1")
            .replace("api,api1,4,50,50,100,10,10,UP,100", "api,api1,4,50,50,100,10,10,DOWN,100");
        instance.add_sample(builder.build_at_millis(4000, &later), 0);
        let expected = DiffSummary {
            time_between: Duration::from_secs(4),
            is_mark_later: false,
            process_changes: 0,
            change_events: 1,
            rows_added_and_removed: (1, 1),
            connections: Some((500, 500)),
            requests_served: Some(120),
            responses_5xx: Some(3),
        };
        assert_eq!(DiffSummary::compare_with_mark(&instance, instance.shown().unwrap()), Some(expected.clone()));
        instance.mark_shown_moment();
        instance.show_moment(PlaybackStep::Oldest);
        let back = DiffSummary::compare_with_mark(&instance, instance.shown().unwrap());
        assert_eq!(back, Some(DiffSummary { is_mark_later: true, ..expected.clone() }));
        instance.show_latest();
        builder.reload();
        instance.add_sample(builder.build_at_millis(6000, &later), 0);
        let across_reload = DiffSummary::compare_with_mark(&instance, instance.shown().unwrap()).unwrap();
        assert_eq!(
            (across_reload.process_changes, across_reload.requests_served, across_reload.responses_5xx),
            (1, None, None)
        );
    }
}
