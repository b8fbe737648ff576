//! Values as people write them after a flag.

use std::time::Duration;

use crate::monitor::pace::SHORTEST;

/// Reads `2`, `0.5`.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let shortest = SHORTEST.as_secs_f64();
    match text.parse::<f64>() {
        Ok(value) if value >= shortest && value <= 86_400.0 => Ok(Duration::from_secs_f64(value)),
        Ok(_) => Err(format!("must be {shortest} to 86400 seconds")),
        Err(_) => Err("must be a number of seconds, such as 2 or 0.5".to_owned()),
    }
}
