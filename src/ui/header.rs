//! The header of every view: identity, load, rates, and the health line.

use crate::app::instance_view::InstanceView;
use crate::app::layout::{Area, SizeClass};
use crate::haproxy::fields::InfoField;
use crate::haproxy::level::Level;
use crate::instance::merged_rows::MergedRows;
use crate::instance::process_summary::ProcessSummary;
use crate::observe::link::{self, Link};
use crate::observe::sample::Sample;
use crate::problems::measurement::Measurement;
use crate::problems::rule_table::RuleId;
use crate::table::cell::{Role, grade_role};
use crate::table::process_trends;
use crate::ui::draw_context::DrawContext;
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::health_line;
use crate::ui::past_line;
use crate::ui::text_width;
use crate::units;

/// Minimum width that the name of the instance keeps beside the name of the view.
const MIN_NAME_WIDTH: usize = 4;

/// Width of a sparkline in the header, in screen cells.
const SPARKLINE_WIDTH: u16 = 10;

/// Draws the header, or only the first line if `area` has fewer than three rows.
pub(crate) fn draw(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area) {
    let instance = context.instance;
    let overview = instance.summary();
    draw_identity(context, canvas, area.rows(0, 1), &overview);
    if area.height < 3 {
        return;
    }
    if let Some(sample) = context.sample() {
        let line = area.rows(1, 1);
        let end = draw_rates(context, canvas, line, sample, &overview);
        // Time of the sample shown.
        let clock = [styled_text((context.format_time)(sample.at.wall), Role::Dim), styled_text(" ", Role::Normal)];
        let start = canvas.draw_right_aligned(line, end + 1, 0, &clock);
        if let Some(past) = instance.data.past_moment() {
            let free = line.columns(end + 1, start.saturating_sub(end + 2));
            past_line::draw_timeline(context, canvas, free, past);
        }
    }
    health_line::draw(context, canvas, area.rows(2, 1), &overview);
}

/// Draws the first line: the instance, its load, the permission level, and the state of the link.
fn draw_identity(context: &DrawContext<'_>, canvas: &mut Canvas<'_>, area: Area, overview: &ProcessSummary) {
    let DrawContext { model, instance, .. } = *context;
    let right = match instance.data.past_moment() {
        Some(past) => past_line::past_badges(context, past, link_badge(context), area.width),
        None => live_badges(context),
    };
    let mut left: Vec<StyledText<'_>> = vec![styled_text(" ", Role::Normal)];
    let wide = context.layout.size_class == SizeClass::Wide;
    let gap = if wide { " · " } else { " " };
    if model.instances.len() > 1 && !model.is_merged() {
        left.push(styled_text(format!("{}/{} ", model.instance_number(), model.instances.len()), Role::Key));
    }
    let width_of = |texts: &[StyledText<'_>]| texts.iter().map(|(text, _)| text_width::width(text)).sum::<usize>();
    // Without a line of tabs, the view is named here, if the badges and a part of the instance's name leave room.
    let is_needed = context.layout.tabs.is_empty() && context.layout.size_class != SizeClass::Tiny;
    let title = Some(format!(" {} ", model.current_view().title)).filter(|title| {
        let others = width_of(&left) + width_of(&right) + MIN_NAME_WIDTH;
        is_needed && others + text_width::width(title) <= usize::from(area.width)
    });
    let view = title.unwrap_or_default();
    // The badges, and the name of the view, are more important than the full name of the instance.
    let max_name_width = if instance.data.past_moment().is_some() || !view.is_empty() {
        let others = width_of(&left) + width_of(&right) + text_width::width(&view) + 1;
        usize::from(area.width).saturating_sub(others)
    } else {
        usize::MAX
    };
    left.push(styled_text(
        text_width::middle(context.display_name(instance), max_name_width.min(if wide { 40 } else { 20 })),
        Role::Title,
    ));
    if !view.is_empty() {
        left.extend([styled_text(" ", Role::Normal), styled_text(view.trim().to_owned(), Role::Badge)]);
    }
    let vital = left.len();
    if let Some(merged) = instance.data.merged_rows() {
        left.extend(merged_texts(merged, gap));
    } else if let Some(sample) = context.sample() {
        let version = sample.info.version_text();
        let version = version.split('-').next().unwrap_or(version);
        left.push(styled_text(gap, Role::Dim));
        left.push(styled_text(if wide { format!("HAProxy {version}") } else { version.to_owned() }, Role::Normal));
        if wide {
            left.push(styled_text(format!("{gap}pid {}", sample.epoch.pid), Role::Normal));
        }
        if let Some(uptime) = sample.process_number(InfoField::UptimeSec) {
            left.push(styled_text(format!("{gap}up {}", units::seconds(uptime)), Role::Normal));
        }
    }
    // The badges show which actions are allowed, so the uptime and version are dropped first.
    while left.len() > vital && width_of(&left) + width_of(&right) + 1 > usize::from(area.width) {
        left.pop();
    }
    let end = canvas.draw_texts(area, 0, 0, left);
    let start = canvas.draw_right_aligned(area, end + 1, 0, &right);
    draw_gauge(canvas, instance, overview, area.columns(end + 2, start.saturating_sub(end + 3)));
}

/// Returns the texts about all balancers: those that do not answer, and the versions.
fn merged_texts(merged: &MergedRows, gap: &'static str) -> Vec<StyledText<'static>> {
    let mut texts = Vec::new();
    if !merged.missing.is_empty() {
        let names = merged.missing.iter().map(|name| &**name).collect::<Vec<&str>>().join(", ");
        let what = if merged.is_past() { "no sample" } else { "no answer" };
        texts.push(styled_text(format!("{gap}{what}: {}", text_width::middle(&names, 40)), Role::Bad));
    }
    if !merged.versions.is_empty() {
        texts.push(styled_text(format!("{gap}HAProxy {}", merged.versions.join(", ")), Role::Normal));
    }
    texts
}

/// Draws the number of connections, the connection limit, and the idle percentage, as far as they fit.
fn draw_gauge(canvas: &mut Canvas<'_>, instance: &InstanceView, overview: &ProcessSummary, area: Area) {
    let Some(connections) = overview.connections else { return };
    let limit = overview.max_connections.filter(|limit| *limit > 0);
    let share = limit.map(|limit| connections as f64 / limit as f64);
    let role = share.map_or(Role::Normal, |share| graded_role(instance, RuleId::Connections, share));
    let numbers = match (limit, share) {
        (Some(limit), Some(share)) => {
            format!("{}/{} {}", units::count(connections), units::count(limit), units::percent(share))
        }
        _ => units::count(connections),
    };
    let idle =
        overview.idle.map(|idle| (format!("idle {idle}%"), graded_role(instance, RuleId::Idle, idle as f64 / 100.0)));
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
        let bar_role = if role == Role::Normal { Role::Chart } else { role };
        canvas.draw_bar(area, column..column + bar, 0, share.unwrap_or(0.0), bar_role);
        column += bar + 1;
    }
    column = canvas.draw_text(area, column, 0, &numbers, role);
    if let Some((text, role)) = idle
        && column + idle_width <= area.width
    {
        canvas.draw_text(area, column + 2, 0, &text, role);
    }
}

/// Returns the role for a value, graded by the thresholds of a rule.
fn graded_role(instance: &InstanceView, rule: RuleId, value: f64) -> Role {
    grade_role(instance.data.problems().thresholds().grade(rule, None, Measurement::Value(value)))
}

/// Returns the badges for the permission level and the link.
fn live_badges(context: &DrawContext<'_>) -> Vec<StyledText<'static>> {
    let data = &context.instance.data;
    let source = data.source();
    let mut texts = Vec::new();
    match data.level() {
        _ if source.is_read_only() => texts.push(styled_text(" RO ", Role::Badge)),
        Some(Level::Admin) => texts.push(match source.danger() {
            Some(danger) => styled_text(format!(" ADMIN {danger} "), Role::Warn),
            None => styled_text(" ADMIN ", Role::Badge),
        }),
        Some(level) => texts.push(styled_text(format!(" {} ", level.as_str()), Role::Badge)),
        None => {}
    }
    texts.push(styled_text(" ", Role::Normal));
    texts.push(link_badge(context));
    texts.push(styled_text(" ", Role::Normal));
    texts
}

/// Returns the badge for the state of the link, such as `live 1s`, or how long the link has been lost. It is about the
/// newest sample, also while an earlier one is shown.
fn link_badge(context: &DrawContext<'_>) -> StyledText<'static> {
    let instance = context.instance;
    let interval = instance.data.latest().map(|sample| units::interval(sample.interval)).unwrap_or_default();
    // The merged rows have no source of their own: all balancers have the same kind.
    let source = context.model.single_instance().map_or(instance.data.source(), |single| single.data.source());
    if let Some(age) = source.age(context.now) {
        let what = if source.is_growing() { "opened" } else { "ended" };
        return styled_text(format!("{what} {} ago", units::duration(age)), Role::Dim);
    }
    match instance.data.link() {
        Link::Connecting => styled_text("connecting", Role::Warn),
        Link::Up if instance.actions_in_flight() > 0 => styled_text("sending", Role::Warn),
        Link::Up if instance.data.past_moment().is_some() => styled_text("link up", Role::Good),
        Link::Up => styled_text(format!("live {interval}"), Role::Good),
        Link::Lost { .. } if instance.data.latest().is_none() => styled_text("no reply", Role::Bad),
        Link::Lost { since, .. } => {
            let age = units::duration(link::shown_age(context.now.saturating_sub(*since)));
            let latest = instance.data.latest().map_or(0, |sample| sample.seq);
            // HAProxy has not answered since the start: this is the end of its recording.
            let is_recorded = instance.data.history().is_older(latest);
            styled_text(if is_recorded { format!("recorded {age} ago") } else { format!("stale {age}") }, Role::Bad)
        }
    }
}

/// Draws the rates in the second line. Returns the column after the rates.
fn draw_rates(
    context: &DrawContext<'_>,
    canvas: &mut Canvas<'_>,
    area: Area,
    sample: &Sample,
    overview: &ProcessSummary,
) -> u16 {
    let DrawContext { model, instance, .. } = *context;
    let (count, now, span) = (usize::from(SPARKLINE_WIDTH), sample.at.monotonic, model.chart_span());
    let instances = model.shown_instances();
    let points = [
        process_trends::session_points(&instances, now, span, count),
        process_trends::request_points(&instances, now, span, count),
    ];
    let spark = if area.width >= 100 { SPARKLINE_WIDTH } else { 6 };
    let shown = [overview.session_rate.map(|sessions| sessions as f64), overview.request_rate];
    let mut column = 1;
    for ((label, value), points) in ["sess/s ", "req/s "].into_iter().zip(shown).zip(&points) {
        column = canvas.draw_text(area, column, 0, label, Role::Dim);
        let rate = value.map_or(units::UNKNOWN.to_owned(), units::rate);
        canvas.draw_number(area, column..column + 5, 0, &rate, Role::Normal);
        column += 6;
        let points = &points[points.len().saturating_sub(usize::from(spark))..];
        let top = points.iter().flatten().copied().fold(0.0, f64::max);
        canvas.draw_sparkline(area.columns(column, spark), points, top, Role::Chart);
        column += spark + 2;
    }
    let errors = overview.share_5xx.map_or(Role::Dim, |share| graded_role(instance, RuleId::Frontend5xx, share));
    let queue = overview.queued.map_or(Role::Dim, |queued| graded_role(instance, RuleId::Queue, queued as f64));
    let speed = |value: Option<f64>| value.map_or(units::UNKNOWN.to_owned(), units::bytes);
    let share = overview.share_5xx.map_or(units::UNKNOWN.to_owned(), units::percent);
    let queued = overview.queued.map_or(units::UNKNOWN.to_owned(), units::count);
    let labelled = [
        ("queue ", queued, queue),
        ("5xx ", share, errors),
        ("in/s ", speed(overview.bytes_in_rate), Role::Normal),
        ("out/s ", speed(overview.bytes_out_rate), Role::Normal),
    ];
    for (label, value, role) in labelled {
        let width = 5.max(text_width::width(&value)) as u16;
        if column + label.len() as u16 + width > area.width {
            break;
        }
        column = canvas.draw_text(area, column, 0, label, Role::Dim);
        canvas.draw_text(area, column, 0, &value, role);
        column += width + 2;
    }
    let oddities = sample.table.anomalies();
    let malformed = oddities.rejected_rows + oddities.uneven_rows;
    let notes = [sample.dropped_rows_text(), (malformed > 0).then(|| format!("{malformed} malformed rows"))];
    for note in notes.into_iter().flatten() {
        column = canvas.draw_text(area, column, 0, &note, Role::Warn) + 2;
    }
    column
}
