//! A server: its administrative state, its checks and its operational state.
//!
//! As in `HAProxy`, three things are separate: the administrative state (flags), the operational state
//! (`SimOperationalState`) and the health counter of the checks. Only `status` combines them into one word. An
//! `Impairment`, set by the scenario, makes a server slow, faulty or unreachable; it never changes the administrative
//! state.

use std::collections::VecDeque;

use crate::demo::client_session::ClientSession;
use crate::demo::counters::Counters;
use crate::demo::health_check::{AgentCheck, Fault, HealthChange, HealthCheck};

/// `srv_admin_state`: put into maintenance by an operator.
pub(crate) const FORCED_MAINT: u8 = 1;
/// `srv_admin_state`: `disabled` in the configuration; remains set after `state ready`.
pub(crate) const CONFIG_MAINT: u8 = 4;
/// `srv_admin_state`: drained by an operator.
pub(crate) const FORCED_DRAIN: u8 = 8;

/// Operational state; the number is `srv_op_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SimOperationalState {
    /// Accepts no sessions.
    Stopped = 0,
    /// Up, with a part of its weight (slow start).
    Starting = 1,
    /// Up.
    Running = 2,
    /// Accepts only sessions whose cookie names it.
    Stopping = 3,
}

/// Effect of the scenario on a server at this moment.
#[derive(Clone, Debug)]
pub(crate) struct Impairment {
    /// Factor for the response time.
    pub response_factor: f64,
    /// Share of responses that become 5xx, from 0 to 1.
    pub error_share: f64,
    /// Failure of its checks and sessions.
    pub fault: Option<Fault>,
}

impl Default for Impairment {
    fn default() -> Self {
        Self { response_factor: 1.0, error_share: 0.0, fault: None }
    }
}

/// One `server` line of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct SimServer {
    /// Id within its backend, counted from 1.
    pub sid: u32,
    /// Name.
    pub name: String,
    /// Address without the port.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Counters.
    pub counters: Counters,
    /// Weight in the configuration.
    pub initial_weight: u32,
    /// Weight set by an operator; initially the configured one.
    pub weight: u32,
    /// Maximum number of sessions; 0 means unlimited.
    pub maxconn: u64,
    /// Set for a backup server.
    pub is_backup: bool,
    /// Value of its persistence cookie.
    pub cookie: Option<String>,
    /// Administrative flags: `FORCED_MAINT`, `CONFIG_MAINT`, `FORCED_DRAIN`.
    pub admin_flags: u8,
    /// Operational state.
    pub operational_state: SimOperationalState,
    /// Time of the last change of the operational state.
    pub last_change: u64,
    /// Milliseconds of downtime before that change.
    pub past_downtime: u64,
    /// `chkdown`
    pub down_transitions: u64,
    /// Health check.
    pub health_check: Option<HealthCheck>,
    /// Agent check.
    pub agent_check: Option<AgentCheck>,
    /// Milliseconds from coming up to full weight; 0 means no slow start.
    pub slowstart_ms: u64,
    /// Queued sessions that only this server may handle.
    pub queue: VecDeque<ClientSession>,
    /// Relative number of clients that have its cookie.
    pub cookie_clients: f64,
    /// Credit in the weighted round robin.
    pub round_robin_credit: f64,
    /// A failure that never ends.
    pub permanent_fault: Option<Fault>,
    /// Current effect of the scenario.
    pub impairment: Impairment,
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

    /// Returns whether the server has a free slot below `maxconn`.
    pub(crate) fn has_free_slot(&self) -> bool {
        self.maxconn == 0 || self.counters.current < self.maxconn
    }

    /// Returns the percentage of the weight during a slow start.
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

    /// Returns the health check if it is enabled.
    pub(crate) fn active_check(&self) -> Option<&HealthCheck> {
        self.health_check.as_ref().filter(|check| check.is_enabled)
    }

    /// Returns the agent check if it is enabled.
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

    /// Sets the operational state, and updates the time of the change, the downtime and the number of transitions.
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

    /// Brings the server up, through a slow start if it has one.
    pub(crate) fn bring_up(&mut self, now: u64) {
        let op = if self.slowstart_ms > 0 { SimOperationalState::Starting } else { SimOperationalState::Running };
        self.set_operational_state(op, now);
    }

    /// Implements `set server … state maint`, which replaces a drain.
    pub(crate) fn set_state_maint(&mut self, now: u64) {
        self.admin_flags = self.admin_flags & !FORCED_DRAIN | FORCED_MAINT;
        self.set_operational_state(SimOperationalState::Stopped, now);
    }

    /// Implements `set server … state drain`, which replaces maintenance.
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

    /// Ends maintenance. A checked server starts as if it had just come up: one failed check takes it down.
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

    /// Applies `agent up|down`, set by an operator or by the agent.
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

    /// Runs the checks that are due; `duration` is the milliseconds of a passed check.
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
