//! Resolves host names in threads of their own.
//!
//! The system's resolver blocks until its own time limit, often ten seconds or more, and cannot be interrupted. A runtime
//! waits for its blocking tasks when it ends, so a lookup on it would delay the end of the program. The threads here
//! are detached: a caller stops waiting at its deadline, and the end of the program ends the lookup.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{LazyLock, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

/// The result of a lookup: addresses without port, or the kind and text of the error; `None` while it runs.
type LookupState = Option<Result<Vec<SocketAddr>, (io::ErrorKind, String)>>;

/// Lookups that run, by host name. There is at most one per name, so a resolver that does not answer occupies one
/// thread, however often its caller tries again.
static RUNNING: LazyLock<Mutex<HashMap<String, watch::Receiver<LookupState>>>> = LazyLock::new(Mutex::default);

/// Returns the addresses of a host, with this port. Joins a lookup of the same name that already runs.
///
/// # Errors
/// Returns the error of the system's resolver, or that of starting a thread.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let mut lookup = join_or_start(host)?;
    // The thread sends a result before it drops the sender.
    let found = lookup.wait_for(Option::is_some).await.map_err(io::Error::other)?.clone();
    let addresses = found.unwrap_or_else(|| Ok(Vec::new())).map_err(|(kind, text)| io::Error::new(kind, text))?;
    Ok(addresses
        .into_iter()
        .map(|mut address| {
            address.set_port(port);
            address
        })
        .collect())
}

/// Returns the addresses of a host, and waits for them no longer than `limit`.
///
/// # Errors
/// Returns the error of the system's resolver, that of starting a thread, or an error if the resolver does not answer in
/// time.
pub(crate) fn resolve_within(host: &str, limit: Duration) -> io::Result<Vec<IpAddr>> {
    if let Ok(ip) = host.parse() {
        return Ok(vec![ip]);
    }
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        let found = (name.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect());
        // Fails if the caller waits no longer.
        let _ = sender.send(found);
    })?;
    receiver.recv_timeout(limit).unwrap_or_else(|_| {
        let text = format!("no answer within {} s", limit.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

/// Returns the receiver of the result of a lookup that runs, or starts one.
fn join_or_start(host: &str) -> io::Result<watch::Receiver<LookupState>> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(lookup) = running.get(host) {
        return Ok(lookup.clone());
    }
    let (sender, receiver) = watch::channel(None);
    let name = host.to_owned();
    thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        let found = (name.as_str(), 0).to_socket_addrs().map(Iterator::collect);
        let found = found.map_err(|error| (error.kind(), error.to_string()));
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        // Fails if no caller waits any longer.
        let _ = sender.send(Some(found));
    })?;
    running.insert(host.to_owned(), receiver.clone());
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn resolve_returns_addresses_with_port() {
        let port = |found: io::Result<Vec<SocketAddr>>| found.unwrap().first().map(SocketAddr::port);
        assert_eq!(port(resolve("localhost", 9999).await), Some(9999));
        assert_eq!(resolve("::1", 1).await.unwrap(), ["[::1]:1".parse().unwrap()]);
        assert!(!RUNNING.lock().unwrap().contains_key("localhost"));
        let limit = Duration::from_mins(1);
        assert!(resolve_within("localhost", limit).unwrap().iter().all(IpAddr::is_loopback));
        assert_eq!(resolve_within("192.0.2.1", limit).unwrap(), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test]
    async fn resolve_joins_running_lookup_of_same_name() {
        let (sender, receiver) = watch::channel(None);
        RUNNING.lock().unwrap().insert("joined.invalid".to_owned(), receiver);
        let waiter = tokio::spawn(resolve("joined.invalid", 7));
        sender.send(Some(Ok(vec!["192.0.2.1:0".parse().unwrap()]))).unwrap();
        assert_eq!(waiter.await.unwrap().unwrap(), ["192.0.2.1:7".parse().unwrap()]);
        RUNNING.lock().unwrap().remove("joined.invalid");
    }
}
