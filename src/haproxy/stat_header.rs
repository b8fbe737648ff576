//! The header line of `show stat`. Columns are identified by name, never by position.

use crate::haproxy::csv_record::CsvRecord;
use crate::haproxy::fields::{Field, FieldKind, TextField};
use crate::haproxy::numbers::column_set;
use crate::haproxy::safe_text::SafeText;

/// Maximum number of unknown columns kept. Newer versions and other builds add up to 30 columns, and a build with QUIC 67.
const MAX_EXTRA_COLUMNS: usize = 96;

/// The content of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderColumn {
    Proxy,
    Name,
    Text(TextField),
    Number(u16),
    Ignored,
}

/// The columns of a `show stat` reply. Each numeric column has a slot: the index of its numbers in the stored rows.
#[derive(Debug, PartialEq, Eq)]
pub struct StatSchema {
    columns: Vec<HeaderColumn>,
    /// Slot of each known field; `None` if the reply does not have the column.
    slots: [Option<u16>; Field::COUNT],
    /// HAProxy's name for the column stored in each slot.
    names: Vec<SafeText>,
    /// Number of slots that contain quantities. All later slots contain ages and identifiers.
    quantity_count: usize,
}

/// Maximum number of slots of a schema.
const MAX_WIDTH: usize = Field::COUNT + MAX_EXTRA_COLUMNS;
const _: () = assert!(MAX_WIDTH <= column_set::MAX_WIDTH);

impl StatSchema {
    /// Parses a header line. Returns `None` if the line does not begin with `# `, or if `pxname` or `svname` is
    /// missing.
    pub(crate) fn parse(header: &CsvRecord) -> Option<Self> {
        let first = header.iter().next()?.strip_prefix(b"# ")?;
        let mut schema = Self {
            columns: Vec::with_capacity(header.len()),
            slots: [None; Field::COUNT],
            names: Vec::new(),
            quantity_count: 0,
        };
        let (mut has_proxy, mut has_name, mut extra) = (false, false, 0);
        let mut has_text = [false; TextField::ALL.len()];
        for name in std::iter::once(first).chain(header.iter().skip(1)) {
            let column = match name {
                // If a name occurs more than once, only the first column is used.
                b"pxname" if !std::mem::replace(&mut has_proxy, true) => HeaderColumn::Proxy,
                b"svname" if !std::mem::replace(&mut has_name, true) => HeaderColumn::Name,
                b"" | b"-" | b"(null)" | b"pxname" | b"svname" => HeaderColumn::Ignored,
                _ => match (TextField::by_name(name), Field::by_name(name)) {
                    (Some(field), _) if !std::mem::replace(&mut has_text[field as usize], true) => {
                        HeaderColumn::Text(field)
                    }
                    (None, Some(field)) if schema.slots[field as usize].is_none() => {
                        schema.slots[field as usize] = Some(schema.names.len() as u16);
                        schema.add_slot(name)
                    }
                    (None, None) if extra < MAX_EXTRA_COLUMNS => {
                        extra += 1;
                        schema.add_slot(name)
                    }
                    _ => HeaderColumn::Ignored,
                },
            };
            schema.columns.push(column);
        }
        schema.order_quantities_first();
        (has_proxy && has_name).then_some(schema)
    }

    /// Restores a schema from a file: its columns in HAProxy's order, with the names of all but ignored ones, and the number
    /// of slots that contain quantities. Slots may have been assigned by another version of hapulse, which knew other columns.
    /// Returns `None` if the slots are not exactly those from 0 to the number of numeric columns, or if they are too many.
    pub(crate) fn from_stored(stored: &[(HeaderColumn, SafeText)], quantity_count: usize) -> Option<Self> {
        let mut names: Vec<Option<SafeText>> =
            stored.iter().filter(|(column, _)| matches!(column, HeaderColumn::Number(_))).map(|_| None).collect();
        let mut slots = [None; Field::COUNT];
        for (column, name) in stored {
            let HeaderColumn::Number(slot) = column else { continue };
            if names.get_mut(usize::from(*slot))?.replace(name.clone()).is_some() {
                return None;
            }
            if let Some(field) = Field::by_name(name.as_str().as_bytes()) {
                slots[field as usize] = Some(*slot);
            }
        }
        let names: Vec<SafeText> = names.into_iter().collect::<Option<_>>()?;
        let columns = stored.iter().map(|(column, _)| *column).collect();
        let is_valid = names.len() <= MAX_WIDTH && quantity_count <= names.len();
        is_valid.then_some(Self { columns, slots, names, quantity_count })
    }

    /// Moves ages and identifiers to the last slots, so that the quantities are adjacent.
    fn order_quantities_first(&mut self) {
        let is_other = |slot: usize| {
            let field = Field::ALL.iter().find(|field| self.slots[**field as usize] == Some(slot as u16));
            field.is_some_and(|field| matches!(field.info().kind, FieldKind::Age | FieldKind::Id))
        };
        let (mut order, others): (Vec<usize>, Vec<usize>) = (0..self.names.len()).partition(|slot| !is_other(*slot));
        self.quantity_count = order.len();
        order.extend(others);
        let mut new_slots = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            new_slots[*old] = new as u16;
        }
        for slot in self.slots.iter_mut().flatten() {
            *slot = new_slots[usize::from(*slot)];
        }
        for column in &mut self.columns {
            if let HeaderColumn::Number(slot) = column {
                *slot = new_slots[usize::from(*slot)];
            }
        }
        self.names = order.iter().map(|old| self.names[*old].clone()).collect();
    }

    fn add_slot(&mut self, name: &[u8]) -> HeaderColumn {
        self.names.push(SafeText::new(name));
        HeaderColumn::Number(self.names.len() as u16 - 1)
    }

    /// Returns the content of each column, in HAProxy's order.
    pub(crate) fn columns(&self) -> &[HeaderColumn] {
        &self.columns
    }

    /// Returns the number of slots.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// Returns the number of slots that contain quantities. All later slots contain ages and identifiers.
    pub(crate) fn quantity_count(&self) -> usize {
        self.quantity_count
    }

    /// Returns the slot of a known field, or `None` if this version does not have the column.
    pub fn slot(&self, field: Field) -> Option<usize> {
        self.slots[field as usize].map(usize::from)
    }

    /// Returns the slots and names of the columns that are not known fields, in HAProxy's order.
    pub(crate) fn unknown_columns(&self) -> impl Iterator<Item = (usize, &SafeText)> {
        let is_unknown = |slot: usize| !self.slots.contains(&Some(slot as u16));
        self.names.iter().enumerate().filter(move |(slot, _)| is_unknown(*slot))
    }

    /// Returns a schema with the same columns, in which `rename` has replaced the names of the columns that are not known
    /// fields.
    pub(crate) fn with_unknown_names(&self, mut rename: impl FnMut(&SafeText) -> SafeText) -> Self {
        let is_known = |slot: usize| self.slots.contains(&Some(slot as u16));
        let names = self.names.iter().enumerate();
        let names = names.map(|(slot, name)| if is_known(slot) { name.clone() } else { rename(name) }).collect();
        Self { columns: self.columns.clone(), slots: self.slots, names, quantity_count: self.quantity_count }
    }

    /// Returns HAProxy's names for the numeric columns, by slot.
    pub(crate) fn names(&self) -> &[SafeText] {
        &self.names
    }
}
