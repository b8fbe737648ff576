//! The small parts of lines like `0x55d0e491f000: proto=tcpv4 src=127.0.0.1:53914 age=0s`.

use std::str::FromStr;

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

/// The pointer that a session's or a table entry's line begins with, before its colon.
pub fn pointer(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().take(24).position(|byte| *byte == b':')?;
    let digits = line[..colon].strip_prefix(b"0x")?;
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)).then_some(&line[..colon])
}

/// The key and value of `key=value`, without the brackets and commas around it.
pub fn cut(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let word = word.strip_prefix(b"(").unwrap_or(word);
    let equals = word.iter().position(|byte| *byte == b'=')?;
    let value = &word[equals + 1..];
    let end = value.len() - value.iter().rev().take_while(|byte| matches!(byte, b')' | b',')).count();
    Some((&word[..equals], &value[..end]))
}

/// A number in decimal; nothing when it is none, or does not fit.
pub fn number<T: FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pointer_is_hexadecimal_and_ends_in_a_colon() {
        assert_eq!(pointer(b"0x7fa9: proto"), Some(&b"0x7fa9"[..]));
        for line in ["0x: a", "0x7g: a", "7fa9: a", "  0x7fa9: a", "0x7fa9 a", "0x11111111111111111111111111: a", ""] {
            assert_eq!(pointer(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn pieces_lose_their_brackets() {
        assert_eq!(cut(b"(state=0x08"), Some((&b"state"[..], &b"0x08"[..])));
        assert_eq!(cut(b"age=0s)"), Some((&b"age"[..], &b"0s"[..])));
        assert_eq!(cut(b"mode=tcp),"), Some((&b"mode"[..], &b"tcp"[..])));
        assert_eq!(cut(b"exp="), Some((&b"exp"[..], &b""[..])));
        assert_eq!(cut(b"listener"), None);
        assert_eq!(number::<i64>(b"-3"), Some(-3));
        assert_eq!(number::<u64>(b"-3"), None);
        assert_eq!(number::<u64>(b"99999999999999999999"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (pointer(&bytes), cut(&bytes), number::<i64>(&bytes), words(&bytes).count());
        }
    }
}
