//! Rice codes: a compact bit encoding for integers that are mostly small and of similar size.
//!
//! A number is split into a quotient, written in unary (ones followed by a zero), and the lowest `k` bits. If the
//! quotient is too long, the number is written in full after `ESCAPE_ONES` ones, so that every number can be encoded.

/// Number of ones that precede a number written in full.
const ESCAPE_ONES: u64 = 24;

/// Writes bits, the highest bit of each number first.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    free_bits: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`; at most 57 bits.
    fn push_bits(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free_bits == 0 {
                self.bytes.push(0);
                self.free_bits = 8;
            }
            let taken_bits = left.min(self.free_bits);
            let chunk = (value >> (left - taken_bits)) & ((1 << taken_bits) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (chunk as u8) << (self.free_bits - taken_bits);
            }
            self.free_bits -= taken_bits;
            left -= taken_bits;
        }
    }

    /// Appends the Rice code of `value` with parameter `k`.
    pub(crate) fn push_rice(&mut self, value: u64, k: u32) {
        let quotient = value >> k;
        if quotient >= ESCAPE_ONES {
            self.push_bits((1 << ESCAPE_ONES) - 1, ESCAPE_ONES as u32);
            self.push_bits(value >> 32, 32);
            self.push_bits(value & 0xffff_ffff, 32);
            return;
        }
        self.push_bits((1 << (quotient + 1)) - 2, quotient as u32 + 1);
        self.push_bits(value & ((1 << k) - 1), k);
    }

    /// Returns the bytes written so far and starts a new byte for the next number.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.free_bits = 0;
        std::mem::take(&mut self.bytes)
    }
}

/// Reads the bits that a [`BitWriter`] wrote. All bits after the end are zero.
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// Creates a reader that starts at the first bit.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    fn read_bits(&mut self, count: u32) -> u64 {
        let (mut value, mut left) = (0, count);
        while left > 0 {
            let offset = (self.position % 8) as u32;
            let byte = u64::from(self.bytes.get(self.position / 8).copied().unwrap_or(0));
            let taken_bits = left.min(8 - offset);
            let chunk = (byte >> (8 - offset - taken_bits)) & ((1 << taken_bits) - 1);
            value = value << taken_bits | chunk;
            self.position += taken_bits as usize;
            left -= taken_bits;
        }
        value
    }

    /// Reads the next Rice code with parameter `k`.
    pub(crate) fn read_rice(&mut self, k: u32) -> u64 {
        let mut quotient = 0;
        while self.read_bits(1) == 1 {
            quotient += 1;
            if quotient == ESCAPE_ONES {
                return self.read_bits(32) << 32 | self.read_bits(32);
            }
        }
        quotient << k | self.read_bits(k)
    }

    /// Returns the number of bytes read so far, including a partly read byte.
    pub(crate) fn bytes_read(&self) -> usize {
        self.position.div_ceil(8).min(self.bytes.len())
    }
}

/// Returns the parameter `k` with which these numbers need the fewest bits, and the number of bits.
pub(crate) fn best_parameter(values: &(impl Iterator<Item = u64> + Clone)) -> (u32, u64) {
    let cost = |k: u32| -> u64 {
        let one = |value: u64| {
            let quotient = value >> k;
            if quotient >= ESCAPE_ONES { ESCAPE_ONES + 64 } else { quotient + 1 + u64::from(k) }
        };
        values.clone().map(one).sum()
    };
    // As `k` grows, the cost first falls to its minimum and then rises.
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
    fn best_parameter_encodes_small_numbers_in_few_bits() {
        assert_eq!(best_parameter(&[0, 0, 0, 0].into_iter()), (0, 4));
        assert_eq!(best_parameter(&[5, 6, 7, 4].into_iter()), (2, 16));
        assert!(best_parameter(&[1000, 1001, 1002, 999].into_iter()).1 <= 48);
    }

    proptest! {
        #[test]
        fn written_rows_read_back_unchanged(values in proptest::collection::vec(prop_oneof![0..8_u64, 0..5000_u64, any::<u64>()], 0..80), k in 0..40_u32) {
            let mut writer = BitWriter::default();
            for value in &values {
                writer.push_rice(*value, k);
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for value in &values {
                prop_assert_eq!(reader.read_rice(k), *value);
            }
            prop_assert_eq!(reader.bytes_read(), bytes.len());
        }
    }
}
