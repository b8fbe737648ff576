//! A name server for `resolvers` sections: it answers questions for addresses over UDP from a table.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A running name server; dropping it ends it.
#[derive(Debug)]
pub struct NameServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    names: Mutex<BTreeMap<String, Vec<Ipv4Addr>>>,
    is_silent: AtomicBool,
    is_stopped: AtomicBool,
    questions: AtomicUsize,
}

impl NameServer {
    /// Starts a name server that knows no name.
    pub fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket can have a time limit");
        let addr = socket.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || answer_questions(&socket, &shared))
        };
        Self { addr, shared, thread: Some(thread) }
    }

    /// Returns the address for a `nameserver` line.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sets the addresses of a name; none removes the name, so that the answer is NXDOMAIN.
    pub fn set(&self, name: &str, addresses: &[Ipv4Addr]) {
        let mut names = super::lock(&self.shared.names);
        if addresses.is_empty() {
            names.remove(name);
        } else {
            names.insert(name.to_owned(), addresses.to_vec());
        }
    }

    /// Stops or resumes answering; without answers, HAProxy counts timeouts.
    pub fn set_silent(&self, is_silent: bool) {
        self.shared.is_silent.store(is_silent, Ordering::SeqCst);
    }

    /// Returns the number of questions so far.
    pub fn questions(&self) -> usize {
        self.shared.questions.load(Ordering::SeqCst)
    }

    /// Returns a `resolvers` section that asks this server five times per second and gives up soon.
    pub fn resolvers_section(&self, name: &str) -> String {
        format!(
            "resolvers {name}\n    nameserver ns1 {}\n    resolve_retries 1\n    timeout resolve 200ms\n    \
             timeout retry 200ms\n    hold valid 100ms\n    hold nx 100ms\n    hold other 100ms\n    \
             hold timeout 100ms\n    hold refused 100ms\n    hold obsolete 100ms\n",
            self.addr
        )
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer_questions(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 1500];
    while !shared.is_stopped.load(Ordering::SeqCst) {
        let (length, client) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => continue,
            Err(_) => return,
        };
        shared.questions.fetch_add(1, Ordering::SeqCst);
        if !shared.is_silent.load(Ordering::SeqCst)
            && let Some(reply) = reply_to(&buffer[..length], &super::lock(&shared.names))
        {
            let _ = socket.send_to(&reply, client);
        }
    }
}

/// Type of a question for an IPv4 address.
const TYPE_A: [u8; 2] = [0, 1];

/// Builds the reply to a question; `None` if it is not one.
fn reply_to(question: &[u8], names: &BTreeMap<String, Vec<Ipv4Addr>>) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let mut place = HEADER;
    let mut labels: Vec<String> = Vec::new();
    loop {
        let length = usize::from(*question.get(place)?);
        place += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(question.get(place..place + length)?).to_lowercase());
        place += length;
    }
    let kind = question.get(place..place + 2)?;
    let end = place + 4;
    let addresses = names.get(&labels.join("."));
    let answers: &[Ipv4Addr] = addresses.filter(|_| kind == TYPE_A).map_or(&[], Vec::as_slice);
    let code = if addresses.is_some() { 0 } else { 3 };
    let count = answers.len() as u16;
    let mut reply = question.get(..2)?.to_vec();
    // A response to a recursive question, with its code; one question, the answers, no further records.
    reply.extend([0x81, 0x80 | code, 0, 1]);
    reply.extend(count.to_be_bytes());
    reply.extend([0; 4]);
    reply.extend(question.get(HEADER..end)?);
    for address in answers {
        // The name of the question, type A, class IN, one second to live, four bytes.
        reply.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        reply.extend(address.octets());
    }
    Some(reply)
}
