//! The states of a row over time, for the heat map.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::history::store::History;
use crate::history::trend::{PointGrid, max_pause};
use crate::observe::row_ids::RowId;

/// Returns how bad a state is: of several states in one point, the worst is shown.
pub(crate) fn badness(state: RowState) -> u8 {
    match state {
        RowState::Up | RowState::Open | RowState::NoCheck => 0,
        RowState::Unknown => 1,
        RowState::Unpublished => 2,
        RowState::NoLb | RowState::Drain => 3,
        RowState::Maint | RowState::Paused => 4,
        RowState::GoingDown | RowState::Full => 5,
        RowState::ComingUp => 6,
        RowState::Down | RowState::Stopped => 7,
    }
}

/// Returns whether a row was down at any time within a range of monotonic time, or shortly before or after it.
pub(crate) fn was_down(history: &History, id: RowId, time: &RangeInclusive<Duration>) -> bool {
    history.any_text(id, time, |row| badness(row.state()) >= badness(RowState::ComingUp))
}

/// Returns the worst state of a row in each of `points` equal parts of the time `span` before `now`, as
/// [`crate::history::trend::points`] returns numbers; `None` where no sample contains the row.
pub(crate) fn points(
    history: &History,
    id: RowId,
    now: Duration,
    span: Duration,
    points: usize,
) -> Vec<Option<RowState>> {
    let mut line: Vec<Option<RowState>> = vec![None; points];
    if points == 0 || span.is_zero() {
        return line;
    }
    let grid = PointGrid::new(now, span, points);
    let mut states: Vec<(Duration, Option<RowState>)> = Vec::new();
    history.read_texts(id, &(grid.since..=now), |header, row| states.push((header.at, row.map(StatRow::state))));
    let max_pause = max_pause(states.iter().map(|(at, _)| *at));
    let mut previous = None::<Duration>;
    for (at, state) in states {
        if let Some(state) = state {
            let place = grid.place(at);
            let before = previous.filter(|earlier| at.saturating_sub(*earlier) <= max_pause);
            let from = before.map_or(place, |earlier| grid.place(earlier) + 1);
            for place in from.min(place)..=place {
                if let Some(point) = usize::try_from(place).ok().and_then(|place| line.get_mut(place)) {
                    *point = Some(point.map_or(state, |known| worse(known, state)));
                }
            }
        }
        previous = state.map(|_| at);
    }
    line
}

/// Returns the worse of two states.
pub(crate) fn worse(one: RowState, other: RowState) -> RowState {
    if badness(other) > badness(one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    #[test]
    fn points_keep_the_worst_state_and_gaps() {
        let (mut history, mut builder) = (History::new(1 << 20), SampleBuilder::default());
        let mut id = RowId::PROCESS;
        let states = ["UP", "UP", "DOWN", "UP", "MAINT", "", "UP", "UP"];
        for (second, status) in (0_u64..).zip(states) {
            let row = if status.is_empty() { String::new() } else { format!("b,s,1,{status},2,\n") };
            let stat = format!("# pxname,svname,scur,status,type,\nb,other,1,UP,2,\n{row}");
            let sample = builder.build_at_millis(second * 1000, &stat);
            if second == 0 {
                id = sample.rows.ids()[1];
            }
            history.push(&sample);
        }
        let line = |count| points(&history, id, Duration::from_secs(7), Duration::from_secs(8), count);
        let (up, down, maint) = (Some(RowState::Up), Some(RowState::Down), Some(RowState::Maint));
        assert_eq!(line(8), [up, up, down, up, maint, None, up, up]);
        assert_eq!(line(4), [up, down, maint, up]);
        assert!(was_down(&history, id, &(Duration::ZERO..=Duration::MAX)));
        assert_eq!(points(&history, id, Duration::ZERO, Duration::ZERO, 1), [None]);
    }
}
