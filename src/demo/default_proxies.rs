//! Frontends, backends and servers with default settings, which `site.rs` overrides where needed.

use std::collections::VecDeque;

use crate::demo::counters::Counters;
use crate::demo::health_check::{CheckKind, HealthCheck};
use crate::demo::proxy::{BalanceAlgorithm, FrontendState, SimBackend, SimFrontend, Workload};
use crate::demo::server::{Impairment, SimOperationalState, SimServer};

/// Creates a server with an HTTP check. A hash of the name spreads the first checks over the check interval.
pub(crate) fn default_server(now: u64, name: &str, weight: u32, host: &str, port: u16) -> SimServer {
    let spread = name.bytes().fold(0, |sum, byte| (sum * 31 + u64::from(byte)) % 1900);
    SimServer {
        sid: 0,
        name: name.to_owned(),
        host: host.to_owned(),
        port,
        counters: Counters::default(),
        initial_weight: weight,
        weight,
        maxconn: 0,
        is_backup: false,
        cookie: None,
        admin_flags: 0,
        operational_state: SimOperationalState::Running,
        last_change: now,
        past_downtime: 0,
        down_transitions: 0,
        health_check: Some(HealthCheck::new(CheckKind::Http, now + 100 + spread)),
        agent_check: None,
        slowstart_ms: 0,
        queue: VecDeque::new(),
        cookie_clients: f64::from(weight),
        round_robin_credit: 0.0,
        permanent_fault: None,
        impairment: Impairment::default(),
    }
}

/// Creates an open frontend without routes.
pub(crate) fn default_frontend(maxconn: u64, port: u16, phase: f64) -> SimFrontend {
    SimFrontend {
        counters: Counters::default(),
        maxconn,
        state: FrontendState::Open,
        idle: 0,
        routes: Vec::new(),
        phase,
        noise: 0.0,
        last_bad_request: None,
        port,
    }
}

/// Creates a backend with these servers, numbered from 1.
pub(crate) fn default_backend(
    algorithm: BalanceAlgorithm,
    fullconn: u64,
    service: Workload,
    mut servers: Vec<SimServer>,
    now: u64,
) -> SimBackend {
    for (sid, server) in (1..).zip(servers.iter_mut()) {
        server.sid = sid;
    }
    SimBackend {
        counters: Counters::default(),
        servers,
        active: Vec::new(),
        queue: VecDeque::new(),
        algorithm,
        cookie: None,
        fullconn,
        workload: service,
        load_factor: 1.0,
        is_up: true,
        last_change: now,
        past_downtime: 0,
        down_transitions: 0,
    }
}
