//! What is to be printed of an HAProxy: the process, what is wrong, rows under columns, or all three.
//!
//! It is named as on the screen: a view by its digit or name, columns and filter by the names that `:cols` and `/`
//! know. How it is then written is a matter of [`crate::headless::report::table`], [`crate::headless::report::json`] and [`crate::headless::report::csv`].

use std::str::FromStr;

use thiserror::Error;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::headless::suggest::suggestion;
use crate::instance::instance::Instance;
use crate::table::columns::column::Column;
use crate::table::columns::column_table as columns;
use crate::table::filter::{BadFilter, Filter};
use crate::table::rows::{Folded, Line, Settings, Sort, lines};
use crate::table::view_table::{Content, NUMBERED, Rows, VIEWS, View};

/// What stands for every column under HAProxy's own name.
pub const ALL_COLUMNS: &str = "all";
/// The name of what is no view: the process.
const INFO: &str = "info";

/// What can be printed, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Process, problems and rows.
    Dashboard,
    /// The rows of a view, by its place.
    View(usize),
    /// What is wrong.
    Problems,
    /// The process.
    Info,
}

/// Why something cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadPicture {
    /// No such view.
    #[error("there is no view \"{name}\"; there are {known}")]
    NoView {
        /// What was asked for.
        name: SafeText,
        /// What can be.
        known: String,
    },
    /// A view that is no table of rows.
    #[error("\"{name}\" is no table of rows; there are {known}")]
    NoTable {
        /// What was asked for.
        name: SafeText,
        /// What can be.
        known: String,
    },
    /// No such column.
    #[error("there is no column \"{name}\"{near}; \"all\" has every one that HAProxy knows")]
    NoColumn {
        /// What was asked for.
        name: SafeText,
        /// What may have been meant.
        near: String,
    },
    /// Not a filter.
    #[error("--filter: {0}")]
    Filter(#[from] BadFilter),
    /// There are no rows to choose.
    #[error("{0} has no rows: --columns, --filter, --sort, --flat and --tree say nothing there")]
    NoRows(&'static str),
}

/// Names of all that can be printed: digits where they have one.
pub fn known_parts() -> String {
    let can = |view: &View| view.content.columns().is_some() && view.rows != Rows::Changed;
    let views = VIEWS.iter().enumerate().filter(|(_, view)| can(view));
    let named = |(place, id): (usize, &str)| if place < NUMBERED { format!("{id} ({place})") } else { id.to_owned() };
    let views: Vec<String> = views.map(|(place, view)| named((place, view.id))).collect();
    format!("{}, problems, {INFO}", views.join(", "))
}

impl FromStr for Part {
    type Err = BadPicture;

    fn from_str(text: &str) -> Result<Self, BadPicture> {
        let wanted = text.to_lowercase();
        if wanted == INFO {
            return Ok(Self::Info);
        }
        let digit = wanted.parse::<usize>().ok().filter(|digit| *digit < NUMBERED && wanted.len() == 1);
        let Some(place) = digit.or_else(|| VIEWS.iter().position(|view| view.id == wanted)) else {
            return Err(BadPicture::NoView { name: text.into(), known: known_parts() });
        };
        match VIEWS[place].content {
            Content::Dashboard => Ok(Self::Dashboard),
            // A mark is set on the screen, and kept there.
            Content::Table(_) if VIEWS[place].rows != Rows::Changed => Ok(Self::View(place)),
            Content::Problems => Ok(Self::Problems),
            Content::Table(_) | Content::Cli | Content::Sessions | Content::StickTables | Content::Events => {
                Err(BadPicture::NoTable { name: VIEWS[place].id.into(), known: known_parts() })
            }
        }
    }
}

/// Which rows and columns, as the command line says it.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Names of columns, parted by commas; the view's own where it is not said.
    pub columns: Option<String>,
    /// A filter as behind `/`.
    pub filter: Option<String>,
    /// A column; with `-` in front the largest first.
    pub sort: Option<String>,
    /// Every row for itself, or below its proxy; as suits the format where it is not said.
    pub flat: Option<bool>,
}

/// What is to be printed.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The process.
    pub info: bool,
    /// What is wrong.
    pub problems: bool,
    /// Rows under columns.
    pub rows: Option<Settings>,
    /// Whether the command line said how rows are to stand.
    is_flat: Option<bool>,
}

/// The columns of these names.
fn named_columns(names: &str) -> Result<Vec<&'static Column>, BadPicture> {
    let mut chosen: Vec<&'static Column> = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let more = if name == ALL_COLUMNS { own_columns() } else { vec![column(name)?] };
        for column in more {
            if !chosen.iter().any(|known| known.id == column.id) {
                chosen.push(column);
            }
        }
    }
    if chosen.is_empty() { Err(BadPicture::NoColumn { name: names.into(), near: String::new() }) } else { Ok(chosen) }
}

/// Every column under HAProxy's own name, in the order of `show stat` as far as texts stand behind numbers.
fn own_columns() -> Vec<&'static Column> {
    let numbers = Field::ALL.iter().map(|field| field.info().name);
    let texts = TextField::ALL.iter().map(|(_, name)| *name);
    numbers.chain(texts).filter_map(columns::by_id).collect()
}

/// The column of this name.
fn column(name: &str) -> Result<&'static Column, BadPicture> {
    let near = || suggestion(name, columns::all().filter(|column| !column.needs_mark()).map(|column| column.id));
    columns::by_id(name)
        .filter(|column| !column.needs_mark())
        .ok_or_else(|| BadPicture::NoColumn { name: name.into(), near: near() })
}

impl Picture {
    /// What was asked for.
    ///
    /// # Errors
    /// When there is no such thing.
    pub fn new(part: Part, choice: &Choice) -> Result<Self, BadPicture> {
        let Choice { columns, filter, sort, flat } = choice;
        let has_choice = columns.is_some() || filter.is_some() || sort.is_some() || flat.is_some();
        let place = match part {
            Part::Problems | Part::Info if has_choice => {
                return Err(BadPicture::NoRows(if part == Part::Info { INFO } else { "problems" }));
            }
            Part::Problems => return Ok(Self { info: false, problems: true, rows: None, is_flat: None }),
            Part::Info => return Ok(Self { info: true, problems: false, rows: None, is_flat: None }),
            Part::Dashboard => 0,
            Part::View(place) => place,
        };
        let view = &VIEWS[place];
        let own = view.content.columns().unwrap_or_default();
        let mut settings = Settings::of_rows(own, view.rows);
        if let Some(names) = columns {
            settings.columns = named_columns(names)?;
        }
        if let Some(text) = filter {
            settings.filter = Filter::parse(text)?;
        }
        if let Some(text) = sort {
            let (name, descending) = text.strip_prefix('-').map_or((text.as_str(), false), |name| (name, true));
            settings.sort = Some(Sort { column: column(name)?, descending });
        }
        let is_dashboard = part == Part::Dashboard;
        Ok(Self { info: is_dashboard, problems: is_dashboard, rows: Some(settings), is_flat: *flat })
    }

    /// Whether some of it is unknown from a single sample.
    pub fn spans(&self) -> bool {
        let columns = self.rows.iter().flat_map(|settings| {
            let sort = settings.sort.map(|sort| sort.column);
            settings.columns.iter().copied().chain(settings.filter.columns()).chain(sort)
        });
        self.problems || columns.into_iter().any(Column::spans)
    }

    /// Whether it tells who ordered something, which the audit knows.
    pub fn asks_who(&self) -> bool {
        self.rows.iter().any(|settings| settings.columns.iter().any(|column| column.id == "by"))
    }

    /// The same, every row for itself or below its proxy: as it was asked for, else as said here.
    #[must_use]
    pub fn laid_out(mut self, flat: bool) -> Self {
        if let Some(settings) = &mut self.rows {
            settings.flat = self.is_flat.unwrap_or(flat || settings.rows == Rows::Away);
        }
        self
    }

    /// The rows of the newest sample that it holds, in order.
    pub fn lines(&self, watch: &Instance) -> Vec<Line> {
        match (&self.rows, watch.newest()) {
            (Some(settings), Some(sample)) => lines(watch, sample, settings, &Folded::new(), None),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    fn choice(columns: &str, filter: &str, sort: &str) -> Choice {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Choice { columns: some(columns), filter: some(filter), sort: some(sort), flat: None }
    }

    fn shown(part: &str, choice: &Choice, flat: bool) -> Vec<String> {
        let mut watch = Instance::default();
        watch.take(SampleMaker::default().at_millis(0, &site()), 0);
        let picture = Picture::new(part.parse().unwrap(), choice).unwrap().laid_out(flat);
        let sample = watch.newest().unwrap();
        picture.lines(&watch).iter().map(|line| sample.table.rows()[line.index].name.to_string()).collect()
    }

    #[test]
    fn views_are_named_as_on_the_screen() {
        let part = |text: &str| text.parse::<Part>();
        assert_eq!(part("0"), Ok(Part::Dashboard));
        assert_eq!((part("6"), part("latency")), (Ok(Part::View(6)), Ok(Part::View(6))));
        assert_eq!((part("Problems"), part("INFO")), (Ok(Part::Problems), Ok(Part::Info)));
        let told = |text: &str| part(text).unwrap_err().to_string();
        let known = "dashboard (0), status (1), traffic (2), http (3), errors (4), latency (6), away, problems, info";
        assert_eq!(told("statu\u{1b}"), format!("there is no view \"statu\\x1b\"; there are {known}"));
        assert_eq!(told("7"), format!("\"sessions\" is no table of rows; there are {known}"));
        assert_eq!(told("since"), format!("\"since\" is no table of rows; there are {known}"));
        assert!(part("11").is_err() && part("").is_err() && part("01").is_err());
    }

    #[test]
    fn rows_are_chosen_and_sorted_as_on_the_screen() {
        assert_eq!(shown("status", &choice("", "kind:server qcur>0", ""), true), ["api1"]);
        assert_eq!(shown("status", &choice("", "api2", ""), false), ["BACKEND", "api2"], "below its proxy");
        assert_eq!(shown("status", &choice("", "kind=server", "-scur"), true)[..2], ["w2", "w1"]);
        assert_eq!(shown("status", &choice("", "kind=server", "scur"), true)[..2], ["api3", "old1"]);
        assert_eq!(shown("away", &Choice::default(), false), ["api3", "api2"], "the longest first");
    }

    #[test]
    fn columns_are_named_once_and_all_of_them_are_haproxys() {
        let ids = |names: &str| -> Vec<&str> {
            let picture = Picture::new(Part::Dashboard, &choice(names, "", "")).unwrap();
            picture.rows.unwrap().columns.iter().map(|column| column.id).collect()
        };
        assert_eq!(ids("scur, rtime,scur"), ["scur", "rtime"]);
        let all = ids("bin/s,all");
        assert_eq!(all.len(), 1 + Field::COUNT + TextField::ALL.len());
        let bad = |choice: &Choice| Picture::new(Part::Dashboard, choice).unwrap_err().to_string();
        assert!(bad(&choice("scru", "", "")).starts_with("there is no column \"scru\"; did you mean scur"));
        assert!(bad(&choice(",", "", "")).starts_with("there is no column \",\""));
        assert_eq!(bad(&choice("", "qcur>x", "")), "--filter: \"x\" is no number");
        assert!(bad(&choice("", "", "-nonsense")).contains("\"nonsense\""));
        let none = Picture::new(Part::Info, &choice("scur", "", "")).unwrap_err().to_string();
        assert!(none.starts_with("info has no rows"), "{none}");
    }

    #[test]
    fn two_samples_are_taken_only_where_one_would_not_do() {
        let spans = |part: &str, columns: &str, filter: &str, sort: &str| {
            Picture::new(part.parse().unwrap(), &choice(columns, filter, sort)).unwrap().spans()
        };
        assert!(spans("status", "", "", "") && spans("problems", "", "", ""));
        assert!(spans("status", "scur,bin/s", "", "") && spans("status", "scur", "req>1", ""));
        assert!(spans("status", "scur", "", "-err"));
        assert!(!spans("status", "scur,status,rtime,load", "scur>1 www", "weight") && !spans("info", "", "", ""));
    }
}
