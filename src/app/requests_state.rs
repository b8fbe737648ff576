//! The state of the view of requests: tab, span, filter and order, and what the logs of the instances show.

use std::time::Duration;

use crate::app::dashboard_lists::ListCursor;
use crate::app::ui_commands::CursorStep;
use crate::haproxy::safe_text::SafeText;
use crate::logs::live_log::LogUpdate;
use crate::logs::request::Phase;
use crate::logs::request_filter::RequestFilter;
use crate::logs::window::stored_request::LoggedRequest;
use crate::logs::window::window_question::{GroupRank, ReportSubject, WindowQuestion};
use crate::logs::window::window_report::WindowReport;
use crate::observe::instance_id::InstanceId;
use crate::table::requests::request_columns::RequestRow;
use crate::table::requests::request_table::{self, RequestSort};
use crate::table::requests::request_tabs::{DEFAULT_SPAN, REQUEST_SPANS, REQUEST_TABS, RequestTab};

/// The state of the view, and the latest figures of each log.
#[derive(Debug)]
pub(crate) struct RequestsState {
    /// Place of the tab shown.
    tab: usize,
    /// Place of the span shown.
    span: usize,
    /// Phase whose times are shown.
    phase: Phase,
    filter: RequestFilter,
    filter_text: String,
    /// Filter that selects the row from which the view was opened.
    pub(super) row_filter: String,
    /// Order of groups.
    pub(crate) sort: RequestSort,
    /// Cursor.
    pub(crate) cursor: ListCursor,
    /// Name of the group under the cursor, once the cursor was moved.
    selected: Option<SafeText>,
    /// Names of the groups in the order shown.
    order: Vec<SafeText>,
    updates: Vec<(InstanceId, LogUpdate)>,
    /// Instances whose logs were searched for.
    pub(super) searched: Vec<InstanceId>,
    /// Number of the last question.
    pub(super) question_number: u64,
    /// The last question; `None` while the view is not shown.
    pub(super) asked: Option<(InstanceId, WindowQuestion)>,
}

impl Default for RequestsState {
    fn default() -> Self {
        Self {
            tab: 0,
            span: DEFAULT_SPAN,
            phase: Phase::Response,
            filter: RequestFilter::default(),
            filter_text: String::new(),
            row_filter: String::new(),
            sort: RequestSort::default(),
            cursor: ListCursor::default(),
            selected: None,
            order: Vec::new(),
            updates: Vec::new(),
            searched: Vec::new(),
            question_number: 0,
            asked: None,
        }
    }
}

impl RequestsState {
    /// Returns the tab shown.
    pub(crate) fn tab(&self) -> &'static RequestTab {
        &REQUEST_TABS[self.tab]
    }

    /// Returns the span shown.
    pub(crate) fn span(&self) -> Duration {
        REQUEST_SPANS[self.span]
    }

    /// Returns the phase whose times are shown.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns the filter as it was typed.
    pub(crate) fn filter_text(&self) -> &str {
        &self.filter_text
    }

    /// Sets the filter and its text.
    pub(super) fn set_filter(&mut self, filter: RequestFilter, text: &str) {
        (self.filter, self.filter_text) = (filter, text.trim().to_owned());
        self.reset_cursor();
    }

    /// Clears the filter. Returns false if none is set.
    pub(super) fn clear_filter(&mut self) -> bool {
        let was_set = !self.filter.is_empty();
        self.set_filter(RequestFilter::default(), "");
        was_set
    }

    /// Shows a tab.
    pub(super) fn show_tab(&mut self, place: usize) {
        self.tab = place.min(REQUEST_TABS.len() - 1);
        self.reset_cursor();
    }

    /// Shows the tab `by` places further; after the last one, the first one.
    pub(super) fn move_tab(&mut self, by: i32) {
        self.show_tab((self.tab as i32 + by).rem_euclid(REQUEST_TABS.len() as i32) as usize);
    }

    /// Shows a longer or shorter span. Returns false if no other span follows.
    pub(super) fn change_span(&mut self, by: i32) -> bool {
        let next = self.span.saturating_add_signed(by as isize).min(REQUEST_SPANS.len() - 1);
        std::mem::replace(&mut self.span, next) != next
    }

    /// Shows the times of the next phase: that of the server's response first.
    pub(super) fn show_next_phase(&mut self) {
        let place = Phase::ALL.iter().position(|phase| *phase == self.phase).unwrap_or_default();
        self.phase = Phase::ALL[(place + 1) % Phase::ALL.len()];
    }

    fn reset_cursor(&mut self) {
        (self.cursor, self.selected) = (ListCursor::default(), None);
        self.order.clear();
    }

    /// Returns what is asked about the requests now.
    pub(super) fn question(&self, number: u64) -> WindowQuestion {
        let subject = self.tab().subject;
        let is_grouped = matches!(subject, ReportSubject::Groups(_));
        WindowQuestion {
            number,
            subject,
            span: self.span(),
            phase: self.phase,
            filter: self.filter.clone(),
            rank: if is_grouped { self.sort.rank() } else { GroupRank::Requests },
        }
    }

    /// Records what a log shows.
    pub(super) fn record(&mut self, id: InstanceId, update: LogUpdate) {
        self.updates.retain(|(known, _)| *known != id);
        self.updates.push((id, update));
    }

    /// Returns what the log of an instance shows; `None` before the first answer.
    pub(crate) fn update(&self, id: InstanceId) -> Option<&LogUpdate> {
        self.updates.iter().find(|(known, _)| *known == id).map(|(_, update)| update)
    }

    /// Returns the report about the rows of the tab.
    pub(crate) fn report(&self, id: InstanceId) -> Option<&WindowReport> {
        self.update(id)?.report.as_ref().filter(|report| report.subject == self.tab().subject)
    }

    /// Returns whether a report answers the last question.
    pub(crate) fn is_current(&self, report: &WindowReport) -> bool {
        self.asked.as_ref().is_some_and(|(_, question)| question.number == report.number)
    }

    /// Returns the groups of a report in the order shown.
    pub(crate) fn rows<'r>(&self, report: &'r WindowReport) -> Vec<RequestRow<'r>> {
        let mut rows = request_table::rows(report, self.sort);
        if self.is_shown_order(&rows) {
            return rows;
        }
        let place = |row: &RequestRow<'_>| self.order.iter().position(|name| name.as_str() == row.name);
        rows.sort_by_key(|row| place(row).unwrap_or(usize::MAX));
        rows
    }

    fn is_shown_order(&self, rows: &[RequestRow<'_>]) -> bool {
        rows.iter().map(|row| row.name).eq(self.order.iter().map(SafeText::as_str))
    }

    /// Returns the number of rows of the tab.
    pub(crate) fn row_count(&self, id: InstanceId) -> usize {
        self.report(id).map_or(0, |report| match report.subject {
            ReportSubject::Groups(_) => report.groups.len(),
            _ => report.requests.len(),
        })
    }

    /// Returns the request under the cursor, in a tab of single requests.
    pub(crate) fn cursor_request(&self, id: InstanceId) -> Option<&LoggedRequest> {
        self.report(id)?.requests.get(self.cursor.index())
    }

    /// Returns the name of the group under the cursor.
    pub(crate) fn cursor_group(&self, id: InstanceId) -> Option<String> {
        let rows = self.rows(self.report(id)?);
        rows.get(self.cursor.index()).map(|row| row.name.to_owned())
    }

    /// Keeps the cursor on its group and visible among `height` lines. The rows keep their places if the order is frozen.
    pub(super) fn update_rows(&mut self, id: InstanceId, is_frozen: bool, height: usize) {
        let names: Vec<SafeText> = match self.report(id) {
            Some(report) => {
                let rows = request_table::rows(report, self.sort);
                rows.iter().map(|row| SafeText::from(row.name)).collect()
            }
            None => Vec::new(),
        };
        self.order = if is_frozen && !self.order.is_empty() {
            let still = self.order.iter().filter(|name| names.contains(name));
            let new = names.iter().filter(|name| !self.order.contains(name));
            still.chain(new).cloned().collect()
        } else {
            names
        };
        let place = self.selected.as_ref().and_then(|name| self.order.iter().position(|known| known == name));
        if let Some(place) = place {
            self.cursor.follow_line(place);
        }
        let count = self.row_count(id);
        self.cursor.scroll(CursorStep::Rows(0), count, height);
        self.selected = self.selected.take().and_then(|_| self.order.get(self.cursor.index()).cloned());
    }

    /// Moves the cursor.
    pub(super) fn move_cursor(&mut self, id: InstanceId, step: CursorStep, height: usize) {
        let count = self.row_count(id);
        self.cursor.scroll(step, count, height);
        self.selected = self.order.get(self.cursor.index()).cloned();
    }
}
