//! The state of a replay: its speed, and since when it plays.

use std::time::Duration;

/// The speeds, as multiples of real time.
pub(super) const SPEEDS: [u32; 6] = [1, 2, 5, 10, 30, 60];

/// The state of a replay.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Index of the speed.
    pub(super) speed: usize,
    /// `None` while it is paused.
    pub(super) playing: Option<Playing>,
}

/// A replay that is not paused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Playing {
    /// The moment that was shown at the time `started`.
    pub(super) from: Duration,
    pub(super) started: Duration,
    /// Time at which the next sample is shown.
    pub(super) due: Duration,
}

impl Replay {
    /// Returns the speed, as a multiple of real time; `None` while the replay is paused.
    pub(crate) fn playing_speed(&self) -> Option<u32> {
        self.playing.map(|_| SPEEDS[self.speed])
    }

    /// Returns the time at which the next sample is shown; `None` while the replay is paused.
    pub(crate) fn due_at(&self) -> Option<Duration> {
        self.playing.map(|playing| playing.due)
    }

    /// Pauses the replay.
    pub(crate) fn pause(&mut self) {
        self.playing = None;
    }
}
