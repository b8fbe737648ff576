//! Cells about where the time of the requests goes, whose time it is, and how full a row is (`docs/times.md`).

use crate::haproxy::fields::Field;
use crate::haproxy::stat_table::RowKind;
use crate::table::bar;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::SortKey;
use crate::table::columns::computed;
use crate::table::columns::interval_time;
use crate::table::columns::row_view::RowView;
use crate::units;

/// Width of the column with the bar of times, in terminal cells: the bar, and the mark of a longer time.
pub(crate) const TIME_COLUMN_WIDTH: u16 = TIME_BAR_WIDTH as u16 + 1;
/// Width of the bar of times, in terminal cells.
const TIME_BAR_WIDTH: usize = 21;
/// Heading of the bar: its parts, and the time that fills it.
pub(crate) const TIME_BAR_TITLE: &str = "QUE█CON▓RESP▒SEND░ =1s";
/// Time that fills the bar, in milliseconds. It is the same for all rows, so that their bars can be compared.
const FULL_BAR_MILLIS: f64 = 1000.0;
/// Mark after the bar of times that are longer together. Their parts share the bar.
const LONGER_MARK: char = '→';
/// Time below which a part counts as nothing: HAProxy measures whole milliseconds.
const MIN_MILLIS: f64 = 0.5;
/// The glyphs of the bar, in the order of [`TimeSplit::parts`].
const PART_GLYPHS: [&str; 4] = ["█", "▓", "▒", "░"];

/// Width of the number and of the bar in the column of sessions, in terminal cells.
const SESSIONS_WIDTH: usize = 11;
const SESSIONS_BAR_WIDTH: usize = 8;
/// Width of the column of sessions, in terminal cells.
pub(crate) const SESSIONS_COLUMN_WIDTH: u16 = (SESSIONS_WIDTH + 1 + SESSIONS_BAR_WIDTH) as u16;

/// Maximum number of frontends that are searched for clients that keep their connections.
const MAX_SEARCHED_FRONTENDS: usize = 64;
/// Requests per connection from which clients count as keeping their connections.
const KEPT_REQUESTS: f64 = 1.1;

/// The mean times of the requests of the last seconds, in milliseconds, in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TimeSplit {
    queue: f64,
    connect: f64,
    /// Time to the response; 0 in TCP mode, which has no responses.
    response: f64,
    /// The rest of the total time; `None` in TCP mode, and if it is unknown.
    rest: Option<f64>,
    /// True if the rest is the transfer alone, without pauses of the clients.
    is_rest_transfer: bool,
}

impl TimeSplit {
    /// Returns the times of a row; `None` if there were no or too few requests.
    fn from_row(row: &RowView<'_>) -> Option<Self> {
        let queue = interval_time::whole_millis(row, Field::Qtime)?;
        let connect = interval_time::whole_millis(row, Field::Ctime)?;
        let response = if row.is_tcp() { 0.0 } else { interval_time::whole_millis(row, Field::Rtime)? };
        let total = interval_time::whole_millis(row, Field::Ttime).filter(|_| !row.is_tcp());
        let rest = total.map(|total| (total - queue - connect - response).max(0.0));
        Some(Self { queue, connect, response, rest, is_rest_transfer: rest.is_some() && !are_connections_kept(row) })
    }

    /// Returns the parts of the bar. The client's pause is not part of it, because no request is in progress.
    fn parts(&self) -> [f64; 4] {
        let transfer = self.rest.filter(|_| self.is_rest_transfer).unwrap_or(0.0);
        [self.queue, self.connect, self.response, transfer]
    }

    fn total(&self) -> f64 {
        self.parts().iter().sum()
    }

    /// Returns the index of the longest part; `None` if all are shorter than a millisecond.
    fn longest_part(&self) -> Option<usize> {
        let parts = self.parts();
        // Of equal parts, the one further from HAProxy is named.
        let longest = (0..parts.len()).max_by(|one, other| parts[*one].total_cmp(&parts[*other]))?;
        (parts[longest] >= MIN_MILLIS).then_some(longest)
    }

    /// Draws the bar. The longest part is always visible. Times beyond the end of the bar share it, with a mark after it.
    fn bar(&self) -> String {
        let (parts, total, longest) = (self.parts(), self.total(), self.longest_part());
        let cells_per_milli = TIME_BAR_WIDTH as f64 / total.max(FULL_BAR_MILLIS);
        let (mut bar, mut used, mut end) = (String::new(), 0, 0.0);
        for (index, millis) in parts.iter().enumerate() {
            end += millis;
            let until = (end * cells_per_milli).round() as usize;
            let until = if longest == Some(index) { until.max(used + 1) } else { until };
            bar.push_str(&PART_GLYPHS[index].repeat(until.min(TIME_BAR_WIDTH).saturating_sub(used)));
            used = until.max(used);
        }
        bar.extend(std::iter::repeat_n(' ', TIME_BAR_WIDTH.saturating_sub(used)));
        bar.push(if total > FULL_BAR_MILLIS { LONGER_MARK } else { ' ' });
        bar
    }
}

/// Returns whether clients send several requests over a connection, or it is unknown. HAProxy counts the time until the
/// next request of a kept connection as time of that request.
fn are_connections_kept(row: &RowView<'_>) -> bool {
    let frontends = row.sample.rows.frontends();
    let too_many = frontends.len() > MAX_SEARCHED_FRONTENDS;
    let is_kept = |frontend: usize| {
        let growth =
            |field| row.instance.rates().growth(row.sample.rows.ids()[frontend], field).map(|(grown, _)| grown);
        let connections = growth(Field::ConnTot).or_else(|| growth(Field::Stot)).unwrap_or(0);
        growth(Field::ReqTot).is_none_or(|requests| requests as f64 > connections as f64 * KEPT_REQUESTS)
    };
    // In TCP mode, there are no requests to count.
    let mut frontends = frontends.iter().filter(|frontend| !row.sample.table.rows()[**frontend].is_tcp());
    too_many || frontends.any(|frontend| is_kept(*frontend))
}

/// Returns the role of the bar: that of its worst time.
fn time_role(row: &RowView<'_>) -> Role {
    let roles = [Field::Qtime, Field::Ctime, Field::Rtime].map(|field| interval_time::time_cell(row, field).role);
    [Role::Bad, Role::Warn].into_iter().find(|role| roles.contains(role)).unwrap_or(Role::Chart)
}

/// Returns the bar of the times of the last seconds.
pub(crate) fn time_bar_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(TimeSplit::from_row(row), |split| Cell::new(split.bar(), time_role(row)))
}

/// Returns the sort key: the sum of the times in the bar, in milliseconds.
pub(crate) fn time_bar_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(TimeSplit::from_row(row).map(|split| split.total()))
}

/// Returns whose time the longest part is.
pub(crate) fn time_owner_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(TimeSplit::from_row(row), |split| {
        let graded = |word, field| {
            let role = interval_time::time_cell(row, field).role;
            Cell::new(word, role)
        };
        match split.longest_part() {
            Some(0) => graded("HAProxy queue", Field::Qtime),
            Some(1) => graded("network", Field::Ctime),
            Some(2) => graded("application", Field::Rtime),
            Some(_) => Cell::plain("transfer"),
            None if row.is_tcp() => Cell::new("TCP session", Role::Dim),
            None => Cell::new("under 1 ms", Role::Dim),
        }
    })
}

/// Returns the sort key: the word for the owner of the longest part.
pub(crate) fn time_owner_key(row: &RowView<'_>) -> SortKey {
    let cell = time_owner_cell(row);
    if cell == Cell::unknown() { SortKey::Absent } else { SortKey::Text(cell.text.to_lowercase()) }
}

/// Returns the rest of the total time: the transfer, with the client's pause if clients keep their connections.
pub(crate) fn client_time_cell(row: &RowView<'_>) -> Cell {
    let split = TimeSplit::from_row(row).and_then(|split| Some((split.rest?, split.is_rest_transfer)));
    Cell::from_option(split, |(rest, is_transfer)| {
        let word = if is_transfer { "send" } else { "pause+send" };
        Cell::new(format!("{word} {}", units::millis(rest.round() as i64)), Role::Dim)
    })
}

/// Returns the sort key: the rest of the total time, in milliseconds.
pub(crate) fn client_time_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(TimeSplit::from_row(row).and_then(|split| split.rest))
}

/// Returns the sessions and their limit below the heading, after a bar if there is a limit.
pub(crate) fn sessions_bar_cell(row: &RowView<'_>) -> Cell {
    let cell = computed::sessions_limit_cell(row);
    let bar = bar::filled_part(computed::session_saturation(row).unwrap_or(0.0), SESSIONS_BAR_WIDTH);
    let role = if row.stat_row().kind == RowKind::Backend { Role::Dim } else { cell.role };
    Cell::new(format!("{bar:<SESSIONS_BAR_WIDTH$} {:>SESSIONS_WIDTH$}", cell.text), role)
}

/// Returns the sort key: the sessions as a share of their limit, in percent.
pub(crate) fn sessions_bar_key(row: &RowView<'_>) -> SortKey {
    computed::load_key(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::SampleBuilder;

    /// Adds two samples of a site. Between them, `requests` requests arrive over `connections` connections; the times
    /// are those of the plain means of all requests.
    fn site(connections: u64, times: [u64; 4]) -> Instance {
        site_with_frontend(connections, times, |requests| requests.to_string())
    }

    /// Adds the samples of [`site`] with another text for the requests of the frontend.
    fn site_with_frontend(
        connections: u64,
        [queue, connect, response, total]: [u64; 4],
        frontend_requests: impl Fn(u64) -> String,
    ) -> Instance {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for (millis, requests) in [(0, 0), (2000, 100), (4000, 200)] {
            let (connections, shown_requests) = (connections * millis / 2000, frontend_requests(requests));
            let stat = format!(
                "# pxname,svname,type,mode,status,scur,slim,stot,req_tot,conn_tot,lbtot,econ,hrsp_2xx,qtime,ctime,rtime,ttime,\n\
                 fe,FRONTEND,0,http,OPEN,8,10,{connections},{shown_requests},{connections},,,{requests},,,,,\n\
                 be,s1,2,http,UP,5,100,{requests},{requests},,{requests},0,{requests},{queue},{connect},{response},{total},\n\
                 tcp,t1,2,tcp,UP,0,,{requests},,,{requests},0,,0,0,0,{total},\n"
            );
            instance.add_sample(builder.build_at_millis(millis, &stat), 0);
        }
        instance
    }

    fn texts(instance: &Instance, row: usize) -> [String; 3] {
        let row = RowView::new(instance, instance.shown().unwrap(), row);
        [time_bar_cell, time_owner_cell, client_time_cell].map(|cell| cell(&row).text.trim_end().to_owned())
    }

    #[test]
    fn time_cells_name_the_longest_part_and_its_owner() {
        let cases = [
            ([300, 0, 200, 500], ["██████▒▒▒▒▒", "HAProxy queue", "send 0ms"]),
            ([0, 500, 100, 600], ["▓▓▓▓▓▓▓▓▓▓▓▒▒", "network", "send 0ms"]),
            ([0, 0, 1000, 1000], ["▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒", "application", "send 0ms"]),
            ([0, 0, 2000, 2000], ["▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒→", "application", "send 0ms"]),
            ([0, 0, 10, 10], ["▒", "application", "send 0ms"]),
            ([0, 0, 25, 125], ["▒░░", "transfer", "send 100ms"]),
            ([0, 0, 0, 0], ["", "under 1 ms", "send 0ms"]),
        ];
        for (times, expected) in cases {
            assert_eq!(texts(&site(100, times), 1), expected, "{times:?}");
        }
    }

    #[test]
    fn client_time_is_a_pause_while_clients_keep_connections() {
        let shown = texts(&site(1, [0, 0, 21, 197]), 1);
        assert_eq!(shown, ["▒", "application", "pause+send 176ms"], "the pause is not part of the bar");
    }

    #[test]
    fn client_time_may_be_a_pause_while_the_requests_of_a_frontend_are_unknown() {
        let instance = site_with_frontend(100, [0, 0, 21, 197], |_| String::new());
        assert_eq!(texts(&instance, 1)[2], "pause+send 176ms");
    }

    #[test]
    fn tcp_rows_show_no_response() {
        let instance = site(1, [0, 0, 21, 120]);
        assert_eq!(texts(&instance, 2), ["", "TCP session", "–"]);
        let row = RowView::new(&instance, instance.shown().unwrap(), 2);
        assert_eq!(interval_time::time_cell(&row, Field::Rtime), Cell::unknown());
    }

    #[test]
    fn sessions_bar_fills_only_at_the_limit() {
        let instance = site(1, [0, 0, 21, 120]);
        let cell = |row| sessions_bar_cell(&RowView::new(&instance, instance.shown().unwrap(), row));
        assert_eq!(cell(0), Cell::new("██████▍         8/10", Role::Warn));
        assert_eq!(cell(1), Cell::new("▍              5/100", Role::Normal));
        assert_eq!(cell(2).text, "                   0");
    }
}
