//! The polling overhead page: the load that polling puts on each HAProxy, and this program's memory use.
//!
//! The text is rebuilt for every frame, so the numbers stay current.

use std::time::Duration;

use crate::app::instance_view::InstanceView;
use crate::app::layers::Layer;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::haproxy::reply_lines::ReplyLines;
use crate::observe::poll_schedule::REPLY_TIME_FACTOR;
use crate::observe::sample::ReplyCost;
use crate::units::{self, UNKNOWN};

/// Title of the page.
pub(crate) const TITLE: &str = "polling overhead";

/// Opens the page and requests a memory measurement.
pub(crate) fn open_page(model: &mut Model) -> Vec<Effect> {
    model.layers.push(Layer::Overhead(0));
    vec![Effect::MeasureMemory]
}

/// Returns the effect that measures the memory use again, or `None` if the page is closed.
pub(crate) fn measure_if_open(model: &Model) -> Option<Effect> {
    model.layers.iter().any(|layer| matches!(layer, Layer::Overhead(_))).then_some(Effect::MeasureMemory)
}

/// Returns the lines of the page.
pub(crate) fn lines(model: &Model) -> ReplyLines {
    let mut lines = Vec::new();
    for instance in &model.instances {
        let address = if instance.name == instance.address { "" } else { instance.address.as_str() };
        lines.push(format!("{}  {address}", instance.name).trim_end().to_owned());
        lines.extend(
            poll_lines(instance, model.requested_interval).into_iter().map(|(label, text)| labeled_line(label, &text)),
        );
        lines.push(labeled_line("history", &history_text(instance)));
        lines.push(String::new());
    }
    lines.push("this program".to_owned());
    let memory = model.memory.map_or(UNKNOWN.to_owned(), |memory| {
        format!("{} now, {} peak", units::memory(memory.current), units::memory(memory.peak))
    });
    lines.push(labeled_line("memory", &memory));
    ReplyLines::from_lines(lines.iter().map(String::as_bytes))
}

fn labeled_line(label: &str, text: &str) -> String {
    format!("  {label:<10} {text}")
}

fn poll_lines(instance: &InstanceView, requested: Option<Duration>) -> Vec<(&'static str, String)> {
    let polls = instance.data.poll_stats();
    let mut lines = vec![(
        "polls",
        format!("{} succeeded, {} failed; {} samples missed", polls.succeeded(), polls.failed(), polls.dropped()),
    )];
    let (Some(median), Some(last), Some(sample)) = (polls.median_cost(), polls.last_cost(), instance.data.latest())
    else {
        return lines;
    };
    let cost =
        |cost: ReplyCost| format!("{} in {}", units::bytes(cost.bytes as f64), units::reply_time(cost.reply_time));
    let poll_count = polls.recent_count();
    lines.push(("per poll", format!("{}, median of the last {poll_count}; last poll {}", cost(median), cost(last))));
    let requested = requested.map_or(UNKNOWN.to_owned(), units::interval);
    let measured = polls.median_interval().map_or(UNKNOWN.to_owned(), units::interval);
    let used_interval = units::interval(sample.interval);
    lines.push((
        "interval",
        format!("{requested} requested, {used_interval} used; {measured} measured, median of the last {poll_count}"),
    ));
    let share = polls.busy_share().map_or(UNKNOWN.to_owned(), units::percent);
    lines.push((
        "share",
        format!("at most {share} of one HAProxy thread: reply time / elapsed time, last {poll_count} polls"),
    ));
    let limit = 100 / REPLY_TIME_FACTOR;
    lines.push((
        "",
        format!(
            "limited to {limit}%: interval at least {REPLY_TIME_FACTOR} times the shorter of the last two reply times"
        ),
    ));
    if let Some(facts) = &sample.details.slow_facts {
        let last = ReplyCost { bytes: facts.bytes, reply_time: facts.reply_time };
        let (requests, age) = (facts.requests, units::duration(sample.at.elapsed_since(facts.at)));
        lines.push((
            "slow round",
            format!(
                "{requests} requests about certificates and name servers in {}, {age} before; once a minute",
                cost(last)
            ),
        ));
    }
    if let (requests @ 1.., last) = polls.old_process_searches() {
        lines.push(("old", format!("{requests} requests to the master socket about old workers; last {}", cost(last))));
    }
    lines
}

fn history_text(instance: &InstanceView) -> String {
    let history = instance.data.history();
    let (used, budget) = (units::memory(history.memory()), units::memory(history.budget()));
    let skipped = match history.skipped_samples() {
        0 => String::new(),
        count => format!("; not stored: {count} samples, too large or with too many new rows"),
    };
    let recorded = match history.older_memory() {
        0 => String::new(),
        bytes => format!("; {} of the recording are decoded", units::memory(bytes)),
    };
    format!("{used} of {budget}, covers {}{skipped}{recorded}", units::duration(history.span()))
}
