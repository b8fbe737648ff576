//! The commands that change something. Each checks its arguments as `HAProxy` 2.6 does.
//!
//! Error texts are those of a real `HAProxy`. `interpreter.rs` has checked the access level before.

use crate::demo::proxy::{BalanceAlgorithm, FrontendState};
use crate::demo::server::SimOperationalState;
use crate::demo::session_flow;
use crate::demo::world::{MAXCONN, ServerIndex, World};

/// Reply of a command: its text, mostly empty, or an error text.
pub(crate) type CommandResult = Result<String, &'static str>;

const EMPTY_REPLY: String = String::new();
const NO_FRONTEND: &str = "No such frontend.";
const FRONTEND_EXPECTED: &str = "A frontend name is expected.";
const INTEGER_EXPECTED: &str = "Integer value expected.";
const OUT_OF_RANGE: &str = "Value out of range.";
const SET_SERVER_USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
check-addr | check-port | fqdn | health | ssl | state | weight";
const NO_AGENT: &str = "agent checks are not enabled on this server.";

/// Returns the server that `BACKEND/SERVER` names.
pub(crate) fn find_server(world: &World, named: Option<&&str>) -> Result<ServerIndex, &'static str> {
    let usage = "Require 'backend/server'.";
    let (backend, server) = named.and_then(|name| name.split_once('/')).ok_or(usage)?;
    if server.is_empty() {
        return Err(usage);
    }
    let proxy = world.backend_index(backend).ok_or("No such backend.")?;
    world.server_index(proxy, server).ok_or("No such server.")
}

/// Implements `set server B/S WHAT VALUE`.
pub(crate) fn set_server(world: &mut World, words: &[&str]) -> CommandResult {
    let index = find_server(world, words.first())?;
    let now = world.clock;
    let value = words.get(2).copied();
    if words.get(1) == Some(&"weight") {
        return set_weight(world, index, value);
    }
    let server = world.server_mut(index).ok_or("No such server.")?;
    match (words.get(1).copied(), value) {
        (Some("state"), Some("ready")) => server.set_state_ready(now),
        (Some("state"), Some("drain")) => server.set_state_drain(now),
        (Some("state"), Some("maint")) => server.set_state_maint(now),
        (Some("state"), _) => {
            return Err("'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
        }
        (Some("health"), Some("up")) => server.set_health(SimOperationalState::Running, now),
        (Some("health"), Some("stopping")) => server.set_health(SimOperationalState::Stopping, now),
        (Some("health"), Some("down")) => server.set_health(SimOperationalState::Stopped, now),
        (Some("health"), _) => {
            return Err("'set server <srv> health' expects 'up', 'stopping', or 'down'.");
        }
        (Some("agent"), _) if server.active_agent().is_none() => return Err(NO_AGENT),
        (Some("agent"), Some("up")) => server.set_agent(true, now),
        (Some("agent"), Some("down")) => server.set_agent(false, now),
        (Some("agent"), _) => return Err("'set server <srv> agent' expects 'up' or 'down'."),
        _ => return Err(SET_SERVER_USAGE),
    }
    update_backend_state(world, index);
    Ok(EMPTY_REPLY)
}

/// Updates whether the backend is up after a change to one of its servers.
fn update_backend_state(world: &mut World, index: ServerIndex) {
    let now = world.clock;
    if let Some(backend) = world.backend_mut(index) {
        backend.update_state(now);
    }
}

/// Splits a text into its leading number and the rest, as C's `strtol` does.
fn parse_leading_number(text: &str) -> Option<(i64, &str)> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let end = text.len() - digits.len() + length;
    if length == 0 {
        return None;
    }
    let value = text[..end].parse().unwrap_or(i64::MAX);
    Some((value, &text[end..]))
}

/// Implements `set server B/S weight W` and `set weight B/S W`.
pub(crate) fn set_weight(world: &mut World, index: ServerIndex, value: Option<&str>) -> CommandResult {
    let value = value.ok_or("Require <weight> or <weight%>.")?;
    let (weight, rest) = parse_leading_number(value).ok_or("Empty weight string empty or preceded by garbage")?;
    let backend = world.backend_mut(index).ok_or("No such backend.")?;
    let is_static = backend.algorithm == BalanceAlgorithm::Source;
    let server = backend.servers.get_mut(index.1).ok_or("No such server.")?;
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
    if is_static && weight != 0 && weight != server.initial_weight {
        return Err("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.");
    }
    server.weight = weight;
    update_backend_state(world, index);
    Ok(EMPTY_REPLY)
}

/// Implements `get weight B/S`.
pub(crate) fn get_weight(world: &mut World, words: &[&str]) -> CommandResult {
    let index = find_server(world, words.first())?;
    let server = world.server_mut(index).ok_or("No such server.")?;
    Ok(format!("{} (initial {})\n", server.weight, server.initial_weight))
}

/// Implements `enable|disable server|health|agent B/S`.
pub(crate) fn set_enabled(world: &mut World, object: &str, enable: bool, words: &[&str]) -> CommandResult {
    let index = find_server(world, words.first())?;
    let now = world.clock;
    let server = world.server_mut(index).ok_or("No such server.")?;
    match (object, enable) {
        ("server", true) => server.set_state_ready(now),
        ("server", false) => server.set_state_maint(now),
        ("health", enable) => match server.health_check.as_mut() {
            Some(check) => check.is_enabled = enable,
            None if enable => {
                return Err("Health check was not configured on this server, cannot enable.");
            }
            None => {}
        },
        (_, enable) => match server.agent_check.as_mut() {
            Some(agent) => agent.is_enabled = enable,
            None if enable => return Err("Agent was not configured on this server, cannot enable."),
            None => {}
        },
    }
    update_backend_state(world, index);
    Ok(EMPTY_REPLY)
}

/// Implements `enable|disable|shutdown frontend F`.
pub(crate) fn set_frontend_state(world: &mut World, state: FrontendState, words: &[&str]) -> CommandResult {
    let name = words.first().ok_or(FRONTEND_EXPECTED)?;
    let frontend = world.frontend_mut(name).ok_or(NO_FRONTEND)?;
    match (frontend.state, state) {
        (FrontendState::Stopped, FrontendState::Stopped) => return Err("Frontend was already shut down."),
        (FrontendState::Stopped, FrontendState::Open) => {
            return Err("Frontend was previously shut down, cannot enable.");
        }
        (FrontendState::Stopped, FrontendState::Paused) => {
            return Err("Frontend was previously shut down, cannot disable.");
        }
        (FrontendState::Open, FrontendState::Open) => return Err("All sockets are already enabled."),
        (FrontendState::Paused, FrontendState::Paused) => return Err("All sockets are already disabled."),
        _ => frontend.state = state,
    }
    Ok(EMPTY_REPLY)
}

/// Implements `set maxconn server|frontend|global …`.
pub(crate) fn set_maxconn(world: &mut World, object: &str, words: &[&str]) -> CommandResult {
    match object {
        "server" => {
            let index = find_server(world, words.first())?;
            let value = words.get(1).ok_or("Require <maxconn>.")?;
            let (maxconn, rest) = parse_leading_number(value).ok_or("maxconn string empty or preceded by garbage")?;
            if !rest.is_empty() {
                return Err("Trailing garbage in maxconn string");
            }
            let server = world.server_mut(index).ok_or("No such server.")?;
            server.maxconn = u64::try_from(maxconn).unwrap_or_default();
        }
        "frontend" => {
            let name = words.first().ok_or(FRONTEND_EXPECTED)?;
            let frontend = world.frontend_mut(name).ok_or(NO_FRONTEND)?;
            let value = words.get(1).ok_or(INTEGER_EXPECTED)?;
            // As in a real 2.6, garbage counts as 0, and with 0 no connection is accepted.
            let (maxconn, _) = parse_leading_number(value).unwrap_or((0, ""));
            frontend.maxconn = u64::try_from(maxconn).map_err(|_| OUT_OF_RANGE)?;
        }
        _ => {
            let value = words.first().ok_or(INTEGER_EXPECTED)?;
            let (maxconn, _) = parse_leading_number(value).unwrap_or((0, ""));
            let maxconn = u64::try_from(maxconn).ok().filter(|maxconn| *maxconn <= MAXCONN).ok_or(OUT_OF_RANGE)?;
            world.maxconn = if maxconn == 0 { MAXCONN } else { maxconn };
        }
    }
    Ok(EMPTY_REPLY)
}

/// Implements `shutdown sessions server B/S`.
pub(crate) fn shutdown_server_sessions(world: &mut World, words: &[&str]) -> CommandResult {
    let index = find_server(world, words.first())?;
    let now = world.clock;
    if let Some(backend) = world.backend_mut(index) {
        let ended = session_flow::kill_sessions(backend, now, |session| session.server == Some(index.1));
        world.record_ended_sessions(index.0, ended);
    }
    Ok(EMPTY_REPLY)
}

/// Implements `shutdown session ID`.
pub(crate) fn shutdown_session(world: &mut World, words: &[&str]) -> CommandResult {
    let pointer =
        words.first().filter(|word| word.starts_with("0x")).ok_or("Session pointer expected (use 'show sess').")?;
    let now = world.clock;
    for b in 0..world.proxies.len() {
        if let Some(backend) = world.proxies[b].backend.as_mut() {
            let ended = session_flow::kill_sessions(backend, now, |session| session.pointer() == *pointer);
            if !ended.is_empty() {
                world.record_ended_sessions(b, ended);
                return Ok(EMPTY_REPLY);
            }
        }
    }
    Err("No such session (use 'show sess').")
}

/// Implements `set timeout cli N`: checks the value and ignores it, since every connection is short.
pub(crate) fn set_timeout(words: &[&str]) -> CommandResult {
    match words {
        ["cli", value, ..] if parse_leading_number(value).is_some_and(|(seconds, _)| seconds >= 1) => Ok(EMPTY_REPLY),
        ["cli", ..] => Err("Invalid timeout value."),
        _ => Err("'set timeout' only supports 'cli'."),
    }
}
