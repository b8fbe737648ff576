//! Parsers for the parts of lines such as `0x55d0e491f000: proto=tcpv4 src=127.0.0.1:53914 age=0s`.

use std::str::FromStr;

/// Splits a line at blanks and returns its words.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

/// Returns the pointer at the start of the line of a session or table entry, without the colon. Returns `None` for any
/// other line.
pub(crate) fn leading_pointer(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().take(24).position(|byte| *byte == b':')?;
    let digits = line[..colon].strip_prefix(b"0x")?;
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)).then_some(&line[..colon])
}

/// Splits `key=value` into key and value, after removing parentheses and commas around the word. Returns `None` if the
/// word contains no `=`.
pub(crate) fn split_pair(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let word = word.strip_prefix(b"(").unwrap_or(word);
    let equals = word.iter().position(|byte| *byte == b'=')?;
    let value = &word[equals + 1..];
    let end = value.len() - value.iter().rev().take_while(|byte| matches!(byte, b')' | b',')).count();
    Some((&word[..equals], &value[..end]))
}

/// Parses a decimal number without a plus sign. Returns `None` if the number is invalid or does not fit in `T`.
pub(crate) fn parse_number<T: FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok().filter(|text| !text.starts_with('+'))?.parse().ok()
}

/// Parses a number of a reply that the history keeps. Returns `None` as [`parse_number`] does, and for the smallest `i64`:
/// the history marks absent numbers with it.
pub(crate) fn parse_counter(value: &[u8]) -> Option<i64> {
    parse_number(value).filter(|number| *number != i64::MIN)
}

/// Returns true if CSV text ends within a quoted cell: the number of quotes is odd, because a quote within a cell is
/// doubled.
pub(crate) fn has_open_quote(csv: &[u8]) -> bool {
    csv.iter().fold(false, |is_open, byte| is_open ^ (*byte == b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn leading_pointer_requires_hexadecimal_digits_and_colon() {
        assert_eq!(leading_pointer(b"0x7fa9: proto"), Some(&b"0x7fa9"[..]));
        for line in ["0x: a", "0x7g: a", "7fa9: a", "  0x7fa9: a", "0x7fa9 a", "0x11111111111111111111111111: a", ""] {
            assert_eq!(leading_pointer(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn split_pair_removes_parentheses_and_commas() {
        assert_eq!(split_pair(b"(state=0x08"), Some((&b"state"[..], &b"0x08"[..])));
        assert_eq!(split_pair(b"age=0s)"), Some((&b"age"[..], &b"0s"[..])));
        assert_eq!(split_pair(b"mode=tcp),"), Some((&b"mode"[..], &b"tcp"[..])));
        assert_eq!(split_pair(b"exp="), Some((&b"exp"[..], &b""[..])));
        assert_eq!(split_pair(b"listener"), None);
        assert_eq!(parse_number::<i64>(b"-3"), Some(-3));
        assert_eq!(parse_number::<i64>(b"+3"), None);
        assert_eq!(parse_number::<u64>(b"-3"), None);
        assert_eq!(parse_number::<i64>(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_counter(b"-9223372036854775808"), None);
        assert_eq!(parse_counter(b"-9223372036854775807"), Some(-i64::MAX));
        assert_eq!(parse_number::<u64>(b"99999999999999999999"), None);
    }

    proptest! {
        #[test]
        fn parsers_never_panic_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (leading_pointer(&bytes), split_pair(&bytes), parse_number::<i64>(&bytes), words(&bytes).count());
        }
    }
}
