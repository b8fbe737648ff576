//! Lines of a table of merged rows: below an unfolded row, a line for each balancer that has it.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr as _;

use crate::instance::merged_rows::MergedRows;
use crate::observe::row_ids::RowId;
use crate::table::rows::TableLine;

/// Number of cells in front of the name of a balancer.
pub(crate) const INDENT: &str = "    ";

/// Adds the lines of the balancers below the rows that are unfolded, if they are listed at all.
pub(crate) fn with_parts(
    lines: Vec<TableLine>,
    merged: Option<&MergedRows>,
    unfolded: Option<&BTreeSet<RowId>>,
) -> Vec<TableLine> {
    let Some((merged, unfolded)) = merged.zip(unfolded.filter(|rows| !rows.is_empty())) else { return lines };
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        all.push(line);
        let parts = merged.row(line.id).filter(|_| unfolded.contains(&line.id)).map_or(&[][..], |row| &row.parts);
        all.extend(parts.iter().enumerate().map(|(place, part)| TableLine {
            id: line.id.part(place),
            is_child: true,
            folded: None,
            part: Some(part.row),
            ..line
        }));
    }
    all
}

/// Returns the width of the name of a line's balancer with its indentation; `None` for other lines.
pub(crate) fn part_width(line: &TableLine, merged: Option<&MergedRows>) -> Option<u16> {
    let part = line.part?;
    let name = &merged?.row(line.id.whole())?.of(part.instance)?.balancer;
    u16::try_from(INDENT.len() + name.width()).ok()
}
