//! Processes the samples of a week in one process, from the replies of HAProxy to the frames, with keys and actions.
//! The clock advances by two seconds per sample.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hapulse::actions::intent::Intent;
use hapulse::actions::outcome::{ActionReport, Outcome, StepResult};
use hapulse::actions::readback::Readback;
use hapulse::app::command_line::MAX_HISTORY;
use hapulse::app::instance_view::InstanceView;
use hapulse::app::key::{Key, KeyPress};
use hapulse::app::keymap::Keymap;
use hapulse::app::message::{Effect, Message};
use hapulse::app::model::Model;
use hapulse::app::update::{next_wake, update};
use hapulse::haproxy::fields::InfoField;
use hapulse::haproxy::info::ProcessInfo;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::stat_table::StatTable;
use hapulse::instance::guard::Authorised;
use hapulse::instance::source::StatsSocket;
use hapulse::instance::state::Instance;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::link::PollFailure;
use hapulse::observe::row_ids::RowIds;
use hapulse::observe::sample::{Epoch, ReplyCost, Sample, SampleDetails};
use hapulse::observe::sampler::PollResult;
use hapulse::observe::timestamp::Timestamp;
use hapulse::table::cell::Role;
use hapulse::term::frame_writer::FrameBuffer;
use hapulse::ui::root::{Appearance, DrawnFrame, draw};
use hapulse::ui::theme::{Palette, Theme};

use crate::measure::{MemoryPeaks, SIZES, SoakProgress};
use crate::site::{FastSite, MAX_REPLY_LINES};

/// Time between two samples.
const INTERVAL: Duration = Duration::from_secs(2);
/// Number of samples in a week.
pub const SAMPLES_PER_WEEK: u64 = 7 * 86_400 / 2;
/// Memory for the history in bytes: small, so that it is full within the first tenth.
const HISTORY_BYTES: usize = 4 << 20;

/// Number of samples after which all bounded storage is full.
const WARM_UP_SAMPLES: u64 = 800;

/// Key sequences, one of which is sent every few samples. None of them ends the program.
const KEY_SEQUENCES: &[&str] = &[
    "0jjj<tab>jj<tab>kk",
    "M",
    "y",
    "zjz",
    "1jjjjG",
    "*",
    "D",
    "y",
    "U",
    "gvjjjv",
    "E",
    "y",
    "<esc><esc>",
    "u",
    "y",
    "c",
    "y",
    "C",
    "/srv-00",
    "<ret>",
    "s<ret>",
    "<gt><gt>I",
    "F",
    "F",
    "f",
    "<esc><esc>",
    "2t.t,",
    ":cols +rtime -econ<ret>",
    "3GM",
    "y",
    "<ret>jjj<esc>",
    "4<lt>I",
    "i",
    "jj<esc>",
    "6/rtime<gt>0<ret>",
    "<esc>",
    "9jjG/down<ret>",
    "<esc>",
    "!jjG",
    "!",
    "A",
    "jW50<ret>",
    "y",
    "A",
    "5show env<ret>",
    "<up><up><esc>",
    "7",
    "8",
    "0?jjG<esc>",
    "++-",
    "a",
    "jj<esc>",
    "W",
    "17<ret>",
    "y",
    "[[",
    "y",
    "<ret>",
    "W",
    "<esc>",
    "y",
];

struct WeekSoak {
    site: FastSite,
    model: Model,
    frames: FrameBuffer,
    row_ids: RowIds,
    newest: Option<Arc<Sample>>,
    now: Duration,
    random: fastrand::Rng,
    actions: u64,
    frame_bytes: usize,
}

impl WeekSoak {
    fn new() -> Self {
        let data = Instance::new(InstanceId::FIRST, StatsSocket::default(), HISTORY_BYTES);
        let instance = InstanceView::new("week".to_owned(), "/run/week.sock".to_owned(), data);
        let mut model = Model::new(vec![instance], Keymap::standard().unwrap(), (120, 40));
        // Fill the command line and its history from the start, because the keys alone would take too long.
        for number in 0..MAX_REPLY_LINES {
            model.instances[0].queries.push_line(format!("VARIABLE_{number}=value").as_str(), Role::Normal);
        }
        for number in 0..MAX_HISTORY {
            model.cli.add_to_history(&format!("show table number{number} data.gpc0 gt 5"));
        }
        Self {
            site: FastSite::new(3),
            model,
            frames: FrameBuffer::new(120, 40),
            row_ids: RowIds::default(),
            newest: None,
            now: Duration::from_secs(1),
            random: fastrand::Rng::with_seed(5),
            actions: 0,
            frame_bytes: 0,
        }
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp { monotonic: self.now, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.now }
    }

    fn dispatch(&mut self, message: Message) {
        let now = self.timestamp();
        for effect in update(&mut self.model, message, now) {
            match effect {
                Effect::Redraw => self.frames.reset(self.model.terminal_size.0, self.model.terminal_size.1),
                Effect::RunAction(intent) => self.run_action(&intent),
                Effect::Quit | Effect::Suspend => panic!("none of these keys ends the program"),
                _ => {}
            }
        }
        let _ = next_wake(&self.model, self.now);
    }

    /// Executes an action on the simulated HAProxy.
    fn run_action(&mut self, intent: &Authorised<Intent>) {
        let intent = intent.get().clone();
        let mut results = Vec::new();
        for step in &intent.steps {
            let command = step.command_text().unwrap();
            let reply = self.site.reply(&command);
            let is_good = reply.trim().is_empty();
            let outcome =
                if is_good { Outcome::Verified("fine".into()) } else { Outcome::Refused(reply.trim().into()) };
            let before =
                Some(Readback { status: step.target.seen_status.clone(), weight: Some(1), ..Readback::default() });
            results.push(StepResult { before, ..StepResult::new(step.clone(), command, outcome) });
            if !is_good {
                break;
            }
        }
        self.actions += results.len() as u64;
        self.dispatch(Message::ActionFinished(ActionReport { intent, results }));
    }

    /// Adds the next sample, created as the sampler creates samples.
    fn add_sample(&mut self) {
        let (info, stat) = self.site.sample();
        let before = self.newest.take();
        let info = ProcessInfo::parse(info.as_bytes()).unwrap();
        let table = StatTable::parse(stat.as_bytes(), before.as_deref().map(|sample| &sample.table)).unwrap();
        let pid = info.number(InfoField::Pid).unwrap();
        let number = match &before {
            Some(before) => before.epoch.number + u32::from(before.epoch.pid != pid),
            None => 1,
        };
        let sample = Arc::new(Sample {
            seq: before.map_or(0, |before| before.seq) + 1,
            at: self.timestamp(),
            epoch: Epoch { number, pid },
            level: Some(Level::Admin),
            info,
            rows: self.row_ids.identify(&table),
            table,
            changes: None,
            cost: ReplyCost { bytes: stat.len(), reply_time: Duration::from_millis(2) },
            interval: INTERVAL,
            configured: None,
            details: SampleDetails::default(),
        });
        self.newest = Some(Arc::clone(&sample));
        self.dispatch(Message::Polled(InstanceId::FIRST, PollResult::Sample(sample), 0));
    }

    fn add_failure(&mut self) {
        let failure = PollFailure {
            reason: "cannot connect: connection refused".to_owned(),
            hint: None,
            is_denied: false,
            retry_at: self.now + Duration::from_secs(1),
        };
        let at = self.timestamp();
        self.dispatch(Message::Polled(InstanceId::FIRST, PollResult::Failed(failure, at), 0));
    }

    fn press(&mut self, keys: &str) {
        for key in Key::parse_sequence(keys).unwrap() {
            self.now += Duration::from_millis(1);
            self.dispatch(Message::Key(KeyPress { key, read_at: self.now, pause: Duration::from_secs(1) }));
        }
    }

    fn draw(&mut self) {
        let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time: |_| "12:00:00".to_owned() };
        let (model, now) = (&self.model, self.now);
        let mut drawn = DrawnFrame::default();
        self.frame_bytes += self.frames.render(|buffer| drawn = draw(model, appearance, now, buffer)).unwrap().len();
        self.model.record_text(drawn.text);
    }
}

/// Runs this part of the soak test with `samples` samples.
pub fn run(samples: u64, max_growth: f64) -> Result<(), String> {
    let start = Instant::now();
    let (mut soak, mut memory, own_pid) = (WeekSoak::new(), MemoryPeaks::default(), std::process::id());
    let progress = SoakProgress::new(WARM_UP_SAMPLES as f64, samples as f64);
    let (mut link_failures, mut resizes) = (0, 0);
    for number in 0..samples {
        // The simulation advances more slowly than the clock, to save time.
        soak.site.advance(Duration::from_millis(200));
        soak.now += INTERVAL;
        if number % 20 == 7 {
            soak.site.reload();
        }
        if number % 4 == 0 {
            soak.site.replace_servers(25);
        }
        if number % 500 == 250 {
            link_failures += 1;
            (0..soak.random.u64(1..30)).for_each(|_| soak.add_failure());
        }
        soak.add_sample();
        if number % 3 == 0 {
            soak.press(KEY_SEQUENCES[(number / 3) as usize % KEY_SEQUENCES.len()]);
        }
        if number % 50 == 0 {
            let (width, height) = SIZES[resizes % SIZES.len()];
            soak.dispatch(Message::Resize(width, height));
            resizes += 1;
        }
        if number % 5 == 0 {
            soak.draw();
        }
        memory.record(own_pid, progress.fraction(number as f64));
    }
    println!(
        "week: {samples} samples ({:.1} days) in {:.0} s: {} reloads, {} server names, {link_failures} link failures, \
         {resizes} resizes, {} actions, {} MB of frames, {} events",
        samples as f64 / SAMPLES_PER_WEEK as f64 * 7.0,
        start.elapsed().as_secs_f64(),
        soak.site.pid() - 10_000,
        soak.site.names_created(),
        soak.actions,
        soak.frame_bytes >> 20,
        soak.model.instances[0].data.all_events().total(),
    );
    memory.check_growth("week", max_growth)
}
