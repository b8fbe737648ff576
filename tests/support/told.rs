//! Answers to questions, from recordings: what a real HAProxy said, as it comes in.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use hapulse::app::msg::Msg;
use hapulse::ask::query::{Answer, Query, QueryError, Told};
use hapulse::ask::read_only_command::ReadLine;
use hapulse::haproxy::command_list;
use hapulse::haproxy::connection::AskError;
use hapulse::haproxy::reply_lines::Lines;
use hapulse::haproxy::sessions::{SessionDetail, SessionFilter, Sessions};
use hapulse::haproxy::stick_tables::{Entries, StickTables};
use hapulse::haproxy::version::Version;
use hapulse::observe::sample::Cost;

use crate::samples::body;

pub fn answer(told: Told) -> Box<Answer> {
    Box::new(Answer {
        told,
        is_whole: true,
        cost: Cost { bytes: 1000, answer: Duration::from_millis(3) },
        remark: None,
    })
}

fn told(query: Query, what: Told) -> Msg {
    Msg::Told(0, Box::new(query), Ok(answer(what)))
}

/// The recorded sessions.
pub fn sessions(version: &str) -> Msg {
    let filter = SessionFilter::default();
    let list = Sessions::parse(body(version, "show-sess.txt").as_bytes(), Version::parse(version), &filter);
    assert!(list.seen > 5 && list.odd == 0);
    told(Query::Sessions(filter), Told::Sessions(list))
}

/// One recorded session in full.
pub fn session(version: &str) -> Msg {
    let text = body(version, "show-sess-one.txt");
    let detail = SessionDetail::parse(text.as_bytes(), Version::parse(version)).unwrap();
    told(Query::Session(detail.session.id.clone()), Told::Session(Box::new(detail)))
}

/// The recorded stick tables.
pub fn tables(version: &str) -> Msg {
    let tables = StickTables::parse(body(version, "show-table.txt").as_bytes());
    assert_eq!((tables.list.len(), tables.odd), (3, 0));
    told(Query::Tables, Told::Tables(tables))
}

/// The recorded entries of a stick table.
pub fn entries(version: &str, table: &str) -> Msg {
    let file = format!("show-table-{}.txt", table.trim_start_matches("st_"));
    let entries = Entries::parse(body(version, &file).as_bytes(), None);
    assert!(!entries.list.is_empty() && entries.odd == 0);
    told(Query::TableEntries { table: table.into(), filter: None }, Told::Entries(entries))
}

/// The recorded help.
pub fn help(version: &str) -> Msg {
    told(Query::Help, Told::Help(command_list::parse(body(version, "help.txt").as_bytes())))
}

/// An answer to a typed line that reads.
pub fn read(line: &str, text: &str) -> Msg {
    told(Query::Line(ReadLine::new(line).unwrap()), Told::Lines(Lines::parse(text.as_bytes())))
}

/// An answer to a typed line that may have changed something.
pub fn written(text: &str) -> Msg {
    Msg::Sent(0, Ok(answer(Told::Lines(Lines::parse(text.as_bytes())))))
}

/// No answer.
pub fn failed(query: Query) -> Msg {
    Msg::Told(0, Box::new(query), Err(QueryError::Ask { error: AskError::Silent(Duration::from_secs(5)), hint: None }))
}
