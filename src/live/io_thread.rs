//! The I/O thread, which communicates with HAProxy: one sampler per instance, actions, queries, and signals.

use std::sync::{Arc, mpsc};
use std::thread;

use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::actions::audit::audit_index::AuditIndex;
use crate::actions::audit::audit_writer::AuditWriter;
use crate::actions::intent::Intent;
use crate::actions::outcome::{ActionReport, StepProgress};
use crate::ask::query::{self, Query, QueryError, QueryReply};
use crate::ask::typed_command::TypedLine;
use crate::haproxy::address::Address;
use crate::haproxy::connection::ConnectionLimits;
use crate::haproxy::version::Version;
use crate::instance::guard::Authorised;
use crate::instance::operator::Operator;
use crate::observe::latest_slot::LatestSlot;
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::sampler::{self, PollResult, Sampler, SamplerRequest};
use crate::observe::timestamp::Clock;

/// A message from the I/O thread to the event loop.
#[derive(Debug)]
pub enum IoMessage {
    /// A new poll result is in the slot of this instance.
    PollResult(usize),
    /// Progress of one command of an action.
    Progress(StepProgress),
    /// Report of a finished action.
    ActionFinished(ActionReport),
    /// Reply to a query, or the reason for its failure.
    QueryReply(usize, Box<Query>, Result<Box<QueryReply>, QueryError>),
    /// Reply to a typed line, or the reason for its failure.
    TypedLineReply(usize, Result<Box<QueryReply>, QueryError>),
    /// Past actions from the audit log.
    AuditIndex(Box<AuditIndex>),
    /// A signal that ends the program, with its number.
    Signal(i32),
    /// SIGWINCH: the size of the terminal changed.
    WindowChanged,
    /// SIGTSTP: the program is to be suspended.
    Suspend,
    /// SIGCONT: the program was continued.
    Continued,
}

/// A request from the event loop to the I/O thread.
#[derive(Debug)]
pub enum IoRequest {
    /// Poll an instance as soon as the poll schedule allows.
    PollNow(usize),
    /// Execute an action.
    RunAction(Authorised<Intent>),
    /// Send a query to an instance of this version.
    RunQuery(usize, Option<Version>, Query),
    /// Send a typed line to an instance.
    SendTypedLine(usize, Authorised<TypedLine>),
}

/// One instance to watch.
#[derive(Debug)]
pub struct InstanceSource {
    /// Name.
    pub name: String,
    /// Address of the stats socket.
    pub address: Address,
    /// Slot into which its sampler writes poll results.
    pub poll_result: Arc<LatestSlot<PollResult>>,
}

/// Settings of polling.
#[derive(Debug, Clone, Copy)]
pub struct PollSettings {
    /// Poll interval and its adaptation.
    pub schedule: PollSchedule,
    /// Size and time limits of a connection.
    pub limits: ConnectionLimits,
    /// Set if connections lower their access level so that they cannot change anything.
    pub read_only: bool,
    /// Source of timestamps.
    pub clock: Clock,
}

/// Number of queries that run at the same time per instance, because HAProxy serves only ten CLI connections at once.
/// Further queries wait. Actions never wait: they refer to what was on the screen when they were confirmed.
const MAX_CONCURRENT_QUERIES: usize = 2;

/// Starts the thread. It ends when the returned sender is dropped.
///
/// # Errors
/// Returns an error if the thread or its runtime cannot be started.
pub fn start<T: From<IoMessage> + Send + 'static>(
    sources: Vec<InstanceSource>,
    settings: PollSettings,
    audit: Arc<AuditWriter>,
    to_loop: mpsc::SyncSender<T>,
) -> anyhow::Result<UnboundedSender<IoRequest>> {
    let (requests, inbox) = unbounded_channel();
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the I/O runtime")?;
    let (signals_ready, signals_installed) = mpsc::channel();
    let work = move || runtime.block_on(run_io(sources, settings, audit, to_loop, inbox, signals_ready));
    thread::Builder::new().name("io".to_owned()).spawn(work).context("cannot start the I/O thread")?;
    // Wait for the signal handlers: an earlier signal would end the program without restoring the terminal.
    signals_installed.recv().context("the I/O thread ended unexpectedly")?;
    Ok(requests)
}

async fn run_io<T: From<IoMessage> + Send + 'static>(
    sources: Vec<InstanceSource>,
    settings: PollSettings,
    audit: Arc<AuditWriter>,
    to_loop: mpsc::SyncSender<T>,
    mut inbox: UnboundedReceiver<IoRequest>,
    signals_ready: mpsc::Sender<()>,
) {
    // Sending fails only after the loop has ended, when messages no longer matter.
    let send = move |message: IoMessage| drop(to_loop.send(message.into()));
    for (kind, number) in [
        (SignalKind::hangup(), 1),
        (SignalKind::interrupt(), 2),
        (SignalKind::quit(), 3),
        (SignalKind::terminate(), 15),
    ] {
        let send = send.clone();
        on_signal(kind, move || send(IoMessage::Signal(number)));
    }
    let resize = send.clone();
    on_signal(SignalKind::window_change(), move || resize(IoMessage::WindowChanged));
    let suspend = send.clone();
    on_signal(SignalKind::from_raw(SIGTSTP), move || suspend(IoMessage::Suspend));
    let continued = send.clone();
    on_signal(SignalKind::from_raw(SIGCONT), move || continued(IoMessage::Continued));
    // Fails only if the receiver has ended.
    let _ = signals_ready.send(());
    let mut sampler_senders = Vec::with_capacity(sources.len());
    for (instance, source) in sources.iter().enumerate() {
        let (sampler_sender, sampler_requests) = unbounded_channel();
        sampler_senders.push(sampler_sender);
        let sampler = Sampler::new(source.address.clone(), settings.limits, settings.read_only, settings.clock);
        let wake = {
            let send = send.clone();
            move || send(IoMessage::PollResult(instance))
        };
        tokio::spawn(sampler::run(sampler, settings.schedule, Arc::clone(&source.poll_result), wake, sampler_requests));
    }
    let operator = |source: &InstanceSource| Operator {
        instance: source.name.clone(),
        address: source.address.clone(),
        connection_limits: settings.limits,
        audit: Arc::clone(&audit),
        clock: settings.clock,
    };
    let operators: Vec<Operator> = sources.iter().map(operator).collect();
    let query_slots: Vec<Arc<Semaphore>> =
        sources.iter().map(|_| Arc::new(Semaphore::new(MAX_CONCURRENT_QUERIES))).collect();
    let past = {
        let (audit, send) = (Arc::clone(&audit), send.clone());
        move || send(IoMessage::AuditIndex(Box::new(AuditIndex::load(audit.path()))))
    };
    tokio::task::spawn_blocking(past);
    while let Some(request) = inbox.recv().await {
        match request {
            IoRequest::PollNow(instance) => {
                if let Some(sampler_sender) = sampler_senders.get(instance) {
                    // Cannot fail: the sampler outlives this sender.
                    let _ = sampler_sender.send(SamplerRequest::PollNow);
                }
            }
            IoRequest::RunQuery(instance, version, query) => {
                let Some(source) = sources.get(instance) else { continue };
                let (address, send, slot) = (source.address.clone(), send.clone(), Arc::clone(&query_slots[instance]));
                tokio::spawn(async move {
                    let _slot = slot.acquire().await;
                    let reply = query::run(&address, &settings.limits, settings.read_only, version, &query).await;
                    send(IoMessage::QueryReply(instance, Box::new(query), reply.map(Box::new)));
                });
            }
            IoRequest::SendTypedLine(instance, line) => {
                let (Some(operator), send) = (operators.get(instance).cloned(), send.clone()) else { continue };
                tokio::spawn(async move {
                    let reply = operator.send_line(&line).await;
                    send(IoMessage::TypedLineReply(instance, reply.map(Box::new)));
                });
            }
            IoRequest::RunAction(intent) => {
                let (Some(operator), send) = (operators.get(intent.get().instance).cloned(), send.clone()) else {
                    continue;
                };
                tokio::spawn(async move {
                    let report = operator.execute(&intent, |progress| send(IoMessage::Progress(progress))).await;
                    send(IoMessage::ActionFinished(report));
                });
            }
        }
    }
}

/// Number of the signal SIGTSTP on Linux, sent by Ctrl-Z in a terminal.
const SIGTSTP: i32 = 20;
/// Number of the signal SIGCONT on Linux.
const SIGCONT: i32 = 18;

fn on_signal(kind: SignalKind, handler: impl Fn() + Send + 'static) {
    // A signal that cannot be caught keeps its default effect.
    let Ok(mut stream) = signal(kind) else { return };
    tokio::spawn(async move {
        while stream.recv().await.is_some() {
            handler();
        }
    });
}
