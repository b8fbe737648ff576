//! The initial columns and sort order of a view, from the configuration.

use thiserror::Error;

use crate::app::palette_parser::{self, ColumnChange, PaletteCommand, PaletteError};
use crate::table::columns::column_table;
use crate::table::rows::{Sort, TableSettings};
use crate::table::view_table::{PerView, VIEWS, ViewId};

/// Changes to one view's columns, sort order and tree mode.
#[derive(Debug, Clone)]
pub(crate) struct ViewConfig {
    view: ViewId,
    columns: Vec<ColumnChange>,
    sort: Option<Sort>,
    flat: Option<bool>,
}

/// The error for an invalid view configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ViewConfigError {
    /// No table view has this id.
    #[error("unknown view \"{0}\"; views with columns: {known}", known = table_view_ids())]
    UnknownView(String),
    /// No column has this id.
    #[error("view {view}: unknown column \"{column}\"; in the dashboard, Tab after `:cols` completes names")]
    UnknownColumn {
        /// View id.
        view: String,
        /// Column id as configured.
        column: String,
    },
}

fn table_view_ids() -> String {
    let tables = VIEWS.iter().filter(|view| view.content.table_columns().is_some());
    tables.map(|view| view.id).collect::<Vec<_>>().join(", ")
}

impl ViewConfig {
    /// Parses the configuration of the view with this id. `columns` has the syntax of `:cols`; `sort` is a column id,
    /// with `-` in front for descending order.
    ///
    /// # Errors
    /// Returns an error if the view or a column does not exist.
    pub(crate) fn new(
        view: &str,
        columns: &[String],
        sort: Option<&str>,
        flat: Option<bool>,
    ) -> Result<Self, ViewConfigError> {
        let table_view = ViewId::parse(view).filter(|view| view.view().content.table_columns().is_some());
        let table_view = table_view.ok_or_else(|| ViewConfigError::UnknownView(view.to_owned()))?;
        let no_column =
            |column: &str| ViewConfigError::UnknownColumn { view: view.to_owned(), column: column.to_owned() };
        let columns = match palette_parser::parse(&format!("cols {}", columns.join(" "))) {
            Ok(PaletteCommand::Columns(changes)) => changes,
            Err(PaletteError::UnknownColumn(column)) => return Err(no_column(&column)),
            Ok(_) | Err(_) => Vec::new(),
        };
        let sort = sort.map(|text| {
            let (id, descending) = text.strip_prefix('-').map_or((text, false), |id| (id, true));
            column_table::by_name(id)
                .map(|column| Sort { column, is_descending: descending })
                .ok_or_else(|| no_column(id))
        });
        Ok(Self { view: table_view, columns, sort: sort.transpose()?, flat })
    }

    /// Applies the configuration to `views`, the settings of all views.
    pub(crate) fn apply(&self, views: &mut PerView<TableSettings>) {
        let settings = &mut views[self.view];
        if !self.columns.is_empty() {
            palette_parser::change_columns(settings, &self.columns);
        }
        settings.sort = self.sort.or(settings.sort);
        settings.is_flat = self.flat.unwrap_or(settings.is_flat);
        settings.mark_changed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::columns::column_sets;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn view_config_changes_columns_sort_and_tree() {
        let mut views = PerView::from_fn(|_| TableSettings::new(column_sets::STATUS_VIEW));
        let before = views[ViewId::Status].columns.len();
        let one = ViewConfig::new("status", &words(&["+rtime"]), Some("-scur"), Some(true)).unwrap();
        one.apply(&mut views);
        let settings = &views[ViewId::Status];
        assert_eq!(settings.columns.len(), before + 1);
        assert_eq!(settings.sort.map(|sort| (sort.column.id, sort.is_descending)), Some(("scur", true)));
        assert!(settings.is_flat);
        ViewConfig::new("status", &words(&["scur", "rtime"]), Some("name"), None).unwrap().apply(&mut views);
        let settings = &views[ViewId::Status];
        assert_eq!(settings.columns.iter().map(|column| column.id).collect::<Vec<_>>(), ["name", "scur", "rtime"]);
        assert_eq!(settings.sort.map(|sort| (sort.column.id, sort.is_descending)), Some(("name", false)));
        assert!(settings.is_flat, "an absent setting changes nothing");
    }

    #[test]
    fn view_config_rejects_unknown_view_and_column() {
        let message = |view, columns, sort| ViewConfig::new(view, &words(columns), sort, None).unwrap_err().to_string();
        let no_view = message("events", &[], None);
        assert!(no_view.starts_with("unknown view \"events\"; views with columns: status, traffic"), "{no_view}");
        for no_column in [message("http", &["+nope"], None), message("http", &[], Some("-nope"))] {
            assert!(no_column.starts_with("view http: unknown column \"nope\""), "{no_column}");
        }
    }
}
