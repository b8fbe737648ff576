//! Waits for several futures on one task, so that one that waits delays no other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// Runs the futures concurrently, and returns their results in the same order when all have ended.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    type Running<F, T> = (Pin<Box<F>>, Option<T>);
    let mut running: Vec<Running<F, F::Output>> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, result) in running.iter_mut().filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                *result = Some(value);
            }
        }
        if running.iter().all(|(_, result)| result.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    #[tokio::test(start_paused = true)]
    async fn join_all_runs_concurrently_and_keeps_order() {
        let start = Instant::now();
        let results = join_all([3, 1, 2].map(|seconds| async move {
            sleep(Duration::from_secs(seconds)).await;
            seconds
        }));
        assert_eq!(results.await, [3, 1, 2]);
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        assert_eq!(join_all(std::iter::empty::<std::future::Ready<()>>()).await, []);
    }
}
