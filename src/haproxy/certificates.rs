//! The replies to `show ssl cert` (2.2 and newer): the list of certificates, and the dates of one.

use std::time::{Duration, SystemTime};

use jiff::civil;
use jiff::tz::TimeZone;

use crate::haproxy::safe_text::SafeText;

/// Command that lists the certificates. Needs level operator; at level user, 3.2 replies `Can't allocate memory!`.
pub const LIST_COMMAND: &str = "show ssl cert";

/// Parses the list of certificates: one file name per line after the heading `# filename`. Names of uncommitted
/// transactions, which begin with `*`, are left out. Returns `None` for another reply.
pub fn parse_list(body: &[u8]) -> Option<Vec<SafeText>> {
    let mut lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let is_heading = |line: &[u8]| matches!(line, b"# filename" | b"# transaction");
    let mut names: Vec<SafeText> = Vec::new();
    let mut has_heading = false;
    for line in lines.by_ref() {
        if is_heading(line) {
            has_heading = true;
        } else if has_heading && !line.is_empty() && !line.starts_with(b"*") && !line.starts_with(b"#") {
            names.push(SafeText::new(line));
        }
    }
    // Without any certificate, the reply is empty.
    (has_heading || body.trim_ascii().is_empty()).then_some(names)
}

/// Returns the end of validity in a reply to `show ssl cert NAME`, or `None` if the reply has none or the certificate is
/// not in use.
pub fn parse_expiry(body: &[u8]) -> Option<SystemTime> {
    let mut expiry = None;
    for line in body.split(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).unwrap_or_default();
        match line.split_once(": ") {
            Some(("Status", "Unused")) => return None,
            // The dates of the chain, if HAProxy writes any, come later.
            Some(("notAfter", date)) if expiry.is_none() => expiry = parse_date(date),
            _ => {}
        }
    }
    expiry
}

/// Parses a date as OpenSSL writes it: `Nov  9 22:15:54 2027 GMT`.
fn parse_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_ascii_whitespace();
    let month = words.next().and_then(|name| MONTHS.iter().position(|known| *known == name))? as i8 + 1;
    let day: i8 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let year: i16 = words.next()?.parse().ok()?;
    let date = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let seconds = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    let span = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { SystemTime::UNIX_EPOCH.checked_sub(span) } else { SystemTime::UNIX_EPOCH.checked_add(span) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_list_reads_names_after_heading() {
        let names = |body: &str| {
            parse_list(body.as_bytes()).map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(names("# filename\n/etc/a.pem\n/etc/b.pem\n"), Some(vec!["/etc/a.pem".into(), "/etc/b.pem".into()]));
        assert_eq!(
            names("# transaction\n*/etc/a.pem\n\n# filename\n/etc/a.pem\n"),
            Some(vec!["/etc/a.pem".to_owned()])
        );
        assert_eq!(names("# filename\n"), Some(vec![]));
        assert_eq!(names("\n"), Some(vec![]));
        assert_eq!(names("Can't allocate memory!\n"), None);
        assert_eq!(names("Unknown command: 'show ssl'\n"), None);
    }

    #[test]
    fn parse_expiry_reads_date_of_used_certificate() {
        let reply = |status: &str, date: &str| {
            format!(
                "Filename: /etc/a.pem\nStatus: {status}\nSerial: 01\nnotBefore: Nov  9 22:15:54 2025 GMT\nnotAfter: {date}\nnotAfter: Jan  1 00:00:00 2000 GMT\n"
            )
        };
        let seconds = |reply: String| {
            parse_expiry(reply.as_bytes()).map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        assert_eq!(seconds(reply("Used", "Nov  9 22:15:54 2027 GMT")), Some(1_825_798_554));
        assert_eq!(seconds(reply("Used", "Jan  1 00:00:00 1970 GMT")), Some(0));
        assert_eq!(seconds(reply("Unused", "Nov  9 22:15:54 2027 GMT")), None);
        assert_eq!(seconds(reply("Used", "Nov 39 22:15:54 2027 GMT")), None);
        assert_eq!(seconds("No certificate\n".to_owned()), None);
    }
}
