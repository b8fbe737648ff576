//! The state of the dashboard: everything the screen shows.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::app::balancers_state::BalancersState;
use crate::app::chart_settings::ChartSettings;
use crate::app::command_line::CommandLine;
use crate::app::group_run::GroupRun;
use crate::app::group_state::BalancerGroup;
use crate::app::instance_view::InstanceView;
use crate::app::keymap::Keymap;
use crate::app::layers::{Layer, TextExtent};
use crate::app::layout::{Layout, LayoutNeeds, Pane, ROW_PREFIX_WIDTH};
use crate::app::message::MemoryUse;
use crate::app::mouse_report::MouseState;
use crate::app::notice::Notice;
use crate::app::problem_lines::{self, ProblemLine};
use crate::app::query_state::OpenTable;
use crate::app::replay_state::Replay;
use crate::app::requests_state::RequestsState;
use crate::app::table_layout::{TableAreas, TableNeeds};
use crate::app::table_notes;
use crate::app::timeline;
use crate::app::ui_commands::UiCommand;
use crate::app::undo::UndoStack;
use crate::app::view_history::ViewHistory;
use crate::config::confirm_quit::ConfirmQuit;
use crate::instance::time_spans::ComparedSpan;
use crate::observe::events::Event;
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column_use::ColumnUse;
use crate::table::rows::{FoldedProxies, TableSettings};
use crate::table::text_filter::TextFilter;
use crate::table::view_table::{Content, PerView, RowScope, View, ViewId};

/// The state of the dashboard: everything the screen shows.
#[derive(Debug)]
pub struct Model {
    /// Instances, in the order given on the command line or in the configuration.
    pub instances: Vec<InstanceView>,
    /// Index of the instance shown.
    current: usize,
    /// View shown.
    view: ViewId,
    /// Views shown before.
    pub(crate) view_history: ViewHistory,
    /// Columns, order and filter of each view.
    pub view_settings: PerView<TableSettings>,
    /// Time until which tables keep the order of their rows.
    order_frozen_until: Duration,
    /// Set if the filter was changed and the first matching row is to be selected.
    pub(crate) selects_first_match: bool,
    /// Span that the comparison before and after shows; `None` for the default.
    pub(crate) chosen_span: Option<ComparedSpan>,
    /// Dashboard list whose cursor selects the row.
    pub focus: Pane,
    /// Pane next to the lists of the dashboard that receives the keys instead of the list; `None` otherwise.
    pub(crate) side_focus: Option<Pane>,
    /// Set if the focused list fills the body.
    pub is_zoomed: bool,
    /// Command line of view 5.
    pub cli: CommandLine,
    /// Overlays on top of the view, the topmost last.
    pub layers: Vec<Layer>,
    /// Extent of the topmost text in the latest frame.
    pub(crate) text_extent: TextExtent,
    /// Message in the bottom line.
    pub notice: Option<Notice>,
    /// Set if each action requires a reason.
    pub requires_reason: bool,
    /// When `q` asks before it ends the dashboard.
    pub confirm_quit: ConfirmQuit,
    /// Replay of a recording; `None` if HAProxy is polled.
    pub(crate) replay: Option<Replay>,
    /// Time of the first message.
    pub(crate) started_at: Option<Duration>,
    /// Time until which another `q` ends the dashboard; `None` unless the question was just asked.
    pub(crate) quit_asked_until: Option<Duration>,
    /// The use of the mouse; `None` if it is not used.
    pub mouse: Option<MouseState>,
    /// Actions that can be undone.
    pub(crate) undo: UndoStack,
    /// Action on several balancers that has not ended.
    pub(crate) group_run: Option<GroupRun>,
    /// Number of actions on several balancers so far.
    pub(crate) group_runs: u64,
    /// Key bindings.
    pub(crate) keymap: Keymap,
    /// Requested poll interval, if known.
    pub(crate) requested_interval: Option<Duration>,
    /// Time zone of the clock times that are shown and typed.
    pub(crate) time_zone: TimeZone,
    /// Memory use of this program; `None` until the first measurement.
    pub memory: Option<MemoryUse>,
    /// Terminal size in columns and rows.
    pub terminal_size: (u16, u16),
    /// Span and number of the charts.
    pub(crate) charts: ChartSettings,
    /// View of all balancers, and their roles.
    pub(crate) balancers: BalancersState,
    /// View of the requests of the log.
    pub(crate) requests: RequestsState,
    /// The rows of all balancers merged; `None` while a single balancer is shown.
    pub(crate) group: Option<Box<BalancerGroup>>,
}

impl Model {
    /// Creates a model that shows the first of `instances`.
    pub fn new(instances: Vec<InstanceView>, keymap: Keymap, size: (u16, u16)) -> Self {
        let settings = |view: ViewId| {
            TableSettings::for_scope(view.view().content.table_columns().unwrap_or_default(), view.view().scope)
        };
        Self {
            instances,
            current: 0,
            view: ViewId::default(),
            view_history: ViewHistory::default(),
            view_settings: PerView::from_fn(settings),
            order_frozen_until: Duration::ZERO,
            selects_first_match: false,
            chosen_span: None,
            focus: Pane::Backends,
            side_focus: None,
            is_zoomed: false,
            cli: CommandLine::new(Vec::new()),
            layers: Vec::new(),
            text_extent: TextExtent::default(),
            notice: None,
            requires_reason: false,
            confirm_quit: ConfirmQuit::Auto,
            replay: None,
            started_at: None,
            quit_asked_until: None,
            mouse: None,
            undo: UndoStack::default(),
            group_run: None,
            group_runs: 0,
            keymap,
            requested_interval: None,
            time_zone: TimeZone::UTC,
            memory: None,
            terminal_size: size,
            charts: ChartSettings::default(),
            balancers: BalancersState::default(),
            requests: RequestsState::default(),
            group: None,
        }
    }

    /// Returns the instance shown, or `None` if there are no instances. If the view shows the rows of all balancers merged,
    /// these are those of one more instance.
    pub fn instance(&self) -> Option<&InstanceView> {
        match &self.group {
            Some(group) if self.is_merged() => Some(&group.view),
            _ => self.single_instance(),
        }
    }

    /// Returns the instance shown, mutable.
    pub fn instance_mut(&mut self) -> Option<&mut InstanceView> {
        let is_merged = self.is_merged();
        match &mut self.group {
            Some(group) if is_merged => Some(&mut group.view),
            _ => self.instances.get_mut(self.current),
        }
    }

    /// Returns the HAProxy that is shown by views that do not show all balancers.
    pub(crate) fn single_instance(&self) -> Option<&InstanceView> {
        self.instances.get(self.current)
    }

    /// Returns the HAProxy that is shown by views that do not show all balancers, mutable.
    pub(crate) fn single_instance_mut(&mut self) -> Option<&mut InstanceView> {
        self.instances.get_mut(self.current)
    }

    /// Returns the number of the instance shown, counted from 1.
    pub(crate) fn instance_number(&self) -> usize {
        self.current + 1
    }

    /// Returns an instance by its id.
    pub(crate) fn instance_by_id(&self, id: InstanceId) -> Option<&InstanceView> {
        let merged = self.group.iter().map(|group| &group.view);
        self.instances.iter().chain(merged).find(|instance| instance.id() == id)
    }

    /// Returns an instance by its id, mutable.
    pub(crate) fn instance_by_id_mut(&mut self, id: InstanceId) -> Option<&mut InstanceView> {
        let merged = self.group.iter_mut().map(|group| &mut group.view);
        self.instances.iter_mut().chain(merged).find(|instance| instance.id() == id)
    }

    /// Shows the instance that is `by` places after the one shown, or before it if negative. Returns the id of the
    /// instance that was shown before, or `None` if there is only one instance.
    pub(crate) fn switch_instance(&mut self, by: i32) -> Option<InstanceId> {
        let (before, count) = (self.single_instance()?.id(), self.instances.len());
        self.current = (self.current as i32 + by).rem_euclid(count as i32) as usize;
        (count > 1).then_some(before)
    }

    /// Returns the view shown.
    pub fn view(&self) -> ViewId {
        self.view
    }

    /// Shows a view, from which Esc goes back to the one shown before.
    pub(crate) fn switch_view(&mut self, view: ViewId) {
        self.view_history.record(self.view, view);
        self.enter_view(view);
    }

    /// Goes back to the previous view.
    pub(crate) fn leave_view(&mut self) {
        let view = self.view_history.leave();
        self.enter_view(view);
    }

    /// Shows a view. A table is sorted at once, even if the order was frozen.
    fn enter_view(&mut self, view: ViewId) {
        if self.view.view().scope == RowScope::Changed {
            let merged = self.group.iter_mut().map(|group| &mut group.view);
            self.instances.iter_mut().chain(merged).for_each(|instance| instance.data.discard_comparison());
        }
        self.view = view;
        self.order_frozen_until = Duration::ZERO;
    }

    /// Makes tables keep the order of their rows until this time.
    pub(crate) fn freeze_order(&mut self, until: Duration) {
        self.order_frozen_until = until;
    }

    /// Returns whether the view of all balancers is shown.
    pub(crate) fn shows_balancers(&self) -> bool {
        matches!(self.current_view().content, Content::Balancers)
    }

    /// Returns whether the view of requests is shown.
    pub(crate) fn shows_requests(&self) -> bool {
        matches!(self.current_view().content, Content::Requests)
    }

    /// Returns whether rows keep their places: shortly after the cursor moved, or while a layer of an action is open.
    pub(crate) fn is_order_frozen(&self, now: Duration) -> bool {
        self.layers.iter().any(Layer::is_about_action) || now < self.order_frozen_until
    }

    /// Rebuilds the lines of the table shown, or the lists of the dashboard, if needed. The rows keep their places while
    /// their order is frozen or a layer of an action is open.
    pub(crate) fn update_rows(&mut self, now: Duration) {
        let is_frozen = self.is_order_frozen(now);
        let (span, is_merged) = (self.compared_span(), self.is_merged());
        let (instance, balancers) = match self.group.as_deref_mut() {
            Some(group) if is_merged => (&mut group.view, group.merged_from.instances(&self.instances)),
            _ => match self.instances.get_mut(self.current) {
                Some(single) => (single, Vec::new()),
                None => return,
            },
        };
        if self.view.view().scope == RowScope::Changed {
            instance.data.update_comparison(span, &balancers);
        }
        match self.view.view().content {
            Content::Dashboard => instance.update_lists(&self.view_settings[self.view], is_frozen),
            Content::Table(_) => instance.update_table_lines(self.view, &self.view_settings[self.view], is_frozen),
            _ => {}
        }
    }

    /// Continues the comparisons that are being computed.
    pub(crate) fn continue_comparisons(&mut self) {
        self.instances.iter_mut().for_each(|instance| instance.data.continue_comparison(&[]));
        if let Some(group) = &mut self.group {
            group.view.data.continue_comparison(&group.merged_from.instances(&self.instances));
        }
    }

    /// Changes the set of folded proxies of the instance shown.
    pub(crate) fn change_folded(&mut self, change: impl FnOnce(&mut FoldedProxies)) {
        if let Some(instance) = self.instance_mut() {
            change(&mut instance.folded);
            self.view_settings[self.view].mark_changed();
        }
    }

    /// Returns the view shown.
    pub fn current_view(&self) -> &'static View {
        self.view.view()
    }

    /// Computes the screen layout.
    pub fn layout(&self) -> Layout {
        let rows = self.instance().map_or([0; Pane::LISTS.len()], |instance| instance.lists.unfiltered_counts());
        let focus = self.focus.list_index().unwrap_or_default();
        let is_dashboard = matches!(self.current_view().content, Content::Dashboard);
        let is_past = self.instance().is_some_and(|instance| instance.data.past_moment().is_some());
        let has_summary_line = self.current_view().scope == RowScope::Changed;
        let list_widths = [Pane::Frontends, Pane::Backends]
            .map(|pane| self.instance().map_or(0, |instance| instance.lists.wanted_width(pane)));
        Layout::new(
            self.terminal_size.0,
            self.terminal_size.1,
            LayoutNeeds {
                row_counts: rows,
                focused_list: focus,
                is_zoomed: self.is_zoomed,
                is_dashboard,
                has_summary_line,
                left_width: list_widths[0].max(list_widths[1]).saturating_add(ROW_PREFIX_WIDTH),
                timeline_rows: timeline::row_count(self.terminal_size, is_past),
            },
        )
    }

    /// Returns the parts of a view that is a table.
    pub(crate) fn table_areas(&self, layout: &Layout) -> TableAreas {
        let settings = &self.view_settings[self.view];
        let needs = self.instance().map_or_else(TableNeeds::default, |instance| {
            let names = instance.name_width(self.view, settings);
            let width = ColumnUse::wanted_width(&settings.visible_columns(), names);
            TableNeeds {
                row_count: instance.unfiltered_count(self.view),
                width: width.saturating_add(ROW_PREFIX_WIDTH),
                note_count: self.table_notes().len(),
            }
        });
        TableAreas::new(layout.body, needs)
    }

    /// Returns the lines after the rows of the table shown.
    pub(crate) fn table_notes(&self) -> Vec<Cell> {
        let [fold, next] =
            [UiCommand::ToggleFold, UiCommand::SwitchInstance(1)].map(|command| self.keymap.key_or_command(command));
        let (Some(instance), settings) = (self.instance(), &self.view_settings[self.view]) else { return Vec::new() };
        let others = self.instances.iter().filter(|other| other.id() != instance.id() && !self.is_merged());
        let elsewhere = table_notes::out_of_service_elsewhere(others, settings, &next);
        table_notes::notes(&instance.data, settings, &fold).into_iter().chain(elsewhere).collect()
    }

    /// Returns the span that the comparison before and after shows: the one chosen, or else the time since the marked moment,
    /// or else 10 minutes.
    pub(crate) fn compared_span(&self) -> ComparedSpan {
        let has_mark = self.instance().is_some_and(|instance| instance.data.marked_moment().is_some());
        match self.chosen_span {
            Some(span) if has_mark || span != ComparedSpan::Mark => span,
            _ if has_mark => ComparedSpan::Mark,
            _ => ComparedSpan::TenMinutes,
        }
    }

    /// Shows a message in the bottom line for 3 s plus 50 ms per character.
    pub(crate) fn notify(&mut self, text: impl Into<String>, role: Role, now: Duration) {
        let text = text.into();
        let reading_time = Duration::from_millis(3000 + 50 * text.chars().count() as u64);
        self.notice = Some(Notice { text, role, expires_at: now + reading_time, is_reply: false });
    }

    /// Returns the row that an action or the detail page would use: the row whose detail page is open, or else the row
    /// under the cursor.
    pub fn focused_row(&self) -> Option<RowId> {
        let detail = self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Detail(row, _) => Some(*row),
            _ => None,
        });
        let instance = self.instance()?;
        detail.filter(|row| row.instance == instance.id()).map(|row| row.row).or_else(|| {
            match self.current_view().content {
                Content::Dashboard if self.side_focus == Some(Pane::Events) => None,
                Content::Dashboard => self.list_row(),
                Content::Table(_) => instance.view_cursors[self.view].row().map(RowId::whole),
                Content::Problems => self.shown_problem_lines().nth(instance.view_cursors[self.view].index())?.row(),
                _ => None,
            }
        })
    }

    /// Returns the row under the cursor of the list of the dashboard whose cursor selects the row.
    pub(crate) fn list_row(&self) -> Option<RowId> {
        self.instance()?.cursor_row(self.focus).filter(|id| *id != RowId::PROCESS)
    }

    /// Returns the row whose sessions view 7 lists when it opens: the row whose detail page is open, or the row under the
    /// cursor unless the cursor of a list still stands where the list began.
    pub(crate) fn chosen_row(&self) -> Option<RowId> {
        let instance = self.instance()?;
        let is_chosen = match self.current_view().content {
            Content::Dashboard => self.focus == Pane::Servers || instance.is_cursor_chosen(self.focus),
            Content::Table(_) => instance.view_cursors[self.view].is_chosen(),
            Content::Problems => true,
            _ => false,
        };
        self.focused_row().filter(|_| is_chosen)
    }

    /// Returns the open stick table if the view shown shows its entries.
    fn shown_open_table(&self) -> Option<&OpenTable> {
        let is_shown = matches!(self.current_view().content, Content::StickTables);
        self.instance().filter(|_| is_shown)?.queries.open_table.as_ref()
    }

    /// Returns the filter for the lines of text that are shown. An open stick table has its own.
    pub(crate) fn text_filter(&self) -> &TextFilter {
        self.shown_open_table().map_or(&self.view_settings[self.view].text_filter, |open| &open.text_filter)
    }

    /// Sets the filter for the lines of text that are shown.
    pub(crate) fn set_text_filter(&mut self, filter: TextFilter) {
        let is_open = self.shown_open_table().is_some();
        match self.instance_mut().and_then(|instance| instance.queries.open_table.as_mut()).filter(|_| is_open) {
            Some(open) => open.text_filter = filter,
            None => self.view_settings[self.view].text_filter = filter,
        }
    }

    /// Returns the events that pass the filter of the events view, newest first.
    pub fn shown_events(&self) -> impl Iterator<Item = &Event> {
        let text_filter = &self.view_settings[ViewId::Events].text_filter;
        let all = self.instance().into_iter().flat_map(|instance| instance.data.events().newest_first());
        all.filter(move |event| text_filter.is_empty() || text_filter.matches(&event.line()))
    }

    /// Returns the lines of the problems view that pass its filter.
    pub(crate) fn shown_problem_lines(&self) -> impl Iterator<Item = ProblemLine<'_>> {
        let text_filter = &self.view_settings[ViewId::Problems].text_filter;
        self.instance().into_iter().flat_map(move |instance| {
            problem_lines::problem_lines(&instance.data, text_filter, &instance.unfolded_causes)
        })
    }
}
