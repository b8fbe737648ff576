//! What stays the same over many samples, kept once until it changes: the process, the socket's level, who the rows
//! are, what the configuration says.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::level::Level;
use crate::haproxy::stat_table::Oddities;
use crate::observe::configured_state::Configured;
use crate::observe::row_ids::{RowId, RowSet};
use crate::observe::sample::{Epoch, Sample};

/// What a sample has besides numbers and texts.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The process.
    pub epoch: Epoch,
    /// What the socket may do.
    pub level: Option<Level>,
    /// Time between two samples.
    pub interval: Duration,
    /// What was odd in the answer.
    pub oddities: Oddities,
    /// Who the rows are.
    pub rows: Arc<RowSet>,
    /// What the configuration says of the servers.
    pub configured: Option<Arc<Configured>>,
}

impl Frame {
    fn of(sample: &Sample) -> Self {
        Self {
            epoch: sample.epoch,
            level: sample.level,
            interval: sample.interval,
            oddities: sample.table.oddities(),
            rows: Arc::clone(&sample.rows),
            configured: sample.configured.clone(),
        }
    }

    fn is_of(&self, sample: &Sample) -> bool {
        self.epoch == sample.epoch
            && self.level == sample.level
            && self.interval == sample.interval
            && self.oddities == sample.table.oddities()
            && Arc::ptr_eq(&self.rows, &sample.rows)
            && self.configured.as_ref().map(Arc::as_ptr) == sample.configured.as_ref().map(Arc::as_ptr)
    }
}

/// The frames of a block, each with the step it begins at.
#[derive(Debug, Default)]
pub struct Frames {
    list: Vec<(usize, Frame)>,
    /// Memory that the block before does not hold too.
    own: usize,
}

impl Frames {
    /// Takes the sample at a step in; `before` are the frames of the block before.
    pub fn push(&mut self, step: usize, sample: &Sample, before: Option<&Self>) {
        let earlier = self.list.last().or_else(|| before.and_then(|before| before.list.last())).map(|(_, frame)| frame);
        if earlier.is_none_or(|earlier| !Arc::ptr_eq(&earlier.rows, &sample.rows)) {
            self.own += sample.rows.memory();
        }
        let is_known = |known: &Arc<Configured>| {
            earlier.and_then(|earlier| earlier.configured.as_ref()).is_some_and(|earlier| Arc::ptr_eq(earlier, known))
        };
        if let Some(configured) = sample.configured.as_ref().filter(|configured| !is_known(configured)) {
            self.own += configured.memory();
        }
        if !self.list.last().is_some_and(|(_, last)| last.is_of(sample)) {
            self.list.push((step, Frame::of(sample)));
        }
    }

    /// The frame of a step.
    pub fn at(&self, step: usize) -> Option<&Frame> {
        let place = self.list.partition_point(|(from, _)| *from <= step);
        self.list.get(place.checked_sub(1)?).map(|(_, frame)| frame)
    }

    /// Whether a row was there in any of the samples.
    pub fn has(&self, id: RowId) -> bool {
        let mut before: Option<&Arc<RowSet>> = None;
        self.list.iter().any(|(_, frame)| {
            let is_same = before.replace(&frame.rows).is_some_and(|before| Arc::ptr_eq(before, &frame.rows));
            !is_same && frame.rows.index(id).is_some()
        })
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        self.own + self.list.capacity() * size_of::<(usize, Frame)>()
    }
}
