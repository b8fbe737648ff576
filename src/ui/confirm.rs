//! The question before an act, drawn over the screen: what is sent, what is there, what would be left.

use std::time::Duration;

use crate::app::cells::Role;
use crate::app::confirm::{self, Confirm};
use crate::app::layout::Area;
use crate::app::model::Instance;
use crate::monitor::acts::Danger;
use crate::ui::canvas::{Canvas, Piece, piece};
use crate::ui::text;

/// Draws the question.
pub fn draw(canvas: &mut Canvas<'_>, instance: &Instance, confirm: &Confirm, screen: Area, now: Duration) {
    let lines = lines(canvas, instance, confirm);
    let inner_width = lines.iter().map(|line| width_of(line)).max().unwrap_or(0).max(50);
    let width = screen.width.min(inner_width as u16 + 4);
    let height = screen.height.min(lines.len() as u16 + 2);
    let area = screen.columns((screen.width - width) / 2, width).rows((screen.height - height) / 3, height);
    canvas.clear(area);
    let role = if confirm.danger == Danger::Highest { Role::Bad } else { Role::Focus };
    let left = confirm.expires_at().saturating_sub(now).as_secs();
    let remark = [piece(format!(" {left} s "), Role::Dim)];
    let inner = canvas.frame(area, &[piece(format!(" {} ", title(instance, confirm)), role)], &remark, role);
    // On a screen too low for all of it, the last lines, which tell the keys, are the ones to keep.
    let skip = lines.len().saturating_sub(usize::from(inner.height));
    for (row, line) in lines.into_iter().skip(skip).enumerate() {
        canvas.pieces(inner, 1, row as u16, line);
    }
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

fn lines(canvas: &Canvas<'_>, instance: &Instance, confirm: &Confirm) -> Vec<Vec<Piece<'static>>> {
    let mut lines: Vec<Vec<Piece<'static>>> =
        confirm.commands().into_iter().map(|command| vec![piece(command, Role::Title)]).collect();
    let facts = instance.watch.newest().and_then(|sample| confirm::facts(confirm, sample));
    if let Some(facts) = facts {
        lines.push(Vec::new());
        lines.push(vec![piece("now     ", Role::Dim), piece(facts.now, Role::Normal)]);
        lines.push(vec![piece("after   ", Role::Dim), piece(facts.after, Role::Normal)]);
        if let Some(warning) = facts.warning {
            lines.push(vec![piece(canvas.theme.pick("▲ ", "! "), Role::Bad), piece(warning, Role::Bad)]);
        }
    }
    if let Some(remark) = &confirm.remark {
        lines.push(vec![piece(remark.clone(), Role::Warn)]);
    }
    lines.push(Vec::new());
    lines.push(match confirm.name_to_type() {
        Some(name) => vec![
            piece("type ", Role::Normal),
            piece(name, Role::Key),
            piece(" and Enter to do it, Esc to leave it: ", Role::Normal),
            piece(confirm.typed.clone(), Role::Title),
            piece("_", Role::Focus),
        ],
        None => vec![
            piece("y", Role::Key),
            piece(" do it    ", Role::Normal),
            piece("n", Role::Key),
            piece(", ", Role::Normal),
            piece("Esc", Role::Key),
            piece(" leave it", Role::Normal),
        ],
    });
    lines
}

fn width_of(line: &[Piece<'_>]) -> usize {
    line.iter().map(|(text, _)| text::width(text)).sum()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
