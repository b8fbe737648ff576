//! Memory usage of this process, from `/proc`.

use std::fs;

use crate::app::message::MemoryUse;

/// Returns the current and the peak resident memory of this process, or `None` if `/proc` does not provide them.
pub(crate) fn own_memory() -> Option<MemoryUse> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    Some(MemoryUse { current: parse_kb_line(&text, "VmRSS:")?, peak: parse_kb_line(&text, "VmHWM:")? })
}

fn parse_kb_line(text: &str, name: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let (number, unit) = line.trim().split_once(' ')?;
    // The kernel's kB has 1,024 bytes.
    (unit == "kB").then_some(number.parse::<usize>().ok()?.checked_mul(1024)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_kb_line_reads_proc_status() {
        let text = "Name:\thapulse\nVmHWM:\t   14340 kB\nVmRSS:\t   12300 kB\n";
        assert_eq!(
            (parse_kb_line(text, "VmRSS:"), parse_kb_line(text, "VmHWM:")),
            (Some(12_300 << 10), Some(14_340 << 10))
        );
        assert_eq!((parse_kb_line(text, "VmSwap:"), parse_kb_line("VmRSS: 12 pages", "VmRSS:")), (None, None));
    }

    #[test]
    fn own_memory_returns_positive_values() {
        let memory = own_memory().unwrap();
        assert!(memory.current > 0 && memory.peak > 0, "{memory:?}");
    }
}
