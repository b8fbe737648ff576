//! The whole screen: header, tabs, the view, footer, and what lies over them.

use std::time::Duration;

use ratatui::buffer::Buffer;

use crate::app::layers::Layer;
use crate::app::layout::{Layout, Pane, Room};
use crate::app::model::{InstanceView, Model};
use crate::app::overhead;
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::ui::chart_pane;
use crate::ui::cli_pane;
use crate::ui::confirm_dialog;
use crate::ui::connecting_page;
use crate::ui::dashboard_panes;
use crate::ui::detail_pane;
use crate::ui::diff_line;
use crate::ui::drawing::{Canvas, piece};
use crate::ui::events_pane::{self, ShowTime};
use crate::ui::footer;
use crate::ui::header;
use crate::ui::help_overlay;
use crate::ui::menu_popup;
use crate::ui::problems_pane;
use crate::ui::query_panes;
use crate::ui::table_pane;
use crate::ui::tabs;
use crate::ui::text_page;
use crate::ui::theme::Theme;

/// How the screen is to look, beyond what the model says.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// Colours and glyphs.
    pub theme: Theme,
    /// How a wall clock time reads.
    pub show_time: ShowTime,
}

/// Draws everything into the buffer, which has the model's size. Of a text that lies on top, gives the last line it
/// can begin with.
pub fn draw(model: &Model, looks: Looks, now: Duration, buffer: &mut Buffer) -> Option<usize> {
    let layout = model.layout();
    if layout.screen.is_empty() {
        return None;
    }
    if layout.room == Room::Tiny {
        header::one_line(buffer, looks.theme, model, layout.header, looks.show_time, now);
        return None;
    }
    let mut canvas = Canvas::new(buffer, looks.theme);
    let instance = model.instance()?;
    header::draw(&mut canvas, model, instance, &layout, looks.show_time, now);
    view(&mut canvas, model, instance, &layout, looks, now);
    footer::draw(&mut canvas, model, layout.footer, layout.room, !layout.tabs.is_empty());
    let mut last = None;
    for layer in &model.layers {
        last = None;
        match layer {
            Layer::Help(top) => last = Some(help_overlay::draw(&mut canvas, model, layout.screen, *top)),
            Layer::Confirm(question) => confirm_dialog::draw(&mut canvas, instance, question, layout.screen, now),
            Layer::Detail(id, top) => {
                last =
                    Some(detail_pane::draw(&mut canvas, model, instance, *id, layout.middle(), *top, looks.show_time));
            }
            Layer::SortMenu(place) => menu_popup::sort(&mut canvas, model, layout.screen, *place),
            Layer::ActMenu(actions, place) => menu_popup::acts(&mut canvas, model, layout.screen, actions, *place),
            Layer::Page { title, lines, top } => {
                last = Some(text_page::draw(&mut canvas, title, lines, layout.middle(), *top));
            }
            Layer::Cost(top) => {
                last =
                    Some(text_page::draw(&mut canvas, overhead::TITLE, &overhead::lines(model), layout.middle(), *top));
            }
            Layer::Sure(sure) => confirm_dialog::draw_sure(&mut canvas, instance, sure, layout.screen),
            // They stand in the footer.
            Layer::Prompt(_) | Layer::Number(_) | Layer::Reason(_) => {}
        }
    }
    last
}

fn view(canvas: &mut Canvas<'_>, model: &Model, instance: &InstanceView, layout: &Layout, looks: Looks, now: Duration) {
    let Some(sample) = instance.watch.newest() else {
        tabs::draw(canvas, model, layout.tabs, &[]);
        return connecting_page::draw(canvas, instance, layout);
    };
    let remarks = match model.shown().content {
        Content::Table(_) => table_pane::remarks(model, instance),
        _ if !model.settings[model.view].words.is_empty() => {
            vec![piece(format!("/{} ", model.settings[model.view].words), Role::Key)]
        }
        _ => Vec::new(),
    };
    tabs::draw(canvas, model, layout.tabs, &remarks);
    diff_line::lead(canvas, model, instance, sample, layout.lead, looks.show_time);
    match model.shown().content {
        Content::Dashboard => {
            for (pane, area) in &layout.panes {
                match pane {
                    Pane::Charts => chart_pane::draw(canvas, model, instance, sample, *area, layout.room),
                    Pane::Events => events_pane::draw(canvas, instance, *area, looks.show_time),
                    list => dashboard_panes::draw(canvas, model, instance, sample, (*list, *area, layout.room), now),
                }
            }
        }
        Content::Table(_) => table_pane::draw(canvas, model, instance, sample, layout, now),
        Content::Events => events_pane::view(canvas, model, instance, layout.body, looks.show_time),
        Content::Problems => {
            problems_pane::draw(canvas, model, instance, sample, layout.body, instance.watch.time(now))
        }
        Content::Cli => cli_pane::draw(canvas, model, instance, layout.body),
        Content::Sessions => query_panes::sessions(canvas, model, instance, layout.body, now),
        Content::StickTables => query_panes::stick_tables(canvas, model, instance, layout.body, now),
    }
    // The past is none the older for it.
    if !instance.watch.link().is_up() && instance.watch.past().is_none() {
        for row in 0..layout.body.height {
            canvas.mark(layout.body, row, Role::Dim);
        }
    }
}
