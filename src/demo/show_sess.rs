//! Replies to `show sess`: the current sessions, on one line each or in detail.
//!
//! The flags are those that a real 2.6 shows for a session in the same state; a queued session has no server yet.
//! Values that the simulation does not have (buffers, file descriptors, threads) are derived from the session id, so
//! that a session looks the same in every dump.

use std::fmt::Write;

use crate::demo::client_session::{ClientSession, client_address};
use crate::demo::date::{format_date, format_duration};
use crate::demo::proxy::{Proxy, ProxyMode, SimBackend};
use crate::demo::world::World;

/// The CLI session that runs the command; a real `HAProxy` lists it too.
const CLI_SESSION: &str = "0x55d0e3f4a7a0: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 epoch=0 age=0s calls=1 \
rate=1 cpu=0 lat=0 rq[f=c08000h,i=0,an=00h,rx=,wx=,ax=] rp[f=80008002h,i=0,an=00h,rx=,wx=,ax=] scf=[8,200h,fd=68] scb=[8,1h,fd=-1] exp= rc=0 c_exp=";

/// Iterates over all sessions with their proxy and backend.
fn sessions(world: &World) -> impl Iterator<Item = (&Proxy, &SimBackend, &ClientSession)> {
    world.backends().flat_map(|(proxy, backend)| {
        let waiting = backend.queue.iter().chain(backend.servers.iter().flat_map(|server| &server.queue));
        backend.active.iter().chain(waiting).map(move |session| (proxy, backend, session))
    })
}

/// Formats the reply to `show sess`.
pub(crate) fn format_sessions(world: &World) -> String {
    let mut out = String::new();
    for (proxy, backend, session) in sessions(world) {
        write_line(&mut out, world, proxy, backend, session);
    }
    let _ = writeln!(out, "{CLI_SESSION}");
    out
}

/// Formats the reply to `show sess all`.
pub(crate) fn format_all_sessions(world: &World) -> String {
    let mut out = String::new();
    for (proxy, backend, session) in sessions(world) {
        write_details(&mut out, world, proxy, backend, session);
    }
    out
}

/// Formats the reply to `show sess ID`, where the ID is an address. Returns `None` if no session has this address.
pub(crate) fn format_session(world: &World, pointer: &str) -> Option<String> {
    let (proxy, backend, session) = sessions(world).find(|(_, _, session)| session.pointer() == pointer)?;
    let mut out = String::new();
    write_details(&mut out, world, proxy, backend, session);
    Some(out)
}

fn server_name<'a>(backend: &'a SimBackend, session: &ClientSession) -> &'a str {
    session.server.and_then(|i| backend.servers.get(i)).map_or("<none>", |server| &server.name)
}

fn front_name<'a>(world: &'a World, session: &ClientSession) -> &'a str {
    world.proxies.get(session.frontend).map_or("<NONE>", |proxy| &proxy.name)
}

fn write_line(out: &mut String, world: &World, proxy: &Proxy, backend: &SimBackend, session: &ClientSession) {
    let age = format_duration(world.clock.saturating_sub(session.arrived_at));
    let (source, port) = (client_address(session.client), session.client_port);
    let _ = write!(
        out,
        "{}: proto=tcpv4 src={source}:{port} fe={} be={} srv={} ts=00 epoch=0 age={age} calls={} rate=0 cpu=0 lat=0 ",
        session.pointer(),
        front_name(world, session),
        proxy.name,
        server_name(backend, session),
        1 + u8::from(session.server.is_some()) * 2,
    );
    let fd = 40 + session.id % 900;
    let state = match (session.server, proxy.mode) {
        (None, _) => format!(
            "rq[f=4dc00000h,i=16277,an=8000h,rx=,wx=,ax=] rp[f=80000000h,i=0,an=00h,rx=,wx=,ax=] \
             scf=[8,280h,fd={fd}] scb=[2,11h,fd=-1] exp=4s rc=0 c_exp=4s"
        ),
        (Some(_), ProxyMode::Http) => format!(
            "rq[f=49c40080h,i=0,an=8000h,rx=,wx=,ax=] rp[f=80400000h,i=0,an=1400000h,rx=29s,wx=,ax=] \
             scf=[8,80h,fd={fd}] scb=[8,11h,fd={}] exp=29s rc=0 c_exp=",
            fd + 1
        ),
        (Some(_), ProxyMode::Tcp) => format!(
            "rq[f=848000h,i=0,an=00h,rx=59s,wx=,ax=] rp[f=80008000h,i=0,an=00h,rx=59s,wx=,ax=] \
             scf=[8,0h,fd={fd}] scb=[8,1h,fd={}] exp=59s rc=0 c_exp=",
            fd + 1
        ),
    };
    let _ = writeln!(out, "{state}");
}

fn write_details(out: &mut String, world: &World, proxy: &Proxy, backend: &SimBackend, session: &ClientSession) {
    let mode = proxy.mode.as_str();
    let address = 0x55d0_e400_0000_u64 + session.id * 0x330;
    let age = format_duration(world.clock.saturating_sub(session.arrived_at));
    let date = format_date(world.epoch + session.arrived_at / 1000, session.arrived_at % 1000 * 1000, 6);
    let (source, port) = (client_address(session.client), session.client_port);
    let frontend = world.proxies.get(session.frontend);
    let (front_iid, front_port) =
        frontend.map_or((0, 0), |proxy| (proxy.iid, proxy.frontend.as_ref().map_or(0, |frontend| frontend.port)));
    let _ = writeln!(out, "{}: [{date}] id={} proto=tcpv4 source={source}:{port}", session.pointer(), session.id);
    let (pending, waiting) =
        if session.server.is_some() { ("(nil)".to_owned(), 0) } else { (format!("0x{:x}", address + 0x240), 1) };
    let _ = writeln!(
        out,
        "  flags=0xc4a, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 srv_conn=0x{:x}, pend_pos={pending} waiting={waiting} epoch=0",
        0x55d0_e480_0000_u64 + session.server.map_or(0, |i| i as u64 * 0x1000 + u64::from(proxy.iid) * 0x10_000),
    );
    let name = front_name(world, session);
    let _ =
        writeln!(out, "  frontend={name} (id={front_iid} mode={mode}), listener=? (id=1) addr=192.0.2.1:{front_port}");
    let _ = writeln!(out, "  backend={} (id={} mode={mode}) addr=10.0.0.1:{port}", proxy.name, proxy.iid);
    match session.server.and_then(|i| backend.servers.get(i)) {
        Some(server) => {
            let _ = writeln!(out, "  server={} (id={}) addr={}:{}", server.name, server.sid, server.host, server.port);
        }
        None => {
            let _ = writeln!(out, "  server=<none> (id=0)");
        }
    }
    let _ =
        writeln!(out, "  task=0x{:x} (state=0x00 nice=0 calls=3 rate=0 exp=29s tmask=0x1 age={age})", address + 0x120);
    let state = if session.server.is_some() { "EST" } else { "QUE" };
    let fd = 40 + session.id % 900;
    let _ = writeln!(
        out,
        "  scf=0x{:x} flags=0x00000080 state=EST endp=CONN,0x{:x},0x02804001 sub=1",
        address + 0x180,
        address + 0x1c0
    );
    let _ = writeln!(out, "      flags=0x00000300 fd={fd} fd.state=120 updt=0 fd.tmask=0x1");
    let _ = writeln!(
        out,
        "  scb=0x{:x} flags=0x00000011 state={state} endp=CONN,0x{:x},0x02800001 sub=1",
        address + 0x200,
        address + 0x240
    );
    let _ = writeln!(
        out,
        "  req=0x{:x} (f=0x49c40080 an=0x8000 pipe=0 tofwd=0 total={})",
        address + 0x20,
        session.bytes_in
    );
    let _ = writeln!(out, "      an_exp=<NEVER> rex=<NEVER> wex=<NEVER>");
    let _ = writeln!(out, "  res=0x{:x} (f=0x80400000 an=0x1400000 pipe=0 tofwd=0 total=0)", address + 0x80);
    let _ = writeln!(out, "      an_exp=<NEVER> rex=29s wex=<NEVER>");
}
