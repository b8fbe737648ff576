//! A terminal's screen as an SVG picture: every cell in its place, whatever font shows it.
//!
//! Text is placed word by word, and what stands for shares of a cell (blocks, lines of frames) is drawn, so neither a
//! font nor its widths matter much.

use std::fmt::Write as _;

/// The size of a cell, and where in it a line of text stands.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const BASE: f32 = 13.5;
const MARGIN: f32 = 12.0;

/// What the terminal's own colours are.
pub struct TerminalColors {
    pub text: &'static str,
    pub ground: &'static str,
    pub sixteen: [&'static str; 16],
}

/// A dark terminal.
pub const DARK: TerminalColors = TerminalColors {
    text: "#d0d4da",
    ground: "#14171c",
    sixteen: [
        "#14171c", "#d9534f", "#5fb760", "#e0b040", "#5a8dee", "#b678dd", "#45b5c4", "#c8ccd2", "#707a88", "#ff6b68",
        "#7fd780", "#ffd060", "#82aaff", "#d498f0", "#70d8e6", "#ffffff",
    ],
};

impl TerminalColors {
    fn of(&self, colour: vt100::Color, own: &str) -> String {
        match colour {
            vt100::Color::Default => own.to_owned(),
            vt100::Color::Idx(index) => self.sixteen[usize::from(index % 16)].to_owned(),
            vt100::Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

/// The picture of a screen; `title` is for those who cannot see it.
pub fn render_svg(screen: &vt100::Screen, title: &str, colours: &TerminalColors) -> String {
    let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
    let (width, height) = (f32::from(columns) * WIDTH + 2.0 * MARGIN, f32::from(rows) * HEIGHT + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n",
        escaped(title),
        colours.ground
    );
    for y in 0..rows {
        let mut x = 0;
        while x < columns {
            let run = run(screen, x, y, columns);
            draw(&mut out, screen, colours, (x, y), run);
            x += run;
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// How many cells from here on look alike.
fn run(screen: &vt100::Screen, x: u16, y: u16, columns: u16) -> u16 {
    let looks = |x: u16| {
        let cell = screen.cell(y, x).expect("it is on the screen");
        let modifiers = (cell.bold(), cell.dim(), cell.italic(), cell.underline(), cell.inverse());
        (cell.fgcolor(), cell.bgcolor(), modifiers)
    };
    let first = looks(x);
    (x..columns).take_while(|x| looks(*x) == first).count() as u16
}

fn draw(out: &mut String, screen: &vt100::Screen, colours: &TerminalColors, (x, y): (u16, u16), run: u16) {
    let cell = screen.cell(y, x).expect("it is on the screen");
    let (mut text, mut ground) = (colours.of(cell.fgcolor(), colours.text), colours.of(cell.bgcolor(), colours.ground));
    if cell.inverse() {
        std::mem::swap(&mut text, &mut ground);
    }
    let (left, top) = (MARGIN + f32::from(x) * WIDTH, MARGIN + f32::from(y) * HEIGHT);
    if ground != colours.ground {
        rect(out, (left, top), (f32::from(run) * WIDTH, HEIGHT), &ground);
    }
    let style = style(cell);
    let (mut word, mut start) = (String::new(), left);
    let mut tell = |word: &mut String, start: f32| {
        let (line, length) = (top + BASE, word.chars().count() as f32 * WIDTH);
        if !word.is_empty() {
            let word = escaped(word);
            let place = format!("x=\"{start:.1}\" y=\"{line:.1}\" textLength=\"{length:.1}\"");
            let _ = writeln!(out, "<text {place} fill=\"{text}\"{style}>{word}</text>");
        }
        word.clear();
    };
    let mut shares = Vec::new();
    for column in x..x + run {
        let Some(cell) = screen.cell(y, column) else { continue };
        let left = MARGIN + f32::from(column) * WIDTH;
        let symbol = cell.contents();
        if symbol.trim().is_empty() || is_share(symbol) {
            tell(&mut word, start);
            shares.push((symbol, left));
            continue;
        }
        if word.is_empty() {
            start = left;
        }
        word.push_str(symbol);
    }
    tell(&mut word, start);
    for (symbol, left) in shares {
        share(out, symbol, (left, top), &text);
    }
}

fn style(cell: &vt100::Cell) -> String {
    let parts = [
        (cell.bold(), " font-weight=\"bold\""),
        (cell.italic(), " font-style=\"italic\""),
        (cell.underline(), " text-decoration=\"underline\""),
    ];
    parts.into_iter().filter(|(is_so, _)| *is_so).map(|(_, attribute)| attribute).collect()
}

/// Whether a character stands for a share of its cell.
fn is_share(symbol: &str) -> bool {
    symbol
        .chars()
        .next()
        .is_some_and(|ch| matches!(ch, '▁'..='█' | '─' | '│' | '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘'))
}

/// Draws what is a share of a cell.
fn share(out: &mut String, symbol: &str, (left, top): (f32, f32), colour: &str) {
    let (middle, centre) = (top + HEIGHT / 2.0, left + WIDTH / 2.0);
    let mut line = |from: (f32, f32), to: (f32, f32)| {
        let _ = writeln!(out, "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"{colour}\"/>", from.0, from.1, to.0, to.1);
    };
    let (right, bottom) = (left + WIDTH, top + HEIGHT);
    let Some(ch) = symbol.chars().next() else { return };
    match ch {
        '▁'..='█' => {
            let part = (ch as u32 - '▁' as u32 + 1) as f32 / 8.0 * HEIGHT;
            rect(out, (left, bottom - part), (WIDTH, part), colour);
        }
        '─' => line((left, middle), (right, middle)),
        '│' => line((centre, top), (centre, bottom)),
        '╭' | '┌' => {
            line((centre, bottom), (centre, middle));
            line((centre, middle), (right, middle));
        }
        '╮' | '┐' => {
            line((centre, bottom), (centre, middle));
            line((centre, middle), (left, middle));
        }
        '╰' | '└' => {
            line((centre, top), (centre, middle));
            line((centre, middle), (right, middle));
        }
        '╯' | '┘' => {
            line((centre, top), (centre, middle));
            line((centre, middle), (left, middle));
        }
        _ => {}
    }
}

fn rect(out: &mut String, (left, top): (f32, f32), (width, height): (f32, f32), colour: &str) {
    let _ = writeln!(
        out,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
