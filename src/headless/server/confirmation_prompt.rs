//! Confirmation of an action on a plain terminal: the exact commands, the current state, the remaining capacity and
//! warnings, with the same facts as in the dashboard. [`crate::headless::server::terminal_question`] asks.

use crate::actions::action_table::Danger;
use crate::actions::impact::BackendImpact;
use crate::actions::intent::{Intent, IntentStep};
use crate::actions::last_checks::LastChecks;
use crate::app::confirmation_texts::{ActionFacts, collect_facts};
use crate::app::server_effects;
use crate::headless::server::terminal_question::TerminalQuestion;
use crate::instance::guard::name_to_type;
use crate::observe::sample::Sample;

/// Actions to confirm together: one that is sent immediately, and one that is sent after draining.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ActionPlan {
    /// Action sent immediately.
    pub(crate) first: Option<Intent>,
    /// Action sent after the servers are empty.
    pub(crate) then: Option<Intent>,
    /// Last health check results of the servers in maintenance.
    pub(crate) last_checks: LastChecks,
}

impl ActionPlan {
    /// Returns the actions that send at least one command.
    pub(crate) fn intents(&self) -> impl Iterator<Item = &Intent> {
        self.first.iter().chain(&self.then)
    }

    /// Returns the facts of the first action, with the warnings of both actions and without duplicates.
    fn merged_facts(&self, sample: &Sample) -> ActionFacts {
        let mut all =
            self.intents().filter_map(|intent| collect_facts(intent, sample, &self.last_checks, sample.at.monotonic));
        let Some(mut facts) = all.next() else { return ActionFacts::default() };
        for warning in all.flat_map(|more| more.warnings) {
            if !facts.warnings.contains(&warning) {
                facts.warnings.push(warning);
            }
        }
        facts
    }

    /// Returns the warnings of both actions.
    pub(crate) fn warnings(&self, sample: &Sample) -> Vec<String> {
        self.merged_facts(sample).warnings
    }

    /// Returns the reasons for the highest danger level, separated by semicolons.
    pub(crate) fn danger_reasons(&self, sample: &Sample) -> String {
        let is_wide = self.intents().any(|intent| intent.backends().len() > 1);
        let wide = is_wide.then(|| "servers of several backends at once".to_owned());
        wide.into_iter().chain(self.warnings(sample)).collect::<Vec<_>>().join("; ")
    }

    /// Returns the question, which `y` or, at the highest danger level, a typed name confirms.
    pub(crate) fn question(&self, sample: &Sample, danger: Danger) -> TerminalQuestion {
        let name = self.name_to_type().filter(|_| danger == Danger::Highest);
        TerminalQuestion::new(self.question_lines(sample), name)
    }

    /// Returns the impact of both actions together on each backend.
    pub(crate) fn impacts(&self, sample: &Sample) -> Vec<BackendImpact> {
        let steps: Vec<IntentStep> = self.intents().flat_map(|intent| intent.steps.iter().cloned()).collect();
        let enabled = server_effects::newly_usable(&steps, sample, &self.last_checks);
        BackendImpact::evaluate_with_enabled(sample, &steps, &enabled)
    }

    /// Returns the lines printed before the prompt.
    pub(crate) fn question_lines(&self, sample: &Sample) -> Vec<String> {
        let commands = |intent: &Option<Intent>| intent.as_ref().map(Intent::commands).unwrap_or_default();
        let ActionFacts { current_state: now, expected_state: after, warnings } = self.merged_facts(sample);
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

    /// Returns the name to type for the action with the most servers, or `None` if there is no action.
    pub(crate) fn name_to_type(&self) -> Option<String> {
        self.intents().max_by_key(|intent| intent.steps.len()).map(name_to_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::action_table::for_admin_state;
    use crate::actions::intent::ActionTarget;
    use crate::haproxy::write_command::{TargetState, WriteCommand};
    use crate::observe::instance_id::InstanceId;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    fn plan(names: &[&str], then: bool) -> (ActionPlan, std::sync::Arc<Sample>) {
        let sample = SampleBuilder::default().build_at_millis(0, &stat_of_site());
        let intent = |admin: TargetState| {
            let target = |name: &&str| {
                let place =
                    (0..sample.table.rows().len()).find(|place| sample.table.rows()[*place].name.as_str() == *name);
                ActionTarget::from_row(&sample, sample.rows.ids()[place.unwrap()]).unwrap()
            };
            let targets = names.iter().map(target).collect();
            Intent::new(for_admin_state(admin), WriteCommand::State(admin), InstanceId::FIRST, targets)
        };
        let then = then.then(|| intent(TargetState::Maint));
        (ActionPlan { first: Some(intent(TargetState::Drain)), then, last_checks: LastChecks::default() }, sample)
    }

    #[test]
    fn question_lines_show_commands_and_remaining_capacity() {
        let (plan, sample) = plan(&["w1"], true);
        assert_eq!(
            plan.question_lines(&sample),
            [
                "  set server www/w1 state drain",
                "  once empty: set server www/w1 state maint",
                "  now    UP, 400 sessions, 0 queued, weight 100",
                "  after  1 of 2 servers usable, 50 % of the current weight, w2 would carry about 812 sessions; \
                 open sessions and clients bound by a cookie or stick table continue",
            ]
        );
    }

    #[test]
    fn question_asks_for_name_at_highest_danger() {
        let (plan, sample) = plan(&["w1"], false);
        let question = plan.question(&sample, Danger::High);
        assert_eq!((question.prompt.as_str(), question.name), ("Continue? [y/N], no Enter: ", None));
        let question = plan.question(&sample, Danger::Highest);
        assert_eq!(
            (question.prompt.as_str(), question.name.as_deref()),
            ("type \"w1\", pause, then Enter: ", Some("w1"))
        );
    }

    #[test]
    fn danger_reasons_list_warnings() {
        let (last, sample) = plan(&["api1"], true);
        assert_eq!(
            last.danger_reasons(&sample),
            "api would have no usable server: requests get 503 or wait in the queue"
        );
        let (wide, sample) = plan(&["api2", "old1"], false);
        assert!(wide.danger_reasons(&sample).starts_with("servers of several backends at once; api1 of api would"));
        assert_eq!(wide.question(&sample, Danger::Highest).prompt, "type \"2 servers\", pause, then Enter: ");
    }
}
