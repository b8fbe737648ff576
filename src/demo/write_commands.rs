//! The commands that change something: each checks its arguments as `HAProxy` 2.6 does and acts.
//!
//! An error is the text a real one answers. Rights were checked before, in `cli.rs`.

use crate::demo::proxy::{Algorithm, Door};
use crate::demo::server::Op;
use crate::demo::session_flow;
use crate::demo::world::{MAXCONN, Place, World};

/// What a command answers; success is mostly silent.
pub(crate) type Reply = Result<String, &'static str>;

const SILENT: String = String::new();
const NO_FRONTEND: &str = "No such frontend.";
const FRONTEND_EXPECTED: &str = "A frontend name is expected.";
const INTEGER_EXPECTED: &str = "Integer value expected.";
const OUT_OF_RANGE: &str = "Value out of range.";
const SET_SERVER_USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
check-addr | check-port | fqdn | health | ssl | state | weight";
const NO_AGENT: &str = "agent checks are not enabled on this server.";

/// The server that `BACKEND/SERVER` names.
pub(crate) fn place(world: &World, named: Option<&&str>) -> Result<Place, &'static str> {
    let usage = "Require 'backend/server'.";
    let (back, server) = named.and_then(|name| name.split_once('/')).ok_or(usage)?;
    if server.is_empty() {
        return Err(usage);
    }
    let proxy = world.back_named(back).ok_or("No such backend.")?;
    world.server_named(proxy, server).ok_or("No such server.")
}

/// `set server B/S WHAT VALUE`
pub(crate) fn set_server(world: &mut World, words: &[&str]) -> Reply {
    let place = place(world, words.first())?;
    let now = world.clock;
    let value = words.get(2).copied();
    if words.get(1) == Some(&"weight") {
        return set_weight(world, place, value);
    }
    let server = world.server_at(place).ok_or("No such server.")?;
    match (words.get(1).copied(), value) {
        (Some("state"), Some("ready")) => server.set_ready(now),
        (Some("state"), Some("drain")) => server.set_drain(now),
        (Some("state"), Some("maint")) => server.set_maint(now),
        (Some("state"), _) => {
            return Err("'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
        }
        (Some("health"), Some("up")) => server.set_health(Op::Running, now),
        (Some("health"), Some("stopping")) => server.set_health(Op::Stopping, now),
        (Some("health"), Some("down")) => server.set_health(Op::Stopped, now),
        (Some("health"), _) => {
            return Err("'set server <srv> health' expects 'up', 'stopping', or 'down'.");
        }
        (Some("agent"), _) if server.active_agent().is_none() => return Err(NO_AGENT),
        (Some("agent"), Some("up")) => server.set_agent(true, now),
        (Some("agent"), Some("down")) => server.set_agent(false, now),
        (Some("agent"), _) => return Err("'set server <srv> agent' expects 'up' or 'down'."),
        _ => return Err(SET_SERVER_USAGE),
    }
    look(world, place);
    Ok(SILENT)
}

/// A backend may have gone up or down by what was done to its server.
fn look(world: &mut World, place: Place) {
    let now = world.clock;
    if let Some(back) = world.back_at(place) {
        back.look(now);
    }
}

/// Splits off the number a text begins with, as C's `strtol` does.
fn number(text: &str) -> Option<(i64, &str)> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let end = text.len() - digits.len() + length;
    if length == 0 {
        return None;
    }
    let value = text[..end].parse().unwrap_or(i64::MAX);
    Some((value, &text[end..]))
}

/// `set server B/S weight W` and `set weight B/S W`
pub(crate) fn set_weight(world: &mut World, place: Place, value: Option<&str>) -> Reply {
    let value = value.ok_or("Require <weight> or <weight%>.")?;
    let (weight, rest) = number(value).ok_or("Empty weight string empty or preceded by garbage")?;
    let back = world.back_at(place).ok_or("No such backend.")?;
    let fixed = back.algorithm == Algorithm::Source;
    let server = back.servers.get_mut(place.1).ok_or("No such server.")?;
    let weight = match rest {
        "%" if weight < 0 => return Err("Relative weight must be positive."),
        "%" => (i64::from(server.initial_weight) * weight.min(25_600) / 100).min(256),
        "" if !(0..=256).contains(&weight) => {
            return Err("Absolute weight can only be between 0 and 256 inclusive.");
        }
        "" => weight,
        _ => return Err("Trailing garbage in weight string"),
    };
    let weight = u32::try_from(weight).unwrap_or_default();
    if fixed && weight != 0 && weight != server.initial_weight {
        return Err("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.");
    }
    server.weight = weight;
    look(world, place);
    Ok(SILENT)
}

/// `get weight B/S`
pub(crate) fn get_weight(world: &mut World, words: &[&str]) -> Reply {
    let place = place(world, words.first())?;
    let server = world.server_at(place).ok_or("No such server.")?;
    Ok(format!("{} (initial {})\n", server.weight, server.initial_weight))
}

/// `enable|disable server|health|agent B/S`
pub(crate) fn switch(world: &mut World, what: &str, on: bool, words: &[&str]) -> Reply {
    let place = place(world, words.first())?;
    let now = world.clock;
    let server = world.server_at(place).ok_or("No such server.")?;
    match (what, on) {
        ("server", true) => server.set_ready(now),
        ("server", false) => server.set_maint(now),
        ("health", on) => match server.check.as_mut() {
            Some(check) => check.on = on,
            None if on => {
                return Err("Health check was not configured on this server, cannot enable.");
            }
            None => {}
        },
        (_, on) => match server.agent.as_mut() {
            Some(agent) => agent.on = on,
            None if on => return Err("Agent was not configured on this server, cannot enable."),
            None => {}
        },
    }
    look(world, place);
    Ok(SILENT)
}

/// `enable|disable|shutdown frontend F`
pub(crate) fn door(world: &mut World, to: Door, words: &[&str]) -> Reply {
    let name = words.first().ok_or(FRONTEND_EXPECTED)?;
    let front = world.front_mut(name).ok_or(NO_FRONTEND)?;
    match (front.door, to) {
        (Door::Shut, Door::Shut) => return Err("Frontend was already shut down."),
        (Door::Shut, Door::Open) => {
            return Err("Frontend was previously shut down, cannot enable.");
        }
        (Door::Shut, Door::Paused) => {
            return Err("Frontend was previously shut down, cannot disable.");
        }
        (Door::Open, Door::Open) => return Err("All sockets are already enabled."),
        (Door::Paused, Door::Paused) => return Err("All sockets are already disabled."),
        _ => front.door = to,
    }
    Ok(SILENT)
}

/// `set maxconn server|frontend|global …`; none when the second word is another.
pub(crate) fn set_maxconn(world: &mut World, what: &str, words: &[&str]) -> Reply {
    match what {
        "server" => {
            let place = place(world, words.first())?;
            let value = words.get(1).ok_or("Require <maxconn>.")?;
            let (maxconn, rest) = number(value).ok_or("maxconn string empty or preceded by garbage")?;
            if !rest.is_empty() {
                return Err("Trailing garbage in maxconn string");
            }
            let server = world.server_at(place).ok_or("No such server.")?;
            server.maxconn = u64::try_from(maxconn).unwrap_or_default();
        }
        "frontend" => {
            let name = words.first().ok_or(FRONTEND_EXPECTED)?;
            let front = world.front_mut(name).ok_or(NO_FRONTEND)?;
            let value = words.get(1).ok_or(INTEGER_EXPECTED)?;
            // Garbage is 0, as in a real 2.6, and 0 lets nobody in.
            let (maxconn, _) = number(value).unwrap_or((0, ""));
            front.maxconn = u64::try_from(maxconn).map_err(|_| OUT_OF_RANGE)?;
        }
        _ => {
            let value = words.first().ok_or(INTEGER_EXPECTED)?;
            let (maxconn, _) = number(value).unwrap_or((0, ""));
            let maxconn = u64::try_from(maxconn).ok().filter(|maxconn| *maxconn <= MAXCONN).ok_or(OUT_OF_RANGE)?;
            world.maxconn = if maxconn == 0 { MAXCONN } else { maxconn };
        }
    }
    Ok(SILENT)
}

/// `shutdown sessions server B/S`
pub(crate) fn shutdown_server_sessions(world: &mut World, words: &[&str]) -> Reply {
    let place = place(world, words.first())?;
    let now = world.clock;
    if let Some(back) = world.back_at(place) {
        let ended = session_flow::kill(back, now, |session| session.server == Some(place.1));
        world.leave(place.0, ended);
    }
    Ok(SILENT)
}

/// `shutdown session ID`
pub(crate) fn shutdown_session(world: &mut World, words: &[&str]) -> Reply {
    let pointer =
        words.first().filter(|word| word.starts_with("0x")).ok_or("Session pointer expected (use 'show sess').")?;
    let now = world.clock;
    for b in 0..world.proxies.len() {
        if let Some(back) = world.proxies[b].back.as_mut() {
            let ended = session_flow::kill(back, now, |session| session.pointer() == *pointer);
            if !ended.is_empty() {
                world.leave(b, ended);
                return Ok(SILENT);
            }
        }
    }
    Err("No such session (use 'show sess').")
}

/// `set timeout cli N`: checked, and of no consequence, since every connection here is short.
pub(crate) fn set_timeout(words: &[&str]) -> Reply {
    match words {
        ["cli", value, ..] if number(value).is_some_and(|(seconds, _)| seconds >= 1) => Ok(SILENT),
        ["cli", ..] => Err("Invalid timeout value."),
        _ => Err("'set timeout' only supports 'cli'."),
    }
}
