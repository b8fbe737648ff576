//! Colours as a terminal can show them: each is brought down to what there is by [`within`].

use ratatui::style::Color;

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// The sixteen named ones.
    #[default]
    Sixteen,
    /// The sixteen, a cube of 216 and 24 greys.
    Indexed,
    /// Any.
    True,
}

/// The sixteen as xterm has them by itself, in the order of their numbers.
pub const SIXTEEN: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// The steps of the cube.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest colour that the terminal has.
pub fn within(colour: Color, depth: Depth) -> Color {
    match (colour, depth) {
        (Color::Rgb(..), Depth::True) | (Color::Indexed(_), Depth::True | Depth::Indexed) => colour,
        (Color::Rgb(red, green, blue), Depth::Indexed) => Color::Indexed(nearest_index([red, green, blue])),
        (Color::Rgb(red, green, blue), Depth::Sixteen) => nearest_named([red, green, blue]),
        (Color::Indexed(index), Depth::Sixteen) => nearest_named(of_index(index)),
        (named, _) => named,
    }
}

/// The colour behind a number.
fn of_index(index: u8) -> [u8; 3] {
    match index {
        0..=15 => SIXTEEN[usize::from(index)].1,
        16..=231 => {
            let cube = usize::from(index - 16);
            [STEPS[cube / 36], STEPS[cube / 6 % 6], STEPS[cube % 6]]
        }
        232.. => [8 + 10 * (index - 232); 3],
    }
}

/// How far apart two colours are, as the eye weighs red, green and blue.
fn distance(one: [u8; 3], other: [u8; 3]) -> u32 {
    let part = |place: usize, weight: u32| weight * u32::from(one[place].abs_diff(other[place])).pow(2);
    part(0, 3) + part(1, 6) + part(2, 1)
}

/// Of the cube and the greys: the first sixteen look different on every terminal.
fn nearest_index(colour: [u8; 3]) -> u8 {
    (16..=255).min_by_key(|index| distance(of_index(*index), colour)).unwrap_or(16)
}

fn nearest_named(colour: [u8; 3]) -> Color {
    let nearest = SIXTEEN.iter().min_by_key(|(_, known)| distance(*known, colour));
    nearest.map_or(Color::Reset, |(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_has_stays() {
        for (named, _) in SIXTEEN {
            assert_eq!(within(named, Depth::Sixteen), named);
        }
        assert_eq!(within(Color::Reset, Depth::Sixteen), Color::Reset);
        assert_eq!(within(Color::Indexed(200), Depth::Indexed), Color::Indexed(200));
        assert_eq!(within(Color::Rgb(1, 2, 3), Depth::True), Color::Rgb(1, 2, 3));
    }

    #[test]
    fn each_colour_comes_down_to_the_nearest() {
        assert_eq!(within(Color::Rgb(255, 95, 0), Depth::Indexed), Color::Indexed(202));
        assert_eq!(within(Color::Rgb(120, 120, 120), Depth::Indexed), Color::Indexed(243));
        assert_eq!(within(Color::Rgb(250, 10, 10), Depth::Sixteen), Color::LightRed);
        assert_eq!(within(Color::Indexed(232), Depth::Sixteen), Color::Black);
        assert_eq!(within(Color::Indexed(46), Depth::Sixteen), Color::LightGreen);
        for index in 0..=255 {
            let named = within(Color::Indexed(index), Depth::Sixteen);
            assert!(SIXTEEN.iter().any(|(known, _)| *known == named), "{index}");
        }
    }

    #[test]
    fn the_cube_and_the_greys_are_where_they_are_everywhere() {
        for index in 16..=255 {
            let [red, green, blue] = of_index(index);
            let Color::Indexed(found) = within(Color::Rgb(red, green, blue), Depth::Indexed) else { panic!("{index}") };
            assert_eq!(of_index(found), [red, green, blue]);
        }
    }
}
