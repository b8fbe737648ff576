//! Measurements with real dumps, either from a HAProxy with 20 x 50 servers at about 2,500 requests per second, or from
//! a folder of recorded dumps.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hapulse::haproxy::address::Address;
use hapulse::haproxy::connection::{self, ConnectionLimits};
use hapulse::haproxy::reply;
use tokio::runtime::Builder;

use crate::report::HistoryReport;
use crate::shared::dump::SampleFeed;
use crate::site::LoadedSite;

/// Samples a real HAProxy once per second, prints a report and, if `record` is a folder, stores the dumps in it.
pub fn measure_live(seconds: u64, record: Option<&Path>) {
    if let Some(folder) = record {
        fs::create_dir_all(folder).expect("the folder can be created");
    }
    let site = LoadedSite::start(20, 50);
    let load = site.start_load();
    let runtime = Builder::new_current_thread().enable_all().build().expect("the runtime can be created");
    let (address, limits) = (Address::unix(site.socket()), ConnectionLimits::default());
    let (mut feed, mut report) = (SampleFeed::default(), HistoryReport::default());
    let start = Instant::now();
    for second in 0..seconds {
        std::thread::sleep((start + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
        let mut reply = Vec::new();
        let request = connection::request(&address, "show info;show stat", &limits, &mut reply);
        runtime.block_on(request).expect("HAProxy replies");
        if let Some(folder) = record {
            fs::write(folder.join(format!("{second:05}.txt")), &reply).expect("the folder can be written");
        }
        push_reply(&mut feed, &mut report, &reply);
    }
    let counts = load.stop();
    let rate = counts.ok as f64 / start.elapsed().as_secs_f64();
    report.print(&format!("1,000 servers, {rate:.0} requests per second, {} failed", counts.failed));
}

/// Reads the dumps in a folder, in the order of the file names, and prints a report.
pub fn replay(folder: &Path) {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    let (mut feed, mut report) = (SampleFeed::default(), HistoryReport::default());
    for file in &files {
        push_reply(&mut feed, &mut report, &fs::read(file).expect("a recorded dump can be read"));
    }
    report.print(&format!("{} recorded dumps", files.len()));
}

fn push_reply(feed: &mut SampleFeed, report: &mut HistoryReport, reply: &[u8]) {
    let replies = reply::split(reply, 2);
    let text = |index: usize| replies.get(index).map_or("", |reply| std::str::from_utf8(reply.text()).unwrap_or(""));
    match feed.parse(text(0), text(1)) {
        Some((sample, parse_time)) => report.push(&sample, parse_time),
        None => report.unreadable += 1,
    }
}
