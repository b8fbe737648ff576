//! Past samples of one HAProxy instance, compressed in memory.
//!
//! This module owns the storage of samples within a memory budget, the restoration of past samples, counter rates and
//! the series that charts draw. It does not own polling ([`crate::observe`]), the rules that use rates
//! ([`crate::problems`]) or playback ([`crate::instance`]). Nothing is written to disk. Samples before those in memory may be in
//! [`older_blocks`], such as those of a recording; [`reading`] reads both as one sequence.
//!
//! Data flow: [`store`] appends each sample to the newest [`block`] and drops the oldest block when the budget is
//! exceeded; [`memory_plan`] lowers the budget while the live samples are large. The open block ([`open_rows`]) appends each row's changes to a [`row_log`], with ages encoded by
//! [`age_encoding`]; [`info_log`], [`text_log`] and [`sample_context`] store the rest of the sample. A full block is
//! sealed ([`sealed_rows`]), and its rows are packed column by column ([`packed_row`], [`column_codes`],
//! [`rice_codes`], [`byte_segments`]), a few with each new sample. Single series and whole samples ([`restored_rows`]) can be
//! read from both open and sealed blocks; [`column_reader`] unpacks columns. [`trend`], [`time_trend`] and [`state_trend`] turn series into points of charts and heat
//! maps, [`rate_history`] computes past rates, [`row_sums`] sums over
//! rows, [`slope`] computes how fast a series grows,
//! [`rates`] keeps the last few samples in full to compute rates, and [`interval_times`] computes the times of the last
//! seconds from HAProxy's means ([`moving_mean`], [`interval_search`]). [`quiet_search`] finds the rows with too few requests
//! for a rate, and reads earlier counters of them ([`quiet_rows`]). [`window_figures`] computes the figures of a row in longer
//! spans of time.

pub(crate) mod age_encoding;
pub mod block;
pub(crate) mod byte_segments;
pub(crate) mod column_codes;
#[cfg(test)]
pub(crate) mod column_codes_tests;
pub(crate) mod column_reader;
pub(crate) mod info_log;
pub(crate) mod interval_search;
pub(crate) mod interval_times;
#[cfg(test)]
pub(crate) mod interval_times_tests;
pub(crate) mod memory_plan;
pub(crate) mod merged_rates;
pub(crate) mod moving_mean;
pub mod older_blocks;
pub(crate) mod open_rows;
pub(crate) mod packed_row;
#[cfg(test)]
pub(crate) mod proptests;
pub(crate) mod quiet_rows;
pub(crate) mod quiet_search;
pub(crate) mod rate_history;
pub mod rates;
pub(crate) mod reading;
pub(crate) mod restored_rows;
pub(crate) mod rice_codes;
pub(crate) mod row_log;
pub(crate) mod row_means;
pub(crate) mod row_sums;
pub(crate) mod sample_context;
pub(crate) mod sealed_rows;
pub(crate) mod slope;
pub(crate) mod state_trend;
pub mod store;
#[cfg(test)]
pub(crate) mod test_means;
pub(crate) mod text_log;
pub(crate) mod time_trend;
pub mod trend;
pub(crate) mod unanswered;
pub(crate) mod window_figures;
#[cfg(test)]
pub(crate) mod window_figures_tests;
