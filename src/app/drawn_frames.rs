//! Records of drawn frames: the extent of the topmost text, and the rows of a question that a frame showed.

use std::time::Duration;

use crate::app::answer_gate::{AnswerGate, ShownRows};
use crate::app::layers::{Layer, TextExtent};
use crate::app::layout::MIN_QUESTION_SIZE;
use crate::app::model::Model;
use crate::table::cell::Role;

impl Model {
    /// Records the extent of the topmost layer if that is a scrollable text. It is known only after drawing, and limits
    /// the scroll position: otherwise, scrolling past the end would delay scrolling back.
    pub fn record_text(&mut self, extent: Option<TextExtent>) {
        self.text_extent = extent.unwrap_or_default();
        if let Some(top) = self.layers.last_mut().and_then(Layer::text_top_mut) {
            *top = (*top).min(self.text_extent.last_top);
        }
    }

    /// Records that a frame with this number was drawn. `rows` are the rows of the topmost question that it shows;
    /// `None` if it does not show the question.
    pub fn record_drawn(&mut self, frame: u64, rows: Option<ShownRows>) {
        if let Some(gate) = self.gate_mut() {
            gate.record_drawn(frame, rows);
        }
    }

    /// Records that all frames up to the one with this number were written to the terminal at `at`.
    pub fn record_written(&mut self, frame: u64, at: Duration) {
        if let Some(gate) = self.gate_mut() {
            gate.record_written(frame, at);
        }
    }

    /// Returns whether a Yes waits for the pause that makes it final.
    pub(crate) fn is_answer_pending(&self) -> bool {
        self.layers.last().and_then(Layer::gate).is_some_and(AnswerGate::is_yes_pending)
    }

    /// Returns the state of the answer to the topmost question.
    pub(crate) fn gate_mut(&mut self) -> Option<&mut AnswerGate> {
        self.layers.last_mut().and_then(Layer::gate_mut)
    }

    /// Refuses to open a question if the terminal is too small to show it. Returns whether it is.
    pub(crate) fn refuse_without_room(&mut self, now: Duration) -> bool {
        let (width, height) = self.terminal_size;
        let (min_width, min_height) = MIN_QUESTION_SIZE;
        let is_too_small = width < min_width || height < min_height;
        if is_too_small {
            let size = format!("{min_width}x{min_height}");
            let texts = [
                format!("the terminal is too small to confirm: at least {size}"),
                format!("too small to confirm: {size}"),
                format!("needs {size}"),
            ];
            let [.., shortest] = &texts;
            let text = texts.iter().find(|text| text.len() + 2 <= usize::from(width)).unwrap_or(shortest).clone();
            self.notify(text, Role::Warn, now);
        }
        is_too_small
    }
}
