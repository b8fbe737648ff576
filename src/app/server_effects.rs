//! Effects of commands on servers in HAProxy, as described before the confirmation.
//!
//! The descriptions state what HAProxy 2.6 to 3.0 was observed to do. A server that leaves maintenance takes traffic at
//! once, whatever its last health check found, until a check fails; HAProxy 3.1 and newer can start it as DOWN with
//! `init-state`. A server that leaves drain keeps the state that its checks found. With `slowstart`, it takes a growing
//! share; HAProxy does not report whether `slowstart` is configured.

use crate::actions::intent::IntentStep;
use crate::actions::last_checks::{LastCheck, LastChecks};
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::stat_table::StatRow;
use crate::haproxy::status::RowState;
use crate::haproxy::version::Version;
use crate::haproxy::write_command::{ForcedHealth, TargetState, TargetWeight, WriteCommand};
use crate::observe::row_ids::RowId;
use crate::observe::sample::Sample;
use crate::observe::state_cause;
use crate::units::{duration_words, pluralize};

/// Clients that a server without new traffic still gets.
const BOUND_CLIENTS: &str = "clients bound by a cookie or stick table";

/// Maximum number of servers named in one description.
const MAX_NAMES: usize = 3;

/// First words of the effects that have the server as their subject.
const VERBS: [&str; 4] = ["takes ", "stays ", "follows ", "leaves "];

/// The first version with `init-state`.
const INIT_STATE_VERSION: Version = Version::new(3, 1);

/// A server before a command.
struct ServerBefore<'a> {
    sample: &'a Sample,
    step: &'a IntentStep,
    row: &'a StatRow,
    last_check: LastCheck,
}

/// Describes the effect of the commands on their servers; servers with the same effect are described together.
pub(crate) fn describe_effects(steps: &[IntentStep], sample: &Sample, last_checks: &LastChecks) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for step in steps {
        let Some(server) = ServerBefore::find(step, sample, last_checks) else { continue };
        let (name, effect) = (step.target_name(), server.effect());
        match groups.iter_mut().find(|(known, _)| *known == effect) {
            Some((_, names)) => names.push(name),
            None => groups.push((effect, vec![name])),
        }
    }
    let described = |(effect, names): &(String, Vec<String>)| {
        let each = if names.len() > 1 && VERBS.iter().any(|verb| effect.starts_with(verb)) { "each " } else { "" };
        let names = if groups.len() > 1 { format!("{}: ", list_names(names)) } else { String::new() };
        format!("{names}{each}{effect}")
    };
    let all: Vec<String> = groups.iter().filter(|(effect, _)| !effect.is_empty()).map(described).collect();
    all.join("; ")
}

/// Returns the servers that the commands make usable, as far as is known. Their health checks may fail later.
pub(crate) fn newly_usable(steps: &[IntentStep], sample: &Sample, last_checks: &LastChecks) -> Vec<RowId> {
    let servers = steps.iter().filter_map(|step| ServerBefore::find(step, sample, last_checks));
    servers.filter(ServerBefore::becomes_usable).map(|server| server.step.target.id).collect()
}

/// Returns the warnings about the effect of a command on its server.
pub(crate) fn effect_warnings(step: &IntentStep, sample: &Sample, last_checks: &LastChecks) -> Vec<String> {
    ServerBefore::find(step, sample, last_checks).map_or_else(Vec::new, |server| server.warnings())
}

/// Lists names, at most the first three: `be/s1, be/s2, be/s3 and 4 more`.
pub(crate) fn list_names(names: &[String]) -> String {
    let shown = names.get(..MAX_NAMES).unwrap_or(names).join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl<'a> ServerBefore<'a> {
    fn find(step: &'a IntentStep, sample: &'a Sample, last_checks: &LastChecks) -> Option<Self> {
        let row = sample.row(step.target.id)?;
        Some(Self { sample, step, row, last_check: last_checks.last_check(sample, step.target.id) })
    }

    fn effect(&self) -> String {
        match self.step.command {
            WriteCommand::State(TargetState::Ready) => self.effect_of_enable(),
            WriteCommand::State(TargetState::Drain) if self.is_in_own_maint() => {
                format!("leaves maintenance: health checks resume, and {BOUND_CLIENTS} reach it")
            }
            WriteCommand::State(TargetState::Drain) => format!("open sessions and {BOUND_CLIENTS} continue"),
            WriteCommand::Weight(weight) => self.effect_of_weight(weight),
            WriteCommand::State(TargetState::Maint) => {
                "open sessions continue (unless on-marked-down shutdown-sessions is set)".to_owned()
            }
            WriteCommand::Health(health) => self.effect_of_health(health),
            WriteCommand::Agent(false) => "DOWN until its agent reports it up".to_owned(),
            WriteCommand::Agent(true) if self.row.state() == RowState::Maint => self.no_effect_in_maint(),
            WriteCommand::Agent(true) => match self.last_check {
                LastCheck::Failed(..) => {
                    "the agent counts as up until its next report; the health check fails".to_owned()
                }
                _ => "UP until its agent reports it down".to_owned(),
            },
            WriteCommand::Checks(true) if self.row.state() == RowState::Maint => {
                "health checks resume when it leaves maintenance".to_owned()
            }
            WriteCommand::Checks(true) => "health checks resume, and may find the server down".to_owned(),
            WriteCommand::AgentChecks(true) => {
                "agent checks resume: the agent's replies may change its state and weight".to_owned()
            }
            WriteCommand::ServerMaxconn(0) => "no session limit for this server".to_owned(),
            WriteCommand::ShutdownSessions if self.row.state().is_usable() => {
                "the clients of these sessions are disconnected, and new sessions keep coming: drain it first"
                    .to_owned()
            }
            WriteCommand::ShutdownSessions => "the clients of these sessions are disconnected".to_owned(),
            _ => String::new(),
        }
    }

    /// Describes the effect of a new weight: `weight 10 → 5`.
    fn effect_of_weight(&self, weight: TargetWeight) -> String {
        let new = weight.resolve(self.sample.configured_weight(self.step.target.id));
        let change = match (self.weight(), new) {
            (Some(old), Some(new)) if old == new => format!("weight stays {new}"),
            (Some(old), Some(new)) => format!("weight {old} → {new}"),
            _ => String::new(),
        };
        let is_zero = matches!(weight, TargetWeight::Absolute(0) | TargetWeight::Percent(0));
        let effect = if is_zero { format!("open sessions and {BOUND_CLIENTS} continue") } else { String::new() };
        let texts: Vec<String> = [change, effect].into_iter().filter(|text| !text.is_empty()).collect();
        texts.join(": ")
    }

    /// Returns whether the command makes a server usable that is not. A health check may find it down later.
    fn becomes_usable(&self) -> bool {
        match self.step.command {
            WriteCommand::Weight(TargetWeight::Absolute(1..) | TargetWeight::Percent(1..)) => {
                self.row.state() == RowState::Drain && self.weight() == Some(0)
            }
            WriteCommand::State(TargetState::Ready) => {
                let is_down = || self.number(Field::AgentHealth) == Some(0);
                let tracked =
                    self.row.text(TextField::Tracked).map(|_| state_cause::tracked_row(self.sample, self.row));
                match (self.row.state(), tracked) {
                    (RowState::Drain, Some(Some(row))) if row.state() == RowState::Drain => false,
                    (RowState::Maint, _) if self.row.status().contains('(') => false,
                    (RowState::Maint | RowState::Drain, Some(row)) => row.is_some_and(|row| row.state().is_usable()),
                    (RowState::Maint, None) => !is_down(),
                    (RowState::Drain, None) => true,
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Describes the effect of `state ready`.
    fn effect_of_enable(&self) -> String {
        let status = self.row.status();
        if let Some(tracked) = self.row.text(TextField::Tracked) {
            let tracked_row = state_cause::tracked_row(self.sample, self.row);
            let follows = tracked_row.is_some_and(|tracked| tracked.state() == self.row.state());
            return match self.row.state() {
                RowState::Maint if status.contains('(') => format!("stays {status}: it follows {tracked}"),
                RowState::Drain if follows => format!("stays {status}: it follows {tracked}"),
                RowState::Maint | RowState::Drain => {
                    let now = tracked_row.map_or(String::new(), |row| format!(", which is {}", row.status()));
                    format!("follows {tracked} again{now}{}", self.traffic_limits())
                }
                _ => format!("no change: it follows {tracked}"),
            };
        }
        let is_agent_down = self.number(Field::AgentHealth) == Some(0);
        match self.row.state() {
            RowState::Maint if status.contains('(') => format!("stays {status}: its name has no address in DNS"),
            RowState::Maint | RowState::Down | RowState::ComingUp if is_agent_down => {
                let explanation = state_cause::agent_explanation(self.row);
                let explanation = if explanation.is_empty() { explanation } else { format!(" (\"{explanation}\")") };
                format!("DOWN until its agent reports it up{explanation}")
            }
            RowState::Maint if self.last_check == LastCheck::Off => {
                format!("takes traffic at once{}; no health check runs", self.traffic_limits())
            }
            RowState::Maint => {
                let has_init_state = self.sample.info.version().is_some_and(|version| version >= INIT_STATE_VERSION);
                let exception = if has_init_state { " (after a passed check if init-state is down)" } else { "" };
                format!("takes traffic at once{exception}{}; goes DOWN if its checks fail", self.traffic_limits())
            }
            RowState::Drain => format!("takes new sessions at once{}", self.traffic_limits()),
            RowState::Down | RowState::ComingUp => match &self.last_check {
                LastCheck::Off => "stays DOWN until its health is set to up".to_owned(),
                LastCheck::Failed(text, _) => {
                    format!("stays DOWN until {} in a row; the last one failed: {text}", self.checks_to_pass())
                }
                _ => format!("stays DOWN until {} in a row", self.checks_to_pass()),
            },
            RowState::NoLb => format!("stays NOLB {}", self.until_check_passes()),
            RowState::Up | RowState::GoingDown | RowState::NoCheck => {
                "not in maintenance or drain: no change".to_owned()
            }
            _ => String::new(),
        }
    }

    /// Describes the effect of `health up`, `stopping` or `down`.
    fn effect_of_health(&self, health: ForcedHealth) -> String {
        if self.row.state() == RowState::Maint {
            return self.no_effect_in_maint();
        }
        let is_checked = self.last_check != LastCheck::Off;
        match health {
            ForcedHealth::Up if !is_checked => "UP until its health is set again: no health check runs".to_owned(),
            ForcedHealth::Up => match self.number(Field::CheckFall) {
                Some(1) | None => "UP until a health check fails".to_owned(),
                Some(fall) => format!("UP until {fall} health checks fail in a row"),
            },
            ForcedHealth::Stopping => {
                format!("NOLB {}; open sessions and {BOUND_CLIENTS} continue", self.until_check_passes())
            }
            ForcedHealth::Down if !is_checked => "DOWN until its health is set to up: no health check runs".to_owned(),
            ForcedHealth::Down => match self.number(Field::CheckRise) {
                Some(1) | None => "DOWN until a health check passes".to_owned(),
                Some(rise) => format!("DOWN until {rise} health checks pass in a row"),
            },
        }
    }

    fn warnings(&self) -> Vec<String> {
        let name = self.step.target_name();
        let tracked = self.row.text(TextField::Tracked);
        let mut warnings = Vec::new();
        match (self.step.command, &self.last_check) {
            (WriteCommand::State(TargetState::Ready), LastCheck::Failed(text, age))
                if tracked.is_none() && self.is_in_own_maint() && self.number(Field::AgentHealth) != Some(0) =>
            {
                let text = if text.is_empty() { String::new() } else { format!(": {text}") };
                let age = age.map_or(String::new(), |age| format!(", {} ago", duration_words(age)));
                warnings.push(format!("the last health check of {name} failed{text}{age}"));
            }
            (WriteCommand::Health(_), _) => warnings.extend(
                tracked.map(|tracked| format!("{name} tracks {tracked}: HAProxy does not accept this command")),
            ),
            (WriteCommand::AgentChecks(false), check) => warnings.push(match check {
                _ if !state_cause::is_down_by_agent(self.row) => {
                    format!("{name} keeps its current state: the agent's reports are ignored")
                }
                LastCheck::Off => format!("{name} stays DOWN, because no health check can bring it back"),
                _ => format!("{name} returns with the next health check that passes"),
            }),
            _ => {}
        }
        let can_be_overridden =
            matches!(self.step.command, WriteCommand::State(_) | WriteCommand::Weight(_) | WriteCommand::Health(_));
        if can_be_overridden && state_cause::has_agent(self.row) {
            warnings.push(format!("{name} has an agent check: the agent's next reply can override this"));
        }
        warnings
    }

    /// Returns what limits the traffic of a server that is usable.
    fn traffic_limits(&self) -> &'static str {
        match (self.number(Field::Weight), self.number(Field::Bck)) {
            (Some(0), _) => ", but only of clients bound by a cookie or stick table (its weight is 0)",
            (_, Some(1)) => " as a backup (only if no active server is usable)",
            _ => "",
        }
    }

    fn no_effect_in_maint(&self) -> String {
        format!("no effect while it is {}", self.row.status())
    }

    fn until_check_passes(&self) -> &'static str {
        if self.last_check == LastCheck::Off { "until its health is set to up" } else { "until a health check passes" }
    }

    /// Returns the number of checks that must pass until a server that is down is up: `2 health checks pass`.
    fn checks_to_pass(&self) -> String {
        let missing = self.number(Field::CheckRise).unwrap_or(1) - self.number(Field::CheckHealth).unwrap_or(0);
        let missing = missing.max(1);
        format!("{} {}", pluralize(missing, "health check"), if missing == 1 { "passes" } else { "pass" })
    }

    /// Returns whether the server itself was put into maintenance.
    fn is_in_own_maint(&self) -> bool {
        self.row.state() == RowState::Maint && !self.row.status().contains('(')
    }

    /// Returns the weight that is set, without `slowstart`.
    fn weight(&self) -> Option<i64> {
        self.number(Field::Uweight).or_else(|| self.number(Field::Weight))
    }

    fn number(&self, field: Field) -> Option<i64> {
        self.sample.number(self.step.target.id, field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::{self, Action};
    use crate::actions::intent::ActionTarget;
    use crate::observe::test_samples::SampleBuilder;

    const HEADER: &str = "# pxname,svname,status,weight,act,bck,check_status,last_chk,check_rise,check_fall,\
        check_health,agent_status,last_agt,agent_health,tracked,type,\n";

    fn sample(version: &'static str, lines: &str) -> std::sync::Arc<Sample> {
        let mut builder = SampleBuilder::default();
        builder.version = version;
        builder.build_at_millis(0, &format!("{HEADER}{lines}"))
    }

    fn steps(action: &'static Action, command: WriteCommand, sample: &Sample, count: usize) -> Vec<IntentStep> {
        let target = |index: usize| {
            let row = &sample.table.rows()[index];
            let target = ActionTarget::without_row(row.proxy.clone(), row.name.clone());
            ActionTarget { id: sample.rows.ids()[index], ..target }
        };
        (0..count).map(|index| IntentStep { action, command, target: target(index) }).collect()
    }

    fn effect(command: WriteCommand, lines: &str) -> String {
        let sample = sample("2.6.12", lines);
        describe_effects(&steps(&action_table::READY, command, &sample, 1), &sample, &LastChecks::default())
    }

    fn enable(lines: &str) -> String {
        effect(WriteCommand::State(TargetState::Ready), lines)
    }

    #[test]
    fn enable_describes_each_state() {
        assert_eq!(enable("b,s,MAINT,1,1,0,,,,,,,,,,2,\n"), "takes traffic at once; goes DOWN if its checks fail");
        assert_eq!(
            enable("b,s,MAINT,0,1,0,,,,,,,,,,2,\n"),
            "takes traffic at once, but only of clients bound by a cookie or stick table (its weight is 0); \
             goes DOWN if its checks fail"
        );
        assert_eq!(
            enable("b,s,DRAIN,1,0,1,L4OK,,2,3,4,,,,,2,\n"),
            "takes new sessions at once as a backup (only if no active server is usable)"
        );
        assert_eq!(
            enable("b,s,DOWN,1,1,0,L4CON,refused,2,3,0,,,,,2,\n"),
            "stays DOWN until 2 health checks pass in a row; the last one failed: L4CON refused"
        );
        assert_eq!(
            enable("b,s,DOWN 1/2,1,1,0,L4OK,,2,3,1,,,,,2,\n"),
            "stays DOWN until 1 health check passes in a row"
        );
        assert_eq!(enable("b,s,NOLB,1,1,0,L7OKC,,2,3,4,,,,,2,\n"), "stays NOLB until a health check passes");
        assert_eq!(enable("b,s,UP,1,1,0,L4OK,,2,3,4,,,,,2,\n"), "not in maintenance or drain: no change");
        assert_eq!(
            enable("b,s,MAINT (resolution),1,1,0,,,,,,,,,,2,\n"),
            "stays MAINT (resolution): its name has no address in DNS"
        );
        assert_eq!(
            enable("b,s,MAINT,1,1,0,,,,,,L7STS,via agent : down (deploy until 5),0,,2,\n"),
            "DOWN until its agent reports it up (\"deploy until 5\")"
        );
    }

    #[test]
    fn enable_of_tracking_server_follows_tracked_one() {
        let tracking = |status: &str, tracked: &str| {
            enable(&format!(
                "b,s,{status},1,1,0,,,,,,,,,c/t,2,\nc,t,{tracked},1,1,0,L4OK,,2,3,4,,,,,2,\nc,BACKEND,UP,1,1,0,,,,,,,,,,1,\n"
            ))
        };
        assert_eq!(tracking("MAINT (via c/t)", "MAINT"), "stays MAINT (via c/t): it follows c/t");
        assert_eq!(tracking("DRAIN", "DRAIN"), "stays DRAIN: it follows c/t");
        assert_eq!(tracking("MAINT", "DOWN"), "follows c/t again, which is DOWN");
        assert_eq!(tracking("UP", "UP"), "no change: it follows c/t");
    }

    #[test]
    fn enable_groups_servers_and_mentions_init_state() {
        let sample = sample(
            "3.2.0",
            "b,s1,MAINT,1,1,0,,,,,,,,,,2,\nb,s2,MAINT,1,1,0,,,,,,,,,,2,\nb,s3,UP,1,1,0,L4OK,,2,3,4,,,,,2,\n",
        );
        let steps = steps(&action_table::READY, WriteCommand::State(TargetState::Ready), &sample, 3);
        assert_eq!(
            describe_effects(&steps, &sample, &LastChecks::default()),
            "b/s1, b/s2: each takes traffic at once (after a passed check if init-state is down); \
             goes DOWN if its checks fail; b/s3: not in maintenance or drain: no change"
        );
        let names: Vec<String> = (1..=5).map(|number| format!("s{number}")).collect();
        assert_eq!(list_names(&names), "s1, s2, s3 and 2 more");
    }

    #[test]
    fn newly_usable_omits_servers_that_stay_out_of_service() {
        let lines = "b,s1,MAINT,1,1,0,,,,,,,,,,2,\nb,s2,DRAIN,1,1,0,L4OK,,2,3,4,,,,,2,\n\
            b,s3,MAINT (resolution),1,1,0,,,,,,,,,,2,\nb,s4,MAINT,1,1,0,,,,,,L7STS,,0,,2,\n\
            b,s5,MAINT (via b/s1),1,1,0,,,,,,,,,b/s1,2,\nb,s6,DOWN,1,1,0,L4CON,,2,3,0,,,,,2,\n\
            b,s7,DRAIN,0,1,0,L4OK,,2,3,4,,,,,2,\n";
        let sample = sample("2.6.12", lines);
        let usable = |command| {
            let steps = steps(&action_table::READY, command, &sample, 7);
            let ids = newly_usable(&steps, &sample, &LastChecks::default()).into_iter();
            let indexes: Vec<usize> = ids.map(|id| sample.rows.index_of(id).unwrap() + 1).collect();
            indexes
        };
        assert_eq!(usable(WriteCommand::State(TargetState::Ready)), [1, 2, 7]);
        assert_eq!(usable(WriteCommand::Weight(TargetWeight::Absolute(9))), [7]);
        assert_eq!(usable(WriteCommand::State(TargetState::Maint)), [0; 0]);
    }

    #[test]
    fn forced_health_lasts_until_checks_disagree() {
        let health = |health, lines: &str| effect(WriteCommand::Health(health), lines);
        let checked = "b,s,DOWN,1,1,0,L4CON,refused,2,3,0,,,,,2,\n";
        assert_eq!(health(ForcedHealth::Up, checked), "UP until 3 health checks fail in a row");
        assert_eq!(health(ForcedHealth::Down, checked), "DOWN until 2 health checks pass in a row");
        let unchecked = "b,s,no check,1,1,0,,,,,,,,,,2,\n";
        assert_eq!(health(ForcedHealth::Down, unchecked), "DOWN until its health is set to up: no health check runs");
        assert_eq!(
            health(ForcedHealth::Stopping, unchecked),
            "NOLB until its health is set to up; open sessions and clients bound by a cookie or stick table continue"
        );
        assert_eq!(health(ForcedHealth::Up, "b,s,MAINT,1,1,0,,,,,,,,,,2,\n"), "no effect while it is MAINT");
    }

    #[test]
    fn warnings_name_agent_tracking_and_failed_check() {
        let warnings = |command, lines: &str| {
            let sample = sample("2.6.12", lines);
            effect_warnings(&steps(&action_table::READY, command, &sample, 1)[0], &sample, &LastChecks::default())
        };
        let agent = "b,s,DOWN (agent),1,1,0,L4OK,,2,3,4,L7STS,via agent : down,0,,2,\n";
        assert_eq!(
            warnings(WriteCommand::State(TargetState::Drain), agent),
            ["b/s has an agent check: the agent's next reply can override this"]
        );
        assert_eq!(
            warnings(WriteCommand::AgentChecks(false), agent),
            ["b/s returns with the next health check that passes"]
        );
        assert_eq!(
            warnings(WriteCommand::Health(ForcedHealth::Up), "b,s,UP,1,1,0,,,,,,,,,c/t,2,\n"),
            ["b/s tracks c/t: HAProxy does not accept this command"]
        );
    }
}
