//! Finds the targets: from the arguments, the HATop options, the configuration, or by discovery of the local HAProxies.

use std::path::Path;

use thiserror::Error;

use crate::cli::target_arg::{self, KnownWords, TargetArg, UnknownWord};
use crate::config::discovery::{Discovery, discover};
use crate::config::local_haproxy::{LocalHaproxy, MissingSocket};
use crate::config::located::Located;
use crate::config::target::Target;
use crate::haproxy::address::{Address, AddressError};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::socket_permissions;

/// The error for a command line that yields no target to connect to, or several for a command that needs one.
#[derive(Debug, Error)]
pub(super) enum NoTarget {
    /// An address is invalid.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A word is neither a target nor a command.
    #[error(transparent)]
    UnknownWord(#[from] UnknownWord),
    /// No target was given, and discovery found no socket that this user may open.
    #[error("{what}\n  {fix}{}{}", list("tried", .tried), list("skipped", .skipped))]
    NotFound { what: String, fix: String, tried: Vec<String>, skipped: Vec<String> },
    /// No target was given, and the command needs exactly one.
    #[error("{what}: select one with --target\n    {}", .choices.join("\n    "))]
    Several { what: String, choices: Vec<String> },
}

/// Returns lines for a message, below a heading, or nothing for an empty list.
fn list(heading: &str, lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { format!("\n  {heading}:\n    {}", lines.join("\n    ")) }
}

impl NoTarget {
    fn not_found(found: Discovery) -> Self {
        let Discovery { running, log, sees_all_processes, .. } = found;
        let (what, fix) = match (log.inaccessible, running.first()) {
            (Some(path), _) => {
                let hint = socket_permissions::access_hint(&path);
                (
                    "no stats socket accessible to this user".to_owned(),
                    format!("{}: {hint}", SafeText::from(path.as_path())),
                )
            }
            (None, Some(haproxy)) => {
                let missing = haproxy.address.as_ref().err().unwrap_or(&MissingSocket::Unusable);
                let what =
                    format!("no stats socket found: HAProxy runs ({}), but {}", haproxy.describe(), missing.reason());
                (what, missing.fix())
            }
            (None, None) => {
                let seen = if sees_all_processes { "runs on this machine" } else { "is visible to this user" };
                let fix = format!(
                    "start HAProxy (sudo systemctl start haproxy); if it runs without a stats socket, {}",
                    MissingSocket::NoLine.fix()
                );
                (format!("no stats socket found: no HAProxy {seen}"), fix)
            }
        };
        Self::NotFound { what, tried: log.tried, skipped: log.skipped, fix }
    }
}

/// The targets of a command.
#[derive(Debug)]
pub(super) struct FoundTargets {
    /// Targets, at least one.
    pub(super) targets: Vec<Target>,
    /// Result of the discovery; `None` if targets were given or configured.
    pub(super) discovery: Option<Discovery>,
    /// The command line names the targets.
    pub(super) is_named: bool,
}

impl FoundTargets {
    /// Returns the target of a command that reads a single HAProxy.
    ///
    /// # Errors
    /// Returns an error with the list of targets if there are several.
    pub(super) fn into_single(mut self) -> Result<Target, NoTarget> {
        match (self.targets.pop(), self.targets.len()) {
            (Some(target), 0) => Ok(target),
            (target, _) => {
                self.targets.extend(target);
                Err(self.several("needs exactly one"))
            }
        }
    }

    /// Returns the targets of a command that changes HAProxy: several only if the command line names them. A HAProxy that
    /// this user cannot reach counts, too: it may be the one that is meant.
    ///
    /// # Errors
    /// Returns an error with the list of targets if one must be selected.
    pub(super) fn into_changeable(mut self) -> Result<Vec<Target>, NoTarget> {
        if self.is_named {
            // Another target with the same address would find everything done.
            let mut known = Vec::new();
            self.targets.retain(|target| {
                let is_new = !known.contains(&target.address);
                known.push(target.address.clone());
                is_new
            });
            return Ok(self.targets);
        }
        let are_several =
            self.discovery.as_ref().is_some_and(|found| found.running.len() > 1) || self.targets.len() > 1;
        if are_several { Err(self.several("changes only those that are named")) } else { Ok(self.targets) }
    }

    /// Returns a note about the HAProxies, files and sockets that discovery did not trust, if there are any.
    pub(super) fn skipped_note(&self) -> Option<String> {
        let has_skipped = !self.discovery.as_ref()?.log.skipped.is_empty();
        has_skipped.then(|| {
            "discovery skipped processes, files or sockets that it does not trust: hapulse doctor lists them".to_owned()
        })
    }

    /// Describes the choice between several targets; `rule` says why the command does not use all of them.
    fn several(self, rule: &str) -> NoTarget {
        match self.discovery {
            Some(found) => NoTarget::Several {
                what: format!("{} HAProxies run on this machine", found.running.len()),
                choices: found
                    .running
                    .iter()
                    .map(choice)
                    .chain(found.common_socket.iter().map(common_choice))
                    .collect(),
            },
            None => NoTarget::Several {
                what: format!(
                    "{} targets are {}, and this command {rule}",
                    self.targets.len(),
                    if self.is_named { "named" } else { "configured" }
                ),
                choices: self.targets.iter().map(describe_configured).collect(),
            },
        }
    }
}

/// Returns a line of the list of running HAProxies: how to select it, and what it is.
fn choice(haproxy: &LocalHaproxy) -> String {
    match &haproxy.address {
        Ok(address) => format!("--target {address}  ({})", haproxy.describe()),
        Err(_) => format!("no usable stats socket  ({})", haproxy.describe()),
    }
}

fn common_choice(address: &Address) -> String {
    format!("--target {address}  (a usual path)")
}

fn describe_configured(target: &Target) -> String {
    match &target.name {
        Some(name) => format!("--target {}  ({})", SafeText::from(name.as_str()), target.address),
        None => format!("--target {}", target.address),
    }
}

/// Returns the targets that the command line names: `args`, followed by those of the HATop options.
///
/// # Errors
/// Returns an error for an invalid address, and for a word that is neither an address nor in `known`.
pub(super) fn named(
    args: &[TargetArg],
    unix_socket: Option<&str>,
    tcp_socket: Option<&str>,
    known: KnownWords<'_>,
) -> Result<Vec<Target>, NoTarget> {
    let mut targets = args.iter().map(|arg| arg.resolve(known)).collect::<Result<Vec<_>, _>>()?.concat();
    // An abstract socket is a Unix socket, too.
    let is_abstract = |path: &str| path.starts_with("abns@") || path.starts_with("abnsz@");
    let unix = unix_socket.map(|path| (path, if is_abstract(path) { "" } else { "unix:" }));
    for (text, prefix) in unix.into_iter().chain(tcp_socket.map(|address| (address, "tcp:"))) {
        let address = format!("{prefix}{text}").parse::<Address>().map_err(|error| error.with_text(text))?;
        targets.push(Target::new(address));
    }
    Ok(targets)
}

/// Returns the named targets. Without any, returns all configured targets or else the discovered local HAProxies.
///
/// # Errors
/// Returns an error if no target was found, or if the configured address of one is not an address.
pub(super) fn find(named: Vec<Target>, configured: &[Located<Target>]) -> Result<FoundTargets, NoTarget> {
    let is_named = !named.is_empty();
    let mut targets = named;
    if !is_named {
        targets = configured.iter().map(target_arg::configured_target).collect::<Result<_, _>>()?;
    }
    let mut discovery = None;
    if targets.is_empty() {
        let found = discover(Path::new("/"));
        targets.extend(found.addresses().into_iter().cloned().map(Target::new));
        if targets.is_empty() {
            return Err(NoTarget::not_found(found));
        }
        discovery = Some(found);
    }
    let mut found: Vec<Target> = Vec::with_capacity(targets.len());
    for target in targets.iter().map(with_absolute_path) {
        // Groups may share targets.
        if !found.contains(&target) {
            found.push(target);
        }
    }
    Ok(FoundTargets { targets: found, discovery, is_named })
}

/// Makes a socket path absolute, because the audit log identifies an HAProxy by its address.
fn with_absolute_path(target: &Target) -> Target {
    let address = match &target.address {
        Address::Unix(path) => std::path::absolute(path).map_or_else(|_| target.address.clone(), Address::Unix),
        Address::Abstract { .. } | Address::Tcp { .. } | Address::Ssh(_) => target.address.clone(),
    };
    Target { address, ..target.clone() }
}
