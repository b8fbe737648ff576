//! `show stat`: one CSV row for each frontend, server and backend, as `HAProxy` 2.6 writes it.
//!
//! A column is filled for the kinds of rows it applies to and empty elsewhere; an empty field and a 0 say
//! different things and both are copied from a real 2.6.12. Column by column, in the order of the header.

use std::fmt::Write;

use crate::demo::counters::Count;
use crate::demo::csv_row::{HEADER, Row};
use crate::demo::proxy::{Back, Door, Front, Mode, Proxy};
use crate::demo::server::{Op, Server};
use crate::demo::world::World;

/// Which rows are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// One proxy only.
    pub iid: Option<u32>,
    /// 1 for frontends, 2 for backends, 4 for servers.
    pub kinds: u32,
    /// One server only; 0 is the proxy itself.
    pub sid: Option<u32>,
    /// Leaves out servers that are not up.
    pub up: bool,
    /// Leaves out servers in maintenance.
    pub no_maint: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { iid: None, kinds: u32::MAX, sid: None, up: false, no_maint: false }
    }
}

/// The whole reply, without the empty line that ends it.
pub(crate) fn dump(world: &World, wanted: &Wanted) -> String {
    let mut out = String::with_capacity(16_384);
    let _ = writeln!(out, "{HEADER}");
    let wants = |kind: u32, sid: u32| wanted.kinds & kind != 0 && wanted.sid.is_none_or(|only| only == sid);
    for proxy in world.proxies.iter().filter(|proxy| wanted.iid.is_none_or(|iid| iid == proxy.iid)) {
        if let Some(front) = proxy.front.as_ref().filter(|_| wants(1, 0)) {
            frontend(proxy, front).print(&mut out);
        }
        let Some(back) = proxy.back.as_ref() else {
            continue;
        };
        for server in back.servers.iter().filter(|server| wants(4, server.sid)) {
            let hidden = wanted.up && server.op == Op::Stopped || wanted.no_maint && server.in_maint();
            if !hidden {
                server_row(proxy, back, server, world.clock).print(&mut out);
            }
        }
        if wants(2, 0) {
            let counted = wanted.up || wanted.no_maint;
            backend(proxy, back, world.clock, counted).print(&mut out);
        }
    }
    out
}

fn frontend(proxy: &Proxy, front: &Front) -> Row {
    let mut row = Row::new(proxy, "FRONTEND", 0, 0);
    let meter = &front.meter;
    row.meter(meter, proxy.mode);
    row.modules(meter, proxy.mode);
    row.put("slim", front.maxconn);
    row.put("dreq", meter.totals[Count::DeniedRequests]);
    row.put("ereq", meter.totals[Count::BadRequests]);
    let status = match front.door {
        Door::Open => "OPEN",
        Door::Paused => "PAUSED",
        Door::Shut => "STOP",
    };
    row.put("status", status);
    row.put("req_rate", meter.requests.per_second());
    row.put("req_rate_max", meter.requests.max);
    row.put("req_tot", meter.totals[Count::Requests]);
    row.put("conn_rate", meter.connections.per_second());
    row.put("conn_rate_max", meter.connections.max);
    row.put("conn_tot", meter.totals[Count::Connections]);
    row.zeros(&["rate_lim", "dcon", "dses"]);
    if proxy.mode == Mode::Http {
        row.put("intercepted", meter.totals[Count::Intercepted]);
        row.put("h1_open_streams", meter.current - front.idle);
        row.put("h1_total_connections", meter.totals[Count::Connections]);
    }
    row
}

fn server_row(proxy: &Proxy, back: &Back, server: &Server, now: u64) -> Row {
    let mut row = Row::new(proxy, &server.name, 2, server.sid);
    let meter = &server.meter;
    row.meter(meter, proxy.mode);
    row.server_side(meter, server.queue.len(), now);
    if server.maxconn > 0 {
        row.put("slim", server.maxconn);
    }
    row.put("status", server.status());
    row.put("weight", server.effective_weight(now));
    row.put("uweight", server.weight);
    row.put("act", u8::from(!server.backup));
    row.put("bck", u8::from(server.backup));
    row.put("lastchg", now.saturating_sub(server.changed) / 1000);
    if let Some(percent) = server.throttle(now) {
        row.put("throttle", percent);
    }
    row.put("addr", format_args!("{}:{}", server.host, server.port));
    if let (Some(cookie), Some(_)) = (&server.cookie, &back.cookie) {
        row.put("cookie", cookie);
    }
    checks(&mut row, server, now);
    let idle = if proxy.mode == Mode::Http { meter.current_max.saturating_sub(meter.current) / 2 } else { 0 };
    row.put("srv_icur", idle);
    row.put("idle_conn_cur", 0);
    row.put("safe_conn_cur", idle);
    row.put("used_conn_cur", meter.current);
    row.put("need_conn_est", meter.current_max);
    row
}

/// The columns of the health check and of the agent.
fn checks(row: &mut Row, server: &Server, now: u64) {
    if let Some(check) = server.active_check() {
        row.put("chkfail", check.failed);
        row.put("chkdown", server.down_transitions);
        row.put("downtime", server.downtime(now) / 1000);
        if !server.in_maint() {
            row.put("check_status", check.seen.word());
            if let Some(code) = check.code() {
                row.put("check_code", code);
            }
            row.put("check_duration", check.duration);
            row.put("last_chk", check.text());
            row.put("check_desc", check.seen.sentence());
            row.put("check_rise", check.rise);
            row.put("check_fall", check.fall);
            row.put("check_health", check.health);
        }
    }
    if let Some(agent) = server.active_agent() {
        row.put("last_agt", "via agent : up");
        row.put("agent_status", "L7OK");
        row.put("agent_code", 0);
        row.put("agent_duration", agent.duration);
        row.put("agent_desc", "Layer7 check passed");
        row.put("agent_rise", 1);
        row.put("agent_fall", 1);
        row.put("agent_health", u8::from(agent.up));
    }
}

fn backend(proxy: &Proxy, back: &Back, now: u64, counted: bool) -> Row {
    let mut row = Row::new(proxy, "BACKEND", 1, 0);
    let meter = &back.meter;
    row.meter(meter, proxy.mode);
    row.modules(meter, proxy.mode);
    row.server_side(meter, back.queue.len(), now);
    row.put("slim", back.fullconn);
    let usable = back.usable(now);
    let count =
        |backup: bool| back.servers.iter().filter(|server| server.backup == backup && server.usable(now)).count();
    let word = if back.up { "UP" } else { "DOWN" };
    if counted {
        row.put("status", format_args!("{word} ({}/{})", count(false) + count(true), back.servers.len()));
    } else {
        row.put("status", word);
    }
    row.put("weight", usable.iter().map(|&i| back.servers[i].effective_weight(now)).sum::<u32>());
    row.put("uweight", usable.iter().map(|&i| back.servers[i].weight).sum::<u32>());
    row.put("act", count(false));
    row.put("bck", count(true));
    row.put("chkdown", back.down_transitions);
    row.put("lastchg", now.saturating_sub(back.changed) / 1000);
    if !back.servers.is_empty() {
        row.put("downtime", back.downtime(now) / 1000);
    }
    row.put("algo", back.algorithm.word());
    if let Some(cookie) = &back.cookie {
        row.put("cookie", cookie);
    }
    row.zeros(&["agg_server_status", "agg_server_check_status", "agg_check_status"]);
    if proxy.mode == Mode::Http {
        row.put("h1_total_connections", meter.totals[Count::Connects]);
    }
    row
}
