//! A `log-format`, compiled into a parser of lines.

use thiserror::Error;

use crate::logs::json_format::JsonFormat;
use crate::logs::log_date;
use crate::logs::request::Request;
use crate::logs::variable::{Fields, Variable};

/// The reason why a text is not a log format that hapulse can read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LogFormatError {
    /// A `%` without a variable.
    #[error("\"%\" at byte {0} has no variable; a percent sign is written %%")]
    NoVariable(usize),
    /// A variable that HAProxy does not have.
    #[error("HAProxy has no variable %{0}")]
    UnknownVariable(String),
    /// A brace or bracket is not closed.
    #[error("the \"{1}\" at byte {0} is not closed")]
    NotClosed(usize, char),
    /// Two variables follow each other.
    #[error("nothing separates {0} from the variable before it, so that a line cannot be split")]
    NotSeparated(String),
    /// Lines as CBOR, or only some variables as JSON.
    #[error(
        "{0} is not read: use a format of plain text, such as option httplog, or JSON with %{{+json}}o at the beginning"
    )]
    Encoded(&'static str),
    /// The variables contain neither a status nor a time.
    #[error("the format has neither a status nor a time: add %ST or %Tr")]
    NoFigures,
}

/// A part of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FormatPart {
    Text(Vec<u8>),
    /// A variable, and whether its value must be in quotes.
    Value(Variable, bool),
}

impl FormatPart {
    /// Returns whether a line may end before this part: without captures, HAProxy writes only the blanks around them.
    fn may_be_absent(&self) -> bool {
        match self {
            Self::Text(text) => text == b" ",
            Self::Value(variable, _) => matches!(variable, Variable::Captures | Variable::CaptureList),
        }
    }
}

/// A format of log lines.
#[derive(Debug, Clone)]
pub(crate) struct LogFormat(LineLayout);

/// The kinds of formats.
#[derive(Debug, Clone)]
enum LineLayout {
    Text(Vec<FormatPart>),
    Json(JsonFormat),
}

impl LogFormat {
    /// Compiles the value of a `log-format` line.
    ///
    /// # Errors
    /// Returns an error for a format that is not valid, or whose lines cannot be split.
    pub(crate) fn compile(format: &str) -> Result<Self, LogFormatError> {
        let mut compiler = Compiler { format, place: 0, parts: Vec::new(), text: Vec::new(), json: None };
        compiler.run()?;
        let is_figure = |one: &Variable| matches!(one, Variable::Status | Variable::ResponseTime | Variable::TotalTime);
        let has_figure = match &compiler.json {
            Some(named) => named.iter().any(|(_, variable)| is_figure(variable)),
            None => compiler.parts.iter().any(|part| matches!(part, FormatPart::Value(one, _) if is_figure(one))),
        };
        if !has_figure {
            return Err(LogFormatError::NoFigures);
        }
        Ok(Self(compiler.json.map_or(LineLayout::Text(compiler.parts), |named| LineLayout::Json(JsonFormat(named)))))
    }

    /// Reads a request from a line without the header of syslog; `None` if the line has another format.
    ///
    /// Of a line that was cut within its request, the beginning of the request counts. Lines that were cut within captured
    /// headers or the numbers before them count without a request.
    pub(crate) fn parse<'l>(&self, line: &'l [u8]) -> Option<Request<'l>> {
        let parts = match &self.0 {
            LineLayout::Text(parts) => parts,
            LineLayout::Json(json) => return json.parse(line.trim_ascii_end()),
        };
        let mut fields = Fields::default();
        let (mut rest, mut is_after_blank) = (line.trim_ascii_end(), false);
        let mut parts = parts.iter();
        while let Some(part) = parts.next() {
            if rest.is_empty() && part.may_be_absent() && parts.as_slice().iter().all(FormatPart::may_be_absent) {
                break;
            }
            match part {
                FormatPart::Text(text) => {
                    // HAProxy prints one blank where captures between two blanks are absent.
                    let without_blank = text.strip_prefix(b" ").filter(|_| is_after_blank);
                    let after = strip_text(rest, text).or_else(|| strip_text(rest, without_blank?));
                    let Some(after) = after else { return cut_request(&fields, rest) };
                    rest = after;
                    is_after_blank = text.ends_with(b" ");
                }
                FormatPart::Value(_, true) if !rest.starts_with(b"\"") => return cut_request(&fields, rest),
                FormatPart::Value(variable, _) => {
                    let next = parts.as_slice();
                    let (value, after) = match split_value(*variable, rest, next) {
                        Some(Split::At(value, after)) => (value, after),
                        // What is last may be absent, with the blank before it.
                        None if next.iter().all(FormatPart::may_be_absent) && !rest.contains(&b' ') => (rest, &[][..]),
                        None => return cut_request(&fields, rest),
                        Some(Split::Cut(beginning)) => {
                            fields.set(*variable, beginning);
                            return Request::new(&fields);
                        }
                    };
                    fields.set(*variable, value);
                    is_after_blank &= value.is_empty() && *variable == Variable::Captures;
                    rest = after;
                }
            }
        }
        if rest.is_empty() { Request::new(&fields) } else { None }
    }
}

/// Returns the request of a line that was cut after everything that is counted, within numbers or captured headers; `rest` is
/// what could not be split.
fn cut_request<'l>(fields: &Fields<'l>, rest: &[u8]) -> Option<Request<'l>> {
    let flags = fields.get(Variable::Flags)?;
    let are_flags =
        matches!(flags.len(), 2 | 4) && flags.iter().all(|flag| flag.is_ascii_alphabetic() || *flag == b'-');
    let is_cut = rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'/');
    if are_flags && is_cut { Request::new(fields) } else { None }
}

/// The value of a variable at the beginning of a text.
enum Split<'l> {
    /// The value and the text after it.
    At(&'l [u8], &'l [u8]),
    /// The beginning of a value in which the line was cut.
    Cut(&'l [u8]),
}

impl<'l> Split<'l> {
    fn after(text: &'l [u8], length: usize) -> Self {
        let (value, rest) = text.split_at(length);
        Self::At(value, rest)
    }
}

/// Splits the value of a variable from the rest of a line; `None` if it does not fit. `next` are the parts of the format after
/// the variable.
fn split_value<'l>(variable: Variable, rest: &'l [u8], next: &[FormatPart]) -> Option<Split<'l>> {
    let until =
        next.first().and_then(|part| if let FormatPart::Text(text) = part { Some(text.as_slice()) } else { None });
    if variable == Variable::Captures {
        if !rest.starts_with(b"{") {
            return Some(Split::At(&[], rest));
        }
        let Some(close) = find(rest, b"}", until.unwrap_or_default(), 0) else {
            let is_cut = memchr::memchr(b'}', rest).is_none_or(|close| close + 1 == rest.len());
            return is_cut.then_some(Split::Cut(rest));
        };
        return Some(Split::after(rest, close + 1));
    }
    if variable == Variable::Date {
        return log_date::length(rest).map(|length| Split::after(rest, length));
    }
    if variable == Variable::CaptureList {
        return Some(Split::after(rest, list_length(rest)));
    }
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        // HAProxy writes quotes within a value as #22.
        return match memchr::memchr(b'"', quoted) {
            Some(end) => Some(Split::At(&quoted[..end], &quoted[end + 1..])),
            None if matches!(variable, Variable::RequestLine | Variable::Uri) => Some(Split::Cut(quoted)),
            None => None,
        };
    }
    let Some(until) = until else { return Some(Split::At(rest, &[])) };
    let end = match (variable, next) {
        // An IPv6 address contains colons, too: the last one before the port ends it.
        (Variable::Client | Variable::Other, [_, FormatPart::Value(Variable::Port, _), after, ..]) if until == b":" => {
            let FormatPart::Text(after) = after else { return None };
            let end = memchr::memrchr(b':', &rest[..find(rest, after, b"", 0)?])?;
            if rest[..end].contains(&b' ') {
                return None;
            }
            end
        }
        (Variable::RequestLine, _) if !rest.starts_with(b"<") => {
            let method = memchr::memchr(b' ', rest)?;
            let Some(uri) = memchr::memchr(b' ', &rest[method + 1..]) else { return Some(Split::Cut(rest)) };
            find(rest, until, b"", method + 1 + uri + 1)?
        }
        _ if variable.may_have_blanks() => find(rest, until, b"", 0)?,
        _ => word_length(rest, until)?,
    };
    Some(Split::after(rest, end))
}

/// Returns the text after a prefix, which mostly is a single character.
fn strip_text<'l>(rest: &'l [u8], text: &[u8]) -> Option<&'l [u8]> {
    match (text, rest) {
        ([only], [first, rest @ ..]) => (only == first).then_some(rest),
        _ => rest.strip_prefix(text),
    }
}

/// Returns the length of a value without blanks before a text. Most values have few bytes, so that a loop is faster than a
/// search that prepares itself.
fn word_length(rest: &[u8], until: &[u8]) -> Option<usize> {
    let first = *until.first()?;
    let place = rest.iter().position(|byte| *byte == first || *byte == b' ')?;
    if strip_text(&rest[place..], until).is_some() {
        return Some(place);
    }
    let length = find(rest, until, b"", place)?;
    (memchr::memchr(b' ', &rest[..length]).is_none()).then_some(length)
}

/// Returns the length of quoted texts with single blanks between them.
fn list_length(text: &[u8]) -> usize {
    let mut length = 0;
    loop {
        let start = if length > 0 { length + 1 } else { 0 };
        let Some(quoted) = text.get(start..).and_then(|rest| rest.strip_prefix(b"\"")) else { return length };
        let Some(end) = memchr::memchr(b'"', quoted) else { return length };
        if start > 0 && text[length] != b' ' {
            return length;
        }
        length = start + end + 2;
    }
}

/// Returns the place of `first` directly followed by `second`, from a place on.
fn find(text: &[u8], first: &[u8], second: &[u8], from: usize) -> Option<usize> {
    let start = *first.first()?;
    let places = memchr::memchr_iter(start, text.get(from..)?).map(|place| place + from);
    places.into_iter().find(|place| {
        strip_text(&text[*place..], first).is_some_and(|rest| second.is_empty() || rest.starts_with(second))
    })
}

/// The state of compiling a format.
struct Compiler<'f> {
    format: &'f str,
    place: usize,
    parts: Vec<FormatPart>,
    text: Vec<u8>,
    /// Names and variables of lines in JSON; `None` for lines of text.
    json: Option<Vec<(String, Variable)>>,
}

impl Compiler<'_> {
    fn run(&mut self) -> Result<(), LogFormatError> {
        while let Some(byte) = self.peek() {
            self.place += 1;
            match byte {
                b'%' if self.peek() == Some(b'%') => {
                    self.place += 1;
                    self.text.push(b'%');
                }
                b'%' => self.variable()?,
                // HAProxy joins blanks, and writes none at the beginning.
                b' ' if self.text.last() == Some(&b' ') || self.text.is_empty() && self.parts.is_empty() => {}
                other => self.text.push(other),
            }
        }
        while self.text.last() == Some(&b' ') {
            self.text.pop();
        }
        self.finish_text();
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.format.as_bytes().get(self.place).copied()
    }

    fn finish_text(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(FormatPart::Text(std::mem::take(&mut self.text)));
        }
    }

    /// Reads up to the closing character of what was opened at the current place; returns what is between.
    fn enclosed(&mut self, open: char, close: char) -> Result<&str, LogFormatError> {
        let (start, mut depth) = (self.place, 0_usize);
        for (place, ch) in self.format[start..].char_indices() {
            depth += usize::from(ch == open);
            depth -= usize::from(ch == close);
            if depth == 0 {
                self.place = start + place + close.len_utf8();
                return Ok(&self.format[start + open.len_utf8()..start + place]);
            }
        }
        Err(LogFormatError::NotClosed(start, open))
    }

    /// Reads a variable after its `%`: `%(name){flags}X` or `%[expression]`.
    fn variable(&mut self) -> Result<(), LogFormatError> {
        let start = self.place - 1;
        let mut name = String::new();
        if self.peek() == Some(b'(') {
            // A type may follow the name.
            let named = self.enclosed('(', ')')?;
            named.split(':').next().unwrap_or_default().clone_into(&mut name);
        }
        let (mut is_quoted, mut is_json) = (false, false);
        if self.peek() == Some(b'{') {
            let flags = self.enclosed('{', '}')?;
            if flags.contains("+cbor") {
                return Err(LogFormatError::Encoded("CBOR"));
            }
            (is_quoted, is_json) = (flags.contains("+Q"), flags.contains("+json"));
        }
        let variable = if self.peek() == Some(b'[') {
            Variable::from_expression(self.enclosed('[', ']')?)
        } else {
            let rest = &self.format[self.place..];
            let length = rest.find(|ch: char| !ch.is_ascii_alphabetic()).unwrap_or(rest.len());
            if length == 0 {
                return Err(LogFormatError::NoVariable(start));
            }
            self.place += length;
            match &rest[..length] {
                // Only sets flags for the variables after it.
                "o" => {
                    if is_json && self.json.is_none() {
                        self.json = Some(Vec::new());
                    }
                    return Ok(());
                }
                // The query follows the path directly, and begins with its question mark.
                "HQ" if self.text.is_empty() && self.parts.last() == Some(&FormatPart::Value(Variable::Uri, false)) => {
                    return Ok(());
                }
                name => Variable::from_name(name).ok_or_else(|| LogFormatError::UnknownVariable(name.to_owned()))?,
            }
        };
        if let Some(json) = &mut self.json {
            if !name.is_empty() {
                json.push((name, variable));
            }
            return Ok(());
        }
        if is_json {
            return Err(LogFormatError::Encoded("a part in JSON"));
        }
        // Of texts only: numbers have no quotes.
        is_quoted &= matches!(variable, Variable::RequestLine | Variable::Uri | Variable::Method);
        self.finish_text();
        if matches!(self.parts.last(), Some(FormatPart::Value(..))) {
            return Err(LogFormatError::NotSeparated(self.format[start..self.place].to_owned()));
        }
        self.parts.push(FormatPart::Value(variable, is_quoted));
        Ok(())
    }
}
