//! The structure holds: which module may use which, what no module may do, and how large files and modules may be.
//! The checks read the source, so that a violation is reported with file and line; each check is tried on small made-up
//! sources below. Clippy and rustc check the rest: no `unsafe`, no panics outside tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::{Project, SourceFile};

/// The modules from the ground up. Each may use its own level and the levels below.
const LEVELS: &[(&str, u8)] = &[
    ("units", 0),
    ("haproxy", 1),
    ("config", 1),
    ("logs", 2),
    ("observe", 2),
    ("ask", 2),
    ("history", 3),
    ("problems", 4),
    ("actions", 4),
    ("recording", 4),
    ("instance", 5),
    ("recording", 6),
    ("fleet", 6),
    ("table", 7),
    ("app", 8),
    ("ui", 9),
    ("term", 9),
    ("live", 10),
    ("headless", 10),
    ("cli", 11),
    ("main", 11),
];
/// The simulated HAProxy uses nothing of the project, and only these modules use it.
const DEMO: &str = "demo";
const MAY_USE_DEMO: [&str; 2] = ["cli", "main"];
/// Modules that know no terminal library.
const WITHOUT_TERMINAL: [&str; 14] = [
    "units",
    "haproxy",
    "config",
    "logs",
    "observe",
    "ask",
    "history",
    "problems",
    "actions",
    "recording",
    "instance",
    "fleet",
    "table",
    "app",
];
/// Modules that do no I/O and read no clock.
const PURE: [&str; 4] = ["units", "table", "app", "ui"];
const MAX_FILE_LINES: usize = 450;
/// The largest share of the source that one module may hold.
const MAX_MODULE_PERCENT: usize = 15;
/// Plain `pub` items per 1,000 lines.
const MAX_PUBLIC_PER_1000_LINES: usize = 25;
/// Type names that are defined twice on purpose.
const REPEATED_TYPES: &[&str] = &[];
/// File names that occur twice because both files do the same job for their module.
const REPEATED_FILES: &[&str] = &["proptests"];

fn project() -> Project {
    Project::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn module_of(file: &SourceFile) -> &str {
    file.module.first().map_or("lib", String::as_str)
}

fn level_of(file: &SourceFile) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == module_of(file)).map(|(_, level)| *level)
}

fn files_without_level(project: &Project) -> Vec<String> {
    let is_known = |file: &&SourceFile| level_of(file).is_some() || ["lib", DEMO].contains(&module_of(file));
    project.files.iter().filter(|file| !is_known(file)).map(|file| format!("{} has no level", file.name)).collect()
}

fn upward_imports(project: &Project) -> Vec<String> {
    let mut violations = Vec::new();
    for (from, to, path) in project.imports() {
        let (from, to) = (&project.files[from], &project.files[to]);
        let is_allowed = if module_of(from) == DEMO || module_of(to) == DEMO {
            module_of(from) == module_of(to) || module_of(to) == DEMO && MAY_USE_DEMO.contains(&module_of(from))
        } else {
            level_of(from).zip(level_of(to)).is_none_or(|(from, to)| from >= to)
        };
        if !is_allowed {
            violations.push(format!("{}:{} uses {}", from.name, path.line, to.name));
        }
    }
    violations
}

/// Returns the groups of files that import each other in a circle, tests left out.
fn import_cycles(project: &Project) -> Vec<String> {
    let count = project.files.len();
    let mut reachable: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); count];
    for (from, to, path) in project.imports() {
        if !path.is_test {
            reachable[from].insert(to);
        }
    }
    loop {
        let before: usize = reachable.iter().map(BTreeSet::len).sum();
        for from in 0..count {
            let further: BTreeSet<usize> = reachable[from].iter().flat_map(|to| reachable[*to].clone()).collect();
            reachable[from].extend(further);
        }
        if reachable.iter().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let cycle_of = |from: usize| -> Vec<usize> {
        (0..count).filter(|to| reachable[from].contains(to) && reachable[*to].contains(&from)).collect()
    };
    let cycles: BTreeSet<Vec<usize>> = (0..count).map(cycle_of).collect();
    let names = |cycle: &Vec<usize>| {
        cycle.iter().map(|file| project.files[*file].name.as_str()).collect::<Vec<_>>().join(" ↔ ")
    };
    cycles.iter().filter(|cycle| cycle.len() > 1).map(names).collect()
}

fn terminal_uses(project: &Project) -> Vec<String> {
    let mut violations = Vec::new();
    for file in project.files.iter().filter(|file| WITHOUT_TERMINAL.contains(&module_of(file))) {
        for path in file.paths.iter().filter(|path| ["ratatui", "crossterm"].contains(&path.segments[0].as_str())) {
            violations.push(format!("{}:{} uses {}", file.name, path.line, path.segments[0]));
        }
    }
    violations
}

fn io_and_clock_uses(project: &Project) -> Vec<String> {
    const MODULES: [&str; 7] = ["fs", "net", "io", "process", "env", "thread", "os"];
    let mut violations = Vec::new();
    for file in project.files.iter().filter(|file| PURE.contains(&module_of(file))) {
        for path in &file.paths {
            let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
            let is_io = matches!(segments.as_slice(), ["std", module, ..] if MODULES.contains(module));
            let is_clock = segments.ends_with(&["Instant", "now"]) || segments.ends_with(&["SystemTime", "now"]);
            if is_io || is_clock || segments[0] == "tokio" {
                violations.push(format!("{}:{} uses {}", file.name, path.line, segments.join("::")));
            }
        }
    }
    violations
}

fn long_files(project: &Project) -> Vec<String> {
    let long = project.files.iter().filter(|file| file.lines > MAX_FILE_LINES);
    long.map(|file| format!("{} has {} lines, {MAX_FILE_LINES} are allowed", file.name, file.lines)).collect()
}

fn large_modules(project: &Project) -> Vec<String> {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &project.files {
        *lines.entry(module_of(file)).or_default() += file.lines;
    }
    let total: usize = lines.values().sum();
    let large = lines.iter().filter(|(_, lines)| **lines * 100 > total * MAX_MODULE_PERCENT);
    large.map(|(module, lines)| format!("{module} holds {} % of {total} lines", lines * 100 / total)).collect()
}

/// Returns names that occur more than once, with the files that define them.
fn repeated<'a>(names: impl Iterator<Item = (&'a str, &'a str)>, allowed: &[&str]) -> Vec<String> {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, file) in names {
        files.entry(name).or_default().push(file);
    }
    let is_repeated = |(name, files): &(&&str, &Vec<&str>)| files.len() > 1 && !allowed.contains(*name);
    files.iter().filter(is_repeated).map(|(name, files)| format!("{name}: {}", files.join(", "))).collect()
}

fn repeated_types(project: &Project) -> Vec<String> {
    let types = |file: &'_ SourceFile| -> Vec<(String, String)> {
        file.types.iter().map(|name| (name.clone(), file.name.clone())).collect()
    };
    let all: Vec<(String, String)> = project.files.iter().flat_map(types).collect();
    repeated(all.iter().map(|(name, file)| (name.as_str(), file.as_str())), REPEATED_TYPES)
}

fn repeated_file_names(project: &Project) -> Vec<String> {
    let named = project.files.iter().filter(|file| !file.name.ends_with("mod.rs") && file.module.len() > 1);
    repeated(named.filter_map(|file| Some((file.module.last()?.as_str(), file.name.as_str()))), REPEATED_FILES)
}

#[test]
fn every_file_has_a_level() {
    assert_eq!(files_without_level(&project()), [""; 0]);
}

#[test]
fn no_import_goes_up() {
    assert_eq!(upward_imports(&project()), [""; 0]);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_eq!(import_cycles(&project()), [""; 0]);
}

#[test]
fn lower_modules_use_no_terminal_library() {
    assert_eq!(terminal_uses(&project()), [""; 0]);
}

#[test]
fn table_app_and_ui_do_no_io_and_read_no_clock() {
    assert_eq!(io_and_clock_uses(&project()), [""; 0]);
}

#[test]
fn files_and_modules_stay_small() {
    let project = project();
    assert_eq!([long_files(&project), large_modules(&project)].concat(), [""; 0]);
}

#[test]
fn names_are_defined_once() {
    let project = project();
    assert_eq!([repeated_types(&project), repeated_file_names(&project)].concat(), [""; 0]);
}

#[test]
fn few_items_are_public() {
    let project = project();
    let public: usize = project.files.iter().map(|file| file.public_items).sum();
    let lines: usize = project.files.iter().map(|file| file.lines).sum();
    assert!(public * 1000 <= MAX_PUBLIC_PER_1000_LINES * lines, "{public} plain `pub` items in {lines} lines");
}

#[test]
fn checks_see_the_real_imports() {
    let project = project();
    let edges: BTreeSet<(&str, &str)> = project
        .imports()
        .iter()
        .map(|(from, to, _)| (project.files[*from].name.as_str(), project.files[*to].name.as_str()))
        .collect();
    for edge in [
        ("app/update.rs", "app/model.rs"),
        ("ui/row_renderer.rs", "table/cell.rs"),
        ("live/io_thread.rs", "observe/sampler.rs"),
        ("main.rs", "cli.rs"),
        ("cli.rs", "demo/mod.rs"),
        ("cli.rs", "cli/args.rs"),
        ("headless/server/confirm.rs", "instance/guard.rs"),
        ("headless/audit/listing.rs", "actions/audit/audit_reader.rs"),
    ] {
        assert!(edges.contains(&edge), "{edge:?}");
    }
    assert!(project.files.len() > 60 && edges.len() > 200, "{} files, {} edges", project.files.len(), edges.len());
}

mod on_made_up_sources {
    use super::*;

    fn made_up(sources: &[(&'static str, &'static str)]) -> Project {
        Project::from_sources(sources.iter().copied())
    }

    #[test]
    fn upward_imports_finds_uses_groups_inline_paths_and_macros() {
        let upper = ("app/model.rs", "pub struct Model;");
        for text in [
            "use crate::app::model::Model;",
            "use crate::{haproxy::stat, app::model as m};",
            "fn f() { let _ = crate::app::model::Model; }",
            "use super::super::app::model::*;",
            "mod inner { use super::super::super::app::model; }",
            "#[cfg(test)]\nmod tests { use crate::app::model::Model; }",
            "fn f(_: &dyn Fn(crate::app::model::Model)) {}",
            "fn f() { assert!(matches!(x, crate::app::model::Model)) }",
        ] {
            let project = made_up(&[("instance/state.rs", text), upper]);
            assert_eq!(upward_imports(&project).len(), 1, "{text}");
            assert!(upward_imports(&project)[0].ends_with("uses app/model.rs"), "{text}");
        }
        let line = made_up(&[("instance/state.rs", "//! Essay.\n\nuse crate::app::model::Model;\n"), upper]);
        assert_eq!(upward_imports(&line), ["instance/state.rs:3 uses app/model.rs"]);
    }

    #[test]
    fn upward_imports_accepts_down_sideways_comments_and_texts() {
        let text = r##"
            //! See [`crate::ui::help_overlay`].
            /* use crate::ui::help_overlay; /* nested */ use crate::ui::help_overlay; */
            use crate::instance::state::Instance;
            use crate::app::key;
            const A: &str = "crate::ui::help_overlay";
            const B: &str = r#"use "crate::ui::help_overlay"#;
            const C: char = '"'; // crate::ui::help_overlay
            fn f<'a>(x: &'a str) -> &'a str { x }
        "##;
        let project = made_up(&[
            ("app/update.rs", text),
            ("app/key.rs", ""),
            ("instance/state.rs", ""),
            ("ui/help.rs", "use crate::app::update;"),
        ]);
        assert_eq!(upward_imports(&project), [""; 0]);
        assert_eq!(project.imports().len(), 3);
    }

    #[test]
    fn upward_imports_depends_on_the_direction() {
        let key = ("app/key.rs", "");
        assert_eq!(upward_imports(&made_up(&[("term/reader.rs", "use crate::app::key::Key;"), key])), [""; 0]);
        let up = made_up(&[("app/key.rs", "use crate::term::reader;"), ("term/reader.rs", "")]);
        assert_eq!(upward_imports(&up), ["app/key.rs:1 uses term/reader.rs"]);
        let top = made_up(&[("live/io.rs", "use crate::cli;"), ("cli.rs", "")]);
        assert_eq!(upward_imports(&top), ["live/io.rs:1 uses cli.rs"]);
    }

    #[test]
    fn upward_imports_keeps_the_demo_apart() {
        let demo = ("demo/mod.rs", "mod world;\npub use world::World;");
        let world = ("demo/world.rs", "use super::row::Row;");
        let row = ("demo/row.rs", "");
        assert_eq!(upward_imports(&made_up(&[demo, world, row, ("cli.rs", "use crate::demo;")])), [""; 0]);
        let main = ("main.rs", "fn main() { hapulse::demo::start(); }");
        assert_eq!(upward_imports(&made_up(&[demo, world, row, main])), [""; 0]);
        for name in ["haproxy/stat.rs", "live/io.rs", "ui/help.rs"] {
            let project = made_up(&[demo, (name, "use crate::demo::World;")]);
            assert_eq!(upward_imports(&project), [format!("{name}:1 uses demo/mod.rs")]);
        }
        let outward = made_up(&[("demo/world.rs", "use crate::haproxy::safe_text;"), ("haproxy/safe_text.rs", "")]);
        assert_eq!(upward_imports(&outward), ["demo/world.rs:1 uses haproxy/safe_text.rs"]);
    }

    #[test]
    fn import_cycles_names_circles_of_two_and_more() {
        let two = made_up(&[("ui/a.rs", "use crate::ui::b;"), ("ui/b.rs", "use super::a;"), ("ui/c.rs", "")]);
        assert_eq!(import_cycles(&two), ["ui/a.rs ↔ ui/b.rs"]);
        let three = made_up(&[
            ("ui/a.rs", "use crate::ui::b;"),
            ("ui/b.rs", "fn f() { super::c::g() }"),
            ("ui/c.rs", "use crate::{ui::{a, d}};"),
            ("ui/d.rs", ""),
        ]);
        assert_eq!(import_cycles(&three), ["ui/a.rs ↔ ui/b.rs ↔ ui/c.rs"]);
        let parent = made_up(&[("ui/mod.rs", "mod a;\npub use a::A;"), ("ui/a.rs", "use super::B;")]);
        assert_eq!(import_cycles(&parent), ["ui/mod.rs ↔ ui/a.rs"]);
        let chain = made_up(&[("ui/a.rs", "use crate::ui::b;"), ("ui/b.rs", "use crate::ui::c;"), ("ui/c.rs", "")]);
        assert_eq!(import_cycles(&chain), [""; 0]);
        let in_test = "#[cfg(test)]\nmod tests { use super::*; use crate::ui::a; }";
        assert_eq!(import_cycles(&made_up(&[("ui/a.rs", "use crate::ui::b;"), ("ui/b.rs", in_test)])), [""; 0]);
        let test_file = made_up(&[
            ("ui/mod.rs", "#[cfg(test)]\nmod tests;"),
            ("ui/tests.rs", "use crate::ui::a;"),
            ("ui/a.rs", "use crate::ui::tests;"),
        ]);
        assert_eq!(import_cycles(&test_file), [""; 0]);
    }

    #[test]
    fn files_without_level_finds_an_unknown_module() {
        let project = made_up(&[("lib.rs", "pub mod utils;"), ("utils/mod.rs", ""), ("cli.rs", "")]);
        assert_eq!(files_without_level(&project), ["utils/mod.rs has no level"]);
    }

    #[test]
    fn terminal_uses_are_found_in_lower_modules_only() {
        let text = "// ratatui is not known here\nuse ratatui::buffer::Buffer;";
        for name in ["haproxy/a.rs", "instance/a.rs", "app/a.rs", "config/a.rs"] {
            assert_eq!(terminal_uses(&made_up(&[(name, text)])), [format!("{name}:2 uses ratatui")]);
        }
        assert_eq!(terminal_uses(&made_up(&[("ui/a.rs", text), ("term/a.rs", "use crossterm::event;")])), [""; 0]);
        assert_eq!(terminal_uses(&made_up(&[("app/a.rs", "fn f(_: crossterm::event::Event) {}")])).len(), 1);
    }

    #[test]
    fn io_and_clock_uses_are_found() {
        for (text, path) in [
            ("use std::fs;", "std::fs"),
            ("use std::{fmt, io::Write};", "std::io::Write"),
            ("fn f() { std::thread::sleep(d) }", "std::thread::sleep"),
            ("use std::time::Instant;\nfn f() { Instant::now(); }", "Instant::now"),
            ("fn f() { std::time::SystemTime::now(); }", "std::time::SystemTime::now"),
            ("use tokio::time::sleep;", "tokio::time::sleep"),
            ("fn f() { std::env::var(x) }", "std::env::var"),
            ("fn f() { std::process::exit(1) }", "std::process::exit"),
            ("use std::net::TcpStream;", "std::net::TcpStream"),
        ] {
            for name in ["table/a.rs", "app/a.rs", "ui/a.rs"] {
                let found = io_and_clock_uses(&made_up(&[(name, text)]));
                assert!(found.len() == 1 && found[0].ends_with(&format!("uses {path}")), "{text}: {found:?}");
            }
            assert_eq!(io_and_clock_uses(&made_up(&[("live/a.rs", text)])), [""; 0]);
        }
        let fine = "use std::time::{Duration, SystemTime};\nuse std::fmt;\nfn now(now: Duration) {}";
        assert_eq!(io_and_clock_uses(&made_up(&[("app/a.rs", fine)])), [""; 0]);
    }

    #[test]
    fn large_files_and_modules_are_found() {
        let long: &'static str = Box::leak("\n".repeat(451).into_boxed_str());
        assert_eq!(long_files(&made_up(&[("app/a.rs", long)])), ["app/a.rs has 451 lines, 450 are allowed"]);
        assert_eq!(long_files(&made_up(&[("app/a.rs", &long[1..])])), [""; 0]);
        let large = made_up(&[("app/a.rs", &long[..16]), ("ui/a.rs", &long[..15]), ("live/a.rs", &long[..69])]);
        assert_eq!(large_modules(&large), ["app holds 16 % of 100 lines", "live holds 69 % of 100 lines"]);
    }

    #[test]
    fn repeated_names_are_found_outside_tests_only() {
        let a = "pub struct Row;\nenum Kind { A }";
        let tests = "#[cfg(test)]\nmod tests { struct Kind; }\ntrait Row {}";
        let project = made_up(&[("app/a.rs", a), ("ui/a.rs", tests)]);
        assert_eq!(repeated_types(&project), ["Row: app/a.rs, ui/a.rs"]);
        assert_eq!(repeated_file_names(&project), ["a: app/a.rs, ui/a.rs"]);
    }

    #[test]
    fn public_items_counts_plain_pub_outside_tests() {
        let text = "pub struct A { pub a: u8, pub(crate) b: u8 }\nimpl A { pub fn f() {} fn g() {} }\n\
                    #[cfg(test)]\nmod tests { pub fn f() {} }";
        assert_eq!(made_up(&[("app/a.rs", text)]).files[0].public_items, 3);
    }
}
