//! `hapulse man` and `hapulse completions`: the manual page, the lists of keys and problems, and the completion scripts.
//!
//! Owns the order and format of the documents, and the sections that exist only there (files, environment variables
//! that are not settings, see also). Does not own options (`cli`), keys and UI commands (`app::ui_commands`) or settings
//! (`config`).
//!
//! Data flow: the clap command and the tables of commands, settings, rules and causes go in; roff ([`man`]) or Markdown
//! ([`key_list`], [`problem_list`]) or a script ([`completions`]) comes out as a string.

pub(crate) mod completions;
pub(crate) mod key_list;
pub(crate) mod man;
pub(crate) mod problem_list;
