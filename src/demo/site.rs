//! The configuration of the simulated site: which proxies and servers there are, and what their work is like.
//!
//! A small shop: pages behind `www`, an API that is always near its limit, static files, log-in, a legacy
//! application that nobody repairs, and mail. Nothing here moves; a reload builds it afresh.

use crate::demo::defaults::{back, front, server};
use crate::demo::health_check::{Agent, Check, Fault, Kind};
use crate::demo::proxy::{Algorithm, Back, Front, Mode, Proxy, Route, Service};
use crate::demo::server::{CONFIG_MAINT, FORCED_MAINT, Op, Server};
use crate::demo::stick_table::{Data, Table};

/// The first `iid`; `HAProxy` keeps 1 for itself.
const FIRST_IID: u32 = 2;

/// Builds every proxy as the configuration says, at this moment, with some plain backends more.
pub(crate) fn proxies(now: u64, extra_backends: usize) -> Vec<Proxy> {
    let mut site = Site { now, proxies: Vec::new() };
    site.frontend("www", 2000, 8080, 0.0, Some(Table::new("ip", 102_400, 300_000, &TRACKED)));
    site.frontend("api-in", 1000, 8081, 1.9, None);
    site.www();
    site.api();
    site.static_files();
    site.auth();
    site.legacy();
    site.mail();
    site.stats();
    for number in 1..=extra_backends {
        site.extra(number);
    }
    site.proxies
}

/// What the table of the clients stores.
const TRACKED: [Data; 3] = [Data::Current, Data::RequestCount, Data::RequestRate];
/// What the table of the log-ins stores.
const LOGINS: [Data; 3] = [Data::Gpc0, Data::RequestCount, Data::RequestRate];

/// Index of the frontend for pages.
const WWW: usize = 0;
/// Index of the frontend for the API.
const API: usize = 1;

struct Site {
    now: u64,
    proxies: Vec<Proxy>,
}

impl Site {
    fn push(&mut self, name: &str, mode: Mode, front: Option<Front>, back: Option<Back>, table: Option<Table>) {
        let iid = FIRST_IID + self.proxies.len() as u32;
        self.proxies.push(Proxy { iid, name: name.to_owned(), mode, front, back, table });
    }

    fn frontend(&mut self, name: &str, maxconn: u64, port: u16, phase: f64, table: Option<Table>) {
        self.push(name, Mode::Http, Some(front(maxconn, port, phase)), None, table);
    }

    /// Sends requests from one frontend to the backend that is built next.
    fn feed(&mut self, from: usize, rate: f64) {
        let back = self.proxies.len();
        if let Some(front) = self.proxies.get_mut(from).and_then(|proxy| proxy.front.as_mut()) {
            front.routes.push(Route { back, rate });
        }
    }

    fn www(&mut self) {
        self.feed(WWW, 150.0);
        let servers = [
            ("www1", 100, "10.0.1.11"),
            ("www2", 100, "10.0.1.12"),
            ("www3", 100, "10.0.1.13"),
            ("www4", 60, "10.0.1.14"),
        ];
        let mut servers: Vec<Server> = servers
            .iter()
            .map(|(name, weight, host)| Server {
                maxconn: 300,
                cookie: Some((*name).to_owned()),
                ..server(self.now, name, *weight, host, 80)
            })
            .collect();
        servers.push(Server { backup: true, ..server(self.now, "sorry1", 1, "10.0.1.99", 80) });
        let service = Service {
            connect: 2,
            response: 85.0,
            transfer: 1100.0,
            bytes_in: 620,
            bytes_out: 21_000.0,
            classes: [0.05, 0.022, 0.001],
            loyalty: 0.55,
        };
        let mut back = back(Algorithm::LeastConn, 1000, service, servers, self.now);
        back.cookie = Some("SRV".to_owned());
        self.push("www", Mode::Http, None, Some(back), None);
    }

    fn api(&mut self) {
        self.feed(API, 38.0);
        let mut servers: Vec<Server> = [("api1", "10.0.2.21"), ("api2", "10.0.2.22"), ("api3", "10.0.2.23")]
            .iter()
            .map(|(name, host)| Server {
                maxconn: 20,
                cookie: Some((*name).to_owned()),
                ..server(self.now, name, 100, host, 8000)
            })
            .collect();
        if let Some(server) = servers.get_mut(2) {
            server.admin = FORCED_MAINT | CONFIG_MAINT;
            server.op = Op::Stopped;
        }
        let service = Service {
            connect: 1,
            response: 520.0,
            transfer: 60.0,
            bytes_in: 1400,
            bytes_out: 5200.0,
            classes: [0.0, 0.03, 0.004],
            loyalty: 0.12,
        };
        let mut back = back(Algorithm::LeastConn, 100, service, servers, self.now);
        back.cookie = Some("API".to_owned());
        self.push("api", Mode::Http, None, Some(back), None);
    }

    fn static_files(&mut self) {
        self.feed(WWW, 105.0);
        let servers = [
            ("static1", 100, "10.0.3.31"),
            ("static2", 100, "10.0.3.32"),
            ("static3", 50, "10.0.3.33"),
            ("static4", 50, "10.0.3.34"),
        ]
        .iter()
        .map(|(name, weight, host)| Server { slowstart: 20_000, ..server(self.now, name, *weight, host, 80) })
        .collect();
        let service = Service {
            connect: 1,
            response: 7.0,
            transfer: 160.0,
            bytes_in: 410,
            bytes_out: 88_000.0,
            classes: [0.3, 0.012, 0.0],
            loyalty: 0.0,
        };
        self.push("static", Mode::Http, None, Some(back(Algorithm::RoundRobin, 200, service, servers, self.now)), None);
    }

    fn auth(&mut self) {
        self.feed(WWW, 7.0);
        self.feed(API, 6.0);
        let mut servers: Vec<Server> = [("auth1", 100, "10.0.4.41"), ("auth2", 100, "10.0.4.42")]
            .iter()
            .map(|(name, weight, host)| Server { maxconn: 60, ..server(self.now, name, *weight, host, 9000) })
            .collect();
        if let Some(server) = servers.first_mut() {
            server.agent = Some(Agent { on: true, port: 9777, up: true, due: self.now + 1500, duration: 1 });
        }
        let service = Service {
            connect: 1,
            response: 60.0,
            transfer: 12.0,
            bytes_in: 900,
            bytes_out: 1900.0,
            classes: [0.16, 0.06, 0.002],
            loyalty: 0.0,
        };
        let table = Table::new("string", 10_240, 600_000, &LOGINS);
        self.push(
            "auth",
            Mode::Http,
            None,
            Some(back(Algorithm::RoundRobin, 100, service, servers, self.now)),
            Some(table),
        );
    }

    fn legacy(&mut self) {
        self.feed(WWW, 0.3);
        let mut server = server(self.now, "old1", 100, "10.0.9.91", 8088);
        server.maxconn = 20;
        server.broken = Some(Fault::Refused);
        if let Some(check) = server.check.as_mut() {
            *check = Check::new(Kind::Connect, self.now);
        }
        let service = Service {
            connect: 3,
            response: 300.0,
            transfer: 40.0,
            bytes_in: 500,
            bytes_out: 9000.0,
            classes: [0.0, 0.02, 0.01],
            loyalty: 0.0,
        };
        self.push(
            "legacy",
            Mode::Http,
            None,
            Some(back(Algorithm::RoundRobin, 100, service, vec![server], self.now)),
            None,
        );
    }

    fn mail(&mut self) {
        let at = self.proxies.len();
        let servers = [("mx1", 100, "10.0.5.51"), ("mx2", 100, "10.0.5.52")]
            .iter()
            .map(|(name, weight, host)| {
                let mut server = Server { maxconn: 100, ..server(self.now, name, *weight, host, 25) };
                server.check = Some(Check::new(Kind::Connect, self.now + 400 + u64::from(server.port) * 10));
                server
            })
            .collect();
        let service = Service {
            connect: 3,
            response: 0.0,
            transfer: 8000.0,
            bytes_in: 46_000,
            bytes_out: 1300.0,
            classes: [0.0; 3],
            loyalty: 0.0,
        };
        let mut front = front(500, 25, 4.0);
        front.routes.push(Route { back: at, rate: 3.0 });
        self.push("smtp", Mode::Tcp, Some(front), Some(back(Algorithm::Source, 200, service, servers, self.now)), None);
    }

    fn stats(&mut self) {
        let service = Service {
            connect: 0,
            response: 0.0,
            transfer: 0.0,
            bytes_in: 300,
            bytes_out: 18_000.0,
            classes: [0.0; 3],
            loyalty: 0.0,
        };
        let back = back(Algorithm::RoundRobin, 10, service, Vec::new(), self.now);
        self.push("stats", Mode::Http, Some(front(100, 8404, 0.5)), Some(back), None);
    }

    fn extra(&mut self, number: usize) {
        self.feed(WWW, 0.6);
        let name = format!("app-{number:03}");
        let servers = (1..=4)
            .map(|i| server(self.now, &format!("app{i}"), 100, &format!("10.1.{}.{i}", number % 250), 8080))
            .collect();
        let service = Service {
            connect: 1,
            response: 45.0,
            transfer: 30.0,
            bytes_in: 500,
            bytes_out: 7000.0,
            classes: [0.04, 0.02, 0.001],
            loyalty: 0.0,
        };
        self.push(&name, Mode::Http, None, Some(back(Algorithm::RoundRobin, 100, service, servers, self.now)), None);
    }
}
