//! `hapulse man`: the manual page, in roff.
//!
//! Options, commands, examples and exit codes come from the command line definition, keys from `COMMANDS`, environment
//! variables from the table of settings. This file arranges them as a manual page and adds only the files, the
//! environment variables that are not settings, and the SEE ALSO section.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use crate::app::command_table::COMMANDS;
use crate::app::key::Key;
use crate::app::palette_parser::COMMANDS_WITH_ARGUMENTS;
use crate::app::ui_commands::{CommandGroup, CommandSpec};
use crate::config::search_paths;
use crate::config::setting_table::SETTINGS;

const DESCRIPTION: [&str; 3] = [
    "hapulse polls HAProxy's stats socket, keeps a history in memory, shows queues, slow servers and outages, and \
     changes server states on request: it shows the exact command first and verifies the result afterwards.",
    "Without a TARGET, hapulse uses the targets of the configuration, or else the HAProxies of this machine. A TARGET is \
     the path of a Unix socket, abns@NAME, HOST:PORT, [IPv6]:PORT, NAME=ADDRESS, or a name from the configuration. The \
     global section of haproxy.cfg needs a line \"stats socket PATH level admin\"; level operator is enough for monitoring.",
    "To try hapulse without HAProxy: hapulse demo.",
];

/// Files that hapulse reads or writes, with a description.
const FILES: [(&str, &str); 4] = [
    (search_paths::SYSTEM_CONFIG, "System-wide configuration."),
    (
        "$XDG_CONFIG_HOME/hapulse/config.toml, ~/.config/hapulse/config.toml",
        "User configuration; overrides the system-wide one.",
    ),
    (
        "$XDG_STATE_HOME/hapulse/audit.jsonl, ~/.local/state/hapulse/audit.jsonl",
        "Audit log; the setting audit.path changes the location.",
    ),
    ("$XDG_STATE_HOME/hapulse/typed, ~/.local/state/hapulse/typed", "History of typed Runtime API commands."),
];

/// Environment variables that are not settings of hapulse.
const VARIABLES: [(&str, &str); 12] = [
    (search_paths::CONFIG_VARIABLE, "Configuration file to use instead of the user's; --config overrides it."),
    (search_paths::DEBUG_VARIABLE, "File for the debug log; --debug-log overrides it."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME, HOME", "Directories of the user's files."),
    ("XDG_RUNTIME_DIR", "Directory of the sockets that ssh forwards."),
    ("INVOCATION_ID, JOURNAL_STREAM", "Set by systemd for a service: hapulse record then uses /var/lib/hapulse."),
    ("NO_COLOR, TERM, COLORTERM, COLORFGBG", "Available colors, and the default theme."),
    ("COLUMNS, LINES", "Size of a terminal that does not report one."),
    ("TMUX, STY", "Copying from inside tmux and GNU screen."),
    ("LC_ALL, LC_CTYPE, LANG", "Character encoding; unless it is UTF-8, hapulse prints only ASCII characters."),
    ("SUDO_UID", "Caller of sudo, whose home directory is not used for files of root."),
    ("SUDO_USER, SSH_CONNECTION, USER", "Person recorded in the audit log."),
    ("TZ", "Time zone for displayed times."),
];

const SEE_ALSO: &str = "haproxy(1), socat(1); the documents in /usr/share/doc/hapulse if installed from a package; \
                        HAProxy's management guide, for the stats socket";

/// Returns the manual page for the command line that `command` defines.
pub(crate) fn roff_page(command: Command) -> String {
    let mut command = command;
    command.build();
    let mut page =
        render_body(Roff::new().control("TH", ["hapulse", "1", " ", &program_version(&command), "User Commands"]));
    page.insert_str(0, &Roff::new().render());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    // Programs parse the NAME section, which must consist of a name and a short description.
    let about = about.split(':').next().unwrap_or_default().replacen("A terminal", "terminal", 1);
    page += &render_section("NAME", |roff| add_paragraphs(roff, &[&format!("hapulse - {about}")]));
    page += &render_section("SYNOPSIS", |roff| add_synopsis(roff, &command));
    page += &render_section("DESCRIPTION", |roff| add_paragraphs(roff, &DESCRIPTION));
    page += ".SH OPTIONS\n";
    page += &render_options(with_aliases_in_help(command.clone()));
    page += ".SH COMMANDS\n";
    for own in visible_commands(&command) {
        page += &render_command(&command, own);
    }
    page += &render_section("KEYS", add_keys);
    for remark in help_paragraphs(&command) {
        page += &match remark {
            HelpParagraph::Lines(heading, lines) => {
                let title = if heading == "Exit codes" { "EXIT STATUS".to_owned() } else { heading.to_uppercase() };
                render_section(&title, |roff| add_verbatim(roff, &lines))
            }
            HelpParagraph::Text(text) => render_section("NOTES", |roff| add_paragraphs(roff, &[&text])),
        };
    }
    page += &render_section("FILES", |roff| add_definitions(roff, FILES));
    page += &render_section("ENVIRONMENT", |roff| {
        let own = SETTINGS.iter().filter_map(|key| Some((key.variable()?, key.help)));
        own.for_each(|(name, help)| add_definitions(roff, [(name.as_str(), help)]));
        add_definitions(roff, VARIABLES);
    });
    page += &render_section("SEE ALSO", |roff| add_paragraphs(roff, &[SEE_ALSO]));
    page
}

/// Returns the documented subcommands.
fn visible_commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|own| !own.is_hide_set() && own.get_name() != "help")
}

fn program_version(command: &Command) -> String {
    format!("hapulse {}", command.get_version().unwrap_or_default())
}

/// Renders roff without the preamble, which a page needs only once.
fn render_body(roff: &Roff) -> String {
    let (lines, before) = (roff.render(), Roff::new().render());
    lines.strip_prefix(&before).map_or(lines.clone(), str::to_owned)
}

fn render_section(title: &str, fill: impl FnOnce(&mut Roff)) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    fill(&mut roff);
    render_body(&roff)
}

fn add_paragraphs(roff: &mut Roff, texts: &[&str]) {
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*text)]);
    }
}

fn add_definitions<'a>(roff: &mut Roff, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (name, meaning) in pairs {
        roff.control("TP", []).text([bold(name)]).text([roman(meaning)]);
    }
}

fn add_verbatim(roff: &mut Roff, lines: &[String]) {
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.as_str())]);
    }
    roff.control("fi", []);
}

/// Returns the usage lines of a command.
fn usage_lines(command: &Command) -> Vec<String> {
    let usage = command.clone().render_usage().to_string();
    let lines = usage.trim_start_matches("Usage:").lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

fn add_synopsis(roff: &mut Roff, command: &Command) {
    let own = visible_commands(command).flat_map(usage_lines);
    let lines = usage_lines(command).into_iter().filter(|line| !line.contains("<COMMAND>")).chain(own);
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

/// Renders the visible options of a command in the format of `clap_mangen`.
fn render_options(command: Command) -> String {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail.
    let written = Man::new(command).render_options_section(&mut bytes);
    let text = written.map(|()| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.split_once(".SH OPTIONS\n").map(|(_, options)| options.to_owned()).unwrap_or_default()
}

/// Appends the aliases of each option to its help text.
fn with_aliases_in_help(command: Command) -> Command {
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

/// Renders the subcommand `own` with its description and the options that are not already described for `command`.
fn render_command(command: &Command, own: &Command) -> String {
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
    let mut text = render_body(&roff) + &render_options(with_aliases_in_help(shown));
    let mut roff = Roff::new();
    if !above.is_empty() {
        roff.control("PP", []).text([roman("Options described above: "), bold(above.join(", ")), roman(".")]);
    }
    for remark in help_paragraphs(own) {
        roff.control("PP", []);
        match remark {
            HelpParagraph::Lines(heading, lines) => {
                roff.text([roman(format!("{heading}:"))]);
                add_verbatim(&mut roff, &lines);
            }
            HelpParagraph::Text(text) => add_paragraphs(&mut roff, &[&text]),
        }
    }
    text += &render_body(&roff);
    text
}

/// Paragraph of the help text after the options.
enum HelpParagraph {
    /// Heading and verbatim lines.
    Lines(String, Vec<String>),
    /// Running text.
    Text(String),
}

fn help_paragraphs(command: &Command) -> Vec<HelpParagraph> {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let remark = |paragraph: &str| match paragraph.split_once(':') {
        Some((heading, rest)) if heading.split_whitespace().count() <= 2 => {
            HelpParagraph::Lines(heading.to_owned(), rest.trim().lines().map(|line| line.trim().to_owned()).collect())
        }
        _ => HelpParagraph::Text(paragraph.split_whitespace().collect::<Vec<_>>().join(" ")),
    };
    text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).map(remark).collect()
}

fn add_keys(roff: &mut Roff) {
    for group in CommandGroup::ALL {
        roff.control("SS", [group.title()]);
        for action in COMMANDS.iter().filter(|action| action.group == group) {
            roff.control("TP", []).text([bold(key_names(action)), roman("  "), italic(action.id)]);
            roff.text([roman(action.help)]);
        }
    }
    roff.control("SS", ["Typed after :"]);
    roff.text([roman("Every command by its name, and")]);
    for (name, takes, help) in COMMANDS_WITH_ARGUMENTS {
        roff.control("TP", []).text([bold(name), roman(" "), italic(takes)]).text([roman(help)]);
    }
}

/// Returns the key labels of a command, or `:` if it can only be typed or chosen from a menu.
fn key_names(action: &CommandSpec) -> String {
    let keys = action.keys.iter().filter_map(|name| Key::parse(name));
    let keys = keys.map(|key| key.label(true)).collect::<Vec<_>>().join(" ");
    if keys.is_empty() { ":".to_owned() } else { keys }
}
