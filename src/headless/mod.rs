//! Floor 5: what hapulse does without a screen: it prints, and ends.

pub mod audit;
pub mod output;
