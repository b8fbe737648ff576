//! What tests of acts share: a dashboard, the question and its answer, the audit, and what the second client sees.

use super::client::ask_at;
use super::haproxy::Lab;
use super::launch::TermBuilder;
use super::relay::Relay;
use super::term::Term;
use super::{wait_for, wait_until};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::thread;
use std::time::Duration;

/// Keys within this time of a question were typed before it was seen; they do not count.
pub const TYPE_AHEAD: Duration = Duration::from_millis(330);

/// hapulse in front of a socket, once it shows what is there.
pub fn dashboard(target: impl AsRef<OsStr>) -> Term {
    dashboard_with(&[], "", target)
}

/// The same with more arguments and a configuration file.
pub fn dashboard_with(args: &[&str], config: &str, target: impl AsRef<OsStr>) -> Term {
    let builder = Term::builder().args(["-i", "0.1"]).args(args).args([target]).size(120, 40);
    let term = builder.config(config).start();
    term.wait_for("live");
    term
}

impl TermBuilder {
    /// Writes the user's configuration file.
    pub fn config(self, text: &str) -> Self {
        let folder = self.home().join(".config/hapulse");
        fs::create_dir_all(&folder).expect("the home is the test's own");
        fs::write(folder.join("config.toml"), text).expect("the folder was just made");
        self
    }
}

/// Waits for the question, lets the time for typing ahead pass, and answers.
pub fn answer(term: &mut Term, question: &str, keys: &str) {
    term.wait_for(question);
    thread::sleep(TYPE_AHEAD);
    term.press(keys);
}

/// Waits until hapulse has polled on: what a key was to send would be sent by now.
pub fn let_polls_pass(term: &Term, relay: &Relay) {
    term.wait_read();
    let polls = || relay.lines().iter().filter(|line| line.contains("show info")).count();
    let before = polls();
    wait_until("two more polls", || polls() >= before + 2);
}

/// The notice in the bottom line.
pub fn bottom(screen: &str) -> &str {
    screen.lines().last().unwrap_or_default().trim()
}

impl Term {
    /// The records of the audit that this program keeps in its home, in their order.
    pub fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.home().join(".local/state/hapulse/audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of the audit is JSON")).collect()
    }

    /// The ends of acts in the audit, once there are so many.
    pub fn wait_ends(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} ends in the audit"), || {
            let ends: Vec<Value> = self.audit().into_iter().filter(|record| record["phase"] == "done").collect();
            (ends.len() >= count).then_some(ends)
        })
    }
}

impl Lab {
    /// One column of `show servers state`, by its name and `backend/server`.
    pub fn state(&self, server: &str, column: &str) -> String {
        let (backend, server) = server.split_once('/').expect("backend/server");
        let text = self.ask(&format!("show servers state {backend}"));
        let header = text.lines().find_map(|line| line.strip_prefix("# ")).expect("a line of headings");
        let place = header.split(' ').position(|name| name == column).expect("a column of that name");
        let row = text.lines().find(|line| line.split(' ').nth(3) == Some(server)).expect("the server's line");
        row.split(' ').nth(place).expect("as many cells as headings").to_owned()
    }

    /// What somebody else does at the socket; it must succeed.
    pub fn order(&self, line: &str) {
        let answer = ask_at(self.admin(), line).expect("the admin socket answers");
        assert_eq!(answer.trim(), "", "{line}");
    }
}
