//! Queries requested by a key press: one connection, one command, a parsed reply.
//!
//! No query changes anything. [`crate::ask::query_limits`] lists what a query costs and how often it may be sent; the
//! caller enforces that limit, because only the caller has a clock.

use thiserror::Error;

use crate::ask::query_limits::{self, QueryCost};
use crate::ask::read_only_line::ReadOnlyLine;
use crate::ask::typed_line::NotSent;
use crate::haproxy::address::Address;
use crate::haproxy::cli_request::CliRequest;
use crate::haproxy::command::{self, CommandWord, WordError};
use crate::haproxy::command_list::{self, CommandHelp};
use crate::haproxy::connection::{self, ConnectionLimits, RequestError};
use crate::haproxy::level::Level;
use crate::haproxy::reply::{self, Reply};
use crate::haproxy::reply_lines::{self, ReplyLines};
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::sessions::{SessionDetail, SessionFilter, Sessions};
use crate::haproxy::stick_tables::{DataFilter, StickTables, TableEntries};
use crate::haproxy::version::Version;
use crate::observe::sample::ReplyCost;

/// Request for data that is not polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Client sessions that match a filter.
    Sessions(SessionFilter),
    /// Details of one session, by [`crate::haproxy::sessions::Session::id`].
    SessionDetail(SafeText),
    /// Stick tables with their size and use.
    StickTables,
    /// Entries of a stick table.
    TableEntries {
        /// Name of the stick table.
        table: SafeText,
        /// Condition that entries must meet; `None` for all.
        filter: Option<DataFilter>,
    },
    /// Commands supported by this HAProxy.
    Help,
    /// Read-only line typed by hand.
    TypedLine(ReadOnlyLine),
}

/// Data of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryData {
    /// Reply to [`Query::Sessions`].
    Sessions(Sessions),
    /// Reply to [`Query::SessionDetail`].
    SessionDetail(Box<SessionDetail>),
    /// Reply to [`Query::StickTables`].
    StickTables(StickTables),
    /// Reply to [`Query::TableEntries`].
    TableEntries(TableEntries),
    /// Reply to [`Query::Help`].
    Help(Vec<CommandHelp>),
    /// Unparsed reply to [`Query::TypedLine`].
    ReplyLines(ReplyLines),
}

/// Reply to a query.
#[derive(Debug, Clone)]
pub struct QueryReply {
    /// Parsed data.
    pub data: QueryData,
    /// True if the reply ends with an empty line; otherwise it may be truncated.
    pub is_complete: bool,
    /// Size of the reply, and the time that HAProxy took to send it.
    pub cost: ReplyCost,
    /// Failure that did not prevent the reply, such as an audit record that could not be written after a change.
    pub warning: Option<String>,
}

/// Reason why a query has no usable reply.
#[derive(Debug, Error)]
pub enum QueryError {
    /// The connection failed or no reply arrived.
    #[error("{error}")]
    Connection {
        /// Cause of the failure.
        error: RequestError,
        /// Configuration line or other step that fixes the failure, if known.
        hint: Option<String>,
    },
    /// The permission level of the socket is too low.
    #[error("permission denied: \"{command}\" needs level {required_level} (stats socket … level {required_level})")]
    Denied {
        /// Command that was sent.
        command: SafeText,
        /// Lowest level that permits the command.
        required_level: Level,
    },
    /// HAProxy replied with something other than the requested data, usually an error message.
    #[error("HAProxy replied: {0}")]
    Unexpected(SafeText),
    /// The command was not sent because it could not be recorded in the audit log.
    #[error("not sent: {0}")]
    NotAudited(String),
    /// The command was not sent, because HAProxy did not answer or was reloaded since the confirmation. Holds the reason.
    #[error("not sent: {0}")]
    NotReady(String),
    /// HAProxy sent an empty reply.
    #[error("HAProxy sent an empty reply")]
    EmptyReply,
    /// A name is not valid in a command; nothing was sent.
    #[error(transparent)]
    BadName(#[from] WordError),
    /// This HAProxy version would crash on the line or parse it differently from hapulse; nothing was sent.
    #[error(transparent)]
    NotSent(#[from] NotSent),
}

impl Query {
    /// Returns the command line to send to this HAProxy version, without a line break.
    ///
    /// # Errors
    /// Returns an error if a name is not valid in a command, or if this version would crash on the command.
    pub fn command(&self, version: Option<Version>) -> Result<String, QueryError> {
        Ok(match self {
            Self::Sessions(filter) => command::show_sessions(filter, version),
            Self::SessionDetail(id) => command::show_session(&CommandWord::new(id)?),
            Self::StickTables => command::SHOW_TABLES.to_owned(),
            Self::TableEntries { table, filter } => {
                command::show_table_entries(&CommandWord::from_table_name(table)?, filter.as_ref(), version)
            }
            Self::Help => "help".to_owned(),
            Self::TypedLine(line) => {
                line.check_version(version)?;
                line.as_str().to_owned()
            }
        })
    }

    /// Returns the costs of the commands in the query. Commands that [`query_limits`] does not list are skipped.
    pub(crate) fn costs(&self) -> Vec<&'static QueryCost> {
        match self {
            Self::Sessions(filter) if filter.all_details => {
                query_limits::find(&["show", "sess", "all"]).into_iter().collect()
            }
            Self::Sessions(_) => query_limits::find(&["show", "sess"]).into_iter().collect(),
            Self::SessionDetail(_) => vec![&query_limits::SESSION_DETAIL],
            Self::StickTables => query_limits::find(&["show", "table"]).into_iter().collect(),
            Self::TableEntries { .. } => query_limits::find(&["show", "table", "*"]).into_iter().collect(),
            Self::Help => query_limits::find(&["help"]).into_iter().collect(),
            Self::TypedLine(line) => line.commands().iter().filter_map(|words| query_limits::find(words)).collect(),
        }
    }

    /// Returns the query for all entries of a table if this query has a condition on a counter that may be an element of
    /// an array.
    fn without_condition(&self) -> Option<Self> {
        match self {
            Self::TableEntries { table, filter: Some(filter) } if filter.may_be_array_element() => {
                Some(Self::TableEntries { table: table.clone(), filter: None })
            }
            _ => None,
        }
    }

    /// Returns whether no entry of a table has the counter of the condition, although the table has entries.
    fn lacks_counter(&self, data: &QueryData) -> bool {
        match (self, data) {
            (Self::TableEntries { filter: Some(filter), .. }, QueryData::TableEntries(entries)) => {
                !entries.counters.is_empty() && entries.counter_index(filter.counter.as_str()).is_none()
            }
            _ => false,
        }
    }

    /// Returns the number of commands in the query.
    fn command_count(&self) -> usize {
        if let Self::TypedLine(line) = self { line.commands().len() } else { 1 }
    }

    /// Parses the reply to `command`, which is the text of this query.
    fn parse_reply(&self, reply: &Reply<'_>, command: &str, version: Option<Version>) -> Result<QueryData, QueryError> {
        let body = reply.text();
        let denied = || {
            // Read-only commands need at most level operator.
            let required_level =
                self.costs().iter().map(|cost| cost.level).max().unwrap_or(Level::User).max(Level::Operator);
            QueryError::Denied { command: SafeText::from(command), required_level }
        };
        if reply.is_denied() && self.command_count() == 1 {
            return Err(denied());
        }
        match self {
            Self::Sessions(filter) => {
                let sessions = Sessions::parse(body, version, filter);
                if sessions.total == 0 && sessions.unrecognized_lines > 0 {
                    unexpected_reply(body)
                } else {
                    Ok(QueryData::Sessions(sessions))
                }
            }
            Self::SessionDetail(_) => {
                let session = SessionDetail::parse(body, version);
                session
                    .map_or_else(|| unexpected_reply(body), |session| Ok(QueryData::SessionDetail(Box::new(session))))
            }
            Self::StickTables => {
                let tables = StickTables::parse(body);
                if tables.list.is_empty() && tables.unrecognized_lines > 0 {
                    unexpected_reply(body)
                } else {
                    Ok(QueryData::StickTables(tables))
                }
            }
            Self::TableEntries { filter, .. } => {
                let entries = TableEntries::parse(body, filter.as_ref());
                match entries.table {
                    Some(_) if entries.is_denied => Err(denied()),
                    Some(_) => Ok(QueryData::TableEntries(entries)),
                    None => unexpected_reply(body),
                }
            }
            Self::Help => {
                let list = command_list::parse(body);
                if list.is_empty() { unexpected_reply(body) } else { Ok(QueryData::Help(list)) }
            }
            Self::TypedLine(_) => Ok(QueryData::ReplyLines(ReplyLines::parse(body))),
        }
    }
}

/// Returns the error for a reply in an unexpected format: HAProxy's own message, or [`QueryError::EmptyReply`].
fn unexpected_reply<T>(body: &[u8]) -> Result<T, QueryError> {
    let words = reply_lines::first_line(body);
    Err(if words.is_empty() { QueryError::EmptyReply } else { QueryError::Unexpected(words) })
}

/// Sends one query over a separate connection and returns the parsed reply.
///
/// If HAProxy cannot compare the counter of a condition, because it is an element of an array, reads all entries over
/// another connection and compares them here.
///
/// # Errors
/// Returns an error if nothing was sent, no reply arrived, or HAProxy refused the command.
pub async fn run(
    address: &Address,
    limits: &ConnectionLimits,
    read_only: bool,
    version: Option<Version>,
    query: &Query,
) -> Result<QueryReply, QueryError> {
    let reply = send(address, limits, read_only, version, (query, &query.command(version)?)).await;
    let Err(QueryError::Unexpected(words)) = &reply else { return reply };
    match query.without_condition().filter(|_| is_counter_refused(words)) {
        Some(all) => {
            let entries = send(address, limits, read_only, version, (query, &all.command(version)?)).await?;
            if query.lacks_counter(&entries.data) { reply } else { Ok(entries) }
        }
        None => reply,
    }
}

/// Returns whether HAProxy replied that it does not know or does not store a counter.
fn is_counter_refused(words: &SafeText) -> bool {
    ["Data type not stored", "Unknown data type"].iter().any(|text| words.as_str().contains(text))
}

/// Sends the command of a query and returns the parsed reply.
async fn send(
    address: &Address,
    limits: &ConnectionLimits,
    read_only: bool,
    version: Option<Version>,
    (query, command): (&Query, &str),
) -> Result<QueryReply, QueryError> {
    let line = CliRequest::new(command, read_only, version);
    let mut bytes = Vec::new();
    let timing = connection::request(address, &line.line, limits, &mut bytes)
        .await
        .map_err(|error| QueryError::Connection { hint: error.hint(address), error })?;
    // The last reply contains all remaining bytes, so the replies to the commands of a typed line stay together.
    let replies = reply::split(&bytes, line.leading_replies + 1);
    let Some(reply) = replies.get(line.leading_replies) else { return unexpected_reply(&bytes) };
    let data = query.parse_reply(reply, command, version)?;
    Ok(QueryReply {
        data,
        is_complete: reply.is_complete(),
        cost: ReplyCost { bytes: bytes.len(), reply_time: timing.reply },
        warning: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(query: &Query, reply_text: &str) -> Result<QueryData, String> {
        let replies = reply::split(reply_text.as_bytes(), 1);
        query.parse_reply(&replies[0], &query.command(None).unwrap(), None).map_err(|error| error.to_string())
    }

    fn line(text: &str) -> Query {
        Query::TypedLine(ReadOnlyLine::parse(text).unwrap())
    }

    #[test]
    fn denied_query_names_required_level() {
        let all = Query::Sessions(SessionFilter::default());
        let why = "permission denied: \"show sess\" needs level operator (stats socket … level operator)";
        assert_eq!(read(&all, "Permission denied\n\n"), Err(why.to_owned()));
        let entries = Query::TableEntries { table: "t".into(), filter: None };
        let reply_text =
            "# table: t, type: ip, size:10, used:4\n# contents not dumped due to insufficient privileges\n\n";
        assert!(read(&entries, reply_text).unwrap_err().contains("\"show table t\" needs level operator"));
        assert!(read(&line("show env"), "Permission denied\n\n").unwrap_err().contains("level operator"));
        assert!(read(&line("show env;show info"), "Permission denied\n\nName: HAProxy\n\n").is_ok());
    }

    #[test]
    fn query_errors_quote_haproxy() {
        let session = Query::SessionDetail("0xdead".into());
        assert_eq!(read(&session, "Session not found.\n\n"), Err("HAProxy replied: Session not found.".to_owned()));
        let entries = Query::TableEntries { table: "t".into(), filter: None };
        assert_eq!(read(&entries, "No such table\n\n"), Err("HAProxy replied: No such table".to_owned()));
        assert_eq!(read(&entries, "\n"), Err("HAProxy sent an empty reply".to_owned()));
        assert_eq!(
            read(&Query::StickTables, "\n"),
            Ok(QueryData::StickTables(StickTables::default())),
            "no table is declared"
        );
    }

    #[test]
    fn command_rejects_known_crash_and_bad_name() {
        let v30 = Some(Version::new(3, 0));
        let error = line("show threads").command(v30).unwrap_err().to_string();
        assert_eq!(error, "not sent: \"show threads\": HAProxy 3.0.0 crashes on this command");
        assert!(Query::SessionDetail("0x1;quit".into()).command(v30).is_err());
        assert_eq!(Query::Help.command(v30).unwrap(), "help");
    }

    #[test]
    fn typed_line_has_costs_of_each_command() {
        let ids = |query: &Query| query.costs().iter().map(|cost| cost.id).collect::<Vec<_>>();
        assert_eq!(ids(&line("show info;show sess;show table t")), ["sessions", "table.entries"]);
        assert_eq!(ids(&Query::SessionDetail("0x1".into())), ["session"]);
        let all = Query::Sessions(SessionFilter { all_details: true, ..SessionFilter::default() });
        assert_eq!((ids(&all), all.costs()[0].min_pause), (vec!["sessions.full"], Duration::from_secs(10)));
    }
}
