//! Targets on the command line: an address, `NAME=ADDRESS`, or the name of a configured target.

use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use clap::Args;
use thiserror::Error;

use crate::config::located::{Located, TargetGroup};
use crate::config::settings::Settings;
use crate::config::suggest;
use crate::config::target::Target;
use crate::haproxy::address::AddressError;
use crate::haproxy::safe_text::SafeText;
use crate::headless::report::contents::ReportPart;

/// Help of the targets of commands that accept several.
pub(super) const TARGETS_HELP: &str =
    "Stats sockets: PATH, HOST:PORT, ssh://HOST, NAME=ADDRESS, a configured name or @GROUP";
/// Flags that name targets, for commands that accept several.
#[derive(Debug, Clone, Args)]
pub(super) struct TargetFlags {
    #[arg(long = "target", value_name = "TARGET", help = format!("{TARGETS_HELP}; may be repeated"))]
    pub(super) targets: Vec<TargetArg>,
    /// Path of the stats socket (HATop compatible)
    #[arg(short = 's', long = "unix-socket", value_name = "PATH")]
    pub(super) unix_socket: Option<String>,
    /// Address of the stats socket (HATop compatible)
    #[arg(short = 't', long = "tcp-socket", value_name = "HOST:PORT")]
    pub(super) tcp_socket: Option<String>,
}

/// A target as it is written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TargetArg {
    text: String,
    target: Target,
}

impl FromStr for TargetArg {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self { text: text.to_owned(), target: text.parse()? })
    }
}

/// Words that have a meaning where a target may stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownWords<'a> {
    /// Targets of the configuration.
    pub(super) configured: &'a [Located<Target>],
    /// Groups of the configuration.
    pub(super) groups: &'a [Located<TargetGroup>],
    /// Commands; empty after a command.
    pub(super) commands: &'a [String],
}

/// The error for a word that is neither a command nor a target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(super) struct UnknownWord(String);

/// Character before the name of a group.
pub(super) const GROUP_MARK: char = '@';

impl<'a> KnownWords<'a> {
    /// Returns the words that the configuration defines, for use after a command.
    pub(super) fn configured(settings: &'a Settings) -> Self {
        Self { configured: &settings.targets, groups: &settings.groups, commands: &[] }
    }

    /// Returns the targets of a group.
    ///
    /// # Errors
    /// Returns an error if the group is not configured, or one of its targets is neither an address nor configured.
    fn group_targets(self, name: &str) -> Result<Vec<Target>, UnknownWord> {
        let group = self.groups.iter().find(|group| group.name == name);
        let group = group.ok_or_else(|| UnknownWord(describe_unknown_group(name, self.groups)))?;
        let known = Self { commands: &[], ..self };
        let resolve = |text: &String| {
            let member = text.parse::<TargetArg>().map_err(|error| error.to_string());
            let target = member.and_then(|member| member.resolve_one(known).map_err(|error| error.to_string()));
            target.map_err(|why| UnknownWord(group.error(&format!("fleet.{name}: {why}")).to_string()))
        };
        group.value.members.iter().map(resolve).collect()
    }

    /// Replaces groups by the labels of their targets, in a list of names of recorded HAProxies.
    ///
    /// # Errors
    /// Returns the errors of [`Self::group_targets`].
    pub(super) fn expand_groups(self, names: &[String]) -> Result<Vec<String>, UnknownWord> {
        let expand = |name: &String| match name.strip_prefix(GROUP_MARK) {
            Some(group) => Ok(self.group_targets(group)?.iter().map(Target::label).collect()),
            None => Ok(vec![name.clone()]),
        };
        Ok(names.iter().map(expand).collect::<Result<Vec<Vec<String>>, UnknownWord>>()?.concat())
    }
}

/// Describes a group that is not configured.
fn describe_unknown_group(name: &str, groups: &[Located<TargetGroup>]) -> String {
    let names = || groups.iter().map(|group| group.name.as_str());
    let suggestion = suggest::did_you_mean(name, names());
    let configured = if groups.is_empty() {
        "no groups are configured; one is defined by [fleet.NAME] and targets = [\"lb01\", \"ssh://lb02\"]".to_owned()
    } else {
        format!("configured groups: {}", names().collect::<Vec<_>>().join(", "))
    };
    format!("\"@{}\" is not a configured group{suggestion}\n  {configured}", SafeText::from(name))
}

impl TargetArg {
    /// Returns the targets: those of a group, the target of a configured name, or that of the address.
    ///
    /// # Errors
    /// Returns an error for a group that is not configured, and the errors of [`Self::resolve_one`].
    pub(super) fn resolve(&self, known: KnownWords<'_>) -> Result<Vec<Target>, UnknownWord> {
        match self.text.strip_prefix(GROUP_MARK) {
            Some(name) => known.group_targets(name),
            None => Ok(vec![self.resolve_one(known)?]),
        }
    }

    /// Returns the target, and for the name of a configured target that one.
    ///
    /// # Errors
    /// Returns an error for a word that is a misspelled command or name rather than an address: it has no slash, port or
    /// prefix, and no such file exists.
    fn resolve_one(&self, known: KnownWords<'_>) -> Result<Target, UnknownWord> {
        let Some(word) = self.bare_word() else { return Ok(self.target.clone()) };
        let is_named = self.target.name.is_some();
        match known.configured.iter().find(|entry| !is_named && entry.name == word) {
            Some(entry) => configured_target(entry),
            None if !is_named && known.commands.iter().any(|command| command == word) => Err(UnknownWord(format!(
                "\"{word}\" is a command and must stand before the targets; a socket of this name is ./{word}"
            ))),
            None if is_file(word) => Ok(self.target.clone()),
            None => Err(UnknownWord(describe_unknown(word, known))),
        }
    }

    /// Returns the address as it was written, if it has no slash, port or prefix.
    fn bare_word(&self) -> Option<&str> {
        let word = match &self.target.name {
            Some(name) => self.text.strip_prefix(name.as_str())?.strip_prefix('=')?,
            None => self.text.as_str(),
        };
        // A prefix, such as unix:, is not part of the path.
        let is_path = self.target.address.path().is_some_and(|path| path.as_os_str() == word);
        (is_path && !word.contains('/')).then_some(word)
    }

    /// Returns the text as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the target without the lookup of its name in the configuration.
    pub(super) fn as_written(&self) -> &Target {
        &self.target
    }
}

/// Returns the target of an entry of the configuration.
///
/// # Errors
/// Returns an error if its address is a single word, such as a host without a port, and no such file exists.
pub(super) fn configured_target(entry: &Located<Target>) -> Result<Target, UnknownWord> {
    let path = entry.value.address.path().and_then(Path::to_str);
    match path.filter(|word| !word.contains('/') && !is_file(word)) {
        None => Ok(entry.value.clone()),
        Some(word) => {
            let message = match describe_host(word) {
                Some(message) => message,
                None => format!(
                    "\"{word}\" is not an address: write the full path of a socket, or a host with its port, such as {word}:9999"
                ),
            };
            Err(UnknownWord(entry.error(&message).to_string()))
        }
    }
}

/// Returns the message for a host without a port, or `None` if the word is not certainly one.
pub(super) fn describe_host(word: &str) -> Option<String> {
    let is_host = word.parse::<IpAddr>().is_ok() || word == "localhost";
    is_host
        .then(|| format!("\"{word}\" has no port: {word}:9999?\n  write the port of the stats socket after the host"))
}

/// Returns true for an existing file that is not a directory.
pub(super) fn is_file(word: &str) -> bool {
    Path::new(word).metadata().is_ok_and(|metadata| !metadata.is_dir())
}

/// Describes a word that is neither a command nor a target: what it may mean, and how to write that.
pub(super) fn describe_unknown(word: &str, known: KnownWords<'_>) -> String {
    let shown = SafeText::from(word);
    if let Some(message) = describe_host(word) {
        return message;
    }
    let names: Vec<&str> = known.configured.iter().map(|entry| entry.name.as_str()).collect();
    let commands = known.commands.iter().map(String::as_str);
    let suggestion = suggest::did_you_mean(word, commands.chain(names.iter().copied()));
    let command = if known.commands.is_empty() { "" } else { "a command, " };
    let configured = match names.as_slice() {
        [] => "no targets are configured".to_owned(),
        names => format!("configured targets: {}", names.join(", ")),
    };
    let view = (!known.commands.is_empty() && word.parse::<ReportPart>().is_ok())
        .then(|| format!("\n  to print this view: hapulse show {shown}"));
    format!(
        "\"{shown}\" is not {command}a configured target or an existing socket{suggestion}{}\n  {configured}\n  \
         a host needs the port of its stats socket, such as {shown}:9999; a socket in this directory is ./{shown}",
        view.unwrap_or_default()
    )
}
