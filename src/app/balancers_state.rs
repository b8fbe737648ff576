//! The state of the view of all balancers, and what is known about all of them together.

use std::time::Duration;

use crate::app::dashboard_lists::ListCursor;
use crate::app::instance_view::InstanceView;
use crate::app::ui_commands::CursorStep;
use crate::fleet::balancers::{Balancers, NamedBalancer};
use crate::fleet::role_tracker::RoleTracker;
use crate::observe::instance_id::InstanceId;
use crate::table::balancers::balancer_columns::BalancerRow;
use crate::table::balancers::balancer_table::BalancerTable;

/// The state of the view, and what is known about all balancers together.
#[derive(Debug, Default)]
pub(crate) struct BalancersState {
    /// Summaries, up to date while the view is shown.
    balancers: Balancers,
    pub(super) roles: RoleTracker,
    /// Columns, order and filter.
    pub(crate) table: BalancerTable,
    /// The balancers in the order shown.
    order: Vec<InstanceId>,
    pub(crate) cursor: ListCursor,
    /// The balancer under the cursor, once the cursor was moved.
    selected: Option<InstanceId>,
}

impl BalancersState {
    /// Returns the rows at `now`, in the order in which they are shown.
    pub(crate) fn rows(&self, now: Duration) -> Vec<BalancerRow<'_>> {
        let mut rows = self.table.rows(&self.balancers, now);
        let place = |row: &BalancerRow<'_>| self.order.iter().position(|id| *id == row.summary.id);
        rows.retain(|row| place(row).is_some());
        rows.sort_by_key(|row| place(row));
        rows
    }

    /// Returns the number of rows.
    pub(crate) fn row_count(&self) -> usize {
        self.order.len()
    }

    /// Returns the balancer under the cursor.
    pub(crate) fn cursor_row(&self) -> Option<InstanceId> {
        self.order.get(self.cursor.index()).copied()
    }

    /// Updates the rows, of which `height` are visible, and keeps the cursor on its balancer. The rows keep their places
    /// if the order is frozen.
    pub(crate) fn update_rows(&mut self, instances: &[InstanceView], now: Duration, is_frozen: bool, height: usize) {
        let names = || instances.iter().map(InstanceView::names);
        let named: Vec<NamedBalancer<'_>> = instances
            .iter()
            .map(|one| NamedBalancer { name: one.names().display_name(names()), instance: &one.data })
            .collect();
        self.balancers.update(&named, &self.roles, now);
        let fresh: Vec<InstanceId> = self.table.rows(&self.balancers, now).iter().map(|row| row.summary.id).collect();
        self.order = if is_frozen {
            let still = self.order.iter().filter(|id| fresh.contains(id));
            let new = fresh.iter().filter(|id| !self.order.contains(id));
            still.chain(new).copied().collect()
        } else {
            fresh
        };
        let place = self.selected.and_then(|id| self.order.iter().position(|known| *known == id));
        if let Some(place) = place {
            self.cursor.follow_line(place);
        }
        self.cursor.scroll(CursorStep::Rows(0), self.order.len(), height);
        self.selected = self.selected.and(self.cursor_row());
    }

    /// Moves the cursor.
    pub(crate) fn move_cursor(&mut self, step: CursorStep, height: usize) {
        self.cursor.scroll(step, self.order.len(), height);
        self.selected = self.cursor_row();
    }
}
