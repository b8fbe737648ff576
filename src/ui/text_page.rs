//! A text to read, over the view.

use crate::app::layout::Area;
use crate::haproxy::reply_lines::Lines;
use crate::table::cell::Role;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::truncate;

/// Draws it from line `top` on; long lines are broken, so that all of them can be read. Gives the last line it can
/// begin with.
pub fn draw(canvas: &mut Canvas<'_>, title: &str, lines: &Lines, area: Area, top: usize) -> usize {
    canvas.clear(area);
    let visible = usize::from(area.height.saturating_sub(2));
    let room = usize::from(area.width.saturating_sub(4));
    let parts: Vec<String> = lines.list().iter().flat_map(|line| truncate::broken(line.as_str(), room)).collect();
    let count = parts.len();
    let last = count.saturating_sub(visible);
    let top = top.min(last);
    let place = format!(" {}-{} of {count} ", (top + 1).min(count), (top + visible).min(count));
    let title = truncate::end(title, usize::from(area.width.saturating_sub(24)));
    let title = [piece(format!(" {title} "), Role::Focus)];
    let inner = canvas.frame(area, &title, &[piece(place, Role::Dim)], Role::Focus);
    for (row, part) in parts.iter().skip(top).take(visible).enumerate() {
        canvas.text(inner, 1, row as u16, part, Role::Normal);
    }
    last
}
