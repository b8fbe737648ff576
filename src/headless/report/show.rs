//! `hapulse show`: one look at HAProxy, or two where one would not do, printed.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;

use crate::headless::exit_code::Code;
use crate::headless::poller::Lookout;
use crate::headless::pollers::{self, Looked};
use crate::headless::print::until_nobody_reads;
use crate::headless::report::csv;
use crate::headless::report::json;
use crate::headless::report::report::Picture;
use crate::headless::report::table;
use crate::headless::report::table::Paper;

/// Time between the two looks that rates take, where nothing else is said.
pub const OVER: Duration = Duration::from_secs(1);

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// To be read
    Table,
    /// One JSON object for each HAProxy, a line each
    Json,
    /// A header and rows
    Csv,
}

/// What is asked for.
#[derive(Debug)]
pub struct Asked {
    /// What is printed.
    pub picture: Picture,
    /// How.
    pub format: Format,
    /// How long to look; as long as it takes where it is not said.
    pub over: Option<Duration>,
    /// Time between two looks.
    pub every: Duration,
    /// What a table is printed on.
    pub paper: Paper,
}

/// Looks, and prints to `out` what was seen and to `aside` what went wrong.
///
/// # Errors
/// When nothing can be printed, or the system does not let it begin. That nobody reads any more is no error.
pub fn run(asked: &Asked, lookouts: Vec<Lookout>, out: &mut dyn Write, aside: &mut dyn Write) -> anyhow::Result<Code> {
    let picture = asked.picture.clone().laid_out(asked.format != Format::Table);
    let over = asked.over.unwrap_or(if picture.spans() { OVER } else { Duration::ZERO });
    let looked = pollers::look(lookouts, over, asked.every)?;
    let printed = match asked.format {
        Format::Table => print_tables(&looked, &picture, asked.paper, out),
        Format::Json => print_json(&looked, &picture, out),
        Format::Csv => {
            let seen: Vec<&Lookout> =
                looked.iter().filter(|(_, looked)| looked.is_ok()).map(|(lookout, _)| lookout).collect();
            if seen.is_empty() { Ok(()) } else { out.write_all(&csv::text(&seen, &picture)?) }
        }
    };
    until_nobody_reads(printed.and_then(|()| out.flush())).context("cannot print")?;
    let mut code = Code::Done;
    for (lookout, looked) in &looked {
        if let Err(failure) = looked {
            pollers::tell(&lookout.name, failure, aside);
            code = Code::Unreachable;
        }
    }
    Ok(code)
}

/// Each below the other, with its name above it where there are several.
fn print_tables(looked: &[Looked], picture: &Picture, paper: Paper, out: &mut dyn Write) -> std::io::Result<()> {
    let mut is_first = true;
    for (lookout, _) in looked.iter().filter(|(_, looked)| looked.is_ok()) {
        if !std::mem::take(&mut is_first) {
            writeln!(out)?;
        }
        // The line about the process begins with the name.
        if looked.len() > 1 && !(picture.info && picture.rows.is_some()) {
            writeln!(out, "{}:", lookout.name)?;
        }
        table::lines(lookout, picture, paper).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

fn print_json(looked: &[Looked], picture: &Picture, out: &mut dyn Write) -> std::io::Result<()> {
    for (lookout, looked) in looked {
        let line = match looked {
            Ok(_) => json::seen(lookout, picture)?,
            Err(failure) => json::lost(lookout, failure)?,
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}
