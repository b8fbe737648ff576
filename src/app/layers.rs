//! Overlays on top of a view that receive the keys: dialogs, menus, prompts and text pages.

use std::time::Duration;

use crate::actions::action_table::Action;
use crate::actions::intent::Intent;
use crate::app::answer_gate::AnswerGate;
use crate::app::balancer_targets::BalancerTargets;
use crate::app::confirmation::{self, Confirmation};
use crate::app::prompt::Prompt;
use crate::app::ui_commands::{CommandSpec, CursorStep};
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

/// The number of lines of a scrollable text that a frame shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextExtent {
    /// Number of lines shown at once.
    pub visible: usize,
    /// Largest index of the first line shown: the last lines are then shown.
    pub last_top: usize,
}

impl Default for TextExtent {
    /// Returns the extent of a text that was not drawn yet: any line may become the first one.
    fn default() -> Self {
        Self { visible: 1, last_top: usize::MAX / 2 }
    }
}

impl TextExtent {
    /// Returns the extent of `count` lines, of which at most `visible` are shown at once.
    pub(crate) fn new(count: usize, visible: usize) -> Self {
        Self { visible, last_top: count.saturating_sub(visible) }
    }

    /// Returns the index of the first line shown after a step. A page is one line less than the lines shown, so that no
    /// line is skipped and one is shown again.
    pub(crate) fn scroll(self, top: usize, step: CursorStep) -> usize {
        let page = self.visible.saturating_sub(1).max(1) as isize;
        let top = match step {
            CursorStep::Rows(count) => top.saturating_add_signed(count as isize),
            CursorStep::HalfPages(count) if count % 2 == 0 => top.saturating_add_signed(count as isize / 2 * page),
            CursorStep::HalfPages(count) => top.saturating_add_signed(count as isize * (page / 2).max(1)),
            CursorStep::First => 0,
            CursorStep::Last => self.last_top,
        };
        top.min(self.last_top)
    }
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

    /// Returns the index of the first line shown of a scrollable text, mutable; `None` for other layers.
    pub(crate) fn text_top_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::Help(top, _) | Self::Detail(_, top) | Self::TextPage { top, .. } | Self::Overhead(top) => Some(top),
            _ => None,
        }
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
    /// Targets, fixed at the key press.
    pub(crate) targets: BalancerTargets,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scroll_moves_a_page_minus_a_line_and_stops_at_the_end() {
        let extent = TextExtent::new(100, 20);
        let pages = [2, -2, 1, -1].map(|count| extent.scroll(40, CursorStep::HalfPages(count)));
        assert_eq!(pages, [59, 21, 49, 31]);
        assert_eq!(extent.scroll(70, CursorStep::HalfPages(2)), 80);
        assert_eq!(extent.scroll(80, CursorStep::Rows(1)), 80);
        assert_eq!((extent.scroll(9, CursorStep::Last), extent.scroll(9, CursorStep::First)), (80, 0));
        let short = TextExtent::new(5, 20);
        assert_eq!((short.scroll(0, CursorStep::HalfPages(2)), short.scroll(0, CursorStep::Last)), (0, 0));
        let tiny = TextExtent::new(5, 1);
        assert_eq!([1, 2].map(|count| tiny.scroll(0, CursorStep::HalfPages(count))), [1, 1], "a step always moves");
    }
}
