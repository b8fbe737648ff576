//! Tests of the state of an instance after samples, poll failures and action reports.

use std::time::Duration;

use crate::actions::action_table::MAINT;
use crate::actions::intent::Intent;
use crate::actions::outcome::{ActionReport, Outcome, StepResult, StepStage};
use crate::actions::readback::Readback;
use crate::haproxy::write_command::{TargetState, WriteCommand};
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind};
use crate::observe::instance_id::InstanceId;
use crate::observe::link::{Link, PollFailure};
use crate::observe::test_samples::{SampleBuilder, stat_of_site, timestamp_at};

fn event_lines(instance: &Instance) -> Vec<String> {
    let is_not_problem = |event: &&Event| !matches!(event.kind, EventKind::Cause { .. });
    instance.events().newest_first().filter(is_not_problem).map(event_line).collect()
}

fn event_line(event: &Event) -> String {
    format!("{} {}", event.name, event.kind).trim().to_owned()
}

fn failure(why: &str) -> PollFailure {
    PollFailure { reason: why.into(), hint: None, is_denied: false, retry_at: Duration::ZERO }
}

#[test]
fn add_sample_reports_changes_as_events() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    instance.add_sample(builder.build_at_millis(0, &stat_of_site()), 0);
    instance.add_sample(builder.build_at_millis(2000, &stat_of_site()), 0);
    assert!(instance.events().is_empty());
    let down = stat_of_site().replace(
        "4000,UP,100,1,0,2,30,20,55,12,0,0,0,4500,L7OK,,",
        "4000,DOWN,100,1,0,2,0,20,55,12,0,0,0,4500,L4CON,refused,",
    );
    instance.add_sample(builder.build_at_millis(4000, &down), 0);
    assert_eq!(event_lines(&instance), ["www/w1 UP → DOWN  L4CON refused"]);
    instance.add_sample(builder.build_at_millis(6000, &down.replace("UP,100,1,0,2,60", "UP,50,1,0,2,60")), 0);
    assert_eq!(event_lines(&instance)[0], "api/api1 weight 100 → 50");
}

#[test]
fn add_sample_attributes_own_changes() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    let sample = builder.build_at_millis(0, &stat_of_site());
    let id = sample.rows.ids()[1];
    instance.add_sample(sample, 0);
    let target = instance.target(id).unwrap();
    let intent = Intent::new(&MAINT, WriteCommand::State(TargetState::Maint), InstanceId::FIRST, vec![target]);
    let (step, command) = (intent.steps[0].clone(), intent.commands()[0].clone());
    let done = StepResult {
        after: Some(Readback { status: "MAINT".into(), ..Readback::default() }),
        ..StepResult::new(step, command, Outcome::Verified("MAINT, 3 sessions left".into()))
    };
    instance.record_report(&ActionReport { intent, results: vec![done] }, timestamp_at(100));
    assert_eq!(instance.last_status(id), Some("MAINT".into()), "from the readback, before a sample shows it");
    assert_eq!(instance.action_stage(id, Duration::from_secs(1)), Some(StepStage::Succeeded));
    instance.add_sample(builder.build_at_millis(2000, &stat_of_site().replacen("4000,UP,", "4000,MAINT,", 1)), 0);
    assert_eq!(
        event_lines(&instance),
        ["www/w1 UP → MAINT  by us", "set server www/w1 state maint: verified, MAINT, 3 sessions left"]
    );
    instance.add_sample(builder.build_at_millis(60_000, &stat_of_site()), 0);
    assert_eq!(event_lines(&instance)[0], "www/w1 MAINT → UP  not by us  L7OK", "a later change by another operator");
}

#[test]
fn v9_add_sample_distinguishes_reload_from_restart() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    instance.add_sample(builder.build_at_millis(0, &stat_of_site()), 0);
    builder.reload();
    instance.add_sample(builder.build_at_millis(2000, &stat_of_site().replace(",9000,5000,8000,", ",3,20,90,")), 0);
    assert_eq!(event_lines(&instance), ["reloaded: pid 100 → 101; counters were reset"]);
    instance.record_failure(failure("connection refused"), timestamp_at(4000));
    instance.record_failure(failure("connection refused"), timestamp_at(5000));
    assert!(matches!(instance.link(), Link::Lost { since, .. } if *since == Duration::from_secs(2)));
    builder.reload();
    instance.add_sample(builder.build_at_millis(12_000, &stat_of_site()), 0);
    assert!(instance.link().is_up());
    assert_eq!(
        event_lines(&instance)[..3],
        ["restarted: pid 101 → 102", "link restored after 10 s", "link lost: connection refused"],
        "the counters went on"
    );
}

#[test]
fn v12_add_sample_names_added_and_removed_rows() {
    let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
    instance.add_sample(builder.build_at_millis(0, &stat_of_site()), 0);
    let fewer = stat_of_site().split_inclusive('\n').filter(|line| !line.starts_with("legacy")).collect::<String>();
    instance.add_sample(builder.build_at_millis(2000, &fewer), 3);
    instance.add_sample(builder.build_at_millis(4000, &stat_of_site()), 0);
    assert_eq!(event_lines(&instance), ["new: legacy/old1, backend legacy", "gone: legacy/old1, backend legacy"]);
    assert_eq!(instance.poll_stats().dropped(), 3);
    let more: Vec<String> = (1..=5).map(|number| format!("legacy,n{number},0,0,20,0,0,0,UP,1,1,0,2,\n")).collect();
    instance.add_sample(builder.build_at_millis(6000, &(stat_of_site() + &more.concat())), 0);
    assert_eq!(event_lines(&instance)[0], "new: legacy/n1, legacy/n2, legacy/n3 and 2 more");
}
