//! A name server for HAProxy's `resolvers` that answers every query for an IPv4 address with the same address.

use super::lock;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A running name server; dropping it ends it.
#[derive(Debug)]
pub struct NameServer {
    addr: SocketAddr,
    answer: Arc<Mutex<Ipv4Addr>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Starts a name server that answers with `answer`.
    pub fn start(answer: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket takes a timeout");
        let addr = socket.local_addr().expect("a bound socket has an address");
        let answer = Arc::new(Mutex::new(answer));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&answer), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut query = [0; 2048];
            while !stopped.load(Ordering::SeqCst) {
                let Ok((length, client)) = socket.recv_from(&mut query) else { continue };
                if let Some(reply) = reply_to(&query[..length], *lock(&shared)) {
                    let _ = socket.send_to(&reply, client);
                }
            }
        });
        Self { addr, answer, stop, thread: Some(thread) }
    }

    /// Returns the address for the line `nameserver NAME ADDRESS`.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes the answer.
    pub fn set_answer(&self, answer: Ipv4Addr) {
        *lock(&self.answer) = answer;
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns the reply to a query with one question (RFC 1035); without a record if it is not for an IPv4 address.
fn reply_to(query: &[u8], answer: Ipv4Addr) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let name_end = HEADER + query.get(HEADER..)?.iter().position(|byte| *byte == 0)?;
    let question = query.get(HEADER..name_end + 5)?;
    let is_ipv4 = question.ends_with(&[0, 1, 0, 1]);
    let mut reply = query.get(..2)?.to_vec();
    // A reply with recursion, one question, and no further records.
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0]);
    reply.extend(question);
    if is_ipv4 {
        // The name of the question, type A, class IN, valid for one second, four bytes.
        reply.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        reply.extend(answer.octets());
    }
    Some(reply)
}
