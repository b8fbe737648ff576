//! One row of `show stat`: what it is, its names and its texts.
//!
//! From one sample to the next nearly all texts stay the same, and within one most rows have the same ones (`UP`,
//! `http`, `L7OK`), so texts are shared wherever they can be.

use std::sync::Arc;

use crate::haproxy::fields::TextField;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::status::State;

/// What a row describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// The listening side of a proxy.
    Frontend,
    /// The serving side of a proxy.
    Backend,
    /// One server of a backend.
    Server,
    /// One bind line of a frontend; only with `option socket-stats`.
    Listener,
}

impl RowKind {
    /// By `type`.
    pub(crate) fn from_type(number: i64) -> Option<Self> {
        [Self::Frontend, Self::Backend, Self::Server, Self::Listener].get(usize::try_from(number).ok()?).copied()
    }

    /// By `svname`; a listener looks like a server.
    pub(crate) fn from_name(svname: &[u8]) -> Self {
        match svname {
            b"FRONTEND" => Self::Frontend,
            b"BACKEND" => Self::Backend,
            _ => Self::Server,
        }
    }
}

/// The text cells of a row as they came, each in the place of its field; empty ones are none.
pub(crate) type TextCells<'a> = [Option<&'a [u8]>; TextField::ALL.len()];

/// The texts of one row but its names, shared between samples while they do not change.
#[derive(Debug, Default, PartialEq, Eq)]
struct Texts(Box<[(TextField, SafeText)]>);

impl Texts {
    /// Whether these are exactly the cells.
    fn are(&self, cells: &TextCells<'_>) -> bool {
        let mut known = self.0.iter();
        let is_next = |(place, cell): (usize, &[u8])| {
            known.next().is_some_and(|(field, text)| *field as usize == place && is_verbatim(text, cell))
        };
        present(cells).all(is_next) && known.next().is_none()
    }

    /// Takes the cells in; a text that one of `others` has in the same place is shared with it.
    fn read<'a>(cells: &TextCells<'_>, others: &(impl Iterator<Item = &'a Self> + Clone)) -> Self {
        let text = |(place, cell): (usize, &[u8])| {
            let field = TextField::ALL[place].0;
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
    cells.iter().enumerate().filter_map(|(place, cell)| Some((place, (*cell)?)))
}

/// Whether the text is what came, and nothing in it had to be made safe.
fn is_verbatim(text: &SafeText, cell: &[u8]) -> bool {
    text.is_verbatim() && text.as_str().as_bytes() == cell
}

/// The names and texts of one row.
#[derive(Debug, Clone)]
pub struct Row {
    /// What the row describes.
    pub kind: RowKind,
    /// Name of the proxy: `pxname`.
    pub proxy: SafeText,
    /// `FRONTEND`, `BACKEND`, or the name of the server or listener: `svname`.
    pub name: SafeText,
    /// Worked out once, for all that ask for it in every sample.
    state: State,
    texts: Arc<Texts>,
}

impl Row {
    /// A row as it came. What it has in common with `others` is shared with them, the first one that can.
    pub(crate) fn read(kind: RowKind, names: [&[u8]; 2], texts: &TextCells<'_>, others: [Option<&Self>; 2]) -> Self {
        let others = || others.into_iter().flatten();
        let name = |cell: &[u8], of: fn(&Self) -> &SafeText| {
            let there = others().map(of).find(|text| is_verbatim(text, cell));
            there.cloned().unwrap_or_else(|| SafeText::new(cell))
        };
        let same = others().find(|other| other.texts.are(texts)).map(|other| Arc::clone(&other.texts));
        let texts = same.unwrap_or_else(|| Arc::new(Texts::read(texts, &others().map(|other| &*other.texts))));
        let state = State::parse(texts.get(TextField::Status).map_or("", SafeText::as_str));
        Self { kind, proxy: name(names[0], |row| &row.proxy), name: name(names[1], |row| &row.name), state, texts }
    }

    /// Whether a row as it came is this one.
    pub(crate) fn is(&self, kind: RowKind, names: [&[u8]; 2], texts: &TextCells<'_>) -> bool {
        let [proxy, name] = names;
        self.kind == kind && is_verbatim(&self.proxy, proxy) && is_verbatim(&self.name, name) && self.texts.are(texts)
    }

    /// Whether all texts are those of another row, as far as that is known without reading them.
    pub fn shares_texts(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.texts, &other.texts)
    }

    /// Whether the texts are the same. Between two samples they are mostly the very same ones.
    pub fn says_as(&self, other: &Self) -> bool {
        self.shares_texts(other) || self.texts == other.texts
    }

    /// Memory that its texts take, in bytes, names left out.
    pub fn memory(&self) -> usize {
        let cell = |(_, text): &(TextField, SafeText)| size_of::<(TextField, SafeText)>() + text.as_str().len() + 16;
        self.texts.0.iter().map(cell).sum::<usize>() + size_of::<Texts>() + 16
    }

    /// A text cell; absent when it is empty or this version lacks the column.
    pub fn text(&self, field: TextField) -> Option<&SafeText> {
        self.texts.get(field)
    }

    /// The status in HAProxy's words.
    pub fn status(&self) -> &str {
        self.text(TextField::Status).map_or("", SafeText::as_str)
    }

    /// Whether it carries TCP and not HTTP.
    pub fn is_tcp(&self) -> bool {
        self.text(TextField::Mode).is_some_and(|mode| mode.as_str() == "tcp")
    }

    /// What the status means.
    pub fn state(&self) -> State {
        self.state
    }
}
