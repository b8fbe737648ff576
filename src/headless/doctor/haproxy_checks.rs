//! Checks of one HAProxy: connection, version, access level, exposure of the socket, and polling overhead.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use crate::config::safe_file;
use crate::config::target::Target;
use crate::haproxy::address::Address;
use crate::haproxy::connection::ConnectionLimits;
use crate::haproxy::fields::InfoField;
use crate::haproxy::level::Level;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::socket_permissions;
use crate::haproxy::ssh::ssh_tunnel::{self, SshRoute};
use crate::headless::doctor::address_checks;
use crate::headless::doctor::finding::Finding;
use crate::headless::pollers;
use crate::logs::log_search;
use crate::observe::link::PollFailure;
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::sample::Sample;
use crate::observe::sampler::{PollResult, Sampler};
use crate::observe::timestamp::Clock;
use crate::units;
use crate::units::pluralize;

/// Polls each HAProxy once, all at the same time, and checks the results. Returns the findings in the same order. Sends
/// only read-only commands.
///
/// # Errors
/// Returns an error if the I/O runtime cannot start or a check panics.
pub(crate) fn check_haproxies(targets: &[Target], interval: Duration) -> anyhow::Result<Vec<Vec<Finding>>> {
    let check = |target: &Target| tokio::spawn(check_haproxy(target.clone(), PollSchedule::new(interval)));
    let checked = pollers::start_runtime()?.block_on(async {
        let tasks: Vec<_> = targets.iter().map(check).collect();
        let mut all = Vec::with_capacity(tasks.len());
        for task in tasks {
            all.push(task.await.context("a check failed")?);
        }
        Ok::<_, anyhow::Error>(all)
    })?;
    let (mut findings, pids): (Vec<Vec<Finding>>, Vec<Option<i64>>) = checked.into_iter().unzip();
    let addresses = targets.iter().map(|target| target.address.clone());
    let processes: Vec<(Address, Option<i64>)> = addresses.zip(pids).collect();
    address_checks::add_conflicts(&processes, &mut findings);
    Ok(findings)
}

/// Returns the findings about a HAProxy, and its process id if it answered on this machine.
async fn check_haproxy(target: Target, mut schedule: PollSchedule) -> (Vec<Finding>, Option<i64>) {
    let address = &target.address;
    let mut sampler = Sampler::new(address.clone(), ConnectionLimits::default(), false, Clock::start());
    let polled = sampler.poll_and_record(&mut schedule).await;
    let received = SystemTime::now();
    let route = check_route(address).await;
    match polled {
        PollResult::Failed(failure, _) => {
            let mut findings = vec![route, unreachable_finding(&failure)];
            findings.extend(check_remote_socket(address).await);
            (findings, None)
        }
        PollResult::Sample(sample) => {
            let mode = address.path().and_then(socket_mode);
            let mut findings = vec![
                route,
                check_process(&sample),
                check_level(address, sample.level),
                check_clock(address, &sample, received).await,
                check_cost(address, &sample),
            ];
            findings.extend(sample.dropped_rows_text().map(Finding::note));
            findings.extend(check_exposure(address, sample.level, mode));
            findings.extend(check_log(&target, &sample));
            let is_local = matches!(address, Address::Unix(_) | Address::Abstract { .. });
            (findings, is_local.then_some(sample.epoch.pid))
        }
    }
}

/// Reports the log from which view `R` reads requests, or how to get one. Says nothing about other machines, whose logs are not
/// read.
fn check_log(target: &Target, sample: &Sample) -> Option<Finding> {
    let found = match &target.log {
        Some(path) => match safe_file::read_end(path, 1) {
            Ok(_) => Ok(path.clone()),
            Err(error) => Err(log_search::read_problem(path, &error)),
        },
        None if !log_search::is_local(&target.address) => return None,
        None => {
            let name = |row: &usize| sample.table.rows()[*row].proxy.as_str().as_bytes().to_vec();
            log_search::find(&target.address, &sample.rows.frontends().iter().map(name).collect())
        }
    };
    Some(match found {
        Ok(path) => Finding::ok(format!("requests (view R) are read from {}", SafeText::from(path.as_path()))),
        Err(problem) => Finding::note(format!("requests (view R): {}", problem.what)).with_fix(problem.fix),
    })
}

/// Reports how the socket is reached.
async fn check_route(address: &Address) -> Finding {
    let text = match address {
        Address::Unix(path) => format!("reached as a Unix socket of this machine: {}", SafeText::from(path.as_path())),
        Address::Abstract { .. } => format!("reached as an abstract Unix socket of this machine: {address}"),
        Address::Tcp { .. } => format!("reached over TCP: {address}"),
        Address::Ssh(ssh) => {
            let SshRoute { command_line, path } = ssh_tunnel::route(ssh).await;
            let socket = path.map_or("no socket found on it".to_owned(), |path| format!("socket on it: {path}"));
            let command = command_line.map_or(String::new(), |command| format!("\n{command}"));
            format!("reached over ssh: {}, {socket}{command}", ssh.host())
        }
    };
    Finding::ok(text)
}

/// Reports what another machine says about a socket that cannot be opened.
async fn check_remote_socket(address: &Address) -> Option<Finding> {
    let listing = ssh_tunnel::socket_listing(address.ssh()?).await?;
    let is_socket = listing.starts_with('s');
    let start = if is_socket { "the socket is there" } else { "the machine reports" };
    Some(Finding::note(format!("{start}: {}", SafeText::from(listing.as_str()))))
}

/// Difference between two clocks from which times of both machines cannot be compared, in seconds.
const CLOCK_TOLERANCE: f64 = 2.0;

/// Reports by how much the clock of HAProxy's machine differs from the local one.
async fn check_clock(address: &Address, sample: &Sample, received: SystemTime) -> Finding {
    let measured = match address {
        Address::Unix(_) | Address::Abstract { .. } => return Finding::ok("clock: that of this machine"),
        Address::Ssh(ssh) => ssh_tunnel::clock_difference(ssh).await,
        Address::Tcp { .. } => None,
    };
    let reported = || {
        let info = &sample.info;
        // Both are whole seconds, so the time is up to two seconds later.
        let earliest = (info.number(InfoField::StartTimeSec)? + info.number(InfoField::UptimeSec)?) as f64;
        let received = received.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
        Some((received.clamp(earliest, earliest + 2.0) - received).round())
    };
    describe_clock(measured.or_else(reported))
}

/// Describes a clock by the number of seconds that it is ahead of the local one; `None` if unknown.
fn describe_clock(ahead: Option<f64>) -> Finding {
    match ahead {
        None => Finding::ok("clock: difference to this machine unknown, because this HAProxy does not report its time"),
        Some(ahead) if ahead.abs() < CLOCK_TOLERANCE => Finding::ok("clock: the same as on this machine"),
        Some(ahead) => {
            let direction = if ahead > 0.0 { "fast against" } else { "slow against" };
            Finding::note(format!(
                "clock: {:.0} s {direction} that of this machine, so times of both cannot be compared",
                ahead.abs()
            ))
            .with_fix("synchronize both: timedatectl set-ntp true")
        }
    }
}

fn unreachable_finding(failure: &PollFailure) -> Finding {
    let finding = Finding::error(failure.reason.clone());
    match &failure.hint {
        Some(hint) => finding.with_fix(hint.clone()),
        None => finding,
    }
}

fn check_process(sample: &Sample) -> Finding {
    let info = &sample.info;
    let parts = [
        Some(format!("HAProxy {}", info.version_text())),
        info.number(InfoField::Pid).map(|pid| format!("pid {pid}")),
        info.number(InfoField::UptimeSec).map(|uptime| format!("up {}", units::seconds(uptime))),
        Some(pluralize(sample.table.rows().len() as i64, "row")),
    ];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    match info.number(InfoField::Nbproc).filter(|count| *count > 1) {
        Some(count) => Finding::note(format!("{text}; this socket shows only one of {count} processes (nbproc)"))
            .with_fix("add a stats socket for each process (\"process N\"), and start hapulse with all of them"),
        None => Finding::ok(text),
    }
}

fn check_level(address: &Address, level: Option<Level>) -> Finding {
    let fix = || {
        let first = if address.is_tcp() { "a Unix socket, or " } else { "" };
        format!(
            "to allow actions, set this in haproxy.cfg and reload HAProxy: {first}{}",
            socket_permissions::socket_line(address, Level::Admin)
        )
    };
    match level {
        Some(Level::Admin) => Finding::ok("level admin: all actions are available"),
        Some(Level::Operator) => {
            Finding::note("level operator: everything is visible, but actions are not available").with_fix(fix())
        }
        Some(Level::User) => Finding::note(
            "level user: counters and states are visible, but sessions, errors and actions are not available",
        )
        .with_fix(fix()),
        None => Finding::note("the access level of the socket is unknown: actions will be refused").with_fix(fix()),
    }
}

/// Reports that every user or host can change HAProxy through this socket, or returns `None` if that is not the case.
fn check_exposure(address: &Address, level: Option<Level>, mode: Option<u32>) -> Option<Finding> {
    let is_admin = level == Some(Level::Admin);
    match (address, mode) {
        (Address::Tcp { host, .. }, _) if is_admin && is_loopback(host) => Some(
            Finding::note(format!(
                "every local user can change this HAProxy through {address}, because TCP has no authentication"
            ))
            .with_fix(format!(
                "use a Unix socket instead: {}",
                socket_permissions::group_socket_line(Path::new("/run/haproxy/admin.sock"))
            )),
        ),
        (Address::Abstract { .. }, _) if is_admin => Some(
            Finding::note(format!(
                "every local user can change this HAProxy through {address}, because an abstract socket has no owner and mode"
            ))
            .with_fix(format!(
                "use a socket with a path instead: {}",
                socket_permissions::group_socket_line(Path::new("/run/haproxy/admin.sock"))
            )),
        ),
        (Address::Tcp { .. }, _) if is_admin => Some(
            Finding::note(format!(
                "every host that can connect to {address} can change this HAProxy, because TCP has no authentication"
            ))
            .with_fix("bind the socket to 127.0.0.1 and connect through ssh -L"),
        ),
        (Address::Unix(path), Some(mode)) if is_admin && mode & 0o002 != 0 => Some(
            Finding::note(format!("mode {:o}: every local user can change this HAProxy", mode & 0o777))
                .with_fix(socket_permissions::group_socket_line(path)),
        ),
        _ => None,
    }
}

/// Returns true for a host that only this machine can reach.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn socket_mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|meta| meta.permissions().mode())
}

fn check_cost(address: &Address, sample: &Sample) -> Finding {
    let start = if address.ssh().is_some() { " from its first byte on" } else { "" };
    let share = sample.cost.reply_time.as_secs_f64() / sample.interval.as_secs_f64();
    Finding::ok(format!(
        "each poll takes {:.1} ms{start} and returns {} bytes; one poll every {} uses at most {} of one HAProxy thread",
        sample.cost.reply_time.as_secs_f64() * 1e3,
        units::bytes(sample.cost.bytes as f64),
        units::interval(sample.interval),
        units::percent(share),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::doctor::finding::FindingStatus;

    #[test]
    fn check_level_includes_line_for_admin_level() {
        let unix = Address::unix("/run/a.sock");
        let tcp: Address = "10.0.0.1:9999".parse().unwrap();
        assert_eq!(check_level(&unix, Some(Level::Admin)).status, FindingStatus::Ok);
        let operator = check_level(&unix, Some(Level::Operator));
        assert_eq!(
            operator.fix.unwrap(),
            "to allow actions, set this in haproxy.cfg and reload HAProxy: stats socket /run/a.sock mode 660 level admin"
        );
        assert!(check_level(&tcp, Some(Level::User)).fix.unwrap().contains("stats socket 10.0.0.1:9999 level admin"));
        assert_eq!(check_level(&unix, None).status, FindingStatus::Note);
    }

    #[test]
    fn describe_clock_reports_difference_with_direction() {
        assert!(describe_clock(None).text.contains("unknown"));
        assert_eq!(describe_clock(Some(-1.9)).status, FindingStatus::Ok);
        let ahead = describe_clock(Some(3.2));
        assert!(ahead.text.starts_with("clock: 3 s fast against that of this machine"), "{ahead:?}");
        assert!(ahead.fix.unwrap().contains("set-ntp"));
        assert!(describe_clock(Some(-70.0)).text.starts_with("clock: 70 s slow"));
    }

    #[test]
    fn check_exposure_reports_shared_admin_sockets() {
        let unix = Address::unix("/run/a.sock");
        let tcp: Address = "10.0.0.1:9999".parse().unwrap();
        assert!(check_exposure(&unix, Some(Level::Admin), Some(0o140_660)).is_none());
        assert!(check_exposure(&unix, Some(Level::Operator), Some(0o140_666)).is_none());
        assert!(check_exposure(&unix, Some(Level::Admin), Some(0o140_666)).unwrap().text.starts_with("mode 666"));
        assert!(check_exposure(&tcp, Some(Level::Admin), None).unwrap().text.contains("TCP"));
        assert!(check_exposure(&tcp, Some(Level::Operator), None).is_none());
        for local in ["127.0.0.1:9999", "[::1]:9999", "localhost:9999", "abns@a"] {
            let finding = check_exposure(&local.parse().unwrap(), Some(Level::Admin), None).unwrap();
            assert!(finding.text.starts_with("every local user"), "{finding:?}");
            assert!(finding.fix.unwrap().contains("stats socket /run/haproxy/admin.sock"), "{local}");
        }
    }
}
