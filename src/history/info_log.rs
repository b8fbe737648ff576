//! The lines of `show info` over a block: the keys once, and of each sample the values that changed.
//!
//! Most values are whole numbers, which are kept as the difference from the one before; other texts are kept as they
//! are. A text that had to be altered to be safe is kept whole, so that it stays known as altered.

use std::sync::Arc;

use crate::haproxy::info::Info;
use crate::haproxy::safe_text::SafeText;
use crate::history::row_log::{read_varint, unzigzag, write_varint, zigzag};

/// How a changed value is written.
const NUMBER: u8 = 0;
const TEXT: u8 = 1;
const ALTERED: u8 = 2;

/// A log of `show info`.
#[derive(Debug)]
pub struct InfoLog {
    keys: Arc<[SafeText]>,
    /// Whether the block before has other keys.
    has_own_keys: bool,
    bytes: Vec<u8>,
    altered: Vec<SafeText>,
    /// The values of the newest sample, as long as more may come.
    last: Vec<SafeText>,
}

impl InfoLog {
    /// An empty log for samples with the keys of this one; shares them with the log before.
    pub fn new(info: &Info, before: Option<&Self>) -> Self {
        let shared = before.filter(|before| before.takes(info)).map(|before| Arc::clone(&before.keys));
        let has_own_keys = shared.is_none();
        let keys = shared.unwrap_or_else(|| info.lines().iter().map(|(key, _)| key.clone()).collect());
        Self { last: vec![SafeText::default(); keys.len()], keys, has_own_keys, bytes: Vec::new(), altered: Vec::new() }
    }

    /// Whether these are the same keys.
    pub fn takes(&self, info: &Info) -> bool {
        let same = |(key, line): (&SafeText, &(SafeText, SafeText))| *key == line.0;
        self.keys.len() == info.lines().len() && self.keys.iter().zip(info.lines()).all(same)
    }

    /// Appends a sample.
    pub fn push(&mut self, info: &Info) {
        let changed = info.lines().iter().zip(&self.last).filter(|((_, value), last)| value != *last).count();
        write_varint(&mut self.bytes, changed as u64);
        let mut written = 0;
        for (place, (_, value)) in info.lines().iter().enumerate() {
            if *value == self.last[place] {
                continue;
            }
            write_varint(&mut self.bytes, (place - written) as u64);
            written = place;
            let before = number(self.last[place].as_str());
            if let Some(now) = number(value.as_str()).filter(|_| value.is_verbatim()) {
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
            self.last[place] = value.clone();
        }
    }

    /// Nothing more will come.
    pub fn seal(&mut self) {
        self.last = Vec::new();
        self.bytes.shrink_to_fit();
    }

    /// What it said in the samples at these steps, which are in order. Steps beyond the end give nothing.
    pub fn read(&self, steps: &[usize]) -> Vec<Info> {
        let mut values = vec![SafeText::default(); self.keys.len()];
        let mut rest = self.bytes.as_slice();
        let mut found = Vec::with_capacity(steps.len());
        let mut next = 0;
        for step in steps {
            while next <= *step && !rest.is_empty() {
                self.step(&mut rest, &mut values);
                next += 1;
            }
            if next == step + 1 {
                found.push(Info::of_lines(self.keys.iter().cloned().zip(values.iter().cloned()).collect()));
            }
        }
        found
    }

    fn step(&self, rest: &mut &[u8], values: &mut [SafeText]) {
        let mut place = 0;
        for _ in 0..read_varint(rest) {
            place += read_varint(rest) as usize;
            let Some(value) = values.get_mut(place) else { return };
            let Some((how, behind)) = rest.split_first() else { return };
            *rest = behind;
            let argument = read_varint(rest);
            match *how {
                NUMBER => {
                    let now = number(value.as_str()).unwrap_or(0).wrapping_add(unzigzag(argument));
                    *value = SafeText::from(now.to_string().as_str());
                }
                TEXT => {
                    let (text, behind) = rest.split_at((argument as usize).min(rest.len()));
                    *rest = behind;
                    *value = SafeText::new(text);
                }
                _ => *value = self.altered.get(argument as usize).cloned().unwrap_or_default(),
            }
        }
    }

    /// Memory held, in bytes.
    pub fn memory(&self) -> usize {
        let text = |text: &SafeText| size_of::<SafeText>() + text.as_str().len() + 16;
        let keys = if self.has_own_keys { self.keys.iter().map(text).sum() } else { 0 };
        let texts = self.altered.iter().chain(&self.last).map(text).sum::<usize>();
        keys + texts + self.bytes.capacity() + size_of::<Self>()
    }
}

/// A whole number, where the text is exactly how it is written.
fn number(text: &str) -> Option<i64> {
    // Longer ones do not fit.
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
        fn every_line_comes_back(samples in proptest::collection::vec(proptest::collection::vec(value(), 5), 1..40)) {
            let info = |values: &Vec<String>| {
                let line = |(place, value): (usize, &String)| format!("key{place}: {value}\n");
                Info::parse(format!("Pid: 7\n{}", values.iter().enumerate().map(line).collect::<String>()).as_bytes()).unwrap()
            };
            let samples: Vec<Info> = samples.iter().map(info).collect();
            let mut log = InfoLog::new(&samples[0], None);
            for sample in &samples {
                log.push(sample);
            }
            let all: Vec<usize> = (0..samples.len()).collect();
            prop_assert_eq!(&log.read(&all), &samples);
            let last = samples.len() - 1;
            prop_assert_eq!(log.read(&[last, last + 1]), &samples[last..]);
        }
    }

    #[test]
    fn keys_are_shared_and_numbers_take_few_bytes() {
        let info = |count: i64| Info::parse(format!("Pid: 7\nnode: lb01\nCumReq: {count}\n").as_bytes()).unwrap();
        let mut log = InfoLog::new(&info(1_000_000), None);
        log.push(&info(1_000_000));
        let first = log.bytes.len();
        (1..=10).for_each(|step| log.push(&info(1_000_000 + step * 50)));
        assert_eq!(log.bytes.len() - first, 10 * 4, "how many, which, how, and the difference");
        let next = InfoLog::new(&info(5), Some(&log));
        assert!(Arc::ptr_eq(&next.keys, &log.keys) && !next.has_own_keys);
    }
}
