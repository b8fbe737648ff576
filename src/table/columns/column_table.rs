//! The COLUMNS table. Which of them a view shows by itself is told by [`crate::table::columns::column_sets`].

use std::sync::LazyLock;

use crate::haproxy::fields::{Field, Kind, TextField, Unit};
use crate::table::columns::column::{Align, Column, Source};
use crate::table::columns::computed;
use crate::table::columns::diff;
use crate::table::columns::out_of_service;

const fn made(
    names: (&'static str, &'static str),
    width: u16,
    priority: u8,
    align: Align,
    help: &'static str,
    source: Source,
) -> Column {
    Column { id: names.0, title: names.1, help, width, priority, align, source }
}

/// A number as HAProxy gives it, under its own name.
const fn number(field: Field, title: &'static str, width: u16, priority: u8) -> Column {
    let info = field.info();
    Column {
        id: info.name,
        title,
        help: info.help,
        width,
        priority,
        align: Align::Right,
        source: Source::Number(field),
    }
}

/// A counter per second.
const fn per_second(id: &'static str, field: Field, title: &'static str, width: u16, priority: u8) -> Column {
    let source = Source::PerSecond(field);
    Column { id, title, help: field.info().help, width, priority, align: Align::Right, source }
}

const fn text(
    field: TextField,
    names: (&'static str, &'static str),
    width: u16,
    priority: u8,
    help: &'static str,
) -> Column {
    made(names, width, priority, Align::Left, help, Source::Text(field))
}

macro_rules! made {
    ($cell:ident, $key:ident) => {
        Source::Made { cell: computed::$cell, key: computed::$key, spans: false }
    };
}

/// What happened between two samples.
macro_rules! spanning {
    ($cell:ident, $key:ident) => {
        Source::Made { cell: computed::$cell, key: computed::$key, spans: true }
    };
}

macro_rules! away {
    ($cell:ident, $key:ident) => {
        Source::Made { cell: out_of_service::$cell, key: out_of_service::$key, spans: false }
    };
}

/// What counters grew by since the marked moment, together.
const fn grown(fields: &'static [Field]) -> Source {
    Source::SinceMark { fields, cell: diff::grown_cell, key: diff::grown_key }
}

/// A number at the marked moment and now.
const fn both(field: &'static [Field]) -> Source {
    Source::SinceMark { fields: field, cell: diff::both_cell, key: diff::both_key }
}

macro_rules! columns {
    ($($name:ident = $column:expr;)*) => {
        $(pub(crate) static $name: Column = $column;)*

        /// Every column that has a place in a view or a name of its own.
        pub static COLUMNS: &[&Column] = &[$(&$name),*];
    };
}

columns! {
    NAME = made(("name", "NAME"), 12, 255, Align::Left, "name of the frontend, backend or server", made!(name, name_key));
    SIDE = made(("side", ""), 2, 254, Align::Left, "fe for a frontend, be for a backend, li for a listener", made!(side, kind_key));
    KIND = made(("kind", "KIND"), 8, 60, Align::Left, "frontend, backend, server or listener", made!(kind, kind_key));
    PROXY = made(("proxy", "PROXY"), 12, 60, Align::Left, "name of the proxy", made!(proxy, proxy_key));
    STATUS = made(("status", "STATE"), 8, 250, Align::Left, "state, in HAProxy's words", made!(status, status_key));
    USABLE = made(("usable", "UP"), computed::USABLE_WIDTH as u16, 245, Align::Right, "active servers that take traffic, of all; + backups that could", made!(usable, usable_key));
    SESSIONS_LIMIT = made(("sess", "SESS/LIM"), 11, 240, Align::Right, "sessions now, and their limit", made!(sessions_limit, sessions_key));
    SESSIONS = Column { id: "sessions", title: "SESS", priority: 200, ..number(Field::Scur, "", 5, 0) };
    VERDICT = made(("problem", "PROBLEM"), 8, 215, Align::Left, "what is wrong: a backend's verdict in a word, a server's worst problem", spanning!(verdict, verdict_key));
    TROUBLE = made(("trouble", "PROBLEM"), 12, 148, Align::Left, "the worst problem of the row, an outlier among its peers for one", spanning!(verdict, verdict_key));
    LOAD = made(("load", "LOAD"), 5, 130, Align::Right, "sessions as a share of their limit; percent", made!(load, load_key));
    QUEUE = made(("queue", "QUEUE"), 5, 235, Align::Right, "requests waiting now; of a backend, those that wait for one server too", made!(queue, queue_key));
    REQUESTS = made(("req", "REQ/S"), 6, 220, Align::Right, "requests a second; sessions a second for TCP", spanning!(requests, requests_key));
    SHARE_5XX = made(("5xx", "5XX"), 5, 210, Align::Right, "share of 5xx among the responses of the last seconds; percent", spanning!(share_5xx, share_5xx_key));
    ERRORS = made(("err", "ERR/S"), 5, 190, Align::Right, "connection and response errors a second", spanning!(errors, errors_key));
    RESPONSE_TIME = made(("resp", "RTIME"), 6, 205, Align::Right, "response time, mean of the last 1,024 requests; for TCP the total time", made!(response_time, response_time_key));
    CHECK = made(("check", "CHECK"), 10, 180, Align::Left, "result of the last health check", made!(check, check_key));
    CHECK_TEXT = made(("check_text", "LAST CHECK"), 24, 70, Align::Left, "what the last health check found", made!(check_text, check_text_key));
    REUSE_SHARE = made(("reused", "REUSE"), 5, 90, Align::Right, "share of requests over a reused connection; percent", spanning!(reuse, reuse_key));
    CACHE_SHARE = made(("cached", "CACHE"), 5, 45, Align::Right, "share of cache look-ups that found something; percent", spanning!(cache, cache_key));
    BY = made(("by", "BY"), 14, 225, Align::Left, "who ordered the state, as far as the audit knows", away!(by, by_key));
    LEFT = made(("left", "LEFT"), 48, 100, Align::Left, "what is left on a server that drains, for how long, and why", away!(left, left_key));

    CHANGED = made(("changed", "CHANGED"), 20, 248, Align::Left, "what changed most since the mark", Source::SinceMark { fields: &[], cell: diff::changed, key: diff::changed_key });
    MORE_SERVED = made(("req+", "+REQ"), 5, 230, Align::Right, "requests since the mark; sessions for TCP", Source::SinceMark { fields: &[], cell: diff::served, key: diff::served_key });
    MORE_5XX = made(("5xx+", "+5XX"), 5, 228, Align::Right, "responses with a 5xx status since the mark", grown(&[Field::Hrsp5xx]));
    MORE_4XX = made(("4xx+", "+4XX"), 5, 150, Align::Right, "responses with a 4xx status since the mark", grown(&[Field::Hrsp4xx]));
    MORE_ERRORS = made(("err+", "+ERR"), 5, 226, Align::Right, "connection, response and request errors since the mark", grown(&[Field::Econ, Field::Eresp, Field::Ereq]));
    MORE_RETRIES = made(("retr+", "+RETR"), 5, 190, Align::Right, "retries and redispatches since the mark", grown(&[Field::Wretr, Field::Wredis]));
    MORE_DOWNS = made(("down+", "+DOWN"), 5, 170, Align::Right, "times gone down since the mark", grown(&[Field::Chkdown]));
    MORE_IN = made(("bin+", "+IN"), 5, 180, Align::Right, "bytes received since the mark", grown(&[Field::Bin]));
    MORE_OUT = made(("bout+", "+OUT"), 5, 185, Align::Right, "bytes sent since the mark", grown(&[Field::Bout]));
    BOTH_SESSIONS = made(("sess+", "SESSIONS"), 11, 220, Align::Right, "sessions at the mark, and now", both(&[Field::Scur]));
    BOTH_QUEUE = made(("queue+", "QUEUE"), 11, 210, Align::Right, "requests waiting at the mark, and now", both(&[Field::Qcur]));
    BOTH_WEIGHT = made(("weight+", "WEIGHT"), 9, 200, Align::Right, "weight at the mark, and now", both(&[Field::Weight]));
    BOTH_RTIME = made(("rtime+", "RTIME MS"), 11, 160, Align::Right, "response time at the mark, and now; milliseconds", both(&[Field::Rtime]));

    COMPRESSION = made(("compressed", "COMPR"), 5, 44, Align::Right, "what compression leaves of the bytes fed to it; percent", spanning!(compression, compression_key));

    WEIGHT = number(Field::Weight, "WGHT", 4, 170);
    USER_WEIGHT = number(Field::Uweight, "UWGHT", 5, 80);
    ACT = number(Field::Act, "ACT", 3, 140);
    BCK = number(Field::Bck, "BCK", 3, 139);
    QCUR = number(Field::Qcur, "QCUR", 5, 200);
    QMAX = number(Field::Qmax, "QMAX", 5, 120);
    QLIMIT = number(Field::Qlimit, "QLIM", 5, 85);
    SCUR = number(Field::Scur, "SCUR", 5, 230);
    SMAX = number(Field::Smax, "SMAX", 5, 125);
    SLIM = number(Field::Slim, "SLIM", 5, 160);
    STOT = number(Field::Stot, "STOT", 5, 110);
    LBTOT = number(Field::Lbtot, "LBTOT", 5, 120);
    RATE = number(Field::Rate, "RATE", 5, 220);
    RATE_LIM = number(Field::RateLim, "RLIM", 5, 125);
    RATE_MAX = number(Field::RateMax, "RMAX", 5, 130);
    BIN = number(Field::Bin, "BIN", 5, 150);
    BOUT = number(Field::Bout, "BOUT", 5, 150);
    REQ_RATE = number(Field::ReqRate, "RQRATE", 6, 220);
    REQ_MAX = number(Field::ReqRateMax, "RQMAX", 5, 130);
    REQ_TOT = number(Field::ReqTot, "RQTOT", 5, 120);
    HRSP_1XX = number(Field::Hrsp1xx, "1xx", 5, 100);
    HRSP_2XX = number(Field::Hrsp2xx, "2xx", 5, 150);
    HRSP_3XX = number(Field::Hrsp3xx, "3xx", 5, 140);
    HRSP_4XX = number(Field::Hrsp4xx, "4xx", 5, 160);
    HRSP_5XX = number(Field::Hrsp5xx, "5xx", 5, 180);
    HRSP_OTHER = number(Field::HrspOther, "OTHER", 5, 95);
    CHKFAIL = number(Field::Chkfail, "CF", 5, 200);
    CHKDOWN = number(Field::Chkdown, "CD", 5, 195);
    LASTCHG = number(Field::Lastchg, "SINCE", 5, 190);
    DOWNTIME = number(Field::Downtime, "DOWN", 5, 130);
    ECON = number(Field::Econ, "ECONN", 5, 185);
    EREQ = number(Field::Ereq, "EREQ", 5, 160);
    ERESP = number(Field::Eresp, "ERSP", 5, 180);
    DREQ = number(Field::Dreq, "DREQ", 5, 140);
    DRESP = number(Field::Dresp, "DRSP", 5, 140);
    DCON = number(Field::Dcon, "DCON", 5, 80);
    DSES = number(Field::Dses, "DSES", 5, 79);
    WRETR = number(Field::Wretr, "RETR", 5, 150);
    WREDIS = number(Field::Wredis, "REDIS", 5, 145);
    CLI_ABRT = number(Field::CliAbrt, "CLABR", 5, 120);
    SRV_ABRT = number(Field::SrvAbrt, "SVABR", 5, 130);
    QTIME = number(Field::Qtime, "QTIME", 6, 200);
    CTIME = number(Field::Ctime, "CTIME", 6, 198);
    RTIME = number(Field::Rtime, "RTIME", 6, 205);
    TTIME = number(Field::Ttime, "TTIME", 6, 202);
    QTIME_MAX = number(Field::QtimeMax, "QMAX", 6, 110);
    CTIME_MAX = number(Field::CtimeMax, "CMAX", 6, 108);
    RTIME_MAX = number(Field::RtimeMax, "RMAX", 6, 115);
    TTIME_MAX = number(Field::TtimeMax, "TMAX", 6, 112);
    THROTTLE = number(Field::Throttle, "THRTL", 5, 75);
    CHECK_CODE = number(Field::CheckCode, "CODE", 4, 100);
    CHECK_DURATION = number(Field::CheckDuration, "CHKTM", 6, 105);
    LASTSESS = number(Field::Lastsess, "LSESS", 5, 85);
    CONNECT = number(Field::Connect, "CONN", 5, 80);
    REUSE = number(Field::Reuse, "REUSED", 6, 82);
    IDLE = number(Field::SrvIcur, "IDLE", 5, 84);
    USED = number(Field::UsedConnCur, "USED", 5, 83);

    SESSION_RATE = per_second("stot/s", Field::Stot, "SESS/S", 6, 120);
    LB_RATE = per_second("lbtot/s", Field::Lbtot, "LB/S", 5, 118);
    BYTES_IN = per_second("bin/s", Field::Bin, "IN/S", 5, 100);
    BYTES_OUT = per_second("bout/s", Field::Bout, "OUT/S", 5, 105);
    RATE_1XX = per_second("1xx/s", Field::Hrsp1xx, "1xx/S", 5, 98);
    RATE_2XX = per_second("2xx/s", Field::Hrsp2xx, "2xx/S", 5, 155);
    RATE_3XX = per_second("3xx/s", Field::Hrsp3xx, "3xx/S", 5, 145);
    RATE_4XX = per_second("4xx/s", Field::Hrsp4xx, "4xx/S", 5, 175);
    RATE_5XX = per_second("5xx/s", Field::Hrsp5xx, "5xx/S", 5, 185);
    ECON_RATE = per_second("econ/s", Field::Econ, "ECON/S", 6, 186);
    ERESP_RATE = per_second("eresp/s", Field::Eresp, "ERSP/S", 6, 182);
    EREQ_RATE = per_second("ereq/s", Field::Ereq, "EREQ/S", 6, 165);
    RETRY_RATE = per_second("wretr/s", Field::Wretr, "RETR/S", 6, 155);

    CHECK_STATUS = text(TextField::CheckStatus, ("check_status", "CHECK_STATUS"), 12, 40, "result of the last health check, as HAProxy writes it");
    CHECK_DESC = text(TextField::CheckDesc, ("check_desc", "CHECK_DESC"), 20, 40, "the same in words");
    LAST_CHK = text(TextField::LastChk, ("last_chk", "LAST_CHK"), 24, 40, "what the last health check found, a server's own words among it");
    AGENT = text(TextField::AgentStatus, ("agent_status", "AGENT"), 8, 60, "result of the last agent check");
    AGENT_MEANING = text(TextField::AgentDesc, ("agent_desc", "AGENT RESULT"), 20, 41, "the same in words");
    AGENT_TEXT = text(TextField::LastAgt, ("last_agt", "LAST AGENT"), 24, 42, "what the agent said");
    COOKIE = text(TextField::Cookie, ("cookie", "COOKIE"), 10, 50, "cookie value of a server, cookie name of a backend");
    ALGO = text(TextField::Algo, ("algo", "ALGO"), 11, 55, "load balancing algorithm");
    MODE = text(TextField::Mode, ("mode", "MODE"), 4, 54, "tcp, http, …");
    PROTO = text(TextField::Proto, ("proto", "PROTO"), 7, 43, "protocol of a listener or server, where one is set");
    ADDR = text(TextField::Addr, ("addr", "ADDRESS"), 21, 52, "address and port of a server");
    TRACKED = text(TextField::Tracked, ("tracked", "TRACKED"), 14, 48, "the server whose state this one follows");
}

/// A column for every numeric field that the table above does not hold, and one per second for every counter.
static FIELDS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let mut columns = Vec::new();
    for field in Field::ALL {
        let info = field.info();
        let title = |suffix: &str| -> &'static str {
            Box::leak(format!("{}{suffix}", info.name.to_uppercase()).into_boxed_str())
        };
        let wide = |title: &str| (title.chars().count() as u16).max(if info.unit == Unit::Millis { 6 } else { 5 });
        if !COLUMNS.iter().any(|column| column.id == info.name) {
            let title = title("");
            columns.push(Column { width: wide(title), title, ..number(*field, "", 5, 40) });
        }
        if info.kind == Kind::Counter {
            let id: &'static str = Box::leak(format!("{}/s", info.name).into_boxed_str());
            if !COLUMNS.iter().any(|column| column.id == id) {
                let title = title("/S");
                columns.push(Column { width: wide(title), title, ..per_second(id, *field, "", 5, 40) });
            }
        }
    }
    columns
});

/// Every column there is.
pub fn all() -> impl Iterator<Item = &'static Column> {
    COLUMNS.iter().copied().chain(FIELDS.iter())
}

/// Finds a column by its id.
pub fn by_id(id: &str) -> Option<&'static Column> {
    all().find(|column| column.id.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::stat_table::RowKind;
    use crate::instance::instance::Instance;
    use crate::observe::test_samples::{SampleMaker, site};
    use crate::table::columns::column_sets::{BACKENDS, FRONTENDS};
    use crate::table::columns::row_view::RowView;
    use std::sync::Arc;

    fn shown(watch: &Instance, name: &str, columns: &[&Column]) -> Vec<String> {
        let sample = Arc::clone(watch.newest().unwrap());
        let index = (0..sample.rows.ids().len())
            .find(|index| {
                let key = sample.rows.key(*index);
                key.name.as_str() == name || key.proxy.as_str() == name && key.kind != RowKind::Server
            })
            .unwrap();
        let row = RowView::new(watch, &sample, index);
        columns.iter().map(|column| column.cell(&row).text).collect()
    }

    fn watch() -> Instance {
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &site()), 0);
        let later = site().replace("40,110,,,,1,9000,,,,8900", "40,110,,,,11,9200,,,,9090");
        watch.take(maker.at_millis(2000, &later), 0);
        watch
    }

    #[test]
    fn cells_show_what_is_known_and_only_that() {
        let watch = watch();
        assert_eq!(shown(&watch, "www-in", FRONTENDS), ["www-in", "OPEN", "812/2000", "0", "100", "5.0%", "0B", "0B"]);
        assert_eq!(shown(&watch, "api", BACKENDS)[..5], ["api", "UP", "1/3", "53", "8"]);
        assert_eq!(shown(&watch, "api3", &[&STATUS, &SESSIONS_LIMIT, &CHECK, &LASTCHG]), ["MAINT", "0/50", "–", "50m"]);
        assert_eq!(shown(&watch, "old1", &[&CHECK, &RESPONSE_TIME]), ["L4CON", "–"]);
        assert_eq!(shown(&watch, "w1", &[&SHARE_5XX]), ["–"], "too few responses to tell a share");
    }

    #[test]
    fn column_ids_are_unique() {
        let columns: Vec<&Column> = all().collect();
        for (index, column) in columns.iter().enumerate() {
            assert!(columns[..index].iter().all(|other| other.id != column.id), "{}", column.id);
        }
    }

    #[test]
    fn every_field_is_a_column_and_every_counter_one_per_second() {
        for field in Field::ALL {
            let info = field.info();
            assert!(by_id(info.name).is_some(), "{}", info.name);
            assert!(
                info.kind != Kind::Counter
                    || all().any(|column| matches!(column.source, Source::PerSecond(known) if known == *field))
            );
        }
        assert_eq!(by_id("h1req/s").map(|column| column.title), Some("H1REQ/S"));
        assert!(by_id("nonsense").is_none());
    }
}
