//! The hour before the start of the demo, as replies that hapulse would have read.
//!
//! The hour has its own timetable: two slow servers, a reload, a server that flaps, a queue, a rolling deploy by an
//! operator, and errors of an application. The load rises slowly, as in the morning of a working day.

use std::time::Duration;

use crate::demo::coarse_flow::Backlog;
use crate::demo::interpreter;
use crate::demo::permission::CliLevel;
use crate::demo::scenario::{self, Incident};
use crate::demo::world::World;

/// Length of the simulated past, in seconds.
const PAST_SECONDS: u64 = 3600;
/// Length of the simulated past.
pub const PAST: Duration = Duration::from_secs(PAST_SECONDS);
/// Length of a long step, in seconds.
const STEP: u64 = 2;
/// Seconds between two replies at first, and in the last minutes. The start of the demo waits until all are read.
const INTERVALS: [u64; 2] = [20, 10];
/// Length of the last minutes, in seconds.
const LAST_MINUTES: u64 = 600;
/// Time at the end of the hour in which single sessions are simulated, in seconds.
const FINE_SECONDS: u64 = 30;
/// Seconds of that time after which the numbers of sessions are as usual.
const SETTLING_SECONDS: u64 = 10;
/// Time before the hour that is simulated in steps, in milliseconds: enough for plausible counters, which the reload
/// resets.
const FIRST_STEPS_MS: u64 = 5000;
/// Second of the hour at which the process is reloaded.
const RELOAD_AT: u64 = 1200;

/// The incidents, each with its start and end in seconds of the hour.
const INCIDENTS: [(u64, u64, Incident); 9] = [
    (420, 600, Incident::SlowServer { backend: "www", server: "www3", factor: 4.0 }),
    (1500, 1540, Incident::SilentServer { backend: "static", server: "static2" }),
    (1580, 1620, Incident::SilentServer { backend: "static", server: "static2" }),
    (1660, 1700, Incident::SilentServer { backend: "static", server: "static2" }),
    (1980, 2100, Incident::HighLoad { backend: "api", factor: 2.6 }),
    // The first server after the deploy.
    (2760, 2940, Incident::SlowServer { backend: "www", server: "www1", factor: 5.0 }),
    (3120, 3160, Incident::ServerErrors { backend: "auth", share: 0.3 }),
    (3300, 3330, Incident::HighLoad { backend: "www", factor: 1.5 }),
    (3300, 3330, Incident::HighLoad { backend: "static", factor: 1.5 }),
];

/// The commands of an operator, each with its second of the hour: a rolling deploy.
const COMMANDS: [(u64, &str); 12] = [
    (2400, "set server www/www1 state drain"),
    (2440, "set server www/www1 state maint"),
    (2470, "set server www/www1 state ready"),
    (2490, "set server www/www2 state drain"),
    (2530, "set server www/www2 state maint"),
    (2560, "set server www/www2 state ready"),
    (2580, "set server www/www3 state drain"),
    (2620, "set server www/www3 state maint"),
    (2650, "set server www/www3 state ready"),
    (2670, "set server www/www4 state drain"),
    (2710, "set server www/www4 state maint"),
    (2740, "set server www/www4 state ready"),
];

/// The reply of the simulated HAProxy to `show info;show stat` at an earlier time.
#[derive(Clone, Debug)]
pub struct PastReply {
    /// Time from the reply to the start of the demo.
    pub age: Duration,
    /// The reply.
    pub text: String,
}

impl World {
    /// Creates a world like [`World::new`], and passes on the replies that it would have sent in the hour before, oldest
    /// first.
    pub fn with_past_hour(
        seed: u64,
        warm_up: Duration,
        unix_time: u64,
        extra_backends: usize,
        mut on_reply: impl FnMut(PastReply),
    ) -> Self {
        let before = warm_up.saturating_sub(Duration::from_secs(PAST_SECONDS));
        let mut world =
            Self::after_steps(seed, before, unix_time.saturating_sub(PAST_SECONDS), extra_backends, FIRST_STEPS_MS);
        let start = world.clock;
        // The timetable of the demo begins after the hour.
        world.scenario_start = u64::MAX;
        let mut record = |world: &mut Self| {
            let age = Duration::from_millis(start + PAST_SECONDS * 1000 - world.clock);
            let text = execute(world, "show info;show stat");
            on_reply(PastReply { age, text });
        };
        world.begin_coarse_steps();
        let mut backlog = Backlog::default();
        for second in (0..PAST_SECONDS - FINE_SECONDS).step_by(STEP as usize) {
            for (_, command) in COMMANDS.iter().filter(|(at, _)| *at == second) {
                execute(&mut world, command);
            }
            if second == RELOAD_AT {
                world.reload();
            }
            scenario::apply_timetable(&mut world.proxies, &INCIDENTS, second * 1000);
            world.step_coarsely(STEP, load_at(second), &mut backlog);
            let is_last = second >= PAST_SECONDS - LAST_MINUTES;
            if (second + STEP).is_multiple_of(INTERVALS[usize::from(is_last)]) {
                record(&mut world);
            }
        }
        world.end_coarse_steps();
        world.log.start();
        for second in 1..=FINE_SECONDS {
            world.advance(Duration::from_secs(1));
            if second > SETTLING_SECONDS && second < FINE_SECONDS && second.is_multiple_of(STEP) {
                record(&mut world);
            }
        }
        world.remainder = Duration::ZERO;
        world.scenario_start = world.clock;
        world
    }
}

/// Executes a command as an administrator, and returns the reply.
fn execute(world: &mut World, command: &str) -> String {
    let mut level = CliLevel::Admin;
    interpreter::execute_line(world, command, &mut level)
}

/// Returns the factor of the load at this time of the hour, in seconds: it rises to 1 at the end.
fn load_at(second: u64) -> f64 {
    let left = (PAST_SECONDS - second) as f64 / PAST_SECONDS as f64;
    1.0 - 0.4 * (left * std::f64::consts::FRAC_PI_2).sin().powi(2)
}
