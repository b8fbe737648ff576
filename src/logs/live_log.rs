//! A log that is followed, and the requests of its last minutes.

use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::haproxy::safe_text::SafeText;
use crate::logs::follow::followed_file::{FollowStep, FollowedFile};
use crate::logs::follow::request_times::{RequestAge, RequestTimes};
use crate::logs::line_reader::LineReader;
use crate::logs::window::request_window::{MAX_SPAN, RequestWindow};
use crate::logs::window::window_question::WindowQuestion;
use crate::logs::window::window_report::{self, WindowReport};

/// Number of lines without a request from which the format counts as unknown.
const MIN_UNKNOWN: u64 = 20;

/// Numbers of lines since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LineCounts {
    /// Lines that were read.
    pub(crate) lines: u64,
    /// Lines that are no requests in a known format.
    pub(crate) unread: u64,
    /// Requests from before the start of which the time is unknown, which are not counted.
    pub(crate) undated: u64,
    /// Requests whose lines were new, but whose times are before the span, which are not counted either.
    pub(crate) late: u64,
    /// Number of times that lines may have been lost, because the file was truncated.
    pub(crate) gaps: u64,
}

impl LineCounts {
    /// Returns whether no line so far is a request, although there are enough lines to say so.
    pub(crate) fn has_unknown_format(&self) -> bool {
        self.lines >= MIN_UNKNOWN && self.unread == self.lines
    }
}

/// The state of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LogStatus {
    /// Path of the file; `None` if none is followed.
    pub(crate) path: Option<SafeText>,
    /// Numbers of lines.
    pub(crate) counts: LineCounts,
    /// The reason why it has no requests, if there is one.
    pub(crate) problem: Option<LogProblem>,
}

/// A reason why a log has no requests, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogProblem {
    /// The reason.
    pub(crate) what: String,
    /// Remedy, in one or more lines.
    pub(crate) fix: String,
}

/// The state of a log, and an answer about its requests.
#[derive(Debug, Clone, PartialEq)]
pub struct LogUpdate {
    /// Time of the answer in milliseconds since 1970.
    pub(crate) at: i64,
    /// State of the log.
    pub(crate) status: LogStatus,
    /// Answer to the last question; `None` without a log.
    pub(crate) report: Option<WindowReport>,
}

/// A log that is followed.
#[derive(Debug)]
pub(crate) struct LiveLog {
    file: FollowedFile,
    reader: LineReader,
    times: RequestTimes,
    window: RequestWindow,
    counts: LineCounts,
    /// True while lines are read that were written before the start.
    is_reading_past: bool,
}

impl LiveLog {
    /// Prepares to follow a log. `zone` is that of its times.
    pub(crate) fn new(path: &Path, reader: LineReader, zone: TimeZone) -> Self {
        Self {
            file: FollowedFile::new(path),
            reader,
            times: RequestTimes::new(zone, MAX_SPAN.as_millis() as u32),
            window: RequestWindow::default(),
            counts: LineCounts::default(),
            is_reading_past: true,
        }
    }

    /// Returns the path of the log.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads what is new. `now` is a monotonic time later than [`MAX_SPAN`], and `wall` the time in milliseconds since 1970.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub(crate) fn read(&mut self, now: Duration, wall: i64) -> io::Result<FollowStep> {
        let Self { file, reader, times, window, counts, is_reading_past } = self;
        window.begin_at(now);
        let step = file.read(now, &mut |line| {
            counts.lines += 1;
            let Some(request) = reader.read(line) else {
                counts.unread += 1;
                return;
            };
            let age = if *is_reading_past { times.age(&request, wall) } else { times.live_age(&request, wall) };
            let reached = match age {
                RequestAge::Recent(age) => {
                    window.add(&request, age, now);
                    Duration::from_millis(u64::from(age))
                }
                RequestAge::Old => {
                    counts.late += u64::from(!*is_reading_past);
                    MAX_SPAN
                }
                RequestAge::Unknown => {
                    counts.undated += 1;
                    return;
                }
            };
            if *is_reading_past {
                window.begin_at(now.saturating_sub(reached));
            }
        })?;
        counts.gaps = file.gaps();
        *is_reading_past &= step.has_more;
        window.drop_old(now);
        Ok(step)
    }

    /// Returns the state of the log. `step` is the result of the last reading.
    pub(crate) fn status(&self, step: FollowStep) -> LogStatus {
        let path = SafeText::from(self.file.path());
        let problem = if !step.exists && self.window.count() == 0 {
            Some(LogProblem {
                what: format!("{path} does not exist"),
                fix: "hapulse waits for it; if HAProxy writes its log to another file, name that one with --log FILE"
                    .to_owned(),
            })
        } else if self.counts.has_unknown_format() {
            Some(LogProblem {
                what: format!("none of the {} lines in {path} is a request in a known format", self.counts.lines),
                fix: format!(
                    "put this line into the defaults section of haproxy.cfg, and reload HAProxy:\n    option httplog\n\
                     hapulse logs --unread {path} prints the lines"
                ),
            })
        } else {
            None
        };
        LogStatus { path: Some(path), counts: self.counts, problem }
    }

    /// Answers a question about the requests of the last minutes.
    pub(crate) fn answer(&self, question: &WindowQuestion, now: Duration) -> WindowReport {
        window_report::answer(&self.window, question, now)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::logs::request::Phase;
    use crate::logs::request_filter::RequestFilter;
    use crate::logs::window::window_question::{GroupRank, ReportSubject};

    fn line(minute: u32, status: u16) -> String {
        format!(
            "10.0.0.1:4711 [29/Nov/2026:07:{minute:02}:00.000] web app/s1 0/0/0/5/5 {status} 100 - - ---- 1/1/0/0/0 0/0 \"GET / \
             HTTP/1.1\"\n"
        )
    }

    #[test]
    fn past_counts_as_far_as_its_times_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("haproxy.log");
        let undated = "10.0.0.1 200 5\n";
        fs::write(&path, [&line(1, 200), &line(9, 404), undated, "Server app/s1 is UP\n", &line(12, 500)].concat())
            .unwrap();
        let reader = LineReader::new(["%ci %ST %Tr"]).unwrap();
        let mut log = LiveLog::new(&path, reader, TimeZone::UTC);
        let wall = "2026-11-29T07:14:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let question = WindowQuestion {
            number: 1,
            subject: ReportSubject::Newest,
            span: MAX_SPAN,
            phase: Phase::Response,
            filter: RequestFilter::default(),
            rank: GroupRank::Requests,
        };
        let mut now = Duration::from_secs(1000);
        let step = log.read(now, wall).unwrap();
        let report = log.answer(&question, now);
        assert_eq!((report.covered, report.all.requests, report.all.statuses[4]), (MAX_SPAN, 2, 1));
        assert_eq!(log.status(step).counts, LineCounts { lines: 5, unread: 1, undated: 1, late: 0, gaps: 0 });
        assert_eq!(log.status(step).problem, None);
        // Lines that are written from now on count, also without a time and in another time zone.
        let shifted = line(14, 503).replace(":07:14", ":08:14");
        let more = [&fs::read_to_string(&path).unwrap(), undated, &shifted].concat();
        fs::write(&path, more).unwrap();
        now += Duration::from_secs(1);
        log.read(now, wall + 1000).unwrap();
        let report = log.answer(&question, now);
        assert_eq!(report.requests.iter().map(|request| request.age).collect::<Vec<_>>(), [0, 0, 120_995, 300_995]);
        let short = WindowQuestion { span: Duration::from_mins(1), ..question };
        assert_eq!(log.answer(&short, now).all.requests, 2);
    }
}
