//! Reply to `show info`: information about the process, with the keys of `HAProxy` 2.6 in the same order.

use std::fmt::Write;

use crate::demo::counters::CounterId;
use crate::demo::world::{MAXCONN, World};

/// The version of `HAProxy` that is simulated.
pub(crate) const VERSION: &str = "2.6.12";

/// Formats the reply without the final empty line.
pub(crate) fn format_info(world: &World) -> String {
    let mut out = String::with_capacity(1400);
    for (key, value) in info_fields(world) {
        let _ = writeln!(out, "{key}: {value}");
    }
    out
}

fn info_fields(world: &World) -> [(&'static str, String); 70] {
    let counters = &world.counters;
    let totals = &counters.totals;
    let uptime = world.uptime();
    let (days, hours, minutes, seconds) = (uptime / 86_400, uptime / 3600 % 24, uptime / 60 % 60, uptime % 60);
    let connections = world.connections();
    let busy = (counters.requests.per_second() / 22 + connections / 90).min(95);
    let pools = 1_900_000 + connections * 33_000;
    let servers: usize = world.backends().map(|(_, backend)| backend.servers.len()).sum();
    let fronts = world.proxies.iter().filter(|proxy| proxy.frontend.is_some()).count() as u64;
    [
        ("Name", "HAProxy".into()),
        ("Version", VERSION.into()),
        ("Release_date", "2023/03/28".into()),
        ("Nbthread", "4".into()),
        ("Nbproc", "1".into()),
        ("Process_num", "1".into()),
        ("Pid", world.pid.to_string()),
        ("Uptime", format!("{days}d {hours}h{minutes:02}m{seconds:02}s")),
        ("Uptime_sec", uptime.to_string()),
        ("Memmax_MB", "0".into()),
        ("PoolAlloc_MB", (pools / 1_048_576).to_string()),
        ("PoolUsed_MB", (pools / 1_048_576).to_string()),
        ("PoolFailed", "0".into()),
        ("Ulimit-n", "8062".into()),
        ("Maxsock", "8062".into()),
        ("Maxconn", world.maxconn.to_string()),
        ("Hard_maxconn", MAXCONN.to_string()),
        ("CurrConns", connections.to_string()),
        ("CumConns", totals[CounterId::Connections].to_string()),
        ("CumReq", totals[CounterId::Requests].to_string()),
        ("MaxSslConns", "0".into()),
        ("CurrSslConns", "0".into()),
        ("CumSslConns", "0".into()),
        ("Maxpipes", "0".into()),
        ("PipesUsed", "0".into()),
        ("PipesFree", "0".into()),
        ("ConnRate", counters.connections.per_second().to_string()),
        ("ConnRateLimit", "0".into()),
        ("MaxConnRate", counters.connections.max.to_string()),
        ("SessRate", counters.sessions.per_second().to_string()),
        ("SessRateLimit", "0".into()),
        ("MaxSessRate", counters.sessions.max.to_string()),
        ("SslRate", "0".into()),
        ("SslRateLimit", "0".into()),
        ("MaxSslRate", "0".into()),
        ("SslFrontendKeyRate", "0".into()),
        ("SslFrontendMaxKeyRate", "0".into()),
        ("SslFrontendSessionReuse_pct", "0".into()),
        ("SslBackendKeyRate", "0".into()),
        ("SslBackendMaxKeyRate", "0".into()),
        ("SslCacheLookups", "0".into()),
        ("SslCacheMisses", "0".into()),
        ("CompressBpsIn", "0".into()),
        ("CompressBpsOut", "0".into()),
        ("CompressBpsRateLim", "0".into()),
        ("Tasks", (60 + servers as u64 * 2 + connections).to_string()),
        ("Run_queue", "0".into()),
        ("Idle_pct", (100 - busy).to_string()),
        ("node", "lb01".into()),
        ("description", "simulated by hapulse demo".into()),
        ("Stopping", "0".into()),
        ("Jobs", (9 + fronts + connections).to_string()),
        ("Unstoppable Jobs", "0".into()),
        ("Listeners", (fronts + 1).to_string()),
        ("ActivePeers", "0".into()),
        ("ConnectedPeers", "0".into()),
        ("DroppedLogs", "0".into()),
        ("BusyPolling", "0".into()),
        ("FailedResolutions", "0".into()),
        ("TotalBytesOut", totals[CounterId::BytesOut].to_string()),
        ("TotalSplicdedBytesOut", "0".into()),
        ("BytesOutRate", counters.bytes_out.per_second().to_string()),
        ("DebugCommandsIssued", "0".into()),
        ("CumRecvLogs", "0".into()),
        ("Build info", VERSION.into()),
        ("Memmax_bytes", "0".into()),
        ("PoolAlloc_bytes", pools.to_string()),
        ("PoolUsed_bytes", pools.to_string()),
        ("Start_time_sec", (world.epoch + world.process_start / 1000).to_string()),
        ("Tainted", "0".into()),
    ]
}
