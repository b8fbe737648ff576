//! Log of `show info` over a block: the keys, stored once, and the changed values of each sample.
//!
//! Most values are integers, which are stored as the difference from the previous value. Other values are stored
//! literally. A value that contains escapes is stored as a [`SafeText`], so that [`SafeText::is_verbatim`] stays false.

use std::sync::Arc;

use crate::haproxy::fields::InfoField;
use crate::haproxy::info::ProcessInfo;
use crate::haproxy::reply_words::parse_counter;
use crate::haproxy::safe_text::SafeText;
use crate::history::row_log::{read_varint, unzigzag, write_varint, zigzag};

/// Encoding of a changed value that is an integer: the difference from the previous value.
const NUMBER: u8 = 0;
/// Encoding of a changed value that is other text: its length and bytes.
const TEXT: u8 = 1;
/// Encoding of a changed value that contains escapes: its index in `altered`.
const ALTERED: u8 = 2;

/// A change of a value.
#[derive(Debug, Clone, Copy)]
enum ValueChange<'a> {
    /// Difference of a number from the previous value.
    Number(i64),
    /// Another text.
    Text(&'a [u8]),
    /// Another text that contains escapes: its index in `altered`.
    Altered(usize),
}

/// Log of `show info` for one block.
#[derive(Debug)]
pub(crate) struct InfoLog {
    keys: Arc<[SafeText]>,
    /// True if the keys are not shared with the previous block, so that [`Self::memory`] includes them.
    owns_keys: bool,
    bytes: Vec<u8>,
    altered: Vec<SafeText>,
    /// Values of the newest sample; empty once the log is sealed.
    newest_values: Vec<SafeText>,
}

impl InfoLog {
    /// Creates an empty log for samples with the keys of `info`. The keys are shared with the log `before` if they are
    /// the same.
    pub(crate) fn new(info: &ProcessInfo, before: Option<&Self>) -> Self {
        let shared = before.filter(|before| before.has_keys_of(info)).map(|before| Arc::clone(&before.keys));
        let has_own_keys = shared.is_none();
        let keys = shared.unwrap_or_else(|| info.lines().iter().map(|(key, _)| key.clone()).collect());
        Self {
            newest_values: vec![SafeText::default(); keys.len()],
            keys,
            owns_keys: has_own_keys,
            bytes: Vec::new(),
            altered: Vec::new(),
        }
    }

    /// Restores a sealed log from its parts. The values may be damaged; reading them never panics.
    pub(crate) fn from_parts(keys: Arc<[SafeText]>, bytes: Vec<u8>, altered: Vec<SafeText>) -> Self {
        Self { keys, owns_keys: false, bytes, altered, newest_values: Vec::new() }
    }

    /// Returns the keys, in HAProxy's order.
    pub(crate) fn keys(&self) -> &Arc<[SafeText]> {
        &self.keys
    }

    /// Returns the stored values, and those that contain escapes. Both only grow while samples are appended.
    pub(crate) fn values(&self) -> (&[u8], &[SafeText]) {
        (&self.bytes, &self.altered)
    }

    /// Returns whether `info` has the keys of this log, in the same order.
    pub(crate) fn has_keys_of(&self, info: &ProcessInfo) -> bool {
        let same = |(key, line): (&SafeText, &(SafeText, SafeText))| *key == line.0;
        self.keys.len() == info.lines().len() && self.keys.iter().zip(info.lines()).all(same)
    }

    /// Appends the values of a sample.
    pub(crate) fn push(&mut self, info: &ProcessInfo) {
        let changed = info.lines().iter().zip(&self.newest_values).filter(|((_, value), last)| value != *last).count();
        write_varint(&mut self.bytes, changed as u64);
        let mut written = 0;
        for (index, (_, value)) in info.lines().iter().enumerate() {
            if *value == self.newest_values[index] {
                continue;
            }
            write_varint(&mut self.bytes, (index - written) as u64);
            written = index;
            let before = canonical_number(self.newest_values[index].as_str());
            if let Some(now) = canonical_number(value.as_str()).filter(|_| value.is_verbatim()) {
                self.bytes.push(NUMBER);
                write_varint(&mut self.bytes, zigzag(now.wrapping_sub(before.unwrap_or(0))));
            } else if value.is_verbatim() {
                self.bytes.push(TEXT);
                write_varint(&mut self.bytes, value.as_str().len() as u64);
                self.bytes.extend_from_slice(value.as_str().as_bytes());
            } else {
                self.bytes.push(ALTERED);
                write_varint(&mut self.bytes, self.altered.len() as u64);
                self.altered.push(value.clone());
            }
            self.newest_values[index] = value.clone();
        }
    }

    /// Seals the log: no further sample can be appended.
    pub(crate) fn seal(&mut self) {
        self.newest_values = Vec::new();
        self.bytes.shrink_to_fit();
    }

    /// Returns the values at the given sample positions, which must be in ascending order. Positions past the end of
    /// the log are skipped.
    pub(crate) fn read(&self, steps: &[usize]) -> Vec<ProcessInfo> {
        let info = |values: &[SafeText]| {
            ProcessInfo::from_lines(self.keys.iter().cloned().zip(values.iter().cloned()).collect())
        };
        self.read_steps(steps, info)
    }

    /// Returns the values of one key at the given sample positions, like [`Self::read`]; empty texts if the key does not
    /// exist.
    pub(crate) fn read_value(&self, key: &str, steps: &[usize]) -> Vec<SafeText> {
        let place = self.keys.iter().position(|known| known.as_str() == key);
        let value = |values: &[SafeText]| place.and_then(|place| values.get(place)).cloned().unwrap_or_default();
        self.read_steps(steps, value)
    }

    fn read_steps<T>(&self, steps: &[usize], read: impl Fn(&[SafeText]) -> T) -> Vec<T> {
        let mut values = vec![SafeText::default(); self.keys.len()];
        let mut rest = self.bytes.as_slice();
        let mut found = Vec::with_capacity(steps.len());
        let mut next = 0;
        for step in steps {
            while next <= *step && !rest.is_empty() {
                self.apply_step(&mut rest, &mut values);
                next += 1;
            }
            if next == step + 1 {
                found.push(read(&values));
            }
        }
        found
    }

    /// Returns the number of samples in the log, at most `max`.
    pub(crate) fn count_steps(&self, max: usize) -> usize {
        let mut rest = self.bytes.as_slice();
        let mut has_step = || {
            let is_left = !rest.is_empty();
            self.read_step(&mut rest, |_, _| {});
            is_left
        };
        (0..max).take_while(|_| has_step()).count()
    }

    /// Calls `each` with the numbers of every sample, in the order of [`InfoField::ALL`].
    pub(crate) fn read_numbers(&self, mut each: impl FnMut(&[Option<i64>])) {
        let mut fields: Vec<Option<InfoField>> =
            self.keys.iter().map(|key| InfoField::by_name(key.as_str().as_bytes())).collect();
        // Of a key that is repeated, the last value counts.
        for index in 1..fields.len() {
            let (earlier, later) = fields.split_at_mut(index);
            earlier
                .iter_mut()
                .filter(|field| later[0].is_some() && **field == later[0])
                .for_each(|field| *field = None);
        }
        let (mut values, mut numbers) = (vec![SafeText::default(); self.keys.len()], vec![None; InfoField::COUNT]);
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            self.read_step(&mut rest, |index, change| {
                let Some(value) = values.get_mut(index) else { return };
                self.apply_change(value, change);
                if let Some(field) = fields[index] {
                    numbers[field as usize] = parse_counter(value.as_str().as_bytes());
                }
            });
            each(&numbers);
        }
    }

    fn apply_step(&self, rest: &mut &[u8], values: &mut [SafeText]) {
        self.read_step(rest, |index, change| {
            if let Some(value) = values.get_mut(index) {
                self.apply_change(value, change);
            }
        });
    }

    fn apply_change(&self, value: &mut SafeText, change: ValueChange<'_>) {
        *value = match change {
            ValueChange::Number(difference) => {
                let now = canonical_number(value.as_str()).unwrap_or(0).wrapping_add(difference);
                SafeText::from(now.to_string().as_str())
            }
            ValueChange::Text(text) => SafeText::new(text),
            ValueChange::Altered(index) => self.altered.get(index).cloned().unwrap_or_default(),
        };
    }

    /// Reads the changes of one sample. Calls `each` with the index of each changed value.
    fn read_step<'a>(&self, rest: &mut &'a [u8], mut each: impl FnMut(usize, ValueChange<'a>)) {
        let mut index = 0_usize;
        for _ in 0..read_varint(rest) {
            index = index.saturating_add(read_varint(rest) as usize);
            let Some((encoding, remaining)) = rest.split_first().filter(|_| index < self.keys.len()) else { return };
            *rest = remaining;
            let argument = read_varint(rest);
            let change = match *encoding {
                NUMBER => ValueChange::Number(unzigzag(argument)),
                TEXT => {
                    let (text, remaining) = rest.split_at((argument as usize).min(rest.len()));
                    *rest = remaining;
                    ValueChange::Text(text)
                }
                _ => ValueChange::Altered(argument as usize),
            };
            each(index, change);
        }
    }

    /// Returns the memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let text = |text: &SafeText| size_of::<SafeText>() + text.as_str().len() + 16;
        let keys = if self.owns_keys { self.keys.iter().map(text).sum() } else { 0 };
        let texts = self.altered.iter().chain(&self.newest_values).map(text).sum::<usize>();
        keys + texts + self.bytes.capacity() + size_of::<Self>()
    }
}

/// Parses an integer. Returns `None` if formatting the integer would not give `text` again, as for `007` or `+1`.
fn canonical_number(text: &str) -> Option<i64> {
    // No `i64` is longer than 20 characters.
    let number: i64 = if text.len() <= 20 { text.parse().ok()? } else { return None };
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => (0..5000_i64).prop_map(|number| number.to_string()),
            1 => any::<i64>().prop_map(|number| number.to_string()),
            1 => Just("007".to_owned()),
            1 => Just(String::new()),
            2 => "[a-z \u{1}é:-]{0,12}",
            1 => "[0-9]{18,22}",
        ]
    }

    proptest! {
        #[test]
        fn read_restores_every_info_line(samples in proptest::collection::vec(proptest::collection::vec(value(), 5), 1..40)) {
            let info = |values: &Vec<String>| {
                let line = |(index, value): (usize, &String)| format!("{}: {value}\n", ["key", "Maxconn", "CumReq", "CumReq", "Uptime_sec"][index]);
                ProcessInfo::parse(format!("Pid: 7\n{}", values.iter().enumerate().map(line).collect::<String>()).as_bytes()).unwrap()
            };
            let samples: Vec<ProcessInfo> = samples.iter().map(info).collect();
            let mut log = InfoLog::new(&samples[0], None);
            for sample in &samples {
                log.push(sample);
            }
            let all: Vec<usize> = (0..samples.len()).collect();
            prop_assert_eq!(&log.read(&all), &samples);
            prop_assert_eq!([log.count_steps(128), log.count_steps(2)], [samples.len(), samples.len().min(2)]);
            let mut numbers = Vec::new();
            log.read_numbers(|values| numbers.push(values.to_vec()));
            prop_assert_eq!(numbers, samples.iter().map(|info| info.numbers().to_vec()).collect::<Vec<_>>());
            let last = samples.len() - 1;
            prop_assert_eq!(log.read(&[last, last + 1]), &samples[last..]);
        }
    }

    #[test]
    fn log_shares_keys_and_packs_numbers() {
        let info =
            |count: i64| ProcessInfo::parse(format!("Pid: 7\nnode: lb01\nCumReq: {count}\n").as_bytes()).unwrap();
        let mut log = InfoLog::new(&info(1_000_000), None);
        log.push(&info(1_000_000));
        let first = log.bytes.len();
        (1..=10).for_each(|step| log.push(&info(1_000_000 + step * 50)));
        assert_eq!(log.bytes.len() - first, 10 * 4, "number of changes, index, encoding and difference");
        let next = InfoLog::new(&info(5), Some(&log));
        assert!(Arc::ptr_eq(&next.keys, &log.keys) && !next.owns_keys);
    }
}
