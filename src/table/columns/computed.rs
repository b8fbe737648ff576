//! Cells and sort keys that are made from several fields.

use crate::actions::capacity::Strength;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::status::State;
use crate::observe::severity::Severity;
use crate::table::cell::{Cell, Role, saturation, severity_role, state_role};
use crate::table::columns::column::SortKey;
use crate::table::columns::out_of_service;
use crate::table::columns::row_view::RowView;
use crate::table::number_format;

/// The name of a row: of the proxy, or of the server.
pub fn name(row: &RowView<'_>) -> Cell {
    let names = row.row();
    match names.kind {
        RowKind::Frontend | RowKind::Backend => Cell::plain(names.proxy.as_str()),
        RowKind::Server | RowKind::Listener => Cell::plain(names.name.as_str()),
    }
}

/// The state in HAProxy's words.
pub fn status(row: &RowView<'_>) -> Cell {
    // What stands in brackets, by whom or why, is in the detail.
    let status = row.row().status().split(" (").next().unwrap_or_default();
    if status.is_empty() { Cell::unknown() } else { Cell::new(status, state_role(row.row().state())) }
}

fn strength(row: &RowView<'_>) -> Option<Strength> {
    let backend = row.backend()?;
    (!backend.servers.is_empty()).then(|| Strength::of(row.sample, &backend.servers))
}

/// Cells of the column of usable servers.
pub const USABLE_WIDTH: usize = 7;

/// Active servers that take traffic, of all active servers of a backend, and backups that could: `3/4+1`.
pub fn usable(row: &RowView<'_>) -> Cell {
    Cell::maybe(strength(row), |strength| {
        let role = match (strength.usable, strength.backup) {
            (0, 0) => Role::Bad,
            (usable, _) if usable < strength.active => Role::Warn,
            _ => Role::Normal,
        };
        let backup = if strength.backup > 0 { format!("+{}", strength.backup) } else { String::new() };
        let (usable, active) =
            (number_format::count(strength.usable as i64), number_format::count(strength.active as i64));
        // Thousands of servers: a share says as much, and nothing is cut.
        let text = format!("{usable}/{active}{backup}");
        let share = || number_format::percent(strength.usable as f64 / strength.active.max(1) as f64);
        Cell::new(if text.len() > USABLE_WIDTH { share() } else { text }, role)
    })
}

/// Sessions and their limit.
pub fn sessions_limit(row: &RowView<'_>) -> Cell {
    let Some(sessions) = row.number(Field::Scur) else { return Cell::unknown() };
    // A server without a limit has an empty one or 0; a backend's is fullconn, which limits nothing.
    match row.number(Field::Slim).filter(|limit| *limit > 0) {
        Some(limit) => {
            let share = sessions as f64 / limit as f64;
            let crit = if row.row().kind == RowKind::Frontend { 0.9 } else { 1.0 };
            let text = format!("{}/{}", number_format::count(sessions), number_format::count(limit));
            Cell::new(text, saturation(share, 0.8, crit))
        }
        None => Cell::plain(number_format::count(sessions)),
    }
}

/// Requests waiting; HAProxy's number for a backend leaves out those that wait for one server.
fn waiting(row: &RowView<'_>) -> Option<i64> {
    let own = row.number(Field::Qcur)?;
    let servers = row.backend().map_or(&[][..], |backend| &backend.servers);
    let queued = servers.iter().filter_map(|server| row.sample.table.number(*server, Field::Qcur));
    Some(queued.fold(own, i64::saturating_add))
}

/// Requests waiting.
pub fn queue(row: &RowView<'_>) -> Cell {
    Cell::maybe(waiting(row), |queued| {
        let role = match queued {
            ..=0 => Role::Dim,
            1..10 => Role::Warn,
            _ => Role::Bad,
        };
        Cell::new(number_format::count(queued), role)
    })
}

/// What it serves, per second.
pub fn requests(row: &RowView<'_>) -> Cell {
    Cell::maybe(row.rate(row.served()), |rate| Cell::plain(number_format::rate(rate)))
}

/// Responses below which a share says nothing.
const FEW_RESPONSES: i64 = 20;

/// The share of 5xx among the responses within the window; absent from too few responses.
pub fn share_of_5xx(row: &RowView<'_>) -> Option<f64> {
    let all: i64 = Field::RESPONSES.iter().filter_map(|class| row.growth(*class)).fold(0, i64::saturating_add);
    (all >= FEW_RESPONSES).then_some(())?;
    Some(row.growth(Field::Hrsp5xx)? as f64 / all as f64)
}

/// The share of 5xx.
pub fn share_5xx(row: &RowView<'_>) -> Cell {
    Cell::maybe(share_of_5xx(row), |share| {
        let role = if share <= 0.0 { Role::Dim } else { saturation(share, 0.01, 0.05) };
        Cell::new(number_format::percent(share), role)
    })
}

/// Failed connections and responses per second.
pub fn errors(row: &RowView<'_>) -> Cell {
    Cell::maybe(error_rate(row), |rate| {
        Cell::new(number_format::rate(rate), if rate > 0.0 { Role::Warn } else { Role::Dim })
    })
}

fn error_rate(row: &RowView<'_>) -> Option<f64> {
    let rates = [row.rate(Field::Econ), row.rate(Field::Eresp)];
    rates.iter().any(Option::is_some).then(|| rates.iter().flatten().sum())
}

/// The response time; of TCP the total time.
pub fn response_time(row: &RowView<'_>) -> Cell {
    let is_tcp = row.is_tcp();
    let field = time_field(row);
    let is_idle = row.number(Field::Scur) == Some(0) && row.rate(Field::Stot).is_some_and(|rate| rate <= 0.0);
    Cell::maybe(row.average(field), |time| {
        // A mean of requests long past: HAProxy keeps showing it while nothing comes.
        let role = match time {
            _ if is_idle => Role::Dim,
            _ if is_tcp => Role::Normal,
            time => saturation(time as f64, 500.0, 1000.0),
        };
        Cell::new(number_format::millis(time), role)
    })
}

/// The result of the last check.
pub fn check(row: &RowView<'_>) -> Cell {
    let (Some(result), state) = (row.text(TextField::CheckStatus), row.row().state()) else {
        return Cell::unknown();
    };
    let result = result.as_str();
    let role = match state {
        State::Maint => Role::Dim,
        _ if result.trim_start_matches("* ").ends_with("OK") || result.ends_with("OKC") => Role::Normal,
        _ if result.starts_with("* ") || matches!(result, "INI" | "UNK" | "CHECKED") => Role::Dim,
        _ => Role::Bad,
    };
    match row.number(Field::CheckCode).filter(|_| role == Role::Bad) {
        Some(code) => Cell::new(format!("{result} {code}"), role),
        None => Cell::new(result, role),
    }
}

fn time_field(row: &RowView<'_>) -> Field {
    if row.is_tcp() { Field::Ttime } else { Field::Rtime }
}

/// Sorts by name, a proxy before its servers.
pub fn name_key(row: &RowView<'_>) -> SortKey {
    let names = row.row();
    SortKey::Text(match names.kind {
        RowKind::Frontend | RowKind::Backend => names.proxy.as_str().to_lowercase(),
        RowKind::Server | RowKind::Listener => names.name.as_str().to_lowercase(),
    })
}

/// Sorts what is broken before what is away before what works.
pub fn status_key(row: &RowView<'_>) -> SortKey {
    let order = match row.row().state() {
        State::Down | State::Stopped => 0.0,
        State::ComingUp => 1.0,
        State::GoingDown | State::Full => 2.0,
        State::Unknown => 3.0,
        State::NoLb | State::Drain | State::Paused => 4.0,
        State::Maint => 5.0,
        State::NoCheck => 6.0,
        State::Up | State::Open => 7.0,
    };
    SortKey::Number(order)
}

/// Sorts by the share of active servers that take traffic.
pub fn usable_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(strength(row).map(|strength| strength.usable as f64 / strength.active.max(1) as f64))
}

/// Sorts by sessions.
pub fn sessions_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(row.number(Field::Scur).map(|sessions| sessions as f64))
}

/// Sorts by waiting requests.
pub fn queue_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(waiting(row).map(|queued| queued as f64))
}

/// Sorts by what is served per second.
pub fn requests_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(row.rate(row.served()))
}

/// Sorts by the share of 5xx, in percent.
pub fn share_5xx_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(share_of_5xx(row).map(|share| share * 100.0))
}

/// Sorts by errors per second.
pub fn errors_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(error_rate(row))
}

/// Sorts by the response time.
pub fn response_time_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(row.average(time_field(row)).map(|time| time as f64))
}

/// The share of its limit that a frontend or server has used; a backend's `fullconn` limits nothing.
pub fn saturation_of(row: &RowView<'_>) -> Option<f64> {
    let limit = row.number(Field::Slim).filter(|limit| *limit > 0 && row.row().kind != RowKind::Backend)?;
    Some(row.number(Field::Scur)? as f64 / limit as f64)
}

/// That share.
pub fn load(row: &RowView<'_>) -> Cell {
    Cell::maybe(saturation_of(row), |share| Cell::new(number_format::percent(share), saturation(share, 0.8, 1.0)))
}

/// Sorts by that share, in percent.
pub fn load_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(saturation_of(row).map(|share| share * 100.0))
}

/// The share of requests sent over a reused connection, within the window.
fn reuse_share(row: &RowView<'_>) -> Option<f64> {
    let (reused, connected) = (row.growth(Field::Reuse)?, row.growth(Field::Connect)?);
    let all = reused.saturating_add(connected);
    (all > 0).then(|| reused as f64 / all as f64)
}

/// What a counter grew by as a share of another, within the window.
fn share(row: &RowView<'_>, part: Field, whole: Field) -> Option<f64> {
    let (part, whole) = (row.growth(part)?, row.growth(whole)?);
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The share of cache look-ups that found something.
pub fn cache(row: &RowView<'_>) -> Cell {
    Cell::maybe(share(row, Field::CacheHits, Field::CacheLookups), |share| Cell::plain(number_format::percent(share)))
}

/// Sorts by that share, in percent.
pub fn cache_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(share(row, Field::CacheHits, Field::CacheLookups).map(|share| share * 100.0))
}

/// What compression leaves of the bytes fed to it.
pub fn compression(row: &RowView<'_>) -> Cell {
    Cell::maybe(share(row, Field::CompOut, Field::CompIn), |share| Cell::plain(number_format::percent(share)))
}

/// Sorts by that share, in percent.
pub fn compression_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(share(row, Field::CompOut, Field::CompIn).map(|share| share * 100.0))
}

/// That share.
pub fn reuse(row: &RowView<'_>) -> Cell {
    Cell::maybe(reuse_share(row), |share| Cell::plain(number_format::percent(share)))
}

/// Sorts by that share, in percent.
pub fn reuse_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(reuse_share(row).map(|share| share * 100.0))
}

/// What a row is.
pub fn kind(row: &RowView<'_>) -> Cell {
    Cell::new(kind_word(row.row().kind), Role::Dim)
}

/// Sorts by what a row is.
pub fn kind_key(row: &RowView<'_>) -> SortKey {
    SortKey::Text(kind_word(row.row().kind).to_owned())
}

/// What a row is, in a word.
pub fn kind_word(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Frontend => "frontend",
        RowKind::Backend => "backend",
        RowKind::Server => "server",
        RowKind::Listener => "listener",
    }
}

/// The proxy that a row belongs to.
pub fn proxy(row: &RowView<'_>) -> Cell {
    Cell::plain(row.row().proxy.as_str())
}

/// Sorts by proxy.
pub fn proxy_key(row: &RowView<'_>) -> SortKey {
    SortKey::Text(row.row().proxy.as_str().to_lowercase())
}

/// What the last check found: its description and the server's own words.
pub fn check_text(row: &RowView<'_>) -> Cell {
    let texts = [TextField::CheckDesc, TextField::LastChk].map(|field| row.text(field));
    let words: Vec<&str> = texts.into_iter().flatten().map(AsRef::as_ref).filter(|text| !text.is_empty()).collect();
    if words.is_empty() { Cell::unknown() } else { Cell::plain(words.join(": ")) }
}

/// Sorts by what the last check found.
pub fn check_text_key(row: &RowView<'_>) -> SortKey {
    let cell = check_text(row);
    if cell.role == Role::Dim { SortKey::Absent } else { SortKey::Text(cell.text.to_lowercase()) }
}

/// Sorts by the result of the last check.
pub fn check_key(row: &RowView<'_>) -> SortKey {
    row.text(TextField::CheckStatus).map_or(SortKey::Absent, |text| SortKey::Text(text.as_str().to_lowercase()))
}

/// The side of a proxy, where its name alone does not tell.
pub fn side(row: &RowView<'_>) -> Cell {
    Cell::new(
        match row.row().kind {
            RowKind::Frontend => "fe",
            RowKind::Backend => "be",
            RowKind::Listener => "li",
            RowKind::Server => "",
        },
        Role::Dim,
    )
}

/// What is wrong with a row: a backend's verdict in a word, else the rule of its worst problem.
pub fn verdict(row: &RowView<'_>) -> Cell {
    let problems = row.watch.problems();
    if let Some(left) = row.watch.draining().left(row.id) {
        return Cell::new(out_of_service::short(left), if left.is_empty { Role::Good } else { Role::Away });
    }
    match (problems.verdict(row.id), problems.of(row.id).max_by_key(|problem| problem.severity)) {
        (Some(verdict), _) => Cell::new(verdict.cause.word(), severity_role(verdict.severity)),
        (None, Some(problem)) => Cell::new(problem.rule.id, severity_role(problem.severity)),
        (None, None) => Cell::plain(""),
    }
}

/// Sorts the worst first.
pub fn verdict_key(row: &RowView<'_>) -> SortKey {
    match row.watch.problems().worst(row.id) {
        Some(Severity::Crit) => SortKey::Number(0.0),
        Some(Severity::Warn) => SortKey::Number(1.0),
        None => SortKey::Number(2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::instance::Instance;
    use crate::observe::test_samples::SampleMaker;

    #[test]
    fn shares_are_of_what_happened_within_the_window() {
        let stat = |cache: &str, compression: &str| {
            format!(
                "# pxname,svname,type,stot,cache_lookups,cache_hits,comp_in,comp_out,\n\
                 www,BACKEND,1,100,{cache},{compression},\n"
            )
        };
        let (mut watch, mut maker) = (Instance::default(), SampleMaker::default());
        watch.take(maker.at_millis(0, &stat("1000,0", "5000,5000")), 0);
        watch.take(maker.at_millis(2000, &stat("1040,30", "5000,5000")), 0);
        let row = RowView::new(&watch, watch.newest().unwrap(), 0);
        assert_eq!(cache(&row).text, "75%");
        assert_eq!(cache_key(&row), SortKey::Number(75.0));
        assert_eq!(compression(&row), Cell::unknown(), "nothing was compressed");
        assert_eq!(compression_key(&row), SortKey::Absent);
        watch.take(maker.at_millis(4000, &stat("1040,30", "9000,6000")), 0);
        let row = RowView::new(&watch, watch.newest().unwrap(), 0);
        assert_eq!(compression(&row).text, "25%");
    }
}
