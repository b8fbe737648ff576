//! The socket's own `help`: which commands there are, for completion.
//!
//! Up to 2.2 the list comes as the answer to an unknown command, with columns of no fixed width and help that
//! goes on below itself; from 2.4 on it is sorted and names the arguments. All levels get the same list.

use crate::haproxy::safe_text::SafeText;

/// More than any version has (about 120 on 3.2).
const MAX_COMMANDS: usize = 1000;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its words: `show servers state`.
    pub words: SafeText,
    /// What may follow, as HAProxy describes it: `[<backend>]`; empty when nothing is told.
    pub arguments: SafeText,
    /// What it does, in HAProxy's words.
    pub help: SafeText,
}

/// Reads the answer to `help`, in HAProxy's order.
pub fn parse(body: &[u8]) -> Vec<Known> {
    let mut list: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        let indent = line.len() - line.trim_ascii_start().len();
        if text.is_empty() || indent == 0 {
            continue;
        }
        // A command stands two blanks in; the rest of a long help far to the right.
        if indent >= 8 {
            if let Some((.., help)) = list.last_mut() {
                help.push(b' ');
                help.extend_from_slice(text);
            }
        } else if let Some((command, help)) = split(text).filter(|_| list.len() < MAX_COMMANDS) {
            let (words, arguments) = name(command);
            list.push((words, arguments, help.to_vec()));
        }
    }
    let safe = |(words, arguments, help): (Vec<u8>, Vec<u8>, Vec<u8>)| Known {
        words: SafeText::new(&words),
        arguments: SafeText::new(&arguments),
        help: SafeText::new(&help),
    };
    list.into_iter().filter(|(words, ..)| !words.is_empty()).map(safe).collect()
}

/// The commands that a line typed so far may become, in order: those whose words begin with it.
pub fn matching<'a>(list: &'a [Known], typed: &str) -> Vec<&'a Known> {
    let words: Vec<&str> = typed.split_whitespace().collect();
    let mut wanted = words.join(" ");
    if typed.ends_with(char::is_whitespace) && !wanted.is_empty() {
        wanted.push(' ');
    }
    list.iter().filter(|known| known.words.as_str().starts_with(&wanted)).collect()
}

/// Cuts at the first colon before a blank that stands outside of brackets: arguments hold colons too.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut depth = 0_usize;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'[' | b'<' | b'{' | b'(' => depth += 1,
            b']' | b'>' | b'}' | b')' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && text.get(at + 1) == Some(&b' ') => {
                return Some((text[..at].trim_ascii(), text[at + 1..].trim_ascii()));
            }
            _ => {}
        }
    }
    None
}

/// The command's words end where something in brackets begins.
fn name(command: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let words: Vec<&[u8]> = command.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let is_word = |word: &&[u8]| word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let count = words.iter().take_while(|word| is_word(word)).count();
    (words[..count].join(&b' '), words[count..].join(&b' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(line: &str) -> (String, String, String) {
        let list = parse(line.as_bytes());
        assert_eq!(list.len(), 1, "{line}");
        (list[0].words.to_string(), list[0].arguments.to_string(), list[0].help.to_string())
    }

    #[test]
    fn words_arguments_and_help_are_told_apart() {
        let parts = |words: &str, arguments: &str, help: &str| (words.into(), arguments.into(), help.into());
        assert_eq!(one("  show table [id]: report usage"), parts("show table", "[id]", "report usage"));
        assert_eq!(one("  set  profiling : enable"), parts("set profiling", "", "enable"));
        assert_eq!(
            one("  show ssl ca-file [<cafile>[:<index>]]   : display"),
            parts("show ssl ca-file", "[<cafile>[:<index>]]", "display")
        );
        assert_eq!(one("  show acl [@<ver>] <acl>]   : report"), parts("show acl", "[@<ver>] <acl>]", "report"));
        assert_eq!(one("  wait {-h|<ms>} cond [args...] : wait"), parts("wait", "{-h|<ms>} cond [args...]", "wait"));
        assert_eq!(one("  show resolvers [id]: dumps\n                     servers").2, "dumps servers");
    }

    #[test]
    fn completion_goes_on_from_what_is_typed() {
        let list = parse(b"x :\n  show sess [id] : a\n  show servers state : b\n  show stat : c\n  quit : d\n");
        let words = |typed| matching(&list, typed).iter().map(|known| known.words.to_string()).collect::<Vec<_>>();
        assert_eq!(words("show se"), ["show sess", "show servers state"]);
        assert_eq!(words("  show   servers "), ["show servers state"]);
        assert_eq!(words("show sess "), Vec::<String>::new());
        assert_eq!(words("").len(), 4);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), typed in ".{0,20}") {
            let list = parse(&bytes);
            let _ = matching(&list, &typed);
        }
    }
}
