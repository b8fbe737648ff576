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
    /// Status in HAProxy's words; `None` if the balancer does not answer.
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
    /// Names of the balancers that do not answer.
    pub(crate) missing: Vec<Arc<str>>,
    /// Versions of HAProxy, each once.
    pub(crate) versions: Vec<String>,
}

impl MergedRows {
    /// Creates the rows of `count` balancers.
    pub(crate) fn new(rows: RowMap<MergedParts>, count: usize, missing: Vec<Arc<str>>, versions: Vec<String>) -> Self {
        let parts = |(id, merged): (&RowId, &MergedParts)| {
            let id = *id;
            merged.parts.iter().map(move |part| (part.row, id)).collect::<Vec<_>>()
        };
        let places = rows.iter().flat_map(parts).collect();
        Self { rows, places, count, missing, versions }
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

    /// Returns the name of the balancers together: `all 3 balancers`.
    pub(crate) fn title(&self) -> String {
        match (self.count - self.missing.len(), self.count) {
            (answering, all) if answering == all => format!("all {all} balancers"),
            (answering, all) => format!("{answering} of {all} balancers"),
        }
    }
}

impl MergedParts {
    /// Returns the part of a balancer.
    pub(crate) fn of(&self, balancer: InstanceId) -> Option<&RowPart> {
        self.parts.iter().find(|part| part.row.instance == balancer)
    }
}
