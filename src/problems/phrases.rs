//! Numbers and spans as a sentence carries them: `840 ms`, `2.4%`, `12 s`.

use std::time::Duration;

/// Milliseconds: `840 ms`, `1.20 s`, `45 s`.
pub fn millis(value: f64) -> String {
    match value {
        value if value < 999.5 => format!("{value:.0} ms"),
        value if value < 9_995.0 => format!("{:.2} s", value / 1000.0),
        value => format!("{:.0} s", value / 1000.0),
    }
}

/// A share between 0 and 1 in percent: `0.3%`, `12%`. What is not nothing is never shown as `0%`.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        value if value <= 0.0 => "0%".to_owned(),
        value if value < 0.1 => "<0.1%".to_owned(),
        value if value < 9.95 => format!("{value:.1}%"),
        value => format!("{value:.0}%"),
    }
}

/// How many times: `2.5`, `4`, `37`.
pub fn times(value: f64) -> String {
    let value = value.clamp(0.0, 999.0);
    let is_whole = (value - value.round()).abs() < 0.05;
    if value < 9.95 && !is_whole { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// Something a second: `0.4`, `12`.
pub fn rate(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// A span in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`.
pub fn span(value: Duration) -> String {
    match value.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A number of things with their name: `1 server`, `3 servers`.
pub fn count(value: f64, one: &str, many: &str) -> String {
    format!("{value:.0} {}", if (0.5..1.5).contains(&value) { one } else { many })
}

/// Others' words, cut where a sentence has no place for more.
pub fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_a_sentence() {
        assert_eq!([millis(840.0), millis(1200.0), millis(45_000.0)], ["840 ms", "1.20 s", "45 s"]);
        assert_eq!([percent(0.0), percent(0.0002), percent(0.024), percent(0.5)], ["0%", "<0.1%", "2.4%", "50%"]);
        assert_eq!([times(4.04), times(2.5), times(37.2), times(f64::INFINITY)], ["4", "2.5", "37", "999"]);
        assert_eq!(
            [12, 180, 7300, 200_000].map(|seconds| span(Duration::from_secs(seconds))),
            ["12 s", "3 min", "2 h", "2 d"]
        );
        assert_eq!([count(1.0, "server", "servers"), count(3.0, "server", "servers")], ["1 server", "3 servers"]);
        assert_eq!(
            [cut("grün", 3), cut("grün", 4), rate(0.4), rate(12.3)],
            ["grü…", "grün", "0.4", "12"].map(String::from)
        );
    }
}
