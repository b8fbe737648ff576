//! The causes on top of the dashboard: one line each, worst first, with name, sentence, trend, impact, age and what helps,
//! which has a row of its own on large terminals.

use crate::actions::action_table::Action;
use crate::app::action_targets;
use crate::app::layout::{Area, Pane};
use crate::app::pane_focus;
use crate::app::ui_commands::UiCommand;
use crate::haproxy::level::Level;
use crate::haproxy::stat_table::RowKind;
use crate::instance::verdict::Verdict;
use crate::observe::severity::Severity;
use crate::problems::cause::{Cause, CauseTrend};
use crate::table::cell::{Role, severity_role};
use crate::table::view_table::ViewId;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::text_width;
use crate::units;

/// Column of the cursor, right before the severity.
const CURSOR_COLUMN: u16 = 1;
/// Age below which a cause is marked as new, in seconds.
const NEW_SECONDS: u64 = 30;
/// Widths of the columns on the right, in screen cells.
const SINCE_WIDTH: u16 = 8;
const IMPACT_WIDTH: u16 = 7;
const TREND_WIDTH: u16 = 2;
/// Width of the title of an action, with its key or the name of a server.
const ACTION_WIDTH: u16 = 20;
/// Width that the advice gets at least, and at most.
const ADVICE_WIDTHS: (u16, u16) = (40, 110);
/// Screen width from which the advice is shown.
const ADVICE_MIN_WIDTH: u16 = 150;

/// Columns of the pane, as ranges of screen cells; an empty range is not drawn.
struct CauseColumns {
    /// True if the severity is a word, and not a sign.
    has_label: bool,
    /// True if the action is followed by advice in words.
    has_advice: bool,
    name: std::ops::Range<u16>,
    sentence: std::ops::Range<u16>,
    trend: std::ops::Range<u16>,
    impact: std::ops::Range<u16>,
    since: std::ops::Range<u16>,
    remedy: std::ops::Range<u16>,
}

impl CauseColumns {
    /// Divides `width` cells. Columns without a value in `causes` are omitted, and so are the less important ones on a
    /// narrow screen. `level` is the level of the socket. With two rows per cause, what helps has no column.
    fn new(width: u16, causes: &[&Cause], level: Option<Level>, rows_per_cause: u16) -> Self {
        let has_label = width >= 60;
        let name_start = if has_label { 7 } else { 4 };
        let longest = causes.iter().map(|cause| text_width::width(&cause.name())).max().unwrap_or(0) as u16;
        let name = name_start..name_start + longest.min(width / 4).max(4);
        let is_wide = width >= 110;
        let has_impact = width >= 60 && causes.iter().any(|cause| cause.impact.is_some_and(|impact| impact > 0.0));
        let has_trend = width >= 60 && causes.iter().any(|cause| cause.trend != CauseTrend::Steady);
        // Times far from their sentences are hard to read, so part of a wide screen stays empty.
        let sentences = causes.iter().map(|cause| text_width::width(&cause.sentence)).max().unwrap_or(0) as u16;
        let beside_sentence = name.end + SINCE_WIDTH + IMPACT_WIDTH + TREND_WIDTH + 8;
        let without_remedy = beside_sentence.saturating_add(sentences);
        // In little space, only the action is named, so that the sentence is shown whole.
        let has_advice = width >= ADVICE_MIN_WIDTH && rows_per_cause == 1;
        let has_action = || causes.iter().any(|cause| cause.is_open() && cause.advice(level).action.is_some());
        let has_remedy = has_advice || is_wide && rows_per_cause == 1 && has_action();
        let remedies = match (has_remedy, has_advice) {
            (false, _) => 0,
            (true, false) => ACTION_WIDTH,
            (true, true) => {
                let (least, most) = ADVICE_WIDTHS;
                let wanted = causes.iter().map(|cause| advice_width(cause, level)).max().unwrap_or(0);
                // The sentence of the worst cause comes before the advice.
                let worst = causes.first().map_or(0, |cause| text_width::width(&cause.sentence)) as u16;
                let left_by_worst = width.saturating_sub(beside_sentence.saturating_add(worst)).max(ACTION_WIDTH);
                width.saturating_sub(without_remedy).clamp(least, most).min(wanted).min(left_by_worst)
            }
        };
        let needed = without_remedy + remedies;
        let mut end = width.saturating_sub(1).min(needed);
        let mut split = |is_shown: bool, cells: u16| {
            let from = if is_shown { end.saturating_sub(cells) } else { end };
            let columns = from..end;
            end = if is_shown { from.saturating_sub(1) } else { end };
            columns
        };
        let remedy = split(has_remedy, remedies.saturating_sub(1));
        // On a narrow screen, the sentences need the room.
        let since = split(true, if is_wide { SINCE_WIDTH } else { 5 });
        let impact = split(has_impact, if is_wide { IMPACT_WIDTH } else { IMPACT_WIDTH - 1 });
        let trend = split(has_trend, TREND_WIDTH);
        let sentence = (name.end + 2).min(end)..end;
        Self { has_label, has_advice, name, sentence, trend, impact, since, remedy }
    }
}

/// Returns the width that the column of what helps needs for a cause.
fn advice_width(cause: &Cause, level: Option<Level>) -> u16 {
    if !cause.is_open() {
        return 0;
    }
    let advice = cause.advice(level);
    // The key or the name of a server comes before or after the title of the action.
    let action =
        advice.action.map_or(0, |_| advice.action_title().map_or(0, text_width::width) + usize::from(ACTION_WIDTH));
    (action + text_width::width(&advice.text) + 2) as u16
}

/// The verdict if some balancers do not answer.
const FINE_ELSEWHERE: &str = "nothing wrong on the balancers that answer";

/// Draws the pane.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let DrawContext { model, instance, .. } = *context;
    let Some(list) = instance.lists.cursor(Pane::Causes) else { return };
    let count = instance.lists.rows(Pane::Causes).len();
    if count == 0 {
        let (text, role) = match instance.data.verdict() {
            Verdict::Reading => ("checking the first samples", Role::Dim),
            Verdict::Unknown => ("unknown: the recording is damaged", Role::Warn),
            Verdict::SomeMissing => (FINE_ELSEWHERE, Role::Warn),
            _ => ("nothing wrong", Role::Good),
        };
        let end = canvas.draw_text(area, 1, 0, text, role);
        let silenced = instance.data.problems().silenced().count();
        if silenced > 0 {
            let key = model.keymap.key_or_command(UiCommand::ShowView(ViewId::Problems));
            let text = format!("{} silenced: ", units::count(silenced as i64));
            canvas.draw_texts(area, end + 2, 0, [styled_text(text, Role::Dim), styled_text(key, Role::Key)]);
        }
        return;
    }
    let has_focus = pane_focus::has_focus(model, Pane::Causes);
    let lines = area.rows(1, area.height);
    let per_cause = context.layout.rows_per_cause;
    let causes: Vec<&Cause> =
        instance.data.problems().causes().skip(list.top()).take(usize::from(lines.height / per_cause)).collect();
    let columns = CauseColumns::new(area.width, &causes, instance.data.level(), per_cause);
    draw_heading(context, canvas, area, &columns, &causes);
    let related = related_cause(context, &causes).filter(|_| !has_focus);
    for (index, (cause, row)) in causes.iter().zip(0_u16..).enumerate() {
        let line = lines.rows(row * per_cause, per_cause);
        let theme = canvas.theme;
        if has_focus && list.top() + index == list.index() {
            canvas.theme = theme.in_selected_row();
            for row in 0..per_cause {
                canvas.color_row(line, row, Role::Selected);
            }
            canvas.draw_text(line, CURSOR_COLUMN, 0, theme.choose_glyph("▶", ">"), Role::Focus);
        } else if related == Some(index) {
            canvas.draw_text(line, CURSOR_COLUMN, 0, theme.choose_glyph("▷", "."), Role::Normal);
        }
        draw_cause(context, canvas, line, &columns, cause);
        canvas.theme = theme;
    }
}

/// Returns the index of the cause of the row under the cursor of the focused list: its own, or that of its backend.
fn related_cause(context: &DrawContext<'_>, causes: &[&Cause]) -> Option<usize> {
    let row = context.model.focused_row()?;
    let is_own = |cause: &&Cause| [cause.subject.id, cause.target].contains(&row);
    let backend = context.instance.cursor_row(Pane::Backends).filter(|_| context.model.focus == Pane::Servers);
    let is_of_backend = |cause: &&Cause| backend.is_some_and(|backend| cause.proxy_row == backend);
    causes.iter().position(is_own).or_else(|| causes.iter().position(is_of_backend))
}

/// Draws the headings, with the number of open causes and of those that are not among the causes `shown`.
fn draw_heading(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    columns: &CauseColumns,
    shown: &[&Cause],
) {
    let DrawContext { model, instance, .. } = *context;
    let count = instance.data.problems().open_causes().count();
    let hidden = count - shown.iter().filter(|cause| cause.is_open()).count();
    let role = if pane_focus::has_focus(model, Pane::Causes) { Role::Focus } else { Role::Title };
    let title = match count {
        0 if instance.data.verdict() == Verdict::SomeMissing => styled_text(FINE_ELSEWHERE, Role::Warn),
        0 => styled_text("nothing wrong any more", Role::Good),
        count => styled_text(units::pluralize(count as i64, "cause"), role),
    };
    let mut texts = vec![title];
    if hidden > 0 {
        let key = model.keymap.key_or_command(UiCommand::ShowView(ViewId::Problems));
        texts.push(styled_text(format!("  {} more: ", units::count(hidden as i64)), Role::Normal));
        texts.push(styled_text(key, Role::Key));
    }
    canvas.draw_texts(area, CURSOR_COLUMN, 0, texts);
    canvas.draw_number(area, columns.impact.clone(), 0, "IMPACT", Role::Dim);
    canvas.draw_number(area, columns.since.clone(), 0, "SINCE", Role::Dim);
    if !columns.remedy.is_empty() {
        canvas.draw_text(area, columns.remedy.start + 1, 0, "WHAT HELPS", Role::Dim);
    }
}

fn draw_cause(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, line: Area, columns: &CauseColumns, cause: &Cause) {
    let now = context.instance.data.shown_time(context.now);
    let is_resolved = !cause.is_open();
    let role = if is_resolved { Role::Good } else { severity_role(cause.severity) };
    let (sign, ascii) = if cause.severity == Severity::Crit { ("✖", "x") } else { ("▲", "!") };
    let label = match (is_resolved, columns.has_label) {
        (true, true) => "over",
        (true, false) => canvas.theme.choose_glyph("✓", "v"),
        (false, true) => cause.severity.label(),
        (false, false) => canvas.theme.choose_glyph(sign, ascii),
    };
    canvas.draw_text(line, 2, 0, label, role);
    let name = text_width::middle(&cause.name(), columns.name.len());
    canvas.draw_text(line, columns.name.start, 0, &name, Role::Title);
    let sentence = text_width::sentence(&cause.sentence, columns.sentence.len());
    canvas.draw_text(line, columns.sentence.start, 0, &sentence, role);
    let trend = match cause.trend {
        CauseTrend::Growing => canvas.theme.choose_glyph("↗", "^"),
        CauseTrend::Steady => "",
        CauseTrend::Falling => canvas.theme.choose_glyph("↘", "v"),
    };
    canvas.draw_number(line, columns.trend.clone(), 0, trend, role);
    let impact = cause.impact.filter(|impact| *impact > 0.0 && !is_resolved).map(units::percent);
    canvas.draw_number(line, columns.impact.clone(), 0, &impact.unwrap_or_default(), role);
    let age = cause.age(now);
    let is_new = age.as_secs() < NEW_SECONDS && !is_resolved && !cause.may_be_older && columns.since.len() > 5;
    let since = if is_new { format!("{} new", units::duration(age)) } else { cause.age_cells(now) };
    canvas.draw_number(line, columns.since.clone(), 0, &since, Role::Normal);
    match line.height {
        _ if is_resolved => {}
        2.. => {
            let arrow = canvas.theme.choose_glyph("→", ">");
            let start = canvas.draw_text(line, columns.sentence.start, 1, arrow, Role::Dim);
            draw_remedy(context, canvas, line.rows(1, 1), (start..line.width.saturating_sub(1), true), cause);
        }
        _ if columns.remedy.is_empty() => {}
        _ => draw_remedy(context, canvas, line, (columns.remedy.clone(), columns.has_advice), cause),
    }
}

/// Draws what helps in a range of screen columns: the action and, if `has_advice` is set, advice in words.
fn draw_remedy(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    line: Area,
    (columns, has_advice): (std::ops::Range<u16>, bool),
    cause: &Cause,
) {
    let mut start = columns.start + 1;
    let advice = cause.advice(context.instance.data.level());
    if let Some(action) = advice.action {
        let title = if has_advice { advice.action_title() } else { Some(action.title) };
        let (key, title) = action_hint(context, (columns.len(), has_advice), cause, action, title);
        let end = if has_advice && !title.is_empty() { "; " } else { "" };
        let room = columns.len().saturating_sub(1 + text_width::width(&key));
        let title = text_width::end(&(title + end), room);
        start = canvas.draw_texts(line, start, 0, [styled_text(key, Role::Key), styled_text(title, Role::Normal)]);
    }
    if !has_advice {
        return;
    }
    let remedy = text_width::sentence(&advice.text, usize::from(columns.end.saturating_sub(start)));
    canvas.draw_text(line, start, 0, &remedy, Role::Dim);
}

/// Returns the key of an action against a cause, and its title. The key is named only while it would apply to the row of
/// the cause; otherwise, the title is followed by the name of that row.
fn action_hint(
    context: &DrawContext<'_>,
    (width, has_advice): (usize, bool),
    cause: &Cause,
    action: &'static Action,
    title: Option<&str>,
) -> (String, String) {
    if !action_targets::applies_to(context.model, action, cause.target) {
        let row = context.sample().and_then(|sample| sample.row(cause.target));
        let server = row.filter(|row| row.kind == RowKind::Server).map(|row| row.name.as_str());
        let words = match (title, server) {
            (Some(title), Some(server)) => {
                let room = width.saturating_sub(text_width::width(title) + 2);
                format!("{title} {}", text_width::middle(server, room))
            }
            (title, _) => title.unwrap_or_default().to_owned(),
        };
        return (String::new(), words);
    }
    let keymap = &context.model.keymap;
    let mut key = keymap.key_or_command(UiCommand::StartAction(action));
    if key.starts_with(':') && !has_advice {
        // The name of a command is too long for the column.
        key = keymap.key_or_command(UiCommand::OpenActionMenu);
    }
    (key, format!(" {}", title.unwrap_or_default()))
}
