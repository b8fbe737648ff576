//! One request, field by field.

use crate::logs::request::Phase;
use crate::logs::termination;
use crate::logs::window::stored_request::LoggedRequest;
use crate::logs::window::window_report;
use crate::units;

/// Width of the names of the fields.
const LABEL: usize = 11;
/// Width of the bars of the phases.
const BAR: usize = 20;

/// Returns the server of a request: its backend and its name.
pub(crate) fn target(request: &LoggedRequest) -> String {
    match (request.backend.is_empty(), request.server.is_empty()) {
        (false, false) => format!("{}/{}", request.backend, request.server),
        (false, true) => request.backend.to_string(),
        (true, false) => request.server.to_string(),
        (true, true) => units::UNKNOWN.to_owned(),
    }
}

/// Returns method and URI of a request.
pub(crate) fn request_line(request: &LoggedRequest) -> String {
    match (request.method.is_empty(), request.uri.is_empty()) {
        (false, _) => format!("{} {}", request.method, request.uri),
        (true, false) => request.uri.to_string(),
        (true, true) => units::UNKNOWN.to_owned(),
    }
}

/// Returns the lines that explain a request. `ended` is the time at which it ended, in words.
pub(crate) fn lines(request: &LoggedRequest, ended: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |label: &str, text: String| lines.push(format!("{label:<LABEL$}{text}"));
    let text = |text: &str| if text.is_empty() { units::UNKNOWN.to_owned() } else { text.to_owned() };
    add("request", request_line(request));
    add(
        "ended",
        format!("{ended}, {} ago", units::duration_words(std::time::Duration::from_millis(u64::from(request.age)))),
    );
    add("client", text(request.client.as_str()));
    add("frontend", text(request.frontend.as_str()));
    add("backend", text(request.backend.as_str()));
    add(
        "server",
        match request.server.as_str() {
            "<NOSRV>" => "<NOSRV>: no server was selected, or HAProxy answered itself".to_owned(),
            "<STATS>" => "<STATS>: the statistics page".to_owned(),
            name => text(name),
        },
    );
    add(
        "status",
        match (request.status, request.origin) {
            (Some(status), Some(origin)) => format!("{status}, {}", window_report::origin_words(origin)),
            (Some(status), None) => status.to_string(),
            (None, _) => "none: the request ended without a response, or it is a TCP session".to_owned(),
        },
    );
    let flags = request.flags.as_str();
    match termination::words(flags.as_bytes()) {
        Some(words) => add("flags", format!("{flags}: {words}")),
        None => add("flags", text(flags)),
    }
    if let Some(cause) = termination::likely_cause(flags.as_bytes()).filter(|_| flags != "--") {
        add("", format!("likely cause: {cause}"));
    }
    add("bytes", format!("{} sent to the client", units::bytes(request.bytes as f64)));
    lines.push(String::new());
    let longest = request.times.iter().flatten().copied().max().unwrap_or(0).max(1);
    for phase in Phase::ALL {
        let (time, bar) = match request.time(phase) {
            Some(millis) => {
                let share = f64::from(millis) / f64::from(longest);
                (units::millis_words(f64::from(millis)), "#".repeat((share * BAR as f64).round() as usize))
            }
            None => (units::UNKNOWN.to_owned(), String::new()),
        };
        lines
            .push(format!("{:<LABEL$}{time:>10}  {bar:<BAR$}  {}", phase.name(), meaning(phase)).trim_end().to_owned());
    }
    lines
}

/// Returns what a phase is.
fn meaning(phase: Phase) -> &'static str {
    match phase {
        Phase::Request => "until the client had sent it",
        Phase::Queue => "waiting for a free slot",
        Phase::Connect => "connecting to the server",
        Phase::Response => "until the response headers",
        Phase::Total => "until the end of the response",
    }
}
