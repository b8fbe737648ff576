//! A page of text shown over the view.

use crate::app::layers::TextExtent;
use crate::app::layout::Area;
use crate::haproxy::reply_lines::ReplyLines;
use crate::table::cell::Role;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;

/// Draws the text starting with line `top`; long lines are wrapped. Returns the extent of the text.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Area, title: &str, lines: &ReplyLines, top: usize) -> TextExtent {
    canvas.clear(area);
    let visible = usize::from(area.height.saturating_sub(2));
    let available = usize::from(area.width.saturating_sub(4));
    let parts: Vec<String> =
        lines.as_slice().iter().flat_map(|line| text_width::wrap_indented(line.as_str(), available)).collect();
    let count = parts.len();
    let extent = TextExtent::new(count, visible);
    let top = top.min(extent.last_top);
    let position = format!(" {}-{} of {count} ", (top + 1).min(count), (top + visible).min(count));
    let title = text_width::end(title, usize::from(area.width.saturating_sub(24)));
    let title = [styled_text(format!(" {title} "), Role::Focus)];
    let inner = canvas.draw_frame(area, &title, &[styled_text(position, Role::Dim)], Role::Focus);
    for (row, part) in parts.iter().skip(top).take(visible).enumerate() {
        canvas.draw_text(inner, 1, row as u16, part, Role::Normal);
    }
    extent
}
