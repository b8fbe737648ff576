//! Parses hapulse's CSV and JSON output, and HAProxy's `show stat` and `show info`, independently of hapulse.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use serde_json::Value;

/// Rows by `pxname/svname/kind`; each row maps column names to cells.
pub type PrintedRows = BTreeMap<String, BTreeMap<String, String>>;

fn parse_records(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().expect("there is a header").clone();
    let record = |row: csv::StringRecord| {
        let cells = header.iter().zip(row.iter()).map(|(name, cell)| (name.to_owned(), cell.to_owned()));
        cells.filter(|(name, _)| !name.is_empty()).collect()
    };
    reader.records().map(|row| record(row.expect("every line is a row"))).collect()
}

/// Parses CSV with a header; each row maps column names to cells.
pub fn csv_rows(text: &str) -> Vec<BTreeMap<String, String>> {
    parse_records(text)
}

fn index_by_name(rows: Vec<BTreeMap<String, String>>) -> PrintedRows {
    rows.into_iter().map(|row| (format!("{}/{}/{}", row["pxname"], row["svname"], row["kind"]), row)).collect()
}

/// Parses the rows of `hapulse show --format csv`.
pub fn parse_csv(text: &str) -> PrintedRows {
    index_by_name(parse_records(text))
}

/// Parses the rows of `hapulse show --format json`; null becomes an empty cell.
pub fn parse_json(text: &str) -> PrintedRows {
    let value: Value = serde_json::from_str(text).expect("one JSON object");
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("not a cell: {other}"),
    };
    let row = |row: &Value| row.as_object().unwrap().iter().map(|(name, value)| (name.clone(), cell(value))).collect();
    index_by_name(value["rows"].as_array().expect("rows").iter().map(row).collect())
}

/// Parses `show stat` and adds the column `kind`: `frontend`, `backend`, `server` or `listener`.
pub fn parse_show_stat(text: &str) -> PrintedRows {
    let mut rows = parse_records(text.trim_start_matches("# "));
    for row in &mut rows {
        let kind = ["frontend", "backend", "server", "listener"][row["type"].parse::<usize>().unwrap()];
        row.insert("kind".into(), kind.into());
    }
    index_by_name(rows)
}

/// Parses `show info` into values by key.
pub fn parse_show_info(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| line.split_once(':').map(|(key, value)| (key.to_owned(), value.trim().to_owned()));
    text.lines().filter_map(line).collect()
}
