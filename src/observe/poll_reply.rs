//! Reads the reply to `show info;show stat` while it arrives.
//!
//! The rows of a large reply are parsed in parts, and parsed bytes are discarded, so that the memory for a reply does
//! not depend on its size. A reply that cannot become valid is rejected early.

use thiserror::Error;

use crate::haproxy::address::Address;
use crate::haproxy::connection::RequestError;
use crate::haproxy::connection_hints::not_stats_socket_hint;
use crate::haproxy::info::{InfoError, ProcessInfo};
use crate::haproxy::reply::{self, EndFinder, Reply};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{StatError, StatParser, StatTable};

/// The error for a poll that produced no sample.
#[derive(Debug, Error)]
pub(crate) enum PollError {
    /// The connection failed or no reply arrived.
    #[error(transparent)]
    Connection(#[from] RequestError),
    /// The reply is not a valid `show info`.
    #[error(transparent)]
    Info(#[from] InfoError),
    /// The reply is not a valid `show stat`.
    #[error(transparent)]
    Stat(#[from] StatError),
    /// The reply is from the master process, which has no statistics.
    #[error("this is a master socket, which does not support \"show stat\"")]
    MasterSocket,
    /// The connection ended before both replies were complete.
    #[error("the reply was truncated after {0} bytes")]
    Truncated(usize),
    /// The reply is not from a stats socket; it begins with this text.
    #[error("not a stats socket: the reply begins with \"{0}\"")]
    OtherProgram(SafeText),
    /// HAProxy refused the command, with this message.
    #[error("HAProxy refused: {0}")]
    Refused(SafeText),
}

impl PollError {
    pub(crate) fn hint(&self, address: &Address) -> Option<String> {
        match self {
            Self::Connection(error) => error.hint(address),
            Self::MasterSocket => {
                Some("use the socket of a \"stats socket\" line instead of the one given to haproxy -S".to_owned())
            }
            Self::Info(_) | Self::OtherProgram(_) => Some(not_stats_socket_hint(address)),
            _ => None,
        }
    }
}

/// Maximum size of the replies before `show stat`, in bytes. 3.4 sends 2,500 bytes for `show info`.
const MAX_INFO_BYTES: usize = 256 << 10;
/// Number of unparsed bytes from which the rows are parsed although the reply continues.
const CHUNK_BYTES: usize = 1 << 20;

/// The replies before the one to `show stat`.
struct Head {
    /// Size in bytes.
    size: usize,
    info: Result<ProcessInfo, PollError>,
    /// The error if the reply to `show stat` is missing.
    refusal: PollError,
}

/// The reply to one poll, of which the beginning may have been parsed.
pub(crate) struct PollReply<'a> {
    leading_replies: usize,
    /// True if rows are parsed as soon as they arrive.
    is_eager: bool,
    info_end: EndFinder,
    /// The replies before the one to `show stat`, once they are complete.
    head: Option<Head>,
    stat_parser: StatParser<'a>,
    /// Number of unparsed bytes from which parsing is tried again.
    next_try: usize,
    /// Last parsed byte of the reply to `show stat`.
    last_parsed: Option<u8>,
    /// Number of bytes that have been removed from the buffer.
    removed: usize,
    error: Option<PollError>,
}

impl<'a> PollReply<'a> {
    /// Creates a reader. `leading_replies` is the number of replies that precede the one to `show info`. If `is_eager`
    /// is set, rows are parsed as soon as they arrive, which takes more CPU time.
    pub(crate) fn new(leading_replies: usize, is_eager: bool, stat_parser: StatParser<'a>) -> Self {
        let next_try = if is_eager { 0 } else { CHUNK_BYTES };
        let info_end = EndFinder::new(leading_replies + 1);
        let (head, last_parsed, removed, error) = (None, None, 0, None);
        Self { leading_replies, is_eager, info_end, head, stat_parser, next_try, last_parsed, removed, error }
    }

    /// Parses what can be parsed of the bytes that have arrived, and removes it from `buffer`. Returns false if the
    /// reply is invalid, so that reading more is useless.
    pub(crate) fn receive(&mut self, buffer: &mut Vec<u8>) -> bool {
        if self.head.is_none() {
            match self.info_end.find(buffer) {
                Some(end) => {
                    self.head = Some(Head::parse(&buffer[..end], self.leading_replies));
                    self.remove(buffer, end);
                }
                None if buffer.len() > MAX_INFO_BYTES => {
                    self.error = Some(endless_info(buffer));
                    return false;
                }
                None => return true,
            }
        }
        if buffer.len() < self.next_try.max(2) {
            return true;
        }
        if let Some(Head { info: Err(_), .. }) = &self.head {
            return false;
        }
        if self.last_parsed.is_none() {
            let prefix = buffer.len() - reply::without_severity(buffer).len();
            self.remove(buffer, prefix);
        }
        match self.stat_parser.feed(buffer) {
            Ok(parsed) => {
                self.last_parsed = parsed.checked_sub(1).map(|last| buffer[last]).or(self.last_parsed);
                self.remove(buffer, parsed);
                // Read an incomplete row again only after it has doubled, so that each byte is read few times.
                self.next_try = if self.is_eager { buffer.len() * 2 } else { CHUNK_BYTES.max(buffer.len() * 2) };
                true
            }
            Err(error) => {
                self.error = Some(self.stat_error(error, buffer));
                false
            }
        }
    }

    /// Removes the first `count` bytes of the buffer.
    fn remove(&mut self, buffer: &mut Vec<u8>, count: usize) {
        buffer.drain(..count);
        self.removed += count;
    }

    /// Returns the process information and the table of the complete reply, and its size in bytes. `rest` are the bytes
    /// that [`Self::receive`] left in the buffer.
    ///
    /// # Errors
    /// Returns an error if the reply is incomplete or invalid.
    pub(crate) fn finish(self, rest: &[u8]) -> Result<(ProcessInfo, StatTable, usize), PollError> {
        let size = self.removed + rest.len();
        if let Some(error) = self.error {
            return Err(error);
        }
        let Some(head) = self.head else { return Err(refusal(rest, self.leading_replies)) };
        let stat = Reply::from_connection(rest);
        if self.last_parsed.is_none() {
            if rest.is_empty() {
                return Err(head.refusal);
            }
            if stat.is_unknown_command() {
                return Err(PollError::MasterSocket);
            }
        }
        let info = head.info?;
        let (text, is_complete) = match (self.last_parsed, rest) {
            (None, _) => (stat.text(), stat.is_complete()),
            (Some(last), b"\n") => (&rest[..0], last == b'\n'),
            (Some(_), [text @ .., b'\n', b'\n']) => (&rest[..=text.len()], true),
            (Some(_), _) => (rest, false),
        };
        if !is_complete {
            return Err(StatError::Cut(size - head.size).into());
        }
        Ok((info, self.stat_parser.finish(text)?, size))
    }

    /// Returns the error for a reply to `show stat` that begins with `bytes`.
    fn stat_error(&self, error: StatError, bytes: &[u8]) -> PollError {
        let is_unknown = self.last_parsed.is_none() && Reply::from_connection(bytes).is_unknown_command();
        if is_unknown { PollError::MasterSocket } else { error.into() }
    }
}

impl Head {
    /// Parses the replies before the one to `show stat`.
    fn parse(bytes: &[u8], leading_replies: usize) -> Self {
        let replies = reply::split(bytes, leading_replies + 1);
        let info = match replies.get(leading_replies) {
            Some(info) if info.is_unknown_command() => Err(PollError::MasterSocket),
            Some(info) => ProcessInfo::parse(info.text()).map_err(PollError::from),
            None => Err(PollError::Truncated(bytes.len())),
        };
        Self { size: bytes.len(), info, refusal: refusal(bytes, leading_replies) }
    }
}

/// Returns the error for a connection that ended with these bytes, before the reply to `show stat`.
fn refusal(bytes: &[u8], leading_replies: usize) -> PollError {
    match reply::split(bytes, leading_replies + 1).first() {
        Some(reply) if reply.is_denied() => PollError::Refused(SafeText::new(reply.text().trim_ascii())),
        _ if !may_be_info(bytes) => other_program(bytes),
        _ => PollError::Truncated(bytes.len()),
    }
}

/// Returns the error for a reply to `show info` that does not end.
fn endless_info(bytes: &[u8]) -> PollError {
    let start = || SafeText::new(bytes[..60].trim_ascii());
    if may_be_info(bytes) { InfoError::NoPid(start()).into() } else { other_program(bytes) }
}

fn other_program(bytes: &[u8]) -> PollError {
    PollError::OtherProgram(SafeText::new(&bytes[..bytes.len().min(12)]))
}

/// Returns true if the bytes may be the start of the reply to `show info`, after empty replies to commands before it.
fn may_be_info(bytes: &[u8]) -> bool {
    const START: &[u8] = b"Name: ";
    let start = bytes.trim_ascii_start();
    start.starts_with(START) || START.starts_with(start)
}
