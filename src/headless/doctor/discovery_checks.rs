//! Lists the HAProxies that run on this machine, and what discovery did not trust.

use crate::config::discovery::Discovery;
use crate::headless::doctor::finding::Finding;

/// Reports each running HAProxy with its socket, and each candidate that was skipped.
pub(crate) fn check_discovery(found: &Discovery) -> Vec<Finding> {
    let mut findings = Vec::new();
    for haproxy in &found.running {
        findings.push(match &haproxy.address {
            Ok(address) => Finding::ok(format!("{address} ({})", haproxy.describe())),
            Err(missing) => {
                let text =
                    format!("{} has no stats socket that this user may open: {}", haproxy.describe(), missing.reason());
                Finding::note(text).with_fix(missing.fix())
            }
        });
    }
    if let Some(address) = &found.common_socket {
        let seen =
            if found.running.is_empty() { "no running HAProxy was found, but a socket" } else { "a usual socket" };
        findings.push(Finding::note(format!("{address}: {seen} exists")));
    }
    if found.running.iter().any(|haproxy| haproxy.address.is_err()) {
        findings.push(tried_finding(&found.log.tried));
    }
    findings.extend(skipped_findings(&found.log.skipped));
    if found.running.len() > 1 {
        findings.push(Finding::note(
            "several HAProxies: commands that change something, and hapulse get, need --target".to_owned(),
        ));
    }
    findings
}

/// Reports each candidate that discovery did not trust, with the reason.
pub(crate) fn skipped_findings(skipped: &[String]) -> impl Iterator<Item = Finding> {
    skipped.iter().map(|reason| {
        Finding::note(format!("skipped: {reason}")).with_fix("if you trust it, name its socket as the target")
    })
}

/// Reports every path that discovery tried.
pub(crate) fn tried_finding(tried: &[String]) -> Finding {
    Finding::note(format!("tried:\n{}", tried.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::local_haproxy::{LocalHaproxy, MissingSocket};
    use crate::haproxy::address::Address;

    #[test]
    fn check_discovery_lists_haproxies_and_skipped_candidates() {
        let one = |pid, address| LocalHaproxy { pids: vec![pid], configs: vec!["/a.cfg".into()], address };
        let running = vec![one(1, Ok(Address::unix("/run/a.sock"))), one(2, Err(MissingSocket::NoLine))];
        let mut found = Discovery { running, ..Discovery::default() };
        found.log.skipped.push("/b.cfg: belongs to user ann".to_owned());
        let texts: Vec<String> = check_discovery(&found).into_iter().map(|finding| finding.text).collect();
        assert_eq!(texts[0], "/run/a.sock (pid 1, /a.cfg)");
        assert!(texts[1].starts_with("pid 2, /a.cfg has no stats socket"), "{texts:?}");
        assert!(texts[3].ends_with("/b.cfg: belongs to user ann") && texts[4].contains("--target"), "{texts:?}");
    }
}
