//! Selection of what to print: process information, problems, rows, or all three.
//!
//! Names are those of the dashboard: views by digit or name, columns as in `:cols`, filters as in `/`. The modules
//! [`crate::headless::report::table`], [`crate::headless::report::json`] and [`crate::headless::report::csv`] render
//! the report.

use std::str::FromStr;

use thiserror::Error;

use crate::config::suggest::did_you_mean;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::instance::state::Instance;
use crate::observe::sample::Sample;
use crate::table::balancers::balancer_columns::{self, BALANCER_COLUMNS, BalancerColumn};
use crate::table::balancers::balancer_filter::BalancerFilter;
use crate::table::balancers::balancer_table::{BalancerSort, BalancerTable};
use crate::table::columns::column::Column;
use crate::table::columns::column_table as columns;
use crate::table::filter::{FilterError, RowFilter};
use crate::table::rows::{FoldedProxies, Sort, TableLine, TableSettings, build_lines};
use crate::table::view_table::{Content, RowScope, ViewId};

/// Name that selects all columns of `show stat`.
pub(crate) const ALL_COLUMNS: &str = "all";
/// Name of the process information, which is not a view.
const INFO: &str = "info";
/// Name of the view of problems.
const PROBLEMS: &str = "problems";

/// Name of the view of all balancers.
const BALANCERS: &str = "balancers";

/// Named part of the dashboard that can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportPart {
    /// Process information, problems and rows.
    Dashboard,
    /// Rows of a view.
    View(ViewId),
    /// Problems.
    Problems,
    /// Process information (`show info`).
    Info,
    /// One row for each balancer.
    Balancers,
}

/// The error for an unknown view or column, an invalid filter, or row options that do not apply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BadReport {
    /// The view does not exist.
    #[error("unknown view \"{name}\"{suggestion}\n  views: {known}")]
    UnknownView {
        /// Requested name.
        name: SafeText,
        /// Text with similar names, or empty.
        suggestion: String,
        /// Existing names.
        known: String,
    },
    /// The view cannot be printed, because it shows the reply to a query, events, or changes since a marked moment.
    #[error("view \"{name}\" exists only in the dashboard\n  views that can be printed: {known}")]
    NotATable {
        /// Requested name.
        name: SafeText,
        /// Existing names.
        known: String,
    },
    /// The column does not exist.
    #[error("unknown column \"{name}\"{suggestion}; \"all\" selects every HAProxy field")]
    UnknownColumn {
        /// Requested name.
        name: SafeText,
        /// Text with similar names, or empty.
        suggestion: String,
    },
    /// The table of balancers does not have the column.
    #[error("unknown column of balancers \"{name}\"{suggestion}; \"all\" selects every column")]
    UnknownBalancerColumn {
        /// Requested name.
        name: SafeText,
        /// Text with similar names, or empty.
        suggestion: String,
    },
    /// The filter is invalid. The second field is text with similar names of columns, or empty.
    #[error("--filter: {0}{1}")]
    Filter(FilterError, String),
    /// Row options were given for a part without rows.
    #[error("{0} has no rows: --columns, --filter, --sort, --flat and --tree do not apply")]
    NoRows(&'static str),
    /// A tree or a flat list was asked for, or a command prints each HAProxy on its own.
    #[error("{0}")]
    NoBalancers(&'static str),
}

/// Returns the names of everything that can be printed.
pub(crate) fn part_names() -> impl Iterator<Item = &'static str> {
    let views = ViewId::ALL.into_iter().filter(|view| is_printable(*view));
    views.map(|view| view.view().id).chain([PROBLEMS, BALANCERS, INFO])
}

/// Returns the names of all printable parts, with their digits.
pub(crate) fn list_known_parts() -> String {
    let named = |view: ViewId| match (view.view().id, view.digit()) {
        (id, Some(digit)) => format!("{id} ({digit})"),
        (id, None) => id.to_owned(),
    };
    let views: Vec<String> = ViewId::ALL.into_iter().filter(|view| is_printable(*view)).map(named).collect();
    format!("{}, {PROBLEMS}, {BALANCERS}, {INFO}", views.join(", "))
}

/// Returns true for a view with rows. The view of changes needs a marked moment, which exists only in the dashboard.
fn is_printable(view: ViewId) -> bool {
    view.view().content.columns().is_some() && view.view().scope != RowScope::Changed
}

impl FromStr for ReportPart {
    type Err = BadReport;

    fn from_str(text: &str) -> Result<Self, BadReport> {
        let lowercase = text.to_lowercase();
        if lowercase == INFO {
            return Ok(Self::Info);
        }
        let digit = lowercase.parse().ok().filter(|_| lowercase.len() == 1);
        let Some(view) = digit.and_then(ViewId::from_digit).or_else(|| ViewId::parse(&lowercase)) else {
            let suggestion = did_you_mean(&lowercase, part_names());
            return Err(BadReport::UnknownView { name: text.into(), suggestion, known: list_known_parts() });
        };
        match view.view().content {
            Content::Dashboard => Ok(Self::Dashboard),
            Content::Table(_) if is_printable(view) => Ok(Self::View(view)),
            Content::Problems => Ok(Self::Problems),
            Content::Balancers => Ok(Self::Balancers),
            Content::Table(_)
            | Content::Cli
            | Content::Sessions
            | Content::StickTables
            | Content::Events
            | Content::Requests => Err(BadReport::NotATable { name: view.view().id.into(), known: list_known_parts() }),
        }
    }
}

/// Options of the command line that select rows and columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowOptions {
    /// Column names, separated by commas; `None` for the columns of the view.
    pub(crate) columns: Option<String>,
    /// Filter, in the syntax of the dashboard's `/`.
    pub(crate) filter: Option<String>,
    /// Sort column; with a leading `-`, in descending order.
    pub(crate) sort: Option<String>,
    /// Flat list instead of a tree; `None` for the default of the format.
    pub(crate) flat: Option<bool>,
}

/// Selection of what to print.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// Print the process information.
    pub(crate) info: bool,
    /// Print the problems.
    pub(crate) problems: bool,
    /// Rows to print, with columns, filter and order; `None` to print no rows.
    pub(crate) rows: Option<TableSettings>,
    /// Table of balancers to print instead of anything else.
    pub(crate) balancers: Option<BalancerTable>,
    /// Layout from the command line, a flat list or a tree; `None` for the default.
    is_flat: Option<bool>,
    /// Print the columns of `show stat` that hapulse does not know as well.
    prints_unknown: bool,
}

/// Parses column names separated by commas.
fn parse_columns(names: &str) -> Result<Vec<&'static Column>, BadReport> {
    let mut chosen: Vec<&'static Column> = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let more = if name == ALL_COLUMNS { haproxy_columns() } else { vec![find_column(name)?] };
        for column in more {
            if !chosen.iter().any(|known| known.id == column.id) {
                chosen.push(column);
            }
        }
    }
    if chosen.is_empty() {
        Err(BadReport::UnknownColumn { name: names.into(), suggestion: String::new() })
    } else {
        Ok(chosen)
    }
}

/// Returns all columns of `show stat`: first those with numbers, then those with strings, each in HAProxy's order.
fn haproxy_columns() -> Vec<&'static Column> {
    let numbers = Field::ALL.iter().map(|field| field.info().name);
    let texts = TextField::ALL.iter().map(|(_, name)| *name);
    numbers.chain(texts).filter_map(columns::by_id).collect()
}

/// Returns the column with this name, or an error if it is unknown or needs a marked moment.
fn find_column(name: &str) -> Result<&'static Column, BadReport> {
    columns::by_name(name)
        .filter(|column| !column.is_dashboard_only())
        .ok_or_else(|| BadReport::UnknownColumn { name: name.into(), suggestion: suggest_column(name) })
}

fn suggest_column(name: &str) -> String {
    did_you_mean(name, columns::all().filter(|column| !column.is_dashboard_only()).map(|column| column.id))
}

/// Creates the table of balancers.
fn parse_balancer_table(choice: &RowOptions) -> Result<BalancerTable, BadReport> {
    let RowOptions { columns, filter, sort, flat } = choice;
    if flat.is_some() {
        return Err(BadReport::NoBalancers("balancers are one flat list: --flat and --tree do not apply"));
    }
    let find = |name: &str| {
        let suggestion = || did_you_mean(name, BALANCER_COLUMNS.iter().map(|column| column.id));
        let unknown = || BadReport::UnknownBalancerColumn { name: name.into(), suggestion: suggestion() };
        balancer_columns::by_name(name).ok_or_else(unknown)
    };
    let mut table = BalancerTable::default();
    if let Some(names) = columns {
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != ALL_COLUMNS);
        let chosen: Vec<&'static BalancerColumn> = names.map(find).collect::<Result<_, _>>()?;
        table.choose_columns(if chosen.is_empty() { BALANCER_COLUMNS.to_vec() } else { chosen });
    }
    if let Some(text) = filter {
        table.filter = BalancerFilter::parse(text).map_err(|error| BadReport::Filter(error, String::new()))?;
    }
    if let Some(text) = sort {
        let (name, is_descending) = text.strip_prefix('-').map_or((text.as_str(), false), |name| (name, true));
        table.sort = Some(BalancerSort { column: find(name)?, is_descending });
    }
    Ok(table)
}

impl Report {
    /// Creates a report that prints `part` with the row options `choice`.
    ///
    /// # Errors
    /// Returns an error for an unknown column, an invalid filter, or row options for a part without rows.
    pub(crate) fn new(part: ReportPart, choice: &RowOptions) -> Result<Self, BadReport> {
        let RowOptions { columns, filter, sort, flat } = choice;
        let has_choice = columns.is_some() || filter.is_some() || sort.is_some() || flat.is_some();
        let view = match part {
            ReportPart::Problems | ReportPart::Info if has_choice => {
                return Err(BadReport::NoRows(if part == ReportPart::Info { INFO } else { PROBLEMS }));
            }
            ReportPart::Problems => return Ok(Self { problems: true, ..Self::default() }),
            ReportPart::Info => return Ok(Self { info: true, ..Self::default() }),
            ReportPart::Balancers => {
                let balancers = Some(parse_balancer_table(choice)?);
                return Ok(Self { problems: true, balancers, ..Self::default() });
            }
            ReportPart::Dashboard => ViewId::Dashboard,
            ReportPart::View(view) => view,
        };
        let view = view.view();
        let own = view.content.columns().unwrap_or_default();
        let mut settings = TableSettings::for_scope(own, view.scope);
        if let Some(names) = columns {
            settings.columns = parse_columns(names)?;
        }
        if let Some(text) = filter {
            settings.filter = RowFilter::parse(text).map_err(|error| {
                let suggestion = match &error {
                    FilterError::UnknownColumn(name) => match suggest_column(name) {
                        none if none.is_empty() => "; --columns all prints every HAProxy field".to_owned(),
                        suggestion => suggestion,
                    },
                    FilterError::InvalidNumber(_) | FilterError::Empty(_) | FilterError::TextColumn(..) => {
                        String::new()
                    }
                };
                BadReport::Filter(error, suggestion)
            })?;
        }
        if let Some(text) = sort {
            let (name, descending) = text.strip_prefix('-').map_or((text.as_str(), false), |name| (name, true));
            settings.sort = Some(Sort { column: find_column(name)?, is_descending: descending });
        }
        let is_dashboard = part == ReportPart::Dashboard;
        let mut names = columns.iter().flat_map(|names| names.split(',').map(str::trim));
        let prints_unknown = names.any(|name| name == ALL_COLUMNS);
        Ok(Self {
            info: is_dashboard,
            problems: is_dashboard,
            rows: Some(settings),
            balancers: None,
            is_flat: *flat,
            prints_unknown,
        })
    }

    /// Returns the slots and names of the columns in a sample that hapulse does not know, if all columns are printed.
    pub(crate) fn unknown_columns<'a>(&self, sample: &'a Sample) -> Vec<(usize, &'a SafeText)> {
        let unknown = sample.table.schema().unknown_columns();
        let is_selected = |name: &SafeText| {
            self.rows.iter().flat_map(|settings| &settings.columns).any(|column| column.id == name.as_str())
        };
        unknown.filter(|(_, name)| self.prints_unknown && !is_selected(name)).collect()
    }

    /// Returns whether the report contains rates or problems, which need two samples.
    pub(crate) fn needs_rates(&self) -> bool {
        let columns = self.rows.iter().flat_map(|settings| {
            let sort = settings.sort.map(|sort| sort.column);
            settings.columns.iter().copied().chain(settings.filter.columns()).chain(sort)
        });
        self.problems || columns.into_iter().any(Column::needs_two_samples)
    }

    /// Returns whether the report shows who ordered a state, which is read from the audit log.
    pub(crate) fn needs_attribution(&self) -> bool {
        self.rows.iter().any(|settings| settings.columns.iter().any(|column| column.id == "by"))
    }

    /// Returns an error if the report is about all balancers together, for a command that prints each HAProxy on its own.
    ///
    /// # Errors
    /// Returns an error for the table of balancers.
    pub(crate) fn require_single(self) -> Result<Self, BadReport> {
        match self.balancers {
            None => Ok(self),
            Some(_) => Err(BadReport::NoBalancers(
                "balancers compares all targets at the present: only hapulse show prints it, without --at and --since",
            )),
        }
    }

    /// Sets the layout: the one from the command line if there is one; otherwise a flat list if `flat` is true or the
    /// report lists servers out of service; otherwise a tree.
    #[must_use]
    pub(crate) fn with_default_layout(mut self, flat: bool) -> Self {
        if let Some(table) = self.balancers.as_mut().filter(|_| flat) {
            table.use_all_columns();
        }
        if let Some(settings) = &mut self.rows {
            settings.is_flat = self.is_flat.unwrap_or(flat || settings.scope != RowScope::All);
        }
        self
    }

    /// Returns the selected rows of the newest sample, sorted. Returns an empty list if the report has no rows or there
    /// is no sample.
    pub(crate) fn lines(&self, instance: &Instance) -> Vec<TableLine> {
        match (&self.rows, instance.shown()) {
            (Some(settings), Some(sample)) => build_lines(instance, sample, settings, &FoldedProxies::new(), None),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn choice(columns: &str, filter: &str, sort: &str) -> RowOptions {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        RowOptions { columns: some(columns), filter: some(filter), sort: some(sort), flat: None }
    }

    fn shown(part: &str, choice: &RowOptions, flat: bool) -> Vec<String> {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        let report = Report::new(part.parse().unwrap(), choice).unwrap().with_default_layout(flat);
        let sample = instance.shown().unwrap();
        report.lines(&instance).iter().map(|line| sample.table.rows()[line.index].name.to_string()).collect()
    }

    #[test]
    fn report_part_parse_accepts_view_digits_and_names() {
        let part = |text: &str| text.parse::<ReportPart>();
        assert_eq!(part("0"), Ok(ReportPart::Dashboard));
        assert_eq!(
            (part("6"), part("latency")),
            (Ok(ReportPart::View(ViewId::Latency)), Ok(ReportPart::View(ViewId::Latency)))
        );
        assert_eq!((part("Problems"), part("INFO")), (Ok(ReportPart::Problems), Ok(ReportPart::Info)));
        let message = |text: &str| part(text).unwrap_err().to_string();
        let known = "dashboard (0), status (1), traffic (2), http (3), errors (4), latency (6), out-of-service, heat-map, problems, balancers, info";
        assert_eq!(
            message("statu\u{1b}"),
            format!("unknown view \"statu\\x1b\"; did you mean status?\n  views: {known}")
        );
        for (text, name) in [("7", "sessions"), ("diff", "diff")] {
            let expected =
                format!("view \"{name}\" exists only in the dashboard\n  views that can be printed: {known}");
            assert_eq!(message(text), expected);
        }
        assert!(part("11").is_err() && part("").is_err() && part("01").is_err());
    }

    #[test]
    fn report_lines_are_filtered_and_sorted() {
        assert_eq!(shown("status", &choice("", "kind:server qcur>0", ""), true), ["api1"]);
        assert_eq!(shown("status", &choice("", "api2", ""), false), ["BACKEND", "api2"], "below its proxy");
        assert_eq!(shown("status", &choice("", "kind=server", "-scur"), true)[..2], ["w2", "w1"]);
        assert_eq!(shown("status", &choice("", "kind=server", "scur"), true)[..2], ["api3", "old1"]);
        assert_eq!(shown("out-of-service", &RowOptions::default(), false), ["api3", "api2"], "the longest first");
    }

    #[test]
    fn parse_columns_removes_duplicates_and_expands_all() {
        let ids = |names: &str| -> Vec<&str> {
            let report = Report::new(ReportPart::Dashboard, &choice(names, "", "")).unwrap();
            report.rows.unwrap().columns.iter().map(|column| column.id).collect()
        };
        assert_eq!(ids("scur, rtime,scur"), ["scur", "rtime"]);
        let all = ids("bin/s,all");
        assert_eq!(all.len(), 1 + Field::COUNT + TextField::ALL.len());
        let bad = |choice: &RowOptions| Report::new(ReportPart::Dashboard, choice).unwrap_err().to_string();
        assert!(bad(&choice("scru", "", "")).starts_with("unknown column \"scru\"; did you mean scur"));
        assert!(bad(&choice(",", "", "")).starts_with("unknown column \",\""));
        assert_eq!(bad(&choice("", "qcur>x", "")), "--filter: \"x\" is not a number");
        assert!(bad(&choice("", "", "-nonsense")).contains("\"nonsense\""));
        let none = Report::new(ReportPart::Info, &choice("scur", "", "")).unwrap_err().to_string();
        assert!(none.starts_with("info has no rows"), "{none}");
    }

    #[test]
    fn needs_rates_is_true_only_for_rates_and_problems() {
        let spans = |part: &str, columns: &str, filter: &str, sort: &str| {
            Report::new(part.parse().unwrap(), &choice(columns, filter, sort)).unwrap().needs_rates()
        };
        assert!(spans("status", "", "", "") && spans("problems", "", "", ""));
        assert!(spans("status", "scur,bin/s", "", "") && spans("status", "scur", "req>1", ""));
        assert!(spans("status", "scur", "", "-err"));
        assert!(!spans("status", "scur,status,rtime,load", "scur>1 www", "weight") && !spans("info", "", "", ""));
    }
}
