//! The screen: panes and widgets, as pure functions of the model.
//!
//! [`root::draw`] takes the model, the appearance and the time, and fills the cells of a buffer; `term` sends the
//! changed cells to the terminal. A function that draws a pane or an overlay takes a `DrawContext`, a `Canvas`, an
//! area, and any further data that only this pane needs. The module owns themes and styles, the drawing of panes and
//! overlays, and the shortening of strings. It does not own the geometry of the screen (`app::layout`), the contents of
//! tables (`table`), any state, any I/O or any clock.

pub(crate) mod balancers_pane;
pub(crate) mod causes_pane;
pub(crate) mod chart_axis;
pub(crate) mod chart_pane;
pub(crate) mod chart_plot;
pub(crate) mod cli_pane;
pub(crate) mod color;
pub(crate) mod confirm_dialog;
pub(crate) mod connecting_page;
pub(crate) mod dashboard_panes;
pub(crate) mod detail_pane;
pub(crate) mod detail_summary;
pub(crate) mod diff_line;
pub(crate) mod draw_context;
pub(crate) mod drawing;
pub(crate) mod events_pane;
pub(crate) mod footer;
pub(crate) mod full_name;
pub(crate) mod header;
pub(crate) mod health_line;
pub(crate) mod heat_map_pane;
pub(crate) mod help_overlay;
pub(crate) mod line_detail;
pub(crate) mod menu_popup;
pub mod mouse_target;
pub(crate) mod number_grid;
pub(crate) mod palette_popup;
pub(crate) mod past_line;
pub(crate) mod problems_pane;
pub(crate) mod query_panes;
pub(crate) mod requests_pane;
pub(crate) mod roles;
pub mod root;
pub(crate) mod row_renderer;
pub(crate) mod sessions_pane;
pub(crate) mod stick_tables_pane;
pub(crate) mod style_overrides;
pub(crate) mod table_pane;
pub(crate) mod tabs;
pub(crate) mod text_page;
pub(crate) mod text_width;
pub mod theme;
pub(crate) mod timeline_pane;
#[cfg(test)]
mod truncation_tests;
