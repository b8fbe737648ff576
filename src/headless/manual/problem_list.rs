//! `hapulse man --problems`: all rules and causes, as Markdown. `docs/problems.md` is this output.

use crate::problems::cause_table::{CAUSES, CauseInfo, CauseKind};
use crate::problems::rule::{Direction, HoldTime, RuleUnit, Scope};
use crate::problems::rule_table::{Rule, RuleId, rules_for_scope};

/// The text before the tables.
const INTRODUCTION: &str = include_str!("problem_intro.md");
/// The text after the rules of backends.
const BACKEND_REMARKS: &str = include_str!("problem_remarks.md");

/// Returns the list of rules and causes as a Markdown document.
pub(crate) fn problems_page() -> String {
    let rules = [
        ("Process", Scope::Process, ""),
        ("Frontends", Scope::Frontend, ""),
        ("Backends", Scope::Backend, BACKEND_REMARKS),
        ("Servers", Scope::Server, ""),
    ]
    .map(|(title, scope, remarks)| rule_section(title, scope, remarks))
    .concat();
    let causes: String = CauseKind::ALL.iter().zip(CAUSES).map(|(kind, info)| cause_section(*kind, info)).collect();
    format!("{INTRODUCTION}{rules}\n## Causes\n{causes}")
}

fn rule_section(title: &str, scope: Scope, remarks: &str) -> String {
    let rows: String = rules_for_scope(scope).map(rule_row).collect();
    let head = "| rule | formula | warn | crit | for | source | meaning |\n|---|---|---|---|---|---|---|\n";
    let gap = if remarks.is_empty() { "" } else { "\n" };
    format!("\n## {title}\n\n{head}{rows}{gap}{remarks}")
}

fn rule_row(rule: &Rule) -> String {
    let hold = match (rule.warn.and(rule.crit), hold_text(rule.warn_for), hold_text(rule.crit_for)) {
        (Some(_), warn, crit) if warn != crit => format!("{warn}; {crit}"),
        (_, warn, _) => warn,
    };
    let (warn, crit) = (limit_text(rule, rule.warn), limit_text(rule, rule.crit));
    format!("| `{}` | {} | {warn} | {crit} | {hold} | {} | {} |\n", rule.id, rule.formula, rule.source, rule.help)
}

fn limit_text(rule: &Rule, limit: Option<f64>) -> String {
    let Some(limit) = limit else { return "–".to_owned() };
    let number = match rule.unit {
        RuleUnit::Share => format!("{:.0} %", limit * 100.0),
        RuleUnit::Millis => format!("{limit:.0} ms"),
        RuleUnit::Count => format!("{limit:.0}"),
        RuleUnit::PerSecond => format!("{limit:.0} /s"),
        RuleUnit::Multiple => format!("× {limit:.0}"),
        RuleUnit::Days => format!("{limit:.0} days"),
    };
    if rule.direction == Direction::Below { format!("< {number}") } else { number }
}

fn hold_text(hold_time: HoldTime) -> String {
    match (hold_time.duration.as_secs(), hold_time.samples) {
        (0, _) => "at once".to_owned(),
        (seconds, 3) if seconds < 10 => "3 samples".to_owned(),
        (seconds, _) => format!("{seconds} s"),
    }
}

fn cause_section(kind: CauseKind, info: &CauseInfo) -> String {
    let names = |rules: &[RuleId]| rules.iter().map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(", ");
    let shows: Vec<RuleId> = kind.showing_rules().collect();
    let follows = match names(info.follows) {
        none if none.is_empty() => String::new(),
        names => format!("- follows from it: {names}\n"),
    };
    let action = info.action.map_or(String::new(), |action| format!(" Action: {} (`{}`).", action.title, action.id));
    let without = info.without_action.map_or(String::new(), |text| format!(" If it is not possible: {text}."));
    let silence = shows.iter().map(|rule| format!("`{rule}=off`")).collect::<Vec<_>>().join(", ");
    format!(
        "\n### `{kind}`\n\n- seen: \"{}\"; in one word: {}\n- means: {}\n- do: {}.{action}{without}\n- shown by: {}\n{follows}- silence: {silence}\n",
        info.seen,
        info.word,
        info.meaning,
        info.remedy,
        names(&shows),
    )
}
