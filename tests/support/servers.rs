//! The web servers behind HAProxy: threads of the test itself, each on a port of its own.
//!
//! A server answers as its [`ServerBehavior`] says, and the answer can change while HAProxy runs: that is how a test
//! makes a server fail, recover, or become slow.

use super::lock;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerBehavior {
    /// 200 at once.
    Ok,
    /// 200 after a while.
    Slow(Duration),
    /// This status at once.
    Status(u16),
    /// Nothing listens: connections are refused.
    Closed,
}

/// A loopback address of this lab's own, from 127.0.0.0/8. Ports on it are free for nobody else, so neither
/// another lab nor a client's outgoing connection (those come from 127.0.0.1) can take one between the moment
/// it is chosen and the moment HAProxy binds it.
pub fn own_loopback() -> Ipv4Addr {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let lab = COUNT.fetch_add(1, Ordering::Relaxed);
    let pid = std::process::id();
    // 22 bits are left beside the 127 and a leading one that keeps clear of 127.0.x.y.
    let bits = (pid & 0x3fff) << 8 | (lab & 0xff);
    let [_, high, middle, low] = bits.to_be_bytes();
    Ipv4Addr::new(127, 64 | high, middle, low)
}

/// A port that is free on this address now.
pub fn free_port(ip: impl Into<std::net::IpAddr>) -> std::io::Result<SocketAddr> {
    TcpListener::bind((ip.into(), 0))?.local_addr()
}

#[derive(Debug)]
struct ServerState {
    answer: Mutex<ServerBehavior>,
    requests: AtomicUsize,
}

/// One web server.
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
    pub fn start(ip: Ipv4Addr, answer: ServerBehavior) -> Self {
        let listener = TcpListener::bind((ip, 0)).expect("a loopback port is free");
        let server = Self {
            addr: listener.local_addr().expect("a bound socket has an address"),
            state: Arc::new(ServerState { answer: Mutex::new(answer), requests: AtomicUsize::new(0) }),
            acceptor: Mutex::new(None),
        };
        if answer != ServerBehavior::Closed {
            server.listen(listener);
        }
        server
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Requests answered so far, health checks over HTTP included.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// CannedReplies this way from now on. [`ServerBehavior::Closed`] closes the port, and any other opens it again.
    pub fn set_behavior(&self, answer: ServerBehavior) {
        *lock(&self.state.answer) = answer;
        if answer == ServerBehavior::Closed {
            self.stop_listening();
        } else if lock(&self.acceptor).is_none() {
            let listener =
                super::wait_for("the server's own port to be free again", || TcpListener::bind(self.addr).ok());
            self.listen(listener);
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
                let state = Arc::clone(&state);
                // Ends when HAProxy closes the connection, at the latest when it is killed.
                thread::spawn(move || serve(stream, &state));
            }
        });
        *lock(&self.acceptor) = Some(Acceptor { thread, stop });
    }

    fn stop_listening(&self) {
        if let Some(acceptor) = lock(&self.acceptor).take() {
            acceptor.stop.store(1, Ordering::SeqCst);
            // Wakes the accept that is waiting.
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

/// CannedReplies the requests of one connection; bodies of requests are not read, since no test sends any.
fn serve(mut stream: TcpStream, state: &ServerState) {
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
        let answer = *lock(&state.answer);
        let status = match answer {
            ServerBehavior::Closed => return,
            ServerBehavior::Ok => 200,
            ServerBehavior::Status(status) => status,
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
