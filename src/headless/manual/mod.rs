//! `hapulse man`: the manual page and the list of keys.
//!
//! Owns the order and format of both documents, and the sections that exist only there (files, environment variables
//! that are not settings, see also). Does not own options (`cli`), keys and UI commands (`app::ui_commands`) or settings
//! (`config`).
//!
//! Data flow: the clap command and the tables of commands and settings go in; roff ([`man`]) or Markdown
//! ([`key_list`]) comes out as a string.

pub(crate) mod key_list;
pub(crate) mod man;
