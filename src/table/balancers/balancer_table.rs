//! The rows of the table of balancers: filtered, and sorted by a column or worst first.

use std::time::Duration;

use crate::fleet::balancers::Balancers;
use crate::table::balancers::balancer_columns::{self, BALANCER_COLUMNS, BalancerColumn, BalancerRow};
use crate::table::balancers::balancer_filter::BalancerFilter;
use crate::table::columns::column::SortKey;

/// Sort column and direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BalancerSort {
    /// Sort column.
    pub(crate) column: &'static BalancerColumn,
    /// True if the largest value comes first.
    pub(crate) is_descending: bool,
}

/// Columns, order and filter of the table.
#[derive(Debug, Clone)]
pub(crate) struct BalancerTable {
    /// Columns, in order.
    pub(crate) columns: Vec<&'static BalancerColumn>,
    /// Sort column; `None` for the worst first.
    pub(crate) sort: Option<BalancerSort>,
    /// Filter.
    pub(crate) filter: BalancerFilter,
    /// True if the columns are not those of the view.
    has_chosen_columns: bool,
}

impl Default for BalancerTable {
    fn default() -> Self {
        Self {
            columns: balancer_columns::view_columns(),
            sort: None,
            filter: BalancerFilter::default(),
            has_chosen_columns: false,
        }
    }
}

impl BalancerTable {
    /// Returns the balancers that match the filter, in order.
    pub(crate) fn rows<'a>(&self, balancers: &'a Balancers, now: Duration) -> Vec<BalancerRow<'a>> {
        let all = balancers.worst_first(now).into_iter().map(|summary| BalancerRow { summary, now });
        let mut rows: Vec<BalancerRow<'a>> = all.filter(|row| self.filter.matches(row)).collect();
        if let Some(sort) = self.sort {
            let mut keyed: Vec<(SortKey, BalancerRow<'a>)> =
                rows.into_iter().map(|row| (sort.column.sort_key(&row), row)).collect();
            keyed.sort_by(|(one, _), (other, _)| one.compare(other, sort.is_descending));
            rows = keyed.into_iter().map(|(_, row)| row).collect();
        }
        rows
    }

    /// Selects every column, unless columns were chosen.
    pub(crate) fn use_all_columns(&mut self) {
        if !self.has_chosen_columns {
            self.columns = BALANCER_COLUMNS.to_vec();
        }
    }

    /// Selects columns.
    pub(crate) fn choose_columns(&mut self, columns: Vec<&'static BalancerColumn>) {
        (self.columns, self.has_chosen_columns) = (columns, true);
    }

    /// Clears the filter. Returns false if none is set.
    pub(crate) fn clear_filter(&mut self) -> bool {
        !std::mem::take(&mut self.filter).is_empty()
    }

    /// Sorts by the column `by` places after the sort column; after the last column, the worst come first again.
    pub(crate) fn sort_next(&mut self, by: i32) {
        let place = self.sort.and_then(|sort| self.columns.iter().position(|column| column.id == sort.column.id));
        // The first place is the order of the worst first.
        let count = self.columns.len() as i32 + 1;
        let next = (place.map_or(0, |place| place as i32 + 1) + by).rem_euclid(count);
        let column = usize::try_from(next - 1).ok().and_then(|place| self.columns.get(place).copied());
        self.sort = column.map(|column| BalancerSort { column, is_descending: column.prefers_descending() });
    }

    /// Reverses the direction. Has no effect on the order of the worst first.
    pub(crate) fn reverse_sort(&mut self) {
        if let Some(sort) = &mut self.sort {
            sort.is_descending = !sort.is_descending;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::balancers::NamedBalancer;
    use crate::fleet::role_tracker::RoleTracker;
    use crate::history::store::DEFAULT_BUDGET;
    use crate::instance::source::StatsSocket;
    use crate::instance::state::Instance;
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::SampleBuilder;

    fn names(table: &BalancerTable) -> Vec<String> {
        let stat = |status: &str| format!("# pxname,svname,status,type,\nb,s,{status},2,\nb,BACKEND,{status},1,\n");
        let instances: Vec<Instance> = InstanceId::first(3)
            .zip([("UP", 5), ("DOWN", 9), ("UP", 7)])
            .map(|(id, (status, connections))| {
                let mut instance = Instance::new(id, StatsSocket::default(), DEFAULT_BUDGET);
                let mut builder = SampleBuilder::default();
                builder.info = format!(
                    "Idle_pct: {connections}
"
                );
                instance.add_sample(builder.build_at_millis(0, &stat(status)), 0);
                instance
            })
            .collect();
        let named: Vec<NamedBalancer<'_>> = ["lb1", "lb2", "lb10"]
            .into_iter()
            .zip(&instances)
            .map(|(name, instance)| NamedBalancer { name, instance })
            .collect();
        let mut balancers = Balancers::default();
        balancers.update(&named, &RoleTracker::default(), Duration::ZERO);
        table.rows(&balancers, Duration::ZERO).iter().map(|row| row.summary.name.clone()).collect()
    }

    #[test]
    fn rows_are_filtered_and_sorted() {
        let mut table = BalancerTable::default();
        assert_eq!(names(&table), ["lb2", "lb1", "lb10"], "the worst first");
        table.filter = BalancerFilter::parse("!lb2").unwrap();
        assert_eq!(names(&table), ["lb1", "lb10"]);
        table.filter = BalancerFilter::default();
        table.sort_next(1);
        assert_eq!(names(&table), ["lb1", "lb2", "lb10"], "by name");
        table.reverse_sort();
        assert_eq!(names(&table), ["lb10", "lb2", "lb1"]);
        table.sort_next(-1);
        assert!(table.sort.is_none());
        table.sort_next(-1);
        assert_eq!(table.sort.unwrap().column.id, "trouble");
        table.sort_next(1);
        assert!(table.sort.is_none(), "after the last column");
    }
}
