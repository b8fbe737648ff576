//! Whole numbers as few bits: Rice codes, for numbers that are mostly small and of one size.
//!
//! A number is cut into a quotient, written as so many ones and a zero, and `k` bits. One whose quotient is long is
//! written whole behind `ESCAPE` ones, so that every number has its code.

/// Ones that stand for a number written whole.
const ESCAPE: u64 = 24;

/// Writes bits, the highest of each number first.
#[derive(Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    free: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`, 57 at the most at a time.
    fn push(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let take = left.min(self.free);
            let piece = (value >> (left - take)) & ((1 << take) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (piece as u8) << (self.free - take);
            }
            self.free -= take;
            left -= take;
        }
    }

    /// Appends a number.
    pub fn rice(&mut self, value: u64, k: u32) {
        let quotient = value >> k;
        if quotient >= ESCAPE {
            self.push((1 << ESCAPE) - 1, ESCAPE as u32);
            self.push(value >> 32, 32);
            self.push(value & 0xffff_ffff, 32);
            return;
        }
        self.push((1 << (quotient + 1)) - 2, quotient as u32 + 1);
        self.push(value & ((1 << k) - 1), k);
    }

    /// The bytes so far; the next number begins in a new one.
    pub fn finish(&mut self) -> Vec<u8> {
        self.free = 0;
        std::mem::take(&mut self.bytes)
    }
}

/// Reads what [`BitWriter`] wrote. Behind the end all bits are zero.
#[derive(Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> BitReader<'a> {
    /// Reads from the front.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    fn bits(&mut self, count: u32) -> u64 {
        let (mut value, mut left) = (0, count);
        while left > 0 {
            let offset = (self.place % 8) as u32;
            let byte = u64::from(self.bytes.get(self.place / 8).copied().unwrap_or(0));
            let take = left.min(8 - offset);
            let piece = (byte >> (8 - offset - take)) & ((1 << take) - 1);
            value = value << take | piece;
            self.place += take as usize;
            left -= take;
        }
        value
    }

    /// The next number.
    pub fn rice(&mut self, k: u32) -> u64 {
        let mut quotient = 0;
        while self.bits(1) == 1 {
            quotient += 1;
            if quotient == ESCAPE {
                return self.bits(32) << 32 | self.bits(32);
            }
        }
        quotient << k | self.bits(k)
    }

    /// Bytes touched so far.
    pub fn used(&self) -> usize {
        self.place.div_ceil(8).min(self.bytes.len())
    }
}

/// The `k` that takes the fewest bits for these numbers, and how many bits those are.
pub fn best_rice(values: &(impl Iterator<Item = u64> + Clone)) -> (u32, u64) {
    let cost = |k: u32| -> u64 {
        let one = |value: u64| {
            let quotient = value >> k;
            if quotient >= ESCAPE { ESCAPE + 64 } else { quotient + 1 + u64::from(k) }
        };
        values.clone().map(one).sum()
    };
    // The cost falls to its lowest and then rises.
    let (mut best, mut bits) = (0, cost(0));
    for k in 1..=40 {
        let now = cost(k);
        if now > bits && k > best + 2 {
            break;
        }
        if now < bits {
            (best, bits) = (k, now);
        }
    }
    (best, bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_numbers_take_few_bits() {
        assert_eq!(best_rice(&[0, 0, 0, 0].into_iter()), (0, 4));
        assert_eq!(best_rice(&[5, 6, 7, 4].into_iter()), (2, 16));
        assert!(best_rice(&[1000, 1001, 1002, 999].into_iter()).1 <= 48);
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(values in proptest::collection::vec(prop_oneof![0..8_u64, 0..5000_u64, any::<u64>()], 0..80), k in 0..40_u32) {
            let mut writer = BitWriter::default();
            for value in &values {
                writer.rice(*value, k);
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for value in &values {
                prop_assert_eq!(reader.rice(k), *value);
            }
            prop_assert_eq!(reader.used(), bytes.len());
        }
    }
}
