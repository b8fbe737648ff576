//! A server: administrative state, checks and operational state.
//!
//! As in `HAProxy`, the administrative state (flags), the operational state (`SimOperationalState`) and the health
//! counter of the checks are separate. Only `status` combines the three into one word. An `Impairment`, set by the
//! scenario, makes a server slow, faulty or unreachable, but never changes the administrative state.

use std::collections::VecDeque;

use crate::demo::client_session::ClientSession;
use crate::demo::counters::Counters;
use crate::demo::health_check::{AgentCheck, Fault, HealthChange, HealthCheck};

/// Flag in `srv_admin_state`: an operator put the server into maintenance.
pub(crate) const FORCED_MAINT: u8 = 1;
/// Flag in `srv_admin_state`: the server is `disabled` in the configuration. The flag remains set after `state ready`.
pub(crate) const CONFIG_MAINT: u8 = 4;
/// Flag in `srv_admin_state`: an operator put the server into drain.
pub(crate) const FORCED_DRAIN: u8 = 8;

/// Operational state. The number is the value of `srv_op_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SimOperationalState {
    /// Down: accepts no sessions.
    Stopped = 0,
    /// Up, with only part of the weight (slow start).
    Starting = 1,
    /// Up.
    Running = 2,
    /// Accepts only sessions whose cookie names this server.
    Stopping = 3,
}

/// Current effect of the scenario on a server.
#[derive(Clone, Debug)]
pub(crate) struct Impairment {
    /// Factor by which the response time is multiplied.
    pub(crate) response_factor: f64,
    /// Share of responses that become 5xx, from 0 to 1.
    pub(crate) error_share: f64,
    /// Failure of the server's checks and sessions, if the server does not answer.
    pub(crate) fault: Option<Fault>,
}

impl Default for Impairment {
    fn default() -> Self {
        Self { response_factor: 1.0, error_share: 0.0, fault: None }
    }
}

/// One `server` line of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct SimServer {
    /// Id within the backend, counted from 1.
    pub(crate) sid: u32,
    /// Name.
    pub(crate) name: String,
    /// Address without the port.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// Counters.
    pub(crate) counters: Counters,
    /// Weight in the configuration.
    pub(crate) initial_weight: u32,
    /// Weight set by an operator; initially the configured weight.
    pub(crate) weight: u32,
    /// Maximum number of sessions; 0 means unlimited.
    pub(crate) maxconn: u64,
    /// True for a backup server.
    pub(crate) is_backup: bool,
    /// Value of the persistence cookie that names this server.
    pub(crate) cookie: Option<String>,
    /// Administrative flags: `FORCED_MAINT`, `CONFIG_MAINT`, `FORCED_DRAIN`.
    pub(crate) admin_flags: u8,
    /// Operational state.
    pub(crate) operational_state: SimOperationalState,
    /// Time of the last change of the operational state.
    pub(crate) last_change: u64,
    /// Milliseconds of downtime before `last_change`.
    pub(crate) past_downtime: u64,
    /// Number of transitions to down (`chkdown`).
    pub(crate) down_transitions: u64,
    /// Health check.
    pub(crate) health_check: Option<HealthCheck>,
    /// Agent check.
    pub(crate) agent_check: Option<AgentCheck>,
    /// Milliseconds that a slow start takes; 0 means no slow start.
    pub(crate) slowstart_ms: u64,
    /// Queued sessions that only this server may handle.
    pub(crate) queue: VecDeque<ClientSession>,
    /// Relative number of clients that have this server's cookie.
    pub(crate) cookie_clients: f64,
    /// Credit in the weighted round robin of `load_balancing.rs`.
    pub(crate) round_robin_credit: f64,
    /// A failure that never ends.
    pub(crate) permanent_fault: Option<Fault>,
    /// Current effect of the scenario.
    pub(crate) impairment: Impairment,
}

impl SimServer {
    /// Returns whether an operator put the server into maintenance.
    pub(crate) fn is_in_maint(&self) -> bool {
        self.admin_flags & FORCED_MAINT != 0
    }

    /// Returns whether an operator drains the server.
    pub(crate) fn is_in_drain(&self) -> bool {
        self.admin_flags & FORCED_DRAIN != 0
    }

    /// Returns whether load balancing may select the server.
    pub(crate) fn is_usable(&self, now: u64) -> bool {
        !self.is_in_maint()
            && !self.is_in_drain()
            && matches!(self.operational_state, SimOperationalState::Running | SimOperationalState::Starting)
            && self.effective_weight(now) > 0
    }

    /// Returns whether the server accepts sessions whose cookie names it.
    pub(crate) fn accepts_cookies(&self) -> bool {
        !self.is_in_maint() && self.operational_state != SimOperationalState::Stopped
    }

    /// Returns whether the server answers requests.
    pub(crate) fn answers(&self) -> bool {
        self.impairment.fault.or(self.permanent_fault).is_none()
    }

    /// Returns whether the server has a free slot below `maxconn`.
    pub(crate) fn has_free_slot(&self) -> bool {
        self.maxconn == 0 || self.counters.current < self.maxconn
    }

    /// Returns the percentage of the weight that is used during a slow start, otherwise `None`.
    pub(crate) fn throttle(&self, now: u64) -> Option<u64> {
        (self.operational_state == SimOperationalState::Starting && !self.is_in_maint() && !self.is_in_drain())
            .then(|| (now.saturating_sub(self.last_change) * 100 / self.slowstart_ms.max(1)).clamp(1, 100))
    }

    /// Returns the weight that load balancing uses.
    pub(crate) fn effective_weight(&self, now: u64) -> u32 {
        match self.throttle(now) {
            Some(percent) => (u64::from(self.weight) * percent).div_ceil(100) as u32,
            None => self.weight,
        }
    }

    /// Returns the total milliseconds of downtime.
    pub(crate) fn downtime(&self, now: u64) -> u64 {
        let current = if self.operational_state == SimOperationalState::Stopped {
            now.saturating_sub(self.last_change)
        } else {
            0
        };
        self.past_downtime + current
    }

    /// Returns the health check, or `None` if it is disabled or not configured.
    pub(crate) fn active_check(&self) -> Option<&HealthCheck> {
        self.health_check.as_ref().filter(|check| check.is_enabled)
    }

    /// Returns the agent check, or `None` if it is disabled or not configured.
    pub(crate) fn active_agent(&self) -> Option<&AgentCheck> {
        self.agent_check.as_ref().filter(|agent| agent.is_enabled)
    }

    /// Returns the value of the `status` column.
    pub(crate) fn status(&self) -> String {
        if self.is_in_maint() {
            return "MAINT".to_owned();
        }
        let check = self.active_check();
        let transitional = check.filter(|check| check.health < check.full_health());
        let word = match self.operational_state {
            SimOperationalState::Running | SimOperationalState::Starting
                if self.is_in_drain() && self.active_agent().is_some() =>
            {
                "DRAIN (agent)"
            }
            SimOperationalState::Running | SimOperationalState::Starting if self.is_in_drain() => "DRAIN",
            SimOperationalState::Running | SimOperationalState::Starting if check.is_none() => "no check",
            SimOperationalState::Running | SimOperationalState::Starting => "UP",
            SimOperationalState::Stopping => "NOLB",
            SimOperationalState::Stopped if self.active_agent().is_some_and(|agent| !agent.reports_up) => {
                "DOWN (agent)"
            }
            SimOperationalState::Stopped => "DOWN",
        };
        match (word, transitional) {
            ("UP" | "DRAIN" | "NOLB", Some(check)) if check.is_up() => {
                format!("{word} {}/{}", check.health + 1 - check.rise, check.fall)
            }
            ("DOWN", Some(check)) if check.health > 0 => {
                format!("DOWN {}/{}", check.health, check.rise)
            }
            _ => word.to_owned(),
        }
    }

    /// Sets the operational state, and updates the time of the last change, the downtime and the number of transitions
    /// to down.
    pub(crate) fn set_operational_state(&mut self, op: SimOperationalState, now: u64) {
        if self.operational_state == op {
            return;
        }
        if self.operational_state == SimOperationalState::Stopped {
            self.past_downtime += now.saturating_sub(self.last_change);
        }
        if op == SimOperationalState::Stopped {
            self.down_transitions += 1;
        }
        self.operational_state = op;
        self.last_change = now;
    }

    /// Brings the server up, through a slow start if one is configured.
    pub(crate) fn bring_up(&mut self, now: u64) {
        let op = if self.slowstart_ms > 0 { SimOperationalState::Starting } else { SimOperationalState::Running };
        self.set_operational_state(op, now);
    }

    /// Implements `set server … state maint`, which also ends a drain.
    pub(crate) fn set_state_maint(&mut self, now: u64) {
        self.admin_flags = self.admin_flags & !FORCED_DRAIN | FORCED_MAINT;
        self.set_operational_state(SimOperationalState::Stopped, now);
    }

    /// Implements `set server … state drain`, which also ends maintenance.
    pub(crate) fn set_state_drain(&mut self, now: u64) {
        if self.is_in_maint() {
            self.leave_maint(now);
        }
        self.admin_flags |= FORCED_DRAIN;
    }

    /// Implements `set server … state ready`, which ends maintenance and drain.
    pub(crate) fn set_state_ready(&mut self, now: u64) {
        if self.is_in_maint() {
            self.leave_maint(now);
        }
        self.admin_flags &= !FORCED_DRAIN;
    }

    /// Ends maintenance. A single failed check then takes the server down again.
    fn leave_maint(&mut self, now: u64) {
        self.admin_flags &= !FORCED_MAINT;
        if let Some(check) = self.health_check.as_mut() {
            check.health = check.rise;
            check.next_run = now + 1000;
        }
        self.bring_up(now);
    }

    /// Implements `set server … health up|stopping|down`.
    pub(crate) fn set_health(&mut self, op: SimOperationalState, now: u64) {
        if let Some(check) = self.health_check.as_mut() {
            check.health = if op == SimOperationalState::Stopped { 0 } else { check.full_health() };
        }
        if !self.is_in_maint() {
            self.set_operational_state(op, now);
        }
    }

    /// Sets the server to the state up or down that an operator or the agent reports.
    pub(crate) fn set_agent(&mut self, up: bool, now: u64) {
        if let Some(agent) = self.agent_check.as_mut() {
            agent.reports_up = up;
        }
        if self.is_in_maint() {
            return;
        }
        if !up {
            self.set_operational_state(SimOperationalState::Stopped, now);
        } else if self.operational_state == SimOperationalState::Stopped
            && self.active_check().is_none_or(HealthCheck::is_up)
        {
            self.bring_up(now);
        }
    }

    /// Runs the checks that are due. `duration` is the time that a passed HTTP check takes, in milliseconds.
    pub(crate) fn run_checks(&mut self, now: u64, duration: u64) {
        if self.is_in_maint() {
            return;
        }
        let fault = self.permanent_fault.or(self.impairment.fault);
        if let Some(check) = self.health_check.as_mut().filter(|check| check.is_enabled && check.next_run <= now) {
            match check.run(fault, now, duration) {
                HealthChange::Up if self.active_agent().is_none_or(|agent| agent.reports_up) => self.bring_up(now),
                HealthChange::Down => self.set_operational_state(SimOperationalState::Stopped, now),
                HealthChange::Up | HealthChange::Unchanged => {}
            }
        }
        if let Some(agent) = self.agent_check.as_mut().filter(|agent| agent.is_enabled && agent.next_run <= now) {
            agent.next_run = now + 5000;
            agent.duration = duration / 3;
            if fault.is_none() && !agent.reports_up {
                self.set_agent(true, now);
            }
        }
        if self.operational_state == SimOperationalState::Starting
            && now.saturating_sub(self.last_change) >= self.slowstart_ms
        {
            // The end of a slow start does not change `lastchg`.
            self.operational_state = SimOperationalState::Running;
        }
    }
}
