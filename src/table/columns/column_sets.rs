//! Which columns each list of the dashboard and each view shows by itself, in order.

use crate::table::columns::column::Column;
use crate::table::columns::column_table::{
    ACT, ADDR, AGENT, ALGO, BCK, BIN, BOTH_QUEUE, BOTH_RTIME, BOTH_SESSIONS, BOTH_WEIGHT, BOUT, BY, BYTES_IN,
    BYTES_OUT, CHANGED, CHECK, CHECK_CODE, CHECK_DURATION, CHECK_TEXT, CHKDOWN, CHKFAIL, CLI_ABRT, CONNECT, COOKIE,
    CTIME, CTIME_MAX, DCON, DOWNTIME, DREQ, DRESP, DSES, ECON, ECON_RATE, EREQ, EREQ_RATE, ERESP, ERESP_RATE, ERRORS,
    HRSP_1XX, HRSP_2XX, HRSP_3XX, HRSP_4XX, HRSP_5XX, HRSP_OTHER, IDLE, LASTCHG, LASTSESS, LB_RATE, LBTOT, LEFT, LOAD,
    MODE, MORE_4XX, MORE_5XX, MORE_DOWNS, MORE_ERRORS, MORE_IN, MORE_OUT, MORE_RETRIES, MORE_SERVED, NAME, QCUR,
    QLIMIT, QMAX, QTIME, QTIME_MAX, QUEUE, RATE, RATE_2XX, RATE_3XX, RATE_4XX, RATE_5XX, RATE_LIM, RATE_MAX, REQ_MAX,
    REQ_RATE, REQ_TOT, REQUESTS, RESPONSE_TIME, RETRY_RATE, REUSE, REUSE_SHARE, RTIME, RTIME_MAX, SCUR, SESSION_RATE,
    SESSIONS, SESSIONS_LIMIT, SHARE_5XX, SIDE, SLIM, SMAX, SRV_ABRT, STATUS, STOT, THROTTLE, TRACKED, TROUBLE, TTIME,
    TTIME_MAX, USABLE, USED, USER_WEIGHT, VERDICT, WEIGHT, WREDIS, WRETR,
};

/// The columns of the dashboard's frontends.
pub static FRONTENDS: &[&Column] =
    &[&NAME, &STATUS, &SESSIONS_LIMIT, &SESSION_RATE, &REQUESTS, &SHARE_5XX, &BYTES_IN, &BYTES_OUT];

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
    &VERDICT,
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
    &TROUBLE,
];

/// All lists of the dashboard in one, where there is only one.
pub static DASHBOARD: &[&Column] = &[
    &NAME,
    &SIDE,
    &STATUS,
    &USABLE,
    &SESSIONS_LIMIT,
    &QUEUE,
    &REQUESTS,
    &SHARE_5XX,
    &ERRORS,
    &RESPONSE_TIME,
    &TROUBLE,
    &BYTES_IN,
    &BYTES_OUT,
];

/// View 1, in HATop's order.
pub static STATUS_VIEW: &[&Column] = &[
    &NAME,
    &SIDE,
    &WEIGHT,
    &STATUS,
    &TROUBLE,
    &CHECK,
    &ACT,
    &BCK,
    &QCUR,
    &QMAX,
    &SCUR,
    &SMAX,
    &SLIM,
    &STOT,
    &SESSION_RATE,
    &LASTCHG,
    &LOAD,
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

/// View 2, in HATop's order.
pub static TRAFFIC_VIEW: &[&Column] = &[
    &NAME,
    &SIDE,
    &WEIGHT,
    &STATUS,
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

/// View 3, in HATop's order.
pub static HTTP_VIEW: &[&Column] = &[
    &NAME,
    &SIDE,
    &WEIGHT,
    &STATUS,
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

/// View 4, in HATop's order.
pub static ERRORS_VIEW: &[&Column] = &[
    &NAME,
    &SIDE,
    &WEIGHT,
    &STATUS,
    &CHECK,
    &CHKFAIL,
    &CHKDOWN,
    &LASTCHG,
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

/// View 6.
pub static LATENCY_VIEW: &[&Column] = &[
    &NAME,
    &SIDE,
    &STATUS,
    &QTIME,
    &CTIME,
    &RTIME,
    &TTIME,
    &QTIME_MAX,
    &CTIME_MAX,
    &RTIME_MAX,
    &TTIME_MAX,
    &REQUESTS,
    &QUEUE,
    &WRETR,
    &RETRY_RATE,
    &WREDIS,
    &CLI_ABRT,
    &SRV_ABRT,
];

/// Servers in maintenance or drain.
pub static AWAY_VIEW: &[&Column] = &[&NAME, &STATUS, &BY, &LASTCHG, &SESSIONS, &QUEUE, &RATE, &IDLE, &LEFT];

/// What changed since the marked moment.
pub static SINCE_VIEW: &[&Column] = &[
    &NAME,
    &STATUS,
    &CHANGED,
    &MORE_SERVED,
    &MORE_5XX,
    &MORE_ERRORS,
    &MORE_RETRIES,
    &BOTH_SESSIONS,
    &BOTH_QUEUE,
    &BOTH_WEIGHT,
    &MORE_IN,
    &MORE_OUT,
    &MORE_DOWNS,
    &BOTH_RTIME,
    &MORE_4XX,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::columns::column::fit;

    #[test]
    fn narrow_panes_drop_the_least_important() {
        let ids = |width| fit(SERVERS, width, 1).iter().map(|(column, _)| column.id).collect::<Vec<_>>();
        assert_eq!(ids(26), ["name", "status"]);
        assert_eq!(ids(52), ["name", "status", "sess", "queue", "req", "5xx"]);
        assert_eq!(fit(SERVERS, 5, 1).len(), 1);
        for width in 0..200 {
            let total: u16 = fit(SERVERS, width, 1).iter().map(|(_, wide)| wide + 1).sum::<u16>().saturating_sub(1);
            assert!(total <= width.max(1), "{width}");
        }
    }
}
