//! Everything about one row: what it is, its charts, every field with its meaning, and its events.

use crate::app::layout::Area;
use crate::app::model::{InstanceView, Model};
use crate::haproxy::fields::{Field, Kind, TextField};
use crate::observe::events::display_name;
use crate::observe::row_ids::RowId;
use crate::table::cell::{Cell, Role, state_role};
use crate::table::columns::column::{known, number_cell};
use crate::table::columns::out_of_service;
use crate::table::columns::row_view::RowView;
use crate::table::number_format;
use crate::ui::chart_pane;
use crate::ui::drawing::{Canvas, Piece, piece};
use crate::ui::events_pane::ShowTime;
use crate::ui::truncate;

/// Draws it over `area`, from line `top` on; gives the last line it can begin with.
pub fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    id: RowId,
    area: Area,
    top: usize,
    show_time: ShowTime,
) -> usize {
    canvas.clear(area);
    let Some(sample) = instance.watch.newest() else { return 0 };
    let Some(index) = sample.rows.index(id) else {
        let inner = canvas.frame(area, &[piece(" gone ", Role::Focus)], &[], Role::Focus);
        let words = match instance.watch.past() {
            Some(_) => "HAProxy did not list this row at this moment; Esc goes back",
            None => "HAProxy does not list this row any more; Esc goes back",
        };
        canvas.text(inner, 1, 0, words, Role::Warn);
        return 0;
    };
    let row = RowView::new(&instance.watch, sample, index);
    let names = row.row();
    let title = display_name(names.kind, &names.proxy, &names.name);
    let title = [
        piece(format!(" {} ", truncate::middle(&title, 50)), Role::Focus),
        piece(format!("{} ", names.status()), state_role(names.state())),
    ];
    let lines = lines(instance, &row, show_time);
    let chart_rows = match area.height {
        ..16 => 0,
        16..30 => 5,
        _ => 10,
    };
    let visible = usize::from(area.height.saturating_sub(2 + chart_rows + u16::from(chart_rows > 0)));
    let last = lines.len().saturating_sub(visible);
    let top = top.min(last);
    let place = format!(" {}-{} of {} ", top + 1, (top + visible).min(lines.len()), lines.len());
    let inner = canvas.frame(area, &title, &[piece(place, Role::Dim)], Role::Focus);
    chart_pane::full_strip(canvas, model, instance, sample, id, inner.rows(0, chart_rows));
    let body = inner.rows(chart_rows + u16::from(chart_rows > 0), inner.height);
    for (line, pieces) in lines.into_iter().skip(top).take(visible).enumerate() {
        let mut column = 1;
        for (at, (words, role)) in pieces {
            let start = at.max(column);
            let room = usize::from(body.width.saturating_sub(start + 1));
            column = canvas.text(body, start, line as u16, &truncate::end(&words, room), role) + 1;
        }
    }
    last
}

type Line = Vec<(u16, Piece<'static>)>;

/// Columns of a name, a value, a rate and a meaning.
const NAME: u16 = 1;
const VALUE: u16 = 18;
const RATE: u16 = 28;
const HELP: u16 = 38;

fn lines(instance: &InstanceView, row: &RowView<'_>, show_time: ShowTime) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (name, cell) in [("left", out_of_service::left(row)), ("ordered by", out_of_service::by(row))] {
        if !cell.text.is_empty() && cell.text != number_format::UNKNOWN {
            lines.push(vec![(NAME, piece(name, Role::Dim)), (VALUE, piece(cell.text, cell.role))]);
        }
    }
    for (field, name) in TextField::ALL {
        if let Some(text) = row.text(field) {
            lines.push(vec![(NAME, piece(name, Role::Dim)), (VALUE, piece(text.to_string(), Role::Normal))]);
        }
    }
    for (title, kinds) in GROUPS {
        lines.push(Vec::new());
        lines.push(vec![(NAME, piece(*title, Role::Title))]);
        for field in Field::ALL.iter().filter(|field| kinds.contains(&field.info().kind)) {
            if row.number(*field).is_none() {
                continue;
            }
            let cell = Cell::maybe(known(row, *field), |number| number_cell(*field, number));
            let mut line = vec![
                (NAME, piece(field.info().name, Role::Dim)),
                (VALUE, piece(format!("{:>7}", cell.text), cell.role)),
                (HELP, piece(field.info().help, Role::Dim)),
            ];
            if let Some(rate) = row.rate(*field).filter(|_| field.info().kind == Kind::Counter) {
                line.insert(2, (RATE, piece(format!("{}/s", number_format::rate(rate)), Role::Normal)));
            }
            lines.push(line);
        }
    }
    let extra = extra(row);
    if !extra.is_empty() {
        lines.push(Vec::new());
        lines.push(vec![(NAME, piece("Of this build", Role::Title))]);
        lines.extend(extra);
    }
    let events = instance.watch.events().newest().filter(|event| event.row == Some(row.id));
    let mut events = events.peekable();
    if events.peek().is_some() {
        lines.push(Vec::new());
        lines.push(vec![(NAME, piece("Events", Role::Title))]);
    }
    for event in events {
        lines.push(vec![
            (NAME, piece(show_time(event.at.wall), Role::Dim)),
            (12, piece(event.what.to_string(), Role::Normal)),
        ]);
    }
    lines
}

/// The fields in the order one asks for them.
static GROUPS: &[(&str, &[Kind])] = &[
    ("Now", &[Kind::Gauge, Kind::Rate, Kind::Average]),
    ("Limits", &[Kind::Limit]),
    ("Since the start", &[Kind::Counter]),
    ("Highest since the start", &[Kind::Max]),
    ("Ages and numbers", &[Kind::Age, Kind::Id]),
];

/// Columns that only this build of HAProxy has.
fn extra(row: &RowView<'_>) -> Vec<Line> {
    let schema = row.sample.table.schema();
    let named =
        schema.names().iter().enumerate().filter(|(_, name)| Field::by_name(name.as_str().as_bytes()).is_none());
    named
        .filter_map(|(slot, name)| {
            let number = row.sample.table.slot_number(row.index, slot)?;
            let value = (VALUE + 16, piece(format!("{:>7}", number_format::count(number)), Role::Normal));
            Some(vec![(NAME, piece(name.to_string(), Role::Dim)), value])
        })
        .collect()
}
