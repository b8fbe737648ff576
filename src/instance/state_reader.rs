//! Reads the present state of an action's targets: one connection per command, each read to its end.

use std::time::Duration;

use crate::actions::action_table::TargetKind;
use crate::actions::intent::IntentStep;
use crate::actions::present_state::{self, Lookup, PresentState, ReadScope};
use crate::actions::process_identity::ProcessIdentity;
use crate::haproxy::address::Address;
use crate::haproxy::command::{self, CommandWord};
use crate::haproxy::connection::{self, ConnectionLimits};
use crate::haproxy::info::ProcessInfo;
use crate::haproxy::reply::{self, Reply};
use crate::haproxy::servers_state::{self, ServerState};
use crate::haproxy::stat_table::{StatLimits, StatParser};
use crate::haproxy::version::Version;
use crate::observe::poll_reply::{PollError, PollReply};
use crate::observe::sample::Sample;
use crate::observe::sample_parser::SampleParser;
use crate::observe::timestamp::Clock;

/// Reads states from one HAProxy.
#[derive(Debug, Clone)]
pub(crate) struct StateReader {
    /// Address of the stats socket.
    pub(crate) address: Address,
    /// Time and size limits of a connection.
    pub(crate) limits: ConnectionLimits,
    /// Source of timestamps.
    pub(crate) clock: Clock,
}

impl StateReader {
    /// Reads the state of the targets of `steps`, which belong to one intent; of sessions and stick table entries, only
    /// that of the first step.
    ///
    /// # Errors
    /// Returns the reason if a reply is missing, incomplete or invalid.
    pub(crate) async fn read(&self, steps: &[IntentStep], scope: ReadScope) -> Result<PresentState, String> {
        let sample = match present_state::rows_command(steps, scope) {
            Some(rows) => Some(self.read_rows(&rows).await.map_err(|error| error.to_string())?),
            None => None,
        };
        let (process, version) = match &sample {
            Some(sample) => (ProcessIdentity::from_sample(sample), sample.info.version()),
            None => self.read_process().await?,
        };
        let mut server_states = Vec::new();
        let mut backends: Vec<_> = steps.iter().filter(|step| step.action.target_kind == TargetKind::Server).collect();
        backends.dedup_by(|one, other| one.target.proxy == other.target.proxy);
        for step in backends {
            let backend = CommandWord::new(&step.target.proxy).map_err(|error| error.to_string())?;
            server_states.extend(self.read_server_states(&backend).await?);
        }
        let lookup = match steps.first() {
            Some(step) => self.look_up(step, version).await?,
            None => None,
        };
        Ok(PresentState { process, sample, server_states, lookup })
    }

    /// Reads which process answers, and its version.
    ///
    /// # Errors
    /// Returns the reason if there is no valid reply.
    pub(crate) async fn read_process(&self) -> Result<(ProcessIdentity, Option<Version>), String> {
        let bytes = self.request("show info").await?;
        let info = ProcessInfo::parse(Reply::from_connection(&bytes).text()).map_err(|error| error.to_string())?;
        Ok((ProcessIdentity::from_info(&info, self.clock.now().monotonic), info.version()))
    }

    /// Reads the process and rows on one connection. The reply with the rows comes last, because only it may contain
    /// text of servers.
    async fn read_rows(&self, rows_command: &str) -> Result<Sample, PollError> {
        let (line, mut bytes) = (format!("show info;{rows_command}"), Vec::new());
        let timing = connection::request(&self.address, &line, &self.limits, &mut bytes).await?;
        let mut reply = PollReply::new(0, false, StatParser::new(None, StatLimits::default()));
        reply.receive(&mut bytes);
        SampleParser::default().accept(reply, &bytes, self.clock.now(), timing.reply)
    }

    /// Reads the administrative states of a backend's servers; empty before 1.6.
    async fn read_server_states(&self, backend: &CommandWord) -> Result<Vec<ServerState>, String> {
        let bytes = self.request(&command::show_servers_state(backend)).await?;
        let reply = Reply::from_connection(&bytes);
        if !reply.is_complete() {
            return Err("the reply to \"show servers state\" was truncated".to_owned());
        }
        Ok(servers_state::iter(reply.text()).collect())
    }

    async fn look_up(&self, step: &IntentStep, version: Option<Version>) -> Result<Option<Lookup>, String> {
        let Some(command) = present_state::lookup_command(step).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let bytes = self.request(&command).await?;
        let reply = Reply::from_connection(&bytes);
        let at = self.clock.now().monotonic;
        Ok(if reply.is_complete() { Lookup::parse(step, reply.text(), version, at) } else { None })
    }

    async fn request(&self, command: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        connection::request(&self.address, command, &self.limits, &mut bytes)
            .await
            .map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}

/// Reply to a command that was sent with a preceding `show info` on the same connection.
#[derive(Debug)]
pub(crate) struct AnsweredBy<'a> {
    /// The HAProxy process that answered; `None` if it was not reported.
    pub(crate) process: Option<ProcessIdentity>,
    /// Bytes of the reply to the command; empty if HAProxy sent no reply.
    pub(crate) reply: &'a [u8],
}

impl<'a> AnsweredBy<'a> {
    /// Returns the line that sends a command and asks which process executes it.
    pub(crate) fn line(command: &str) -> String {
        format!("show info;{command}")
    }

    /// Separates the reply to `show info`, a text of HAProxy itself, from the reply to the command. `at` is the monotonic
    /// time of the reply.
    pub(crate) fn parse(bytes: &'a [u8], at: Duration) -> Self {
        let end = reply::offset_after(bytes, 1);
        let (info, reply) = bytes.split_at(end.unwrap_or(bytes.len()));
        let process = ProcessInfo::parse(info).ok().map(|info| ProcessIdentity::from_info(&info, at));
        Self { process, reply }
    }
}
