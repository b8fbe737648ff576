//! Everything the screen shows.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::actions::action_table::Action;
use crate::app::cli_input::CommandLine;
use crate::app::commands::UiCommand;
use crate::app::dashboard_lists::{self, ListState};
use crate::app::keymap::Keymap;
use crate::app::layers::Layer;
use crate::app::layout::{Layout, Needs, Pane};
use crate::app::msg::Memory;
use crate::app::query_state::Asked;
use crate::app::selection::Marks;
use crate::app::undo::Undo;
use crate::instance::guard::{Guard, Refusal};
use crate::instance::instance::Instance;
use crate::observe::events::Event;
use crate::observe::row_ids::RowId;
use crate::problems::problem::Problem;
use crate::table::cell::Role;
use crate::table::rows::{Folded, Line, Settings};
use crate::table::view_table::{Content, EVENTS, PROBLEMS, Rows, VIEWS, View};

/// One HAProxy.
#[derive(Debug)]
pub struct InstanceView {
    /// Its name: given by the user, or its address.
    pub name: String,
    /// Its address as text.
    pub address: String,
    /// Whether it is reached over TCP, where admin needs no password.
    pub is_tcp: bool,
    /// What is known of it.
    pub watch: Instance,
    /// What is selected in each list of the dashboard, in the order of [`Pane::LISTS`].
    pub lists: [ListState; 3],
    /// What is selected in each view that is a table or list.
    pub places: [ListState; VIEWS.len()],
    /// The rows of the table that is shown.
    pub lines: Vec<Line>,
    /// What they were made for.
    pub built: Option<Built>,
    /// Proxies whose servers are folded away.
    pub folded: Folded,
    /// What was asked on a key.
    pub asked: Asked,
    /// Acts that were sent and not yet answered.
    pub acting: usize,
    /// The rows marked for acts on several at once.
    pub marks: Marks,
    /// Servers about which offers are not wanted.
    pub declined: BTreeSet<RowId>,
}

impl InstanceView {
    /// An instance of which nothing is known yet.
    pub fn new(name: String, address: String, is_tcp: bool, history: usize) -> Self {
        Self {
            name,
            address,
            is_tcp,
            watch: Instance::new(history),
            lists: Default::default(),
            places: Default::default(),
            lines: Vec::new(),
            built: None,
            folded: Folded::new(),
            asked: Asked::default(),
            acting: 0,
            marks: Marks::default(),
            declined: BTreeSet::new(),
        }
    }

    /// The selected row of a list of the dashboard; absent when the pane is none or empty.
    pub fn selected(&self, pane: Pane) -> Option<RowId> {
        self.lists[pane.list()?].selected()
    }

    /// The rows of a list of the dashboard as ids.
    pub fn ids(&self, pane: Pane) -> Vec<RowId> {
        self.watch
            .newest()
            .map_or_else(Vec::new, |sample| dashboard_lists::ids(sample, pane, self.selected(Pane::Backends)))
    }
}

/// What a table's lines were made for: they are made anew when one of these changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built {
    /// The view.
    pub view: usize,
    /// The sample.
    pub seq: u64,
    /// The version of the view's settings.
    pub version: u64,
}

/// A line that tells what just happened, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub text: String,
    /// What it means.
    pub role: Role,
    /// When it goes.
    pub until: Duration,
}

/// Time spans of the charts, in seconds.
const SPANS: [u64; 6] = [60, 180, 600, 1800, 3600, 3 * 3600];

/// Everything the screen shows.
#[derive(Debug)]
pub struct Model {
    /// The instances, in the order they were named.
    pub instances: Vec<InstanceView>,
    /// The one shown.
    pub current: usize,
    /// The place of the view shown.
    pub view: usize,
    /// The place of the view shown before.
    pub before: usize,
    /// How each view's table is to look.
    pub settings: Vec<Settings>,
    /// Tables keep their order until then.
    pub frozen_until: Duration,
    /// The list of the dashboard that takes the keys.
    pub focus: Pane,
    /// Whether it has all the room.
    pub zoom: bool,
    /// The command line of view 5.
    pub cli: CommandLine,
    /// What lies over the view, the topmost last.
    pub layers: Vec<Layer>,
    /// What just happened.
    pub notice: Option<Notice>,
    /// What may be done.
    pub guard: Guard,
    /// Whether a reason is asked for before each act.
    pub asks_reason: bool,
    /// What can be taken back.
    pub undo: Undo,
    /// What keys do.
    pub keymap: Keymap,
    /// The time from poll to poll that was asked for; absent where none is.
    pub asked_interval: Option<Duration>,
    /// What memory this program has; absent until it was measured.
    pub memory: Option<Memory>,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    span: usize,
}

impl Model {
    /// A model that shows the first of `instances`.
    pub fn new(instances: Vec<InstanceView>, guard: Guard, keymap: Keymap, size: (u16, u16)) -> Self {
        let settings = VIEWS.iter().map(|view| match view.content {
            Content::Table(columns) => Settings::of_rows(columns, view.rows),
            _ => Settings::new(&[]),
        });
        Self {
            instances,
            current: 0,
            view: 0,
            before: 0,
            settings: settings.collect(),
            frozen_until: Duration::ZERO,
            focus: Pane::Backends,
            zoom: false,
            cli: CommandLine::new(Vec::new()),
            layers: Vec::new(),
            notice: None,
            guard,
            asks_reason: false,
            undo: Undo::default(),
            keymap,
            asked_interval: None,
            memory: None,
            size,
            span: 2,
        }
    }

    /// The instance shown; absent when there is none at all.
    pub fn instance(&self) -> Option<&InstanceView> {
        self.instances.get(self.current)
    }

    /// The same, to change.
    pub fn instance_mut(&mut self) -> Option<&mut InstanceView> {
        self.instances.get_mut(self.current)
    }

    /// The view shown.
    pub fn shown(&self) -> &'static View {
        &VIEWS[self.view.min(VIEWS.len() - 1)]
    }

    /// Where everything stands.
    pub fn layout(&self) -> Layout {
        let rows = match self.instance() {
            Some(instance) => Pane::LISTS.map(|pane| match instance.watch.newest() {
                Some(sample) => dashboard_lists::rows(sample, pane, instance.selected(Pane::Backends)).len(),
                None => 0,
            }),
            None => [0; 3],
        };
        let focus = self.focus.list().unwrap_or_default();
        let is_dashboard = matches!(self.shown().content, Content::Dashboard);
        let has_lead = self.shown().rows == Rows::Changed;
        Layout::new(self.size.0, self.size.1, Needs { rows, focus, zoom: self.zoom, is_dashboard, has_lead })
    }

    /// The time that the charts cover: what was asked for, or less as long as there is no more to show.
    pub fn span(&self) -> Duration {
        let held = self.instance().map_or(Duration::ZERO, |instance| instance.watch.history().span());
        let enough = SPANS.iter().map(|span| Duration::from_secs(*span)).find(|span| *span >= held);
        let asked = Duration::from_secs(SPANS[self.span]);
        enough.map_or(asked, |enough| enough.min(asked))
    }

    /// Makes it longer or shorter.
    pub fn change_span(&mut self, by: i32) {
        self.span = self.span.saturating_add_signed(by as isize).min(SPANS.len() - 1);
    }

    /// Keeps the text on top from being scrolled beyond its end, which only drawing it tells: the key that scrolls
    /// back does so at once.
    pub fn stay_within(&mut self, last: Option<usize>) {
        let Some(Layer::Help(top) | Layer::Detail(_, top) | Layer::Page { top, .. } | Layer::Cost(top)) =
            self.layers.last_mut()
        else {
            return;
        };
        *top = last.map_or(*top, |last| (*top).min(last));
    }

    /// Says something in the bottom line for a while.
    pub fn say(&mut self, text: impl Into<String>, role: Role, now: Duration) {
        let text = text.into();
        let reading = Duration::from_millis(3000 + 50 * text.chars().count() as u64);
        self.notice = Some(Notice { text, role, until: now + reading });
    }

    /// The row that an act or the detail would be about: the one whose detail is open, else the selected one.
    pub fn selected(&self) -> Option<RowId> {
        let detail = self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Detail(id, _) => Some(*id),
            _ => None,
        });
        let instance = self.instance()?;
        detail.or_else(|| match self.shown().content {
            Content::Dashboard => instance.selected(self.focus),
            Content::Table(_) => instance.places[self.view].selected(),
            Content::Problems => {
                let place = instance.places[self.view].place();
                Some(self.problems().nth(place)?.subject.id).filter(|id| *id != RowId::PROCESS)
            }
            _ => None,
        })
    }

    /// The events that the view of events shows, the newest first.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        let words = &self.settings[EVENTS].words;
        let all = self.instance().into_iter().flat_map(|instance| instance.watch.events().newest());
        all.filter(move |event| words.is_empty() || words.are_in(&event.line()))
    }

    /// The problems that the view of problems shows, worst first.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let words = &self.settings[PROBLEMS].words;
        let all = self.instance().into_iter().flat_map(|instance| instance.watch.problems().list());
        all.filter(move |problem| words.is_empty() || words.are_in(&problem.line()))
    }

    /// Whether the act could be done here at all.
    ///
    /// # Errors
    /// Why not: read-only, the level, the link.
    pub fn allows(&self, act: &'static Action) -> Result<(), Refusal> {
        let instance = self.instance().ok_or(Refusal::NoLink)?;
        self.guard.allows(act, &instance.watch)
    }

    /// Why something cannot be done, and the key that mends it where there is one.
    pub fn why(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::Past => {
                // There, most keys are letters of a line.
                let first = if matches!(self.shown().content, Content::Cli) { "Esc, then " } else { "" };
                format!("{refusal}; {first}{} goes back to live", self.keymap.way(UiCommand::Pause))
            }
            Refusal::OtherMarked(_) => format!("{refusal}; {} unmarks all", self.keymap.way(UiCommand::Unmark)),
            _ => refusal.to_string(),
        }
    }

    /// Says it.
    pub fn refuse(&mut self, refusal: &Refusal, role: Role, now: Duration) {
        self.say(self.why(refusal), role, now);
    }
}
