//! Parts of the view of all balancers: the table, and the details of the selected balancer below.

use crate::app::layout::Area;
use crate::app::model::Model;

/// Minimum height of the body from which details are shown.
const MIN_DETAIL_BODY: u16 = 12;
/// Minimum height of the details in a lower body, which they get only from rows that are free.
const MIN_DETAIL: u16 = 4;
/// Number of lines that are enough for the details: the rows of many balancers get the others.
const ENOUGH_DETAIL: u16 = 12;

/// Parts of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BalancerAreas {
    /// The heading and the rows.
    pub(crate) rows: Area,
    /// Details of the selected balancer; may be empty.
    pub(crate) detail: Area,
}

impl BalancerAreas {
    /// Gives the rows the lines that they need, up to half of the body, or more of a high one, and the details the rest.
    pub(crate) fn new(model: &Model, body: Area) -> Self {
        // The number of all balancers, so that the layout stays while a filter is typed.
        let needed = u16::try_from(model.instances.len()).unwrap_or(u16::MAX).saturating_add(1);
        let is_free = needed.saturating_add(1 + MIN_DETAIL) <= body.height;
        if body.height < MIN_DETAIL_BODY && !is_free {
            return Self { rows: body, detail: Area::default() };
        }
        let most = if body.height < MIN_DETAIL_BODY { needed } else { body.height / 2 };
        let height = needed.clamp(2, most.max(body.height.saturating_sub(ENOUGH_DETAIL)).max(2));
        // A blank line between both.
        let detail = body.rows(height + 1, body.height - height - 1);
        Self { rows: body.rows(0, height), detail }
    }
}
