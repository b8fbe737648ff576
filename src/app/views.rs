//! VIEWS: what can fill the screen, one entry each.

use crate::app::columns::column::Column;
use crate::app::columns::table;

/// What a view shows.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Frontends, backends, servers, charts and events at once.
    Dashboard,
    /// All rows under these columns.
    Table(&'static [&'static Column]),
    /// HAProxy's own command line.
    Cli,
    /// The sessions that are open.
    Sessions,
    /// Stick tables and their entries.
    StickTables,
    /// What happened.
    Events,
    /// What is wrong.
    Problems,
}

/// One view.
#[derive(Debug)]
pub struct View {
    /// Its name in configuration and commands.
    pub id: &'static str,
    /// Its name on the screen.
    pub title: &'static str,
    /// What it shows.
    pub content: Content,
}

/// Views with a digit, which is their place.
pub const NUMBERED: usize = 10;
/// The view of events.
pub const EVENTS: usize = 9;
/// The view of problems, which has a key of its own.
pub const PROBLEMS: usize = 10;

/// Every view. 1 to 5 are HATop's.
pub static VIEWS: [View; 11] = [
    View { id: "dashboard", title: "Dash", content: Content::Dashboard },
    View { id: "status", title: "Status", content: Content::Table(table::STATUS_VIEW) },
    View { id: "traffic", title: "Traffic", content: Content::Table(table::TRAFFIC_VIEW) },
    View { id: "http", title: "HTTP", content: Content::Table(table::HTTP_VIEW) },
    View { id: "errors", title: "Errors", content: Content::Table(table::ERRORS_VIEW) },
    View { id: "cli", title: "CLI", content: Content::Cli },
    View { id: "latency", title: "Latency", content: Content::Table(table::LATENCY_VIEW) },
    View { id: "sessions", title: "Sessions", content: Content::Sessions },
    View { id: "tables", title: "Tables", content: Content::StickTables },
    View { id: "events", title: "Events", content: Content::Events },
    View { id: "problems", title: "Problems", content: Content::Problems },
];

/// The place of a view by its id.
pub fn by_id(id: &str) -> Option<usize> {
    VIEWS.iter().position(|view| view.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_column_of_every_table_is_the_name() {
        for view in &VIEWS {
            if let Content::Table(columns) = view.content {
                assert_eq!(columns.first().map(|column| column.id), Some("name"), "{}", view.id);
            }
        }
        assert_eq!(by_id("latency"), Some(6));
        assert_eq!((by_id("events"), by_id("problems")), (Some(EVENTS), Some(PROBLEMS)));
    }
}
