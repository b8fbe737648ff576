//! Tests of the screen layout.

use crate::app::layout::{Area, Layout, LayoutNeeds, MIN_BAND_SIZE, Pane, SizeClass};

#[test]
fn layout_has_no_overlaps_at_any_size() {
    for width in 0..=220_u16 {
        for height in 0..=70_u16 {
            for (rows, focus) in [([0; 4], 1), ([0, 3, 5, 4], 2), ([4, 3, 5, 4], 0), ([70, 40, 200, 9000], 3)] {
                for zoom in [false, true] {
                    check(
                        width,
                        height,
                        LayoutNeeds {
                            row_counts: rows,
                            focused_list: focus,
                            is_zoomed: zoom,
                            is_dashboard: true,
                            left_width: 80,
                            timeline_rows: 3,
                            ..LayoutNeeds::default()
                        },
                    );
                }
            }
        }
    }
}

fn check(width: u16, height: u16, needs: LayoutNeeds) {
    let layout = Layout::new(width, height, needs);
    let mut areas: Vec<Area> = layout.panes.iter().map(|(_, area)| *area).collect();
    areas.extend([layout.header, layout.tabs, layout.timeline, layout.footer]);
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
    if layout.size_class != SizeClass::Tiny {
        assert!(
            layout.pane_area(Pane::LISTS[needs.focused_list]).is_some_and(|area| area.height > 1),
            "{width}x{height}"
        );
    }
}

#[test]
fn layout_shows_expected_panes_at_designed_sizes() {
    let needs = LayoutNeeds { row_counts: [0, 4, 6, 5], focused_list: 2, is_dashboard: true, ..LayoutNeeds::default() };
    let visible =
        |width, height| Layout::new(width, height, needs).panes.iter().map(|(pane, _)| *pane).collect::<Vec<_>>();
    assert_eq!(visible(120, 40).len(), 6);
    assert_eq!(visible(200, 60).len(), 6);
    assert_eq!(visible(80, 24), [Pane::Causes, Pane::Frontends, Pane::Backends, Pane::Servers, Pane::Charts]);
    assert_eq!(visible(60, 15), [Pane::Causes, Pane::Backends, Pane::Servers]);
    assert_eq!(visible(50, 14), [Pane::Causes, Pane::Backends]);
    assert_eq!(visible(19, 30), []);
    let at_80x24 = Layout::new(80, 24, needs);
    assert_eq!(Pane::LISTS.map(|pane| at_80x24.list_rows(pane)), [0, 2, 6, 5], "all but two frontends fit");
    let many = LayoutNeeds { row_counts: [40, 4, 6, 5], ..needs };
    let rows = |width, height| Layout::new(width, height, many).list_rows(Pane::Causes);
    assert_eq!([rows(80, 24), rows(120, 40), rows(200, 60), rows(60, 15), rows(40, 12)], [5, 10, 17, 2, 2]);
}

#[test]
fn events_keep_their_side_at_each_size_whatever_the_lists_contain() {
    for width in 110..=240_u16 {
        for height in 30..=70_u16 {
            let mut sides = std::collections::BTreeSet::new();
            for row_counts in [[0; 4], [3, 2, 4, 3], [0, 4, 60, 5], [40, 30, 200, 9000]] {
                for (focused_list, timeline_rows) in [(1, 0), (2, 7), (3, 0)] {
                    let needs = LayoutNeeds {
                        row_counts,
                        focused_list,
                        timeline_rows,
                        is_dashboard: true,
                        ..LayoutNeeds::default()
                    };
                    let layout = Layout::new(width, height, needs);
                    let [events, charts] = [Pane::Events, Pane::Charts].map(|pane| layout.pane_area(pane).unwrap());
                    assert!(events.height >= 4, "{width}x{height} {row_counts:?} {layout:?}");
                    sides.insert((events.x > 0, charts.x > 0));
                }
            }
            assert_eq!(sides.len(), 1, "{width}x{height}");
        }
    }
}

#[test]
fn wide_dashboards_give_free_rows_to_charts_and_events() {
    let few = LayoutNeeds { row_counts: [0, 4, 6, 5], focused_list: 2, is_dashboard: true, ..LayoutNeeds::default() };
    let area = |needs, size: (u16, u16), pane| Layout::new(size.0, size.1, needs).pane_area(pane).unwrap();
    for size in [(120, 40), (160, 50), (200, 60), (240, 70)] {
        let [backends, charts, events] = [Pane::Backends, Pane::Charts, Pane::Events].map(|pane| area(few, size, pane));
        if size.0 < MIN_BAND_SIZE.0 {
            assert!(events.x < charts.x && events.height >= 8, "below the backends: {events:?}");
            assert!(charts.height > size.1 / 2, "{charts:?}");
        } else {
            assert_eq!((charts.width, charts.y), (size.0, backends.y + backends.height), "below all lists");
            assert!(charts.height >= size.1 / 2 && events.x > backends.x, "{size:?} {charts:?} {events:?}");
        }
    }
    let wide = |left_width| area(LayoutNeeds { left_width, ..few }, (160, 50), Pane::Backends).width;
    assert_eq!([wide(40), wide(80), wide(200)], [75, 82, 88], "up to 55 % of the width");
}
