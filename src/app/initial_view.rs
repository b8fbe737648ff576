//! What the dashboard shows first, where the user says so.

use crate::app::model::Model;
use crate::app::navigation;
use crate::app::view_config::Arrangement;
use crate::table::filter::Filter;
use crate::table::view_table::{Content, VIEWS};

/// What is shown first. By itself the dashboard, and every row.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The place of the view.
    pub view: usize,
    /// The rows of the views that are tables, until another filter is typed there.
    pub filter: Filter,
    /// How views look, where the user says so.
    pub arranged: Vec<Arrangement>,
}

impl Start {
    /// Makes the model show it. The model is a new one.
    pub fn apply(&self, model: &mut Model) {
        for (view, settings) in VIEWS.iter().zip(&mut model.settings) {
            if matches!(view.content, Content::Table(_)) {
                settings.set_filter(self.filter.clone());
            }
        }
        self.arranged.iter().for_each(|arrangement| arrangement.apply(&mut model.settings));
        navigation::show(model, self.view);
    }
}
