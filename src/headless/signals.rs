//! SIGHUP and the other signals that end a program. A signal is recorded and handled at the next safe point: a command that is being sent
//! to HAProxy is finished first. Another signal, except for SIGHUP, ends the program at once.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::actions::audit::audit_writer::AuditWriter;
use crate::headless::exit_code::CommandExit;
use crate::term::ending_signals::{self, SIGHUP};

/// Minimum time between the first signal and one that counts as the second: `timeout` sends its signal twice at once.
const MIN_SECOND_DELAY: Duration = Duration::from_millis(300);

/// Maximum time for the report of unfinished commands.
const MAX_REPORT_TIME: Duration = Duration::from_millis(200);

/// Listener that keeps the first signal received.
#[derive(Debug)]
pub(crate) struct Signals {
    first_signal: watch::Receiver<Option<i32>>,
    /// Set at the second signal.
    second_signal: watch::Receiver<bool>,
}

impl Signals {
    /// Starts to listen for the signals. Must be called inside the I/O runtime.
    pub(crate) fn listen() -> Self {
        let (sender, received) = watch::channel(None);
        let (second_sender, second_signal) = watch::channel(false);
        for number in std::iter::once(SIGHUP).chain(ending_signals::numbers()) {
            // If a signal cannot be caught, it keeps its default effect.
            let Ok(mut stream) = signal(SignalKind::from_raw(number)) else { continue };
            let (sender, second_sender) = (sender.clone(), second_sender.clone());
            let mut ready_at = Instant::now();
            let mut first_signal = received.clone();
            tokio::spawn(async move {
                loop {
                    tokio::select! {
                        biased;
                        Ok(()) = first_signal.changed() => {
                            ready_at = Instant::now() + MIN_SECOND_DELAY;
                            continue;
                        }
                        received = stream.recv() => if received.is_none() { return },
                    }
                    let is_first = sender.send_if_modified(|first| first.is_none() && first.replace(number).is_none());
                    if is_first {
                        ready_at = Instant::now() + MIN_SECOND_DELAY;
                    }
                    // A closed terminal may be reported by several SIGHUP.
                    if !is_first && number != SIGHUP && Instant::now() >= ready_at {
                        let _ = second_sender.send(true);
                    }
                }
            });
        }
        Self { first_signal: received, second_signal }
    }

    /// Ends the program at the second signal. Commands that were sent are finished in the audit log and reported as
    /// unknown.
    pub(crate) fn exit_on_second(&self, audit: Arc<AuditWriter>) {
        let (first_signal, mut second_signal) = (self.first_signal.clone(), self.second_signal.clone());
        tokio::spawn(async move {
            if second_signal.wait_for(|received| *received).await.is_err() {
                return;
            }
            report_unfinished(audit.finish_open_records(SystemTime::now()));
            let first = first_signal.borrow().unwrap_or_default();
            std::process::exit(i32::from(CommandExit::Signal(first).code()));
        });
    }

    /// Returns the number of the first signal received, or `None` if no signal was received yet.
    pub(crate) fn received(&self) -> Option<i32> {
        *self.first_signal.borrow()
    }

    /// Waits for the first signal and returns its number.
    pub(crate) async fn wait(&mut self) -> i32 {
        let received = self.first_signal.wait_for(Option::is_some).await.ok().and_then(|received| *received);
        match received {
            Some(number) => number,
            None => std::future::pending().await,
        }
    }
}

/// Reports commands whose result is unknown on standard error, in a limited time: the terminal may accept no output.
fn report_unfinished(commands: Vec<String>) {
    let (sender, finished) = mpsc::channel::<()>();
    let report = move || {
        for command in commands {
            eprintln!("hapulse: {command} was sent, its result is not known yet; see hapulse audit");
        }
        drop(sender);
    };
    // The program ends with or without the report.
    if thread::Builder::new().spawn(report).is_ok() {
        let _ = finished.recv_timeout(MAX_REPORT_TIME);
    }
}
