//! The screen: panes and widgets, as pure functions of the model.
//!
//! [`root::draw`] takes the model, the appearance and the time, and fills the cells of a buffer; `term` sends the
//! changed cells to the terminal. A function that draws a pane or an overlay takes a `DrawContext`, a `Canvas`, an
//! area, and any further data that only this pane needs. The module owns themes and styles, the drawing of panes and
//! overlays, and the shortening of strings. It does not own the geometry of the screen (`app::layout`), the contents of
//! tables (`table`), any state, any I/O or any clock.

pub mod chart_pane;
pub mod cli_pane;
pub mod color;
pub mod confirm_dialog;
pub mod connecting_page;
pub mod dashboard_panes;
pub mod detail_pane;
pub mod diff_line;
pub mod draw_context;
pub mod drawing;
pub mod events_pane;
pub mod footer;
pub mod header;
pub mod health_line;
pub mod help_overlay;
pub mod menu_popup;
pub mod past_line;
pub mod problems_pane;
pub mod query_panes;
pub mod roles;
pub mod root;
pub mod row_renderer;
pub mod style_overrides;
pub mod table_pane;
pub mod tabs;
pub mod text_page;
pub mod text_width;
pub mod theme;
