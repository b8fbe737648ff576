//! The memory of this program, as Linux counts it.

use std::fs;

use crate::app::msg::Memory;

/// What it is now, and was at the most; absent where `/proc` does not tell.
pub fn own() -> Option<Memory> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    Some(Memory { now: bytes(&text, "VmRSS:")?, most: bytes(&text, "VmHWM:")? })
}

fn bytes(text: &str, name: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let (number, unit) = line.trim().split_once(' ')?;
    // The kernel's kB are of 1,024 bytes.
    (unit == "kB").then_some(number.parse::<usize>().ok()?.checked_mul(1024)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let text = "Name:\thapulse\nVmHWM:\t   14340 kB\nVmRSS:\t   12300 kB\n";
        assert_eq!((bytes(text, "VmRSS:"), bytes(text, "VmHWM:")), (Some(12_300 << 10), Some(14_340 << 10)));
        assert_eq!((bytes(text, "VmSwap:"), bytes("VmRSS: 12 pages", "VmRSS:")), (None, None));
    }

    #[test]
    fn this_very_program_has_some() {
        let memory = own().unwrap();
        assert!(memory.now > 0 && memory.most > 0, "{memory:?}");
    }
}
