//! Samples for unit tests.
#![allow(clippy::missing_panics_doc)]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::haproxy::info::ProcessInfo;
use crate::haproxy::level::Level;
use crate::haproxy::stat_table::StatTable;
use crate::observe::configured_state::ConfiguredServers;
use crate::observe::row_ids::RowIds;
use crate::observe::sample::{Epoch, ReplyCost, Sample, SampleDetails};
use crate::observe::slow_facts::SlowFacts;
use crate::observe::timestamp::Timestamp;

/// Returns the timestamp `millis` after the start of the test.
pub(crate) fn timestamp_at(millis: u64) -> Timestamp {
    let mono = Duration::from_millis(millis);
    Timestamp { monotonic: mono, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + mono }
}

/// Builds consecutive samples of one instance, as the sampler does.
#[derive(Debug)]
pub(crate) struct SampleBuilder {
    row_ids: RowIds,
    seq: u64,
    epoch: Epoch,
    /// Lines of `show info` in addition to the standard ones.
    pub(crate) info: String,
    /// HAProxy version.
    pub(crate) version: &'static str,
    /// Permission level of the socket.
    pub(crate) level: Option<Level>,
    /// Configured state of the servers.
    pub(crate) configured: Option<Arc<ConfiguredServers>>,
    /// Pids of the processes that reply in turn.
    pub(crate) live_pids: Vec<i64>,
    /// Results of the slow round.
    pub(crate) slow_facts: Option<Arc<SlowFacts>>,
}

impl Default for SampleBuilder {
    fn default() -> Self {
        Self {
            row_ids: RowIds::default(),
            seq: 0,
            epoch: Epoch { number: 1, pid: 100 },
            info: String::new(),
            version: "2.6.12-1+deb12u4",
            level: Some(Level::Admin),
            configured: None,
            live_pids: Vec::new(),
            slow_facts: None,
        }
    }
}

impl SampleBuilder {
    /// Builds a sample from the text of `show stat`.
    pub(crate) fn build_at_millis(&mut self, millis: u64, stat: &str) -> Arc<Sample> {
        self.seq += 1;
        let table = StatTable::parse(stat.as_bytes(), None).unwrap();
        let (version, pid, uptime) = (self.version, self.epoch.pid, millis / 1000);
        let mut info = format!("Version: {version}\nPid: {pid}\nUptime_sec: {uptime}\nnode: lb01\n");
        let _ = writeln!(info, "Maxconn: 2000\nCurrConns: 500\nIdle_pct: 80\n{}", self.info);
        Arc::new(Sample {
            seq: self.seq,
            at: timestamp_at(millis),
            epoch: self.epoch,
            level: self.level,
            info: ProcessInfo::parse(info.as_bytes()).unwrap(),
            rows: self.row_ids.identify(&table),
            changes: None,
            table,
            cost: ReplyCost { bytes: stat.len(), reply_time: Duration::from_millis(1) },
            interval: Duration::from_secs(2),
            configured: self.configured.clone(),
            details: SampleDetails {
                live_pids: self.live_pids.clone(),
                slow_facts: self.slow_facts.clone(),
                ..SampleDetails::default()
            },
        })
    }

    /// Switches to a new epoch: the next samples come from another process.
    pub(crate) fn reload(&mut self) {
        self.answer_as(self.epoch.pid + 1);
    }

    /// Switches to a new epoch of the process with this pid, which may have replied before.
    pub(crate) fn answer_as(&mut self, pid: i64) {
        self.epoch = Epoch { number: self.epoch.number + 1, pid };
    }
}

/// Returns a `show stat` reply that contains one server, whose session counter is `stot`.
pub(crate) fn stat_with_server(backend: &str, name: &str, stot: i64) -> String {
    format!("# pxname,svname,stot,type,status,\n{backend},{name},{stot},2,UP,\n")
}

/// Returns a `show stat` reply for a small site: a frontend and three backends, `www` with two servers, `api` with
/// three servers (up, draining, in maintenance) and `legacy` with a server that is down.
pub(crate) fn stat_of_site() -> String {
    "# pxname,svname,qcur,scur,slim,stot,bin,bout,status,weight,act,bck,type,lastchg,rate,req_rate,rtime,econ,eresp,\
     hrsp_5xx,req_tot,check_status,last_chk,algo,hrsp_2xx,\n\
     www-in,FRONTEND,,812,2000,9000,5000,8000,OPEN,,,,0,,40,110,,,,1,9000,,,,8900,\n\
     www,w1,0,400,,4500,2500,4000,UP,100,1,0,2,30,20,55,12,0,0,0,4500,L7OK,,,4450,\n\
     www,w2,0,412,,4500,2500,4000,UP,100,1,0,2,30,20,55,13,0,0,1,4500,L7OK,,,4450,\n\
     www,BACKEND,0,812,200,9000,5000,8000,UP,200,2,0,1,30,40,110,12,0,0,1,9000,,,roundrobin,8900,\n\
     api,api1,4,50,50,100,10,10,UP,100,1,0,2,60,9,41,62,0,0,2,100,L7OK,OK,,90,\n\
     api,api2,0,3,50,100,10,10,DRAIN,100,1,0,2,60,1,1,58,0,0,0,100,L7OK,OK,,90,\n\
     api,api3,0,0,50,100,10,10,MAINT,100,1,0,2,3000,0,0,,0,0,0,100,,,,90,\n\
     api,BACKEND,4,53,200,300,30,30,UP,100,1,0,1,60,10,42,60,0,0,2,300,,,leastconn,270,\n\
     legacy,old1,0,0,20,0,0,0,DOWN,1,1,0,2,600,0,0,,9,0,0,0,L4CON,Connection refused,,0,\n\
     legacy,BACKEND,0,0,200,0,0,0,DOWN,0,0,0,1,600,0,0,,9,0,0,0,,,roundrobin,0,\n"
        .to_owned()
}
