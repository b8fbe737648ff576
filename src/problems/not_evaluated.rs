//! Rules that could not be evaluated in a sample. They never count as fine.

use crate::problems::rule_table::RuleId;

/// Maximum number of rule names per reason in a line; of more rules, only the number is given.
const MAX_RULE_NAMES: usize = 3;

/// Reason why a rule was not evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GapReason {
    /// There is only one sample, and the rule needs two.
    OneSample,
    /// HAProxy was reloaded or restarted, and there is only one sample of the new process.
    NewProcess,
    /// There were errors, but too few requests for a share.
    TooFewEvents,
    /// The value is past its threshold, but not for the hold time yet.
    TooShort,
}

impl GapReason {
    /// All reasons.
    pub(crate) const ALL: [Self; 4] = [Self::OneSample, Self::NewProcess, Self::TooFewEvents, Self::TooShort];

    /// Returns the name in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::OneSample => "one-sample",
            Self::NewProcess => "new-process",
            Self::TooFewEvents => "too-few-requests",
            Self::TooShort => "too-short",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::OneSample => "only one sample",
            Self::NewProcess => "HAProxy was just reloaded",
            Self::TooFewEvents => "too few requests",
            Self::TooShort => "past its threshold, but not long enough yet",
        }
    }
}

/// A rule that was not evaluated for some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotEvaluated {
    /// The rule.
    pub(crate) rule: RuleId,
    /// The reason.
    pub(crate) reason: GapReason,
    /// Number of rows.
    pub(crate) rows: usize,
}

/// Counts, for each rule and reason, the rows for which the rule was not evaluated.
#[derive(Debug)]
pub(crate) struct GapCounts([[usize; GapReason::ALL.len()]; RuleId::ALL.len()]);

impl Default for GapCounts {
    fn default() -> Self {
        Self([[0; GapReason::ALL.len()]; RuleId::ALL.len()])
    }
}

impl GapCounts {
    /// Counts one row.
    pub(crate) fn add(&mut self, rule: RuleId, reason: GapReason) {
        self.0[rule as usize][reason as usize] += 1;
    }

    /// Lists the rules with gaps, in the order of the rule table.
    pub(crate) fn list(&self) -> Vec<NotEvaluated> {
        let each = RuleId::ALL.iter().zip(&self.0).flat_map(|(rule, counts)| {
            let gaps = GapReason::ALL.into_iter().zip(counts).filter(|(_, rows)| **rows > 0);
            gaps.map(|(reason, rows)| NotEvaluated { rule: *rule, reason, rows: *rows })
        });
        each.collect()
    }
}

/// Returns one short line with the rules that were not evaluated: `not evaluated: queue (too few requests)`; `None` if
/// all were.
pub(crate) fn not_evaluated_line(gaps: &[NotEvaluated]) -> Option<String> {
    let parts: Vec<String> = GapReason::ALL
        .into_iter()
        .filter_map(|reason| {
            let rules: Vec<&str> =
                gaps.iter().filter(|gap| gap.reason == reason).map(|gap| gap.rule.as_str()).collect();
            match rules.len() {
                0 => None,
                1..=MAX_RULE_NAMES => Some(format!("{} ({})", rules.join(", "), reason.words())),
                count => Some(format!("{count} rules ({})", reason.words())),
            }
        })
        .collect();
    (!parts.is_empty()).then(|| format!("not evaluated: {}", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_evaluated_line_names_few_rules_and_counts_many() {
        let mut counts = GapCounts::default();
        assert_eq!(not_evaluated_line(&counts.list()), None);
        counts.add(RuleId::Server5xx, GapReason::TooFewEvents);
        counts.add(RuleId::Server5xx, GapReason::TooFewEvents);
        counts.add(RuleId::Queue, GapReason::TooShort);
        let line = not_evaluated_line(&counts.list()).unwrap();
        let expected =
            "not evaluated: server-5xx (too few requests); queue (past its threshold, but not long enough yet)";
        assert_eq!(line, expected);
        assert_eq!(counts.list()[1].rows, 2);
        for rule in RuleId::ALL {
            counts.add(*rule, GapReason::NewProcess);
        }
        let line = not_evaluated_line(&counts.list()).unwrap();
        assert!(line.contains(" rules (HAProxy was just reloaded); "), "{line}");
    }
}
