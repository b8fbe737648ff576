//! The guard: decides whether an action or a typed line that changes HAProxy may be sent.
//!
//! Only this module can create [`Authorised`], and the operator accepts nothing else, so the checks cannot be bypassed.
//! The guard refuses an action in read-only mode, if the level of the socket is too low, while the data is old, if a
//! target was removed or changed since the key press, or without the confirmation that the danger requires.

use crate::actions::action_table::{Action, Danger, TargetKind, VerifyBy};
use crate::actions::impact;
use crate::actions::instance_warnings;
use crate::actions::intent::{Intent, IntentStep};
use crate::haproxy::fields::TextField;
use crate::haproxy::level::Level;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::version::Version;
use crate::instance::confirmed_state::ConfirmedState;
use crate::instance::refusal::Refusal;
use crate::instance::state::Instance;
use crate::instance::typed_change::TypedChange;
use crate::observe::instance_id::InstanceId;
use crate::observe::sample::Sample;
use crate::units::pluralize;

/// Maximum number of changed targets that a question names.
const MAX_NAMED_CHANGES: usize = 3;

/// Proof that the guard authorised an action or a typed line.
#[derive(Debug, PartialEq)]
pub struct Authorised<T> {
    value: T,
    confirmed: ConfirmedState,
}

impl<T> Authorised<T> {
    /// Returns the authorised action or line.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Returns what must still hold right before sending.
    pub(crate) fn confirmed(&self) -> &ConfirmedState {
        &self.confirmed
    }
}

/// The operator's answer to a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfirmationAnswer {
    /// Yes.
    Yes,
    /// The operator typed this text.
    Typed(String),
}

/// Checks that HAProxy can be asked and that the latest sample is shown: replies are about the present.
///
/// # Errors
/// Returns the reason of the source, or an error if an earlier sample is shown.
pub(crate) fn check_query_allowed(instance: &Instance) -> Result<(), Refusal> {
    instance.source().check_query()?;
    check_not_past(instance)
}

/// Checks that the latest sample is shown. An earlier sample must not lead to an action on the present state.
fn check_not_past(instance: &Instance) -> Result<(), Refusal> {
    if instance.past_moment().is_some() { Err(Refusal::Past) } else { Ok(()) }
}

/// Checks whether an action that needs this level is possible now. `title` names the action in errors.
///
/// # Errors
/// Returns the reason for the refusal.
pub(crate) fn check_level(title: &'static str, needs: Level, instance: &Instance) -> Result<(), Refusal> {
    instance.source().check_action(title)?;
    check_not_past(instance)?;
    instance.latest().ok_or(Refusal::NotConnected)?;
    match instance.level() {
        None => return Err(Refusal::LevelUnknown),
        Some(has) if has < needs => return Err(Refusal::Level { title, has, needs }),
        Some(_) => {}
    }
    if instance.link().is_up() { Ok(()) } else { Err(Refusal::NotConnected) }
}

/// Checks whether an action is possible now, regardless of its targets. Menus gray out refused actions.
///
/// # Errors
/// Returns the reason for the refusal.
pub(crate) fn check_action(action: &'static Action, instance: &Instance) -> Result<(), Refusal> {
    check_level(action.title, action.level, instance)
}

/// Checks whether an intent may be confirmed now, and returns its danger.
///
/// # Errors
/// Returns the reason for the refusal.
pub fn check_intent(intent: &Intent, instance: &Instance) -> Result<Danger, Refusal> {
    let (Some(sample), false) = (instance.latest(), intent.steps.is_empty()) else {
        return Err(Refusal::NotConnected);
    };
    for step in &intent.steps {
        check_action(step.action, instance)?;
        step.command_text()?;
        if matches!(step.action.target_kind, TargetKind::Server | TargetKind::Frontend) {
            check_row(step, sample, instance)?;
        }
    }
    if let Some(why) = instance_warnings::refusal_reason(intent, sample) {
        return Err(Refusal::KnownCrash(why));
    }
    check_impact(intent, sample)
}

/// Checks that the impact is not worse than the question showed, and returns the danger.
fn check_impact(intent: &Intent, sample: &Sample) -> Result<Danger, Refusal> {
    let now = impact::evaluate_shown(sample, intent);
    let changes = intent.shown_impact.as_ref().map_or_else(Vec::new, |shown| shown.changes_for_the_worse(&now));
    if changes.is_empty() { Ok(now.danger) } else { Err(Refusal::WorseImpact(changes.join(", "))) }
}

/// Returns an intent whose targets are as they are in the latest sample. Targets that are not rows stay the same.
pub(crate) fn with_present_targets(mut intent: Intent, instance: &Instance) -> Intent {
    for step in &mut intent.steps {
        let admin = step.target.identity.admin;
        if let Some(target) = instance.target(step.target.id) {
            step.target = target;
            // The state that was read right before sending is newer than the sample or the same.
            step.target.identity.admin = admin.or(step.target.identity.admin);
        }
    }
    intent
}

/// Prepares the question about an intent: checks the intent, and sets the impact that the question shows.
///
/// # Errors
/// Returns the reason for the refusal.
pub(crate) fn prepare_question(mut intent: Intent, instance: &Instance) -> Result<(Intent, Danger), Refusal> {
    intent.shown_impact = None;
    let danger = check_intent(&intent, instance)?;
    intent.shown_impact = instance.latest().map(|sample| impact::evaluate_shown(sample, &intent));
    Ok((intent, danger))
}

/// Authorises an intent with the confirmation that its danger requires.
///
/// # Errors
/// Returns the reason for the refusal. After [`Refusal::Changed`], show the new state and ask for confirmation again.
pub(crate) fn authorise(
    mut intent: Intent,
    consent: &ConfirmationAnswer,
    instance: &Instance,
) -> Result<Authorised<Intent>, Refusal> {
    let danger = check_intent(&intent, instance)?;
    let is_confirmed = match (danger, consent) {
        (Danger::Low | Danger::High, _) => true,
        (Danger::Highest, ConfirmationAnswer::Yes) => false,
        (Danger::Highest, ConfirmationAnswer::Typed(text)) => *text == name_to_type(&intent),
    };
    let sample = instance.latest().ok_or(Refusal::NotConnected)?;
    let shown = intent.shown_impact.take().unwrap_or_else(|| impact::evaluate_shown(sample, &intent));
    intent.shown_impact = Some(shown);
    let confirmed = ConfirmedState::from_sample(sample);
    if is_confirmed { Ok(Authorised { value: intent, confirmed }) } else { Err(Refusal::NotConfirmed) }
}

/// Returns the text that confirms an action of the highest danger on several balancers: their number.
pub(crate) fn count_to_type(balancers: usize) -> String {
    pluralize(balancers as i64, "balancer")
}

/// Authorises the same action on several balancers, on all or on none.
///
/// # Errors
/// Returns the first refusal, with the balancer that it is about.
pub(crate) fn authorise_all(
    parts: Vec<(Intent, &Instance)>,
    consent: &ConfirmationAnswer,
) -> Result<Vec<Authorised<Intent>>, (InstanceId, Refusal)> {
    let is_counted = *consent == ConfirmationAnswer::Typed(count_to_type(parts.len()));
    let authorise = |(intent, instance): (Intent, &Instance)| {
        let id = intent.instance;
        let own = if is_counted { ConfirmationAnswer::Typed(name_to_type(&intent)) } else { ConfirmationAnswer::Yes };
        authorise(intent, &own, instance).map_err(|refusal| (id, refusal))
    };
    parts.into_iter().map(authorise).collect()
}

/// Authorises a typed line that may change HAProxy with the confirmation that its danger requires. The level of the
/// socket is not checked here, because HAProxy does that.
///
/// # Errors
/// Returns the reason for the refusal.
pub(crate) fn authorise_line(
    change: TypedChange,
    consent: &ConfirmationAnswer,
    instance: &Instance,
) -> Result<Authorised<TypedChange>, Refusal> {
    instance.source().check_action("commands that may change HAProxy")?;
    check_not_past(instance)?;
    let sample = instance.latest().filter(|_| instance.link().is_up()).ok_or(Refusal::NotConnected)?;
    change.line.check_version(sample.info.version())?;
    for intent in &change.intents {
        let mut rows = intent.steps.iter().filter(|step| step.action.target_kind != TargetKind::Process);
        rows.try_for_each(|step| check_unchanged(step, instance))?;
        check_impact(intent, sample)?;
    }
    let is_confirmed = match (change.most_dangerous(), consent) {
        (None, ConfirmationAnswer::Yes) => true,
        (Some(intent), ConfirmationAnswer::Typed(text)) => *text == name_to_type(intent),
        _ => false,
    };
    let authorised = Authorised { value: change, confirmed: ConfirmedState::from_sample(sample) };
    if is_confirmed { Ok(authorised) } else { Err(Refusal::NotConfirmed) }
}

/// Returns the text that confirms an action of the highest danger: the name of the only target, the summary of several
/// targets, or `clear` for the process.
pub(crate) fn name_to_type(intent: &Intent) -> String {
    let Some(first) = intent.steps.first() else { return String::new() };
    let has_one_target = intent.steps.iter().all(|step| step.target == first.target);
    match first.action.target_kind {
        TargetKind::Process => "clear".to_owned(),
        _ if !has_one_target => intent.target_summary(),
        TargetKind::Server | TargetKind::Session | TargetKind::TableEntry => first.target.name.to_string(),
        TargetKind::Frontend => first.target.proxy.to_string(),
    }
}

fn check_row(step: &IntentStep, sample: &Sample, instance: &Instance) -> Result<(), Refusal> {
    let target = &step.target;
    let is_server = step.action.target_kind == TargetKind::Server;
    let index = sample.rows.index_of(target.id).ok_or_else(|| Refusal::Gone(step.target_name()))?;
    let row = &sample.table.rows()[index];
    if row.kind != if is_server { RowKind::Server } else { RowKind::Frontend } {
        return Err(Refusal::WrongTarget(step.action.target_kind.description()));
    }
    let rows = sample.table.rows().iter();
    let same_name = rows.filter(|one| one.kind == row.kind && one.name == row.name && one.proxy == row.proxy);
    if same_name.count() > 1 {
        return Err(Refusal::Ambiguous(step.target_name()));
    }
    let origin = sample.configured.as_ref().and_then(|configured| configured.get(target.id)).unwrap_or_default();
    let (has_checks, checks) = match step.action.verify_by {
        VerifyBy::AgentHealth | VerifyBy::AgentChecks => (origin.has_agent, "agent checks"),
        VerifyBy::Checks => (origin.has_checks, "health checks"),
        VerifyBy::AdminState
        | VerifyBy::Weight
        | VerifyBy::OperationalState
        | VerifyBy::Maxconn
        | VerifyBy::FrontendStatus
        | VerifyBy::NoSessions
        | VerifyBy::Absence
        | VerifyBy::Counters => (None, ""),
    };
    if has_checks == Some(false) {
        return Err(Refusal::NotConfigured(step.target_name(), checks));
    }
    check_unchanged(step, instance)?;
    let is_tracked_on_1_8 = is_server
        && row.text(TextField::Tracked).is_none()
        && sample.info.version() == Some(Version::new(1, 8))
        && is_tracked(sample, &step.target_name());
    if is_tracked_on_1_8 {
        return Err(Refusal::KnownCrash("HAProxy 1.8 hangs when the state of a tracked server is changed"));
    }
    Ok(())
}

/// Describes each row of an intent that is gone or changed since the question about it.
pub(crate) fn describe_target_changes(intent: &Intent, instance: &Instance) -> Vec<String> {
    let is_row = |step: &&IntentStep| matches!(step.action.target_kind, TargetKind::Server | TargetKind::Frontend);
    let refusals = intent.steps.iter().filter(is_row).filter_map(|step| check_unchanged(step, instance).err());
    let mut texts: Vec<String> = refusals.map(|refusal| refusal.to_string()).collect();
    texts.dedup();
    let more = texts.len().saturating_sub(MAX_NAMED_CHANGES);
    texts.truncate(MAX_NAMED_CHANGES);
    texts.extend((more > 0).then(|| format!("{more} more targets changed meanwhile")));
    texts
}

/// Checks that the target of a step is the one that the operator saw.
fn check_unchanged(step: &IntentStep, instance: &Instance) -> Result<(), Refusal> {
    let now = instance.target(step.target.id).ok_or_else(|| Refusal::Gone(step.target_name()))?;
    let differences = step.target.changes_to(&now);
    if differences.is_empty() {
        return Ok(());
    }
    Err(Refusal::Changed { name: step.target_name(), differences: differences.join(", ") })
}

fn is_tracked(sample: &Sample, name: &str) -> bool {
    sample.table.rows().iter().any(|row| row.text(TextField::Tracked).is_some_and(|tracked| tracked.as_str() == name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::actions::action_table::{ActionCommand, CLEAR_COUNTERS, FRONTEND_OFF, MAINT, READY};
    use crate::actions::intent::ActionTarget;
    use crate::haproxy::safe_text::SafeText;
    use crate::haproxy::write_command::{TargetState, WriteCommand};
    use crate::instance::source::StatsSocket;
    use crate::observe::link::PollFailure;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site, timestamp_at};

    fn instance(builder: &mut SampleBuilder, stat: &str) -> Instance {
        with_access(StatsSocket::default(), builder, stat)
    }

    fn with_access(access: StatsSocket, builder: &mut SampleBuilder, stat: &str) -> Instance {
        let mut instance = Instance::new(InstanceId::FIRST, access, 1 << 20);
        instance.add_sample(builder.build_at_millis(0, stat), 0);
        instance
    }

    fn intent(instance: &Instance, action: &'static Action, name: &str) -> Intent {
        let sample = instance.shown().unwrap();
        let index =
            (0..sample.table.rows().len()).find(|index| sample.table.rows()[*index].name.as_str() == name).unwrap();
        let target = ActionTarget::from_row(sample, sample.rows.ids()[index]).unwrap();
        let ActionCommand::Fixed(command) = action.command else { panic!("{}", action.id) };
        Intent::new(action, command, InstanceId::FIRST, vec![target])
    }

    #[test]
    fn check_intent_rejects_wrong_row_kinds() {
        let instance = instance(&mut SampleBuilder::default(), &stat_of_site());
        assert_eq!(
            check_intent(&intent(&instance, &MAINT, "FRONTEND"), &instance),
            Err(Refusal::WrongTarget("a server"))
        );
        assert_eq!(
            check_intent(&intent(&instance, &FRONTEND_OFF, "w1"), &instance),
            Err(Refusal::WrongTarget("a frontend"))
        );
        assert_eq!(check_intent(&intent(&instance, &FRONTEND_OFF, "FRONTEND"), &instance), Ok(Danger::Highest));
        assert_eq!(
            check_intent(
                &Intent::new(&MAINT, WriteCommand::State(TargetState::Maint), InstanceId::FIRST, Vec::new()),
                &instance
            ),
            Err(Refusal::NotConnected)
        );
    }

    #[test]
    fn authorise_requires_typed_word_to_clear_counters() {
        let instance = instance(&mut SampleBuilder::default(), &stat_of_site());
        let target = ActionTarget::without_row(SafeText::default(), SafeText::default());
        let clear =
            Intent::new(&CLEAR_COUNTERS, WriteCommand::ClearCounters { all: true }, InstanceId::FIRST, vec![target]);
        let typed = |text: &str| authorise(clear.clone(), &ConfirmationAnswer::Typed(text.into()), &instance);
        assert_eq!(typed("yes"), Err(Refusal::NotConfirmed));
        assert!(typed("clear").is_ok_and(|authorised| authorised.get().steps == clear.steps));
    }

    #[test]
    fn authorise_accepts_matching_confirmation() {
        let instance = instance(&mut SampleBuilder::default(), &stat_of_site());
        let maint = intent(&instance, &MAINT, "w1");
        assert_eq!(check_intent(&maint, &instance), Ok(Danger::High));
        assert_eq!(authorise(maint.clone(), &ConfirmationAnswer::Yes, &instance).unwrap().get().steps, maint.steps);
        let last = intent(&instance, &MAINT, "api1");
        assert_eq!(authorise(last.clone(), &ConfirmationAnswer::Yes, &instance), Err(Refusal::NotConfirmed));
        assert_eq!(
            authorise(last.clone(), &ConfirmationAnswer::Typed("api".into()), &instance),
            Err(Refusal::NotConfirmed)
        );
        assert!(authorise(last, &ConfirmationAnswer::Typed("api1".into()), &instance).is_ok());
    }

    #[test]
    fn authorise_all_requires_count_and_authorises_all_or_none() {
        let mut builder = SampleBuilder::default();
        let [one, other] = [0, 1].map(|_| instance(&mut builder, &stat_of_site()));
        let last = |instance: &Instance| intent(instance, &MAINT, "api1");
        let answer = |text: &str, other: &Instance| {
            let parts = vec![(last(&one), &one), (last(&one), other)];
            authorise_all(parts, &ConfirmationAnswer::Typed(text.into())).map(|all| all.len()).map_err(|(_, why)| why)
        };
        assert_eq!(answer("2 balancers", &other), Ok(2));
        for text in ["api1", "3 balancers", ""] {
            assert_eq!(answer(text, &other), Err(Refusal::NotConfirmed), "{text}");
        }
        builder.level = Some(Level::Operator);
        let refused = answer("2 balancers", &instance(&mut builder, &stat_of_site()));
        assert!(matches!(refused, Err(Refusal::Level { .. })), "{refused:?}");
    }

    #[test]
    fn authorise_rejects_read_only_and_low_levels() {
        let mut builder = SampleBuilder::default();
        let admin = instance(&mut builder, &stat_of_site());
        let ready = intent(&admin, &READY, "api3");
        let read_only = with_access(StatsSocket::READ_ONLY, &mut builder, &stat_of_site());
        let refused = authorise(ready.clone(), &ConfirmationAnswer::Yes, &read_only);
        assert_eq!(refused, Err(Refusal::ReadOnly("enable")));
        for level in [Level::User, Level::Operator] {
            builder.level = Some(level);
            let refused = authorise(ready.clone(), &ConfirmationAnswer::Yes, &instance(&mut builder, &stat_of_site()));
            assert_eq!(refused, Err(Refusal::Level { title: "enable", has: level, needs: Level::Admin }));
        }
        builder.level = None;
        assert_eq!(check_action(&READY, &instance(&mut builder, &stat_of_site())), Err(Refusal::LevelUnknown));
    }

    #[test]
    fn check_intent_rejects_stale_and_changed_servers() {
        let mut builder = SampleBuilder::default();
        let mut instance = instance(&mut builder, &stat_of_site());
        let maint = intent(&instance, &MAINT, "w1");
        instance.add_sample(builder.build_at_millis(1000, &stat_of_site().replace("4000,UP,", "4000,UP 1/3,")), 0);
        assert_eq!(check_intent(&maint, &instance), Ok(Danger::High), "a failed check alone does not change the state");
        instance.add_sample(builder.build_at_millis(2000, &stat_of_site().replace("4000,UP,", "4000,DOWN,")), 0);
        assert!(matches!(check_intent(&maint, &instance), Err(Refusal::Changed { .. })));
        instance.add_sample(builder.build_at_millis(3000, &stat_of_site().replace(",w1,", ",w9,")), 0);
        assert!(matches!(check_intent(&maint, &instance), Err(Refusal::Gone(_))));
        let failure = PollFailure { reason: "gone".into(), hint: None, is_denied: false, retry_at: Duration::ZERO };
        instance.record_failure(failure, timestamp_at(4000));
        assert_eq!(check_intent(&maint, &instance), Err(Refusal::NotConnected));
    }

    #[test]
    fn check_intent_rejects_ambiguous_and_unsafe_names() {
        let twice = instance(&mut SampleBuilder::default(), "# pxname,svname,type,status,\nb,s,2,UP,\nb,s,2,UP,\n");
        let refused = check_intent(&intent(&twice, &MAINT, "s"), &twice);
        assert_eq!(refused, Err(Refusal::Ambiguous("b/s".into())));
        let evil = instance(&mut SampleBuilder::default(), "# pxname,svname,type,status,\nb,s;x,2,UP,\n");
        assert!(matches!(check_intent(&intent(&evil, &MAINT, "s;x"), &evil), Err(Refusal::BadName(_))));
    }

    #[test]
    fn check_intent_rejects_tracked_server_on_1_8() {
        let stat = "# pxname,svname,type,status,tracked,\nb,s,2,UP,,\nc,t,2,UP,b/s,\n";
        let modern = instance(&mut SampleBuilder::default(), stat);
        assert!(check_intent(&intent(&modern, &MAINT, "s"), &modern).is_ok());
        let mut builder = SampleBuilder::default();
        builder.version = "1.8.30";
        let old = instance(&mut builder, stat);
        assert!(matches!(check_intent(&intent(&old, &MAINT, "s"), &old), Err(Refusal::KnownCrash(_))));
        assert!(check_intent(&intent(&old, &MAINT, "t"), &old).is_ok());
    }
}
