//! The state of the dashboard: everything the screen shows.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::actions::action_table::Action;
use crate::app::cli_input::CommandLine;
use crate::app::commands::UiCommand;
use crate::app::dashboard_lists::{self, ListCursor};
use crate::app::keymap::Keymap;
use crate::app::layers::Layer;
use crate::app::layout::{Layout, LayoutNeeds, Pane};
use crate::app::msg::MemoryUse;
use crate::app::query_state::QueryState;
use crate::app::selection::Selection;
use crate::app::undo::UndoStack;
use crate::instance::guard::{Guard, Refusal};
use crate::instance::state::Instance;
use crate::observe::events::Event;
use crate::observe::row_ids::RowId;
use crate::problems::problem::Problem;
use crate::table::cell::Role;
use crate::table::rows::{FoldedProxies, TableLine, TableSettings};
use crate::table::view_table::{Content, PerView, RowScope, View, ViewId};

/// An instance and the state of its views.
#[derive(Debug)]
pub struct InstanceView {
    /// Name given by the user, or the address.
    pub name: String,
    /// Address as text.
    pub address: String,
    /// The stats socket is reached over TCP: everyone who can connect has its level, without a password.
    pub is_tcp: bool,
    /// Samples, history, problems and running actions.
    pub data: Instance,
    /// Cursor of each list of the dashboard, in the order of [`Pane::LISTS`].
    pub list_cursors: [ListCursor; 3],
    /// Cursor of each view that is a table or a list.
    pub view_cursors: PerView<ListCursor>,
    /// Lines of the table shown.
    pub table_lines: Vec<TableLine>,
    /// Inputs these lines were built from.
    pub built_for: Option<TableInputs>,
    /// Proxies whose servers are hidden.
    pub folded: FoldedProxies,
    /// Queries made on request, and their replies.
    pub queries: QueryState,
    /// Number of actions sent whose result has not arrived.
    pub actions_in_flight: usize,
    /// Rows marked for actions on several targets.
    pub selection: Selection,
    /// Servers whose suggestions were dismissed.
    pub dismissed: BTreeSet<RowId>,
}

impl InstanceView {
    /// Creates an instance without samples; `history` is its history's memory limit in bytes.
    pub fn new(name: String, address: String, is_tcp: bool, history: usize) -> Self {
        Self {
            name,
            address,
            is_tcp,
            data: Instance::new(history),
            list_cursors: Default::default(),
            view_cursors: PerView::default(),
            table_lines: Vec::new(),
            built_for: None,
            folded: FoldedProxies::new(),
            queries: QueryState::default(),
            actions_in_flight: 0,
            selection: Selection::default(),
            dismissed: BTreeSet::new(),
        }
    }

    /// Returns the row under the cursor of a dashboard list, or `None` if the pane is not a list or is empty.
    pub fn cursor_row(&self, pane: Pane) -> Option<RowId> {
        self.list_cursors[pane.list_index()?].row()
    }

    /// Returns the rows of a dashboard list.
    pub fn row_ids(&self, pane: Pane) -> Vec<RowId> {
        self.data
            .shown()
            .map_or_else(Vec::new, |sample| dashboard_lists::row_ids(sample, pane, self.cursor_row(Pane::Backends)))
    }
}

/// Inputs of a table's lines. The lines are rebuilt when one of them changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableInputs {
    /// The view.
    pub view: ViewId,
    /// Sequence number of the sample.
    pub seq: u64,
    /// Version of the view's settings.
    pub version: u64,
}

/// A message in the bottom line, shown for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Message text.
    pub text: String,
    /// Meaning, which selects the color.
    pub role: Role,
    /// Time at which it disappears.
    pub expires_at: Duration,
}

/// Selectable time spans of the charts, in seconds.
const SPANS: [u64; 6] = [60, 180, 600, 1800, 3600, 3 * 3600];

/// The state of the dashboard: everything the screen shows.
#[derive(Debug)]
pub struct Model {
    /// Instances, in the order given on the command line or in the configuration.
    pub instances: Vec<InstanceView>,
    /// Index of the instance shown.
    pub current_instance: usize,
    /// View shown.
    pub view: ViewId,
    /// View shown before.
    pub previous_view: ViewId,
    /// Columns, order and filter of each view.
    pub view_settings: PerView<TableSettings>,
    /// Tables keep their order until this time.
    pub order_frozen_until: Duration,
    /// Dashboard list that receives the keys.
    pub focus: Pane,
    /// The focused list fills the body.
    pub is_zoomed: bool,
    /// Command line of view 5.
    pub cli: CommandLine,
    /// Overlays on top of the view, the topmost last.
    pub layers: Vec<Layer>,
    /// Message in the bottom line.
    pub notice: Option<Notice>,
    /// Decides which actions are allowed.
    pub guard: Guard,
    /// Ask for a reason before each action.
    pub requires_reason: bool,
    /// Actions that can be undone.
    pub undo: UndoStack,
    /// Key bindings.
    pub keymap: Keymap,
    /// Requested poll interval, if known.
    pub requested_interval: Option<Duration>,
    /// Memory use of this program; absent until measured.
    pub memory: Option<MemoryUse>,
    /// Terminal size in columns and rows.
    pub terminal_size: (u16, u16),
    span_index: usize,
}

impl Model {
    /// Creates a model that shows the first of `instances`.
    pub fn new(instances: Vec<InstanceView>, guard: Guard, keymap: Keymap, size: (u16, u16)) -> Self {
        let settings = |view: ViewId| {
            TableSettings::for_scope(view.view().content.table_columns().unwrap_or_default(), view.view().scope)
        };
        Self {
            instances,
            current_instance: 0,
            view: ViewId::default(),
            previous_view: ViewId::default(),
            view_settings: PerView::from_fn(settings),
            order_frozen_until: Duration::ZERO,
            focus: Pane::Backends,
            is_zoomed: false,
            cli: CommandLine::new(Vec::new()),
            layers: Vec::new(),
            notice: None,
            guard,
            requires_reason: false,
            undo: UndoStack::default(),
            keymap,
            requested_interval: None,
            memory: None,
            terminal_size: size,
            span_index: 2,
        }
    }

    /// Returns the instance shown, or `None` if there are no instances.
    pub fn instance(&self) -> Option<&InstanceView> {
        self.instances.get(self.current_instance)
    }

    /// Returns the instance shown, mutable.
    pub fn instance_mut(&mut self) -> Option<&mut InstanceView> {
        self.instances.get_mut(self.current_instance)
    }

    /// Returns the view shown.
    pub fn current_view(&self) -> &'static View {
        self.view.view()
    }

    /// Computes the screen layout.
    pub fn layout(&self) -> Layout {
        let rows = match self.instance() {
            Some(instance) => Pane::LISTS.map(|pane| match instance.data.shown() {
                Some(sample) => dashboard_lists::row_indexes(sample, pane, instance.cursor_row(Pane::Backends)).len(),
                None => 0,
            }),
            None => [0; 3],
        };
        let focus = self.focus.list_index().unwrap_or_default();
        let is_dashboard = matches!(self.current_view().content, Content::Dashboard);
        let has_summary_line = self.current_view().scope == RowScope::Changed;
        Layout::new(
            self.terminal_size.0,
            self.terminal_size.1,
            LayoutNeeds {
                row_counts: rows,
                focused_list: focus,
                is_zoomed: self.is_zoomed,
                is_dashboard,
                has_summary_line,
            },
        )
    }

    /// Returns the time span of the charts: the selected span, or a shorter one while the history is shorter.
    pub fn chart_span(&self) -> Duration {
        let history_span = self.instance().map_or(Duration::ZERO, |instance| instance.data.history().span());
        let shortest_sufficient =
            SPANS.iter().map(|span| Duration::from_secs(*span)).find(|span| *span >= history_span);
        let selected_span = Duration::from_secs(SPANS[self.span_index]);
        shortest_sufficient.map_or(selected_span, |shortest_sufficient| shortest_sufficient.min(selected_span))
    }

    /// Selects a longer or shorter time span for the charts.
    pub fn change_chart_span(&mut self, by: i32) {
        self.span_index = self.span_index.saturating_add_signed(by as isize).min(SPANS.len() - 1);
    }

    /// Limits the scroll position of the topmost text to `last`, the last valid position, which is known only after
    /// drawing. Otherwise, scrolling back would first have to undo the excess.
    pub fn limit_scroll(&mut self, last: Option<usize>) {
        let Some(Layer::Help(top) | Layer::Detail(_, top) | Layer::TextPage { top, .. } | Layer::Overhead(top)) =
            self.layers.last_mut()
        else {
            return;
        };
        *top = last.map_or(*top, |last| (*top).min(last));
    }

    /// Shows a message in the bottom line for 3 s plus 50 ms per character.
    pub fn notify(&mut self, text: impl Into<String>, role: Role, now: Duration) {
        let text = text.into();
        let reading_time = Duration::from_millis(3000 + 50 * text.chars().count() as u64);
        self.notice = Some(Notice { text, role, expires_at: now + reading_time });
    }

    /// Returns the row that an action or the detail page would use: the row whose detail page is open, or else the row
    /// under the cursor.
    pub fn focused_row(&self) -> Option<RowId> {
        let detail = self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Detail(id, _) => Some(*id),
            _ => None,
        });
        let instance = self.instance()?;
        detail.or_else(|| match self.current_view().content {
            Content::Dashboard => instance.cursor_row(self.focus),
            Content::Table(_) => instance.view_cursors[self.view].row(),
            Content::Problems => {
                let index = instance.view_cursors[self.view].index();
                Some(self.shown_problems().nth(index)?.subject.id).filter(|id| *id != RowId::PROCESS)
            }
            Content::Cli | Content::Sessions | Content::StickTables | Content::Events => None,
        })
    }

    /// Returns the events that pass the filter of the events view, newest first.
    pub fn shown_events(&self) -> impl Iterator<Item = &Event> {
        let text_filter = &self.view_settings[ViewId::Events].text_filter;
        let all = self.instance().into_iter().flat_map(|instance| instance.data.events().newest_first());
        all.filter(move |event| text_filter.is_empty() || text_filter.matches(&event.line()))
    }

    /// Returns the problems that pass the filter of the problems view, worst first.
    pub fn shown_problems(&self) -> impl Iterator<Item = &Problem> {
        let text_filter = &self.view_settings[ViewId::Problems].text_filter;
        let all = self.instance().into_iter().flat_map(|instance| instance.data.problems().iter());
        all.filter(move |problem| text_filter.is_empty() || text_filter.matches(&problem.line()))
    }

    /// Checks whether the instance shown allows an action at all.
    ///
    /// # Errors
    /// Returns an error in read-only mode, if the socket's level is too low, or without a connection.
    pub fn check_allowed(&self, action: &'static Action) -> Result<(), Refusal> {
        let instance = self.instance().ok_or(Refusal::NotConnected)?;
        self.guard.check_action(action, &instance.data)
    }

    /// Returns the text of a refusal, with the key that resolves it if there is one.
    pub fn explain_refusal(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::Past => {
                // In the command line view most keys type letters, so Esc must come first.
                let first = if matches!(self.current_view().content, Content::Cli) { "Esc, then " } else { "" };
                format!("{refusal}; {first}{} returns to live", self.keymap.key_or_command(UiCommand::TogglePause))
            }
            Refusal::WrongSelection(_) => {
                format!("{refusal}; {} removes all marks", self.keymap.key_or_command(UiCommand::ClearMarks))
            }
            _ => refusal.to_string(),
        }
    }

    /// Shows a refusal in the bottom line.
    pub fn notify_refusal(&mut self, refusal: &Refusal, role: Role, now: Duration) {
        self.notify(self.explain_refusal(refusal), role, now);
    }
}
