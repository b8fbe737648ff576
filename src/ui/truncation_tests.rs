//! Draws every view at every size, with long names and large numbers, and compares the screen with the cells: numbers are
//! never cut, and names only beside the state or to two fifths of the table.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

use crate::app::instance_view::InstanceView;
use crate::app::keymap::Keymap;
use crate::app::layout::{Area, Pane, ROW_PREFIX_WIDTH, SizeClass};
use crate::app::model::Model;
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::SampleBuilder;
use crate::table::columns::column::{Align, Column};
use crate::table::columns::column_use::ColumnUse;
use crate::table::columns::row_view::RowView;
use crate::table::view_table::{Content, ViewId};
use crate::ui::draw_context::DrawContext;
use crate::ui::root::{self, Appearance};
use crate::ui::theme::{Palette, Theme};
use crate::ui::{dashboard_panes, table_pane};

fn format_time(_: SystemTime) -> String {
    "03:12:41".to_owned()
}

/// Returns a reply with names of up to 40 cells, counters that grow by `grown`, and large numbers everywhere.
fn stat(grown: u64) -> String {
    let names = [
        ("fe", "FRONTEND", 0, "OPEN"),
        ("kubernetes-frontend-public-https-443", "FRONTEND", 0, "OPEN"),
        ("be_application_production_eu_west_1", "BACKEND", 1, "UP"),
        ("be_application_production_eu_west_1", "ws1", 2, "UP"),
        ("be_application_production_eu_west_1", "websocket-server-number-00000000000017", 2, "DOWN"),
        ("be_application_production_eu_west_1", "s3", 2, "MAINT (resolution)"),
        ("be_dead", "BACKEND", 1, "DOWN"),
        ("be_dead", "s1", 2, "DOWN 1/2"),
    ];
    let mut text = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,econ,eresp,wretr,status,weight,act,bck,lastchg,\
        downtime,qlimit,type,rate,rate_max,hrsp_2xx,hrsp_5xx,req_tot,check_status,cli_abrt,rtime,ttime,rtime_max,mode,\n"
        .to_owned();
    for (index, (proxy, name, kind, status)) in (0_u64..).zip(names) {
        let big = 987_654_321 * (index + 1);
        let total = big + grown * 12_345_678;
        let _ = writeln!(
            text,
            "{proxy},{name},{big},{big},{big},{big},{},{total},{total}000,{total}000000,{},{},0,{status},1280000,14999,12000,\
             8640000,99999999,{big},{kind},{big},{big},{total},{grown},{total},L7STS,0,98765,123456,987654,http,",
            big + 1,
            grown * 3_000_000,
            grown * 1_000_000,
        );
    }
    text
}

fn model() -> Model {
    let (mut data, mut builder) = (Instance::default(), SampleBuilder::default());
    for second in 0..3 {
        data.add_sample(builder.build_at_millis(second * 2000, &stat(second)), 0);
    }
    let view = InstanceView::new("lb01".to_owned(), "/run/haproxy.sock".to_owned(), data);
    Model::new(vec![view], Keymap::standard().unwrap(), (80, 24))
}

/// A list or table on the screen: the area of its rows, without the heading, its columns, and its rows.
struct Shown<'a> {
    body: Area,
    fitted: Vec<(&'static Column, u16)>,
    all: Vec<&'static Column>,
    rows: Vec<(RowId, String)>,
    uses: &'a ColumnUse,
}

fn shown<'a>(context: &DrawContext<'a>) -> Vec<Shown<'a>> {
    let DrawContext { model, instance, layout, .. } = *context;
    let sample = context.sample().unwrap();
    if let Content::Table(_) = model.current_view().content {
        let area = model.table_areas(layout).rows;
        let prefix = |line: &crate::table::rows::TableLine| {
            let row = &sample.table.rows()[line.index];
            match (line.is_child, line.folded) {
                (false, None) if row.kind == crate::haproxy::stat_table::RowKind::Server => format!("{}/", row.proxy),
                (true, _) => "  ".to_owned(),
                (false, Some(_)) => "▾ ".to_owned(),
                (false, None) => String::new(),
            }
        };
        let rows = instance.table_lines().iter().map(|line| (line.id, prefix(line))).collect();
        return vec![Shown {
            body: area.rows(1, area.height),
            fitted: table_pane::fitted_columns(context, area),
            all: model.view_settings[model.view()].visible_columns(),
            rows,
            uses: instance.column_use(model.view()),
        }];
    }
    let lists =
        layout.panes.iter().filter(|(pane, _)| matches!(pane, Pane::Frontends | Pane::Backends | Pane::Servers));
    let shown = lists.map(|(pane, area)| {
        let inner = if layout.size_class == SizeClass::Wide { area.inner() } else { *area };
        Shown {
            body: inner.rows(1, inner.height),
            fitted: dashboard_panes::fitted_columns(context, *pane, *area),
            all: crate::app::dashboard_lists::columns(*pane).to_vec(),
            rows: instance.lists.rows(*pane).iter().map(|id| (*id, String::new())).collect(),
            uses: instance.lists.column_use(*pane).unwrap(),
        }
    });
    shown.collect()
}

fn text_at(buffer: &Buffer, x: u16, y: u16, cells: u16) -> String {
    (x..x + cells).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim().to_owned()
}

fn check_list(context: &DrawContext<'_>, buffer: &Buffer, shown: &Shown<'_>, place: &str) {
    let sample = context.sample().unwrap();
    let ids: Vec<&str> = shown.fitted.iter().map(|(column, _)| column.id).collect();
    for dropped in shown.all.iter().filter(|column| !ids.contains(&column.id)) {
        for (standing, cells) in shown.fitted.iter().skip(1) {
            let rank = |column: &Column| (column.priority >= 250, shown.uses.is_used(column), column.priority);
            // A narrow column may fill cells that are too few for a more important one.
            let is_narrower = shown.uses.is_used(standing) && *cells < dropped.width;
            let (stands, missing) = (standing.id, dropped.id);
            assert!(rank(standing) >= rank(dropped) || is_narrower, "{place}: {stands} stands, {missing} does not");
        }
    }
    for ((id, front), line) in shown.rows.iter().zip(0..shown.body.height) {
        let row = RowView::new(&context.instance.data, sample, sample.rows.index_of(*id).unwrap());
        let mut x = shown.body.x + ROW_PREFIX_WIDTH;
        for (index, (column, cells)) in shown.fitted.iter().enumerate() {
            let (drawn, cell) = (text_at(buffer, x, shown.body.y + line, *cells), column.cell(&row));
            if column.align == Align::Right {
                assert_eq!(drawn, cell.text.trim(), "{place}: {} of {:?}", column.id, row.stat_row().name);
            } else if index == 0 && drawn != format!("{front}{}", cell.text).trim() {
                let is_alone = matches!(ids[..], ["name"] | ["name", "status"]);
                let least = (shown.body.width - ROW_PREFIX_WIDTH) * 2 / 5;
                assert!(is_alone || *cells >= least, "{place}: {drawn} beside {ids:?}");
                let needed = (front.width() + cell.text.width()) as u16;
                assert!(needed > *cells, "{place}: {drawn} is cut although {needed} of {cells} cells are enough");
            }
            x += cells + 1;
        }
    }
}

#[test]
fn names_are_cut_only_to_their_share_or_beside_the_state_and_numbers_never_at_any_size() {
    let mut model = model();
    let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time };
    let now = Duration::from_secs(4);
    // The heat map draws its names and cells itself.
    for view in ViewId::ALL.into_iter().filter(|view| *view != ViewId::HeatMap) {
        let is_table = matches!(view.view().content, Content::Table(_));
        if !is_table && view != ViewId::Dashboard {
            continue;
        }
        model.switch_view(view);
        for is_flat in [false, true] {
            model.view_settings[view].is_flat = is_flat;
            model.view_settings[view].mark_changed();
            for width in (20..=240).step_by(13) {
                for height in [12, 24, 45, 70] {
                    model.terminal_size = (width, height);
                    model.update_rows(now);
                    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
                    root::draw(&model, appearance, now, &mut buffer);
                    let (instance, layout) = (model.instance().unwrap(), &model.layout());
                    let context = DrawContext { model: &model, instance, layout, format_time, now };
                    for list in shown(&context) {
                        check_list(&context, &buffer, &list, &format!("{view:?} at {width}x{height}"));
                    }
                }
            }
        }
    }
}

#[test]
fn bottom_line_shows_the_whole_name_of_the_selected_row_if_the_table_cuts_it() {
    const NAME: &str = "be_application_production_eu_west_1/websocket-server-number-00000000000017";
    let mut model = model();
    let appearance = Appearance { theme: Theme::new(Palette::Dark, false), format_time };
    let (now, view) = (Duration::from_secs(4), ViewId::Status);
    model.switch_view(view);
    model.view_settings[view].is_flat = true;
    model.view_settings[view].mark_changed();
    let mut bottom_line = |width: u16| {
        model.terminal_size = (width, 24);
        model.update_rows(now);
        let instance = model.instance_mut().unwrap();
        let ids: Vec<RowId> = instance.table_lines().iter().map(|line| line.id).collect();
        let sample = std::sync::Arc::clone(instance.data.shown().unwrap());
        let is_long = |id: &&RowId| sample.row(**id).is_some_and(|row| row.name.as_str().starts_with("websocket"));
        instance.view_cursors[view].select(*ids.iter().find(is_long).unwrap());
        instance.view_cursors[view].update_rows(&ids, 10);
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 24));
        root::draw(&model, appearance, now, &mut buffer);
        text_at(&buffer, 0, 23, width)
    };
    assert!(bottom_line(120).contains(NAME), "{}", bottom_line(120));
    assert!(bottom_line(70).contains("be_application") && bottom_line(70).contains("000017"), "{}", bottom_line(70));
    assert!(!bottom_line(400).contains("websocket"), "the table shows the whole name: {}", bottom_line(400));
}
