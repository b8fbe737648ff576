//! Reply to `show servers state`: the state of servers that a reload can restore. Only this reply contains the
//! administrative flags.

use std::fmt::Write;

use crate::demo::proxy::Proxy;
use crate::demo::server::SimServer;
use crate::demo::world::World;

const HEADER: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr \
srv_agent_port";

/// Flags in `srv_check_state` and `srv_agent_state`: configured, enabled, paused by maintenance, and agent check.
const CONFIGURED: u8 = 2;
const ENABLED: u8 = 4;
const PAUSED: u8 = 8;
const AGENT: u8 = 16;

/// Formats the reply without the final empty line, for all backends or only for the one of the proxy at index
/// `only_proxy`.
pub(crate) fn format_servers_state(world: &World, only_proxy: Option<usize>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "1\n{HEADER}");
    for (_, proxy) in
        world.proxies.iter().enumerate().filter(|(i, _)| only_proxy.is_none_or(|only_proxy| only_proxy == *i))
    {
        for server in proxy.backend.iter().flat_map(|backend| &backend.servers) {
            write_server_line(&mut out, proxy, server, world.clock);
        }
    }
    out
}

fn write_server_line(out: &mut String, proxy: &Proxy, server: &SimServer, now: u64) {
    let paused = if server.is_in_maint() { PAUSED } else { 0 };
    let (status, result, health, check) = server.health_check.as_ref().map_or((1, 0, 0, 0), |check| {
        let state = if check.is_enabled { CONFIGURED | ENABLED | paused } else { CONFIGURED };
        let health = if server.is_in_maint() { 0 } else { check.health };
        (check.status.state_file_status(), check.status.state_file_result(), health, state)
    });
    let (agent, agent_port) = server.agent_check.as_ref().map_or((0, 0), |agent| {
        let state = if agent.is_enabled { CONFIGURED | ENABLED | AGENT | paused } else { CONFIGURED | AGENT };
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
        server.operational_state as u8,
        server.admin_flags,
        server.weight,
        server.initial_weight,
        now.saturating_sub(server.last_change) / 1000,
        server.port,
    );
}
