//! `hapulse man` and `hapulse completions`: the manual page, the list of keys and the completion scripts.
//!
//! Owns the order and format of the documents, and the sections that exist only there (files, environment variables
//! that are not settings, see also). Does not own options (`cli`), keys and UI commands (`app::ui_commands`) or settings
//! (`config`).
//!
//! Data flow: the clap command and the tables of commands and settings go in; roff ([`man`]) or Markdown
//! ([`key_list`]) or a script ([`completions`]) comes out as a string.

pub(crate) mod completions;
pub(crate) mod key_list;
pub(crate) mod man;
