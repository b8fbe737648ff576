//! The prose of the project: banned words in comments, documents, messages and file names, and how doc comments begin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use hapulse::config::former_names::FORMER_NAMES;

/// Phrases that readers stumble over, what to write instead, and the contexts in which they are correct English.
///
/// A phrase matches whole words, in any case, and across a line break. `*` stands for the end of a word.
const BANNED: &[(&str, &str, &[&str])] = &[
    ("is no", "is not a, has no", &["is no longer", "there is no", "the default is no", "is no check"]),
    ("is none", "is absent, is not one", &[]),
    ("are none", "are absent", &[]),
    ("there is none", "is absent", &[]),
    ("is not there", "does not exist, is missing", &[]),
    ("anew", "again", &[]),
    ("mend*", "fix", &[]),
    (
        "behind",
        "after",
        &[
            "behind this",
            "behind a",
            "behind an",
            "behind the",
            "behind it",
            "behind haproxy",
            "behind them",
            "left behind",
            "behind one",
            "behind each",
            "behind be_*",
        ],
    ),
    ("told", "reported", &[]),
    ("tells", "reports", &[]),
    (
        "act",
        "action",
        &[
            "act on",
            "act as",
            "can act",
            "to act",
            "may act",
            "must act",
            "cannot act",
            "not act",
            "`act`",
            "\"act\"",
            "act + bck",
            "act, bck",
            ",act,",
            ".act=",
            " act=",
            ":act`",
            "(act)",
            "| act |",
            "weight act ",
            "field::act",
            "act \"act\"",
        ],
    ),
    ("acts", "actions", &["acts on", "acts as"]),
    ("deed*", "action", &[]),
    ("a look", "a sample", &["a look at"]),
    ("whoever", "name the person or program", &[]),
    ("somebody", "another user, a client", &[]),
    ("someone", "another user, a client", &[]),
    ("nobody", "no client, no user", &[]),
    ("so long", "for that time", &["so long as"]),
    ("so many", "this number of", &[]),
    ("so often", "at this interval", &[]),
    ("at the most", "at most", &[]),
    ("at the least", "at least", &[]),
    ("by itself", "automatically", &[]),
    ("one a line", "one per line", &[]),
    ("line a sample", "line per sample", &[]),
    (
        "a second",
        "per second",
        &[
            "within a second",
            "for a second",
            "half a second",
            "of a second",
            "than a second",
            "a second client",
            "a second time",
            "a second one",
            "a second process",
            "a second instance",
            "a second poll",
            "a second terminal",
            "a second copy",
            "in a second",
            "after a second",
            "until a second",
            "a second reader",
            "a second read",
            "about a second",
            "a second sample",
            "a second row",
            "and a second",
            "a second opinion",
            "a second implementation",
            "by a second",
            "a second table",
        ],
    ),
    ("what becomes of", "the result of", &[]),
    ("what became of", "the result of", &[]),
    ("what comes of", "the result of", &[]),
    ("stands in the way", "prevents", &[]),
    ("stand in the way", "prevent", &[]),
    ("lets go", "releases", &[]),
    ("let go", "release", &[]),
    ("is had", "is obtained", &[]),
    ("can be had", "is available", &[]),
    ("is to be had", "is available", &[]),
    ("of its own making", "computed", &[]),
    ("as of now", "now", &[]),
    ("beside it", "next to it", &[]),
    ("lest", "so that not", &[]),
    ("forthwith", "at once", &[]),
    ("colour*", "color (American spelling)", &[]),
    ("licence*", "license (American spelling)", &[]),
    ("behaviour*", "behavior (American spelling)", &[]),
    ("neighbour*", "neighbor (American spelling)", &[]),
    ("grey*", "gray (American spelling)", &[]),
    ("centre*", "center (American spelling)", &[]),
];

/// Files whose words are not ours, that are generated, or that must name the banned words.
const SKIPPED: &[&str] = &[
    "tests/words.rs",
    // Pictures of the screen, whose words are in src.
    "assets/",
    "tests/screens",
    "tests/fixtures",
    "LICENSE",
    "Cargo.lock",
    "fuzz/Cargo.lock",
    "fuzz/corpus",
    "fuzz/artifacts",
    "fuzz/target",
    "fuzz/dictionaries",
];
/// Files that may contain the former names that this version still accepts.
const FILES_WITH_FORMER_NAMES: [&str; 4] =
    ["src/config/former_names.rs", "tests/configuration.rs", "docs/configuration.md", "CHANGELOG.md"];
/// Where prose is, from the root of the repository.
const PLACES: &[&str] = &[
    "src",
    "tests",
    "benches",
    "fuzz",
    "docs",
    "packaging",
    "assets",
    ".github",
    ".ci",
    "README.md",
    "CHANGELOG.md",
    "Cargo.toml",
    "deny.toml",
    "clippy.toml",
    "rustfmt.toml",
];
/// First words of doc comments that make a noun clause of them; a doc comment starts with a verb or a noun phrase.
const FIRST_WORDS: &[&str] = &["What", "Whether", "How", "Who", "Its", "Whose"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files with prose: their path from the root and their text.
fn files() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for place in PLACES {
        collect(&root().join(place), &mut paths);
    }
    paths.sort();
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        (!SKIPPED.iter().any(|skipped| name.starts_with(skipped)))
            .then(|| Some((name, fs::read_to_string(path).ok()?)))?
    };
    paths.into_iter().filter_map(named).collect()
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), into);
        }
    } else {
        into.push(path.to_owned());
    }
}

/// Returns the text in lower case with comment marks and line breaks as single blanks, and the line of each character.
fn flatten(text: &str) -> (Vec<char>, Vec<usize>) {
    let (mut characters, mut lines) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim().trim_start_matches(['/', '!', '#', '*', '|', '>', '\\']);
        for character in line.trim().chars().chain([' ']) {
            let character = if character == '_' { '_' } else { character.to_ascii_lowercase() };
            if !(character == ' ' && characters.last() == Some(&' ')) {
                characters.push(character);
                lines.push(number);
            }
        }
    }
    (characters, lines)
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '\'' || character == '’'
}

/// Returns whether `phrase` is at `place`, as whole words; a `*` at its end stands for the rest of the word.
fn is_at(text: &[char], place: usize, phrase: &str) -> bool {
    let (phrase, is_open) = phrase.strip_suffix('*').map_or((phrase, false), |phrase| (phrase, true));
    let end = place + phrase.chars().count();
    // A phrase that begins or ends with another sign has its own boundary.
    let is_boundary = |sign: Option<char>| sign.is_some_and(|sign| !is_word_character(sign));
    let starts = is_boundary(phrase.chars().next()) || place == 0 || !is_word_character(text[place - 1]);
    let is_last = |character: &char| !is_word_character(*character);
    let ends = is_open || is_boundary(phrase.chars().last()) || text.get(end).is_none_or(is_last);
    starts && ends && end <= text.len() && phrase.chars().eq(text[place..end].iter().copied())
}

/// Returns whether one of the allowed contexts covers the phrase found at `place`.
fn is_allowed(text: &[char], place: usize, phrase: &str, allowed: &[&str]) -> bool {
    let phrase = phrase.trim_end_matches('*');
    allowed.iter().any(|context| {
        let offset = context.find(phrase).map(|bytes| context[..bytes].chars().count());
        offset.and_then(|offset| place.checked_sub(offset)).is_some_and(|start| is_at(text, start, context))
    })
}

fn violations_in(name: &str, text: &str) -> Vec<String> {
    let (characters, lines) = flatten(text);
    let former_names: Vec<&str> = if FILES_WITH_FORMER_NAMES.contains(&name) {
        FORMER_NAMES.iter().map(|name| name.former).collect()
    } else {
        Vec::new()
    };
    let mut violations = Vec::new();
    for (phrase, instead, allowed) in BANNED {
        let first = phrase.chars().next().unwrap();
        for place in (0..characters.len()).filter(|place| characters[*place] == first) {
            let is_allowed = |contexts: &[&str]| is_allowed(&characters, place, phrase, contexts);
            if is_at(&characters, place, phrase) && !is_allowed(allowed) && !is_allowed(&former_names) {
                violations.push(format!("{name}:{}: \"{phrase}\" (write: {instead})", lines[place]));
            }
        }
    }
    violations
}

fn doc_comment_violations_in(name: &str, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    let mut is_first = true;
    for (number, line) in (1..).zip(text.lines().map(str::trim_start)) {
        let doc = line.strip_prefix("/// ").or_else(|| line.strip_prefix("//! "));
        let first_word = doc.and_then(|doc| doc.split(|sign: char| !sign.is_alphabetic()).next());
        if let Some(word) = first_word.filter(|word| is_first && FIRST_WORDS.contains(word)) {
            violations.push(format!("{name}:{number}: a doc comment starts with \"{word}\""));
        }
        is_first = doc.is_none();
    }
    violations
}

fn report(violations: &[String]) {
    for violation in violations {
        println!("FAILED: {violation}");
    }
    assert!(violations.is_empty(), "{} violations; docs/contributing.md has the rules", violations.len());
}

#[test]
fn prose_has_no_banned_words() {
    let files = files();
    assert!(files.len() > 400, "{} files", files.len());
    report(&files.iter().flat_map(|(name, text)| violations_in(name, text)).collect::<Vec<_>>());
}

#[test]
fn file_names_have_no_banned_words() {
    let spoken = |name: &str| name.replace(['_', '-', '/', '.'], " ");
    report(&files().iter().flat_map(|(name, _)| violations_in(name, &spoken(name))).collect::<Vec<_>>());
}

#[test]
fn doc_comments_start_with_a_verb_or_a_noun() {
    let rust =
        files().into_iter().filter(|(name, _)| Path::new(name).extension().is_some_and(|extension| extension == "rs"));
    report(&rust.flat_map(|(name, text)| doc_comment_violations_in(&name, &text)).collect::<Vec<_>>());
}

#[test]
fn violations_in_finds_phrases_across_lines_and_respects_contexts() {
    let found = |text: &str| violations_in("a.rs", text).len();
    assert_eq!(found("/// A proxy is\n/// no server."), 1);
    assert_eq!(found("if there is no server"), 0);
    assert_eq!(found("It is no longer up."), 0);
    assert_eq!(found("an act, two Acts, an act on a server"), 2);
    assert_eq!(found("compact, action, is_none()"), 0);
    assert_eq!(found("ten requests a second"), 1);
    assert_eq!(found("within a second"), 0);
    assert_eq!(found("mended and mending"), 2);
    assert_eq!((found("`act.menu`"), violations_in("CHANGELOG.md", "`act.menu`, an act").len()), (1, 1));
    assert_eq!(doc_comment_violations_in("a.rs", "/// What it is.\n/// How.\nfn f() {}\n//! Whether.").len(), 2);
}
