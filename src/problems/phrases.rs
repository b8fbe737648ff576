//! Numbers and durations in the sentences of problems and verdicts: `840 ms`, `2.4%`, `12 s`.

use std::time::Duration;

/// Formats milliseconds: `840 ms`, `1.20 s`, `45 s`.
pub fn millis(value: f64) -> String {
    match value {
        value if value < 999.5 => format!("{value:.0} ms"),
        value if value < 9_995.0 => format!("{:.2} s", value / 1000.0),
        value => format!("{:.0} s", value / 1000.0),
    }
}

/// Formats a share between 0 and 1 as a percentage: `0.3%`, `12%`. Only 0 becomes `0%`; less than 0.1 % is `<0.1%`.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        value if value <= 0.0 => "0%".to_owned(),
        value if value < 0.1 => "<0.1%".to_owned(),
        value if value < 9.95 => format!("{value:.1}%"),
        value => format!("{value:.0}%"),
    }
}

/// Formats a ratio: `2.5`, `4`, `37`.
pub fn ratio(value: f64) -> String {
    let value = value.clamp(0.0, 999.0);
    let is_whole = (value - value.round()).abs() < 0.05;
    if value < 9.95 && !is_whole { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// Formats seconds: `0.5 s`, `5 s`.
pub fn seconds(value: f64) -> String {
    format!("{} s", ratio(value))
}

/// Formats a number of events per second: `0.4`, `12`.
pub fn rate(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// Formats a duration in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`.
pub fn duration(value: Duration) -> String {
    match value.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Formats a number with its noun in singular or plural: `1 server`, `3 servers`.
pub fn count(value: f64, singular: &str, plural: &str) -> String {
    format!("{value:.0} {}", if (0.5..1.5).contains(&value) { singular } else { plural })
}

/// Shortens a text to `longest` characters, and marks the cut with an ellipsis.
pub fn truncate(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_format_numbers() {
        assert_eq!([millis(840.0), millis(1200.0), millis(45_000.0)], ["840 ms", "1.20 s", "45 s"]);
        assert_eq!([percent(0.0), percent(0.0002), percent(0.024), percent(0.5)], ["0%", "<0.1%", "2.4%", "50%"]);
        assert_eq!([seconds(0.5), seconds(5.02)], ["0.5 s", "5 s"]);
        assert_eq!([ratio(4.04), ratio(2.5), ratio(37.2), ratio(f64::INFINITY)], ["4", "2.5", "37", "999"]);
        assert_eq!(
            [12, 180, 7300, 200_000].map(|seconds| duration(Duration::from_secs(seconds))),
            ["12 s", "3 min", "2 h", "2 d"]
        );
        assert_eq!([count(1.0, "server", "servers"), count(3.0, "server", "servers")], ["1 server", "3 servers"]);
        assert_eq!(
            [truncate("grün", 3), truncate("grün", 4), rate(0.4), rate(12.3)],
            ["grü…", "grün", "0.4", "12"].map(String::from)
        );
    }
}
