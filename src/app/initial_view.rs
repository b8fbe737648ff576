//! The view, filter and view settings the dashboard starts with.

use crate::app::model::Model;
use crate::app::navigation;
use crate::app::view_config::ViewConfig;
use crate::table::filter::RowFilter;
use crate::table::view_table::ViewId;

/// The state the dashboard starts with. The default is the dashboard without a filter.
#[derive(Debug, Clone, Default)]
pub(crate) struct InitialView {
    /// The view.
    pub(crate) view: ViewId,
    /// Filter of all table views, until another filter is typed.
    pub(crate) filter: RowFilter,
    /// Configured columns and sort orders of views.
    pub(crate) view_configs: Vec<ViewConfig>,
}

impl InitialView {
    /// Applies the initial state to a new model.
    pub(crate) fn apply(&self, model: &mut Model) {
        for view in ViewId::ALL.into_iter().filter(|view| view.view().content.table_columns().is_some()) {
            model.view_settings[view].set_filter(self.filter.clone());
        }
        self.view_configs.iter().for_each(|config| config.apply(&mut model.view_settings));
        navigation::show_view(model, self.view);
    }
}
