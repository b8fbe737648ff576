//! Lines that HAProxy 3.0 and later write as JSON, with a `log-format` that begins with `%{+json}o`.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::logs::request::Request;
use crate::logs::variable::{Fields, Variable};

/// The names of the values in each line, and what they are. HAProxy leaves out what has no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonFormat(pub(super) Vec<(String, Variable)>);

impl JsonFormat {
    /// Reads a request from a line without the header of syslog; `None` if the line is not a JSON object with all of the names.
    /// Texts keep the escapes of JSON.
    pub(super) fn parse<'l>(&self, line: &'l [u8]) -> Option<Request<'l>> {
        if !line.starts_with(b"{") {
            return None;
        }
        let values: HashMap<&str, &RawValue> = serde_json::from_slice(line).ok()?;
        let mut fields = Fields::default();
        for (name, variable) in &self.0 {
            let value = values.get(name.as_str())?.get();
            let text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(value);
            if value != "null" {
                fields.set(*variable, text.as_bytes());
            }
        }
        Request::new(&fields)
    }
}
