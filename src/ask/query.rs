//! Questions asked on a key press: one connection, one question, a typed answer.
//!
//! None of them changes anything. What they cost and when they may be asked again is told by
//! [`crate::ask::query_cost`]; keeping to it is the asker's part, since only that one has a clock.

use thiserror::Error;

use crate::ask::query_cost::{self, Care};
use crate::ask::read_only_command::ReadLine;
use crate::ask::typed_command::NotSent;
use crate::haproxy::address::Address;
use crate::haproxy::cli_request::Line;
use crate::haproxy::command::{self, BadName, Word};
use crate::haproxy::command_list::{self, Known};
use crate::haproxy::connection::{self, AskError, Limits};
use crate::haproxy::level::Level;
use crate::haproxy::reply::{self, Reply};
use crate::haproxy::reply_lines::{self, Lines};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{SessionDetail, SessionFilter, Sessions};
use crate::haproxy::stick_tables::{DataFilter, Entries, StickTables};
use crate::haproxy::version::Version;
use crate::observe::sample::Cost;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The sessions that a filter wants.
    Sessions(SessionFilter),
    /// One session in full, by [`crate::haproxy::sessions::Session::id`].
    Session(SafeText),
    /// The stick tables with their size and use.
    Tables,
    /// A table's entries.
    TableEntries {
        /// The table's name.
        table: SafeText,
        /// Which of them.
        filter: Option<DataFilter>,
    },
    /// The commands this HAProxy knows.
    Help,
    /// A line typed by hand.
    Line(ReadLine),
}

/// What HAProxy told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// To [`Query::Sessions`].
    Sessions(Sessions),
    /// To [`Query::Session`].
    Session(Box<SessionDetail>),
    /// To [`Query::Tables`].
    Tables(StickTables),
    /// To [`Query::TableEntries`].
    Entries(Entries),
    /// To [`Query::Help`].
    Help(Vec<Known>),
    /// To [`Query::Line`], as HAProxy gave it.
    Lines(Lines),
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What it says.
    pub told: Told,
    /// Whether the empty line that ends an answer was there: without it, more may have been cut off.
    pub is_whole: bool,
    /// What it took.
    pub cost: Cost,
    /// What went wrong beside it: a line that changed something is not in the audit.
    pub remark: Option<String>,
}

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum QueryError {
    /// No answer came.
    #[error("{error}")]
    Ask {
        /// Why.
        error: AskError,
        /// The line that mends it, where one is known.
        hint: Option<String>,
    },
    /// The socket may not ask this.
    #[error("permission denied: \"{command}\" needs level {needs} (stats socket … level {needs})")]
    Denied {
        /// What was asked.
        command: SafeText,
        /// The least level that may.
        needs: Level,
    },
    /// HAProxy answered something else, in its own words.
    #[error("HAProxy answers: {0}")]
    Said(SafeText),
    /// It could not be written to the audit, and so was not sent.
    #[error("not sent: {0}")]
    NotAudited(String),
    /// HAProxy answered with nothing.
    #[error("HAProxy answered nothing")]
    Nothing,
    /// The name makes no command; nothing was sent.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// This version would not survive the line, or would not take it as it was judged; nothing was sent.
    #[error(transparent)]
    NotSent(#[from] NotSent),
}

impl Query {
    /// The commands that are sent to this version.
    ///
    /// # Errors
    /// When a name cannot stand in a command, or this version would not survive it.
    pub fn command(&self, version: Option<Version>) -> Result<String, QueryError> {
        Ok(match self {
            Self::Sessions(filter) => command::show_sessions(filter, version),
            Self::Session(id) => command::show_session(&Word::new(id)?),
            Self::Tables => command::SHOW_TABLES.to_owned(),
            Self::TableEntries { table, filter } => {
                command::show_table_entries(&Word::new(table)?, filter.as_ref(), version)
            }
            Self::Help => "help".to_owned(),
            Self::Line(line) => {
                line.check(version)?;
                line.as_str().to_owned()
            }
        })
    }

    /// What it costs and needs, one for each expensive command in it; those of a cheap line are none.
    pub fn cares(&self) -> Vec<&'static Care> {
        match self {
            Self::Sessions(filter) if filter.in_full => query_cost::of(&["show", "sess", "all"]).into_iter().collect(),
            Self::Sessions(_) => query_cost::of(&["show", "sess"]).into_iter().collect(),
            Self::Session(_) => vec![&query_cost::SESSION],
            Self::Tables => query_cost::of(&["show", "table"]).into_iter().collect(),
            Self::TableEntries { .. } => query_cost::of(&["show", "table", "*"]).into_iter().collect(),
            Self::Help => query_cost::of(&["help"]).into_iter().collect(),
            Self::Line(line) => line.parts().iter().filter_map(|words| query_cost::of(words)).collect(),
        }
    }

    /// How many commands it holds.
    fn count(&self) -> usize {
        if let Self::Line(line) = self { line.parts().len() } else { 1 }
    }

    /// Reads the answer to its command.
    fn read(&self, reply: &Reply<'_>, command: &str, version: Option<Version>) -> Result<Told, QueryError> {
        let body = reply.text();
        let denied = || {
            // Whatever only reads is open to operators.
            let needs = self.cares().iter().map(|care| care.level).max().unwrap_or(Level::User).max(Level::Operator);
            QueryError::Denied { command: SafeText::from(command), needs }
        };
        if reply.is_denied() && self.count() == 1 {
            return Err(denied());
        }
        match self {
            Self::Sessions(filter) => {
                let sessions = Sessions::parse(body, version, filter);
                if sessions.seen == 0 && sessions.odd > 0 { said(body) } else { Ok(Told::Sessions(sessions)) }
            }
            Self::Session(_) => {
                let session = SessionDetail::parse(body, version);
                session.map_or_else(|| said(body), |session| Ok(Told::Session(Box::new(session))))
            }
            Self::Tables => {
                let tables = StickTables::parse(body);
                if tables.list.is_empty() && tables.odd > 0 { said(body) } else { Ok(Told::Tables(tables)) }
            }
            Self::TableEntries { filter, .. } => {
                let entries = Entries::parse(body, filter.as_ref());
                match entries.table {
                    Some(_) if entries.is_denied => Err(denied()),
                    Some(_) => Ok(Told::Entries(entries)),
                    None => said(body),
                }
            }
            Self::Help => {
                let list = command_list::parse(body);
                if list.is_empty() { said(body) } else { Ok(Told::Help(list)) }
            }
            Self::Line(_) => Ok(Told::Lines(Lines::parse(body))),
        }
    }
}

/// An answer that is not what was asked for: an error's own words.
fn said<T>(body: &[u8]) -> Result<T, QueryError> {
    let words = reply_lines::first_line(body);
    Err(if words.is_empty() { QueryError::Nothing } else { QueryError::Said(words) })
}

/// Asks one question on a connection of its own.
///
/// # Errors
/// When nothing was sent, no answer came, or the answer is a refusal.
pub async fn run(
    address: &Address,
    limits: &Limits,
    read_only: bool,
    version: Option<Version>,
    query: &Query,
) -> Result<Answer, QueryError> {
    let command = query.command(version)?;
    let line = Line::new(&command, read_only, version);
    let mut bytes = Vec::new();
    let timing = connection::ask(address, &line.text, line.skipped + query.count(), limits, &mut bytes)
        .await
        .map_err(|error| QueryError::Ask { hint: error.hint(address), error })?;
    // The last answer takes all that is left: a typed line's answers stay together.
    let replies = reply::split(&bytes, line.skipped + 1);
    let Some(reply) = replies.get(line.skipped) else { return said(&bytes) };
    let told = query.read(reply, &command, version)?;
    Ok(Answer {
        told,
        is_whole: reply.is_whole(),
        cost: Cost { bytes: bytes.len(), answer: timing.answer },
        remark: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(query: &Query, answer: &str) -> Result<Told, String> {
        let replies = reply::split(answer.as_bytes(), 1);
        query.read(&replies[0], &query.command(None).unwrap(), None).map_err(|error| error.to_string())
    }

    fn line(text: &str) -> Query {
        Query::Line(ReadLine::new(text).unwrap())
    }

    #[test]
    fn refusals_name_the_level_that_is_needed() {
        let all = Query::Sessions(SessionFilter::default());
        let why = "permission denied: \"show sess\" needs level operator (stats socket … level operator)";
        assert_eq!(read(&all, "Permission denied\n\n"), Err(why.to_owned()));
        let entries = Query::TableEntries { table: "t".into(), filter: None };
        let answer = "# table: t, type: ip, size:10, used:4\n# contents not dumped due to insufficient privileges\n\n";
        assert!(read(&entries, answer).unwrap_err().contains("\"show table t\" needs level operator"));
        assert!(read(&line("show env"), "Permission denied\n\n").unwrap_err().contains("level operator"));
        assert!(read(&line("show env;show info"), "Permission denied\n\nName: HAProxy\n\n").is_ok());
    }

    #[test]
    fn errors_come_in_haproxys_own_words() {
        let session = Query::Session("0xdead".into());
        assert_eq!(read(&session, "Session not found.\n\n"), Err("HAProxy answers: Session not found.".to_owned()));
        let entries = Query::TableEntries { table: "t".into(), filter: None };
        assert_eq!(read(&entries, "No such table\n\n"), Err("HAProxy answers: No such table".to_owned()));
        assert_eq!(read(&entries, "\n"), Err("HAProxy answered nothing".to_owned()));
        assert_eq!(read(&Query::Tables, "\n"), Ok(Told::Tables(StickTables::default())), "none is declared");
    }

    #[test]
    fn nothing_deadly_or_misspelt_becomes_a_command() {
        let v30 = Some(Version::new(3, 0));
        let error = line("show threads").command(v30).unwrap_err().to_string();
        assert_eq!(error, "not sent: \"show threads\": HAProxy 3.0.0 crashes on it");
        assert!(Query::Session("0x1;quit".into()).command(v30).is_err());
        assert_eq!(Query::Help.command(v30).unwrap(), "help");
    }

    #[test]
    fn a_typed_line_needs_the_care_of_each_of_its_commands() {
        let ids = |query: &Query| query.cares().iter().map(|care| care.id).collect::<Vec<_>>();
        assert_eq!(ids(&line("show info;show sess;show table t")), ["sessions", "table.entries"]);
        assert_eq!(ids(&Query::Session("0x1".into())), ["session"]);
        let all = Query::Sessions(SessionFilter { in_full: true, ..SessionFilter::default() });
        assert_eq!((ids(&all), all.cares()[0].pause), (vec!["sessions.full"], Duration::from_secs(10)));
    }
}
