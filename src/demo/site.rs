//! Configuration of the simulated site: the proxies and servers, and the parameters of the traffic.
//!
//! The site is a small shop: pages (`www`), an API that is always near its limit, static files, log-in, an unmaintained
//! legacy application, and mail. A reload builds the site again.

use crate::demo::default_proxies::{default_backend, default_frontend, default_server};
use crate::demo::health_check::{AgentCheck, CheckKind, Fault, HealthCheck};
use crate::demo::proxy::{BalanceAlgorithm, Proxy, ProxyMode, Route, SimBackend, SimFrontend, Workload};
use crate::demo::server::{CONFIG_MAINT, FORCED_MAINT, SimOperationalState, SimServer};
use crate::demo::stick_table::{DataType, SimStickTable};

/// First `iid` of the site; `HAProxy` uses 1 itself.
const FIRST_IID: u32 = 2;

/// Builds all proxies in their configured state at the time `now`, and `extra_backends` additional backends.
pub(crate) fn build_proxies(now: u64, extra_backends: usize) -> Vec<Proxy> {
    let mut builder = SiteBuilder { now, proxies: Vec::new() };
    builder.add_frontend("www", 2000, 8080, 0.0, Some(SimStickTable::new("ip", 102_400, 300_000, &TRACKED)));
    builder.add_frontend("api-in", 1000, 8081, 1.9, None);
    builder.add_www();
    builder.add_api();
    builder.add_static();
    builder.add_auth();
    builder.add_legacy();
    builder.add_smtp();
    builder.add_stats();
    for number in 1..=extra_backends {
        builder.add_extra_backend(number);
    }
    builder.proxies
}

/// Data types of the stick table for clients.
const TRACKED: [DataType; 3] = [DataType::CurrentConnections, DataType::RequestCount, DataType::RequestRate];
/// Data types of the stick table for log-ins.
const LOGINS: [DataType; 3] = [DataType::Gpc0, DataType::RequestCount, DataType::RequestRate];

/// Index of the frontend for pages.
const WWW: usize = 0;
/// Index of the frontend for the API.
const API: usize = 1;

struct SiteBuilder {
    now: u64,
    proxies: Vec<Proxy>,
}

impl SiteBuilder {
    fn add_proxy(
        &mut self,
        name: &str,
        mode: ProxyMode,
        frontend: Option<SimFrontend>,
        backend: Option<SimBackend>,
        table: Option<SimStickTable>,
    ) {
        let iid = FIRST_IID + self.proxies.len() as u32;
        self.proxies.push(Proxy { iid, name: name.to_owned(), mode, frontend, backend, stick_table: table });
    }

    fn add_frontend(&mut self, name: &str, maxconn: u64, port: u16, phase: f64, table: Option<SimStickTable>) {
        self.add_proxy(name, ProxyMode::Http, Some(default_frontend(maxconn, port, phase)), None, table);
    }

    /// Adds a route from a frontend to the backend that is added next; `rate` is in requests per second.
    fn route_from(&mut self, from: usize, rate: f64) {
        let backend = self.proxies.len();
        if let Some(frontend) = self.proxies.get_mut(from).and_then(|proxy| proxy.frontend.as_mut()) {
            frontend.routes.push(Route { backend, rate });
        }
    }

    fn add_www(&mut self) {
        self.route_from(WWW, 150.0);
        let servers = [
            ("www1", 100, "10.0.1.11"),
            ("www2", 100, "10.0.1.12"),
            ("www3", 100, "10.0.1.13"),
            ("www4", 60, "10.0.1.14"),
        ];
        let mut servers: Vec<SimServer> = servers
            .iter()
            .map(|(name, weight, host)| SimServer {
                maxconn: 300,
                cookie: Some((*name).to_owned()),
                ..default_server(self.now, name, *weight, host, 80)
            })
            .collect();
        servers.push(SimServer { is_backup: true, ..default_server(self.now, "sorry1", 1, "10.0.1.99", 80) });
        let service = Workload {
            connect: 2,
            response: 85.0,
            transfer: 1100.0,
            bytes_in: 620,
            bytes_out: 21_000.0,
            classes: [0.05, 0.022, 0.001],
            cookie_share: 0.55,
        };
        let mut backend = default_backend(BalanceAlgorithm::LeastConn, 1000, service, servers, self.now);
        backend.cookie = Some("SRV".to_owned());
        self.add_proxy("www", ProxyMode::Http, None, Some(backend), None);
    }

    fn add_api(&mut self) {
        self.route_from(API, 38.0);
        let mut servers: Vec<SimServer> = [("api1", "10.0.2.21"), ("api2", "10.0.2.22"), ("api3", "10.0.2.23")]
            .iter()
            .map(|(name, host)| SimServer {
                maxconn: 20,
                cookie: Some((*name).to_owned()),
                ..default_server(self.now, name, 100, host, 8000)
            })
            .collect();
        if let Some(server) = servers.get_mut(2) {
            server.admin_flags = FORCED_MAINT | CONFIG_MAINT;
            server.operational_state = SimOperationalState::Stopped;
        }
        let service = Workload {
            connect: 1,
            response: 520.0,
            transfer: 60.0,
            bytes_in: 1400,
            bytes_out: 5200.0,
            classes: [0.0, 0.03, 0.004],
            cookie_share: 0.12,
        };
        let mut backend = default_backend(BalanceAlgorithm::LeastConn, 100, service, servers, self.now);
        backend.cookie = Some("API".to_owned());
        self.add_proxy("api", ProxyMode::Http, None, Some(backend), None);
    }

    fn add_static(&mut self) {
        self.route_from(WWW, 105.0);
        let servers = [
            ("static1", 100, "10.0.3.31"),
            ("static2", 100, "10.0.3.32"),
            ("static3", 50, "10.0.3.33"),
            ("static4", 50, "10.0.3.34"),
        ]
        .iter()
        .map(|(name, weight, host)| SimServer {
            slowstart_ms: 20_000,
            ..default_server(self.now, name, *weight, host, 80)
        })
        .collect();
        let service = Workload {
            connect: 1,
            response: 7.0,
            transfer: 160.0,
            bytes_in: 410,
            bytes_out: 88_000.0,
            classes: [0.3, 0.012, 0.0],
            cookie_share: 0.0,
        };
        self.add_proxy(
            "static",
            ProxyMode::Http,
            None,
            Some(default_backend(BalanceAlgorithm::RoundRobin, 200, service, servers, self.now)),
            None,
        );
    }

    fn add_auth(&mut self) {
        self.route_from(WWW, 7.0);
        self.route_from(API, 6.0);
        let mut servers: Vec<SimServer> = [("auth1", 100, "10.0.4.41"), ("auth2", 100, "10.0.4.42")]
            .iter()
            .map(|(name, weight, host)| SimServer {
                maxconn: 60,
                ..default_server(self.now, name, *weight, host, 9000)
            })
            .collect();
        if let Some(server) = servers.first_mut() {
            server.agent_check = Some(AgentCheck {
                is_enabled: true,
                port: 9777,
                reports_up: true,
                next_run: self.now + 1500,
                duration: 1,
            });
        }
        let service = Workload {
            connect: 1,
            response: 60.0,
            transfer: 12.0,
            bytes_in: 900,
            bytes_out: 1900.0,
            classes: [0.16, 0.06, 0.002],
            cookie_share: 0.0,
        };
        let table = SimStickTable::new("string", 10_240, 600_000, &LOGINS);
        self.add_proxy(
            "auth",
            ProxyMode::Http,
            None,
            Some(default_backend(BalanceAlgorithm::RoundRobin, 100, service, servers, self.now)),
            Some(table),
        );
    }

    fn add_legacy(&mut self) {
        self.route_from(WWW, 0.3);
        let mut server = default_server(self.now, "old1", 100, "10.0.9.91", 8088);
        server.maxconn = 20;
        server.permanent_fault = Some(Fault::Refused);
        if let Some(check) = server.health_check.as_mut() {
            *check = HealthCheck::new(CheckKind::Connect, self.now);
        }
        let service = Workload {
            connect: 3,
            response: 300.0,
            transfer: 40.0,
            bytes_in: 500,
            bytes_out: 9000.0,
            classes: [0.0, 0.02, 0.01],
            cookie_share: 0.0,
        };
        self.add_proxy(
            "legacy",
            ProxyMode::Http,
            None,
            Some(default_backend(BalanceAlgorithm::RoundRobin, 100, service, vec![server], self.now)),
            None,
        );
    }

    fn add_smtp(&mut self) {
        let at = self.proxies.len();
        let servers = [("mx1", 100, "10.0.5.51"), ("mx2", 100, "10.0.5.52")]
            .iter()
            .map(|(name, weight, host)| {
                let mut server = SimServer { maxconn: 100, ..default_server(self.now, name, *weight, host, 25) };
                server.health_check =
                    Some(HealthCheck::new(CheckKind::Connect, self.now + 400 + u64::from(server.port) * 10));
                server
            })
            .collect();
        let service = Workload {
            connect: 3,
            response: 0.0,
            transfer: 8000.0,
            bytes_in: 46_000,
            bytes_out: 1300.0,
            classes: [0.0; 3],
            cookie_share: 0.0,
        };
        let mut frontend = default_frontend(500, 25, 4.0);
        frontend.routes.push(Route { backend: at, rate: 3.0 });
        self.add_proxy(
            "smtp",
            ProxyMode::Tcp,
            Some(frontend),
            Some(default_backend(BalanceAlgorithm::Source, 200, service, servers, self.now)),
            None,
        );
    }

    fn add_stats(&mut self) {
        let service = Workload {
            connect: 0,
            response: 0.0,
            transfer: 0.0,
            bytes_in: 300,
            bytes_out: 18_000.0,
            classes: [0.0; 3],
            cookie_share: 0.0,
        };
        let backend = default_backend(BalanceAlgorithm::RoundRobin, 10, service, Vec::new(), self.now);
        self.add_proxy("stats", ProxyMode::Http, Some(default_frontend(100, 8404, 0.5)), Some(backend), None);
    }

    fn add_extra_backend(&mut self, number: usize) {
        self.route_from(WWW, 0.6);
        let name = format!("app-{number:03}");
        let servers = (1..=4)
            .map(|i| default_server(self.now, &format!("app{i}"), 100, &format!("10.1.{}.{i}", number % 250), 8080))
            .collect();
        let service = Workload {
            connect: 1,
            response: 45.0,
            transfer: 30.0,
            bytes_in: 500,
            bytes_out: 7000.0,
            classes: [0.04, 0.02, 0.001],
            cookie_share: 0.0,
        };
        self.add_proxy(
            &name,
            ProxyMode::Http,
            None,
            Some(default_backend(BalanceAlgorithm::RoundRobin, 100, service, servers, self.now)),
            None,
        );
    }
}
