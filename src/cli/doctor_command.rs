//! `hapulse doctor`: what is looked at, from the command line's point of view.

use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::resolve;
use crate::cli::targets;
use crate::config::partial_settings::Layer;
use crate::config::search_paths;
use crate::config::settings::Settings;
use crate::config::target::Target;
use crate::headless::doctor::file_checks as files;
use crate::headless::doctor::finding::{self, Finding};
use crate::headless::doctor::haproxy_checks;
use crate::headless::doctor::terminal_checks::Terminal;
use crate::headless::print::until_nobody_reads;
use crate::observe::poll_schedule::Pace;

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    hapulse doctor                         the HAProxy that is found here\n  \
    hapulse doctor /run/haproxy/admin.sock\n\n\
    Only questions are asked; nothing is changed.\n\
    Exit codes: 0 nothing is wrong, 1 something is")]
pub(super) struct DoctorArgs {
    /// Stats sockets: PATH, HOST:PORT, [IPv6]:PORT, or names of the configuration
    #[arg(value_name = "TARGET")]
    targets: Vec<Target>,
    /// Configuration to read in place of the user's file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Looks at everything, and prints what there is to say.
pub(super) fn run(asked: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let places = search_paths::of_process(asked.config.as_deref());
    let read = places.layers(Layer::default(), &search_paths::variable).map_err(anyhow::Error::from);
    let read = read.and_then(|layers| resolve::settings_of(&layers).map(|settings| (layers, settings)));
    let (settings, mut own) = match read {
        Ok((layers, settings)) => {
            let findings = files::configuration(&layers, &settings);
            (settings, findings)
        }
        Err(why) => (Settings::defaults(&search_paths::variable), vec![Finding::wrong(why.to_string())]),
    };
    own.push(files::audit(&settings.audit));
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| (size.ws_col, size.ws_row));
    let terminal = Terminal::of_process(size).examine(settings.theme);
    let mut chapters = vec![("This user".to_owned(), own), ("The terminal".to_owned(), terminal)];
    match targets::find(&asked.targets, None, None, &settings.targets) {
        Ok(found) => {
            for target in found {
                let findings = haproxy_checks::examine(&target.address, Pace::new(settings.interval))?;
                chapters.push((target.label(), findings));
            }
        }
        Err(why) => chapters.push(("HAProxy".to_owned(), vec![Finding::wrong(why.to_string())])),
    }
    until_nobody_reads(finding::print(&chapters, &mut BufWriter::new(io::stdout().lock())))?;
    Ok(if finding::is_wrong(&chapters) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
