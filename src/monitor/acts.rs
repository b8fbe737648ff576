//! The acts: everything that changes HAProxy, one row each.
//!
//! A row says which command is sent, what level and how much care it needs, how its effect is read back and
//! what undoes it. Keys, help and menus refer to these rows.

use crate::haproxy::command::{self, BadName, Order, Word};
use crate::haproxy::level::Level;
use crate::haproxy::servers_state::AdminState;
use crate::haproxy::text::SafeText;
use crate::monitor::roster::RowId;

/// How much care an act needs before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// Brings something back: one key.
    Low,
    /// Takes something away: a box that shows what, and one key.
    High,
    /// Takes the last or most of it away: a name must be typed.
    Highest,
}

/// One act.
#[derive(Debug, PartialEq, Eq)]
pub struct Act {
    /// Its name in configuration, log and key map.
    pub id: &'static str,
    /// What it is called in a sentence: "maintenance".
    pub title: &'static str,
    /// The least level of the socket.
    pub level: Level,
    /// Care it needs even when much is left.
    pub danger: Danger,
    /// The state it orders.
    pub order: Order,
    /// Whether the server takes no new sessions afterwards.
    pub takes_away: bool,
}

/// Back to taking traffic.
pub static READY: Act = Act {
    id: "server.ready",
    title: "enable",
    level: Level::Admin,
    danger: Danger::Low,
    order: Order::Ready,
    takes_away: false,
};

/// No new sessions; those present go on.
pub static DRAIN: Act = Act {
    id: "server.drain",
    title: "drain",
    level: Level::Admin,
    danger: Danger::High,
    order: Order::Drain,
    takes_away: true,
};

/// Nothing at all.
pub static MAINT: Act = Act {
    id: "server.maint",
    title: "maintenance",
    level: Level::Admin,
    danger: Danger::High,
    order: Order::Maint,
    takes_away: true,
};

/// Every act.
pub static ACTS: [&Act; 3] = [&READY, &DRAIN, &MAINT];

impl Act {
    /// The exact command for one server.
    ///
    /// # Errors
    /// When a name would not be one word of the command.
    pub fn command(&self, target: &Target) -> Result<String, BadName> {
        let (backend, server) = (Word::new(&target.backend)?, Word::new(&target.server)?);
        Ok(command::set_server_state(&backend, &server, self.order))
    }

    /// Whether what was read back is what was ordered.
    pub fn is_done(&self, admin: AdminState) -> bool {
        match self.order {
            Order::Ready => admin.is_ready(),
            Order::Drain => admin.is_drain() && !admin.is_maint(),
            Order::Maint => admin.is_maint(),
        }
    }
}

/// A server as it was when the key was pressed. The act is bound to this, not to a place on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Who it is.
    pub id: RowId,
    /// Its backend's name.
    pub backend: SafeText,
    /// Its own name.
    pub server: SafeText,
    /// Its backend's number, by which `show stat` finds it: a frontend may have the same name.
    pub iid: Option<i64>,
    /// The status that the operator saw.
    pub seen: SafeText,
}

/// What an operator wants done, fixed at the key press.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// What.
    pub act: &'static Act,
    /// On which instance, by its place in the list.
    pub instance: usize,
    /// To which servers, in this order.
    pub targets: Vec<Target>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_done_when_the_admin_state_says_so() {
        let (none, maint, inherited, drain) = (AdminState(0), AdminState(1), AdminState(2), AdminState(8));
        assert!(READY.is_done(none) && READY.is_done(inherited) && !READY.is_done(maint) && !READY.is_done(drain));
        assert!(MAINT.is_done(maint) && !MAINT.is_done(inherited) && !MAINT.is_done(none));
        assert!(DRAIN.is_done(drain) && !DRAIN.is_done(maint) && !DRAIN.is_done(AdminState(9)));
    }

    #[test]
    fn a_strange_name_gives_no_command() {
        let target = |server: &str| Target {
            id: RowId::PROCESS,
            backend: "b".into(),
            server: server.into(),
            iid: None,
            seen: "UP".into(),
        };
        assert_eq!(MAINT.command(&target("s1")).unwrap(), "set server b/s1 state maint");
        assert!(MAINT.command(&target("s1;shutdown")).is_err());
    }
}
