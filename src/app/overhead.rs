//! What watching costs, as a page of text: each HAProxy's share, and this program's own memory.
//!
//! It is made anew for every frame, so it moves while one looks at it.

use std::time::Duration;

use crate::app::layers::Layer;
use crate::app::model::{InstanceView, Model};
use crate::app::msg::Effect;
use crate::haproxy::reply_lines::Lines;
use crate::observe::poll_schedule::POLITENESS;
use crate::observe::sample::Cost;
use crate::table::number_format::{self, UNKNOWN};

/// Its title.
pub const TITLE: &str = "what watching costs";

/// Opens it.
pub fn open(model: &mut Model) -> Vec<Effect> {
    model.layers.push(Layer::Cost(0));
    vec![Effect::MeasureMemory]
}

/// What is to be measured again with a sample: our own memory, while the page is open.
pub fn with_sample(model: &Model) -> Option<Effect> {
    model.layers.iter().any(|layer| matches!(layer, Layer::Cost(_))).then_some(Effect::MeasureMemory)
}

/// Its lines.
pub fn lines(model: &Model) -> Lines {
    let mut lines = Vec::new();
    for instance in &model.instances {
        let address = if instance.name == instance.address { "" } else { instance.address.as_str() };
        lines.push(format!("{}  {address}", instance.name).trim_end().to_owned());
        lines.extend(polls(instance, model.asked_interval).into_iter().map(|(what, text)| told(what, &text)));
        lines.push(told("history", &history(instance)));
        lines.push(String::new());
    }
    lines.push("this program".to_owned());
    let memory = model.memory.map_or(UNKNOWN.to_owned(), |memory| {
        format!("{} now, {} at the most so far", number_format::memory(memory.now), number_format::memory(memory.most))
    });
    lines.push(told("memory", &memory));
    Lines::of(lines.iter().map(String::as_bytes))
}

fn told(what: &str, text: &str) -> String {
    format!("  {what:<10} {text}")
}

fn polls(instance: &InstanceView, asked: Option<Duration>) -> Vec<(&'static str, String)> {
    let polls = instance.watch.polls();
    let mut lines = vec![(
        "polls",
        format!("{} answered, {} failed; {} samples missed", polls.answered(), polls.failed(), polls.missed()),
    )];
    let (Some(median), Some(last), Some(sample)) = (polls.median(), polls.last(), instance.watch.live()) else {
        return lines;
    };
    let cost =
        |cost: Cost| format!("{} in {}", number_format::bytes(cost.bytes as f64), number_format::short(cost.answer));
    let over = polls.recent();
    lines.push(("a poll", format!("{}, median of the last {over}; the last one {}", cost(median), cost(last))));
    let asked = asked.map_or(UNKNOWN.to_owned(), number_format::interval);
    let measured = polls.spacing().map_or(UNKNOWN.to_owned(), number_format::interval);
    let kept = number_format::interval(sample.interval);
    lines.push(("interval", format!("{asked} asked, {kept} kept; measured {measured}, median of the last {over}")));
    let share = polls.share().map_or(UNKNOWN.to_owned(), number_format::percent);
    lines.push(("share", format!("{share} of one HAProxy thread at the most: answers over time, the last {over}")));
    let limit = 100 / POLITENESS;
    lines.push((
        "",
        format!("kept under {limit}%: {POLITENESS} times what the quicker of two answers took, from poll to poll"),
    ));
    lines
}

fn history(instance: &InstanceView) -> String {
    let history = instance.watch.history();
    let (used, budget) = (number_format::memory(history.memory()), number_format::memory(history.budget()));
    format!("{used} of {budget}, holds {}", number_format::duration(history.span()))
}
