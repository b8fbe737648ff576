//! One row of `show stat` in the making: the header, and the columns that several kinds of rows share.
//!
//! Cells are addressed by the name of their column, so that the order of the header is in one place. What is not
//! put stays empty.

use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::sync::LazyLock;

use crate::demo::counters::{Count, Meter};
use crate::demo::proxy::{Mode, Proxy};

/// The first line of the reply.
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

static POSITIONS: LazyLock<HashMap<&str, usize>> = LazyLock::new(|| {
    let names = HEADER.trim_start_matches("# ").trim_end_matches(',').split(',');
    names.enumerate().map(|(position, name)| (name, position)).collect()
});

/// One line in the making; what is not put stays empty.
pub(crate) struct Row(Vec<String>);

impl Row {
    /// A row of `type` 0, 1 or 2 with what all rows have.
    pub(crate) fn new(proxy: &Proxy, name: &str, kind: u8, sid: u32) -> Self {
        let mut row = Self(vec![String::new(); POSITIONS.len()]);
        row.put("pxname", &proxy.name);
        row.put("svname", name);
        row.put("pid", 1);
        row.put("iid", proxy.iid);
        row.put("sid", sid);
        row.put("type", kind);
        row.put("mode", proxy.mode.word());
        row.put("-", "-");
        row.zeros(&["dresp", "wrew", "eint", "ssl_sess", "ssl_reused_sess", "ssl_failed_handshake"]);
        row
    }

    /// Fills a column; text is quoted when it is printed.
    pub(crate) fn put(&mut self, column: &str, value: impl Display) {
        if let Some(cell) = POSITIONS.get(column).and_then(|&position| self.0.get_mut(position)) {
            cell.clear();
            let _ = write!(cell, "{value}");
        }
    }

    /// Fills columns with 0: what a simulation has none of, and a real one prints.
    pub(crate) fn zeros(&mut self, columns: &[&str]) {
        for column in columns {
            self.put(column, 0);
        }
    }

    /// What every row has.
    pub(crate) fn meter(&mut self, meter: &Meter, mode: Mode) {
        self.put("scur", meter.current);
        self.put("smax", meter.current_max);
        self.put("stot", meter.totals[Count::Sessions]);
        self.put("bin", meter.totals[Count::BytesIn]);
        self.put("bout", meter.totals[Count::BytesOut]);
        self.put("rate", meter.sessions.per_second());
        self.put("rate_max", meter.sessions.max);
        if mode == Mode::Http {
            self.put("hrsp_1xx", 0);
            self.put("hrsp_2xx", meter.totals[Count::Hrsp2xx]);
            self.put("hrsp_3xx", meter.totals[Count::Hrsp3xx]);
            self.put("hrsp_4xx", meter.totals[Count::Hrsp4xx]);
            self.put("hrsp_5xx", meter.totals[Count::Hrsp5xx]);
            self.put("hrsp_other", meter.totals[Count::HrspOther]);
            self.put("req_tot", meter.totals[Count::Requests]);
        }
    }

    /// What servers and backends have besides.
    pub(crate) fn server_side(&mut self, meter: &Meter, queue: usize, now: u64) {
        self.put("qcur", queue);
        self.put("qmax", meter.queue_max);
        self.put("econ", meter.totals[Count::FailedConnections]);
        self.put("eresp", meter.totals[Count::BadResponses]);
        self.put("wretr", meter.totals[Count::Retries]);
        self.put("wredis", meter.totals[Count::Redispatches]);
        self.put("lbtot", meter.totals[Count::Balanced]);
        self.put("cli_abrt", meter.totals[Count::ClientAborts]);
        self.put("srv_abrt", meter.totals[Count::ServerAborts]);
        self.put("connect", meter.totals[Count::Connects]);
        self.put("reuse", meter.totals[Count::Reuses]);
        match meter.last_session {
            Some(at) => self.put("lastsess", now.saturating_sub(at) / 1000),
            None => self.put("lastsess", -1),
        }
        for (i, column) in ["qtime", "ctime", "rtime", "ttime"].into_iter().enumerate() {
            self.put(column, meter.times()[i]);
            self.put(&format!("{column}_max"), meter.times_max[i]);
        }
    }

    /// What frontends and backends have of the protocol modules.
    pub(crate) fn modules(&mut self, meter: &Meter, mode: Mode) {
        self.zeros(&["dreq", "comp_in", "comp_out", "comp_byp", "comp_rsp"]);
        let from = POSITIONS.get("h2_headers_rcvd").copied().unwrap_or(usize::MAX);
        for cell in self.0.iter_mut().skip(from) {
            "0".clone_into(cell);
        }
        if mode == Mode::Http {
            self.zeros(&["cache_lookups", "cache_hits"]);
            self.put("h1_open_connections", meter.current);
            self.put("h1_total_streams", meter.totals[Count::Requests]);
            self.put("h1_bytes_in", meter.totals[Count::BytesIn]);
            self.put("h1_bytes_out", meter.totals[Count::BytesOut]);
        }
    }

    /// Appends the row as a line.
    pub(crate) fn print(&self, out: &mut String) {
        for cell in &self.0 {
            if cell.contains([',', '"']) {
                let _ = write!(out, "\"{}\",", cell.replace('"', "\"\""));
            } else {
                let _ = write!(out, "{cell},");
            }
        }
        out.push('\n');
    }
}
