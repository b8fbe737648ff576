//! The project's source text, read just far enough to see what names what: words without comments and
//! literals, which of them are tests, and every path they spell.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

/// A word or sign of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
    /// Compiled for tests only.
    pub test: bool,
}

/// A path of names, from the root of its crate: `crate::app::update`, `std::fs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub path: Vec<String>,
    pub line: usize,
    pub test: bool,
}

/// One source file.
#[derive(Debug)]
pub struct File {
    /// From `src/` on: `app/update.rs`.
    pub name: String,
    /// Its place in the tree of modules; empty for the roots.
    pub module: Vec<String>,
    pub lines: usize,
    pub tokens: Vec<Token>,
    pub named: Vec<Named>,
}

/// All files.
#[derive(Debug)]
pub struct Project {
    pub files: Vec<File>,
}

impl Project {
    /// Reads every `.rs` file under a folder.
    pub fn read(folder: &Path) -> Self {
        let mut sources = Vec::new();
        gather(folder, folder, &mut sources);
        sources.sort();
        Self::new(sources.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Takes names and texts.
    pub fn new<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut files: Vec<File> = sources.into_iter().map(|(name, text)| File::new(name, text)).collect();
        // A file whose `mod` line is for tests only holds nothing else.
        let test_modules: Vec<Vec<String>> = files.iter().flat_map(File::test_children).collect();
        for file in files.iter_mut().filter(|file| test_modules.iter().any(|module| file.module.starts_with(module))) {
            file.tokens.iter_mut().for_each(|token| token.test = true);
            file.named.iter_mut().for_each(|named| named.test = true);
        }
        Self { files }
    }

    /// The file that a path of this crate leads into; absent for the root itself and for other crates.
    pub fn file_of(&self, path: &[String]) -> Option<usize> {
        let rest = path.strip_prefix(&["crate".to_owned()])?;
        (1..=rest.len()).rev().find_map(|length| self.files.iter().position(|file| file.module == rest[..length]))
    }

    /// Which file names which other: indexes, and the line.
    pub fn imports(&self) -> Vec<(usize, usize, &Named)> {
        let mut all = Vec::new();
        for (from, file) in self.files.iter().enumerate() {
            for named in &file.named {
                if let Some(to) = self.file_of(&named.path).filter(|to| *to != from) {
                    all.push((from, to, named));
                }
            }
        }
        all
    }
}

fn gather(root: &Path, folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(root, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            into.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

impl File {
    fn new(name: &str, text: &str) -> Self {
        let mut module: Vec<String> = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        if module == ["lib"] {
            module.clear();
        }
        let mut tokens = tokens(text);
        mark_tests(&mut tokens);
        // The binary's own root: it reaches the library by its name.
        let home = if module == ["main"] { Vec::new() } else { module.clone() };
        let named = named(&tokens, &home);
        Self { name: name.to_owned(), module, lines: text.lines().count(), tokens, named }
    }

    fn test_children(&self) -> Vec<Vec<String>> {
        let is_it = |window: &&[Token]| window[0].text == "mod" && window[2].text == ";" && window[0].test;
        let child = |window: &[Token]| self.module.iter().cloned().chain([window[1].text.clone()]).collect();
        self.tokens.windows(3).filter(is_it).map(child).collect()
    }
}

/// Words and signs; `::` is one sign. Comments, strings and characters are left out.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut all, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let start = at;
        let rest = &chars[at..];
        let length = if rest.starts_with(&['/', '/']) {
            rest.iter().position(|ch| *ch == '\n').unwrap_or(rest.len())
        } else if rest.starts_with(&['/', '*']) {
            block_comment(rest)
        } else if let Some(length) = string(rest) {
            length
        } else if rest[0] == '\'' {
            character(rest)
        } else if is_word(rest[0]) {
            rest.iter().position(|ch| !is_word(*ch)).unwrap_or(rest.len())
        } else if rest.starts_with(&[':', ':']) {
            2
        } else {
            1
        };
        at += length;
        let taken = &chars[start..at];
        let is_text = is_word(taken[0]) && string(taken).is_none() || length <= 2 && !taken[0].is_whitespace();
        if is_text && taken[0] != '"' && taken[0] != '\'' && !taken.starts_with(&['/', '/']) {
            all.push(Token { text: taken.iter().collect(), line, test: false });
        }
        line += taken.iter().filter(|ch| **ch == '\n').count();
    }
    all
}

fn is_word(ch: char) -> bool {
    ch.is_alphanumeric() || ch == '_'
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(&['/', '*']) {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with(&['*', '/']) {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of a string literal that begins here: plain, byte, C or raw.
fn string(rest: &[char]) -> Option<usize> {
    let mut at = 0;
    while at < 2 && matches!(rest.get(at), Some('b' | 'c' | 'r')) {
        at += 1;
    }
    let raw = at > 0 && rest[at - 1] == 'r';
    let hashes = if raw { rest[at..].iter().take_while(|ch| **ch == '#').count() } else { 0 };
    at += hashes;
    if rest.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    while at < rest.len() {
        match rest[at] {
            '\\' if !raw => at += 2,
            '"' if rest[at..].starts_with(&end) => return Some(at + end.len()),
            _ => at += 1,
        }
    }
    Some(rest.len())
}

/// The length of a character literal or of the quote that begins a lifetime.
fn character(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => rest[2..].iter().skip(1).position(|ch| *ch == '\'').map_or(rest.len(), |end| end + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

/// Marks what stands behind `#[cfg(test)]`: to the end of the block or statement.
fn mark_tests(tokens: &mut [Token]) {
    let mut at = 0;
    while at < tokens.len() {
        let Some(end) = attribute(tokens, at) else {
            at += 1;
            continue;
        };
        let here: Vec<&str> = tokens[at..end].iter().map(|token| token.text.as_str()).collect();
        let is_test = here.contains(&"cfg") && here.contains(&"test") && !here.contains(&"not");
        let stop = if is_test { item_end(tokens, end) } else { end };
        if is_test {
            tokens[at..stop].iter_mut().for_each(|token| token.test = true);
        }
        at = stop;
    }
}

/// Where an attribute that begins at `at` ends.
fn attribute(tokens: &[Token], at: usize) -> Option<usize> {
    let text = |place: usize| tokens.get(place).map(|token| token.text.as_str());
    (text(at) == Some("#") && text(at + 1) == Some("[")).then(|| closing(tokens, at + 1))
}

/// Behind the bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_i32;
    for (place, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "{" | "[" | "(" => depth += 1,
            "}" | "]" | ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place + 1;
        }
    }
    tokens.len()
}

fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" => return at + 1,
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at),
            _ => at += 1,
        }
    }
    tokens.len()
}

/// Every path that is spelled, `use` trees taken apart, from the root on.
fn named(tokens: &[Token], module: &[String]) -> Vec<Named> {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let children: Vec<&str> =
        (0..tokens.len()).filter(|at| word(*at) == "mod" && word(at + 2) == ";").map(|at| word(at + 1)).collect();
    let mut all = Vec::new();
    // Inline modules around the place, with the depth of their braces.
    let (mut inline, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
    let mut at = 0;
    while at < tokens.len() {
        let here = word(at);
        match here {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.retain(|(_, inside)| *inside <= depth);
            }
            "mod" if word(at + 2) == "{" => inline.push((word(at + 1).to_owned(), depth + 1)),
            _ => {}
        }
        let begins = here.starts_with(|ch: char| ch.is_alphabetic()) && (at == 0 || word(at - 1) != "::");
        let is_use = begins && here != "use" && at > 0 && word(at - 1) == "use";
        if begins && (word(at + 1) == "::" || is_use) {
            let mut found = Vec::new();
            let Token { line, test, .. } = tokens[at];
            at = tree(tokens, at, &[], &mut found);
            let place: Vec<String> =
                module.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone())).collect();
            let paths = found.into_iter().map(|path| absolute(path, &place, &children));
            all.extend(paths.map(|path| Named { path, line, test }));
        } else {
            at += 1;
        }
    }
    all
}

/// Reads one path, or one branch of a `use` tree, and returns the place behind it.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut path = prefix.to_vec();
    loop {
        match text(at) {
            "{" => {
                at += 1;
                while at < tokens.len() && text(at) != "}" {
                    at = tree(tokens, at, &path, found);
                    while text(at) == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "*" => {
                found.push(path);
                return at + 1;
            }
            word if word.starts_with(|ch: char| ch.is_alphanumeric() || ch == '_') => path.push(word.to_owned()),
            _ => {
                found.push(path);
                return at.max(1);
            }
        }
        at += 1;
        match text(at) {
            "::" if text(at + 1) != "<" => at += 1,
            "as" if !prefix.is_empty() => {
                found.push(path);
                return at + 2;
            }
            _ => {
                found.push(path);
                return at;
            }
        }
    }
}

fn absolute(mut path: Vec<String>, here: &[String], children: &[&str]) -> Vec<String> {
    let from_root = |module: &[String], rest: &[String]| -> Vec<String> {
        std::iter::once("crate".to_owned()).chain(module.iter().cloned()).chain(rest.iter().cloned()).collect()
    };
    match path[0].as_str() {
        "crate" | "hapulse" => {
            "crate".clone_into(&mut path[0]);
            path
        }
        "self" => from_root(here, &path[1..]),
        "super" => {
            let up = path.iter().take_while(|word| *word == "super").count();
            from_root(&here[..here.len().saturating_sub(up)], &path[up..])
        }
        first if children.contains(&first) => from_root(here, &path),
        _ => path,
    }
}
