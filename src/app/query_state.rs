//! What HAProxy told when it was asked on a key: sessions, stick tables, the command line.

use crate::actions::action_table::Subject;
use crate::actions::intent::{Step, Target};
use crate::ask::query_cost::Pauses;
use crate::haproxy::command_list::Known;
use crate::haproxy::reply_lines::Lines;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{SessionOrder, Sessions};
use crate::haproxy::stick_tables::{Entries, StickTables};
use crate::observe::timestamp::Stamp;
use crate::table::cell::Role;

/// The last answer to one kind of question.
#[derive(Debug, Clone)]
pub struct Board<T> {
    /// What was told, and when.
    pub told: Option<(T, Stamp)>,
    /// Why the last question has no answer.
    pub error: Option<String>,
    /// Whether an answer is under way.
    pub is_waiting: bool,
}

impl<T> Default for Board<T> {
    fn default() -> Self {
        Self { told: None, error: None, is_waiting: false }
    }
}

impl<T> Board<T> {
    /// A question is sent.
    pub fn wait(&mut self) {
        self.is_waiting = true;
        self.error = None;
    }

    /// An answer came.
    pub fn tell(&mut self, told: T, at: Stamp) {
        *self = Self { told: Some((told, at)), error: None, is_waiting: false };
    }

    /// No answer came; what was told before stays.
    pub fn fail(&mut self, why: String) {
        self.error = Some(why);
        self.is_waiting = false;
    }
}

/// The entries of one stick table.
#[derive(Debug, Clone)]
pub struct OpenTable {
    /// Its name.
    pub name: SafeText,
    /// Its entries.
    pub entries: Board<Entries>,
    /// The counter they are sorted by, as a place among the table's counters.
    pub sort: usize,
}

/// A line of the command line's scrollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What it says.
    pub text: SafeText,
    /// What it is: a command, an answer, a complaint.
    pub role: Role,
}

/// Everything asked of one instance.
#[derive(Debug)]
pub struct Asked {
    /// When each kind of question was asked last.
    pub pauses: Pauses,
    /// The sessions.
    pub sessions: Board<Sessions>,
    /// Their order.
    pub order: SessionOrder,
    /// The stick tables.
    pub tables: Board<StickTables>,
    /// The one whose entries are shown.
    pub open_table: Option<OpenTable>,
    /// The commands this HAProxy knows.
    pub known: Board<Vec<Known>>,
    /// The command line's scrollback, oldest first.
    pub said: Vec<Said>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            pauses: Pauses::default(),
            sessions: Board::default(),
            order: SessionOrder::Age,
            tables: Board::default(),
            open_table: None,
            known: Board::default(),
            said: Vec::new(),
        }
    }
}

/// Lines of scrollback kept.
const SCROLLBACK: usize = 20_000;

impl Asked {
    /// A session was ended or an entry cleared: what was told before does not hold any more.
    pub fn forget(&mut self, step: &Step) {
        let Target { proxy, name, .. } = &step.target;
        match step.act.subject {
            Subject::Session => {
                if let Some((sessions, _)) = &mut self.sessions.told {
                    sessions.list.retain(|session| session.id != *name);
                }
            }
            Subject::Entry => {
                let open = self.open_table.as_mut().filter(|open| open.name == *proxy);
                if let Some((entries, _)) = open.and_then(|open| open.entries.told.as_mut()) {
                    entries.list.retain(|entry| entry.key != *name);
                }
            }
            Subject::Server | Subject::Frontend | Subject::Process => {}
        }
    }

    /// Adds a line to the scrollback.
    pub fn say(&mut self, text: impl Into<SafeText>, role: Role) {
        self.said.push(Said { text: text.into(), role });
        if self.said.len() > SCROLLBACK {
            self.said.drain(..SCROLLBACK / 10);
        }
    }

    /// Adds an answer to the scrollback.
    pub fn say_lines(&mut self, lines: &Lines, is_whole: bool) {
        if lines.list().iter().all(SafeText::is_empty) {
            self.say("(HAProxy answered nothing: so it does when a change succeeds)", Role::Dim);
        }
        for line in lines.list() {
            self.say(line.clone(), Role::Normal);
        }
        if lines.left_out() > 0 {
            self.say(format!("… {} more lines", lines.left_out()).as_str(), Role::Warn);
        }
        if !is_whole {
            self.say("(the answer was cut)", Role::Warn);
        }
    }
}
