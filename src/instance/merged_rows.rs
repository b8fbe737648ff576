//! Rows of several balancers that an instance shows as one each.

use std::collections::HashMap;
use std::sync::Arc;

use crate::observe::instance_id::{InstanceId, RowRef};
use crate::observe::row_ids::{RowId, RowMap};

/// A row on one balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowPart {
    /// The row.
    pub(crate) row: RowRef,
    /// Name of the balancer.
    pub(crate) balancer: Arc<str>,
    /// Status in HAProxy's words; `None` if the balancer does not answer or, in the past, was not sampled then.
    pub(crate) status: Option<String>,
}

/// A row on all balancers that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergedParts {
    /// The rows, in the order of the balancers.
    pub(crate) parts: Vec<RowPart>,
    /// Number of balancers that have it and its states: `3/3`, or `2 UP 1 MAINT` if the states differ.
    pub(crate) spread: String,
    /// True if each balancer has it in the same state.
    pub(crate) is_uniform: bool,
}

/// The merged rows that an instance shows, and the balancers that they come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct MergedRows {
    rows: RowMap<MergedParts>,
    /// The merged row of each row of a balancer.
    places: HashMap<RowRef, RowId>,
    /// Number of balancers.
    pub(crate) count: usize,
    /// Names of the balancers that do not answer or, in the past, were not sampled at the moment shown.
    pub(crate) missing: Vec<Arc<str>>,
    /// Versions of HAProxy, each once.
    pub(crate) versions: Vec<String>,
    /// True if the rows are those of a past moment.
    is_past: bool,
}

impl MergedRows {
    /// Creates the rows of `count` balancers.
    pub(crate) fn new(rows: RowMap<MergedParts>, count: usize, missing: Vec<Arc<str>>, versions: Vec<String>) -> Self {
        let parts = |(id, merged): (&RowId, &MergedParts)| {
            let id = *id;
            merged.parts.iter().map(move |part| (part.row, id)).collect::<Vec<_>>()
        };
        let places = rows.iter().flat_map(parts).collect();
        Self { rows, places, count, missing, versions, is_past: false }
    }

    /// Returns the rows as those of a past moment, or of the present.
    pub(crate) fn at_moment(self, is_past: bool) -> Self {
        Self { is_past, ..self }
    }

    /// Returns whether the rows are those of a past moment.
    pub(crate) fn is_past(&self) -> bool {
        self.is_past
    }

    /// Returns whether a balancer with this row answers or, in the past, was sampled at the moment shown.
    pub(crate) fn is_known(&self, part: RowRef) -> bool {
        let merged = self.row_with(part).and_then(|row| self.row(row));
        merged.and_then(|merged| merged.of(part.instance)).is_some_and(|part| part.status.is_some())
    }

    /// Returns the parts of a row; `None` if the row is unknown.
    pub(crate) fn row(&self, id: RowId) -> Option<&MergedParts> {
        self.rows.get(&id)
    }

    /// Returns the merged row to which a row of a balancer belongs. That of a process is the row of all processes.
    pub(crate) fn row_with(&self, part: RowRef) -> Option<RowId> {
        if part.row == RowId::PROCESS {
            return Some(RowId::PROCESS);
        }
        self.places.get(&part).copied()
    }

    /// Returns the name of a balancer that has rows.
    pub(crate) fn balancer_name(&self, balancer: InstanceId) -> Option<Arc<str>> {
        self.rows.values().find_map(|row| row.of(balancer)).map(|part| Arc::clone(&part.balancer))
    }

    /// Returns the name of the balancers together: `all 3 balancers`.
    pub(crate) fn title(&self) -> String {
        match (self.count - self.missing.len(), self.count) {
            (answering, all) if answering == all => format!("all {all} balancers"),
            (answering, all) => format!("{answering} of {all} balancers"),
        }
    }
}

impl MergedParts {
    /// Returns the number of balancers that have the row and answer or, in the past, were sampled.
    pub(crate) fn known_count(&self) -> usize {
        self.parts.iter().filter(|part| part.status.is_some()).count()
    }

    /// Returns the part of a balancer.
    pub(crate) fn of(&self, balancer: InstanceId) -> Option<&RowPart> {
        self.parts.iter().find(|part| part.row.instance == balancer)
    }
}
