//! The lines on top: who, how full, how fast, and what is wrong. On every view.

use std::time::Duration;

use ratatui::buffer::Buffer;

use crate::app::layout::{Area, Layout, Room};
use crate::app::model::{InstanceView, Model};
use crate::app::process_summary::Overview;
use crate::haproxy::fields::InfoField;
use crate::haproxy::level::Level;
use crate::observe::link::Link;
use crate::observe::sample::Sample;
use crate::table::cell::{Role, saturation};
use crate::table::chart_table;
use crate::table::number_format;
use crate::ui::drawing::{Canvas, Piece, piece};
use crate::ui::events_pane::ShowTime;
use crate::ui::health_line;
use crate::ui::past_line;
use crate::ui::theme::Theme;
use crate::ui::truncate;

/// Cells of a sparkline in the header.
const SPARK: u16 = 10;

/// Draws the header.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    layout: &Layout,
    show_time: ShowTime,
    now: Duration,
) {
    let (area, room) = (layout.header, layout.room);
    let overview = Overview::of(&instance.watch).unwrap_or_default();
    let sample = instance.watch.newest();
    identity(canvas, (model, instance), &overview, area.rows(0, 1), room, (show_time, now));
    if area.height < 3 {
        return;
    }
    if let Some(sample) = sample {
        let end = rates(canvas, model, instance, sample, &overview, area.rows(1, 1));
        // The time of the newest sample.
        let clock = [piece(show_time(sample.at.wall), Role::Dim), piece(" ", Role::Normal)];
        let start = canvas.right(area.rows(1, 1), end + 1, 0, &clock);
        if let Some(past) = instance.watch.past() {
            past_line::track(canvas, instance, past, area.rows(1, 1).columns(end + 1, start.saturating_sub(end + 2)));
        }
    }
    health_line::draw(canvas, (instance, model.current), &overview, area.rows(2, 1), now);
}

/// Who it is, how full it is, what may be done, and whether it is live.
fn identity(
    canvas: &mut Canvas<'_>,
    (model, instance): (&Model, &InstanceView),
    overview: &Overview,
    area: Area,
    room: Room,
    (show_time, now): (ShowTime, Duration),
) {
    let right = match instance.watch.past() {
        Some(past) => past_line::badges(past, link(instance, now), area.width, show_time, now),
        None => badges(model, instance, now),
    };
    let mut left: Vec<Piece<'_>> = vec![piece(" ", Role::Normal)];
    let wide = room == Room::Wide;
    let gap = if wide { " · " } else { " " };
    if model.instances.len() > 1 {
        left.push(piece(format!("{}/{} ", model.current + 1, model.instances.len()), Role::Key));
    }
    let width_of = |pieces: &[Piece<'_>]| pieces.iter().map(|(text, _)| truncate::width(text)).sum::<usize>();
    // That it is the past matters more than what it is the past of.
    let room = match instance.watch.past() {
        Some(_) => usize::from(area.width).saturating_sub(width_of(&left) + width_of(&right) + 1),
        None => usize::MAX,
    };
    left.push(piece(truncate::middle(&name(instance), room.min(if wide { 40 } else { 20 })), Role::Title));
    if let Some(sample) = instance.watch.newest() {
        let version = sample.info.version_text();
        let version = version.split('-').next().unwrap_or(version);
        left.push(piece(gap, Role::Dim));
        left.push(piece(if wide { format!("HAProxy {version}") } else { version.to_owned() }, Role::Normal));
        if wide {
            left.push(piece(format!("{gap}pid {}", sample.epoch.pid), Role::Normal));
        }
        if let Some(uptime) = sample.process(InfoField::UptimeSec) {
            left.push(piece(format!("{gap}up {}", number_format::seconds(uptime)), Role::Normal));
        }
    }
    // The badges say what a key may do: they stay, and the uptime and version give way.
    while left.len() > 2 && width_of(&left) + width_of(&right) + 1 > usize::from(area.width) {
        left.pop();
    }
    let end = canvas.pieces(area, 0, 0, left);
    let start = canvas.right(area, end + 1, 0, &right);
    gauge(canvas, overview, area.columns(end + 2, start.saturating_sub(end + 3)));
}

/// Connections against their limit, and idle time, in what room is left.
fn gauge(canvas: &mut Canvas<'_>, overview: &Overview, area: Area) {
    let Some(connections) = overview.connections else { return };
    let limit = overview.max_connections.filter(|limit| *limit > 0);
    let share = limit.map(|limit| connections as f64 / limit as f64);
    let role = share.map_or(Role::Normal, |share| saturation(share, 0.8, 0.9));
    let numbers = match (limit, share) {
        (Some(limit), Some(share)) => {
            format!(
                "{}/{} {}",
                number_format::count(connections),
                number_format::count(limit),
                number_format::percent(share)
            )
        }
        _ => number_format::count(connections),
    };
    let idle = overview.idle.map(|idle| {
        let role = if idle < 10 {
            Role::Bad
        } else if idle < 30 {
            Role::Warn
        } else {
            Role::Normal
        };
        (format!("idle {idle}%"), role)
    });
    let idle_width = idle.as_ref().map_or(0, |(text, _)| text.len() as u16 + 2);
    let text_width = numbers.len() as u16 + 7;
    if area.width < numbers.len() as u16 {
        return;
    }
    let bar = area.width.saturating_sub(text_width + idle_width).min(40);
    let mut column = 0;
    if area.width >= text_width {
        column = canvas.text(area, column, 0, "conns ", Role::Dim);
    }
    if bar >= 5 {
        canvas.bar(area, column, 0, bar, share.unwrap_or(0.0), if role == Role::Normal { Role::Chart } else { role });
        column += bar + 1;
    }
    column = canvas.text(area, column, 0, &numbers, role);
    if let Some((text, role)) = idle
        && column + idle_width <= area.width
    {
        canvas.text(area, column + 2, 0, &text, role);
    }
}

fn name(instance: &InstanceView) -> String {
    match instance.watch.newest().and_then(|sample| sample.info.node()) {
        Some(node) if instance.name == instance.address => node.to_string(),
        _ => instance.name.clone(),
    }
}

/// What may be done here, and how fresh the numbers are.
fn badges(model: &Model, instance: &InstanceView, now: Duration) -> Vec<Piece<'static>> {
    let level = instance.watch.newest().and_then(|sample| sample.level);
    let mut pieces = Vec::new();
    match level {
        _ if model.guard.read_only => pieces.push(piece(" RO ", Role::Badge)),
        Some(Level::Admin) if instance.is_tcp => pieces.push(piece(" ADMIN over TCP ", Role::Warn)),
        Some(Level::Admin) => pieces.push(piece(" ADMIN ", Role::Badge)),
        Some(level) => pieces.push(piece(format!(" {} ", level.word()), Role::Badge)),
        None => {}
    }
    pieces.push(piece(" ", Role::Normal));
    pieces.push(link(instance, now));
    pieces.push(piece(" ", Role::Normal));
    pieces
}

/// How fresh the newest numbers are, also while older ones are shown.
fn link(instance: &InstanceView, now: Duration) -> Piece<'static> {
    let interval = instance.watch.newest().map(|sample| number_format::interval(sample.interval)).unwrap_or_default();
    match instance.watch.link() {
        Link::Connecting => piece("connecting", Role::Warn),
        Link::Up if instance.acting > 0 => piece("sending", Role::Warn),
        Link::Up if instance.watch.past().is_some() => piece("link up", Role::Good),
        Link::Up => piece(format!("live {interval}"), Role::Good),
        Link::Lost { .. } if instance.watch.newest().is_none() => piece("no answer", Role::Bad),
        Link::Lost { since, .. } => {
            piece(format!("stale {}", number_format::duration(now.saturating_sub(*since))), Role::Bad)
        }
    }
}

fn rates(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    overview: &Overview,
    area: Area,
) -> u16 {
    let count = usize::from(SPARK);
    let points = [
        chart_table::session_points(&instance.watch, model.span(), count),
        chart_table::request_points(&instance.watch, model.span(), count),
    ];
    let spark = if area.width >= 100 { SPARK } else { 6 };
    let shown = [overview.sessions.map(|sessions| sessions as f64), overview.requests];
    let mut column = 1;
    for ((label, value), points) in ["sess/s ", "req/s "].into_iter().zip(shown).zip(&points) {
        column = canvas.text(area, column, 0, label, Role::Dim);
        canvas.number(
            area,
            column,
            0,
            5,
            &value.map_or(number_format::UNKNOWN.to_owned(), number_format::rate),
            Role::Normal,
        );
        column += 6;
        let points = &points[points.len().saturating_sub(usize::from(spark))..];
        let top = points.iter().flatten().copied().fold(0.0, f64::max);
        canvas.spark(area.columns(column, spark), points, top, Role::Chart);
        column += spark + 2;
    }
    let errors = overview.share_5xx.map_or(Role::Dim, |share| saturation(share, 0.01, 0.05));
    let queue = match overview.queued {
        0 => Role::Normal,
        1..10 => Role::Warn,
        _ => Role::Bad,
    };
    let speed = |value: Option<f64>| value.map_or(number_format::UNKNOWN.to_owned(), number_format::bytes);
    let share = overview.share_5xx.map_or(number_format::UNKNOWN.to_owned(), number_format::percent);
    let labelled = [
        ("queue ", number_format::count(overview.queued), queue),
        ("5xx ", share, errors),
        ("in/s ", speed(overview.bytes_in), Role::Normal),
        ("out/s ", speed(overview.bytes_out), Role::Normal),
    ];
    for (label, value, role) in labelled {
        let width = 5.max(truncate::width(&value)) as u16;
        if column + label.len() as u16 + width > area.width {
            break;
        }
        column = canvas.text(area, column, 0, label, Role::Dim);
        canvas.text(area, column, 0, &value, role);
        column += width + 2;
    }
    let oddities = sample.table.oddities();
    let odd = oddities.rejected_rows + oddities.uneven_rows;
    if odd > 0 {
        column = canvas.text(area, column, 0, &format!("{odd} odd rows"), Role::Warn);
    }
    column
}

/// The same in one line, for a terminal of a few rows.
pub fn one_line(buffer: &mut Buffer, theme: Theme, model: &Model, area: Area, show_time: ShowTime, now: Duration) {
    let Some(instance) = model.instance() else { return };
    let mut canvas = Canvas::new(buffer, theme);
    let overview = Overview::of(&instance.watch).unwrap_or_default();
    identity(&mut canvas, (model, instance), &overview, area.rows(0, 1), Room::Tiny, (show_time, now));
}
