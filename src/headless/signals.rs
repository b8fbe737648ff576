//! SIGHUP, SIGINT and SIGTERM. A signal is recorded and handled at the next safe point: a command that is being sent
//! to HAProxy is finished first.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Listener that keeps the first signal received.
#[derive(Debug)]
pub(crate) struct Signals {
    first_signal: watch::Receiver<Option<i32>>,
}

impl Signals {
    /// Starts to listen for the signals. Must be called inside the I/O runtime.
    pub(crate) fn listen() -> Self {
        let (sender, received) = watch::channel(None);
        for (kind, number) in [(SignalKind::hangup(), 1), (SignalKind::interrupt(), 2), (SignalKind::terminate(), 15)] {
            // If a signal cannot be caught, it keeps its default effect.
            let Ok(mut stream) = signal(kind) else { continue };
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    sender.send_if_modified(|received| received.is_none() && received.replace(number).is_none());
                }
            });
        }
        Self { first_signal: received }
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

/// Returns the name of a signal, or `a signal` for a signal that [`Signals`] does not handle.
pub(crate) fn signal_name(number: i32) -> &'static str {
    match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        15 => "SIGTERM",
        _ => "a signal",
    }
}
