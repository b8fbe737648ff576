//! Real dumps: of a HAProxy with 20 x 50 servers under about 2,500 requests a second, or of a folder of such.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hapulse::haproxy::address::Address;
use hapulse::haproxy::connection::{self, Limits};
use hapulse::haproxy::reply;
use tokio::runtime::Builder;

use crate::report::Report;
use crate::shared::dump::Feed;
use crate::site::Site;

/// One sample a second, from the real socket.
pub fn sample(seconds: u64, record: Option<&Path>) {
    if let Some(folder) = record {
        fs::create_dir_all(folder).expect("the folder can be made");
    }
    let site = Site::start(20, 50);
    let load = site.load();
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (address, limits) = (Address::unix(site.socket()), Limits::default());
    let (mut feed, mut report) = (Feed::default(), Report::default());
    let start = Instant::now();
    for second in 0..seconds {
        std::thread::sleep((start + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
        let mut answer = Vec::new();
        let asked = connection::ask(&address, "show info;show stat", 2, &limits, &mut answer);
        runtime.block_on(asked).expect("HAProxy answers");
        if let Some(folder) = record {
            fs::write(folder.join(format!("{second:05}.txt")), &answer).expect("the folder can be written");
        }
        take(&mut feed, &mut report, &answer);
    }
    let counts = load.stop();
    let rate = counts.ok as f64 / start.elapsed().as_secs_f64();
    report.print(&format!("1,000 servers, {rate:.0} requests a second, {} failed", counts.failed));
}

/// The dumps of a folder, in the order of their names.
pub fn replay(folder: &Path) {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.flatten().map(|file| file.path()).collect();
    files.sort();
    let (mut feed, mut report) = (Feed::default(), Report::default());
    for file in &files {
        take(&mut feed, &mut report, &fs::read(file).expect("a recorded dump can be read"));
    }
    report.print(&format!("{} recorded dumps", files.len()));
}

fn take(feed: &mut Feed, report: &mut Report, answer: &[u8]) {
    let replies = reply::split(answer, 2);
    let text = |place: usize| replies.get(place).map_or("", |reply| std::str::from_utf8(reply.text()).unwrap_or(""));
    match feed.take(text(0), text(1)) {
        Some((sample, read)) => report.take(&sample, read),
        None => report.unread += 1,
    }
}
