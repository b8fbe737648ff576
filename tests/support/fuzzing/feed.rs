//! Samples from any bytes, as the sampler would make them of such answers.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hapulse::haproxy::fields::{Field, InfoField, TextField};
use hapulse::haproxy::info::Info;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::servers_state;
use hapulse::haproxy::stat_table::Table;
use hapulse::observe::configured_state::Configured;
use hapulse::observe::link::Failure;
use hapulse::observe::row_ids::Roster;
use hapulse::observe::sample::{Cost, Epoch, Sample};
use hapulse::observe::timestamp::Stamp;

/// A moment `millis` after the start.
pub fn at(millis: u64) -> Stamp {
    let mono = Duration::from_millis(millis);
    Stamp { mono, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + mono }
}

pub fn failure(retry_at: Duration) -> Failure {
    Failure { why: "cannot connect: no such file or directory".to_owned(), hint: None, is_denied: false, retry_at }
}

/// One HAProxy as the sampler sees it.
#[derive(Debug)]
pub struct Feed {
    roster: Roster,
    info: Info,
    states: Vec<u8>,
    newest: Option<Arc<Sample>>,
    seq: u64,
    pub level: Option<Level>,
}

impl Feed {
    pub fn new() -> Self {
        let info = Info::parse(b"Version: 2.6.12\nPid: 1\nUptime_sec: 0\n").unwrap();
        Self { roster: Roster::default(), info, states: Vec::new(), newest: None, seq: 0, level: Some(Level::Admin) }
    }

    /// What `show info` says from now on; nothing changes when it is none.
    pub fn info(&mut self, body: &[u8]) {
        if let Ok(info) = Info::parse(body) {
            self.info = info;
        }
    }

    /// What `show servers state` says from now on.
    pub fn states(&mut self, body: &[u8]) {
        self.states = body.to_vec();
    }

    /// The next sample; nothing when this is no `show stat`.
    pub fn stat(&mut self, millis: u64, body: &[u8]) -> Option<Arc<Sample>> {
        let table = Table::parse(body, self.newest.as_ref().map(|sample| &sample.table)).ok()?;
        let pid = self.info.number(InfoField::Pid).unwrap();
        let uptime = self.info.number(InfoField::UptimeSec);
        let epoch = match &self.newest {
            Some(before) if before.epoch.pid == pid && uptime >= before.info.number(InfoField::UptimeSec) => {
                before.epoch
            }
            before => Epoch { number: before.as_ref().map_or(0, |before| before.epoch.number) + 1, pid },
        };
        let rows = self.roster.identify(&table);
        let configured = Configured::new(servers_state::read(&self.states), &rows);
        self.seq += 1;
        let sample = Arc::new(Sample {
            seq: self.seq,
            at: at(millis),
            epoch,
            level: self.level,
            info: self.info.clone(),
            configured: (!configured.is_empty()).then(|| Arc::new(configured)),
            table,
            rows,
            cost: Cost { bytes: body.len(), answer: Duration::from_millis(4) },
            interval: Duration::from_secs(2),
        });
        self.newest = Some(Arc::clone(&sample));
        Some(sample)
    }
}

/// What was read with the sample before at hand is what is read without it.
pub fn same(one: &Table, other: &Table) {
    assert_eq!(one.schema(), other.schema());
    assert_eq!(one.oddities(), other.oddities());
    assert_eq!(one.rows().len(), other.rows().len());
    for (index, (row, twin)) in one.rows().iter().zip(other.rows()).enumerate() {
        assert_eq!((row.kind, &row.proxy, &row.name), (twin.kind, &twin.proxy, &twin.name));
        for (field, _) in TextField::ALL {
            assert_eq!(row.text(field), twin.text(field));
        }
        for field in Field::ALL {
            assert_eq!(one.number(index, *field), other.number(index, *field));
        }
    }
}
