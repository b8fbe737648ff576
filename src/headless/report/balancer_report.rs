//! The table of balancers for `hapulse show balancers`: as text, one JSON object per HAProxy, or CSV.

use std::io::Write;
use std::time::Duration;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use unicode_width::UnicodeWidthStr as _;

use crate::fleet::balancers::{Balancers, NamedBalancer};
use crate::fleet::drift::{Difference, Drift};
use crate::fleet::host_facts::HostReader as _;
use crate::fleet::local_host::LocalHost;
use crate::fleet::role_tracker::RoleTracker;
use crate::headless::pollers::PolledInstance;
use crate::headless::print::TextWriter;
use crate::headless::report::{csv, json};
use crate::observe::instance_id::InstanceId;
use crate::table::balancers::balancer_columns::{self, BalancerColumn, BalancerRow};
use crate::table::balancers::balancer_table::BalancerTable;
use crate::table::columns::column::Align;
use crate::ui::text_width;

/// Number of blanks between two columns.
const SPACING: usize = 2;

/// The balancers that were polled, compared with each other.
pub(crate) struct BalancerReport<'a> {
    table: &'a BalancerTable,
    polled: &'a [PolledInstance],
    balancers: Balancers,
    now: Duration,
}

impl<'a> BalancerReport<'a> {
    /// Reads the facts about this machine for the HAProxies on it, and compares all balancers.
    pub(crate) fn new(table: &'a BalancerTable, polled: &'a mut [PolledInstance]) -> Self {
        let ids = InstanceId::first(polled.len());
        polled.iter_mut().zip(ids).for_each(|((poller, _), id)| poller.instance.set_id(id));
        let (mut roles, host, mut balancers) =
            (RoleTracker::default(), LocalHost::default(), Balancers::of_finished_polls());
        let Some(now) = polled.first().map(|(poller, _)| poller.now()) else {
            return Self { table, polled, balancers, now: Duration::ZERO };
        };
        for (poller, _) in polled.iter() {
            if let Some(pid) = roles.next_reading(&poller.instance, now.monotonic) {
                roles.record_facts(poller.instance.id(), host.read(pid), now.monotonic);
            }
        }
        roles.update(polled.iter_mut().map(|(poller, _)| &mut poller.instance), now);
        let named: Vec<NamedBalancer<'_>> =
            polled.iter().map(|(poller, _)| NamedBalancer { name: &poller.name, instance: &poller.instance }).collect();
        balancers.update(&named, &roles, now.monotonic);
        Self { table, polled, balancers, now: now.monotonic }
    }

    fn rows(&self) -> Vec<BalancerRow<'_>> {
        self.table.rows(&self.balancers, self.now)
    }

    /// Writes the table as text, of at most `width` columns, and only in ASCII if `is_ascii` is set.
    ///
    /// # Errors
    /// Returns an error if writing fails.
    pub(crate) fn write_lines(&self, width: Option<usize>, is_ascii: bool, out: &mut dyn Write) -> std::io::Result<()> {
        let mut out = TextWriter::new(out, is_ascii);
        lines(self.table, &self.rows(), width).iter().try_for_each(|line| writeln!(out, "{line}"))
    }

    /// Writes one JSON object per HAProxy, each on its own line.
    ///
    /// # Errors
    /// Returns an error if writing fails.
    pub(crate) fn write_json(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for row in self.rows() {
            let found = self.polled.iter().find(|(poller, _)| poller.instance.id() == row.summary.id);
            let Some((poller, result)) = found else { continue };
            let balancer = JsonBalancer { row, columns: &self.table.columns };
            writeln!(out, "{}", json::balancer_line(poller, result.as_ref().err(), &balancer)?)?;
        }
        Ok(())
    }

    /// Writes a CSV table; see [`csv::render`].
    ///
    /// # Errors
    /// Returns an error if writing fails.
    pub(crate) fn write_csv(&self, is_safe: bool, out: &mut dyn Write) -> std::io::Result<()> {
        let columns = &self.table.columns;
        let ids = columns.iter().map(|column| column.id.to_owned()).collect();
        let cells = |row: &BalancerRow<'_>| columns.iter().map(|it| it.value(row).to_plain_string()).collect();
        let records: Vec<Vec<String>> = std::iter::once(ids).chain(self.rows().iter().map(cells)).collect();
        out.write_all(&csv::render_records(&records, is_safe)?)
    }
}

/// Returns the lines of the table, and below it the differences. On a terminal, the most important columns are printed, as
/// many as fit.
fn lines(table: &BalancerTable, rows: &[BalancerRow<'_>], width: Option<usize>) -> Vec<String> {
    let heading = |column: &BalancerColumn| column.title.to_owned();
    let grid: Vec<(&'static BalancerColumn, Vec<String>)> = table
        .columns
        .iter()
        .map(|column| {
            let cells = rows.iter().map(|row| column.cell(row).text);
            (*column, std::iter::once(heading(column)).chain(cells).collect())
        })
        .collect();
    let mut columns: Vec<(&'static BalancerColumn, &[String], usize)> = grid
        .iter()
        .map(|(column, cells)| {
            let widest = cells.iter().map(|cell| cell.width()).max().unwrap_or_default();
            let is_long = column.id == balancer_columns::TROUBLE.id && width.is_some();
            (*column, cells.as_slice(), if is_long { widest.min(usize::from(column.width)) } else { widest })
        })
        .collect();
    let total = |columns: &[(&BalancerColumn, &[String], usize)]| {
        columns.iter().map(|(_, _, width)| width + SPACING).sum::<usize>().saturating_sub(SPACING)
    };
    while let Some(width) = width
        && columns.len() > 1
        && total(&columns) > width
    {
        let lowest = columns.iter().enumerate().skip(1).min_by_key(|(_, (column, ..))| column.priority);
        let Some((place, _)) = lowest else { break };
        columns.remove(place);
    }
    let free = width.map_or(0, |width| width.saturating_sub(total(&columns)));
    if let Some((.., last)) = columns.last_mut().filter(|(column, ..)| column.align == Align::Left) {
        *last += free;
    }
    if let Some((.., only)) = columns.first_mut() {
        *only = (*only).min(width.unwrap_or(usize::MAX));
    }
    let line = |place: usize| {
        let cells = columns.iter().map(|(column, cells, wide)| {
            let text = text_width::sentence(&cells[place], *wide);
            let blanks = " ".repeat(wide.saturating_sub(text.width()));
            if column.align == Align::Left { format!("{text}{blanks}") } else { format!("{blanks}{text}") }
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(SPACING)).trim_end().to_owned()
    };
    let mut lines: Vec<String> = (0..=rows.len()).map(line).collect();
    if rows.is_empty() {
        lines = vec!["no balancer matches the filter".to_owned()];
    }
    let differences = rows.iter().flat_map(|row| {
        let twin = row.summary.twin.as_ref().map(|twin| format!("the same HAProxy as {twin}"));
        let own = twin.into_iter().chain(row.summary.drift.iter().flat_map(Drift::lines));
        own.map(move |difference| format!("{}: {difference}", row.summary.name))
    });
    let differences: Vec<String> = differences.collect();
    if !differences.is_empty() {
        lines.push(String::new());
        lines.extend(differences);
    }
    lines
}

/// A balancer with the values of its columns, its causes and its differences.
struct JsonBalancer<'a> {
    row: BalancerRow<'a>,
    columns: &'a [&'static BalancerColumn],
}

impl Serialize for JsonBalancer<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct JsonOpenCause<'a> {
            severity: &'static str,
            name: &'a str,
            text: &'a str,
        }
        #[derive(Serialize)]
        struct JsonDifference<'a> {
            kind: &'static str,
            subject: &'a str,
            value: &'a str,
            peers: &'a str,
            share: Option<&'a str>,
            spread: Option<&'a str>,
            sessions: Option<i64>,
        }
        let BalancerRow { summary, now } = self.row;
        let mut map = to.serialize_map(None)?;
        for column in self.columns {
            map.serialize_entry(column.id, &column.value(&self.row))?;
        }
        map.serialize_entry("same_as", &summary.twin)?;
        map.serialize_entry("role_detail", &summary.role.as_ref().map(|finding| finding.detail.as_str()))?;
        let causes: Option<Vec<JsonOpenCause<'_>>> = summary.causes(now).map(|causes| {
            let open = causes.iter().map(|cause| JsonOpenCause {
                severity: cause.severity.label(),
                name: &cause.name,
                text: &cause.sentence,
            });
            open.collect()
        });
        map.serialize_entry("open_causes", &causes)?;
        let differences: Option<Vec<JsonDifference<'_>>> = summary.drift.as_ref().map(|drift| {
            let different =
                drift.described.iter().map(|Difference { kind, subject, value, peers, server }| JsonDifference {
                    kind: kind.as_str(),
                    subject,
                    value,
                    peers,
                    share: server.as_ref().map(|server| server.share.as_str()),
                    spread: server.as_ref().map(|server| server.spread.as_str()),
                    sessions: server
                        .as_ref()
                        .and_then(|server| server.sessions)
                        .filter(|it| it.unknown == 0)
                        .map(|it| it.sum),
                });
            different.collect()
        });
        map.serialize_entry("differences", &differences)?;
        map.end()
    }
}
