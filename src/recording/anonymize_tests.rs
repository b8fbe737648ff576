//! Tests of the anonymizer: nothing of the original remains, and the same problems and causes result.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use crate::actions::audit::actor::Actor;
use crate::actions::audit::record::AuditRecord;
use crate::actions::audit::record_contents::{Attempt, AttemptResult, RecordedState};
use crate::haproxy::fields::{Field, TextField};
use crate::haproxy::info::ProcessInfo;
use crate::haproxy::stat_table::{RowKind, StatRow};
use crate::history::rates::RateWindow;
use crate::history::store::History;
use crate::observe::changes;
use crate::observe::events::{Event, EventKind};
use crate::observe::sample::Sample;
use crate::observe::state_cause;
use crate::observe::test_samples::{SampleBuilder, timestamp_at};
use crate::problems::forecast::Forecasts;
use crate::problems::test_site::{TestSite, problem_line};
use crate::problems::tracker::ProblemTracker;
use crate::recording::anonymize::Anonymizer;

/// Returns the words of all texts in a sample, including those that are not shown.
fn words(sample: &Sample) -> BTreeSet<String> {
    let is_part = |ch: char| ch.is_alphanumeric() || "_-.:".contains(ch);
    format!("{sample:?}").split(|ch| !is_part(ch)).map(str::to_owned).collect()
}

/// Returns the names, addresses and cookies of a recorded reply.
fn names(sample: &Sample) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for row in sample.table.rows() {
        names.insert(row.proxy.to_string());
        if !matches!(row.kind, RowKind::Frontend | RowKind::Backend) {
            names.insert(row.name.to_string());
        }
        let texts = [TextField::Addr, TextField::Cookie].map(|field| row.text(field));
        names.extend(texts.iter().flatten().map(ToString::to_string));
    }
    names
}

#[test]
fn sample_contains_no_name_or_address_of_recordings() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (mut recordings, mut addresses) = (0, 0);
    for directory in fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let info = ProcessInfo::parse(&fs::read(directory.join("show-info.txt")).unwrap()).unwrap();
        let (mut builder, mut anonymizer) = (SampleBuilder::default(), Anonymizer::default());
        let files = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.extension().is_some_and(|extension| extension == "csv")) {
            let stat = fs::read_to_string(&file).unwrap();
            let sample = builder.build_at_millis(recordings as u64 * 1000, &stat);
            let mut sample = Arc::into_inner(sample).unwrap();
            sample.info = info.clone();
            let copy = anonymizer.sample(&sample);
            let mut names = names(&sample);
            assert!(names.contains("be_app") && names.contains("app1"));
            addresses += names.iter().filter(|name| name.starts_with("127.0.0.1:")).count();
            names.extend(["labnode".to_owned(), "lab".to_owned(), "quote".to_owned(), "127.0.0.1".to_owned()]);
            let left: Vec<String> = words(&copy).intersection(&names).cloned().collect();
            assert_eq!(left, [""; 0], "{}", file.display());
            assert_eq!(copy.info.version(), sample.info.version());
            assert!(copy.info.version_text().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
            assert_eq!(copy.info.numbers(), sample.info.numbers());
            assert_eq!(copy.info.node().map(ToString::to_string).as_deref(), Some("node-01"));
            assert_same_meaning(&sample, &copy);
            recordings += 1;
        }
    }
    assert!(recordings > 40 && addresses > recordings, "{recordings}, {addresses}");
}

#[test]
fn sample_shows_readable_names_and_known_texts() {
    let stat = "# pxname,svname,type,status,check_status,last_chk,addr,cookie,tracked,last_agt,algo,acme_col,scur,\n\
                shop-in,FRONTEND,0,OPEN,,,,,,,,7,3,\n\
                shop,s9,2,DOWN,* L4CON,Connection refused,10.0.0.1:80,c1,,,,7,3,\n\
                shop,s1,2,MAINT (via api/a1),,,10.0.0.1:80,c2,api/a1,via agent : down (deploy),,7,3,\n\
                shop,s2,2,UP 1/3,L7STS,secret,0.0.0.0:0,,,,,7,3,\n\
                shop,BACKEND,1,UP,,,,SRV,,,roundrobin,7,3,\n\
                api,a1,2,ODD,L9ODD,,,,,,acme(x),7,3,\n";
    let sample = SampleBuilder::default().build_at_millis(0, stat);
    let copy = Anonymizer::default().sample(&sample);
    let line = |row: &StatRow| {
        let texts = TextField::ALL.iter().filter_map(|(field, _)| row.text(*field)).map(ToString::to_string);
        format!("{} {}: {}", row.proxy, row.name, texts.collect::<Vec<_>>().join(", "))
    };
    let lines: Vec<String> = copy.table.rows().iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "fe-01 FRONTEND: OPEN",
            "be-01 srv-01: DOWN, * L4CON, Connection refused, address-01, cookie-01",
            "be-01 srv-02: MAINT (via be-02/srv-01), via agent : down (text-01), be-02/srv-01, address-01, cookie-02",
            "be-01 srv-03: UP 1/3, L7STS, text-02, 0.0.0.0",
            "be-01 BACKEND: UP, cookie-03, roundrobin",
            "be-02 srv-01: STATUS-01, RESULT-01, text-03",
        ]
    );
    let extra = copy.table.schema().unknown_columns().map(|(_, name)| name.to_string()).collect::<Vec<_>>();
    assert_eq!(extra, ["column-01"]);
    assert_eq!(copy.info.version_text(), "2.6.12");
}

#[test]
fn sample_shares_parts_with_copy_of_previous_sample() {
    let mut builder = SampleBuilder::default();
    let stat = crate::observe::test_samples::stat_of_site();
    let first = builder.build_at_millis(0, &stat);
    let mut second = Arc::into_inner(builder.build_at_millis(2000, &stat)).unwrap();
    second.table = first.table.with_texts(Arc::clone(first.table.schema()), Arc::clone(first.table.shared_rows()));
    let mut anonymizer = Anonymizer::default();
    let copies = [anonymizer.sample(&first), anonymizer.sample(&second)];
    assert!(Arc::ptr_eq(copies[0].table.shared_rows(), copies[1].table.shared_rows()));
    assert!(Arc::ptr_eq(copies[0].table.schema(), copies[1].table.schema()));
    assert!(Arc::ptr_eq(&copies[0].rows, &copies[1].rows));
}

/// Checks that a copy has the numbers, states and relations of the sample.
fn assert_same_meaning(sample: &Sample, copy: &Sample) {
    assert_eq!((copy.rows.ids(), copy.rows.backends()), (sample.rows.ids(), sample.rows.backends()));
    assert_eq!((copy.rows.frontends(), copy.rows.listeners()), (sample.rows.frontends(), sample.rows.listeners()));
    assert_eq!(copy.table.anomalies(), sample.table.anomalies());
    for (index, (row, new)) in sample.table.rows().iter().zip(copy.table.rows()).enumerate() {
        assert_eq!((row.kind, row.state(), row.is_tcp()), (new.kind, new.state(), new.is_tcp()));
        assert_eq!((row.is_unresolved(), row.is_disabled_proxy()), (new.is_unresolved(), new.is_disabled_proxy()));
        for field in Field::ALL {
            assert_eq!(sample.table.number(index, *field), copy.table.number(index, *field));
        }
        let is_failed = |row: &StatRow| state_cause::is_failed(state_cause::check_result(row));
        assert_eq!(is_failed(row), is_failed(new), "{row:?}");
        let cause = |sample: &Sample, row: &StatRow| {
            state_cause::current_cause(sample, row).map(|cause| std::mem::discriminant(&cause))
        };
        assert_eq!(cause(sample, row), cause(copy, new), "{row:?} {new:?}");
        let tracked = |sample: &Sample, row: &StatRow| {
            let tracked: *const StatRow = state_cause::tracked_row(sample, row)?;
            sample.table.rows().iter().position(|other| std::ptr::eq(other, tracked))
        };
        assert_eq!(tracked(sample, row), tracked(copy, new), "{row:?}");
        assert_eq!(sample.unused_slots().contains(index), copy.unused_slots().contains(index), "{row:?}");
    }
}

/// The problems that result from anonymized samples.
struct AnonymizedSite {
    anonymizer: Anonymizer,
    rates: RateWindow,
    history: History,
    problems: ProblemTracker,
}

impl AnonymizedSite {
    fn new() -> Self {
        let (anonymizer, rates, problems) = Default::default();
        Self { anonymizer, rates, history: History::new(4 << 20), problems }
    }

    /// Evaluates a sample and checks that the problems are those of the original site.
    fn check_step(&mut self, site: &TestSite) {
        let sample = Arc::new(self.anonymizer.sample(site.sample.as_deref().unwrap()));
        self.rates.push(Arc::clone(&sample));
        let forecasts = Forecasts::from_sample(&sample, &self.history);
        self.history.push(&sample);
        self.problems.evaluate(&sample, &self.rates, &forecasts);
        let mut expected: Vec<String> =
            site.problems.iter().map(|problem| self.renamed_line(&problem_line(problem))).collect();
        let mut found: Vec<String> = self.problems.iter().map(problem_line).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        let mut expected: Vec<String> = site.causes().iter().map(|line| self.renamed_line(line)).collect();
        let causes = self.problems.open_causes();
        let mut found: Vec<String> =
            causes.map(|cause| format!("{} {} {}", cause.severity.label(), cause.name(), cause.kind)).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        for cause in self.problems.open_causes() {
            assert!(!cause.sentence.contains("zq") && !cause.sentence.contains("site.pem"), "{}", cause.sentence);
        }
    }

    /// Replaces the name in a line such as `CRIT api/api1 server-down`.
    fn renamed_line(&mut self, line: &str) -> String {
        let (severity, rest) = line.split_once(' ').unwrap();
        let (name, kind) = rest.rsplit_once(' ').unwrap();
        let name = if name == "process" { name.to_owned() } else { self.anonymizer.row_label(name) };
        format!("{severity} {name} {kind}")
    }
}

/// Changes to [`TestSite::healthy`] that cause problems. Texts with `zq` must not remain.
const FAULTS: [&str; 12] = [
    "api/api1.status=DOWN api/api1.check_status=L4CON api/api1.last_chk=Connection_refused",
    "www/w2.status=DOWN www/w2.check_status=L7STS www/w2.last_chk=zq_is_down",
    "api/api1.status=DOWN api/api2.status=DOWN api/api3.status=DOWN api/BACKEND.status=DOWN api/BACKEND.act=0",
    "api/api1.scur=50 api/api2.scur=50 api/api3.scur=50 api/BACKEND.qcur=7 api/BACKEND.qtime=340",
    "www/w3.hrsp_5xx+50 www/w3.hrsp_2xx+50 www/BACKEND.hrsp_5xx+50 www-in.hrsp_5xx+50 www-in.hrsp_2xx+650",
    "www/w4.rtime=410 www/w1.rtime=52 www/w2.rtime=54",
    "db/db1.status=DOWN_(agent) db/db1.agent_status=L7STS db/db1.last_agt=via_agent_:_down_(zq_deploy)",
    "api/api2.tracked=www/w2 api/api2.status=MAINT_(via_www/w2)",
    "info.Test_certificate_hours=5",
    "info.Test_failed_questions=90",
    "info.Idle_pct=2 info.CurrConns=1990",
    "db/db2.status=UP_1/3 db/db2.check_status=L6RSP db/db2.chkfail+1 db/db2.econ+9 db/BACKEND.econ+9",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn sample_gives_same_problems_causes_and_events(
        faults in proptest::sample::subsequence(FAULTS.to_vec(), 0..=4).prop_shuffle(),
    ) {
        let (mut site, mut copy) = (TestSite::healthy(), AnonymizedSite::new());
        let mut before: Option<(Arc<Sample>, Sample)> = None;
        for fault in std::iter::once("info.Pid=100").chain(faults) {
            site.set(fault);
            for _ in 0..5 {
                site.step();
                copy.check_step(&site);
                let sample = Arc::clone(site.sample.as_ref().unwrap());
                let anonymized = copy.anonymizer.sample(&sample);
                if let Some((old, old_copy)) = &before {
                    let diff = |old: &Sample, new: &Sample| changes::diff_samples(old, new, None, |_, _| false).events;
                    let expected: Vec<Event> =
                        diff(old, &sample).iter().map(|event| copy.anonymizer.event(event)).collect();
                    prop_assert_eq!(diff(old_copy, &anonymized), expected);
                }
                before = Some((sample, anonymized));
            }
        }
    }
}

/// Texts of one column: known ones, and ones with the mark `zq`.
fn cell(known: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        2 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "zq[a-z0-9.:/ ()*]{0,8}",
        1 => "[a-zA-Z0-9*]{0,4}[ (]zq[a-zA-Z0-9/)]{0,6}",
    ]
}

type RandomRow = ((u8, u8, u8), [String; 5], [String; 5]);

fn row() -> impl Strategy<Value = RandomRow> {
    let checks = || cell(&["", "L4OK", "* L4CON", "L7STS", "L7OKC", "INI", "UNK"]);
    (
        (0..3u8, 0..4u8, 0..4u8),
        [
            cell(&[
                "UP",
                "DOWN",
                "MAINT",
                "UP 1/3",
                "DOWN (agent)",
                "MAINT (resolution)",
                "no check",
                "MAINT (via zqp1/zqs1)",
            ]),
            checks(),
            checks(),
            cell(&["", "Connection refused", "Not Found"]),
            cell(&["", "via agent : up", "via agent : 50%", "via agent : down (zq)"]),
        ],
        [
            cell(&["", "zqp1/zqs1", "zqp0/zqs2"]),
            cell(&["", "0.0.0.0:80", "zq10:80"]),
            cell(&["", "zqcookie"]),
            cell(&["http", "tcp"]),
            cell(&["roundrobin", "hash"]),
        ],
    )
}

proptest! {
    #[test]
    fn sample_keeps_meaning_and_no_text_of_any_reply(
        rows in proptest::collection::vec(row(), 1..12), node in "zq[a-z.]{0,9}", build in "zq[a-z]{0,9}",
    ) {
        let mut stat = "# pxname,svname,type,scur,status,check_status,agent_status,last_chk,last_agt,tracked,addr,cookie,\
                        mode,algo,zq_column,\n".to_owned();
        for ((proxy, name, kind), states, others) in rows {
            let name = match kind {
                0 => "FRONTEND".to_owned(),
                1 => "BACKEND".to_owned(),
                _ => format!("zqs{name}"),
            };
            writeln!(stat, "zqp{proxy},{name},{kind},7,{},{},5,", states.join(","), others.join(",")).unwrap();
        }
        let mut builder = SampleBuilder::default();
        builder.info = format!("node: {node}\ndescription: {node}\nBuild info: {build}\nTainted: {build}\n{build}: 5\n");
        let sample = builder.build_at_millis(0, &stat);
        let mut anonymizer = Anonymizer::default();
        let copy = anonymizer.sample(&sample);
        let text = format!("{copy:?}");
        prop_assert!(!text.contains("zq"), "{}", text);
        assert_same_meaning(&sample, &copy);
        // The same names again.
        let again = anonymizer.sample(&builder.build_at_millis(2000, &stat));
        prop_assert_eq!(format!("{:?}", again.table.rows()), format!("{:?}", copy.table.rows()));
    }

    #[test]
    fn command_and_events_keep_no_text(words in proptest::collection::vec("[a-z/]{0,3}zq[a-z0-9/]{0,6}", 0..6)) {
        let mut anonymizer = Anonymizer::default();
        let text = words.join(" ");
        prop_assert!(!anonymizer.command(&text).contains("zq"));
        let kinds = [
            EventKind::LinkLost(text.clone()),
            EventKind::LostByReload(text.clone()),
            EventKind::Action { command: text.clone(), outcome: text.clone(), is_verified: true },
            EventKind::Status {
                from: text.clone(),
                to: format!("UP {text}"),
                reason: format!("L4CON {text}"),
                cause: state_cause::StateCause::Tracking(text.clone()),
            },
        ];
        for kind in kinds {
            let event = Event::new(timestamp_at(0), None, text.clone(), kind);
            let copy = anonymizer.event(&event);
            prop_assert!(!format!("{copy:?}").contains("zq"), "{:?}", copy);
        }
    }
}

#[test]
fn audit_record_has_names_of_samples_and_no_other_text() {
    let stat = "# pxname,svname,type,status,\nshop,s1,2,UP,\nshop,s2,2,UP,\nshop,BACKEND,1,UP,\n";
    let mut anonymizer = Anonymizer::default();
    anonymizer.sample(&SampleBuilder::default().build_at_millis(0, stat));
    let actor = Actor {
        user: "zqann".into(),
        uid: 1234,
        sudo_user: Some("zqroot".into()),
        ssh_connection: Some("zq10.0.0.1 55 10.0.0.2 22".into()),
        host: "lb01".into(),
    };
    let attempt = Attempt {
        instance: "zqlb".into(),
        address: "/run/zq.sock".into(),
        pid: 7,
        target: Some("shop/s2".into()),
        command: "set server shop/s2 state drain".into(),
        before: Some(RecordedState {
            status: "MAINT (via shop/s1)".into(),
            sessions: Some(3),
            ..RecordedState::default()
        }),
        reason: Some("zq ticket".into()),
    };
    let record = AuditRecord::new_sending(timestamp_at(0).wall, "zq-1".into(), "dashboard".into(), actor, attempt);
    let result =
        AttemptResult { reply: Some("zq reply".into()), outcome: Some("zq".into()), ..AttemptResult::default() };
    let record = record.to_done(timestamp_at(5).wall, result);
    let copy = anonymizer.audit_record(&record);
    let json = copy.to_json_line().unwrap();
    assert!(!json.contains("zq") && !json.contains("1234") && !json.contains("shop"), "{json}");
    assert_eq!(copy.command, "set server be-01/srv-02 state drain");
    assert_eq!((copy.target.as_deref(), copy.actor.host.as_str()), (Some("be-01/srv-02"), "node-01"), "{json}");
    assert_eq!(copy.before.as_ref().map(|state| state.status.as_str()), Some("MAINT (via be-01/srv-01)"));
    assert_eq!(AuditRecord::parse(&json).as_ref(), Ok(&copy));
    assert_eq!(anonymizer.audit_record(&record), copy);
    let commands = [
        ("set maxconn frontend shop 500", "set maxconn frontend be-01 500"),
        ("disable health shop/s1", "disable health be-01/srv-01"),
        ("set server shop/s1 weight 50%", "set server be-01/srv-01 weight 50%"),
        ("clear table shop key 10.0.0.1", "clear table be-01 key text-04"),
        ("shutdown session 0x55d0", "shutdown session text-05"),
    ];
    for (command, expected) in commands {
        assert_eq!(anonymizer.command(command), expected);
    }
}
