//! `hapulse logs`: reads log files of HAProxy and prints figures of groups of requests.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::haproxy::safe_text::SafeText;
use crate::headless::logs::reading_progress::ReadingProgress;
use crate::logs::group_key::GroupKey;
use crate::logs::groups::Groups;
use crate::logs::line_reader::LineReader;
use crate::logs::log_date::DateReader;
use crate::logs::log_file;
use crate::logs::request::{Phase, Request};
use crate::logs::request_filter::RequestFilter;
use crate::logs::time_counts::TimeCounts;

pub(crate) mod log_report;
mod reading_progress;

/// Files to read and requests to count.
#[derive(Debug)]
pub(crate) struct LogOptions {
    /// Files to read, in this order; `-` is standard input.
    pub(crate) files: Vec<PathBuf>,
    /// The property by which requests are grouped.
    pub(crate) key: GroupKey,
    /// The phase whose times are counted.
    pub(crate) phase: Phase,
    /// Which requests count.
    pub(crate) filter: RequestFilter,
    /// Milliseconds since 1970 between which requests count; `None` for all, also those without a time.
    pub(crate) span: Option<RangeInclusive<i64>>,
    /// The zone of times without an offset.
    pub(crate) zone: TimeZone,
    /// True to print the lines that are no requests, instead of figures.
    pub(crate) prints_unread: bool,
    /// True to draw on standard error how much has been read.
    pub(crate) draws_progress: bool,
}

/// Numbers of lines that were counted, and of those that were not, by reason.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReadCounts {
    /// Number of lines.
    pub(crate) lines: u64,
    /// Number of lines that are no requests in a known format.
    pub(crate) unread: u64,
    /// Number of requests that are not counted, because they do not match the filter or are not in the span.
    pub(crate) excluded: u64,
    /// Number of requests that are not counted, because a span is asked for and their lines have no time.
    pub(crate) undated: u64,
}

/// Figures of the lines that were read.
#[derive(Debug)]
pub(crate) struct LogFigures {
    /// Numbers of lines.
    pub(crate) counts: ReadCounts,
    /// Requests by the property.
    pub(crate) groups: Groups,
    /// Times of all requests, in the order of [`Phase::ALL`].
    pub(crate) phases: [TimeCounts; 5],
    /// Files that could not be read to their end, each with the reason.
    pub(crate) failures: Vec<String>,
}

/// Reads all files. `out` gets the lines that are no requests, if the options ask for them.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn read(
    options: &LogOptions,
    reader: &mut LineReader,
    counts_phases: bool,
    out: &mut dyn Write,
) -> io::Result<LogFigures> {
    let mut figures = LogFigures {
        counts: ReadCounts::default(),
        groups: Groups::new(options.key, options.phase),
        phases: Default::default(),
        failures: Vec::new(),
    };
    let mut dates = DateReader::new(options.zone.clone());
    // Returns whether a request is in the span; `None` if its time is unknown.
    let mut is_in_span = |request: &Request<'_>| match &options.span {
        Some(span) => dates.read(request.date).map(|at| span.contains(&at)),
        None => Some(true),
    };
    let mut written = Ok(());
    let mut progress = options.draws_progress.then(|| ReadingProgress::new(&options.files, io::stderr()));
    for path in &options.files {
        let opened = log_file::open(path).and_then(|source| match &progress {
            Some(progress) => log_file::decompress(progress.count(source)),
            None => log_file::decompress(source),
        });
        let source = match opened {
            Ok(source) => source,
            Err(error) => {
                figures.failures.push(format!("cannot read {}: {error}", SafeText::from(path.as_path())));
                continue;
            }
        };
        let LogFigures { counts, groups, phases, .. } = &mut figures;
        let read = log_file::for_each_line(source, |line| {
            counts.lines += 1;
            if let Some(progress) = &mut progress {
                progress.line();
            }
            let Some(request) = reader.read(line) else {
                counts.unread += 1;
                if options.prints_unread && written.is_ok() {
                    written = writeln!(out, "{}", SafeText::new(line));
                }
                return;
            };
            if options.prints_unread {
                return;
            }
            if !options.filter.matches(&request) {
                counts.excluded += 1;
                return;
            }
            match is_in_span(&request) {
                Some(true) => {}
                Some(false) => {
                    counts.excluded += 1;
                    return;
                }
                None => {
                    counts.undated += 1;
                    return;
                }
            }
            if counts_phases {
                for (times, phase) in phases.iter_mut().zip(Phase::ALL) {
                    if let Some(millis) = request.time(phase) {
                        times.add(millis);
                    }
                }
            } else {
                groups.add(&request);
            }
        });
        if let Err(error) = read {
            let name = SafeText::from(path.as_path());
            figures.failures.push(format!("{name}: {error}; the lines before were counted"));
        }
        if written.is_err() {
            break;
        }
    }
    written.map(|()| figures)
}
