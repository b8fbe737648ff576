//! The reply to `help`: the commands that this HAProxy supports, for completion.
//!
//! Up to 2.2, the list is also the reply to an unknown command, the columns have no fixed width, and a long help text
//! continues on the next line. Since 2.4, the list is sorted and contains the arguments. The list is the same for all
//! levels.

use crate::haproxy::safe_text::SafeText;

/// Maximum number of commands kept from one reply; 3.2 has about 120.
const MAX_COMMANDS: usize = 1000;

/// One command of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandHelp {
    /// The words of the command, such as `show servers state`.
    pub words: SafeText,
    /// The arguments in HAProxy's notation, such as `[<backend>]`; empty if HAProxy lists no arguments.
    pub arguments: SafeText,
    /// HAProxy's description of the command.
    pub help: SafeText,
}

/// Parses the reply to `help` and returns the commands in HAProxy's order.
pub fn parse(body: &[u8]) -> Vec<CommandHelp> {
    let mut list: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let text = line.trim_ascii();
        let indent = line.len() - line.trim_ascii_start().len();
        if text.is_empty() || indent == 0 {
            continue;
        }
        // A command is indented by two blanks; the continuation of a long help text is indented much further.
        if indent >= 8 {
            if let Some((.., help)) = list.last_mut() {
                help.push(b' ');
                help.extend_from_slice(text);
            }
        } else if let Some((command, help)) = split_help(text).filter(|_| list.len() < MAX_COMMANDS) {
            let (words, arguments) = split_arguments(command);
            list.push((words, arguments, help.to_vec()));
        }
    }
    let to_command_help = |(words, arguments, help): (Vec<u8>, Vec<u8>, Vec<u8>)| CommandHelp {
        words: SafeText::new(&words),
        arguments: SafeText::new(&arguments),
        help: SafeText::new(&help),
    };
    list.into_iter().filter(|(words, ..)| !words.is_empty()).map(to_command_help).collect()
}

/// Returns the commands whose words begin with the text typed so far, in list order.
pub fn completions<'a>(list: &'a [CommandHelp], typed: &str) -> Vec<&'a CommandHelp> {
    let words: Vec<&str> = typed.split_whitespace().collect();
    let mut prefix = words.join(" ");
    if typed.ends_with(char::is_whitespace) && !prefix.is_empty() {
        prefix.push(' ');
    }
    list.iter().filter(|known| known.words.as_str().starts_with(&prefix)).collect()
}

/// Splits a line into command and help at the first `: ` outside of brackets, because arguments may contain colons too.
/// Returns `None` if there is no such place.
fn split_help(text: &[u8]) -> Option<(&[u8], &[u8])> {
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

/// Splits a command into its words and its arguments, which begin at the first word with a bracket.
fn split_arguments(command: &[u8]) -> (Vec<u8>, Vec<u8>) {
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
    fn parse_separates_words_arguments_and_help() {
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
    fn completions_start_with_the_typed_text() {
        let list = parse(b"x :\n  show sess [id] : a\n  show servers state : b\n  show stat : c\n  quit : d\n");
        let words = |typed| completions(&list, typed).iter().map(|known| known.words.to_string()).collect::<Vec<_>>();
        assert_eq!(words("show se"), ["show sess", "show servers state"]);
        assert_eq!(words("  show   servers "), ["show servers state"]);
        assert_eq!(words("show sess "), Vec::<String>::new());
        assert_eq!(words("").len(), 4);
    }

    proptest! {
        #[test]
        fn parse_never_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400), typed in ".{0,20}") {
            let list = parse(&bytes);
            let _ = completions(&list, &typed);
        }
    }
}
