//! `show servers state`: what a reload could carry over, and the only place where administrative bits show.

use std::fmt::Write;

use crate::demo::proxy::Proxy;
use crate::demo::server::Server;
use crate::demo::world::World;

const HEADER: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr \
srv_agent_port";

/// `srv_check_state` and `srv_agent_state`: configured, enabled, paused by a maintenance, of the agent.
const CONFIGURED: u8 = 2;
const ENABLED: u8 = 4;
const PAUSED: u8 = 8;
const AGENT: u8 = 16;

/// The whole reply, of one backend or of all, without the empty line that ends it.
pub(crate) fn dump(world: &World, only: Option<usize>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "1\n{HEADER}");
    for (_, proxy) in world.proxies.iter().enumerate().filter(|(i, _)| only.is_none_or(|only| only == *i)) {
        for server in proxy.back.iter().flat_map(|back| &back.servers) {
            line(&mut out, proxy, server, world.clock);
        }
    }
    out
}

fn line(out: &mut String, proxy: &Proxy, server: &Server, now: u64) {
    let paused = if server.in_maint() { PAUSED } else { 0 };
    let (status, result, health, check) = server.check.as_ref().map_or((1, 0, 0, 0), |check| {
        let state = if check.on { CONFIGURED | ENABLED | paused } else { CONFIGURED };
        let health = if server.in_maint() { 0 } else { check.health };
        (check.seen.number(), check.seen.result(), health, state)
    });
    let (agent, agent_port) = server.agent.as_ref().map_or((0, 0), |agent| {
        let state = if agent.on { CONFIGURED | ENABLED | AGENT | paused } else { CONFIGURED | AGENT };
        (state, agent.port)
    });
    let _ = writeln!(
        out,
        "{} {} {} {} {} {} {} {} {} {} {status} {result} {health} {check} {agent} 0 0 - {} - 0 0 - - {agent_port}",
        proxy.iid,
        proxy.name,
        server.sid,
        server.name,
        server.host,
        server.op as u8,
        server.admin,
        server.weight,
        server.initial_weight,
        now.saturating_sub(server.changed) / 1000,
        server.port,
    );
}
