//! What changed from one sample to the next, as events.

use std::sync::Arc;
use std::time::Duration;

use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::{Row, RowKind};
use crate::haproxy::status::State;
use crate::observe::events::{Event, What, display_name};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;

/// Compares two samples, one behind the other. `lost_for` is how long the link was lost between them, where it was;
/// `is_ours` tells of a row whether we acted on it lately.
pub fn between(
    before: &Sample,
    now: &Sample,
    lost_for: Option<Duration>,
    is_ours: impl Fn(RowId) -> bool,
) -> Vec<Event> {
    let mut events = Vec::new();
    let process = |what| Event { at: now.at, row: None, name: String::new(), what };
    let (from, to) = (before.epoch.pid, now.epoch.pid);
    events.extend(lost_for.map(|after| process(What::LinkBack(after))));
    if before.epoch != now.epoch {
        let what = if lost_for.is_some() { What::Restarted { from, to } } else { What::Reloaded { from, to } };
        events.push(process(what));
    }
    let same_rows = Arc::ptr_eq(&before.rows, &now.rows);
    let (mut appeared, mut kept) = (0, 0);
    for (index, id) in now.rows.ids().iter().enumerate() {
        let earlier = if same_rows { Some(index) } else { before.rows.index(*id) };
        match earlier {
            Some(earlier) => {
                kept += 1;
                of_row(before, earlier, now, index, &is_ours, &mut |what| {
                    let new = &now.table.rows()[index];
                    let name = display_name(new.kind, &new.proxy, &new.name);
                    events.push(Event { at: now.at, row: Some(*id), name, what });
                });
            }
            None => appeared += 1,
        }
    }
    let vanished = before.rows.ids().len() - kept;
    if appeared > 0 {
        events.push(process(What::Appeared(appeared)));
    }
    if vanished > 0 {
        events.push(process(What::Vanished(vanished)));
    }
    events
}

/// What changed of one row: its status, its limit, its weight.
fn of_row(
    before: &Sample,
    earlier: usize,
    now: &Sample,
    index: usize,
    is_ours: &impl Fn(RowId) -> bool,
    tell: &mut impl FnMut(What),
) {
    let (old, new) = (&before.table.rows()[earlier], &now.table.rows()[index]);
    // A new process begins with every server on its way up; what it lost of ours is worth a line.
    let is_away = |row: &Row| matches!(row.state(), State::Maint | State::Drain | State::NoLb);
    let is_news = before.epoch == now.epoch || is_away(old) != is_away(new);
    if !old.shares_texts(new) && old.status() != new.status() && is_news {
        let (from, to) = (old.status(), new.status());
        let by_us = is_ours(now.rows.ids()[index]);
        let words =
            [TextField::CheckStatus, TextField::LastChk].map(|field| new.text(field).map_or("", SafeText::as_str));
        let why = words.join(" ").trim().to_owned();
        tell(What::Status { from: from.to_owned(), to: to.to_owned(), why, by_us });
    }
    let limit = |sample: &Sample, row| sample.table.number(row, Field::Slim);
    if let (Some(from), Some(to)) = (limit(before, earlier), limit(now, index))
        && from != to
        && before.epoch == now.epoch
    {
        tell(What::Limit { from, to });
    }
    let weight = |sample: &Sample, row| sample.table.number(row, Field::Weight);
    // A backend's weight follows its servers; a server's own changes by itself during slowstart.
    if new.kind == RowKind::Server
        && now.table.number(index, Field::Throttle).is_none()
        && before.table.number(earlier, Field::Throttle).is_none()
        && let (Some(from), Some(to)) = (weight(before, earlier), weight(now, index))
        && from != to
    {
        tell(What::Weight { from, to });
    }
}
