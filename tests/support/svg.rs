//! Renders a terminal screen as an SVG picture that looks the same in every font.
//!
//! Each word is placed separately with its exact width, and characters that fill a part of their cell (blocks, lines of
//! frames) are drawn as shapes.

use std::fmt::Write as _;

/// Size of a cell, baseline of the text in it, and margin around the screen, in pixels.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const BASELINE: f32 = 13.5;
const MARGIN: f32 = 12.0;

/// The default colors and the 16 named colors of a terminal.
pub struct TerminalColors {
    pub text: &'static str,
    pub background: &'static str,
    pub named: [&'static str; 16],
}

/// Colors of a dark terminal.
pub const DARK: TerminalColors = TerminalColors {
    text: "#d0d4da",
    background: "#14171c",
    named: [
        "#14171c", "#d9534f", "#5fb760", "#e0b040", "#5a8dee", "#b678dd", "#45b5c4", "#c8ccd2", "#707a88", "#ff6b68",
        "#7fd780", "#ffd060", "#82aaff", "#d498f0", "#70d8e6", "#ffffff",
    ],
};

/// Colors of a light terminal.
pub const LIGHT: TerminalColors = TerminalColors {
    text: "#24292f",
    background: "#fbfbfa",
    named: [
        "#24292f", "#b3261e", "#1f7a33", "#8a6100", "#1f5fbf", "#8430a8", "#0b6e7d", "#6b7480", "#8a929c", "#d33a31",
        "#2c9a45", "#a87800", "#3a7be0", "#a24fc8", "#138a9c", "#ffffff",
    ],
};

impl TerminalColors {
    fn css_color(&self, color: vt100::Color, default: &str) -> String {
        match color {
            vt100::Color::Default => default.to_owned(),
            vt100::Color::Idx(index) => self.named[usize::from(index % 16)].to_owned(),
            vt100::Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

/// Returns the SVG picture of a screen; screen readers read `title`.
pub fn render_svg(screen: &vt100::Screen, title: &str, colors: &TerminalColors) -> String {
    let mut out = svg_head(screen.size().1.get(), screen.size().0.get(), title, colors);
    draw_screen(&mut out, screen, colors);
    out.push_str("</g>\n</svg>\n");
    out
}

/// Writes the start of a picture of `columns` and `rows`, up to the group of its text.
fn svg_head(columns: u16, rows: u16, title: &str, colors: &TerminalColors) -> String {
    let (width, height) = (f32::from(columns) * WIDTH + 2.0 * MARGIN, f32::from(rows) * HEIGHT + 2.0 * MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n",
        escape_xml(title),
        colors.background
    )
}

fn draw_screen(out: &mut String, screen: &vt100::Screen, colors: &TerminalColors) {
    let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
    for y in 0..rows {
        let mut x = 0;
        while x < columns {
            let run = run_length(screen, x, y, columns);
            draw_run(out, screen, colors, (x, y), run);
            x += run;
        }
    }
}

/// Seconds for which the animation shows a frame.
const FRAME_SECONDS: usize = 4;

/// An animated picture: screens in turn, each with a line of text below. Without animations, the first screen is shown.
pub struct Film {
    size: (u16, u16),
    title: String,
    colors: &'static TerminalColors,
    frames: Vec<String>,
}

impl Film {
    /// Creates a film for screens of `size` (columns, rows).
    pub fn new(size: (u16, u16), title: &str, colors: &'static TerminalColors) -> Self {
        Self { size, title: title.to_owned(), colors, frames: Vec::new() }
    }

    /// Adds a screen and the line below it.
    pub fn add_frame(&mut self, screen: &vt100::Screen, caption: &str) {
        let mut frame = String::new();
        draw_screen(&mut frame, screen, self.colors);
        let y = MARGIN + (f32::from(self.size.1) + 1.0) * HEIGHT + BASELINE;
        let (color, caption) = (self.colors.named[11], escape_xml(caption));
        let _ = writeln!(
            frame,
            "<text x=\"{MARGIN:.1}\" y=\"{y:.1}\" fill=\"{color}\" font-weight=\"bold\">{caption}</text>"
        );
        self.frames.push(frame);
    }

    /// Returns the picture.
    pub fn finish(self) -> String {
        let mut out = svg_head(self.size.0, self.size.1 + 2, &self.title, self.colors);
        let count = self.frames.len();
        let share = 100.0 / count as f32;
        let _ = writeln!(
            out,
            "<style>@keyframes turn {{ 0% {{ visibility: visible }} {share:.2}% {{ visibility: hidden }} }}\n\
             .frame {{ visibility: hidden; animation: turn {}s step-end infinite }}\n\
             @media (prefers-reduced-motion: reduce) {{ .frame {{ animation: none }} .first {{ visibility: visible }} \
             }}</style>",
            count * FRAME_SECONDS
        );
        for (index, frame) in self.frames.iter().enumerate() {
            let class = if index == 0 { "frame first" } else { "frame" };
            let _ = writeln!(out, "<g class=\"{class}\" style=\"animation-delay: {}s\">", index * FRAME_SECONDS);
            out.push_str(frame);
            out.push_str("</g>\n");
        }
        out.push_str("</g>\n</svg>\n");
        out
    }
}

/// Returns the number of cells from here that have the same style.
fn run_length(screen: &vt100::Screen, x: u16, y: u16, columns: u16) -> u16 {
    let style_at = |x: u16| {
        let cell = screen.cell(y, x).expect("the cell is on the screen");
        let modifiers = (cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse());
        (cell.fgcolor(), cell.bgcolor(), modifiers)
    };
    let first = style_at(x);
    (x..columns).take_while(|x| style_at(*x) == first).count() as u16
}

/// Draws a run of cells of the same style.
fn draw_run(out: &mut String, screen: &vt100::Screen, colors: &TerminalColors, (x, y): (u16, u16), run: u16) {
    let cell = screen.cell(y, x).expect("the cell is on the screen");
    let (mut text, mut background) =
        (colors.css_color(cell.fgcolor(), colors.text), colors.css_color(cell.bgcolor(), colors.background));
    if cell.inverse() {
        std::mem::swap(&mut text, &mut background);
    }
    let (left, top) = (MARGIN + f32::from(x) * WIDTH, MARGIN + f32::from(y) * HEIGHT);
    if background != colors.background {
        draw_rect(out, (left, top), (f32::from(run) * WIDTH, HEIGHT), &background);
    }
    let style = style_attributes(cell);
    let (mut word, mut start) = (String::new(), left);
    let mut write_word = |word: &mut String, start: f32| {
        let (line, length) = (top + BASELINE, word.chars().count() as f32 * WIDTH);
        if !word.is_empty() {
            let word = escape_xml(word);
            let position = format!("x=\"{start:.1}\" y=\"{line:.1}\" textLength=\"{length:.1}\"");
            let _ = writeln!(out, "<text {position} fill=\"{text}\"{style}>{word}</text>");
        }
        word.clear();
    };
    let mut shapes = Vec::new();
    for column in x..x + run {
        let Some(cell) = screen.cell(y, column) else { continue };
        let left = MARGIN + f32::from(column) * WIDTH;
        let symbol = cell.contents();
        if symbol.trim().is_empty() || is_shape(symbol) {
            write_word(&mut word, start);
            shapes.push((symbol, left));
            continue;
        }
        if word.is_empty() {
            start = left;
        }
        word.push_str(symbol);
    }
    write_word(&mut word, start);
    for (symbol, left) in shapes {
        draw_shape(out, symbol, (left, top), &text);
    }
}

fn style_attributes(cell: &vt100::Cell) -> String {
    let parts = [
        (cell.bold(), " font-weight=\"bold\""),
        (cell.italic(), " font-style=\"italic\""),
        (cell.underline(), " text-decoration=\"underline\""),
    ];
    parts.into_iter().filter(|(is_set, _)| *is_set).map(|(_, attribute)| attribute).collect()
}

/// Returns whether a character is drawn as a shape: a block or a line of a frame.
fn is_shape(symbol: &str) -> bool {
    symbol
        .chars()
        .next()
        .is_some_and(|ch| matches!(ch, '▁'..='▏' | '░'..='▓' | '⠀'..='⣿' | '─' | '│' | '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘'))
}

/// Draws a block or the lines of a frame.
fn draw_shape(out: &mut String, symbol: &str, (left, top): (f32, f32), color: &str) {
    let (middle, center) = (top + HEIGHT / 2.0, left + WIDTH / 2.0);
    let mut line = |from: (f32, f32), to: (f32, f32)| {
        let _ = writeln!(out, "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"{color}\"/>", from.0, from.1, to.0, to.1);
    };
    let (right, bottom) = (left + WIDTH, top + HEIGHT);
    let Some(ch) = symbol.chars().next() else { return };
    match ch {
        '▁'..='█' => {
            let height = (ch as u32 - '▁' as u32 + 1) as f32 / 8.0 * HEIGHT;
            draw_rect(out, (left, bottom - height), (WIDTH, height), color);
        }
        '▉'..='▏' => {
            let width = ('▏' as u32 - ch as u32 + 1) as f32 / 8.0 * WIDTH;
            draw_rect(out, (left, top), (width, HEIGHT), color);
        }
        '░'..='▓' => {
            let opacity = (ch as u32 - '░' as u32 + 1) as f32 / 4.0;
            draw_rect(out, (left, top), (WIDTH, HEIGHT), &format!("{color}\" fill-opacity=\"{opacity}"));
        }
        '⠀'..='⣿' => draw_braille(out, ch, (left, top), color),
        '─' => line((left, middle), (right, middle)),
        '│' => line((center, top), (center, bottom)),
        '╭' | '┌' => {
            line((center, bottom), (center, middle));
            line((center, middle), (right, middle));
        }
        '╮' | '┐' => {
            line((center, bottom), (center, middle));
            line((center, middle), (left, middle));
        }
        '╰' | '└' => {
            line((center, top), (center, middle));
            line((center, middle), (right, middle));
        }
        '╯' | '┘' => {
            line((center, top), (center, middle));
            line((center, middle), (left, middle));
        }
        _ => {}
    }
}

/// Column and row of the dots of a braille character, from the lowest bit of its code.
const BRAILLE_DOTS: [(u8, u8); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];

fn draw_braille(out: &mut String, symbol: char, (left, top): (f32, f32), color: &str) {
    let bits = symbol as u32 - '⠀' as u32;
    let mut path = String::new();
    for (column, row) in (0..).zip(&BRAILLE_DOTS).filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, dot)| dot) {
        let (x, y) = (left + f32::from(*column) * WIDTH / 2.0 + 1.1, top + f32::from(*row) * HEIGHT / 4.0 + 1.2);
        let _ = write!(path, "M{x:.1} {y:.1}h2v2h-2z");
    }
    if !path.is_empty() {
        let _ = writeln!(out, "<path d=\"{path}\" fill=\"{color}\"/>");
    }
}

fn draw_rect(out: &mut String, (left, top): (f32, f32), (width, height): (f32, f32), color: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"/>"
    );
}

fn escape_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
