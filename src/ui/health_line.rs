//! The third line of the header: server counts or a suggestion, draining servers, what is full next, and problems. While
//! the link is lost, the line shows the reason instead.

use crate::app::instance_view::InstanceView;
use crate::app::layout::Area;
use crate::app::suggested_actions;
use crate::instance::process_summary::ProcessSummary;
use crate::instance::verdict::Verdict;
use crate::observe::link::Link;
use crate::problems::cause::cause_order;
use crate::table::cell::{Role, severity_role};
use crate::table::columns::outlook;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;
use crate::units;

/// Width of a name and the time at which it is full, in screen cells.
const NEXT_FULL_WIDTH: usize = 22;

/// Draws the health line.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, overview: &ProcessSummary) {
    let DrawContext { instance, now, .. } = *context;
    let is_past = instance.data.past_moment().is_some();
    // While an earlier sample is shown, a badge in the first line reports the lost link instead.
    if let (Link::Lost { failure, .. }, false) = (instance.data.link(), is_past) {
        let next = match instance.data.link().next_attempt(now) {
            Some(at) => format!("next try at {}", (context.format_time)(at)),
            None => "trying again".to_owned(),
        };
        let text = format!("{}; {next}", failure.reason);
        let end = canvas.draw_texts(
            area,
            1,
            0,
            [styled_text(canvas.theme.choose_glyph("▲ ", "! "), Role::Bad), styled_text(text, Role::Bad)],
        );
        if let Some(hint) = failure.hint.as_ref().filter(|_| instance.data.latest().is_some()) {
            let available = usize::from(area.width.saturating_sub(end + 3));
            canvas.draw_text(area, end + 2, 0, &text_width::end(hint, available), Role::Dim);
        }
        return;
    }
    if instance.data.shown().is_none() {
        return;
    }
    let mut column = match suggested_actions::current_suggestion(instance) {
        // A suggestion replaces the counts; the problems stay visible.
        Some(suggestion) => {
            let available = usize::from(area.width).saturating_sub(32);
            let message = text_width::end(&suggestion.question, available);
            let texts = [styled_text("c ", Role::Key), styled_text(message, Role::Focus)];
            let end = canvas.draw_texts(area, 1, 0, texts) + 2;
            canvas.draw_texts(area, end, 0, [styled_text("C", Role::Key), styled_text(" dismiss", Role::Dim)]) + 2
        }
        None => draw_server_counts(canvas, area, overview),
    };
    if let Some(message) = suggested_actions::drain_status(instance) {
        let available = usize::from(area.width.saturating_sub(column + 1)) / 2;
        let sign = canvas.theme.choose_glyph("◐ ", "d ");
        column = canvas.draw_texts(
            area,
            column,
            0,
            [
                styled_text(sign, Role::OutOfService),
                styled_text(text_width::end(&message, available), Role::OutOfService),
            ],
        ) + 2;
    }
    column = draw_next_full(context, canvas, area, column);
    draw_problems(context, canvas, area, column);
}

/// Draws what is full next and when, with a shortened name if it would need more than half of the line. Returns the
/// column after it.
fn draw_next_full(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, column: u16) -> u16 {
    let Some((name, time)) = outlook::next_full(&context.instance.data) else { return column };
    let available = usize::from(area.width.saturating_sub(column + 1));
    let name_width = (available / 2).max(NEXT_FULL_WIDTH).saturating_sub(time.text.len() + 1);
    if available < NEXT_FULL_WIDTH {
        return column;
    }
    let text = format!("{} {}", text_width::middle(&name, name_width), time.text);
    canvas.draw_text(area, column, 0, &text, time.role) + 2
}

/// Draws the numbers of servers that are up, down, in maintenance or drain, and, if there are any, in other states.
fn draw_server_counts(canvas: &mut Canvas<'_>, area: Area, overview: &ProcessSummary) -> u16 {
    let plain = |count: usize, word: &str, role| {
        styled_text(format!("{} {word}  ", units::count(count as i64)), if count == 0 { Role::Dim } else { role })
    };
    let mut texts = vec![
        styled_text("servers ", Role::Dim),
        plain(overview.servers_up, "up", Role::Good),
        plain(overview.servers_down, "down", Role::Bad),
        plain(overview.out_of_service, "maint/drain", Role::OutOfService),
    ];
    let rare = [(overview.unresolved, "not resolved (DNS)"), (overview.unknown, "in an unknown state")];
    texts.extend(rare.iter().filter(|(count, _)| *count > 0).map(|(count, word)| plain(*count, word, Role::Warn)));
    canvas.draw_texts(area, 1, 0, texts)
}

/// Draws another HAProxy that does not answer, or else the worst cause of the others if it comes before the first cause of
/// the one shown. Returns the column after it.
fn draw_worse_instance(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, column: u16) -> u16 {
    let own = context.instance.data.problems().open_causes().next();
    let is_other = |instance: &&InstanceView| instance.id() != context.instance.id() && !context.model.is_merged();
    let others = context.model.instances.iter().filter(is_other);
    let available = usize::from(area.width.saturating_sub(column + 1));
    let available = if own.is_some() { available / 2 } else { available };
    let name = |instance: &InstanceView| text_width::middle(context.display_name(instance), 20);
    // Without an answer, everything else is unknown.
    let is_shown = |instance: &&InstanceView| instance.data.past_moment().is_none();
    let lost = others.clone().filter(is_shown).find_map(|instance| match instance.data.link() {
        Link::Lost { failure, .. } => Some(format!("{}: no answer: {}", name(instance), failure.reason)),
        Link::Connecting | Link::Up => None,
    });
    if let Some(text) = lost {
        return canvas.draw_text(area, column, 0, &text_width::end(&text, available), Role::Bad) + 2;
    }
    let causes = others.filter_map(|instance| Some((instance, instance.data.problems().open_causes().next()?)));
    let worst = causes.min_by(|(_, one), (_, other)| cause_order(one, other));
    let Some((instance, cause)) = worst.filter(|(_, cause)| own.is_none_or(|own| cause.severity > own.severity)) else {
        return column;
    };
    let text = format!("{}: {}", name(instance), cause.line());
    let role = severity_role(cause.severity);
    canvas.draw_text(area, column, 0, &text_width::end(&text, available), role) + 2
}

/// Draws the number of open causes, and as many of them as fit, but at least the first.
fn draw_problems(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, column: u16) {
    let data = &context.instance.data;
    let (problems, now) = (data.problems(), data.shown_time(context.now));
    let start = column;
    let column = draw_worse_instance(context, canvas, area, column);
    let count = problems.open_causes().count();
    if count == 0 && problems.untracked_count() == 0 {
        let (text, role) = match data.verdict() {
            Verdict::Reading => ("checking", Role::Dim),
            Verdict::Unknown => ("problems unknown: the recording is damaged", Role::Warn),
            Verdict::SomeMissing => ("no problems on the others", Role::Warn),
            _ if column > start => ("no problems here", Role::Dim),
            _ => ("no problems", Role::Dim),
        };
        canvas.draw_text(area, column, 0, text, role);
        return;
    }
    let sign = canvas.theme.choose_glyph("▲", "!");
    let more = match problems.untracked_count() {
        0 => String::new(),
        count => format!(" and {} not tracked", units::count(count as i64)),
    };
    let counted = format!("{sign} {}{more}  ", units::pluralize(count as i64, "cause"));
    let worst = problems.open_causes().next().map_or(Role::Warn, |cause| severity_role(cause.severity));
    let mut column = canvas.draw_text(area, column, 0, &counted, worst);
    for (index, cause) in problems.open_causes().enumerate() {
        let (name, age) = (cause.name(), cause.age_cells(now));
        let text = format!("{} {}: {} {age}  ", cause.severity.label(), text_width::middle(&name, 24), cause.sentence);
        let available = usize::from(area.width.saturating_sub(column + 1));
        if index > 0 && available < 24 {
            break;
        }
        column = canvas.draw_text(area, column, 0, &text_width::end(&text, available), severity_role(cause.severity));
    }
}
