//! An agent for `agent-check` that sends its reply to every HAProxy.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A running agent; dropping it ends it.
#[derive(Debug)]
pub struct Agent {
    addr: SocketAddr,
    reply: Arc<Mutex<String>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// Starts an agent that sends `reply`.
    pub fn start(reply: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let reply = Arc::new(Mutex::new(reply.to_owned()));
        let shared = Arc::clone(&reply);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let line = format!("{}\n", super::lock(&shared));
                let _ = stream.and_then(|mut stream| stream.write_all(line.as_bytes()));
            }
        });
        Self { addr, reply, stop, thread: Some(thread) }
    }

    /// Changes the reply.
    pub fn set_reply(&self, reply: &str) {
        reply.clone_into(&mut super::lock(&self.reply));
    }

    /// Returns the options for the `server` line. HAProxy checks the agent once at the start and not again during a
    /// test, because each reply would override the state that the test set.
    pub fn server_option(&self) -> String {
        self.server_option_with_interval("1h")
    }

    /// Returns the options for the `server` line, with the time between two checks.
    pub fn server_option_with_interval(&self, interval: &str) -> String {
        let (ip, port) = (self.addr.ip(), self.addr.port());
        format!("agent-check agent-addr {ip} agent-port {port} agent-inter {interval}")
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
