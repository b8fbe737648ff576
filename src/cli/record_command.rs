//! Arguments of `hapulse record`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::Args;
use jiff::tz::TimeZone;

use crate::cli::common_args::{PollArgs, usage_error};
use crate::cli::recordings_arg::{report_failures, select_instances};
use crate::cli::resolve_settings::thresholds;
use crate::cli::target_arg::{TARGETS_HELP, TargetArg};
use crate::config::duration;
use crate::config::own_file::PathChoice;
use crate::config::partial_settings::PartialSettings;
use crate::config::retain_limit::RetainLimit;
use crate::config::settings::Settings;
use crate::config::state_dir::{SERVICE_RECORDING_FOLDER, user_recording_folder};
use crate::haproxy::safe_text::{self, SafeText};
use crate::headless::exit_code::CommandExit;
use crate::headless::print::ignore_broken_pipe;
use crate::headless::record::record_options::RecordOptions;
use crate::headless::record::{self, recording_status};
use crate::recording::retention::Retention;
use crate::recording::snapshot_reader::{OpenedRecordings, open_recordings};
use crate::term::waiting_writer::WaitingWriter;

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Records samples, causes and actions of all targets to a folder until a signal stops it. Sends only show info and \
    show stat. A crash loses at most the last 10 seconds. Two recorders cannot use one folder.\n\n\
    Examples:\n  \
    hapulse record                               all configured or local HAProxies, every 2 s\n  \
    hapulse record --dir /srv/rec -i 1 lb01:9999\n  \
    hapulse record --retain 7d --retain 2G       delete what is older than 7 days, and the oldest beyond 2 GiB\n  \
    hapulse record --status                      what is recorded, and whether it goes on; TARGETs select instances\n\n\
    Exit codes: 1 error, or --status and no recorder runs or a record is damaged, 2 invalid usage or configuration, 3 no HAProxy found, \
    128 + N stopped by signal N"
)]
pub(super) struct RecordArgs {
    #[arg(value_name = "TARGET", help = TARGETS_HELP)]
    target_args: Vec<TargetArg>,
    /// Folder of the recordings [default: /var/lib/hapulse as a service, else recordings in the state folder]
    #[arg(long = "dir", value_name = "DIR", overrides_with = "dir")]
    dir: Option<PathBuf>,
    /// Seconds between two samples, at least 0.1; increased automatically if HAProxy replies slowly
    #[arg(short = 'i', long = "interval", value_name = "SECONDS", default_value = "2", value_parser = duration::parse_interval, overrides_with = "interval")]
    interval: Duration,
    /// Delete recordings that are older than an age (7d, 12h) or beyond a total size (2G, 500M); may be given once each
    #[arg(long, value_name = "LIMIT", value_parser = RetainLimit::parse)]
    retain: Vec<RetainLimit>,
    /// Print what is recorded, and whether a recorder runs
    #[arg(long)]
    status: bool,
    #[command(flatten)]
    poll_args: PollArgs,
}

/// Returns the limits, or `None` if there are two of a kind.
fn retention(limits: &[RetainLimit]) -> Option<Retention> {
    let mut retention = Retention::default();
    for limit in limits {
        let is_repeated = match limit {
            RetainLimit::Age(age) => retention.age.replace(*age).is_some(),
            RetainLimit::Size(bytes) => retention.bytes.replace(*bytes).is_some(),
        };
        if is_repeated {
            return None;
        }
    }
    Some(retention)
}

/// Returns the folder of the recordings, and its origin.
fn recording_folder(dir: Option<PathBuf>) -> anyhow::Result<(PathBuf, PathChoice)> {
    if let Some(dir) = dir {
        return Ok((dir, PathChoice::ByCaller));
    }
    // systemd sets this variable for services.
    let is_service = std::env::var_os("INVOCATION_ID").is_some() && std::env::var_os("JOURNAL_STREAM").is_some();
    let folder = if is_service {
        PathBuf::from(SERVICE_RECORDING_FOLDER)
    } else {
        user_recording_folder().context("no folder for recordings without a home directory; use --dir DIR")?
    };
    Ok((folder, PathChoice::Configured))
}

/// Runs the command and returns the exit code.
pub(super) fn run(args: RecordArgs) -> anyhow::Result<ExitCode> {
    let RecordArgs { target_args, dir, interval, retain, status, poll_args } = args;
    let (folder, choice) = recording_folder(dir)?;
    if folder.is_file() {
        let place = SafeText::from(folder.as_path());
        eprintln!("hapulse: --dir must be a folder, and {place} is a file; hapulse replay {place} opens a snapshot");
        return Ok(usage_error());
    }
    let settings = poll_args.load_settings(PartialSettings::default())?;
    if status {
        let named = target_args.iter().map(|target| target.text().to_owned()).chain(poll_args.target_names());
        return print_status(&folder, &named.collect::<Vec<_>>(), &settings);
    }
    let Some(retention) = retention(&retain) else {
        eprintln!(
            "hapulse: --retain was given twice with an age or twice with a size\n  see hapulse record --help for examples"
        );
        return Ok(usage_error());
    };
    let targets = match poll_args.targets_or_report(&target_args, &settings) {
        Ok(targets) => targets,
        Err(code) => return Ok(code),
    };
    let pollers = PollArgs::build_pollers(&targets, interval, &thresholds(&settings, &[])?);
    let options = RecordOptions { folder, choice, retention, audit: settings.audit.path };
    let code = record::run(&options, &targets, pollers)?;
    Ok(ExitCode::from(code.code()))
}

/// Prints what is recorded of these instances, or of all.
fn print_status(folder: &Path, names: &[String], settings: &Settings) -> anyhow::Result<ExitCode> {
    let place = SafeText::from(folder);
    let OpenedRecordings { recordings, failures } = match open_recordings(folder) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            anyhow::bail!("nothing is recorded: {place} does not exist; hapulse record creates it");
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {place}")),
    };
    let mut recordings = match select_instances(recordings, names, &settings.targets) {
        Ok(recordings) => recordings,
        Err(why) => {
            report_failures(&failures);
            eprintln!("hapulse: {}", safe_text::escape_lines(&why));
            return Ok(usage_error());
        }
    };
    let mut text = Vec::new();
    let code = recording_status::print(folder, &mut recordings, SystemTime::now(), &TimeZone::system(), &mut text)?;
    let mut out = WaitingWriter(io::stdout().lock());
    ignore_broken_pipe(out.write_all(&text).and_then(|()| out.flush())).context("cannot print")?;
    let is_complete = !report_failures(&failures);
    Ok(ExitCode::from(if is_complete { code } else { CommandExit::Refused }.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_takes_one_limit_of_each_kind() {
        let (age, bytes) = (RetainLimit::Age(Duration::from_mins(1)), RetainLimit::Size(9));
        let both = Retention { age: Some(Duration::from_mins(1)), bytes: Some(9) };
        assert_eq!(retention(&[bytes, age]), Some(both));
        assert_eq!(retention(&[]), Some(Retention::default()));
        assert_eq!(retention(&[age, bytes, age]), None);
    }
}
