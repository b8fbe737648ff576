//! Rice codes: a compact bit encoding for integers that are mostly small and of similar size.
//!
//! A number is split into a quotient, written in unary (ones followed by a zero), and the lowest `k` bits. If the
//! quotient is too long, the number is written in full after `ESCAPE_ONES` ones, so that every number can be encoded.

/// Number of ones that precede a number written in full.
const ESCAPE_ONES: u64 = 24;

/// Maximum parameter of a Rice code.
pub(crate) const MAX_PARAMETER: u32 = 40;

/// Writes bits, the highest bit of each number first.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, in the lowest `waiting` bits.
    buffer: u64,
    waiting: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`, whose other bits must be zero; at most 57 bits.
    fn push_bits(&mut self, value: u64, count: u32) {
        self.buffer = self.buffer << count | value;
        self.waiting += count;
        while self.waiting >= 8 {
            self.waiting -= 8;
            self.bytes.push((self.buffer >> self.waiting) as u8);
        }
    }

    /// Appends the Rice code of `value` with parameter `k`, which must be at most [`MAX_PARAMETER`].
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
        if self.waiting > 0 {
            self.bytes.push((self.buffer << (8 - self.waiting)) as u8);
            self.waiting = 0;
        }
        std::mem::take(&mut self.bytes)
    }
}

/// Number of bits that are valid at any position when eight bytes are read.
const PEEKED_BITS: u32 = 57;

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

    /// Returns the next 57 bits as the highest bits of a number.
    fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.position / 8..).unwrap_or(&[]);
        let word = rest.first_chunk::<8>().map_or_else(
            || rest.iter().enumerate().fold(0, |word, (index, byte)| word | u64::from(*byte) << (56 - 8 * index)),
            |chunk| u64::from_be_bytes(*chunk),
        );
        word << (self.position % 8)
    }

    /// Reads at most 57 bits.
    fn read_bits(&mut self, count: u32) -> u64 {
        let bits = self.peek().checked_shr(64 - count).unwrap_or(0);
        self.position += count as usize;
        bits
    }

    /// Reads the next Rice code with parameter `k`, which must be at most [`MAX_PARAMETER`].
    pub(crate) fn read_rice(&mut self, k: u32) -> u64 {
        let word = self.peek();
        let ones = u64::from(word.leading_ones());
        if ones >= ESCAPE_ONES {
            self.position += ESCAPE_ONES as usize;
            return self.read_bits(32) << 32 | self.read_bits(32);
        }
        let before = ones as u32 + 1;
        let low = if before + k <= PEEKED_BITS {
            self.position += (before + k) as usize;
            (word << before).checked_shr(64 - k).unwrap_or(0)
        } else {
            self.position += before as usize;
            self.read_bits(k)
        };
        ones << k | low
    }

    /// Returns the number of bytes read so far, including a partly read byte.
    pub(crate) fn bytes_read(&self) -> usize {
        self.position.div_ceil(8).min(self.bytes.len())
    }
}

/// Returns a parameter `k` with which these numbers need few bits, and the number of bits.
pub(crate) fn best_parameter(values: &(impl Iterator<Item = u64> + Clone)) -> (u32, u64) {
    // As `k` grows, the cost first falls to its minimum, which is near the logarithm of the mean unless a few numbers are
    // much larger than the others, and then rises.
    let (sum, count) = values.clone().fold((0_u64, 0), |(sum, count), value| (sum.saturating_add(value), count + 1));
    let mut middle = (sum / count.max(1)).checked_ilog2().unwrap_or(0).clamp(1, MAX_PARAMETER - 1);
    loop {
        let costs = costs_around(values, middle);
        match costs {
            [low, center, _] if low < center && middle > 1 => middle -= 1,
            [low, center, high] => {
                let (below, bits) = if low <= center { (1, low) } else { (0, center) };
                return if high < bits { (middle + 1, high) } else { (middle - below, bits) };
            }
        }
    }
}

/// Returns the number of bits of these numbers with the parameters `middle - 1`, `middle` and `middle + 1`.
fn costs_around(values: &(impl Iterator<Item = u64> + Clone), middle: u32) -> [u64; 3] {
    let mut costs = [0; 3];
    for value in values.clone() {
        for (cost, k) in costs.iter_mut().zip(middle - 1..) {
            let quotient = value >> k;
            *cost += if quotient < ESCAPE_ONES { quotient + 1 + u64::from(k) } else { ESCAPE_ONES + 64 };
        }
    }
    costs
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
