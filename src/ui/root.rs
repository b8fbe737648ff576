//! The whole screen: header, tabs, view, footer, and the layers over them.

use std::time::Duration;

use ratatui::buffer::Buffer;

use crate::app::answer_gate::ShownRows;
use crate::app::heat_view;
use crate::app::layers::{Layer, TextExtent};
use crate::app::layout::{Pane, SizeClass};
use crate::app::model::Model;
use crate::app::overhead;
use crate::app::prompt::PromptPurpose;
use crate::table::cell::Role;
use crate::table::view_table::Content;
use crate::ui::balancers_pane;
use crate::ui::causes_pane;
use crate::ui::chart_pane;
use crate::ui::cli_pane;
use crate::ui::confirm_dialog;
use crate::ui::connecting_page;
use crate::ui::dashboard_panes;
use crate::ui::detail_pane;
use crate::ui::diff_line;
use crate::ui::draw_context::{DrawContext, FormatTime};
use crate::ui::drawing::{Canvas, StyledText, styled_text};
use crate::ui::events_pane;
use crate::ui::footer;
use crate::ui::header;
use crate::ui::heat_map_pane;
use crate::ui::help_overlay;
use crate::ui::line_detail;
use crate::ui::menu_popup;
use crate::ui::palette_popup;
use crate::ui::problems_pane;
use crate::ui::requests_pane;
use crate::ui::sessions_pane;
use crate::ui::stick_tables_pane;
use crate::ui::table_pane;
use crate::ui::tabs;
use crate::ui::text_page;
use crate::ui::text_width;
use crate::ui::theme::Theme;
use crate::ui::timeline_pane;

/// The drawing settings that are not part of the model.
#[derive(Debug, Clone, Copy)]
pub struct Appearance {
    /// Styles and glyphs.
    pub theme: Theme,
    /// Function that formats a wall clock time.
    pub format_time: FormatTime,
}

/// The parts of a frame that the model must know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DrawnFrame {
    /// If the topmost layer is a scrollable text: its extent.
    pub text: Option<TextExtent>,
    /// If the topmost layer is a question that is visible: the rows shown.
    pub question: Option<ShownRows>,
}

/// Draws the screen into a buffer that has the screen size of the model.
pub fn draw(model: &Model, appearance: Appearance, now: Duration, buffer: &mut Buffer) -> DrawnFrame {
    let layout = model.layout();
    let mut drawn = DrawnFrame::default();
    let Some(instance) = model.instance().filter(|_| !layout.screen.is_empty()) else { return drawn };
    let context = &DrawContext { model, instance, layout: &layout, format_time: appearance.format_time, now };
    let canvas = &mut Canvas::new(buffer, appearance.theme);
    header::draw(context, canvas, layout.header);
    if layout.size_class == SizeClass::Tiny {
        draw_tiny(context, canvas);
        return drawn;
    }
    draw_view(context, canvas);
    timeline_pane::draw(context, canvas, layout.timeline);
    footer::draw(context, canvas, layout.footer);
    let (screen, overlay) = (layout.screen, layout.overlay_area());
    for layer in &model.layers {
        drawn = DrawnFrame::default();
        match layer {
            Layer::Help(top, search) => {
                drawn.text = Some(help_overlay::draw(context, canvas, screen, *top, search.as_ref()));
            }
            Layer::Confirmation(question) => {
                let Some(context) = context.for_instance(question.intent.instance) else { continue };
                drawn.question = confirm_dialog::draw(&context, canvas, screen, question);
            }
            Layer::Detail(row, top) => {
                let Some(context) = context.for_instance(row.instance) else { continue };
                drawn.text = Some(detail_pane::draw(&context, canvas, overlay, row.row, *top));
            }
            Layer::SortMenu(cursor) => menu_popup::draw_sort_menu(context, canvas, screen, *cursor),
            Layer::ActionMenu(actions, cursor, search) => {
                menu_popup::draw_action_menu(context, canvas, screen, actions, *cursor, search.as_ref());
            }
            Layer::TextPage { title, lines, top } => {
                drawn.text = Some(text_page::draw(canvas, overlay, title, lines, *top));
            }
            Layer::Overhead(top) => {
                let lines = overhead::lines(model);
                drawn.text = Some(text_page::draw(canvas, overlay, overhead::TITLE, &lines, *top));
            }
            Layer::TypedCommandConfirmation(confirmation) => {
                let Some(context) = context.for_instance(confirmation.instance) else { continue };
                drawn.question = confirm_dialog::draw_send_confirmation(&context, canvas, screen, confirmation);
            }
            Layer::Prompt(prompt) if prompt.purpose == PromptPurpose::Command => {
                palette_popup::draw(context, canvas, prompt);
            }
            // The footer draws the prompts.
            Layer::Prompt(_) | Layer::NumberPrompt(_) | Layer::ReasonPrompt(_) => {}
        }
    }
    drawn
}

/// Draws the line of a tiny screen over the header: that a question has no room, or the latest notice.
fn draw_tiny(context: &DrawContext<'_>, canvas: &mut Canvas<'_>) {
    let line = context.layout.header;
    if context.model.layers.last().is_some_and(|layer| layer.gate().is_some()) {
        confirm_dialog::draw_no_room(canvas, line);
    } else if let Some(notice) = &context.model.notice {
        canvas.clear(line);
        canvas.draw_text(line, 0, 0, &text_width::sentence(&notice.text, usize::from(line.width)), notice.role);
    }
}

/// Returns the remarks at the right end of the line of tabs.
pub(crate) fn tab_remarks(context: &DrawContext<'_>) -> Vec<StyledText<'static>> {
    let model = context.model;
    match model.current_view().content {
        Content::Balancers => balancers_pane::tab_remarks(context),
        Content::Requests => requests_pane::tab_remarks(context),
        _ if context.sample().is_none() => Vec::new(),
        Content::Table(_) => table_pane::tab_remarks(context),
        Content::Dashboard => dashboard_panes::tab_remarks(context),
        _ if !model.text_filter().is_empty() => {
            vec![styled_text(format!("/{} ", model.text_filter()), Role::Key)]
        }
        _ => Vec::new(),
    }
}

fn draw_view(context: &DrawContext<'_>, canvas: &mut Canvas<'_>) {
    let DrawContext { model, instance, layout, .. } = *context;
    let body = layout.body;
    if model.shows_balancers() {
        // The other balancers may answer although the one of the header does not.
        tabs::draw(context, canvas, layout.tabs, &tab_remarks(context));
        return balancers_pane::draw(context, canvas, body);
    }
    if context.sample().is_none() {
        tabs::draw(context, canvas, layout.tabs, &[]);
        return connecting_page::draw(context, canvas, body);
    }
    tabs::draw(context, canvas, layout.tabs, &tab_remarks(context));
    diff_line::draw(context, canvas, layout.summary_line);
    match model.current_view().content {
        Content::Dashboard | Content::Table(_) if model.charts.is_maximized => {
            chart_pane::draw_maximized(context, canvas, body);
        }
        Content::Dashboard => {
            for (pane, area) in &layout.panes {
                match pane {
                    Pane::Causes => causes_pane::draw(context, canvas, *area),
                    Pane::Charts => chart_pane::draw(context, canvas, *area),
                    Pane::Events => events_pane::draw(context, canvas, *area),
                    list => dashboard_panes::draw(context, canvas, *area, *list),
                }
            }
        }
        Content::Table(_) if heat_view::is_shown(model) => heat_map_pane::draw(context, canvas, body),
        Content::Table(_) => table_pane::draw(context, canvas),
        Content::Problems => problems_pane::draw(context, canvas, body),
        Content::Requests => requests_pane::draw(context, canvas, body),
        content => {
            let (list, detail) = line_detail::split(context, body);
            match content {
                Content::Events => events_pane::draw_view(context, canvas, list),
                Content::Cli => cli_pane::draw(context, canvas, list),
                Content::Sessions => sessions_pane::draw(context, canvas, list),
                Content::StickTables => stick_tables_pane::draw(context, canvas, list),
                Content::Dashboard | Content::Table(_) | Content::Problems | Content::Balancers | Content::Requests => {
                }
            }
            line_detail::draw(context, canvas, detail);
        }
    }
    // While the link is lost, the newest sample is dimmed; an earlier sample is not.
    if !instance.data.link().is_up() && instance.data.past_moment().is_none() {
        for row in 0..body.height {
            canvas.highlight_row(body, row, Role::Dim);
        }
    }
}
