//! Builder for one row of `show stat`: the header, and the columns that several kinds of rows share.
//!
//! Cells are set by column name, so that only the header defines their order. Cells that are not set stay empty.

use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::LazyLock;

use crate::demo::counters::{CounterId, Counters};
use crate::demo::proxy::{Proxy, ProxyMode};

/// First line of the reply to `show stat`.
pub(crate) const HEADER: &str = "\
# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,\
status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,\
tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,\
hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,\
comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,\
agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,\
agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,\
intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,\
ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,\
uweight,agg_server_status,agg_server_check_status,agg_check_status,-,ssl_sess,ssl_reused_sess,\
ssl_failed_handshake,h2_headers_rcvd,h2_data_rcvd,h2_settings_rcvd,h2_rst_stream_rcvd,\
h2_goaway_rcvd,h2_detected_conn_protocol_errors,h2_detected_strm_protocol_errors,\
h2_rst_stream_resp,h2_goaway_resp,h2_open_connections,h2_backend_open_streams,\
h2_total_connections,h2_backend_total_streams,h1_open_connections,h1_open_streams,\
h1_total_connections,h1_total_streams,h1_bytes_in,h1_bytes_out,h1_spliced_bytes_in,\
h1_spliced_bytes_out,";

/// A fast hash of the names of columns, which are known.
#[derive(Default)]
struct NameHasher(u64);

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

static POSITIONS: LazyLock<HashMap<&str, usize, BuildHasherDefault<NameHasher>>> = LazyLock::new(|| {
    let names = HEADER.trim_start_matches("# ").trim_end_matches(',').split(',');
    names.enumerate().map(|(position, name)| (name, position)).collect()
});

/// One row; cells that are not set stay empty.
pub(crate) struct CsvRow {
    /// The texts of the cells, in the order in which they were set.
    texts: String,
    /// The place of each cell in `texts`.
    cells: Vec<Range<usize>>,
}

impl CsvRow {
    /// Creates a row with the columns that all rows have. `kind` is the value of the `type` column: 0, 1 or 2.
    pub(crate) fn new(proxy: &Proxy, name: &str, kind: u8, sid: u32) -> Self {
        let mut row = Self { texts: String::with_capacity(1024), cells: vec![0..0; POSITIONS.len()] };
        row.set("pxname", &proxy.name);
        row.set("svname", name);
        row.set("pid", 1);
        row.set("iid", proxy.iid);
        row.set("sid", sid);
        row.set("type", kind);
        row.set("mode", proxy.mode.as_str());
        row.set("-", "-");
        row.set_zeros(&["dresp", "wrew", "eint", "ssl_sess", "ssl_reused_sess", "ssl_failed_handshake"]);
        row
    }

    /// Sets a cell. Quoting happens in [`Self::write_to`].
    pub(crate) fn set(&mut self, column: &str, value: impl Display) {
        if let Some(cell) = POSITIONS.get(column).and_then(|&position| self.cells.get_mut(position)) {
            let start = self.texts.len();
            let _ = write!(self.texts, "{value}");
            *cell = start..self.texts.len();
        }
    }

    /// Sets columns to 0, such as those of counters that a real `HAProxy` prints and the simulation does not have.
    pub(crate) fn set_zeros(&mut self, columns: &[&str]) {
        for column in columns {
            self.set(column, 0);
        }
    }

    /// Sets the traffic columns that all rows have.
    pub(crate) fn set_common(&mut self, counters: &Counters, mode: ProxyMode) {
        self.set("scur", counters.current);
        self.set("smax", counters.current_max);
        self.set("stot", counters.totals[CounterId::Sessions]);
        self.set("bin", counters.totals[CounterId::BytesIn]);
        self.set("bout", counters.totals[CounterId::BytesOut]);
        self.set("rate", counters.sessions.per_second());
        self.set("rate_max", counters.sessions.max);
        if mode == ProxyMode::Http {
            self.set("hrsp_1xx", 0);
            self.set("hrsp_2xx", counters.totals[CounterId::Hrsp2xx]);
            self.set("hrsp_3xx", counters.totals[CounterId::Hrsp3xx]);
            self.set("hrsp_4xx", counters.totals[CounterId::Hrsp4xx]);
            self.set("hrsp_5xx", counters.totals[CounterId::Hrsp5xx]);
            self.set("hrsp_other", counters.totals[CounterId::HrspOther]);
            self.set("req_tot", counters.totals[CounterId::Requests]);
        }
    }

    /// Sets the columns that only servers and backends have.
    pub(crate) fn set_server_side(&mut self, counters: &Counters, queue: usize, now: u64) {
        self.set("qcur", queue);
        self.set("qmax", counters.queue_max);
        self.set("econ", counters.totals[CounterId::FailedConnections]);
        self.set("eresp", counters.totals[CounterId::BadResponses]);
        self.set("wretr", counters.totals[CounterId::Retries]);
        self.set("wredis", counters.totals[CounterId::Redispatches]);
        self.set("lbtot", counters.totals[CounterId::Balanced]);
        self.set("cli_abrt", counters.totals[CounterId::ClientAborts]);
        self.set("srv_abrt", counters.totals[CounterId::ServerAborts]);
        self.set("connect", counters.totals[CounterId::Connects]);
        self.set("reuse", counters.totals[CounterId::Reuses]);
        match counters.last_session {
            Some(at) => self.set("lastsess", now.saturating_sub(at) / 1000),
            None => self.set("lastsess", -1),
        }
        for (i, column) in ["qtime", "ctime", "rtime", "ttime"].into_iter().enumerate() {
            self.set(column, counters.times()[i]);
            self.set(&format!("{column}_max"), counters.times_max[i]);
        }
    }

    /// Sets the columns of the statistics modules (such as `h1` and `h2`), which only frontends and backends have.
    pub(crate) fn set_modules(&mut self, counters: &Counters, mode: ProxyMode) {
        self.set_zeros(&["dreq", "comp_in", "comp_out", "comp_byp", "comp_rsp"]);
        let from = POSITIONS.get("h2_headers_rcvd").copied().unwrap_or(usize::MAX);
        let start = self.texts.len();
        self.texts.push('0');
        self.cells.iter_mut().skip(from).for_each(|cell| *cell = start..start + 1);
        if mode == ProxyMode::Http {
            self.set_zeros(&["cache_lookups", "cache_hits"]);
            self.set("h1_open_connections", counters.current);
            self.set("h1_total_streams", counters.totals[CounterId::Requests]);
            self.set("h1_bytes_in", counters.totals[CounterId::BytesIn]);
            self.set("h1_bytes_out", counters.totals[CounterId::BytesOut]);
        }
    }

    /// Appends the row to `out` as a CSV line.
    pub(crate) fn write_to(&self, out: &mut String) {
        for cell in &self.cells {
            match &self.texts[cell.clone()] {
                quoted if quoted.contains([',', '"']) => {
                    out.extend(["\"", &quoted.replace('"', "\"\""), "\""]);
                }
                plain => out.push_str(plain),
            }
            out.push(',');
        }
        out.push('\n');
    }
}
