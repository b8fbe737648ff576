//! Cells and sort keys that are computed from several fields.

use crate::actions::capacity::Capacity;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::RowState;
use crate::observe::severity::Severity;
use crate::problems::cause_table;
use crate::problems::figures;
use crate::problems::rule_table::RuleId;
use crate::table::cell::{Cell, Role, severity_role};
use crate::table::columns::column::SortKey;
use crate::table::columns::interval_time;
use crate::table::columns::out_of_service;
use crate::table::columns::row_view::RowView;
use crate::units;

/// Returns the proxy's name for a frontend or backend, otherwise the server's or listener's name.
pub(crate) fn name_cell(row: &RowView<'_>) -> Cell {
    let names = row.stat_row();
    match names.kind {
        RowKind::Frontend | RowKind::Backend => Cell::plain(names.proxy.as_str()),
        RowKind::Server | RowKind::Listener => Cell::plain(names.name.as_str()),
    }
}

/// Returns the state as HAProxy reports it, without the part in parentheses, unless that part says more than the word
/// before it.
pub(crate) fn status_cell(row: &RowView<'_>) -> Cell {
    let stat_row = row.stat_row();
    if row.is_unused_slot() {
        return Cell::new("unused", Role::Dim);
    }
    // Other parts in parentheses (the agent, or the tracked server) are shown on the detail page.
    let (word, role) = match (stat_row.state(), stat_row.status().split_once(" (")) {
        (RowState::Unpublished, _) => ("UNPUB", Role::Warn),
        _ if stat_row.is_unresolved() => ("NO DNS", Role::Warn),
        (_, parts) => (parts.map_or(stat_row.status(), |(word, _)| word), row.state_role()),
    };
    if word.is_empty() { Cell::unknown() } else { Cell::new(word, role) }
}

fn backend_capacity(row: &RowView<'_>) -> Option<Capacity> {
    let capacity = Capacity::from_servers(row.sample, &row.backend()?.servers);
    capacity.has_servers().then_some(capacity)
}

/// Width of the column of usable servers, in terminal cells.
pub(crate) const USABLE_WIDTH: usize = 7;

/// Returns the usable servers of a backend. `3/4+1` means: 3 of 4 active servers take traffic, and 1 backup is usable.
pub(crate) fn usable_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(backend_capacity(row), |capacity| {
        let role = match row.graded_role(RuleId::BackendDown, (capacity.usable + capacity.backup) as f64) {
            Role::Normal if capacity.usable < capacity.active => Role::Warn,
            role => role,
        };
        let backup = if capacity.backup > 0 { format!("+{}", capacity.backup) } else { String::new() };
        let (usable, active) = (units::count(capacity.usable as i64), units::count(capacity.active as i64));
        // The counts of thousands of servers do not fit, so their share is shown instead.
        let text = format!("{usable}/{active}{backup}");
        let share = || units::percent(capacity.usable as f64 / capacity.active.max(1) as f64);
        Cell::new(if text.len() > USABLE_WIDTH { share() } else { text }, role)
    })
}

/// Returns the number of current sessions, and their limit if there is one.
pub(crate) fn sessions_limit_cell(row: &RowView<'_>) -> Cell {
    let Some(sessions) = row.number(Field::Scur) else { return Cell::unknown() };
    // A server without a limit has an empty field or 0. A backend's limit is fullconn, which does not limit sessions.
    match row.number(Field::Slim).filter(|limit| *limit > 0) {
        Some(limit) => {
            let share = sessions as f64 / limit as f64;
            let text = format!("{}/{}", units::count(sessions), units::count(limit));
            let role = sessions_rule(row.stat_row().kind).map_or(Role::Normal, |rule| row.graded_role(rule, share));
            Cell::new(text, role)
        }
        None => Cell::plain(units::count(sessions)),
    }
}

/// Returns the number of queued requests.
pub(crate) fn queue_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(figures::queued_requests(row.sample, row.index), |queued| {
        let role = if queued <= 0 { Role::Dim } else { row.graded_role(RuleId::Queue, queued as f64) };
        Cell::new(units::count(queued), role)
    })
}

/// Returns the requests per second, or sessions per second for TCP.
pub(crate) fn requests_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(row.rate(row.served_field()), |rate| Cell::plain(units::rate(rate)))
}

/// Returns the share of 5xx (0 to 1) among the responses of the last few seconds, or `None` if there are too few
/// responses.
fn share_5xx(row: &RowView<'_>) -> Option<f64> {
    figures::share_5xx(row.instance.rates(), &[row.id])
}

/// Returns the rule for the sessions of a row, or `None` for a backend, whose `fullconn` does not limit sessions.
fn sessions_rule(kind: RowKind) -> Option<RuleId> {
    match kind {
        RowKind::Frontend | RowKind::Listener => Some(RuleId::FrontendSessions),
        RowKind::Server => Some(RuleId::ServerSessions),
        RowKind::Backend => None,
    }
}

/// Returns the rule for the 5xx responses of a row.
fn share_5xx_rule(kind: RowKind) -> RuleId {
    match kind {
        RowKind::Frontend | RowKind::Listener => RuleId::Frontend5xx,
        RowKind::Backend => RuleId::Backend5xx,
        RowKind::Server => RuleId::Server5xx,
    }
}

/// Returns the share of 5xx among the responses, as a percentage.
pub(crate) fn share_5xx_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(share_5xx(row), |share| {
        let graded = || row.graded_role(share_5xx_rule(row.stat_row().kind), share);
        let role = if share <= 0.0 { Role::Dim } else { graded() };
        Cell::new(units::percent(share), role)
    })
}

/// Returns the number of failed connections and failed responses per second.
pub(crate) fn errors_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(error_rate(row), |rate| {
        Cell::new(units::rate(rate), if rate > 0.0 { Role::Warn } else { Role::Dim })
    })
}

fn error_rate(row: &RowView<'_>) -> Option<f64> {
    let rates = [row.rate(Field::Econ), row.rate(Field::Eresp)];
    rates.iter().any(Option::is_some).then(|| rates.iter().flatten().sum())
}

/// Returns the response time of the last seconds, unknown for TCP.
pub(crate) fn response_time_cell(row: &RowView<'_>) -> Cell {
    interval_time::time_cell(row, Field::Rtime)
}

/// Returns the sort key: the response time in milliseconds.
pub(crate) fn response_time_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(interval_time::whole_millis(row, Field::Rtime))
}

/// Returns the result of the last health check.
pub(crate) fn check_cell(row: &RowView<'_>) -> Cell {
    let (Some(result), state) = (row.text(TextField::CheckStatus), row.stat_row().state()) else {
        return Cell::unknown();
    };
    let result = result.as_str();
    let role = match state {
        RowState::Maint => Role::Dim,
        _ if result.trim_start_matches("* ").ends_with("OK") || result.ends_with("OKC") => Role::Normal,
        _ if result.starts_with("* ") || matches!(result, "INI" | "UNK" | "CHECKED") => Role::Dim,
        _ => Role::Bad,
    };
    match row.number(Field::CheckCode).filter(|_| role == Role::Bad) {
        Some(code) => Cell::new(format!("{result} {code}"), role),
        None => Cell::new(result, role),
    }
}

/// Returns the sort key: the name shown, in lower case.
pub(crate) fn name_key(row: &RowView<'_>) -> SortKey {
    let names = row.stat_row();
    SortKey::Text(match names.kind {
        RowKind::Frontend | RowKind::Backend => names.proxy.as_str().to_lowercase(),
        RowKind::Server | RowKind::Listener => names.name.as_str().to_lowercase(),
    })
}

/// Returns the sort key: failed rows first, then changing and unknown ones, those out of service, and working ones.
pub(crate) fn status_key(row: &RowView<'_>) -> SortKey {
    let order = match row.state() {
        RowState::Down | RowState::Stopped => 0.0,
        RowState::ComingUp => 1.0,
        RowState::GoingDown | RowState::Full => 2.0,
        RowState::Unknown => 3.0,
        RowState::NoLb | RowState::Drain | RowState::Paused | RowState::Unpublished => 4.0,
        RowState::Maint => 5.0,
        RowState::NoCheck => 6.0,
        RowState::Up | RowState::Open => 7.0,
    };
    SortKey::Number(order)
}

/// Returns the sort key: the share of active servers that take traffic.
pub(crate) fn usable_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(backend_capacity(row).map(|capacity| capacity.usable as f64 / capacity.active.max(1) as f64))
}

/// Returns the sort key: the number of current sessions.
pub(crate) fn sessions_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(row.number(Field::Scur).map(|sessions| sessions as f64))
}

/// Returns the sort key: the number of queued requests.
pub(crate) fn queue_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(figures::queued_requests(row.sample, row.index).map(|queued| queued as f64))
}

/// Returns the sort key: requests per second, or sessions per second for TCP.
pub(crate) fn requests_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(row.rate(row.served_field()))
}

/// Returns the sort key: the share of 5xx, in percent.
pub(crate) fn share_5xx_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(share_5xx(row).map(|share| share * 100.0))
}

/// Returns the sort key: errors per second.
pub(crate) fn errors_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(error_rate(row))
}

/// Returns the sessions of a row as a share of their limit. Returns `None` if there is no limit, and for a backend,
/// whose `fullconn` does not limit sessions.
pub(crate) fn session_saturation(row: &RowView<'_>) -> Option<f64> {
    let limit = row.number(Field::Slim).filter(|limit| *limit > 0 && row.stat_row().kind != RowKind::Backend)?;
    Some(row.number(Field::Scur)? as f64 / limit as f64)
}

/// Returns the sessions as a share of their limit.
pub(crate) fn load_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(session_saturation(row), |share| {
        let role = sessions_rule(row.stat_row().kind).map_or(Role::Normal, |rule| row.graded_role(rule, share));
        Cell::new(units::percent(share), role)
    })
}

/// Returns the sort key: the sessions as a share of their limit, in percent.
pub(crate) fn load_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(session_saturation(row).map(|share| share * 100.0))
}

/// Returns the share of requests of the last few seconds that were sent over a reused connection.
fn reuse_share(row: &RowView<'_>) -> Option<f64> {
    let (reused, connected) = (row.growth(Field::Reuse)?, row.growth(Field::Connect)?);
    let all = reused.saturating_add(connected);
    (all > 0).then(|| reused as f64 / all as f64)
}

/// Returns the growth of `part` as a share of the growth of `whole` over the last few seconds, or `None` if `whole` did
/// not grow.
fn growth_share(row: &RowView<'_>, part: Field, whole: Field) -> Option<f64> {
    let (part, whole) = (row.growth(part)?, row.growth(whole)?);
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Returns the share of cache lookups that were hits.
pub(crate) fn cache_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(growth_share(row, Field::CacheHits, Field::CacheLookups), |share| {
        Cell::plain(units::percent(share))
    })
}

/// Returns the sort key: the share of cache lookups that were hits, in percent.
pub(crate) fn cache_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(growth_share(row, Field::CacheHits, Field::CacheLookups).map(|share| share * 100.0))
}

/// Returns the compressed size as a share of the original size.
pub(crate) fn compression_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(growth_share(row, Field::CompOut, Field::CompIn), |share| Cell::plain(units::percent(share)))
}

/// Returns the sort key: the compressed size as a share of the original size, in percent.
pub(crate) fn compression_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(growth_share(row, Field::CompOut, Field::CompIn).map(|share| share * 100.0))
}

/// Returns the share of requests sent over a reused connection.
pub(crate) fn reuse_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(reuse_share(row), |share| Cell::plain(units::percent(share)))
}

/// Returns the sort key: the share of requests sent over a reused connection, in percent.
pub(crate) fn reuse_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(reuse_share(row).map(|share| share * 100.0))
}

/// Returns the kind of the row.
pub(crate) fn kind_cell(row: &RowView<'_>) -> Cell {
    Cell::new(kind_word(row.stat_row().kind), Role::Dim)
}

/// Returns the sort key: the kind of the row.
pub(crate) fn kind_key(row: &RowView<'_>) -> SortKey {
    SortKey::Text(kind_word(row.stat_row().kind).to_owned())
}

/// Returns the word for a kind of row.
pub(crate) fn kind_word(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Frontend => "frontend",
        RowKind::Backend => "backend",
        RowKind::Server => "server",
        RowKind::Listener => "listener",
    }
}

/// Returns the name of the proxy that the row belongs to.
pub(crate) fn proxy_cell(row: &RowView<'_>) -> Cell {
    Cell::plain(row.stat_row().proxy.as_str())
}

/// Returns the sort key: the name of the proxy, in lower case.
pub(crate) fn proxy_key(row: &RowView<'_>) -> SortKey {
    SortKey::Text(row.stat_row().proxy.as_str().to_lowercase())
}

/// Returns the description of the last health check's result, and the text in the server's reply.
pub(crate) fn check_text_cell(row: &RowView<'_>) -> Cell {
    let texts = [TextField::CheckDesc, TextField::LastChk].map(|field| row.text(field));
    let words: Vec<&str> = texts.into_iter().flatten().map(AsRef::as_ref).filter(|text| !text.is_empty()).collect();
    if words.is_empty() { Cell::unknown() } else { Cell::plain(words.join(": ")) }
}

/// Returns the sort key: the text of the last health check.
pub(crate) fn check_text_key(row: &RowView<'_>) -> SortKey {
    let cell = check_text_cell(row);
    if cell.role == Role::Dim { SortKey::Absent } else { SortKey::Text(cell.text.to_lowercase()) }
}

/// Returns the sort key: the result of the last health check.
pub(crate) fn check_key(row: &RowView<'_>) -> SortKey {
    row.text(TextField::CheckStatus).map_or(SortKey::Absent, |text| SortKey::Text(text.as_str().to_lowercase()))
}

/// Returns two letters for the kind of the row, because a frontend and a backend may have the same name. Empty for a
/// server.
pub(crate) fn side_cell(row: &RowView<'_>) -> Cell {
    Cell::new(
        match row.stat_row().kind {
            RowKind::Frontend => "fe",
            RowKind::Backend => "be",
            RowKind::Listener => "li",
            RowKind::Server => "",
        },
        Role::Dim,
    )
}

/// Returns the worst cause of a row in one word, or the rule id of the row's worst problem. For a draining server,
/// returns the number of sessions left.
pub(crate) fn cause_cell(row: &RowView<'_>) -> Cell {
    let problems = row.instance.problems();
    if let Some(left) = row.instance.draining().progress(row.id) {
        return Cell::new(
            out_of_service::short_drain_status(left),
            if left.is_empty { Role::Good } else { Role::OutOfService },
        );
    }
    match (problems.cause_of(row.id), problems.for_row(row.id).max_by_key(|problem| problem.severity)) {
        (Some(cause), _) => Cell::new(cause.word_for(row.id, row.stat_row().kind), severity_role(cause.severity)),
        (None, Some(problem)) => {
            Cell::new(cause_table::fallback_kind(problem.rule.id).info().word, severity_role(problem.severity))
        }
        (None, None) => Cell::plain(""),
    }
}

/// Returns the sort key: the severity of the row's worst problem, critical first.
pub(crate) fn cause_key(row: &RowView<'_>) -> SortKey {
    match row.instance.problems().worst_severity(row.id) {
        Some(Severity::Crit) => SortKey::Number(0.0),
        Some(Severity::Warn) => SortKey::Number(1.0),
        None => SortKey::Number(2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::state::Instance;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use crate::problems::thresholds::Thresholds;

    #[test]
    fn w24_roles_follow_configured_thresholds() {
        let roles = |thresholds: &[&str]| {
            let mut instance = Instance::default();
            let changes = thresholds.iter().map(|text| text.parse().unwrap());
            instance.set_thresholds(Thresholds::with_changes(changes).unwrap());
            let mut builder = SampleBuilder::default();
            for (millis, responses) in [(0, "4450"), (2000, "4540")] {
                let stat = stat_of_site().replace(
                    "30,20,55,12,0,0,0,4500,L7OK,,,4450",
                    &format!("30,20,55,2000,0,0,0,4500,L7OK,,,{responses}"),
                );
                instance.add_sample(builder.build_at_millis(millis, &stat), 0);
            }
            let row = |index| RowView::new(&instance, instance.shown().unwrap(), index);
            [
                response_time_cell(&row(1)).role,
                queue_cell(&row(7)).role,
                sessions_limit_cell(&row(4)).role,
                usable_cell(&row(9)).role,
            ]
        };
        assert_eq!(roles(&[]), [Role::Bad, Role::Warn, Role::Bad, Role::Bad]);
        let raised = ["response-time.warn=5000", "response-time.crit=9000", "queue.crit=5", "server-sessions.crit=1.1"];
        assert_eq!(roles(&raised), [Role::Normal, Role::Bad, Role::Warn, Role::Bad]);
        let off = ["response-time=off", "queue=off", "server-sessions=off", "backend-down=off"];
        assert_eq!(roles(&off), [Role::Normal, Role::Normal, Role::Normal, Role::Warn]);
    }

    #[test]
    fn cause_of_frontend_whose_backend_is_down_is_its_backend() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for step in 0..8 {
            let numbers = format!(",{},9000,,,,{},", 1 + 50 * step, 8900 + 50 * step);
            let stat = stat_of_site().replacen(",1,9000,,,,8900,", &numbers, 1);
            instance.add_sample(builder.build_at_millis(step * 2000, &stat), 0);
        }
        let row = |index| RowView::new(&instance, instance.shown().unwrap(), index);
        assert_eq!(cause_cell(&row(0)).text, "backend");
        assert_eq!(cause_cell(&row(9)).text, "down");
    }

    #[test]
    fn shares_are_computed_within_the_rate_window() {
        let stat = |cache: &str, compression: &str| {
            format!(
                "# pxname,svname,type,stot,cache_lookups,cache_hits,comp_in,comp_out,\n\
                 www,BACKEND,1,100,{cache},{compression},\n"
            )
        };
        let (mut instance, mut maker) = (Instance::default(), SampleBuilder::default());
        instance.add_sample(maker.build_at_millis(0, &stat("1000,0", "5000,5000")), 0);
        instance.add_sample(maker.build_at_millis(2000, &stat("1040,30", "5000,5000")), 0);
        let row = RowView::new(&instance, instance.shown().unwrap(), 0);
        assert_eq!(cache_cell(&row).text, "75%");
        assert_eq!(cache_key(&row), SortKey::Number(75.0));
        assert_eq!(compression_cell(&row), Cell::unknown(), "nothing was compressed");
        assert_eq!(compression_key(&row), SortKey::Absent);
        instance.add_sample(maker.build_at_millis(4000, &stat("1040,30", "9000,6000")), 0);
        let row = RowView::new(&instance, instance.shown().unwrap(), 0);
        assert_eq!(compression_cell(&row).text, "25%");
    }
}
