//! Replies to queries made on request: sessions, stick tables, the command line.

use std::time::Duration;

use crate::actions::action_table::{Action, TargetKind};
use crate::actions::intent::{ActionTarget, IntentStep};
use crate::app::session_groups::{EntryGroup, SessionGroup, SessionGrouping};
use crate::app::session_marks::SessionMarks;
use crate::ask::query::Query;
use crate::ask::query_limits::QueryPauses;
use crate::haproxy::command_list::CommandHelp;
use crate::haproxy::reply_lines::ReplyLines;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{SessionFilter, SessionOrder, Sessions};
use crate::haproxy::stick_tables::{StickTables, TableEntries};
use crate::observe::timestamp::Timestamp;
use crate::table::cell::Role;
use crate::table::text_filter::TextFilter;

/// The latest reply to one kind of query.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    /// Data of the latest successful reply, and the time at which it arrived.
    pub(crate) latest: Option<(T, Timestamp)>,
    /// Error of the last query, if it failed.
    pub error: Option<String>,
    /// Monotonic time at which the last query failed, if it did.
    pub(crate) failed_at: Option<Duration>,
    /// Set if a query was sent and its reply has not arrived.
    pub is_waiting: bool,
    /// Set if a query is sent as soon as its minimum pause is over.
    pub(crate) is_scheduled: bool,
    /// Time that HAProxy took to send the latest reply.
    pub(crate) reply_time: Duration,
}

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self {
            latest: None,
            error: None,
            failed_at: None,
            is_waiting: false,
            is_scheduled: false,
            reply_time: Duration::ZERO,
        }
    }
}

impl<T> Fetched<T> {
    /// Records that a query was sent.
    pub(crate) fn start_waiting(&mut self) {
        self.is_waiting = true;
        self.is_scheduled = false;
        self.error = None;
        self.failed_at = None;
    }

    /// Stores a reply that took `reply_time`.
    pub(crate) fn store(&mut self, data: T, at: Timestamp, reply_time: Duration) {
        *self = Self { latest: Some((data, at)), reply_time, ..Self::default() };
    }

    /// Records an error at the monotonic time `at`; the data of the last successful reply stays.
    pub(crate) fn record_failure(&mut self, message: String, at: Duration) {
        self.error = Some(message);
        self.failed_at = Some(at);
        self.is_waiting = false;
    }
}

/// The entries of the stick table that is open.
#[derive(Debug, Clone)]
pub struct OpenTable {
    /// Table name.
    pub(crate) name: SafeText,
    /// Entries of the table.
    pub(crate) entries: Fetched<TableEntries>,
    /// Index of the counter to sort by, among the table's counters.
    pub(crate) sort: usize,
    /// Filter for the entries. The filter of the view applies to the list of tables.
    pub(crate) text_filter: TextFilter,
    /// True if the entries are grouped by network.
    pub(crate) is_grouped: bool,
    /// Network whose entries are shown, if the entries are grouped.
    pub(crate) open_group: Option<String>,
    /// The groups, if the entries are grouped.
    pub(crate) groups: Vec<EntryGroup>,
}

impl OpenTable {
    /// Opens a table without entries and without a filter.
    pub(crate) fn new(name: SafeText) -> Self {
        Self {
            name,
            entries: Fetched::default(),
            sort: 0,
            text_filter: TextFilter::default(),
            is_grouped: false,
            open_group: None,
            groups: Vec::new(),
        }
    }
}

/// An action on sessions whose details are being read, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct SessionActionRequest {
    /// The action.
    pub(crate) action: &'static Action,
    /// Sessions whose details were not read yet; the details of the last one are being read.
    pub(crate) unread: Vec<ActionTarget>,
    /// Sessions with their details.
    pub(crate) read: Vec<ActionTarget>,
    /// Number of sessions that have ended since they were listed.
    pub(crate) ended: usize,
    /// Set if the list was read again for the action.
    pub(crate) is_repeated: bool,
}

/// A line in the scrollback of view 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrollbackLine {
    /// Text.
    pub text: SafeText,
    /// Meaning (command, reply, error), which selects the color.
    pub(crate) role: Role,
}

/// Queries of one instance and their replies.
#[derive(Debug)]
pub struct QueryState {
    /// Minimum pauses between queries, and the time of the last query of each kind.
    pub(crate) pauses: QueryPauses,
    /// Sessions.
    pub sessions: Fetched<Sessions>,
    /// Filter of the last query for sessions.
    pub(crate) sessions_filter: SessionFilter,
    /// Filter that the sessions view got from the row chosen in the previous view.
    pub(crate) row_filter: TextFilter,
    /// The action that a key press started on sessions, until their details have arrived.
    pub(crate) session_action: Option<SessionActionRequest>,
    /// The action that starts again when the list of sessions was read again, because its sessions had all ended.
    pub(crate) repeated_action: Option<&'static Action>,
    /// Sort order of the sessions.
    pub session_order: SessionOrder,
    /// Property by which the sessions are grouped; `None` for single sessions.
    pub(crate) grouping: Option<SessionGrouping>,
    /// Group whose sessions are shown, if the sessions are grouped.
    pub(crate) open_group: Option<String>,
    /// The groups, if the sessions are grouped.
    pub session_groups: Vec<SessionGroup>,
    /// True if the groups with the oldest sessions come first, instead of those with the most sessions.
    pub(crate) is_oldest_group_first: bool,
    /// Filter for which the groups were computed; `None` if they must be computed again.
    pub(crate) groups_filter: Option<TextFilter>,
    /// Marked sessions.
    pub marks: SessionMarks,
    /// Automatic refresh of views 7 and 8, as chosen by the operator; `None` for no choice.
    pub(crate) refresh_choice: Option<bool>,
    /// Stick tables.
    pub(crate) tables: Fetched<StickTables>,
    /// Stick table whose entries are shown, if any.
    pub open_table: Option<OpenTable>,
    /// Runtime API commands of this HAProxy.
    pub(crate) command_list: Fetched<Vec<CommandHelp>>,
    /// Scrollback of view 5, oldest line first.
    pub scrollback: Vec<ScrollbackLine>,
}

impl Default for QueryState {
    fn default() -> Self {
        Self {
            pauses: QueryPauses::default(),
            sessions: Fetched::default(),
            sessions_filter: SessionFilter::default(),
            row_filter: TextFilter::default(),
            session_action: None,
            repeated_action: None,
            session_order: SessionOrder::Age,
            grouping: None,
            open_group: None,
            session_groups: Vec::new(),
            is_oldest_group_first: false,
            groups_filter: None,
            marks: SessionMarks::default(),
            refresh_choice: None,
            tables: Fetched::default(),
            open_table: None,
            command_list: Fetched::default(),
            scrollback: Vec::new(),
        }
    }
}

/// Maximum number of scrollback lines.
const MAX_SCROLLBACK_LINES: usize = 20_000;

impl QueryState {
    /// Opens the table of a query that must wait for its minimum pause; the query is sent when the pause is over. Returns
    /// false for another query, and for the table that is open.
    pub(crate) fn schedule(&mut self, query: &Query) -> bool {
        let Query::TableEntries { table, .. } = query else { return false };
        if self.open_table.as_ref().is_some_and(|open| open.name == *table) {
            return false;
        }
        let mut open = OpenTable::new(table.clone());
        open.entries.is_scheduled = true;
        self.open_table = Some(open);
        true
    }

    /// Removes an ended session or a cleared stick table entry from the latest reply.
    pub(crate) fn remove_target(&mut self, step: &IntentStep) {
        let ActionTarget { proxy, name, .. } = &step.target;
        self.groups_filter = None;
        match step.action.target_kind {
            TargetKind::Session => {
                if let Some((sessions, _)) = &mut self.sessions.latest {
                    sessions.list.retain(|session| session.id != *name);
                }
            }
            TargetKind::TableEntry => {
                let open = self.open_table.as_mut().filter(|open| open.name == *proxy);
                if let Some((entries, _)) = open.and_then(|open| open.entries.latest.as_mut()) {
                    entries.list.retain(|entry| entry.key != *name);
                }
            }
            TargetKind::Server | TargetKind::Frontend | TargetKind::Process => {}
        }
    }

    /// Adds a line to the scrollback.
    pub fn push_line(&mut self, text: impl Into<SafeText>, role: Role) {
        self.scrollback.push(ScrollbackLine { text: text.into(), role });
        if self.scrollback.len() > MAX_SCROLLBACK_LINES {
            self.scrollback.drain(..MAX_SCROLLBACK_LINES / 10);
        }
    }

    /// Adds a reply to the scrollback, with a note if the reply is empty or incomplete.
    pub(crate) fn push_reply(&mut self, lines: &ReplyLines, is_complete: bool) {
        if lines.as_slice().iter().all(SafeText::is_empty) {
            self.push_line("(empty reply; after a change this means success)", Role::Dim);
        }
        for line in lines.as_slice() {
            self.push_line(line.clone(), Role::Normal);
        }
        if lines.dropped() > 0 {
            self.push_line(format!("… {} more lines", lines.dropped()).as_str(), Role::Warn);
        }
        if !is_complete {
            self.push_line("(the reply was truncated)", Role::Warn);
        }
    }
}
