//! `hapulse show` and `get` with `--at` or `--since`: prints what a recording contains.

use std::io::Write;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use csv::Writer;
use jiff::Zoned;
use serde::Serialize;

use crate::haproxy::safe_text::SafeText;
use crate::headless::local_time::local_time;
use crate::headless::poller::ReportedInstance;
use crate::headless::report::csv as csv_report;
use crate::headless::report::json;
use crate::headless::report::show::{OutputFormat, ShowOptions, print_tables};
use crate::instance::past_moment::{self, PlaybackStep};
use crate::instance::source::RecordedSource;
use crate::instance::state::Instance;
use crate::observe::events::Event;
use crate::observe::instance_id::InstanceId;
use crate::problems::thresholds::Thresholds;
use crate::recording::reader::Recording;

/// Bytes of memory for samples besides those of the recording.
const HISTORY_BYTES: usize = 1 << 20;
/// Maximum time between a moment and the sample before it, in addition to three poll intervals.
const MAX_AGE: Duration = Duration::from_secs(10);

/// A recorded instance.
#[derive(Debug)]
pub(crate) struct PastInstance {
    name: String,
    /// Samples, problems and events of the recording.
    pub(crate) instance: Instance,
}

impl PastInstance {
    /// Makes an instance of a recording. `thresholds` describe its problems.
    ///
    /// # Errors
    /// Returns an error if the recording cannot be read or has no samples.
    pub(crate) fn load(recording: Recording, thresholds: &Thresholds) -> anyhow::Result<Self> {
        let name = SafeText::from(recording.name()).to_string();
        let end = recording.span().map(|span| span.last).with_context(|| format!("{name}: no samples"))?;
        let source = RecordedSource::new(&name, end.monotonic, end.monotonic);
        let mut instance = Instance::new(InstanceId::FIRST, source, HISTORY_BYTES);
        instance.set_thresholds(thresholds.clone());
        instance.adopt_recording(recording, end).with_context(|| format!("cannot read the recording of {name}"))?;
        Ok(Self { name, instance })
    }

    /// Shows the sample at a time of the wall clock. Returns a note if that time is in a short gap.
    ///
    /// # Errors
    /// Returns an error if nothing was recorded at that time.
    pub(crate) fn show(&mut self, at: SystemTime, zone: &Zoned) -> anyhow::Result<Option<String>> {
        let Self { name, instance } = self;
        let asked = local_time(at, zone.time_zone());
        let header = instance.history().header_at_wall(at);
        // What is missing may be in a damaged record.
        let damage = instance.history().reading_failure().map_or(String::new(), |failure| format!("; {failure}"));
        let missing = || {
            if damage.is_empty() {
                format!("nothing was recorded at {asked}")
            } else {
                format!("no sample of {asked} can be read")
            }
        };
        let Some(header) = header else {
            let first = instance
                .history()
                .oldest()
                .map(|first| local_time(first.at.wall, zone.time_zone()))
                .unwrap_or_default();
            anyhow::bail!("{name}: {}; the recording starts at {first}{damage}", missing());
        };
        instance.show_moment(PlaybackStep::Time(header.at));
        let shown = instance.shown().with_context(|| format!("{name}: the sample at {asked} cannot be read"))?;
        let age = at.duration_since(shown.at.wall).unwrap_or_default();
        let last = || local_time(shown.at.wall, zone.time_zone());
        if let Some(lost) = instance.link_loss_after(shown, at) {
            anyhow::bail!("{name}: {} ({lost}); the last sample before is from {}{damage}", missing(), last());
        }
        if age > shown.interval.saturating_mul(3) + MAX_AGE {
            anyhow::bail!("{name}: {}; the last sample before is from {}{damage}", missing(), last());
        }
        let is_gap = past_moment::is_gap(shown, age);
        // The samples of that time may have been in the damaged record.
        if is_gap && !damage.is_empty() {
            anyhow::bail!("{name}: {}; the last sample before is from {}{damage}", missing(), last());
        }
        Ok(is_gap.then(|| format!("{name}: {}: this is the sample from {}", missing(), last())))
    }

    /// Prints a warning about what could not be read so far. Returns whether there was anything: then causes may be missing.
    pub(crate) fn warn(&self) -> bool {
        let failure = self.instance.history().reading_failure();
        if let Some(failure) = &failure {
            eprintln!("hapulse: warning: {}: {}", self.name, SafeText::from(failure.as_str()));
        }
        failure.is_some()
    }

    fn reported(&self) -> ReportedInstance<'_> {
        ReportedInstance { name: &self.name, instance: &self.instance }
    }
}

/// Prints the report of the samples shown, with the names of the instances if there are several.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn print_report(
    options: &ShowOptions,
    instances: &[PastInstance],
    are_several: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let report = options.report.clone().with_default_layout(options.format != OutputFormat::Table);
    let reported: Vec<ReportedInstance<'_>> = instances.iter().map(PastInstance::reported).collect();
    match options.format {
        OutputFormat::Table => print_tables(&reported, are_several, &report, options.layout, out)?,
        OutputFormat::Json => {
            for one in reported {
                writeln!(out, "{}", json::report_line(one, &report)?)?;
            }
        }
        OutputFormat::Csv => out.write_all(&csv_report::render(&reported, &report, options.is_safe_csv)?)?,
    }
    Ok(out.flush()?)
}

/// An event, as JSON and CSV print it.
#[derive(Debug, Serialize)]
struct ReportedEvent<'a> {
    instance: &'a str,
    at: String,
    name: &'a str,
    text: String,
}

/// Prints the events from a time of the wall clock on, oldest first: as lines, as one JSON object per line, or as CSV.
///
/// # Errors
/// Returns an error if writing fails.
pub(crate) fn print_events(
    since: SystemTime,
    format: OutputFormat,
    instances: &[PastInstance],
    are_several: bool,
    zone: &Zoned,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut events: Vec<(&PastInstance, &Event)> = Vec::new();
    for one in instances {
        let all = one.instance.all_events().newest_first().filter(|event| event.at.wall >= since);
        events.extend(all.map(|event| (one, event)));
    }
    events.sort_by_key(|(_, event)| event.at.wall);
    let mut csv = Writer::from_writer(Vec::new());
    for (one, event) in events {
        if format == OutputFormat::Table {
            let name = if are_several { format!("{}  ", one.name) } else { String::new() };
            writeln!(out, "{}  {name}{}", local_time(event.at.wall, zone.time_zone()), event.line())?;
            continue;
        }
        let at = jiff::Timestamp::try_from(event.at.wall).map(|at| format!("{at:.3}")).unwrap_or_default();
        let text = event.kind.to_string();
        let printed = ReportedEvent { instance: &one.name, at, name: &event.name, text };
        if format == OutputFormat::Json {
            writeln!(out, "{}", serde_json::to_string(&printed)?)?;
        } else {
            csv.serialize(printed)?;
        }
    }
    out.write_all(&csv.into_inner()?)?;
    Ok(out.flush()?)
}
