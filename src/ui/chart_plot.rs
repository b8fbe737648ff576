//! The plot of a chart: lines, the band, the limit and marks in screen cells, each cell with two by four dots.
//!
//! Ratatui's chart connects points across gaps and distinguishes lines by color alone, so the dots are set here: gaps stay
//! empty, and a band, a thick and a thin line differ without colors.

use crate::app::layout::Area;
use crate::table::cell::Role;
use crate::table::chart_picture::ChartPicture;
use crate::table::chart_scale::Scale;
use crate::ui::drawing::Canvas;
use crate::ui::theme::Palette;

/// Dots of a braille character: the bits of the left and right column, from the top.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Number of points per screen cell.
pub(crate) const POINTS_PER_CELL: u16 = 2;
/// Number of dots of a cell, one above the other.
const DOT_ROWS: usize = 4;

/// A layer of dots.
#[derive(Debug)]
struct DotLayer {
    width: usize,
    /// Dots of each cell, row by row.
    cells: Vec<u8>,
    dot_rows: usize,
}

impl DotLayer {
    fn new(area: Area) -> Self {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        Self { width, cells: vec![0; width * height], dot_rows: height * DOT_ROWS }
    }

    fn set(&mut self, point: usize, dot_row: usize) {
        let index = dot_row / DOT_ROWS * self.width + point / 2;
        if let Some(cell) = self.cells.get_mut(index).filter(|_| point / 2 < self.width) {
            *cell |= DOTS[point % 2][dot_row % DOT_ROWS];
        }
    }

    /// Returns the row of dots for a value, counted from the top.
    fn dot_row(&self, scale: &Scale, value: f64) -> usize {
        let last = self.dot_rows.saturating_sub(1);
        last - (scale.share(value) * last as f64).round() as usize
    }

    /// Draws a line, `thickness` dots thick. Consecutive points are connected by vertical lines; unknown points are gaps.
    fn draw_line(&mut self, points: &[Option<f64>], scale: &Scale, thickness: usize) {
        let mut before = None;
        for (point, value) in points.iter().enumerate() {
            let row = value.map(|value| self.dot_row(scale, value));
            if let Some(row) = row {
                let (top, bottom) = match before {
                    Some(before) if before + 1 < row => (before + 1, row),
                    Some(before) if before > row + 1 => (row, before - 1),
                    _ => (row, row),
                };
                let top = top.saturating_sub(thickness - 1);
                (top..=bottom).for_each(|row| self.set(point, row));
            }
            before = row;
        }
    }

    /// Draws a band: every second dot between the lowest and the highest value.
    fn draw_band(&mut self, points: &[Option<(f64, f64)>], scale: &Scale) {
        for (point, range) in points.iter().enumerate() {
            let Some((low, high)) = *range else { continue };
            let (top, bottom) = (self.dot_row(scale, high), self.dot_row(scale, low));
            (top..=bottom).filter(|row| (point + row) % 2 == 0 || top == bottom && point % 2 == 0).for_each(|row| {
                self.set(point, row);
            });
        }
    }

    fn dots(&self, column: usize, row: usize) -> u8 {
        self.cells.get(row * self.width + column).copied().unwrap_or(0)
    }
}

/// Draws the plot of a chart over the whole area.
pub(crate) fn draw(canvas: &mut Canvas<'_>, area: Area, picture: &ChartPicture) {
    let [mut band, mut line, mut outlier] = [(); 3].map(|()| DotLayer::new(area));
    let scale = &picture.scale;
    if let Some(peers) = &picture.band {
        band.draw_band(&peers.points, scale);
    }
    line.draw_line(&picture.line.points, scale, 1);
    if let Some(server) = &picture.outlier {
        // Without colors, a thick line is the only difference.
        let thickness = if canvas.theme.palette == Palette::Mono { 2 } else { 1 };
        outlier.draw_line(&server.points, scale, thickness);
    }
    let limit = picture.limit.filter(|limit| *limit <= scale.top());
    let limit_row = limit.map(|limit| line.dot_row(scale, limit) / DOT_ROWS);
    let cursor = picture.cursor.map(|point| point / usize::from(POINTS_PER_CELL));
    let outlier_role = picture.outlier.as_ref().map_or(Role::Normal, |server| server.role);
    let is_ascii = canvas.theme.is_ascii;
    let mut is_marked = vec![false; usize::from(area.width)];
    for (point, _) in &picture.marks {
        if let Some(column) = is_marked.get_mut(point / 2) {
            *column = true;
        }
    }
    let mut glyph = String::new();
    for row in 0..usize::from(area.height) {
        for (column, is_marked) in is_marked.iter().enumerate() {
            let [band, line, outlier] = [&band, &line, &outlier].map(|layer| layer.dots(column, row));
            let role = match () {
                () if outlier != 0 => outlier_role,
                () if line != 0 => picture.line.role,
                () if cursor == Some(column) => Role::Past,
                () => Role::Dim,
            };
            glyph.clear();
            match () {
                () if outlier != 0 && is_ascii => glyph.push('#'),
                () if line != 0 && is_ascii => glyph.push(ascii_line(line)),
                () if outlier | line != 0 => glyph.push(braille(outlier | line)),
                () if cursor == Some(column) => glyph.push_str(canvas.theme.choose_glyph("│", "|")),
                () if *is_marked => glyph.push_str(canvas.theme.choose_glyph("┆", ":")),
                () if limit_row == Some(row) => glyph.push_str(canvas.theme.choose_glyph("╌", "=")),
                () if band != 0 => glyph.push(if is_ascii { '.' } else { braille(band) }),
                () => continue,
            }
            canvas.draw_text(area, column as u16, row as u16, &glyph, role);
        }
    }
    for (point, kind) in &picture.marks {
        canvas.draw_text(area, (point / 2) as u16, 0, kind.letter(), kind.role());
    }
}

fn braille(dots: u8) -> char {
    char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' ')
}

/// Returns the character for a part of a line: its height in the cell, or a vertical line.
fn ascii_line(dots: u8) -> char {
    let is_set = |row: usize| dots & (DOTS[0][row] | DOTS[1][row]) != 0;
    let rows: Vec<usize> = (0..DOT_ROWS).filter(|row| is_set(*row)).collect();
    match (rows.first(), rows.last()) {
        (Some(0), Some(2 | 3)) | (Some(1), Some(3)) => '|',
        (Some(0), _) => '\'',
        (_, Some(3)) => '_',
        _ => '-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::chart_scale::ScaleBounds;

    fn layer(height: u16) -> (DotLayer, Scale) {
        let bounds = ScaleBounds { least_top: 10.0, least_step: 1.0, most: Some(10.0), limit: None };
        (DotLayer::new(Area { width: 2, height, ..Area::default() }), Scale::for_highest(10.0, bounds))
    }

    fn picture(layer: &DotLayer) -> Vec<String> {
        let rows = layer.cells.chunks(layer.width);
        rows.map(|row| row.iter().map(|dots| if *dots == 0 { ' ' } else { braille(*dots) }).collect()).collect()
    }

    #[test]
    fn draw_line_connects_points_and_leaves_gaps() {
        let (mut dots, scale) = layer(2);
        dots.draw_line(&[Some(0.0), Some(10.0), None, Some(10.0)], &scale, 1);
        assert_eq!(picture(&dots), ["⢸⠈", "⡸ "], "the gap is not bridged");
    }

    #[test]
    fn draw_line_shows_zero_and_differs_when_thick() {
        let (mut thin, scale) = layer(1);
        thin.draw_line(&[Some(0.0), Some(0.0), None, None], &scale, 1);
        assert_eq!(picture(&thin), ["⣀ "]);
        let (mut thick, _) = layer(1);
        thick.draw_line(&[Some(0.0), Some(0.0), None, None], &scale, 2);
        assert_eq!(picture(&thick), ["⣤ "]);
    }

    #[test]
    fn draw_band_covers_the_range_sparsely() {
        let (mut dots, scale) = layer(1);
        dots.draw_band(&[Some((0.0, 10.0)), Some((0.0, 10.0)), Some((0.0, 0.0)), None], &scale);
        assert_eq!(picture(&dots), ["⢕⡀"]);
    }

    #[test]
    fn ascii_line_shows_heights() {
        let of_rows = |rows: &[usize]| ascii_line(rows.iter().fold(0, |dots, row| dots | DOTS[0][*row]));
        assert_eq!([of_rows(&[0]), of_rows(&[1, 2]), of_rows(&[3]), of_rows(&[0, 1, 2])], ['\'', '-', '_', '|']);
    }
}
