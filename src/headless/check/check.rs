//! `hapulse check`: what is wrong, as Nagios, Icinga and their like want to be told.
//!
//! One line says the state and the worst of what is wrong, and carries the numbers behind a `|`; the lines below it
//! say everything. Whatever keeps it from judging, a HAProxy that does not answer above all, is UNKNOWN.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;

use crate::haproxy::fields::InfoField;
use crate::headless::check::perfdata;
use crate::headless::poller::Lookout;
use crate::headless::pollers::{self, Looked};
use crate::headless::print::until_nobody_reads;
use crate::observe::link::Failure;
use crate::observe::severity::Severity;
use crate::problems::problem::Problem;
use crate::problems::rule_table::RULES;
use crate::problems::thresholds::Thresholds;

/// How long to look where nothing else is said: rules that hold for ten seconds, and the two looks before them that
/// a rate takes.
pub const OVER: Duration = Duration::from_secs(12);
/// More problems are counted only: a line too many, and the reader cuts it somewhere.
const MOST_TOLD: usize = 50;

/// What it comes to. Of several the worst counts, which is the last of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing is wrong.
    Ok,
    /// Something is worth a look.
    Warning,
    /// It could not be told.
    Unknown,
    /// Somebody is, or soon will be, turned away.
    Critical,
}

impl State {
    /// The exit code.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// How long to look.
    pub over: Duration,
    /// Time between two looks.
    pub every: Duration,
    /// The limits.
    pub thresholds: Thresholds,
}

/// Looks at all of them, and prints to `out` what that comes to.
///
/// # Errors
/// When nothing can be printed, or the system does not let it begin. That nobody reads any more is no error.
pub fn run(asked: &Asked, lookouts: Vec<Lookout>, out: &mut dyn Write) -> anyhow::Result<State> {
    let looked = pollers::look(lookouts, asked.over, asked.every)?;
    let (state, lines) = told(&looked, asked);
    let printed = lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
    until_nobody_reads(printed).context("cannot print")?;
    Ok(state)
}

/// A line that says why nothing can be told.
pub fn unknown(why: &str) -> String {
    format!("HAPULSE UNKNOWN - {}", plain(why))
}

/// What stands behind the first `|` is taken for numbers, whoever wrote it.
fn plain(text: &str) -> String {
    text.replace('|', "/")
}

/// The state of all of them, and the lines to print.
fn told(looked: &[Looked], asked: &Asked) -> (State, Vec<String>) {
    let is_one = looked.len() == 1;
    let called = |lookout: &Lookout| if is_one { String::new() } else { format!("{}: ", lookout.name) };
    let mut each: Vec<(State, String)> = Vec::new();
    let (mut below, mut numbers) = (Vec::new(), Vec::new());
    for (lookout, looked) in looked {
        let (state, summary) = match looked {
            Ok(_) => (state(lookout), summary(lookout)),
            Err(failure) => (State::Unknown, failed(lookout, failure, is_one)),
        };
        each.push((state, format!("{}{summary}", called(lookout))));
        let Err(failure) = looked else {
            let prefix = (!is_one).then_some(lookout.name.as_str());
            numbers.extend(perfdata::of(&lookout.watch, prefix, &asked.thresholds));
            let lines = lookout.watch.problems().list().map(Problem::line);
            below.extend(lines.map(|line| format!("{}{line}", called(lookout))));
            continue;
        };
        below.extend(failure.hint.iter().map(|hint| format!("{}{hint}", called(lookout))));
    }
    let worst = each.iter().map(|(state, _)| *state).max().unwrap_or(State::Unknown);
    // Those in that state; all of them where all is well.
    let summaries: Vec<&str> =
        each.iter().filter(|(state, _)| *state == worst).map(|(_, summary)| summary.as_str()).collect();
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let bar = if numbers.is_empty() { "" } else { " | " };
    let first = format!("HAPULSE {} - {}{bar}{}", worst.word(), plain(&summaries.join("; ")), numbers.join(" "));
    let more = below.len().saturating_sub(MOST_TOLD);
    let mut lines: Vec<String> =
        std::iter::once(first).chain(below.iter().take(MOST_TOLD).map(|line| plain(line))).collect();
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let shortest = looked.iter().filter_map(|(_, looked)| looked.as_ref().ok()).min();
    let over = asked.over.min(shortest.copied().unwrap_or(asked.over));
    if over < asked.over {
        let (over, asked) = (over.as_secs(), asked.over.as_secs());
        lines.push(format!("looked for {over} s and not for {asked} s: so slow answers are not asked for more often"));
    }
    lines.extend(not_judged(asked, over));
    (worst, lines)
}

fn failed(lookout: &Lookout, failure: &Failure, is_one: bool) -> String {
    if is_one { format!("{}: {}", lookout.name, failure.why) } else { failure.why.clone() }
}

fn state(lookout: &Lookout) -> State {
    match lookout.watch.problems().list().map(|problem| problem.severity).max() {
        None => State::Ok,
        Some(Severity::Warn) => State::Warning,
        Some(Severity::Crit) => State::Critical,
    }
}

/// The worst problem and how many more there are; or how it is going.
fn summary(lookout: &Lookout) -> String {
    let mut problems = lookout.watch.problems().list();
    if let Some(worst) = problems.next() {
        let line = worst.line();
        let what = line.split_once(' ').map_or(line.as_str(), |(_, what)| what).to_owned();
        return match problems.count() {
            0 => what,
            more => format!("{what} (and {more} more)"),
        };
    }
    let Some(sample) = lookout.watch.newest() else { return "nothing was seen".to_owned() };
    let (usable, all) = perfdata::servers(sample);
    let connections = match (sample.process(InfoField::CurrConns), sample.process(InfoField::Maxconn)) {
        (Some(now), Some(limit)) => format!(", {now} of {limit} connections"),
        _ => String::new(),
    };
    format!("{usable} of {all} servers usable{connections}")
}

/// The rules that so short a look could not judge.
fn not_judged(asked: &Asked, over: Duration) -> Option<String> {
    let is_late = |place: &usize| {
        let limits = asked.thresholds.limits(*place);
        let is_on = limits.warn.is_some() || limits.crit.is_some();
        is_on && !limits.sustain.time.is_zero() && limits.sustain.time + asked.every > over
    };
    let late: Vec<&str> = (0..RULES.len()).filter(is_late).map(|place| RULES[place].id).collect();
    (!late.is_empty()).then(|| format!("too short a look for: {}", late.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::target::Target;
    use crate::haproxy::address::Address;
    use crate::observe::test_samples::{SampleMaker, site};

    fn asked(seconds: u64) -> Asked {
        let (over, every) = (Duration::from_secs(seconds), Duration::from_secs(1));
        Asked { over, every, thresholds: Thresholds::default() }
    }

    fn looked(name: &str, stat: Option<&str>) -> Looked {
        let target = Target { name: Some(name.to_owned()), address: Address::unix("/nowhere") };
        let mut lookout = Lookout::new(&target, Duration::from_secs(1), Thresholds::default());
        let failure = || Failure {
            why: "no | answer".into(),
            hint: Some("do this".into()),
            is_denied: false,
            retry_at: Duration::ZERO,
        };
        let looked = match stat {
            Some(stat) => {
                lookout.watch.take(SampleMaker::default().at_millis(0, stat), 0);
                Ok(Duration::MAX)
            }
            None => Err(failure()),
        };
        (lookout, looked)
    }

    #[test]
    fn one_line_says_the_worst_and_the_lines_below_everything() {
        let (state, lines) = told(&[looked("lb01", Some(&site()))], &asked(12));
        assert_eq!(state, State::Critical);
        let (words, numbers) = lines[0].split_once(" | ").unwrap();
        assert_eq!(words, "HAPULSE CRITICAL - backend legacy: no server left: 1 down (and 1 more)");
        assert!(numbers.starts_with("'connections'="), "{numbers}");
        assert_eq!(lines[1], "CRIT backend legacy: no server left: 1 down");
        assert_eq!(lines.last().unwrap(), "too short a look for: tls-reuse");
        assert!(lines[1..].iter().all(|line| !line.contains('|')));
    }

    #[test]
    fn what_does_not_answer_is_unknown_and_no_bar_but_ours_is_printed() {
        let (state, lines) = told(&[looked("lb01", None)], &asked(12));
        assert_eq!((state, state.number()), (State::Unknown, 3));
        assert_eq!(lines[..2], ["HAPULSE UNKNOWN - lb01: no / answer", "do this"]);
    }

    #[test]
    fn of_several_the_worst_counts() {
        let all = [looked("lb01", None), looked("lb02", Some(&site()))];
        let (state, lines) = told(&all, &asked(120));
        assert_eq!(state, State::Critical);
        assert!(lines[0].starts_with("HAPULSE CRITICAL - lb02: backend legacy"), "{}", lines[0]);
        assert!(lines[0].contains("'lb02 connections'="));
        assert_eq!(lines[1], "lb01: do this");
        assert_eq!(told(&all[..1], &asked(120)).0, State::Unknown);
        assert!(State::Critical > State::Unknown && State::Unknown > State::Warning && State::Warning > State::Ok);
    }

    #[test]
    fn a_short_look_says_what_it_could_not_judge() {
        let line = not_judged(&asked(5), Duration::from_secs(5)).unwrap();
        assert!(line.contains("idle") && !line.contains("response-time") && !line.contains("server-down"), "{line}");
        assert_eq!(not_judged(&asked(61), Duration::from_secs(61)), None);
        let (lookout, _) = looked("lb01", Some(&site()));
        let (_, lines) = told(&[(lookout, Ok(Duration::from_millis(6500)))], &asked(12));
        let [.., slow, late] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(slow, "looked for 6 s and not for 12 s: so slow answers are not asked for more often");
        assert!(late.contains("idle"), "{late}");
    }
}
