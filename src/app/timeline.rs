//! The timeline of the past: causes, actions and other events of each proxy over time. That of several balancers has a lane
//! for each proxy on all of them, and one for the process of each balancer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::app::layout::SizeClass;
use crate::haproxy::status::RowState;
use crate::instance::shared_past::SharedPast;
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind};
use crate::observe::severity::Severity;
use crate::observe::state_cause::StateCause;
use crate::observe::timestamp::Timestamp;
use crate::table::chart_marks::MarkKind;

/// Name of the lane of events that are about the whole process.
const PROCESS: &str = "process";

/// The content of a cell of a lane, the more important the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneCell {
    /// Nothing is known: the history has no samples.
    Unknown,
    /// Nothing happened.
    Quiet,
    /// A cause was open.
    Cause(Severity),
    /// Another event.
    Other,
    /// A row became usable.
    Better,
    /// A row became unusable.
    Worse,
    /// Another process began to reply.
    Reload,
    /// An action that succeeded.
    Action(MarkKind),
}

/// The events of one proxy, or of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    /// Name of the proxy.
    pub(crate) name: String,
    /// Cells, oldest first.
    pub(crate) cells: Vec<LaneCell>,
}

/// The timeline: some lanes of a span of time around the sample shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// Lanes, the most important first.
    pub(crate) lanes: Vec<Lane>,
    /// Cell of the sample shown.
    pub(crate) cursor: usize,
    /// Wall clock times of the start, the sample shown and the end.
    pub(crate) walls: [SystemTime; 3],
    /// True if the timeline ends with the newest sample.
    pub(crate) ends_now: bool,
    /// Number of proxies with causes or events that have no lane, for lack of room.
    pub(crate) hidden_lanes: usize,
}

/// Returns the number of rows of the timeline on a terminal of this size: none unless the past is shown.
pub(crate) fn row_count((width, height): (u16, u16), is_past: bool) -> u16 {
    match SizeClass::for_size(width, height) {
        _ if !is_past => 0,
        SizeClass::Tiny | SizeClass::Small => 0,
        SizeClass::Compact => 3,
        SizeClass::Wide if height < 50 => 4,
        SizeClass::Wide => 7,
    }
}

/// Longest time that a cell covers, so that neighboring events stay apart.
const MAX_CELL: Duration = Duration::from_secs(30);
/// Time without a sample from which nothing is known, at least.
const MIN_GAP: Duration = Duration::from_secs(30);

/// The division of the timeline into cells.
#[derive(Debug, Clone, Copy)]
struct CellGrid {
    start: Duration,
    end: Duration,
    cells: usize,
}

impl CellGrid {
    /// Chooses the span: the whole history if that fits, otherwise a part in whose middle half the cursor is. The part moves
    /// by half of its length, so that it stays the same for most steps.
    fn choose(oldest: Duration, newest: Duration, shown: Duration, cells: usize) -> Self {
        let longest = MAX_CELL * u32::try_from(cells).unwrap_or(u32::MAX);
        if newest.saturating_sub(oldest) <= longest {
            return Self { start: oldest, end: newest, cells };
        }
        let half = longest / 2;
        let steps = shown.saturating_sub(oldest + half / 2).as_nanos() / half.as_nanos().max(1);
        let start = (oldest + half * steps as u32).min(newest.saturating_sub(longest));
        Self { start, end: start + longest, cells }
    }

    fn cell(&self, at: Duration) -> usize {
        let share = at.saturating_sub(self.start).as_secs_f64() / self.end.saturating_sub(self.start).as_secs_f64();
        // An empty span has no shares.
        let cell = if share.is_finite() { (share * self.cells as f64) as usize } else { 0 };
        cell.min(self.cells.saturating_sub(1))
    }

    fn contains(&self, at: Duration) -> bool {
        self.start <= at && at <= self.end
    }
}

impl Timeline {
    /// Builds the timeline of balancers around the moment `shown`, with this number of cells and at most `max_lanes` lanes.
    /// Among them is the lane of `selected`, an event under the cursor, or else of the event at the cursor. Returns `None` if the
    /// histories are empty.
    pub(crate) fn build(
        balancers: &[(Arc<str>, &Instance)],
        shown: Timestamp,
        cells: usize,
        max_lanes: usize,
        selected: Option<&Event>,
    ) -> Option<Self> {
        let past = SharedPast::new(balancers.iter().map(|(_, instance)| *instance).collect());
        let (oldest, newest) = (past.oldest()?.monotonic, past.newest()?.monotonic);
        let grid = CellGrid::choose(oldest, newest, shown.monotonic, cells.max(1));
        let known = known_cells(&past, &grid);
        // The lane of a process has the name of its balancer if there are several.
        let process = |name: &Arc<str>| if balancers.len() > 1 { name.to_string() } else { PROCESS.to_owned() };
        let lane_name = |event: &Event, balancer: &str| match proxy_name(event) {
            "" => balancer.to_owned(),
            proxy => proxy.to_owned(),
        };
        let mut lanes: HashMap<String, Vec<LaneCell>> = HashMap::new();
        let mut put = |name: &str, cells: std::ops::RangeInclusive<usize>, what: LaneCell| {
            let lane = lanes.entry(name.to_owned()).or_insert_with(|| known.clone());
            for cell in &mut lane[cells] {
                // A cause that lasted over a gap of the history is not known to have been open in it.
                if *cell != LaneCell::Unknown || !matches!(what, LaneCell::Cause(_)) {
                    *cell = (*cell).max(what);
                }
            }
        };
        let mut at_cursor: Option<String> = None;
        for (name, instance) in balancers {
            let process = process(name);
            for span in instance.cause_spans() {
                let until = span.until.unwrap_or(newest);
                if span.from <= grid.end && until >= grid.start {
                    let cells = grid.cell(span.from)..=grid.cell(until.min(grid.end));
                    put(span.proxy.unwrap_or(&process), cells, LaneCell::Cause(span.severity));
                }
            }
            for event in instance.all_events().newest_first().filter(|event| grid.contains(event.at.monotonic)) {
                let cell = grid.cell(event.at.monotonic);
                let lane = lane_name(event, &process);
                if let Some(what) = event_cell(event) {
                    put(&lane, cell..=cell, what);
                }
                if event.at.monotonic <= shown.monotonic && cell == grid.cell(shown.monotonic) {
                    at_cursor.get_or_insert(lane);
                }
            }
        }
        let mut lanes: Vec<Lane> = lanes.into_iter().map(|(name, cells)| Lane { name, cells }).collect();
        lanes.sort_by(|one, other| lane_rank(other).cmp(&lane_rank(one)).then_with(|| one.name.cmp(&other.name)));
        let own_process = |event: &Event| event.balancer.as_ref().map_or_else(|| PROCESS.to_owned(), &process);
        let selected = selected.map(|event| lane_name(event, &own_process(event))).or(at_cursor);
        let place = selected.and_then(|selected| lanes.iter().position(|lane| lane.name == selected));
        if let Some(place) = place.filter(|place| *place >= max_lanes && max_lanes > 0) {
            lanes[max_lanes - 1..=place].rotate_right(1);
        }
        let hidden_lanes = lanes.len().saturating_sub(max_lanes);
        lanes.truncate(max_lanes);
        for name in balancers.iter().map(|(name, _)| process(name)) {
            if lanes.len() < max_lanes && lanes.iter().all(|lane| lane.name != name) {
                lanes.push(Lane { name, cells: known.clone() });
            }
        }
        let wall = |at: Duration| match at.checked_sub(shown.monotonic) {
            Some(later) => shown.wall + later,
            None => shown.wall - shown.monotonic.abs_diff(at),
        };
        Some(Self {
            lanes,
            cursor: grid.cell(shown.monotonic),
            walls: [wall(grid.start), shown.wall, wall(grid.end)],
            ends_now: grid.end == newest,
            hidden_lanes,
        })
    }
}

/// Returns the cells of a lane without events: quiet where a history has samples.
fn known_cells(past: &SharedPast<'_>, grid: &CellGrid) -> Vec<LaneCell> {
    let mut known = vec![LaneCell::Unknown; grid.cells];
    let gap = MIN_GAP.max(grid.end.saturating_sub(grid.start) / u32::try_from(grid.cells).unwrap_or(u32::MAX) * 2);
    for span in past.spans_within(&(grid.start..=grid.end), gap) {
        known[grid.cell(*span.start())..=grid.cell(*span.end())].fill(LaneCell::Quiet);
    }
    known
}

/// Returns the order of lanes: those with the most severe causes first, then those with actions and other events.
fn lane_rank(lane: &Lane) -> (u8, usize) {
    let weight = |cell: &LaneCell| match cell {
        LaneCell::Unknown | LaneCell::Quiet => 0,
        LaneCell::Other | LaneCell::Better => 1,
        LaneCell::Cause(Severity::Warn) | LaneCell::Worse => 2,
        LaneCell::Reload | LaneCell::Action(_) => 3,
        LaneCell::Cause(Severity::Crit) => 4,
    };
    let most = lane.cells.iter().map(weight).max().unwrap_or_default();
    (most, lane.cells.iter().filter(|cell| weight(cell) == most).count())
}

/// Returns the cell of an event; `None` for an event that the lane shows in another way.
fn event_cell(event: &Event) -> Option<LaneCell> {
    let is_usable = |status: &str| {
        let state = RowState::parse(status);
        state.is_usable() || matches!(state, RowState::Open | RowState::Full | RowState::Unpublished)
    };
    match &event.kind {
        EventKind::Action { .. } => Some(MarkKind::from_event(event).map_or(LaneCell::Other, LaneCell::Action)),
        EventKind::Reloaded { .. } | EventKind::Restarted { .. } => Some(LaneCell::Reload),
        // The action itself is shown.
        EventKind::Status { cause: StateCause::Us, .. }
        | EventKind::Weight { is_own: true, .. }
        | EventKind::Limit { is_own: true, .. }
        | EventKind::Cause { .. } => None,
        EventKind::Status { from, to, .. } => match (is_usable(from), is_usable(to)) {
            (true, false) => Some(LaneCell::Worse),
            (false, true) => Some(LaneCell::Better),
            _ => Some(LaneCell::Other),
        },
        EventKind::LinkLost(_) => Some(LaneCell::Worse),
        EventKind::LinkRestored(_) => Some(LaneCell::Better),
        _ => Some(LaneCell::Other),
    }
}

/// Returns the name of the proxy of an event; empty if the event is about the process.
fn proxy_name(event: &Event) -> &str {
    let name = event.name.as_str();
    let proxy = name.strip_prefix("frontend ").or_else(|| name.strip_prefix("backend "));
    proxy.unwrap_or_else(|| name.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::past_moment::PlaybackStep;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    /// Returns an instance after ten minutes: `www/w1` is down from the fourth to the sixth minute, and there was a reload in
    /// the eighth.
    fn instance() -> Instance {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for second in (0..=600).step_by(2) {
            if second == 480 {
                builder.reload();
            }
            let status = if (240..360).contains(&second) { "DOWN" } else { "UP" };
            let stat = stat_of_site().replace(",,4500,2500,4000,UP,", &format!(",,4500,2500,4000,{status},"));
            instance.add_sample(builder.build_at_millis(second * 1000, &stat), 0);
        }
        instance.show_moment(PlaybackStep::Time(Duration::from_mins(5)));
        instance
    }

    fn build(instance: &Instance, cells: usize, max_lanes: usize, selected: Option<&Event>) -> Option<Timeline> {
        let balancers = [(Arc::from("lb1"), instance)];
        Timeline::build(&balancers, instance.shown()?.at, cells, max_lanes, selected)
    }

    /// Returns a lane as text, one character for each half minute.
    fn lane_text(timeline: &Timeline, name: &str) -> String {
        let glyph = |cell: &LaneCell| match cell {
            LaneCell::Unknown => ' ',
            LaneCell::Quiet => '-',
            LaneCell::Cause(Severity::Warn) => '=',
            LaneCell::Cause(Severity::Crit) => '#',
            LaneCell::Other => 'o',
            LaneCell::Better => '^',
            LaneCell::Worse => 'v',
            LaneCell::Reload => 'R',
            LaneCell::Action(kind) => kind.letter().chars().next().unwrap(),
        };
        let lane = timeline.lanes.iter().find(|lane| lane.name == name);
        lane.map(|lane| lane.cells.iter().map(glyph).collect()).unwrap_or_default()
    }

    #[test]
    fn build_shows_causes_states_and_reloads_of_each_proxy() {
        let timeline = build(&instance(), 20, 9, None).unwrap();
        let www = lane_text(&timeline, "www");
        assert!(www.starts_with("--------v") && www.as_bytes()[12] == b'^', "{www}");
        assert!(matches!(www.as_bytes()[10], b'=' | b'#'), "the server is down: {www}");
        assert_eq!(lane_text(&timeline, "process"), "----------------R---");
        assert_eq!((timeline.cursor, timeline.ends_now), (10, true));
        assert!(timeline.lanes.len() > 2 && timeline.hidden_lanes == 0);
        let short = build(&instance(), 20, 2, None).unwrap();
        assert_eq!(short.lanes.len(), 2, "the most important ones");
        assert_eq!(short.hidden_lanes, timeline.lanes.len() - 2, "the others are counted");
    }

    #[test]
    fn build_shows_the_lane_of_the_selected_event() {
        let instance = instance();
        let hidden = build(&instance, 20, 9, None).unwrap().lanes.pop().unwrap().name;
        let mut event = instance.all_events().newest_first().next().unwrap().clone();
        event.name = format!("{hidden}/s1").as_str().into();
        let names = |selected: Option<&Event>| {
            let lanes = build(&instance, 20, 1, selected).unwrap().lanes;
            lanes.into_iter().map(|lane| lane.name).collect::<Vec<_>>()
        };
        assert!(!names(None).contains(&hidden));
        assert_eq!(names(Some(&event)), [hidden]);
    }

    #[test]
    fn build_leaves_gap_where_history_has_no_samples() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for second in (0..=100).chain(500..=600) {
            instance.add_sample(builder.build_at_millis(second * 1000, &stat_of_site()), 0);
        }
        let timeline = build(&instance, 20, 9, None).unwrap();
        let lane = &timeline.lanes[0];
        assert_eq!((lane.cells[10], lane.cells[19] == LaneCell::Unknown), (LaneCell::Unknown, false), "{lane:?}");
    }

    #[test]
    fn choose_keeps_cursor_in_the_middle_half_of_a_long_history() {
        let (oldest, newest, cells) = (Duration::from_secs(1000), Duration::from_hours(25), 60);
        for minute in 0..1480_u64 {
            let shown = oldest + Duration::from_mins(minute);
            let grid = CellGrid::choose(oldest, newest, shown, cells);
            let is_at_end = grid.start == oldest || grid.end == newest;
            assert!(grid.contains(shown) && grid.end <= newest && grid.start >= oldest, "{minute}: {grid:?}");
            assert!(is_at_end || (15..=45).contains(&grid.cell(shown)), "{minute}: {}", grid.cell(shown));
        }
    }
}
