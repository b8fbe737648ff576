//! What an operator should know of this very HAProxy before an act: what its version may not survive, and what
//! an act on it does not reach.

use crate::actions::intent::{Intent, Step};
use crate::ask::known_crashes::{self, Deadly, Fate};
use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::version::Version;
use crate::haproxy::write_command::WriteCommand;
use crate::observe::sample::Sample;

/// What the version may not survive of an intent.
fn deadly(intent: &Intent, sample: &Sample) -> Vec<&'static Deadly> {
    let version = sample.info.version();
    let mut all: Vec<&Deadly> = Vec::new();
    for command in intent.commands() {
        let words: Vec<&str> = command.split(' ').collect();
        all.extend(known_crashes::find(&words, version).filter(|deadly| !all.contains(deadly)));
    }
    all
}

/// Why an intent is not to be sent to this version at all.
pub fn refusal(intent: &Intent, sample: &Sample) -> Option<&'static str> {
    let kills = |deadly: &&Deadly| match deadly.fate {
        Fate::Refused => true,
        Fate::Checked => intent.steps.iter().any(|step| raises_a_full_limit(step, sample)),
        Fate::Warned => false,
    };
    deadly(intent, sample).into_iter().find(kills).map(|deadly| deadly.why)
}

/// Whether a step raises the limit of a frontend whose connections wait for that. Seen on 2.6.12: the process locks up
/// and its watchdog ends it seconds later. Mended in 3.0.6.
fn raises_a_full_limit(step: &Step, sample: &Sample) -> bool {
    let WriteCommand::FrontendMaxconn(limit) = step.order else { return false };
    let number = |field| sample.number(step.target.id, field).unwrap_or(0);
    let (sessions, now) = (number(Field::Scur), number(Field::Slim));
    let is_mended = patch_of(sample.info.version_text()).is_some_and(|patch| patch >= 6)
        && sample.info.version() == Some(Version::new(3, 0));
    sessions >= now && i64::from(limit) > now && !is_mended
}

/// The third number of a version: 11 of `3.0.11-1+deb13u3`.
fn patch_of(version: &str) -> Option<u16> {
    let number = version.split('.').nth(2)?;
    number.split(|ch: char| !ch.is_ascii_digit()).next()?.parse().ok()
}

/// What may go wrong with this version, and needs the most care.
pub fn dangers(intent: &Intent, sample: &Sample) -> Vec<&'static str> {
    let warned = deadly(intent, sample).into_iter().filter(|deadly| deadly.fate == Fate::Warned);
    warned.map(|deadly| deadly.why).collect()
}

/// Everything to be told before the question.
pub fn warnings(intent: &Intent, sample: &Sample) -> Vec<String> {
    let mut told: Vec<String> = dangers(intent, sample).into_iter().map(str::to_owned).collect();
    // Each process of 1.5 to 2.4 with nbproc has a state of its own, and a socket leads to any of them.
    if let Some(count) = sample.process(InfoField::Nbproc).filter(|count| *count > 1) {
        told.push(format!("this HAProxy has {count} processes, and an act reaches only one of them"));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{Action, CLEAR_COUNTERS, FRONTEND_MAXCONN, FRONTEND_OFF};
    use crate::actions::intent::Target;
    use crate::observe::test_samples::{SampleMaker, site};

    fn intent(act: &'static Action, order: WriteCommand, sample: &Sample) -> Intent {
        let (id, iid) = (sample.rows.ids()[0], None);
        let target = Target { id, proxy: "www-in".into(), name: "FRONTEND".into(), iid, seen: "OPEN".into() };
        Intent::new(act, order, 0, vec![target])
    }

    #[test]
    fn the_limit_of_a_full_frontend_is_not_raised_where_that_kills() {
        let mut maker = SampleMaker::default();
        let full = site().replace("FRONTEND,,812,2000", "FRONTEND,,2000,2000");
        let mut refused = |version, stat: &str, limit| {
            maker.version = version;
            let sample = maker.at_millis(0, stat);
            refusal(&intent(&FRONTEND_MAXCONN, WriteCommand::FrontendMaxconn(limit), &sample), &sample).is_some()
        };
        assert!(refused("2.6.12-1+deb12u4", &full, 3000) && refused("3.0.5", &full, 3000));
        assert!(!refused("2.6.12", &full, 1000), "lowering is safe");
        assert!(!refused("2.6.12", &site(), 3000), "so is raising where there is room");
        assert!(!refused("3.0.11-1+deb13u3", &full, 3000) && !refused("3.2.0", &full, 3000));
        assert!(refused("2.6.12", &full.replace("2000,2000", "0,0"), 3000), "0 lets nobody in: its clients wait");
    }

    #[test]
    fn versions_that_may_die_are_told_and_those_that_do_are_spared() {
        let mut maker = SampleMaker::default();
        let old = maker.at_millis(0, &site());
        let off = intent(&FRONTEND_OFF, WriteCommand::Frontend(false), &old);
        let clear = intent(&CLEAR_COUNTERS, WriteCommand::ClearCounters { all: true }, &old);
        assert!(dangers(&off, &old)[0].contains("abns@") && refusal(&off, &old).is_none());
        assert_eq!(refusal(&clear, &old), None);
        maker.version = "3.4.0";
        maker.info = "Nbproc: 4\n".into();
        let new = maker.at_millis(0, &site());
        assert!(dangers(&off, &new).is_empty());
        assert!(refusal(&clear, &new).is_some_and(|why| why.contains("crash")));
        assert!(warnings(&off, &new)[0].contains("4 processes"));
    }
}
