//! The reasons why the guard does not send an action or a typed line, in words for the operator.

use thiserror::Error;

use crate::ask::typed_line::NotSent;
use crate::haproxy::command::WordError;
use crate::haproxy::level::Level;

/// The reason why an action or a typed line is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// hapulse runs with `--read-only`.
    #[error("read-only mode: to use {0}, start hapulse without --read-only")]
    ReadOnly(&'static str),
    /// The level of the stats socket is too low.
    #[error(
        "{title} needs level {needs}, this socket has {has}: set \"stats socket … level {needs}\" in haproxy.cfg \
         and reload"
    )]
    Level {
        /// Title of the action.
        title: &'static str,
        /// Level of the socket.
        has: Level,
        /// Level that the action needs.
        needs: Level,
    },
    /// The level of the stats socket is not known.
    #[error("the level of this socket is not known yet")]
    LevelUnknown,
    /// An earlier sample is shown.
    #[error("the past is shown: no commands can be sent")]
    Past,
    /// The source of the samples does not allow it. Holds its reason.
    #[error("{0}")]
    NoCapability(String),
    /// The link is lost, so the latest sample is old.
    #[error("the connection to HAProxy is lost: nothing can be sent now")]
    NotConnected,
    /// The selected row is not of the kind that the action needs.
    #[error("select {0} first")]
    WrongTarget(&'static str),
    /// The target must be selected, in a way that depends on the view. Holds how.
    #[error("{0}")]
    NotSelected(&'static str),
    /// A marked row is not of the kind that the action needs.
    #[error("needs {0}, but other rows are marked")]
    WrongSelection(&'static str),
    /// A typed name is not the name of a row.
    #[error("HAProxy has no frontend, backend or BACKEND/SERVER named {0}")]
    UnknownRow(String),
    /// No server of the selected backend would change.
    #[error("no server of {backend} {state}")]
    NoServerToChange {
        /// Name of the backend.
        backend: String,
        /// State that no server has, such as `is in maintenance or drain`.
        state: &'static str,
    },
    /// The servers of an earlier action are as they were before it. Holds why.
    #[error("{0}")]
    NothingToChange(String),
    /// The server is not in the latest sample.
    #[error("{0} is gone: HAProxy does not list it any more")]
    Gone(String),
    /// Several rows have the name of the target.
    #[error("{0} is ambiguous: HAProxy lists this name more than once")]
    Ambiguous(String),
    /// The target is not the one that the operator saw at the key press.
    #[error("{name} changed meanwhile: {differences}")]
    Changed {
        /// Name of the target.
        name: String,
        /// Differences, as parts of a sentence.
        differences: String,
    },
    /// The impact is worse than the question showed.
    #[error("the impact changed meanwhile: {0}")]
    WorseImpact(String),
    /// The checks that the action changes are not configured.
    #[error("{0} has no {1}")]
    NotConfigured(String, &'static str),
    /// The name of the target cannot be used in a command.
    #[error(transparent)]
    BadName(#[from] WordError),
    /// This version of HAProxy is known to crash or hang on the command.
    #[error("not sent: {0}")]
    KnownCrash(&'static str),
    /// This version of HAProxy is known to crash on the typed line, or to interpret it differently from how it reads.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// The confirmation is not the one that the danger requires.
    #[error("not sent: the typed text does not match")]
    NotConfirmed,
}

impl Refusal {
    /// Returns the reason in a few words, for a menu.
    pub(crate) fn in_few_words(&self) -> String {
        match self {
            Self::ReadOnly(_) => "read-only mode".to_owned(),
            Self::Level { has, needs, .. } => format!("needs level {needs}, socket has {has}"),
            Self::LevelUnknown => "level of the socket is unknown".to_owned(),
            Self::Past => "the past is shown".to_owned(),
            Self::NotConnected => "the connection to HAProxy is lost".to_owned(),
            Self::NoServerToChange { state, .. } => {
                format!("no server {}", state.split(':').next().unwrap_or(state))
            }
            _ => self.to_string(),
        }
    }
}
