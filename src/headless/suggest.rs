//! What somebody may have meant who wrote something else.

/// More than this are not told.
const MOST: usize = 3;

/// The nearest of the names, the nearest first; only those that are near indeed.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = wanted.to_lowercase();
    let limit = lower.chars().count() / 3 + 1;
    let mut near: Vec<(usize, &str)> = Vec::new();
    for name in names {
        let other = name.to_lowercase();
        let steps = match distance(&lower, &other) {
            // Whoever writes the start of a name means it, however long it is.
            steps if steps > limit && lower.len() > 1 && other.starts_with(&lower) => 1,
            steps => steps,
        };
        if steps <= limit && !near.iter().any(|(_, known)| *known == name) {
            near.push((steps, name));
        }
    }
    near.sort_by_key(|(steps, _)| *steps);
    near.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// `; did you mean a, b?`, or nothing.
pub fn suggestion<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let near = nearest(wanted, names);
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) }
}

/// How many characters must be put in, taken out or exchanged to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, a) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], line + 1);
        for (place, b) in other.iter().enumerate() {
            let exchanged = corner + usize::from(a != *b);
            corner = row[place + 1];
            row[place + 1] = exchanged.min(corner + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted() {
        for (one, other, steps) in [("", "abc", 3), ("scur", "scur", 0), ("scr", "scur", 1), ("kitten", "sitting", 3)] {
            assert_eq!((distance(one, other), distance(other, one)), (steps, steps), "{one} {other}");
        }
    }

    #[test]
    fn only_what_is_near_is_told() {
        let names = ["scur", "smax", "slim", "CurrConns", "CurrSslConns", "web1", "web2"];
        assert_eq!(nearest("currconn", names)[0], "CurrConns");
        assert_eq!(nearest("web3", names), ["web1", "web2"]);
        assert_eq!(nearest("Curr", names), ["CurrConns", "CurrSslConns", "scur"]);
        assert_eq!(nearest("nonsense", names), [""; 0]);
        assert_eq!(suggestion("scru", names), "; did you mean scur?");
        assert_eq!(suggestion("nonsense", names), "");
    }
}
