//! One row of `show stat`: its kind, names and texts.
//!
//! Nearly all texts stay the same from one sample to the next, and most rows of a sample have the same texts (`UP`,
//! `http`, `L7OK`). Rows therefore share texts with the previous sample and with the preceding row where possible.

use std::sync::Arc;

use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::status::RowState;

/// The kind of object that a row describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// The client side of a proxy.
    Frontend,
    /// The server side of a proxy.
    Backend,
    /// One server of a backend.
    Server,
    /// One `bind` line of a frontend; reported only with `option socket-stats`.
    Listener,
}

impl RowKind {
    /// Returns the kind for a value of the `type` column, or `None` for an unknown value.
    pub(crate) fn from_type(number: i64) -> Option<Self> {
        [Self::Frontend, Self::Backend, Self::Server, Self::Listener].get(usize::try_from(number).ok()?).copied()
    }

    /// Derives the kind from `svname`. Returns `Server` for a listener, which cannot be distinguished from a server by
    /// name.
    pub(crate) fn from_name(svname: &[u8]) -> Self {
        match svname {
            b"FRONTEND" => Self::Frontend,
            b"BACKEND" => Self::Backend,
            _ => Self::Server,
        }
    }
}

/// The text cells of a received row, indexed by [`TextField`]; `None` for empty cells.
pub(crate) type TextCells<'a> = [Option<&'a [u8]>; TextField::ALL.len()];

/// The texts of one row except its names, shared between samples while they do not change.
#[derive(Debug, Default, PartialEq, Eq)]
struct RowTexts(Box<[(TextField, SafeText)]>);

impl RowTexts {
    /// Returns true if the texts are equal to the cells.
    fn match_cells(&self, cells: &TextCells<'_>) -> bool {
        let mut known = self.0.iter();
        let is_next = |(index, cell): (usize, &[u8])| {
            known.next().is_some_and(|(field, text)| *field as usize == index && is_verbatim(text, cell))
        };
        present(cells).all(is_next) && known.next().is_none()
    }

    /// Builds the texts from cells. A text that one of `others` has in the same field is shared.
    fn from_cells<'a>(cells: &TextCells<'_>, others: &(impl Iterator<Item = &'a Self> + Clone)) -> Self {
        let text = |(index, cell): (usize, &[u8])| {
            let field = TextField::ALL[index].0;
            let there = others.clone().filter_map(|other| other.get(field)).find(|text| is_verbatim(text, cell));
            (field, there.cloned().unwrap_or_else(|| SafeText::new(cell)))
        };
        Self(present(cells).map(text).collect())
    }

    fn get(&self, field: TextField) -> Option<&SafeText> {
        self.0.iter().find(|(known, _)| *known == field).map(|(_, text)| text)
    }
}

fn present<'a>(cells: &TextCells<'a>) -> impl Iterator<Item = (usize, &'a [u8])> {
    cells.iter().enumerate().filter_map(|(index, cell)| Some((index, (*cell)?)))
}

/// Returns true if the text equals the cell and no character was escaped.
fn is_verbatim(text: &SafeText, cell: &[u8]) -> bool {
    text.is_verbatim() && text.as_str().as_bytes() == cell
}

/// The names and texts of one row.
#[derive(Debug, Clone)]
pub struct StatRow {
    /// The kind of object that the row describes.
    pub kind: RowKind,
    /// Name of the proxy: `pxname`.
    pub proxy: SafeText,
    /// `FRONTEND`, `BACKEND`, or the name of the server or listener: `svname`.
    pub name: SafeText,
    /// State parsed from the status; stored because it is read often.
    state: RowState,
    texts: Arc<RowTexts>,
}

impl StatRow {
    /// Builds a row from received cells. Names and texts that are equal in one of `others` are shared with the first
    /// such row.
    pub(crate) fn from_cells(
        kind: RowKind,
        names: [&[u8]; 2],
        texts: &TextCells<'_>,
        others: [Option<&Self>; 2],
    ) -> Self {
        let others = || others.into_iter().flatten();
        let name = |cell: &[u8], of: fn(&Self) -> &SafeText| {
            let there = others().map(of).find(|text| is_verbatim(text, cell));
            there.cloned().unwrap_or_else(|| SafeText::new(cell))
        };
        let same = others().find(|other| other.texts.match_cells(texts)).map(|other| Arc::clone(&other.texts));
        let texts = same.unwrap_or_else(|| Arc::new(RowTexts::from_cells(texts, &others().map(|other| &*other.texts))));
        let state = RowState::parse(texts.get(TextField::Status).map_or("", SafeText::as_str));
        Self { kind, proxy: name(names[0], |row| &row.proxy), name: name(names[1], |row| &row.name), state, texts }
    }

    /// Returns true if the received cells equal this row.
    pub(crate) fn matches_cells(&self, kind: RowKind, names: [&[u8]; 2], texts: &TextCells<'_>) -> bool {
        let [proxy, name] = names;
        self.kind == kind
            && is_verbatim(&self.proxy, proxy)
            && is_verbatim(&self.name, name)
            && self.texts.match_cells(texts)
    }

    /// Returns true if both rows share their texts in memory. Does not compare the texts.
    pub(crate) fn shares_texts(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.texts, &other.texts)
    }

    /// Returns true if the texts of both rows are equal. This is cheap between two samples, because most rows share
    /// their texts.
    pub(crate) fn has_same_texts(&self, other: &Self) -> bool {
        self.shares_texts(other) || self.texts == other.texts
    }

    /// Returns the memory used by the texts, in bytes, without the names.
    pub(crate) fn memory_bytes(&self) -> usize {
        let cell = |(_, text): &(TextField, SafeText)| size_of::<(TextField, SafeText)>() + text.as_str().len() + 16;
        self.texts.0.iter().map(cell).sum::<usize>() + size_of::<RowTexts>() + 16
    }

    /// Returns the text of a column, or `None` if the text is empty or this version does not have the column.
    pub fn text(&self, field: TextField) -> Option<&SafeText> {
        self.texts.get(field)
    }

    /// Returns the status in HAProxy's words, or an empty string if HAProxy reported no status.
    pub fn status(&self) -> &str {
        self.text(TextField::Status).map_or("", SafeText::as_str)
    }

    /// Returns true if the mode is TCP.
    pub(crate) fn is_tcp(&self) -> bool {
        self.text(TextField::Mode).is_some_and(|mode| mode.as_str() == "tcp")
    }

    /// Returns the state to which the status corresponds.
    pub fn state(&self) -> RowState {
        self.state
    }
}
