//! Three HAProxies that share their servers, and what the dashboard shows of them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::{Lab, Term, process};

/// Three balancers that share four servers: HAProxy 2.6, 3.0 and 2.6. They are named `lb1` to `lb3`.
pub struct SharedServers {
    pub labs: Vec<Lab>,
}

impl SharedServers {
    /// Starts the balancers; `others` are further sections of the second and third one.
    pub fn start(others: [&str; 2]) -> Self {
        let first = Lab::builder().servers(4).checks().start();
        let servers = (1..=4).map(|number| {
            let addr = first.server(&format!("be1/s{number}")).addr();
            format!("    server s{number} {addr} check inter 200ms fastinter 100ms downinter 200ms rise 2 fall 2\n")
        });
        let servers = servers.collect::<Vec<_>>().concat();
        let lab = |(more, version): (&str, &str)| {
            let shared = format!("frontend fe1\n    bind {{{{fe1}}}}\n    default_backend be1\nbackend be1\n{servers}");
            let builder = Lab::builder().frontends(0).backends(0).sections(&format!("{shared}{more}"));
            builder.program(process::haproxy_of_version(version)).start()
        };
        let labs: Vec<Lab> = std::iter::once(first).chain(others.into_iter().zip(["3.0", "2.6"]).map(lab)).collect();
        for lab in &labs {
            (1..=4).for_each(|number| lab.wait_stat("be1", &format!("s{number}"), "status", |status| status == "UP"));
        }
        Self { labs }
    }

    /// Returns the targets, as on a command line.
    pub fn targets(&self) -> Vec<String> {
        let targets = self.labs.iter().enumerate();
        targets.map(|(place, lab)| format!("lb{}={}", place + 1, lab.admin().display())).collect()
    }

    /// Starts the dashboard, which merges the rows.
    pub fn dashboard(&self, width: u16, height: u16) -> Term {
        let mut term = Term::builder().args(["-i", "0.2"]).args(self.targets()).size(width, height).start();
        term.wait_for("ADMIN");
        term.press("b");
        term.wait_for("all 3 balancers");
        term
    }

    /// Returns the sum of a column over these balancers.
    pub fn sum(&self, places: &[usize], server: &str, column: &str) -> i64 {
        places.iter().map(|place| self.labs[*place].stat("be1", server, column).parse::<i64>().unwrap()).sum()
    }

    pub fn statuses(&self, server: &str) -> Vec<String> {
        self.labs.iter().map(|lab| lab.stat("be1", server, "status")).collect()
    }
}

/// Sends requests, one connection each.
pub fn send_requests(to: SocketAddr, count: usize) {
    for _ in 0..count {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        assert!(reply.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&reply));
    }
}

/// Returns the words of the first line whose name is `name`.
pub fn words(screen: &str, name: &str) -> Vec<String> {
    let has_name = |line: &&str| line.split_whitespace().any(|word| word == name);
    let line = screen.lines().find(has_name).unwrap_or_default();
    let words = line.split_whitespace().skip_while(|word| *word != name).skip(1);
    words.map(str::to_owned).collect()
}
