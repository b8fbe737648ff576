//! The question before an act, drawn over the screen: what is sent, what is there, what would be left.

use std::time::Duration;

use crate::app::cells::Role;
use crate::app::confirm::{self, Confirm};
use crate::app::layout::Area;
use crate::app::model::{Instance, Sure};
use crate::monitor::acts::Danger;
use crate::ui::canvas::{Canvas, Piece, piece};
use crate::ui::text;

/// Draws the question.
pub fn draw(canvas: &mut Canvas<'_>, instance: &Instance, confirm: &Confirm, screen: Area, now: Duration) {
    let mut lines = lines(canvas, instance, confirm, usize::from(screen.width.min(100).saturating_sub(4)));
    if lines.len() + 2 > usize::from(screen.height) {
        lines.retain(|line| !line.is_empty());
    }
    let inner_width = lines.iter().map(|line| width_of(line)).max().unwrap_or(0).max(46);
    let width = screen.width.min(inner_width as u16 + 4);
    let height = screen.height.min(lines.len() as u16 + 2);
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 3, height);
    canvas.clear(area);
    let role = if confirm.danger == Danger::Highest { Role::Bad } else { Role::Focus };
    let left = confirm.expires_at().saturating_sub(now).as_secs();
    let remark = [piece(format!(" {left} s "), Role::Dim)];
    let title = text::end(&title(instance, confirm), usize::from(area.width.saturating_sub(14)));
    let inner = canvas.frame(area, &[piece(format!(" {title} "), role)], &remark, role);
    // On a screen too low for all of it, the last lines, which tell the keys, are the ones to keep.
    let skip = lines.len().saturating_sub(usize::from(inner.height));
    for (row, line) in lines.into_iter().skip(skip).enumerate() {
        canvas.pieces(inner, 1, row as u16, line);
    }
}

/// Draws the question whether a typed line is to be sent.
pub fn draw_sure(canvas: &mut Canvas<'_>, instance: &Instance, sure: &Sure, screen: Area) {
    let width = screen.width.min(84);
    let room = usize::from(width.saturating_sub(4));
    let parts = text::broken(sure.line.as_str(), room);
    let warning = text::wrapped("this line may change HAProxy, and is not read back", room);
    let height = screen.height.min((parts.len() + warning.len()) as u16 + 4);
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 3, height);
    canvas.clear(area);
    let place = text::middle(&instance.name, 30);
    let title = [piece(format!(" Send to {place} "), Role::Focus)];
    let inner = canvas.frame(area, &title, &[], Role::Focus);
    for (row, part) in parts.iter().enumerate() {
        canvas.text(inner, 1, row as u16, part, Role::Title);
    }
    let row = parts.len() as u16;
    for (at, part) in (row..).zip(&warning) {
        canvas.text(inner, 1, at, part, Role::Warn);
    }
    canvas.pieces(inner, 1, row + warning.len() as u16 + 1, yes_or_no("send it"));
}

fn yes_or_no(what: &'static str) -> Line {
    vec![
        piece("y", Role::Key),
        piece(format!(" {what}    "), Role::Normal),
        piece("n", Role::Key),
        piece(", ", Role::Normal),
        piece("Esc", Role::Key),
        piece(" leave it", Role::Normal),
    ]
}

fn title(instance: &Instance, confirm: &Confirm) -> String {
    let what = capitalised(confirm.intent.act.title);
    let node = instance.watch.newest().and_then(|sample| sample.info.node()).map(ToString::to_string);
    let place = text::middle(&node.unwrap_or_else(|| instance.name.clone()), 24);
    match confirm.intent.targets.as_slice() {
        [one] => {
            let name = |text: &str| text::middle(text, 30);
            format!("{what}: {} / {} on {place}", name(one.backend.as_str()), name(one.server.as_str()))
        }
        several => format!("{what}: {} servers on {place}", several.len()),
    }
}

/// A line of pieces.
type Line = Vec<Piece<'static>>;

/// Cells of a label in front of a fact.
const LABEL: usize = 8;

fn lines(canvas: &Canvas<'_>, instance: &Instance, confirm: &Confirm, room: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for command in confirm.commands() {
        // The exact command, whatever its length.
        lines.extend(text::broken(&command, room).into_iter().map(|part| vec![piece(part, Role::Title)]));
    }
    if let Some(facts) = instance.watch.newest().and_then(|sample| confirm::facts(confirm, sample)) {
        lines.push(Vec::new());
        lines.extend(labelled("now", &facts.now, room));
        lines.extend(labelled("after", &facts.after, room));
        for warning in facts.warnings {
            let sign = canvas.theme.pick("▲ ", "! ");
            for (place, part) in text::wrapped(&warning, room.saturating_sub(2)).into_iter().enumerate() {
                lines.push(vec![piece(if place == 0 { sign } else { "  " }, Role::Bad), piece(part, Role::Bad)]);
            }
        }
    }
    if let Some(remark) = &confirm.remark {
        lines.extend(text::wrapped(remark, room).into_iter().map(|part| vec![piece(part, Role::Warn)]));
    }
    lines.push(Vec::new());
    match confirm.name_to_type() {
        Some(name) => {
            let asked = format!("type {name} and Enter to do it, Esc to leave it");
            lines.extend(text::wrapped(&asked, room).into_iter().map(|part| vec![piece(part, Role::Normal)]));
            // The end of a long text, where the cursor is.
            let typed: String = text::broken(&confirm.typed, room.saturating_sub(3)).pop().unwrap_or_default();
            lines.push(vec![piece("> ", Role::Key), piece(typed, Role::Title), piece("_", Role::Focus)]);
        }
        None => lines.push(yes_or_no("do it")),
    }
    lines
}

/// A fact behind its label, broken where it is too long.
fn labelled(label: &str, fact: &str, room: usize) -> Vec<Line> {
    let parts = text::wrapped(fact, room.saturating_sub(LABEL));
    let label = |place: usize| if place == 0 { format!("{label:<LABEL$}") } else { " ".repeat(LABEL) };
    let line = |(place, part)| vec![piece(label(place), Role::Dim), piece(part, Role::Normal)];
    parts.into_iter().enumerate().map(line).collect()
}

fn width_of(line: &[Piece<'_>]) -> usize {
    line.iter().map(|(text, _)| text::width(text)).sum()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
