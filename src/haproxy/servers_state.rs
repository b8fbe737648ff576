//! The reply to `show servers state` (1.6 and newer), which reports more than the `status` column.
//!
//! `show stat` reports `DOWN` for a server that is both down and draining; only `srv_admin_state` contains the state
//! that was ordered. Columns are found by name, because their number depends on the version: 17 in 1.6 and 25 since
//! 2.4.

use crate::haproxy::safe_text::SafeText;

/// The administrative state of a server: the bits of `srv_admin_state`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AdminState(pub u32);

impl AdminState {
    const FORCED_MAINT: u32 = 0x01;
    const CONFIG_MAINT: u32 = 0x04;
    const FORCED_DRAIN: u32 = 0x08;
    const INHERITED_DRAIN: u32 = 0x10;

    /// Returns true if the server itself was put into maintenance, at run time or by the configuration.
    pub fn is_maint(self) -> bool {
        self.0 & Self::FORCED_MAINT != 0
    }

    /// Returns true if the configuration contains `disabled` for the server. This stays true if the server is enabled
    /// at run time (`srv_admin_state` changes from 5 to 4 on 2.6.12).
    pub(crate) fn is_disabled_in_config(self) -> bool {
        self.0 & Self::CONFIG_MAINT != 0
    }

    /// Returns true if the server itself was put into drain.
    pub fn is_drain(self) -> bool {
        self.0 & Self::FORCED_DRAIN != 0
    }

    /// Returns true if the server is in drain itself, or because it tracks a server in drain.
    pub(crate) fn is_in_drain(self) -> bool {
        self.0 & (Self::FORCED_DRAIN | Self::INHERITED_DRAIN) != 0
    }

    /// Returns true if neither maintenance nor drain is set on the server itself. The server may still be in
    /// maintenance because it tracks a server in maintenance.
    pub fn is_ready(self) -> bool {
        !self.is_maint() && !self.is_drain()
    }
}

/// The state of health or agent checks: the bits of `srv_check_state` or `srv_agent_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CheckState(pub u32);

impl CheckState {
    const CONFIGURED: u32 = 0x02;
    const ENABLED: u32 = 0x04;

    /// Returns true if the check is configured.
    pub(crate) fn is_configured(self) -> bool {
        self.0 & Self::CONFIGURED != 0
    }

    /// Returns true if the check is enabled.
    pub(crate) fn is_enabled(self) -> bool {
        self.0 & Self::ENABLED != 0
    }
}

/// The operational state of a server, as set by checks or by `set server ... health`: `srv_op_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum OperationalState {
    /// 0: the server is down.
    Stopped,
    /// 1: the server is in slow start.
    Starting,
    /// 2: the server is up.
    Running,
    /// 3: the server finishes its sessions and accepts no new sessions.
    Stopping,
}

impl OperationalState {
    fn from_number(number: i64) -> Option<Self> {
        [Self::Stopped, Self::Starting, Self::Running, Self::Stopping].get(usize::try_from(number).ok()?).copied()
    }
}

/// The state of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// Name of the backend.
    pub backend: SafeText,
    /// Name of the server.
    pub server: SafeText,
    /// The administrative state.
    pub admin: AdminState,
    /// The current weight: `srv_uweight`.
    pub weight: Option<i64>,
    /// The configured weight: `srv_iweight`.
    pub initial_weight: Option<i64>,
    /// The operational state; `None` if this version does not report it.
    pub(crate) operational: Option<OperationalState>,
    /// The state of the health checks.
    pub(crate) checks: Option<CheckState>,
    /// The state of the agent checks.
    pub(crate) agent: Option<CheckState>,
    /// True if the last health check failed, false if it passed: `srv_check_result`. HAProxy reports it even in
    /// maintenance.
    pub(crate) has_failed_check: Option<bool>,
    /// The SRV record, or else the host name, and the port, by which DNS gives the server its address; `None` for a
    /// server with a fixed address.
    pub(crate) dns_name: Option<(SafeText, i64)>,
}

/// The indexes of the columns that are read.
struct ServerStateColumns {
    backend: usize,
    server: usize,
    admin: usize,
    weight: Option<usize>,
    initial_weight: Option<usize>,
    operation: Option<usize>,
    checks: Option<usize>,
    agent: Option<usize>,
    check_result: Option<usize>,
    fqdn: Option<usize>,
    port: Option<usize>,
    srv_record: Option<usize>,
}

impl ServerStateColumns {
    fn from_header(header: &[u8]) -> Option<Self> {
        let names: Vec<&[u8]> = words(header).collect();
        let column = |name: &[u8]| names.iter().position(|known| *known == name);
        Some(Self {
            backend: column(b"be_name")?,
            server: column(b"srv_name")?,
            admin: column(b"srv_admin_state")?,
            weight: column(b"srv_uweight"),
            initial_weight: column(b"srv_iweight"),
            operation: column(b"srv_op_state"),
            checks: column(b"srv_check_state"),
            agent: column(b"srv_agent_state"),
            check_result: column(b"srv_check_result"),
            fqdn: column(b"srv_fqdn"),
            port: column(b"srv_port"),
            srv_record: column(b"srvrecord"),
        })
    }

    fn parse_row(&self, line: &[u8]) -> Option<ServerState> {
        let cells: Vec<&[u8]> = words(line).collect();
        let number = |column: Option<usize>| std::str::from_utf8(cells.get(column?)?).ok()?.parse::<i64>().ok();
        let bits = |column: Option<usize>| u32::try_from(number(column)?).ok();
        let name = |column: Option<usize>| cells.get(column?).filter(|cell| !matches!(**cell, b"" | b"-"));
        let dns_name = name(self.srv_record).or_else(|| name(self.fqdn));
        Some(ServerState {
            backend: SafeText::new(cells.get(self.backend)?),
            server: SafeText::new(cells.get(self.server)?),
            admin: AdminState(bits(Some(self.admin))?),
            weight: number(self.weight),
            initial_weight: number(self.initial_weight),
            operational: number(self.operation).and_then(OperationalState::from_number),
            checks: bits(self.checks).map(CheckState),
            agent: bits(self.agent).map(CheckState),
            has_failed_check: match number(self.check_result) {
                Some(2) => Some(true),
                Some(3 | 4) => Some(false),
                _ => None,
            },
            dns_name: dns_name.map(|name| (SafeText::new(name), number(self.port).unwrap_or_default())),
        })
    }
}

/// Parses a reply line by line and skips lines that do not match the header. Yields nothing if the header is missing.
pub fn iter(body: &[u8]) -> impl Iterator<Item = ServerState> {
    let mut lines = body.split(|byte| *byte == b'\n');
    let columns = lines.find_map(|line| line.strip_prefix(b"# ")).and_then(ServerStateColumns::from_header);
    lines.filter_map(move |line| columns.as_ref()?.parse_row(line))
}

/// Parses a reply and collects all servers.
pub fn parse(body: &[u8]) -> Vec<ServerState> {
    iter(body).collect()
}

/// Splits a line at each blank, so that two consecutive blanks enclose an empty word: 1.8.0 writes an empty address for
/// an unresolved server.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_finds_admin_bits_and_weights_by_name() {
        let body =
            b"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n\
            5 be_app 1 app1 127.0.0.1 2 0 100 100\n5 be_app 2 app2 127.0.0.1 2 8 50 10\n5 be_app 3\n";
        let servers = parse(body);
        assert_eq!(servers.len(), 2);
        assert!(servers[0].admin.is_ready());
        assert!(servers[1].admin.is_drain() && !servers[1].admin.is_maint());
        assert_eq!((servers[1].weight, servers[1].initial_weight), (Some(50), Some(10)));
    }

    #[test]
    fn parse_accepts_an_empty_address_cell() {
        let body = b"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n\
            5 be_app 7 dns1  2 32 1\n";
        let servers = parse(body);
        assert_eq!((servers[0].admin, servers[0].weight), (AdminState(32), Some(1)), "as 1.8.0 writes it");
    }

    #[test]
    fn is_ready_ignores_inherited_maintenance() {
        assert!(AdminState(0x02).is_ready());
        assert!(AdminState(0x05).is_maint() && AdminState(0x05).is_disabled_in_config());
        assert!(AdminState(0x04).is_ready(), "enabled at run time, but disabled in the configuration");
        assert!(parse(b"Permission denied\n").is_empty());
    }
}
