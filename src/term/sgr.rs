//! Cell styles, and the shortest SGR escape sequence from one style to another.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// The colors and modifiers of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellStyle {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// Modifiers, each with the SGR codes that set and reset it.
const MODIFIERS: [(Modifier, &str, &str); 8] = [
    (Modifier::BOLD, "1", "22"),
    (Modifier::DIM, "2", "22"),
    (Modifier::ITALIC, "3", "23"),
    (Modifier::UNDERLINED, "4", "24"),
    (Modifier::SLOW_BLINK, "5", "25"),
    (Modifier::REVERSED, "7", "27"),
    (Modifier::HIDDEN, "8", "28"),
    (Modifier::CROSSED_OUT, "9", "29"),
];

impl CellStyle {
    /// Default style of the terminal.
    pub(crate) const DEFAULT: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    /// Returns the style of a cell.
    pub(crate) fn from_cell(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Returns the SGR sequence that changes the style `before` into this one.
    pub(crate) fn sgr_after(self, before: Self) -> String {
        let changed = self.sgr_codes(before);
        // A reset followed by all codes of the style is often shorter than the difference.
        let from_default =
            if self == Self::DEFAULT { String::new() } else { format!(";{}", self.sgr_codes(Self::DEFAULT)) };
        format!("\x1b[{}m", if from_default.len() < changed.len() { from_default } else { changed })
    }

    /// Returns the SGR codes that change the style `before` into this one.
    fn sgr_codes(self, before: Self) -> String {
        let mut codes: Vec<String> = Vec::new();
        let mut kept = before.modifier;
        for (modifier, _, off) in MODIFIERS {
            if kept.contains(modifier) && !self.modifier.contains(modifier) {
                // Some codes reset two modifiers.
                for (other, _, same) in MODIFIERS {
                    kept.set(other, kept.contains(other) && same != off);
                }
                codes.push(off.to_owned());
            }
        }
        let set =
            MODIFIERS.iter().filter(|(modifier, ..)| self.modifier.contains(*modifier) && !kept.contains(*modifier));
        codes.extend(set.map(|(_, on, _)| (*on).to_owned()));
        if self.fg != before.fg {
            codes.push(color_code(self.fg, 30));
        }
        if self.bg != before.bg {
            codes.push(color_code(self.bg, 40));
        }
        codes.join(";")
    }
}

/// Returns the SGR code for a color; `base` is 30 for the foreground, 40 for the background.
fn color_code(color: Color, base: u8) -> String {
    let named = |place: u8| (base + place).to_string();
    let bright = |place: u8| (base + 60 + place).to_string();
    match color {
        Color::Reset => named(9),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}
