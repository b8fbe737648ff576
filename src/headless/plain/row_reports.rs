//! Lines about rows: figures of a server or proxy, and what is wrong with it.

use std::time::Duration;

use crate::actions::capacity::Capacity;
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_table::RowKind;
use crate::headless::plain::summary_sentences::{cause_sentence, severity_word};
use crate::instance::state::Instance;
use crate::observe::row_ids::{BackendRows, RowId};
use crate::observe::sample::Sample;
use crate::problems::cause::Cause;
use crate::problems::not_evaluated::not_evaluated_line;
use crate::problems::problem::Problem;
use crate::table::columns::interval_time;
use crate::table::columns::row_view::RowView;
use crate::units::{self, duration_words, pluralize};

/// Maximum number of peers that are described.
const MAX_PEERS: usize = 5;

/// Returns the name of a row: `BACKEND/SERVER` for a server, else the name of the proxy.
pub(crate) fn row_path(row: &RowView<'_>) -> String {
    let stat = row.stat_row();
    match stat.kind {
        RowKind::Server | RowKind::Listener => format!("{}/{}", stat.proxy, stat.name),
        _ => stat.proxy.to_string(),
    }
}

/// Returns the row with this id in the latest sample.
pub(crate) fn view_row(instance: &Instance, id: RowId) -> Option<RowView<'_>> {
    let sample = instance.latest()?;
    Some(RowView::new(instance, sample, sample.rows.index_of(id)?))
}

/// Describes a row in one line: `be_app/app1: UP, 12 sessions, weight 100, responds in 12 ms`.
pub(crate) fn row_line(row: &RowView<'_>) -> String {
    format!("{}: {}", row_path(row), row_figures(row))
}

fn row_figures(row: &RowView<'_>) -> String {
    let stat = row.stat_row();
    let mut parts = vec![row.instance.last_status(row.id).unwrap_or_default().to_string()];
    if let Some(backend) = row.backend() {
        parts.push(usable_servers(row.sample, backend));
    }
    let sessions = row.number(Field::Scur).map(|sessions| match row.number(Field::Slim) {
        // More sessions are allowed: from this number on, the servers get their full maxconn.
        Some(limit) if limit > 0 && stat.kind == RowKind::Backend => {
            format!("{} (fullconn {limit} is not a limit)", pluralize(sessions, "session"))
        }
        Some(limit) if limit > 0 => units::part_of(sessions, limit, "session"),
        _ => pluralize(sessions, "session"),
    });
    parts.extend(sessions);
    parts.extend(row.number(Field::Qcur).filter(|queued| *queued > 0).map(|queued| format!("{queued} queued")));
    if stat.kind == RowKind::Server {
        parts.extend(row.number(Field::Weight).map(|weight| format!("weight {weight}")));
    }
    if !row.is_tcp() {
        let time = interval_time::whole_millis(row, Field::Rtime);
        parts.extend(time.map(|millis| format!("responds in {}", units::millis_words(millis))));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn usable_servers(sample: &Sample, backend: &BackendRows) -> String {
    let capacity = Capacity::from_servers(sample, &backend.servers);
    if capacity.has_servers() { format!("{} usable", capacity.describe_usable()) } else { String::new() }
}

/// Returns one line for each backend.
pub(crate) fn backend_lines(instance: &Instance) -> Vec<String> {
    let Some(sample) = instance.latest() else { return Vec::new() };
    let rows = sample.rows.backends().iter().map(|backend| RowView::new(instance, sample, backend.row));
    rows.map(|row| row_line(&row)).collect()
}

/// Returns one line for each server of a backend, or of all backends; unused slots are left out.
pub(crate) fn server_lines(instance: &Instance, only: Option<RowId>) -> Vec<String> {
    let Some(sample) = instance.latest() else { return Vec::new() };
    let is_wanted = |backend: &&BackendRows| only.is_none_or(|only| sample.rows.ids()[backend.row] == only);
    let servers = sample.rows.backends().iter().filter(is_wanted).flat_map(|backend| &backend.servers);
    let rows = servers.map(|index| RowView::new(instance, sample, *index)).filter(|row| !row.is_unused_slot());
    rows.map(|row| row_line(&row)).collect()
}

/// Returns the causes, worst first, each with what helps.
pub(crate) fn cause_lines(instance: &Instance, now: Duration) -> Vec<String> {
    let line = |cause: &Cause| cause_line(instance, cause, now);
    instance.problems().open_causes().map(line).collect()
}

fn cause_line(instance: &Instance, cause: &Cause, now: Duration) -> String {
    let (sentence, advice) = (cause_sentence(cause, now), cause.advice(instance.level()).text);
    if advice.is_empty() { format!("{sentence}.") } else { format!("{sentence}. What helps: {advice}.") }
}

/// Describes a cause of a backend for the report of a frontend that it affects.
fn frontend_line(instance: &Instance, cause: &Cause, now: Duration) -> String {
    let (severity, age) = (severity_word(cause.severity), cause.age_words(now));
    let advice = cause.advice(instance.level());
    format!("{severity}: {}, for {age}. What helps: {}.", cause.words_for_frontend(), advice.text)
}

/// Returns what is wrong with a row, since when, and how its peers are.
pub(crate) fn why_lines(row: &RowView<'_>, now: Duration) -> Vec<String> {
    let (instance, stat) = (row.instance, row.stat_row());
    let mut lines = vec![format!("{}.", row_line(row))];
    let age = row.number(Field::Lastchg).and_then(|age| u64::try_from(age).ok()).map(Duration::from_secs);
    let age = age.map(|age| format!("In this state for {}", duration_words(age)));
    let author = instance.attributed_to(row.id).map(|who| format!("ordered by {who}"));
    let state: Vec<String> = age.into_iter().chain(author).collect();
    if stat.kind == RowKind::Server && !state.is_empty() {
        lines.push(format!("{}.", state.join(", ")));
    }
    let check: Vec<&str> = [TextField::CheckStatus, TextField::LastChk]
        .into_iter()
        .filter_map(|field| row.text(field).map(SafeText::as_str))
        .filter(|text| !text.is_empty())
        .collect();
    if !check.is_empty() {
        lines.push(format!("Last health check: {}.", check.join(" ")));
    }
    let is_about = |cause: &&Cause| {
        [cause.subject.id, cause.target, cause.proxy_row].contains(&row.id)
            || cause.problems.iter().any(|(problem_row, _)| *problem_row == row.id)
    };
    let causes: Vec<&Cause> = instance.problems().open_causes().filter(is_about).collect();
    for cause in &causes {
        let is_of_backend = stat.kind == RowKind::Frontend && cause.subject.id != row.id;
        let line = if is_of_backend { frontend_line } else { cause_line };
        lines.push(line(instance, cause, now));
    }
    let sentence = |problem: &Problem| {
        let age = problem.age_words(now);
        format!("{}: {}, seen for {age}.", severity_word(problem.severity), problem.text)
    };
    // The line about a cause stands for the problems that it explains.
    let is_known = |problem: &&Problem| causes.iter().any(|cause| cause.problems.contains(&(row.id, problem.rule.id)));
    lines.extend(instance.problems().for_row(row.id).filter(|problem| !is_known(problem)).map(sentence));
    let gaps = not_evaluated_line(&instance.not_evaluated_for(row.id));
    if causes.is_empty() && instance.problems().for_row(row.id).next().is_none() {
        let is_fine = gaps.is_none() && instance.link().is_up();
        lines.push(if is_fine { "Nothing is wrong with it." } else { "No problem was found." }.to_owned());
    }
    lines.extend(gaps.map(|gaps| format!("{gaps}.")));
    lines.extend(peers_line(row));
    lines
}

/// Describes the other servers of the backend, or the servers of a backend.
fn peers_line(row: &RowView<'_>) -> Option<String> {
    let backend = row.sample.rows.backend_of(row.index)?;
    let is_backend = backend.row == row.index;
    let others: Vec<RowView<'_>> = backend
        .servers
        .iter()
        .filter(|index| **index != row.index)
        .map(|index| RowView::new(row.instance, row.sample, *index))
        .filter(|other| !other.is_unused_slot())
        .collect();
    if others.is_empty() {
        return (!is_backend).then(|| "It is the only server of its backend.".to_owned());
    }
    let described: Vec<String> =
        others.iter().take(MAX_PEERS).map(|row| format!("{} {}", row.stat_row().name, row_figures(row))).collect();
    let more = match others.len().saturating_sub(MAX_PEERS) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let head = if is_backend { "Servers" } else { "Peers" };
    Some(format!("{head}: {}{more}.", described.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn lines(name: &str) -> Vec<String> {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        let sample = instance.latest().unwrap();
        let index =
            sample.table.rows().iter().position(|row| {
                row.name.as_str() == name || row.kind == RowKind::Backend && row.proxy.as_str() == name
            });
        why_lines(&RowView::new(&instance, sample, index.unwrap()), Duration::from_secs(1))
    }

    #[test]
    fn sessions_above_fullconn_are_no_error() {
        let line = &lines("www")[0];
        assert!(line.contains("812 sessions (fullconn 200 is not a limit)"), "{line}");
        let line = &lines("api1")[0];
        assert!(line.contains("50 of 50 sessions"), "{line}");
    }

    #[test]
    fn why_lines_describe_server_with_peers() {
        let lines = lines("w1");
        assert!(lines[0].starts_with("www/w1: UP, "), "{lines:?}");
        assert!(lines.iter().any(|line| line == "No problem was found."), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("not evaluated: ")), "{lines:?}");
        assert!(lines.last().unwrap().starts_with("Peers: w2 UP, "), "{lines:?}");
    }

    #[test]
    fn why_lines_describe_cause_of_backend() {
        let lines = lines("legacy");
        assert!(lines.iter().any(|line| line.starts_with("CRITICAL: legacy: no server available")), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("Servers: old1 ")), "{lines:?}");
    }

    #[test]
    fn server_lines_list_servers_of_one_backend() {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        let sample = instance.latest().unwrap();
        let api =
            sample.rows.backends().iter().find(|backend| sample.table.rows()[backend.row].proxy.as_str() == "api");
        let api = sample.rows.ids()[api.unwrap().row];
        let names = |lines: Vec<String>| -> Vec<String> {
            lines.iter().map(|line| line.split(':').next().unwrap().to_owned()).collect()
        };
        assert_eq!(names(server_lines(&instance, Some(api))), ["api/api1", "api/api2", "api/api3"]);
        assert_eq!(names(backend_lines(&instance)), ["www", "api", "legacy"]);
        assert!(server_lines(&instance, None).len() > 3);
    }
}
