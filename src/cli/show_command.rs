//! What may stand behind `hapulse show`.

use std::io::{self, BufWriter};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::common_args::{EVERY, Looking, no_target, paper, remember, usage};
use crate::cli::resolve::thresholds;
use crate::config::duration;
use crate::config::located::Said;
use crate::config::target::Target;
use crate::headless::report::report::{BadPicture, Choice, Part, Picture};
use crate::headless::report::show::{self, Asked, Format};

#[derive(Debug, Clone, Args)]
#[command(
    after_help = "VIEW is a view by its digit or name: dashboard (0), status (1), traffic (2), http (3), errors (4), latency (6), away; or problems, or info. Every other word is a TARGET.\n\n\
    Examples:\n  \
    hapulse show                                         process, problems and rows of the HAProxy that runs here\n  \
    hapulse show latency --sort -rtime --flat            the slowest first\n  \
    hapulse show status --filter 'status:down | qcur>0'  what is down or queues\n  \
    hapulse show --format csv --columns all > rows.csv   every field of show stat\n  \
    hapulse show --format json info lb01:9999 eu=lb02:9999\n  \
    hapulse show away                                    servers in maintenance or drain, and by whom\n\n\
    Nothing but show info and show stat is sent. docs/json.md describes the JSON.\n\n\
    Exit codes: 0 fine, 1 error, 2 usage or configuration, 3 HAProxy does not answer"
)]
pub(super) struct ShowArgs {
    /// A view, and stats sockets: PATH, HOST:PORT, [IPv6]:PORT, or NAME= and one of these
    #[arg(value_name = "VIEW|TARGET")]
    words: Vec<String>,
    /// A table is to be read; csv and json are for programs
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    choosing: Choosing,
    /// Looks twice, so far apart [default: 1s where something a second or a problem is to be shown, else 0s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    over: Option<Duration>,
    #[command(flatten)]
    looking: Looking,
}

/// Which rows and columns.
#[derive(Debug, Clone, Args)]
pub(super) struct Choosing {
    /// Columns in place of the view's own, by their names in :cols, such as scur,rtime,bin/s; or all
    #[arg(long, value_name = "NAME,…")]
    columns: Option<String>,
    /// Only these rows, in the words of /: 'status:down', 'qcur>0 !backup', 'proxy=www,api'
    #[arg(long, value_name = "WORDS")]
    filter: Option<String>,
    /// Sorted by a column; with - in front, the largest first
    #[arg(long, value_name = "[-]COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Every row for itself, as csv and json have it
    #[arg(long, conflicts_with = "tree")]
    flat: bool,
    /// Servers below their backend, as a table has it
    #[arg(long)]
    tree: bool,
}

impl Choosing {
    /// What is to be printed of this.
    pub(super) fn picture(self, part: Part) -> Result<Picture, BadPicture> {
        let Self { columns, filter, sort, flat, tree } = self;
        Picture::new(part, &Choice { columns, filter, sort, flat: (flat || tree).then_some(flat) })
    }
}

/// A word that cannot be an address, or the name of one, is meant for a view.
fn may_be_view(word: &str) -> bool {
    !word.contains(['/', ':', '=', '.', '~', '@'])
}

/// The view and the targets among these words; the configuration gives some targets names.
fn told_apart(words: &[String], configured: &[Said<Target>]) -> Result<(Part, Vec<Target>), String> {
    let is_known = |word: &str| configured.iter().any(|said| said.name == word);
    let (views, others): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| may_be_view(word) && !is_known(word));
    let part = match views.as_slice() {
        [] => Part::Dashboard,
        [view] => view.parse().map_err(|bad: BadPicture| bad.to_string())?,
        [_, second, ..] => return Err(format!("one view at a time; for the socket \"{second}\" write ./{second}")),
    };
    let target = |word: &&String| word.parse::<Target>().map_err(|bad| bad.to_string());
    Ok((part, others.iter().map(target).collect::<Result<_, _>>()?))
}

/// Does it.
pub(super) fn run(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let ShowArgs { words, format, choosing, over, looking } = args;
    let settings = looking.settings()?;
    let asked = told_apart(&words, &settings.targets).and_then(|(part, named)| {
        let picture = choosing.picture(part).map_err(|bad| bad.to_string())?;
        Ok((named, Asked { picture, format, over, every: EVERY, paper: paper(&settings) }))
    });
    let (named, asked) = match asked {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("hapulse: {why}\n  hapulse show --help has examples");
            return Ok(usage());
        }
    };
    let targets = match looking.targets(&named, &settings) {
        Ok(targets) => targets,
        Err(why) => return Ok(no_target(&why)),
    };
    let mut lookouts = Looking::lookouts(&targets, asked.every, &thresholds(&settings.thresholds)?);
    if asked.picture.asks_who() {
        remember(&mut lookouts, &targets, &settings);
    }
    let code = show::run(&asked, lookouts, &mut BufWriter::new(io::stdout().lock()), &mut io::stderr())?;
    Ok(ExitCode::from(code.number()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_told_from_targets() {
        let told = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            told_apart(&words, &[]).map(|(part, targets)| (part, targets.iter().map(Target::label).collect::<Vec<_>>()))
        };
        assert_eq!(told(&[]), Ok((Part::Dashboard, vec![])));
        assert_eq!(told(&["4", "/run/a.sock"]), Ok((Part::View(4), vec!["/run/a.sock".to_owned()])));
        assert_eq!(told(&["eu=lb02:9999", "info", "./status"]).unwrap().1, ["eu", "./status"]);
        assert!(told(&["statu"]).unwrap_err().starts_with("there is no view \"statu\""));
        assert!(told(&["status", "info"]).unwrap_err().contains("./info"));
        assert!(told(&["lb01:"]).unwrap_err().contains("from 1 to 65535"));
    }
}
