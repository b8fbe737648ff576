//! A second client of the lab's sockets, independent of hapulse.
//!
//! It shares no code with hapulse, so tests can verify what an action changed, and can change HAProxy without hapulse.

use super::DEADLINE;
use super::haproxy::Lab;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Sends one line to a Unix socket and returns the whole reply.
pub fn send_command_to(socket: &Path, line: &str) -> std::io::Result<String> {
    exchange(socket, line, false)
}

/// Returns one field of a reply to `show stat`; `None` if it has no row of this server.
pub fn stat_field(reply: &str, proxy: &str, server: &str, column: &str) -> Option<String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reply.as_bytes());
    let header = reader.headers().expect("show stat has a header").clone();
    let index = header.iter().position(|name| name == column);
    let index = index.unwrap_or_else(|| panic!("show stat has no column {column}"));
    let mut rows = reader.records().filter_map(Result::ok);
    let row = rows.find(|row| row.get(0) == Some(proxy) && row.get(1) == Some(server))?;
    Some(row.get(index).unwrap_or_default().to_owned())
}

fn exchange(socket: &Path, line: &str, half_close: bool) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    if half_close {
        stream.shutdown(Shutdown::Write)?;
    }
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

impl Lab {
    /// Sends one line to the master socket and returns the whole reply. The master closes only after its client has.
    pub fn send_master_command(&self, line: &str) -> std::io::Result<String> {
        exchange(&self.master_socket(), line, true)
    }

    /// Sends one line to the admin socket and returns the whole reply.
    pub fn send_command(&self, line: &str) -> String {
        send_command_to(self.admin(), line).unwrap_or_else(|error| panic!("{line:?} to the admin socket: {error}"))
    }

    /// Returns whether the master lists this worker.
    pub(super) fn has_worker(&self, worker: u32) -> bool {
        let list = self.send_master_command("show proc").unwrap_or_default();
        list.lines().any(|line| line.starts_with(&format!("{worker} ")))
    }

    /// Returns one field of `show stat`, by proxy, server and column name.
    pub fn stat(&self, proxy: &str, server: &str, column: &str) -> String {
        let field = stat_field(&self.send_command("show stat"), proxy, server, column);
        field.unwrap_or_else(|| panic!("show stat has no row {proxy}/{server}"))
    }

    /// Waits until a field of `show stat` passes `check`.
    pub fn wait_stat(&self, proxy: &str, server: &str, column: &str, check: impl Fn(&str) -> bool) {
        let mut value = String::new();
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            value = self.stat(proxy, server, column);
            if check(&value) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("waited {DEADLINE:?} for {column} of {proxy}/{server}, which is {value:?}");
    }

    /// Returns one value of `show info`.
    pub fn info(&self, key: &str) -> String {
        let text = self.send_command("show info");
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("show info has no {key}")).to_owned()
    }

    /// Returns the PID of the process that replies on the admin socket; `None` without a reply.
    pub fn answering_pid(&self) -> Option<u32> {
        let text = send_command_to(self.admin(), "show info").ok()?;
        text.lines().find_map(|line| line.strip_prefix("Pid: "))?.parse().ok()
    }
}
