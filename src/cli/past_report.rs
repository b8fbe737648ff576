//! `hapulse show` and `get` from recordings: `--at`, `--since` and `--recordings`.

use std::io::{self, BufWriter};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context as _;
use clap::Args;
use jiff::Zoned;

use crate::cli::recordings_arg::{RecordingsArg, parse_past, select_instances};
use crate::cli::resolve_settings::report_part;
use crate::headless::exit_code::CommandExit;
use crate::headless::print::ignore_broken_pipe;
use crate::headless::report::contents::ReportPart;
use crate::headless::report::get::{self, GetOptions};
use crate::headless::report::past::{self, PastInstance};
use crate::headless::report::show::{OutputFormat, ShowOptions};
use crate::problems::thresholds::Thresholds;
use crate::recording::reader::Recording;
use crate::term::waiting_writer::WaitingWriter;

/// The view of `hapulse show --since`.
const EVENTS: &str = "events";

/// Options that select a recorded moment.
#[derive(Debug, Clone, Args)]
pub(super) struct PastArgs {
    /// Print what was recorded at this time: 02:13, 3m ago, yesterday 08:00, 2026-11-29T02:13:07Z
    #[arg(long, value_name = "WHEN", overrides_with = "at", allow_hyphen_values = true, conflicts_with = "over")]
    at: Option<String>,
    #[command(flatten)]
    recordings: RecordingsArg,
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
        self.at.is_some() || self.recordings.is_given()
    }

    /// Opens the recordings of the named instances, or of all. Returns a message if a name is unknown.
    pub(super) fn open(&self, names: &[String]) -> anyhow::Result<Result<Vec<Recording>, String>> {
        Ok(select_instances(self.recordings.open()?, names))
    }

    /// Returns the time of `--at`.
    pub(super) fn time(&self, now: &Zoned) -> Result<SystemTime, String> {
        let text = self.at.as_deref().ok_or("--recordings needs a time: add --at WHEN, or events --since WHEN")?;
        parse_past(text, now).map_err(|error| error.to_string())
    }
}

/// Splits the arguments into the part to print and names of instances. A word that names no view names an instance.
fn split_part_and_names(words: &[String]) -> Result<(PastPart, Vec<String>), String> {
    let (mut part, mut names) = (None, Vec::new());
    for word in words {
        let found = match word.as_str() {
            EVENTS => Some(PastPart::Events),
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
    ) -> anyhow::Result<Result<ExitCode, String>> {
        let now = Zoned::now();
        let parsed = split_part_and_names(&self.words).and_then(|(part, names)| {
            let time = match (part, &self.since) {
                (PastPart::Events, Some(since)) => parse_past(since, &now).map_err(|error| error.to_string())?,
                (PastPart::Events, None) => return Err("events need a time: add --since WHEN".to_owned()),
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
        let recordings = match self.past.open(&names)? {
            Ok(recordings) => recordings,
            Err(why) => return Ok(Err(why)),
        };
        let mut out = BufWriter::new(WaitingWriter(io::stdout().lock()));
        let printed = if let Some(options) = options {
            let instances = load_at(recordings, time, thresholds, &now)?;
            past::print_report(&options, &instances, &mut out)
        } else {
            let load = |recording| PastInstance::load(recording, thresholds);
            let instances: Vec<PastInstance> = recordings.into_iter().map(load).collect::<Result<_, _>>()?;
            instances.iter().for_each(PastInstance::warn);
            past::print_events(time, self.format, &instances, &now, &mut out)
        };
        report_print(printed).map(Ok)
    }
}

/// Prints values of a recorded moment.
pub(super) fn get_at(
    options: &GetOptions,
    at: SystemTime,
    recording: Recording,
    now: &Zoned,
) -> anyhow::Result<ExitCode> {
    let instance = load_at(vec![recording], at, &Thresholds::default(), now)?.pop().context("no recording")?.instance;
    let code = get::print_values(options, &instance, &mut WaitingWriter(io::stdout().lock()), &mut io::stderr())?;
    Ok(ExitCode::from(code.code()))
}

fn load_at(
    recordings: Vec<Recording>,
    at: SystemTime,
    thresholds: &Thresholds,
    now: &Zoned,
) -> anyhow::Result<Vec<PastInstance>> {
    let load = |recording| {
        let mut past = PastInstance::load(recording, thresholds)?;
        past.show(at, now)?;
        past.warn();
        Ok(past)
    };
    recordings.into_iter().map(load).collect()
}

/// A closed pipe is not an error.
fn report_print(printed: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    let printed = match printed.map_err(anyhow::Error::downcast::<io::Error>) {
        Ok(()) => Ok(()),
        Err(Ok(error)) => ignore_broken_pipe(Err(error)).context("cannot print"),
        Err(Err(other)) => Err(other),
    };
    printed.map(|()| ExitCode::from(CommandExit::Done.code()))
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
