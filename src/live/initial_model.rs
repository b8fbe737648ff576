//! The model at the start of the dashboard.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::app::command_line::{CommandLine, MAX_HISTORY};
use crate::app::instance_view::InstanceView;
use crate::app::model::Model;
use crate::app::mouse_report::MouseState;
use crate::app::playback;
use crate::app::replay;
use crate::live::dashboard_config::DashboardConfig;
use crate::live::file_writer;
use crate::table::cell::Role;
use crate::term::terminal_device;

/// Creates the model of these instances, with the settings and the command history of the configuration.
pub(crate) fn create(config: &mut DashboardConfig, instances: Vec<InstanceView>, now: Duration) -> Model {
    let mut model = Model::new(instances, config.keymap.clone(), terminal_device::drawn_size());
    config.initial_view.apply(&mut model);
    if let Some(start) = &config.replay {
        replay::start(&mut model);
        start.at.iter().for_each(|at| playback::jump(&mut model, at, now));
    }
    if let Some(notice) = config.initial_notice.take() {
        model.notify(notice, Role::Normal, now);
    }
    let history = config.command_history.as_deref().map(|path| file_writer::read_last_lines(path, MAX_HISTORY));
    let history = history.transpose().unwrap_or_else(|error| {
        model.notify(format!("cannot read the command history: {error}"), Role::Bad, now);
        None
    });
    model.time_zone = TimeZone::system();
    model.requires_reason = config.requires_reason;
    (model.confirm_quit, model.mouse) = (config.confirm_quit, config.has_mouse.then(MouseState::default));
    model.requested_interval = Some(config.polling.schedule.configured_interval());
    model.cli = CommandLine::new(history.unwrap_or_default());
    model
}
