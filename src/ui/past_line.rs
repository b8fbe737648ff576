//! The signs in the header that an earlier sample is shown: a badge with the sample's time, and a timeline with the
//! sample's position in the history. The badge contains words, because color alone is not enough.

use crate::app::layout::Area;
use crate::app::replay_state::Replay;
use crate::instance::past_moment::PastMoment;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;
use crate::units;

/// Minimum width that is left for the name of the instance, in screen cells.
const NAME_WIDTH: usize = 4;

/// Returns the header's badges while an earlier sample is shown: the sample's time, age,
/// source and interval, and the state of the link.
pub(crate) fn past_badges(
    context: &DrawContext<'_>,
    past: &PastMoment,
    link: StyledText<'static>,
    width: u16,
) -> Vec<StyledText<'static>> {
    let at = past.sample().at;
    let ago = units::exact_duration(context.now.saturating_sub(at.monotonic));
    let time = (context.format_time)(at.wall);
    let is_recorded = context.model.past().is_recorded(at.monotonic);
    let source = if is_recorded { "recorded" } else { "in memory" };
    let interval = units::interval(past.sample().interval);
    // On a narrow screen, the source is omitted first, then the time, then the age; the state stays.
    let speed = context.model.replay.as_ref().and_then(Replay::playing_speed);
    let state = speed.map_or_else(|| "PAUSED".to_owned(), |speed| format!("PLAY x{speed}"));
    let badges = [
        (80, format!(" {state} {time}, {ago} ago, {source} every {interval} ")),
        (60, format!(" {state} {time}, {ago} ago ")),
        (29, format!(" {state} {time} {ago} ago ")),
        (20, format!(" {state} {ago} ago ")),
        (0, format!(" {state} ")),
    ];
    // A text that does not fit would not be drawn at all.
    let fits = |badge: &str, more: usize| text_width::width(badge) + more + NAME_WIDTH <= usize::from(width);
    let badge = badges.iter().find(|(least, badge)| width >= *least && fits(badge, 0)).or(badges.last());
    let badge = badge.map_or(String::new(), |(_, badge)| badge.clone());
    let has_link = fits(&badge, text_width::width(&link.0) + 2);
    let mut texts = vec![styled_text(badge, Role::Past)];
    // On a narrow screen, the link is shown only if it is not up, because the badge takes space from the instance's
    // name.
    if has_link && (width >= 60 || width >= 38 && link.1 != Role::Good) {
        texts.extend([styled_text(" ", Role::Normal), link, styled_text(" ", Role::Normal)]);
    }
    texts
}

/// Minimum and maximum width of the timeline in screen cells, without the arrows at both ends.
const TIMELINE_WIDTH: std::ops::RangeInclusive<u16> = 8..=40;

/// Draws a timeline from the oldest to the newest sample of the history, with a dot for the sample shown.
pub(crate) fn draw_timeline(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, past: &PastMoment) {
    let cells = area.width.saturating_sub(4).min(*TIMELINE_WIDTH.end());
    let all = context.model.past();
    let (Some(first), Some(last)) = (all.oldest(), all.newest()) else { return };
    let (first, last) = (first.monotonic, last.monotonic);
    if cells < *TIMELINE_WIDTH.start() {
        return;
    }
    let covered = last.saturating_sub(first).as_secs_f64();
    let share = past.sample().at.monotonic.saturating_sub(first).as_secs_f64() / covered.max(f64::EPSILON);
    let position = (share * f64::from(cells - 1)).round().clamp(0.0, f64::from(cells - 1)) as u16;
    let start = area.width - cells - 4;
    canvas.draw_text(area, start, 0, canvas.theme.choose_glyph("◀ ", "< "), Role::Dim);
    for cell in 0..cells {
        let (glyph, role) = if cell == position { ("●", Role::Past) } else { ("─", Role::Dim) };
        canvas.draw_text(area, start + 2 + cell, 0, glyph, role);
    }
    canvas.draw_text(area, start + 2 + cells, 0, canvas.theme.choose_glyph(" ▶", " >"), Role::Dim);
}
