//! The subject of a message that answers a key: the message disappears when the subject is left or changed.

use std::mem::{self, Discriminant};

use crate::app::layers::Layer;
use crate::app::model::Model;
use crate::app::notice::Notice;
use crate::table::view_table::{Content, ViewId};

/// Everything that a reply to a key may be about: the view, the dialog, the sorting and filter, and the line being typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoticeSubject {
    view: ViewId,
    instance: usize,
    layers: usize,
    layer: Option<Discriminant<Layer>>,
    settings: u64,
    line: Option<String>,
}

impl NoticeSubject {
    /// Returns the subject of a reply to the next key.
    pub(crate) fn new(model: &Model) -> Self {
        let line = match model.layers.last() {
            Some(Layer::Prompt(prompt)) => Some(prompt),
            Some(Layer::NumberPrompt(number)) => Some(&number.prompt),
            Some(Layer::ReasonPrompt(reason)) => Some(&reason.prompt),
            None if matches!(model.current_view().content, Content::Cli) => Some(&model.cli.prompt),
            _ => None,
        };
        Self {
            view: model.view(),
            instance: model.instance_number(),
            layers: model.layers.len(),
            layer: model.layers.last().map(mem::discriminant),
            settings: model.view_settings[model.view()].version,
            line: line.map(|prompt| prompt.text().to_owned()),
        }
    }
}

/// Removes the reply to an earlier key if this input has changed its subject, and records that a new notice is a reply.
/// `before` are the notice and the subject before the input.
pub(crate) fn after_input(model: &mut Model, (former, subject): (Option<Notice>, NoticeSubject)) {
    if model.notice != former {
        model.notice.iter_mut().for_each(|notice| notice.is_reply = true);
    } else if NoticeSubject::new(model) != subject {
        model.notice.take_if(|notice| notice.is_reply);
    }
}
