//! One HAProxy: whether it answers, what it is, what may be done, and what a look costs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use tokio::runtime::Builder;

use crate::app::action_facts::counted;
use crate::haproxy::address::Address;
use crate::haproxy::connection::Limits;
use crate::haproxy::fields::InfoField;
use crate::haproxy::level::Level;
use crate::haproxy::socket_permissions;
use crate::headless::doctor::finding::Finding;
use crate::observe::link::Failure;
use crate::observe::poll_schedule::Pace;
use crate::observe::sample::Sample;
use crate::observe::sampler::{News, Sampler};
use crate::observe::timestamp::Clock;
use crate::table::number_format;

/// Asks once, and judges. Nothing but questions is sent.
///
/// # Errors
/// When the system does not let it begin.
pub fn examine(address: &Address, pace: Pace) -> anyhow::Result<Vec<Finding>> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the I/O runtime")?;
    let mut pace = pace;
    let mut sampler = Sampler::new(address.clone(), Limits::default(), false, Clock::start());
    Ok(match runtime.block_on(sampler.take(&mut pace)) {
        News::Failed(failure, _) => vec![unreachable(&failure)],
        News::Sample(sample) => {
            let mode = address.path().and_then(mode);
            let mut findings = vec![process(&sample), level(address, sample.level), cost(&sample)];
            findings.extend(exposure(address, sample.level, mode));
            findings
        }
    })
}

fn unreachable(failure: &Failure) -> Finding {
    let finding = Finding::wrong(failure.why.clone());
    match &failure.hint {
        Some(hint) => finding.mend(hint.clone()),
        None => finding,
    }
}

fn process(sample: &Sample) -> Finding {
    let info = &sample.info;
    let parts = [
        Some(format!("HAProxy {}", info.version_text())),
        info.number(InfoField::Pid).map(|pid| format!("pid {pid}")),
        info.number(InfoField::UptimeSec).map(|uptime| format!("up {}", number_format::seconds(uptime))),
        Some(counted(sample.table.rows().len() as i64, "row")),
    ];
    let what = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    match info.number(InfoField::Nbproc).filter(|count| *count > 1) {
        Some(count) => Finding::note(format!("{what}; it has {count} processes, and this socket tells of one"))
            .mend("a stats socket for each process (\"process N\"), and hapulse with all of them"),
        None => Finding::fine(what),
    }
}

fn level(address: &Address, level: Option<Level>) -> Finding {
    let mend = || {
        let first = if address.is_tcp() { "a Unix socket, or: " } else { "" };
        format!("to act, in haproxy.cfg, then reload: {first}{}", socket_permissions::line(address, Level::Admin))
    };
    match level {
        Some(Level::Admin) => Finding::fine("level admin: servers can be drained, disabled and brought back"),
        Some(Level::Operator) => {
            Finding::note("level operator: everything is seen, nothing can be changed").mend(mend())
        }
        Some(Level::User) => {
            Finding::note("level user: counters and states are seen, sessions and errors are not").mend(mend())
        }
        None => Finding::note("the level of the socket is not told: acts will be refused").mend(mend()),
    }
}

/// Who else may do what we may.
fn exposure(address: &Address, level: Option<Level>, mode: Option<u32>) -> Option<Finding> {
    let is_admin = level == Some(Level::Admin);
    match (address, mode) {
        (Address::Tcp { .. }, _) if is_admin => Some(
            Finding::note(format!("whoever reaches {address} may change this HAProxy: TCP asks for no password"))
                .mend("bind it to 127.0.0.1, and come by ssh -L"),
        ),
        (Address::Unix(path), Some(mode)) if is_admin && mode & 0o002 != 0 => Some(
            Finding::note(format!("mode {:o}: every user of this machine may change this HAProxy", mode & 0o777))
                .mend(socket_permissions::line_for_the_group(path)),
        ),
        _ => None,
    }
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|meta| meta.permissions().mode())
}

fn cost(sample: &Sample) -> Finding {
    let share = sample.cost.answer.as_secs_f64() / sample.interval.as_secs_f64();
    Finding::fine(format!(
        "a look takes {:.1} ms and {} bytes, every {}: {} of one of its threads at the most",
        sample.cost.answer.as_secs_f64() * 1e3,
        number_format::bytes(sample.cost.bytes as f64),
        number_format::interval(sample.interval),
        number_format::percent(share),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::doctor::finding::Grade;

    #[test]
    fn levels_are_judged_with_the_line_for_more() {
        let unix = Address::unix("/run/a.sock");
        let tcp: Address = "10.0.0.1:9999".parse().unwrap();
        assert_eq!(level(&unix, Some(Level::Admin)).grade, Grade::Fine);
        let operator = level(&unix, Some(Level::Operator));
        assert_eq!(
            operator.mend.unwrap(),
            "to act, in haproxy.cfg, then reload: stats socket /run/a.sock mode 660 level admin"
        );
        assert!(level(&tcp, Some(Level::User)).mend.unwrap().contains("stats socket 10.0.0.1:9999 level admin"));
        assert_eq!(level(&unix, None).grade, Grade::Note);
    }

    #[test]
    fn who_else_may_act_is_told() {
        let unix = Address::unix("/run/a.sock");
        let tcp: Address = "10.0.0.1:9999".parse().unwrap();
        assert!(exposure(&unix, Some(Level::Admin), Some(0o140_660)).is_none());
        assert!(exposure(&unix, Some(Level::Operator), Some(0o140_666)).is_none());
        assert!(exposure(&unix, Some(Level::Admin), Some(0o140_666)).unwrap().what.starts_with("mode 666"));
        assert!(exposure(&tcp, Some(Level::Admin), None).unwrap().what.contains("TCP"));
        assert!(exposure(&tcp, Some(Level::Operator), None).is_none());
    }
}
