//! VIEWS: what can fill the screen, one entry each.

use crate::table::columns::column::Column;
use crate::table::columns::column_sets;

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

impl Content {
    /// The columns of what is rows under columns; the dashboard's are those of all its lists together.
    pub fn columns(&self) -> Option<&'static [&'static Column]> {
        match self {
            Self::Dashboard => Some(column_sets::DASHBOARD),
            Self::Table(columns) => Some(columns),
            Self::Cli | Self::Sessions | Self::StickTables | Self::Events | Self::Problems => None,
        }
    }
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
    /// Which rows a table can show at all.
    pub rows: Rows,
}

/// Which rows a view can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rows {
    /// All of them.
    #[default]
    All,
    /// Servers in maintenance or drain.
    Away,
    /// What changed since the marked moment.
    Changed,
}

const fn view(id: &'static str, title: &'static str, content: Content) -> View {
    View { id, title, content, rows: Rows::All }
}

/// Views with a digit, which is their place.
pub const NUMBERED: usize = 10;
/// The view of events.
pub const EVENTS: usize = 9;
/// The view of problems, which has a key of its own.
pub const PROBLEMS: usize = 10;
/// The view of servers in maintenance or drain, which has a key of its own.
pub const AWAY: usize = 11;

/// The view of what changed since the marked moment, which has a key of its own.
pub const SINCE: usize = 12;

/// Every view. 1 to 5 are HATop's.
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
    View { rows: Rows::Away, ..view("away", "Away", Content::Table(column_sets::AWAY_VIEW)) },
    View { rows: Rows::Changed, ..view("since", "Since", Content::Table(column_sets::SINCE_VIEW)) },
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
        assert_eq!((by_id("away"), by_id("since")), (Some(AWAY), Some(SINCE)));
    }
}
