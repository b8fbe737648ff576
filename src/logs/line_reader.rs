//! Reads requests from lines of one or several formats.

use crate::logs::default_formats::DEFAULT_FORMATS;
use crate::logs::framing::Framing;
use crate::logs::log_format::{LogFormat, LogFormatError};
use crate::logs::request::Request;

/// Reads lines: first as those before, then in every other known way, because a file may contain the lines of several
/// frontends and of several syslog daemons.
#[derive(Debug)]
pub(crate) struct LineReader {
    formats: Vec<LogFormat>,
    /// The ways that worked lately: places of formats, the first one first, with headers.
    recent: Vec<(usize, Framing)>,
}

/// Maximum number of ways that are tried before all others.
const MAX_RECENT: usize = 8;

impl LineReader {
    /// Creates a reader of lines in HAProxy's default formats and in these ones. The default formats come first, because they
    /// contain more.
    ///
    /// # Errors
    /// Returns an error with its text for the first format that is not valid.
    pub(crate) fn new<'f>(formats: impl IntoIterator<Item = &'f str>) -> Result<Self, (String, LogFormatError)> {
        let known = DEFAULT_FORMATS.into_iter().map(|(_, format)| format);
        let compile = |format: &str| LogFormat::compile(format).map_err(|error| (format.to_owned(), error));
        let formats = known.chain(formats).map(compile).collect::<Result<_, _>>()?;
        Ok(Self { formats, recent: Vec::new() })
    }

    /// Creates a reader of lines in HAProxy's default formats and in those of these that are valid.
    pub(crate) fn of_valid<'f>(formats: impl IntoIterator<Item = &'f str>) -> Self {
        let known = DEFAULT_FORMATS.into_iter().map(|(_, format)| format);
        let formats = known.chain(formats).filter_map(|format| LogFormat::compile(format).ok()).collect();
        Self { formats, recent: Vec::new() }
    }

    /// Reads a line without its line end; `None` if it does not describe a request in a known format.
    pub(crate) fn read<'l>(&mut self, line: &'l [u8]) -> Option<Request<'l>> {
        let parse = |(format, framing): &(usize, Framing)| self.formats[*format].parse(framing.message(line)?);
        if let Some(request) = self.recent.iter().find_map(parse) {
            return Some(request);
        }
        for (place, format) in self.formats.iter().enumerate() {
            for framing in Framing::ALL {
                if self.recent.contains(&(place, framing)) {
                    continue;
                }
                if let Some(request) = framing.message(line).and_then(|message| format.parse(message)) {
                    if self.recent.len() == MAX_RECENT {
                        self.recent.clear();
                    }
                    self.recent.push((place, framing));
                    self.recent.sort_unstable_by_key(|(place, _)| *place);
                    return Some(request);
                }
            }
        }
        None
    }
}
