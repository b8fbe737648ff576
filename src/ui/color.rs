//! Colors and the color depth of terminals. [`nearest_supported`] replaces colors that a terminal lacks.

use ratatui::style::Color;

/// The set of colors that a terminal supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ColorDepth {
    /// The 16 named colors.
    #[default]
    Sixteen,
    /// 256 colors: the 16 named ones, a cube of 216 colors, and 24 grays.
    Indexed,
    /// Any RGB color.
    TrueColor,
}

/// The 16 named colors in the order of their numbers, with xterm's default RGB values.
pub(crate) const NAMED_COLORS: [(Color, [u8; 3]); 16] = [
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

/// The intensities that each component can have in the color cube.
const CUBE_STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Returns the supported color that is nearest to `color`.
pub(crate) fn nearest_supported(color: Color, depth: ColorDepth) -> Color {
    match (color, depth) {
        (Color::Rgb(..), ColorDepth::TrueColor) | (Color::Indexed(_), ColorDepth::TrueColor | ColorDepth::Indexed) => {
            color
        }
        (Color::Rgb(red, green, blue), ColorDepth::Indexed) => Color::Indexed(nearest_index([red, green, blue])),
        (Color::Rgb(red, green, blue), ColorDepth::Sixteen) => nearest_named([red, green, blue]),
        (Color::Indexed(index), ColorDepth::Sixteen) => nearest_named(index_to_rgb(index)),
        (named, _) => named,
    }
}

/// Returns the RGB values of an indexed color.
fn index_to_rgb(index: u8) -> [u8; 3] {
    match index {
        0..=15 => NAMED_COLORS[usize::from(index)].1,
        16..=231 => {
            let cube = usize::from(index - 16);
            [CUBE_STEPS[cube / 36], CUBE_STEPS[cube / 6 % 6], CUBE_STEPS[cube % 6]]
        }
        232.. => [8 + 10 * (index - 232); 3],
    }
}

/// Returns the squared distance between two colors, weighted by the eye's sensitivity to red, green and blue.
fn distance(left: [u8; 3], right: [u8; 3]) -> u32 {
    let part = |component: usize, weight: u32| weight * u32::from(left[component].abs_diff(right[component])).pow(2);
    part(0, 3) + part(1, 6) + part(2, 1)
}

/// Returns the nearest color of the cube and the grays. The first 16 colors are not used, because they differ between
/// terminals.
fn nearest_index(color: [u8; 3]) -> u8 {
    (16..=255).min_by_key(|index| distance(index_to_rgb(*index), color)).unwrap_or(16)
}

fn nearest_named(color: [u8; 3]) -> Color {
    let nearest = NAMED_COLORS.iter().min_by_key(|(_, known)| distance(*known, color));
    nearest.map_or(Color::Reset, |(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_supported_keeps_supported_colors() {
        for (named, _) in NAMED_COLORS {
            assert_eq!(nearest_supported(named, ColorDepth::Sixteen), named);
        }
        assert_eq!(nearest_supported(Color::Reset, ColorDepth::Sixteen), Color::Reset);
        assert_eq!(nearest_supported(Color::Indexed(200), ColorDepth::Indexed), Color::Indexed(200));
        assert_eq!(nearest_supported(Color::Rgb(1, 2, 3), ColorDepth::TrueColor), Color::Rgb(1, 2, 3));
    }

    #[test]
    fn nearest_supported_returns_the_nearest_color() {
        assert_eq!(nearest_supported(Color::Rgb(255, 95, 0), ColorDepth::Indexed), Color::Indexed(202));
        assert_eq!(nearest_supported(Color::Rgb(120, 120, 120), ColorDepth::Indexed), Color::Indexed(243));
        assert_eq!(nearest_supported(Color::Rgb(250, 10, 10), ColorDepth::Sixteen), Color::LightRed);
        assert_eq!(nearest_supported(Color::Indexed(232), ColorDepth::Sixteen), Color::Black);
        assert_eq!(nearest_supported(Color::Indexed(46), ColorDepth::Sixteen), Color::LightGreen);
        for index in 0..=255 {
            let named = nearest_supported(Color::Indexed(index), ColorDepth::Sixteen);
            assert!(NAMED_COLORS.iter().any(|(known, _)| *known == named), "{index}");
        }
    }

    #[test]
    fn index_to_rgb_matches_the_cube_and_the_grays() {
        for index in 16..=255 {
            let [red, green, blue] = index_to_rgb(index);
            let Color::Indexed(found) = nearest_supported(Color::Rgb(red, green, blue), ColorDepth::Indexed) else {
                panic!("{index}")
            };
            assert_eq!(index_to_rgb(found), [red, green, blue]);
        }
    }
}
