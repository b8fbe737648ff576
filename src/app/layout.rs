//! Screen layout for every terminal size.
//!
//! This module contains geometry only. `update` uses it for the height of a page, `ui` for the positions of all panes.
//!
//! ```text
//! wide, from 110 x 30            compact                      small, under 60 x 15
//! header                         header                       header
//! causes                         causes                       causes
//! ╭ Frontends ╮╭ Servers ──╮     FRONTENDS  …                 SERVERS  …
//! ├ Backends ─┤│           │       …                            …
//! │           │╰───────────╯     BACKENDS  …                  footer
//! │           │╭ charts ───╮       …
//! ╰───────────╯│           │     SERVERS  …
//! ╭ Events ───╮│           │       …
//! ╰───────────╯╰───────────╯     charts
//! footer                         footer
//! ```
//!
//! On larger terminals, from 150 x 50, the charts are below all lists, and the events below the servers. The place of a pane
//! depends only on the size of the terminal, so that no pane changes sides while the lists change.

/// A part of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The causes: one line for each thing that is wrong.
    Causes,
    /// The frontends.
    Frontends,
    /// The backends.
    Backends,
    /// The servers of the selected backend.
    Servers,
    /// Charts of the selected row.
    Charts,
    /// The latest events.
    Events,
}

impl Pane {
    /// Panes that can have the focus, in the order of the Tab key.
    pub(crate) const LISTS: [Self; 4] = [Self::Causes, Self::Frontends, Self::Backends, Self::Servers];

    /// Returns the pane's index in [`Pane::LISTS`], or `None` if it cannot have the focus.
    pub(crate) fn list_index(self) -> Option<usize> {
        Self::LISTS.iter().position(|pane| *pane == self)
    }
}

/// A rectangle of terminal cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    /// Column of its left edge.
    pub(crate) x: u16,
    /// Row of its top edge.
    pub(crate) y: u16,
    /// Width in columns.
    pub(crate) width: u16,
    /// Height in rows.
    pub(crate) height: u16,
}

impl Area {
    /// Returns the part of this area that starts at row `from` and has at most `count` rows.
    #[must_use]
    pub(crate) fn rows(self, from: u16, count: u16) -> Self {
        let from = from.min(self.height);
        Self { y: self.y + from, height: count.min(self.height - from), ..self }
    }

    /// Returns the part of this area that starts at column `from` and has at most `count` columns.
    #[must_use]
    pub(crate) fn columns(self, from: u16, count: u16) -> Self {
        let from = from.min(self.width);
        Self { x: self.x + from, width: count.min(self.width - from), ..self }
    }

    /// Returns the area inside a frame of one cell.
    #[must_use]
    pub(crate) fn inner(self) -> Self {
        self.rows(1, self.height.saturating_sub(2)).columns(1, self.width.saturating_sub(2))
    }

    /// Returns whether the area has no cells.
    pub(crate) fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }
}

/// Size class of the terminal, which selects the arrangement of the panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizeClass {
    /// Header only: under 20 columns or 4 rows.
    Tiny,
    /// Header, one list and footer: under 60 columns or 15 rows.
    Small,
    /// Lists one above the other, without frames: under 110 columns or 30 rows.
    Compact,
    /// Two columns of framed panes.
    Wide,
}

impl SizeClass {
    /// Returns the size class of a terminal of `width` columns and `height` rows.
    pub(crate) fn for_size(width: u16, height: u16) -> Self {
        match (width, height) {
            (0..20, _) | (_, 0..4) => Self::Tiny,
            (0..60, _) | (_, 0..15) => Self::Small,
            (0..110, _) | (_, 0..30) => Self::Compact,
            _ => Self::Wide,
        }
    }
}

/// Columns and rows that a question needs: its frame, a row of the command, the scroll position, and the keys.
pub(crate) const MIN_QUESTION_SIZE: (u16, u16) = (30, 6);

/// Width of the part of a row in front of its name (cursor, state, marker), in screen cells.
pub(crate) const ROW_PREFIX_WIDTH: u16 = 3;

/// Positions of all parts of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Size class of the terminal.
    pub(crate) size_class: SizeClass,
    /// The whole screen.
    pub(crate) screen: Area,
    /// Lines at the top.
    pub(crate) header: Area,
    /// Names of the views; empty if they do not fit.
    pub(crate) tabs: Area,
    /// A line that summarizes the view; empty if the view has none.
    pub(crate) summary_line: Area,
    /// Timeline above the footer; empty unless the past is shown.
    pub(crate) timeline: Area,
    /// Area between the lines at the top and the timeline or the footer.
    pub(crate) body: Area,
    /// Visible panes of the dashboard.
    pub panes: Vec<(Pane, Area)>,
    /// Number of rows of each cause on the dashboard: 2 where what helps has a row of its own.
    pub(crate) rows_per_cause: u16,
    /// The bottom line.
    pub(crate) footer: Area,
}

/// Input of the layout apart from the terminal size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LayoutNeeds {
    /// Number of rows in each list, in the order of [`Pane::LISTS`].
    pub(crate) row_counts: [usize; 4],
    /// Index of the focused list in [`Pane::LISTS`].
    pub(crate) focused_list: usize,
    /// Set if the focused list fills the body.
    pub(crate) is_zoomed: bool,
    /// Set if the dashboard is shown, and not a view with one pane.
    pub(crate) is_dashboard: bool,
    /// Set if the view has a summary line.
    pub(crate) has_summary_line: bool,
    /// Columns that the frontends and backends of the dashboard need, without frame.
    pub(crate) left_width: u16,
    /// Number of rows of the timeline.
    pub(crate) timeline_rows: u16,
}

impl Layout {
    /// Computes the layout for a terminal of `width` columns and `height` rows.
    pub(crate) fn new(width: u16, height: u16, needs: LayoutNeeds) -> Self {
        let screen = Area { x: 0, y: 0, width, height };
        let focused = Pane::LISTS[needs.focused_list.min(3)];
        let room = SizeClass::for_size(width, height);
        let header_rows = if matches!(room, SizeClass::Tiny | SizeClass::Small) { 1 } else { 3 };
        let header = screen.rows(0, header_rows);
        if room == SizeClass::Tiny {
            let none = screen.rows(height, 0);
            return Self {
                size_class: room,
                screen,
                header,
                tabs: none,
                summary_line: none,
                timeline: none,
                body: none,
                panes: Vec::new(),
                rows_per_cause: 1,
                footer: none,
            };
        }
        let footer = screen.rows(height - 1, 1);
        let tab_rows = u16::from(room == SizeClass::Wide || room == SizeClass::Compact && height >= 24);
        let tabs = screen.rows(header_rows, tab_rows);
        let (above, lead_rows) = (header_rows + tab_rows, u16::from(needs.has_summary_line));
        let lead = screen.rows(above, lead_rows);
        let free_rows = (height - above - 1).saturating_sub(lead_rows);
        let timeline_rows = needs.timeline_rows.min(free_rows / 4);
        let body = screen.rows(above + lead_rows, free_rows - timeline_rows);
        let timeline = screen.rows(height - 1 - timeline_rows, timeline_rows);
        let rows_per_cause = rows_per_cause(body, (width, height), needs);
        let panes = match room {
            _ if !needs.is_dashboard => Vec::new(),
            _ if needs.is_zoomed => vec![(focused, body)],
            _ => arrange_below_causes(body, room, (width, height), needs),
        };
        Self {
            size_class: room,
            screen,
            header,
            tabs,
            summary_line: lead,
            timeline,
            body,
            panes,
            rows_per_cause,
            footer,
        }
    }

    /// Returns the area between header and footer, which overlays use.
    pub(crate) fn overlay_area(&self) -> Area {
        let from = self.header.height;
        self.screen.rows(from, self.screen.height.saturating_sub(from + self.footer.height))
    }

    /// Returns the area of a pane, or `None` if it is not visible.
    pub(crate) fn pane_area(&self, pane: Pane) -> Option<Area> {
        self.panes.iter().find(|(known, _)| *known == pane).map(|(_, area)| *area)
    }

    /// Returns the number of lines that a list can show, without frame and heading.
    pub(crate) fn list_rows(&self, pane: Pane) -> usize {
        let frame = if self.size_class == SizeClass::Wide && pane != Pane::Causes { 3 } else { 1 };
        let per_line = if pane == Pane::Causes { self.rows_per_cause } else { 1 };
        self.pane_area(pane).map_or(0, |area| usize::from(area.height.saturating_sub(frame) / per_line))
    }
}

/// Number of charts of a server.
const CHART_COUNT: u16 = 5;
/// Smallest and largest height of the list of events below long lists, with its frame.
const EVENT_ROWS: std::ops::RangeInclusive<u16> = 5..=8;
/// Size of a terminal from which the charts are below all lists.
pub(crate) const MIN_BAND_SIZE: (u16, u16) = (150, 50);
/// Number of rows that these charts have at least, however long the lists are.
const MIN_BAND_ROWS: u16 = 12;
/// Number of rows that the backends have at least, with their frame.
const MIN_BACKEND_ROWS: u16 = 6;

/// Returns the number of rows of each cause: two on a large terminal while they need a quarter of the body at most, so that
/// neither its sentence nor what helps is cut.
fn rows_per_cause(body: Area, terminal_size: (u16, u16), needs: LayoutNeeds) -> u16 {
    let count = u16::try_from(needs.row_counts[0]).unwrap_or(u16::MAX);
    let most = if needs.is_zoomed { body.height } else { body.height / 4 };
    if has_band(terminal_size) && count.saturating_mul(2).saturating_add(1) <= most { 2 } else { 1 }
}

/// Returns whether a terminal is large enough for charts below all lists.
fn has_band((width, height): (u16, u16)) -> bool {
    width >= MIN_BAND_SIZE.0 && height >= MIN_BAND_SIZE.1
}

/// Puts the causes on top, in a third of the height at most, and the other panes below.
fn arrange_below_causes(
    body: Area,
    room: SizeClass,
    terminal_size: (u16, u16),
    needs: LayoutNeeds,
) -> Vec<(Pane, Area)> {
    let focused = Pane::LISTS[needs.focused_list.min(3)];
    let count = u16::try_from(needs.row_counts[0]).unwrap_or(u16::MAX);
    let count = count.saturating_mul(rows_per_cause(body, terminal_size, needs));
    let cause_rows = match count {
        // One line says that nothing is wrong.
        0 if body.height >= 6 => 1,
        0 => 0,
        // The heading and the causes.
        _ if focused == Pane::Causes && room == SizeClass::Small => body.height,
        _ if body.height >= 6 || focused == Pane::Causes => count.saturating_add(1).min((body.height / 3).max(2)),
        _ => 0,
    };
    let rest = body.rows(cause_rows, body.height);
    let mut panes = match room {
        SizeClass::Wide => arrange_wide(rest, terminal_size, needs),
        SizeClass::Compact => arrange_compact(rest, needs),
        SizeClass::Tiny | SizeClass::Small if focused == Pane::Causes => Vec::new(),
        SizeClass::Tiny | SizeClass::Small => vec![(focused, rest)],
    };
    if cause_rows > 0 {
        panes.insert(0, (Pane::Causes, body.rows(0, cause_rows)));
    }
    panes
}

fn arrange_wide(body: Area, terminal_size: (u16, u16), needs: LayoutNeeds) -> Vec<(Pane, Area)> {
    let rows = needs.row_counts.map(|rows| u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(3));
    // Where both sides have room, the left lists get more than half of the width if they need it.
    let usual_width = (body.width * 47 / 100).clamp(52, 90);
    let most_width = if body.width >= MIN_BAND_SIZE.0 { body.width * 55 / 100 } else { body.width / 2 };
    let left_width = usual_width.max(needs.left_width.saturating_add(2).min(most_width));
    let (left, right) = (body.columns(0, left_width), body.columns(left_width, body.width));
    let frontends = rows[1].clamp(4, (body.height / 3).max(4));
    if has_band(terminal_size) {
        // The charts get the whole width below all lists, and the events the room below the servers.
        let least = body.height * 2 / 5;
        let lists =
            frontends.saturating_add(rows[2]).clamp(least, body.height.saturating_sub(MIN_BAND_ROWS).max(least));
        let frontends = frontends.min(lists.saturating_sub(MIN_BACKEND_ROWS));
        let events = (lists / 3).clamp(4, *EVENT_ROWS.end());
        let servers = rows[3].clamp(4, lists.saturating_sub(events).max(4));
        return vec![
            (Pane::Frontends, left.rows(0, frontends)),
            (Pane::Backends, left.rows(frontends, lists - frontends)),
            (Pane::Servers, right.rows(0, servers)),
            (Pane::Charts, body.rows(lists, body.height)),
            (Pane::Events, right.rows(servers, lists - servers)),
        ];
    }
    let least_events = (body.height / 4).clamp(*EVENT_ROWS.start(), *EVENT_ROWS.end());
    let backends = rows[2].clamp(5, body.height.saturating_sub(frontends + least_events).max(5));
    let least_charts = (body.height / 4).clamp(CHART_COUNT + 2, 16);
    let servers = rows[3].clamp(5, body.height.saturating_sub(least_charts).max(5));
    vec![
        (Pane::Frontends, left.rows(0, frontends)),
        (Pane::Backends, left.rows(frontends, backends)),
        (Pane::Servers, right.rows(0, servers)),
        (Pane::Charts, right.rows(servers, body.height)),
        (Pane::Events, left.rows(frontends + backends, body.height)),
    ]
}

fn arrange_compact(body: Area, needs: LayoutNeeds) -> Vec<(Pane, Area)> {
    let focused = Pane::LISTS[needs.focused_list.min(3)];
    // In little space, the frontends are shown only while they have the focus, instead of the backends.
    let lists: &[Pane] = match (body.height, focused) {
        (12.., _) => &[Pane::Frontends, Pane::Backends, Pane::Servers],
        (_, Pane::Frontends) => &[Pane::Frontends, Pane::Servers],
        _ => &[Pane::Backends, Pane::Servers],
    };
    let wanted = |pane: Pane| {
        let count = pane.list_index().map_or(0, |list| needs.row_counts[list]);
        u16::try_from(count).unwrap_or(u16::MAX).saturating_add(1).max(3)
    };
    // Two rows of charts; each chart gets as many lines as the lists leave free.
    let all_wanted = lists.iter().fold(0_u16, |sum, pane| sum.saturating_add(wanted(*pane)));
    let chart_rows = match body.height {
        ..12 => 0,
        12..18 => 1,
        height => 2 * (height.saturating_sub(all_wanted) / 2).clamp(1, 3),
    };
    // Every list gets its heading and two rows first. The rest goes to the focused list, then to servers, backends and
    // frontends in this order.
    let mut heights: Vec<(Pane, u16)> = lists.iter().map(|pane| (*pane, 3)).collect();
    let mut left = body.height.saturating_sub(chart_rows + 3 * lists.len() as u16);
    if let Some((_, servers)) = heights.iter_mut().find(|(pane, _)| *pane == Pane::Servers) {
        // A few servers are always shown, however long the focused list is.
        let more = wanted(Pane::Servers).min(5).saturating_sub(*servers).min(left);
        *servers += more;
        left -= more;
    }
    for pane in [focused, Pane::Servers, Pane::Backends, Pane::Frontends] {
        if let Some((_, height)) = heights.iter_mut().find(|(known, _)| *known == pane) {
            let more = wanted(pane).saturating_sub(*height).min(left);
            *height += more;
            left -= more;
        }
    }
    if let Some((_, height)) = heights.last_mut() {
        *height += left;
    }
    let mut y = 0;
    let mut panes = Vec::with_capacity(5);
    for (pane, height) in heights {
        panes.push((pane, body.rows(y, height)));
        y += height;
    }
    if chart_rows > 0 {
        panes.push((Pane::Charts, body.rows(y, chart_rows)));
    }
    panes
}
