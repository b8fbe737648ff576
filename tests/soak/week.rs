//! A week in one process: all that becomes of a sample behind the socket, and a person at the keys, driven by a clock
//! that goes two seconds at a time.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hapulse::actions::intent::Intent;
use hapulse::actions::outcome::{Done, Outcome, Report};
use hapulse::actions::readback::Seen;
use hapulse::app::cli_input::REMEMBERED;
use hapulse::app::key::Key;
use hapulse::app::keymap::Keymap;
use hapulse::app::model::{InstanceView, Model};
use hapulse::app::msg::{Effect, Msg};
use hapulse::app::update::{next_wake, update};
use hapulse::haproxy::fields::InfoField;
use hapulse::haproxy::info::Info;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::stat_table::Table;
use hapulse::instance::guard::{Authorised, Guard};
use hapulse::observe::link::Failure;
use hapulse::observe::row_ids::Roster;
use hapulse::observe::sample::{Cost, Epoch, Sample};
use hapulse::observe::sampler::News;
use hapulse::observe::timestamp::Stamp;
use hapulse::table::cell::Role;
use hapulse::term::frame_writer::Frames;
use hapulse::ui::root::{Looks, draw};
use hapulse::ui::theme::{Palette, Theme};

use crate::measure::{Memory, SIZES, Way};
use crate::site::{SAID, Site};

/// Time between two samples.
const INTERVAL: Duration = Duration::from_secs(2);
/// Samples of a week.
pub const WEEK: u64 = 7 * 86_400 / 2;
/// Memory for the history: little, so that it is full before a tenth of the way.
const HISTORY: usize = 4 << 20;

/// Samples after which all that is kept up to a limit is full.
const OPENING: u64 = 800;

/// What is pressed, over and over, a piece every few samples. Nothing of it ends the program.
const KEYS: &[&str] = &[
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

struct Week {
    site: Site,
    model: Model,
    frames: Frames,
    roster: Roster,
    newest: Option<Arc<Sample>>,
    now: Duration,
    random: fastrand::Rng,
    acts: u64,
    bytes: usize,
}

impl Week {
    fn new() -> Self {
        let instance = InstanceView::new("week".to_owned(), "/run/week.sock".to_owned(), false, HISTORY);
        let mut model = Model::new(vec![instance], Guard::default(), Keymap::standard().unwrap(), (120, 40));
        // All that was ever said on the command line is there from the start; nobody types so much in minutes.
        for number in 0..SAID {
            model.instances[0].asked.say(format!("VARIABLE_{number}=what stands in it").as_str(), Role::Normal);
        }
        for number in 0..REMEMBERED {
            model.cli.remember(&format!("show table number{number} data.gpc0 gt 5"));
        }
        Self {
            site: Site::new(3),
            model,
            frames: Frames::new(120, 40),
            roster: Roster::default(),
            newest: None,
            now: Duration::from_secs(1),
            random: fastrand::Rng::with_seed(5),
            acts: 0,
            bytes: 0,
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp { mono: self.now, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.now }
    }

    fn tell(&mut self, msg: Msg) {
        let now = self.stamp();
        for effect in update(&mut self.model, msg, now) {
            match effect {
                Effect::Redraw => self.frames.forget(self.model.size.0, self.model.size.1),
                Effect::Act(intent) => self.act(&intent),
                Effect::Quit | Effect::Suspend => panic!("no key of these ends the program"),
                _ => {}
            }
        }
        let _ = next_wake(&self.model, self.now);
    }

    /// Carries an act out, as far as the simulated HAProxy goes along.
    fn act(&mut self, intent: &Authorised<Intent>) {
        let intent = intent.get().clone();
        let mut done = Vec::new();
        for step in &intent.steps {
            let command = step.command().unwrap();
            let answer = self.site.answer(&command);
            let is_good = answer.trim().is_empty();
            let outcome =
                if is_good { Outcome::Verified("fine".into()) } else { Outcome::Refused(answer.trim().into()) };
            let before = Some(Seen { status: step.target.seen.clone(), weight: Some(1), ..Seen::default() });
            done.push(Done { step: step.clone(), command, before, after: None, outcome, remark: None });
            if !is_good {
                break;
            }
        }
        self.acts += done.len() as u64;
        self.tell(Msg::Acted(Report { intent, done }));
    }

    /// The next sample, made as the sampler does.
    fn sample(&mut self) {
        let (info, stat) = self.site.sample();
        let before = self.newest.take();
        let info = Info::parse(info.as_bytes()).unwrap();
        let table = Table::parse(stat.as_bytes(), before.as_deref().map(|sample| &sample.table)).unwrap();
        let pid = info.number(InfoField::Pid).unwrap();
        let number = match &before {
            Some(before) => before.epoch.number + u32::from(before.epoch.pid != pid),
            None => 1,
        };
        let sample = Arc::new(Sample {
            seq: before.map_or(0, |before| before.seq) + 1,
            at: self.stamp(),
            epoch: Epoch { number, pid },
            level: Some(Level::Admin),
            info,
            rows: self.roster.identify(&table),
            table,
            cost: Cost { bytes: stat.len(), answer: Duration::from_millis(2) },
            interval: INTERVAL,
            configured: None,
        });
        self.newest = Some(Arc::clone(&sample));
        self.tell(Msg::News(0, News::Sample(sample), 0));
    }

    fn lose(&mut self) {
        let failure = Failure {
            why: "cannot connect: connection refused".to_owned(),
            hint: None,
            is_denied: false,
            retry_at: self.now + Duration::from_secs(1),
        };
        let at = self.stamp();
        self.tell(Msg::News(0, News::Failed(failure, at), 0));
    }

    fn press(&mut self, keys: &str) {
        for key in Key::parse_all(keys).unwrap() {
            self.now += Duration::from_millis(1);
            self.tell(Msg::Key(key));
        }
    }

    fn draw(&mut self) {
        let looks = Looks { theme: Theme::new(Palette::Dark, false), show_time: |_| "12:00:00".to_owned() };
        let (model, now) = (&self.model, self.now);
        let mut last = None;
        self.bytes += self.frames.render(|buffer| last = draw(model, looks, now, buffer)).unwrap().len();
        self.model.stay_within(last);
    }
}

/// Runs so many samples of the week.
pub fn run(samples: u64, growth: f64) -> Result<(), String> {
    let began = Instant::now();
    let (mut week, mut memory, own) = (Week::new(), Memory::default(), std::process::id());
    let way = Way::new(OPENING as f64, samples as f64);
    let (mut losses, mut resizes) = (0, 0);
    for number in 0..samples {
        // What cannot be lived in minutes is left out: the simulation goes slower than the clock.
        week.site.advance(Duration::from_millis(200));
        week.now += INTERVAL;
        if number % 20 == 7 {
            week.site.reload();
        }
        if number % 4 == 0 {
            week.site.change(25);
        }
        if number % 500 == 250 {
            losses += 1;
            (0..week.random.u64(1..30)).for_each(|_| week.lose());
        }
        week.sample();
        if number % 3 == 0 {
            week.press(KEYS[(number / 3) as usize % KEYS.len()]);
        }
        if number % 50 == 0 {
            let (width, height) = SIZES[resizes % SIZES.len()];
            week.tell(Msg::Resize(width, height));
            resizes += 1;
        }
        if number % 5 == 0 {
            week.draw();
        }
        memory.read(own, way.share(number as f64));
    }
    println!(
        "week: {samples} samples ({:.1} days) in {:.0} s: {} reloads, {} server names, {losses} link losses, {resizes} \
         resizes, {} acts, {} MB of frames, {} events",
        samples as f64 / WEEK as f64 * 7.0,
        began.elapsed().as_secs_f64(),
        week.site.pid() - 10_000,
        week.site.born(),
        week.acts,
        week.bytes >> 20,
        week.model.instances[0].watch.all_events().ever(),
    );
    memory.judge("week", growth)
}
