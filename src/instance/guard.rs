//! The one gate in front of everything that changes HAProxy.
//!
//! [`Authorised`] can only be made here, and only the operator opens it; so there is no way round the
//! checks: not in read-only mode, not at too low a level, not while the data is old, not for a server that
//! is gone or has changed since the key was pressed, and not without the answer that its danger asks for.

use std::time::Duration;

use thiserror::Error;

use crate::actions::action_table::{Action, Danger, Proof, Subject};
use crate::actions::action_warnings;
use crate::actions::impact;
use crate::actions::intent::{Intent, Step};
use crate::ask::typed_command::{NotSent, TypedLine};
use crate::haproxy::command::BadName;
use crate::haproxy::fields::TextField;
use crate::haproxy::level::Level;
use crate::haproxy::stat_table::RowKind;
use crate::haproxy::version::Version;
use crate::instance::instance::Instance;
use crate::observe::sample::Sample;

/// What the guard saw of HAProxy when it let something through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    /// The process.
    pub pid: i64,
    /// Its version.
    pub version: Option<Version>,
    /// Time between two samples.
    pub interval: Duration,
}

impl Scene {
    fn of(sample: &Sample) -> Self {
        Self { pid: sample.epoch.pid, version: sample.info.version(), interval: sample.interval }
    }
}

/// Proof that the guard let this through.
#[derive(Debug, PartialEq)]
pub struct Authorised<T> {
    what: T,
    scene: Scene,
}

impl<T> Authorised<T> {
    /// What was let through.
    pub fn get(&self) -> &T {
        &self.what
    }

    /// What the guard saw then.
    pub fn scene(&self) -> Scene {
        self.scene
    }
}

/// What the operator answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// Yes.
    Yes,
    /// Typed this.
    Typed(String),
}

/// Why an act is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// `--read-only`.
    #[error("hapulse runs read-only: for {0} start it without --read-only")]
    ReadOnly(&'static str),
    /// The socket may not do it.
    #[error(
        "{title} needs level {needs}, this socket has {has}: \"stats socket … level {needs}\" in haproxy.cfg, then reload"
    )]
    Level {
        /// What the act is called.
        title: &'static str,
        /// The socket's level.
        has: Level,
        /// The least that is needed.
        needs: Level,
    },
    /// It could not be found out what the socket may do.
    #[error("the level of this socket is not known yet")]
    LevelUnknown,
    /// The past is shown.
    #[error("this is the past: nothing can be sent or asked")]
    Past,
    /// The newest sample is old.
    #[error("the connection to HAProxy is lost: nothing can be sent now")]
    NoLink,
    /// What is selected is something else.
    #[error("select {0} first")]
    NoSubject(&'static str),
    /// Something else is among what is marked.
    #[error("it needs {0}, others are marked")]
    OtherMarked(&'static str),
    /// The server is not in the newest sample.
    #[error("{0} is gone: HAProxy does not list it any more")]
    Gone(String),
    /// Two servers go by that name.
    #[error("{0} is listed twice: the name does not tell which one")]
    Ambiguous(String),
    /// The row's status is another than the one that was seen.
    #[error("{name} changed meanwhile: it was {was}, now it is {is}")]
    Changed {
        /// The server.
        name: String,
        /// The status seen.
        was: String,
        /// The status now.
        is: String,
    },
    /// What the act is about is not configured.
    #[error("{0} has no {1}")]
    Lacks(String, &'static str),
    /// The name cannot stand in a command.
    #[error(transparent)]
    BadName(#[from] BadName),
    /// This version of HAProxy does not survive it.
    #[error("not sent: {0}")]
    Deadly(&'static str),
    /// This version would not survive the line, or not take it as it looks.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// The answer was not what the danger asks for.
    #[error("not sent: the name was not typed")]
    NotConfirmed,
}

/// What an instance is allowed to have done to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guard {
    /// Nothing may be changed.
    pub read_only: bool,
}

impl Guard {
    /// Whether the present is shown: what is seen of the past must not lead to an act now.
    ///
    /// # Errors
    /// When the past is shown.
    pub fn is_live(watch: &Instance) -> Result<(), Refusal> {
        if watch.past().is_some() { Err(Refusal::Past) } else { Ok(()) }
    }

    /// Whether something that needs this level could be done at all.
    ///
    /// # Errors
    /// The reason why not, in the words shown to the operator.
    pub fn permits(self, title: &'static str, needs: Level, watch: &Instance) -> Result<(), Refusal> {
        if self.read_only {
            return Err(Refusal::ReadOnly(title));
        }
        Self::is_live(watch)?;
        let sample = watch.live().ok_or(Refusal::NoLink)?;
        match sample.level {
            None => return Err(Refusal::LevelUnknown),
            Some(has) if has < needs => return Err(Refusal::Level { title, has, needs }),
            Some(_) => {}
        }
        if watch.link().is_up() { Ok(()) } else { Err(Refusal::NoLink) }
    }

    /// Whether the act could be done at all: what is greyed out, and why.
    ///
    /// # Errors
    /// The reason why not.
    pub fn allows(self, act: &'static Action, watch: &Instance) -> Result<(), Refusal> {
        self.permits(act.title, act.level, watch)
    }

    /// Whether an intent may be asked about now. Returns the care it needs.
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(self, intent: &Intent, watch: &Instance) -> Result<Danger, Refusal> {
        let (Some(sample), false) = (watch.live(), intent.steps.is_empty()) else { return Err(Refusal::NoLink) };
        for step in &intent.steps {
            self.allows(step.act, watch)?;
            step.command()?;
            if matches!(step.act.subject, Subject::Server | Subject::Frontend) {
                check_row(step, sample, watch)?;
            }
        }
        match action_warnings::refusal(intent, sample) {
            Some(why) => Err(Refusal::Deadly(why)),
            None => Ok(impact::danger(sample, intent)),
        }
    }

    /// Lets an intent through, once it is confirmed as its danger asks.
    ///
    /// # Errors
    /// The reason why not; [`Refusal::Changed`] asks to show the new state and ask again.
    pub fn authorise(self, intent: Intent, consent: &Consent, watch: &Instance) -> Result<Authorised<Intent>, Refusal> {
        let danger = self.check(&intent, watch)?;
        let confirmed = match (danger, consent) {
            (Danger::Low | Danger::High, _) => true,
            (Danger::Highest, Consent::Yes) => false,
            (Danger::Highest, Consent::Typed(text)) => *text == name_to_type(&intent),
        };
        let scene = Scene::of(watch.live().ok_or(Refusal::NoLink)?);
        if confirmed { Ok(Authorised { what: intent, scene }) } else { Err(Refusal::NotConfirmed) }
    }

    /// Lets a line typed by hand through that may change HAProxy, once it is confirmed. Whether the level
    /// suffices HAProxy itself tells.
    ///
    /// # Errors
    /// The reason why not.
    pub fn authorise_line(
        self,
        line: TypedLine,
        consent: &Consent,
        watch: &Instance,
    ) -> Result<Authorised<TypedLine>, Refusal> {
        if self.read_only {
            return Err(Refusal::ReadOnly("a line that may change HAProxy"));
        }
        Self::is_live(watch)?;
        let sample = watch.live().filter(|_| watch.link().is_up()).ok_or(Refusal::NoLink)?;
        line.check(sample.info.version())?;
        let authorised = Authorised { what: line, scene: Scene::of(sample) };
        if *consent == Consent::Yes { Ok(authorised) } else { Err(Refusal::NotConfirmed) }
    }
}

/// What must be typed to confirm the highest danger: the name of the server or frontend, or how many there are.
pub fn name_to_type(intent: &Intent) -> String {
    let Some(first) = intent.steps.first() else { return String::new() };
    let is_one = intent.steps.iter().all(|step| step.target == first.target);
    match first.act.subject {
        Subject::Server | Subject::Session | Subject::Entry if is_one => first.target.name.to_string(),
        Subject::Frontend if is_one => first.target.proxy.to_string(),
        Subject::Process => "clear".to_owned(),
        _ => intent.name(),
    }
}

fn check_row(step: &Step, sample: &Sample, watch: &Instance) -> Result<(), Refusal> {
    let target = &step.target;
    let is_server = step.act.subject == Subject::Server;
    let index = sample.rows.index(target.id).ok_or_else(|| Refusal::Gone(step.name()))?;
    let row = &sample.table.rows()[index];
    if row.kind != if is_server { RowKind::Server } else { RowKind::Frontend } {
        return Err(Refusal::NoSubject(step.act.subject.name()));
    }
    let rows = sample.table.rows().iter();
    let namesakes = rows.filter(|one| one.kind == row.kind && one.name == row.name && one.proxy == row.proxy);
    if namesakes.count() > 1 {
        return Err(Refusal::Ambiguous(step.name()));
    }
    let origin = sample.configured.as_ref().and_then(|configured| configured.of(target.id)).unwrap_or_default();
    let (has, what) = match step.act.proof {
        Proof::AgentHealth | Proof::AgentChecks => (origin.has_agent, "agent checks"),
        Proof::Checks => (origin.has_checks, "health checks"),
        _ => (None, ""),
    };
    if has == Some(false) {
        return Err(Refusal::Lacks(step.name(), what));
    }
    let status = watch.status(target.id).unwrap_or_default();
    if !same_standing(status.as_str(), target.seen.as_str()) {
        return Err(Refusal::Changed { name: step.name(), was: target.seen.to_string(), is: status.to_string() });
    }
    let is_followed = is_server
        && row.text(TextField::Tracked).is_none()
        && sample.info.version() == Some(Version::new(1, 8))
        && is_tracked(sample, &step.name());
    if is_followed {
        return Err(Refusal::Deadly("HAProxy 1.8 hangs when the state of a tracked server is changed"));
    }
    Ok(())
}

/// Whether two statuses are the same to an operator: the count of checks in `UP 1/3` may move.
fn same_standing(one: &str, other: &str) -> bool {
    let word = |status: &str| status.split([' ', '(']).next().unwrap_or_default().to_owned();
    word(one) == word(other)
}

fn is_tracked(sample: &Sample, name: &str) -> bool {
    sample.table.rows().iter().any(|row| row.text(TextField::Tracked).is_some_and(|tracked| tracked.as_str() == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{CLEAR_COUNTERS, FRONTEND_OFF, Gives, MAINT, READY};
    use crate::actions::intent::Target;
    use crate::haproxy::safe_text::SafeText;
    use crate::haproxy::write_command::{Admin, WriteCommand};
    use crate::observe::link::Failure;
    use crate::observe::test_samples::{SampleMaker, at, site};

    fn watch(maker: &mut SampleMaker, stat: &str) -> Instance {
        let mut watch = Instance::default();
        watch.take(maker.at_millis(0, stat), 0);
        watch
    }

    fn intent(watch: &Instance, act: &'static Action, name: &str) -> Intent {
        let sample = watch.newest().unwrap();
        let index = (0..sample.table.rows().len()).find(|index| sample.rows.key(*index).name.as_str() == name).unwrap();
        let (row, id) = (&sample.table.rows()[index], sample.rows.ids()[index]);
        let seen = SafeText::from(row.status());
        let target = Target { id, proxy: row.proxy.clone(), name: row.name.clone(), iid: None, seen };
        let Gives::Order(order) = act.gives else { panic!("{}", act.id) };
        Intent::new(act, order, 0, vec![target])
    }

    #[test]
    fn what_is_no_server_is_no_target_of_its_acts() {
        let watch = watch(&mut SampleMaker::default(), &site());
        let guard = Guard::default();
        assert_eq!(guard.check(&intent(&watch, &MAINT, "FRONTEND"), &watch), Err(Refusal::NoSubject("a server")));
        assert_eq!(guard.check(&intent(&watch, &FRONTEND_OFF, "w1"), &watch), Err(Refusal::NoSubject("a frontend")));
        assert_eq!(guard.check(&intent(&watch, &FRONTEND_OFF, "FRONTEND"), &watch), Ok(Danger::Highest));
        assert_eq!(
            guard.check(&Intent::new(&MAINT, WriteCommand::State(Admin::Maint), 0, Vec::new()), &watch),
            Err(Refusal::NoLink)
        );
    }

    #[test]
    fn counters_are_cleared_by_a_typed_word() {
        let watch = watch(&mut SampleMaker::default(), &site());
        let target = Target::beside_rows(SafeText::default(), SafeText::default());
        let clear = Intent::new(&CLEAR_COUNTERS, WriteCommand::ClearCounters { all: true }, 0, vec![target]);
        let typed = |text: &str| Guard::default().authorise(clear.clone(), &Consent::Typed(text.into()), &watch);
        assert_eq!(typed("yes"), Err(Refusal::NotConfirmed));
        assert!(typed("clear").is_ok_and(|authorised| authorised.scene().pid == 100));
    }

    #[test]
    fn what_is_confirmed_as_its_danger_asks_is_let_through() {
        let watch = watch(&mut SampleMaker::default(), &site());
        let guard = Guard::default();
        let maint = intent(&watch, &MAINT, "w1");
        assert_eq!(guard.check(&maint, &watch), Ok(Danger::High));
        assert_eq!(guard.authorise(maint.clone(), &Consent::Yes, &watch).unwrap().get(), &maint);
        let last = intent(&watch, &MAINT, "api1");
        assert_eq!(guard.authorise(last.clone(), &Consent::Yes, &watch), Err(Refusal::NotConfirmed));
        assert_eq!(guard.authorise(last.clone(), &Consent::Typed("api".into()), &watch), Err(Refusal::NotConfirmed));
        assert!(guard.authorise(last, &Consent::Typed("api1".into()), &watch).is_ok());
    }

    #[test]
    fn read_only_and_low_levels_let_nothing_through() {
        let mut maker = SampleMaker::default();
        let admin = watch(&mut maker, &site());
        let ready = intent(&admin, &READY, "api3");
        let refused = Guard { read_only: true }.authorise(ready.clone(), &Consent::Yes, &admin);
        assert_eq!(refused, Err(Refusal::ReadOnly("enable")));
        for level in [Level::User, Level::Operator] {
            maker.level = Some(level);
            let refused = Guard::default().authorise(ready.clone(), &Consent::Yes, &watch(&mut maker, &site()));
            assert_eq!(refused, Err(Refusal::Level { title: "enable", has: level, needs: Level::Admin }));
        }
        maker.level = None;
        assert_eq!(Guard::default().allows(&READY, &watch(&mut maker, &site())), Err(Refusal::LevelUnknown));
    }

    #[test]
    fn old_data_gone_and_changed_servers_are_refused() {
        let mut maker = SampleMaker::default();
        let mut watch = watch(&mut maker, &site());
        let maint = intent(&watch, &MAINT, "w1");
        watch.take(maker.at_millis(1000, &site().replace("4000,UP,", "4000,UP 1/3,")), 0);
        assert_eq!(Guard::default().check(&maint, &watch), Ok(Danger::High), "a check that failed is no other state");
        watch.take(maker.at_millis(2000, &site().replace("4000,UP,", "4000,DOWN,")), 0);
        assert!(matches!(Guard::default().check(&maint, &watch), Err(Refusal::Changed { .. })));
        watch.take(maker.at_millis(3000, &site().replace(",w1,", ",w9,")), 0);
        assert!(matches!(Guard::default().check(&maint, &watch), Err(Refusal::Gone(_))));
        let failure = Failure { why: "gone".into(), hint: None, is_denied: false, retry_at: Duration::ZERO };
        watch.fail(failure, at(4000));
        assert_eq!(Guard::default().check(&maint, &watch), Err(Refusal::NoLink));
    }

    #[test]
    fn namesakes_and_names_that_are_commands_are_refused() {
        let twice = watch(&mut SampleMaker::default(), "# pxname,svname,type,status,\nb,s,2,UP,\nb,s,2,UP,\n");
        let refused = Guard::default().check(&intent(&twice, &MAINT, "s"), &twice);
        assert_eq!(refused, Err(Refusal::Ambiguous("b/s".into())));
        let evil = watch(&mut SampleMaker::default(), "# pxname,svname,type,status,\nb,s;x,2,UP,\n");
        assert!(matches!(Guard::default().check(&intent(&evil, &MAINT, "s;x"), &evil), Err(Refusal::BadName(_))));
    }

    #[test]
    fn a_tracked_server_is_left_alone_on_1_8() {
        let stat = "# pxname,svname,type,status,tracked,\nb,s,2,UP,,\nc,t,2,UP,b/s,\n";
        let modern = watch(&mut SampleMaker::default(), stat);
        assert!(Guard::default().check(&intent(&modern, &MAINT, "s"), &modern).is_ok());
        let mut maker = SampleMaker::default();
        maker.version = "1.8.30";
        let old = watch(&mut maker, stat);
        assert!(matches!(Guard::default().check(&intent(&old, &MAINT, "s"), &old), Err(Refusal::Deadly(_))));
        assert!(Guard::default().check(&intent(&old, &MAINT, "t"), &old).is_ok());
    }
}
