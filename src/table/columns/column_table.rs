//! The table of all columns. [`crate::table::columns::column_sets`] lists the default columns of each view.

use std::sync::LazyLock;

use crate::haproxy::fields::{Field, FieldKind, TextField, Unit};
use crate::instance::compared_metrics;
use crate::table::columns::column::{Align, Column, ColumnSource};
use crate::table::columns::computed;
use crate::table::columns::diff;
use crate::table::columns::out_of_service;
use crate::table::columns::outlook;
use crate::table::columns::spread;
use crate::table::columns::time_split;

/// Returns a column; `names` contains its id and its heading.
const fn computed_column(
    names: (&'static str, &'static str),
    width: u16,
    priority: u8,
    align: Align,
    help: &'static str,
    source: ColumnSource,
) -> Column {
    Column { id: names.0, title: names.1, help, width, priority, align, source }
}

/// Returns the column of a numeric field; the column's id is HAProxy's name for the field.
const fn number_column(field: Field, title: &'static str, width: u16, priority: u8) -> Column {
    let info = field.info();
    Column {
        id: info.name,
        title,
        help: info.help,
        width,
        priority,
        align: Align::Right,
        source: ColumnSource::Number(field),
    }
}

/// Returns the column of a counter's rate per second.
const fn rate_column(id: &'static str, field: Field, title: &'static str, width: u16, priority: u8) -> Column {
    let source = ColumnSource::PerSecond(field);
    Column { id, title, help: field.info().help, width, priority, align: Align::Right, source }
}

/// Returns the column of the mean time of the last seconds, computed from HAProxy's mean in `field`.
const fn time_column(field: Field, names: (&'static str, &'static str), priority: u8, help: &'static str) -> Column {
    computed_column(names, 6, priority, Align::Right, help, ColumnSource::IntervalTime(field))
}

/// Returns the column of a text field.
const fn text_column(
    field: TextField,
    names: (&'static str, &'static str),
    width: u16,
    priority: u8,
    help: &'static str,
) -> Column {
    computed_column(names, width, priority, Align::Left, help, ColumnSource::Text(field))
}

/// Builds the source of a computed value that needs only one sample.
macro_rules! current {
    ($cell:ident, $key:ident) => {
        ColumnSource::Computed { cell: computed::$cell, key: computed::$key, needs_two_samples: false }
    };
}

/// Builds the source of a computed value that needs two samples.
macro_rules! two_samples {
    ($cell:ident, $key:ident) => {
        ColumnSource::Computed { cell: computed::$cell, key: computed::$key, needs_two_samples: true }
    };
}

/// Builds the source of a value computed for servers that are out of service.
macro_rules! out_of_service {
    ($cell:ident, $key:ident) => {
        ColumnSource::Computed { cell: out_of_service::$cell, key: out_of_service::$key, needs_two_samples: false }
    };
}

/// Builds the source of a value about the future.
macro_rules! outlook {
    ($cell:ident, $key:ident, $needs_two_samples:literal) => {
        ColumnSource::Computed { cell: outlook::$cell, key: outlook::$key, needs_two_samples: $needs_two_samples }
    };
}

/// Returns the column of a number of [`compared_metrics::METRICS`] before and after.
macro_rules! before_after {
    ($names:expr, $width:literal, $priority:literal, $help:literal, $metric:ident) => {
        computed_column(
            $names,
            $width,
            $priority,
            Align::Right,
            $help,
            ColumnSource::Compared {
                cell: |row| diff::before_after_cell(row, compared_metrics::$metric),
                key: |row| diff::before_after_key(row, compared_metrics::$metric),
            },
        )
    };
}

/// Builds the source of a value about where the time goes.
macro_rules! time_split {
    ($cell:ident, $key:ident, $needs_two_samples:literal) => {
        ColumnSource::Computed { cell: time_split::$cell, key: time_split::$key, needs_two_samples: $needs_two_samples }
    };
}

macro_rules! columns {
    ($($name:ident = $column:expr;)*) => {
        $(pub(crate) static $name: Column = $column;)*

        /// The columns of the table below; `FIELD_COLUMNS` contains the columns of the other fields of HAProxy.
        pub(crate) static COLUMNS: &[&Column] = &[$(&$name),*];
    };
}

columns! {
    NAME = computed_column(("name", "NAME"), 12, 255, Align::Left, "name of the frontend, backend or server", current!(name_cell, name_key));
    BALANCERS = computed_column(("balancers", "BALANCERS"), 16, 249, Align::Left, "number of balancers that have the row, and its states if they differ; only while the rows of all balancers are merged", ColumnSource::Merged { cell: spread::balancers_cell, key: spread::balancers_key });
    KIND_TAG = computed_column(("side", ""), 2, 190, Align::Left, "fe for a frontend, be for a backend, li for a listener", current!(side_cell, kind_key));
    KIND = computed_column(("kind", "KIND"), 8, 60, Align::Left, "frontend, backend, server or listener", current!(kind_cell, kind_key));
    PROXY = computed_column(("proxy", "PROXY"), 12, 60, Align::Left, "name of the proxy", current!(proxy_cell, proxy_key));
    STATUS = computed_column(("status", "STATE"), 8, 250, Align::Left, "state, in HAProxy's words", current!(status_cell, status_key));
    USABLE = computed_column(("usable", "UP"), computed::USABLE_WIDTH as u16, 219, Align::Right, "active servers that take traffic / all active servers + usable backups", current!(usable_cell, usable_key));
    SESSIONS_LIMIT = computed_column(("sess", "SESS/LIM"), 11, 240, Align::Right, "current sessions and their limit", current!(sessions_limit_cell, sessions_key));
    SESSIONS = Column { id: "sessions", title: "SESS", priority: 200, ..number_column(Field::Scur, "", 5, 0) };
    CAUSE = computed_column(("problem", "PROBLEM"), 8, 242, Align::Left, "worst cause in one word; sessions left while draining", two_samples!(cause_cell, cause_key));
    WORST_PROBLEM = computed_column(("trouble", "PROBLEM"), 12, 242, Align::Left, "worst problem of the row, for example an outlier among its peers", two_samples!(cause_cell, cause_key));
    LOAD = computed_column(("load", "LOAD"), 5, 130, Align::Right, "sessions as a share of their limit, in percent", current!(load_cell, load_key));
    FULL_IN = computed_column(("full_in", "FULL IN"), 7, 199, Align::Right, "time until a session or queue limit is reached at the present growth, in seconds", outlook!(full_in_cell, full_in_key, true));
    SERVER_LOSS = computed_column(("loss", "N-1"), 5, 107, Align::Right, "load of the fullest remaining server if the busiest one were lost, in percent of its limit", outlook!(server_loss_cell, server_loss_key, false));
    QUEUE = computed_column(("queue", "QUEUE"), 5, 235, Align::Right, "queued requests; for a backend including those queued for its servers", current!(queue_cell, queue_key));
    REQUESTS = computed_column(("req", "REQ/S"), 6, 220, Align::Right, "requests per second; sessions per second for TCP", two_samples!(requests_cell, requests_key));
    SHARE_5XX = computed_column(("5xx", "5XX"), 5, 210, Align::Right, "share of 5xx among the responses of the last seconds, in percent", two_samples!(share_5xx_cell, share_5xx_key));
    ERRORS = computed_column(("err", "ERR/S"), 5, 190, Align::Right, "connection and response errors per second", two_samples!(errors_cell, errors_key));
    RESPONSE_TIME = computed_column(("resp", "RTIME"), 6, 205, Align::Right, "mean response time of the last seconds; unknown for TCP", two_samples!(response_time_cell, response_time_key));
    TIME_BAR = computed_column(("times", time_split::TIME_BAR_TITLE), time_split::TIME_COLUMN_WIDTH, 237, Align::Right, "mean times of the last seconds, one after the other: queue, connect, response, transfer; a full bar is 1 s, and → marks a longer time", time_split!(time_bar_cell, time_bar_key, true));
    TIME_OWNER = computed_column(("time_in", "TIME IN"), 13, 238, Align::Left, "part that takes the most time: HAProxy queue, network, application or transfer", time_split!(time_owner_cell, time_owner_key, true));
    CLIENT_TIME = computed_column(("client_now", "CLIENT'S TIME"), 16, 212, Align::Right, "rest of the mean total time: transfer, and with keep-alive the client's pause before the request", time_split!(client_time_cell, client_time_key, true));
    SESSIONS_BAR = computed_column(("sess_bar", "SESSIONS"), time_split::SESSIONS_COLUMN_WIDTH, 222, Align::Right, "current sessions and their limit, after a bar", time_split!(sessions_bar_cell, sessions_bar_key, false));
    CHECK = computed_column(("check", "CHECK"), 10, 189, Align::Left, "result of the last health check", current!(check_cell, check_key));
    CHECK_TEXT = computed_column(("check_text", "LAST CHECK"), 24, 70, Align::Left, "result of the last health check, and the text in the server's reply", current!(check_text_cell, check_text_key));
    REUSE_SHARE = computed_column(("reused", "REUSED"), 6, 90, Align::Right, "share of requests sent over a reused connection, in percent", two_samples!(reuse_cell, reuse_key));
    CACHE_SHARE = computed_column(("cached", "CACHE"), 5, 45, Align::Right, "share of cache lookups that were hits, in percent", two_samples!(cache_cell, cache_key));
    ORDERED_BY = computed_column(("by", "BY"), 14, 225, Align::Left, "who ordered the state, if recorded", out_of_service!(ordered_by_cell, ordered_by_key));
    DRAIN_STATUS = computed_column(("left", "LEFT"), 48, 100, Align::Left, "sessions left on a draining server, estimated time, reason", out_of_service!(drain_status_cell, drain_status_key));

    LARGEST_CHANGE = computed_column(("changed", "CHANGE"), 28, 248, Align::Left, "most important change, before → after", ColumnSource::Compared { cell: diff::largest_change_cell, key: diff::largest_change_key });
    BEFORE_AFTER_SERVED = before_after!(("req+", "REQ/S"), 11, 230, "requests per second before and after; sessions for TCP", SERVED);
    BEFORE_AFTER_5XX = before_after!(("5xx+", "5XX"), 10, 228, "share of 5xx among the responses before and after", SHARE_5XX);
    BEFORE_AFTER_RTIME = before_after!(("rtime+", "RESPONSE"), 11, 229, "mean response time before and after", RESPONSE);
    BEFORE_AFTER_ERRORS = before_after!(("err+", "ERRORS"), 10, 226, "share of failed connections and responses before and after; HAProxy counts such a request also as a 5xx", ERROR_SHARE);
    BEFORE_AFTER_SESSIONS = before_after!(("sess+", "SESSIONS"), 11, 220, "mean number of sessions before and after", SESSIONS);
    BEFORE_AFTER_QUEUE = before_after!(("queue+", "QUEUE"), 9, 210, "mean number of queued requests before and after", QUEUE);
    BEFORE_AFTER_QUEUE_TIME = before_after!(("qtime+", "QUEUE TIME"), 11, 200, "mean time in the queue before and after", QUEUE_TIME);
    BEFORE_AFTER_WEIGHT = computed_column(("weight+", "WEIGHT"), 7, 150, Align::Right, "weight, before and after if it changed", ColumnSource::Compared { cell: diff::weight_cell, key: diff::largest_change_key });
    BEFORE_AFTER_DOWNS = before_after!(("down+", "DOWN"), 5, 140, "number of transitions to DOWN before and after", DOWNS);
    BEFORE_AFTER_4XX = before_after!(("4xx+", "4XX"), 11, 170, "share of 4xx among the responses before and after", SHARE_4XX);
    BEFORE_AFTER_RETRIES = before_after!(("retr+", "RETRY/S"), 9, 160, "retries per second before and after", RETRIES);
    BEFORE_AFTER_IN = before_after!(("bin+", "IN/S"), 11, 120, "bytes received per second before and after", BYTES_IN);
    BEFORE_AFTER_OUT = before_after!(("bout+", "OUT/S"), 11, 130, "bytes sent per second before and after", BYTES_OUT);

    COMPRESSION = computed_column(("compressed", "COMPR"), 5, 44, Align::Right, "compressed size as a share of the original size, in percent", two_samples!(compression_cell, compression_key));

    WEIGHT = number_column(Field::Weight, "WGHT", 5, 170);
    USER_WEIGHT = number_column(Field::Uweight, "UWGHT", 5, 80);
    ACTIVE_SERVERS = number_column(Field::Act, "ACT", 5, 140);
    BACKUP_SERVERS = number_column(Field::Bck, "BCK", 5, 139);
    QCUR = number_column(Field::Qcur, "QCUR", 5, 226);
    QMAX = number_column(Field::Qmax, "QMAX", 5, 120);
    QLIMIT = number_column(Field::Qlimit, "QLIM", 5, 85);
    SCUR = number_column(Field::Scur, "SCUR", 5, 230);
    SMAX = number_column(Field::Smax, "SMAX", 5, 125);
    SLIM = number_column(Field::Slim, "SLIM", 5, 228);
    STOT = number_column(Field::Stot, "STOT", 5, 110);
    LBTOT = number_column(Field::Lbtot, "LBTOT", 5, 120);
    RATE = number_column(Field::Rate, "RATE", 5, 220);
    RATE_LIM = number_column(Field::RateLim, "RLIM", 5, 125);
    RATE_MAX = number_column(Field::RateMax, "RMAX", 5, 130);
    BIN = number_column(Field::Bin, "BIN", 5, 150);
    BOUT = number_column(Field::Bout, "BOUT", 5, 150);
    REQ_RATE = number_column(Field::ReqRate, "RQRATE", 6, 158);
    REQ_MAX = number_column(Field::ReqRateMax, "RQMAX", 5, 130);
    REQ_TOT = number_column(Field::ReqTot, "RQTOT", 5, 120);
    HRSP_1XX = number_column(Field::Hrsp1xx, "#1XX", 5, 100);
    HRSP_2XX = number_column(Field::Hrsp2xx, "#2XX", 5, 150);
    HRSP_3XX = number_column(Field::Hrsp3xx, "#3XX", 5, 140);
    HRSP_4XX = number_column(Field::Hrsp4xx, "#4XX", 5, 160);
    HRSP_5XX = number_column(Field::Hrsp5xx, "#5XX", 5, 180);
    HRSP_OTHER = number_column(Field::HrspOther, "OTHER", 5, 95);
    CHKFAIL = number_column(Field::Chkfail, "CF", 5, 200);
    CHKDOWN = number_column(Field::Chkdown, "CD", 5, 195);
    LASTCHG = number_column(Field::Lastchg, "SINCE", 5, 190);
    DOWNTIME = number_column(Field::Downtime, "DOWN", 5, 130);
    ECON = number_column(Field::Econ, "ECONN", 5, 185);
    EREQ = number_column(Field::Ereq, "EREQ", 5, 160);
    ERESP = number_column(Field::Eresp, "ERSP", 5, 180);
    DREQ = number_column(Field::Dreq, "DREQ", 5, 140);
    DRESP = number_column(Field::Dresp, "DRSP", 5, 140);
    DCON = number_column(Field::Dcon, "DCON", 5, 80);
    DSES = number_column(Field::Dses, "DSES", 5, 79);
    WRETR = number_column(Field::Wretr, "RETR", 5, 150);
    WREDIS = number_column(Field::Wredis, "REDIS", 5, 145);
    CLI_ABRT = number_column(Field::CliAbrt, "CLABR", 5, 120);
    SRV_ABRT = number_column(Field::SrvAbrt, "SVABR", 5, 130);
    QTIME_NOW = time_column(Field::Qtime, ("qtime_now", "QTIME"), 234, "mean time in queue of the last seconds");
    CTIME_NOW = time_column(Field::Ctime, ("ctime_now", "CTIME"), 218, "mean time to connect of the last seconds");
    RTIME_NOW = time_column(Field::Rtime, ("rtime_now", "RTIME"), 236, "mean response time of the last seconds; not for TCP");
    TTIME_NOW = time_column(Field::Ttime, ("ttime_now", "TTIME"), 150, "mean total time of the last seconds, with the client's pause before a request; for TCP, the length of the sessions");
    QTIME = number_column(Field::Qtime, "Q512", 6, 60);
    CTIME = number_column(Field::Ctime, "C512", 6, 58);
    RTIME = number_column(Field::Rtime, "R512", 6, 64);
    TTIME = number_column(Field::Ttime, "T512", 6, 62);
    QTIME_MAX = number_column(Field::QtimeMax, "QTMAX", 6, 110);
    CTIME_MAX = number_column(Field::CtimeMax, "CTMAX", 6, 108);
    RTIME_MAX = number_column(Field::RtimeMax, "RTMAX", 6, 115);
    TTIME_MAX = number_column(Field::TtimeMax, "TTMAX", 6, 112);
    THROTTLE = number_column(Field::Throttle, "THRTL", 5, 75);
    CHECK_CODE = number_column(Field::CheckCode, "CODE", 4, 100);
    CHECK_DURATION = number_column(Field::CheckDuration, "CHKTM", 6, 105);
    LASTSESS = number_column(Field::Lastsess, "LSESS", 5, 85);
    CONNECT = number_column(Field::Connect, "CONN", 5, 80);
    REUSE = number_column(Field::Reuse, "REUSE", 5, 82);
    IDLE = number_column(Field::SrvIcur, "IDLE", 5, 84);
    USED = number_column(Field::UsedConnCur, "USED", 5, 83);

    SESSION_RATE = rate_column("stot/s", Field::Stot, "SESS/S", 6, 198);
    LB_RATE = rate_column("lbtot/s", Field::Lbtot, "LB/S", 5, 118);
    BYTES_IN = rate_column("bin/s", Field::Bin, "IN/S", 5, 152);
    BYTES_OUT = rate_column("bout/s", Field::Bout, "OUT/S", 5, 153);
    RATE_1XX = rate_column("1xx/s", Field::Hrsp1xx, "1xx/S", 5, 98);
    RATE_2XX = rate_column("2xx/s", Field::Hrsp2xx, "2xx/S", 5, 155);
    RATE_3XX = rate_column("3xx/s", Field::Hrsp3xx, "3xx/S", 5, 145);
    RATE_4XX = rate_column("4xx/s", Field::Hrsp4xx, "4xx/S", 5, 175);
    RATE_5XX = rate_column("5xx/s", Field::Hrsp5xx, "5xx/S", 5, 185);
    ECON_RATE = rate_column("econ/s", Field::Econ, "ECON/S", 6, 186);
    ERESP_RATE = rate_column("eresp/s", Field::Eresp, "ERSP/S", 6, 182);
    EREQ_RATE = rate_column("ereq/s", Field::Ereq, "EREQ/S", 6, 165);
    RETRY_RATE = rate_column("wretr/s", Field::Wretr, "RETR/S", 6, 155);

    CHECK_STATUS = text_column(TextField::CheckStatus, ("check_status", "CHECK_STATUS"), 12, 40, "result of the last health check, as reported by HAProxy");
    CHECK_DESC = text_column(TextField::CheckDesc, ("check_desc", "CHECK_DESC"), 20, 40, "meaning of the last health check's result");
    LAST_CHK = text_column(TextField::LastChk, ("last_chk", "LAST_CHK"), 24, 40, "text in the server's reply to the last check");
    AGENT = text_column(TextField::AgentStatus, ("agent_status", "AGENT"), 8, 60, "result of the last agent check");
    AGENT_DESC = text_column(TextField::AgentDesc, ("agent_desc", "AGENT RESULT"), 20, 41, "meaning of the last agent check's result");
    LAST_AGT = text_column(TextField::LastAgt, ("last_agt", "LAST AGENT"), 24, 42, "text of the agent's last reply");
    COOKIE = text_column(TextField::Cookie, ("cookie", "COOKIE"), 10, 50, "cookie value of a server or cookie name of a backend");
    ALGO = text_column(TextField::Algo, ("algo", "ALGO"), 11, 55, "load balancing algorithm");
    MODE = text_column(TextField::Mode, ("mode", "MODE"), 4, 54, "tcp, http, …");
    PROTO = text_column(TextField::Proto, ("proto", "PROTO"), 7, 43, "protocol of a listener or server, if set");
    ADDR = text_column(TextField::Addr, ("addr", "ADDRESS"), 21, 52, "address and port of a server");
    TRACKED = text_column(TextField::Tracked, ("tracked", "TRACKED"), 14, 48, "server whose health this one tracks");
}

/// The columns of all numeric fields, and of the rates of all counters, that are missing from the table above.
static FIELD_COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let mut columns = Vec::new();
    for field in Field::ALL {
        let info = field.info();
        let title = |suffix: &str| -> &'static str {
            Box::leak(format!("{}{suffix}", info.name.to_uppercase()).into_boxed_str())
        };
        let min_width = |title: &str| (title.chars().count() as u16).max(if info.unit == Unit::Millis { 6 } else { 5 });
        if !COLUMNS.iter().any(|column| column.id == info.name) {
            let title = title("");
            columns.push(Column { width: min_width(title), title, ..number_column(*field, "", 5, 40) });
        }
        if info.kind == FieldKind::Counter {
            let id: &'static str = Box::leak(format!("{}/s", info.name).into_boxed_str());
            if !COLUMNS.iter().any(|column| column.id == id) {
                let title = title("/S");
                columns.push(Column { width: min_width(title), title, ..rate_column(id, *field, "", 5, 40) });
            }
        }
    }
    columns
});

/// Returns all columns.
pub fn all() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().copied().chain(FIELD_COLUMNS.iter())
}

/// Returns the column with this id, ignoring case, or `None` if the id is unknown.
pub fn by_id(id: &str) -> Option<&'static Column> {
    all().find(|column| column.id.eq_ignore_ascii_case(id))
}

/// Returns the column with this id, or else the first column with this heading, ignoring case. The columns of
/// view `S` have ids only, because their headings are those of other columns.
pub(crate) fn by_name(name: &str) -> Option<&'static Column> {
    let has_heading = |column: &&Column| !column.is_comparison() && column.title.eq_ignore_ascii_case(name);
    by_id(name).or_else(|| all().filter(|column| !column.title.is_empty()).find(has_heading))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::stat_table::RowKind;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::table::columns::column_sets::{BACKENDS, FRONTENDS};
    use crate::table::columns::row_view::RowView;
    use std::sync::Arc;

    fn shown(instance: &Instance, name: &str, columns: &[&Column]) -> Vec<String> {
        let sample = Arc::clone(instance.shown().unwrap());
        let index = (0..sample.rows.ids().len())
            .find(|index| {
                let key = &sample.table.rows()[*index];
                key.name.as_str() == name || key.proxy.as_str() == name && key.kind != RowKind::Server
            })
            .unwrap();
        let row = RowView::new(instance, &sample, index);
        columns.iter().map(|column| column.cell(&row).text).collect()
    }

    fn sampled_instance() -> Instance {
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(maker.build_at_millis(0, &stat_of_site()), 0);
        let later = stat_of_site().replace("40,110,,,,1,9000,,,,8900", "40,110,,,,11,9200,,,,9090");
        instance.add_sample(maker.build_at_millis(2000, &later), 0);
        instance
    }

    #[test]
    fn cells_show_known_values_only() {
        let instance = sampled_instance();
        assert_eq!(
            shown(&instance, "www-in", FRONTENDS),
            ["www-in", "OPEN", "812/2000", "–", "0", "100", "5.0%", "0B", "0B"]
        );
        assert_eq!(shown(&instance, "api", BACKENDS)[..5], ["api", "UP", "1/3", "53", "8"]);
        assert_eq!(
            shown(&instance, "api3", &[&STATUS, &SESSIONS_LIMIT, &CHECK, &LASTCHG]),
            ["MAINT", "0/50", "–", "50m"]
        );
        assert_eq!(shown(&instance, "old1", &[&CHECK, &RESPONSE_TIME]), ["L4CON", "–"]);
        assert_eq!(shown(&instance, "w1", &[&SHARE_5XX]), ["–"], "too few responses for a share");
    }

    #[test]
    fn column_ids_are_unique() {
        let columns: Vec<&Column> = all().collect();
        for (index, column) in columns.iter().enumerate() {
            assert!(columns[..index].iter().all(|other| other.id != column.id), "{}", column.id);
        }
    }

    #[test]
    fn every_field_has_a_column_and_every_counter_a_rate_column() {
        for field in Field::ALL {
            let info = field.info();
            assert!(by_id(info.name).is_some(), "{}", info.name);
            assert!(
                info.kind != FieldKind::Counter
                    || all().any(|column| matches!(column.source, ColumnSource::PerSecond(known) if known == *field))
            );
        }
        assert_eq!(by_id("h1req/s").map(|column| column.title), Some("H1REQ/S"));
        assert!(by_id("nonsense").is_none());
    }

    #[test]
    fn by_name_prefers_ids_to_headings() {
        let id = |name: &str| by_name(name).map(|column| column.id);
        assert_eq!(
            [id("state"), id("REQ/S"), id("since"), id("qmax")].map(Option::unwrap),
            ["status", "req", "lastchg", "qmax"]
        );
        assert_eq!(id("down"), Some("downtime"), "not the column of view S");
        assert_eq!([id("nonsense"), id("")], [None; 2]);
    }
}
