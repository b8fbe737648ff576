//! Overlays on top of a view that receive the keys: dialogs, menus, prompts and text pages.

use std::time::Duration;

use crate::actions::action_table::Action;
use crate::actions::intent::{ActionTarget, Intent};
use crate::app::answer_gate::AnswerGate;
use crate::app::confirmation::{self, Confirmation};
use crate::app::prompt::Prompt;
use crate::app::ui_commands::CommandSpec;
use crate::haproxy::reply_lines::ReplyLines;
use crate::instance::typed_change::TypedChange;
use crate::observe::instance_id::{InstanceId, RowRef};

/// An overlay on top of a view. The topmost one receives the keys.
#[derive(Debug, Clone)]
pub enum Layer {
    /// Help: the first line shown, and the search, if one was typed.
    Help(usize, Option<Prompt>),
    /// The confirmation dialog before an action.
    Confirmation(Confirmation),
    /// The detail page of a row; the number is the first line shown.
    Detail(RowRef, usize),
    /// A prompt in the bottom line.
    Prompt(Prompt),
    /// The polling overhead page; the number is the first line shown.
    Overhead(usize),
    /// The menu of columns to sort by; the number is the cursor's index.
    SortMenu(usize),
    /// A page of text.
    TextPage {
        /// Title in the frame.
        title: String,
        /// Text lines.
        lines: ReplyLines,
        /// Index of the first line shown.
        top: usize,
    },
    /// The confirmation dialog before sending a typed command that may change HAProxy.
    TypedCommandConfirmation(TypedCommandConfirmation),
    /// The menu of actions: all of them, the cursor's index among those that match the search, and the search, if one was
    /// typed.
    ActionMenu(Vec<&'static CommandSpec>, usize, Option<Prompt>),
    /// A prompt for a weight or a limit.
    NumberPrompt(NumberPrompt),
    /// A prompt for the reason of an action.
    ReasonPrompt(ReasonPrompt),
}

impl Layer {
    /// Returns whether the layer belongs to an action. While such a layer is open, table rows keep their order, so that
    /// no row moves away under the cursor.
    pub(crate) fn is_about_action(&self) -> bool {
        matches!(self, Self::Confirmation(_) | Self::ActionMenu(..) | Self::NumberPrompt(_) | Self::ReasonPrompt(_))
    }

    /// Returns whether the layer is a page or a menu, which the key of a view closes.
    pub(crate) fn is_page(&self) -> bool {
        matches!(
            self,
            Self::Help(_, None)
                | Self::Detail(..)
                | Self::TextPage { .. }
                | Self::Overhead(_)
                | Self::SortMenu(_)
                | Self::ActionMenu(_, _, None)
        )
    }

    /// Returns the state of the answer if the layer is a question whose Yes changes HAProxy.
    pub fn gate(&self) -> Option<&AnswerGate> {
        match self {
            Self::Confirmation(Confirmation { gate, .. })
            | Self::TypedCommandConfirmation(TypedCommandConfirmation { gate, .. }) => Some(gate),
            _ => None,
        }
    }

    /// Returns the state of the answer, mutable; see [`Self::gate`].
    pub(crate) fn gate_mut(&mut self) -> Option<&mut AnswerGate> {
        match self {
            Self::Confirmation(Confirmation { gate, .. })
            | Self::TypedCommandConfirmation(TypedCommandConfirmation { gate, .. }) => Some(gate),
            _ => None,
        }
    }
}

/// A prompt for the number that an action needs.
#[derive(Debug, Clone)]
pub struct NumberPrompt {
    /// The action.
    pub(crate) action: &'static Action,
    /// Instance of the targets.
    pub(crate) instance: InstanceId,
    /// Targets, fixed at the key press.
    pub(crate) targets: Vec<ActionTarget>,
    /// The text input.
    pub prompt: Prompt,
}

/// A prompt for the reason of an action.
#[derive(Debug, Clone)]
pub struct ReasonPrompt {
    /// The action without its reason.
    pub(crate) intent: Intent,
    /// The text input.
    pub(crate) prompt: Prompt,
}

/// The confirmation dialog before sending a typed command that may change HAProxy.
#[derive(Debug, Clone)]
pub struct TypedCommandConfirmation {
    /// Instance to which the command is sent.
    pub(crate) instance: InstanceId,
    /// The typed command.
    pub change: TypedChange,
    /// The answer.
    pub gate: AnswerGate,
    /// Time at which the dialog was opened.
    pub opened_at: Duration,
}

impl TypedCommandConfirmation {
    /// Returns the time at which the dialog closes.
    pub(crate) fn expires_at(&self) -> Duration {
        self.opened_at + confirmation::EXPIRES_AFTER
    }
}
