//! `hapulse man`: the manual page, in roff.
//!
//! What it says is said elsewhere already: options, commands, examples and exit codes by the command line, keys by
//! COMMANDS, variables by KEYS. Here they are only put in the order of a manual page. The few lines that stand here
//! alone are those of files, of variables that are not hapulse's own, and of what to read next.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use crate::app::commands::{COMMANDS, CommandSpec, Group};
use crate::app::key::Key;
use crate::app::palette::WITH_ARGUMENTS;
use crate::config::search_paths;
use crate::config::setting_table::KEYS;

const DESCRIPTION: [&str; 3] = [
    "hapulse polls HAProxy's stats socket, keeps the past in memory, shows what queues, what is slow and what is down, \
     and changes a server's state when told to: the exact command is shown first, and what became of it is read back \
     afterwards.",
    "Without a TARGET it shows those of the configuration; where there are none, the HAProxy that runs here. A TARGET \
     is the path of a Unix socket, HOST:PORT, [IPv6]:PORT, NAME= and one of these, or a name that the configuration \
     gives. HAProxy needs a line \"stats socket PATH level admin\" in its global section; level operator is enough to \
     watch.",
    "To look around first, without any HAProxy: hapulse demo.",
];

/// Files that are read or written, and what they hold.
const FILES: [(&str, &str); 4] = [
    (search_paths::SYSTEM, "The administrator's configuration."),
    ("$XDG_CONFIG_HOME/hapulse/config.toml, ~/.config/hapulse/config.toml", "The user's, which counts more."),
    ("$XDG_STATE_HOME/hapulse/audit.jsonl, ~/.local/state/hapulse/audit.jsonl", "What was done, by whom; audit.path."),
    ("$XDG_STATE_HOME/hapulse/typed, ~/.local/state/hapulse/typed", "What was typed on HAProxy's command line."),
];

/// Variables that are read besides those of KEYS.
const VARIABLES: [(&str, &str); 6] = [
    (search_paths::NAMED_BY, "The configuration to read in place of the user's; as --config, which counts more."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME, HOME", "Where the user's files are."),
    ("NO_COLOR, TERM, COLORTERM, COLORFGBG", "Which colours there are, and which are used where none are asked for."),
    ("LC_ALL, LC_CTYPE, LANG", "Whether the terminal shows more than ASCII."),
    ("SUDO_USER, SSH_CONNECTION, USER", "Who it was, in the audit."),
    ("TZ", "The time zone of the times that are shown."),
];

const SEE_ALSO: &str = "haproxy(1), socat(1); the documents in /usr/share/doc/hapulse, where a package has put them; \
                        HAProxy's management guide, for the stats socket";

/// The page for this command line.
pub fn page(command: Command) -> String {
    let mut command = command;
    command.build();
    let mut page = part(Roff::new().control("TH", ["hapulse", "1", " ", &source(&command), "User Commands"]));
    page.insert_str(0, &Roff::new().render());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    // A name section is read by programs too: a page's name, and what it is about in a few words.
    let about = about.split(':').next().unwrap_or_default().replacen("A terminal", "terminal", 1);
    page += &section("NAME", |roff| paragraphs(roff, &[&format!("hapulse - {about}")]));
    page += &section("SYNOPSIS", |roff| synopsis(roff, &command));
    page += &section("DESCRIPTION", |roff| paragraphs(roff, &DESCRIPTION));
    page += ".SH OPTIONS\n";
    page += &options(with_aliases(command.clone()));
    page += ".SH COMMANDS\n";
    for own in commands(&command) {
        page += &command_part(&command, own);
    }
    page += &section("KEYS", keys);
    for remark in remarks(&command) {
        page += &match remark {
            Remark::Lines(heading, lines) => {
                let title = if heading == "Exit codes" { "EXIT STATUS".to_owned() } else { heading.to_uppercase() };
                section(&title, |roff| as_it_stands(roff, &lines))
            }
            Remark::Text(text) => section("NOTES", |roff| paragraphs(roff, &[&text])),
        };
    }
    page += &section("FILES", |roff| pairs(roff, FILES));
    page += &section("ENVIRONMENT", |roff| {
        let own = KEYS.iter().filter_map(|key| Some((key.variable()?, key.help)));
        own.for_each(|(name, help)| pairs(roff, [(name.as_str(), help)]));
        pairs(roff, VARIABLES);
    });
    page += &section("SEE ALSO", |roff| paragraphs(roff, &[SEE_ALSO]));
    page
}

/// The commands that people are told of.
fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|own| !own.is_hide_set() && own.get_name() != "help")
}

fn source(command: &Command) -> String {
    format!("hapulse {}", command.get_version().unwrap_or_default())
}

/// The lines of a piece, without the definitions that each page needs once.
fn part(roff: &Roff) -> String {
    let (lines, before) = (roff.render(), Roff::new().render());
    lines.strip_prefix(&before).map_or(lines.clone(), str::to_owned)
}

fn section(title: &str, fill: impl FnOnce(&mut Roff)) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    fill(&mut roff);
    part(&roff)
}

fn paragraphs(roff: &mut Roff, texts: &[&str]) {
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*text)]);
    }
}

fn pairs<'a>(roff: &mut Roff, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, meaning) in pairs {
        roff.control("TP", []).text([bold(name)]).text([roman(meaning)]);
    }
}

fn as_it_stands(roff: &mut Roff, lines: &[String]) {
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.as_str())]);
    }
    roff.control("fi", []);
}

/// How a command is called, a way a line.
fn usage(command: &Command) -> Vec<String> {
    let usage = command.clone().render_usage().to_string();
    let lines = usage.trim_start_matches("Usage:").lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

fn synopsis(roff: &mut Roff, command: &Command) {
    let own = commands(command).flat_map(usage);
    let lines = usage(command).into_iter().filter(|line| !line.contains("<COMMAND>")).chain(own);
    for (place, line) in lines.enumerate() {
        if place > 0 {
            roff.control("br", []);
        }
        let words = line.split_inclusive(' ').map(|word| {
            let is_literal = word.starts_with(|ch: char| ch.is_ascii_lowercase() || ch == '-');
            if is_literal { bold(word) } else { italic(word) }
        });
        roff.text(words.collect::<Vec<_>>());
    }
}

/// The options of a command that are to be shown, as clap's own manual pages have them.
fn options(command: Command) -> String {
    let mut bytes = Vec::new();
    // Nothing is lost: a vector takes everything.
    let written = Man::new(command).render_options_section(&mut bytes);
    let text = written.map(|()| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.split_once(".SH OPTIONS\n").map(|(_, options)| options.to_owned()).unwrap_or_default()
}

/// The other names of an option stand behind what it does.
fn with_aliases(command: Command) -> Command {
    command.mut_args(|arg| {
        let names = arg.get_visible_aliases().unwrap_or_default();
        let names: Vec<String> = names.iter().map(|name| format!("--{name}")).collect();
        match arg.get_help().filter(|_| !names.is_empty()) {
            Some(help) => {
                let help = format!("{help} [also: {}]", names.join(", "));
                arg.help(help)
            }
            None => arg,
        }
    })
}

/// A command: how it is called, what it does, and its options but for those that stand in the page already.
fn command_part(command: &Command, own: &Command) -> String {
    let known = |id: &str, help: &str| {
        let is_same = |arg: &clap::Arg| arg.get_help().is_some_and(|text| text.to_string() == help);
        command.get_arguments().any(|arg| arg.get_id() == id && (id == "help" || is_same(arg)))
    };
    let mut above = Vec::new();
    let shown = own.clone().mut_args(|arg| {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        if !known(arg.get_id().as_str(), &help) {
            return arg;
        }
        let names = arg.get_long().into_iter().chain(arg.get_visible_aliases().unwrap_or_default());
        above.extend(names.map(|name| format!("--{name}")));
        arg.hide(true)
    });
    let mut roff = Roff::new();
    roff.control("SS", [format!("hapulse {}", own.get_name()).as_str()]);
    roff.text([roman(format!("{}.", own.get_about().map(ToString::to_string).unwrap_or_default()))]);
    let mut text = part(&roff) + &options(with_aliases(shown));
    let mut roff = Roff::new();
    if !above.is_empty() {
        roff.control("PP", []).text([roman("As above: "), bold(above.join(", ")), roman(".")]);
    }
    for remark in remarks(own) {
        roff.control("PP", []);
        match remark {
            Remark::Lines(heading, lines) => {
                roff.text([roman(format!("{heading}:"))]);
                as_it_stands(&mut roff, &lines);
            }
            Remark::Text(text) => paragraphs(&mut roff, &[&text]),
        }
    }
    text += &part(&roff);
    text
}

/// A paragraph that stands below the options in the help.
enum Remark {
    /// Lines with a heading, which stay as they are.
    Lines(String, Vec<String>),
    /// A text.
    Text(String),
}

fn remarks(command: &Command) -> Vec<Remark> {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let remark = |paragraph: &str| match paragraph.split_once(':') {
        Some((heading, rest)) if heading.split_whitespace().count() <= 2 => {
            Remark::Lines(heading.to_owned(), rest.trim().lines().map(|line| line.trim().to_owned()).collect())
        }
        _ => Remark::Text(paragraph.split_whitespace().collect::<Vec<_>>().join(" ")),
    };
    text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).map(remark).collect()
}

fn keys(roff: &mut Roff) {
    for group in Group::ALL {
        roff.control("SS", [group.title()]);
        for action in COMMANDS.iter().filter(|action| action.group == group) {
            roff.control("TP", []).text([bold(names(action)), roman("  "), italic(action.id)]);
            roff.text([roman(action.help)]);
        }
    }
    roff.control("SS", ["Typed behind :"]);
    roff.text([roman("Every action by its name, and")]);
    for (name, takes, help) in WITH_ARGUMENTS {
        roff.control("TP", []).text([bold(name), roman(" "), italic(takes)]).text([roman(help)]);
    }
}

/// The keys of an action as people read them; where it has none, it is in the menu of acts and behind a colon.
fn names(action: &CommandSpec) -> String {
    let keys = action.keys.iter().filter_map(|name| Key::parse(name));
    let keys = keys.map(|key| key.label(true)).collect::<Vec<_>>().join(" ");
    if keys.is_empty() { ":".to_owned() } else { keys }
}
