//! Styles: colours and modifiers of a cell, and the shortest way from one style to the next.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// Modifiers, how each is set, and how it is taken back.
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

impl Pen {
    /// The terminal's own.
    pub const OWN: Self = Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

    /// How this cell looks.
    pub fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// The sequence that makes this style out of another.
    pub fn told_after(self, before: Self) -> String {
        let changed = self.after(before);
        // Back to nothing and on from there is often shorter.
        let anew = if self == Self::OWN { String::new() } else { format!(";{}", self.after(Self::OWN)) };
        format!("\x1b[{}m", if anew.len() < changed.len() { anew } else { changed })
    }

    /// The numbers that do.
    fn after(self, before: Self) -> String {
        let mut codes: Vec<String> = Vec::new();
        let mut kept = before.modifier;
        for (modifier, _, off) in MODIFIERS {
            if kept.contains(modifier) && !self.modifier.contains(modifier) {
                // Some numbers take back two.
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
            codes.push(colour(self.fg, 30));
        }
        if self.bg != before.bg {
            codes.push(colour(self.bg, 40));
        }
        codes.join(";")
    }
}

/// The number of a colour; `base` is 30 for the text, 40 for what is behind it.
fn colour(colour: Color, base: u8) -> String {
    let named = |place: u8| (base + place).to_string();
    let bright = |place: u8| (base + 60 + place).to_string();
    match colour {
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
