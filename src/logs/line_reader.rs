//! Reads requests from lines of one or several formats.

use crate::logs::default_formats::DEFAULT_FORMATS;
use crate::logs::framing::Framing;
use crate::logs::log_format::{LogFormat, LogFormatError};
use crate::logs::request::Request;

/// Reads lines: first as the last one, then in every other known way, because a file may contain the lines of several
/// frontends and of several syslog daemons.
#[derive(Debug)]
pub(crate) struct LineReader {
    formats: Vec<LogFormat>,
    /// The places of the ways that worked lately, the last one first.
    recent: Vec<(usize, Framing)>,
}

/// Number of ways that are tried before all others.
const MAX_RECENT: usize = 4;

impl LineReader {
    /// Creates a reader of lines in these formats and in HAProxy's default formats.
    ///
    /// # Errors
    /// Returns an error with its text for the first format that is not valid.
    pub(crate) fn new<'f>(formats: impl IntoIterator<Item = &'f str>) -> Result<Self, (String, LogFormatError)> {
        let known = DEFAULT_FORMATS.into_iter().map(|(_, format)| format);
        let compile = |format: &str| LogFormat::compile(format).map_err(|error| (format.to_owned(), error));
        let formats = formats.into_iter().chain(known).map(compile).collect::<Result<_, _>>()?;
        Ok(Self { formats, recent: Vec::new() })
    }

    /// Reads a line without its line end; `None` if it does not describe a request in a known format.
    pub(crate) fn read<'l>(&mut self, line: &'l [u8]) -> Option<Request<'l>> {
        for (place, (format, framing)) in self.recent.iter().copied().enumerate() {
            if let Some(request) = framing.message(line).and_then(|message| self.formats[format].parse(message)) {
                self.recent.swap(0, place);
                return Some(request);
            }
        }
        for (place, format) in self.formats.iter().enumerate() {
            for framing in Framing::ALL {
                if self.recent.contains(&(place, framing)) {
                    continue;
                }
                if let Some(request) = framing.message(line).and_then(|message| format.parse(message)) {
                    self.recent.insert(0, (place, framing));
                    self.recent.truncate(MAX_RECENT);
                    return Some(request);
                }
            }
        }
        None
    }
}
