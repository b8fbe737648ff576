//! The lab's web servers: threads of the test, each with its own port.
//!
//! [`ServerBehavior`] defines how a server responds. It can change while HAProxy runs: so a test makes a server fail,
//! recover or become slow.

use super::lock;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Time between two looks of a request that hangs at the behavior of its server.
const HANG_STEP: Duration = Duration::from_millis(50);

/// Response of a server to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerBehavior {
    /// Sends 200 at once.
    Ok,
    /// Sends 200 after this time.
    Slow(Duration),
    /// Sends this status at once.
    Status(u16),
    /// Sends 500 at once for this percentage of the requests, evenly distributed, and 200 for the others.
    Errors(u8),
    /// Sends nothing until it behaves differently, then 200.
    Hang,
    /// Closes the connection instead of a response.
    NoResponse,
    /// Does not listen, so connections are refused.
    Closed,
}

/// Returns a loopback address in 127.0.0.0/8 that no other lab uses. Outgoing connections use 127.0.0.1, so a free port on
/// this address stays free until HAProxy binds it.
pub fn unique_loopback() -> Ipv4Addr {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let lab = COUNT.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    // 22 bits remain after the 127 and two fixed bits, which keep the address outside 127.0.x.y.
    let bits = (pid & 0x3fff) << 8 | (lab & 0xff);
    let [_, high, middle, low] = bits.to_be_bytes();
    Ipv4Addr::new(127, 64 | high, middle, low)
}

/// Returns this address with a port that is free now.
pub fn free_port(ip: impl Into<std::net::IpAddr>) -> std::io::Result<SocketAddr> {
    TcpListener::bind((ip.into(), 0))?.local_addr()
}

#[derive(Debug)]
struct ServerState {
    behavior: Mutex<ServerBehavior>,
    requests: AtomicUsize,
    accepted: AtomicUsize,
    /// Open connections by the number of connections accepted before.
    connections: Mutex<BTreeMap<usize, TcpStream>>,
}

/// A web server; dropping it closes its port.
#[derive(Debug)]
pub struct WebServer {
    addr: SocketAddr,
    state: Arc<ServerState>,
    acceptor: Mutex<Option<Acceptor>>,
}

#[derive(Debug)]
struct Acceptor {
    thread: JoinHandle<()>,
    stop: Arc<AtomicUsize>,
}

impl WebServer {
    pub fn start(ip: Ipv4Addr, behavior: ServerBehavior) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a loopback port is free");
        let server = Self {
            addr: listener.local_addr().expect("a bound socket has an address"),
            state: Arc::new(ServerState {
                behavior: Mutex::new(behavior),
                requests: AtomicUsize::new(0),
                accepted: AtomicUsize::new(0),
                connections: Mutex::default(),
            }),
            acceptor: Mutex::new(None),
        };
        if behavior != ServerBehavior::Closed {
            server.listen(listener);
        }
        server
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the number of requests served so far, including HTTP health checks.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// Changes how the server responds. [`ServerBehavior::Closed`] closes the port; any other behavior opens it again.
    pub fn set_behavior(&self, behavior: ServerBehavior) {
        *lock(&self.state.behavior) = behavior;
        if behavior == ServerBehavior::Closed {
            self.stop_listening();
        } else if lock(&self.acceptor).is_none() {
            let listener = super::wait_for("the server's port to be free again", || TcpListener::bind(self.addr).ok());
            self.listen(listener);
        }
    }

    /// Closes the port and every connection, as a program does that ends; [`WebServer::set_behavior`] starts it again.
    pub fn stop(&self) {
        self.set_behavior(ServerBehavior::Closed);
        for connection in std::mem::take(&mut *lock(&self.state.connections)).into_values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn listen(&self, listener: TcpListener) {
        let stop = Arc::new(AtomicUsize::new(0));
        let (state, stopped) = (Arc::clone(&self.state), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) > 0 {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = state.accepted.fetch_add(1, Ordering::Relaxed);
                if let Ok(copy) = stream.try_clone() {
                    lock(&state.connections).insert(number, copy);
                }
                let state = Arc::clone(&state);
                // Ends when HAProxy closes the connection, at the latest when it is killed.
                thread::spawn(move || {
                    serve_connection(stream, &state);
                    lock(&state.connections).remove(&number);
                });
            }
        });
        *lock(&self.acceptor) = Some(Acceptor { thread, stop });
    }

    fn stop_listening(&self) {
        if let Some(acceptor) = lock(&self.acceptor).take() {
            acceptor.stop.store(1, Ordering::SeqCst);
            // Ends the blocking accept.
            let _ = TcpStream::connect(self.addr);
            let _ = acceptor.thread.join();
        }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stop_listening();
    }
}

/// Serves the requests of one connection. Does not read request bodies, because tests send none.
fn serve_connection(mut stream: TcpStream, state: &ServerState) {
    let _ = stream.set_nodelay(true);
    let Ok(copy) = stream.try_clone() else { return };
    let mut reader = BufReader::new(copy);
    let mut line = String::new();
    loop {
        let mut in_request = false;
        loop {
            line.clear();
            if !matches!(reader.read_line(&mut line), Ok(1..)) {
                return;
            }
            if !line.trim_end().is_empty() {
                in_request = true;
            } else if in_request {
                break;
            }
        }
        let mut behavior = *lock(&state.behavior);
        while behavior == ServerBehavior::Hang {
            thread::sleep(HANG_STEP);
            behavior = *lock(&state.behavior);
        }
        let number = state.requests.load(Ordering::Relaxed);
        let status = match behavior {
            ServerBehavior::Closed | ServerBehavior::NoResponse => return,
            ServerBehavior::Ok | ServerBehavior::Hang => 200,
            ServerBehavior::Status(status) => status,
            ServerBehavior::Errors(percent) => {
                let errors_until = |requests: usize| requests * usize::from(percent) / 100;
                if errors_until(number + 1) > errors_until(number) { 500 } else { 200 }
            }
            ServerBehavior::Slow(time) => {
                thread::sleep(time);
                200
            }
        };
        state.requests.fetch_add(1, Ordering::Relaxed);
        let text = format!("HTTP/1.1 {status} Lab\r\nContent-Length: 3\r\n\r\nok\n");
        if stream.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}
