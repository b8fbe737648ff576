//! Helpers for tests of actions: start a dashboard, answer confirmations, read the audit log and server states.

use super::client::send_command_to;
use super::haproxy::Lab;
use super::launch::TermBuilder;
use super::relay::Relay;
use super::term::Term;
use super::{keys, wait_for, wait_until};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::thread;
use std::time::Duration;

/// Time without input that a Yes needs.
pub const PAUSE_BEFORE_YES: Duration = Duration::from_millis(500);

/// Starts hapulse on a socket and waits for the first sample.
pub fn start_dashboard(target: impl AsRef<OsStr>) -> Term {
    start_dashboard_with(&[], "", target)
}

/// Starts hapulse with additional arguments and a configuration file; see [`start_dashboard`].
pub fn start_dashboard_with(args: &[&str], config: &str, target: impl AsRef<OsStr>) -> Term {
    let builder = Term::builder().args(["-i", "0.1"]).args(args).args([target]).size(120, 40);
    let term = builder.config(config).start();
    term.wait_for("live");
    term
}

/// Starts hapulse with such a long poll interval that it does not notice changes by polling; see [`start_dashboard`].
pub fn start_dashboard_without_polling(target: impl AsRef<OsStr>) -> Term {
    let term = Term::builder().args(["-i", "600"]).args([target]).size(120, 40).start();
    term.wait_for("live");
    term
}

impl TermBuilder {
    /// Writes the user's configuration file.
    pub fn config(self, text: &str) -> Self {
        let folder = self.home().join(".config/hapulse");
        fs::create_dir_all(&folder).expect("the home folder can be written");
        fs::write(folder.join("config.toml"), text).expect("the folder was just made");
        self
    }
}

/// Waits for a confirmation and answers it as a person does; see [`Term::answer`].
pub fn answer_confirmation(term: &mut Term, title: &str, keys: &str) {
    term.wait_for(title);
    term.answer(keys);
}

/// Returns whether the screen ends with a prompt. On a narrow terminal, the prompt is wrapped and the typed text follows
/// on a line of its own.
pub fn asks_last(screen: &str, prompt: &str) -> bool {
    let (before, last) = screen.trim_end().rsplit_once('\n').unwrap_or(("", screen));
    last.contains(prompt.trim_end())
        || last.starts_with('>') && without_blanks(before).ends_with(&without_blanks(prompt))
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Presses a key that can answer the question of a command on a plain terminal, until it is not too early.
pub fn answer_prompt(term: &mut Term, prompt: &str, key: &str) {
    let questions = |screen: &str| without_blanks(screen).matches(&without_blanks(prompt)).count();
    // A later question may be the same.
    let count = questions(&term.wait_until(|screen| asks_last(screen, prompt)));
    let is_asking = |screen: &str| asks_last(screen, prompt) && questions(screen) == count;
    while is_asking(&term.screen()) && !term.output_ended() {
        thread::sleep(PAUSE_BEFORE_YES);
        term.press(key);
        // A remark says why the key did not answer.
        let has_remark = |screen: &str| screen.trim_end().lines().last().is_some_and(|line| line.contains(" ("));
        term.wait_until(|screen| !is_asking(screen) || has_remark(screen));
    }
}

/// Waits for two more polls; by then hapulse has sent every command of the keys pressed so far.
pub fn wait_for_two_polls(term: &Term, relay: &Relay) {
    term.wait_input_read();
    let polls = || relay.lines().iter().filter(|line| line.contains("show info")).count();
    let before = polls();
    wait_until("two more polls", || polls() >= before + 2);
}

impl Term {
    /// Scrolls a question that does not fit to its end.
    fn scroll_question(&mut self) {
        while self.screen().contains("↓ to the end") {
            self.press("<pgdn>");
            self.settled_screen();
        }
    }

    /// Presses keys in a question, after scrolling it to its end. Before a key that can confirm, makes the pause that it
    /// needs, and waits until the question shows that it can.
    pub fn answer(&mut self, text: &str) {
        self.scroll_question();
        for key in keys::parse(text) {
            if [b"y".as_slice(), b"\r"].contains(&key.as_slice()) {
                thread::sleep(PAUSE_BEFORE_YES);
                self.wait_until_answerable();
            }
            self.wait_input_read();
            self.paste(&key);
        }
    }

    /// Waits until no question dims the key that confirms it.
    pub fn wait_until_answerable(&self) {
        const DIM: vt100::Color = vt100::Color::Idx(8);
        const CONFIRMING_KEYS: [&str; 6] = ["│ y yes", "│ y send", "│ > ", "| y yes", "| y send", "| > "];
        wait_until("a question that can be answered", || {
            self.with_screen(|screen| {
                let rows = screen.rows(0, screen.size().1.get());
                !rows.enumerate().any(|(row, line)| {
                    let byte = CONFIRMING_KEYS.iter().find_map(|key| line.find(key));
                    // After the frame and a blank.
                    let column = byte.map(|byte| line[..byte].chars().count() + 2);
                    let cell = column.and_then(|column| screen.cell(row as u16, column as u16));
                    cell.is_some_and(|cell| cell.fgcolor() == DIM)
                })
            })
        });
    }

    /// Returns the records of the audit log in the program's home folder, oldest first.
    pub fn audit_records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.home().join(".local/state/hapulse/audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("every line of the audit log is JSON")).collect()
    }

    /// Waits until the audit log has `count` records of finished actions, and returns them.
    pub fn wait_for_done_records(&self, count: usize) -> Vec<Value> {
        wait_for(&format!("{count} done records in the audit log"), || {
            let done: Vec<Value> =
                self.audit_records().into_iter().filter(|record| record["phase"] == "done").collect();
            (done.len() >= count).then_some(done)
        })
    }
}

impl Lab {
    /// Returns one column of `show servers state` for `backend/server`.
    pub fn server_state(&self, server: &str, column: &str) -> String {
        let (backend, server) = server.split_once('/').expect("backend/server");
        let text = self.send_command(&format!("show servers state {backend}"));
        let header = text.lines().find_map(|line| line.strip_prefix("# ")).expect("a header line");
        let index = header.split(' ').position(|name| name == column).expect("a column of that name");
        let row = text.lines().find(|line| line.split(' ').nth(3) == Some(server)).expect("the server's line");
        row.split(' ').nth(index).expect("as many cells as headings").to_owned()
    }

    /// Sends a changing command as another client; panics unless it succeeds.
    pub fn send_write_command(&self, line: &str) {
        let reply = send_command_to(self.admin(), line).expect("the admin socket replies");
        assert_eq!(reply.trim(), "", "{line}");
    }
}

/// Returns the text of the dialog whose title begins with `title`, in one line with single blanks; empty if there is no
/// such dialog.
pub fn dialog_text(screen: &str, title: &str) -> String {
    let rows: Vec<Vec<char>> = screen.lines().map(|line| line.chars().collect()).collect();
    let wanted: Vec<char> = format!(" {title}").chars().collect();
    let found = rows.iter().enumerate().find_map(|(row, chars)| {
        let at = chars.windows(wanted.len()).position(|window| window == wanted)?;
        let left = chars[..at].iter().rposition(|ch| *ch == '╭')?;
        let right = at + chars[at..].iter().position(|ch| *ch == '╮')?;
        Some((row, left, right))
    });
    let Some((top, left, right)) = found else { return String::new() };
    let inside = rows[top + 1..].iter().take_while(|chars| chars.get(left) == Some(&'│'));
    let lines = inside.map(|chars| chars[left + 1..right.min(chars.len())].iter().collect::<String>());
    let text = lines.collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
