//! Reply to `show stat`: one CSV row per frontend, server and backend, in the format of `HAProxy` 2.6.
//!
//! A column is set only in the kinds of rows to which it applies, and is empty in others. An empty field and a 0 have
//! different meanings; both are used where a real 2.6.12 uses them.

use std::fmt::Write;

use crate::demo::counters::CounterId;
use crate::demo::csv_row::{CsvRow, HEADER};
use crate::demo::proxy::{FrontendState, Proxy, ProxyMode, SimBackend, SimFrontend};
use crate::demo::server::{SimOperationalState, SimServer};
use crate::demo::world::World;

/// The rows to include in the reply.
#[derive(Clone, Debug)]
pub(crate) struct StatFilter {
    /// Id of the only proxy to include; `None` includes all proxies.
    pub(crate) iid: Option<u32>,
    /// Bit mask of row kinds: 1 for frontends, 2 for backends, 4 for servers.
    pub(crate) kinds: u32,
    /// Id of the only server to include; 0 means the proxy's own row, and `None` includes all rows.
    pub(crate) sid: Option<u32>,
    /// True to exclude servers that are not up.
    pub(crate) hides_stopped: bool,
    /// True to exclude servers in maintenance.
    pub(crate) hides_maint: bool,
}

impl Default for StatFilter {
    fn default() -> Self {
        Self { iid: None, kinds: u32::MAX, sid: None, hides_stopped: false, hides_maint: false }
    }
}

/// Formats the reply without the final empty line.
pub(crate) fn format_stat(world: &World, filter: &StatFilter) -> String {
    let mut out = String::with_capacity(16_384);
    let _ = writeln!(out, "{HEADER}");
    let is_included = |kind: u32, sid: u32| filter.kinds & kind != 0 && filter.sid.is_none_or(|only| only == sid);
    for proxy in world.proxies.iter().filter(|proxy| filter.iid.is_none_or(|iid| iid == proxy.iid)) {
        if let Some(frontend) = proxy.frontend.as_ref().filter(|_| is_included(1, 0)) {
            frontend_row(proxy, frontend).write_to(&mut out);
        }
        let Some(backend) = proxy.backend.as_ref() else {
            continue;
        };
        for server in backend.servers.iter().filter(|server| is_included(4, server.sid)) {
            let is_hidden = filter.hides_stopped && server.operational_state == SimOperationalState::Stopped
                || filter.hides_maint && server.is_in_maint();
            if !is_hidden {
                server_row(proxy, backend, server, world.clock).write_to(&mut out);
            }
        }
        if is_included(2, 0) {
            let shows_server_count = filter.hides_stopped || filter.hides_maint;
            backend_row(proxy, backend, world.clock, shows_server_count).write_to(&mut out);
        }
    }
    out
}

fn frontend_row(proxy: &Proxy, frontend: &SimFrontend) -> CsvRow {
    let mut row = CsvRow::new(proxy, "FRONTEND", 0, 0);
    let counters = &frontend.counters;
    row.set_common(counters, proxy.mode);
    row.set_modules(counters, proxy.mode);
    row.set("slim", frontend.maxconn);
    row.set("dreq", counters.totals[CounterId::DeniedRequests]);
    row.set("ereq", counters.totals[CounterId::BadRequests]);
    let status = match frontend.state {
        FrontendState::Open => "OPEN",
        FrontendState::Paused => "PAUSED",
        FrontendState::Stopped => "STOP",
    };
    row.set("status", status);
    row.set("req_rate", counters.requests.per_second());
    row.set("req_rate_max", counters.requests.max);
    row.set("req_tot", counters.totals[CounterId::Requests]);
    row.set("conn_rate", counters.connections.per_second());
    row.set("conn_rate_max", counters.connections.max);
    row.set("conn_tot", counters.totals[CounterId::Connections]);
    row.set_zeros(&["rate_lim", "dcon", "dses"]);
    if proxy.mode == ProxyMode::Http {
        row.set("intercepted", counters.totals[CounterId::Intercepted]);
        row.set("h1_open_streams", counters.current - frontend.idle);
        row.set("h1_total_connections", counters.totals[CounterId::Connections]);
    }
    row
}

fn server_row(proxy: &Proxy, backend: &SimBackend, server: &SimServer, now: u64) -> CsvRow {
    let mut row = CsvRow::new(proxy, &server.name, 2, server.sid);
    let counters = &server.counters;
    row.set_common(counters, proxy.mode);
    row.set_server_side(counters, server.queue.len(), now);
    if server.maxconn > 0 {
        row.set("slim", server.maxconn);
    }
    row.set("status", server.status());
    row.set("weight", server.effective_weight(now));
    row.set("uweight", server.weight);
    row.set("act", u8::from(!server.is_backup));
    row.set("bck", u8::from(server.is_backup));
    row.set("lastchg", now.saturating_sub(server.last_change) / 1000);
    if let Some(percent) = server.throttle(now) {
        row.set("throttle", percent);
    }
    row.set("addr", format_args!("{}:{}", server.host, server.port));
    if let (Some(cookie), Some(_)) = (&server.cookie, &backend.cookie) {
        row.set("cookie", cookie);
    }
    set_checks(&mut row, server, now);
    let idle =
        if proxy.mode == ProxyMode::Http { counters.current_max.saturating_sub(counters.current) / 2 } else { 0 };
    row.set("srv_icur", idle);
    row.set("idle_conn_cur", 0);
    row.set("safe_conn_cur", idle);
    row.set("used_conn_cur", counters.current);
    row.set("need_conn_est", counters.current_max);
    row
}

/// Sets the columns of the health check and the agent check.
fn set_checks(row: &mut CsvRow, server: &SimServer, now: u64) {
    if let Some(check) = server.active_check() {
        row.set("chkfail", check.failed_checks);
        row.set("chkdown", server.down_transitions);
        row.set("downtime", server.downtime(now) / 1000);
        if !server.is_in_maint() {
            row.set("check_status", check.status.as_str());
            if let Some(code) = check.http_code() {
                row.set("check_code", code);
            }
            row.set("check_duration", check.duration);
            row.set("last_chk", check.last_chk());
            row.set("check_desc", check.status.description());
            row.set("check_rise", check.rise);
            row.set("check_fall", check.fall);
            row.set("check_health", check.health);
        }
    }
    if let Some(agent) = server.active_agent() {
        row.set("last_agt", "via agent : up");
        row.set("agent_status", "L7OK");
        row.set("agent_code", 0);
        row.set("agent_duration", agent.duration);
        row.set("agent_desc", "Layer7 check passed");
        row.set("agent_rise", 1);
        row.set("agent_fall", 1);
        row.set("agent_health", u8::from(agent.reports_up));
    }
}

fn backend_row(proxy: &Proxy, backend: &SimBackend, now: u64, shows_server_count: bool) -> CsvRow {
    let mut row = CsvRow::new(proxy, "BACKEND", 1, 0);
    let counters = &backend.counters;
    row.set_common(counters, proxy.mode);
    row.set_modules(counters, proxy.mode);
    row.set_server_side(counters, backend.queue.len(), now);
    row.set("slim", backend.fullconn);
    let usable = backend.usable_servers(now);
    let count = |backup: bool| {
        backend.servers.iter().filter(|server| server.is_backup == backup && server.is_usable(now)).count()
    };
    let word = if backend.is_up { "UP" } else { "DOWN" };
    if shows_server_count {
        row.set("status", format_args!("{word} ({}/{})", count(false) + count(true), backend.servers.len()));
    } else {
        row.set("status", word);
    }
    row.set("weight", usable.iter().map(|&i| backend.servers[i].effective_weight(now)).sum::<u32>());
    row.set("uweight", usable.iter().map(|&i| backend.servers[i].weight).sum::<u32>());
    row.set("act", count(false));
    row.set("bck", count(true));
    row.set("chkdown", backend.down_transitions);
    row.set("lastchg", now.saturating_sub(backend.last_change) / 1000);
    if !backend.servers.is_empty() {
        row.set("downtime", backend.downtime(now) / 1000);
    }
    row.set("algo", backend.algorithm.as_str());
    if let Some(cookie) = &backend.cookie {
        row.set("cookie", cookie);
    }
    row.set_zeros(&["agg_server_status", "agg_server_check_status", "agg_check_status"]);
    if proxy.mode == ProxyMode::Http {
        row.set("h1_total_connections", counters.totals[CounterId::Connects]);
    }
    row
}
