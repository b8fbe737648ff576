//! Reads logged commands: their text without the target (`state maint`, `set maxconn 100`), and whether they set a state.

/// Words that may precede the name of a target.
const TARGET_NOUNS: [&str; 3] = ["server", "frontend", "backend"];

/// Returns a command without its target, or the whole command if it does not contain the target.
pub(crate) fn without_target(command: &str, target: Option<&str>) -> String {
    // "frontend www": the name is the last word.
    let name = target.and_then(|target| target.split_whitespace().last());
    let words: Vec<&str> = command.split_whitespace().collect();
    // Skip the first word, which is the verb even if a target has the same name.
    let Some(position) = (1..words.len()).find(|index| words.get(*index).copied() == name) else {
        return words.join(" ");
    };
    let (before, after) = (&words[..position], &words[position + 1..]);
    match before {
        ["set", "server"] if !after.is_empty() => after.join(" "),
        [before @ .., noun] if TARGET_NOUNS.contains(noun) => [before, after].concat().join(" "),
        _ => [before, after].concat().join(" "),
    }
}

/// Returns the commands in a line that set an administrative state, each as the name of the server and the rest of the
/// command.
pub(crate) fn state_changes(line: &str) -> impl Iterator<Item = (&str, String)> {
    line.split(';').filter_map(|command| {
        let mut words = command.split_whitespace();
        let (verb, noun, name) = (words.next()?, words.next()?, words.next()?);
        let is_order = match verb {
            "set" => words.next() == Some("state") && words.next().is_some(),
            "enable" | "disable" => words.next().is_none(),
            _ => false,
        };
        let what = match verb {
            "set" => without_target(command, Some(name)),
            _ => verb.to_owned(),
        };
        (is_order && noun == "server").then_some((name, what))
    })
}

/// Returns true if a command without its target, as returned by [`state_changes`], sets an administrative state.
pub(crate) fn is_state_change(what: &str) -> bool {
    what == "enable" || what == "disable" || what.starts_with("state ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_target_removes_target_words() {
        for (command, target, what) in [
            ("set server be/s1 state maint", "be/s1", "state maint"),
            ("set server be/s1  weight 50%", "be/s1", "weight 50%"),
            ("enable server be/s1", "be/s1", "enable"),
            ("shutdown sessions server be/s1", "be/s1", "shutdown sessions"),
            ("set maxconn frontend www 100", "frontend www", "set maxconn 100"),
            ("disable frontend www", "frontend www", "disable"),
            ("disable agent be/s1", "be/s1", "disable agent"),
            ("set server be/s1", "be/s1", "set"),
            ("clear counters", "be/s1", "clear counters"),
            ("set set", "set", "set"),
        ] {
            assert_eq!(without_target(command, Some(target)), what, "{command}");
        }
        assert_eq!(without_target("clear counters", None), "clear counters");
        assert_eq!(without_target("", Some("")), "");
    }

    #[test]
    fn state_changes_ignores_other_commands() {
        let orders = |line| state_changes(line).map(|(name, what)| format!("{name}: {what}")).collect::<Vec<_>>();
        assert_eq!(orders("set server be/s1 state maint"), ["be/s1: state maint"]);
        assert_eq!(
            orders("disable server be/s1; enable server be/s2;set server be/s3 state  drain"),
            ["be/s1: disable", "be/s2: enable", "be/s3: state drain"]
        );
        for line in [
            "set server be/s1 weight 5",
            "set server be/s1 state",
            "set server be/s1",
            "disable frontend www",
            "set weight be/s1 5",
            "show servers state",
            ";;",
        ] {
            assert_eq!(orders(line), [""; 0], "{line}");
        }
        assert!(["enable", "disable", "state ready"].into_iter().all(is_state_change));
        assert!(!is_state_change("weight 5") && !is_state_change("state"));
    }
}
