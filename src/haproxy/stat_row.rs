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

    /// Returns the value of the `type` column.
    pub(crate) fn type_number(self) -> u8 {
        match self {
            Self::Frontend => 0,
            Self::Backend => 1,
            Self::Server => 2,
            Self::Listener => 3,
        }
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

/// Some texts of one row with their columns, in the order of [`TextField::ALL`].
pub(crate) type TextSet = Arc<[(TextField, SafeText)]>;

/// Some texts of one row, shared with other rows and samples that have the same ones; `None` without texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RowTexts(Option<TextSet>);

impl RowTexts {
    fn as_slice(&self) -> &[(TextField, SafeText)] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns true if the texts are equal to the cells.
    fn match_cells<'a>(&self, mut cells: impl Iterator<Item = (TextField, &'a [u8])>) -> bool {
        let mut known = self.as_slice().iter();
        let is_next = |(field, cell): (TextField, &[u8])| {
            known.next().is_some_and(|(known, text)| *known == field && is_verbatim(text, cell))
        };
        cells.all(is_next) && known.next().is_none()
    }

    /// Builds the texts from cells. If one of `others` has the same texts, they are shared; otherwise, each text that one
    /// of `others` has in the same field.
    fn from_cells<'a>(
        cells: impl Iterator<Item = (TextField, &'a [u8])> + Clone,
        others: &(impl Iterator<Item = &'a Self> + Clone),
    ) -> Self {
        if let Some(same) = others.clone().find(|other| other.match_cells(cells.clone())) {
            return same.clone();
        }
        let text = |(field, cell): (TextField, &[u8])| {
            let there = others.clone().filter_map(|other| other.get(field)).find(|text| is_verbatim(text, cell));
            (field, there.cloned().unwrap_or_else(|| SafeText::new(cell)))
        };
        Self(Some(cells.map(text).collect()).filter(|texts: &Arc<[_]>| !texts.is_empty()))
    }

    fn get(&self, field: TextField) -> Option<&SafeText> {
        self.as_slice().iter().find(|(known, _)| *known == field).map(|(_, text)| text)
    }

    fn is_shared_with(&self, other: &Self) -> bool {
        self.0.as_ref().map(Arc::as_ptr) == other.0.as_ref().map(Arc::as_ptr)
    }

    /// Returns the memory used, in bytes.
    fn memory_bytes(&self) -> usize {
        let text = |(_, text): &(TextField, SafeText)| size_of::<(TextField, SafeText)>() + text.memory_bytes();
        // Two reference counts, and the allocator's own bookkeeping.
        self.0.as_deref().map_or(0, |texts| texts.iter().map(text).sum::<usize>() + 32)
    }
}

/// Returns true if the text of this field usually differs in all rows.
fn is_own(field: TextField) -> bool {
    matches!(field, TextField::Addr | TextField::Cookie)
}

/// Iterates over the cells that are not empty, and either differ in all rows usually or do not.
fn present<'a>(cells: &TextCells<'a>, own: bool) -> impl Iterator<Item = (TextField, &'a [u8])> + Clone {
    let cells = TextField::ALL.iter().map(|(field, _)| *field).zip(*cells);
    cells.filter_map(move |(field, cell)| Some((field, cell?)).filter(|_| is_own(field) == own))
}

/// Returns true if the text equals the cell and no character was escaped.
fn is_verbatim(text: &SafeText, cell: &[u8]) -> bool {
    text.is_verbatim() && text.as_str().as_bytes() == cell
}

/// Memory of a row besides its names and texts, in bytes: the row itself, its identity and its place in the indexes.
const ROW_BYTES: usize = size_of::<StatRow>() + 32;

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
    /// Texts that most rows share.
    texts: RowTexts,
    /// Address and cookie. They are apart, because otherwise rows could not share their other texts.
    own_texts: RowTexts,
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
        let own_texts = RowTexts::from_cells(present(texts, true), &others().map(|other| &other.own_texts));
        let texts = RowTexts::from_cells(present(texts, false), &others().map(|other| &other.texts));
        let state = RowState::parse(texts.get(TextField::Status).map_or("", SafeText::as_str));
        let (proxy, name) = (name(names[0], |row| &row.proxy), name(names[1], |row| &row.name));
        Self { kind, proxy, name, state, texts, own_texts }
    }

    /// Returns the parts of the name that is unique among rows of its kind: the proxy with a slash, and the server or
    /// listener; or only the proxy.
    pub(crate) fn name_parts(&self) -> [&str; 3] {
        match self.kind {
            RowKind::Server | RowKind::Listener => [self.proxy.as_str(), "/", self.name.as_str()],
            RowKind::Frontend | RowKind::Backend => ["", "", self.proxy.as_str()],
        }
    }

    /// Builds a row from stored names and from the two sets of texts that [`Self::text_sets`] returned.
    pub(crate) fn from_stored(kind: RowKind, proxy: SafeText, name: SafeText, sets: [&TextSet; 2]) -> Self {
        let [texts, own_texts] = sets.map(|set| RowTexts(Some(Arc::clone(set)).filter(|set| !set.is_empty())));
        let state = RowState::parse(texts.get(TextField::Status).map_or("", SafeText::as_str));
        Self { kind, proxy, name, state, texts, own_texts }
    }

    /// Returns the texts that most rows share, and those that usually differ in all rows; `None` without texts.
    pub(crate) fn text_sets(&self) -> [Option<&TextSet>; 2] {
        [self.texts.0.as_ref(), self.own_texts.0.as_ref()]
    }

    /// Returns true if the received cells equal this row.
    pub(crate) fn matches_cells(&self, kind: RowKind, names: [&[u8]; 2], texts: &TextCells<'_>) -> bool {
        let [proxy, name] = names;
        self.kind == kind
            && is_verbatim(&self.proxy, proxy)
            && is_verbatim(&self.name, name)
            && self.texts.match_cells(present(texts, false))
            && self.own_texts.match_cells(present(texts, true))
    }

    /// Returns true if both rows share their texts in memory. Does not compare the texts.
    pub(crate) fn shares_texts(&self, other: &Self) -> bool {
        self.texts.is_shared_with(&other.texts) && self.own_texts.is_shared_with(&other.own_texts)
    }

    /// Returns true if the texts of both rows are equal. This is cheap between two samples, because most rows share
    /// their texts.
    pub(crate) fn has_same_texts(&self, other: &Self) -> bool {
        self.shares_texts(other) || self.texts == other.texts && self.own_texts == other.own_texts
    }

    /// Returns the memory of a row in bytes, including its identity and its place in the indexes. Names and texts that the
    /// row shares with the row above are not counted again.
    pub(crate) fn memory_below(&self, above: Option<&Self>) -> usize {
        let proxy = if above.is_some_and(|above| above.proxy == self.proxy) { 0 } else { self.proxy.memory_bytes() };
        ROW_BYTES + proxy + self.name.memory_bytes() + self.text_memory(above)
    }

    /// Returns the memory of the texts that this row does not share with `other`, in bytes, without the names.
    pub(crate) fn text_memory(&self, other: Option<&Self>) -> usize {
        let texts = |of: fn(&Self) -> &RowTexts| match other {
            Some(other) if of(other).is_shared_with(of(self)) => 0,
            _ => of(self).memory_bytes(),
        };
        texts(|row| &row.texts) + texts(|row| &row.own_texts)
    }

    /// Returns the text of a column, or `None` if the text is empty or this version does not have the column.
    pub fn text(&self, field: TextField) -> Option<&SafeText> {
        if is_own(field) { self.own_texts.get(field) } else { self.texts.get(field) }
    }

    /// Returns the status in HAProxy's words, or an empty string if HAProxy reported no status.
    pub fn status(&self) -> &str {
        self.text(TextField::Status).map_or("", SafeText::as_str)
    }

    /// Returns true for a server without an address because its name is not resolved: `MAINT (resolution)`.
    pub(crate) fn is_unresolved(&self) -> bool {
        self.state == RowState::Maint && self.status().contains("(resolution)")
    }

    /// Returns true for a frontend that is paused or stopped, and for a backend that is not published.
    pub(crate) fn is_disabled_proxy(&self) -> bool {
        match self.kind {
            RowKind::Frontend => matches!(self.state, RowState::Paused | RowState::Stopped),
            RowKind::Backend => self.state == RowState::Unpublished,
            RowKind::Server | RowKind::Listener => false,
        }
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
