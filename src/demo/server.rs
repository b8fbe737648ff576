//! A server: what an operator did to it, what its checks think of it, and what follows from both.
//!
//! Three things are kept apart, as `HAProxy` keeps them: the administrative state (bits), the operational state
//! (`Op`) and the health of the checks. `status` is the only place where they become one word. What the story
//! does to a server is an `Ordeal`: it can make it slow, wrong or unreachable, but never touches the first.

use std::collections::VecDeque;

use crate::demo::client_session::Session;
use crate::demo::counters::Meter;
use crate::demo::health_check::{Agent, Check, Fault, Verdict};

/// `srv_admin_state`: put in maintenance by an operator.
pub(crate) const FORCED_MAINT: u8 = 1;
/// `srv_admin_state`: `disabled` in the configuration; stays as a remark after `state ready`.
pub(crate) const CONFIG_MAINT: u8 = 4;
/// `srv_admin_state`: drained by an operator.
pub(crate) const FORCED_DRAIN: u8 = 8;

/// The operational state; the number is `srv_op_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Takes no session at all.
    Stopped = 0,
    /// Up, but on a part of its weight.
    Starting = 1,
    /// Up.
    Running = 2,
    /// Takes only sessions whose cookie names it.
    Stopping = 3,
}

/// What the story does to a server at this moment.
#[derive(Clone, Debug)]
pub(crate) struct Ordeal {
    /// Factor on its response time.
    pub slow: f64,
    /// Share of its responses that become 5xx.
    pub errors: f64,
    /// What its checks and its clients run into.
    pub fault: Option<Fault>,
}

impl Default for Ordeal {
    fn default() -> Self {
        Self { slow: 1.0, errors: 0.0, fault: None }
    }
}

/// One `server` line.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Counts from 1 in its backend.
    pub sid: u32,
    /// Its name.
    pub name: String,
    /// Its address without the port.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What is counted.
    pub meter: Meter,
    /// The weight in the configuration.
    pub initial_weight: u32,
    /// The weight an operator wants.
    pub weight: u32,
    /// 0 for no limit.
    pub maxconn: u64,
    /// Whether it works only when no other does.
    pub backup: bool,
    /// Its cookie's value.
    pub cookie: Option<String>,
    /// The administrative bits.
    pub admin: u8,
    /// The operational state.
    pub op: Op,
    /// When the state last changed.
    pub changed: u64,
    /// Milliseconds it was stopped before that.
    pub was_down: u64,
    /// `chkdown`
    pub down_transitions: u64,
    /// Its health check.
    pub check: Option<Check>,
    /// Its agent check.
    pub agent: Option<Agent>,
    /// Milliseconds to full weight after it came up; 0 for none.
    pub slowstart: u64,
    /// Sessions that wait for this very server.
    pub queue: VecDeque<Session>,
    /// How many clients hold its cookie, as a share.
    pub loyal: f64,
    /// Its credit in the round robin.
    pub turn: f64,
    /// A fault that never goes.
    pub broken: Option<Fault>,
    /// What the story does to it.
    pub ordeal: Ordeal,
}

impl Server {
    /// Whether it is in maintenance.
    pub(crate) fn in_maint(&self) -> bool {
        self.admin & FORCED_MAINT != 0
    }

    /// Whether it is drained.
    pub(crate) fn in_drain(&self) -> bool {
        self.admin & FORCED_DRAIN != 0
    }

    /// Whether the balancing may choose it.
    pub(crate) fn usable(&self, now: u64) -> bool {
        !self.in_maint()
            && !self.in_drain()
            && matches!(self.op, Op::Running | Op::Starting)
            && self.effective_weight(now) > 0
    }

    /// Whether it takes sessions whose cookie names it.
    pub(crate) fn takes_cookies(&self) -> bool {
        !self.in_maint() && self.op != Op::Stopped
    }

    /// Whether it has a slot free.
    pub(crate) fn has_room(&self) -> bool {
        self.maxconn == 0 || self.meter.current < self.maxconn
    }

    /// Percent of its weight while it starts slowly.
    pub(crate) fn throttle(&self, now: u64) -> Option<u64> {
        (self.op == Op::Starting && !self.in_maint() && !self.in_drain())
            .then(|| (now.saturating_sub(self.changed) * 100 / self.slowstart.max(1)).clamp(1, 100))
    }

    /// The weight the balancing uses.
    pub(crate) fn effective_weight(&self, now: u64) -> u32 {
        match self.throttle(now) {
            Some(percent) => (u64::from(self.weight) * percent).div_ceil(100) as u32,
            None => self.weight,
        }
    }

    /// Milliseconds it has been stopped in all.
    pub(crate) fn downtime(&self, now: u64) -> u64 {
        let current = if self.op == Op::Stopped { now.saturating_sub(self.changed) } else { 0 };
        self.was_down + current
    }

    /// The check, when there is one that may run.
    pub(crate) fn active_check(&self) -> Option<&Check> {
        self.check.as_ref().filter(|check| check.on)
    }

    /// The agent check, when there is one that may run.
    pub(crate) fn active_agent(&self) -> Option<&Agent> {
        self.agent.as_ref().filter(|agent| agent.on)
    }

    /// The word of the `status` column.
    pub(crate) fn status(&self) -> String {
        if self.in_maint() {
            return "MAINT".to_owned();
        }
        let check = self.active_check();
        let unsure = check.filter(|check| check.health < check.full());
        let word = match self.op {
            Op::Running | Op::Starting if self.in_drain() && self.active_agent().is_some() => "DRAIN (agent)",
            Op::Running | Op::Starting if self.in_drain() => "DRAIN",
            Op::Running | Op::Starting if check.is_none() => "no check",
            Op::Running | Op::Starting => "UP",
            Op::Stopping => "NOLB",
            Op::Stopped if self.active_agent().is_some_and(|agent| !agent.up) => "DOWN (agent)",
            Op::Stopped => "DOWN",
        };
        match (word, unsure) {
            ("UP" | "DRAIN" | "NOLB", Some(check)) if check.is_up() => {
                format!("{word} {}/{}", check.health + 1 - check.rise, check.fall)
            }
            ("DOWN", Some(check)) if check.health > 0 => {
                format!("DOWN {}/{}", check.health, check.rise)
            }
            _ => word.to_owned(),
        }
    }

    /// Changes the operational state and remembers when.
    pub(crate) fn turn_to(&mut self, op: Op, now: u64) {
        if self.op == op {
            return;
        }
        if self.op == Op::Stopped {
            self.was_down += now.saturating_sub(self.changed);
        }
        if op == Op::Stopped {
            self.down_transitions += 1;
        }
        self.op = op;
        self.changed = now;
    }

    /// Brings it up, by way of the slow start when it has one.
    pub(crate) fn rise(&mut self, now: u64) {
        let op = if self.slowstart > 0 { Op::Starting } else { Op::Running };
        self.turn_to(op, now);
    }

    /// `state maint`: replaces a drain.
    pub(crate) fn set_maint(&mut self, now: u64) {
        self.admin = self.admin & !FORCED_DRAIN | FORCED_MAINT;
        self.turn_to(Op::Stopped, now);
    }

    /// `state drain`: replaces a maintenance.
    pub(crate) fn set_drain(&mut self, now: u64) {
        if self.in_maint() {
            self.leave_maint(now);
        }
        self.admin |= FORCED_DRAIN;
    }

    /// `state ready`: ends both.
    pub(crate) fn set_ready(&mut self, now: u64) {
        if self.in_maint() {
            self.leave_maint(now);
        }
        self.admin &= !FORCED_DRAIN;
    }

    /// A checked server comes back as if it had just come up: one failure and it is down.
    fn leave_maint(&mut self, now: u64) {
        self.admin &= !FORCED_MAINT;
        if let Some(check) = self.check.as_mut() {
            check.health = check.rise;
            check.due = now + 1000;
        }
        self.rise(now);
    }

    /// `health up|stopping|down`.
    pub(crate) fn set_health(&mut self, op: Op, now: u64) {
        if let Some(check) = self.check.as_mut() {
            check.health = if op == Op::Stopped { 0 } else { check.full() };
        }
        if !self.in_maint() {
            self.turn_to(op, now);
        }
    }

    /// `agent up|down`, by an operator or by the agent's own answer.
    pub(crate) fn set_agent(&mut self, up: bool, now: u64) {
        if let Some(agent) = self.agent.as_mut() {
            agent.up = up;
        }
        if self.in_maint() {
            return;
        }
        if !up {
            self.turn_to(Op::Stopped, now);
        } else if self.op == Op::Stopped && self.active_check().is_none_or(Check::is_up) {
            self.rise(now);
        }
    }

    /// Runs the checks that are due; `duration` is how long a good one takes.
    pub(crate) fn run_checks(&mut self, now: u64, duration: u64) {
        if self.in_maint() {
            return;
        }
        let fault = self.broken.or(self.ordeal.fault);
        if let Some(check) = self.check.as_mut().filter(|check| check.on && check.due <= now) {
            match check.run(fault, now, duration) {
                Verdict::Up if self.active_agent().is_none_or(|agent| agent.up) => self.rise(now),
                Verdict::Down => self.turn_to(Op::Stopped, now),
                Verdict::Up | Verdict::Same => {}
            }
        }
        if let Some(agent) = self.agent.as_mut().filter(|agent| agent.on && agent.due <= now) {
            agent.due = now + 5000;
            agent.duration = duration / 3;
            if fault.is_none() && !agent.up {
                self.set_agent(true, now);
            }
        }
        if self.op == Op::Starting && now.saturating_sub(self.changed) >= self.slowstart {
            // The end of the slow start is no change an operator sees in lastchg.
            self.op = Op::Running;
        }
    }
}
