//! `show table` and `clear table`: arguments, filters and texts; the data itself is in `table.rs`.

use std::fmt::Write;

use crate::demo::permission::Level;
use crate::demo::stick_table::{Data, Entry, Table};
use crate::demo::world::World;

/// A condition on an entry.
enum Filter {
    /// The key is this one.
    Key(String),
    /// A stored value compares so.
    Value(Data, fn(&u64, &u64) -> bool, u64),
}

impl Filter {
    fn holds(&self, key: &str, entry: &Entry, now: u64) -> bool {
        match self {
            Self::Key(wanted) => key == wanted,
            Self::Value(data, compare, value) => compare(&entry.value(*data, now), value),
        }
    }
}

/// Reads `key K` or any number of `data.X OPERATOR N`.
fn filters(words: &[&str], stored: &[Data], without: &'static str) -> Result<Vec<Filter>, &'static str> {
    let mut filters = Vec::new();
    let mut rest = words.iter().copied();
    while let Some(word) = rest.next() {
        if word == "key" {
            let key = rest.next().ok_or("Key value expected")?;
            filters.push(Filter::Key(key.to_owned()));
            continue;
        }
        let name = word.strip_prefix("data.").ok_or(without)?;
        let data = Data::from_name(name).ok_or("Unknown data type")?;
        if !stored.contains(&data) {
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
        filters.push(Filter::Value(data, compare, value.ok_or("Require a valid integer value to compare against")?));
    }
    Ok(filters)
}

fn header(name: &str, table: &Table) -> String {
    format!("# table: {name}, type: {}, size:{}, used:{}\n", table.kind, table.size, table.used())
}

/// `show table [NAME [FILTER]]`
pub(crate) fn show(world: &World, words: &[&str], level: Level) -> Result<String, &'static str> {
    let Some((name, rest)) = words.split_first() else {
        let tables = world.proxies.iter().filter_map(|proxy| Some((&proxy.name, proxy.table.as_ref()?)));
        return Ok(tables.map(|(name, table)| header(name, table)).collect());
    };
    let found = world.proxies.iter().filter(|proxy| proxy.name == *name).find_map(|proxy| proxy.table.as_ref());
    let table = found.ok_or("No such table")?;
    let usage = "Optional argument only supports \"data.<store_data_type>\" <operator> <value> or key <key>";
    let filters = filters(rest, table.stored, usage)?;
    let mut out = header(name, table);
    if level < Level::Operator {
        out.push_str("# contents not dumped due to insufficient privileges\n");
        return Ok(out);
    }
    for (key, entry, line) in table.lines(world.clock) {
        if filters.iter().all(|filter| filter.holds(key, entry, world.clock)) {
            let _ = writeln!(out, "{line}");
        }
    }
    Ok(out)
}

/// `clear table NAME [FILTER]`
pub(crate) fn clear(world: &mut World, words: &[&str]) -> Result<String, &'static str> {
    let usage = "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key>";
    let (name, rest) = words.split_first().ok_or(usage)?;
    let now = world.clock;
    let found = world.proxies.iter_mut().filter(|proxy| proxy.name == *name).find_map(|proxy| proxy.table.as_mut());
    let table = found.ok_or("No such table")?;
    let filters = filters(rest, table.stored, usage)?;
    table.clear(|key, entry| filters.iter().all(|filter| filter.holds(key, entry, now)));
    Ok(String::new())
}
