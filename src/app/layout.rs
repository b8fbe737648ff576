//! Where the parts of the dashboard stand, for every size of terminal.
//!
//! Plain geometry: `update` needs it to know how far a page reaches, and the panes to draw themselves.
//!
//! ```text
//! wide, from 110 x 30            compact                      small, under 60 x 15
//! header                         header                       header
//! ╭ Frontends ╮╭ Servers ──╮     FRONTENDS  …                 SERVERS  …
//! ├ Backends ─┤│           │       …                            …
//! │           │╰───────────╯     BACKENDS  …                  footer
//! │           │╭ charts ───╮       …
//! │           │╰───────────╯     SERVERS  …
//! │           │╭ Events ───╮       …
//! ╰───────────╯╰───────────╯     charts
//! footer                         footer
//! ```

/// A part of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The frontends.
    Frontends,
    /// The backends.
    Backends,
    /// The servers of the selected backend.
    Servers,
    /// The selected row over time.
    Charts,
    /// What happened.
    Events,
}

impl Pane {
    /// The panes that take the focus, in the order of Tab.
    pub const LISTS: [Self; 3] = [Self::Frontends, Self::Backends, Self::Servers];

    /// Its place among the lists; absent when it is none.
    pub fn list(self) -> Option<usize> {
        Self::LISTS.iter().position(|pane| *pane == self)
    }
}

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    /// Column of its left edge.
    pub x: u16,
    /// Row of its top edge.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Area {
    /// The rows from `from` on, `count` at the most.
    #[must_use]
    pub fn rows(self, from: u16, count: u16) -> Self {
        let from = from.min(self.height);
        Self { y: self.y + from, height: count.min(self.height - from), ..self }
    }

    /// The columns from `from` on, `count` at the most.
    #[must_use]
    pub fn columns(self, from: u16, count: u16) -> Self {
        let from = from.min(self.width);
        Self { x: self.x + from, width: count.min(self.width - from), ..self }
    }

    /// Without its frame.
    #[must_use]
    pub fn inner(self) -> Self {
        self.rows(1, self.height.saturating_sub(2)).columns(1, self.width.saturating_sub(2))
    }

    /// Whether there is nothing to draw on.
    pub fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// A line or nothing.
    Tiny,
    /// Header, one list, footer.
    Small,
    /// Lists one above the other, without frames.
    Compact,
    /// Two columns of framed panes.
    Wide,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// How much room there is.
    pub room: Room,
    /// The whole screen.
    pub screen: Area,
    /// Top lines.
    pub header: Area,
    /// The names of the views; empty where there is no room.
    pub tabs: Area,
    /// A line that sums the view up; empty where it has none.
    pub lead: Area,
    /// What lies between them and the footer.
    pub body: Area,
    /// The panes that are visible.
    pub panes: Vec<(Pane, Area)>,
    /// The bottom line.
    pub footer: Area,
}

/// What the layout depends on besides the size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Rows of each list, in the order of [`Pane::LISTS`].
    pub rows: [usize; 3],
    /// The list that has the focus, in the same order.
    pub focus: usize,
    /// Whether it has all the room.
    pub zoom: bool,
    /// Whether the dashboard is shown, and not one of the views that are one pane.
    pub is_dashboard: bool,
    /// Whether a line sums the view up.
    pub has_lead: bool,
}

impl Layout {
    /// Lays out a terminal of this size.
    pub fn new(width: u16, height: u16, needs: Needs) -> Self {
        let screen = Area { x: 0, y: 0, width, height };
        let focused = Pane::LISTS[needs.focus.min(2)];
        let (room, header_rows) = match (width, height) {
            (0..20, _) | (_, 0..4) => (Room::Tiny, 1),
            (0..60, _) | (_, 0..15) => (Room::Small, 1),
            (0..110, _) | (_, 0..30) => (Room::Compact, 3),
            _ => (Room::Wide, 3),
        };
        let header = screen.rows(0, header_rows);
        if room == Room::Tiny {
            let none = screen.rows(height, 0);
            return Self { room, screen, header, tabs: none, lead: none, body: none, panes: Vec::new(), footer: none };
        }
        let footer = screen.rows(height - 1, 1);
        let tab_rows = u16::from(room == Room::Wide || room == Room::Compact && height >= 24);
        let tabs = screen.rows(header_rows, tab_rows);
        let (above, lead_rows) = (header_rows + tab_rows, u16::from(needs.has_lead));
        let lead = screen.rows(above, lead_rows);
        let body = screen.rows(above + lead_rows, (height - above - 1).saturating_sub(lead_rows));
        let panes = match room {
            _ if !needs.is_dashboard => Vec::new(),
            Room::Wide if needs.zoom => vec![(focused, body)],
            Room::Wide => wide(body, needs),
            Room::Compact if !needs.zoom => compact(body, needs),
            _ => vec![(focused, body)],
        };
        Self { room, screen, header, tabs, lead, body, panes, footer }
    }

    /// All that lies between header and footer: the room of a text over the view.
    pub fn middle(&self) -> Area {
        let from = self.header.height;
        self.screen.rows(from, self.screen.height.saturating_sub(from + self.footer.height))
    }

    /// Rows that a view of one pane gives to the charts of the selected row.
    pub fn strip_rows(&self) -> u16 {
        match self.body.height {
            ..14 => 0,
            14..30 => 2,
            _ => 4,
        }
    }

    /// Rows of a table that fills the body, without its heading and the charts below.
    pub fn table_rows(&self) -> u16 {
        self.body.height.saturating_sub(1 + self.strip_rows())
    }

    /// A pane's place; absent when it is not visible.
    pub fn pane(&self, pane: Pane) -> Option<Area> {
        self.panes.iter().find(|(known, _)| *known == pane).map(|(_, area)| *area)
    }

    /// Rows that a list can show: without frame and headings.
    pub fn list_rows(&self, pane: Pane) -> usize {
        let frame = if self.room == Room::Wide { 3 } else { 1 };
        self.pane(pane).map_or(0, |area| usize::from(area.height.saturating_sub(frame)))
    }
}

/// Charts of a server.
const CHARTS: u16 = 5;

fn wide(body: Area, needs: Needs) -> Vec<(Pane, Area)> {
    let rows = needs.rows.map(|rows| u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(3));
    let left_width = (body.width * 47 / 100).clamp(52, 90);
    let (left, right) = (body.columns(0, left_width), body.columns(left_width, body.width));
    let frontends = rows[0].clamp(4, (body.height / 3).max(4));
    let event_rows = (body.height / 4).clamp(4, 14);
    let servers = rows[2].clamp(5, body.height.saturating_sub(CHARTS + 2 + event_rows).max(5));
    // Five charts of one, two or three rows each.
    let spare = body.height.saturating_sub(servers + event_rows + 2) / CHARTS;
    let chart_rows = CHARTS * spare.clamp(1, 3) + 2;
    vec![
        (Pane::Frontends, left.rows(0, frontends)),
        (Pane::Backends, left.rows(frontends, body.height)),
        (Pane::Servers, right.rows(0, servers)),
        (Pane::Charts, right.rows(servers, chart_rows)),
        (Pane::Events, right.rows(servers + chart_rows, body.height)),
    ]
}

fn compact(body: Area, needs: Needs) -> Vec<(Pane, Area)> {
    // Two lines of charts, each of as many rows as the lists leave.
    let wanted: usize = needs.rows.iter().map(|rows| rows.saturating_add(1).max(3)).sum();
    let unused = body.height.saturating_sub(u16::try_from(wanted).unwrap_or(u16::MAX));
    let chart_rows = if body.height < 18 { 1 } else { 2 * (unused / 2).clamp(1, 3) };
    let mut left = body.height.saturating_sub(chart_rows);
    // Every list first gets its heading and two rows; then the focused one, and the more detailed before the
    // less, what they need.
    let mut heights = [3_u16; 3];
    left = left.saturating_sub(9);
    for list in [needs.focus.min(2), 2, 1, 0] {
        let wanted = u16::try_from(needs.rows[list]).unwrap_or(u16::MAX).saturating_add(1).max(3);
        let more = wanted.saturating_sub(heights[list]).min(left);
        heights[list] += more;
        left -= more;
    }
    heights[2] += left;
    let mut y = 0;
    let mut panes = Vec::with_capacity(4);
    for (pane, height) in Pane::LISTS.into_iter().zip(heights) {
        panes.push((pane, body.rows(y, height)));
        y += height;
    }
    panes.push((Pane::Charts, body.rows(y, chart_rows)));
    panes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_or_leaves_the_screen_at_any_size() {
        for width in 0..=220_u16 {
            for height in 0..=70_u16 {
                for (rows, focus) in [([0, 0, 0], 0), ([3, 5, 4], 1), ([40, 200, 9000], 2)] {
                    for zoom in [false, true] {
                        check(width, height, Needs { rows, focus, zoom, is_dashboard: true, has_lead: false });
                    }
                }
            }
        }
    }

    fn check(width: u16, height: u16, needs: Needs) {
        let layout = Layout::new(width, height, needs);
        let mut areas: Vec<Area> = layout.panes.iter().map(|(_, area)| *area).collect();
        areas.extend([layout.header, layout.tabs, layout.footer]);
        areas.retain(|area| !area.is_empty());
        for (index, area) in areas.iter().enumerate() {
            assert!(area.x + area.width <= width && area.y + area.height <= height, "{width}x{height} {layout:?}");
            for other in &areas[..index] {
                let apart = area.x + area.width <= other.x
                    || other.x + other.width <= area.x
                    || area.y + area.height <= other.y
                    || other.y + other.height <= area.y;
                assert!(apart, "{width}x{height} {layout:?}");
            }
        }
        if layout.room != Room::Tiny {
            assert!(layout.pane(Pane::LISTS[needs.focus]).is_some_and(|area| area.height > 1), "{width}x{height}");
        }
    }

    #[test]
    fn the_designed_sizes_show_what_they_should() {
        let needs = Needs { rows: [4, 6, 5], focus: 1, is_dashboard: true, ..Needs::default() };
        let visible =
            |width, height| Layout::new(width, height, needs).panes.iter().map(|(pane, _)| *pane).collect::<Vec<_>>();
        assert_eq!(visible(120, 40).len(), 5);
        assert_eq!(visible(200, 60).len(), 5);
        assert_eq!(visible(80, 24), [Pane::Frontends, Pane::Backends, Pane::Servers, Pane::Charts]);
        assert_eq!(visible(50, 14), [Pane::Backends]);
        assert_eq!(visible(19, 30), []);
        let at_80x24 = Layout::new(80, 24, needs);
        assert_eq!(Pane::LISTS.map(|pane| at_80x24.list_rows(pane)), [3, 6, 5], "all but one frontend fits");
    }
}
