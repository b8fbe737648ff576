//! The answer to `show servers state` (1.6 and newer): what the `status` word does not tell.
//!
//! A DOWN server that drains still reads `DOWN` in `show stat`; only `srv_admin_state` tells what an
//! operator ordered. Columns are found by name: 17 in 1.6, 25 from 2.4 on.

use crate::haproxy::safe_text::SafeText;

/// What was ordered for a server, as the bits of `srv_admin_state`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AdminState(pub u32);

impl AdminState {
    const FORCED_MAINT: u32 = 0x01;
    const CONFIG_MAINT: u32 = 0x04;
    const FORCED_DRAIN: u32 = 0x08;

    /// Maintenance was ordered on this very server, at run time or by the configuration.
    pub fn is_maint(self) -> bool {
        self.0 & Self::FORCED_MAINT != 0
    }

    /// The configuration says `disabled`. The bit stays when the server is enabled (5 becomes 4 on 2.6.12).
    pub fn is_configured(self) -> bool {
        self.0 & Self::CONFIG_MAINT != 0
    }

    /// Draining was ordered on this very server.
    pub fn is_drain(self) -> bool {
        self.0 & Self::FORCED_DRAIN != 0
    }

    /// Neither was ordered here; the server may still be in maintenance through the one it tracks.
    pub fn is_ready(self) -> bool {
        !self.is_maint() && !self.is_drain()
    }
}

/// Whether health checks or agent checks run, as the bits of `srv_check_state` and `srv_agent_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckState(pub u32);

impl CheckState {
    const CONFIGURED: u32 = 0x02;
    const ENABLED: u32 = 0x04;

    /// The configuration has such a check.
    pub fn is_configured(self) -> bool {
        self.0 & Self::CONFIGURED != 0
    }

    /// It is not switched off.
    pub fn is_enabled(self) -> bool {
        self.0 & Self::ENABLED != 0
    }
}

/// What the checks, or who spoke for them, made of a server: `srv_op_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// 0: it does not work.
    Stopped,
    /// 1: it comes up slowly.
    Starting,
    /// 2: it works.
    Running,
    /// 3: it finishes what it has.
    Stopping,
}

impl Operation {
    fn of(number: i64) -> Option<Self> {
        [Self::Stopped, Self::Starting, Self::Running, Self::Stopping].get(usize::try_from(number).ok()?).copied()
    }
}

/// One server's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// Name of the backend.
    pub backend: SafeText,
    /// Name of the server.
    pub server: SafeText,
    /// What was ordered.
    pub admin: AdminState,
    /// Weight in force: `srv_uweight`.
    pub weight: Option<i64>,
    /// Weight in the configuration: `srv_iweight`.
    pub initial_weight: Option<i64>,
    /// Whether it works.
    pub operation: Option<Operation>,
    /// Its health checks.
    pub checks: Option<CheckState>,
    /// Its agent checks.
    pub agent: Option<CheckState>,
}

/// Where the columns stand that are read.
struct Columns {
    backend: usize,
    server: usize,
    admin: usize,
    weight: Option<usize>,
    initial_weight: Option<usize>,
    operation: Option<usize>,
    checks: Option<usize>,
    agent: Option<usize>,
}

impl Columns {
    fn of(header: &[u8]) -> Option<Self> {
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
        })
    }

    fn read(&self, line: &[u8]) -> Option<ServerState> {
        let cells: Vec<&[u8]> = words(line).collect();
        let number = |column: Option<usize>| std::str::from_utf8(cells.get(column?)?).ok()?.parse::<i64>().ok();
        let bits = |column: Option<usize>| u32::try_from(number(column)?).ok();
        Some(ServerState {
            backend: SafeText::new(cells.get(self.backend)?),
            server: SafeText::new(cells.get(self.server)?),
            admin: AdminState(bits(Some(self.admin))?),
            weight: number(self.weight),
            initial_weight: number(self.initial_weight),
            operation: number(self.operation).and_then(Operation::of),
            checks: bits(self.checks).map(CheckState),
            agent: bits(self.agent).map(CheckState),
        })
    }
}

/// Reads an answer line by line; those that do not fit the header are left out. None when it is no such answer.
pub fn read(body: &[u8]) -> impl Iterator<Item = ServerState> {
    let mut lines = body.split(|byte| *byte == b'\n');
    let columns = lines.find_map(|line| line.strip_prefix(b"# ")).and_then(Columns::of);
    lines.filter_map(move |line| columns.as_ref()?.read(line))
}

/// All of them at once.
pub fn parse(body: &[u8]) -> Vec<ServerState> {
    read(body).collect()
}

/// One blank ends a word. 1.8.0 leaves the address of a server that is not resolved empty: two blanks.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_bits_and_weights_are_found_by_name() {
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
    fn an_empty_address_is_a_cell_like_any_other() {
        let body = b"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n\
            5 be_app 7 dns1  2 32 1\n";
        let servers = parse(body);
        assert_eq!((servers[0].admin, servers[0].weight), (AdminState(32), Some(1)), "as 1.8.0 writes it");
    }

    #[test]
    fn inherited_maintenance_is_not_ordered_here() {
        assert!(AdminState(0x02).is_ready());
        assert!(AdminState(0x05).is_maint() && AdminState(0x05).is_configured());
        assert!(AdminState(0x04).is_ready(), "enabled at run time, though the configuration says disabled");
        assert!(parse(b"Permission denied\n").is_empty());
    }
}
