//! Horizontal bars in eighths of a cell.

/// Glyphs of a cell that is filled from the left, by the number of eighths.
const EIGHTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Returns the filled part of a bar of `cells` cells. `share` is limited to 0 to 1 and rounded to an eighth of a cell; a
/// bar is empty only for 0 and full only for 1.
pub(crate) fn filled_part(share: f64, cells: usize) -> String {
    let most = cells * 8;
    let exact = share.clamp(0.0, 1.0) * most as f64;
    let eighths = match exact.round() as usize {
        0 if exact > 0.0 => 1,
        all if all >= most && share < 1.0 => most.saturating_sub(1),
        eighths => eighths,
    };
    let full = std::iter::repeat_n(EIGHTHS[8], eighths / 8);
    full.chain((eighths % 8 > 0).then(|| EIGHTHS[eighths % 8])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the length of a bar in cells.
    fn length(bar: &str) -> f64 {
        bar.chars().map(|ch| EIGHTHS.iter().position(|known| *known == ch).unwrap() as f64 / 8.0).sum()
    }

    #[test]
    fn filled_part_is_empty_only_at_zero_and_full_only_at_one() {
        let bars = [0.0, 0.0001, 0.02, 0.5, 0.9999, 1.0, 7.0].map(|share| filled_part(share, 4));
        assert_eq!(bars, ["", "▏", "▏", "██", "███▉", "████", "████"]);
        assert_eq!(filled_part(f64::NAN, 4), "", "an unknown share");
    }

    proptest! {
        #[test]
        fn filled_part_is_at_most_an_eighth_of_a_cell_wrong(share in 0.0..=1.0_f64, cells in 1_usize..60) {
            let bar = filled_part(share, cells);
            prop_assert!((length(&bar) - share * cells as f64).abs() <= 0.125, "{share} {bar}");
            prop_assert!(bar.chars().count() <= cells);
        }
    }
}
