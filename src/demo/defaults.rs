//! Frontends, backends and servers as a bare line of configuration gives them; `site.rs` says what differs.

use std::collections::VecDeque;

use crate::demo::counters::Meter;
use crate::demo::health_check::{Check, Kind};
use crate::demo::proxy::{Algorithm, Back, Door, Front, Service};
use crate::demo::server::{Op, Ordeal, Server};

/// A plain server with an HTTP check; its name spreads the checks over the interval.
pub(crate) fn server(now: u64, name: &str, weight: u32, host: &str, port: u16) -> Server {
    let spread = name.bytes().fold(0, |sum, byte| (sum * 31 + u64::from(byte)) % 1900);
    Server {
        sid: 0,
        name: name.to_owned(),
        host: host.to_owned(),
        port,
        meter: Meter::default(),
        initial_weight: weight,
        weight,
        maxconn: 0,
        backup: false,
        cookie: None,
        admin: 0,
        op: Op::Running,
        changed: now,
        was_down: 0,
        down_transitions: 0,
        check: Some(Check::new(Kind::Http, now + 100 + spread)),
        agent: None,
        slowstart: 0,
        queue: VecDeque::new(),
        loyal: f64::from(weight),
        turn: 0.0,
        broken: None,
        ordeal: Ordeal::default(),
    }
}

/// A frontend that listens and has nothing to do yet.
pub(crate) fn front(maxconn: u64, port: u16, phase: f64) -> Front {
    Front {
        meter: Meter::default(),
        maxconn,
        door: Door::Open,
        idle: 0,
        routes: Vec::new(),
        phase,
        noise: 0.0,
        last_bad: None,
        port,
    }
}

/// A backend of these servers, numbered from 1.
pub(crate) fn back(algorithm: Algorithm, fullconn: u64, service: Service, mut servers: Vec<Server>, now: u64) -> Back {
    for (sid, server) in (1..).zip(servers.iter_mut()) {
        server.sid = sid;
    }
    Back {
        meter: Meter::default(),
        servers,
        active: Vec::new(),
        queue: VecDeque::new(),
        algorithm,
        cookie: None,
        fullconn,
        service,
        demand: 1.0,
        up: true,
        changed: now,
        was_down: 0,
        down_transitions: 0,
    }
}
