//! Tests of the comparison of balancers.

use crate::fleet::drift::{BalancerDrift, ComparedBalancer, Drift, MAX_DESCRIBED, find_drift};
use crate::fleet::role::BalancerRole;
use crate::observe::sample::Sample;
use crate::observe::slow_facts::{CertificateExpiry, SlowFacts};
use crate::observe::test_samples::SampleBuilder;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const HEAD: &str = "# pxname,svname,type,status,weight,uweight,slim,addr,scur,\n";
const BACKEND: &str = "be,BACKEND,1,UP,1,1,,,,\n";

fn sample(rows: &str) -> Arc<Sample> {
    SampleBuilder::default().build_at_millis(0, &format!("{HEAD}{rows}{BACKEND}"))
}

/// Returns the differences of balancers named lb01, lb02 and so on.
fn drift_with(samples: &[Option<Arc<Sample>>], roles: &[Option<BalancerRole>]) -> Vec<Option<Vec<String>>> {
    let names: Vec<String> = (1..=samples.len()).map(|number| format!("lb{number:02}")).collect();
    let balancers: Vec<ComparedBalancer<'_>> = samples
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(place, (sample, name))| {
            let role = roles.get(place).copied().flatten();
            ComparedBalancer { name, sample: sample.as_deref(), role }
        })
        .collect();
    let texts = |drift: BalancerDrift| drift.map(|drift| drift.lines().collect());
    find_drift(&balancers).into_iter().map(texts).collect()
}

fn drift(rows: &[&str]) -> Vec<Vec<String>> {
    let samples: Vec<Option<Arc<Sample>>> = rows.iter().map(|rows| Some(sample(rows))).collect();
    drift_with(&samples, &[]).into_iter().map(Option::unwrap).collect()
}

#[test]
fn find_drift_names_the_balancer_that_differs_from_most() {
    let same = "be,s1,2,UP,100,100,50,10.0.0.1:80,3,\n";
    assert_eq!(drift(&[same, same, same]), vec![Vec::<String>::new(); 3]);
    let found = drift(&[same, same, "be,s1,2,MAINT,100,50,,10.0.0.2:80,0,\n"]);
    assert_eq!((found[0].len(), found[1].len()), (0, 0));
    assert_eq!(
        found[2],
        [
            "state be/s1: MAINT here, UP on lb01, lb02 (3/3 2 UP 1 MAINT, 6 sessions)",
            "weight be/s1: 50 here, 100 on lb01, lb02 (3/3 2 UP 1 MAINT, 6 sessions)",
            "address be/s1: 10.0.0.2:80 here, 10.0.0.1:80 on lb01, lb02 (3/3 2 UP 1 MAINT, 6 sessions)",
            "maxconn be/s1: no limit here, 50 on lb01, lb02 (3/3 2 UP 1 MAINT, 6 sessions)",
        ]
    );
}

#[test]
fn find_drift_of_a_pair_expects_the_value_of_the_active_balancer() {
    let samples = [50, 100].map(|weight| Some(sample(&format!("be,s1,2,UP,{weight},{weight},,,,\n"))));
    let both = [
        Some(vec!["weight be/s1: 50 here, 100 on lb02 (2/2 2 UP)".to_owned()]),
        Some(vec!["weight be/s1: 100 here, 50 on lb01 (2/2 2 UP)".to_owned()]),
    ];
    assert_eq!(drift_with(&samples, &[]), both);
    let (active, standby) = (Some(BalancerRole::Active), Some(BalancerRole::Standby));
    assert_eq!(drift_with(&samples, &[standby, active]), [both[0].clone(), Some(Vec::new())]);
    assert_eq!(drift_with(&samples, &[active, active]), both);
}

#[test]
fn find_drift_finds_missing_servers_of_shared_backends_only() {
    let one = "be,s1,2,UP,1,1,,,,\nbe,s2,2,UP,1,1,,,,\nown,x,2,UP,1,1,,,,\nown,BACKEND,1,UP,1,1,,,,\n";
    let two = "be,s1,2,UP,1,1,,,,\nbe,s2,2,UP,1,1,,,,\n";
    let found = drift(&[one, two, "be,s1,2,UP,1,1,,,,\n"]);
    assert_eq!(found[..2], [Vec::<String>::new(), Vec::new()]);
    assert_eq!(found[2], ["server be/s2: missing here, present on lb01, lb02 (2/3 2 UP)"]);
}

#[test]
fn find_drift_finds_missing_backends_that_several_have() {
    let more = "be,s1,2,UP,1,1,,,,\nmore,x,2,UP,1,1,,,,\nmore,BACKEND,1,UP,1,1,,,,\n";
    let found = drift(&[more, more, "be,s1,2,UP,1,1,,,,\n"]);
    assert_eq!(found, [vec![], vec![], vec!["backend more: missing here, present on lb01, lb02".to_owned()]]);
}

#[test]
fn find_drift_lists_a_backend_of_another_mode_once() {
    let of_mode = |mode: &str| {
        let head = "# pxname,svname,type,status,mode,weight,uweight,addr,\n";
        let rows = format!("b,s1,2,UP,{mode},1,1,10.0.0.1:80,\nb,s2,2,UP,{mode},1,1,,\nb,BACKEND,1,UP,{mode},,,,\n");
        let same = "be,s1,2,UP,http,1,1,,\nbe,BACKEND,1,UP,http,,,,\n";
        Some(SampleBuilder::default().build_at_millis(0, &format!("{head}{rows}{same}")))
    };
    let found = drift_with(&[of_mode("http"), of_mode("http"), of_mode("tcp")], &[]);
    let expected = vec!["backend b: tcp here, http on lb01, lb02".to_owned()];
    assert_eq!(found, [Some(Vec::new()), Some(Vec::new()), Some(expected)]);
}

#[test]
fn find_drift_compares_nothing_without_a_common_server() {
    let samples = [sample("be,s1,2,UP,1,1,,,,\n"), sample("be,other,2,UP,9,9,,,,\n")].map(Some);
    assert_eq!(drift_with(&samples, &[]), [None, None]);
    let lost = [Some(sample("be,s1,2,UP,1,1,,,,\n")), None];
    assert_eq!(drift_with(&lost, &[]), [None, None], "the other one does not answer");
}

#[test]
fn find_drift_treats_what_an_old_version_lacks_as_unknown() {
    let old = "# pxname,svname,type,status,weight,\nbe,s1,2,UP,100,\nbe,BACKEND,1,UP,100,\n";
    let mut builder = SampleBuilder::default();
    builder.version = "1.5.18";
    let samples = [Some(sample("be,s1,2,UP,100,40,50,10.0.0.1:80,,\n")), Some(builder.build_at_millis(0, old))];
    let found = drift_with(&samples, &[]);
    assert_eq!(found[1].clone().unwrap(), ["version HAProxy: 1.5.18 here, 2.6.12-1+deb12u4 on lb01"]);
    assert_eq!(found[0].as_ref().unwrap().len(), 1, "{found:?}");
}

#[test]
fn find_drift_compares_certificates_if_both_are_known() {
    let with = |days: Option<u64>| {
        let at = |days| SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400);
        let list = days.map(|days| vec![CertificateExpiry { name: "site.pem".into(), at: at(days) }]);
        let facts = SlowFacts { certificates: Some(list.unwrap_or_default()), ..SlowFacts::default() };
        let mut builder = SampleBuilder::default();
        builder.slow_facts = Some(Arc::new(facts));
        Some(builder.build_at_millis(0, &format!("{HEAD}be,s1,2,UP,1,1,,,,\n{BACKEND}")))
    };
    let unknown = Some(sample("be,s1,2,UP,1,1,,,,\n"));
    assert_eq!(drift_with(&[with(Some(20_000)), unknown], &[]), [Some(Vec::new()), Some(Vec::new())]);
    let found = drift_with(&[with(Some(20_000)), with(Some(20_000)), with(Some(20_090)), with(None)], &[]);
    assert_eq!(
        found[2].clone().unwrap(),
        [
            "certificate site.pem: valid until 2025-01-02 00:00 here, missing on lb04, valid until 2024-10-04 00:00 on lb01, lb02"
        ]
    );
    assert!(found[3].as_ref().unwrap()[0].starts_with("certificate site.pem: missing here"));
}

#[test]
fn drift_of_many_rows_is_counted_and_described_in_part() {
    let rows = |address: &str| {
        let row = |server| format!("be,s{server},2,UP,1,1,,{address}:{server},,\n");
        Some(sample(&(0..200).map(row).collect::<String>()))
    };
    let samples = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"].map(rows);
    let found = drift_with(&samples, &[]);
    let lines = found[0].as_ref().unwrap();
    assert_eq!(lines.len(), MAX_DESCRIBED + 1);
    assert_eq!(
        lines[0],
        "address be/s0: 10.0.0.1:0 here, 10.0.0.2:0 on lb02, 10.0.0.3:0 on lb03, 10.0.0.4:0 on lb04, and 1 other value \
         (5/5 5 UP)"
    );
    assert_eq!(lines[MAX_DESCRIBED], "and 150 more differences");
}

#[test]
fn drift_summary_counts_kinds() {
    let pair = ["be,s1,2,UP,1,1,,,,\nbe,s2,2,UP,1,1,,,,\n", "be,s1,2,DOWN,2,2,,,,\nbe,s2,2,UP,2,2,,,,\n"].map(sample);
    let compared = |sample| ComparedBalancer { name: "lb", sample: Some(sample), role: None };
    let found = find_drift(&pair.each_ref().map(|sample| compared(sample)));
    assert_eq!(found[0].as_ref().unwrap().summary(), "1 state, 2 weights");
    assert_eq!(Drift::default().summary(), "none");
}

proptest! {
    /// Whatever differs, a balancer with the expected values has no difference, and each difference names a value that
    /// the balancer really has.
    #[test]
    fn find_drift_reports_only_real_differences(
        weights in proptest::collection::vec(proptest::collection::vec(0_u8..3, 3), 2..6)
    ) {
        let rows = |weights: &Vec<u8>| -> String {
            let row = |(server, weight): (usize, &u8)| format!("be,s{server},2,UP,{weight},{weight},,,,\n");
            weights.iter().enumerate().map(row).collect::<Vec<String>>().concat()
        };
        let samples: Vec<Arc<Sample>> = weights.iter().map(|weights| sample(&rows(weights))).collect();
        let name = "lb";
        let balancers: Vec<ComparedBalancer<'_>> =
            samples.iter().map(|sample| ComparedBalancer { name, sample: Some(sample), role: None }).collect();
        for (own, found) in weights.iter().zip(find_drift(&balancers)) {
            for difference in found.unwrap().described {
                let server: usize = difference.subject.trim_start_matches("be/s").parse().unwrap();
                prop_assert_eq!(&difference.value, &own[server].to_string());
                let same = weights.iter().filter(|other| other[server] == own[server]).count();
                prop_assert!(same * 2 <= weights.len(), "{difference}");
            }
        }
    }
}
