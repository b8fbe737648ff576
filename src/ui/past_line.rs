//! Signs of a past moment in the header: a badge with its time, and its position in the history. The badge has words,
//! since color alone is not enough.

use std::time::Duration;

use crate::app::instance_view::InstanceView;
use crate::app::layout::Area;
use crate::instance::past_moment::PastMoment;
use crate::table::cell::Role;
use crate::table::number_format;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::events_pane::FormatTime;

/// Returns the badges of the header while a past moment is shown: its time and age, and the state of the link.
pub fn past_badges(
    past: &PastMoment,
    link: StyledText<'static>,
    width: u16,
    format_time: FormatTime,
    now: Duration,
) -> Vec<StyledText<'static>> {
    let at = past.sample().at;
    let ago = number_format::exact_duration(now.saturating_sub(at.monotonic));
    let time = format_time(at.wall);
    // On a narrow screen the time and then the age are omitted; the word PAUSED stays.
    let badge = match width {
        60.. => format!(" PAUSED {time}, {ago} ago "),
        29.. => format!(" PAUSED {time} {ago} ago "),
        20.. => format!(" PAUSED {ago} ago "),
        _ => " PAUSED ".to_owned(),
    };
    let mut texts = vec![styled_text(badge, Role::Past)];
    // On a narrow screen the link is shown only if it is not in order, since it takes space from the name.
    if width >= 60 || width >= 38 && link.1 != Role::Good {
        texts.extend([styled_text(" ", Role::Normal), link, styled_text(" ", Role::Normal)]);
    }
    texts
}

/// Smallest and largest width of the timeline in cells, without its ends.
const TIMELINE_WIDTH: std::ops::RangeInclusive<u16> = 8..=40;

/// Draws a timeline from the oldest to the newest sample of the history, with the moment shown on it.
pub fn draw_timeline(canvas: &mut Canvas<'_>, instance: &InstanceView, past: &PastMoment, area: Area) {
    let cells = area.width.saturating_sub(4).min(*TIMELINE_WIDTH.end());
    let mut marks = instance.data.history().headers();
    let (Some(first), Some(last)) = (marks.next(), marks.next_back()) else { return };
    if cells < *TIMELINE_WIDTH.start() {
        return;
    }
    let covered = last.at.saturating_sub(first.at).as_secs_f64();
    let share = past.sample().at.monotonic.saturating_sub(first.at).as_secs_f64() / covered.max(f64::EPSILON);
    let position = (share * f64::from(cells - 1)).round().clamp(0.0, f64::from(cells - 1)) as u16;
    let start = area.width - cells - 4;
    canvas.draw_text(area, start, 0, canvas.theme.choose_glyph("◀ ", "< "), Role::Dim);
    for cell in 0..cells {
        let (glyph, role) = if cell == position { ("●", Role::Past) } else { ("─", Role::Dim) };
        canvas.draw_text(area, start + 2 + cell, 0, glyph, role);
    }
    canvas.draw_text(area, start + 2 + cells, 0, canvas.theme.choose_glyph(" ▶", " >"), Role::Dim);
}
