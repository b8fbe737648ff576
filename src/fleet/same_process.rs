//! Targets that are the same HAProxy process: several sockets of it, a symbolic link, or a socket and a TCP address.

use crate::actions::process_identity::ProcessIdentity;
use crate::haproxy::fields::InfoField;
use crate::observe::sample::Sample;

/// Returns the position of the first balancer whose sample is of the same process as the one at `place`, if it is an earlier
/// one. Samples are `None` where they are unknown.
pub(crate) fn earlier_twin(samples: &[Option<&Sample>], place: usize) -> Option<usize> {
    let own = samples[place]?;
    samples[..place].iter().position(|earlier| earlier.is_some_and(|earlier| is_same_process(earlier, own)))
}

/// Returns whether two balancers are the same process: the process id, the start, the name of the node and the version are
/// equal, and the counters do not show two processes. Processes of containers on several machines often have equal ids.
pub(crate) fn is_same_process(one: &Sample, other: &Sample) -> bool {
    ProcessIdentity::from_sample(one).is_certainly(&ProcessIdentity::from_sample(other))
        && one.info.node() == other.info.node()
        && one.info.version_text() == other.info.version_text()
        && do_counters_agree(one, other)
}

/// Returns false if a counter of the whole process is smaller in the later sample. Samples that may have been taken at the
/// same time are not compared.
fn do_counters_agree(one: &Sample, other: &Sample) -> bool {
    let (earlier, later) = if one.at.monotonic <= other.at.monotonic { (one, other) } else { (other, one) };
    let counters = [InfoField::CumConns, InfoField::CumReq];
    later.at.monotonic < earlier.at.monotonic + later.cost.reply_time
        || counters.into_iter().all(|field| match (earlier.process_number(field), later.process_number(field)) {
            (Some(before), Some(after)) => before <= after,
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};
    use std::sync::Arc;

    fn sample(millis: u64, info: &str) -> Arc<Sample> {
        let mut builder = SampleBuilder::default();
        info.clone_into(&mut builder.info);
        builder.build_at_millis(millis, &stat_of_site())
    }

    #[test]
    fn is_same_process_compares_start_node_version_and_counters() {
        let first = sample(10_000, "CumConns: 100\nStart_time_sec: 5\n");
        let is_same = |other: &Sample| is_same_process(&first, other) && is_same_process(other, &first);
        assert!(is_same(&sample(12_000, "CumConns: 100\nStart_time_sec: 5\n")));
        assert!(is_same(&sample(12_000, "CumConns: 107\nStart_time_sec: 5\n")));
        assert!(is_same(&sample(10_000, "CumConns: 99\nStart_time_sec: 5\n")), "the order is unknown");
        assert!(!is_same(&sample(12_000, "CumConns: 99\nStart_time_sec: 5\n")));
        assert!(!is_same(&sample(8_000, "CumConns: 101\nStart_time_sec: 5\n")));
        assert!(!is_same(&sample(12_000, "CumConns: 100\nStart_time_sec: 6\n")));
        let mut other = SampleBuilder::default();
        other.version = "3.0.5";
        assert!(!is_same(&other.build_at_millis(10_000, &stat_of_site())));
        let mut other = SampleBuilder::default();
        other.answer_as(101);
        assert!(!is_same(&other.build_at_millis(10_000, &stat_of_site())));
        let node = |name: &str| {
            let mut other = sample(10_000, "CumConns: 100\nStart_time_sec: 5\n");
            let text =
                format!("Version: 2.6.12-1+deb12u4\nPid: 100\nUptime_sec: 10\nnode: {name}\nStart_time_sec: 5\n");
            Arc::get_mut(&mut other).unwrap().info = crate::haproxy::info::ProcessInfo::parse(text.as_bytes()).unwrap();
            is_same(&other)
        };
        assert_eq!((node("lb01"), node("lb02")), (true, false));
    }

    #[test]
    fn earlier_twin_is_the_first_of_the_same_process() {
        let (one, other) = (sample(1000, "Start_time_sec: 5\n"), sample(1000, "Start_time_sec: 9\n"));
        let samples = [Some(&*one), None, Some(&*other), Some(&*one), Some(&*one), Some(&*other)];
        let twins: Vec<Option<usize>> = (0..samples.len()).map(|place| earlier_twin(&samples, place)).collect();
        assert_eq!(twins, [None, None, None, Some(0), Some(0), Some(2)]);
    }
}
