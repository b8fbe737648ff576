//! Which HAProxy is meant: the ones that were named, in HATop's way too, else the one that runs here.

use std::path::Path;

use thiserror::Error;

use crate::config::discovery::discover;
use crate::config::located::Said;
use crate::config::target::Target;
use crate::haproxy::address::{Address, BadAddress};
use crate::haproxy::level::Level;
use crate::haproxy::socket_permissions;

/// Why no HAProxy is meant.
#[derive(Debug, Error)]
pub(super) enum NoTarget {
    /// An address that is none.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// None was named, and none was found that this user may open; with the places that were tried, and what helps.
    #[error("{what}\n  tried:\n    {}\n  {mend}", .tried.join("\n    "))]
    Found { what: &'static str, tried: Vec<String>, mend: String },
}

impl NoTarget {
    fn found(tried: Vec<String>, closed: Option<&Path>) -> Self {
        let (what, mend) = if let Some(path) = closed {
            let mend = format!("{}: {}", path.display(), socket_permissions::way_in(path));
            ("no stats socket that this user may open", mend)
        } else {
            let line = socket_permissions::line(&Address::unix("/run/haproxy/admin.sock"), Level::Admin);
            let mend = format!("add to the global section of haproxy.cfg, and reload it:\n    {line}");
            ("no stats socket found", mend)
        };
        Self::Found { what, tried, mend }
    }
}

/// The targets named, by address or as the configuration names them, then HATop's two; where there is none, all of
/// the configuration; where it has none, the one that is found.
pub(super) fn find(
    targets: &[Target],
    unix_socket: Option<&str>,
    tcp_socket: Option<&str>,
    configured: &[Said<Target>],
) -> Result<Vec<Target>, NoTarget> {
    let by_name = |target: &Target| {
        let known = |said: &&Said<Target>| {
            target.name.is_none() && target.address.path().is_some_and(|path| path.as_os_str() == said.name.as_str())
        };
        configured.iter().find(known).map_or_else(|| target.clone(), |said| said.value.clone())
    };
    let mut targets: Vec<Target> = targets.iter().map(by_name).collect();
    let named = unix_socket.map(|path| format!("unix:{path}"));
    for text in named.into_iter().chain(tcp_socket.map(|address| format!("tcp:{address}"))) {
        targets.push(Target::new(text.parse::<Address>()?));
    }
    if targets.is_empty() {
        targets.extend(configured.iter().map(|said| said.value.clone()));
    }
    if targets.is_empty() {
        let found = discover(Path::new("/"));
        let nothing = || NoTarget::found(found.tried, found.closed.as_deref());
        targets.push(Target::new(found.address.ok_or_else(nothing)?));
    }
    Ok(targets.iter().map(from_the_root).collect())
}

/// The audit knows an HAProxy by its address: a path means the same from every folder.
fn from_the_root(target: &Target) -> Target {
    let address = match &target.address {
        Address::Unix(path) => std::path::absolute(path).map_or_else(|_| target.address.clone(), Address::Unix),
        Address::Tcp { .. } => target.address.clone(),
    };
    // Whoever named it by a path sees it by that path.
    let name = target.name.clone().or_else(|| (address != target.address).then(|| target.label()));
    Target { name, address }
}
