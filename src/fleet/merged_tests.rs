//! Tests of all balancers as one.

use std::sync::Arc;

use crate::fleet::merged_causes;
use crate::fleet::merged_events::EventMerger;
use crate::fleet::merged_sample::{BalancerMerger, MergedBalancer, MergedView};
use crate::haproxy::fields::{Field, InfoField};
use crate::haproxy::status::RowState;
use crate::instance::source::StatsSocket;
use crate::instance::state::Instance;
use crate::observe::events::{Event, EventKind};
use crate::observe::instance_id::InstanceId;
use crate::observe::row_ids::RowId;
use crate::observe::test_samples::{SampleBuilder, stat_of_site};
use crate::problems::thresholds::Thresholds;

const HEAD: &str = "# pxname,svname,type,status,mode,addr,scur,slim,stot,rtime,req_tot,smax,weight,hrsp_2xx,\n";

/// Returns instances with samples at 0 s and 2 s.
fn instances(stats: &[[String; 2]]) -> Vec<Instance> {
    let of_stats = |(stats, id): (&[String; 2], InstanceId)| {
        let (mut instance, mut builder) =
            (Instance::new(id, StatsSocket::default(), 1 << 20), SampleBuilder::default());
        for (stat, millis) in stats.iter().zip([0, 2000]) {
            instance.add_sample(builder.build_at_millis(millis, &format!("{HEAD}{stat}")), 0);
        }
        instance
    };
    stats.iter().zip(InstanceId::first(stats.len())).map(of_stats).collect()
}

fn same(rows: &str) -> [String; 2] {
    [rows.to_owned(), rows.to_owned()]
}

fn balancers<'a>(instances: &'a [Instance], missing: &[usize]) -> Vec<MergedBalancer<'a>> {
    let balancer = |(place, instance): (usize, &'a Instance)| MergedBalancer {
        name: format!("lb{}", place + 1).into(),
        instance,
        is_current: !missing.contains(&place),
    };
    instances.iter().enumerate().map(balancer).collect()
}

fn merge(instances: &[Instance], missing: &[usize]) -> MergedView {
    BalancerMerger::default().merge(&balancers(instances, missing), None).unwrap()
}

/// Returns the rows as `proxy/name spread state`.
fn lines(view: &MergedView) -> Vec<String> {
    let sample = view.rates.newest().unwrap();
    let rows = sample.table.rows().iter().zip(sample.rows.ids());
    let line = |(row, id): (&crate::haproxy::stat_table::StatRow, &RowId)| {
        format!("{}/{} {} {}", row.proxy, row.name, view.rows.row(*id).unwrap().spread, row.status())
    };
    rows.map(line).collect()
}

fn row_named(view: &MergedView, proxy: &str, name: &str) -> (usize, RowId) {
    let sample = view.rates.newest().unwrap();
    let is_it = |row: &crate::haproxy::stat_table::StatRow| row.proxy.as_str() == proxy && row.name.as_str() == name;
    let index = sample.table.rows().iter().position(is_it).unwrap();
    (index, sample.rows.ids()[index])
}

#[test]
fn merge_sums_counters_rates_and_limits_and_weights_times() {
    let be = |stot: i64, rtime: i64, scur: i64| {
        format!(
            "be,s1,2,UP,http,10.0.0.1:80,{scur},50,{stot},{rtime},{stot},9,100,{stot},\n\
             be,BACKEND,1,UP,http,,{scur},200,{stot},{rtime},{stot},{scur},100,{stot},\n"
        )
    };
    let instances = instances(&[
        [be(1000, 100, 3), be(1020, 100, 3)],
        [be(5000, 400, 4), be(5060, 400, 4)],
        [be(10, 900, 0), be(10, 900, 0)],
    ]);
    let view = merge(&instances, &[]);
    assert_eq!(lines(&view), ["be/s1 3/3 UP", "be/BACKEND 3/3 UP"]);
    let (index, id) = row_named(&view, "be", "s1");
    let sample = view.rates.newest().unwrap();
    let number = |field| sample.table.number(index, field);
    assert_eq!([number(Field::Stot), number(Field::Scur), number(Field::Slim)], [Some(6090), Some(7), Some(150)]);
    assert_eq!([number(Field::Smax), number(Field::Weight)], [Some(9), Some(100)]);
    assert_eq!(number(Field::Rtime), Some(325), "10 requests per second of 100 ms, 30 of 400 ms, none of 900 ms");
    assert_eq!(view.rates.rate(id, Field::ReqTot), Some(40.0));
    assert_eq!(view.rates.growth(id, Field::ReqTot), Some((80, 2.0)));
    assert_eq!(view.rates.rate(id, Field::Wretr), None, "unknown everywhere");
    assert_eq!(sample.process_number(InfoField::Maxconn), Some(6000));
    assert_eq!((sample.rows.backends().len(), sample.rows.backends()[0].servers.len()), (1, 1));
}

#[test]
fn merge_counts_a_balancer_that_does_not_answer_without_its_numbers() {
    let row = "be,s1,2,UP,http,10.0.0.1:80,5,50,100,,100,9,100,,\nbe,BACKEND,1,UP,http,,5,50,100,,100,9,100,,\n";
    let instances = instances(&[same(row), same(row), same(&row.replace("UP", "MAINT"))]);
    let view = merge(&instances, &[1]);
    assert_eq!(view.rows.title(), "2 of 3 balancers");
    assert_eq!(lines(&view)[0], "be/s1 1 MAINT 1 UP 1 – MAINT");
    let sample = view.rates.newest().unwrap();
    assert_eq!(sample.table.number(0, Field::Scur), Some(10));
    let alone = merge(&instances, &[0, 2]);
    assert_eq!(lines(&alone)[0], "be/s1 1/3 UP");
    let none = merge(&instances, &[0, 1, 2]);
    assert_eq!(lines(&none)[0], "be/s1 0/3 ");
    let sample = none.rates.newest().unwrap();
    assert_eq!((sample.table.number(0, Field::Scur), sample.table.rows()[0].state()), (None, RowState::Unknown));
}

#[test]
fn merge_keeps_rows_apart_that_only_share_a_name() {
    let of_mode = |mode: &str| format!("x,FRONTEND,0,OPEN,{mode},,1,,1,,,1,,,\nx,BACKEND,1,UP,{mode},,1,,1,,,1,,,\n");
    let view = merge(&instances(&[same(&of_mode("http")), same(&of_mode("tcp")), same(&of_mode("http"))]), &[]);
    assert_eq!(
        lines(&view),
        ["x@lb1,lb3/FRONTEND 2/3 OPEN", "x@lb1,lb3/BACKEND 2/3 UP", "x@lb2/FRONTEND 1/3 OPEN", "x@lb2/BACKEND 1/3 UP"]
    );
    let with_server = |address: &str, second: &str| {
        format!(
            "be,s1,2,UP,http,{address},1,,1,,,1,,,\nbe,s2,2,UP,http,{second},1,,1,,,1,,,\nbe,BACKEND,1,UP,http,,1,,1,,,1,,,\n"
        )
    };
    // One server in common: the backend belongs together, the other server does not.
    let view = merge(
        &instances(&[
            same(&with_server("10.0.0.1:80", "10.0.0.2:80")),
            same(&with_server("10.0.0.1:80", "10.9.9.9:80")),
        ]),
        &[],
    );
    assert_eq!(lines(&view), ["be/s1 2/2 UP", "be/s2@lb1 1/2 UP", "be/BACKEND 2/2 UP", "be/s2@lb2 1/2 UP"]);
    // None: not even the backend.
    let view = merge(
        &instances(&[
            same(&with_server("10.0.0.1:80", "10.0.0.2:80")),
            same(&with_server("10.1.0.1:80", "10.1.0.2:80")),
        ]),
        &[],
    );
    assert_eq!(lines(&view)[..3], ["be@lb1/s1 1/2 UP", "be@lb1/s2 1/2 UP", "be@lb1/BACKEND 1/2 UP"]);
    let sample = view.rates.newest().unwrap();
    assert_eq!(sample.rows.backends().iter().map(|backend| backend.servers.len()).collect::<Vec<_>>(), [2, 2]);
    // An address that the level of a socket hides is unknown, not different.
    let view = merge(&instances(&[same(&with_server("10.0.0.1:80", "10.0.0.2:80")), same(&with_server("", ""))]), &[]);
    assert_eq!(lines(&view), ["be/s1 2/2 UP", "be/s2 2/2 UP", "be/BACKEND 2/2 UP"]);
}

#[test]
fn merge_keeps_ids_when_a_balancer_comes_back() {
    let row = "be,s1,2,UP,http,10.0.0.1:80,5,50,100,,100,9,100,,\nbe,BACKEND,1,UP,http,,5,50,100,,100,9,100,,\n";
    let instances = instances(&[same(row), same(row)]);
    let mut merger = BalancerMerger::default();
    let ids = |merger: &mut BalancerMerger, missing: &[usize]| {
        let view = merger.merge(&balancers(&instances, missing), None).unwrap();
        view.rates.newest().unwrap().rows.ids().to_vec()
    };
    let first = ids(&mut merger, &[]);
    assert_eq!(ids(&mut merger, &[1]), first);
    assert_eq!(ids(&mut merger, &[]), first);
}

#[test]
fn merge_problems_makes_one_cause_of_the_same_on_several_balancers() {
    let is_healthy = |line: &&str| !line.starts_with("api") && !line.starts_with("legacy");
    let healthy: String = stat_of_site().lines().filter(is_healthy).flat_map(|line| [line, "\n"]).collect();
    let stats = [stat_of_site(), stat_of_site(), healthy];
    let of_stat = |(stat, id): (&String, InstanceId)| {
        let (mut instance, mut builder) =
            (Instance::new(id, StatsSocket::default(), 1 << 20), SampleBuilder::default());
        for step in 0..10 {
            instance.add_sample(builder.build_at_millis(step * 2000, stat), 0);
        }
        instance
    };
    let instances: Vec<Instance> = stats.iter().zip(InstanceId::first(3)).map(of_stat).collect();
    let causes = |missing: &[usize]| {
        let balancers = balancers(&instances, missing);
        let view = BalancerMerger::default().merge(&balancers, None).unwrap();
        let sample = Arc::clone(view.rates.newest().unwrap());
        let tracker = merged_causes::merge_problems(&balancers, &view.rows, &sample, &Thresholds::default());
        let full = row_named(&view, "api", "api1").1;
        assert_eq!(tracker.cause_of(full).is_some(), missing.len() < 2, "the rows are those of all");
        tracker.causes().map(crate::problems::cause::Cause::line).collect::<Vec<String>>()
    };
    let found = causes(&[]);
    assert!(found.iter().any(|line| line.starts_with("CRIT backend legacy: on 2 of 3: ")), "{found:?}");
    assert!(found.iter().all(|line| line.contains(": on ")), "{found:?}");
    let found = causes(&[0]);
    assert!(found.iter().any(|line| line.starts_with("CRIT backend legacy: on lb2: ")), "{found:?}");
    assert_eq!(causes(&[0, 1]), [""; 0]);
}

#[test]
fn merge_events_orders_them_by_time_and_names_their_balancers() {
    let row = |status: &str| format!("{HEAD}be,s1,2,{status},http,10.0.0.1:80,5,50,100,,100,9,100,,\n");
    let of_times = |(changed_at, id): (u64, InstanceId)| {
        let (mut instance, mut builder) =
            (Instance::new(id, StatsSocket::default(), 1 << 20), SampleBuilder::default());
        for at in [0, changed_at, changed_at + 4000] {
            let status = if at == changed_at { "MAINT" } else { "UP" };
            instance.add_sample(builder.build_at_millis(at, &row(status)), 0);
        }
        instance
    };
    let mut instances: Vec<Instance> = [3000, 1000].into_iter().zip(InstanceId::first(2)).map(of_times).collect();
    let (mut merger, mut events) = (BalancerMerger::default(), EventMerger::default());
    let view = merger.merge(&balancers(&instances, &[]), None).unwrap();
    let ids = Arc::clone(&view.rates.newest().unwrap().rows);
    let log = events.merge(&balancers(&instances, &[]), &view.rows, &ids).unwrap();
    let is_state = |event: &&Event| matches!(event.kind, EventKind::Status { .. });
    let lines: Vec<String> = log.newest_first().filter(is_state).map(Event::line).collect();
    let starts =
        ["lb1  be/s1  MAINT → UP", "lb2  be/s1  MAINT → UP", "lb1  be/s1  UP → MAINT", "lb2  be/s1  UP → MAINT"];
    assert!(lines.len() == 4 && lines.iter().zip(starts).all(|(line, start)| line.starts_with(start)), "{lines:?}");
    let merged = row_named(&view, "be", "s1").1;
    assert!(log.newest_first().filter(is_state).all(|event| event.row == Some(merged)));
    assert!(events.merge(&balancers(&instances, &[1]), &view.rows, &ids).is_none(), "nothing changed");
    instances[1].add_sample(SampleBuilder::default().build_at_millis(9000, &row("DRAIN")), 0);
    let log = events.merge(&balancers(&instances, &[1]), &view.rows, &ids).unwrap();
    assert!(log.newest_first().any(|event| event.line().starts_with("lb2")), "also without an answer");
}
