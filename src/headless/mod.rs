//! Floor 5: what hapulse does without a screen: it prints, and ends.

pub mod agree;
pub mod asking;
pub mod audit;
pub mod code;
pub mod config;
pub mod desk;
pub mod doctor;
pub mod found;
pub mod get;
pub mod json;
pub mod key;
pub mod lookout;
pub mod lookouts;
pub mod near;
pub mod output;
pub mod picture;
pub mod run;
pub mod server_name;
pub mod servers;
pub mod sheet;
pub mod show;
pub mod signals;
pub mod table;
pub mod voice;
pub mod wait;
pub mod waiting;
