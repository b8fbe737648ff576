//! View `R`: the requests of the last minutes, from HAProxy's log. A thread reads the log; this module asks it about what the
//! view shows, and only while the view is shown.

use std::time::Duration;

use crate::app::instance_view::InstanceView;
use crate::app::layers::Layer;
use crate::app::message::Effect;
use crate::app::model::Model;
use crate::app::prompt::{Prompt, PromptEvent, PromptPurpose};
use crate::app::request_areas::RequestAreas;
use crate::app::ui_commands::{CursorStep, UiCommand};
use crate::haproxy::reply_lines::ReplyLines;
use crate::haproxy::stat_table::RowKind;
use crate::logs::group_key::GroupKey;
use crate::logs::live_log::LogUpdate;
use crate::logs::request_filter::RequestFilter;
use crate::logs::window::window_question::{ReportSubject, WindowQuestion};
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::table::cell::Role;
use crate::table::requests::request_row_filter;
use crate::table::requests::{request_detail, request_tabs};
use crate::units;

/// Returns the effect that passes the frontends of an instance to the thread, once they are known. The log is found by them.
pub(crate) fn find_log(model: &mut Model, id: InstanceId) -> Option<Effect> {
    if model.requests.searched.contains(&id) {
        return None;
    }
    let sample = model.instance_by_id(id)?.data.latest()?;
    let frontends = sample.table.rows().iter().filter(|row| row.kind == RowKind::Frontend);
    let names = frontends.map(|row| row.proxy.to_string()).collect();
    model.requests.searched.push(id);
    Some(Effect::FindLog(id, names))
}

/// Asks the thread about what the view shows, if that has changed, and no more when the view is left.
pub(crate) fn ask(model: &mut Model) -> Vec<Effect> {
    let before = model.requests.asked.take();
    let number = model.requests.question_number;
    let is_wanted = model.shows_requests();
    let shown = model
        .single_instance()
        .filter(|instance| is_wanted && instance.data.source().is_live() && instance.data.past_moment().is_none());
    let wanted = shown.map(|instance| (instance.id(), model.requests.question(number)));
    if wanted == before {
        model.requests.asked = before;
        return Vec::new();
    }
    model.requests.question_number += 1;
    let next = wanted.map(|(id, question)| (id, WindowQuestion { number: number + 1, ..question }));
    let mut effects = Vec::new();
    if let Some((old, _)) = &before
        && next.as_ref().is_none_or(|(id, _)| id != old)
    {
        effects.push(Effect::AskLog(*old, None));
    }
    effects.extend(next.clone().map(|(id, question)| Effect::AskLog(id, Some(question))));
    model.requests.asked = next;
    effects
}

/// Records what the log of an instance shows. Single requests stay where they are while the cursor moves.
pub(crate) fn record_update(model: &mut Model, id: InstanceId, update: LogUpdate, now: Duration) {
    let is_list = !matches!(model.requests.tab().subject, ReportSubject::Groups(_));
    let number = |update: &LogUpdate| update.report.as_ref().map(|report| report.number);
    let is_same = model.requests.update(id).is_some_and(|known| number(known) == number(&update));
    if !(is_list && is_same && (model.is_order_frozen(now) || !model.layers.is_empty())) {
        model.requests.record(id, update);
    }
}

/// Shows the requests of a row, from which the view was opened; all requests without one. A filter that was typed stays.
pub(crate) fn filter_by_row(model: &mut Model, row: Option<RowId>) {
    let found = row.and_then(|id| {
        let row = model.single_instance()?.data.shown()?.row(id)?;
        let (key, name, tab) = match row.kind {
            RowKind::Frontend => (GroupKey::Frontend, row.proxy.to_string(), GroupKey::Client),
            RowKind::Backend => (GroupKey::Backend, row.proxy.to_string(), GroupKey::Server),
            RowKind::Server => (GroupKey::Server, format!("{}/{}", row.proxy, row.name), GroupKey::Url),
            RowKind::Listener => return None,
        };
        Some((request_row_filter::words(key, &name)?, tab))
    });
    let state = &mut model.requests;
    if !state.filter_text().is_empty() && state.filter_text() != state.row_filter {
        return;
    }
    let (words, tab) = found.map_or((String::new(), None), |(words, tab)| (words, Some(tab)));
    state.row_filter.clone_from(&words);
    state.set_filter(RequestFilter::parse(&words).unwrap_or_default(), &words);
    if let Some(tab) = tab {
        state.show_tab(request_tabs::place_of(ReportSubject::Groups(tab)));
    }
}

/// Opens the row under the cursor: explains a request, or shows the slowest requests of a group.
pub(crate) fn open_cursor_row(model: &mut Model, now: Duration) {
    let Some(id) = model.single_instance().map(InstanceView::id).filter(|_| row_count(model) > 0) else {
        return model.notify("nothing to open: no request is shown", Role::Dim, now);
    };
    let ReportSubject::Groups(key) = model.requests.tab().subject else {
        return explain_request(model, id);
    };
    let Some(name) = model.requests.cursor_group(id) else { return };
    let Some(words) = request_row_filter::words(key, &name) else {
        return model.notify("a filter cannot express this name", Role::Dim, now);
    };
    let text = request_row_filter::join(model.requests.filter_text(), &words);
    match RequestFilter::parse(&text) {
        Ok(filter) => model.requests.set_filter(filter, &text),
        Err(error) => return model.notify(error.to_string(), Role::Warn, now),
    }
    model.requests.show_tab(request_tabs::place_of(ReportSubject::Slowest));
    model.freeze_order(Duration::ZERO);
}

fn explain_request(model: &mut Model, id: InstanceId) {
    let (Some(request), Some(update)) = (model.requests.cursor_request(id), model.requests.update(id)) else { return };
    let at = jiff::Timestamp::from_millisecond(update.at - i64::from(request.age));
    let ended = at.map(|at| at.to_zoned(model.time_zone.clone()).strftime("%H:%M:%S").to_string());
    let lines = request_detail::lines(request, &ended.unwrap_or_else(|_| units::UNKNOWN.to_owned()));
    let lines = ReplyLines::from_lines(lines.iter().map(String::as_bytes));
    model.layers.push(Layer::TextPage { title: "request".to_owned(), lines, top: 0 });
}

/// Moves the cursor among the rows, of which `height` are visible.
pub(crate) fn move_cursor(model: &mut Model, step: CursorStep, height: usize) {
    if let Some(id) = model.single_instance().map(InstanceView::id) {
        model.requests.move_cursor(id, step, height);
    }
}

/// Returns the number of rows of the tab.
pub(crate) fn row_count(model: &Model) -> usize {
    model.single_instance().map_or(0, |instance| model.requests.row_count(instance.id()))
}

/// Sorts the rows, and keeps the cursor on its row.
pub(crate) fn update_rows(model: &mut Model, now: Duration) {
    let (is_frozen, height) = (model.is_order_frozen(now), RequestAreas::new(model.layout().body).visible_rows());
    if let Some(id) = model.single_instance().map(InstanceView::id) {
        model.requests.update_rows(id, is_frozen, height);
    }
}

/// Runs a command that changes what the view shows. Returns false for other commands.
pub(crate) fn change(model: &mut Model, command: UiCommand, now: Duration) -> bool {
    let is_grouped = matches!(model.requests.tab().subject, ReportSubject::Groups(_));
    match command {
        UiCommand::EditFilter => {
            let prompt = Prompt::new(PromptPurpose::Filter, model.requests.filter_text());
            model.layers.push(Layer::Prompt(prompt));
        }
        UiCommand::SortNext(_) | UiCommand::OpenSortMenu | UiCommand::ReverseSort if !is_grouped => {
            model.notify("single requests have the order of their tab", Role::Dim, now);
        }
        UiCommand::SortNext(_) | UiCommand::OpenSortMenu | UiCommand::ReverseSort => {
            let sort = &mut model.requests.sort;
            match command {
                UiCommand::ReverseSort => sort.reverse(),
                UiCommand::SortNext(by) => sort.select_next(by),
                _ => sort.select_next(1),
            }
            let order = if sort.is_descending { "largest first" } else { "smallest first" };
            let text = format!("sorted by {}, {order}", sort.column.title);
            model.notify(text, Role::Dim, now);
        }
        UiCommand::ChangeChartSpan(by) => {
            let has_changed = model.requests.change_span(by);
            let span = units::duration_words(model.requests.span());
            let text = if has_changed {
                format!("the last {span}")
            } else {
                format!("the last {span}: no further span in this direction")
            };
            model.notify(text, Role::Dim, now);
        }
        UiCommand::NextChart => {
            model.requests.show_next_phase();
            model.notify(format!("times: {}", model.requests.phase().name()), Role::Dim, now);
        }
        _ => return false,
    }
    model.freeze_order(Duration::ZERO);
    true
}

/// Handles an event of the prompt for the filter. Returns the prompt if it stays open. While the typed filter is invalid, the
/// last valid one stays in effect.
pub(crate) fn handle_filter_event(model: &mut Model, mut prompt: Prompt, event: &PromptEvent) -> Option<Prompt> {
    if *event == PromptEvent::Canceled {
        model.requests.clear_filter();
        return None;
    }
    match RequestFilter::parse(prompt.text()) {
        Ok(filter) => {
            prompt.error = None;
            let text = prompt.text().to_owned();
            if text.trim() != model.requests.filter_text() {
                model.requests.set_filter(filter, &text);
            }
        }
        Err(error) => prompt.error = Some(error.to_string()),
    }
    model.freeze_order(Duration::ZERO);
    (*event != PromptEvent::Submitted || prompt.error.is_some()).then_some(prompt)
}
