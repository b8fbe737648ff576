//! CannedReplies to questions, from recordings: what a real HAProxy said, as it comes in.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use hapulse::app::msg::Message;
use hapulse::ask::query::{QueryReply, Query, QueryError, QueryData};
use hapulse::ask::read_only_command::ReadOnlyLine;
use hapulse::haproxy::command_list;
use hapulse::haproxy::connection::RequestError;
use hapulse::haproxy::reply_lines::ReplyLines;
use hapulse::haproxy::sessions::{SessionDetail, SessionFilter, Sessions};
use hapulse::haproxy::stick_tables::{TableEntries, StickTables};
use hapulse::haproxy::version::Version;
use hapulse::observe::sample::ReplyCost;

use crate::samples::recorded_text;

pub fn complete_reply(told: QueryData) -> Box<QueryReply> {
    Box::new(QueryReply {
        data: told,
        is_complete: true,
        cost: ReplyCost { bytes: 1000, reply_time: Duration::from_millis(3) },
        warning: None,
    })
}

fn query_finished(query: Query, what: QueryData) -> Message {
    Message::QueryFinished(0, Box::new(query), Ok(complete_reply(what)))
}

/// The recorded sessions.
pub fn sessions_reply(version: &str) -> Message {
    let filter = SessionFilter::default();
    let list = Sessions::parse(recorded_text(version, "show-sess.txt").as_bytes(), Version::parse(version), &filter);
    assert!(list.total > 5 && list.unrecognized_lines == 0);
    query_finished(Query::Sessions(filter), QueryData::Sessions(list))
}

/// One recorded session in full.
pub fn session_reply(version: &str) -> Message {
    let text = recorded_text(version, "show-sess-one.txt");
    let detail = SessionDetail::parse(text.as_bytes(), Version::parse(version)).unwrap();
    query_finished(Query::SessionDetail(detail.session.id.clone()), QueryData::SessionDetail(Box::new(detail)))
}

/// The recorded stick tables.
pub fn stick_tables_reply(version: &str) -> Message {
    let tables = StickTables::parse(recorded_text(version, "show-table.txt").as_bytes());
    assert_eq!((tables.list.len(), tables.unrecognized_lines), (3, 0));
    query_finished(Query::StickTables, QueryData::StickTables(tables))
}

/// The recorded entries of a stick table.
pub fn entries_reply(version: &str, table: &str) -> Message {
    let file = format!("show-table-{}.txt", table.trim_start_matches("st_"));
    let entries = TableEntries::parse(recorded_text(version, &file).as_bytes(), None);
    assert!(!entries.list.is_empty() && entries.unrecognized_lines == 0);
    query_finished(Query::TableEntries { table: table.into(), filter: None }, QueryData::TableEntries(entries))
}

/// The recorded help.
pub fn help_reply(version: &str) -> Message {
    query_finished(Query::Help, QueryData::Help(command_list::parse(recorded_text(version, "help.txt").as_bytes())))
}

/// An answer to a typed line that reads.
pub fn typed_line_reply(line: &str, text: &str) -> Message {
    query_finished(Query::TypedLine(ReadOnlyLine::parse(line).unwrap()), QueryData::ReplyLines(ReplyLines::parse(text.as_bytes())))
}

/// An answer to a typed line that may have changed something.
pub fn write_command_reply(text: &str) -> Message {
    Message::TypedCommandFinished(0, Ok(complete_reply(QueryData::ReplyLines(ReplyLines::parse(text.as_bytes())))))
}

/// No answer.
pub fn failed_query(query: Query) -> Message {
    Message::QueryFinished(0, Box::new(query), Err(QueryError::Connection { error: RequestError::Silent(Duration::from_secs(5)), hint: None }))
}
