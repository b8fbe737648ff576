//! "Did you mean" suggestions for misspelled names.

/// Maximum number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

/// Returns up to three names that are similar to `name_to_match`, the most similar first.
///
/// A name is similar if the number of edits between the two is at most a third of the length of `name_to_match`, plus
/// one. Exchanging two adjacent characters counts as one edit.
pub(crate) fn nearest<'a>(name_to_match: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = name_to_match.to_lowercase();
    let limit = lower.chars().count() / 3 + 1;
    let mut near: Vec<(usize, &str)> = Vec::new();
    for name in names {
        let other = name.to_lowercase();
        let steps = match strsim::damerau_levenshtein(&lower, &other) {
            // A name that begins with `name_to_match` is similar, however long the name is.
            steps if steps > limit && lower.len() > 1 && other.starts_with(&lower) => 1,
            steps => steps,
        };
        if steps <= limit && !near.iter().any(|(_, known)| *known == name) {
            near.push((steps, name));
        }
    }
    near.sort_by_key(|(steps, _)| *steps);
    near.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name).collect()
}

/// Returns `; did you mean a, b?`, or an empty string if no name is similar.
pub(crate) fn did_you_mean<'a>(name_to_match: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let near = nearest(name_to_match, names);
    if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_returns_only_similar_names() {
        let names = ["scur", "smax", "slim", "CurrConns", "CurrSslConns", "web1", "web2"];
        assert_eq!(nearest("currconn", names)[0], "CurrConns");
        assert_eq!(nearest("web3", names), ["web1", "web2"]);
        assert_eq!(nearest("Curr", names), ["CurrConns", "CurrSslConns", "scur"]);
        assert_eq!(nearest("nonsense", names), [""; 0]);
        assert_eq!(did_you_mean("scru", names), "; did you mean scur?");
        assert_eq!(did_you_mean("nonsense", names), "");
    }
}
