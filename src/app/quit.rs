//! The question before the quit key ends the dashboard: its history is lost with it.

use std::time::Duration;

use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::ui_commands::UiCommand;
use crate::config::confirm_quit::ConfirmQuit;
use crate::table::cell::Role;
use crate::units;

/// With the setting `auto`, the key asks once the dashboard has run for this time.
const ASKS_AFTER: Duration = Duration::from_mins(10);

/// Ends the dashboard, or asks first. `asked_until` is the time until which an earlier question is open.
pub(crate) fn request_quit(model: &mut Model, asked_until: Option<Duration>, now: Duration) -> Vec<Effect> {
    let age = now.saturating_sub(model.started_at.unwrap_or(now));
    let must_ask = match model.confirm_quit {
        ConfirmQuit::Auto => age >= ASKS_AFTER,
        ConfirmQuit::Always => true,
        ConfirmQuit::Never => false,
    };
    if !must_ask || asked_until.is_some_and(|until| now < until) {
        return vec![Effect::Quit];
    }
    let span =
        model.instances.iter().map(|instance| instance.data.history().span_in_memory()).max().unwrap_or_default();
    let lost = units::duration_words(span);
    let key = model.keymap.key_or_command(UiCommand::Quit);
    model.notify(format!("{key} again quits; the history of {lost} is lost then"), Role::Warn, now);
    model.quit_asked_until = model.notice.as_ref().map(|notice| notice.expires_at);
    Vec::new()
}
