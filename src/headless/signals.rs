//! Signals that ask a command to end. They are noted and not obeyed at once: what is under way is finished first.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The first signal that came.
#[derive(Debug)]
pub struct Signals {
    came: watch::Receiver<Option<i32>>,
}

impl Signals {
    /// Listens from now on. To be called within the runtime.
    pub fn listen() -> Self {
        let (note, came) = watch::channel(None);
        for (kind, number) in [(SignalKind::hangup(), 1), (SignalKind::interrupt(), 2), (SignalKind::terminate(), 15)] {
            // One that cannot be caught keeps its usual effect.
            let Ok(mut stream) = signal(kind) else { continue };
            let note = note.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    note.send_if_modified(|came| came.is_none() && came.replace(number).is_none());
                }
            });
        }
        Self { came }
    }

    /// The number of the one that came.
    pub fn came(&self) -> Option<i32> {
        *self.came.borrow()
    }

    /// Waits for one.
    pub async fn wait(&mut self) -> i32 {
        let came = self.came.wait_for(Option::is_some).await.ok().and_then(|came| *came);
        match came {
            Some(number) => number,
            None => std::future::pending().await,
        }
    }
}

/// What a signal is called.
pub fn name(number: i32) -> &'static str {
    match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        15 => "SIGTERM",
        _ => "a signal",
    }
}
