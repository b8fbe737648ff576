//! Finds the targets: from the arguments, the HATop options, the configuration, or by discovery of the local HAProxy.

use std::path::Path;

use thiserror::Error;

use crate::config::discovery::discover;
use crate::config::located::Located;
use crate::config::target::Target;
use crate::haproxy::address::{Address, AddressError};
use crate::haproxy::level::Level;
use crate::haproxy::socket_permissions;

/// The error for a command line that yields no target to connect to.
#[derive(Debug, Error)]
pub(super) enum NoTarget {
    /// An address is invalid.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// No target was given, and discovery found no socket that this user may open.
    #[error("{what}\n  tried:\n    {}\n  {fix}", .tried.join("\n    "))]
    NotFound { what: &'static str, tried: Vec<String>, fix: String },
}

impl NoTarget {
    fn not_found(tried: Vec<String>, closed: Option<&Path>) -> Self {
        let (what, fix) = if let Some(path) = closed {
            let fix = format!("{}: {}", path.display(), socket_permissions::access_hint(path));
            ("no stats socket accessible to this user", fix)
        } else {
            let line = socket_permissions::socket_line(&Address::unix("/run/haproxy/admin.sock"), Level::Admin);
            let fix = format!("add this line to the global section of haproxy.cfg, and reload HAProxy:\n    {line}");
            ("no stats socket found", fix)
        };
        Self::NotFound { what, tried, fix }
    }
}

/// Returns `targets` (addresses or configured names), followed by those of the HATop options. Without any of these,
/// returns all configured targets or else the discovered local HAProxy.
///
/// # Errors
/// Returns an error for an invalid address, or if there is no target.
pub(super) fn find(
    targets: &[Target],
    unix_socket: Option<&str>,
    tcp_socket: Option<&str>,
    configured: &[Located<Target>],
) -> Result<Vec<Target>, NoTarget> {
    let by_name = |target: &Target| {
        let known = |entry: &&Located<Target>| {
            target.name.is_none() && target.address.path().is_some_and(|path| path.as_os_str() == entry.name.as_str())
        };
        configured.iter().find(known).map_or_else(|| target.clone(), |entry| entry.value.clone())
    };
    let mut targets: Vec<Target> = targets.iter().map(by_name).collect();
    let named = unix_socket.map(|path| format!("unix:{path}"));
    for text in named.into_iter().chain(tcp_socket.map(|address| format!("tcp:{address}"))) {
        targets.push(Target::new(text.parse::<Address>()?));
    }
    if targets.is_empty() {
        targets.extend(configured.iter().map(|entry| entry.value.clone()));
    }
    if targets.is_empty() {
        let found = discover(Path::new("/"));
        let nothing = || NoTarget::not_found(found.tried, found.inaccessible.as_deref());
        targets.push(Target::new(found.address.ok_or_else(nothing)?));
    }
    Ok(targets.iter().map(with_absolute_path).collect())
}

/// Makes a socket path absolute, because the audit log identifies an HAProxy by its address.
fn with_absolute_path(target: &Target) -> Target {
    let address = match &target.address {
        Address::Unix(path) => std::path::absolute(path).map_or_else(|_| target.address.clone(), Address::Unix),
        Address::Tcp { .. } => target.address.clone(),
    };
    // Display the path as it was given.
    let name = target.name.clone().or_else(|| (address != target.address).then(|| target.label()));
    Target { name, address }
}
