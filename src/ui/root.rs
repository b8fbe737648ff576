//! The whole screen: header, tabs, view, footer, and the layers over them.

use std::time::Duration;

use ratatui::buffer::Buffer;

use crate::app::instance_view::InstanceView;
use crate::app::layers::Layer;
use crate::app::layout::{Layout, Pane, SizeClass};
use crate::app::model::Model;
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
use crate::ui::drawing::{Canvas, styled_text};
use crate::ui::events_pane::{self, FormatTime};
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

/// The settings of drawing that are not part of the model.
#[derive(Debug, Clone, Copy)]
pub struct Appearance {
    /// Styles and glyphs.
    pub theme: Theme,
    /// Formats a wall clock time.
    pub format_time: FormatTime,
}

/// Draws the screen into a buffer of the model's size. If the topmost layer is a text, returns the last line that it
/// can start with.
pub fn draw(model: &Model, appearance: Appearance, now: Duration, buffer: &mut Buffer) -> Option<usize> {
    let layout = model.layout();
    if layout.screen.is_empty() {
        return None;
    }
    if layout.size_class == SizeClass::Tiny {
        header::draw_one_line(buffer, appearance.theme, model, layout.header, appearance.format_time, now);
        return None;
    }
    let mut canvas = Canvas::new(buffer, appearance.theme);
    let instance = model.instance()?;
    header::draw(&mut canvas, model, instance, &layout, appearance.format_time, now);
    draw_view(&mut canvas, model, instance, &layout, appearance, now);
    footer::draw(&mut canvas, model, layout.footer, layout.size_class, !layout.tabs.is_empty());
    let mut last = None;
    for layer in &model.layers {
        last = None;
        match layer {
            Layer::Help(top) => last = Some(help_overlay::draw(&mut canvas, model, layout.screen, *top)),
            Layer::Confirmation(question) => {
                let Some(instance) = model.instance_by_id(question.intent.instance) else { continue };
                confirm_dialog::draw(&mut canvas, instance, question, layout.screen, now);
            }
            Layer::Detail(row, top) => {
                let Some(instance) = model.instance_by_id(row.instance) else { continue };
                last = Some(detail_pane::draw(
                    &mut canvas,
                    model,
                    instance,
                    row.row,
                    layout.overlay_area(),
                    *top,
                    appearance.format_time,
                ));
            }
            Layer::SortMenu(cursor) => menu_popup::draw_sort_menu(&mut canvas, model, layout.screen, *cursor),
            Layer::ActionMenu(actions, cursor) => {
                menu_popup::draw_action_menu(&mut canvas, model, layout.screen, actions, *cursor)
            }
            Layer::TextPage { title, lines, top } => {
                last = Some(text_page::draw(&mut canvas, title, lines, layout.overlay_area(), *top));
            }
            Layer::Overhead(top) => {
                last = Some(text_page::draw(
                    &mut canvas,
                    overhead::TITLE,
                    &overhead::lines(model),
                    layout.overlay_area(),
                    *top,
                ));
            }
            Layer::TypedCommandConfirmation(confirmation) => {
                let Some(instance) = model.instance_by_id(confirmation.instance) else { continue };
                confirm_dialog::draw_send_confirmation(&mut canvas, instance, confirmation, layout.screen)
            }
            // The footer draws these.
            Layer::Prompt(_) | Layer::NumberPrompt(_) | Layer::ReasonPrompt(_) => {}
        }
    }
    last
}

fn draw_view(
    canvas: &mut Canvas<'_>,
    model: &Model,
    instance: &InstanceView,
    layout: &Layout,
    appearance: Appearance,
    now: Duration,
) {
    let Some(sample) = instance.data.shown() else {
        tabs::draw(canvas, model, layout.tabs, &[]);
        return connecting_page::draw(canvas, instance, layout);
    };
    let remarks = match model.current_view().content {
        Content::Table(_) => table_pane::tab_remarks(model, instance),
        _ if !model.view_settings[model.view()].text_filter.is_empty() => {
            vec![styled_text(format!("/{} ", model.view_settings[model.view()].text_filter), Role::Key)]
        }
        _ => Vec::new(),
    };
    tabs::draw(canvas, model, layout.tabs, &remarks);
    diff_line::draw(canvas, model, instance, sample, layout.summary_line, appearance.format_time);
    match model.current_view().content {
        Content::Dashboard => {
            for (pane, area) in &layout.panes {
                match pane {
                    Pane::Charts => chart_pane::draw(canvas, model, instance, sample, *area, layout.size_class),
                    Pane::Events => events_pane::draw(canvas, instance, *area, appearance.format_time),
                    list => {
                        dashboard_panes::draw(canvas, model, instance, sample, (*list, *area, layout.size_class), now)
                    }
                }
            }
        }
        Content::Table(_) => table_pane::draw(canvas, model, instance, sample, layout, now),
        Content::Events => events_pane::draw_view(canvas, model, instance, layout.body, appearance.format_time),
        Content::Problems => {
            problems_pane::draw(canvas, model, instance, sample, layout.body, instance.data.shown_time(now))
        }
        Content::Cli => cli_pane::draw(canvas, model, instance, layout.body),
        Content::Sessions => query_panes::draw_sessions(canvas, model, instance, layout.body, now),
        Content::StickTables => query_panes::draw_stick_tables(canvas, model, instance, layout.body, now),
    }
    // While the link is lost, the newest sample is dimmed; a past moment is not.
    if !instance.data.link().is_up() && instance.data.past_moment().is_none() {
        for row in 0..layout.body.height {
            canvas.highlight_row(layout.body, row, Role::Dim);
        }
    }
}
