//! One run of `hapulse drain`, `maint` or `ready`: what was asked, the servers it is about, and how it ends when it
//! does not end well. The other files of it, [`crate::headless::server::confirm`] and [`crate::headless::server::wait`], add what the run does in between.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::actions::action_table::of_state;
use crate::actions::intent::{Intent, Step, Target};
use crate::actions::readback::Seen;
use crate::app::action_facts::counted;
use crate::haproxy::fields::Field;
use crate::haproxy::status::State;
use crate::haproxy::write_command::{Admin, WriteCommand};
use crate::headless::exit_code::Code;
use crate::headless::server::console::Voice;
use crate::headless::server::progress::Goal;
use crate::headless::server::server_name::ServerName;
use crate::headless::server::session::Desk;
use crate::headless::signals::{Signals, name};
use crate::observe::row_ids::RowId;

/// The last look, before a run ends, takes no longer.
const LAST_LOOK: Duration = Duration::from_secs(3);

/// When a question is asked before an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asking {
    /// Each time.
    Always,
    /// Where a name must be typed; and as there is nobody to ask, that is a refusal.
    Highest,
    /// Never.
    Never,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The state to order.
    pub admin: Admin,
    /// Of which servers, in this order.
    pub servers: Vec<ServerName>,
    /// How long to wait until they are empty, or usable.
    pub wait: Option<Duration>,
    /// Whether maintenance is set once they are empty.
    pub then_maint: bool,
    /// When to ask.
    pub asking: Asking,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// Whether the configuration wants a reason.
    pub asks_reason: bool,
    /// What on the command line names the same HAProxy again; empty, or with a blank before it.
    pub target: String,
    /// The time zone of what is told.
    pub zone: TimeZone,
}

/// One of the servers.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its row.
    pub id: RowId,
    /// Its name, and the status it had when it was found.
    pub target: Target,
    /// How it stood then; nothing when that could not be read.
    pub before: Option<Seen>,
    /// The state that is to hold while it is waited for.
    pub holds: Admin,
    /// What it is waited for to become.
    pub goal: Goal,
    /// It was found in the state that is to hold.
    pub is_already: bool,
    /// A command was sent to it.
    pub is_sent: bool,
    /// Samples in a row in which it was there.
    pub calm: usize,
    /// That it is there was told.
    pub is_told: bool,
}

impl Server {
    /// Its name, `backend/server`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.target.proxy, self.target.name)
    }

    /// The step that orders the state which is to hold.
    pub fn step(&self) -> Step {
        Step { act: of_state(self.holds), order: WriteCommand::State(self.holds), target: self.target.clone() }
    }
}

/// A run.
pub struct Run<'a> {
    /// What is asked for.
    pub asked: Asked,
    /// The HAProxy.
    pub desk: Desk,
    /// What asks it to end.
    pub signals: Signals,
    /// Where it says things.
    pub voice: &'a mut Voice,
    /// The servers, once they are found.
    pub servers: Vec<Server>,
    /// The epoch in which they were.
    pub epoch: u32,
    /// The epoch that was told of last.
    pub reloads_told: u32,
    /// What is done now leaves servers in a state that must be told.
    pub must_tell: bool,
}

impl Run<'_> {
    /// An order of this state for some of the servers, as they are now.
    pub fn intent(&self, admin: Admin, is_wanted: impl Fn(&Server) -> bool) -> Option<Intent> {
        let targets: Vec<Target> = self
            .servers
            .iter()
            .filter(|server| is_wanted(server))
            .map(|server| Target {
                seen: self.desk.watch.status(server.id).unwrap_or_default(),
                ..server.target.clone()
            })
            .collect();
        let intent = Intent::new(of_state(admin), WriteCommand::State(admin), 0, targets);
        (!intent.steps.is_empty()).then(|| Intent { reason: self.asked.reason.clone(), ..intent })
    }

    /// A signal asked it to end.
    pub async fn stopped(&mut self, number: i32) -> Code {
        let is_sent = self.servers.iter().any(|server| server.is_sent);
        let nothing = if is_sent { "" } else { ": nothing was sent" };
        self.voice.complain(&format!("stopped by {}{nothing}", name(number)));
        if self.must_tell {
            self.tell_states().await;
        }
        Code::Signal(number)
    }

    /// Says in what state each server is left, and what brings it back. Whether HAProxy answered.
    pub async fn tell_states(&mut self) -> bool {
        let is_fresh = self.desk.glance(LAST_LOOK).await;
        if !is_fresh {
            self.voice.explain("  HAProxy does not answer now; as it was seen last:");
        }
        for server in &self.servers {
            self.voice.explain(&format!("  {}", self.state_of(server)));
        }
        for line in self.ways_back() {
            self.voice.explain(&format!("  {line}"));
        }
        is_fresh
    }

    fn state_of(&self, server: &Server) -> String {
        let watch = &self.desk.watch;
        let name = server.name();
        let Some(sample) = watch.newest().filter(|sample| sample.row(server.id).is_some()) else {
            return format!("{name} is gone: HAProxy does not list it any more");
        };
        let status = watch.status(server.id).unwrap_or_default();
        let is_away = matches!(State::parse(status.as_str()), State::Drain | State::Maint);
        let sessions = sample.number(server.id, Field::Scur).map(|sessions| counted(sessions, "session"));
        let sessions = sessions.map_or(String::new(), |sessions| format!(", {sessions}"));
        let why = watch.draining().left(server.id).and_then(|left| left.why).filter(|_| is_away);
        let why = why.map_or(String::new(), |why| format!(", {why}"));
        let untouched = if server.is_sent || server.is_already { "" } else { "; nothing was sent to it" };
        format!("{name} is {}{status}{sessions}{why}{untouched}", if is_away { "in " } else { "" })
    }

    /// Command lines that bring back what was there before.
    fn ways_back(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for admin in [Admin::Ready, Admin::Drain, Admin::Maint] {
            let names: Vec<String> =
                self.servers.iter().filter(|server| self.back_to(server) == Some(admin)).map(Server::name).collect();
            if !names.is_empty() {
                let them = if names.len() == 1 { "it" } else { "them" };
                let (word, target) = (admin.word(), &self.asked.target);
                lines.push(format!("to bring {them} back: hapulse {word}{target} {}", names.join(" ")));
            }
        }
        lines
    }

    /// What would bring a server back; nothing where nothing was done, or it is back.
    fn back_to(&self, server: &Server) -> Option<Admin> {
        let before = server.before.as_ref().and_then(|before| before.state.as_ref()).map(|state| state.admin);
        let status = self.desk.watch.status(server.id)?;
        match self.asked.admin {
            Admin::Drain | Admin::Maint => {
                let is_ours = server.is_sent || server.is_already;
                (is_ours && !State::parse(status.as_str()).is_usable()).then_some(Admin::Ready)
            }
            Admin::Ready => match before {
                Some(before) if before.is_maint() && server.is_sent => Some(Admin::Maint),
                Some(before) if before.is_drain() && server.is_sent => Some(Admin::Drain),
                _ => None,
            },
        }
    }
}
