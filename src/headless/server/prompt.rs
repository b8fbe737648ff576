//! The question before an act, on a plain terminal: the commands to the letter, how things are, what would be left,
//! and what should make one hesitate. The same facts as the dashboard's. What was typed before the question was seen
//! does not count, and whatever is not a clear yes is a no.

use std::io::{self, BufRead as _, Read as _};
use std::thread;

use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::oneshot;

use crate::actions::action_table::Danger;
use crate::actions::intent::Intent;
use crate::app::action_facts::{Facts, facts};
use crate::headless::signals::Signals;
use crate::instance::guard::name_to_type;
use crate::observe::sample::Sample;

/// Longer answers are cut.
const LONGEST: u64 = 4096;

/// What is asked about: what is sent at once, and what is sent later if all goes well.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// At once.
    pub first: Option<Intent>,
    /// Once the servers are empty.
    pub then: Option<Intent>,
}

impl Plan {
    /// Both, as far as there is something to send.
    pub fn intents(&self) -> impl Iterator<Item = &Intent> {
        self.first.iter().chain(&self.then)
    }

    /// The facts of what comes first, and the warnings of both.
    fn facts(&self, sample: &Sample) -> Facts {
        let mut all = self.intents().filter_map(|intent| facts(intent, sample));
        let Some(mut facts) = all.next() else { return Facts::default() };
        for warning in all.flat_map(|more| more.warnings) {
            if !facts.warnings.contains(&warning) {
                facts.warnings.push(warning);
            }
        }
        facts
    }

    /// What should make one hesitate.
    pub fn warnings(&self, sample: &Sample) -> Vec<String> {
        self.facts(sample).warnings
    }

    /// Why it needs the most care.
    pub fn danger_in_words(&self, sample: &Sample) -> String {
        let is_wide = self.intents().any(|intent| intent.backends().len() > 1);
        let wide = is_wide.then(|| "servers of several backends at once".to_owned());
        wide.into_iter().chain(self.warnings(sample)).collect::<Vec<_>>().join("; ")
    }

    /// The lines of the question, without its last.
    pub fn lines(&self, sample: &Sample) -> Vec<String> {
        let commands = |intent: &Option<Intent>| intent.as_ref().map(Intent::commands).unwrap_or_default();
        let Facts { now, after, warnings } = self.facts(sample);
        let mut lines: Vec<String> = commands(&self.first).into_iter().map(|command| format!("  {command}")).collect();
        lines.extend(commands(&self.then).into_iter().map(|command| format!("  once empty: {command}")));
        lines.extend(
            [("now", now), ("after", after)]
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .map(|(head, text)| format!("  {head:<5}  {text}")),
        );
        lines.extend(warnings.into_iter().map(|warning| format!("  !      {warning}")));
        lines
    }

    /// The last line of the question.
    pub fn prompt(&self, danger: Danger) -> String {
        match self.name_to_type().filter(|_| danger == Danger::Highest) {
            Some(name) => format!("type {name} to do it: "),
            None => "Do it? [y/N] ".to_owned(),
        }
    }

    /// Whether an answer is a yes.
    ///
    /// # Errors
    /// Why it is none.
    pub fn is_yes(&self, answer: Option<&str>, danger: Danger) -> Result<(), String> {
        let answer = answer.unwrap_or_default().trim();
        match self.name_to_type().filter(|_| danger == Danger::Highest) {
            Some(name) if answer == name => Ok(()),
            Some(name) if !answer.is_empty() => Err(format!("that is not {name}: nothing was sent")),
            None if ["y", "yes"].contains(&answer.to_ascii_lowercase().as_str()) => Ok(()),
            _ => Err("nothing was sent".to_owned()),
        }
    }

    /// The intent with the most servers gives the name.
    fn name_to_type(&self) -> Option<String> {
        self.intents().max_by_key(|intent| intent.steps.len()).map(name_to_type)
    }
}

/// Forgets what was typed before the question.
pub fn forget_typed() {
    // A terminal that is gone has nothing to forget.
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

/// Reads one line from standard input; nothing at its end.
///
/// # Errors
/// The signal that came instead.
pub async fn read_line(signals: &mut Signals) -> Result<Option<String>, i32> {
    let (tell, told) = oneshot::channel();
    // A thread that nobody waits for: it may read for ever.
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().take(LONGEST).read_line(&mut line);
        // Whoever asked may have ended meanwhile.
        let _ = tell.send(matches!(read, Ok(1..)).then_some(line));
    });
    tokio::select! {
        number = signals.wait() => Err(number),
        line = told => Ok(line.ok().flatten()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::of_state;
    use crate::actions::intent::Target;
    use crate::haproxy::write_command::{Admin, WriteCommand};
    use crate::observe::test_samples::{SampleMaker, site};

    fn plan(names: &[&str], then: bool) -> (Plan, std::sync::Arc<Sample>) {
        let sample = SampleMaker::default().at_millis(0, &site());
        let intent = |admin: Admin| {
            let target = |name: &&str| {
                let place = (0..sample.table.rows().len()).find(|place| sample.rows.key(*place).name.as_str() == *name);
                let (id, row) = (sample.rows.ids()[place.unwrap()], &sample.table.rows()[place.unwrap()]);
                Target { id, proxy: row.proxy.clone(), name: row.name.clone(), iid: None, seen: row.status().into() }
            };
            Intent::new(of_state(admin), WriteCommand::State(admin), 0, names.iter().map(target).collect())
        };
        (Plan { first: Some(intent(Admin::Drain)), then: then.then(|| intent(Admin::Maint)) }, sample)
    }

    #[test]
    fn the_question_shows_the_commands_and_what_would_be_left() {
        let (plan, sample) = plan(&["w1"], true);
        assert_eq!(
            plan.lines(&sample),
            [
                "  set server www/w1 state drain",
                "  once empty: set server www/w1 state maint",
                "  now    UP, 400 sessions, 0 queued, weight 100",
                "  after  1 of 2 servers usable, 50 % of the weight; w2 would carry about 812 sessions",
            ]
        );
        assert_eq!(plan.prompt(Danger::High), "Do it? [y/N] ");
    }

    #[test]
    fn only_a_clear_yes_is_one() {
        let (plan, _) = plan(&["w1"], false);
        for (answer, is_yes) in
            [("y\n", true), ("Yes\n", true), ("n\n", false), ("\n", false), ("ja\n", false), ("w1\n", false)]
        {
            assert_eq!(plan.is_yes(Some(answer), Danger::High).is_ok(), is_yes, "{answer:?}");
        }
        assert!(plan.is_yes(None, Danger::High).is_err());
        assert_eq!(plan.prompt(Danger::Highest), "type w1 to do it: ");
        assert!(plan.is_yes(Some("w1\n"), Danger::Highest).is_ok());
        assert_eq!(plan.is_yes(Some("y\n"), Danger::Highest).unwrap_err(), "that is not w1: nothing was sent");
        assert!(plan.is_yes(Some("\n"), Danger::Highest).is_err());
    }

    #[test]
    fn the_danger_is_told_in_words() {
        let (last, sample) = plan(&["api1"], true);
        assert_eq!(last.danger_in_words(&sample), "no server of api would be left: its clients get 503 or wait");
        let (wide, sample) = plan(&["api2", "old1"], false);
        assert!(wide.danger_in_words(&sample).starts_with("servers of several backends at once; api1 of api would"));
        assert_eq!(wide.prompt(Danger::Highest), "type 2 servers to do it: ");
    }
}
