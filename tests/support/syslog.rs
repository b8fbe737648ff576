//! A syslog daemon of the tests: receives HAProxy's datagrams and appends their lines to a file as rsyslog does. Like rsyslog,
//! it writes to the file that it opened until [`Syslog::reopen`].

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The daemon. It ends when the value is dropped.
pub struct Syslog {
    thread: Option<JoinHandle<()>>,
    addr: SocketAddr,
    file: Arc<Mutex<File>>,
    path: PathBuf,
}

fn open(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

impl Syslog {
    /// Starts to write to a file.
    pub fn start(path: &Path) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20).unwrap();
        let addr = socket.local_addr().unwrap();
        let file = Arc::new(Mutex::new(open(path)));
        let written = Arc::clone(&file);
        let receive = move || {
            let mut buffer = vec![0; 65_536];
            loop {
                let size = socket.recv(&mut buffer).unwrap();
                if size == 0 {
                    return;
                }
                let line = with_host(&buffer[..size]);
                written.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line).unwrap();
            }
        };
        Self { thread: Some(std::thread::spawn(receive)), addr, file, path: path.to_owned() }
    }

    /// Returns the address for `log` lines of HAProxy.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Opens the file again, as rsyslog does after SIGHUP.
    pub fn reopen(&self) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = open(&self.path);
    }

    /// Copies the file and truncates it, as `copytruncate` of logrotate does, in a moment without new lines.
    pub fn copy_and_truncate(&self, copy: &Path) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        fs::copy(&self.path, copy).unwrap();
        file.set_len(0).unwrap();
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(&[], self.addr));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Returns a datagram without its priority and with a host name, as rsyslog writes it.
fn with_host(datagram: &[u8]) -> Vec<u8> {
    let end = datagram.iter().position(|byte| *byte == b'>').unwrap();
    let line = datagram[end + 1..].trim_ascii_end();
    [&line[..15], b" lb1 ", &line[16..], b"\n"].concat()
}
