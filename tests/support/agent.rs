//! An agent for `agent-check` that sends the same reply to every HAProxy.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A running agent; dropping it ends it.
#[derive(Debug)]
pub struct Agent {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// Starts an agent that sends `reply`.
    pub fn start(reply: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let line = format!("{reply}\n");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let _ = stream.and_then(|mut stream| stream.write_all(line.as_bytes()));
            }
        });
        Self { addr, stop, thread: Some(thread) }
    }

    /// Returns the options for the `server` line. HAProxy checks the agent once at the start and not again during a
    /// test, because each reply would override the state that the test set.
    pub fn server_option(&self) -> String {
        let (ip, port) = (self.addr.ip(), self.addr.port());
        format!("agent-check agent-addr {ip} agent-port {port} agent-inter 1h")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
