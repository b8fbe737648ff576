//! How a view is to look from the start: its columns and its order, as a configuration names them.

use thiserror::Error;

use crate::app::palette::{self, BadCommand, Change, PaletteCommand};
use crate::table::columns::column_table;
use crate::table::rows::{Settings, Sort};
use crate::table::view_table::{self, Content, VIEWS};

/// What is changed of one view.
#[derive(Debug, Clone)]
pub struct Arrangement {
    view: usize,
    columns: Vec<Change>,
    sort: Option<Sort>,
    flat: Option<bool>,
}

/// Why a view cannot look so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadArrangement {
    /// There is no such view.
    #[error("there is no view \"{0}\" with columns; there are {known}", known = with_columns())]
    NoSuchView(String),
    /// There is no such column.
    #[error("view {view}: there is no column \"{column}\"; `:cols` completes their names")]
    NoSuchColumn {
        /// The view.
        view: String,
        /// As written.
        column: String,
    },
}

fn with_columns() -> String {
    let tables = VIEWS.iter().filter(|view| matches!(view.content, Content::Table(_)));
    tables.map(|view| view.id).collect::<Vec<_>>().join(", ")
}

impl Arrangement {
    /// Of the view with this id: `columns` are the words of `:cols`; `sort` is a column, with `-` before it the
    /// largest first.
    ///
    /// # Errors
    /// When the view or a column is not there.
    pub fn new(view: &str, columns: &[String], sort: Option<&str>, flat: Option<bool>) -> Result<Self, BadArrangement> {
        let is_table = |place: &usize| VIEWS.get(*place).is_some_and(|view| matches!(view.content, Content::Table(_)));
        let place = view_table::by_id(view).filter(is_table);
        let place = place.ok_or_else(|| BadArrangement::NoSuchView(view.to_owned()))?;
        let no_column =
            |column: &str| BadArrangement::NoSuchColumn { view: view.to_owned(), column: column.to_owned() };
        let columns = match palette::parse(&format!("cols {}", columns.join(" "))) {
            Ok(PaletteCommand::Columns(changes)) => changes,
            Err(BadCommand::NoColumn(column)) => return Err(no_column(&column)),
            Ok(_) | Err(_) => Vec::new(),
        };
        let sort = sort.map(|text| {
            let (id, descending) = text.strip_prefix('-').map_or((text, false), |id| (id, true));
            column_table::by_id(id).map(|column| Sort { column, descending }).ok_or_else(|| no_column(id))
        });
        Ok(Self { view: place, columns, sort: sort.transpose()?, flat })
    }

    /// Makes the view look so; `views` are the looks of all.
    pub fn apply(&self, views: &mut [Settings]) {
        let Some(settings) = views.get_mut(self.view) else { return };
        if !self.columns.is_empty() {
            palette::change_columns(settings, &self.columns);
        }
        settings.sort = self.sort.or(settings.sort);
        settings.flat = self.flat.unwrap_or(settings.flat);
        settings.touch();
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
    fn a_view_looks_as_it_is_told() {
        let mut views = [Settings::new(&[]), Settings::new(column_sets::STATUS_VIEW)];
        let before = views[1].columns.len();
        let one = Arrangement::new("status", &words(&["+rtime"]), Some("-scur"), Some(true)).unwrap();
        one.apply(&mut views);
        let settings = &views[1];
        assert_eq!(settings.columns.len(), before + 1);
        assert_eq!(settings.sort.map(|sort| (sort.column.id, sort.descending)), Some(("scur", true)));
        assert!(settings.flat);
        Arrangement::new("status", &words(&["scur", "rtime"]), Some("name"), None).unwrap().apply(&mut views);
        let settings = &views[1];
        assert_eq!(settings.columns.iter().map(|column| column.id).collect::<Vec<_>>(), ["name", "scur", "rtime"]);
        assert_eq!(settings.sort.map(|sort| (sort.column.id, sort.descending)), Some(("name", false)));
        assert!(settings.flat, "what is not said stays");
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let told = |view, columns, sort| Arrangement::new(view, &words(columns), sort, None).unwrap_err().to_string();
        let no_view = told("events", &[], None);
        assert!(
            no_view.starts_with("there is no view \"events\" with columns; there are status, traffic"),
            "{no_view}"
        );
        for no_column in [told("http", &["+nope"], None), told("http", &[], Some("-nope"))] {
            assert!(no_column.starts_with("view http: there is no column \"nope\""), "{no_column}");
        }
    }
}
