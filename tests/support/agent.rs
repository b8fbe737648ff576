//! A server's agent: it says the same to every HAProxy that asks it.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A running agent; it ends when it is dropped.
#[derive(Debug)]
pub struct Agent {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// An agent that says this.
    pub fn start(words: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let line = format!("{words}\n");
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

    /// The words that give a server this agent. It is asked once at the start, and not again while a test runs: what
    /// it says would take the place of what was ordered.
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
