//! `hapulse show` and `get` from recordings: `--at`, `--since` and `--recordings`.

use std::io::{self, BufWriter};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context as _;
use clap::Args;
use jiff::Zoned;

use crate::cli::recordings_arg::{RecordingsArg, parse_moment, parse_past, report_failures, select_instances};
use crate::cli::resolve_settings::report_part;
use crate::config::located::Located;
use crate::config::target::Target;
use crate::headless::exit_code::CommandExit;
use crate::headless::print::ignore_broken_pipe;
use crate::headless::report::contents::ReportPart;
use crate::headless::report::get::{self, GetOptions};
use crate::headless::report::past::{self, PastInstance};
use crate::headless::report::show::{OutputFormat, ShowOptions};
use crate::problems::thresholds::Thresholds;
use crate::recording::reader::Recording;
use crate::recording::snapshot_reader::OpenedRecordings;
use crate::term::waiting_writer::WaitingWriter;

/// The view of `hapulse show --since`.
const EVENTS: &str = "events";
/// Message for this view without a time.
const NO_SINCE: &str = "events are read from recordings: add --since WHEN, such as --since 2h";

/// Options that select a recorded moment.
#[derive(Debug, Clone, Args)]
pub(super) struct PastArgs {
    /// Print what was recorded at this time: 02:13, 3m ago, yesterday 08:00, 2026-11-29T02:13:07Z
    #[arg(long, value_name = "WHEN", overrides_with = "at", allow_hyphen_values = true, conflicts_with = "over")]
    at: Option<String>,
    #[command(flatten)]
    pub(super) recordings: RecordingsArg,
}

/// Selection of what to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PastPart {
    /// A report of a moment.
    Report(ReportPart),
    /// The events.
    Events,
}

impl PastArgs {
    /// Returns true if the command reads recordings instead of a socket.
    pub(super) fn is_used(&self) -> bool {
        self.at.is_some() || self.recordings.given().is_some()
    }

    /// Opens the recordings of the named instances, or of all. Returns a message if a name is unknown.
    pub(super) fn open(
        &self,
        names: &[String],
        configured: &[Located<Target>],
    ) -> anyhow::Result<Result<OpenedRecordings, String>> {
        let OpenedRecordings { recordings, failures } = self.recordings.open()?;
        let selected = select_instances(recordings, names, configured);
        Ok(selected.map(|recordings| OpenedRecordings { recordings, failures }))
    }

    /// Returns the time of `--at`.
    pub(super) fn time(&self, now: &Zoned) -> Result<SystemTime, String> {
        let text = self.at.as_deref().ok_or("--recordings needs a time: add --at WHEN, or events --since WHEN")?;
        parse_moment(text, now).map_err(|error| error.to_string())
    }
}

/// Returns whether an argument of `hapulse show` is the view of recorded events.
pub(super) fn is_events(word: &str) -> bool {
    word.eq_ignore_ascii_case(EVENTS)
}

/// Splits the arguments into the part to print and names of instances. A word that names no view names an instance.
fn split_part_and_names(words: &[String]) -> Result<(PastPart, Vec<String>), String> {
    let (mut part, mut names) = (None, Vec::new());
    for word in words {
        let found = match word.as_str() {
            events if is_events(events) => Some(PastPart::Events),
            other => report_part(other).ok().map(PastPart::Report),
        };
        match found {
            Some(_) if part.is_some() => return Err(format!("only one view can be given, and \"{word}\" is another")),
            Some(found) => part = Some(found),
            None => names.push(word.clone()),
        }
    }
    Ok((part.unwrap_or(PastPart::Report(ReportPart::Dashboard)), names))
}

/// A call of `hapulse show` that reads recordings.
#[derive(Debug)]
pub(super) struct PastRequest {
    /// A view, and names of instances.
    pub(super) words: Vec<String>,
    /// Time from which events are printed.
    pub(super) since: Option<String>,
    /// Output format.
    pub(super) format: OutputFormat,
    /// Moment and recordings.
    pub(super) past: PastArgs,
}

impl PastRequest {
    /// Prints the report or the events. Returns an inner error for an invalid command line.
    pub(super) fn run(
        &self,
        options_for: impl FnOnce(ReportPart) -> Result<ShowOptions, String>,
        thresholds: &Thresholds,
        configured: &[Located<Target>],
    ) -> anyhow::Result<Result<ExitCode, String>> {
        let now = Zoned::now();
        let parsed = split_part_and_names(&self.words).and_then(|(part, names)| {
            let time = match (part, &self.since) {
                (PastPart::Events, Some(since)) => parse_past(since, &now).map_err(|error| error.to_string())?,
                (PastPart::Events, None) => return Err(NO_SINCE.to_owned()),
                (PastPart::Report(_), Some(_)) => return Err("--since needs the view events".to_owned()),
                (PastPart::Report(_), None) => self.past.time(&now)?,
            };
            let options = match part {
                PastPart::Report(part) => Some(options_for(part)?),
                PastPart::Events => None,
            };
            Ok((options, time, names))
        });
        let (options, time, names) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => return Ok(Err(why)),
        };
        let OpenedRecordings { recordings, failures } = match self.past.open(&names, configured)? {
            Ok(opened) => opened,
            Err(why) => return Ok(Err(why)),
        };
        let are_several = recordings.len() + failures.len() > 1;
        let mut is_complete = !report_failures(&failures);
        let mut load = |recording| match load_instance(recording, thresholds, options.is_some().then_some(time), &now) {
            Ok((instance, is_damaged)) => {
                is_complete &= !is_damaged;
                Some(instance)
            }
            // The other instances are printed all the same.
            Err(error) => {
                is_complete = !report_failures(&[format!("{error:#}")]);
                None
            }
        };
        let instances: Vec<PastInstance> = recordings.into_iter().filter_map(&mut load).collect();
        if instances.is_empty() {
            return Ok(Ok(ExitCode::from(CommandExit::Refused.code())));
        }
        let mut out = BufWriter::new(WaitingWriter(io::stdout().lock()));
        let printed = match options {
            Some(options) => past::print_report(&options, &instances, are_several, &mut out),
            None => past::print_events(time, self.format, &instances, are_several, &now, &mut out),
        };
        report_print(printed)?;
        let exit = if is_complete { CommandExit::Done } else { CommandExit::Refused };
        Ok(Ok(ExitCode::from(exit.code())))
    }
}

/// Prints values of a recorded moment.
pub(super) fn get_at(
    options: &GetOptions,
    at: SystemTime,
    recording: Recording,
    now: &Zoned,
) -> anyhow::Result<ExitCode> {
    // A damaged record elsewhere does not change the values of a sample that can be read.
    let instance = load_instance(recording, &Thresholds::default(), Some(at), now)?.0.instance;
    let code = get::print_values(options, &instance, &mut WaitingWriter(io::stdout().lock()), &mut io::stderr())?;
    Ok(ExitCode::from(code.code()))
}

/// Loads a recorded instance, and shows a moment if one is given. Prints a warning about what could not be read, and returns
/// whether there was anything.
fn load_instance(
    recording: Recording,
    thresholds: &Thresholds,
    at: Option<SystemTime>,
    now: &Zoned,
) -> anyhow::Result<(PastInstance, bool)> {
    let mut past = PastInstance::load(recording, thresholds)?;
    if let Some(note) = at.map_or(Ok(None), |at| past.show(at, now))? {
        eprintln!("hapulse: {note}");
    }
    let is_damaged = past.warn();
    Ok((past, is_damaged))
}

/// A closed pipe is not an error.
fn report_print(printed: anyhow::Result<()>) -> anyhow::Result<()> {
    match printed.map_err(anyhow::Error::downcast::<io::Error>) {
        Ok(()) => Ok(()),
        Err(Ok(error)) => ignore_broken_pipe(Err(error)).context("cannot print"),
        Err(Err(other)) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_part_and_names_takes_other_words_as_names() {
        let split = |words: &[&str]| {
            split_part_and_names(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>())
        };
        let names = vec!["lb01".to_owned(), "/run/a.sock".to_owned()];
        assert_eq!(split(&["lb01", "problems", "/run/a.sock"]), Ok((PastPart::Report(ReportPart::Problems), names)));
        assert_eq!(split(&["events"]), Ok((PastPart::Events, vec![])));
        assert!(split(&["events", "info"]).unwrap_err().contains("\"info\" is another"));
    }
}
