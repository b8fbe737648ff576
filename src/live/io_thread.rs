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
use crate::actions::outcome::{StepProgress, StepResult, StepStage};
use crate::app::message::Message;
use crate::ask::query::{self, Query, QueryData, QueryError, QueryReply};
use crate::fleet::host_facts::HostReader;
use crate::fleet::local_host::LocalHost;
use crate::haproxy::address::Address;
use crate::haproxy::connection::ConnectionLimits;
use crate::haproxy::secret_arguments;
use crate::haproxy::stat_table::StatLimits;
use crate::haproxy::version::Version;
use crate::instance::guard::Authorised;
use crate::instance::operator::Operator;
use crate::instance::state_reader::StateReader;
use crate::instance::typed_change::TypedChange;
use crate::live::loop_event::LoopEvent;
use crate::live::pending_commands::{IO_THREAD, PendingCommands};
use crate::live::reload;
use crate::observe::instance_id::InstanceId;
use crate::observe::latest_slot::LatestSlot;
use crate::observe::old_process_finder::{self, OldProcessQuery};
use crate::observe::poll_schedule::PollSchedule;
use crate::observe::sample_parser::SampleParser;
use crate::observe::sampler::{self, PollResult, Sampler, SamplerRequest};
use crate::observe::timestamp::Clock;
use crate::term::ending_signals::{self, SIGHUP};
use crate::term::job_control::{RESUME_DELAY, SIGCONT};

/// A request from the event loop to the I/O thread.
#[derive(Debug)]
pub(crate) enum IoRequest {
    /// Poll an instance as soon as the poll schedule allows.
    PollNow(InstanceId),
    /// Execute an action, which has this number in the pending commands.
    RunAction(Authorised<Intent>, u64),
    /// Send a query to an instance, which runs this HAProxy version, if known.
    RunQuery(InstanceId, Option<Version>, Query),
    /// Read the facts about the machine of an instance, whose HAProxy has this process id.
    ReadHostFacts(InstanceId, i64),
    /// Find the old processes of an instance.
    FindOldProcesses(InstanceId, OldProcessQuery),
    /// Send a typed line to an instance; the line has this number in the pending commands.
    SendTypedLine(InstanceId, Authorised<TypedChange>, u64),
}

impl IoRequest {
    fn instance(&self) -> InstanceId {
        match self {
            Self::PollNow(id)
            | Self::RunQuery(id, ..)
            | Self::FindOldProcesses(id, _)
            | Self::ReadHostFacts(id, _)
            | Self::SendTypedLine(id, ..) => *id,
            Self::RunAction(intent, _) => intent.get().instance,
        }
    }
}

/// Senders and limits for the requests to one instance.
struct InstanceTasks {
    id: InstanceId,
    poll_requests: UnboundedSender<SamplerRequest>,
    /// Limits the number of queries that run at the same time.
    query_slots: Arc<Semaphore>,
    operator: Operator,
    /// Reads facts about the machine on which its HAProxy runs.
    host: Arc<dyn HostReader>,
}

/// One instance to watch.
#[derive(Debug)]
pub(crate) struct InstanceSource {
    /// Identity in this program.
    pub(crate) id: InstanceId,
    /// Name of the instance.
    pub(crate) name: String,
    /// Address of the stats socket.
    pub(crate) address: Address,
    /// Slot into which the sampler of this instance writes its poll results.
    pub(crate) poll_result: Arc<LatestSlot<PollResult>>,
    /// Parser of the samples, which may know earlier ones.
    pub(crate) parser: SampleParser,
}

/// Poll settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollSettings {
    /// Poll interval, and how it adapts to the load.
    pub(crate) schedule: PollSchedule,
    /// Size and time limits of a connection.
    pub(crate) limits: ConnectionLimits,
    /// Limits of the rows of a sample.
    pub(crate) stat_limits: StatLimits,
    /// Set in read-only mode: every connection lowers its level first, so that it cannot change HAProxy.
    pub(crate) read_only: bool,
    /// Source of timestamps.
    pub(crate) clock: Clock,
}

/// Number of queries that run at the same time per instance, because HAProxy serves only ten CLI connections at once.
/// Further queries wait. Actions never wait, because the operator confirmed them for the state on the screen.
const MAX_CONCURRENT_QUERIES: usize = 2;

/// Starts the thread and returns the sender for requests. The thread ends when that sender is dropped.
///
/// # Errors
/// Returns an error if the thread or its runtime cannot be started.
pub(crate) fn start(
    sources: Vec<InstanceSource>,
    settings: PollSettings,
    audit: Arc<AuditWriter>,
    pending: Arc<PendingCommands>,
    to_loop: mpsc::SyncSender<LoopEvent>,
) -> anyhow::Result<UnboundedSender<IoRequest>> {
    let (requests, inbox) = unbounded_channel();
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the I/O runtime")?;
    let (signals_ready, signals_installed) = mpsc::channel();
    let work = move || runtime.block_on(run_io(sources, settings, audit, pending, to_loop, inbox, signals_ready));
    thread::Builder::new().name(IO_THREAD.to_owned()).spawn(work).context("cannot start the I/O thread")?;
    // Wait until the signal handlers are installed. Before that, a signal would end the program without restoring the
    // terminal.
    signals_installed.recv().context("the I/O thread ended unexpectedly")?;
    Ok(requests)
}

async fn run_io(
    sources: Vec<InstanceSource>,
    settings: PollSettings,
    audit: Arc<AuditWriter>,
    pending: Arc<PendingCommands>,
    to_loop: mpsc::SyncSender<LoopEvent>,
    mut inbox: UnboundedReceiver<IoRequest>,
    signals_ready: mpsc::Sender<()>,
) {
    // Sending fails only after the loop has ended, when messages no longer matter.
    let send = move |event: LoopEvent| drop(to_loop.send(event));
    forward_signals(&send);
    // Fails only if the receiver was dropped.
    let _ = signals_ready.send(());
    let host: Arc<dyn HostReader> = Arc::new(LocalHost::default());
    let count = sources.len();
    let mut instances = Vec::with_capacity(count);
    for (place, source) in sources.into_iter().enumerate() {
        let (poll_requests, sampler_requests) = unbounded_channel();
        let sampler = Sampler::new(source.address.clone(), settings.limits, settings.read_only, settings.clock)
            .with_stat_limits(settings.stat_limits)
            .with_parser(source.parser)
            // The user waits for the first sample.
            .with_slow_round(2);
        let wake = {
            let (send, id) = (send.clone(), source.id);
            move || send(LoopEvent::PollResult(id))
        };
        let schedule = settings.schedule.spread(place, count);
        tokio::spawn(sampler::run(sampler, schedule, source.poll_result, wake, sampler_requests));
        instances.push(InstanceTasks {
            id: source.id,
            poll_requests,
            query_slots: Arc::new(Semaphore::new(MAX_CONCURRENT_QUERIES)),
            operator: Operator {
                instance: source.name,
                reader: StateReader { address: source.address, limits: settings.limits, clock: settings.clock },
                audit: Arc::clone(&audit),
            },
            host: Arc::clone(&host),
        });
    }
    let past = {
        let send = send.clone();
        move || send(Message::AuditLoaded(Box::new(AuditIndex::load(audit.path()))).into())
    };
    tokio::task::spawn_blocking(past);
    while let Some(request) = inbox.recv().await {
        let Some(tasks) = instances.iter().find(|tasks| tasks.id == request.instance()) else { continue };
        let (id, operator, send) = (tasks.id, tasks.operator.clone(), send.clone());
        match request {
            // Cannot fail: the sampler outlives this sender.
            IoRequest::PollNow(_) => _ = tasks.poll_requests.send(SamplerRequest::PollNow),
            IoRequest::RunQuery(_, version, query) => {
                let slots = Arc::clone(&tasks.query_slots);
                tokio::spawn(async move {
                    let _slot = slots.acquire().await;
                    let (address, limits) = (&operator.reader.address, &settings.limits);
                    let reply = query::run(address, limits, settings.read_only, version, &query).await;
                    send(Message::QueryFinished(id, Box::new(query), reply.map(Box::new)).into());
                });
            }
            IoRequest::ReadHostFacts(_, pid) => {
                let host = Arc::clone(&tasks.host);
                let read = move || send(Message::HostFactsRead(id, host.read(pid).map(Box::new)).into());
                tokio::task::spawn_blocking(read);
            }
            IoRequest::FindOldProcesses(_, query) => {
                tokio::spawn(async move {
                    let found = old_process_finder::find(&operator.reader.address, &settings.limits, &query).await;
                    send(Message::OldProcessesFound(id, Box::new(found)).into());
                });
            }
            IoRequest::SendTypedLine(_, line, action) => {
                let pending = Arc::clone(&pending);
                tokio::spawn(async move {
                    pending.start_next(action);
                    let reply = operator.send_line(&line).await;
                    let description = describe_typed_reply(&line, &reply);
                    pending.finish_current(action, description.clone());
                    send(Message::TypedCommandFinished(id, reply.map(Box::new), description).into());
                    send(LoopEvent::ResultDelivered(action));
                });
            }
            IoRequest::RunAction(intent, action) => {
                let pending = Arc::clone(&pending);
                tokio::spawn(async move {
                    let report_progress = |progress: StepProgress| {
                        if progress.stage == StepStage::Sent {
                            pending.start_next(action);
                        }
                        send(Message::ActionProgress(progress).into());
                    };
                    let record_result =
                        |result: &StepResult| pending.finish_current(action, result.outcome.to_string());
                    let report = operator.execute_each(&intent, report_progress, record_result).await;
                    pending.finish_action(action);
                    send(Message::ActionFinished(report).into());
                    send(LoopEvent::ResultDelivered(action));
                });
            }
        }
    }
}

/// Sends the event of each signal to the loop.
fn forward_signals(send: &(impl Fn(LoopEvent) + Clone + Send + 'static)) {
    let hangup = send.clone();
    on_signal(SignalKind::hangup(), move || {
        hangup(if reload::is_terminal_present() { LoopEvent::Reload } else { LoopEvent::Signal(SIGHUP) });
    });
    for number in ending_signals::numbers() {
        let send = send.clone();
        on_signal(SignalKind::from_raw(number), move || send(LoopEvent::Signal(number)));
    }
    let resize = send.clone();
    on_signal(SignalKind::window_change(), move || resize(LoopEvent::WindowChanged));
    let suspend = send.clone();
    on_signal(SignalKind::from_raw(SIGTSTP), move || suspend(LoopEvent::Suspend));
    let continued = send.clone();
    if let Ok(mut stream) = signal(SignalKind::from_raw(SIGCONT)) {
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                tokio::time::sleep(RESUME_DELAY).await;
                continued(LoopEvent::Continued);
            }
        });
    }
}

/// Returns the first line of the reply to a typed line, or the error. A reply that may contain secrets is not shown.
fn describe_typed_reply(line: &Authorised<TypedChange>, reply: &Result<QueryReply, QueryError>) -> String {
    match reply {
        Ok(_) if secret_arguments::has_secret_reply(line.get().line.as_str()) => {
            "done: the reply may contain secrets".to_owned()
        }
        Ok(QueryReply { data: QueryData::ReplyLines(lines), .. }) => {
            let first = lines.as_slice().iter().find(|line| !line.is_empty());
            first.map_or_else(
                || "done: HAProxy sent an empty reply, which means success".to_owned(),
                ToString::to_string,
            )
        }
        Ok(_) => "done".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Number of the signal SIGTSTP on Linux. A terminal sends it for Ctrl-Z.
const SIGTSTP: i32 = 20;

fn on_signal(kind: SignalKind, handler: impl Fn() + Send + 'static) {
    // A signal that cannot be caught keeps its default effect.
    let Ok(mut stream) = signal(kind) else { return };
    tokio::spawn(async move {
        while stream.recv().await.is_some() {
            handler();
        }
    });
}
