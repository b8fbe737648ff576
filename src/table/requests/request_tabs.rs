//! The tabs of the view of requests, and its spans of time.

use std::time::Duration;

use crate::logs::group_key::GroupKey;
use crate::logs::window::window_question::ReportSubject;

/// A tab of the view.
#[derive(Debug)]
pub(crate) struct RequestTab {
    /// Name on the screen.
    pub(crate) title: &'static str,
    /// Heading of the first column.
    pub(crate) heading: &'static str,
    /// Rows.
    pub(crate) subject: ReportSubject,
}

const fn groups(title: &'static str, heading: &'static str, key: GroupKey) -> RequestTab {
    RequestTab { title, heading, subject: ReportSubject::Groups(key) }
}

const fn list(title: &'static str, subject: ReportSubject) -> RequestTab {
    RequestTab { title, heading: "TIME", subject }
}

/// All tabs, in their order.
pub(crate) static REQUEST_TABS: &[RequestTab] = &[
    groups("Servers", "SERVER", GroupKey::Server),
    groups("Backends", "BACKEND", GroupKey::Backend),
    groups("Frontends", "FRONTEND", GroupKey::Frontend),
    groups("Clients", "CLIENT", GroupKey::Client),
    groups("Networks", "NETWORK", GroupKey::Network),
    groups("URLs", "URL", GroupKey::Url),
    groups("Statuses", "STATUS", GroupKey::Status),
    groups("Endings", "FLAGS", GroupKey::Flags),
    list("Slowest", ReportSubject::Slowest),
    list("Failed", ReportSubject::Failed),
    list("Newest", ReportSubject::Newest),
];

/// Returns the place of the tab with these rows.
pub(crate) fn place_of(subject: ReportSubject) -> usize {
    REQUEST_TABS.iter().position(|tab| tab.subject == subject).unwrap_or_default()
}

/// The spans of time, shortest first.
pub(crate) const REQUEST_SPANS: [Duration; 3] =
    [Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(10)];
/// The span at first.
pub(crate) const DEFAULT_SPAN: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::window::request_window::MAX_SPAN;

    #[test]
    fn tabs_are_unique_and_spans_are_kept() {
        for (place, tab) in REQUEST_TABS.iter().enumerate() {
            assert_eq!(place_of(tab.subject), place, "{}", tab.title);
        }
        assert!(REQUEST_SPANS.is_sorted() && REQUEST_SPANS.iter().all(|span| *span <= MAX_SPAN));
    }
}
