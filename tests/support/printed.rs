//! What hapulse printed, taken apart again: CSV and JSON by other readers than hapulse's own, and `show stat` and
//! `show info` as the second client reads them.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use serde_json::Value;

/// PrintedRows by `pxname/svname/kind`, each by its columns.
pub type PrintedRows = BTreeMap<String, BTreeMap<String, String>>;

fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().expect("there is a header").clone();
    let record = |row: csv::StringRecord| {
        let cells = header.iter().zip(row.iter()).map(|(name, cell)| (name.to_owned(), cell.to_owned()));
        cells.filter(|(name, _)| !name.is_empty()).collect()
    };
    reader.records().map(|row| record(row.expect("every line is a row"))).collect()
}

/// Any CSV with a header, row by row.
pub fn csv_rows(text: &str) -> Vec<BTreeMap<String, String>> {
    records(text)
}

fn by_name(rows: Vec<BTreeMap<String, String>>) -> PrintedRows {
    rows.into_iter().map(|row| (format!("{}/{}/{}", row["pxname"], row["svname"], row["kind"]), row)).collect()
}

/// What `show --format csv` printed of rows.
pub fn parse_csv(text: &str) -> PrintedRows {
    by_name(records(text))
}

/// The rows of what `show --format json` printed; what is null is empty.
pub fn parse_json(text: &str) -> PrintedRows {
    let value: Value = serde_json::from_str(text).expect("one JSON object");
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("{other} is no cell"),
    };
    let row = |row: &Value| row.as_object().unwrap().iter().map(|(name, value)| (name.clone(), cell(value))).collect();
    by_name(value["rows"].as_array().expect("rows").iter().map(row).collect())
}

/// A `show stat`, with each row's kind in words.
pub fn parse_show_stat(text: &str) -> PrintedRows {
    let mut rows = records(text.trim_start_matches("# "));
    for row in &mut rows {
        let kind = ["frontend", "backend", "server", "listener"][row["type"].parse::<usize>().unwrap()];
        row.insert("kind".into(), kind.into());
    }
    by_name(rows)
}

/// A `show info`, key by key.
pub fn parse_show_info(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| line.split_once(':').map(|(key, value)| (key.to_owned(), value.trim().to_owned()));
    text.lines().filter_map(line).collect()
}
