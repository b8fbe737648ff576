//! The lab as the *second client*: somebody who reads the socket by hand, next to hapulse.
//!
//! This shares no code with hapulse, so a test sees for itself what an action did, and acts behind hapulse's
//! back where a story needs it.

use super::DEADLINE;
use super::haproxy::Lab;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// One line to a Unix socket, and the whole answer.
pub fn ask_at(socket: &Path, line: &str) -> std::io::Result<String> {
    ask(socket, line, false)
}

fn ask(socket: &Path, line: &str, half_close: bool) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    if half_close {
        stream.shutdown(Shutdown::Write)?;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

impl Lab {
    /// One line to the master socket, and the whole answer. The master closes only after its client has.
    pub fn ask_master(&self, line: &str) -> std::io::Result<String> {
        ask(&self.master_socket(), line, true)
    }

    /// One line to the admin socket, and the whole answer.
    pub fn ask(&self, line: &str) -> String {
        ask_at(self.admin(), line).unwrap_or_else(|error| panic!("{line:?} to the admin socket: {error}"))
    }

    /// Whether the master knows this worker.
    pub(super) fn master_lists(&self, worker: u32) -> bool {
        let list = self.ask_master("show proc").unwrap_or_default();
        list.lines().any(|line| line.starts_with(&format!("{worker} ")))
    }

    /// One field of `show stat`, by proxy, server and the column's name.
    pub fn stat(&self, proxy: &str, server: &str, column: &str) -> String {
        let text = self.ask("show stat");
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().expect("show stat has a header").clone();
        let place = header.iter().position(|name| name == column);
        let place = place.unwrap_or_else(|| panic!("show stat has no column {column}"));
        reader
            .records()
            .filter_map(Result::ok)
            .find(|row| row.get(0) == Some(proxy) && row.get(1) == Some(server))
            .unwrap_or_else(|| panic!("show stat has no row {proxy}/{server}"))
            .get(place)
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until a field of `show stat` passes the check.
    pub fn wait_stat(&self, proxy: &str, server: &str, column: &str, check: impl Fn(&str) -> bool) {
        let mut seen = String::new();
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            seen = self.stat(proxy, server, column);
            if check(&seen) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("waited {DEADLINE:?} for {column} of {proxy}/{server}, which is {seen:?}");
    }

    /// One value of `show info`, by its key.
    pub fn info(&self, key: &str) -> String {
        let text = self.ask("show info");
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("show info has no {key}")).to_owned()
    }

    /// Who answers on the admin socket now; `None` when nobody does.
    pub fn answering_pid(&self) -> Option<u32> {
        let text = ask_at(self.admin(), "show info").ok()?;
        text.lines().find_map(|line| line.strip_prefix("Pid: "))?.parse().ok()
    }
}
