//! What can lie over a view and take the keys: questions, menus, lines being typed, texts to read.

use std::time::Duration;

use crate::actions::action_table::Action;
use crate::actions::intent::{Intent, Target};
use crate::app::commands::CommandSpec;
use crate::app::confirmation::{self, Confirm};
use crate::app::text_input::Prompt;
use crate::ask::typed_command::TypedLine;
use crate::haproxy::reply_lines::Lines;
use crate::observe::row_ids::RowId;

/// Something that lies over the view and takes the keys.
#[derive(Debug, Clone)]
pub enum Layer {
    /// What the keys do; scrolled down by so many lines.
    Help(usize),
    /// A question.
    Confirm(Confirm),
    /// Everything about one row; scrolled down by so many lines.
    Detail(RowId, usize),
    /// A line being typed.
    Prompt(Prompt),
    /// What watching costs; scrolled down by so many lines.
    Cost(usize),
    /// The columns to sort by; the place of the cursor.
    SortMenu(usize),
    /// A text to read.
    Page {
        /// Its title.
        title: String,
        /// Its lines.
        lines: Lines,
        /// The first line shown.
        top: usize,
    },
    /// A typed line that may change HAProxy: is it to be sent?
    Sure(Sure),
    /// What can be done; the place of the cursor.
    ActMenu(Vec<&'static CommandSpec>, usize),
    /// A number that an act needs.
    Number(Number),
    /// A reason for an act.
    Reason(Reason),
}

impl Layer {
    /// Whether it is about an act: then no row may slip away under the finger.
    pub fn is_about_act(&self) -> bool {
        matches!(self, Self::Confirm(_) | Self::ActMenu(..) | Self::Number(_) | Self::Reason(_))
    }
}

/// A number that an act needs, being typed.
#[derive(Debug, Clone)]
pub struct Number {
    /// For what.
    pub act: &'static Action,
    /// Of what: fixed at the key press.
    pub targets: Vec<Target>,
    /// The line.
    pub prompt: Prompt,
}

/// A reason for an act, being typed.
#[derive(Debug, Clone)]
pub struct Reason {
    /// The act.
    pub intent: Intent,
    /// The line.
    pub prompt: Prompt,
}

/// A question about a typed line.
#[derive(Debug, Clone)]
pub struct Sure {
    /// The line.
    pub line: TypedLine,
    /// When it was asked.
    pub asked: Duration,
}

impl Sure {
    /// When it is withdrawn.
    pub fn expires_at(&self) -> Duration {
        self.asked + confirmation::EXPIRES
    }

    /// Whether it stands long enough to have been read: what was typed ahead does not count.
    pub fn is_seen(&self, now: Duration) -> bool {
        now.saturating_sub(self.asked) >= confirmation::TYPE_AHEAD
    }
}
