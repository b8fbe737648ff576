//! Floor 4: panes and widgets, as pure functions of the model.
//!
//! Everything here is given the model, a theme and a place, and fills cells of a buffer. Nothing is fetched,
//! remembered or timed here.

pub mod chart_pane;
pub mod cli_pane;
pub mod color;
pub mod confirm_dialog;
pub mod connecting_page;
pub mod dashboard_panes;
pub mod detail_pane;
pub mod diff_line;
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
pub mod theme;
pub mod truncate;
