//! A tiny load generator: a few threads that send requests and read the answers.
//!
//! It is here so that tests need no other tool, and so that they know exactly how many requests they sent.
//!
//! ```ignore
//! let counts = Traffic::to(lab.frontend_addr()).send(100);
//! let running = Traffic::to(lab.frontend_addr()).path("/be2/").workers(8).start();
//! // … look at the screen …
//! let counts = running.stop();
//! ```

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What became of the requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Answered with a status below 400.
    pub ok: usize,
    /// Answered with 400 or more, cut, refused, or not answered within 30 seconds.
    pub failed: usize,
}

/// What to send, and how.
#[derive(Debug, Clone)]
pub struct Traffic {
    addr: SocketAddr,
    path: String,
    headers: String,
    keep_alive: bool,
    workers: usize,
    pause: Duration,
}

#[derive(Debug, Default)]
struct TrafficState {
    ok: AtomicUsize,
    failed: AtomicUsize,
    taken: AtomicUsize,
    stop: AtomicBool,
}

/// Traffic that flows until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningTraffic {
    shared: Arc<TrafficState>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// `GET /` to this address, by two workers, a new connection for each request.
    pub fn to(addr: SocketAddr) -> Self {
        Self { addr, path: "/".into(), headers: String::new(), keep_alive: false, workers: 2, pause: Duration::ZERO }
    }

    pub fn path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// One more header, as in `"Cookie: SRV=s1"`.
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }

    /// One connection a worker, for all its requests.
    pub fn keep_alive(mut self) -> Self {
        self.keep_alive = true;
        self
    }

    /// Requests at the same time, at most.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count.max(1);
        self
    }

    /// Waits this long after each request of a worker.
    pub fn pause(mut self, time: Duration) -> Self {
        self.pause = time;
        self
    }

    /// Sends this many requests and waits for all their answers.
    pub fn send(self, count: usize) -> RequestCounts {
        let mut running = self.spawn(count);
        for thread in running.threads.drain(..) {
            let _ = thread.join();
        }
        running.counts()
    }

    /// Sends until [`RunningTraffic::stop`].
    pub fn start(self) -> RunningTraffic {
        self.spawn(usize::MAX)
    }

    fn spawn(self, count: usize) -> RunningTraffic {
        let shared = Arc::new(TrafficState::default());
        let threads = (0..self.workers)
            .map(|_| {
                let (plan, shared) = (self.clone(), Arc::clone(&shared));
                thread::spawn(move || plan.work(&shared, count))
            })
            .collect();
        RunningTraffic { shared, threads }
    }

    fn work(&self, shared: &TrafficState, count: usize) {
        let connection = if self.keep_alive { "keep-alive" } else { "close" };
        let request =
            format!("GET {} HTTP/1.1\r\nHost: lab\r\nConnection: {connection}\r\n{}\r\n", self.path, self.headers);
        let mut kept = None;
        while !shared.stop.load(Ordering::Relaxed) && shared.taken.fetch_add(1, Ordering::Relaxed) < count {
            let reused = kept.is_some();
            let mut result = self.one(&mut kept, &request, &shared.stop);
            if reused && matches!(result, Some(Err(_))) {
                // HAProxy may close a kept connection at any time; a client then asks again.
                result = self.one(&mut kept, &request, &shared.stop);
            }
            match result {
                Some(Ok(status)) if status < 400 => shared.ok.fetch_add(1, Ordering::Relaxed),
                Some(_) => {
                    // A refused connection must not become a busy loop.
                    thread::sleep(Duration::from_millis(1));
                    shared.failed.fetch_add(1, Ordering::Relaxed)
                }
                None => return,
            };
            if !self.keep_alive {
                kept = None;
            }
            thread::sleep(self.pause);
        }
    }

    /// One request. `None`: it was stopped, and is not counted.
    fn one(&self, kept: &mut Option<TcpStream>, request: &str, stop: &AtomicBool) -> Option<std::io::Result<u16>> {
        let mut stream = match kept.take().map_or_else(|| TcpStream::connect(self.addr), Ok) {
            Ok(stream) => stream,
            Err(error) => return Some(Err(error)),
        };
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
        if let Err(error) = stream.write_all(request.as_bytes()) {
            return Some(Err(error));
        }
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return Some(status(&answer)),
                Ok(count) => answer.extend_from_slice(&piece[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if stop.load(Ordering::Relaxed) {
                        return None;
                    }
                    if Instant::now() > end {
                        return Some(Err(error));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Some(Err(error)),
            }
            if self.keep_alive && complete(&answer) {
                *kept = Some(stream);
                return Some(status(&answer));
            }
        }
    }
}

fn status(answer: &[u8]) -> std::io::Result<u16> {
    let text = String::from_utf8_lossy(answer);
    let word = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    word.ok_or_else(|| std::io::Error::from(ErrorKind::UnexpectedEof))
}

/// Whether the whole body has arrived, by its `Content-Length`.
fn complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .is_some_and(|length| body.len() >= length)
}

impl RunningTraffic {
    pub fn counts(&self) -> RequestCounts {
        RequestCounts { ok: self.shared.ok.load(Ordering::Relaxed), failed: self.shared.failed.load(Ordering::Relaxed) }
    }

    /// Ends the traffic; requests in flight are given up and not counted.
    pub fn stop(mut self) -> RequestCounts {
        self.end();
        self.counts()
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for RunningTraffic {
    fn drop(&mut self) {
        self.end();
    }
}
