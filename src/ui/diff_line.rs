//! The line above the comparison before and after: the clock times of the two windows, a summary, and the spans that can
//! be chosen.

use std::time::Duration;

use crate::app::layout::Area;
use crate::app::ui_commands::UiCommand;
use crate::instance::compared_windows::ComparedWindows;
use crate::instance::comparison::{ComparedCounts, Comparison};
use crate::instance::time_spans::ComparedSpan;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;
use crate::units;

/// Length of a window from which its times are shown without seconds.
const WITHOUT_SECONDS: Duration = Duration::from_mins(2);

/// Draws the line.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    if area.is_empty() || context.sample().is_none() {
        return;
    }
    let data = &context.instance.data;
    let column = match data.comparison().zip(data.compared_counts()) {
        Some((comparison, counts)) => {
            let windows = &comparison.windows;
            let mut column = canvas.draw_text(area, 1, 0, &window_text(context, windows), Role::Title) + 2;
            for (message, role) in summary_texts(comparison, counts) {
                // The first text that does not fit is omitted, together with all texts after it.
                if usize::from(column) + text_width::width(&message) + 1 > usize::from(area.width) {
                    break;
                }
                column = canvas.draw_text(area, column, 0, &message, role) + 2;
            }
            column
        }
        None => canvas.draw_text(area, 1, 0, &missing_text(context), Role::Warn) + 2,
    };
    let column = column.min(area.width);
    let width = |texts: &[StyledText<'_>]| texts.iter().map(|(text, _)| text_width::width(text)).sum::<usize>();
    // On a narrow screen, only the current span is shown.
    let room = usize::from(area.width - column);
    let texts = [false, true].map(|is_short| span_texts(context, is_short));
    if let Some(texts) = texts.iter().find(|texts| width(texts) <= room) {
        canvas.draw_right_aligned(area, column, 0, texts);
    }
}

/// Returns the clock times of both windows: `07:02–07:07 → 07:07–now`.
fn window_text(context: &DrawContext<'_>, windows: &ComparedWindows) -> String {
    let is_short = windows.before.length().max(windows.after.length()) < WITHOUT_SECONDS;
    let [start, border, end] = windows.walls.map(|wall| {
        let text = (context.format_time)(wall);
        // `07:02:41`
        let is_clock = text.is_ascii() && text.len() == 8 && text.bytes().filter(|byte| *byte == b':').count() == 2;
        if is_short || !is_clock { text } else { text[..5].to_owned() }
    });
    let end = if context.instance.data.compares_with_now(windows) { "now".to_owned() } else { end };
    if windows.before.length().is_zero() {
        return format!("{border} → {end}");
    }
    format!("{start}–{border} → {border}–{end}")
}

fn summary_texts(comparison: &Comparison, counts: ComparedCounts) -> Vec<StyledText<'static>> {
    let ComparedCounts { changed, still_wrong, unchanged } = counts;
    let mut texts = vec![styled_text(format!("{changed} changed"), if changed > 0 { Role::Normal } else { Role::Dim })];
    if still_wrong > 0 {
        texts.push(styled_text(format!("{still_wrong} still wrong"), Role::Warn));
    }
    texts.push(styled_text(format!("{unchanged} unchanged"), Role::Dim));
    match comparison.windows.new_processes {
        0 => {}
        1 => texts.push(styled_text("1 reload", Role::Warn)),
        count => texts.push(styled_text(format!("{count} reloads"), Role::Warn)),
    }
    if comparison.gone.count > 0 {
        texts.push(styled_text(format!("gone: {}", comparison.gone), Role::Warn));
    }
    if !comparison.left_out.is_empty() {
        let names = comparison.left_out.iter().map(|name| &**name).collect::<Vec<&str>>().join(", ");
        texts.push(styled_text(format!("without {}, not sampled in both", text_width::middle(&names, 40)), Role::Warn));
    }
    let windows = &comparison.windows;
    if windows.before.length() + Duration::from_secs(30) < windows.after.length() {
        let known = units::duration_words(windows.before.length());
        let text = if windows.before.length().is_zero() {
            "the history has nothing before".to_owned()
        } else {
            format!("the history has only {known} before")
        };
        texts.push(styled_text(text, Role::Dim));
    }
    texts
}

/// Returns the spans that can be chosen, or only the current one, with the keys that change it.
fn span_texts(context: &DrawContext<'_>, is_short: bool) -> Vec<StyledText<'static>> {
    let model = context.model;
    let current = model.compared_span();
    let has_mark = context.instance.data.marked_moment().is_some();
    let keys = [UiCommand::ChangeChartSpan(-1), UiCommand::ChangeChartSpan(1)];
    let [shorter, longer] = keys.map(|command| model.keymap.key_or_command(command));
    let mut texts = vec![styled_text(format!(" {shorter}{longer} "), Role::Key)];
    let is_shown = |span: &ComparedSpan| *span == current || !is_short && (has_mark || *span != ComparedSpan::Mark);
    for span in ComparedSpan::ALL.into_iter().filter(is_shown) {
        let role = if span == current { Role::Title } else { Role::Dim };
        let text = if span == current { format!("[{}]", span.label()) } else { format!(" {} ", span.label()) };
        texts.push(styled_text(text, role));
    }
    texts
}

/// Returns the reason why nothing is compared.
fn missing_text(context: &DrawContext<'_>) -> String {
    let data = &context.instance.data;
    if data.is_comparing() {
        return "reading the history …".to_owned();
    }
    if context.model.compared_span() == ComparedSpan::Mark {
        return "this is the marked moment: nothing to compare yet".to_owned();
    }
    let counts = context.model.shown_instances().into_iter().map(|one| one.history().sample_count());
    let count = counts.max().unwrap_or_default() as i64;
    format!("the history has {}: a comparison needs three", units::pluralize(count, "sample"))
}

/// Returns the text in place of the rows if no row is shown.
pub(crate) fn empty_text(context: &DrawContext<'_>) -> String {
    let is_known = context.instance.data.comparison().is_some();
    if is_known { "nothing unusual changed".to_owned() } else { String::new() }
}
