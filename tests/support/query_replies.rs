//! Messages with the replies to queries, built from recorded replies of real `HAProxies`.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use hapulse::app::message::Message;
use hapulse::ask::query::{Query, QueryData, QueryError, QueryReply};
use hapulse::ask::read_only_line::ReadOnlyLine;
use hapulse::haproxy::command_list;
use hapulse::haproxy::connection::RequestError;
use hapulse::haproxy::reply_lines::ReplyLines;
use hapulse::haproxy::sessions::{SessionDetail, SessionFilter, Sessions};
use hapulse::haproxy::stick_tables::{StickTables, TableEntries};
use hapulse::haproxy::version::Version;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::sample::ReplyCost;

use crate::samples::recorded_text;

/// Builds a complete reply.
pub fn complete_reply(data: QueryData) -> Box<QueryReply> {
    Box::new(QueryReply {
        data,
        is_complete: true,
        cost: ReplyCost { bytes: 1000, reply_time: Duration::from_millis(3) },
        warning: None,
    })
}

fn query_finished(query: Query, data: QueryData) -> Message {
    Message::QueryFinished(InstanceId::FIRST, Box::new(query), Ok(complete_reply(data)))
}

/// Builds the reply with the recorded sessions.
pub fn sessions_reply(version: &str) -> Message {
    let filter = SessionFilter::default();
    let list = Sessions::parse(recorded_text(version, "show-sess.txt").as_bytes(), Version::parse(version), &filter);
    assert!(list.total > 5 && list.unrecognized_lines == 0);
    query_finished(Query::Sessions(filter), QueryData::Sessions(list))
}

/// Builds a reply of HAProxy 3.2 with these sessions, which took `millis` milliseconds.
pub fn sessions_reply_with(text: &str, filter: SessionFilter, millis: u64) -> Message {
    let list = Sessions::parse(text.as_bytes(), Some(Version::new(3, 2)), &filter);
    let mut reply = complete_reply(QueryData::Sessions(list));
    reply.cost.reply_time = Duration::from_millis(millis);
    Message::QueryFinished(InstanceId::FIRST, Box::new(Query::Sessions(filter)), Ok(reply))
}

/// Builds the reply with the details of a session, or that there is no such session.
pub fn session_detail_reply(id: &str, lines: Option<&str>) -> Message {
    let query = Box::new(Query::SessionDetail(id.into()));
    let result = match lines {
        Some(lines) => {
            let detail = SessionDetail::parse(lines.as_bytes(), None).unwrap();
            Ok(complete_reply(QueryData::SessionDetail(Box::new(detail))))
        }
        None => Err(QueryError::Unexpected("Session not found.".into())),
    };
    Message::QueryFinished(InstanceId::FIRST, query, result)
}

/// Builds a reply of HAProxy that has no details of a session but these words.
pub fn refused_session_detail(id: &str, words: &str) -> Message {
    let query = Box::new(Query::SessionDetail(id.into()));
    Message::QueryFinished(InstanceId::FIRST, query, Err(QueryError::Unexpected(words.into())))
}

/// Builds the reply with the details of one recorded session.
pub fn session_reply(version: &str) -> Message {
    let text = recorded_text(version, "show-sess-one.txt");
    let detail = SessionDetail::parse(text.as_bytes(), Version::parse(version)).unwrap();
    query_finished(Query::SessionDetail(detail.session.id.clone()), QueryData::SessionDetail(Box::new(detail)))
}

/// Builds the reply with the recorded stick tables.
pub fn stick_tables_reply(version: &str) -> Message {
    let tables = StickTables::parse(recorded_text(version, "show-table.txt").as_bytes());
    assert_eq!((tables.list.len(), tables.unrecognized_lines), (3, 0));
    query_finished(Query::StickTables, QueryData::StickTables(tables))
}

/// Builds the reply of an HAProxy without stick tables.
pub fn no_stick_tables_reply() -> Message {
    query_finished(Query::StickTables, QueryData::StickTables(StickTables::parse(b"\n")))
}

/// Builds the reply with a stick table without entries.
pub fn no_entries_reply(table: &str) -> Message {
    let text = format!("# table: {table}, type: string, size:100, used:0\n\n");
    let entries = TableEntries::parse(text.as_bytes(), None);
    query_finished(Query::TableEntries { table: table.into(), filter: None }, QueryData::TableEntries(entries))
}

/// Builds the reply with the recorded entries of a stick table.
pub fn entries_reply(version: &str, table: &str) -> Message {
    let file = format!("show-table-{}.txt", table.trim_start_matches("st_"));
    let entries = TableEntries::parse(recorded_text(version, &file).as_bytes(), None);
    assert!(!entries.list.is_empty() && entries.unrecognized_lines == 0);
    query_finished(Query::TableEntries { table: table.into(), filter: None }, QueryData::TableEntries(entries))
}

/// Builds the reply with the recorded help.
pub fn help_reply(version: &str) -> Message {
    query_finished(Query::Help, QueryData::Help(command_list::parse(recorded_text(version, "help.txt").as_bytes())))
}

/// Builds the reply to a typed read-only line.
pub fn typed_line_reply(line: &str, text: &str) -> Message {
    query_finished(
        Query::TypedLine(ReadOnlyLine::parse(line).unwrap()),
        QueryData::ReplyLines(ReplyLines::parse(text.as_bytes())),
    )
}

/// Builds the reply to a typed line that may change HAProxy.
pub fn write_command_reply(text: &str) -> Message {
    Message::TypedCommandFinished(
        InstanceId::FIRST,
        Ok(complete_reply(QueryData::ReplyLines(ReplyLines::parse(text.as_bytes())))),
        text.lines().next().unwrap_or_default().to_owned(),
    )
}

/// Builds the failure of a query without a reply.
pub fn failed_query(query: Query) -> Message {
    Message::QueryFinished(
        InstanceId::FIRST,
        Box::new(query),
        Err(QueryError::Connection { error: RequestError::Silent(Duration::from_secs(5)), hint: None }),
    )
}
