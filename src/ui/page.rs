//! A text to read, over the view.

use crate::app::cells::Role;
use crate::app::layout::Area;
use crate::haproxy::plain::Lines;
use crate::ui::canvas::{Canvas, piece};
use crate::ui::text;

/// Draws it from line `top` on; gives the last line it can begin with.
pub fn draw(canvas: &mut Canvas<'_>, title: &str, lines: &Lines, area: Area, top: usize) -> usize {
    canvas.clear(area);
    let visible = usize::from(area.height.saturating_sub(2));
    let count = lines.list().len();
    let last = count.saturating_sub(visible);
    let top = top.min(last);
    let place = format!(" {}-{} of {count} ", (top + 1).min(count), (top + visible).min(count));
    let title = text::end(title, usize::from(area.width.saturating_sub(24)));
    let title = [piece(format!(" {title} "), Role::Focus)];
    let inner = canvas.frame(area, &title, &[piece(place, Role::Dim)], Role::Focus);
    for (row, line) in lines.list().iter().skip(top).take(visible).enumerate() {
        canvas.text(inner, 1, row as u16, line.as_str(), Role::Normal);
    }
    last
}
