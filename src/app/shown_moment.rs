//! The moment that is shown: the present, or a past moment of the instance shown. While the rows of the balancers are merged,
//! it is one moment of all balancers.

use std::sync::Arc;
use std::time::Duration;

use crate::app::group_action;
use crate::app::group_state;
use crate::app::model::Model;
use crate::app::row_merging;
use crate::instance::past_moment::PlaybackStep;
use crate::instance::shared_past::{self, SharedPast};
use crate::instance::state::Instance;
use crate::observe::timestamp::Timestamp;

impl Model {
    /// Returns the past through which playback moves: that of all balancers while their rows are merged, or else that of the
    /// instance shown.
    pub(crate) fn past(&self) -> SharedPast<'_> {
        match self.group {
            Some(_) => SharedPast::new(self.instances.iter().map(|one| &one.data).collect()),
            None => SharedPast::new(self.single_instance().map(|one| &one.data).into_iter().collect()),
        }
    }

    /// Returns the time of the past moment that is shown, or `None` in the present.
    pub(crate) fn past_time(&self) -> Option<Duration> {
        match &self.group {
            Some(group) => group.moment.map(|at| at.monotonic),
            None => self.single_instance()?.data.past_moment().map(|past| past.sample().at.monotonic),
        }
    }

    /// Moves by a step of playback from the moment shown. Returns whether another moment is shown now.
    pub(crate) fn show_moment(&mut self, step: PlaybackStep, now: Duration) -> bool {
        let Some(group) = &self.group else {
            return self.single_instance_mut().is_some_and(|instance| instance.data.show_moment(step));
        };
        let before = group.moment.map(|at| at.monotonic);
        self.instances.iter_mut().for_each(|instance| instance.data.finish_deferred());
        let past = self.past();
        let Some(from) = before.or_else(|| Some(past.newest()?.monotonic)) else { return false };
        let Some(target) = past.target(step, from) else { return false };
        self.show_group_moment(Some(target));
        row_merging::update(self, now);
        target.monotonic != from
    }

    /// Shows the present.
    pub(crate) fn show_present(&mut self) {
        self.instances.iter_mut().for_each(|instance| instance.data.show_latest());
        self.show_group_moment(None);
    }

    fn show_group_moment(&mut self, moment: Option<Timestamp>) {
        if let Some(group) = &mut self.group {
            group.moment = moment;
            group_state::follow_moment(&mut self.instances, moment);
        }
    }

    /// Returns the time of the marked moment, if any.
    pub(crate) fn marked_moment(&self) -> Option<Timestamp> {
        Some(self.instance()?.data.marked_moment()?.at)
    }

    /// Marks the moment shown, on all balancers while their rows are merged. Returns the time that was marked before, if any.
    pub(crate) fn mark_shown_moment(&mut self) -> Option<Timestamp> {
        let before = self.marked_moment();
        let shown = self.instance().and_then(|instance| Some(instance.data.shown()?.at.monotonic));
        if self.group.is_some() {
            for instance in &mut self.instances {
                // A balancer without a sample at this time has no moment to compare with.
                if shown.is_some_and(|shown| shared_past::is_sampled_at(&instance.data, shown)) {
                    instance.data.mark_shown_moment();
                } else {
                    instance.data.clear_marked_moment();
                }
            }
        }
        if let Some(instance) = self.instance_mut() {
            instance.data.mark_shown_moment();
        }
        before
    }

    /// Clears the marked moment, on all balancers while their rows are merged.
    pub(crate) fn clear_marked_moment(&mut self) {
        match &mut self.group {
            Some(group) => {
                group.view.data.clear_marked_moment();
                self.instances.iter_mut().for_each(|instance| _ = instance.data.clear_marked_moment());
            }
            None => _ = self.single_instance_mut().and_then(|instance| instance.data.clear_marked_moment()),
        }
    }

    /// Returns the HAProxies that the instance shown consists of: those whose rows are merged, or that one.
    pub(crate) fn shown_instances(&self) -> Vec<&Instance> {
        match &self.group {
            Some(group) if self.is_merged() => group.merged_from.instances(&self.instances),
            _ => self.single_instance().map(|one| &one.data).into_iter().collect(),
        }
    }

    /// Returns the HAProxies that the instance shown consists of, with their names.
    pub(crate) fn shown_balancers(&self) -> Vec<(Arc<str>, &Instance)> {
        let named = |data: &'_ Instance| -> Arc<str> { Arc::from(group_action::name_of(self, data.id())) };
        self.shown_instances().into_iter().map(|data| (named(data), data)).collect()
    }
}
