//! Warnings about an HAProxy instance, shown before an action: commands known to crash this version of HAProxy, and
//! processes that the action does not reach.

use crate::actions::intent::{Intent, IntentStep};
use crate::ask::known_crashes::{self, CrashPolicy, KnownCrash};
use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::version::Version;
use crate::haproxy::write_command::WriteCommand;
use crate::observe::sample::Sample;

/// Returns the known crashes that the commands of an intent may trigger in this version.
fn matching_crashes(intent: &Intent, sample: &Sample) -> Vec<&'static KnownCrash> {
    let version = sample.info.version();
    let mut all: Vec<&KnownCrash> = Vec::new();
    for command in intent.commands() {
        let words: Vec<&str> = command.split(' ').collect();
        all.extend(known_crashes::find(&words, version).filter(|crash| !all.contains(crash)));
    }
    all
}

/// Returns the reason why an intent must not be sent to this version of HAProxy; `None` if it may be sent.
pub(crate) fn refusal_reason(intent: &Intent, sample: &Sample) -> Option<&'static str> {
    let must_refuse = |crash: &&KnownCrash| match crash.policy {
        CrashPolicy::Refused => true,
        CrashPolicy::Checked => intent.steps.iter().any(|step| raises_limit_of_full_frontend(step, sample)),
        CrashPolicy::Warned => false,
    };
    matching_crashes(intent, sample).into_iter().find(must_refuse).map(|crash| crash.description)
}

/// Returns whether a step raises the connection limit of a frontend that has reached this limit. On HAProxy 2.6.12, the
/// process was observed to lock up, and its watchdog killed it seconds later. Fixed in 3.0.6.
fn raises_limit_of_full_frontend(step: &IntentStep, sample: &Sample) -> bool {
    let WriteCommand::FrontendMaxconn(limit) = step.command else { return false };
    let number = |field| sample.number(step.target.id, field).unwrap_or(0);
    let (sessions, limit_now) = (number(Field::Scur), number(Field::Slim));
    let is_fixed = parse_patch_version(sample.info.version_text()).is_some_and(|patch| patch >= 6)
        && sample.info.version() == Some(Version::new(3, 0));
    sessions >= limit_now && i64::from(limit) > limit_now && !is_fixed
}

/// Parses the third number of a version: 11 of `3.0.11-1+deb13u3`.
fn parse_patch_version(version: &str) -> Option<u16> {
    let number = version.split('.').nth(2)?;
    number.split(|ch: char| !ch.is_ascii_digit()).next()?.parse().ok()
}

/// Returns the reasons why an intent may crash this version of HAProxy. If there are any, the operator must type a name
/// to confirm.
pub(crate) fn crash_warnings(intent: &Intent, sample: &Sample) -> Vec<&'static str> {
    let warned = matching_crashes(intent, sample).into_iter().filter(|crash| crash.policy == CrashPolicy::Warned);
    warned.map(|crash| crash.description).collect()
}

/// Returns all warnings to show before the confirmation.
pub(crate) fn warnings(intent: &Intent, sample: &Sample) -> Vec<String> {
    let mut warnings: Vec<String> = crash_warnings(intent, sample).into_iter().map(str::to_owned).collect();
    // With nbproc (1.5 to 2.4) each process has its own state, and the socket connects to any of them.
    if let Some(count) = sample.process_number(InfoField::Nbproc).filter(|count| *count > 1) {
        warnings.push(format!("this HAProxy has {count} processes, and an action reaches only one of them"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{Action, CLEAR_COUNTERS, FRONTEND_MAXCONN, FRONTEND_OFF};
    use crate::actions::intent::ActionTarget;
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn intent(action: &'static Action, command: WriteCommand, sample: &Sample) -> Intent {
        let target = ActionTarget::from_row(sample, sample.rows.ids()[0]).unwrap();
        Intent::new(action, command, InstanceId::FIRST, vec![target])
    }

    #[test]
    fn refusal_reason_protects_full_frontend_on_affected_versions() {
        let mut maker = SampleBuilder::default();
        let full = stat_of_site().replace("FRONTEND,,812,2000", "FRONTEND,,2000,2000");
        let mut refused = |version, stat: &str, limit| {
            maker.version = version;
            let sample = maker.build_at_millis(0, stat);
            refusal_reason(&intent(&FRONTEND_MAXCONN, WriteCommand::FrontendMaxconn(limit), &sample), &sample).is_some()
        };
        assert!(refused("2.6.12-1+deb12u4", &full, 3000) && refused("3.0.5", &full, 3000));
        assert!(!refused("2.6.12", &full, 1000), "lowering is safe");
        assert!(!refused("2.6.12", &stat_of_site(), 3000), "raising below the limit is safe too");
        assert!(!refused("3.0.11-1+deb13u3", &full, 3000) && !refused("3.2.0", &full, 3000));
        assert!(refused("2.6.12", &full.replace("2000,2000", "0,0"), 3000), "with limit 0 all clients wait");
    }

    #[test]
    fn crash_warnings_and_refusals_depend_on_version() {
        let mut maker = SampleBuilder::default();
        let old = maker.build_at_millis(0, &stat_of_site());
        let off = intent(&FRONTEND_OFF, WriteCommand::Frontend(false), &old);
        let clear = intent(&CLEAR_COUNTERS, WriteCommand::ClearCounters { all: true }, &old);
        assert!(crash_warnings(&off, &old)[0].contains("abns@") && refusal_reason(&off, &old).is_none());
        assert_eq!(refusal_reason(&clear, &old), None);
        maker.version = "3.4.0";
        maker.info = "Nbproc: 4\n".into();
        let new = maker.build_at_millis(0, &stat_of_site());
        assert!(crash_warnings(&off, &new).is_empty());
        assert!(refusal_reason(&clear, &new).is_some_and(|reason| reason.contains("crash")));
        assert!(warnings(&off, &new)[0].contains("4 processes"));
    }
}
