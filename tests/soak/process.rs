//! The real program in a terminal, before a HAProxy that is reloaded at nearly every poll and whose servers never keep
//! their names, with link losses of every kind, resizes, and a person at every key.

use std::fs;
use std::io::Write as _;
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{Memory, SIZES, Way, least};
use crate::site::{LONG, POLL, SAID, Site};
use crate::support::fake::Behaviour;
use crate::support::{Answers, Fake, Term, lock, wait_until};

/// What is pressed, a piece at a time. What asks for an answer leaves the question time to be seen.
const KEYS: &[&str] = &[
    "<a-0>jjj<tab>jj<tab>kk",
    "zjz",
    "1jjjjG",
    "*U",
    "gvjjjvU",
    "/srv-00<ret>",
    "<esc>",
    "s<ret>",
    "<gt><gt>I",
    "FF",
    "2t.t,",
    ":cols +rtime -econ<ret>",
    "3Gi",
    "jj<esc>",
    "4<lt>I",
    "<ret>jjj<esc>",
    "6/rtime<gt>0<ret>",
    "<esc>",
    "9jjG/down<ret>",
    "<esc>",
    "!jjG!",
    "A",
    "A",
    "5show info<ret>",
    "<a-7>",
    "<ret>j",
    "<ret><esc>",
    "8",
    "<ret>jj",
    "<ret>j<esc>",
    "<a-0>?jjG<esc>",
    "++-",
    "ajj<esc>",
    "oO",
    "<c-l>",
    "y",
];
/// An act: the keys that ask, and those that answer.
const ACTIONS: &[(&str, &str)] = &[
    ("1/app<ret>gjM", "y<esc>"),
    ("u", "y<esc>"),
    ("1gjjjD", "y<esc>"),
    ("E", "y<esc>"),
    ("W17<ret>", "y<esc>"),
    ("u", "y<esc>"),
    ("[[", "y<esc>"),
    ("c", "y<esc>"),
    ("C", ""),
];

/// Servers that go with each poll, and as many that come.
const NEW: usize = 20;

/// How often each thing happened.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    polls: u64,
    /// Everything else that was asked.
    asked: u64,
    names: u64,
    reloads: u64,
    keys: u64,
    resizes: usize,
    losses: u64,
}

/// A HAProxy in a hurry.
struct Hurried {
    behaviour: Behaviour,
    counts: Arc<Mutex<Counts>>,
}

impl Hurried {
    /// One that is reloaded every so many polls. While one answer is read the next is made, for the time that an
    /// answer takes holds back the next question.
    fn new(seed: u64, reloads: u64) -> Self {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let mut site = Site::new(seed);
        let ready = site.answer(POLL);
        let state = Mutex::new((site, ready));
        let counted = Arc::clone(&counts);
        let behaviour = Fake::line(move |line, stream| {
            let mut state = lock(&state);
            let (site, ready) = &mut *state;
            if line != POLL {
                let _ = stream.write_all(site.answer(line).as_bytes());
                lock(&counted).asked += 1;
                return;
            }
            let _ = stream.write_all(ready.as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
            let mut counts = lock(&counted);
            counts.polls += 1;
            site.advance(Duration::from_millis(300));
            site.change(NEW);
            counts.names += NEW as u64;
            // An odd number now and then: the second sample of a process asks for more than the first.
            if counts.polls.is_multiple_of(reloads) || counts.polls.is_multiple_of(17) {
                site.reload();
                counts.reloads += 1;
            }
            *ready = site.answer(POLL);
        });
        Self { behaviour, counts }
    }

    fn polls(&self) -> u64 {
        lock(&self.counts).polls
    }
}

/// How many ways there are to lose a HAProxy, and the one that takes time to be noticed.
const LOSSES: u64 = 7;
const SILENCE: u64 = 6;

/// The ways to lose a HAProxy, one after the other.
fn lose(fake: &Fake, number: u64, answers: &Answers) {
    let path = fake.path();
    match number % LOSSES {
        0 => fs::rename(path, away(path)).unwrap(),
        1 => {
            fs::rename(path, away(path)).unwrap();
            drop(UnixListener::bind(path).unwrap());
        }
        2 => fake.set(Fake::cutting(answers.clone(), 700)),
        3 => fake.set(Fake::closing()),
        4 => fake.set(Fake::garbage(3000)),
        5 => fake.set(Fake::line(|_, stream| drop(stream.write_all(b"Permission denied\n\n")))),
        _ => fake.set(Fake::silent()),
    }
}

fn find_again(fake: &Fake, behaviour: &Behaviour) {
    fake.set(behaviour.clone());
    if away(fake.path()).exists() {
        let _ = fs::remove_file(fake.path());
        fs::rename(away(fake.path()), fake.path()).unwrap();
    }
}

fn away(path: &Path) -> PathBuf {
    path.with_extension("away")
}

/// A program under way, and what is done to it.
struct Life {
    term: Term,
    fake: Fake,
    _calm: Fake,
    /// The one that is lost and found, and the other.
    sites: [Hurried; 2],
    /// What is cut short.
    answers: Answers,
    counts: Counts,
    memory: Memory,
}

impl Life {
    fn begin(history: u32) -> Self {
        let sites = [Hurried::new(1, 2), Hurried::new(2, 50)];
        let [fake, calm] = [0, 1].map(|place| Fake::start(sites[place].behaviour.clone()));
        let term = Term::builder()
            .args(["-i", "0.1", "--history-memory", &history.to_string(), "--log-file", "events.log"])
            .args([format!("eu={}", fake.path().display()), format!("us={}", calm.path().display())])
            .size(120, 40)
            .start();
        term.wait_for("live");
        let info = "Name: HAProxy\nPid: 1\nUptime_sec: 1\n\n";
        let answers = Answers::new().on("show info", info).on("show stat", "# pxname,svname");
        let (counts, memory) = (Counts::default(), Memory::default());
        Self { term, fake, _calm: calm, sites, answers, counts, memory }
    }

    /// Fills up what is kept up to a limit: what is said on the command line, the past, events.
    fn fill(&mut self) {
        for place in 0..self.sites.len() {
            self.term.press("5");
            for _ in 0..SAID / LONG.1 {
                let asked = lock(&self.sites[place].counts).asked;
                self.term.press(&format!("{}<ret>", LONG.0));
                wait_until("an answer", || lock(&self.sites[place].counts).asked > asked);
            }
            self.term.press("<a-0>");
            // More samples than a block of the history holds.
            let end = Instant::now() + Duration::from_mins(2);
            while lock(&self.sites[place].counts).polls <= 135 {
                assert!(Instant::now() < end, "HAProxy is not polled:\n{}", self.term.screen());
                self.term.press("r");
                thread::sleep(Duration::from_millis(10));
            }
            self.term.press("o");
        }
    }

    fn press(&mut self, keys: &str) {
        self.counts.keys += 1;
        self.term.press(keys);
    }

    fn act(&mut self, (ask, answer): (&str, &str)) {
        self.press(ask);
        thread::sleep(Duration::from_millis(350));
        self.press(answer);
    }

    fn resize(&mut self) {
        let (cols, rows) = SIZES[self.counts.resizes % SIZES.len()];
        self.term.resize(cols, rows);
        self.counts.resizes += 1;
    }

    /// Loses HAProxy in one of the ways, and finds it again.
    fn lose(&mut self, number: u64) {
        self.counts.losses += 1;
        lose(&self.fake, number, &self.answers);
        self.press("r");
        thread::sleep(Duration::from_millis(if number % LOSSES == SILENCE { 2200 } else { 150 }));
        find_again(&self.fake, &self.sites[0].behaviour);
        let polls = self.sites[0].polls();
        self.press("<a-0>r");
        wait_until("the next poll", || self.sites[0].polls() > polls);
    }

    /// Polls for a while as fast as politeness lets them follow each other.
    fn poll(&mut self, share: f64) {
        let end = Instant::now() + Duration::from_millis(600);
        while Instant::now() < end {
            let polls = self.sites[0].polls();
            self.term.press("r");
            let late = Instant::now() + Duration::from_millis(50);
            while self.sites[0].polls() == polls && Instant::now() < late {
                thread::sleep(Duration::from_millis(1));
            }
            self.memory.read(self.term.pid(), share);
        }
    }
}

/// Runs for so long.
pub fn run(time: Duration, history: u32, growth: f64) -> Result<(), String> {
    let mut life = Life::begin(history);
    let pid = life.term.pid();
    let began_with = least(pid);
    let began = Instant::now();
    life.fill();
    // Each thing once.
    for act in ACTIONS {
        life.act(*act);
    }
    (0..LOSSES).for_each(|number| life.lose(number));
    for _ in SIZES {
        life.resize();
        if life.counts.resizes == 1 {
            for keys in KEYS {
                life.press(keys);
            }
        }
        life.poll(0.0);
    }
    let way = Way::new(began.elapsed().as_secs_f64(), time.as_secs_f64());
    for turn in 0.. {
        let share = way.share(began.elapsed().as_secs_f64());
        if share >= 1.0 {
            break;
        }
        life.press(KEYS[turn as usize % KEYS.len()]);
        if turn % 4 == 0 {
            life.act(ACTIONS[(turn / 4) as usize % ACTIONS.len()]);
        }
        if turn % 3 == 0 {
            life.resize();
        }
        if turn % 9 == 8 {
            life.lose(turn / 9);
        }
        life.poll(share);
    }
    life.term.resize(120, 40);
    life.press("<esc><a-0>");
    life.term.wait_for("live");
    let Counts { losses, resizes, keys, .. } = life.counts;
    let Counts { polls, names, reloads, .. } = *lock(&life.sites[0].counts);
    println!(
        "process: {:.0} s: {polls} polls, {reloads} reloads, {names} server names, {losses} link losses, {resizes} \
         resizes, {keys} pieces of keys",
        began.elapsed().as_secs_f64(),
    );
    let ends_with = least(pid);
    println!("process: at the start {began_with:?}, at the end {ends_with:?}");
    life.memory.judge("process", growth)?;
    if ends_with != began_with {
        return Err(format!("process: began with {began_with:?}, ended with {ends_with:?}"));
    }
    life.term.press("q");
    match life.term.exit_code() {
        0 => Ok(()),
        code => Err(format!("process: ended with exit code {code}:\n{}", life.term.screen())),
    }
}
