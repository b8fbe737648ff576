//! The view, filter and view settings the dashboard starts with.

use crate::app::model::Model;
use crate::app::navigation;
use crate::app::view_config::ViewConfig;
use crate::table::filter::RowFilter;
use crate::table::view_table::{Content, VIEWS};

/// The state the dashboard starts with. The default is view 0 without a filter.
#[derive(Debug, Clone, Default)]
pub struct InitialView {
    /// Index of the view.
    pub view: usize,
    /// Filter of all table views, until another one is typed.
    pub filter: RowFilter,
    /// Configured columns and sort orders of views.
    pub view_configs: Vec<ViewConfig>,
}

impl InitialView {
    /// Applies it to a new model.
    pub fn apply(&self, model: &mut Model) {
        for (view, settings) in VIEWS.iter().zip(&mut model.view_settings) {
            if matches!(view.content, Content::Table(_)) {
                settings.set_filter(self.filter.clone());
            }
        }
        self.view_configs.iter().for_each(|config| config.apply(&mut model.view_settings));
        navigation::show_view(model, self.view);
    }
}
