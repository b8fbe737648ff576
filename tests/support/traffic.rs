//! A small load generator: threads that send requests and read the responses.
//!
//! With it tests need no other tool and know exactly how many requests they sent.
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

/// Numbers of successful and failed requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Responses with a status below 400.
    pub ok: usize,
    /// Responses with 400 or more, truncated or refused requests, and those without a response within 30 seconds.
    pub failed: usize,
}

/// Requests to send: address, path, headers and number of workers.
#[derive(Debug, Clone)]
pub struct Traffic {
    addr: SocketAddr,
    path: String,
    headers: String,
    keep_alive: bool,
    workers: usize,
    pause: Duration,
    period: Duration,
}

#[derive(Debug, Default)]
struct TrafficState {
    ok: AtomicUsize,
    failed: AtomicUsize,
    started: AtomicUsize,
    stop: AtomicBool,
}

impl TrafficState {
    /// Waits this long, or until the traffic is stopped.
    fn sleep(&self, time: Duration) {
        let end = Instant::now() + time;
        while let left @ 1.. = end.saturating_duration_since(Instant::now()).as_micros() {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(Duration::from_micros(left as u64).min(Duration::from_millis(50)));
        }
    }
}

/// Traffic that continues until it is stopped or dropped.
#[derive(Debug)]
pub struct RunningTraffic {
    shared: Arc<TrafficState>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Sends `GET /` to this address by default, with two workers and a new connection for each request.
    pub fn to(addr: SocketAddr) -> Self {
        Self {
            addr,
            path: "/".into(),
            headers: String::new(),
            keep_alive: false,
            workers: 2,
            pause: Duration::ZERO,
            period: Duration::ZERO,
        }
    }

    pub fn path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    /// Adds a header line such as `"Cookie: SRV=s1"`.
    pub fn header(mut self, line: &str) -> Self {
        self.headers.push_str(line);
        self.headers.push_str("\r\n");
        self
    }

    /// Keeps one connection per worker for all its requests.
    pub fn keep_alive(mut self) -> Self {
        self.keep_alive = true;
        self
    }

    /// Sets the maximum number of concurrent requests.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count.max(1);
        self
    }

    /// Waits this long after each request of a worker.
    pub fn pause(mut self, time: Duration) -> Self {
        self.pause = time;
        self
    }

    /// Sends this many requests per second, as far as the responses allow: each worker starts a request per period, and
    /// omits those for which it was late. Set the number of workers first.
    pub fn rate(mut self, per_second: f64) -> Self {
        self.period = Duration::from_secs_f64(self.workers as f64 / per_second);
        self
    }

    /// Sends this many requests and waits for all responses.
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
            .map(|worker| {
                let (traffic, shared) = (self.clone(), Arc::clone(&shared));
                let delay = traffic.period.mul_f64(worker as f64 / traffic.workers as f64);
                thread::spawn(move || {
                    shared.sleep(delay);
                    traffic.send_requests(&shared, count);
                })
            })
            .collect();
        RunningTraffic { shared, threads }
    }

    fn send_requests(&self, shared: &TrafficState, count: usize) {
        let connection_header = if self.keep_alive { "keep-alive" } else { "close" };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: lab\r\nConnection: {connection_header}\r\n{}\r\n",
            self.path, self.headers
        );
        let mut connection = None;
        let mut next = Instant::now();
        while !shared.stop.load(Ordering::Relaxed) && shared.started.fetch_add(1, Ordering::Relaxed) < count {
            let is_reused = connection.is_some();
            let mut result = self.send_request(&mut connection, &request, &shared.stop);
            if is_reused && matches!(result, Some(Err(_))) {
                // HAProxy may close a kept connection at any time; a client then retries.
                result = self.send_request(&mut connection, &request, &shared.stop);
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
                connection = None;
            }
            thread::sleep(self.pause);
            next = (next + self.period).max(Instant::now());
            shared.sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    /// Sends one request and returns the response's status; `None` if the traffic was stopped during it.
    fn send_request(
        &self,
        connection: &mut Option<TcpStream>,
        request: &str,
        stop: &AtomicBool,
    ) -> Option<std::io::Result<u16>> {
        let mut stream = match connection.take().map_or_else(|| TcpStream::connect(self.addr), Ok) {
            Ok(stream) => stream,
            Err(error) => return Some(Err(error)),
        };
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
        if let Err(error) = stream.write_all(request.as_bytes()) {
            return Some(Err(error));
        }
        let (mut response, mut chunk) = (Vec::new(), [0; 4096]);
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => return Some(parse_status(&response)),
                Ok(count) => response.extend_from_slice(&chunk[..count]),
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
            if self.keep_alive && is_complete(&response) {
                *connection = Some(stream);
                return Some(parse_status(&response));
            }
        }
    }
}

fn parse_status(response: &[u8]) -> std::io::Result<u16> {
    let text = String::from_utf8_lossy(response);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::from(ErrorKind::UnexpectedEof))
}

/// Returns whether the whole body has arrived, by `Content-Length`.
fn is_complete(response: &[u8]) -> bool {
    let text = String::from_utf8_lossy(response);
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

    /// Stops the traffic; requests in flight are aborted and not counted.
    pub fn stop(mut self) -> RequestCounts {
        self.join_workers();
        self.counts()
    }

    fn join_workers(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for RunningTraffic {
    fn drop(&mut self) {
        self.join_workers();
    }
}
