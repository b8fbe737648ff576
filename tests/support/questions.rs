//! Every kind of question whose Yes changes HAProxy, in the real program: how to open it, and how a person answers it.

use super::actions::{PAUSE_BEFORE_YES, answer_prompt, asks_last};
use super::{Lab, Relay, Term, keys, wait_until};
use std::thread;
use std::time::Duration;

/// A kind of question.
#[derive(Debug, Clone, Copy)]
pub struct QuestionKind {
    pub name: &'static str,
    /// Arguments of a command that asks on the plain terminal; empty for the dashboard.
    pub command_line: &'static str,
    pub config: &'static str,
    /// Keys that lead to the place where the question can be opened.
    pub before: &'static [Step],
    /// Keys that open the question.
    pub open: &'static str,
    /// Text on the screen while the question is open.
    pub shows: &'static str,
    /// Keys of a person's Yes.
    pub yes: &'static str,
    /// The first command that a Yes sends.
    pub command: &'static str,
}

/// A step before the question is opened.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Moves the cursor of view 1 to a server.
    MoveToS2,
    /// Presses keys.
    Press(&'static str),
    /// Waits for a text.
    WaitFor(&'static str),
    /// Answers a question.
    Answer(&'static str),
}

use Step::{Answer, MoveToS2, Press, WaitFor};

/// Maximum number of keys that show the rest of a question, and of answers to it.
const MAX_ATTEMPTS: usize = 30;

const DASHBOARD: QuestionKind = QuestionKind {
    name: "",
    command_line: "",
    config: "",
    before: &[MoveToS2],
    open: "M",
    shows: "Maintenance: be1 / s2",
    yes: "y",
    command: "set server be1/s2 state maint",
};

/// All kinds of questions. The lab has one backend with four servers.
pub const QUESTIONS: [QuestionKind; 12] = [
    QuestionKind { name: "y", ..DASHBOARD },
    QuestionKind {
        name: "typed name",
        open: ":server.end-sessions<ret>",
        shows: "type \"s2\"",
        yes: "s2<ret>",
        command: "shutdown sessions server be1/s2",
        ..DASHBOARD
    },
    QuestionKind {
        name: "weight step",
        open: "[",
        shows: "Weight: be1 / s2",
        command: "set server be1/s2 weight 99",
        ..DASHBOARD
    },
    QuestionKind {
        name: "drain first",
        open: "Md",
        shows: "Drain: be1 / s2",
        command: "set server be1/s2 state drain",
        ..DASHBOARD
    },
    QuestionKind {
        name: "undo",
        before: &[
            MoveToS2,
            Press("M"),
            WaitFor("Maintenance: be1 / s2"),
            Answer("y"),
            WaitFor("be1/s2: verified, MAINT"),
        ],
        open: "u",
        shows: "Undo: be1 / s2",
        command: "set server be1/s2 state ready",
        ..DASHBOARD
    },
    QuestionKind {
        name: "suggestion",
        before: &[
            MoveToS2,
            Press("D"),
            WaitFor("Drain: be1 / s2"),
            Answer("y"),
            WaitFor("be1/s2 is drained: start maintenance?"),
        ],
        open: "c",
        ..DASHBOARD
    },
    QuestionKind {
        name: "bulk",
        before: &[MoveToS2, Press("<space><space>"), WaitFor("2 marked")],
        shows: "Maintenance: 2 servers",
        ..DASHBOARD
    },
    QuestionKind {
        name: "number prompt",
        open: "W7<ret>",
        shows: "Weight: be1 / s2",
        command: "set server be1/s2 weight 7",
        ..DASHBOARD
    },
    QuestionKind { name: "reason prompt", config: "[audit]\nask_reason = true\n", open: "Mwhy<ret>", ..DASHBOARD },
    QuestionKind {
        name: "typed line",
        before: &[Press("5"), WaitFor("Esc leave")],
        open: "set server be1/s2 weight 9<ret>",
        shows: "this command may change HAProxy",
        command: "set server be1/s2 weight 9",
        ..DASHBOARD
    },
    QuestionKind {
        name: "plain y",
        command_line: "maint be1/s2",
        before: &[],
        open: "",
        shows: "Continue? [y/N]",
        ..DASHBOARD
    },
    QuestionKind {
        name: "plain typed name",
        command_line: "maint be1/s2 be1/s3 be1/s4",
        before: &[],
        open: "",
        shows: "type \"3 servers\", pause, then Enter:",
        yes: "3 servers<ret>",
        ..DASHBOARD
    },
];

impl QuestionKind {
    pub fn is_plain(&self) -> bool {
        !self.command_line.is_empty()
    }

    /// Starts the program in a terminal of this size, and leads it to the place where the question can be opened. A
    /// command on the plain terminal asks at once.
    pub fn start(&self, relay: &Relay, (cols, rows): (u16, u16)) -> Term {
        let builder = Term::builder().config(self.config);
        if self.is_plain() {
            let args = self.command_line.split(' ');
            return builder.args(args).args(["--target"]).args([relay.path()]).size(cols, rows).start();
        }
        let mut term = builder.args(["-i", "0.2"]).args([relay.path()]).size(120, 40).start();
        term.wait_for("live");
        for step in self.before {
            match step {
                MoveToS2 => {
                    term.press("1");
                    term.move_to_path("be1/s2");
                }
                Press(keys) => term.press(keys),
                WaitFor(text) => drop(term.wait_for(text)),
                Answer(keys) => term.answer(keys),
            }
        }
        if (cols, rows) != (120, 40) {
            term.wait_input_read();
            term.resize(cols, rows);
        }
        term
    }

    /// Opens the question and waits for it.
    pub fn open(&self, term: &mut Term) {
        term.press(self.open);
        term.wait_for(self.shows);
    }

    /// Opens the question blindly.
    pub fn open_unseen(&self, term: &mut Term) {
        term.press(self.open);
        term.wait_input_read();
        thread::sleep(PAUSE_BEFORE_YES + Duration::from_millis(200));
    }

    /// Presses the keys of a Yes as a person does, without looking at the screen.
    pub fn answer_unseen(&self, term: &mut Term) {
        let keys = keys::parse(self.yes);
        let (last, first) = keys.split_last().expect("an answer has a key");
        for key in first {
            term.wait_input_read();
            term.paste(key);
        }
        thread::sleep(PAUSE_BEFORE_YES + Duration::from_millis(100));
        term.paste(last);
        term.wait_input_read();
    }

    /// Answers the visible question as a person does, and waits until its command was sent.
    pub fn answer(&self, term: &mut Term, relay: &Relay) {
        let sent = self.sent(relay);
        match (self.is_plain(), self.yes.strip_suffix("<ret>")) {
            (false, _) => term.answer(self.yes),
            (true, None) => self.answer_plain(term, "y", || self.sent(relay) > sent),
            (true, Some(name)) => {
                self.show_whole(term);
                term.press(name);
                self.answer_plain(term, "<ret>", || self.sent(relay) > sent);
            }
        }
        wait_until(&format!("the command of the question {:?}", self.name), || self.sent(relay) > sent);
    }

    /// Prints a plain question again for the size that the terminal has now, to its end.
    fn show_whole(&self, term: &mut Term) {
        term.press("<c-l>");
        for _ in 0..MAX_ATTEMPTS {
            if asks_last(&term.settled_screen(), self.shows) {
                return;
            }
            term.press("<end>");
        }
        panic!("the end of the question {:?} is not shown:\n{}", self.name, term.screen());
    }

    /// Answers a plain question, again where it was printed again because the size of the terminal had changed.
    fn answer_plain(&self, term: &mut Term, key: &str, is_sent: impl Fn() -> bool) {
        for _ in 0..MAX_ATTEMPTS {
            if is_sent() {
                return;
            }
            answer_prompt(term, self.shows, key);
            term.wait_until(|screen| is_sent() || asks_last(screen, self.shows));
        }
    }

    /// Returns how often the command of the question was sent.
    pub fn sent(&self, relay: &Relay) -> usize {
        relay.write_commands().iter().filter(|command| *command == self.command).count()
    }

    /// Returns whether the screen shows the question with its whole first command and the key that confirms.
    pub fn is_on_screen(&self, screen: &str) -> bool {
        let text: String = screen.lines().map(|line| line.trim_matches(['│', ' '])).collect::<Vec<_>>().join(" ");
        let keys = if self.is_plain() {
            self.shows
        } else if self.yes == "y" {
            "y "
        } else {
            "> "
        };
        text.replace(' ', "").contains(&self.command.replace(' ', "")) && text.contains(keys)
    }
}

/// Starts the lab of [`QUESTIONS`].
pub fn lab() -> Lab {
    Lab::builder().servers(4).server_options("weight 100").start()
}
