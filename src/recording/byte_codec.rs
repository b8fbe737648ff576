//! Numbers and texts as bytes. Reading checks every length and never panics.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::haproxy::safe_text::{MAX_ESCAPED_BYTES, SafeText};
use crate::history::row_log::{unzigzag, write_varint, zigzag};

/// The error for bytes that no recorder wrote: the description of what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Damaged(pub(crate) &'static str);

/// Appends an unsigned number as a variable-length integer.
pub(crate) fn write_number(out: &mut Vec<u8>, number: u64) {
    write_varint(out, number);
}

/// Appends a signed number as a variable-length integer.
pub(crate) fn write_signed(out: &mut Vec<u8>, number: i64) {
    write_varint(out, zigzag(number));
}

/// Appends bytes, preceded by their length.
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a text, preceded by twice its length, plus one if it is verbatim.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &SafeText) {
    let bytes = text.as_str().as_bytes();
    write_varint(out, bytes.len() as u64 * 2 + u64::from(text.is_verbatim()));
    out.extend_from_slice(bytes);
}

/// Appends a number plus one, or zero for `None`.
pub(crate) fn write_optional(out: &mut Vec<u8>, number: Option<u64>) {
    write_varint(out, number.map_or(0, |number| number.saturating_add(1)));
}

/// Reads what the functions of this file wrote.
#[derive(Debug, Clone)]
pub(crate) struct ByteReader<'a> {
    rest: &'a [u8],
}

impl<'a> ByteReader<'a> {
    /// Creates a reader that starts at the first byte.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the number of bytes that are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Reads one byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Damaged> {
        let (first, rest) = self.rest.split_first().ok_or(Damaged("ends too early"))?;
        self.rest = rest;
        Ok(*first)
    }

    /// Reads `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Damaged("ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// Reads an unsigned number.
    pub(crate) fn number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Damaged("contains a number of more than 64 bits"))
    }

    /// Reads a signed number.
    pub(crate) fn signed(&mut self) -> Result<i64, Damaged> {
        self.number().map(unzigzag)
    }

    /// Reads an unsigned number of at most 32 bits.
    pub(crate) fn small(&mut self) -> Result<u32, Damaged> {
        u32::try_from(self.number()?).map_err(|_| Damaged("contains a number of more than 32 bits"))
    }

    /// Reads a number that may be absent.
    pub(crate) fn optional(&mut self) -> Result<Option<u64>, Damaged> {
        Ok(self.number()?.checked_sub(1))
    }

    /// Reads the number of items that follow, of which each takes at least one byte; at most `max`.
    pub(crate) fn count(&mut self, max: usize) -> Result<usize, Damaged> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count > max || count > self.rest.len() {
            return Err(Damaged("contains an impossible count"));
        }
        Ok(count)
    }

    /// Reads bytes that are preceded by their length.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Damaged> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        self.take(length)
    }

    /// Reads a text. Text that is not safe to print is escaped.
    pub(crate) fn text(&mut self) -> Result<SafeText, Damaged> {
        let length = self.number()?;
        let is_verbatim = length % 2 == 1;
        let length = usize::try_from(length / 2).unwrap_or(usize::MAX);
        if length > MAX_ESCAPED_BYTES {
            return Err(Damaged("contains a text that is too long"));
        }
        Ok(SafeText::from_stored(self.take(length)?, is_verbatim))
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(self) -> Result<(), Damaged> {
        if self.rest.is_empty() { Ok(()) } else { Err(Damaged("has surplus bytes")) }
    }
}

/// Returns a wall clock time as nanoseconds since 1970.
pub(crate) fn wall_nanos(wall: SystemTime) -> i64 {
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match wall.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => nanos(since),
        Err(before) => -nanos(before.duration()),
    }
}

/// Reverses [`wall_nanos`].
pub(crate) fn wall_time(nanos: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    let time = if nanos < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Returns a duration in nanoseconds.
pub(crate) fn duration_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn written_values_read_back_unchanged(number in any::<u64>(), signed in any::<i64>(), bytes in proptest::collection::vec(any::<u8>(), 0..1300)) {
            let text = SafeText::new(&bytes);
            let mut out = Vec::new();
            write_number(&mut out, number);
            write_signed(&mut out, signed);
            write_bytes(&mut out, &bytes);
            write_text(&mut out, &text);
            write_optional(&mut out, number.checked_sub(1));
            let mut reader = ByteReader::new(&out);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.bytes(), Ok(&bytes[..]));
            prop_assert_eq!(reader.text(), Ok(text));
            prop_assert_eq!(reader.optional(), Ok(number.checked_sub(1)));
            prop_assert_eq!(reader.finish(), Ok(()));
            prop_assert_eq!(wall_nanos(wall_time(signed.max(i64::MIN + 1))), signed.max(i64::MIN + 1));
        }
    }

    #[test]
    fn number_rejects_more_than_64_bits() {
        for bytes in [&[0xff; 10][..], &[0xff; 11], &[0x80; 3], &[]] {
            assert!(ByteReader::new(bytes).number().is_err(), "{bytes:?}");
        }
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(ByteReader::new(&most).number(), Ok(u64::MAX));
    }

    #[test]
    fn count_rejects_more_items_than_bytes() {
        assert_eq!(ByteReader::new(&[3, 0, 0]).count(9), Err(Damaged("contains an impossible count")));
        assert_eq!(ByteReader::new(&[2, 0, 0]).count(9), Ok(2));
    }
}
