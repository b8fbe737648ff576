//! Replies to `show table` and `clear table`: arguments and filters. The data is in `stick_table.rs`.

use std::fmt::Write;

use crate::demo::permission::CliLevel;
use crate::demo::stick_table::{DataType, SimStickTable, SimTableEntry};
use crate::demo::world::World;

/// A condition on a table entry.
enum TableFilter {
    /// The key is equal.
    Key(String),
    /// A stored value satisfies a comparison.
    Value(DataType, fn(&u64, &u64) -> bool, u64),
}

impl TableFilter {
    fn matches(&self, key: &str, entry: &SimTableEntry, now: u64) -> bool {
        match self {
            Self::Key(expected) => key == expected,
            Self::Value(data, compare, value) => compare(&entry.value(*data, now), value),
        }
    }
}

/// Parses `key K` or any number of `data.X OPERATOR N`. Other words return the error `usage`.
fn parse_filters(
    words: &[&str],
    data_types: &[DataType],
    usage: &'static str,
) -> Result<Vec<TableFilter>, &'static str> {
    let mut filters = Vec::new();
    let mut rest = words.iter().copied();
    while let Some(word) = rest.next() {
        if word == "key" {
            let key = rest.next().ok_or("Key value expected")?;
            filters.push(TableFilter::Key(key.to_owned()));
            continue;
        }
        let name = word.strip_prefix("data.").ok_or(usage)?;
        let data = DataType::from_name(name).ok_or("Unknown data type")?;
        if !data_types.contains(&data) {
            return Err("Data type not stored in this table");
        }
        let compare: fn(&u64, &u64) -> bool = match rest.next() {
            Some("eq") => u64::eq,
            Some("ne") => u64::ne,
            Some("lt") => u64::lt,
            Some("le") => u64::le,
            Some("gt") => u64::gt,
            Some("ge") => u64::ge,
            _ => {
                return Err("Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"");
            }
        };
        let value = rest.next().and_then(|word| word.parse().ok());
        filters.push(TableFilter::Value(
            data,
            compare,
            value.ok_or("Require a valid integer value to compare against")?,
        ));
    }
    Ok(filters)
}

fn table_header(name: &str, table: &SimStickTable) -> String {
    format!("# table: {name}, type: {}, size:{}, used:{}\n", table.kind, table.size, table.entry_count())
}

/// Implements `show table [NAME [FILTER]]`.
pub(crate) fn show_table(world: &World, words: &[&str], level: CliLevel) -> Result<String, &'static str> {
    let Some((name, rest)) = words.split_first() else {
        let tables = world.proxies.iter().filter_map(|proxy| Some((&proxy.name, proxy.stick_table.as_ref()?)));
        return Ok(tables.map(|(name, table)| table_header(name, table)).collect());
    };
    let found = world.proxies.iter().filter(|proxy| proxy.name == *name).find_map(|proxy| proxy.stick_table.as_ref());
    let table = found.ok_or("No such table")?;
    let usage = "Optional argument only supports \"data.<store_data_type>\" <operator> <value> or key <key>";
    let filters = parse_filters(rest, table.data_types, usage)?;
    let mut out = table_header(name, table);
    if level < CliLevel::Operator {
        out.push_str("# contents not dumped due to insufficient privileges\n");
        return Ok(out);
    }
    for (key, entry, line) in table.dump_lines(world.clock) {
        if filters.iter().all(|filter| filter.matches(key, entry, world.clock)) {
            let _ = writeln!(out, "{line}");
        }
    }
    Ok(out)
}

/// Implements `clear table NAME [FILTER]`.
pub(crate) fn clear_table(world: &mut World, words: &[&str]) -> Result<String, &'static str> {
    let usage = "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key>";
    let (name, rest) = words.split_first().ok_or(usage)?;
    let now = world.clock;
    let found =
        world.proxies.iter_mut().filter(|proxy| proxy.name == *name).find_map(|proxy| proxy.stick_table.as_mut());
    let table = found.ok_or("No such table")?;
    let filters = parse_filters(rest, table.data_types, usage)?;
    table.remove_if(|key, entry| filters.iter().all(|filter| filter.matches(key, entry, now)));
    Ok(String::new())
}
