//! The house stands: which floor may know which, and what no floor may do. The rules read the source text, so
//! that a slip is told by name and line; each rule is tried on small made-up sources below.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::path::Path;

use source::{File, Project, Token};

/// The floors from the ground up. What stands on one may name what stands on it and below.
const FLOORS: &[(&str, u8)] = &[
    ("haproxy", 1),
    ("config", 1),
    ("observe", 2),
    ("ask", 2),
    ("history", 3),
    ("problems", 4),
    ("actions", 4),
    ("instance", 5),
    ("table", 7),
    ("app", 8),
    ("ui", 9),
    ("term", 9),
    ("live", 10),
    ("headless", 10),
    ("cli", 11),
    ("main", 11),
];
/// Stands aside: names nothing of the project but itself, and only these name it.
const ASIDE: &str = "demo";
const MAY_NAME_ASIDE: [&str; 2] = ["cli", "main"];
/// Floors that draw nothing.
const WITHOUT_TERMINAL: [&str; 10] =
    ["haproxy", "config", "observe", "ask", "history", "problems", "actions", "instance", "table", "app"];
/// Floors that are pure functions.
const PURE: [&str; 3] = ["table", "app", "ui"];
const LONGEST: usize = 450;

fn project() -> Project {
    Project::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn part(file: &File) -> &str {
    file.module.first().map_or("lib", String::as_str)
}

fn floor(file: &File) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == part(file)).map(|(_, floor)| *floor)
}

fn without_a_floor(project: &Project) -> Vec<String> {
    let is_known = |file: &&File| floor(file).is_some() || ["lib", ASIDE].contains(&part(file));
    project.files.iter().filter(|file| !is_known(file)).map(|file| format!("{} has no floor", file.name)).collect()
}

fn running_up(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    for (from, to, named) in project.imports() {
        let (from, to) = (&project.files[from], &project.files[to]);
        let is_aside = part(from) == ASIDE || part(to) == ASIDE;
        let allowed = if is_aside {
            part(from) == part(to) || part(to) == ASIDE && MAY_NAME_ASIDE.contains(&part(from))
        } else {
            floor(from).zip(floor(to)).is_none_or(|(from, to)| from >= to)
        };
        if !allowed {
            broken.push(format!("{}:{} names {}", from.name, named.line, to.name));
        }
    }
    broken
}

/// Groups of files that reach each other, tests left out.
fn circles(project: &Project) -> Vec<String> {
    let count = project.files.len();
    let mut reach: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); count];
    for (from, to, named) in project.imports() {
        if !named.test {
            reach[from].insert(to);
        }
    }
    loop {
        let before: usize = reach.iter().map(BTreeSet::len).sum();
        for from in 0..count {
            let further: BTreeSet<usize> = reach[from].iter().flat_map(|to| reach[*to].clone()).collect();
            reach[from].extend(further);
        }
        if reach.iter().map(BTreeSet::len).sum::<usize>() == before {
            break;
        }
    }
    let group = |from: usize| -> Vec<usize> {
        (0..count).filter(|to| reach[from].contains(to) && reach[*to].contains(&from)).collect()
    };
    let groups: BTreeSet<Vec<usize>> = (0..count).map(group).collect();
    let names = |group: &Vec<usize>| {
        group.iter().map(|file| project.files[*file].name.as_str()).collect::<Vec<_>>().join(" ↔ ")
    };
    groups.iter().filter(|group| group.len() > 1).map(names).collect()
}

fn naming_a_terminal(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    for file in project.files.iter().filter(|file| WITHOUT_TERMINAL.contains(&part(file))) {
        for token in file.tokens.iter().filter(|token| ["ratatui", "crossterm"].contains(&token.text.as_str())) {
            broken.push(format!("{}:{} names {}", file.name, token.line, token.text));
        }
    }
    broken
}

fn impure(project: &Project) -> Vec<String> {
    const MODULES: [&str; 7] = ["fs", "net", "io", "process", "env", "thread", "os"];
    let mut broken = Vec::new();
    for file in project.files.iter().filter(|file| PURE.contains(&part(file))) {
        for named in &file.named {
            let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
            let is_io = matches!(path.as_slice(), ["std", module, ..] if MODULES.contains(module));
            let is_clock = path.ends_with(&["Instant", "now"]) || path.ends_with(&["SystemTime", "now"]);
            if is_io || is_clock || path[0] == "tokio" {
                broken.push(format!("{}:{} uses {}", file.name, named.line, path.join("::")));
            }
        }
    }
    broken
}

fn too_long(project: &Project) -> Vec<String> {
    let long = project.files.iter().filter(|file| file.lines > LONGEST);
    long.map(|file| format!("{} has {} lines, {LONGEST} are allowed", file.name, file.lines)).collect()
}

fn panicking(project: &Project) -> Vec<String> {
    let mut broken = Vec::new();
    for file in &project.files {
        for (at, token) in file.tokens.iter().enumerate().filter(|(_, token)| !token.test) {
            let text = |place: Option<usize>| {
                place.and_then(|place| file.tokens.get(place)).map_or("", |token: &Token| token.text.as_str())
            };
            let (before, after) = (text(at.checked_sub(1)), text(Some(at + 1)));
            let does = match token.text.as_str() {
                "unwrap" | "expect" => [".", "::"].contains(&before),
                "panic" | "todo" | "unimplemented" => after == "!",
                _ => false,
            };
            if does {
                broken.push(format!("{}:{} may {}", file.name, token.line, token.text));
            }
        }
    }
    broken
}

fn forbids_unsafe(project: &Project) -> bool {
    let words: Vec<String> = project
        .files
        .iter()
        .filter(|file| file.name == "lib.rs")
        .flat_map(|file| file.tokens.iter().map(|token| token.text.clone()))
        .collect();
    words.join("").contains("#![forbid(unsafe_code)]")
}

#[test]
fn every_file_stands_on_a_floor() {
    assert_eq!(without_a_floor(&project()), [""; 0]);
}

#[test]
fn no_import_runs_up() {
    assert_eq!(running_up(&project()), [""; 0]);
}

#[test]
fn no_two_files_import_each_other_in_a_circle() {
    assert_eq!(circles(&project()), [""; 0]);
}

#[test]
fn the_lower_floors_know_no_terminal() {
    assert_eq!(naming_a_terminal(&project()), [""; 0]);
}

#[test]
fn app_and_ui_do_no_io_and_read_no_clock() {
    assert_eq!(impure(&project()), [""; 0]);
}

#[test]
fn files_stay_small() {
    assert_eq!(too_long(&project()), [""; 0]);
}

#[test]
fn nothing_panics_on_purpose() {
    assert_eq!(panicking(&project()), [""; 0]);
}

#[test]
fn unsafe_code_is_forbidden() {
    assert!(forbids_unsafe(&project()));
}

#[test]
fn the_rules_see_the_real_imports() {
    let project = project();
    let edges: BTreeSet<(&str, &str)> = project
        .imports()
        .iter()
        .map(|(from, to, _)| (project.files[*from].name.as_str(), project.files[*to].name.as_str()))
        .collect();
    for edge in [
        ("app/update.rs", "app/model.rs"),
        ("table/cell.rs", "table/number_format.rs"),
        ("ui/row_renderer.rs", "table/cell.rs"),
        ("live/io_thread.rs", "observe/sampler.rs"),
        ("main.rs", "cli.rs"),
        ("cli.rs", "demo/mod.rs"),
        ("cli.rs", "cli/args.rs"),
        ("cli.rs", "headless/audit/listing.rs"),
        ("cli/server_commands.rs", "headless/server/server_command.rs"),
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
        Project::new(sources.iter().copied())
    }

    #[test]
    fn imports_up_are_found_in_uses_groups_and_inline_paths() {
        let upper = ("app/model.rs", "pub struct Model;");
        for text in [
            "use crate::app::model::Model;",
            "use crate::{haproxy::stat, app::model as m};",
            "fn f() { let _ = crate::app::model::Model; }",
            "use super::super::app::model::*;",
            "mod inner { use super::super::super::app::model; }",
            "#[cfg(test)]\nmod tests { use crate::app::model::Model; }",
            "fn f(_: &dyn Fn(crate::app::model::Model)) {}",
        ] {
            let project = made_up(&[("instance/instance.rs", text), upper]);
            assert_eq!(running_up(&project).len(), 1, "{text}");
            assert!(running_up(&project)[0].ends_with("names app/model.rs"), "{text}");
        }
        let line = made_up(&[("instance/instance.rs", "//! Essay.\n\nuse crate::app::model::Model;\n"), upper]);
        assert_eq!(running_up(&line), ["instance/instance.rs:3 names app/model.rs"]);
    }

    #[test]
    fn imports_down_sideways_comments_and_texts_are_fine() {
        let text = r##"
            //! See [`crate::ui::help_overlay`].
            /* use crate::ui::help_overlay; /* nested */ use crate::ui::help_overlay; */
            use crate::instance::instance::Watch;
            use crate::app::key;
            const A: &str = "crate::ui::help_overlay";
            const B: &str = r#"use "crate::ui::help_overlay"#;
            const C: char = '"'; // crate::ui::help_overlay
            fn f<'a>(x: &'a str) -> &'a str { x }
        "##;
        let project = made_up(&[
            ("app/update.rs", text),
            ("app/key.rs", ""),
            ("instance/instance.rs", ""),
            ("ui/help.rs", "use crate::app::update;"),
        ]);
        assert_eq!(running_up(&project), [""; 0]);
        assert_eq!(project.imports().len(), 3);
    }

    #[test]
    fn the_terminal_may_use_the_keys_of_the_app_and_not_the_other_way() {
        let keys = ("app/key.rs", "");
        assert_eq!(running_up(&made_up(&[("term/key_reader.rs", "use crate::app::key::Key;"), keys])), [""; 0]);
        let up = made_up(&[("app/key.rs", "use crate::term::key_reader;"), ("term/key_reader.rs", "")]);
        assert_eq!(running_up(&up), ["app/key.rs:1 names term/key_reader.rs"]);
        let top = made_up(&[("live/io.rs", "use crate::cli;"), ("cli.rs", "")]);
        assert_eq!(running_up(&top), ["live/io.rs:1 names cli.rs"]);
        let printing =
            made_up(&[("actions/audit/mod.rs", "use crate::headless::audit::listing;"), ("headless/audit/listing.rs", "")]);
        assert_eq!(running_up(&printing), ["actions/audit/mod.rs:1 names headless/audit/listing.rs"]);
    }

    #[test]
    fn the_demo_stands_aside() {
        let demo = ("demo/mod.rs", "mod world;\npub use world::World;");
        let world = ("demo/world.rs", "use super::row::Row;");
        let row = ("demo/row.rs", "");
        assert_eq!(running_up(&made_up(&[demo, world, row, ("cli.rs", "use crate::demo;")])), [""; 0]);
        assert_eq!(running_up(&made_up(&[demo, world, row, ("main.rs", "hapulse::demo::start();")])), [""; 0]);
        for name in ["haproxy/stat.rs", "live/io.rs", "ui/help.rs"] {
            let project = made_up(&[demo, (name, "use crate::demo::World;")]);
            assert_eq!(running_up(&project), [format!("{name}:1 names demo/mod.rs")]);
        }
        let curious = made_up(&[("demo/world.rs", "use crate::haproxy::safe_text;"), ("haproxy/safe_text.rs", "")]);
        assert_eq!(running_up(&curious), ["demo/world.rs:1 names haproxy/safe_text.rs"]);
    }

    #[test]
    fn circles_of_two_and_more_are_named() {
        let two = made_up(&[("ui/a.rs", "use crate::ui::b;"), ("ui/b.rs", "use super::a;"), ("ui/c.rs", "")]);
        assert_eq!(circles(&two), ["ui/a.rs ↔ ui/b.rs"]);
        let three = made_up(&[
            ("ui/a.rs", "use crate::ui::b;"),
            ("ui/b.rs", "fn f() { super::c::g() }"),
            ("ui/c.rs", "use crate::{ui::{a, d}};"),
            ("ui/d.rs", ""),
        ]);
        assert_eq!(circles(&three), ["ui/a.rs ↔ ui/b.rs ↔ ui/c.rs"]);
        let parent = made_up(&[("ui/mod.rs", "mod a;\npub use a::A;"), ("ui/a.rs", "use super::B;")]);
        assert_eq!(circles(&parent), ["ui/mod.rs ↔ ui/a.rs"]);
        let chain = made_up(&[("ui/a.rs", "use crate::ui::b;"), ("ui/b.rs", "use crate::ui::c;"), ("ui/c.rs", "")]);
        assert_eq!(circles(&chain), [""; 0]);
        let in_test = "#[cfg(test)]\nmod tests { use super::*; use crate::ui::a; }";
        assert_eq!(circles(&made_up(&[("ui/a.rs", "use crate::ui::b;"), ("ui/b.rs", in_test)])), [""; 0]);
    }

    #[test]
    fn a_module_that_no_floor_has_is_found() {
        let project = made_up(&[("lib.rs", "pub mod utils;"), ("utils/mod.rs", ""), ("cli.rs", "")]);
        assert_eq!(without_a_floor(&project), ["utils/mod.rs has no floor"]);
    }

    #[test]
    fn terminals_are_found_on_the_lower_floors_only() {
        let text = "// ratatui is not known here\nuse ratatui::buffer::Buffer;";
        for name in ["haproxy/a.rs", "instance/a.rs", "app/a.rs", "config/a.rs"] {
            assert_eq!(naming_a_terminal(&made_up(&[(name, text)])), [format!("{name}:2 names ratatui")]);
        }
        assert_eq!(naming_a_terminal(&made_up(&[("ui/a.rs", text), ("term/a.rs", "use crossterm::event;")])), [""; 0]);
        assert_eq!(naming_a_terminal(&made_up(&[("app/a.rs", "fn f(_: crossterm::event::Event) {}")])).len(), 1);
    }

    #[test]
    fn io_and_clocks_are_found() {
        for (text, what) in [
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
            for name in ["app/a.rs", "ui/a.rs"] {
                let found = impure(&made_up(&[(name, text)]));
                assert!(found.len() == 1 && found[0].ends_with(&format!("uses {what}")), "{text}: {found:?}");
            }
            assert_eq!(impure(&made_up(&[("live/a.rs", text)])), [""; 0]);
        }
        let fine = "use std::time::{Duration, SystemTime};\nuse std::fmt;\nfn now(now: Duration) {}";
        assert_eq!(impure(&made_up(&[("app/a.rs", fine)])), [""; 0]);
    }

    #[test]
    fn long_files_are_found() {
        let long: &'static str = Box::leak("\n".repeat(451).into_boxed_str());
        assert_eq!(too_long(&made_up(&[("app/a.rs", long)])), ["app/a.rs has 451 lines, 450 are allowed"]);
        assert_eq!(too_long(&made_up(&[("app/a.rs", &long[1..])])), [""; 0]);
    }

    #[test]
    fn panics_are_found_outside_tests_only() {
        for text in [
            "fn f() { x.unwrap(); }",
            "fn f() { x\n.expect(\"why\"); }",
            "fn f() { xs.map(Option::unwrap); }",
            "fn f() { panic!(\"no\") }",
            "fn f() { todo!() }",
            "fn f() { unimplemented!() }",
            "#[cfg(not(test))]\nfn f() { x.unwrap(); }",
            "#[cfg(test)]\nmod tests {}\nfn f() { x.unwrap(); }",
        ] {
            assert_eq!(panicking(&made_up(&[("app/a.rs", text)])).len(), 1, "{text}");
        }
        for text in [
            "fn f() { x.unwrap_or_default(); expect(1); }",
            "// x.unwrap()\nconst A: &str = \"panic!(x.unwrap())\";",
            "#[cfg(test)]\nmod tests { fn f() { x.unwrap(); if y { panic!() } } }",
            "#[cfg(test)]\n#[allow(dead_code)]\npub(crate) fn f(x: [u8; 3]) { x.unwrap(); }",
            "#[cfg(all(test, unix))]\nmod tests { fn f() { x.expect(\"y\"); } }",
        ] {
            assert_eq!(panicking(&made_up(&[("app/a.rs", text)])), [""; 0], "{text}");
        }
        let for_tests =
            made_up(&[("app/mod.rs", "#[cfg(test)]\npub mod testing;"), ("app/testing.rs", "fn f() { x.unwrap(); }")]);
        assert_eq!(panicking(&for_tests), [""; 0]);
    }

    #[test]
    fn the_ban_on_unsafe_code_must_stand_in_the_library() {
        assert!(forbids_unsafe(&made_up(&[("lib.rs", "//! Crate.\n#![forbid(unsafe_code)]\n")])));
        for text in ["", "// #![forbid(unsafe_code)]", "#![deny(unsafe_code)]"] {
            assert!(!forbids_unsafe(&made_up(&[("lib.rs", text), ("main.rs", "#![forbid(unsafe_code)]")])), "{text}");
        }
    }
}
