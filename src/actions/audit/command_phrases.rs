//! What a command says beside its target, for people: `state maint`, `enable`, `set maxconn 100`.

/// What may stand before a target's name.
const NOUNS: [&str; 3] = ["server", "frontend", "backend"];

/// The words of a command but for its target; the whole command where that is not in it.
pub fn beside_target(command: &str, target: Option<&str>) -> String {
    // "frontend www": the name is the last word.
    let name = target.and_then(|target| target.split_whitespace().last());
    let words: Vec<&str> = command.split_whitespace().collect();
    // The first word is the verb, whatever a target is called.
    let Some(place) = (1..words.len()).find(|place| words.get(*place).copied() == name) else {
        return words.join(" ");
    };
    let (before, after) = (&words[..place], &words[place + 1..]);
    match before {
        ["set", "server"] if !after.is_empty() => after.join(" "),
        [before @ .., noun] if NOUNS.contains(noun) => [before, after].concat().join(" "),
        _ => [before, after].concat().join(" "),
    }
}

/// The orders of an administrative state in a line: each server, and the words beside it.
pub fn state_orders(line: &str) -> impl Iterator<Item = (&str, String)> {
    line.split(';').filter_map(|command| {
        let mut words = command.split_whitespace();
        let (verb, noun, name) = (words.next()?, words.next()?, words.next()?);
        let is_order = match verb {
            "set" => words.next() == Some("state") && words.next().is_some(),
            "enable" | "disable" => words.next().is_none(),
            _ => false,
        };
        let what = match verb {
            "set" => beside_target(command, Some(name)),
            _ => verb.to_owned(),
        };
        (is_order && noun == "server").then_some((name, what))
    })
}

/// Whether the words beside a server order a state of it, as [`state_orders`] gives them.
pub fn is_state(what: &str) -> bool {
    what == "enable" || what == "disable" || what.starts_with("state ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_left_out() {
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
            assert_eq!(beside_target(command, Some(target)), what, "{command}");
        }
        assert_eq!(beside_target("clear counters", None), "clear counters");
        assert_eq!(beside_target("", Some("")), "");
    }

    #[test]
    fn orders_of_a_state_are_told_from_other_commands() {
        let orders = |line| state_orders(line).map(|(name, what)| format!("{name}: {what}")).collect::<Vec<_>>();
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
        assert!(["enable", "disable", "state ready"].into_iter().all(is_state));
        assert!(!is_state("weight 5") && !is_state("state"));
    }
}
