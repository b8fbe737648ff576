//! The confirmation dialog before an action: the commands, the current state, and the impact.

use std::time::Duration;

use crate::actions::action_table::Danger;
use crate::actions::intent::{Intent, IntentStep};
use crate::app::answer_gate::{AnswerGate, ShownRows};
use crate::app::confirmation::Confirmation;
use crate::app::confirmation_texts::{self, ActionFacts};
use crate::app::group_action;
use crate::app::layers::TypedCommandConfirmation;
use crate::app::layout::{Area, MIN_QUESTION_SIZE};
use crate::app::server_effects;
use crate::ask::known_crashes::CrashPolicy;
use crate::instance::guard;
use crate::table::cell::Role;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::text_width;

/// A dialog: rows that may be scrolled, and lines that are always visible.
struct Dialog<'a> {
    title: String,
    /// Text on the right of the upper edge.
    time_left: String,
    role: Role,
    min_width: usize,
    /// The commands, wrapped.
    commands: Vec<DialogLine>,
    /// Facts and warnings.
    details: Vec<DialogLine>,
    /// The keys that answer.
    keys: Vec<DialogLine>,
    /// The keys that answer, in few lines.
    short_keys: Vec<DialogLine>,
    /// The keys that are missing in `short_keys`.
    other_keys: Vec<DialogLine>,
    gate: &'a AnswerGate,
}

/// Draws the dialog that confirms an action. Returns the rows that it shows, or `None` if it does not fit.
pub(crate) fn draw(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    screen: Area,
    confirmation: &Confirmation,
) -> Option<ShownRows> {
    let now = context.now;
    let (gate, available) = (&confirmation.gate, available_width(screen));
    let mut others = Vec::new();
    others.extend(confirmation.alternative_action().map(|_| ("d", "drain first")));
    others.extend(confirmation.can_change_weight().then_some(("[ ] { }", "step")));
    let (keys, short_keys, other_keys) = match gate.required_name() {
        Some(name) => name_lines(name, gate, available, now),
        None => yes_no_lines("yes", &others, gate, available, now),
    };
    let mut details = vec![Vec::new()];
    let commands = if confirmation.is_for_all {
        let totals = group_action::describe_expected_total(context.model, confirmation);
        details.extend(totals.iter().flat_map(|total| labeled_lines("total", total, available)));
        group_lines(context, canvas, confirmation, available)
    } else {
        details.extend(detail_lines(context, canvas, &confirmation.intent, available));
        intent_lines(&confirmation.intent, available, now)
    };
    details.extend(other_balancers_lines(context, confirmation, available));
    let left = confirmation.expires_at().saturating_sub(now).as_secs();
    let dialog = Dialog {
        title: dialog_title(context, confirmation),
        time_left: format!(" {left} s "),
        role: if confirmation.highest_danger() == Danger::Highest { Role::Bad } else { Role::Focus },
        min_width: 46,
        commands,
        details,
        keys,
        short_keys,
        other_keys,
        gate,
    };
    draw_dialog(canvas, screen, dialog, now)
}

/// Draws the dialog that confirms a typed command. Returns the rows that it shows, or `None` if it does not fit.
pub(crate) fn draw_send_confirmation(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    screen: Area,
    confirmation: &TypedCommandConfirmation,
) -> Option<ShownRows> {
    let area = screen.columns(0, 84);
    let available = available_width(area);
    let version = context.instance.data.latest().and_then(|sample| sample.info.version());
    let change = &confirmation.change;
    let facts: Vec<ActionFacts> = change.intents.iter().filter_map(|intent| facts_of(context, intent)).collect();
    let crashes = change.line.known_crashes(version).filter(|crash| crash.policy == CrashPolicy::Warned);
    let is_known = |text: &&str| facts.iter().flat_map(|facts| &facts.warnings).any(|warning| warning == text);
    let crashes = crashes.map(|crash| crash.description).filter(|text| !is_known(text));
    let warnings = crashes.chain(["this command may change HAProxy, and its effect is not verified"]);
    let mut details: Vec<DialogLine> =
        facts.iter().flat_map(|facts| fact_lines(canvas, facts, "", "", available)).collect();
    let changes =
        change.intents.iter().flat_map(|intent| guard::describe_target_changes(intent, &context.instance.data));
    details.extend(changes.flat_map(|change| text_lines(&change, Role::Bad, available)));
    details.extend(warnings.flat_map(|warning| text_lines(warning, Role::Warn, available)));
    let (keys, short_keys, other_keys) = match confirmation.gate.required_name() {
        Some(name) => name_lines(name, &confirmation.gate, available, context.now),
        None => yes_no_lines("send", &[], &confirmation.gate, available, context.now),
    };
    let dialog = Dialog {
        title: format!("Send to {}", text_width::middle(context.display_name(context.instance), 30)),
        time_left: String::new(),
        role: if change.most_dangerous().is_some() { Role::Bad } else { Role::Focus },
        min_width: 80,
        commands: command_lines(change.line.as_str(), available),
        details,
        keys,
        short_keys,
        other_keys,
        gate: &confirmation.gate,
    };
    draw_dialog(canvas, screen, dialog, context.now)
}

/// Draws a dialog. The keys are always visible. If the commands do not fit, they are scrolled, and on a small screen the
/// details as well. Returns the rows that are shown, or `None` if the dialog does not fit.
fn draw_dialog(canvas: &mut Canvas<'_>, screen: Area, dialog: Dialog<'_>, now: Duration) -> Option<ShownRows> {
    const FRAME: usize = 2;
    /// Rows of the commands that must be visible above the details.
    const MIN_COMMANDS: usize = 3;
    if screen.width < MIN_QUESTION_SIZE.0 || screen.height < MIN_QUESTION_SIZE.1 {
        draw_no_room(canvas, screen);
        return None;
    }
    let Dialog { title, gate, .. } = dialog;
    // The frame around the title, and the time left.
    let title_margin = if dialog.time_left.is_empty() { 6 } else { 14 };
    let remark = gate.remark(now).map_or_else(Vec::new, |text| text_lines(text, Role::Warn, available_width(screen)));
    let details: Vec<DialogLine> = dialog.details.into_iter().chain(remark.iter().cloned()).collect();
    let room = usize::from(screen.height) - FRAME;
    let (mut rows, mut fixed) = (dialog.commands, details.clone());
    fixed.push(Vec::new());
    fixed.extend(dialog.keys);
    if rows.len() + fixed.len() > room {
        fixed.retain(|line| !line.is_empty());
    }
    if rows.len() + fixed.len() > room && fixed.len() + 1 + MIN_COMMANDS > room {
        let full_title = (text_width::width(&title) + title_margin > usize::from(screen.width))
            .then(|| text_lines(&title, dialog.role, available_width(screen)));
        rows = full_title.into_iter().flatten().chain(rows).collect();
        rows.extend(details.into_iter().filter(|line| !line.is_empty()));
        rows.extend(dialog.other_keys);
        fixed = dialog.short_keys;
    }
    let total = rows.len();
    let count = if total + fixed.len() > room { room.saturating_sub(fixed.len() + 1).max(1) } else { total };
    let first = gate.top().min(total - count);
    let mut lines: Vec<DialogLine> = rows.into_iter().skip(first).take(count).collect();
    if count < total {
        let way = if gate.is_seen() { "↑ ↓ scroll" } else { "↓ to the end" };
        let position = format!("{}-{} of {total}; {way}", first + 1, first + count);
        // If the remark is among the rows, it may be scrolled away.
        let is_remark_hidden = !remark.is_empty() && !fixed.iter().any(|line| remark.contains(line));
        lines.push(match gate.remark(now).filter(|_| is_remark_hidden) {
            Some(remark) => vec![styled_text(remark.to_owned(), Role::Warn)],
            None => vec![styled_text(position, Role::Dim)],
        });
    }
    lines.extend(fixed);
    let widest = lines.iter().map(|line| line_width(line)).max().unwrap_or(0);
    let inner_width = widest.max(text_width::width(&title) + 10).max(dialog.min_width);
    let width = screen.width.min(inner_width as u16 + 4);
    let height = screen.height.min((lines.len() + FRAME) as u16);
    let title = text_width::end(&title, usize::from(width).saturating_sub(title_margin));
    let inner = draw_box(canvas, dialog_area(screen, width, height), &title, &dialog.time_left, dialog.role);
    let is_complete = lines.len() <= usize::from(inner.height);
    for (row, line) in lines.into_iter().enumerate() {
        canvas.draw_texts(inner, 1, row as u16, line);
    }
    is_complete.then_some(ShownRows { first, count, total })
}

/// Draws one line instead of a question that does not fit.
pub(crate) fn draw_no_room(canvas: &mut Canvas<'_>, screen: Area) {
    let (width, height) = MIN_QUESTION_SIZE;
    let texts = [
        format!("too small for the question: enlarge to {width}x{height}, or Esc cancels"),
        format!("enlarge to {width}x{height}; Esc cancels"),
        format!("{width}x{height}; Esc cancels"),
        "Esc cancels".to_owned(),
        "Esc".to_owned(),
    ];
    let available = usize::from(screen.width);
    let text = texts.iter().find(|text| text.len() <= available).map_or("!", String::as_str);
    let line = screen.rows(screen.height / 2, 1);
    canvas.clear(line);
    canvas.draw_text(line, 0, 0, text, Role::Bad);
}

/// Returns the number of cells for text in a dialog on this screen.
fn available_width(screen: Area) -> usize {
    usize::from(screen.width.min(100).saturating_sub(4))
}

/// Returns the lines of the exact command.
fn command_lines(command: &str, available: usize) -> Vec<DialogLine> {
    text_width::wrap_anywhere(command, available).into_iter().map(|part| vec![styled_text(part, Role::Title)]).collect()
}

/// Returns the lines of the commands of an intent. Several sessions are named after their commands.
fn intent_lines(intent: &Intent, available: usize, now: Duration) -> Vec<DialogLine> {
    let lines = |step: &IntentStep| {
        let command = step.command_text().unwrap_or_default();
        let session = step.target.identity.session.as_ref().filter(|_| intent.steps.len() > 1);
        let Some(session) = session.map(|session| session.describe(now)) else {
            return command_lines(&command, available);
        };
        if text_width::width(&command) + 2 + text_width::width(&session) <= available {
            return vec![vec![styled_text(command, Role::Title), styled_text(format!("  {session}"), Role::Normal)]];
        }
        let mut lines = command_lines(&command, available);
        lines.extend(text_lines(&format!("  {session}"), Role::Normal, available));
        lines
    };
    intent.steps.iter().filter(|step| step.command_text().is_ok()).flat_map(lines).collect()
}

/// Returns the lines of a text.
fn text_lines(text: &str, role: Role, available: usize) -> Vec<DialogLine> {
    text_width::wrap_at_blanks(text, available).into_iter().map(|part| vec![styled_text(part, role)]).collect()
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

/// The lines of the keys, the same in few lines, and the lines of the keys that the latter omit.
type KeyLines = (Vec<DialogLine>, Vec<DialogLine>, Vec<DialogLine>);

/// Returns the lines of a question that `y` answers. The key is dim as long as it cannot confirm.
fn yes_no_lines(
    yes: &'static str,
    others: &[(&'static str, &'static str)],
    gate: &AnswerGate,
    available: usize,
    now: Duration,
) -> KeyLines {
    let key = |(key, what): (&'static str, &'static str), roles: (Role, Role)| {
        [styled_text(key, roles.0), styled_text(format!(" {what}    "), roles.1)]
    };
    let others: DialogLine = others.iter().flat_map(|other| key(*other, (Role::Key, Role::Normal))).collect();
    let yes = key(("y", yes), if is_open(gate, now) { (Role::Key, Role::Normal) } else { (Role::Dim, Role::Dim) });
    let no = [
        styled_text("n", Role::Key),
        styled_text("/", Role::Normal),
        styled_text("Esc", Role::Key),
        styled_text(" cancel", Role::Normal),
    ];
    let all: DialogLine = yes.iter().cloned().chain(others.clone()).chain(no.clone()).collect();
    let short: DialogLine = yes.into_iter().chain(no).collect();
    let others = if others.is_empty() { Vec::new() } else { vec![others] };
    let keys = match line_width(&all) {
        width if width <= available => vec![all],
        _ => others.iter().cloned().chain([short.clone()]).collect(),
    };
    (keys, vec![short], others)
}

/// Returns the lines of a question that a typed name answers. The sign in front of the name is dim as long as Enter
/// cannot confirm.
fn name_lines(name: &str, gate: &AnswerGate, available: usize, now: Duration) -> KeyLines {
    let request =
        text_lines(&format!("type \"{name}\", pause, then Enter to confirm; Esc cancels"), Role::Normal, available);
    // Of a long text, only the last part, where the cursor is.
    let typed = text_width::wrap_anywhere(gate.typed_name(), available.saturating_sub(3)).pop().unwrap_or_default();
    let sign = if is_open(gate, now) { Role::Key } else { Role::Dim };
    let input = vec![styled_text("> ", sign), styled_text(typed, Role::Title), styled_text("_", Role::Focus)];
    let short = vec![styled_text("Enter", Role::Key), styled_text(" yes    ", Role::Normal)]
        .into_iter()
        .chain([styled_text("Esc", Role::Key), styled_text(" cancel", Role::Normal)])
        .collect();
    let keys = request.iter().cloned().chain([input.clone()]).collect();
    (keys, vec![input, short], request)
}

/// Returns whether a key can confirm now.
fn is_open(gate: &AnswerGate, now: Duration) -> bool {
    gate.opens_at().is_some_and(|at| at <= now)
}

fn dialog_title(context: &DrawContext<'_>, confirmation: &Confirmation) -> String {
    let name = match confirmation.intents().len() {
        1 => text_width::middle(context.display_name(context.instance), 24),
        count => guard::count_to_type(count),
    };
    format!("{} on {name}", text_width::middle(&capitalize(&confirmation.intent.heading()), 84))
}

/// A line of the dialog.
type DialogLine = Vec<StyledText<'static>>;

/// Width of the label in front of a fact, in screen cells.
const LABEL: usize = 8;

/// Returns the facts about an intent; `None` if a target no longer exists.
fn facts_of(context: &DrawContext<'_>, intent: &Intent) -> Option<ActionFacts> {
    confirmation_texts::collect_facts(intent, context.sample()?, context.instance.data.last_checks(), context.now)
}

/// Returns the facts and warnings below the commands.
fn detail_lines(context: &DrawContext<'_>, canvas: &Canvas<'_>, intent: &Intent, available: usize) -> Vec<DialogLine> {
    let instance = context.instance;
    let mut facts = facts_of(context, intent).unwrap_or_default();
    let reason = intent.reason.as_deref().unwrap_or_default();
    let undone = context.model.undo.entry_of(intent);
    let undoes = undone.map_or(String::new(), |entry| entry.describe(context.now, context.format_time));
    // The answer would be refused, so the question shows why before the answer.
    facts.warnings.splice(0..0, guard::describe_target_changes(intent, &instance.data));
    if let Some(entry) = undone {
        facts.warnings.splice(0..0, entry.describe_changes_since(&instance.data, context.format_time));
        facts.warnings.extend(context.model.undo.skipped_warning(&instance.data));
    }
    fact_lines(canvas, &facts, &undoes, reason, available)
}

/// Returns the lines of a question about several balancers: each with the level of its socket, the commands and the facts,
/// and those that are left out with the reason.
fn group_lines(
    context: &DrawContext<'_>,
    canvas: &Canvas<'_>,
    confirmation: &Confirmation,
    available: usize,
) -> Vec<DialogLine> {
    let mut lines: Vec<DialogLine> = Vec::new();
    for intent in confirmation.intents() {
        let Some(there) = context.for_instance(intent.instance) else { continue };
        let level = there.instance.data.level().map_or(String::new(), |level| format!("  level {level}"));
        let name = there.display_name(there.instance).to_owned();
        lines.push(vec![styled_text(name, Role::Focus), styled_text(level, Role::Dim)]);
        lines.extend(intent_lines(intent, available, context.now));
        for line in group_action::describe_other_addresses(context.model, &confirmation.intent, intent) {
            lines.extend(text_lines(&line, Role::Warn, available));
        }
        lines.extend(detail_lines(&there, canvas, intent, available));
    }
    for part in &confirmation.others {
        if let Err(why) = &part.prepared {
            let name = group_action::name_of(context.model, part.instance);
            lines.extend(text_lines(&format!("not on {name}: {why}"), Role::Warn, available));
        }
    }
    lines
}

/// Returns the line of the key that extends the question to the other balancers, or limits it to this one.
fn other_balancers_lines(context: &DrawContext<'_>, confirmation: &Confirmation, available: usize) -> Vec<DialogLine> {
    if !confirmation.can_be_for_all() {
        return Vec::new();
    }
    let text = if confirmation.is_for_all {
        format!("only on {}", context.display_name(context.instance))
    } else {
        let others = confirmation.others.iter().filter(|part| part.prepared.is_ok());
        let names: Vec<String> = others.map(|part| group_action::name_of(context.model, part.instance)).collect();
        format!("also on {}", server_effects::list_names(&names))
    };
    let mut lines = labeled_lines("Tab", &text, available);
    if let Some((_, role)) = lines.first_mut().and_then(|line| line.first_mut()) {
        *role = Role::Key;
    }
    lines
}

/// Returns the lines of facts and warnings, with the undone action and the reason if they are not empty.
fn fact_lines(
    canvas: &Canvas<'_>,
    facts: &ActionFacts,
    undoes: &str,
    reason: &str,
    available: usize,
) -> Vec<DialogLine> {
    let labeled =
        [("undoes", undoes), ("now", &facts.current_state), ("after", &facts.expected_state), ("reason", reason)];
    let labeled = labeled.into_iter().filter(|(_, fact)| !fact.is_empty());
    let mut lines: Vec<DialogLine> = labeled.flat_map(|(label, fact)| labeled_lines(label, fact, available)).collect();
    let sign = canvas.theme.choose_glyph("▲ ", "! ");
    for warning in &facts.warnings {
        for (index, part) in text_width::wrap_at_blanks(warning, available.saturating_sub(2)).into_iter().enumerate() {
            lines
                .push(vec![styled_text(if index == 0 { sign } else { "  " }, Role::Bad), styled_text(part, Role::Bad)]);
        }
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
