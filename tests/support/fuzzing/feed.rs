//! Creates samples from arbitrary bytes, as the sampler would if HAProxy sent these bytes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hapulse::haproxy::fields::{Field, InfoField, TextField};
use hapulse::haproxy::info::ProcessInfo;
use hapulse::haproxy::level::Level;
use hapulse::haproxy::servers_state;
use hapulse::haproxy::stat_table::StatTable;
use hapulse::observe::configured_state::ConfiguredServers;
use hapulse::observe::link::PollFailure;
use hapulse::observe::row_ids::RowIds;
use hapulse::observe::sample::{Epoch, ReplyCost, Sample, SampleDetails};
use hapulse::observe::timestamp::Timestamp;

/// Returns the timestamp `millis` milliseconds after the start.
pub fn timestamp_at(millis: u64) -> Timestamp {
    let mono = Duration::from_millis(millis);
    Timestamp { monotonic: mono, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + mono }
}

pub fn poll_failure(retry_at: Duration) -> PollFailure {
    PollFailure {
        reason: "cannot connect: no such file or directory".to_owned(),
        hint: None,
        is_denied: false,
        retry_at,
    }
}

/// A sampler of one HAProxy that gets its replies as arguments.
#[derive(Debug)]
pub struct FakeSampler {
    row_ids: RowIds,
    info: ProcessInfo,
    servers_state: Vec<u8>,
    newest: Option<Arc<Sample>>,
    seq: u64,
    pub level: Option<Level>,
}

impl FakeSampler {
    pub fn new() -> Self {
        let info = ProcessInfo::parse(b"Version: 2.6.12\nPid: 1\nUptime_sec: 0\n").unwrap();
        Self {
            row_ids: RowIds::default(),
            info,
            servers_state: Vec::new(),
            newest: None,
            seq: 0,
            level: Some(Level::Admin),
        }
    }

    /// Sets the reply to `show info` for the next samples. Ignores an invalid reply.
    pub fn set_info(&mut self, body: &[u8]) {
        if let Ok(info) = ProcessInfo::parse(body) {
            self.info = info;
        }
    }

    /// Sets the reply to `show servers state` for the next samples.
    pub fn set_servers_state(&mut self, body: &[u8]) {
        self.servers_state = body.to_vec();
    }

    /// Returns the next sample, or `None` if `body` is not a valid reply to `show stat`.
    pub fn next_sample(&mut self, millis: u64, body: &[u8]) -> Option<Arc<Sample>> {
        let table = StatTable::parse(body, self.newest.as_ref().map(|sample| &sample.table)).ok()?;
        let pid = self.info.number(InfoField::Pid).unwrap();
        let uptime = self.info.number(InfoField::UptimeSec);
        let epoch = match &self.newest {
            Some(before) if before.epoch.pid == pid && uptime >= before.info.number(InfoField::UptimeSec) => {
                before.epoch
            }
            before => Epoch { number: before.as_ref().map_or(0, |before| before.epoch.number) + 1, pid },
        };
        let rows = self.row_ids.identify(&table);
        let configured = ConfiguredServers::new(servers_state::iter(&self.servers_state), &table, &rows);
        self.seq += 1;
        let sample = Arc::new(Sample {
            seq: self.seq,
            at: timestamp_at(millis),
            epoch,
            level: self.level,
            info: self.info.clone(),
            configured: (!configured.is_empty()).then(|| Arc::new(configured)),
            table,
            rows,
            changes: None,
            cost: ReplyCost { bytes: body.len(), reply_time: Duration::from_millis(4) },
            interval: Duration::from_secs(2),
            details: SampleDetails::default(),
        });
        self.newest = Some(Arc::clone(&sample));
        Some(sample)
    }
}

/// Asserts that a table that reuses strings of the previous table equals a table that was parsed alone.
pub fn assert_same_table(one: &StatTable, other: &StatTable) {
    assert_eq!(one.schema(), other.schema());
    assert_eq!(one.anomalies(), other.anomalies());
    assert_eq!(one.rows().len(), other.rows().len());
    for (index, (row, other_row)) in one.rows().iter().zip(other.rows()).enumerate() {
        assert_eq!((row.kind, &row.proxy, &row.name), (other_row.kind, &other_row.proxy, &other_row.name));
        for (field, _) in TextField::ALL {
            assert_eq!(row.text(field), other_row.text(field));
        }
        for field in Field::ALL {
            assert_eq!(one.number(index, *field), other.number(index, *field));
        }
    }
}
