//! Servers under the control of an attacker: the text of their health check results is up to them, and HAProxy passes it
//! on in its replies.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::{FakeSocket, Lab, lock, send_command_to, stat_field, wait_for};

/// Backend and name of the server that a rogue server stands for.
pub const SERVER: (&str, &str) = ("be1", "s1");

/// Number of bytes of a text that HAProxy keeps.
pub const MAX_TEXT: usize = 127;

/// Protocol of a rogue server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Refuses the login of `option mysql-check` with an error packet. HAProxy 2.6 keeps the line breaks of its text.
    MySql,
    /// Replies to `option httpchk` with status 500 and the text as its reason phrase.
    Http,
    /// Replies to `agent-check` with `down#` and the text.
    Agent,
}

/// A running rogue server; it ends with the test.
#[derive(Debug, Clone)]
pub struct RogueServer {
    protocol: Protocol,
    addr: SocketAddr,
    text: Arc<Mutex<String>>,
}

impl RogueServer {
    pub fn start(protocol: Protocol) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port is free");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let text = Arc::new(Mutex::new(String::new()));
        let current = Arc::clone(&text);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let text = lock(&current).clone();
                thread::spawn(move || reply(stream, protocol, &text));
            }
        });
        Self { protocol, addr, text }
    }

    /// Returns the options for a `server` line; HAProxy checks ten times per second.
    pub fn check_option(&self) -> String {
        format!("check inter 100ms addr {} port {}", self.addr.ip(), self.addr.port())
    }

    /// Returns the options for a `server` line whose agent this is; HAProxy asks it ten times per second.
    pub fn agent_option(&self) -> String {
        format!("agent-check agent-inter 100ms agent-addr {} agent-port {}", self.addr.ip(), self.addr.port())
    }

    /// Changes the text and waits until HAProxy shows it.
    pub fn show_text(&self, lab: &Lab, text: &str) {
        assert!(text.len() <= MAX_TEXT, "HAProxy would cut {text:?}");
        text.clone_into(&mut lock(&self.text));
        self.request(lab.admin(), "show stat");
    }

    /// Sends a line to a HAProxy and returns its reply. While a check runs, HAProxy leaves out its text: a line that only
    /// reads is sent again until the row of the server, if the reply has one, contains the text.
    pub fn request(&self, socket: &Path, line: &str) -> String {
        let only_reads = line.split(';').all(|command| command.starts_with("show "));
        wait_for("the text of a rogue server in show stat", || {
            let reply = send_command_to(socket, line).unwrap_or_default();
            (!only_reads || self.shows_text(&reply)).then_some(reply)
        })
    }

    /// Starts a socket that forwards lines to a HAProxy as [`Self::request`] does.
    pub fn forward(&self, lab: &Lab) -> FakeSocket {
        let (rogue, admin) = (self.clone(), lab.admin().to_owned());
        FakeSocket::with_handler(move |line, stream| drop(stream.write_all(rogue.request(&admin, line).as_bytes())))
    }

    /// Returns whether the row of the server contains the text, or there is no such row. HAProxy 3.0 replaces line breaks
    /// by blanks, and every version cuts an agent's text at the first blank or comma.
    fn shows_text(&self, reply: &str) -> bool {
        let column = if self.protocol == Protocol::Agent { "last_agt" } else { "last_chk" };
        let rows = reply.find("# pxname").map_or("", |start| &reply[start..]);
        if rows.is_empty() {
            return true;
        }
        let Some(shown) = stat_field(rows, SERVER.0, SERVER.1, column) else { return true };
        let text = lock(&self.text).clone();
        let visible = |text: &str| text.split_whitespace().collect::<String>();
        match self.protocol {
            Protocol::MySql => visible(&shown) == visible(&text),
            Protocol::Http => shown.contains(&text),
            Protocol::Agent => shown.contains(text.split([' ', ',']).next().unwrap_or_default()),
        }
    }
}

/// Sends the reply of a check, and keeps the connection open until HAProxy closes it.
fn reply(mut stream: TcpStream, protocol: Protocol, text: &str) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let bytes = match protocol {
        Protocol::MySql => {
            let length = u8::try_from(text.len() + 3).expect("a short text");
            [&[length, 0, 0, 0, 0xff, 0x15, 0x04], text.as_bytes()].concat()
        }
        Protocol::Http => {
            // A response before the request would count as an invalid one.
            let _ = stream.read(&mut [0; 4096]);
            format!("HTTP/1.0 500 {text}\r\n\r\n").into_bytes()
        }
        Protocol::Agent => format!("down#{text}\n").into_bytes(),
    };
    if stream.write_all(&bytes).is_ok() {
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
}
