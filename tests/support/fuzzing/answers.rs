//! The reader of answers, fed in pieces, late or never, by a peer in the same thread and on a counted clock.
//!
//! What must come of it is worked out a second time from the pieces and their times alone. The input: how the peer
//! behaves, how long each piece is and how late it comes, then the bytes of the answers themselves.

use std::time::Duration;

use hapulse::haproxy::connection::{AskError, Limits, exchange};
use hapulse::haproxy::reply;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::sleep;

use super::dice::Dice;

const LINE: &str = "show info;show stat";
/// Sizes of the pipe, in bytes.
const PIPES: [usize; 4] = [1 << 16, 1, 7, 300];
/// Milliseconds before a piece. All are even, and none is [`QUIET`], so that with an odd start nothing ever comes at
/// the very moment of a deadline.
const DELAYS: [u64; 8] = [0, 2, 98, 102, 700, 1900, 2100, 9000];
/// Lengths of a piece; the last means: all that is left.
const LENGTHS: [usize; 8] = [1, 0, 2, 3, 20, 500, 4096, usize::MAX];
/// The longest silence after the last answer's end.
const QUIET: u64 = 100;

/// How the peer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closes,
    StaysOpen,
    /// It closes without having read the command.
    Refuses,
    /// It never reads, and never says anything.
    Hangs,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Answer(Vec<u8>),
    Empty,
    Silent,
    Slow(usize),
    TooLarge,
    Broken,
}

pub fn check(data: &[u8]) {
    let mut dice = Dice::new(data);
    let count = 1 + dice.below(5);
    let pipe = *dice.pick(&PIPES);
    let end = *dice.pick(&[End::Closes, End::Closes, End::StaysOpen, End::Refuses, End::Hangs]);
    let limits = Limits { bytes: *dice.pick(&[1 << 20, 1 << 20, 100, 1, 0]), ..Limits::default() };
    let late = dice.below(8);
    let plan: Vec<(u64, usize)> =
        (0..dice.below(24)).map(|_| (*dice.pick(&DELAYS[..=late]), *dice.pick(&LENGTHS))).collect();
    let pieces = pieces(&plan, dice.rest());
    let bytes = pieces.iter().flat_map(|(_, piece)| piece.iter().copied()).collect::<Vec<u8>>();
    check_split(&bytes, count);
    let before = b"before";
    let (got, took) = ask(&pieces, end, pipe, limits, count, before);
    let wanted = match end {
        End::Closes | End::StaysOpen => expect(&pieces, end, &limits, count),
        End::Hangs => Got::Silent,
        // A pipe that takes the whole command hides that nobody reads it.
        End::Refuses if got == Got::Broken => Got::Broken,
        End::Refuses => Got::Empty,
    };
    assert_eq!(got, wanted);
    assert!(took <= limits.whole + limits.first_byte, "{took:?}");
}

fn pieces<'a>(plan: &[(u64, usize)], bytes: &'a [u8]) -> Vec<(u64, &'a [u8])> {
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

/// Answers and the empty lines between them are what was read, to the last byte.
fn check_split(bytes: &[u8], count: usize) {
    assert!(reply::split(bytes, 0).is_empty());
    for count in [count, 1, 2] {
        let replies = reply::split(bytes, count);
        assert!(replies.len() <= count);
        let mut again = Vec::new();
        for (place, reply) in replies.iter().enumerate() {
            assert!(reply.is_whole() || place + 1 == replies.len(), "only the last can be cut");
            again.extend_from_slice(reply.text());
            again.extend_from_slice(if reply.is_whole() { b"\n" } else { b"" });
            assert!(place + 1 == count || !reply.text().windows(2).any(|pair| pair == b"\n\n"));
            let _ = (reply.is_denied(), reply.is_unknown_command(), reply.is_silent());
        }
        assert_eq!(again, bytes);
        let is_whole = replies.len() == count && replies.iter().all(reply::Reply::is_whole);
        assert_eq!(reply::is_complete(bytes, count), is_whole);
        // What was whole before more came is the same afterwards, but for the last, which takes all.
        for (place, reply) in
            replies.iter().enumerate().take_while(|(place, reply)| reply.is_whole() && place + 1 < count)
        {
            let more = [bytes, b"more\n"].concat();
            assert_eq!(reply::split(&more, count)[place].text(), reply.text());
        }
    }
}

fn ask(pieces: &[(u64, &[u8])], end: End, pipe: usize, limits: Limits, count: usize, before: &[u8]) -> (Got, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start = tokio::time::Instant::now();
        let (near, far) = tokio::io::duplex(pipe);
        let peer = async move {
            if end == End::Refuses {
                return;
            }
            let mut far = BufReader::new(far);
            if end == End::Hangs {
                return std::future::pending::<()>().await;
            }
            let mut command = String::new();
            far.read_line(&mut command).await.unwrap();
            assert_eq!(command, format!("{LINE}\n"));
            sleep(Duration::from_millis(1)).await;
            for (delay, piece) in pieces {
                sleep(Duration::from_millis(*delay)).await;
                // Once nobody listens any more, nothing more is said.
                if far.write_all(piece).await.is_err() {
                    return;
                }
            }
            if end == End::StaysOpen {
                std::future::pending::<()>().await;
            }
        };
        let mut into = before.to_vec();
        let result = {
            let mut asking = std::pin::pin!(exchange(near, LINE, count, &limits, &mut into, |_| ()));
            let mut peer = std::pin::pin!(peer);
            let mut is_gone = false;
            loop {
                tokio::select! {
                    biased;
                    () = &mut peer, if !is_gone => is_gone = true,
                    result = &mut asking => break result,
                }
            }
        };
        let took = start.elapsed();
        let got = match result {
            Ok(()) => {
                assert_eq!(&into[..before.len()], before, "what was there stays");
                Got::Answer(into.split_off(before.len()))
            }
            Err(AskError::Empty) => Got::Empty,
            Err(AskError::Silent(_)) => Got::Silent,
            Err(AskError::Slow { bytes, .. }) => Got::Slow(bytes),
            Err(AskError::TooLarge(_)) => Got::TooLarge,
            Err(AskError::Broken(_)) => Got::Broken,
            Err(error) => panic!("{error}"),
        };
        (got, took)
    })
}

/// The same, without a connection.
fn expect(pieces: &[(u64, &[u8])], end: End, limits: &Limits, count: usize) -> Got {
    let millis = |duration: Duration| duration.as_millis() as u64;
    let mut got: Vec<u8> = Vec::new();
    let mut now = 1;
    let mut last = 0;
    for (delay, piece) in pieces.iter().copied().chain([(0, &b""[..])]) {
        now += delay;
        let is_complete = got.ends_with(b"\n") && reply::is_complete(&got, count);
        let deadline = match () {
            () if got.is_empty() => millis(limits.first_byte),
            () if is_complete => millis(limits.whole).min(last + QUIET),
            () => millis(limits.whole),
        };
        let is_late = now > deadline;
        match () {
            () if is_late && got.is_empty() => return Got::Silent,
            () if is_late && is_complete => return Got::Answer(got),
            () if is_late => return Got::Slow(got.len()),
            () => {}
        }
        if !piece.is_empty() {
            got.extend_from_slice(piece);
            last = now;
        }
        if got.len() > limits.bytes {
            return Got::TooLarge;
        }
    }
    match (end, got.is_empty()) {
        (End::Closes, true) => Got::Empty,
        (_, true) => Got::Silent,
        (End::StaysOpen, false) if !reply::is_complete(&got, count) => Got::Slow(got.len()),
        _ => Got::Answer(got),
    }
}
