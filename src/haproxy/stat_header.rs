//! The header line of `show stat`: which column holds what, found by name and never by position.

use crate::haproxy::fields::{Field, Kind, TextField};
use crate::haproxy::numbers::column_set;
use crate::haproxy::safe_text::SafeText;

/// Unknown columns kept: newer versions and builds add up to 30.
const MAX_EXTRA_COLUMNS: usize = 64;

/// What one column of the header is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Proxy,
    Name,
    Text(TextField),
    Number(u16),
    Ignored,
}

/// The header line: which column holds what.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    columns: Vec<Column>,
    /// Slot of each known field in a row's block of numbers.
    slots: [Option<u16>; Field::COUNT],
    /// Numeric column of each slot, by HAProxy's name.
    names: Vec<SafeText>,
    /// Slots that hold quantities; behind them stand ages and identifiers.
    quantities: usize,
}

/// The most slots there can be.
const MAX_WIDTH: usize = Field::COUNT + MAX_EXTRA_COLUMNS;
const _: () = assert!(MAX_WIDTH <= column_set::MAX_WIDTH);

impl Schema {
    /// Reads a header line; nothing when it does not begin with `# ` or lacks one of the two names.
    pub(crate) fn parse(header: &csv::ByteRecord) -> Option<Self> {
        let first = header.get(0)?.strip_prefix(b"# ")?;
        let mut schema = Self {
            columns: Vec::with_capacity(header.len()),
            slots: [None; Field::COUNT],
            names: Vec::new(),
            quantities: 0,
        };
        let (mut has_proxy, mut has_name, mut extra) = (false, false, 0);
        for name in std::iter::once(first).chain(header.iter().skip(1)) {
            let column = match name {
                // A doubled column is read once: the first is HAProxy's own.
                b"pxname" if !std::mem::replace(&mut has_proxy, true) => Column::Proxy,
                b"svname" if !std::mem::replace(&mut has_name, true) => Column::Name,
                b"" | b"-" | b"(null)" | b"pxname" | b"svname" => Column::Ignored,
                _ => match (TextField::by_name(name), Field::by_name(name)) {
                    (Some(field), _) if !schema.columns.contains(&Column::Text(field)) => Column::Text(field),
                    (None, Some(field)) if schema.slots[field as usize].is_none() => {
                        schema.slots[field as usize] = Some(schema.names.len() as u16);
                        schema.add_slot(name)
                    }
                    (None, None) if extra < MAX_EXTRA_COLUMNS => {
                        extra += 1;
                        schema.add_slot(name)
                    }
                    _ => Column::Ignored,
                },
            };
            schema.columns.push(column);
        }
        schema.put_quantities_first();
        (has_proxy && has_name).then_some(schema)
    }

    /// Gives ages and identifiers the last slots, so that all that is kept over time stands together.
    fn put_quantities_first(&mut self) {
        let is_other = |slot: usize| {
            let field = Field::ALL.iter().find(|field| self.slots[**field as usize] == Some(slot as u16));
            field.is_some_and(|field| matches!(field.info().kind, Kind::Age | Kind::Id))
        };
        let (mut order, others): (Vec<usize>, Vec<usize>) = (0..self.names.len()).partition(|slot| !is_other(*slot));
        self.quantities = order.len();
        order.extend(others);
        let mut moved = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            moved[*old] = new as u16;
        }
        for slot in self.slots.iter_mut().flatten() {
            *slot = moved[usize::from(*slot)];
        }
        for column in &mut self.columns {
            if let Column::Number(slot) = column {
                *slot = moved[usize::from(*slot)];
            }
        }
        self.names = order.iter().map(|old| self.names[*old].clone()).collect();
    }

    fn add_slot(&mut self, name: &[u8]) -> Column {
        self.names.push(SafeText::new(name));
        Column::Number(self.names.len() as u16 - 1)
    }

    /// What each column is read as.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many numbers a row has.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// How many of them are quantities; ages and identifiers stand behind these.
    pub fn quantities(&self) -> usize {
        self.quantities
    }

    /// Where a known field stands in a row's numbers; absent when this version lacks it.
    pub fn slot(&self, field: Field) -> Option<usize> {
        self.slots[field as usize].map(usize::from)
    }

    /// HAProxy's names of the numeric columns, one a slot.
    pub fn names(&self) -> &[SafeText] {
        &self.names
    }
}
