//! The question before an act, drawn over the screen: what is sent, what is there, what would be left.

use std::time::Duration;

use crate::actions::action_table::Danger;
use crate::app::action_facts;
use crate::app::confirmation::Confirm;
use crate::app::layers::Sure;
use crate::app::layout::Area;
use crate::app::model::InstanceView;
use crate::ask::known_crashes::Fate;
use crate::table::cell::Role;
use crate::ui::drawing::{Canvas, Piece, piece};
use crate::ui::truncate;

/// Draws the question.
pub fn draw(canvas: &mut Canvas<'_>, instance: &InstanceView, question: &Confirm, screen: Area, now: Duration) {
    let room = usize::from(screen.width.min(100).saturating_sub(4));
    let rest = rest(canvas, instance, question, room);
    let commands: Vec<Line> = question
        .intent
        .commands()
        .iter()
        // The exact command, whatever its length.
        .flat_map(|command| truncate::broken(command, room))
        .map(|part| vec![piece(part, Role::Title)])
        .collect();
    // Of many commands as many as there is room for; the others are scrolled to.
    let frame = 2;
    let free = usize::from(screen.height).saturating_sub(rest.len() + frame).max(1);
    let visible = if commands.len() <= free { commands.len() } else { free.saturating_sub(1).max(1) };
    let top = question.top.min(commands.len().saturating_sub(visible));
    let hidden = commands.len() - visible;
    let mut lines: Vec<Line> = commands.into_iter().skip(top).take(visible).collect();
    if hidden > 0 {
        let words = format!("{}-{} of {}; ↑ ↓ show the others", top + 1, top + visible, visible + hidden);
        lines.push(vec![piece(words, Role::Dim)]);
    }
    lines.extend(rest);
    if lines.len() + frame > usize::from(screen.height) {
        lines.retain(|line| !line.is_empty());
    }
    let title = title(instance, question);
    let widest = lines.iter().map(|line| width_of(line)).max().unwrap_or(0);
    let inner_width = widest.max(truncate::width(&title) + 10).max(46);
    let width = screen.width.min(inner_width as u16 + 4);
    let height = screen.height.min((lines.len() + frame) as u16);
    let role = if question.danger == Danger::Highest { Role::Bad } else { Role::Focus };
    let left = question.expires_at().saturating_sub(now).as_secs();
    let title = truncate::end(&title, usize::from(width.saturating_sub(14)));
    let inner = boxed(canvas, screen, (width, height), &title, &format!(" {left} s "), role);
    // On a screen too low for all of it the first line, which is the command, and the last ones, which tell the keys,
    // are those to keep.
    let surplus = lines.len().saturating_sub(usize::from(inner.height));
    if surplus > 0 {
        lines.drain(1..=surplus.min(lines.len() - 1));
    }
    for (row, line) in lines.into_iter().enumerate() {
        canvas.pieces(inner, 1, row as u16, line);
    }
}

/// An empty box in the upper middle of the screen; gives what is inside.
fn boxed(
    canvas: &mut Canvas<'_>,
    screen: Area,
    (width, height): (u16, u16),
    title: &str,
    remark: &str,
    role: Role,
) -> Area {
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 3, height);
    canvas.clear(area);
    canvas.frame(area, &[piece(format!(" {title} "), role)], &[piece(remark.to_owned(), Role::Dim)], role)
}

/// Draws the question whether a typed line is to be sent.
pub fn draw_sure(canvas: &mut Canvas<'_>, instance: &InstanceView, sure: &Sure, screen: Area) {
    let width = screen.width.min(84);
    let room = usize::from(width.saturating_sub(4));
    let version = instance.watch.newest().and_then(|sample| sample.info.version());
    let deadly = sure.line.deadly(version).filter(|deadly| deadly.fate == Fate::Warned).map(|deadly| deadly.why);
    let warnings = deadly.chain(["this line may change HAProxy, and is not read back"]);
    let mut lines: Vec<Line> =
        truncate::broken(sure.line.as_str(), room).into_iter().map(|part| vec![piece(part, Role::Title)]).collect();
    for warning in warnings {
        lines.extend(truncate::wrapped(warning, room).into_iter().map(|part| vec![piece(part, Role::Warn)]));
    }
    lines.extend([Vec::new(), yes_or_no("send it", &[])]);
    let height = screen.height.min(lines.len() as u16 + 2);
    let title = format!("Send to {}", truncate::middle(&instance.name, 30));
    let inner = boxed(canvas, screen, (width, height), &title, "", Role::Focus);
    for (row, line) in lines.into_iter().enumerate() {
        canvas.pieces(inner, 1, row as u16, line);
    }
}

fn yes_or_no(what: &'static str, others: &[(&'static str, &'static str)]) -> Line {
    let mut line = Vec::new();
    for (key, what) in [("y", what)].iter().chain(others) {
        line.extend([piece(*key, Role::Key), piece(format!(" {what}    "), Role::Normal)]);
    }
    line.extend([
        piece("n", Role::Key),
        piece(", ", Role::Normal),
        piece("Esc", Role::Key),
        piece(" leave it", Role::Normal),
    ]);
    line
}

fn title(instance: &InstanceView, question: &Confirm) -> String {
    let what = capitalised(question.intent.title());
    let node = instance.watch.newest().and_then(|sample| sample.info.node()).map(ToString::to_string);
    let place = truncate::middle(&node.unwrap_or_else(|| instance.name.clone()), 24);
    format!("{what}: {} on {place}", truncate::middle(&question.intent.name().replacen('/', " / ", 1), 64))
}

/// A line of pieces.
type Line = Vec<Piece<'static>>;

/// Cells of a label in front of a fact.
const LABEL: usize = 8;

/// Everything below the commands.
fn rest(canvas: &Canvas<'_>, instance: &InstanceView, question: &Confirm, room: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let facts =
        instance.watch.newest().and_then(|sample| action_facts::facts(&question.intent, sample)).unwrap_or_default();
    lines.push(Vec::new());
    let reason = question.intent.reason.as_deref().unwrap_or_default();
    for (label, fact) in [("now", facts.now.as_str()), ("after", &facts.after), ("reason", reason)] {
        if !fact.is_empty() {
            lines.extend(labelled(label, fact, room));
        }
    }
    for warning in facts.warnings {
        let sign = canvas.theme.pick("▲ ", "! ");
        for (place, part) in truncate::wrapped(&warning, room.saturating_sub(2)).into_iter().enumerate() {
            lines.push(vec![piece(if place == 0 { sign } else { "  " }, Role::Bad), piece(part, Role::Bad)]);
        }
    }
    if let Some(remark) = &question.remark {
        lines.extend(truncate::wrapped(remark, room).into_iter().map(|part| vec![piece(part, Role::Warn)]));
    }
    lines.push(Vec::new());
    if let Some(name) = question.name_to_type() {
        let asked = format!("type {name} and Enter to do it, Esc to leave it");
        lines.extend(truncate::wrapped(&asked, room).into_iter().map(|part| vec![piece(part, Role::Normal)]));
        // The end of a long text, where the cursor is.
        let typed: String = truncate::broken(&question.typed, room.saturating_sub(3)).pop().unwrap_or_default();
        lines.push(vec![piece("> ", Role::Key), piece(typed, Role::Title), piece("_", Role::Focus)]);
        return lines;
    }
    let mut others = Vec::new();
    others.extend(question.instead().map(|_| ("d", "drain it first")));
    others.extend(question.can_step().then_some(("[ ] { }", "step")));
    let all = yes_or_no("do it", &others);
    if width_of(&all) <= room {
        lines.push(all);
    } else {
        let key = |(key, what): &(&'static str, &'static str)| {
            [piece(*key, Role::Key), piece(format!(" {what}    "), Role::Normal)]
        };
        lines.extend([others.iter().flat_map(key).collect(), yes_or_no("do it", &[])]);
    }
    lines
}

/// A fact behind its label, broken where it is too long.
fn labelled(label: &str, fact: &str, room: usize) -> Vec<Line> {
    let parts = truncate::wrapped(fact, room.saturating_sub(LABEL));
    let label = |place: usize| if place == 0 { format!("{label:<LABEL$}") } else { " ".repeat(LABEL) };
    let line = |(place, part)| vec![piece(label(place), Role::Dim), piece(part, Role::Normal)];
    parts.into_iter().enumerate().map(line).collect()
}

fn width_of(line: &[Piece<'_>]) -> usize {
    line.iter().map(|(text, _)| truncate::width(text)).sum()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
