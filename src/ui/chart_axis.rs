//! The axes of a chart: round numbers on the left, clock times below.

use std::time::{Duration, UNIX_EPOCH};

use crate::app::layout::Area;
use crate::instance::time_spans::{self, SpanUse};
use crate::table::cell::Role;
use crate::table::chart_picture::ChartPicture;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::Canvas;
use crate::ui::text_width;

/// Width of the numbers and the line to the left of the plot, in screen cells.
pub(crate) const AXIS_WIDTH: u16 = 7;
/// Free columns between two clock times.
const TIME_GAP: u64 = 4;

/// Draws the numbers to the left of the plot. `area` are the rows of the plot, with the axis.
pub(crate) fn draw_numbers(canvas: &mut Canvas<'_>, area: Area, picture: &ChartPicture) {
    let side = canvas.theme.choose_glyph("│", "|");
    let tick = canvas.theme.choose_glyph("┤", "+");
    (0..area.height).for_each(|row| _ = canvas.draw_text(area, AXIS_WIDTH - 1, row, side, Role::Frame));
    for value in picture.scale.ticks(area.height) {
        let last = f64::from(area.height.saturating_sub(1));
        let row = (last - picture.scale.share(value) * last).round() as u16;
        canvas.draw_number(area, 0..AXIS_WIDTH - 1, row, &(picture.chart.format)(value), Role::Dim);
        canvas.draw_text(area, AXIS_WIDTH - 1, row, tick, Role::Frame);
    }
}

/// Draws the line below the plot, with clock times. `area` is one row, below the numbers and the plot.
pub(crate) fn draw_times(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, picture: &ChartPicture) {
    let line = canvas.theme.choose_glyph("─", "-");
    canvas.draw_text(area, AXIS_WIDTH - 1, 0, canvas.theme.choose_glyph("└", "+"), Role::Frame);
    let plot = area.columns(AXIS_WIDTH, area.width);
    canvas.draw_text(plot, 0, 0, &line.repeat(usize::from(plot.width)), Role::Frame);
    let range = picture.range;
    let clock = (context.format_time)(range.end_wall);
    let is_now = range.is_newest && context.instance.data.link().is_up();
    let end = if is_now { "now" } else { clock.as_str() };
    let end_column = plot.width.saturating_sub(text_width::width(end) as u16);
    let end_time = PlotEnd {
        clock: &clock,
        fraction: range.end_wall.duration_since(UNIX_EPOCH).map_or(0, |wall| wall.subsec_nanos()),
        monotonic: range.end,
    };
    for (column, text) in time_labels(end_time, range.span, plot.width) {
        if column + text.len() as u16 + 1 < end_column {
            canvas.draw_text(plot, column, 0, &text, Role::Dim);
        }
    }
    canvas.draw_text(plot, end_column, 0, end, Role::Dim);
}

/// The time at the right edge of a plot.
#[derive(Debug, Clone, Copy)]
struct PlotEnd<'a> {
    /// Clock time (`03:12:41`).
    clock: &'a str,
    /// Nanoseconds of the clock time's second.
    fraction: u32,
    /// Monotonic time.
    monotonic: Duration,
}

/// Returns round clock times with their columns in a plot of `width` columns that covers `span`. Columns begin at multiples
/// of their length, as those of the plot, so that labels move together with the plot. Returns nothing if the end is not a
/// clock time.
fn time_labels(end: PlotEnd<'_>, span: Duration, width: u16) -> Vec<(u16, String)> {
    let numbers: Vec<u64> = end.clock.split(':').filter_map(|part| part.parse().ok()).collect();
    let (&[hours, minutes, seconds], Some(seconds_shown)) =
        (numbers.as_slice(), Some(span.as_secs()).filter(|span| *span > 0))
    else {
        return Vec::new();
    };
    let now = hours * 3600 + minutes * 60 + seconds;
    let label_width = |step: u64| if step < 60 { 8 } else { 5 };
    let fits = |step: &u64| u64::from(width) * step / seconds_shown >= label_width(*step) + TIME_GAP;
    let mut steps = time_spans::with_use(SpanUse::Tick).map(|step| step.as_secs());
    let Some(step) = steps.find(fits) else { return Vec::new() };
    let column_of = |time: f64| (time * f64::from(width) / span.as_secs_f64()).floor() as i64;
    let fraction = Duration::from_nanos(end.fraction.into()).as_secs_f64();
    let last_column = column_of(end.monotonic.as_secs_f64());
    let ages = (0..).map(|count| now % step + count * step).take_while(|age| *age <= seconds_shown);
    let mut labels: Vec<(u16, String)> = ages
        .filter_map(|age| {
            let time = (now + 86_400 * 2 - age) % 86_400;
            let (hours, minutes, seconds) = (time / 3600, time / 60 % 60, time % 60);
            let text = if step < 60 {
                format!("{hours:02}:{minutes:02}:{seconds:02}")
            } else {
                format!("{hours:02}:{minutes:02}")
            };
            let column = column_of(end.monotonic.as_secs_f64() - age as f64 - fraction) - last_column;
            Some((u16::try_from(column + i64::from(width) - 1).ok()?, text))
        })
        .collect();
    labels.reverse();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(end: &str, seconds: u64, width: u16) -> Vec<(u16, String)> {
        let end = PlotEnd { clock: end, fraction: 0, monotonic: Duration::from_hours(10) };
        time_labels(end, Duration::from_secs(seconds), width)
    }

    fn texts(end: &str, seconds: u64, width: u16) -> Vec<String> {
        labels(end, seconds, width).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn time_labels_are_round_clock_times() {
        assert_eq!(texts("07:12:41", 600, 60), ["07:04", "07:06", "07:08", "07:10", "07:12"]);
        assert_eq!(texts("07:12:41", 20, 60), ["07:12:25", "07:12:30", "07:12:35", "07:12:40"]);
        assert_eq!(texts("00:10:00", 3600, 30), ["23:30", "00:00"], "across midnight");
        assert_eq!(labels("07:12:00", 600, 60)[1], (23, "07:06".to_owned()));
    }

    #[test]
    fn time_labels_move_by_whole_columns_with_the_plot() {
        let column = |millis: u64| {
            let end = PlotEnd {
                clock: if millis < 1000 { "07:12:00" } else { "07:12:01" },
                fraction: (millis % 1000 * 1_000_000) as u32,
                monotonic: Duration::from_millis(36_000_700 + millis),
            };
            time_labels(end, Duration::from_mins(1), 30)[1].0
        };
        // A column is two seconds long, and the clock is 0.7 seconds behind the monotonic time.
        let columns: Vec<u16> = (0..20).map(|tenth| column(tenth * 100)).collect();
        assert_eq!(columns, [[29; 13].as_slice(), &[28; 7]].concat());
    }

    #[test]
    fn time_labels_leave_out_what_does_not_fit_or_is_unknown() {
        assert_eq!(texts("07:12:41", 600, 6), [""; 0]);
        assert_eq!(texts("", 600, 60), [""; 0]);
        assert_eq!(texts("07:12:41", 0, 60), [""; 0]);
    }
}
