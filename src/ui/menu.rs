//! A menu over the view: by which column to sort.

use crate::app::cells::Role;
use crate::app::columns::column::{Column, Source};
use crate::app::layout::Area;
use crate::app::model::Model;
use crate::ui::canvas::{Canvas, piece};
use crate::ui::text;

/// Draws the columns of the view shown, with the cursor at `place`.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, screen: Area, place: usize) {
    let settings = &model.settings[model.view];
    let columns = settings.sortable();
    let width = screen.width.min(64);
    let height = screen.height.min(columns.len() as u16 + 2);
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 2, height);
    canvas.clear(area);
    let count = columns.len();
    let remark = if usize::from(height) < count + 2 { format!(" {} of {count} ", place + 1) } else { String::new() };
    let inner = canvas.frame(area, &[piece(" Sort by ", Role::Focus)], &[piece(remark, Role::Dim)], Role::Focus);
    let visible = usize::from(inner.height);
    let top = (place + 1).saturating_sub(visible);
    for (row, (index, column)) in columns.iter().enumerate().skip(top).take(visible).enumerate() {
        let sorted = settings.sort.filter(|sort| sort.column.id == column.id);
        let arrow = match sorted {
            Some(sort) if sort.descending => canvas.theme.pick("↓", "v"),
            Some(_) => canvas.theme.pick("↑", "^"),
            None => " ",
        };
        let row = row as u16;
        canvas.text(inner, 1, row, arrow, Role::Focus);
        canvas.text(inner, 3, row, column.title, Role::Normal);
        let help = text::end(&help_of(column), usize::from(inner.width.saturating_sub(16)));
        canvas.text(inner, 15, row, &help, Role::Dim);
        if index == place {
            canvas.mark(inner, row, Role::Selected);
        }
    }
}

/// What a column shows; one per second says so.
fn help_of(column: &Column) -> String {
    match column.source {
        Source::PerSecond(_) => format!("a second: {}", column.help),
        _ => column.help.to_owned(),
    }
}
