//! `hapulse config`: prints the effective configuration, its JSON schema and the UI commands.
//!
//! Owns the output format. Does not own reading or merging configuration files (`config`).
//!
//! Data flow: `cli` passes the partial settings of each source and the merged settings; [`effective`] prints each
//! setting with its value and origin.

pub(crate) mod effective;
