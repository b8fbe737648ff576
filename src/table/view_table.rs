//! The table of views ([`VIEWS`]), the pages that fill the screen, and their names ([`ViewId`]).

use std::ops::{Index, IndexMut};

use crate::table::columns::column::Column;
use crate::table::columns::column_sets;

/// The kind of content that a view shows.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Frontends, backends, servers, charts and events together.
    Dashboard,
    /// A table of rows with these columns.
    Table(&'static [&'static Column]),
    /// The command line of HAProxy's Runtime API.
    Cli,
    /// The open sessions.
    Sessions,
    /// Stick tables and their entries.
    StickTables,
    /// The list of events.
    Events,
    /// The list of problems.
    Problems,
    /// The table of balancers.
    Balancers,
    /// The requests of HAProxy's log.
    Requests,
}

impl Content {
    /// Returns the columns of a view that is a single table, otherwise `None`.
    pub(crate) fn table_columns(&self) -> Option<&'static [&'static Column]> {
        self.columns().filter(|_| matches!(self, Self::Table(_)))
    }

    /// Returns the columns of a view that shows rows; for the dashboard, the merged columns of all its lists. Returns
    /// `None` for other views.
    pub(crate) fn columns(&self) -> Option<&'static [&'static Column]> {
        match self {
            Self::Dashboard => Some(column_sets::DASHBOARD),
            Self::Table(columns) => Some(columns),
            Self::Cli
            | Self::Sessions
            | Self::StickTables
            | Self::Events
            | Self::Problems
            | Self::Balancers
            | Self::Requests => None,
        }
    }
}

/// A full-screen page.
#[derive(Debug)]
pub struct View {
    /// Name in the configuration and in commands.
    pub id: &'static str,
    /// Name on the screen.
    pub(crate) title: &'static str,
    /// Content.
    pub content: Content,
    /// Rows that the view's table is limited to.
    pub(crate) scope: RowScope,
}

/// The rows that a view is limited to, before any filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RowScope {
    /// All rows.
    #[default]
    All,
    /// Servers in maintenance or drain, paused and stopped frontends, and backends that are not published.
    OutOfService,
    /// Rows that changed, in the comparison before and after.
    Changed,
    /// Servers, and backends with servers, whose values are drawn over time.
    HeatMap,
}

impl RowScope {
    /// Returns whether the balancers of a merged row can be listed below it.
    pub(crate) fn lists_balancers(self) -> bool {
        matches!(self, Self::All | Self::OutOfService)
    }
}

macro_rules! views {
    ($($(#[$attribute:meta])* $name:ident $id:literal $title:literal $scope:ident $content:expr;)*) => {
        /// The name of a view.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum ViewId { $($(#[$attribute])* #[doc = concat!("The view `", $id, "`.")] $name),* }

        impl ViewId {
            /// All views, in the order of [`VIEWS`].
            pub const ALL: [Self; VIEWS.len()] = [$(Self::$name),*];
        }

        /// All views. The first ones, [`ViewId::NUMBERED`], have digit keys, and views 1 to 5 match those of HATop. The
        /// other views have keys of their own.
        pub static VIEWS: [View; [$($id),*].len()] =
            [$(View { id: $id, title: $title, content: $content, scope: RowScope::$scope }),*];
    };
}

views! {
    #[default] Dashboard "dashboard" "Dash" All Content::Dashboard;
    Status "status" "Status" All Content::Table(column_sets::STATUS_VIEW);
    Traffic "traffic" "Traffic" All Content::Table(column_sets::TRAFFIC_VIEW);
    Http "http" "HTTP" All Content::Table(column_sets::HTTP_VIEW);
    Errors "errors" "Errors" All Content::Table(column_sets::ERRORS_VIEW);
    Cli "cli" "CLI" All Content::Cli;
    Latency "latency" "Latency" All Content::Table(column_sets::LATENCY_VIEW);
    Sessions "sessions" "Sessions" All Content::Sessions;
    StickTables "tables" "Tables" All Content::StickTables;
    Events "events" "Events" All Content::Events;
    Problems "problems" "Problems" All Content::Problems;
    OutOfService "out-of-service" "Maint/drain" OutOfService Content::Table(column_sets::OUT_OF_SERVICE_VIEW);
    HeatMap "heat-map" "Heat map" HeatMap Content::Table(column_sets::HEAT_MAP_VIEW);
    Diff "diff" "Changes" Changed Content::Table(column_sets::DIFF_VIEW);
    Balancers "balancers" "Balancers" All Content::Balancers;
    Requests "requests" "Requests" All Content::Requests;
}

impl ViewId {
    /// The views that have a digit key, in the order of their digits.
    pub(crate) const NUMBERED: &[Self] = Self::ALL.split_at(10).0;

    /// Returns the entry of this view in [`VIEWS`].
    pub fn view(self) -> &'static View {
        &VIEWS[self as usize]
    }

    /// Returns the view with this id, or `None` if the id is unknown.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.view().id == id)
    }

    /// Returns the view with this digit key, or `None` if there is no such view.
    pub fn from_digit(digit: usize) -> Option<Self> {
        Self::NUMBERED.get(digit).copied()
    }

    /// Returns the digit key of the view, if it has one.
    pub(crate) fn digit(self) -> Option<usize> {
        Self::NUMBERED.iter().position(|view| *view == self)
    }

    /// Returns the view whose digit is `by` higher, wrapping around. For a view without a digit, returns the first
    /// view.
    #[must_use]
    pub(crate) fn numbered_after(self, by: i32) -> Self {
        let count = Self::NUMBERED.len() as i32;
        Self::NUMBERED[self.digit().map_or(0, |digit| (digit as i32 + by).rem_euclid(count) as usize)]
    }
}

/// One value for each view.
#[derive(Debug, Clone, Default)]
pub struct PerView<T>([T; VIEWS.len()]);

impl<T> PerView<T> {
    /// Builds the value for each view.
    pub(crate) fn from_fn(value: impl FnMut(ViewId) -> T) -> Self {
        Self(ViewId::ALL.map(value))
    }
}

impl<T> Index<ViewId> for PerView<T> {
    type Output = T;

    fn index(&self, view: ViewId) -> &T {
        &self.0[view as usize]
    }
}

impl<T> IndexMut<ViewId> for PerView<T> {
    fn index_mut(&mut self, view: ViewId) -> &mut T {
        &mut self.0[view as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_have_the_name_as_their_first_column() {
        for view in &VIEWS {
            if let Content::Table(columns) = view.content {
                assert_eq!(columns.first().map(|column| column.id), Some("name"), "{}", view.id);
            }
        }
        for (index, view) in ViewId::ALL.into_iter().enumerate() {
            assert_eq!((view as usize, ViewId::parse(VIEWS[index].id)), (index, Some(view)));
        }
        assert_eq!((ViewId::parse("latency"), ViewId::from_digit(6)), (Some(ViewId::Latency), Some(ViewId::Latency)));
        assert_eq!((ViewId::Events.digit(), ViewId::Problems.digit()), (Some(9), None));
    }

    #[test]
    fn numbered_after_wraps_around() {
        assert_eq!(ViewId::Dashboard.numbered_after(-1), ViewId::Events);
        assert_eq!(ViewId::Events.numbered_after(1), ViewId::Dashboard);
        assert_eq!(ViewId::Diff.numbered_after(1), ViewId::Dashboard);
    }
}
