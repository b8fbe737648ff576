//! COLUMNS: everything a table can show of a row, one entry each.
//!
//! A pane names the columns it wants; when it is narrow, those with the lowest priority go first. The name
//! takes what is left.

use crate::app::cells::{Cell, Role, saturation, state_role};
use crate::app::format;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat::{Row, RowKind};
use crate::haproxy::status::State;
use crate::haproxy::text::SafeText;
use crate::monitor::roster::RowId;
use crate::monitor::sample::Sample;
use crate::monitor::watch::Watch;

/// One row, with all that its cells may be made from.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    /// The instance.
    pub watch: &'a Watch,
    /// The sample.
    pub sample: &'a Sample,
    /// The row's place in it.
    pub index: usize,
    /// Who it is.
    pub id: RowId,
}

impl<'a> RowView<'a> {
    /// The row of the newest sample at `index`.
    pub fn new(watch: &'a Watch, sample: &'a Sample, index: usize) -> Self {
        Self { watch, sample, index, id: sample.rows.ids()[index] }
    }

    /// Its names and texts.
    pub fn row(&self) -> &'a Row {
        &self.sample.table.rows()[self.index]
    }

    /// A number of it.
    pub fn number(&self, field: Field) -> Option<i64> {
        self.sample.table.number(self.index, field)
    }

    /// A counter of it, per second.
    pub fn rate(&self, field: Field) -> Option<f64> {
        self.watch.window().rate(self.id, field)
    }

    /// What a counter of it grew by within the window.
    pub fn growth(&self, field: Field) -> Option<i64> {
        self.watch.window().growth(self.id, field).map(|(grown, _)| grown)
    }

    /// The counter of what it serves: sessions for TCP, requests for all else.
    pub fn served(&self) -> Field {
        served(self.row(), self.number(Field::ReqTot))
    }

    fn text(&self, field: TextField) -> Option<&'a SafeText> {
        self.row().text(field)
    }
}

/// On which side a column's texts line up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name in configuration and documents.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it shows.
    pub help: &'static str,
    /// Cells it takes; the name takes at least this and what is left.
    pub width: u16,
    /// Lower ones are dropped first where it is narrow.
    pub priority: u8,
    /// Side.
    pub align: Align,
    /// What it shows of a row.
    pub value: fn(&RowView<'_>) -> Cell,
}

macro_rules! columns {
    ($($name:ident = $id:literal $title:literal $width:literal $priority:literal $align:ident $help:literal $value:expr;)*) => {
        $(#[doc = $help]
        pub static $name: Column = Column {
            id: $id, title: $title, help: $help, width: $width, priority: $priority, align: Align::$align, value: $value,
        };)*

        /// Every column.
        pub static COLUMNS: &[&Column] = &[$(&$name),*];
    };
}

columns! {
    NAME = "name" "NAME" 14 255 Left "name of the frontend, backend or server" name;
    STATUS = "status" "STATE" 8 250 Left "state, in HAProxy's words" status;
    USABLE = "usable" "UP" 7 245 Right "servers that take traffic, of all servers" usable;
    SESSIONS = "scur" "SESS" 5 200 Right "sessions now" sessions;
    SESSIONS_LIMIT = "sess" "SESS/LIM" 10 240 Right "sessions now, and their limit" sessions_limit;
    SESSION_RATE = "rate" "SESS/S" 6 120 Right "sessions a second" |row| Cell::maybe(row.rate(Field::Stot), |rate| Cell::plain(format::rate(rate)));
    QUEUE = "qcur" "QUEUE" 5 235 Right "requests waiting now" queue;
    REQUESTS = "req" "REQ/S" 6 220 Right "requests a second; sessions a second for TCP" requests;
    RESPONSES_5XX = "5xx" "5XX" 5 210 Right "share of 5xx among the responses of the last seconds" share_5xx;
    ERRORS = "err" "ERR/S" 5 190 Right "connection and response errors a second" errors;
    RESPONSE_TIME = "rtime" "RTIME" 6 205 Right "response time, mean of the last 1,024 requests; for TCP the total time" response_time;
    QUEUE_TIME = "qtime" "QTIME" 6 110 Right "time in queue, mean of the last 1,024 requests" |row| Cell::maybe(row.number(Field::Qtime), |time| Cell::plain(format::millis(time)));
    BYTES_IN = "bin" "IN/S" 5 100 Right "bytes a second received" |row| Cell::maybe(row.rate(Field::Bin), |rate| Cell::plain(format::bytes(rate)));
    BYTES_OUT = "bout" "OUT/S" 5 105 Right "bytes a second sent" |row| Cell::maybe(row.rate(Field::Bout), |rate| Cell::plain(format::bytes(rate)));
    WEIGHT = "weight" "WGHT" 4 150 Right "effective weight" |row| Cell::maybe(row.number(Field::Weight), |weight| Cell::plain(format::count(weight)));
    CHECK = "check" "CHECK" 10 180 Left "result of the last health check" check;
    SINCE = "lastchg" "SINCE" 5 160 Right "time since the last change of state" |row| Cell::maybe(row.number(Field::Lastchg), |age| Cell::new(format::seconds(age), Role::Dim));
}

/// The columns of the dashboard's frontends.
pub static FRONTENDS: &[&Column] =
    &[&NAME, &STATUS, &SESSIONS_LIMIT, &SESSION_RATE, &REQUESTS, &RESPONSES_5XX, &BYTES_IN, &BYTES_OUT];

/// The columns of the dashboard's backends.
pub static BACKENDS: &[&Column] = &[
    &NAME,
    &STATUS,
    &USABLE,
    &SESSIONS,
    &QUEUE,
    &REQUESTS,
    &RESPONSES_5XX,
    &ERRORS,
    &RESPONSE_TIME,
    &BYTES_IN,
    &BYTES_OUT,
];

/// The columns of the dashboard's servers.
pub static SERVERS: &[&Column] = &[
    &NAME,
    &STATUS,
    &SESSIONS_LIMIT,
    &QUEUE,
    &REQUESTS,
    &RESPONSES_5XX,
    &ERRORS,
    &RESPONSE_TIME,
    &WEIGHT,
    &CHECK,
    &SINCE,
];

fn name(row: &RowView<'_>) -> Cell {
    let names = row.row();
    match names.kind {
        RowKind::Frontend | RowKind::Backend => Cell::plain(names.proxy.as_str()),
        RowKind::Server | RowKind::Listener => Cell::plain(names.name.as_str()),
    }
}

fn status(row: &RowView<'_>) -> Cell {
    let status = row.row().status();
    if status.is_empty() { Cell::unknown() } else { Cell::new(status, state_role(row.row().state())) }
}

fn usable(row: &RowView<'_>) -> Cell {
    let Some(backend) = row.sample.rows.backends().iter().find(|backend| backend.row == row.index) else {
        return Cell::unknown();
    };
    let rows = row.sample.table.rows();
    let up = backend.servers.iter().filter(|server| rows[**server].state().is_usable()).count();
    let role = match (up, backend.servers.len()) {
        (_, 0) => return Cell::unknown(),
        (0, _) => Role::Bad,
        (up, all) if up < all => Role::Warn,
        _ => Role::Normal,
    };
    Cell::new(format!("{}/{}", format::count(up as i64), format::count(backend.servers.len() as i64)), role)
}

fn sessions(row: &RowView<'_>) -> Cell {
    Cell::maybe(row.number(Field::Scur), |sessions| Cell::plain(format::count(sessions)))
}

fn sessions_limit(row: &RowView<'_>) -> Cell {
    let Some(sessions) = row.number(Field::Scur) else { return Cell::unknown() };
    // A server without a limit has an empty one or 0; a backend's is fullconn, which limits nothing.
    match row.number(Field::Slim).filter(|limit| *limit > 0) {
        Some(limit) => {
            let share = sessions as f64 / limit as f64;
            let crit = if row.row().kind == RowKind::Frontend { 0.9 } else { 1.0 };
            let text = format!("{}/{}", format::count(sessions), format::count(limit));
            Cell::new(text, saturation(share, 0.8, crit))
        }
        None => Cell::plain(format::count(sessions)),
    }
}

fn queue(row: &RowView<'_>) -> Cell {
    Cell::maybe(row.number(Field::Qcur), |queued| {
        let role = match queued {
            ..=0 => Role::Dim,
            1..10 => Role::Warn,
            _ => Role::Bad,
        };
        Cell::new(format::count(queued), role)
    })
}

/// The counter of what a row serves. A TCP frontend has a count of requests too, which stays 0.
pub fn served(row: &Row, requests: Option<i64>) -> Field {
    let is_tcp = row.text(TextField::Mode).is_some_and(|mode| mode.as_str() == "tcp");
    if is_tcp || requests.is_none() { Field::Stot } else { Field::ReqTot }
}

fn requests(row: &RowView<'_>) -> Cell {
    Cell::maybe(row.rate(row.served()), |rate| Cell::plain(format::rate(rate)))
}

/// Responses below which a share says nothing.
const FEW_RESPONSES: i64 = 20;

/// The share of 5xx among the responses within the window; absent from too few responses.
pub fn share_of_5xx(row: &RowView<'_>) -> Option<f64> {
    let classes = [Field::Hrsp1xx, Field::Hrsp2xx, Field::Hrsp3xx, Field::Hrsp4xx, Field::Hrsp5xx, Field::HrspOther];
    let all: i64 = classes.iter().filter_map(|class| row.growth(*class)).sum();
    (all >= FEW_RESPONSES).then_some(())?;
    Some(row.growth(Field::Hrsp5xx)? as f64 / all as f64)
}

fn share_5xx(row: &RowView<'_>) -> Cell {
    Cell::maybe(share_of_5xx(row), |share| {
        let role = if share <= 0.0 { Role::Dim } else { saturation(share, 0.01, 0.05) };
        Cell::new(format::percent(share), role)
    })
}

fn errors(row: &RowView<'_>) -> Cell {
    let rates = [row.rate(Field::Econ), row.rate(Field::Eresp)];
    let rate = rates.iter().flatten().sum::<f64>();
    if rates.iter().any(Option::is_some) {
        Cell::new(format::rate(rate), if rate > 0.0 { Role::Warn } else { Role::Dim })
    } else {
        Cell::unknown()
    }
}

fn response_time(row: &RowView<'_>) -> Cell {
    let is_tcp = row.text(TextField::Mode).is_some_and(|mode| mode.as_str() == "tcp");
    let field = if is_tcp { Field::Ttime } else { Field::Rtime };
    let is_idle = row.number(Field::Scur) == Some(0) && row.rate(Field::Stot).is_some_and(|rate| rate <= 0.0);
    Cell::maybe(row.number(field), |time| {
        // A mean of requests long past: HAProxy keeps showing it while nothing comes.
        let role = match time {
            _ if is_idle => Role::Dim,
            _ if is_tcp => Role::Normal,
            time => saturation(time as f64, 500.0, 1000.0),
        };
        Cell::new(format::millis(time), role)
    })
}

fn check(row: &RowView<'_>) -> Cell {
    let (Some(result), state) = (row.text(TextField::CheckStatus), row.row().state()) else {
        return Cell::unknown();
    };
    let result = result.as_str();
    let role = match state {
        State::Maint => Role::Dim,
        _ if result.trim_start_matches("* ").ends_with("OK") || result.ends_with("OKC") => Role::Normal,
        _ if result.starts_with("* ") || matches!(result, "INI" | "UNK" | "CHECKED") => Role::Dim,
        _ => Role::Bad,
    };
    match row.number(Field::CheckCode).filter(|_| role == Role::Bad) {
        Some(code) => Cell::new(format!("{result} {code}"), role),
        None => Cell::new(result, role),
    }
}

/// Which of `columns` fit into `width` cells with one blank between, and how wide each is. The first takes
/// what is left.
pub fn fit(columns: &'static [&'static Column], width: u16, spacing: u16) -> Vec<(&'static Column, u16)> {
    let mut kept: Vec<&'static Column> = columns.to_vec();
    let needed = |kept: &[&Column]| -> u16 {
        kept.iter().map(|column| column.width + spacing).sum::<u16>().saturating_sub(spacing)
    };
    while kept.len() > 1 && needed(&kept) > width {
        let lowest = kept.iter().enumerate().skip(1).min_by_key(|(_, column)| column.priority);
        match lowest.map(|(index, _)| index) {
            Some(index) => kept.remove(index),
            None => break,
        };
    }
    let spare = width.saturating_sub(needed(&kept));
    let wide =
        |index: usize, column: &Column| if index == 0 { (column.width + spare).min(width) } else { column.width };
    kept.iter().enumerate().map(|(index, column)| (*column, wide(index, column))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::testing::{SampleMaker, site};
    use std::sync::Arc;

    fn shown(watch: &Watch, name: &str, columns: &[&Column]) -> Vec<String> {
        let sample = Arc::clone(watch.newest().unwrap());
        let index = (0..sample.rows.ids().len())
            .find(|index| {
                let key = sample.rows.key(*index);
                key.name.as_str() == name || key.proxy.as_str() == name && key.kind != RowKind::Server
            })
            .unwrap();
        let row = RowView::new(watch, &sample, index);
        columns.iter().map(|column| (column.value)(&row).text).collect()
    }

    fn watch() -> Watch {
        let (mut watch, mut maker) = (Watch::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        let later = site().replace("40,110,,,,1,9000,,,,8900", "40,110,,,,11,9200,,,,9090");
        watch.take(maker.at_millis(2000, &later), 0);
        watch
    }

    #[test]
    fn cells_show_what_is_known_and_only_that() {
        let watch = watch();
        assert_eq!(shown(&watch, "www-in", FRONTENDS), ["www-in", "OPEN", "812/2000", "0", "100", "5.0%", "0B", "0B"]);
        assert_eq!(shown(&watch, "api", BACKENDS)[..5], ["api", "UP", "1/3", "53", "4"]);
        assert_eq!(shown(&watch, "api3", &[&STATUS, &SESSIONS_LIMIT, &CHECK, &SINCE]), ["MAINT", "0/50", "–", "50m"]);
        assert_eq!(shown(&watch, "old1", &[&CHECK, &RESPONSE_TIME]), ["L4CON", "–"]);
        assert_eq!(shown(&watch, "w1", &[&RESPONSES_5XX]), ["–"], "too few responses to tell a share");
    }

    #[test]
    fn narrow_panes_drop_the_least_important() {
        let ids = |width| fit(SERVERS, width, 1).iter().map(|(column, _)| column.id).collect::<Vec<_>>();
        assert_eq!(ids(26), ["name", "status"]);
        assert_eq!(ids(52), ["name", "status", "sess", "qcur", "req"]);
        assert_eq!(fit(SERVERS, 5, 1).len(), 1);
        for width in 0..200 {
            let total: u16 = fit(SERVERS, width, 1).iter().map(|(_, wide)| wide + 1).sum::<u16>().saturating_sub(1);
            assert!(total <= width.max(1), "{width}");
        }
    }

    #[test]
    fn column_ids_are_unique() {
        for (index, column) in COLUMNS.iter().enumerate() {
            assert!(COLUMNS[..index].iter().all(|other| other.id != column.id), "{}", column.id);
        }
    }
}
