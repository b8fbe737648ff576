//! Moving about: the selection, into rows and back out, from view to view.

use std::time::Duration;

use crate::app::action_targets;
use crate::app::cli_view;
use crate::app::commands::Step;
use crate::app::dashboard_lists::ListState;
use crate::app::layers::Layer;
use crate::app::layout::Pane;
use crate::app::model::{Built, Model};
use crate::app::playback;
use crate::app::queries;
use crate::observe::row_ids::RowId;
use crate::table::filter::Filter;
use crate::table::rows::{self, Line};
use crate::table::text_filter::Words;
use crate::table::view_table::{Content, NUMBERED, VIEWS};

/// A table keeps its order this long after the selection moved.
const FREEZE: Duration = Duration::from_secs(3);

/// Moves the selection of what is shown.
pub fn step(model: &mut Model, step: Step, now: Duration) {
    model.frozen_until = now + FREEZE;
    let (view, focus) = (model.view, model.focus);
    let (height, lines) = (visible_rows(model), line_count(model));
    let Some(instance) = model.instance_mut() else { return };
    match VIEWS[view].content {
        Content::Dashboard => {
            let Some(list) = focus.list() else { return };
            let before = instance.selected(Pane::Backends);
            let ids = instance.ids(focus);
            instance.lists[list].step(step, &ids, height);
            if instance.selected(Pane::Backends) != before
                && let Some(servers) = Pane::Servers.list()
            {
                instance.lists[servers].reset();
            }
        }
        Content::Table(_) => {
            let ids: Vec<RowId> = instance.lines.iter().map(|line| line.id).collect();
            instance.places[view].step(step, &ids, height);
        }
        Content::Events | Content::Sessions | Content::StickTables | Content::Problems => {
            instance.places[view].scroll(step, lines, height);
        }
        // The newest line is at the bottom, and the place counts from there.
        Content::Cli => {
            let up = match step {
                Step::Rows(count) => Step::Rows(-count),
                Step::HalfPages(count) => Step::HalfPages(-count),
                Step::First => Step::Last,
                Step::Last => Step::First,
            };
            instance.places[view].scroll(up, lines.saturating_sub(height) + 1, height);
        }
    }
}

/// Lines of a view that is a list of lines.
fn line_count(model: &Model) -> usize {
    match model.shown().content {
        Content::Cli => cli_view::shown(model).count(),
        Content::Events => model.events().count(),
        Content::Problems => model.problems().count(),
        _ => queries::count(model),
    }
}

/// Rows of the list or table that are visible.
pub fn visible_rows(model: &Model) -> usize {
    let layout = model.layout();
    match model.shown().content {
        Content::Dashboard => layout.list_rows(model.focus),
        Content::Table(_) => usize::from(layout.table_rows()),
        // A line tells what is shown, and another heads it.
        Content::Sessions | Content::StickTables => usize::from(layout.body.height.saturating_sub(2)),
        // The last line is the one being typed.
        Content::Cli => usize::from(layout.body.height.saturating_sub(1)),
        Content::Events | Content::Problems => usize::from(layout.body.height),
    }
}

/// Goes into the selected row: a backend's servers are one step further in, behind a row is its detail.
pub fn open(model: &mut Model, unfold_first: bool) {
    let (view, focus) = (model.view, model.focus);
    let Some(instance) = model.instance_mut() else { return };
    match VIEWS[view].content {
        Content::Dashboard => match focus {
            Pane::Backends if !instance.ids(Pane::Servers).is_empty() => model.focus = Pane::Servers,
            Pane::Frontends if unfold_first => model.focus = Pane::Backends,
            _ => detail(model),
        },
        Content::Table(_) => {
            let folded = instance.places[view].selected().filter(|id| unfold_first && instance.folded.contains(id));
            match folded {
                Some(id) => {
                    instance.folded.remove(&id);
                    model.settings[view].touch();
                }
                None => detail(model),
            }
        }
        _ => detail(model),
    }
}

/// Opens everything about the selected row.
pub fn detail(model: &mut Model) {
    if let Some(id) = model.selected() {
        model.layers.push(Layer::Detail(id, 0));
    }
}

/// Folds the selected proxy, or unfolds it; on a server, its proxy.
pub fn fold(model: &mut Model) {
    let view = model.view;
    let Some(instance) = model.instance_mut() else { return };
    let Some(head) = head_of(&instance.lines, &instance.places[view]) else { return };
    if !instance.folded.remove(&head.id) {
        instance.folded.insert(head.id);
        instance.places[view].select(head.id);
    }
    model.settings[view].touch();
}

/// Folds every proxy, or unfolds all when none is left to fold.
pub fn fold_all(model: &mut Model) {
    let view = model.view;
    let Some(instance) = model.instance_mut() else { return };
    let head = head_of(&instance.lines, &instance.places[view]);
    let heads: Vec<RowId> = instance.lines.iter().filter(|line| line.folded.is_some()).map(|line| line.id).collect();
    if heads.iter().all(|head| instance.folded.contains(head)) {
        instance.folded.clear();
    } else {
        instance.folded.extend(heads);
        if let Some(head) = head {
            instance.places[view].select(head.id);
        }
    }
    model.settings[view].touch();
}

/// The proxy at or above the selected row.
fn head_of(lines: &[Line], list: &ListState) -> Option<Line> {
    let until = (list.place() + 1).min(lines.len());
    lines[..until].iter().rev().find(|line| !line.is_child).copied().filter(|head| head.folded.is_some())
}

/// One step back: out of the zoom, out of the filter, up in the tree, to the pane before, out of the past.
pub fn back(model: &mut Model, clears: bool, now: Duration) {
    let (view, focus) = (model.view, model.focus);
    match VIEWS[view].content {
        Content::Dashboard if clears && model.instance_mut().is_some_and(|instance| instance.marks.clear()) => {}
        Content::Dashboard if model.zoom => model.zoom = false,
        Content::Dashboard if focus == Pane::Servers => model.focus = Pane::Backends,
        Content::Dashboard if focus == Pane::Backends && !clears => model.focus = Pane::Frontends,
        Content::Dashboard if clears && playback::is_past(model) => playback::resume(model, now),
        Content::Dashboard => {}
        _ if clears && model.instance_mut().is_some_and(|instance| instance.marks.clear()) => {}
        _ if clears && !model.settings[view].words.is_empty() => model.settings[view].words = Words::default(),
        Content::Problems | Content::Cli if clears => {
            show(model, if view >= NUMBERED { view } else { model.before });
        }
        _ if clears && !model.settings[view].filter.is_empty() => model.settings[view].set_filter(Filter::default()),
        Content::Table(_) if !clears => {
            let Some(instance) = model.instance_mut() else { return };
            let line = instance.lines.get(instance.places[view].place()).copied();
            match line {
                Some(line) if line.is_child => {
                    if let Some(head) = head_of(&instance.lines, &instance.places[view]) {
                        instance.places[view].select(head.id);
                    }
                }
                Some(line) if line.folded == Some(false) => {
                    instance.folded.insert(line.id);
                    model.settings[view].touch();
                }
                _ => {}
            }
        }
        _ if clears && view < NUMBERED && playback::is_past(model) => playback::resume(model, now),
        _ if clears => show(model, model.before),
        _ => {}
    }
}

/// To the next pane of the dashboard, and behind the last one to the next view; every other view is one pane.
pub fn focus(model: &mut Model, by: i32) {
    let count = NUMBERED as i32;
    let next_view = if model.view >= NUMBERED { 0 } else { (model.view as i32 + by).rem_euclid(count) as usize };
    let place = model.focus.list().unwrap_or_default() as i32 + by;
    match Pane::LISTS.get(usize::try_from(place).unwrap_or(usize::MAX)) {
        Some(pane) if model.view == 0 => model.focus = *pane,
        _ => {
            show(model, next_view);
            if next_view == 0 {
                model.focus = Pane::LISTS[if by > 0 { 0 } else { Pane::LISTS.len() - 1 }];
            }
        }
    }
}

/// Shows a view. The row selected before is selected there too, if it is there.
pub fn show(model: &mut Model, view: usize) {
    // The key of a view without a digit leads back to where one came from.
    let view = if view == model.view && view >= NUMBERED { model.before } else { view };
    if view == model.view {
        return;
    }
    let selected = model.selected();
    model.before = model.view;
    model.view = view.min(VIEWS.len() - 1);
    model.frozen_until = Duration::ZERO;
    let view = model.view;
    if let (Content::Table(_), Some(instance), Some(id)) = (VIEWS[view].content, model.instance_mut(), selected) {
        instance.places[view].select(id);
    }
}

/// After every message: tables hold what they should, selections hold on to their rows and stay visible.
pub fn settle(model: &mut Model, now: Duration) {
    let view = model.view;
    let is_asking = model.layers.iter().any(Layer::is_about_act);
    let is_frozen = is_asking || now < model.frozen_until;
    let current = model.current;
    match VIEWS[view].content {
        Content::Dashboard => settle_dashboard(model),
        Content::Table(_) => {
            let height = visible_rows(model);
            let (settings, Some(instance)) = (&model.settings[view], model.instances.get_mut(current)) else { return };
            if let Some(sample) = instance.watch.newest() {
                let wanted = Built { view, seq: sample.seq, version: settings.version };
                if instance.built != Some(wanted) {
                    // What the user asked for is done at once; only what samples do is held back.
                    let is_same = instance.built.is_some_and(|built| Built { seq: wanted.seq, ..built } == wanted);
                    let frozen = Some(instance.lines.as_slice()).filter(|_| is_frozen && is_same);
                    instance.lines = rows::lines(&instance.watch, sample, settings, &instance.folded, frozen);
                    instance.built = Some(wanted);
                }
            }
            let ids: Vec<RowId> = instance.lines.iter().map(|line| line.id).collect();
            instance.places[view].settle(&ids, height);
        }
        Content::Events | Content::Sessions | Content::StickTables | Content::Problems => {
            let (height, lines) = (visible_rows(model), line_count(model));
            if let Some(instance) = model.instance_mut() {
                instance.places[view].scroll(Step::Rows(0), lines, height);
            }
        }
        Content::Cli => {}
    }
    action_targets::stretch(model);
    if let Some(instance) = model.instance_mut() {
        action_targets::settle(instance);
    }
}

fn settle_dashboard(model: &mut Model) {
    for (place, pane) in Pane::LISTS.into_iter().enumerate() {
        // The layout depends on how many servers the backend that was just settled has.
        let height = model.layout().list_rows(pane);
        if let Some(instance) = model.instance_mut() {
            let ids = instance.ids(pane);
            instance.lists[place].settle(&ids, height);
        }
    }
    let is_empty = |model: &Model, pane| model.instance().is_some_and(|instance| instance.ids(pane).is_empty());
    if model.focus == Pane::Servers && is_empty(model, Pane::Servers) && !is_empty(model, Pane::Backends) {
        model.focus = Pane::Backends;
    }
}
