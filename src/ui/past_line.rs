//! That it is the past, which moment of it, and where that lies in what is kept. In words first: a colour says nothing
//! alone.

use std::time::Duration;

use crate::app::layout::Area;
use crate::app::model::InstanceView;
use crate::instance::past_moment::Past;
use crate::table::cell::Role;
use crate::table::number_format;
use crate::ui::drawing::{Canvas, Piece, piece};
use crate::ui::events_pane::ShowTime;

/// What stands at the end of the header in place of the badges: how far back it is, and how the link is now.
pub fn badges(
    past: &Past,
    link: Piece<'static>,
    width: u16,
    show_time: ShowTime,
    now: Duration,
) -> Vec<Piece<'static>> {
    let at = past.sample().at;
    let ago = number_format::span(now.saturating_sub(at.mono));
    let time = show_time(at.wall);
    // The narrower it is, the less of it: that it is the past comes last of all to go.
    let words = match width {
        60.. => format!(" PAUSED {time}, {ago} ago "),
        29.. => format!(" PAUSED {time} {ago} ago "),
        20.. => format!(" PAUSED {ago} ago "),
        _ => " PAUSED ".to_owned(),
    };
    let mut pieces = vec![piece(words, Role::Past)];
    // Where it is narrow, only a link that is not as it should be takes the room of the name.
    if width >= 60 || width >= 38 && link.1 != Role::Good {
        pieces.extend([piece(" ", Role::Normal), link, piece(" ", Role::Normal)]);
    }
    pieces
}

/// Cells of the track, without its ends, at the least and at the most.
const TRACK: std::ops::RangeInclusive<u16> = 8..=40;

/// The time that is kept as a line from the oldest to the newest, and the moment on it.
pub fn track(canvas: &mut Canvas<'_>, instance: &InstanceView, past: &Past, area: Area) {
    let cells = area.width.saturating_sub(4).min(*TRACK.end());
    let mut marks = instance.watch.history().marks();
    let (Some(first), Some(last)) = (marks.next(), marks.next_back()) else { return };
    if cells < *TRACK.start() {
        return;
    }
    let kept = last.at.saturating_sub(first.at).as_secs_f64();
    let share = past.sample().at.mono.saturating_sub(first.at).as_secs_f64() / kept.max(f64::EPSILON);
    let place = (share * f64::from(cells - 1)).round().clamp(0.0, f64::from(cells - 1)) as u16;
    let start = area.width - cells - 4;
    canvas.text(area, start, 0, canvas.theme.pick("◀ ", "< "), Role::Dim);
    for cell in 0..cells {
        let (glyph, role) = if cell == place { ("●", Role::Past) } else { ("─", Role::Dim) };
        canvas.text(area, start + 2 + cell, 0, glyph, role);
    }
    canvas.text(area, start + 2 + cells, 0, canvas.theme.pick(" ▶", " >"), Role::Dim);
}
