//! The third line of the header, in words: what is up and what is not, what drains, what is wrong, and what is
//! offered. When the link is lost, why.

use std::time::Duration;

use crate::app::layout::Area;
use crate::app::model::InstanceView;
use crate::app::process_summary::Overview;
use crate::app::suggestions;
use crate::observe::link::Link;
use crate::table::cell::{Role, severity_role};
use crate::table::number_format;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::truncate;

/// Draws the line. The instance comes with its place in the list.
pub fn draw(
    canvas: &mut Canvas<'_>,
    (instance, place): (&InstanceView, usize),
    overview: &Overview,
    area: Area,
    now: Duration,
) {
    let is_past = instance.watch.past().is_some();
    // What is shown of the past is none the worse for a lost link; the first line tells of it.
    if let (Link::Lost { failure, .. }, false) = (instance.watch.link(), is_past) {
        let next = match failure.retry_at.saturating_sub(now).as_secs() {
            0 => "next try in under 1 s".to_owned(),
            seconds => format!("next try in {seconds} s"),
        };
        let text = format!("{}; {next}", failure.why);
        let end = canvas.pieces(area, 1, 0, [piece(canvas.theme.pick("▲ ", "! "), Role::Bad), piece(text, Role::Bad)]);
        if let Some(hint) = failure.hint.as_ref().filter(|_| instance.watch.newest().is_some()) {
            let room = usize::from(area.width.saturating_sub(end + 3));
            canvas.text(area, end + 2, 0, &truncate::end(hint, room), Role::Dim);
        }
        return;
    }
    if instance.watch.newest().is_none() {
        return;
    }
    let mut column = match suggestions::current(instance, place) {
        // What waits for an answer comes before the numbers; what is wrong stays in sight.
        Some(offer) => {
            let room = usize::from(area.width).saturating_sub(32);
            let words = truncate::end(&offer.words, room);
            let pieces = [piece("c ", Role::Key), piece(words, Role::Focus)];
            let end = canvas.pieces(area, 1, 0, pieces) + 2;
            canvas.pieces(area, end, 0, [piece("C", Role::Key), piece(" not now", Role::Dim)]) + 2
        }
        None => counts(canvas, overview, area),
    };
    if let Some(words) = suggestions::drains(instance) {
        let room = usize::from(area.width.saturating_sub(column + 1)) / 2;
        let sign = canvas.theme.pick("◐ ", "d ");
        column =
            canvas.pieces(area, column, 0, [piece(sign, Role::Away), piece(truncate::end(&words, room), Role::Away)])
                + 2;
    }
    problems(canvas, instance, area, column, instance.watch.time(now));
}

/// How many servers are up, down and away.
fn counts(canvas: &mut Canvas<'_>, overview: &Overview, area: Area) -> u16 {
    let plain = |count: usize, word: &str, role| {
        piece(format!("{} {word}  ", number_format::count(count as i64)), if count == 0 { Role::Dim } else { role })
    };
    let pieces = [
        piece("servers ", Role::Dim),
        plain(overview.up, "up", Role::Good),
        plain(overview.down, "down", Role::Bad),
        plain(overview.away, "away", Role::Away),
    ];
    canvas.pieces(area, 1, 0, pieces)
}

/// How many problems there are, and as many verdicts as there is room for, the first one in any case.
fn problems(canvas: &mut Canvas<'_>, instance: &InstanceView, area: Area, column: u16, now: Duration) {
    let problems = instance.watch.problems();
    let count = problems.count();
    if count == 0 {
        canvas.text(area, column, 0, "no problems", Role::Dim);
        return;
    }
    let sign = canvas.theme.pick("▲", "!");
    let counted = format!("{sign} {count} problem{}  ", if count == 1 { "" } else { "s" });
    let worst = problems.list().next().map_or(Role::Warn, |problem| severity_role(problem.severity));
    let mut column = canvas.text(area, column, 0, &counted, worst);
    for (place, verdict) in problems.verdicts().iter().enumerate() {
        let name = if verdict.name.is_empty() { "process" } else { verdict.name.as_str() };
        let since = number_format::duration(now.saturating_sub(verdict.since.mono));
        let text = format!("{} {}: {} {since}  ", verdict.severity.word(), truncate::middle(name, 24), verdict.text);
        let room = usize::from(area.width.saturating_sub(column + 1));
        if place > 0 && room < 24 {
            break;
        }
        column = canvas.text(area, column, 0, &truncate::end(&text, room), severity_role(verdict.severity));
    }
}
