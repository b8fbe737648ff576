//! Announces causes of problems: each when it opens, gets worse, eases and is resolved.
//!
//! A cause may become part of another one that explains the same problems, and come back. One line says so the first time,
//! and its end is then that of the other cause. The more often a cause changes, the longer the pauses between its lines.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::headless::plain::announcement::{Announcement, CoveredChanges};
use crate::headless::plain::summary_sentences::{cause_without_severity, severity_word};
use crate::instance::state::Instance;
use crate::observe::row_ids::RowId;
use crate::observe::severity::Severity;
use crate::observe::timestamp::Timestamp;
use crate::problems::cause::Cause;
use crate::problems::cause_table::CauseKind;
use crate::units::pluralize;

/// Time between the first two lines about a cause. It doubles with each further line.
const FIRST_GAP: Duration = Duration::from_secs(10);
/// Maximum number of times that the gap doubles: to about five minutes.
const MAX_DOUBLINGS: u32 = 5;
/// Minimum time between two lines about a flapping server.
const FLAP_GAP: Duration = Duration::from_secs(30);
/// Time after which a resolved cause is forgotten: if it opens again, it is announced as new.
const FORGET_AFTER: Duration = Duration::from_mins(10);
/// Maximum number of lines per sample.
const MAX_LINES: usize = 12;

/// The announcements about a cause so far.
#[derive(Debug)]
struct AnnouncedCause {
    /// Severity that was announced; `None` if the last line said that the cause is resolved.
    severity: Option<Severity>,
    /// Highest severity that was announced.
    worst: Severity,
    /// Time of the last line.
    at: Duration,
    /// Number of lines so far.
    lines: u32,
    /// True once a line said that the cause became part of another one. Two causes may replace each other many times.
    is_absorption_known: bool,
    /// Number of times that a flapping server had gone down.
    downs: i64,
    /// Rows that the line was about, without those that were announced as up since.
    rows: Vec<RowId>,
    /// Backend of the row, or the row itself.
    proxy: RowId,
    /// The row that the cause is about.
    subject: RowId,
    /// That row, or its only server.
    target: RowId,
    /// Name and sentence of the cause.
    text: String,
}

impl AnnouncedCause {
    fn is_due(&self, gap: Duration, now: Timestamp) -> bool {
        now.elapsed_since(self.at) >= gap
    }

    /// Returns whether an open cause explains the problems of this one, or those of the whole process.
    fn is_part_of(&self, other: &Cause) -> bool {
        let has_row = || other.problems.iter().any(|(row, _)| *row == self.subject || *row == self.target);
        other.proxy_row == RowId::PROCESS || other.proxy_row == self.proxy && has_row()
    }

    /// Returns the minimum time between the last line and the next one.
    fn gap(&self) -> Duration {
        FIRST_GAP * 2_u32.pow(self.lines.saturating_sub(1).min(MAX_DOUBLINGS))
    }
}

/// The announcements about all causes so far.
#[derive(Debug, Default)]
pub(crate) struct CauseAnnouncer {
    causes: BTreeMap<(RowId, CauseKind), AnnouncedCause>,
}

impl CauseAnnouncer {
    /// Records a cause as announced.
    pub(crate) fn record(&mut self, cause: &Cause, now: Timestamp) {
        let before = self.causes.get(&cause.key());
        let mut rows: Vec<RowId> = cause.problems.iter().map(|(row, _)| *row).collect();
        rows.extend([cause.subject.id, cause.target]);
        let announced = AnnouncedCause {
            severity: Some(cause.severity),
            worst: before.map_or(cause.severity, |before| before.worst.max(cause.severity)),
            at: now.monotonic,
            lines: before.map_or(0, |before| before.lines) + 1,
            is_absorption_known: before.is_some_and(|before| before.is_absorption_known),
            downs: downs_of(cause),
            rows,
            proxy: cause.proxy_row,
            subject: cause.subject.id,
            target: cause.target,
            text: format!("{}: {}", cause.name(), cause.sentence),
        };
        self.causes.insert(cause.key(), announced);
    }

    /// Returns whether a cause of this kind was announced for this row.
    pub(crate) fn is_announced(&self, row: RowId, kind: &str) -> bool {
        self.causes.keys().any(|(known, known_kind)| *known == row && known_kind.as_str() == kind)
    }

    /// Records that a server was announced as up.
    pub(crate) fn record_usable(&mut self, row: RowId) {
        self.causes.values_mut().for_each(|cause| cause.rows.retain(|known| *known != row));
    }

    /// Returns the lines about the causes that changed. Adds to `covered` the changes of rows that need no line of their
    /// own.
    pub(crate) fn announce(
        &mut self,
        instance: &Instance,
        now: Timestamp,
        covered: &mut CoveredChanges,
    ) -> Vec<Announcement> {
        let mut texts = Vec::new();
        let mut open = BTreeSet::new();
        for cause in instance.problems().open_causes() {
            open.insert(cause.key());
            let before = self.causes.get(&cause.key());
            // It was announced that these rows are down.
            let known = before.filter(|before| before.severity.is_some());
            covered.extend(known.iter().flat_map(|before| &before.rows).map(|row| (*row, false)));
            let Some(start) = opening_words(cause, before, now) else { continue };
            texts.push(format!("{start}: {}", cause_without_severity(cause, now.monotonic)));
            self.record(cause, now);
            let rows = self.causes.get(&cause.key()).map(|announced| announced.rows.as_slice()).unwrap_or_default();
            covered.extend(rows.iter().flat_map(|row| [(*row, false), (*row, true)]));
        }
        let resolved: BTreeMap<_, _> =
            instance.problems().causes().filter(|cause| !cause.is_open()).map(|cause| (cause.key(), cause)).collect();
        self.causes.retain(|key, before| {
            if open.contains(key) {
                return true;
            }
            if before.severity.is_none() {
                return !before.is_due(FORGET_AFTER, now);
            }
            let resolved = resolved.get(key);
            let absorbing = instance.problems().open_causes().find(|cause| before.is_part_of(cause));
            // A line about the server said the same.
            let is_known = is_about_server(key.1) && !before.rows.contains(&before.target);
            if absorbing.is_some() || !is_known {
                if !before.is_due(before.gap(), now) {
                    return true;
                }
                match (absorbing, resolved) {
                    (Some(_), None) if before.is_absorption_known => {}
                    (Some(cause), None) => {
                        texts.push(format!("Now part of {}: {}: {}", cause.name(), cause.sentence, before.text));
                        before.is_absorption_known = true;
                    }
                    (_, Some(cause)) => {
                        let age = cause.age_words(now.monotonic);
                        texts.push(format!("Resolved after {age}: {}: {}", cause.name(), cause.sentence));
                    }
                    (None, None) => texts.push(format!("Resolved: {}", before.text)),
                }
                covered.extend(before.rows.iter().map(|row| (*row, absorbing.is_none())));
                before.lines += 1;
            }
            (before.severity, before.at) = (None, now.monotonic);
            true
        });
        let more = texts.len().saturating_sub(MAX_LINES);
        texts.truncate(MAX_LINES);
        if more > 0 {
            texts.push(format!("and {} changed; to list them: causes", pluralize(more as i64, "more cause")));
        }
        texts.into_iter().map(|text| Announcement { at: now.wall, text }).collect()
    }
}

/// Returns the words with which the line about an open cause begins; `None` if it needs no line now.
fn opening_words(cause: &Cause, before: Option<&AnnouncedCause>, now: Timestamp) -> Option<String> {
    let word = severity_word(cause.severity);
    let Some(before) = before else { return Some(word.to_owned()) };
    let is_due = before.is_due(before.gap(), now);
    match before.severity {
        None if is_due => Some(format!("{word} again")),
        Some(severity) if cause.severity > severity && (is_due || cause.severity > before.worst) => {
            Some(format!("Worse, now {word}"))
        }
        Some(severity) if cause.severity < severity && is_due => Some(format!("Eased, now {word}")),
        Some(_) if downs_of(cause) > before.downs && before.is_due(FLAP_GAP, now) => Some(format!("{word}, still")),
        _ => None,
    }
}

/// Returns whether a line about the server's state says the same as a cause of this kind.
fn is_about_server(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::ServerDown | CauseKind::AgentDown | CauseKind::TrackingDown)
}

fn downs_of(cause: &Cause) -> i64 {
    cause.flap.as_ref().map_or(0, |flap| flap.downs)
}
