//! Fuzz target for `show info`, `show stat` and `show servers state` of one instance over time.
//!
//! The input is a sequence of replies, each ended by an empty line as in HAProxy. The kind of a reply follows from its
//! start. A reply that begins with `@` is a command to the fuzz target: `@5000` advances the time by this many
//! milliseconds, `@x` breaks the link, `@d` reports that hapulse drained the first usable server, and `@r` repeats all
//! previous `show stat` until the history has closed a block.

use std::sync::Arc;
use std::time::Duration;

use hapulse::actions::action_table::{ACTIONS, ActionCommand, DRAIN};
use hapulse::actions::impact::BackendImpact;
use hapulse::actions::intent::{ActionTarget, Intent};
use hapulse::actions::outcome::{ActionReport, Outcome, StepResult};
use hapulse::haproxy::fields::{Field, InfoField};
use hapulse::haproxy::info::ProcessInfo;
use hapulse::haproxy::safe_text::is_visible;
use hapulse::haproxy::servers_state;
use hapulse::haproxy::stat_table::{RowKind, StatTable};
use hapulse::haproxy::write_command::{TargetState, TargetWeight, WriteCommand};
use hapulse::history::block::{self, Series};
use hapulse::history::trend::{self, Trend};
use hapulse::instance::guard;
use hapulse::instance::source::StatsSocket;
use hapulse::instance::state::Instance;
use hapulse::observe::instance_id::InstanceId;
use hapulse::observe::row_ids::RowId;
use hapulse::observe::sample::Sample;
use hapulse::table::columns::column::SortKey;
use hapulse::table::columns::column_table;
use hapulse::table::columns::row_view::RowView;

use super::feed::{self, FakeSampler, poll_failure, timestamp_at};

/// Maximum number of replies per input.
const MAX_REPLIES: usize = 40;
/// Maximum number of repeated bytes.
const MAX_REPEATED_BYTES: usize = 60_000;
/// Maximum number of rows per sample that are checked in full.
const MAX_ROWS: usize = 12;
/// Maximum simulated time: ten years.
const MAX_MILLIS: u64 = 10 * 366 * 86_400_000;

pub fn check(data: &[u8]) {
    let mut feed = FakeSampler::new();
    // Small enough that old blocks are dropped.
    let mut instance = Instance::new(InstanceId::FIRST, StatsSocket::default(), 8 << 10);
    let mut millis = 10_000_u64;
    let mut replies: Vec<&[u8]> = Vec::new();
    let mut samples: Vec<Arc<Sample>> = Vec::new();
    for reply in split_replies(data).take(MAX_REPLIES) {
        check_parsers(reply);
        match reply {
            [b'@', b'x', ..] => {
                instance.record_failure(poll_failure(timestamp_at(millis).monotonic), timestamp_at(millis));
                check_derived_data(&instance, millis);
            }
            [b'@', b'd', ..] => record_drain(&mut instance, millis),
            [b'@', b'r', ..] => {
                let size = replies.iter().map(|reply| reply.len()).sum::<usize>().max(1);
                let count = (MAX_REPEATED_BYTES / size * replies.len()).min(block::BLOCK_SAMPLES + 10);
                for reply in replies.iter().cycle().take(count) {
                    millis = (millis + 500).min(MAX_MILLIS);
                    if let Some(sample) = feed.next_sample(millis, reply) {
                        samples.push(Arc::clone(&sample));
                        instance.add_sample(sample, 0);
                    }
                }
                replies.clear();
            }
            [b'@', digits @ ..] => millis = millis.saturating_add(parse_number(digits)).min(MAX_MILLIS),
            _ if reply.starts_with(b"# pxname") => {
                millis = (millis + 1).min(MAX_MILLIS);
                if let Some(sample) = feed.next_sample(millis, reply) {
                    feed::assert_same_table(&sample.table, &StatTable::parse(reply, None).unwrap());
                    check_rows(&sample);
                    replies.push(reply);
                    samples.push(Arc::clone(&sample));
                    instance.add_sample(sample, 0);
                    check_derived_data(&instance, millis);
                }
            }
            _ if reply.windows(9).take(8).any(|part| part == b"# be_id b" || part == b"# be_name") => {
                feed.set_servers_state(reply);
            }
            _ => feed.set_info(reply),
        }
    }
    check_history(&instance, &samples);
}

/// Splits the input at empty lines. Each part keeps the line feed at its end.
fn split_replies(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.windows(2).position(|pair| pair == b"\n\n");
        let (reply, after) = match end {
            Some(end) => (&rest[..=end], &rest[end + 2..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        Some(reply)
    })
}

fn parse_number(digits: &[u8]) -> u64 {
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit()).take(15);
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

fn check_parsers(reply: &[u8]) {
    if let Ok(info) = ProcessInfo::parse(reply) {
        assert!(info.number(InfoField::Pid).is_some());
        let _ = (info.version(), info.node(), info.is_stopping());
    }
    let _ = StatTable::parse(reply, None);
    let _ = servers_state::parse(reply);
}

/// Checks that every row has a unique id, and belongs to the backend with its proxy name.
fn check_rows(sample: &Sample) {
    let rows = sample.table.rows();
    assert_eq!(sample.rows.ids().len(), rows.len());
    for (index, id) in sample.rows.ids().iter().enumerate() {
        assert_ne!(*id, RowId::PROCESS);
        assert_eq!(sample.rows.index_of(*id), Some(index));
        let key = &sample.table.rows()[index];
        assert_eq!((key.kind, &key.proxy, &key.name), (rows[index].kind, &rows[index].proxy, &rows[index].name));
        if let Some(backend) = sample.rows.backend_of(index) {
            assert_eq!(rows[backend.row].proxy, rows[index].proxy);
        }
    }
}

/// Computes and checks everything that is derived from the instance's data.
fn check_derived_data(instance: &Instance, millis: u64) {
    let assert_visible = |text: &str| assert!(text.chars().all(is_visible), "{text:?}");
    for event in instance.events().newest_first().take(64) {
        assert_visible(&event.line());
    }
    for problem in instance.problems().iter() {
        assert_visible(&problem.line());
    }
    for cause in instance.problems().causes() {
        assert_visible(&cause.line());
    }
    let Some(sample) = instance.shown() else { return };
    let now = timestamp_at(millis).monotonic;
    let span = instance.history().span();
    let mut marks = instance.history().headers().map(|mark| mark.at);
    let first = marks.next();
    assert!(marks.try_fold(first, |before, mark| (before <= Some(mark)).then_some(Some(mark))).is_some());
    let info: Vec<Trend> = InfoField::ALL.iter().map(|field| Trend::from_process_field(*field)).collect();
    let stat: Vec<Trend> = Field::ALL.iter().map(|field| Trend::from_field(*field)).collect();
    trend::points(instance.history(), RowId::PROCESS, &info, now, span, 7);
    for field in InfoField::ALL {
        assert!(instance.rates().process_rate(*field).is_none_or(|rate| rate >= 0.0 && rate.is_finite()));
    }
    for index in 0..sample.table.rows().len().min(MAX_ROWS) {
        let row = RowView::new(instance, sample, index);
        for column in column_table::all() {
            assert_visible(&column.cell(&row).text);
            assert!(!matches!(column.sort_key(&row), SortKey::Number(number) if number.is_nan()), "{}", column.id);
        }
        for field in Field::ALL {
            assert!(row.rate(*field).is_none_or(|rate| rate >= 0.0 && rate.is_finite()));
        }
        trend::points(instance.history(), row.id, &stat, now, span, 7);
        check_last_sample(instance, sample, index);
        let _ =
            (instance.attributed_to(row.id), instance.last_status(row.id), instance.problems().worst_severity(row.id));
        let _ = instance.draining().progress(row.id);
    }
    for loss in instance.reload_losses() {
        let step = loss.restore_step(sample, "".into());
        assert!(step.is_some() || sample.row(loss.id).is_none());
        assert_visible(&loss.label());
    }
    check_actions(instance, sample);
}

/// Checks that the history returns the last sample.
fn check_last_sample(instance: &Instance, sample: &Sample, index: usize) {
    let series = [Field::Scur, Field::Stot, Field::Bin, Field::Weight, Field::Ttime];
    let mut last = None;
    let id = sample.rows.ids()[index];
    instance.history().read_series(
        id,
        &series.map(Series::Stat),
        sample.at.monotonic..=sample.at.monotonic,
        |mark, values| {
            last = Some((mark.seq, values.to_vec()));
        },
    );
    let expected = series.map(|field| sample.table.number(index, field)).to_vec();
    assert_eq!(last, Some((sample.seq, expected)));
}

/// Checks that everything in the history equals the samples.
fn check_history(instance: &Instance, samples: &[Arc<Sample>]) {
    let Some(newest) = samples.last() else { return };
    let fields = [Field::Scur, Field::Stot, Field::Bin, Field::Weight, Field::Qcur, Field::Ttime, Field::Rate];
    let keys = [InfoField::Pid, InfoField::CurrConns, InfoField::CumReq, InfoField::IdlePct];
    let ids = newest.rows.ids().iter().copied().take(MAX_ROWS).chain([RowId::PROCESS]);
    for id in ids {
        let series: Vec<Series> =
            fields.iter().copied().map(Series::Stat).chain(keys.iter().copied().map(Series::Info)).collect();
        let mut marks = Vec::new();
        instance.history().read_series(id, &series, Duration::ZERO..=Duration::MAX, |mark, values| {
            let sample = &samples[mark.seq as usize - 1];
            assert_eq!((mark.seq, mark.at, mark.epoch), (sample.seq, sample.at.monotonic, sample.epoch.number));
            let is_process = id == RowId::PROCESS;
            let of_row = fields.iter().map(|field| sample.number(id, *field));
            let of_process = keys.iter().map(|key| sample.process_number(*key).filter(|_| is_process));
            let expected: Vec<Option<i64>> = of_row.chain(of_process).collect();
            assert_eq!(values, expected, "{id:?} in {mark:?}");
            marks.push(mark);
        });
        assert!(instance.history().headers().eq(marks.iter().copied()));
        assert_eq!(marks.last().map(|mark| mark.seq), Some(newest.seq));
    }
    let sequence_numbers: Vec<u64> = instance.history().headers().map(|mark| mark.seq).step_by(13).collect();
    let moments = instance.history().restore_samples(&sequence_numbers);
    assert!(moments.iter().map(|moment| &moment.seq).eq(&sequence_numbers));
    for moment in moments {
        check_moment(&samples[moment.seq as usize - 1], &moment);
    }
}

/// Checks that a restored sample equals the original, except for ages, which may differ by a second.
fn check_moment(sample: &Sample, kept: &Sample) {
    assert_eq!((sample.at, sample.epoch, &sample.info), (kept.at, kept.epoch, &kept.info));
    assert_eq!((sample.rows.ids(), sample.table.anomalies()), (kept.rows.ids(), kept.table.anomalies()));
    assert_eq!(sample.table.rows().len(), kept.table.rows().len());
    let schema = sample.table.schema();
    let ages: Vec<usize> = [Field::Lastchg, Field::Lastsess].iter().filter_map(|field| schema.slot(*field)).collect();
    for (index, (row, restored)) in sample.table.rows().iter().zip(kept.table.rows()).enumerate() {
        assert_eq!(format!("{row:?}"), format!("{restored:?}"));
        for slot in 0..schema.width() {
            let (replies, restored) = (sample.table.slot_number(index, slot), kept.table.slot_number(index, slot));
            if ages.contains(&slot) {
                assert_eq!(replies.is_some(), restored.is_some());
            } else {
                assert_eq!(replies, restored, "{row:?} {slot}");
            }
        }
    }
}

/// Evaluates the impact of every action on every server, and whether the guard allows it.
fn check_actions(instance: &Instance, sample: &Sample) {
    let rows = sample.table.rows().iter().zip(sample.rows.ids());
    let servers = rows.filter(|(row, _)| row.kind == RowKind::Server).take(MAX_ROWS);
    let targets: Vec<ActionTarget> = servers.filter_map(|(_, id)| ActionTarget::from_row(sample, *id)).collect();
    for action in ACTIONS {
        let command = match action.command {
            ActionCommand::Fixed(command) => command,
            ActionCommand::AskWeight => WriteCommand::Weight(TargetWeight::Percent(25_600)),
            ActionCommand::AskLimit => WriteCommand::ServerMaxconn(5),
        };
        for targets in targets.chunks(5).take(2) {
            let intent = Intent::new(action, command, InstanceId::FIRST, targets.to_vec());
            for impact in BackendImpact::evaluate(sample, &intent.steps) {
                let _ = (impact.remaining_weight_percent(), impact.removes_last_server(), impact.leaves_only_backups());
            }
            let _ = guard::check_intent(&intent, instance);
        }
    }
}

fn record_drain(instance: &mut Instance, millis: u64) {
    let Some(sample) = instance.shown() else { return };
    let is_usable_server = |index: &usize| {
        let row = &sample.table.rows()[*index];
        row.kind == RowKind::Server && row.state().is_usable()
    };
    let Some(index) = (0..sample.table.rows().len()).find(is_usable_server) else { return };
    let Some(target) = ActionTarget::from_row(sample, sample.rows.ids()[index]) else { return };
    let intent = Intent::new(&DRAIN, WriteCommand::State(TargetState::Drain), InstanceId::FIRST, vec![target]);
    let (step, command) = (intent.steps[0].clone(), intent.commands().concat());
    let result = StepResult::new(step, command, Outcome::Verified("DRAIN".to_owned()));
    instance.record_report(&ActionReport { intent, results: vec![result] }, timestamp_at(millis));
}
