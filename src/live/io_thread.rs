//! The thread that talks to HAProxy: a sampler for each instance, the operator, and the signals.

use std::sync::{Arc, mpsc};
use std::thread;

use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::actions::audit::audit_index::Ledger;
use crate::actions::audit::audit_writer::Audit;
use crate::actions::intent::Intent;
use crate::actions::outcome::{Progress, Report};
use crate::ask::query::{self, Answer, Query, QueryError};
use crate::ask::typed_command::TypedLine;
use crate::haproxy::address::Address;
use crate::haproxy::connection::Limits;
use crate::haproxy::version::Version;
use crate::instance::guard::Authorised;
use crate::instance::operator::Operator;
use crate::observe::latest_slot::LatestSlot;
use crate::observe::poll_schedule::Pace;
use crate::observe::sampler::{self, News, Sampler, Tell};
use crate::observe::timestamp::Clock;

/// What this thread says.
#[derive(Debug)]
pub enum IoMessage {
    /// The sampler of an instance has news in its place.
    News(usize),
    /// A command of an act has come so far.
    Progress(Progress),
    /// An act was carried out.
    Acted(Report),
    /// An answer to a question, or why there is none.
    Told(usize, Box<Query>, Result<Box<Answer>, QueryError>),
    /// An answer to a typed line, or why there is none.
    Sent(usize, Result<Box<Answer>, QueryError>),
    /// Who did what before this run.
    Past(Box<Ledger>),
    /// A signal asks to end; its number.
    Signal(i32),
    /// Somebody asks to stop for a while.
    Suspend,
    /// The shell continued us.
    Continued,
}

/// What this thread is told.
#[derive(Debug)]
pub enum IoRequest {
    /// Poll an instance as soon as politeness allows.
    PollNow(usize),
    /// Carry this out.
    Act(Authorised<Intent>),
    /// Ask this of an instance of that version.
    Ask(usize, Option<Version>, Query),
    /// Send this typed line to an instance.
    Send(usize, Authorised<TypedLine>),
}

/// One instance to watch.
#[derive(Debug)]
pub struct Source {
    /// What it is called.
    pub name: String,
    /// Where.
    pub address: Address,
    /// Where its sampler puts its news.
    pub news: Arc<LatestSlot<News>>,
}

/// How to watch.
#[derive(Debug, Clone, Copy)]
pub struct Watching {
    /// The rhythm.
    pub pace: Pace,
    /// Limits of a connection.
    pub limits: Limits,
    /// Whether connections give up their right to change anything.
    pub read_only: bool,
    /// Where stamps come from.
    pub clock: Clock,
}

/// Questions that one HAProxy is asked at the same time; others wait. It has ten places for such connections. An act
/// never waits: it is about what was on the screen when it was confirmed.
const QUESTIONS: usize = 2;

/// Starts the thread. It ends when the returned sender is dropped.
///
/// # Errors
/// When the thread or its runtime cannot be started.
pub fn start<T: From<IoMessage> + Send + 'static>(
    sources: Vec<Source>,
    watching: Watching,
    audit: Arc<Audit>,
    to_loop: mpsc::SyncSender<T>,
) -> anyhow::Result<UnboundedSender<IoRequest>> {
    let (orders, inbox) = unbounded_channel();
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the I/O runtime")?;
    let (caught, catches) = mpsc::channel();
    let work = move || runtime.block_on(serve(sources, watching, audit, to_loop, inbox, caught));
    thread::Builder::new().name("io".to_owned()).spawn(work).context("cannot start the I/O thread")?;
    // A signal that came before would end the program where it stands, with the terminal as it is then.
    catches.recv().context("the I/O thread ended at once")?;
    Ok(orders)
}

async fn serve<T: From<IoMessage> + Send + 'static>(
    sources: Vec<Source>,
    watching: Watching,
    audit: Arc<Audit>,
    to_loop: mpsc::SyncSender<T>,
    mut inbox: UnboundedReceiver<IoRequest>,
    caught: mpsc::Sender<()>,
) {
    // A loop that has ended does not listen any more; there is nobody left to tell.
    let say = move |said: IoMessage| drop(to_loop.send(said.into()));
    for (kind, number) in [
        (SignalKind::hangup(), 1),
        (SignalKind::interrupt(), 2),
        (SignalKind::quit(), 3),
        (SignalKind::terminate(), 15),
    ] {
        let say = say.clone();
        on_signal(kind, move || say(IoMessage::Signal(number)));
    }
    let suspend = say.clone();
    on_signal(SignalKind::from_raw(STOP_FROM_TERMINAL), move || suspend(IoMessage::Suspend));
    let continued = say.clone();
    on_signal(SignalKind::from_raw(CONTINUE), move || continued(IoMessage::Continued));
    // Whoever waits for it may have ended.
    let _ = caught.send(());
    let mut tells = Vec::with_capacity(sources.len());
    for (instance, source) in sources.iter().enumerate() {
        let (tell, told) = unbounded_channel();
        tells.push(tell);
        let sampler = Sampler::new(source.address.clone(), watching.limits, watching.read_only, watching.clock);
        let wake = {
            let say = say.clone();
            move || say(IoMessage::News(instance))
        };
        tokio::spawn(sampler::run(sampler, watching.pace, Arc::clone(&source.news), wake, told));
    }
    let operator = |source: &Source| Operator {
        instance: source.name.clone(),
        address: source.address.clone(),
        limits: watching.limits,
        audit: Arc::clone(&audit),
        clock: watching.clock,
    };
    let operators: Vec<Operator> = sources.iter().map(operator).collect();
    let places: Vec<Arc<Semaphore>> = sources.iter().map(|_| Arc::new(Semaphore::new(QUESTIONS))).collect();
    let past = {
        let (audit, say) = (Arc::clone(&audit), say.clone());
        move || say(IoMessage::Past(Box::new(Ledger::of_file(audit.path()))))
    };
    tokio::task::spawn_blocking(past);
    while let Some(order) = inbox.recv().await {
        match order {
            IoRequest::PollNow(instance) => {
                if let Some(tell) = tells.get(instance) {
                    // A sampler ends only after this.
                    let _ = tell.send(Tell::PollNow);
                }
            }
            IoRequest::Ask(instance, version, query) => {
                let Some(source) = sources.get(instance) else { continue };
                let (address, say, place) = (source.address.clone(), say.clone(), Arc::clone(&places[instance]));
                tokio::spawn(async move {
                    let _place = place.acquire().await;
                    let told = query::run(&address, &watching.limits, watching.read_only, version, &query).await;
                    say(IoMessage::Told(instance, Box::new(query), told.map(Box::new)));
                });
            }
            IoRequest::Send(instance, line) => {
                let (Some(operator), say) = (operators.get(instance).cloned(), say.clone()) else { continue };
                tokio::spawn(async move {
                    let told = operator.send_line(&line).await;
                    say(IoMessage::Sent(instance, told.map(Box::new)));
                });
            }
            IoRequest::Act(intent) => {
                let (Some(operator), say) = (operators.get(intent.get().instance).cloned(), say.clone()) else {
                    continue;
                };
                tokio::spawn(async move {
                    let report = operator.carry_out(&intent, |progress| say(IoMessage::Progress(progress))).await;
                    say(IoMessage::Acted(report));
                });
            }
        }
    }
}

/// SIGTSTP on Linux.
const STOP_FROM_TERMINAL: i32 = 20;
/// SIGCONT on Linux.
const CONTINUE: i32 = 18;

fn on_signal(kind: SignalKind, act: impl Fn() + Send + 'static) {
    // A signal that cannot be caught keeps its usual effect.
    let Ok(mut stream) = signal(kind) else { return };
    tokio::spawn(async move {
        while stream.recv().await.is_some() {
            act();
        }
    });
}
