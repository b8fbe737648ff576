//! Anonymizes samples: replaces the names of proxies, servers and machines, the addresses and all free texts.
//!
//! A text stays only if [`crate::recording::known_texts`] lists it; any other text is replaced by a numbered one. Numbers
//! stay. An anonymized sample gives the same problems and causes: equal texts stay equal, different ones stay different, and
//! texts that hapulse evaluates keep their meaning.

use std::sync::Arc;

use crate::haproxy::fields::TextField;
use crate::haproxy::info::ProcessInfo;
use crate::haproxy::safe_text::SafeText;
use crate::haproxy::stat_header::StatSchema;
use crate::haproxy::stat_table::{StatRow, StatTable};
use crate::observe::row_ids::RowSet;
use crate::observe::sample::{Sample, SampleDetails};
use crate::observe::slow_facts::{CertificateExpiry, NameServerGrowth, SlowFacts};
use crate::observe::state_cause;
use crate::observe::unused_slots;
use crate::recording::known_texts;
use crate::recording::replacements::{Replacements, RowReplacements};

/// Replaces names and texts. One anonymizer gives the same name the same replacement in all samples, events and audit
/// records.
#[derive(Debug)]
pub struct Anonymizer {
    pub(super) rows: RowReplacements,
    /// Names of instances.
    pub(super) instances: Replacements,
    /// Names of machines.
    pub(super) nodes: Replacements,
    /// Users and other persons.
    pub(super) users: Replacements,
    /// Addresses of sockets.
    pub(super) sockets: Replacements,
    /// Ids of audit records.
    pub(super) record_ids: Replacements,
    /// Free texts.
    pub(super) texts: Replacements,
    addresses: Replacements,
    cookies: Replacements,
    statuses: Replacements,
    check_results: Replacements,
    columns: Replacements,
    certificates: Replacements,
    resolvers: Replacements,
    name_servers: Replacements,
    last: LastParts,
}

/// Parts of the last sample and their copies. Consecutive samples share these parts, and so do their copies.
#[derive(Debug, Default)]
struct LastParts {
    rows: Option<CopiedPart<Vec<StatRow>>>,
    row_set: Option<CopiedPart<RowSet>>,
    schema: Option<CopiedPart<StatSchema>>,
    slow_facts: Option<CopiedPart<SlowFacts>>,
}

/// A part of a sample and its copy.
#[derive(Debug)]
struct CopiedPart<T> {
    original: Arc<T>,
    copy: Arc<T>,
}

/// Returns the copy of a part, which `build` makes unless the last sample has the same part.
fn copy_shared<T>(
    last: &mut Option<CopiedPart<T>>,
    original: &Arc<T>,
    build: impl FnOnce(Option<&CopiedPart<T>>) -> T,
) -> Arc<T> {
    if let Some(known) = last.as_ref().filter(|known| Arc::ptr_eq(&known.original, original)) {
        return Arc::clone(&known.copy);
    }
    let copy = Arc::new(build(last.as_ref()));
    *last = Some(CopiedPart { original: Arc::clone(original), copy: Arc::clone(&copy) });
    copy
}

impl Default for Anonymizer {
    fn default() -> Self {
        Self {
            rows: RowReplacements::default(),
            instances: Replacements::new("lb"),
            nodes: Replacements::new("node"),
            users: Replacements::new("user"),
            sockets: Replacements::new("socket"),
            record_ids: Replacements::new("command"),
            texts: Replacements::new("text"),
            addresses: Replacements::new("address"),
            cookies: Replacements::new("cookie"),
            statuses: Replacements::new("STATUS"),
            check_results: Replacements::new("RESULT"),
            columns: Replacements::new("column"),
            certificates: Replacements::new("certificate"),
            resolvers: Replacements::new("resolvers"),
            name_servers: Replacements::new("ns"),
            last: LastParts::default(),
        }
    }
}

impl Anonymizer {
    /// Returns an anonymized copy of a sample.
    pub fn sample(&mut self, sample: &Sample) -> Sample {
        let mut last = std::mem::take(&mut self.last);
        let rows = copy_shared(&mut last.rows, sample.table.shared_rows(), |last| self.stat_rows(&sample.table, last));
        let row_set = copy_shared(&mut last.row_set, &sample.rows, |_| sample.rows.renamed(&rows));
        let schema = copy_shared(&mut last.schema, sample.table.schema(), |_| {
            sample.table.schema().with_unknown_names(|name| self.columns.replace(name.as_str()))
        });
        let slow_facts = sample.details.slow_facts.as_ref();
        let slow_facts = slow_facts.map(|facts| copy_shared(&mut last.slow_facts, facts, |_| self.slow_facts(facts)));
        self.last = last;
        Sample {
            seq: sample.seq,
            at: sample.at,
            epoch: sample.epoch,
            level: sample.level,
            info: self.process_info(&sample.info),
            table: sample.table.with_texts(schema, rows),
            rows: row_set,
            changes: sample.changes.clone(),
            cost: sample.cost,
            interval: sample.interval,
            configured: sample.configured.clone(),
            details: SampleDetails {
                has_replied_before: sample.details.has_replied_before,
                live_pids: sample.details.live_pids.clone(),
                slow_facts,
                ..SampleDetails::default()
            },
        }
    }

    fn stat_rows(&mut self, table: &StatTable, last: Option<&CopiedPart<Vec<StatRow>>>) -> Vec<StatRow> {
        self.rows.add_rows(table.rows());
        let mut copies: Vec<StatRow> = Vec::with_capacity(table.rows().len());
        for (index, row) in table.rows().iter().enumerate() {
            let before = last.and_then(|last| Some((last.original.get(index)?, last.copy.get(index)?)));
            let is_same = |(before, _): &(&StatRow, &StatRow)| {
                before.kind == row.kind
                    && before.proxy == row.proxy
                    && before.name == row.name
                    && before.has_same_texts(row)
            };
            let copy = match before.filter(is_same) {
                Some((_, copy)) => copy.clone(),
                None => self.stat_row(row, [before.map(|(_, copy)| copy), copies.last()]),
            };
            copies.push(copy);
        }
        copies
    }

    fn stat_row(&mut self, row: &StatRow, others: [Option<&StatRow>; 2]) -> StatRow {
        let proxy = self.rows.proxy_name(row.proxy.as_str());
        let name = self.rows.row_name(row.kind, row.proxy.as_str(), row.name.as_str());
        let texts = TextField::ALL.map(|(field, _)| Some(self.row_text(field, row.text(field)?.as_str())));
        let cells = texts.each_ref().map(|text| text.as_deref().map(str::as_bytes));
        StatRow::from_cells(row.kind, [&proxy, &name].map(|name| name.as_str().as_bytes()), &cells, others)
    }

    /// Returns the replacement for a text column of a row.
    fn row_text(&mut self, field: TextField, text: &str) -> String {
        match field {
            TextField::Status => self.status(text),
            TextField::CheckStatus | TextField::AgentStatus => self.check_result(text),
            TextField::CheckDesc | TextField::AgentDesc => {
                self.text_unless(known_texts::is_check_description(text), text)
            }
            TextField::LastChk => self.check_text(text),
            TextField::LastAgt => self.agent_text(text),
            TextField::Tracked => self.rows.server_label(text),
            TextField::Addr if unused_slots::is_unspecified(&text.into()) => "0.0.0.0".to_owned(),
            TextField::Addr => self.addresses.replace(text).to_string(),
            TextField::Cookie => self.cookies.replace(text).to_string(),
            TextField::Mode => self.text_unless(known_texts::MODES.contains(&text), text),
            TextField::Algo => self.text_unless(known_texts::ALGORITHMS.contains(&text), text),
            TextField::Proto => self.text_unless(known_texts::PROTOCOLS.contains(&text), text),
        }
    }

    /// Returns a status whose unknown words are removed, such as `UP 1/3` or `MAINT (via be-01/srv-02)`.
    pub(super) fn status(&mut self, text: &str) -> String {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if matches!(text, "" | "no check") {
            return text.to_owned();
        }
        if !known_texts::STATUS_WORDS.contains(&word) {
            return self.statuses.replace(text).to_string();
        }
        if let Some(tracked) = rest.strip_prefix("(via ").and_then(|rest| rest.strip_suffix(')')) {
            return format!("{word} (via {})", self.rows.server_label(tracked));
        }
        let known = rest.split(' ').filter(|word| known_texts::is_status_remark(word));
        std::iter::once(word).chain(known).collect::<Vec<_>>().join(" ")
    }

    /// Returns the result code of a check; `* ` before it means that a check is running.
    fn check_result(&mut self, text: &str) -> String {
        let code = text.trim_start_matches("* ");
        let running = if code.len() < text.len() { "* " } else { "" };
        if code.is_empty() || known_texts::is_check_result(code) {
            return format!("{running}{code}");
        }
        // A result that ends with `OK` is a success.
        let success = if state_cause::is_failed(code) { "" } else { "-OK" };
        format!("{running}{}{success}", self.check_results.replace(code))
    }

    fn check_text(&mut self, text: &str) -> String {
        self.text_unless(known_texts::is_check_text(text), text)
    }

    /// Returns the reply of an agent. The explanation after the order is replaced: `via agent : down (text-01)`.
    fn agent_text(&mut self, text: &str) -> String {
        let (order, explanation) =
            match text.split_once(" (").and_then(|(order, rest)| Some((order, rest.strip_suffix(')')?))) {
                Some((order, explanation)) if !explanation.is_empty() => (order, Some(explanation)),
                _ => (text, None),
            };
        let order = self.text_unless(known_texts::is_agent_order(order), order);
        match explanation {
            Some(explanation) => format!("{order} ({})", self.texts.replace(explanation)),
            None => order,
        }
    }

    /// Returns the result and the text of a check, as an event has them: `L4CON Connection refused`.
    pub(super) fn check_reason(&mut self, text: &str) -> String {
        let start = if text.starts_with("* ") { 2 } else { 0 };
        let end = text[start..].find(' ').map_or(text.len(), |space| start + space);
        let (code, rest) = (&text[..end], text[end..].trim_start());
        if !known_texts::is_check_result(code.trim_start_matches("* ")) {
            return self.check_text(text);
        }
        let rest = if rest.is_empty() { String::new() } else { format!(" {}", self.check_text(rest)) };
        format!("{code}{rest}")
    }

    /// Returns the text itself if it is known or empty, otherwise its replacement.
    pub(super) fn text_unless(&mut self, is_known: bool, text: &str) -> String {
        if is_known || text.is_empty() { text.to_owned() } else { self.texts.replace(text).to_string() }
    }

    /// Returns the known lines of `show info`. The version keeps its numbers; the description is left out.
    fn process_info(&mut self, info: &ProcessInfo) -> ProcessInfo {
        let lines = info.lines().iter().filter_map(|(key, value)| {
            let value = match key.as_str() {
                "node" if !value.is_empty() => self.nodes.replace(value.as_str()),
                "Version" => SafeText::from(known_texts::version_numbers(value.as_str())?.as_str()),
                known if known_texts::is_info_line(known, value.as_str()) => value.clone(),
                _ => return None,
            };
            Some((key.clone(), value))
        });
        ProcessInfo::from_lines(lines.collect())
    }

    fn slow_facts(&mut self, facts: &SlowFacts) -> SlowFacts {
        let certificates = facts.certificates.as_ref().map(|certificates| {
            let certificate = |CertificateExpiry { name, at }: &CertificateExpiry| CertificateExpiry {
                name: self.certificates.replace(name.as_str()),
                at: *at,
            };
            certificates.iter().map(certificate).collect()
        });
        let name_servers = facts.name_servers.as_ref().map(|servers| {
            let server = |server: &NameServerGrowth| {
                let (section, name) = server.name.split_once('/').unwrap_or(("", server.name.as_str()));
                let name = format!("{}/{}", self.resolvers.replace(section), self.name_servers.replace(name));
                NameServerGrowth { name, ..server.clone() }
            };
            servers.iter().map(server).collect()
        });
        SlowFacts { certificates, name_servers, ..facts.clone() }
    }
}
