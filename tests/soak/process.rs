//! Runs the real program in a terminal, with all kinds of link failures, resizes and key presses. The simulated HAProxy
//! reloads at nearly every poll and constantly renames servers.

use std::fs;
use std::io::Write as _;
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::measure::{MemoryPeaks, SIZES, SoakProgress, min_resources};
use crate::site::{FastSite, LONG_REPLY, MAX_REPLY_LINES, POLL};
use crate::support::fake::FakeBehavior;
use crate::support::{CannedReplies, FakeSocket, Term, lock, wait_until};

/// Key sequences, sent one at a time. A sequence that opens a dialog does not answer it, so that the dialog is drawn.
const KEY_SEQUENCES: &[&str] = &[
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
/// Actions: the keys that open the confirmation dialog, and the keys that confirm it.
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

/// Number of servers that are replaced with each poll.
const SERVERS_REPLACED_PER_POLL: usize = 20;

/// Numbers of the events in a run.
#[derive(Debug, Clone, Copy, Default)]
struct EventCounts {
    polls: u64,
    /// Number of commands other than polls.
    other_commands: u64,
    server_names: u64,
    reloads: u64,
    keys: u64,
    resizes: usize,
    link_failures: u64,
}

/// A simulated HAProxy whose state changes quickly.
struct FastHaproxy {
    behavior: FakeBehavior,
    counts: Arc<Mutex<EventCounts>>,
}

impl FastHaproxy {
    /// Creates a HAProxy that reloads every `polls_per_reload` polls. The next reply is prepared while hapulse reads
    /// the previous one, because a slow reply would delay the next poll.
    fn new(seed: u64, polls_per_reload: u64) -> Self {
        let counts = Arc::new(Mutex::new(EventCounts::default()));
        let mut site = FastSite::new(seed);
        let next_reply = site.reply(POLL);
        let state = Mutex::new((site, next_reply));
        let counted = Arc::clone(&counts);
        let behavior = FakeSocket::handling_lines(move |line, stream| {
            let mut state = lock(&state);
            let (site, next_reply) = &mut *state;
            if line != POLL {
                let _ = stream.write_all(site.reply(line).as_bytes());
                lock(&counted).other_commands += 1;
                return;
            }
            let _ = stream.write_all(next_reply.as_bytes());
            let _ = stream.shutdown(Shutdown::Write);
            let mut counts = lock(&counted);
            counts.polls += 1;
            site.advance(Duration::from_millis(300));
            site.replace_servers(SERVERS_REPLACED_PER_POLL);
            counts.server_names += SERVERS_REPLACED_PER_POLL as u64;
            // Reload at odd polls too, because the second poll of a process requests more than the first.
            if counts.polls.is_multiple_of(polls_per_reload) || counts.polls.is_multiple_of(17) {
                site.reload();
                counts.reloads += 1;
            }
            *next_reply = site.reply(POLL);
        });
        Self { behavior, counts }
    }

    fn polls(&self) -> u64 {
        lock(&self.counts).polls
    }
}

/// Number of kinds of link failures. The constant below is the kind that is detected only after a timeout.
const LINK_FAILURES: u64 = 7;
const SILENT_FAILURE: u64 = 6;

/// Breaks the link to HAProxy in one of several ways.
fn break_link(fake: &FakeSocket, number: u64, truncated_replies: &CannedReplies) {
    let path = fake.path();
    match number % LINK_FAILURES {
        0 => fs::rename(path, moved_path(path)).unwrap(),
        1 => {
            fs::rename(path, moved_path(path)).unwrap();
            drop(UnixListener::bind(path).unwrap());
        }
        2 => fake.set_behavior(FakeSocket::cutting(truncated_replies.clone(), 700)),
        3 => fake.set_behavior(FakeSocket::closing()),
        4 => fake.set_behavior(FakeSocket::garbage(3000)),
        5 => {
            fake.set_behavior(FakeSocket::handling_lines(|_, stream| drop(stream.write_all(b"Permission denied\n\n"))));
        }
        _ => fake.set_behavior(FakeSocket::silent()),
    }
}

fn restore_link(fake: &FakeSocket, behavior: &FakeBehavior) {
    fake.set_behavior(behavior.clone());
    if moved_path(fake.path()).exists() {
        let _ = fs::remove_file(fake.path());
        fs::rename(moved_path(fake.path()), fake.path()).unwrap();
    }
}

fn moved_path(path: &Path) -> PathBuf {
    path.with_extension("away")
}

/// The running program and the state of the test.
struct ProcessSoak {
    term: Term,
    fake: FakeSocket,
    _stable_fake: FakeSocket,
    /// The instance whose link is broken, and the stable instance.
    sites: [FastHaproxy; 2],
    /// Replies that are cut short.
    truncated_replies: CannedReplies,
    counts: EventCounts,
    memory: MemoryPeaks,
}

impl ProcessSoak {
    fn start(history_mib: u32) -> Self {
        let sites = [FastHaproxy::new(1, 2), FastHaproxy::new(2, 50)];
        let [fake, stable_fake] = [0, 1].map(|index| FakeSocket::start(sites[index].behavior.clone()));
        let term = Term::builder()
            .args(["-i", "0.1", "--history-memory", &history_mib.to_string(), "--log-file", "events.log"])
            .args([format!("eu={}", fake.path().display()), format!("us={}", stable_fake.path().display())])
            .size(120, 40)
            .start();
        term.wait_for("live");
        let info = "Name: HAProxy\nPid: 1\nUptime_sec: 1\n\n";
        let truncated_replies = CannedReplies::new().on("show info", info).on("show stat", "# pxname,svname");
        let (counts, memory) = (EventCounts::default(), MemoryPeaks::default());
        Self { term, fake, _stable_fake: stable_fake, sites, truncated_replies, counts, memory }
    }

    /// Fills all bounded storage: replies on the command line, history, events.
    fn fill_limited_storage(&mut self) {
        for index in 0..self.sites.len() {
            self.term.press("5");
            for _ in 0..MAX_REPLY_LINES / LONG_REPLY.1 {
                let other_commands = lock(&self.sites[index].counts).other_commands;
                self.term.press(&format!("{}<ret>", LONG_REPLY.0));
                wait_until("a reply", || lock(&self.sites[index].counts).other_commands > other_commands);
            }
            self.term.press("<a-0>");
            // More samples than a history block holds.
            let end = Instant::now() + Duration::from_mins(2);
            while lock(&self.sites[index].counts).polls <= 135 {
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

    fn run_action(&mut self, (open_keys, confirm_keys): (&str, &str)) {
        self.press(open_keys);
        thread::sleep(Duration::from_millis(350));
        self.press(confirm_keys);
    }

    fn resize(&mut self) {
        let (cols, rows) = SIZES[self.counts.resizes % SIZES.len()];
        self.term.resize(cols, rows);
        self.counts.resizes += 1;
    }

    /// Breaks the link to HAProxy in one of several ways, and restores it.
    fn break_link_and_restore(&mut self, number: u64) {
        self.counts.link_failures += 1;
        break_link(&self.fake, number, &self.truncated_replies);
        self.press("r");
        thread::sleep(Duration::from_millis(if number % LINK_FAILURES == SILENT_FAILURE { 2200 } else { 150 }));
        restore_link(&self.fake, &self.sites[0].behavior);
        let polls = self.sites[0].polls();
        self.press("<a-0>r");
        wait_until("the next poll", || self.sites[0].polls() > polls);
    }

    /// Polls for a while, as often as the poll schedule allows.
    fn poll_repeatedly(&mut self, fraction: f64) {
        let end = Instant::now() + Duration::from_millis(600);
        while Instant::now() < end {
            let polls = self.sites[0].polls();
            self.term.press("r");
            let deadline = Instant::now() + Duration::from_millis(50);
            while self.sites[0].polls() == polls && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
            }
            self.memory.record(self.term.pid(), fraction);
        }
    }
}

/// Runs this part of the soak test.
pub fn run(time: Duration, history_mib: u32, max_growth: f64) -> Result<(), String> {
    let mut soak = ProcessSoak::start(history_mib);
    let pid = soak.term.pid();
    let resources_at_start = min_resources(pid);
    let start = Instant::now();
    soak.fill_limited_storage();
    // Do everything once.
    for action in ACTIONS {
        soak.run_action(*action);
    }
    (0..LINK_FAILURES).for_each(|number| soak.break_link_and_restore(number));
    for _ in SIZES {
        soak.resize();
        if soak.counts.resizes == 1 {
            for keys in KEY_SEQUENCES {
                soak.press(keys);
            }
        }
        soak.poll_repeatedly(0.0);
    }
    let progress = SoakProgress::new(start.elapsed().as_secs_f64(), time.as_secs_f64());
    for round in 0.. {
        let fraction = progress.fraction(start.elapsed().as_secs_f64());
        if fraction >= 1.0 {
            break;
        }
        soak.press(KEY_SEQUENCES[round as usize % KEY_SEQUENCES.len()]);
        if round % 4 == 0 {
            soak.run_action(ACTIONS[(round / 4) as usize % ACTIONS.len()]);
        }
        if round % 3 == 0 {
            soak.resize();
        }
        if round % 9 == 8 {
            soak.break_link_and_restore(round / 9);
        }
        soak.poll_repeatedly(fraction);
    }
    soak.term.resize(120, 40);
    soak.press("<esc><a-0>");
    soak.term.wait_for("live");
    let EventCounts { link_failures, resizes, keys, .. } = soak.counts;
    let EventCounts { polls, server_names, reloads, .. } = *lock(&soak.sites[0].counts);
    println!(
        "process: {:.0} s: {polls} polls, {reloads} reloads, {server_names} server names, {link_failures} link \
         failures, {resizes} resizes, {keys} key sequences",
        start.elapsed().as_secs_f64(),
    );
    let resources_at_end = min_resources(pid);
    println!("process: at the start {resources_at_start:?}, at the end {resources_at_end:?}");
    soak.memory.check_growth("process", max_growth)?;
    if resources_at_end != resources_at_start {
        return Err(format!("process: started with {resources_at_start:?}, ended with {resources_at_end:?}"));
    }
    soak.term.press("q");
    match soak.term.exit_code() {
        0 => Ok(()),
        code => Err(format!("process: ended with exit code {code}:\n{}", soak.term.screen())),
    }
}
