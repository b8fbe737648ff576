//! Validates JSON by the keywords of JSON Schema (draft 2020-12) that docs/schemas uses. An unknown keyword is an error, so
//! that no rule of a schema is ignored.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Map, Value};

/// A schema with its definitions.
pub struct Schema(Value);

impl Schema {
    pub fn parse(text: &str) -> Self {
        let schema: Value = serde_json::from_str(text).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        Self(schema)
    }

    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Returns what is wrong with a value, each with its path.
    pub fn errors(&self, value: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        self.check(&self.0, value, "", &mut errors);
        errors
    }

    fn is_valid(&self, schema: &Value, value: &Value) -> bool {
        let mut errors = Vec::new();
        self.check(schema, value, "", &mut errors);
        errors.is_empty()
    }

    fn check(&self, schema: &Value, value: &Value, path: &str, errors: &mut Vec<String>) {
        let rules = match schema {
            Value::Bool(true) => return,
            Value::Bool(false) => return errors.push(format!("{path}: not allowed")),
            schema => schema.as_object().expect("a schema is an object or a boolean"),
        };
        for (keyword, rule) in rules {
            let is_met = match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" | "then" | "else" | "additionalProperties" => true,
                "$ref" => {
                    let name = rule.as_str().unwrap().strip_prefix("#/$defs/").expect("a local reference");
                    let definition = self.0["$defs"].get(name).unwrap_or_else(|| panic!("no definition {name}"));
                    self.check(definition, value, path, errors);
                    true
                }
                "type" => match rule {
                    Value::Array(types) => types.iter().any(|name| has_type(value, name.as_str().unwrap())),
                    name => has_type(value, name.as_str().unwrap()),
                },
                "enum" => rule.as_array().unwrap().contains(value),
                "const" => rule == value,
                "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
                "pattern" => value.as_str().is_none_or(|text| matches_time(rule.as_str().unwrap(), text)),
                "maxProperties" => value.as_object().is_none_or(|map| map.len() as u64 <= rule.as_u64().unwrap()),
                "required" => value.as_object().is_none_or(|map| has_keys(map, rule)),
                "dependentRequired" => value.as_object().is_none_or(|map| {
                    rule.as_object()
                        .unwrap()
                        .iter()
                        .all(|(key, others)| !map.contains_key(key) || has_keys(map, others))
                }),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{path}/{index}"), errors);
                    }
                    true
                }
                "properties" => {
                    self.check_properties(rules, value, path, errors);
                    true
                }
                "if" => {
                    let branch = if self.is_valid(rule, value) { "then" } else { "else" };
                    if let Some(branch) = rules.get(branch) {
                        self.check(branch, value, path, errors);
                    }
                    true
                }
                unknown => panic!("unknown keyword {unknown}"),
            };
            if !is_met {
                errors.push(format!("{path}: {value} does not meet {keyword}: {rule}"));
            }
        }
        if rules.contains_key("additionalProperties") && !rules.contains_key("properties") {
            self.check_properties(rules, value, path, errors);
        }
    }

    fn check_properties(&self, rules: &Map<String, Value>, value: &Value, path: &str, errors: &mut Vec<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let known = rules.get("properties").and_then(|properties| properties.get(key));
            if let Some(rule) = known.or_else(|| rules.get("additionalProperties")) {
                self.check(rule, value, &format!("{path}/{key}"), errors);
            }
        }
    }
}

fn has_keys(map: &Map<String, Value>, keys: &Value) -> bool {
    keys.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("unknown type {unknown}"),
    }
}

/// Matches the only pattern of the schemas, a time in RFC 3339 with milliseconds.
fn matches_time(pattern: &str, text: &str) -> bool {
    assert_eq!(pattern, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$");
    let shape: String = text.chars().map(|ch| if ch.is_ascii_digit() { '9' } else { ch }).collect();
    shape == "9999-99-99T99:99:99.999Z"
}
