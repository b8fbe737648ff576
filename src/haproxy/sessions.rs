//! The answers to `show sess`, `show sess all` and `show sess ID` (operator level and above).
//!
//! `show sess` writes one line a session: its pointer, then `key=value` pieces whose number grows with the
//! versions (14 on 1.8, 20 from 2.6 on). `show sess all`, `show sess ID` and, seen on 3.0.0 and 3.2.0, `show
//! sess older …` write a block of indented lines instead, which also tells the bytes. Both are read here.

use std::cmp::Reverse;
use std::time::Duration;

use crate::haproxy::compact_duration;
use crate::haproxy::connection_stage::Stage;
use crate::haproxy::key_values::{cut, number, pointer, words};
use crate::haproxy::reply_lines::Lines;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::version::Version;

/// Sessions kept of one answer.
pub const MAX_SESSIONS: usize = 20_000;

/// One session; a field is absent where the answer does not tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its pointer, `0x55d0e491f000`: what `show sess ID` and `shutdown session ID` take. It may be reused.
    pub id: SafeText,
    /// `tcpv4`, `tcpv6`, `unix_stream` …
    pub proto: Option<SafeText>,
    /// The client's address and port, or `unix:N`.
    pub source: Option<SafeText>,
    /// Name of the frontend; `GLOBAL` for a connection to a stats socket.
    pub frontend: Option<SafeText>,
    /// Name of the backend; absent while none is chosen.
    pub backend: Option<SafeText>,
    /// Name of the server; absent while none is chosen.
    pub server: Option<SafeText>,
    /// Since it began, in HAProxy's resolution of one second. Absent for TCP sessions on 3.0.0, which counts
    /// those from 1970.
    pub age: Option<Duration>,
    /// How often its task ran.
    pub calls: Option<u64>,
    /// How far the client's side has come.
    pub client_side: Option<Stage>,
    /// How far the server's side has come.
    pub server_side: Option<Stage>,
    /// Bytes from the client, of this session so far; only told in full.
    pub bytes_in: Option<u64>,
    /// Bytes from the server, of this session so far; only told in full.
    pub bytes_out: Option<u64>,
    /// Its line, or its block's first line.
    pub line: SafeText,
}

impl Session {
    fn new(id: &[u8], line: &[u8]) -> Self {
        Self {
            id: SafeText::new(id),
            proto: None,
            source: None,
            frontend: None,
            backend: None,
            server: None,
            age: None,
            calls: None,
            client_side: None,
            server_side: None,
            bytes_in: None,
            bytes_out: None,
            line: SafeText::new(line),
        }
    }

    /// Whether it is a connection to a stats socket: this very question is one.
    pub fn is_cli(&self) -> bool {
        self.frontend.as_ref().is_some_and(|name| name.as_str() == "GLOBAL")
    }

    /// Bytes in both directions; absent when neither is told.
    pub fn bytes(&self) -> Option<u64> {
        match (self.bytes_in, self.bytes_out) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or_default().saturating_add(other.unwrap_or_default())),
        }
    }

    /// Any piece of its line by HAProxy's key, for those that have no field here: `rate`, `exp`, `rq`.
    pub fn piece(&self, key: &str) -> Option<&str> {
        let mut words = self.line.as_str().split(' ').skip(1);
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix(['=', '[']))
    }
}

/// Which sessions are wanted. What a version cannot filter itself is filtered here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this frontend only.
    pub frontend: Option<SafeText>,
    /// Of this backend only.
    pub backend: Option<SafeText>,
    /// Of this server only, in whatever backend when none is named.
    pub server: Option<SafeText>,
    /// Of at least this age; those of unknown age are kept.
    pub older: Option<Duration>,
    /// Whether the bytes are wanted: five times as much to write and read for each session.
    pub in_full: bool,
}

impl SessionFilter {
    /// Whether a session is wanted.
    pub fn matches(&self, session: &Session) -> bool {
        let is = |wanted: &Option<SafeText>, name: &Option<SafeText>| wanted.is_none() || wanted == name;
        is(&self.frontend, &session.frontend)
            && is(&self.backend, &session.backend)
            && is(&self.server, &session.server)
            && self.older.is_none_or(|older| session.age.is_none_or(|age| age >= older))
    }
}

/// An order of sessions; what is unknown comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionOrder {
    /// The oldest first.
    Age,
    /// Most bytes in both directions first.
    Bytes,
    /// The least advanced server side first: queued and connecting before established.
    State,
}

/// The sessions of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Those that the filter wants, at most [`MAX_SESSIONS`].
    pub list: Vec<Session>,
    /// How many the answer held.
    pub seen: usize,
    /// How many were wanted and had no place.
    pub left_out: usize,
    /// Lines that belong to no session: an error's words, or a layout that is not known.
    pub odd: usize,
}

impl Sessions {
    /// Reads an answer in either layout.
    pub fn parse(body: &[u8], version: Option<Version>, filter: &SessionFilter) -> Self {
        let mut out = Self::default();
        out.odd = for_each_block(body, |block| {
            out.seen += 1;
            let session = read(block, version);
            if filter.matches(&session) {
                if out.list.len() < MAX_SESSIONS {
                    out.list.push(session);
                } else {
                    out.left_out += 1;
                }
            }
        });
        out
    }

    /// Puts them into an order; equal ones stay as they were.
    pub fn sort(&mut self, order: SessionOrder) {
        match order {
            SessionOrder::Age => self.list.sort_by_key(|session| Reverse(session.age)),
            SessionOrder::Bytes => self.list.sort_by_key(|session| Reverse(session.bytes())),
            SessionOrder::State => {
                self.list.sort_by_key(|session| (session.server_side.is_none(), session.server_side));
            }
        }
    }
}

/// One session in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDetail {
    /// What is worth sorting on.
    pub session: Session,
    /// Every line that HAProxy writes of it.
    pub lines: Lines,
}

impl SessionDetail {
    /// Reads the answer to `show sess ID`; nothing when it holds no session, as in `Session not found.`.
    pub fn parse(body: &[u8], version: Option<Version>) -> Option<Self> {
        let mut first = None;
        for_each_block(body, |block| {
            if first.is_none() {
                first = Some(Self { session: read(block, version), lines: Lines::of(block.iter().copied()) });
            }
        });
        first
    }
}

/// Cuts an answer into sessions: a line that begins with a pointer, and the indented ones below it. Returns
/// how many lines belong to none.
fn for_each_block<'a>(body: &'a [u8], mut take: impl FnMut(&[&'a [u8]])) -> usize {
    let mut block: Vec<&[u8]> = Vec::new();
    let mut odd = 0;
    for line in body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        if pointer(line).is_some() {
            if !block.is_empty() {
                take(&block);
            }
            block.clear();
            block.push(line);
        } else if line.starts_with(b" ") && !block.is_empty() {
            block.push(line);
        } else {
            odd += 1;
        }
    }
    if !block.is_empty() {
        take(&block);
    }
    odd
}

fn read(block: &[&[u8]], version: Option<Version>) -> Session {
    let head = block.first().copied().unwrap_or_default();
    let mut session = Session::new(pointer(head).unwrap_or_default(), head);
    for word in words(head).skip(1) {
        let Some((key, value)) = cut(word) else { continue };
        match key {
            b"proto" => session.proto = named(value),
            b"src" | b"source" => session.source = named(value),
            b"fe" => session.frontend = named(value),
            b"be" => session.backend = named(value),
            b"srv" => session.server = named(value),
            b"age" => session.age = compact_duration::parse(value),
            b"calls" => session.calls = number(value),
            b"s0" | b"scf" => session.client_side = stage(value, version),
            b"s1" | b"scb" => session.server_side = stage(value, version),
            _ => {}
        }
    }
    for line in block.iter().skip(1) {
        read_line_of_block(&mut session, line.trim_ascii_start());
    }
    session
}

/// One indented line of `show sess all`; which side it speaks of is told by its first word.
fn read_line_of_block(session: &mut Session, line: &[u8]) {
    let piece = |wanted: &[u8]| words(line).find_map(|word| cut(word).filter(|(key, _)| *key == wanted)).map(|it| it.1);
    let first = words(line).next().and_then(|word| word.split(|byte| *byte == b'=').next());
    match first.unwrap_or_default() {
        b"frontend" => session.frontend = piece(b"frontend").and_then(named),
        b"backend" => session.backend = piece(b"backend").and_then(named),
        b"server" => session.server = piece(b"server").and_then(named),
        b"task" => {
            session.age = piece(b"age").and_then(compact_duration::parse);
            session.calls = piece(b"calls").and_then(number);
        }
        b"si[0]" | b"scf" => session.client_side = piece(b"state").and_then(Stage::from_word),
        b"si[1]" | b"scb" => session.server_side = piece(b"state").and_then(Stage::from_word),
        b"req" => session.bytes_in = piece(b"total").and_then(number),
        b"res" => session.bytes_out = piece(b"total").and_then(number),
        _ => {}
    }
}

/// A name; HAProxy writes `<NONE>` or `<none>` where there is none.
fn named(value: &[u8]) -> Option<SafeText> {
    (!value.is_empty() && !value.eq_ignore_ascii_case(b"<none>")).then(|| SafeText::new(value))
}

/// The first number of `[8,0h,fd=30]`.
fn stage(value: &[u8], version: Option<Version>) -> Option<Stage> {
    let first = value.strip_prefix(b"[")?.split(|byte| *byte == b',').next()?;
    Stage::from_number(number(first)?, version)
}
