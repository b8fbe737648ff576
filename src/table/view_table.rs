//! The table of views: everything that can fill the screen, one row per view.

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
}

impl Content {
    /// Returns the columns of a view of rows; for the dashboard, the columns of all its lists in one.
    pub fn columns(&self) -> Option<&'static [&'static Column]> {
        match self {
            Self::Dashboard => Some(column_sets::DASHBOARD),
            Self::Table(columns) => Some(columns),
            Self::Cli | Self::Sessions | Self::StickTables | Self::Events | Self::Problems => None,
        }
    }
}

/// A full-screen page.
#[derive(Debug)]
pub struct View {
    /// Name in the configuration and in commands.
    pub id: &'static str,
    /// Name on the screen.
    pub title: &'static str,
    /// Content.
    pub content: Content,
    /// Rows that the view's table is limited to.
    pub scope: RowScope,
}

/// The rows that a view is limited to, before any filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RowScope {
    /// All rows.
    #[default]
    All,
    /// Servers in maintenance or drain.
    OutOfService,
    /// Rows that changed since the marked moment.
    Changed,
}

const fn view(id: &'static str, title: &'static str, content: Content) -> View {
    View { id, title, content, scope: RowScope::All }
}

/// Number of views that have a digit key; the digit is the view's index.
pub const NUMBERED_VIEWS: usize = 10;
/// Index of the view of events.
pub const EVENTS: usize = 9;
/// Index of the view of problems; it has a key of its own.
pub const PROBLEMS: usize = 10;
/// Index of the view of servers in maintenance or drain; it has a key of its own.
pub const OUT_OF_SERVICE: usize = 11;
/// Index of the view of changes since the marked moment; it has a key of its own.
pub const DIFF: usize = 12;

/// All views, in the order of their indexes. Views 1 to 5 are those of HATop.
pub static VIEWS: [View; 13] = [
    view("dashboard", "Dash", Content::Dashboard),
    view("status", "Status", Content::Table(column_sets::STATUS_VIEW)),
    view("traffic", "Traffic", Content::Table(column_sets::TRAFFIC_VIEW)),
    view("http", "HTTP", Content::Table(column_sets::HTTP_VIEW)),
    view("errors", "Errors", Content::Table(column_sets::ERRORS_VIEW)),
    view("cli", "CLI", Content::Cli),
    view("latency", "Latency", Content::Table(column_sets::LATENCY_VIEW)),
    view("sessions", "Sessions", Content::Sessions),
    view("tables", "Tables", Content::StickTables),
    view("events", "Events", Content::Events),
    view("problems", "Problems", Content::Problems),
    View {
        scope: RowScope::OutOfService,
        ..view("away", "Maint/drain", Content::Table(column_sets::OUT_OF_SERVICE_VIEW))
    },
    View { scope: RowScope::Changed, ..view("since", "Since", Content::Table(column_sets::DIFF_VIEW)) },
];

/// Returns the index of the view with this id.
pub fn index_by_id(id: &str) -> Option<usize> {
    VIEWS.iter().position(|view| view.id == id)
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
        assert_eq!(index_by_id("latency"), Some(6));
        assert_eq!((index_by_id("events"), index_by_id("problems")), (Some(EVENTS), Some(PROBLEMS)));
        assert_eq!((index_by_id("away"), index_by_id("since")), (Some(OUT_OF_SERVICE), Some(DIFF)));
    }
}
