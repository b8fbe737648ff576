//! The project's source code, parsed by `syn`: the paths each file uses, its type names and its plain `pub` items.
#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, Macro, UseTree, Visibility};

/// A path in the source, resolved to the root of its crate: `crate::app::update`, `std::fs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathUse {
    pub segments: Vec<String>,
    pub line: usize,
    /// Compiled for tests only.
    pub is_test: bool,
}

/// One source file.
#[derive(Debug)]
pub struct SourceFile {
    /// Relative to `src/`: `app/update.rs`.
    pub name: String,
    /// Place in the module tree; empty for the roots.
    pub module: Vec<String>,
    pub lines: usize,
    pub paths: Vec<PathUse>,
    /// Structs, enums, traits and type aliases outside tests.
    pub types: Vec<String>,
    /// Items, fields and methods with a plain `pub`.
    pub public_items: usize,
    test_modules: Vec<String>,
}

/// All source files.
#[derive(Debug)]
pub struct Project {
    pub files: Vec<SourceFile>,
}

impl Project {
    /// Reads every `.rs` file under `folder`.
    pub fn read(folder: &Path) -> Self {
        let mut sources = Vec::new();
        collect_sources(folder, folder, &mut sources);
        sources.sort();
        Self::from_sources(sources.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Parses files given as name and text.
    pub fn from_sources<'a>(sources: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut files: Vec<SourceFile> =
            sources.into_iter().map(|(name, text)| SourceFile::parse(name, text)).collect();
        let test_modules: Vec<Vec<String>> = files.iter().flat_map(SourceFile::test_only_children).collect();
        for file in files.iter_mut().filter(|file| test_modules.iter().any(|module| file.module.starts_with(module))) {
            file.paths.iter_mut().for_each(|path| path.is_test = true);
            file.types.clear();
            file.public_items = 0;
        }
        Self { files }
    }

    /// Returns each use of one file by another: index of the user, index of the used file, and the path.
    pub fn imports(&self) -> Vec<(usize, usize, &PathUse)> {
        let mut imports = Vec::new();
        for (from, file) in self.files.iter().enumerate() {
            for path in &file.paths {
                // A relative path leads into a child module of the file.
                let relative = || self.file_of(&with_root(&[&file.module, &path.segments[..]].concat()));
                if let Some(to) = self.file_of(&path.segments).or_else(relative).filter(|to| *to != from) {
                    imports.push((from, to, path));
                }
            }
        }
        imports
    }

    /// Returns the file a path of this crate leads into; absent for the crate root and for other crates.
    fn file_of(&self, segments: &[String]) -> Option<usize> {
        let rest = segments.strip_prefix(&["crate".to_owned()])?;
        (1..=rest.len()).rev().find_map(|length| self.files.iter().position(|file| file.module == rest[..length]))
    }
}

fn collect_sources(root: &Path, folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_sources(root, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            into.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

impl SourceFile {
    fn parse(name: &str, text: &str) -> Self {
        let mut module: Vec<String> = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        // The binary's root reaches the library by its name, so its own place does not matter.
        let is_root = module == ["lib"] || module == ["main"];
        let mut visitor = FileVisitor {
            module: if is_root { Vec::new() } else { module.clone() },
            is_test: false,
            paths: Vec::new(),
            types: Vec::new(),
            public_items: 0,
            test_modules: Vec::new(),
        };
        if module == ["lib"] {
            module.clear();
        }
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{name} does not parse: {error}"));
        visitor.visit_file(&file);
        let FileVisitor { paths, types, public_items, test_modules, .. } = visitor;
        Self { name: name.to_owned(), module, lines: text.lines().count(), paths, types, public_items, test_modules }
    }

    fn test_only_children(&self) -> Vec<Vec<String>> {
        let child = |name: &String| self.module.iter().cloned().chain([name.clone()]).collect();
        self.test_modules.iter().map(child).collect()
    }
}

struct FileVisitor {
    /// Module of the code being visited, inline modules included.
    module: Vec<String>,
    is_test: bool,
    paths: Vec<PathUse>,
    types: Vec<String>,
    public_items: usize,
    test_modules: Vec<String>,
}

impl FileVisitor {
    fn record_path(&mut self, names: &[String], span: Span) {
        let parent = |depth: usize| &self.module[..self.module.len().saturating_sub(depth)];
        let supers = names.iter().take_while(|name| *name == "super").count();
        let segments: Vec<String> = match names.first().map(String::as_str) {
            Some("crate" | "hapulse") => with_root(&names[1..]),
            Some("self") => with_root(&[&self.module, &names[1..]].concat()),
            Some("super") => with_root(&[parent(supers), &names[supers..]].concat()),
            Some(_) if names.len() > 1 => names.to_vec(),
            _ => return,
        };
        self.paths.push(PathUse { segments, line: span.start().line, is_test: self.is_test });
    }

    fn record_use_tree(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |name: String| [prefix, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.record_use_tree(&with(path.ident.to_string()), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.record_use_tree(prefix, tree)),
            UseTree::Name(name) if name.ident == "self" => self.record_path(prefix, name.ident.span()),
            UseTree::Name(name) => self.record_path(&with(name.ident.to_string()), name.ident.span()),
            UseTree::Rename(rename) => self.record_path(&with(rename.ident.to_string()), rename.ident.span()),
            UseTree::Glob(glob) => self.record_path(prefix, glob.star_token.spans[0]),
        }
    }

    /// Records `a::b::c` sequences inside a macro call, which `syn` leaves unparsed.
    fn record_macro_tokens(&mut self, tokens: TokenStream) {
        let mut names: Vec<String> = Vec::new();
        let mut start = Span::call_site();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if names.is_empty() || colons == 2 => {
                    if names.is_empty() {
                        start = ident.span();
                    }
                    names.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !names.is_empty() && colons < 2 => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.record_macro_tokens(group.stream()),
                TokenTree::Ident(ident) => {
                    self.record_path(&std::mem::replace(&mut names, vec![ident.to_string()]), start);
                    (start, colons) = (ident.span(), 0);
                    continue;
                }
                _ => {}
            }
            self.record_path(&std::mem::take(&mut names), start);
            colons = 0;
        }
        self.record_path(&names, start);
    }
}

fn with_root(names: &[String]) -> Vec<String> {
    [&["crate".to_owned()], names].concat()
}

/// Returns whether an item is compiled for tests only: `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, unix))]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
        let words = condition.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
        let is_cfg = attribute.path().is_ident("cfg") && !condition.contains("not");
        attribute.path().is_ident("test") || is_cfg && words.into_iter().any(|word| word == "test")
    })
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for FileVisitor {
    fn visit_item(&mut self, item: &'ast Item) {
        let outer = self.is_test;
        self.is_test |= is_for_tests(attributes_of(item));
        let type_name = match item {
            Item::Struct(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(name) = type_name.filter(|_| !self.is_test) {
            self.types.push(name.to_string());
        }
        if let Item::Mod(module) = item {
            if module.content.is_none() && self.is_test {
                self.test_modules.push(module.ident.to_string());
            }
            self.module.push(module.ident.to_string());
            visit::visit_item(self, item);
            self.module.pop();
        } else {
            visit::visit_item(self, item);
        }
        self.is_test = outer;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.visit_visibility(&item.vis);
        self.record_use_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(first) = path.segments.first() {
            self.record_path(&names, first.ident.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.record_macro_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_visibility(&mut self, visibility: &'ast Visibility) {
        let is_plain = matches!(visibility, Visibility::Public(_));
        // The path in `pub(super)` uses nothing, so it is not visited.
        self.public_items += usize::from(is_plain && !self.is_test);
    }
}
