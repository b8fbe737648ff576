//! `show info`, `show stat` and `show servers state`, as one instance tells them over time.
//!
//! The input is a row of answers, each ended by an empty line as HAProxy ends them; each is taken for what it begins
//! like. An answer that begins with `@` is no answer: `@5000` lets so many milliseconds pass, `@x` breaks the link,
//! `@d` reports that the first usable server was drained here, `@r` gives every `show stat` so far again and again, until
//! the history has closed a block.

use std::sync::Arc;
use std::time::Duration;

use hapulse::actions::action_table::{ACTIONS, DRAIN, Gives};
use hapulse::actions::impact::WhatIf;
use hapulse::actions::intent::{Intent, Target};
use hapulse::actions::outcome::{Done, Outcome, Report};
use hapulse::haproxy::fields::{Field, InfoField};
use hapulse::haproxy::info::Info;
use hapulse::haproxy::safe_text::is_visible;
use hapulse::haproxy::servers_state;
use hapulse::haproxy::stat_table::{RowKind, Table};
use hapulse::haproxy::write_command::{Admin, WriteCommand, Weight};
use hapulse::history::block::{self, Series};
use hapulse::history::trend::{self, Trend};
use hapulse::instance::guard::Guard;
use hapulse::instance::instance::Instance;
use hapulse::observe::row_ids::RowId;
use hapulse::observe::sample::Sample;
use hapulse::table::columns::column::SortKey;
use hapulse::table::columns::column_table;
use hapulse::table::columns::row_view::RowView;

use super::feed::{self, Feed, at, failure};

/// Answers looked at of one input.
const ANSWERS: usize = 40;
/// Bytes given again and again, all in all.
const AGAIN: usize = 60_000;
/// Rows looked at in full of one sample.
const ROWS: usize = 12;
/// No program runs longer: ten years.
const LAST: u64 = 10 * 366 * 86_400_000;

pub fn check(data: &[u8]) {
    let mut feed = Feed::new();
    // Small enough for old blocks to be dropped.
    let mut watch = Instance::new(8 << 10);
    let mut millis = 10_000_u64;
    let mut told: Vec<&[u8]> = Vec::new();
    let mut past: Vec<Arc<Sample>> = Vec::new();
    for answer in answers(data).take(ANSWERS) {
        any_parser(answer);
        match answer {
            [b'@', b'x', ..] => {
                watch.fail(failure(at(millis).mono), at(millis));
                read_all(&watch, millis);
            }
            [b'@', b'd', ..] => drain(&mut watch, millis),
            [b'@', b'r', ..] => {
                let size = told.iter().map(|answer| answer.len()).sum::<usize>().max(1);
                let count = (AGAIN / size * told.len()).min(block::LENGTH + 10);
                for answer in told.iter().cycle().take(count) {
                    millis = (millis + 500).min(LAST);
                    if let Some(sample) = feed.stat(millis, answer) {
                        past.push(Arc::clone(&sample));
                        watch.take(sample, 0);
                        watch.keep();
                    }
                }
                told.clear();
            }
            [b'@', digits @ ..] => millis = millis.saturating_add(number(digits)).min(LAST),
            _ if answer.starts_with(b"# pxname") => {
                millis = (millis + 1).min(LAST);
                if let Some(sample) = feed.stat(millis, answer) {
                    feed::same(&sample.table, &Table::parse(answer, None).unwrap());
                    check_rows(&sample);
                    told.push(answer);
                    past.push(Arc::clone(&sample));
                    watch.take(sample, 0);
                    watch.keep();
                    read_all(&watch, millis);
                }
            }
            _ if answer.windows(9).take(8).any(|part| part == b"# be_id b" || part == b"# be_name") => {
                feed.states(answer);
            }
            _ => feed.info(answer),
        }
    }
    check_past(&watch, &past);
}

/// Parts at empty lines, each with its last line break.
fn answers(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.windows(2).position(|pair| pair == b"\n\n");
        let (answer, after) = match end {
            Some(end) => (&rest[..=end], &rest[end + 2..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        Some(answer)
    })
}

fn number(digits: &[u8]) -> u64 {
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit()).take(15);
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

fn any_parser(answer: &[u8]) {
    if let Ok(info) = Info::parse(answer) {
        assert!(info.number(InfoField::Pid).is_some());
        let _ = (info.version(), info.node(), info.is_stopping());
    }
    let _ = Table::parse(answer, None);
    let _ = servers_state::parse(answer);
}

/// Every row has its one id, and belongs to a backend as its names say.
fn check_rows(sample: &Sample) {
    let rows = sample.table.rows();
    assert_eq!(sample.rows.ids().len(), rows.len());
    for (index, id) in sample.rows.ids().iter().enumerate() {
        assert_ne!(*id, RowId::PROCESS);
        assert_eq!(sample.rows.index(*id), Some(index));
        let key = sample.rows.key(index);
        assert_eq!((key.kind, &key.proxy, &key.name), (rows[index].kind, &rows[index].proxy, &rows[index].name));
        if let Some(backend) = sample.rows.backend_of(index) {
            assert_eq!(rows[backend.row].proxy, rows[index].proxy);
        }
    }
}

/// Everything that is made of what is known.
fn read_all(watch: &Instance, millis: u64) {
    let visible = |text: &str| assert!(text.chars().all(is_visible), "{text:?}");
    for event in watch.events().newest().take(64) {
        visible(&event.line());
    }
    for problem in watch.problems().list() {
        visible(&problem.line());
    }
    for verdict in watch.problems().verdicts() {
        visible(&verdict.text);
    }
    let Some(sample) = watch.newest() else { return };
    let now = at(millis).mono;
    let span = watch.history().span();
    let mut marks = watch.history().marks().map(|mark| mark.at);
    let first = marks.next();
    assert!(marks.try_fold(first, |before, mark| (before <= Some(mark)).then_some(Some(mark))).is_some());
    let info: Vec<Trend> = InfoField::ALL.iter().map(|field| Trend::of_process(*field)).collect();
    let stat: Vec<Trend> = Field::ALL.iter().map(|field| Trend::of(*field)).collect();
    trend::points(watch.history(), RowId::PROCESS, &info, now, span, 7);
    for field in InfoField::ALL {
        assert!(watch.window().process_rate(*field).is_none_or(|rate| rate >= 0.0 && rate.is_finite()));
    }
    for index in 0..sample.table.rows().len().min(ROWS) {
        let row = RowView::new(watch, sample, index);
        for column in column_table::all() {
            visible(&column.cell(&row).text);
            assert!(!matches!(column.key(&row), SortKey::Number(number) if number.is_nan()), "{}", column.id);
        }
        for field in Field::ALL {
            assert!(row.rate(*field).is_none_or(|rate| rate >= 0.0 && rate.is_finite()));
        }
        trend::points(watch.history(), row.id, &stat, now, span, 7);
        check_last(watch, sample, index);
        let _ = (watch.author(row.id), watch.status(row.id), watch.problems().worst(row.id));
        let _ = watch.draining().left(row.id);
    }
    for lost in watch.lost() {
        let step = lost.step(sample, "".into());
        assert!(step.is_some() || sample.row(lost.id).is_none());
        visible(&lost.word());
    }
    acts(watch, sample);
}

/// What went into the history last comes out of it again.
fn check_last(watch: &Instance, sample: &Sample, index: usize) {
    let series = [Field::Scur, Field::Stot, Field::Bin, Field::Weight, Field::Ttime];
    let mut last = None;
    let id = sample.rows.ids()[index];
    watch.history().read(id, &series.map(Series::Stat), sample.at.mono..=sample.at.mono, |mark, values| {
        last = Some((mark.seq, values.to_vec()));
    });
    let wanted = series.map(|field| sample.table.number(index, field)).to_vec();
    assert_eq!(last, Some((sample.seq, wanted)));
}

/// All that the history still holds is what went in.
fn check_past(watch: &Instance, past: &[Arc<Sample>]) {
    let Some(newest) = past.last() else { return };
    let fields = [Field::Scur, Field::Stot, Field::Bin, Field::Weight, Field::Qcur, Field::Ttime, Field::Rate];
    let keys = [InfoField::Pid, InfoField::CurrConns, InfoField::CumReq, InfoField::IdlePct];
    let ids = newest.rows.ids().iter().copied().take(ROWS).chain([RowId::PROCESS]);
    for id in ids {
        let series: Vec<Series> =
            fields.iter().copied().map(Series::Stat).chain(keys.iter().copied().map(Series::Info)).collect();
        let mut marks = Vec::new();
        watch.history().read(id, &series, Duration::ZERO..=Duration::MAX, |mark, values| {
            let sample = &past[mark.seq as usize - 1];
            assert_eq!((mark.seq, mark.at, mark.epoch), (sample.seq, sample.at.mono, sample.epoch.number));
            let is_process = id == RowId::PROCESS;
            let of_row = fields.iter().map(|field| sample.number(id, *field));
            let of_process = keys.iter().map(|key| sample.process(*key).filter(|_| is_process));
            let wanted: Vec<Option<i64>> = of_row.chain(of_process).collect();
            assert_eq!(values, wanted, "{id:?} in {mark:?}");
            marks.push(mark);
        });
        assert!(watch.history().marks().eq(marks.iter()));
        assert_eq!(marks.last().map(|mark| mark.seq), Some(newest.seq));
    }
    let seqs: Vec<u64> = watch.history().marks().map(|mark| mark.seq).step_by(13).collect();
    let moments = watch.history().moments(&seqs);
    assert!(moments.iter().map(|moment| &moment.seq).eq(&seqs));
    for moment in moments {
        check_moment(&past[moment.seq as usize - 1], &moment);
    }
}

/// A sample that was kept is the one that went in, but for ages, which may be a second off.
fn check_moment(sample: &Sample, kept: &Sample) {
    assert_eq!((sample.at, sample.epoch, &sample.info), (kept.at, kept.epoch, &kept.info));
    assert_eq!((sample.rows.ids(), sample.table.oddities()), (kept.rows.ids(), kept.table.oddities()));
    assert_eq!(sample.table.rows().len(), kept.table.rows().len());
    let schema = sample.table.schema();
    let ages: Vec<usize> = [Field::Lastchg, Field::Lastsess].iter().filter_map(|field| schema.slot(*field)).collect();
    for (index, (row, back)) in sample.table.rows().iter().zip(kept.table.rows()).enumerate() {
        assert_eq!(format!("{row:?}"), format!("{back:?}"));
        for slot in 0..schema.width() {
            let (told, back) = (sample.table.slot_number(index, slot), kept.table.slot_number(index, slot));
            if ages.contains(&slot) {
                assert_eq!(told.is_some(), back.is_some());
            } else {
                assert_eq!(told, back, "{row:?} {slot}");
            }
        }
    }
}

/// What every act on every server would leave, and whether it may be had.
fn acts(watch: &Instance, sample: &Sample) {
    let rows = sample.table.rows().iter().enumerate();
    let targets: Vec<Target> = rows
        .filter(|(_, row)| row.kind == RowKind::Server)
        .take(ROWS)
        .map(|(index, row)| Target {
            id: sample.rows.ids()[index],
            proxy: row.proxy.clone(),
            name: row.name.clone(),
            iid: sample.table.number(index, Field::Iid),
            seen: row.status().into(),
        })
        .collect();
    for act in ACTIONS {
        let order = match act.gives {
            Gives::Order(order) => order,
            Gives::Weight => WriteCommand::Weight(Weight::Percent(25_600)),
            Gives::Limit => WriteCommand::ServerMaxconn(5),
        };
        for targets in targets.chunks(5).take(2) {
            let intent = Intent::new(act, order, 0, targets.to_vec());
            for what_if in WhatIf::of(sample, &intent.steps) {
                let _ = (what_if.weight_left(), what_if.takes_the_last(), what_if.leaves_only_backups());
            }
            let _ = Guard::default().check(&intent, watch);
        }
    }
}

fn drain(watch: &mut Instance, millis: u64) {
    let Some(sample) = watch.newest() else { return };
    let is_it = |index: &usize| {
        let row = &sample.table.rows()[*index];
        row.kind == RowKind::Server && row.state().is_usable()
    };
    let Some(index) = (0..sample.table.rows().len()).find(is_it) else { return };
    let row = &sample.table.rows()[index];
    let target = Target {
        id: sample.rows.ids()[index],
        proxy: row.proxy.clone(),
        name: row.name.clone(),
        iid: None,
        seen: row.status().into(),
    };
    let intent = Intent::new(&DRAIN, WriteCommand::State(Admin::Drain), 0, vec![target]);
    let done = Done {
        step: intent.steps[0].clone(),
        command: intent.commands().concat(),
        before: None,
        after: None,
        outcome: Outcome::Verified("DRAIN".to_owned()),
        remark: None,
    };
    watch.acted(&Report { intent, done: vec![done] }, at(millis));
}
