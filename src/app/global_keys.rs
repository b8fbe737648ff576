//! Keys that work in every layer: redrawing the screen, suspending the program, and Ctrl-C.
//!
//! Ctrl-C cancels an open question, or the text that is being typed; everywhere else it ends the dashboard at once.

use crate::app::key::{Key, KeyCode};
use crate::app::layers::Layer;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::ui_commands::{CommandSpec, UiCommand};
use crate::table::view_table::Content;

/// Handles a key that does the same in every layer. Returns `None` for other keys.
pub(crate) fn handle_key(model: &mut Model, command: Option<&CommandSpec>, key: Key) -> Option<Vec<Effect>> {
    let is_cli = model.layers.is_empty() && matches!(model.current_view().content, Content::Cli);
    let (is_question, is_typing) =
        model.layers.last().map_or((false, is_cli), |layer| (layer.gate().is_some(), layer.has_input_line()));
    // A letter that was bound to such a command is typed, or answers No, and Alt with any key answers No.
    let is_typed = matches!(key.code, KeyCode::Char(_)) && !key.ctrl && !key.alt;
    let is_used_by_layer = is_typed && (is_question || is_typing) || key.alt && is_question;
    match command?.ui_command {
        UiCommand::Redraw if !is_used_by_layer => Some(vec![Effect::Redraw]),
        UiCommand::Suspend if !is_used_by_layer => Some(vec![Effect::Suspend]),
        UiCommand::Quit if key.is_ctrl_c() && is_cli && !model.cli.prompt.text().is_empty() => {
            model.cli.prompt.set_text("");
            Some(Vec::new())
        }
        UiCommand::Quit if key.is_ctrl_c() && !is_question && (is_cli || !is_typing) => Some(vec![Effect::Quit]),
        _ => None,
    }
}

impl Layer {
    /// Returns whether text is being typed in the layer, so that most keys are part of a line.
    fn has_input_line(&self) -> bool {
        matches!(
            self,
            Self::Prompt(_)
                | Self::NumberPrompt(_)
                | Self::ReasonPrompt(_)
                | Self::Help(_, Some(_))
                | Self::ActionMenu(_, _, Some(_))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keymap::Keymap;
    use crate::app::prompt::{Prompt, PromptPurpose};

    #[test]
    fn letter_bound_to_redraw_is_typed_in_lines() {
        let letter = ["w".to_owned()];
        let mut model = Model::new(Vec::new(), Keymap::with_changes(&[("redraw", &letter)]).unwrap(), (120, 40));
        let key = Key::char('w');
        let mut press = |layer: Option<Layer>| {
            model.layers = layer.into_iter().collect();
            let command = model.keymap.get(key);
            handle_key(&mut model, command, key)
        };
        assert_eq!(press(None), Some(vec![Effect::Redraw]));
        assert_eq!(press(Some(Layer::Help(0, None))), Some(vec![Effect::Redraw]));
        let prompt = || Prompt::new(PromptPurpose::Command, "");
        assert_eq!(press(Some(Layer::Prompt(prompt()))), None);
        assert_eq!(press(Some(Layer::ActionMenu(Vec::new(), 0, Some(prompt())))), None);
    }
}
