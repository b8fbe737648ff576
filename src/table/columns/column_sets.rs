//! The default columns of each dashboard list and of each view, in display order.

use crate::table::columns::column::Column;
use crate::table::columns::column_table::{
    ACTIVE_SERVERS, ADDR, AGENT, ALGO, BACKUP_SERVERS, BEFORE_AFTER_4XX, BEFORE_AFTER_5XX, BEFORE_AFTER_DOWNS,
    BEFORE_AFTER_ERRORS, BEFORE_AFTER_IN, BEFORE_AFTER_OUT, BEFORE_AFTER_QUEUE, BEFORE_AFTER_QUEUE_TIME,
    BEFORE_AFTER_RETRIES, BEFORE_AFTER_RTIME, BEFORE_AFTER_SERVED, BEFORE_AFTER_SESSIONS, BEFORE_AFTER_WEIGHT, BIN,
    BOUT, BYTES_IN, BYTES_OUT, CAUSE, CHECK, CHECK_CODE, CHECK_DURATION, CHECK_TEXT, CHKDOWN, CHKFAIL, CLI_ABRT,
    CLIENT_TIME, CONNECT, COOKIE, CTIME_MAX, CTIME_NOW, DCON, DOWNTIME, DRAIN_STATUS, DREQ, DRESP, DSES, ECON,
    ECON_RATE, EREQ, EREQ_RATE, ERESP, ERESP_RATE, ERRORS, FULL_IN, HRSP_1XX, HRSP_2XX, HRSP_3XX, HRSP_4XX, HRSP_5XX,
    HRSP_OTHER, IDLE, KIND_TAG, LARGEST_CHANGE, LASTCHG, LASTSESS, LB_RATE, LBTOT, LOAD, MODE, NAME, ORDERED_BY, QCUR,
    QLIMIT, QMAX, QTIME_MAX, QTIME_NOW, QUEUE, RATE, RATE_2XX, RATE_3XX, RATE_4XX, RATE_5XX, RATE_LIM, RATE_MAX,
    REQ_MAX, REQ_RATE, REQ_TOT, REQUESTS, RESPONSE_TIME, RETRY_RATE, REUSE, REUSE_SHARE, RTIME_MAX, RTIME_NOW, SCUR,
    SERVER_LOSS, SESSION_RATE, SESSIONS, SESSIONS_BAR, SESSIONS_LIMIT, SHARE_5XX, SLIM, SMAX, SRV_ABRT, STATUS, STOT,
    THROTTLE, TIME_BAR, TIME_OWNER, TRACKED, TTIME_MAX, TTIME_NOW, USABLE, USED, USER_WEIGHT, WEIGHT, WORST_PROBLEM,
    WREDIS, WRETR,
};

/// The columns of the dashboard's frontends.
pub static FRONTENDS: &[&Column] =
    &[&NAME, &STATUS, &SESSIONS_LIMIT, &FULL_IN, &SESSION_RATE, &REQUESTS, &SHARE_5XX, &BYTES_IN, &BYTES_OUT];

/// The columns of the dashboard's backends.
pub static BACKENDS: &[&Column] = &[
    &NAME,
    &STATUS,
    &USABLE,
    &SESSIONS,
    &QUEUE,
    &REQUESTS,
    &SHARE_5XX,
    &ERRORS,
    &RESPONSE_TIME,
    &CAUSE,
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
    &SHARE_5XX,
    &ERRORS,
    &RESPONSE_TIME,
    &WEIGHT,
    &CHECK,
    &LASTCHG,
    &WORST_PROBLEM,
];

/// The columns of all dashboard lists, merged into one set for output with a single table.
pub(crate) static DASHBOARD: &[&Column] = &[
    &NAME,
    &KIND_TAG,
    &STATUS,
    &USABLE,
    &SESSIONS_LIMIT,
    &QUEUE,
    &REQUESTS,
    &SHARE_5XX,
    &ERRORS,
    &RESPONSE_TIME,
    &WORST_PROBLEM,
    &BYTES_IN,
    &BYTES_OUT,
];

/// The columns of view 1, in HATop's order.
pub static STATUS_VIEW: &[&Column] = &[
    &NAME,
    &KIND_TAG,
    &WEIGHT,
    &STATUS,
    &WORST_PROBLEM,
    &CHECK,
    &ACTIVE_SERVERS,
    &BACKUP_SERVERS,
    &QCUR,
    &QMAX,
    &SCUR,
    &SMAX,
    &SLIM,
    &STOT,
    &SESSION_RATE,
    &LASTCHG,
    &LOAD,
    &FULL_IN,
    &SERVER_LOSS,
    &QLIMIT,
    &USER_WEIGHT,
    &THROTTLE,
    &AGENT,
    &ALGO,
    &MODE,
    &COOKIE,
    &ADDR,
    &TRACKED,
];

/// The columns of view 2, in HATop's order.
pub(crate) static TRAFFIC_VIEW: &[&Column] = &[
    &NAME,
    &KIND_TAG,
    &WEIGHT,
    &STATUS,
    &WORST_PROBLEM,
    &LBTOT,
    &LB_RATE,
    &RATE,
    &RATE_LIM,
    &RATE_MAX,
    &SESSION_RATE,
    &BIN,
    &BOUT,
    &BYTES_IN,
    &BYTES_OUT,
    &CONNECT,
    &REUSE,
    &REUSE_SHARE,
    &IDLE,
    &USED,
    &LASTSESS,
];

/// The columns of view 3, in HATop's order.
pub(crate) static HTTP_VIEW: &[&Column] = &[
    &NAME,
    &KIND_TAG,
    &WEIGHT,
    &STATUS,
    &WORST_PROBLEM,
    &REQ_RATE,
    &REQ_MAX,
    &REQ_TOT,
    &REQUESTS,
    &HRSP_1XX,
    &HRSP_2XX,
    &HRSP_3XX,
    &HRSP_4XX,
    &HRSP_5XX,
    &HRSP_OTHER,
    &RATE_2XX,
    &RATE_3XX,
    &RATE_4XX,
    &RATE_5XX,
    &SHARE_5XX,
];

/// The columns of view 4, in HATop's order, with the 5xx of the last seconds.
pub(crate) static ERRORS_VIEW: &[&Column] = &[
    &NAME,
    &KIND_TAG,
    &WEIGHT,
    &STATUS,
    &WORST_PROBLEM,
    &CHECK,
    &CHKFAIL,
    &CHKDOWN,
    &LASTCHG,
    &SHARE_5XX,
    &RATE_5XX,
    &ECON,
    &EREQ,
    &ERESP,
    &DREQ,
    &DRESP,
    &DOWNTIME,
    &ECON_RATE,
    &ERESP_RATE,
    &EREQ_RATE,
    &WRETR,
    &WREDIS,
    &CLI_ABRT,
    &SRV_ABRT,
    &CHECK_CODE,
    &CHECK_DURATION,
    &DCON,
    &DSES,
    &CHECK_TEXT,
];

/// The columns of view 6.
pub(crate) static LATENCY_VIEW: &[&Column] = &[
    &NAME,
    &KIND_TAG,
    &STATUS,
    &TIME_BAR,
    &TIME_OWNER,
    &QTIME_NOW,
    &CTIME_NOW,
    &RTIME_NOW,
    &CLIENT_TIME,
    &WORST_PROBLEM,
    &SESSIONS_BAR,
    &FULL_IN,
    &REQUESTS,
    &QUEUE,
    &TTIME_NOW,
    &QTIME_MAX,
    &CTIME_MAX,
    &RTIME_MAX,
    &TTIME_MAX,
    &WRETR,
    &RETRY_RATE,
    &WREDIS,
    &CLI_ABRT,
    &SRV_ABRT,
];

/// The columns of the view of servers in maintenance or drain.
pub(crate) static OUT_OF_SERVICE_VIEW: &[&Column] =
    &[&NAME, &STATUS, &ORDERED_BY, &LASTCHG, &SESSIONS, &QUEUE, &RATE, &IDLE, &DRAIN_STATUS];

/// The columns of the heat map where it is printed as a table.
pub(crate) static HEAT_MAP_VIEW: &[&Column] =
    &[&NAME, &STATUS, &RTIME_NOW, &SHARE_5XX, &SESSIONS_LIMIT, &QUEUE, &WORST_PROBLEM];

/// The columns of the comparison before and after.
pub(crate) static DIFF_VIEW: &[&Column] = &[
    &NAME,
    &STATUS,
    &LARGEST_CHANGE,
    &BEFORE_AFTER_SERVED,
    &BEFORE_AFTER_RTIME,
    &BEFORE_AFTER_5XX,
    &BEFORE_AFTER_ERRORS,
    &BEFORE_AFTER_SESSIONS,
    &BEFORE_AFTER_QUEUE,
    &BEFORE_AFTER_QUEUE_TIME,
    &BEFORE_AFTER_4XX,
    &BEFORE_AFTER_RETRIES,
    &BEFORE_AFTER_OUT,
    &BEFORE_AFTER_IN,
    &BEFORE_AFTER_DOWNS,
    &BEFORE_AFTER_WEIGHT,
];
