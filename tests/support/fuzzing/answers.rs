//! Fuzz target for the reply reader. A peer in the same thread sends the replies in pieces, some of them late or never,
//! on a simulated clock.
//!
//! The expected result is computed independently, from the pieces and their delays. The fuzz input consists of the
//! behavior of the peer, the length and delay of each piece, and the bytes of the replies.

use std::time::Duration;

use hapulse::haproxy::connection::{ConnectionLimits, RequestError, exchange};
use hapulse::haproxy::reply;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::sleep;

use super::dice::DecisionReader;

const COMMAND: &str = "show info;show stat";
/// Sizes of the pipe in bytes.
const PIPE_SIZES: [usize; 4] = [1 << 16, 1, 7, 300];
/// Milliseconds before a piece. All are even, so that after a start at an odd time no piece arrives at the exact time
/// of a deadline.
const DELAYS_MS: [u64; 8] = [0, 2, 98, 102, 700, 1900, 2100, 9000];
/// Lengths of a piece in bytes; the last value stands for all remaining bytes.
const LENGTHS: [usize; 8] = [1, 0, 2, 3, 20, 500, 4096, usize::MAX];
/// Silence in milliseconds, after what looks like the end of a reply, after which the reader closes its side.
const MAX_QUIET_MS: u64 = 100;

/// Behavior of the peer after the last piece, or instead of sending pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeerEnd {
    Closes,
    StaysOpen,
    /// Closes after the reader has closed its side, as the master CLI does.
    ClosesAfterReader,
    /// Closes without reading the command.
    Refuses,
    /// Never reads and never writes.
    Hangs,
}

/// Result of an exchange.
#[derive(Debug, PartialEq, Eq)]
enum ReadResult {
    Reply(Vec<u8>),
    Empty,
    Silent,
    Slow(usize),
    TooLarge,
    Broken,
}

pub fn check(data: &[u8]) {
    let mut decisions = DecisionReader::new(data);
    let count = 1 + decisions.below(5);
    let pipe = *decisions.pick(&PIPE_SIZES);
    let end = *decisions.pick(&[
        PeerEnd::Closes,
        PeerEnd::Closes,
        PeerEnd::StaysOpen,
        PeerEnd::ClosesAfterReader,
        PeerEnd::Refuses,
        PeerEnd::Hangs,
    ]);
    let limits =
        ConnectionLimits { max_bytes: *decisions.pick(&[1 << 20, 1 << 20, 100, 1, 0]), ..ConnectionLimits::default() };
    let max_delay_index = decisions.below(8);
    let plan: Vec<(u64, usize)> = (0..decisions.below(24))
        .map(|_| (*decisions.pick(&DELAYS_MS[..=max_delay_index]), *decisions.pick(&LENGTHS)))
        .collect();
    let pieces = split_into_pieces(&plan, decisions.rest());
    let bytes = pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect::<Vec<u8>>();
    check_split(&bytes, count);
    let before = b"before";
    let (got, duration) = run_exchange(&pieces, end, pipe, limits, before);
    let expected = match end {
        PeerEnd::Closes | PeerEnd::StaysOpen | PeerEnd::ClosesAfterReader => expected_result(&pieces, end, &limits),
        PeerEnd::Hangs => ReadResult::Silent,
        // If the pipe has room for the whole command, the sender does not notice that the peer does not read it.
        PeerEnd::Refuses if got == ReadResult::Broken => ReadResult::Broken,
        PeerEnd::Refuses => ReadResult::Empty,
    };
    assert_eq!(got, expected);
    assert!(duration <= limits.total + limits.first_byte, "{duration:?}");
}

fn split_into_pieces<'a>(plan: &[(u64, usize)], bytes: &'a [u8]) -> Vec<(u64, &'a [u8])> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    for (delay, length) in plan {
        let (piece, after) = rest.split_at(rest.len().min(*length));
        pieces.push((*delay, piece));
        rest = after;
    }
    pieces.push((0, rest));
    pieces
}

/// Checks that the replies and the separators between them are exactly the input.
fn check_split(bytes: &[u8], count: usize) {
    assert!(reply::split(bytes, 0).is_empty());
    for count in [count, 1, 2] {
        let replies = reply::split(bytes, count);
        assert!(replies.len() <= count);
        let mut again = Vec::new();
        for (index, reply) in replies.iter().enumerate() {
            again.extend_from_slice(reply.text());
            let is_ended = bytes.get(again.len()) == Some(&b'\n');
            assert!(is_ended || index + 1 == replies.len(), "only the last reply can be incomplete");
            assert!(is_ended || !reply.is_complete());
            again.extend_from_slice(if is_ended { b"\n" } else { b"" });
            assert!(index + 1 == count || !reply.text().windows(2).any(|pair| pair == b"\n\n"));
            let _ = (reply.is_denied(), reply.is_unknown_command(), reply.is_empty());
        }
        assert_eq!(again, bytes);
        // More bytes after a complete reply do not change it. Only the last reply contains all bytes that follow.
        for (index, reply) in
            replies.iter().enumerate().take_while(|(index, reply)| reply.is_complete() && index + 1 < count)
        {
            let more = [bytes, b"more\n"].concat();
            assert_eq!(reply::split(&more, count)[index].text(), reply.text());
        }
    }
}

fn run_exchange(
    pieces: &[(u64, &[u8])],
    end: PeerEnd,
    pipe: usize,
    limits: ConnectionLimits,
    before: &[u8],
) -> (ReadResult, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start = tokio::time::Instant::now();
        let (near, far) = tokio::io::duplex(pipe);
        let peer = async move {
            if end == PeerEnd::Refuses {
                return;
            }
            let mut far = BufReader::new(far);
            if end == PeerEnd::Hangs {
                return std::future::pending::<()>().await;
            }
            let mut command = String::new();
            far.read_line(&mut command).await.unwrap();
            assert_eq!(command, format!("{COMMAND}\n"));
            sleep(Duration::from_millis(1)).await;
            for (delay, piece) in pieces {
                sleep(Duration::from_millis(*delay)).await;
                // Stop when the reader has closed the connection.
                if far.write_all(piece).await.is_err() {
                    return;
                }
            }
            if end == PeerEnd::ClosesAfterReader {
                let mut rest = Vec::new();
                let _ = far.read_to_end(&mut rest).await;
            }
            if end == PeerEnd::StaysOpen {
                std::future::pending::<()>().await;
            }
        };
        let mut into = before.to_vec();
        let result = {
            let mut received = 0;
            let mut exchange = std::pin::pin!(exchange(near, COMMAND, &limits, &mut into, &mut received, |_| true));
            let mut peer = std::pin::pin!(peer);
            let mut is_peer_done = false;
            loop {
                tokio::select! {
                    biased;
                    () = &mut peer, if !is_peer_done => is_peer_done = true,
                    result = &mut exchange => break result,
                }
            }
        };
        let duration = start.elapsed();
        let got = match result {
            Ok(()) => {
                assert_eq!(&into[..before.len()], before, "what was there stays");
                ReadResult::Reply(into.split_off(before.len()))
            }
            Err(RequestError::Empty) => ReadResult::Empty,
            Err(RequestError::Silent(_)) => ReadResult::Silent,
            Err(RequestError::Slow { bytes, .. }) => ReadResult::Slow(bytes),
            Err(RequestError::TooLarge(_)) => ReadResult::TooLarge,
            Err(RequestError::Broken(_)) => ReadResult::Broken,
            Err(error) => panic!("{error}"),
        };
        (got, duration)
    })
}

/// Computes the expected result without a connection.
fn expected_result(pieces: &[(u64, &[u8])], end: PeerEnd, limits: &ConnectionLimits) -> ReadResult {
    let millis = |duration: Duration| duration.as_millis() as u64;
    let mut got: Vec<u8> = Vec::new();
    let mut now = 1;
    let mut last = 0;
    let mut is_half_closed = false;
    for (delay, piece) in pieces.iter().copied().chain([(0, &b""[..])]) {
        now += delay;
        let deadline = millis(if got.is_empty() { limits.first_byte } else { limits.total });
        is_half_closed |= reply::may_be_complete(&got) && now > last + MAX_QUIET_MS;
        match () {
            () if now > deadline && got.is_empty() => return ReadResult::Silent,
            () if now > deadline => return ReadResult::Slow(got.len()),
            () => {}
        }
        if !piece.is_empty() {
            got.extend_from_slice(piece);
            last = now;
        }
        if got.len() > limits.max_bytes {
            return ReadResult::TooLarge;
        }
    }
    is_half_closed |= reply::may_be_complete(&got) && last + MAX_QUIET_MS < millis(limits.total);
    match end {
        PeerEnd::Closes if got.is_empty() => ReadResult::Empty,
        _ if got.is_empty() => ReadResult::Silent,
        PeerEnd::Closes => ReadResult::Reply(got),
        PeerEnd::ClosesAfterReader if is_half_closed => ReadResult::Reply(got),
        _ => ReadResult::Slow(got.len()),
    }
}
