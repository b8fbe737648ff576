//! The confirmation dialog before an action: the commands, the current state, and the impact.

use crate::actions::action_table::Danger;
use crate::app::confirmation::Confirmation;
use crate::app::confirmation_texts;
use crate::app::instance_view::InstanceView;
use crate::app::layers::TypedCommandConfirmation;
use crate::app::layout::Area;
use crate::ask::known_crashes::CrashPolicy;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;

/// Draws the dialog.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, screen: Area, confirmation: &Confirmation) {
    let DrawContext { instance, now, .. } = *context;
    let available = usize::from(screen.width.min(100).saturating_sub(4));
    let details = detail_lines(context, canvas, confirmation, available);
    let commands: Vec<DialogLine> = confirmation
        .intent
        .commands()
        .iter()
        // The exact command, wrapped if it is long.
        .flat_map(|command| text_width::wrap_anywhere(command, available))
        .map(|part| vec![styled_text(part, Role::Title)])
        .collect();
    // If the commands do not all fit, they can be scrolled.
    let frame = 2;
    let free = usize::from(screen.height).saturating_sub(details.len() + frame).max(1);
    let visible = if commands.len() <= free { commands.len() } else { free.saturating_sub(1).max(1) };
    let top = confirmation.first_command.min(commands.len().saturating_sub(visible));
    let hidden = commands.len() - visible;
    let mut lines: Vec<DialogLine> = commands.into_iter().skip(top).take(visible).collect();
    if hidden > 0 {
        let position = format!("{}-{} of {}; ↑ ↓ scroll", top + 1, top + visible, visible + hidden);
        lines.push(vec![styled_text(position, Role::Dim)]);
    }
    lines.extend(details);
    if lines.len() + frame > usize::from(screen.height) {
        lines.retain(|line| !line.is_empty());
    }
    let title = dialog_title(instance, confirmation);
    let widest = lines.iter().map(|line| line_width(line)).max().unwrap_or(0);
    let inner_width = widest.max(text_width::width(&title) + 10).max(46);
    let width = screen.width.min(inner_width as u16 + 4);
    let height = screen.height.min((lines.len() + frame) as u16);
    let role = if confirmation.danger == Danger::Highest { Role::Bad } else { Role::Focus };
    let left = confirmation.expires_at().saturating_sub(now).as_secs();
    let title = text_width::end(&title, usize::from(width.saturating_sub(14)));
    let inner = draw_box(canvas, dialog_area(screen, width, height), &title, &format!(" {left} s "), role);
    // On a screen that is too low, the first line (the command) and the last lines (the keys) are kept.
    let surplus = lines.len().saturating_sub(usize::from(inner.height));
    if surplus > 0 {
        lines.drain(1..=surplus.min(lines.len() - 1));
    }
    for (row, line) in lines.into_iter().enumerate() {
        canvas.draw_texts(inner, 1, row as u16, line);
    }
}

/// Returns the area of a dialog, in the middle of the screen and slightly above the center.
fn dialog_area(screen: Area, width: u16, height: u16) -> Area {
    screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 3, height)
}

/// Draws an empty box with a frame. Returns the area inside.
fn draw_box(canvas: &mut Canvas<'_>, area: Area, title: &str, remark: &str, role: Role) -> Area {
    canvas.clear(area);
    canvas.draw_frame(
        area,
        &[styled_text(format!(" {title} "), role)],
        &[styled_text(remark.to_owned(), Role::Dim)],
        role,
    )
}

/// Draws the confirmation dialog for a typed command.
pub(crate) fn draw_send_confirmation(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    screen: Area,
    confirmation: &TypedCommandConfirmation,
) {
    let width = screen.width.min(84);
    let available = usize::from(width.saturating_sub(4));
    let version = context.instance.data.latest().and_then(|sample| sample.info.version());
    let crash = confirmation
        .line
        .known_crashes(version)
        .filter(|crash| crash.policy == CrashPolicy::Warned)
        .map(|crash| crash.description);
    let warnings = crash.chain(["this command may change HAProxy, and its effect is not verified"]);
    let mut lines: Vec<DialogLine> = text_width::wrap_anywhere(confirmation.line.as_str(), available)
        .into_iter()
        .map(|part| vec![styled_text(part, Role::Title)])
        .collect();
    for warning in warnings {
        lines.extend(
            text_width::wrap_at_blanks(warning, available).into_iter().map(|part| vec![styled_text(part, Role::Warn)]),
        );
    }
    lines.extend([Vec::new(), yes_no_line("send", &[])]);
    let height = screen.height.min(lines.len() as u16 + 2);
    let title = format!("Send to {}", text_width::middle(&context.instance.name, 30));
    let inner = draw_box(canvas, dialog_area(screen, width, height), &title, "", Role::Focus);
    for (row, line) in lines.into_iter().enumerate() {
        canvas.draw_texts(inner, 1, row as u16, line);
    }
}

fn yes_no_line(yes: &'static str, others: &[(&'static str, &'static str)]) -> DialogLine {
    let mut line = Vec::new();
    for (key, what) in [("y", yes)].iter().chain(others) {
        line.extend([styled_text(*key, Role::Key), styled_text(format!(" {what}    "), Role::Normal)]);
    }
    line.extend([
        styled_text("n", Role::Key),
        styled_text("/", Role::Normal),
        styled_text("Esc", Role::Key),
        styled_text(" cancel", Role::Normal),
    ]);
    line
}

fn dialog_title(instance: &InstanceView, confirmation: &Confirmation) -> String {
    let action = capitalize(confirmation.intent.title());
    let node = instance.data.latest().and_then(|sample| sample.info.node()).map(ToString::to_string);
    let node = text_width::middle(&node.unwrap_or_else(|| instance.name.clone()), 24);
    format!(
        "{action}: {} on {node}",
        text_width::middle(&confirmation.intent.target_summary().replacen('/', " / ", 1), 64)
    )
}

/// A line of the dialog.
type DialogLine = Vec<StyledText<'static>>;

/// Width of the label in front of a fact, in screen cells.
const LABEL: usize = 8;

/// Returns the lines below the commands.
fn detail_lines(
    context: &DrawContext<'_>,
    canvas: &Canvas<'_>,
    confirmation: &Confirmation,
    available: usize,
) -> Vec<DialogLine> {
    let mut lines: Vec<DialogLine> = Vec::new();
    let instance = context.instance;
    let mut facts = context
        .sample()
        .and_then(|sample| confirmation_texts::collect_facts(&confirmation.intent, sample, instance.data.last_checks()))
        .unwrap_or_default();
    lines.push(Vec::new());
    let reason = confirmation.intent.reason.as_deref().unwrap_or_default();
    let undone = context.model.undo.entry_of(&confirmation.intent);
    let undoes = undone.map_or(String::new(), |entry| entry.describe(context.now, context.format_time));
    if let Some(entry) = undone {
        facts.warnings.splice(0..0, entry.describe_changes_since(&instance.data, context.format_time));
        let not_undoable = context.model.undo.not_undoable(&instance.data);
        facts
            .warnings
            .extend(not_undoable.map(|last| format!("{last} cannot be undone; this is the action before it")));
    }
    for (label, fact) in [
        ("undoes", undoes.as_str()),
        ("now", facts.current_state.as_str()),
        ("after", &facts.expected_state),
        ("reason", reason),
    ] {
        if !fact.is_empty() {
            lines.extend(labeled_lines(label, fact, available));
        }
    }
    for warning in facts.warnings {
        let sign = canvas.theme.choose_glyph("▲ ", "! ");
        for (index, part) in text_width::wrap_at_blanks(&warning, available.saturating_sub(2)).into_iter().enumerate() {
            lines
                .push(vec![styled_text(if index == 0 { sign } else { "  " }, Role::Bad), styled_text(part, Role::Bad)]);
        }
    }
    if let Some(remark) = &confirmation.remark {
        lines.extend(
            text_width::wrap_at_blanks(remark, available).into_iter().map(|part| vec![styled_text(part, Role::Warn)]),
        );
    }
    lines.push(Vec::new());
    if let Some(name) = confirmation.name_to_type() {
        let request = format!("type {name} and Enter to confirm, Esc to cancel");
        lines.extend(
            text_width::wrap_at_blanks(&request, available)
                .into_iter()
                .map(|part| vec![styled_text(part, Role::Normal)]),
        );
        // Of a long text, only the last part, where the cursor is.
        let typed: String =
            text_width::wrap_anywhere(&confirmation.typed_name, available.saturating_sub(3)).pop().unwrap_or_default();
        lines.push(vec![styled_text("> ", Role::Key), styled_text(typed, Role::Title), styled_text("_", Role::Focus)]);
        return lines;
    }
    let mut others = Vec::new();
    others.extend(confirmation.alternative_action().map(|_| ("d", "drain first")));
    others.extend(confirmation.can_change_weight().then_some(("[ ] { }", "step")));
    let all = yes_no_line("yes", &others);
    if line_width(&all) <= available {
        lines.push(all);
    } else {
        let key = |(key, what): &(&'static str, &'static str)| {
            [styled_text(*key, Role::Key), styled_text(format!(" {what}    "), Role::Normal)]
        };
        lines.extend([others.iter().flat_map(key).collect(), yes_no_line("yes", &[])]);
    }
    lines
}

/// Returns the lines for a label and a fact; a long fact is wrapped.
fn labeled_lines(label: &str, fact: &str, available: usize) -> Vec<DialogLine> {
    let parts = text_width::wrap_at_blanks(fact, available.saturating_sub(LABEL));
    let label = |index: usize| if index == 0 { format!("{label:<LABEL$}") } else { " ".repeat(LABEL) };
    let line = |(index, part)| vec![styled_text(label(index), Role::Dim), styled_text(part, Role::Normal)];
    parts.into_iter().enumerate().map(line).collect()
}

fn line_width(line: &[StyledText<'_>]) -> usize {
    line.iter().map(|(text, _)| text_width::width(text)).sum()
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
