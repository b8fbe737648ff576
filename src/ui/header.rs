//! The header of every view: identity, load, rates, and the health line.

use std::time::Duration;

use ratatui::buffer::Buffer;

use crate::app::instance_view::InstanceView;
use crate::app::layout::{Area, Layout, SizeClass};
use crate::app::model::Model;
use crate::app::process_summary::ProcessSummary;
use crate::haproxy::fields::InfoField;
use crate::haproxy::level::Level;
use crate::observe::link::Link;
use crate::observe::sample::Sample;
use crate::table::cell::{Role, saturation_role};
use crate::table::chart_table;
use crate::table::number_format;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::events_pane::FormatTime;
use crate::ui::health_line;
use crate::ui::past_line;
use crate::ui::theme::Theme;
use crate::ui::truncate;

/// Width in cells of a sparkline in the header.
const SPARKLINE_WIDTH: u16 = 10;

/// Draws the header.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    layout: &Layout,
    format_time: FormatTime,
    now: Duration,
) {
    let (area, size_class) = (layout.header, layout.size_class);
    let overview = ProcessSummary::from_instance(&instance.data).unwrap_or_default();
    let sample = instance.data.shown();
    draw_identity(canvas, (model, instance), &overview, area.rows(0, 1), size_class, (format_time, now));
    if area.height < 3 {
        return;
    }
    if let Some(sample) = sample {
        let end = draw_rates(canvas, model, instance, sample, &overview, area.rows(1, 1));
        // Time of the sample shown.
        let clock = [styled_text(format_time(sample.at.wall), Role::Dim), styled_text(" ", Role::Normal)];
        let start = canvas.draw_right_aligned(area.rows(1, 1), end + 1, 0, &clock);
        if let Some(past) = instance.data.past_moment() {
            past_line::draw_timeline(
                canvas,
                instance,
                past,
                area.rows(1, 1).columns(end + 1, start.saturating_sub(end + 2)),
            );
        }
    }
    health_line::draw(canvas, instance, &overview, area.rows(2, 1), now);
}

/// Draws the first line: the instance, its load, the permission level, and the state of the link.
fn draw_identity(
    canvas: &mut Canvas<'_>,
    (model, instance): (&Model, &InstanceView),
    overview: &ProcessSummary,
    area: Area,
    size_class: SizeClass,
    (format_time, now): (FormatTime, Duration),
) {
    let right = match instance.data.past_moment() {
        Some(past) => past_line::past_badges(past, link_badge(instance, now), area.width, format_time, now),
        None => live_badges(instance, now),
    };
    let mut left: Vec<StyledText<'_>> = vec![styled_text(" ", Role::Normal)];
    let wide = size_class == SizeClass::Wide;
    let gap = if wide { " · " } else { " " };
    if model.instances.len() > 1 {
        left.push(styled_text(format!("{}/{} ", model.instance_number(), model.instances.len()), Role::Key));
    }
    let width_of = |texts: &[StyledText<'_>]| texts.iter().map(|(text, _)| truncate::width(text)).sum::<usize>();
    // In the past, the badges are more important than the full name of the instance.
    let max_name_width = match instance.data.past_moment() {
        Some(_) => usize::from(area.width).saturating_sub(width_of(&left) + width_of(&right) + 1),
        None => usize::MAX,
    };
    left.push(styled_text(
        truncate::middle(&instance_name(instance), max_name_width.min(if wide { 40 } else { 20 })),
        Role::Title,
    ));
    if let Some(sample) = instance.data.shown() {
        let version = sample.info.version_text();
        let version = version.split('-').next().unwrap_or(version);
        left.push(styled_text(gap, Role::Dim));
        left.push(styled_text(if wide { format!("HAProxy {version}") } else { version.to_owned() }, Role::Normal));
        if wide {
            left.push(styled_text(format!("{gap}pid {}", sample.epoch.pid), Role::Normal));
        }
        if let Some(uptime) = sample.process_number(InfoField::UptimeSec) {
            left.push(styled_text(format!("{gap}up {}", number_format::seconds(uptime)), Role::Normal));
        }
    }
    // The badges show what keys may do: they stay, and the uptime and version are dropped.
    while left.len() > 2 && width_of(&left) + width_of(&right) + 1 > usize::from(area.width) {
        left.pop();
    }
    let end = canvas.draw_texts(area, 0, 0, left);
    let start = canvas.draw_right_aligned(area, end + 1, 0, &right);
    draw_gauge(canvas, overview, area.columns(end + 2, start.saturating_sub(end + 3)));
}

/// Draws the connections, their limit, and the idle time, as far as they fit.
fn draw_gauge(canvas: &mut Canvas<'_>, overview: &ProcessSummary, area: Area) {
    let Some(connections) = overview.connections else { return };
    let limit = overview.max_connections.filter(|limit| *limit > 0);
    let share = limit.map(|limit| connections as f64 / limit as f64);
    let role = share.map_or(Role::Normal, |share| saturation_role(share, 0.8, 0.9));
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
        column = canvas.draw_text(area, column, 0, "conns ", Role::Dim);
    }
    if bar >= 5 {
        canvas.draw_bar(
            area,
            column,
            0,
            bar,
            share.unwrap_or(0.0),
            if role == Role::Normal { Role::Chart } else { role },
        );
        column += bar + 1;
    }
    column = canvas.draw_text(area, column, 0, &numbers, role);
    if let Some((text, role)) = idle
        && column + idle_width <= area.width
    {
        canvas.draw_text(area, column + 2, 0, &text, role);
    }
}

fn instance_name(instance: &InstanceView) -> String {
    match instance.data.shown().and_then(|sample| sample.info.node()) {
        Some(node) if instance.name == instance.address => node.to_string(),
        _ => instance.name.clone(),
    }
}

/// Returns the badges of the permission level and of the link.
fn live_badges(instance: &InstanceView, now: Duration) -> Vec<StyledText<'static>> {
    let access = instance.data.access();
    let mut texts = Vec::new();
    match instance.data.level() {
        _ if access.read_only => texts.push(styled_text(" RO ", Role::Badge)),
        Some(Level::Admin) if access.is_tcp => texts.push(styled_text(" ADMIN over TCP ", Role::Warn)),
        Some(Level::Admin) => texts.push(styled_text(" ADMIN ", Role::Badge)),
        Some(level) => texts.push(styled_text(format!(" {} ", level.as_str()), Role::Badge)),
        None => {}
    }
    texts.push(styled_text(" ", Role::Normal));
    texts.push(link_badge(instance, now));
    texts.push(styled_text(" ", Role::Normal));
    texts
}

/// Returns the badge of the link: the age of the newest sample, also while a past moment is shown.
fn link_badge(instance: &InstanceView, now: Duration) -> StyledText<'static> {
    let interval = instance.data.latest().map(|sample| number_format::interval(sample.interval)).unwrap_or_default();
    match instance.data.link() {
        Link::Connecting => styled_text("connecting", Role::Warn),
        Link::Up if instance.actions_in_flight() > 0 => styled_text("sending", Role::Warn),
        Link::Up if instance.data.past_moment().is_some() => styled_text("link up", Role::Good),
        Link::Up => styled_text(format!("live {interval}"), Role::Good),
        Link::Lost { .. } if instance.data.latest().is_none() => styled_text("no reply", Role::Bad),
        Link::Lost { since, .. } => {
            styled_text(format!("stale {}", number_format::duration(now.saturating_sub(*since))), Role::Bad)
        }
    }
}

fn draw_rates(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    sample: &Sample,
    overview: &ProcessSummary,
    area: Area,
) -> u16 {
    let count = usize::from(SPARKLINE_WIDTH);
    let points = [
        chart_table::session_points(&instance.data, model.chart_span(), count),
        chart_table::request_points(&instance.data, model.chart_span(), count),
    ];
    let spark = if area.width >= 100 { SPARKLINE_WIDTH } else { 6 };
    let shown = [overview.session_rate.map(|sessions| sessions as f64), overview.request_rate];
    let mut column = 1;
    for ((label, value), points) in ["sess/s ", "req/s "].into_iter().zip(shown).zip(&points) {
        column = canvas.draw_text(area, column, 0, label, Role::Dim);
        canvas.draw_number(
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
        canvas.draw_sparkline(area.columns(column, spark), points, top, Role::Chart);
        column += spark + 2;
    }
    let errors = overview.ratio_5xx.map_or(Role::Dim, |share| saturation_role(share, 0.01, 0.05));
    let queue = match overview.queued {
        0 => Role::Normal,
        1..10 => Role::Warn,
        _ => Role::Bad,
    };
    let speed = |value: Option<f64>| value.map_or(number_format::UNKNOWN.to_owned(), number_format::bytes);
    let share = overview.ratio_5xx.map_or(number_format::UNKNOWN.to_owned(), number_format::percent);
    let labelled = [
        ("queue ", number_format::count(overview.queued), queue),
        ("5xx ", share, errors),
        ("in/s ", speed(overview.bytes_in_rate), Role::Normal),
        ("out/s ", speed(overview.bytes_out_rate), Role::Normal),
    ];
    for (label, value, role) in labelled {
        let width = 5.max(truncate::width(&value)) as u16;
        if column + label.len() as u16 + width > area.width {
            break;
        }
        column = canvas.draw_text(area, column, 0, label, Role::Dim);
        canvas.draw_text(area, column, 0, &value, role);
        column += width + 2;
    }
    let oddities = sample.table.anomalies();
    let malformed = oddities.rejected_rows + oddities.uneven_rows;
    if malformed > 0 {
        column = canvas.draw_text(area, column, 0, &format!("{malformed} malformed rows"), Role::Warn);
    }
    column
}

/// Draws the first line only, for a terminal of a few rows.
pub fn draw_one_line(
    buffer: &mut Buffer,
    theme: Theme,
    model: &Model,
    area: Area,
    format_time: FormatTime,
    now: Duration,
) {
    let Some(instance) = model.instance() else { return };
    let mut canvas = Canvas::new(buffer, theme);
    let overview = ProcessSummary::from_instance(&instance.data).unwrap_or_default();
    draw_identity(&mut canvas, (model, instance), &overview, area.rows(0, 1), SizeClass::Tiny, (format_time, now));
}
